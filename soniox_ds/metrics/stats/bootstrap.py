"""Bootstrap intervals and significance tests on arrays.

Conventions: a *unit* is drawn as a whole: a block of recordings (of one speaker or session) or a single recording. A
rate is the sum of the numerators over the sum of the denominators, never a mean of rates; the same holds in every
replicate. The difference of two arms on the same recordings is also such a rate: its numerators are the units'
differences in errors, which may be negative.

References: Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004;
Liu and Peng, "Statistical Testing on ASR Performance via Blockwise Bootstrap", 2019; Efron and Tibshirani, "An
Introduction to the Bootstrap", 1993, chapter 12 (studentised intervals); Gillick and Cox, "Some statistical issues in
the comparison of speech recognition algorithms", ICASSP 1989 (McNemar, matched pairs); Holm, "A simple sequentially
rejective multiple test procedure", 1979.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, log, nan
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from soniox_ds._arguments import check_number
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.stats.resampling import resampled_sums

__all__ = [
    "FEW_UNITS",
    "METHODS",
    "Interval",
    "Kind",
    "MatchedPairs",
    "RateBootstrap",
    "Remark",
    "Resampling",
    "bootstrap_rate",
    "check_level",
    "check_method",
    "checked_resampling",
    "holm",
    "mapsswe",
    "mcnemar",
    "methods_used",
]

FloatArray = npt.NDArray[np.float64]

METHODS = ("auto", "studentized", "cr2", "jackknife", "percentile")
"""The available kinds of interval; docs/metrics-uncertainty.md shows how often each covers the true value."""

FEW_UNITS = 10
"""Below this number of units, ``"auto"`` uses the t interval with the CR2 variance for a rate."""

_UNEVEN = 2.0
"""The studentized interval of a rate is replaced if it is more than this many times as wide as the percentile
interval, because a few units then decide. Student's t makes the interval of four equal units 1.9 times as wide."""

Kind = Literal["errors", "rate", "share", "difference"]
"""The kind of quantity: ``"errors"`` per reference unit (0 or more, such as WER and CER), another ``"rate"`` of 0 or
more, a ``"share"`` between 0 and 1, or the ``"difference"`` of two arms."""

Remark = Literal[
    "no-units", "one-unit", "no-denominator", "one-holds-all", "no-variation", "no-studentized",
    "few-units", "uneven", "no-errors", "too-narrow",
]  # fmt: skip
"""The reason why there is no interval (the first line), or a caution for its reader (the second line).
`soniox_ds.metrics.stats.blocks.note_of` turns remarks into sentences."""


class Resampling(NamedTuple):
    """The settings of an interval, checked by `checked_resampling`."""

    ci: float
    method: str
    n_resamples: int
    seed: int

    @property
    def columns(self) -> dict[str, Any]:
        """The settings under the names of their columns in tables of results."""
        return {"ci": self.ci, "method": self.method, "replicates": self.n_resamples, "seed": self.seed}


class Interval(NamedTuple):
    """Two bounds, both NaN if there is no interval; `remark` then says why.

    `method` is how the bounds were computed: one of `METHODS` other than ``"auto"``, ``"poisson"``, or None.
    """

    low: float
    high: float
    method: str | None
    remark: Remark | None = None

    @property
    def exists(self) -> bool:
        """True if there are bounds."""
        return self.method is not None


def methods_used(intervals: Mapping[str, Interval]) -> str | None:
    """Return the method of all intervals, or of each if they differ; None if there is no interval.

    >>> short, none = Interval(0.1, 0.2, "cr2"), Interval(nan, nan, None, "no-variation")
    >>> methods_used({"per": short, "case_error_rate": none}), methods_used({"per": none})
    ('cr2', None)
    >>> methods_used({"recall": short, "precision": short._replace(method="studentized")})
    'recall: cr2, precision: studentized'
    """
    methods = {name: interval.method for name, interval in intervals.items() if interval.method is not None}
    if len(set(methods.values())) < 2:
        return next(iter(methods.values()), None)
    return ", ".join(f"{name}: {method}" for name, method in methods.items())


