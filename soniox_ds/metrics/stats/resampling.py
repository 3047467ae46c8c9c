"""Sums over units drawn with replacement, many thousands of times: the core of the bootstrap.

Conventions: a replicate draws as many units as there are. Only the sums over the drawn units are returned; the number
of times that each unit was drawn is computed in chunks and discarded.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["resampled_sums"]

FloatArray = npt.NDArray[np.float64]

_CELLS_PER_CHUNK = 80_000  # weights held at a time: 640 kB, small enough for the cache
_BYTES_PER_CHUNK = 160_000  # weights of one byte each that are drawn at a time
_WIDTH = 5_000  # units whose weights are multiplied at a time, so that their columns stay in the cache
_CELLS_PER_BINOMIAL = 40  # one binomial draw takes as long as drawing and adding this many units
_CHUNKS_AT_ONCE = 10
_FEW_ROWS = 16
_SHORTFALLS = np.linspace(2, 3, 11)  # standard deviations by which Poisson numbers may fall short of the units to draw
_MOST_DRAWN = 32  # a Poisson number with a mean of 1 exceeds this with a probability of 1e-36


def resampled_sums(columns: FloatArray, times: npt.NDArray[np.int64], *, n_resamples: int, seed: int = 0) -> FloatArray:
    """Sum over units that are drawn with replacement, as many as there are.

    Parameters
    ----------
    columns
        One row for each *distinct* unit, any number of columns.
    times
        Number of units that are equal to each row (1 or more). If many units are equal, they are drawn together by one
        multinomial draw, which only saves time: 20,000 utterances have a few hundred different pairs of errors and
        words.
    n_resamples, seed
        See `bootstrap_rate`.

    Returns
    -------
    array
        Shape ``(n_resamples, columns)``. Weights are drawn and used in chunks of constant size.

    Examples
    --------
    >>> resampled_sums(np.array([[1.0, 10.0], [0.0, 8.0]]), np.array([5, 3]), n_resamples=10_000).mean(axis=0).round()
    array([ 5., 74.])
    """
    rng = np.random.default_rng(seed)
    count = int(times.sum())
    if len(columns) * _CELLS_PER_BINOMIAL >= count:
        return _sums_of_single_units(np.repeat(columns, times, axis=0), n_resamples, rng)
    sums = np.empty((n_resamples, columns.shape[1]))
    rows = max(1, _CELLS_PER_CHUNK // len(columns))
    for start in range(0, n_resamples, rows):
        weights = rng.multinomial(count, times / count, size=min(rows, n_resamples - start))
        sums[start : start + len(weights)] = weights.astype(np.float64) @ columns
    return sums


def _sums_of_single_units(units: FloatArray, n_resamples: int, rng: np.random.Generator) -> FloatArray:
    """Compute `resampled_sums` for units most of which are different.

    Each unit first gets an independent Poisson number with a mean a little below 1 as its number of draws. This is far
    faster than drawing units singly, because the numbers come from random bytes in bulk. Independent Poisson numbers
    with a known total are distributed exactly like the counts of that many draws with replacement. Replicates with too
    many units are drawn again, and missing units are drawn singly. Both steps depend only on the total and not on which
    units were drawn, so the result is exactly that of the bootstrap.
    """
    count = len(units)
    edges, rare = _poisson_by_bytes(np.maximum(0.0, 1 - _SHORTFALLS / count**0.5))
    width = min(count, _WIDTH)
    rows = max(1, min(n_resamples, (_BYTES_PER_CHUNK if count > width else _CELLS_PER_CHUNK) // count))
    rowwise = np.column_stack([units, np.ones(count)])
    # A few long rows are multiplied faster with contiguous columns, many short rows are not.
    columns = np.asfortranarray(rowwise) if rows <= _FEW_ROWS else rowwise
    cells = rows * count
    weights, over = np.zeros(cells, np.uint8), np.zeros(cells, np.bool_)
    weighted = np.empty((rows, width))

    def chunk() -> FloatArray:
        raw = rng.bit_generator.random_raw(-(-cells // 8)).view(np.uint8)[:cells]
        for place, edge in enumerate(edges):
            np.greater_equal(raw, edge, out=over if place else weights.view(np.bool_))
            if place:
                np.add(weights, over.view(np.uint8), out=weights)
        if len(edges) == 1:
            np.copyto(over, weights.view(np.bool_))
        undecided = np.flatnonzero(over)
        weights[undecided] = np.searchsorted(rare, rng.random(len(undecided)), side="right")
        table = weights.reshape(rows, count)
        drawn = np.zeros((rows, columns.shape[1]))
        for first in range(0, count, width):
            part = table[:, first : first + width]
            some = weighted[:, : part.shape[1]]
            np.copyto(some, part)
            drawn += some @ columns[first : first + width]
        return drawn

    sums = np.empty((n_resamples, units.shape[1]))
    done = 0
    while done < n_resamples:
        chunks = min(_CHUNKS_AT_ONCE, -(-(n_resamples - done) // rows))
        drawn = np.concatenate([chunk() for _ in range(chunks)])
        lacking = (count - drawn[:, -1]).astype(np.int64)
        kept = np.flatnonzero(lacking >= 0)[: n_resamples - done]
        drawn, lacking = drawn[kept], lacking[kept]
        some = np.flatnonzero(lacking)
        if len(some):
            more = rowwise.take(rng.integers(0, count, int(lacking.sum())), axis=0)
            drawn[some] += np.add.reduceat(more, (np.cumsum(lacking) - lacking)[some], axis=0)
        sums[done : done + len(kept)] = drawn[:, :-1]
        done += len(kept)
    return sums


def _poisson_by_bytes(means: FloatArray) -> tuple[npt.NDArray[np.uint8], FloatArray]:
    """Return the edges that turn a random byte into a Poisson number: the number of edges that the byte reaches.

    A probability is seldom a multiple of 1/256. The remainders are collected behind the last edge: a byte that reaches
    it is undecided, and a further random number is compared with the cumulative distribution of the remainders. Among
    the possible means, the first with the smallest remainder is used.
    """
    from scipy import stats

    chances = 256 * stats.poisson.pmf(np.arange(_MOST_DRAWN)[:, None], means)
    chances = chances[:, int(np.argmax(np.floor(chances).sum(axis=0)))]
    bytes_each = np.floor(chances)
    edges = np.unique(np.cumsum(bytes_each))
    rest = chances - bytes_each
    rare = np.cumsum(rest / rest.sum()) if rest.any() else np.ones(_MOST_DRAWN)
    rare[-1] = 1.0
    return edges[edges < 256].astype(np.uint8), rare
