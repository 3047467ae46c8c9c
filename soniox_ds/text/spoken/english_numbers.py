"""English number words: cardinal and ordinal numbers, decimals, decades and Roman numerals."""

from __future__ import annotations

from soniox_ds.text.spoken.numerals import is_number
from soniox_ds.text.spoken.writing import is_clear_roman, listed, roman

__all__ = ["ONES", "SCALES", "as_ordinal", "read_numbers"]

ONES = {word: value for value, word in enumerate(listed("one two three four five six seven eight nine"), 1)}
_TEENS = {
    word: value
    for value, word in enumerate(
        listed("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"), 10
    )
}
_TENS = {
    word: 10 * value for value, word in enumerate(listed("twenty thirty forty fifty sixty seventy eighty ninety"), 2)
} | {"fourty": 40}
SCALES = {
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "quadrillion": 10**15,
}
_ORDINAL_ONES = {
    word: value for value, word in enumerate(listed("first second third fourth fifth sixth seventh eighth ninth"), 1)
}
_ORDINAL_TEENS = {
    word: value
    for value, word in enumerate(
        listed("tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"), 10
    )
}
_ORDINAL_TENS = {word.removesuffix("y") + "ieth": value for word, value in _TENS.items()}
_ORDINAL_SCALES = {"hundredth": 100, **{scale + "th": value for scale, value in SCALES.items()}}
_PLURAL_ORDINALS = {
    word + "s": value
    for word, value in (*_ORDINAL_ONES.items(), *_ORDINAL_TEENS.items(), *_ORDINAL_TENS.items())
    if word not in ("first", "second")
}
_DECADES = {word.removesuffix("y") + "ies": value for word, value in _TENS.items()}
_DIGITS = {"zero": 0, **ONES}
_FIRST_WORDS = frozenset(("a", *ONES, *_TEENS, *_TENS, *_ORDINAL_ONES, *_ORDINAL_TEENS, *_ORDINAL_TENS))

_RULERS = frozenset(
    listed(
        "elizabeth henry george charles edward william james richard louis philip frederick catherine francis napoleon "
        "paul pius benedict alexander nicholas ramesses ramses wilhelm gregory leo"
    )
)
_BEFORE_ROMAN = frozenset(
    listed("war part chapter type phase volume act stage grade section title level episode class bowl")
)


def as_ordinal(value: int) -> str:
    if value % 100 in (11, 12, 13):
        return f"{value}th"
    return f"{value}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(value % 10, 'th') }"


def read_numbers(words: list[str]) -> list[str]:
    """Write number words in digits."""
    result: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        if word == "point" and place + 1 < len(words):
            digits, stop = _decimals(words, place + 1, bool(result) and is_number(result[-1]))
            if digits:
                if result and result[-1] == "0":
                    result.pop()
                result += ["point", digits]
                place = stop
                continue
        read = _number(words, place)
        if read is not None:
            value, ordinal, stop = read
            if (
                ordinal
                and words[stop - 1] == "second"
                and stop - place == 1
                and result
                and (is_number(result[-1]) or result[-1] == "per")
            ):
                result.append("second")
            else:
                result.append(as_ordinal(value) if ordinal else str(value))
            place = stop
            continue
        if word == "zero":
            result.append("0")
        elif word in _PLURAL_ORDINALS:
            result.append(as_ordinal(_PLURAL_ORDINALS[word]) + "s")
        elif word in _DECADES:
            result.append(f"{_DECADES[word]}s")
        elif word in ("negative", "minus") and place + 1 < len(words) and _begins_number(words, place + 1):
            result.append("minus")
        elif (number := roman(word)) is not None and (kind := _reading_of_roman(word, result)):
            result += ["the", as_ordinal(number)] if kind == "ordinal" else [str(number)]
        else:
            result.append(word)
        place += 1
    return result


def _reading_of_roman(word: str, before: list[str]) -> str:
    """Return "ordinal" for the number of a ruler, "cardinal" for another Roman number, and "" for a word."""
    if word == "i":
        return "cardinal" if before[-2:] == ["world", "war"] else ""
    if len(word) == 1:
        return ""
    if before and before[-1] in _RULERS:
        return "ordinal"
    if before and before[-1] in _BEFORE_ROMAN:
        return "cardinal"
    return "cardinal" if is_clear_roman(word) else ""


def _begins_number(words: list[str], place: int) -> bool:
    return is_number(words[place]) or words[place] in ("zero", "point") or _number(words, place) is not None


