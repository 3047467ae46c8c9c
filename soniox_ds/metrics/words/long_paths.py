"""The cheapest path through one large matrix of edit costs: exact, near-linear in time where the texts are alike.

Conventions: rows belong to the reference, columns to the hypothesis; cell (i, j) stands after i and j words. Instead of
costs, scores are computed: a hit scores `depth`, a substitution 1, insertion and deletion 0, more being better, so that
``cost = gap * (i + j) - (2 * gap / depth) * score``. Where moves tie, the diagonal is preferred, then the insertion.

Bits for cells: each word becomes a mark that matches every mark, followed by ``depth - 1`` copies of itself. The
longest common subsequence of two texts written so is their score (Tiskin, "Semi-local string comparison: algorithmic
techniques and applications", 2008, chapter on blow-up), and a whole row of it takes five operations on one long
integer: a zero bit is a place where the score rises by one (Hyyrö, "Bit-parallel LCS-length computation revisited",
2004).

Few cells: only a staircase of blocks around the chain of unique matching word sequences is computed. Its path is
taken if every path that leaves the staircase is proved to cost more (`_certified`); otherwise it is widened, in the
end to the whole matrix. So the answer is the whole matrix's, ties included, whatever the texts.
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
    """Insertion and deletion cost `gap` each; a substitution ``2 * gap * (depth - 1) / depth``."""

    gap: int
    depth: int


def long_path(reference: Ids, hypothesis: Ids, rule: Rule) -> npt.NDArray[np.uint8]:
    """The operations of the cheapest path, in spoken order.

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

    The last row of a block is the first one of the next; `low` and `high` never fall from block to block.
    """

    first: int
    last: int
    low: int
    high: int


def _stairs(reference: Ids, hypothesis: Ids, half: int) -> list[_Block]:
    """Blocks around the likely path, with `half` cells or more to either side of it."""
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
    """The longest chain of word sequences that occur exactly once on each side: a guess, which needs no proof."""
    for size in (4, 2, 1):
        here, there = _windows(reference, hypothesis, size)
        once, first = _singles(here)
        also, second = _singles(there)
        _, one, two = np.intersect1d(once, also, assume_unique=True, return_indices=True)
        rows, columns = first[one], second[two]
        if len(rows) * 50 >= min(len(reference), len(hypothesis)):
            break
    order = np.argsort(rows)
    rows, columns = rows[order], columns[order]
    chain = _increasing(columns.tolist())
    return rows[chain], columns[chain]


def _windows(reference: Ids, hypothesis: Ids, size: int) -> tuple[_Ints, _Ints]:
    """A number for each run of `size` neighbouring words, equal for equal runs, on both sides."""
    _, words = np.unique(np.concatenate([reference, hypothesis]), return_inverse=True)
    names = words.astype(np.intp)
    for _ in range(1, size):
        names = _lengthened(names, words)
    return names[: max(len(reference) - size + 1, 0)], names[len(reference) :]


def _lengthened(names: _Ints, words: _Ints) -> _Ints:
    """Names of the runs that are one word longer; `words` are those of runs of one word."""
    pairs = names[:-1] * (int(words.max()) + 1) + words[len(words) - len(names) + 1 :]
    longer: _Ints = np.unique(pairs, return_inverse=True)[1]
    return longer


def _singles(values: _Ints) -> tuple[_Ints, _Ints]:
    found, first, times = np.unique(values, return_index=True, return_counts=True)
    return found[times == 1], first[times == 1]


def _increasing(values: list[int]) -> list[int]:
    """Positions of a longest strictly increasing subsequence."""
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
    """The rows of a block, given the first one, which is left out: a zero bit wherever the score rises."""
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
    """One bit at the mark of each place."""
    if len(places) < 16:
        return sum(1 << depth * place for place in places)
    flags = np.zeros(width, np.uint8)
    flags[np.array(places) * depth] = 1
    return int.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")


def _starts(reference: list[int], hypothesis: list[int], stairs: list[_Block], depth: int) -> list[int]:
    """The first row of each block."""
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
    """The path within the blocks.

    On the way there only the first row of each block is kept; on the way back the rows of one block at a time are
    computed again, so that memory grows with the square root of the number of cells.
    """
    depth, wanted, found = rule.depth, reference.tolist(), hypothesis.tolist()
    backwards: list[int] = []
    row, column = len(wanted), len(found)
    for block, start in zip(reversed(stairs), reversed(_starts(wanted, found, stairs, depth)), strict=True):
        lines = [start, *_lines(wanted, found, block, start, depth)]
        backwards += [INSERTION] * (column - block.high)
        column = min(column, block.high)
        while row > block.first and column > block.low:
            here, above = lines[row - block.first], lines[row - 1 - block.first]
            # Scores to the left of the cell and of the one above it: only their differences matter, and these follow
            # from the number of zeros up to here.
            cells = depth * (column - block.low)
            mask = (1 << cells) - 1
            gain = (above & mask).bit_count() - (here & mask).bit_count()  # score here less score above
            while True:
                place = depth * (column - 1 - block.low)
                rise = depth - (here >> place & (1 << depth) - 1).bit_count()
                rise_above = depth - (above >> place & (1 << depth) - 1).bit_count()
                equal = wanted[row - 1] == found[column - 1]
                if gain + rise_above == (depth if equal else 1):
                    backwards.append(HIT if equal else SUBSTITUTION)
                    row, column = row - 1, column - 1
                    break
                if rise:  # the cell to the left scores less, so this one's score comes from above
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
    """Whether no path that leaves the stairs is as cheap as the best one within them, P.

    Suppose a path as cheap leaves the stairs. It parts from P in a cell x, passes a cell outside, and meets P next in a
    cell y. If between x and y it is always dearer than P, putting P's part in its place makes it cheaper still, so that
    there is no such path. It is dearer, C being what P pays between x and y,

    - if ``gap * margin > C``: going as far as the margin between P and the end of the stairs and back takes twice as
      many insertions and deletions, less those that P makes there as well; or
    - if ``gap * seeds > C``: seeds are disjoint pieces of the reference that match nowhere in the hypothesis but on P
      itself, or so far away that getting there and back is too dear. Off P, each of them costs an error of its own.
    """
    rows, columns = len(reference), len(hypothesis)
    down, across = operations != INSERTION, operations != DELETION
    row = np.concatenate([[0], np.cumsum(down)])
    column = np.concatenate([[0], np.cumsum(across)])
    prices = np.array([0, 2 * rule.gap * (rule.depth - 1) // rule.depth, rule.gap, rule.gap])
    paid = np.concatenate([[0], np.cumsum(prices[operations])])

    low, high = np.zeros(rows + 1, np.intp), np.full(rows + 1, columns, np.intp)
    for block in stairs:  # the row between two blocks has only the columns of both
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
    """For each row how many seeds have begun before it, and how many have ended at it or before.

    `partner` is the hypothesis word that a reference word matches on P, or -1; a path has at most `reach` insertions
    and deletions.
    """
    rows = len(reference)
    ends = _seed_ends(reference, hypothesis, partner, reach)
    begun, ended = np.zeros(rows + 1, np.intp), np.zeros(rows + 1, np.intp)
    position = 0
    while position < rows and (end := ends[position]) <= rows:
        begun[position + 1] += 1  # it may begin later; earlier is the careful assumption
        ended[end] += 1
        position = end
    return np.cumsum(begun), np.cumsum(ended)


def _seed_ends(reference: Ids, hypothesis: Ids, partner: _Ints, reach: int) -> list[int]:
    """For each row the earliest end of a seed that begins there or later; beyond the last row where there is none."""
    rows, columns = len(reference), len(hypothesis)
    _, words = np.unique(np.concatenate([reference, hypothesis]), return_inverse=True)
    words = names = words.astype(np.intp)
    ends = np.full(rows + 1, rows + 1, np.intp)
    undecided = np.arange(rows)
    for size in range(1, min(_LONGEST_SEED, rows, columns) + 1):
        if size > 1:
            names = _lengthened(names, words)
        undecided = undecided[undecided + size <= rows]
        there = names[rows:]
        order = np.argsort(there, kind="stable")
        ordered = there[order]
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
