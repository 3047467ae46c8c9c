"""cpWER, tcpWER and WDER counted by hand, by plain programmes, and on wrong input."""

import itertools
import json
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.speakers.time_constrained import TimedWords, constrained_errors, shared_out
from soniox_ds.schema import SPEAKER_WORD_ERRORS, SPEAKER_WORD_SUMMARY, WORDS, empty

CP = ["cp_substitutions", "cp_deletions", "cp_insertions"]
TCP = ["tcp_substitutions", "tcp_deletions", "tcp_insertions"]


def words_of(*turns, audio_id="a"):
    """Words of turns like ("1", "the cat", 0), half a second each from the time given, if there is one."""
    rows = [
        (
            speaker,
            word,
            *(int(time + 500 * place) for time in start),
            *(int(time + 500 * place + 400) for time in start),
        )
        for speaker, text, *start in turns
        for place, word in enumerate(text.split())
    ]
    times = ["start_ms", "end_ms"] if rows and len(rows[0]) == 4 else []
    table = pd.DataFrame(rows, columns=["speaker", "text", *times])
    return table.assign(audio_id=audio_id, word_index=range(len(table)))


def reference_of(*turns, audio_id="a"):
    """The same as whole turns."""
    rows = [
        (speaker, text, *start, *(time + 500 * len(text.split()) for time in start)) for speaker, text, *start in turns
    ]
    times = ["start_ms", "end_ms"] if rows and len(rows[0]) == 4 else []
    return pd.DataFrame(rows, columns=["speaker", "text", *times]).assign(audio_id=audio_id)


def errors_of(words, reference, **options):
    found = sx.speaker_word_errors(words, reference, **options)
    assert len(found) == 1
    return found.iloc[0]


TWO = [("x", "the cat"), ("y", "sat on")]


@pytest.mark.parametrize(
    ("found", "counts", "wder"),
    [
        pytest.param([("1", "the cat"), ("2", "sat on")], [0, 0, 0], (4, 0), id="all-right"),
        pytest.param([("2", "the cat"), ("1", "sat on")], [0, 0, 0], (4, 0), id="names-do-not-matter"),
        pytest.param([("1", "the cat sat"), ("2", "on")], [0, 1, 1], (4, 1), id="one-word-with-the-other-speaker"),
        pytest.param([("1", "the cat sat on")], [0, 2, 2], (4, 2), id="one-speaker"),
        pytest.param([("1", "the cat"), ("2", "sat"), ("3", "on")], [0, 1, 1], (4, 1), id="three-speakers"),
        pytest.param([("1", "the hat"), ("2", "sat")], [1, 1, 0], (3, 0), id="wrong-and-lost-words"),
        pytest.param([("1", "the cat"), (None, "sat on")], [0, 0, 0], (4, 0), id="no-speaker-is-one-more"),
    ],
)
def test_counted_by_hand(found, counts, wder):
    row = errors_of(words_of(*found), reference_of(*TWO))
    assert row[CP].tolist() == counts
    assert row["cpwer"] == sum(counts) / 4
    assert (row["wder_words"], row["wder_wrong"]) == wder
    assert row["wder"] == pytest.approx(wder[1] / wder[0])
    assert row[[*TCP, "tcpwer", "tcp_mapping"]].isna().all()  # no times


def test_the_mappings_are_told():
    row = errors_of(words_of(("2", "the cat"), ("1", "sat on")), reference_of(*TWO))
    assert json.loads(row["mapping"]) == json.loads(row["wder_mapping"]) == {"2": "x", "1": "y"}
    row = errors_of(words_of(("1", "the cat", 0), ("2", "sat on", 2_000)), reference_of(("x", "the cat", 0)))
    assert json.loads(row["tcp_mapping"]) == {"1": "x"}


@pytest.mark.parametrize(("late_ms", "counts"), [(0, [0, 0, 0]), (1_000, [0, 0, 0]), (3_000, [0, 2, 2])])
def test_words_far_from_their_place_are_no_match(late_ms, counts):
    row = errors_of(
        words_of(("1", "the cat", late_ms)), reference_of(("x", "the cat", 0)), collar_ms=1_000, normalizer="none"
    )
    assert row[TCP].tolist() == counts
    assert row["cpwer"] == 0


