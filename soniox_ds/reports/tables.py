"""Tables of the report, and the texts of their cells.

Conventions: a cell is a text, a number, a truth value or missing. The templates write it (macro `cell` in
``elements.html.j2``): numbers with separators, truth values as yes and no, missing values as a dash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from soniox_ds._display import known, number_text
from soniox_ds.reports.glossary import anchor

__all__ = ["Column", "Fact", "Section", "Table", "count", "names_in", "percent", "remarks"]

Section = dict[str, Any]
"""The values of a section's template."""


class Column(NamedTuple):
    """The name of a column, and the id of its explanation ("" if it needs none)."""

    name: str
    anchor: str


class Table(NamedTuple):
    """A table; the columns with the numbers `numeric` are aligned right. The remarks stand below it."""

    head: Sequence[str]
    rows: Sequence[Sequence[Any]] = ()
    caption: str = ""
    numeric: Sequence[int] = ()
    remarks: Sequence[str] = ()

    @property
    def columns(self) -> list[Column]:
        return [Column(name, anchor(name)) for name in self.head]


class Fact(NamedTuple):
    """A named value."""

    name: str
    value: Any

    @property
    def anchor(self) -> str:
        return anchor(self.name)


def remarks(rows: Iterable[Mapping[Any, Any]], *names: str) -> list[str]:
    """Return the notes of the rows, each text once, with the groups that it is about.

    >>> rows = [{"by": "a", "note": "Few words."}, {"by": "b", "note": "Few words."}, {"by": "c", "note": None}]
    >>> remarks(rows, "by"), remarks(rows)
    (['a, b: Few words.'], ['Few words.'])
    """
    groups: dict[str, list[str]] = {}
    for row in rows:
        if known(row["note"]):
            named = " ".join(str(row[name]) if known(row[name]) else "not known" for name in names)
            groups.setdefault(str(row["note"]), []).append(named)
    return [f"{', '.join(about)}: {note}" if names else note for note, about in groups.items()]


def names_in(values: Any) -> Iterable[str]:
    """Yield the names of all columns and facts in the values of templates.

    >>> list(names_in({"a": [Table(("arm", "words"), [("plain", 3)]), Fact("hours", 2)], "b": None}))
    ['arm', 'words', 'hours']
    """
    if isinstance(values, Table):
        yield from values.head
    elif isinstance(values, Fact):
        yield values.name
    elif isinstance(values, Mapping):
        for value in values.values():
            yield from names_in(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from names_in(value)


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
