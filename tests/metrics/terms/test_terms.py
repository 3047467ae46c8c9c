"""Terms: counted by hand, against plain loops, and by laws."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from soniox_ds import schema
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.stats.summaries import summarize
from soniox_ds.metrics.terms.biasing import biasing_errors
from soniox_ds.metrics.terms.occurrences import term_errors, term_occurrences
from soniox_ds.metrics.terms.scores import compare_terms, term_counts
from soniox_ds.metrics.words.align import align_words
from soniox_ds.metrics.words.rates import word_errors
from soniox_ds.text.normalizer import NormalizationStep, Normalizer

QUICK = {"n_resamples": 200}


def counts(references, hypotheses, *terms, **options):
    """(hits, misses, false hits) of each term."""
    table = term_errors(align_words({"a": hypotheses}, {"a": references}), terms, **options)
    return list(zip(table["hits"], table["misses"], table["false_hits"], strict=True))


COUNTED_BY_HAND = [
    pytest.param("takes Celebrex daily", "takes celebrex daily", ["Celebrex"], [(1, 0, 0)], id="hit"),
    pytest.param("takes Celebrex daily", "takes celery daily", ["Celebrex"], [(0, 1, 0)], id="miss-by-substitution"),
    pytest.param("takes Celebrex daily", "takes daily", ["Celebrex"], [(0, 1, 0)], id="miss-by-deletion"),
    pytest.param("a celebration", "a celebrex", ["Celebrex"], [(0, 0, 1)], id="made-up-by-substitution"),
    pytest.param("he left", "he left celebrex", ["Celebrex"], [(0, 0, 1)], id="made-up-by-insertion"),
    pytest.param("in New York today", "in new york today", ["New York"], [(1, 0, 0)], id="two-words"),
    pytest.param("in New York today", "in new fork today", ["New York"], [(0, 1, 0)], id="half-of-two-words"),
    pytest.param("in New York today", "in new uh york today", ["New York"], [(0, 1, 0)], id="torn-apart"),
    pytest.param("new old york", "new york", ["New York"], [(0, 0, 1)], id="words-that-met"),
    pytest.param("in New York", "in new york", ["York", "New York"], [(1, 0, 0), (1, 0, 0)], id="one-within-the-other"),
    pytest.param("an e-mail", "an E mail", ["e-mail"], [(1, 0, 0)], id="normalised-alike"),
    pytest.param("x x x", "x x x", ["x x"], [(1, 0, 0)], id="no-overlap-with-itself"),
    pytest.param("o x x", "x x x", ["x x"], [(1, 0, 0)], id="hits-come-before-false-hits"),
    pytest.param("他去北京了", "他去背景了", ["北京"], [(0, 1, 0)], id="script-without-spaces"),
    pytest.param("他去北京了", "他去北京了", ["北京", "上海"], [(1, 0, 0), (0, 0, 0)], id="script-without-spaces-hit"),
    pytest.param("Straße", "STRASSE", ["straße"], [(1, 0, 0)], id="case-folded"),
    pytest.param("a b", "b a b", ["a", "b"], [(1, 0, 0), (1, 0, 1)], id="inserted-before"),
]


@pytest.mark.parametrize(("said", "heard", "terms", "expected"), COUNTED_BY_HAND)
def test_counted_by_hand(said, heard, terms, expected):
    assert counts(said, heard, *terms) == expected


def test_terms_do_not_reach_into_the_next_recording():
    aligned = align_words({"a": "new", "b": "york"}, {"a": "new", "b": "york"})
    assert term_errors(aligned, ["New York"])[["reference_count", "false_hits"]].sum().tolist() == [0, 0]


def test_rates_of_a_term():
    references, hypotheses = {"a": "zyrtec and zyrtec", "b": "none"}, {"a": "zyrtec and certain", "b": "zyrtec xanax"}
    errors = word_errors(hypotheses, references).assign(duration_ms=900_000)
    table = term_errors(align_words(hypotheses, references), ["Zyrtec"], distractors=["Xanax", "Viagra"], errors=errors)
    assert list(table.columns) == list(schema.TERM_ERRORS)
    zyrtec, xanax, viagra = table.to_dict("records")
    assert (zyrtec["hits"], zyrtec["misses"], zyrtec["false_hits"], zyrtec["recordings"]) == (1, 1, 1, 2)
    assert zyrtec["precision"] == zyrtec["recall"] == zyrtec["f1"] == 0.5
    assert (zyrtec["hours"], zyrtec["false_hits_per_hour"]) == (0.5, 2.0)
    assert not zyrtec["distractor"]
    assert xanax["distractor"]
    assert xanax["precision"] == 0
    assert pd.isna(xanax["recall"])
    assert xanax["f1"] == 0
    assert viagra["false_hits"] == 0
    assert pd.isna(viagra["precision"])
    assert pd.isna(viagra["f1"])


def words(texts, start_ms=0, **more):
    """Words of half a second each, a pause of as much between them."""
    return pd.DataFrame(
        {
            "audio_id": "a",
            "word_index": range(len(texts)),
            "text": texts,
            "start_ms": [start_ms + 1000 * n for n in range(len(texts))],
            "end_ms": [start_ms + 1000 * n + 500 for n in range(len(texts))],
            "confidence": [0.9] * len(texts),
            "space_before": True,
            **more,
        }
    )


def test_occurrences_say_where_to_listen():
    hypotheses = words(["she", "takes", "listen", "april", "and", "celebrex"])
    references = {"a": "she takes lisinopril and zyrtec xanax"}
    found = term_occurrences(
        align_words(hypotheses, references), ["Lisinopril", "Zyrtec", "Celebrex"], distractors=["Xanax"]
    )
    assert list(found.columns) == list(schema.TERM_OCCURRENCES)
    rows = {row["term"]: row for row in found.to_dict("records")}
    split = rows["Lisinopril"]
    assert (split["outcome"], split["hypothesis"], split["reference_index"]) == ("miss", "listen april", 2)
    assert (split["start_ms"], split["end_ms"], split["word_index"]) == (2000, 3500, 2)
    assert rows["Celebrex"]["outcome"] == "false_hit"
    assert (rows["Celebrex"]["start_ms"], rows["Celebrex"]["end_ms"]) == (5000, 5500)
    assert rows["Celebrex"]["reference"] in ("zyrtec", "xanax")
    assert pd.isna(rows["Celebrex"]["reference_index"])
    assert rows["Xanax"]["distractor"]


@pytest.mark.parametrize(
    ("heard", "expected"),
    [(["she", "daily"], (500, 1000)), (["daily"], (0, 0)), (["she"], (500, None))],
    ids=["between", "at-the-start", "at-the-end"],
)
def test_a_deleted_term_lies_between_its_neighbours(heard, expected):
    references = {
        "a": " ".join((["she"] if "she" in heard else []) + ["Celebrex"] + (["daily"] if "daily" in heard else []))
    }
    row = term_occurrences(align_words(words(heard), references), ["Celebrex"]).iloc[0]
    assert row["outcome"] == "miss"
    assert pd.isna(row["hypothesis"])
    assert row["start_ms"] == expected[0]
    assert (None if pd.isna(row["end_ms"]) else row["end_ms"]) == expected[1]


# An oracle: plain loops over plain lists.


def plain_counts(rows, term):
    """Hits, misses, false hits of one term in one recording of (operation, reference, hypothesis)."""
    size = len(term)

    def places(side, blocked=frozenset()):
        held = [n for n, row in enumerate(rows) if row[side] is not None]
        found, at = [], 0
        while at + size <= len(held):
            own = held[at : at + size]
            if tuple(rows[n][side] for n in own) == term and not blocked & set(own):
                found.append(own)
                at += size
            else:
                at += 1
        return found

    references = places(1)
    hits = [own for own in references if own[-1] - own[0] == size - 1 and all(rows[n][0] == "hit" for n in own)]
    false = places(2, frozenset(n for own in hits for n in own))
    return len(hits), len(references) - len(hits), len(false)


few_words = st.lists(st.sampled_from(["a", "b", "c"]), max_size=8).map(" ".join)
recordings = st.lists(st.tuples(few_words, few_words), min_size=1, max_size=4)
TERMS = ["a", "a b", "b a", "c c", "a b a"]


def both(pairs):
    names = [f"r{n}" for n in range(len(pairs))]
    return {name: pair[1] for name, pair in zip(names, pairs, strict=True)}, {
        name: pair[0] for name, pair in zip(names, pairs, strict=True)
    }


@settings(max_examples=examples(30))
@given(recordings, st.sampled_from(["sclite", "levenshtein"]))
def test_counts_agree_with_plain_loops(pairs, cost):
    hypotheses, references = both(pairs)
    aligned = align_words(hypotheses, references, cost=cost)
    table = term_errors(aligned, TERMS, normalizer="basic")
    rows = aligned.astype(object).where(aligned.notna(), None)
    for term, row in zip(TERMS, table.itertuples(), strict=True):
        parts = [
            plain_counts(
                list(zip(own["operation"], own["reference"], own["hypothesis"], strict=True)), tuple(term.split())
            )
            for _, own in rows.groupby("audio_id")
        ]
        expected = [sum(part[n] for part in parts) for n in range(3)]
        assert [row.hits, row.misses, row.false_hits] == expected


@settings(max_examples=examples(30))
@given(recordings)
def test_occurrences_add_up_to_the_table(pairs):
    aligned = align_words(*both(pairs))
    found = term_occurrences(aligned, TERMS, normalizer="basic")
    table = term_errors(aligned, TERMS, normalizer="basic")
    assert found.dtypes.to_dict() == {name: column.dtype for name, column in schema.TERM_OCCURRENCES.items()}
    for outcome, column in (("hit", "hits"), ("miss", "misses"), ("false_hit", "false_hits")):
        expected = Counter(found.loc[found["outcome"] == outcome, "term"])
        assert table[column].tolist() == [expected[term] for term in TERMS]


@settings(max_examples=examples(30))
@given(st.lists(few_words, min_size=1, max_size=4))
def test_every_term_of_equal_texts_is_a_hit(texts):
    table = term_errors(align_words(*both([(text, text) for text in texts])), TERMS, normalizer="basic")
    assert not table[["misses", "false_hits"]].to_numpy(int).any()
    assert (table["recall"].dropna() == 1).all()


@settings(max_examples=examples(30))
@given(recordings, st.sampled_from(["list", "utterance"]))
def test_both_parts_add_up_to_all_words(pairs, against):
    hypotheses, references = both(pairs)
    whole = word_errors(hypotheses, references)
    parts = biasing_errors(align_words(hypotheses, references), TERMS, whole, against=against, normalizer="basic")
    names = ["hits", "substitutions", "deletions", "insertions", "reference_words"]
    assert (
        parts.groupby("audio_id")[names].sum().loc[whole["audio_id"]].to_numpy(int).tolist()
        == whole[names].to_numpy(int).tolist()
    )


def published_rule(aligned, rare):
    """(errors, reference words) of the biased and of the other words: membership of the recording's own rare words."""
    totals = {True: [0, 0], False: [0, 0]}
    for name, own in aligned.groupby("audio_id"):
        for row in own.itertuples():
            word = row.hypothesis if row.operation == "insertion" else row.reference
            total = totals[word in rare[name]]
            total[0] += row.operation != "hit"
            total[1] += row.operation != "insertion"
    return totals[True], totals[False]


