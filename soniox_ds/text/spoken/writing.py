"""Unification of characters that can be written in several ways, and division of text into words."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

import regex

__all__ = [
    "Phrases",
    "Rule",
    "clean",
    "is_clear_roman",
    "join_capitals",
    "join_prefixes",
    "join_thousands",
    "join_words",
    "listed",
    "replace_letters_with_dots",
    "roman",
    "sub_each",
    "words_of",
]

Rule: TypeAlias = "tuple[regex.Pattern[str], str | Callable[[regex.Match[str]], str]]"

_FRACTIONS = {
    "½": "1/2",
    "⅓": "1/3",
    "⅔": "2/3",
    "¼": "1/4",
    "¾": "3/4",
    "⅕": "1/5",
    "⅖": "2/5",
    "⅗": "3/5",
    "⅘": "4/5",
    "⅙": "1/6",
    "⅚": "5/6",
    "⅛": "1/8",
    "⅜": "3/8",
    "⅝": "5/8",
    "⅞": "7/8",
}
_SIGNS = str.maketrans(
    {
        **{sign: f" {value} " for sign, value in _FRACTIONS.items()},
        **dict.fromkeys("‘’ʼ´`＇‛′", "'"),
        **dict.fromkeys("‐‑‒−﹣－", "-"),
        **dict.fromkeys("—―", " – "),
        **dict.fromkeys("\u2044\u2215", "/"),
        **dict.fromkeys("™℠®©\u20e3", " "),
        "№": " no. ",
        "²": "2",
        "³": "3",
    }
)
_SPACED_THOUSANDS = regex.compile(r"(?<=(?<![0-9])[0-9]{1,3}|[0-9]{3})[\u00a0\u202f\u2009'](?=[0-9]{3}(?![0-9]))")
_GROUPED_AND_POINT = regex.compile(r"(?<![0-9,.])[1-9][0-9]{0,2}(?:,[0-9]{3})+(?=\.[0-9])")
_LETTER_A = regex.compile(
    r"(?<=[\p{Ll}\p{N},;:]\s)A\s(?=[0-9])"
)  # the road "A 4", for "a" is a word in three languages
_CAPITALS = regex.compile(r"(?<![\w.'’])(?:\p{Lu} ){2,7}\p{Lu}(?![\w'’])")
_INVISIBLE = regex.compile(r"[\p{Cf}\p{Co}\p{Cs}\ufe00-\ufe0f]+")
_WORDS = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*+(?:'[\p{L}][\p{L}\p{M}]*+)*+|\p{Sc}")
_DOTTED = regex.compile(r"(?<![\p{L}\p{N}.])((?:\p{L}\.){1,12}\p{L})\.?(?![\p{L}\p{N}])")


_ROMAN_TENS = ("", "x", "xx", "xxx", "xl", "l", "lx", "lxx", "lxxx", "xc")
_ROMAN_ONES = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
_ROMAN = {
    ten + one: 10 * tens + ones
    for tens, ten in enumerate(_ROMAN_TENS)
    for ones, one in enumerate(_ROMAN_ONES)
    if ten + one
}


def clean(text: str) -> str:
    r"""Return the text in lower case, with one character for each kind of apostrophe, hyphen and space.

    >>> clean("“Don’t” pay 1\u202f000 € — İzmir")
    '"don\'t" pay 1000 € – izmir'
    """
    text = _LETTER_A.sub("A", text)
    text = _SPACED_THOUSANDS.sub("", text.translate(_SIGNS)) if not text.isascii() else text
    text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    lower = "ß".join(part.casefold() for part in text.replace("ẞ", "ß").split("ß"))  # "Maße" is not "Masse"
    text = unicodedata.normalize("NFC", lower.replace("i\u0307", "i"))
    text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    text = text.replace("“", '"').replace("”", '"').replace("„", '"').replace("«", '"').replace("»", '"')
    return " ".join(text.split())


def listed(words: str, divider: str | None = None) -> list[str]:
    """Return the entries of a table that is written as one string."""
    return [entry for line in words.split("\n") for entry in line.strip().split(divider) if entry]


def words_of(text: str) -> list[str]:
    """Return the words of a text that `clean` has returned. All other characters separate words.

    >>> words_of("don't stop! (5 €)")
    ["don't", 'stop', '5', '€']
    """
    words: list[str] = _WORDS.findall(text)
    return words


def join_words(words: Iterable[str]) -> str:
    """Join words with single spaces."""
    return " ".join(word for word in words if word)


def replace_letters_with_dots(text: str) -> str:
    """Remove the dots from initials.

    >>> replace_letters_with_dots("at 5 p.m. in the u.s.a. today.")
    'at 5 pm in the usa today.'
    """
    return str(_DOTTED.sub(lambda match: match[1].replace(".", ""), text))


def join_prefixes(words: Sequence[str], prefixes: Collection[str]) -> list[str]:
    """Join prefixes that are written as separate words to the word after them.

    >>> join_prefixes(["my", "ex", "husband", "ex"], ("ex",))
    ['my', 'exhusband', 'ex']
    """
    result: list[str] = []
    for word in reversed(words):
        if word in prefixes and result and len(result[-1]) > 3 and result[-1].isalpha():
            result[-1] = word + result[-1]
        else:
            result.append(word)
    return result[::-1]


def roman(word: str) -> int | None:
    """Return the value of a Roman numeral below 100 in lower case, or None for any other word.

    >>> [roman(word) for word in ("xxi", "iv", "lvi", "iiii", "mi", "")]
    [21, 4, 56, None, None, None]
    """
    return _ROMAN.get(word)


def is_clear_roman(word: str) -> bool:
    """Return True for a Roman numeral that is not also a word or an abbreviation."""
    return roman(word) is not None and "i" in word and word not in ("i", "iv", "vi", "ix", "xi", "li", "ci")


def join_capitals(text: str) -> str:
    """Join capital letters that were written with spaces.

    >>> join_capitals("la A R N y la P S O E")
    'la ARN y la PSOE'
    """
    return str(_CAPITALS.sub(lambda match: match[0].replace(" ", ""), text))


def join_thousands(text: str, sign: str) -> str:
    """Remove thousands separators.

    >>> join_thousands("1,000,000 and 12,50", ",")
    '1000000 and 12,50'
    """
    if "," in text:
        text = _GROUPED_AND_POINT.sub(lambda match: match[0].replace(",", ""), text)
    if sign not in text:
        return text
    mark = regex.escape(sign)
    grouped = rf"(?<![0-9{mark}])[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+(?![0-9]|{mark}[0-9])"
    return str(regex.sub(grouped, lambda match: match[0].replace(sign, ""), text))


def sub_each(text: str, rules: Iterable[Rule]) -> str:
    """Apply replacement rules, one after the other."""
    for pattern, replacement in rules:
        text = pattern.sub(replacement, text)
    return text


class Phrases:
    """Replaces sequences of words by other sequences. Where several sequences match, the longest one is replaced.

    >>> Phrases({"e mail": "email", "all right": "alright"})(["an", "e", "mail"])
    ['an', 'email']
    """

    def __init__(self, table: Mapping[str, str]) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], list[str]]]] = {}
        for phrase, replacement in table.items():
            words = tuple(phrase.split())
            self._by_first.setdefault(words[0], []).append((words, replacement.split()))
        for options in self._by_first.values():
            options.sort(key=lambda option: -len(option[0]))

    def __call__(self, words: Sequence[str]) -> list[str]:
        result: list[str] = []
        place = 0
        while place < len(words):
            for phrase, replacement in self._by_first.get(words[place], ()):
                if tuple(words[place : place + len(phrase)]) == phrase:
                    result += replacement
                    place += len(phrase)
                    break
            else:
                result.append(words[place])
                place += 1
        return result
