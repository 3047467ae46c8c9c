"""Gladia: the result of a pre-recorded transcription (version 2).

Conventions: times are seconds. Words hold their spaces and punctuation; an utterance without words is one piece of text
with its times. Channels count from 0 there and from 1 here. Source: `PAGE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from soniox_ds.exceptions import InputError
from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript, untimed_words

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "Gladia"
PAGE = "https://docs.gladia.io/api-reference/v2/pre-recorded/get"


def recognises(document: JsonNode) -> bool:
    """Return True for an object with a status and a result that holds a transcription, or an error."""
    if not document.has("id", "status") or document.has("audio_url"):
        return False
    return document.has("error_code") or (
        document.has("result") and JsonNode(document.value["result"]).has("transcription")
    )


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    status = document.get_text("status")
    if status not in (None, "done"):
        raise InputError(f"the transcription is not complete: its status is {status!r}; remove the file.")
    result = document["result"]
    n_channels = result.get("metadata", "number_of_distinct_channels")
    has_channels = n_channels is not None and n_channels.number() > 1
    transcription = result["transcription"]
    transcription.need_any("utterances", "full_transcript")
    words = [
        TimedWord(
            f" {piece['text' if piece is utterance else 'word'].text().strip()}",
            piece["start"].ms(),
            piece["end"].ms(),
            piece.get_confidence("confidence"),
            utterance.get_text("speaker"),
            utterance.get_language("language"),
            utterance.get_channel("channel", first=0) if has_channels else None,
        )
        for utterance in transcription.get_items("utterances")
        for piece in utterance.get_items("words") or [utterance]
    ]
    if not words:
        words = untimed_words(transcription.get_text("full_transcript"))
    yield Transcript(words, duration_ms=result.get_ms("metadata", "audio_duration"))
