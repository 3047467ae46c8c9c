"""Cues of subtitles: words divided into lines that fit on a screen and can be read in time.

Conventions: a cue begins with each segment (`soniox_ds.segments`: speaker, language, sentence, pause). A segment that
does not fit is divided, after punctuation if there is some in the second half of what fits. Cues are sorted by time. A
cue stays longer than its words where it needs to, until the next cue of its speaker. The next cue of another speaker
ends it, too, but not before the shortest time of a cue, so that cues of speakers who talk at the same time overlap.
Words are never left out or shortened, so that dense speech may exceed the reading speed.

The defaults are those of the Netflix "English Timed Text Style Guide" and "Timed Text Style Guide: General
Requirements": two lines of 42 characters, 20 characters per second, 5/6 of a second to 7 seconds, and a gap of two
frames (at 24 frames per second): https://partnerhelp.netflixstudios.com/hc/en-us/articles/217350977
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from soniox_ds._arguments import check_number
from soniox_ds.exceptions import InputError
from soniox_ds.io.contents import (
    audio_ids_of,
    is_segments,
    segment_of_words,
    text_on_one_line,
    translations_to_write,
    words_to_write,
)
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text.scripts import is_unspaced

__all__ = ["Cue", "Layout", "Track", "cues_of", "tracks_of"]

_CLAUSE_END = re.compile(r"[,;:.!?…،؛؟。、！？；：—–-][\"'”’)\]»」』]*$")
_NEVER = 2**62
_UNSPACED_PIECE = re.compile(r".[、。，．！？；：」』）】〉》…ー]*")


@dataclass(frozen=True)
class Layout:
    """Limits of cues."""

    line_length: int = 42
    lines: int = 2
    characters_per_s: float | None = 20
    min_ms: int = 833
    max_ms: int = 7000
    gap_ms: int = 83
    speaker_labels: bool = False
    direction_marks: bool = False

    def __post_init__(self) -> None:
        for name, least in (("line_length", 1), ("lines", 1), ("min_ms", 0), ("max_ms", 1), ("gap_ms", 0)):
            check_number(getattr(self, name), name, whole=True, least=least)
        if self.min_ms > self.max_ms:
            raise InputError(f"min_ms is {self.min_ms}, above max_ms, which is {self.max_ms}.")
        if self.characters_per_s is not None:
            check_number(self.characters_per_s, "characters_per_s", above=0)


class Cue(NamedTuple):
    """A text that is shown for a time."""

    start_ms: int
    end_ms: int
    lines: list[str]
    speaker: str | None
    label: str
    """The speaker label before the text, or ""."""


class Track(NamedTuple):
    """The words of one recording in one language."""

    audio_id: str
    language: str | None
    """Language of a translation; None for the spoken words."""
    texts: list[str]
    has_space: list[bool]
    starts: list[int]
    ends: list[int]
    speakers: list[str | None]
    borders: list[int]
    """Positions at which the segments begin, and the number of words."""


def tracks_of(transcripts: Transcripts, title: str, ids: Sequence[str] | None = None) -> Iterator[Track]:
    """Yield the tracks of each recording: its spoken words, then its translations by language.

    `ids` are those of the recordings, if the caller has them already (`audio_ids_of`, which warns of failed ones). A
    translation has the times of the speech that it belongs to (`soniox_ds.metrics.translation_pairs`).
    """
    ids = audio_ids_of(transcripts, title) if ids is None else ids
    spoken = words_to_write(transcripts, title, with_translations=True, by_segments=True)
    translated = _translations(transcripts, title)
    segment = spoken["first_token"].to_numpy(np.int64) if is_segments(transcripts) else segment_of_words(spoken)
    by_id = _by_recording(spoken, segment)
    for audio_id in ids:
        yield by_id.pop(audio_id) if audio_id in by_id else Track(audio_id, None, [], [], [], [], [], [0])
        for language, tracks in translated.items():
            if audio_id in tracks:
                yield tracks.pop(audio_id)._replace(language=language)


def _translations(transcripts: Transcripts, title: str) -> dict[str, dict[str, Track]]:
    """Return the tracks of translations by language and recording."""
    tracks = {}
    for language, rows in translations_to_write(transcripts, title).items():
        words = words_to_write(rows, title)
        tracks[language] = _by_recording(words, words["first_token"].to_numpy(np.int64))
    return tracks


def _by_recording(words: pd.DataFrame, segment: Any) -> dict[str, Track]:
    """Return the words of each recording as a track. `segment` has the number of the segment of each word."""
    codes, ids = pd.factorize(words["audio_id"])
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(ids))).tolist()
    speaker: Any = words["speaker"] if "speaker" in words else pd.Series(pd.NA, index=words.index)
    speaker = speaker.astype("string")
    spaced = words["space_before"].fillna(True) if "space_before" in words else pd.Series(True, index=words.index)
    tracks, first = {}, 0
    for audio_id, end in zip(ids, ends, strict=True):
        rows = order[first:end]
        numbers = segment[rows]
        borders = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(rows)]
        tracks[str(audio_id)] = Track(
            str(audio_id),
            None,
            words["text"].take(rows).tolist(),
            spaced.take(rows).tolist(),
            words["start_ms"].take(rows).tolist(),
            words["end_ms"].take(rows).tolist(),
            [None if name is pd.NA else name for name in speaker.take(rows).tolist()],
            borders,
        )
        first = end
    return tracks


def cues_of(track: Track, layout: Layout) -> list[Cue]:
    """Divide a track into cues and give them their times.

    >>> words = Track("a", None, ["Good", "day"], [False, True], [0, 400], [300, 700], ["1", "1"], [0, 2])
    >>> cues_of(words, Layout())
    [Cue(start_ms=0, end_ms=833, lines=['Good day'], speaker='1', label='')]
    """
    track = _with_short_words(track, layout.line_length)
    cues: list[Cue] = []
    previous: str | None = None
    for first, end in pairwise(track.borders):
        while first < end:
            speaker = track.speakers[first]
            label = ""
            if layout.speaker_labels and speaker is not None and speaker != previous:
                label = f"Speaker {speaker}: " if speaker.isdigit() else f"{text_on_one_line(speaker)}: "
            previous = speaker
            after = _end_of_cue(track, first, end, layout, len(label))
            lines = _balanced(track, first, after, layout, len(label))
            cues.append(Cue(track.starts[first], max(track.ends[first:after]), lines, speaker, label))
            first = after
    cues.sort(key=lambda cue: cue.start_ms)
    return _timed(cues, layout)


def _with_short_words(track: Track, line_length: int) -> Track:
    """Divide words that are longer than a line and written in a script without spaces."""
    if not any(len(text) > line_length for text in track.texts):
        return track
    texts: list[str] = []
    origin: list[int] = []
    for place, text in enumerate(track.texts):
        pieces = _UNSPACED_PIECE.findall(text) if len(text) > line_length and is_unspaced(text[0]) else [text]
        texts += pieces
        origin += [place] * len(pieces)
    starts, ends = [], []
    n_pieces = np.bincount(origin, minlength=len(track.texts)).tolist()
    for place, count in enumerate(n_pieces):
        start, duration = track.starts[place], track.ends[place] - track.starts[place]
        starts += [start + duration * part // count for part in range(count)]
        ends += [start + duration * (part + 1) // count for part in range(count)]
    is_first = [place == 0 or origin[place] != origin[place - 1] for place in range(len(origin))]
    new_place = np.concatenate([[0], np.cumsum(n_pieces)]).tolist()
    return track._replace(
        texts=texts,
        has_space=[track.has_space[place] and first for place, first in zip(origin, is_first, strict=True)],
        starts=starts,
        ends=ends,
        speakers=[track.speakers[place] for place in origin],
        borders=[new_place[border] for border in track.borders],
    )


def _end_of_cue(track: Track, first: int, end: int, layout: Layout, label_length: int) -> int:
    """Return the position after the last word of the cue that begins at `first`; its segment ends at `end`."""
    texts, has_space = track.texts, track.has_space
    limit, last_ms = layout.line_length, track.starts[first] + layout.max_ms
    used, n_lines, place = label_length + len(texts[first]), 1, first + 1
    while place < end and track.ends[place] <= last_ms:
        length = len(texts[place])
        used += length + has_space[place]
        if used > limit:
            n_lines, used = n_lines + 1, length
            if n_lines > layout.lines:
                break
        place += 1
    if place == end:
        return end
    for candidate in range(place, (first + place) // 2, -1):
        if _CLAUSE_END.search(texts[candidate - 1]):
            return candidate
    n_left = end - place
    if n_left < (place - first) // 2:  # The rest would be a cue of few words.
        return max(first + 1, (first + end + 1) // 2)
    return place


def _balanced(track: Track, first: int, end: int, layout: Layout, label_length: int) -> list[str]:
    """Return the words as lines: as few as possible, of lengths that are as equal as possible."""
    lengths = [len(text) for text in track.texts[first:end]]
    lengths[0] += label_length
    spaces = track.has_space[first:end]
    total = sum(lengths) + sum(spaces[1:])
    if total <= layout.line_length:
        breaks: list[int] = []
    else:
        breaks = _breaks(lengths, spaces, layout.line_length)
        narrow, wide = total // (len(breaks) + 1), layout.line_length
        while narrow < wide:  # Search for the smallest width that needs no further line.
            middle = (narrow + wide) // 2
            if len(narrower := _breaks(lengths, spaces, middle)) == len(breaks):
                breaks, wide = narrower, middle
            else:
                narrow = middle + 1
    lines = []
    for start, after in pairwise([0, *breaks, end - first]):
        line = track.texts[first + start]
        for place in range(first + start + 1, first + after):
            line += f" {track.texts[place]}" if track.has_space[place] else track.texts[place]
        lines.append(line)
    return lines


def _breaks(lengths: list[int], spaces: list[bool], width: int) -> list[int]:
    """Return the positions of the words at which lines begin, if as many words as possible are put on each line."""
    breaks = []
    used = -1
    for place, (length, space) in enumerate(zip(lengths, spaces, strict=True)):
        if used < 0:
            used = length
        elif used + space + length > width:
            breaks.append(place)
            used = length
        else:
            used += space + length
    return breaks


def _timed(cues: list[Cue], layout: Layout) -> list[Cue]:
    """Give cues the time to be read, and gaps between them."""
    result = []
    # The start of the next cue of each speaker, and of the first one after that with a later start.
    next_starts: dict[str | None, tuple[int, int]] = {}
    next_start, next_speaker, start_of_others = _NEVER, None, _NEVER
    for cue in reversed(cues):
        if cue.speaker != next_speaker:
            start_of_others = next_start
        same_start, later_start = next_starts.get(cue.speaker, (_NEVER, _NEVER))
        if same_start <= cue.start_ms:
            same_start = later_start
        next_starts[cue.speaker] = (cue.start_ms, same_start)
        next_start, next_speaker = cue.start_ms, cue.speaker

        shortest = cue.start_ms + max(layout.min_ms, 1)
        wanted = shortest
        if layout.characters_per_s is not None:
            n_characters = len(cue.label) + sum(map(len, cue.lines))
            wanted = max(wanted, cue.start_ms + round(1000 * n_characters / layout.characters_per_s))
        end = min(wanted, cue.start_ms + layout.max_ms, max(start_of_others - layout.gap_ms, shortest))
        has_room = same_start - layout.gap_ms > cue.start_ms
        end = min(end, same_start - layout.gap_ms if has_room else same_start)
        result.append(cue._replace(end_ms=max(end, cue.end_ms, cue.start_ms + 1)))
    return result[::-1]
