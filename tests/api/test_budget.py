"""Requests per minute and quotas, in virtual time."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from itertools import pairwise

import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_time import run_virtual

from soniox_ds.api.budget import Priority, Quota, RequestBudget
from soniox_ds.exceptions import InputError, QuotaError

quick = settings(max_examples=examples(60))


def most_in_a_minute(times):
    """The largest number of (sorted) times within any 60 seconds less a microsecond, which is for rounding."""
    return max((bisect_left(times, start + 60 - 1e-6) - n for n, start in enumerate(times)), default=0)


# RequestBudget


@quick
@given(
    rate=st.integers(1, 1200),
    arrivals=st.lists(st.tuples(st.floats(0, 200), st.sampled_from(Priority)), max_size=60),
    slow_downs=st.lists(st.tuples(st.floats(0, 200), st.none() | st.floats(0, 90)), max_size=3),
)
def test_no_minute_holds_more_requests_than_asked_for(rate, arrivals, slow_downs):
    async def main(clock):
        budget = RequestBudget(rate, clock, rng=random.Random(1))
        times = []

        async def one(at_s, priority):
            await clock.sleep(at_s)
            await budget.take(priority)
            times.append(clock.now())

        async def refused(at_s, wait_s):
            await clock.sleep(at_s)
            budget.slow_down(wait_s)
            assert budget.rate_per_minute <= rate + 1e-9

        await asyncio.gather(*(one(*a) for a in arrivals), *(refused(*s) for s in slow_downs))
        assert budget.requests_made == len(arrivals)
        return sorted(times)

    assert most_in_a_minute(run_virtual(main)) <= rate


@pytest.mark.parametrize(("rate", "burst"), [(1, 1), (60, 1), (250, 2), (500, 5), (6000, 5)])
def test_a_busy_budget_is_used_evenly_and_nearly_to_the_full(rate, burst):
    """The times are computed by hand: `burst` at once, then one every 60 / (98 % of the rate + 1 - burst) seconds."""

    async def main(clock):
        budget = RequestBudget(rate, clock)
        times = []

        async def one():
            await budget.take()
            times.append(clock.now())

        await asyncio.gather(*(one() for _ in range(2 * rate + burst)))
        return times

    times = run_virtual(main)
    paced = rate - rate // 50
    interval_s = 60 / (paced + 1 - burst)
    assert times[:burst] == [0] * burst
    assert times[burst:] == pytest.approx([n * interval_s for n in range(1, 2 * rate + 1)])
    assert most_in_a_minute(times) == paced


def test_late_wake_ups_do_not_lower_the_rate():
    class LateClock:
        def __init__(self, clock):
            self.clock, self.now = clock, clock.now

        async def sleep(self, seconds):
            await self.clock.sleep(seconds + 0.1)  # an interval is 0.12 s

    async def main(clock):
        budget = RequestBudget(500, LateClock(clock))
        for _ in range(505):
            await budget.take()
        return clock.now()

    assert run_virtual(main) == pytest.approx(500 * 60 / 486, abs=0.2)


@quick
@given(st.lists(st.sampled_from(Priority), min_size=2, max_size=40))
def test_the_urgent_go_first_and_equals_in_order_of_arrival(priorities):
    async def main(clock):
        budget = RequestBudget(60, clock)
        await budget.take()  # so that all others wait
        order = []

        async def one(number, priority):
            await budget.take(priority)
            order.append((priority, number))

        await asyncio.gather(*(one(*item) for item in enumerate(priorities)))
        return order

    order = run_virtual(main)
    assert order == sorted(order)


@quick
@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.sampled_from(Priority), st.none() | st.floats(0, 20)), min_size=1, max_size=30
    )
)
def test_no_wake_up_is_lost_when_some_give_up(takers):
    """A deadlock raises in `run_virtual`; whoever does not give up gets through."""

    async def main(clock):
        budget = RequestBudget(100, clock)
        done = []

        async def one(at_s, priority):
            await clock.sleep(at_s)
            await budget.take(priority)
            done.append(clock.now())

        async def give_up(task, at_s):
            await clock.sleep(at_s)
            task.cancel()

        tasks = [asyncio.create_task(one(at_s, priority)) for at_s, priority, _ in takers]
        await asyncio.gather(*(give_up(task, t[2]) for task, t in zip(tasks, takers, strict=True) if t[2] is not None))
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for (_, _, gives_up), result in zip(takers, results, strict=True):
            assert gives_up is not None or result is None
        await asyncio.wait_for(budget.take(), 100)  # and it still works afterwards
        return len(done), budget.requests_made

    done, made = run_virtual(main)
    assert done <= made - 1


def test_somebody_new_may_come_in_the_very_moment_that_the_last_gives_up():
    async def main(clock):
        budget = RequestBudget(60, clock)
        await budget.take()

        async def gives_up_and_thinks_again():
            try:
                await budget.take()
            except asyncio.CancelledError:
                await budget.take()  # before the dispatcher of the first one knows that it is to stop

        task = asyncio.create_task(gives_up_and_thinks_again())
        await clock.sleep(0.5)
        task.cancel()
        await task
        return clock.now(), budget.requests_made

    assert run_virtual(main) == (pytest.approx(60 / 59), 2)


def test_slowing_down_pauses_and_recovers():
    async def main(clock):
        budget = RequestBudget(60, clock, rng=random.Random(7))
        await budget.take()
        for _ in range(5):
            budget.slow_down()  # five answers to requests that went out together count once
        await budget.take()
        paused_s = clock.now()
        rates = [budget.rate_per_minute]
        for _ in range(3):
            await clock.sleep(40)
            rates.append(budget.rate_per_minute)
        return paused_s, rates

    paused_s, rates = run_virtual(main)
    assert 1.5 <= paused_s <= 2.5
    assert rates == pytest.approx([59 * 3 / 4, 59, 59, 59], abs=0.1)


def test_nothing_is_made_up_for_after_a_pause():
    async def main(clock):
        budget = RequestBudget(500, clock, rng=random.Random(7))
        budget.slow_down()
        times = []
        for _ in range(6):
            await budget.take()
            times.append(clock.now())
        return times

    times = run_virtual(main)
    assert all(0.15 < later - earlier < 0.17 for earlier, later in pairwise(times))  # three quarters: 0.165 s


def test_a_named_wait_is_kept_and_refusals_in_a_row_pause_longer():
    async def main(clock):
        budget = RequestBudget(600, clock, rng=random.Random(7))
        budget.slow_down(45)
        await budget.take()
        named_s = clock.now()
        pauses = []
        for _ in range(6):
            before = clock.now()
            budget.slow_down()
            await budget.take()
            pauses.append(clock.now() - before)
        return named_s, pauses

    named_s, pauses = run_virtual(main)
    assert 45 <= named_s <= 49.6
    for pause, expected in zip(pauses, [4, 8, 16, 30, 30, 30], strict=True):
        assert 0.75 * expected <= pause <= 1.25 * expected


def test_waiters_learn_when_the_clock_breaks():
    class BrokenClock:
        def now(self):
            return 0.0

        async def sleep(self, seconds):
            raise ZeroDivisionError("broken")

    async def main(clock):
        budget = RequestBudget(1, BrokenClock())
        await budget.take()
        with pytest.raises(ZeroDivisionError):
            await budget.take()
        await asyncio.gather(budget._dispatcher, return_exceptions=True)

    run_virtual(main)


@pytest.mark.parametrize("rate", [0, -1, 0.5, float("inf"), float("nan")])
def test_a_rate_is_a_number_from_one(rate):
    with pytest.raises(InputError, match="requests_per_minute is"):
        RequestBudget(rate)


# Quota


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
