"""Requests per minute, in virtual time."""

from __future__ import annotations

import asyncio
import random
import threading
from bisect import bisect_left
from itertools import pairwise

import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_time import run_virtual

from soniox_ds.api.budget import WINDOW_S, Priority, RequestBudget, RequestWindow
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.emulator.limits import RateWindow
from soniox_ds.exceptions import InputError

quick = settings(max_examples=examples(60), deadline=None)
ROUNDING_S = 1e-6


def most_in_a_minute(times):
    """The largest number of (sorted) times within any 60 seconds less a microsecond, which is for rounding."""
    return max((bisect_left(times, start + 60 - ROUNDING_S) - n for n, start in enumerate(times)), default=0)


# The window


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
            assert await budget.take(priority) == pytest.approx(clock.now())
            times.append(clock.now())

        async def refused(at_s, wait_s):
            await clock.sleep(at_s)
            budget.slow_down(wait_s)

        await asyncio.gather(*(one(*a) for a in arrivals), *(refused(*s) for s in slow_downs))
        assert budget.requests_made == len(arrivals)
        return sorted(times)

    assert most_in_a_minute(run_virtual(main)) <= rate


@quick
@given(
    rate=st.integers(1, 20),
    arrivals=st.lists(st.tuples(st.floats(0, 300), st.sampled_from(Priority)), max_size=80),
    giving_up=st.sets(st.integers(0, 79), max_size=10),
)
def test_no_request_waits_while_the_window_has_room(rate, arrivals, giving_up):
    async def main(clock):
        budget = RequestBudget(rate, clock)
        starts = []
        waited = []

        async def one(at_s, priority):
            await clock.sleep(at_s)
            arrived_s = clock.now()
            await budget.take(priority)
            starts.append(clock.now())
            if clock.now() > arrived_s:
                waited.append(clock.now())

        tasks = [asyncio.create_task(one(*arrival)) for arrival in arrivals]
        for number in giving_up & set(range(len(tasks))):
            asyncio.get_running_loop().call_later(arrivals[number][0] + 1, tasks[number].cancel)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert len(starts) >= len(arrivals) - len(giving_up)
        return sorted(starts), waited

    starts, waited = run_virtual(main)
    for start_s in waited:
        in_window = [at_s for at_s in starts if start_s - WINDOW_S - ROUNDING_S <= at_s < start_s]
        assert len(in_window) >= rate
        # A place became free at this very moment.
        assert min(abs(start_s - WINDOW_S - at_s) for at_s in starts) < ROUNDING_S


@pytest.mark.parametrize("rate", [1, 60, 250, 500, 6000])
def test_a_busy_budget_starts_all_its_requests_at_once_in_each_window(rate):
    async def main(clock):
        budget = RequestBudget(rate, clock)
        times = []

        async def one():
            times.append(await budget.take())

        await asyncio.gather(*(one() for _ in range(2 * rate + 1)))
        return times

    times = run_virtual(main)
    assert times == pytest.approx([0] * rate + [WINDOW_S] * rate + [2 * WINDOW_S])


@quick
@given(
    rate=st.integers(1, 30),
    seed=st.integers(0, 2**32),
    n_workers=st.integers(1, 40),
    longest_s=st.sampled_from([0.1, 2, 30]),
)
def test_a_service_is_never_asked_too_much_however_long_requests_are_on_their_way(rate, seed, n_workers, longest_s):
    """The service counts each request somewhere between its start and its answer. Two calls share the window."""
    rng = random.Random(seed)

    async def main(clock):
        window = RequestWindow(clock)
        budgets = [RequestBudget(rate, window=window) for _ in range(2)]
        service = RateWindow(rate, now=clock.now)
        left = iter(range(5 * rate))

        async def work(budget):
            for _ in left:
                started_s = await budget.take()
                await clock.sleep(rng.uniform(0, longest_s))
                assert service.admit()
                await clock.sleep(rng.uniform(0, longest_s))
                budget.answered(started_s)

        await asyncio.gather(*(work(budgets[number % 2]) for number in range(n_workers)))

    run_virtual(main)


# Services that refuse


class FixedWindow:
    """A service that begins to count anew at each full minute of its own clock."""

    def __init__(self, limit, *, now, offset_s=17):
        self.limit, self.now, self.offset_s = limit, now, offset_s
        self.minute, self.n_admitted = None, 0

    def admit(self):
        minute = (self.now() + self.offset_s) // 60
        if minute != self.minute:
            self.minute, self.n_admitted = minute, 0
        self.n_admitted += 1
        return self.n_admitted <= self.limit