def test_a_word_at_the_edge_of_the_collar():
    """The reference word ends at 500; a found word at 1200, its middle, is 700 away."""
    found, reference = words_of(("1", "cat", 1_000)), reference_of(("x", "cat", 0))
    assert errors_of(found, reference, collar_ms=700)["tcpwer"] == 2
    assert errors_of(found, reference, collar_ms=701)["tcpwer"] == 0


def test_texts_are_normalised_by_turn():
    words = words_of(("1", "Don’t! - stop"), ("2", "Rock-and-roll."))
    reference = reference_of(("x", "don't stop"), ("y", "rock and roll"))
    row = errors_of(words, reference)
    assert row["cpwer"] == 0
    assert row["normalizer"] == "basic 3"
    assert row["hypothesis_words"] == 5
    assert errors_of(words, reference, normalizer="none")["cpwer"] > 0
    pairs = errors_of(
        words_of(("1", "twenty"), ("2", "five")), reference_of(("x", "20"), ("y", "5")), normalizer=digits
    )
    assert pairs["cpwer"] == 0
    assert errors_of(words_of(("1", "twenty five")), reference_of(("x", "25")), normalizer=digits)["cpwer"] == 0


def digits(text):
    """A step that needs a word's neighbours."""
    return text.replace("twenty five", "25").replace("twenty", "20").replace("five", "5")


def test_scripts_without_spaces_are_scored_by_character():
    words = words_of(("1", "你 好 吗"))
    words["space_before"] = False
    assert errors_of(words, reference_of(("x", "你好啊")))[CP].tolist() == [1, 0, 0]
    row = errors_of(words, reference_of(("x", "你好啊")), units="words")
    assert row[["reference_words", "hypothesis_words", "cp_substitutions"]].tolist() == [1, 1, 1]


def test_reference_rows_are_taken_in_the_order_of_their_start():
    reference = reference_of(("x", "on the mat", 4_000), ("y", "yes", 2_000), ("x", "the cat sat", 0))
    words = words_of(("1", "the cat sat", 0), ("2", "yes", 2_000), ("1", "on the mat", 4_000))
    assert errors_of(words, reference)[["cpwer", "tcpwer", "wder"]].tolist() == [0, 0, 0]


def test_translations_are_left_out():
    words = words_of(("1", "the cat"), ("1", "die Katze"), ("2", "sat on"))
    words["translation_status"] = ["original"] * 2 + ["translation"] * 2 + ["original", None]
    assert errors_of(words, reference_of(*TWO))["cpwer"] == 0


def test_nothing_was_said_or_heard():
    row = errors_of(words_of(("1", "well", 0)), reference_of(("x", "...", 0)))
    assert row[[*CP, *TCP]].tolist() == [0, 0, 1, 0, 0, 1]
    assert row[["cpwer", "tcpwer", "wder"]].isna().all()
    row = errors_of(empty(WORDS), reference_of(("x", "the cat", 0)), missing="as_empty")
    assert row[[*CP, *TCP]].tolist() == [0, 2, 0, 0, 2, 0]
    assert row["wder_words"] == 0
    assert row["mapping"] == "{}"


def test_failed_and_missing_recordings_have_no_score():
    tokens = pd.DataFrame({"audio_id": "a", "token_index": [0, 1], "text": ["The", " cat"], "speaker": "1"})
    recordings = pd.DataFrame({"audio_id": ["silent", "b", "a"], "status": ["completed", "failed", "completed"]})
    corpus = sx.Corpus(recordings.assign(room=["x", "y", "y"]), tokens)
    reference = pd.concat([reference_of(("x", "the cat"), audio_id=name) for name in ("a", "b", "gone", "silent")])
    with pytest.warns(UserWarning, match="'gone'"):
        errors = sx.speaker_word_errors(corpus, reference)
    assert errors["audio_id"].tolist() == ["silent", "b", "a", "gone"]
    assert errors["status"].tolist() == ["scored", "failed", "scored", "missing"]
    assert errors["cpwer"].tolist() == [1.0, pd.NA, 0.0, pd.NA]
    pooled = sx.summarize(errors).iloc[0]
    assert pooled[["recordings", "failed", "missing", "reference_words", "cpwer", "wder"]].tolist() == [
        2,
        1,
        1,
        4,
        0.5,
        0,
    ]
    assert pd.isna(pooled["tcpwer"])
    by_room = sx.summarize(errors, by="room").set_index("room")
    assert by_room.loc[["x", "y"], "cpwer"].tolist() == [1, 0]
    for table, columns in ((errors.drop(columns="room"), SPEAKER_WORD_ERRORS), (by_room, SPEAKER_WORD_SUMMARY)):
        assert {name: str(dtype) for name, dtype in table.dtypes.items()} == {
            name: column.dtype for name, column in columns.items()
        }


