"""Texts and references in every form that users have them in, and the columns that come with them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError

HYPOTHESES = ["the cat sat", "good", None]
REFERENCES = ["the cat sits", "good day", "hello"]


# -- lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [list, tuple, iter, np.array, pd.Series, pd.Series([], dtype="string").array._from_sequence]
)
def test_two_lists_go_by_position(make):
    errors = sx.word_errors(make(HYPOTHESES[:2]), make(REFERENCES[:2]))
    assert errors[["audio_id", "status", "substitutions", "deletions"]].to_numpy().tolist() == [
        ["0", "scored", 1, 0],
        ["1", "scored", 0, 1],
    ]
    assert errors.equals(sx.word_errors(dict(enumerate(HYPOTHESES[:2])), dict(enumerate(REFERENCES[:2]))))


@pytest.mark.parametrize(
    "function", [sx.word_errors, sx.character_errors, sx.align_words, sx.metrics.punctuation_errors]
)
def test_all_that_compare_texts_take_lists(function):
    by_id = function(dict(enumerate(["A cat."])), dict(enumerate(["The cat!"])))
    assert function(["A cat."], ["The cat!"]).equals(by_id)


def test_missing_texts_of_a_list_failed_or_have_no_reference():
    errors = sx.word_errors(HYPOTHESES, REFERENCES)
    assert errors["status"].tolist() == ["scored", "scored", "failed"]
    assert sx.word_errors(["a", "b"], [None, "b"])["audio_id"].tolist() == ["1"]


@pytest.mark.parametrize(
    ("transcripts", "references", "words"),
    [
        (["a"], ["a", "b"], "there are 1 transcripts and 2 references; lists are matched by position"),
        (
            ["a"],
            {"0": "a"},
            r"transcripts are a list, but references are not \(found dict\).*dict\(enumerate\(texts\)\)",
        ),
        (
            {"x": "a"},
            ["a"],
            r"references are a list, but transcripts are not \(found dict\).*dict\(zip\(corpus, texts\)\)",
        ),
        (["a"], None, r"transcripts are a list, but references are not \(found none\)"),
        (["a"], "a", r"\(found str\)"),
        ({"a"}, {"a"}, "found set"),  # a set has no order
        ("a", "a", "transcripts must be a corpus.* found str"),
        ({"x": "a"}, "references.csv", r"found str\. Read a file with sx\.read_references"),
        (pd.Series(["a"]), {"x": "a"}, "the Series is numbered from 0"),
    ],
)
def test_incompatible_forms_are_refused_with_the_call_that_works(transcripts, references, words):
    with pytest.raises(InputError, match=words):
        sx.word_errors(transcripts, references)


def test_a_list_of_other_things_is_refused():
    with pytest.raises(SchemaError, match=r"text must hold texts, found 5 \(int\)"):
        sx.word_errors([5], ["a"])
    with pytest.raises(InputError, match="the table has no rows"):
        sx.word_errors([], [])


# -- the index of a table --------------------------------------------------------------------------------------------


def test_named_levels_of_an_index_are_columns():
    hypotheses = pd.DataFrame({"text": HYPOTHESES[:2]}, index=pd.Index(["a", "b"], name="audio_id"))
    references = pd.DataFrame(
        {"reference": REFERENCES[:2]},
        index=pd.MultiIndex.from_tuples([("a", "f"), ("b", "m")], names=["audio_id", "gender"]),
    )
    errors = sx.word_errors(hypotheses, references)
    assert errors[["audio_id", "gender", "substitutions"]].to_numpy().tolist() == [["a", "f", 1], ["b", "m", 0]]
    assert references.index.names == ["audio_id", "gender"]  # what was given stays as it was


def test_ids_in_an_index_without_a_name_are_told():
    said = pd.DataFrame({"reference": REFERENCES[:2], "audio_id": ["a", "b"]}, index=["c", "d"])
    with pytest.warns(UserWarning, match=r"references: the index \('c' and so on\) has no name and is left out"):
        sx.word_errors({"a": "x", "b": "y"}, said)
    sx.word_errors({"a": "x", "b": "y"}, said.set_axis(["a", "b"]))  # the same as a column: nothing is lost
    sx.word_errors({"a": "x", "b": "y"}, said.set_axis([5, 3]))
    with pytest.warns(UserWarning, match="the level 'audio_id' of the index differs from the column 'audio_id'"):
        sx.word_errors({"a": "x", "b": "y"}, said.set_index(pd.Index(["c", "d"], name="audio_id")))


@pytest.mark.parametrize(
    "call",
    [
        lambda table: sx.words(table),
        lambda table: sx.segments(table),
        lambda table: sx.Corpus(table),
        lambda table: sx.flag_low_confidence(table, threshold=0.5),
    ],
)
def test_others_say_that_the_column_is_in_the_index(call):
    table = pd.DataFrame({"text": ["a"]}, index=pd.Index(["a.wav"], name="audio_id"))
    with pytest.raises(
        SchemaError, match=r"lacks .*'audio_id'.*\['audio_id'\] is in its index: call \.reset_index\(\)"
    ):
        call(table)


# -- columns of references -------------------------------------------------------------------------------------------

OWN = pd.DataFrame(
    {"audio_id": ["a", "b"], "reference": ["hello he said", "good"], "speaker": ["s1", "s2"], "gender": ["f", "m"]}
)
HEARD_OWN = {"a": "hello he said", "b": "bad"}


@pytest.mark.parametrize("function", [sx.word_errors, sx.character_errors])
def test_the_speaker_of_a_recording_is_kept_and_makes_blocks(function):
    errors = function(HEARD_OWN, OWN)
    assert errors[["speaker", "gender"]].to_numpy().tolist() == [["s1", "f"], ["s2", "m"]]
    assert sx.summarize(errors, by="speaker")["speaker"].tolist() == ["s1", "s2"]
    assert sx.summarize(errors, block="speaker")["block"].tolist() == ["speaker"]
    assert sx.summarize(errors)["block"].tolist() == ["speaker"]


def test_times_of_whole_recordings_are_kept_with_the_speaker():
    errors = sx.word_errors(HEARD_OWN, OWN.assign(start_ms=[0, 500], end_ms=[400, 900]))
    assert errors[["speaker", "start_ms", "end_ms"]].to_numpy().tolist() == [["s1", 0, 400], ["s2", 500, 900]]


def test_columns_of_turns_are_kept_where_a_recording_has_one_value():
    turns = pd.DataFrame(
        {
            "audio_id": ["a", "a", "b"],
            "speaker": ["x", "y", "x"],
            "start_ms": [0, 9, 0],
            "reference": ["hello", "he said", "good"],
        }
    )
    errors = sx.word_errors(HEARD_OWN, turns.assign(room=["r", "r", "q"]))
    assert errors["room"].tolist() == ["r", "q"]
    assert "speaker" not in errors  # labels of turns hold within one recording
    with pytest.warns(UserWarning, match=r"the values of \['mood'\] differ between the turns of one recording"):
        assert "mood" not in sx.word_errors(HEARD_OWN, turns.assign(mood=["sad", "glad", "sad"]))


def test_a_column_that_both_sides_have_is_never_lost():
    recordings = pd.DataFrame(
        {"audio_id": ["a", "b"], "status": "completed", "source": ["x/a.wav", "x/b.wav"], "speaker": ["1", "2"]}
    )
    corpus = sx.Corpus(recordings)
    errors = sx.word_errors(corpus, OWN.assign(source=["web", "phone"]))
    assert errors["speaker"].tolist() == ["1", "2"]
    assert errors["speaker_of_reference"].tolist() == ["s1", "s2"]
    assert errors["source_of_reference"].tolist() == ["web", "phone"]
    same = sx.word_errors(corpus, OWN.assign(speaker=["1", None]))
    assert "speaker_of_reference" not in same  # nothing in it is new
    again = sx.word_errors(corpus, corpus.recordings.assign(reference="x"))
    assert [name for name in again if name.endswith("_of_reference")] == []


def test_a_status_of_the_references_is_not_ours():
    errors = sx.word_errors(HEARD_OWN, OWN.assign(status=["draft", "final"]))
    assert errors["status"].tolist() == ["scored", "scored"]
    assert errors["status_of_reference"].tolist() == ["draft", "final"]


def test_a_column_twice_is_refused():
    twice = pd.concat([OWN, OWN[["gender"]]], axis=1)
    with pytest.raises(SchemaError, match="references: the column 'gender' occurs more than once"):
        sx.word_errors(HEARD_OWN, twice)
