"""Demo: the sample recordings, transcribed, measured and plotted, with the stand-in or the service.

With SONIOX_API_KEY set it uses the service (about four minutes of audio, less than a cent); otherwise, or with
``local``, it uses the stand-in on this machine, and says so beside every number. The commands that it prints at the end
can be run from the current folder without changes.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from soniox_ds.corpus.samples import samples_folder
from soniox_ds.exceptions import SetupError

if TYPE_CHECKING:
    from soniox_ds.corpus.corpus import Corpus
    from soniox_ds.emulator import LocalService

__all__ = ["next_steps", "run_demo", "stand_in"]

LEAST_CONFIDENT = 10
CONVERSATION = "garden_centre_call"
QUICK = (CONVERSATION, "clinic_note")
"""The recordings of the quick demo: one with two speakers, one with rare words."""
NOTEBOOK = "notebooks/01_transcribe_a_dataset.ipynb"


def run_demo(out: Path, *, local: bool = False, quick: bool = False, model: str | None = None) -> int:
    """Transcribe the samples, measure, plot and save; return the exit status.

    Parameters
    ----------
    out
        The folder to write to.
    local
        Use the stand-in even if SONIOX_API_KEY is set.
    quick
        Transcribe two of the recordings only.
    model
        The Whisper model of the stand-in; see ``sx.local_service``.
    """
    if "matplotlib" not in sys.modules:
        import matplotlib as mpl

        mpl.use("agg")
    out.mkdir(parents=True, exist_ok=True)
    if os.environ.get("SONIOX_API_KEY") and not local:
        _say(
            "The service",
            "SONIOX_API_KEY is set: the demo transcribes about 4 minutes of audio with the Soniox service, for less "
            "than a cent.",
        )
        return _run_steps(out, quick, is_local=False)
    with stand_in(model) as service:
        _say("The service", service.banner)
        return _run_steps(out, quick, is_local=True)


@contextlib.contextmanager
def stand_in(model: str | None = None, *, recognizer: str = "whisper") -> Iterator[LocalService]:
    """Run the local stand-in, by default with real speech recognition.

    Raises
    ------
    SetupError
        If a package or the model is missing.
    """
    from soniox_ds.emulator.local import LocalServiceError, local_service

    with contextlib.ExitStack() as stack:
        try:
            service = stack.enter_context(local_service(recognizer, model=model))
        except LocalServiceError as error:
            raise SetupError(str(error)) from error
        yield service


def _run_steps(out: Path, quick: bool, *, is_local: bool) -> int:
    import matplotlib.pyplot as plt

    import soniox_ds as sx
    from soniox_ds.io.rttm import read_rttm
    from soniox_ds.metrics.speakers.diarization import diarization_errors
    from soniox_ds.sources.search import find_recordings

    samples = samples_folder()
    journal = out / "demo.journal.sqlite"
    _say("Transcribe", 'corpus = sx.transcribe("data/samples/manifest.csv", enable_speaker_diarization=True)')
    recordings = find_recordings(samples / "manifest.csv")
    if quick:
        positions = [number for number, recording in enumerate(recordings.recordings) if recording.audio_id in QUICK]
        recordings.recordings = [recordings.recordings[number] for number in positions]
        recordings.metadata = recordings.metadata.iloc[positions].reset_index(drop=True)
    corpus = sx.transcribe(recordings, enable_speaker_diarization=True, journal=journal)
    print(corpus)

    shortest = QUICK[-1] if quick else "short_answer"
    _say("Tokens", f'corpus.tokens                                # of the recording "{shortest}"')
    columns = ["text", "start_ms", "end_ms", "confidence", "speaker"]
    _table(corpus.select([shortest]).tokens[columns])

    _say("Word error rate against the references", "errors = sx.word_errors(corpus); sx.summarize(errors)")
    errors = sx.word_errors(corpus)
    _table(errors[["audio_id", "wer", "reference_words", "substitutions", "deletions", "insertions"]])
    pooled = sx.summarize(errors).iloc[0]
    print(
        f"\n  all together: WER {pooled['wer']:.3f}, 95 % interval {pooled['wer_low']:.3f} to {pooled['wer_high']:.3f} "
        f"({pooled['blocks']} blocks by {pooled['block']}, normaliser {pooled['normalizer']}, "
        f"{pooled['failed']} recordings failed)"
    )
    if is_local:
        print(f"\n{NOT_SONIOX}")

    _say("Least confident words", "sx.words(corpus.tokens).nsmallest(10, 'confidence')")
    words = sx.words(corpus.tokens)
    _table(words.nsmallest(LEAST_CONFIDENT, "confidence")[["audio_id", "text", "start_ms", "confidence"]])

    _say("Do context terms help?", 'context={"terms": [...]} for the recordings with rare words')
    _compare_terms(corpus, samples, journal)

    _say("Who spoke when", "turns = sx.speaker_turns(words); sx.plot.timeline(turns)")
    turns = sx.speaker_turns(words)
    reference = read_rttm(samples / "turns.rttm")
    reference = reference[reference["audio_id"].isin(corpus.recordings["audio_id"])]
    columns = ["reference_ms", "missed_ms", "false_alarm_ms", "confusion_ms", "der", "speakers", "reference_speakers"]
    diarization = diarization_errors(turns, reference)
    _table(diarization[["audio_id", *columns]])
    print(f"\n  all together: DER {sx.summarize(diarization)['der'].iloc[0]:.3f} (no collar, overlap scored)")
    if is_local:
        print("\nThe stand-in tells speakers apart by simple acoustic features, so it needs very different voices.")
    timeline = out / "timeline.png"
    figure, ax = plt.subplots(figsize=(9, 2))
    sx.plot.timeline(turns, audio_id=CONVERSATION, ax=ax)
    figure.savefig(timeline, dpi=150, bbox_inches="tight")

    _say("Report", 'sx.report(corpus, "report.html", turns="data/samples/turns.rttm")')
    report = sx.report(corpus, out / "report.html", turns=reference, title="Report of the demo")
    print(f"  all of this on one page, with players: {report}  (open it in a browser)")

    corpus.save(out / "corpus", overwrite=True)
    _say("Saved", f"{out / 'corpus'}  (Parquet)\n{timeline}  (speaker timeline of {CONVERSATION})")
    _say("What to type next", "\n".join(next_steps(out, is_local)))
    return 1 if len(corpus.failed) else 0


NOT_SONIOX = textwrap.dedent("""\
    These figures come from a small offline recogniser on synthetic speech. They show that
    everything works. They say nothing about the quality of Soniox, or about human speech.""")


def next_steps(out: Path, is_local: bool) -> list[str]:
    """Return commands that can be run from the current folder without changes, one line each."""
    corpus, new_corpus = out / "corpus", out / "lighthouse"
    read = f"import soniox_ds as sx; print(sx.read_corpus({json.dumps(str(corpus))}))"
    transcribe = [
        _program("soniox-ds"),
        "transcribe",
        _near(samples_folder() / "lighthouse.m4a"),
        "--out",
        str(new_corpus),
    ]
    steps = [
        [_program("python"), "-c", read],
        [*transcribe, *(["--overwrite"] if new_corpus.exists() else []), *(["--local"] if is_local else [])],
    ]
    if Path(NOTEBOOK).is_file():
        if importlib.util.find_spec("jupyterlab") is None:
            steps.append([_program("python"), "-m", "pip", "install", "jupyterlab"])
        as_root = hasattr(os, "geteuid") and os.geteuid() == 0  # Jupyter refuses to run as root without an option
        steps.append([_program("jupyter-lab"), *(["--allow-root"] if as_root else []), NOTEBOOK])
    lines = [subprocess.list2cmdline(step) if sys.platform == "win32" else shlex.join(step) for step in steps]
    if is_local:
        lines.append("# With a key in SONIOX_API_KEY, transcribe without --local uses the service.")
    return lines


def _program(name: str) -> str:
    """Return the command for a program of this environment: its name if the shell finds it, otherwise its path."""
    folder = Path(sys.executable).parent
    path = Path(sys.executable) if name == "python" else folder / name
    on_path = shutil.which(name)
    if on_path is not None and Path(on_path).absolute().parent == folder:
        return name
    return _near(path)


def _near(path: Path) -> str:
    """Return the path relative to the current folder if it is inside that folder, otherwise the full path."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _say(title: str, text: str) -> None:
    print(f"\n\N{BOX DRAWINGS LIGHT HORIZONTAL}\N{BOX DRAWINGS LIGHT HORIZONTAL} {title}")
    print(text, end="\n\n", flush=True)


def _table(table: pd.DataFrame) -> None:
    text = table.to_string(index=not isinstance(table.index, pd.RangeIndex), float_format=lambda value: f"{value:.3f}")
    print(textwrap.indent(text, "  "))


def _compare_terms(plain: Corpus, samples: Path, journal: Path) -> None:
    """Transcribe the recordings that have terms again, each with its own terms, and print both texts."""
    import soniox_ds as sx

    for row in plain.recordings.dropna(subset=["terms"]).to_dict("records"):
        terms = row["terms"].split(";")
        with_terms = sx.transcribe(
            samples / Path(row["source"]).name, context={"terms": terms}, journal=journal, progress=False
        )
        print(f"  {row['audio_id']}, terms: {', '.join(terms)}")
        for label, text in (("without", row["text"]), ("with", with_terms.recordings["text"].iloc[0])):
            n_recognized = sum(term.casefold() in text.casefold() for term in terms)
            print(textwrap.fill(text, 100, initial_indent=f"    {label:<8}", subsequent_indent=" " * 12))
            print(f"            {n_recognized} of {len(terms)} terms recognised")
