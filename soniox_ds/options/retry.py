"""Retries of failed requests."""

from __future__ import annotations

import math
from dataclasses import dataclass

from soniox_ds.exceptions import OptionsError

__all__ = ["Retry"]


@dataclass(frozen=True, kw_only=True)
class Retry:
    """The retries of a request after the network or the service failed.

    Parameters
    ----------
    attempts
        Largest number of requests in total, the first request included.
    wait_s
        Seconds to wait before the second request. The wait doubles with each further request, is shortened at random
        by up to half, and is five times as long after a rate limit.
    max_wait_s
        Longest wait in seconds, unless the service itself names a time (``Retry-After``).

    Raises
    ------
    OptionsError
        If a number is out of range.
    """

    attempts: int = 6
    wait_s: float = 1.0
    max_wait_s: float = 30.0

    def __post_init__(self) -> None:
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int) or self.attempts < 1:
            raise OptionsError(f"attempts is {self.attempts!r}; it is a whole number from 1 (which means: never again)")
        for name in ("wait_s", "max_wait_s"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not (0 <= value < math.inf):
                raise OptionsError(f"{name} is {value!r}; it is a number of seconds, 0 or more")
