"""Calibration of confidences.

Conventions: each word of an alignment that has a confidence c is right (1) or wrong (0). Deletions have no word and are
not included in any of these figures. With N words, p the share of right words, and bins b of n_b words:

- ECE = Σ (n_b / N) |accuracy_b − mean confidence_b|. A bin holds confidences above its lower edge and up to its upper
  edge; the first bin also holds its lower edge. Edges of equal mass are quantiles; words of equal confidence stay
  together.

The Brier score, NCE and AUC are defined in `soniox_ds.metrics.confidence.scores`.

Reference: Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.confidence.calibration_counts import (
    BlockSums,
    ConfidenceCounts,
    GroupCounts,
    block_sums,
    confidence_counts,
    gathered,
    joined_blocks,
    joined_counts,
)
from soniox_ds.metrics.confidence.calibration_error import (
    accuracy_intervals,
    bin_edges,
    chance_gaps,
    check_bins,
    ece,
    ece_interval,
    resampling,
)
from soniox_ds.metrics.confidence.scores import auc, brier_score, normalized_cross_entropy
from soniox_ds.metrics.confidence.word_confidence import judged
from soniox_ds.metrics.words.alignments import Alignments, alignments_with_columns, results_of_aligned_parts
from soniox_ds.schema import CALIBRATION, RELIABILITY, Table, conform, empty, need
from soniox_ds.schema.inputs import InParts
from soniox_ds.schema.result_table import ResultTable

__all__ = ["calibration", "reliability"]

_LENGTHS = {1: "1 to 3", 4: "4 to 6", 7: "7 to 9", 10: "10 or more"}

FloatArray = npt.NDArray[np.float64]


def calibration(
    alignments: Alignments,
    by: str | Sequence[str] | None = None,
    *,
    bins: int = 15,
    binning: str = "equal_width",
    block: str = "audio_id",
    ci: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> ResultTable:
    """Measure the calibration of word confidences, for all words or for each group of words.

    Parameters
    ----------
    alignments
        ``schema.WORD_ALIGNMENTS``: `operation`, `confidence`, and the columns named by `by` and `block`; or a corpus
        with references, which is aligned with the defaults of `align_words`. An opened corpus is counted part by part,
        so that its words are not held in memory, and twice for ``binning="equal_mass"``.
    by
        One or more columns whose values are the groups, such as "language" or "speaker"; a column of your recordings
        can be merged in by `audio_id`, and need not be if a corpus is given. "length" (of the aligned word in
        characters, in four classes) is always available.
    bins
        Number of bins.
    binning
        "equal_width" or "equal_mass". Most words have a high confidence, so that most bins of equal width are
        nearly empty: they show the whole range, while bins of equal mass show where the words are.
    ci
        Level of the interval of `ece`.
    block
        Column whose values are drawn as a whole. Words of one recording are not independent, and neither are recordings
        of one speaker; name the column of the speaker or session if there is one.
    n_resamples, seed
        Number of replicates and seed of the bootstrap. The same seed gives the same bounds.

    Returns
    -------
    DataFrame
        The columns of `by`, then ``schema.CALIBRATION``: one row for each group in sorted order (NA last), or a single
        row without `by`. For a group without words, all values but the counts are NA; `nce` and `auc` are also NA if
        all words are right or all are wrong. If there is no reliable interval of `ece`, its bounds are NA, and `note`
        says why.

    Raises
    ------
    SchemaError
        If a column is absent, a confidence lies outside 0 to 1, a row occurs twice in a group, or a block is NA.
    InputError
        If no word has a confidence, or an option is invalid.

    Notes
    -----
    The ECE of a sample is too high, because chance alone moves each bin, and every move counts as an error.
    `ece_by_chance` is the ECE to expect if the confidences were perfect. It is the larger of two means: that of words
    that go wrong independently (each drawn with its own confidence), and that of the blocks' residuals after the mean
    of each bin is subtracted (bootstrap). The first exists for any number of blocks; the second is larger if words of a
    block go wrong together.

    The interval is for the true value. Its upper bound is the bootstrap's quantile. Its lower bound lies equally far
    below the ECE, which removes the excess, and is 0 if the ECE is no higher than chance makes it at that level.
    The interval tends to be too wide. There is none with fewer than 10 blocks, or with fewer than 10 wrong (or right)
    words, because so few underestimate their own spread; `note` says so.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> alignments = pd.DataFrame({
    ...     "audio_id": ["a", "a", "a", "b", "b", "b"],
    ...     "operation": ["hit", "hit", "substitution", "hit", "insertion", "deletion"],
    ...     "confidence": [0.9, 0.8, 0.7, 1.0, 0.1, None],
    ... })
    >>> sx.calibration(alignments, bins=2)[["n", "errors", "accuracy", "confidence_mean", "ece", "brier", "auc"]]
       n  errors  accuracy  confidence_mean  ece  brier  auc
    0  5       2       0.6              0.7  0.1   0.11  1.0
    """
    check_bins(bins, binning)
    settings = resampling(ci, n_resamples, seed)
    groups = _counted(alignments, by, block, CALIBRATION, bins, binning)
    rows = []
    for values, sums in groups.counts:
        edges = bin_edges(values, bins, binning)
        interval = ece_interval(sums, chance_gaps(values, edges, settings), settings)
        count, n_right = int(values.words.sum()), int(values.right.sum())
        rows.append(
            {
                "n": count,
                "errors": count - n_right,
                "accuracy": n_right / count if count else nan,
                "confidence_mean": float(values.confidence @ values.words) / count if count else nan,
                "ece": ece(sums),
                "ece_low": interval.low,
                "ece_high": interval.high,
                "ece_by_chance": interval.by_chance,
                "brier": brier_score(values),
                "nce": normalized_cross_entropy(values),
                "auc": auc(values),
                "blocks": len(sums.words),
                "block": block,
                "bins": bins,
                "binning": binning,
                "ci": ci,
                "replicates": n_resamples,
                "seed": seed,
                "note": pd.NA if interval.reason is None else interval.reason,
            }
        )
    table = conform(pd.DataFrame(rows, columns=list(CALIBRATION)), CALIBRATION)
    return ResultTable(pd.concat([groups.labels, table], axis=1))


def reliability(
    alignments: Alignments,
    by: str | Sequence[str] | None = None,
    *,
    bins: int = 15,
    binning: str = "equal_width",
    block: str = "audio_id",
    ci: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> ResultTable:
    """List the bins behind `calibration`: mean confidence and share of right words.

    Parameters
    ----------
    alignments, by, bins, binning, block, ci, n_resamples, seed
        See `calibration`.

    Returns
    -------
    DataFrame
        The columns of `by`, then ``schema.RELIABILITY``: for each group its bins from low to high. Bins of equal width
        are all listed, including empty bins; with bins of equal mass there can be fewer than `bins`, if many
        confidences are equal. The interval of `accuracy` uses the quantiles of the bootstrap over blocks; in a bin in
        which all words are right (or wrong) it has no width, which says little if the bin holds few words.

    Raises
    ------
    SchemaError, InputError
        For the reasons given in `calibration`.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> alignments = pd.DataFrame({
    ...     "audio_id": ["a", "a", "a", "b", "b"],
    ...     "operation": ["hit", "hit", "substitution", "hit", "insertion"],
    ...     "confidence": [0.9, 0.8, 0.7, 1.0, 0.1],
    ... })
    >>> sx.metrics.reliability(alignments, bins=2)[["low", "high", "n", "confidence_mean", "accuracy"]]
       low  high  n  confidence_mean  accuracy
    0  0.0   0.5  1              0.1       0.0
    1  0.5   1.0  4             0.85      0.75
    """
    check_bins(bins, binning)
    settings = resampling(ci, n_resamples, seed)
    groups = _counted(alignments, by, block, RELIABILITY, bins, binning)
    tables = [empty(RELIABILITY)]
    for values, sums in groups.counts:
        edges = bin_edges(values, bins, binning)
        low, high = accuracy_intervals(sums, settings)
        counts = sums.words.sum(axis=0)
        columns = {
            "bin": np.arange(len(counts)),
            "low": edges[:-1],
            "high": edges[1:],
            "n": counts.astype(np.int64),
            "confidence_mean": _ratio(sums.confidence.sum(axis=0), counts),
            "accuracy": _ratio(sums.right.sum(axis=0), counts),
            "accuracy_low": low,
            "accuracy_high": high,
        }
        tables.append(conform(pd.DataFrame(columns), RELIABILITY))
    result = pd.concat(tables, ignore_index=True)
    repeated = np.repeat(np.arange(len(groups.counts)), [len(table) for table in tables[1:]])
    return ResultTable(pd.concat([groups.labels.take(repeated).reset_index(drop=True), result], axis=1))


class _Groups(NamedTuple):
    """The labels of each group (one row each, one column for each name) and its counts."""

    labels: pd.DataFrame
    counts: list[GroupCounts]


_Edges = Mapping[tuple[Any, ...], FloatArray]
"""The bin edges of each group, by its labels."""


def _counted(
    source: Alignments, by: str | Sequence[str] | None, block: str, table: Table, bins: int, binning: str
) -> _Groups:
    names = [] if by is None else [by] if isinstance(by, str) else list(by)
    if taken := [name for name in names if name in table]:
        raise InputError(f"by contains {taken}, which are also columns of the result; rename your columns first.")
    if isinstance(source, pd.DataFrame) or not isinstance(source, InParts):
        return _groups(source, names, block, bins, binning)
    count = partial(_groups, names=names, block=block)
    if binning == "equal_width":
        return _joined(results_of_aligned_parts(partial(count, bins=bins, binning=binning), source), names, source)
    # The edges depend on all words, so that the parts are read twice. The first time there is one bin.
    groups = _joined(results_of_aligned_parts(partial(count, bins=1, binning="equal_width"), source), names, source)
    edges = {
        key: bin_edges(counts.values, bins, binning)
        for key, counts in zip(_keys(groups.labels), groups.counts, strict=True)
    }
    parts = results_of_aligned_parts(partial(count, bins=bins, binning=binning, edges=edges), source)
    return _joined(parts, names, source)


def _joined(parts: Iterable[_Groups], names: list[str], corpus: InParts) -> _Groups:
    """Add the counts of parts."""
    ids = pd.Index(list(corpus))
    labels: list[pd.DataFrame] = []
    values: dict[tuple[Any, ...], list[ConfidenceCounts]] = {}
    blocks: dict[tuple[Any, ...], list[BlockSums]] = {}
    for part in parts:
        labels.append(part.labels)
        for key, counts in zip(_keys(part.labels), part.counts, strict=True):
            blocks.setdefault(key, []).append(counts.blocks)
            values[key] = gathered(values.get(key, []), counts.values)
    together = pd.concat(labels, ignore_index=True)
    if names:
        number = together.groupby(names, dropna=False, observed=True, sort=True).ngroup().to_numpy()
        together = together.iloc[np.unique(number, return_index=True)[1]].reset_index(drop=True)
    else:
        together = together.iloc[:1]
    counts_of_groups = [
        GroupCounts(joined_counts(values[key]), joined_blocks(blocks[key], ids)) for key in _keys(together)
    ]
    return _Groups(together, counts_of_groups)


def _keys(labels: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return the labels of each group as a key of a dict."""
    columns = [labels[name].astype(object).where(labels[name].notna(), None) for name in labels]
    return list(zip(*columns, strict=True)) if columns else [()] * len(labels)


