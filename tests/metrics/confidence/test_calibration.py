"""Calibration, its intervals, recalibration, ROC and PR: counted by hand, and what must always hold."""

import math

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds import schema
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.confidence.calibration import calibration, reliability
from soniox_ds.metrics.confidence.recalibration import fit_recalibration
from soniox_ds.metrics.confidence.roc import precision_recall, roc
from soniox_ds.metrics.confidence.word_confidence import as_decimals

few = settings(max_examples=examples(40))
NAMES = {"h": "hit", "s": "substitution", "i": "insertion", "d": "deletion"}
quick = {"n_resamples": 100}


def alignments(verdicts, confidence, audio_id=None, **columns):
    """``verdicts``: h, s, i or d for each pair."""
    return pd.DataFrame(
        {
            "audio_id": [str(place % 3) for place in range(len(verdicts))] if audio_id is None else audio_id,
            "operation": pd.array([NAMES[verdict] for verdict in verdicts], dtype="string"),
            "confidence": pd.array(confidence, dtype="Float64"),
            **columns,
        }
    )


def simulated(recordings, words, shift, seed, spread=0.5):
    """Words whose true chance of being right is off by `shift`, and by recording, on the logit."""
    rng = np.random.default_rng(seed)
    confidence = rng.beta(6, 1, (recordings, words)).clip(0.001, 0.999)
    score = np.log(confidence / (1 - confidence)) + shift + rng.normal(0, spread, (recordings, 1))
    right = rng.random((recordings, words)) < 1 / (1 + np.exp(-score))
    return pd.DataFrame(
        {
            "audio_id": np.repeat(np.arange(recordings), words).astype(str),
            "operation": np.where(right.ravel(), "hit", "substitution"),
            "confidence": confidence.ravel(),
        }
    )


def dtypes(table, names):
    return {name: str(table[name].dtype) for name in names}


def studies_of(tables):
    """Alignments of several studies in one table, numbered by the column "study".

    All of them are measured in one call, which costs a fraction of one call for each.
    """
    return pd.concat([table.assign(study=number) for number, table in enumerate(tables)], ignore_index=True)


def test_scores_counted_by_hand():
    found = calibration(alignments("hshid", [0.95, 0.45, 0.75, 0.15, None]), bins=2)
    assert dtypes(found, found) == {name: column.dtype for name, column in schema.CALIBRATION.items()}
    row = found.iloc[0]
    assert (row["n"], row["errors"], row["accuracy"], row["blocks"]) == (4, 2, 0.5, 3)
    assert row["confidence_mean"] == pytest.approx(0.575)
    assert row["ece"] == pytest.approx(0.5 * 0.3 + 0.5 * 0.15)  # bins 0.15, 0.45 (all wrong) and 0.75, 0.95 (all right)
    assert row["brier"] == pytest.approx((0.05**2 + 0.45**2 + 0.25**2 + 0.15**2) / 4)
    logs = math.log(0.95) + math.log(0.55) + math.log(0.75) + math.log(0.85)
    assert row["nce"] == pytest.approx(1 + logs / (4 * math.log(2)))
    assert row["auc"] == 1.0
    assert (row["bins"], row["binning"], row["block"], row["ci"], row["seed"]) == (
        2,
        "equal_width",
        "audio_id",
        0.95,
        0,
    )


def test_a_certain_mistake_is_dear_but_finite():
    row = calibration(alignments("hs", [1.0, 1.0])).iloc[0]
    assert row["nce"] == pytest.approx(1 + (math.log(1e-7) + math.log1p(-1e-7)) / (2 * math.log(2)))


@pytest.mark.parametrize(("verdicts", "accuracy"), [("hhh", 1.0), ("sis", 0.0)])
def test_all_right_and_all_wrong(verdicts, accuracy):
    judged = alignments(verdicts, [0.5, 0.75, 1.0])
    row = calibration(judged, bins=1).iloc[0]
    assert row["nce"] is pd.NA
    assert row["auc"] is pd.NA
    assert (row["accuracy"], row["ece"]) == (accuracy, abs(accuracy - 0.75))
    curve = roc(judged)
    assert curve["true_positive_rate"].isna().all() == (accuracy == 1)
    assert curve["false_positive_rate"].isna().all() == (accuracy == 0)
    assert precision_recall(judged)["precision"].tolist() == [1 - accuracy] * 3
    with pytest.raises(InputError, match=r"all words are (right|wrong), so there is nothing to learn"):
        fit_recalibration(judged)


