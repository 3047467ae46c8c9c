"""Tiers of annotation programs such as Praat and ELAN.

Conventions: a tier holds intervals that do not overlap, in the order of time. The tiers of a speaker are named
``Anna - segments``, ``Anna - words`` and ``Anna - translation de``, and without speakers ``segments``, ``words`` and
``translation de``. Intervals that overlap within a tier are moved to further tiers, ``Anna - segments 2``. An interval
of zero length is written with a length of 1 ms.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Iterator
from itertools import pairwise
from operator import itemgetter, le
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.io.contents import (
    is_segments,
    segments_to_write,
    text_on_one_line,
    translations_to_write,
    without_rows,
    words_to_write,
)
from soniox_ds.schema import ANNOTATIONS, conform
from soniox_ds.schema.inputs import Transcribed, Transcripts
from soniox_ds.text.translations import without_translations
from soniox_ds.text.words import segments

__all__ = ["Interval", "Tier", "annotations_of_tiers", "tiers_to_write"]

_NAME = re.compile(
    r"(?:(?P<speaker>.*) - )?(?P<kind>segments|words|phones|translation)(?:(?<=translation) \S+)?(?: [0-9]+)?",
    re.DOTALL,
)
_KINDS = ("segments", "words", "phones", "translation")
"""Kinds of tiers, in the order of preference of the readers. Forced aligners write words and phones."""
_SHOWN = 10


class Interval(NamedTuple):
    """An annotation of a stretch of time."""

    start_ms: int | None
    end_ms: int | None
    text: str


class Tier(NamedTuple):
    """A tier with its intervals."""

    name: str
    intervals: list[Interval]
    kind: str | None = None
    """"segments", "words" or "translation"; None for tiers of other programs."""
    speaker: str | None = None
    is_dependent: bool = False
    """True for a tier that describes another tier (ELAN)."""


def tiers_to_write(
    transcripts: Transcripts, ids: list[str], title: str, *, with_words: bool
) -> Iterator[tuple[str, int, list[Tier]]]:
    """Yield the id, the duration in ms (at least the end of the last interval) and the tiers of each recording.

    Tiers of translations have the times of the speech that was translated.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words, tokens or segments.
    ids
        The recordings (`audio_ids_of`).
    title
        Name of the format for messages.
    with_words
        True to add tiers of words, unless `transcripts` are segments.
    """
    if is_segments(transcripts):
        tables = {"segments": segments_to_write(without_translations(transcripts), title)}
    else:
        word_table = words_to_write(transcripts, title, with_translations=True, by_segments=True)
        tables = {"segments": segments(word_table)}
        if with_words:
            has_none = ~word_table["is_timed"].to_numpy(np.bool_)
            reason = "the tiers of words need times; the tiers of segments contain these words"
            tables["words"] = without_rows(word_table, has_none, title, "words of unknown time", reason)
    empty = [Tier(kind, [], kind) for kind in tables]
    for language, table in translations_to_write(transcripts, title).items():
        tables[language if language == "translation" else f"translation {language}"] = table
    sorted_tables = {kind: _sorted(table, ids) for kind, table in tables.items()}
    durations = _durations(transcripts)
    for code, audio_id in enumerate(ids):
        parts = [part for kind, table in sorted_tables.items() for part in _speakers(kind, table, code)]
        first_ms: dict[str | None, int] = {}
        for _, speaker, intervals in parts:
            start_ms = intervals[0].start_ms or 0
            first_ms[speaker] = min(start_ms, first_ms.get(speaker, start_ms))
        # All tiers of a speaker follow each other, and speakers are in the order of appearance.
        parts.sort(key=lambda part: (first_ms[part[1]], part[1] or ""))
        tiers = [tier for part in parts for tier in _tiers(*part)]
        written = tiers or empty
        last = max((tier.intervals[-1].end_ms or 0 for tier in tiers), default=0)
        yield audio_id, max(durations.get(audio_id, 0), last), written


class _Sorted(NamedTuple):
    """A table sorted by recording, speaker and time, as arrays."""

    first_rows: Any
    """The first row of each recording, followed by the total number of rows."""
    speakers: list[str | None]
    speaker: Any
    start_ms: Any
    end_ms: Any
    text: Any


def _sorted(table: pd.DataFrame, ids: list[str]) -> _Sorted:
    audio = pd.Index(ids).get_indexer(pd.Index(table["audio_id"].astype(object)))
    column = table["speaker"] if "speaker" in table else pd.Series(pd.NA, index=table.index, dtype="string")
    labels, unique = pd.factorize(column, use_na_sentinel=True)
    # Labels that differ only in white space cannot be told apart in the name of a tier.
    names = [text_on_one_line(str(label)) or None for label in unique]
    codes, speakers = pd.factorize(np.array([*names, None], dtype=object), use_na_sentinel=False)
    speaker = codes[labels]
    start = table["start_ms"].to_numpy(np.int64)
    end = np.maximum(table["end_ms"].to_numpy(np.int64), start + 1)
    rows = np.lexsort((end, start, speaker, audio))
    rows = rows[audio[rows] >= 0]
    return _Sorted(
        np.searchsorted(audio[rows], np.arange(len(ids) + 1)),
        [None if pd.isna(each) else each for each in speakers],
        speaker[rows],
        start[rows],
        end[rows],
        table["text"].array.take(rows),
    )


def _speakers(kind: str, table: _Sorted, audio: int) -> Iterator[tuple[str, str | None, list[Interval]]]:
    """Yield the kind of the table, the speaker and the intervals (at least one) of each speaker of a recording."""
    first, last = table.first_rows[audio : audio + 2]
    speaker = table.speaker[first:last]
    starts = np.flatnonzero(np.diff(speaker, prepend=-1))
    for begin, end in pairwise([*starts.tolist(), len(speaker)]):
        rows = slice(first + begin, first + end)
        texts = [text_on_one_line(text) for text in table.text[rows].tolist()]
        columns = (table.start_ms[rows].tolist(), table.end_ms[rows].tolist(), texts)
        intervals = list(map(Interval._make, zip(*columns, strict=True)))
        yield kind, table.speakers[speaker[begin]], intervals


def _tiers(kind: str, speaker: str | None, intervals: list[Interval]) -> Iterator[Tier]:
    name = kind if speaker is None else f"{speaker} - {kind}"
    for number, lane in enumerate(_without_overlaps(intervals), start=1):
        yield Tier(name if number == 1 else f"{name} {number}", lane, kind.partition(" ")[0], speaker)


def _without_overlaps(intervals: list[Interval]) -> list[list[Interval]]:
    """Divide intervals that are sorted by start into lists of intervals that do not overlap.

    >>> _without_overlaps([Interval(0, 3, "a"), Interval(1, 2, "b"), Interval(3, 4, "c")])
    [[Interval(start_ms=0, end_ms=3, text='a'), Interval(start_ms=3, end_ms=4, text='c')],
     [Interval(start_ms=1, end_ms=2, text='b')]]
    """
    ends = map(itemgetter(1), intervals)
    if all(map(le, ends, map(itemgetter(0), intervals[1:]))):
        return [intervals]
    lanes: list[list[Interval]] = []
    busy: list[tuple[Any, int]] = []  # The end of the last interval of a lane, and the number of the lane.
    free: list[int] = []
    for interval in intervals:
        while busy and busy[0][0] <= interval.start_ms:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            lane = heapq.heappop(free)
        else:
            lane = len(lanes)
            lanes.append([])
        lanes[lane].append(interval)
        heapq.heappush(busy, (interval.end_ms, lane))
    return lanes


def _durations(transcripts: Transcripts) -> dict[str, int]:
    if not isinstance(transcripts, Transcribed):
        return {}
    known = transcripts.recordings.dropna(subset="duration_ms")
    return dict(zip(known["audio_id"].tolist(), known["duration_ms"].astype("int64").tolist(), strict=True))


def annotations_of_tiers(path: Path, tiers: list[Tier], wanted: str | Collection[str] | None) -> pd.DataFrame:
    """Return ``schema.ANNOTATIONS`` with a row for each interval that has a text, and a column `tier` with its tier.

    Parameters
    ----------
    path
        The file. Its name without the extension is the `audio_id`.
    tiers
        The tiers in the order of the file.
    wanted
        Names of the tiers to read. None reads the independent tiers, except that it reads only one kind of tier of each
        speaker: the first kind that exists of segments, words, phones and translations.

    Raises
    ------
    InputError
        If a tier named in `wanted` does not exist.
    """
    if wanted is not None:
        chosen = {wanted} if isinstance(wanted, str) else set(wanted)
        names = [tier.name for tier in tiers]
        if missing := sorted(chosen - set(names)):
            rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            raise InputError(f"{path} has no tier {missing[0]!r}; its tiers are {names[:_SHOWN]}{rest}.")
        selected = [tier for tier in tiers if tier.name in chosen]
    else:
        selected = _independent(tiers)
    rows = []
    for tier in selected:
        match = _NAME.fullmatch(tier.name)
        speaker = tier.speaker or (match["speaker"] if match else text_on_one_line(tier.name)) or None
        for start_ms, end_ms, text in tier.intervals:
            if on_one_line := text_on_one_line(text):
                rows.append((path.stem, speaker, start_ms, end_ms, on_one_line, tier.name))
    frame = pd.DataFrame(rows, columns=[*ANNOTATIONS, "tier"], dtype=object)
    return conform(frame.astype({"tier": "string"}), ANNOTATIONS)


def _independent(tiers: list[Tier]) -> list[Tier]:
    best: dict[str | None, int] = {}
    kinds = []
    for tier in tiers:
        match = None if tier.is_dependent else _NAME.fullmatch(tier.name)
        kinds.append((match["speaker"], _KINDS.index(match["kind"])) if match else None)
        if match:
            speaker, kind = match["speaker"], _KINDS.index(match["kind"])
            best[speaker] = min(kind, best.get(speaker, kind))
    return [
        tier
        for tier, kind in zip(tiers, kinds, strict=True)
        if not tier.is_dependent and (kind is None or best[kind[0]] == kind[1])
    ]
