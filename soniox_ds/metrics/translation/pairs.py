"""Originals and their translations, side by side.

Conventions: a translation has no times and is linked to its original by order only. The service sends originals first
and translations after them, chunk by chunk, not sentence by sentence and not word by word. Both streams are in spoken
order, and a translation names the speaker and language it was made from.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.schema import TRANSLATION_PAIRS, conform, empty, need, need_milliseconds, no_duplicates, with_ids
from soniox_ds.schema.by_part import by_part, need_in_any_part
from soniox_ds.schema.inputs import Transcribed, Transcripts
from soniox_ds.schema.result_table import ResultTable
from soniox_ds.text.scripts import ends_sentence, is_unspaced
from soniox_ds.text.translations import translation_mask
from soniox_ds.text.words import words

__all__ = ["translation_pairs"]

_ENOUGH = 0.75  # share of the expected length, for a translation that has fewer sentences than its original


@by_part()
def translation_pairs(transcripts: Transcripts) -> ResultTable:
    """Match each stretch of speech with its translation.

    Parameters
    ----------
    transcripts
        A Corpus, ``schema.TOKENS``, ``schema.WORDS`` or ``schema.SEGMENTS``, with its translations. Tokens and words
        give the shortest pairs.

    Returns
    -------
    DataFrame
        ``schema.TRANSLATION_PAIRS``: recordings in their order of appearance, pairs in the order in which they begin.
        A notebook shows the originals beside their translations; `.plain` is the table with all columns.
        Speech that was not to be translated (status "none") also has rows, with NA as `translation`. The rows of a
        recording contain all words of both streams, in the original order. If there are no words, there are no rows.

    Raises
    ------
    SchemaError
        If a column is absent, a row occurs twice, or a time is impossible or has a fraction.
    InputError
        If there are rows but none is a translation.

    Notes
    -----
    Channels that were transcribed separately are matched one by one. The rule: in the API's order, an original begins a
    new pair if it differs from the original before it in speaker, in language or in whether it is to be translated, or
    if the pair before is *complete*. A pair is complete if both sides end with a sentence, and the translation has (a)
    at least as many sentences as the original or (b) at least three quarters of the expected characters. The expected
    number is the length of the original times the ratio of translated to original characters of its language in the
    whole recording. A speaker may break off within a sentence, so that the next pair begins. The pair that was broken
    off takes translations until its translation meets (b); the next chunk of translations then goes to a later pair. A
    translation goes to the first pair of its speaker and source language that is not complete, but never to a pair
    before that of the previous translation. If all such pairs are complete, it goes to the last of them; if no pair
    fits, it has a row without an original. A late translation therefore makes a pair longer, but not wrong.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> pairs = sx.metrics.translation_pairs(pd.DataFrame({
    ...     "audio_id": "a.wav",
    ...     "token_index": range(7),
    ...     "text": ["Good", " morning.", "Guten", " Morgen.", "How", " are you?", "Wie geht es?"],
    ...     "language": ["en", "en", "de", "de", "en", "en", "de"],
    ...     "translation_status": [*["original"] * 2, *["translation"] * 2, *["original"] * 2, "translation"],
    ...     "source_language": [None, None, "en", "en", None, None, "en"],
    ... }))
    >>> pairs[["source_language", "language", "original", "translation"]]
      source_language language       original    translation
    0              en       de  Good morning.  Guten Morgen.
    1              en       de   How are you?   Wie geht es?
    """
    units = _units(transcripts)
    if units.empty:
        return ResultTable(empty(TRANSLATION_PAIRS))
    need_in_any_part(
        "translations",
        bool(translation_mask(units).any()),
        "there is no translation in the table (translation_status is never 'translation'); transcribe with "
        "translation={'type': 'one_way', 'target_language': ...}.",
    )
    rows: list[dict[str, Any]] = []
    for audio_id, of_recording in units.groupby("audio_id", sort=False):
        channels = of_recording["channel"] if "channel" in of_recording else np.zeros(len(of_recording))
        pairs = [pair for _, of_channel in of_recording.groupby(channels, dropna=False) for pair in _paired(of_channel)]
        pairs.sort(key=lambda pair: pair.row)
        rows += [{"audio_id": audio_id, **_pair_row(number, pair)} for number, pair in enumerate(pairs)]
    return ResultTable(conform(pd.DataFrame(rows), TRANSLATION_PAIRS))


class _Unit(NamedTuple):
    """A word or segment of either stream; unknown labels are None."""

    text: str
    space: bool
    status: str | None
    speaker: str | None
    language: str | None
    source_language: str | None
    start_ms: int | None
    end_ms: int | None
    words: int

    @property
    def key(self) -> tuple[str | None, str | None]:
        """The speaker, and the language that was spoken."""
        spoken_language = self.source_language if self.status == "translation" else self.language
        return self.speaker, spoken_language


def _units(source: Any) -> pd.DataFrame:
    """Return words or segments, grouped by recording, each recording in the API's order."""
    table = source.tokens if isinstance(source, Transcribed) else source
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            f"translation_pairs takes a Corpus or a table of tokens, words or segments, found {type(table).__name__}."
        )
    if "token_index" in table:
        need(table, "audio_id", "token_index", "text", "translation_status", name="tokens")
        table = words(table)
    index = "segment_index" if "segment_index" in table else "word_index"
    label = "segments" if index == "segment_index" else "words"
    need(table, "audio_id", index, "text", "language", "translation_status", name=label)
    table = with_ids(need_milliseconds(table, label, required=False), label)
    no_duplicates(table, label, "audio_id", index, also=["translation_status"])
    order = pd.factorize(table["audio_id"])[0]
    return table.take(np.lexsort((table[index].to_numpy(np.int64), order))).reset_index(drop=True)


