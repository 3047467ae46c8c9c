"""Transcript object of Rev AI, written by hand after the public page (PAGE)."""

from provider_documents import read


def text(value, start_s, end_s):
    return {"type": "text", "value": value, "ts": start_s, "end_ts": end_s, "confidence": 0.84}


def mark(value):
    return {"type": "punct", "value": value}


DOCUMENT = {
    "monologues": [
        {
            "speaker": 0,
            "elements": [
                text("Hi", 0.26, 0.5),
                mark(","),
                mark(" "),
                text("mother", 0.6, 0.9),
                mark("-"),
                text("in", 0.9, 1.0),
                mark(". "),
            ],
        },
        {
            "speaker": 1,
            "speaker_info": {"id": "7", "display_name": "Ann"},
            "elements": [{"type": "unknown", "value": "<laugh>"}, text("Yes", 1.2, 1.4)],
        },
    ]
}


def test_words_and_their_punctuation():
    [transcript] = read(DOCUMENT, "rev")
    assert transcript.words == [
        ("Hi,", 260, 500, 0.84, "0", None, None),
        (" mother-", 600, 900, 0.84, "0", None, None),
        ("in.", 900, 1000, 0.84, "0", None, None),
        (" Yes", 1200, 1400, 0.84, "1", None, None),
    ]


def test_nothing_was_said():
    [transcript] = read({"monologues": []}, "rev")
    assert transcript.words == []
