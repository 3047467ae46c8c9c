"""When to ask again."""

from __future__ import annotations

import math
from dataclasses import dataclass

from soniox_ds.exceptions import OptionsError

__all__ = ["Retry"]


@dataclass(frozen=True, kw_only=True)
class Retry:
    """When to ask again after the network or the service failed.

    Parameters
    ----------
    attempts
        Requests in all, the first included.
    wait_s
        Seconds before the second, doubled each time, less up to half by chance; five times as long after a rate limit.
    max_wait_s
        Never longer than this, unless the service itself names a time (``Retry-After``).

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
