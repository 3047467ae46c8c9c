"""A server between the package and the stand-in that passes every request on and may change what comes back."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

__all__ = ["Liar", "Told", "route_of"]

ROUTES = {
    ("POST", "files"): "upload",
    ("GET", "files"): "files",
    ("DELETE", "files"): "delete_file",
    ("POST", "transcriptions"): "create",
    ("GET", "transcriptions"): "list",
    ("DELETE", "transcriptions"): "delete_transcription",
    ("GET", "models"): "models",
}


def route_of(method: str, target: str) -> str:
    """The name of what is asked for: ``create``, ``list``, ``get``, ``transcript``, ..."""
    parts = target.partition("?")[0].strip("/").split("/")[1:]
    if len(parts) == 3 and parts[2] == "transcript":
        return "transcript"
    if len(parts) == 2 and method == "GET" and parts[0] == "transcriptions":
        return "get"
    return ROUTES.get((method, parts[0]), "other") if parts else "other"


@dataclass
class Told:
    """An answer of the stand-in, and what it was asked."""

    route: str
    status: int
    body: bytes
    asked: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def saying(self, value: Any) -> Told:
        """The same with another body."""
        return Told(self.route, self.status, json.dumps(value).encode(), self.asked, self.headers)

    def raw(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Whatever", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body


class Liar:
    """``async with Liar(service.base_url, lie) as liar: ... liar.url``; `lie` takes a `Told` and gives one, or bytes.

    `refuse` is asked first: where it gives an answer to a route, the request is not passed on.
    """

    def __init__(
        self,
        base_url: str,
        lie: Callable[[Told], Told | bytes],
        refuse: Callable[[str], Told | None] = lambda route: None,
    ) -> None:
        self._base = base_url.removesuffix("/v1")
        self.lie = lie
        self.refuse = refuse
        self.asked: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Liar:
        self._http = httpx.AsyncClient(verify=False, trust_env=False, timeout=60)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                first, *lines = head.decode("latin-1").strip().split("\r\n")
                method, target, _ = first.split(" ")
                headers = dict(line.split(": ", 1) for line in lines)
                low = {name.lower(): value for name, value in headers.items()}
                body = await reader.readexactly(int(low.get("content-length", 0)))
                kept = {name: low[name] for name in ("authorization", "content-type") if name in low}
                route = route_of(method, target)
                self.asked[route] += 1
                told: Told | bytes | None = self.refuse(route)
                if told is None:
                    real = await self._http.request(method, self._base + target, headers=kept, content=body)
                    told = self.lie(Told(route, real.status_code, real.content, body))
                writer.write(told if isinstance(told, bytes) else told.raw())
                await writer.drain()
                if isinstance(told, bytes):
                    return  # it may be anything, so nothing can follow it
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
