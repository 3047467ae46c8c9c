"""NVIDIA NeMo: the lines that ``transcribe_speech.py`` writes, one JSON object for each recording.

Conventions: `pred_text` is the transcript. With ``timestamps=True`` each line also holds `timestamps_word`, whose
`start` and `end` are seconds; without, the transcript has no times. The name of the recording is that of
`audio_filepath`. Source: `PAGE`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript, untimed_words

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "NVIDIA NeMo"
PAGE = "https://github.com/NVIDIA/NeMo/blob/main/examples/asr/transcribe_speech.py"


def recognises(document: JsonNode) -> bool:
    """Return True for a line of a manifest with a transcript."""
    return document.has("audio_filepath", "pred_text")


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the line."""
    timed = document.get("timestamps_word")
    if timed is None:
        words = untimed_words(document["pred_text"].text())
    else:
        words = [TimedWord(f" {word['word'].text()}", word["start"].ms(), word["end"].ms()) for word in timed]
    source = document["audio_filepath"].text()
    name = PurePosixPath(source.replace("\\", "/")).stem
    yield Transcript(words, audio_id=name, source=source, duration_ms=document.get_ms("duration"))
