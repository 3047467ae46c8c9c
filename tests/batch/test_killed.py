"""Killed at any moment and started again: the same corpus, nothing paid twice, nothing left behind.

Other processes transcribe against a stand-in that lives here, so that what was created outlives them. The stand-in
itself strikes, at chosen numbers of requests, spread over the whole run: before it has looked at the request, when its
work is done and not answered, or some instants after the answer.
"""

import asyncio
import contextlib
import random
import signal
from pathlib import Path

import psutil
import pytest
from batches import assert_same_corpus, batch, leftovers, stand_in, transcribe, wav
from fork_server import ForkServer
from waiting import PATIENCE_S

import soniox_ds as sx
from soniox_ds.emulator.answers import reset
from soniox_ds.emulator.server import Server

RECORDINGS = 40
REQUESTS = 5 * RECORDINGS
RESERVE = 50
"""So many of the requests are left to those lives whose moment had passed before they began."""
KILLS = 20
CALL = Path(__file__).with_name("killed_call.py")
CHILDS_SPEED = 50
"""Of its clock, which does not stand still where the machine does."""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "audio"
    folder.mkdir()
    for name, audio in batch(RECORDINGS).items():
        (folder / f"{name}.wav").write_bytes(audio)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with ForkServer(tmp_path_factory.mktemp("errors")) as running:
        yield running


@pytest.fixture
def start(server):
    """``start(service, folder, saved, *settings)`` starts a process that transcribes the folder."""

    def start_process(service, folder, saved, *settings):
        arguments = (folder, folder.parent / "journal.sqlite", saved, CHILDS_SPEED, *settings)
        return server.start(
            CALL, *arguments, environment={"PATH": "", "HOME": str(folder.parent), **service.environment}
        )

    return start_process


class Striker:
    """Stops one process after the other at the requests of these numbers, counted over all their lives."""

    WHEN = ("unheard", "before the work", "after the work", "after the answer")

    def __init__(self, how, moments, rng):
        self.how, self.moments, self.rng = how, list(moments), rng
        self.process = None
        self.struck = 0

    def door(self, plain):
        """The stand-in's way in, with the striker behind it."""

        async def watched(server, request, handler, visit, permission):
            if self.process is None or len(server.requests) < self.moments[0]:
                return await plain(server, request, handler, visit, permission)
            when = self.WHEN[self.struck % len(self.WHEN)]
            armed, self.process = self.process, None  # once
            self.moments.pop(0)
            self.struck += 1
            if when == "unheard":
                armed.send_signal(self.how)
                return reset(request)
            if when == "before the work":
                armed.send_signal(self.how)
            answer = await plain(server, request, handler, visit, permission)
            if when == "after the work":
                armed.send_signal(self.how)
            elif when == "after the answer":
                asyncio.get_running_loop().call_later(self.rng.uniform(0, 0.01), armed.send_signal, self.how)
            return answer

        return watched


def stop_and_go(start, service, folder, saved, striker, *settings):
    """Kill the run again and again, then let it finish."""
    while True:
        process = start(service, folder, saved, *settings)
        # A process that comes later than its moment is struck at its first request.
        striker.process = process if striker.moments else None
        struck = striker.struck
        status = process.wait(PATIENCE_S)
        if striker.struck == struck:
            assert status == 0, process.errors()
            return


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "interrupt"])
def test_stopped_at_twenty_moments(start, how, folder, tmp_path, monkeypatch):
    rng = random.Random(int(how))
    with stand_in() as service:
        quiet = asyncio.run(transcribe(folder, service, tmp_path, journal=tmp_path / "quiet.sqlite"))
        asked, created = len(service.requests), service.created.total
        moments = sorted(asked + 1 + moment for moment in rng.sample(range(REQUESTS - RESERVE), KILLS))
        striker = Striker(how, moments, rng)
        monkeypatch.setattr(Server, "_door", striker.door(Server._door))
        stop_and_go(start, service, folder, tmp_path / "saved", striker)
        assert striker.struck == KILLS
        assert service.created.total - created == RECORDINGS
        assert leftovers(service) == []
    assert_same_corpus(sx.read_corpus(tmp_path / "saved"), quiet)
    assert sorted(path.name for path in tmp_path.glob("journal.sqlite.run-*")) == []


