"""JSON of OpenAI's transcription API and of the command whisper, written by hand after the public page (PAGE)."""

import pytest
from provider_documents import read as read_document

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.providers import openai_whisper

API = {
    "task": "transcribe",
    "language": "english",
    "duration": 2.47,
    "text": "Hello, Ann.",
    "segments": [
        {
            "id": 0,
            "seek": 0,
            "start": 0.0,
            "end": 2.0,
            "text": " Hello, Ann.",
            "tokens": [1, 2],
            "temperature": 0.0,
            "avg_logprob": -0.2,
            "compression_ratio": 1.1,
            "no_speech_prob": 0.01,
        }
    ],
    "usage": {"type": "duration", "seconds": 3},
    "words": [{"word": "Hello", "start": 0.0, "end": 0.5}, {"word": "Ann", "start": 0.8, "end": 1.2}],
}
SEGMENT = {"id": 0, "seek": 0, "start": 0.0, "end": 1.2, "text": " Hello, Ann.", "tokens": [1]}
WORDS = [
    {"word": " Hello,", "start": 0.0, "end": 0.5, "probability": 0.9},
    {"word": " Ann.", "start": 0.8, "end": 1.2, "probability": 0.5},
]


def read(document):
    [transcript] = read_document(document, "openai_whisper")
    return transcript


def test_words_of_the_api_get_the_punctuation_of_the_text():
    transcript = read(API)
    assert transcript.duration_ms == 2470
    assert transcript.words == [
        ("Hello,", 0, 500, None, None, "en", None),
        (" Ann.", 800, 1200, None, None, "en", None),
    ]


def test_words_of_the_command_have_confidences():
    transcript = read({"text": " Hello, Ann.", "segments": [SEGMENT | {"words": WORDS}], "language": "en"})
    assert transcript.duration_ms is None
    assert transcript.words == [(" Hello,", 0, 500, 0.9, None, "en", None), (" Ann.", 800, 1200, 0.5, None, "en", None)]


def test_without_words_a_segment_is_one_piece():
    assert read({"text": " Hello, Ann.", "segments": [SEGMENT]}).words == [
        (" Hello, Ann.", 0, 1200, None, None, None, None)
    ]


@pytest.mark.parametrize("document", [{}, {"text": "a"}, {"text": "a", "segments": 1}, [], None])
def test_other_documents_are_not_recognised(document):
    assert not openai_whisper.recognises(JsonNode(document))
