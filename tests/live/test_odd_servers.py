"""Servers that send odd messages, stop answering or break rules. Each is a real server on a real port."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from tones import ToneRecognizer, pcm_bytes, random_words, speak
from waiting import until_async
from websockets.asyncio.server import serve

from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.retry import Backoff
from soniox_ds.api.session_limit import SessionLimit
from soniox_ds.emulator import Limits, local_service
from soniox_ds.exceptions import ConnectionFailed, ServiceError
from soniox_ds.live import session as session_module
from soniox_ds.live.session import LiveSession
from soniox_ds.options import LIVE_MODEL, LiveOptions

RAW = {"audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}
KEY = "a-key-that-must-not-be-shown"


def token(text, start_ms, final=True):
    return {"text": text, "start_ms": start_ms, "end_ms": start_ms + 60, "confidence": 0.9, "is_final": final}


def message_of(*tokens, **more):
    return json.dumps({"tokens": list(tokens), "final_audio_proc_ms": 0, "total_audio_proc_ms": 0, **more})


@asynccontextmanager
async def server(*scripts):
    """A server that treats its connections one after the other by these scripts, the last one by every further one."""
    seen = []

    async def handle(socket):
        script = scripts[min(len(seen), len(scripts) - 1)]
        start = json.loads(await socket.recv())
        seen.append((start, socket.request.headers.get("Authorization")))
        await script(socket)

    async with serve(handle, "127.0.0.1", 0) as running:
        port = running.sockets[0].getsockname()[1]
        yield Connection(api_key=KEY, api_base_url=f"http://127.0.0.1:{port}"), seen


async def good(socket):
    """Hear everything, say two words."""
    async for message in socket:
        if message == "":
            await socket.send(message_of(token("Good", 0), token(" day", 300)))
            await socket.send(message_of(finished=True))
            return


def saying(*messages):
    async def script(socket):
        for message in messages:
            await socket.send(message)
        await socket.wait_closed()

    return script


async def leaving(socket):
    """Close as if all were well."""


def live(connection, **settings):
    settings = {"retry": Backoff(attempts=3, initial_s=0.0), "session_limit": SessionLimit()} | settings
    return LiveSession(LiveOptions(**RAW), connection=connection, **settings)


ODD = [
    pytest.param(saying("<html>"), "is not JSON", id="html"),
    pytest.param(saying("[]"), "not a JSON object", id="list"),
    pytest.param(saying('{"tokens":{}}'), "it must be a list", id="tokens"),
    pytest.param(saying('{"tokens":[{"start_ms":1}]}'), "without text", id="token-without-text"),
    pytest.param(saying('{"tokens":[{"text":"a","start_ms":"x"}]}'), "start_ms='x'", id="time"),
    pytest.param(saying(message_of(finished=True)), "although there was more audio to send", id="finished-early"),
    pytest.param(saying('{"error_code":503,"error_message":"Cannot continue request (code 1)."}'), "503", id="503"),
    pytest.param(saying('{"error_message":"who knows"}'), "who knows", id="error-without-code"),
    pytest.param(leaving, "closed the connection before", id="closed"),
]
FULL = [
    pytest.param('{"error_code":413,"error_message":"Audio is too long."}', id="413"),
    pytest.param('{"error_code":400,"error_message":"Audio is too long."}', id="400"),
]


@pytest.mark.parametrize(("odd", "words"), ODD)
async def test_an_odd_server_is_left_and_tried_again(odd, words):
    async with server(odd, good) as (connection, seen):
        lost = asyncio.Event()
        session = live(connection, on_state=lambda state: state == "reconnecting" and lost.set())
        async with session, asyncio.timeout(20):
            session.send(bytes(6400))
            await lost.wait()
    assert session.transcript.text == "Good day"
    assert len(seen) == 2
    assert words in next(event.payload for event in session.log if event.kind == "lost")


@pytest.mark.parametrize("full", FULL)
async def test_a_session_that_is_full_is_followed_by_the_next(full):
    async def filled(socket):
        async for _ in socket:
            await socket.send(full)
            return

    async with server(filled, good) as (connection, seen), live(connection) as session:
        session.send(bytes(6400))
    assert session.transcript.text == "Good day"
    assert len(seen) == 2


async def listen(session):
    async with asyncio.timeout(20), session:
        session.send(bytes(6400))
        async for _ in session:
            pass


@pytest.mark.parametrize(("odd", "words"), ODD)
async def test_an_odd_server_is_given_up_in_the_end(odd, words):
    async with server(odd) as (connection, seen):
        session = live(connection)
        with pytest.raises(ServiceError, match=r".") as caught:
            await listen(session)
    assert len(seen) == 3
    assert words in str(caught.value)
    assert KEY not in repr(session.log) + str(caught.value) + repr(session.result().log.to_dict())


async def test_harmless_oddities_are_accepted():
    harmless = [
        b"\x00binary",
        "{}",
        '{"tokens":[],"surprise":{"a":1}}',
        message_of(token("", 0)),
        message_of(token("x" * 100_000, 0, final=False)),
        message_of({"text": "<end>"}, {"text": "<fin>", "start_ms": 5}),
    ]

    async def script(socket):
        for message in harmless:
            await socket.send(message)
        await good(socket)

    async with server(script) as (connection, seen), live(connection) as session:
        session.send(bytes(6400))
    assert session.transcript.text == "Good day"
    assert len(seen) == 1


async def test_the_key_travels_in_the_header_alone():
    async with server(good) as (connection, seen), live(connection) as session:
        session.send(bytes(6400))
    start, header = seen[0]
    assert header == f"Bearer {KEY}"
    assert start == {"model": LIVE_MODEL, **RAW}


async def test_a_silent_server_is_given_up_after_the_end(monkeypatch):
    monkeypatch.setattr(session_module, "SILENT_BREAK_S", 0.2)

    async def silent(socket):
        await socket.wait_closed()

    async with server(silent) as (connection, _):
        session = live(connection)
        with pytest.raises(ConnectionFailed, match="has not answered for"):
            async with session:
                session.send(bytes(6400))


async def test_a_server_silent_at_a_change_of_sessions_is_given_up_while_audio_goes_on(monkeypatch):
    monkeypatch.setattr(session_module, "SILENT_BREAK_S", 0.3)

    async def silent_at_the_end(socket):
        await socket.wait_closed()

    async with (
        server(silent_at_the_end, good) as (connection, seen),
        asyncio.timeout(60),
        live(connection, session_limit_ms=2_000) as session,
    ):
        while len(seen) < 2:
            session.send(bytes(3200))
            await asyncio.sleep(0.02)
    assert session.transcript.text == "Good day"
    assert "has not answered for" in next(event.payload for event in session.log if event.kind == "lost")


@pytest.mark.parametrize("patience_s", [600.0, 10.0])
async def test_an_outage_is_waited_for_as_long_as_patience_lasts(patience_s):
    words, pauses = random_words(5, 12)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    clock = Clock(speed=20)
    with local_service(ToneRecognizer(), speed=20, set_environment=False) as service:
        service.faults.next("ws_drop", "websocket", frames=20)
        service.faults.next("unavailable", "websocket", times=12)  # a minute
        connection = Connection(api_key=service.key, api_base_url=service.base_url)
        session = LiveSession(
            LiveOptions(**RAW),
            connection=connection,
            session_limit=SessionLimit(clock=clock),
            patience_s=patience_s,
            clock=clock,
        )
        await session.__aenter__()
        session.send(audio)
        async with asyncio.timeout(60):
            if patience_s > 60:
                await session.finish()
                assert session.transcript.text == " ".join(words)
                assert session.sessions == 14
            else:
                with pytest.raises(ServiceError, match="503"):
                    await session.finish()
                assert " ".join(words).startswith(session.transcript.text)
    assert sum(event.kind == "lost" for event in session.log) >= 6


async def test_connections_that_say_something_and_get_nowhere_are_given_up_in_the_end():
    async def one_word_and_away(socket):
        await socket.send(message_of(token("Perhaps", 0, final=False)))

    async with server(one_word_and_away) as (connection, seen):
        with pytest.raises(ServiceError, match="closed the connection before"):
            await listen(live(connection))
    assert len(seen) == 3 * 5


async def test_words_that_come_again_without_end_are_no_progress():
    """Without times, repeated words look like new words, but the audio does not advance."""

    async def the_same_again(socket):
        await socket.recv()
        await socket.send(json.dumps({"tokens": [{"text": "Again", "is_final": True}]}))

    async with server(the_same_again) as (connection, seen):
        with pytest.raises(ServiceError, match="closed the connection before"):
            await listen(live(connection))
    assert len(seen) <= 3 * 5 + 1


def kept_alive(session):
    return sum(event.kind == "control" and "keepalive" in event.payload for event in session.log)


async def test_keepalive_bridges_silence_and_its_absence_costs_no_word(monkeypatch):
    """The service leaves after so long without audio; here that is soon."""
    words, pauses = random_words(4, 8)
    samples, _ = speak(words, pauses_ms=pauses)
    audio = pcm_bytes(samples)
    half = len(audio) // 4 * 2
    idle_s = 2.5
    limits = Limits(idle_s=idle_s, sessions_per_minute=None)
    with local_service(ToneRecognizer(), limits=limits, set_environment=False) as service:
        connection = Connection(api_key=service.key, api_base_url=service.base_url)
        for keepalive_s, sessions in ((0.2, 1), (60.0, 2)):
            monkeypatch.setattr(session_module, "KEEPALIVE_S", keepalive_s)
            async with LiveSession(
                LiveOptions(**RAW), connection=connection, session_limit=SessionLimit(), pace=None, clock=Clock()
            ) as session:
                session.send(audio[:half])
                # as much silence as the service does not bear, and half of that again
                least = 1.5 * idle_s / keepalive_s if sessions == 1 else 0
                await until_async(lambda: session.sessions >= sessions and kept_alive(session) >= least)  # noqa: B023
                session.send(audio[half:])
            assert session.sessions == sessions
            assert session.transcript.text == " ".join(words)


async def test_the_services_limit_of_sessions_is_waited_for():
    """More sessions than the service allows, as when another program uses the key: the last ones wait and try again."""
    words, pauses = random_words(6, 5)
    audio = pcm_bytes(speak(words, pauses_ms=pauses)[0])
    limits = Limits(sessions=2, sessions_per_minute=None)
    with local_service(ToneRecognizer(), speed=20, limits=limits, set_environment=False) as service:
        connection = Connection(api_key=service.key, api_base_url=service.base_url)
        clock = Clock(speed=20)

        async def one():
            async with LiveSession(
                LiveOptions(**RAW),
                connection=connection,
                session_limit=SessionLimit(clock=clock),
                retry=Backoff(attempts=20, initial_s=1.0),
                clock=clock,
            ) as session:
                session.send(audio)
            return session.transcript.text

        texts = await asyncio.gather(*(one() for _ in range(5)))
    assert texts == [" ".join(words)] * 5
