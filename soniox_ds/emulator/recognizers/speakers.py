"""Who speaks when, by classical features: crude, and to be read as such.

No learned voice model is involved. Stretches of speech are cut where the voice changes, pieces that sound alike are put
together, and each moment of speech then goes to the voice that explains it best. Clearly different voices in clean
audio are told apart nearly always; similar voices, noise, a changing distance to the microphone and people talking at
the same time are beyond it. It rather finds too few speakers than too many.

Conventions: audio is mono at 16 kHz; a block is 0.1 s of it; a voice is described by the Gaussian of its cepstra (shape
of the vocal tract) and of the logarithm of its pitch, kept as sums, so that two voices are joined by adding.
Source of the criterion: Chen and Gopalakrishnan, "Speaker, environment and channel change detection and clustering via
the Bayesian information criterion", DARPA Broadcast News Workshop 1998.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soniox_ds.emulator.recognizers import Pcm
from soniox_ds.emulator.recognizers.features import HOP_S, cepstra, pitch
from soniox_ds.emulator.recognizers.model import SAMPLE_RATE, VAD_FRAME, speech_probabilities
from soniox_ds.emulator.recognizers.pieces import Word

__all__ = ["MOST_SPEAKERS", "Turn", "assign_speakers", "find_turns"]

MOST_SPEAKERS = 15
"""As many as the service tells apart in one recording."""

Floats = NDArray[np.float64]

_CEPSTRA = 16
_BLOCK_FRAMES = 10
_BLOCK_S = _BLOCK_FRAMES * HOP_S

# How unlike two voices must be: (per parameter, per frame of the shorter one). Found on conversations mixed from twelve
# synthetic voices and ten human ones. What fits clean synthetic voices best splits one human in two, so the choice
# leans to too few speakers; cutting too often does no harm, since alike pieces are joined again.
_SAME = (1.6, 0.4)
_SAME_WITHOUT_PAUSE = (1.0, 0.0)
_PITCH_WEIGHT = 3.0

_SHORTEST_PIECE = 10  # blocks: less than a second says more about the words than about the voice
_MOST_PIECES = 1000  # the longest ones decide; work grows with the square
_SWITCH_COST = 120.0  # in log likelihood, for a change of speaker without a pause
_PAUSE_SWITCH_COST = 30.0
_ROUNDS = 3
_BREATH_S = 0.5  # a speaker's pause up to here belongs to the turn


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One speaker talking, from ``start_s`` to ``end_s``; speakers are "1", "2", ... in order of appearance."""

    start_s: float
    end_s: float
    speaker: str


def find_turns(pcm: Pcm, *, most_speakers: int = MOST_SPEAKERS) -> list[Turn]:
    """Find who speaks when.

    Parameters
    ----------
    most_speakers
        Never tell more voices apart than this.

    Returns
    -------
    list of Turn
        In order, without overlaps; a speaker's pauses of up to half a second are part of the turn. Empty where nobody
        speaks.
    """
    stretches = _stretches(speech_probabilities(pcm))
    if not stretches:
        return []
    blocks = _Blocks(pcm, stretches)
    pieces = [piece for start, end in blocks.bounds for piece in _pieces(blocks, start, end)]
    longest = sorted((piece for piece in pieces if piece[1] - piece[0] >= _SHORTEST_PIECE), key=_length, reverse=True)
    voices = _cluster([blocks.voice(*piece) for piece in sorted(longest[:_MOST_PIECES])], most_speakers)
    if len(voices) < 2:
        labels = np.zeros(len(blocks), np.int64)
    else:
        labels = blocks.label(voices)
        for _ in range(_ROUNDS):
            voices = [blocks.voice_of(labels == label) for label in np.unique(labels)]
            labels = blocks.label(voices)
    return _turns(blocks, labels)


