"""Intervals and tests on plain arrays: what `summaries`, `comparison` and `planning` have in common.

Conventions: a *unit* is what is drawn as a whole, a block of recordings (one speaker's, one session's) or a single
recording. A rate is the sum of the numerators over the sum of the denominators, never a mean of rates; the same holds
in every replicate. The difference of two arms on the same recordings is such a rate too: its numerators are the units'
differences in errors, which may be negative.

References: Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004;
Liu and Peng, "Statistical Testing on ASR Performance via Blockwise Bootstrap", 2019; Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, chapter 12 (studentised intervals); Gillick and Cox, "Some statistical issues in
the comparison of speech recognition algorithms", ICASSP 1989 (McNemar, matched pairs); Holm, "A simple sequentially
rejective multiple test procedure", 1979.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from soniox_ds.analysis.resampling import resampled_sums
from soniox_ds.errors import InputError

__all__ = [
    "METHODS",
    "Interval",
    "MatchedPairs",
    "RateBootstrap",
    "Resampling",
    "bootstrap_rate",
    "check_level",
    "check_method",
    "checked_resampling",
    "holm",
    "mapsswe",
    "mcnemar",
]

FloatArray = npt.NDArray[np.float64]

METHODS = ("studentized", "percentile")
"""Kinds of interval; docs/metrics-uncertainty.md shows how often each covers."""


_WIDEST = 5.0
"""Times the width of the percentile interval. Student's t of three equal units gives 2.7, of two 9: what is wider still
rests on a few units, whatever their number. docs/metrics-uncertainty.md shows that honest intervals seldom are."""
_DOUBTFUL = 2.0
"""Likewise: Student's t of four equal units gives 1.9. What is wider is honest, but says how few units decide."""
_WHOLE = 1.0  # a bound beyond it says nothing of a rate that is less than a third of it
_WAYS_ON = 'more blocks would help, method="percentile" gives an interval that is too narrow'


class Resampling(NamedTuple):
    """How an interval was made; `checked_resampling` makes sure that it can be."""

    ci: float
    method: str
    replicates: int
    seed: int


class Interval(NamedTuple):
    """Two bounds, both NaN where there is no honest interval; then `reason` says why.

    `doubt` says why to doubt the bounds that there are.
    """

    low: float
    high: float
    reason: str | None
    doubt: str | None = None


@dataclass(frozen=True)
class RateBootstrap:
    """A pooled rate and its replicates, from `bootstrap_rate`."""

    estimate: float
    """The rate of all units."""
    standard_error: float
    """By the jackknife over units; NaN where it cannot be had."""
    units: int
    """Number of units."""
    rates: FloatArray
    """The rate of each replicate; replicates without any denominator are left out."""
    studentized: FloatArray
    """(rate of the replicate − estimate) / the replicate's own standard error; ±inf where that is 0."""

    def interval(self, ci: float = 0.95, method: str = "studentized") -> Interval:
        """The interval that covers the true rate in a share `ci` of repetitions of the whole study.

        ``"percentile"`` takes the quantiles of the replicates as they are. It is what most tools print, and too narrow
        for few units. ``"studentized"`` takes the quantiles of the studentised replicates (bootstrap-t): it makes up
        for few units and for units of uneven size and difficulty. There is none where it would be beyond
        sense: more than five times as wide as the percentile one, or reaching beyond ±100 % around a rate of less than
        a third of that. Then a few units decide, and nobody can say how far the rate may be off. More than twice as
        wide, it is there and `doubt` says so; that of a percentile interval says how wide the studentized one would be.

        Examples
        --------
        >>> few = bootstrap_rate([10, 12, 30, 8, 15], [100, 100, 100, 100, 100], seed=1)
        >>> [round(bound, 2) for bound in few.interval(method="percentile")[:2]]
        [0.1, 0.23]
        >>> [round(bound, 2) for bound in few.interval()[:2]]
        [0.08, 0.46]
        """
        check_level(ci)
        check_method(method)
        if reason := self._no_interval():
            return Interval(nan, nan, reason)
        tail = (1 - ci) / 2
        first, last = np.quantile(self.rates, [tail, 1 - tail])
        lower, upper = _outer_quantiles(self.studentized, tail)
        bounded = bool(np.isfinite([lower, upper]).all())
        low, high = self.estimate - upper * self.standard_error, self.estimate - lower * self.standard_error
        times = (high - low) / (last - first) if last > first else inf
        doubtful = "a few blocks decide: the interval is doubtful"
        if method == "percentile":
            so_wide = f"be {times:.1f} times as wide" if bounded and np.isfinite(times) else "have no bound"
            doubt = f"{doubtful}, and too narrow; the studentized one would {so_wide}"
            return Interval(float(first), float(last), None, doubt if not bounded or times > _DOUBTFUL else None)
        if not bounded:
            return Interval(
                nan,
                nan,
                "in too many replicates all units drawn have the same rate, so that the studentized interval has no "
                f"bound; {_WAYS_ON}",
            )
        if times > _WIDEST:
            beyond = f"be {times:.1f} times as wide as the percentile one"
        elif max(-low, high) > _WHOLE and abs(self.estimate) < _WHOLE / 3:
            beyond = f"reach from {low:.0%} to {high:.0%}"
        else:
            doubt = f"{doubtful}, {times:.1f} times as wide as the percentile one"
            return Interval(low, high, None, doubt if times > _DOUBTFUL else None)
        return Interval(nan, nan, f"a few blocks decide: the studentized interval would {beyond}; {_WAYS_ON}")

    def p_value(self, method: str = "studentized") -> float:
        """Two-sided p of "the true rate is 0"; below ``1 - ci`` just where `interval` of the same method excludes 0.

        NaN where there is no interval. Meant for differences.
        """
        check_method(method)
        if self._no_interval():
            return nan
        if method == "percentile":
            below, above = np.count_nonzero(self.rates <= 0), np.count_nonzero(self.rates >= 0)
            count = len(self.rates)
        else:
            observed = self.estimate / self.standard_error
            below = np.count_nonzero(self.studentized >= observed)
            above = np.count_nonzero(self.studentized <= observed)
            count = len(self.studentized)
        return float(min(1.0, 2 * (min(below, above) + 1) / (count + 1)))

    def share_below(self, value: float = 0.0) -> float:
        """The share of replicates whose rate is less than `value`; NaN for fewer than two units."""
        return float(np.mean(self.rates < value)) if self.units >= 2 and len(self.rates) else nan

    def _no_interval(self) -> str | None:
        if self.units < 2:
            return f"{self.units} block{'' if self.units == 1 else 's'}: an interval needs two or more"
        if np.isnan(self.estimate):
            return "no reference words"
        if np.isnan(self.standard_error):
            return "one block holds all the reference words: an interval needs two or more"
        if self.standard_error == 0:
            return "all blocks have the same rate, so that nothing can be said about its spread"
        return None


