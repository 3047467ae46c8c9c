"""Quotas of what the service stores, in virtual time."""

from __future__ import annotations

import asyncio

import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_time import run_virtual

from soniox_ds.api.quota import Quota
from soniox_ds.exceptions import InputError, QuotaError

quick = settings(max_examples=examples(60))


@quick
@given(
    limit=st.integers(1, 10),
    users=st.lists(
        st.tuples(st.floats(0, 10), st.integers(0, 10), st.floats(0, 5), st.none() | st.floats(0, 12), st.booleans()),
        max_size=30,
    ),
)
def test_a_quota_is_never_exceeded_and_nobody_is_forgotten(limit, users):
    """Users come, hold for a while and go; some give up, some run out of time. A deadlock raises in `run_virtual`."""

    async def main(clock):
        quota = Quota(limit, "things", clock)
        held = 0

        async def one(at_s, amount, for_s, hurries):
            nonlocal held
            await clock.sleep(at_s)
            amount = min(amount, limit)
            try:
                await quota.acquire(amount, timeout_s=3 if hurries else None)
            except TimeoutError:
                return
            held += amount
            assert held <= limit
            try:
                await clock.sleep(for_s)
            finally:
                held -= amount
                quota.release(amount)

        async def give_up(task, at_s):
            await clock.sleep(at_s)
            task.cancel()

        tasks = [asyncio.create_task(one(a, n, f, hurries)) for a, n, f, _, hurries in users]
        await asyncio.gather(*(give_up(task, u[3]) for task, u in zip(tasks, users, strict=True) if u[3] is not None))
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for user, result in zip(users, results, strict=True):
            assert result is None or (user[3] is not None and isinstance(result, asyncio.CancelledError))
        return held, quota.held

    assert run_virtual(main) == (0, 0)


def test_a_large_amount_is_not_overtaken_by_small_ones():
    async def main(clock):
        quota = Quota(10, "bytes", clock)
        await quota.acquire(8)
        order = []

        async def one(amount):
            await quota.acquire(amount)
            order.append(amount)

        tasks = [asyncio.create_task(one(amount)) for amount in (9, 1, 1)]
        await clock.sleep(1)
        assert order == []
        quota.release(8)
        await clock.sleep(1)
        assert order == [9, 1]
        quota.release(9)
        await asyncio.gather(*tasks)
        return order

    assert run_virtual(main) == [9, 1, 1]


def test_a_cancelled_waiter_makes_way_for_the_next():
    async def main(clock):
        quota = Quota(10, "bytes", clock)
        await quota.acquire(8)
        large = asyncio.create_task(quota.acquire(9))
        small = asyncio.create_task(quota.acquire(1))
        await clock.sleep(1)
        assert not small.done()
        large.cancel()
        await asyncio.wait_for(small, 1)
        return quota.held

    assert run_virtual(main) == 9


def test_room_given_in_the_moment_of_giving_up_is_given_back():
    async def main(clock):
        quota = Quota(1, "files", clock)
        await quota.acquire()
        waiting = asyncio.create_task(quota.acquire())
        await clock.sleep(1)
        quota.release()  # goes to the one that waits,
        waiting.cancel()  # which never hears of it
        await asyncio.wait({waiting})
        assert quota.held == 0
        await asyncio.wait_for(quota.acquire(), 1)

    run_virtual(main)


def test_time_runs_out():
    async def main(clock):
        quota = Quota(2, "files", clock)
        await quota.acquire(2)
        with pytest.raises(TimeoutError, match="no room for 1 files within 5 s: 2 of 2 are held"):
            await quota.acquire(1, timeout_s=5)
        assert clock.now() == 5
        quota.release(2)
        await quota.acquire(2, timeout_s=5)
        return quota.held

    assert run_virtual(main) == 2


def test_more_than_the_limit_at_once_is_hopeless():
    async def main(clock):
        with pytest.raises(QuotaError, match="11 bytes at once are more than the 10"):
            await Quota(10, "bytes", clock).acquire(11)

    run_virtual(main)


def test_when_the_service_says_full_all_wait_for_a_release():
    async def main(clock):
        quota = Quota(100, "jobs", clock)
        for _ in range(4):
            await quota.acquire()
        assert quota.note_full()  # the fourth was refused, three of ours are there
        assert quota.held == 3
        refused = asyncio.create_task(quota.acquire())
        other = asyncio.create_task(quota.acquire())
        await clock.sleep(1000)
        assert not refused.done()
        quota.release()
        await refused
        await clock.sleep(1000)
        assert not other.done()
        quota.release()
        await other
        return quota.held

    assert run_virtual(main) == 3


def test_room_is_tried_for_again_little_by_little():
    async def main(clock):
        quota = Quota(100, "jobs", clock)
        await quota.acquire(9)
        quota.note_full()  # 8 are there
        for _ in range(4):
            quota.release()
            await quota.acquire()
        await asyncio.wait_for(quota.acquire(), 1)  # a quarter of four releases
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(quota.acquire(), 1)

    run_virtual(main)


def test_full_with_nothing_of_ours_is_for_the_caller_to_raise():
    async def main(clock):
        quota = Quota(100, "jobs", clock)
        await quota.acquire()
        assert not quota.note_full()
        await asyncio.wait_for(quota.acquire(), 1)  # the next one finds out for itself
        waiting = asyncio.create_task(quota.acquire())
        await clock.sleep(1)
        assert not waiting.done()
        assert not quota.note_full()
        await waiting

    run_virtual(main)


def test_amounts_that_are_not_held_cannot_be_released():
    quota = Quota(5, "jobs")
    with pytest.raises(InputError, match="1 jobs cannot be released; 0 are held"):
        quota.release()
    with pytest.raises(InputError, match="cannot be given back"):
        quota.note_full()
