"""Output file of Amazon Transcribe, written by hand after the public page (PAGE)."""

import pytest
from provider_documents import read

from soniox_ds.exceptions import InputError


def word(content, start, end, **more):
    alternatives = [{"confidence": "0.95", "content": content}]
    return {"type": "pronunciation", "start_time": start, "end_time": end, "alternatives": alternatives, **more}


MARK = {"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": "."}]}


def document(items, **results):
    return {
        "jobName": "job",
        "accountId": "1",
        "status": "COMPLETED",
        "results": {"transcripts": [{"transcript": "Yes. No"}], "items": items, **results},
    }


def test_words_and_their_punctuation():
    items = [word("Yes", "0.11", "0.5", speaker_label="spk_0"), MARK, word("No", "0.6", "1.0", speaker_label="spk_1")]
    [transcript] = read(document(items, language_code="en-US"), "aws_transcribe")
    assert transcript.words == [
        ("Yes.", 110, 500, 0.95, "spk_0", "en", None),
        (" No", 600, 1000, 0.95, "spk_1", "en", None),
    ]


def test_speakers_that_are_named_apart_from_the_words():
    labels = {"segments": [{"items": [{"start_time": "0.11", "end_time": "0.5", "speaker_label": "spk_0"}]}]}
    [transcript] = read(document([word("Yes", "0.11", "0.5")], speaker_labels=labels), "aws_transcribe")
    assert [each.speaker for each in transcript.words] == ["spk_0"]


def test_channels_are_numbered_from_1():
    [transcript] = read(document([word("Yes", "0.11", "0.5", channel_label="ch_1")]), "aws_transcribe")
    assert [each.channel for each in transcript.words] == [2]


def test_a_failed_job_is_refused():
    with pytest.raises(InputError, match="its status is 'FAILED'"):
        read(document([]) | {"status": "FAILED"}, "aws_transcribe")
