"""Checks of numeric arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from soniox_ds._arguments import is_number
from soniox_ds.exceptions import InputError
from soniox_ds.schema import IN_SECONDS, ask_about_seconds

__all__ = ["checked_ms", "checked_window"]

_BRIEFEST_MS = 500
"""Shortest usual window. A shorter one may have been given in seconds."""


def checked_ms(value: Any, name: str) -> int:
    """Return the value as a whole number of milliseconds, 0 or more.

    Raises
    ------
    InputError
        If the value is not a whole number, or is negative.

    Examples
    --------
    >>> checked_ms(0.25, "collar_ms")
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.InputError: collar_ms is 0.25; give whole milliseconds, 0 or more. Are these seconds? ...
    """
    if not is_number(value, whole=True, least=0):
        fraction = isinstance(value, (float, np.floating)) and value > 0 and value != round(value)
        raise InputError(
            f"{name} is {value!r}; give whole milliseconds, 0 or more.{f' {IN_SECONDS}' if fraction else ''}"
        )
    return int(value)


def checked_window(start_ms: Any, end_ms: Any, last_ms: float) -> tuple[int | None, int | None]:
    """Check the start and the end of a window of a recording, and return them as whole milliseconds.

    None means that the window has no limit on this side, and is returned unchanged. `last_ms` is the end of the
    recording.

    Raises
    ------
    InputError
        If one of them is not a whole number of milliseconds, or the window does not end after its start.

    Warns
    -----
    UserWarning
        If the window is shorter than half a second, and would lie within the recording if the numbers were seconds.

    Examples
    --------
    >>> checked_window(1500, None, 60_000)
    (1500, None)
    >>> checked_window(2.5, 30, 60_000)
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.InputError: start_ms is 2.5; give whole milliseconds, 0 or more. Are these seconds? ...
    """
    ends: list[int | None] = []
    for value, name in ((start_ms, "start_ms"), (end_ms, "end_ms")):
        if isinstance(value, (float, np.floating)) and value == np.floor(value):
            value = int(value)
        ends.append(None if value is None else checked_ms(value, name))
    start, end = ends
    if end is None:
        return start, None
    width = end - (start or 0)
    if width <= 0:
        raise InputError(
            f"from start_ms={start_ms} to end_ms={end_ms} there is nothing to show; both are in milliseconds, and the "
            f"recording ends at {last_ms:.0f}."
        )
    if width < _BRIEFEST_MS and 1000 * end <= last_ms:
        ask_about_seconds(
            f"from start_ms={start_ms} to end_ms={end_ms} are {width} ms of a recording of {last_ms:.0f} ms."
        )
    return start, end
