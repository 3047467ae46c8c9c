"""Parquet files with checksums, which reveal damage.

Conventions: every page has a checksum, and the whole file has one too: `_MARK` and a digest (BLAKE2b, 16 bytes) of all
other bytes of the file lie between the last page and the footer. Parquet readers find the pages by their offsets, so
other tools skip these 24 bytes. A file without them was written by an earlier version or by another tool, and can be
read as well.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from soniox_ds.exceptions import InputError, SonioxDSError
from soniox_ds.stores.paths import AnyPath, StorePath
from soniox_ds.stores.store import StoreError

__all__ = [
    "damaged",
    "digest_of",
    "problem_of",
    "read_footer",
    "read_sealed",
    "reading",
    "seal",
    "sealed",
    "write_options",
]

_MAGIC = b"PAR1"
_MARK = b"sxds\x00b2\n"
_DIGEST_BYTES = 16
_FOOT = 8
"""Number of bytes after the footer: the length of the footer, and the magic bytes."""
_BLOCK_BYTES = 1 << 22
_END_BYTES = 1 << 16
"""Number of bytes that are read from the end of an object. Most footers are shorter."""


def sealed(table: pa.Table) -> bytes:
    """Return the table as a Parquet file with checksums.

    Examples
    --------
    >>> content = sealed(pa.table({"text": ["Hello"]}))
    >>> pq.read_table(pa.BufferReader(content))["text"].to_pylist()
    ['Hello']
    """
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **write_options(table.schema))
    content: bytes = sink.getvalue().to_pybytes()
    cut = _footer_at(content[-_FOOT:], len(content))
    return b"".join((content[:cut], _MARK, _digest(content[:cut], content[cut:]), content[cut:]))


def write_options(schema: pa.Schema) -> dict[str, Any]:
    """Return the arguments of ``pyarrow.parquet.write_table`` for the tables of a corpus.

    Integers, such as times, are stored as differences between rows. All readers of Parquet 2 can read this encoding
    (``DELTA_BINARY_PACKED``). All other columns are dictionary-encoded, until their dictionary becomes too large.
    """
    numbers = [field.name for field in schema if pa.types.is_int32(field.type) or pa.types.is_int64(field.type)]
    others = [field for field in schema if field.name not in numbers]
    lists = [f"{field.name}.list.element" for field in others if pa.types.is_list(field.type)]
    return {
        "compression": "zstd",
        "compression_level": 3,
        "write_page_checksum": True,
        "use_dictionary": [*(field.name for field in others), *lists],
        "column_encoding": dict.fromkeys(numbers, "DELTA_BINARY_PACKED"),
    }


def seal(path: Path) -> None:
    """Add the checksum of the whole file to a local Parquet file that was written in several steps."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(size - _FOOT)
        cut = _footer_at(file.read(), size)
        file.seek(cut)
        footer = file.read()
        file.seek(0)
        position = 0
        while position < cut:
            block = file.read(min(_BLOCK_BYTES, cut - position))
            digest.update(block)
            position += len(block)
        digest.update(footer)
        file.seek(cut)
        file.write(b"".join((_MARK, digest.digest(), footer)))


def read_sealed(path: AnyPath, *, columns: list[str] | None = None, filters: Any = None) -> pa.Table:
    """Check a Parquet file and read it.

    Parameters
    ----------
    path
        The file.
    columns
        The columns to read; None for all.
    filters
        An Arrow expression. Only the rows for which it is true are read.

    Raises
    ------
    InputError
        If the file cannot be read or is damaged. The message names it.
    """
    with reading(path):
        content = path.read_bytes()
        if problem := _problem(content):
            raise damaged(path, problem)
        source = pa.BufferReader(content)
        if filters is None:
            return pq.ParquetFile(source, page_checksum_verification=True).read(columns=columns)
        return pq.read_table(
            source, columns=columns, partitioning=None, filters=filters, page_checksum_verification=True
        )


