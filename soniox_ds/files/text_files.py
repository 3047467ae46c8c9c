"""Text files of unknown encoding."""

from __future__ import annotations

import codecs
import re

__all__ = ["decode_text", "lines_of_file"]

_OTHER_CONTROLS = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f]")
"""Control characters that do not occur in text. NUL, tab and line ends are not among them."""
_LINE_END = re.compile(r"\r\n|\n|\r")


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