@settings(max_examples=examples(30))
@given(recordings, st.sets(st.sampled_from(["a", "b", "c"]), min_size=1))
def test_utterance_rule_agrees_with_the_published_one(pairs, rare):
    hypotheses, references = both(pairs)
    aligned = align_words(hypotheses, references)
    own = {name: rare & set(text.split()) for name, text in references.items()}
    parts = biasing_errors(aligned, sorted(rare), against="utterance", normalizer="basic")
    wrong = parts[["substitutions", "deletions", "insertions"]].sum(axis=1)
    sums = parts.assign(wrong=wrong).groupby("part")[["wrong", "reference_words"]].sum()
    expected = published_rule(aligned, own)
    for part, pair in zip(("biased", "unbiased"), expected, strict=True):
        assert (sums.loc[part].tolist() if part in sums.index else [0, 0]) == pair


def test_an_inserted_distractor_is_biased_by_the_list_alone():
    hypotheses, references = {"a": "he takes xanax"}, {"a": "he takes"}
    aligned = align_words(hypotheses, references)
    by_list = biasing_errors(aligned, ["Xanax"]).set_index("part")
    by_utterance = biasing_errors(aligned, ["Xanax"], against="utterance").set_index("part")
    assert by_list["insertions"].tolist() == [1, 0]
    assert by_utterance["insertions"].tolist() == [0, 1]
    assert pd.isna(by_list.loc["biased", "wer"])
    assert by_utterance.loc["unbiased", "wer"] == 0.5