# plain programmes

talk = st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("uvw")), max_size=7)


def plain_distance(one, two, may_meet=lambda i, j: True):
    """(errors, insertions and deletions) of the best alignment, errors first."""

    @cache
    def cost(i, j):
        if not i or not j:
            return (i + j, i + j)
        up, left = cost(i - 1, j), cost(i, j - 1)
        ways = [(up[0] + 1, up[1] + 1), (left[0] + 1, left[1] + 1)]
        if may_meet(i - 1, j - 1):
            before = cost(i - 1, j - 1)
            ways.append((before[0] + (one[i - 1] != two[j - 1]), before[1]))
        return min(ways)

    return cost(len(one), len(two))


def by_speaker(turns):
    streams = {}
    for who, word in turns:
        streams.setdefault(who, []).append(word)
    return list(streams.values())


@given(talk, talk.filter(bool))
def test_cpwer_is_the_least_over_all_mappings(found, real):
    ours, theirs = by_speaker(found), by_speaker(real)
    size = max(len(ours), len(theirs))
    ours += [[]] * (size - len(ours))
    theirs += [[]] * (size - len(theirs))
    best = min(
        sum(plain_distance(one, two)[0] for one, two in zip(theirs, order, strict=True))
        for order in itertools.permutations(ours)
    )
    row = errors_of(words_of(*found) if found else empty(WORDS), reference_of(*real), missing="as_empty")
    assert row[CP].sum() == best
    assert row["cp_deletions"] - row["cp_insertions"] == len(real) - len(found)


@given(talk.filter(bool))
def test_wder_counts_the_words_outside_the_best_mapping(real):
    """The same words, given to speakers anew: every word is aligned with itself."""
    given_to = ["1" if place % 3 else "2" for place in range(len(real))]
    row = errors_of(
        words_of(*[(who, word) for who, (_, word) in zip(given_to, real, strict=True)]), reference_of(*real)
    )
    pairs = list(zip(given_to, [who for who, _ in real], strict=True))
    right = max(
        sum(dict(zip("12", order, strict=True))[one] == two for one, two in pairs)
        for order in itertools.permutations("AB")
    )
    assert (row["wder_words"], row["wder_wrong"]) == (len(real), len(real) - right)


timed = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(0, 8)), max_size=8)


def timed_words(rows):
    ids, begin, length = (np.array(column) for column in zip(*rows, strict=True)) if rows else [np.zeros(0)] * 3
    return TimedWords(ids.astype(np.int32), begin.astype(float), (begin + length).astype(float))


@given(timed, timed, st.booleans())
def test_constrained_errors_agree_with_the_whole_matrix(one, two, ordered):
    if ordered:
        one, two = (sorted(rows, key=lambda row: row[1]) for rows in (one, two))
    a, b = timed_words(one), timed_words(two)

    def may_meet(i, j):
        return a.begin[i] < b.end[j] and b.begin[j] < a.end[i]

    errors, unpaired = plain_distance([row[0] for row in one], [row[0] for row in two], may_meet)
    substitutions, deletions, insertions = constrained_errors(a, b)
    assert (substitutions + deletions + insertions, deletions + insertions) == (errors, unpaired)
    assert deletions - insertions == len(one) - len(two)


@given(talk.filter(bool), talk.filter(bool))
def test_a_wide_collar_makes_tcpwer_cpwer_and_a_narrower_one_never_less(found, real):
    words = words_of(*[(*turn, 600 * place) for place, turn in enumerate(found)])
    reference = reference_of(*[(*turn, 600 * place) for place, turn in enumerate(real)])
    wide, narrow = (errors_of(words, reference, collar_ms=collar) for collar in (60_000, 300))
    assert wide["tcpwer"] == wide["cpwer"] <= narrow["tcpwer"]


