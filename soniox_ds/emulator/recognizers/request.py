"""Options of a request that the real recognizer uses, for recordings and streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from soniox_ds.emulator.recognizers import terms_of
from soniox_ds.emulator.recognizers.pieces import Word

__all__ = ["Request"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """The options that shape tokens."""

    hotwords: str | None
    """The context terms.

    The rest of a context is not used, because it is prose, and prose as hotwords makes the model repeat itself (word
    error rates of 50 to 120 % on the samples, against 2 % with their terms and 4 % without).
    """
    language: str | None
    """Language to recognize; None lets the model decide."""
    speakers: bool
    languages: bool
    translating: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Request:
        """Read the body of a create request, or a stream's start message."""
        hints = options.get("language_hints") or []
        strict = bool(options.get("language_hints_strict")) and len(hints) == 1
        translating = bool(options.get("translation"))
        return cls(
            hotwords=", ".join(terms_of(options)) or None,
            language=str(hints[0]) if strict else None,
            speakers=bool(options.get("enable_speaker_diarization")),
            languages=bool(options.get("enable_language_identification")) or translating,
            translating=translating,
        )

    def shown(self, word: Word) -> Word:
        """Return the word without the labels that were not requested."""
        return word if self.languages else replace(word, language=None)
