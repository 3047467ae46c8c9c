"""Minimum-cost alignment of one long pair: exact, and near-linear in time if the texts are similar.

Conventions: rows belong to the reference, columns to the hypothesis; cell (i, j) stands after i and j words. Scores are
computed instead of costs: a hit scores `depth`, a substitution 1, an insertion or deletion 0, and more is better, so
that ``cost = gap * (i + j) - (2 * gap / depth) * score``. Of equally good moves the diagonal is preferred, then the
insertion.

Bits instead of cells: each word becomes a mark that matches every mark, followed by ``depth - 1`` copies of the word.
The longest common subsequence of two texts in this form is their score (Tiskin, "Semi-local string comparison:
algorithmic techniques and applications", 2008, chapter on blow-up). A whole row of it takes five operations on one long
integer: a zero bit is a place where the score rises by one (Hyyrö, "Bit-parallel LCS-length computation revisited",
2004).

Few cells: only a staircase of blocks around the chain of unique matching word sequences is computed. Its path is
used if every path that leaves the staircase is proved to cost more (`_certified`). Otherwise the staircase is widened,
if necessary to the whole matrix. The result is therefore the same as that of the whole matrix, ties included, for
all texts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["DELETION", "HIT", "INSERTION", "SUBSTITUTION", "Ids", "Rule", "long_path"]

Ids = npt.NDArray[np.int32]
_Ints = npt.NDArray[np.intp]

HIT, SUBSTITUTION, DELETION, INSERTION = 0, 1, 2, 3

_HALF_WIDTHS = (256, 1024, 4096)
_BLOCK = 256
_LONGEST_SEED = 12
_OFTEN = 64  # a seed that occurs more often than this proves nothing
_FAR = 1 << 40


class Rule(NamedTuple):
    """Costs: an insertion and a deletion cost `gap` each, a substitution ``2 * gap * (depth - 1) / depth``."""

    gap: int
    depth: int


def long_path(reference: Ids, hypothesis: Ids, rule: Rule) -> npt.NDArray[np.uint8]:
    """Return the operations of the cheapest path, in spoken order.

    >>> long_path(np.array([1, 2, 3, 4], np.int32), np.array([1, 5, 4], np.int32), Rule(gap=3, depth=3)).tolist()
    [0, 2, 1, 0]
    """
    for half in _HALF_WIDTHS:
        if 2 * half + 1 > len(hypothesis):
            break
        stairs = _stairs(reference, hypothesis, half)
        operations = _traced(reference, hypothesis, stairs, rule)
        if _certified(reference, hypothesis, stairs, operations, rule):
            return operations
    edges = [*range(0, len(reference), max(_BLOCK, int(len(reference) ** 0.5))), len(reference)]
    whole = [_Block(first, last, 0, len(hypothesis)) for first, last in pairwise(edges)]
    return _traced(reference, hypothesis, whole, rule)


class _Block(NamedTuple):
    """The cells of rows `first` to `last` and columns `low` to `high`, both ends included.

    The last row of a block is the first row of the next; `low` and `high` never decrease from block to block.
    """

    first: int
    last: int
    low: int
    high: int


def _stairs(reference: Ids, hypothesis: Ids, half: int) -> list[_Block]:
    """Return blocks around the likely path, with at least `half` cells on either side of it."""
    rows, columns = len(reference), len(hypothesis)
    known_rows, known_columns = _anchors(reference, hypothesis)
    edges = np.append(np.arange(0, rows, _BLOCK), rows)
    likely = np.interp(
        edges, np.concatenate([[0], known_rows, [rows]]), np.concatenate([[0], known_columns, [columns]])
    ).astype(np.intp)
    return [
        _Block(
            int(edges[step]),
            int(edges[step + 1]),
            max(int(likely[step]) - half, 0) if step else 0,
            min(int(likely[step + 1]) + half, columns) if step + 2 < len(edges) else columns,
        )
        for step in range(len(edges) - 1)
    ]


def _anchors(reference: Ids, hypothesis: Ids) -> tuple[_Ints, _Ints]:
    """Return the longest chain of word sequences that occur exactly once on each side: a guess at the path."""
    for size in (4, 2, 1):
        reference_windows, hypothesis_windows = _windows(reference, hypothesis, size)
        in_reference, first = _singles(reference_windows)
        in_hypothesis, second = _singles(hypothesis_windows)
        _, shared_rows, shared_columns = np.intersect1d(
            in_reference, in_hypothesis, assume_unique=True, return_indices=True
        )
        rows, columns = first[shared_rows], second[shared_columns]
        if len(rows) * 50 >= min(len(reference), len(hypothesis)):
            break
    order = np.argsort(rows)
    rows, columns = rows[order], columns[order]
    chain = _increasing(columns.tolist())
    return rows[chain], columns[chain]


def _windows(reference: Ids, hypothesis: Ids, size: int) -> tuple[_Ints, _Ints]:
    """Number the runs of `size` neighbouring words on both sides; equal runs have equal numbers."""
    _, words = np.unique(np.concatenate([reference, hypothesis]), return_inverse=True)
    names = words.astype(np.intp)
    for _ in range(1, size):
        names = _lengthened(names, words)
    return names[: max(len(reference) - size + 1, 0)], names[len(reference) :]


def _lengthened(names: _Ints, words: _Ints) -> _Ints:
    """Number the runs that are one word longer; `words` are the numbers of runs of one word."""
    pairs = names[:-1] * (int(words.max()) + 1) + words[len(words) - len(names) + 1 :]
    longer: _Ints = np.unique(pairs, return_inverse=True)[1]
    return longer


def _singles(values: _Ints) -> tuple[_Ints, _Ints]:
    distinct, first, times = np.unique(values, return_index=True, return_counts=True)
    return distinct[times == 1], first[times == 1]


def _increasing(values: list[int]) -> list[int]:
    """Return the positions of a longest strictly increasing subsequence."""
    tails: list[int] = []
    positions: list[int] = []
    before: list[int] = []
    for position, value in enumerate(values):
        place = bisect_left(tails, value)
        if place == len(tails):
            tails.append(value)
            positions.append(position)
        else:
            tails[place] = value
            positions[place] = position
        before.append(positions[place - 1] if place else -1)
    chain = []
    position = positions[-1] if positions else -1
    while position >= 0:
        chain.append(position)
        position = before[position]
    return chain[::-1]


def _lines(reference: list[int], hypothesis: list[int], block: _Block, start: int, depth: int) -> Iterator[int]:
    """Yield the rows of a block after the given first row, as bits: a zero bit wherever the score rises."""
    width = depth * (block.high - block.low)
    full = (1 << width) - 1
    marks = full // ((1 << depth) - 1)
    word = (1 << depth) - 2  # the copies behind the mark
    places: dict[int, list[int]] = {}
    for place, name in enumerate(hypothesis[block.low : block.high]):
        places.setdefault(name, []).append(place)
    matches: dict[int, int] = {}
    bits = start
    for name in reference[block.first : block.last]:
        both = bits & marks
        bits = ((bits + both) | (bits - both)) & full
        if name in places:
            match = matches.get(name)
            if match is None:
                match = _spread(places[name], depth, width) * word
                if len(places[name]) > 1:
                    matches[name] = match
            for _ in range(depth - 1):
                both = bits & match
                bits = ((bits + both) | (bits - both)) & full
        yield bits


def _spread(places: list[int], depth: int, width: int) -> int:
    """Return an integer with one bit set at the mark of each place."""
    if len(places) < 16:
        return sum(1 << depth * place for place in places)
    flags = np.zeros(width, np.uint8)
    flags[np.array(places) * depth] = 1
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def _starts(reference: list[int], hypothesis: list[int], stairs: list[_Block], depth: int) -> list[int]:
    """Return the first row of each block."""
    bits = (1 << depth * (stairs[0].high - stairs[0].low)) - 1
    starts = [bits]
    for block, after in pairwise(stairs):
        for bits in _lines(reference, hypothesis, block, bits, depth):  # noqa: B007, B020  # the last one counts
            pass
        new = (1 << depth * (after.high - block.high)) - 1
        bits = (bits | new << depth * (block.high - block.low)) >> depth * (after.low - block.low)
        starts.append(bits)
    return starts


def _traced(reference: Ids, hypothesis: Ids, stairs: list[_Block], rule: Rule) -> npt.NDArray[np.uint8]:
    """Trace the path within the blocks.

    The forward pass keeps only the first row of each block. The backward pass computes the rows of one block at a time
    again, so that memory grows with the square root of the number of cells.
    """
    depth, reference_words, hypothesis_words = rule.depth, reference.tolist(), hypothesis.tolist()
    backwards: list[int] = []
    row, column = len(reference_words), len(hypothesis_words)
    for block, start in zip(
        reversed(stairs), reversed(_starts(reference_words, hypothesis_words, stairs, depth)), strict=True
    ):
        lines = [start, *_lines(reference_words, hypothesis_words, block, start, depth)]
        backwards += [INSERTION] * (column - block.high)
        column = min(column, block.high)
        while row > block.first and column > block.low:
            here, above = lines[row - block.first], lines[row - 1 - block.first]
            # The scores to the left of the cell and of the cell above: only their differences matter, and these follow
            # from the number of zeros up to this place.
            cells = depth * (column - block.low)
            mask = (1 << cells) - 1
            gain = (above & mask).bit_count() - (here & mask).bit_count()  # score here less score above
            while True:
                place = depth * (column - 1 - block.low)
                rise = depth - (here >> place & (1 << depth) - 1).bit_count()
                rise_above = depth - (above >> place & (1 << depth) - 1).bit_count()
                equal = reference_words[row - 1] == hypothesis_words[column - 1]
                if gain + rise_above == (depth if equal else 1):
                    backwards.append(HIT if equal else SUBSTITUTION)
                    row, column = row - 1, column - 1
                    break
                if rise:  # the cell to the left scores less, so the score of this cell comes from above
                    backwards.append(DELETION)
                    row -= 1
                    break
                backwards.append(INSERTION)
                column -= 1
                gain += rise_above
                if column == block.low:
                    break
        backwards += [DELETION] * (row - block.first)
        row = block.first
    backwards += [INSERTION] * column
    return np.array(backwards[::-1], np.uint8)


def _certified(
    reference: Ids, hypothesis: Ids, stairs: list[_Block], operations: npt.NDArray[np.uint8], rule: Rule
) -> bool:
    """Return True if every path that leaves the stairs costs more than P, the best path within them.

    Suppose a path that costs no more leaves the stairs. It parts from P in a cell x, passes a cell outside, and meets P
    next in a cell y. If it always costs more than P between x and y, then replacing that part by P's part makes it
    cheaper than P, which contradicts the choice of P. Let C be the cost of P between x and y. The other path costs more

    - if ``gap * margin > C``: going the distance between P and the edge of the stairs and back takes twice as many
      insertions and deletions, less those that P makes there as well; or
    - if ``gap * seeds > C``: seeds are disjoint pieces of the reference that match nowhere in the hypothesis except on
      P itself, or only so far away that going there and back costs too much. Off P, each seed costs at least one error.
    """
    rows, columns = len(reference), len(hypothesis)
    down, across = operations != INSERTION, operations != DELETION
    row = np.concatenate([[0], np.cumsum(down)])
    column = np.concatenate([[0], np.cumsum(across)])
    prices = np.array([0, 2 * rule.gap * (rule.depth - 1) // rule.depth, rule.gap, rule.gap])
    paid = np.concatenate([[0], np.cumsum(prices[operations])])

    low, high = np.zeros(rows + 1, np.intp), np.full(rows + 1, columns, np.intp)
    for block in stairs:  # the row that two blocks share has only the columns that both have
        low[block.first : block.last + 1] = block.low
        high[block.first + (block.first > 0) : block.last + 1] = block.high
    to_left = np.where(low[row] > 0, column - low[row] + 1, _FAR)
    to_right = np.where(high[row] < columns, high[row] + 1 - column, _FAR)
    margin = int(min(to_left.min(), to_right.min()))

    partner = np.full(rows, -1, np.intp)
    hits = operations == HIT
    partner[row[1:][hits] - 1] = column[1:][hits] - 1
    begun, ended = _seeds(reference, hypothesis, partner, int(paid[-1]) // rule.gap)
    least = np.minimum.accumulate(paid - rule.gap * begun[row])
    far_enough = np.searchsorted(paid, paid - rule.gap * margin, "right")
    known = far_enough > 0
    return bool((least[far_enough[known] - 1] > (paid - rule.gap * ended[row])[known]).all())


def _seeds(reference: Ids, hypothesis: Ids, partner: _Ints, reach: int) -> tuple[_Ints, _Ints]:
    """Count for each row the seeds that began before it, and the seeds that ended at it or before.

    `partner` is the hypothesis word that a reference word matches on P, or -1; a path has at most `reach` insertions
    and deletions.
    """
    rows = len(reference)
    ends = _seed_ends(reference, hypothesis, partner, reach)
    begun, ended = np.zeros(rows + 1, np.intp), np.zeros(rows + 1, np.intp)
    position = 0
    while position < rows and (end := ends[position]) <= rows:
        begun[position + 1] += 1  # the seed may begin later; the earliest beginning is the cautious assumption
        ended[end] += 1
        position = end
    return np.cumsum(begun), np.cumsum(ended)


def _seed_ends(reference: Ids, hypothesis: Ids, partner: _Ints, reach: int) -> list[int]:
    """Return for each row the earliest end of a seed that begins there or later; beyond the last row if none does."""
    rows, columns = len(reference), len(hypothesis)
    _, words = np.unique(np.concatenate([reference, hypothesis]), return_inverse=True)
    words = names = words.astype(np.intp)
    ends = np.full(rows + 1, rows + 1, np.intp)
    undecided = np.arange(rows)
    for size in range(1, min(_LONGEST_SEED, rows, columns) + 1):
        if size > 1:
            names = _lengthened(names, words)
        undecided = undecided[undecided + size <= rows]
        hypothesis_names = names[rows:]
        order = np.argsort(hypothesis_names, kind="stable")
        ordered = hypothesis_names[order]
        first = np.searchsorted(ordered, names[undecided], "left")
        times = np.searchsorted(ordered, names[undecided], "right") - first
        is_seed = times <= _OFTEN
        times[~is_seed] = 0
        which = np.repeat(np.arange(len(undecided)), times)
        place = order[first[which] + np.arange(len(which)) - np.repeat(np.cumsum(times) - times, times)]
        start = undecided[which]
        elsewhere = np.abs(place - start) + np.abs(place - start - (columns - rows)) <= reach
        on_path = np.ones(len(which), np.bool_)
        for step in range(size):
            on_path &= partner[start + step] == place + step
        is_seed[which[elsewhere & ~on_path]] = False
        ends[undecided[is_seed]] = undecided[is_seed] + size
        undecided = undecided[~is_seed]
        if not len(undecided):
            break
    return np.minimum.accumulate(ends[::-1])[::-1].tolist()  # type: ignore[no-any-return]  # numpy's tolist is Any
