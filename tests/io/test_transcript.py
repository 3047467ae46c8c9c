"""Spaces and punctuation of words, taken from a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds.io.transcript import TimedWord, with_text


@pytest.mark.parametrize(
    ("words", "text", "expected"),
    [
        ("Good day Ann", "Good day, (Ann)!", ["Good", " day,", " (Ann)!"]),
        ("Ann", "«Ann»", ["«Ann»"]),
        ("a b c", "a x c", ["a", " b", " c"]),  # b is not in the text; nothing of the text is doubled
        ("a a", "a a", ["a", " a"]),
        ("今 日", "今日。", ["今", "日。"]),
        ("a", "", [" a"]),
    ],
)
def test_with_text(words, text, expected):
    assert [word.text for word in with_text([TimedWord(word) for word in words.split()], text)] == expected


@given(st.lists(st.tuples(st.text("ab", min_size=1), st.sampled_from([" ", ", ", " (", "-"])), min_size=1))
def test_the_words_of_a_text_give_the_text_again(pieces):
    text = "".join(word + sign for word, sign in pieces).rstrip()
    words = with_text([TimedWord(word) for word, _ in pieces], text)
    assert "".join(word.text for word in words) == text
