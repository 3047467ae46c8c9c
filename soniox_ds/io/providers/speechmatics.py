"""Speechmatics: the transcript in the format ``json-v2``.

Conventions: times are seconds. Punctuation marks are items of their own; one that is attached to the previous word is
part of it. The first alternative is read. The speaker "UU" (unknown) is NA. With separate channels, their names in the
order of their appearance are numbered from 1. Source: `PAGE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript, with_punctuation

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "Speechmatics"
PAGE = "https://docs.speechmatics.com/speech-to-text/batch/output"


def recognises(document: JsonNode) -> bool:
    """Return True for an object with a version of the format, a job and results."""
    return document.has("format", "job", "results")


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    channels: dict[str, int] = {}
    pieces: list[TimedWord | str] = []
    for item in document["results"]:
        kind = item["type"].text()
        if kind == "punctuation":
            mark = item["alternatives"][0]["content"].text()
            pieces.append(mark if item.get_text("attaches_to") in (None, "previous", "both") else f" {mark}")
        elif kind == "word":
            best = item["alternatives"][0]
            speaker, channel = best.get_text("speaker"), item.get_text("channel")
            pieces.append(
                TimedWord(
                    best["content"].text(),
                    item["start_time"].ms(),
                    item["end_time"].ms(),
                    best.get_confidence("confidence"),
                    None if speaker == "UU" else speaker,
                    best.get_language("language"),
                    channels.setdefault(channel, len(channels) + 1) if channel else None,
                )
            )
    model = document.get_text("metadata", "transcription_config", "operating_point")
    yield Transcript(with_punctuation(pieces), duration_ms=document.get_ms("job", "duration"), model=model)
