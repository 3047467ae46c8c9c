"""OpenAI: the ``verbose_json`` of the transcription API, and the JSON of the command ``whisper``.

Conventions: times are seconds. Words stand in `words` at the top (API) or in each segment (command line, with
``--word_timestamps True``); without words, each segment is one piece of text with its times. Words of the API lack
their spaces and punctuation, which are taken from `text`. `probability` of a word is its confidence. Source: `PAGE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript, with_text

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "OpenAI Whisper"
PAGE = "https://platform.openai.com/docs/api-reference/audio/verbose-json-object"


def recognises(document: JsonNode) -> bool:
    """Return True for an object with a text and Whisper's segments, which hold the numbers of their tokens."""
    if not document.has("text", "segments"):
        return False
    segments = document["segments"].value
    return isinstance(segments, list) and all(JsonNode(segment).has("start", "end", "tokens") for segment in segments)


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    listed = document.get("words")
    if listed is not None:
        words = with_text([_word(word) for word in listed], document["text"].text())
    else:
        words = []
        for segment in document.get("segments") or ():
            timed = segment.get("words")
            words += [_word(word) for word in timed] if timed else [_segment(segment)]
    language = document.get_language("language")
    yield Transcript([word._replace(language=language) for word in words], duration_ms=document.get_ms("duration"))


def _word(word: JsonNode) -> TimedWord:
    return TimedWord(word["word"].text(), word["start"].ms(), word["end"].ms(), word.get_confidence("probability"))


def _segment(segment: JsonNode) -> TimedWord:
    return TimedWord(segment["text"].text(), segment["start"].ms(), segment["end"].ms())
