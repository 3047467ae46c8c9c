"""Lock files that show which runs are alive.

A run holds a lock on its file. The operating system releases the lock when the process ends, however it ends, so that
the jobs of a killed run are free at once.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import filelock

__all__ = ["Runs"]


class Runs:
    """The runs on the journal at `path`. Their lock files lie beside the journal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._locks: dict[str, filelock.BaseFileLock] = {}

    def start(self) -> str:
        """Begin a run and return its name. Raises OSError if no lock file can be made."""
        name = secrets.token_hex(6)
        lock = filelock.FileLock(self._lock_path(name), thread_local=False)
        lock.acquire(timeout=0)
        self._locks[name] = lock
        return name

    def end(self, name: str) -> None:
        """End a run of this process."""
        if (lock := self._locks.pop(name, None)) is not None:
            lock.release()
            self._lock_path(name).unlink(missing_ok=True)

    def end_all(self) -> None:
        """End every run of this process."""
        for name in list(self._locks):
            self.end(name)

    def alive(self, name: str) -> bool:
        """Return True if a run is still alive, in this process or in another one."""
        if name in self._locks:
            return True
        path = self._lock_path(name)
        if not path.exists():
            return False
        probe = filelock.FileLock(path, thread_local=False)
        try:
            probe.acquire(timeout=0)
        except filelock.Timeout:
            return True
        probe.release()
        path.unlink(missing_ok=True)
        return False

    def _lock_path(self, name: str) -> Path:
        return self._path.with_name(f"{self._path.name}.run-{name}.lock")
