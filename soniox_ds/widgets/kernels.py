"""What a widget has to know of the kernel that it lives in.

Conventions: everything works, and says "no", where there is no kernel.
"""

from __future__ import annotations

import threading
from importlib.metadata import version
from typing import Any

__all__ = ["CellWatch", "kernel_version", "obey_front_end"]


def obey_front_end(comm: Any) -> None:
    """Let the comm's messages go where the front end sends them, also while a cell runs.

    ipykernel 7.4 answers a comm in the subshell that was the parent of the last message sent on it. For messages sent
    from a background thread that is the main shell, where they would wait for the running cell.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default


def kernel_version() -> int | None:
    """Major version of the ipykernel that this process is; None where it is none."""
    shell = _shell()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return int(version("ipykernel").split(".")[0])


class CellWatch:
    """Tells whether a cell runs: meanwhile messages of the page may have to wait."""

    def __init__(self) -> None:
        self._running = False
        shell = _shell()
        if shell is not None:
            # whoever makes the first widget does so in a cell, whose beginning was not seen
            self._running = threading.current_thread() is threading.main_thread()
            shell.events.register("pre_execute", self._begin)
            shell.events.register("post_execute", self._end)

    def is_busy(self) -> bool:
        """Whether one does."""
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
