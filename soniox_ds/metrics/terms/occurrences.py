"""Occurrences of terms: hits, misses and hallucinations.

Conventions: a term of the reference is a *hit* if all its words are aligned with themselves and nothing stands between
them; otherwise it is a *miss*. A term in the transcript that is not a hit is a *false hit*: a hallucinated term, since
the reference has none there. Counts are added over recordings and divided once. Recordings without an alignment
(failed, missing) are not counted. `soniox_ds.metrics.terms.search` describes the search for terms.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.metrics.stats.blocks import checked_durations
from soniox_ds.metrics.stats.pool import divide, total_hours
from soniox_ds.metrics.terms.search import Aligned, Span, Terms, aligned_words, checked_terms, spans
from soniox_ds.metrics.words.alignments import Alignments
from soniox_ds.schema import TERM_ERRORS, TERM_OCCURRENCES, conform, empty, need, no_duplicates
from soniox_ds.text.normalizer import NormalizerLike

__all__ = ["found_terms", "hours_of", "occurrence_rows", "term_errors", "term_occurrences"]

_COPIED = (
    "audio_id",
    "position",
    "reference_index",
    "hypothesis_index",
    "word_index",
    "start_ms",
    "end_ms",
    "confidence",
)


def term_occurrences(
    alignments: Alignments,
    terms: Iterable[str],
    *,
    distractors: Iterable[str] = (),
    normalizer: NormalizerLike | None = None,
    units: str = "mixed",
) -> pd.DataFrame:
    """List every place where a term was recognised, missed or hallucinated.

    Parameters
    ----------
    alignments
        ``schema.WORD_ALIGNMENTS``, from `align_words`, of one arm; or a corpus with references, which is aligned with
        the defaults of `align_words`.
    terms
        The terms of interest, usually the recogniser's ``context["terms"]``.
    distractors
        Terms that the recogniser was given although nobody is expected to say them, to see whether it hallucinates
        them.
    normalizer, units
        The arguments that `align_words` was given; None uses the normaliser that the alignments name.

    Returns
    -------
    DataFrame
        ``schema.TERM_OCCURRENCES``, recordings in the order of the alignments, places in spoken order. There are no
        rows if no term occurs in a reference or a transcript.

    Raises
    ------
    SchemaError
        If a column is absent, a row occurs twice, or a time is impossible or has a fraction.
    InputError
        If there are no terms, two terms are the same after normalisation, normalisation leaves nothing of a term, or
        the normaliser is not that of the alignments.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> transcripts = {"a": "she takes celebrex and listen april"}
    >>> aligned = sx.align_words(transcripts, {"a": "she takes Celebrex and lisinopril"})
    >>> sx.metrics.term_occurrences(aligned, ["Celebrex", "Lisinopril"])[["term", "outcome", "hypothesis"]]
             term outcome    hypothesis
    0    Celebrex     hit      celebrex
    1  Lisinopril    miss  listen april
    """
    aligned = aligned_words(alignments)
    return occurrence_rows(aligned, checked_terms(terms, distractors, aligned, normalizer, units))


def term_errors(
    alignments: Alignments,
    terms: Iterable[str],
    *,
    distractors: Iterable[str] = (),
    errors: pd.DataFrame | None = None,
    normalizer: NormalizerLike | None = None,
    units: str = "mixed",
) -> pd.DataFrame:
    """Count the hits, misses and false hits of each term; `term_counts` counts those of all terms in each recording.

    Parameters
    ----------
    alignments, terms, distractors, normalizer, units
        See `sx.metrics.term_occurrences`.
    errors
        ``schema.WORD_ERRORS`` of the same recordings, from `word_errors`, for the hours of audio.

    Returns
    -------
    DataFrame
        ``schema.TERM_ERRORS``: one row for each term, in the given order, distractors last. `recall` is NA if a term
        is never said, `precision` if it is never transcribed.

    Raises
    ------
    SchemaError, InputError
        For the reasons given in `sx.metrics.term_occurrences`.

    Notes
    -----
    precision = hits / (hits + false hits), recall = hits / (hits + misses),
    F1 = 2 hits / (2 hits + misses + false hits).

    Examples
    --------
    >>> import soniox_ds as sx
    >>> aligned = sx.align_words({"a": "celebrex or celebrex"}, {"a": "Celebrex or Zyrtec"})
    >>> sx.term_errors(aligned, ["Celebrex", "Zyrtec"])[["term", "hits", "misses", "false_hits", "precision", "recall"]]
           term  hits  misses  false_hits  precision  recall
    0  Celebrex     1       0           1        0.5     1.0
    1    Zyrtec     0       1           0       <NA>     0.0
    """
    aligned = aligned_words(alignments)
    checked = checked_terms(terms, distractors, aligned, normalizer, units)
    if errors is not None and "audio_id" in errors:
        no_duplicates(errors, "errors", "audio_id")
    hours = hours_of(errors)
    counts = np.zeros((len(checked.labels), 3), np.int64)
    recordings: list[set[int]] = [set() for _ in checked.labels]
    for column, spans_of_outcome, rows in zip(range(3), found_terms(aligned, checked), _sides(aligned), strict=True):
        for span in spans_of_outcome:
            counts[span.term, column] += 1
            recordings[span.term].add(int(aligned.recording[rows[span.first]]))
    hits, misses, false = counts.T
    return conform(
        pd.DataFrame(
            {
                "term": checked.labels,
                "normalized": [" ".join(words) for words in checked.words],
                "distractor": checked.distractor,
                "recordings": [len(of_term) for of_term in recordings],
                "reference_count": hits + misses,
                "hits": hits,
                "misses": misses,
                "false_hits": false,
                "precision": divide(hits, hits + false),
                "recall": divide(hits, hits + misses),
                "f1": divide(2 * hits, 2 * hits + misses + false),
                "hours": hours,
                "false_hits_per_hour": pd.NA if pd.isna(hours) or not hours else false / hours,
            }
        ),
        TERM_ERRORS,
    )


def found_terms(aligned: Aligned, terms: Terms) -> tuple[list[Span], list[Span], list[Span]]:
    """Find hits and misses (positions among the reference words), and false hits (among the transcript words)."""
    hits: list[Span] = []
    misses: list[Span] = []
    at_hits: list[Span] = []
    place = np.full(len(aligned.rows), -1, np.intp)
    place[aligned.in_hypothesis] = np.arange(len(aligned.in_hypothesis))
    for span in spans(aligned, "reference", terms):
        first, last = aligned.in_reference[span.first], aligned.in_reference[span.last]
        whole = (aligned.operation[first : last + 1] == "hit").all()  # False if an insertion stands between
        (hits if whole else misses).append(span)
        if whole:
            at_hits.append(Span(span.term, int(place[first]), int(place[last])))
    return hits, misses, spans(aligned, "hypothesis", terms, at_hits)


def occurrence_rows(aligned: Aligned, terms: Terms) -> pd.DataFrame:
    """Build ``schema.TERM_OCCURRENCES`` of checked terms."""
    hits, misses, false = found_terms(aligned, terms)
    rows = []
    for outcome, spans_of_outcome, at in zip(
        ("hit", "miss", "false_hit"), (hits, misses, false), _sides(aligned), strict=True
    ):
        for span in spans_of_outcome:
            first, last = int(at[span.first]), int(at[span.last])
            if outcome == "miss":
                first, last = _with_insertions(aligned, first, last)
            rows.append((first, outcome, span.term, last))
    rows.sort()
    if not rows:
        return empty(TERM_OCCURRENCES)
    columns = {name: _values(aligned.rows, name) for name in _COPIED}
    return conform(pd.DataFrame([_occurrence_row(aligned, columns, terms, *row) for row in rows]), TERM_OCCURRENCES)


def hours_of(errors: pd.DataFrame | None) -> Any:
    """Return the hours of the scored recordings; NA if a duration is not known."""
    if errors is None:
        return pd.NA
    need(errors, "status", "duration_ms", name="errors")
    return total_hours(checked_durations(errors, "errors")[errors["status"] == "scored"])


def _sides(aligned: Aligned) -> tuple[Any, Any, Any]:
    """Return for hits, misses and false hits the rows that their positions refer to."""
    return aligned.in_reference, aligned.in_reference, aligned.in_hypothesis


def _with_insertions(aligned: Aligned, first: int, last: int) -> tuple[int, int]:
    """Extend a missed term by the insertions next to it, because they are often what it was recognised as."""
    recording = aligned.recording[first]
    while first > 0 and aligned.operation[first - 1] == "insertion" and aligned.recording[first - 1] == recording:
        first -= 1
    end = len(aligned.rows) - 1
    while last < end and aligned.operation[last + 1] == "insertion" and aligned.recording[last + 1] == recording:
        last += 1
    return first, last


def _values(rows: pd.DataFrame, name: str) -> list[Any]:
    """Return a column as a plain list, with None where it is NA or absent."""
    if name not in rows:
        return [None] * len(rows)
    values: list[Any] = rows[name].astype(object).where(rows[name].notna(), None).tolist()
    return values


def _occurrence_row(
    aligned: Aligned, columns: dict[str, list[Any]], terms: Terms, first: int, outcome: str, term: int, last: int
) -> dict[str, Any]:
    rows = range(first, last + 1)
    reference_rows = [row for row in rows if aligned.reference[row] is not None]
    hypothesis_rows = [row for row in rows if aligned.hypothesis[row] is not None]
    start_ms, end_ms = _when(aligned, columns, first, last, hypothesis_rows)
    return {
        "audio_id": columns["audio_id"][first],
        "term": terms.labels[term],
        "distractor": terms.distractor[term],
        "outcome": outcome,
        "reference": " ".join(aligned.reference[reference_rows]) or None,
        "hypothesis": " ".join(aligned.hypothesis[hypothesis_rows]) or None,
        "reference_index": None if outcome == "false_hit" else columns["reference_index"][reference_rows[0]],
        "hypothesis_index": columns["hypothesis_index"][hypothesis_rows[0]] if hypothesis_rows else None,
        "word_index": columns["word_index"][hypothesis_rows[0]] if hypothesis_rows else None,
        "position": columns["position"][first],
        "start_ms": start_ms,
        "end_ms": end_ms,
        "confidence": min(_known(columns["confidence"], hypothesis_rows), default=None),
    }


def _known(column: list[Any], rows: Iterable[int]) -> list[Any]:
    return [column[row] for row in rows if column[row] is not None]


def _when(
    aligned: Aligned, columns: dict[str, list[Any]], first: int, last: int, hypothesis_rows: list[int]
) -> tuple[int | None, int | None]:
    """Return the time of the transcribed words; if there are none, from the word before to the word after."""
    starts, ends = columns["start_ms"], columns["end_ms"]
    if hypothesis_rows:
        return min(_known(starts, hypothesis_rows), default=None), max(_known(ends, hypothesis_rows), default=None)
    recording = aligned.recording[first]
    before, after = first - 1, last + 1
    while before >= 0 and aligned.recording[before] == recording and aligned.hypothesis[before] is None:
        before -= 1
    while after < len(starts) and aligned.recording[after] == recording and aligned.hypothesis[after] is None:
        after += 1
    end = starts[after] if after < len(starts) and aligned.recording[after] == recording else None
    if before >= 0 and aligned.recording[before] == recording:
        return ends[before], end
    return (None if end is None else 0), end  # the recording begins at 0 if there are times at all
