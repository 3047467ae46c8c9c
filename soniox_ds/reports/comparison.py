"""Section of the report about an experiment."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from soniox_ds import plot
from soniox_ds._display import clock, known, number_text
from soniox_ds.api.prices import price_text
from soniox_ds.experiments.other_arms import arm_text
from soniox_ds.reports.figures import figure
from soniox_ds.reports.tables import Section, Table, percent, remarks

if TYPE_CHECKING:
    import pandas as pd

    from soniox_ds.experiments.results import Comparison

__all__ = ["arms"]

_EXAMPLES = 6
"""Number of words of each arm that are shown as examples."""


def arms(comparison: Comparison, reference_turns: pd.DataFrame | None = None) -> Section:
    """Return each arm's error rate, its difference from the baseline, its terms, confidences and speakers."""
    summary, differences = comparison.summary, comparison.differences
    arms = summary.to_dict("records")
    neutral = ["neutral_wer"] if summary["neutral_wer"].notna().any() else []
    rates = [
        (
            row["arm"],
            percent(row["wer"], row["wer_low"], row["wer_high"]),
            *(percent(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in neutral),
            *(int(row[name]) for name in ("recordings", "failed", "reference_words")),
        )
        for row in arms
    ]
    head = ("arm", "word error rate", *("formatting-neutral" for _ in neutral), "recordings", "failed", "words")
    rate_figure = None
    if summary["wer"].notna().any():
        rate_figure = figure(
            lambda ax: plot.error_summary(summary, by="arm", ax=ax),
            name="rates",
            alt="Word error rate of each arm, with intervals; the numbers are in the table.",
            width=8.5,
            height=1.2 + 0.34 * len(summary),
        )
    drawing = None
    if differences["difference"].notna().any():
        drawing = figure(
            lambda ax: plot.error_comparison(differences, ax=ax),
            name="arms",
            alt="Differences from the baseline in percentage points, with intervals; filled marks are significant.",
            width=8.5,
            narrow=6.5,
            height=1.3 + 0.34 * len(differences),
        )
    name = "neutral_difference"
    without_formatting = [name] if differences[name].notna().any() else []
    tests = [
        (
            row["b"],
            percent(row["difference"], row["difference_low"], row["difference_high"]),
            *(percent(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in without_formatting),
            *(_p_text(row[name]) for name in ("p_holm", "mapsswe_p_holm")),
        )
        for row in differences.to_dict("records")
    ]
    titles = ("arm", "difference", *("formatting-neutral" for _ in without_formatting), "p value", "MAPSSWE p value")
    terms = None
    if comparison.terms:
        term_rows = [
            (
                row["arm"],
                percent(row["recall"], row["recall_low"], row["recall_high"]),
                percent(row["precision"], row["precision_low"], row["precision_high"]),
                int(row["reference_count"]),
                int(row["false_hits"]),
                int(row["distractor_false_hits"]),
            )
            for row in comparison.term_summary.to_dict("records")
        ]
        term_head = ("arm", "recall", "precision", "terms said", "made up", "distractors made up")
        terms = Table(term_head, term_rows, numeric=range(1, 6))
    numeric = range(1, len(titles))
    return {
        "baseline": comparison.baseline,
        "origins": [(arm, arm_text(origin)) for arm, origin in comparison.arms.items()],
        "rate_figure": rate_figure,
        "rates": Table(head, rates, numeric=range(1, len(head)), remarks=remarks(arms, "arm")),
        "figure": drawing,
        "differences": Table(titles, tests, numeric=numeric, remarks=remarks(differences.to_dict("records"), "b")),
        "changes": _changes(comparison),
        "costs": _costs(arms),
        "terms": terms,
        "confidences": _confidences(comparison),
        "speakers": None if reference_turns is None else _speakers(comparison, reference_turns),
    }


def _p_text(value: Any) -> str:
    """Write a p value; values that would be rounded to 0 are given as a bound."""
    return "< 0.001" if known(value) and value < 0.001 else number_text(value, ".3f")


def _costs(arms: list[dict[Hashable, Any]]) -> Table:
    """Return the effect, the cost and the time of each arm."""
    rows = [
        (
            row["arm"],
            percent(row["changed"]),
            row["effect"] if known(row["effect"]) else "–",
            price_text(row["cost_usd"]) if known(row["cost_usd"]) else "–",
            number_text(row["turnaround_s"], ".1f"),
        )
        for row in arms
    ]
    return Table(
        ("arm", "text changed", "effect on", "cost by list price", "seconds (median)"), rows, numeric=(1, 3, 4)
    )


def _changes(comparison: Comparison) -> Table | None:
    """Return words that are right in one arm and wrong in the other."""
    rows = []
    for arm in list(comparison.arms)[1:]:
        for row in comparison.examples(arm, _EXAMPLES).to_dict("records"):
            words = [row[name] if known(row[name]) else None for name in ("reference", "baseline", "arm")]
            verdict = "better" if row["change"] == "won" else "worse"
            rows.append((arm, verdict, *words, row["audio_id"], clock(row["start_ms"])))
    head = ("arm", "change", "said", f"heard by {comparison.baseline}", "heard by the arm", "recording", "at")
    return Table(head, rows) if rows else None


def _confidences(comparison: Comparison) -> Table | None:
    rows = [
        (
            row["arm"],
            int(row["n"]),
            percent(row["accuracy"]),
            percent(row["confidence_mean"]),
            percent(row["ece"], row["ece_low"], row["ece_high"]),
            *(number_text(row[name], ".3f") for name in ("brier", "nce", "auc")),
        )
        for row in comparison.calibration.to_dict("records")
    ]
    head = (
        *(
            "arm",
            "words with a confidence",
            "share that is right",
            "mean confidence",
            "calibration error (ECE)",
            "Brier score",
        ),
        *("normalised cross entropy", "area under the ROC curve"),
    )
    return Table(head, rows, numeric=range(1, len(head))) if rows else None


def _speakers(comparison: Comparison, reference_turns: pd.DataFrame) -> Table | None:
    if not any(repeats[0].tokens["speaker"].notna().any() for repeats in comparison.corpora.values()):
        return None
    rows = [
        (row["arm"], percent(row["der"], row["der_low"], row["der_high"]), int(row["recordings"]))
        for row in comparison.diarization(reference_turns).to_dict("records")
    ]
    return Table(("arm", "diarization error rate", "recordings"), rows, numeric=range(1, 3))
