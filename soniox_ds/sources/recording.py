"""Recordings that are to be transcribed.

Conventions: ``audio_id``, ``source`` and every message are safe to store and to share: they are valid Unicode (bytes of
a file name that are not UTF-8 appear as ``\\xe9``) and hold no credentials of a URL. What is really opened is ``file``,
``url`` or ``stored``. A recording that cannot be transcribed is kept and has an ``error_type`` and an
``error_message``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from soniox_ds.options.addresses import unsigned_url
from soniox_ds.sources.stores import AudioSource, StoredObject

__all__ = ["Recording", "RecordingList", "copied", "printable", "shown", "upload_name"]

_LONGEST_UPLOAD_NAME = 200  # Characters. The service refuses long names, but its limit is not documented.
_LONGEST_SHOWN = 300


@dataclass(slots=True, kw_only=True)
class Recording:
    """A recording: the place of its audio and the known facts about it.

    At most one of `file`, `url`, `data` and `stored` is set, or `url` and the `file` of a downloaded copy; all are None
    if the source is missing. `error_type` is a stable slug
    (docs/errors.md). A recording that has one is not sent. `warnings` are slugs of problems of a recording that is
    transcribed all the same.
    """

    audio_id: str
    source: str | None = None
    file: str | None = None
    """Path of the file, as a text, which takes a third of the memory of a `Path`; a run may have a million."""
    url: str | None = field(default=None, repr=False)  # may hold a signature
    data: bytes | None = field(default=None, repr=False)
    stored: StoredObject | None = None
    """Object of a store, which this machine reads while it is uploaded."""
    is_signed: bool = False
    """True if the service fetches the object of the store by a signed URL."""
    filename: str = ""
    """Name of the upload. Its extension fits the audio once the recording was inspected."""
    size_bytes: int | None = None
    duration_ms: int | None = None
    channels: int | None = None
    """Number of channels of the audio; None for URLs."""
    channel_bytes_per_s: int | None = None
    """Bytes of one second of one channel without compression; None for URLs."""
    sha256: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path | None:
        """The path of the file."""
        return None if self.file is None else Path(self.file)

    @property
    def is_remote(self) -> bool:
        """True if the service fetches the audio from a URL, and this machine does not have it."""
        return self.file is None and (self.url is not None or self.is_signed)

    @property
    def audio(self) -> AudioSource | None:
        """The audio that this machine reads; None if the service fetches it, or the source is missing."""
        if self.data is not None:
            return self.data
        return self.path if self.file is not None else self.stored

    @property
    def audio_key(self) -> str | None:
        """The text that identifies the audio in the key of a job; None if the audio was not inspected.

        It is the hash of audio that this machine reads. For audio that the service fetches, it is the address without
        a signature, and the version in a store.
        """
        if not self.is_remote:
            return self.sha256
        if self.url is not None:
            return unsigned_url(self.url)
        return None if self.stored is None else self.stored.identity

    def fail(self, error_type: str, message: str) -> None:
        """Mark the recording as one that cannot be transcribed. The first reason is kept."""
        if self.error_type is None:
            self.error_type, self.error_message = error_type, message


@dataclass(slots=True)
class RecordingList:
    """The recordings in the requested order, with the user's metadata.

    `metadata` has a RangeIndex and one row for each recording. Its columns are the user's own, with ``reference``
    (string) if any reference is known. No column has the name of a column of the recordings table.
    """

    recordings: list[Recording]
    metadata: pd.DataFrame


def copied(recording: Recording) -> Recording:
    """Return a copy of a recording. Errors and warnings of the copy do not change the original."""
    return replace(recording, warnings=list(recording.warnings))


def printable(text: str, *, limit: int | None = None) -> str:
    """Make a file name valid Unicode, and shorten it to about `limit` characters for a message.

    >>> printable("caf\\udce9.wav")
    'caf\\\\xe9.wav'
    """
    if not text.isascii():
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if limit is not None and len(text) > limit:
        return f"{text[: limit // 2]}…{text[-limit // 2 :]}"
    return text


def shown(text: str) -> str:
    """Return a name for a message: in quotes, as valid Unicode, and shortened to about 300 characters."""
    return repr(printable(text, limit=_LONGEST_SHOWN))


def upload_name(name: str) -> str:
    """Make the name of an upload from a path.

    The name is the last part of the path. Characters that cannot be printed are replaced by underscores. A name of more
    than 200 characters is shortened, but keeps an extension of up to 10 characters.

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
