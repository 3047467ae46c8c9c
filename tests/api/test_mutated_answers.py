"""Mutated answers to every endpoint: nothing but the package's own errors comes out, and nothing hangs."""

from __future__ import annotations

import asyncio
import contextlib
import random
import warnings
from datetime import UTC, datetime

import pandas as pd
import pytest
from fuzzing import examples, seed
from mutations import mutated_answer, mutated_text

from soniox_ds import aio, exceptions
from soniox_ds.api import client as client_module
from soniox_ds.api.budget import RequestBudget
from soniox_ds.api.client import Client
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.decode import decode_transcript
from soniox_ds.api.retry import Backoff

pytestmark = pytest.mark.fuzz

ID = "0c6b5c3e-6f0b-4b53-9a55-1d2a3b4c5d6e"
FILE = {"id": ID, "filename": "a.wav", "size": 4, "created_at": "2026-10-03T14:40:37.263Z", "client_reference_id": "r"}
JOB = {
    "id": ID,
    "status": "queued",
    "created_at": "2026-10-03T14:40:37.263Z",
    "model": "stt-async-v4",
    "audio_url": None,
    "file_id": ID,
    "filename": "a.wav",
    "audio_duration_ms": 1500,
    "error_type": None,
    "error_message": None,
    "client_reference_id": "r",
    "context": {"terms": ["a"]},
}
TOKEN = {"text": "Hi", "start_ms": 30, "end_ms": 90, "confidence": 0.9, "speaker": "1", "language": None}
MODEL = {
    "id": "stt-async-v4",
    "aliased_model_id": None,
    "name": "v4",
    "transcription_mode": "async",
    "context_version": 2,
    "languages": [{"code": "en", "name": "English"}],
}
USED = {
    "model": "stt-async-v4",
    "days": ["2026-10-03", "2026-10-04"],
    "num_requests": [1, 0],
    "input_audio_duration_ms": [1500, 0],
    "cost_usd": ["0.0000417", "0"],
}
COUNTS = {"total": 2, "public_api": 1, "playground": 1}
LIMITS = {"project": {"stt": {"current": 1, "limit": 10}}, "organization": {"stt": {"current": 1, "limit": 10}}}
WINDOW = {"start_time": datetime(2026, 10, 1, tzinfo=UTC), "end_time": datetime(2026, 10, 9, tzinfo=UTC)}


async def walked(client):
    return [item async for item in client.iterate(client.list_transcriptions)]


async def decoded(client):
    return decode_transcript(await client.get_transcript(ID, audio_ms=1500), "a.wav")


ENDPOINTS = {
    "upload": (lambda c: c.upload_file(b"RIFF", filename="a.wav"), FILE),
    "files": (lambda c: c.list_files(), {"files": [FILE, {**FILE, "id": "b"}], "next_page_cursor": None}),
    "count files": (lambda c: c.count_files(), COUNTS),
    "get file": (lambda c: c.get_file(ID), FILE),
    "file url": (lambda c: c.get_file_url(ID), {"url": "https://host.example/a.wav?sig=x"}),
    "delete file": (lambda c: c.delete_file(ID), {}),
    "create": (lambda c: c.create_transcription({"model": "stt-async-v4", "file_id": ID}), JOB),
    "list": (walked, {"transcriptions": [JOB, {**JOB, "id": "b"}], "next_page_cursor": None}),
    "count": (lambda c: c.count_transcriptions(), COUNTS),
    "get": (lambda c: c.get_transcription(ID), JOB),
    "transcript": (decoded, {"id": ID, "text": "Hi Hi", "tokens": [TOKEN, TOKEN]}),
    "delete": (lambda c: c.delete_transcription(ID), {}),
    "models": (lambda c: c.list_models(), {"models": [MODEL, {**MODEL, "id": "stt-rt-v4"}]}),
    "key": (lambda c: c.create_temporary_api_key(), {"api_key": "temp:A", "expires_at": "2026-10-03T14:40:37Z"}),
    "logs": (
        lambda c: c.usage_logs(**WINDOW),
        {"usage_logs": [{"uuid": ID, "model": "m", "cost_usd": "0.1"}], "next_page_cursor": None},
    ),
    "summary": (lambda c: c.usage_summary(**WINDOW), {"total": USED, "models": [USED]}),
    "concurrency": (lambda c: c.concurrency_limits(), LIMITS),
    "streams": (lambda c: c.concurrent_streams_history(**WINDOW), {"entries": [{"time": "x", "max": 1}]}),
}
PUBLIC = {
    "models": lambda connection: aio.account.models(connection=connection),
    "summary": lambda connection: aio.account.usage(WINDOW["start_time"], WINDOW["end_time"], connection=connection),
}
AN_ERROR = {
    "status_code": 400,
    "error_type": "invalid_request",
    "message": "No.",
    "validation_errors": [{"error_type": "missing", "location": "body.payload.model", "message": "no"}],
    "request_id": ID,
    "more_info": None,
}
HANGS_S = 60


