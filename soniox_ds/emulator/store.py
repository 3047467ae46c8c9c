"""Where uploaded and downloaded audio lies: files in a temporary folder, written as they come in.

Conventions: bytes go to disk chunk by chunk, so memory does not grow with a file. A file that is deleted while a job
reads it goes when the job lets go of it.
"""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

__all__ = ["AudioStore", "TooLarge"]


class TooLarge(Exception):
    """More bytes came in than a file may have."""


class AudioStore:
    """A temporary folder of audio files."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="soniox-ds-local-")
        self._held: Counter[str] = Counter()
        self._dropped: set[str] = set()

    async def write(self, chunks: AsyncIterator[bytes], *, limit: int) -> tuple[str, int, str]:
        """Write chunks to a new file: its path, size in bytes and sha256; raises TooLarge, leaving nothing behind."""
        path = Path(self._folder.name, uuid.uuid4().hex)
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
        self._folder.cleanup()
