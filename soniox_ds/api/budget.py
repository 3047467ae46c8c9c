"""Requests per minute, and the service's four quotas.

Conventions: times are seconds of the clock handed in. Both classes belong to one event loop, may be used by any number
of its tasks, and stay right when a waiting task is cancelled.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from enum import IntEnum

from soniox_ds.api.clock import Clock
from soniox_ds.exceptions import InputError, QuotaError

__all__ = ["Priority", "Quota", "RequestBudget"]


class Priority(IntEnum):
    """Which request goes first when there are more than the budget allows."""

    URGENT = 0
    """What others wait for: states, lookups."""
    FETCH = 1
    """A finished transcript."""
    SUBMIT = 2
    """New work."""
    CLEAN = 3
    """Deletions; nobody waits for them."""


class RequestBudget:
    """Lets requests go evenly paced, at most so many in any minute.

    Parameters
    ----------
    requests_per_minute
        Never exceeded in any 60 seconds. A hundredth of it (at most 5) may go at once, to make up for late wake-ups.
    clock
        Real time when not given.
    rng
        Where jitter is drawn from.

    Notes
    -----
    Pacing is the generic cell rate algorithm: `burst` requests may go at once and one more after each interval, so that
    fewer than 60 / interval + burst lie in any minute; the interval is chosen so that this is a fiftieth below what was
    asked for: requests reach the service less evenly than they leave, and one refusal costs more than this margin.
    After `slow_down` the rate falls to three quarters and then grows linearly, back to the full one in half a
    minute.
    """

    def __init__(
        self, requests_per_minute: float, clock: Clock | None = None, *, rng: random.Random | None = None
    ) -> None:
        if not 1 <= requests_per_minute < math.inf:
            raise InputError(f"requests_per_minute is {requests_per_minute!r}; it is a number from 1")
        self.requests_per_minute = requests_per_minute
        self.requests_made = 0
        """How many requests were let go."""
        self.on_pause: Callable[[float], object] | None = None
        """Called with the seconds of each pause when it begins, and with 0 when the first request after it goes."""
        self._clock = clock or Clock()
        self._rng = rng or random.Random()
        burst = int(min(max(requests_per_minute / 100, 1), 5))
        paced = math.floor(requests_per_minute) - int(requests_per_minute / 50)
        self._full_rate = (paced + 1 - burst) / 60  # requests per second
        self._tolerance_s = (burst - 1) / self._full_rate
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = 0
        self._dispatcher: asyncio.Task[None] | None = None
        self._due_s = -math.inf  # when the next request goes if none goes early
        self._paused_until_s = -math.inf
        self._pause_s = 0.0
        self._told_until_s = -math.inf  # the end of the pause that was told of
        self._slow_rate = self._full_rate  # the rate right after the last pause

    def __repr__(self) -> str:
        waiting = sum(not turn.done() for *_, turn in self._waiting)
        return f"RequestBudget({self.requests_per_minute:g}/min, {self.requests_made} made, {waiting} waiting)"

    @property
    def rate_per_minute(self) -> float:
        """The current rate: as asked, or lower for a while after `slow_down`."""
        return self._rate() * 60

    async def take(self, priority: Priority = Priority.SUBMIT) -> None:
        """Wait until one request may go; lower priorities first, within one priority in order of arrival."""
        if all(turn.done() for *_, turn in self._waiting) and self._wait_s() <= 0:
            self._let_go()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrivals += 1
        heapq.heappush(self._waiting, (int(priority), self._arrivals, turn))
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = asyncio.create_task(self._dispatch(), name="soniox_ds request budget")
        try:
            await turn
        except asyncio.CancelledError:
            # A turn that was given and not used stays counted: one request too few is harmless, one too many is not.
            turn.cancel()
            if self._dispatcher is not None and all(other.done() for *_, other in self._waiting):
                self._waiting.clear()
                self._dispatcher.cancel()
                self._dispatcher = None
            raise

    def slow_down(self, wait_s: float | None = None) -> None:
        """Pause, then go on at three quarters of the rate; for a 429 by rate.

        Several calls within one pause count once. `wait_s` is the least pause, where the service named one; otherwise
        it starts at 2 seconds and doubles up to 30 while refusals go on, less or more by chance.
        """
        now = self._clock.now()
        if now >= self._paused_until_s:
            refused_again = now - self._paused_until_s < 60
            self._pause_s = min(self._pause_s * 2, 30.0) if refused_again else 2.0
            self._slow_rate = max(self._rate() * 3 / 4, self._full_rate / 16)
            self._paused_until_s = now + self._pause_s * self._rng.uniform(0.75, 1.25)
        if wait_s is not None:
            self._paused_until_s = max(self._paused_until_s, now + wait_s * self._rng.uniform(1.0, 1.1))
        # nothing is made up for after a pause
        self._due_s = max(self._due_s, self._paused_until_s + self._tolerance_s)
        if self.on_pause is not None and self._paused_until_s > self._told_until_s:
            self._told_until_s = self._paused_until_s
            self.on_pause(self._paused_until_s - now)

    def _rate(self) -> float:
        """Requests per second."""
        recovered = max(self._clock.now() - self._paused_until_s, 0.0) / 120 * self._full_rate
        return min(self._full_rate, self._slow_rate + recovered)

    def _wait_s(self) -> float:
        """Until the next request may go."""
        return max(self._due_s - self._tolerance_s, self._paused_until_s) - self._clock.now()

    def _let_go(self) -> None:
        self._due_s = max(self._due_s, self._clock.now()) + 1 / self._rate()
        self.requests_made += 1
        if self.on_pause is not None and self._told_until_s > -math.inf:
            self._told_until_s = -math.inf
            self.on_pause(0.0)

    async def _dispatch(self) -> None:
        try:
            while self._waiting:
                wait_s = self._wait_s()
                if wait_s > 0:
                    await self._clock.sleep(wait_s)
                    continue  # a pause may have come meanwhile, or somebody more urgent
                *_, turn = heapq.heappop(self._waiting)
                if not turn.done():  # else cancelled
                    self._let_go()
                    turn.set_result(None)
        except BaseException as error:
            # One that was stopped for want of waiters is not the dispatcher any more, and somebody new may wait.
            if self._dispatcher is asyncio.current_task():
                for *_, turn in self._waiting:
                    if isinstance(error, asyncio.CancelledError):
                        turn.cancel()
                    elif not turn.done():
                        turn.set_exception(error)
                self._waiting.clear()
            raise


class Quota:
    """So much of something that the service stores may be held at a time: jobs, pending jobs, files, bytes.

    Parameters
    ----------
    limit
        How much may be held at once.
    what
        What is counted, for messages.
    clock
        Real time when not given.

    Notes
    -----
    First come, first served: a large amount is not overtaken by small ones. When others use the same account, less
    than `limit` is really there; `note_full` lowers what is tried to what is held, and each release raises it by a
    quarter of what was released.
    """

    def __init__(self, limit: float, what: str, clock: Clock | None = None) -> None:
        if not 0 < limit < math.inf:
            raise InputError(f"the limit of {what} is {limit!r}; it is a positive number")
        self.limit = limit
        self.what = what
        self.held = 0
        """How much is held now."""
        self._clock = clock or Clock()
        self._room_for: float = limit  # what is believed to be there for us
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def __repr__(self) -> str:
        return f"Quota({self.held} of {self.limit:g} {self.what}, {len(self._waiting)} waiting)"

    async def acquire(self, amount: int = 1, timeout_s: float | None = None) -> None:
        """Wait until `amount` more may be held, and hold it.

        Raises
        ------
        QuotaError
            If `amount` alone is more than the limit.
        TimeoutError
            If that takes longer than `timeout_s`; nothing is held then.
        """
        if amount < 0:
            raise InputError(f"{amount} {self.what} cannot be held; the amount is 0 or more")
        if amount > self.limit:
            raise QuotaError(f"{amount} {self.what} at once are more than the {self.limit:g} that the service stores")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((amount, turn))
        self._serve()
        if turn.done():
            return
        try:
            if timeout_s is None:
                await turn
            else:
                await self._within(turn, amount, timeout_s)
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.held -= amount  # the turn came together with the cancellation
            turn.cancel()
            self._serve()  # who stood behind may fit
            raise

    def occupy(self, amount: int = 1) -> None:
        """Hold at once what the service stores already, even beyond the limit: work taken up from an earlier run."""
        self.held += amount

    def release(self, amount: int = 1) -> None:
        """Give back what was held, once the service has it no more."""
        if not 0 <= amount <= self.held:
            raise InputError(f"{amount} {self.what} cannot be released; {self.held} are held")
        self.held -= amount
        self._room_for = min(self.limit, self._room_for + amount / 4)
        self._serve()

    def note_full(self, amount: int = 1) -> bool:
        """Take back `amount`, which the service refused for want of room; True where waiting can help.

        Until something is released nobody else is let through. False means that nothing of ours is held, so that no
        release will ever come: the caller should raise its QuotaError.
        """
        if not 0 <= amount <= self.held:
            raise InputError(f"{amount} {self.what} cannot be given back; {self.held} are held")
        self.held -= amount
        self._room_for = self.held
        if self.held == 0:
            self._serve()  # whoever waits must find out for himself
            return False
        return True

    async def _within(self, turn: asyncio.Future[None], amount: int, timeout_s: float) -> None:
        alarm = asyncio.ensure_future(self._clock.sleep(timeout_s))
        try:
            await asyncio.wait({turn, alarm}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()
        if not turn.done():
            raise TimeoutError(
                f"no room for {amount} {self.what} within {timeout_s:g} s: {self.held} of {self.limit:g} are held"
            )

    def _serve(self) -> None:
        while self._waiting:
            amount, turn = self._waiting[0]
            if turn.done():  # cancelled
                self._waiting.popleft()
                continue
            # With nothing held no release will come, so the first is let through whatever was believed.
            if self.held and self.held + amount > self._room_for:
                return
            self._waiting.popleft()
            self.held += amount
            turn.set_result(None)