@dataclass(frozen=True)
class RateBootstrap:
    """A pooled rate and its replicates, from `bootstrap_rate`."""

    estimate: float
    """The pooled rate of all units."""
    standard_error: float
    """Jackknife standard error over units; NaN if it cannot be computed."""
    units: int
    """Number of units."""
    errors: float
    """Sum of the numerators."""
    size: float
    """Sum of the denominators."""
    cr2_error: float
    """Standard error of the rate with the CR2 variance; NaN if it cannot be computed."""
    cr2_freedom: float
    """Bell and McCaffrey's degrees of freedom of `cr2_error`."""
    rates: FloatArray
    """The rate of each replicate; replicates whose denominators sum to 0 are left out."""
    studentized: FloatArray
    """(rate of the replicate − estimate) / the replicate's own standard error; ±inf if that error is 0."""

    def interval(self, ci: float = 0.95, method: str = "auto", kind: Kind = "errors") -> Interval:
        """Return the interval that covers the true rate in a share `ci` of repetitions of the whole study.

        Parameters
        ----------
        ci
            Level of the interval, as a share.
        method
            ``"studentized"`` uses the quantiles of the studentized replicates (bootstrap-t). ``"cr2"`` is a t interval
            with the CR2 variance and Bell and McCaffrey's degrees of freedom, on the cube root scale for values of 0
            or more. ``"jackknife"`` is a t interval with the jackknife's standard error and units − 1 degrees of
            freedom. ``"percentile"`` uses the quantiles of the replicates directly; most tools report it, and it is
            too narrow for few units. ``"auto"`` uses the interval with the best coverage: ``"jackknife"`` for a
            difference, otherwise ``"studentized"`` from 10 units on and ``"cr2"`` below; also ``"cr2"`` if the
            studentized interval has no bound or is more than twice as wide as the percentile interval.
        kind
            The kind of quantity. It decides which values are possible, and what ``"auto"`` uses.

        Returns
        -------
        Interval
            Never of zero width. If nothing varies there is no interval, with one exception: if kind is ``"errors"`` and
            there are none, the upper bound is the exact Poisson bound, −ln((1 − ci) / 2) / size.

        Examples
        --------
        >>> few = bootstrap_rate([10, 12, 30, 8, 15], [100, 100, 100, 100, 100], seed=1)
        >>> for method in ("auto", "studentized", "percentile"):
        ...     low, high, made_by, remark = few.interval(method=method)
        ...     print(round(low, 3), round(high, 3), made_by, remark)
        0.065 0.287 cr2 few-units
        0.081 0.46 studentized few-units
        0.096 0.228 percentile too-narrow
        >>> bootstrap_rate([0, 0], [100, 200]).interval()
        Interval(low=0.0, high=0.01229..., method='poisson', remark='no-errors')
        """
        from scipy import stats

        check_level(ci)
        check_method(method)
        tail = (1 - ci) / 2
        if kind == "errors" and self.size > 0 and self.errors == 0:
            return Interval(0.0, -log(tail) / self.size, "poisson", "no-errors")
        if (reason := self._no_interval()) is not None:
            return Interval(nan, nan, None, reason)
        few: Remark | None = "few-units" if self.units < FEW_UNITS else None
        if method == "auto":
            method, few = self._best(tail, kind, few)
        if method == "percentile":
            low, high = (float(bound) for bound in np.quantile(self.rates, [tail, 1 - tail]))
            few = "too-narrow" if few else None
        elif method == "studentized":
            low, high = self._studentized_bounds(tail)
            if not np.isfinite([low, high]).all():
                return Interval(nan, nan, None, "no-studentized")
        elif method == "cr2":
            low, high = self._cr2_bounds(tail, kind)
        else:
            reach = float(stats.t.isf(tail, self.units - 1)) * self.standard_error
            low, high = self.estimate - reach, self.estimate + reach
        if kind != "difference":
            low, high = max(low, 0.0), min(high, 1.0) if kind == "share" else high
        if not low < high:
            return Interval(nan, nan, None, "no-variation")
        return Interval(low, high, method, few)

    def p_value(self, method: str = "auto") -> float:
        """Return the two-sided p of "the true difference is 0"; NaN if there is no interval.

        It is below ``1 - ci`` exactly when `interval` of the same method, for a difference, excludes 0.
        """
        from scipy import stats

        check_method(method)
        if self._no_interval() is not None:
            return nan
        if method == "percentile":
            below, above = np.count_nonzero(self.rates <= 0), np.count_nonzero(self.rates >= 0)
            return float(min(1.0, 2 * (min(below, above) + 1) / (len(self.rates) + 1)))
        if method == "studentized":
            observed = self.estimate / self.standard_error
            below = np.count_nonzero(self.studentized >= observed)
            above = np.count_nonzero(self.studentized <= observed)
            return float(min(1.0, 2 * (min(below, above) + 1) / (len(self.studentized) + 1)))
        error, freedom = (
            (self.cr2_error, self.cr2_freedom) if method == "cr2" else (self.standard_error, self.units - 1)
        )
        return float(2 * stats.t.sf(abs(self.estimate) / error, freedom))

    def share_below(self, value: float = 0.0) -> float:
        """Return the share of replicates whose rate is less than `value`; NaN for fewer than two units."""
        return float(np.mean(self.rates < value)) if self.units >= 2 and len(self.rates) else nan

    def _no_interval(self) -> Remark | None:
        """Return why no method can give an interval; None if one can."""
        if self.units < 2:
            return "one-unit" if self.units else "no-units"
        if np.isnan(self.estimate):
            return "no-denominator"
        if np.isnan(self.standard_error):
            return "one-holds-all"
        return "no-variation" if self.standard_error == 0 else None

    def _best(self, tail: float, kind: Kind, few: Remark | None) -> tuple[str, Remark | None]:
        """Choose the method with the best coverage, and the caution for the reader of its interval."""
        if kind == "difference":
            return "jackknife", few
        if few:
            return "cr2", few
        low, high = self._studentized_bounds(tail)
        first, last = np.quantile(self.rates, [tail, 1 - tail])
        return ("studentized", None) if high - low <= _UNEVEN * (last - first) else ("cr2", "uneven")

    def _studentized_bounds(self, tail: float) -> tuple[float, float]:
        lower, upper = _outer_quantiles(self.studentized, tail)
        return self.estimate - upper * self.standard_error, self.estimate - lower * self.standard_error

    def _cr2_bounds(self, tail: float, kind: Kind) -> tuple[float, float]:
        """Return the t interval with the CR2 variance.

        Rates of few speakers are skewed: one speaker with many errors pulls them up. The cube root makes sums of skewed
        numbers nearly normal (Wilson and Hilferty, 1931). On that scale the interval reaches further up than down, and
        its coverage is 1 to 3 points higher. A share above one half is skewed the other way, so its complement is used.
        """
        from scipy import stats

        reach = float(stats.t.isf(tail, self.cr2_freedom)) * self.cr2_error
        if kind == "difference" or self.estimate <= 0 or (kind == "share" and self.estimate >= 1):
            return self.estimate - reach, self.estimate + reach
        mirrored = kind == "share" and self.estimate > 0.5
        rate = 1 - self.estimate if mirrored else self.estimate
        root, reach = rate ** (1 / 3), reach / (3 * rate ** (2 / 3))
        low, high = max(0.0, root - reach) ** 3, (root + reach) ** 3
        return (1 - high, 1 - low) if mirrored else (low, high)


