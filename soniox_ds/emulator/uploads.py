"""Uploads, written from the socket to the disk.

Conventions: parts may come in any order. Bytes are written as they arrive, so that memory does not grow with a file. No
error leaves a file behind.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from soniox_ds.emulator.refusals import invalid
from soniox_ds.emulator.store import AudioStore

__all__ = ["SLACK_BYTES", "Upload", "receive"]

SLACK_BYTES = 1 << 16
"""Number of bytes by which a request may be longer than its file."""

_CHUNK = 1 << 16
_QUOTED_NAME = re.compile(r'\bfilename="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, kw_only=True)
class Upload:
    """An uploaded file on disk."""

    filename: str
    size: int
    sha256: str
    path: str
    client_reference_id: str | None


async def receive(request: web.Request, store: AudioStore, *, limit: int) -> Upload:
    """Write the file of a multipart request to the store; raises Refusal, and TooLarge above `limit` bytes."""
    if not request.content_type.startswith("multipart/"):
        raise invalid("file.file", "Field required", "missing")
    reference: str | None = None
    filename = ""
    stored: tuple[str, int, str] | None = None
    try:
        parts = await request.multipart()
        while (part := await parts.next()) is not None:
            if not isinstance(part, BodyPartReader):
                raise ValueError("nested multipart")
            if part.name == "client_reference_id":
                reference = await part.text()
            elif part.name == "file" and stored is None:
                filename = _filename(part)
                stored = await store.write(_chunks(part), limit=limit)
    except BaseException as error:
        if stored is not None:
            store.drop(stored[0])
        if isinstance(error, ValueError):
            raise invalid("file", f"Malformed multipart body ({error})") from error
        raise
    if stored is None:
        raise invalid("file.file", "Field required", "missing")
    path, size, sha256 = stored
    return Upload(filename=filename, size=size, sha256=sha256, path=path, client_reference_id=reference)


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(_CHUNK):
        yield bytes(chunk)


def _filename(part: BodyPartReader) -> str:
    """Return the name as it was sent, including folders; the library would drop a leading slash."""
    match = _QUOTED_NAME.search(part.headers.get("Content-Disposition", ""))
    if match is None:
        return part.filename or ""
    return re.sub(r"\\(.)", r"\1", match[1]).replace("%22", '"')
