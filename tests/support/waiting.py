"""Waiting for what nothing tells of: until it is so, with a limit that only ends a hang."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["PATIENCE_S", "until", "until_async"]

PATIENCE_S = 120.0
"""For what takes well below a second where nothing stalls."""

LOOK_AGAIN_S = 0.002

T = TypeVar("T")


def until(look: Callable[[], T]) -> T:
    """Look again and again until there is something to see, and return it."""
    end_s = time.monotonic() + PATIENCE_S
    while not (seen := look()):
        _check(end_s)
        time.sleep(LOOK_AGAIN_S)
    return seen


async def until_async(look: Callable[[], T]) -> T:
    """The same for a test that is a coroutine: the event loop turns meanwhile."""
    end_s = time.monotonic() + PATIENCE_S
    while not (seen := look()):
        _check(end_s)
        await asyncio.sleep(LOOK_AGAIN_S)
    return seen


def _check(end_s: float) -> None:
    if time.monotonic() > end_s:
        raise TimeoutError(f"nothing to see for {PATIENCE_S:.0f} s")
