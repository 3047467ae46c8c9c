"""Storage of uploaded and downloaded audio in a temporary folder.

Conventions: bytes are written chunk by chunk, so that memory does not grow with a file. A file that is deleted while a
job reads it is removed when the job releases it. Each folder has a lock file, which is locked as long as its process
lives; folders of processes that were killed are deleted when the next stand-in starts.
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
    """More bytes arrived than a file may have."""


class AudioStore:
    """A temporary folder of audio files."""

    def __init__(self) -> None:
        _delete_stale_folders()
        self.folder, lock = _new_folder()
        self._finalizer = weakref.finalize(self, _delete, self.folder, lock, os.getpid())
        self._held: Counter[str] = Counter()
        self._dropped: set[str] = set()

    async def write(self, chunks: AsyncIterator[bytes], *, limit: int) -> tuple[str, int, str]:
        """Write chunks to a new file; returns path, size in bytes and sha256. Raises TooLarge, and removes the file."""
        path = Path(self.folder, uuid.uuid4().hex)
        digest = hashlib.sha256()
        size = 0
        try:
            # Chunks are small and the disk is local: a thread for each chunk would cost more than the write.
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
        """Release a file that was held."""
        self._held[path] -= 1
        if not self._held[path]:
            del self._held[path]
            if path in self._dropped:
                self.drop(path)

    def drop(self, path: str) -> None:
        """Delete a file, at once or when it is released."""
        if self._held[path]:
            self._dropped.add(path)
            return
        self._dropped.discard(path)
        Path(path).unlink(missing_ok=True)

    def close(self) -> None:
        """Delete the folder."""
        self._finalizer()


def _new_folder() -> tuple[Path, filelock.BaseFileLock]:
    """Create a folder, and lock it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = filelock.FileLock(folder / LOCK, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except (filelock.Timeout, FileNotFoundError):
            continue  # another stand-in that just started has deleted the folder as stale
        if (folder / LOCK).exists():
            return folder, lock
        lock.release()


def _delete(folder: Path, lock: filelock.BaseFileLock, process: int) -> None:
    """Delete the folder of a stand-in, unless this is a child process that was forked meanwhile."""
    if os.getpid() == process:
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)  # a stand-in that starts now may delete it, too


def _delete_stale_folders() -> None:
    """Delete the folders of this user's stand-ins that were killed. No process has locked them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not _is_own_folder(folder) or not (folder / LOCK).is_file():
            continue
        lock = filelock.FileLock(folder / LOCK, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except (filelock.Timeout, OSError):
            continue  # its stand-in is running, or another one is deleting it
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        shutil.rmtree(folder, ignore_errors=True)  # Windows does not delete a locked file


def _is_own_folder(path: Path) -> bool:
    """Return True for a real folder, not a link to one, that belongs to this user."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and (not hasattr(os, "getuid") or status.st_uid == os.getuid())
