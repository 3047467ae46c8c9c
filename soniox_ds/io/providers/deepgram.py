"""Deepgram: the response to a pre-recorded request.

Conventions: times are seconds. The first alternative of each channel is read. `punctuated_word` is taken where it is
there. An alternative without words has its `transcript`, whose words have no times. With several channels
(``multichannel=true``), the channels are numbered from 1. Source: `PAGE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript, untimed_words

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "Deepgram"
PAGE = "https://developers.deepgram.com/docs/pre-recorded-audio"


def recognises(document: JsonNode) -> bool:
    """Return True for an object with metadata and results by channel."""
    return document.has("results", "metadata") and document["results"].has("channels")


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    channels = list(document["results"]["channels"])
    words: list[TimedWord] = []
    for number, channel in enumerate(channels, start=1):
        language = channel.get_language("detected_language")
        for alternative in list(channel["alternatives"])[:1]:
            alternative.need_any("words", "transcript")
            pieces = [_word(word) for word in alternative.get_items("words")]
            words += [
                piece._replace(language=piece.language or language, channel=number if len(channels) > 1 else None)
                for piece in pieces or untimed_words(alternative.get_text("transcript"))
            ]
    yield Transcript(words, duration_ms=document.get_ms("metadata", "duration"), model=_model(document))


def _word(word: JsonNode) -> TimedWord:
    return TimedWord(
        f" {word.get_text('punctuated_word') or word['word'].text()}",
        word["start"].ms(),
        word["end"].ms(),
        word.get_confidence("confidence"),
        word.get_text("speaker"),
        word.get_language("language"),
    )


def _model(document: JsonNode) -> str | None:
    """Return the name of the first model, such as "nova-3". The names stand under the ids of the models."""
    for model in document.get("metadata", "models") or ():
        return document.get_text("metadata", "model_info", model.text(), "arch")
    return None
