"""Statistical power and sample size of a comparison.

Conventions: a difference is detected if the interval of `compare_errors` excludes 0. The number of blocks (speakers,
sessions) is decisive, not the number of words: more audio of the same speakers adds little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from math import ceil, isfinite, sqrt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, stats

from soniox_ds._arguments import check_number
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.stats.blocks import WORDS, Measure, block_columns, blocks_of, checked_errors
from soniox_ds.metrics.stats.bootstrap import check_level
from soniox_ds.metrics.stats.compare import check_settings, paired_blocks, shared_measure
from soniox_ds.schema import POWER, conform
from soniox_ds.schema.inputs import refuse_transcripts

__all__ = ["FEWEST_BLOCKS", "power"]

FEWEST_BLOCKS = 2
"""Fewer blocks have no interval."""

_MOST_BLOCKS = 10**9
_SHARE = "give a share between 0 and 1, such as 0.8."
_ROOTS, _TWICE_WEIGHTS = np.polynomial.legendre.leggauss(200)
_NODES, _WEIGHTS = (_ROOTS + 1) / 2, _TWICE_WEIGHTS / 2  # mapped from (-1, 1) to (0, 1)


class _Pilot(NamedTuple):
    """The known facts about blocks: spread of the paired difference, and mean size of a block (NaN: not known)."""

    block_sd: float
    recordings: float = np.nan
    size: float = np.nan
    hours: float = np.nan
    block: Any = pd.NA
    basis: str = "block_sd as given"
    measure: Measure = WORDS


def power(
    errors: pd.DataFrame | Mapping[str, pd.DataFrame] | Sequence[pd.DataFrame] | None = None,
    *,
    difference: float | Sequence[float] | None = None,
    blocks: int | Sequence[int] | None = None,
    target: float = 0.8,
    block: str | Sequence[str] | None = None,
    ci: float = 0.95,
    block_sd: float | None = None,
    correlation: float = 0.5,
) -> pd.DataFrame:
    """Compute the audio needed to detect a difference, the power, or the smallest difference that can be detected.

    Give `difference` to get the number of blocks, both to get the power, or `blocks` alone to get the smallest
    difference that is detected with probability `target`. Lists give one row for each value or combination.

    Parameters
    ----------
    errors
        A pilot, ``schema.WORD_ERRORS`` or ``schema.CHARACTER_ERRORS``: the tables of two arms (a mapping or a list), or
        of one arm. None if `block_sd` is given.
    difference
        True difference in word (or character) error rate: 0.01 is one percentage point. Its sign does not matter.
    blocks
        Number of blocks, 2 or more.
    target
        The desired power, as a share.
    ci
        Level of the interval that has to exclude 0.
    block
        See `compare_errors`.
    block_sd
        Standard deviation, over blocks of average size, of the paired difference in error rate.
    correlation
        Correlation of the two arms' errors over blocks, -1 to 1; used only if `errors` is a single arm. 0.5 is
        cautious: recordings that are hard for one system are usually hard for another. Arms that differ in one option
        correlate far more, so even a small pilot of both arms is worthwhile.

    Returns
    -------
    DataFrame
        ``schema.POWER``, one row for each difference or number of blocks. Blocks are rounded up. For characters
        `reference_characters` replaces `reference_words`.

    Raises
    ------
    InputError
        If neither `difference` nor `blocks` is given, a value is out of range, or the pilot has fewer than two blocks
        or no spread, or mixes words and characters, normalisers or costs.

    Notes
    -----
    Formula: with B blocks the standard error of the difference is block_sd / √B, and the probability that a t interval
    with B − 1 degrees of freedom excludes 0 is that of the noncentral t distribution. For one arm, block_sd is its own
    spread times √(2 (1 − correlation)). Simulated studies of 24 and of 100 blocks detected the
    difference at least as often as predicted; where 80 % were predicted, studies of 8 blocks detected it in 79 % and of
    5 blocks in 70 %. A pilot of few blocks estimates its spread poorly: with 10 blocks, block_sd is off by a quarter
    either way, and the number of blocks by half.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> sx.metrics.power(block_sd=0.04, difference=[0.01, 0.02])[["difference", "power", "blocks"]].round(3)
       difference  power  blocks
    0        0.01  0.802     128
    1        0.02  0.808      34
    >>> sx.metrics.power(block_sd=0.04, blocks=50)[["difference", "power"]].round(4)
       difference  power
    0      0.0162    0.8
    """
    check_level(ci)
    check_number(target, "target", above=0, below=1, advice=_SHARE)
    advice = "it lies between -1 and 1 (1 would mean equal arms)."
    check_number(correlation, "correlation", least=-1, below=1, advice=advice)
    pilot = _pilot(errors, block, block_sd, correlation)
    differences = [_checked_difference(value) for value in _values_of(difference)]
    counts = [_checked_blocks(value) for value in _values_of(blocks)]
    if not differences and not counts:
        raise InputError(
            "pass difference= for the number of blocks it needs, blocks= for the difference they can detect, or both."
        )

    results: list[tuple[float, float, int]]
    if differences and counts:
        results = [
            (size_of_difference, _power(size_of_difference, n_blocks, pilot.block_sd, ci), n_blocks)
            for size_of_difference, n_blocks in product(differences, counts)
        ]
    elif differences:
        needed = [_blocks_needed(size_of_difference, pilot.block_sd, target, ci) for size_of_difference in differences]
        results = [
            (size_of_difference, _power(size_of_difference, n_blocks, pilot.block_sd, ci), n_blocks)
            for size_of_difference, n_blocks in zip(differences, needed, strict=True)
        ]
    else:
        results = [
            (_smallest_difference(n_blocks, pilot.block_sd, target, ci), target, n_blocks) for n_blocks in counts
        ]
    rows = [
        {
            "difference": size_of_difference,
            "power": probability,
            "blocks": n_blocks,
            "recordings": _rounded_up(n_blocks, pilot.recordings),
            WORDS.size: _rounded_up(n_blocks, pilot.size),
            "hours": n_blocks * pilot.hours if isfinite(pilot.hours) else pd.NA,
            "block_sd": pilot.block_sd,
            "block": pilot.block,
            "basis": pilot.basis,
        }
        for size_of_difference, probability, n_blocks in results
    ]
    return conform(pd.DataFrame(rows), POWER).rename(columns={WORDS.size: pilot.measure.size})


def _power(difference: float, blocks: int, block_sd: float, ci: float) -> float:
    """Return the probability that a two-sided t interval of `blocks` blocks excludes 0, from the noncentral t.

    The probability is integrated over the estimated spread, because scipy's noncentral t is NaN if one tail is very
    small.
    """
    freedom, shift = blocks - 1, difference * sqrt(blocks) / block_sd
    spread = np.sqrt(stats.chi2.ppf(_NODES, freedom) / freedom)
    bound = stats.t.ppf((1 + ci) / 2, freedom) * spread
    return float(np.dot(_WEIGHTS, stats.norm.sf(bound - shift) + stats.norm.cdf(-bound - shift)))


def _blocks_needed(difference: float, block_sd: float, target: float, ci: float) -> int:
    def enough(blocks: int) -> bool:
        return _power(difference, blocks, block_sd, ci) >= target

    high = FEWEST_BLOCKS
    while not enough(high):
        high *= 2
        if high > _MOST_BLOCKS:
            raise InputError(
                f"a difference of {difference:g} would take more than {_MOST_BLOCKS:,} blocks with block_sd "
                f"{block_sd:g}; no study can detect it."
            )
    low = max(FEWEST_BLOCKS, high // 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return high


def _smallest_difference(blocks: int, block_sd: float, target: float, ci: float) -> float:
    if target <= 1 - ci:
        raise InputError(
            f"target is {target:g}: with ci={ci:g} a test reaches this power even when there is no difference at all."
        )

    def missing(shift: float) -> float:
        return _power(shift * block_sd / sqrt(blocks), blocks, block_sd, ci) - target

    most = 20 + 20 * float(stats.t.ppf((1 + ci) / 2, blocks - 1))
    return float(optimize.brentq(missing, 0.0, most, xtol=1e-9)) * block_sd / sqrt(blocks)


def _pilot(errors: Any, block: str | Sequence[str] | None, block_sd: Any, correlation: float) -> _Pilot:
    refuse_transcripts(errors, "a table of errors", "sx.metrics.power(sx.word_errors(corpus))")
    if errors is None:
        if block_sd is None:
            raise InputError(
                "pass the errors of a pilot (one arm or two), or block_sd=, the standard deviation of the difference."
            )
        if not isinstance(block_sd, (int, float)) or not (isfinite(block_sd) and block_sd > 0):
            raise InputError(f"block_sd is {block_sd!r}; give a standard deviation above 0, such as 0.03.")
        return _Pilot(float(block_sd))
    if block_sd is not None:
        raise InputError("pass either errors or block_sd, not both.")
    arms = [errors] if isinstance(errors, pd.DataFrame) else _arms(errors)
    size: npt.NDArray[Any]
    measure = shared_measure(arms)
    tables = [checked_errors(arm, f"pilot {number}", measure) for number, arm in enumerate(arms, 1)]
    if len(tables) == 2:
        paired = paired_blocks(tables[0], tables[1], block, "the two arms of the pilot", measure)
        columns, recordings, size = paired.columns, paired.recordings, paired.size
        spread = _spread(paired.errors_b - paired.errors_a, size, measure)
        basis = f"paired pilot of {len(size)} blocks"
    else:
        check_settings(tables, "the recordings of the pilot", measure)
        columns = block_columns(tables[0], block)
        recordings = tables[0][tables[0]["status"] == "scored"]
        blocks = blocks_of(recordings, columns)
        wrong = recordings[["substitutions", "deletions", "insertions"]].sum(axis=1).to_numpy(np.float64)
        size = np.bincount(blocks.codes, recordings[measure.size].to_numpy(np.float64), minlength=blocks.total)
        errors_of = np.bincount(blocks.codes, wrong, minlength=blocks.total)
        spread = _spread(errors_of, size, measure) * sqrt(2 * (1 - correlation))
        basis = f"pilot of one arm, {len(size)} blocks; a correlation of {correlation:g} between arms is assumed"
    count = len(size)
    total_ms = recordings["duration_ms"].sum(skipna=False)
    return _Pilot(
        spread,
        len(recordings) / count,
        float(size.sum()) / count,
        np.nan if pd.isna(total_ms) else float(total_ms) / 3_600_000 / count,
        "+".join(columns),
        basis,
        measure,
    )


def _spread(errors: npt.NDArray[Any], size: npt.NDArray[Any], measure: Measure) -> float:
    """Return the s.d. over blocks of the linearised rate; divided by √blocks, it is the error of the pooled rate."""
    if len(size) < 2 or size.sum() == 0:
        raise InputError(
            f"the pilot has {len(size)} blocks with {size.sum():.0f} {measure.noun}; two or more blocks are needed to "
            "estimate the standard deviation."
        )
    spread = float(np.std((errors - errors.sum() / size.sum() * size) / size.mean(), ddof=1))
    if spread < 1e-12:
        raise InputError(
            "all blocks of the pilot have the same rate, so the standard deviation cannot be estimated; pass block_sd=."
        )
    return spread


def _arms(errors: Any) -> list[Any]:
    arms = (
        list(errors.values()) if isinstance(errors, Mapping) else list(errors) if isinstance(errors, Sequence) else []
    )
    if len(arms) not in (1, 2):
        raise InputError(
            f"errors is {type(errors).__name__}{f' of {len(arms)}' if arms else ''}; give one table of word_errors "
            "(or character_errors), or two in a mapping or list."
        )
    return arms


def _values_of(value: Any) -> list[Any]:
    if value is None:
        return []
    listed = (
        list(value) if isinstance(value, (Sequence, np.ndarray, pd.Series)) and not isinstance(value, str) else [value]
    )
    if not listed:
        raise InputError("difference and blocks must be a number or a list of numbers, found an empty list.")
    return listed


def _checked_difference(value: Any) -> float:
    if isinstance(value, str) or not isfinite(value) or not 0 < abs(value) < 1:
        raise InputError(f"difference is {value!r}; give a share between 0 and 1: 0.01 is one percentage point.")
    return abs(float(value))


def _checked_blocks(value: Any) -> int:
    if (
        isinstance(value, str)
        or not isfinite(value)
        or value != int(value)
        or not FEWEST_BLOCKS <= value <= _MOST_BLOCKS
    ):
        raise InputError(f"blocks is {value!r}; give a whole number, {FEWEST_BLOCKS} or more.")
    return int(value)


def _rounded_up(blocks: int, per_block: float) -> Any:
    return ceil(blocks * per_block - 1e-9) if isfinite(per_block) else pd.NA
