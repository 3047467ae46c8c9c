"""French number words and Roman numerals."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from soniox_ds.text.spoken.folding import read_decimals
from soniox_ds.text.spoken.numerals import is_number, read_scaled, value_of
from soniox_ds.text.spoken.writing import is_clear_roman, listed, roman

__all__ = ["SCALES", "read_numbers"]

_ONES = {word: value for value, word in enumerate(listed("un deux trois quatre cinq six sept huit neuf"), 1)}
_ONES |= {"une": 1}
_DIGITS = {"zéro": 0, "zero": 0, **_ONES}
_TEENS = {word: value for value, word in enumerate(listed("dix onze douze treize quatorze quinze seize"), 10)}
_TENS = {word: 10 * value for value, word in enumerate(listed("vingt trente quarante cinquante soixante"), 2)} | {
    "septante": 70,
    "huitante": 80,
    "octante": 80,
    "nonante": 90,
}
SCALES = {
    "million": 10**6,
    "millions": 10**6,
    "milliard": 10**9,
    "milliards": 10**9,
    "billion": 10**12,
    "billions": 10**12,
}
_ORDINAL_STEMS = {
    "un": "un",
    "deux": "deux",
    "trois": "trois",
    "quatr": "quatre",
    "cinqu": "cinq",
    "six": "six",
    "sept": "sept",
    "huit": "huit",
    "neuv": "neuf",
    "dix": "dix",
    "onz": "onze",
    "douz": "douze",
    "treiz": "treize",
    "quatorz": "quatorze",
    "quinz": "quinze",
    "seiz": "seize",
    "vingt": "vingt",
    "trent": "trente",
    "quarant": "quarante",
    "cinquant": "cinquante",
    "soixant": "soixante",
    "septant": "septante",
    "nonant": "nonante",
    "cent": "cent",
    "mill": "mille",
    "million": "million",
    "milliard": "milliard",
}
_ORDINALS = {f"{stem}ième{plural}": word for stem, word in _ORDINAL_STEMS.items() for plural in ("", "s")}
_PARTS = frozenset(
    (*_ONES, *_TEENS, *_TENS, *SCALES, "et", "cent", "cents", "mille", "mil", "vingts")
)  # fmt: skip
_LONGEST = 14  # words of one number
_ARTICLES = ("un", "une")
_NUMBERED = frozenset(
    listed(
        "numéro chapitre page niveau acte partie ligne étape phase type plan question article leçon groupe équipe "
        "tome volume zéro virgule point scène formule quai porte voie canal terminal option exercice"
    )
)
_KINGS = frozenset(listed("louis henri charles françois napoléon philippe paul benoît benoit pie jean léon clément"))
_FRACTIONS = ("5e", "6e", "7e", "8e", "9e", "10e", "20e", "100e", "1000e")
_FIRST = {"premier": "1er", "première": "1re", "premiers": "1ers", "premières": "1res"}


def read_numbers(words: list[str], counted: Collection[str]) -> list[str]:
    """Write number words in digits; an article before one of the words `counted`, such as a unit, is the number one."""
    result: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        behind = words[place + 1] if place + 1 < len(words) else ""
        before = result[-1] if result else ""
        if word in ("virgule", "point") and is_number(before):
            digits, stop = read_decimals(words, place + 1, partial(_digit, words), partial(_read_small, words))
            if digits:
                result += [word, digits]
                place = stop
                continue
        if word == "pour" and behind in ("cent", "100") and is_number(before):
            result.append("pourcent")
            place += 1
        elif word in ("d'un", "d'une") and (behind in counted or behind == "virgule"):
            result += ["de", "1"]
        elif word in _ARTICLES and _is_one(words, place, before, counted):
            result.append("1")
        elif word in ("zéro", "zero"):
            result.append("0")
        elif (ordinal := _read_ordinal(words, place)) is not None:
            result.append(ordinal[0])
            place = ordinal[1]
            continue
        elif before != "virgule" and (read := _read_cardinal(words, place)) is not None and word not in SCALES:
            result.append(str(read[0]))
            place = read[1]
            continue
        elif word == "ier" and before in _KINGS:
            result.append("1er")
        elif word in _FIRST:
            result.append(_FIRST[word])
        elif (value := roman(word)) is not None and (
            before in _KINGS or (before in _NUMBERED and len(word) > 1) or is_clear_roman(word)
        ):
            result.append("1er" if value == 1 and before in _KINGS else str(value))
        else:
            result.append(word)
        place += 1
    return result


def _is_one(words: list[str], place: int, before: str, counted: Collection[str]) -> bool:
    """Return True if "un" is a number and not an article."""
    behind = [*words[place + 1 : place + 3], "", ""]
    if behind[0] in counted or behind[0] == "virgule" or before in _NUMBERED or before == "0":
        return True
    if behind[0] == "pour" and behind[1] in ("cent", "100"):
        return True
    if behind[1] in ("de", "du", "des") or behind[1].startswith("d'"):
        fraction = _read_ordinal(words, place + 1) if place + 1 < len(words) else None
        return behind[0] in _FRACTIONS or (fraction is not None and fraction[0] in _FRACTIONS)
    return is_number(before) and (is_number(behind[0]) or _read_small(words, place + 1) is not None)


def _digit(words: list[str], place: int) -> int | None:
    """Return the digit that a word names, or another number if it is part of a greater number."""
    small = _read_small(words, place)
    if small is not None and small[1] > place + 1:
        return None
    return value_of(words[place]) if len(words[place]) == 1 else _DIGITS.get(words[place])


def _read_ordinal(words: list[str], place: int) -> tuple[str, int] | None:
    """Read an ordinal. Return its form in digits, and the position after it.

    >>> _read_ordinal(["vingt", "et", "unième", "siècle"], 0), _read_ordinal(["troisièmes"], 0)
    (('21e', 3), ('3es', 1))
    """
    stop = place
    while stop < len(words) and stop < place + _LONGEST and words[stop] in _PARTS:
        stop += 1
    if stop >= len(words) or (last := _ORDINALS.get(words[stop])) is None:
        return None
    for begin in range(place, stop + 1):
        if begin > place:
            return None
        number = [*words[begin:stop], last]
        if number == ["un"] or number == ["million"]:
            return ("1000000e", stop + 1) if number == ["million"] else None
        read = _read_cardinal(number, 0)
        if read is not None and read[1] == len(number):
            return f"{read[0]}e{'s' if words[stop].endswith('s') else ''}", stop + 1
    return None


def _read_cardinal(words: list[str], place: int) -> tuple[int, int] | None:
    """Read a number that begins at a word: its value, and the position after it.

    >>> _read_cardinal(["deux", "mille", "trois", "cent", "quatre", "vingt", "dix"], 0)
    (2390, 7)
    """
    return read_scaled(words, place, SCALES, _below_million)


def _below_million(words: list[str], place: int) -> tuple[int, int, bool] | None:
    word = words[place]
    behind = words[place + 1] if place + 1 < len(words) else ""
    if word.isascii() and word.isdigit():
        if len(word) > 6 or word[0] == "0" or (place and words[place - 1] == "virgule"):
            return None
        if behind == "mille" and len(word) <= 3:
            rest = _read_small(words, place + 2)
            return int(word) * 1000 + (rest[0] if rest else 0), rest[1] if rest else place + 2, True
        return (int(word), place + 1, False) if behind in SCALES else None
    if word in ("un", "une"):
        behind_scale = place > 0 and words[place - 1] in SCALES  # "un million un"
        return (1, place + 1, True) if behind in SCALES or behind_scale else None
    if word in ("mille", "mil"):
        thousands, stop = 1, place
    else:
        group = _read_small(words, place)
        if group is None:
            return None
        thousands, stop = group
        if stop >= len(words) or words[stop] != "mille":
            return thousands, stop, True
    stop += 1
    if words[stop : stop + 2] in (["et", "un"], ["et", "une"]):
        return thousands * 1000 + 1, stop + 2, True
    rest = _read_small(words, stop)
    if rest is None or words[rest[1] : rest[1] + 1] in (["mille"], ["mil"]):
        return thousands * 1000, stop, True
    return thousands * 1000 + rest[0], rest[1], True


def _read_small(words: list[str], place: int) -> tuple[int, int] | None:
    """Read a number below two thousand ("dix-neuf cent") in words: its value, and the position after it."""
    if place >= len(words):
        return None
    if words[place] == "cent":
        hundreds, stop = 1, place + 1
    else:
        group = _below_hundred(words, place)
        if group is None:
            return None
        hundreds, stop = group
        many = 2 <= hundreds <= 9 or 11 <= hundreds <= 19
        if not many or stop >= len(words) or words[stop] not in ("cent", "cents"):
            return group
        stop += 1
    rest = _below_hundred(words, stop)
    if rest is None or words[rest[1] : rest[1] + 1] in (["cent"], ["cents"]):
        return hundreds * 100, stop
    return hundreds * 100 + rest[0], rest[1]


def _below_hundred(words: list[str], place: int) -> tuple[int, int] | None:
    if place >= len(words):
        return None
    word = words[place]
    behind = words[place + 1] if place + 1 < len(words) else ""
    if word == "quatre" and behind in ("vingt", "vingts"):
        rest = _below_twenty(words, place + 2)
        return (80, place + 2) if rest is None else (80 + rest[0], rest[1])
    if word in _TENS:
        ten = _TENS[word]
        further = words[place + 2] if place + 2 < len(words) else ""
        if behind == "et" and further in ("un", "une"):
            return ten + 1, place + 3
        if behind == "et" and further == "onze" and ten == 60:
            return 71, place + 3
        rest = _below_twenty(words, place + 1)
        if rest is None or (rest[0] == 1) or (rest[0] > 9 and ten != 60):
            return ten, place + 1
        return ten + rest[0], rest[1]
    return _below_twenty(words, place)


def _below_twenty(words: list[str], place: int) -> tuple[int, int] | None:
    if place >= len(words):
        return None
    word = words[place]
    behind = words[place + 1] if place + 1 < len(words) else ""
    if word == "dix" and behind in ("sept", "huit", "neuf"):
        return 10 + _ONES[behind], place + 2
    value = _ONES.get(word) or _TEENS.get(word)
    return None if value is None else (value, place + 1)
