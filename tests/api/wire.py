"""A server that sends given responses byte by byte, including impossible ones, and records the requests."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

REASONS = {200: "OK", 201: "Created", 204: "No Content"}

RESET = "reset"
"""Take the request, then reset the connection."""
HANG = "hang"
"""Take the request and never answer."""
CUT = "cut"
"""Announce more than is sent, then close."""
DRIP = "drip"
"""Send the answer a byte at a time, without an end."""


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None
    """None where only its size was kept."""
    size: int
    head: bytes = field(repr=False)


def answer(status, body=b"", headers=None):
    """An HTTP answer; dicts and lists become JSON."""
    kind = "text/html"
    if isinstance(body, dict | list):
        body, kind = json.dumps(body).encode(), "application/json"
    elif isinstance(body, str):
        body = body.encode()
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Whatever')}", f"Content-Length: {len(body)}"]
    lines += [f"Content-Type: {kind}"] if body else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Wire:
    """Answers in order, the last one for ever; `async with Wire(answers) as wire: ... wire.url`."""

    def __init__(self, *answers, keep_bodies=True):
        self.answers = list(answers)
        self.keep_bodies = keep_bodies
        self.requests: list[Request] = []
        self.connections = 0
        self.broken_off = 0
        self._tasks: set[asyncio.Task] = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc_info):
        self._server.close()
        await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except asyncio.IncompleteReadError as error:
            self.broken_off += bool(error.partial)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        size = int(headers.get("content-length", 0))
        if self.keep_bodies:
            body = await reader.readexactly(size)
        else:
            body, left = None, size
            while left:
                piece = await reader.read(min(left, 1 << 16))
                if not piece:
                    raise asyncio.IncompleteReadError(b"some", size)
                left -= len(piece)
        self.requests.append(Request(method, target, headers, body, size, head))
        now = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(now):
            now = now(self.requests[-1])
        if now is RESET:
            writer.transport.abort()
            return False
        if now is HANG:
            await asyncio.sleep(3600)
        if now is CUT:
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"id": "a", ')
            await writer.drain()
            return False
        if now is DRIP:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.write(now)
        await writer.drain()
        return True