class TokenBucket:
    """A service that lets `size` requests through at once, and then `limit` in a minute."""

    def __init__(self, size, limit, *, now):
        self.size, self.per_s, self.now = size, limit / 60, now
        self.tokens, self.looked_at_s = size, now()

    def admit(self):
        now = self.now()
        self.tokens = min(self.size, self.tokens + (now - self.looked_at_s) * self.per_s)
        self.looked_at_s = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def refusals(service_of, *, rate=500, n_requests=2000, seed=1):
    """Send requests from 32 tasks, and return the times of the refusals and the time of the end."""

    async def main(clock):
        budget = RequestBudget(rate, clock, rng=random.Random(seed))
        service = service_of(clock.now)
        left = iter(range(n_requests))
        refused_s = []

        async def work():
            for _ in left:
                while True:
                    started_s = await budget.take()
                    is_admitted = service.admit()
                    budget.answered(started_s)
                    if is_admitted:
                        break
                    refused_s.append(clock.now())
                    budget.slow_down()
                    await clock.sleep(5)

        await asyncio.gather(*(work() for _ in range(32)))
        return refused_s, clock.now()

    return run_virtual(main)


@pytest.mark.parametrize("offset_s", [0, 0.5, 17, 59.5])
def test_a_fixed_window_refuses_nothing(offset_s):
    refused_s, end_s = refusals(lambda now: FixedWindow(500, now=now, offset_s=offset_s))
    assert refused_s == []
    assert end_s == pytest.approx(3 * WINDOW_S)


def test_a_sliding_window_refuses_nothing():
    refused_s, end_s = refusals(lambda now: RateWindow(500, now=now))
    assert refused_s == []
    assert end_s == pytest.approx(3 * WINDOW_S)


@pytest.mark.parametrize("size", [2, 5, 30, 100, 300, 499])
@pytest.mark.parametrize("seed", range(3))
def test_a_token_bucket_smaller_than_the_window_refuses_at_most_once_a_minute(size, seed):
    refused_s, end_s = refusals(lambda now: TokenBucket(size, 500, now=now), seed=seed)
    assert refused_s  # The budget cannot know the bucket before.
    assert all(later - earlier >= 60 for earlier, later in pairwise(refused_s))
    assert end_s < 2000 / 500 * WINDOW_S * 1.15


@pytest.mark.parametrize("window", [RateWindow, FixedWindow])
def test_half_of_the_window_taken_by_others_is_found_out(window):
    refused_s, end_s = refusals(lambda now: window(250, now=now), n_requests=1000)
    assert len(refused_s) < 20
    assert end_s < 1.5 * 60 * 1000 / 250


def test_after_a_refusal_requests_leave_evenly_for_a_minute_and_then_as_the_window_allows():
    async def main(clock):
        budget = RequestBudget(500, clock, rng=random.Random(7))
        for _ in range(5):
            budget.slow_down()  # Five answers to requests that went out together count once.
        return [await budget.take() for _ in range(500)]

    times = run_virtual(main)
    assert 1.5 <= times[0] <= 2.5
    intervals = [later - earlier for earlier, later in pairwise(times)]
    evenly = [wait_s for start_s, wait_s in zip(times[1:], intervals, strict=True) if start_s < times[0] + 60]
    assert len(evenly) > 400
    assert all(60 / 486 - ROUNDING_S <= wait_s <= 60 / 486 * 4 / 3 + ROUNDING_S for wait_s in evenly)
    assert evenly[0] == pytest.approx(60 / 486 * 4 / 3, rel=0.01)  # It begins at three quarters of the pace,
    assert evenly[-1] == pytest.approx(60 / 486)  # and grows back to it.
    assert intervals[len(evenly) + 1 :] == [0] * (len(intervals) - len(evenly) - 1)  # Then the window has room.


