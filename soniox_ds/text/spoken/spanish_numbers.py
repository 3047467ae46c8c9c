"""Spanish number words and Roman numerals."""

from __future__ import annotations

from collections.abc import Collection

from soniox_ds.text.spoken.folding import read_decimals
from soniox_ds.text.spoken.numerals import is_number, read_scaled, value_of
from soniox_ds.text.spoken.writing import is_clear_roman, listed, roman

__all__ = ["SCALES", "read_numbers"]

_ONES = {word: value for value, word in enumerate(listed("uno dos tres cuatro cinco seis siete ocho nueve"), 1)}
_DIGITS = {"cero": 0, **_ONES}
_TEENS = {
    word: value
    for value, word in enumerate(
        listed("diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve"), 10
    )
} | {"dieciseis": 16}
_TWENTIES = {
    word: value
    for value, word in enumerate(
        listed(
            "veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho "
            "veintinueve"
        ),
        20,
    )
} | {"veintidos": 22, "veintitres": 23, "veintiseis": 26, "veintiún": 21, "veintiun": 21, "veintiuna": 21}
_TENS = {
    word: 10 * value
    for value, word in enumerate(listed("treinta cuarenta cincuenta sesenta setenta ochenta noventa"), 3)
}
_HUNDREDS = {
    **{
        f"{word}cient{ending}s": 100 * _ONES[word]
        for word in ("dos", "tres", "cuatro", "seis", "ocho")
        for ending in "oa"
    },
    **{f"quinient{ending}s": 500 for ending in "oa"},
    **{f"setecient{ending}s": 700 for ending in "oa"},
    **{f"novecient{ending}s": 900 for ending in "oa"},
    "cien": 100,
    "ciento": 100,
}
_LAST_ONES = {**_ONES, "un": 1, "una": 1}
SCALES = {
    "millón": 10**6,
    "millon": 10**6,
    "millones": 10**6,
    "billón": 10**12,
    "billones": 10**12,
    "trillón": 10**18,
    "trillones": 10**18,
}
_MASCULINE_ORDINALS = {
    word: value
    for value, word in enumerate(
        listed("primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo"), 1
    )
} | {
    "sétimo": 7,
    "septimo": 7,
    "decimo": 10,
    "decimoprimero": 11,
    "decimosegundo": 12,
    "decimotercero": 13,
    "decimocuarto": 14,
    "decimoquinto": 15,
    "decimosexto": 16,
    "decimoséptimo": 17,
    "decimoctavo": 18,
    "decimonoveno": 19,
    "vigésimo": 20,
    "vigesimoprimero": 21,
    "vigesimosegundo": 22,
    "vigesimotercero": 23,
    "vigesimocuarto": 24,
    "vigesimoquinto": 25,
    "trigésimo": 30,
    "cuadragésimo": 40,
    "quincuagésimo": 50,
    "sexagésimo": 60,
    "septuagésimo": 70,
    "octogésimo": 80,
    "nonagésimo": 90,
    "centésimo": 100,
    "milésimo": 1000,
}
_SHORT_ORDINALS = {"primer": 1, "tercer": 3, "decimotercer": 13, "vigesimoprimer": 21, "vigesimotercer": 23}
_FRACTIONS = {"medio": 2, "tercio": 3, "cuarto": 4, "quinto": 5, "sexto": 6, "séptimo": 7, "octavo": 8, "noveno": 9}
_FRACTIONS |= {"décimo": 10, "doceavo": 12, "veinteavo": 20, "centésimo": 100}
_ARTICLES = ("un", "una")
_BEFORE_ROMAN = frozenset(listed("siglo siglos capítulo tomo volumen parte tipo fase título mundial"))
_RULERS = frozenset(
    listed("felipe juan carlos isabel fernando alfonso enrique luis pablo pío benedicto francisco napoleón alejandro")
)


def read_numbers(words: list[str], counted: Collection[str]) -> list[str]:
    """Write number words in digits; an article before one of the words `counted`, such as a unit, is the number one."""
    result: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        behind = words[place + 1] if place + 1 < len(words) else ""
        before = result[-1] if result else ""
        if word in ("coma", "punto") and is_number(before):
            digits, stop = read_decimals(
                words,
                place + 1,
                lambda at: value_of(words[at]) if len(words[at]) == 1 else _DIGITS.get(words[at]),
                lambda at: _read_small(words, at),
            )
            if digits:
                result += ["coma", digits]
                place = stop
                continue
        _ordinal = None if _is_no_ordinal(word, before) else _read_ordinal(words, place)
        if (word in _ARTICLES and behind in counted) or (word == "una" and before == "la"):
            result.append("1")
        elif word in _ARTICLES and behind == "medio" and before not in _ARTICLES:
            pass
        elif word == "cero":
            result.append("0")
        elif before != "coma" and (read := _read_cardinal(words, place)) is not None and word not in SCALES:
            result.append(str(read[0]))
            place = read[1]
            continue
        elif _ordinal is not None:
            result.append(_ordinal[0])
            place = _ordinal[1]
            continue
        elif before in _RULERS and (value := roman(word)) is not None and value <= 10:
            result.append(f"{value}{'a' if before == 'isabel' else 'o'}")
        elif before in _BEFORE_ROMAN and (value := roman(word)) is not None:
            result.append(f"{value}o" if before == "siglo" and value <= 10 else str(value))
        elif is_clear_roman(word):
            result.append(str(roman(word)))
        else:
            result.append(word)
        place += 1
    return result


