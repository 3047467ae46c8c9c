"""Bytes into Arrow: cases counted by hand, and the standard library's json beside it."""

from __future__ import annotations

import json
import math
import struct

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds.api.decode import decode_transcript, tokens_frame
from soniox_ds.exceptions import BadAnswerError
from soniox_ds.schema import TOKENS, arrow_schema


def body(*tokens, text="", **more):
    return json.dumps({"id": "73d4357d", "text": text, "tokens": list(tokens), **more}).encode()


def only_token(**fields):
    _, table = decode_transcript(body({"text": "a", **fields}), "a.wav")
    (row,) = table.to_pylist()
    return row


def as_float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


@pytest.mark.parametrize(
    ("sent", "column", "found"),
    [
        pytest.param({"confidence": 1}, "confidence", 1.0, id="confidence-as-integer"),
        pytest.param(
            {"confidence": 0.9967290163040161}, "confidence", as_float32(0.9967290163040161), id="confidence-digits"
        ),
        pytest.param({"confidence": None}, "confidence", None, id="confidence-null"),
        pytest.param({}, "confidence", None, id="confidence-absent"),
        pytest.param({"start_ms": 30}, "start_ms", 30, id="milliseconds"),
        pytest.param({"start_ms": 1.0}, "start_ms", 1, id="milliseconds-as-float"),
        pytest.param({"start_ms": 1e2}, "start_ms", 100, id="milliseconds-with-exponent"),
        pytest.param({"start_ms": -30}, "start_ms", -30, id="odd-times-are-kept-as-sent"),
        pytest.param({"translation_status": "translation"}, "start_ms", None, id="translations-have-no-times"),
        pytest.param({"speaker": None}, "speaker", None, id="speaker-null"),
        pytest.param({"speaker": "1"}, "speaker", "1", id="speaker"),
        pytest.param({"source_language": "en"}, "source_language", "en", id="source-language"),
        pytest.param({"is_audio_event": True}, "is_audio_event", True, id="audio-event"),
        pytest.param({"is_audio_event": None}, "is_audio_event", None, id="audio-event-null"),
        pytest.param({"is_final": True, "new": {"a": [1]}}, "text", "a", id="unknown-keys-are-ignored"),
    ],
)
def test_a_field(sent, column, found):
    assert only_token(**sent)[column] == found


def test_the_table_is_as_the_schema_says():
    text, table = decode_transcript(body({"text": "Hi"}, {"text": " you"}, text="Hi you"), "calls/a.wav")
    assert text == "Hi you"
    assert table.schema.equals(arrow_schema(TOKENS))
    assert table["audio_id"].to_pylist() == ["calls/a.wav"] * 2
    assert table["token_index"].to_pylist() == [0, 1]
    frame = tokens_frame(table)
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        name: column.dtype for name, column in TOKENS.items()
    }
    assert frame["speaker"].isna().all()


def test_a_transcript_without_tokens():
    text, table = decode_transcript(body(), "silence.wav")
    assert (text, table.num_rows) == ("", 0)
    assert table.schema.equals(arrow_schema(TOKENS))
    assert list(tokens_frame(table)) == list(TOKENS)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (rb'"\u00e9\n\"\\"', 'é\n"\\'),
        (rb'"\ud83d\ude00"', "😀"),
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\ude00\ud83d!"', "\ufffd\ufffd!"),
        (rb'"\\ud83d \ud83d"', "\\ud83d \ufffd"),
        ('"שלום עולם"'.encode(), "שלום עולם"),
        ('"👩\u200d👩\u200d👧"'.encode(), "👩\u200d👩\u200d👧"),
        (rb'"a\u0000b"', "a\0b"),
    ],
)
def test_escapes_emoji_and_other_scripts(written, text):
    whole, table = decode_transcript(b'{"text": %b, "tokens": [{"text": %b}]}' % (written, written), "a.wav")
    assert whole == text
    assert table["text"].to_pylist() == [text]


