"""Detection of forks during imports of this package.

Conventions: a fork keeps only the thread that forks. A module that another thread was importing stays half imported and
locked for ever in the child, where every later import of it would wait for a thread that does not exist. The first call
in such a child therefore raises an error. No lock of this module is held during a fork.
"""

from __future__ import annotations

import os
import sys
import threading
from importlib import _bootstrap  # This module is private, but only it shows which threads hold the import locks.
from types import FrameType

from soniox_ds.exceptions import SetupError

__all__ = ["check_imports", "watch_forks"]

_PACKAGE = __name__.partition(".")[0]

_forking: int = 0
"""Id of the thread that forks."""
_inside: set[int] = set()
"""Ids of the other threads that were inside a call of this package when the process was forked."""
_half_imported: set[str] = set()
"""Names of the modules that such threads were importing. Empty except in a forked child."""


def watch_forks() -> None:
    """Note at each later fork which modules the child cannot import completely."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_look_at_threads, after_in_child=_look_at_locks)


def check_imports() -> None:
    """Raise SetupError in a child process in which modules stay half imported."""
    if _half_imported:
        raise SetupError(
            f"this process was forked while another thread was importing {', '.join(sorted(_half_imported))} for "
            "soniox_ds, and these imports cannot be completed. Make the first call before the process is forked, or "
            "start processes "
            'with multiprocessing.get_context("spawn")'
        )


def _look_at_threads() -> None:
    """Note in the parent, before a fork, which threads are inside this package."""
    global _forking, _inside
    _forking = threading.get_ident()
    frames = sys._current_frames()
    _inside = {thread for thread, frame in frames.items() if thread != _forking and _is_inside(frame)}


def _look_at_locks() -> None:
    """Note in the child, after a fork, which modules are locked by threads that do not exist any more."""
    locks = getattr(_bootstrap, "_module_locks", {})  # A Python without this table would hang in such a child.
    for name, reference in list(locks.items()):
        owner = getattr(reference(), "owner", None)
        if owner in (None, _forking):
            continue
        if owner in _inside or name.partition(".")[0] == _PACKAGE:
            _half_imported.add(name)


def _is_inside(frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__")).partition(".")[0] == _PACKAGE:
            return True
        frame = frame.f_back
    return False
