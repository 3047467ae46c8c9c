"""HTML elements of the report: tables, players and paragraphs.

Conventions: text from data goes through `visible` or `isolated`; text that is HTML already is a `Markup`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from soniox_ds.reports.audio import Piece
from soniox_ds.show.markup import isolated, known, visible

__all__ = ["Markup", "Section", "count", "facts", "note", "percent", "player", "table"]

Section = tuple[str, str, str]
"""The id, heading and HTML of a section of the report."""


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


def table(head: Sequence[str], rows: Iterable[Sequence[Any]], *, caption: str = "", numeric: Sequence[int] = ()) -> str:
    """Return a table as HTML; the columns in `numeric` are aligned right.

    >>> "<td><bdi>&lt;b&gt;</bdi></td>" in table(["word"], [["<b>"]])
    True
    """

    def style(column: int) -> str:
        return ' class="number"' if column in numeric else ""

    titles = "".join(f'<th scope="col"{style(place)}>{visible(name)}</th>' for place, name in enumerate(head))
    body = "".join(
        "<tr>" + "".join(f"<td{style(place)}>{_cell(value)}</td>" for place, value in enumerate(row)) + "</tr>"
        for row in rows
    )
    title = f"<caption>{visible(caption)}</caption>" if caption else ""
    return f'<div class="scroll"><table>{title}<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def facts(pairs: Iterable[tuple[str, Any]]) -> str:
    """Return a list of names and values as HTML."""
    items = "".join(f"<div><dt>{visible(name)}</dt><dd>{_cell(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="facts">{items}</dl>'


def note(text: str, *, strong: bool = False) -> str:
    """Return a paragraph as HTML; a `strong` paragraph is framed."""
    return f'<p class="warning" role="note">{visible(text)}</p>' if strong else f'<p class="note">{visible(text)}</p>'


def player(piece: Piece, name: str) -> Markup:
    """Return an audio player as HTML, or the reason why there is none."""
    if not piece.uri:
        return Markup(f'<span class="note">{visible(piece.reason)}</span>')
    return Markup(f'<audio controls preload="none" aria-label="{visible(name)}" src="{piece.uri}"></audio>')


def percent(value: Any, low: Any = None, high: Any = None) -> str:
    """Write a share in per cent, with its interval if there is one.

    >>> percent(0.0831, 0.07, 0.1), percent(None)
    ('8.3% [7.0%, 10.0%]', '–')
    """
    if not known(value):
        return "–"
    return f"{value:.1%} [{low:.1%}, {high:.1%}]" if known(low) and known(high) else f"{value:.1%}"


def count(number: int, noun: str) -> str:
    """Write a number with its noun.

    >>> count(1, "word"), count(2000, "word")
    ('1 word', '2,000 words')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _cell(value: Any) -> str:
    if isinstance(value, Markup):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return isolated(value) if known(value) else "–"
