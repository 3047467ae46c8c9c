"""Times in seconds, times that cannot be, and times that only look wrong."""

import pandas as pd
import pytest
from small_world import QUICK, call, cases, check_same, spoilt_table, tables, true_result

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError

TIMELESS = {
    *("calibration", "character_errors", "compare_terms", "fit_recalibration", "precision_recall"),
    *("punctuation_errors", "reliability", "roc", "texts", "word_confidence", "word_errors"),
    *("summarize live_latencies", "summarize live_stability", "term_costs"),
}
"""Functions whose result does not depend on times, other than those it hands on."""
TIMELESS_TABLES = {
    ("compare_errors", "alignments"),
    ("compare_errors", "alignments_b"),
    ("flag_low_confidence", "alignments"),
    ("review_curve", "alignments"),
}


DURATIONS = {"cost", "errors", "errors_b", "biasing", "term_counts"}
"""Tables whose only time is `duration_ms`, which is a whole number in seconds, too."""


def call_with_odd_times(name, tables):
    """Call a function with times that are suspicious; rounded to seconds, reviews contradict each other."""
    if name in ("apply_reviews", "reviewed_words"):
        with pytest.raises(InputError, match="contradict each other"):
            call(name, tables)
    else:
        call(name, tables)


@pytest.mark.parametrize("how", ["times in seconds", "times in whole seconds", "end before start"])
@pytest.mark.parametrize(("name", "table"), sorted({*cases("times in seconds"), *cases("end before start")}))
def test_times_that_cannot_be_are_asked_about(name, table, how):
    wrong = spoilt_table(table, how)
    if wrong is None:  # a table of durations has no end
        return
    if name in TIMELESS or (name, table) in TIMELESS_TABLES:
        check_same(call(name, {table: wrong}), true_result(name), without=["word_count"])
    elif how == "times in seconds" and table not in DURATIONS:  # fractions cannot be right
        with pytest.raises(SchemaError, match=r" (ms|milliseconds).* Are these seconds\? Multiply by 1000\."):
            call(name, {table: wrong})
    elif how != "end before start":  # whole numbers are only suspicious
        with pytest.warns(
            UserWarning, match=r" \d+ ms.* Are these seconds\? Multiply by 1000\. The values were read as"
        ):
            call_with_odd_times(name, {table: wrong})
    else:
        with pytest.raises(SchemaError, match=r"end_ms comes before start_ms in 1 of \d+ rows, first in row \d+ of"):
            call(name, {table: wrong})


# what looks odd and is right


def test_real_tables_pass():
    """Narrow tokens, some without length, translations without times, and what multiplying by 1000 leaves over."""
    start = pd.array([0, 60, 60, 120, pd.NA, 500], "Int64")
    words = pd.DataFrame({"audio_id": "a", "start_ms": start, "end_ms": start + pd.array([60, 0, 60, 0, 0, 60])})
    assert sx.schema.need_milliseconds(words, "words") is words
    silent = pd.DataFrame({"audio_id": "a", "start_ms": [0, 700, 1500], "end_ms": [0, 700, 1500]})
    assert sx.schema.need_milliseconds(silent, "words") is silent
    assert sx.schema.need_milliseconds(words.iloc[:0], "words").empty
    floats = pd.DataFrame({"start_ms": [1.001 * 1000, None], "end_ms": [1.1 * 1000, None]})
    whole = sx.schema.need_milliseconds(floats, "words")
    assert whole["start_ms"].dtype == "Int64"
    assert whole["start_ms"].tolist() == [1001, pd.NA]


SHORT_TURNS = pd.DataFrame(
    {"audio_id": "a", "speaker": ["x", "y"], "text": ["a b", "c"], "start_ms": [60, 61], "end_ms": [61, 62]}
)
LONG_TURNS = SHORT_TURNS.assign(start_ms=[60_000, 61_000], end_ms=[61_000, 62_000])
LONG_WORDS = LONG_TURNS.assign(word_index=[0, 1], text=["a", "c"], language="de", confidence=0.5)
CLICKS = pd.DataFrame({"audio_id": "a", "word_index": range(3), "text": list("abc"), "confidence": 0.5}).assign(
    start_ms=[0, 10, 30], end_ms=[1, 13, 50]
)
LAUGHTER = pd.DataFrame({"audio_id": "a", "speaker": list("uvwxyz"), "start_ms": [0, 5, 9, 20, 30, 40]}).assign(
    end_ms=300
)