def bootstrap_rate(
    numerators: npt.ArrayLike, denominators: npt.ArrayLike, *, replicates: int = 10_000, seed: int = 0
) -> RateBootstrap:
    """Draw units with replacement, as many as there are, and rate each such replicate.

    Parameters
    ----------
    numerators
        One number for each unit: its errors, or its difference in errors.
    denominators
        Its reference words, 0 or more.
    replicates
        How many times to draw.
    seed
        The same seed gives the same replicates.

    Returns
    -------
    RateBootstrap
        With `interval`, `p_value` and `share_below`.

    Raises
    ------
    InputError
        If the arrays differ in length, are not finite, or a denominator is negative; if `replicates` is below 100.

    Notes
    -----
    A replicate's own standard error is that of a ratio of sums, √(B/(B−1) Σ(e − r n)²) / Σn, over the B units drawn;
    the estimate's is the jackknife's, which does not shrink where few units hold most of the words.

    Examples
    --------
    >>> drawn = bootstrap_rate([1, 0, 3, 2], [10, 8, 12, 10])
    >>> drawn.estimate, drawn.units, len(drawn.rates)
    (0.15, 4, 10000)
    """
    errors, words = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    if errors.shape != words.shape or errors.ndim != 1:
        raise InputError(f"numerators have the shape {errors.shape}, denominators {words.shape}; give one a unit.")
    if not (np.isfinite(errors).all() and np.isfinite(words).all() and (words >= 0).all()):
        raise InputError("numerators must be finite, denominators finite and 0 or more.")
    _check_replicates(replicates)
    count, total = len(words), float(words.sum())
    if count < 2 or total == 0:
        estimate = float(errors.sum()) / total if total else nan
        return RateBootstrap(estimate, nan, count, np.empty(0), np.empty(0))
    estimate = float(errors.sum()) / total

    # Residuals instead of errors: the squares below would otherwise cancel where rates hardly differ.
    distinct, times = _distinct(errors, words)
    residual = distinct[:, 0] - estimate * distinct[:, 1]
    size = distinct[:, 1]
    columns = np.column_stack([residual, size, residual * residual, residual * size, size * size])
    sums = resampled_sums(columns, times, replicates=replicates, seed=seed)
    sums = sums[sums[:, 1] > 0]
    shift = sums[:, 0] / sums[:, 1]
    squares = sums[:, 2] - 2 * shift * sums[:, 3] + shift**2 * sums[:, 4]
    noise = 1e-12 * (sums[:, 2] + shift**2 * sums[:, 4])
    spread = np.sqrt(np.where(squares > noise, squares, 0) * count / (count - 1)) / sums[:, 1]
    shift[np.abs(shift) < 1e-14] = 0.0
    studentized = np.where(shift == 0, 0.0, np.copysign(inf, shift))
    np.divide(shift, spread, out=studentized, where=(spread > 0) & (shift != 0))
    wrong = sums[:, 0] + estimate * sums[:, 1]
    if (errors == np.rint(errors)).all():
        wrong = np.rint(wrong)  # so that a tie of two arms is a tie
    return RateBootstrap(estimate, _jackknife_error(errors, words), count, wrong / sums[:, 1], studentized)


