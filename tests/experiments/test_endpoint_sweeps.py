"""Endpoint settings side by side, against the stand-in that hears tones."""

import wave

import pandas as pd
import pytest
from steady import SteadyClock
from stream_logs import Log, streamed, token
from tones import ToneRecognizer, ToneStream, pcm_bytes, random_words, speak

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds.api.session_limit import SessionLimit
from soniox_ds.exceptions import Declined, InputError, OptionsError
from soniox_ds.experiments.endpoint_sweep import SweepEstimate, _segments
from soniox_ds.schema import ENDPOINT_SWEEP

SPEED = 20
SETTINGS = {"off": {"enable_endpoint_detection": False}, "soon": {"max_endpoint_delay_ms": 500}}


class HastyTones(ToneRecognizer):
    """Hears every second word wrong where endpoints are found: haste costs accuracy."""

    def stream(self, options):
        return _Hasty(options) if options.get("enable_endpoint_detection") else ToneStream(options)


class _Hasty(ToneStream):
    _said_words = 0

    def _tokens(self, frames, end_ms):
        found = super()._tokens(frames, end_ms)
        if found and self._waiting is not None and len(frames) > 5:
            self._said_words += 1
            if self._said_words % 2:
                found[0]["text"] += "x"
        return found


@pytest.fixture(scope="module")
def tone_recordings(tmp_path_factory):
    """Three recordings of tones, with their words."""
    folder = tmp_path_factory.mktemp("tones")
    rows = []
    for seed in range(3):
        words, pauses = random_words(seed, 8)
        pauses[4] = 1000
        path = folder / f"{seed}.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(16_000)
            file.writeframes(pcm_bytes(speak(words, pauses_ms=pauses)[0]))
        rows.append({"audio_id": f"{seed}", "source": str(path), "reference": " ".join(words)})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def service():
    limits = sx.emulator.Limits(requests_per_minute=None, sessions_per_minute=None)
    with sx.emulator.local_service(HastyTones(), clock=SteadyClock(SPEED), limits=limits) as running:
        yield running


def sweep(tone_recordings, service, tmp_path, **more):
    clock = service.clock
    how = {
        "settings": SETTINGS,
        "clock": clock,
        "session_limit": SessionLimit(clock=clock),
        "progress": False,
        "journal": tmp_path / "journal.sqlite",
        "connection": sx.Connection(api_key=service.key, api_base_url=service.base_url),
    }
    return sx.sweep_endpoints(tone_recordings, **(how | more))


def test_errors_latencies_segments_and_cost_of_each_setting(tone_recordings, service, tmp_path):
    found = sweep(tone_recordings, service, tmp_path)
    table = found.summary
    assert list(table) == list(ENDPOINT_SWEEP)
    assert table["setting"].tolist() == ["off", "soon"]
    assert table["recordings"].tolist() == [3, 3]
    assert table["reference_words"].tolist() == [24, 24]
    off, soon = table.iloc[0], table.iloc[1]
    assert off["wer"] == 0
    assert soon["wer"] > 0.2
    assert soon["wer_difference"] == pytest.approx(soon["wer"])
    assert pd.isna(off["wer_difference"])
    assert off["segments"] == 3, "without endpoints each recording is one"
    assert soon["segments"] >= 6
    assert off["words_per_segment"] == 8
    assert pd.isna(off["endpoint_lag_p50_ms"])
    assert soon["endpoint_lag_p50_ms"] >= 500, "tones end an utterance after 600 ms of silence"
    assert (table["finalization_lag_p50_ms"] > 0).all()
    assert (table["finalization_lag_p50_ms"] <= table["finalization_lag_p95_ms"]).all()
    assert (table["cost_usd"] > 0).all()
    assert found.differences[["a", "b"]].values.tolist() == [["off", "soon"]]
    assert found.latencies["setting"].unique().tolist() == ["off", "soon"]
    assert found.settings["soon"].max_endpoint_delay_ms == 500
    assert found.settings["soon"].enable_endpoint_detection is True
    assert "endpoint_lag_p50_ms" in repr(found)
    assert "<table" in found._repr_html_()

    sent = len(service.requests)
    again = sweep(tone_recordings, service, tmp_path)
    assert len(service.requests) == sent, "nothing is sent a second time"
    assert again.summary["cost_usd"].tolist() == [0, 0]
    pd.testing.assert_frame_equal(again.summary.drop(columns="cost_usd"), table.drop(columns="cost_usd"))


async def test_awaited_without_references(tone_recordings, service, tmp_path):
    clock = service.clock
    connection = sx.Connection(api_key=service.key, api_base_url=service.base_url)
    found = await aio.sweep_endpoints(
        tone_recordings["source"].tolist()[:1],
        settings=[{}, {"endpoint_sensitivity": 0.5, "max_endpoint_delay_ms": 700}],
        model="stt-rt-v5",
        speed=None,
        connection=connection,
        clock=clock,
        session_limit=SessionLimit(clock=clock),
        journal=tmp_path / "journal.sqlite",
        progress=False,
    )
    assert found.summary["setting"].tolist() == ["default", "endpoint_sensitivity=0.5, max_endpoint_delay_ms=700"]
    assert found.summary["wer"].isna().all()
    assert found.errors == {}
    with pytest.raises(InputError, match="there are no references"):
        _ = found.differences


def test_one_recording_has_no_interval_of_the_paired_difference(tone_recordings, service, tmp_path):
    found = sweep(tone_recordings.iloc[:1], service, tmp_path, speed=None)
    row = found.summary.iloc[1]
    assert row["wer_difference"] == found.differences["difference"][0] > 0
    assert pd.isna(row["wer_difference_low"])
    assert "Paired difference: Only one recording is scored in both arms" in row["note"]
    assert row["wer"] > 0