def test_the_time_of_a_row_is_shared_out_by_characters():
    begin, end = shared_out(
        np.array([0.0, 1_000.0, 5_000.0]),
        np.array([900.0, 2_000.0, 5_000.0]),
        np.array([0, 0, 1, 2]),
        np.array([1, 2, 7, 3]),
    )
    assert begin.tolist() == [0, 300, 1_000, 5_000]
    assert end.tolist() == [300, 900, 2_000, 5_000]


# wrong input

SOME = words_of(("1", "the cat", 0))


@pytest.mark.parametrize(
    ("words", "reference", "options", "error", "message"),
    [
        (SOME, reference_of(("x", "the cat")).drop(columns="text"), {}, SchemaError, r"lacks \['text'\]"),
        (SOME.drop(columns="speaker"), reference_of(*TWO), {}, SchemaError, r"lacks \['speaker'\]"),
        (SOME, reference_of((None, "the cat")), {}, SchemaError, "speaker is NA in 1 of 1 rows"),
        (SOME, reference_of(("x", "the cat")).assign(text=None), {}, SchemaError, "text is NA in 1 of 1 rows"),
        (
            SOME.assign(speaker=None),
            reference_of(*TWO),
            {},
            InputError,
            "none of the 2 words .*enable_speaker_diarization",
        ),
        (SOME, reference_of(*TWO, audio_id="b"), {}, InputError, "'b'.*'a'.*same on both sides"),
        (SOME, reference_of(*TWO), {"collar_ms": -1}, InputError, "collar_ms is -1"),
        (SOME, reference_of(*TWO), {"normalizer": "best"}, InputError, "no normaliser 'best'"),
        (SOME, reference_of(*TWO), {"units": "letters"}, InputError, "units must be one of"),
        (SOME, reference_of(*TWO), {"missing": "skip"}, InputError, "missing must be one of"),
        (
            SOME,
            reference_of(*TWO).assign(start_ms=[0.0, 1.4], end_ms=[1.2, 2.5]),
            {},
            SchemaError,
            r"reference: start_ms contains 1\.4.* Are these seconds\? Multiply by 1000",
        ),
        (SOME, reference_of(*TWO).assign(start_ms=[10, 20], end_ms=[5, 30]), {}, SchemaError, "end_ms comes before"),
    ],
)
def test_impossible_calls_say_what_to_do(words, reference, options, error, message):
    with pytest.raises(error, match=message):
        sx.speaker_word_errors(words, reference, **options)


def test_unlike_counts_are_not_pooled():
    errors = [sx.speaker_word_errors(SOME, reference_of(*TWO), normalizer=name) for name in ("basic", "none")]
    with pytest.raises(InputError, match=r"after different normalisers, \['basic 3', 'none 1'\]"):
        sx.summarize(pd.concat(errors))
    with pytest.raises(InputError, match="by contains"):
        sx.summarize(errors[0], by="cpwer")


OUT_OF_ORDER = pd.DataFrame(
    {
        "audio_id": "a",
        "word_index": range(4),
        "text": ["sat", "the", "cat", "down"],
        "speaker": "1",
        "start_ms": pd.array([600, 0, pd.NA, 900], "Int64"),
        "end_ms": pd.array([700, 100, pd.NA, 1000], "Int64"),
    }
)


def test_words_in_the_order_of_time_counted_by_hand():
    """The order by time is: the cat sat down ("cat" has no time and stays behind "the"); by index: sat the cat down."""
    reference = pd.DataFrame({"audio_id": "a", "speaker": ["x"], "text": ["the cat sat down"]})
    parts = ["cp_substitutions", "cp_deletions", "cp_insertions"]
    by_index = sx.speaker_word_errors(OUT_OF_ORDER, reference).iloc[0]
    by_time = sx.speaker_word_errors(OUT_OF_ORDER, reference, order="time").iloc[0]
    assert by_index[parts].sum() == 2
    assert by_time[parts].sum() == 0
    with pytest.raises(InputError, match=r"order is 'start'; it can be 'word_index' or 'time'"):
        sx.speaker_word_errors(OUT_OF_ORDER, reference, order="start")
    with pytest.raises(InputError, match=r'no word has a time.*order="word_index"'):
        sx.speaker_word_errors(OUT_OF_ORDER.drop(columns=["start_ms", "end_ms"]), reference, order="time")