def test_tables_without_rows():
    nothing = alignments("", []).assign(language="", hypothesis="")
    for empty in (nothing, alignments("dd", [None, None])):
        row = calibration(empty).iloc[0]
        assert (row["n"], row["errors"], row["blocks"]) == (0, 0, 0)
        assert row[["accuracy", "ece", "ece_low", "ece_by_chance", "brier", "nce", "auc"]].isna().all()
        assert reliability(empty, bins=2)["n"].tolist() == [0, 0]
        assert not len(roc(empty))
        assert not len(precision_recall(empty))
    for by in ("language", ["length", "language"]):
        for measure in (calibration, reliability):
            assert not len(measure(nothing, by))
    assert list(calibration(nothing, "language")) == ["language", *schema.CALIBRATION]
    with pytest.raises(InputError, match="there are no words"):
        fit_recalibration(nothing)


def test_groups_keep_their_type_and_order():
    judged = alignments(
        "hshs",
        [0.9, 0.8, 0.7, 0.6],
        speaker=pd.array(["2", None, "1", "1"], dtype="string"),
        take=[2, 2, 1, 1],
        hypothesis=["abcdefghij", "abc", "abcd", "a"],
    )
    found = calibration(judged, "speaker", **quick)
    assert found["speaker"].fillna("-").tolist() == ["1", "2", "-"]
    assert found["n"].tolist() == [2, 1, 1]
    both = calibration(judged, ["take", "speaker"], **quick)
    assert both[["take", "n"]].values.tolist() == [[1, 2], [2, 1], [2, 1]]
    assert str(both["take"].dtype) == "int64"
    lengths = calibration(judged, "length", **quick)
    assert lengths["length"].tolist() == ["1 to 3", "4 to 6", "10 or more"]
    assert lengths["n"].tolist() == [2, 1, 1]
    bins = reliability(judged, "speaker", bins=2, **quick)
    assert bins["speaker"].fillna("-").tolist() == ["1", "1", "2", "2", "-", "-"]
    assert bins["n"].tolist() == [0, 2, 0, 1, 0, 1]


def test_groups_are_measured_as_if_alone():
    judged = simulated(12, 20, -0.5, 3).assign(speaker=lambda table: (table["audio_id"].astype(int) % 3).astype(str))
    together = calibration(judged, "speaker", **quick)
    for place, (_, own) in enumerate(judged.groupby("speaker")):
        pd.testing.assert_frame_equal(
            together.iloc[[place]].drop(columns="speaker").reset_index(drop=True), calibration(own, **quick)
        )


def test_bins_counted_by_hand():
    judged = alignments("hhsi", [0.5, 0.51, 1.0, 0.0])
    found = reliability(judged, bins=2, **quick)
    assert dtypes(found, found) == {name: column.dtype for name, column in schema.RELIABILITY.items()}
    assert found[["bin", "low", "high", "n", "confidence_mean", "accuracy"]].values.tolist() == [
        [0, 0.0, 0.5, 2, 0.25, 0.5],  # an edge belongs to the bin below it
        [1, 0.5, 1.0, 2, 0.755, 0.5],
    ]
    empty = reliability(judged, bins=20, **quick).iloc[4]
    assert empty["n"] == 0
    assert empty[["confidence_mean", "accuracy", "accuracy_low", "accuracy_high"]].isna().all()


def test_bins_of_equal_mass_keep_equal_confidences_together():
    found = reliability(alignments("hshhhhhh", [0.2, 0.4, 0.6, 0.8, 1, 1, 1, 1]), bins=4, binning="equal_mass", **quick)
    assert found["n"].tolist() == [2, 2, 4]
    one = reliability(alignments("hs", [0.7, 0.7]), binning="equal_mass", **quick)
    assert one[["low", "high", "n", "accuracy"]].values.tolist() == [[0.7, 0.7, 2, 0.5]]


