"""A websocket into this process for pages on the same machine, which works while a cell is running.

Conventions: it listens on 127.0.0.1 only. A path opens it once: a page gets a path from the kernel, over the notebook's
own connection, and with each connection the next path. A page of another origin, an unknown path and a second use are
refused before any data is sent. The first message proves to the page that this is the kernel. Binary messages consist
of four bytes with the length of a JSON object (little-endian), the object, and bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import re
import secrets
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import websockets
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from soniox_ds.api.logs import redacting_logger

__all__ = ["Channel", "Loopback", "LoopbackChannel"]

_LONGEST_MESSAGE = 8 << 20
_MOST_PASSES = 64
_LENGTH = struct.Struct("<I")
_CREDENTIAL = re.compile(r'("(?:key|path|proof|next_proof)"\s*:\s*")[^"]*')


class Channel(Protocol):
    """A connection to the page."""

    name: str

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; does nothing if the connection is closed."""


Heard = Callable[[Mapping[str, Any], bytes, Channel], None]


@dataclass(frozen=True)
class _Pass:
    """The permission for one page to connect once."""

    proof: str
    origin: str
    heard: Heard = field(repr=False)


class LoopbackChannel:
    """An open connection to a page."""

    name = "loopback"

    def __init__(self, socket: ServerConnection) -> None:
        self.is_open = True
        """True while the connection may still be open."""
        self._socket = socket
        self._outbox: asyncio.Queue[str] = asyncio.Queue()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message to the page, in order, without waiting."""
        self._outbox.put_nowait(msgspec.json.encode(message).decode())

    async def pump(self) -> None:
        """Send the queued messages until the connection closes."""
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await self._socket.send(await self._outbox.get())


class Loopback:
    """The server of all widgets of a process, made when the first page needs it."""

    def __init__(self) -> None:
        self._server: Server | None = None
        self._starting = asyncio.Lock()
        self._passes: dict[str, _Pass] = {}
        self._let_in: dict[ServerConnection, _Pass] = {}

    async def offer(self, origin: str, heard: Heard) -> dict[str, Any]:
        """Return a way to connect for a page of this origin: ``port``, ``path`` (valid once) and ``proof``.

        `heard` is called with each message of that page, on this event loop.
        """
        async with self._starting:
            if self._server is None:
                self._server = await serve(
                    self._talk,
                    "127.0.0.1",
                    0,
                    process_request=self._judge,
                    max_size=_LONGEST_MESSAGE,
                    compression=None,
                    close_timeout=1,
                    server_header=None,
                    logger=redacting_logger("websockets.server", self._without_credentials),
                )
        path = self._issue(_Pass(secrets.token_urlsafe(16), origin, heard))
        return {"port": self.port, "path": path, "proof": self._passes[path].proof}

    @property
    def port(self) -> int:
        """Port on which it listens."""
        assert self._server is not None, "an offer was made"
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def close(self) -> None:
        """Close all connections and stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _issue(self, admitted: _Pass) -> str:
        while len(self._passes) >= _MOST_PASSES:  # pages that never connected
            del self._passes[next(iter(self._passes))]
        path = secrets.token_urlsafe(24)
        self._passes[path] = admitted
        return path

    def _without_credentials(self, logged: str) -> str:
        """Hide paths and temporary keys in the debug output of websockets."""
        for path, admitted in list(self._passes.items()):
            logged = logged.replace(path, "***").replace(admitted.proof, "***")
        return _CREDENTIAL.sub(r"\1***", logged)

    def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        path = request.path.rpartition("/")[2]
        admitted = self._passes.get(path)
        if admitted is None or request.headers.get("Origin") != admitted.origin:
            return connection.respond(http.HTTPStatus.FORBIDDEN, "not for you\n")
        del self._passes[path]
        self._let_in[connection] = admitted
        return None

    async def _talk(self, socket: ServerConnection) -> None:
        admitted = self._let_in.pop(socket)
        channel = LoopbackChannel(socket)
        renewed = _Pass(secrets.token_urlsafe(16), admitted.origin, admitted.heard)
        channel.send(
            {"type": "welcome", "proof": admitted.proof, "path": self._issue(renewed), "next_proof": renewed.proof}
        )
        pump = asyncio.create_task(channel.pump(), name="loopback pump")
        try:
            async for message in socket:
                content, data = _taken_apart(message)
                admitted.heard(content, data, channel)
        except (websockets.ConnectionClosed, msgspec.DecodeError, struct.error):
            await socket.close(1002)
        finally:
            channel.is_open = False
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)


def _taken_apart(message: str | bytes) -> tuple[Mapping[str, Any], bytes]:
    if isinstance(message, str):
        return msgspec.json.decode(message, type=dict[str, Any]), b""
    (length,) = _LENGTH.unpack_from(message)
    begin = _LENGTH.size
    return msgspec.json.decode(message[begin : begin + length], type=dict[str, Any]), message[begin + length :]
