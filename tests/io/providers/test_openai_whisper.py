"""JSON of OpenAI's transcription API and of the command whisper, written by hand after the public page (PAGE)."""

import pytest
from provider_documents import read as read_document

import soniox_ds as sx
from soniox_ds.exceptions import SchemaError
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


DIARIZED = {
    "task": "transcribe",
    "duration": 9.5,
    "text": "Agent: Good morning.\nA: Hello.",
    "segments": [
        {
            "type": "transcript.text.segment",
            "id": "seg_001",
            "start": 0.0,
            "end": 1.5,
            "text": "Good morning.",
            "speaker": "agent",
        },
        {
            "type": "transcript.text.segment",
            "id": "seg_002",
            "start": 1.5,
            "end": 2.5,
            "text": "Hello.",
            "speaker": "A",
        },
    ],
}


def read_plain(document):
    """Read a document that is too plain to be recognised, so that the user names the provider."""
    [transcript] = openai_whisper.transcripts(JsonNode(document))
    return transcript


def test_plain_json_is_a_text_without_times():
    assert read_plain({"text": "only text", "usage": {"type": "tokens"}}).words == [
        (" only", None, None, None, None, None, None),
        (" text", None, None, None, None, None, None),
    ]


def test_plain_json_is_scored_as_its_text():
    corpus = sx.io.read_transcripts({"a": {"text": "only text"}}, provider="openai_whisper")
    assert corpus.recordings["text"].tolist() == ["only text"]
    assert sx.word_errors(corpus, {"a": "only text"})["wer"].tolist() == [0]


def test_segments_of_diarized_json_have_their_speakers_and_spaces_between_them():
    assert openai_whisper.recognises(JsonNode(DIARIZED))
    assert read(DIARIZED).words == [
        ("Good morning.", 0, 1500, None, "agent", None, None),
        (" Hello.", 1500, 2500, None, "A", None, None),
    ]


def test_segments_in_a_script_without_spaces_are_joined_without_one():
    segments = [SEGMENT | {"text": "今日は。"}, SEGMENT | {"text": "はい。"}]
    assert [word.text for word in read({"text": "今日は。はい。", "segments": segments}).words] == [
        "今日は。",
        "はい。",
    ]


@pytest.mark.parametrize("empty", [{"words": []}, {"words": None}, {"segments": []}, {"segments": None}, {}])
def test_empty_lists_beside_a_text_do_not_make_it_silence(empty):
    assert [word.text for word in read_plain({"text": "Hello, Ann."} | empty).words] == [" Hello,", " Ann."]


@pytest.mark.parametrize("silence", [{"text": ""}, {"text": "", "segments": [], "words": []}])
def test_an_empty_text_is_silence(silence):
    assert read_plain(silence).words == []


@pytest.mark.parametrize("document", [{}, {"text": None}, {"usage": {}}])
def test_a_document_without_a_transcript_is_refused(document):
    with pytest.raises(SchemaError, match=r"the document has none of 'words', 'segments', 'text', so it holds no"):
        read_plain(document)


def test_words_without_segments_are_recognised():
    """So the API answers if only the granularity "word" is asked for."""
    document = {name: value for name, value in API.items() if name != "segments"}
    corpus = sx.io.read_transcripts({"a.wav": document})
    assert corpus.recordings["service"].item() == "openai_whisper"
    assert corpus.words()["text"].tolist() == ["Hello,", "Ann."]
