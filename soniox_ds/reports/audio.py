"""Audio excerpts in the report, as data URIs; made with `soniox_ds.files.audio_excerpts`."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

from soniox_ds.files.audio_excerpts import MIME_TYPE, excerpt

__all__ = ["LONGEST_MS", "Clip", "cut"]

LONGEST_MS = 15_000
"""Duration of the longest excerpt. A longer place is cut off."""


class Clip(NamedTuple):
    """An excerpt as a data URI; "" and the reason if there is none."""

    uri: str
    reason: str


def cut(recording: Any, start_ms: int, end_ms: int) -> Clip:
    """Return an excerpt of a recording's audio.

    Parameters
    ----------
    recording
        A row of ``schema.RECORDINGS``: `source`, `size_bytes`, `sha256`.
    start_ms, end_ms
        Start and end of the excerpt, which is cut off after `LONGEST_MS`.
    """
    audio, reason = excerpt(recording, start_ms, min(end_ms, start_ms + LONGEST_MS))
    return Clip(f"data:{MIME_TYPE};base64," + base64.b64encode(audio).decode("ascii") if audio else "", reason)
