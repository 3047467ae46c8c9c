"""Models of voices: their similarity, and the voice of each moment of speech.

Conventions: a block is 0.1 s of speech, numbered without the silence between stretches. A voice is described by the
Gaussian of its cepstra (shape of the vocal tract) and of the logarithm of its pitch, stored as sums over frames, so
that two voices are joined by adding. Source of the criterion: Chen and Gopalakrishnan, "Speaker, environment and
channel change detection and clustering via the Bayesian information criterion", DARPA Broadcast News Workshop 1998.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soniox_ds.emulator.recognizers import Pcm
from soniox_ds.emulator.recognizers.features import HOP_S, cepstra, pitch
from soniox_ds.emulator.recognizers.model import SAMPLE_RATE, VAD_FRAME

__all__ = ["BLOCKS_PER_S", "Blocks", "Floats", "Voice", "distance", "stretches_of", "unlikeness"]

BLOCKS_PER_S = 10

Floats = NDArray[np.float64]

_CEPSTRA = 16
_BLOCK_FRAMES = 10
_PITCH_WEIGHT = 3.0
_APART = 1.4
_APART_IN_PITCH = 1.5
_SWITCH_COST = 120.0  # in log likelihood, for a change of speaker without a pause
_PAUSE_SWITCH_COST = 30.0


@dataclass(frozen=True)
class Voice:
    """Sums over the frames of one or many pieces. The first axis of the arrays is the piece."""

    frames: Floats
    total: Floats
    squares: Floats
    voiced: Floats
    pitch_total: Floats
    pitch_squares: Floats

    def __add__(self, other: Voice) -> Voice:
        return Voice(*(mine + theirs for mine, theirs in zip(self._sums(), other._sums(), strict=True)))

    def __getitem__(self, which: Any) -> Voice:
        return Voice(*(values[which] for values in self._sums()))

    def _sums(self) -> tuple[Floats, ...]:
        return (self.frames, self.total, self.squares, self.voiced, self.pitch_total, self.pitch_squares)

    @staticmethod
    def stack(voices: Sequence[Voice]) -> Voice:
        return Voice(*(np.stack(values) for values in zip(*(voice._sums() for voice in voices), strict=True)))

    def __sub__(self, part: Voice) -> Voice:
        return Voice(*(mine - theirs for mine, theirs in zip(self._sums(), part._sums(), strict=True)))

    def joined(self) -> Voice:
        """Return the sum of all pieces."""
        return Voice(*(values.sum(axis=0) for values in self._sums()))

    @property
    def seconds(self) -> float:
        """Seconds of speech of a single voice."""
        return float(self.frames) * HOP_S

    def gaussians(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Return mean and covariance of the cepstra, mean and variance of the log pitch, regularized."""
        frames, voiced = np.maximum(self.frames, 1.0), np.maximum(self.voiced, 1.0)
        mean = self.total / frames[..., None]
        covariance = self.squares / frames[..., None, None] - mean[..., :, None] * mean[..., None, :]
        pitch_mean = self.pitch_total / voiced
        pitch_variance = np.maximum(self.pitch_squares / voiced - pitch_mean**2, 0.0) + 4e-4
        return mean, covariance + 0.05 * np.eye(mean.shape[-1]), pitch_mean, pitch_variance

    def cost(self) -> Floats:
        """Return minus the log likelihood under the piece's own Gaussians, without constants."""
        _, covariance, _, pitch_variance = self.gaussians()
        shape = self.frames * np.linalg.slogdet(covariance)[1]
        return np.asarray(0.5 * (shape + _PITCH_WEIGHT * self.voiced * np.log(pitch_variance)))


def unlikeness(first: Voice, second: Voice, price: tuple[float, float]) -> Floats:
    """Return the gain in log likelihood of two voices over one, minus the price: above 0 there are two voices."""
    per_parameter, per_frame = price
    both = first + second
    gain = both.cost() - first.cost() - second.cost()
    parameters = _CEPSTRA + _CEPSTRA * (_CEPSTRA + 1) / 2
    length = 0.5 * parameters * np.log(np.maximum(both.frames, 2.0))
    length = length + _PITCH_WEIGHT * np.log(np.maximum(both.voiced, 2.0))
    return np.asarray(gain - per_parameter * length - per_frame * np.minimum(first.frames, second.frames))


