"""Streaming from Python: recordings, chunks, datasets, and what happens when it is broken off."""

import asyncio

import numpy as np
import pandas as pd
import pytest
from listening import SPEED, opened, recording
from tones import pcm_bytes, random_words, speak
from waiting import until, until_async

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds.api.clock import Clock
from soniox_ds.api.session_limit import SessionLimit
from soniox_ds.exceptions import OptionsError, RecordingsFailedWarning, RequestError, SourceError
from soniox_ds.live.session import LiveSession
from soniox_ds.live.stream import run_session
from soniox_ds.options import LIVE_MODEL
from soniox_ds.schema import LIVE_LOG, LIVE_TOKENS, LIVE_UPDATES

RAW = {"audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}


def dtypes(frame):
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def test_a_recording_in_real_time(tones, clock, tmp_path):
    path, text = recording(tmp_path / "a.wav", 1, rate=44_100)
    seen = []
    streamed = sx.stream(path, enable_endpoint_detection=True, on_update=seen.append, clock=clock)
    assert streamed.text == text
    assert "".join(update.text for update in seen) == text
    assert any(update.pending for update in seen), "words are shown before they are settled"
    assert dtypes(streamed.tokens) == {name: column.dtype for name, column in LIVE_TOKENS.items()}
    assert dtypes(streamed.updates) == {name: column.dtype for name, column in LIVE_UPDATES.items()}
    assert dtypes(streamed.log) == {name: column.dtype for name, column in LIVE_LOG.items()}
    row = streamed.recordings.iloc[0]
    assert (row["audio_id"], row["status"], row["service"], row["model"]) == (
        str(path),
        "completed",
        "local",
        LIVE_MODEL,
    )
    assert row["cost_usd"] > 0
    assert row["source"] == str(path), "exports name the audio"
    # What everybody else takes a corpus for.
    assert sx.word_errors(streamed, {str(path): text})["wer"].tolist() == [0.0]
    assert streamed.corpus().texts()["text"].tolist() == [text]


def test_saved_and_read_it_is_the_same(tones, tmp_path):
    path, _ = recording(tmp_path / "a.wav", 2)
    streamed = sx.stream(path, speed=None)
    again = sx.read_live_result(streamed.save(tmp_path / "kept"))
    for name in ("recordings", "tokens", "updates", "log"):
        pd.testing.assert_frame_equal(getattr(streamed, name), getattr(again, name))
    assert sx.read_corpus(tmp_path / "kept").texts()["text"].tolist() == streamed.corpus().texts()["text"].tolist()
    sx.read_corpus(tmp_path / "kept").save(tmp_path / "plain")
    with pytest.raises(sx.exceptions.InputError, match="no stream_log"):
        sx.read_live_result(tmp_path / "plain")


def test_bytes_chunks_and_awaited_chunks_say_the_same(tones, tmp_path):
    path, text = recording(tmp_path / "a.wav", 3)
    packed = path.read_bytes()
    samples = packed[44:]
    chunks = [samples[start : start + 3201] for start in range(0, len(samples), 3201)]  # odd sizes, too

    async def slowly():
        for chunk in chunks:
            yield chunk

    assert sx.stream(packed, speed=None).text == text
    assert sx.stream(iter(chunks), **RAW).text == text
    assert sx.stream(slowly(), **RAW).text == text
    assert sx.stream([packed], audio_format="auto").text == text


def test_update_by_update(tones, tmp_path):
    path, text = recording(tmp_path / "a.wav", 4)
    assert "".join(update.text for update in sx.stream_updates(path, speed=None)) == text


async def test_update_by_update_awaited(tones, tmp_path):
    path, text = recording(tmp_path / "a.wav", 4)
    assert "".join([update.text async for update in aio.stream_updates(path, speed=None)]) == text


def test_leaving_the_loop_early_closes_the_connection(tones, clock, tmp_path):
    path, _ = recording(tmp_path / "a.wav", 5, count=60)
    updates = sx.stream_updates(path, clock=clock)
    next(updates)
    assert tones.open_streams == 1
    updates.close()
    until(lambda: not tones.open_streams)


def test_tokens_settled_before_a_failure_are_kept(tones, clock, tmp_path):
    path, text = recording(tmp_path / "a.wav", 6, count=40)
    tones.faults.next("ws_error", "websocket", frames=60, code=402, error_type="x", message="No money.")
    with pytest.warns(RecordingsFailedWarning, match="ended early"):
        streamed = sx.stream(path, clock=clock)
    assert streamed.recordings["status"].tolist() == ["failed"]
    assert streamed.text
    assert text.startswith(streamed.text)
    tones.faults.next("ws_error", "websocket", frames=60, code=402, error_type="x", message="No money.")
    with pytest.raises(sx.exceptions.BalanceError, match="No money"):
        sx.stream(path, clock=clock, on_error="raise")


@pytest.mark.parametrize(
    ("source", "options", "error", "words"),
    [
        pytest.param("https://example.org/a.wav", {}, SourceError, "download the recording", id="url"),
        pytest.param("nowhere.wav", {}, SourceError, "there is no file 'nowhere.wav'", id="no-file"),
        pytest.param(b"no audio at all", {}, SourceError, "cannot be decoded", id="no-audio"),
        pytest.param(42, {}, SourceError, "int cannot be sent as live audio", id="number"),
        pytest.param(["a.wav", "b.wav"], {}, SourceError, "2 sources .* pass several to sx.stream_dataset", id="paths"),
        pytest.param(np.zeros(800, np.int16), RAW, SourceError, "astype", id="array"),
        pytest.param([b"x"], {"audio_format": "pcm_s16le"}, OptionsError, "needs sample_rate", id="raw"),
        pytest.param([b"x"], {}, OptionsError, "audio_format='auto'", id="no-format"),
        pytest.param(iter(["text"]), RAW, OptionsError, "type str; it must be bytes", id="text-chunks"),
        pytest.param([None, b"x"], RAW, OptionsError, "type NoneType; it must be bytes", id="none-for-a-chunk"),
        pytest.param(b"x", {"sample_rate": 8000}, OptionsError, "decoded on this machine", id="rate-of-a-recording"),
        pytest.param(b"x", {"speed": 0}, OptionsError, "speed is 0", id="speed"),
        pytest.param(b"x", {"chunk_ms": 5}, OptionsError, "chunk_ms is 5", id="chunk"),
        pytest.param(b"x", {"on_error": "ignore"}, OptionsError, "on_error", id="on-error"),
    ],
)
def test_a_mistake_is_explained(tones, source, options, error, words):
    before = opened(tones)
    with pytest.raises(error, match=words):
        sx.stream(source, **options)
    until(lambda: not tones.open_streams)
    assert opened(tones) == before


def test_unsupported_arguments_of_stream_updates_are_refused(tones, tmp_path):
    path, _ = recording(tmp_path / "a.wav", 4)
    with pytest.raises(OptionsError, match="on_update"):
        next(sx.stream_updates(path, on_update=print))


async def test_hours_are_not_held_in_memory(tones):
    """A source that pours is held back."""
    given = 0

    def pour():
        nonlocal given
        for _ in range(60):
            given += 1
            yield bytes(32_000)  # a second

    session_limit = SessionLimit(sessions=1)
    session = LiveSession(sx.LiveOptions(**RAW), session_limit=session_limit, pace=None, clock=Clock(speed=SPEED))
    async with asyncio.timeout(60):
        async with session_limit.pass_through():  # nothing can be sent yet
            running = asyncio.create_task(run_session(session, pour(), speed=None, chunk_ms=100))
            await until_async(lambda: (session.waiting_ms or 0) > 10_000)
            for _ in range(20):  # and it would have time for more
                await asyncio.sleep(0.01)
            assert given == 11
        assert await running is None
    assert session.audio_ms == 60_000


def test_a_callback_that_raises_is_not_waited_for_to_the_end_of_the_recording(tones, tmp_path):
    path, _ = recording(tmp_path / "a.wav", 7, count=2_000)  # more than ten minutes

    def bad(update):
        raise ZeroDivisionError("of the caller's own")

    with pytest.raises(ZeroDivisionError, match="caller's own"):
        sx.stream(path, on_update=bad, clock=Clock(speed=SPEED))
    until(lambda: not tones.open_streams)


def test_audio_before_a_failure_of_the_source_is_kept(tones):
    words, pauses = random_words(8, 20)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])

    def card():
        for start in range(0, len(audio), 3200):
            yield audio[start : start + 3200]
        raise OSError("device unplugged")

    with pytest.warns(RecordingsFailedWarning, match="OSError: device unplugged"):
        streamed = sx.stream(card(), **RAW)
    row = streamed.recordings.iloc[0]
    assert (row["status"], row["error_type"]) == ("failed", "source_failed")
    assert "device unplugged" in row["error_message"]
    assert streamed.text == " ".join(words)
    with pytest.raises(OSError, match="unplugged"):
        sx.stream(card(), **RAW, on_error="raise")
    heard = []
    with pytest.raises(OSError, match="unplugged"):
        heard.extend(update.text for update in sx.stream_updates(card(), **RAW))


async def test_a_generator_is_closed_where_a_session_fails(tones):
    closed = []

    async def microphone():
        try:
            while True:
                yield bytes(3200)
                await asyncio.sleep(0.001)
        finally:
            closed.append(True)

    tones.faults.next("ws_error", "websocket", frames=3, code=402, error_type="x", message="No money.")
    with pytest.raises(sx.exceptions.BalanceError):
        await aio.stream(microphone(), **RAW)
    assert closed


def test_agent_text_input_reaches_the_service(tones, tmp_path):
    path, text = recording(tmp_path / "a.wav", 1)
    assert sx.stream(path, speed=None, enable_agent_text_input=True).text == text
    with pytest.raises(RequestError, match="does not support enable_agent_text_input"):
        sx.stream(path, speed=None, enable_agent_text_input=True, model="stt-rt-v5")