def test_only_the_words_of_an_occurrence_are_biased():
    aligned = align_words({"a": "bank off america off course"}, {"a": "bank of america of course"})
    rows = biasing_errors(aligned, ["Bank of America"]).set_index("part")
    assert rows["substitutions"].tolist() == [1, 1]
    assert rows["reference_words"].tolist() == [3, 2]


def test_failed_recordings_have_rows_without_counts():
    references = {"a": "takes celebrex", "b": "takes zyrtec"}
    with pytest.warns(UserWarning, match="no recording"):
        errors = word_errors({"a": "takes celebrex"}, references).assign(duration_ms=1000)
    with pytest.warns(UserWarning, match="no recording"):
        aligned = align_words({"a": "takes celebrex"}, references)
    rows = biasing_errors(aligned, ["Celebrex", "Zyrtec"], errors)
    assert rows["status"].tolist() == ["scored", "scored", "missing", "missing"]
    assert rows.loc[2:, ["hits", "reference_words", "wer"]].isna().all(axis=None)
    summary = summarize(rows, **QUICK)
    assert summary["part"].tolist() == ["biased", "unbiased"]
    assert summary["missing"].tolist() == [1, 1]
    assert summary["reference_words"].tolist() == [1, 1]
    terms = summarize(term_counts(aligned, ["Celebrex", "Zyrtec"], errors), **QUICK)
    assert terms.loc[0, ["recordings", "missing", "reference_count"]].tolist() == [1, 1, 1]


