"""Speed from transcript bytes to the tokens table and from tokens to words, against other ways to the same tables.

100,000 tokens as the service sends them (optional keys there with null). Every way runs in turn, round after round, so
that a busy machine slows them all; the ratios are of medians. Bounds: bytes → table at least 5 times faster than the
official SDK's objects → DataFrame and at most 1.6 times ``orjson.loads``; tokens → words at least 10 times faster than
pandas' ``groupby(...).agg("".join)`` on the same table.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.json
from soniox.types import TranscriptionTranscript

from soniox_ds.api.decode import decode_transcript, tokens_frame
from soniox_ds.schema import TOKENS, conform
from soniox_ds.text.words import words

TOKEN_COUNT = 100_000
WORD_TOKEN_COUNT = 1_000_000
ROUNDS = 7
STEMS = [
    "How",
    " are",
    " you",
    "?",
    "Beau",
    "ti",
    "ful",
    " Wh",
    "at",
    "'s",
    " the",
    " we",
    "ather",
    " Franc",
    "isc",
    "o,",
]


def transcript(count: int) -> bytes:
    """Return a transcript like the service's: a 30 ms grid, 60 ms tokens, confidences with many digits, some 1."""
    rng = random.Random(0)
    vocabulary = STEMS + [f"{' ' if n % 2 else ''}w{n}é" for n in range(4000)]
    tokens, start = [], 0
    for _ in range(count):
        start += rng.choice((60, 90, 120, 240))
        tokens.append(
            {
                "text": rng.choice(vocabulary),
                "start_ms": start,
                "end_ms": start + 60,
                "confidence": 1 if rng.random() < 0.1 else rng.random(),
                "speaker": rng.choice("12"),
                "language": "en",
                "is_audio_event": None,
                "translation_status": None,
            }
        )
    whole = {"id": "73d4357d", "text": "".join(str(token["text"]) for token in tokens), "tokens": tokens}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def sdk_frame(raw: bytes) -> pd.DataFrame:
    """Decode a response as the official SDK (2.10) does, and convert its objects to a DataFrame in the shortest way."""
    parsed = TranscriptionTranscript.model_validate(json.loads(raw))
    return pd.DataFrame([token.model_dump() for token in parsed.tokens])


def arrow_json(raw: bytes) -> Any:
    """Decode the same document as one row of ``pyarrow.json`` with an explicit schema."""
    strings = ("text", "speaker", "language", "translation_status", "source_language")
    fields = [*((name, pa.string()) for name in strings), ("start_ms", pa.int32()), ("end_ms", pa.int32())]
    token = pa.struct([*fields, ("confidence", pa.float32()), ("is_audio_event", pa.bool_())])
    table = pa.json.read_json(
        pa.py_buffer(raw),
        read_options=pa.json.ReadOptions(block_size=len(raw) + 1),
        parse_options=pa.json.ParseOptions(
            explicit_schema=pa.schema([("text", pa.string()), ("tokens", pa.list_(token))]),
            newlines_in_values=True,
            unexpected_field_behavior="ignore",
        ),
    )
    return table["tokens"].chunk(0).flatten()


def joined_by_pandas(tokens: pd.DataFrame) -> pd.DataFrame:
    """Make words by the plain pandas recipe: a number for each word, then one aggregate per column."""
    word = tokens["text"].str.startswith(" ").groupby(tokens["audio_id"]).cumsum()
    return (
        tokens.assign(word=word)
        .groupby(["audio_id", "word"], sort=False)
        .agg(
            text=("text", "".join),
            start_ms=("start_ms", "first"),
            end_ms=("end_ms", "last"),
            confidence=("confidence", "min"),
            speaker=("speaker", "first"),
        )
    )


def medians(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the seconds of each way, as the median over rounds in which all ways run in turn."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            result = way()
            times[name].append(time.perf_counter() - start)
            del result  # freed outside the measured time
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Print the ratios."""
    raw = transcript(TOKEN_COUNT)
    found = medians(
        {
            "orjson.loads": lambda: orjson.loads(raw),
            "decode_transcript": lambda: decode_transcript(raw, "a.wav"),
            "decode_transcript + tokens_frame": lambda: tokens_frame(decode_transcript(raw, "a.wav")[1]),
            "pyarrow.json": lambda: arrow_json(raw),
            "SDK objects -> DataFrame": lambda: sdk_frame(raw),
        },
        ROUNDS,
    )
    print(f"{TOKEN_COUNT:,} tokens, {len(raw) / 1e6:.1f} MB; times are multiples of orjson.loads")
    for name, seconds in found.items():
        print(f"  {name:<34} {seconds / found['orjson.loads']:.2f}")
    decoded, shown = found["decode_transcript"], found["decode_transcript + tokens_frame"]
    sdk = found["SDK objects -> DataFrame"]
    print(f"  bytes -> Arrow, against orjson.loads         {decoded / found['orjson.loads']:.2f} times   (at most 1.6)")
    print(f"  bytes -> Arrow, against SDK -> DataFrame     {sdk / decoded:.1f} times faster   (at least 5)")
    print(f"  bytes -> DataFrame, against SDK -> DataFrame {sdk / shown:.1f} times faster   (at least 5)")

    some = tokens_frame(decode_transcript(raw, "a.wav")[1])
    copies = WORD_TOKEN_COUNT // TOKEN_COUNT
    tokens = pd.concat([some.assign(audio_id=f"{copy}.wav") for copy in range(copies)], ignore_index=True)
    tokens = conform(tokens, TOKENS).assign(speaker="1")
    both = medians({"words": lambda: words(tokens), "pandas": lambda: joined_by_pandas(tokens)}, 3)
    print(f"{len(tokens):,} tokens -> words")
    ratio = both["pandas"] / both["words"]
    print(f'  words, against groupby.agg("".join)          {ratio:.1f} times faster   (at least 10)')


if __name__ == "__main__":
    main()
