"""Minimum-cost alignment of integer sequences: many short pairs at once, and pairs of 50,000 words.

Conventions: words are integers, and equal numbers are equal words. A path is an array of operations in spoken order;
the positions on both sides follow from it by counting. There are two cost rules:

- ``"sclite"``: insertion 3, deletion 3, substitution 4. Among equally cheap moves, the diagonal is preferred, then the
  insertion.
- ``"levenshtein"``: every error costs 1, and ties are broken as rapidfuzz (and so jiwer) breaks them.

At sclite's costs, short pairs are computed many at a time, with all their cells; long pairs are computed singly
(`long_paths`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from soniox_ds._arguments import check_choice
from soniox_ds.metrics.words.long_paths import DELETION, HIT, INSERTION, SUBSTITUTION, Ids, long_path

__all__ = [
    "COSTS",
    "DELETION",
    "HIT",
    "INSERTION",
    "SUBSTITUTION",
    "Ids",
    "Paths",
    "Sequences",
    "fewest_errors",
    "paths",
]

Operations = npt.NDArray[np.uint8]
_Cells = npt.NDArray[np.int16]
_Ints = npt.NDArray[np.intp]

COSTS = ("sclite", "levenshtein")

# Costs are stored as cost - 3 * (row + column). Insertions and deletions then change nothing, and hits and
# substitutions lower the stored value.
_GAP = 3
_DIAGONAL: _Cells = np.array([4 - 2 * _GAP, 0 - 2 * _GAP], np.int16)

_SHORT = 64  # pairs up to this many words on both sides are computed together
_CELLS_AT_ONCE = 4_000_000


class Paths(NamedTuple):
    """The paths of several pairs, end to end."""

    operations: Operations
    lengths: _Ints
    """Number of operations of each pair."""

    def counts(self) -> npt.NDArray[np.int64]:
        """Count the hits, substitutions, deletions and insertions (columns) of each pair (rows)."""
        pair = np.repeat(np.arange(len(self.lengths)), self.lengths)
        return np.bincount(pair * 4 + self.operations, minlength=4 * len(self.lengths)).reshape(-1, 4).astype(np.int64)


class Sequences(NamedTuple):
    """Several sequences, end to end."""

    ids: Ids
    lengths: _Ints

    @classmethod
    def of(cls, sequences: Sequence[Ids]) -> Sequences:
        """Put sequences end to end."""
        lengths = np.fromiter(map(len, sequences), np.intp, len(sequences))
        return cls(np.concatenate([np.zeros(0, np.int32), *sequences]), lengths)

    def each(self) -> list[Ids]:
        """Return the sequences as separate arrays."""
        ends = np.cumsum(self.lengths).tolist()
        return [self.ids[first:last] for first, last in pairwise([0, *ends])]

    def table(self, which: _Ints, filler: int) -> Ids:
        """Return the chosen sequences as rows of a table, padded at the end with `filler`."""
        lengths = self.lengths[which]
        starts = (np.cumsum(self.lengths) - self.lengths)[which]
        place = np.arange(int(lengths.max()))
        inside = place < lengths[:, None]
        return np.where(inside, self.ids[np.where(inside, starts[:, None] + place, 0)], np.int32(filler))


def paths(references: Sequences, hypotheses: Sequences, cost: str = "sclite") -> Paths:
    """Align each reference with its hypothesis at the lowest cost, and return the edit operations.

    Raises
    ------
    InputError
        If `cost` is not in `COSTS`.

    Examples
    --------
    >>> reference, hypothesis = np.array([1, 2, 3, 4], np.int32), np.array([1, 5, 4], np.int32)
    >>> result = paths(Sequences.of([reference]), Sequences.of([hypothesis]))
    >>> result.operations.tolist(), result.counts().tolist()
    ([0, 2, 1, 0], [[2, 1, 1, 0]])
    """
    if check_choice(cost, "cost", COSTS) == "levenshtein":
        return _levenshtein(references.each(), hypotheses.each())
    rows, columns = references.lengths, hypotheses.lengths
    parts: list[tuple[_Ints, _Trails]] = []
    empty = (rows == 0) | (columns == 0)
    short = ~empty & (rows <= _SHORT) & (columns <= _SHORT)
    # Pairs of about the same size are computed together, so that little of the table is padding.
    size = (rows + 3) // 4 * (_SHORT + 1) + (columns + 3) // 4
    order = np.flatnonzero(short)[np.argsort(size[short], kind="stable")]
    for group in np.split(order, np.flatnonzero(np.diff(size[order])) + 1) if len(order) else []:
        at_once = max(_CELLS_AT_ONCE // int((rows[group].max() + 1) * (columns[group].max() + 1)), 1)
        for first in range(0, len(group), at_once):
            part = group[first : first + at_once]
            parts.append((part, _short(references, hypotheses, part)))
    for pair in np.flatnonzero(empty).tolist():
        kind = DELETION if rows[pair] else INSERTION
        parts.append((np.array([pair]), _single(np.full(rows[pair] + columns[pair], kind, np.uint8))))
    whole = np.flatnonzero(~empty & ~short).tolist()
    if whole:
        ones, twos = references.each(), hypotheses.each()
        parts += [(np.array([pair]), _single(long_path(ones[pair], twos[pair]))) for pair in whole]
    return _stacked(parts, len(rows))


def fewest_errors(references: Sequences, hypotheses: Sequences, known: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count the fewest errors of any alignment of each pair, given the errors `known` of its path at sclite's costs.

    An alignment with e errors, s of which are substitutions, costs 3e + s. An alignment with fewer errors that is not
    cheaper has three more substitutions for each error less. So only pairs with at least four errors are examined.
    """
    from rapidfuzz.distance import Levenshtein

    fewest = known.copy()
    many = np.flatnonzero(known > 3).tolist()
    ones, twos = (references.each(), hypotheses.each()) if many else ([], [])
    for pair in many:
        limit = int(known[pair])
        fewest[pair] = Levenshtein.distance(
            _as_characters(ones[pair]), _as_characters(twos[pair]), score_cutoff=limit, score_hint=limit
        )
    return fewest