def _groups(
    source: Alignments,
    names: list[str],
    block: str,
    bins: int,
    binning: str,
    edges: _Edges | None = None,
) -> _Groups:
    alignments = alignments_with_columns(source, [*names, block])
    all_words = judged(alignments, names)
    with_confidence = alignments.iloc[all_words.rows].reset_index(drop=True)
    if "length" in names and "length" not in with_confidence:
        with_confidence = with_confidence.assign(length=_length_classes(with_confidence))
    if absent := [name for name in names if name not in with_confidence]:
        raise SchemaError(
            f"by contains {absent}, which are not columns of the alignments; their columns are "
            f"{list(alignments.columns)}. Columns of the recordings can be merged in: "
            "alignments.merge(corpus.recordings[['audio_id', 'accent']], on='audio_id')."
        )
    need(alignments, block, name="alignments")
    if unknown := int(with_confidence[block].isna().sum()):
        raise SchemaError(
            f"the block {block!r} is NA for {unknown} of {len(with_confidence)} words; fill in the missing values, or "
            "use blocks that are known (block='audio_id')."
        )
    if names:
        number = with_confidence.groupby(names, dropna=False, observed=True, sort=True).ngroup().to_numpy()
    else:
        number = np.zeros(len(with_confidence), np.int64)
    count = int(number.max()) + 1 if len(with_confidence) else int(not names)
    order = np.argsort(number, kind="stable")
    members = np.split(order, np.searchsorted(number[order], np.arange(1, count))) if count else []
    labels = with_confidence[names].iloc[[rows[0] for rows in members]] if names else pd.DataFrame(index=range(count))
    labels = labels.reset_index(drop=True)
    audio_id = with_confidence["audio_id" if "audio_id" in with_confidence else block]
    counts = []
    for key, rows in zip(_keys(labels), members, strict=True):
        confidence, correct = all_words.confidence[rows], all_words.correct[rows]
        values = confidence_counts(confidence, correct)
        edges_of_group = bin_edges(values, bins, binning) if edges is None else edges[key]
        sums = block_sums(
            confidence, correct, edges_of_group, with_confidence[block].take(rows), audio_id.take(rows), rows
        )
        counts.append(GroupCounts(values, sums))
    return _Groups(labels, counts)


def _length_classes(words: pd.DataFrame) -> Any:
    need(words, "hypothesis", name="alignments")
    codes, texts = pd.factorize(words["hypothesis"])
    length = np.array([*map(len, texts.astype(str)), 0])[codes]
    place = np.searchsorted(list(_LENGTHS), np.maximum(length, 1), side="right") - 1
    labels: Any = list(_LENGTHS.values())
    return pd.Categorical.from_codes(place.tolist(), labels, ordered=True)


def _ratio(numerators: FloatArray, denominators: FloatArray) -> FloatArray:
    """Divide, with NaN where the denominator is 0."""
    ratios: FloatArray = np.divide(
        numerators, denominators, out=np.full(len(denominators), nan), where=denominators > 0
    )
    return ratios