def test_pretty_printed():
    raw = json.dumps(json.loads(body({"text": "a", "start_ms": 3})), indent=4).encode() + b"\r\n"
    assert decode_transcript(raw, "a.wav")[1]["start_ms"].to_pylist() == [3]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        pytest.param(b"<html><h1>502</h1></html>", "malformed.*25 bytes.*<html>", id="html"),
        pytest.param(b"", "truncated.*0 bytes", id="nothing"),
        pytest.param(body({"text": "abc"})[:-4], "truncated", id="cut-off"),
        pytest.param(body() + b"x", "trailing", id="something-after"),
        pytest.param(b"[]", "Expected `object`, got `array`", id="a-list"),
        pytest.param(b'{"text": ""}', "missing required field `tokens`", id="no-tokens"),
        pytest.param(b'{"text": "", "tokens": null}', r"got `null` - at `\$.tokens`", id="tokens-null"),
        pytest.param(b'{"text": null, "tokens": []}', r"got `null` - at `\$.text`", id="text-null"),
        pytest.param(body({"text": "a"}, {"text": 3}), r"got `int` - at `\$.tokens\[1\].text`", id="text-a-number"),
        pytest.param(body({"start_ms": 3}), "missing required field `text`", id="token-without-text"),
        pytest.param(body({"text": "", "speaker": 1}), r"tokens\[0\].speaker", id="speaker-a-number"),
        pytest.param(body({"text": "", "start_ms": "3"}), r"tokens\[0\].start_ms", id="time-a-string"),
        pytest.param(
            body({"text": ""}, {"text": "", "end_ms": 1.5}), r"`tokens\[1\].end_ms` is 1.5", id="time-fraction"
        ),
        pytest.param(body({"text": "", "end_ms": 2**31}), r"`tokens\[0\].end_ms` is 2147483648", id="time-too-late"),
        pytest.param(body({"text": "", "end_ms": 2**70}), r"tokens\[0\].end_ms", id="time-far-too-late"),
        pytest.param(b'{"text": "", "tokens": [{"text": "", "confidence": NaN}]}', "malformed", id="nan"),
        pytest.param(b'{"text": "\xff", "tokens": []}', "(?i:utf-8)", id="not-utf8"),  # msgspec 0.23 writes it large
        pytest.param(b"\xef\xbb\xbf" + body(), "malformed", id="byte-order-mark"),
    ],
)
def test_an_answer_that_is_no_transcript(raw, says):
    with pytest.raises(BadAnswerError, match=rf"(?s)the transcript of 'a\.wav' cannot be read: .*{says}"):
        decode_transcript(raw, "a.wav")


def test_every_cut_is_noticed():
    raw = body({"text": "a", "start_ms": 30, "end_ms": 90, "confidence": 1}, {"text": " b"}, text="a b")
    for length in range(len(raw)):
        with pytest.raises(BadAnswerError):
            decode_transcript(raw[:length], "a.wav")


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
labels = st.none() | st.sampled_from(["1", "2", "en", "de"])
times = st.none() | st.integers(-(2**31), 2**31 - 1) | st.integers(0, 10_000).map(float)
tokens = st.fixed_dictionaries(
    {"text": words},
    optional={
        "start_ms": times,
        "end_ms": times,
        "confidence": st.none() | st.floats(0, 1) | st.integers(0, 1),
        "speaker": labels,
        "language": labels,
        "translation_status": labels,
        "source_language": labels,
        "is_audio_event": st.none() | st.booleans(),
        "is_final": st.booleans(),
    },
)


@given(st.lists(tokens), words, st.booleans(), st.sampled_from([None, 1]))
def test_agrees_with_the_standard_library(sent, text, ascii_only, indent):
    raw = json.dumps({"text": text, "tokens": sent}, ensure_ascii=ascii_only, indent=indent).encode()
    expected = [
        {
            "audio_id": "a.wav",
            "token_index": index,
            "text": token["text"],
            "start_ms": token.get("start_ms"),
            "end_ms": token.get("end_ms"),
            "confidence": None if token.get("confidence") is None else as_float32(token["confidence"]),
            **{name: token.get(name) for name in ("speaker", "language", "translation_status", "source_language")},
            "is_audio_event": token.get("is_audio_event"),
            "speaker_label": None,  # The API has no names of speakers and no channels.
            "channel": None,
        }
        for index, token in enumerate(json.loads(raw)["tokens"])
    ]
    found, table = decode_transcript(raw, "a.wav")
    assert found == text
    assert table.to_pylist() == expected
    shown = tokens_frame(table).astype(object)
    assert [{k: None if v is pd.NA else v for k, v in row.items()} for row in shown.to_dict("records")] == expected


def test_float32_loses_nothing_of_what_the_service_sends():
    sent = as_float32(0.7310585786300049)
    assert math.isclose(only_token(confidence=sent)["confidence"], sent, rel_tol=0, abs_tol=0)
