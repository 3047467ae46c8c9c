"""Results of batch and fast transcription of Azure Speech, written by hand after the public page (PAGE)."""

import pytest
from provider_documents import read

LEXICAL = {"word": "hello", "offsetInTicks": 700000.0, "durationInTicks": 3000000.0, "confidence": 0.8}
DISPLAY = {"displayText": "Hello.", "offsetInTicks": 700000.0, "durationInTicks": 3000000.0}
PHRASE = {"offsetMilliseconds": 40, "durationMilliseconds": 400, "text": "Hello.", "confidence": 0.93}
WORD = {"text": "Hello.", "offsetMilliseconds": 40, "durationMilliseconds": 200}
FAST = {
    "durationMilliseconds": 1500,
    "combinedPhrases": [{"text": "Hello. Hello."}],
    "phrases": [PHRASE | {"words": [WORD], "speaker": 2, "locale": "de-DE", "channel": 1}, PHRASE],
}


def batch(best, n_channels=1, **phrase):
    return {
        "source": "https://example.com/a.wav",
        "durationInTicks": 25800000,
        "combinedRecognizedPhrases": [{"channel": channel, "display": ""} for channel in range(n_channels)],
        "recognizedPhrases": [
            {
                "recognitionStatus": "Success",
                "channel": 0,
                "offsetInTicks": 700000.0,
                "durationInTicks": 15900000.0,
                "nBest": [{"confidence": 0.9, "lexical": "hello", "display": "Hello.", **best}],
                **phrase,
            },
            {"recognitionStatus": "NoMatch", "channel": 0, "offsetInTicks": 1, "durationInTicks": 1},
        ],
    }


@pytest.mark.parametrize(
    ("best", "word"),
    [
        ({"words": [LEXICAL]}, (" hello", 70, 370, 0.8)),
        ({"words": [LEXICAL | {"confidence": 0}]}, (" hello", 70, 370, 0.0)),
        ({"words": [LEXICAL], "displayWords": [DISPLAY]}, (" Hello.", 70, 370, 0.8)),
        ({"words": [LEXICAL], "displayWords": [DISPLAY | {"offsetInTicks": 0}]}, (" Hello.", 0, 300, 0.9)),
        ({}, (" Hello.", 70, 1660, 0.9)),
    ],
)
def test_batch(best, word):
    [transcript] = read(batch(best, speaker=1, locale="en-US"), "azure")
    assert transcript.duration_ms == 2580
    assert transcript.words == [(*word, "1", "en", None)]


def test_channels_of_batch_are_numbered_from_1():
    [transcript] = read(batch({"words": [LEXICAL]}, n_channels=2), "azure")
    assert [word.channel for word in transcript.words] == [1]


def test_fast():
    [transcript] = read(FAST, "azure")
    assert transcript.duration_ms == 1500
    assert transcript.words == [
        (" Hello.", 40, 240, 0.93, "2", "de", 2),
        (" Hello.", 40, 440, 0.93, None, None, None),
    ]