def trial(hits, false, size=20, per=3):
    """A study of recordings that each have the term `per` times."""
    references = {f"r{n}": " x ".join(["zyrtec"] * per) for n in range(size)}
    hypotheses = {
        f"r{n}": " x ".join(["zyrtec"] * hits[n] + ["other"] * (per - hits[n])) + " x zyrtec" * false[n]
        for n in range(size)
    }
    return hypotheses, references


def test_summary_pools_occurrences_and_resamples_blocks():
    rng = np.random.default_rng(1)
    hypotheses, references = trial(rng.integers(0, 4, 40), rng.integers(0, 2, 40), size=40)
    aligned = align_words(hypotheses, references)
    errors = word_errors(hypotheses, references).assign(
        duration_ms=360_000, voice=["f", "m"] * 20, speaker=list("abcdefghij") * 4
    )
    table = term_errors(aligned, ["Zyrtec"], errors=errors)
    whole = summarize(term_counts(aligned, ["Zyrtec"], errors, distractors=["Xanax"]), n_resamples=2000)
    assert list(whole.columns) == list(schema.TERM_SUMMARY)
    row = whole.iloc[0]
    for name in ("hits", "misses", "false_hits", "precision", "recall", "f1", "false_hits_per_hour"):
        assert row[name] == pytest.approx(table[name][0])
    assert (row["block"], row["blocks"], row["terms"], row["distractors"]) == ("speaker", 10, 2, 1)
    assert row["false_hits_per_hour_per_100_terms"] == pytest.approx(50 * row["false_hits_per_hour"])
    assert row["hallucinated_terms"] == 1
    assert row["distractor_false_hits"] == 0
    for name in ("precision", "recall", "f1", "false_hits_per_hour"):
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
        assert row[f"{name}_low"] >= 0
    groups = summarize(term_counts(aligned, ["Zyrtec"], errors), by="voice", block="audio_id", **QUICK)
    assert groups["voice"].tolist() == ["f", "m"]
    assert groups["hits"].sum() == row["hits"]
    assert groups["hours"].tolist() == [2.0, 2.0]


