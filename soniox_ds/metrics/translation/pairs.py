"""Originals and their translations, side by side.

Conventions: a translation has no times; what ties it to its original is order alone. The service sends originals first
and translations behind them, chunk by chunk, not sentence by sentence and not word by word. Both streams are in spoken
order, and a translation says which speaker and language it was made from.
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
from soniox_ds.text.scripts import ends_sentence, is_unspaced
from soniox_ds.text.words import words

__all__ = ["translation_pairs"]

_ENOUGH = 0.75  # of the length to be expected, for a translation that has fewer sentences than its original


def translation_pairs(table: Any) -> pd.DataFrame:
    """Put each stretch of what was said beside its translation.

    Parameters
    ----------
    table
        A Corpus, ``schema.TOKENS``, ``schema.WORDS`` or ``schema.SEGMENTS``, with its translations. Tokens and words
        give the finest pairs.

    Returns
    -------
    DataFrame
        ``schema.TRANSLATION_PAIRS``: recordings in their order of appearance, pairs in the order in which they begin.
        Speech that was not to be translated (status "none") has rows too, its `translation` is NA. Nothing is lost:
        all words of both streams are in the rows of their recording, in their order. Of no words there are no rows.

    Raises
    ------
    SchemaError
        If a column is absent, a row is there twice, or a time is impossible (a fraction, too).
    InputError
        If there are rows but no translation among them.

    Notes
    -----
    The rule. Walking through a recording in the API's order, a pair is begun by an original that differs from the one
    before in speaker, language or in whether it is to be translated, or that follows a pair which is *complete*: both
    sides have come to the end of a sentence, and the translation has as many sentences as the original or at least
    three quarters of the characters that the recording's translations from that language would lead one to expect.
    (Speech that broke off in the middle of a sentence is complete by that length alone, once a new chunk begins.)
    A translation goes to the first pair of its speaker and source language that is not complete, but never back behind
    the pair to which the translation before it went; where all are complete, to the last of them; where there is none,
    it has a row without an original. So a translation that comes late makes a pair longer, not wrong.

    Examples
    --------
    >>> pairs = translation_pairs(pd.DataFrame({
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
    units = _units(table)
    if units.empty:
        return empty(TRANSLATION_PAIRS)
    if not (units["translation_status"] == "translation").any():
        raise InputError(
            "there is no translation in the table (translation_status is never 'translation'); transcribe with "
            "translation={'type': 'one_way', 'target_language': ...}."
        )
    rows: list[dict[str, Any]] = []
    for audio_id, own in units.groupby("audio_id", sort=False):
        rows += [{"audio_id": audio_id, **row} for row in _paired(own)]
    return conform(pd.DataFrame(rows), TRANSLATION_PAIRS)


class _Unit(NamedTuple):
    """A word or segment of either stream; labels are None where not known."""

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
        """Whose words these are, and in which language they were said."""
        said = self.source_language if self.status == "translation" else self.language
        return self.speaker, said


def _units(source: Any) -> pd.DataFrame:
    """Words or segments, recordings together, each in the API's order."""
    table = source.tokens if hasattr(source, "tokens") and hasattr(source, "recordings") else source
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            f"translation_pairs takes a Corpus or a table of tokens, words or segments, found {type(table).__name__}."
        )
    if "token_index" in table:
        need(table, "audio_id", "token_index", "text", "translation_status", name="tokens")
        table = words(table)
    index = "segment_index" if "segment_index" in table else "word_index"
    what = "segments" if index == "segment_index" else "words"
    need(table, "audio_id", index, "text", "language", "translation_status", name=what)
    table = with_ids(need_milliseconds(table, what, required=False), what)
    no_duplicates(table, what, "audio_id", index, also=["translation_status"])
    order = pd.factorize(table["audio_id"])[0]
    return table.take(np.lexsort((table[index].to_numpy(np.int64), order))).reset_index(drop=True)


def _list_of(own: pd.DataFrame) -> list[_Unit]:
    def column(name: str, missing: Any = None) -> list[Any]:
        if name not in own:
            return [missing] * len(own)
        return [missing if pd.isna(value) else value for value in own[name].tolist()]

    text = column("text", "")
    if "space_before" in own:
        space = column("space_before", False)
    else:  # segments are apart unless both sides are of a script without spaces
        space = [False] + [
            not (one and two and is_unspaced(one[-1]) and is_unspaced(two[0])) for one, two in pairwise(text)
        ]
    labels = [column(name) for name in ("translation_status", "speaker", "language", "source_language")]
    times = [column(name) for name in ("start_ms", "end_ms")]
    count = column("word_count", 1)
    return [_Unit(*values) for values in zip(text, space, *labels, *times, count, strict=True)]


@dataclass
class _Side:
    """One of the two texts of a pair, with what is asked about it again and again."""

    units: list[_Unit] = field(default_factory=list)
    sentences: int = 0
    characters: int = 0
    at_end: bool = False
    """Whether the last unit ends a sentence."""

    def add(self, unit: _Unit) -> None:
        self.units.append(unit)
        self.at_end = ends_sentence(unit.text)
        self.sentences += self.at_end
        self.characters += len(unit.text)


@dataclass
class _Pair:
    """A stretch of what was said and what came of it so far."""

    key: tuple[str | None, str | None]
    status: str | None
    usual: float
    """Characters of translation for each character of original."""
    original: _Side = field(default_factory=_Side)
    translation: _Side = field(default_factory=_Side)

    @property
    def is_long_enough(self) -> bool:
        return self.translation.characters >= _ENOUGH * self.usual * self.original.characters

    @property
    def is_complete(self) -> bool:
        """Whether both sides are at the end of a sentence and the translation has caught up."""
        if self.status == "none":
            return self.original.at_end
        caught_up = self.translation.sentences >= self.original.sentences or self.is_long_enough
        return self.original.at_end and self.translation.at_end and caught_up


def _paired(own: pd.DataFrame) -> list[dict[str, Any]]:
    units = _list_of(own)
    usual = _usual_lengths(units)
    pairs: list[_Pair] = []
    said: _Pair | None = None  # the pair that originals go to
    reached = 0  # translations go to no pair before this one
    chunk = False  # whether the unit before was a translation too
    for unit in units:
        if unit.status == "translation":
            place = _place(pairs, reached, unit, said, chunk)
            if place is None:
                pairs.append(_Pair(unit.key, None, 1.0))
                place = len(pairs) - 1
            pairs[place].translation.add(unit)
            reached, chunk = place, True
            continue
        if said is None or said.key != unit.key or said.status != unit.status or said.is_complete:
            said = _Pair(unit.key, unit.status, usual.get(unit.language, 1.0))
            pairs.append(said)
        said.original.add(unit)
        chunk = False
    return [_row(number, pair) for number, pair in enumerate(pairs)]


def _place(pairs: list[_Pair], reached: int, unit: _Unit, said: _Pair | None, chunk: bool) -> int | None:
    """The number of the pair that a translation goes to; None where none fits."""
    last = None
    for number in range(reached, len(pairs)):
        pair = pairs[number]
        if pair.status == "none" or not _fits(pair.key, unit.key):
            continue
        broken_off = pair is not said and not pair.original.at_end
        if not (pair.is_complete or (broken_off and not chunk and pair.translation.units and pair.is_long_enough)):
            return number
        last = number
    return last


def _fits(original: tuple[str | None, str | None], translation: tuple[str | None, str | None]) -> bool:
    """Whether speaker and language agree; what a translation does not say agrees with everything."""
    return all(wanted is None or wanted == found for found, wanted in zip(original, translation, strict=True))


def _usual_lengths(units: list[_Unit]) -> dict[str | None, float]:
    """By source language: characters of translation for each character that was to be translated."""
    said: Counter[str | None] = Counter()
    made: Counter[str | None] = Counter()
    for unit in units:
        if unit.status == "translation":
            made[unit.source_language] += len(unit.text)
        elif unit.status != "none":
            said[unit.language] += len(unit.text)
    return {language: made[language] / length for language, length in said.items() if length}


def _joined(units: list[_Unit]) -> Any:
    if not units:
        return pd.NA
    return units[0].text + "".join((" " if unit.space else "") + unit.text for unit in units[1:])


def _row(number: int, pair: _Pair) -> dict[str, Any]:
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
