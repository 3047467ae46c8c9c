"""Summaries and comparisons of character errors: counted by hand, beside jiwer, and beside those of words."""

from __future__ import annotations

import jiwer
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from soniox_ds import schema
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.stats.compare import compare_errors
from soniox_ds.metrics.stats.power import power
from soniox_ds.metrics.stats.summaries import summarize
from soniox_ds.metrics.words.rates import character_errors, word_errors

REFERENCES = {"a": "to be", "b": "abcd", "c": "xyz", "d": "hello"}
HYPOTHESES = {"a": "two bees", "b": "abcd", "c": "xz", "d": "hullo"}  # 3 insertions, none, 1 deletion, 1 substitution
BETTER = {"a": "to bee", "b": "abcd", "c": "xyz", "d": "hullo"}
ROOMS = ["hall", "hall", "cell", "cell"]

pytestmark = pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")


def errors_of(hypotheses, **columns):
    return character_errors(hypotheses, REFERENCES, **columns).assign(room=ROOMS)


def test_counted_by_hand():
    found = summarize(errors_of(HYPOTHESES))
    assert list(found.columns) == list(schema.CHARACTER_ERROR_SUMMARY)
    row = found.iloc[0]
    assert (row["hits"], row["substitutions"], row["deletions"], row["insertions"]) == (15, 1, 1, 3)
    assert (row["recordings"], row["reference_characters"], row["blocks"]) == (4, 17, 4)
    assert row["cer"] == pytest.approx(5 / 17)
    assert row["cer_low"] < 5 / 17 < row["cer_high"]
    assert (row["unit"], row["spaces"], row["normalizer"]) == ("code point", True, "basic 3")


def test_groups_and_blocks():
    found = summarize(errors_of(HYPOTHESES), by="room", block="audio_id")
    assert found[["room", "reference_characters", "cer"]].to_numpy().tolist() == [
        ["cell", 8, pytest.approx(2 / 8)],
        ["hall", 9, pytest.approx(3 / 9)],
    ]
    assert summarize(errors_of(HYPOTHESES), block="room")["blocks"].tolist() == [2]


def test_the_interval_is_that_of_the_same_counts_as_words():
    characters = errors_of(HYPOTHESES)
    words = characters.rename(columns={"reference_characters": "reference_words"}).drop(columns=["unit", "spaces"])
    one, other = summarize(characters, ci=0.9, seed=3), summarize(words, ci=0.9, seed=3)
    for end in ("", "_low", "_high"):
        assert one[f"cer{end}"].tolist() == other[f"wer{end}"].tolist()


def test_a_missing_interval_speaks_of_characters():
    silent = character_errors({"a": "x", "b": "y"}, {"a": "", "b": ""})
    assert summarize(silent)["note"].tolist() == ["There are no reference characters, so there is no rate."]


@settings(max_examples=examples(50))
@given(st.lists(st.tuples(st.text("ab ", min_size=1).filter(str.strip), st.text("ab ")), min_size=1, max_size=5))
def test_the_pooled_rate_is_jiwers(pairs):
    references = {str(number): " ".join(pair[0].split()) for number, pair in enumerate(pairs)}
    hypotheses = {str(number): " ".join(pair[1].split()) for number, pair in enumerate(pairs)}
    found = summarize(character_errors(hypotheses, references, normalizer="none"), n_resamples=100)
    assert found["cer"][0] == pytest.approx(jiwer.cer(list(references.values()), list(hypotheses.values())))


def test_arms_are_compared():
    found = compare_errors({"plain": errors_of(HYPOTHESES), "terms": errors_of(BETTER)})
    assert list(found.columns) == list(schema.CHARACTER_ERROR_COMPARISON)
    row = found.iloc[0]
    assert (row["cer_a"], row["cer_b"]) == (pytest.approx(5 / 17), pytest.approx(2 / 17))
    assert row["difference"] == pytest.approx(-3 / 17)
    assert (row["both_right"], row["only_b_right"], row["both_wrong"]) == (1, 1, 2)
    assert row["unit"] == "code point"


@pytest.mark.parametrize("pilot", [[errors_of(HYPOTHESES)], [errors_of(HYPOTHESES), errors_of(BETTER)]])
def test_a_pilot_of_characters_says_what_one_of_words_would(pilot):
    named = {"reference_characters": "reference_words"}
    words = [arm.rename(columns=named).drop(columns=["unit", "spaces"]) for arm in pilot]
    found = power(pilot, difference=[0.05, 0.1])
    pd.testing.assert_frame_equal(found.rename(columns=named), power(words, difference=[0.05, 0.1]))
    assert "reference_words" not in found
    assert found["reference_characters"][0] == pytest.approx(17 / 4 * found["blocks"][0], abs=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare_errors(errors_of(HYPOTHESES), word_errors(HYPOTHESES, REFERENCES)), "tables of one kind"),
        (
            lambda: compare_errors(errors_of(HYPOTHESES), errors_of(BETTER), alignments=[REFERENCES, REFERENCES]),
            "alignments are of words",
        ),
        (lambda: compare_errors(errors_of(HYPOTHESES), errors_of(BETTER, spaces=False)), "settings of 'spaces'"),
        (
            lambda: summarize(
                pd.concat([errors_of(HYPOTHESES), errors_of(BETTER, spaces=False).assign(audio_id=list("efgh"))])
            ),
            "settings of 'spaces'",
        ),
        (lambda: summarize(errors_of(HYPOTHESES).rename(columns={"room": "cer_low"}), by="cer_low"), "columns of the"),
        (lambda: summarize(errors_of(HYPOTHESES).assign(reference_characters=1)), "differ from reference_characters"),
        (lambda: power([errors_of(HYPOTHESES), word_errors(BETTER, REFERENCES)], difference=0.1), "tables of one kind"),
        (lambda: power(errors_of(HYPOTHESES).iloc[:1], difference=0.1), "1 blocks with 5 characters"),
    ],
)
def test_tables_that_cannot_be_added_up_are_refused(call, message):
    with pytest.raises((InputError, SchemaError), match=message):
        call()
