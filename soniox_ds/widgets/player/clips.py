"""Audio clips for the JavaScript side of a widget.

The JavaScript side sends the message ``{"type": "clip", "audio_id": ..., "start_ms": ..., "end_ms": ...}``. The answer
contains the same id and times, `mime`, and the audio as a binary buffer. If there is no audio, `reason` says why. A
clip lasts at most ``files.sounds.LONGEST_MS``. For longer audio, ``ClipPlayer`` in ``clip_player.js`` requests several
clips.

>>> from soniox_ds.files.sounds import Sounds
>>> answer_clip(Sounds(None), {"audio_id": "a.wav", "start_ms": 0, "end_ms": 500})[0]["reason"]
'the audio is not known: pass the corpus, or audio={audio_id: path}'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from soniox_ds.exceptions import InputError
from soniox_ds.files.audio_excerpts import MIME_TYPE, Excerpt

__all__ = ["Excerpts", "answer_clip"]


class Excerpts(Protocol):
    """The audio of recordings, such as `soniox_ds.files.sounds.Sounds`."""

    def excerpt(self, audio_id: str, start_ms: int, end_ms: int) -> Excerpt:
        """Return an excerpt, or the reason why there is none."""


def answer_clip(sounds: Excerpts, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
    """Return the answer to a request for a clip, and a list with its binary buffer (empty if there is no audio).

    Raises
    ------
    InputError
        If the message lacks the id or a time, or if the clip does not end after its start.
    """
    audio_id, start_ms, end_ms = (content.get(name) for name in ("audio_id", "start_ms", "end_ms"))
    if not (isinstance(audio_id, str) and isinstance(start_ms, int) and isinstance(end_ms, int) and start_ms < end_ms):
        raise InputError(f"the view asked for a clip of {audio_id!r} from {start_ms!r} to {end_ms!r} ms")
    audio, reason = sounds.excerpt(audio_id, start_ms, end_ms)
    answer = {"audio_id": audio_id, "start_ms": start_ms, "end_ms": end_ms, "mime": MIME_TYPE, "reason": reason}
    return answer, [audio] if audio else []