def test_terms_are_counted_by_recording():
    """Counts by hand; unscored recordings have none, and the columns of the errors follow."""
    references = {"a": "zyrtec and celebrex", "b": "no", "c": "zyrtec"}
    hypotheses = {"a": "zyrtec xanax celery zyrtec", "b": "xanax"}
    with pytest.warns(UserWarning, match="no recording"):
        errors = word_errors(hypotheses, references).assign(room=["x", "y", "x"])
    with pytest.warns(UserWarning, match="no recording"):
        aligned = align_words(hypotheses, references)
    counts = term_counts(aligned, ["Zyrtec", "Celebrex"], errors, distractors=["Xanax"])
    assert list(counts) == [*schema.TERM_COUNTS, "room"]
    assert counts[["hits", "misses", "reference_count", "false_hits", "distractor_false_hits"]].to_numpy().tolist() == [
        [1, 1, 2, 2, 1],
        [0, 0, 0, 1, 1],
        [pd.NA] * 5,
    ]
    assert counts["hallucinated_terms"].tolist() == ['["Xanax", "Zyrtec"]', '["Xanax"]', pd.NA]
    assert counts["recall"].tolist() == [0.5, pd.NA, pd.NA]
    summary = summarize(counts, **QUICK).iloc[0]
    assert summary[["hallucinated_terms", "false_hits", "missing", "terms"]].tolist() == [2, 3, 1, 3]


def test_counts_of_different_lists_are_not_pooled():
    aligned, errors = align_words(*trial([3], [0], size=1)), word_errors(*trial([3], [0], size=1))
    one, two = (term_counts(aligned, terms, errors) for terms in (["zyrtec"], ["zyrtec", "other"]))
    with pytest.raises(InputError, match="counted with different settings of 'terms'"):
        summarize(pd.concat([one, two.assign(audio_id="again")]), **QUICK)


def test_summary_says_why_there_is_no_interval():
    hypotheses, references = trial([3] * 4, [0] * 4, size=4)
    errors = word_errors(hypotheses, references)
    row = summarize(term_counts(align_words(hypotheses, references), ["Zyrtec"], errors), **QUICK).iloc[0]
    assert row["recall"] == 1
    assert pd.isna(row["recall_low"])
    assert pd.isna(row["false_hits_per_hour"])
    assert "All 4 recordings have the same rate." in row["note"]


def test_the_interval_of_false_hits_per_hour_does_not_depend_on_the_length_of_an_hour():
    hypotheses, references = trial([3] * 14, [0, 1, 0, 1, 0, 0, 0, 0, 0, 5, 7, 0, 3, 1], size=14)
    aligned, errors = align_words(hypotheses, references), word_errors(hypotheses, references)
    short, long = (
        summarize(term_counts(aligned, ["Zyrtec"], errors.assign(duration_ms=ms)), n_resamples=1000).iloc[0]
        for ms in (360_000, 360_000 * 40)
    )
    for name in ("false_hits_per_hour", "false_hits_per_hour_low", "false_hits_per_hour_high"):
        assert long[name] == pytest.approx(short[name] / 40)


def arms(first, second, references, terms, **options):
    return [term_occurrences(align_words(hypotheses, references), terms, **options) for hypotheses in (first, second)]


