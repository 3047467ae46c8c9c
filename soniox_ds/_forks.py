"""Forks while another thread imports something for this package.

Conventions: a fork takes along one thread alone. A module that another thread was importing stays half imported in the
child, and locked for ever: whoever needs it waits for a thread that is not there. The first call in such a child
therefore raises an error that says so. No lock is held during a fork, since locks of others are.
"""

from __future__ import annotations

import os
import sys
import threading
from importlib import _bootstrap  # private, but there is no other way to see who holds their locks
from types import FrameType

from soniox_ds.exceptions import SetupError

__all__ = ["check_imports", "watch_forks"]

_PACKAGE = __name__.partition(".")[0]

_forking: int = 0
"""The thread that forks."""
_inside: set[int] = set()
"""Other threads that were inside a call of this package when the process was forked."""
_half_imported: set[str] = set()
"""In a child: modules that such a thread was importing."""


def watch_forks() -> None:
    """From now on note at each fork which modules the child cannot complete."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_look_at_threads, after_in_child=_look_at_locks)


def check_imports() -> None:
    """Raise SetupError in a process whose modules cannot be completed."""
    if _half_imported:
        raise SetupError(
            f"this process was forked while another thread was importing {', '.join(sorted(_half_imported))} for "
            "soniox_ds, and cannot complete that. Make the first call before the process is forked, or start processes "
            'with multiprocessing.get_context("spawn")'
        )


def _look_at_threads() -> None:
    """Before a fork, in the parent: note which threads are inside this package."""
    global _forking, _inside
    _forking = threading.get_ident()
    frames = sys._current_frames()
    _inside = {thread for thread, frame in frames.items() if thread != _forking and _is_inside(frame)}


def _look_at_locks() -> None:
    """After a fork, in the child: note which modules are locked by threads that are not here any more."""
    locks = getattr(_bootstrap, "_module_locks", {})  # a Python that has no such table hangs, as all did
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
