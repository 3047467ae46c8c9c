"""Speech recognizers of the stand-in.

There are two: ``scripted`` (exact and fast, from a table, a sidecar or a seed) and ``whisper`` (real offline
recognition). Both are blocking; the server calls them in worker threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Heard", "Pcm", "Recognizer", "Stream", "Token", "UndecodableAudio", "Update", "terms_of"]

Pcm = NDArray[np.float32]
"""Mono samples at 16 kHz between -1 and 1."""

Token = dict[str, Any]
"""A token as the service sends it, without missing keys: text, start_ms, end_ms, confidence, speaker, language,
translation_status, source_language; in streams also is_final."""


class UndecodableAudio(Exception):
    """The bytes are not decodable audio. The job ends with ``invalid_audio_file``."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The result of one recording."""

    tokens: Sequence[Token]
    duration_ms: int
    processing_s: float | None = None
    """Processing time to simulate; None if the work itself took its time."""


@dataclass(kw_only=True)
class Update:
    """The output of a stream after some audio."""

    final: list[Token] = field(default_factory=list)
    """Newly settled tokens, markers included, each sent once."""
    tail: list[Token] = field(default_factory=list)
    """All unsettled tokens, which replace the last ones."""
    final_ms: int = 0
    total_ms: int = 0


class Stream(Protocol):
    """A real-time session that takes audio and returns updates. Never called from two threads at once."""

    def feed(self, pcm: Pcm) -> Update:
        """Process more audio."""

    def finalize(self) -> Update:
        """Settle all audio so far, ending with a ``<fin>`` token."""

    def close(self) -> Update:
        """Settle everything at the end of the audio."""


class Recognizer(Protocol):
    """A recognizer of recordings and streams."""

    name: str

    def transcribe(self, audio: Path, *, filename: str, options: Mapping[str, Any]) -> Heard:
        """Transcribe one file; `options` is the body of the create request. Raises UndecodableAudio."""

    def stream(self, options: Mapping[str, Any]) -> Stream:
        """Open a real-time session; `options` is the start message."""


def terms_of(options: Mapping[str, Any]) -> list[str]:
    """Return the context terms of a request, in order."""
    context = options.get("context")
    terms = context.get("terms") if isinstance(context, Mapping) else None
    return [str(term) for term in terms or ()]
