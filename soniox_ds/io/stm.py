"""Segment time marked (STM) files: reference segments for scoring.

Conventions: a segment is a line ``file channel speaker start end [<label>] text``, with times in seconds. ``;;`` starts
a comment. A region that is not scored has the speaker ``inter_segment_gap`` or the text
``ignore_time_segment_in_scoring``. The first of several alternatives, such as ``{ gonna / going to / @ }``, is read;
``@`` is no word. Source: NIST, "sclite: File formats", https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from soniox_ds.files.atomic_files import replacing
from soniox_ds.io.contents import audio_ids_of, channels_of, segments_to_write
from soniox_ds.io.fields import (
    UNKNOWN,
    channel_of,
    content_lines,
    first_alternatives,
    malformed,
    ms_of,
    names_to_write,
    warn_of_alternatives,
    with_channels,
)
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import ANNOTATIONS, conform
from soniox_ds.schema.inputs import Transcripts

__all__ = ["read_stm", "write_stm"]

_EXAMPLE = "call_7 1 agent 0.40 2.55 hello you"
_GAP = "inter_segment_gap"
_IGNORED = "ignore_time_segment_in_scoring"
_LABEL = re.compile(r"<(?:[^<>\s]*,[^<>\s]*|o|na)>", re.IGNORECASE)


@explains_keywords
def read_stm(path: str | Path, *, ignored: bool = False, encoding: str | None = None) -> pd.DataFrame:
    """Read the segments of an STM file.

    Parameters
    ----------
    path
        The file.
    ignored
        True to return the regions that are not scored, too: gaps between segments, and segments that scoring ignores.
        Their text is "", and the further column `is_ignored` is True for them.
    encoding
        Encoding of the file. None reads UTF-8 and UTF-16, and raises SchemaError for any other encoding; the message
        names the line.

    Returns
    -------
    DataFrame
        Table in ``schema.ANNOTATIONS`` with the further column `channel`, which is NA if every line has channel 1: one
        row for each segment, in the order of the file. Labels such as ``<o,f0,male>`` are removed. Where a text has
        alternatives, such as ``{ gonna / going to }``, only the first is kept.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read.
    SchemaError
        If a line has fewer than five fields, an impossible time or channel, or ends before it starts. The message names
        the file and the line.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "call.stm")
    ...     _ = file.write_text("call 1 agent 0.40 2.55 <o,f0,male> hello you\\n")
    ...     sx.io.read_stm(file)
      audio_id speaker  start_ms  end_ms       text  channel
    0     call   agent       400    2550  hello you     <NA>
    """
    columns = [*ANNOTATIONS, "channel", "is_ignored"]
    segments = pd.DataFrame(_segments(Path(path), encoding), columns=columns, dtype=object)
    segments = with_channels(conform(segments, ANNOTATIONS)).astype({"is_ignored": "boolean"})
    if ignored:
        return segments
    return segments[~segments["is_ignored"]].drop(columns="is_ignored").reset_index(drop=True)


def _segments(path: Path, encoding: str | None) -> Iterator[tuple[Any, ...]]:
    for number, line in content_lines(path, "STM file", encoding):
        fields = line.split(maxsplit=5)
        if len(fields) < 5:
            raise malformed(path, number, line, f"it has {len(fields)} fields, not 5 or more", _EXAMPLE)
        channel, start, end = channel_of(fields[1]), ms_of(fields[3]), ms_of(fields[4])
        if channel is None:
            problem = f"the channel is {fields[1]!r}, neither a number nor A or B"
            raise malformed(path, number, line, problem, _EXAMPLE)
        if start is None or end is None:
            problem = f"{fields[3 if start is None else 4]!r} is not a number of seconds from 0 to 24 days"
            raise malformed(path, number, line, problem, _EXAMPLE)
        if end < start:
            raise malformed(path, number, line, "it ends before it starts", _EXAMPLE)
        text = " ".join(fields[5].split()) if len(fields) > 5 else ""
        label, _, rest = text.partition(" ")
        if _LABEL.fullmatch(label):
            text = rest
        is_ignored = fields[2].casefold() == _GAP or text.casefold() == _IGNORED
        text = first_alternatives(text)
        speaker = None if fields[2] in UNKNOWN or fields[2].casefold() == _GAP else fields[2]
        yield fields[0], speaker, start, end, "" if is_ignored else text, channel, is_ignored


@explains_keywords
def write_stm(transcripts: Transcripts, path: str | Path) -> None:
    """Write segments as STM, sorted by recording, channel and start, exact to the millisecond.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, or a table of words or tokens, which `soniox_ds.segments` joins into segments; or a
        table of segments (``schema.SEGMENTS``, ``schema.ANNOTATIONS``). A segment without a speaker gets the speaker
        "unknown".
    path
        The file to write.

    Raises
    ------
    SchemaError
        If a column is absent, a time is impossible, or two names differ only in spaces and underscores, because spaces
        are written as underscores.
    InputError
        If there is nothing to write, or the file cannot be written. In both cases, an existing file is kept.

    Warns
    -----
    UserWarning
        If failed recordings, translations, or segments without times are left out; or if a text contains syntax of the
        format, such as ``{`` or the word ``@``, which the format cannot quote.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> segments = pd.DataFrame({
    ...     "audio_id": ["a"], "speaker": ["agent"], "start_ms": [400], "end_ms": [2550], "text": ["hello you"]
    ... })
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_stm(segments, f"{folder}/a.stm")
    ...     Path(folder, "a.stm").read_text()
    'a 1 agent 0.400 2.550 hello you\\n'
    """
    files = names_to_write(audio_ids_of(transcripts, "STM"), "audio_id", "STM")
    segments = segments_to_write(transcripts, "STM")
    warn_of_alternatives(segments["text"].tolist(), "STM")
    if "speaker" not in segments:
        segments = segments.assign(speaker=pd.array([pd.NA] * len(segments), dtype="string"))
    speakers = names_to_write(segments["speaker"].dropna(), "speaker", "STM")
    segments = segments.assign(file=segments["audio_id"].map(files), channel=channels_of(segments))
    segments = segments.sort_values(["file", "channel", "start_ms"], kind="stable")
    columns = [segments[name].tolist() for name in ("file", "channel", "speaker", "start_ms", "end_ms", "text")]
    with replacing(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as opened:
        opened.writelines(
            f"{file} {channel} {speakers.get(speaker, 'unknown')} {start / 1000:.3f} {end / 1000:.3f} "
            f"{'<NA> ' if _LABEL.match(text) else ''}{text}\n"
            for file, channel, speaker, start, end, text in zip(*columns, strict=True)
        )
