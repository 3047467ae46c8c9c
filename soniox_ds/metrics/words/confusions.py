"""Confusions between words.

Conventions: substitutions, deletions and insertions are those of the alignment, with one exception. If one word was
transcribed as several words with a similar spelling (``lisinopril`` → ``listen april``), the error is one "split"
instead of a misleading substitution with insertions. In the same way, several words that were transcribed as one word
are one "join". The counts of word errors are not changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from soniox_ds._arguments import check_number
from soniox_ds.exceptions import SchemaError
from soniox_ds.metrics.words.align import OPERATIONS
from soniox_ds.metrics.words.alignments import Alignments, alignments_of
from soniox_ds.schema import CONFUSIONS, conform, need, need_milliseconds, no_duplicates

__all__ = ["WordError", "confusions", "error_places", "errors_in"]

_MOST_PARTS = 4
_LEAST_LIKENESS = 0.5
_LONGEST_STRETCH = 12  # words on either side; in longer stretches of errors, splits and joins cannot be recognised
_NEIGHBOURS = 3


def confusions(alignments: Alignments, *, at_least: int = 1) -> pd.DataFrame:
    """List the word errors by reference and transcribed words, the most frequent first.

    Parameters
    ----------
    alignments
        ``schema.WORD_ALIGNMENTS``, from `align_words`; a `jiwer.WordOutput`; or a corpus with references, which is
        aligned with the defaults of `align_words`.
    at_least
        Leave out errors that occur less often.

    Returns
    -------
    DataFrame
        ``schema.CONFUSIONS``. Equally frequent errors are in order of appearance. The table is empty if all words
        are right.

    Raises
    ------
    SchemaError
        If a column is absent, an operation is unknown, a row occurs twice, or a time is impossible or has a fraction.
    InputError
        If `at_least` is below 1.

    Notes
    -----
    A split or join has one word on one side and two to four words on the other. The two sides must be similar: without
    spaces, their edit distance is at most half the length of the longer text.

    A stretch of consecutive errors is divided so that the fewest characters change. If this division contains a split
    or a join, it is used; otherwise the errors are those of the alignment. Stretches are not divided if they have more
    than 12 words on one side, or two words on each side.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> transcripts = {"a": "she takes listen april now", "b": "we takes it"}
    >>> alignments = sx.align_words(transcripts, {"a": "she took lisinopril now", "b": "we took it"})
    >>> sx.confusions(alignments)[["operation", "reference", "hypothesis", "count"]]
          operation   reference    hypothesis  count
    0  substitution        took         takes      2
    1         split  lisinopril  listen april      1
    >>> sx.confusions(alignments)["example"].tolist()
    ['she [took → takes] lisinopril now', 'she took [lisinopril → listen april] now']
    """
    alignments = alignments_of(alignments)
    need(alignments, "audio_id", "position", "operation", "reference", "hypothesis", name="alignments")
    alignments = need_milliseconds(alignments, "alignments", required=False)
    no_duplicates(alignments, "alignments", "audio_id", "position")
    check_number(at_least, "at_least", least=1, advice="give 1 or more.")
    rows = _Rows(alignments)
    by_words: dict[tuple[str, str | None, str | None], list[WordError]] = {}
    for error in rows.errors():
        reference = rows.joined("reference", error.reference_rows)
        hypothesis = rows.joined("hypothesis", error.hypothesis_rows)
        by_words.setdefault((error.kind, reference, hypothesis), []).append(error)
    often = sorted(
        ((key, errors) for key, errors in by_words.items() if len(errors) >= at_least), key=lambda item: -len(item[1])
    )
    frame = pd.DataFrame([rows.described(key, errors) for key, errors in often], columns=list(CONFUSIONS))
    return conform(frame, CONFUSIONS)


class WordError(NamedTuple):
    """An error: its kind, and the rows that hold its reference words and its transcribed words."""

    kind: str
    reference_rows: tuple[int, ...]
    hypothesis_rows: tuple[int, ...]

    @property
    def rows(self) -> tuple[int, ...]:
        """All rows of the error, in order."""
        return tuple(sorted({*self.reference_rows, *self.hypothesis_rows}))


def errors_in(alignments: pd.DataFrame) -> list[WordError]:
    """List the errors of an alignment one by one, in spoken order.

    The table must be in spoken order. The rows of the errors are positions in the table.

    >>> from soniox_ds.metrics.words.align import align_words
    >>> errors_in(align_words({"a": "takes listen april"}, {"a": "takes lisinopril"}))
    [WordError(kind='split', reference_rows=(2,), hypothesis_rows=(1, 2))]
    """
    return list(_Rows(alignments).errors())


def error_places(alignments: pd.DataFrame) -> pd.DataFrame:
    """List every single error that the function `confusions` counts, in spoken order.

    `position` is the position of the first row of the error in the alignment.

    >>> from soniox_ds.metrics.words.align import align_words
    >>> error_places(align_words({"a": "we takes listen april"}, {"a": "we took lisinopril"}))
      audio_id  position     operation   reference    hypothesis
    0        a         1  substitution        took         takes
    1        a         2         split  lisinopril  listen april
    """
    rows = _Rows(alignments)
    places = [
        (
            rows.ids[error.rows[0]],
            rows.positions[error.rows[0]],
            error.kind,
            rows.joined("reference", error.reference_rows),
            rows.joined("hypothesis", error.hypothesis_rows),
        )
        for error in rows.errors()
    ]
    return pd.DataFrame(places, columns=["audio_id", "position", "operation", "reference", "hypothesis"])


class _Rows:
    """The rows of an alignment in spoken order, as plain lists with None for NA."""

    def __init__(self, alignments: pd.DataFrame) -> None:
        audio = pd.factorize(alignments["audio_id"])[0]
        order = np.lexsort((alignments["position"].to_numpy(np.int64), audio))
        kinds = pd.Index(OPERATIONS).get_indexer(pd.Index(alignments["operation"]))[order]
        if (kinds < 0).any():
            odd = alignments["operation"].iloc[int(order[np.argmax(kinds < 0)])]
            raise SchemaError(f"the alignment has the operation {odd!r}; it can be {list(OPERATIONS)}.")
        self.kinds = kinds
        self.audio = audio[order]
        self.positions: list[int] = alignments["position"].take(order).astype(int).tolist()
        self.ids: list[str] = alignments["audio_id"].take(order).tolist()
        self.columns: dict[str, list[Any]] = {
            name: _plain(alignments[name].take(order)) if name in alignments else [None] * len(order)
            for name in ("reference", "hypothesis", "start_ms", "end_ms", "confidence")
        }

    def errors(self) -> Iterator[WordError]:
        """Yield all errors, in spoken order."""
        wrong = self.kinds > 0
        inside = wrong[1:] & wrong[:-1] & (self.audio[1:] == self.audio[:-1])
        firsts = np.flatnonzero(wrong & ~np.append(False, inside)).tolist()
        lasts = np.flatnonzero(wrong & ~np.append(inside, False)).tolist()
        for first, last in zip(firsts, lasts, strict=True):
            yield from self._divided(range(first, last + 1))

    def _divided(self, stretch: range) -> Iterator[WordError]:
        in_reference = [row for row in stretch if self.columns["reference"][row] is not None]
        in_hypothesis = [row for row in stretch if self.columns["hypothesis"][row] is not None]
        if len(in_reference) != len(in_hypothesis) or len(in_reference) > 2:
            blocks = _blocks(
                [self.columns["reference"][row] for row in in_reference],
                [self.columns["hypothesis"][row] for row in in_hypothesis],
            )
        else:
            blocks = []
        if blocks:
            for first, last, start, stop in blocks:
                kind = _kind(last - first, stop - start)
                yield WordError(kind, tuple(in_reference[first:last]), tuple(in_hypothesis[start:stop]))
            return
        for row in stretch:
            kind = OPERATIONS[self.kinds[row]]
            yield WordError(kind, () if kind == "insertion" else (row,), () if kind == "deletion" else (row,))

    def joined(self, name: str, rows: tuple[int, ...]) -> str | None:
        """Join the words of some rows with spaces; return None if there are no rows."""
        return " ".join(self.columns[name][row] for row in rows) if rows else None

    def described(self, key: tuple[str, str | None, str | None], errors: list[WordError]) -> tuple[Any, ...]:
        """Return one row of the result."""
        confidences = [self.columns["confidence"][row] for error in errors for row in error.hypothesis_rows]
        known = [value for value in confidences if value is not None]
        first = errors[0]
        start, end = self._error_times(first)
        recordings = len({self.ids[error.rows[0]] for error in errors})
        mean = sum(known) / len(known) if known else None
        audio_id = self.ids[first.rows[0]]
        return (*key, len(errors), recordings, mean, audio_id, start, end, self._example(key, first))

    def _error_times(self, error: WordError) -> tuple[Any, Any]:
        starts, ends = self.columns["start_ms"], self.columns["end_ms"]
        if error.hypothesis_rows:
            return starts[error.hypothesis_rows[0]], ends[error.hypothesis_rows[-1]]
        before = (ends[row] for row in self._others(error.rows[0], -1) if ends[row] is not None)
        after = (starts[row] for row in self._others(error.rows[-1], 1) if starts[row] is not None)
        return next(before, None), next(after, None)

    def _others(self, row: int, step: int) -> Iterator[int]:
        """Yield the other rows of the same recording, from the given row outwards."""
        recording = self.audio[row]
        row += step
        while 0 <= row < len(self.audio) and self.audio[row] == recording:
            yield row
            row += step

    def _example(self, key: tuple[str, str | None, str | None], error: WordError) -> str:
        words = self.columns["reference"]
        rows = error.reference_rows or error.hypothesis_rows
        before = [str(words[row]) for row in islice(self._spoken(rows[0], -1), _NEIGHBOURS)]
        after = [str(words[row]) for row in islice(self._spoken(rows[-1], 1), _NEIGHBOURS)]
        changed = f"[{key[1] or '∅'} → {key[2] or '∅'}]"
        return " ".join([*before[::-1], changed, *after])

    def _spoken(self, row: int, step: int) -> Iterator[int]:
        return (other for other in self._others(row, step) if self.columns["reference"][other] is not None)


def _plain(values: pd.Series[Any]) -> list[Any]:
    return values.astype(object).where(values.notna(), None).tolist()


def _kind(n_reference: int, n_hypothesis: int) -> str:
    if n_reference == n_hypothesis:
        return "substitution"
    if not n_hypothesis:
        return "deletion"
    if not n_reference:
        return "insertion"
    return "split" if n_reference == 1 else "join"


def _blocks(reference: list[str], hypothesis: list[str]) -> list[tuple[int, int, int, int]]:
    """Divide a stretch of errors so that the fewest characters change.

    A block consists of its start and stop among the reference words, and its start and stop among the transcribed
    words. The result is empty if no block is a split or a join, or if the stretch is too long.
    """
    from rapidfuzz.distance import Levenshtein

    rows, columns = len(reference), len(hypothesis)
    if not rows or not columns or max(rows, columns) > _LONGEST_STRETCH or max(rows, columns) < 2:
        return []
    shapes = [(1, 1), (1, 0), (0, 1)]
    shapes += [shape for parts in range(2, _MOST_PARTS + 1) for shape in ((1, parts), (parts, 1))]
    best: dict[tuple[int, int], tuple[int, tuple[int, int]]] = {(0, 0): (0, (0, 0))}
    for row in range(rows + 1):
        for column in range(columns + 1):
            for down, across in shapes:
                if down > row or across > column:
                    continue
                reference_text, hypothesis_text = (
                    "".join(reference[row - down : row]),
                    "".join(hypothesis[column - across : column]),
                )
                edits = Levenshtein.distance(reference_text, hypothesis_text)
                if max(down, across) > 1 and edits > (1 - _LEAST_LIKENESS) * max(
                    len(reference_text), len(hypothesis_text)
                ):
                    continue
                edits += best[row - down, column - across][0]
                if (row, column) not in best or edits < best[row, column][0]:
                    best[row, column] = (edits, (down, across))
    blocks = []
    row, column = rows, columns
    while row or column:
        down, across = best[row, column][1]
        blocks.append((row - down, row, column - across, column))
        row, column = row - down, column - across
    if any(max(last - first, stop - start) > 1 for first, last, start, stop in blocks):
        return blocks[::-1]
    return []
