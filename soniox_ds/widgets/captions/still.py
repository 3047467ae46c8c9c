"""Static view of live captions for places without a kernel: saved notebooks, web pages and terminals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from soniox_ds._display import clock, render
from soniox_ds.live.transcript import LiveToken, Segment

__all__ = ["still_html", "still_text"]


def still_text(heading: str, segments: Sequence[Segment]) -> str:
    """Return the captions as plain text, for terminals.

    >>> from soniox_ds.live.transcript import LiveToken
    >>> print(still_text("Microphone", [Segment(tokens=(LiveToken(text="Hi", start_ms=900, speaker="1"),))]))
    Microphone
      0:00 speaker 1: Hi
    """
    lines = [heading]
    many = _has_many_languages(segments)
    for segment in segments:
        language, target = _languages(segment.tokens), _languages(segment.translations)
        speaker = f" speaker {segment.speaker}:" if segment.speaker else ""
        said = f"[{language}] {segment.text}" if many and language else segment.text
        lines.append(f"  {clock(segment.start_ms)}{speaker} {said}")
        if segment.translation:
            lines.append(f"       → {f'[{target}] ' if many and target else ''}{segment.translation}")
    return "\n".join(lines)


def still_html(heading: str, segments: Sequence[Segment]) -> str:
    """Return the captions as static HTML, for saved notebooks.

    >>> from soniox_ds.live.transcript import LiveToken
    >>> "&lt;b&gt;" in still_html("Microphone", [Segment(tokens=(LiveToken(text="<b>"),))])
    True
    """
    return render(
        "widgets/captions/still.html.j2",
        heading=heading,
        segments=[
            {
                "start_ms": segment.start_ms,
                "speaker": segment.speaker,
                "language": _languages(segment.tokens),
                "text": segment.text,
                "target_language": _languages(segment.translations),
                "translation": segment.translation,
            }
            for segment in segments
        ],
        has_translations=any(segment.translation for segment in segments),
        has_many_languages=_has_many_languages(segments),
    )


def _languages(tokens: Iterable[LiveToken]) -> str:
    """Return the languages of some tokens, such as "en" or "en, es"."""
    return ", ".join(dict.fromkeys(token.language for token in tokens if token.language))


def _has_many_languages(segments: Iterable[Segment]) -> bool:
    tokens = (token for segment in segments for token in (*segment.tokens, *segment.translations))
    return len({token.language for token in tokens if token.language}) > 1
