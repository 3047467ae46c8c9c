"""Error segments of two systems on the same references, for the matched pairs test (MAPSSWE).

Conventions: along the reference, a word is good if both systems have it right; an insertion in either system is an
error. A segment opens at the first error and closes after two good words in a row, or at the end of the recording; an
insertion between two good words separates them. Stretches without errors are not segments.

References: Gillick and Cox, "Some statistical issues in the comparison of speech recognition algorithms", ICASSP 1989;
NIST, sc_stats of SCTK, which defines the same segments and statistic.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.stats.blocks import counted
from soniox_ds.schema import need, with_ids

__all__ = ["GOOD_WORDS", "error_segments"]

GOOD_WORDS = 2
"""This many good words in a row end a segment."""

_OPERATIONS = ("hit", "substitution", "deletion", "insertion")
_INSERTION = _OPERATIONS.index("insertion")


class _Walk(NamedTuple):
    """The alignment of one system in order: recording, position along the reference, and whether it is an error."""

    audio: npt.NDArray[np.intp]
    place: npt.NDArray[np.int64]  # 2 k for an insertion before reference word k, 2 k + 1 for that word
    error: npt.NDArray[np.bool_]
    reference: pd.Series[Any]  # of the reference words only


def error_segments(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Cut the recordings of two alignments into segments that hold errors.

    Parameters
    ----------
    a, b
        ``schema.WORD_ALIGNMENTS`` of two systems against the same references: `audio_id`, `position`, `operation`,
        `reference`. A recording that only one of them has counts as free of errors in the other, so select first.

    Returns
    -------
    DataFrame
        One row for each segment, in the order of the recordings of `a`, then of those that only `b` has: `audio_id`,
        `errors_a`, `errors_b` (Int64; substitutions, deletions and insertions within the segment, at least one in
        either).

    Raises
    ------
    SchemaError
        If a column is absent or an operation unknown.
    InputError
        If the references of a recording differ between the two, as after different normalisation.

    Examples
    --------
    >>> def aligned(operations):
    ...     return pd.DataFrame({"audio_id": "x", "position": range(len(operations)), "operation": operations,
    ...                          "reference": ["w" if name != "insertion" else None for name in operations]})
    >>> a = aligned(["substitution", "hit", "hit", "hit", "deletion", "hit"])
    >>> b = aligned(["hit", "insertion", "hit", "hit", "hit", "hit", "hit"])
    >>> error_segments(a, b)
      audio_id  errors_a  errors_b
    0        x         1         1
    1        x         1         0
    """
    for alignment in (a, b):
        need(alignment, "audio_id", "position", "operation", "reference")
    a, b = with_ids(a, "alignments of a"), with_ids(b, "alignments of b")
    ids = pd.Index(pd.concat([a["audio_id"], b["audio_id"]]).astype("string").unique())
    first, second = _walk(a, ids), _walk(b, ids)
    _check_same_references(first, second, ids)

    # Merge both alignments: one row for each word of the reference, and for each gap that holds an insertion.
    audio = np.concatenate([first.audio, second.audio])
    place = np.concatenate([first.place, second.place])
    errors = np.zeros((len(audio), 2), np.int64)
    errors[: len(first.error), 0], errors[len(first.error) :, 1] = first.error, second.error
    order = np.lexsort((place, audio))
    audio, place = audio[order], place[order]
    starts = np.flatnonzero(_changes(audio) | _changes(place))
    errors, audio = _added(errors[order], starts), audio[starts]

    wrong = np.flatnonzero(errors.sum(axis=1))
    # Between two neighbouring errors there are only good words, because an insertion would be an error itself.
    far = np.diff(wrong, prepend=wrong[:1]) > GOOD_WORDS
    heads = np.flatnonzero(far | _changes(audio[wrong]))
    segments = _added(errors[wrong], heads)
    return pd.DataFrame(
        {
            "audio_id": pd.array(ids[audio[wrong][heads]], dtype="string"),
            "errors_a": pd.array(segments[:, 0], dtype="Int64"),
            "errors_b": pd.array(segments[:, 1], dtype="Int64"),
        }
    )


def _walk(alignment: pd.DataFrame, ids: pd.Index[Any]) -> _Walk:
    audio = ids.get_indexer(pd.Index(alignment["audio_id"]))
    operation = pd.Index(_OPERATIONS).get_indexer(pd.Index(alignment["operation"]))
    if (operation < 0).any():
        unknown = alignment["operation"].iloc[int(np.argmax(operation < 0))]
        raise SchemaError(
            f"the alignment has the operation {unknown!r}; it can be {', '.join(map(repr, _OPERATIONS))}."
        )
    order = np.lexsort((alignment["position"].to_numpy(np.int64), audio))
    audio, operation = audio[order], operation[order]
    in_reference = operation != _INSERTION
    passed = np.cumsum(in_reference) - in_reference
    starts = np.flatnonzero(_changes(audio))
    within = passed - np.repeat(passed[starts], np.diff(np.append(starts, len(audio))))
    return _Walk(audio, 2 * within + in_reference, operation != 0, alignment["reference"].iloc[order[in_reference]])


def _changes(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return True where a value differs from the one before it, and for the first value."""
    return np.append(True, values[1:] != values[:-1])[: len(values)]


def _added(rows: npt.NDArray[np.int64], starts: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """Sum the stretches of rows that begin at `starts`."""
    return np.add.reduceat(rows, starts, axis=0) if len(starts) else rows[:0]


def _check_same_references(first: _Walk, second: _Walk, ids: pd.Index[Any]) -> None:
    spoken = [arm.audio[arm.place % 2 == 1] for arm in (first, second)]
    words = [np.bincount(arm, minlength=len(ids)) for arm in spoken]
    in_both = np.isin(np.arange(len(ids)), first.audio) & np.isin(np.arange(len(ids)), second.audio)
    different = in_both & (words[0] != words[1])
    if not different.any():
        kept = [
            arm.reference.astype("string").fillna("").to_numpy(object)[in_both[where]]
            for arm, where in zip((first, second), spoken, strict=True)
        ]
        unequal = np.flatnonzero(kept[0] != kept[1])
        if len(unequal):
            different[spoken[0][in_both[spoken[0]]][unequal]] = True
    if different.any():
        name = ids[int(np.argmax(different))]
        raise InputError(
            f"the two alignments of {name!r} have different reference words (in "
            f"{counted(int(different.sum()), 'recording')}); align both against the same references with the same "
            "normaliser."
        )
