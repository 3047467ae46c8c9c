"""Views that a notebook shows with sound: a click on a word, a speaker or a line plays it.

Conventions: the static HTML of a view is the same with and without its audio. If a kernel runs and at least one
recording of the view can be played, a notebook shows the view in the widget `SpokenView`, and the static HTML below it
for the time without the kernel. Everything else that displays the view (reports, pages, ``_repr_html_``) is static.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from soniox_ds._display import known
from soniox_ds.exceptions import InputError
from soniox_ds.files.sounds import UNKNOWN_AUDIO, AudioFiles, Sounds
from soniox_ds.schema.inputs import InParts, Transcribed

__all__ = ["Audible", "Audio", "sounds_of", "span"]

Audio: TypeAlias = "AudioFiles | Transcribed | None"
"""Audio files by `audio_id`, or a corpus that has them."""

_COLUMNS = ["audio_id", "source", "size_bytes", "sha256"]
_MARGIN_MS = 80
"""Milliseconds of audio before and after a word or stretch."""


def sounds_of(transcripts: Any, audio: Audio, audio_root: str | Path | None) -> Sounds:
    """Return the audio of transcripts, or of the corpus given as `audio`; audio files replace theirs.

    Raises
    ------
    InputError
        If `audio` is neither files by id nor a corpus.
    """
    files: Any = audio if isinstance(audio, Mapping) else None
    if audio is not None and files is None:
        if isinstance(audio, (str, bytes, Path, pd.DataFrame)) or not hasattr(audio, "recordings"):
            raise InputError(
                f"audio is a {type(audio).__name__}; give the corpus that has the audio, or files by audio_id: "
                'audio={"a.wav": "new/a.wav"}.'
            )
        transcripts = audio
    if isinstance(transcripts, pd.DataFrame):
        return Sounds(None, files, audio_root)
    if isinstance(transcripts, InParts):
        opened: Any = transcripts
        return Sounds(lambda: opened.read_recordings(_COLUMNS), files, audio_root)
    recordings = getattr(transcripts, "recordings", None)
    return Sounds(recordings if recordings is not None and "source" in recordings else None, files, audio_root)


def span(start_ms: Any, end_ms: Any, margin_ms: int = _MARGIN_MS) -> str:
    """Return the value of ``data-span`` for a stretch: its times with a margin, or "" if they are not known.

    >>> span(1000, 1200), span(20, 400), span(pd.NA, 300)
    ('920 1280', '0 480', '')
    """
    if not known(start_ms) or not known(end_ms):
        return ""
    return f"{max(int(start_ms) - margin_ms, 0)} {max(int(end_ms), int(start_ms) + 1) + margin_ms}"


class Audible:
    """A view with static HTML that can be heard in a notebook.

    A subclass has `_kind`, the name of the view for screen readers, and the two methods that raise NotImplementedError.
    """

    _kind = ""
    _sounds: Sounds | None = None

    def _spoken_ids(self) -> list[str]:
        """Return the recordings whose words have times, in the order in which the HTML numbers them."""
        raise NotImplementedError

    def _html(self, *, is_spoken: bool) -> str:
        """Return the HTML, with the attributes ``data-audio`` (number of a recording) and ``data-span``, or without."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return self._html(is_spoken=False)

    def _ipython_display_(self) -> None:
        from soniox_ds.widgets._kernel import kernel_version

        audio_ids = self._spoken_ids()
        if kernel_version() is None or self._sounds is None or all(map(self._sounds.why_not, audio_ids)):
            raise NotImplementedError  # With this, IPython displays the static view.
        from soniox_ds.widgets.player.spoken_view import SpokenView

        SpokenView(
            self._kind,
            audio_ids,
            static=lambda: (self._repr_html_(), repr(self)),
            with_spans=lambda: self._html(is_spoken=True),
            sounds=self._sounds,
        ).display()

    def _silence(self) -> str:
        """Return what to do if no recording of the view can be played, or "" if one can or no audio is expected."""
        if self._sounds is None:
            return ""
        reasons = [self._sounds.why_not(audio_id) for audio_id in self._spoken_ids()]
        if not reasons or not all(reasons) or reasons[0] == UNKNOWN_AUDIO:
            return ""
        return f"No sound: {reasons[0]}. To listen, pass the file: audio={{audio_id: path}}."
