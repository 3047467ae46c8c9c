"""Time for tests that no stalling machine can upset.

A clock that only runs fast turns a second in which the machine stalls into minutes of patience that are over. A
`SteadyClock` goes on by a short step at most between two looks at it, and whoever sleeps looks often: what does not get
round to working has no time pass by. A `HandMovedClock` moves when the test says so.
"""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime

from soniox_ds.emulator.clock import ServiceClock

__all__ = ["HandMovedClock", "SteadyClock"]

LONGEST_STEP_S = 0.05
"""On the wall."""


class SteadyClock(ServiceClock):
    """The clock of the stand-in (`local_service(clock=)`) and of its clients. It may be used from any thread."""

    def __init__(self, speed: float = 1.0) -> None:
        super().__init__(speed)
        self._lock = threading.Lock()
        self._looked_at_s = time.monotonic()
        self._now_s = time.time()

    def now(self) -> float:
        with self._lock:
            wall_s = time.monotonic()
            self._now_s += min(wall_s - self._looked_at_s, LONGEST_STEP_S) * self.speed
            self._looked_at_s = wall_s
            return self._now_s

    def utcnow(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    async def sleep(self, seconds: float) -> None:
        until_s = self.now() + seconds
        await asyncio.sleep(0)
        while (left_s := until_s - self.now()) > 0:  # noqa: ASYNC110  # nothing tells that time has passed
            await asyncio.sleep(min(left_s / self.speed, LONGEST_STEP_S / 2))


class HandMovedClock(ServiceClock):
    """Service time that stands still but for `move`; who sleeps sleeps by the wall."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = time.time()

    def now(self) -> float:
        return self._now_s

    def move(self, seconds: float) -> None:
        """Let so much service time pass."""
        self._now_s += seconds