@pytest.mark.slow
def test_separate_channels_are_killed_at_six_moments(start, tmp_path, monkeypatch):
    folder = tmp_path / "audio"
    folder.mkdir()
    for number in range(8):
        (folder / f"r{number}.wav").write_bytes(wav(number, channels=2))
    rng = random.Random(1)
    with stand_in() as service:
        settings = {"channels": "separate", "journal": tmp_path / "quiet.sqlite"}
        quiet = asyncio.run(transcribe(folder, service, tmp_path, **settings))
        asked, created = len(service.requests), service.created.total
        moments = sorted(asked + 1 + moment for moment in rng.sample(range(60), 6))
        striker = Striker(signal.SIGKILL, moments, rng)
        monkeypatch.setattr(Server, "_door", striker.door(Server._door))
        stop_and_go(start, service, folder, tmp_path / "saved", striker, "channels=separate")
        assert striker.struck == 6
        assert service.created.total - created == 16
        assert leftovers(service) == []
    assert_same_corpus(sx.read_corpus(tmp_path / "saved"), quiet)


@pytest.mark.slow
def test_a_run_with_workers_is_killed_at_three_moments(start, tmp_path, monkeypatch):
    """Its workers live on, and complete the uploads that are under way."""

    class StrikerOfTheRun(Striker):
        def door(self, plain):
            watched = super().door(plain)

            async def noting(server, request, handler, visit, permission):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if self.process is not None:
                        workers.update(psutil.Process(self.process.pid).children(recursive=True))
                return await watched(server, request, handler, visit, permission)

            return noting

    folder = tmp_path / "audio"
    folder.mkdir()
    for name, audio in batch(12).items():
        (folder / f"{name}.wav").write_bytes(audio)
    rng, workers = random.Random(5), set()
    try:
        with stand_in() as service:
            quiet = asyncio.run(transcribe(folder, service, tmp_path, journal=tmp_path / "quiet.sqlite"))
            asked, created = len(service.requests), service.created.total
            moments = sorted(asked + 1 + moment for moment in rng.sample(range(2, 26), 3))
            striker = StrikerOfTheRun(signal.SIGKILL, moments, rng)
            monkeypatch.setattr(Server, "_door", striker.door(Server._door))
            stop_and_go(start, service, folder, tmp_path / "saved", striker, "workers=1")
            assert striker.struck == 3
            assert service.created.total - created == 12
            assert leftovers(service) == []
    finally:
        for worker in workers:  # Those of a killed pool wait for tasks for ever.
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
    assert workers
    assert_same_corpus(sx.read_corpus(tmp_path / "saved"), quiet)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "interrupt"])
def test_a_run_that_writes_into_a_folder_is_stopped_at_ten_moments(start, how, folder, tmp_path, monkeypatch):
    rng = random.Random(2)
    out = tmp_path / "out"
    with stand_in() as service:
        quiet = asyncio.run(transcribe(folder, service, tmp_path, journal=tmp_path / "quiet.sqlite"))
        asked, created = len(service.requests), service.created.total
        moments = sorted(asked + 1 + moment for moment in rng.sample(range(REQUESTS - RESERVE), 10))
        striker = Striker(how, moments, rng)
        monkeypatch.setattr(Server, "_door", striker.door(Server._door))
        stop_and_go(start, service, folder, out, striker, f"out={out}")
        assert striker.struck == 10
        assert service.created.total - created == RECORDINGS
        assert leftovers(service) == []
    assert_same_corpus(sx.read_corpus(out), quiet)


@pytest.mark.slow
def test_killed_ten_times_while_parts_are_written(start, folder, tmp_path):
    rng = random.Random(3)
    out = tmp_path / "out"
    with stand_in() as service:
        quiet = asyncio.run(transcribe(folder, service, tmp_path, journal=tmp_path / "quiet.sqlite"))
        created = service.created.total
        for _ in range(10):  # A part takes about seven of these moments.
            process = start(service, folder, out, f"out={out}", f"die_at={rng.randint(1, 9)}")
            assert process.wait(PATIENCE_S) == -signal.SIGKILL
        process = start(service, folder, out, f"out={out}")
        assert process.wait(PATIENCE_S) == 0, process.errors()
        assert service.created.total - created == RECORDINGS
        assert leftovers(service) == []
    assert_same_corpus(sx.read_corpus(out), quiet)
