"""Errors of punctuation and capitals, where the references have them.

Conventions: words are aligned after normalisation, then the texts are looked at as they were written. A mark belongs
to the word it follows (an opening one, ``¿`` or ``¡``, to the word it precedes); marks inside a word (``3.5``,
``e-mail``) are part of it. In scripts that are written without spaces every character is a unit, so that marks inside
such text count as those between words do. A mark is one whatever its spelling: ``...`` and ``…``, ``，`` and ``,``.
Marks are compared between one aligned pair of words and the next, so that an inserted or deleted word takes no mark
along.
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
from soniox_ds.metrics.words.align import Aligned, align
from soniox_ds.metrics.words.edit_paths import DELETION, HIT, INSERTION, SUBSTITUTION, Sequences, paths
from soniox_ds.metrics.words.pairing import Pairs, References, Transcripts, pair_up
from soniox_ds.metrics.words.rates import scored_table
from soniox_ds.metrics.words.recording_languages import Languages, bound_normalizers
from soniox_ds.metrics.words.units import Lines, Units, glued
from soniox_ds.schema import PUNCTUATION_ERRORS
from soniox_ds.text.normalizer import Normalizer, NormalizerLike
from soniox_ds.text.scripts import is_unspaced
from soniox_ds.text.tags import warn_of_unsaid

__all__ = ["MARKS", "punctuation_errors"]

MARKS = ".,?!:;…。、，．？！：；؟،؛۔।॥¿¡၊။។៕։፣።፤፥፧᠂᠃"
"""The marks that are compared: those that divide and end sentences. Quotes, brackets and hyphens are not among them."""

_SAME_MARK = dict(zip("。｡۔।။។։።᠃，﹐،၊፣᠂？؟፧！：፥；؛፤､⋯", ".........,,,,,,???!::;;;、…", strict=True))
"""The same mark in another script or width."""
_ELLIPSIS = "…"
_ABBREVIATES = range(0x0E00, 0x0F00)  # between Thai or Lao letters a full stop abbreviates: พ.ศ.
_Ints = npt.NDArray[np.intp]


def punctuation_errors(
    transcripts: Transcripts,
    references: References = None,
    *,
    normalizer: NormalizerLike = "basic",
    cost: str = "sclite",
    marks: str = MARKS,
    failed: str = "apart",
    language: Languages = None,
) -> pd.DataFrame:
    """Count the errors of punctuation and of capitals in each recording that has a reference.

    Parameters
    ----------
    transcripts, references, normalizer, cost, failed, language
        As `word_errors` takes them; the normaliser only serves the alignment of the words.
    marks
        The characters that are compared, in whatever spelling: ``","`` stands for ``，`` and ``،`` too. Two or more
        full stops in a row are ``…``.

    Returns
    -------
    DataFrame
        ``schema.PUNCTUATION_ERRORS``. The counts of marks are NA where no reference at all has one, those of capitals
        where none has a capital: then the references were written without, and nothing can be said.

    Raises
    ------
    InputError
        If the references have neither marks nor capitals, or as `word_errors`.
    SchemaError
        As `word_errors`.

    Warns
    -----
    UserWarning
        If some references have no recording, hold tags that the normaliser makes words of, or are placeholders.

    Notes
    -----
    per = (S + D + I) / (H + S + D + I) over marks. Source: Meister et al., "LibriSpeech-PC: Benchmark for Evaluation of
    Punctuation and Capitalization Capabilities of end-to-end ASR Models", 2023. Capitals are compared in words that are
    hits, one word against one word.

    Examples
    --------
    >>> errors = punctuation_errors({"a.wav": "so, we meet in paris."}, {"a.wav": "So we meet in Paris."})
    >>> errors[["hits", "insertions", "per", "case_words", "case_errors"]]
       hits  insertions  per  case_words  case_errors
    0     1           1  0.5           5            2
    """
    pairs = pair_up(transcripts, references, failed)
    own = frozenset(char for mark in marks for char in _one_spelling(mark))
    pairs = pairs._replace(references=_cut(pairs.references, own), hypotheses=_cut(pairs.hypotheses, own))
    chain = Normalizer.of(normalizer)
    warn_of_unsaid(pairs.references, chain)
    aligned = align(pairs, bound_normalizers(pairs, chain, language), cost, "mixed")
    has_marks = any(char in own for word in pairs.references.words for char in _one_spelling(word))
    has_capitals = any(word != word.lower() for word in pairs.references.words)
    if not has_marks and not has_capitals and pairs.references.words:
        raise InputError(
            "the references have neither punctuation nor capitals, so that none can be wrong; give them as written."
        )
    counts, totals = _mark_counts(pairs, aligned, own)
    words, wrong = _case_counts(pairs, aligned)
    errors, all_marks = counts[:, 1:].sum(axis=1), counts.sum(axis=1)
    columns = {
        "reference_marks": _known(totals[:, 0], has_marks),
        "hypothesis_marks": _known(totals[:, 1], has_marks),
        "per": _rate(errors, all_marks, has_marks),
        "case_words": _known(words, has_capitals),
        "case_errors": _known(wrong, has_capitals),
        "case_error_rate": _rate(wrong, words, has_capitals),
    }
    result = scored_table(pairs, counts, columns, PUNCTUATION_ERRORS, normalizer=chain.label, cost=cost)
    if not has_marks:
        for name in ("hits", "substitutions", "deletions", "insertions"):
            result[name] = pd.array([pd.NA] * len(result), dtype="Int64")
    return result


def _mark_counts(
    pairs: Pairs, aligned: Aligned, marks: frozenset[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Counts of hits and errors of marks in each recording, and how many marks there are on either side."""
    paired = np.isin(aligned.paths.operations, (HIT, SUBSTITUTION))
    numbers = {mark: number for number, mark in enumerate(sorted(marks))}
    sides: list[dict[tuple[int, int], list[int]]] = []
    for lines, units, absent in (
        (pairs.references, aligned.references, INSERTION),
        (pairs.hypotheses, aligned.hypotheses, DELETION),
    ):
        # Marks are gathered between pairs: for a mark after k units, by the number of pairs among these.
        before = np.concatenate([[0], np.cumsum(paired[aligned.paths.operations != absent])])
        found: dict[tuple[int, int], list[int]] = {}
        for recording, unit, mark in _marks(lines, units, marks):
            found.setdefault((recording, int(before[unit])), []).append(numbers[mark])
        sides.append(found)
    places = sorted({*sides[0], *sides[1]})
    said, heard = ([np.array(side.get(place, []), np.int32) for place in places] for side in sides)
    counts = np.zeros((len(pairs.scored), 4), np.int64)
    totals = np.zeros((len(pairs.scored), 2), np.int64)
    recordings = np.array([recording for recording, _ in places], np.intp)
    np.add.at(counts, recordings, paths(Sequences.of(said), Sequences.of(heard), "levenshtein").counts())
    np.add.at(
        totals,
        recordings,
        np.array([[len(one), len(two)] for one, two in zip(said, heard, strict=True)], np.int64).reshape(-1, 2),
    )
    return counts, totals


