"""The cheapest way to turn one sequence into another, for many short pairs at once and for single pairs of 50,000 words.

Conventions: sequences are integer arrays, equal numbers being equal words. A path is an array of operations in spoken
order, from which the positions on both sides follow by counting. Two rules of cost:

- ``"sclite"``: insertion 3, deletion 3, substitution 4. Where moves tie, the diagonal is preferred, then the insertion.
- ``"levenshtein"``: every error 1, ties as rapidfuzz (and so jiwer) breaks them.

How a long pair stays cheap: only a band around the chain of unique matching word sequences is computed. The band's path
is taken if every path that leaves the band is proved to cost more (`_certified`); otherwise the band is widened, in the
end to the whole matrix. So the answer is the whole matrix's, ties included, whatever the texts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from soniox_ds.errors import InputError

__all__ = ["COSTS", "DELETION", "HIT", "INSERTION", "SUBSTITUTION", "Ids", "Paths", "fewest_errors", "paths"]

Ids = npt.NDArray[np.int32]
Operations = npt.NDArray[np.uint8]
_Cells = npt.NDArray[np.int32]
_Ints = npt.NDArray[np.intp]

HIT, SUBSTITUTION, DELETION, INSERTION = 0, 1, 2, 3
COSTS = ("sclite", "levenshtein")

# Costs are kept as cost - 3 * (row + column): insertions and deletions then cost nothing, a hit and a substitution less.
_GAP = 3
_DIAGONAL: _Cells = np.array([4 - 2 * _GAP, 0 - 2 * _GAP], np.int32)
_FAR = np.int32(1 << 29)

_SHORT = 64  # pairs up to this many words on both sides are computed together
_CELLS_AT_ONCE = 4_000_000
_HALF_WIDTHS = (256, 1024, 4096)
_SEEDS = (2, 3, 4, 1, 6, 9, 14)
_OFTEN = 64  # a seed that occurs more often than this proves nothing


class Paths(NamedTuple):
    """The paths of several pairs, one after the other."""

    operations: Operations
    lengths: _Ints
    """Number of operations of each pair."""

    def counts(self) -> npt.NDArray[np.int64]:
        """Hits, substitutions, deletions and insertions (columns) of each pair (rows)."""
        pair = np.repeat(np.arange(len(self.lengths)), self.lengths)
        return np.bincount(pair * 4 + self.operations, minlength=4 * len(self.lengths)).reshape(-1, 4).astype(np.int64)


def paths(references: Sequence[Ids], hypotheses: Sequence[Ids], cost: str = "sclite") -> Paths:
    """The cheapest path of each pair.

    Raises
    ------
    InputError
        If `cost` is none of `COSTS`.

    Examples
    --------
    >>> reference, hypothesis = np.array([1, 2, 3, 4], np.int32), np.array([1, 5, 4], np.int32)
    >>> found = paths([reference], [hypothesis])
    >>> found.operations.tolist(), found.counts().tolist()
    ([0, 2, 1, 0], [[2, 1, 1, 0]])
    """
    if cost not in COSTS:
        raise InputError(f"cost must be one of {list(COSTS)}, found {cost!r}.")
    if cost == "levenshtein":
        return _levenshtein(references, hypotheses)
    found: list[Operations | None] = [None] * len(references)
    short: dict[tuple[int, int], list[int]] = {}
    for pair, (reference, hypothesis) in enumerate(zip(references, hypotheses, strict=True)):
        rows, columns = len(reference), len(hypothesis)
        if not rows or not columns:
            found[pair] = np.full(rows + columns, DELETION if rows else INSERTION, np.uint8)
        elif rows <= _SHORT and columns <= _SHORT:
            short.setdefault((-(-rows // 4), -(-columns // 4)), []).append(pair)
        else:
            found[pair] = _long(reference, hypothesis)
    for (rows, columns), pairs in short.items():
        step = max(_CELLS_AT_ONCE // ((4 * rows + 1) * (4 * columns + 1)), 1)
        for first in range(0, len(pairs), step):
            part = pairs[first : first + step]
            together = _short([references[pair] for pair in part], [hypotheses[pair] for pair in part])
            for pair, operations in zip(part, together, strict=True):
                found[pair] = operations
    return _stacked([operations for operations in found if operations is not None])


def fewest_errors(references: Sequence[Ids], hypotheses: Sequence[Ids], known: npt.NDArray[np.int64]) -> _Ints:
    """The fewest errors any alignment of each pair has, given the errors `known` of its path at sclite's costs.

    An alignment of e errors, s of them substitutions, costs 3e + s. One with fewer errors that is not cheaper has three
    substitutions more for each error less, so that only pairs of four errors and more need a look.
    """
    from rapidfuzz.distance import Levenshtein

    fewest = np.array(known, np.intp)
    for pair in np.flatnonzero(fewest > 3):
        reference, hypothesis = _characters(references[pair]), _characters(hypotheses[pair])
        limit = int(fewest[pair])
        fewest[pair] = Levenshtein.distance(reference, hypothesis, score_cutoff=limit, score_hint=limit)
    return fewest


def _stacked(found: Sequence[Operations]) -> Paths:
    lengths = np.fromiter(map(len, found), np.intp, len(found))
    return Paths(np.concatenate(found) if found else np.zeros(0, np.uint8), lengths)


def _characters(ids: Ids) -> str | list[int]:
    """One character for each word: what rapidfuzz compares fastest."""
    if len(ids) and int(ids.max()) >= 0x110000:
        return ids.tolist()  # type: ignore[no-any-return]  # numpy's tolist is typed Any
    return ids.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _levenshtein(references: Sequence[Ids], hypotheses: Sequence[Ids]) -> Paths:
    from rapidfuzz.distance import Levenshtein

    codes = {"replace": SUBSTITUTION, "delete": DELETION, "insert": INSERTION}
    pairs: list[int] = []
    edits: list[tuple[str, int, int]] = []
    for pair, (reference, hypothesis) in enumerate(zip(references, hypotheses, strict=True)):
        own = Levenshtein.editops(_characters(reference), _characters(hypothesis)).as_list()
        edits += own
        pairs += [pair] * len(own)
    owner = np.array(pairs, np.intp)
    kinds = np.fromiter((codes[kind] for kind, _, _ in edits), np.uint8, len(edits))
    places = np.fromiter((place for _, place, _ in edits), np.intp, len(edits))
    inserted = np.bincount(owner[kinds == INSERTION], minlength=len(references))
    lengths = np.fromiter(map(len, references), np.intp, len(references)) + inserted
    firsts = np.cumsum(lengths) - lengths
    operations = np.zeros(int(lengths.sum()), np.uint8)
    before = np.cumsum(kinds == INSERTION) - (kinds == INSERTION)  # insertions before, those of other pairs too
    others = np.cumsum(inserted) - inserted
    operations[firsts[owner] + places + before - others[owner]] = kinds
    return Paths(operations, lengths)


def _short(references: Sequence[Ids], hypotheses: Sequence[Ids]) -> list[Operations]:
    """Short pairs of about the same size, all of their matrices at once: one row of all pairs after the other."""
    count = len(references)
    rows = np.fromiter(map(len, references), np.intp, count)
    columns = np.fromiter(map(len, hypotheses), np.intp, count)
    reference, hypothesis = _padded(references, rows, -1), _padded(hypotheses, columns, -2)
    cells = np.zeros((int(rows.max()) + 1, count, int(columns.max()) + 1), np.int32)
    for row in range(1, len(cells)):
        here = cells[row]
        np.take(_DIAGONAL, (hypothesis == reference[:, row - 1, None]).view(np.uint8), out=here[:, 1:], mode="clip")
        here[:, 1:] += cells[row - 1, :, :-1]
        np.minimum(here, cells[row - 1], out=here)
        np.minimum.accumulate(here, axis=1, out=here)
    return _walked_back(cells, reference, hypothesis, rows, columns)


def _padded(sequences: Sequence[Ids], lengths: _Ints, filler: int) -> Ids:
    table: Ids = np.full((len(sequences), int(lengths.max())), filler, np.int32)
    table[np.arange(table.shape[1]) < lengths[:, None]] = np.concatenate(sequences)
    return table


def _walked_back(cells: _Cells, reference: Ids, hypothesis: Ids, rows: _Ints, columns: _Ints) -> list[Operations]:
    """From the last cell of each matrix to its first, all at once; the operations come out backwards."""
    height, count, width = cells.shape
    flat = cells.ravel()
    up, left = count * width, 1
    steps = int((rows + columns).max())
    trail: Operations = np.zeros((count, steps), np.uint8)
    taken = np.zeros(count, np.intp)
    active = np.arange(count)
    row, column = rows.copy(), columns.copy()
    for step in range(steps):
        at = row * up + active * width + column
        inner = (row > 0) & (column > 0)
        safe = np.where(inner, at, up + width + 1)  # any cell that has all three neighbours
        equal = inner & (reference[active, row - 1] == hypothesis[active, column - 1])
        diagonal = inner & (flat[safe - up - left] + _DIAGONAL[equal.view(np.uint8)] == flat[safe])
        down = ~diagonal & np.where(inner, flat[safe - up] < flat[safe - left], row > 0)
        trail[active, step] = np.where(diagonal, ~equal, np.where(down, DELETION, INSERTION))
        row -= diagonal | down
        column -= diagonal | ~down
        going = (row > 0) | (column > 0)
        if not going.all():
            taken[active[~going]] = step + 1
            active, row, column = active[going], row[going], column[going]
            if not len(active):
                break
    return [trail[pair, :length][::-1] for pair, length in enumerate(taken.tolist())]


def _long(reference: Ids, hypothesis: Ids) -> Operations:
    rows, columns = len(reference), len(hypothesis)
    for half in _HALF_WIDTHS:
        if 2 * half + 1 > columns:
            break
        band = _band(reference, hypothesis, half)
        if _certified(reference, hypothesis, band):
            return _traced(reference, hypothesis, band)
    whole = _Band(np.zeros(rows + 1, np.intp), np.full(rows + 1, columns, np.intp))
    return _traced(reference, hypothesis, whole)


class _Band(NamedTuple):
    """Which cells are computed: in each row those from column `low` to `high`; both never fall from row to row."""

    low: _Ints
    high: _Ints

    def mirrored(self, columns: int) -> _Band:
        """The same cells for both sequences reversed."""
        return _Band(columns - self.high[::-1], columns - self.low[::-1])


def _band(reference: Ids, hypothesis: Ids, half: int) -> _Band:
    """A band around the likely path, `half` cells to either side of it."""
    rows, columns = len(reference), len(hypothesis)
    known_rows, known_columns = _anchors(reference, hypothesis)
    likely = np.interp(
        np.arange(rows + 1), np.concatenate([[0], known_rows, [rows]]), np.concatenate([[0], known_columns, [columns]])
    )
    centre = np.maximum.accumulate(np.rint(likely).astype(np.intp))
    # Where the path runs along a row, for many words inserted at one place, that row is computed from end to end.
    low = np.maximum(np.append(0, centre[:-1]) - half, 0)
    high = np.minimum(np.append(centre[1:], columns) + half, columns)
    return _Band(low, high)


def _anchors(reference: Ids, hypothesis: Ids) -> tuple[_Ints, _Ints]:
    """The longest chain of word sequences that occur exactly once on each side; a guess, which needs no proof."""
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
    longest = _increasing(columns.tolist())
    return rows[longest], columns[longest]


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
    longest = []
    position = positions[-1] if positions else -1
    while position >= 0:
        longest.append(position)
        position = before[position]
    return longest[::-1]


def _windows(reference: Ids, hypothesis: Ids, size: int) -> tuple[_Ints, _Ints]:
    """A number for each run of `size` neighbouring words, equal for equal runs, on both sides."""
    count = len(reference)
    both = np.concatenate([reference, hypothesis]).astype(np.intp)
    _, names = np.unique(both, return_inverse=True)
    word = names
    for length in range(1, size):
        longer = names[:-1] * (int(word.max()) + 1) + word[length:]
        _, names = np.unique(longer, return_inverse=True)
    return names[: max(count - size + 1, 0)], names[count:]


def _fill(reference: Ids, hypothesis: Ids, band: _Band, rows: range, start: _Cells) -> Iterator[_Cells]:
    """The rows of the band that follow `start` (the row before `rows`), one by one."""
    low, high = band.low.tolist(), band.high.tolist()
    words = np.append(np.int32(-2), hypothesis)  # the word of column j
    wanted = reference.tolist()
    before = np.full(len(start) + 2 + high[rows.start] - high[rows.start - 1], _FAR, np.int32)
    before[1 : len(start) + 1] = start
    for row in rows:
        first, width = low[row], high[row] - low[row] + 1
        grown = high[row + 1] - high[row] if row + 1 < len(high) else 0
        here = np.empty(width + 2 + grown, np.int32)  # what lies beside the band is dear
        here[0] = _FAR
        here[width + 1 :] = _FAR
        cells = here[1 : width + 1]
        equal = words[first : first + width] == wanted[row - 1]
        np.take(_DIAGONAL, equal.view(np.uint8), out=cells, mode="clip")
        shift = first - low[row - 1]
        cells += before[shift : shift + width]
        if not first:
            cells[0] = 0
        np.minimum(cells, before[1 + shift : 1 + shift + width], out=cells)
        np.minimum.accumulate(cells, out=cells)
        before = here
        yield cells


def _first_row(band: _Band) -> _Cells:
    return np.zeros(int(band.high[0]) + 1, np.int32)


def _traced(reference: Ids, hypothesis: Ids, band: _Band) -> Operations:
    """The path within the band.

    Every so many rows one is kept, and what lies between is computed again on the way back, so that memory grows with
    the square root of the length.
    """
    rows = len(reference)
    cells = int((band.high - band.low + 1).sum())
    block = rows if cells <= _CELLS_AT_ONCE else max(int(rows**0.5), 1)
    kept = [_first_row(band)]
    for row, line in enumerate(_fill(reference, hypothesis, band, range(1, (rows - 1) // block * block + 1), kept[0])):
        if (row + 1) % block == 0:
            kept.append(line.copy())
    backwards: list[int] = []
    row, column = rows, len(hypothesis)
    low, high = band.low.tolist(), band.high.tolist()
    wanted, found = reference.tolist(), hypothesis.tolist()
    for number in range(len(kept) - 1, -1, -1):
        first = number * block
        lines = [kept[number]]
        lines += _fill(reference, hypothesis, band, range(first + 1, min(first + block, rows) + 1), lines[0])
        while row > first or (not first and column):
            operation = INSERTION if not row else DELETION
            if row and column:
                here, above = lines[row - first], lines[row - 1 - first]
                at, over = column - low[row], column - low[row - 1]
                equal = wanted[row - 1] == found[column - 1]
                beside = column - 1 <= high[row - 1] and over > 0
                if beside and here[at] == above[over - 1] + _DIAGONAL[int(equal)]:
                    operation = HIT if equal else SUBSTITUTION
                elif column > high[row - 1] or (at > 0 and here[at - 1] <= above[over]):
                    operation = INSERTION
            backwards.append(operation)
            row -= operation != INSERTION
            column -= operation != DELETION
    return np.array(backwards[::-1], np.uint8)


def _exits(reference: Ids, hypothesis: Ids, band: _Band) -> tuple[npt.NDArray[np.int64], int]:
    """For each row the least cost at which a path from the start can stand where its next move may leave the band.

    Also the cost of the whole path within the band.
    """
    rows, columns = len(reference), len(hypothesis)
    low, high = band.low.tolist(), band.high.tolist()
    least = [int(_FAR)] * (rows + 1)
    lines = chain([_first_row(band)], _fill(reference, hypothesis, band, range(1, rows + 1), _first_row(band)))
    for row, cells in enumerate(lines):
        first, last = low[row], high[row]
        if last < columns:
            least[row] = int(cells[-1]) + _GAP * (row + last)
        if row < rows and (leaving := min(low[row + 1], last + 1) - first) > 0:
            costs = cells[:leaving] + _GAP * np.arange(row + first, row + first + leaving)
            least[row] = min(least[row], int(costs.min()))
    return np.array(least, np.int64), int(cells[-1]) + _GAP * (rows + columns)


def _certified(reference: Ids, hypothesis: Ids, band: _Band) -> bool:
    """Whether every path that leaves the band costs more than the best one within.

    Such a path stays within until it first leaves, in some row, and stays within after it last comes back, in some
    later row; both parts are known exactly from computing the band from either end. Between those rows it pays at least
    3 for each seed (one of the pieces of k words that the reference is cut into) that matches nowhere but wholly within
    the band: unless the words of a seed all match in a row, at least one error falls to it and to no other seed.
    """
    rows, columns = len(reference), len(hypothesis)
    leaving, best = _exits(reference, hypothesis, band)
    entering = _exits(reference[::-1], hypothesis[::-1], band.mirrored(columns))[0][::-1]
    for size in _SEEDS:
        dead = _dead_seeds(reference, hypothesis, band, size, best)
        begun = np.zeros(rows + 1, np.int64)
        ended = np.zeros(rows + 1, np.int64)
        begun[np.arange(len(dead)) * size + 1] = dead  # seeds that begin before a row
        ended[(np.arange(len(dead)) + 1) * size] = dead  # seeds that end at a row or before
        until = np.minimum.accumulate(leaving - _GAP * np.cumsum(begun))
        if bool((until + entering + _GAP * np.cumsum(ended) > best).all()):
            return True
    return False


def _dead_seeds(reference: Ids, hypothesis: Ids, band: _Band, size: int, best: int) -> npt.NDArray[np.bool_]:
    """For each seed whether it matches only within the band, if at all, or too far off for a path of cost `best`."""
    rows, columns = len(reference), len(hypothesis)
    here, there = _windows(reference, hypothesis, size)
    starts = np.arange(0, rows - size + 1, size)
    names = here[starts]
    order = np.argsort(there, kind="stable")
    first = np.searchsorted(there[order], names, "left")
    times = np.searchsorted(there[order], names, "right") - first
    dead = times <= _OFTEN
    times[~dead] = 0
    seed = np.repeat(np.arange(len(starts)), times)
    within = np.arange(len(seed)) - np.repeat(np.cumsum(times) - times, times)
    place = order[first[seed] + within]
    diagonal = place - starts[seed]
    alive = _GAP * (np.abs(diagonal) + np.abs(diagonal - (columns - rows))) <= best
    inside = np.ones(len(seed), np.bool_)
    for step in range(size + 1):
        row = starts[seed] + step
        inside &= (band.low[row] <= place + step) & (place + step <= band.high[row])
    dead[seed[alive & ~inside]] = False
    return dead
