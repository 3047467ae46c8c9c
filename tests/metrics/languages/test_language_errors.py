"""Languages: counted by hand, against scikit-learn and plain loops, and by laws."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from soniox_ds import schema
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.languages.errors import language_confusion, language_errors
from soniox_ds.metrics.languages.switches import language_switches
from soniox_ds.metrics.languages.word_errors import word_errors_by_language
from soniox_ds.metrics.stats.summaries import summarize

QUICK = {"n_resamples": 200}


def words(*rows, audio_id="a", **more):
    """Words of (start_ms, end_ms, language)."""
    return pd.DataFrame(
        {
            "audio_id": audio_id,
            "word_index": range(len(rows)),
            "text": "x",
            "start_ms": [row[0] for row in rows],
            "end_ms": [row[1] for row in rows],
            "language": pd.array([row[2] for row in rows], dtype="string"),
            **more,
        }
    )


def stretches(*rows, audio_id="a"):
    return pd.DataFrame(
        {
            "audio_id": audio_id,
            "start_ms": [row[0] for row in rows],
            "end_ms": [row[1] for row in rows],
            "language": [row[2] for row in rows],
        }
    )


def cells(confusion):
    """{(reference, found): (ms, words)}, pairs that never occurred left out."""
    return {
        tuple(None if pd.isna(x) else x for x in row[:2]): (row.time_ms, row.words)
        for row in confusion.itertuples(index=False)
        if row.time_ms or row.words
    }


COUNTED_BY_HAND = [
    pytest.param([(0, 400, "de")], [(0, 1000, "de")], {("de", "de"): (400, 1)}, id="right"),
    pytest.param([(0, 400, "en")], [(0, 1000, "de")], {("de", "en"): (400, 1)}, id="wrong"),
    pytest.param(
        [(0, 400, "en")],
        [(0, 100, "de"), (100, 900, "en")],
        {("de", "en"): (100, 0), ("en", "en"): (300, 1)},
        id="across-a-border",
    ),
    pytest.param(
        [(0, 400, "en")], [(100, 300, "en")], {("en", "en"): (200, 1), (None, "en"): (200, 0)}, id="sticks-out"
    ),
    pytest.param([(0, 400, "en")], [(600, 900, "en")], {(None, "en"): (400, 1)}, id="outside"),
    pytest.param(
        [(0, 400, None), (400, 500, "en")],
        [(0, 500, "en")],
        {("en", None): (400, 1), ("en", "en"): (100, 1)},
        id="unlabelled",
    ),
    pytest.param(
        [(0, 400, "en")], [(0, 400, "de"), (0, 400, "en")], {("en", "en"): (400, 1)}, id="two-talk-one-is-right"
    ),
    pytest.param(
        [(0, 400, "fr")], [(0, 400, "en"), (0, 400, "de")], {("de", "fr"): (400, 1)}, id="two-talk-both-wrong"
    ),
    pytest.param([(0, 400, "en")], [(0, 250, "en"), (200, 400, "en")], {("en", "en"): (400, 1)}, id="counted-once"),
    pytest.param(
        [(0, 400, "en"), (None, None, "en")],
        [(0, 400, "en")],
        {("en", "en"): (400, 1), (None, "en"): (0, 1)},
        id="no-times",
    ),
    pytest.param([(300, 300, "en"), (300, 400, "en")], [(0, 400, "en")], {("en", "en"): (100, 2)}, id="no-length"),
]


@pytest.mark.parametrize(("found", "real", "expected"), COUNTED_BY_HAND)
def test_counted_by_hand(found, real, expected):
    assert cells(language_confusion(words(*found), stretches(*real))) == expected


def test_all_three_kinds_of_reference_agree():
    found = words((0, 400, "de"), (400, 600, "en"), reference_language="de")
    by_word = language_confusion(found)
    assert by_word.equals(language_confusion(found, {"a": "de"}))
    assert by_word.equals(language_confusion(found, pd.Series({"a": "de"})))
    assert by_word.equals(language_confusion(found, pd.DataFrame({"audio_id": ["a"], "language": ["de"]})))
    assert by_word.equals(language_confusion(found, stretches((0, 1000, "de"))))
    assert list(by_word.columns) == list(schema.LANGUAGE_CONFUSION)
    matrix = by_word.pivot(index="reference_language", columns="language", values="share")
    assert matrix.loc["de"].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert matrix.loc["en"].isna().all()  # nobody spoke English


def test_translations_are_left_out():
    found = words((0, 400, "de"), (None, None, "en"), translation_status=["original", "translation"])
    assert cells(language_confusion(found, {"a": "de"})) == {("de", "de"): (400, 1)}


def test_tokens_are_put_together_first():
    tokens = words((0, 100, "de"), (100, 200, "de")).rename(columns={"word_index": "token_index"})
    assert cells(language_confusion(tokens, {"a": "de"})) == {("de", "de"): (200, 1)}


codes = st.sampled_from(["de", "en", "fr"])
spans = st.lists(st.tuples(st.integers(0, 60), st.integers(10, 30)), min_size=1, max_size=8, unique=True)


@st.composite
def scenes(draw):
    """Words of two recordings, one after the other, and stretches that may overlap."""
    tables = []
    for name in ("a", "b"):
        edges = sorted(10 * edge for edge in draw(st.lists(st.integers(0, 9), min_size=2, max_size=9, unique=True)))
        found = [(one, two, draw(codes)) for one, two in pairwise(edges)]
        real = [(start, start + length, draw(codes)) for start, length in draw(spans)]
        tables.append((words(*found, audio_id=name), stretches(*real, audio_id=name)))
    return [pd.concat(part, ignore_index=True) for part in zip(*tables, strict=True)]


def plain_confusion(found, real):
    """Millisecond by millisecond, word by word."""
    total = {}
    for word in found.itertuples():
        own = real[real["audio_id"] == word.audio_id]

        def spoken(instant, own=own, language=word.language):
            there = sorted(set(own.loc[(own["start_ms"] <= instant) & (instant < own["end_ms"]), "language"]))
            return language if language in there else there[0] if there else None

        for instant in range(word.start_ms, word.end_ms):
            key = spoken(instant), word.language
            total.setdefault(key, np.zeros(2, int))[0] += 1
        key = spoken((word.start_ms + word.end_ms) // 2), word.language
        total.setdefault(key, np.zeros(2, int))[1] += 1
    return {key: tuple(value.tolist()) for key, value in total.items()}


@settings(max_examples=examples(25))
@given(scenes())
def test_stretches_agree_with_plain_loops(scene):
    assert cells(language_confusion(*scene)) == plain_confusion(*scene)


@settings(max_examples=examples(25))
@given(st.lists(st.tuples(codes, codes, st.integers(10, 500)), min_size=1, max_size=12))
def test_confusion_is_that_of_scikit_learn(rows):
    edges = np.concatenate([[0], np.cumsum([length for *_, length in rows])])
    found = words(*zip(edges, edges[1:], [two for _, two, _ in rows], strict=False))
    found["reference_language"] = [one for one, *_ in rows]
    table = language_confusion(found)
    labels = sorted({one for one, *_ in rows} | {two for _, two, _ in rows})
    matrix = table.pivot(index="reference_language", columns="language", values="time_ms").to_numpy(int)
    # One label more, since scikit-learn warns of a matrix of one cell.
    one, two, lengths = zip(*rows, strict=True)
    expected = confusion_matrix(one, two, labels=[*labels, "zz"], sample_weight=lengths)[:-1, :-1]
    assert matrix.tolist() == expected.tolist()
    counts = table.pivot(index="reference_language", columns="language", values="words").to_numpy(int)
    assert counts.tolist() == confusion_matrix(one, two, labels=[*labels, "zz"])[:-1, :-1].tolist()


@settings(max_examples=examples(25))
@given(scenes())
def test_errors_of_recordings_add_up_to_the_confusion(scene):
    confusion, errors = language_confusion(*scene), language_errors(*scene)
    both = confusion.dropna(subset=["reference_language", "language"])
    wrong = both[both["reference_language"] != both["language"]]
    assert errors["labelled_ms"].sum() == both["time_ms"].sum()
    assert errors["wrong_ms"].sum() == wrong["time_ms"].sum()
    assert errors["words"].sum() == both["words"].sum()
    assert errors["unreferenced_ms"].sum() == confusion.loc[confusion["reference_language"].isna(), "time_ms"].sum()
    found = scene[0]
    assert confusion["time_ms"].sum() == (found["end_ms"] - found["start_ms"]).sum()
    assert confusion["words"].sum() == len(found)


def corpus():
    recordings = pd.DataFrame(
        {
            "audio_id": ["a", "b", "c", "d"],
            "status": ["completed", "failed", "completed", "completed"],
            "spoken": ["de", "de", "en", None],
            "accent": ["x", "x", "y", "y"],
        }
    )
    tokens = pd.concat(
        [
            words((0, 300, "de"), (300, 400, "en"), audio_id="a").rename(columns={"word_index": "token_index"}),
            words((0, 300, "fr"), audio_id="d").rename(columns={"word_index": "token_index"}),
        ]
    )
    return Corpus(recordings, tokens)


def test_failed_and_silent_recordings_are_rows_of_their_own():
    errors = language_errors(corpus(), "spoken")
    assert errors["audio_id"].tolist() == ["a", "b", "c"]  # of d nobody knows what was spoken
    assert errors["status"].tolist() == ["scored", "failed", "scored"]
    assert errors["error_rate"].fillna(-1).tolist() == [0.25, -1, -1]
    assert errors["labelled_ms"].fillna(-1).tolist() == [400, -1, 0]
    assert errors["accent"].tolist() == ["x", "x", "y"]
    with pytest.warns(UserWarning, match="1 of 2 recordings of the references were not transcribed, such as 'z'"):
        missing = language_errors(corpus(), {"a": "de", "z": "de"})
    assert missing["status"].tolist() == ["scored", "missing"]
    summary = summarize(errors, by="accent", **QUICK)
    assert summary["accent"].tolist() == ["x", "y"]
    assert summary["failed"].tolist() == [1, 0]
    assert summary["error_rate"].fillna(-1).tolist() == [0.25, -1]


def test_summary_pools_time_and_resamples_blocks():
    rng = np.random.default_rng(0)
    errors = pd.DataFrame(
        {
            "audio_id": [f"r{n}" for n in range(30)],
            "status": "scored",
            "labelled_ms": rng.integers(500, 2000, 30),
            "wrong_ms": rng.integers(0, 400, 30),
            "unlabelled_ms": 0,
            "unreferenced_ms": 0,
            "speaker": list("abcdefghij") * 3,
        }
    )
    row = summarize(errors, n_resamples=1000).iloc[0]
    assert row["error_rate"] == pytest.approx(errors["wrong_ms"].sum() / errors["labelled_ms"].sum())
    assert row["error_rate_low"] < row["error_rate"] < row["error_rate_high"]
    assert (row["block"], row["blocks"]) == ("speaker", 10)


# Switches


def outcomes(table):
    return [
        (row.outcome, row.from_language, row.to_language, None if pd.isna(row.error_ms) else row.error_ms)
        for row in table.itertuples()
    ]


def test_switches_counted_by_hand():
    found = words((0, 400, "en"), (500, 900, None), (900, 1500, "de"), (1500, 2000, "de"), (4000, 4500, "en"))
    real = stretches((0, 800, "en"), (800, 2000, "de"), (6000, 7000, "en"))
    assert outcomes(language_switches(found, real)) == [
        ("hit", "en", "de", 100),
        ("false_alarm", "de", "en", None),
        ("miss", "de", "en", None),
    ]
    assert outcomes(language_switches(found, real, tolerance_ms=2000)) == [
        ("hit", "en", "de", 100),
        ("hit", "de", "en", -2000),
    ]


def test_a_switch_to_another_language_is_no_hit():
    found = words((0, 400, "en"), (500, 900, "fr"))
    real = stretches((0, 500, "en"), (500, 900, "de"))
    assert [row[0] for row in outcomes(language_switches(found, real))] == ["miss", "false_alarm"]


def test_switches_do_not_cross_recordings_and_may_be_said_by_the_words():
    one = words((0, 400, "en"), (500, 900, "de"), reference_language=["en", "de"])
    two = words((0, 400, "en"), audio_id="b", reference_language=["fr"])
    assert outcomes(language_switches(pd.concat([one, two]))) == [("hit", "en", "de", 0)]


def test_most_hits_then_least_error():
    found = words((0, 1, "de"), (100, 200, "en"), (200, 300, "de"), (1000, 1100, "en"))
    real = stretches((0, 600, "de"), (600, 700, "en"), (700, 1800, "de"), (1800, 2000, "en"))
    table = language_switches(found, real, tolerance_ms=800)  # 600-1000 would be nearest, and leave 1800 alone
    to_english = table[table["to_language"] == "en"]
    assert to_english["reference_ms"].tolist() == [600, 1800]
    assert to_english["hypothesis_ms"].tolist() == [100, 1000]


switch_times = st.lists(st.integers(0, 40), max_size=5, unique=True).map(sorted)


def plain_matching(real, found, tolerance):
    """(most hits, least error for so many), by trying everything."""
    if not real:
        return 0, 0
    best = plain_matching(real[1:], found, tolerance)
    for at, time in enumerate(found):
        if abs(time - real[0]) <= tolerance:
            hits, error = plain_matching(real[1:], found[:at] + found[at + 1 :], tolerance)
            best = max(best, (hits + 1, error + abs(time - real[0])), key=lambda pair: (pair[0], -pair[1]))
    return best


@settings(max_examples=examples(40))
@given(switch_times, switch_times, st.integers(0, 20))
def test_matching_agrees_with_trying_everything(real, found, tolerance):
    def scene(times, make):
        rows = [
            row
            for time in times
            for row in ((100 * time, 100 * time + 20, "de"), (100 * time + 20, 100 * time + 40, "en"))
        ]
        return make(*rows)

    # every second switch goes the other way; only those from de to en are looked at
    table = language_switches(
        scene(found, words) if found else words((0, 1, "fr")),
        scene(real, stretches) if real else stretches((0, 1, "fr")),
        tolerance_ms=100 * tolerance,
    )
    own = table[(table["from_language"] == "de") & (table["to_language"] == "en") & (table["outcome"] == "hit")]
    hits, error = plain_matching([100 * t for t in real], [100 * t for t in found], 100 * tolerance)
    assert len(own) == hits
    assert own["error_ms"].abs().sum() == error


def test_summary_of_switches():
    found = words((0, 400, "en"), (900, 1500, "de"), (4000, 4500, "en"))
    real = stretches((0, 800, "en"), (800, 2000, "de"), (4300, 7000, "en"), (8000, 9000, "de"))
    summary = summarize(language_switches(found, real))
    assert list(summary.columns) == list(schema.LANGUAGE_SWITCH_SUMMARY)
    row = summary.iloc[0]
    assert (row["reference_switches"], row["hypothesis_switches"], row["hits"]) == (3, 2, 2)
    assert (row["precision"], row["recall"], row["f1"]) == (1, pytest.approx(2 / 3), 0.8)
    assert (row["error_ms_mean"], row["error_ms_absolute"], row["error_ms_median"]) == (-100, 200, 200)
    by = summarize(language_switches(found, real), by=["from_language", "to_language"])
    assert by["hits"].tolist() == [1, 1]
    none = summarize(language_switches(words((0, 1, "en")), stretches((0, 1, "en")))).iloc[0]
    assert none["hits"] == 0
    assert none[["precision", "recall", "f1", "error_ms_mean"]].isna().all()


# Word errors given the language


def aligned(*rows, audio_id="a", **more):
    """Alignments of (operation, language, start_ms, end_ms)."""
    return pd.DataFrame(
        {
            "audio_id": audio_id,
            "position": range(len(rows)),
            "operation": [row[0] for row in rows],
            "language": pd.array([row[1] for row in rows], dtype="string"),
            "start_ms": pd.array([row[2] if len(row) > 2 else None for row in rows], dtype="Int32"),
            "end_ms": pd.array([row[3] if len(row) > 2 else None for row in rows], dtype="Int32"),
            **more,
        }
    )


NAMES = ["reference_language", "language_status", "hits", "substitutions", "deletions", "insertions"]


def test_word_errors_counted_by_hand():
    table = aligned(
        ("deletion", None),
        ("hit", "de"),
        ("substitution", "en"),
        ("deletion", None),
        ("insertion", "en"),
        ("hit", "de"),
    )
    found = word_errors_by_language(table, {"a": "de"})
    assert list(found.columns) == list(schema.WORD_ERRORS_BY_LANGUAGE)
    assert list(summarize(found, **QUICK).columns) == list(schema.LANGUAGE_WORD_ERROR_SUMMARY)
    assert found[NAMES].to_numpy().tolist() == [["de", "right", 2, 0, 1, 0], ["de", "wrong", 0, 1, 1, 1]]
    assert found["wer"].tolist() == [pytest.approx(1 / 3), 1.5]


def test_nothing_but_deletions_is_unknown():
    table = pd.concat([aligned(("deletion", None)), aligned(("hit", "de"), audio_id="b")])
    found = summarize(word_errors_by_language(table, {"a": "de", "b": "de"}), **QUICK)
    assert found["language_status"].tolist() == ["right", "unknown"]


def test_stretches_say_what_was_spoken_at_a_word():
    table = aligned(("hit", "de", 0, 400), ("deletion", None), ("hit", "de", 600, 900), ("insertion", "en", 1000, 1200))
    found = summarize(word_errors_by_language(table, stretches((0, 500, "de"), (500, 1100, "en"))), **QUICK)
    assert found[NAMES].to_numpy().tolist() == [
        ["de", "right", 1, 0, 1, 0],
        ["en", "wrong", 1, 0, 0, 0],
        [pd.NA, "unknown", 0, 0, 0, 1],
    ]


def test_an_insertion_takes_the_reference_language_of_its_neighbour():
    table = aligned(("insertion", "en"), ("hit", "de"), ("insertion", "de"), ("hit", "en"))
    table["reference_language"] = ["fr", "de", None, "en"]  # that of the insertion counts for nothing
    found = summarize(word_errors_by_language(table), **QUICK)
    assert found[NAMES].to_numpy().tolist() == [
        ["de", "right", 1, 0, 0, 1],
        ["de", "wrong", 0, 0, 0, 1],
        ["en", "right", 1, 0, 0, 0],
    ]


operations = st.sampled_from(["hit", "substitution", "deletion", "insertion"])


@settings(max_examples=examples(25))
@given(st.lists(st.lists(st.tuples(operations, codes), min_size=1, max_size=6), min_size=1, max_size=3))
def test_parts_add_up_to_all_words(recordings):
    table = pd.concat(
        [
            aligned(*((op, None if op == "deletion" else code) for op, code in rows), audio_id=f"r{n}")
            for n, rows in enumerate(recordings)
        ]
    )
    if table["language"].isna().all():
        return
    found = summarize(word_errors_by_language(table, {f"r{n}": "de" for n in range(len(recordings))}), **QUICK)
    for name, column in (("hit", "hits"), ("substitution", "substitutions"), ("deletion", "deletions")):
        assert found[column].sum() == (table["operation"] == name).sum()
    assert found["insertions"].sum() == (table["operation"] == "insertion").sum()


HYPOTHESIS = words((0, 400, "de"), (400, 600, "en"))
REFERENCE = stretches((0, 1000, "de"))
WRONG = [
    pytest.param(lambda: language_confusion([1], {"a": "de"}), "takes a Corpus or a table", id="no-table"),
    pytest.param(lambda: language_confusion(HYPOTHESIS), "there are no reference languages", id="no-references"),
    pytest.param(lambda: language_confusion(HYPOTHESIS, ["de"]), "must be a mapping", id="list"),
    pytest.param(
        lambda: language_confusion(HYPOTHESIS, "spoken"),
        "but the first argument is not a Corpus",
        id="column-of-no-corpus",
    ),
    pytest.param(
        lambda: language_confusion(HYPOTHESIS, {"b": "de"}), "belong to other recordings", id="other-recordings"
    ),
    pytest.param(
        lambda: language_confusion(HYPOTHESIS, {"a": "deu"}),
        "'deu' is not a two-letter language code",
        id="three-letters",
    ),
    pytest.param(lambda: language_confusion(HYPOTHESIS, {"a": "de-DE"}), "not a two-letter language code", id="region"),
    pytest.param(
        lambda: language_confusion(HYPOTHESIS, pd.DataFrame({"audio_id": ["a", "a"], "language": ["de", "en"]})),
        "more than once in the references; for several languages in a recording give stretches",
        id="twice",
    ),
    pytest.param(
        lambda: language_confusion(HYPOTHESIS, REFERENCE.assign(end_ms=0.6)),
        "end_ms contains 0.6.* Are these seconds\\?",
        id="seconds",
    ),
    pytest.param(
        lambda: language_confusion(HYPOTHESIS, REFERENCE.assign(end_ms=-1)), "end_ms is negative", id="negative"
    ),
    pytest.param(
        lambda: language_confusion(HYPOTHESIS, REFERENCE.assign(start_ms=2000)),
        "end_ms comes before start_ms",
        id="backwards",
    ),
    pytest.param(
        lambda: language_confusion(HYPOTHESIS, REFERENCE.assign(language=None)), "has no language", id="no-language"
    ),
    pytest.param(
        lambda: language_confusion(HYPOTHESIS, REFERENCE.drop(columns="end_ms")), "lacks \\['end_ms'\\]", id="half"
    ),
    pytest.param(
        lambda: language_confusion(words((0, 1, None)), {"a": "de"}), "enable_language_identification", id="off"
    ),
    pytest.param(lambda: language_confusion(HYPOTHESIS.drop(columns="language"), {"a": "de"}), "lacks", id="column"),
    pytest.param(lambda: language_switches(HYPOTHESIS, {"a": "de"}), "have no switches", id="no-switches"),
    pytest.param(
        lambda: language_switches(HYPOTHESIS, REFERENCE, tolerance_ms=-1), "tolerance_ms is -1", id="tolerance"
    ),
    pytest.param(lambda: summarize(language_errors(HYPOTHESIS, {"a": "de"}).iloc[:0]), "no rows", id="empty"),
    pytest.param(lambda: summarize(language_errors(HYPOTHESIS, {"a": "de"}), by="wrong_ms"), "of the result", id="by"),
    pytest.param(
        lambda: word_errors_by_language(aligned(("hit", None)), {"a": "de"}),
        "enable_language_identification",
        id="no-labels",
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_input_is_named(call, message):
    with pytest.raises((InputError, SchemaError), match=message):
        call()


def test_no_words():
    none = HYPOTHESIS.iloc[:0]
    assert language_confusion(none, {"a": "de"}).empty
    assert language_switches(none, REFERENCE)["status"].tolist() == ["missing"]
    assert language_errors(none, {"a": "de"})["status"].tolist() == ["missing"]
    assert word_errors_by_language(aligned(("hit", "de")).iloc[:0], {"a": "de"}).empty