@pytest.mark.parametrize(
    ("call", "says", "right"),
    [
        pytest.param(
            lambda: sx.flag_low_confidence(CLICKS, 0.5, merge_gap_ms=0, context_ms=0)["end_ms"].sort_values().tolist(),
            "words: half of the 3 rows last 3 ms or less, and all end by 50 ms",
            [1, 13, 50],
            id="words",
        ),
        pytest.param(
            lambda: sx.speaker_stats(LAUGHTER)["talk_ms"].tolist(),
            "turns: 6 turns follow each other at intervals of 50 ms on average, and all end by 300 ms",
            [300, 295, 291, 280, 270, 260],
            id="hasty-turns",
        ),
        pytest.param(
            lambda: sx.diarization_errors(LONG_TURNS, SHORT_TURNS)["missed_ms"].tolist(),
            "the times of the reference end at 62 ms, those of the turns at 62000 ms",
            [2],
            id="short-reference",
        ),
        pytest.param(
            lambda: sx.diarization_errors(SHORT_TURNS, LONG_TURNS)["missed_ms"].tolist(),
            "the times of the turns end at 62 ms, those of the reference at 62000 ms",
            [2000],
            id="short-turns",
        ),
        pytest.param(
            lambda: sx.speaker_word_errors(LONG_WORDS, SHORT_TURNS)["reference_words"].tolist(),
            "the times of the reference end at 62 ms, those of the words at 62000 ms",
            [3],
            id="short-reference-of-words",
        ),
        pytest.param(
            lambda: sx.metrics.language_errors(LONG_WORDS, SHORT_TURNS.assign(language="de"))["labelled_ms"].tolist(),
            "the references end at 62 ms, the words at 62000 ms",
            [0],
            id="stretches-of-languages",
        ),
        pytest.param(
            lambda: sx.summarize(
                sx.word_errors(texts := dict.fromkeys("abc", "one two"), texts).assign(duration_ms=15), **QUICK
            )["wer"].tolist(),
            "6 reference words in 45 ms of audio",
            [0.0],
            id="durations",
        ),
    ],
)
def test_times_that_look_like_seconds_are_computed_with_a_warning(call, says, right):
    """Short durations are suspicious, but they do not prove that the times are seconds."""
    with pytest.warns(
        UserWarning, match=rf"{says}.* Are these seconds\? .* The values were read as milliseconds\.$"
    ) as told:
        assert call() == right
    assert {warning.filename for warning in told} == {__file__}  # the line that called, not one of the package


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([0, -1], "start_ms is negative in 1 of 2 rows, first -1 in row 1; times count from the start"),
        (["x", "y"], "start_ms must contain milliseconds, found dtype"),
        (
            pd.to_timedelta([1, 2], unit="s"),
            r"start_ms must contain .* \.dt\.total_seconds\(\) \* 1000",
        ),
        ([0.0, float("inf")], "start_ms is infinite in 1 rows"),
    ],
)
def test_other_columns_are_no_times(column, message):
    with pytest.raises(SchemaError, match=f"words: {message}"):
        sx.schema.need_milliseconds(pd.DataFrame({"start_ms": column, "end_ms": 5000}), "words")


def test_long_turns_in_seconds_are_told_by_their_fractions():
    lecture = pd.DataFrame({"audio_id": "a", "speaker": "x", "start_ms": [0.5], "end_ms": [1800.25]})
    with pytest.raises(
        SchemaError, match=r"turns: start_ms contains 0\.5, but times must be whole milliseconds\. Are these"
    ):
        sx.speaker_stats(lecture)


# options and regions in seconds


@pytest.mark.parametrize(
    ("function", "table", "other", "option"),
    [
        (sx.diarization_errors, "turns", "reference_turns", "collar_ms"),
        (sx.speaker_word_errors, "words", "reference_turns", "collar_ms"),
        (sx.speaker_stats, "turns", None, "gap_ms"),
        (sx.metrics.speaker_transitions, "turns", None, "interruption_ms"),
        (sx.speaker_turns, "words", None, "gap_ms"),
        (sx.metrics.language_switches, "words", "stretches", "tolerance_ms"),
        (sx.metrics.review_curve, "words", "alignments", "context_ms"),
    ],
)
def test_options_in_seconds_are_asked_about(function, table, other, option):
    arguments = [tables()[name] for name in (table, other) if name]
    with pytest.raises(InputError, match=rf"{option} is 0\.25; give whole milliseconds.* Are these seconds\?"):
        function(*arguments, **{option: 0.25})


def test_regions_in_seconds_are_asked_about():
    turns = pd.DataFrame({"audio_id": "a", "speaker": "x", "start_ms": [0], "end_ms": [60_000]})
    uem = pd.DataFrame({"audio_id": "a", "start_ms": [0], "end_ms": [60]})
    with pytest.warns(UserWarning, match=r"uem: the regions end at 60 ms, the reference at 60000 ms\. Are these"):
        errors = sx.diarization_errors(turns, turns, uem=uem)
    assert errors["reference_ms"].tolist() == [60]  # a guess does not hinder those who mean it
