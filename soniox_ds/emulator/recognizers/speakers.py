"""Speaker diarization with classical features, which is crude.

No learned voice model is involved. Stretches of speech are cut where the voice changes, similar pieces are joined, and
each moment of speech then belongs to the voice that explains it best. Clearly different voices in clean audio are
nearly always separated. Similar voices, noise, a changing distance to the microphone and simultaneous speech are too
difficult. It tends to find too few speakers rather than too many.

Conventions: audio is mono at 16 kHz; times are seconds; voices and blocks are those of ``voices.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from soniox_ds.emulator.recognizers import Pcm
from soniox_ds.emulator.recognizers.model import speech_probabilities
from soniox_ds.emulator.recognizers.pieces import Word
from soniox_ds.emulator.recognizers.voices import BLOCKS_PER_S, Blocks, Voice, distance, stretches_of, unlikeness

__all__ = ["MOST_SPEAKERS", "SpeakerTracker", "Turn", "assign_speakers", "find_turns"]

MOST_SPEAKERS = 15
"""Number of speakers that the service distinguishes in one recording."""


# Price of a further voice: (per parameter, per frame of the shorter one). It was chosen on conversations mixed from
# twelve synthetic voices and ten human ones. The best value for clean synthetic voices splits a human voice in two, so
# the choice favours too few speakers. Cutting too often does no harm, because similar pieces are joined again.
_SAME = (1.6, 0.4)
_SAME_WITHOUT_PAUSE = (1.0, 0.0)


# Least amount of speech of a speaker, and least share of all speech.
_FEWEST_S = 4.0
_SMALLEST_SHARE = 0.01
_SMALL_SHARE = 0.1  # of all speech: below it a voice may be odd moments of another one, so it
_SMALL_FACTOR = 1.5  # must differ this many times as much
_UNSURE_S = 1.2  # additional distance of two voices, as a share, times the seconds of the shorter one

_SHORTEST_PIECE = BLOCKS_PER_S  # blocks: less than a second depends more on the words than on the voice
_MOST_PIECES = 1000  # the longest ones decide; work grows with the square
_ROUNDS = 3
_BREATH_S = 0.5  # longest pause of a speaker within a turn


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A turn of one speaker, from ``start_s`` to ``end_s``; speakers are "1", "2", ... in order of appearance."""

    start_s: float
    end_s: float
    speaker: str


def find_turns(pcm: Pcm, *, most_speakers: int = MOST_SPEAKERS) -> list[Turn]:
    """Find the turns of the speakers.

    Parameters
    ----------
    most_speakers
        Largest number of speakers.

    Returns
    -------
    list of Turn
        In order, without overlaps; a speaker's pauses of up to half a second are part of the turn. Empty without
        speech.
    """
    stretches = stretches_of(speech_probabilities(pcm))
    if not stretches:
        return []
    blocks = Blocks(pcm, stretches)
    pieces = [piece for start, end in blocks.bounds for piece in _speech_runs(blocks, start, end)]
    longest = sorted((piece for piece in pieces if piece[1] - piece[0] >= _SHORTEST_PIECE), key=_length, reverse=True)
    voices = _cluster([blocks.voice(*piece) for piece in sorted(longest[:_MOST_PIECES])], most_speakers)
    if len(voices) < 2:
        labels = np.zeros(len(blocks), np.int64)
    else:
        labels = blocks.label(voices)
        for _ in range(_ROUNDS):
            voices = _proven([blocks.voice_of(labels == label) for label in np.unique(labels)])
            labels = blocks.label(voices)
    return _turns(blocks, labels)


