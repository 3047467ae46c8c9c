"""Choice of the columns, recordings and places that a report shows.

Conventions: nothing is chosen at random; the page states the rule of every choice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

__all__ = ["FEW_WORDS", "excerpt", "grouping_columns", "worst_place", "worst_recordings"]

FEW_WORDS = 10
"""Number of reference words below which the rate of a recording says little, so that it comes last."""

_MOST_VALUES = 12
_PLACE_MS = 8_000
_AROUND_MS = 700
_TEXTS = ("reference", "terms", "text", "source", "path")


def grouping_columns(errors: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return the columns worth grouping by: 2 to 12 values, on average with two scored recordings or more each.

    >>> errors = pd.DataFrame({"status": "scored", "room": ["x", "x", "y", "y"], "take": [1, 2, 3, 4]})
    >>> grouping_columns(errors, ["room", "take"])
    ['room']
    """
    scored = errors[(errors["status"] == "scored").to_numpy(bool)]
    chosen = []
    for name in columns:
        if name not in scored or name in _TEXTS or pd.api.types.is_float_dtype(scored[name]):
            continue
        # A column without values may have any dtype, so methods of pandas may fail.
        values = scored[name].dropna().tolist()
        if not all(isinstance(value, (str, bool, int, np.integer, np.bool_)) for value in values):
            continue
        n_groups = len(set(values))
        if 2 <= n_groups <= _MOST_VALUES and len(values) >= 2 * n_groups:
            chosen.append(name)
    return chosen


def worst_recordings(errors: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the scored recordings with the highest word error rates, without error-free ones.

    Recordings of fewer than 10 reference words follow the others, whatever their rate.
    """
    n_errors = errors[["substitutions", "deletions", "insertions"]].sum(axis=1)
    wrong_mask = ((errors["status"] == "scored") & (n_errors > 0)).fillna(False).to_numpy(bool)
    ranked = errors.assign(_has_few_words=errors["reference_words"] < FEW_WORDS, _n_errors=n_errors)[wrong_mask]
    ranked = ranked.sort_values(
        ["_has_few_words", "wer", "_n_errors"], ascending=[True, False, False], kind="stable", na_position="last"
    )
    return ranked.head(most).drop(columns=["_has_few_words", "_n_errors"])


def worst_place(alignments: pd.DataFrame) -> tuple[int, int] | None:
    """Return start and end (ms) of the stretch with the densest errors of one recording; None without times.

    >>> alignments = pd.DataFrame({
    ...     "operation": ["hit", "substitution", "deletion"], "start_ms": [0, 5000, pd.NA],
    ...     "end_ms": [300, 5400, pd.NA],
    ... })
    >>> worst_place(alignments)
    (4300, 6100)
    """
    times = alignments[["start_ms", "end_ms"]].astype("Float64")
    end = times["end_ms"].ffill()  # a deletion has no time of its own, so it gets the end of the word before
    start = times["start_ms"].fillna(end)
    error_mask = ((alignments["operation"] != "hit") & start.notna()).to_numpy(bool)
    if not error_mask.any():
        return None
    starts, ends = start[error_mask].to_numpy(np.float64), end[error_mask].to_numpy(np.float64)
    n_inside = np.searchsorted(starts, starts + _PLACE_MS - 2 * _AROUND_MS, side="right") - np.arange(len(starts))
    first = int(np.argmax(n_inside))
    last = first + max(int(n_inside[first]), 1) - 1
    return max(0, int(starts[first]) - _AROUND_MS), int(max(ends[last], starts[first])) + _AROUND_MS


def excerpt(alignments: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the `most` consecutive rows of one recording's alignment that contain the most errors."""
    if len(alignments) <= most:
        return alignments
    is_error = (alignments["operation"] != "hit").to_numpy(np.int64)
    sums = np.append(0, np.cumsum(is_error))
    first = int(np.argmax(sums[most:] - sums[:-most]))
    return alignments.iloc[first : first + most]
