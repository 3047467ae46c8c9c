"""Responses of Google Cloud Speech-to-Text, written by hand after the public page (PAGE)."""

import pytest
from provider_documents import read

from soniox_ds.exceptions import InputError, SchemaError

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


WITH_OPERATION = {
    "name": "operation",
    "done": True,
    "response": {
        "@type": "type.googleapis.com/google.cloud.speech.v1.LongRunningRecognizeResponse",
        "results": [V1, WITH_SPEAKERS],
    },
}
V2 = {
    "results": [
        {
            "alternatives": [
                {
                    "transcript": "Hola",
                    "words": [{"startOffset": "1s", "endOffset": "1.500s", "word": "Hola", "speakerLabel": "1"}],
                }
            ],
            "channelTag": 2,
            "languageCode": "es-ES",
        },
        {"resultEndOffset": "2s"},
    ]
}
ADDRESS = "gs://bucket/a.wav"
BATCH = {
    "name": "operation",
    "done": True,
    "response": {
        "@type": "type.googleapis.com/google.cloud.speech.v2.BatchRecognizeResponse",
        "results": {ADDRESS: {"inlineResult": {"transcript": V2}, "metadata": {"totalBilledDuration": "2s"}}},
    },
}


def test_version_1():
    [transcript] = read({"results": [V1]}, "google")
    assert transcript.words == [(" good", 0, 500, 0.9, None, "en", None), (" day", 500, 1200, 0.7, None, "en", None)]


def test_the_last_result_with_speakers_repeats_all_words_and_is_read_alone():
    [transcript] = read(WITH_OPERATION, "google")
    assert [(word.text, word.speaker) for word in transcript.words] == [(" good", "1"), (" day", "2")]


def test_version_2():
    [transcript] = read(V2, "google")
    assert transcript.words == [(" Hola", 1000, 1500, None, "1", "es", 2)]


@pytest.mark.parametrize(
    "document",
    [
        BATCH,
        BATCH["response"],
        {"results": {ADDRESS: {"transcript": V2}}},  # the older field of the same message
        {"results": {ADDRESS: {"inlineResult": {"transcript": V2}, "transcript": V2}}},
    ],
)
def test_a_batch_response_of_version_2(document):
    [transcript] = read(document, "google")
    assert transcript.audio_id == "a"
    assert transcript.words == [(" Hola", 1000, 1500, None, "1", "es", 2)]


def test_a_file_whose_transcript_is_elsewhere_is_refused():
    result = {"cloudStorageResult": {"uri": "gs://bucket/out/a.json"}, "uri": "gs://bucket/out/a.json"}
    with pytest.raises(InputError, match=r"transcript of 'gs://bucket/a.wav' is in another file \(gs://bucket/out"):
        read({"results": {ADDRESS: result}}, "google")


def test_a_file_that_failed_is_refused():
    result = {"error": {"code": 3, "message": "Audio data does not appear to be in a supported encoding."}}
    with pytest.raises(InputError, match=r"transcription of 'gs://bucket/a.wav' failed \(Audio data does not"):
        read({"results": {ADDRESS: result}}, "google")


def test_without_words_a_result_has_no_times():
    document = {"results": [{"alternatives": [{"transcript": " good day ", "confidence": 0.8}]}]}
    [transcript] = read(document, "google")
    assert transcript.words == [(" good day", None, None, 0.8, None, None, None)]


def test_a_time_in_another_form_is_refused():
    words = [{"word": "a", "startTime": "1:02", "endTime": "2s"}]
    with pytest.raises(SchemaError, match=r"results\[0\].*startTime must be a time such as '1\.200s', found '1:02'"):
        read({"results": [{"alternatives": [{"words": words}]}]}, "google")
