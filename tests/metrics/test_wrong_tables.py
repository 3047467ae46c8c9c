"""Every public function that takes tables answers wrong tables with what to do, or with the documented NA.

The small world is spoilt in one way after the other, and each function is called as it would be on the true tables.
What it should say stands in one place for each way of spoiling.
"""

import inspect
import re
import warnings

import pandas as pd
import pytest
from small_world import CALLS, NO_TABLES, PAIRS, call, cases, check_same, spoilt_table, tables, tables_of, true_result

import soniox_ds as sx
from soniox_ds.exceptions import InputError


def test_every_public_function_is_here():
    """Whoever adds a function that takes tables adds how it is called to CALLS, and then looks at what fails."""
    groups = {"": sx, "metrics.": sx.metrics, "plot.": sx.plot, "show.": sx.show}  # sx.io has tests of its own.
    public = {
        f"{prefix}{name}"
        for prefix, group in groups.items()
        for name in group.__all__
        if inspect.isroutine(getattr(group, name))
    }
    elsewhere = {"explore", "metrics.jiwer_output", "review"}  # They return no table, and have tests of their own.
    called = {name.removeprefix("metrics.") for name in public - NO_TABLES - elsewhere}
    assert called <= set(CALLS), "a public function is nowhere in small_world.py"
    assert not set(CALLS) & NO_TABLES


@pytest.mark.parametrize("kind", ["true", "one speaker"])
@pytest.mark.parametrize("name", CALLS)
def test_the_tables_as_they_should_be_are_taken(name, kind):
    """Tables of a single speaker are accepted too, with the same figures or the documented NA."""
    result = call(name, kind=kind)
    if kind == "one speaker" and isinstance(result, pd.DataFrame):
        if name == "speaker_transitions":
            assert list(result) == list(sx.schema.SPEAKER_TRANSITIONS)
            assert result.empty
            return
        usual = true_result(name)
        unknown = {column for column in result if result[column].isna().all() and not usual[column].isna().all()}
        assert unknown == ({"median_offset_ms", "mean_gap_ms"} if name == "speaker_stats" else set())


# a missing column


@pytest.mark.parametrize(("name", "table"), PAIRS)
def test_a_missing_column_is_named(name, table):
    true = tables()[table]
    refused = {}
    for column in true:
        try:
            call(name, {table: true.drop(columns=column)})
        except InputError as error:
            refused[column] = str(error)
    assert refused
    for column, message in refused.items():
        assert re.search(rf"\b{column}\b", message), f"without {column}: {message}"


@pytest.mark.parametrize("name", CALLS)
def test_arguments_that_are_no_tables_are_refused(name):
    with pytest.raises(InputError, match=r"table|found|lacks"):
        call(name, {tables_of(name)[0]: 7})


# doubled rows

COUNT_ONCE = {
    ("diarization_errors", "turns"): "a speaker's own overlap counts once",
    ("diarization_errors", "reference_turns"): "a speaker's own overlap counts once",
    ("apply_reviews", "reviews"): "reviewers may agree",
    ("reviewed_words", "reviews"): "reviewers may agree",
    ("plot.lag_distribution", "latencies"): "shares of twice as many are the same",
    ("show.normalization", "references"): "shows texts, however many",
    ("write_rttm", "turns"): "writes what it is given",
}
SAYS_TWICE = "are duplicates, first .* Perhaps the table was concatenated|more than once.* (give|need)|decreases.* Draw"
OTHERWISE = {
    ("compare_errors", "alignments"): "different reference words .* align both against the same references",
    ("compare_errors", "alignments_b"): "different reference words .* align both against the same references",
    ("compare_translations", "translations"): "more than one translation; give one",
    ("translation_scores", "translations"): "more than one translation; give one",
    **dict.fromkeys(
        [("find", "words"), ("segments", "words"), ("texts", "words"), ("words", "tokens")],
        "two rows with .* Perhaps two tables of the same recording were joined",
    ),
}


