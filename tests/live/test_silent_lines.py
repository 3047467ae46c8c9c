"""Lines over which nothing comes back, and lines that are slower than the audio: a proxy before a real service."""

import asyncio
import functools
import logging
import re

import pytest
from bad_line import BadLine
from listening import SPEED, recording
from tones import pcm_bytes, random_words, speak
from waiting import until_async
from websockets.asyncio.server import serve

import soniox_ds as sx
from soniox_ds.api import websocket as stream_module
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.retry import Backoff
from soniox_ds.api.session_limit import SessionLimit
from soniox_ds.exceptions import ConnectionFailed
from soniox_ds.live import session as session_module
from soniox_ds.live.session import LiveSession
from soniox_ds.options import LiveOptions

RAW = {"audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}
CHUNK = 3200  # 100 ms


@pytest.fixture
def line(tones):
    with BadLine(tones.ws_url) as line:
        yield line


@pytest.fixture
def impatient(monkeypatch):
    """Silence counts as long after tenths of a second."""
    monkeypatch.setattr(session_module, "SILENT_S", 0.4)
    monkeypatch.setattr(session_module, "SILENT_BREAK_S", 1.0)
    monkeypatch.setattr(session_module, "_LOOK_S", 0.05)


def connected(line, tones):
    return Connection(api_key=tones.key, api_base_url=tones.base_url, websocket_url=line.url)


def session_over(line, tones, **settings):
    clock = Clock(speed=SPEED)
    settings = {"session_limit": SessionLimit(clock=clock), "clock": clock} | settings
    return LiveSession(LiveOptions(**RAW), connection=connected(line, tones), **settings)


def test_silence_is_told_after_5_seconds_and_ends_the_connection_after_10_to_15():
    assert session_module.SILENT_S == 5
    assert 10 <= session_module.SILENT_BREAK_S + session_module._LOOK_S <= 15


@pytest.mark.parametrize("directions", [(), ("up",), ("down",)], ids=["both", "up", "down"])
@pytest.mark.parametrize("at_the_end", [False, True], ids=["while-it-goes-on", "before-the-end"])
async def test_a_line_that_freezes_is_told_and_replaced(tones, line, impatient, directions, at_the_end):
    words, pauses = random_words(31, 40)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    states = []
    async with asyncio.timeout(90), session_over(line, tones, on_state=states.append) as session:
        session.send(audio[: len(audio) // 2 // CHUNK * CHUNK])
        await until_async(lambda: session.transcript.settled)
        line.freeze(*directions)
        if at_the_end:
            session.send(audio[session.audio_bytes :])
        else:
            while session.sessions == 1:
                session.send(audio[session.audio_bytes :][:CHUNK])
                await asyncio.sleep(0.02)
            session.send(audio[session.audio_bytes :])
    assert session.transcript.text == " ".join(words)
    assert session.sessions == line.connections >= 2
    silent = states.index("silent")
    assert states[silent + 1] == "reconnecting"
    assert states[-1] == "finished"
    kinds = [event.kind for event in session.log]
    assert kinds.index("silent") < kinds.index("lost")
    assert "has not answered for 1 s" in next(event.payload for event in session.log if event.kind == "lost")


async def test_a_line_that_freezes_again_after_it_answered_is_replaced_as_soon(tones, line, impatient):
    words, pauses = random_words(34, 40)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    async with asyncio.timeout(90), session_over(line, tones) as session:
        for part in (1, 2):
            session.send(audio[session.audio_bytes : len(audio) * part // 3 // CHUNK * CHUNK])
            await until_async(lambda: session.unheard_ms < 30 and session.state == "open")
            line.freeze()
            while session.sessions == part:
                session.send(audio[session.audio_bytes :][:CHUNK])
                await asyncio.sleep(0.02)
        session.send(audio[session.audio_bytes :])
    assert session.transcript.text == " ".join(words)
    lost = [event.payload for event in session.log if event.kind == "lost"]
    assert len(lost) >= 2
    assert all("has not answered for 1 s" in text for text in lost[:2]), lost


async def test_a_line_that_comes_back_in_time_is_kept(tones, line, monkeypatch):
    monkeypatch.setattr(session_module, "SILENT_S", 0.3)
    monkeypatch.setattr(session_module, "SILENT_BREAK_S", 60.0)
    monkeypatch.setattr(session_module, "_LOOK_S", 0.05)
    words, pauses = random_words(32, 20)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    states = []
    async with asyncio.timeout(90), session_over(line, tones, on_state=states.append) as session:
        session.send(audio[: len(audio) // 2 // CHUNK * CHUNK])
        await until_async(lambda: session.transcript.settled)
        line.freeze()
        session.send(audio[session.audio_bytes :])
        await until_async(lambda: session.state == "silent")
        assert session.silent_s >= 0.3
        assert session.unheard_ms > 1000
        line.thaw()
        await until_async(lambda: session.state == "open")
    assert session.transcript.text == " ".join(words)
    assert session.sessions == 1
    assert session.unheard_ms < 30  # the rest of a frame


async def test_a_pause_in_which_nobody_owes_an_answer_is_no_silence(tones, line, impatient):
    words, pauses = random_words(33, 6)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    states = []
    async with asyncio.timeout(90), session_over(line, tones, on_state=states.append) as session:
        updates = aiter(session)
        session.send(audio)
        session.pause()
        while not (await anext(updates)).is_finalized:
            pass
        await asyncio.sleep(3 * session_module.SILENT_BREAK_S)
        session.resume()
    assert session.sessions == 1
    assert "silent" not in states


async def fill(session):
    """Send silence until the systems on the frozen way take no more of it and the connection holds the rest."""
    while not session._socket.held_bytes:
        session.send(bytes(60 * 32_000))
        await asyncio.sleep(0.1)


async def test_audio_that_the_connection_holds_is_counted_as_waiting(tones, line):
    async with asyncio.timeout(90), session_over(line, tones, pace=None) as session:
        session.send(bytes(CHUNK))
        await until_async(lambda: session.transcript.total_audio_ms)
        line.freeze()
        await fill(session)
        held_ms = session._socket.held_bytes / 32
        assert session.waiting_ms == pytest.approx(session.audio_bytes / 32 - session.sent_ms + held_ms, abs=1)
        line.thaw()
    assert session.waiting_ms == 0


async def test_a_line_slower_than_the_audio_is_not_broken_by_a_ping(tones, line, monkeypatch):
    """The pings of the websocket library would break the connection, because their answers wait behind the audio."""
    impatient_connect = functools.partial(stream_module.connect, ping_interval=0.1, ping_timeout=0.3)
    monkeypatch.setattr(stream_module, "connect", impatient_connect)
    words, pauses = random_words(34, 16)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    line.throttle(48_000)
    behind = []
    async with asyncio.timeout(120), session_over(line, tones, pace=None) as session:
        session.send(audio)
        async for _ in session:
            behind.append(session.unheard_ms)
            if session.unheard_ms < 3_000:
                break
    assert session.transcript.text == " ".join(words)
    assert session.sessions == 1
    assert max(behind) > 5_000


async def test_a_session_over_a_frozen_line_can_be_left(tones, line):
    session = session_over(line, tones, pace=None)
    await session.__aenter__()
    session.send(bytes(CHUNK))
    await until_async(lambda: session.transcript.total_audio_ms)
    line.freeze()
    await fill(session)
    async with asyncio.timeout(30):
        await session.abort()
    assert session.state == "failed"


async def test_a_service_that_is_slow_is_given_more_time_with_each_connection(impatient, monkeypatch):
    monkeypatch.setattr(session_module, "SILENT_BREAK_S", 0.2)

    async def silent(socket):
        await socket.wait_closed()

    async with serve(silent, "127.0.0.1", 0) as running:
        port = running.sockets[0].getsockname()[1]
        session = LiveSession(
            LiveOptions(**RAW),
            connection=Connection(api_key="key", api_base_url=f"http://127.0.0.1:{port}"),
            retry=Backoff(attempts=4, initial_s=0.0),
            session_limit=SessionLimit(),
        )
        with pytest.raises(ConnectionFailed, match="has not answered for"):
            async with asyncio.timeout(60), session:
                session.send(bytes(6400))
    lost = [event.payload for event in session.log if event.kind == "lost"]
    assert [re.search(r"for ([\d.]+) s", text)[1] for text in lost] == ["0.2", "0.4", "0.8", "1.6"]


@pytest.mark.parametrize("call", ["stream", "stream_dataset"])
def test_calls_say_that_the_service_does_not_answer(tones, line, impatient, tmp_path, caplog, call):
    path, text = recording(tmp_path / "said.wav", 35, count=40)
    settings = {"connection": connected(line, tones), "speed": None, "session_limit": SessionLimit()}
    if call == "stream_dataset":
        settings |= {"journal": tmp_path / "journal.sqlite", "progress": False}
    line.freezes_after = 1_000
    with caplog.at_level(logging.WARNING, logger="soniox_ds"):
        streamed = getattr(sx, call)(path, **settings)
    assert streamed.text == text
    assert [record.getMessage() for record in caplog.records if "has not answered" in record.getMessage()]
