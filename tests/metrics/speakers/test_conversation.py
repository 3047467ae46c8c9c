"""Turns, talk time and turn-taking, counted by hand and by laws."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.schema import SPEAKER_STATS, SPEAKER_TRANSITIONS, TURNS, WORDS, empty


def turns_of(*rows, audio_id="call"):
    """Turns of rows like ("A", 0, 1000)."""
    return pd.DataFrame([(audio_id, *row) for row in rows], columns=list(TURNS)[:4])


def words_of(*rows, **columns):
    table = pd.DataFrame(rows, columns=["speaker", "start_ms", "end_ms"])
    return table.assign(**{"audio_id": "call", "word_index": range(len(rows)), "text": "word", **columns})


def stats_of(turns, **options):
    return sx.speaker_stats(turns, **options).set_index("speaker")


# turns


def test_a_turn_ends_where_another_speaker_says_a_word():
    words = words_of(("1", 0, 300), ("1", 400, 700), ("2", 800, 900), ("1", 1000, 1200))
    assert sx.speaker_turns(words).drop(columns=["channel", "speaker_label"]).to_numpy().tolist() == [
        ["call", "1", 0, 700],
        ["call", "2", 800, 900],
        ["call", "1", 1000, 1200],
    ]


@pytest.mark.parametrize(("gap_ms", "turns"), [(1999, 2), (2000, 1)])
def test_a_turn_ends_at_silence_longer_than_the_gap(gap_ms, turns):
    assert len(sx.speaker_turns(words_of(("1", 0, 300), ("1", 2300, 2500)), gap_ms=gap_ms)) == turns


def test_a_turn_never_crosses_recordings():
    words = words_of(("1", 0, 300), ("1", 400, 700), audio_id=["a", "b"], word_index=[0, 0])
    assert sx.speaker_turns(words)["audio_id"].tolist() == ["a", "b"]


spoken = st.lists(st.tuples(st.sampled_from("123"), st.integers(0, 900), st.integers(10, 500)), max_size=30)


@given(spoken, st.integers(0, 3000))
def test_every_word_lies_in_a_turn_of_its_speaker(rows, gap_ms):
    clock = np.cumsum([pause for _, pause, _ in rows])
    words = words_of(*[(who, start, start + length) for (who, _, length), start in zip(rows, clock, strict=True)])
    turns = sx.speaker_turns(words, gap_ms=gap_ms) if rows else sx.speaker_turns(empty(WORDS))
    for word in words.itertuples():
        own = turns[turns["speaker"] == word.speaker]
        assert ((own["start_ms"] <= word.start_ms) & (word.end_ms <= own["end_ms"])).any()
    changes = sum(one[0] != two[0] for one, two in itertools.pairwise(rows))
    assert len(turns) >= changes + bool(rows)


# talk time and turn-taking


def test_stats_counted_by_hand():
    """A talks 10 s with a "mhm" of B inside; B answers after half a second; A breaks in a second before B's end."""
    turns = turns_of(("A", 0, 10_000), ("B", 4_000, 4_400), ("B", 10_500, 15_000), ("A", 14_000, 18_000))
    stats = stats_of(turns)
    assert stats.loc["A"].drop("audio_id").dropna().to_dict() == {
        "talk_ms": 14_000,
        "talk_share": pytest.approx(14_000 / 18_900),
        "turns": 2,
        "mean_turn_ms": 7_000,
        "longest_turn_ms": 10_000,
        "overlap_ms": 1_400,
        "backchannels": 0,
        "floor_taken": 1,
        "median_offset_ms": -1_000,
        "gaps": 0,
        "interruptions": 1,
        "interrupted": 0,
    }
    assert stats.loc["B"].drop("audio_id").dropna().to_dict() == {
        "talk_ms": 4_900,
        "talk_share": pytest.approx(4_900 / 18_900),
        "turns": 2,
        "mean_turn_ms": 2_450,
        "longest_turn_ms": 4_500,
        "overlap_ms": 1_400,
        "backchannels": 1,
        "floor_taken": 1,
        "median_offset_ms": 500,
        "gaps": 1,
        "mean_gap_ms": 500,
        "interruptions": 0,
        "interrupted": 1,
    }


