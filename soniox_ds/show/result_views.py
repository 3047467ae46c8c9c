"""Views of the main results in a notebook: summaries, comparisons, calibration, latencies, segments, translations.

Conventions: a table is recognised by its columns (`schema.TABLES`). Columns to the left of the table's own columns are
groups, and come first in the view. Other additional columns come last. Columns without any value, and counts such as
failures that are 0 everywhere, are left out. Shares are in per cent, differences of shares in percentage points. A bar
only repeats the number beside it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from soniox_ds._display import clock, duration_text, known, number_text, render
from soniox_ds._display.colours import speaker_colours
from soniox_ds.schema import SEGMENTS, TABLES, TRANSLATION_PAIRS

__all__ = ["result_html"]

MOST_ROWS = 60
"""Number of rows that a view shows at most."""

# Heading and unit of each rate that may have an interval. Units: a share, a difference of shares in percentage points,
# milliseconds, a number, or the difference of two numbers.
_RATES = {
    "wer": ("WER", "share"),
    "neutral_wer": ("WER without formatting", "share"),
    "cer": ("CER", "share"),
    "per": ("punctuation error rate", "share"),
    "case_error_rate": ("wrong capitals", "share"),
    "error_rate": ("language error rate", "share"),
    "precision": ("precision", "share"),
    "recall": ("recall", "share"),
    "f1": ("F1", "share"),
    "der": ("DER", "share"),
    "jer": ("JER", "share"),
    "cpwer": ("cpWER", "share"),
    "tcpwer": ("tcpWER", "share"),
    "wder": ("WDER", "share"),
    "false_hits_per_hour": ("false hits per hour", "number"),
    "upwr": ("unstable words", "share"),
    "normalized_erasure": ("erased words per final word", "number"),
    "p50_ms": ("median", "ms"),
    "p95_ms": ("95th percentile", "ms"),
    "p99_ms": ("99th percentile", "ms"),
    "ece": ("ECE", "share"),
    "accuracy": ("accuracy", "share"),
    "score": ("score", "number"),
    "difference": ("difference", "points"),
    "neutral_difference": ("difference without formatting", "points"),
    "wer_difference": ("difference in WER", "points"),
}

# Heading and format of each other column that a view may show. A text has no format, and "duration" writes hours as a
# duration.
_COLUMNS = {
    "recordings": ("recordings", ",.0f"),
    "failed": ("failed", ",.0f"),
    "missing": ("missing", ",.0f"),
    "only_a": ("only in a", ",.0f"),
    "only_b": ("only in b", ",.0f"),
    "reference_words": ("words", ",.0f"),
    "reference_characters": ("characters", ",.0f"),
    "reference_marks": ("marks", ",.0f"),
    "reference_count": ("occurrences", ",.0f"),
    "occurrences": ("occurrences", ",.0f"),
    "reference_switches": ("switches", ",.0f"),
    "n": ("words", ",.0f"),
    "errors": ("wrong words", ",.0f"),
    "terms": ("terms", ",.0f"),
    "texts": ("texts", ",.0f"),
    "count": ("values", ",.0f"),
    "updates": ("updates", ",.0f"),
    "final_words": ("words", ",.0f"),
    "segments": ("segments", ",.0f"),
    "hours": ("audio", "duration"),
    "wer_a": ("WER of a", ".1%"),
    "wer_b": ("WER of b", ".1%"),
    "cer_a": ("CER of a", ".1%"),
    "cer_b": ("CER of b", ".1%"),
    "recall_a": ("recall of a", ".1%"),
    "recall_b": ("recall of b", ".1%"),
    "score_a": ("score of a", ".1f"),
    "score_b": ("score of b", ".1f"),
    "p": ("p", ".3f"),
    "p_holm": ("p (Holm)", ".3f"),
    "mapsswe_p": ("p (MAPSSWE)", ".3f"),
    "accuracy": ("accuracy", ".1%"),
    "confidence_mean": ("mean confidence", ".1%"),
    "brier": ("Brier", ".3f"),
    "nce": ("NCE", ".3f"),
    "auc": ("AUC", ".3f"),
    "low": ("from", ".2f"),
    "high": ("to", ".2f"),
    "words_per_segment": ("words per segment", ".1f"),
    "first_token_p50_ms": ("first token, median (ms)", ",.0f"),
    "finalization_lag_p50_ms": ("final, median (ms)", ",.0f"),
    "finalization_lag_p95_ms": ("final, 95th percentile (ms)", ",.0f"),
    "cost_usd": ("cost (USD)", ",.4f"),
    "charged_usd": ("charged (USD)", ",.4f"),
    "turnaround_s": ("turnaround (s)", ",.1f"),
    "changed": ("texts changed", ".0%"),
    "effect": ("effect", ""),
}

_METHODS = {
    "studentized": "studentized bootstrap",
    "percentile": "percentile bootstrap",
    "cr2": "t with the CR2 variance",
    "jackknife": "t with the jackknife variance",
}


class _View(NamedTuple):
    """The columns that the view of a table shows: names that identify a row, rates with intervals, and others."""

    rates: tuple[str, ...]
    others: tuple[str, ...]
    names: tuple[str, ...] = ()
    """Columns that identify a row beside its groups, such as the two arms of a comparison."""


_RECORDING_COUNTS = ("recordings", "failed", "missing")
_SWEEP_COLUMNS = (
    "recordings",
    "failed",
    "segments",
    "words_per_segment",
    "first_token_p50_ms",
    "finalization_lag_p50_ms",
)
_VIEWS = {
    "error_summary": _View(("wer", "neutral_wer"), (*_RECORDING_COUNTS, "reference_words", "hours")),
    "character_error_summary": _View(("cer",), (*_RECORDING_COUNTS, "reference_characters", "hours")),
    "punctuation_error_summary": _View(("per", "case_error_rate"), (*_RECORDING_COUNTS, "reference_marks", "hours")),
    "language_summary": _View(("error_rate",), _RECORDING_COUNTS),
    "language_switch_summary": _View(("f1", "precision", "recall"), ("reference_switches", "failed", "missing")),
    "language_word_error_summary": _View(
        ("wer",), ("recordings", "reference_words"), ("reference_language", "language_status")
    ),
    "diarization_summary": _View(("der", "jer"), _RECORDING_COUNTS),
    "speaker_word_summary": _View(("cpwer", "tcpwer", "wder"), (*_RECORDING_COUNTS, "reference_words")),
    "term_summary": _View(
        ("f1", "precision", "recall", "false_hits_per_hour"), ("terms", "reference_count", *_RECORDING_COUNTS, "hours")
    ),
    "live_stability_summary": _View(("upwr", "normalized_erasure"), ("recordings", "failed", "final_words", "updates")),
    "live_latency_summary": _View(("p50_ms", "p95_ms", "p99_ms"), ("count", "recordings", "failed"), ("measure",)),
    "calibration": _View(("ece",), ("n", "errors", "accuracy", "confidence_mean", "brier", "nce", "auc")),
    "reliability": _View(("accuracy",), ("n", "confidence_mean"), ("low", "high")),
    "error_comparison": _View(
        ("difference", "neutral_difference"),
        ("p_holm", "mapsswe_p", "recordings", "reference_words"),
        ("a", "b", "wer_a", "wer_b"),
    ),
    "character_error_comparison": _View(
        ("difference",), ("p_holm", "recordings", "reference_characters"), ("a", "b", "cer_a", "cer_b")
    ),
    "term_comparison": _View(
        ("difference",), ("p_holm", "occurrences", "only_a", "only_b", "recordings"), ("recall_a", "recall_b")
    ),
    "translation_scores": _View(("score",), ("texts", "missing"), ("metric",)),
    "translation_comparison": _View(("difference",), ("p", "texts"), ("metric", "score_a", "score_b")),
    "endpoint_sweep": _View(
        ("wer", "wer_difference"), (*_SWEEP_COLUMNS, "finalization_lag_p95_ms", "cost_usd"), ("setting",)
    ),
}
_P_VALUES = ("p", "p_holm", "mapsswe_p")
_SCORE_COMPARISONS = ("translation_comparison",)
"""Tables whose differences are differences of numbers, not of shares."""


class _Cell(NamedTuple):
    """A cell: its text, whether it is a number, and the bar beside it."""

    text: str
    is_number: bool = False
    bar: dict[str, float] | None = None


def result_html(table: pd.DataFrame) -> str | None:
    """Return the view of a result in HTML; None if the table has no view or lacks some of its columns."""
    columns = set(table.columns)
    if not table.columns.is_unique:
        return None
    if set(SEGMENTS) <= columns:
        return _segments_html(table)
    if set(TRANSLATION_PAIRS) <= columns:
        return _translations_html(table)
    complete = [name for name in _VIEWS if set(TABLES[name]) <= columns]
    if not complete:
        return None
    return _rates_html(table, max(complete, key=lambda name: len(TABLES[name])))


def _rates_html(table: pd.DataFrame, kind: str) -> str:
    view, of_kind = _VIEWS[kind], TABLES[kind]
    names = [str(name) for name in table.columns]
    first = min(names.index(name) for name in of_kind)
    groups = names[:first]
    rates = [name for name in view.rates if table[name].notna().any() or name == view.rates[0]]
    further = [name for name in names[first:] if name not in of_kind and name in _COLUMNS]
    others = [name for name in (*view.others, *further) if _has_values(table, name)]
    scales = {name: _scale(table, name) for name in rates}
    shown = table.head(MOST_ROWS)
    notes = list(table["note"].dropna().unique()) if "note" in of_kind else []
    is_shared = len(notes) == 1 and table["note"].notna().all()
    rows = []
    for _, row in shown.iterrows():
        cells = [_Cell(_text(row[name])) for name in groups]
        cells += [_plain_cell(row, name) for name in view.names]
        cells += [_rate_cell(row, name, _unit(name, kind), scales[name]) for name in rates]
        cells += [_plain_cell(row, name) for name in others]
        rows.append({"cells": cells, "note": row["note"] if notes and not is_shared else None})
    heads = [(name, False) for name in groups]
    heads += [_head(name) for name in view.names]
    heads += [(_RATES[name][0], False) for name in rates]
    heads += [_head(name) for name in others]
    return render(
        "show/templates/result_table.html.j2",
        heads=heads,
        rows=rows,
        n_left_out=len(table) - len(shown),
        note=notes[0] if is_shared else None,
        explanation=_explanation(table),
        n_columns=len(names),
    )


def _has_values(table: pd.DataFrame, name: str) -> bool:
    """Return False if a column has no values, or is a count such as failures that is 0 everywhere."""
    values = table[name].dropna()
    return len(values) > 0 and not (name in ("failed", "missing", "only_a", "only_b") and (values == 0).all())


def _head(name: str) -> tuple[str, bool]:
    """Return the heading of a column, and True if the column holds numbers."""
    head, pattern = _COLUMNS.get(name, (name.replace("_", " "), ""))
    return head, pattern != ""


def _plain_cell(row: Any, name: str) -> _Cell:
    value = row[name]
    pattern = _COLUMNS[name][1] if name in _COLUMNS else ""
    if not pattern:
        return _Cell(_text(value))
    if pattern == "duration":
        return _Cell(duration_text(3_600_000 * float(value)) if known(value) else "–", is_number=True)
    if name in _P_VALUES and known(value) and value < 0.001:
        return _Cell("< 0.001", is_number=True)
    return _Cell(number_text(value, pattern).replace("-", "\N{MINUS SIGN}"), is_number=True)


def _text(value: Any) -> str:
    return str(value) if known(value) else "not known"


def _unit(name: str, kind: str) -> str:
    return "score difference" if kind in _SCORE_COMPARISONS else _RATES[name][1]


_FACTORS = {"share": 100.0, "points": 100.0}
_FORMATS = {
    "share": "{:.1f}%",
    "points": "{:+.1f}",
    "ms": "{:,.0f} ms",
    "number": "{:,.2f}",
    "score difference": "{:+.1f}",
}


def _rate_cell(row: Any, name: str, unit: str, scale: tuple[float, float]) -> _Cell:
    """Return a rate with its interval, and a bar on the scale of its column."""
    value, low, high = (row.get(column) for column in (name, f"{name}_low", f"{name}_high"))
    if not known(value):
        return _Cell("–")

    def written(number: Any) -> str:
        return _FORMATS[unit].format(_FACTORS.get(unit, 1.0) * float(number)).replace("-", "\N{MINUS SIGN}")

    has_interval = known(low) and known(high)
    text = written(value)
    if has_interval:
        text += f" [{written(low).removesuffix(' ms')}, {written(high)}]"
    start, end = scale
    place = {"value": float(value), "zero": 0.0}
    if has_interval:
        place |= {"low": float(low), "high": float(high)}
    bar = {key: round(100 * min(max((number - start) / (end - start), 0.0), 1.0), 1) for key, number in place.items()}
    return _Cell(text, bar=bar)


def _scale(table: pd.DataFrame, name: str) -> tuple[float, float]:
    """Return the values at the left and the right end of the bars of a column.

    The bars begin at 0, or are symmetric about 0 for differences and negative values. They end at the largest value or
    bound, but at most at three times the largest value, so that one wide interval does not hide the others.
    """
    columns = [column for column in (name, f"{name}_low", f"{name}_high") if column in table]
    numbers = table[columns].astype("Float64")
    largest = float(numbers[name].abs().max()) if numbers[name].notna().any() else 0.0
    bounds = numbers.to_numpy("float64", na_value=0.0)
    end = min(float(abs(bounds).max(initial=0.0)), 3 * largest) or 1.0
    return (-end, end) if (bounds < 0).any() or "difference" in name else (0.0, end)


def _explanation(table: pd.DataFrame) -> list[str]:
    """Return facts that hold for all rows: the level and method of the intervals, the blocks, and the normaliser."""
    facts = []
    levels = _values(table, "ci")
    if len(levels) == 1:
        methods, blocks = _values(table, "method"), _values(table, "block")
        fact = f"{float(levels[0]):.0%} intervals"
        fact += f" ({_METHODS.get(methods[0], methods[0])})" if len(methods) == 1 else ""
        fact += f" over {'recordings' if blocks[0] == 'audio_id' else blocks[0]}" if len(blocks) == 1 else ""
        facts.append(fact)
    normalizers = _values(table, "normalizer")
    if len(normalizers) == 1:
        facts.append(f"normaliser {normalizers[0]}")
    return facts


def _values(table: pd.DataFrame, name: str) -> list[Any]:
    return list(table[name].dropna().unique()) if name in table else []


def _segments_html(table: pd.DataFrame) -> str:
    """Show segments: times, speakers with colours, and whole texts, one recording after the other."""
    shown = table.head(MOST_ROWS)
    colours = speaker_colours(table["speaker"].dropna().unique())
    is_shown = {name: _is_varied(table, name) for name in ("language", "channel", "translation_status")}
    groups: list[dict[str, Any]] = []
    for row in shown.itertuples(index=False):
        if not groups or groups[-1]["audio_id"] != row.audio_id:
            groups.append({"audio_id": row.audio_id, "segments": []})
        marks = [
            str(getattr(row, name)) for name, is_varied in is_shown.items() if is_varied and known(getattr(row, name))
        ]
        groups[-1]["segments"].append(
            {
                "start": clock(row.start_ms),
                "end": clock(row.end_ms),
                "speaker": row.speaker if known(row.speaker) else None,
                "colour": colours.get(row.speaker) if known(row.speaker) else None,
                "marks": marks,
                "text": row.text,
                "confidence": number_text(row.confidence_mean, ".2f") if known(row.confidence_mean) else "",
            }
        )
    return render(
        "show/templates/segments.html.j2",
        groups=groups,
        n_left_out=len(table) - len(shown),
        has_speakers=bool(colours),
        n_columns=len(table.columns),
    )


def _translations_html(table: pd.DataFrame) -> str:
    """Show originals and translations side by side: times, speakers with colours, and whole texts."""
    shown = table.head(MOST_ROWS)
    colours = speaker_colours(table["speaker"].dropna().unique())
    groups: list[dict[str, Any]] = []
    for row in shown.itertuples(index=False):
        if not groups or groups[-1]["audio_id"] != row.audio_id:
            groups.append({"audio_id": row.audio_id, "pairs": []})
        groups[-1]["pairs"].append(
            {
                "start": clock(row.start_ms),
                "end": clock(row.end_ms),
                "speaker": row.speaker if known(row.speaker) else None,
                "colour": colours.get(row.speaker) if known(row.speaker) else None,
                "original": row.original if known(row.original) else "",
                "source_language": row.source_language if known(row.source_language) else None,
                "translation": row.translation if known(row.translation) else "",
                "language": row.language if known(row.language) else None,
            }
        )
    languages = [_values(table, name) for name in ("source_language", "language")]
    return render(
        "show/templates/translation_pairs.html.j2",
        groups=groups,
        is_varied=any(len(values) > 1 for values in languages),
        source_language=languages[0][0] if languages[0] else None,
        language=languages[1][0] if languages[1] else None,
        n_left_out=len(table) - len(shown),
        has_speakers=bool(colours),
        n_columns=len(table.columns),
    )


def _is_varied(table: pd.DataFrame, name: str) -> bool:
    return table[name].nunique(dropna=True) > 1
