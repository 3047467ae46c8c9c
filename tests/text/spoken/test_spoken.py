"""Formatting-neutral forms: pairs written by hand, and laws that hold for every text."""

from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from num2words import num2words

from soniox_ds.exceptions import InputError
from soniox_ds.text.spoken import SPOKEN_LANGUAGES, fold_spoken

HERE = Path(__file__).parent
NAMES = {"en": "english", "de": "german", "es": "spanish", "fr": "french"}


def pairs(language, kind):
    """Each line of the files has two texts, divided by a tab; lines that begin with "# " are headings."""
    path = HERE / f"{NAMES[language]}_{kind}.tsv"
    lines = path.read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("\t")) for line in lines if line and not line.startswith("# ")]


@pytest.mark.parametrize("language", SPOKEN_LANGUAGES)
def test_the_same_speech_becomes_equal(language):
    folded = [
        (pair, fold_spoken(pair[0], language), fold_spoken(pair[1], language)) for pair in pairs(language, "equal")
    ]
    assert [(pair, left, right) for pair, left, right in folded if left != right] == []


@pytest.mark.parametrize("language", SPOKEN_LANGUAGES)
def test_other_speech_stays_different(language):
    folded = [
        (pair, fold_spoken(pair[0], language), fold_spoken(pair[1], language)) for pair in pairs(language, "different")
    ]
    assert [(pair, left) for pair, left, right in folded if left == right] == []


@pytest.mark.parametrize("kind", ["equal", "different"])
@pytest.mark.parametrize("language", SPOKEN_LANGUAGES)
def test_every_language_has_two_hundred_pairs_of_each_kind(language, kind):
    found = {frozenset(pair) for pair in pairs(language, kind)}
    assert all(len(pair) == 2 for pair in found)
    assert len(found) >= 200


def words_for(number, language):
    return num2words(number, lang=language)


numbers = st.one_of(
    st.integers(0, 200), st.integers(0, 10_000), st.integers(0, 10**6), st.integers(0, 10**9), st.sampled_from(
        [100, 1000, 1100, 1001, 80, 81, 91, 71, 200, 2000, 10**6, 2 * 10**6, 10**9, 21_000, 31, 101, 1999, 1_000_001]
    )
)  # fmt: skip


@pytest.mark.parametrize("language", SPOKEN_LANGUAGES)
@given(number=numbers)
def test_numbers_in_words_and_in_digits_are_equal(language, number):
    assume((language, number) != ("fr", 1))  # "un" is the article, too
    spoken = words_for(number, language)
    assert fold_spoken(spoken, language) == fold_spoken(str(number), language)
    assert fold_spoken(spoken.replace("-", " ").replace(",", ""), language) == fold_spoken(str(number), language)
    assert fold_spoken(f"hmm {spoken}!", language) == f"hmm {number}"


@pytest.mark.parametrize("language", SPOKEN_LANGUAGES)
@given(first=numbers, second=numbers)
def test_different_numbers_stay_different(language, first, second):
    folded = fold_spoken(words_for(first, language), language), fold_spoken(words_for(second, language), language)
    assert (folded[0] == folded[1]) == (first == second)


@pytest.mark.parametrize("language", SPOKEN_LANGUAGES)
@given(number=numbers)
def test_ordinals_are_no_cardinals(language, number):
    ordinal = num2words(number + 1, lang=language, to="ordinal")
    assert fold_spoken(ordinal, language) != fold_spoken(str(number + 1), language)


@pytest.mark.parametrize("language", SPOKEN_LANGUAGES)
@given(number=numbers)
def test_grouped_digits(language, number):
    grouped = f"{number:,}".replace(",", "," if language == "en" else ".")
    assert fold_spoken(grouped, language) == fold_spoken(str(number), language)
    assert (
        fold_spoken(grouped.replace(",", " ").replace(".", "\u202f"), language) == fold_spoken(str(number), language)
        or language == "en"
    )


PIECES = """
    0 1 2 5 7 10 12 15 20 05 99 100 1999 2024 000 3.14 1,000 1.000 -5 ½ 1/2 7:15 $15.20 £5 15€ % & @ # + = . , -
    – ' ’ : / ° a i o oh y e x n p m h am pm point and to of the second third half quarter quarters dollars cents
    percent hundred thousand million one two five ten twelve twenty thirty nineteen ninety nine zero double minus may
    5th 1st 21st twenty-first NP-38BX 38bx mg km min st. dr. uhr komma hundert zwei fünf zwanzig und zwanzigste ersten
    march segundo euro
    einundzwanzig tausend million eine ein dos cinco veinte veintiuno cien ciento mil coma punto con primero de
    del y menos euros céntimos peso quatre vingt vingts dix sept soixante et un une mille cent cents premier première
    deuxième virgule heures heure 7h15 1er 2e moins quart demi no. n° januar mai 1. 2. enero mayo janvier
"""
pieces = st.sampled_from(PIECES.split())
texts = st.one_of(
    st.text(),
    st.lists(pieces, max_size=12).map(" ".join),
    st.lists(pieces, max_size=8).map("".join),
    st.lists(st.one_of(pieces, st.text(max_size=3)), max_size=10).map(" ".join),
)


@pytest.mark.parametrize("language", SPOKEN_LANGUAGES)
@given(text=texts)
@example(text="9" * 5000)
@example(text="non " * 30 + "profit " + "ex " * 30 + "ministro")
@example(text="double " * 30 + "5 5 " + "oh " * 30 + "5 " + "y " * 30 + "5")
@example(text="€ " * 30 + "12 " + "st. " * 30 + "denis " + "$ " * 30)
@example(text="20 " * 30 + "de " * 30 + "1000000 " + "de " * 30 + "euro " * 30)
@example(text="1:" * 50 + "٣½²" + "\u0307i\u0307")
def test_folding_again_changes_nothing(language, text):
    folded = fold_spoken(text, language)
    assert fold_spoken(folded, language) == folded
    assert folded == " ".join(folded.split())
    assert not set(folded) & set('.,;:!?"()-–/%&@#')
    assert folded == folded.lower()


@pytest.mark.parametrize("language", ["it", "EN", "", "english", None, 5, ["en"]])
def test_other_languages_are_refused(language):
    with pytest.raises(InputError, match="spoken forms are known for the languages"):
        fold_spoken("seven", language)


@pytest.mark.parametrize("text", [None, 5, b"seven", float("nan")])
def test_only_texts_are_folded(text):
    with pytest.raises(InputError, match="takes a string"):
        fold_spoken(text, "en")
