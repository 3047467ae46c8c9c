"""Decoder of the service's transcripts, from bytes to Arrow.

Conventions: types are checked strictly, because a wrong type means that the answer is not a transcript. Values are kept
as sent, even odd values (times that run backwards, a confidence above 1), because the recording is paid for and the
pipeline warns of such values. Keys that are not in `schema.TOKENS` are ignored. Absent keys and nulls are NA.

msgspec was chosen by measurement (benchmarks/bench_decode.py): for 100,000 tokens, decoding to Arrow takes about as
long as ``orjson.loads`` alone. ``pyarrow.json`` takes as long, but accepts absent and null values of required fields.
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


# There is an object for each token, and objects without garbage collection cost half as much time.
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

# Escaped backslashes and whole surrogate pairs are matched first, so that only unpaired surrogates are in the group.
_HALVES = re.compile(rb"\\\\|\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(\\u[dD][89a-fA-F][\da-fA-F]{2})")


def decode_transcript(raw: bytes, audio_id: str) -> tuple[str, pa.Table]:
    r"""Decode the body of ``GET /v1/transcriptions/{id}/transcript``.

    Parameters
    ----------
    raw
        The JSON as it was received, in UTF-8.
    audio_id
        Id of the recording, for the column of that name.

    Returns
    -------
    text
        The text of the transcript as the service assembled it.
    tokens
        Arrow table in ``schema.TOKENS``, with one row for each token in the order sent. Unpaired surrogates, which
        no Arrow or UTF-8 string can hold, become U+FFFD.

    Raises
    ------
    BadAnswerError
        If the bytes are not a transcript: they are cut off or HTML, a required field is absent, a value has the wrong
        type, or a time has a fraction of a millisecond or is beyond 24 days. The message says what was found and where.

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
            # Arrow finds the type itself, and the safe cast then refuses fractions and overflow.
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
        "speaker_label": labels([None] * count),
        "channel": pa.nulls(count, pa.int16()),
        "language": labels([token.language for token in tokens]),
        "translation_status": labels([token.translation_status for token in tokens]),
        "source_language": labels([token.source_language for token in tokens]),
        "is_audio_event": pa.array([token.is_audio_event for token in tokens], pa.bool_()),
    }
    return transcript.text, pa.table(columns, schema=arrow_schema(TOKENS))


def tokens_frame(tokens: pa.Table) -> pd.DataFrame:
    """Convert an Arrow table of tokens to a DataFrame with the dtypes of ``schema.TOKENS``.

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
        replaced = _HALVES.sub(lambda match: rb"\ufffd" if match[1] else match[0], raw)
        if replaced != raw:
            return _parse(replaced, audio_id)
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
        f"the transcript of {audio_id!r} cannot be read: {detail}. The answer ({len(raw):,} bytes) begins with "
        f"{start!r}. Fetch it again; if this happens again, a proxy may change the answers, or the API has another "
        "version."
    )
