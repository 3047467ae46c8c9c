"""The proxy: clients without a key stream through it, or get temporary keys, as the vendor's two guides describe."""

import asyncio
import contextlib
import json
import logging
import socket
import threading

import httpx
import pytest
import websockets
from batches import stand_in, until, wav
from websockets.asyncio.server import serve

import soniox_ds as sx
import soniox_ds.proxy
from soniox_ds.exceptions import OptionsError, SetupError

START = {"model": "stt-rt-v6", "audio_format": "auto"}
RAW = {"model": "stt-rt-v6", "audio_format": "pcm_s16le", "sample_rate": 8000, "num_channels": 1}


@contextlib.contextmanager
def running(application):
    """Run an application with uvicorn, as users do; yields its host and port."""
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, log_config=None, loop="asyncio"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@contextlib.contextmanager
def proxied(service, **settings):
    connection = sx.Connection(api_key=service.key, api_base_url=service.base_url, websocket_url=service.ws_url)
    with running(soniox_ds.proxy.app(**{"connection": connection} | settings)) as host:
        yield host


def stream(host, **settings):
    return websockets.connect(f"ws://{host}{soniox_ds.proxy.STREAM_PATH}", **settings)


async def messages_of(connection):
    return [json.loads(message) async for message in connection]


async def transcribed(connection, start=START, seconds=2.0):
    """Stream a recording and return all messages, until the other side closes."""
    await connection.send(json.dumps(start))
    audio = wav(3, seconds)
    for place in range(0, len(audio), 4096):
        await connection.send(audio[place : place + 4096])
    await connection.send("")
    return await messages_of(connection)


def text_of(messages):
    return "".join(token["text"] for message in messages for token in message["tokens"] if token["is_final"])


async def test_a_client_without_a_key_hears_what_the_service_says():
    with stand_in(speed=1) as service, proxied(service) as host:
        async with stream(host) as connection:
            through = await transcribed(connection)
            assert connection.close_code == 1000
        headers = {"Authorization": f"Bearer {service.key}"}
        async with websockets.connect(service.ws_url, additional_headers=headers) as connection:
            directly = await transcribed(connection)
    assert text_of(through)
    assert text_of(through) == text_of(directly)
    assert through[-1]["finished"]


async def test_a_made_up_key_of_an_unchanged_client_is_taken_out():
    """Clients of the service send a key in their first message; the service would refuse two keys."""
    with stand_in(speed=1) as service, proxied(service) as host:
        async with stream(host) as connection:
            messages = await transcribed(connection, {"api_key": "none", **START})
    assert messages[-1]["finished"]


