"""SubRip (SRT) subtitles.

Conventions: a cue consists of its number, a line ``00:00:01,000 --> 00:00:02,500`` and lines of text, and ends with an
empty line. There is no standard, no field for speakers and no way to escape markup. A text that players would take for
markup (``<b>``, ``{\\an8}``, ``-->``) gets an invisible word joiner (U+2060) after its first character, which reading
removes. Source: https://en.wikipedia.org/wiki/SubRip
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

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

__all__ = ["read_srt", "write_srt"]

_MARKUP = re.compile(r"</?(?:b|i|u|s|font|c|v|ruby|rt|lang)(?:[ .][^<>]*)?>|\{\\[^{}]*\}", re.IGNORECASE)
_LIKE_MARKUP = re.compile(r"<(?=\s*/?\s*[A-Za-z])|\{(?=\\)|--(?=>)")
_JOINED = re.compile("(<|\\{|--)\u2060")


@explains_keywords
def read_srt(path: str | Path, *, encoding: str | None = None) -> pd.DataFrame:
    """Read the cues of an SRT file.

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
        Table in ``schema.ANNOTATIONS``, one row for each cue, in the order of the file. SRT has no field for speakers,
        so `speaker` is NA. Markup (``<i>``, ``{\\an8}``) is removed, and line breaks are spaces.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read.
    SchemaError
        If a line has times that cannot be read or belongs to no cue, or if a cue ends before it starts. The message
        names the file and the line.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "talk.srt")
    ...     _ = file.write_text("1\\n00:00:01,000 --> 00:00:02,500\\n<i>Good\\nmorning</i>\\n")
    ...     sx.io.read_srt(file)
      audio_id speaker  start_ms  end_ms          text
    0     talk    <NA>      1000    2500  Good morning
    """
    file = Path(path)
    lines = read_lines(file, "SRT file", encoding)
    return annotations_of(
        (
            file.stem,
            None,
            cue.start_ms,
            cue.end_ms,
            _JOINED.sub(r"\1", _MARKUP.sub("", without_direction_marks(cue.text))),
        )
        for cue in cue_texts(file, lines, is_numbered=True)
    )


@explains_keywords
def write_srt(
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
    direction_marks: bool = False,
) -> None:
    """Write SRT subtitles: a file for each recording, and further ones for its translations (``talk.de.srt``).

    A cue is a sentence of one speaker, or a part of a sentence that does not fit. It stays longer than its words, as
    far as the next cue allows, if they cannot be read in their time. Words are never left out, so dense speech may
    exceed `characters_per_s`. A word without times is shown with the words around it. Translations have no times, and
    get those of the speech that they belong to.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words or tokens; or a table of segments (``schema.SEGMENTS``, ``schema.ANNOTATIONS``),
        of which each row becomes at least one cue.
    path
        The folder to write to; or, for one recording, a file that ends with ``.srt``.
    line_length
        Characters of a line, including a speaker label. A longer word has a line of its own.
    lines
        Lines of a cue.
    characters_per_s
        Reading speed that a cue is given time for; None for no such time.
    min_ms, max_ms
        Shortest and longest time of a cue. The shortest is reached where the next cue of the same speaker allows, and
        the longest is exceeded only by a single word.
    gap_ms
        Time between two cues. Cues of speakers who talk at the same time overlap, as does a cue that would otherwise be
        shown for less than `min_ms`.
    speaker_labels
        True to write ``Anna:`` (or ``Speaker 1:``) where the speaker changes.
    direction_marks
        True to enclose lines in Arabic, Hebrew and other scripts that are written from right to left in U+202B and
        U+202C, for players that would put their final punctuation on the wrong side.

    Raises
    ------
    InputError
        If there is nothing to write, an option is impossible, two recordings, or a recording and a translation, would
        be written to the same file, or a file cannot be written.
    SchemaError
        If a column is absent or a time is impossible.

    Warns
    -----
    UserWarning
        If recordings that failed, or words in segments without any times, are left out.

    Notes
    -----
    The defaults are those of the Netflix "Timed Text Style Guide" (general requirements, and English):
    https://partnerhelp.netflixstudios.com/hc/en-us/articles/217350977

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> words = pd.DataFrame({
    ...     "audio_id": "talk.wav",
    ...     "word_index": range(2),
    ...     "text": ["Good", "morning."],
    ...     "start_ms": [400, 700],
    ...     "end_ms": [600, 1200],
    ...     "space_before": [False, True],
    ... })
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_srt(words, folder)
    ...     print(Path(folder, "talk.srt").read_text().strip())
    1
    00:00:00,400 --> 00:00:01,233
    Good morning.
    """
    layout = Layout(line_length, lines, characters_per_s, min_ms, max_ms, gap_ms, speaker_labels, direction_marks)

    def render(cues: list[Cue]) -> Iterator[str]:
        for number, cue in enumerate(cues, start=1):
            text = "\n".join(_line(line, layout) for line in [cue.label + cue.lines[0], *cue.lines[1:]])
            yield f"{number}\n{_time(cue.start_ms)} --> {_time(cue.end_ms)}\n{text}\n\n"

    write_tracks(transcripts, path, "SRT", ".srt", layout, render)


def _line(line: str, layout: Layout) -> str:
    if "<" in line or "{" in line or "--" in line:
        line = _LIKE_MARKUP.sub("\\g<0>\u2060", line)
    return f"\u202b{line}\u202c" if layout.direction_marks and right_to_left(line) else line


def _time(ms: int) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d},{ms:03d}"