def assign_speakers(words: Sequence[Word], turns: Sequence[Turn]) -> list[Word]:
    """Give each word the speaker whose turns cover most of it, or whose turn is nearest.

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
        overlaps = np.minimum(ends, word.end_s) - np.maximum(starts, word.start_s)  # below zero: minus the distance
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


@dataclass(frozen=True)
class _Voice:
    """Sums over the frames of one or many pieces; arrays carry the pieces along their first axis."""

    frames: Floats
    total: Floats
    squares: Floats
    voiced: Floats
    pitch_total: Floats
    pitch_squares: Floats

    def __add__(self, other: _Voice) -> _Voice:
        return _Voice(*(mine + theirs for mine, theirs in zip(self._sums(), other._sums(), strict=True)))

    def __getitem__(self, which: Any) -> _Voice:
        return _Voice(*(values[which] for values in self._sums()))

    def _sums(self) -> tuple[Floats, ...]:
        return (self.frames, self.total, self.squares, self.voiced, self.pitch_total, self.pitch_squares)

    @staticmethod
    def stack(voices: Sequence[_Voice]) -> _Voice:
        return _Voice(*(np.stack(values) for values in zip(*(voice._sums() for voice in voices), strict=True)))

    def joined(self) -> _Voice:
        """All pieces added up."""
        return _Voice(*(values.sum(axis=0) for values in self._sums()))

    def gaussians(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Mean and covariance of the cepstra, mean and variance of the log pitch; kept away from singular."""
        frames, voiced = np.maximum(self.frames, 1.0), np.maximum(self.voiced, 1.0)
        mean = self.total / frames[..., None]
        covariance = self.squares / frames[..., None, None] - mean[..., :, None] * mean[..., None, :]
        pitch_mean = self.pitch_total / voiced
        pitch_variance = np.maximum(self.pitch_squares / voiced - pitch_mean**2, 0.0) + 4e-4
        return mean, covariance + 0.05 * np.eye(mean.shape[-1]), pitch_mean, pitch_variance

    def cost(self) -> Floats:
        """Minus the log likelihood under the piece's own Gaussians, constants left out."""
        _, covariance, _, pitch_variance = self.gaussians()
        shape = self.frames * np.linalg.slogdet(covariance)[1]
        return np.asarray(0.5 * (shape + _PITCH_WEIGHT * self.voiced * np.log(pitch_variance)))


def _unlikeness(one: _Voice, other: _Voice, price: tuple[float, float]) -> Floats:
    """How much better two voices explain the frames than one does, less the price of a second: above 0 they are two."""
    per_parameter, per_frame = price
    both = one + other
    gain = both.cost() - one.cost() - other.cost()
    parameters = _CEPSTRA + _CEPSTRA * (_CEPSTRA + 1) / 2
    length = 0.5 * parameters * np.log(np.maximum(both.frames, 2.0))
    length = length + _PITCH_WEIGHT * np.log(np.maximum(both.voiced, 2.0))
    return np.asarray(gain - per_parameter * length - per_frame * np.minimum(one.frames, other.frames))