@pytest.mark.parametrize(("name", "table"), cases("doubled rows"))
def test_doubled_rows_are_refused(name, table):
    twice = {table: spoilt_table(table, "doubled rows")}
    if (name, table) not in COUNT_ONCE:
        with pytest.raises(InputError, match=OTHERWISE.get((name, table), SAYS_TWICE)):
            call(name, twice)
    elif name in ("apply_reviews", "reviewed_words", "diarization_errors"):
        check_same(call(name, twice), true_result(name), without=["reviews", "corrections", "open_reviews"])
    else:
        call(name, twice)


# no rows

NOTHING_TO_DO = (
    "no rows|there are no |no reference belongs to|none of the \\d+|no (pair|group|time|bin|word|token) |pass the|"
    "no recording in common"
)
NO_ROWS = {  # what is not refused: the rows that the result has then
    "apply_reviews": {"reviews": 3},
    "calibration": {"alignments": 1},
    "compare_terms": {"occurrences": 3, "occurrences_b": 3},
    "confusions": {"alignments": 0},
    "diarization_errors": {"turns": 3},
    "flag_low_confidence": {"words": 0},
    "language_confusion": {"words": 0},
    "find": {"words": 0},
    "language_errors": {"words": 3},
    "language_switches": {"words": 3},
    "summarize cost": {"cost": 1},
    "term_costs": {"cost": 3, "occurrences": 0},
    "word_errors_by_language": {"alignments": 0},
    "summarize word_errors_by_language": {"word_errors_by_language": 0},
    "summarize diarization_errors": {"diarization": 1},
    "summarize speaker_word_errors": {"speaker_word_errors": 1},
    "precision_recall": {"alignments": 0},
    "reliability": {"alignments": 15},
    "review_curve": {"alignments": 12},
    "reviewed_words": {"reviews": 20},
    "roc": {"alignments": 0},
    "segments": {"words": 0},
    "show.normalization": {"references": 0},
    "speaker_stats": {"turns": 0},
    "speaker_transitions": {"turns": 0},
    "speaker_turns": {"words": 0},
    "speaker_word_errors": {"words": 3, "reference_turns": 0},
    "live_latencies": {"log": 3},
    "live_stability": {"log": 3},
    "summarize live_latencies": {"live_latencies": 6},
    "summarize live_stability": {"stability": 1},
    "summarize language_switches": {"switches": 1},
    "term_errors": {"alignments": 3, "errors": 3},
    "term_occurrences": {"alignments": 0},
    "texts": {"words": 0},
    "token_latencies": {"log": 0},
    "translation_pairs": {"translated": 0},
    "words": {"tokens": 0},
}
RATES = [
    *("accuracy", "ece", "brier", "der", "cpwer", "wder", "error_rate", "precision", "recall", "f1", "difference"),
    *("p50_ms", "p95_ms", "upwr", "normalized_erasure"),
]
"""Columns that are NA if nothing was said or compared."""


@pytest.mark.parametrize(("name", "table"), cases("no rows"))
def test_empty_tables_give_empty_results_or_are_refused(name, table):
    nothing = {table: spoilt_table(table, "no rows")}
    if name == "write_rttm":
        call(name, nothing)
        return
    if table not in NO_ROWS.get(name, {}):
        with pytest.raises(InputError, match=OTHERWISE_EMPTY.get((name, table), NOTHING_TO_DO)):
            call(name, nothing)
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* were not transcribed", UserWarning)
        result = call(name, nothing)
    assert set(true_result(name)) <= set(result)
    assert len(result) == NO_ROWS[name][table]
    if (name, table) != ("term_errors", "errors"):  # only the hours come from there
        assert result[[rate for rate in RATES if rate in result]].isna().all(axis=None)
    if (name, table) == ("term_errors", "errors"):
        assert result["false_hits_per_hour"].isna().all()


