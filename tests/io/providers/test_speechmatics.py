"""Transcript of Speechmatics in the format json-v2, written by hand after the public page (PAGE)."""

from provider_documents import read


def item(kind, content, start_s, end_s, **more):
    best = {"content": content, "confidence": 0.9, "language": "en", "speaker": more.pop("speaker", "S1")}
    return {"type": kind, "start_time": start_s, "end_time": end_s, "alternatives": [best], **more}


def document(*items):
    return {
        "format": "2.9",
        "job": {"id": "j", "created_at": "2026-11-01T00:00:00Z", "data_name": "a.wav", "duration": 4},
        "metadata": {"transcription_config": {"language": "en", "operating_point": "enhanced"}},
        "results": list(items),
    }


def test_words_and_their_punctuation():
    [transcript] = read(
        document(
            item("word", "Well", 0.1, 0.4),
            item("punctuation", ",", 0.4, 0.4, attaches_to="previous"),
            item("word", "no", 0.5, 0.7, speaker="UU"),
            item("punctuation", "-", 0.7, 0.7, attaches_to="none"),
            item("entity", "x", 0.8, 0.9),
        ),
        "speechmatics",
    )
    assert (transcript.duration_ms, transcript.model) == (4000, "enhanced")
    assert transcript.words == [("Well,", 100, 400, 0.9, "S1", "en", None), (" no -", 500, 700, 0.9, None, "en", None)]


def test_channels_are_numbered_in_the_order_of_their_appearance():
    [transcript] = read(
        document(item("word", "a", 0, 1, channel="agent"), item("word", "b", 1, 2, channel="caller")), "speechmatics"
    )
    assert [word.channel for word in transcript.words] == [1, 2]
