"""Units of comparison: normalised words, and single characters of scripts without spaces.

Conventions: many texts are stored end to end, with the number of words of each. A unit stores the first and the last of
the words it came from, as positions in the whole list. A word may become several units (``won't``, ``好的``), several
words may become one unit (``twenty five``), and a word may disappear (``um``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._arguments import check_choice
from soniox_ds.metrics.words.edit_paths import DELETION, HIT, INSERTION, Ids, Sequences, paths
from soniox_ds.text.normalizer import NormalizationStep, Normalizer
from soniox_ds.text.scripts import is_unspaced

__all__ = ["KINDS_OF_UNITS", "Lines", "Units", "Vocabulary", "glued", "lines_of", "read_units", "split_units"]

KINDS_OF_UNITS = ("mixed", "words")

_Ints = npt.NDArray[np.intp]


_CLINGING = "\u0e33\u0eb3\u200c\u200d\u2060"  # vowel signs and joiners that belong to the character before them


class Lines(NamedTuple):
    """The words of several texts, end to end."""

    words: list[str]
    counts: _Ints
    """Number of words of each text."""
    spaced: npt.NDArray[np.bool_]
    """True for each word with white space before it."""


class Units(NamedTuple):
    """The units of several texts, end to end."""

    ids: Ids
    counts: _Ints
    """Number of units of each text."""
    first: _Ints
    """Position of the first word that each unit came from."""
    last: _Ints
    """Position of the last word that each unit came from."""

    def sequences(self) -> Sequences:
        """Return the ids of the units as sequences to be aligned."""
        return Sequences(self.ids, self.counts)


class Vocabulary:
    """A number for each distinct unit, shared by both sides of a comparison."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self.forms: dict[str, list[int]] = {}
        """The units of each written word, if words are normalised one by one."""

    def number(self, unit: str) -> int:
        """Return the number of a unit; a new unit gets a new number."""
        return self._numbers.setdefault(unit, len(self._numbers))

    def labels(self) -> Any:
        """Return the units in the order of their numbers, as a string array."""
        return pd.array(list(self._numbers), dtype="string")


def lines_of(texts: Iterable[str]) -> Lines:
    """Divide texts at white space.

    >>> lines_of(["to be", "", "or"])
    Lines(words=['to', 'be', 'or'], counts=array([2, 0, 1]), spaced=array([ True,  True,  True]))
    """
    words: list[str] = []
    counts = []
    for text in texts:
        text_words = text.split()
        words += text_words
        counts.append(len(text_words))
    return Lines(words, np.array(counts, np.intp), np.ones(len(words), np.bool_))


def split_units(word: str) -> list[str]:
    """Divide a word into units: single characters of scripts without spaces, and the text between them.

    Combining marks and joiners stay with the character before.

    >>> split_units("hello"), split_units("好的OK"), split_units("กำ")
    (['hello'], ['好', '的', 'OK'], ['กำ'])
    """
    if word.isascii() or not any(map(is_unspaced, word)):
        return [word]
    units: list[str] = []
    alone = True  # True if the last unit is a single character of a script without spaces
    for char in word:
        if units and (unicodedata.category(char) in ("Mn", "Mc", "Me") or char in _CLINGING):
            units[-1] += char
        elif is_unspaced(char):
            units.append(char)
            alone = True
        elif alone:
            units.append(char)
            alone = False
        else:
            units[-1] += char
    return units


def read_units(lines: Lines, normalizer: Normalizer | Sequence[Normalizer], kind: str, vocabulary: Vocabulary) -> Units:
    """Normalise texts and divide them into units.

    `normalizer` is one normaliser for all texts, or a sequence with one for each text.

    `kind` is ``"mixed"`` (words, and single characters of scripts without spaces) or ``"words"`` (divided at white
    space only).

    Raises
    ------
    InputError
        If `kind` has another value, or a step of the normaliser fails.
    """
    check_choice(kind, "units", KINDS_OF_UNITS)
    divide = split_units if kind == "mixed" else lambda word: [word]
    if kind == "words" and not lines.spaced.all():
        lines, source = glued(lines)
    else:
        source = np.arange(len(lines.words) + 1)
    chains = [normalizer] * len(lines.counts) if isinstance(normalizer, Normalizer) else list(normalizer)
    distinct = list({id(chain): chain for chain in chains}.values())
    if len(distinct) < 2 and all(step.per_word for chain in distinct for step in chain.steps):
        units = _by_word(lines, _chain([step for chain in distinct for step in chain.steps], divide), vocabulary)
    else:
        units = _by_text(lines, chains, divide, vocabulary)
    return units._replace(first=source[units.first], last=source[units.last + 1] - 1)


def glued(lines: Lines) -> tuple[Lines, _Ints]:
    """Join words that have no white space between them; also return where each new word begins among the old ones."""
    begins = lines.spaced.copy()
    firsts = np.cumsum(lines.counts) - lines.counts
    begins[firsts[lines.counts > 0]] = True
    starts = np.append(np.flatnonzero(begins), len(begins))
    words = ["".join(lines.words[first:last]) for first, last in pairwise(starts.tolist())]
    counts = np.add.reduceat(np.append(begins, False), firsts).astype(np.intp) if len(firsts) else lines.counts
    counts[lines.counts == 0] = 0
    return Lines(words, counts, np.ones(len(words), np.bool_)), starts


