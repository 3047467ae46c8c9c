"""Shared by all tests: the stand-in service, and audio that is small but real."""

from __future__ import annotations

import wave
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fuzzing import load_profile

from soniox_ds.emulator import LocalService, local_service

load_profile()


def write_wav(path: Path, seconds: float = 1.0, seed: int = 0, rate: int = 16_000) -> Path:
    """Write a valid mono WAV file; every seed has other bytes."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * rate)) / rate
    tone = 0.3 * np.sin(2 * np.pi * rng.uniform(150, 400) * times) + 0.02 * rng.standard_normal(times.size)
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((tone * 32_767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="session")
def tiny_wav() -> Callable[..., Path]:
    """``tiny_wav(path, seconds=1.0, seed=0)`` writes a valid small WAV file and returns its path."""
    return write_wav


@pytest.fixture
def service() -> Iterator[LocalService]:
    """A scripted stand-in, a hundred times as fast as the wall clock, no rate limit; the environment points at it."""
    with local_service("scripted", speed=100, requests_per_minute=None) as running:
        yield running


@pytest.fixture
def own_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep recordings of the microphone that a test leaves unread away from other tests and from users."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("soniox_ds.widgets.microphone.microphone._microphones", weakref.WeakSet())