@contextlib.asynccontextmanager
async def answering(make):
    """A server that answers each request with the bytes that `make` gives, then closes the connection."""

    async def serve(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"content-length: " in head:
                await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
            writer.write(make())
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def outcome(work):
    """Return the result of the work, or the name of the package's exception that it raised."""
    async with asyncio.timeout(HANGS_S):
        try:
            return await work
        except exceptions.SonioxDSError as error:
            told = error
    assert len(str(told)) < 5000
    return type(told).__name__


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_mutated_answers_end_in_values_or_in_the_packages_own_errors(endpoint, monkeypatch):
    ask, valid = ENDPOINTS[endpoint]
    rng = random.Random(f"{endpoint} {seed()}")
    monkeypatch.setattr(client_module, "REQUEST", Backoff(attempts=2, initial_s=0))
    spends = endpoint in ("upload", "create")
    asked = 0

    def make():
        nonlocal asked
        asked += 1
        if rng.random() < 0.15:
            return mutated_answer(mutated_text(AN_ERROR, rng), rng, rng.choice([400, 401, 404, 409, 429, 500]))
        return mutated_answer(mutated_text(valid, rng), rng, 201 if spends else 200)

    came = set()
    async with answering(make) as url:
        for _ in range(examples(40)):
            clock = Clock(speed=1e6)
            connection = Connection("any", api_base_url=url)
            retry = Backoff(attempts=2, initial_s=0)
            before = asked
            async with Client(connection, RequestBudget(60_000, clock), retry, timeout_s=5.0, clock=clock) as client:
                found = await outcome(ask(client))
            came.add(found if isinstance(found, str) else "value")
            if spends and found in ("ConnectionFailed", "BadAnswerError", "ServiceError"):
                assert asked - before <= 2, "a request that spends was sent again although it may have been carried out"
            if endpoint in PUBLIC:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)
                    table = await outcome(PUBLIC[endpoint](connection))
                assert isinstance(table, str | pd.DataFrame)
    assert "BadAnswerError" in came or endpoint.startswith("delete"), came
    assert len(came) >= 2


async def test_a_request_that_spends_is_sent_once_whatever_comes_back():
    """Again only where the API itself says that nothing was done."""
    rng = random.Random(f"spends {seed()}")
    sent = 0

    def make():
        nonlocal sent
        sent += 1
        return mutated_answer(mutated_text(JOB, rng), rng, 201)

    async with answering(make) as url:
        for count in range(1, examples(150) + 1):
            connection = Connection("any", api_base_url=url)
            async with Client(connection, retry=Backoff(attempts=5, initial_s=0), clock=Clock(speed=1e6)) as client:
                await outcome(client.create_transcription({"model": "stt-async-v4", "file_id": ID}))
            assert sent == count
