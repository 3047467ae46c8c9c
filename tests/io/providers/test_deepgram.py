"""Response of Deepgram, written by hand after the public page (PAGE)."""

import pytest
from provider_documents import read

from soniox_ds.exceptions import SchemaError

WORD = {"word": "hello", "start": 0.5, "end": 0.9, "confidence": 0.99, "punctuated_word": "Hello.", "speaker": 0}
METADATA = {
    "transaction_key": "deprecated",
    "request_id": "r",
    "sha256": "0" * 64,
    "created": "2026-11-01T00:00:00.000Z",
    "duration": 3.21,
    "channels": 1,
    "models": ["id-1"],
    "model_info": {"id-1": {"name": "general", "version": "1", "arch": "nova-3"}},
}


def document(*channels, **metadata):
    alternatives = [{"alternatives": [{"transcript": "", "confidence": 0.9, "words": words}]} for words in channels]
    return {"metadata": METADATA | metadata, "results": {"channels": alternatives}}


def test_words():
    [transcript] = read(document([WORD]), "deepgram")
    assert (transcript.duration_ms, transcript.model) == (3210, "nova-3")
    assert transcript.words == [(" Hello.", 500, 900, 0.99, "0", None, None)]


def test_without_punctuation_and_speakers_with_a_detected_language():
    plain = {name: WORD[name] for name in ("word", "start", "end", "confidence")}
    given = document([plain])
    given["results"]["channels"][0]["detected_language"] = "es"
    [transcript] = read(given, "deepgram")
    assert transcript.words == [(" hello", 500, 900, 0.99, None, "es", None)]


def test_several_channels_are_numbered_from_1():
    [transcript] = read(document([WORD], [WORD | {"language": "de"}], channels=2), "deepgram")
    assert [(word.channel, word.language) for word in transcript.words] == [(1, None), (2, "de")]


def test_nothing_was_said():
    [transcript] = read(document([], model_info={}, models=[]), "deepgram")
    assert (transcript.words, transcript.model) == ([], None)


@pytest.mark.parametrize("words", [{"words": None}, {"words": []}, {}])
def test_a_transcript_without_words_has_no_times(words):
    given = document([])
    given["results"]["channels"] = [
        {"detected_language": "en", "alternatives": [{"transcript": "Hello, Ann."} | words]}
    ]
    [transcript] = read(given, "deepgram")
    assert transcript.words == [
        (" Hello,", None, None, None, None, "en", None),
        (" Ann.", None, None, None, None, "en", None),
    ]


def test_a_document_without_words_and_transcript_is_refused():
    given = document([])
    given["results"]["channels"][0]["alternatives"] = [{"confidence": 0.5}]
    with pytest.raises(SchemaError, match=r"has none of 'words', 'transcript'.*it has 'confidence'"):
        read(given, "deepgram")