def _marks(lines: Lines, units: Units, marks: frozenset[str]) -> list[tuple[int, int, str]]:
    """Each mark: in which recording, after how many units (of all recordings), and the mark."""
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
    return [(*place, mark) for place, found in at.items() for mark in _with_ellipses(found) if mark in marks]


def _one_spelling(text: str) -> str:
    """A text with its marks in one spelling.

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
    """Put full stops in a row together.

    >>> _with_ellipses("?.."), _with_ellipses("....…"), _with_ellipses(".")
    (['?', '…'], ['…'], ['.'])
    """
    found: list[str] = []
    for mark in marks:
        if mark in (".", _ELLIPSIS) and found and found[-1] in (".", _ELLIPSIS):
            found[-1] = _ELLIPSIS
        else:
            found.append(mark)
    return found


def _cut(lines: Lines, marks: frozenset[str]) -> Lines:
    """Cut text without spaces where a mark stands in it, so that each mark is at the end of a word."""
    if not any(map(_has_unspaced, lines.words)):
        return lines
    lines, _ = glued(lines)
    pieces = [_pieces(word, marks) for word in lines.words]
    numbers = np.array([len(own) for own in pieces], np.intp)
    spaced = np.zeros(int(numbers.sum()), np.bool_)
    spaced[np.cumsum(numbers) - numbers] = True
    borders = np.concatenate([[0], np.cumsum(numbers)])[np.concatenate([[0], np.cumsum(lines.counts)])]
    return Lines([piece for own in pieces for piece in own], np.diff(borders).astype(np.intp), spaced)


def _pieces(word: str, marks: frozenset[str]) -> list[str]:
    """The parts of a word that begin behind a mark, or where one kind of script follows upon the other.

    >>> _pieces("你好吗？我3.5很好。", frozenset("?."))
    ['你好吗？', '我', '3.5', '很好。']
    >>> _pieces("e.g.", frozenset(".")), _pieces("พ.ศ.", frozenset("."))
    (['e.g.'], ['พ.ศ.'])
    """
    if not _has_unspaced(word):
        return [word]
    letters = [place for place, char in enumerate(word) if char.isalnum()]
    cuts = [0]
    for before, after in pairwise(letters):
        one, between, other = word[before], word[before + 1 : after], word[after]
        if is_unspaced(one) == is_unspaced(other):
            if one.isdecimal() and other.isdecimal():  # 3.5, in full width too
                continue
            if not any(map(is_unspaced, one + between)):  # Latin letters with a Latin mark: e.g.
                continue
            if "." in between and ord(one) in _ABBREVIATES and ord(other) in _ABBREVIATES:
                continue
            if marks.isdisjoint(_with_ellipses(_one_spelling(between))):
                continue
        cuts.append(after)
    return [word[first:last] for first, last in pairwise([*cuts, len(word)])]


def _has_unspaced(word: str) -> bool:
    return not word.isascii() and any(map(is_unspaced, word))


def _core(text: str) -> str:
    """The word without what stands around it.

    >>> _core("“3.5%,”"), _core("…")
    ('3.5', '')
    """
    inner = [place for place, char in enumerate(text) if char.isalnum()]
    return text[inner[0] : inner[-1] + 1] if inner else ""


def _case_counts(pairs: Pairs, aligned: Aligned) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The words that are right but for capitals, if they can have any, and those that differ in them."""
    operations = aligned.paths.operations
    recording = np.repeat(np.arange(len(aligned.paths.lengths)), aligned.paths.lengths)
    hits = operations == HIT
    said = (np.cumsum(operations != INSERTION) - 1)[hits]
    heard = (np.cumsum(operations != DELETION) - 1)[hits]
    alone = _one_to_one(aligned.references)[said] & _one_to_one(aligned.hypotheses)[heard]
    counts = np.zeros((2, len(pairs.scored)), np.int64)
    for place, one, two in zip(
        recording[hits][alone].tolist(),
        aligned.references.first[said[alone]].tolist(),
        aligned.hypotheses.first[heard[alone]].tolist(),
        strict=True,
    ):
        written, transcribed = _core(pairs.references.words[one]), _core(pairs.hypotheses.words[two])
        if written.casefold() == transcribed.casefold() and written.lower() != written.upper():
            counts[0, place] += 1
            counts[1, place] += written != transcribed
    return counts[0], counts[1]


def _one_to_one(units: Units) -> npt.NDArray[np.bool_]:
    """Whether a unit came from one word, and that word became nothing else."""
    new = np.append(True, units.first[1:] != units.first[:-1])[: len(units.first)]
    single: npt.NDArray[np.bool_] = (units.first == units.last) & new & np.append(new[1:], True)[: len(new)]
    return single


def _known(values: npt.NDArray[np.int64], known: bool) -> Any:
    return pd.arrays.IntegerArray(values.astype(np.int64), np.full(len(values), not known))


def _rate(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64], known: bool) -> Any:
    there = (whole > 0) & known
    return pd.arrays.FloatingArray(np.where(there, part / np.where(there, whole, 1), 0.0), ~there)
