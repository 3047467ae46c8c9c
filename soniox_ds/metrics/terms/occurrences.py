"""Terms that were heard, missed and made up.

Conventions: a term of the reference is a *hit* where its words came out, each aligned with itself and nothing between;
otherwise a *miss*. A term in the transcript that is no hit is a *false hit*: a hallucinated term, since the reference
has none there. Counts are added over recordings and divided once. Recordings without an alignment (failed, missing)
count nowhere. How terms are looked for is told in `soniox_ds.metrics.terms.search`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.metrics.stats.blocks import checked_durations
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
    """List every place where a term was heard, missed or made up.

    Parameters
    ----------
    alignments
        ``schema.WORD_ALIGNMENTS``, of `align_words`, of one arm; or a corpus with references, which is aligned by the
        defaults of `align_words`.
    terms
        The terms that matter, usually the recogniser's ``context["terms"]``.
    distractors
        Terms that the recogniser was given although nobody is thought to say them, to see whether it makes them up.
    normalizer, units
        What `align_words` was given; None takes the normaliser that the alignments name.

    Returns
    -------
    DataFrame
        ``schema.TERM_OCCURRENCES``, recordings in the order of the alignments, places in spoken order. No rows where
        no term is said or heard.

    Raises
    ------
    SchemaError
        If a column is absent, a row is there twice, or a time is impossible (a fraction, too).
    InputError
        If there are no terms, two are the same after normalisation, nothing is left of one, or the normaliser is not
        that of the alignments.

    Examples
    --------
    >>> from soniox_ds.metrics.words.align import align_words
    >>> aligned = align_words({"a": "she takes celebrex and listen april"}, {"a": "she takes Celebrex and lisinopril"})
    >>> term_occurrences(aligned, ["Celebrex", "Lisinopril"])[["term", "outcome", "hypothesis"]]
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
    """Count hits, misses and false hits of each term; for all terms together there is `summarize_terms`.

    Parameters
    ----------
    alignments, terms, distractors, normalizer, units
        As in `term_occurrences`.
    errors
        ``schema.WORD_ERRORS`` of the same recordings, of `word_errors`, for the hours of audio.

    Returns
    -------
    DataFrame
        ``schema.TERM_ERRORS``: a row for each term, in the order given, distractors last. `recall` is NA where a term
        is never said, `precision` where it is never heard.

    Raises
    ------
    SchemaError, InputError
        As in `term_occurrences`.

    Notes
    -----
    precision = hits / (hits + false hits), recall = hits / (hits + misses),
    F1 = 2 hits / (2 hits + misses + false hits).

    Examples
    --------
    >>> from soniox_ds.metrics.words.align import align_words
    >>> aligned = align_words({"a": "celebrex or celebrex"}, {"a": "Celebrex or Zyrtec"})
    >>> term_errors(aligned, ["Celebrex", "Zyrtec"])[["term", "hits", "misses", "false_hits", "precision", "recall"]]
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
    for column, found, rows in zip(range(3), found_terms(aligned, checked), _sides(aligned), strict=True):
        for span in found:
            counts[span.term, column] += 1
            recordings[span.term].add(int(aligned.recording[rows[span.first]]))
    hits, misses, false = counts.T
    return conform(
        pd.DataFrame(
            {
                "term": checked.labels,
                "normalized": [" ".join(words) for words in checked.words],
                "distractor": checked.distractor,
                "recordings": [len(own) for own in recordings],
                "reference_count": hits + misses,
                "hits": hits,
                "misses": misses,
                "false_hits": false,
                "precision": _share(hits, hits + false),
                "recall": _share(hits, hits + misses),
                "f1": _share(2 * hits, 2 * hits + misses + false),
                "hours": hours,
                "false_hits_per_hour": pd.NA if pd.isna(hours) or not hours else false / hours,
            }
        ),
        TERM_ERRORS,
    )


def found_terms(aligned: Aligned, terms: Terms) -> tuple[list[Span], list[Span], list[Span]]:
    """Hits and misses (positions among the words of the reference), and false hits (among those of the transcript)."""
    hits: list[Span] = []
    misses: list[Span] = []
    at_hits: list[Span] = []
    place = np.full(len(aligned.rows), -1, np.intp)
    place[aligned.in_hypothesis] = np.arange(len(aligned.in_hypothesis))
    for span in spans(aligned, "reference", terms):
        first, last = aligned.in_reference[span.first], aligned.in_reference[span.last]
        whole = (aligned.operation[first : last + 1] == "hit").all()  # no insertion between either
        (hits if whole else misses).append(span)
        if whole:
            at_hits.append(Span(span.term, int(place[first]), int(place[last])))
    return hits, misses, spans(aligned, "hypothesis", terms, at_hits)


def occurrence_rows(aligned: Aligned, terms: Terms) -> pd.DataFrame:
    """``schema.TERM_OCCURRENCES`` of checked terms."""
    hits, misses, false = found_terms(aligned, terms)
    rows = []
    for outcome, found, at in zip(("hit", "miss", "false_hit"), (hits, misses, false), _sides(aligned), strict=True):
        for span in found:
            first, last = int(at[span.first]), int(at[span.last])
            if outcome == "miss":
                first, last = _with_insertions(aligned, first, last)
            rows.append((first, outcome, span.term, last))
    rows.sort()
    if not rows:
        return empty(TERM_OCCURRENCES)
    columns = {name: _values(aligned.rows, name) for name in _COPIED}
    return conform(pd.DataFrame([_row(aligned, columns, terms, *row) for row in rows]), TERM_OCCURRENCES)


def hours_of(errors: pd.DataFrame | None) -> Any:
    """Hours of the scored recordings; NA where a duration is not known."""
    if errors is None:
        return pd.NA
    need(errors, "status", "duration_ms", name="errors")
    total = checked_durations(errors, "errors").loc[errors["status"] == "scored", "duration_ms"].sum(skipna=False)
    return pd.NA if pd.isna(total) else float(total) / 3_600_000


def _sides(aligned: Aligned) -> tuple[Any, Any, Any]:
    """For hits, misses and false hits: which rows their positions count."""
    return aligned.in_reference, aligned.in_reference, aligned.in_hypothesis


def _share(part: Any, whole: Any) -> Any:
    return pd.array(
        [a / b if b else pd.NA for a, b in zip(part.tolist(), whole.tolist(), strict=True)], dtype="Float64"
    )


def _with_insertions(aligned: Aligned, first: int, last: int) -> tuple[int, int]:
    """A missed term together with the insertions next to it: often they are what became of it."""
    recording = aligned.recording[first]
    while first > 0 and aligned.operation[first - 1] == "insertion" and aligned.recording[first - 1] == recording:
        first -= 1
    end = len(aligned.rows) - 1
    while last < end and aligned.operation[last + 1] == "insertion" and aligned.recording[last + 1] == recording:
        last += 1
    return first, last


def _values(rows: pd.DataFrame, name: str) -> list[Any]:
    """A column as a plain list, None where it is NA or absent."""
    if name not in rows:
        return [None] * len(rows)
    values: list[Any] = rows[name].astype(object).where(rows[name].notna(), None).tolist()
    return values


def _row(
    aligned: Aligned, columns: dict[str, list[Any]], terms: Terms, first: int, outcome: str, term: int, last: int
) -> dict[str, Any]:
    own = range(first, last + 1)
    said = [row for row in own if aligned.reference[row] is not None]
    heard = [row for row in own if aligned.hypothesis[row] is not None]
    start_ms, end_ms = _when(aligned, columns, first, last, heard)
    return {
        "audio_id": columns["audio_id"][first],
        "term": terms.labels[term],
        "distractor": terms.distractor[term],
        "outcome": outcome,
        "reference": " ".join(aligned.reference[said]) or None,
        "hypothesis": " ".join(aligned.hypothesis[heard]) or None,
        "reference_index": None if outcome == "false_hit" else columns["reference_index"][said[0]],
        "hypothesis_index": columns["hypothesis_index"][heard[0]] if heard else None,
        "word_index": columns["word_index"][heard[0]] if heard else None,
        "position": columns["position"][first],
        "start_ms": start_ms,
        "end_ms": end_ms,
        "confidence": min(_known(columns["confidence"], heard), default=None),
    }


def _known(column: list[Any], rows: Iterable[int]) -> list[Any]:
    return [column[row] for row in rows if column[row] is not None]


def _when(
    aligned: Aligned, columns: dict[str, list[Any]], first: int, last: int, heard: list[int]
) -> tuple[int | None, int | None]:
    """The time of the words that came out, else from the end of the word before to the start of the next."""
    starts, ends = columns["start_ms"], columns["end_ms"]
    if heard:
        return min(_known(starts, heard), default=None), max(_known(ends, heard), default=None)
    recording = aligned.recording[first]
    before, after = first - 1, last + 1
    while before >= 0 and aligned.recording[before] == recording and aligned.hypothesis[before] is None:
        before -= 1
    while after < len(starts) and aligned.recording[after] == recording and aligned.hypothesis[after] is None:
        after += 1
    end = starts[after] if after < len(starts) and aligned.recording[after] == recording else None
    if before >= 0 and aligned.recording[before] == recording:
        return ends[before], end
    return (None if end is None else 0), end  # the recording begins at 0, where there are times at all
