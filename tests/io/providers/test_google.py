"""Responses of Google Cloud Speech-to-Text, written by hand after the public page (PAGE)."""

import pytest
from provider_documents import read

from soniox_ds.exceptions import SchemaError

V1 = {
    "alternatives": [
        {
            "transcript": "good day",
            "confidence": 0.9,
            "words": [
                {"endTime": "0.500s", "word": "good"},  # The API leaves out a time of 0.
                {"startTime": "0.500s", "endTime": "1.200s", "word": "day", "confidence": 0.7},
            ],
        }
    ],
    "languageCode": "en-us",
}
WITH_SPEAKERS = {
    "alternatives": [
        {
            "words": [
                {"endTime": "0.500s", "word": "good", "speakerTag": 1},
                {"startTime": "0.500s", "endTime": "1.200s", "word": "day", "speakerTag": 2},
            ]
        }
    ]
}


def test_version_1():
    [transcript] = read({"results": [V1]}, "google")
    assert transcript.words == [(" good", 0, 500, 0.9, None, "en", None), (" day", 500, 1200, 0.7, None, "en", None)]


def test_the_last_result_with_speakers_repeats_all_words_and_is_read_alone():
    [transcript] = read({"name": "operation", "done": True, "response": {"results": [V1, WITH_SPEAKERS]}}, "google")
    assert [(word.text, word.speaker) for word in transcript.words] == [(" good", "1"), (" day", "2")]


def test_a_batch_response_of_version_2():
    words = [{"startOffset": "1s", "endOffset": "1.5s", "word": "Hola", "speakerLabel": "1"}]
    result = {"alternatives": [{"transcript": "Hola", "words": words}], "channelTag": 2, "languageCode": "es-ES"}
    document = {"results": {"gs://bucket/a.wav": {"transcript": {"results": [result, {"resultEndOffset": "2s"}]}}}}
    [transcript] = read(document, "google")
    assert transcript.audio_id == "a"
    assert transcript.words == [(" Hola", 1000, 1500, None, "1", "es", 2)]


def test_without_words_a_result_has_no_times():
    document = {"results": [{"alternatives": [{"transcript": " good day ", "confidence": 0.8}]}]}
    [transcript] = read(document, "google")
    assert transcript.words == [(" good day", None, None, 0.8, None, None, None)]


def test_a_time_in_another_form_is_refused():
    words = [{"word": "a", "startTime": "1:02", "endTime": "2s"}]
    with pytest.raises(SchemaError, match=r"results\[0\].*startTime must be a time such as '1\.200s', found '1:02'"):
        read({"results": [{"alternatives": [{"words": words}]}]}, "google")
