"""A folder of a store as a file system of fsspec, for libraries that read through fsspec.

In contrast to fsspec's own file system for the store, failed reads are repeated, errors do not show credentials, and
only few bytes are read beyond those that are requested.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, BinaryIO

from fsspec import AbstractFileSystem

from soniox_ds.stores.paths import StorePath

__all__ = ["FolderFileSystem"]

_BUFFER_BYTES = 1 << 18


class FolderFileSystem(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """A read-only file system of the objects below one folder."""

    protocol = "sxds"
    cachable = False

    def __init__(self, folder: StorePath) -> None:
        super().__init__()
        self._folder = folder

    def location(self, path: StorePath) -> str:
        """Return the URL in this file system of a path below the folder."""
        return f"{self.protocol}://{path.relative_to(self._folder)}"

    def open(self, path: str, mode: str = "rb", **_: Any) -> BinaryIO:
        if mode != "rb":
            raise NotImplementedError("the file system is for reading")
        return self._path(path).open(_BUFFER_BYTES)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        stored = self._path(path)
        return {"name": path, "size": int(stored.store.info(stored.path)["size"]), "type": "file"}

    def glob(self, path: str, **_: Any) -> list[str]:
        return [path]  # Callers name single files. Their names may contain characters of patterns.

    def modified(self, _: str) -> datetime:
        return datetime.fromtimestamp(0, UTC)  # Each query opens the files anew, so that nothing is kept by time.

    def _path(self, path: str) -> StorePath:
        return self._folder / path.removeprefix(f"{self.protocol}://")
