"""Segments and information of faster-whisper as JSON, written by hand after the public page (PAGE)."""

from provider_documents import read

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.providers import recognised_provider

SEGMENT = {"id": 1, "seek": 0, "start": 0.0, "end": 1.2, "text": " Hello, Ann.", "tokens": [5], "avg_logprob": -0.2}
WORDS = [
    {"start": 0.0, "end": 0.5, "word": " Hello,", "probability": 0.9},
    {"start": 0.8, "end": 1.2, "word": " Ann.", "probability": 0.5},
]
INFO = {"language": "en", "language_probability": 1, "duration": 2.5}


def test_words():
    [transcript] = read({"info": INFO, "segments": [SEGMENT | {"words": WORDS}]}, "faster_whisper")
    assert transcript.duration_ms == 2500
    assert transcript.words == [(" Hello,", 0, 500, 0.9, None, "en", None), (" Ann.", 800, 1200, 0.5, None, "en", None)]


def test_without_words_a_segment_is_one_piece():
    [transcript] = read({"info": INFO, "segments": [SEGMENT | {"words": None}]}, "faster_whisper")
    assert transcript.words == [(" Hello, Ann.", 0, 1200, None, None, "en", None)]


def test_nothing_was_said():
    [transcript] = read({"info": INFO, "segments": []}, "faster_whisper")
    assert transcript.words == []


def test_a_list_of_segments_is_enough():
    segments = [SEGMENT | {"words": WORDS}, SEGMENT | {"start": 2.0, "end": 2.5, "text": " Bye."}]
    [transcript] = read(segments, "faster_whisper")
    assert [word.text for word in transcript.words] == [" Hello,", " Ann.", " Bye."]
    assert recognised_provider(JsonNode(segments)) == "faster_whisper"
