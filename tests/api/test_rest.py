"""The client against the stand-in: every endpoint, retries, faults, and the key that is nowhere."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import traceback
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import parse_qsl, urlsplit

import pytest
from soniox import AsyncSonioxClient
from soniox.errors import SonioxAPIError
from waiting import PATIENCE_S
from wire import CUT, DRIP, HANG, RESET, Wire, answer

from soniox_ds import exceptions
from soniox_ds.api.budget import Priority, RequestBudget
from soniox_ds.api.client import Client
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.retry import Backoff
from soniox_ds.options import TranscriptionOptions

QUICK = Backoff(attempts=3, initial_s=0)
CANARY = "canary-key-0123456789"


@pytest.fixture
def connection(service):
    return Connection()


async def finished(client, job):
    """The job once it is at its end."""
    async with asyncio.timeout(PATIENCE_S):
        now = job
        while now["status"] not in ("completed", "error"):
            await asyncio.sleep(0.01)
            now = await client.get_transcription(job["id"])
    return now


async def test_a_recording_goes_all_the_way(connection, service, tiny_wav, tmp_path):
    options = TranscriptionOptions(language_hints=["en"], enable_speaker_diarization=True)
    async with Client(connection) as client:
        file = await client.upload_file(tiny_wav(tmp_path / "a b.wav"), client_reference_id="ref")
        assert (file["filename"], file["client_reference_id"]) == ("a b.wav", "ref")
        assert await client.get_file(file["id"]) == file
        assert (await client.list_files())["files"] == [file]
        assert (await client.count_files())["total"] == 1
        assert (await client.get_file_url(file["id"]))["url"].startswith("http")

        job = await client.create_transcription({**options.body(), "file_id": file["id"]})
        assert job["status"] == "queued"
        done = await finished(client, job)
        assert done["status"] == "completed"
        assert (await client.list_transcriptions())["transcriptions"] == [done]
        assert (await client.count_transcriptions())["total"] == 1
        transcript = json.loads(await client.get_transcript(job["id"]))
        assert "".join(token["text"] for token in transcript["tokens"]) == transcript["text"]

        await client.delete_transcription(job["id"])
        await client.delete_file(file["id"])
        with pytest.raises(exceptions.NotFoundError):
            await client.delete_file(file["id"])
        with pytest.raises(exceptions.NotFoundError):
            await client.get_transcription(job["id"])
    assert service.files == service.transcriptions == []


async def test_a_transcript_before_its_time_is_an_invalid_state(connection, service):
    service.faults.next("stuck", "create")
    async with Client(connection) as client:
        job = await client.create_transcription({"model": "stt-async-v4", "audio_url": "http://127.0.0.1:9/a.wav"})
        with pytest.raises(exceptions.InvalidStateError):
            await client.get_transcript(job["id"])


async def test_bytes_are_uploaded_too(connection, tiny_wav, tmp_path):
    raw = tiny_wav(tmp_path / "a.wav").read_bytes()
    async with Client(connection) as client:
        assert (await client.upload_file(raw))["filename"] == "upload.bin"
        file = await client.upload_file(raw, filename="b.wav")
        assert (file["filename"], file["size"]) == ("b.wav", len(raw))


async def test_the_account(connection):
    now = datetime.now(UTC)
    window = {"start_time": now - timedelta(days=1), "end_time": now + timedelta(days=1)}
    async with Client(connection) as client:
        assert "stt-async-v4" in [model["id"] for model in (await client.list_models())["models"]]
        key = await client.create_temporary_api_key(expires_in_seconds=60, client_reference_id="browser")
        assert key["api_key"] != connection.api_key.reveal()
        assert (await client.usage_logs(**window))["usage_logs"] == []
        assert "total" in await client.usage_summary(**window)
        assert {"project", "organization"} <= set(await client.concurrency_limits())
        history = await client.concurrent_streams_history(**window, period_sec=3600)
        assert isinstance(history["entries"], list)
        with pytest.raises(exceptions.RequestError, match="expires_in_seconds"):
            await client.create_temporary_api_key(expires_in_seconds=5000)


async def test_iterate_walks_all_pages_also_while_items_are_deleted(connection):
    async with Client(connection) as client:
        made = {(await client.upload_file(b"RIFF", filename=f"{n}.wav"))["id"] for n in range(7)}
        assert {file["id"] async for file in client.iterate(client.list_files, limit=2)} == made
        found = set()
        async for file in client.iterate(client.list_files, limit=2):
            found.add(file["id"])
            await client.delete_file(file["id"])
        assert found == made
        assert [item async for item in client.iterate(client.list_transcriptions)] == []


async def test_a_list_that_never_ends_is_noticed():
    page = answer(200, {"files": [{"id": "a"}], "next_page_cursor": "again"})
    async with Wire(page) as wire, Client(Connection(CANARY, api_base_url=wire.url)) as client:
        items = client.iterate(client.list_files)
        assert [await anext(items), await anext(items)] == [{"id": "a"}, {"id": "a"}]
        with pytest.raises(exceptions.BadAnswerError, match="returned its cursor 'again'"):
            await anext(items)


async def test_an_unknown_model_is_answered_with_those_that_exist(connection, service):
    async with Client(connection) as client:
        file = await client.upload_file(b"RIFF", filename="a.wav")
        for _ in range(3):
            with pytest.raises(exceptions.RequestError) as caught:
                await client.create_transcription({"model": "stt-asinc-v4", "file_id": file["id"]})
            assert "'stt-asinc-v4'" in str(caught.value)
            assert "Did you mean 'stt-async-v4'?" in str(caught.value)
            assert "stt-async-v3" in str(caught.value)
            assert "stt-rt" not in str(caught.value)
            assert caught.value.status == 400
    assert sum(request.path.endswith("/models") for request in service.requests) == 1


async def test_a_wrong_key_and_an_unknown_file_are_explained(connection, service):
    async with Client(Connection("wrong-key-123", api_base_url=service.base_url)) as client:
        with pytest.raises(exceptions.AuthError, match="belongs to local: a key works only in the region"):
            await client.list_models()
    async with Client(connection) as client:
        with pytest.raises(exceptions.RequestError):
            await client.create_transcription(
                {"model": "stt-async-v4", "file_id": "0c6b5c3e-6f0b-4b53-9a55-1d2a3b4c5d6e"}
            )


# Retries

LIST_FILES = answer(200, {"files": [], "next_page_cursor": None})
RATE = {"status_code": 429, "error_type": "limit_exceeded", "message": "Rate limit for your project has been exceeded."}
QUOTA = {**RATE, "message": "Total file count limit for your organization has been exceeded. Please delete some."}
GONE = {"status_code": 404, "error_type": "file_not_found", "message": "File not found."}

TROUBLE = {
    "reset": RESET,
    "cut off": CUT,
    "500": answer(500, {"status_code": 500, "error_type": "internal_error", "message": "Oops."}),
    "503 page": answer(503, "<html>"),
    "408": answer(408, {"status_code": 408, "error_type": "request_timeout", "message": "Late."}),
    "429": answer(429, RATE),
    "not json": answer(200, "<html>"),
    "half json": answer(200, b'{"files": ['),
    "wrong type": answer(200, {"files": 5}),
    "empty": answer(200),
    "bad gzip": answer(200, b"no gzip", {"Content-Encoding": "gzip"}),
    "no http": b"what?\r\n\r\n",
    "404 page": answer(404, "<html>"),
}


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
@pytest.mark.parametrize("failures", [0, 1, 2, 3])
async def test_reading_is_tried_three_times(trouble, failures):
    async with Wire(*[trouble] * failures, LIST_FILES) as wire:
        async with Client(Connection(CANARY, api_base_url=wire.url), retry=QUICK) as client:
            if failures < 3:
                assert await client.list_files() == {"files": [], "next_page_cursor": None}
            else:
                with pytest.raises(exceptions.ServiceError):
                    await client.list_files()
        assert len(wire.requests) == min(failures + 1, 3)


@pytest.mark.parametrize(("status", "kind"), [(400, "RequestError"), (401, "AuthError"), (402, "BalanceError")])
async def test_a_refusal_is_not_asked_again(status, kind):
    body = {"status_code": status, "error_type": "x", "message": "No."}
    async with Wire(answer(status, body)) as wire, Client(Connection(CANARY, api_base_url=wire.url)) as client:
        with pytest.raises(getattr(exceptions, kind)):
            await client.list_files()
        assert len(wire.requests) == 1


SPENT = answer(201, {"id": "new", "status": "queued"})


async def spend(client, how):
    if how == "create":
        return await client.create_transcription({"model": "stt-async-v4", "audio_url": "https://example.com/a.wav"})
    return await client.upload_file(b"RIFF", filename="a.wav")


@pytest.mark.parametrize("how", ["create", "upload"])
@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
async def test_paid_requests_are_repeated_only_after_a_rate_limit(trouble, how):
    """After other failures, such as an HTML page with status 404, the request may have been carried out."""
    async with Wire(trouble, SPENT) as wire:
        async with Client(Connection(CANARY, api_base_url=wire.url), retry=QUICK) as client:
            if trouble == TROUBLE["429"]:
                assert (await spend(client, how))["id"] == "new"
            else:
                with pytest.raises(exceptions.ServiceError) as caught:
                    await spend(client, how)
                assert caught.value.maybe_done
        assert len(wire.requests) == (2 if trouble == TROUBLE["429"] else 1)


@pytest.mark.parametrize("how", ["create", "upload"])
async def test_paid_requests_are_repeated_if_no_connection_was_made(how):
    budget = RequestBudget(6000)
    with socket.socket() as deaf:  # the port is taken and nobody listens
        deaf.bind(("127.0.0.1", 0))
        url = "http://{}:{}".format(*deaf.getsockname())
        async with Client(Connection(CANARY, api_base_url=url), budget, QUICK) as client:
            with pytest.raises(exceptions.ConnectionFailed, match="no connection to 127") as caught:
                await spend(client, how)
    assert not caught.value.maybe_done
    assert budget.requests_made == 3


@pytest.mark.parametrize("how", ["create", "upload"])
async def test_a_quota_is_neither_asked_again_nor_maybe_done(how):
    async with Wire(answer(429, QUOTA)) as wire, Client(Connection(CANARY, api_base_url=wire.url)) as client:
        with pytest.raises(exceptions.QuotaError, match=r"sx\.account\.clean_up") as caught:
            await spend(client, how)
        assert (caught.value.quota, caught.value.maybe_done) == ("files", False)
        assert len(wire.requests) == 1


async def test_a_deletion_that_finds_nothing_the_second_time_has_succeeded():
    async with Wire(RESET, answer(404, GONE)) as wire:
        async with Client(Connection(CANARY, api_base_url=wire.url), retry=QUICK) as client:
            assert await client.delete_file("a") is None
        assert len(wire.requests) == 2
    async with Wire(answer(404, GONE)) as wire, Client(Connection(CANARY, api_base_url=wire.url)) as client:
        with pytest.raises(exceptions.NotFoundError):
            await client.delete_file("a")
    other = answer(404, {**GONE, "error_type": "not_found"})  # no such route: nothing is known of the file
    async with Wire(RESET, other) as wire, Client(Connection(CANARY, api_base_url=wire.url), retry=QUICK) as client:
        with pytest.raises(exceptions.NotFoundError):
            await client.delete_file("a")


async def test_silence_ends_by_the_timeout():
    async with Wire(HANG) as wire, Client(Connection(CANARY, api_base_url=wire.url), timeout_s=0.1) as client:
        with pytest.raises(exceptions.ConnectionFailed, match=r"did not answer in time .*timeout_s=0.1") as caught:
            await spend(client, "create")
    assert caught.value.maybe_done


async def test_an_answer_drop_by_drop_ends_too():
    """Each drop comes within the timeout; all together do not."""
    once = Backoff(attempts=1)
    async with Wire(DRIP) as wire, Client(Connection(CANARY, api_base_url=wire.url), None, once, 0.2) as client:
        dripped = False
        while not dripped:  # where the machine stalls, 0.2 s may be too short for a connection
            with pytest.raises(exceptions.ConnectionFailed, match=r"did not answer in time|no connection") as caught:
                await client.list_files()
            dripped = "did not answer in time" in str(caught.value)
        assert wire.requests


class RecordingClock(Clock):
    """Sleeps in no time and remembers for how long."""

    def __init__(self):
        super().__init__()
        self.slept_s = []

    async def sleep(self, seconds):
        self.slept_s.append(seconds)
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("trouble", "bounds"),
    [
        (RESET, [(0.5, 1), (1, 2), (2, 4), (4, 8), (5, 10)]),
        (answer(429, RATE), [(2.5, 5), (5, 10), (5, 10), (5, 10), (5, 10)]),
        (answer(503, "", {"Retry-After": "33"}), [(33, 33)] * 5),
        (answer(429, RATE, {"Retry-After": "4"}), [(4, 5), (5, 10), (5, 10), (5, 10), (5, 10)]),
    ],
    ids=["network", "rate", "named", "named but too soon"],
)
async def test_waits_double_up_to_a_bound_and_heed_the_service(trouble, bounds):
    clock = RecordingClock()
    async with Wire(trouble) as wire:
        retry = Backoff(attempts=6, initial_s=1, max_s=10)
        async with Client(Connection(CANARY, api_base_url=wire.url), retry=retry, clock=clock) as client:
            with pytest.raises(exceptions.ServiceError):
                await client.list_files()
        assert len(wire.requests) == 6
    assert len(clock.slept_s) == 5
    for slept_s, (least, most) in zip(clock.slept_s, bounds, strict=True):
        assert least <= slept_s <= most


async def test_a_wait_of_an_hour_is_left_to_the_caller():
    clock = RecordingClock()
    async with Wire(answer(429, RATE, {"Retry-After": "3600"})) as wire:
        async with Client(Connection(CANARY, api_base_url=wire.url), clock=clock) as client:
            with pytest.raises(
                exceptions.QuotaError, match=r"Retry-After: 3600.*pause of 60 minutes.*run the same call"
            ):
                await client.list_files()
        assert len(wire.requests) == 1
    assert clock.slept_s == []


@pytest.mark.parametrize(
    "value",
    ["301", "1e300", "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -1400", "99999999999999999999"],
)
async def test_a_pause_without_an_end_holds_up_nobody(value):
    """Neither the request that was refused nor any other that shares its budget."""
    clock = RecordingClock()
    budget = RequestBudget(60_000, clock)
    async with (
        Wire(answer(429, RATE, {"Retry-After": value}), LIST_FILES) as wire,
        Client(Connection(CANARY, api_base_url=wire.url), budget, clock=clock) as client,
    ):
        with pytest.raises(exceptions.QuotaError, match="nothing more is sent"):
            await client.list_files()
        assert await client.list_files() == {"files": [], "next_page_cursor": None}
    assert sum(clock.slept_s) < 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location", ["http://[", "https://exa mple", "//", "http://\x7f", "https://a..b/", "http://" + "a" * 70_000]
)
async def test_a_captive_portal_is_a_bad_answer(status, location):
    """Its redirect may lead to what is no address at all."""
    portal = answer(status, "<html>Log in", {"Location": location})
    async with Wire(portal) as wire, Client(Connection(CANARY, api_base_url=wire.url), retry=QUICK) as client:
        with pytest.raises(exceptions.BadAnswerError, match="not sent to the address of a redirect"):
            await client.list_files()


@pytest.mark.parametrize(
    "address", ["https://a..example", "https://xn--.example", "https://exa\u00ad mple.example", "https://*.example:99"]
)
async def test_an_address_that_cannot_be_asked_is_told(address):
    with pytest.raises((exceptions.InputError, exceptions.ServiceError)):
        async with Client(Connection(CANARY, api_base_url=address), retry=Backoff(attempts=1)) as client:
            await client.list_files()


@pytest.mark.parametrize(
    ("name", "value"),
    [("HTTPS_PROXY", "proxy.example:99999999"), ("ALL_PROXY", "what://x"), ("SSL_CERT_FILE", "/nowhere/at/all.pem")],
)
async def test_an_environment_that_no_request_can_be_made_in_is_told(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises((exceptions.SetupError, exceptions.ServiceError), match=r"."):
        async with Client(Connection(CANARY, region="eu"), retry=Backoff(attempts=1), timeout_s=0.5) as client:
            await client.list_files()


@pytest.mark.parametrize("wrong", ["job:1/a", "a" * 129, "../x", "\ud83d", "a b", "-"])
@pytest.mark.parametrize("how", ["upload", "create"])
async def test_an_impossible_id_is_a_bad_answer_that_may_have_been_done(wrong, how):
    made = {"id": wrong, "status": "queued"}
    if wrong == "\ud83d":
        made = json.dumps(made).encode()
    async with Wire(answer(201, made)) as wire, Client(Connection(CANARY, api_base_url=wire.url)) as client:
        with pytest.raises(exceptions.BadAnswerError) as caught:
            await spend(client, how)
        assert len(wire.requests) == 1
    assert caught.value.maybe_done
    assert len(str(caught.value)) < 1500


async def test_another_id_in_the_answer_to_a_get_is_a_bad_answer():
    other = answer(200, {"id": "b", "status": "completed"})
    async with Wire(other) as wire, Client(Connection(CANARY, api_base_url=wire.url), retry=QUICK) as client:
        for method in (client.get_file, client.get_transcription):
            with pytest.raises(exceptions.BadAnswerError, match="'b' instead of 'a'"):
                await method("a")
        assert (await client.get_transcription("B"))["id"] == "b"


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 413, 418, 429])
async def test_a_refusal_to_create_is_believed_in_the_apis_own_words_only(status):
    """An error page of a proxy that comes after the job was created must not lead to a second, paid job."""
    for body in ("<html>No.", {"id": "a", "status": "queued"}, "", {"detail": "no"}):
        async with Wire(answer(status, body)) as wire:
            async with Client(Connection(CANARY, api_base_url=wire.url), retry=QUICK) as client:
                with pytest.raises(exceptions.BadAnswerError) as caught:
                    await spend(client, "create")
            assert caught.value.maybe_done
            assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "endless",
    [
        [{"files": [{"id": "a"}], "next_page_cursor": "{}"}],
        [{"files": [], "next_page_cursor": "{}"}],
    ],
    ids=["the same items", "no items"],
)
async def test_a_list_with_ever_new_cursors_ends(endless):
    def page(request):
        number = len(wire.requests)
        return answer(200, {**endless[0], "next_page_cursor": f"c{number}"})

    async with Wire(page) as wire, Client(Connection(CANARY, api_base_url=wire.url)) as client:
        with pytest.raises(exceptions.BadAnswerError, match="would never end"):
            _ = [item async for item in client.iterate(client.list_files)]
        assert len(wire.requests) < 20


WEBHOOK = "https://me:pass1234@hooks.example/T0X9f3Kq81LmZ2vB7c/in?token=qwertz12&job=7"
SIGNED = "https://bucket.example/a.wav?X-Amz-Signature=deadbeef1234"


async def test_secrets_of_a_job_are_in_no_error():
    body = {
        "model": "stt-async-v4",
        "audio_url": SIGNED,
        "webhook_url": WEBHOOK,
        "webhook_auth_header_name": "X-Auth",
        "webhook_auth_header_value": "open-sesame",
    }
    wrong = {"location": "body.payload.webhook_url", "message": f"{WEBHOOK} with open-sesame is refused"}
    refusal = {
        "status_code": 400,
        "error_type": "invalid_request",
        "message": f"Cannot reach {WEBHOOK} or {SIGNED} with open-sesame",
        "validation_errors": [wrong],
    }
    without_id = {**body, "status": "queued"}
    for trouble in (answer(400, refusal), answer(201, without_id), answer(500, json.dumps(body)), answer(201, [body])):
        async with Wire(trouble) as wire, Client(Connection(CANARY, api_base_url=wire.url), retry=QUICK) as client:
            with pytest.raises(exceptions.SonioxDSError) as caught:
                await client.create_transcription(body)
        told = str(caught.value) + repr(vars(caught.value))
        for secret in ("pass1234", "qwertz12", "T0X9f3Kq81LmZ2vB7c", "deadbeef1234", "open-sesame"):
            assert secret not in told
        assert "hooks.example" in told


async def test_a_new_key_is_in_no_error():
    """Nor is the half of a key at which an excerpt would be cut."""
    made = answer(201, {"api_key": "temp:ABCDEFGHIJKL", "expires_at": None})
    half = answer(200, {"x": "y" * 175, "key": CANARY})
    async with Wire(made) as wire, Client(Connection(CANARY, api_base_url=wire.url), retry=QUICK) as client:
        with pytest.raises(exceptions.BadAnswerError, match="not shown because it may hold a key") as caught:
            await client.create_temporary_api_key()
    assert "ABCDEF" not in str(caught.value) + repr(vars(caught.value))
    async with Wire(half) as wire, Client(Connection(CANARY, api_base_url=wire.url), retry=QUICK) as client:
        with pytest.raises(exceptions.BadAnswerError) as caught:
            await client.list_files()
    assert "canary" not in str(caught.value)


async def test_every_attempt_takes_its_turn_and_a_rate_limit_slows_all_down():
    slowed = []

    class Budget(RequestBudget):
        def slow_down(self, wait_s=None):
            slowed.append(wait_s)
            super().slow_down(wait_s)

    clock = Clock(speed=1000)
    budget = Budget(600, clock)
    async with (
        Wire(answer(429, RATE, {"Retry-After": "7"}), RESET, LIST_FILES) as wire,
        Client(Connection(CANARY, api_base_url=wire.url), budget, QUICK, clock=clock) as client,
    ):
        await client.list_files()
    assert budget.requests_made == 3
    assert slowed == [7]


async def test_each_endpoint_has_its_priority(monkeypatch):
    asked = []

    class Budget(RequestBudget):
        async def take(self, priority=Priority.SUBMIT):
            asked.append(priority)

    transcript = answer(200, {"id": "a", "text": "", "tokens": []})
    job = answer(200, {"id": "a", "status": "completed"})
    async with (
        Wire(SPENT, SPENT, transcript, job, answer(204)) as wire,
        Client(Connection(CANARY, api_base_url=wire.url), Budget(60)) as client,
    ):
        await spend(client, "upload")
        await spend(client, "create")
        await client.get_transcript("a")
        await client.get_transcription("a")
        await client.delete_transcription("a")
        await client.delete_file("a")
        await client.delete_file("a", priority=Priority.URGENT)
    P = Priority
    assert asked == [P.SUBMIT, P.SUBMIT, P.FETCH, P.URGENT, P.CLEAN, P.CLEAN, P.URGENT]


# What goes over the wire


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_the_key_follows_no_redirect(status):
    async with Wire(LIST_FILES) as other:
        async with Wire(answer(status, "", {"Location": other.url})) as wire:
            async with Client(Connection(CANARY, api_base_url=wire.url)) as client:
                with pytest.raises(exceptions.BadAnswerError, match="not sent to the address of a redirect"):
                    await client.list_files()
            assert len(wire.requests) == 1
        assert other.requests == []


async def test_requests_name_the_key_in_the_header_only_and_keep_connections():
    async with Wire(LIST_FILES) as wire:
        async with Client(Connection(CANARY, api_base_url=wire.url)) as client:
            for _ in range(5):
                await client.list_files(limit=7, cursor="a b&c")
        assert {request.target for request in wire.requests} == {"/v1/files?limit=7&cursor=a+b%26c"}
        assert {request.headers["authorization"] for request in wire.requests} == {f"Bearer {CANARY}"}
        assert wire.connections == 1


@pytest.mark.parametrize("wrong", ["", "..", "../files", "a/b", "a?b", "a b", "é", None, 5, "%2e"])
async def test_an_id_cannot_become_another_request(wrong):
    async with Wire(answer(204)) as wire, Client(Connection(CANARY, api_base_url=wire.url)) as client:
        for method in (client.delete_file, client.delete_transcription, client.get_transcript, client.get_file_url):
            with pytest.raises(exceptions.InputError, match="is not an id"):
                await method(wrong)
        assert wire.requests == []


async def test_arguments_that_cannot_be_are_refused():
    async with Client(Connection(CANARY, api_base_url="http://127.0.0.1:9")) as client:
        for limit in (0, 1001, True, "5"):
            with pytest.raises(exceptions.InputError, match="limit is"):
                await client.list_files(limit=limit)
        with pytest.raises(exceptions.InputError, match="which has no time zone"):
            await client.usage_logs(start_time=datetime(2026, 1, 1), end_time="2026-01-02T00:00:00Z")
        with pytest.raises(exceptions.InputError, match="source is of type int"):
            await client.upload_file(5)
    with pytest.raises(RuntimeError, match="async with Client"):
        await client.list_files()
    with pytest.raises(exceptions.InputError, match="timeout_s is"):
        Client(Connection(CANARY), timeout_s=0)


async def test_the_key_is_in_no_repr_exception_or_log(caplog, capfd):
    """Every kind of trouble, with all loggers at DEBUG and the service itself repeating the key."""
    for name in (None, "httpx", "httpcore", "soniox_ds", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    echo = answer(401, {"status_code": 401, "error_type": "unauthenticated", "message": f"No: {CANARY}"})
    page = answer(200, f"<p>{CANARY}</p>")
    shown = []
    for trouble in (*TROUBLE.values(), echo, page, answer(307, "", {"Location": "http://127.0.0.1:1"}), HANG):
        async with Wire(trouble) as wire:
            connection = Connection(CANARY, api_base_url=wire.url)
            client = Client(connection, retry=Backoff(attempts=2, initial_s=0), timeout_s=0.2)
            shown += [repr(client), repr(connection), repr(vars(client)), repr(vars(client._transport))]
            async with client:
                for call in (Client.list_files, partial(spend, how="upload"), partial(spend, how="create")):
                    with pytest.raises(exceptions.SonioxDSError) as caught:
                        await call(client)
                    error = caught.value
                    shown += [str(error), repr(error), repr(vars(error))]
                    # as tools do that print the variables of every frame
                    told = traceback.TracebackException.from_exception(error, capture_locals=True)
                    shown += ["".join(traceback.format_exception(error))]
                    shown += [str(frame.locals) for frame in told.stack if frame.filename != __file__]
                    # the frames of these hold the request's headers
                    assert not type(error.__context__).__module__.startswith("http")
    logged = "\n".join(f"{record.name} {record.getMessage()} {record.args}" for record in caplog.records)
    assert re.search(r"soniox_ds\.api POST /v1/files", logged)
    assert "httpcore" in logged
    assert CANARY not in logged
    assert not [text for text in shown if CANARY in text]
    assert CANARY not in "".join(capfd.readouterr())


# Bad weather of the stand-in, all at once


@pytest.mark.parametrize(
    "kind",
    ["rate_limit", "server_error", "unavailable", "html", "reset_before", "reset_after", "truncated", "malformed"],
)
async def test_reading_and_deleting_get_through_bad_weather(connection, service, kind):
    async with Client(connection, retry=QUICK, clock=Clock(speed=100)) as client:
        file = await client.upload_file(b"RIFF", filename="a.wav")
        service.faults.next(kind, "files", times=2)
        assert (await client.list_files())["files"] == [file]
        service.faults.next(kind, "delete_file", times=2)
        await client.delete_file(file["id"])
    assert service.files == []


# The same requests as the official SDK's

WINDOW = {"start_time": "2026-01-01T00:00:00Z", "end_time": "2026-01-02T00:00:00Z"}
BODY = {"model": "stt-async-v4", "audio_url": "https://example.com/a.wav", "client_reference_id": "r"}
ENDPOINTS = {
    "list files": (lambda c: c.list_files(limit=5, cursor="x"), lambda s: s.files.list(limit=5, cursor="x")),
    "count files": (lambda c: c.count_files(), lambda s: s.files.count()),
    "get file": (lambda c: c.get_file("a"), lambda s: s.files.get("a")),
    "delete file": (lambda c: c.delete_file("a"), lambda s: s.files.delete("a")),
    "create": (lambda c: c.create_transcription(BODY), lambda s: s.stt.create(**BODY)),
    "list jobs": (lambda c: c.list_transcriptions(limit=1000), lambda s: s.stt.list(limit=1000)),
    "count jobs": (lambda c: c.count_transcriptions(), lambda s: s.stt.count()),
    "get job": (lambda c: c.get_transcription("a"), lambda s: s.stt.get("a")),
    "transcript": (lambda c: c.get_transcript("a"), lambda s: s.stt.get_transcript("a")),
    "delete job": (lambda c: c.delete_transcription("a"), lambda s: s.stt.delete("a")),
    "models": (lambda c: c.list_models(), lambda s: s.models.list()),
    "temporary key": (lambda c: c.create_temporary_api_key(), lambda s: s.auth.create_temporary_api_key()),
    "temporary key, all": (
        lambda c: c.create_temporary_api_key(client_reference_id="r", single_use=True, max_session_duration_seconds=9),
        lambda s: s.auth.create_temporary_api_key(
            client_reference_id="r", single_use=True, max_session_duration_seconds=9
        ),
    ),
    "usage logs": (
        lambda c: c.usage_logs(**WINDOW, limit=9, sort="end_time_desc"),
        lambda s: s.usage_logs.list(**WINDOW, limit=9, sort="end_time_desc"),
    ),
    "usage summary": (lambda c: c.usage_summary(**WINDOW), lambda s: s.usage.summary(**WINDOW)),
    "concurrency": (lambda c: c.concurrency_limits(), lambda s: s.concurrency_limits.get()),
    "streams": (
        lambda c: c.concurrent_streams_history(**WINDOW, period_sec=3600, kind="stt"),
        lambda s: s.concurrency_limits.history(**WINDOW, period_sec=3600, kind="stt"),
    ),
}


@pytest.mark.parametrize(("ours", "theirs"), ENDPOINTS.values(), ids=ENDPOINTS)
async def test_each_request_is_the_one_of_the_sdk(ours, theirs):
    def request_parts(request):
        address = urlsplit(request.target)
        body = json.loads(request.body) if request.body else None
        kept = {name: request.headers.get(name) for name in ("authorization", "content-type", "accept")}
        return request.method, address.path, sorted(parse_qsl(address.query)), body, kept

    refused = answer(402, {"status_code": 402, "error_type": "organization_balance_exhausted", "message": "No."})
    async with Wire(refused) as wire:
        async with Client(Connection(CANARY, api_base_url=wire.url)) as client:
            with pytest.raises(exceptions.BalanceError):
                await ours(client)
        async with AsyncSonioxClient(api_key=CANARY, api_base_url=wire.url + "/v1") as sdk:
            with pytest.raises(SonioxAPIError):
                await theirs(sdk)
        mine, its = map(request_parts, wire.requests)
    assert mine == its
