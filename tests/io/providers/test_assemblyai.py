"""Transcript object of AssemblyAI, written by hand after the public page (PAGE)."""

import pytest
from provider_documents import read

from soniox_ds.exceptions import InputError, SchemaError

DOCUMENT = {
    "id": "t",
    "status": "completed",
    "audio_url": "https://example.com/a.mp3",
    "language_code": "en_us",
    "audio_duration": 12,
    "speech_model": "universal",
    "text": "Smoke, again.",
    "words": [
        {"text": "Smoke,", "start": 250, "end": 650, "confidence": 0.97, "speaker": "A", "channel": "1"},
        {"text": "again.", "start": 700, "end": 1200, "confidence": 0.9, "speaker": None},
    ],
    "utterances": None,
}


def test_words():
    [transcript] = read(DOCUMENT, "assemblyai")
    assert (transcript.duration_ms, transcript.model) == (12_000, "universal")
    assert transcript.words == [
        (" Smoke,", 250, 650, 0.97, "A", "en", 1),
        (" again.", 700, 1200, 0.9, None, "en", None),
    ]


def test_a_failed_job_is_refused_with_its_message():
    failed = DOCUMENT | {"status": "error", "error": "Download error", "words": None}
    with pytest.raises(InputError, match=r"its status is 'error' \(Download error\)"):
        read(failed, "assemblyai")


def test_nothing_was_said():
    [transcript] = read(DOCUMENT | {"words": [], "text": ""}, "assemblyai")
    assert transcript.words == []


@pytest.mark.parametrize("words", [None, []])
def test_a_text_without_words_has_no_times(words):
    [transcript] = read(DOCUMENT | {"words": words}, "assemblyai")
    assert transcript.words == [
        (" Smoke,", None, None, None, None, "en", None),
        (" again.", None, None, None, None, "en", None),
    ]


def test_a_document_without_words_and_text_is_refused():
    with pytest.raises(SchemaError, match=r"has none of 'words', 'text'"):
        read(DOCUMENT | {"words": None, "text": None}, "assemblyai")