def assign_speakers(words: Sequence[Word], turns: Sequence[Turn]) -> list[Word]:
    """Give each word the speaker whose turns cover most of it, or otherwise whose turn is nearest.

    Examples
    --------
    >>> turns = [Turn(start_s=0, end_s=2, speaker="1"), Turn(start_s=2.5, end_s=4, speaker="2")]
    >>> word = Word(text=" yes", start_s=1.9, end_s=2.9, probability=1)
    >>> assign_speakers([word], turns)[0].speaker
    '2'
    """
    if not turns:
        return [replace(word, speaker="1") for word in words]
    starts = np.array([turn.start_s for turn in turns])
    ends = np.array([turn.end_s for turn in turns])
    assigned = []
    for word in words:
        overlaps = np.minimum(ends, word.end_s) - np.maximum(starts, word.start_s)  # negative values are distances
        if overlaps.max() <= 0:
            speaker = turns[int(overlaps.argmax())].speaker
        else:
            shares: dict[str, float] = {}
            for index in np.flatnonzero(overlaps > 0).tolist():
                name = turns[index].speaker
                shares[name] = shares.get(name, 0.0) + float(overlaps[index])
            speaker = max(shares, key=shares.__getitem__)
        assigned.append(replace(word, speaker=speaker))
    return assigned


@dataclass(kw_only=True)
class _Stretch:
    """Speech without a pause so far, in seconds of the session."""

    start_s: float
    end_s: float
    speaker: int
    voice: Voice


class SpeakerTracker:
    """A speaker diarization for streams, where settled words cannot be changed.

    Speech without a pause has one speaker, decided when its first words are settled: the most similar known voice, or a
    new one if none is similar enough. Less than a second is too short for a new voice. It is cruder than
    ``find_turns``, which has the whole recording.
    """

    def __init__(self, most_speakers: int = MOST_SPEAKERS) -> None:
        self._most = most_speakers
        self._stretches: list[_Stretch] = []

    def name(self, words: Sequence[Word], pcm: Pcm, at_s: float, *, settled: bool) -> list[Word]:
        """Return the words with their speakers.

        Parameters
        ----------
        words
            Words with times of the session.
        pcm, at_s
            The audio around them, and its start.
        settled
            True if the words are settled. Only then is the decision kept.
        """
        if not words:
            return []
        turns = []
        for start_s, end_s in stretches_of(speech_probabilities(pcm)):
            heard_s = (at_s + start_s, at_s + end_s)
            stretch = self._of(heard_s[0])
            if stretch is None:
                blocks = Blocks(pcm, [(start_s, end_s)])
                voice = blocks.voice(0, len(blocks))
                stretch = _Stretch(start_s=heard_s[0], end_s=heard_s[1], speaker=self._nearest(voice), voice=voice)
                if settled and stretch.start_s < words[-1].end_s and stretch.end_s > words[0].start_s:
                    self._stretches.append(stretch)
            elif settled and heard_s[1] > stretch.end_s:
                blocks = Blocks(pcm, [(start_s, end_s)])
                stretch.voice, stretch.end_s = blocks.voice(0, len(blocks)), heard_s[1]
            turns.append(Turn(start_s=heard_s[0], end_s=heard_s[1], speaker=str(stretch.speaker + 1)))
        if not turns and self._stretches:
            turns.append(Turn(start_s=at_s, end_s=at_s, speaker=str(self._stretches[-1].speaker + 1)))
        return assign_speakers(words, turns)

    def _of(self, start_s: float) -> _Stretch | None:
        """Return the known stretch that is continued by speech starting here, or None."""
        return next((known for known in reversed(self._stretches) if known.end_s > start_s + 0.1), None)

    def _nearest(self, voice: Voice) -> int:
        if not self._stretches:
            return 0
        count = 1 + max(stretch.speaker for stretch in self._stretches)
        voices = [
            Voice.stack([stretch.voice for stretch in self._stretches if stretch.speaker == speaker]).joined()
            for speaker in range(count)
        ]
        distances = unlikeness(Voice.stack(voices), voice, _SAME)
        nearest = int(distances.argmin())
        is_new = distances[nearest] > 0 and voice.seconds >= 1 and count < self._most
        return count if is_new else nearest


def _length(piece: tuple[int, int]) -> int:
    return piece[1] - piece[0]


