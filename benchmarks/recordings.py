"""Small valid recordings with distinct bytes, for the benchmarks."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

RATE = 16_000


def write_recordings(folder: Path, count: int, seconds: float = 1.0) -> list[Path]:
    """Write `count` WAV files of noise, which are the same every time."""
    folder.mkdir(parents=True, exist_ok=True)
    return [write_recording(folder / f"{number:04d}.wav", seconds, number) for number in range(count)]


def write_recording(path: Path, seconds: float, seed: int) -> Path:
    """Write a WAV file."""
    samples = np.random.default_rng(seed).integers(-2000, 2000, round(seconds * RATE), dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return path
