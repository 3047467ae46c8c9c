"""Confused words, and the places at which to hear them."""

import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds import schema
from soniox_ds.exceptions import InputError, SchemaError


def confusions_of(reference, transcript):
    table = sx.confusions(sx.align_words({"a": transcript}, {"a": reference}))
    return [tuple(row) for row in table[["operation", "reference", "hypothesis"]].fillna("-").to_numpy()]


COUNTED_BY_HAND = [
    pytest.param("a b c", "a b c", [], id="all-right"),
    pytest.param("he takes it", "he took it", [("substitution", "takes", "took")], id="substitution"),
    pytest.param("he takes it", "he it", [("deletion", "takes", "-")], id="deletion"),
    pytest.param("he it", "he takes it", [("insertion", "-", "takes")], id="insertion"),
    pytest.param("of lisinopril now", "of listen april now", [("split", "lisinopril", "listen april")], id="split"),
    pytest.param("in any more time", "in anymore time", [("join", "any more", "anymore")], id="join"),
    pytest.param(
        "she takes lisinopril now",
        "she take listen april now",
        [("substitution", "takes", "take"), ("split", "lisinopril", "listen april")],
        id="split-beside-a-substitution",
    ),
    pytest.param(
        "the cat sat",
        "the dog ran off",
        [("substitution", "cat", "ran"), ("substitution", "sat", "off"), ("insertion", "-", "dog")],
        id="unlike-words-are-no-split",
    ),
]


@pytest.mark.parametrize(("reference", "transcript", "expected"), COUNTED_BY_HAND)
def test_confusions(reference, transcript, expected):
    assert sorted(confusions_of(reference, transcript)) == sorted(expected)


def heard_words():
    return pd.DataFrame(
        {
            "audio_id": ["a"] * 4 + ["b"] * 4,
            "word_index": [0, 1, 2, 3, 0, 1, 2, 3],
            "text": ["take", "listen", "april", "now", "we", "take", "half", "it"],
            "start_ms": [0, 100, 200, 300, 0, 300, 500, 900],
            "end_ms": [90, 190, 290, 390, 250, 400, 800, 950],
            "confidence": [0.5, 0.2, 0.4, 0.9, 0.9, 0.7, 0.9, 0.9],
        }
    )


def test_counts_examples_and_places():
    table = sx.confusions(sx.align_words(heard_words(), {"a": "takes lisinopril now", "b": "we takes half of it"}))
    assert list(table) == list(schema.CONFUSIONS)
    first, second, third = (row for _, row in table.iterrows())
    assert first.drop(["confidence_mean"]).tolist() == [
        "substitution", "takes", "take", 2, 2, "a", 0, 90, "[takes → take] lisinopril now",
    ]  # fmt: skip
    assert first["confidence_mean"] == pytest.approx(0.6)
    assert second.drop(["confidence_mean"]).tolist() == [
        "split", "lisinopril", "listen april", 1, 1, "a", 100, 290, "takes [lisinopril → listen april] now",
    ]  # fmt: skip
    assert third["operation"] == "deletion"
    assert (third["start_ms"], third["end_ms"]) == (800, 900)  # between the words around it
    assert pd.isna(third["confidence_mean"])
    assert third["example"] == "we takes half [of → ∅] it"


def test_at_least():
    aligned = sx.align_words(heard_words(), {"a": "takes lisinopril now", "b": "we takes half of it"})
    assert sx.confusions(aligned, at_least=2)["reference"].tolist() == ["takes"]
    with pytest.raises(InputError, match="at_least is 0; give 1 or more"):
        sx.confusions(aligned, at_least=0)


def test_stretches_end_with_the_recording():
    aligned = sx.align_words({"a": "listen", "b": "april"}, {"a": "lisinopril", "b": ""})
    assert sorted(sx.confusions(aligned)["operation"]) == ["insertion", "substitution"]


def test_wrong_tables():
    with pytest.raises(SchemaError, match=r"lacks \['operation'"):
        sx.confusions(pd.DataFrame({"audio_id": ["a"], "position": [0]}))
    aligned = sx.align_words({"a": "x"}, {"a": "y"}).assign(operation="swap")
    with pytest.raises(SchemaError, match="operation 'swap'"):
        sx.confusions(aligned)


def test_no_rows_and_no_errors():
    aligned = sx.align_words({"a": "x"}, {"a": "x"})
    for table in (aligned, aligned.iloc[:0]):
        empty = sx.confusions(table)
        assert empty.empty
        assert list(empty) == list(schema.CONFUSIONS)


word = st.sampled_from(["any", "more", "anymore", "to", "day", "today", "x"])
texts = st.lists(word, max_size=7).map(" ".join)


@given(texts, texts)
@settings(max_examples=examples(25))
def test_every_wrong_word_is_in_one_row(reference, transcript):
    aligned = sx.align_words({"a": transcript}, {"a": reference})
    table = sx.confusions(aligned)
    wrong = aligned[aligned["operation"] != "hit"]
    for name in ("reference", "hypothesis"):
        rows = [
            word
            for text, count in zip(table[name], table["count"], strict=True)
            if text is not pd.NA
            for word in text.split() * count
        ]
        assert sorted(rows) == sorted(wrong[name].dropna())


@given(texts, texts)
@settings(max_examples=examples(25))
def test_the_order_of_the_rows_is_of_no_weight(reference, transcript):
    aligned = sx.align_words({"a": transcript, "b": reference}, {"a": reference, "b": transcript})
    mixed = pd.concat([aligned[aligned["audio_id"] == name].iloc[::-1] for name in ("a", "b")])
    pd.testing.assert_frame_equal(sx.confusions(mixed), sx.confusions(aligned))
