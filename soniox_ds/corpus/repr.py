"""Display of a corpus in notebooks and in plain text.

Conventions: all text that comes from data is escaped. The HTML loads nothing from elsewhere. Colours are inherited or
half transparent, so that light and dark themes are both readable. Transcripts are isolated (``<bdi>``, or the isolate
characters of Unicode), so that a transcript written from right to left does not reverse the line.
"""

from __future__ import annotations

import math
import unicodedata
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from soniox_ds.api.prices import price_text

if TYPE_CHECKING:
    from soniox_ds.corpus.corpus import Corpus

__all__ = ["html", "plain"]

_ROWS = 5
_FAILURES = 5
_SNIPPET = 90
_TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
_LOCAL = "local stand-in, not a Soniox transcript"
_LINE = "1px solid rgba(128, 128, 128, 0.35)"
_CELL = f"text-align: left; padding: 0.2em 0.8em 0.2em 0; border-bottom: {_LINE}; vertical-align: top"


def plain(corpus: Corpus) -> str:
    """Return a summary in a few lines: counts, hours, cost, service, failures by type, and the first rows.

    >>> import pandas as pd
    >>> from soniox_ds.corpus.corpus import Corpus
    >>> recordings = {"audio_id": ["a.wav"], "status": ["completed"], "text": ["Hi"], "duration_ms": [5400]}
    >>> print(plain(Corpus(pd.DataFrame(recordings))))
    Corpus: 1 recording, 1 completed · 5.4 s of audio · 0 tokens
      a.wav  5.4 s  Hi
    """
    lines = ["Corpus: " + " · ".join(_facts(corpus))]
    if services := _services(corpus):
        lines.append("  service: " + ", ".join(services))
    for kind, count, message in _failures(corpus):
        lines.append(f"  failed: {count} × {kind}: {_short(message)}")
    for audio_id, duration, text in _first_rows(corpus):
        lines.append("  " + "  ".join(part for part in (_line(audio_id), duration, _isolated(text)) if part))
    if (more := len(corpus.completed) - _ROWS) > 0:
        lines.append(f"  … and {more:,} more")
    return "\n".join(lines)


def html(corpus: Corpus) -> str:
    """Return the same summary as a fragment of HTML.

    >>> import pandas as pd
    >>> from soniox_ds.corpus.corpus import Corpus
    >>> shown = html(Corpus(pd.DataFrame({"audio_id": ["<b>.wav"], "status": ["completed"], "text": ["<i>"]})))
    >>> "&lt;b&gt;.wav" in shown, "<i>" in shown
    (True, False)
    """
    facts = _facts(corpus)
    parts = [f"<p style='margin: 0 0 0.3em'><b>Corpus</b>: {escape(' · '.join(facts))}</p>"]
    if services := _services(corpus):
        plainly = [f"<b>{escape(name)}</b>" if _LOCAL in name else escape(name) for name in services]
        parts.append(f"<p style='margin: 0 0 0.3em'>service: {', '.join(plainly)}</p>")
    if failures := _failures(corpus):
        rows = "".join(
            f"<tr><td style='{_CELL}'>{count:,} × {escape(kind)}</td>"
            f"<td style='{_CELL}'><bdi>{escape(_short(message))}</bdi></td></tr>"
            for kind, count, message in failures
        )
        parts.append(_table("failed", ("why", "the first message"), rows))
    if first := _first_rows(corpus):
        rows = "".join(
            f"<tr><td style='{_CELL}'><bdi>{escape(_line(audio_id))}</bdi></td>"
            f"<td style='{_CELL}'>{escape(duration)}</td>"
            f"<td style='{_CELL}'><bdi>{escape(text)}</bdi></td></tr>"
            for audio_id, duration, text in first
        )
        count = len(corpus.completed)
        title = f"the first {len(first)} of {count:,} completed" if count > len(first) else "completed"
        parts.append(_table(title, ("audio_id", "duration", "transcript"), rows))
    return f"<div class='soniox-ds-corpus' style='color: inherit; background: none'>{''.join(parts)}</div>"


def _table(title: str, head: tuple[str, ...], rows: str) -> str:
    cells = "".join(f"<th scope='col' style='{_CELL}'>{name}</th>" for name in head)
    caption = f"<caption style='text-align: left; opacity: 0.75; caption-side: top'>{title}</caption>"
    style = "border-collapse: collapse; margin: 0.3em 0; color: inherit; background: none"
    return f"<table style='{style}'>{caption}<thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>"


def _facts(corpus: Corpus) -> list[str]:
    recordings = corpus.recordings
    completed = recordings["status"] == "completed"
    done, failed = int(completed.sum()), int((~completed).sum())
    counts = f"{len(recordings):,} recording{'' if len(recordings) == 1 else 's'}, {done:,} completed"
    facts = [counts + (f", {failed:,} failed" if failed else "")]
    audio = _duration(corpus.hours * 3600) + " of audio"
    unknown = int(recordings.loc[completed, "duration_ms"].isna().sum())
    facts.append(audio + (f" (duration of {unknown:,} unknown)" if unknown else ""))
    facts.append(f"{len(corpus.tokens):,} token{'' if len(corpus.tokens) == 1 else 's'}")
    if not math.isnan(corpus.cost_usd):
        facts.append(price_text(corpus.cost_usd))
    if warned := int(recordings["warnings"].notna().sum()):
        facts.append(f"{warned:,} with warnings")
    return facts


def _services(corpus: Corpus) -> list[str]:
    pairs = corpus.recordings[["service", "model"]].drop_duplicates().dropna(subset="service")
    named = []
    for service, model in pairs.itertuples(index=False):
        shown = f"{service} ({_LOCAL})" if service == "local" else str(service)
        named.append(_line(shown) + (f", model {_line(str(model))}" if isinstance(model, str) else ""))
    return named


def _failures(corpus: Corpus) -> list[tuple[str, int, str]]:
    """Return the most frequent error types, each with its count and its first message."""
    failed = corpus.recordings[corpus.recordings["status"] == "failed"]
    kinds = failed["error_type"].fillna("unknown")
    failures = []
    for kind, count in kinds.value_counts().head(_FAILURES).items():
        messages = failed.loc[kinds == kind, "error_message"].dropna()
        failures.append((_line(str(kind)), int(count), str(messages.iloc[0]) if len(messages) else "no message"))
    if (rest := kinds.nunique() - _FAILURES) > 0:
        failures.append(
            ("other reasons", int(len(kinds) - sum(count for _, count, _ in failures)), f"{rest} more error types")
        )
    return failures


def _first_rows(corpus: Corpus) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    done = corpus.recordings[corpus.recordings["status"] == "completed"].head(_ROWS)
    for audio_id, duration_ms, text in done[["audio_id", "duration_ms", "text"]].itertuples(index=False):
        duration = "" if pd.isna(duration_ms) else _duration(float(duration_ms) / 1000)
        rows.append((str(audio_id), duration, _short(text) if isinstance(text, str) else ""))
    return rows


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.1f} h"


def _short(text: str) -> str:
    line = _line(text)
    return line if len(line) <= _SNIPPET else line[: _SNIPPET - 1].rstrip() + "…"


def _isolated(text: str) -> str:
    """Return the text between isolate characters if any part of it is written from right to left."""
    return f"\u2068{text}\u2069" if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text) else text


def _line(text: str) -> str:
    """Return the text as one line, without control characters and characters that change the direction of writing."""
    seen = "".join("\ufffd" if unicodedata.category(char) == "Cc" and not char.isspace() else char for char in text)
    return " ".join("".join(char for char in seen if unicodedata.bidirectional(char) not in _TURNING).split())