def distance(first: Voice, second: Voice) -> Floats:
    """Return the distance of the means of two voices: above 1 for two speakers who speak for long enough.

    It is the Mahalanobis distance of the mean cepstra over 1.4, or the distance of the mean log pitches in standard
    deviations over 1.5, whichever is larger. Halves of one voice, cut by its vowels, came to 1.2 with 6 s each and to
    0.55 with 20 s; different speakers to at least 1.03 (ten human-like and eight robotic synthetic voices).
    """
    cepstra_1, covariance_1, pitch_1, variance_1 = first.gaussians()
    cepstra_2, covariance_2, pitch_2, variance_2 = second.gaussians()
    difference = cepstra_1 - cepstra_2
    inverse = np.linalg.inv((covariance_1 + covariance_2) / 2)
    shape = np.sqrt(np.einsum("...i,...ij,...j->...", difference, inverse, difference))
    height = np.abs(pitch_1 - pitch_2) / np.sqrt((variance_1 + variance_2) / 2)
    return np.asarray(np.maximum(shape / _APART, height / _APART_IN_PITCH))


class Blocks:
    """The speech of a recording in blocks of 0.1 s, numbered without the silence between stretches."""

    def __init__(self, pcm: Pcm, stretches: Sequence[tuple[float, float]]) -> None:
        shape = cepstra(pcm, _CEPSTRA)
        log_pitch = np.log(pitch(pcm))
        self.bounds: list[tuple[int, int]] = []
        """First block of each stretch, and the block after its last."""
        kept: list[NDArray[np.int64]] = []
        times: list[tuple[int, int]] = []
        for start_s, end_s in stretches:
            first, last = round(start_s / HOP_S), min(round(end_s / HOP_S), len(shape))
            count = max(1, (last - first) // _BLOCK_FRAMES)
            # The last block contains the remaining frames, so that no block has too few.
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

    def _sum(self) -> Voice:
        starts = np.flatnonzero(np.diff(self._block_of, prepend=-1))
        is_voiced = np.isfinite(self._pitch)
        height = np.where(is_voiced, self._pitch, 0.0)
        total = np.add.reduceat(self._shape, starts)
        squares = np.stack([part.T @ part for part in np.split(self._shape, starts[1:])])
        counted = (np.add.reduceat(values, starts) for values in (is_voiced.astype(float), height, height**2))
        return Voice(np.diff(np.append(starts, len(self._shape))).astype(float), total, squares, *counted)

    def voice(self, start: int, end: int) -> Voice:
        return self._sums[start:end].joined()

    def voice_of(self, mask: NDArray[np.bool_]) -> Voice:
        return self._sums[mask].joined()

    def running(self, start: int, end: int) -> Voice:
        """Return running sums: row n is the voice of the blocks from `start` to `start + n`, both included."""
        return Voice(*(values.cumsum(axis=0) for values in self._sums[start:end]._sums()))

    def label(self, voices: Sequence[Voice]) -> NDArray[np.int64]:
        """Return the most likely voice of each block, where a change has a cost (Viterbi)."""
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

    def _likelihood(self, voices: Sequence[Voice]) -> Floats:
        """Return the log likelihood of each block under each voice, shape (blocks, voices)."""
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


def stretches_of(probabilities: NDArray[np.float32]) -> list[tuple[float, float]]:
    """Return the stretches of speech in seconds: on above 0.5, off after 0.2 s below 0.35, with margins of 50 ms."""
    frame_s = VAD_FRAME / SAMPLE_RATE
    pause_frames, shortest_frames, margin_s = round(0.2 / frame_s), round(0.2 / frame_s), 0.05
    stretches: list[tuple[int, int]] = []
    start: int | None = None
    last = 0
    for index, probability in enumerate([*probabilities, *[0.0] * (pause_frames + 1)]):
        if start is None:
            if probability >= 0.5:
                start, last = index, index + 1
        elif probability >= 0.35:
            last = index + 1
        elif index + 1 - last >= pause_frames:
            stretches.append((start, last))
            start = None
    end_s = len(probabilities) * frame_s
    return [
        (max(first * frame_s - margin_s, 0.0), min(last * frame_s + margin_s, end_s))
        for first, last in stretches
        if last - first >= shortest_frames
    ]
