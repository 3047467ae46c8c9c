"""faster-whisper: its segments and information as JSON.

Conventions: the library returns tuples and writes no files. The document is ``{"info": asdict(info), "segments":
[asdict(segment), ...]}``, with ``dataclasses.asdict``; only `segments` is needed, and their list alone is a document,
too. Times are seconds. Segments without words (without ``word_timestamps=True``) are one piece of text each. Source:
`PAGE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "faster-whisper"
PAGE = "https://github.com/SYSTRAN/faster-whisper"


def recognises(document: JsonNode) -> bool:
    """Return True for Whisper's segments, as a list or beside the information of the library instead of a text."""
    if isinstance(document.value, list):
        segments: object = document.value or None
    elif document.has("segments", "info") and not document.has("text"):
        segments = document["segments"].value
    else:
        return False
    return isinstance(segments, list) and all(JsonNode(segment).has("avg_logprob", "tokens") for segment in segments)


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    if isinstance(document.value, list):
        document = JsonNode({"segments": document.value})
    language = document.get_language("info", "language")
    words = [
        TimedWord(
            piece["word" if segment.get_items("words") else "text"].text(),
            piece["start"].ms(),
            piece["end"].ms(),
            piece.get_confidence("probability"),
            language=language,
        )
        for segment in document["segments"]
        for piece in segment.get_items("words") or [segment]
    ]
    yield Transcript(words, duration_ms=document.get_ms("info", "duration"))
