"""Synthetic voices made of numbers: a pulse train at a pitch, through the resonances of random vowels."""

from __future__ import annotations

import numpy as np
import scipy  # imports scipy.signal when it is used, which takes half a second

from soniox_ds.emulator.recognizers import Pcm

RATE = 16_000

# The first three resonances of seven vowels in Hz: Peterson and Barney, "Control methods used in a study of the
# vowels", Journal of the Acoustical Society of America 24, 1952 (men).
_VOWELS = [
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
    (660, 1720, 2410),
    (440, 1020, 2240),
]


def sentence(rng: np.random.Generator, pitch_hz: float, tract: float, sounds: int) -> Pcm:
    """Speak so many random vowels with hisses between them; `tract` stretches the resonances."""
    parts = []
    for _ in range(sounds):
        length = int(RATE * rng.uniform(0.09, 0.2))
        times = np.arange(length) / RATE
        melody = pitch_hz * (1 + 0.05 * np.sin(2 * np.pi * times * rng.uniform(1, 4))) * rng.uniform(0.93, 1.08)
        pulses = np.diff(np.floor(np.cumsum(melody) / RATE), prepend=0) + 0.01 * rng.standard_normal(length)
        vowel = _VOWELS[rng.integers(len(_VOWELS))]
        sound = sum(
            strength * _resonance(pulses, tract * hz, 80 + 40 * number)
            for number, (hz, strength) in enumerate(zip(vowel, (1, 0.6, 0.3), strict=True))
        )
        sound *= np.hanning(length) ** 0.3
        parts.append(0.3 * sound / np.abs(sound).max())
        if rng.random() < 0.6:
            hiss = rng.standard_normal(int(RATE * rng.uniform(0.03, 0.08)))
            parts.append(0.036 * scipy.signal.lfilter([1, -0.9], [1], hiss))
    return np.concatenate(parts).astype(np.float32)


def conversation(
    voices: list[tuple[float, float]], seconds: float, seed: int = 0
) -> tuple[Pcm, list[tuple[float, float, str]]]:
    """Let the voices (pitch in Hz, tract) take turns; return the samples and the turns (start and end in s, name)."""
    rng = np.random.default_rng(seed)
    parts, turns = [np.zeros(4_800)], []
    while (start := sum(map(len, parts)) / RATE) < seconds:
        voice = len(turns) % len(voices)
        spoken = sentence(rng, *voices[voice], sounds=int(rng.integers(6, 20)))
        parts += [spoken, np.zeros(round(rng.uniform(0.15, 0.8) * RATE))]
        turns.append((start, start + len(spoken) / RATE, str(voice)))
    samples = np.concatenate(parts)
    return (samples + 0.0007 * rng.standard_normal(len(samples))).astype(np.float32), turns


def _resonance(samples: np.ndarray, hz: float, bandwidth_hz: float) -> np.ndarray:
    radius = np.exp(-np.pi * bandwidth_hz / RATE)
    return scipy.signal.lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * hz / RATE), radius**2], samples)
