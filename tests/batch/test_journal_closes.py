"""The closing of journals: calls leave no thread and no open file, and no shared journal is closed too early."""

import asyncio
import os
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
from batches import batch, leftovers, settings_for, stand_in, transcribe
from waiting import until_async as until

import soniox_ds as sx
from soniox_ds import aio, cli, exceptions
from soniox_ds.batch.journal import Journal

DESCRIPTORS = Path("/proc/self/fd")


def what_is_open(folder):
    """Threads of journals, and files in the folder that this process has open."""
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("soniox-ds-journal")]
    files = []
    if DESCRIPTORS.exists():
        for descriptor in DESCRIPTORS.iterdir():
            try:
                files.append(os.readlink(descriptor))
            except FileNotFoundError:
                continue  # that of the listing itself
    return threads + [name for name in files if name.startswith(str(folder))]


@pytest.fixture
def service():
    with stand_in() as running:
        yield running


def connection_to(service):
    return sx.Connection(api_key=service.key, api_base_url=service.base_url, websocket_url=service.ws_url)


def test_nothing_stays_open_after_a_call(service, tmp_path):
    settings = settings_for(service, tmp_path)
    connection = settings["connection"]
    sx.transcribe(batch(3), **settings)
    assert what_is_open(tmp_path) == []
    sx.account.clean_up(tmp_path / "journal.sqlite", connection=connection)
    assert what_is_open(tmp_path) == []
    arms = {"one": {"language_hints": ["en"]}, "two": {"language_hints": ["de"]}}
    table = pd.DataFrame({"source": list(batch(3).values()), "reference": "hello"})
    sx.compare(table, arms=arms, confirm=lambda _: True, **settings)
    assert what_is_open(tmp_path) == []
    streamed = sx.stream_dataset(
        batch(2), speed=None, connection=connection_to(service), journal=tmp_path / "journal.sqlite", progress=False
    )
    assert streamed.recordings["status"].tolist() == ["completed"] * 2
    assert what_is_open(tmp_path) == []


def test_nothing_stays_open_after_the_command_line(tmp_path, tiny_wav):
    tiny_wav(tmp_path / "a.wav")
    journal = tmp_path / "journal.sqlite"
    with stand_in(set_environment=True):
        out = tmp_path / "out"
        command = ["transcribe", str(tmp_path / "a.wav"), "--journal", str(journal), "--out", str(out)]
        assert cli.main(command) == 0
        assert what_is_open(tmp_path) == []
        assert cli.main(["clean", "--journal", str(journal)]) == 0
        assert what_is_open(tmp_path) == []


def test_many_journals_leave_nothing_open(service, tmp_path):
    for number in range(5):
        sx.transcribe(batch(1), **settings_for(service, tmp_path, journal=tmp_path / f"{number}.sqlite"))
    assert what_is_open(tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{number}.sqlite" for number in range(5)]


async def test_calls_that_fail_or_are_cancelled_leave_nothing_open(service, tmp_path):
    call = asyncio.create_task(transcribe(batch(40), service, tmp_path))
    await until(lambda: len(service.requests) >= 10)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert what_is_open(tmp_path) == []
    (tmp_path / "broken.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(exceptions.JournalError):
        await transcribe(batch(1), service, tmp_path, journal=tmp_path / "broken.sqlite")
    assert what_is_open(tmp_path) == []


async def test_a_call_that_is_cancelled_while_the_journal_is_opened_leaves_it_closed(tmp_path, monkeypatch):
    opening, cancelled = threading.Event(), threading.Event()
    usual = Journal.__init__

    def slow(self, path):
        opening.set()
        cancelled.wait()
        usual(self, path)

    monkeypatch.setattr(Journal, "__init__", slow)

    async def use():
        async with Journal.using(tmp_path / "journal.sqlite"):
            pytest.fail("it was cancelled before")

    call = asyncio.create_task(use())
    await asyncio.to_thread(opening.wait)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    cancelled.set()
    await until(lambda: (tmp_path / "journal.sqlite").exists() and what_is_open(tmp_path) == [])


async def test_calls_that_share_a_journal_do_not_close_it_for_each_other(service, tmp_path):
    """A long call, with short ones that begin and end within it; the last one closes the journal."""
    long = asyncio.create_task(transcribe(batch(60), service, tmp_path, limits=sx.Limits(pending=2)))
    await until(lambda: len(service.requests) >= 5)
    for first in range(60, 66, 2):
        await transcribe(batch(2, first), service, tmp_path)
        await aio.account.clean_up(tmp_path / "journal.sqlite", connection=connection_to(service))
    assert (await long).recordings["status"].tolist() == ["completed"] * 60
    assert what_is_open(tmp_path) == []
    assert service.created.total == 66
    assert leftovers(service) == []


def test_calls_in_threads_share_a_journal(service, tmp_path):
    results = [None] * 6

    def call(number):
        results[number] = sx.transcribe(batch(3, 2 * number), **settings_for(service, tmp_path))

    threads = [threading.Thread(target=call, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [corpus.recordings["status"].tolist() for corpus in results] == [["completed"] * 3] * 6
    assert service.created.total == 13
    assert what_is_open(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="a file that is open cannot be deleted there")
async def test_a_journal_that_is_deleted_during_a_call_is_begun_anew_by_the_next(service, tmp_path):
    """The call that has the journal open continues to its end."""
    long = asyncio.create_task(transcribe(batch(30), service, tmp_path, concurrency=1))
    await until(lambda: len(service.requests) >= 5)
    for part in tmp_path.glob("journal.sqlite*"):
        part.unlink()
    other = await transcribe(batch(2, 30), service, tmp_path)
    assert other.recordings["status"].tolist() == ["completed"] * 2
    assert (await long).recordings["status"].tolist() == ["completed"] * 30
    assert what_is_open(tmp_path) == []