class _Trails(NamedTuple):
    """Paths from the end to the start, one in each row, and their lengths."""

    operations: Operations
    lengths: _Ints


def _single(operations: Operations) -> _Trails:
    return _Trails(operations[None, ::-1], np.array([len(operations)]))


def _stacked(parts: list[tuple[_Ints, _Trails]], count: int) -> Paths:
    lengths = np.zeros(count, np.intp)
    for pairs, trails in parts:
        lengths[pairs] = trails.lengths
    firsts = np.cumsum(lengths) - lengths
    operations = np.zeros(int(lengths.sum()), np.uint8)
    for pairs, trails in parts:
        inside = np.arange(trails.operations.shape[1]) < trails.lengths[:, None]
        row, step = np.nonzero(inside)
        operations[(firsts + lengths - 1)[pairs][row] - step] = trails.operations[inside]
    return Paths(operations, lengths)


def _as_characters(ids: Ids) -> str | list[int]:
    """Encode each word as one character, because rapidfuzz compares strings fastest."""
    if len(ids) and int(ids.max()) >= 0x110000:
        return ids.tolist()  # type: ignore[no-any-return]  # numpy's tolist is typed Any
    return ids.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _levenshtein(references: Sequence[Ids], hypotheses: Sequence[Ids]) -> Paths:
    from rapidfuzz.distance import Levenshtein

    codes = {"replace": SUBSTITUTION, "delete": DELETION, "insert": INSERTION}
    pairs: list[int] = []
    edits: list[Any] = []  # a kind, a position in the reference and a position in the hypothesis
    for pair, (reference, hypothesis) in enumerate(zip(references, hypotheses, strict=True)):
        pair_edits = Levenshtein.editops(_as_characters(reference), _as_characters(hypothesis)).as_list()
        edits += pair_edits
        pairs += [pair] * len(pair_edits)
    owner = np.array(pairs, np.intp)
    kinds = np.fromiter((codes[kind] for kind, _, _ in edits), np.uint8, len(edits))
    places = np.fromiter((place for _, place, _ in edits), np.intp, len(edits))
    inserted = np.bincount(owner[kinds == INSERTION], minlength=len(references))
    lengths = np.fromiter(map(len, references), np.intp, len(references)) + inserted
    firsts = np.cumsum(lengths) - lengths
    operations = np.zeros(int(lengths.sum()), np.uint8)
    before = np.cumsum(kinds == INSERTION) - (kinds == INSERTION)  # earlier insertions, including those of other pairs
    others = np.cumsum(inserted) - inserted
    operations[firsts[owner] + places + before - others[owner]] = kinds
    return Paths(operations, lengths)


def _short(references: Sequences, hypotheses: Sequences, which: _Ints) -> _Trails:
    """Compute all cells of short pairs of about the same size, one row of all pairs at a time."""
    reference, hypothesis = references.table(which, -1), hypotheses.table(which, -2)
    cells = np.zeros((reference.shape[1] + 1, len(which), hypothesis.shape[1] + 1), np.int16)
    for row in range(1, len(cells)):
        here = cells[row]
        equal = hypothesis == reference[:, row - 1, None]
        np.take(_DIAGONAL, equal.view(np.uint8), out=here[:, 1:], mode="clip")
        here[:, 1:] += cells[row - 1, :, :-1]
        np.minimum(here, cells[row - 1], out=here)
        np.minimum.accumulate(here, axis=1, out=here)
    return _walked_back(cells, reference, hypothesis, references.lengths[which], hypotheses.lengths[which])


def _walked_back(cells: _Cells, reference: Ids, hypothesis: Ids, rows: _Ints, columns: _Ints) -> _Trails:
    """Trace the path of each pair from its last cell to its first, all pairs at once."""
    _, count, width = cells.shape
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
        safe = np.where(inner, at, up + 1)  # any cell that has all three neighbours
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
    return _Trails(trail, taken)