def test_arms_are_compared_occurrence_by_occurrence():
    references = {f"r{n}": "zyrtec then celebrex" for n in range(8)}
    plain = dict.fromkeys(references, "sertec then celebrex")
    helped = {name: "zyrtec then celebrex zyrtec" if name == "r0" else "zyrtec then celery" for name in references}
    table = compare_terms(*arms(plain, helped, references, ["Zyrtec", "Celebrex"]), **QUICK).set_index("term")
    zyrtec, celebrex = table.loc["Zyrtec"], table.loc["Celebrex"]
    assert (zyrtec["only_a"], zyrtec["only_b"], zyrtec["false_hits_b"]) == (0, 8, 1)
    assert zyrtec["p"] == pytest.approx(2 / 2**8)  # all eight one way
    assert zyrtec["p_holm"] == pytest.approx(2 * 2 / 2**8)
    assert (celebrex["both"], celebrex["only_a"]) == (1, 7)
    assert celebrex["difference"] == pytest.approx(-7 / 8)
    whole = compare_terms(
        *arms(plain, helped, references, ["Zyrtec", "Celebrex"]), by=None, method="percentile", **QUICK
    )
    whole = whole.iloc[0]
    assert (whole["occurrences"], whole["only_a"], whole["only_b"]) == (16, 7, 8)
    assert whole["difference"] == pytest.approx(1 / 16)
    assert whole["difference_low"] <= whole["difference"] <= whole["difference_high"]
    assert whole["p"] == 1


def test_mcnemar_agrees_with_the_binomial_test():
    from scipy.stats import binomtest

    rng = np.random.default_rng(3)
    references = {f"r{n}": "zyrtec" for n in range(40)}
    first, second = ({name: rng.choice(["zyrtec", "other"]) for name in references} for _ in range(2))
    row = compare_terms(*arms(first, second, references, ["Zyrtec"]), **QUICK).iloc[0]
    only_a = sum(first[name] == "zyrtec" != second[name] for name in references)
    only_b = sum(second[name] == "zyrtec" != first[name] for name in references)
    assert (row["only_a"], row["only_b"]) == (only_a, only_b)
    assert row["p"] == pytest.approx(binomtest(only_a, only_a + only_b, 0.5).pvalue)


def test_recordings_of_one_arm_only_are_counted_apart():
    references = {"r0": "zyrtec", "r1": "zyrtec", "r2": "none"}
    with pytest.warns(UserWarning, match="no recording"):
        a, b = arms(
            {"r0": "zyrtec", "r1": "zyrtec zyrtec", "r2": "zyrtec"},
            {"r0": "sertec", "r2": "none"},
            references,
            ["Zyrtec"],
        )
    row = compare_terms(a, b, **QUICK).iloc[0]
    assert (row["occurrences"], row["unpaired"], row["only_a"]) == (1, 1, 1)
    assert (row["false_hits_a"], row["false_hits_b"]) == (1, 0)
    assert "cannot be below 0.05" in row["note"]


def transcribed(references, repeats):
    """Occurrences of "Zyrtec" in several transcripts of the same recordings."""
    tables = [
        term_occurrences(align_words(hypotheses, references), ["Zyrtec"]).assign(repeat=k)
        for k, hypotheses in enumerate(repeats)
    ]
    return pd.concat(tables, ignore_index=True)


def test_with_repeats_a_place_counts_once():
    references = {f"r{n}": "zyrtec" for n in range(4)}
    yes, no, twice = "zyrtec", "other", "zyrtec zyrtec"
    a = transcribed(
        references, [dict(zip(references, row, strict=True)) for row in ([yes, no, yes, no], [no, no, yes, no])]
    )
    b = transcribed(
        references, [dict(zip(references, row, strict=True)) for row in ([yes, yes, no, no], [yes, no, twice, no])]
    )
    row = compare_terms(a, b, **QUICK).iloc[0]  # hits of a: 1 0 2 0 of 2, of b: 2 1 1 0
    assert row[["occurrences", "recordings", "both", "only_a", "only_b", "neither"]].tolist() == [4, 4, 0, 1, 2, 1]
    assert (row["recall_a"], row["recall_b"]) == (3 / 8, 4 / 8)
    assert row["difference"] == pytest.approx(1 / 8)
    assert row["p"] == 1
    assert (row["false_hits_a"], row["false_hits_b"]) == (0, 1)
    assert "With repeats, each occurrence counts once" in row["note"]
    single = compare_terms(*(one[one["repeat"] == 0] for one in (a, b)), **QUICK).iloc[0]
    assert single[["both", "only_a", "only_b", "neither"]].tolist() == [1, 1, 1, 1]
    assert "repeats" not in single["note"]
    uneven = compare_terms(a[a["repeat"] == 0], b, **QUICK).iloc[0]  # 1 0 1 0 of 1 against 2 1 1 0 of 2
    assert uneven[["both", "only_a", "only_b", "neither"]].tolist() == [1, 1, 1, 1]


