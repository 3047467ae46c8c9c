"""Data folders of Kaldi: ``text``, ``segments``, ``utt2spk``, ``spk2utt`` and ``wav.scp``.

Conventions: each line begins with an id, which holds no white space. ``text`` has the text of each utterance,
``segments`` its recording, start and end in seconds (without this file an utterance is a recording), ``utt2spk`` its
speaker, and ``wav.scp`` the audio file of each recording. Files are sorted by bytes, as ``LC_ALL=C sort`` does. A
command in ``wav.scp`` (an entry that ends with ``|``) is never run. Source: https://kaldi-asr.org/doc/data_prep.html
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import SchemaError
from soniox_ds.files.atomic_files import replacing, writing
from soniox_ds.files.text_files import lines_of_file, read_text
from soniox_ds.io.contents import audio_ids_of, listed, segments_to_write
from soniox_ds.io.fields import malformed, ms_of, names_to_write
from soniox_ds.options.addresses import public_url
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import ANNOTATIONS, conform
from soniox_ds.schema.inputs import Transcribed, Transcripts

__all__ = ["is_kaldi_folder", "kaldi_audio", "kaldi_recordings", "read_kaldi", "write_kaldi"]


def is_kaldi_folder(path: str | os.PathLike[str]) -> bool:
    """Return True for a folder with the texts of Kaldi, and speakers, segments or audio files beside them."""
    folder = Path(path)
    return (folder / "text").is_file() and any((folder / name).is_file() for name in ("wav.scp", "segments", "utt2spk"))


@explains_keywords
def read_kaldi(path: str | Path, *, encoding: str | None = None) -> pd.DataFrame:
    """Read the utterances of a Kaldi data folder.

    Parameters
    ----------
    path
        The folder. It must contain ``text``; ``segments`` and ``utt2spk`` are read if they exist.
    encoding
        Encoding of the files. None reads UTF-8 and UTF-16, and raises SchemaError for any other encoding; the message
        names the line.

    Returns
    -------
    DataFrame
        Table in ``schema.ANNOTATIONS`` with the further column `utterance_id`: one row for each line of ``text``, in
        the order of this file. `audio_id` is the id of the recording that contains the utterance. Without ``segments``,
        each utterance is a recording of its own, so `audio_id` equals `utterance_id`. If the name of a speaker begins
        with the id of the recording and a hyphen, this prefix is removed. `speaker` is NA if the name equals the id of
        the utterance or of the recording.

    Raises
    ------
    InputError
        If the folder or its ``text`` does not exist or cannot be read.
    SchemaError
        If a line has a wrong number of fields or an impossible time, if an id occurs twice, or if an utterance is not
        in ``segments``. The message names the file and the line.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     _ = Path(folder, "text").write_text("agent-call-1 good morning\\n")
    ...     _ = Path(folder, "segments").write_text("agent-call-1 call 0.40 2.55\\n")
    ...     _ = Path(folder, "utt2spk").write_text("agent-call-1 agent\\n")
    ...     sx.io.read_kaldi(folder)
      audio_id speaker  start_ms  end_ms          text  utterance_id
    0     call   agent       400    2550  good morning  agent-call-1
    """
    folder = Path(path)
    texts = _entries(folder / "text", encoding)
    speakers = _optional(folder / "utt2spk", encoding)
    for utterance, (number, name) in speakers.items():
        if (n_fields := len(name.split()) + 1) != 2:
            problem = f"it has {n_fields} fields, not 2"
            raise malformed(folder / "utt2spk", number, f"{utterance} {name}".rstrip(), problem, "agent-call-1 agent")
    segments = {
        utterance: _segment(folder / "segments", number, f"{utterance} {value}")
        for utterance, (number, value) in _optional(folder / "segments", encoding).items()
    }
    rows = []
    for utterance, (number, text) in texts.items():
        if segments and utterance not in segments:
            raise SchemaError(f"{folder / 'text'}, line {number}: the utterance {utterance!r} is not in segments.")
        audio_id, start_ms, end_ms = segments.get(utterance, (utterance, None, None))
        speaker = speakers[utterance][1] if utterance in speakers else None
        if speaker is not None:
            speaker = None if speaker in (utterance, audio_id) else speaker.removeprefix(f"{audio_id}-")
        rows.append((audio_id, speaker, start_ms, end_ms, text, utterance))
    table = pd.DataFrame(rows, columns=[*ANNOTATIONS, "utterance_id"], dtype=object)
    return conform(table, ANNOTATIONS).astype({"utterance_id": "string"})


def kaldi_recordings(path: str | Path) -> pd.DataFrame:
    """Return the recordings in the ``wav.scp`` of a Kaldi data folder.

    Returns
    -------
    DataFrame
        `audio_id`, `source` (as written, or absolute if it is relative to the working directory and not to the folder)
        and, where the folder says them, `reference` (the texts of its utterances, in the order of time) and `speaker`
        (if there is only one).

    Raises
    ------
    SchemaError
        If an entry is a command, or a line is malformed. The message names the file and the line.
    """
    folder = Path(path)
    sources = []
    for audio_id, (number, source) in _entries(folder / "wav.scp", None).items():
        if _is_command(source):
            raise SchemaError(
                f"{folder / 'wav.scp'}, line {number}: the audio of {audio_id!r} is {source[:80]!r}, the output of a "
                "command, which is not run here. Write the audio to a file, and name the file."
            )
        is_elsewhere = not os.path.isabs(source) and not (folder / source).exists() and os.path.exists(source)
        sources.append((audio_id, os.path.abspath(source) if is_elsewhere else source))
    recordings = pd.DataFrame(sources, columns=["audio_id", "source"], dtype="string")
    if (folder / "text").is_file():
        utterances = read_kaldi(folder).sort_values("start_ms", kind="stable")
        groups = utterances.groupby("audio_id")
        recordings["reference"] = recordings["audio_id"].map(groups["text"].agg(" ".join))
        is_single = groups["speaker"].nunique(dropna=False) == 1
        speakers = groups["speaker"].first()[is_single]
        if speakers.notna().any():
            recordings["speaker"] = recordings["audio_id"].map(speakers)
    return recordings


def kaldi_audio(path: str | Path) -> dict[str, str]:
    """Return the audio files in the ``wav.scp`` of a Kaldi data folder, by recording. Commands are left out.

    A relative path may refer to the folder or to the working directory.
    """
    folder = Path(path)
    sources = {audio_id: source for audio_id, (_, source) in _optional(folder / "wav.scp", None).items()}
    return {
        audio_id: str(folder / source) if "://" not in source and (folder / source).is_file() else source
        for audio_id, source in sources.items()
        if not _is_command(source)
    }


def _is_command(source: str) -> bool:
    """Return True for an entry of ``wav.scp`` that names the output of a command or the standard input."""
    return source.endswith("|") or source in ("", "-")


def _optional(path: Path, encoding: str | None) -> dict[str, tuple[int, str]]:
    return _entries(path, encoding) if path.is_file() else {}


def _entries(path: Path, encoding: str | None) -> dict[str, tuple[int, str]]:
    """Return the number and the rest of each line by the id at its start."""
    entries: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines_of_file(read_text(path, "file of Kaldi", encoding)), start=1):
        parts = line.split(maxsplit=1)
        if not parts:
            continue
        if parts[0] in entries:
            raise SchemaError(
                f"{path}, line {number}: the id {parts[0]!r} was already in line {entries[parts[0]][0]}; each id must "
                "occur once."
            )
        rest = parts[1].rstrip() if len(parts) > 1 else ""
        entries[parts[0]] = number, rest if path.name == "wav.scp" else " ".join(rest.split())
    return entries


def _segment(path: Path, number: int, line: str) -> tuple[str, int, int | None]:
    fields = line.split()
    example = "agent-call-1 call 0.40 2.55"
    if len(fields) not in (4, 5):
        raise malformed(path, number, line, f"it has {len(fields)} fields, not 4", example)
    start = ms_of(fields[2])
    end = None if fields[3].startswith("-1") else ms_of(fields[3])  # -1 is the end of the recording.
    if start is None or (end is None and not fields[3].startswith("-1")):
        problem = f"{fields[2 if start is None else 3]!r} is not a number of seconds from 0 to 24 days"
        raise malformed(path, number, line, problem, example)
    if end is not None and end < start:
        raise malformed(path, number, line, "it ends before it starts", example)
    return fields[1], start, end


@explains_keywords
def write_kaldi(transcripts: Transcripts, path: str | Path) -> None:
    """Write a Kaldi data folder: ``text``, ``segments``, ``utt2spk``, ``spk2utt``, ``wav.scp`` and ``reco2dur``.

    Each segment is an utterance. Speaker labels are valid only within one recording. A speaker is therefore written as
    the id of the recording, a hyphen and the label. If a segment has no speaker, the id of the recording alone is
    written. The id of an utterance consists of its speaker and of its start and end in milliseconds. ``wav.scp`` lists
    the recordings whose audio file is known, and ``reco2dur`` lists the recordings whose duration is known. Other files
    in the folder are left as they are.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, or a table of words or tokens, which `soniox_ds.segments` joins into segments; or a
        table of segments (``schema.SEGMENTS``, ``schema.ANNOTATIONS``). ``wav.scp`` and ``reco2dur`` are written only
        for a Corpus or a LiveResult.
    path
        The folder.

    Raises
    ------
    SchemaError
        If a column is absent, a time is impossible, or two names differ only in spaces and underscores, because spaces
        are written as underscores.
    InputError
        If there is nothing to write, or a file cannot be written.

    Warns
    -----
    UserWarning
        If failed recordings, translations, or segments without times are left out, if the audio files of recordings
        are not known, or if the names of two speakers sort differently than their utterances, which Kaldi refuses.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> segments = pd.DataFrame({
    ...     "audio_id": ["call"], "speaker": ["1"], "start_ms": [400], "end_ms": [2550], "text": ["hello you"]
    ... })
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_kaldi(segments, folder)
    ...     print(Path(folder, "segments").read_text() + Path(folder, "utt2spk").read_text())
    call-1-000000400-000002550 call 0.400 2.550
    call-1-000000400-000002550 call-1
    <BLANKLINE>
    """
    ids = names_to_write(audio_ids_of(transcripts, "Kaldi"), "audio_id", "Kaldi")
    segments = segments_to_write(transcripts, "Kaldi")
    segments = segments[segments["text"].str.len() > 0]
    speakers: list[Any] = segments["speaker"].tolist() if "speaker" in segments else [pd.NA] * len(segments)
    labels = names_to_write((str(name) for name in speakers if not pd.isna(name)), "speaker", "Kaldi")
    columns = [segments[name].tolist() for name in ("audio_id", "start_ms", "end_ms", "text")]
    files: dict[str, dict[str, str]] = {"text": {}, "segments": {}, "utt2spk": {}}
    by_speaker: dict[str, list[str]] = {}
    for speaker, audio_id, start, end, text in zip(speakers, *columns, strict=True):
        recording = ids[audio_id]
        name = recording if pd.isna(speaker) else f"{recording}-{labels[str(speaker)]}"
        utterance = base = f"{name}-{start:09d}-{end:09d}"
        number = 1
        while utterance in files["text"]:
            utterance, number = f"{base}-{number}", number + 1
        files["text"][utterance] = text
        files["segments"][utterance] = f"{recording} {start / 1000:.3f} {end / 1000:.3f}"
        files["utt2spk"][utterance] = name
        by_speaker.setdefault(name, []).append(utterance)
    _warn_if_unsorted(files["utt2spk"])
    files["spk2utt"] = {name: " ".join(sorted(utterances)) for name, utterances in by_speaker.items()}
    files |= _recordings(transcripts, ids)
    folder = Path(path)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for file, entries in files.items():
        _write(folder / file, entries)


def _warn_if_unsorted(speakers: Mapping[str, str]) -> None:
    """Warn if the speakers of the utterances are not sorted when the utterances are."""
    ordered = [speakers[utterance].encode() for utterance in sorted(speakers, key=str.encode)]
    for speaker, following in pairwise(ordered):
        if speaker > following:
            warn_caller(
                f"Kaldi: sorted by utterance, the speaker {speaker.decode()!r} comes before {following.decode()!r}, so "
                "that Kaldi's validate_data_dir.sh will refuse utt2spk. Give one of them a name that does not begin "
                "with the other, for example with corpus.rename_speakers.",
                UserWarning,
            )
            return


def _recordings(transcripts: Transcripts, ids: Mapping[str, str]) -> dict[str, dict[str, str]]:
    if not isinstance(transcripts, Transcribed) or "source" not in transcripts.recordings:
        return {}
    recordings = transcripts.recordings
    recordings = recordings[recordings["audio_id"].isin(list(ids))]
    known = recordings[recordings["source"].notna()]
    if missing := [str(name) for name in recordings.loc[recordings["source"].isna(), "audio_id"]]:
        warn_caller(
            f"Kaldi: wav.scp lacks {len(missing)} of {len(recordings)} recordings, because their files are not known: "
            f"{listed(missing)}. For transcripts of other tools, sx.io.read_transcripts has audio=.",
            UserWarning,
        )
    sources = zip(known["audio_id"], known["source"], strict=True)
    written = {"wav.scp": {ids[audio_id]: _address(source) for audio_id, source in sources}}
    if "duration_ms" in recordings:
        timed = recordings[recordings["duration_ms"].notna()]
        durations = zip(timed["audio_id"], timed["duration_ms"], strict=True)
        written["reco2dur"] = {ids[audio_id]: f"{duration / 1000:.3f}" for audio_id, duration in durations}
    return {file: entries for file, entries in written.items() if entries}


def _address(source: str) -> str:
    return public_url(source) if "://" in source else os.path.abspath(source)


def _write(path: Path, entries: Mapping[str, str]) -> None:
    lines: Iterable[str] = (f"{key} {value}".rstrip() + "\n" for key, value in entries.items())
    with replacing(path) as beside:
        beside.write_bytes(b"".join(sorted(line.encode() for line in lines)))