def test_late_wake_ups_do_not_lower_the_pace_after_a_refusal():
    class LateClock:
        def __init__(self, clock):
            self.clock, self.now = clock, clock.now

        async def sleep(self, seconds):
            await self.clock.sleep(seconds + 0.1)  # An interval is 0.12 s.

    async def main(clock):
        budget = RequestBudget(500, LateClock(clock), rng=random.Random(7))
        budget.slow_down()
        await budget.take()
        start_s = clock.now()
        await clock.sleep(30)  # The full pace is reached.
        n_before = budget.requests_made
        while clock.now() < start_s + 50:
            await budget.take()
        return (budget.requests_made - n_before - 5) / 20 * 60  # Five may be sent at once.

    assert run_virtual(main) == pytest.approx(486, rel=0.03)


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


def test_pauses_and_long_waits_are_reported_and_so_is_their_end():
    async def main(clock):
        window = RequestWindow(clock, rng=random.Random(7))
        budgets = [RequestBudget(10, window=window) for _ in range(2)]
        reports = []
        for name, budget in zip("ab", budgets, strict=True):
            budget.on_pause = lambda wait_s, name=name: reports.append((name, "pause", round(wait_s)))
            budget.on_full = lambda wait_s, name=name: reports.append((name, "full", round(wait_s)))
        for _ in range(10):
            await budgets[0].take()
        await clock.sleep(20)
        await budgets[0].take()
        assert reports == [("a", "full", 41), ("a", "full", 0)]
        reports.clear()
        await clock.sleep(WINDOW_S)
        budgets[0].slow_down(30)
        await asyncio.gather(*(budget.take() for budget in budgets))
        return reports

    reports = run_virtual(main)
    assert set(reports) == {(name, "pause", wait_s) for name in "ab" for wait_s in (0, reports[0][2])}
    assert 30 <= reports[0][2] <= 33
    assert len(reports) == 4


# Whose turn it is


@quick
@given(st.lists(st.sampled_from(Priority), min_size=2, max_size=40))
def test_the_urgent_go_first_and_equals_in_order_of_arrival(priorities):
    async def main(clock):
        budget = RequestBudget(1, clock)
        await budget.take()  # so that all others wait
        order = []

        async def one(number, priority):
            await budget.take(priority)
            order.append((priority, number))

        await asyncio.gather(*(one(*item) for item in enumerate(priorities)))
        return order

    order = run_virtual(main)
    assert order == sorted(order)


def test_no_priority_starves():
    async def main(clock):
        budget = RequestBudget(60, clock)

        async def keep_on():
            while True:
                await budget.take(Priority.URGENT)

        others = [asyncio.create_task(keep_on()) for _ in range(100)]
        await clock.sleep(1)
        waits = []
        for priority in Priority:
            before = clock.now()
            await budget.take(priority)
            waits.append(clock.now() - before)
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        return waits

    for priority, wait_s in zip(Priority, run_virtual(main), strict=True):
        assert wait_s <= (priority + 2 + 100 / 60) * WINDOW_S


def test_calls_that_share_a_window_get_equal_shares():
    """The second call gets the next places, until it has had as many as the first; a small one never waits for long."""

    async def main(clock):
        window = RequestWindow(clock)
        budgets = [RequestBudget(60, window=window) for _ in range(3)]
        starts = [[], [], []]

        async def work(number, count, priority):
            for _ in range(count):
                await budgets[number].take(priority)
                starts[number].append(clock.now())

        large = [asyncio.create_task(work(0, 20, Priority.URGENT)) for _ in range(20)]
        await clock.sleep(10)
        large += [asyncio.create_task(work(1, 20, Priority.CLEAN)) for _ in range(20)]
        await clock.sleep(10)
        await asyncio.gather(*large, work(2, 5, Priority.SUBMIT))
        return starts

    starts = run_virtual(main)
    assert starts[2] == pytest.approx([WINDOW_S] * 5)
    second = [sum(WINDOW_S * 2 - 1 < at_s < WINDOW_S * 3 - 1 for at_s in times) for times in starts]
    assert second == [30, 30, 0]
    assert most_in_a_minute(sorted(starts[0] + starts[1] + starts[2])) == 60


def test_a_call_with_a_smaller_number_keeps_it_and_is_not_shut_out_by_larger_ones():
    async def main(clock):
        window = RequestWindow(clock)
        small, large = RequestBudget(10, window=window), RequestBudget(100, window=window)
        times = {small: [], large: []}

        async def work(budget, count):
            for _ in range(count):
                await budget.take()
                times[budget].append(clock.now())

        await asyncio.gather(*(work(large, 25) for _ in range(20)), *(work(small, 5) for _ in range(10)))
        return [sorted(times[budget]) for budget in (small, large)]

    small, large = run_virtual(main)
    assert most_in_a_minute(small) == 10
    assert small[-1] == pytest.approx(5 * WINDOW_S)  # The first places go to the call that came first.
    assert most_in_a_minute(sorted(small + large)) == 100


