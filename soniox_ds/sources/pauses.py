"""Cut points of long recordings, at pauses.

Conventions: the power of the audio is measured in blocks of 20 ms. A block is quiet if it is at most 6 dB louder than
the quietest tenth of its surroundings, or quieter than -60 dB of full scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from soniox_ds.sources.channels import UnusableAudio, decoded_frames, opened_audio, samples_of
from soniox_ds.sources.stores import AudioSource

__all__ = ["cut_points", "pauses_near"]

BLOCK_S = 0.02
_BLOCKS_AT_ONCE = 256
_WIDEST_WINDOW_MS = 300_000
_QUIET_DB = -60.0
_ABOVE_NOISE_DB = 6.0
_SILENCE_DB = -120.0

_Levels = npt.NDArray[np.float32]


def cut_points(source: AudioSource, longest_ms: int, is_stopped: Callable[[], bool] = lambda: False) -> list[int]:
    """Return the times in milliseconds at which a recording is cut, so that no stretch is longer than `longest_ms`.

    The recording is decoded once, a little at a time, until `is_stopped` returns True. The list is empty if the
    recording is short enough.

    Raises
    ------
    UnusableAudio
        If the audio cannot be decoded.
    OSError
        If the file cannot be read.
    """
    block_ms, levels = _levels_of(source, is_stopped)
    if is_stopped():
        raise UnusableAudio("error", "was not searched for pauses to its end, because the run was ended")
    return pauses_near(levels, block_ms, longest_ms)


def pauses_near(levels: _Levels, block_ms: float, longest_ms: int) -> list[int]:
    """Choose the cut points of a recording from the levels of its blocks in dB.

    The stretches become about equally long. Each cut lies in the middle of the longest pause near its even place: at
    most a quarter of the longest stretch away, and at most five minutes.

    >>> levels = np.zeros(1000, np.float32)
    >>> levels[420:460] = -90.0
    >>> pauses_near(levels, 20.0, 12_000)
    [8800]
    """
    cuts: list[int] = []
    start_ms, end_ms = 0.0, len(levels) * block_ms
    while (rest_ms := end_ms - start_ms) > longest_ms:
        even_ms = start_ms + rest_ms / math.ceil(rest_ms / longest_ms)
        window_ms = min(longest_ms / 4, _WIDEST_WINDOW_MS)
        first = int((even_ms - window_ms) / block_ms)
        last = max(int(min(even_ms + window_ms, start_ms + longest_ms) / block_ms), first + 1)
        start_ms = block_ms * (first + _middle_of_pause(levels[first:last], (even_ms / block_ms) - first))
        cuts.append(int(start_ms))
    return cuts


def _middle_of_pause(levels: _Levels, even: float) -> float:
    """Return the middle of the longest run of quiet blocks; of equally long runs, of the one nearest to `even`."""
    quiet = levels <= max(_QUIET_DB, float(np.percentile(levels, 10)) + _ABOVE_NOISE_DB)
    borders = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False]))))
    begins, ends = borders[::2], borders[1::2]
    middles = (begins + ends) / 2
    best = np.lexsort((np.abs(middles - even), begins - ends))[0]
    return float(middles[best])


def _levels_of(source: AudioSource, is_stopped: Callable[[], bool]) -> tuple[float, _Levels]:
    """Return the length of a block in ms, and the level of each block in dB of full scale."""
    with opened_audio(source) as (media, rate, _):
        size = max(1, round(rate * BLOCK_S))
        levels = [np.zeros(0, np.float32), *takewhile(lambda _: not is_stopped(), _block_levels(media, size))]
    return size * 1000 / rate, np.concatenate(levels)


def _block_levels(media: object, size: int) -> Iterator[_Levels]:
    """Yield the levels of some blocks after the other. The last block may be shorter."""
    waiting, count = [np.zeros(0)], 0
    for frame in decoded_frames(media):
        power = np.square(samples_of(frame)).mean(axis=0)
        waiting.append(power)
        count += len(power)
        if count >= _BLOCKS_AT_ONCE * size:
            joined = np.concatenate(waiting)
            whole = len(joined) // size * size
            yield _decibels(joined[:whole].reshape(-1, size))
            waiting, count = [joined[whole:]], len(joined) - whole
    joined = np.concatenate(waiting)
    whole = len(joined) // size * size
    yield _decibels(joined[:whole].reshape(-1, size))
    if whole < len(joined):
        yield _decibels(joined[whole:][np.newaxis])


def _decibels(power: npt.NDArray[np.float64]) -> _Levels:
    smallest = 10 ** (_SILENCE_DB / 10)
    levels: _Levels = (10 * np.log10(np.maximum(power.mean(axis=1), smallest))).astype(np.float32)
    return levels
