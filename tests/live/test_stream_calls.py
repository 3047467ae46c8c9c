"""Streaming from Python: recordings, chunks, datasets, and what happens when it is broken off."""

import asyncio
import json
import wave

import numpy as np
import pandas as pd
import pytest
from tones import ToneRecognizer, pcm_bytes, random_words, speak

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds.emulator import Limits, local_service
from soniox_ds.errors import AuthError, OptionsError, RecordingsFailedWarning, ServiceError, SourceError
from soniox_ds.live.seams import WINDOW_MS
from soniox_ds.live.session import LiveSession
from soniox_ds.live.streaming import run_session
from soniox_ds.schema import STREAM_LOG, STREAM_TOKENS, STREAM_UPDATES
from soniox_ds.service.clock import Clock
from soniox_ds.service.gate import StreamGate
from soniox_ds.transcription import realtime

SPEED = 20
RAW = {"audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}


@pytest.fixture(scope="module")
def tones():
    limits = Limits(requests_per_minute=None, sessions_per_minute=None)
    with local_service(ToneRecognizer(), speed=SPEED, limits=limits) as service:
        yield service
        assert not service.open_streams


@pytest.fixture(autouse=True)
def good_weather(tones):
    yield
    tones.faults.clear()


@pytest.fixture
def clock():
    return Clock(speed=SPEED)


def recording(path, seed, count=12, rate=16_000):
    """A WAV file of words, and the words."""
    words, pauses = random_words(seed, count)
    samples, _ = speak(words, pauses_ms=pauses, rate=rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm_bytes(samples))
    return path, " ".join(words)


def opened(service):
    return sum(request.route == "websocket" for request in service.requests)


def dtypes(frame):
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def test_a_recording_in_real_time(tones, clock, tmp_path):
    path, text = recording(tmp_path / "a.wav", 1, rate=44_100)
    seen = []
    streamed = sx.stream(path, enable_endpoint_detection=True, on_update=seen.append, clock=clock)
    assert streamed.text == text
    assert "".join(update.text for update in seen) == text
    assert any(update.pending for update in seen), "words are shown before they are settled"
    assert dtypes(streamed.tokens) == {name: column.dtype for name, column in STREAM_TOKENS.items()}
    assert dtypes(streamed.updates) == {name: column.dtype for name, column in STREAM_UPDATES.items()}
    assert dtypes(streamed.log) == {name: column.dtype for name, column in STREAM_LOG.items()}
    row = streamed.recordings.iloc[0]
    assert (row["audio_id"], row["status"], row["service"], row["model"]) == (
        str(path),
        "completed",
        "local",
        "stt-rt-v4",
    )
    assert row["cost_usd"] > 0
    # What everybody else takes a corpus for.
    assert sx.word_errors(streamed, {str(path): text})["wer"].tolist() == [0.0]
    assert streamed.corpus().texts()["text"].tolist() == [text]


def test_saved_and_read_it_is_the_same(tones, tmp_path):
    path, _ = recording(tmp_path / "a.wav", 2)
    streamed = sx.stream(path, speed=None)
    again = sx.read_streamed(streamed.save(tmp_path / "kept"))
    for name in ("recordings", "tokens", "updates", "log"):
        pd.testing.assert_frame_equal(getattr(streamed, name), getattr(again, name))
    assert sx.read_corpus(tmp_path / "kept").texts()["text"].tolist() == streamed.corpus().texts()["text"].tolist()
    sx.read_corpus(tmp_path / "kept").save(tmp_path / "plain")
    with pytest.raises(sx.errors.InputError, match="no stream_log"):
        sx.read_streamed(tmp_path / "plain")


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
    wait_until(lambda: not tones.open_streams)


def wait_until(true, patience_s=20):
    async def look():
        async with asyncio.timeout(patience_s):
            while not true():  # noqa: ASYNC110  the stand-in lives in another thread
                await asyncio.sleep(0.01)

    asyncio.run(look())


def test_what_was_settled_before_a_failure_is_kept(tones, clock, tmp_path):
    path, text = recording(tmp_path / "a.wav", 6, count=40)
    tones.faults.next("ws_error", "websocket", frames=60, code=402, error_type="x", message="No money.")
    with pytest.warns(RecordingsFailedWarning, match="ended early"):
        streamed = sx.stream(path, clock=clock)
    assert streamed.recordings["status"].tolist() == ["failed"]
    assert streamed.text
    assert text.startswith(streamed.text)
    tones.faults.next("ws_error", "websocket", frames=60, code=402, error_type="x", message="No money.")
    with pytest.raises(sx.errors.BalanceError, match="No money"):
        sx.stream(path, clock=clock, on_error="raise")


@pytest.mark.parametrize(
    ("source", "options", "error", "words"),
    [
        pytest.param("https://example.org/a.wav", {}, SourceError, "download the recording", id="url"),
        pytest.param("nowhere.wav", {}, SourceError, "there is no file 'nowhere.wav'", id="no-file"),
        pytest.param(b"no audio at all", {}, SourceError, "cannot be decoded", id="no-audio"),
        pytest.param(42, {}, SourceError, "cannot be made of int", id="number"),
        pytest.param(["a.wav", "b.wav"], {}, SourceError, "2 sources .* sx.stream_dataset many", id="paths"),
        pytest.param(np.zeros(800, np.int16), RAW, SourceError, "astype", id="array"),
        pytest.param([b"x"], {"audio_format": "pcm_s16le"}, OptionsError, "needs sample_rate", id="raw"),
        pytest.param([b"x"], {}, OptionsError, "audio_format='auto'", id="no-format"),
        pytest.param(iter(["text"]), RAW, OptionsError, "type str; bytes are due", id="text-chunks"),
        pytest.param([None, b"x"], RAW, OptionsError, "type NoneType; bytes are due", id="none-for-a-chunk"),
        pytest.param(b"x", {"sample_rate": 8000}, OptionsError, "decoded here", id="rate-of-a-recording"),
        pytest.param(b"x", {"speed": 0}, OptionsError, "speed is 0", id="speed"),
        pytest.param(b"x", {"chunk_ms": 5}, OptionsError, "chunk_ms is 5", id="chunk"),
        pytest.param(b"x", {"on_error": "ignore"}, OptionsError, "on_error", id="on-error"),
    ],
)
def test_a_mistake_is_explained(tones, source, options, error, words):
    before = opened(tones)
    with pytest.raises(error, match=words):
        sx.stream(source, **options)
    wait_until(lambda: not tones.open_streams)
    assert opened(tones) == before


async def test_hours_are_not_held_in_memory(tones):
    """A source that pours is held back."""
    given = 0

    def pour():
        nonlocal given
        for _ in range(60):
            given += 1
            yield bytes(32_000)  # a second

    gate = StreamGate(sessions=1)
    session = LiveSession(sx.StreamOptions(**RAW), gate=gate, pace=None, clock=Clock(speed=SPEED))
    async with asyncio.timeout(60):
        async with gate.pass_through():  # nothing can be sent yet
            running = asyncio.create_task(run_session(session, pour(), speed=None, chunk_ms=100))
            while (session.waiting_ms or 0) <= 10_000:  # noqa: ASYNC110  a thread is at work
                await asyncio.sleep(0.01)
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
    wait_until(lambda: not tones.open_streams)


def test_what_a_source_gave_before_it_failed_is_kept(tones):
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
    with pytest.raises(sx.errors.BalanceError):
        await aio.stream(microphone(), **RAW)
    assert closed


# datasets ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    calls = tmp_path / "calls"
    calls.mkdir()
    texts = {}
    for seed in range(6):
        path, texts[f"{seed}.wav"] = recording(calls / f"{seed}.wav", seed + 20)
        path.with_suffix(".txt").write_text(texts[f"{seed}.wav"])
    return calls, texts


def settings(tmp_path, clock):
    return {"journal": tmp_path / "journal.sqlite", "clock": clock, "progress": False}


def test_a_dataset_and_again_for_nothing(tones, clock, folder, tmp_path):
    calls, texts = folder
    gate = StreamGate(sessions=3, clock=clock)
    first = sx.stream_dataset(calls, gate=gate, **settings(tmp_path, clock))
    said = dict(zip(first.recordings["audio_id"], first.recordings["text"], strict=True))
    assert said == texts
    assert first.recordings["reference"].tolist() == list(texts.values())
    before = opened(tones)
    again = sx.stream_dataset(calls, **settings(tmp_path, clock))
    assert opened(tones) == before
    assert again.recordings["cost_usd"].tolist() == [0.0] * 6
    pd.testing.assert_frame_equal(first.tokens, again.tokens)
    pd.testing.assert_frame_equal(first.log, again.log)
    sx.stream_dataset(calls, repeat=1, **settings(tmp_path, clock))
    assert opened(tones) == before + 6, "a repetition is streamed"


def test_the_same_audio_twice_is_streamed_once(tones, clock, tmp_path):
    path, text = recording(tmp_path / "a.wav", 31)
    (tmp_path / "b.wav").write_bytes(path.read_bytes())
    before = opened(tones)
    streamed = sx.stream_dataset([path, tmp_path / "b.wav"], **settings(tmp_path, clock))
    assert streamed.recordings["text"].tolist() == [text, text]
    assert opened(tones) == before + 1


def test_bad_recordings_are_rows(tones, clock, folder, tmp_path):
    calls, _ = folder
    (calls / "broken.wav").write_bytes(b"RIFF")
    with pytest.warns(RecordingsFailedWarning, match="2 of 8"):
        streamed = sx.stream_dataset(
            [*sorted(calls.glob("*.wav")), "https://example.org/x.wav"], **settings(tmp_path, clock)
        )
    failed = streamed.recordings[streamed.recordings["status"] == "failed"]
    assert len(streamed) == 8
    assert failed["error_message"].str.len().min() > 10
    assert failed["text"].isna().all()
    with pytest.raises(ExceptionGroup, match="2 of 8"):
        sx.stream_dataset(
            [*sorted(calls.glob("*.wav")), "https://example.org/x.wav"],
            on_error="raise",
            **settings(tmp_path, clock),
        )


def test_a_recording_that_vanishes_is_a_row(tones, clock, folder, tmp_path, monkeypatch):
    calls, texts = folder
    inspect = realtime.inspect

    def inspected(recording):
        inspect(recording)
        if recording.path.name == "3.wav":
            recording.path.unlink()

    monkeypatch.setattr(realtime, "inspect", inspected)
    with pytest.warns(RecordingsFailedWarning, match="1 of 6"):
        streamed = sx.stream_dataset(calls, **settings(tmp_path, clock))
    recordings = streamed.recordings.set_index("audio_id")
    assert "no file" in recordings.loc["3.wav", "error_message"]
    assert recordings["text"].dropna().to_dict() == {name: text for name, text in texts.items() if name != "3.wav"}


def test_a_wrong_key_ends_it(tones, clock, folder, tmp_path):
    connection = sx.Connection(api_key="wrong-key-wrong-key", api_base_url=tones.base_url)
    with pytest.raises(AuthError):
        sx.stream_dataset(folder[0], connection=connection, **settings(tmp_path, clock))


@pytest.mark.parametrize("lines", [1, 40, 120, 250])
async def test_broken_off_it_is_taken_up_where_it_stopped(tones, clock, tmp_path, lines):
    path, text = recording(tmp_path / "a.wav", 33, count=60)

    def written():
        return sum(log.read_bytes().count(b"\n") for log in (tmp_path / "journal.sqlite.streams").glob("*.jsonl"))

    task = asyncio.create_task(aio.stream_dataset(path, **settings(tmp_path, clock)))
    async with asyncio.timeout(60):
        while written() < lines:  # noqa: ASYNC110  another process would see no more
            await asyncio.sleep(0.002)
    assert task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    streamed = await aio.stream_dataset(path, **settings(tmp_path, clock))
    assert streamed.text == text
    opened_at = streamed.log.index[streamed.log["kind"] == "open"]
    assert len(opened_at) == 1 + (lines > 1)
    if lines > 1:
        before = streamed.log.loc[: opened_at[1]].query("kind == 'message'")["payload"]
        settled_ms = max((json.loads(message)["final_audio_proc_ms"] for message in before), default=0)
        assert streamed.log.loc[opened_at[1], "offset_ms"] >= max(settled_ms - WINDOW_MS, 0), "not from the start"
        assert settled_ms > 0 or lines < 100
    assert (np.diff(streamed.log["at_ms"]) >= 0).all()
    assert (streamed.tokens["received_ms"] <= streamed.tokens["final_ms"]).all()


def test_a_log_that_a_crash_cut_off_is_taken_up(tones, clock, tmp_path):
    path, text = recording(tmp_path / "a.wav", 34, count=30)
    sx.stream_dataset(path, **settings(tmp_path, clock))
    (log,) = (tmp_path / "journal.sqlite.streams").glob("*.jsonl")
    lines = log.read_bytes()
    log.write_bytes(lines[: len(lines) * 2 // 3])
    assert sx.stream_dataset(path, **settings(tmp_path, clock)).text == text


def test_dropped_sockets_of_a_dataset_lose_nothing(tones, clock, folder, tmp_path):
    calls, texts = folder
    tones.faults.rate("ws_drop", 0.5, "websocket", frames=20)
    streamed = sx.stream_dataset(calls, **settings(tmp_path, clock))
    assert dict(zip(streamed.recordings["audio_id"], streamed.recordings["text"], strict=True)) == texts


def test_an_outage_fails_the_row_and_the_next_run_goes_on(tones, clock, tmp_path):
    path, text = recording(tmp_path / "a.wav", 35)
    tones.faults.rate("unavailable", 1.0, "websocket")
    with pytest.warns(RecordingsFailedWarning):
        streamed = sx.stream_dataset(path, **settings(tmp_path, clock))
    assert streamed.recordings["status"].tolist() == ["failed"]
    tones.faults.clear()
    assert sx.stream_dataset(path, **settings(tmp_path, clock)).text == text
    tones.faults.rate("unavailable", 1.0, "websocket")
    with pytest.raises(ServiceError):
        sx.stream(path, clock=clock)
