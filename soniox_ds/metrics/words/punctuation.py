"""Punctuation and capitalisation errors.

Conventions: words are aligned after normalisation, and then the original texts are compared. A mark belongs to the word
before it (an opening mark, ``¿`` or ``¡``, belongs to the word after it). Marks inside a word (``3.5``, ``e-mail``) are
part of the word. In scripts that are written without spaces, every character is a unit, so marks inside such text count
like marks between words. Variants of a mark are equal: ``...`` and ``…``, ``，`` and ``,``. Marks are compared between
one aligned pair of words and the next. Therefore, the mark after an inserted or deleted word can still be correct.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.stats.pool import divide
from soniox_ds.metrics.words.align import Aligned, align
from soniox_ds.metrics.words.edit_paths import DELETION, HIT, INSERTION, SUBSTITUTION, Sequences, paths
from soniox_ds.metrics.words.pairing import Pairs, References, Texts, pair_up
from soniox_ds.metrics.words.rates import scored_table
from soniox_ds.metrics.words.recording_languages import Languages, bound_normalizers
from soniox_ds.metrics.words.units import Lines, Units, glued
from soniox_ds.schema import PUNCTUATION_ERRORS
from soniox_ds.schema.by_part import by_part
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text.normalizer import Normalizer, NormalizerLike
from soniox_ds.text.reference_warnings import warn_of_unsaid
from soniox_ds.text.scripts import is_unspaced

__all__ = ["MARKS", "punctuation_errors"]

MARKS = ".,?!:;…。、，．？！：；؟،؛۔।॥¿¡၊။។៕։፣።፤፥፧᠂᠃"
"""The marks that are compared: those that separate and end sentences. Quotes, brackets and hyphens are not included."""

_SAME_MARK = dict(zip("。｡۔।။។։።᠃，﹐،၊፣᠂？؟፧！：፥；؛፤､⋯", ".........,,,,,,???!::;;;、…", strict=True))
"""Marks of other scripts and widths, with the mark that they are equal to."""
_ELLIPSIS = "…"
_ABBREVIATES = range(0x0E00, 0x0F00)  # a full stop between Thai or Lao letters marks an abbreviation: พ.ศ.
_Ints = npt.NDArray[np.intp]


@by_part(references=["references"], column="reference")
def punctuation_errors(
    transcripts: Transcripts | Texts,
    references: References = None,
    *,
    normalizer: NormalizerLike = "basic",
    cost: str = "sclite",
    marks: str = MARKS,
    missing: str = "exclude",
    language: Languages = None,
) -> pd.DataFrame:
    """Count the punctuation and capitalisation errors of each recording that has a reference.

    Parameters
    ----------
    transcripts, references, normalizer, cost, missing, language
        See `word_errors`. The normaliser is used only to align the words.
    marks
        The marks to compare. A mark includes its forms in other scripts: ``","`` also means ``，`` and ``،``. Two or
        more full stops in a row are ``…``.

    Returns
    -------
    DataFrame
        ``schema.PUNCTUATION_ERRORS``. If no reference contains any of the marks, the references are assumed to have
        been written without punctuation, and all columns about marks are NA. If no reference contains a capital letter,
        the columns about capitals are NA.

    Raises
    ------
    InputError
        If the references have neither marks nor capitals, or for the reasons given in `word_errors`.
    SchemaError
        For the reasons given in `word_errors`.

    Warns
    -----
    UserWarning
        If some references have no recording, contain tags that the normaliser turns into words, or are placeholders.

    Notes
    -----
    The punctuation error rate is per = (S + D + I) / (H + S + D + I), where H is the number of correct marks (hits), S
    the number of marks that were replaced by another mark (substitutions), D the number of marks that are missing in
    the transcript (deletions), and I the number of marks that are not in the reference (insertions). Source: Meister et
    al., "LibriSpeech-PC: Benchmark for Evaluation of Punctuation and Capitalization Capabilities of end-to-end ASR
    Models", 2023.

    Capitals are compared only in words that are recognised correctly, apart from their capitals. Words that the
    normaliser splits into several words or joins to one are not compared.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> errors = sx.metrics.punctuation_errors({"a.wav": "so, we meet in paris."}, {"a.wav": "So we meet in Paris."})
    >>> errors[["hits", "insertions", "per", "case_words", "case_errors"]]
       hits  insertions  per  case_words  case_errors
    0     1           1  0.5           5            2
    """
    pairs = pair_up(transcripts, references, missing)
    compared = frozenset(char for mark in marks for char in _one_spelling(mark))
    pairs = pairs._replace(
        references=_divided_lines(pairs.references, compared), hypotheses=_divided_lines(pairs.hypotheses, compared)
    )
    chain = Normalizer.of(normalizer)
    warn_of_unsaid(pairs.references, chain)
    aligned = align(pairs, bound_normalizers(pairs, chain, language), cost, "mixed")
    has_marks = any(char in compared for word in pairs.references.words for char in _one_spelling(word))
    has_capitals = any(word != word.lower() for word in pairs.references.words)
    if not has_marks and not has_capitals and pairs.references.words:
        raise InputError(
            "the references have neither punctuation nor capitals, so there is nothing to compare; pass references "
            "with their punctuation and capitals."
        )
    counts, totals = _mark_counts(pairs, aligned, compared)
    words, wrong = _case_counts(pairs, aligned)
    errors, all_marks = counts[:, 1:].sum(axis=1), counts.sum(axis=1)
    columns = {
        "reference_marks": _known(totals[:, 0], has_marks),
        "hypothesis_marks": _known(totals[:, 1], has_marks),
        "per": divide(errors, all_marks * has_marks),
        "case_words": _known(words, has_capitals),
        "case_errors": _known(wrong, has_capitals),
        "case_error_rate": divide(wrong, words * has_capitals),
    }
    result = scored_table(pairs, counts, columns, PUNCTUATION_ERRORS, normalizer=chain.label, cost=cost)
    if not has_marks:
        for name in ("hits", "substitutions", "deletions", "insertions"):
            result[name] = pd.array([pd.NA] * len(result), dtype="Int64")
    return result


def _mark_counts(
    pairs: Pairs, aligned: Aligned, marks: frozenset[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Count the hits and errors of marks in each recording, and the marks in its reference and in its transcript."""
    paired = np.isin(aligned.paths.operations, (HIT, SUBSTITUTION))
    numbers = {mark: number for number, mark in enumerate(sorted(marks))}
    sides: list[dict[tuple[int, int], list[int]]] = []
    for lines, units, absent in (
        (pairs.references, aligned.references, INSERTION),
        (pairs.hypotheses, aligned.hypotheses, DELETION),
    ):
        # A mark after k units is stored under the number of aligned pairs among these units.
        before = np.concatenate([[0], np.cumsum(paired[aligned.paths.operations != absent])])
        by_place: dict[tuple[int, int], list[int]] = {}
        for recording, unit, mark in _marks(lines, units, marks):
            by_place.setdefault((recording, int(before[unit])), []).append(numbers[mark])
        sides.append(by_place)
    places = sorted({*sides[0], *sides[1]})
    reference, hypothesis = ([np.array(side.get(place, []), np.int32) for place in places] for side in sides)
    counts = np.zeros((len(pairs.scored), 4), np.int64)
    totals = np.zeros((len(pairs.scored), 2), np.int64)
    recordings = np.array([recording for recording, _ in places], np.intp)
    np.add.at(counts, recordings, paths(Sequences.of(reference), Sequences.of(hypothesis), "levenshtein").counts())
    np.add.at(
        totals,
        recordings,
        np.array(
            [
                [len(reference_marks), len(hypothesis_marks)]
                for reference_marks, hypothesis_marks in zip(reference, hypothesis, strict=True)
            ],
            np.int64,
        ).reshape(-1, 2),
    )
    return counts, totals


