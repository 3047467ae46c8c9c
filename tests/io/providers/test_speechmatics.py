"""Transcript of Speechmatics in the format json-v2, written by hand after the public page (PAGE)."""

from provider_documents import read


def item(kind, content, start_s, end_s, **more):
    best = {
        "content": content,
        "confidence": 0.9,
        "language": more.pop("language", "en"),
        "speaker": more.pop("speaker", "S1"),
    }
    return {"type": kind, "start_time": start_s, "end_time": end_s, "alternatives": [best], **more}


def document(*items):
    return {
        "format": "2.9",
        "job": {"id": "j", "created_at": "2026-11-01T00:00:00Z", "data_name": "a.wav", "duration": 4},
        "metadata": {
            "created_at": "2026-11-01T00:00:10Z",
            "type": "transcription",
            "transcription_config": {"language": "en", "operating_point": "enhanced"},
        },
        "results": list(items),
    }


MIXED = document(
    item("word", "Well", 0.1, 0.4),
    item("punctuation", ",", 0.4, 0.4, attaches_to="previous"),
    item("word", "no", 0.5, 0.7, speaker="UU"),
    item("punctuation", "-", 0.7, 0.7, attaches_to="none"),
    item(
        "entity",
        "$1 million",
        0.8,
        1.6,
        entity_class="money",
        spoken_form=[
            item("word", "one", 0.8, 1.0),
            item("word", "million", 1.0, 1.3),
            item("word", "dollars", 1.3, 1.6),
        ],
        written_form=[item("word", "$1", 0.8, 1.0), item("word", "million", 1.0, 1.6)],
    ),
    item("entity", "1.99", 1.7, 2.0, entity_class="decimal"),
)
CHANNELS = document(item("word", "a", 0, 1, channel="agent"), item("word", "b", 1, 2, channel="caller"))


def test_words_and_their_punctuation():
    [transcript] = read(MIXED, "speechmatics")
    assert (transcript.duration_ms, transcript.model) == (4000, "enhanced")
    assert transcript.words == [
        ("Well,", 100, 400, 0.9, "S1", "en", None),
        (" no -", 500, 700, 0.9, None, "en", None),
        (" $1", 800, 1000, 0.9, "S1", "en", None),
        (" million", 1000, 1600, 0.9, "S1", "en", None),
        (" 1.99", 1700, 2000, 0.9, "S1", "en", None),
    ]


def japanese(**info):
    words = [item("word", text, place, place + 1, language=language) for place, (text, language) in enumerate(WORDS)]
    given = document(*words, item("punctuation", "。", 3, 3, attaches_to="previous", language="ja"))
    given["metadata"]["language_pack_info"] = {"language_description": "Japanese", "writing_direction": "", **info}
    return given


WORDS = [("今日", "ja"), ("は", "ja"), ("Monday", "en")]
DELIMITED = {
    "of the language pack": japanese(word_delimiter=""),
    "of each language": japanese(word_delimiter=" ", per_language_word_delimiters={"ja": "", "en": " "}),
}


def test_words_are_delimited_as_in_their_language():
    texts = {name: [w.text for w in read(given, "speechmatics")[0].words] for name, given in DELIMITED.items()}
    assert texts["of the language pack"] == ["今日", "は", "Monday。"]
    assert texts["of each language"] == ["今日", "は", " Monday。"]


def test_channels_are_numbered_in_the_order_of_their_appearance():
    [transcript] = read(CHANNELS, "speechmatics")
    assert [word.channel for word in transcript.words] == [1, 2]
