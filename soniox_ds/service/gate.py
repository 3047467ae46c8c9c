"""How many streams may be open, and how many may be opened in a minute: one gate for all of a process.

Conventions: waiting is first come, first served. A gate knows no event loop: streams of several loops may pass it.
Minutes are those of the clock that is handed in.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from soniox_ds.service.clock import Clock
from soniox_ds.service.connection import Connection

__all__ = ["StreamGate", "gate_for"]

SESSIONS = 10
"""Streams of an organisation at once, by default."""
SESSIONS_PER_MINUTE = 100
_LOOK_S = 0.05


class StreamGate:
    """Lets at most `sessions` streams be open, and `sessions_per_minute` be opened in any 60 seconds.

    Examples
    --------
    >>> import asyncio
    >>> async def open_two(gate):
    ...     async with gate.pass_through():
    ...         return gate.open
    >>> asyncio.run(open_two(StreamGate(sessions=1)))
    1
    """

    def __init__(
        self,
        *,
        sessions: int = SESSIONS,
        sessions_per_minute: float = SESSIONS_PER_MINUTE,
        clock: Clock | None = None,
    ) -> None:
        if sessions < 1 or sessions_per_minute < 1:
            raise ValueError(f"sessions ({sessions}) and sessions_per_minute ({sessions_per_minute}) are 1 or more")
        self.sessions = sessions
        self.sessions_per_minute = sessions_per_minute
        self.clock = clock or Clock()
        self.open = 0
        """Streams that are open now."""
        self._lock = threading.Lock()
        self._queue: deque[object] = deque()
        self._openings: deque[float] = deque()
        self._closed_until = 0.0

    @asynccontextmanager
    async def pass_through(self) -> AsyncIterator[None]:
        """Wait for room, and hold it while the block runs."""
        ticket = object()
        with self._lock:
            self._queue.append(ticket)
        try:
            while not self._enter(ticket):
                await self.clock.sleep(_LOOK_S * self.clock.speed)
        except BaseException:
            with self._lock:
                if ticket in self._queue:
                    self._queue.remove(ticket)
            raise
        try:
            yield
        finally:
            with self._lock:
                self.open -= 1

    def slow_down(self, wait_s: float) -> None:
        """The service refused a stream by rate: open none for so long."""
        with self._lock:
            self._closed_until = max(self._closed_until, self.clock.now() + wait_s)

    def _enter(self, ticket: object) -> bool:
        with self._lock:
            now = self.clock.now()
            while self._openings and self._openings[0] <= now - 60:
                self._openings.popleft()
            if (
                self._queue[0] is not ticket
                or self.open >= self.sessions
                or len(self._openings) >= self.sessions_per_minute
                or now < self._closed_until
            ):
                return False
            self._queue.popleft()
            self._openings.append(now)
            self.open += 1
            return True


_gates: dict[tuple[str, int], StreamGate] = {}
_gates_lock = threading.Lock()


def gate_for(connection: Connection) -> StreamGate:
    """The gate that all streams of this process with the same address and key share."""
    place = (connection.stream_url(), hash(connection.api_key))
    with _gates_lock:
        return _gates.setdefault(place, StreamGate())