def test_repeats_that_do_not_belong_together_are_refused():
    references = {"r0": "zyrtec or zyrtec"}
    a = transcribed(references, [references, references])
    with pytest.raises(InputError, match=r"a: 'r0' has 'Zyrtec' at word 2 in 1 repeat and another place in 2"):
        compare_terms(a[:3], a, **QUICK)
    with pytest.raises(SchemaError, match="repeat"):
        compare_terms(pd.concat([a, a[:1]]), a, **QUICK)


@settings(max_examples=examples(20))
@given(recordings, recordings, st.integers(2, 5))
def test_a_recogniser_that_does_not_vary_gives_the_same_p_for_any_number_of_repeats(one, two, repeats):
    size = min(len(one), len(two))
    hypotheses, references = both(one[:size])
    single = arms(hypotheses, both(two[:size])[0], references, TERMS, normalizer="basic")
    many = [pd.concat([arm.assign(repeat=k) for k in range(repeats)], ignore_index=True) for arm in single]
    once, often = (compare_terms(*pair, by=None, **QUICK) for pair in (single, many))
    for name in ("false_hits_a", "false_hits_b"):
        assert often[name].tolist() == (once[name] * repeats).tolist()
    left = [name for name in once if name not in ("note", "false_hits_a", "false_hits_b")]
    pd.testing.assert_frame_equal(often[left], once[left])


def test_distractors_are_rows_without_occurrences():
    references = {"r0": "zyrtec", "r1": "zyrtec"}
    a, b = arms(
        {"r0": "zyrtec", "r1": "zyrtec"},
        {"r0": "zyrtec xanax", "r1": "zyrtec"},
        references,
        ["Zyrtec"],
        distractors=["Xanax"],
    )
    row = compare_terms(a, b, **QUICK).set_index("term").loc["Xanax"]
    assert (row["occurrences"], row["false_hits_b"]) == (0, 1)
    assert pd.isna(row["p"])
    assert pd.isna(row["p_holm"])
    by_kind = compare_terms(a, b, by="distractor", **QUICK)
    assert by_kind["false_hits_b"].tolist() == [0, 1]


def test_an_experiment_in_which_nothing_is_said_and_nothing_made_up():
    a, b = arms({"r0": "no"}, {"r0": "no"}, {"r0": "no"}, ["Zyrtec"])
    row = compare_terms(a, b, by=None, **QUICK).iloc[0]
    assert row[["occurrences", "only_a", "false_hits_b", "unpaired", "blocks"]].tolist() == [0] * 5
    assert row[["p", "recall_a", "difference", "difference_low"]].isna().all()
    assert "No term is said" in row["note"]
    by_term = compare_terms(a, b, **QUICK)
    assert by_term.empty
    assert list(by_term.columns) == ["term", *schema.TERM_COMPARISON]


def test_blocks_of_occurrences_are_merged_in():
    references = {f"r{n}": "zyrtec" for n in range(12)}
    first = {f"r{n}": "zyrtec" if n % 3 else "other" for n in range(12)}
    a, b = arms(first, references, references, ["Zyrtec"])
    talkers = pd.DataFrame({"audio_id": list(references), "speaker": ["x", "y", "z"] * 3 + [None] * 3})
    row = compare_terms(a.merge(talkers), b, **QUICK).iloc[0]
    assert (row["block"], row["blocks"]) == ("speaker", 6)
    assert "3 recordings have no speaker and each count as one block." in row["note"]