class _Blocks:
    """The speech of a recording in blocks of 0.1 s, numbered without the silence between stretches."""

    def __init__(self, pcm: Pcm, stretches: Sequence[tuple[float, float]]) -> None:
        shape = cepstra(pcm, _CEPSTRA)
        log_pitch = np.log(pitch(pcm))
        self.bounds: list[tuple[int, int]] = []
        """First block of each stretch, and the one after its last."""
        kept: list[NDArray[np.int64]] = []
        times: list[tuple[int, int]] = []
        for start_s, end_s in stretches:
            first, last = round(start_s / HOP_S), min(round(end_s / HOP_S), len(shape))
            count = max(1, (last - first) // _BLOCK_FRAMES)
            # The last block takes the odd frames, so that no block is too thin.
            edges = [first + _BLOCK_FRAMES * number for number in range(count)] + [last]
            self.bounds.append((len(times), len(times) + count))
            times.extend(pairwise(edges))
            kept.append(np.arange(first, last))
        self.times = np.array(times) * HOP_S
        frames = np.concatenate(kept)
        self._block_of = np.repeat(np.arange(len(times)), [end - start for start, end in times])
        self._shape, self._pitch = shape[frames], log_pitch[frames]
        self._sums = self._sum()

    def __len__(self) -> int:
        return len(self.times)

    def _sum(self) -> _Voice:
        starts = np.flatnonzero(np.diff(self._block_of, prepend=-1))
        heard = np.isfinite(self._pitch)
        height = np.where(heard, self._pitch, 0.0)
        total = np.add.reduceat(self._shape, starts)
        squares = np.stack([part.T @ part for part in np.split(self._shape, starts[1:])])
        counted = (np.add.reduceat(values, starts) for values in (heard.astype(float), height, height**2))
        return _Voice(np.diff(np.append(starts, len(self._shape))).astype(float), total, squares, *counted)

    def voice(self, start: int, end: int) -> _Voice:
        return self._sums[start:end].joined()

    def voice_of(self, mask: NDArray[np.bool_]) -> _Voice:
        return self._sums[mask].joined()

    def running(self, start: int, end: int) -> _Voice:
        """The voice from `start` up to and including each block."""
        return _Voice(*(values.cumsum(axis=0) for values in self._sums[start:end]._sums()))

    def label(self, voices: Sequence[_Voice]) -> NDArray[np.int64]:
        """The likeliest voice of each block, where a change costs something (Viterbi)."""
        likelihood = self._likelihood(voices)
        switch = np.full(len(self), _SWITCH_COST)
        switch[[start for start, _ in self.bounds]] = _PAUSE_SWITCH_COST
        came_from = np.zeros(likelihood.shape, np.int64)
        score = likelihood[0]
        for block in range(1, len(self)):
            best = int(score.argmax())
            stay = score >= score[best] - switch[block]
            came_from[block] = np.where(stay, np.arange(len(voices)), best)
            score = np.where(stay, score, score[best] - switch[block]) + likelihood[block]
        labels = np.zeros(len(self), np.int64)
        labels[-1] = int(score.argmax())
        for block in range(len(self) - 1, 0, -1):
            labels[block - 1] = came_from[block, labels[block]]
        return labels

    def _likelihood(self, voices: Sequence[_Voice]) -> Floats:
        """Log likelihood of each block under each voice, shape (blocks, voices)."""
        columns = []
        for voice in voices:
            mean, covariance, pitch_mean, pitch_variance = voice.gaussians()
            centred = self._shape - mean
            distance = np.einsum("ij,ij->i", centred @ np.linalg.inv(covariance), centred)
            shape = -0.5 * (distance + np.linalg.slogdet(covariance)[1])
            height = -0.5 * ((self._pitch - pitch_mean) ** 2 / pitch_variance + np.log(pitch_variance))
            frames = shape + _PITCH_WEIGHT * np.nan_to_num(height)
            columns.append(np.bincount(self._block_of, frames, len(self)))
        return np.stack(columns, axis=1)


def _length(piece: tuple[int, int]) -> int:
    return piece[1] - piece[0]


def _stretches(probabilities: NDArray[np.float32]) -> list[tuple[float, float]]:
    """Where somebody speaks, in seconds: on above 0.5, off after 0.2 s below 0.35; a margin of 50 ms at both ends."""
    frame_s = VAD_FRAME / SAMPLE_RATE
    pause_frames, shortest_frames, margin_s = round(0.2 / frame_s), round(0.2 / frame_s), 0.05
    found: list[tuple[int, int]] = []
    start: int | None = None
    last = 0
    for index, probability in enumerate([*probabilities, *[0.0] * (pause_frames + 1)]):
        if start is None:
            if probability >= 0.5:
                start, last = index, index + 1
        elif probability >= 0.35:
            last = index + 1
        elif index + 1 - last >= pause_frames:
            found.append((start, last))
            start = None
    end_s = len(probabilities) * frame_s
    return [
        (max(first * frame_s - margin_s, 0.0), min(last * frame_s + margin_s, end_s))
        for first, last in found
        if last - first >= shortest_frames
    ]


def _pieces(blocks: _Blocks, start: int, end: int) -> list[tuple[int, int]]:
    """Cut a stretch where the voices before and after differ most, again and again while they differ enough."""
    cuts = np.arange(_SHORTEST_PIECE, end - start - _SHORTEST_PIECE + 1)
    if not len(cuts):
        return [(start, end)]
    running = blocks.running(start, end)
    before = running[cuts - 1]
    whole = running[-1:]
    after = _Voice(*(all_of - part for all_of, part in zip(whole._sums(), before._sums(), strict=True)))
    unlikeness = _unlikeness(before, after, _SAME_WITHOUT_PAUSE)
    best = int(unlikeness.argmax())
    if unlikeness[best] <= 0:
        return [(start, end)]
    middle = start + int(cuts[best])
    return _pieces(blocks, start, middle) + _pieces(blocks, middle, end)


def _cluster(pieces: Sequence[_Voice], most: int) -> list[_Voice]:
    """Join the two most alike until all differ enough and there are no more than `most`."""
    voices = list(pieces)
    if len(voices) < 2:
        return voices
    table = np.full((len(voices), len(voices)), np.inf)
    stacked = _Voice.stack(voices)
    for index, voice in enumerate(voices):
        table[index] = _unlikeness(stacked, voice, _SAME)
    np.fill_diagonal(table, np.inf)
    alive = np.ones(len(voices), bool)
    while alive.sum() > 1:
        one, other = (int(index) for index in np.unravel_index(table.argmin(), table.shape))
        if table[one, other] > 0 and alive.sum() <= most:
            break
        voices[one] = voices[one] + voices[other]
        alive[other] = False
        table[other, :] = table[:, other] = np.inf
        rest = np.flatnonzero(alive & (np.arange(len(voices)) != one))
        if len(rest):
            others = _Voice.stack([voices[index] for index in rest])
            table[one, rest] = table[rest, one] = _unlikeness(others, voices[one], _SAME)
    return [voices[index] for index in np.flatnonzero(alive)]


def _turns(blocks: _Blocks, labels: NDArray[np.int64]) -> list[Turn]:
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
