"""German number words, written together or apart."""

from __future__ import annotations

from functools import lru_cache

from soniox_ds.text.spoken.numerals import read_scaled
from soniox_ds.text.spoken.writing import listed

__all__ = ["SCALES", "cardinal", "ordinal", "read_cardinal"]

_ONES = {word: value for value, word in enumerate(listed("ein zwei drei vier fünf sechs sieben acht neun"), 1)}
_ONES |= {"zwo": 2, "fuenf": 5}
_TEENS = {
    word: value
    for value, word in enumerate(
        listed("zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn"), 10
    )
} | {"zwoelf": 12, "fuenfzehn": 15}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        listed("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"), 2
    )
} | {"dreissig": 30, "fuenfzig": 50}  # fmt: skip
_BELOW_HUNDRED = {
    **_ONES,
    "eins": 1,
    **_TEENS,
    **_TENS,
    **{f"{one}und{ten}": _ONES[one] + _TENS[ten] for one in _ONES for ten in _TENS},
}
_ENDS_IN_ONE = {"eine": 1, "einen": 1, "einem": 1, "einer": 1}
_ORDINALS = {
    **{f"{word}t": value for word, value in _BELOW_HUNDRED.items() if value < 20},
    **{f"{word}st": value for word, value in _BELOW_HUNDRED.items() if value >= 20},
    "erst": 1,
    "dritt": 3,
    "siebt": 7,
    "acht": 8,
}
for _irregular in ("eint", "einst", "dreit", "achtt", "einsst"):
    _ORDINALS.pop(_irregular, None)

SCALES = {
    "million": 10**6,
    "millionen": 10**6,
    "milliarde": 10**9,
    "milliarden": 10**9,
    "billion": 10**12,
    "billionen": 10**12,
    "billiarde": 10**15,
    "billiarden": 10**15,
}
_DIGITS = frozenset((*_ONES, "eins", "null")) - {"ein"}
_PARTS = (*_BELOW_HUNDRED, *_ENDS_IN_ONE, "hundert", "tausend", "und")
_LONGEST = 80  # letters; no number below a million has as many


@lru_cache(maxsize=20_000)
def cardinal(word: str) -> int | None:
    """Return the value of a number below a million that is written as one word.

    >>> cardinal("zweitausendfünfhundertdreiundzwanzig"), cardinal("neunzehnhundertelf"), cardinal("hund")
    (2523, 1911, None)
    """
    if len(word) > _LONGEST or word in ("ein", *_ENDS_IN_ONE):
        return None
    return _value(
        word, {**_BELOW_HUNDRED, **_ENDS_IN_ONE} if "hundert" in word or "tausend" in word else _BELOW_HUNDRED
    )


@lru_cache(maxsize=20_000)
def ordinal(word: str) -> int | None:
    """Return the value of an ordinal with any ending.

    >>> ordinal("erster"), ordinal("einundzwanzigsten"), ordinal("hundertste"), ordinal("fast")
    (1, 21, 100, None)
    """
    if len(word) > _LONGEST:
        return None
    for ending in ("e", "er", "es", "en", "em"):
        if word.endswith(("t" + ending,)):
            stem = word.removesuffix(ending)
            if stem.endswith(("hundertst", "tausendst")):
                return _value(stem.removesuffix("st"), _BELOW_HUNDRED)
            if stem == "millionst":
                return 10**6
            return _value(stem, _ORDINALS)
    return None


def _value(word: str, endings: dict[str, int]) -> int | None:
    thousands, found, rest = word.partition("tausend")
    if not found:
        return _below_thousand(word, endings)
    many = _below_thousand(thousands, _BELOW_HUNDRED) if thousands else 1
    few = _below_thousand(rest.removeprefix("und"), endings) if rest else 0
    return None if many is None or few is None or many > 999 else many * 1000 + few


def _below_thousand(word: str, endings: dict[str, int]) -> int | None:
    hundreds, found, rest = word.partition("hundert")
    if not found:
        return endings.get(word)
    many = _BELOW_HUNDRED.get(hundreds) if hundreds else 1
    few = endings.get(rest.removeprefix("und")) if rest else 0
    return None if many is None or few is None or many > 99 else many * 100 + few


def read_cardinal(words: list[str], place: int) -> tuple[int, int] | None:
    """Read a number that begins at a word: its value, and the position after it.

    >>> read_cardinal(["zwei", "millionen", "drei", "hundert", "tausend", "leute"], 0)
    (2300000, 5)
    """
    return read_scaled(
        words,
        place,
        SCALES,
        _read_group,
        is_and=lambda stop, scale: (
            stop < len(words) and words[stop] == "und" and scale > 10**6 and _read_group(words, stop + 1) is not None
        ),
    )


def _read_group(words: list[str], place: int) -> tuple[int, int, bool] | None:
    """Read a number below a million: its value, the position after it, and whether it is written in words."""
    if place >= len(words):
        return None
    word = words[place]
    if word.isascii() and word.isdigit():
        behind = words[place + 1] if place + 1 < len(words) else ""
        if len(word) > 3 or word[0] == "0" or (place and words[place - 1] == "komma"):
            return None
        if behind in ("tausend", "hundert") and (behind == "tausend" or len(word) < 3):
            return int(word) * (1000 if behind == "tausend" else 100), place + 2, True
        return (int(word), place + 1, False) if behind in SCALES else None
    if word in ("ein", "eine", "einer", "einen") and place + 1 < len(words) and words[place + 1] in SCALES:
        return 1, place + 1, True
    stop = place
    while stop < len(words) and stop < place + 8 and _is_part(words[stop]):
        stop += 1
    while stop > place:
        # "hundert und ein Hund" is not a number; "hundertundein" is.
        an_article_ends_it = stop - place > 1 and words[stop - 1] in ("ein", *_ENDS_IN_ONE)
        digits_follow = stop - place > 1 and stop < len(words) and words[stop - 1] in _DIGITS and words[stop] in _DIGITS
        value = (
            None
            if words[stop - 1] == "und" or an_article_ends_it or digits_follow
            else cardinal("".join(words[place:stop]))
        )
        if value is not None:
            return value, stop, True
        stop -= 1
    return None


@lru_cache(maxsize=20_000)
def _is_part(word: str) -> bool:
    """Return True for a word that consists of parts of number words only."""
    if word in _PARTS:
        return True
    return len(word) <= _LONGEST and cardinal(word) is not None
