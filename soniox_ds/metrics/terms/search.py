"""Search for terms among aligned words.

Conventions: a term has one word or several. It is normalised like the alignments and divided into the same units, so
that ``e-mail`` is found where the texts say "e mail" after both were normalised. Occurrences of one term do not overlap
and are found from left to right; occurrences of different terms may overlap, and each counts ("New York" contains both
"York" and "New York").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._arguments import check_choice
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.stats.blocks import counted
from soniox_ds.metrics.words.alignments import Alignments, alignments_of
from soniox_ds.metrics.words.units import KINDS_OF_UNITS, split_units
from soniox_ds.schema import need, need_milliseconds, no_duplicates, with_ids
from soniox_ds.text.normalizer import NORMALIZERS, Normalizer, NormalizerLike

__all__ = ["Aligned", "Span", "Terms", "aligned_words", "checked_terms", "same_transcripts", "spans", "units_of"]

_Ints = npt.NDArray[np.intp]
_Bools = npt.NDArray[np.bool_]
_FEW_CHANGES = 0.2  # share of words that a normaliser of whole texts may change if it gets the words singly


class Terms(NamedTuple):
    """A list of terms. The distractors, which are not expected to be said, come last."""

    labels: list[str]
    """The terms as they were given."""
    words: list[tuple[str, ...]]
    """The normalised words of each term."""
    distractor: list[bool]


class Span(NamedTuple):
    """An occurrence of a term: the number of the term, and the positions of its first and last word on one side."""

    term: int
    first: int
    last: int


class Aligned(NamedTuple):
    """Alignments in spoken order, and the words of each side among them."""

    rows: pd.DataFrame
    recording: _Ints
    """Number of the recording of each row."""
    operation: npt.NDArray[Any]
    reference: npt.NDArray[Any]
    """Normalised words, None in insertions."""
    hypothesis: npt.NDArray[Any]
    """Normalised words, None in deletions."""
    in_reference: _Ints
    """The rows that hold a word of the reference."""
    in_hypothesis: _Ints
    """The rows that hold a word of the transcript."""


def aligned_words(alignments: Alignments) -> Aligned:
    """Check alignments and sort them into spoken order; raise SchemaError if they are invalid."""
    alignments = alignments_of(alignments)
    need(alignments, "audio_id", "position", "operation", "reference", "hypothesis", name="alignments")
    alignments = need_milliseconds(alignments, "alignments", required=False)
    no_duplicates(alignments, "alignments", "audio_id", "position")
    codes = pd.factorize(alignments["audio_id"])[0].astype(np.intp)
    order = np.lexsort((alignments["position"].to_numpy(np.int64), codes))
    rows = alignments.take(order).reset_index(drop=True)
    reference, hypothesis = (_objects(rows[name]) for name in ("reference", "hypothesis"))
    return Aligned(
        rows,
        codes[order],
        _objects(rows["operation"]),
        reference,
        hypothesis,
        np.flatnonzero(rows["reference"].notna().to_numpy(np.bool_)),
        np.flatnonzero(rows["hypothesis"].notna().to_numpy(np.bool_)),
    )


def same_transcripts(aligned: Aligned, errors: pd.DataFrame) -> None:
    """Raise InputError unless the alignments belong to the scored recordings of `errors`, with as many words."""
    errors = with_ids(errors, "errors")
    scored = errors[(errors["status"] == "scored").to_numpy(np.bool_)]
    if strange := sorted(set(aligned.rows["audio_id"]) - set(scored["audio_id"])):
        raise InputError(
            f"the alignments contain {strange[0]!r}, which is not a scored recording of errors; make both from the "
            "same transcripts and references."
        )
    counts = aligned.rows["audio_id"].iloc[aligned.in_reference].value_counts()
    words = scored.set_index("audio_id")["reference_words"].astype("Int64")
    n_aligned = counts.reindex(words.index, fill_value=0).astype("Int64")
    if (differing := np.flatnonzero((n_aligned != words).to_numpy(np.bool_))).size:
        name = words.index[differing[0]]
        raise InputError(
            f"the alignments have {n_aligned[name]} reference words of {name!r}, errors {words[name]} (they differ in "
            f"{counted(differing.size, 'recording')}); make both from the same transcripts and references, "
            "with one normaliser and units."
        )


def _objects(column: pd.Series[Any]) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = column.astype("string").to_numpy(object)
    values[column.isna().to_numpy(np.bool_)] = None
    return values


def checked_terms(
    terms: Any, distractors: Any, aligned: Aligned, normalizer: NormalizerLike | None, units: str
) -> Terms:
    """Normalise terms as the alignments were normalised.

    Raises
    ------
    InputError
        If there are no terms, two terms are the same after normalisation, normalisation leaves nothing of a term, or
        the normaliser is not that of the alignments.
    """
    chain = _normalizer_of(aligned, normalizer)
    named, decoys = _checked_names(terms, "terms"), _checked_names(distractors, "distractors")
    labels = [*named, *decoys]
    if not labels:
        raise InputError(
            "there are no terms; pass the list that was given to the recogniser, such as context['terms']."
        )
    check_choice(units, "units", KINDS_OF_UNITS)
    words = [units_of(label, chain, units) for label in labels]
    seen: dict[tuple[str, ...], str] = {}
    for label, words_of_term in zip(labels, words, strict=True):
        if not words_of_term:
            raise InputError(
                f"the normaliser {chain.label!r} leaves nothing of the term {label!r}; leave this term out."
            )
        if words_of_term in seen:
            raise InputError(
                f"the terms {seen[words_of_term]!r} and {label!r} are the same after normalisation "
                f"({' '.join(words_of_term)!r}); keep only one of them."
            )
        seen[words_of_term] = label
    _check_words(aligned, chain, units)
    return Terms(labels, words, [False] * len(named) + [True] * len(decoys))


def units_of(text: str, chain: Normalizer, units: str = "mixed") -> tuple[str, ...]:
    """Normalise a text and divide it into units: words, or single characters of scripts without spaces."""
    parts = chain(text).split()
    return tuple(unit for part in parts for unit in split_units(part)) if units == "mixed" else tuple(parts)


def _checked_names(terms: Any, label: str) -> list[str]:
    if isinstance(terms, str) or not isinstance(terms, Iterable):
        raise InputError(f"{label} must be a list of texts, found {terms!r}.")
    names = list(terms)
    if wrong := [term for term in names if not isinstance(term, str)]:
        raise InputError(f"{label} must be texts, found {wrong[0]!r}.")
    return names


def _normalizer_of(aligned: Aligned, normalizer: NormalizerLike | None) -> Normalizer:
    used = aligned.rows["normalizer"].dropna().unique().tolist() if "normalizer" in aligned.rows else []
    if len(used) > 1:
        raise InputError(f"the alignments were made with different normalisers: {sorted(used)}; use a single one.")
    if normalizer is not None:
        chain = _in_one_language(Normalizer.of(normalizer))
        if used and used[0] != chain.label:
            raise InputError(
                f"the alignments were normalised by {used[0]!r}, but the terms would be normalised by "
                f"{chain.label!r}; use the same normaliser for both."
            )
        return chain
    if not used:
        if len(aligned.rows):
            raise InputError(
                "the alignments have no column normalizer, so their normaliser is unknown; pass normalizer=, "
                'for example "basic".'
            )
        return Normalizer.of("basic")
    for name in NORMALIZERS:
        if used[0].startswith(f"{name} ") and Normalizer.of(name).label == used[0]:
            return _in_one_language(Normalizer.of(name))
    raise InputError(
        f"the alignments were normalised by {used[0]!r}, which is not one of {list(NORMALIZERS)}; pass the same "
        "normaliser as normalizer=."
    )


def _in_one_language(chain: Normalizer) -> Normalizer:
    if chain.languages:
        name = next(step.name for step in chain.steps if step.languages)
        raise InputError(
            f"{chain.label!r} depends on the language, which cannot be told from terms; pass "
            f'normalizer=sx.Normalizer.of("{name}", language="{chain.languages[0]}").'
        )
    return chain


def _check_words(aligned: Aligned, chain: Normalizer, units: str) -> None:
    """Refuse alignments whose words the normaliser would change, because no term would be found."""
    words = pd.unique(aligned.reference[aligned.in_reference]).tolist()
    if not words:
        return
    changed = [word for word in words if units_of(word, chain, units) != (word,)]
    allowed = 0 if all(step.per_word for step in chain.steps) else _FEW_CHANGES * len(words)
    if len(changed) > allowed:
        raise InputError(
            f"the words of the alignments are not normalised by {chain.label!r} and units={units!r}: they contain "
            f"{changed[0]!r}. Pass the same normalizer and units as to align_words."
        )


def spans(aligned: Aligned, side: str, terms: Terms, used: Sequence[Span] = ()) -> list[Span]:
    """Find the occurrences of all terms on one side, in spoken order.

    Parameters
    ----------
    side
        ``"reference"`` or ``"hypothesis"``. Positions in the result are those of `in_reference` or `in_hypothesis`.
    used
        Occurrences on the same side that other occurrences of the same term may not overlap.
    """
    rows = aligned.in_reference if side == "reference" else aligned.in_hypothesis
    words = (aligned.reference if side == "reference" else aligned.hypothesis)[rows]
    recording = aligned.recording[rows]
    starting: dict[str, list[int]] = {}
    for term, term_words in enumerate(terms.words):
        starting.setdefault(term_words[0], []).append(term)
    taken: dict[int, set[int]] = {}
    for span in used:
        taken.setdefault(span.term, set()).update(range(span.first, span.last + 1))
    candidates = np.flatnonzero(pd.Index(words).isin(list(starting))) if len(words) else np.zeros(0, np.intp)
    free: dict[int, int] = {}  # the first position at which the next occurrence of each term may begin
    occurrences = []
    for first in candidates.tolist():
        for term in starting[words[first]]:
            term_words = terms.words[term]
            last = first + len(term_words) - 1
            if first < free.get(term, 0) or last >= len(words) or recording[last] != recording[first]:
                continue
            if tuple(words[first : last + 1]) != term_words:
                continue
            if term in taken and not taken[term].isdisjoint(range(first, last + 1)):
                continue
            occurrences.append(Span(term, first, last))
            free[term] = last + 1
    return occurrences
