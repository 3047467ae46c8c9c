"""Amazon Transcribe: the output file of a job.

Conventions: times are seconds, written as text. Punctuation marks are items without times, which belong to the word
before. The first alternative is read. Speakers are labels such as "spk_0", and channels "ch_0" are numbered from 1.
Source: `PAGE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript, with_punctuation

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "Amazon Transcribe"
PAGE = "https://docs.aws.amazon.com/transcribe/latest/dg/how-input.html#how-output"


def recognises(document: JsonNode) -> bool:
    """Return True for an object with the name of a job and results with items or channels."""
    return document.has("jobName", "results")


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    status = document.get_text("status")
    if status not in (None, "COMPLETED"):
        raise InputError(f"the job is not complete: its status is {status!r}; remove the file.")
    results = document["results"]
    speakers = _speakers(results)
    pieces: list[TimedWord | str] = []
    for item in results["items"]:
        best = item["alternatives"][0]
        if item["type"].text() == "punctuation":
            pieces.append(best["content"].text())
            continue
        channel = item.get("channel_label")
        pieces.append(
            TimedWord(
                best["content"].text(),
                item["start_time"].ms(),
                item["end_time"].ms(),
                best.get_confidence("confidence"),
                item.get_text("speaker_label") or speakers.get(item["start_time"].text()),
                item.get_language("language_code") or results.get_language("language_code"),
                _channel(channel) if channel else None,
            )
        )
    yield Transcript(with_punctuation(pieces))


def _speakers(results: JsonNode) -> dict[str, str]:
    """Return the speaker of each word by its start time. Older files list the speakers separately from the words."""
    return {
        item["start_time"].text(): item["speaker_label"].text()
        for segment in results.get("speaker_labels", "segments") or ()
        for item in segment.get("items") or ()
    }


def _channel(label: JsonNode) -> int:
    """Return the number of a channel, from 1, of a label such as "ch_0"."""
    number = label.text().removeprefix("ch_")
    if not number.isdecimal():
        raise SchemaError(f"{label.place} must be a channel such as 'ch_0', found {label.value!r}")
    return int(number) + 1
