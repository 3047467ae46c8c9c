"""Speechmatics: the transcript in the format ``json-v2``.

Conventions: times are seconds. Punctuation marks are items of their own; one that is attached to the previous word is
part of it. Entities (with ``enable_entities``) stand in place of their words, and are read in their written form. The
delimiter between words is that of their language, and is empty for languages such as Japanese. The first alternative is
read. The speaker "UU" (unknown) is NA. With separate channels, their names in the order of their appearance are
numbered from 1. Source: `PAGE`, and https://docs.speechmatics.com/speech-to-text/formatting
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
    delimiters: list[str] = []
    pieces: list[TimedWord | str] = []
    for item in document["results"]:
        kind = item["type"].text()
        if kind == "punctuation":
            mark = item["alternatives"][0]["content"].text()
            pieces.append(mark if item.get_text("attaches_to") in (None, "previous", "both") else f" {mark}")
        elif kind in ("word", "entity"):
            # An entity, such as "17th of June", stands in place of its words.
            written = list(item.get("written_form") or ()) if kind == "entity" else []
            best = item["alternatives"][0]
            speaker, channel = best.get_text("speaker"), item.get_text("channel")
            for part in written or [item]:
                first = part["alternatives"][0]
                delimiters.append(_delimiter(document, first.get_text("language")))
                pieces.append(
                    TimedWord(
                        first["content"].text(),
                        part["start_time"].ms(),
                        part["end_time"].ms(),
                        first.get_confidence("confidence"),
                        None if speaker == "UU" else speaker,
                        first.get_language("language"),
                        channels.setdefault(channel, len(channels) + 1) if channel else None,
                    )
                )
    model = document.get_text("metadata", "transcription_config", "operating_point")
    words = [
        word._replace(text=delimiter + word.text.removeprefix(" ")) if number else word
        for number, (word, delimiter) in enumerate(zip(with_punctuation(pieces), delimiters, strict=True))
    ]
    yield Transcript(words, duration_ms=document.get_ms("job", "duration"), model=model)


def _delimiter(document: JsonNode, language: str | None) -> str:
    """Return what stands between words of a language."""
    info = document.get("metadata", "language_pack_info")
    if info is None:
        return " "
    delimiter = None if language is None else info.get_text("per_language_word_delimiters", language)
    if delimiter is None:
        delimiter = info.get_text("word_delimiter")
    return " " if delimiter is None else delimiter
