"""Flags, clips and the review curve: counted by hand, and what must hold of any words."""

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from soniox_ds import schema
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.confidence.word_confidence import RULES, word_confidence
from soniox_ds.review_queue.flagging import flag_low_confidence, review_curve
from soniox_ds.text.words import words as words_of

few = settings(max_examples=examples(60))
ODDLY_SHORT = pytest.mark.filterwarnings("ignore:words.*Are these seconds")  # drawn words may last a few milliseconds


def words(confidence, start_ms=None, end_ms=None, audio_id="a", **columns):
    """Return a table with one word per second, half a second long by default."""
    count = len(confidence)
    start = [1000 * place for place in range(count)] if start_ms is None else start_ms
    end = [None if at is None else at + 500 for at in start] if end_ms is None else end_ms
    return pd.DataFrame(
        {
            "audio_id": audio_id,
            "word_index": range(count),
            "text": [f"w{place}" for place in range(count)],
            "start_ms": pd.array(start, dtype="Int32"),
            "end_ms": pd.array(end, dtype="Int32"),
            "confidence": pd.array(confidence, dtype="Float32"),
            **columns,
        }
    )


def alignments(references, verdicts, deletions=0):
    """``verdicts``: h, s or i for each word."""
    names = {"h": "hit", "s": "substitution", "i": "insertion"}
    rows = references[["audio_id", "word_index", "confidence"]].assign(
        operation=[names[verdict] for verdict in verdicts]
    )
    lost = pd.DataFrame({"audio_id": references["audio_id"].iloc[0], "operation": ["deletion"] * deletions})
    return pd.concat([rows, lost], ignore_index=True) if deletions else rows


def spans(clips):
    return sorted(clips[["start_ms", "end_ms"]].values.tolist())


BARE = {"merge_gap_ms": 0, "context_ms": 0}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"threshold": 0.5, **BARE}, [[1000, 1500], [2000, 2500], [5000, 5500]], id="each-by-itself"),
        pytest.param(
            {"threshold": 0.5, "merge_gap_ms": 499, "context_ms": 0},
            [[1000, 1500], [2000, 2500], [5000, 5500]],
            id="just-too-far",
        ),
        pytest.param({"threshold": 0.5, "merge_gap_ms": 500, "context_ms": 0}, [[1000, 2500], [5000, 5500]], id="near"),
        pytest.param(
            {"threshold": 0.5, "merge_gap_ms": 0, "context_ms": 250}, [[750, 2750], [4750, 5750]], id="contexts-meet"
        ),
        pytest.param({"threshold": 0.5, "merge_gap_ms": 0, "context_ms": 1250}, [[0, 6750]], id="not-before-zero"),
        pytest.param({"threshold": 0.25, **BARE}, [[2000, 2500]], id="at-the-threshold-counts"),
        pytest.param({"threshold": 0.2, **BARE}, [], id="none"),
        pytest.param({"threshold": 1, "merge_gap_ms": 500, "context_ms": 0}, [[0, 5500]], id="all"),
    ],
)
def test_clips_around_flags(options, expected):
    assert spans(flag_low_confidence(words([0.9, 0.5, 0.25, 0.9, 1.0, 0.5]), **options)) == expected


def test_the_columns_of_a_clip():
    references = words([0.9, 0.5, 0.75, 0.25, 1.0, 0.5])
    clips = flag_low_confidence(references, 0.5, merge_gap_ms=1500, context_ms=0)
    assert list(clips) == list(schema.CLIPS)
    assert {name: str(clips[name].dtype) for name in clips} == {k: v.dtype for k, v in schema.CLIPS.items()}
    assert clips.iloc[0].to_dict() == {
        "audio_id": "a",
        "start_ms": 1000,
        "end_ms": 5500,
        "words": 5,
        "flagged": 3,
        "first_word": 1,
        "text": "w1 w2 w3 w4 w5",
        "expected_errors": 0.5 + 0.25 + 0.75 + 0 + 0.5,
        "expected_errors_per_s": 2 / 4.5,
        "min_confidence": 0.25,
        "rank": 1,
        "cumulative_s": 4.5,
        "criterion": "threshold",
        "threshold": 0.5,
    }
    assert len(clips) == 1


