"""Plots of error rates of groups and of differences between arms, each with its interval.

Conventions: each function draws a table on axes and returns the axes; counts of errors are summarised first. Rates are
drawn in per cent, differences in percentage points. A value without an interval is a hollow mark. The interval of few
or very uneven blocks is a dashed line; the table's `note` says more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from soniox_ds._display import number_text
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.stats.blocks import COUNTS, Measure, measure_of
from soniox_ds.metrics.stats.summaries import summarize, summary_table
from soniox_ds.plot.style import (
    BLUE,
    GREY,
    drawn_text,
    group_columns,
    group_labels,
    new_axes,
    numbers,
    paper,
    style_axes,
)
from soniox_ds.schema import need, no_duplicates
from soniox_ds.schema.inputs import refuse_transcripts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["error_comparison", "error_summary"]

_ROW = 0.34  # inches
_REACH = 3.0  # intervals are cut off at this multiple of the highest rate


def error_summary(
    summary: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    overall: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the word, character or punctuation error rate of each group with its interval, in the order of the table.

    Parameters
    ----------
    summary
        ``schema.ERROR_SUMMARY`` (or ``schema.CHARACTER_ERROR_SUMMARY``, or ``schema.PUNCTUATION_ERROR_SUMMARY``, whose
        rate of capitals is not drawn) with the columns of the groups before it, as `summarize` returns it. Or the
        errors of recordings, as `word_errors`, `character_errors` or `punctuation_errors` returns them, which are
        summarised with the defaults of `summarize`.
    by
        Columns of the groups; by default all columns that stand before the columns of the schema. Of the errors of
        recordings, as in `summarize`.
    overall
        A rate to draw as a line through all rows, for example the rate of all recordings.
    ax
        Axes to draw on; by default those of a new figure, as high as the rows need. If the figure has other axes too,
        make it with ``layout="constrained"``, so that labels do not overlap them.

    Returns
    -------
    Axes
        One row for each group, with its number of recordings and words (characters, marks) on the right, and
        "no interval" where there is none. The interval of few or very uneven blocks is a dashed line; see the table's
        `note`. An interval that reaches beyond three times the highest rate is cut off there, with an arrow.

    Raises
    ------
    SchemaError
        If a column is missing, or a group occurs twice.
    InputError
        If no group has a rate.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> summary = pd.DataFrame({
    ...     "room": ["hall", "cell"], "recordings": [40, 12], "reference_words": [5200, 900],
    ...     "wer": [0.12, 0.31], "wer_low": [0.1, pd.NA], "wer_high": [0.15, pd.NA],
    ... })
    >>> ax = sx.plot.error_summary(summary)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['hall', 'cell']
    """
    refuse_transcripts(summary, "a summary of errors", "sx.plot.error_summary(sx.summarize(sx.word_errors(corpus)))")
    if isinstance(summary, pd.DataFrame) and {"audio_id", *COUNTS} <= set(summary) and "recordings" not in summary:
        summary = summarize(summary, by)
    measure = measure_of(summary)
    rates = [measure.rate, f"{measure.rate}_low", f"{measure.rate}_high"]
    need(summary, "recordings", measure.size, *rates, name="summary")
    if summary[measure.rate].isna().all():
        raise InputError(
            f"no group has a {_rate_of(measure)}: nothing was scored, or the references contain no {measure.noun}."
        )
    table = summary_table(measure.rate)
    columns = group_columns(summary, [name for name in table if name not in measure.settings], by)
    need(summary, *columns, name="summary")
    if columns:
        no_duplicates(summary, "summary", *columns)
    ax = new_axes(ax, 7, 1.1 + _ROW * len(summary))
    bounds = 100 * numbers(summary, *rates)
    if overall is not None:
        ax.axvline(100 * overall, color=GREY, linewidth=1, linestyle=":", label=f"overall {overall:.1%}")
        ax.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize="small")
    # The interval of a few speakers may reach far beyond all rates and would squeeze them together.
    highest = float(np.nanmax([*bounds[:, 0], 100 * (overall or 0.0)]))
    limit = max(_REACH * highest, 1.0)
    _rows(ax, bounds, _is_dashed(summary), filled=np.isfinite(bounds[:, 1]), limit=limit)
    _labels(ax, group_labels(summary, columns, "all recordings"))
    texts = []
    for rate, n, size, low in zip(
        summary[measure.rate], summary["recordings"], summary[measure.size], bounds[:, 1], strict=True
    ):
        without_interval = ", no interval" if pd.notna(rate) and np.isnan(low) else ""
        n_units = f"{number_text(size, ',.0f')} {measure.noun}"
        texts.append(f"{number_text(rate, '.1%')}{without_interval} · n = {n:,} · {n_units}")
    _texts_beside(ax, texts)
    ax.set_xlim(0, min(float(np.nanmax([*bounds.ravel(), highest])), limit) * 1.06 or 1.0)
    ax.set_xlabel(f"{_rate_of(measure)} (%){_level(summary, bounds)}")
    if len(columns) and overall is None:
        ax.set_title(" · ".join(map(drawn_text, columns)), loc="left", fontsize="medium", parse_math=False)
    return ax


