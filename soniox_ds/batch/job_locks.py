"""Which runs are alive: a run holds a lock file as long as its process lives, however that ends.

The operating system ends a lock with its process, so that what a killed run had claimed is free at once.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import filelock

__all__ = ["Runs"]


class Runs:
    """The runs on the journal at `path`; lock files lie beside it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._locks: dict[str, filelock.BaseFileLock] = {}

    def start(self) -> str:
        """Begin a run and return its name; raises OSError where no lock file can be made."""
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
        """Whether a run goes on, here or in another process."""
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
