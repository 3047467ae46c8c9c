"""AssemblyAI: the transcript object.

Conventions: times are milliseconds. `words` hold their punctuation; `utterances` repeat them and are not read. Without
words, `text` is read, whose words have no times. A transcript whose status is "error" is refused with the message of
the provider. Source: `PAGE`.
"""

from __future__ import annotations

from collections.abc import Iterator

from soniox_ds.exceptions import InputError
from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript, untimed_words

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "AssemblyAI"
PAGE = "https://www.assemblyai.com/docs/api-reference/transcripts/get"


def recognises(document: JsonNode) -> bool:
    """Return True for an object with the address of the audio and the status of the job."""
    return document.has("id", "status", "audio_url")


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    status = document.get_text("status")
    if status not in (None, "completed"):
        error = document.get_text("error")
        raise InputError(
            f"the transcription is not complete: its status is {status!r}{f' ({error})' if error else ''}; remove the "
            "file, or fetch the completed transcript."
        )
    document.need_any("words", "text")
    language = document.get_language("language_code")
    words = [
        TimedWord(
            f" {word['text'].text()}",
            word["start"].ms(1000),
            word["end"].ms(1000),
            word.get_confidence("confidence"),
            word.get_text("speaker"),
            language,
            word.get_channel("channel", first=1),
        )
        for word in document.get_items("words")
    ]
    if not words:
        words = [word._replace(language=language) for word in untimed_words(document.get_text("text"))]
    model = document.get_text("speech_model_used") or document.get_text("speech_model")
    yield Transcript(words, duration_ms=document.get_ms("audio_duration"), model=model)