@pytest.mark.parametrize(
    ("start_ms", "kind"),
    [(5_000, "gap"), (5_700, "gap"), (4_999, "overlap"), (4_501, "overlap"), (4_500, "interruption")],
)
def test_changes_of_the_floor(start_ms, kind):
    changes = sx.metrics.speaker_transitions(turns_of(("A", 0, 5_000), ("B", start_ms, 9_000)))
    assert changes.to_numpy().tolist() == [["call", "A", "B", start_ms, start_ms - 5_000, kind]]


def test_a_backchannel_leaves_the_floor_where_it_was():
    changes = sx.metrics.speaker_transitions(turns_of(("A", 0, 5_000), ("B", 1_000, 1_300), ("C", 6_000, 7_000)))
    assert changes[["from_speaker", "to_speaker", "offset_ms"]].to_numpy().tolist() == [["A", "C", 1_000]]


def test_a_turn_within_ones_own_longer_turn_changes_nothing():
    plain = turns_of(("A", 0, 5_000), ("B", 5_500, 7_000))
    more = turns_of(("A", 0, 5_000), ("A", 1_000, 2_000), ("B", 5_500, 7_000))
    pd.testing.assert_frame_equal(sx.metrics.speaker_transitions(plain), sx.metrics.speaker_transitions(more))
    assert stats_of(more).loc["A", "talk_ms"] == 5_000


def test_a_turn_between_one_of_each_speaker_is_no_backchannel():
    """It lies within the time of both together, but within neither."""
    turns = turns_of(("A", 0, 3_000), ("C", 2_000, 4_000), ("B", 2_500, 3_500))
    assert stats_of(turns)["backchannels"].to_dict() == {"A": 0, "C": 0, "B": 1}
    turns = turns_of(("A", 0, 3_000), ("C", 2_900, 6_000), ("B", 2_500, 3_500))
    assert stats_of(turns)["backchannels"].sum() == 0


def test_words_give_words_per_minute():
    words = words_of(("1", 0, 300), ("1", 400, 1_000), ("2", 1_500, 2_000), (None, 2_000, 2_100), ("1", 5_000, 5_200))
    words["translation_status"] = [None, "original", "none", "none", "translation"]
    stats = stats_of(words)
    assert stats["words"].to_dict() == {"1": 2, "2": 1}
    assert stats["words_per_minute"].to_dict() == {"1": pytest.approx(120), "2": pytest.approx(120)}


def test_stats_of_a_corpus_and_of_its_tokens():
    tokens = pd.DataFrame(
        {
            "audio_id": "a",
            "token_index": range(4),
            "text": ["Good", " day", " Hel", "lo"],
            "start_ms": [0, 300, 900, 1_000],
            "end_ms": [200, 600, 1_000, 1_200],
            "speaker": ["1", "1", "2", "2"],
        }
    )
    corpus = sx.Corpus(pd.DataFrame({"audio_id": ["a", "b"], "status": ["completed", "failed"]}), tokens)
    stats = sx.speaker_stats(corpus)
    pd.testing.assert_frame_equal(stats, sx.speaker_stats(tokens))
    assert stats[["speaker", "words", "talk_ms"]].to_numpy().tolist() == [["1", 2, 600], ["2", 1, 300]]
    assert sx.metrics.speaker_transitions(corpus)["offset_ms"].tolist() == [300]


def test_one_speaker_has_no_transitions():
    stats = stats_of(turns_of(("A", 0, 5_000), ("A", 6_000, 7_000)))
    assert stats.loc["A", ["talk_share", "floor_taken", "overlap_ms"]].tolist() == [1.0, 0, 0]
    assert stats[["median_offset_ms", "mean_gap_ms"]].isna().all(axis=None)
    assert sx.metrics.speaker_transitions(turns_of(("A", 0, 5_000))).empty


def test_nobody_has_no_rows():
    for table, columns in ((sx.speaker_stats, SPEAKER_STATS), (sx.metrics.speaker_transitions, SPEAKER_TRANSITIONS)):
        found = table(empty(TURNS))
        assert found.empty
        assert {name: str(dtype) for name, dtype in found.dtypes.items()} == {
            name: column.dtype for name, column in columns.items()
        }


TICK_MS = 150
"""Laws count in ticks: nobody takes turns every few milliseconds, and such tables are refused."""

some_turns = st.lists(
    st.tuples(st.sampled_from("ABC"), st.integers(0, 60), st.integers(10, 40)).map(
        lambda t: (t[0], TICK_MS * t[1], TICK_MS * (t[1] + t[2]))
    ),
    min_size=1,
    max_size=12,
    unique=True,
)