def _chain(steps: Sequence[NormalizationStep], divide: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """Return a function from a word to its units, for steps that work word by word."""

    def units(word: str) -> list[str]:
        parts = [word if word.isascii() else unicodedata.normalize("NFC", word)]
        for step in steps:
            parts = [changed for part in parts for changed in step(part).split()]
        return [unit for part in parts for unit in divide(part)]

    return units


def _by_word(lines: Lines, units_of: Callable[[str], list[str]], vocabulary: Vocabulary) -> Units:
    """Normalise each distinct word once."""
    codes, distinct = pd.factorize(np.array(lines.words, dtype=object))
    for word in distinct:
        if word not in vocabulary.forms:
            vocabulary.forms[word] = [vocabulary.number(unit) for unit in units_of(word)]
    forms = [vocabulary.forms[word] for word in distinct]
    lengths = np.fromiter(map(len, forms), np.intp, len(forms))
    flat: Ids = np.array([number for form in forms for number in form], np.int32)
    times = lengths[codes] if len(codes) else np.zeros(0, np.intp)
    word = np.repeat(np.arange(len(codes)), times)
    within = np.arange(len(word)) - np.repeat(np.cumsum(times) - times, times)
    starts = np.cumsum(lengths) - lengths
    ids = flat[starts[codes[word]] + within]
    borders = np.concatenate([[0], np.cumsum(times)])[np.concatenate([[0], np.cumsum(lines.counts)])]
    return Units(ids, np.diff(borders), word, word)


class _Line(NamedTuple):
    """A text between two steps of the normaliser."""

    units: list[str]
    spaced: list[bool]
    first: list[int]
    last: list[int]


def _by_text(
    lines: Lines, chains: Sequence[Normalizer], divide: Callable[[str], list[str]], vocabulary: Vocabulary
) -> Units:
    """Normalise text by text. Comparing with the normalised single words shows which words each unit came from."""
    alone: dict[tuple[NormalizationStep, str], list[str]] = {}
    ids: list[int] = []
    first: list[int] = []
    last: list[int] = []
    counts = []
    begin = 0
    for chain, count in zip(chains, lines.counts.tolist(), strict=True):
        line = _Line([], [], [], [])
        for word in range(begin, begin + count):
            composed = unicodedata.normalize("NFC", lines.words[word])  # the result of every step is divided below
            _extend(line, [composed], bool(lines.spaced[word]), word, word)
        for step in chain.steps:
            line = _word_by_word(line, step, divide) if step.per_word else _text_at_once(line, step, divide, alone)
        ids += map(vocabulary.number, line.units)
        first += line.first
        last += line.last
        counts.append(len(line.units))
        begin += count
    return Units(np.array(ids, np.int32), np.array(counts, np.intp), np.array(first, np.intp), np.array(last, np.intp))


def _extend(line: _Line, parts: list[str], spaced: bool, first: int, last: int) -> None:
    line.units.extend(parts)
    line.spaced.extend([spaced, *[False] * (len(parts) - 1)][: len(parts)])
    line.first.extend([first] * len(parts))
    line.last.extend([last] * len(parts))


def _word_by_word(line: _Line, step: NormalizationStep, divide: Callable[[str], list[str]]) -> _Line:
    new = _Line([], [], [], [])
    for unit, spaced, first, last in zip(*line, strict=True):
        for place, changed in enumerate(step(unit).split()):
            _extend(new, divide(changed), spaced or place > 0, first, last)
    return new


def _text_at_once(
    line: _Line,
    step: NormalizationStep,
    divide: Callable[[str], list[str]],
    alone: dict[tuple[NormalizationStep, str], list[str]],
) -> _Line:
    text = "".join(f" {unit}" if spaced else unit for unit, spaced in zip(line.units, line.spaced, strict=True))
    new = _Line([], [], [], [])
    for changed in step(text.strip()).split():
        _extend(new, divide(changed), True, 0, 0)
    expected: list[str] = []
    source: list[int] = []
    for place, unit in enumerate(line.units):
        if (step, unit) not in alone:
            alone[step, unit] = [part for changed in step(unit).split() for part in divide(changed)]
        expected += alone[step, unit]
        source += [place] * len(alone[step, unit])
    spans = _spans(expected, source, new.units, len(line.units))
    return new._replace(first=[line.first[low] for low, _ in spans], last=[line.last[high] for _, high in spans])


def _spans(expected: list[str], source: list[int], transformed: list[str], count: int) -> list[tuple[int, int]]:
    """Find the old units from which each unit in `transformed` was made.

    `transformed` results from a step that was applied to the whole text, and `expected` from the same step applied to
    each of the `count` old units alone; `source` gives the old unit of each item of `expected`. The two lists are
    aligned. A unit that is equal in both was made from the old unit in `source`. The units between two equal units are
    assigned to all old units between them, or to a neighbour if there are none. The result has the first and the last
    old unit of each unit.
    """
    numbers: dict[str, int] = {}
    expected_ids = np.array([numbers.setdefault(unit, len(numbers)) for unit in expected], np.int32)
    transformed_ids = np.array([numbers.setdefault(unit, len(numbers)) for unit in transformed], np.int32)
    operations = paths(Sequences.of([expected_ids]), Sequences.of([transformed_ids])).operations
    down, across = operations != INSERTION, operations != DELETION
    at_expected, at_transformed = np.cumsum(down) - down, np.cumsum(across) - across
    hits = operations == HIT
    spans: list[tuple[int, int]] = []
    previous = -1  # the last old unit whose place is known
    pending = 0
    for before, after in [
        *zip(at_expected[hits].tolist(), at_transformed[hits].tolist(), strict=True),
        (-1, len(transformed)),
    ]:
        origin = source[before] if before >= 0 else count
        pending = after - len(spans)
        if pending:
            low, high = previous + 1, origin - 1
            if low > high:  # there is no old unit between the two places, so the new unit came from a neighbour
                low = high = max(previous, 0) if previous >= 0 else min(origin, count - 1)
            spans += [(low, high)] * pending
        if before >= 0:
            spans.append((origin, origin))
            previous = origin
    return spans
