"""Response of the speech-to-text API of ElevenLabs, written by hand after the public page (PAGE)."""

import pytest
from provider_documents import read

DOCUMENT = {
    "language_code": "eng",
    "language_probability": 0.98,
    "text": "Hello world! (laughs)",
    "audio_duration_secs": 2.0,
    "words": [
        {"text": "Hello", "start": 0.1, "end": 0.5, "type": "word", "speaker_id": "speaker_0", "logprob": 0.0},
        {"text": " ", "start": 0.5, "end": 0.6, "type": "spacing", "speaker_id": "speaker_0", "logprob": 0.0},
        {
            "text": "world!",
            "start": 0.6,
            "end": 1.0,
            "type": "word",
            "speaker_id": "speaker_1",
            "logprob": -0.6931471805599453,
        },
        {"text": "(laughs)", "start": 1.1, "end": 1.5, "type": "audio_event", "speaker_id": None, "logprob": 0.0},
    ],
}


CHANNELS = {
    "transcripts": [
        DOCUMENT | {"channel_index": 0},
        DOCUMENT | {"channel_index": 1, "words": DOCUMENT["words"][:1]},
    ],
    "transcription_id": "t",
    "audio_duration_secs": 2.5,
}


def test_words():
    [transcript] = read(DOCUMENT, "elevenlabs")
    assert transcript.duration_ms == 2000
    first, second = transcript.words
    assert first == ("Hello", 100, 500, 1.0, "speaker_0", "en", None)
    assert second == (" world!", 600, 1000, pytest.approx(0.5), "speaker_1", "en", None)


def test_several_channels():
    [transcript] = read(CHANNELS, "elevenlabs")
    assert [word.channel for word in transcript.words] == [1, 1, 2]
    assert transcript.duration_ms == 2500


def test_older_responses_have_no_duration():
    older = {name: value for name, value in DOCUMENT.items() if name != "audio_duration_secs"}
    assert read(older, "elevenlabs")[0].duration_ms is None
