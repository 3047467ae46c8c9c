"""Transcripts as the service sends them, straight from bytes into Arrow.

Conventions: types are checked strictly, since a wrong one means that the answer is not a transcript; values are kept as
sent, odd ones too (times that run backwards, a confidence above 1), since the recording is paid for and the pipeline's
warnings name what looks wrong. Keys that are not in `schema.TOKENS` are ignored; absent keys and nulls are NA.

msgspec was chosen by measurement (benchmarks/bench_decode.py): at 100,000 tokens it takes about as long as
``orjson.loads`` alone for the whole way into Arrow. ``pyarrow.json`` takes as long, but lets required fields be absent
or null.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from soniox_ds.exceptions import BadAnswerError
from soniox_ds.schema import TOKENS, arrow_schema, frame_from_arrow

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["decode_transcript", "tokens_frame"]


# One object per token lives for milliseconds only; without garbage collection of its own it costs half as much.
class _Token(msgspec.Struct, gc=False):
    text: str
    start_ms: float | int | None = None
    end_ms: float | int | None = None
    confidence: float | None = None
    speaker: str | None = None
    language: str | None = None
    translation_status: str | None = None
    source_language: str | None = None
    is_audio_event: bool | None = None


class _Transcript(msgspec.Struct, gc=False):
    text: str
    tokens: list[_Token]


_DECODER = msgspec.json.Decoder(_Transcript)

# Escaped backslashes and whole pairs are matched first, so that only a lone half is left for the last branch.
_HALVES = re.compile(rb"\\\\|\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(\\u[dD][89a-fA-F][\da-fA-F]{2})")


def decode_transcript(raw: bytes, audio_id: str) -> tuple[str, pa.Table]:
    r"""Decode the body of ``GET /v1/transcriptions/{id}/transcript``.

    Parameters
    ----------
    raw
        The JSON as it came, UTF-8.
    audio_id
        Which recording it belongs to; fills the column of that name.

    Returns
    -------
    text
        The transcript as the service assembled it.
    tokens
        An Arrow table in the schema of ``schema.TOKENS``, one row per token in the order sent. Half of a surrogate
        pair, which no Arrow or UTF-8 string can hold, becomes U+FFFD.

    Raises
    ------
    BadAnswerError
        If the bytes are not a transcript: cut off, HTML, a required field absent, a value of the wrong type, a time
        with a fraction of a millisecond or beyond 24 days. The message says what was found and where.

    Examples
    --------
    >>> text, tokens = decode_transcript(
    ...     b'{"text": "Hi there", "tokens": ['
    ...     b'{"text": "Hi", "start_ms": 30, "end_ms": 90, "confidence": 1},'
    ...     b'{"text": " there", "start_ms": 120, "end_ms": 180, "confidence": 0.9967290163040161, "speaker": "1"}]}',
    ...     "greeting.wav",
    ... )
    >>> text, tokens.num_rows, tokens["speaker"].to_pylist()
    ('Hi there', 2, [None, '1'])
    >>> decode_transcript(b"<html>Bad gateway</html>", "greeting.wav")
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.BadAnswerError: the transcript of 'greeting.wav' cannot be read: JSON is malformed: ...
    """
    import numpy as np
    import pyarrow as pa

    transcript = _parse(raw, audio_id)
    tokens = transcript.tokens
    count = len(tokens)

    def milliseconds(name: str, values: list[float | int | None]) -> pa.Array:
        try:
            # left to itself, Arrow finds out whether a float is among them; a safe cast refuses fractions and overflow
            return pa.array(values).cast(pa.int32())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OverflowError) as error:
            position, value = _first_bad_time(values)
            detail = f"`tokens[{position}].{name}` is {value}, not whole milliseconds below 2**31"
            raise _bad(raw, audio_id, detail) from error

    def labels(values: Iterable[str | None]) -> pa.Array:
        return pa.array(values, pa.string()).dictionary_encode()

    columns: dict[str, Any] = {
        "audio_id": pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), pa.array([audio_id], pa.string())),
        "token_index": np.arange(count, dtype=np.int32),
        "text": pa.array([token.text for token in tokens], pa.string()),
        "start_ms": milliseconds("start_ms", [token.start_ms for token in tokens]),
        "end_ms": milliseconds("end_ms", [token.end_ms for token in tokens]),
        "confidence": pa.array([token.confidence for token in tokens], pa.float32()),
        "speaker": labels([token.speaker for token in tokens]),
        "language": labels([token.language for token in tokens]),
        "translation_status": labels([token.translation_status for token in tokens]),
        "source_language": labels([token.source_language for token in tokens]),
        "is_audio_event": pa.array([token.is_audio_event for token in tokens], pa.bool_()),
    }
    return transcript.text, pa.table(columns, schema=arrow_schema(TOKENS))


def tokens_frame(tokens: pa.Table) -> pd.DataFrame:
    """Turn a tokens table in Arrow into the DataFrame that users see, in the dtypes of ``schema.TOKENS``.

    >>> _, tokens = decode_transcript(b'{"text": "Hi", "tokens": [{"text": "Hi", "confidence": 1}]}', "greeting.wav")
    >>> tokens_frame(tokens)[["audio_id", "text", "start_ms", "confidence"]]
           audio_id text  start_ms  confidence
    0  greeting.wav   Hi      <NA>         1.0
    """
    return frame_from_arrow(tokens, TOKENS)


def _parse(raw: bytes, audio_id: str) -> _Transcript:
    try:
        return _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        whole = _HALVES.sub(lambda found: rb"\ufffd" if found[1] else found[0], raw)
        if whole != raw:
            return _parse(whole, audio_id)
        raise _bad(raw, audio_id, str(error)) from error


def _first_bad_time(values: list[float | int | None]) -> tuple[int, float | int | None]:
    return next(
        (position, value)
        for position, value in enumerate(values)
        if value is not None and (value != int(value) or not -(2**31) <= value < 2**31)
    )


def _bad(raw: bytes, audio_id: str, detail: str) -> BadAnswerError:
    start = raw[:80].decode("utf-8", "replace")
    return BadAnswerError(
        f"the transcript of {audio_id!r} cannot be read: {detail}. "
        f"The answer ({len(raw):,} bytes) begins with {start!r}. "
        "Fetch it again; if the same comes back, a proxy or another version of the API stands between."
    )
