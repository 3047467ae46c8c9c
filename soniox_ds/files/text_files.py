"""Text files of unknown encoding."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path

from soniox_ds.exceptions import InputError, SchemaError

__all__ = ["decode_text", "lines_of_file", "read_text"]

_OTHER_CONTROLS = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f]")
"""Control characters that do not occur in text. NUL, tab and line ends are not among them."""
_LINE_END = re.compile(r"\r\n|\n|\r")


def read_text(path: str | os.PathLike[str], kind: str, encoding: str | None = None) -> str:
    """Read a text file of another tool.

    Parameters
    ----------
    path
        The file.
    kind
        The name of the format for messages, such as "RTTM file".
    encoding
        The encoding, such as "latin-1". None reads UTF-8 and UTF-16, with or without a byte order mark.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read, or `encoding` is unknown.
    SchemaError
        If the file has another encoding. The message names the line.
    """
    file = Path(path)
    if not file.is_file():
        problem = "is a folder" if file.is_dir() else "does not exist"
        raise InputError(f"{file} {problem} (looked for in {file.absolute().parent}); give the path of one {kind}.")
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}.") from error
    try:
        return decode_text(raw) if encoding is None else raw.decode(encoding).removeprefix("\ufeff")
    except LookupError as error:
        raise InputError(f"encoding must be the name of an encoding, such as 'latin-1', found {encoding!r}.") from error
    except UnicodeError as error:
        place = getattr(error, "start", 0)
        line = raw.count(b"\n", 0, place) + 1
        expected = "UTF-8 or UTF-16" if encoding is None else encoding
        raise SchemaError(
            f"{file}, line {line}: this {kind} is not {expected} (byte {place}). Save it as UTF-8, or name its "
            "encoding, such as encoding='latin-1'."
        ) from error


def decode_text(raw: bytes) -> str:
    """Decode UTF-8 or UTF-16, with or without a byte order mark, or UTF-32 with a mark. The mark is dropped.

    Raises
    ------
    UnicodeDecodeError
        If the bytes have another encoding.

    Examples
    --------
    >>> decode_text("né".encode("utf-16")), decode_text(b"\\xef\\xbb\\xbfok")
    ('né', 'ok')
    """
    if raw.startswith(codecs.BOM_UTF8):
        return raw[len(codecs.BOM_UTF8) :].decode("utf-8")
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # A mark of UTF-16 may begin like these.
        return raw.decode("utf-32")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    # Text holds no NUL, but in UTF-16 without a mark every Latin letter has a NUL before or after it.
    if b"\x00" in raw[:200] and not _is_text_with_stray_nul(raw):
        return raw.decode("utf-16-le" if raw[1:200:2].count(0) >= raw[0:200:2].count(0) else "utf-16-be")
    return raw.decode("utf-8")


def _is_text_with_stray_nul(raw: bytes) -> bool:
    """Return True for UTF-8 with a few NUL bytes, which occur in damaged exports."""
    head = raw[:200]
    # UTF-16 has a NUL for every Latin letter, and other control characters for Cyrillic, Greek or Arabic.
    if head.count(0) * 8 > len(head) or _OTHER_CONTROLS.search(head):
        return False
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def lines_of_file(text: str) -> list[str]:
    """Split a text at the line ends of Unix, Windows and old Macs.

    ``str.splitlines`` is not used, because it also splits at separators that occur within texts and names.

    >>> lines_of_file("a\\r\\nb\\u2028c\\rd")
    ['a', 'b\\u2028c', 'd']
    """
    return _LINE_END.split(text)
