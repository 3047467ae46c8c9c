"""The data on the axes of charts of confidence and errors along a recording, and of long timelines."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds import plot
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.plot.style import drawn_text, share_per_bin


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def words_of(*rows, audio_id="call.wav"):
    frame = pd.DataFrame(rows, columns=["start_ms", "end_ms", "confidence"]).assign(audio_id=audio_id)
    return frame.astype({"start_ms": "Int32", "end_ms": "Int32", "confidence": "Float32"})


WORDS = words_of((0, 400, 0.9), (500, 700, 0.5), (pd.NA, pd.NA, 0.1), (800, 1000, 0.3), (1000, 1200, pd.NA))


def test_words_lie_at_the_middle_of_their_time_and_doubtful_ones_are_crosses():
    ax = plot.confidence(WORDS)
    sure, doubtful = ax.collections
    np.testing.assert_allclose(sure.get_offsets(), [[0.2, 0.9]], rtol=1e-6)
    np.testing.assert_allclose(doubtful.get_offsets(), [[0.6, 0.5], [0.9, 0.3]], rtol=1e-6)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["words", "at most 0.5"]
    assert ax.get_title(loc="left") == "call.wav"
    assert ax.get_ylabel() == "confidence"


def test_the_running_mean_is_one_of_whole_windows():
    words = words_of(*((n * 1000, n * 1000 + 500, c) for n, c in enumerate([0.0, 0.3, 0.6, 0.9])))
    lines = plot.confidence(words, threshold=None, smooth=3).lines
    assert len(lines) == 1
    np.testing.assert_allclose(lines[0].get_xydata(), [[1.25, 0.3], [2.25, 0.6]], atol=1e-6)
    assert not plot.confidence(words, threshold=None, smooth=5, ax=plt.figure().subplots()).lines
    assert not plot.confidence(words, threshold=None, smooth=0, ax=plt.figure().subplots()).lines


def test_a_window_of_a_long_recording_shows_its_own_times():
    words = words_of(*((n * 10_000, n * 10_000 + 500, 0.8) for n in range(1200)))  # three hours and twenty minutes
    ax = plot.confidence(words, start_ms=3_600_000, end_ms=3_660_000)
    ax.figure.canvas.draw()
    assert ax.get_xlim() == (3600, 3660)
    assert ax.get_xlabel() == "time (h:min:s)"
    assert "1:00:30" in [label.get_text() for label in ax.get_xticklabels()]


@pytest.mark.parametrize("plot", [plot.confidence, plot.error_positions])
def test_tables_that_cannot_be_drawn(plot):
    table = WORDS.assign(operation="hit")
    with pytest.raises(SchemaError, match=r"lacks \['end_ms'\]"):
        plot(table.drop(columns="end_ms"))
    with pytest.raises(InputError, match="choose it with audio_id="):
        plot(pd.concat([table, table.assign(audio_id="b")]))
    with pytest.raises(InputError, match="no word"):
        plot(table.iloc[:0])
    with pytest.raises(InputError, match="there is nothing to show; both are in milliseconds"):
        plot(table, start_ms=900, end_ms=900)
    for window in ({"start_ms": 1.5, "end_ms": 3}, {"start_ms": 0.5}, {"end_ms": 2.5}):
        with pytest.raises(InputError, match=r"_ms is \d\.5; give whole milliseconds, .* Are these seconds\?"):
            plot(table, **window)
    assert plot(table, start_ms=500.0, end_ms=900.0).get_xlim() == (0.5, 0.9)


ALIGNMENT = pd.DataFrame(
    [
        ("deletion", pd.NA, pd.NA),
        ("hit", 0, 400),
        ("substitution", 500, 700),
        ("deletion", pd.NA, pd.NA),
        ("insertion", 1000, 1200),
        ("hit", 4000, 4400),
    ],
    columns=["operation", "start_ms", "end_ms"],
).assign(audio_id="call.wav")


def test_each_kind_of_error_has_its_row_and_deletions_the_time_before_them():
    ax = plot.error_positions(ALIGNMENT)
    places = [[segment[0][0] for segment in lines.get_segments()] for lines in ax.collections]
    assert places == [[0.6], [0.0, 0.7], [1.1]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1 substitution", "2 deletions", "1 insertion"]
    (strip,) = ax.child_axes
    assert [bar.get_height() for bar in strip.patches] == [3, 1, 0, 0, 0]
    assert ax.get_title(loc="right") == "errors in each 1 s"


def test_only_errors_of_the_window_are_counted():
    ax = plot.error_positions(ALIGNMENT, start_ms=500, end_ms=1000)
    assert [len(lines.get_segments()) for lines in ax.collections] == [1, 1, 0]


@pytest.mark.parametrize(
    ("window", "says"),
    [
        ((1.5, 3), r"start_ms is 1\.5; give whole milliseconds, 0 or more. Are these seconds"),
        ((-5, 30), "start_ms is -5; give whole milliseconds"),
        (("0", 30), "start_ms is '0'; give whole milliseconds"),
        ((14_000_000, None), "nothing to show"),
    ],
)
def test_a_window_that_cannot_be_is_refused(window, says):
    with pytest.raises(InputError, match=says):
        plot.timeline(meeting(), start_ms=window[0], end_ms=window[1])
    assert plot.timeline(meeting(), start_ms=0, end_ms=500).get_xlim() == (0, 0.5)


@pytest.mark.parametrize(
    ("window", "says", "limits"),
    [
        ((60, 90), "60 to end_ms=90 are 30 ms of a recording of 13994000 ms. Are these seconds", (0.06, 0.09)),
        ((None, 120), "None to end_ms=120 are 120 ms of", (0, 0.12)),
    ],
)
def test_a_window_that_looks_like_seconds_is_shown_with_a_warning(window, says, limits):
    with pytest.warns(UserWarning, match=says):
        assert plot.timeline(meeting(), start_ms=window[0], end_ms=window[1]).get_xlim() == limits


@pytest.mark.parametrize(("last_s", "label"), [(3599, "50:00"), (3600, "0:50:00"), (10_790, "2:30:00")])
def test_from_one_hour_on_times_have_hours(last_s, label):
    ax = plot.timeline(meeting(500, last_s + 6))
    ax.figure.canvas.draw()
    assert label in [tick.get_text() for tick in ax.get_xticklabels()]


def meeting(turns=2000, last_s=14_000):
    start = np.linspace(0, last_s - 10, turns) * 1000
    frame = pd.DataFrame(
        {"audio_id": "meeting.m4a", "start_ms": start.astype(int), "end_ms": (start + 4000).astype(int)}
    )
    return frame.assign(speaker=np.where(np.arange(turns) % 4 == 0, "2", "1")).astype({"speaker": "string"})


def test_hours_are_drawn_as_shares_of_time_and_a_window_as_turns():
    ax = plot.timeline(meeting())
    assert ax.get_title(loc="right") == "height: share of each 1 min"
    assert ax.get_xlabel() == "time (h:min:s)"
    assert len(ax.collections) == 2
    assert not ax.child_axes
    zoomed = plot.timeline(meeting(), start_ms=3_600_000, end_ms=3_720_000, ax=plt.figure().subplots())
    assert zoomed.get_title(loc="right") == ""
    assert sum(len(row.get_paths()) for row in zoomed.collections) == pytest.approx(18, abs=2)
    (overview,) = zoomed.child_axes
    assert overview.get_xlim() == (0, pytest.approx(13_994))
    assert [box.get_x() for box in overview.patches if box.get_edgecolor()[3]] == [3600]


def test_the_overview_can_be_had_or_left_out():
    assert plot.timeline(meeting(20, 300), overview=True).child_axes
    assert not plot.timeline(meeting(20, 300), start_ms=0, end_ms=9000, overview=False).child_axes


def test_the_height_is_the_share_of_time():
    turns = pd.DataFrame(
        {
            "audio_id": "a",
            "speaker": "1",
            "start_ms": range(0, 4_000_000, 10_000),
            "end_ms": range(5000, 4_005_000, 10_000),
        }
    )
    (row,) = plot.timeline(turns).collections
    heights = row.get_paths()[0].vertices[:, 1]
    assert heights.max() - np.sort(heights[heights < heights.max()])[50] == pytest.approx(0.35, abs=0.01)  # half of 0.7


spans = st.lists(st.tuples(st.floats(0, 90), st.floats(0, 10)), max_size=20)


@given(spans)
def test_shares_of_all_bins_add_up_to_the_time_covered(spans):
    start = np.array([start for start, _ in spans])
    end = start + np.array([length for _, length in spans])
    edges = np.linspace(0, 100, 8)
    share = share_per_bin(start, end, edges)
    assert (share * np.diff(edges)).sum() == pytest.approx((end - start).sum(), abs=1e-6)


@pytest.mark.parametrize(
    ("given", "shown"),
    [("$x$", "$x$"), ("a\x00b", "a\N{REPLACEMENT CHARACTER}b"), (pd.NA, "not known"), ("a\tb\n", "a b"), (3, "3")],
)
def test_labels_are_text(given, shown):
    assert drawn_text(given) == shown


def test_names_are_not_taken_for_formulas():
    turns = meeting(4, 60).assign(audio_id="$\\frac$.wav", speaker="$\\nonsense{$")
    plot.timeline(turns).figure.canvas.draw()


def test_a_confidence_on_the_threshold_is_at_most_it_in_single_precision_too():
    words = words_of((0, 400, 0.8), (500, 900, 0.81)).astype({"confidence": "Float32"})
    ax = plot.confidence(words, threshold=0.8)
    assert [len(dots.get_offsets()) for dots in ax.collections] == [1, 1]