def test_the_best_clip_comes_first():
    references = words([0.5, 0.1, 0.3, 0.1], start_ms=[0, 10_000, 20_000, 30_000], end_ms=[500, 11_000, 20_500, 30_500])
    clips = flag_low_confidence(references, 0.5, **BARE)  # 1, 0.9, 1.4 and 1.8 expected errors per second
    assert clips["text"].tolist() == ["w3", "w2", "w0", "w1"]
    assert clips["rank"].tolist() == [1, 2, 3, 4]
    assert clips["cumulative_s"].tolist() == [0.5, 1.0, 1.5, 2.5]


@pytest.mark.parametrize(
    ("budget", "expected"),
    [(0, 0), (0.4, 0), (0.5, 1), (0.9, 1), (1.0, 2), (2.0, 3), (2.5, 4), (float("inf"), 4)],
)
def test_a_budget_is_spent_on_the_best_words(budget, expected):
    references = words(
        [0.5, 0.1, 0.3, 0.1, 1.0],
        start_ms=[0, 10_000, 20_000, 30_000, 40_000],
        end_ms=[500, 11_000, 20_500, 30_500, 40_500],
    )
    clips = flag_low_confidence(references, review_budget_s=budget, **BARE)
    assert clips["text"].tolist() == ["w3", "w2", "w0", "w1"][:expected]  # confidence 1 is never worth a second
    assert clips["threshold"].isna().all()


def test_a_word_too_long_for_the_budget_does_not_block_the_rest():
    references = words([0.0, 0.9], start_ms=[0, 10_000], end_ms=[3000, 10_500])
    assert flag_low_confidence(references, review_budget_s=1, **BARE)["text"].tolist() == ["w1"]


TARGETS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.9]  # verdicts: s h s h h i


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"target_recall": 0}, 0.1),
        ({"target_recall": 1 / 3}, 0.1),
        ({"target_recall": 0.34}, 0.3),
        ({"target_recall": 2 / 3}, 0.3),
        ({"target_recall": 1}, 0.9),
        ({"target_precision": 1}, 0.1),
        ({"target_precision": 2 / 3}, 0.3),
        ({"target_precision": 0.5}, 0.9),  # 2 of 4 at 0.4, 3 of 6 at 0.9: the highest that will do
        ({"target_precision": 0.6}, 0.3),
    ],
)
def test_thresholds_from_targets(target, expected):
    references = words(TARGETS)
    judged = alignments(references, "shshhi", deletions=2)
    clips = flag_low_confidence(references, **target, alignments=judged)
    assert clips["threshold"].iat[0] == pytest.approx(expected)
    assert set(clips["criterion"]) == set(target)
    assert clips["flagged"].sum() == sum(value <= expected for value in TARGETS)


def test_a_target_that_is_met_exactly_is_met():
    references = words(np.arange(1, 26) / 100)
    judged = alignments(references, "s" * 25)
    assert 0.28 * 25 > 7  # in floating point
    assert flag_low_confidence(references, target_recall=0.28, alignments=judged)["flagged"].sum() == 7


def test_a_threshold_learnt_from_some_recordings_serves_for_others():
    learnt = alignments(words(TARGETS, audio_id="known"), "shshhi")
    clips = flag_low_confidence(words([0.3, 0.31], audio_id="new"), target_recall=2 / 3, alignments=learnt, **BARE)
    assert clips[["audio_id", "text"]].values.tolist() == [["new", "w0"]]


