"""Word errors that remain when differences of formatting are ignored.

Conventions: a recording whose texts are equal has no such errors. Otherwise both texts are normalised with the
normaliser "spoken" around the places where they differ, with some words on either side, and aligned again. There are
never more of these errors than word errors, and they are divided by the same number of reference words, so that both
rates can be compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.metrics.words.align import Aligned
from soniox_ds.metrics.words.edit_paths import DELETION, HIT, INSERTION, Ids, Sequences, paths
from soniox_ds.metrics.words.pairing import Pairs
from soniox_ds.metrics.words.recording_languages import Languages, first_known, language_of_each, recording_languages
from soniox_ds.metrics.words.units import Lines, Vocabulary, split_units
from soniox_ds.text.normalizer import Normalizer

__all__ = ["neutral_errors"]

_CONTEXT = 8  # words on either side of a difference: a number or a date can have that many
_Ints = npt.NDArray[np.intp]


def neutral_errors(
    pairs: Pairs, aligned: Aligned, normalizer: Normalizer, language: Languages, cost: str, units: str
) -> Any:
    """Count the errors of each scored recording that are not only differences of formatting.

    The count is NA for a recording whose language is not known, or not supported by the normaliser "spoken". All counts
    are NA if the normaliser has no step "basic", which "spoken" would replace.
    """
    wrong = aligned.paths.counts()[:, 1:].sum(axis=1)
    spoken_languages = Normalizer.of("spoken").languages
    basic = [step.name for step in normalizer.steps].count("basic")
    given = language_of_each(language, pairs.ids)
    known = np.zeros(len(wrong), np.bool_)
    if normalizer.languages or basic:
        languages = first_known(given, recording_languages(pairs))
        known = np.array([code in spoken_languages for code in languages], np.bool_)
    if known.any() and not normalizer.languages:
        chain = normalizer.with_spoken_forms()
        forms = {code: chain.in_language(code) for code in set(languages)}
        rows = np.flatnonzero(known & (wrong > 0))
        chains = {row: forms[languages[row]] for row in rows.tolist()}
        folded = np.zeros(len(wrong), np.int64)
        np.add.at(folded, *_folded_errors(pairs, aligned, chains, cost, units))
        wrong = np.where(known, np.minimum(wrong, folded), wrong)
    return pd.arrays.IntegerArray(wrong.astype(np.int64), ~known)


def _folded_errors(
    pairs: Pairs, aligned: Aligned, chains: dict[int, Normalizer], cost: str, units: str
) -> tuple[_Ints, npt.NDArray[np.int64]]:
    """Return the recording of each stretch that was normalised again, and the errors in it."""
    vocabulary = Vocabulary()
    rows: list[int] = []
    sides: tuple[list[Ids], list[Ids]] = ([], [])
    lines = (pairs.references, pairs.hypotheses)
    for row, *ranges in _stretches(pairs, aligned, list(chains)):
        rows.append(row)
        for side, written, (first, last) in zip(sides, lines, ranges, strict=True):
            words = chains[row](_text(written, first, last)).split()
            parts = [unit for word in words for unit in split_units(word)] if units == "mixed" else words
            side.append(np.array([vocabulary.number(part) for part in parts], np.int32))
    counts = paths(Sequences.of(sides[0]), Sequences.of(sides[1]), cost).counts()
    return np.array(rows, np.intp), counts[:, 1:].sum(axis=1)


def _stretches(pairs: Pairs, aligned: Aligned, rows: list[int]) -> list[tuple[int, tuple[int, int], tuple[int, int]]]:
    """Return the stretches around the errors of recordings, as ranges of written words on either side.

    A stretch begins and ends between two hits, at a place where a new word begins on both sides.
    """
    operations, lengths = aligned.paths.operations, aligned.paths.lengths
    hits = operations == HIT
    at = [np.cumsum(operations != absent) - 1 for absent in (INSERTION, DELETION)]
    sides = (aligned.references, aligned.hypotheses)
    may_cut = hits & np.append(False, hits[:-1])
    for places, units in zip(at, sides, strict=True):
        begins_word = np.append(True, units.first[1:] > units.last[:-1])[: len(units.first)]
        may_cut &= np.append(begins_word, False)[places]
    starts = np.cumsum(lengths) - lengths
    ends_of_words = [np.cumsum(lines.counts) for lines in (pairs.references, pairs.hypotheses)]
    stretches = []
    for row in rows:
        low, high = int(starts[row]), int(starts[row] + lengths[row])
        cuts = np.flatnonzero(may_cut[low:high]) + low
        wrong = np.flatnonzero(~hits[low:high]) + low
        before = np.append(low, cuts)[np.searchsorted(cuts, wrong - _CONTEXT, "right")]
        after = np.append(cuts, high)[np.searchsorted(cuts, wrong + 1 + _CONTEXT, "left")]
        new = np.append(True, before[1:] > after[:-1])
        for first, last in zip(before[new].tolist(), after[np.append(new[1:], True)].tolist(), strict=True):
            ranges = []
            for places, units, ends in zip(at, sides, ends_of_words, strict=True):
                begin = int(units.first[places[first]]) if first > low else int(ends[row - 1]) if row else 0
                ranges.append((begin, int(units.first[places[last]]) if last < high else int(ends[row])))
            stretches.append((row, ranges[0], ranges[1]))
    return stretches


def _text(lines: Lines, first: int, last: int) -> str:
    spaced = lines.spaced[first:last].tolist()
    words = zip(lines.words[first:last], spaced, strict=True)
    return "".join(f" {word}" if space else word for word, space in words).strip()
