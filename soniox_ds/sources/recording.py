"""One recording on its way to being transcribed, and the bundle that finding recordings returns.

Conventions: ``audio_id``, ``source`` and every message are safe to store and to share: they are valid Unicode (bytes of
a file name that are not UTF-8 appear as ``\\xe9``) and hold no credentials of a URL. ``path`` and ``url`` are what is
really opened. A recording that cannot be transcribed carries ``error_type`` and ``error_message`` instead of vanishing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

__all__ = ["Found", "Recording", "printable", "shown", "upload_name"]

_LONGEST_UPLOAD_NAME = 200  # characters; the service refuses long names without saying where it draws the line
_LONGEST_SHOWN = 300


@dataclass(slots=True, kw_only=True)
class Recording:
    """One recording: where its audio is and what is known of it.

    Exactly one of `path`, `url` and `data` is set, or none where not even that is known. `error_type` is a stable slug
    (docs/errors.md); where it is set the recording is not to be sent. `warnings` are slugs of what looks wrong with a
    recording that is transcribed all the same.
    """

    audio_id: str
    source: str | None = None
    path: Path | None = None
    url: str | None = field(default=None, repr=False)  # may hold a signature
    data: bytes | None = field(default=None, repr=False)
    filename: str = ""
    """What to call the upload; its extension is the true one once the recording was inspected."""
    size_bytes: int | None = None
    duration_ms: int | None = None
    sha256: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    warnings: list[str] = field(default_factory=list)

    def fail(self, error_type: str, message: str) -> None:
        """Mark the recording as one that cannot be transcribed; the first reason stands."""
        if self.error_type is None:
            self.error_type, self.error_message = error_type, message


@dataclass(slots=True)
class Found:
    """Recordings in the order they were asked for, and what the user said of them.

    `metadata` has a RangeIndex and one row for each recording; its columns are the user's own, among them
    ``reference`` (string) where any is known. None of them bears the name of a column of the recordings table.
    """

    recordings: list[Recording]
    metadata: pd.DataFrame


def printable(text: str, *, limit: int | None = None) -> str:
    """Make a file name valid Unicode, and shorten it for a message where `limit` is given.

    >>> printable("caf\\udce9.wav")
    'caf\\\\xe9.wav'
    """
    if not text.isascii():
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if limit is not None and len(text) > limit:
        return f"{text[: limit // 2]}…{text[-limit // 2 :]}"
    return text


def shown(text: str) -> str:
    """A name as messages quote it: valid Unicode, quoted, at most about 300 characters."""
    return repr(printable(text, limit=_LONGEST_SHOWN))


def upload_name(name: str) -> str:
    """Turn any name into one for an upload: the last part of the path, no control characters, at most 200 characters.

    >>> upload_name("calls/line\\nbreak.wav")
    'line_break.wav'
    """
    name = printable(name.replace("\\", "/").rstrip("/").rpartition("/")[2])
    if not name.isprintable():
        name = "".join(letter if letter.isprintable() else "_" for letter in name)
    if len(name) > _LONGEST_UPLOAD_NAME:
        stem, dot, extension = name.rpartition(".")
        if not dot or len(extension) > 10:
            return name[:_LONGEST_UPLOAD_NAME]
        return f"{stem[: _LONGEST_UPLOAD_NAME - len(extension) - 1]}.{extension}"
    return name
