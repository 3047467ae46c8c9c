"""Recalibration of confidences with a map learnt from words whose verdict is known.

Conventions: a map never changes the order of confidences (it may make neighbours equal), and it is judged only on
recordings, speakers or other groups that it was not fitted on. Deletions have no confidence and are left out.

References: Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability estimates", KDD
2002 (isotonic); Platt, "Probabilistic outputs for support vector machines", 1999 (logistic, with his targets).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._arguments import check_number
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.confidence.calibration import calibration
from soniox_ds.metrics.confidence.word_confidence import checked_confidence, judged
from soniox_ds.metrics.words.alignments import Alignments, alignments_of
from soniox_ds.schema import need

__all__ = ["METHODS", "Recalibration", "fit_recalibration"]

METHODS = ("isotonic", "platt")

_LOGIT_CLIP = 1e-4  # a confidence of exactly 1 has no logit; recognisers round to about this many digits

Bools = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Values = TypeVar("Values")


@dataclass(frozen=True, eq=False)
class Recalibration:
    """A map from confidence to the probability of being right, from `sx.metrics.fit_recalibration`."""

    method: str
    """"isotonic" or "platt"."""
    group: str
    """The column whose values were kept together in cross-fitting."""
    words: int
    """Number of words that the map was fitted on."""
    folds: int
    """Number of parts into which the groups were divided for cross-fitting."""
    knots: FloatArray = field(repr=False)
    """Confidences between which the map is linear (isotonic), or slope and intercept on the logit (platt)."""
    levels: FloatArray = field(repr=False)
    """The value of the map at each knot; empty for platt."""
    cross_fitted: pd.DataFrame = field(repr=False)
    """The alignments, each confidence recalibrated with a map fitted on other groups; for `reliability`, `roc`, ..."""
    as_given: pd.DataFrame = field(repr=False)
    """The alignments as they were given."""

    def apply(self, confidences: Values) -> Values:
        """Recalibrate confidences.

        Parameters
        ----------
        confidences
            Series, array or list of numbers from 0 to 1; missing values stay missing.

        Returns
        -------
        Series or array
            For a Series, a Series (Float64, same index); otherwise an array of float, with NaN for missing values.

        Raises
        ------
        InputError
            If `confidences` has another type, such as a table.
        SchemaError
            If a value lies outside 0 to 1.
        """
        given: Any = confidences
        if isinstance(given, (pd.DataFrame, Mapping, str)) or not hasattr(given, "__len__"):
            of_table = "; of a table, pass its column table['confidence']" if isinstance(given, pd.DataFrame) else ""
            raise InputError(
                f"apply takes a Series, an array or a list of confidences, found {type(given).__name__}{of_table}."
            )
        numbers = checked_confidence(pd.DataFrame({"confidence": np.array([]) if len(given) == 0 else given}))
        mapped = np.where(numbers.known, _applied(self.knots, self.levels, numbers.values), np.nan)
        result: Any = mapped
        if isinstance(given, pd.Series):
            result = pd.Series(mapped, index=given.index, name=given.name).astype("Float64")
        return result  # type: ignore[no-any-return]  # a Series for a Series, otherwise an array

    def evaluate(self, by: str | Sequence[str] | None = None, **options: Any) -> pd.DataFrame:
        """Compute `calibration` before and after, on words of groups that the map was not fitted on.

        Parameters
        ----------
        by, **options
            See `calibration`; the blocks are the groups of the cross-fitting unless `block` is given.

        Returns
        -------
        DataFrame
            The result of `calibration`, preceded by the column `confidence` ("as given", "recalibrated").
        """
        options.setdefault("block", self.group)
        both = {"as given": self.as_given, "recalibrated": self.cross_fitted}
        tables = [calibration(aligned, by, **options) for aligned in both.values()]
        whole = pd.concat(tables, ignore_index=True)
        names = np.repeat(list(both), [len(aligned) for aligned in tables])
        return pd.concat([pd.DataFrame({"confidence": pd.array(names, dtype="string")}), whole], axis=1)


def fit_recalibration(
    alignments: Alignments, method: str = "isotonic", group: str = "audio_id", *, folds: int = 5
) -> Recalibration:
    """Learn the true probability of each confidence from words whose verdict is known.

    Parameters
    ----------
    alignments
        ``schema.WORD_ALIGNMENTS``: `operation`, `confidence` and the column that `group` names; or a corpus with
        references, which is aligned with the defaults of `align_words`.
    method
        "isotonic": the non-decreasing fit with the least squared error at the confidences that occur, linear between
        them. It fits any non-decreasing shape and needs a thousand words or more. "platt": a logistic curve in the
        logit of the confidence; it has two parameters and suits small data.
    group
        Column of the groups. Words of the same group are never divided in cross-fitting. Use "audio_id", or the column
        of the speaker or session if several recordings have the same speaker or session.
    folds
        Number of parts for cross-fitting; if there are fewer groups, the number of groups.

    Returns
    -------
    Recalibration
        `apply` maps confidences with the map that was fitted on all words. `evaluate` and `cross_fitted` judge the
        method: each group is judged with a map that was fitted on other groups. Pass the result to
        `flag_low_confidence` as ``calibration=``.

    Raises
    ------
    SchemaError
        If a column is absent, a confidence lies outside 0 to 1, a row occurs twice, or a group is NA.
    InputError
        If all words are right or all are wrong, so there is nothing to learn, or there are fewer than two groups.

    Notes
    -----
    Isotonic levels are at least 1/(n + 2) away from 0 and 1, where n is the number of words of the fit. No sample can
    show that a word is certainly right or wrong, and a single exception at 0 or 1 would dominate the cross entropy.
    Platt's slope is at least 0, and confidences are clipped to [0.0001, 0.9999] before their logit is taken. Groups are
    assigned to the folds by size, the largest first, each to the fold with the fewest words.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> alignments = pd.DataFrame({
    ...     "audio_id": ["a", "b", "c", "d"] * 25,
    ...     "operation": ["hit", "substitution", "hit", "hit"] * 25,
    ...     "confidence": [0.9, 0.9, 0.95, 0.95] * 25,
    ... })
    >>> learnt = sx.metrics.fit_recalibration(alignments)
    >>> learnt.apply([0.9, 0.925, 0.95]).round(2)
    array([0.5 , 0.75, 0.99])
    >>> learnt
    Recalibration(method='isotonic', group='audio_id', words=100, folds=4)
    """
    if method not in METHODS:
        raise InputError(f"method is {method!r}; it can be {' or '.join(map(repr, METHODS))}.")
    check_number(folds, "folds", whole=True, least=2, advice="give a whole number, 2 or more.")
    alignments = alignments_of(alignments)
    words = judged(alignments)
    need(alignments, group, name="alignments")
    labels: Any = alignments[group].iloc[words.rows]
    groups, names = pd.factorize(labels)
    if (groups < 0).any():
        raise SchemaError(
            f"the group {group!r} is NA for {int((groups < 0).sum())} of {len(groups)} words; fill in the missing "
            "values, or use groups that are known (group='audio_id')."
        )
    wrong = int((~words.correct).sum())
    if wrong in (0, len(words.correct)):
        problem = f"all words are {'wrong' if wrong else 'right'}" if len(words.correct) else "there are no words"
        raise InputError(f"{problem}, so there is nothing to learn; fit on alignments with right and wrong words.")
    if len(names) < 2:
        raise InputError(
            f"all {len(groups)} words have the {group} {names[0]!r}; cross-fitting needs two or more groups."
        )
    fold = _dealt(np.bincount(groups), min(int(folds), len(names)))[groups]
    crossed = np.empty(len(groups))
    for part in range(fold.max() + 1):
        judge = fold == part
        crossed[judge] = _applied(
            *_fitted(words.confidence[~judge], words.correct[~judge], method), words.confidence[judge]
        )
    knots, levels = _fitted(words.confidence, words.correct, method)
    column = np.full(len(alignments), np.nan)
    column[words.rows] = crossed
    return Recalibration(
        method=method,
        group=group,
        words=len(groups),
        folds=int(fold.max()) + 1,
        knots=knots,
        levels=levels,
        cross_fitted=alignments.assign(confidence=pd.Series(column, index=alignments.index).astype("Float64")),
        as_given=alignments,
    )


def _dealt(sizes: npt.NDArray[np.intp], folds: int) -> npt.NDArray[np.intp]:
    """Assign each group to a fold, so that the words are spread evenly."""
    load = np.zeros(folds, np.int64)
    fold = np.zeros(len(sizes), np.intp)
    for group in np.argsort(-sizes, kind="stable"):
        fold[group] = load.argmin()
        load[fold[group]] += sizes[group]
    return fold


def _fitted(confidence: FloatArray, correct: Bools, method: str) -> tuple[FloatArray, FloatArray]:
    return _isotonic(confidence, correct) if method == "isotonic" else (_platt(confidence, correct), np.empty(0))


def _applied(knots: FloatArray, levels: FloatArray, confidence: FloatArray) -> FloatArray:
    if len(levels):
        between: FloatArray = np.interp(confidence, knots, levels)
        return between
    slope, intercept = knots
    return _logistic(slope * _logit(confidence) + intercept)


def _isotonic(confidence: FloatArray, correct: Bools) -> tuple[FloatArray, FloatArray]:
    from scipy.optimize import isotonic_regression

    knots, place = np.unique(confidence, return_inverse=True)
    weights = np.bincount(place).astype(np.float64)
    share = np.bincount(place, correct.astype(np.float64)) / weights
    levels: FloatArray = isotonic_regression(share, weights=weights).x
    margin = 1 / (len(confidence) + 2)
    return knots, np.clip(levels, margin, 1 - margin)


def _platt(confidence: FloatArray, correct: Bools) -> FloatArray:
    """Return the slope and intercept of maximum likelihood, with Platt's targets instead of 0 and 1."""
    from scipy.optimize import minimize

    logit = _logit(confidence)
    right, wrong = int(correct.sum()), int((~correct).sum())
    target = np.where(correct, (right + 1) / (right + 2), 1 / (wrong + 2))

    def loss(at: FloatArray) -> tuple[float, FloatArray]:
        score = at[0] * logit + at[1]
        rest = (_logistic(score) - target) / len(logit)
        value = float(np.mean(np.logaddexp(0, score) - target * score))
        return value, np.array([rest @ logit, rest.sum()])

    base = float(target.mean())
    start = np.array([0.0, np.log(base / (1 - base))])
    solution = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None), (None, None)],
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    slope_and_intercept: FloatArray = solution.x
    return slope_and_intercept


def _logit(confidence: FloatArray) -> FloatArray:
    clipped = np.clip(confidence, _LOGIT_CLIP, 1 - _LOGIT_CLIP)
    logit: FloatArray = np.log(clipped) - np.log1p(-clipped)
    return logit


def _logistic(score: FloatArray) -> FloatArray:
    from scipy.special import expit

    chance: FloatArray = expit(score)
    return chance
