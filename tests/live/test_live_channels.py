"""Live transcription of each channel in a session of its own."""

import asyncio
import warnings

import numpy as np
import pandas as pd
import pytest
from batches import wav, wav_of

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds.exceptions import BalanceError, InputError, OptionsError, RecordingsFailedWarning
from soniox_ds.live.audio_sources import decoded


@pytest.fixture
def call(tmp_path):
    path = tmp_path / "call.wav"
    path.write_bytes(wav(1, seconds=4, channels=2))
    return path


@pytest.fixture
def separate(call, service):
    return sx.stream(call, channels="separate", speed=None, audio_id="call")


def test_each_channel_has_a_session_and_the_recording_one_row(separate, service):
    assert (separate.log["kind"] == "open").sum() == 2
    assert separate.recordings["status"].tolist() == ["completed"]
    assert separate.recordings["duration_ms"].tolist() == [4000]
    tokens = separate.tokens
    assert tokens["channel"].dtype == "Int16"
    assert set(tokens["channel"]) == {1, 2}
    assert (tokens["speaker"] == "ch" + tokens["channel"].astype("string")).all()
    assert tokens["token_index"].tolist() == list(range(len(tokens)))
    assert tokens["start_ms"].is_monotonic_increasing
    assert separate.updates["received_ms"].is_monotonic_increasing
    assert set(separate.updates["channel"]) == {1, 2}


def test_a_channel_is_transcribed_like_a_recording_of_its_own(separate, call, service):
    for channel in (1, 2):
        alone = wav_of(np.frombuffer(b"".join(decoded(call, channel=channel)), "<i2").reshape(-1, 1), 16_000)
        mono = sx.stream(alone, speed=None)
        of_channel = separate.tokens[separate.tokens["channel"] == channel]
        assert of_channel["text"].tolist() == mono.tokens["text"].tolist()
        assert of_channel["start_ms"].tolist() == mono.tokens["start_ms"].tolist()


def test_the_costs_of_all_sessions_are_added(separate):
    parts = [separate.of_channel(channel) for channel in (1, 2)]
    assert all(len(part.tokens) for part in parts)
    assert separate.recordings["cost_usd"][0] > 0
    mixed = separate.recordings["options_hash"][0]
    assert mixed != sx.LiveOptions(audio_format="auto").hash()


def test_saved_and_read_again(separate, tmp_path):
    separate.save(tmp_path / "live")
    again = sx.read_live_result(tmp_path / "live")
    pd.testing.assert_frame_equal(again.tokens, separate.tokens)
    pd.testing.assert_frame_equal(again.updates, separate.updates)
    corpus = sx.read_corpus(tmp_path / "live")
    assert set(corpus.words()["channel"]) == {1, 2}


def test_updates_say_their_channel(call, service):
    updates = []
    sx.stream(call, channels="separate", speed=None, on_update=updates.append)
    assert {update.channel for update in updates} == {1, 2}


def test_updates_of_both_channels_are_yielded(call, service):
    whole = sx.stream(call, channels="separate", speed=None)
    settled = {1: "", 2: ""}
    for update in sx.stream_updates(call, channels="separate", speed=None):
        settled[update.channel] += update.text
    for channel, text in settled.items():
        assert text == "".join(whole.tokens.loc[whole.tokens["channel"] == channel, "text"])
    with pytest.raises(OptionsError, match=r"channels is 'both'|separate"):
        next(iter(sx.stream_updates(call, channels="both")))


def test_leaving_the_loop_over_updates_ends_all_sessions(call, service):
    seen = set()
    for update in sx.stream_updates(call, channels="separate", speed=1.0):
        seen.update([update.channel] if update.settled else [])
        if seen == {1, 2}:
            break
    kept = sx.last_interrupted()
    assert set(kept.tokens["channel"]) == {1, 2}


def test_an_error_of_a_channel_is_raised_after_the_updates(call, service):
    service.faults.next("ws_error", "websocket", times=1, frames=30, code=402, error_type="no_money", message="x")
    seen = []
    with pytest.raises(BalanceError):
        seen.extend(sx.stream_updates(call, channels="separate", speed=None))
    assert seen


def test_siblings_without_channels_name_those_that_have_them(call):
    for function in (lambda: sx.Microphone(channels="separate"), lambda: sx.LiveCaptions(call, channels="separate")):
        with pytest.raises(OptionsError, match=r"no option 'channels'.*sx\.stream_updates and sx\.stream_dataset take"):
            function()


