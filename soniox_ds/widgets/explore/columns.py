"""Columns of the table of recordings: their values, how they are written, sorted and filtered.

Conventions: a column holds numbers (NaN for missing values) or texts (None). Filters are what a person types: a part of
the text, the value of a choice, or a range of numbers in the unit that the table shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._display import clock, visible
from soniox_ds.exceptions import InputError

__all__ = ["MISSING", "Column", "NumberColumn", "Range", "TextColumn", "column_of", "parsed_range"]

MISSING = "–"
"""The text of a missing value. As a filter it selects the recordings without a value."""

_MOST_CHOICES = 40
_LONGEST_CELL = 160
_NUMBER = r"(-?(?:\d+:)?(?:\d+:)?\d*\.?\d+)\s*(?:%|s)?"
_BETWEEN = re.compile(rf"{_NUMBER}\s*(?:–|\.\.|to|-)\s*(<?)\s*{_NUMBER}")
_COMPARED = re.compile(rf"(<=|>=|<|>|≤|≥|=)?\s*{_NUMBER}")

_DIGITS = re.compile(r"\d+")
_LONGEST_NUMBER = 20

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class Range(NamedTuple):
    """An interval of numbers; a bound that is excluded is not part of it."""

    low: float
    high: float
    excludes_low: bool = False
    excludes_high: bool = False

    def mask(self, values: Floats) -> Bools:
        """Return a mask of the values in the range. Missing values are in no range."""
        above = values > self.low if self.excludes_low else values >= self.low
        below = values < self.high if self.excludes_high else values <= self.high
        return np.asarray(above & below, np.bool_)


class Unit(NamedTuple):
    """The unit in which numbers are shown and typed."""

    scale: float
    """The typed number for a value of 1."""
    text: Callable[[float], str]
    hint: str
    """An example of a filter."""
    tolerance: float
    """Half of the last decimal place that is shown, as a value."""


def _points(value: float) -> str:
    """Write a difference of two rates in percentage points, with its sign."""
    points = round(100 * value, 1)
    return f"{points:+.1f}".replace("-", "−") if points else "0.0"


UNITS = {
    "count": Unit(1.0, "{:,.0f}".format, "> 10", 0.0),
    "number": Unit(1.0, "{:,.6g}".format, "> 10", 0.0),
    "percent": Unit(100.0, lambda value: f"{value:.1%}", "> 10", 0.0005),
    "points": Unit(100.0, _points, "> 10", 0.0005),
    "confidence": Unit(1.0, "{:.3f}".format, "< 0.9", 0.0005),
    "duration": Unit(0.001, lambda value: clock(value, tenths=True), "> 10", 50.0),
}


def parsed_range(text: str, unit: Unit) -> Range:
    """Read a range that a person typed: ``> 10``, ``5 – 10``, ``5 – <10``, ``5..10`` or ``5``.

    Times are in seconds, or written as ``1:30``.

    >>> parsed_range("5 - 10", UNITS["percent"])[:2]
    (0.05, 0.1)
    >>> parsed_range("> 1:30", UNITS["duration"])
    Range(low=90000.0, high=inf, excludes_low=True, excludes_high=False)
    """
    line = text.strip().replace("−", "-").replace(",", "")
    if match := _BETWEEN.fullmatch(line):
        low, high = _value(match.group(1), unit), _value(match.group(3), unit)
        return Range(min(low, high), max(low, high), excludes_high=match.group(2) == "<")
    if match := _COMPARED.fullmatch(line):
        sign, value = match.group(1), _value(match.group(2), unit)
        if sign in (">", ">=", "≥"):
            return Range(value, np.inf, excludes_low=sign == ">")
        if sign in ("<", "<=", "≤"):
            return Range(-np.inf, value, excludes_high=sign == "<")
        return Range(value - unit.tolerance, value + unit.tolerance)
    raise InputError(f"{visible(text)!r} is not a range of numbers; write {unit.hint}, or 5 – 10.")


def _value(text: str, unit: Unit) -> float:
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds / unit.scale


class Column:
    """A column of the table; see `NumberColumn` and `TextColumn`."""

    kind: str
    hint = ""

    def __init__(self, name: str, label: str) -> None:
        self.name = name
        self.label = label

    def mask(self, wanted: str) -> Bools:
        """Return a mask of the recordings that a filter selects. Raises InputError if the filter cannot be read."""
        raise NotImplementedError

    def cell(self, position: int) -> str:
        """Return the value as a text."""
        raise NotImplementedError

    @cached_property
    def ranks(self) -> Floats:
        """Numbers in the order of the values; NaN for missing values."""
        raise NotImplementedError

    def order(self, *, descending: bool) -> npt.NDArray[np.intp]:
        """Return the positions sorted by this column. Missing values come last, and ties stay in their order."""
        return self._descending if descending else self._ascending

    def described(self) -> dict[str, Any]:
        """Return what the page needs to know about the column."""
        return {"name": self.name, "label": self.label, "kind": self.kind, "hint": self.hint}

    @cached_property
    def _ascending(self) -> npt.NDArray[np.intp]:
        return np.argsort(self.ranks, kind="stable")

    @cached_property
    def _descending(self) -> npt.NDArray[np.intp]:
        return np.argsort(-self.ranks, kind="stable")


class NumberColumn(Column):
    """A column of numbers. Its filters are ranges."""

    kind = "number"

    def __init__(self, name: str, label: str, values: Any, unit: str) -> None:
        super().__init__(name, label)
        self.values: Floats = pd.array(values, dtype="Float64").to_numpy(np.float64, na_value=np.nan)
        self.unit = UNITS[unit]
        self.unit_name = unit
        self.hint = self.unit.hint

    def mask(self, wanted: str) -> Bools:
        if wanted.strip() == MISSING:
            return np.isnan(self.values)
        return parsed_range(wanted, self.unit).mask(self.values)

    def cell(self, position: int) -> str:
        value = float(self.values[position])
        return MISSING if np.isnan(value) else self.unit.text(value)

    @cached_property
    def ranks(self) -> Floats:
        return self.values

    def described(self) -> dict[str, Any]:
        return super().described() | {"unit": self.unit_name, "scale": self.unit.scale}


class TextColumn(Column):
    """A column of texts. With few different values, its filter is one of them; otherwise it is a part of the text."""

    def __init__(self, name: str, label: str, values: Any, *, is_choice: bool | None = None) -> None:
        super().__init__(name, label)
        texts = pd.Series(values, dtype="string")
        self.values: list[str | None] = texts.astype(object).where(texts.notna(), None).tolist()
        self._codes, uniques = pd.factorize(texts)
        self._labels = [str(value) for value in uniques]
        repeats = len(self._labels) < len(self.values)
        few = bool(self._labels) and len(self._labels) <= _MOST_CHOICES and repeats
        self.kind = "choice" if (few if is_choice is None else is_choice) else "text"

    @property
    def choices(self) -> list[str]:
        """The different values in order, and `MISSING` if there are missing values."""
        return [*sorted(self._labels, key=_natural), *([MISSING] if (self._codes < 0).any() else [])]

    def mask(self, wanted: str) -> Bools:
        if wanted.strip() == MISSING:
            return np.asarray(self._codes < 0)
        if self.kind == "choice":
            matches = [label == wanted for label in self._labels]
        else:
            matches = [wanted.casefold() in label.casefold() for label in self._labels]
        return np.array([*matches, False], np.bool_)[self._codes]  # The code of missing values is -1, the last.

    def cell(self, position: int) -> str:
        value = self.values[position]
        if value is None:
            return MISSING
        line = visible(value[: 2 * _LONGEST_CELL])
        return line if len(line) <= _LONGEST_CELL else line[: _LONGEST_CELL - 1] + "…"

    @cached_property
    def ranks(self) -> Floats:
        place = np.full(len(self._labels) + 1, np.nan)
        place[sorted(range(len(self._labels)), key=lambda code: _natural(self._labels[code]))] = range(
            len(self._labels)
        )
        return place[self._codes]

    def described(self) -> dict[str, Any]:
        choices = {"choices": self.choices} if self.kind == "choice" else {}
        return super().described() | choices


def column_of(name: str, label: str, values: pd.Series[Any]) -> Column:
    """Make the column of metadata: numbers if all of its values are numbers, otherwise texts.

    >>> column_of("room", "room", pd.Series(["a", "b", "a"])).kind, column_of("n", "n", pd.Series([1, 2])).kind
    ('choice', 'number')
    """
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return NumberColumn(name, label, values, "number")
    known = values.dropna()
    texts = values.map(lambda value: None if value is None or value is pd.NA else str(value)) if len(known) else values
    return TextColumn(name, label, texts.where(values.notna(), None))


def _natural(text: str) -> str:
    """Return a key that sorts "a2" before "a10"."""
    return _DIGITS.sub(lambda digits: digits[0].zfill(_LONGEST_NUMBER), text.casefold())
