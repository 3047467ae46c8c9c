"""Display of a corpus in notebooks and in plain text.

Conventions: the HTML (``repr.html.j2``) loads nothing from elsewhere. Colours are inherited or half transparent, so
that light and dark themes are both readable. Transcripts are isolated, so that a transcript written from right to left
does not reverse the line.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from soniox_ds._display import duration_text, isolated, render, visible, without_direction_marks
from soniox_ds.api.prices import price_text
from soniox_ds.corpus.tables import CorpusTables

__all__ = ["N_ROWS", "html", "plain"]

N_ROWS = 5
"""Number of completed recordings whose text is shown."""

_FAILURES = 5
_SNIPPET = 90
_LOCAL = "local stand-in, not a Soniox transcript"


def plain(corpus: CorpusTables, *, n_tokens: int | None, name: str = "Corpus", n_parts: int | None = None) -> str:
    """Return a summary in a few lines: counts, hours, cost, service, failures by type, and the first rows.

    The number of tokens is left out if it is None.

    >>> import pandas as pd
    >>> from soniox_ds.corpus.corpus import Corpus
    >>> recordings = {"audio_id": ["a.wav"], "status": ["completed"], "text": ["Hi"], "duration_ms": [5400]}
    >>> print(plain(Corpus(pd.DataFrame(recordings)), n_tokens=0))
    Corpus: 1 recording, 1 completed · 5.4 s of audio · 0 tokens
      a.wav  5.4 s  Hi
    """
    lines = [f"{_line(name)}: " + " · ".join(_facts(corpus, n_tokens, n_parts))]
    if services := _services(corpus):
        lines.append("  service: " + ", ".join(service["text"] for service in services))
    for kind, count, message in _failures(corpus):
        lines.append(f"  failed: {count} × {kind}: {message}")
    for audio_id, duration, text in _first_rows(corpus):
        lines.append("  " + "  ".join(part for part in (isolated(audio_id), duration, isolated(text)) if part))
    if (more := int((corpus.recordings["status"] == "completed").sum()) - N_ROWS) > 0:
        lines.append(f"  … and {more:,} more")
    return "\n".join(lines)


def html(corpus: CorpusTables, *, n_tokens: int | None, name: str = "Corpus", n_parts: int | None = None) -> str:
    """Return the same summary as a fragment of HTML.

    >>> import pandas as pd
    >>> from soniox_ds.corpus.corpus import Corpus
    >>> recordings = {"audio_id": ["<b>.wav"], "status": ["completed"], "text": ["<i>"]}
    >>> shown = html(Corpus(pd.DataFrame(recordings)), n_tokens=0)
    >>> "&lt;b&gt;.wav" in shown, "<i>" in shown
    (True, False)
    """
    rows, n_completed = _first_rows(corpus), int((corpus.recordings["status"] == "completed").sum())
    title = f"the first {len(rows)} of {n_completed:,} completed" if n_completed > len(rows) else "completed"
    return render(
        "corpus/repr.html.j2",
        name=name,
        facts=_facts(corpus, n_tokens, n_parts),
        services=_services(corpus),
        failures=_failures(corpus),
        rows=rows,
        title=title,
    )


def _facts(corpus: CorpusTables, n_tokens: int | None, n_parts: int | None) -> list[str]:
    recordings = corpus.recordings
    completed = recordings["status"] == "completed"
    done, failed = int(completed.sum()), int((~completed).sum())
    counts = f"{len(recordings):,} recording{'' if len(recordings) == 1 else 's'}, {done:,} completed"
    facts = [counts + (f", {failed:,} failed" if failed else "")]
    audio = duration_text(corpus.hours * 3_600_000) + " of audio"
    unknown = int(recordings.loc[completed, "duration_ms"].isna().sum())
    facts.append(audio + (f" (duration of {unknown:,} unknown)" if unknown else ""))
    for count, unit in ((n_tokens, "token"), (n_parts, "part")):
        if count is not None:
            facts.append(f"{count:,} {unit}{'' if count == 1 else 's'}")
    if not math.isnan(corpus.cost_usd):
        facts.append(price_text(corpus.cost_usd))
    if recordings["charged_usd"].notna().any():
        facts.append(f"${recordings['charged_usd'].sum():,.4f} charged")
    if warned := int(recordings["warnings"].notna().sum()):
        facts.append(f"{warned:,} with warnings")
    return facts


def _services(corpus: CorpusTables) -> list[dict[str, Any]]:
    """Return the services and their models, each as its text and whether it is the stand-in."""
    pairs = corpus.recordings[["service", "model"]].drop_duplicates().dropna(subset="service")
    services = []
    for service, model in pairs.itertuples(index=False):
        is_stand_in = service == "local"
        text = f"{service} ({_LOCAL})" if is_stand_in else str(service)
        text += f", model {model}" if isinstance(model, str) else ""
        services.append({"text": _line(text), "is_stand_in": is_stand_in})
    return services


def _failures(corpus: CorpusTables) -> list[tuple[str, int, str]]:
    """Return the most frequent error types, each with its count and its first message."""
    failed = corpus.recordings[corpus.recordings["status"] == "failed"]
    kinds = failed["error_type"].fillna("unknown")
    failures = []
    for kind, count in kinds.value_counts().head(_FAILURES).items():
        messages = failed.loc[kinds == kind, "error_message"].dropna()
        failures.append((_line(str(kind)), int(count), _short(messages.iloc[0] if len(messages) else "no message")))
    if (rest := kinds.nunique() - _FAILURES) > 0:
        failures.append(
            ("other reasons", int(len(kinds) - sum(count for _, count, _ in failures)), f"{rest} more error types")
        )
    return failures


def _first_rows(corpus: CorpusTables) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    done = corpus.recordings[corpus.recordings["status"] == "completed"].head(N_ROWS)
    for audio_id, duration_ms, text in done[["audio_id", "duration_ms", "text"]].itertuples(index=False):
        duration = "" if pd.isna(duration_ms) else duration_text(float(duration_ms))
        rows.append((_line(audio_id), duration, _short(text) if isinstance(text, str) else ""))
    return rows


def _short(text: str) -> str:
    line = _line(text)
    return line if len(line) <= _SNIPPET else line[: _SNIPPET - 1].rstrip() + "…"


def _line(text: str) -> str:
    return without_direction_marks(visible(text))
