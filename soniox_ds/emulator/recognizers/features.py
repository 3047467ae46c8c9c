"""Acoustic features of voices: cepstra and pitch for each frame, without any learned weights.

Conventions: audio is mono at 16 kHz; frame ``i`` is centred at ``i * 10 ms``; all arrays have one row for each frame.
Source: Davis and Mermelstein, "Comparison of parametric representations for monosyllabic word recognition in
continuously spoken sentences", IEEE Trans. ASSP 28(4), 1980.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.fft import irfft, rfft
from numpy.typing import NDArray

from soniox_ds.emulator.recognizers import Pcm

__all__ = ["HOP_S", "cepstra", "pitch"]

HOP_S = 0.01
_SAMPLE_RATE = 16_000
_HOP = 160
_WINDOW = 400
_FFT = 512
_BANDS = 26
_PITCH_WINDOW = 640
_PART = 6000  # frames
_PITCH_HZ = (65.0, 400.0)
_VOICED = 0.45  # a frame whose autocorrelation is below this has no pitch

Floats = NDArray[np.float64]


def cepstra(pcm: Pcm, count: int = 19) -> Floats:
    """Return mel-frequency cepstra 1 to `count`, shape (frames, count); the loudness (cepstrum 0) is left out."""
    emphasized = np.append(pcm[:1], pcm[1:] - 0.97 * pcm[:-1])
    filters, window, cosines = _mel_filters().T, np.hamming(_WINDOW), _cosines(count)
    rows = []
    for frames in _frames(emphasized, _WINDOW):
        spectra = np.abs(rfft(frames * window, _FFT)) ** 2
        rows.append(np.log(spectra @ filters + 1e-10) @ cosines)
    return np.concatenate(rows)


def pitch(pcm: Pcm) -> Floats:
    """Return the fundamental frequency of each frame in Hz, shape (frames,); NaN for unvoiced frames."""
    window = np.hanning(_PITCH_WINDOW)
    window_echo = irfft(np.abs(rfft(window, 2 * _PITCH_WINDOW)) ** 2)[:_PITCH_WINDOW]
    # The window's own decay is divided out, because otherwise long periods would always look weak.
    decay = np.maximum(window_echo / window_echo[0], 1e-3)
    return np.concatenate([_pitch_of(frames, window, decay) for frames in _frames(pcm, _PITCH_WINDOW)])


def _pitch_of(frames: Floats, window: Floats, decay: Floats) -> Floats:
    centred = (frames - frames.mean(axis=1, keepdims=True)) * window
    echo = irfft(np.abs(rfft(centred, 2 * _PITCH_WINDOW)) ** 2)[:, :_PITCH_WINDOW]
    echo = echo / np.maximum(echo[:, :1], 1e-9) / decay
    shortest, longest = (int(_SAMPLE_RATE / hz) for hz in reversed(_PITCH_HZ))
    lags = echo[:, shortest : longest + 1]
    best = lags.max(axis=1)
    # Multiples of the period also correlate, so the shortest lag that is nearly as good as the best is taken.
    period = _climb(lags, (lags > 0.9 * best[:, None]).argmax(axis=1))
    return np.asarray(np.where(best > _VOICED, _SAMPLE_RATE / (period + shortest), np.nan))


def _climb(lags: Floats, start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the nearest peak to the right of each start."""
    rising = np.diff(lags, axis=1) > 0
    after = np.arange(rising.shape[1])[None, :] >= start[:, None]
    falls = ~rising & after
    return np.asarray(np.where(falls.any(axis=1), falls.argmax(axis=1), lags.shape[1] - 1))


def _frames(samples: NDArray[Any], width: int) -> Iterator[Floats]:
    """Yield overlapping stretches, one every 10 ms, each centred on its own time: parts of shape (frames, width).

    A part is a minute long, so that the memory for an hour is not a hundred times that of its samples.
    """
    padded = np.pad(np.asarray(samples, np.float32), (width // 2, width // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, width)[::_HOP]
    for start in range(0, len(frames), _PART):
        yield frames[start : start + _PART].astype(np.float64)


def _cosines(count: int) -> Floats:
    """Return the orthonormal cosine transform (DCT-II) without its constant, shape (bands, count)."""
    band, order = np.arange(_BANDS)[:, None], np.arange(1, count + 1)[None, :]
    return np.asarray(np.sqrt(2 / _BANDS) * np.cos(np.pi * (band + 0.5) * order / _BANDS))


def _mel_filters() -> Floats:
    """Return triangular filters evenly spaced in mel between 60 and 7600 Hz, shape (bands, frequencies)."""
    low, high = (2595 * np.log10(1 + hz / 700) for hz in (60.0, 7600.0))
    corners = 700 * (10 ** (np.linspace(low, high, _BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(_FFT, 1 / _SAMPLE_RATE)
    left, middle, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    rising, falling = (frequencies - left) / (middle - left), (right - frequencies) / (right - middle)
    return np.asarray(np.maximum(0.0, np.minimum(rising, falling)))