@given(some_turns)
def test_stats_agree_with_counting_every_tick(rows):
    turns = turns_of(*rows)
    stats = stats_of(turns)
    talking = {
        who: {ms for other, start, end in rows if other == who for ms in range(start, end, TICK_MS)} for who in "ABC"
    }
    for who, row in stats.iterrows():
        others = set().union(*(talking[other] for other in "ABC" if other != who))
        assert row["talk_ms"] == TICK_MS * len(talking[who])
        assert row["overlap_ms"] == TICK_MS * len(talking[who] & others)
    assert stats["talk_share"].sum() == pytest.approx(1)


@given(some_turns)
def test_transitions_agree_with_the_definition(rows):
    """The definition, word by word and quadratic."""
    order = sorted(range(len(rows)), key=lambda place: (rows[place][1], -rows[place][2], place))
    rows = [rows[place] for place in order]

    def within(inner, outer):
        return outer[1] <= inner[1] and inner[2] <= outer[2]

    inside = [any(one[0] != two[0] and within(one, two) for two in rows[:place]) for place, one in enumerate(rows)]
    holders = []
    for row, is_inside in zip(rows, inside, strict=True):
        if not is_inside and not (holders and row[2] <= max(end for _, _, end in holders)):
            holders.append(row)
    expected = [
        [one[0], two[0], two[1], two[1] - one[2]] for one, two in itertools.pairwise(holders) if one[0] != two[0]
    ]
    found = sx.metrics.speaker_transitions(turns_of(*rows))
    assert found[["from_speaker", "to_speaker", "at_ms", "offset_ms"]].to_numpy().tolist() == expected
    stats = stats_of(turns_of(*rows))
    assert stats["backchannels"].sum() == sum(inside)
    assert stats["floor_taken"].sum() == len(expected)
    assert stats["interruptions"].sum() == stats["interrupted"].sum()


# wrong input


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (turns_of(("A", 0, 1)).drop(columns="speaker"), r"lacks \['speaker'\]"),
        (turns_of((None, 0, 1)), "speaker is NA in 1 of 1 rows"),
        (
            turns_of(("A", 0.41, 4.01), ("B", 4.5, 9.25)),
            r"start_ms contains 0\.41.* Are these seconds\? Multiply by 1000",
        ),
        (
            turns_of(("A", 500, 400)),
            r"end_ms comes before start_ms in 1 of 1 rows, first in row 0 of 'call' \(500 to",
        ),
        (turns_of(("A", -5, 400)), "start_ms is negative in 1 of 1 rows, first -5 in row 0"),
        (turns_of(("A", 0, None)), "end_ms is missing in 1 of 1 rows"),
        (turns_of(("A", 0, "late")), "end_ms must contain milliseconds"),
    ],
)
def test_turns_that_cannot_be(table, message):
    with pytest.raises(SchemaError, match=message):
        sx.speaker_stats(table)


def test_options_that_cannot_be():
    with pytest.raises(InputError, match="gap_ms is -1"):
        sx.speaker_stats(turns_of(("A", 0, 1)), gap_ms=-1)
    with pytest.raises(InputError, match="interruption_ms is -1"):
        sx.metrics.speaker_transitions(turns_of(("A", 0, 1)), interruption_ms=-1)


def test_words_without_speakers_say_which_option_is_needed():
    with pytest.raises(InputError, match="enable_speaker_diarization"):
        sx.speaker_stats(words_of((None, 0, 100)))


def test_turns_of_channels_that_were_transcribed_separately_may_overlap():
    """A sentence of the other channel in between does not end a turn."""
    words = pd.DataFrame(
        {
            "audio_id": "call",
            "word_index": range(4),
            "text": ["So.", "Yes.", "Then.", "No."],
            "start_ms": [0, 300, 700, 5000],
            "end_ms": [500, 600, 1000, 5500],
            "speaker": ["ch1", "ch2", "ch1", "ch2"],
            "channel": [1, 2, 1, 2],
            "space_before": True,
        }
    )
    turns = sx.speaker_turns(words)
    assert turns.drop(columns=["audio_id", "speaker_label"]).to_numpy().tolist() == [
        ["ch1", 0, 1000, 1],
        ["ch2", 300, 600, 2],
        ["ch2", 5000, 5500, 2],
    ]
    assert len(sx.speaker_turns(words.drop(columns="channel"))) == 4
