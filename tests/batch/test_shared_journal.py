"""Processes that share a journal: each recording is transcribed once, and together they keep the request budget."""

import os
import signal
import subprocess
import sys
import threading
from bisect import bisect_right
from pathlib import Path

import pytest
from batches import batch, leftovers
from waiting import PATIENCE_S, until

import soniox_ds as sx
from soniox_ds.emulator.clock import ServiceClock

CALL = Path(__file__).with_name("shared_journal_call.py")
SPEED = 20


def most_in_a_minute(requests):
    times = sorted(request.time_s for request in requests)
    return max(bisect_right(times, start + 60.0) - number for number, start in enumerate(times))


def run_together(service, folder, *, n_processes, requests_per_minute, speed, at_start=lambda children: None):
    """Transcribe a folder with several processes, and return what they have printed, without the first line."""
    environment = {**os.environ, **service.environment, "OPENBLAS_NUM_THREADS": "1"}
    arguments = (n_processes, folder, folder.parent / "journal.sqlite", speed, requests_per_minute)
    with subprocess.Popen(
        [sys.executable, CALL, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment, "PYTHONPATH": ":".join(sys.path)},
    ) as process:
        children = [int(number) for number in process.stdout.readline().split()]
        at_start(children)
        printed, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    ended = [line.split()[1:] for line in printed.splitlines() if line.startswith("ended")]
    return dict(ended), errors


def stand_in(**settings):
    clock = ServiceClock(SPEED)
    return sx.local_service(
        "scripted", clock=clock, requests_per_minute=None, set_environment=False, queue_s=0.2, median_s=1.0, **settings
    )


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "audio"
    folder.mkdir()
    return folder


def fill(folder, count):
    for name, audio in batch(count).items():
        (folder / f"{name}.wav").write_bytes(audio)


@pytest.mark.slow
def test_four_processes_share_the_recordings_and_the_budget(folder):
    """The other processes get the recordings and the permits of a process that is killed during the run."""
    n_recordings, budget = 48, 100
    fill(folder, n_recordings)
    with stand_in() as service:

        def kill_one(children):
            def kill():
                until(lambda: len(service.requests) >= 60)
                os.kill(children[0], signal.SIGKILL)

            threading.Thread(target=kill).start()

        ended, errors = run_together(
            service, folder, n_processes=4, requests_per_minute=budget, speed=SPEED, at_start=kill_one
        )
        assert sorted(ended.values()) == ["-9", "0", "0", "0"], errors
        assert most_in_a_minute(service.requests) <= budget
        assert len(service.requests) >= 2.5 * budget, "so that the budget has mattered"
        assert service.created.total == len(service.created.by_audio) == n_recordings
        assert leftovers(service) == []
    corpus = sx.transcribe(
        folder,
        connection=sx.Connection("any", api_base_url="http://127.0.0.1:9"),
        journal=folder.parent / "journal.sqlite",
        progress=False,
    )
    assert len(corpus.completed) == n_recordings
