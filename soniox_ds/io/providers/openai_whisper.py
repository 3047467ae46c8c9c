"""OpenAI: the ``verbose_json`` of the transcription API, and the JSON of the command ``whisper``.

Conventions: times are seconds. Words stand in `words` at the top (API) or in each segment (command line, with
``--word_timestamps True``); without words, each segment is one piece of text with its times. Words of the API lack
their spaces and punctuation, which are taken from `text`. `probability` of a word is its confidence. Source:
https://platform.openai.com/docs/api-reference/audio/verbose-json-object
"""

from __future__ import annotations

from collections.abc import Iterator

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript, with_text

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "OpenAI Whisper"
PAGE = "https://platform.openai.com/docs/api-reference/audio/verbose-json-object"


def recognises(document: JsonNode) -> bool:
    """Return True for an object with text, language and Whisper's segments."""
    if not document.has("text", "segments"):
        return False
    segments = document["segments"].value
    return isinstance(segments, list) and all(JsonNode(segment).has("start", "end", "tokens") for segment in segments)


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    language = document.get("language")
    duration = document.get("duration")
    segments = document.get("segments")
    listed = document.get("words")
    if listed is not None:
        words = with_text([_word(word) for word in listed], document["text"].text())
    else:
        words = []
        for segment in segments or ():
            timed = segment.get("words")
            words += [_word(word) for word in timed] if timed else [_segment(segment)]
    yield Transcript(
        [word._replace(language=language.text() if language else None) for word in words],
        duration_ms=duration.ms() if duration else None,
    )


def _word(word: JsonNode) -> TimedWord:
    probability = word.get("probability")
    return TimedWord(
        word["word"].text(), word["start"].ms(), word["end"].ms(), probability.confidence() if probability else None
    )


def _segment(segment: JsonNode) -> TimedWord:
    return TimedWord(segment["text"].text(), segment["start"].ms(), segment["end"].ms())
