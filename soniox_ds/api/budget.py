"""Limits on the requests per minute and on what the service stores.

Conventions: times are seconds of the given clock. An object of either class belongs to one event loop, may be used by
any number of its tasks, and stays correct when a waiting task is cancelled.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from enum import IntEnum

from soniox_ds._arguments import check_number
from soniox_ds.api.clock import Clock
from soniox_ds.api.retry import RATE_PAUSE
from soniox_ds.exceptions import InputError, QuotaError

__all__ = ["Priority", "Quota", "RequestBudget"]


class Priority(IntEnum):
    """The priority of a request when there are more requests than the budget allows. Lower values go first."""

    URGENT = 0
    """Requests that others wait for, such as states and lookups."""
    FETCH = 1
    """Requests for finished transcripts."""
    SUBMIT = 2
    """Requests that submit new work."""
    CLEAN = 3
    """Deletions, for which nothing waits."""


class RequestBudget:
    """A budget that sends requests at an even pace, up to a number per minute.

    Parameters
    ----------
    requests_per_minute
        Number of requests that is never exceeded in any 60 seconds. A hundredth of it (at most 5) may be sent at once,
        to make up for late wake-ups.
    clock
        Clock of the budget; by default real time.
    rng
        Random generator for the jitter.

    Notes
    -----
    The pace follows the generic cell rate algorithm: `burst` requests may be sent at once and one more after each
    interval, so that any minute has fewer than 60 / interval + burst requests. The interval keeps this number a
    fiftieth below the given one, because requests reach the service less evenly than they are sent, and a refusal costs
    more than this margin. After `slow_down` the rate falls to three quarters, and then grows linearly back to the full
    rate within half a minute.
    """

    def __init__(
        self, requests_per_minute: float, clock: Clock | None = None, *, rng: random.Random | None = None
    ) -> None:
        if not 1 <= requests_per_minute < math.inf:
            raise InputError(f"requests_per_minute is {requests_per_minute!r}; it is a number from 1")
        self.requests_per_minute = requests_per_minute
        self.requests_made = 0
        """Number of requests that were sent."""
        self.on_pause: Callable[[float], object] | None = None
        """Function that is called with the seconds of a pause when it begins, and with 0 at the first request after."""
        self._clock = clock or Clock()
        self._rng = rng or random.Random()
        burst = int(min(max(requests_per_minute / 100, 1), 5))
        paced = math.floor(requests_per_minute) - int(requests_per_minute / 50)
        self._full_rate = (paced + 1 - burst) / 60  # Requests per second.
        self._tolerance_s = (burst - 1) / self._full_rate
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = 0
        self._dispatcher: asyncio.Task[None] | None = None
        self._due_s = -math.inf  # Time of the next request if it is not sent early.
        self._paused_until_s = -math.inf
        self._refusals = 0
        self._told_until_s = -math.inf  # End of the last pause that was reported.
        self._slow_rate = self._full_rate  # Rate directly after the last pause.

    def __repr__(self) -> str:
        waiting = sum(not turn.done() for *_, turn in self._waiting)
        return f"RequestBudget({self.requests_per_minute:g}/min, {self.requests_made} made, {waiting} waiting)"

    @property
    def rate_per_minute(self) -> float:
        """Current rate: the full rate, or a lower rate for a while after `slow_down`."""
        return self._rate() * 60

    async def take(self, priority: Priority = Priority.SUBMIT) -> None:
        """Wait until one request may be sent. Lower values of priority go first, equal values in order of arrival."""
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
            # A turn that was given and not used stays counted, since sending too few requests is harmless.
            turn.cancel()
            if self._dispatcher is not None and all(other.done() for *_, other in self._waiting):
                self._waiting.clear()
                self._dispatcher.cancel()
                self._dispatcher = None
            raise

    def slow_down(self, wait_s: float | None = None) -> None:
        """Pause, then continue at three quarters of the rate. To be called after a 429 for too many requests.

        Several calls within one pause count once. `wait_s` is the shortest pause, if the service named one. Otherwise
        the pause doubles while refusals continue (`RATE_PAUSE`).
        """
        now = self._clock.now()
        if now >= self._paused_until_s:
            refused_again = now - self._paused_until_s < 60
            self._refusals = self._refusals + 1 if refused_again else 1
            self._slow_rate = max(self._rate() * 3 / 4, self._full_rate / 16)
            self._paused_until_s = now + RATE_PAUSE.wait_s(self._refusals, rng=self._rng)
        if wait_s is not None:
            self._paused_until_s = max(self._paused_until_s, now + wait_s * self._rng.uniform(1.0, 1.1))
        # After a pause no missed requests are made up for.
        self._due_s = max(self._due_s, self._paused_until_s + self._tolerance_s)
        if self.on_pause is not None and self._paused_until_s > self._told_until_s:
            self._told_until_s = self._paused_until_s
            self.on_pause(self._paused_until_s - now)

    def _rate(self) -> float:
        """Return the current rate in requests per second."""
        recovered = max(self._clock.now() - self._paused_until_s, 0.0) / 120 * self._full_rate
        return min(self._full_rate, self._slow_rate + recovered)

    def _wait_s(self) -> float:
        """Return the seconds until the next request may be sent."""
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
                    continue  # A pause or a more urgent request may have come meanwhile.
                *_, turn = heapq.heappop(self._waiting)
                if not turn.done():  # A turn that is done was cancelled.
                    self._let_go()
                    turn.set_result(None)
        except BaseException as error:
            # A task that was stopped because nothing waited is not the dispatcher any more; new turns are not its own.
            if self._dispatcher is asyncio.current_task():
                for *_, turn in self._waiting:
                    if isinstance(error, asyncio.CancelledError):
                        turn.cancel()
                    elif not turn.done():
                        turn.set_exception(error)
                self._waiting.clear()
            raise


class Quota:
    """A quota of the service: a limit on the jobs, pending jobs, files or bytes that may be held at the same time.

    Parameters
    ----------
    limit
        Largest amount that may be held at the same time.
    resource
        Name of the limited resource, for messages, such as "stored files".
    clock
        Clock of the quota; by default real time.

    Notes
    -----
    Requests are served in order of arrival, so small amounts do not overtake a large one. If others use the same
    account, less than `limit` is available. `note_full` then lowers the assumed limit to the amount that is held, and
    each release raises it by a quarter of the released amount.
    """

    def __init__(self, limit: float, resource: str, clock: Clock | None = None) -> None:
        check_number(limit, f"the limit of {resource}", above=0, below=math.inf, advice="it is a positive number")
        self.limit = limit
        self.resource = resource
        self.held = 0
        """Amount that is held now."""
        self._clock = clock or Clock()
        self._room_for: float = limit  # The limit that is assumed to be available for this process.
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def __repr__(self) -> str:
        return f"Quota({self.held} of {self.limit:g} {self.resource}, {len(self._waiting)} waiting)"

    async def acquire(self, amount: int = 1, timeout_s: float | None = None) -> None:
        """Wait until there is room for `amount`, and hold it.

        Raises
        ------
        QuotaError
            If `amount` alone is more than the limit.
        TimeoutError
            If there is no room within `timeout_s`. Nothing is held then.
        """
        if amount < 0:
            raise InputError(f"{amount} {self.resource} cannot be held; the amount is 0 or more")
        if amount > self.limit:
            raise QuotaError(
                f"{amount} {self.resource} at once are more than the {self.limit:g} that the service stores"
            )
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
                self.held -= amount  # The turn came together with the cancellation.
            turn.cancel()
            self._serve()  # A smaller amount that waited behind this one may fit.
            raise

    def occupy(self, amount: int = 1) -> None:
        """Hold at once, even beyond the limit, what the service already stores because of an earlier run."""
        self.held += amount

    def release(self, amount: int = 1) -> None:
        """Give back a held amount, once the service does not store it any more."""
        if not 0 <= amount <= self.held:
            raise InputError(f"{amount} {self.resource} cannot be released; {self.held} are held")
        self.held -= amount
        self._room_for = min(self.limit, self._room_for + amount / 4)
        self._serve()

    def note_full(self, amount: int = 1) -> bool:
        """Give back `amount`, which the service refused for lack of room. Return True if waiting can help.

        Until something is released, nothing else is let through. False means that nothing is held here, so that no
        release will come; the caller should raise its QuotaError.
        """
        if not 0 <= amount <= self.held:
            raise InputError(f"{amount} {self.resource} cannot be given back; {self.held} are held")
        self.held -= amount
        self._room_for = self.held
        if self.held == 0:
            self._serve()  # The next request must try for itself.
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
                f"no room for {amount} {self.resource} within {timeout_s:g} s: {self.held} of {self.limit:g} are held"
            )

    def _serve(self) -> None:
        while self._waiting:
            amount, turn = self._waiting[0]
            if turn.done():  # The turn was cancelled.
                self._waiting.popleft()
                continue
            # If nothing is held, no release will come, so the first request passes whatever the assumed limit is.
            if self.held and self.held + amount > self._room_for:
                return
            self._waiting.popleft()
            self.held += amount
            turn.set_result(None)
