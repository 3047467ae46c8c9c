"""What stands behind the service: something that hears audio and writes tokens.

Two kinds: ``scripted`` (exact and fast, from a table, a sidecar or a seed) and ``whisper`` (real offline recognition).
Both are blocking; the server calls them in worker threads.
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
"""As on the wire, absent keys left out: text, start_ms, end_ms, confidence, speaker, language, translation_status,
source_language; streams add is_final."""


class UndecodableAudio(Exception):
    """The bytes are not audio that can be decoded; the job ends with ``invalid_audio_file``."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What came of one recording."""

    tokens: Sequence[Token]
    duration_ms: int
    processing_s: float | None = None
    """How long the service should pretend to need; None where the work itself took its time."""


@dataclass(kw_only=True)
class Update:
    """What a stream says after audio came in."""

    final: list[Token] = field(default_factory=list)
    """Newly settled tokens, markers included, each said once."""
    tail: list[Token] = field(default_factory=list)
    """The whole unsettled rest, replacing the last one."""
    final_ms: int = 0
    total_ms: int = 0


class Stream(Protocol):
    """One real-time session; audio goes in, updates come out. Never called from two threads at once."""

    def feed(self, pcm: Pcm) -> Update:
        """Take more audio."""

    def finalize(self) -> Update:
        """Settle everything heard so far, ending with a ``<fin>`` token."""

    def close(self) -> Update:
        """Settle everything; nothing follows."""


class Recognizer(Protocol):
    """Hears recordings and streams."""

    name: str

    def transcribe(self, audio: Path, *, filename: str, options: Mapping[str, Any]) -> Heard:
        """Transcribe one file; `options` is the body of the create request. Raises UndecodableAudio."""

    def stream(self, options: Mapping[str, Any]) -> Stream:
        """Open a real-time session; `options` is the start message."""


def terms_of(options: Mapping[str, Any]) -> list[str]:
    """The context terms of a request, in order."""
    context = options.get("context")
    terms = context.get("terms") if isinstance(context, Mapping) else None
    return [str(term) for term in terms or ()]