def test_submissions_and_deletions_leave_room_for_transcripts_that_are_about_to_come():
    async def main(clock):
        budget = RequestBudget(90, clock)
        n_under_way = 0
        budget.reserve = lambda: n_under_way
        starts = {priority: [] for priority in Priority}

        async def one(priority):
            await budget.take(priority)
            starts[priority].append(clock.now())

        others = [asyncio.create_task(one(p)) for p in (Priority.SUBMIT, Priority.CLEAN) for _ in range(70)]
        n_under_way = 50  # At most a third of the places is kept free.
        await clock.sleep(20)
        assert len(starts[Priority.SUBMIT]) + len(starts[Priority.CLEAN]) == 60
        await asyncio.gather(*(one(Priority.FETCH) for _ in range(25)))
        assert clock.now() == 20
        await clock.sleep(10)
        assert len(starts[Priority.SUBMIT]) + len(starts[Priority.CLEAN]) == 60
        n_under_way = 2  # The others may take the rest.
        await clock.sleep(2)
        assert len(starts[Priority.SUBMIT]) + len(starts[Priority.CLEAN]) == 63
        await clock.sleep(WINDOW_S)
        await one(Priority.URGENT)
        await asyncio.gather(*others)

    run_virtual(main)


def test_room_that_will_be_there_soon_is_enough_so_that_no_place_is_lost_in_the_long_run():
    async def main(clock):
        budget = RequestBudget(90, clock)
        budget.reserve = lambda: 1000  # Transcripts of long recordings, which take hours.
        times = []

        async def work():
            while clock.now() < 20 * WINDOW_S:
                times.append(await budget.take())

        await asyncio.gather(*(work() for _ in range(16)))
        return times

    assert len(run_virtual(main)) > 0.97 * 20 * 90


# Tasks and threads


@quick
@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.sampled_from(Priority), st.none() | st.floats(0, 20)), min_size=1, max_size=30
    )
)
def test_no_wake_up_is_lost_when_some_give_up(takers):
    """A deadlock raises in `run_virtual`; whoever does not give up gets through."""

    async def main(clock):
        budget = RequestBudget(5, clock)
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
        assert budget.n_waiting == 0
        await asyncio.wait_for(budget.take(), 2 * WINDOW_S)  # and it still works afterwards
        return len(done), budget.requests_made

    done, made = run_virtual(main)
    assert done <= made - 1


def test_somebody_new_may_come_in_the_very_moment_that_the_last_gives_up():
    async def main(clock):
        budget = RequestBudget(1, clock)
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

    assert run_virtual(main) == (pytest.approx(WINDOW_S), 2)


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


def test_event_loops_in_several_threads_share_a_window():
    window = RequestWindow(Clock(speed=200))
    times = []

    def call(count):
        async def main():
            async with RequestBudget(50, window=window) as budget:

                async def work():
                    for _ in range(count):
                        started_s = await budget.take()
                        times.append(started_s)
                        budget.answered(started_s)

                await asyncio.gather(*(work() for _ in range(5)))

        asyncio.run(main())

    threads = [threading.Thread(target=call, args=[count]) for count in (10, 10, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert len(times) == 5 * 22
    assert most_in_a_minute(sorted(times)) == 50
    assert not window.budgets


def test_calls_to_one_address_share_a_window_of_the_same_time():
    address = "http://127.0.0.1:9/v1"
    one, other = (Connection(key, api_base_url=address) for key in ("one-key", "another-key"))
    budget = RequestBudget.shared(one)
    assert RequestBudget.shared(other, 100).window is budget.window
    assert RequestBudget.shared(one, clock=Clock()).window is budget.window
    assert RequestBudget.shared(one, clock=Clock(5)).window is not budget.window
    elsewhere = Connection("one-key", api_base_url="http://127.0.0.1:10/v1")
    assert RequestBudget.shared(elsewhere).window is not budget.window


@pytest.mark.parametrize("rate", [0, -1, 0.5, float("inf"), float("nan")])
def test_a_rate_is_a_number_from_one(rate):
    with pytest.raises(InputError, match="requests_per_minute is"):
        RequestBudget(rate)
