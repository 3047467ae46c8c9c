"""Words that only one of two arms has right, with the words that each arm has in their place.

Conventions: words that were recognised together stay together. Where an arm wrote one word as several that sound like
it (``lisinopril`` → ``listen april``), or several words as one, all of them are shown on both sides, as in
`confusions`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.metrics.terms.search import aligned_words
from soniox_ds.metrics.words.confusions import errors_in

__all__ = ["word_changes"]

_KEY = ["audio_id", "reference_index"]


def word_changes(base: pd.DataFrame, arm: pd.DataFrame) -> pd.DataFrame:
    """List the words that one arm won or lost against another.

    Parameters
    ----------
    base, arm
        ``schema.WORD_ALIGNMENTS`` of the other arm and of this arm, against the same references. Recordings that are in
        only one of the tables are left out.

    Returns
    -------
    DataFrame
        `audio_id`, `change` (``"won"``: a word that is wrong in `base` is right in `arm`; ``"lost"``: the reverse),
        `reference`, `baseline` and `arm` (the words of each arm; NA where it has no word), `start_ms` (of the arm,
        otherwise of the baseline; NA if neither has times). Rows are in spoken order. Words that were recognised as one
        share a row, and a place where one word was won and another lost has a row for each change.

    Raises
    ------
    SchemaError
        If a column is missing, a row occurs twice, or a time is out of range.

    Examples
    --------
    >>> from soniox_ds.metrics.words.align import align_words
    >>> references = {"a": "she takes lisinopril now"}
    >>> plain, helped = ({"a": "she takes listen april now"}, {"a": "he takes lisinopril now"})
    >>> changes = word_changes(align_words(plain, references), align_words(helped, references))
    >>> changes[["change", "reference", "baseline", "arm"]]
      change   reference      baseline         arm
    0   lost         she           she          he
    1    won  lisinopril  listen april  lisinopril
    """
    sides = _recognized_words(base), _recognized_words(arm)
    both = sides[0].words.merge(sides[1].words[[*_KEY, "right", "group"]], on=_KEY, suffixes=("", "_own"))
    groups = [both[name].to_numpy(np.int64) for name in ("group", "group_own")]
    apart = np.logical_and.reduce([group[1:] != group[:-1] for group in groups])
    stretch = np.concatenate([[0], np.cumsum(apart)]) if len(both) else np.zeros(0, np.int64)
    right, right_here = (both[name].to_numpy(np.bool_) for name in ("right", "right_own"))
    rows = []
    changed = pd.unique(stretch[right != right_here])
    firsts, stops = (np.searchsorted(stretch, changed, side) for side in ("left", "right"))
    for first, stop in zip(firsts.tolist(), stops.tolist(), strict=True):
        (before, start), (after, start_here) = (
            side.over(group[first:stop]) for side, group in zip(sides, groups, strict=True)
        )
        reference = " ".join(both["reference"].iloc[first:stop])
        here = right_here[first:stop].astype(int) - right[first:stop]
        changes = [change for change, sign in (("won", 1), ("lost", -1)) if (here == sign).any()]
        start_ms = start if start_here is None else start_here
        rows += [(both["audio_id"].iloc[first], change, reference, before, after, start_ms) for change in changes]
    table = pd.DataFrame(rows, columns=["audio_id", "change", "reference", "baseline", "arm", "start_ms"])
    return table.astype(dict.fromkeys(table.columns[:-1], "string") | {"start_ms": "Int64"})


class _RecognizedWords(NamedTuple):
    """The reference words, and for each group of them the recognised words and their start."""

    words: pd.DataFrame
    """`audio_id`, `reference_index`, `reference`, `right` (bool), `group` (number)."""
    texts: list[str | None]
    starts: list[int | None]

    def over(self, groups: npt.NDArray[np.int64]) -> tuple[str | None, int | None]:
        """Return the words recognised for some groups, and the start of the first one."""
        distinct = pd.unique(groups).tolist()
        texts = [text for group in distinct if (text := self.texts[group]) is not None]
        starts = [start for group in distinct if (start := self.starts[group]) is not None]
        return " ".join(texts) or None, min(starts, default=None)


def _recognized_words(alignments: pd.DataFrame) -> _RecognizedWords:
    aligned = aligned_words(alignments)
    rows = aligned.rows
    group = np.full(len(rows), -1, np.int64)
    hypotheses: list[tuple[int, ...]] = []
    for row in np.flatnonzero(aligned.operation == "hit").tolist():
        group[row] = len(hypotheses)
        hypotheses.append((row,))
    for error in errors_in(rows):
        group[list(error.reference_rows)] = len(hypotheses)
        hypotheses.append(error.hypothesis_rows)
    words = rows[["audio_id", "reference_index", "reference"]].assign(right=aligned.operation == "hit", group=group)
    times: list[Any] = [None] * len(rows)
    if "start_ms" in rows:
        times = rows["start_ms"].astype(object).where(rows["start_ms"].notna(), None).tolist()
    return _RecognizedWords(
        words.iloc[aligned.in_reference].reset_index(drop=True),
        [" ".join(aligned.hypothesis[list(indices)]) or None for indices in hypotheses],
        [min((times[row] for row in indices if times[row] is not None), default=None) for indices in hypotheses],
    )
