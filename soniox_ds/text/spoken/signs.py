"""Hyphens, dashes and addresses, which are written alike in several languages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import regex

from soniox_ds.text.spoken.writing import Rule

__all__ = ["code_rule", "iso_date_rule", "measure_rules", "range_rules", "read_addresses"]

_CODE = regex.compile(
    r"(?<![\p{L}\p{N}-])(?=[a-z0-9-]{1,40}(?![\p{L}0-9-]))(?=[a-z-]*[0-9])[a-z0-9]++(?:-[a-z0-9]++)++"
)
_ADDRESS = regex.compile(r"[^\s@]+@[^\s@]+")


def code_rule(no_codes: Collection[str]) -> Rule:
    """Make a rule that removes the hyphens of codes ("np-38bx", "f-16") and replaces other hyphens by spaces.

    Parameters
    ----------
    no_codes
        Words of one or two letters that do not belong to a code, such as units ("5-mg").
    """

    def without_hyphens(match: regex.Match[str]) -> str:
        parts = str(match[0]).split("-")
        letters = [part for part in parts if part.isalpha()]
        if any(len(part) > 2 or part in no_codes for part in letters) or all(part.isdigit() for part in parts):
            return " ".join(parts)
        if len(parts) == 2 and parts[0].isdigit() and len(parts[1]) > 1 and parts[1].isalpha():
            return " ".join(parts)
        return "".join(parts)

    return _CODE, without_hyphens


def range_rules(to: str) -> list[Rule]:
    """Make the rules that read "10-15", "10–15" and "1990-1995" with the word for "to"."""

    def read(match: regex.Match[str]) -> str:
        rising = int(match[1]) < int(match[2]) and match[1] + match[2] not in ("711", "911")
        return f"{match[1]} {to} {match[2]}" if rising else f"{match[1]} {match[2]}"

    year = "(?:1[5-9]|20)[0-9]{2}"
    return [
        (regex.compile(r"(?<![0-9.,:/–-])([0-9]{1,4})\s?–\s?([0-9]{1,4})(?![0-9:/–-])"), read),
        (regex.compile(r"(?<![\w.,:/–-])([0-9]{1,3})-([0-9]{1,3})(?![0-9:/–-])"), read),
        (regex.compile(rf"(?<![\w.,:/–-])({year})-({year})(?![\w:/–-])"), read),
    ]


def iso_date_rule(spoken_date: Callable[[int, int, str], str | None]) -> Rule:
    """Make the rule that reads "2021-03-05".

    Parameters
    ----------
    spoken_date
        Function of day, month and year that returns the date as it is spoken, or None if there is no such date.
    """

    def read(match: regex.Match[str]) -> str:
        return spoken_date(int(match[3]), int(match[2]), str(match[1])) or str(match[0])

    return regex.compile(r"(?<![0-9])([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9])"), read


def measure_rules(*, percent: str, per_mille: str, degrees: str, meters_per_second: str) -> list[Rule]:
    """Make the rules that read "%", "‰", "°C", "°F", "°", "km/h" and "m/s"."""
    return [
        (regex.compile(r"%"), f" {percent} "),
        (regex.compile(r"‰"), f" {per_mille} "),
        (regex.compile(r"(?<=[0-9])\s?°\s?c\b"), f" {degrees} celsius "),
        (regex.compile(r"(?<=[0-9])\s?°\s?f\b"), f" {degrees} fahrenheit "),
        (regex.compile(r"°"), f" {degrees} "),
        (regex.compile(r"(?<=[0-9])\s?km/h\b"), " kmh "),
        (regex.compile(r"(?<=[0-9])\s?m/s\b"), f" {meters_per_second} "),
    ]


def read_addresses(text: str, names: Mapping[str, str]) -> str:
    """Read e-mail addresses aloud.

    >>> read_addresses("to a.b@c.de.", {"@": "at", ".": "dot"})
    'to a dot b at c dot de'
    """
    if "@" not in text:
        return text
    words = text.split(" ")
    for place, word in enumerate(words):
        if _ADDRESS.fullmatch(word):
            word = word.strip(".,;:!?()<>[]\"'")
            words[place] = "".join(f" {names[char]} " if char in names else char for char in word).strip()
    return " ".join(" ".join(words).split())
