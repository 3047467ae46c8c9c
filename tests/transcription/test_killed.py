"""Killed at any moment and started again: the same corpus, nothing paid twice, nothing left behind.

A subprocess transcribes against a stand-in that lives here, so that what was created outlives it. The moments are
counted in requests that the service has seen, spread over the whole run, and a few instants behind them.
"""

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from batches import SPEED, assert_same_corpus, batch, leftovers, stand_in, transcribe

import soniox_ds as sx

RECORDINGS = 40
REQUESTS = 5 * RECORDINGS
KILLS = 20
CALL = Path(__file__).with_name("killed_call.py")
PATIENCE_S = 120


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "audio"
    folder.mkdir()
    for name, audio in batch(RECORDINGS).items():
        (folder / f"{name}.wav").write_bytes(audio)
    return folder


def start(service, folder, saved):
    command = [sys.executable, CALL, folder, folder.parent / "journal.sqlite", saved, str(SPEED)]
    environment = {"PATH": "", "HOME": str(folder.parent), "PYTHONPATH": ":".join(sys.path), **service.environment}
    return subprocess.Popen([str(part) for part in command], env=environment, stderr=subprocess.PIPE)


def wait_for(condition, process):
    until_s = time.monotonic() + PATIENCE_S
    while not condition() and process.poll() is None:
        assert time.monotonic() < until_s, "nothing happens any more"
        time.sleep(0.001)


def stop_and_go(service, folder, saved, how, moments, rng):
    """Stop the process at each of these numbers of requests, counted over all its lives; then let it finish."""
    stopped = 0
    process = start(service, folder, saved)
    for moment in moments:
        wait_for(lambda moment=moment: len(service.requests) >= moment, process)
        time.sleep(rng.uniform(0, 0.01))
        if process.poll() is not None:
            break
        process.send_signal(how)
        process.communicate(timeout=PATIENCE_S)
        stopped += 1
        process = start(service, folder, saved)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said.decode()
    return stopped


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "interrupt"])
def test_stopped_at_twenty_moments(how, folder, tmp_path):
    rng = random.Random(int(how))
    with stand_in() as service:
        quiet = asyncio.run(transcribe(folder, service, tmp_path, journal=tmp_path / "quiet.sqlite"))
        asked, created = len(service.requests), service.created.total
        # Each life asks for the listing again and repeats what it was at, so that there are more requests in all.
        moments = sorted(asked + rng.randrange(REQUESTS) + 2 * number for number in range(KILLS))
        stopped = stop_and_go(service, folder, tmp_path / "saved", how, moments, rng)
        assert stopped >= KILLS - 3
        assert service.created.total - created == RECORDINGS
        assert leftovers(service) == []
    assert_same_corpus(sx.read_corpus(tmp_path / "saved"), quiet)
    assert sorted(path.name for path in tmp_path.glob("journal.sqlite.run-*")) == []
