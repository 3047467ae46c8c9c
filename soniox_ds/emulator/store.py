"""Where uploaded and downloaded audio lies: files in a temporary folder, written as they come in.

Conventions: bytes go to disk chunk by chunk, so memory does not grow with a file. A file that is deleted while a job
reads it goes when the job lets go of it. Each folder holds a lock file, which is locked as long as its process lives;
folders of processes that were killed are deleted when the next stand-in starts.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import uuid
import weakref
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import filelock

__all__ = ["AudioStore", "TooLarge"]


PREFIX = "soniox-ds-local-"
LOCK = "in-use.lock"


class TooLarge(Exception):
    """More bytes came in than a file may have."""


class AudioStore:
    """A temporary folder of audio files."""

    def __init__(self) -> None:
        _delete_stale_folders()
        self.folder, lock = _new_folder()
        self._finalizer = weakref.finalize(self, _delete, self.folder, lock, os.getpid())
        self._held: Counter[str] = Counter()
        self._dropped: set[str] = set()

    async def write(self, chunks: AsyncIterator[bytes], *, limit: int) -> tuple[str, int, str]:
        """Write chunks to a new file: its path, size in bytes and sha256; raises TooLarge, leaving nothing behind."""
        path = Path(self.folder, uuid.uuid4().hex)
        digest = hashlib.sha256()
        size = 0
        try:
            # Chunks are small and the disk is local: a thread for each would cost more than the write.
            with path.open("wb") as file:  # noqa: ASYNC230
                async for chunk in chunks:
                    size += len(chunk)
                    if size > limit:
                        raise TooLarge
                    digest.update(chunk)
                    file.write(chunk)
        except BaseException:
            path.unlink()  # noqa: ASYNC240
            raise
        return str(path), size, digest.hexdigest()

    def hold(self, path: str) -> None:
        """Keep a file until ``release``, even if it is dropped meanwhile."""
        self._held[path] += 1

    def release(self, path: str) -> None:
        """Let go of a file."""
        self._held[path] -= 1
        if not self._held[path]:
            del self._held[path]
            if path in self._dropped:
                self.drop(path)

    def drop(self, path: str) -> None:
        """Delete a file, at once or when nobody holds it any more."""
        if self._held[path]:
            self._dropped.add(path)
            return
        self._dropped.discard(path)
        Path(path).unlink(missing_ok=True)

    def close(self) -> None:
        """Delete everything."""
        self._finalizer()


def _new_folder() -> tuple[Path, filelock.BaseFileLock]:
    """Make a folder, and lock it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = filelock.FileLock(folder / LOCK, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except (filelock.Timeout, FileNotFoundError):
            continue  # another stand-in started in this moment and took the folder for a stale one
        if (folder / LOCK).exists():
            return folder, lock
        lock.release()


def _delete(folder: Path, lock: filelock.BaseFileLock, process: int) -> None:
    """Delete the folder of a stand-in, unless this is a child process that was forked meanwhile."""
    if os.getpid() == process:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)  # another stand-in that starts now may delete it, too


def _delete_stale_folders() -> None:
    """Delete folders of this user's stand-ins that were killed: nobody holds their locks."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not _is_own_folder(folder) or not (folder / LOCK).is_file():
            continue
        lock = filelock.FileLock(folder / LOCK, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except (filelock.Timeout, OSError):
            continue  # its stand-in runs, or another one deletes it right now
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)  # Windows keeps a file that is locked


def _is_own_folder(path: Path) -> bool:
    """Return True for a real folder, not a link to one, that belongs to this user."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and (not hasattr(os, "getuid") or status.st_uid == os.getuid())
