"""Warnings that point to the line of the user's code.

Conventions: the work of plain functions runs on another thread, whose stack does not contain the caller. The functions
therefore keep the caller's line in a context variable, which is passed on to that thread. Awaited functions have the
caller on their stack.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any, NamedTuple

__all__ = ["remembered_caller", "warn_caller"]

_BETWEEN = (__name__.partition(".")[0], "asyncio", "concurrent", "contextlib", "threading")
"""Modules whose frames may lie between the caller and the warning."""


class _Line(NamedTuple):
    filename: str
    number: int
    module: str
    registry: dict[Any, Any]
    """Warnings that were already shown for this module."""


_caller: ContextVar[_Line | None] = ContextVar("soniox_ds_caller", default=None)


@contextmanager
def remembered_caller() -> Iterator[None]:
    """Remember the line that called into this package, for warnings of work that starts within the block."""
    token = _caller.set(_line_of_caller())
    try:
        yield
    finally:
        _caller.reset(token)


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn with the position of the line that called into this package.

    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_caller("look out", UserWarning)
    >>> str(caught[0].message)
    'look out'
    """
    line = _caller.get() or _line_of_caller()
    warnings.warn_explicit(message, category, line.filename, line.number, line.module, line.registry)


def _line_of_caller() -> _Line:
    frame: FrameType | None = sys._getframe(1)
    outermost = frame
    while frame is not None and _module(frame).partition(".")[0] in _BETWEEN:
        outermost, frame = frame, frame.f_back
    caller = frame or outermost
    assert caller is not None  # The stack always holds the frame of this function.
    registry = caller.f_globals.setdefault("__warningregistry__", {})
    return _Line(caller.f_code.co_filename, caller.f_lineno, _module(caller) or "<unknown>", registry)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__") or "")