def test_an_interval_of_little_data_is_none_and_the_note_says_why():
    eleven = simulated(11, 20, -1, 0)
    row = calibration(eleven, **quick).iloc[0]
    assert row["ece_low"] <= row["ece"] <= row["ece_high"]
    assert pd.isna(row["note"])
    nine = calibration(eleven[eleven["audio_id"].astype(int) < 9], **quick).iloc[0]
    assert nine[["ece_low", "ece_high"]].isna().all()
    assert nine["note"] == "9 blocks: below 10 an interval of the ECE is too narrow"
    right = eleven.assign(operation=["substitution"] * 9 + ["hit"] * (len(eleven) - 9))
    assert calibration(right, **quick)["note"][0] == (
        "9 words are wrong: with fewer than 10 an interval of the ECE is too narrow"
    )
    wrong = eleven.assign(operation=["hit"] * 3 + ["insertion"] * (len(eleven) - 3))
    assert "3 words are right" in calibration(wrong, **quick)["note"][0]
    nothing = calibration(alignments("dd", [None, None])).iloc[0]
    assert nothing["note"] == "no word has a confidence"


@pytest.mark.parametrize(("bins", "binning"), [(1, "equal_width"), (15, "equal_width"), (7, "equal_mass")])
@pytest.mark.parametrize("recordings", [1, 3])
def test_chance_is_at_least_that_of_words_drawn_with_their_own_confidence(bins, binning, recordings):
    """Also where no word is wrong, so that the blocks show no chance at all."""
    rng = np.random.default_rng(1)
    confidence = rng.beta(9, 1, 90).round(2)

    def judged(right):
        names = [f"{place % recordings}" for place in range(90)]
        return alignments(["h" if one else "s" for one in right], confidence, names)

    alignments_of = [rng.random(90) < confidence for _ in range(100)]
    studies = studies_of(map(judged, alignments_of))
    expected = calibration(studies, by="study", bins=bins, binning=binning, **quick)["ece"].mean()
    found = calibration(judged(np.ones(90)), bins=bins, binning=binning)["ece_by_chance"][0]
    assert found == pytest.approx(expected, rel=0.1)
    for right in alignments_of[:5]:
        assert calibration(judged(right), bins=bins, binning=binning)["ece_by_chance"][0] >= found - 1e-12


def test_chance_of_words_that_go_wrong_together_is_that_of_the_blocks():
    together = simulated(40, 25, 0, 5, spread=2)
    apart = together.assign(audio_id=np.arange(len(together)).astype(str))
    chance = [calibration(judged, n_resamples=500)["ece_by_chance"][0] for judged in (together, apart)]
    assert chance[0] > 1.3 * chance[1]


@pytest.mark.parametrize(("recordings", "words"), [(2, 40), (4, 15), (8, 30), (16, 30)])
def test_perfect_confidences_are_seldom_called_wrong(recordings, words):
    """120 studies: the true ECE is 0; an interval that is there holds it, and the ECE is no more than by chance."""
    studies = studies_of(simulated(recordings, words, 0, seed, 0) for seed in range(120))
    rows = calibration(studies, by="study", n_resamples=200)
    there = rows["ece_low"].dropna()
    assert bool(len(there)) == (recordings == 16)
    if len(there):
        assert len(there) > 110
        assert (there > 0).mean() <= 0.06
    ece, chance = rows["ece"].mean(), rows["ece_by_chance"].mean()
    assert len(rows) == 120
    assert 0.95 * ece < chance < 1.25 * ece


def test_intervals_need_two_blocks_and_are_repeatable():
    one = alignments("hs", [0.9, 0.8], audio_id="a")
    row = calibration(one).iloc[0]
    assert row[["ece_low", "ece_high"]].isna().all()
    assert row["note"] == "There is only one block, and an interval needs two or more."
    assert reliability(one)[["accuracy_low", "accuracy_high"]].isna().all(axis=None)
    judged = simulated(12, 20, -1, 0)
    pd.testing.assert_frame_equal(calibration(judged, **quick), calibration(judged, **quick))
    other = calibration(judged, **quick, seed=1)
    assert other["ece_high"].iat[0] != calibration(judged, **quick)["ece_high"].iat[0]


