"""The cheapest way to turn one sequence into another, for many short pairs at once and for single pairs of 50,000 words.

Conventions: sequences are integer arrays, equal numbers being equal words. A path is an array of operations in spoken
order, from which the positions on both sides follow by counting. Two rules of cost:

- ``"sclite"``: insertion 3, deletion 3, substitution 4. Where moves tie, the diagonal is preferred, then the insertion.
- ``"levenshtein"``: every error 1, ties as rapidfuzz (and so jiwer) breaks them; in pairs above 5,000 by 5,000 words, as above.

Short pairs are computed many at a time, all of their cells; long ones one by one (`soniox_ds.analysis.long_paths`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from soniox_ds.analysis.long_paths import DELETION, HIT, INSERTION, SUBSTITUTION, Ids, Rule, long_path
from soniox_ds.errors import InputError

__all__ = ["COSTS", "DELETION", "HIT", "INSERTION", "SUBSTITUTION", "Ids", "Paths", "fewest_errors", "paths"]

Operations = npt.NDArray[np.uint8]
_Cells = npt.NDArray[np.int32]
_Ints = npt.NDArray[np.intp]

COSTS = ("sclite", "levenshtein")

# Costs are kept as cost - 3 * (row + column): insertions and deletions then cost nothing, a hit and a substitution less.
_GAP = 3
_DIAGONAL: _Cells = np.array([4 - 2 * _GAP, 0 - 2 * _GAP], np.int32)

_SHORT = 64  # pairs up to this many words on both sides are computed together
_CELLS_AT_ONCE = 4_000_000
_SCLITE = Rule(gap=3, depth=3)
_LEVENSHTEIN = Rule(gap=1, depth=2)
_LARGE = 5_000 * 5_000  # from this many cells on rapidfuzz's time grows with their number, and the stairs' does not


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
            found[pair] = long_path(reference, hypothesis, _SCLITE)
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
    large: dict[int, Operations] = {}
    pairs: list[int] = []
    edits: list[tuple[str, int, int]] = []
    for pair, (reference, hypothesis) in enumerate(zip(references, hypotheses, strict=True)):
        if len(reference) * len(hypothesis) > _LARGE:
            large[pair] = long_path(reference, hypothesis, _LEVENSHTEIN)
            continue
        own = Levenshtein.editops(_characters(reference), _characters(hypothesis)).as_list()
        edits += own
        pairs += [pair] * len(own)
    owner = np.array(pairs, np.intp)
    kinds = np.fromiter((codes[kind] for kind, _, _ in edits), np.uint8, len(edits))
    places = np.fromiter((place for _, place, _ in edits), np.intp, len(edits))
    inserted = np.bincount(owner[kinds == INSERTION], minlength=len(references))
    lengths = np.fromiter(map(len, references), np.intp, len(references)) + inserted
    lengths[list(large)] = [len(operations) for operations in large.values()]
    firsts = np.cumsum(lengths) - lengths
    operations = np.zeros(int(lengths.sum()), np.uint8)
    before = np.cumsum(kinds == INSERTION) - (kinds == INSERTION)  # insertions before, those of other pairs too
    others = np.cumsum(inserted) - inserted
    operations[firsts[owner] + places + before - others[owner]] = kinds
    for pair, own_operations in large.items():
        operations[firsts[pair] : firsts[pair] + lengths[pair]] = own_operations
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
