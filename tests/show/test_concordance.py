"""The concordance: matches of phrases and regular expressions, and its view."""

import pickle
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds.exceptions import InputError

TALK = "Good morning! It's the 9:40 train. Good, morning trains? GOOD MORNING"


def words_of(*texts, **columns):
    """Words of recordings "a", "b", ..., divided at spaces; a word lasts 400 ms and begins every 500 ms."""
    rows = [
        {"audio_id": chr(97 + number), "word_index": index, "text": word, "space_before": index > 0}
        | {"start_ms": 500 * index, "end_ms": 500 * index + 400, "confidence": 0.9 - index / 100}
        for number, text in enumerate(texts)
        for index, word in enumerate(text.split())
    ]
    return pd.DataFrame(rows).assign(**columns)


def spoken(matches):
    return [f"{row.left}|{row.match}|{row.right}" for row in matches.itertuples()]


def test_a_phrase_matches_whole_words_without_regard_to_case_and_punctuation():
    matches = sx.find(words_of(TALK), "good morning", context=2)
    assert spoken(matches) == [
        "|Good morning!|It's the",
        "9:40 train.|Good, morning|trains? GOOD",
        "morning trains?|GOOD MORNING|",
    ]
    assert matches["first_word"].tolist() == [0, 6, 9]
    assert matches["word_count"].tolist() == [2, 2, 2]
    assert matches["start_ms"].tolist() == [0, 3000, 4500]
    assert matches["end_ms"].tolist() == [900, 3900, 5400]
    assert matches["confidence"].tolist() == pytest.approx([0.89, 0.83, 0.8])  # of the less certain word
    assert len(sx.find(words_of(TALK), "morn")) == 0


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("train", ["train."]), ("it's", ["It's"]), ("it s", ["It's"]), ("its", []), ("9 40", ["9:40"]), ("40", ["9:40"])],
)
def test_units_of_words(pattern, expected):
    assert sx.find(words_of(TALK), pattern)["match"].tolist() == expected


def test_capitals_can_count():
    assert sx.find(words_of(TALK), "Good morning", case=True)["first_word"].tolist() == [0, 6]
    assert sx.find(words_of(TALK), "[A-Z]{4}", regex=True, case=True)["match"].tolist() == ["GOOD", "MORNING"]


def test_a_regular_expression_sees_the_running_text_and_gives_whole_words():
    words = words_of(TALK)
    assert sx.find(words, r"\btrain", regex=True)["match"].tolist() == ["train.", "trains?"]
    assert sx.find(words, r"[.?] G", regex=True)["match"].tolist() == ["train. Good,", "trains? GOOD"]
    assert sx.find(words, "o", regex=True)["match"].tolist() == [
        "Good",
        "morning!",
        "Good,",
        "morning",
        "GOOD",
        "MORNING",
    ]
    assert sx.find(words, "^good|morning$", regex=True)["first_word"].tolist() == [0, 10]
    assert len(sx.find(words, "x*", regex=True)) == 0  # Empty matches are none.
    assert sx.find(words, "[ ]", regex=True).empty  # A space touches no word.


def test_matches_do_not_overlap():
    assert sx.find(words_of("la la la la la"), "la la")["first_word"].tolist() == [0, 2]


def test_context_of_no_words():
    assert spoken(sx.find(words_of(TALK), "train", context=0)) == ["|train.|"]


def test_no_match_crosses_recordings_or_streams():
    assert sx.find(words_of("so good", "morning all"), "good morning").empty
    words = words_of("so good morning", translation_status=["original", "original", "translation"])
    assert sx.find(words, "good morning").empty
    assert sx.find(words, "morning", stream="translation")["match"].tolist() == ["morning"]
    assert sx.find(words, "morning").empty
    assert sx.find(words_of("so good morning", channel=[1, 1, 2]), "good morning").empty


def test_a_match_across_speakers_has_no_speaker():
    words = words_of("so good morning to you", speaker=["1", "1", "2", "2", "2"], language="en")
    assert sx.find(words, "good morning")["speaker"].isna().all()
    assert sx.find(words, "morning to")["speaker"].tolist() == ["2"]
    assert sx.find(words, "good morning")["language"].tolist() == ["en"]


