"""Latencies of live transcription: counted by hand, beside numpy's quantiles, and laws."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_logs import Log, streamed, token

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.latency.summaries import _bootstrap, _tail
from soniox_ds.metrics.stats.bootstrap import Resampling
from soniox_ds.schema import LIVE_LATENCIES, LIVE_LATENCY_SUMMARY, TOKEN_LATENCIES

END = {"text": "<end>", "is_final": True}
FIN = {"text": "<fin>", "is_final": True}


def lags(made, *columns):
    return sx.metrics.token_latencies(made)[list(columns)].values.tolist()


def percentiles(made, by=None, **options):
    return sx.summarize(sx.metrics.live_latencies(made), by, **options)


def two_words():
    """Two words, the second settled at an endpoint; 1.2 s in chunks of 100 ms, in real time."""
    log = Log().connecting(-30).opened(20).spoken(1200)
    log.message(450, token("Turn", 100))
    log.message(700, token("Turn", 100, final=True), token(" lef", 330))
    return log.message(1050, token(" left", 330, final=True), END)


def test_lags_by_hand():
    table = sx.metrics.token_latencies(streamed(two_words()))
    assert list(table) == list(TOKEN_LATENCIES)
    # The chunk that holds 100 ms was handed over at 100 ms (as 100 to 200); its end, 160 ms, with it.
    first = table.iloc[0]
    assert (first["start_sent_ms"], first["end_sent_ms"]) == (100, 100)
    assert (first["first_lag_ms"], first["finalization_lag_ms"]) == (350, 600)
    # The second starts at 330 ms, in the chunk of 300 to 400, handed over at 300; first seen at 700, settled at 1050.
    second = table.iloc[1]
    assert (second["start_sent_ms"], second["first_lag_ms"], second["finalization_lag_ms"]) == (300, 400, 750)
    assert table["settled_by"].tolist() == ["running", "endpoint"]
    assert table["translation_lag_ms"].isna().all()


def test_a_token_begins_in_the_chunk_behind_its_start_and_ends_in_the_one_before_its_end():
    log = Log().opened(0).spoken(500).message(600, token("Hi", 200, 300, final=True))
    assert lags(streamed(log), "start_sent_ms", "end_sent_ms") == [[200, 200]]  # both times the chunk of 200 to 300


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0, 1000.0])
def test_the_speed_of_sending_is_taken_into_account(speed):
    log = Log().opened(0).spoken(2000, speed=speed)
    log.message(900 / speed + 250, token("Hi", 950, final=True))
    begun, spoken, first, final = lags(
        streamed(log), "start_sent_ms", "end_sent_ms", "first_lag_ms", "finalization_lag_ms"
    )[0]
    assert begun == round(900 / speed)
    assert spoken == round(1000 / speed)
    assert first == pytest.approx(250, abs=1)
    assert final == pytest.approx(250 - 100 / speed, abs=1)


def test_after_a_pause_lags_are_those_of_the_sound():
    log = Log().opened(0).audio(0, 100).audio(100, 200).audio(5000, 300).message(5400, token("Hi", 220, final=True))
    assert lags(streamed(log), "end_sent_ms", "finalization_lag_ms") == [[5000, 400]]


def test_audio_handed_over_again_counts_the_last_time_before_it_was_settled():
    log = Log().opened(0).spoken(1000)
    log.message(700, token("One", 100, final=True))
    log.lost(950)
    # Taken up by a later call, from 300 ms on.
    log.opened(2000, session=1, offset_ms=300)
    for number in range(8):
        log.audio(2000 + 100 * number, 400 + 100 * number)
    log.message(2900, token(" two", 500, final=True))  # 800 ms on the recording's timeline
    assert lags(streamed(log), "text", "end_sent_ms", "finalization_lag_ms", "session") == [
        ["One", 100, 600, 0],
        [" two", 2500, 400, 1],
    ]


def test_a_token_behind_all_audio_is_measured_from_the_last_of_it():
    log = Log().opened(0).spoken(300).control(201, "").message(500, token("Hi", 280, 340, final=True))
    assert lags(streamed(log), "end_sent_ms", "finalization_lag_ms", "settled_by") == [[200, 300, "end"]]


def test_a_token_put_later_than_its_audio_has_a_lag_below_0():
    log = Log().opened(0).spoken(1000).message(250, token("Hi", 600, final=True))
    assert lags(streamed(log), "first_lag_ms", "finalization_lag_ms") == [[-350, -350]]


def test_packed_formats_have_no_lags():
    log = Log().opened(0).spoken(500).message(900, token("Hi", 100, final=True))
    made = streamed(log)
    made.log["audio_ms"] = pd.NA
    assert lags(made, "final_ms") == [[900]]
    assert (
        sx.metrics.token_latencies(made)[["start_sent_ms", "end_sent_ms", "first_lag_ms", "finalization_lag_ms"]]
        .isna()
        .all(axis=None)
    )
    latencies = percentiles(made).set_index("measure")
    assert latencies["count"].to_dict() == {
        "connect": 0,
        "first_token": 1,
        "first_lag": 0,
        "finalization_lag": 0,
        "endpoint_lag": 0,
        "translation_lag": 0,
    }
    assert latencies.loc["first_lag", "note"] == "Nothing was measured."


def test_translations_lag_behind_the_last_original_of_their_source():
    original = {"translation_status": "original", "language": "en"}
    german = {"translation_status": "translation", "language": "de", "source_language": "en"}
    log = Log().opened(0).spoken(3000)
    log.message(900, token("Good", 100, final=True, **original))
    log.message(1300, token("Gut", final=True, **german))
    log.message(1500, token(" morning", 500, final=True, **original), token("en", final=True, **german))
    log.message(1600, token("Bon", 900, final=True, translation_status="original", language="fr"))
    log.message(2000, token(" Morgen", final=True, **german))
    table = sx.metrics.token_latencies(streamed(log))
    spoken = table["translation_status"] == "original"
    assert table.loc[~spoken, "translation_lag_ms"].tolist() == [400, 0, 500]
    assert table.loc[~spoken, ["first_lag_ms", "finalization_lag_ms"]].isna().all(axis=None)
    assert table.loc[spoken, "translation_lag_ms"].isna().all()
    assert percentiles(streamed(log)).set_index("measure").loc["translation_lag", "count"] == 3


def test_reasons_for_settling_a_token():
    log = Log().opened(0).spoken(3000)
    log.message(500, token("a", 100, final=True))
    log.message(900, token(" b", 300, final=True), END)
    log.control(950, '{"type": "finalize"}').message(1100, token(" c", 700, final=True), FIN)
    log.control(3000, "").message(3200, token(" d", 2000, final=True), END)
    made = streamed(log)
    assert sx.metrics.token_latencies(made)["settled_by"].tolist() == ["running", "endpoint", "finalize", "end"]
    # The endpoint behind the end of the audio was not found in speech.
    assert percentiles(made).set_index("measure").loc["endpoint_lag", "count"] == 1


def test_latencies_of_one_recording_by_hand():
    table = percentiles(streamed(two_words())).set_index("measure")
    assert [*table.reset_index()] == list(LIVE_LATENCY_SUMMARY)
    assert table.loc["connect", "p50_ms"] == 50
    assert table.loc["first_token", "p50_ms"] == 450 - 20  # the connection was open later than the audio began
    assert table.loc["first_lag", ["count", "p50_ms", "p95_ms"]].tolist() == [2, 350, 400]
    assert table.loc["finalization_lag", ["p50_ms", "p99_ms"]].tolist() == [600, 750]
    assert table.loc["endpoint_lag", ["count", "p50_ms"]].tolist() == [1, 750]  # " left" ends at 390, heard at 300
    assert table["reconnects"].tolist() == [0] * 6
    assert table["p50_ms_low"].isna().all()
    assert table.loc["first_lag", "note"].startswith("There is only one recording, and an interval needs two or more.")


def test_connecting_before_the_audio_is_no_part_of_the_first_token():
    log = Log().connecting(-900).opened(-500).spoken(1000).message(800, token("Hi", 100))
    log.message(900, token("Hi", 100, final=True))
    table = percentiles(streamed(log)).set_index("measure")
    assert table.loc[["connect", "first_token"], "p50_ms"].tolist() == [400, 800]


def test_an_endpoint_is_measured_from_the_last_word_of_its_own_segment():
    log = Log().opened(0).spoken(4000)
    log.message(800, token("a", 100, final=True))
    log.message(1000, token(" b", 500, final=True))  # ends at 560, handed over at 500
    log.message(1300, END)
    log.message(1500, END)  # nothing in between: no segment
    log.message(3300, token(" c", 2000, final=True), END)
    table = percentiles(streamed(log)).set_index("measure")
    assert table.loc["endpoint_lag", ["count", "p50_ms", "p95_ms"]].tolist() == [2, 800, 1300]


def test_reconnects_and_failures_are_counted():
    broken = two_words().lost(1100).connecting(1150).opened(1190, session=1, offset_ms=0)
    other = Log("b").connecting(0).opened(10).spoken(300).message(400, token("x", 0, final=True))
    table = percentiles(streamed(broken, other, failed=["b"])).set_index("measure")
    assert (table["recordings"] == 1).all()
    assert (table["failed"] == 1).all()
    assert (table["reconnects"] == 1).all()
    assert table.loc["connect", ["count", "p50_ms", "p95_ms"]].tolist() == [2, 40, 50]
    assert len(sx.metrics.token_latencies(streamed(broken, other, failed=["b"]))) == 3, "each token has its row"


def recording(name, final_lags):
    """Return a log with one token per second, settled with these lags."""
    log = Log(name).connecting(0).opened(0).spoken(1000 * (len(final_lags) + 1))
    for second, lag in enumerate(final_lags):
        log.message(1000 * second + lag, token(f" w{second}", 1000 * second, 1000 * second + 100, final=True))
    return log


def test_every_latency_has_a_row():
    made = streamed(recording("a", [200, 300]), Log("b").connecting(0), failed=["b"], room=["x", "y"])
    table = sx.metrics.live_latencies(made)
    assert list(table)[: len(LIVE_LATENCIES)] == list(LIVE_LATENCIES)
    assert table["room"].tolist() == ["x"] * 6 + ["y"]
    assert table["measure"].tolist() == ["connect", "first_token", *["first_lag"] * 2, *["finalization_lag"] * 2, pd.NA]
    assert table["ms"].tolist()[:6] == [0, 200, 200, 300, 200, 300]
    assert table["latency_index"].tolist() == [*range(6), 0]
    assert table["status"].tolist() == ["completed"] * 6 + ["failed"]


@pytest.mark.parametrize("method", ["studentized", "cr2", "jackknife", "percentile"])
def test_another_kind_of_interval_is_refused(method):
    with pytest.raises(InputError, match=f"method is '{method}', but there is only one kind of interval for latencies"):
        percentiles(streamed(two_words()), method=method)


def test_groups_have_rows_of_their_own():
    made = streamed(recording("a", [200, 300]), recording("b", [400]), recording("c", [900, 800]), room=["x", "y", "x"])
    table = percentiles(made, by="room")
    own = table[table["measure"] == "finalization_lag"].set_index("room")
    assert own["p50_ms"].to_dict() == {"x": 300, "y": 400}
    assert own["recordings"].to_dict() == {"x": 2, "y": 1}
    assert own["count"].to_dict() == {"x": 4, "y": 1}
    assert len(percentiles(made, by="audio_id")) == 18
    alone = percentiles(streamed(recording("a", [200, 300]), recording("c", [900, 800])))
    pd.testing.assert_frame_equal(
        alone.reset_index(drop=True), table[table["room"] == "x"].drop(columns="room").reset_index(drop=True)
    )


def test_speakers_are_blocks():
    made = streamed(*(recording(name, [300]) for name in "abcd"), speaker=["ann", "ann", "bob", None])
    table = percentiles(made)
    assert set(table["blocks"]) == {3}
    assert set(table["block"]) == {"speaker"}
    assert table["note"].str.contains("1 recording has no speaker and counts as a block of its own.").all()


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=60),
    st.sampled_from([0.1, 0.5, 0.9, 0.95, 0.99]),
)
def test_percentiles_are_numpys(values, share):
    values = np.array(values, float)
    units = np.zeros(len(values), np.intp)
    found = _bootstrap(values, units, 1, np.array([share]), Resampling(0.95, "percentile", 100, 0))
    assert found.estimates[0] == np.quantile(values, share, method="inverted_cdf")
    assert np.isnan(found.lows).all()


def test_the_interval_is_that_of_a_plain_loop():
    """Blocks drawn one by one, their values put together, numpy's quantile of each such replicate."""
    rng = np.random.default_rng(5)
    blocks = [rng.integers(200, 900, rng.integers(3, 30)) + 150 * (number % 3) for number in range(12)]
    values = np.concatenate(blocks).astype(float)
    units = np.repeat(np.arange(12), [len(block) for block in blocks])
    shares = np.array([0.5, 0.95])
    found = _bootstrap(values, units, 12, shares, Resampling(0.9, "percentile", 4_000, 1))
    loop = np.array(
        [
            np.quantile(np.concatenate([blocks[k] for k in rng.integers(0, 12, 12)]), shares, method="inverted_cdf")
            for _ in range(4_000)
        ]
    )
    assert 0.02 < _tail(0.9, 12) < 0.05, "further out than the level says"
    low, high = np.quantile(loop, [_tail(0.9, 12), 1 - _tail(0.9, 12)], axis=0)
    np.testing.assert_allclose(found.lows, low, atol=12)
    np.testing.assert_allclose(found.highs, high, atol=12)
    assert (found.lows < found.highs).all()
    assert (found.lows <= found.estimates).all()
    assert (found.estimates <= found.highs).all()


