"""Excerpts of the audio that a microphone keeps in memory, for its page to play."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from soniox_ds.files.audio_excerpts import Excerpt, opus
from soniox_ds.files.sounds import LONGEST_MS
from soniox_ds.widgets.microphone.takes import BYTES_PER_MS, RATE, Take

__all__ = ["KeptAudio"]


class KeptAudio:
    """The audio of the recordings of a microphone.

    Parameters
    ----------
    takes
        Function that returns the recordings so far.
    """

    def __init__(self, takes: Callable[[], Sequence[Take]]) -> None:
        self._takes = takes

    def excerpt(self, audio_id: str, start_ms: int, end_ms: int) -> Excerpt:
        """Return at most ``LONGEST_MS`` of a recording, or the reason why there is no audio."""
        take = next((take for take in self._takes() if take.audio_id == audio_id), None)
        if take is None:
            return Excerpt(b"", "this microphone has no such recording")
        if not take.keep_audio:
            return Excerpt(b"", "the audio was not kept (keep_audio=False)")
        start_ms = max(start_ms, 0)
        end_ms = min(end_ms, start_ms + LONGEST_MS)
        samples = bytes(take.kept[start_ms * BYTES_PER_MS : end_ms * BYTES_PER_MS])
        return Excerpt(opus(samples, RATE), "") if samples else Excerpt(b"", "the audio ends before")