def _marks(lines: Lines, units: Units, marks: frozenset[str]) -> list[tuple[int, int, str]]:
    """Return the recording of each mark, the number of units before it (over all recordings), and the mark."""
    at: dict[tuple[int, int], list[str]] = {}
    recording = np.repeat(np.arange(len(lines.counts)), lines.counts).tolist()
    first = np.searchsorted(units.first, np.arange(len(lines.words)), "left").tolist()
    after = np.searchsorted(units.first, np.arange(len(lines.words)), "right").tolist()
    for word, text in enumerate(lines.words):
        if text.isalnum():
            continue
        core = _core(text)
        head, _, tail = text.partition(core) if core else ("", "", text)
        for unit, around in ((first[word], head), (after[word], tail)):
            at.setdefault((recording[word], unit), []).extend(_one_spelling(around))
    return [
        (*place, mark) for place, marks_there in at.items() for mark in _with_ellipses(marks_there) if mark in marks
    ]


def _one_spelling(text: str) -> str:
    """Replace marks by their common spelling.

    >>> _one_spelling("，"), _one_spelling("？！"), _one_spelling("⁉"), _one_spelling("…")
    (',', '?!', '!?', '…')
    """
    return text if text.isascii() else "".join(map(_mark_of, text))


@cache
def _mark_of(char: str) -> str:
    if char == _ELLIPSIS:
        return char
    return _SAME_MARK.get(char) or unicodedata.normalize("NFKC", char)


