"""Segment lists (SegLST), the JSON format in which meeteval and the CHiME challenges exchange segments with words.

Conventions: a file is a list of objects with `session_id`, `speaker`, `start_time`, `end_time` (seconds) and `words`
(the text of the segment). Keys without a value are left out. Source: https://github.com/fgnt/meeteval ("SegLST")
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from soniox_ds.exceptions import SchemaError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.text_files import read_text
from soniox_ds.io.contents import audio_ids_of, segments_to_write, text_on_one_line
from soniox_ds.io.fields import with_channels
from soniox_ds.io.json_nodes import JsonNode, parsed
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import ANNOTATIONS, conform
from soniox_ds.schema.inputs import Transcripts

__all__ = ["read_seglst", "write_seglst"]


@explains_keywords
def read_seglst(path: str | Path, *, encoding: str | None = None) -> pd.DataFrame:
    """Read the segments of a SegLST file.

    Parameters
    ----------
    path
        The file.
    encoding
        Encoding of the file. None reads UTF-8 and UTF-16, and raises SchemaError for any other encoding; the message
        names the line.

    Returns
    -------
    DataFrame
        Table in ``schema.ANNOTATIONS``, one row for each segment, in the order of the file. It also has the column
        `channel`, which counts from 1 and is NA in every row if no segment has a channel other than 1. `audio_id` is
        the `session_id` of the segment.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read.
    SchemaError
        If the file is not JSON, or if a segment lacks `session_id` or `words` or has an impossible time. The message
        names the file and the segment.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "a.json")
    ...     _ = file.write_text('[{"session_id": "a", "words": "hello you", "start_time": 0.4, "end_time": "2.55"}]')
    ...     sx.io.read_seglst(file)
      audio_id speaker  start_ms  end_ms       text  channel
    0        a    <NA>       400    2550  hello you     <NA>
    """
    file = Path(path)
    document = JsonNode(parsed(read_text(file, "SegLST file", encoding), str(file)))
    columns = [*ANNOTATIONS, "channel"]
    try:
        segments = pd.DataFrame(map(_segment, document), columns=columns, dtype=object)
    except SchemaError as error:
        raise SchemaError(f"{file}: {error}. A SegLST file is a list of segments.") from error
    return with_channels(conform(segments, ANNOTATIONS))


def _segment(node: JsonNode) -> tuple[Any, ...]:
    speaker, channel = node.get("speaker"), node.get("channel")
    start, end = node.get("start_time"), node.get("end_time")
    start_ms, end_ms = (None if time is None else time.ms() for time in (start, end))
    if start_ms is not None and end_ms is not None and end_ms < start_ms:
        raise SchemaError(f"{node.place} ends before it starts")
    return (
        node["session_id"].text(),
        None if speaker is None else speaker.text(),
        start_ms,
        end_ms,
        text_on_one_line(node["words"].text()),
        None if channel is None else round(channel.number()),
    )


@explains_keywords
def write_seglst(transcripts: Transcripts, path: str | Path) -> None:
    """Write segments as SegLST, with times that are exact to the millisecond.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, or a table of words or tokens, which `soniox_ds.segments` joins into segments; or a
        table of segments (``schema.SEGMENTS``, ``schema.ANNOTATIONS``).
    path
        The file to write.

    Raises
    ------
    SchemaError
        If a column is absent or a time is impossible.
    InputError
        If there is nothing to write, or the file cannot be written. In both cases, an existing file is kept.

    Warns
    -----
    UserWarning
        If failed recordings or translations are left out.

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
    ...     sx.io.write_seglst(segments, f"{folder}/a.json")
    ...     print(Path(folder, "a.json").read_text())
    [
    {"session_id":"a","speaker":"agent","start_time":0.4,"end_time":2.55,"words":"hello you"}
    ]
    """
    audio_ids_of(transcripts, "SegLST")
    segments = segments_to_write(transcripts, "SegLST", timed=False)
    encode = msgspec.json.Encoder().encode
    with replacing(path) as beside, beside.open("wb") as opened:
        opened.write(b"[")
        for number, row in enumerate(_rows(segments)):
            opened.write(b",\n" if number else b"\n")
            opened.write(encode(row))
        opened.write(b"\n]\n")


def _rows(segments: pd.DataFrame) -> Iterator[dict[str, Any]]:
    keys = {
        "session_id": "audio_id",
        "speaker": "speaker",
        "speaker_label": "speaker_label",
        "channel": "channel",
        "start_time": "start_ms",
        "end_time": "end_ms",
        "words": "text",
    }
    present = {key: name for key, name in keys.items() if name in segments}
    for values in zip(*(segments[name].tolist() for name in present.values()), strict=True):
        yield {
            key: value / 1000 if key.endswith("_time") else value
            for key, value in zip(present, values, strict=True)
            if value is not None and value is not pd.NA and value == value
        }
