"""Live transcriptions that are interrupted: the interrupt is raised, and what was settled is there."""

import asyncio
import os
import re
import signal
import subprocess
import sys

import pandas as pd
import pytest
from listening import recording
from waiting import PATIENCE_S, until

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds.exceptions import InputError
from soniox_ds.live import interrupted

# The script says when some words are settled; what happens then is up to who started it.
SCRIPT = """
import asyncio, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import soniox_ds as sx
from soniox_ds import aio
from soniox_ds import _background
_background.GRACE_S = 120.0  # on a machine that stalls too

words = 0
def count(update):
    global words
    words += len(update.text.split())
    if words >= 3:
        print("go", flush=True)

try:
    {call}
except (KeyboardInterrupt, asyncio.CancelledError) as interrupt:
    noted = interrupt if hasattr(interrupt, "__notes__") else interrupt.__context__  # asyncio.run raises its own
    print(type(interrupt).__name__, *getattr(noted, "__notes__", []))
kept = sx.last_interrupted()
print(kept.recordings[["status", "error_type"]].values.tolist(), kept.text)
"""
CALLS = {
    "stream": "sx.stream(sys.argv[1], on_update=count)",
    "updates": "for update in sx.stream_updates(sys.argv[1]): count(update)",
    "inside a coroutine": "async def main():\n        sx.stream(sys.argv[1], on_update=count)\n    asyncio.run(main())",
}


@pytest.mark.parametrize("name", CALLS)
def test_ctrl_c_leaves_what_was_settled(tones, tmp_path, name):
    path, text = recording(tmp_path / "a.wav", 3, count=60)
    script = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT.format(call=CALLS[name]), str(path)],
        env=os.environ | tones.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with script:
        assert script.stdout.readline() == "go\n", script.stderr.read()
        script.send_signal(signal.SIGINT)
        out, error = script.communicate(timeout=PATIENCE_S)
    assert script.returncode == 0, error
    raised, kept = [line for line in out.splitlines() if line != "go"]
    if name != "updates" or raised != "KeyboardInterrupt":  # the body of the loop may be what was interrupted
        assert raised.startswith("KeyboardInterrupt The live transcription was interrupted; ")
        assert "soniox_ds.last_interrupted() returns them." in raised
    status, said = kept.split("]] ")
    assert status == "[['failed', 'unfinished'"
    assert len(said.split()) >= 3
    assert text.startswith(said)


def test_a_loop_that_is_left_leaves_what_was_settled(tones, clock, tmp_path):
    path, text = recording(tmp_path / "a.wav", 8, count=60)
    for update in sx.stream_updates(path, clock=clock):
        if update.settled:
            break
    until(lambda: not tones.open_streams)
    assert sx.last_interrupted().text.startswith(update.text.strip())
    assert text.startswith(sx.last_interrupted().text)


async def test_a_cancelled_task_leaves_it_too(tones, clock, tmp_path):
    path, text = recording(tmp_path / "a.wav", 4, count=60)
    enough = asyncio.Event()

    def count(update):
        if update.settled:
            enough.set()

    task = asyncio.create_task(aio.stream(path, on_update=count, clock=clock))
    await enough.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as raised:
        await task
    assert "last_interrupted" in raised.value.__notes__[0]
    kept = sx.last_interrupted()
    assert kept.text
    assert text.startswith(kept.text)
    assert kept.recordings["audio_id"].tolist() == [str(path)]
    assert 0 < kept.recordings["duration_ms"][0] < 60_000


def has_words(path):
    return re.search(r"is_final\W+true", path.read_text()) is not None


async def test_an_interrupted_dataset_keeps_what_is_finished_and_what_was_begun(tones, clock, tmp_path):
    short, said = recording(tmp_path / "short.wav", 5, count=4)
    long, text = recording(tmp_path / "long.wav", 6, count=60)
    recording(tmp_path / "never.wav", 7)
    table = pd.DataFrame({"audio": [short, long, tmp_path / "never.wav"], "accent": ["a", "b", "c"]})
    settings = {"journal": tmp_path / "journal", "progress": False, "clock": clock}
    await aio.stream_dataset(table[:1], **settings)
    task = asyncio.create_task(aio.stream_dataset(table, concurrency=1, **settings))
    (folder,) = tmp_path.glob("journal.streams")
    async with asyncio.timeout(PATIENCE_S):
        while sum(map(has_words, folder.glob("*.jsonl"))) < 2:  # noqa: ASYNC110  files set no events
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as raised:
        await task
    assert "the same call resumes where this one stopped" in raised.value.__notes__[0]
    kept = sx.last_interrupted()
    assert kept.recordings[["accent", "status"]].values.tolist() == [["a", "completed"], ["b", "failed"]]
    first, second = kept.text.split("\n")
    assert first == said
    assert text.startswith(second)
    whole = await aio.stream_dataset(table[:2], **settings)
    assert whole.text.split("\n") == [said, text]
    assert len(whole.log[whole.log["kind"] == "message"]) > len(kept.log[kept.log["kind"] == "message"])


async def test_before_anything_began_there_is_nothing_to_keep(monkeypatch, tones):
    monkeypatch.setattr(interrupted, "_latest", None)
    with pytest.raises(InputError, match="no live transcription was interrupted"):
        sx.last_interrupted()
    task = asyncio.create_task(aio.stream("nowhere.wav"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(InputError, match="no live transcription was interrupted"):
        sx.last_interrupted()
