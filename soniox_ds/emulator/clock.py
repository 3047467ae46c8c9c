"""Clock of the service, which may run faster than the wall clock.

Conventions: times are seconds of service time (`speed` of them pass in one second of the wall clock). Network times
(timeouts of sockets, trickling bodies) are counted in seconds of the wall clock instead. So are the timers of real-time
sessions, but these use a `ServiceClock`, so that a test can pass a clock that it moves by hand.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import TypeVar

__all__ = ["ServiceClock", "timestamp"]

Result = TypeVar("Result")


class ServiceClock:
    """A clock that begins at the wall clock's epoch seconds and runs `speed` times as fast.

    >>> ServiceClock(speed=0)
    Traceback (most recent call last):
    ...
    ValueError: speed is 0; it must be above 0 (1 is real time)
    """

    def __init__(self, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"speed is {speed}; it must be above 0 (1 is real time)")
        self.speed = speed
        self._started_s = time.time()
        self._zero = time.monotonic()

    def now(self) -> float:
        """Return the epoch seconds of service time."""
        return self._started_s + (time.monotonic() - self._zero) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Sleep for `seconds` of service time."""
        await asyncio.sleep(max(0.0, seconds) / self.speed)

    def wall(self) -> float:
        """Return seconds of the wall clock from an arbitrary start."""
        return time.monotonic()

    async def before(self, until: float, work: Awaitable[Result]) -> Result:
        """Return the result of `work`; raises TimeoutError if `wall()` reaches `until` first."""
        async with asyncio.timeout(max(0.0, until - self.wall())):
            return await work


def timestamp(epoch_s: float) -> str:
    """Write a time as ISO 8601 in UTC with milliseconds, as the service does.

    >>> timestamp(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