def test_a_phrase_crosses_tokens():
    tokens = pd.DataFrame({"audio_id": "a", "token_index": range(4), "text": ["the fer", "ry", " now", "here"]})
    assert sx.find(tokens, "ferry nowhere")["match"].tolist() == ["ferry nowhere"]
    chinese = pd.DataFrame({"audio_id": "a", "token_index": range(4), "text": ["我", "们很", "好", "。"]})
    assert spoken(sx.find(chinese, "们很好")) == ["我|们很好。|"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern": ""}, "pattern is empty"),
        ({"pattern": " \t"}, "pattern is empty"),
        ({"pattern": "?!"}, "no letter or digit.*regex=True"),
        ({"pattern": "(good", "regex": True}, r"'\(good' is no regular expression: missing \).*regex=False"),
        ({"pattern": 3}, "pattern must be a text, found int"),
        ({"pattern": "a", "context": -1}, "context"),
        ({"pattern": "a", "context": 1.5}, "context"),
        ({"pattern": "a", "stream": "both"}, "stream must be one of"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        sx.find(words_of(TALK), **arguments)


def test_no_words():
    matches = sx.find(words_of(TALK).iloc[:0], "good")
    assert list(matches.columns) == list(sx.schema.CONCORDANCE)
    assert repr(matches) == "No match of 'good'"
    assert "<table" not in matches._repr_html_()


@given(st.lists(st.sampled_from(["ein", "zwei", "Zwei!", "drei-vier", "好的"]), min_size=1, max_size=12), st.data())
def test_what_was_said_is_found_where_it_was_said(said, data):
    words = words_of(" ".join(said))
    first = data.draw(st.integers(0, len(said) - 1))
    last = data.draw(st.integers(first, len(said) - 1))
    phrase = " ".join(said[first : last + 1])
    matches = sx.find(words, phrase, context=3)
    # The first of overlapping matches is given, so the wanted place is a match or shares words with one.
    assert any(row.first_word <= last and first < row.first_word + row.word_count for row in matches.itertuples())
    for row in matches.itertuples():
        place, size = row.first_word, row.word_count
        plain = [re.sub(r"\W+", " ", text).casefold().split() for text in (row.match, phrase)]
        assert plain[0] == plain[1] or "好" in phrase
        assert row.left.split() == said[max(place - 3, 0) : place]
        assert row.match.split() == said[place : place + size]
        assert row.right.split() == said[place + size : place + size + 3]


def test_an_opened_corpus_is_searched_part_by_part(tmp_path):
    for name in "ab":
        tokens = pd.DataFrame({"audio_id": name, "token_index": [0, 1], "text": ["good", " morning"]})
        corpus = sx.Corpus(pd.DataFrame({"audio_id": [name], "status": "completed"}), tokens)
        corpus.save(tmp_path, append=True)
    opened = sx.open_corpus(tmp_path)
    matches = sx.find(opened, "good morning")
    assert isinstance(matches, type(sx.find(opened.load(), "morning")))
    pd.testing.assert_frame_equal(matches, sx.find(opened.load(), "good morning"))
    assert matches["audio_id"].tolist() == ["a", "b"]


def test_the_table_is_ordinary():
    matches = sx.find(words_of(TALK, TALK), "good")
    assert type(matches.table) is type(matches[["left"]]) is type(matches.head()) is pd.DataFrame
    assert repr(pickle.loads(pickle.dumps(matches))) == repr(matches)


def test_the_printed_lines_are_aligned():
    lines = repr(sx.find(words_of(TALK, "a " * 30 + "train " + "b " * 30), "train", context=30)).splitlines()
    assert lines[0] == "2 matches of 'train' in 2 recordings"
    assert len({line.index("[") for line in lines[1:]}) == 1
    assert lines[2].count("…") == 2
    more = repr(sx.find(words_of(*["train"] * 25), "train"))
    assert more.endswith("… and 5 more; .table is the whole table")


def test_the_view():
    words = words_of("<b>Good</b> morning, I say", speaker="1")
    html = sx.find(words, "morning")._repr_html_()
    assert "1 match of &#39;morning&#39; in 1 recording" in html
    assert "&lt;b&gt;Good&lt;/b&gt;" in html
    assert re.search(r"<b><bdi[^>]*>morning,</bdi></b>", html)
    assert "0:00" in html
    assert "speaker 1" in html
    assert 'title="confidence 0.89"' in html
    assert "… and 20 more" in sx.find(words_of(*["train"] * 120), "train")._repr_html_()


def test_text_from_right_to_left_is_laid_out_from_right_to_left():
    hebrew = sx.find(words_of("אני אומר שלום לכולם"), "שלום")
    html = hebrew._repr_html_()
    assert '<table dir="rtl"' in html
    assert html.index("אני אומר") < html.index("שלום</bdi></b>") < html.index("לכולם")
    # In a page from left to right, the words before the match stand to its right.
    mixed = sx.find(words_of("אני אומר OK לכולם", "that is OK then", "this is OK"), "ok")._repr_html_()
    assert '<table dir="ltr"' in mixed
    assert mixed.index("לכולם") < mixed.index("אני אומר")
    assert mixed.index("that is") < mixed.index("then")
