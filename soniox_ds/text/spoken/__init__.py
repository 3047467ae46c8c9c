"""Formatting-neutral forms of transcripts: equal for the same spoken words in any written form.

"$15.20" and "fifteen dollars and twenty cents" are the same speech in two written forms. `fold_spoken` brings both to
one canonical form, so that a comparison of words counts what was recognised and not how it was formatted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from soniox_ds.exceptions import InputError

__all__ = ["SPOKEN_LANGUAGES", "fold_spoken"]

SPOKEN_LANGUAGES = ("en", "de", "es", "fr")

_MODULES = {"en": "english", "de": "german", "es": "spanish", "fr": "french"}
_MOST_ROUNDS = 13  # rounds of the folding; two are enough for nearly every text


def fold_spoken(text: str, language: str) -> str:
    """Fold the written forms of the same spoken words into one.

    Parameters
    ----------
    text
        Any text, with or without punctuation and capitals.
    language
        The language of the text, one of ``SPOKEN_LANGUAGES``.

    Returns
    -------
    str
        Words in lower case, separated by single spaces, without punctuation (apostrophes between letters stay, because
        "he'll" and "hell" are different words). English contractions are written out if they stand for one pair of
        words ("it's", "don't"). Numbers are written in digits. Folding the result again changes nothing.

    Raises
    ------
    InputError
        If the language is not one of ``SPOKEN_LANGUAGES``, or `text` is not a string.

    Examples
    --------
    >>> fold_spoken("That's $15.20, at 7:15 p.m.", "en")
    'that is 15 dollars 20 at 7 15 pm'
    >>> fold_spoken("that's fifteen dollars and twenty cents at seven fifteen PM", "en")
    'that is 15 dollars 20 at 7 15 pm'
    """
    if language not in SPOKEN_LANGUAGES:
        raise InputError(
            f"spoken forms are known for the languages {list(SPOKEN_LANGUAGES)}; found {language!r}. "
            "Use the normaliser 'basic' for other languages."
        )
    if not isinstance(text, str):
        raise InputError(f"fold_spoken takes a string; found {type(text).__name__}.")
    fold = _folding(language)
    # One rule may enable another ("two hundred" in "2 hundred"), so the text is folded until nothing changes.
    for _ in range(_MOST_ROUNDS):
        folded = fold(text)
        if folded == text:
            break
        text = folded
    return folded


@cache
def _folding(language: str) -> Callable[[str], str]:
    fold: Callable[[str], str] = import_module(f"{__name__}.{_MODULES[language]}").fold
    return fold
