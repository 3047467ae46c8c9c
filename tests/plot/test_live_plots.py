"""The data on the axes of charts of token arrival and of lag distributions."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from stream_logs import Log, streamed, token

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def call(name="call.wav"):
    log = Log(name).opened(0).spoken(3000)
    log.message(700, token("Turn", 100), token(" left", 340))
    log.message(1500, token("Turn", 100, final=True), token(" left", 340, final=True))
    return log.message(2600, token(" now", 1640, final=True))


def dots(ax):
    return {part.get_label(): np.round(part.get_offsets(), 3).tolist() for part in ax.collections[1:]}


def test_each_token_is_shown_and_settled_above_its_place():
    ax = sx.plot.token_arrival(streamed(call()))
    assert dots(ax) == {
        "first shown": [[0.16, 0.7], [0.4, 0.7], [1.7, 2.6]],
        "settled": [[0.16, 1.5], [0.4, 1.5], [1.7, 2.6]],
    }
    line = ax.lines[0]
    assert line.get_label() == "audio handed over"
    assert np.round(line.get_xydata(), 3).tolist() == [[0.16, 0.1], [0.4, 0.3], [1.7, 1.6]]
    lags = [np.round(path.vertices[:, 1], 3).tolist() for path in ax.collections[0].get_paths()]
    assert lags == [[0.7, 1.5], [0.7, 1.5], [2.6, 2.6]]
    assert ax.get_xlabel() == "place in the audio (s)"
    assert ax.get_ylabel() == "since the first audio (s)"
    assert ax.get_title(loc="left") == "call.wav"
    low, high = ax.get_ylim()
    assert low <= 0.1
    assert high > 2.6


def test_a_window_shows_its_tokens_only():
    table = sx.metrics.token_latencies(streamed(call(), call("other.wav")))
    _, given = plt.subplots()
    ax = sx.plot.token_arrival(table, audio_id="other.wav", start_ms=300, end_ms=1000, ax=given)
    assert ax is given
    assert dots(ax)["settled"] == [[0.4, 1.5]]
    assert ax.get_xlim() == (0.3, 1.0)


def test_long_recordings_are_marked_in_minutes():
    table = sx.metrics.token_latencies(streamed(call())).assign(end_ms=[60_000, 120_000, 300_000])
    assert sx.plot.token_arrival(table).get_xlabel() == "place in the audio (min:s)"


def test_translations_are_left_out():
    log = call().message(2700, token("Jetzt", final=True, translation_status="translation", language="de"))
    assert len(dots(sx.plot.token_arrival(streamed(log)))["settled"]) == 3


def test_names_are_drawn_as_they_are():
    ax = sx.plot.token_arrival(streamed(call("$x^2$ <b>.wav")))
    assert ax.get_title(loc="left") == "$x^2$ <b>.wav"
    ax.figure.canvas.draw()


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_shares_of_tokens_by_lag():
    table = sx.metrics.token_latencies(streamed(call()))
    assert table["finalization_lag_ms"].tolist() == [1400, 1200, 1000]
    ax = sx.plot.lag_distribution(table)
    assert legend(ax) == ["first shown: 0.60 s, 95 % within 1.00 s", "settled: 1.20 s, 95 % within 1.40 s"]
    curve = [line for line in ax.lines if len(line.get_xdata()) > 1][1]
    assert curve.get_xdata().tolist() == [1.0, 1.0, 1.2, 1.4]
    assert curve.get_ydata().tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    marks = [
        (line.get_marker(), line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if len(line.get_xdata()) == 1
    ]
    assert marks[2:] == [("o", 1.2, 0.5), ("s", 1.4, 0.95)]
    assert ax.get_xlim()[0] == 0


def test_marks_are_the_percentiles_of_the_table():
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"finalization_lag_ms": rng.integers(-50, 3000, 137), "first_lag_ms": 7})
    ax = sx.plot.lag_distribution(table)
    wanted = np.quantile(table["finalization_lag_ms"], [0.5, 0.95], method="inverted_cdf") / 1000
    assert legend(ax)[1] == f"settled: {wanted[0]:.2f} s, 95 % within {wanted[1]:.2f} s"
    assert ax.get_xlim()[0] < 0, "lags below 0 are shown"


def test_a_curve_for_each_group():
    table = sx.metrics.token_latencies(streamed(call(), call("other.wav")))
    ax = sx.plot.lag_distribution(table, by="audio_id", lag="first_lag_ms")
    assert legend(ax) == ["call.wav: 0.60 s, 95 % within 1.00 s", "other.wav: 0.60 s, 95 % within 1.00 s"]


def test_tables_that_cannot_be_drawn_are_refused():
    both = sx.metrics.token_latencies(streamed(call(), call("other.wav")))
    with pytest.raises(InputError, match="tokens of 2 recordings"):
        sx.plot.token_arrival(both)
    with pytest.raises(InputError, match="no token lies between start_ms=500 and end_ms=600"):
        sx.plot.token_arrival(both, audio_id="call.wav", start_ms=500, end_ms=600)
    with pytest.raises(SchemaError, match="are duplicates"):
        sx.plot.token_arrival(pd.concat([both, both]), audio_id="call.wav")
    with pytest.raises(SchemaError, match="lacks"):
        sx.plot.token_arrival(both.drop(columns="final_ms"))
    with pytest.raises(InputError, match="no token has a time"):
        sx.plot.token_arrival(both.iloc[:0])
    with pytest.raises(InputError, match="lag is 'lag'"):
        sx.plot.lag_distribution(both, lag="lag")
    with pytest.raises(InputError, match="no token has such a lag"):
        sx.plot.lag_distribution(both, by="audio_id", lag="translation_lag_ms")
    with pytest.raises(InputError, match="9 groups cannot be distinguished"):
        sx.plot.lag_distribution(pd.DataFrame({"n": range(9), "finalization_lag_ms": 5}), by="n")
    with pytest.raises(InputError, match="lacks updates"):
        sx.plot.lag_distribution(streamed(call()).corpus())
