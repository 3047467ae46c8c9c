"""Sections of the report about accuracy, each as (id, heading, HTML) or None."""

from __future__ import annotations

from typing import Any

import pandas as pd

from soniox_ds import plot
from soniox_ds.metrics.confidence.calibration import calibration, reliability
from soniox_ds.metrics.confidence.roc import roc
from soniox_ds.metrics.words.confusions import confusions
from soniox_ds.reports.elements import Section, facts, note, percent, table
from soniox_ds.reports.figures import figure
from soniox_ds.reports.findings import Findings
from soniox_ds.review_queue.flagging import review_curve
from soniox_ds.show.markup import clock, isolated, known

__all__ = ["confidence", "errors"]

_CONFUSIONS = 12
_LONGEST = 24  # most groups in one figure


def errors(found: Findings) -> Section | None:
    """Write the word errors, overall and by the metadata columns, and the most frequent confusions."""
    if found.overall is None or found.alignments is None:
        return None
    parts = [_summary_table(found.overall, [], "All recordings")]
    rate: Any = found.overall["wer"].iloc[0]
    for place, (name, summary) in enumerate(found.groups.items()):
        parts.append(f"<h3>By {isolated(name)}</h3>")
        if summary["wer"].notna().any() and len(summary) <= _LONGEST:
            parts.append(
                figure(
                    lambda ax, summary=summary: plot.error_summary(  # type: ignore[misc]  # bound, not typed
                        summary, overall=float(rate) if known(rate) else None, ax=ax
                    ),
                    name=f"wer{place}",
                    alt=f"Word error rate by {name}, with intervals; the numbers are in the table.",
                    width=8.5,
                    height=1.2 + 0.34 * len(summary),
                )
            )
        parts.append(_summary_table(summary, [name], ""))
    mistaken = confusions(found.alignments if found.mistaken is None else found.mistaken)
    if len(mistaken):
        rows = [
            (
                *(row[name] for name in ("operation", "reference", "hypothesis")),
                int(row["count"]),
                row["audio_id"],
                clock(row["start_ms"]),
                row["example"],
            )
            for row in mistaken.head(_CONFUSIONS).to_dict("records")
        ]
        head = ("kind", "said", "heard", "times", "for example in", "at", "said → heard")
        title = f"The most frequent errors: {min(_CONFUSIONS, len(mistaken))} of {len(mistaken):,} kinds"
        if found.mistaken is not None:
            title += "; differences of formatting alone are left out where the language is known"
        parts.append("<h3>What was mistaken for what</h3>" + table(head, rows, caption=title, numeric=(3,)))
    return "errors", "Word errors", "".join(parts)


def confidence(found: Findings) -> Section | None:
    """Write the calibration of the confidences, or without references their distribution."""
    words = found.words
    known_words = words.dropna(subset=["confidence"])
    if known_words.empty:
        return None
    if found.alignments is None or found.alignments["confidence"].isna().all():
        return "confidence", "Confidence", _least_sure(words)
    row: Any = calibration(found.alignments).iloc[0]
    figures = [
        ("words with a confidence", int(row["n"])),
        ("share that is right", percent(row["accuracy"])),
        ("mean confidence", percent(row["confidence_mean"])),
        ("calibration error (ECE)", percent(row["ece"], row["ece_low"], row["ece_high"])),
        *([("interval of the ECE", f"none: {row['note']}")] if known(row["note"]) else []),
        ("ECE by chance alone", percent(row["ece_by_chance"])),
        ("Brier score", _number(row["brier"])),
        ("normalised cross entropy", _number(row["nce"])),
        ("area under the ROC curve of errors", _number(row["auc"])),
    ]
    parts = [
        note(
            "Deleted words have no confidence and are not part of these figures. If the calibration error is close to "
            "the one by chance alone, the confidences can be taken as probabilities."
        ),
        facts(figures),
    ]
    bins = reliability(found.alignments, bins=10)
    parts.append(
        figure(
            lambda ax: plot.reliability(bins, ax=ax),
            name="reliability",
            alt="How often words of each confidence are right; hollow marks have no interval.",
            width=5,
            height=5.2,
        )
    )
    if 0 < int(row["errors"]) < int(row["n"]):
        curve_of_flags = roc(found.alignments)
        parts.append(
            figure(
                lambda ax: plot.roc(curve_of_flags, ax=ax),
                name="roc",
                alt="Share of the wrong words flagged against share of the right ones, for every threshold (ROC).",
                width=5,
                height=5.2,
            )
        )
    timed = words[["start_ms", "end_ms"]].notna().all(axis=1).any()
    if int(row["errors"]) and timed:
        curve = review_curve(words, found.alignments)
        parts.append(
            figure(
                lambda ax: plot.review_curve(curve, ax=ax),
                name="review",
                alt="Share of the wrong words found against the audio heard, least confident words first.",
                width=6,
                height=3.8,
            )
        )
    return "confidence", "Confidence", "".join(parts)


def _least_sure(words: pd.DataFrame) -> str:
    """Plot the confidence over time of the recording with the lowest mean."""
    means = words.groupby("audio_id", observed=True)["confidence"].agg(["mean", "count"]).dropna()
    audio_id = str(means["mean"].astype("Float64").idxmin())
    own = words[(words["audio_id"] == audio_id).to_numpy(bool)]
    said = note("Without references nobody knows which words are wrong. This is the recording with the lowest mean.")
    if own[["start_ms", "end_ms", "confidence"]].isna().any(axis=1).all():
        return said + table(
            ("recording", "mean confidence"), [(audio_id, _number(own["confidence"].mean()))], numeric=(1,)
        )
    return said + figure(
        lambda ax: plot.confidence(own, ax=ax),
        name="confidence",
        alt=f"Confidence of the words of {audio_id} over time.",
        width=9,
        height=3,
    )


def _summary_table(summary: pd.DataFrame, columns: list[str], caption: str) -> str:
    apart = [name for name in ("failed", "missing") if summary[name].any()]  # left out if all are scored
    neutral = ["neutral_wer"] if summary["neutral_wer"].notna().any() else []
    rates = ["word error rate", *("formatting-neutral" for _ in neutral)]
    head = (*columns, *rates, "recordings", *apart, "words", "S", "D", "I", "blocks", "remark")
    rows = [
        (
            *(_named(row[name]) for name in columns),
            percent(row["wer"], row["wer_low"], row["wer_high"]),
            *(percent(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in neutral),
            *(int(row[name]) for name in ("recordings", *apart, "reference_words")),
            *(int(row[name]) for name in ("substitutions", "deletions", "insertions", "blocks")),
            row["note"] if known(row["note"]) else "",
        )
        for row in summary.to_dict("records")
    ]
    first = len(columns)
    return table(head, rows, caption=caption, numeric=range(first, first + 7 + len(neutral) + len(apart)))


def _named(value: Any) -> str:
    return str(value) if known(value) else "not known"


def _number(value: Any) -> str:
    return f"{float(value):.3f}" if known(value) else "–"
