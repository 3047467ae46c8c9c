"""A line to a service that gets stuck, freezes or is slow: a TCP proxy with little room in its buffers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from urllib.parse import urlsplit

__all__ = ["BadLine"]

_ROOM_BYTES = 8 << 10
_PIECE_BYTES = 1 << 10


class _Connection:
    def __init__(self) -> None:
        self.freezes_after: int | None = None
        self.may_pass = {"up": asyncio.Event(), "down": asyncio.Event()}
        for event in self.may_pass.values():
            event.set()


class BadLine:
    """A proxy that listens on `url` and passes messages on to the given websocket address.

    Use it as a context manager. Its methods may be called from any thread.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bad line")
        self._connections: list[_Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes_per_s: float | None = None
        self.freezes_after: int | None = None
        """Bytes of the service after which each of the next `freezes` connections freezes."""
        self.freezes = 1
        self.connections = 0
        """Connections that were made."""
        self.url = ""

    def __enter__(self) -> BadLine:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *error: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def freeze(self, *directions: str) -> None:
        """Let nothing pass over the connections that are there (``"up"``, ``"down"``, or both); later ones are well."""

        async def freeze() -> None:
            for connection in self._connections:
                for direction in directions or ("up", "down"):
                    connection.may_pass[direction].clear()

        self._call(freeze())

    def thaw(self) -> None:
        """Let everything pass again that was held up."""

        async def thaw() -> None:
            for connection in self._connections:
                for event in connection.may_pass.values():
                    event.set()

        self._call(thaw())

    def throttle(self, bytes_per_s: float | None) -> None:
        """Let so many bytes of each connection pass in a second on the way up; None for all."""
        self._bytes_per_s = bytes_per_s

    def _call(self, work) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)  # before listening, or it is ignored
        listener.bind(("127.0.0.1", 0))
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=_ROOM_BYTES)
        self.url = f"ws://127.0.0.1:{listener.getsockname()[1]}{self._target.path}"

    async def _close(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        connection = _Connection()
        self._connections.append(connection)
        if self.connections <= self.freezes:
            connection.freezes_after = self.freezes_after
        with contextlib.suppress(OSError, asyncio.CancelledError):
            far_reader, far_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
            pumps = [
                asyncio.create_task(self._pump(connection, "up", reader, far_writer)),
                asyncio.create_task(self._pump(connection, "down", far_reader, writer)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                writer.close()
                far_writer.close()
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
                if task.cancelling():
                    writer.transport.abort()
                    far_writer.transport.abort()

    async def _pump(self, connection, direction, reader, writer) -> None:
        passed = 0
        while piece := await reader.read(_PIECE_BYTES):
            passed += len(piece)
            if direction == "down" and connection.freezes_after is not None and passed > connection.freezes_after:
                connection.freezes_after = None
                for event in connection.may_pass.values():
                    event.clear()
            await connection.may_pass[direction].wait()
            if direction == "up" and self._bytes_per_s is not None:
                await asyncio.sleep(len(piece) / self._bytes_per_s)
            writer.write(piece)
            await writer.drain()
