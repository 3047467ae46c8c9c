"""The steps of the folding, which all languages share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from soniox_ds.text.spoken.numerals import (
    call_amounts,
    call_thousands,
    call_units,
    is_number,
    join_codes,
    join_digits,
    split_numbers,
    value_of,
)
from soniox_ds.text.spoken.signs import code_rule, read_addresses
from soniox_ds.text.spoken.writing import (
    Rule,
    clean,
    join_thousands,
    join_words,
    replace_letters_with_dots,
    sub_each,
    words_of,
)

__all__ = ["Folding", "read_decimals", "without_de"]

Words = list[str]


def _unchanged(words: Words) -> Words:
    return words


@dataclass(frozen=True, kw_only=True)
class Folding:
    """A function that folds texts of one language: equal spoken words get one spelling.

    The fields hold the vocabulary of the language, its rules, and the steps that no other language has.
    """

    addresses: Mapping[str, str]
    """The names of the signs in e-mail addresses."""
    thousands: str
    """The sign between groups of three digits."""
    abbreviations: Sequence[Rule] = ()
    """Rules that are applied before the full stops of abbreviations like "u.s." are removed."""
    rules: Sequence[Rule]
    no_codes: Collection[str]
    """Short words that do not belong to a code such as "f-16"."""
    endings: Collection[str]
    """Words that may be glued to a number, such as units."""
    spelling: Callable[[str], str]
    """Function that gives a word its common spelling."""
    compounds: Callable[[Words], Words]
    """Function that gives compounds of several words one form."""
    read_numbers: Callable[[Words], Words]
    """Function that writes number words in digits."""
    digits: Mapping[str, Any]
    """Options of `join_digits`."""
    thousand: str
    point: str
    """The word for the decimal mark."""
    conjunctions: Collection[str]
    """Words between an amount and its hundredths."""
    scales: Mapping[str, int]
    units: Mapping[str, tuple[str, str]]
    amounts: Mapping[str, tuple[str, str]]
    """Currencies, and other units of which hundredths are named without their unit."""
    hundredths: Mapping[str, str]
    subunits: Mapping[str, tuple[str, str]]
    codes: Mapping[str, Any]
    """Options of `join_codes`."""
    before_cleaning: Callable[[str], str] = str
    before_rules: Callable[[str], str] = str
    after_rules: Callable[[str], str] = str
    before_thousands: Callable[[Words], Words] = _unchanged
    after_thousands: Callable[[Words], Words] = _unchanged
    after_amounts: Callable[[Words], Words] = _unchanged
    _all_rules: Sequence[Rule] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_all_rules", [*self.rules, code_rule(self.no_codes)])

    def __call__(self, text: str) -> str:
        """Fold a text once."""
        text = read_addresses(clean(self.before_cleaning(text)), self.addresses)
        text = self.before_rules(join_thousands(text, self.thousands))
        text = replace_letters_with_dots(sub_each(text, self.abbreviations))
        text = self.after_rules(sub_each(text, self._all_rules))
        words = split_numbers(words_of(text), self.endings)
        words = self.compounds([self.spelling(word) for word in words])
        words = join_digits(self.read_numbers(words), **self.digits)
        words = self.after_thousands(call_thousands(self.before_thousands(words), self.thousand, self.point))
        words = call_units(words, self.units, self.scales, self.point)
        words = call_amounts(
            words,
            units=self.amounts,
            hundredths=self.hundredths,
            subunit=self.subunits,
            scales=self.scales,
            point=self.point,
            conjunctions=self.conjunctions,
        )
        return join_words(join_codes(self.after_amounts(words), point=self.point, **self.codes))


def read_decimals(
    words: Sequence[str],
    place: int,
    digit: Callable[[int], int | None],
    number: Callable[[int], tuple[int, int] | None],
) -> tuple[str, int]:
    """Read the digits after the decimal mark.

    Parameters
    ----------
    words, place
        The words, and the position after the mark.
    digit
        Function that returns the digit at a position, or another number or None if there is none.
    number
        Function that reads a small number in words at a position: its value and the position after it, or None.

    Returns
    -------
    tuple
        The digits, empty if there are none, and the position after them.
    """
    digits = ""
    stop = place
    while stop < len(words) and (value := digit(stop)) is not None and 0 <= value <= 9:
        digits += str(value)
        stop += 1
    if digits or place >= len(words):
        return digits, stop
    if is_number(words[place]):
        return words[place], place + 1
    read = number(place)
    return ("", place) if read is None else (str(read[0]), read[1])


def without_de(words: Sequence[str], scales: Collection[str], elided: str = "") -> Words:
    """Remove the "de" after whole millions, which is spoken and seldom written ("2.000.000 (de) euros").

    `elided` is its form before a vowel ("2 000 000 (d')euros").
    """
    result: Words = []
    for word in words:
        before = result[-1] if result else ""
        whole_millions = value_of(before) >= 10**6 and value_of(before) % 10**6 == 0
        if whole_millions or (before in scales and len(result) > 1 and is_number(result[-2])):
            if word == "de":
                continue
            word = word.removeprefix(elided)
        result.append(word)
    return result
