"""Alignment of one long pair at sclite's costs: exact, and near-linear in time if the texts are similar.

Conventions: rows belong to the reference, columns to the hypothesis; cell (i, j) stands after i and j words. Scores are
computed instead of costs: a hit scores 3, a substitution 1, an insertion or deletion 0, and more is better, so that
``cost = 3 * (i + j) - 2 * score``. Among equally good moves, the diagonal is preferred, then the insertion.

Bits instead of cells: each word becomes a mark that matches every mark, followed by two copies of the word.
The longest common subsequence of two texts in this form is their score (Tiskin, "Semi-local string comparison:
algorithmic techniques and applications", 2008, chapter on blow-up). A whole row of it takes five operations on one long
integer: a zero bit is a place where the score rises by one (Hyyrö, "Bit-parallel LCS-length computation revisited",
2004).

Few cells: only a staircase of blocks around the chain of unique matching word sequences is computed. Its path is
used if every path that leaves the staircase is proved to cost more (`_certified`). Otherwise the staircase is widened,
if necessary to the whole matrix. A staircase that is narrower than the longest stretch without a unique match is not
tried, because the proof would fail. The result is the same as that of the whole matrix, ties included, for all texts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from gmpy2 import f_mod_2exp, mpz

__all__ = ["DELETION", "HIT", "INSERTION", "SUBSTITUTION", "Ids", "long_path"]

Ids = npt.NDArray[np.int32]
_Ints = npt.NDArray[np.intp]

HIT, SUBSTITUTION, DELETION, INSERTION = 0, 1, 2, 3

_HALF_WIDTHS = (256, 1024, 4096)
_BLOCK = 256
_LONGEST_SEED = 12
_SPARSE = 50  # if fewer than one word in 50 begins a unique match, the texts are not similar
_OFTEN = 64  # a seed that occurs more often than this proves nothing
_FAR = 1 << 40

_DEPTH = 3  # bits for each word: a mark and two copies
_GAP = 3  # cost of an insertion and of a deletion
_PRICES = np.array([0, 4, _GAP, _GAP])
_WORTHWHILE = 0.5  # a staircase that is wider than this part of the matrix is not tried
_ROWS_BYTES = 100_000_000  # memory for rows that are kept
_MATCHES_BYTES = 50_000_000  # memory for the integers that say where a word matches


def long_path(reference: Ids, hypothesis: Ids) -> npt.NDArray[np.uint8]:
    """Return the operations of the cheapest path, in spoken order.

    >>> long_path(np.array([1, 2, 3, 4], np.int32), np.array([1, 5, 4], np.int32)).tolist()
    [0, 2, 1, 0]
    """
    rows, columns = len(reference), len(hypothesis)
    known_rows, known_columns = (
        np.array([0, *known, end]) for known, end in zip(_anchors(reference, hypothesis), (rows, columns), strict=True)
    )
    similar = len(known_rows) * _SPARSE >= min(rows, columns)
    longest_gap = max(np.diff(known_rows).max(), np.diff(known_columns).max())
    for half in _HALF_WIDTHS:
        if not similar or 2 * half + 1 > columns * _WORTHWHILE:
            break
        if half < longest_gap:
            continue
        stairs = _stairs(known_rows, known_columns, half)
        operations = _traced(reference, hypothesis, stairs)
        if _certified(reference, hypothesis, stairs, operations):
            return operations
    edges = [*range(0, rows, max(_BLOCK, int(rows**0.5))), rows]
    whole = [_Block(first, last, 0, columns) for first, last in pairwise(edges)]
    return _traced(reference, hypothesis, whole)


class _Block(NamedTuple):
    """The cells of rows `first` to `last` and columns `low` to `high`, both ends included.

    The last row of a block is the first row of the next; `low` and `high` never decrease from block to block.
    """

    first: int
    last: int
    low: int
    high: int

    def bytes(self) -> int:
        """Return about how much memory its rows need."""
        return (self.last - self.first) * (_DEPTH * (self.high - self.low) // 8 + 50)


def _stairs(known_rows: _Ints, known_columns: _Ints, half: int) -> list[_Block]:
    """Return blocks around the likely path, with at least `half` cells on either side of it."""
    rows, columns = int(known_rows[-1]), int(known_columns[-1])
    edges = np.append(np.arange(0, rows, _BLOCK), rows)
    likely = np.interp(edges, known_rows, known_columns).astype(np.intp)
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
        if len(rows) * _SPARSE >= min(len(reference), len(hypothesis)):
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


class _Rows:
    """Computes the rows of blocks, as bits: a zero bit wherever the score rises.

    Rows are integers of gmpy2, whose operations take a quarter of the time of Python's.
    """

    def __init__(self, reference: list[int], hypothesis: list[int]) -> None:
        self.reference, self.hypothesis = reference, hypothesis
        self._places: dict[int, list[int]] = {}
        for place, word in enumerate(hypothesis):
            self._places.setdefault(word, []).append(place)
        self._matches: dict[int, mpz] = {}
        self._room = _MATCHES_BYTES

    def below(self, block: _Block, start: mpz) -> Iterator[mpz]:
        """Yield the rows of a block after its first row, which is `start`."""
        shift = _DEPTH * block.low
        full = (mpz(1) << _DEPTH * (block.high - block.low)) - 1
        marks = full // ((1 << _DEPTH) - 1)
        bits = start
        for word in self.reference[block.first : block.last]:
            both = bits & marks
            bits = (bits + both) | (bits - both)
            if word in self._places:
                match = self._match_of(word, block) if word not in self._matches else self._matches[word] >> shift
                for _ in range(_DEPTH - 1):
                    both = bits & match
                    bits = (bits + both) | (bits - both)
            bits &= full
            yield bits

    def _match_of(self, word: int, block: _Block) -> mpz:
        """Return an integer with the bits set that are copies of a word; keep it if the word is frequent."""
        places = self._places[word]
        width = _DEPTH * len(self.hypothesis)
        if len(places) > 2 and self._room >= width // 8:
            self._room -= width // 8
            flags = np.zeros(width, np.uint8)
            for copy in range(1, _DEPTH):
                flags[np.array(places) * _DEPTH + copy] = 1
            self._matches[word] = mpz.from_bytes(np.packbits(flags, bitorder="little").tobytes(), "little")
            return self._matches[word] >> _DEPTH * block.low
        match = mpz(0)
        copies = mpz((1 << _DEPTH) - 2)
        for place in places[bisect_left(places, block.low) : bisect_left(places, block.high)]:
            match |= copies << _DEPTH * (place - block.low)
        return match


def _traced(reference: Ids, hypothesis: Ids, stairs: list[_Block]) -> npt.NDArray[np.uint8]:
    """Trace the path within the blocks.

    The forward pass keeps the rows of the last blocks as far as `_ROWS_BYTES` allows, and of the other blocks only the
    first row. The backward pass computes the other rows of these blocks again, one block at a time, so that the memory
    beyond `_ROWS_BYTES` grows with the square root of the number of cells.
    """
    rows = _Rows(reference.tolist(), hypothesis.tolist())
    reference_words, hypothesis_words = rows.reference, rows.hypothesis
    room, kept_from = _ROWS_BYTES, len(stairs)
    while kept_from and (room := room - stairs[kept_from - 1].bytes()) >= 0:
        kept_from -= 1
    blocks: list[list[mpz]] = []
    start = (mpz(1) << _DEPTH * (stairs[0].high - stairs[0].low)) - 1
    for number, block in enumerate(stairs):
        blocks.append([start])
        if number >= kept_from:
            blocks[-1] += rows.below(block, start)
            start = blocks[-1][-1]
        elif number + 1 < len(stairs):
            start = deque(rows.below(block, start), maxlen=1).pop()  # only the last row is needed
        if number + 1 < len(stairs):
            after = stairs[number + 1]
            new = (mpz(1) << _DEPTH * (after.high - block.high)) - 1
            start = (start | new << _DEPTH * (block.high - block.low)) >> _DEPTH * (after.low - block.low)

    backwards: list[int] = []
    row, column = len(reference_words), len(hypothesis_words)
    for block in reversed(stairs):
        lines = blocks.pop()
        if len(lines) == 1:
            lines += rows.below(block, lines[0])
        backwards += [INSERTION] * (column - block.high)
        column = min(column, block.high)
        # The score of a cell is the number of zeros in its row up to its column.
        cells = _DEPTH * (column - block.low)
        here = lines[row - block.first]
        ones_here = f_mod_2exp(here, cells).bit_count()
        while row > block.first and cells:
            above = lines[row - 1 - block.first]
            ones_above = f_mod_2exp(above, cells).bit_count()
            while cells:
                left = cells - _DEPTH
                last_ones_above = above[left:cells].bit_count()
                equal = reference_words[row - 1] == hypothesis_words[block.low + left // _DEPTH]
                # The score of this cell less that of the cell above and to the left.
                if ones_above - last_ones_above - ones_here + _DEPTH == (_DEPTH if equal else 1):
                    backwards.append(HIT if equal else SUBSTITUTION)
                    row, cells, here, ones_here = row - 1, left, above, ones_above - last_ones_above
                    break
                if here[left:cells].bit_count() < _DEPTH:  # the cell to the left scores less
                    backwards.append(DELETION)
                    row, here, ones_here = row - 1, above, ones_above
                    break
                backwards.append(INSERTION)
                cells, ones_above, ones_here = left, ones_above - last_ones_above, ones_here - _DEPTH
        column = block.low + cells // _DEPTH
        backwards += [DELETION] * (row - block.first)
        row = block.first
    backwards += [INSERTION] * column
    return np.array(backwards[::-1], np.uint8)


def _certified(reference: Ids, hypothesis: Ids, stairs: list[_Block], operations: npt.NDArray[np.uint8]) -> bool:
    """Return True if every path that leaves the stairs costs more than P, the best path within them.

    Suppose a path that costs no more leaves the stairs. It parts from P in a cell x, passes a cell outside, and meets P
    next in a cell y. If it always costs more than P between x and y, then replacing that part by P's part makes it
    cheaper than P, which contradicts the choice of P. Let C be the cost of P between x and y. The other path costs more

    - if ``3 * margin > C``: going the distance between P and the edge of the stairs and back takes twice as many
      insertions and deletions, less those that P makes there as well; or
    - if ``3 * seeds > C``: seeds are disjoint pieces of the reference that match nowhere in the hypothesis except on
      P itself, or only so far away that going there and back costs too much. Off P, each seed costs at least one error.
    """
    rows, columns = len(reference), len(hypothesis)
    down, across = operations != INSERTION, operations != DELETION
    row = np.concatenate([[0], np.cumsum(down)])
    column = np.concatenate([[0], np.cumsum(across)])
    paid = np.concatenate([[0], np.cumsum(_PRICES[operations])])

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
    begun, ended = _seeds(reference, hypothesis, partner, int(paid[-1]) // _GAP)
    least = np.minimum.accumulate(paid - _GAP * begun[row])
    far_enough = np.searchsorted(paid, paid - _GAP * margin, "right")
    known = far_enough > 0
    return bool((least[far_enough[known] - 1] > (paid - _GAP * ended[row])[known]).all())


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
