"""Limits of the service, and sliding windows that count requests.

Conventions: a refused request is not counted, so that a client that keeps asking while it is refused is admitted 60
seconds after the request that filled the window, not later. ``None`` switches a limit off.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Limits", "RateWindow"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The documented limits. The limit of requests per minute is unpublished; about 500 were observed."""

    requests_per_minute: int | None = 500
    files: int = 1_000
    storage_bytes: int = 10_000_000_000
    file_bytes: int = 524_288_000
    transcriptions: int = 2_000
    pending: int = 100
    duration_ms: int = 300 * 60_000
    retention_s: float = 30 * 86_400
    context_chars: int = 10_000
    sessions: int = 10
    sessions_per_minute: int | None = 100
    open_connections: int = 50
    start_s: float = 10
    """Wall-clock seconds in which a websocket must send its start message."""
    usage_lag_s: float = 0
    """Seconds after the end of a request in which its usage log is not visible yet."""
    idle_s: float = 20
    """Longest wall-clock seconds of a websocket without audio or keepalive."""


class RateWindow:
    """A window that admits at most `limit` requests in any `window_s` seconds.

    >>> clock = iter([0, 1, 2, 60, 61])
    >>> window = RateWindow(2, now=lambda: next(clock))
    >>> [window.admit() for _ in range(5)]
    [True, True, False, True, True]
    """

    def __init__(self, limit: int | None, *, now: Callable[[], float], window_s: float = 60.0) -> None:
        self.limit = limit
        self._now = now
        self._window_s = window_s
        self._admitted: deque[float] = deque()

    def admit(self) -> bool:
        """Count this request and return True if it is admitted. Refused requests are not counted."""
        if self.limit is None:
            return True
        now = self._now()
        while self._admitted and self._admitted[0] <= now - self._window_s:
            self._admitted.popleft()
        if len(self._admitted) >= self.limit:
            return False
        self._admitted.append(now)
        return True

    def wait_s(self) -> int:
        """Return the whole seconds until a request would be admitted."""
        if self.limit is None or len(self._admitted) < self.limit:
            return 0
        return max(0, math.ceil(self._admitted[0] + self._window_s - self._now()))
