"""Debug output of every library that the key passes through."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import pprint

import pytest
from waiting import until_async
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from wire import Wire, answer

from soniox_ds import exceptions
from soniox_ds.api.client import Client
from soniox_ds.api.connection import Connection
from soniox_ds.api.logs import redacting_logger
from soniox_ds.api.retry import Backoff
from soniox_ds.api.session_limit import SessionLimit
from soniox_ds.api.websocket import LiveSocket
from soniox_ds.live.session import LiveSession
from soniox_ds.options import LiveOptions
from soniox_ds.widgets.microphone.loopback import Loopback

KEYS = ["canary-key-0123456789", "temp:CANARYKEY0123456789", "short"]
RAW = LiveOptions(audio_format="pcm_s16le", sample_rate=16_000, num_channels=1)


class Listener(logging.Handler):
    """Keeps all that could be made of a record: its message, its arguments, its traceback, its attributes."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.out = io.StringIO()
        self.names = set()

    def emit(self, record):
        self.names.add(record.name)
        self.out.write(f"{record.name} {logging.Formatter().format(record)} {record.args!r}\n")
        for name, value in vars(record).items():
            pprint.pprint((name, value, getattr(value, "__dict__", None)), self.out)


@pytest.fixture
def listener():
    """At the root of all loggers, with the level of every one of them at DEBUG."""
    listener = Listener()
    root = logging.getLogger()
    before = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    named = [
        "httpx",
        "httpcore",
        "websockets",
        "websockets.client",
        "asyncio",
        "aiohttp.client",
        "soniox_ds",
        "urllib3",
    ]
    levels = {name: logging.getLogger(name).level for name in named}
    for name in named:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield listener
    root.removeHandler(listener)
    root.setLevel(before)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


async def good(socket):
    async for message in socket:
        if message == "":
            await socket.send(json.dumps({"tokens": [], "finished": True}))
            return


async def away(socket):
    socket.transport.abort()


def refusing(key):
    """A server that says the key again, in a header and in a page."""

    def judge(socket, request):
        answer = socket.respond(401, f"not {key}\n")
        answer.headers["X-Key"] = f"Bearer {key}"
        return answer

    return judge


async def listen(connection):
    async with LiveSession(
        RAW, connection=connection, retry=Backoff(attempts=2, initial_s=0), session_limit=SessionLimit()
    ) as session:
        session.send(bytes(6400))


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("kind", ["good", "away", "refusing", "nobody"])
async def test_a_stream_logs_no_key(key, kind, listener):
    judge = refusing(key) if kind == "refusing" else None
    asyncio.get_running_loop().set_debug(True)
    async with serve(good if kind == "good" else away, "127.0.0.1", 0, process_request=judge, logger=QUIET) as server:
        port = 9 if kind == "nobody" else server.sockets[0].getsockname()[1]
        connection = Connection(key, api_base_url=f"http://127.0.0.1:{port}")
        if kind == "good":
            await listen(connection)
        else:
            with pytest.raises(exceptions.ServiceError):
                await listen(connection)
    told = listener.out.getvalue()
    assert f"Bearer {key}" not in told
    if key != "short":  # a made-up key, which honest words may hold
        assert key not in told
    assert kind == "nobody" or "websockets.client" in listener.names
    assert kind == "nobody" or "> Authorization: Bearer ***" in told


QUIET = logging.getLogger("tests.server")
QUIET.propagate = False


@pytest.mark.parametrize("key", KEYS[:2])
async def test_requests_log_no_key(key, listener):
    asyncio.get_running_loop().set_debug(True)
    made = answer(201, {"api_key": "temp:ANOTHERCANARY4711", "expires_at": "2026-01-01T00:00:00Z"})
    echo = answer(401, {"error_type": "unauthenticated", "message": f"not {key}"})
    retry = Backoff(attempts=2, initial_s=0)
    async with Wire(made) as wire, Client(Connection(key, api_base_url=wire.url), retry=retry) as client:
        await client.create_temporary_api_key()
    for trouble in (echo, answer(500, key), answer(200, {"key": key}), answer(307, key, {"Location": "http://["})):
        async with Wire(trouble) as wire, Client(Connection(key, api_base_url=wire.url), retry=retry) as client:
            for ask in (client.create_temporary_api_key, client.list_files, client.list_models):
                with pytest.raises(exceptions.SonioxDSError) as caught:
                    await ask()
                assert key not in str(caught.value)
    told = listener.out.getvalue()
    assert {"httpx", "httpcore.http11", "soniox_ds.api"} <= listener.names
    assert key not in told
    assert "ANOTHERCANARY4711" not in told


async def test_a_websocket_follows_no_redirect(listener):
    seen = []

    async def noting(socket):
        seen.append(socket.request.headers.get("Authorization"))

    async with serve(noting, "127.0.0.1", 0, logger=QUIET) as other:
        target = f"ws://localhost:{other.sockets[0].getsockname()[1]}/x"

        def judge(socket, request):
            moved = socket.respond(307, "")
            moved.headers["Location"] = target if request.path.endswith("socket") else "http://["
            return moved

        async with serve(noting, "127.0.0.1", 0, process_request=judge, logger=QUIET) as server:
            port = server.sockets[0].getsockname()[1]
            for path in ("transcribe-websocket", "odd"):
                connection = Connection(
                    KEYS[0], api_base_url="http://127.0.0.1:9", websocket_url=f"ws://127.0.0.1:{port}/{path}"
                )
                with pytest.raises(exceptions.ConnectionFailed, match="307"):
                    async with LiveSocket(connection, RAW):
                        pass
    assert seen == []


def test_tracebacks_and_arguments_are_looked_through(listener):
    logger = redacting_logger("websockets.client", lambda text: text.replace("s3cret", "***"))
    try:
        raise ValueError("the s3cret is out")
    except ValueError:
        logger.error("%s failed: %s", "it", {"Authorization": "Bearer abcdef"}, exc_info=True)
        logger.exception("again: s3cret")
    logger.warning("no arguments, 100 %")
    logger.debug("Sec-WebSocket-Protocol: soniox-api-key, temp:abcdef")
    logger.debug('> TEXT \'{"api_key": "abcdef", "model": "m"}\'')
    told = listener.out.getvalue()
    assert "s3cret" not in told
    assert "abcdef" not in told
    assert "ValueError: the *** is out" in told
    assert "no arguments, 100 %" in told
    assert '"model": "m"' in told


async def test_the_channel_to_the_page_logs_neither_keys_nor_ways_in(listener):
    """A temporary key goes to the page by it, and so does the path by which the next connection is let in."""
    loopback = Loopback()
    channels = []
    way = await loopback.offer("http://page.example", lambda content, data, channel: channels.append(channel))
    try:
        async with connect(
            f"ws://127.0.0.1:{way['port']}/{way['path']}", origin="http://page.example", logger=QUIET, proxy=None
        ) as page:
            welcome = json.loads(await page.recv())
            assert welcome["proof"] == way["proof"]
            await page.send('{"type": "hello"}')
            await until_async(lambda: channels)
            channels[0].send({"type": "key", "key": "temp:CANARYKEY0123456789", "url": "wss://x"})
            assert json.loads(await page.recv())["key"] == "temp:CANARYKEY0123456789"
    finally:
        await loopback.close()
    told = listener.out.getvalue()
    assert "websockets.server" in listener.names
    assert '"type":"key"' in told
    for secret in ("CANARYKEY", way["path"], way["proof"], welcome["path"], welcome["next_proof"]):
        assert secret not in told
