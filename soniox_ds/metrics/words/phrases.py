"""Matches of a phrase or of a regular expression in transcripts.

Conventions: a phrase is compared with the units of the words. A unit is a stretch of letters, marks and digits, or a
single character of a script without spaces; everything else separates units. ``it's`` therefore has the units of
``it s``, and ``twenty-one`` those of ``twenty one``. A regular expression is searched in the running text of each
stream (`soniox_ds.text.translations`). In both cases a match consists of whole words, and matches do not overlap.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import regex as regular

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.words.units import split_units
from soniox_ds.schema import CONCORDANCE, conform, need_milliseconds
from soniox_ds.schema.by_part import by_part
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text import runs
from soniox_ds.text.characters import one_spelling, without_case
from soniox_ds.text.runs import Codes, Ints
from soniox_ds.text.translations import Streams, word_streams
from soniox_ds.text.words import as_words

__all__ = ["Search", "checked_search", "find_matches"]

_PIECES = regular.compile(r"[\p{L}\p{M}\p{N}\u200c\u200d]+")


class Search(NamedTuple):
    """A search: the pattern, its options, and the number of words around each match."""

    pattern: str
    context: int
    """Number of words on each side."""
    is_regex: bool
    case: bool
    """True to distinguish upper and lower case."""
    stream: str
    """``"original"`` or ``"translation"``."""


def checked_search(pattern: Any, context: int, is_regex: bool, case: bool, stream: str) -> Search:
    """Return the search. Raises InputError if its pattern is empty, has no letter or digit, or is no regular
    expression."""
    if not isinstance(pattern, str):
        raise InputError(f"pattern must be a text, found {type(pattern).__name__}.")
    if not pattern.strip():
        raise InputError('pattern is empty; give a word or a phrase, such as sx.find(corpus, "good morning").')
    search = Search(pattern, context, bool(is_regex), bool(case), stream)
    if is_regex:
        _compiled(search)
    elif not _units(pattern, search):
        raise InputError(
            f"pattern {pattern!r} has no letter or digit, and a phrase is compared without punctuation; to search for "
            "punctuation: sx.find(corpus, pattern, regex=True)."
        )
    return search


@by_part()
def find_matches(transcripts: Transcripts, search: Search) -> pd.DataFrame:
    """Return the matches as ``schema.CONCORDANCE``, in the order of the recordings and of the words in each
    recording."""
    words = need_milliseconds(as_words(transcripts), "words", required=False)
    streams = word_streams(words)
    first, last = (_regex_matches if search.is_regex else _phrase_matches)(streams, search)
    wanted = streams.translated[first] == (search.stream == "translation")
    first, last = first[wanted], last[wanted]
    order = np.lexsort((streams.position[first], streams.audio.codes[first]))
    first, last = first[order], last[order]
    left, match, right = _texts(streams, first, last, search.context)
    start, end, confidence = (
        runs.at(runs.numbers_of(words, name, dtype), streams.rows)
        for name, dtype in (("start_ms", "Int32"), ("end_ms", "Int32"), ("confidence", "Float32"))
    )
    lowest = _over_matches(np.minimum, np.where(confidence.known, confidence.values, np.inf), first, last)
    frame = pd.DataFrame(
        {
            "audio_id": runs.take_labels(streams.audio, first),
            "start_ms": runs.masked(runs.at(start, first), "Int32"),
            "end_ms": runs.masked(runs.at(end, last), "Int32"),
            "left": pd.array(left, dtype="string"),
            "match": pd.array(match, dtype="string"),
            "right": pd.array(right, dtype="string"),
            **{
                name: _common(streams.labels[name], first, last)
                for name in ("speaker", "speaker_label", "language", "translation_status")
            },
            "channel": runs.masked(runs.at(streams.channel, first), "Int16"),
            "confidence": pd.array(np.where(np.isfinite(lowest), lowest, np.nan), dtype="Float32"),
            "first_word": pd.array(streams.position[first], dtype="Int32"),
            "word_count": pd.array(last - first + 1, dtype="Int32"),
        }
    )
    return conform(frame, CONCORDANCE)


def _units(text: str, search: Search) -> list[str]:
    plain = one_spelling(text)
    pieces = _PIECES.findall(plain if search.case else without_case(plain))
    return [unit for piece in pieces for unit in split_units(piece)]


def _phrase_matches(streams: Streams, search: Search) -> tuple[Ints, Ints]:
    """Return the positions of the first and the last word of each match, in the order of the streams."""
    wanted = _units(search.pattern, search)
    number = {unit: place for place, unit in enumerate(dict.fromkeys(wanted))}
    of_label = [[number.get(unit, -1) for unit in _units(str(label), search)] for label in streams.text.labels]
    n_of_label = np.array([len(units) for units in of_label], np.intp)
    # The units of all words, stream by stream, and the word and the stream to which each unit belongs.
    n_of_word = n_of_label[streams.text.codes]
    word = np.repeat(np.arange(len(n_of_word)), n_of_word)
    offset_of_label = np.cumsum(n_of_label) - n_of_label
    flat = np.array([unit for units in of_label for unit in units], np.intp)
    offset = np.repeat(offset_of_label[streams.text.codes] - (np.cumsum(n_of_word) - n_of_word), n_of_word)
    units = flat[offset + np.arange(len(offset))]
    stream = np.cumsum(streams.new)[word]

    n_places = max(len(units) - len(wanted) + 1, 0)
    is_match = np.ones(n_places, np.bool_)
    for shift, unit in enumerate(wanted):
        is_match &= units[shift : shift + n_places] == number[unit]
    is_match &= stream[:n_places] == stream[len(wanted) - 1 : len(wanted) - 1 + n_places]
    begin = np.flatnonzero(is_match)
    return _apart(word[begin], word[begin + len(wanted) - 1])


def _regex_matches(streams: Streams, search: Search) -> tuple[Ints, Ints]:
    pattern = _compiled(search)
    spelled = [str(label) for label in streams.text.labels]
    spaced = _spaced(streams)
    first: list[int] = []
    last: list[int] = []
    borders = [*np.flatnonzero(streams.new).tolist(), len(streams.new)]
    for begin, end in pairwise(borders):
        texts = [spelled[code] for code in streams.text.codes[begin:end]]
        pieces = [
            (" " if space and place else "") + text
            for place, (text, space) in enumerate(zip(texts, spaced[begin:end], strict=True))
        ]
        ends = np.cumsum([len(piece) for piece in pieces])
        starts = ends - [len(text) for text in texts]
        for match in pattern.finditer("".join(pieces)):
            # The first word that ends after the start of the match, and the last word that starts before its end.
            from_word = int(np.searchsorted(ends, match.start(), side="right"))
            to_word = int(np.searchsorted(starts, match.end(), side="left")) - 1
            if match.end() > match.start() and to_word >= from_word:
                first.append(begin + from_word)
                last.append(begin + to_word)
    return _apart(np.array(first, np.intp), np.array(last, np.intp))


def _compiled(search: Search) -> Any:
    try:
        return regular.compile(search.pattern, 0 if search.case else regular.IGNORECASE)
    except regular.error as error:
        raise InputError(
            f"pattern {search.pattern!r} is no regular expression: {error}. For a phrase as it stands: regex=False."
        ) from error


def _apart(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Leave out the matches that share a word with a match before them.

    >>> [places.tolist() for places in _apart(np.array([0, 1, 2, 5, 5]), np.array([1, 2, 3, 5, 5]))]
    [[0, 2, 5], [1, 3, 5]]
    """
    keep = []
    behind = -1
    for place, (begin, end) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        if begin > behind:
            keep.append(place)
            behind = end
    return first[keep], last[keep]


