"""Expected calibration error of binned confidences, with bootstrap intervals over blocks.

Conventions: a bin holds confidences above its lower edge and up to its upper edge; the first bin also holds its lower
edge. Confidences are rounded by `as_decimals` (in `sx.metrics.word_confidence`), so that 0.8 in single precision is
also 0.8. Sums are kept for each block and bin (`calibration_counts`), so that a replicate of the bootstrap is one
product of matrices.
"""

from __future__ import annotations

from math import nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from soniox_ds._arguments import check_number
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.confidence.calibration_counts import BlockSums, ConfidenceCounts
from soniox_ds.metrics.stats.bootstrap import FEW_UNITS
from soniox_ds.metrics.stats.resampling import resampled_sums

__all__ = [
    "BINNINGS",
    "FEW_ERRORS",
    "EceInterval",
    "Resampling",
    "accuracy_intervals",
    "bin_edges",
    "chance_gaps",
    "check_bins",
    "ece",
    "ece_interval",
    "resampling",
]

BINNINGS = ("equal_width", "equal_mass")
"""The ways to choose bin edges: equal widths, or equal numbers of words as far as ties allow."""

FEW_ERRORS = 10
"""Number of wrong (or right) words needed for an interval of the ECE, which also needs `FEW_UNITS` blocks."""

_GROUPS = 32
_CELLS = 500_000  # numbers drawn at a time: 4 MB

FloatArray = npt.NDArray[np.float64]


class Resampling(NamedTuple):
    """The settings of the bootstrap."""

    ci: float
    n_resamples: int
    seed: int


class EceInterval(NamedTuple):
    """A confidence interval of the true ECE, and the ECE expected by chance.

    If no reliable interval can be computed, the bounds are NaN and `reason` gives the reason.
    """

    low: float
    high: float
    by_chance: float
    reason: str | None


def check_bins(bins: Any, binning: Any) -> None:
    """Raise InputError unless both options are valid."""
    check_number(bins, "bins", whole=True, least=1, advice="give a whole number, 1 or more (10 to 20 is usual).")
    if binning not in BINNINGS:
        raise InputError(f"binning is {binning!r}; it can be {' or '.join(map(repr, BINNINGS))}.")


def resampling(ci: Any, n_resamples: Any, seed: Any) -> Resampling:
    """Check the three settings and return them; raise InputError if one is invalid."""
    check_number(ci, "ci", above=0, below=1, advice="give the level of the interval as a share, such as 0.95.")
    advice = "give a whole number, 100 or more (10,000 is usual)."
    check_number(n_resamples, "n_resamples", whole=True, least=100, advice=advice)
    return Resampling(ci, int(n_resamples), seed)


def bin_edges(values: ConfidenceCounts, bins: int, binning: str) -> FloatArray:
    """Return the bin edges, one more than there are bins.

    >>> values = ConfidenceCounts(np.array([0.2, 0.9, 1.0]), np.array([1, 1, 3]), np.array([0, 1, 3]))
    >>> bin_edges(values, 4, "equal_mass")
    array([0.2, 0.9, 1. ])
    """
    if binning == "equal_width" or not len(values.confidence):
        return np.arange(bins + 1) / bins  # each edge is the float nearest to its fraction, such as 0.3
    edges = np.unique(_quantiles(values, np.linspace(0, 1, bins + 1)))
    return edges if len(edges) > 1 else np.repeat(edges, 2)


def _quantiles(values: ConfidenceCounts, shares: FloatArray) -> FloatArray:
    """Compute what ``np.quantile`` returns for the single words."""
    ends = np.cumsum(values.words)
    place = shares * (ends[-1] - 1)
    lower = np.floor(place)
    low, high = (values.confidence[np.searchsorted(ends, at, side="right")] for at in (lower, np.ceil(place)))
    weight = place - lower
    between: FloatArray = np.where(weight < 0.5, low + (high - low) * weight, high - (high - low) * (1 - weight))
    return between


def ece(sums: BlockSums) -> float:
    """Return the expected calibration error; NaN if there are no words."""
    words = float(sums.words.sum())
    return float(np.abs(sums.gaps.sum(axis=0)).sum()) / words if words else nan


