"""Properties of characters that decide where words begin.

Conventions: only the characters decide, and never a language label, because several languages may occur in a recording
and labels are often absent. The scripts of Chinese, Japanese, Thai, Lao, Khmer, Burmese, Yi and the Tai languages are
written without spaces; Korean is written with spaces. Unicode general categories are those of the Python in use.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Features", "ends_sentence", "features", "is_unspaced", "lacks_space", "starts_lower"]

# Inclusive code point ranges of scripts that are written without spaces between words, their punctuation included.
UNSPACED_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19FF),  # Tai Le, New Tai Lue, Khmer symbols
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x312F),  # CJK radicals and punctuation, hiragana, katakana, bopomofo
    (0x31A0, 0x31FF),  # bopomofo and katakana extensions
    (0x3200, 0x4DBF),  # enclosed and compatibility CJK, extension A
    (0x4E00, 0x9FFF),  # CJK
    (0xA000, 0xA4CF),  # Yi
    (0xA9E0, 0xA9FF),  # Burmese extended B
    (0xAA60, 0xAADF),  # Burmese extended A, Tai Viet
    (0xF900, 0xFAFF),  # CJK compatibility
    (0xFF61, 0xFF9F),  # half-width CJK punctuation and katakana
    (0x1AFF0, 0x1B16F),  # kana supplements
    (0x1F200, 0x1F2FF),  # enclosed ideographs
    (0x20000, 0x3FFFD),  # CJK extensions B and on
)
FULLWIDTH_PUNCTUATION = frozenset("！＂＇（），－．／：；＜＞？［］｛｝～＿")

# Characters that Unicode classifies as letters but that belong to the character before: vowels and repetition marks
# of Thai and Lao, the small kana, the long-vowel mark and the iteration marks of Japanese.
_DEPENDENT = frozenset("ะาำๅๆະາຳໆ々〻ゝゞヽヾー゛゜ｰﾞﾟぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ")
_JOINERS = frozenset("\u200d\u2060")  # the characters on both sides belong together
_STACKERS = frozenset("\u17d2\u1039\u1a60")  # the next consonant is written below the previous one
_NON_JOINER = "\u200c"  # separates shapes, not words

_OPENING = frozenset("¿¡„‚‹«“‘")  # besides the categories Ps and Pi
_EITHER = frozenset("\"'＂＇")  # opening or closing, depending on the neighbours
_LIKE_LETTERS = frozenset("#@&*_§¶†‡＃＠＆＊")  # punctuation by category, but used as part of a word
_SENTENCE_END = frozenset(".?!…。．？！｡؟۔।॥։።፧፨။៕‼⁇⁈⁉")
_CLOSERS_AFTER_END = re.compile(r"[\"'\)\]\}’”»›」』）】〉》\u0300-\u036f]+$")


@cache
def is_unspaced(char: str) -> bool:
    """Return True for a character of a script that is written without spaces between words.

    >>> [is_unspaced(char) for char in "好ไ、한a"]
    [True, True, True, False, False]
    """
    code = ord(char)
    if code < 0x0E00:
        return False
    return char in FULLWIDTH_PUNCTUATION or any(low <= code <= high for low, high in UNSPACED_RANGES)


@cache
def _hangs_on(char: str) -> bool:
    """Return True for a character that never starts a word: a mark, a joiner, or a modifier of the previous emoji."""
    return (
        unicodedata.category(char).startswith("M")
        or char in _DEPENDENT
        or char in _JOINERS
        or char == _NON_JOINER
        or 0x1F3FB <= ord(char) <= 0x1F3FF
        or 0xE0020 <= ord(char) <= 0xE007F
    )


@cache
def _kind(char: str) -> str:
    """Return "letter", "opening", "either", "closing" or "mark" (which decides nothing)."""
    if char in _EITHER:
        return "either"
    if char in _OPENING:
        return "opening"
    category = unicodedata.category(char)
    if category in ("Ps", "Pi"):
        return "opening"
    if category.startswith("P") and char not in _LIKE_LETTERS:
        return "closing"
    return "mark" if category.startswith(("M", "C")) else "letter"


class Features(NamedTuple):
    """The result of `features`, one element for each text; boolean arrays except `stripped`."""

    stripped: list[str]
    """The texts without surrounding white space (a list, not an array)."""
    space_first: npt.NDArray[np.bool_]
    """True if the text begins with white space."""
    space_last: npt.NDArray[np.bool_]
    """True if the text ends with white space."""
    blank: npt.NDArray[np.bool_]
    """True if the text is empty or only white space."""
    hangs_on: npt.NDArray[np.bool_]
    """True if the first character cannot start a word."""
    holds_on: npt.NDArray[np.bool_]
    """True if the last character connects the next character to its word (a joiner)."""
    spoken: npt.NDArray[np.bool_]
    """True if the text contains a letter or a digit."""
    punctuation: npt.NDArray[np.bool_]
    """True if the text is only punctuation."""
    opening: npt.NDArray[np.bool_]
    """True if the text is only punctuation that belongs to the following text: brackets, ¿ ¡ « „."""
    either: npt.NDArray[np.bool_]
    """True if the text is only punctuation that may belong to either side: straight quotes."""
    unspaced_first: npt.NDArray[np.bool_]
    """True if the first letter (the first character if there is none) belongs to an unspaced script."""
    unspaced_last: npt.NDArray[np.bool_]
    """True if the last letter (the last character if there is none) belongs to an unspaced script."""


def features(texts: list[str]) -> Features:
    """Compute the features of each text.

    Pass each distinct text once, and map the results to the tokens that have this text.

    >>> result = features([" How", "?", "「", "好"])
    >>> result.stripped, result.space_first.tolist(), result.punctuation.tolist()
    (['How', '?', '「', '好'], [True, False, False, False], [False, True, True, False])
    >>> result.opening.tolist(), result.unspaced_first.tolist()
    ([False, False, True, False], [False, False, True, True])
    """
    stripped = [text.strip() for text in texts]
    flags = np.zeros((len(texts), 11), np.bool_)
    for row, (text, bare) in enumerate(zip(texts, stripped, strict=True)):
        if not bare:
            flags[row, :3] = bool(text)
            flags[row, 2] = True
        elif bare.isascii() and bare.isalnum():  # nearly every piece of most recordings
            flags[row, 0] = text[0] != bare[0]
            flags[row, 1] = text[-1] != bare[-1]
            flags[row, 5] = True
        else:
            flags[row] = _flags(text, bare)
    return Features(stripped, *flags.T)


def _flags(text: str, bare: str) -> tuple[bool, ...]:
    first, last = bare[0], bare[-1]
    kinds = [_kind(char) for char in bare]
    punctuation = "letter" not in kinds and any(kind != "mark" for kind in kinds)
    letters = [char for char, kind in zip(bare, kinds, strict=True) if kind == "letter"]
    final = next((kind for kind in reversed(kinds) if kind != "mark"), "mark")
    return (
        text[0] != first,
        text[-1] != last,
        False,
        _hangs_on(first),
        last in _JOINERS or last in _STACKERS,
        any(char.isalnum() for char in bare),
        punctuation,
        punctuation and final == "opening",
        punctuation and set(kinds) <= {"either", "mark"},
        is_unspaced(letters[0] if letters else first),
        is_unspaced(letters[-1] if letters else last),
    )


def ends_sentence(text: str) -> bool:
    """Return True if a word ends a sentence; closing quotes and brackets are ignored.

    >>> [ends_sentence(text) for text in ("you?", 'so."', "好。", "3.5", "e")]
    [True, True, True, False, False]
    """
    bare = _CLOSERS_AFTER_END.sub("", text)
    return bool(bare) and bare[-1] in _SENTENCE_END


def lacks_space(before: str, text: str) -> bool:
    """Return True if a space belongs between the last token of a part and the first token of the next.

    The service does not write this space, because it transcribes each part separately.

    >>> lacks_space("there.", "How"), lacks_space("there.", " How"), lacks_space("you", "?"), lacks_space("你", "好")
    (True, False, False, False)
    """
    if not before or before[-1].isspace() or not text or not text[0].isalnum():
        return False
    return not (is_unspaced(before[-1]) or is_unspaced(text[0]))


def starts_lower(text: str) -> bool:
    """Return True if the first letter or digit of a word is a lower-case letter, which does not begin a sentence.

    >>> [starts_lower(text) for text in ("and", "«and»", "And", "5", "好")]
    [True, True, False, False, False]
    """
    first = next((char for char in text if char.isalnum()), "")
    return first.islower()
