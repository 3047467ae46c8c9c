"""WebVTT subtitles.

Conventions: a file begins with ``WEBVTT``. A cue consists of an optional name, a line ``00:01.000 --> 00:02.500`` with
optional settings, and lines of text, and ends with an empty line. A speaker is a voice tag, ``<v Anna>``. In texts
``&``, ``<`` and ``>`` are escaped. Source: W3C, "WebVTT: The Web Video Text Tracks Format",
https://www.w3.org/TR/webvtt1/
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from soniox_ds.exceptions import SchemaError
from soniox_ds.io.contents import text_on_one_line
from soniox_ds.io.cues import Cue, Layout
from soniox_ds.io.subtitle_files import (
    annotations_of,
    cue_texts,
    read_lines,
    right_to_left,
    without_direction_marks,
    write_tracks,
)
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema.inputs import Transcripts

__all__ = ["read_vtt", "write_vtt"]

_VOICE = re.compile(r"<v(?:\.[^\s>]*)?(?:[ \t\n]+([^>]*))?>")
_TAG = re.compile(r"<[^>]*>")
_OTHER_BLOCK = re.compile(r"(NOTE|STYLE|REGION)(\s|$)")


@explains_keywords
def read_vtt(path: str | Path, *, encoding: str | None = None) -> pd.DataFrame:
    """Read the cues of a WebVTT file.

    Parameters
    ----------
    path
        The file. Its name without the extension is the `audio_id`.
    encoding
        Encoding of the file. None reads UTF-8 and UTF-16, and raises SchemaError for any other encoding; the message
        names the line.

    Returns
    -------
    DataFrame
        Table in ``schema.ANNOTATIONS``: one row for each cue, or for each voice of a cue, in the order of the file.
        `speaker` is the name in the voice tag. Other tags are removed, and line breaks are replaced by spaces. Notes,
        styles, regions and settings of cues are skipped.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read.
    SchemaError
        If the file does not begin with WEBVTT, if a line has times that cannot be read, if a line belongs to no cue,
        or if a cue ends before it starts. The message names the file and the line.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "talk.vtt")
    ...     _ = file.write_text("WEBVTT\\n\\n00:01.000 --> 00:02.500\\n<v Anna>Tom &amp; I\\n")
    ...     sx.io.read_vtt(file)
      audio_id speaker  start_ms  end_ms     text
    0     talk    Anna      1000    2500  Tom & I
    """
    file = Path(path)
    lines = read_lines(file, "WebVTT file", encoding)
    if not re.fullmatch(r"WEBVTT([ \t].*)?", lines[0][1]):
        raise SchemaError(f"{file}, line 1: a WebVTT file begins with WEBVTT, found {lines[0][1][:80]!r}.")
    return annotations_of(
        (file.stem, speaker, cue.start_ms, cue.end_ms, text)
        for cue in cue_texts(file, _lines_of_cues(file, lines), is_numbered=False)
        for speaker, text in _voices(cue.text)
    )


def _lines_of_cues(path: Path, lines: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield the lines without the header, notes, styles, regions and names of cues."""
    begins_block, is_skipped = False, True  # The header ends with the first empty line.
    is_header = True
    for place, (number, line) in enumerate(lines):
        following, after_next = ([text for _, text in lines[place + 1 : place + 3]] + ["", ""])[:2]
        # A line of spaces ends no cue in the standard, and YouTube writes such lines within cues. It separates blocks
        # here only in front of the name of a cue.
        if not line or (not line.strip() and (is_skipped or "-->" in after_next)):
            begins_block, is_skipped, is_header = True, False, False
            continue
        if is_header and place and "-->" in line:  # A line with times ends the header, also without an empty line.
            is_header = is_skipped = False
        if begins_block:
            is_skipped = _OTHER_BLOCK.match(line) is not None and "-->" not in line
            begins_block = False
            if not is_skipped and "-->" not in line:
                if "-->" not in following:
                    raise SchemaError(
                        f"{path}, line {number}: {line.strip()[:80]!r} belongs to no cue; a cue begins with its times."
                    )
                continue  # The name of a cue.
        if not is_skipped:
            yield number, line


def _voices(text: str) -> Iterator[tuple[str | None, str]]:
    """Yield the text of each voice of a cue."""
    parts = _VOICE.split(text)
    for place in range(0, len(parts), 2):
        plain = html.unescape(without_direction_marks(_TAG.sub("", parts[place])))
        speaker = text_on_one_line(html.unescape(parts[place - 1] or "")) if place else ""
        if plain.strip() or len(parts) == 1:
            yield speaker or None, plain


@explains_keywords
def write_vtt(
    transcripts: Transcripts,
    path: str | Path,
    *,
    line_length: int = 42,
    lines: int = 2,
    characters_per_s: float | None = 20,
    min_ms: int = 833,
    max_ms: int = 7000,
    gap_ms: int = 83,
    speaker_labels: bool = False,
    voice_tags: bool = True,
    direction_marks: bool = False,
) -> None:
    """Write WebVTT subtitles: a file for each recording, and further ones for its translations (``talk.de.vtt``).

    Cues and their times are those of `write_srt`.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words or tokens; or a table of segments (``schema.SEGMENTS``, ``schema.ANNOTATIONS``),
        of which each row becomes at least one cue.
    path
        The folder to write to; or, for one recording, a file that ends with ``.vtt``.
    line_length, lines, characters_per_s, min_ms, max_ms, gap_ms, speaker_labels, direction_marks
        The options of `write_srt`.
    voice_tags
        True to write the speaker of each cue as a voice tag, ``<v Anna>``, which players can show or style.

    Raises
    ------
    InputError, SchemaError
        As `write_srt` does.

    Warns
    -----
    UserWarning
        If recordings that failed, or words in segments without any times, are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> segments = pd.DataFrame({
    ...     "audio_id": ["talk"], "text": ["R&D, please."], "speaker": ["Anna"], "start_ms": [0], "end_ms": [1500]
    ... })
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_vtt(segments, folder)
    ...     print(Path(folder, "talk.vtt").read_text().strip())
    WEBVTT
    <BLANKLINE>
    00:00:00.000 --> 00:00:01.500
    <v Anna>R&amp;D, please.</v>
    """
    layout = Layout(line_length, lines, characters_per_s, min_ms, max_ms, gap_ms, speaker_labels, direction_marks)

    def render(cues: list[Cue]) -> Iterator[str]:
        yield "WEBVTT\n\n"
        for cue in cues:
            text = "\n".join(_line(line, layout) for line in [cue.label + cue.lines[0], *cue.lines[1:]])
            if voice_tags and cue.speaker is not None:
                text = f"<v {_escaped(text_on_one_line(cue.speaker))}>{text}</v>"
            yield f"{_time(cue.start_ms)} --> {_time(cue.end_ms)}\n{text}\n\n"

    write_tracks(transcripts, path, "WebVTT", ".vtt", layout, render)


def _line(line: str, layout: Layout) -> str:
    escaped = _escaped(line)
    return f"\u202b{escaped}\u202c" if layout.direction_marks and right_to_left(line) else escaped


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(ms: int) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}.{ms:03d}"
