"""Shared by all tests: the stand-in service, and audio that is small but real."""

from __future__ import annotations

import gc
import wave
import weakref
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from _pytest.doctest import DoctestModule
from fuzzing import load_profile

from soniox_ds.emulator import LocalService, local_service

if TYPE_CHECKING:
    from distributed import Client

load_profile()

# Python would look for garbage among the objects of all 9,000 tests again and again. That takes a quarter of the time
# in which they are collected, and a thirtieth of the time in which they run.
gc.disable()


def pytest_collection_finish() -> None:
    """From now on look for garbage, but not among what the collection has made."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Look for doctests in the package alone, and not in the tests, which have none."""
    collectors = yield
    return [collector for collector in collectors if not isinstance(collector, DoctestModule)]


GROUPS = (
    "browser-1",
    "browser-2",
    "whisper",
    "clients",
    "lhotse",
    "kernels",
    "chaos",
    "recognizer",
    "dask",
)
"""The groups of tests that run in one worker of xdist, the longest one first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what takes longest first, so that no worker is left alone with it at the end: groups, then slow tests."""

    def place(item: pytest.Item) -> int:
        for group in item.iter_markers("xdist_group"):
            return GROUPS.index(group.args[0]) if group.args[0] in GROUPS else len(GROUPS)
        return len(GROUPS) + (1 if item.get_closest_marker("slow") else 2)

    items.sort(key=place)


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


@pytest.fixture(scope="session")
def dask_client() -> Iterator[Client]:
    """The client of a Dask cluster of two worker processes, for the tests of the group "dask"."""
    import dask_cluster

    with dask_cluster.cluster(SONIOX_API_KEY=dask_cluster.KEY) as client:
        yield client


@pytest.fixture
def own_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep recordings of the microphone that a test leaves unread away from other tests and from users."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("soniox_ds.widgets.microphone.microphone._microphones", weakref.WeakSet())
