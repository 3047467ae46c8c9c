"""Sessions against the stand-in, interrupted, refused and restarted: each word is settled once."""

import asyncio
import io
import json
import wave

import numpy as np
import pandas as pd
import pytest
from listening import SPEED
from tones import ToneRecognizer, pcm_bytes, random_words, speak

from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.retry import Backoff
from soniox_ds.api.session_limit import SessionLimit
from soniox_ds.emulator import Limits, local_service
from soniox_ds.exceptions import AuthError, ConnectionFailed, OptionsError, RequestError, ServiceError
from soniox_ds.live.session import LiveSession
from soniox_ds.options import LiveOptions

RAW = {"audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}
CHUNK = 3200  # 100 ms


def joined(words):
    return " ".join(words)


def session_of(service, **settings):
    options = LiveOptions(**(RAW | settings.pop("options", {})))
    connection = Connection(api_key=service.key, api_base_url=service.base_url)
    clock = Clock(speed=SPEED)
    retry = Backoff(attempts=6, initial_s=0.2)
    settings = {"session_limit": SessionLimit(clock=clock), "clock": clock, "retry": retry} | settings
    return LiveSession(options, connection=connection, **settings)


async def speak_into(session, audio, *, before_chunk=None):
    """Hand audio over in real time (of the session's clock)."""
    for number, start in enumerate(range(0, len(audio), CHUNK)):
        if before_chunk is not None:
            await before_chunk(number)
        session.send(audio[start : start + CHUNK])
        await session.clock.sleep(0.1)


async def test_everything_is_settled_in_order(tones):
    words, pauses = random_words(1, 30)
    samples, starts = speak(words, pauses_ms=pauses)
    async with session_of(tones, options={"enable_endpoint_detection": True}) as session:
        await speak_into(session, pcm_bytes(samples))
    assert session.state == "finished"
    assert session.transcript.text == joined(words)
    begins = [token.start_ms for token in session.transcript.settled if token.text.startswith(" ")]
    assert np.abs(np.array(begins) - np.array(starts[1:])).max() <= 30
    assert joined(segment.text for segment in session.transcript.segments) == joined(words)
    assert len(session.transcript.segments) > 1
    # The tables say the same.
    streamed = session.result()
    assert streamed.text == joined(words)
    tokens = streamed.tokens
    assert tokens["token_index"].tolist() == list(range(len(tokens)))
    assert (tokens["received_ms"] <= tokens["final_ms"]).all()
    assert (tokens["final_ms"] >= tokens["end_ms"]).all(), "nothing is settled before it was said"
    assert streamed.recordings["duration_ms"].tolist() == [round(samples.size / 16)]


@pytest.mark.parametrize("seed", range(20))
async def test_cut_at_a_random_moment_nothing_is_lost_and_nothing_is_there_twice(tones, seed):
    words, pauses = random_words(seed, 24)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    frames = int(np.random.default_rng(seed).integers(1, len(audio) // CHUNK))
    tones.faults.next("ws_drop", "websocket", frames=frames)
    async with session_of(tones, options={"enable_endpoint_detection": bool(seed % 2)}) as session:
        await speak_into(session, audio)
    assert session.sessions == 2, "it was cut"
    assert session.transcript.text == joined(words)
    assert session.result().text == joined(words), "the log gives the same"


@pytest.mark.parametrize("kind", ["ws_drop", "ws_503", "ws_error"])
async def test_cut_every_few_seconds(tones, kind):
    words, pauses = random_words(99, 60)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    tones.faults.next(kind, "websocket", times=9, frames=37)
    options = {"enable_speaker_diarization": True, "enable_endpoint_detection": True}
    async with session_of(tones, options=options) as session:
        await speak_into(session, audio)
    assert session.sessions == 10
    assert session.transcript.text == joined(words)
    speakers = [token.speaker for token in session.transcript.settled]
    assert speakers[0] == "1"
    voices = [speaker.partition("@")[2] or "1" for speaker in dict.fromkeys(speakers)]
    assert voices == [str(number) for number in range(1, len(voices) + 1)], "nobody can say that it is the same speaker"
    assert 5 < len(voices) <= session.sessions, "a connection may be cut before it settles a word"


async def test_one_session_cut_at_twenty_random_moments(tones):
    words, pauses = random_words(3, 120)
    for frames in np.random.default_rng(3).integers(1, 45, 20):
        tones.faults.next("ws_drop", "websocket", frames=int(frames))
    async with session_of(tones, options={"enable_endpoint_detection": True}) as session:
        await speak_into(session, pcm_bytes(speak(words, pauses_ms=pauses)[0]))
    assert session.sessions == 21
    assert session.transcript.text == joined(words)


async def test_audio_waits_while_there_is_no_connection(tones):
    words, pauses = random_words(5, 10)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    tones.faults.next("unavailable", "websocket", times=3)
    states = []
    async with session_of(tones, on_state=states.append) as session:
        session.send(audio)
        assert session.waiting_ms == len(audio) / 32
    assert session.transcript.text == joined(words)
    assert states[-1] == "finished"
    assert "reconnecting" in states


async def test_the_longest_session_is_followed_by_another_one(tones):
    words, pauses = random_words(7, 80)
    samples, _ = speak(words, pauses_ms=pauses)
    async with session_of(tones, session_limit_ms=9_000) as session:
        await speak_into(session, pcm_bytes(samples))
    assert session.sessions >= samples.size / 16 / 9_000
    assert session.transcript.text == joined(words)
    assert not any(event.kind == "lost" for event in session.log)


async def test_the_end_in_the_middle_of_a_change_of_sessions_loses_nothing(tones):
    words, pauses = random_words(9, 60)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    rest = []

    def changing(event):
        if event.kind == "control" and not event.payload and not rest:  # this session of the service was just ended
            rest.append(audio[session.audio_bytes :])
            session.send(rest[0])
            rest.append(asyncio.create_task(session.finish()))

    async with session_of(tones, session_limit_ms=9_000, on_event=changing) as session:
        while not rest:
            session.send(audio[session.audio_bytes :][:3200])
            await session.room(200)
    assert len(rest[0]) > 100_000
    assert session.transcript.text == joined(words)


async def test_the_services_own_limit_is_no_loss():
    words, pauses = random_words(8, 40)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    limits = Limits(duration_ms=7_000, sessions_per_minute=None)
    with local_service(ToneRecognizer(), speed=SPEED, limits=limits) as service:
        async with session_of(service) as session:
            await speak_into(session, audio)
    assert session.transcript.text == joined(words)
    assert any("too long" in (event.payload or "") for event in session.log if event.kind == "lost")


async def test_pause_settles_and_takes_nothing(tones):
    words, pauses = random_words(11, 8)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    async with session_of(tones) as session:
        updates = aiter(session)
        session.send(audio[: len(audio) // 2 // 2 * 2])
        session.pause()
        session.send(audio)  # not taken
        while not (await anext(updates)).is_finalized:
            pass
        assert not session.transcript.pending
        assert session.state == "paused"
        settled = session.transcript.text
        await session.clock.sleep(10)  # longer than keepalive is needed
        session.resume()
        assert session.state == "open"
        session.send(audio[len(audio) // 2 // 2 * 2 :])
    assert session.audio_bytes == len(audio)
    assert session.transcript.text.startswith(settled)
    assert len(session.transcript.text.split()) in (len(words), len(words) + 1)  # a word cut in two is heard twice


@pytest.mark.parametrize("frames", [1, 30, 60, 90, 10_000])
async def test_every_finalize_is_answered_once_whatever_the_cut_swallows(tones, frames):
    words, pauses = random_words(12, 30)
    samples, _ = speak(words, pauses_ms=pauses)
    audio = pcm_bytes(samples)
    if frames < len(audio) / 3840:
        tones.faults.next("ws_drop", "websocket", frames=frames)
    async with session_of(tones, pace=None) as session:
        quarter = len(audio) // 8 * 2
        updates = aiter(session)
        async with asyncio.timeout(30):
            for number in range(3):
                session.send(audio[number * quarter : (number + 1) * quarter])
                session.finalize()
                while not (await anext(updates)).is_finalized:
                    pass
                assert not session.transcript.pending
        session.send(audio[3 * quarter :])
    assert session.sessions == 2 - (frames == 10_000)
    assert sum(event.kind == "message" and "<fin>" in event.payload for event in session.log) == 3
    assert len(session.transcript.text.split()) <= len(words) + 3  # a word cut in two by a finalize is two


@pytest.mark.parametrize("frames", [6, 12, 18])
async def test_a_finalize_just_behind_the_cut_is_asked_again(tones, frames):
    words, pauses = random_words(14, 3)
    samples, _ = speak(words, pauses_ms=pauses)
    audio = pcm_bytes(samples)[: frames * 3840]
    tones.faults.next("ws_drop", "websocket", frames=frames)
    async with session_of(tones, pace=None) as session:
        session.send(audio)
        session.finalize()
        async with asyncio.timeout(20):
            async for update in session:
                if update.is_finalized:
                    break
    assert session.sessions == 2


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        pytest.param({"model": "stt-rt-v99"}, RequestError, "model", id="model"),
        pytest.param({"client_reference_id": "x", "model": "stt-rt-v99"}, RequestError, "(?i)model", id="more"),
    ],
)
async def test_refused_requests_are_not_repeated(tones, options, error, words):
    session = session_of(tones, options=options)
    with pytest.raises(error, match=words):
        async with session:
            session.send(bytes(CHUNK))
    assert session.sessions == 1
    assert session.state == "failed"
    assert session.result().recordings["status"].tolist() == ["failed"]


async def test_a_session_that_was_not_ended_properly_is_not_completed(tones):
    words, pauses = random_words(15, 8)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    session = session_of(tones)
    await session.__aenter__()
    await speak_into(session, audio)
    going_on = session.result()
    await session.abort()
    for result in (going_on, session.result()):
        row = result.recordings.iloc[0]
        assert (row["status"], row["error_type"], row["text"] is pd.NA) == ("failed", "unfinished", True)
        assert len(result.tokens) > 0
    assert session.is_over
    assert session.state == "failed"


@pytest.mark.parametrize("hook", ["on_update", "on_event"])
async def test_a_callback_that_raises_ends_the_session_with_its_own_error(tones, hook):
    def raising(happened):
        if getattr(happened, "kind", "message") == "message":
            raise ZeroDivisionError("of the caller's own")

    async def speak_until_it_is_over():
        async with asyncio.timeout(20), session:
            while not session.is_over:
                session.send(bytes(CHUNK))
                await asyncio.sleep(0.005)

    session = session_of(tones, **{hook: raising})
    with pytest.raises(ZeroDivisionError, match="caller's own"):
        await speak_until_it_is_over()
    assert session.state == "failed"
    assert session.result().recordings["status"].tolist() == ["failed"]


async def test_a_wrong_key_is_told_and_nowhere_shown(tones):
    connection = Connection(api_key="a-wrong-key-of-some-length", api_base_url=tones.base_url)
    session = LiveSession(LiveOptions(**RAW), connection=connection, session_limit=SessionLimit())
    with pytest.raises(AuthError, match="SONIOX_API_KEY"):
        async with session:
            session.send(bytes(CHUNK))
    assert "a-wrong-key" not in repr(session.log)


async def test_nobody_there(unused_port):
    connection = Connection(api_key="any", api_base_url=f"http://127.0.0.1:{unused_port}")
    session = LiveSession(
        LiveOptions(**RAW),
        connection=connection,
        retry=Backoff(attempts=3, initial_s=0.0),
        session_limit=SessionLimit(),
    )
    with pytest.raises(ConnectionFailed, match=r"no connection to 127\.0\.0\.1"):
        async with session:
            session.send(bytes(CHUNK))
    assert sum(event.kind == "connecting" for event in session.log) == 3


async def test_without_any_audio_nothing_is_refused(tones):
    async with session_of(tones) as session:
        pass
    assert session.state == "finished"
    assert session.result().tokens.empty
    opened = asyncio.Event()
    async with session_of(tones, on_state=lambda state: state == "open" and opened.set()) as session:
        await opened.wait()
    assert session.state == "finished"
    assert session.result().tokens.empty


@pytest.fixture
def packed():
    """A WAV file's bytes, and what it says."""
    words, pauses = random_words(13, 30)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(pcm_bytes(speak(words, pauses_ms=pauses)[0]))
    return file.getvalue(), joined(words)


PACKED = {"audio_format": "auto", "sample_rate": None, "num_channels": None}


async def test_packed_audio_is_sent_anew_as_long_as_nothing_is_settled(tones, packed):
    tones.faults.next("ws_drop", "websocket", frames=1)
    async with session_of(tones, options=PACKED) as session:
        await speak_into(session, packed[0])
    assert session.sessions == 2
    assert session.transcript.text == packed[1]


async def test_packed_audio_that_breaks_later_says_why_it_ends(tones, packed):
    tones.faults.next("ws_drop", "websocket", frames=80)
    session = session_of(tones, options=PACKED)
    with pytest.raises(ServiceError) as caught:
        async with session:
            await speak_into(session, packed[0])
    assert "raw audio" in caught.value.__notes__[0]
    assert packed[1].startswith(session.transcript.text.rsplit(" ", 1)[0]), "what was settled is kept"
    assert session.transcript.text


async def test_abort_closes_at_once_and_leaves_nothing_open(tones):
    opened = asyncio.Event()
    session = session_of(tones, on_state=lambda state: state == "open" and opened.set())

    async def fail():
        async with session:
            session.send(bytes(CHUNK * 20))
            await opened.wait()
            raise KeyError("the caller's own trouble")

    with pytest.raises(KeyError, match="own trouble"):
        await fail()
    assert session.log[-1].kind == "end"
    async with asyncio.timeout(20):
        while tones.open_streams:  # noqa: ASYNC110  the stand-in lives in another thread and has no event for it
            await asyncio.sleep(0.01)


async def test_many_sessions_share_the_limit(tones):
    clock = Clock(speed=SPEED)
    session_limit = SessionLimit(sessions=3, clock=clock)
    most = 0

    async def one(seed):
        nonlocal most
        words, pauses = random_words(seed, 6)
        async with session_of(tones, session_limit=session_limit, clock=clock, pace=None) as session:
            session.send(pcm_bytes(speak(words, pauses_ms=pauses)[0]))
            most = max(most, session_limit.open)
        assert session.transcript.text == joined(words)

    await asyncio.gather(*(one(seed) for seed in range(8)))
    assert most <= 3
    assert session_limit.open == 0


async def test_messages_go_out_as_the_api_wants_them(tones):
    async with session_of(tones, options={"language_hints": ["en"], "enable_endpoint_detection": True}) as session:
        session.send(bytes(CHUNK))
    sent = [json.loads(event.payload) for event in session.log if event.kind == "control" and event.payload]
    assert sent == []
    assert [event.kind for event in session.log][-1] == "end"


def test_wrong_options_are_told_before_anything_is_opened():
    with pytest.raises(OptionsError, match="needs sample_rate"):
        LiveOptions(audio_format="pcm_s16le")
    with pytest.raises(OptionsError, match="for live audio use 'stt-rt-v4'"):
        LiveOptions(model="stt-async-v4")
    with pytest.raises(OptionsError, match="without enable_endpoint_detection"):
        LiveOptions(max_endpoint_delay_ms=1000)


@pytest.fixture
def unused_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