def test_blocks_that_hang_together_widen_the_interval():
    judged = simulated(40, 25, -1, 5, spread=1.5).assign(speaker=lambda table: table["audio_id"].astype(int) // 5)
    word = judged.assign(word=range(len(judged)))
    widths = [
        float((row := calibration(word, block=block).iloc[0])["ece_high"] - row["ece_low"])
        for block in ("word", "audio_id")
    ]
    assert widths[1] > 1.3 * widths[0]
    assert calibration(judged, block="speaker", **quick)["blocks"].tolist() == [8]


@pytest.mark.parametrize(("shift", "spread"), [(0, 0), (-0.7, 0.5)])
def test_intervals_cover_the_true_error(shift, spread):
    """150 studies of 30 recordings; the truth is that of one of 4,000 recordings."""
    truth = calibration(simulated(4000, 50, shift, 99, spread), block="audio_id", **quick)["ece"].iat[0]
    studies = studies_of(simulated(30, 25, shift, seed, spread) for seed in range(150))
    rows = calibration(studies, by="study", n_resamples=300)
    assert ((rows["ece_low"] <= truth) & (truth <= rows["ece_high"])).sum() >= 0.91 * 150


def test_chance_alone_explains_the_error_of_perfect_confidences():
    rows = calibration(studies_of(simulated(30, 25, 0, seed, 0) for seed in range(60)), by="study", n_resamples=200)
    assert rows["ece_by_chance"].mean() == pytest.approx(rows["ece"].mean(), rel=0.15)
    assert (rows["ece_low"][:15] == 0).all()


def test_wrong_tables():
    judged = alignments("hs", [0.9, 0.8])
    for measure in (calibration, reliability, roc, precision_recall, fit_recalibration):
        with pytest.raises(SchemaError, match=r"lacks \['confidence'\]"):
            measure(judged.drop(columns="confidence"))
        with pytest.raises(SchemaError, match=r"found \[90\.0, 80\.0\].*percentages: divide them by 100"):
            measure(judged.assign(confidence=[90, 80]))
        with pytest.raises(
            SchemaError, match=r"operation must be one of .*, found \['C'\]; pass a table of sx\.align_words"
        ):
            measure(judged.assign(operation="C"))
        with pytest.raises(SchemaError, match="operation is NA in 2 of 2 rows"):
            measure(judged.assign(operation=None))
        with pytest.raises(
            InputError, match="none of the 2 aligned words has a confidence; align the words of a corpus"
        ):
            measure(judged.assign(confidence=None))
    for measure in (calibration, reliability):
        with pytest.raises(
            SchemaError, match=r"by contains \['accent'\], which are not columns of the alignments.*merge\(corpus"
        ):
            measure(judged, "accent")
        with pytest.raises(InputError, match=r"by contains \['n'\], which are also columns of the result"):
            measure(judged.assign(n=1), "n")
        with pytest.raises(SchemaError, match=r"lacks \['speaker'\]"):
            measure(judged, block="speaker")
        with pytest.raises(SchemaError, match=r"the block 'speaker' is NA for 1 of 2 words"):
            measure(judged.assign(speaker=["1", None]), block="speaker")
    with pytest.raises(SchemaError, match=r"lacks \['hypothesis'\]"):
        calibration(judged, "length")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"bins": 0}, "bins is 0"),
        ({"bins": 2.5}, r"bins is 2\.5"),
        ({"binning": "quantile"}, "binning is 'quantile'; it can be 'equal_width' or 'equal_mass'"),
        ({"ci": 95}, "ci is 95; give the level .* as a share"),
        ({"n_resamples": 10}, "n_resamples is 10; give a whole number, 100 or more"),
    ],
)
def test_options_that_mean_nothing(options, says):
    for measure in (calibration, reliability):
        with pytest.raises(InputError, match=says):
            measure(alignments("hs", [0.9, 0.8]), **options)


def test_words_without_a_confidence_are_left_out():
    assert calibration(alignments("hsi", [0.9, 0.8, None]))["n"].tolist() == [2]


# ROC and precision-recall


