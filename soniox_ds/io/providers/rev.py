"""Rev AI: the transcript object.

Conventions: times are seconds. A monologue is a turn of one speaker. Its elements are words ("text"), spaces and
punctuation ("punct"), and sounds or unclear words ("unknown"), which are left out. Source: `PAGE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "Rev AI"
PAGE = "https://docs.rev.ai/api/asynchronous/get-started/"


def recognises(document: JsonNode) -> bool:
    """Return True for an object with monologues."""
    return document.has("monologues")


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    words: list[TimedWord] = []
    for monologue in document["monologues"]:
        space = " " if words else ""
        for element in monologue["elements"]:
            kind, text = element["type"].text(), element["value"].text()
            if kind == "punct":
                mark = text.strip()
                if mark and words:
                    words[-1] = words[-1]._replace(text=words[-1].text + mark)
                space = " " if text[-1:].isspace() else "" if mark else space
            elif kind == "text":
                words.append(
                    TimedWord(
                        f"{space}{text}",
                        element.get_ms("ts"),
                        element.get_ms("end_ts"),
                        element.get_confidence("confidence"),
                        monologue.get_text("speaker"),
                    )
                )
                space = ""
    yield Transcript(words)