OTHERWISE_EMPTY = {
    ("biasing_errors", "alignments"): "0 reference words of 'a', errors 7 .*make both from the same",
    ("term_counts", "alignments"): "0 reference words of 'a', errors 7 .*make both from the same",
    ("compare_errors", "alignments"): "are not those of the errors.* Make both from the same",
    ("compare_errors", "alignments_b"): "are not those of the errors.* Make both from the same",
    ("plot.roc", "roc"): "the table has no rows",
}


# references of recordings that are not there

NO_REFERENCES = {"show.normalization"}


@pytest.mark.parametrize(("name", "table"), cases("an unknown recording"))
def test_a_reference_for_an_unknown_recording_is_told(name, table):
    more = {table: spoilt_table(table, "an unknown recording")}
    if name in NO_REFERENCES:
        call(name, more)
    elif name == "translation_scores":
        assert call(name, more)["missing"].tolist() == [1]
    else:
        with pytest.warns(UserWarning, match="^1 of 4 .*(no recording|were not transcribed|neither a nor b)"):
            result = call(name, more)
        if "status" in result:
            assert result["status"].tolist()[-1] == "missing"
            assert result.loc[result["status"] == "missing", "audio_id"].tolist() == ["zz"]


@pytest.mark.parametrize(("name", "table"), cases("an unknown recording"))
def test_references_for_unknown_recordings_alone_are_refused(name, table):
    if name in NO_REFERENCES:
        return
    with pytest.raises(InputError, match="'zz'"):
        call(name, {table: tables()[table].iloc[:1].assign(audio_id="zz")})


# all right, all wrong

REFUSED = {
    "all right": {
        "fit_recalibration": "all words are right, so there is nothing to learn; fit on",
        "flag_low_confidence": "none of the 20 aligned words .* is wrong.*pass threshold= or review_budget_s= instead",
        "plot.review_curve": "no word is wrong",
        "plot.roc": "none of these words is wrong",
        "power": "the same rate.*pass block_sd=",
    },
    "all wrong": {
        "fit_recalibration": "all words are wrong, so there is nothing to learn; fit on",
        "plot.roc": "none of these words is right",
        "power": "the same rate.*pass block_sd=",
    },
}
UNKNOWN = {
    "all right": {
        "calibration": {"nce", "auc"},
        "compare_errors": {"mapsswe_mean", "mapsswe_sd", "mapsswe_z", "mapsswe_p", "mapsswe_p_holm"},
        "precision_recall": {"recall"},
        "review_curve": {"recall", "recall_of_all"},
        "roc": {"true_positive_rate"},
    },
    "all wrong": {
        "calibration": {"nce", "auc"},
        "language_switches": {"hypothesis_ms", "error_ms"},
        "punctuation_errors": {"case_error_rate"},
        "roc": {"false_positive_rate"},
        "summarize language_switches": {"precision", "error_ms_mean", "error_ms_absolute", "error_ms_median"},
        "summarize term_counts": {"precision"},
        "term_costs": {"estimate_usd_per_hit", "charged_usd_per_hit"},
        "term_counts": {"precision"},
        "term_errors": {"precision"},
    },
}


@pytest.mark.parametrize("kind", ["all right", "all wrong"])
@pytest.mark.parametrize("name", CALLS)
def test_all_right_and_all_wrong(name, kind):
    if name in REFUSED[kind]:
        with pytest.raises(InputError, match=REFUSED[kind][name]):
            call(name, kind=kind)
        return
    result = call(name, kind=kind)
    if not isinstance(result, pd.DataFrame):
        return
    if name == "confusions":
        assert result.empty == (kind == "all right")
        return
    usual = true_result(name)
    unknown = {column for column in result if result[column].isna().all() and usual[column].notna().any()}
    of_interval = {column for column in result if column.endswith(("_low", "_high"))} | {"method", "p", "p_holm"}
    bounds = unknown & of_interval if "note" in result else set()
    assert unknown - bounds == UNKNOWN[kind].get(name, set()) - bounds
    if bounds:
        assert result["note"].notna().all()  # says why there is no interval
