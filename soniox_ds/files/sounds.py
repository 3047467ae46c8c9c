"""The audio of the recordings of a corpus, of which widgets play short excerpts.

Conventions: nothing is read before an excerpt is cut. An excerpt lasts at most ``LONGEST_MS``; a longer stretch is cut
in pieces, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.files.audio_excerpts import Excerpt, excerpt, why_not
from soniox_ds.schema import need

__all__ = ["LONGEST_MS", "UNKNOWN_AUDIO", "AudioFiles", "Sounds"]

AudioFiles: TypeAlias = "Mapping[str, str | Path | bytes]"
"""Audio by `audio_id`: the path or the content of each file."""

LONGEST_MS = 30_000
"""Longest excerpt, in milliseconds."""

UNKNOWN_AUDIO = "the audio is not known: pass the corpus, or audio={audio_id: path}"


class Sounds:
    """The audio of recordings.

    Parameters
    ----------
    recordings
        ``schema.RECORDINGS`` with at least `audio_id` and `source`, or a function that returns it, which is called
        once it is needed. None if there are only `audio` files.
    audio
        Audio files by `audio_id`, as paths or as bytes. They replace those of the recordings, and are not compared
        with the audio that was transcribed.
    root
        Folder of relative paths; None for the working directory.

    Raises
    ------
    InputError
        If `audio` is not such a mapping.
    """

    def __init__(
        self,
        recordings: pd.DataFrame | Callable[[], pd.DataFrame] | None,
        audio: AudioFiles | None = None,
        root: str | Path | None = None,
    ) -> None:
        if audio is not None and not isinstance(audio, Mapping):
            raise InputError(
                f'audio is {type(audio).__name__}; give a dict of audio files, such as audio={{"a.wav": "new/a.wav"}}.'
            )
        self._root = None if root is None else Path(root)
        self._source = recordings
        self._files = {
            str(name): {
                "source": bytes(file) if isinstance(file, (bytes, bytearray, memoryview)) else str(file),
                "size_bytes": None,
                "sha256": None,
            }
            for name, file in (audio or {}).items()
        }
        self._table: pd.DataFrame | None = None

    def ids(self) -> set[str]:
        """Return the ids of all recordings that are known."""
        return {*self._recordings().index, *self._files}

    def why_not(self, audio_id: str) -> str:
        """Return the reason why a recording cannot be played, as far as it is known without reading it, or ""."""
        row = self._row(audio_id)
        return UNKNOWN_AUDIO if row is None else why_not(row, root=self._root)

    def excerpt(self, audio_id: str, start_ms: int, end_ms: int) -> Excerpt:
        """Return an excerpt, or the reason why there is none. What exceeds ``LONGEST_MS`` is not in it."""
        row, start_ms = self._row(audio_id), max(start_ms, 0)
        if row is None:
            return Excerpt(b"", UNKNOWN_AUDIO)
        return excerpt(row, start_ms, min(end_ms, start_ms + LONGEST_MS), root=self._root)

    def _row(self, audio_id: str) -> Any:
        if audio_id in self._files:
            return self._files[audio_id]
        table = self._recordings()
        return table.loc[audio_id] if audio_id in table.index else None

    def _recordings(self) -> pd.DataFrame:
        """Return `source`, `size_bytes` and `sha256` by id."""
        if self._table is None:
            table = self._source() if callable(self._source) else self._source
            if table is None:
                table = pd.DataFrame(columns=["audio_id", "source"])
            need(table, "audio_id", "source", name="recordings")
            columns = table.reindex(columns=["source", "size_bytes", "sha256"])
            self._table = columns.set_axis(table["audio_id"].astype(str))
        return self._table
