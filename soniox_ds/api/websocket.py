"""Websocket connection to the service. ``live.session`` continues a session after a broken connection.

Conventions: the key is sent in a header, never in a message or an error. Messages are returned as the text that was
received, and ``check_message`` decodes them. Network timeouts are real seconds. Redirects are never followed, because
the key would be sent along. The log records of ``websockets`` go through a logger that hides the key.
"""

from __future__ import annotations

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import msgspec
import websockets
from websockets.asyncio.client import ClientConnection, connect

from soniox_ds.api.connection import Connection
from soniox_ds.api.logs import redacting_logger
from soniox_ds.api.responses import Reply, error_of
from soniox_ds.exceptions import BadAnswerError, ConnectionFailed
from soniox_ds.options import LiveOptions

__all__ = ["LiveSocket", "check_message", "is_error_frame", "open_socket", "parse_message"]

_REQUEST_NAME = "the stream"
_LONGEST_MESSAGE = 16 << 20
_CLOSE_S = 2.0
_UNSENT_BYTES = 64 << 10
"""Approximate bytes of unsent data that the operating system buffers. By default it would be minutes of audio."""


class _Connect(connect):
    """A connection that follows no redirects."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class LiveSocket:
    """The websocket of one session.

    Use it as an async context manager: entering opens the connection and sends the start message, leaving closes it.

    Raises
    ------
    ConnectionFailed
        From every method, if the connection cannot be made or is lost.
    """

    def __init__(self, connection: Connection, options: LiveOptions, *, timeout_s: float = 10.0) -> None:
        self.connection = connection
        self.options = options
        self.timeout_s = timeout_s
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> LiveSocket:
        self._socket = await open_socket(self.connection, timeout_s=self.timeout_s)
        try:
            await self._send(json.dumps(self.options.body()))
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._close()

    @property
    def held_bytes(self) -> int:
        """Number of bytes that were passed to the connection but have not been sent yet."""
        return 0 if self._socket is None else self._socket.transport.get_write_buffer_size()

    def drop(self) -> None:
        """Abort the connection at once, without the closing handshake, which a blocked connection could not send."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def send_audio(self, audio: bytes) -> None:
        """Send audio. Empty audio is not sent, because an empty message could end the stream."""
        if audio:
            await self._send(audio)

    async def keep_alive(self) -> None:
        """Keep the stream open although no audio is sent."""
        await self._send('{"type":"keepalive"}')

    async def finalize(self, trailing_silence_ms: int | None = None) -> None:
        """Ask the service to make all tokens so far final. The service answers with ``<fin>``."""
        extra = "" if trailing_silence_ms is None else f',"trailing_silence_ms":{trailing_silence_ms}'
        await self._send(f'{{"type":"finalize"{extra}}}')

    async def end(self) -> None:
        """Tell the service that the audio is complete. It makes all tokens final, sends ``finished`` and closes."""
        await self._send("")

    async def messages(self) -> AsyncIterator[str]:
        """Yield the messages of the service until it closes. Raises ConnectionFailed if the connection is lost."""
        socket = self._open()
        try:
            async for message in socket:
                if isinstance(message, str):
                    yield message
        except websockets.ConnectionClosed as error:
            raise self._failed("the connection broke to", error) from None

    async def _send(self, message: str | bytes) -> None:
        try:
            await self._open().send(message)
        except (OSError, websockets.ConnectionClosed) as error:
            raise self._failed("the connection broke to", error) from None

    async def _close(self) -> None:
        if self._socket is not None:
            socket, self._socket = self._socket, None
            try:
                async with asyncio.timeout(2 * _CLOSE_S):
                    await socket.close()
            except TimeoutError:  # Data that must be sent first is stuck.
                socket.transport.abort()
                await socket.wait_closed()

    def _open(self) -> ClientConnection:
        if self._socket is None:
            raise RuntimeError("the connection is not open; use it as an async context manager")
        return self._socket

    def _failed(self, problem: str, error: Exception) -> ConnectionFailed:
        return _failure(self.connection, problem, error)


async def open_socket(connection: Connection, *, timeout_s: float) -> ClientConnection:
    """Open a websocket to the service, with the key in a header. Raises ConnectionFailed if that fails."""
    try:
        socket = await _Connect(
            connection.stream_url(),
            additional_headers=connection.service_headers(),
            open_timeout=timeout_s,
            close_timeout=_CLOSE_S,
            max_size=_LONGEST_MESSAGE,
            user_agent_header="soniox-ds",
            proxy=True,
            compression=None,  # Audio hardly shrinks, and the seconds of unsent audio could not be counted.
            # A ping that waits behind audio would break a slow but working connection; the session checks instead.
            ping_interval=None,
            logger=redacting_logger("websockets.client", connection.api_key.hide_in),
        )
    except (OSError, TimeoutError, websockets.WebSocketException, ValueError, ImportError) as error:
        raise _failure(connection, "no connection to", error) from None
    socket.transport.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, _UNSENT_BYTES)
    return socket


def _failure(connection: Connection, problem: str, error: Exception) -> ConnectionFailed:
    host = urlsplit(connection.stream_url()).netloc
    detail = connection.api_key.hide_in(str(error)) or type(error).__name__
    return ConnectionFailed(
        f"{_REQUEST_NAME}: {problem} {host} ({detail}). Check the network, proxies and SONIOX_WS_URL, and run the same "
        "call again"
    )


def parse_message(text: str) -> dict[str, Any]:
    """Decode a message, which may be an error frame. Raises BadAnswerError if it is not a JSON object.

    Examples
    --------
    >>> parse_message('{"tokens": []}')
    {'tokens': []}
    """
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadAnswerError(f"{_REQUEST_NAME}: a message is not JSON ({error}): {text[:120]!r}") from None
    if not isinstance(message, dict):
        raise BadAnswerError(f"{_REQUEST_NAME}: a message is not a JSON object: {text[:120]!r}")
    return message


def is_error_frame(message: Mapping[str, Any]) -> bool:
    """Return True if a message is an error frame, with which the service ends the stream.

    Examples
    --------
    >>> is_error_frame({"error_code": 503}), is_error_frame({"tokens": [], "error_code": None})
    (True, False)
    """
    return message.get("error_code") is not None or message.get("error_message") is not None


def check_message(text: str, connection: Connection) -> dict[str, Any]:
    """Decode a message, and raise an exception if the message is an error frame.

    Raises
    ------
    BadAnswerError
        If the message is not a JSON object.
    RequestError, ServiceError
        If the message is an error frame. The class of the exception depends on the error code in the same way as for
        REST responses (`AuthError` for 401 and 403, `RateLimitError` for 429, ...). The exception has the attributes
        ``status``, ``error_type`` and ``request_id``.
    """
    text = connection.api_key.hide_in(text)
    message = parse_message(text)
    if not is_error_frame(message):
        return message
    code = message.get("error_code")
    status = code if type(code) is int else 500
    raise error_of(Reply(status=status, headers={}, body=text.encode(), request_name=_REQUEST_NAME), connection)
