"""Limits on the streams that are open at the same time and that are opened per minute.

Conventions: streams wait in order of arrival. A `SessionLimit` is not bound to an event loop, so streams of several
loops may share it. Minutes are measured by the given clock.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from soniox_ds._arguments import check_number
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import OptionsError

__all__ = ["SessionLimit", "session_limit_for", "sessions_at_once"]

SESSIONS = 10
"""Number of streams that an organisation may have open at the same time by default."""
SESSIONS_PER_MINUTE = 100
_LOOK_S = 0.05


class SessionLimit:
    """A limit on the number of streams that are open at the same time, and on the number opened in any 60 seconds.

    Make one object and pass it as ``session_limit=`` to every call that shares the limit. All calls of a process
    without `session_limit` that use the same address and key share a limit with the default numbers of the service.

    Parameters
    ----------
    sessions
        Number of streams that may be open at the same time. The default is 10. Give a higher number if you agreed on it
        with the vendor, or a lower number if several processes share the vendor's limit.
    sessions_per_minute
        Number of streams that may be opened in any 60 seconds.
    clock
        Clock of the limit. Tests pass a clock that runs faster.

    Raises
    ------
    OptionsError
        If a number is below 1, or `sessions` is not a whole number.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> limit = sx.SessionLimit(sessions=5)               # half of the ten; another process has the other half
    >>> recordings = [sx.io.samples_folder() / "market_stall.wav", sx.io.samples_folder() / "short_answer.wav"]
    >>> with sx.local_service("scripted"):
    ...     streamed = sx.stream_dataset(recordings, speed=None, session_limit=limit, progress=False)
    >>> streamed.recordings["status"].tolist(), limit.open
    (['completed', 'completed'], 0)
    """

    def __init__(
        self,
        *,
        sessions: int = SESSIONS,
        sessions_per_minute: float = SESSIONS_PER_MINUTE,
        clock: Clock | None = None,
    ) -> None:
        advice = "it is the number of streams open at once, 1 or more"
        check_number(sessions, "sessions", whole=True, least=1, advice=advice, error=OptionsError)
        advice = "it is the number of streams opened in a minute, 1 or more"
        check_number(sessions_per_minute, "sessions_per_minute", least=1, advice=advice, error=OptionsError)
        self.sessions = sessions
        self.sessions_per_minute = sessions_per_minute
        self.clock = clock or Clock()
        self.open = 0
        """Number of streams that are open now."""
        self._lock = threading.Lock()
        self._queue: deque[object] = deque()
        self._openings: deque[float] = deque()
        self._closed_until = 0.0
        _all.add(self)

    def _forget(self) -> None:
        """Start anew in a forked child, which has no streams of the parent and not the thread that held the lock."""
        self._lock = threading.Lock()
        self._queue.clear()
        self.open = 0

    @asynccontextmanager
    async def pass_through(self) -> AsyncIterator[None]:
        """Wait until a stream may be opened, and count it as open while the block runs."""
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
        """Open no streams for `wait_s` seconds, because the service refused a stream by its rate limit."""
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


_all: weakref.WeakSet[SessionLimit] = weakref.WeakSet()
_shared: dict[tuple[str, int], SessionLimit] = {}
_shared_lock = threading.Lock()


def session_limit_for(connection: Connection) -> SessionLimit:
    """Return the limit that all streams of this process with the same address and key share."""
    key = (connection.stream_url(), hash(connection.api_key))
    with _shared_lock:
        return _shared.setdefault(key, SessionLimit())


def sessions_at_once(concurrency: int | None, session_limit: SessionLimit | None) -> int:
    """Return the number of sessions that a call runs at the same time: that of its session limit, or `concurrency`.

    Further sessions would only wait while their audio is not read, and their latencies would be waiting times.

    Raises
    ------
    OptionsError
        If `concurrency` is not a number of sessions or is above the session limit, or if `session_limit` is not a
        `SessionLimit`.

    Examples
    --------
    >>> sessions_at_once(None, None), sessions_at_once(3, None), sessions_at_once(None, SessionLimit(sessions=50))
    (10, 3, 50)
    """
    if not isinstance(session_limit, SessionLimit | None):
        raise OptionsError(f"session_limit is {session_limit!r}; it is an object such as sx.SessionLimit(sessions=5)")
    most = SESSIONS if session_limit is None else session_limit.sessions
    if concurrency is None:
        return most
    advice = "it is the number of sessions at once, 1 or more"
    check_number(concurrency, "concurrency", whole=True, least=1, advice=advice, error=OptionsError)
    if concurrency > most:
        raise OptionsError(
            f"concurrency is {concurrency}, but the session limit allows {most} sessions at "
            f"once{', the default of the service' if session_limit is None else ''}; if a higher limit was agreed on "
            f"with the vendor, pass session_limit=sx.SessionLimit(sessions={concurrency})"
        )
    return concurrency


def _forget_after_fork() -> None:
    global _shared_lock
    _shared_lock = threading.Lock()
    for limit in _all:
        limit._forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
