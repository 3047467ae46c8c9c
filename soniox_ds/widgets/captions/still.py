"""Static picture of live captions without a kernel: in a saved notebook, on a page, in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from soniox_ds._display import clock, render
from soniox_ds.live.transcript import Segment

__all__ = ["still_html", "still_text"]


def still_text(heading: str, segments: Sequence[Segment]) -> str:
    """Return the picture as text, for terminals.

    >>> from soniox_ds.live.transcript import LiveToken
    >>> print(still_text("Microphone", [Segment(tokens=(LiveToken(text="Hi", start_ms=900, speaker="1"),))]))
    Microphone
      0:00 speaker 1: Hi
    """
    lines = [heading]
    for segment in segments:
        speaker = f" speaker {segment.speaker}:" if segment.speaker else ""
        lines.append(f"  {clock(segment.start_ms)}{speaker} {segment.text}")
        if segment.translation:
            lines.append(f"       → {segment.translation}")
    return "\n".join(lines)


def still_html(heading: str, segments: Sequence[Segment]) -> str:
    """Return the picture as HTML, for saved notebooks.

    >>> from soniox_ds.live.transcript import LiveToken
    >>> "&lt;b&gt;" in still_html("Microphone", [Segment(tokens=(LiveToken(text="<b>"),))])
    True
    """
    has_translations = any(segment.translation for segment in segments)
    return render(
        "widgets/captions/still.html.j2", heading=heading, segments=segments, has_translations=has_translations
    )
