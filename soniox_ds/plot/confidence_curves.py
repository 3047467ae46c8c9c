"""Plots of confidences: reliability, ROC curve, and errors found against time spent listening.

Conventions: each function draws a table on axes and returns the axes. Columns before those of the table (which `by=`
adds) separate groups: each group has its own colour, marker and line style. A table of aligned words is first passed
to the function of `sx.metrics` that makes the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from soniox_ds import schema
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.confidence.calibration import reliability as bins_of
from soniox_ds.metrics.confidence.roc import roc as roc_of
from soniox_ds.plot.style import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    LINES,
    MARKERS,
    group_columns,
    groups_of,
    new_axes,
    numbers,
    paper,
    strip_above,
    style_axes,
)
from soniox_ds.schema import need, no_duplicates
from soniox_ds.schema.inputs import refuse_transcripts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["reliability", "review_curve", "roc"]

_JOINED = 20  # words: a bin with fewer is a mark of its own, which no line goes through
_STRIP = 0.8  # height of the strip of counts, inches
_ORDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "oracle": ("errors first (the best there could be)", {"color": GREEN, "linestyle": "-.", "linewidth": 1.4}),
    "confidence": ("least confident first", {"color": BLUE, "linestyle": "-", "linewidth": 2.2}),
    "random": ("random order", {"color": GREY, "linestyle": "--", "linewidth": 1.4}),
}


def reliability(reliability: pd.DataFrame, *, by: str | Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
    """Draw the share of right words at each confidence, with intervals, and the number of words.

    Parameters
    ----------
    reliability
        ``schema.RELIABILITY``, optionally with columns of groups before it; or aligned words
        (``schema.WORD_ALIGNMENTS``), of which the bins are computed with the defaults of `reliability`.
    by
        Columns of the groups; by default all columns that stand before the columns of the schema. Of aligned words, as
        in `reliability`.
    ax
        Axes to draw on; by default those of a new figure. If the figure has other axes too, make it with
        ``layout="constrained"``, so that labels do not overlap them.

    Returns
    -------
    Axes
        On the diagonal, words with a confidence of 80 % are right in 80 % of the cases; below it the recogniser is
        overconfident. Bins without an interval are hollow. Lines join neighbouring bins that have an interval and at
        least 20 words. ``ax.child_axes[0]`` above it shows the counts, on a logarithmic scale.

    Raises
    ------
    SchemaError
        If a column is missing, or a row occurs twice.
    InputError
        If no bin contains a word, or there are more than seven groups.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> table = pd.DataFrame({
    ...     "bin": [0, 1], "low": [0.0, 0.5], "high": [0.5, 1.0], "n": [40, 60], "confidence_mean": [0.3, 0.9],
    ...     "accuracy": [0.5, 0.95], "accuracy_low": [0.3, 0.9], "accuracy_high": [0.7, 0.99],
    ... })
    >>> ax = sx.plot.reliability(table)
    >>> ax.get_xlabel(), [int(bar.get_height()) for bar in ax.child_axes[0].patches]
    ('mean confidence of the words', [40, 60])
    """
    refuse_transcripts(reliability, "a table of bins", "sx.plot.reliability(sx.metrics.reliability(corpus))")
    if _is_aligned(reliability):
        reliability = bins_of(reliability, by)
    columns = ("low", "high", "n", "confidence_mean", "accuracy", "accuracy_low", "accuracy_high")
    need(reliability, *columns, name="reliability")
    groups = _groups(reliability[reliability["n"].fillna(0) > 0], schema.RELIABILITY, by)
    for part in groups.values():
        no_duplicates(part, "reliability", "low", "high")
    if not groups:
        raise InputError("no bin contains a word, so there is nothing to draw.")
    ax = new_axes(ax, 4.8, 5.4)

    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="as confident as right")
    for number, (name, part) in enumerate(groups.items()):
        x, y = numbers(part, "confidence_mean", "accuracy").T
        bounds = numbers(part, "accuracy_low", "accuracy_high")
        has_interval = np.isfinite(bounds).all(axis=1)
        error = np.abs(bounds - y[:, None])[has_interval].T
        colour, marker, line = COLOURS[number], MARKERS[number], LINES[number % len(LINES)]
        filled: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 6, "linestyle": "none"}
        hollow = filled | {"markerfacecolor": paper(ax), "clip_on": False}
        ax.errorbar(x[has_interval], y[has_interval], yerr=error, color=colour, fmt="none", capsize=2.5, elinewidth=1)
        joined = has_interval & (numbers(part, "n")[:, 0] >= _JOINED)
        ax.plot(np.where(joined, x, np.nan), y, color=colour, linewidth=1.0, linestyle=line, alpha=0.6)
        ax.plot(x[has_interval], y[has_interval], label=name, **filled)
        ax.plot(x[~has_interval], y[~has_interval], **hollow)
    ax.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="mean confidence of the words", ylabel="share that is right")
    style_axes(ax, grid="both")
    ax.legend(loc="lower right", frameon=False, fontsize="small")

    counts = reliability.groupby(["low", "high"], sort=True)["n"].sum().reset_index()
    counts = counts[counts["n"] > 0]
    strip, _ = strip_above(ax, gap_in=0.12, height_in=_STRIP)
    low, high = numbers(counts, "low", "high").T
    heights = counts["n"].astype("int64").tolist()
    strip.bar(low, heights, width=(high - low) * 0.94, align="edge", color=GREY)
    strip.set_yscale("log")
    strip.set(xlim=(0, 1), ylim=(0.5, max(heights) * 2))
    strip.set_ylabel("words", fontsize="small")
    strip.tick_params(axis="y", which="both", labelsize="small")
    strip.tick_params(axis="x", labelbottom=False)
    style_axes(strip)
    return ax


def roc(
    roc: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    thresholds: Sequence[float] = (0.5, 0.8, 0.95),
    ax: Axes | None = None,
) -> Axes:
    """Draw the share of the errors that are flagged against the share of the right words that are, for every threshold.

    Parameters
    ----------
    roc
        ``schema.ROC``, optionally with columns of groups before it; or aligned words (``schema.WORD_ALIGNMENTS``),
        of which the curve is computed.
    by
        Columns of the groups; by default all columns that stand before the columns of the schema.
    thresholds
        Confidences to mark on the curve, if there is only one curve.
    ax
        Axes to draw on; by default those of a new figure. If the figure has other axes too, make it with
        ``layout="constrained"``, so that labels do not overlap them.

    Returns
    -------
    Axes
        Square axes; the diagonal is flagging by chance.

    Raises
    ------
    SchemaError
        If a column is missing, or a row occurs twice.
    InputError
        If all words are right or all are wrong, or there are more than seven groups.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> curve = pd.DataFrame({
    ...     "threshold": [pd.NA, 0.4, 0.9], "false_positive_rate": [0.0, 0.1, 1.0],
    ...     "true_positive_rate": [0.0, 0.7, 1.0],
    ... })
    >>> ax = sx.plot.roc(curve)
    >>> [text.get_text() for text in ax.texts]
    ['0.5', '0.8', '0.95']
    """
    refuse_transcripts(roc, "a ROC curve", "sx.plot.roc(sx.metrics.roc(corpus))")
    if _is_aligned(roc):
        roc = roc_of(roc) if by is None else _roc_of_groups(roc, group_columns(roc, [], by))
    need(roc, "threshold", "false_positive_rate", "true_positive_rate", name="roc")
    drawable = roc.dropna(subset=["false_positive_rate", "true_positive_rate"])
    groups = _groups(drawable, schema.ROC, by)
    if not groups:
        missing = "wrong" if roc["true_positive_rate"].isna().all() else "right"
        reason = "the table has no rows" if roc.empty else f"none of these words is {missing}"
        raise InputError(f"a ROC curve needs words that are right and words that are wrong; {reason}.")
    for part in groups.values():
        no_duplicates(part, "roc", "threshold")
    ax = new_axes(ax, 4.8, 4.8)
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--", label="by chance")
    for number, (name, part) in enumerate(groups.items()):
        x, y, part_thresholds = numbers(part, "false_positive_rate", "true_positive_rate", "threshold").T
        ax.plot(x, y, color=COLOURS[number], linestyle=LINES[number % len(LINES)], linewidth=1.8, label=name)
        for threshold in thresholds if len(groups) == 1 else ():
            # The mark is on the last row that flags no more words than the threshold does.
            ascending = np.nan_to_num(part_thresholds, nan=-np.inf)
            row = int(np.searchsorted(ascending, threshold + 1e-9, side="right")) - 1
            ax.plot(x[row], y[row], color=COLOURS[0], marker="o", markersize=5, linestyle="none")
            beside: dict[str, Any] = {"xytext": (7, -1), "textcoords": "offset points", "va": "center"}
            ax.annotate(f"{threshold:g}", (x[row], y[row]), fontsize="small", **beside)
    ax.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), aspect="equal")
    ax.set(xlabel="right words flagged (share)", ylabel="errors flagged (share)")
    style_axes(ax, grid="both")
    ax.legend(loc="lower right", frameon=False, fontsize="small")
    return ax


def review_curve(curve: pd.DataFrame, *, all_errors: bool = False, share: bool = False, ax: Axes | None = None) -> Axes:
    """Draw the share of errors that is found against the time spent listening.

    Parameters
    ----------
    curve
        ``schema.REVIEW_CURVE``.
    all_errors
        Include deletions among the errors, as never found (`recall_of_all`).
    share
        Show the time as a share of the time of all words, instead of minutes.
    ax
        Axes to draw on; by default those of a new figure. If the figure has other axes too, make it with
        ``layout="constrained"``, so that labels do not overlap them.

    Returns
    -------
    Axes
        One line for each order of listening.

    Raises
    ------
    SchemaError
        If a column is missing, or the time heard decreases.
    InputError
        If no word is wrong, so that nothing can be found.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> curve = pd.DataFrame({
    ...     "order": ["confidence"] * 2 + ["random"] * 2, "reviewed_s": [0.0, 60.0] * 2,
    ...     "share_reviewed": [0.0, 1.0] * 2, "recall": [0.0, 1.0] * 2, "recall_of_all": [0.0, 0.8] * 2,
    ... })
    >>> [line.get_label() for line in sx.plot.review_curve(curve).lines]
    ['least confident first', 'random order']
    """
    refuse_transcripts(curve, "a review curve", "sx.plot.review_curve(sx.metrics.review_curve(corpus, corpus))")
    recall = "recall_of_all" if all_errors else "recall"
    need(curve, "order", "reviewed_s", "share_reviewed", recall, name="curve")
    drawable = curve.dropna(subset=[recall])
    if drawable.empty:
        raise InputError("no word is wrong, so there is no curve: listening finds no errors.")
    decrease_mask = drawable.groupby("order", sort=False)["reviewed_s"].diff().lt(0).fillna(False).to_numpy(bool)
    if decrease_mask.any():
        raise SchemaError(
            f"curve: the listening time for the order {drawable['order'][decrease_mask].iloc[0]!r} decreases, so the "
            "table seems to contain several curves. Draw each curve on its own axes."
        )
    ax = new_axes(ax, 6, 4)
    seconds = float(drawable["reviewed_s"].max())
    column, divisor, unit = ("reviewed_s", 60.0, "min") if seconds >= 180 else ("reviewed_s", 1.0, "s")
    if seconds >= 10_800:
        divisor, unit = 3600.0, "h"
    label = f"audio listened to ({unit})"
    if share:
        column, divisor, label = "share_reviewed", 1.0, "share of the audio listened to"
    for order, (name, style) in _ORDERS.items():
        part = drawable[(drawable["order"] == order).to_numpy(bool)]
        if len(part):
            x, y = numbers(part, column, recall).T
            ax.plot(x / divisor, y, label=name, **style)
    ax.set_xlim(left=0)
    ax.margins(x=0)
    ax.set_ylim(0, 1.02)
    ax.set(xlabel=label, ylabel="share of all errors found" if all_errors else "share of the wrong words found")
    style_axes(ax, grid="both")
    ax.legend(loc="lower right", frameon=False, fontsize="small")
    return ax


def _is_aligned(table: Any) -> bool:
    """Return True for aligned words, as opposed to bins or a curve."""
    return isinstance(table, pd.DataFrame) and {"operation", "confidence"} <= set(table)


def _roc_of_groups(alignments: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return the curve of each group, with the columns of the groups before it."""
    need(alignments, *columns, name="alignments")
    curves = []
    for _, part in alignments.groupby(columns, sort=False, dropna=False):
        curve = roc_of(part)
        labels = part[columns].iloc[[0] * len(curve)].reset_index(drop=True)
        curves.append(pd.concat([labels, curve.reset_index(drop=True)], axis=1))
    return pd.concat(curves, ignore_index=True)


def _groups(table: pd.DataFrame, known: schema.Table, by: str | Sequence[str] | None) -> dict[str, pd.DataFrame]:
    """Return the rows of each group by its label, in the order of the table."""
    columns = group_columns(table, list(known), by)
    need(table, *columns, name="table")
    return groups_of(table, columns, "words")
