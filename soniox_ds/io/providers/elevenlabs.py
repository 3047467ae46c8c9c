"""ElevenLabs: the response of the speech-to-text API.

Conventions: times are seconds. Items of the type "spacing" are the spaces between words; "audio_event" items, such as
"(laughs)", are not words and are left out. Without items, `text` is read, whose words have no times. ``exp(logprob)``
of a word is its confidence. A response with several channels (``use_multi_channel``) holds a transcript for each in
`transcripts`. Source: `PAGE`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript, untimed_words

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "ElevenLabs"
PAGE = "https://elevenlabs.io/docs/api-reference/speech-to-text/convert"


def recognises(document: JsonNode) -> bool:
    """Return True for an object with the probability of the language, or with a transcript for each channel."""
    if document.has("transcripts") and isinstance(document["transcripts"].value, list):
        return all(recognises(JsonNode(each)) for each in document["transcripts"].value)
    return document.has("language_code", "language_probability", "words")


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    several = document.get("transcripts")
    words: list[TimedWord] = []
    for number, each in enumerate(several or [document], start=1):
        space = ""
        each.need_any("words", "text")
        items = each.get_items("words")
        if not items:
            language, channel = each.get_language("language_code"), number if several else None
            untimed = untimed_words(each.get_text("text"))
            words += [word._replace(language=language, channel=channel) for word in untimed]
        for item in items:
            kind, text = item["type"].text(), item["text"].text()
            if kind == "spacing":
                space = text
            elif kind == "word":
                logprob = item.get("logprob")
                words.append(
                    TimedWord(
                        f"{space}{text}",
                        item.get_ms("start"),
                        item.get_ms("end"),
                        math.exp(min(logprob.number(), 0)) if logprob else None,
                        item.get_text("speaker_id"),
                        each.get_language("language_code"),
                        number if several else None,
                    )
                )
                space = ""
    yield Transcript(words, duration_ms=document.get_ms("audio_duration_secs"))
