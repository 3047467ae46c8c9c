"""Counts from which calibration is computed: words by confidence, and words by block and bin.

Conventions: the counts of two sets of recordings are added to get those of both, so that an opened corpus is counted
part by part. Numbers of words are exact. Sums of confidences are those of the whole corpus, unless a block has words in
several parts: the last digits can then differ, because floating-point numbers are added in another order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = [
    "BlockSums",
    "ConfidenceCounts",
    "GroupCounts",
    "block_sums",
    "confidence_counts",
    "gathered",
    "joined_blocks",
    "joined_counts",
]

_PENDING = 100_000  # distinct confidences that are collected before they are added up

Bools = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


class ConfidenceCounts(NamedTuple):
    """The distinct confidences from low to high, with the number of words and of right words that have each."""

    confidence: FloatArray
    words: Ints
    right: Ints


class BlockSums(NamedTuple):
    """Sums for each block (rows) and bin (columns), with the label and the first word of each block."""

    words: FloatArray
    right: FloatArray
    confidence: FloatArray
    labels: npt.NDArray[Any]
    audio_id: npt.NDArray[Any]
    """Recording of the first word of the block."""
    row: Ints
    """Row of the first word of the block in the alignments."""

    @property
    def gaps(self) -> FloatArray:
        """The number of right words minus the sum of their confidences."""
        return self.right - self.confidence


class GroupCounts(NamedTuple):
    """The counts of one group of words."""

    values: ConfidenceCounts
    blocks: BlockSums


def confidence_counts(confidence: FloatArray, correct: Bools) -> ConfidenceCounts:
    """Count the words that have each confidence.

    >>> values = confidence_counts(np.array([0.9, 0.5, 0.9]), np.array([True, True, False]))
    >>> values.confidence.tolist(), values.words.tolist(), values.right.tolist()
    ([0.5, 0.9], [1, 2], [1, 1])
    """
    distinct, place, words = np.unique(confidence, return_inverse=True, return_counts=True)
    right = np.bincount(place, correct.astype(np.float64), len(distinct)).astype(np.intp)
    return ConfidenceCounts(distinct, words.astype(np.intp), right)


def joined_counts(parts: Sequence[ConfidenceCounts]) -> ConfidenceCounts:
    """Add the counts of several sets of words."""
    if len(parts) == 1:
        return parts[0]
    distinct, place = np.unique(np.concatenate([part.confidence for part in parts]), return_inverse=True)

    def added(counts: Iterable[Ints]) -> Ints:
        sums = np.bincount(place, np.concatenate(list(counts)).astype(np.float64), len(distinct))
        return sums.astype(np.intp)

    return ConfidenceCounts(distinct, added(part.words for part in parts), added(part.right for part in parts))


def gathered(parts: Sequence[ConfidenceCounts], further: ConfidenceCounts) -> list[ConfidenceCounts]:
    """Add further counts to a list for `joined_counts`, and join the list once it has become long."""
    collected = [*parts, further]
    if sum(len(part.words) for part in collected[1:]) > max(len(collected[0].words), _PENDING):
        return [joined_counts(collected)]
    return collected


def block_sums(
    confidence: FloatArray, correct: Bools, edges: FloatArray, labels: pd.Series[Any], audio_id: Any, row: Ints
) -> BlockSums:
    """Sum words, right words and confidences by block and bin; `labels` holds the block of each word."""
    blocks, names = pd.factorize(labels)
    bins = len(edges) - 1
    cell = blocks * bins + np.searchsorted(edges[1:-1], confidence)

    def summed(values: FloatArray) -> FloatArray:
        return np.bincount(cell, values, len(names) * bins).astype(np.float64).reshape(len(names), bins)

    first = np.unique(blocks, return_index=True)[1]
    return BlockSums(
        summed(np.ones(len(cell))),
        summed(correct.astype(np.float64)),
        summed(confidence),
        np.asarray(names, dtype=object),
        np.asarray(audio_id, dtype=object)[first],
        row[first],
    )


def joined_blocks(parts: Sequence[BlockSums], ids: pd.Index[Any]) -> BlockSums:
    """Add the sums of several sets of words, with the blocks in the order of their first words.

    `ids` holds the recordings in the order of the corpus. The order of the blocks matters for the bootstrap, which
    draws blocks by their number.
    """
    if len(parts) == 1:
        return parts[0]
    joined = [np.concatenate([part[field] for part in parts]) for field in range(len(BlockSums._fields))]
    order = np.lexsort((joined[5], ids.get_indexer(pd.Index(joined[4]))))
    words, right, confidence, labels, audio_id, row = (each[order] for each in joined)
    blocks = pd.factorize(labels)[0]
    first = np.unique(blocks, return_index=True)[1]

    def added(sums: FloatArray) -> FloatArray:
        if len(first) == len(sums):
            return sums
        total = np.zeros((len(first), sums.shape[1]))
        np.add.at(total, blocks, sums)
        return total

    return BlockSums(added(words), added(right), added(confidence), labels[first], audio_id[first], row[first])