def _speech_runs(blocks: Blocks, start: int, end: int) -> list[tuple[int, int]]:
    """Cut a stretch repeatedly where the voices before and after differ most, while they differ enough."""
    cuts = np.arange(_SHORTEST_PIECE, end - start - _SHORTEST_PIECE + 1)
    if not len(cuts):
        return [(start, end)]
    running = blocks.running(start, end)
    before = running[cuts - 1]
    whole = running[-1:]
    after = whole - before
    gains = unlikeness(before, after, _SAME_WITHOUT_PAUSE)
    best = int(gains.argmax())
    if gains[best] <= 0:
        return [(start, end)]
    middle = start + int(cuts[best])
    return _speech_runs(blocks, start, middle) + _speech_runs(blocks, middle, end)


def _cluster(pieces: Sequence[Voice], most: int) -> list[Voice]:
    """Join the two most similar voices until all differ enough and there are at most `most`."""
    voices = list(pieces)
    if len(voices) < 2:
        return voices
    table = np.full((len(voices), len(voices)), np.inf)
    stacked = Voice.stack(voices)
    for index, voice in enumerate(voices):
        table[index] = unlikeness(stacked, voice, _SAME)
    np.fill_diagonal(table, np.inf)
    alive = np.ones(len(voices), bool)
    while alive.sum() > 1:
        first, second = (int(index) for index in np.unravel_index(table.argmin(), table.shape))
        if table[first, second] > 0 and alive.sum() <= most:
            break
        voices[first] = voices[first] + voices[second]
        alive[second] = False
        table[second, :] = table[:, second] = np.inf
        rest = np.flatnonzero(alive & (np.arange(len(voices)) != first))
        if len(rest):
            others = Voice.stack([voices[index] for index in rest])
            table[first, rest] = table[rest, first] = unlikeness(others, voices[first], _SAME)
    return [voices[index] for index in np.flatnonzero(alive)]


def _proven(voices: Sequence[Voice]) -> list[Voice]:
    """Join voices unless the audio proves that they are different speakers.

    The longer a voice speaks, the less a single Gaussian fits it: its vowels alone form two or more Gaussians, which
    `unlikeness` takes for speakers. But such parts have nearly the same mean. A speaker therefore needs some seconds of
    speech, and a mean of the cepstra or of the pitch that is clearly different from all others.
    """
    voices = list(voices)
    while len(voices) > 1:
        stacked = Voice.stack(voices)
        apart = np.array([distance(stacked, voice) for voice in voices])
        np.fill_diagonal(apart, np.inf)
        seconds = np.array([voice.seconds for voice in voices])
        shortest = int(seconds.argmin())
        if seconds[shortest] < max(_FEWEST_S, _SMALLEST_SHARE * seconds.sum()):
            first, second = shortest, int(apart[shortest].argmin())
        else:
            # The mean of a voice that speaks for a few seconds only still depends on its words.
            shorter = np.minimum(seconds[:, None], seconds[None, :])
            needed = (1 + _UNSURE_S / shorter) * np.where(shorter < _SMALL_SHARE * seconds.sum(), _SMALL_FACTOR, 1.0)
            first, second = (int(index) for index in np.unravel_index((apart / needed).argmin(), apart.shape))
            if apart[first, second] >= needed[first, second]:
                break
        rest = [voice for index, voice in enumerate(voices) if index not in (first, second)]
        voices = [*rest, voices[first] + voices[second]]
    return voices


def _turns(blocks: Blocks, labels: NDArray[np.int64]) -> list[Turn]:
    names: dict[int, str] = {}
    turns: list[Turn] = []
    for start, end in blocks.bounds:
        changes = [start, *(start + 1 + np.flatnonzero(np.diff(labels[start:end]))), end]
        for first, after in pairwise(changes):
            speaker = names.setdefault(int(labels[first]), str(len(names) + 1))
            start_s, end_s = float(blocks.times[first, 0]), float(blocks.times[after - 1, 1])
            if turns and turns[-1].speaker == speaker and start_s - turns[-1].end_s <= _BREATH_S:
                turns[-1] = replace(turns[-1], end_s=end_s)
            else:
                turns.append(Turn(start_s=start_s, end_s=end_s, speaker=speaker))
    return turns
