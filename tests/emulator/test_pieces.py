"""Words cut into tokens: cases counted by hand, and laws."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds.emulator.recognizers.pieces import Word, cut_word, place, tokens_of

CUT_BY_HAND = [
    (" so", [" so"]),
    (" test", [" test"]),
    (" weather", [" weat", "her"]),
    (" recording,", [" rec", "ord", "ing", ","]),
    (" is,", [" is,"]),
    (" you?", [" you", "?"]),
    (" don't", [" don", "'t"]),
    (" 60", [" 6", "0"]),
    (" 1,250", [" 1", ",", "2", "5", "0"]),
    (' "Hi', [' "', "Hi"]),
    (" tax-free", [" tax", "-", "free"]),
    ("glued", ["glu", "ed"]),
    (" ", []),
]


@pytest.mark.parametrize(("word", "pieces"), CUT_BY_HAND, ids=[repr(word) for word, _ in CUT_BY_HAND])
def test_cut_word(word, pieces):
    assert cut_word(word) == pieces


@given(st.text(st.sampled_from("aBéx'’.,-!?$ 059"), max_size=14))
def test_pieces_are_the_word_again_and_small(body):
    word = " " + body.strip()
    pieces = cut_word(word)
    assert "".join(pieces) == (word if body.strip() else "")
    for piece in pieces:
        assert max(map(len, re.findall(r"[^\W\d_]+", piece)), default=0) <= 4
        assert len(re.findall(r"\d", piece)) <= 1


PLACED_BY_HAND = [
    pytest.param([0, 100, 110], 0, 1000, [0, 90, 150], id="pushed-on"),
    pytest.param([940, 950], 0, 1000, [870, 930], id="pushed-back-from-the-end"),
    pytest.param([0, 10], 100, 1000, [120, 180], id="after-the-floor"),
    pytest.param([0, 0, 0], 0, 100, [0, 0, 30], id="too-little-room"),
    pytest.param([500], 0, 0, [0], id="no-room-at-all"),
    pytest.param([], 0, 0, [], id="nothing"),
]


@pytest.mark.parametrize(("wanted", "floor", "ceiling", "starts"), PLACED_BY_HAND)
def test_place(wanted, floor, ceiling, starts):
    assert place(wanted, floor, ceiling) == starts


@given(st.lists(st.floats(0, 3000), max_size=30).map(sorted), st.integers(0, 1000), st.integers(0, 4000))
def test_places_are_in_order_on_the_grid_and_apart_where_there_is_room(wanted, floor, length):
    starts = place(wanted, floor, floor + length)
    assert all(start % 30 == 0 and start >= floor for start in starts)
    assert starts == sorted(starts)
    if length >= 60 * len(starts) + 60:
        assert all(after - before >= 60 for before, after in pairwise(starts))
        assert all(start + 60 <= floor + length for start in starts)


def word(text, start_s, end_s, **more):
    return Word(text=text, start_s=start_s, end_s=end_s, probability=0.5, **more)


def test_tokens_span_their_word_and_carry_what_it_carries():
    tokens = tokens_of([word(" Weather", 1.0, 1.5, speaker="2", language="en")], ceiling_ms=2000)
    common = {"confidence": 0.5, "speaker": "2", "language": "en"}
    assert tokens == [
        {"text": "Weat", "start_ms": 990, "end_ms": 1050, **common},
        {"text": "her", "start_ms": 1440, "end_ms": 1500, **common},
    ]


def test_only_the_first_token_of_a_transcript_loses_its_space():
    words = [word(" a", 0, 0.1), word(" b", 0.2, 0.3)]
    assert [token["text"] for token in tokens_of(words, ceiling_ms=1000)] == ["a", " b"]
    assert [token["text"] for token in tokens_of(words, ceiling_ms=1000, first=False)] == [" a", " b"]


def test_requested_translations_are_not_faked():
    (token,) = tokens_of([word(" hi", 0, 0.1, language="en")], ceiling_ms=1000, translating=True)
    assert token["translation_status"] == "none"
    assert "source_language" not in token
