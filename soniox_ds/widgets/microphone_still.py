"""Static picture of a microphone without a kernel: in a saved notebook, on a page, in a terminal.

Conventions: text from data is escaped; there are no scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from soniox_ds.live.transcript import Segment
from soniox_ds.widgets.still import framed

__all__ = ["clock", "still_html", "still_text"]

_CELL = 'style="text-align: left; vertical-align: top; padding: 0.15em 0.7em 0.15em 0"'


def clock(ms: float | None) -> str:
    """Write a time as minutes and seconds.

    >>> clock(65_900), clock(3_723_000), clock(None)
    ('1:05', '1:02:03', '')
    """
    if ms is None:
        return ""
    minutes, seconds = divmod(int(ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def still_text(heading: str, segments: Sequence[Segment]) -> str:
    """Return the picture as text, for terminals.

    >>> from soniox_ds.live.transcript import LiveToken
    >>> print(still_text("Microphone", [Segment(tokens=(LiveToken(text="Hi", start_ms=900, speaker="1"),))]))
    Microphone
      0:00 speaker 1: Hi
    """
    lines = [heading]
    for segment in segments:
        who = f" speaker {segment.speaker}:" if segment.speaker else ""
        lines.append(f"  {clock(segment.start_ms)}{who} {segment.text}")
        if segment.translation:
            lines.append(f"       → {segment.translation}")
    return "\n".join(lines)


def still_html(heading: str, segments: Sequence[Segment]) -> str:
    """Return the picture as HTML, for saved notebooks.

    >>> from soniox_ds.live.transcript import LiveToken
    >>> "&lt;b&gt;" in still_html("Microphone", [Segment(tokens=(LiveToken(text="<b>"),))])
    True
    """
    translates = any(segment.translation for segment in segments)
    rows = []
    for segment in segments:
        cells = [clock(segment.start_ms), f"speaker {segment.speaker}" if segment.speaker else "", segment.text]
        cells += [segment.translation] if translates else []
        rows.append("<tr>" + "".join(f'<td dir="auto" {_CELL}>{escape(cell)}</td>' for cell in cells) + "</tr>")
    body = f"<table>{''.join(rows)}</table>" if rows else ""
    return framed(f"<p><strong>{escape(heading)}</strong></p>{body}")
