"""A proxy for live transcription: pages and devices stream through it, or get temporary keys from it, without a key.

Conventions: it is a plain ASGI application without dependencies, which any ASGI server runs and any framework mounts.
Messages of both sides are passed on unchanged, except that keys are taken out. Errors of the proxy have the form of the
service's error frames, so that clients need no second way of reading them. Each side is read only as fast as the other
side takes the messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import websockets
from websockets.asyncio.client import ClientConnection

from soniox_ds._arguments import check_number
from soniox_ds.api.connection import Connection
from soniox_ds.api.temporary_keys import LONGEST_EXPIRY_S, LONGEST_SESSION_S, temporary_key
from soniox_ds.api.websocket import open_socket
from soniox_ds.exceptions import ConnectionFailed, OptionsError, SonioxDSError

__all__ = ["KEY_PATH", "LARGEST_MESSAGE", "STREAM_PATH", "app"]

STREAM_PATH = "/transcribe-websocket"
"""Path of the websocket, as at the service."""
KEY_PATH = "/temporary-api-key"
"""Path at which a page gets a temporary key, with POST."""
LARGEST_MESSAGE = 1 << 20
"""Largest message in bytes that a client may send."""
START_S = 10.0
"""Seconds in which a client has to send its first message."""
CONNECT_S = 10.0

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
Allow = Callable[[Mapping[str, Any]], "bool | Awaitable[bool]"]

log = logging.getLogger("soniox_ds.proxy")


def app(
    *,
    connection: Connection | None = None,
    allow: Allow | None = None,
    origins: Collection[str] = (),
    max_sessions: int = 10,
    max_session_s: int = 3600,
    expires_in_seconds: int = 60,
) -> Application:
    """Make an ASGI application that streams to the service for clients without a key, and hands out temporary keys.

    Parameters
    ----------
    connection
        Key, region and address; by default from the environment.
    allow
        Function that takes the ASGI scope of a request (``scope["headers"]``, ``scope["path"]``, ...) and returns True
        if this client may stream at your expense, or an awaitable of it. None lets everybody in who can reach the
        server, so give a function unless the network or a framework in front of it decides.
    origins
        Further origins, such as ``"https://app.example.com"``, whose pages may use the proxy. Pages of the proxy's own
        host always may, and programs that send no origin, such as devices.
    max_sessions
        Largest number of streams through the proxy at the same time.
    max_session_s
        Seconds after which a stream ends, through the proxy or with a temporary key, 1 to 18000.
    expires_in_seconds
        Seconds in which a temporary key opens its stream, 1 to 3600. Each key opens one.

    Returns
    -------
    Application
        ``GET /transcribe-websocket`` (a websocket) speaks like the service, without a key.
        ``POST /temporary-api-key`` returns JSON with ``api_key``, ``expires_at`` and ``websocket_url``.

    Raises
    ------
    SetupError
        If there is no key.
    OptionsError
        If a number is out of range.

    Notes
    -----
    Source: the vendor's guides "Proxy stream" and "Direct stream" (https://soniox.com/docs/stt/guides/proxy-stream and
    https://soniox.com/docs/stt/guides/direct-stream).

    Examples
    --------
    >>> import soniox_ds as sx
    >>> import soniox_ds.proxy
    >>> application = soniox_ds.proxy.app(connection=sx.Connection(api_key="any", api_base_url="http://127.0.0.1:8765"))
    >>> application
    <soniox_ds.proxy: local>
    """
    check = partial(check_number, whole=True, least=1, error=OptionsError)
    check(max_sessions, "max_sessions")
    check(max_session_s, "max_session_s", most=LONGEST_SESSION_S)
    check(expires_in_seconds, "expires_in_seconds", most=LONGEST_EXPIRY_S)
    if isinstance(origins, str):
        raise OptionsError(f"origins is the single text {origins!r}; it is a list, like [{origins!r}]")
    connection = connection or Connection()
    connection.stream_url()
    return _Proxy(
        connection,
        allow,
        frozenset(origin.rstrip("/").lower() for origin in origins),
        max_sessions,
        max_session_s,
        expires_in_seconds,
    )


class _Refused(Exception):
    """The proxy ends a stream. The arguments are those of an error frame."""

    def __init__(self, code: int, error_type: str, message: str) -> None:
        super().__init__(message)
        self.frame = json.dumps({"tokens": [], "error_code": code, "error_type": error_type, "error_message": message})


class _ClientGone(Exception):
    """The client has closed its connection."""


class _Proxy:
    """The application that `app` makes."""

    def __init__(
        self,
        connection: Connection,
        allow: Allow | None,
        origins: frozenset[str],
        max_sessions: int,
        max_session_s: int,
        expires_in_seconds: int,
    ) -> None:
        self._connection = connection
        self._allow = allow
        self._origins = origins
        self._max_sessions = max_sessions
        self._max_session_s = max_session_s
        self._expires_in_seconds = expires_in_seconds
        self._sessions = 0

    def __repr__(self) -> str:
        return f"<soniox_ds.proxy: {self._connection.service}>"

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request or websocket, as an ASGI application."""
        kind, path = scope["type"], scope.get("path", "").removeprefix(scope.get("root_path", "") or "\0")
        if kind == "lifespan":
            await _live(receive, send)
        elif kind == "websocket":
            await receive()  # websocket.connect
            if path != STREAM_PATH or not await self._may_use(scope):
                await send({"type": "websocket.close", "code": 1008})  # before it was accepted: HTTP 403
                return
            await send({"type": "websocket.accept"})
            await self._serve_stream(receive, send)
        elif kind == "http":
            await self._answer(scope, path, send)

    async def _may_use(self, scope: Message) -> bool:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin")
        if origin is not None and origin.lower() not in self._origins:
            host = urlsplit(origin).netloc.lower()
            if not host or host != headers.get(b"host", "").lower():
                log.warning("a page of the origin %.200r was refused; origins= allows further ones", origin)
                return False
        allowed: Any = True if self._allow is None else self._allow(scope)
        if inspect.isawaitable(allowed):
            allowed = await allowed
        return bool(allowed)

    # -- temporary keys ------------------------------------------------------------------------------------------------

    async def _answer(self, scope: Message, path: str, send: Send) -> None:
        extra: list[tuple[bytes, bytes]] = []
        if path != KEY_PATH:
            status, answer = 404, {"error_type": "not_found", "message": f"there are {KEY_PATH} and {STREAM_PATH} here"}
        elif scope["method"] != "POST":
            status, answer = 405, {"error_type": "method_not_allowed", "message": "a key is asked for with POST"}
            extra = [(b"allow", b"POST")]
        elif not await self._may_use(scope):
            status, answer = 403, {"error_type": "permission_denied", "message": "this client may not stream here"}
        else:
            status, answer = await self._key()
        body = json.dumps(answer).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            *extra,
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _key(self) -> tuple[int, dict[str, str]]:
        try:
            key = await temporary_key(
                expires_in_seconds=self._expires_in_seconds,
                single_use=True,
                max_session_duration_seconds=self._max_session_s,
                connection=self._connection,
            )
        except SonioxDSError as error:
            log.error("no temporary key was made: %s", error)
            return 502, {"error_type": "service_unavailable", "message": "the service gave no key; try again later"}
        return 200, {
            "api_key": key.reveal(),
            "expires_at": key.expires_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "websocket_url": self._connection.stream_url(),
        }

    # -- streams -------------------------------------------------------------------------------------------------------

    async def _serve_stream(self, receive: Receive, send: Send) -> None:
        close = {"type": "websocket.close", "code": 1000}
        try:
            if self._sessions >= self._max_sessions:
                raise _Refused(429, "limit_exceeded", f"The proxy serves {self._max_sessions} streams at once.")
            self._sessions += 1
            try:
                await self._stream(receive, send)
            finally:
                self._sessions -= 1
        except _ClientGone:
            return
        except _Refused as refused:
            with contextlib.suppress(OSError):  # The client has gone meanwhile.
                await send({"type": "websocket.send", "text": refused.frame})
                await send(close)
            return
        with contextlib.suppress(OSError):
            await send(close)

    async def _stream(self, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(START_S):
                start = _without_key(await _next_message(receive))
        except TimeoutError:
            raise _Refused(408, "request_timeout", "Start request timeout") from None
        try:
            upstream = await open_socket(self._connection, timeout_s=CONNECT_S)
        except ConnectionFailed as error:
            log.error("a stream could not be opened: %s", error)
            raise _Refused(503, "service_unavailable", "The proxy cannot reach the service. Try again later.") from None
        try:
            async with asyncio.timeout(self._max_session_s):
                await self._relay(start, upstream, receive, send)
        except TimeoutError:
            message = f"The proxy ends streams after {self._max_session_s} s. Start a new one."
            raise _Refused(403, "temp_api_key_session_expired", message) from None
        finally:
            await upstream.close()

    async def _relay(self, start: str | bytes, upstream: ClientConnection, receive: Receive, send: Send) -> None:
        """Pass messages on in both directions, until the service or the client closes."""

        async def from_client() -> None:
            await upstream.send(start)
            while True:
                await upstream.send(await _next_message(receive))

        async def from_service() -> None:
            async for message in upstream:
                if isinstance(message, str):
                    text = self._connection.api_key.hide_in(message)
                    await send({"type": "websocket.send", "text": text})

        sending, answering = asyncio.ensure_future(from_client()), asyncio.ensure_future(from_service())
        try:
            await asyncio.wait({sending, answering}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and isinstance(sending.exception(), websockets.ConnectionClosed):
                await asyncio.wait({answering})  # The service has closed: its last messages say why.
            for task in (answering, sending):
                if task.done() and (error := task.exception()) is not None:
                    if isinstance(error, OSError):
                        raise _ClientGone from None
                    if not isinstance(error, websockets.ConnectionClosed):
                        raise error
                    if task is answering:
                        log.warning("the connection to the service broke: %s", error)
                        broken = "The connection to the service broke. Start a new stream."
                        raise _Refused(503, "service_unavailable", broken)
        finally:
            for task in (sending, answering):
                task.cancel()
            await asyncio.gather(sending, answering, return_exceptions=True)


async def _live(receive: Receive, send: Send) -> None:
    """Answer the messages of the server's start and end."""
    while (message := await receive())["type"] != "lifespan.shutdown":
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _next_message(receive: Receive) -> str | bytes:
    """Return the next message of the client. Raises _ClientGone at its end, and _Refused for too large a message."""
    message = await receive()
    if message["type"] == "websocket.disconnect":
        raise _ClientGone
    text = message.get("text")
    content: str | bytes = text if text is not None else message.get("bytes") or b""
    if len(content) > LARGEST_MESSAGE:
        raise _Refused(400, "invalid_request", f"A message may have at most {LARGEST_MESSAGE:,} bytes.")
    return content


def _without_key(start: str | bytes) -> str | bytes:
    """Take a key out of a start message: clients of the service send one, and here the proxy has the key.

    >>> _without_key('{"api_key": "none", "model": "stt-rt-v6"}'), _without_key("not JSON")
    ('{"model": "stt-rt-v6"}', 'not JSON')
    """
    try:
        fields = json.loads(start)
    except (ValueError, RecursionError):
        return start  # The service says what is wrong with it.
    if isinstance(start, bytes) or not isinstance(fields, dict) or "api_key" not in fields:
        return start
    return json.dumps({name: value for name, value in fields.items() if name != "api_key"})
