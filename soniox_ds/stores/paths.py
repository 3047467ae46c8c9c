"""Paths in stores, with the methods of `pathlib.Path` that readers and writers of folders need.

Conventions: errors of the store are raised as `StoreError`. ``str(path)`` is the URL without credentials.
"""

from __future__ import annotations

import fnmatch
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, BinaryIO, TypeAlias, TypeVar

from soniox_ds.exceptions import InputError
from soniox_ds.stores.store import RangeReader, Store, StoreError, Stores, public_store_url

__all__ = ["AnyPath", "StorePath", "files_below", "folder_path", "map_in_threads", "writing_store"]

_THREADS = 16
"""Largest number of simultaneous requests to a store."""
_LOCAL = ("file", "local")

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True, order=True)
class StorePath:
    """The path of a folder or an object of a store."""

    url: str
    path: str = field(repr=False)
    """The path within the store."""
    store: Store = field(repr=False, compare=False)
    listing: Mapping[str, int] | None = field(default=None, repr=False, compare=False)
    """The sizes in bytes, by path, of all files below a parent folder for which `listed` was called; None if it was
    not."""

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, other: str | PurePath) -> StorePath:
        relative = PurePosixPath(other).as_posix()
        return replace(self, url=f"{self.url}/{relative}", path=f"{self.path}/{relative}")

    @property
    def name(self) -> str:
        """The last component of the path."""
        return self.path.rpartition("/")[2]

    def listed(self) -> StorePath:
        """Return the same path with a list of all files below it.

        Paths that are made from it look into this list instead of asking the store.
        """
        return replace(self, listing=self.store.sizes(self.path))

    def relative_to(self, other: StorePath) -> PurePosixPath:
        """Return this path relative to a folder above it."""
        return PurePosixPath(self.path).relative_to(other.path)

    def exists(self) -> bool:
        """Return True if there is a folder or an object with this path."""
        if self.listing is not None:
            return self.path in self.listing or self.is_dir()
        return self.store.has(self.path)

    def is_file(self) -> bool:
        """Return True if there is an object with this path."""
        return self.path in self.listing if self.listing is not None else self.exists() and not self.is_dir()

    def is_dir(self) -> bool:
        """Return True if there are objects below this path."""
        listing = self.store.sizes(self.path) if self.listing is None else self.listing
        return any(path.startswith(f"{self.path}/") for path in listing)

    def rglob(self, pattern: str) -> list[StorePath]:
        """Return the objects below this folder, at any depth, whose names match the pattern, sorted."""
        below = f"{self.path}/"
        listing = self.store.sizes(self.path) if self.listing is None else self.listing
        return [
            self / path.removeprefix(below)
            for path in sorted(listing)
            if path.startswith(below) and fnmatch.fnmatchcase(path.rpartition("/")[2], pattern)
        ]

    def read_bytes(self) -> bytes:
        """Return the content of the object."""
        return self.store.read_all(self.path)

    def read_end(self, n_bytes: int) -> bytes:
        """Return the last `n_bytes` bytes of the object."""
        return self.store.read_end(self.path, n_bytes)

    def write_bytes(self, content: bytes) -> None:
        """Write the object as a whole. An existing object is replaced."""
        self.store.write(self.path, content)

    def unlink(self, *, missing_ok: bool = False) -> None:
        """Delete the object. A missing object is no error, whatever `missing_ok` is."""
        self.store.delete(self.path)

    def open(self, buffer_bytes: int = 1 << 20) -> BinaryIO:
        """Open the object for reading at any position."""
        size = int(self.store.info(self.path)["size"])
        return io.BufferedReader(
            RangeReader(lambda start, end: self.store.read(self.path, start, end), size), buffer_size=buffer_bytes
        )


AnyPath: TypeAlias = Path | StorePath
"""A path on this machine or in a store."""


def folder_path(folder: Any, storage_options: Mapping[str, Any] | None = None) -> AnyPath:
    """Return the path of a folder that is given as a path or as a URL of fsspec.

    Raises
    ------
    InputError
        If the URL or the storage options cannot be used, or if `storage_options` are given for a folder on this
        machine.
    SetupError
        If the package for the file system is not installed.

    Examples
    --------
    >>> folder_path("memory://corpora/calls/")
    StorePath(url='memory://corpora/calls')
    """
    stores = Stores(storage_options)
    if isinstance(folder, StorePath):
        return folder
    is_url = isinstance(folder, str) and "://" in folder
    if is_url and folder.partition("://")[0].lower() not in _LOCAL:
        try:
            store, path = stores.open(folder)
        except ValueError as error:
            raise InputError(f"{error}.") from error
        return StorePath(public_store_url(folder).rstrip("/"), path.rstrip("/"), store)
    if storage_options:
        raise InputError(f"storage_options are for folders in stores (s3://, gs://, ...), but the folder is {folder}.")
    if is_url:
        from fsspec.implementations.local import LocalFileSystem  # fsspec is slow to import.

        return Path(LocalFileSystem._strip_protocol(folder))
    return Path(folder)


def files_below(folder: AnyPath, pattern: str) -> list[PurePath]:
    """Return the relative paths of all files below a folder whose names match the pattern, sorted."""
    if isinstance(folder, Path):
        return sorted(path.relative_to(folder) for path in folder.rglob(pattern))
    return sorted(path.relative_to(folder) for path in folder.rglob(pattern))


@contextmanager
def writing_store(path: AnyPath) -> Iterator[None]:
    """Turn a StoreError into an InputError that names the path which could not be written."""
    try:
        yield
    except StoreError as error:
        raise InputError(f"{path} cannot be written: the store says that it {str(error).rstrip('.')}.") from error


def map_in_threads(function: Callable[[S], T], items: Iterable[S], folder: AnyPath) -> list[T]:
    """Return the result of a function for each item of a folder.

    For a folder in a store, several items are handled at the same time.
    """
    if isinstance(folder, Path):
        return [function(item) for item in items]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(function, items))