def test_roc_counted_by_hand():
    found = roc(alignments("hshid", [0.9, 0.8, 0.8, 0.2, None]))
    assert found.astype(object).where(found.notna(), None).values.tolist() == [
        [None, 0, 0, 0.0, 0.0],
        [0.2, 1, 1, 0.0, 0.5],
        [0.8, 3, 2, 0.5, 1.0],
        [0.9, 4, 2, 1.0, 1.0],
    ]
    assert dtypes(found, found) == {name: column.dtype for name, column in schema.ROC.items()}


def test_precision_and_recall_counted_by_hand():
    found = precision_recall(alignments("hshid", [0.9, 0.8, 0.8, 0.2, None]))
    assert found[["threshold", "flagged", "errors_found", "precision", "recall"]].values.tolist() == [
        [0.2, 1, 1, 1.0, 0.5],
        [0.8, 3, 2, 2 / 3, 1.0],
        [0.9, 4, 2, 0.5, 1.0],
    ]
    assert dtypes(found, found) == {name: column.dtype for name, column in schema.PRECISION_RECALL.items()}


# Recalibration


def test_isotonic_levels_counted_by_hand():
    judged = alignments("sshshshh", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.7])
    learnt = fit_recalibration(judged)
    # 0, 0, then (1, 0) and (1, 0) pooled to a half each, then 1; ends kept 1 / (8 + 2) away
    assert learnt.apply([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]).tolist() == pytest.approx([0.1, 0.1, *[0.5] * 4, 0.9])
    assert learnt.apply([0.0, 0.25, 1.0]).tolist() == pytest.approx([0.1, 0.3, 0.9])


def test_input_and_result_of_apply():
    learnt = fit_recalibration(simulated(10, 30, -1, 0), "platt")
    series = pd.Series([0.9, None, 0.5], index=[4, 5, 6], name="confidence", dtype="Float32")
    mapped = learnt.apply(series)
    assert (mapped.index.tolist(), mapped.name, str(mapped.dtype)) == ([4, 5, 6], "confidence", "Float64")
    assert mapped.isna().tolist() == [False, True, False]
    array = learnt.apply(np.array([0.9, np.nan, 0.5]))
    np.testing.assert_allclose(array, mapped.to_numpy(float, na_value=np.nan), rtol=1e-6)
    assert len(learnt.apply([])) == 0
    with pytest.raises(SchemaError, match="percentages"):
        learnt.apply([90, 80])


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_recalibration_mends_what_is_off_on_recordings_it_has_not_seen(method):
    learnt = fit_recalibration(simulated(60, 50, -1.5, 1), method)
    found = learnt.evaluate(bins=10)
    assert found["confidence"].tolist() == ["as given", "recalibrated"]
    before, after = (found.iloc[place] for place in (0, 1))
    assert after["ece"] < before["ece"] / 3
    assert after["nce"] > 0 > before["nce"]
    assert after["brier"] < before["brier"]
    elsewhere = simulated(60, 50, -1.5, 2)
    applied = calibration(elsewhere.assign(confidence=learnt.apply(elsewhere["confidence"])), bins=10, **quick)
    assert applied["ece"].iat[0] < before["ece"] / 3


def test_no_recording_is_judged_by_a_map_that_saw_it():
    """Each recording is right at its own confidence only: a map that saw it would know, another cannot."""
    judged = pd.DataFrame(
        {
            "audio_id": np.repeat(list("abcdef"), 20),
            "operation": np.tile(["hit"] * 10 + ["substitution"] * 10, 6),
            "confidence": np.repeat(np.linspace(0.2, 0.8, 6), 20),
        }
    )
    judged.loc[judged["audio_id"] == "f", "operation"] = "hit"
    learnt = fit_recalibration(judged, folds=6)
    assert learnt.apply([0.8])[0] > 0.95
    unseen = learnt.cross_fitted.loc[judged["audio_id"] == "f", "confidence"]
    assert unseen.tolist() == pytest.approx([0.5] * 20)


def test_a_group_is_never_divided():
    judged = simulated(20, 10, -1, 0).assign(speaker=lambda table: table["audio_id"].astype(int) % 4)
    learnt = fit_recalibration(judged, group="speaker", folds=10)
    assert learnt.folds == 4
    assert learnt.evaluate(**quick)["blocks"].tolist() == [4, 4]
    assert learnt.evaluate(**quick)["block"].tolist() == ["speaker", "speaker"]
    by_speaker = learnt.evaluate("speaker", block="audio_id", **quick)
    assert list(by_speaker)[:3] == ["confidence", "speaker", "n"]
    assert len(by_speaker) == 8


