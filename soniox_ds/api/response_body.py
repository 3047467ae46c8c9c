"""Reader of the bodies of HTTP answers with a limit on their size.

Conventions: a compressed body is unpacked piece by piece, and reading ends as soon as the limit is passed. Neither an
endless body nor a small body that unpacks into gigabytes can take up more memory than the limit.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable

__all__ = ["ENCODINGS", "BadEncoding", "TooLong", "read_body"]

ENCODINGS = "gzip, deflate"
"""Encodings that `read_body` can unpack, as a value of ``Accept-Encoding``."""

_MOST_LAYERS = 2
_SLACK = 65_536


class TooLong(Exception):
    """A body that is longer than the limit. ``body`` is its beginning."""

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body


class BadEncoding(Exception):
    """A body that does not match its ``Content-Encoding``, or is compressed in an unknown way."""


async def read_body(pieces: AsyncIterable[bytes], encoding: str, longest: int) -> bytes:
    """Read a body as it comes from the network, and unpack it.

    Parameters
    ----------
    pieces
        The bytes of the body, still compressed.
    encoding
        The value of ``Content-Encoding``; empty without compression.
    longest
        Largest number of unpacked bytes.

    Raises
    ------
    TooLong
        If the body has more bytes.
    BadEncoding
        If the body cannot be unpacked.
    """
    layers = [name.strip().lower() for name in encoding.split(",") if name.strip().lower() not in ("", "identity")]
    if len(layers) > _MOST_LAYERS or not set(layers) <= {"gzip", "x-gzip", "deflate"}:
        raise BadEncoding(f"it is compressed as {encoding[:80]!r}, but {ENCODINGS} was requested")
    inflaters = [_Inflater(name) for name in reversed(layers)]  # The encoding that was applied last is removed first.
    body = bytearray()
    async for piece in pieces:
        for inflater in inflaters[:-1]:
            # Data that is packed once more may be a little longer than its content.
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
    """An unpacker of gzip, also with several members, and of deflate, with or without the header of zlib."""

    def __init__(self, name: str) -> None:
        self._is_gzip = name != "deflate"
        self._head = b""
        """First byte of deflate, kept until the second byte shows whether both are a header."""
        self._inflate = zlib.decompressobj(31) if self._is_gzip else None
        self._has_begun = False

    @property
    def is_whole(self) -> bool:
        """True if no data or all data was received."""
        return self._inflate.eof if self._has_begun and self._inflate is not None else not self._head

    def unpack(self, packed: bytes, most: int) -> bytes:
        """Unpack a piece. Unpacking ends once there are more than `most` bytes."""
        if self._inflate is None:
            packed = self._head + packed
            if len(packed) < 2:
                self._head = packed
                return b""
            has_header = packed[0] & 15 == 8 and int.from_bytes(packed[:2], "big") % 31 == 0
            self._inflate = zlib.decompressobj(15 if has_header else -15)  # Some servers leave the header out.
        unpacked = bytearray()
        while packed and len(unpacked) <= most:
            self._has_begun = True
            if self._inflate.eof:
                if not (self._is_gzip and packed.startswith(b"\x1f")):
                    break  # This is padding after the last member.
                self._inflate = zlib.decompressobj(31)
            try:
                unpacked += self._inflate.decompress(packed, most + 1 - len(unpacked))
            except zlib.error as error:
                raise BadEncoding(str(error)) from None
            packed = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        return bytes(unpacked)
