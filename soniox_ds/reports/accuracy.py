"""Sections of the report about accuracy: word errors and confidence."""

from __future__ import annotations

from typing import Any

import pandas as pd

from soniox_ds import plot
from soniox_ds._display import clock, known, number_text
from soniox_ds.metrics.confidence.calibration import calibration, reliability
from soniox_ds.metrics.confidence.roc import roc
from soniox_ds.metrics.words.confusions import confusions
from soniox_ds.reports.figures import figure
from soniox_ds.reports.findings import Findings
from soniox_ds.reports.tables import Fact, Section, Table, percent, remarks
from soniox_ds.review_queue.flagging import review_curve

__all__ = ["confidence", "errors"]

_CONFUSIONS = 12
_LONGEST = 24  # groups in one figure
_COUNTS = ("substitutions", "deletions", "insertions")


def errors(findings: Findings) -> Section | None:
    """Return the word errors, overall and by the metadata columns, and the most frequent confusions."""
    if findings.overall is None or findings.alignments is None:
        return None
    rate: Any = findings.overall["wer"].iloc[0]
    groups = []
    for number, (name, summary) in enumerate(findings.groups.items()):
        drawing = None
        if summary["wer"].notna().any() and len(summary) <= _LONGEST:
            drawing = figure(
                lambda ax, summary=summary: plot.error_summary(  # type: ignore[misc]  # bound, not typed
                    summary, overall=float(rate) if known(rate) else None, ax=ax
                ),
                name=f"wer{number}",
                alt=f"Word error rate by {name}, with intervals; the numbers are in the table.",
                width=8.5,
                height=1.2 + 0.34 * len(summary),
            )
        groups.append({"name": name, "figure": drawing, "table": _summary_table(summary, [name], "")})
    return {
        "overall": _summary_table(findings.overall, [], "All recordings"),
        "groups": groups,
        "confusions": _confusions(findings),
    }


def _confusions(findings: Findings) -> Table | None:
    alignments = findings.alignments if findings.neutral_alignments is None else findings.neutral_alignments
    assert alignments is not None
    table = confusions(alignments)
    if table.empty:
        return None
    rows = [
        (
            *(row[name] for name in ("operation", "reference", "hypothesis")),
            int(row["count"]),
            row["audio_id"],
            clock(row["start_ms"]),
            row["example"],
        )
        for row in table.head(_CONFUSIONS).to_dict("records")
    ]
    head = ("kind", "said", "heard", "times", "for example in", "at", "said → heard")
    caption = f"The most frequent errors: {len(rows)} of {len(table):,} different errors"
    if findings.neutral_alignments is not None:
        caption += "; differences of formatting alone are left out where the language is known"
    return Table(head, rows, caption, numeric=(3,))


def confidence(findings: Findings) -> Section | None:
    """Return the calibration of the confidences, or without references their course in one recording."""
    words = findings.words
    if words["confidence"].isna().all():
        return None
    if findings.alignments is None or findings.alignments["confidence"].isna().all():
        return {"least_sure": _least_sure(words)}
    row: Any = calibration(findings.alignments).iloc[0]
    facts = [
        Fact("words with a confidence", int(row["n"])),
        Fact("share that is right", percent(row["accuracy"])),
        Fact("mean confidence", percent(row["confidence_mean"])),
        Fact("calibration error (ECE)", percent(row["ece"], row["ece_low"], row["ece_high"])),
        *([Fact("interval of the ECE", f"none: {row['note']}")] if known(row["note"]) else []),
        Fact("ECE by chance alone", percent(row["ece_by_chance"])),
        Fact("Brier score", number_text(row["brier"], ".3f")),
        Fact("normalised cross entropy", number_text(row["nce"], ".3f")),
        Fact("area under the ROC curve of errors", number_text(row["auc"], ".3f")),
    ]
    bins = reliability(findings.alignments, bins=10)
    figures = [
        figure(
            lambda ax: plot.reliability(bins, ax=ax),
            name="reliability",
            alt="How often words of each confidence are right; hollow marks have no interval.",
            width=5,
            height=5.2,
        )
    ]
    if 0 < int(row["errors"]) < int(row["n"]):
        roc_curve = roc(findings.alignments)
        figures.append(
            figure(
                lambda ax: plot.roc(roc_curve, ax=ax),
                name="roc",
                alt="Share of the wrong words flagged against share of the right ones, for every threshold (ROC).",
                width=5,
                height=5.2,
            )
        )
    if int(row["errors"]) and words[["start_ms", "end_ms"]].notna().all(axis=1).any():
        curve = review_curve(words, findings.alignments)
        figures.append(
            figure(
                lambda ax: plot.review_curve(curve, ax=ax),
                name="review",
                alt="Share of the wrong words found against the audio listened to, least confident words first.",
                width=6,
                height=3.8,
            )
        )
    return {"least_sure": None, "facts": facts, "figures": figures}


def _least_sure(words: pd.DataFrame) -> dict[str, Any]:
    """Return the confidence over time of the recording with the lowest mean, or only the mean if it has no times."""
    means = words.groupby("audio_id", observed=True)["confidence"].agg(["mean", "count"]).dropna()
    audio_id = str(means["mean"].astype("Float64").idxmin())
    words = words[(words["audio_id"] == audio_id).to_numpy(bool)]
    if words[["start_ms", "end_ms", "confidence"]].isna().any(axis=1).all():
        rows = [(audio_id, number_text(words["confidence"].mean(), ".3f"))]
        return {"figure": None, "table": Table(("recording", "mean confidence"), rows, numeric=(1,))}
    drawing = figure(
        lambda ax: plot.confidence(words, ax=ax),
        name="confidence",
        alt=f"Confidence of the words of {audio_id} over time.",
        width=9,
        height=3,
    )
    return {"figure": drawing}


def _summary_table(summary: pd.DataFrame, columns: list[str], caption: str) -> Table:
    not_scored = [name for name in ("failed", "missing") if summary[name].any()]  # left out if all are scored
    neutral = ["neutral_wer"] if summary["neutral_wer"].notna().any() else []
    rates = ["word error rate", *("formatting-neutral" for _ in neutral)]
    head = (*columns, *rates, "recordings", *not_scored, "words", *_COUNTS, "blocks")
    rows = [
        (
            *(str(row[name]) if known(row[name]) else "not known" for name in columns),
            percent(row["wer"], row["wer_low"], row["wer_high"]),
            *(percent(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in neutral),
            *(int(row[name]) for name in ("recordings", *not_scored, "reference_words")),
            *(int(row[name]) for name in (*_COUNTS, "blocks")),
        )
        for row in summary.to_dict("records")
    ]
    first = len(columns)
    numeric = range(first, first + 7 + len(neutral) + len(not_scored))
    return Table(head, rows, caption, numeric, remarks(summary.to_dict("records"), *columns))