class MatchedPairs(NamedTuple):
    """The matched pairs test: number of segments, mean and s.d. of the differences, Z, two-sided p."""

    segments: int
    mean: float
    standard_deviation: float
    z: float
    p: float


def mapsswe(errors_a: npt.ArrayLike, errors_b: npt.ArrayLike) -> MatchedPairs:
    """The matched pairs sentence-segment word error test (NIST's MAPSSWE).

    Parameters
    ----------
    errors_a, errors_b
        Errors of either system in each segment, of `soniox_ds.analysis.matched_pairs.error_segments`.

    Returns
    -------
    MatchedPairs
        Of d = errors_a − errors_b: Z = mean / (s.d. / √segments), two-sided p by the normal distribution. As in NIST's
        tool, a s.d. of 0 gives Z 0. All NaN for fewer than two segments.

    Examples
    --------
    >>> [round(value, 3) for value in mapsswe([2, 1, 1, 0, 3], [0, 1, 0, 1, 1])]
    [5, 0.8, 1.304, 1.372, 0.17]
    """
    difference = np.asarray(errors_a, np.float64) - np.asarray(errors_b, np.float64)
    count = len(difference)
    if count < 2:
        return MatchedPairs(count, nan, nan, nan, nan)
    mean, spread = float(difference.mean()), float(difference.std(ddof=1))
    z = mean / (spread / count**0.5) if spread > 0 else 0.0
    return MatchedPairs(count, mean, spread, z, float(2 * stats.norm.sf(abs(z))))


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p of "A and B are right equally often", from the items that only one of them has right.

    >>> mcnemar(1, 4)
    0.375
    >>> mcnemar(0, 0)
    1.0
    """
    if only_a < 0 or only_b < 0:
        raise InputError(f"mcnemar takes two counts, found {only_a} and {only_b}.")
    return float(stats.binomtest(min(only_a, only_b), only_a + only_b).pvalue) if only_a + only_b else 1.0


def holm(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """Holm's correction: p values to be held against the same level, however many comparisons there are.

    NaN (no test) stays NaN and does not count as a comparison.

    >>> holm([0.01, 0.04, 0.03, float("nan")])
    array([0.03, 0.06, 0.06,  nan])
    """
    p = np.asarray(p_values, np.float64)
    there = np.flatnonzero(~np.isnan(p))
    order = there[np.argsort(p[there], kind="stable")]
    corrected = np.full(len(p), nan)
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return corrected


def check_level(ci: Any) -> None:
    """Raise InputError unless `ci` lies between 0 and 1."""
    if not isinstance(ci, (int, float)) or not 0 < ci < 1:
        raise InputError(f"ci is {ci!r}; give the level of the interval as a share, such as 0.95.")


def check_method(method: Any) -> None:
    """Raise InputError for a kind of interval that is not there."""
    if method not in METHODS:
        raise InputError(f"method is {method!r}; it can be {' or '.join(map(repr, METHODS))}.")


def checked_resampling(ci: Any, method: Any, replicates: Any, seed: Any) -> Resampling:
    """The four together; raises InputError for a value that cannot be."""
    check_level(ci)
    check_method(method)
    _check_replicates(replicates)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed is {seed!r}; give a whole number, 0 or more.")
    return Resampling(float(ci), method, int(replicates), int(seed))


def _check_replicates(replicates: Any) -> None:
    """Raise InputError unless there are enough replicates for a quantile."""
    if isinstance(replicates, bool) or not isinstance(replicates, (int, np.integer)) or replicates < 100:
        raise InputError(f"replicates is {replicates!r}; give a whole number, 100 or more (10,000 is usual).")


def _distinct(errors: FloatArray, words: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """The distinct pairs of errors and words, sorted, and how often each is there."""
    order = np.lexsort((words, errors))
    pairs = np.column_stack([errors[order], words[order]])
    new = np.append(True, (pairs[1:] != pairs[:-1]).any(axis=1))
    starts = np.flatnonzero(new)
    return pairs[starts], np.diff(np.append(starts, len(pairs)))


def _jackknife_error(errors: FloatArray, words: FloatArray) -> float:
    """Standard error of the pooled rate from leaving out one unit at a time; NaN where one unit holds all the words."""
    rest = words.sum() - words
    if (rest <= 0).any():
        return nan
    without = (errors.sum() - errors) / rest
    deviation = without - without.mean()
    error = float(np.sqrt((len(words) - 1) / len(words) * np.dot(deviation, deviation)))
    return error if error > 1e-12 * max(1e-300, float(np.abs(without).max())) else 0.0


def _outer_quantiles(values: FloatArray, tail: float) -> tuple[float, float]:
    """Quantiles `tail` and 1 − `tail`, each the next value outwards (infinite ones cannot be averaged)."""
    last = len(values) - 1
    low, high = int(np.floor(tail * last)), int(np.ceil((1 - tail) * last))
    ordered = np.partition(values, [low, high])
    return float(ordered[low]), float(ordered[high])