def test_raw_chunks_are_divided(service):
    samples = np.random.default_rng(1).integers(-3000, 3000, (32_000, 2)).astype("<i2")
    data = samples.tobytes()
    chunks = [data[start : start + 1001] for start in range(0, len(data), 1001)]  # in the middle of a sample
    raw = {"audio_format": "pcm_s16le", "sample_rate": 16_000}
    result = sx.stream(chunks, channels="separate", num_channels=2, **raw)
    for channel in (1, 2):
        mono = sx.stream([samples[:, channel - 1].tobytes()], num_channels=1, **raw)
        of_channel = result.tokens[result.tokens["channel"] == channel]
        assert of_channel["text"].tolist() == mono.tokens["text"].tolist()
    assert result.recordings["duration_ms"].tolist() == [2000]


def test_packed_chunks_are_refused_before_anything_is_sent(service):
    with pytest.raises(OptionsError, match="raw samples"):
        sx.stream([b"..."], channels="separate", audio_format="auto")
    with pytest.raises(OptionsError, match="separate"):
        sx.stream([b"..."], channels="both", audio_format="auto")
    assert len(service.requests) == 0


def test_a_mono_recording_is_channel_1(service, tiny_wav, tmp_path):
    result = sx.stream(tiny_wav(tmp_path / "mono.wav", seconds=2.0), channels="separate", speed=None)
    assert (result.log["kind"] == "open").sum() == 1
    assert set(result.tokens["channel"]) == {1}
    assert set(result.tokens["speaker"]) == {"ch1"}


def test_one_session_fails(call, service):
    service.faults.next("ws_error", "websocket", times=1, frames=30, code=402, error_type="no_money", message="x")
    with pytest.warns(RecordingsFailedWarning, match="channel [12]"):
        result = sx.stream(call, channels="separate", speed=None)
    assert result.recordings["status"].tolist() == ["failed"]
    assert result.recordings["error_message"][0].startswith("channel ")
    assert len(result.tokens)  # of the other channel at least


def test_an_interrupt_keeps_what_was_settled(call, service):
    async def interrupted():
        has_both, settled = asyncio.Event(), set()

        def note(update):
            settled.update([update.channel] if update.settled else [])
            if settled == {1, 2}:
                has_both.set()

        task = asyncio.create_task(aio.stream(call, channels="separate", speed=1.0, on_update=note))
        await has_both.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(interrupted())
    kept = sx.last_interrupted()
    assert set(kept.tokens["channel"]) == {1, 2}
    assert kept.recordings["status"].tolist() == ["failed"]


def test_latencies_are_measured_channel_by_channel(separate):
    with pytest.raises(InputError, match="of_channel"):
        sx.metrics.token_latencies(separate)
    assert len(sx.metrics.token_latencies(separate.of_channel(2)))
    with pytest.raises(InputError, match="no channel 3"):
        separate.of_channel(3)


def test_mixed_channels_that_differ_are_a_warning(call, service):
    with pytest.warns(UserWarning, match="several channels"):
        result = sx.stream(call, speed=None)
    assert result.recordings["warnings"].tolist() == ["several_channels"]
    assert result.tokens["channel"].isna().all()


# -- many recordings ---------------------------------------------------------------------------------------------------


def dataset(call, tmp_path, **changes):
    settings = {"speed": None, "journal": tmp_path / "journal.sqlite", "progress": False, "channels": "separate"}
    return sx.stream_dataset([call, tmp_path / "mono.wav"], **{**settings, **changes})


def test_a_dataset(call, service, tiny_wav, tmp_path):
    tiny_wav(tmp_path / "mono.wav", seconds=1.0)
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = dataset(call, tmp_path, progress=seen.append)
    assert result.recordings["status"].tolist() == ["completed"] * 2
    assert result.tokens.groupby("audio_id", observed=True)["channel"].agg(set).tolist() == [{1, 2}, {1}]
    assert (seen[-1].done, seen[-1].total) == (2, 2)
    assert seen[-1].cost_usd == pytest.approx((2 * 4 + 1) / 3600 * 0.12)
    requests = len(service.requests)
    again = dataset(call, tmp_path)
    assert len(service.requests) == requests
    assert again.recordings["cost_usd"].tolist() == [0.0, 0.0]
    pd.testing.assert_frame_equal(again.tokens, result.tokens)
    with pytest.warns(UserWarning, match="1 recording has several channels"):
        mixed = dataset(call, tmp_path, channels=None)
    assert (mixed.log["kind"] == "open").sum() == 2  # the mono recording was there already
    assert mixed.tokens["channel"].isna().all()