def _is_no_ordinal(word: str, before: str) -> bool:
    """Return True for "segundo" as a unit of time, and for "cuarto" as a quarter."""
    if word == "segundos" or (_fraction_of(word) is not None and word.endswith("s")):
        return True
    if word == "segundo":
        return is_number(before) or before in ("un", "por", "cada", "medio")
    return _fraction_of(word) is not None and (is_number(before) or before in ("y", "menos", "un", "con"))


def _read_cardinal(words: list[str], place: int) -> tuple[int, int] | None:
    """Read a number that begins at a word: its value, and the position after it.

    >>> _read_cardinal(["dos", "mil", "trescientos", "cuarenta", "y", "cinco"], 0)
    (2345, 6)
    """
    return read_scaled(words, place, SCALES, _below_million)


def _below_million(words: list[str], place: int) -> tuple[int, int, bool] | None:
    word = words[place]
    behind = words[place + 1] if place + 1 < len(words) else ""
    if word.isascii() and word.isdigit():
        if len(word) > 6 or word[0] == "0" or (place and words[place - 1] == "coma"):
            return None
        if behind == "mil" and len(word) <= 3:
            rest = _read_small(words, place + 2)
            return int(word) * 1000 + (rest[0] if rest else 0), rest[1] if rest else place + 2, True
        return (int(word), place + 1, False) if behind in SCALES else None
    if word in ("un", "una"):
        return (1, place + 1, True) if behind in SCALES else None
    if word == "mil":
        thousands, stop = 1, place
    else:
        group = _read_small(words, place)
        if group is None:
            return None
        thousands, stop = group
        if stop >= len(words) or words[stop] != "mil":
            return thousands, stop, True
        if thousands == 1:
            return 1, stop, True  # "uno mil" is two numbers
    rest = _read_small(words, stop + 1)
    return (thousands * 1000, stop + 1, True) if rest is None else (thousands * 1000 + rest[0], rest[1], True)


def _read_small(words: list[str], place: int) -> tuple[int, int] | None:
    """Read a number below a thousand in words: its value, and the position after it."""
    if place >= len(words):
        return None
    hundreds = _HUNDREDS.get(words[place])
    if hundreds is None:
        return _below_hundred(words, place, alone=True)
    rest = None if words[place] == "cien" else _below_hundred(words, place + 1, alone=False)
    return (hundreds, place + 1) if rest is None else (hundreds + rest[0], rest[1])


def _below_hundred(words: list[str], place: int, *, alone: bool) -> tuple[int, int] | None:
    if place >= len(words):
        return None
    word = words[place]
    if word in _TENS:
        if place + 2 < len(words) and words[place + 1] == "y" and words[place + 2] in _LAST_ONES:
            return _TENS[word] + _LAST_ONES[words[place + 2]], place + 3
        return _TENS[word], place + 1
    old_spelling = word == "diez" or (word == "veinte" and words[place - 1 : place] != ["las"])
    if old_spelling and place + 2 < len(words) and words[place + 1] == "y":
        ones = _ONES.get(words[place + 2], 0)
        if ones >= (6 if word == "diez" else 1):
            return (10 if word == "diez" else 20) + ones, place + 3
    value = _TEENS.get(word) or _TWENTIES.get(word) or (_ONES if alone else _LAST_ONES).get(word)
    if value is None and word.startswith(
        ("treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa")
    ):
        for ten, amount in _TENS.items():
            rest = word.removeprefix(ten)
            if rest != word and rest[:1] in ("i", "y") and _without_accent(rest[1:]) in _LAST_ONES:
                return amount + _LAST_ONES[_without_accent(rest[1:])], place + 1
    return None if value is None else (value, place + 1)


def _without_accent(word: str) -> str:
    return word.translate(str.maketrans("áéíóú", "aeiou"))


def _ordinal(word: str) -> str | None:
    """Return "1o" for "primero" and "primer", "1a" for "primera", "1os" for "primeros".

    >>> [_ordinal(word) for word in ("primero", "tercer", "segunda", "quintos", "casa")]
    ['1o', '3o', '2a', '5os', None]
    """
    if word in _SHORT_ORDINALS:
        return f"{_SHORT_ORDINALS[word]}o"
    for ending in ("os", "as", "o", "a"):
        if word.endswith(ending):
            value = _MASCULINE_ORDINALS.get(word.removesuffix(ending) + "o")
            return None if value is None else f"{value}{ending}"
    return None


def _read_ordinal(words: list[str], place: int) -> tuple[str, int] | None:
    """Read an _ordinal of one word or two ("vigésimo primero")."""
    first = _ordinal(words[place])
    if first is None:
        return None
    value = int(first.rstrip("aos"))
    if value in (10, 20, 30, 40, 50, 60, 70, 80, 90, 100) and place + 1 < len(words):
        second = _ordinal(words[place + 1])
        if second is not None and int(second.rstrip("aos")) < 10:
            return f"{value + int(second.rstrip('aos'))}{second.lstrip('0123456789')}", place + 2
    return first, place + 1


def _fraction_of(word: str) -> int | None:
    """Return 3 for "tercio" and "tercios", 4 for "cuarto", and None for other words."""
    return _FRACTIONS.get(word.removesuffix("s"))
