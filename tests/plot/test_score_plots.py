"""The data on the axes of charts of error rates, differences, reliability, ROC, review curves and languages."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from soniox_ds import plot
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.confidence.calibration import reliability
from soniox_ds.metrics.confidence.roc import roc
from soniox_ds.metrics.stats.compare import compare_errors
from soniox_ds.metrics.stats.summaries import summarize
from soniox_ds.metrics.words.rates import character_errors, word_errors
from soniox_ds.review_queue.flagging import review_curve


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def marks(ax, shapes="os"):
    """Position and fill of each mark."""
    return [
        (round(float(line.get_xdata()[0]), 3), line.get_markerfacecolor() != "#ffffff")
        for line in ax.lines
        if line.get_marker() in tuple(shapes)
    ]


SUMMARY = pd.DataFrame(
    {
        "room": ["hall", "cell", pd.NA],
        "condition": ["clean", "noisy", "clean"],
        "recordings": [40, 12, 3],
        "reference_words": [5200, 900, 80],
        "wer": [0.12, 0.31, 0.2],
        "wer_low": [0.1, 0.2, pd.NA],
        "wer_high": [0.15, 0.5, pd.NA],
        "ci": 0.95,
        "note": [pd.NA, "Only 8 speakers: the interval is wide.", "There is only one speaker."],
    }
)


def test_a_row_for_each_group_with_its_interval():
    ax = plot.error_summary(SUMMARY, overall=0.15)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["hall · clean", "cell · noisy", "not known · clean"]
    assert marks(ax) == [(12.0, True), (31.0, True), (20.0, False)]
    whiskers = [(*line.get_xdata(), line.get_linestyle()) for line in ax.lines if line.get_linewidth() == 1.8]
    assert whiskers == [(10.0, 15.0, "-"), (20.0, 50.0, "--")]
    assert ax.texts[0].get_text() == "12.0% · n = 40 · 5,200 words"
    assert ax.get_legend().get_texts()[0].get_text() == "overall 15.0%"
    assert ax.get_xlabel() == "word error rate (%), 95% interval"
    assert ax.get_xlim()[0] == 0
    assert ax.yaxis_inverted()


def test_an_interval_far_beyond_all_rates_is_cut_off_with_an_arrow():
    wild = SUMMARY.assign(wer_high=[0.15, 4.0, pd.NA])
    ax = plot.error_summary(wild, by="room")
    assert ax.get_xlim()[1] < 100
    assert [float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() == ">"] == [pytest.approx(93.0)]
    assert ax.get_title(loc="left") == "room"


def test_the_groups_are_found_in_what_summarize_returns():
    errors = pd.DataFrame(
        {
            "audio_id": list("abcd"),
            "status": "scored",
            "hits": [8, 9, 5, 4],
            "substitutions": [2, 1, 5, 6],
            "deletions": 0,
            "insertions": 0,
            "reference_words": 10,
            "room": ["x", "x", "y", "y"],
        }
    )
    ax = plot.error_summary(summarize(errors, by="room", n_resamples=100))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["x", "y"]
    single = plot.error_summary(summarize(errors, n_resamples=100), ax=plt.figure().subplots())
    assert [label.get_text() for label in single.get_yticklabels()] == ["all recordings"]


def test_a_filled_mark_is_a_significant_difference():
    comparison = pd.DataFrame(
        {
            "a": "plain",
            "b": ["terms", "text", "older"],
            "difference": [-0.02, 0.004, 0.03],
            "difference_low": [-0.03, -0.01, pd.NA],
            "difference_high": [-0.01, 0.02, pd.NA],
            "p_holm": [0.001, 0.4, pd.NA],
            "ci": 0.95,
        }
    )
    ax = plot.error_comparison(comparison)
    assert marks(ax) == [(-2.0, True), (0.4, False), (3.0, False)]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["terms − plain", "text − plain", "older − plain"]
    assert [text.get_text() for text in ax.texts] == ["−2.0 [−3.0, −1.0]", "+0.4 [−1.0, +2.0]", "+3.0, no interval"]
    low, high = ax.get_xlim()
    assert low == -high  # zero in the middle
    with pytest.raises(InputError, match="share no scored recordings"):
        plot.error_comparison(comparison.assign(difference=pd.NA))
    with pytest.raises(SchemaError, match="p_holm"):
        plot.error_comparison(comparison.drop(columns="p_holm"))


def test_character_errors_are_drawn_as_such():
    named = {column: column.replace("wer", "cer").replace("words", "characters") for column in SUMMARY}
    ax = plot.error_summary(SUMMARY.rename(columns=named))
    assert marks(ax) == [(12.0, True), (31.0, True), (20.0, False)]
    assert ax.texts[0].get_text() == "12.0% · n = 40 · 5,200 characters"
    assert ax.get_xlabel() == "character error rate (%), 95% interval"
    with pytest.raises(InputError, match=r"no group has a character error rate: .* contain no characters"):
        plot.error_summary(SUMMARY.rename(columns=named).assign(cer=pd.NA))

    references = {"a": "to be", "b": "abcd"}
    plain = character_errors({"a": "two be", "b": "abcd"}, references)
    compared = compare_errors(plain, character_errors({"a": "to be", "b": "abc"}, references), n_resamples=100)
    axes = plot.error_comparison(compared, ax=plt.figure().subplots())
    assert axes.get_xlabel() == "difference in character error rate (percentage points), 95% interval"
    by_unit = plot.error_summary(summarize(plain, by="unit", n_resamples=100), ax=plt.figure().subplots())
    assert [label.get_text() for label in by_unit.get_yticklabels()] == ["code point"]


def alignment(n=400, seed=1):
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.3, 1, n)
    start = np.arange(n) * 500
    return pd.DataFrame(
        {
            "audio_id": rng.choice(["a", "b", "c"], n),
            "operation": np.where(rng.random(n) < confidence, "hit", "substitution"),
            "confidence": confidence,
            "language": rng.choice(["de", "en"], n),
            "word_index": np.arange(n),
            "text": "word",
            "start_ms": start,
            "end_ms": start + 400,
        }
    ).astype({"start_ms": "Int32", "end_ms": "Int32", "confidence": "Float32", "word_index": "Int32"})


def test_reliability_shows_bins_intervals_and_counts():
    bins = reliability(alignment(), bins=10, n_resamples=100)
    filled = bins[bins["n"] > 0]
    ax = plot.reliability(bins)
    (points,) = [line for line in ax.lines if line.get_label() == "words"]
    np.testing.assert_allclose(points.get_xdata(), filled["confidence_mean"].to_numpy(float))
    np.testing.assert_allclose(points.get_ydata(), filled["accuracy"].to_numpy(float))
    (intervals,) = [container for container in ax.collections if len(container.get_segments()) == len(filled)]
    np.testing.assert_allclose(
        [segment[:, 1] for segment in intervals.get_segments()],
        filled[["accuracy_low", "accuracy_high"]].to_numpy(float),
    )
    (strip,) = ax.child_axes
    assert sum(bar.get_height() for bar in strip.patches) == 400
    assert strip.get_yscale() == "log"


def test_bins_without_an_interval_are_hollow():
    bins = reliability(alignment(), bins=5, n_resamples=100).assign(accuracy_low=pd.NA, accuracy_high=pd.NA)
    hollow = [line for line in plot.reliability(bins).lines if line.get_markerfacecolor() == "#ffffff"]
    assert [len(line.get_xdata()) for line in hollow] == [int((bins["n"] > 0).sum())]


def test_lines_join_only_bins_of_some_size_with_an_interval():
    bins = pd.DataFrame(
        {
            "low": [0.0, 0.25, 0.5, 0.75],
            "high": [0.25, 0.5, 0.75, 1.0],
            "n": [300, 20, 3, 400],
            "confidence_mean": [0.2, 0.4, 0.6, 0.9],
            "accuracy": [0.3, 1.0, 0.6, 0.95],
            "accuracy_low": [0.2, 0.8, 0.5, pd.NA],
            "accuracy_high": [0.4, 1.0, 0.7, pd.NA],
        }
    )
    (line,) = [line for line in plot.reliability(bins).lines if line.get_alpha() == 0.6]
    np.testing.assert_array_equal(line.get_xdata(), [0.2, 0.4, np.nan, np.nan])


def test_hollow_marks_and_lines_follow_a_dark_style():
    with plt.style.context("dark_background"):
        ax = plot.error_summary(SUMMARY)
        assert "#000000" in {line.get_markerfacecolor() for line in ax.lines}
        words = alignment().query("audio_id == 'a'")
        (mean,) = [line for line in plot.confidence(words).lines if "mean" in str(line.get_label())]
        assert mean.get_color() == "white"


def test_no_axis_names_an_interval_that_no_row_has():
    without = {"wer_low": pd.NA, "wer_high": pd.NA}
    assert plot.error_summary(SUMMARY.assign(**without)).get_xlabel() == "word error rate (%)"
    assert "95% interval" in plot.error_summary(SUMMARY, ax=plt.figure().subplots()).get_xlabel()


def test_raw_tables_are_summarised():
    pairs = {"a": ("to be", "two be"), "b": ("a b c d", "a b c d"), "c": ("one two", "one too")}
    errors = word_errors(
        {name: spoken for name, (_, spoken) in pairs.items()}, {name: ref for name, (ref, _) in pairs.items()}
    )
    errors = errors.assign(room=["x", "x", "y"])
    for by in (None, "room"):
        raw, pooled = (
            [[text.get_text() for text in ax.texts] for ax in [plot.error_summary(table, **more)]]
            for table, more in ((errors, {"by": by}), (summarize(errors, by=by), {}))
        )
        assert raw == pooled
    assert [label.get_text() for label in plot.error_summary(errors, by="room").get_yticklabels()] == ["x", "y"]

    words = alignment()
    raw = plot.roc(words, by="language", ax=plt.figure().subplots())
    curves = {line.get_label(): line for line in raw.lines}
    english = roc(words[words["language"] == "en"])
    np.testing.assert_allclose(curves["en"].get_ydata(), english["true_positive_rate"].to_numpy(float))
    raw = plot.reliability(words, by="language", ax=plt.figure().subplots())
    assert {"de", "en"} <= {line.get_label() for line in raw.lines}
    assert sum(bar.get_height() for bar in raw.child_axes[0].patches) == 400


def test_groups_differ_by_more_than_colour():
    ax = plot.reliability(reliability(alignment(), by="language", bins=5, n_resamples=100))
    groups = [line for line in ax.lines if line.get_label() in ("de", "en")]
    assert len({line.get_marker() for line in groups}) == 2
    assert len({line.get_color() for line in groups}) == 2


def test_roc_goes_through_its_table_and_marks_thresholds():
    table = roc(alignment())
    ax = plot.roc(table, thresholds=(0.5,))
    curve = next(line for line in ax.lines if line.get_label() == "words")
    np.testing.assert_allclose(curve.get_ydata(), table["true_positive_rate"].to_numpy(float))
    flagged = table[(table["threshold"] <= 0.5).fillna(False)].iloc[-1]
    mark = next(line for line in ax.lines if line.get_marker() == "o")
    assert mark.get_ydata()[0] == pytest.approx(flagged["true_positive_rate"])
    assert [text.get_text() for text in ax.texts] == ["0.5"]
    assert ax.get_aspect() == 1
    with pytest.raises(InputError, match="right and words that are wrong"):
        plot.roc(roc(alignment().assign(operation="hit")))


def test_too_many_groups_are_refused():
    table = pd.concat([roc(alignment(40, seed)).assign(speaker=str(seed)) for seed in range(8)])
    with pytest.raises(InputError, match="8 groups cannot be distinguished"):
        plot.roc(table[["speaker", *table.columns.drop("speaker")]])


def test_review_has_a_line_for_each_order():
    words = alignment()
    curve = review_curve(words, words)
    ax = plot.review_curve(curve)
    labels = [line.get_label() for line in ax.lines]
    assert labels == ["errors first (the best there could be)", "least confident first", "random order"]
    assert len({line.get_linestyle() for line in ax.lines}) == 3
    own = curve[curve["order"] == "confidence"]
    np.testing.assert_allclose(ax.lines[1].get_ydata(), own["recall"].to_numpy(float))
    if curve["reviewed_s"].max() >= 180:
        np.testing.assert_allclose(ax.lines[1].get_xdata(), own["reviewed_s"].to_numpy(float) / 60)
        assert ax.get_xlabel() == "audio listened to (min)"
    shares = plot.review_curve(curve, share=True, all_errors=True, ax=plt.figure().subplots())
    assert shares.lines[1].get_xdata()[-1] == pytest.approx(1)
    assert shares.get_ylabel() == "share of all errors found"
    with pytest.raises(InputError, match="no word is wrong"):
        plot.review_curve(curve.assign(recall=pd.NA))


def test_languages_are_written_into_the_cells():
    confusion = pd.DataFrame(
        {
            "reference_language": ["de", "de", "en", "en", "de", pd.NA],
            "language": ["de", "en", "de", "en", pd.NA, "en"],
            "time_ms": [5_400_000, 600_000, 0, 90_000, 5, 7],
            "share": [0.9, 0.1, 0.0, 1.0, pd.NA, pd.NA],
        }
    )
    ax = plot.language_confusion(confusion)
    assert [text.get_text() for text in ax.texts] == ["90%\n1.5 h", "10%\n10.0 min", "·", "100%\n1.5 min"]
    assert [text.get_position() for text in ax.texts] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.9, 0.1], [0, 1]])
    assert [text.get_color() for text in ax.texts][:2] == ["white", "black"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["de", "en"]
    with pytest.raises(InputError, match="enable_language_identification"):
        plot.language_confusion(confusion.iloc[4:])


@pytest.mark.parametrize("plot", [plot.error_summary, plot.reliability, plot.roc, plot.review_curve])
def test_a_missing_column_is_named(plot):
    with pytest.raises(SchemaError, match="the table lacks"):
        plot(pd.DataFrame({"audio_id": ["a"]}))


def test_a_rate_without_an_interval_is_a_point_that_says_so():
    wrong = {"alike": [2, 2, 2, 2, 2], "few": [8, 1, 1, 2, 3]}
    errors = pd.concat(
        pd.DataFrame(
            {
                "audio_id": [f"{room} {number}" for number in range(5)],
                "room": room,
                "status": "scored",
                "hits": [20 - one for one in counts],
                "substitutions": counts,
                "deletions": 0,
                "insertions": 0,
                "reference_words": 20,
            }
        )
        for room, counts in wrong.items()
    )
    ax = plot.error_summary(summarize(errors, by="room"))
    assert [text.get_text() for text in ax.texts] == [
        "10.0%, no interval · n = 5 · 100 words",
        "15.0% · n = 5 · 100 words",
    ]
    assert [(line.get_ydata()[0], line.get_linestyle()) for line in ax.lines if len(line.get_xdata()) == 2] == [
        (1, "--")
    ]
