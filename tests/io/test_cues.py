"""Cues: nothing is lost, and the limits hold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transcripts import corpus_of, segments_of, tokens_of

from soniox_ds.exceptions import InputError
from soniox_ds.io.cues import Layout, cues_of, tracks_of

words = st.text(st.sampled_from("abcdefgh"), min_size=1, max_size=12)


def cues(transcripts, **options):
    return [cues_of(track, Layout(**options)) for track in tracks_of(transcripts, "SRT")]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(words, st.sampled_from(["", ",", "."]), st.integers(0, 2500), st.integers(30, 900)), max_size=60
    ),
    st.integers(13, 50),
    st.integers(1, 3),
)
def test_no_word_is_lost_and_every_limit_holds(spoken, line_length, lines):
    rows, time = [], 0
    for index, (word, sign, pause, length) in enumerate(spoken):
        time += pause
        rows.append(("a", index, f" {word}{sign}", time, time + length))
        time += length
    tokens = pd.DataFrame(rows, columns=["audio_id", "token_index", "text", "start_ms", "end_ms"])
    for made in cues(tokens, line_length=line_length, lines=lines) if rows else []:
        text = " ".join(" ".join(cue.lines) for cue in made)
        assert text.split() == [word + sign for word, sign, _, _ in spoken]
        assert all(len(cue.lines) <= lines and max(map(len, cue.lines)) <= line_length for cue in made)
        for cue, after in pairwise(made):
            assert cue.start_ms < cue.end_ms <= after.start_ms
        assert all(cue.end_ms - cue.start_ms <= 7000 for cue in made)


def test_the_time_that_reading_needs():
    # 24 characters at 20 per second need 1,200 ms; the words last 700 ms, and the next cue begins at 5,000 ms.
    rows = [("a", "1", 0, 700, "twenty-four letters long"), ("a", "1", 5000, 5100, "Yes.")]
    [made] = cues(segments_of(rows))
    assert [(cue.start_ms, cue.end_ms) for cue in made] == [(0, 1200), (5000, 5833)]
    rows[1] = ("a", "1", 1000, 1100, "Yes.")
    [made] = cues(segments_of(rows))
    assert made[0].end_ms == 1000 - 83  # The gap before the next cue.
    [made] = cues(segments_of(rows), characters_per_s=None, min_ms=0, gap_ms=0)
    assert [(cue.start_ms, cue.end_ms) for cue in made] == [(0, 700), (1000, 1100)]


def test_lines_are_of_equal_length_and_cues_end_with_a_clause():
    sentence = (
        "when we reached the harbour in the evening, the last ferry had left and nobody knew when it would return"
    )
    [made] = cues(tokens_of({"a": sentence}), line_length=30)
    assert [cue.lines for cue in made] == [
        ["when we reached the", "harbour in the evening,"],
        ["the last ferry had left and"],
        ["nobody knew when", "it would return"],
    ]


def test_speakers_who_talk_at_once_overlap_and_cues_are_sorted():
    rows = [("a", "1", 3000, 6000, "I was saying that"), ("a", "2", 2000, 4000, "No, wait"), ("a", "1", 0, 900, "So")]
    [made] = cues(segments_of(rows))
    assert [(cue.start_ms, cue.end_ms, cue.speaker) for cue in made] == [
        (0, 900, "1"),
        (2000, 4000, "2"),
        (3000, 6000, "1"),
    ]


def test_a_short_answer_can_be_read_while_another_speaker_talks():
    rows = [
        ("a", "1", 0, 1900, "This is a rather long sentence of one"),
        ("a", "2", 1000, 1150, "Yes."),
        ("a", "1", 1950, 3500, "and it goes on"),
        ("a", "2", 1500, 1600, "Of course it does, and always."),
    ]
    [made] = cues(segments_of(rows))
    assert [(cue.start_ms, cue.end_ms, cue.speaker) for cue in made] == [
        (0, 1900, "1"),
        (1000, 1500 - 83, "2"),  # Until the next cue of speaker 2.
        (1500, 1500 + 833, "2"),  # For the shortest time, although 30 characters want 1,500 ms.
        (1950, 3500, "1"),
    ]


def test_the_next_speaker_ends_the_time_for_reading_but_not_the_shortest_time():
    rows = [("a", "1", 0, 300, "A text of forty letters in all, or more"), ("a", "2", 1200, 2000, "No.")]
    [made] = cues(segments_of(rows))
    assert made[0].end_ms == 1200 - 83
    rows[1] = ("a", "2", 400, 2000, "No.")
    [made] = cues(segments_of(rows))
    assert made[0].end_ms == 833


@pytest.mark.parametrize("speakers", [["1", "2", "3"], ["1", "1", "1"], [None, None, None]])
def test_words_without_length_at_the_same_time_can_be_read(speakers):
    [made] = cues(segments_of([("a", speaker, 1000, 1000, "Yes") for speaker in speakers]))
    assert [(cue.start_ms, cue.end_ms) for cue in made] == [(1000, 1833)] * 3


def test_a_word_without_length_is_shown_until_the_next_cue_if_there_is_no_room_for_a_gap():
    [made] = cues(segments_of([("a", "1", 1000, 1000, "Yes"), ("a", "1", 1050, 2000, "No")]))
    assert made[0].end_ms == 1050


def test_a_long_segment_without_times_of_words_is_divided_by_its_characters():
    [made] = cues(segments_of([("a", None, 0, 20_000, "abcd efgh " * 20)]), line_length=20, lines=1)
    assert [" ".join(cue.lines) for cue in made[:2]] == ["abcd efgh abcd efgh"] * 2
    assert {np.diff([cue.start_ms for cue in made]).max(), np.diff([cue.start_ms for cue in made]).min()} == {2000}


def test_text_without_spaces_is_divided_between_characters():
    text = "今天天气很好，我们一起去公园散步吧。"
    [made] = cues(segments_of([("a", None, 0, 3600, text)]), line_length=6, lines=2)
    lines = [line for cue in made for line in cue.lines]
    assert "".join(lines) == text
    assert max(map(len, lines)) <= 6
    assert not any(line[0] in "，。" for line in lines)
    [made] = cues(segments_of([("a", None, 0, 3600, text)]))
    assert [cue.lines for cue in made] == [[text]]


def test_labels_are_shown_where_the_speaker_changes():
    rows = [("a", name, 2000 * n, 2000 * n + 1000, "Yes") for n, name in enumerate(["1", "1", "Anna B", None, "1"])]
    [made] = cues(segments_of(rows), speaker_labels=True)
    assert [cue.label for cue in made] == ["Speaker 1: ", "", "Anna B: ", "", "Speaker 1: "]


def test_a_silent_recording_has_no_cue_and_a_failed_one_is_told():
    with pytest.warns(UserWarning, match=r"SRT: 1 of 3 recordings are left out because they have failed: 'c\.wav'"):
        assert cues(corpus_of({"a.wav": "Hello", "b.wav": ""}, failed=["c.wav"]))[1] == []
    with (
        pytest.warns(UserWarning, match="failed"),
        pytest.raises(InputError, match="there is no completed recording to write"),
    ):
        cues(corpus_of({}, failed=["c.wav"]))


def test_a_word_without_times_is_in_the_cue_of_its_sentence():
    # whisperX gives numbers no times. The cues have the times of the other words: 0 to 1100 and 1600 to 2300.
    tokens = tokens_of({"a": "In 2014 we. 5 met them"}).astype({"start_ms": "Int32", "end_ms": "Int32"})
    tokens.loc[[1, 3], "start_ms"] = pd.NA
    tokens.loc[[1, 3], "end_ms"] = pd.NA
    [made] = cues(tokens, characters_per_s=None, min_ms=0, gap_ms=0)
    assert [(cue.start_ms, cue.end_ms, cue.lines) for cue in made] == [
        (0, 1100, ["In 2014 we."]),
        (1600, 2300, ["5 met them"]),
    ]


def test_sentences_without_times_are_left_out_with_a_warning():
    tokens = tokens_of({"a": "one two three. Four five."}).astype({"start_ms": "Int32"})
    tokens.loc[[3, 4], "start_ms"] = pd.NA
    with pytest.warns(UserWarning, match=r"SRT: 2 of 5 words are left out \(words of unknown time\).* to 'a'"):
        [made] = cues(tokens)
    assert [cue.lines for cue in made] == [["one two three."]]
    rows = segments_of([("a", "1", 0, 900, "One"), ("a", "1", None, None, "two")])
    rows = rows.astype({"start_ms": "Int32", "end_ms": "Int32"})
    with pytest.warns(UserWarning, match=r"SRT: 1 of 2 words are left out"):
        [made] = cues(rows)
    assert [cue.lines for cue in made] == [["One"]]


@pytest.mark.parametrize("name", ["speaker", "channel"])
def test_words_that_were_spoken_at_the_same_time_keep_their_times(name):
    tokens = pd.DataFrame({"audio_id": "a", "token_index": [0, 1], "text": ["Yes", "No"], "start_ms": 0, "end_ms": 500})
    [made] = cues(tokens.assign(**{name: [1, 2]}), characters_per_s=None, min_ms=0, gap_ms=0)
    assert [(cue.start_ms, cue.end_ms, cue.lines) for cue in made] == [(0, 500, ["Yes"]), (0, 500, ["No"])]


def test_translations_have_the_times_of_their_originals():
    tokens = pd.DataFrame(
        {
            "audio_id": "a.wav",
            "token_index": range(7),
            "text": [" Good", " morning.", " Guten", " Morgen.", " How", " are you?", " Wie geht es?"],
            "start_ms": [0, 400, None, None, 3000, 3400, None],
            "end_ms": [300, 900, None, None, 3300, 4500, None],
            "language": ["en", "en", "de", "de", "en", "en", "de"],
            "translation_status": [*["original"] * 2, *["translation"] * 2, *["original"] * 2, "translation"],
            "source_language": [None, None, "en", "en", None, None, "en"],
        }
    )
    tracks = list(tracks_of(tokens, "SRT"))
    assert [track.language for track in tracks] == [None, "de"]
    spoken, translated = (cues_of(track, Layout()) for track in tracks)
    assert [" ".join(cue.lines) for cue in translated] == ["Guten Morgen.", "Wie geht es?"]
    assert [cue.start_ms for cue in translated] == [cue.start_ms for cue in spoken] == [0, 3000]


@pytest.mark.parametrize(
    "option", [{"line_length": 0}, {"lines": 1.5}, {"characters_per_s": 0}, {"min_ms": -1}, {"max_ms": "7"}]
)
def test_impossible_options_are_refused(option):
    with pytest.raises(InputError, match=next(iter(option))):
        Layout(**option)


def test_a_shortest_time_above_the_longest_is_refused():
    with pytest.raises(InputError, match=r"min_ms is 7001, above max_ms, which is 7000"):
        Layout(min_ms=7001)
