"""An event loop whose time jumps: nothing waits, everything happens in the order in which it would.

When no callback is ready, the loop's time moves straight to the next timer. `asyncio.sleep` of an hour takes no time,
and a run gives the same result on every machine. Only for code without sockets and threads.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from soniox_ds.api.clock import Clock

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("every task waits for another one: a wake-up was lost")
        self.now_s += max(timeout, 0.0)
        return super().select(0)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.virtual = _JumpingSelector()
        super().__init__(self.virtual)

    def time(self) -> float:
        return self.virtual.now_s


class VirtualClock(Clock):
    """The time of the running virtual loop."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def utcnow(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))


def run_virtual(main: Callable[[VirtualClock], Awaitable[T]]) -> T:
    """Run `main(clock)` from time 0; a deadlock raises RuntimeError."""

    async def start() -> T:
        return await main(VirtualClock())

    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(start())
