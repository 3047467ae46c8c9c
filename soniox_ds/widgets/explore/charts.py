"""Histograms and the scatter of the recordings: their bins, axes and points.

Conventions: bins and ticks are multiples of 1, 2, 2.5 or 5 in the unit that is typed into filters, so that a bin can be
written as a filter. The last bin also counts the values above it, so that a few large values do not hide the others.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from soniox_ds.widgets.explore.columns import NumberColumn

__all__ = ["MOST_POINTS", "Axis", "Histogram", "axis_of", "sampled"]

MOST_POINTS = 20_000
"""Most points of the scatter. Of more recordings, an even sample is drawn."""

_BINS = 24
_TICKS = 4
_STEPS = (1, 2, 2.5, 5, 10)

Floats = npt.NDArray[np.float64]


class Axis(NamedTuple):
    """The range of a column on an axis, and its ticks as values and texts."""

    low: float
    high: float
    ticks: list[tuple[float, str]]
    has_more: bool
    """True if there are values above `high`; they are drawn at the end of the axis."""


class Histogram:
    """The bins of a column."""

    def __init__(self, column: NumberColumn) -> None:
        self.column = column
        low, high = _reach(column)
        step = _nice_step((high - low) * column.unit.scale / _BINS)
        first = math.floor(low * column.unit.scale / step + 1e-9)
        last = max(math.ceil(high * column.unit.scale / step - 1e-9), first + 1)
        typed = [round(number * step, 9) for number in range(first, last + 1)]
        self._typed = [np.format_float_positional(value, trim="-") for value in typed]
        self.edges: Floats = np.array([value / column.unit.scale for value in typed])
        self.has_more = bool((column.values > self.edges[-1]).any())

    def counts(self, mask: npt.NDArray[np.bool_] | None = None) -> list[int]:
        """Count the values of each bin, of all recordings or of those in the mask."""
        bins = self._bins if mask is None else self._bins[mask]
        counts: list[int] = np.bincount(bins[bins >= 0], minlength=len(self.edges) - 1).tolist()
        return counts

    def described(self) -> dict[str, Any]:
        """Return what the page needs to draw the bins and to write filters."""
        texts = [self.column.unit.text(edge) for edge in self.edges.tolist()]
        return {
            "name": self.column.name,
            "label": self.column.label,
            "typed": self._typed,
            "texts": texts,
            "has_more": self.has_more,
            "all": self.counts(),
        }

    @cached_property
    def _bins(self) -> npt.NDArray[np.intp]:
        values = self.column.values
        bins = np.searchsorted(self.edges, np.nan_to_num(values, nan=-np.inf), side="right") - 1
        return np.where(np.isnan(values), -1, np.clip(bins, 0, len(self.edges) - 2))


def axis_of(column: NumberColumn) -> Axis:
    """Return the axis of a column of the scatter."""
    low, high = _reach(column)
    scale = column.unit.scale
    step = _nice_step((high - low) * scale / _TICKS)
    first, last = math.floor(low * scale / step + 1e-9), math.ceil(high * scale / step - 1e-9)
    values = [round(number * step, 9) / scale for number in range(first, max(last, first + 1) + 1)]
    top = values[-1]
    ticks = [(value, column.unit.text(value)) for value in values]
    return Axis(values[0], top, ticks, bool((column.values > top).any()))


def sampled(count: int) -> npt.NDArray[np.intp]:
    """Return the positions of the recordings that are drawn as points: all, or an even sample."""
    if count <= MOST_POINTS:
        return np.arange(count)
    return np.linspace(0, count - 1, MOST_POINTS).astype(np.intp)


def _reach(column: NumberColumn) -> tuple[float, float]:
    """Return the range that shows most of a column: from the least value, or 0 if that is near, to a high quantile."""
    values = column.values[np.isfinite(column.values)]
    if not len(values):
        return 0.0, 1 / column.unit.scale
    low, high = (float(value) for value in np.quantile(values, [0, 0.99]))
    high = max(high, min(float(values.max()), 1.25 * high)) if high > 0 else float(values.max())
    if column.unit_name == "confidence":
        low, high = float(np.quantile(values, 0.01)), 1.0
    elif 0 < low < high / 2:
        low = 0.0
    return (low, high) if high > low else (low, low + 1 / column.unit.scale)


def _nice_step(step: float) -> float:
    size = 10.0 ** math.floor(math.log10(step))
    return size * next(number for number in _STEPS if step <= number * size * (1 + 1e-9))
