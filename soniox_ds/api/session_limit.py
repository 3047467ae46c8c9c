"""How many streams may be open, and how many may be opened in a minute: one gate for all of a process.

Conventions: waiting is first come, first served. A gate knows no event loop: streams of several loops may pass it.
Minutes are those of the clock that is handed in.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import OptionsError

__all__ = ["StreamGate", "gate_for", "sessions_at_once"]

SESSIONS = 10
"""Streams of an organisation at once, by default."""
SESSIONS_PER_MINUTE = 100
_LOOK_S = 0.05


class StreamGate:
    """Lets at most `sessions` streams be open, and `sessions_per_minute` be opened in any 60 seconds.

    Make one, and hand the same one to every call that is to share it (``gate=``): calls without one share the gate of
    their process, which keeps to what the service allows by default.

    Parameters
    ----------
    sessions
        Streams open at once: 10, unless more were agreed on with the vendor, or fewer where several processes share
        them.
    sessions_per_minute
        Streams opened in any 60 seconds.
    clock
        For tests: time that runs faster.

    Raises
    ------
    OptionsError
        If a number is below 1, or `sessions` is not a whole one.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> gate = sx.StreamGate(sessions=5)                # half of the ten; another process has the other half
    >>> recordings = ["data/samples/market_stall.wav", "data/samples/short_answer.wav"]
    >>> with sx.local_service("scripted"):
    ...     streamed = sx.stream_dataset(recordings, speed=None, gate=gate, progress=False,
    ...                                  journal=getfixture("tmp_path") / "journal.sqlite")
    >>> streamed.recordings["status"].tolist(), gate.open
    (['completed', 'completed'], 0)
    """

    def __init__(
        self,
        *,
        sessions: int = SESSIONS,
        sessions_per_minute: float = SESSIONS_PER_MINUTE,
        clock: Clock | None = None,
    ) -> None:
        if isinstance(sessions, bool) or not isinstance(sessions, int) or sessions < 1:
            raise OptionsError(f"sessions is {sessions!r}; it is the number of streams open at once, 1 or more")
        if (
            isinstance(sessions_per_minute, bool)
            or not isinstance(sessions_per_minute, int | float)
            or not sessions_per_minute >= 1
        ):
            raise OptionsError(
                f"sessions_per_minute is {sessions_per_minute!r}; it is the number of streams opened in a minute, 1 or "
                "more"
            )
        self.sessions = sessions
        self.sessions_per_minute = sessions_per_minute
        self.clock = clock or Clock()
        self.open = 0
        """Streams that are open now."""
        self._lock = threading.Lock()
        self._queue: deque[object] = deque()
        self._openings: deque[float] = deque()
        self._closed_until = 0.0
        _all.add(self)

    def _forget(self) -> None:
        """Begin anew in a forked child, where the streams of the parent are not, nor the thread that held the lock."""
        self._lock = threading.Lock()
        self._queue.clear()
        self.open = 0

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


_all: weakref.WeakSet[StreamGate] = weakref.WeakSet()
_gates: dict[tuple[str, int], StreamGate] = {}
_gates_lock = threading.Lock()


def gate_for(connection: Connection) -> StreamGate:
    """The gate that all streams of this process with the same address and key share."""
    place = (connection.stream_url(), hash(connection.api_key))
    with _gates_lock:
        return _gates.setdefault(place, StreamGate())


def sessions_at_once(concurrency: int | None, gate: StreamGate | None) -> int:
    """How many sessions a call runs at once: as many as its gate lets be open, or fewer where the caller says so.

    More could only wait at the gate, with audio that nobody takes: their latencies would be those of waiting.

    Raises
    ------
    OptionsError
        If `concurrency` is no number of sessions, or above what the gate lets be open; if `gate` is none.

    Examples
    --------
    >>> sessions_at_once(None, None), sessions_at_once(3, None), sessions_at_once(None, StreamGate(sessions=50))
    (10, 3, 50)
    """
    if not isinstance(gate, StreamGate | None):
        raise OptionsError(f"gate is {gate!r}; it is an object such as sx.StreamGate(sessions=5)")
    most = SESSIONS if gate is None else gate.sessions
    if concurrency is None:
        return most
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise OptionsError(f"concurrency is {concurrency!r}; it is the number of sessions at once, 1 or more")
    if concurrency > most:
        raise OptionsError(
            f"concurrency is {concurrency}, but the gate lets {most} sessions be open at once"
            f"{', as the service does by default' if gate is None else ''}; where more were agreed on with the vendor, "
            f"pass gate=sx.StreamGate(sessions={concurrency})"
        )
    return concurrency


def _forget_after_fork() -> None:
    global _gates_lock
    _gates_lock = threading.Lock()
    for gate in _all:
        gate._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
