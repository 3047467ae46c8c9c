"""Static picture of a review queue without a kernel: in a saved notebook, on a web page, in a terminal.

Conventions: text from data is escaped and isolated (``<bdi>``); colours are the page's own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from soniox_ds.widgets.still import framed

__all__ = ["MOST_ROWS", "clock", "html", "plain"]

MOST_ROWS = 60
"""Most rows that are shown. The rest is only counted, so that the notebook stays small."""

_PLAIN_ROWS = 5
_LONGEST = 100
_LINE = "1px solid rgba(128,128,128,.4)"
_CELL = f"text-align:start;padding:.2em .8em .2em 0;border-bottom:{_LINE};vertical-align:top"
_SIGNS = {"right": "✓ right", "wrong": "✗ wrong", "unclear": "? unclear"}


def clock(milliseconds: int) -> str:
    """Write a time of the recording, to the tenth of a second.

    >>> clock(75_349), clock(3_675_000)
    ('1:15.3', '1:01:15.0')
    """
    minutes, rest = divmod(milliseconds // 100, 600)
    seconds = f"{rest // 10:02d}.{rest % 10}"
    return f"{minutes}:{seconds}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{seconds}"


def plain(head: str, rows: Sequence[Mapping[str, Any]], count: int) -> str:
    """Return the picture as a few lines of text.

    `rows` are the first of `count` rows, each with `audio_id`, `start_ms`, `text`, `verdict` and `correction` (None if
    missing).
    """
    lines = [head]
    for row in rows[:_PLAIN_ROWS]:
        said = _SIGNS.get(row["verdict"], "– open")
        correction = "" if row["correction"] is None else f" → {_short(row['correction']) or '(nothing)'}"
        lines.append(
            f"  {said}  {_line(row['audio_id'])} {clock(row['start_ms'])}  {_apart(_short(row['text']) + correction)}"
        )
    if (more := count - _PLAIN_ROWS) > 0:
        lines.append(f"  … and {more:,} more")
    return "\n".join(lines)


def html(head: str, rows: Sequence[Mapping[str, Any]], count: int) -> str:
    """Return the picture as an HTML table; see `plain`.

    >>> row = {"audio_id": "a.wav", "start_ms": 0, "text": "<b>", "verdict": None, "correction": None}
    >>> "<bdi>&lt;b&gt;</bdi>" in html("Review", [row], 1)
    True
    """
    body = "".join(map(_row, rows))
    more = count - len(rows)
    rest = f"<p style='margin:.3em 0;opacity:.8'>… and {more:,} more</p>" if more > 0 else ""
    cells = "".join(
        f"<th scope='col' style='{_CELL}'>{name}</th>" for name in ("verdict", "recording", "start", "transcript")
    )
    return framed(
        f"<div class='soniox-ds-review-still' style='color:inherit;background:none'><p style='margin:0 0 .3em'>"
        f"{escape(_line(head))}</p><table style='border-collapse:collapse;color:inherit;background:none'>"
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>{rest}</div>"
    )


def _row(row: Mapping[str, Any]) -> str:
    text = f"<bdi>{escape(_short(row['text']))}</bdi>"
    if row["correction"] is not None:
        correction = escape(_short(row["correction"])) or "(nothing)"
        text = f"<del>{text}</del> <ins><bdi>{correction}</bdi></ins>"
    cells = (
        _SIGNS.get(row["verdict"], "–"),
        f"<bdi>{escape(_line(row['audio_id']))}</bdi>",
        clock(row["start_ms"]),
        text,
    )
    return "<tr>" + "".join(f"<td style='{_CELL}'>{cell}</td>" for cell in cells) + "</tr>"


def _line(text: str) -> str:
    """Return a text as one line, with control characters and lone surrogates made visible."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cs") else char
        for char in " ".join(str(text).split())
    )


def _short(text: str) -> str:
    line = _line(text)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _apart(text: str) -> str:
    """Isolate a text if any of it is written from right to left."""
    return f"\u2068{text}\u2069" if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text) else text
