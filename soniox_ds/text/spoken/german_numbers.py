"""German number words, written together or apart, and Roman numerals."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import regex

from soniox_ds.text.spoken.folding import read_decimals
from soniox_ds.text.spoken.numerals import is_number, read_scaled, value_of
from soniox_ds.text.spoken.writing import is_clear_roman, listed, roman

__all__ = ["AFTER_ORDINALS", "BEFORE_ORDINALS", "MONTHS", "SCALES", "SHORT_MONTHS", "cardinal", "read_numbers"]

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
MONTHS = listed("januar februar märz april mai juni juli august september oktober november dezember")
SHORT_MONTHS = dict(zip(listed("jan feb mär apr jun jul aug sep sept okt nov dez"), (
    listed("januar februar märz april juni juli august september september oktober november dezember")
), strict=True))  # fmt: skip
BEFORE_ORDINALS = frozenset(
    listed(
        "der die das den dem des am im vom zum zur beim ins ans jeder jede jedes jeden jedem unser unsere unserem "
        "unseren mein meine meinem meinen sein seine seinem seinen ihr ihre ihrem ihren dein deine kein ein eine "
        "einen einem einer und bis ab seit dieser diese dieses diesen diesem"
    )
)
AFTER_ORDINALS = frozenset(
    (
        *MONTHS,
        *SHORT_MONTHS,
        *listed(
            "jahrhundert jahrhunderts mal platz stock stockwerk etage klasse liga weltkrieg bundesliga gebot runde "
            "spieltag minute stelle kapitel teil tag woche monat jahr lebensjahr geburtstag semester auflage hälfte "
            "quartal obergeschoss preis reihe generation versuch satz bezirk spielminute halbzeit"
        ),
    )
)
_ARTICLES = ("ein", "eine", "einen")  # "einer Stunde" sounds different from "eine Stunde"
_HALF = ("halb", "halbe", "halber", "halbes", "halben", "halbem")
_QUEENS = ("elisabeth", "katharina", "margrethe", "maria")
_RULERS = frozenset(
    (
        *_QUEENS,
        *listed(
            "ludwig wilhelm friedrich karl heinrich otto johannes paul benedikt georg philipp franz napoleon pius "
            "leo nikolaus alexander rudolf leopold ferdinand maximilian joseph"
        ),
    )
)
_NUMBERED = regex.compile(
    r"(?P<number>\p{L}{3,40}?|[0-9]{1,6})(?P<rest>jährig\p{L}*|fach\p{L}*|mal|malig\p{L}*|prozentig\p{L}*|stellig\p{L}*|"
    r"tägig\p{L}*|wöchig\p{L}*|monatig\p{L}*|stündig\p{L}*|minütig\p{L}*|teilig\p{L}*|köpfig\p{L}*|seitig\p{L}*|"
    r"stöckig\p{L}*|sprachig\p{L}*|spurig\p{L}*|zeilig\p{L}*|geschossig\p{L}*|drittel|viertel|fünftel|sechstel|siebtel|"
    r"achtel|neuntel|zehntel|einhalb)"
)
_DECADE = regex.compile(r"(?P<number>\p{L}{3,40}|[0-9]{2,4})(?P<rest>er|ern|ers)(?P<years>jahren?)?")


def read_numbers(words: list[str], counted: Collection[str]) -> list[str]:
    """Write number words in digits; an article before one of the words `counted`, such as a unit, is the number one."""
    result: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        behind = words[place + 1] if place + 1 < len(words) else ""
        if word in ("komma", "punkt") and result and is_number(result[-1]):
            digits, stop = read_decimals(
                words,
                place + 1,
                lambda at: (
                    0 if words[at] == "null" else value_of(words[at]) if len(words[at]) == 1 else cardinal(words[at])
                ),
                lambda at: None if (value := cardinal(words[at])) is None else (value, at + 1),
            )
            if digits:
                result += [word, digits]
                place = stop
                continue
        if (word == "ein" and behind == "komma") or (word in _ARTICLES and behind in counted):
            result.append("1")
        elif word in _ARTICLES and behind in _HALF:
            result.append("einhalb")
            place += 1
        elif word == "null":
            result.append("0")
        elif (read := _read_cardinal(words, place)) is not None and not (
            word in SCALES or (result and result[-1] in ("komma",))
        ):
            result.append(str(read[0]))
            place = read[1]
            continue
        elif (value := _ordinal_value(word, behind, result)) is not None:
            result.append(f"{value}te")
        elif (value := roman(word)) is not None and (result[-1:] and result[-1] in _RULERS) and len(word) > 1:
            result += ["die" if result[-1] in _QUEENS else "der", f"{value}te"]
        elif value is not None and len(word) > 1 and _is_numeral(word, result):
            result.append(str(value))
        elif value is not None and behind in ("weltkrieg", "weltkriegs", "vatikanum"):
            result.append(f"{value}te")
        elif (parts := _numbered(word)) is not None:
            result += parts
        else:
            result.append(word)
        place += 1
    return result


def _is_numeral(word: str, before: list[str]) -> bool:
    """Return True for a Roman number that is read as a cardinal number ("Kapitel IV", "Rocky II")."""
    named = bool(before) and before[-1] in ("kapitel", "teil", "band", "klasse", "stufe", "typ", "phase", "akt")
    return named or is_clear_roman(word)


def _ordinal_value(word: str, behind: str, before: list[str]) -> int | None:
    if word[:1].isdigit():
        match = regex.fullmatch(r"([0-9]{1,9})s?t(?:e|er|es|en|em)", word)
        return None if match is None else int(match[1])
    is_verb_too = word in ("achte", "achten", "achter")
    if is_verb_too and behind not in AFTER_ORDINALS and not (before and before[-1] in BEFORE_ORDINALS):
        return None
    return _ordinal(word)


def _numbered(word: str) -> list[str] | None:
    """Divide "zweijährig", "2fach" and "neunziger" after the number."""
    if (match := _NUMBERED.fullmatch(word)) is not None:
        value = value_of(match["number"]) if is_number(match["number"]) else cardinal(match["number"])
        if value is not None and value > 1:
            return [str(value), match["rest"]]
        if match["number"] in ("ein", "1") and match["rest"] == "einhalb":
            return ["1", "einhalb"]
    if (match := _DECADE.fullmatch(word)) is not None:
        value = value_of(match["number"]) if is_number(match["number"]) else cardinal(match["number"])
        if value is not None and value >= 10:
            return [f"{value}{match['rest']}", *([match["years"]] if match["years"] else [])]
    return None


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
def _ordinal(word: str) -> int | None:
    """Return the value of an _ordinal with any ending.

    >>> _ordinal("erster"), _ordinal("einundzwanzigsten"), _ordinal("hundertste"), _ordinal("fast")
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


def _read_cardinal(words: list[str], place: int) -> tuple[int, int] | None:
    """Read a number that begins at a word: its value, and the position after it.

    >>> _read_cardinal(["zwei", "millionen", "drei", "hundert", "tausend", "leute"], 0)
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
