"""Minimum number of word errors if two words may be aligned only if their times overlap.

Conventions: times are milliseconds; intervals that only touch do not overlap. If several alignments have the fewest
errors, the alignment with the fewest insertions and deletions is counted, so that the counts are unique.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from soniox_ds.metrics.words.edit_paths import Ids

__all__ = ["Floats", "TimedWords", "constrained_errors", "shared_out"]

Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.intp]


class TimedWords(NamedTuple):
    """Words as numbers, in order, each with its start and end in ms."""

    ids: Ids
    begin: Floats
    end: Floats


def shared_out(begin: Floats, end: Floats, rows: _Ints, characters: _Ints) -> tuple[Floats, Floats]:
    """Divide the time of each row among its words, by their number of characters.

    Parameters
    ----------
    begin, end
        Start and end of each row, in ms.
    rows
        The row of each word, ascending.
    characters
        Number of characters of each word.

    Examples
    --------
    >>> begin, end = shared_out(np.array([0.0]), np.array([600.0]), np.array([0, 0]), np.array([2, 1]))
    >>> begin.tolist(), end.tolist()
    ([0.0, 400.0], [400.0, 600.0])
    """
    total = np.bincount(rows, weights=characters, minlength=len(begin))[rows]
    after = np.cumsum(characters)
    first = np.searchsorted(rows, rows)  # position of the first word of the same row
    after = after - (after[first] - characters[first]) if len(rows) else after
    before = after - characters
    length = (end - begin)[rows] / total
    alone = after == total
    starts = begin[rows] + length * before
    return starts, np.where(alone & (before == 0), end[rows], begin[rows] + length * after)


def constrained_errors(reference: TimedWords, hypothesis: TimedWords) -> tuple[int, int, int]:
    """Count the substitutions, deletions and insertions of the cheapest alignment within the times.

    Only the cells between the first and the last word that may still be aligned are computed, so that the time of
    a long recording grows in proportion to its length.

    Examples
    --------
    >>> reference = TimedWords(np.array([1, 2], np.int32), np.array([0.0, 500.0]), np.array([400.0, 900.0]))
    >>> hypothesis = TimedWords(np.array([1, 2], np.int32), np.array([0.0, 950.0]), np.array([400.0, 990.0]))
    >>> constrained_errors(reference, hypothesis)
    (0, 1, 1)
    """
    rows, columns = len(reference.ids), len(hypothesis.ids)
    if not rows or not columns:
        return 0, rows, columns
    error = rows + columns + 1  # an error outweighs any number of insertions and deletions
    gap = error + 1

    # No reference word from row i on can overlap a word before first[i], and no word up to row i one from last[i] on.
    earliest = np.minimum.accumulate(reference.begin[::-1])[::-1]
    latest = np.maximum.accumulate(reference.end)
    first = np.searchsorted(np.maximum.accumulate(hypothesis.end), earliest, side="right")
    last = np.searchsorted(np.minimum.accumulate(hypothesis.begin[::-1])[::-1], latest, side="left")

    cost = np.arange(columns + 1, dtype=np.int64) * gap
    steps = cost.copy()
    known = 0  # costs up to this column belong to the present row; those beyond it follow by insertions
    for row in range(rows):
        low, high = int(first[row]), max(int(last[row]), int(first[row]), known)
        cost[known + 1 : high + 1] = cost[known] + steps[1 : high - known + 1]
        known = high
        before = cost[low : high + 1]
        now = before + gap
        words = slice(low, high)
        meets = (hypothesis.begin[words] < reference.end[row]) & (reference.begin[row] < hypothesis.end[words])
        aligned = before[:-1] + np.where(hypothesis.ids[words] == reference.ids[row], 0, error)
        now[1:] = np.where(meets, np.minimum(now[1:], aligned), now[1:])
        window = steps[: high - low + 1]
        cost[low : high + 1] = np.minimum.accumulate(now - window) + window
    total = int(cost[known]) + gap * (columns - known)
    errors, unpaired = divmod(total, error)
    deletions = (unpaired + rows - columns) // 2
    return errors - unpaired, deletions, unpaired - deletions
