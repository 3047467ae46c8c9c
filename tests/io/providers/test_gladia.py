"""Result of a pre-recorded transcription of Gladia, written by hand after the public page (PAGE)."""

import pytest
from provider_documents import read

from soniox_ds.exceptions import InputError

WORD = {"word": " Hello,", "start": 0.21, "end": 0.7, "confidence": 0.99}


def document(n_channels=1, **more):
    utterance = {
        "text": "Hello,",
        "language": "en",
        "start": 0.2,
        "end": 0.7,
        "confidence": 0.99,
        "channel": 0,
        "speaker": 0,
        "words": [WORD],
    }
    result = {
        "metadata": {
            "audio_duration": 4.1,
            "number_of_distinct_channels": n_channels,
            "billing_time": 4.1 * n_channels,
            "transcription_time": 1.2,
        },
        "transcription": {"full_transcript": "Hello,", "languages": ["en"], "utterances": [utterance]},
    }
    job = {
        "id": "x",
        "request_id": "G-x",
        "version": 2,
        "status": "done",
        "created_at": "2026-11-01T00:00:00.000Z",
        "kind": "pre-recorded",
    }
    return job | {"result": result} | more


def test_words():
    [transcript] = read(document(), "gladia")
    assert transcript.duration_ms == 4100
    assert transcript.words == [(" Hello,", 210, 700, 0.99, "0", "en", None)]


def test_channels_are_numbered_from_1():
    [transcript] = read(document(n_channels=2), "gladia")
    assert [word.channel for word in transcript.words] == [1]


def test_a_failed_job_is_refused():
    with pytest.raises(InputError, match="its status is 'error'"):
        read(document(status="error", result=None, error_code=500), "gladia")