def bootstrap_rate(
    numerators: npt.ArrayLike, denominators: npt.ArrayLike, *, n_resamples: int = 10_000, seed: int = 0
) -> RateBootstrap:
    """Draw as many units as there are, with replacement, and compute the rate of each such replicate.

    Parameters
    ----------
    numerators
        One number for each unit: its errors, or its difference in errors.
    denominators
        One number for each unit: its reference words, 0 or more.
    n_resamples
        Number of replicates, 100 or more.
    seed
        Seed of the bootstrap. The same seed gives the same replicates.

    Returns
    -------
    RateBootstrap
        The rate and its replicates, with the methods `interval`, `p_value` and `share_below`.

    Raises
    ------
    InputError
        If the arrays differ in length, are not finite, or a denominator is negative; if `n_resamples` is below 100.

    Notes
    -----
    The standard error of a replicate is that of a ratio of sums, √(B/(B−1) Σ(e − r n)²) / Σn, over the B units drawn.
    The standard error of the estimate is the jackknife's, which does not shrink if few units hold most of the words.

    With h = n / Σn the CR2 variance is Σ (e − r n)² / (1 − h) / (Σn)². Its degrees of freedom are those of Bell and
    McCaffrey for units that each have their own rate (variance of e proportional to n²), as speakers do. In the
    simulations of docs/metrics-uncertainty.md they give 1 to 4 points more coverage than those for independent
    words. Sources: Bell and McCaffrey, "Bias reduction in standard errors for linear regression with multi-stage
    samples", Survey Methodology 28, 2002; Pustejovsky and Tipton, "Small-sample methods for cluster-robust variance
    estimation and hypothesis testing in fixed effects models", Journal of Business & Economic Statistics 36, 2018.

    Examples
    --------
    >>> drawn = bootstrap_rate([1, 0, 3, 2], [10, 8, 12, 10])
    >>> drawn.estimate, drawn.units, len(drawn.rates)
    (0.15, 4, 10000)
    """
    errors, words = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    if errors.shape != words.shape or errors.ndim != 1:
        raise InputError(
            f"numerators have the shape {errors.shape}, denominators {words.shape}; give one of each for every unit."
        )
    if not (np.isfinite(errors).all() and np.isfinite(words).all() and (words >= 0).all()):
        raise InputError("numerators must be finite, denominators finite and 0 or more.")
    _check_replicates(n_resamples)
    count, total = len(words), float(words.sum())
    if count < 2 or total == 0:
        estimate = float(errors.sum()) / total if total else nan
        return RateBootstrap(estimate, nan, count, float(errors.sum()), total, nan, nan, np.empty(0), np.empty(0))
    estimate = float(errors.sum()) / total

    # Residuals are used instead of errors, because the squares below would cancel if rates hardly differ.
    distinct, times = _distinct(errors, words)
    residual = distinct[:, 0] - estimate * distinct[:, 1]
    size = distinct[:, 1]
    columns = np.column_stack([residual, size, residual * residual, residual * size, size * size])
    sums = resampled_sums(columns, times, n_resamples=n_resamples, seed=seed)
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
        wrong = np.rint(wrong)  # equal arms must give a difference of exactly 0
    return RateBootstrap(
        estimate,
        _jackknife_error(errors, words),
        count,
        float(errors.sum()),
        total,
        *_cr2(errors - estimate * words, words),
        wrong / sums[:, 1],
        studentized,
    )


