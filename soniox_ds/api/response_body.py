"""The body of an answer, read and unpacked within a bound.

Conventions: a compressed body is unpacked piece by piece, and reading ends as soon as the bound is passed, so that
neither an endless body nor a small one that unpacks into gigabytes takes up more memory than the bound.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable

__all__ = ["ENCODINGS", "BadEncoding", "TooLong", "read_body"]

ENCODINGS = "gzip, deflate"
"""What `read_body` can unpack, as the value of ``Accept-Encoding``."""

_MOST_LAYERS = 2
_SLACK = 65_536


class TooLong(Exception):
    """The body is longer than the bound; ``body`` is its beginning."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body


class BadEncoding(Exception):
    """The body is not what its ``Content-Encoding`` says, or is compressed in an unknown way."""


async def read_body(pieces: AsyncIterable[bytes], encoding: str, longest: int) -> bytes:
    """Read a body as it comes from the network, and unpack it.

    Parameters
    ----------
    pieces
        The bytes of the body, still compressed.
    encoding
        The value of ``Content-Encoding``; empty for none.
    longest
        How many unpacked bytes are taken.

    Raises
    ------
    TooLong
        If there are more.
    BadEncoding
        If they cannot be unpacked.
    """
    layers = [name.strip().lower() for name in encoding.split(",") if name.strip().lower() not in ("", "identity")]
    if len(layers) > _MOST_LAYERS or not set(layers) <= {"gzip", "x-gzip", "deflate"}:
        raise BadEncoding(f"it is compressed as {encoding[:80]!r}, and {ENCODINGS} was asked for")
    inflaters = [_Inflater(name) for name in reversed(layers)]  # the one that was applied last comes first
    body = bytearray()
    async for piece in pieces:
        for inflater in inflaters[:-1]:
            # What is packed once more may be a little longer than what is in it.
            piece = inflater.unpack(piece, longest + _SLACK)
            if len(piece) > longest + _SLACK:
                raise TooLong(bytes(body))
        body += inflaters[-1].unpack(piece, longest - len(body)) if inflaters else piece
        if len(body) > longest:
            raise TooLong(bytes(body[:longest]))
    if not all(inflater.is_whole for inflater in inflaters):
        raise BadEncoding("it ends in the middle of its compressed data")
    return bytes(body)


class _Inflater:
    """Unpacks gzip, also of several members, and deflate, with or without the header of zlib."""

    def __init__(self, name: str) -> None:
        self._is_gzip = name != "deflate"
        self._head = b""
        """The first byte of deflate, until the second one tells whether the two are a header."""
        self._inflate = zlib.decompressobj(31) if self._is_gzip else None
        self._has_begun = False

    @property
    def is_whole(self) -> bool:
        """True where nothing has come, or all of it."""
        return self._inflate.eof if self._has_begun and self._inflate is not None else not self._head

    def unpack(self, packed: bytes, most: int) -> bytes:
        """Unpack some more; ends once there are more than `most` bytes."""
        if self._inflate is None:
            packed = self._head + packed
            if len(packed) < 2:
                self._head = packed
                return b""
            has_header = packed[0] & 15 == 8 and int.from_bytes(packed[:2], "big") % 31 == 0
            self._inflate = zlib.decompressobj(15 if has_header else -15)  # some servers leave it out
        unpacked = bytearray()
        while packed and len(unpacked) <= most:
            self._has_begun = True
            if self._inflate.eof:
                if not (self._is_gzip and packed.startswith(b"\x1f")):
                    break  # padding behind the last member
                self._inflate = zlib.decompressobj(31)
            try:
                unpacked += self._inflate.decompress(packed, most + 1 - len(unpacked))
            except zlib.error as error:
                raise BadEncoding(str(error)) from None
            packed = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        return bytes(unpacked)
