"""Static picture of a review queue without a kernel: in a saved notebook, on a web page, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from soniox_ds._display import clock, isolated, render, visible
from soniox_ds.widgets.review.buttons import ACTIONS

__all__ = ["MOST_ROWS", "html", "plain"]

MOST_ROWS = 60
"""Most rows that are shown. The rest is only counted, so that the notebook stays small."""

_PLAIN_ROWS = 5
_LONGEST = 100
_VERDICTS = {name: f"{action.sign} {name}" for name, action in ACTIONS.items()}


def plain(head: str, rows: Sequence[Mapping[str, Any]], count: int) -> str:
    """Return the picture as a few lines of text.

    `rows` are the first of `count` rows, each with `audio_id`, `start_ms`, `text`, `verdict` and `correction` (None if
    missing).
    """
    lines = [head]
    for row in rows[:_PLAIN_ROWS]:
        correction = "" if row["correction"] is None else f" → {_short(row['correction']) or '(nothing)'}"
        parts = (_VERDICTS.get(row["verdict"], "– open"), f"{visible(row['audio_id'])} {_start(row)}")
        lines.append("  " + "  ".join((*parts, isolated(_short(row["text"]) + correction))))
    if (more := count - _PLAIN_ROWS) > 0:
        lines.append(f"  … and {more:,} more")
    return "\n".join(lines)


def html(head: str, rows: Sequence[Mapping[str, Any]], count: int) -> str:
    """Return the picture as an HTML table; see `plain`.

    >>> row = {"audio_id": "a.wav", "start_ms": 0, "text": "<b>", "verdict": None, "correction": None}
    >>> "<bdi>&lt;b&gt;</bdi>" in html("Review", [row], 1)
    True
    """
    shown = [
        {
            "verdict": _VERDICTS.get(row["verdict"], "–"),
            "audio_id": row["audio_id"],
            "start": _start(row),
            "text": _short(row["text"]),
            "correction": None if row["correction"] is None else _short(row["correction"]),
        }
        for row in rows
    ]
    return render("widgets/review/still.html.j2", head=head, rows=shown, more=count - len(rows))


def _start(row: Mapping[str, Any]) -> str:
    return clock(row["start_ms"], tenths=True)


def _short(text: str) -> str:
    line = visible(text)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
