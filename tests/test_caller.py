"""Warnings about what was called name the caller's line, however it was called."""

import asyncio
import inspect
import warnings
from pathlib import Path

import pytest

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds._caller import remembered_caller, warn_caller
from soniox_ds.api.clock import Clock
from soniox_ds.exceptions import Declined, RecordingsFailedWarning


def below(lines):
    """Return the file and the line that is `lines` below the caller's line."""
    return __file__, inspect.currentframe().f_back.f_lineno + lines


def places(told):
    return [(one.filename, one.lineno) for one in told if issubclass(one.category, RecordingsFailedWarning)]


@pytest.fixture
def lost(service, tmp_path):
    return {
        "sources": [tmp_path / "missing.wav", "data/samples/short_answer.wav"],
        "journal": tmp_path / "journal.sqlite",
        "progress": False,
        "clock": Clock(speed=50),
    }


@pytest.mark.parametrize("name", ["transcribe", "stream_dataset"])
def test_the_line_of_a_plain_call(lost, name):
    expected = below(2)
    with pytest.warns(RecordingsFailedWarning) as told:
        getattr(sx, name)(**lost)
    assert places(told) == [expected]


@pytest.mark.parametrize("name", ["transcribe", "stream_dataset"])
async def test_the_line_that_awaits(lost, name):
    expected = below(2)
    with pytest.warns(RecordingsFailedWarning) as told:
        await getattr(aio, name)(**lost)
    assert places(told) == [expected]


def test_the_line_that_runs_a_task(lost):
    async def main():
        return await asyncio.create_task(aio.stream_dataset(**lost))

    expected = below(2)
    with pytest.warns(RecordingsFailedWarning) as told:
        asyncio.run(main())
    assert places(told) == [expected]


def test_the_line_of_a_recording_that_ends_early(service):
    def chunks():
        yield Path("data/samples/short_answer.wav").read_bytes()
        raise OSError("device unplugged")

    expected = below(2)
    with pytest.warns(RecordingsFailedWarning, match="device unplugged") as told:
        sx.stream(chunks(), audio_format="auto", speed=None)
    assert places(told) == [expected]


def test_the_line_of_an_experiment(service, tiny_wav, tmp_path):
    files = [tiny_wav(tmp_path / name, seed=seed) for seed, name in enumerate(["a.wav", "b.wav"])]
    arms = {"plain": {}, "hint": {"language_hints": ["en"]}}
    more = {"arms": arms, "confirm": lambda estimate: False, "journal": tmp_path / "j"}
    expected = below(2)
    with pytest.warns(UserWarning, match="1 of 2 recordings have a reference") as told, pytest.raises(Declined):
        sx.compare(files, {"a.wav": "hello"}, **more)
    assert [(one.filename, one.lineno) for one in told] == [expected]


def test_each_line_is_told_once():
    def warn(number):
        with remembered_caller():
            warn_caller(f"look out {number}", UserWarning)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for number in (1, 1, 2):
            warn(number)
    assert [str(one.message) for one in caught] == ["look out 1", "look out 2"]
