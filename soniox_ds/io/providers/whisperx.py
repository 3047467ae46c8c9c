"""whisperX: the JSON that the command line writes.

Conventions: times are seconds, and `score` of an aligned word is its confidence. Words that could not be aligned, such
as numbers, have no times. Spaces are taken from the text of the segment. Source: `PAGE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript, with_text

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "whisperX"
PAGE = "https://github.com/m-bain/whisperX"


def recognises(document: JsonNode) -> bool:
    """Return True for an object with segments and the list of all words in them."""
    return document.has("segments", "word_segments")


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    language = document.get_language("language")
    words: list[TimedWord] = []
    for segment in document["segments"]:
        text, speaker = segment["text"].text().strip(), segment.get_text("speaker")
        timed = segment.get_items("words")
        if not timed:
            pieces = [TimedWord(text, segment["start"].ms(), segment["end"].ms())]
        else:
            pieces = with_text([_word(word) for word in timed], text)
        if words and pieces:
            pieces[0] = pieces[0]._replace(text=f" {pieces[0].text}")
        words += [piece._replace(speaker=piece.speaker or speaker, language=language) for piece in pieces]
    yield Transcript(words)


def _word(word: JsonNode) -> TimedWord:
    return TimedWord(
        word["word"].text(),
        word.get_ms("start"),
        word.get_ms("end"),
        word.get_confidence("score"),
        word.get_text("speaker"),
    )
