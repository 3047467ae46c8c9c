"""Facts about the kernel that a widget runs in.

Conventions: without a kernel everything works, and returns False or None.
"""

from __future__ import annotations

import threading
from importlib.metadata import version
from typing import Any

__all__ = ["CellWatch", "kernel_version", "obey_front_end"]


def obey_front_end(comm: Any) -> None:
    """Route the comm's messages to the subshell that the front end asks for, also while a cell runs.

    ipykernel 7.4 answers a comm in the subshell that was the parent of the last message sent on it. For messages sent
    from a background thread that is the main shell, where they would wait for the running cell.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default


def kernel_version() -> int | None:
    """Return the major version of ipykernel; None if this process is not an ipykernel."""
    shell = _shell()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return int(version("ipykernel").split(".")[0])


class CellWatch:
    """A watch for running cells, which may delay messages of the page."""

    def __init__(self) -> None:
        self._running = False
        shell = _shell()
        if shell is not None:
            # The first widget is made in a cell, whose beginning was not seen.
            self._running = threading.current_thread() is threading.main_thread()
            shell.events.register("pre_execute", self._begin)
            shell.events.register("post_execute", self._end)

    def is_busy(self) -> bool:
        """Return True while a notebook cell is running."""
        return self._running

    def _begin(self) -> None:
        self._running = True

    def _end(self) -> None:
        self._running = False


def _shell() -> Any:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()
