"""Alignments as `jiwer.WordOutput` and back."""

import jiwer
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds.exceptions import SchemaError
from soniox_ds.metrics.words.alignments import alignments_of

texts = st.lists(st.sampled_from("abcde"), max_size=8).map(" ".join)
pairs = st.lists(st.tuples(texts.filter(bool), texts), min_size=1, max_size=4)


def aligned(given_pairs, **options):
    references, hypotheses = ({f"r{n}": pair[side] for n, pair in enumerate(given_pairs)} for side in (0, 1))
    return sx.align_words(hypotheses, references, normalizer="none", **options)


@settings(max_examples=examples(60))
@given(pairs)
def test_the_measures_are_jiwers(given_pairs):
    output = sx.metrics.jiwer_output(aligned(given_pairs, cost="levenshtein"))
    expected = jiwer.process_words(*map(list, zip(*given_pairs, strict=True)))
    assert (output.references, output.hypotheses) == (expected.references, expected.hypotheses)
    for name in ("wer", "mer", "wil", "wip", "hits", "substitutions", "deletions", "insertions"):
        assert getattr(output, name) == pytest.approx(getattr(expected, name)), name
    assert jiwer.visualize_alignment(output, skip_correct=False).count("=== SENTENCE") == len(given_pairs)


@settings(max_examples=examples(60))
@given(pairs, st.sampled_from(["sclite", "levenshtein"]))
def test_there_and_back(given_pairs, cost):
    table = aligned(given_pairs, cost=cost)
    back = alignments_of(sx.metrics.jiwer_output(table))
    names = ["position", "operation", "reference", "hypothesis", "reference_index", "hypothesis_index"]
    pd.testing.assert_frame_equal(back[names], table[names])
    assert pd.factorize(back["audio_id"])[0].tolist() == pd.factorize(table["audio_id"])[0].tolist()


def test_what_jiwer_makes_of_an_empty_reference():
    for references, hypotheses in (("", "a b"), ("", "")):
        rows = pd.DataFrame(
            {"audio_id": "a", "operation": "insertion", "reference": None, "hypothesis": hypotheses.split()}
        )
        output = sx.metrics.jiwer_output(rows.assign(position=range(len(rows))))
        expected = jiwer.process_words([references], [hypotheses])
        for name in ("wer", "mer", "wil", "wip"):
            assert getattr(output, name) == getattr(expected, name)


def test_functions_take_the_output_of_jiwer():
    output = jiwer.process_words(["she took it", "we took it"], ["she takes it", "we takes it"])
    assert sx.confusions(output)[["reference", "hypothesis", "count"]].values.tolist() == [["took", "takes", 2]]
    terms = sx.term_errors(output, ["took"], normalizer="none")
    assert terms[["hits", "misses"]].values.tolist() == [[0, 2]]
    assert sx.metrics.term_occurrences(output, ["it"], normalizer="none")["audio_id"].tolist() == ["0", "1"]
    assert "took" in sx.show.alignment(output, "0")._repr_html_()


def test_functions_that_need_more_say_so():
    output = jiwer.process_words("a b", "a c")
    for function in (sx.metrics.roc, sx.calibration, sx.metrics.reliability):
        with pytest.raises((SchemaError, sx.exceptions.InputError), match="confidence"):
            function(output)


def test_an_unknown_operation_is_refused():
    table = aligned([("a b", "a c")])
    with pytest.raises(SchemaError, match="the operation 'swap' is unknown"):
        sx.metrics.jiwer_output(table.assign(operation="swap"))
    with pytest.raises(SchemaError, match="are duplicates"):
        sx.metrics.jiwer_output(pd.concat([table, table]))
