"""Alignments: paths against a plain dynamic programme, and what the words keep through them."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds import schema
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.words import long_paths
from soniox_ds.metrics.words.edit_paths import Sequences, fewest_errors, paths
from soniox_ds.metrics.words.long_paths import long_path


def plain_path(reference, hypothesis, gap, substitution):
    """The textbook: the whole matrix, the diagonal first, then the insertion."""
    cells = {(0, 0): 0}
    for i in range(len(reference) + 1):
        for j in range(len(hypothesis) + 1):
            ways = [cells[i - 1, j] + gap] if i else []
            ways += [cells[i, j - 1] + gap] if j else []
            if i and j:
                ways.append(cells[i - 1, j - 1] + (reference[i - 1] != hypothesis[j - 1]) * substitution)
            cells[i, j] = min(ways, default=0)
    i, j, backwards = len(reference), len(hypothesis), []
    while i or j:
        wrong = bool(i and j and reference[i - 1] != hypothesis[j - 1])
        if i and j and cells[i - 1, j - 1] + wrong * substitution == cells[i, j]:
            backwards.append(int(wrong))
            i, j = i - 1, j - 1
        elif i and (not j or cells[i - 1, j] < cells[i, j - 1]):
            backwards.append(2)
            i -= 1
        else:
            backwards.append(3)
            j -= 1
    return backwards[::-1]


def ids(values):
    return np.array(values, np.int32)


few_words = st.lists(st.integers(0, 3), max_size=12)
pairs = st.lists(st.tuples(few_words, few_words), max_size=8)


@given(pairs)
def test_short_pairs_are_the_textbooks(pairs):
    found = paths(Sequences.of([ids(a) for a, _ in pairs]), Sequences.of([ids(b) for _, b in pairs]))
    assert found.operations.tolist() == [step for a, b in pairs for step in plain_path(a, b, 3, 4)]
    assert found.lengths.tolist() == [len(plain_path(a, b, 3, 4)) for a, b in pairs]


@st.composite
def alike(draw):
    """A text, and the same with words changed, left out, repeated, and whole passages put in or taken away."""
    words = draw(st.sampled_from([3, 10, 100]))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    reference = rng.integers(0, words, draw(st.integers(1, 60)))
    luck = rng.random(len(reference)) / draw(st.sampled_from([0.05, 0.2, 0.6]))
    hypotheses = []
    for word, fate in zip(reference.tolist(), luck.tolist(), strict=True):
        if fate > 0.3:
            hypotheses += [word] if fate > 0.6 else [int(rng.integers(words))]
        if 0.6 < fate < 1:
            hypotheses += rng.integers(0, words, rng.integers(1, 12)).tolist()
    cut = draw(st.integers(0, len(hypotheses)))
    hypotheses[cut : cut + draw(st.sampled_from([0, 0, 5, 20]))] = []
    return reference.tolist(), hypotheses


@pytest.fixture(autouse=True)
def narrow_stairs(monkeypatch):
    """Stairs so narrow that short pairs need proofs, fail them, and are widened."""
    monkeypatch.setattr(long_paths, "_HALF_WIDTHS", (2, 5, 15))
    monkeypatch.setattr(long_paths, "_BLOCK", 4)


@given(alike())
def test_long_pairs_are_the_textbooks(pair):
    reference, hypothesis = pair
    assert long_path(ids(reference), ids(hypothesis)).tolist() == plain_path(reference, hypothesis, 3, 4)


@given(alike())
def test_rows_that_were_not_kept_are_computed_again(pair):
    reference, hypothesis = pair
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_paths, "_ROWS_BYTES", 500)
        patch.setattr(long_paths, "_MATCHES_BYTES", 20)
        assert long_path(ids(reference), ids(hypothesis)).tolist() == plain_path(reference, hypothesis, 3, 4)


def test_proofs_are_given_and_refused(monkeypatch):
    given_ = []
    proof = long_paths._certified
    monkeypatch.setattr(long_paths, "_certified", lambda *case: given_.append(proof(*case)) or given_[-1])
    rng = np.random.default_rng(3)
    reference = ids(rng.integers(0, 500, 300))
    hypothesis = np.where(rng.random(300) < 0.05, 501, reference).astype(np.int32)
    assert long_path(reference, hypothesis).tolist() == plain_path(reference, hypothesis, 3, 4)
    assert given_[-1]
    given_.clear()
    unlike = ids(rng.integers(0, 500, 300))
    assert long_path(reference, unlike).tolist() == plain_path(reference, unlike, 3, 4)
    assert not any(given_)


def test_a_path_that_lies_elsewhere_is_found(monkeypatch):
    """Every fourth word is unique and leads along the diagonal; the others, of two kinds, match better further off."""
    monkeypatch.setattr(long_paths, "_OFTEN", 1000)  # so that frequent words are looked at, too
    rng = np.random.default_rng(0)
    shift, count = 24, 480
    others = rng.integers(0, 2, count + shift)
    place = np.arange(count)
    reference = np.where(place % 4, others[:count], 1000 + place)
    hypothesis = np.where(place % 4, others[shift:], 1000 + place)
    expected = plain_path(reference.tolist(), hypothesis.tolist(), 3, 4)
    assert long_path(ids(reference), ids(hypothesis)).tolist() == expected
    drift = np.cumsum([(step == 3) - (step == 2) for step in expected])
    assert np.abs(drift).max() > 15  # it leaves the stairs


def test_a_long_passage_left_out_is_one_passage(monkeypatch):
    monkeypatch.undo()
    text = np.random.default_rng(5).permutation(6000).astype(np.int32)
    hypotheses = np.concatenate([text[:1500], text[4000:]])
    expected = [0] * 1500 + [2] * 2500 + [0] * 2000
    assert long_path(text, hypotheses).tolist() == expected
    assert long_path(hypotheses, text).tolist() == [3 if step == 2 else step for step in expected]


@given(pairs)
def test_fewest_errors(pairs):
    one, two = Sequences.of([ids(a) for a, _ in pairs]), Sequences.of([ids(b) for _, b in pairs])
    known = paths(one, two).counts()[:, 1:].sum(axis=1)
    expected = [sum(step > 0 for step in plain_path(a, b, 1, 1)) for a, b in pairs]
    assert fewest_errors(one, two, known).tolist() == expected


def test_fewest_errors_by_example():
    one, two = ids([0, 1, 0, 2, 0, 0, 2]), ids([0, 0, 0, 1, 0, 1, 2, 0])
    for reference, hypothesis, total in ((one, two, 4), (two, one, 5)):
        sides = Sequences.of([reference]), Sequences.of([hypothesis])
        known = paths(*sides).counts()[:, 1:].sum(axis=1)
        assert (known.tolist(), fewest_errors(*sides, known).tolist()) == ([total], [4])


def words_table():
    return pd.DataFrame(
        {
            "audio_id": "a",
            "word_index": range(6),
            "text": ["Um,", "pay", "twenty", "five", "dollars", "won't"],
            "start_ms": [0, 100, 200, 300, 400, 500],
            "end_ms": [90, 190, 290, 390, 490, 590],
            "confidence": [0.1, 0.9, 0.8, 0.3, 0.7, 0.6],
            "speaker": ["1", "1", "1", "2", "2", "2"],
            "language": "en",
        }
    )


def test_words_keep_what_is_known_of_them():
    found = sx.align_words(words_table(), {"a": "pay $25 will not now"}, normalizer="whisper-english")
    assert list(found) == list(schema.WORD_ALIGNMENTS)
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == {
        name: column.dtype for name, column in schema.WORD_ALIGNMENTS.items()
    }
    assert found["operation"].tolist() == ["hit", "hit", "hit", "hit", "deletion"]
    assert found["hypothesis"].tolist() == ["pay", "$25", "will", "not", pd.NA]
    assert found["word_index"].tolist() == [1, 2, 5, 5, pd.NA]
    assert found["start_ms"].tolist() == [100, 200, 500, 500, pd.NA]
    assert found["end_ms"].tolist() == [190, 490, 590, 590, pd.NA]
    assert found["confidence"].astype(float).round(3).tolist()[:4] == [0.9, 0.3, 0.6, 0.6]
    assert found["speaker"].tolist() == ["1", "1", "2", "2", pd.NA]
    assert found["language"].isna().tolist() == [False, False, False, False, True]
    assert found["reference_index"].tolist() == [0, 1, 2, 3, 4]
    assert found["reference_speaker"].isna().all()
    assert set(found["normalizer"]) == {sx.Normalizer.of("whisper-english").label}
    assert set(found["cost"]) == {"sclite"}


def test_unknown_confidence_stays_unknown():
    table = words_table().astype({"confidence": "Float32"})
    table.loc[2:4, "confidence"] = pd.NA
    found = sx.align_words(table, {"a": "pay $25"}, normalizer="whisper-english")
    assert found["confidence"].isna().tolist()[:2] == [False, True]


def test_turns_say_who_said_it():
    turns = pd.DataFrame(
        {"audio_id": "a", "speaker": ["bob", "ann"], "start_ms": [900, 0], "text": ["fine thanks", "how are you"]}
    )
    found = sx.align_words({"a": "how you fine thanks"}, turns)
    assert found["reference"].tolist() == ["how", "are", "you", "fine", "thanks"]
    assert found["reference_speaker"].tolist() == ["ann", "ann", "ann", "bob", "bob"]


def test_scripts_without_spaces_go_by_character():
    found = sx.align_words({"a": "我爱OK你们"}, {"a": "我很爱 ok 你"})
    assert found["operation"].tolist() == ["hit", "deletion", "hit", "hit", "hit", "insertion"]
    whole = sx.align_words({"a": "我爱你"}, {"a": "我爱他"}, units="words")
    assert whole["operation"].tolist() == ["substitution"]


def corpus(**columns):
    recordings = pd.DataFrame({"audio_id": ["a", "b", "c"], "status": ["completed", "failed", "completed"], **columns})
    tokens = pd.DataFrame(
        {
            "audio_id": "a",
            "token_index": range(4),
            "text": ["Good", " morn", "ing", "Gu"],
            "start_ms": [0, 100, 200, 300],
            "end_ms": [100, 200, 300, 400],
            "translation_status": ["original"] * 3 + ["translation"],
        }
    )
    return sx.Corpus(recordings, tokens)


def test_a_corpus_with_its_own_references():
    found = sx.align_words(corpus(reference=["good morning", "lost", "well"]))
    assert found[["audio_id", "operation", "reference", "hypothesis"]].fillna("-").to_numpy().tolist() == [
        ["a", "hit", "good", "good"],
        ["a", "hit", "morning", "morning"],
        ["c", "deletion", "well", "-"],
    ]
    silent = sx.align_words(corpus(reference=["good morning", "lost", "well"]), missing="as_empty")
    assert silent["audio_id"].tolist() == ["a", "a", "b", "c"]


def test_tokens_and_words_and_corpus_agree():
    reference = {"a": "good evening"}
    expected = sx.align_words(corpus(), reference)
    for table in (corpus().tokens, corpus().words(), corpus().words().iloc[::-1]):
        pd.testing.assert_frame_equal(sx.align_words(table, reference), expected)


text = st.lists(st.sampled_from(["a", "B", "c.", "dd", "'", "ü"]), max_size=8).map(" ".join)


@given(
    st.dictionaries(st.sampled_from("wxyz"), st.tuples(text, text), min_size=1),
    st.sampled_from(["sclite", "levenshtein"]),
)
@settings(max_examples=examples(25))
def test_both_texts_can_be_read_off_and_counts_agree(texts, cost):
    hypotheses, references = (
        {name: two for name, (_, two) in texts.items()},
        {name: one for name, (one, _) in texts.items()},
    )
    found = sx.align_words(hypotheses, references, cost=cost)
    errors = sx.word_errors(hypotheses, references, cost=cost).set_index("audio_id")
    basic = sx.Normalizer.of("basic")
    for name, (one, two) in texts.items():
        own = found[found["audio_id"] == name]
        assert " ".join(own["reference"].dropna()) == basic(one)
        assert " ".join(own["hypothesis"].dropna()) == basic(two)
        assert own["position"].tolist() == list(range(len(own)))
        assert own["reference_index"].dropna().tolist() == list(range(own["reference"].notna().sum()))
        assert own["hypothesis_index"].dropna().tolist() == list(range(own["hypothesis"].notna().sum()))
        assert ((own["reference"] == own["hypothesis"]).fillna(False) == (own["operation"] == "hit")).all()
        counts = own["operation"].value_counts()
        for operation, column in (
            ("hit", "hits"),
            ("substitution", "substitutions"),
            ("deletion", "deletions"),
            ("insertion", "insertions"),
        ):
            assert counts.get(operation, 0) == errors.loc[name, column]
    assert [one for one, _ in pairwise(found["audio_id"].drop_duplicates())] == [
        name for name in texts if name in set(found["audio_id"])
    ][:-1]


def test_wrong_arguments():
    with pytest.raises(InputError, match=r"cost must be one of 'sclite', 'levenshtein'; found 'wer'"):
        sx.align_words({"a": "x"}, {"a": "x"}, cost="wer")
    with pytest.raises(InputError, match=r"units must be one of 'mixed', 'words'; found 'chars'"):
        sx.align_words({"a": "x"}, {"a": "x"}, units="chars")
    with pytest.raises(SchemaError, match=r"lacks \['text'\]"):
        sx.align_words(words_table().drop(columns="text"), {"a": "x"})
    with pytest.raises(SchemaError, match="words: 6 of 12 rows are duplicates, first audio_id 'a', word_index 0"):
        sx.align_words(pd.concat([words_table(), words_table()]), {"a": "x"})
    table = words_table().astype({"text": "string"})
    table.loc[1, "text"] = pd.NA
    with pytest.raises(SchemaError, match="text is NA in 1 of 6 words"):
        sx.align_words(table, {"a": "x"})