class MatchedPairs(NamedTuple):
    """Result of the matched pairs test: number of segments, mean and s.d. of the differences, Z, two-sided p."""

    segments: int
    mean: float
    standard_deviation: float
    z: float
    p: float


def mapsswe(errors_a: npt.ArrayLike, errors_b: npt.ArrayLike) -> MatchedPairs:
    """Run the matched pairs sentence-segment word error test (NIST's MAPSSWE).

    Parameters
    ----------
    errors_a, errors_b
        Errors of each system in each segment, from `soniox_ds.metrics.stats.mapsswe.error_segments`.

    Returns
    -------
    MatchedPairs
        For d = errors_a − errors_b: Z = mean / (s.d. / √segments), two-sided p from the normal distribution. As in
        NIST's tool, an s.d. of 0 gives Z = 0. All values are NaN for fewer than two segments.

    Examples
    --------
    >>> [round(value, 3) for value in mapsswe([2, 1, 1, 0, 3], [0, 1, 0, 1, 1])]
    [5, 0.8, 1.304, 1.372, 0.17]
    """
    from scipy import stats

    difference = np.asarray(errors_a, np.float64) - np.asarray(errors_b, np.float64)
    count = len(difference)
    if count < 2:
        return MatchedPairs(count, nan, nan, nan, nan)
    mean, spread = float(difference.mean()), float(difference.std(ddof=1))
    z = mean / (spread / count**0.5) if spread > 0 else 0.0
    return MatchedPairs(count, mean, spread, z, float(2 * stats.norm.sf(abs(z))))


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the exact two-sided p of "A and B are right equally often", from the items that only one has right.

    >>> mcnemar(1, 4)
    0.375
    >>> mcnemar(0, 0)
    1.0
    """
    from scipy import stats

    if only_a < 0 or only_b < 0:
        raise InputError(f"mcnemar takes two counts, found {only_a} and {only_b}.")
    return float(stats.binomtest(min(only_a, only_b), only_a + only_b).pvalue) if only_a + only_b else 1.0


def holm(p_values: Sequence[float] | FloatArray) -> FloatArray:
    """Correct p values for multiple comparisons with Holm's method.

    The corrected values can be compared with the usual level. NaN (no test) stays NaN and is not counted as a
    comparison.

    >>> holm([0.01, 0.04, 0.03, float("nan")])
    array([0.03, 0.06, 0.06,  nan])
    """
    p = np.asarray(p_values, np.float64)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    corrected = np.full(len(p), nan)
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return corrected


def check_level(ci: Any) -> None:
    """Raise InputError unless `ci` lies between 0 and 1."""
    check_number(ci, "ci", above=0, below=1, advice="give the level of the interval as a share, such as 0.95.")


def check_method(method: Any) -> None:
    """Raise InputError for an unknown kind of interval."""
    if method not in METHODS:
        raise InputError(f"method is {method!r}; it can be {' or '.join(map(repr, METHODS))}.")


def checked_resampling(ci: Any, method: Any, n_resamples: Any, seed: Any) -> Resampling:
    """Check the four settings of an interval and return them; raise InputError for an impossible value."""
    check_level(ci)
    check_method(method)
    _check_replicates(n_resamples)
    check_number(seed, "seed", whole=True, least=0, advice="give a whole number, 0 or more.")
    return Resampling(float(ci), method, int(n_resamples), int(seed))


def _check_replicates(n_resamples: Any) -> None:
    """Raise InputError unless there are enough replicates for a quantile."""
    advice = "give a whole number, 100 or more (10,000 is usual)."
    check_number(n_resamples, "n_resamples", whole=True, least=100, advice=advice)


def _distinct(errors: FloatArray, words: FloatArray) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Return the distinct pairs of errors and words, sorted, and the number of units with each."""
    order = np.lexsort((words, errors))
    pairs = np.column_stack([errors[order], words[order]])
    new = np.append(True, (pairs[1:] != pairs[:-1]).any(axis=1))
    starts = np.flatnonzero(new)
    return pairs[starts], np.diff(np.append(starts, len(pairs)))


