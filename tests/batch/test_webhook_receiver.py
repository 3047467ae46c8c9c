"""The receiver of webhooks: what it takes, what it refuses, and that what it has answered is in the journal."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import signal
import socket
import sqlite3
import sys
import time
import uuid
from contextlib import asynccontextmanager, closing

import httpx
import psutil
import pytest
from waiting import PATIENCE_S, until
from webhook_command import WebhookCommand

import soniox_ds as sx
from soniox_ds.batch import webhook_receiver as receiver_module
from soniox_ds.batch import webhook_server as server_module
from soniox_ds.batch.journal import Journal
from soniox_ds.batch.webhook_receiver import HEADER_NAME, HEADER_VALUE, LARGEST_BODY
from soniox_ds.cli import main
from soniox_ds.exceptions import JournalError, OptionsError, SetupError

SECRET = "open-sesame-1234"
HEADERS = {"X-Soniox-Webhook-Secret": SECRET}
MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def no_settings(monkeypatch, tmp_path):
    monkeypatch.delenv(HEADER_NAME, raising=False)
    monkeypatch.delenv(HEADER_VALUE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


@pytest.fixture
async def receiver(path):
    receiver = sx.WebhookReceiver(journal=path, auth_header_value=SECRET)
    yield receiver
    receiver._close_journal()


def body(status="completed", transcription_id=None):
    return json.dumps({"id": transcription_id or str(uuid.uuid4()), "status": status}).encode()


def written(path):
    """The deliveries in the journal, as any other process sees them."""
    with closing(sqlite3.connect(path)) as db:
        return dict(db.execute("SELECT transcription_id, status FROM deliveries"))


@asynccontextmanager
async def client_of(application):
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=HEADERS) as client:
        yield client


async def post(receiver, content, **changes):
    async with client_of(receiver) as client:
        return await client.post("/", content=content, **changes)


# -- what is taken -----------------------------------------------------------------------------------------------------


async def test_a_delivery_is_committed_before_it_is_answered(receiver, path):
    messages = [{"type": "http.request", "body": body("error", "t1"), "more_body": False}]
    headers = [(b"x-soniox-webhook-secret", SECRET.encode())]
    seen = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        seen.append((message.get("status"), written(path)))

    await receiver({"type": "http", "method": "POST", "headers": headers}, receive, send)
    assert seen == [(200, {"t1": "error"}), (None, {"t1": "error"})]


async def test_twice_is_once(receiver, path):
    for _ in range(2):
        assert (await post(receiver, body(transcription_id="t1"))).status_code == 200
    assert written(path) == {"t1": "completed"}


async def test_ids_that_no_job_has_are_kept(receiver, path):
    contents = [body() for _ in range(50)]
    answers = await asyncio.gather(*(post(receiver, content) for content in contents))
    assert [answer.status_code for answer in answers] == [200] * 50
    assert set(written(path)) == {json.loads(content)["id"] for content in contents}


async def test_further_fields_are_ignored(receiver, path):
    content = json.dumps({"id": "t1", "status": "completed", "transcript": {"text": "x"}, "n": None})
    assert (await post(receiver, content)).status_code == 200
    assert written(path) == {"t1": "completed"}


async def test_deliveries_older_than_the_service_keeps_transcriptions_are_removed(receiver, path, monkeypatch):
    old = time.time() - 32 * 86_400
    with closing(Journal.open(path)) as journal:
        await journal.note_delivery("old", "completed", old)
        await journal.note_delivery("younger", "completed", old + 3 * 86_400)
        await post(receiver, body(transcription_id="new"))
    assert set(written(path)) == {"younger", "new"}


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("X-Soniox-Webhook-Secret", "")],
        [("X-Soniox-Webhook-Secret", SECRET[:-1])],
        [("X-Soniox-Webhook-Secret", SECRET + " ")],
        [("X-Soniox-Webhook-Secret", "öffne".encode("latin-1"))],
        [("Authorization", f"Bearer {SECRET}")],
        [("X-Soniox-Webhook-Secret", SECRET), ("X-Soniox-Webhook-Secret", "another")],
    ],
    ids=["missing", "empty", "shorter", "longer", "not-ascii", "elsewhere", "two"],
)
async def test_a_wrong_header_is_refused_and_the_body_is_not_read(receiver, path, headers):
    answers = []
    raw = [(name.lower().encode(), v if isinstance(v, bytes) else v.encode()) for name, v in headers]

    async def receive():
        raise AssertionError("the body was read")

    async def send(message):
        answers.append(message)

    await receiver({"type": "http", "method": "POST", "headers": raw}, receive, send)
    assert answers[0]["status"] == 401
    assert (b"connection", b"close") in answers[0]["headers"]
    assert not path.exists()


async def test_the_header_is_compared_in_constant_time(receiver, monkeypatch):
    compared, compare_digest = [], hmac.compare_digest

    def spy(one, other):
        compared.append({one, other})
        return compare_digest(one, other)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    await post(receiver, body(), headers={"X-Soniox-Webhook-Secret": "wrong"})
    assert compared == [{b"wrong", SECRET.encode()}]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"id": "t1"}',
        b'{"status": "completed"}',
        b'{"id": 7, "status": "completed"}',
        b'{"id": null, "status": "completed"}',
        b'{"id": "../files", "status": "completed"}',
        b'{"id": "", "status": "completed"}',
        b'{"id": "t1", "status": "queued"}',
        b'{"id": "t1", "status": "completed"} x',
        b'{"id": "\xff", "status": "completed"}',
        b'{"id": "t1\\u0000", "status": "completed"}',
        b'{"x": ' + b"[" * 8_000 + b"]" * 8_000 + b', "id": "t1", "status": "completed"}',
        b'{"id": "' + b"t" * 1_000 + b'", "status": "completed"}',
    ],
    ids=str,
)
async def test_malformed_bodies(receiver, path, content):
    assert (await post(receiver, content)).status_code == 400
    assert not path.exists()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_other_methods(receiver, method):
    async with client_of(receiver) as client:
        answer = await client.request(method, "/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_body_above_the_limit_is_not_read_to_its_end(receiver, path):
    pieces = []

    async def endless():
        while True:
            pieces.append(1)
            yield b" " * 1_000

    assert (await post(receiver, endless())).status_code == 413
    assert len(pieces) <= LARGEST_BODY // 1_000 + 1
    just_right = body()
    assert (await post(receiver, just_right + b" " * (LARGEST_BODY - len(just_right)))).status_code == 200
    assert (await post(receiver, just_right + b" " * (LARGEST_BODY - len(just_right) + 1))).status_code == 413


async def test_a_body_that_does_not_arrive_is_not_waited_for(receiver, path, monkeypatch):
    monkeypatch.setattr(receiver_module, "LONGEST_BODY_S", 0.05)

    async def one_byte():
        yield b"{"
        await asyncio.sleep(60)

    assert (await post(receiver, one_byte())).status_code == 408
    assert not path.exists()


async def test_a_connection_that_ends_in_the_middle_of_a_body(receiver, path):
    messages = [{"type": "http.request", "body": body()[:20], "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    async def send(message):
        raise AssertionError("there is nobody to answer")

    headers = [(b"x-soniox-webhook-secret", SECRET.encode())]
    await receiver({"type": "http", "method": "POST", "headers": headers}, receive, send)
    assert not path.exists()


async def test_what_cannot_be_written_is_sent_again(receiver, path, caplog):
    path.mkdir()
    answer = await post(receiver, body(transcription_id="t1"))
    assert answer.status_code == 503
    assert "journal must be a file" in caplog.text
    path.rmdir()
    assert (await post(receiver, body(transcription_id="t1"))).status_code == 200
    assert written(path) == {"t1": "completed"}


async def test_a_journal_that_is_deleted_meanwhile_is_made_anew(receiver, path):
    await post(receiver, body(transcription_id="t1"))
    for file in path.parent.glob("journal.sqlite*"):
        file.unlink()
    assert (await post(receiver, body(transcription_id="t2"))).status_code == 200
    assert written(path) == {"t2": "completed"}


async def test_a_journal_of_the_version_before_gets_the_table(receiver, path):
    Journal.open(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.executescript("DROP TABLE deliveries; PRAGMA user_version=2;")
    assert (await post(receiver, body(transcription_id="t1"))).status_code == 200
    assert written(path) == {"t1": "completed"}


# -- in an application -------------------------------------------------------------------------------------------------


async def test_mounted_in_fastapi(receiver, path):
    from fastapi import FastAPI

    application = FastAPI()
    application.mount("/webhooks/soniox", receiver)
    async with client_of(application) as client:
        assert (await client.post("/webhooks/soniox/", content=body())).status_code == 200
        assert (await client.post("/webhooks/soniox", content=body())).status_code == 307  # as the documentation warns
        assert (await client.get("/elsewhere")).status_code == 404
    assert len(written(path)) == 1


async def test_mounted_in_starlette(receiver, path):
    from starlette.applications import Starlette
    from starlette.routing import Mount, Route

    for routes in ([Mount("/soniox", receiver)], [Route("/soniox/", receiver, methods=["POST"])]):
        async with client_of(Starlette(routes=routes)) as client:
            assert (await client.post("/soniox/", content=body())).status_code == 200
    assert len(written(path)) == 2


async def test_by_itself_it_opens_and_closes_the_journal(receiver, path):
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append((message["type"], path.exists()))

    await receiver({"type": "lifespan"}, receive, send)
    assert sent == [("lifespan.startup.complete", True), ("lifespan.shutdown.complete", True)]
    assert receiver._journal is None


async def test_by_itself_it_does_not_start_without_its_journal(receiver, path):
    path.mkdir()
    sent = []

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        sent.append(message)

    await receiver({"type": "lifespan"}, receive, send)
    assert sent[0]["type"] == "lifespan.startup.failed"
    assert "must be a file" in sent[0]["message"]


async def test_websockets_are_closed(receiver):
    sent = []

    async def send(message):
        sent.append(message)

    await receiver({"type": "websocket"}, None, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


# -- its own server ----------------------------------------------------------------------------------------------------


def test_its_own_server(path):
    receiver = sx.WebhookReceiver(port=0, journal=path)
    assert receiver.url is None
    with receiver, receiver:  # two runs at the same time
        receiver.stop()
        options = receiver.options()
        headers = {options["webhook_auth_header_name"]: options["webhook_auth_header_value"]}
        assert options["webhook_url"].startswith("http://127.0.0.1:")
        assert len(options["webhook_auth_header_value"]) >= 32
        assert httpx.post(options["webhook_url"], content=body(), headers=headers).status_code == 200
        assert httpx.post(options["webhook_url"], content=body()).status_code == 401
        receiver.start()
    assert len(written(path)) == 1
    with pytest.raises(httpx.ConnectError):
        httpx.post(options["webhook_url"], content=body())


def test_an_open_request_does_not_keep_the_server_from_closing(path, monkeypatch):
    monkeypatch.setattr(server_module, "GRACE_S", 1)
    receiver = sx.WebhookReceiver(port=0, journal=path).start()
    options = receiver.options()
    address = httpx.URL(options["webhook_url"])
    request = f"POST / HTTP/1.1\r\nHost: me\r\nContent-Length: 60\r\n{options['webhook_auth_header_name']}: "
    with socket.create_connection((address.host, address.port)) as client:
        client.sendall(f"{request}{options['webhook_auth_header_value']}\r\n\r\n{{".encode())
        assert httpx.post(address, content=body()).status_code == 401  # It has read what was sent before.
        receiver.stop()


def test_a_port_that_is_taken(path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        receiver = sx.WebhookReceiver(port=taken.getsockname()[1], journal=path, auth_header_value=SECRET)
        with pytest.raises(SetupError, match=r"cannot listen on 127\.0\.0\.1:.*choose another port"):
            receiver.start()


def test_without_uvicorn(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SetupError, match=r"soniox_ds\[webhooks\]"):
        sx.WebhookReceiver(port=0, journal=path).start()


def test_a_journal_that_cannot_be_opened(tmp_path):
    with pytest.raises(JournalError, match="must be a file"):
        sx.WebhookReceiver(port=0, journal=tmp_path).start()


# -- settings ----------------------------------------------------------------------------------------------------------


def test_settings_from_the_environment(monkeypatch):
    monkeypatch.setenv(HEADER_NAME, "X-Mine")
    monkeypatch.setenv(HEADER_VALUE, SECRET)
    assert sx.WebhookReceiver("https://me.example/in").options() == {
        "webhook_url": "https://me.example/in",
        "webhook_auth_header_name": "X-Mine",
        "webhook_auth_header_value": SECRET,
    }


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"auth_header_value": None}, SetupError, "Set SONIOX_API_WEBHOOK_SECRET to a long random text"),
        ({"auth_header_value": ""}, SetupError, "there is no secret"),
        ({"auth_header_value": "line\nbreak"}, OptionsError, "cannot be the value of an HTTP header"),
        ({"auth_header_name": "no header"}, OptionsError, "cannot name an HTTP header"),
        ({"url": "ftp://x"}, OptionsError, "starts with http"),
        ({"port": 65_536}, OptionsError, "port is 65536"),
        ({"port": True}, OptionsError, "port is True"),
        ({"host": ""}, OptionsError, "host is ''"),
    ],
    ids=str,
)
def test_wrong_settings(arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        sx.WebhookReceiver(**{"auth_header_value": SECRET, **arguments})
    assert SECRET not in str(caught.value)
    assert "line" not in str(caught.value) or "line breaks" in str(caught.value)


def test_what_needs_an_address_or_a_port_says_so():
    receiver = sx.WebhookReceiver(auth_header_value=SECRET)
    with pytest.raises(OptionsError, match="no address"):
        receiver.options()
    with pytest.raises(OptionsError, match="no port"):
        receiver.start()


async def test_the_secret_is_shown_nowhere(receiver, path, caplog):
    caplog.set_level(logging.DEBUG)
    receiver._url = "https://me:pw9876@host.example/in?token=qwertz12"
    for content, headers in [(body(), HEADERS), (b"{", HEADERS), (body(), {"X-Soniox-Webhook-Secret": SECRET + "x"})]:
        await post(receiver, content, headers=headers)
    shown = repr(receiver) + str(receiver) + caplog.text + repr(vars(receiver)["_secret"])
    assert "host.example/in" in shown
    shown += "".join(file.read_bytes().decode("latin-1") for file in path.parent.glob("journal*"))
    for secret in (SECRET, "pw9876", "qwertz12"):
        assert secret not in shown


# -- the command -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command(path, number):
    command = WebhookCommand(path, SECRET)
    assert httpx.post(command.url, content=body(), headers=HEADERS).status_code == 200
    assert httpx.post(command.url, content=body(), headers={"X-Soniox-Webhook-Secret": "x"}).status_code == 401
    status, output, errors = command.end(number)
    assert status == 0, errors
    assert str(path) in output
    assert "X-Soniox-Webhook-Secret" in output
    assert "refused with 401" in errors
    assert SECRET not in output + errors
    assert len(written(path)) == 1


def test_the_command_needs_the_secret_from_the_environment(path, capsys):
    assert main(["webhooks", "--port", "0", "--journal", str(path)]) == 2
    assert "Set SONIOX_API_WEBHOOK_SECRET" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["webhooks", "--help"])
    assert "SONIOX_API_WEBHOOK_SECRET" in capsys.readouterr().out


def test_killed_at_any_moment_what_was_answered_is_in_the_journal(path):
    answered, port = set(), 0
    for life in range(3):
        command = WebhookCommand(path, SECRET, port)
        port = command.port
        with httpx.Client(headers=HEADERS) as client:
            for number in range(1_000_000):
                transcription_id = f"life-{life}-{number}"
                try:
                    client.post(command.url, content=body(transcription_id=transcription_id)).raise_for_status()
                except httpx.TransportError:
                    break
                answered.add(transcription_id)
                if number == 20 + life:
                    command.process.kill()
        command.end(signal.SIGKILL)
    assert len(answered) >= 3 * 20
    assert answered <= set(written(path))


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "streamed"])
@pytest.mark.parametrize("secret", [SECRET, "wrong"], ids=["right-header", "wrong-header"])
def test_a_body_of_100_megabytes_takes_no_memory(path, announced, secret):
    command = WebhookCommand(path, SECRET)
    assert httpx.post(command.url, content=body(), headers=HEADERS).status_code == 200
    memory = psutil.Process(command.process.pid).memory_info
    before, most = memory().rss, 0
    sent, answer = 0, b""
    head = f"POST / HTTP/1.1\r\nHost: here\r\nX-Soniox-Webhook-Secret: {secret}\r\n"
    head += f"Content-Length: {100 * MEGABYTE}\r\n\r\n" if announced else "Transfer-Encoding: chunked\r\n\r\n"
    piece = b"x" * MEGABYTE if announced else b"100000\r\n" + b"x" * MEGABYTE + b"\r\n"
    with socket.create_connection(("127.0.0.1", command.port), timeout=PATIENCE_S) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(100):
                connection.sendall(piece)
                sent += MEGABYTE
                most = max(most, memory().rss)
            answer = connection.recv(4096)
        except ConnectionError:  # The receiver has closed the connection, as it should.
            pass
    assert sent < 20 * MEGABYTE  # what fits into the buffers of the sockets
    assert max(most, memory().rss) - before < 20 * MEGABYTE
    assert answer[:12] in (b"", b"HTTP/1.1 413", b"HTTP/1.1 401")
    assert httpx.post(command.url, content=body(), headers=HEADERS).status_code == 200
    command.end(signal.SIGTERM)
    assert len(written(path)) == 2


def test_the_command_answers_while_many_connect_at_once(path):
    command = WebhookCommand(path, SECRET)

    async def many():
        async with httpx.AsyncClient(headers=HEADERS, timeout=PATIENCE_S) as client:
            return await asyncio.gather(*(client.post(command.url, content=body()) for _ in range(200)))

    assert [answer.status_code for answer in asyncio.run(many())] == [200] * 200
    command.end(signal.SIGTERM)
    assert len(until(lambda: written(path))) == 200