@settings(max_examples=examples(30))
@given(recordings, recordings)
def test_swapping_the_arms_swaps_what_was_won_and_lost(one, two):
    size = min(len(one), len(two))
    hypotheses, references = both(one[:size])
    other = both(two[:size])[0]
    a, b = arms(hypotheses, other, references, TERMS, normalizer="basic")
    there, back = (compare_terms(*pair, by=None, **QUICK).iloc[0] for pair in ((a, b), (b, a)))
    assert (there["only_a"], there["only_b"], there["p"]) == (back["only_b"], back["only_a"], back["p"])
    assert pd.isna(back["difference"]) or there["difference"] == pytest.approx(-back["difference"])
    assert there["both"] + there["only_a"] + there["only_b"] + there["neither"] == there["occurrences"]


ALIGNED = align_words({"a": "takes Celebrex"}, {"a": "takes Celebrex"})
ERRORS = word_errors({"a": "takes Celebrex"}, {"a": "takes Celebrex"})
WRONG = [
    pytest.param(lambda: term_errors(ALIGNED, "Celebrex"), "must be a list of texts", id="one-text"),
    pytest.param(lambda: term_errors(ALIGNED, []), "there are no terms", id="no-terms"),
    pytest.param(lambda: term_errors(ALIGNED, [1]), "must be texts, found 1", id="number"),
    pytest.param(lambda: term_errors(ALIGNED, ["US", "us"]), "are the same after normalisation", id="twice"),
    pytest.param(lambda: term_errors(ALIGNED, ["US"], distractors=["us"]), "are the same", id="also-a-distractor"),
    pytest.param(lambda: term_errors(ALIGNED, ["!?"]), "leaves nothing of the term '!\\?'", id="nothing-left"),
    pytest.param(
        lambda: term_errors(ALIGNED, ["x"], normalizer="none"), "normalized? by|normalised by", id="other-label"
    ),
    pytest.param(
        lambda: term_errors(ALIGNED.drop(columns="normalizer"), ["x"]),
        "their normaliser is unknown",
        id="no-label",
    ),
    pytest.param(
        lambda: term_errors(ALIGNED.assign(normalizer="mine 1"), ["x"]), "which is not one of", id="own-normaliser"
    ),
    pytest.param(
        lambda: term_errors(ALIGNED.assign(reference=["takes", "Celebrex"]), ["x"]),
        "contain 'Celebrex'",
        id="raw-words",
    ),
    pytest.param(lambda: term_errors({"a": "b"}, ["x"]), "must be a table of align_words", id="no-table"),
    pytest.param(lambda: biasing_errors(ALIGNED, ["x"], against="both"), "'list' or 'utterance'", id="against"),
    pytest.param(
        lambda: biasing_errors(ALIGNED, ["x"], ERRORS.assign(audio_id="b")),
        "contain 'a', which is not a scored recording of errors",
        id="other-errors",
    ),
    pytest.param(
        lambda: term_counts(ALIGNED, ["x"], ERRORS.assign(audio_id="b")),
        "contain 'a', which is not a scored recording of errors",
        id="other-summary",
    ),
    pytest.param(
        lambda: summarize(term_counts(ALIGNED, ["x"], ERRORS), by="hits"), "columns of the result", id="by-taken"
    ),
    pytest.param(
        lambda: compare_terms(
            term_occurrences(ALIGNED, ["Celebrex"]), term_occurrences(ALIGNED, ["Celebrex", "takes"])
        ),
        "different occurrences of 'takes' in 'a'",
        id="other-terms",
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_missing_column_is_named():
    with pytest.raises(SchemaError, match=r"lacks \['operation'\]"):
        term_errors(ALIGNED.drop(columns="operation"), ["x"])


def test_no_alignments_no_occurrences():
    none = ALIGNED.iloc[:0]
    assert term_occurrences(none, ["Celebrex"]).empty
    table = term_errors(none, ["Celebrex"])
    assert table["hits"].tolist() == [0]
    assert table["recall"].isna().all()


def test_your_own_normaliser_is_given_again():
    step = Normalizer.of(["basic", NormalizationStep("without-s", "1", lambda text: text.replace("s", ""))])
    aligned = align_words({"a": "two zyrtecs"}, {"a": "two zyrtec"}, normalizer=step)
    assert term_errors(aligned, ["Zyrtecs"], normalizer=step)["hits"].tolist() == [1]