def _jackknife_error(errors: FloatArray, words: FloatArray) -> float:
    """Return the jackknife standard error of the pooled rate over units; NaN if one unit holds all the words."""
    rest = words.sum() - words
    if (rest <= 0).any():
        return nan
    without = (errors.sum() - errors) / rest
    deviation = without - without.mean()
    error = float(np.sqrt((len(words) - 1) / len(words) * np.dot(deviation, deviation)))
    return error if error > 1e-12 * max(1e-300, float(np.abs(without).max())) else 0.0


def _cr2(residuals: FloatArray, words: FloatArray) -> tuple[float, float]:
    """Return the standard error of the pooled rate with the CR2 variance, and its degrees of freedom.

    With V = e' R' C R e, where R removes the pooled rate (R = I − h 1') and C = diag(1 / (1 − h)), the degrees of
    freedom are tr(C R Φ R')² / tr((C R Φ R')²) for Φ = diag(n²). The sums over pairs are multiplied out, so that the
    time is linear in the number of units.
    """
    share = words / words.sum()
    if (share >= 1).any():
        return nan, nan
    scale = 1 / (1 - share)
    error = float(np.sqrt(np.dot(residuals**2, scale))) / float(words.sum())
    variance = share**2  # variance of the numerators, up to a factor
    total = variance.sum()
    diagonal = variance * (1 - 2 * share) + share**2 * total  # the diagonal of R Φ R'
    # The formula of the other entries, −h_i φ_j − h_j φ_i + h_i h_j Σφ, gives this value on the diagonal.
    off_diagonal = diagonal - variance
    a, b, d = (float(np.dot(scale, column)) for column in (share**2, variance**2, share * variance))
    pairs = 2 * a * b + (a * total) ** 2 + 2 * d * d - 4 * a * d * total
    squares = pairs + float(np.dot(scale**2, diagonal**2 - off_diagonal**2))
    return error, float(np.dot(scale, diagonal)) ** 2 / squares


def _outer_quantiles(values: FloatArray, tail: float) -> tuple[float, float]:
    """Return the quantiles `tail` and 1 − `tail`, each the next value outwards (infinite values cannot be averaged)."""
    last = len(values) - 1
    low, high = int(np.floor(tail * last)), int(np.ceil((1 - tail) * last))
    ordered = np.partition(values, [low, high])
    return float(ordered[low]), float(ordered[high])
