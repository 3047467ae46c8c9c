"""Numbers that callers hand in."""

from __future__ import annotations

from typing import Any

import numpy as np

from soniox_ds.errors import InputError
from soniox_ds.schema import IN_SECONDS

__all__ = ["checked_ms"]


def checked_ms(value: Any, name: str) -> int:
    """A whole number of milliseconds, 0 or more.

    >>> checked_ms(0.25, "collar_ms")
    Traceback (most recent call last):
    ...
    soniox_ds.errors.InputError: collar_ms is 0.25; give whole milliseconds, 0 or more. Are these seconds? ...
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        fraction = isinstance(value, (float, np.floating)) and value > 0 and value != round(value)
        raise InputError(
            f"{name} is {value!r}; give whole milliseconds, 0 or more.{f' {IN_SECONDS}' if fraction else ''}"
        )
    return int(value)
