"""Turns: the same recordings under several options, in an order that favours none."""

from collections import Counter
from types import SimpleNamespace

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds.experiments.schedule import SHORTEST_STRETCH, STRETCHES, in_turns, stretches
from soniox_ds.progress.display import Progress, SilentProgress
from soniox_ds.sources.recording import Recording, RecordingList


def recordings_of(count):
    names = [f"{number}.wav" for number in range(count)]
    return RecordingList([Recording(audio_id=name, source=name) for name in names], pd.DataFrame({"room": names}))


def ids(part):
    return [recording.audio_id for recording in part.recordings]


@given(st.integers(0, 700))
def test_stretches_hold_every_recording_once_and_in_order(count):
    parts = list(stretches(recordings_of(count)))
    assert [name for part in parts for name in ids(part)] == [f"{number}.wav" for number in range(count)]
    assert all(part.metadata["room"].tolist() == ids(part) for part in parts)
    assert all(part.metadata.index.tolist() == list(range(len(part.recordings))) for part in parts)
    assert len(parts) <= STRETCHES
    assert all(len(part.recordings) >= SHORTEST_STRETCH for part in parts[:-1])


async def turned(seed, turns=("a", "b", "c"), count=200):
    calls, progress = [], Progress(SilentProgress())

    async def transcribed(stretch, turn):
        calls.append((ids(stretch)[0], turn))
        status = ["failed", *["completed"] * (len(stretch.recordings) - 1)]
        return SimpleNamespace(
            recordings=pd.DataFrame({"status": status, "duration_ms": [pd.NA] * len(status), "cost_usd": 0.5}),
            heard=ids(stretch),
        )

    parts = await in_turns(recordings_of(count), list(turns), transcribed, seed=seed, progress=progress)
    return calls, parts, progress.snapshot()


async def test_each_stretch_is_heard_in_every_turn_before_the_next():
    calls, parts, snapshot = await turned(0)
    starts = [start for start, _ in calls]
    assert starts == [f"{start}.wav" for start in range(0, 200, 20) for _ in range(3)]
    for place in range(0, 30, 3):
        assert sorted(turn for _, turn in calls[place : place + 3]) == ["a", "b", "c"]
    assert list(parts) == ["a", "b", "c"]
    for own in parts.values():
        assert [name for part in own for name in part.heard] == [f"{number}.wav" for number in range(200)]
    assert (snapshot.total, snapshot.done, snapshot.failed) == (600, 600, 30)
    assert (await turned(0))[0] == calls, "the seed decides"
    assert (await turned(1))[0] != calls


async def test_no_turn_is_always_the_first():
    firsts = Counter(
        [calls[place][1] for seed in range(20) for calls in [(await turned(seed))[0]] for place in range(0, 30, 3)]
    )
    assert min(firsts[turn] for turn in "abc") > 40, "of 200, where a third is expected"
