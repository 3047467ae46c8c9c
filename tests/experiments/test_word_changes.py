"""Words that one arm won or lost: counted by hand, and against the plain rule word by word."""

import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from soniox_ds.experiments.word_changes import word_changes
from soniox_ds.metrics.words.align import align_words

COUNTED_BY_HAND = [
    pytest.param("a b", "a x", "a b", [("won", "b", "x", "b")], id="one-word"),
    pytest.param("a b", "a b", "a", [("lost", "b", "b", None)], id="nothing-heard"),
    pytest.param("a b", "a x", "a y", [], id="both-wrong"),
    pytest.param("a b", "a b c", "a b", [], id="an-insertion-is-of-no-word"),
    pytest.param(
        "takes lisinopril now",
        "takes listen april now",
        "takes lisinopril now",
        [("won", "lisinopril", "listen april", "lisinopril")],
        id="split",
    ),
    pytest.param(
        "the post sequel server",
        "the post sequel server",
        "the postsequel server",
        [("lost", "post sequel", "post sequel", "postsequel")],
        id="join",
    ),
    pytest.param(
        "new york city now",
        "newyork city now",
        "new yorkcity now",
        [
            ("won", "new york city", "newyork city", "new yorkcity"),
            ("lost", "new york city", "newyork city", "new yorkcity"),
        ],
        id="joins-that-overlap",
    ),
]


@pytest.mark.parametrize(("said", "base", "own", "expected"), COUNTED_BY_HAND)
def test_counted_by_hand(said, base, own, expected):
    found = word_changes(align_words({"a": base}, {"a": said}), align_words({"a": own}, {"a": said}))
    shown = found[["change", "reference", "baseline", "arm"]].astype(object).where(found.notna(), None)
    assert list(shown.itertuples(index=False, name=None)) == expected


def words(text, start_ms):
    spoken = text.split()
    return pd.DataFrame(
        {
            "audio_id": "a",
            "word_index": range(len(spoken)),
            "text": spoken,
            "start_ms": range(start_ms, 10_000, 100)[: len(spoken)],
        }
    ).assign(end_ms=lambda table: table["start_ms"] + 90)


def test_the_time_is_that_of_the_arm_and_else_of_the_baseline():
    references = {"a": "she takes lisinopril daily"}
    base, own = (
        align_words(words(text, start), references)
        for text, start in (("she takes listen april daily", 1000), ("she lisinopril daily", 5000))
    )
    found = word_changes(base, own)
    assert found[["change", "reference", "start_ms"]].to_numpy().tolist() == [
        ["lost", "takes", 1100],
        ["won", "lisinopril", 5100],
    ]


def test_recordings_of_one_arm_are_left_out():
    references = {"a": "x", "b": "y"}
    both, one = align_words({"a": "z", "b": "y"}, references), align_words({"a": "x"}, {"a": "x"})
    assert word_changes(both, one)["audio_id"].tolist() == ["a"]
    assert word_changes(both[:0], one).empty


word = st.sampled_from(["any", "more", "anymore", "to", "day", "today", "x"])
texts = st.lists(st.lists(word, max_size=7).map(" ".join), min_size=3, max_size=3)


@given(texts, texts)
@settings(max_examples=examples(40))
def test_every_word_whose_outcome_differs_is_shown_and_nothing_else(first, second):
    references = {"r1": first[0], "r0": second[0]}
    base, own = (align_words({"r1": first[k], "r0": second[k]}, references) for k in (1, 2))
    found = word_changes(base, own)
    right = [
        set(map(tuple, one.loc[one["operation"] == "hit", ["audio_id", "reference_index"]].to_numpy().tolist()))
        for one in (base, own)
    ]
    for change, wanted in (("won", right[1] - right[0]), ("lost", right[0] - right[1])):
        rows = found[found["change"] == change]
        for audio_id, text in references.items():
            shown = " ".join(rows.loc[rows["audio_id"] == audio_id, "reference"]).split()
            spoken = align_words({"a": text}, {"a": text})["reference"].tolist()
            expected = [spoken[index] for name, index in sorted(wanted) if name == audio_id]
            remaining = iter(shown)
            assert all(one in remaining for one in expected)  # in order, beside the words they were heard with
            assert bool(shown) == bool(expected)
            assert (rows["audio_id"] == audio_id).sum() <= len(expected)  # a word in each row, if not several
    back = word_changes(own, base)
    assert sorted(back["change"]) == sorted(found["change"].map({"won": "lost", "lost": "won"}))
    assert sorted(back["reference"]) == sorted(found["reference"])