def error_comparison(comparison: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the difference of each pair of arms with its interval: a forest plot.

    Parameters
    ----------
    comparison
        ``schema.ERROR_COMPARISON`` (or ``schema.CHARACTER_ERROR_COMPARISON``), as `compare_errors` returns it.
    ax
        Axes to draw on; by default those of a new figure, as high as the rows need. If the figure has other axes too,
        make it with ``layout="constrained"``, so that labels do not overlap them.

    Returns
    -------
    Axes
        One row for each pair. Left of zero, the second arm makes fewer errors. A mark is filled if the interval
        excludes zero after Holm's correction (`p_holm`), otherwise hollow.

    Raises
    ------
    SchemaError
        If a column is missing, or a pair occurs twice.
    InputError
        If no pair has a difference.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> comparison = pd.DataFrame({
    ...     "a": ["plain"], "b": ["terms"], "difference": [-0.021], "difference_low": [-0.03],
    ...     "difference_high": [-0.012], "p_holm": [0.001], "ci": [0.95],
    ... })
    >>> ax = sx.plot.error_comparison(comparison)
    >>> ax.get_yticklabels()[0].get_text(), ax.texts[0].get_text()
    ('terms − plain', '−2.1 [−3.0, −1.2]')
    """
    refuse_transcripts(comparison, "a comparison", "sx.plot.error_comparison(sx.compare_errors(errors_a, errors_b))")
    need(comparison, "a", "b", "difference", "difference_low", "difference_high", "p_holm", "ci", name="comparison")
    no_duplicates(comparison, "comparison", "a", "b")
    if comparison["difference"].isna().all():
        raise InputError("no pair of arms has a difference: they share no scored recordings.")
    ax = new_axes(ax, 7, 1.1 + _ROW * len(comparison))
    bounds = 100 * numbers(comparison, "difference", "difference_low", "difference_high")
    significant = (comparison["p_holm"].astype("Float64") < 1 - comparison["ci"].astype("Float64")).fillna(False)
    ax.axvline(0, color=GREY, linewidth=1)
    _rows(ax, bounds, _is_dashed(comparison), filled=significant.to_numpy(np.bool_), marker="s")
    _labels(ax, [f"{drawn_text(b)} − {drawn_text(a)}" for a, b in zip(comparison["a"], comparison["b"], strict=True)])
    _texts_beside(ax, [_interval(*row) for row in bounds])
    limit = float(np.nanmax(np.abs(bounds))) * 1.08 or 1.0
    ax.set_xlim(-limit, limit)
    ax.set_xlabel(f"difference in {_rate_of(measure_of(comparison))} (percentage points){_level(comparison, bounds)}")
    ax.set_title("← fewer errors", loc="left", fontsize="small", color=GREY)
    ax.set_title("more errors →", loc="right", fontsize="small", color=GREY)
    return ax


def _rate_of(measure: Measure) -> str:
    return {"wer": "word", "cer": "character", "per": "punctuation"}[measure.rate] + " error rate"


def _rows(ax: Axes, bounds: Any, dashed: Any, filled: Any, marker: str = "o", limit: float = np.inf) -> None:
    """Draw one mark and one line for each row of (value, low, high)."""
    for row, (value, low, high) in enumerate(bounds):
        if np.isfinite(low) and np.isfinite(high):
            line = "--" if dashed[row] else "-"
            end = min(high, limit)
            ax.plot([low, end], [row, row], color=BLUE, linewidth=1.8, linestyle=line, solid_capstyle="butt")
            ax.plot([low], [row], color=BLUE, marker="|", markersize=8, linestyle="none")
            ax.plot([end], [row], color=BLUE, marker="|" if high <= limit else ">", markersize=8, linestyle="none")
        style: dict[str, Any] = {"marker": marker, "markersize": 7, "linestyle": "none", "clip_on": False}
        ax.plot([value], [row], color=BLUE, markerfacecolor=BLUE if filled[row] else paper(ax), **style)


def _labels(ax: Axes, labels: Sequence[str]) -> None:
    ax.set_yticks(range(len(labels)), labels, parse_math=False)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    style_axes(ax, grid="x", keep=("bottom",))


def _texts_beside(ax: Axes, texts: Sequence[str]) -> None:
    """Write a text beside each row, outside the axes."""
    for row, text in enumerate(texts):
        ax.annotate(
            text, (1, row), (8, 0), xycoords=ax.get_yaxis_transform(), textcoords="offset points", va="center",
            fontsize="small", parse_math=False, annotation_clip=False,
        )  # fmt: skip


def _interval(value: float, low: float, high: float) -> str:
    if np.isnan(value):
        return "–"
    text = f"{value:+.1f} [{low:+.1f}, {high:+.1f}]" if np.isfinite(low) else f"{value:+.1f}, no interval"
    return text.replace("-", "−")


def _is_dashed(table: pd.DataFrame) -> Any:
    return table["note"].notna().to_numpy() if "note" in table else np.zeros(len(table), np.bool_)


def _level(table: pd.DataFrame, bounds: Any) -> str:
    """Return the level of the intervals for the label of the axis, or "" if no row has an interval."""
    levels = table["ci"].dropna() if "ci" in table else pd.Series(dtype="Float64")
    return f", {float(levels.iloc[0]):.0%} interval" if len(levels) and np.isfinite(bounds[:, 1:]).any() else ""
