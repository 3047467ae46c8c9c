"""Reading text files whose encoding nobody names."""

from __future__ import annotations

import codecs
import re

__all__ = ["decode_text", "lines_of_file"]

_OTHER_CONTROLS = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f]")
"""Control characters that no text holds: all but NUL, tab and line ends."""
_LINE_END = re.compile(r"\r\n|\n|\r")


def decode_text(raw: bytes) -> str:
    """Decode UTF-8 or UTF-16, with or without a byte order mark, or UTF-32 with one; the mark is dropped.

    Raises
    ------
    UnicodeDecodeError
        If the bytes are neither.

    Examples
    --------
    >>> decode_text("né".encode("utf-16")), decode_text(b"\\xef\\xbb\\xbfok")
    ('né', 'ok')
    """
    if raw.startswith(codecs.BOM_UTF8):
        return raw[len(codecs.BOM_UTF8) :].decode("utf-8")
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # the mark of UTF-16 is the beginning of one of them
        return raw.decode("utf-32")
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    # Text holds no NUL; in UTF-16 without a mark every Latin letter brings one, before or behind it.
    if b"\x00" in raw[:200] and not _is_text_with_stray_nul(raw):
        return raw.decode("utf-16-le" if raw[1:200:2].count(0) >= raw[0:200:2].count(0) else "utf-16-be")
    return raw.decode("utf-8")


def _is_text_with_stray_nul(raw: bytes) -> bool:
    """Return True for UTF-8 in which a few NUL bytes stand, as damaged exports have them."""
    head = raw[:200]
    # UTF-16 has a NUL for every Latin letter, and other control characters where it is Cyrillic, Greek or Arabic.
    if head.count(0) * 8 > len(head) or _OTHER_CONTROLS.search(head):
        return False
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def lines_of_file(text: str) -> list[str]:
    """Divide a text at its line ends: those of Unix, of Windows and of old Macs.

    ``str.splitlines`` is no choice here: it also cuts at separators that stand within texts and names.

    >>> lines_of_file("a\\r\\nb\\u2028c\\rd")
    ['a', 'b\\u2028c', 'd']
    """
    return _LINE_END.split(text)
