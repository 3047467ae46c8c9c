"""Rules for digits that several languages share. Each takes a list of words and returns a list of words.

Conventions: number words have been replaced by digits already, so that the rules see the same words whether a text was
written with "seven fifteen", "7 15" or "7:15".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence

__all__ = [
    "call_amounts",
    "call_thousands",
    "call_units",
    "is_number",
    "join_codes",
    "join_digits",
    "read_scaled",
    "split_numbers",
    "value_of",
]

_DIGIT = re.compile(r"[0-9]")
_SPLIT = re.compile(r"([0-9]+)([^\W\d_]+[23]?)")
_THOUSANDS = re.compile(r"([1-9][0-9]{0,2})k")
_MOBILE_NETWORK = re.compile(r"[2-6]g")
_MIXED = re.compile(r"(?=.*[0-9])(?=.*[a-z])[a-z0-9]{2,20}")
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{2,3}")
_NAME_AND_NUMBER = re.compile(r"([a-z]{2,})([0-9]+)")
_ORDINAL_ENDINGS = frozenset(("st", "nd", "rd", "th", "am", "pm"))
_LONGEST_PHONE_NUMBER = 16


def is_number(word: str) -> bool:
    """Return True for a word that consists of the digits 0 to 9."""
    return word.isascii() and word.isdigit()


def value_of(word: str) -> int:
    """Return the value of a word of digits, or -1 for any other word and for numbers of more than 18 digits."""
    return int(word) if len(word) <= 18 and is_number(word) else -1


def read_scaled(
    words: list[str],
    place: int,
    scales: Mapping[str, int],
    group: Callable[[list[str], int], tuple[int, int, bool] | None],
    *,
    is_and: Callable[[int, int], bool] = lambda place, scale: False,
) -> tuple[int, int] | None:
    """Read groups of numbers below a million with their scales: "2 million 300 thousand 5".

    Parameters
    ----------
    words, place
        The words of a text, and the position of the first word to read.
    scales
        The words for million, billion and so on.
    group
        Function that reads a number below a million: its value, the position after it, and whether it has number words.
    is_and
        Function ``is_and(place, scale)`` that returns True if the word at this position, which follows the scale, is an
        "and" that belongs to the number.

    Returns
    -------
    tuple or None
        The value, and the position after it; None if no number begins here.
    """
    total = 0
    last_scale = max(scales.values()) + 1
    stop = None
    while place < len(words):
        read = group(words, place)
        if read is None:
            break
        value, behind, in_words = read
        scale = scales.get(words[behind], 0) if behind < len(words) else 0
        if scale and scale < last_scale:
            total += value * scale
            last_scale = scale
            place = stop = behind + 1
            place += is_and(place, scale)
            continue
        if scale or not in_words:
            break
        return total + value, behind
    return None if stop is None else (total, stop)


def split_numbers(words: Sequence[str], endings: Collection[str]) -> list[str]:
    """Separate a number from a unit that is written together with it.

    >>> split_numbers(["5mg", "mp3"], {"mg"})
    ['5', 'mg', 'mp3']
    """
    result: list[str] = []
    for word in words:
        match = _SPLIT.fullmatch(word) if word[0].isdigit() and not is_number(word) else None
        if match is not None and match[2] in endings and _MOBILE_NETWORK.fullmatch(word) is None:
            result += [match[1], match[2]]
        else:
            result.append(word)
    return result


def join_digits(
    words: Sequence[str],
    *,
    oh: Collection[str] = (),
    oh_after: Collection[str] = (),
    repeats: Mapping[str, int] | None = None,
    is_pair: Callable[[str, str], bool] = lambda first, second: False,
    spaced_thousands: Callable[[Sequence[str]], bool] = lambda groups: False,
    months: Collection[str] = (),
) -> list[str]:
    """Join groups of digits that were spoken or written separately but belong together.

    Parameters
    ----------
    words
        The words of a text.
    oh
        Words such as "oh" that mean zero within a run of digits and something else elsewhere.
    oh_after
        Words after which a word of `oh` means zero if exactly one digit follows ("in oh seven").
    repeats
        Words that repeat the digit after them, with the number of times, such as ``{"double": 2}``.
    is_pair
        Function that returns True for two two-digit numbers that form one four-digit number ("19", "99").
    spaced_thousands
        Function that returns True for groups of digits that form one number ("1", "000").
    months
        Words after which digits are a day and a year, not a telephone number.

    Returns
    -------
    list of str
        The words, with each run of single digits, each telephone number and each pair joined into one word.

    >>> join_digits(["call", "555", "1212"])
    ['call', '5551212']
    >>> join_digits(["one", "9", "1", "1", "call"])
    ['one', '911', 'call']
    """
    words = _zeros_and_repeats(words, oh, {*oh_after, *months}, repeats or {})
    if not any(map(is_number, words)):
        return list(words)
    result: list[str] = []
    place = 0
    while place < len(words):
        if not is_number(words[place]):
            result.append(words[place])
            place += 1
            continue
        stop = place
        while stop < len(words) and is_number(words[stop]):
            stop += 1
        before = result[-1] if result else ""
        result += _joined_run(list(words[place:stop]), before in months, is_pair, spaced_thousands)
        place = stop
    return result


def _zeros_and_repeats(
    words: Sequence[str], oh: Collection[str], oh_after: Collection[str], repeats: Mapping[str, int]
) -> Sequence[str]:
    if not any(word in oh or word in repeats for word in words):
        return words
    words = list(words)
    for place, word in enumerate(words):
        if word in oh:
            after = 0
            while after < 3 and place + 1 + after < len(words) and len(words[place + 1 + after]) == 1:
                if not (is_number(words[place + 1 + after]) or words[place + 1 + after] in oh):
                    break
                after += 1
            before = place > 0 and is_number(words[place - 1])
            led_to = after == 1 and (words[place - 1] in oh_after if place else len(words) == 2)
            repeated = after >= 1 and place > 0 and words[place - 1] in repeats
            if (
                after >= 3
                or led_to
                or repeated
                or (before and (after >= 1 or (place > 1 and is_number(words[place - 2]))))
            ):
                words[place] = "0"
    result: list[str] = []  # filled from the last word to the first, so that "double double 5 5" is read in one pass
    for place in reversed(range(len(words))):
        word = words[place]
        behind = result[-1] if result else ""
        further = result[-2] if len(result) > 1 else ""
        beside = words[place - 1] if place else ""
        if word in repeats and _is_digit(behind) and (_is_digit(beside) or _is_digit(further) or further in repeats):
            result += [behind] * (repeats[word] - 1)
        else:
            result.append(word)
    return result[::-1]


def _is_digit(word: str) -> bool:
    return len(word) == 1 and is_number(word)


def _joined_run(
    run: list[str],
    after_month: bool,
    is_pair: Callable[[str, str], bool],
    spaced_thousands: Callable[[Sequence[str]], bool],
) -> list[str]:
    if len(run) == 1:
        return run
    if (
        len(run[0]) <= 3
        and run[0][0] != "0"
        and all(len(group) == 3 for group in run[1:])
        and len(run) <= 5
        and spaced_thousands(run)
    ):
        return ["".join(run)]
    if len(run) == 2 and run[0] == "0" and _is_digit(run[1]):
        return ["".join(run)]
    joined: list[str] = []
    for group in _single_digits_joined(_zero_before_digit(run)):
        if joined and len(joined[-1]) == len(group) == 2 and is_pair(joined[-1], group):
            joined[-1] += group
        else:
            joined.append(group)
    if len(joined) > 1 and not after_month and _is_phone_number(joined):
        return ["".join(joined)]
    return joined


def _zero_before_digit(run: list[str]) -> list[str]:
    """Read "10", "0", "5" as "10", "05"; and "7", "05" as "7", "0", "5"."""
    result: list[str] = []
    place = 0
    while place < len(run):
        two_digits = place > 0 and len(run[place - 1]) == 2 and run[place - 1][0] != "0"
        nothing_follows = place + 2 >= len(run) or len(run[place + 2]) > 1
        if run[place] == "0" and two_digits and place + 1 < len(run) and _is_digit(run[place + 1]) and nothing_follows:
            result.append("0" + run[place + 1])
            place += 2
        elif len(run[place]) == 2 and run[place][0] == "0" and place > 0 and _is_digit(run[place - 1]):
            result += run[place]
            place += 1
        else:
            result.append(run[place])
            place += 1
    return result


def _single_digits_joined(run: list[str]) -> list[str]:
    result: list[str] = []
    place = 0
    while place < len(run):
        stop = place
        while stop < len(run) and _is_digit(run[stop]):
            stop += 1
        if stop - place >= 3:
            result.append("".join(run[place:stop]))
            place = stop
        else:
            result.append(run[place])
            place += 1
    return result


def _is_phone_number(run: Sequence[str]) -> bool:
    digits = sum(map(len, run))
    years = sum(len(group) == 4 and group[:2] in ("18", "19", "20") for group in run)
    return 7 <= digits <= _LONGEST_PHONE_NUMBER and (not years or digits >= 10 > 4 * years)


def call_thousands(words: Sequence[str], thousand: str, point: str) -> list[str]:
    """Write out the "k" of "100k", "2.5k" and "ten k".

    >>> call_thousands(["100k", "or", "2", "point", "5k"], "thousand", "point")
    ['100000', 'or', '2', 'point', '5', 'thousand']
    """
    if not any(word.endswith("k") for word in words):
        return list(words)
    result: list[str] = []
    for place, word in enumerate(words):
        behind = words[place + 1] if place + 1 < len(words) else ""
        glued = _THOUSANDS.fullmatch(word)
        counted = bool(result) and value_of(result[-1]) > 0 and (len(result) == 1 or len(result[-2]) > 1)
        if glued is None and not (word == "k" and counted and len(behind) != 1):
            result.append(word)
            continue
        number = glued[1] if glued is not None else result.pop()
        result += [number, thousand] if result[-1:] == [point] else [f"{number}000"]
    return result


def call_amounts(
    words: Sequence[str],
    *,
    units: Mapping[str, tuple[str, str]],
    hundredths: Mapping[str, str],
    subunit: Mapping[str, tuple[str, str]],
    scales: Collection[str],
    point: str,
    conjunctions: Collection[str],
    glue: Collection[str] = (),
) -> list[str]:
    """Write amounts of money in a uniform way: "15 dollars 20", "50 cents", "1 point 5 million dollars".

    Parameters
    ----------
    words
        The words of a text, with decimals as "15", `point`, "20".
    units
        The singular and the plural of each word for a currency.
    hundredths
        The word for the hundredth part of each plural of a currency.
    subunit
        The singular and the plural of each word for a hundredth part.
    scales
        Words such as "million" that stand between a decimal number and the currency.
    point
        The canonical word for the decimal mark.
    conjunctions
        Words for "and", which are left out before the hundredth parts.
    glue
        Words between a scale and the currency ("de" in "dos millones de euros"), which are kept.
    """
    result: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        if word in units and result:
            singular, plural = units[word]
            if result[-1] in scales or (len(result) > 1 and result[-1] in glue and is_number(result[-2])):
                result.append(plural)
            elif len(result) > 1 and result[-2] == point and len(result[-1]) == 2 and is_number(result[-1]):
                has_whole = len(result) > 2 and is_number(result[-3])
                whole, cents = result[-3] if has_whole else "0", result[-1]
                del result[-3 if has_whole else -2 :]
                small = hundredths.get(plural, "")
                if value_of(whole) == 0 and value_of(cents) > 0 and small:
                    result += [str(int(cents)), subunit[small][int(cents) != 1]]
                else:
                    result += [whole, singular if value_of(whole) == 1 else plural]
                    if value_of(cents) > 0:
                        result.append(str(int(cents)))
            elif is_number(result[-1]):
                decimal = len(result) > 1 and result[-2] == point
                result.append(singular if value_of(result[-1]) == 1 and not decimal else plural)
            else:
                result.append(word)
                place += 1
                continue
            ahead = place + 2 if place + 1 < len(words) and words[place + 1] in conjunctions else place + 1
            if (
                ahead + 1 < len(words)
                and is_number(words[ahead])
                and 0 < value_of(words[ahead]) < 100
                and words[ahead + 1] in subunit
            ):
                result.append(str(int(words[ahead])))
                place = ahead + 2
                continue
        elif word in subunit and result and is_number(result[-1]):
            result.append(subunit[word][value_of(result[-1]) != 1])
        else:
            result.append(word)
        place += 1
    return result


def call_units(
    words: Sequence[str],
    units: Mapping[str, tuple[str, str]],
    scales: Collection[str],
    point: str,
) -> list[str]:
    """Write abbreviated units of measurement in full after a number.

    >>> call_units(["5", "mg", "or", "mg"], {"mg": ("milligram", "milligrams")}, (), "point")
    ['5', 'milligrams', 'or', 'mg']
    """
    result: list[str] = []
    for word in words:
        if word in units and result and (is_number(result[-1]) or result[-1] in scales):
            decimal = len(result) > 1 and result[-2] == point
            is_singular = value_of(result[-1]) == 1 and not decimal
            result += units[word][not is_singular].split()
        else:
            result.append(word)
    return result


def join_codes(
    words: Sequence[str],
    *,
    word_letters: Collection[str] = (),
    dividers: Collection[str] = (),
    known: Collection[str] = (),
    words_too: Collection[str] = (),
    ends: Collection[str] = (),
    point: str = "",
) -> list[str]:
    """Join the letters and digits of a code, and the letters of an abbreviation.

    A number after two or more letters stays a separate word ("mp 3", "covid 19"), because it is often written so.

    Parameters
    ----------
    words
        The words of a text.
    word_letters
        Single letters that are also words ("a", "i"); they do not begin or end a code.
    dividers
        Single letters that are words and never letters of a code ("y" in Spanish).
    known
        Abbreviations that begin or end with one of `word_letters` ("ai", "ibm").
    words_too
        Abbreviations whose letters are not joined, because the result would be another word ("us", "it").
    ends
        Words before which a number is an amount and not part of a code (units, "percent").
    point
        The canonical word for the decimal mark.

    >>> join_codes(["flight", "n", "p", "38", "b", "x", "and", "b", "500", "mg"], ends={"mg"})
    ['flight', 'np38bx', 'and', 'b', '500', 'mg']
    """
    words = _letters_beside_codes(words, ends)
    result: list[str] = []
    place = 0
    while place < len(words):
        if len(words[place]) > 1 and words[place].isalpha():
            result.append(words[place])
            place += 1
            continue
        letters = _spelled_word(words, place, words_too)
        if letters or not _is_code_part(words[place]) or words[place] in dividers:
            result += words[place : place + max(letters, 1)]
            place += max(letters, 1)
            continue
        stop = place + 1
        while (
            stop < len(words)
            and _is_code_part(words[stop])
            and words[stop] not in dividers
            and not _spelled_word(words, stop, words_too)
            and _go_together(words[stop - 1], words[stop])
        ):
            stop += 1
        chain = list(words[place:stop])
        behind = words[stop] if stop < len(words) else ""
        before = result[-1] if result else ""
        for part in _joined_chain(chain, before, behind, word_letters, known, ends, point):
            name = _NAME_AND_NUMBER.fullmatch(part)
            result += name.groups() if name else [part]  # "mp3" is also written "MP 3"
        place = stop
    return result


def _letters_beside_codes(words: Sequence[str], ends: Collection[str]) -> list[str]:
    """Join two or three consonants to the code beside them ("np" "38bx", or "np" "38" "bx")."""
    if _DIGIT.search("".join(words)) is None:
        return list(words)
    result: list[str] = []
    for place, word in enumerate(words):
        before = result[-1] if result else ""
        behind = words[place + 1 : place + 3]
        if (
            (before == "mp" and word in ("3", "4"))
            or (
                _are_initials(before, ends)
                and (_MIXED.fullmatch(word) and word[0].isdigit() and not _is_ordinal_or_decade(word))
            )
            or (
                before[:1].isalpha()
                and _MIXED.fullmatch(before)
                and before[-1:].isdigit()
                and _are_initials(word, ends)
            )
            or (_are_initials(before, ends) and is_number(word) and behind and _are_initials(behind[0], ends))
        ):
            result[-1] += word
        else:
            result.append(word)
    return result


def _are_initials(word: str, ends: Collection[str]) -> bool:
    if len(word) > 3 or word in ends or word in _ORDINAL_ENDINGS:
        return False
    return _CONSONANTS.fullmatch(word) is not None


def _is_code_part(word: str) -> bool:
    if len(word) == 1:
        return word.isalnum() and word.isascii()
    if word.isalpha():
        return False
    return is_number(word) or (_MIXED.fullmatch(word) is not None and not _is_ordinal_or_decade(word))


def _is_ordinal_or_decade(word: str) -> bool:
    return re.fullmatch(r"[0-9]+(?:st|nd|rd|th|s|e|er|re|a|o|as|os|te|ten|ter|tes|tem)s?", word) is not None


def _spelled_word(words: Sequence[str], place: int, words_too: Collection[str]) -> int:
    """Return the length of the run of single letters that starts at `place` if it spells one of `words_too`, else 0."""
    if not words_too or not _is_letter(words, place) or _is_letter(words, place - 1):
        return 0
    stop = place
    while _is_letter(words, stop):
        stop += 1
    return stop - place if "".join(words[place:stop]) in words_too else 0


def _is_letter(words: Sequence[str], place: int) -> bool:
    return 0 <= place < len(words) and len(words[place]) == 1 and words[place].isalpha()


def _go_together(first: str, second: str) -> bool:
    """Return True if two parts belong to one code; digits follow digits only if each was spoken alone."""
    if first[-1].isdigit() and second[0].isdigit():
        return len(first) == len(second) == 1
    return True


def _joined_chain(
    chain: list[str],
    before: str,
    behind: str,
    word_letters: Collection[str],
    known: Collection[str],
    ends: Collection[str],
    point: str,
) -> list[str]:
    head: list[str] = []
    tail: list[str] = []
    if all(len(part) == 1 and part.isalpha() for part in chain) and "".join(chain) in known:
        return ["".join(chain)]
    while chain and chain[-1].isdigit() and (behind in ends or (point and behind == point)):
        tail.insert(0, chain.pop())
    letters = sum(part.isalpha() and part not in word_letters for part in chain)
    a_long_code = len(chain) >= 5 and letters >= 2 and sum(map(is_number, chain)) >= 2
    while chain and chain[-1] in word_letters and not (a_long_code and len(chain) >= 7):
        tail.insert(0, chain.pop())
    while chain and (
        (chain[0] in word_letters and not (a_long_code and len(chain) >= 7))
        or (chain[0].isdigit() and point and before == point)
    ):
        head.append(chain.pop(0))
    if a_long_code:
        return [*head, "".join(chain), *tail]
    if len(chain) < 2 or not any(part[0].isalpha() or part[-1].isalpha() for part in chain):
        return [*head, *chain, *tail]
    middle: list[str] = []
    for group in _around_words(chain, word_letters):
        middle += ["".join(group)] if any(part.isalpha() or not part.isdigit() for part in group) else group
    return [*head, *middle, *tail]


def _around_words(chain: Sequence[str], word_letters: Collection[str]) -> list[list[str]]:
    """Divide a chain at letters that are words, unless letters of a code stand on both sides of them."""
    groups: list[list[str]] = [[]]
    for place, part in enumerate(chain):
        beside = [chain[other] for other in (place - 1, place + 1) if 0 <= other < len(chain)]
        if part in word_letters and not all(other.isalpha() and other not in word_letters for other in beside):
            groups += [[part], []]
        else:
            groups[-1].append(part)
    return [group for group in groups if group]
