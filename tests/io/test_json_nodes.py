"""Checked reads of JSON: every wrong value is refused with its place."""

import pytest

from soniox_ds.exceptions import SchemaError
from soniox_ds.io.json_nodes import JsonNode

DOCUMENT = JsonNode({"words": [{"word": "hi", "start": "1.5", "end": None, "speaker": 0, "confidence": 1.01}]})
WORD = DOCUMENT["words"][0]


def test_values():
    assert WORD["word"].text() == "hi"
    assert WORD["start"].ms() == 1500
    assert WORD["start"].ms(1000) == 2
    assert WORD["speaker"].text() == "0"
    assert WORD.get("end") is None
    assert WORD.get("absent") is None
    assert WORD.has("word", "end")
    assert [node.place for node in DOCUMENT["words"]] == ["words[0]"]


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda: WORD["punctuated"], r"words\[0\] has no 'punctuated'; it has 'word', 'start', 'end', 'speaker'"),
        (lambda: DOCUMENT["words"][1], "words has 1 items, and item 1 is needed"),
        (lambda: DOCUMENT["words"]["a"], r"words must be an object, found \[\{"),
        (lambda: DOCUMENT[0], "the document must be a list"),
        (
            lambda: WORD["confidence"].confidence(),
            r"words\[0\]\.confidence must be a confidence from 0 to 1, found",
        ),
        (lambda: WORD["word"].number(), "must be a number, found 'hi'"),
        (lambda: JsonNode("a\ud800", "words[0]").text(), r"words\[0\] must be text of whole characters"),
        (lambda: WORD["end"].text(), "must be text, found None"),
        (lambda: JsonNode(float("nan")).number(), "must be a number, found nan"),
        (lambda: JsonNode(True).number(), "must be a number, found True"),
        (lambda: JsonNode(-1).ms(), "must be a time from 0 to 24 days, found -1"),
        (lambda: JsonNode(1e12).ms(), "must be a time from 0 to 24 days"),
    ],
)
def test_wrong_values_are_refused_with_their_place(read, message):
    with pytest.raises(SchemaError, match=message):
        read()
