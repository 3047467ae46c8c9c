"""The request budget that processes share through a file beside their journal."""

import asyncio
import time

import filelock
import pytest

from soniox_ds.api import budget as budgets
from soniox_ds.api import request_ledger
from soniox_ds.api.budget import WINDOW_S, RequestBudget
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.request_ledger import LedgerEntry, RequestLedger
from soniox_ds.exceptions import JournalError

ADDRESS = "http://127.0.0.1:9"
LIMIT = 20


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "journal.sqlite"


def budget_of_a_process(journal, *, speed=1.0, organisation=None):
    """Return a budget that shares only the ledger with the budgets before it, as that of another process does."""
    budgets._forget_windows()
    connection = Connection("key", api_base_url=ADDRESS, organisation=organisation)
    return RequestBudget.shared(connection, LIMIT, Clock(speed), journal=journal)


def n_free(budget):
    with budget.window.locked():
        return budget.n_free()


async def take(budget, count):
    for _ in range(count):
        budget.answered(await budget.take())


async def test_what_one_process_takes_is_taken_for_the_others(journal):
    one, other = budget_of_a_process(journal), budget_of_a_process(journal)
    await take(one, 12)
    assert n_free(other) == LIMIT - 12
    await take(other, 8)
    assert n_free(one) == n_free(other) == 0
    assert n_free(budget_of_a_process(journal, organisation="other")) == LIMIT
    assert n_free(budget_of_a_process(journal.with_name("another.sqlite"))) == LIMIT
    assert journal.with_name("journal.sqlite.requests").stat().st_mode & 0o777 == 0o600


async def test_permits_of_a_process_that_has_ended_come_back_a_minute_after_its_requests(journal):
    one = budget_of_a_process(journal, speed=100)
    await take(one, LIMIT)
    last_s = time.monotonic()
    other = budget_of_a_process(journal, speed=100)  # Nothing of the first process is left but the file.
    await take(other, LIMIT)
    assert (time.monotonic() - last_s) * 100 >= WINDOW_S - 1


async def test_a_pause_after_a_refusal_is_that_of_all_processes(journal):
    one, other = budget_of_a_process(journal), budget_of_a_process(journal)
    one.slow_down(30.0)
    with other.window.locked():
        assert 30.0 <= other.window.pause_s() <= 33.1
    assert other.n_free() == 0


async def test_a_damaged_file_counts_as_full_for_a_minute(journal):
    one = budget_of_a_process(journal)
    await take(one, 1)
    path = journal.with_name("journal.sqlite.requests")
    path.write_bytes(path.read_bytes()[:-3])
    other = budget_of_a_process(journal)
    with other.window.locked():
        assert other.n_free() == 0
        assert max(places.wait_s(1, other.window.clock.now()) for places in other.window.all_places) <= WINDOW_S


def test_times_of_before_a_restart_of_the_machine_hold_nobody_up_for_long(journal):
    name = RequestLedger.name_of(Connection("key", api_base_url=ADDRESS).api_base_url, None, 1.0)
    far_s = time.monotonic() + 1e6
    RequestLedger(journal).write(
        name, LedgerEntry(free_at_s=[far_s] * LIMIT, limit=LIMIT, paused_until_s=far_s, due_s=far_s)
    )
    budget = budget_of_a_process(journal)
    with budget.window.locked():
        assert not budget.window.is_paced()
        assert budget.window.all_places[1].wait_s(1, budget.window.clock.now()) <= WINDOW_S


async def test_a_process_that_holds_the_lock_for_ever_is_named(journal, monkeypatch):
    monkeypatch.setattr(request_ledger, "LOCK_PATIENCE_S", 0.05)
    budget = budget_of_a_process(journal)
    lock = filelock.FileLock(f"{journal}.requests.lock")
    with lock, pytest.raises(JournalError, match=r"another process has locked .*journal\.sqlite\.requests"):
        await budget.take()
    await asyncio.wait_for(take(budget, 1), 60)


async def test_the_file_forgets_what_nobody_uses(journal, monkeypatch):
    await take(budget_of_a_process(journal, organisation="old"), LIMIT)
    path = journal.with_name("journal.sqlite.requests")
    size = path.stat().st_size
    monkeypatch.setattr(request_ledger, "FORGOTTEN_S", 0.0)
    await take(budget_of_a_process(journal, organisation="new"), 1)
    assert path.stat().st_size < size