def test_targets_that_cannot_be_reached():
    references = words([0.1, 0.5])
    with pytest.raises(
        InputError, match=r"precision of 0\.9; the highest precision is 0\.500, for the 2 words .* at most 0\.500"
    ):
        flag_low_confidence(references, target_precision=0.9, alignments=alignments(references, "hs"))
    for target in ("target_precision", "target_recall"):
        with pytest.raises(InputError, match=r"none of the 2 aligned words .* is wrong"):
            flag_low_confidence(references, **{target: 0.5}, alignments=alignments(references, "hh", deletions=1))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, r"exactly one of threshold, target_precision.*found none"),
        ({"threshold": 0.5, "review_budget_s": 3}, r"exactly one.*found \['threshold', 'review_budget_s'\]"),
        ({"target_recall": 0.5}, r"target_recall needs .*alignments=sx.align_words"),
        ({"threshold": 80}, r"threshold is 80; give a share from 0 to 1 \(not percent\)"),
        ({"threshold": -0.1}, r"threshold is -0\.1; give a share from 0 to 1\.$"),
        ({"threshold": "low"}, r"threshold is 'low'; give a number"),
        ({"threshold": True}, r"threshold is True; give a number"),
        ({"review_budget_s": float("nan")}, r"review_budget_s is nan; give a number"),
        ({"review_budget_s": -1}, r"review_budget_s is -1; give seconds"),
        ({"threshold": 0.5, "merge_gap_ms": -1}, r"merge_gap_ms is -1"),
        ({"threshold": 0.5, "context_ms": 0.5}, r"context_ms is 0\.5; give whole milliseconds"),
        ({"threshold": 0.5, "alignments": pd.DataFrame()}, r"threshold does not need them"),
        ({"threshold": 0.5, "calibration": pd.Series([1])}, r"calibration must be .* found Series"),
        ({"threshold": 0.5, "calibration": 3}, r"calibration must be .* found 3"),
        ({"threshold": 0.5, "calibration": lambda c: c * 100}, r"must map each confidence to a number from 0 to 1"),
    ],
)
def test_options_that_mean_nothing(options, says):
    with pytest.raises(InputError, match=says):
        flag_low_confidence(words([0.1, 0.9]), **options)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (words([0.5]).drop(columns="confidence"), r"lacks \['confidence'\]"),
        (words([0.5, 97.0, 99.0]), r"between 0 and 1, found \[97\.0, 99\.0\] in rows \[1, 2\].*percent.*divide"),
        (words([-0.5]), r"found \[-0\.5\] in rows \[0\] \(1 of 1 rows are outside\)\.$"),
        (words([0.5]).assign(confidence="high"), r"confidence must contain numbers"),
        (words([0.5]).assign(start_ms=0.24, end_ms=0.3), r"words: start_ms contains 0\.24.*Are these seconds\?"),
        (
            words([0.5], start_ms=[500], end_ms=[200]),
            r"end_ms comes before start_ms .* row 0 of 'a' \(500 to 200\)",
        ),
        (words([0.5]).assign(audio_id=None), "audio_id is NA in 1 of 1 rows"),
    ],
)
def test_words_that_are_not_as_documented(said, says):
    with pytest.raises(SchemaError, match=says):
        flag_low_confidence(said, 0.5)


def test_neither_words_nor_corpus():
    with pytest.raises(InputError, match=r"give a Corpus, a LiveResult or a table of words .*found str"):
        flag_low_confidence("corpus", 0.5)


def test_words_without_audio_are_left_out():
    references = words([0.1, 0.1, 0.1, None], start_ms=[0, None, 5000, 6000]).assign(
        translation_status=["original", "original", "translation", "none"]
    )
    clips = flag_low_confidence(references, 1, **BARE)
    assert clips[["text", "words"]].values.tolist() == [["w0", 1]]
    with pytest.raises(InputError, match="none of the 1 words has times"):
        flag_low_confidence(references.iloc[[1]], 1)


