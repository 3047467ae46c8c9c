"""Clocks for all code that waits.

Conventions: `now` counts monotonic seconds from an arbitrary start, and `utcnow` is an aware datetime in UTC. With
`speed` 100 both run a hundred times as fast and `sleep` takes a hundredth of the time, so that tests and benchmarks run
the same code as users. Network timeouts do not use the clock: they are real seconds.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

__all__ = ["Clock"]


class Clock:
    """A clock that runs `speed` times as fast as real time.

    Examples
    --------
    >>> clock = Clock(speed=1000)
    >>> before = clock.now()
    >>> asyncio.run(clock.sleep(5))  # five milliseconds of real time
    >>> clock.now() - before >= 5
    True
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not 0 < speed < float("inf"):
            raise ValueError(f"speed is {speed!r}; it is a positive number, 1.0 for real time")
        self.speed = speed
        self._start = time.monotonic()  # All processes of a machine see the same monotonic time.
        self._start_utc = datetime.now(UTC)

    def __repr__(self) -> str:
        return f"Clock(speed={self.speed})"

    def now(self) -> float:
        """Return the monotonic time in seconds."""
        return (time.monotonic() - self._start) * self.speed

    @property
    def ahead_s(self) -> float:
        """Difference between the monotonic time of the machine and `now`, in seconds of this clock. All processes of
        the machine see the same monotonic time."""
        return self._start * self.speed

    def utcnow(self) -> datetime:
        """Return the date and time in UTC."""
        return self._start_utc + timedelta(seconds=self.now())

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of this clock. For 0 or less, wait only for one turn of the event loop."""
        await asyncio.sleep(max(seconds, 0.0) / self.speed)
