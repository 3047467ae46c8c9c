"""Audio in object stores, and in other file systems that fsspec reads: ``s3://``, ``gs://``, ``az://``, ``hf://``, ...

Conventions: all functions block and are called in worker threads. An object is read block by block, so that memory use
does not grow with its size.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, TypeAlias

from soniox_ds.stores.store import RangeReader, Store, StoreError

__all__ = ["AudioSource", "StoredObject", "opened"]

BLOCK_BYTES = 4 << 20
"""Number of bytes that are read from a store at once."""
_BUFFER_BYTES = 1 << 20
_VERSIONS = ("VersionId", "version_id", "generation", "ETag", "etag", "md5Hash", "content_md5", "blob_id", "xet_hash")
"""Names under which stores tell the version of an object, or a checksum of its content, the strongest first."""
_TIMES = ("LastModified", "last_modified", "updated", "mtime", "modified", "created")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a store. What is known about it is filled in by `looked_up` and by the inspection."""

    url: str
    """URL in the form that may be stored and shown."""
    store: Store = field(repr=False)
    path: str = field(repr=False)
    size_bytes: int | None = None
    version: str = ""
    """Text that changes when the object changes; empty before the store was asked."""
    sha256: str | None = None
    """SHA-256 of the content, hexadecimal; None before it is known."""

    @property
    def name(self) -> str:
        """The name of the object in messages."""
        return repr(self.url)

    @property
    def identity(self) -> str:
        """The address of the object and its version, without a signature."""
        return f"{self.url} version {self.version}"

    @property
    def fingerprint(self) -> tuple[int, int]:
        """The size in bytes and a number for the version. A cached hash is valid as long as both are the same."""
        digest = hashlib.blake2b(self.version.encode(), digest_size=8).digest()
        return self.size_bytes or 0, int.from_bytes(digest) >> 1

    def looked_up(self) -> StoredObject:
        """Return the object with its present size and version, which the store is asked for."""
        info = self.store.info(self.path)
        if info.get("type") == "directory":
            raise StoreError(
                "not_a_file", "is a folder; pass the folder itself, with a slash at its end, to transcribe its files"
            )
        size_bytes = info.get("size")
        if not isinstance(size_bytes, int):
            raise StoreError("unreadable", "cannot be read, because the store does not tell its size")
        # The Hub of Hugging Face stores large files under the SHA-256 of their content, so they are not read for it.
        large_file = info.get("lfs")
        sha256 = large_file.get("sha256") if isinstance(large_file, Mapping) else getattr(large_file, "sha256", None)
        versions = [str(info[name]) for name in _VERSIONS if info.get(name)][:2]
        versions = versions or [str(info[name]) for name in _TIMES if info.get(name)]
        return replace(self, size_bytes=size_bytes, version=" ".join([*versions, str(size_bytes)]), sha256=sha256)

    def check_unchanged(self) -> None:
        """Raise StoreError if the object has another version than when it was looked up."""
        if self.looked_up().version != self.version:
            raise _changed()

    def blocks(self) -> Iterator[bytes]:
        """Yield the content of the object. Raise StoreError, before the last block, if the content has changed."""
        size_bytes = self.size_bytes or 0
        digest = hashlib.sha256()
        for start in range(0, size_bytes, BLOCK_BYTES):
            block = self.between(start, min(start + BLOCK_BYTES, size_bytes))
            digest.update(block)
            is_last = start + BLOCK_BYTES >= size_bytes
            if is_last and self.sha256 is not None and digest.hexdigest() != self.sha256:
                raise _changed()
            yield block

    def between(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to `end`. Raise StoreError if the object has become shorter."""
        try:
            block = self.store.read(self.path, start, end)
        except StoreError as error:
            if error.error_type == "unreadable":  # Stores refuse a range behind the end of an object.
                self.check_unchanged()
            raise
        if len(block) != end - start:
            raise _changed()
        return block

    def open(self) -> BinaryIO:
        """Open the object for reading at any position."""
        return io.BufferedReader(RangeReader(self.between, self.size_bytes or 0), buffer_size=_BUFFER_BYTES)

    def signed_url(self) -> str:
        """Return a URL by which the service can fetch the object for a day. It is a secret."""
        return self.store.sign(self.path)


AudioSource: TypeAlias = Path | bytes | StoredObject
"""The audio of a recording on this machine: a file, bytes in memory, or an object of a store, which is read here."""


def opened(source: AudioSource) -> BinaryIO:
    """Open audio for reading at any position."""
    if isinstance(source, bytes):
        return io.BytesIO(source)
    return source.open() if isinstance(source, StoredObject) else open(source, "rb", buffering=1 << 16)


def _changed() -> StoreError:
    return StoreError("unreadable", "changed while it was being read; run the same call again")