def test_settings_on_one_speaker_and_by_other_blocks(tone_recordings, service, tmp_path):
    found = sweep(tone_recordings.assign(speaker="x"), service, tmp_path, speed=None)
    row = found.summary.iloc[1]
    assert pd.isna(row["wer_difference_low"])
    assert '.with_block("audio_id")' in row["note"]
    by_recording = found.with_block("audio_id")
    assert by_recording.differences[["block", "blocks"]].values.tolist() == [["audio_id", 3]]
    assert "with_block" not in by_recording.summary["note"][1]
    assert found.differences["blocks"].tolist() == [1]
    with pytest.raises(InputError, match="site"):
        found.with_block("site")


def test_the_cost_is_told_before_anything_is_sent(tone_recordings, service, tmp_path):
    sent, asked = len(service.requests), []
    expected = (
        r"the sweep was not started: 3 recordings \(\d+\.\d s\) x 2 settings: "
        r"(at most about|less than) \$0\.00\d, at \$0\.12 an hour, about \d+\.\d s$"
    )
    with pytest.raises(Declined, match=expected):
        sweep(tone_recordings, service, tmp_path, confirm=lambda estimate: asked.append(estimate))
    assert len(service.requests) == sent
    assert asked[0].settings == 2


def test_an_estimate_by_hand():
    hour = SweepEstimate(recordings=4, settings=3, hours=1.0, speed=2.0, concurrency=10)
    assert hour.cost_usd == pytest.approx(0.36)
    assert hour.duration_s == pytest.approx(3600 * 3 / 2 / 4)
    slow = SweepEstimate(recordings=1, settings=1, hours=1.0, speed=0.5, concurrency=1)
    assert slow.cost_usd == pytest.approx(0.24), "the stream is open for two hours"
    assert str(slow) == "1 recordings (1.0 h) x 1 settings: at most about $0.24, at $0.12 an hour, about 2.0 h"
    assert SweepEstimate(recordings=1, settings=1, hours=1.0, speed=None, concurrency=1).duration_s is None


def test_segments_by_hand():
    end = {"text": "<end>", "is_final": True}
    one = Log("one").opened(0).audio(0, 100)
    one.message(1, token("a", 0, final=True), end).message(2, end).message(3, token("b", 9, final=True))
    two = Log("two").opened(0).audio(0, 100).message(1, token("a", 0, final=True)).message(2, end)
    three = Log("three").opened(0).audio(0, 100).message(1, token("a", 0, final=True), end)
    three.message(2, token("b", 9, final=True)).message(3, token("c", 15, final=True))
    nothing = Log("nothing").opened(0).message(1, end)
    assert _segments(streamed(one, two, nothing)) == 3
    assert _segments(streamed(three)) == 2
    assert _segments(streamed(one, two, nothing, failed=["one"])) == 1


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ([{}], {}, "two or more sets"),
        ({"max_endpoint_delay_ms": 500}, {}, "two or more sets"),
        ([{}, 500], {}, "a setting is 500"),
        ([{}, {"model": "stt-rt-v5"}], {}, "a setting has model"),
        ([{}, {"enable_endpoint_detection": True}], {}, "'default' and 'enable_endpoint_detection=True' are the same"),
        ([{}, {"max_endpoint_delay_ms": 5}], {}, "max_endpoint_delay_ms is 5"),
        (SETTINGS, {"max_endpoint_delay_ms": 900}, "put it into settings"),
        (SETTINGS, {"sample_rate": 8000}, "the package chooses the format of the audio"),
        (SETTINGS, {"languge_hints": ["en"]}, "language_hints"),
        (SETTINGS, {"speed": 0}, "speed is 0"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_read(settings, options, message):
    with pytest.raises(OptionsError, match=message):
        sx.sweep_endpoints("no such file.wav", settings=settings, **options)


def test_wrong_references_are_told_before_anything_is_sent(tone_recordings, service, tmp_path):
    sent = len(service.requests)
    with pytest.raises(InputError, match="no reference belongs to a recording"):
        sweep(tone_recordings.drop(columns="reference"), service, tmp_path, references={"other.wav": "x"})
    with pytest.raises(InputError, match="lacks"):
        sweep(tone_recordings, service, tmp_path, block="room")
    assert len(service.requests) == sent


def test_real_time_against_files(tone_recordings, service, tmp_path):
    """Word errors of a LiveResult beside those of a Corpus, paired."""
    connection = sx.Connection(api_key=service.key, api_base_url=service.base_url)
    clock = service.clock
    live = sx.stream_dataset(
        tone_recordings,
        speed=None,
        enable_endpoint_detection=True,
        connection=connection,
        clock=clock,
        session_limit=SessionLimit(clock=clock),
        journal=tmp_path / "live.sqlite",
        progress=False,
    )
    files = sx.transcribe(
        tone_recordings, connection=connection, clock=clock, journal=tmp_path / "files.sqlite", progress=False
    )
    errors = {"files": sx.word_errors(files), "real time": sx.word_errors(live)}
    assert errors["real time"]["status"].tolist() == ["scored"] * 3
    assert errors["files"]["wer"].tolist() == [0, 0, 0]
    pd.testing.assert_frame_equal(sx.word_errors(live), sx.word_errors(live.corpus()))
    row = sx.compare_errors(errors, method="percentile").iloc[0]
    assert row["difference"] > 0.2
    if errors["real time"]["wer"].nunique() == 1:  # chance decides how many words each recording loses
        assert row["note"].startswith("All 3 recordings have the same difference.")
    else:
        assert 0 < row["difference_low"] <= row["difference"] <= row["difference_high"]
