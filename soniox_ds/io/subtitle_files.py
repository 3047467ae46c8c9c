"""Files of subtitles: the cues of SRT and WebVTT files, and the writing of one file for each recording and language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.file_names import files_to_write
from soniox_ds.files.text_files import lines_of_file, read_text
from soniox_ds.io.contents import audio_ids_of, text_on_one_line
from soniox_ds.io.cues import Cue, Layout, cues_of, tracks_of
from soniox_ds.schema import ANNOTATIONS, conform
from soniox_ds.schema.inputs import Transcripts

__all__ = [
    "LAST_MS",
    "CueText",
    "annotations_of",
    "cue_texts",
    "read_lines",
    "right_to_left",
    "without_direction_marks",
    "write_tracks",
]

LAST_MS = 2**31 - 1  # The largest Int32, about 24 days.
_TIME = r"(?:(\d+):)?([0-5]?\d):([0-5]?\d)[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_DIRECTION_MARKS = re.compile("^\u202b(.*)\u202c$", re.MULTILINE)
_NUMBER = re.compile(r"\s*\d+\s*")


class CueText(NamedTuple):
    """The times and the text of a cue in a file."""

    line: int
    """Number of the line with its times."""
    start_ms: int
    end_ms: int
    text: str
    """Its lines, with their markup."""


def cue_texts(path: Path, lines: Iterable[tuple[int, str]], *, is_numbered: bool) -> Iterator[CueText]:
    """Yield the cues in lines of a file.

    Parameters
    ----------
    path
        The file, for messages.
    lines
        The lines with their numbers.
    is_numbered
        True if a number stands before the times of each cue (SRT). An empty line within a cue is then part of it,
        unless the next line is a number.

    Raises
    ------
    SchemaError
        If a line has times that cannot be read, or belongs to no cue.
    """
    cue: CueText | None = None
    texts: list[str] = []
    number: str | None = None  # A number that stands before a cue, if times follow.
    was_empty = True
    for line_number, line in lines:
        if times := _TIMES.fullmatch(line):
            if cue is not None:
                yield cue._replace(text="\n".join(texts).strip("\n"))
            start_ms, end_ms = _ms(times.groups()[:4]), _ms(times.groups()[4:])
            if end_ms < start_ms or end_ms > LAST_MS:
                reason = "ends before it starts" if end_ms < start_ms else "ends after more than 24 days"
                raise SchemaError(f"{path}, line {line_number}: the cue {line.strip()!r} {reason}.")
            cue, texts, number, was_empty = CueText(line_number, start_ms, end_ms, ""), [], None, False
            continue
        if "-->" in line:
            raise SchemaError(
                f"{path}, line {line_number}: the times {line.strip()[:80]!r} cannot be read; they are written such "
                f"as {'00:00:01,000 --> 00:00:02,500' if is_numbered else '00:00:01.000 --> 00:00:02.500'}."
            )
        if number is not None and line.strip():
            raise SchemaError(
                f"{path}, line {line_number}: the times of a cue must follow its number {number.strip()}, found "
                f"{line.strip()[:80]!r}."
            )
        if is_numbered and was_empty and _NUMBER.fullmatch(line):
            number = line
        elif line.strip() and cue is None:
            raise SchemaError(
                f"{path}, line {line_number}: {line.strip()[:80]!r} belongs to no cue; a cue begins with its "
                f"{'number and ' if is_numbered else ''}times."
            )
        else:
            texts.append(line)
        was_empty = not line.strip()
    if number is not None:
        texts.append(number)  # The last cue ends with a number.
    if cue is not None:
        yield cue._replace(text="\n".join(texts).strip("\n"))


def annotations_of(rows: Iterable[tuple[str, str | None, int, int, str]]) -> pd.DataFrame:
    """Return a table in ``schema.ANNOTATIONS`` of rows with `audio_id`, `speaker`, `start_ms`, `end_ms` and `text`."""
    cleaned = [(*row[:4], text_on_one_line(row[4])) for row in rows]
    return conform(pd.DataFrame(cleaned, columns=list(ANNOTATIONS), dtype=object), ANNOTATIONS)


def read_lines(path: str | Path, kind: str, encoding: str | None) -> list[tuple[int, str]]:
    """Return the lines of a text file with their numbers."""
    return list(enumerate(lines_of_file(read_text(path, kind, encoding)), start=1))


def write_tracks(
    transcripts: Transcripts,
    path: str | Path,
    title: str,
    extension: str,
    layout: Layout,
    render: Callable[[list[Cue]], Iterable[str]],
) -> None:
    """Write the cues of each recording to a file. Translations get files of their own, such as ``talk.de.srt``.

    Parameters
    ----------
    transcripts, path
        The arguments of the public function.
    title, extension
        The name of the format and the extension of its files with its dot.
    layout
        The limits of cues.
    render
        A function that returns the parts of a file.
    """
    ids = audio_ids_of(transcripts, title)
    files = files_to_write(ids, path, extension)
    owners = {_key(file): audio_id for audio_id, file in files.items()}
    tracks = []
    for track in tracks_of(transcripts, title, ids):
        file = files[track.audio_id]
        if track.language is not None:
            file = file.with_name(f"{file.name[: -len(extension)]}.{track.language}{extension}")
            if (owner := owners.get(_key(file))) is not None:
                raise InputError(
                    f"{owner!r} and the translation of {track.audio_id!r} ({track.language}) would both be written to "
                    f"{file.name}; rename one of the recordings, or write them to different folders "
                    "(corpus.select([...]))."
                )
        tracks.append((file, track))
    for file, track in tracks:
        with replacing(file) as beside, beside.open("w", encoding="utf-8", newline="\n") as opened:
            opened.writelines(render(cues_of(track, layout)))


def _key(file: Path) -> str:
    """Return the path as file systems that ignore case compare it."""
    return str(file).casefold()


def right_to_left(line: str) -> bool:
    """Return True if the first letter of a line belongs to a script that is written from right to left.

    >>> right_to_left("«שלום»"), right_to_left("Salut")
    (True, False)
    """
    kinds = (unicodedata.bidirectional(char) for char in line)
    return next((kind in ("R", "AL") for kind in kinds if kind in ("L", "R", "AL")), False)


def without_direction_marks(text: str) -> str:
    """Return a text without the marks that the option `direction_marks` adds around each line.

    >>> without_direction_marks("\\u202bשלום\\u202c")
    'שלום'
    """
    return _DIRECTION_MARKS.sub(r"\1", text)


def _ms(fields: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, fraction = fields
    assert minutes is not None
    assert seconds is not None
    assert fraction is not None
    return int(hours or 0) * 3_600_000 + int(minutes) * 60_000 + int(seconds) * 1000 + int(fraction.ljust(3, "0"))