def _number(words: list[str], place: int) -> tuple[int, bool, int] | None:
    """Read a number in words: its value, whether it is an ordinal, and the position after it."""
    if words[place] not in _FIRST_WORDS and not (is_number(words[place]) and _multiplies(words, place)):
        return None
    total = 0
    last_scale = 10**18
    stop = None
    while place < len(words):
        begin = place
        if stop is not None and words[place] == "and":
            below = _below_hundred(words, place + 1) if place + 1 < len(words) else None
            if below is None or _is_scale(words, below[2]) or total % 1000:
                break
            return total + below[0], below[1], below[2]
        group = _below_thousand(words, begin)
        if group is None:
            break
        value, ordinal, place = group
        scale = SCALES.get(words[place], 0) if place < len(words) and not ordinal else 0
        ordinal_scale = _ORDINAL_SCALES.get(words[place], 0) if place < len(words) and not ordinal else 0
        if scale and scale < last_scale:
            total += value * scale
            last_scale = scale
            place += 1
            stop = place
        elif ordinal_scale > 100 and ordinal_scale < last_scale:
            return total + value * ordinal_scale, True, place + 1
        elif scale or (stop is not None and is_number(words[begin])):
            break
        else:
            return total + value, ordinal, place
    return None if stop is None else (total, False, stop)


def _multiplies(words: list[str], place: int) -> bool:
    if place + 1 >= len(words) or (place and words[place - 1] == "point") or words[place][0] == "0":
        return False
    behind = words[place + 1]
    return (behind == "hundred" and len(words[place]) <= 2) or (behind in SCALES and len(words[place]) <= 3)


def _is_scale(words: list[str], place: int) -> bool:
    return place < len(words) and (words[place] in SCALES or words[place] in ("hundred", "hundredth"))


def _below_thousand(words: list[str], place: int) -> tuple[int, bool, int] | None:
    word = words[place]
    behind = words[place + 1] if place + 1 < len(words) else ""
    if word == "a":
        if behind in ("hundred", "hundredth"):
            value, ordinal, stop = 1, False, place + 1
        elif behind in SCALES:
            return 1, False, place + 1
        else:
            return None
    elif is_number(word):
        if not _multiplies(words, place):
            return None
        value, ordinal, stop = int(word), False, place + 1
    else:
        small = _below_hundred(words, place)
        if small is None:
            return None
        value, ordinal, stop = small
    if ordinal or stop >= len(words):
        return value, ordinal, stop
    if words[stop] == "hundredth":
        return value * 100, True, stop + 1
    if words[stop] != "hundred" or value > 99:
        return value, False, stop
    value, stop = value * 100, stop + 1
    behind_and = stop + 1 if stop < len(words) and words[stop] == "and" else stop
    rest = _below_hundred(words, behind_and) if behind_and < len(words) else None
    if rest is None or (rest[2] < len(words) and words[rest[2]] in ("hundred", "hundredth")):
        return value, False, stop
    if words[rest[2] - 1] in _DIGITS and rest[2] - behind_and == 1 and _is_digit_word(words[rest[2] : rest[2] + 1]):
        return value, False, stop  # the beginning of a telephone number: "eight hundred five five five ..."
    return value + rest[0], rest[1], rest[2]


def _is_digit_word(words: list[str]) -> bool:
    return bool(words) and (words[0] in _DIGITS or words[0] == "oh" or (len(words[0]) == 1 and is_number(words[0])))


def _below_hundred(words: list[str], place: int) -> tuple[int, bool, int] | None:
    word = words[place]
    if word in _TENS:
        behind = words[place + 1] if place + 1 < len(words) else ""
        if behind in ONES:
            return _TENS[word] + ONES[behind], False, place + 2
        if behind in _ORDINAL_ONES:
            return _TENS[word] + _ORDINAL_ONES[behind], True, place + 2
        return _TENS[word], False, place + 1
    if (value := ONES.get(word) or _TEENS.get(word)) is not None:
        return value, False, place + 1
    value = _ORDINAL_ONES.get(word) or _ORDINAL_TEENS.get(word) or _ORDINAL_TENS.get(word)
    return None if value is None else (value, True, place + 1)


def _decimals(words: list[str], place: int, behind_number: bool) -> tuple[str, int]:
    """Read the digits after the decimal mark."""
    digits = ""
    stop = place
    while stop < len(words):
        word = words[stop]
        if word in _DIGITS:
            digits += str(_DIGITS[word])
        elif (word in ("oh", "o") and (digits or behind_number)) or (is_number(word) and len(word) == 1):
            digits += word if is_number(word) else "0"
        else:
            break
        stop += 1
    if len(digits) > 1 or (digits and behind_number):
        return digits, stop
    if not behind_number:
        return "", place
    if is_number(words[place]):
        return words[place], place + 1
    small = _below_hundred(words, place)
    return ("", place) if small is None or small[1] else (str(small[0]), small[2])