async def test_errors_of_the_service_are_passed_on_without_the_key():
    async def angry(connection):
        key = connection.request.headers["Authorization"].removeprefix("Bearer ")
        await connection.recv()
        await connection.send(json.dumps({"tokens": [], "error_code": 402, "error_message": f"no money for {key}"}))

    async with serve(angry, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        secret = "a-very-secret-key"
        connection = sx.Connection(
            api_key=secret, api_base_url=f"http://127.0.0.1:{port}", websocket_url=f"ws://127.0.0.1:{port}"
        )
        with running(soniox_ds.proxy.app(connection=connection)) as host:
            async with stream(host) as client:
                await client.send(json.dumps(START))
                [message] = await messages_of(client)
    assert message == {"tokens": [], "error_code": 402, "error_message": "no money for ***"}


@pytest.mark.parametrize(
    ("first", "code", "message"),
    [
        ("not JSON", 400, "malformed"),
        (json.dumps({"model": "nonsense", "audio_format": "auto"}), 400, "model"),
        (b"audio first", 400, "text message"),
    ],
)
async def test_mistakes_in_the_first_message_are_the_services_to_explain(first, code, message):
    with stand_in(speed=1) as service, proxied(service) as host:
        async with stream(host) as connection:
            await connection.send(first)
            [answer] = await messages_of(connection)
            assert connection.close_code == 1000
    assert answer["error_code"] == code
    assert message in answer["error_message"]


async def test_a_service_that_cannot_be_reached():
    connection = sx.Connection(api_key="k" * 9, api_base_url="http://127.0.0.1:9", websocket_url="ws://127.0.0.1:9")
    with running(soniox_ds.proxy.app(connection=connection)) as host:
        async with stream(host) as client:
            await client.send(json.dumps(START))
            [answer] = await messages_of(client)
    assert (answer["error_code"], answer["error_type"]) == (503, "service_unavailable")


async def test_a_connection_that_breaks_in_the_middle():
    async def broken(connection):
        await connection.recv()
        connection.transport.abort()

    async with serve(broken, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connection = sx.Connection(
            api_key="k" * 9, api_base_url=f"http://127.0.0.1:{port}", websocket_url=f"ws://127.0.0.1:{port}"
        )
        with running(soniox_ds.proxy.app(connection=connection)) as host:
            async with stream(host) as client:
                await client.send(json.dumps(START))
                [answer] = await messages_of(client)
    assert answer["error_code"] == 503
    assert "Start a new stream" in answer["error_message"]


async def test_a_client_that_leaves_ends_the_stream_at_the_service():
    with stand_in(speed=1) as service, proxied(service) as host:
        async with stream(host) as connection:
            await connection.send(json.dumps(RAW))
            await connection.send(wav(3, 1.0))
            await connection.recv()
            assert service.call(lambda rules: len(rules.usage._entries)) == 0
        await until(lambda: service.call(lambda rules: len(rules.usage._entries)) == 1)


async def test_no_more_streams_than_allowed():
    with stand_in(speed=1) as service, proxied(service, max_sessions=1) as host:
        async with stream(host) as first:
            await first.send(json.dumps(RAW))
            await first.send(wav(3, 1.0))
            await first.recv()
            async with stream(host) as second:
                [answer] = await messages_of(second)
            assert (answer["error_code"], answer["error_type"]) == (429, "limit_exceeded")
            await first.send("")
            assert (await messages_of(first))[-1]["finished"]
        async with stream(host) as third:
            assert (await transcribed(third))[-1]["finished"]


async def test_a_stream_that_lasts_too_long_is_ended():
    with stand_in(speed=1) as service, proxied(service, max_session_s=1) as host:
        async with stream(host) as connection:
            await connection.send(json.dumps(START))
            messages = await messages_of(connection)
    assert (messages[-1]["error_code"], messages[-1]["error_type"]) == (403, "temp_api_key_session_expired")


async def test_a_message_that_is_too_large():
    with stand_in(speed=1) as service, proxied(service) as host:
        async with stream(host) as connection:
            await connection.send(json.dumps(START))
            await connection.send(bytes(soniox_ds.proxy.LARGEST_MESSAGE + 1))
            messages = await messages_of(connection)
    assert messages[-1]["error_code"] == 400
    assert "1,048,576 bytes" in messages[-1]["error_message"]


async def test_a_silent_client_is_told(monkeypatch):
    monkeypatch.setattr(soniox_ds.proxy, "START_S", 0.05)
    with stand_in(speed=1) as service, proxied(service) as host:
        async with stream(host) as connection:
            [answer] = await messages_of(connection)
        assert not [request for request in service.requests if request.path.endswith("websocket")]
    assert (answer["error_code"], answer["error_type"]) == (408, "request_timeout")


async def test_a_service_that_does_not_read_holds_the_client_up():
    """The proxy buffers no audio: it takes a message only when the service has taken the one before."""
    reading = asyncio.Event()

    async def slow(connection):
        await connection.recv()
        await reading.wait()
        async for _ in connection:
            pass

    n_taken = 0
    chunk = {"type": "websocket.receive", "bytes": bytes(1 << 16)}

    async def receive():
        nonlocal n_taken
        n_taken += 1
        if n_taken == 1:
            return {"type": "websocket.connect"}
        if n_taken == 2:
            return {"type": "websocket.receive", "text": json.dumps(START)}
        return dict(chunk) if n_taken < 4000 else {"type": "websocket.disconnect"}

    async def send(message):
        pass

    async with serve(slow, "127.0.0.1", 0, max_queue=1) as server:
        port = server.sockets[0].getsockname()[1]
        connection = sx.Connection(
            api_key="k" * 9, api_base_url=f"http://127.0.0.1:{port}", websocket_url=f"ws://127.0.0.1:{port}"
        )
        application = soniox_ds.proxy.app(connection=connection)
        scope = {"type": "websocket", "path": soniox_ds.proxy.STREAM_PATH, "headers": []}
        task = asyncio.ensure_future(application(scope, receive, send))
        before = -1
        while before != n_taken:
            before = n_taken
            await asyncio.sleep(0.2)
        assert n_taken < 1000, "64 MB were taken although the service reads nothing"
        reading.set()
        await task
    assert n_taken == 4000


def test_a_temporary_key_opens_one_stream_directly():
    with stand_in(speed=1) as service, proxied(service, max_session_s=90, expires_in_seconds=30) as host:
        reply = httpx.post(f"http://{host}{soniox_ds.proxy.KEY_PATH}")
        assert reply.status_code == 200
        assert reply.headers["cache-control"] == "no-store"
        answer = reply.json()
        assert set(answer) == {"api_key", "expires_at", "websocket_url"}
        assert answer["expires_at"].endswith("Z")
        assert service.key not in reply.text

        async def direct():
            async with websockets.connect(
                answer["websocket_url"], subprotocols=["soniox-api-key", answer["api_key"]]
            ) as connection:
                assert (await transcribed(connection))[-1]["finished"]
            async with websockets.connect(
                answer["websocket_url"], subprotocols=["soniox-api-key", answer["api_key"]]
            ) as connection:
                assert (await transcribed(connection))[-1]["error_code"] == 401

        asyncio.run(direct())


def test_a_key_that_the_service_does_not_give(caplog):
    with stand_in(speed=1) as service:
        service.call(lambda rules: rules.keys.add("narrow-key", ["files"]))
        connection = sx.Connection(api_key="narrow-key", api_base_url=service.base_url, websocket_url=service.ws_url)
        with caplog.at_level(logging.ERROR), running(soniox_ds.proxy.app(connection=connection)) as host:
            reply = httpx.post(f"http://{host}{soniox_ds.proxy.KEY_PATH}")
    assert reply.status_code == 502
    assert "narrow-key" not in reply.text + caplog.text
    assert "permission" in caplog.text


def test_other_requests_are_explained():
    with stand_in(speed=1) as service, proxied(service) as host:
        assert httpx.get(f"http://{host}{soniox_ds.proxy.KEY_PATH}").status_code == 405
        assert httpx.get(f"http://{host}/elsewhere").status_code == 404
        assert not service.requests


async def test_pages_of_other_origins_are_refused():
    with stand_in(speed=1) as service, proxied(service, origins=["https://app.example.com"]) as host:
        for origin, is_allowed in (
            ("https://evil.example.com", False),
            ("null", False),
            (f"http://{host}", True),
            ("https://app.example.com", True),
            (None, True),
        ):
            headers = {} if origin is None else {"Origin": origin}
            async with httpx.AsyncClient() as client:
                reply = await client.post(f"http://{host}{soniox_ds.proxy.KEY_PATH}", headers=headers)
            assert reply.status_code == (200 if is_allowed else 403), origin
            if is_allowed:
                async with stream(host, additional_headers=headers) as connection:
                    assert (await transcribed(connection))[-1]["finished"]
            else:
                with pytest.raises(websockets.InvalidStatus, match="403"):
                    async with stream(host, additional_headers=headers):
                        pass


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_function_decides_who_may_stream(is_async):
    def knows(scope):
        return (b"authorization", b"Bearer visitor") in scope["headers"]

    async def knows_soon(scope):
        return knows(scope)

    with stand_in(speed=1) as service, proxied(service, allow=knows_soon if is_async else knows) as host:
        with pytest.raises(websockets.InvalidStatus, match="403"):
            async with stream(host):
                pass
        async with stream(host, additional_headers={"Authorization": "Bearer visitor"}) as connection:
            assert (await transcribed(connection))[-1]["finished"]


async def test_it_is_mounted_below_a_path():
    from starlette.applications import Starlette
    from starlette.routing import Mount

    with stand_in(speed=1) as service:
        connection = sx.Connection(api_key=service.key, api_base_url=service.base_url, websocket_url=service.ws_url)
        routes = [Mount("/speech", soniox_ds.proxy.app(connection=connection))]
        with running(Starlette(routes=routes)) as host:
            async with websockets.connect(f"ws://{host}/speech{soniox_ds.proxy.STREAM_PATH}") as client:
                assert (await transcribed(client))[-1]["finished"]
            async with httpx.AsyncClient() as client:
                assert (await client.post(f"http://{host}/speech{soniox_ds.proxy.KEY_PATH}")).status_code == 200


def test_the_key_is_in_no_repr(monkeypatch):
    monkeypatch.delenv("SONIOX_API_KEY", raising=False)
    with pytest.raises(SetupError, match="no Soniox API key"):
        soniox_ds.proxy.app()
    application = soniox_ds.proxy.app(connection=sx.Connection(api_key="a-very-secret-key"))
    assert "a-very-secret-key" not in repr(application) + repr(vars(application))


@pytest.mark.parametrize(
    "wrong", [{"max_sessions": 0}, {"max_session_s": 18_001}, {"expires_in_seconds": 3601}, {"origins": "https://a"}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(OptionsError, match=next(iter(wrong))):
        soniox_ds.proxy.app(connection=sx.Connection(api_key="any"), **wrong)
