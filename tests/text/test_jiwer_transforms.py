"""Transforms of jiwer as normalisers: the rates are jiwer's own, and labels tell different transforms apart."""

import re
import subprocess
import sys

import jiwer
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds.exceptions import InputError

WORDS = jiwer.ReduceToListOfListOfWords()
TRANSFORMS = {
    "default": jiwer.Compose([jiwer.RemoveMultipleSpaces(), jiwer.Strip()]),
    "lower case": jiwer.Compose([jiwer.ToLowerCase(), jiwer.Strip()]),
    "punctuation": jiwer.Compose([jiwer.RemovePunctuation(), jiwer.RemoveMultipleSpaces(), jiwer.Strip()]),
    "words": jiwer.Compose(
        [
            jiwer.ToUpperCase(),
            jiwer.SubstituteWords({"FOX": "CAT DOG"}),
            jiwer.RemoveSpecificWords(["THE"]),
            jiwer.RemoveMultipleSpaces(),
            jiwer.Strip(),
        ]
    ),
    "expressions": jiwer.Compose([jiwer.SubstituteRegexes({r"(\w+)s\b": r"\1", r"[.,]": " "})]),
    "contractions": jiwer.Compose([jiwer.ExpandCommonEnglishContractions(), jiwer.RemoveKaldiNonWords()]),
    "nested": jiwer.Compose([jiwer.Compose([jiwer.ToLowerCase()]), jiwer.RemoveWhiteSpace(replace_by_space=True)]),
}
texts = st.lists(
    st.sampled_from(["the", "The", "fox", "Foxes", "it's", "a.", "b,c", "<unk>", "[laughs]", "", " ", "don't", "7"]),
    max_size=9,
).map(" ".join)


@pytest.mark.filterwarnings("ignore:.*<unk>", "ignore:.*laughs")
@settings(max_examples=examples(60))
@given(st.sampled_from(sorted(TRANSFORMS)), st.lists(st.tuples(texts, texts), min_size=1, max_size=4), st.booleans())
def test_the_rate_is_jiwers(name, pairs, reduced):
    transform = TRANSFORMS[name]
    complete = jiwer.Compose([transform, WORDS])
    pairs = [
        (references, hypotheses) for references, hypotheses in pairs if complete([references])[0]
    ]  # without a reference there is no rate
    if not pairs:
        return
    expected = jiwer.process_words(*map(list, zip(*pairs, strict=True)), complete, complete)
    references, hypotheses = ({str(n): pair[side] for n, pair in enumerate(pairs)} for side in (0, 1))
    errors = sx.word_errors(
        hypotheses, references, normalizer=complete if reduced else transform, units="words", cost="levenshtein"
    )
    counts = errors[["hits", "substitutions", "deletions", "insertions"]].sum().tolist()
    assert counts == [expected.hits, expected.substitutions, expected.deletions, expected.insertions]
    assert sx.summarize(errors, n_resamples=100)["wer"][0] == pytest.approx(expected.wer)


def test_a_single_transform_and_a_list_of_them():
    assert sx.Normalizer.of(jiwer.ToLowerCase())("The  Fox") == "the fox"
    chain = sx.Normalizer.of([jiwer.ToLowerCase(), "punctuation"])
    assert chain("The Fox!") == "the fox"
    assert re.fullmatch(r"jiwer\.ToLowerCase 4\.\d+\.\d+-[0-9a-f]{8} \+ punctuation 3", chain.label)


def test_characters_are_put_together_again():
    transform = jiwer.Compose([jiwer.Strip(), jiwer.ReduceToListOfListOfChars()])
    errors = sx.character_errors({"a": " the fax"}, {"a": "the fox "}, normalizer=transform)
    assert errors["cer"][0] == jiwer.cer("the fox ", " the fax")


def test_an_empty_text_stays_empty():
    for transform in (jiwer.Compose([jiwer.RemoveEmptyStrings(), WORDS]), jiwer.wer_standardize_contiguous):
        assert sx.Normalizer.of(transform)("") == ""


def test_words_with_white_space_are_refused():
    with pytest.raises(InputError, match=r"keeps the white space in 'a\\tb'.*SubstituteRegexes"):
        sx.Normalizer.of(WORDS)("a\tb c")


def test_labels_tell_parameters_apart():
    def label(*transforms):
        return sx.Normalizer.of(jiwer.Compose(list(transforms))).label

    assert label(jiwer.RemoveSpecificWords(["uh"])) == label(jiwer.RemoveSpecificWords(["uh"]))
    assert label(jiwer.RemoveSpecificWords(["uh"])) != label(jiwer.RemoveSpecificWords(["um"]))
    assert label(jiwer.SubstituteRegexes({"a": "b"})) != label(jiwer.SubstituteRegexes({"a": "c"}))
    assert label(str.lower, jiwer.Strip()).startswith("jiwer.lower+Strip ")


def test_a_transform_of_the_user_has_a_digest_of_its_code():
    class Short(jiwer.AbstractTransform):
        def process_string(self, s):
            return s[:3]

    class Long(jiwer.AbstractTransform):
        def process_string(self, s):
            return s[:30]

    short, long = sx.Normalizer.of(Short()), sx.Normalizer.of(Long())
    assert short("letters") == "let"
    assert short.label.rpartition("-")[2] != long.label.rpartition("-")[2]


def test_labels_are_the_same_in_every_process():
    code = (
        "import jiwer, soniox_ds as sx\n"
        "transform = jiwer.Compose([jiwer.RemovePunctuation(), jiwer.RemoveSpecificWords(['a', 'b'])])\n"
        "print(sx.Normalizer.of(transform).label)"
    )
    labels = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(labels) == 1