def problem_of(path: AnyPath) -> str | None:
    """Return a sentence that says if a Parquet file is missing, unreadable or damaged, or None if it is intact."""
    try:
        problem = _problem(path.read_bytes())
    except StoreError as error:
        return f"{path} {error}"
    except FileNotFoundError:
        return f"{path} is missing"
    except OSError as error:
        return f"{path} cannot be read: {error.strerror or error}"
    return None if problem is None else f"{path} is damaged ({problem})"


def read_footer(path: AnyPath) -> pq.FileMetaData:
    """Read the number of rows, the columns and the metadata of a Parquet file, without its content.

    Raises
    ------
    InputError
        If the file cannot be read or its footer is damaged. The message names it.
    """
    with reading(path):
        if isinstance(path, Path):
            return pq.read_metadata(path)
        return pq.read_metadata(pa.BufferReader(_end_of(path)))


def digest_of(path: AnyPath) -> str:
    """Return the checksum of a Parquet file, or a digest of all its bytes if it has no checksum."""
    if not isinstance(path, Path):
        with reading(path):
            end = _end_of(path)
            cut = _footer_at(end[-_FOOT:], len(end))
            begin = cut - _DIGEST_BYTES - len(_MARK)
            if begin >= 0 and end[begin : begin + len(_MARK)] == _MARK:
                return end[cut - _DIGEST_BYTES : cut].hex()
            return _digest(path.read_bytes()).hex()
    with reading(path), path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        tail = min(size, _FOOT)
        file.seek(size - tail)
        cut = _footer_at(file.read(), size)
        begin = cut - _DIGEST_BYTES - len(_MARK)
        if begin >= 0:
            file.seek(begin)
            if file.read(len(_MARK)) == _MARK:
                return file.read(_DIGEST_BYTES).hex()
        file.seek(0)
        return _digest(file.read()).hex()


@contextmanager
def reading(path: AnyPath) -> Iterator[None]:
    """Convert errors that occur while a file is read or parsed into an InputError that names the file.

    The package's own errors pass unchanged.
    """
    try:
        yield
    except SonioxDSError:
        raise
    except StoreError as error:
        raise InputError(f"{path} {str(error).rstrip('.')}.") from error
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    except Exception as error:  # Only wrong bytes in the file can be the cause here.
        raise damaged(path, f"{type(error).__name__}: {error}") from error


def damaged(path: AnyPath, problem: str) -> InputError:
    """Return the exception for a damaged file."""
    return InputError(
        f"{path} is damaged ({problem}). Restore the file from a copy, or run the call that made the corpus again (the "
        "journal answers it without paying twice) and save with overwrite=True. If that call has out=, it says itself "
        "what is lost."
    )


def _end_of(path: StorePath) -> bytes:
    """Return the end of a Parquet file in a store: at least the footer, and the checksum before it."""
    end = path.read_end(_END_BYTES)
    if (begin := _footer_at(end[-_FOOT:], len(end)) - _DIGEST_BYTES - len(_MARK)) < 0:
        end = path.read_end(len(end) - begin)
    return end


def _problem(content: bytes) -> str | None:
    """Return what is wrong with the bytes of a file, or None if they are right."""
    if not content.startswith(_MAGIC) or not content.endswith(_MAGIC) or len(content) < len(_MAGIC) + _FOOT:
        return "it is not a whole Parquet file"
    cut = _footer_at(content[-_FOOT:], len(content))
    begin = cut - _DIGEST_BYTES - len(_MARK)
    if cut < len(_MAGIC):
        return "its footer is longer than the file"
    if begin < 0 or content[begin : begin + len(_MARK)] != _MARK:
        return None
    if content[cut - _DIGEST_BYTES : cut] != _digest(memoryview(content)[:begin], memoryview(content)[cut:]):
        return "its checksum is wrong"
    return None


def _footer_at(end: bytes, size: int) -> int:
    """Return the offset of the footer, given the last bytes of a file and its size."""
    return size - _FOOT - int.from_bytes(end[: -len(_MAGIC)], "little")


def _digest(*pieces: bytes | memoryview) -> bytes:
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for piece in pieces:
        digest.update(piece)
    return digest.digest()