def test_words_of_no_confidence_are_heard_but_never_flagged():
    clips = flag_low_confidence(words([0.5, None, 0.5]), 1, merge_gap_ms=2000, context_ms=0)
    assert clips[["words", "flagged", "expected_errors", "min_confidence"]].values.tolist() == [[3, 2, 1.0, 0.5]]
    assert not len(flag_low_confidence(words([None, None]), 1))
    assert not len(flag_low_confidence(words([None, None]), review_budget_s=100))


def test_tables_without_rows():
    for options in ({"threshold": 0.5}, {"review_budget_s": 5}):
        clips = flag_low_confidence(schema.empty(schema.WORDS), **options)
        assert {name: str(clips[name].dtype) for name in clips} == {k: v.dtype for k, v in schema.CLIPS.items()}
        assert not len(clips)


def test_recordings_are_apart_and_the_audio_ends_where_it_ends():
    tokens = pd.DataFrame(
        {
            "audio_id": ["b", "b", "a"],
            "token_index": [0, 1, 0],
            "text": ["one", " two", "three"],
            "start_ms": [0, 600, 0],
            "end_ms": [300, 900, 300],
            "confidence": [0.5, 0.5, 0.25],
        }
    )
    recordings = pd.DataFrame({"audio_id": ["b", "a"], "status": "completed", "duration_ms": [1000, None]})
    clips = flag_low_confidence(Corpus(recordings, tokens), 0.5, context_ms=400)
    assert clips[["audio_id", "start_ms", "end_ms", "text"]].values.tolist() == [
        ["a", 0, 700, "three"],  # nobody knows how long it is
        ["b", 0, 1000, "one two"],
    ]


def test_text_is_spaced_as_the_words_are_and_in_their_order():
    references = words([0.1] * 3, start_ms=[0, 400, 300]).assign(
        text=["你", "好", "you"], space_before=[False, False, True]
    )
    assert flag_low_confidence(references, 0.5)["text"].tolist() == ["你好 you"]


def test_overlapping_speakers_share_a_clip():
    references = words([0.1, 0.2, 0.9, 0.1], start_ms=[0, 100, 200, 3000], end_ms=[5000, 200, 300, 3100])
    assert flag_low_confidence(references, 0.5, **BARE)[["start_ms", "end_ms", "words"]].values.tolist() == [
        [0, 5000, 4]
    ]


def test_a_word_of_no_length_lasts_a_millisecond():
    clips = flag_low_confidence(words([0.5], start_ms=[7], end_ms=[7]), 0.5, **BARE)
    assert clips[["start_ms", "end_ms", "expected_errors_per_s"]].values.tolist() == [[7, 8, 500.0]]


def test_calibration_makes_the_expected_errors_and_nothing_else():
    references = words([0.5, 0.8])
    plain = flag_low_confidence(references, 0.5, **BARE)
    honest = flag_low_confidence(references, 0.5, calibration=lambda c: c**2, **BARE)
    assert honest["expected_errors"].tolist() == [0.75]
    same = [name for name in plain if not name.startswith("expected")]
    pd.testing.assert_frame_equal(honest[same], plain[same])


def test_a_decimal_threshold_finds_single_precision_confidences():
    assert float(np.float32(0.1)) > 0.1
    assert flag_low_confidence(words([0.1, 0.05, 0.3]), 0.1)["flagged"].sum() == 2


# Laws

times = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.integers(0, 20_000), st.integers(0, 1500), st.none() | st.floats(0, 1, width=32)
    ),
    max_size=25,
)
gaps = st.integers(0, 2000)


def some_words(drawn):
    frame = pd.DataFrame(drawn, columns=["audio_id", "start_ms", "length", "confidence"])
    frame["word_index"] = range(len(frame))
    return words(
        frame["confidence"].tolist(),
        frame["start_ms"].tolist(),
        (frame["start_ms"] + frame["length"]).tolist(),
        frame["audio_id"].tolist(),
    )