def test_blocks_without_values_are_drawn_too():
    values, units = np.array([1.0, 2.0, 9.0]), np.array([0, 0, 1])
    found = _bootstrap(values, units, 40, np.array([0.5]), Resampling(0.95, "percentile", 500, 0))
    assert (found.lows[0], found.highs[0]) == (1.0, 9.0)
    one = _bootstrap(values, np.zeros(3, np.intp), 40, np.array([0.5]), Resampling(0.95, "percentile", 500, 0))
    assert np.isnan(one.lows[0])
    assert one.remark == "one-holds-all"


@st.composite
def causal(draw):
    """A log at real time in which no message knows of audio that was not handed over."""
    count = draw(st.integers(1, 8))
    gaps = draw(st.lists(st.integers(0, 400), min_size=count, max_size=count))
    starts = (np.cumsum(gaps) + 60 * np.arange(count)).tolist()
    until = -(-(starts[-1] + 60) // 100) * 100 + 300
    opened = draw(st.integers(-100, 300))
    log = Log().connecting(opened - draw(st.integers(1, 200))).opened(opened).spoken(until)
    times = sorted(draw(st.lists(st.floats(max(opened, 0), until + 2000), min_size=1, max_size=10, unique=True)))
    settled = 0
    for at_ms in times:
        handed_ms = min((at_ms // 100 + 1) * 100, until)
        possible = sum(start + 60 <= handed_ms for start in starts)
        now = draw(st.integers(settled, max(possible, settled)))
        shown = draw(st.integers(now, max(possible, now)))
        new = [token(f" w{k}", starts[k], final=True) for k in range(settled, now)]
        marks = [END] if new and draw(st.booleans()) else []
        log.message(at_ms, *new, *marks, *(token(f" w{k}", starts[k]) for k in range(now, shown)))
        settled = now
    return log


@settings(max_examples=examples(30))
@given(causal())
def test_in_real_time_nothing_comes_before_its_sound(log):
    table = sx.metrics.token_latencies(streamed(log))
    for name in ("first_lag_ms", "finalization_lag_ms"):
        assert (table[name] >= 0).all()
    assert (table["start_sent_ms"] <= table["end_sent_ms"]).all()
    assert (table["received_ms"] <= table["final_ms"]).all()
    values = percentiles(streamed(log), n_resamples=100)
    assert (values["p50_ms"].dropna() >= 0).all()
    assert (values["p50_ms"] <= values["p95_ms"]).fillna(True).all()
    assert (values["p95_ms"] <= values["p99_ms"]).fillna(True).all()


@settings(max_examples=examples(20))
@given(causal(), st.integers(-10_000, 10_000))
def test_a_clock_that_is_set_changes_no_lag(log, shift_ms):
    made = streamed(log)
    moved = sx.LiveResult(made.recordings, made.log.assign(at_ms=made.log["at_ms"] + shift_ms))
    names = ["audio_id", "token_index", "first_lag_ms", "finalization_lag_ms", "settled_by"]
    pd.testing.assert_frame_equal(sx.metrics.token_latencies(moved)[names], sx.metrics.token_latencies(made)[names])
    before, after = (percentiles(one, n_resamples=100)["p50_ms"] for one in (made, moved))
    np.testing.assert_allclose(
        after.to_numpy(float, na_value=np.nan), before.to_numpy(float, na_value=np.nan), atol=1.001
    )


def test_saved_and_read_again_everything_is_the_same(tmp_path):
    made = streamed(two_words(), recording("b", [200, 700]))
    again = sx.read_live_result(made.save(tmp_path / "live"))
    pd.testing.assert_frame_equal(sx.metrics.token_latencies(again), sx.metrics.token_latencies(made))
    pd.testing.assert_frame_equal(percentiles(again), percentiles(made))


def test_nothing_said_is_measured_as_nothing():
    made = streamed(Log().connecting(0).opened(10).spoken(500))
    assert sx.metrics.token_latencies(made).empty
    assert list(sx.metrics.token_latencies(made)) == list(TOKEN_LATENCIES)
    assert percentiles(made)["count"].tolist() == [1, 0, 0, 0, 0, 0]


def test_plain_tables_will_do():
    made = streamed(two_words())
    tables = SimpleNamespace(tokens=made.tokens, updates=made.updates, log=made.log, recordings=made.recordings)
    pd.testing.assert_frame_equal(sx.metrics.token_latencies(tables), sx.metrics.token_latencies(made))
    shuffled = SimpleNamespace(**{**vars(tables), "tokens": made.tokens.set_axis([7, 7])})
    assert sx.metrics.token_latencies(shuffled)["final_ms"].tolist() == [700, 1050]


def test_wrong_input_is_named():
    made = streamed(two_words(), kind=["call"])
    with pytest.raises(
        InputError, match=r"a Corpus has no times of arrival: it lacks updates, log\. Pass the result of sx\.stream"
    ):
        sx.metrics.token_latencies(made.corpus())
    with pytest.raises(InputError, match="it lacks tokens"):
        sx.metrics.live_latencies(made.tokens)
    with pytest.raises(SchemaError, match="latencies: the table lacks"):
        percentiles(made, by="room")
    with pytest.raises(InputError, match=r"by contains \['count'\]"):
        percentiles(streamed(two_words(), count=[1]), by="count")
    with pytest.raises(InputError, match="ci is 95"):
        percentiles(made, ci=95)
    twice = SimpleNamespace(**{name: getattr(made, name) for name in ("recordings", "updates", "log")})
    twice.tokens = pd.concat([made.tokens, made.tokens])
    with pytest.raises(SchemaError, match="are duplicates"):
        sx.metrics.token_latencies(twice)
