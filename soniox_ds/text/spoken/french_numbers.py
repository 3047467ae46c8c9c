"""French number words."""

from __future__ import annotations

from soniox_ds.text.spoken.numerals import read_scaled
from soniox_ds.text.spoken.writing import listed

__all__ = ["DIGITS", "SCALES", "read_cardinal", "read_ordinal", "read_small"]

_ONES = {word: value for value, word in enumerate(listed("un deux trois quatre cinq six sept huit neuf"), 1)}
_ONES |= {"une": 1}
DIGITS = {"zéro": 0, "zero": 0, **_ONES}
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


def read_ordinal(words: list[str], place: int) -> tuple[str, int] | None:
    """Read an ordinal. Return its form in digits, and the position after it.

    >>> read_ordinal(["vingt", "et", "unième", "siècle"], 0), read_ordinal(["troisièmes"], 0)
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
        read = read_cardinal(number, 0)
        if read is not None and read[1] == len(number):
            return f"{read[0]}e{'s' if words[stop].endswith('s') else ''}", stop + 1
    return None


def read_cardinal(words: list[str], place: int) -> tuple[int, int] | None:
    """Read a number that begins at a word: its value, and the position after it.

    >>> read_cardinal(["deux", "mille", "trois", "cent", "quatre", "vingt", "dix"], 0)
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
            rest = read_small(words, place + 2)
            return int(word) * 1000 + (rest[0] if rest else 0), rest[1] if rest else place + 2, True
        return (int(word), place + 1, False) if behind in SCALES else None
    if word in ("un", "une"):
        behind_scale = place > 0 and words[place - 1] in SCALES  # "un million un"
        return (1, place + 1, True) if behind in SCALES or behind_scale else None
    if word in ("mille", "mil"):
        thousands, stop = 1, place
    else:
        group = read_small(words, place)
        if group is None:
            return None
        thousands, stop = group
        if stop >= len(words) or words[stop] != "mille":
            return thousands, stop, True
    stop += 1
    if words[stop : stop + 2] in (["et", "un"], ["et", "une"]):
        return thousands * 1000 + 1, stop + 2, True
    rest = read_small(words, stop)
    if rest is None or words[rest[1] : rest[1] + 1] in (["mille"], ["mil"]):
        return thousands * 1000, stop, True
    return thousands * 1000 + rest[0], rest[1], True


def read_small(words: list[str], place: int) -> tuple[int, int] | None:
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