def gaps_between(clips):
    for _, own in clips.sort_values("start_ms").groupby("audio_id"):
        yield from (own["start_ms"].iloc[1:].to_numpy() - own["end_ms"].iloc[:-1].to_numpy()).tolist()


@few
@ODDLY_SHORT
@given(times, st.floats(0, 30), gaps, gaps)
def test_a_budget_is_never_exceeded_and_clips_never_overlap(drawn, budget, gap, context):
    references = some_words(drawn)
    clips = flag_low_confidence(references, review_budget_s=budget, merge_gap_ms=gap, context_ms=context)
    lengths = clips["end_ms"] - clips["start_ms"]
    assert lengths.sum() / 1000 <= budget
    assert (clips["cumulative_s"] <= budget).all()
    assert (lengths > 0).all()
    assert all(between > 0 for between in gaps_between(clips))
    doubtful = references[references["confidence"] < 1]
    alone = np.maximum(doubtful["end_ms"], doubtful["start_ms"] + 1) - doubtful["start_ms"] + 2 * context
    if len(doubtful) and alone.min() <= budget * 1000:
        assert len(clips)  # what can be afforded is not left


@few
@ODDLY_SHORT
@given(times, st.floats(0, 1, width=32), gaps, gaps)
def test_every_flagged_word_is_in_a_clip_and_each_word_in_one_at_most(drawn, threshold, gap, context):
    references = some_words(drawn)
    clips = flag_low_confidence(references, threshold, merge_gap_ms=gap, context_ms=context)
    flagged = references[references["confidence"] <= threshold]
    assert clips["flagged"].sum() == len(flagged)
    assert clips["words"].sum() <= len(references)
    hypothesis = " ".join(clips["text"]).split()
    assert len(hypothesis) == len(set(hypothesis))
    for word in flagged.itertuples():
        around = clips[clips["audio_id"] == word.audio_id]
        assert ((around["start_ms"] <= word.start_ms) & (word.end_ms <= around["end_ms"])).sum() == 1
    assert (np.diff(clips["expected_errors_per_s"]) <= 0).all()
    assert all(between > max(gap - 2 * context, 0) for between in gaps_between(clips))


@few
@ODDLY_SHORT
@given(times, st.floats(0, 1, width=32), gaps)
def test_recordings_do_not_touch_each_other(drawn, threshold, gap):
    references = some_words(drawn)
    assume(len(references))
    whole = flag_low_confidence(references, threshold, merge_gap_ms=gap)
    for audio_id, own in references.groupby("audio_id"):
        apart = flag_low_confidence(own, threshold, merge_gap_ms=gap).drop(columns=["rank", "cumulative_s"])
        mine = whole[whole["audio_id"] == audio_id].drop(columns=["rank", "cumulative_s"])
        pd.testing.assert_frame_equal(mine.reset_index(drop=True), apart)


@few
@ODDLY_SHORT
@given(times, st.floats(0, 30), st.floats(0, 30))
def test_more_seconds_find_no_less(drawn, one, two):
    references = some_words(drawn)
    less, more = sorted([one, two])
    lengths = np.maximum(references["end_ms"] - references["start_ms"], 1)
    assume(not len(references) or lengths.max() <= less * 1000)  # else other words may come in
    found = [
        flag_low_confidence(references, review_budget_s=budget, **BARE)["flagged"].sum() for budget in (less, more)
    ]
    assert found[0] <= found[1]


# The review curve


def curve_of(curve, order):
    own = curve[curve["order"] == order]
    return own[["reviewed_s", "errors_found"]].values.tolist()