def _with_ellipses(marks: Iterable[str]) -> list[str]:
    """Merge full stops in a row into an ellipsis.

    >>> _with_ellipses("?.."), _with_ellipses("....…"), _with_ellipses(".")
    (['?', '…'], ['…'], ['.'])
    """
    joined: list[str] = []
    for mark in marks:
        if mark in (".", _ELLIPSIS) and joined and joined[-1] in (".", _ELLIPSIS):
            joined[-1] = _ELLIPSIS
        else:
            joined.append(mark)
    return joined


def _divided_lines(lines: Lines, marks: frozenset[str]) -> Lines:
    """Cut text without spaces after each mark, so that each mark is at the end of a word."""
    if not any(map(_has_unspaced, lines.words)):
        return lines
    lines, _ = glued(lines)
    pieces = [_word_parts(word, marks) for word in lines.words]
    numbers = np.array([len(parts) for parts in pieces], np.intp)
    spaced = np.zeros(int(numbers.sum()), np.bool_)
    spaced[np.cumsum(numbers) - numbers] = True
    borders = np.concatenate([[0], np.cumsum(numbers)])[np.concatenate([[0], np.cumsum(lines.counts)])]
    return Lines([piece for parts in pieces for piece in parts], np.diff(borders).astype(np.intp), spaced)


def _word_parts(word: str, marks: frozenset[str]) -> list[str]:
    """Divide a word after marks, and where a script without spaces meets another script.

    >>> _word_parts("你好吗？我3.5很好。", frozenset("?."))
    ['你好吗？', '我', '3.5', '很好。']
    >>> _word_parts("e.g.", frozenset(".")), _word_parts("พ.ศ.", frozenset("."))
    (['e.g.'], ['พ.ศ.'])
    """
    if not _has_unspaced(word):
        return [word]
    letters = [place for place, char in enumerate(word) if char.isalnum()]
    cuts = [0]
    for before, after in pairwise(letters):
        left, between, right = word[before], word[before + 1 : after], word[after]
        if is_unspaced(left) == is_unspaced(right):
            if left.isdecimal() and right.isdecimal():  # 3.5, in full width too
                continue
            if not any(map(is_unspaced, left + between)):  # Latin letters with a Latin mark: e.g.
                continue
            if "." in between and ord(left) in _ABBREVIATES and ord(right) in _ABBREVIATES:
                continue
            if marks.isdisjoint(_with_ellipses(_one_spelling(between))):
                continue
        cuts.append(after)
    return [word[first:last] for first, last in pairwise([*cuts, len(word)])]


def _has_unspaced(word: str) -> bool:
    return not word.isascii() and any(map(is_unspaced, word))


def _core(text: str) -> str:
    """Return the word without the marks around it.

    >>> _core("“3.5%,”"), _core("…")
    ('3.5', '')
    """
    inner = [place for place, char in enumerate(text) if char.isalnum()]
    return text[inner[0] : inner[-1] + 1] if inner else ""


def _case_counts(pairs: Pairs, aligned: Aligned) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Count the aligned words that can have capitals, and those whose capitals differ."""
    operations = aligned.paths.operations
    recording = np.repeat(np.arange(len(aligned.paths.lengths)), aligned.paths.lengths)
    hits = operations == HIT
    reference = (np.cumsum(operations != INSERTION) - 1)[hits]
    hypothesis = (np.cumsum(operations != DELETION) - 1)[hits]
    one_to_one = _one_to_one(aligned.references)[reference] & _one_to_one(aligned.hypotheses)[hypothesis]
    counts = np.zeros((2, len(pairs.scored)), np.int64)
    for place, reference_word, hypothesis_word in zip(
        recording[hits][one_to_one].tolist(),
        aligned.references.first[reference[one_to_one]].tolist(),
        aligned.hypotheses.first[hypothesis[one_to_one]].tolist(),
        strict=True,
    ):
        written, transcribed = (
            _core(pairs.references.words[reference_word]),
            _core(pairs.hypotheses.words[hypothesis_word]),
        )
        if written.casefold() == transcribed.casefold() and written.lower() != written.upper():
            counts[0, place] += 1
            counts[1, place] += written != transcribed
    return counts[0], counts[1]


def _one_to_one(units: Units) -> npt.NDArray[np.bool_]:
    """Return True for each unit that came from one word that became only this unit."""
    new = np.append(True, units.first[1:] != units.first[:-1])[: len(units.first)]
    single: npt.NDArray[np.bool_] = (units.first == units.last) & new & np.append(new[1:], True)[: len(new)]
    return single


def _known(values: npt.NDArray[np.int64], known: bool) -> Any:
    return pd.arrays.IntegerArray(values.astype(np.int64), np.full(len(values), not known))
