"""Multipart bodies of uploads, streamed from disk or from a store.

Conventions: the length is known before the first byte is sent, so that no chunked encoding is needed. A small file is
read in one go when the body is made, in a worker thread. A larger file is read in worker threads, one piece at a time,
so that memory use does not grow with it and a slow disk does not hold up other requests. A body that cannot be
completed is broken off before its end, so that the service never takes it for complete.
"""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
import secrets
import stat
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Protocol

import httpx

from soniox_ds.exceptions import SourceError

__all__ = ["AudioInBlocks", "UploadBody", "safe_filename"]

PIECE_BYTES = 256 * 1024

LONGEST_FILENAME = 255

# These characters are escaped as in the living standard of HTML and in the official SDK.
_ESCAPED = re.compile(r'["\\\x00-\x1f\x7f]')


def safe_filename(name: str) -> str:
    r"""Return a file name for the service: valid Unicode, at most 255 characters, with the extension kept.

    Examples
    --------
    >>> safe_filename("a" * 300 + ".wav")[-8:], len(safe_filename("a" * 300 + ".wav"))
    ('aaaa.wav', 255)
    >>> safe_filename("caf\udce9.wav")  # bytes on disk that are not UTF-8
    'caf\ufffd.wav'
    """
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if len(name) > LONGEST_FILENAME:
        stem, ending = os.path.splitext(name)
        ending = ending[:16]
        name = stem[: LONGEST_FILENAME - len(ending)] + ending
    return name or "upload.bin"


class AudioInBlocks(Protocol):
    """Audio that is neither a file nor in memory, such as an object in a store."""

    @property
    def name(self) -> str:
        """The name in messages."""

    @property
    def size_bytes(self) -> int | None:
        """The size, which must be known."""

    def blocks(self) -> Iterator[bytes]:
        """Yield the content. Raises OSError, before the last block, if it cannot be read or has changed."""


class UploadBody(httpx.AsyncByteStream):
    """The multipart form of one upload: the reference id, if there is one, and then the file.

    Parameters
    ----------
    source
        A path, the bytes themselves, or audio that is read block by block.
    filename
        Name of the file, as `safe_filename` returns it.
    client_reference_id
        Reference id, which is sent as a part of its own; None to send none.
    on_progress
        Function that is called with the sent bytes of the file and its total bytes after each piece.

    Raises
    ------
    SourceError
        During the upload, if the file cannot be read or changed since it was opened.
    """

    def __init__(
        self,
        source: Path | bytes | AudioInBlocks,
        *,
        filename: str,
        client_reference_id: str | None,
        on_progress: Callable[[int, int], object] | None = None,
    ) -> None:
        self._source = source
        self._on_progress = on_progress
        self.when_sent: Callable[[], object] | None = None
        """Function that is called when the whole body was handed to the network."""
        self._file: _File | None = None
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        head = ""
        if client_reference_id is not None:
            head = (
                f'--{boundary}\r\nContent-Disposition: form-data; name="client_reference_id"\r\n\r\n'
                f"{client_reference_id}\r\n"
            )
        kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"
        head += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{_escaped(filename)}"\r\n'
            f"Content-Type: {kind}\r\n\r\n"
        )
        self._head = head.encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._stat = _stat(source) if isinstance(source, Path) else None
        if isinstance(source, Path):
            self.size_bytes = _stat(source).st_size
            if self.size_bytes <= PIECE_BYTES:
                self._source = self._read_at_once(source)
        else:
            self.size_bytes = len(source) if isinstance(source, bytes) else source.size_bytes or 0
        self.content_length = len(self._head) + self.size_bytes + len(self._tail)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._head
        if isinstance(self._source, bytes):
            pieces = self._pieces_of_bytes(self._source)
        elif isinstance(self._source, Path):
            pieces = self._pieces_of_file(self._source)
        else:
            pieces = self._pieces_of_blocks(self._source)
        sent = 0
        async for piece in pieces:
            yield piece
            sent += len(piece)
            if self._on_progress is not None:
                self._on_progress(sent, self.size_bytes)
        yield self._tail
        if self.when_sent is not None:
            self.when_sent()

    async def _pieces_of_bytes(self, source: bytes) -> AsyncIterator[bytes]:
        whole = memoryview(source)
        for start in range(0, len(whole), PIECE_BYTES):
            yield bytes(whole[start : start + PIECE_BYTES])

    async def _pieces_of_blocks(self, source: AudioInBlocks) -> AsyncIterator[bytes]:
        blocks = source.blocks()
        while True:
            try:
                block = await asyncio.to_thread(next, blocks, None)
            except OSError as error:
                raise SourceError(f"{source.name} {error}") from None
            if block is None:
                return
            yield block

    async def _pieces_of_file(self, path: Path) -> AsyncIterator[bytes]:
        self._file = file = await asyncio.to_thread(_File, path)
        left = self.size_bytes
        while left:
            piece = await asyncio.to_thread(file.read, min(left, PIECE_BYTES))
            if not piece:
                raise self._ended_short(path, left)
            left -= len(piece)
            yield piece
        self._check_unchanged(path)

    def _read_at_once(self, path: Path) -> bytes:
        """Return the content of a small file, which saves several changes of the thread for each upload."""
        file = _File(path)
        try:
            content = b""
            while piece := file.read(self.size_bytes - len(content)):
                content += piece
        finally:
            file.close()
        if len(content) < self.size_bytes:
            raise self._ended_short(path, self.size_bytes - len(content))
        self._check_unchanged(path)
        return content

    def _ended_short(self, path: Path, left: int) -> SourceError:
        return _changed(path, f"it ended {left:,} bytes short of its former {self.size_bytes:,} bytes")

    def _check_unchanged(self, path: Path) -> None:
        after = _stat(path)
        before = self._stat
        if before is None or after.st_size != before.st_size:
            raise _changed(path, f"its size changed from {self.size_bytes:,} to {after.st_size:,} bytes")
        if after.st_mtime_ns != before.st_mtime_ns:
            raise _changed(path, "it was written to")

    def close(self) -> None:
        """Close the file. This must be called after every upload, also after a failed one."""
        if self._file is not None:
            self._file.close()


class _File:
    """A file that is read in worker threads and may be closed at any time, even during a read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reading = threading.Lock()
        self._closing = False
        try:
            self._raw = path.open("rb", buffering=0)
        except OSError as error:
            raise _unreadable(path, error) from error

    def read(self, size: int) -> bytes:
        try:
            with self._reading:
                return self._raw.read(size) or b""
        except OSError as error:
            raise _unreadable(self._path, error) from error
        finally:
            if self._closing:
                self.close()

    def close(self) -> None:
        # A descriptor that is closed during a read could already belong to another file, so the reader closes it.
        self._closing = True
        if self._reading.acquire(blocking=False):
            try:
                self._raw.close()
            finally:
                self._reading.release()


def _escaped(name: str) -> str:
    return _ESCAPED.sub(lambda match: "\\\\" if match[0] == "\\" else f"%{ord(match[0]):02X}", name)


def _stat(path: Path) -> os.stat_result:
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{path} is not a file that can be uploaded; pass a file, or its bytes")
    return status


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(
        f"{path} cannot be read: {error.strerror or error}; check that it is a file, and check its permissions"
    )


def _changed(path: Path, change: str) -> SourceError:
    return SourceError(
        f"{path} changed while it was being uploaded: {change}. Wait until nothing writes to it, then try again"
    )