def test_the_curve_counted_by_hand():
    references = words([0.9, 0.2, 0.5, 0.1])
    curve = review_curve(references, alignments(references, "ssih", deletions=1), points=5, **BARE)
    # by confidence: right, wrong, wrong, wrong
    assert curve_of(curve, "confidence") == [[0, 0], [0.5, 0], [1.0, 1], [1.5, 2], [2.0, 3]]
    assert curve_of(curve, "oracle") == [[0, 0], [0.5, 1], [1.0, 2], [1.5, 3]]
    assert curve_of(curve, "random") == [[0, 0], [0.5, 0.75], [1.0, 1.5], [1.5, 2.25], [2.0, 3]]
    last = curve[curve["order"] == "confidence"].iloc[-1]
    assert (last["share_reviewed"], last["recall"], last["recall_of_all"]) == (1.0, 1.0, 0.75)
    assert {name: str(curve[name].dtype) for name in curve} == {k: v.dtype for k, v in schema.REVIEW_CURVE.items()}


def test_a_budget_finds_what_the_curve_says():
    rng = np.random.default_rng(1)
    references = words(rng.random(40).round(3))
    verdicts = "".join(np.where(rng.random(40) < references["confidence"].to_numpy(float), "h", "s"))
    judged = alignments(references, verdicts)
    curve = review_curve(references, judged, points=41)
    for seconds, found in curve_of(curve, "confidence")[1:]:
        clips = flag_low_confidence(references, review_budget_s=seconds)
        hypotheses = references["text"].isin(" ".join(clips["text"]).split())
        assert (judged.loc[hypotheses, "operation"] == "substitution").sum() >= found
        assert clips["cumulative_s"].iat[-1] <= seconds


@few
@given(st.lists(st.sampled_from("his"), min_size=1, max_size=20))
def test_confidences_that_know_everything_are_as_good_as_an_oracle(verdicts):
    references = words([1.0 if verdict == "h" else 0.0 for verdict in verdicts])
    curve = review_curve(references, alignments(references, verdicts), points=100)
    ours, oracle = curve_of(curve, "confidence"), curve_of(curve, "oracle")
    assert ours[: len(oracle)] == oracle


def test_honest_confidences_beat_chance_and_an_oracle_beats_them():
    rng = np.random.default_rng(2)
    confidence = rng.beta(4, 1, 2000).round(4)
    references = words(confidence)
    judged = alignments(references, np.where(rng.random(2000) < confidence, "h", "s"))
    curve = review_curve(references, judged)
    at = np.linspace(0.1, 0.6, 6)
    recall = {
        order: np.interp(at, own["share_reviewed"].astype(float), own["recall"].astype(float))
        for order, own in curve.groupby("order")
    }
    assert (recall["confidence"] > recall["random"] + 0.05).all()
    assert (recall["oracle"] >= recall["confidence"]).all()


def test_curves_where_nothing_is_wrong_or_nothing_is_there():
    references = words([0.5, 0.5])
    curve = review_curve(references, alignments(references, "hh"))
    assert curve["recall"].isna().all()
    assert (curve["errors_found"] == 0).all()
    both = review_curve(schema.empty(schema.WORDS), alignments(references, "hh").iloc[:0])
    assert both["recall"].isna().all()
    assert (both["reviewed_s"] == 0).all()


def test_recordings_without_a_reference_are_left_out_of_the_curve():
    references = pd.concat([words([0.5, 0.4]), words([0.1], audio_id="b")], ignore_index=True)
    assert review_curve(references, alignments(references.iloc[:2], "hs"), **BARE)["reviewed_s"].max() == 1.0


def test_the_curve_refuses_what_does_not_fit():
    references = words([0.5, 0.5])
    with pytest.raises(InputError, match=r"have no recording in common: words have \['a'\], alignments \['b'\]"):
        review_curve(references, alignments(words([0.5], audio_id="b"), "h"))
    with pytest.raises(SchemaError, match=r"1 aligned words are not among the words, such as word_index 2 of 'a'"):
        review_curve(references, alignments(words([0.5] * 3), "hhs"))
    with pytest.raises(SchemaError, match=r"words: 1 of 2 rows are duplicates, first audio_id 'a', word_index 0"):
        review_curve(references.assign(word_index=0), alignments(references, "hs"))
    with pytest.raises(SchemaError, match=r"lacks \['word_index'\]"):
        review_curve(references, alignments(references, "hs").drop(columns="word_index"))
    with pytest.raises(InputError, match="points is 1"):
        review_curve(references, alignments(references, "hs"), points=1)


