"""Whose line a warning is about: that of the person who called, not one in here.

Conventions: work of the plain functions runs on another thread, whose stack knows nothing of the caller; so they
remember the caller's line in a context variable, which travels along. Awaited functions have the caller on their stack.
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
"""Modules that stand between a caller and the work."""


class _Line(NamedTuple):
    filename: str
    number: int
    module: str
    registry: dict[Any, Any]  # of the warnings that this module was told already


_caller: ContextVar[_Line | None] = ContextVar("soniox_ds_caller", default=None)


@contextmanager
def remembered_caller() -> Iterator[None]:
    """Remember the line that called into this package, for warnings of what is started meanwhile."""
    token = _caller.set(_line_of_caller())
    try:
        yield
    finally:
        _caller.reset(token)


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn as if the line had done it that called into this package.

    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     warn_caller("look out", UserWarning)
    >>> str(told[0].message)
    'look out'
    """
    line = _caller.get() or _line_of_caller()
    warnings.warn_explicit(message, category, line.filename, line.number, line.module, line.registry)


def _line_of_caller() -> _Line:
    frame: FrameType | None = sys._getframe(1)
    outermost = frame
    while frame is not None and _module(frame).partition(".")[0] in _BETWEEN:
        outermost, frame = frame, frame.f_back
    found = frame or outermost
    assert found is not None  # there is always this function's own
    registry = found.f_globals.setdefault("__warningregistry__", {})
    return _Line(found.f_code.co_filename, found.f_lineno, _module(found) or "<unknown>", registry)


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__") or "")