def _spaced(streams: Streams) -> npt.NDArray[np.bool_]:
    """Return a mask of the words that have a space before them in the running text, as `texts` writes it."""
    spaced = streams.space_before.copy()
    for name in ("speaker", "language", "source_language"):
        spaced |= runs.changes(streams.labels[name].codes)
    return spaced


def _texts(streams: Streams, first: Ints, last: Ints, context: int) -> tuple[list[str], list[str], list[str]]:
    """Return the text before each match, the match, and the text after it."""
    spelled = [str(label) for label in streams.text.labels]
    codes, spaced = streams.text.codes, _spaced(streams)
    borders = np.append(np.flatnonzero(streams.new), len(streams.new))
    stream = np.searchsorted(borders, first, side="right")

    def text_of(begin: int, end: int) -> str:
        return "".join(
            (" " if spaced[place] and place > begin else "") + spelled[codes[place]] for place in range(begin, end)
        )

    before = np.maximum(first - context, borders[stream - 1]) if len(first) else first
    after = np.minimum(last + 1 + context, borders[stream]) if len(first) else last
    return (
        [text_of(begin, end) for begin, end in zip(before, first, strict=True)],
        [text_of(begin, end + 1) for begin, end in zip(first, last, strict=True)],
        [text_of(begin + 1, end) for begin, end in zip(last, after, strict=True)],
    )


def _over_matches(combine: np.ufunc, values: npt.NDArray[Any], first: Ints, last: Ints) -> npt.NDArray[Any]:
    """Combine the values of the words of each match."""
    if not len(first):
        return values[:0]
    # `reduceat` combines the values between neighbouring borders. Every second result lies between two matches and is
    # dropped.
    borders = np.stack([first, last + 1], axis=1).ravel()
    return np.asarray(combine.reduceat(np.append(values, values[-1:]), borders)[::2])


def _common(column: Codes, first: Ints, last: Ints) -> Any:
    """Return the label of each match if all of its words have it, otherwise NA."""
    lowest, highest = (_over_matches(combine, column.codes, first, last) for combine in (np.minimum, np.maximum))
    agreed = Codes(np.where(lowest == highest, lowest, -1).astype(np.intp), column.labels)
    return runs.take_labels(agreed, np.arange(len(agreed.codes)))
