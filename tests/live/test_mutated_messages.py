"""Mutated messages of live sessions: nothing but the package's own errors comes out, nothing hangs, tables are made."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random

import pytest
from fuzzing import examples, seed
from mutations import mutated_answer, mutated_text
from websockets.asyncio.server import serve

from soniox_ds import exceptions
from soniox_ds.api.connection import Connection
from soniox_ds.api.retry import Backoff
from soniox_ds.api.session_limit import SessionLimit
from soniox_ds.live.session import LiveSession
from soniox_ds.options import LiveOptions

pytestmark = pytest.mark.fuzz

RAW = LiveOptions(audio_format="pcm_s16le", sample_rate=16_000, num_channels=1, enable_endpoint_detection=True)
HANGS_S = 60
MESSAGES = [
    {
        "tokens": [
            {"text": "Good", "start_ms": 0, "end_ms": 60, "confidence": 0.9, "is_final": True, "speaker": "1"},
            {"text": " da", "start_ms": 300, "end_ms": 360, "confidence": 0.5, "is_final": False, "language": "en"},
        ],
        "final_audio_proc_ms": 60,
        "total_audio_proc_ms": 360,
    },
    {
        "tokens": [
            {"text": " day", "start_ms": 300, "end_ms": 360, "confidence": 0.9, "is_final": True, "speaker": "1"},
            {"text": "<end>", "is_final": True},
            {"text": "Guten", "is_final": True, "translation_status": "translation", "source_language": "en"},
        ],
        "final_audio_proc_ms": 400,
        "total_audio_proc_ms": 400,
    },
    {"error_code": 503, "error_type": "service_unavailable", "error_message": "Cannot continue request (code 1)."},
    {"tokens": [], "final_audio_proc_ms": 400, "total_audio_proc_ms": 400, "finished": True},
]


async def session_after(connection):
    """Run a session and return it after its end, however it ended."""
    session = LiveSession(
        RAW, connection=connection, retry=Backoff(attempts=2, initial_s=0), session_limit=SessionLimit(), patience_s=0.0
    )
    async with asyncio.timeout(HANGS_S):
        with contextlib.suppress(exceptions.SonioxDSError):
            async with session:
                session.send(bytes(6400))
    return session


def assert_usable(session):
    """Its tables can be made, read again, and say the same."""
    streamed = session.result()
    assert len(streamed.recordings) == 1
    assert streamed.text.strip() == session.transcript.text.strip()
    assert (streamed.tokens["final_ms"] >= 0).all()
    assert len(streamed.updates) <= len(streamed.log)
    streamed.words()
    streamed.corpus()


async def test_mutated_messages():
    rng = random.Random(f"messages {seed()}")
    said = []

    async def handle(socket):
        with contextlib.suppress(Exception):
            async for message in socket:
                if message == "":
                    break
            for message in said:
                await socket.send(message)
            if rng.random() < 0.3:
                await socket.close(rng.choice([1000, 1001, 1008, 1011, 3000, 4999]), "so be it")

    ended = set()
    async with serve(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connection = Connection("any", api_base_url=f"http://127.0.0.1:{port}")
        for _ in range(examples(80)):
            said[:] = [json.dumps(message) for message in MESSAGES if "tokens" in message]
            place = rng.randrange(len(said))
            raw = mutated_text(rng.choice(MESSAGES), rng)
            said[place] = rng.choice([raw, raw.decode("utf-8", "replace"), raw.decode("utf-8", "replace")])
            session = await session_after(connection)
            ended.add(session.state)
            assert_usable(session)
    assert ended == {"finished", "failed"}


async def test_mutated_handshakes():
    rng = random.Random(f"handshakes {seed()}")

    async def handle(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            status = rng.choice([101, 101, 200, 302, 401, 429, 503])
            writer.write(mutated_answer(mutated_text(MESSAGES[2], rng), rng, status))
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connection = Connection("any", api_base_url=f"http://127.0.0.1:{port}")
        for _ in range(examples(60)):
            session = await session_after(connection)
            assert session.state == "failed"
            assert_usable(session)