def test_deletions_stay_in_the_cross_fitted_alignments():
    judged = alignments("hsdhs", [0.9, 0.3, None, 0.8, 0.4])
    judged.index = [9, 8, 7, 6, 5]
    crossed = fit_recalibration(judged).cross_fitted
    assert crossed.index.tolist() == [9, 8, 7, 6, 5]
    assert crossed["confidence"].isna().tolist() == [False, False, True, False, False]
    assert judged["confidence"].iat[0] == 0.9  # the table handed in stays as it was


def test_recalibration_refuses_what_means_nothing():
    judged = alignments("hshs", [0.9, 0.8, 0.7, 0.6])
    with pytest.raises(InputError, match="method is 'beta'; it can be 'isotonic' or 'platt'"):
        fit_recalibration(judged, "beta")
    with pytest.raises(InputError, match="folds is 1"):
        fit_recalibration(judged, folds=1)
    with pytest.raises(InputError, match=r"all 4 words have the audio_id 'a'; cross-fitting needs two or more groups"):
        fit_recalibration(judged.assign(audio_id="a"))
    with pytest.raises(SchemaError, match=r"lacks \['speaker'\]"):
        fit_recalibration(judged, group="speaker")
    with pytest.raises(SchemaError, match=r"the group 'speaker' is NA for 4 of 4 words"):
        fit_recalibration(judged.assign(speaker=None), group="speaker")


# Laws

pairs = st.lists(
    st.tuples(st.sampled_from("hhsid"), st.sampled_from([0.0, 0.05, 0.3, 0.5, 0.77, 0.9, 1.0])), min_size=1, max_size=40
)


def alignments_of(rows):
    return alignments([row[0] for row in rows], [None if row[0] == "d" else row[1] for row in rows])


@few
@given(pairs, st.integers(1, 20), st.sampled_from(["equal_width", "equal_mass"]))
def test_the_table_of_bins_gives_the_ece(rows, bins, binning):
    judged = alignments_of(rows)
    row = calibration(judged, bins=bins, binning=binning, **quick).iloc[0]
    table = reliability(judged, bins=bins, binning=binning, **quick)
    assert table["n"].sum() == row["n"]
    assume(row["n"])
    gaps = (table["n"] * (table["accuracy"] - table["confidence_mean"]).abs()).sum() / row["n"]
    assert row["ece"] == pytest.approx(gaps)
    assert row["ece"] <= 1
    assert row["ece"] >= abs(row["accuracy"] - row["confidence_mean"]) - 1e-9
    if row["ece_low"] is not pd.NA:
        assert row["ece_low"] <= row["ece"] <= row["ece_high"]
        below = max(0, 2 * row["ece"] - row["ece_high"])  # as far below as the upper bound is above
        assert row["ece_low"] == 0 or row["ece_low"] == pytest.approx(below)


@few
@given(pairs)
def test_the_area_under_the_roc_is_the_auc(rows):
    judged = alignments_of(rows)
    row = calibration(judged, **quick).iloc[0]
    assume(row["auc"] is not pd.NA)
    curve = roc(judged)[["false_positive_rate", "true_positive_rate"]].to_numpy(float)
    assert row["auc"] == pytest.approx(np.trapezoid(curve[:, 1], curve[:, 0]))
    assert curve[0].tolist() == [0, 0]
    assert curve[-1].tolist() == [1, 1]
    assert (np.diff(curve, axis=0) >= 0).all()


@few
@given(pairs, st.sampled_from(["isotonic", "platt"]))
def test_recalibration_never_changes_the_order(rows, method):
    judged = alignments_of(rows)
    try:
        learnt = fit_recalibration(judged, method)
    except InputError:
        assume(False)
    mapped = learnt.apply(np.linspace(0, 1, 50))
    assert (np.diff(mapped) >= -1e-12).all()
    assert ((mapped > 0) & (mapped < 1)).all()


