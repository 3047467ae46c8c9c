"""OpenAI: the JSON of the transcription API and of the command ``whisper``.

Conventions: times are seconds. Words stand in `words` at the top (``verbose_json``) or in each segment (command line,
with ``--word_timestamps True``); without words, each segment is one piece of text with its times and, in
``diarized_json``, its speaker. The plain ``json`` holds a text only, whose words have no times. Words of the API lack
their spaces and punctuation, which are taken from `text`. `probability` of a word is its confidence. Source: `PAGE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript, untimed_words, with_text
from soniox_ds.text.scripts import is_unspaced

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "OpenAI Whisper"
PAGE = "https://platform.openai.com/docs/api-reference/audio/verbose-json-object"


def recognises(document: JsonNode) -> bool:
    """Return True for an object with a text and segments of Whisper (with token numbers) or of ``diarized_json``.

    Without segments, the object needs a duration and words with times (``timestamp_granularities=["word"]``).
    """
    if not document.has("text", "segments"):
        words = document["words"].value if document.has("text", "duration", "words") else None
        return (
            isinstance(words, list)
            and bool(words)
            and all(JsonNode(word).has("word", "start", "end") for word in words)
        )
    segments = document["segments"].value
    return isinstance(segments, list) and all(
        JsonNode(segment).has("start", "end", "tokens")
        or (JsonNode(segment).has("start", "end", "speaker", "type") and segment["type"] == "transcript.text.segment")
        for segment in segments
    )


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    document.need_any("words", "segments", "text")
    if listed := document.get_items("words"):
        words = with_text([_word(word) for word in listed], document["text"].text())
    elif segments := document.get_items("segments"):
        words = []
        for segment in segments:
            timed = segment.get_items("words")
            words += [_word(word) for word in timed] if timed else [_segment(segment, is_first=not words)]
    else:
        words = untimed_words(document.get_text("text"))
    language = document.get_language("language")
    yield Transcript([word._replace(language=language) for word in words], duration_ms=document.get_ms("duration"))


def _word(word: JsonNode) -> TimedWord:
    return TimedWord(word["word"].text(), word["start"].ms(), word["end"].ms(), word.get_confidence("probability"))


def _segment(segment: JsonNode, *, is_first: bool) -> TimedWord:
    text = segment["text"].text()
    if not is_first and text and not text[0].isspace() and not is_unspaced(text[0]):
        text = f" {text}"
    return TimedWord(text, segment["start"].ms(), segment["end"].ms(), speaker=segment.get_text("speaker"))
