"""Tables of the report, and the texts of their cells.

Conventions: a cell is a text, a number, a truth value or missing. The templates write it (macro `cell` in
``elements.html.j2``): numbers with separators, truth values as yes and no, missing values as a dash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from soniox_ds._display import known, number_text

__all__ = ["Section", "Table", "count", "percent"]

Section = dict[str, Any]
"""The values of a section's template."""


class Table(NamedTuple):
    """A table; the columns with the numbers `numeric` are aligned right."""

    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    numeric: Sequence[int] = ()


def percent(value: Any, low: Any = None, high: Any = None) -> str:
    """Write a share in per cent, with its interval if there is one.

    >>> percent(0.0831, 0.07, 0.1), percent(None)
    ('8.3% [7.0%, 10.0%]', '–')
    """
    interval = f" [{low:.1%}, {high:.1%}]" if known(value) and known(low) and known(high) else ""
    return number_text(value, ".1%") + interval


def count(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> count(1, "word"), count(2000, "word")
    ('1 word', '2,000 words')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