@few
@given(pairs, st.randoms())
def test_the_order_of_the_rows_changes_nothing(rows, random):
    judged = alignments_of(rows)
    shuffled = judged.sample(frac=1, random_state=random.randrange(1000))
    names = ["n", "errors", "accuracy", "confidence_mean", "ece", "brier", "nce", "auc", "blocks"]
    pd.testing.assert_frame_equal(calibration(judged, **quick)[names], calibration(shuffled, **quick)[names])
    pd.testing.assert_frame_equal(roc(judged), roc(shuffled))
    pd.testing.assert_frame_equal(precision_recall(judged), precision_recall(shuffled))


# confidences in single precision


def single(confidences, references):
    """Return alignments of the words `w0 w1 ...` with these confidences, as a corpus has them."""
    tokens = pd.DataFrame({"audio_id": "a", "token_index": range(len(confidences)), "confidence": confidences})
    tokens["text"] = [f" w{place}" for place in range(len(confidences))]
    found = sx.align_words(tokens, {"a": references})
    assert found["confidence"].dtype == "Float32"
    return found


def test_a_confidence_on_an_edge_counts_to_the_bin_below_in_single_precision_too():
    aligned = single([0.8, 0.8, 0.75, 0.75], "w0 w1 x y")
    assert sx.calibration(aligned, bins=10, n_resamples=100)["ece"][0] == pytest.approx(0.275)
    doubles = aligned.astype({"confidence": "Float64"})  # of what single precision holds
    assert sx.calibration(doubles, bins=10, n_resamples=100)["ece"][0] == pytest.approx(0.275)


@pytest.mark.parametrize("bins", [10, 15, 20, 30])
def test_each_edge_is_in_the_bin_that_it_ends(bins):
    edges = [round(place / bins, 9) for place in range(1, bins + 1) if round(place / bins, 4) * bins == place]
    assert len(edges) >= 5
    found = sx.metrics.reliability(single(edges, "nothing alike"), bins=bins, n_resamples=100)
    ends = {round(place * bins) - 1 for place in edges}
    assert found.loc[found["n"] > 0, "bin"].tolist() == sorted(ends)
    assert found.loc[found["n"] > 0, "confidence_mean"].tolist() == edges


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40))
def test_decimals_survive_single_precision(thousandths):
    given_numbers = np.array(thousandths) / 1000
    assert as_decimals(given_numbers.astype(np.float32).astype(np.float64)).tolist() == given_numbers.tolist()


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=40))
def test_decimals_keep_order_and_ties_and_are_near(numbers):
    held = np.array(numbers)
    found = as_decimals(held)
    assert (np.sign(np.subtract.outer(found, found)) == np.sign(np.subtract.outer(held, held))).all()
    assert (found.astype(np.float32) == held.astype(np.float32)).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert as_decimals(found).tolist() == found.tolist()


def test_recalibration_knows_the_decimals_it_was_fitted_on():
    aligned = pd.DataFrame(
        {
            "audio_id": ["a", "b", "c", "d"] * 25,
            "operation": ["hit", "substitution", "hit", "hit"] * 25,
            "confidence": pd.array([0.9, 0.9, 0.95, 0.95] * 25, "Float32"),
        }
    )
    learnt = sx.metrics.fit_recalibration(aligned)
    assert learnt.knots.tolist() == [0.9, 0.95]
    assert learnt.apply(pd.Series([0.9], dtype="Float32")).tolist() == learnt.apply([0.9]).tolist()
    assert sx.metrics.roc(aligned)["threshold"].dropna().tolist() == [0.9, 0.95]


@pytest.mark.parametrize("odd", [{"a": 0.5}, 0.5, "0.5"])
def test_recalibration_is_applied_to_confidences_alone(odd):
    aligned = pd.DataFrame(
        {"audio_id": list("abcd") * 5, "operation": ["hit", "insertion"] * 10, "confidence": [0.9, 0.5] * 10}
    )
    learnt = sx.metrics.fit_recalibration(aligned)
    with pytest.raises(InputError, match=f"a list of confidences, found {type(odd).__name__}"):
        learnt.apply(odd)
    with pytest.raises(InputError, match=r"found DataFrame; of a table, pass its column table\['confidence'\]"):
        learnt.apply(aligned)