# The rules of word confidence


def tokens(pieces, confidence, **columns):
    return pd.DataFrame(
        {"audio_id": "a", "token_index": range(len(pieces)), "text": pieces, "confidence": confidence, **columns}
    )


@pytest.mark.parametrize(
    ("rule", "expected"), [("minimum", [0.5, 0.5]), ("mean", [0.75, 0.5]), ("product", [0.5, 0.5])]
)
def test_pieces_of_a_word(rule, expected):
    made_of = tokens(["lis", "in", ".", " —"], [0.5, 1.0, 0.1, 0.5])
    assert word_confidence(words_of(made_of), rule, tokens=made_of)["confidence"].tolist() == expected


def test_the_product_through_streams_sounds_and_divided_tokens():
    made_of = tokens(
        [" Gu", " a", "ten", "b", " ", "[noise]", " of the", "<end>", "x"],
        [0.5, 0.5, 0.5, 0.25, 0.1, 0.1, 0.5, 0.1, None],
        translation_status=["translation", "original"] * 2 + ["original"] * 5,
        is_audio_event=[False] * 5 + [True] + [False] * 3,
    )
    corpus = Corpus(pd.DataFrame({"audio_id": ["a"], "status": "completed"}), made_of)
    found = word_confidence(corpus, "product")
    assert found["text"].tolist() == ["Guten", "ab", "of", "the", "x"]
    assert found["confidence"].fillna(-1).tolist() == [0.25, 0.125, 0.5, 0.5, -1]
    shuffled = word_confidence(found.iloc[::-1], "product", tokens=made_of.sample(frac=1, random_state=0))
    assert shuffled["confidence"].fillna(-1).tolist() == [-1, 0.5, 0.5, 0.125, 0.25]


piece = st.tuples(
    st.sampled_from([" a", "b", "ing", ".", " ", "你", " x y", "<end>", "(", " the"]),
    st.floats(0, 1, width=32),
    st.sampled_from(["original", "translation"]),
)


@few
@given(st.lists(piece, max_size=20))
def test_product_is_at_most_minimum_is_at_most_mean(drawn):
    pieces, confidence, status = ([row[place] for row in drawn] for place in range(3))
    made_of = tokens(pieces, confidence, translation_status=status)
    references = words_of(made_of)
    product, minimum, mean = (
        word_confidence(references, rule, tokens=made_of)["confidence"].to_numpy(float)
        for rule in ("product", "minimum", "mean")
    )
    assert (product <= minimum + 1e-6).all()
    assert (minimum <= mean + 1e-6).all()
    single = (references["token_count"] == 1).to_numpy(bool)
    np.testing.assert_allclose(product[single], minimum[single], rtol=1e-6)


def test_rules_and_tokens_that_do_not_fit():
    made_of = tokens(["a", " b"], [0.5, 0.5])
    references = words_of(made_of)
    with pytest.raises(InputError, match=r"confidence_rule is 'max'; it can be 'minimum', 'mean', 'product'"):
        word_confidence(references, "max")
    with pytest.raises(InputError, match=r"needs the tokens of the words"):
        word_confidence(references, "product")
    with pytest.raises(SchemaError, match=r"2 words consist of 2 tokens, and 1 of the 1 tokens"):
        word_confidence(references, "product", tokens=made_of.iloc[:1])
    with pytest.raises(SchemaError, match=r"the words do not belong to the tokens"):
        word_confidence(references, "product", tokens=made_of.assign(audio_id="b"))
    for rule in RULES:
        assert not len(word_confidence(schema.empty(schema.WORDS), rule, tokens=schema.empty(schema.TOKENS)))
