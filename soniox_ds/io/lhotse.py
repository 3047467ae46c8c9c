"""Lhotse supervisions: files in which each line is the JSON object of one segment.

Conventions: times are seconds, and channels count from 0. The words of a segment are in its `alignment` under the name
"word", as a list of ``[word, start, duration, confidence]``. Files may be compressed (``.jsonl.gz``). Source:
https://lhotse.readthedocs.io/en/latest/corpus.html
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
import pandas as pd

from soniox_ds.exceptions import SchemaError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.text_files import lines_of_file, read_text
from soniox_ds.io.contents import (
    audio_ids_of,
    channels_of,
    is_segments,
    segments_to_write,
    text_on_one_line,
    with_shared_times,
)
from soniox_ds.io.fields import with_channels
from soniox_ds.io.json_nodes import JsonNode, parsed
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import ANNOTATIONS, conform
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text.translations import without_translations
from soniox_ds.text.words import as_words

__all__ = ["read_lhotse", "write_lhotse"]

_CHUNK = 5_000


@explains_keywords
def read_lhotse(path: str | Path, *, encoding: str | None = None) -> pd.DataFrame:
    """Read a file of Lhotse supervisions.

    Parameters
    ----------
    path
        The file, ``.jsonl`` or ``.jsonl.gz``.
    encoding
        Encoding of the file. None reads UTF-8 and UTF-16, and raises SchemaError for any other encoding; the message
        names the line.

    Returns
    -------
    DataFrame
        Table in ``schema.ANNOTATIONS``, one row for each supervision, in the order of the file, with the columns
        `channel` (from 1; NA in every row if no supervision has a channel other than the first) and `language`.
        `audio_id` is the `recording_id`. Alignments are not read.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read.
    SchemaError
        If a line is not a supervision, or has an impossible time. The message names the file and the line.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "a.jsonl")
    ...     _ = file.write_text('{"id": "a-0", "recording_id": "a", "start": 0.4, "duration": 0.6, "text": "hello"}')
    ...     sx.io.read_lhotse(file)[["audio_id", "start_ms", "end_ms", "text"]]
      audio_id  start_ms  end_ms   text
    0        a       400    1000  hello
    """
    file = Path(path)
    rows = []
    for number, line in enumerate(lines_of_file(_content(file, encoding)), start=1):
        if line.strip():
            place = f"{file}, line {number}"
            node = JsonNode(parsed(line, place))
            try:
                rows.append(_row(node))
            except SchemaError as error:
                raise SchemaError(f"{place}: {error}.") from error
    table = pd.DataFrame(rows, columns=[*ANNOTATIONS, "channel", "language"], dtype=object)
    return with_channels(conform(table, ANNOTATIONS)).astype({"language": "string"})


def _content(file: Path, encoding: str | None) -> str:
    if file.suffix != ".gz" or not file.is_file():
        return read_text(file, "file of supervisions", encoding)
    try:
        return gzip.decompress(file.read_bytes()).decode(encoding or "utf-8")
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        raise SchemaError(f"{file} is not a compressed file of supervisions: {error}.") from error


def _row(node: JsonNode) -> tuple[Any, ...]:
    def label(key: str) -> str | None:
        value = node.get(key)
        return None if value is None else value.text()

    channel = node.get("channel")
    if channel is not None and isinstance(channel.value, list):
        channel = channel[0] if channel.value else None
    start_ms = node["start"].ms()
    return (
        node["recording_id"].text(),
        label("speaker"),
        start_ms,
        JsonNode(start_ms + node["duration"].ms(), "the end of the supervision").ms(1000),
        text_on_one_line(label("text")),
        None if channel is None else round(channel.number()) + 1,
        label("language"),
    )


@explains_keywords
def write_lhotse(transcripts: Transcripts, path: str | Path) -> None:
    """Write segments as supervisions of Lhotse, exact to the millisecond, with their words.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words or tokens, whose segments are those of `soniox_ds.segments`, with an alignment of
        their words; or a table of segments (``schema.SEGMENTS``, ``schema.ANNOTATIONS``), which has no words.
    path
        The file to write, ``.jsonl`` or ``.jsonl.gz``.

    Raises
    ------
    SchemaError
        If a column is absent or a time is impossible.
    InputError
        If there is nothing to write, or the file cannot be written. In both cases, an existing file is kept.

    Warns
    -----
    UserWarning
        If failed recordings, translations, or segments without times are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> rows = pd.DataFrame({"audio_id": ["a.wav"], "start_ms": [400], "end_ms": [2550], "text": ["hello you"]})
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_lhotse(rows, f"{folder}/a.jsonl")
    ...     Path(folder, "a.jsonl").read_text()
    '{"id":"a.wav-0","recording_id":"a.wav","start":0.4,"duration":2.15,"channel":0,"text":"hello you"}\\n'
    """
    audio_ids_of(transcripts, "Lhotse")
    segments = segments_to_write(transcripts, "Lhotse")
    encode = msgspec.json.Encoder().encode
    with replacing(path) as beside, beside.open("wb") as opened, _compressed(opened, path) as sink:
        for row in _rows(segments, transcripts):
            sink.write(encode(row) + b"\n")


def _compressed(file: BinaryIO, path: str | Path) -> Any:
    """Return a file that compresses what is written to it, or the file itself, by the extension of the path."""
    return gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) if Path(path).suffix == ".gz" else file


def _rows(segments: pd.DataFrame, transcripts: Transcripts) -> Iterator[dict[str, Any]]:
    """Yield the supervisions, recording by recording."""
    words = None if is_segments(transcripts) else without_translations(as_words(transcripts))
    places: dict[Any, Any] = {} if words is None else words.groupby("audio_id", sort=False).indices
    for audio_id, rows in segments.groupby("audio_id", sort=False):
        of_recording = None
        if words is not None:
            of_recording = words.take(places[audio_id])
            by = [*(["channel"] if "channel" in words else []), "word_index"]
            of_recording = with_shared_times(of_recording.sort_values(by, kind="stable").reset_index(drop=True))
        for first in range(0, len(rows), _CHUNK):
            yield from _supervisions(str(audio_id), first, rows.iloc[first : first + _CHUNK], of_recording)


def _supervisions(
    audio_id: str, number: int, segments: pd.DataFrame, words: pd.DataFrame | None
) -> Iterator[dict[str, Any]]:
    """Yield some supervisions of a recording, the first of which has this number."""
    keys = [name for name in ("speaker", "language") if name in segments]
    columns = [segments[name].tolist() for name in ("start_ms", "end_ms", "text", *keys)]
    original = segments["speaker_label"].tolist() if "speaker_label" in segments else [None] * len(segments)
    aligned = iter([None] * len(segments)) if words is None else _alignments(segments, words)
    rows = zip(channels_of(segments), aligned, original, zip(*columns, strict=True), strict=True)
    for place, (channel, alignment, speaker_label, (start, end, text, *labels)) in enumerate(rows, start=number):
        row = {
            "id": f"{audio_id}-{place}",
            "recording_id": audio_id,
            "start": start / 1000,
            "duration": (end - start) / 1000,
            "channel": channel - 1,
            "text": text,
            **{key: label for key, label in zip(keys, labels, strict=True) if label is not pd.NA and label == label},
        }
        if isinstance(speaker_label, str):
            row["custom"] = {"speaker_label": speaker_label}
        yield row if alignment is None else row | {"alignment": {"word": alignment}}


def _alignments(segments: pd.DataFrame, words: pd.DataFrame) -> Iterator[list[list[Any]]]:
    """Yield the words of each segment. The words of a segment follow each other in the table of words."""
    index = words["word_index"].to_numpy(np.int64)
    position_of = np.zeros(index.max() + 1, np.int64)
    position_of[index] = np.arange(len(index))
    starts = position_of[segments["first_word"].to_numpy(np.int64)]
    ends = starts + segments["word_count"].to_numpy(np.int64)
    lowest = int(starts.min())
    part = words.iloc[lowest : int(ends.max())]
    scores = part["confidence"].tolist() if "confidence" in part else [None] * len(part)
    columns = (part[name].tolist() for name in ("text", "start_ms", "end_ms"))
    timed = list(zip(*columns, scores, strict=True))
    for start, end in zip((starts - lowest).tolist(), (ends - lowest).tolist(), strict=True):
        yield [
            [word, start_ms / 1000, (end_ms - start_ms) / 1000, _score(confidence)]
            for word, start_ms, end_ms, confidence in timed[start:end]
            if start_ms is not pd.NA and end_ms is not pd.NA
        ]


def _score(confidence: Any) -> float | None:
    return None if confidence is None or confidence is pd.NA else round(float(confidence), 6)