def _list_of(of_recording: pd.DataFrame) -> list[_Unit]:
    def column(name: str, missing: Any = None) -> list[Any]:
        if name not in of_recording:
            return [missing] * len(of_recording)
        return [missing if pd.isna(value) else value for value in of_recording[name].tolist()]

    text = column("text", "")
    if "space_before" in of_recording:
        space = column("space_before", False)
    else:  # white space separates segments unless both sides are of a script without spaces
        space = [False] + [
            not (left and right and is_unspaced(left[-1]) and is_unspaced(right[0])) for left, right in pairwise(text)
        ]
    labels = [column(name) for name in ("translation_status", "speaker", "language", "source_language")]
    times = [column(name) for name in ("start_ms", "end_ms")]
    count = column("word_count", 1)
    return [_Unit(*values) for values in zip(text, space, *labels, *times, count, strict=True)]


@dataclass
class _Side:
    """The original or the translation of a pair, with the counts that are needed repeatedly."""

    units: list[_Unit] = field(default_factory=list)
    sentences: int = 0
    characters: int = 0
    at_end: bool = False
    """True if the last unit ends a sentence."""

    def add(self, unit: _Unit) -> None:
        self.units.append(unit)
        self.at_end = ends_sentence(unit.text)
        self.sentences += self.at_end
        self.characters += len(unit.text)


@dataclass
class _Pair:
    """A stretch of speech and its translation so far."""

    key: tuple[str | None, str | None]
    status: str | None
    usual: float
    """Usual number of characters of translation for each character of original."""
    row: int
    """Number of the first unit of the pair in the table."""
    original: _Side = field(default_factory=_Side)
    translation: _Side = field(default_factory=_Side)

    @property
    def is_long_enough(self) -> bool:
        return self.translation.characters >= _ENOUGH * self.usual * self.original.characters

    @property
    def is_complete(self) -> bool:
        """Return True if both sides are at the end of a sentence and the translation has caught up."""
        if self.status == "none":
            return self.original.at_end
        caught_up = self.translation.sentences >= self.original.sentences or self.is_long_enough
        return self.original.at_end and self.translation.at_end and caught_up


def _paired(of_channel: pd.DataFrame) -> list[_Pair]:
    """Return the pairs of a recording, or of one of its channels that were transcribed separately."""
    units = _list_of(of_channel)
    usual = _usual_lengths(units)
    pairs: list[_Pair] = []
    current: _Pair | None = None  # the pair that originals are added to
    reached = 0  # translations are added to no pair before this number
    chunk = False  # True if the previous unit was a translation
    for row, unit in zip(of_channel.index.tolist(), units, strict=True):
        if unit.status == "translation":
            place = _place(pairs, reached, unit, current, chunk)
            if place is None:
                pairs.append(_Pair(unit.key, None, 1.0, row))
                place = len(pairs) - 1
            pairs[place].translation.add(unit)
            reached, chunk = place, True
            continue
        if current is None or current.key != unit.key or current.status != unit.status or current.is_complete:
            current = _Pair(unit.key, unit.status, usual.get(unit.language, 1.0), row)
            pairs.append(current)
        current.original.add(unit)
        chunk = False
    return pairs


def _place(pairs: list[_Pair], reached: int, unit: _Unit, current: _Pair | None, chunk: bool) -> int | None:
    """Return the number of the pair that a translation belongs to; None if no pair fits."""
    last = None
    for number in range(reached, len(pairs)):
        pair = pairs[number]
        if pair.status == "none" or not _fits(pair.key, unit.key):
            continue
        broken_off = pair is not current and not pair.original.at_end
        if not (pair.is_complete or (broken_off and not chunk and pair.translation.units and pair.is_long_enough)):
            return number
        last = number
    return last


def _fits(original: tuple[str | None, str | None], translation: tuple[str | None, str | None]) -> bool:
    """Return True if speaker and language agree; values that the translation does not give agree with everything."""
    return all(wanted is None or wanted == value for value, wanted in zip(original, translation, strict=True))


def _usual_lengths(units: list[_Unit]) -> dict[str | None, float]:
    """Compute by source language the characters of translation for each character that was to be translated."""
    original: Counter[str | None] = Counter()
    translated: Counter[str | None] = Counter()
    for unit in units:
        if unit.status == "translation":
            translated[unit.source_language] += len(unit.text)
        elif unit.status != "none":
            original[unit.language] += len(unit.text)
    return {language: translated[language] / length for language, length in original.items() if length}


def _joined(units: list[_Unit]) -> Any:
    if not units:
        return pd.NA
    return units[0].text + "".join((" " if unit.space else "") + unit.text for unit in units[1:])


def _pair_row(number: int, pair: _Pair) -> dict[str, Any]:
    starts = [unit.start_ms for unit in pair.original.units if unit.start_ms is not None]
    ends = [unit.end_ms for unit in pair.original.units if unit.end_ms is not None]
    targets = {unit.language for unit in pair.translation.units}
    return {
        "pair_index": number,
        "speaker": pair.key[0],
        "source_language": pair.key[1],
        "language": targets.pop() if len(targets) == 1 else pd.NA,
        "original": _joined(pair.original.units),
        "translation": _joined(pair.translation.units),
        "start_ms": min(starts, default=pd.NA),
        "end_ms": max(ends, default=pd.NA),
        "original_words": sum(unit.words for unit in pair.original.units),
        "translation_words": sum(unit.words for unit in pair.translation.units),
        "translation_status": pair.status,
    }