def chance_gaps(values: ConfidenceCounts, edges: FloatArray, resampling: Resampling) -> FloatArray:
    """Simulate the ECE of words that are right as often as their confidence says, one value for each replicate.

    The simulated words are independent, which gives the smallest effect of chance. If errors in one recording occur
    together, the effect is larger. The words of each bin are sorted and divided into at most 32 groups. The number of
    right words in a group is binomial, with the mean confidence of the group as its probability. The expectation is
    exact. The variance is slightly too large, because the confidences within a group are not all equal to their mean.

    >>> values = ConfidenceCounts(np.array([0.9]), np.array([100]), np.array([90]))
    >>> resampling = Resampling(0.95, 1000, 0)
    >>> float(chance_gaps(values, np.array([0.0, 1.0]), resampling).mean().round(2))  # √(2 / π · 0.09 / 100)
    0.02
    """
    if not len(values.confidence):
        return np.full(resampling.n_resamples, nan)
    n_words = int(values.words.sum())
    _, bin_of = np.unique(np.searchsorted(edges[1:-1], values.confidence), return_inverse=True)  # bins that hold words
    counts = np.bincount(bin_of, values.words).astype(np.intp)
    place = np.cumsum(values.words) - values.words - (np.cumsum(counts) - counts)[bin_of]
    group = bin_of * _GROUPS + place * _GROUPS // counts[bin_of]  # Equal confidences stay in one group.
    starts = np.unique(group, return_index=True)[1]
    size = np.add.reduceat(values.words, starts)
    mean = np.clip(np.add.reduceat(values.confidence * values.words, starts) / size, 0, 1)
    first = np.searchsorted(bin_of[starts], np.arange(len(counts)))  # first group of each bin
    rng = np.random.default_rng(resampling.seed)
    gaps_of_replicates = np.empty(resampling.n_resamples)
    rows = max(1, _CELLS // len(size))
    for start in range(0, resampling.n_resamples, rows):
        right = rng.binomial(size, mean, (min(rows, resampling.n_resamples - start), len(size)))
        gaps = np.add.reduceat(right - size * mean, first, axis=1)
        gaps_of_replicates[start : start + len(right)] = np.abs(gaps).sum(axis=1) / n_words
    return gaps_of_replicates


def ece_interval(sums: BlockSums, by_chance: FloatArray, resampling: Resampling) -> EceInterval:
    """Return a confidence interval of the true ECE, and the ECE that is expected by chance alone.

    `by_chance` is the result of `chance_gaps`. The bootstrap alone would underestimate the effect of chance if there
    are few blocks, or blocks without errors, because their residuals hardly vary.
    """
    words = float(sums.words.sum())
    if not words:
        return EceInterval(nan, nan, nan, "no word has a confidence")
    blocks, bins = sums.words.shape
    least = float(by_chance.mean())
    if blocks < 2:
        return EceInterval(nan, nan, least, "There is only one block, and an interval needs two or more.")
    counts = sums.words.sum(axis=0)
    shift = np.divide(sums.gaps.sum(axis=0), counts, out=np.zeros(bins), where=counts > 0)
    chance = (
        sums.gaps - sums.words * shift
    )  # the variation between blocks that remains if the mean of each bin is right
    columns = np.hstack([sums.gaps, chance, sums.words.sum(axis=1, keepdims=True)])
    drawn = _resampled(columns, resampling)
    spread = np.abs(drawn[:, :bins]).sum(axis=1) / drawn[:, -1]
    of_blocks = np.abs(drawn[:, bins:-1]).sum(axis=1) / drawn[:, -1]
    expected = max(least, float(of_blocks.mean()))
    if reason := _too_little(sums):
        return EceInterval(nan, nan, expected, reason)
    tail = (1 - resampling.ci) / 2
    estimate = ece(sums)
    high = max(estimate, float(np.quantile(spread, 1 - tail)))
    most = max(np.quantile(of_blocks, 1 - tail), np.quantile(by_chance, 1 - tail))
    return EceInterval(0.0 if estimate <= most else max(0.0, 2 * estimate - high), high, expected, None)


def _too_little(sums: BlockSums) -> str | None:
    """Return the reason why there is too little data for an interval of the ECE, or None if there is enough."""
    blocks = len(sums.words)
    if blocks < FEW_UNITS:
        return f"{blocks} blocks: below {FEW_UNITS} an interval of the ECE is too narrow"
    right, words = int(sums.right.sum()), int(sums.words.sum())
    fewer, kind = min((words - right, "wrong"), (right, "right"))
    if fewer < FEW_ERRORS:
        return f"{fewer} words are {kind}: with fewer than {FEW_ERRORS} an interval of the ECE is too narrow"
    return None


def accuracy_intervals(sums: BlockSums, resampling: Resampling) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of each bin's accuracy; NaN if its words come from fewer than two blocks."""
    bins = sums.words.shape[1]
    low, high = np.full(bins, nan), np.full(bins, nan)
    enough = np.flatnonzero((sums.words > 0).sum(axis=0) >= 2)
    if not enough.size:
        return low, high
    drawn = _resampled(np.hstack([sums.right, sums.words]), resampling)
    tail = (1 - resampling.ci) / 2
    for place in enough:
        has_words = drawn[:, bins + place] > 0
        rates = drawn[has_words, place] / drawn[has_words, bins + place]
        low[place], high[place] = np.quantile(rates, [tail, 1 - tail])
    return low, high


def _resampled(columns: FloatArray, resampling: Resampling) -> FloatArray:
    return resampled_sums(
        columns, np.ones(len(columns), np.int64), n_resamples=resampling.n_resamples, seed=resampling.seed
    )
