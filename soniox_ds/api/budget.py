"""The request budget of an account: the number of requests per minute, and the order in which they start.

Conventions: times are seconds of the given clock. A `RequestWindow` is shared by all calls of the process that use the
account, in whatever threads their event loops run. Processes that use the same journal share their windows through a
file beside the journal (`request_ledger`). A `RequestBudget` is the share of one call. It belongs to one event loop,
may be used by any number of its tasks, and stays correct when a waiting task is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import os
import random
import threading
import weakref
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple, Self

from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.request_ledger import LedgerEntry, RequestLedger
from soniox_ds.api.retry import RATE_PAUSE
from soniox_ds.exceptions import InputError

__all__ = ["REQUESTS_PER_MINUTE", "Priority", "RequestBudget", "RequestWindow"]

REQUESTS_PER_MINUTE = 480
"""Default number of requests in a minute. About 500 for an organisation were observed; the rest is left to other
programs with the same key, such as the Console."""

WINDOW_S = 61.0
"""Seconds for which a request takes up its place. One second more than the service's minute, because a service may
count in whole seconds."""

PACED_S = 60.0
"""Seconds after the pause that follows a refusal during which requests leave evenly."""

OVERTAKEN_S = 60.0
"""A request goes before those of the next higher priority that came this many seconds later, so that it always gets its
turn."""

LARGEST_RESERVE = 1 / 3
"""Largest part of the places that submissions and deletions leave to transcripts that are about to be fetched."""

SOON_S = WINDOW_S * LARGEST_RESERVE
"""Places that become free within these seconds count towards this reserve."""

LOOK_S = 1.0
"""Seconds after which a request that only leaves room for others looks again whether the room is still needed."""

SHORTEST_S = 1e-9
"""Shortest wait, so that rounding cannot make the waits so short that time does not go on."""

LONGEST_PAUSE_S = 400.0
"""Pauses of other processes that would last longer than this are ignored, because the machine's clock must have
restarted."""

ROUNDING_S = 1e-6
"""Times that differ by less count as equal, because processes convert the times that they share."""

LONG_WAIT_S = 5.0
"""Waits for the window from this length on are reported to the user."""


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


class _Turn(NamedTuple):
    """A request that waits for its turn. Requests with smaller values go first."""

    due_s: float
    arrival: int
    granted: asyncio.Future[float]


class _Places:
    """The places of a sliding window. Each request takes up one of them for `WINDOW_S`."""

    def __init__(self, limit: int, free_at_s: list[float] | None = None) -> None:
        self.limit = limit
        self._free_at_s = free_at_s or []  # Times at which taken places become free, in ascending order.

    def n_used(self, now: float) -> int:
        return len(self._free_at_s) - bisect_right(self._free_at_s, now)

    def wait_s(self, n: int, now: float) -> float:
        """Return the seconds until `n` places are free at the same time."""
        earlier = len(self._free_at_s) - self.limit + n - 1
        return max(self._free_at_s[earlier] - now, 0.0) if earlier >= 0 else 0.0

    def taken(self, now: float) -> list[float]:
        """Return the times at which the taken places become free, in ascending order."""
        return self._free_at_s[bisect_right(self._free_at_s, now) :]

    def take(self, now: float) -> None:
        del self._free_at_s[: bisect_right(self._free_at_s, now)]
        self._free_at_s.append(now + WINDOW_S)

    def renew(self, started_s: float, now: float) -> None:
        """Restart the minute of the request that started at `started_s`, so that its place is taken for `WINDOW_S` from
        now on."""
        free_at_s = started_s + WINDOW_S
        place = bisect_left(self._free_at_s, free_at_s - ROUNDING_S)
        if place < len(self._free_at_s) and self._free_at_s[place] <= free_at_s + ROUNDING_S:
            del self._free_at_s[place]
        insort(self._free_at_s, now + WINDOW_S)


class _Sharing:
    """The part of a window that is shared with other processes through the ledger of a journal."""

    def __init__(self, ledger: RequestLedger, name: bytes) -> None:
        self.ledger = ledger
        self.name = name
        self.n_users = 0
        self.places = _Places(1)


class RequestWindow:
    """The requests of this process to one account within the last minute, and the pace after a refusal.

    Parameters
    ----------
    clock
        Clock of the window; by default real time.
    rng
        Random generator for the jitter.

    Notes
    -----
    After a refusal all requests pause. Then they leave evenly, by the generic cell rate algorithm: `burst` requests may
    be sent at once, to make up for late wake-ups, and one more after each interval. The interval keeps the number in a
    minute a fiftieth below the limit. The pace starts at three quarters of this rate and grows back to it within half a
    minute.
    """

    def __init__(self, clock: Clock | None = None, *, rng: random.Random | None = None) -> None:
        self.clock = clock or Clock()
        self.places = _Places(1)
        self._lock = threading.RLock()
        self._depth = 0
        self._sharings: dict[Path, _Sharing] = {}
        self._is_changed = False
        self.budgets: weakref.WeakSet[RequestBudget] = weakref.WeakSet()
        self._rng = rng or random.Random()
        self._paused_until_s = -math.inf
        self._due_s = -math.inf  # Time of the next request if it is paced and not sent early.
        self._refusals = 0
        self._slow_part = 1.0  # Part of the full pace directly after the last pause.

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the window against other threads, and its shared parts against other processes."""
        with self._lock:
            if self._depth or not self._sharings:
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                return
            with contextlib.ExitStack() as stack:
                sharings = [self._sharings[path] for path in sorted(self._sharings)]
                for sharing in sharings:
                    sharing.ledger.acquire()
                    stack.callback(sharing.ledger.release)
                    self._read(sharing)
                self._is_changed = False
                self._depth = 1
                try:
                    yield
                finally:
                    self._depth = 0
                    if self._is_changed:
                        for sharing in sharings:
                            self._write(sharing)

    def share(self, journal: Path, name: bytes) -> Path:
        """Share the window with the other processes that use a journal. Pass the returned path to `leave` once."""
        with self._lock:
            if journal not in self._sharings:
                self._sharings[journal] = _Sharing(RequestLedger(journal), name)
            self._sharings[journal].n_users += 1
        return journal

    def leave(self, journal: Path) -> None:
        """End one use of a shared window."""
        with self._lock:
            sharing = self._sharings[journal]
            sharing.n_users -= 1
            if not sharing.n_users:
                del self._sharings[journal]

    @property
    def all_places(self) -> list[_Places]:
        """The places of this process, and the places that it shares with other processes through each journal."""
        return [self.places, *(sharing.places for sharing in self._sharings.values())]

    def _read(self, sharing: _Sharing) -> None:
        """Take over the places, the pause and the pace that other processes have written to a ledger."""
        if not sharing.ledger.has_changed():
            sharing.places.limit = max(sharing.places.limit, self.places.limit)
            return
        now, machine_s = self.clock.now(), self.clock.ahead_s
        entry = sharing.ledger.entry(sharing.name)
        if entry is None:  # The file is damaged. All places may be taken, for a minute at most.
            sharing.places = _Places(self.places.limit)
            for _ in range(self.places.limit):
                sharing.places.take(now)
            return
        # If a place seems to be taken for longer than a minute, the clock of the machine has restarted.
        places = [min(free_at_s - machine_s, now + WINDOW_S) for free_at_s in entry.free_at_s]
        taken = [free_at_s for free_at_s in places if free_at_s > now]
        sharing.places = _Places(max(self.places.limit, entry.limit if taken else 0), taken)
        paused_until_s = entry.paused_until_s - machine_s
        if self._paused_until_s + ROUNDING_S < paused_until_s < now + LONGEST_PAUSE_S:
            self._paused_until_s, self._refusals, self._slow_part = paused_until_s, entry.refusals, entry.slow_part
        if self.is_paced():
            self._due_s = max(self._due_s, min(entry.due_s - machine_s, now + LONGEST_PAUSE_S))

    def _write(self, sharing: _Sharing) -> None:
        machine_s = self.clock.ahead_s
        entry = LedgerEntry(
            free_at_s=[free_at_s + machine_s for free_at_s in sharing.places.taken(self.clock.now())],
            limit=sharing.places.limit,
            paused_until_s=self._paused_until_s + machine_s,
            due_s=self._due_s + machine_s,
            slow_part=self._slow_part,
            refusals=self._refusals,
        )
        sharing.ledger.write(sharing.name, entry)

    def is_unused(self) -> bool:
        """Return True if no call uses the window and no request of an earlier call counts any more."""
        return not self.budgets and not self.places.n_used(self.clock.now()) and not self.is_paced()

    def is_paced(self) -> bool:
        """Return True during the pause after a refusal, and while requests leave evenly after it."""
        return self.clock.now() < self._paused_until_s + PACED_S

    def pause_s(self) -> float:
        """Return the seconds that are left of the pause after a refusal."""
        return self._paused_until_s - self.clock.now()

    def slow_down(self, wait_s: float | None) -> None:
        """Pause all requests after a refusal, and then send them evenly for a minute."""
        now = self.clock.now()
        self._is_changed = True
        if now >= self._paused_until_s:
            self._refusals = self._refusals + 1 if self.is_paced() else 1
            self._slow_part = max(self._part() * 3 / 4, 1 / 16)
            self._paused_until_s = now + RATE_PAUSE.wait_s(self._refusals, rng=self._rng)
        if wait_s is not None:
            self._paused_until_s = max(self._paused_until_s, now + wait_s * self._rng.uniform(1.0, 1.1))
        # After a pause no missed requests are made up for.
        self._due_s = max(self._due_s, self._paused_until_s + self._tolerance_s)

    def pace_wait_s(self) -> float:
        """Return the seconds until the pause and the pace let a request start."""
        return max(self._due_s - self._tolerance_s, self._paused_until_s) - self.clock.now() if self.is_paced() else 0.0

    def note_start(self, now: float) -> None:
        """Count a request that starts now."""
        self._is_changed = True
        for places in self.all_places:
            places.take(now)
        if self.is_paced():
            self._due_s = max(self._due_s, now) + 1 / (self._full_rate * self._part())

    def note_answer(self, started_s: float, now: float) -> None:
        """Restart the minute of the request that started at `started_s` at the time of its answer."""
        self._is_changed = True
        for places in self.all_places:
            places.renew(started_s, now)

    def serve(self) -> bool:
        """Let the request start whose turn it is, if one may start now. Return True if one may.

        If several calls have requests that may start, the turn is that of the call that has had the fewest places.
        """
        with self.locked():
            now = self.clock.now()
            ready = []
            for budget in self.budgets:
                first = budget.first(now)
                if first is not None and first[0] <= 0:
                    ready.append((budget.places.n_used(now), first[1], budget))
            if not ready:
                return False
            _, turn, budget = min(ready, key=lambda item: item[:2])
            budget.grant(turn, now)
            return True

    @property
    def _burst(self) -> int:
        return int(min(max(self.places.limit / 100, 1), 5))

    @property
    def _full_rate(self) -> float:
        """The full pace in requests per second."""
        paced = self.places.limit - int(self.places.limit / 50)
        return (paced + 1 - self._burst) / 60

    @property
    def _tolerance_s(self) -> float:
        return (self._burst - 1) / self._full_rate

    def _part(self) -> float:
        """Return the present part of the full pace."""
        return min(1.0, self._slow_part + max(-self.pause_s(), 0.0) / 120)


class RequestBudget:
    """The requests of one call: at most a number in any 60 seconds, and at once while the window has room.

    Parameters
    ----------
    requests_per_minute
        Number of requests of this call that is never exceeded in any 60 seconds. All calls that share the window
        together never exceed the largest of their numbers.
    clock
        Clock of the budget; by default real time.
    window
        Window that is shared with other calls; by default one of its own. `RequestBudget.shared` finds the window of an
        account.
    rng
        Random generator for the jitter.

    Notes
    -----
    A service counts a request somewhere between its start and its answer. A request therefore takes up a place from its
    start until 61 seconds after its answer, so that requests which are delayed on their way cannot fall into one minute
    of the service with later ones. The 61st second is for a service that counts in whole seconds. A request for which
    `answered` is not called counts from its start.
    """

    def __init__(
        self,
        requests_per_minute: float,
        clock: Clock | None = None,
        *,
        window: RequestWindow | None = None,
        rng: random.Random | None = None,
    ) -> None:
        if not 1 <= requests_per_minute < math.inf:
            raise InputError(f"requests_per_minute is {requests_per_minute!r}; it is a number from 1")
        self.requests_per_minute = requests_per_minute
        self.requests_made = 0
        """Number of requests that were sent."""
        self.on_pause: Callable[[float], object] | None = None
        """Function that is called with the seconds of a pause after a refusal when it begins, and with 0 at the first
        request after it."""
        self.on_full: Callable[[float], object] | None = None
        """Function that is called with the seconds of a long wait for the window when it begins, and with 0 at the
        first request after it."""
        self.reserve: Callable[[], int] = lambda: 0
        """Function that returns the number of transcripts that will soon be fetched. Submissions and deletions leave as
        many places free (at most a third of all)."""
        self.window = window or RequestWindow(clock, rng=rng)
        self.places = _Places(math.floor(requests_per_minute))
        self._clock = self.window.clock
        self._waiting: dict[Priority, deque[_Turn]] = {priority: deque() for priority in Priority}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._dispatcher: asyncio.Task[None] | None = None
        self._alarm: asyncio.Future[None] | None = None
        self._told_pause_until_s = -math.inf  # End of the last pause that was reported; -inf if its end was, too.
        self._told_full = False
        self._shared_through: Path | None = None
        with self.window.locked():
            self.window.places.limit = max(self.window.places.limit, self.places.limit)
            self.window.budgets.add(self)

    @classmethod
    def shared(
        cls,
        connection: Connection,
        requests_per_minute: float = REQUESTS_PER_MINUTE,
        clock: Clock | None = None,
        *,
        journal: Path | None = None,
    ) -> RequestBudget:
        """Return a budget that shares a window with all other calls of this process to the same organisation.

        With a `journal`, the window is also shared with other processes that use the journal, provided that the clock
        is a plain `Clock`. The limit holds for the whole organisation, which can have several keys, so the key makes no
        difference. Connections that do not state their organisation share the window of their address.
        """
        clock = clock or Clock()
        window = _window_of(connection.api_base_url, connection.organisation, clock)
        budget = cls(requests_per_minute, window=window)
        if journal is not None and type(clock) is Clock:
            name = RequestLedger.name_of(connection.api_base_url, connection.organisation, clock.speed)
            budget._shared_through = window.share(journal, name)
        return budget

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave the window to other calls. The requests of this call count until their minute is over."""
        with self.window.locked():
            self.window.budgets.discard(self)
        if self._shared_through is not None:
            self.window.leave(self._shared_through)
            self._shared_through = None

    def __repr__(self) -> str:
        return f"RequestBudget({self.requests_per_minute:g}/min, {self.requests_made} made, {self.n_waiting} waiting)"

    @property
    def n_waiting(self) -> int:
        """Number of requests that wait for their turn."""
        return sum(not turn.granted.done() for turns in self._waiting.values() for turn in turns)

    def n_free(self) -> int:
        """Return the number of requests that may start at once."""
        now = self._clock.now()
        if self.window.is_paced():
            return 0
        return min(places.limit - places.n_used(now) for places in (self.places, *self.window.all_places))

    async def take(self, priority: Priority = Priority.SUBMIT) -> float:
        """Wait until one request may start, and return its time. To be passed to `answered` when its answer is here.

        Lower values of priority go first, equal values in order of arrival.
        """
        self._loop = asyncio.get_running_loop()
        granted: asyncio.Future[float] = self._loop.create_future()
        now = self._clock.now()
        turn = _Turn(now + priority * OVERTAKEN_S, next(_arrivals), granted)
        with self.window.locked():
            self._waiting[priority].append(turn)
            if self.first(now) == (0.0, turn):
                self.window.serve()
        if granted.done():
            return granted.result()
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = asyncio.create_task(self._dispatch(), name="soniox_ds request budget")
        self._look_again()  # The dispatcher may sleep for a request that is less urgent and has to wait longer.
        try:
            return await granted
        except asyncio.CancelledError:
            # A turn that was given and not used stays counted, since sending too few requests is harmless.
            granted.cancel()
            self._look_again()
            raise

    def answered(self, started_s: float | None) -> None:
        """Note that the answer to a request is here, or will not come. `started_s` is what `take` returned."""
        if started_s is not None:
            with self.window.locked():
                now = self._clock.now()
                self.places.renew(started_s, now)
                self.window.note_answer(started_s, now)

    def slow_down(self, wait_s: float | None = None) -> None:
        """Pause, and then send evenly for a minute. To be called after a 429 for too many requests.

        Several calls within one pause count once. `wait_s` is the shortest pause, if the service named one. Otherwise
        the pause doubles while refusals continue (`RATE_PAUSE`).
        """
        with self.window.locked():
            self.window.slow_down(wait_s)
        self._report_pause()

    # -- called by the window, which holds its lock, perhaps in another thread -----------------------------------------

    def first(self, now: float) -> tuple[float, _Turn] | None:
        """Return the request that may start first, with the seconds until then; None if no request waits."""
        candidates = []
        for priority, turns in self._waiting.items():
            while turns and turns[0].granted.done():  # The turn was cancelled.
                turns.popleft()
            if turns:
                candidates.append((max(self._wait_s(priority, now), 0.0), turns[0]))
        return min(candidates, default=None)

    def grant(self, turn: _Turn, now: float) -> None:
        """Let a request start that waits for its turn."""
        for turns in self._waiting.values():
            if turns and turns[0] is turn:
                turns.popleft()
        self.requests_made += 1
        self.places.take(now)
        self.window.note_start(now)
        loop = self._loop
        assert loop is not None, "a request waits, so there is a loop"
        if loop is asyncio.get_running_loop():
            self._settle(turn, now)
        else:
            loop.call_soon_threadsafe(self._settle, turn, now)

    def reserved(self) -> int:
        """Return the number of places that submissions and deletions leave free."""
        return min(self.reserve(), int(self.places.limit * LARGEST_RESERVE))

    def _wait_s(self, priority: Priority, now: float) -> float:
        """Return the seconds until a request of this priority may start."""
        shared = self.window.all_places
        wait_s = max(self.window.pace_wait_s(), *(places.wait_s(1, now) for places in (self.places, *shared)))
        if priority in (Priority.URGENT, Priority.FETCH):
            return wait_s
        own = 1 + self.reserved()
        everybody = 1 + sum(budget.reserved() for budget in self.window.budgets)
        room_s = max(
            self.places.wait_s(own, now), *(places.wait_s(min(everybody, places.limit), now) for places in shared)
        )
        return max(wait_s, room_s - SOON_S)

    # -- in the loop of the budget -------------------------------------------------------------------------------------

    def _settle(self, turn: _Turn, started_s: float) -> None:
        if not turn.granted.done():
            turn.granted.set_result(started_s)
        if self._told_pause_until_s > -math.inf and self.on_pause is not None:
            self.on_pause(0.0)
        elif self._told_full and self.on_full is not None:
            self.on_full(0.0)
        self._told_pause_until_s, self._told_full = -math.inf, False

    def _report_pause(self) -> None:
        pause_s = self.window.pause_s()
        until_s = self._clock.now() + pause_s
        if self.on_pause is not None and pause_s > 0 and until_s > self._told_pause_until_s + 1e-6:
            self._told_pause_until_s = until_s
            self.on_pause(pause_s)

    def _report_wait(self, wait_s: float) -> None:
        if self.window.is_paced():
            self._report_pause()  # A request of another call was refused.
        elif wait_s >= LONG_WAIT_S and not self._told_full and self.on_full is not None:
            self._told_full = True
            self.on_full(wait_s)

    def _look_again(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()

    async def _dispatch(self) -> None:
        """Wake up when the next waiting request may start, as long as one waits."""
        try:
            while True:
                if self.window.serve():
                    await asyncio.sleep(0)  # Whoever was served may be refused, and then nobody else may start.
                    continue
                with self.window.locked():
                    first = self.first(self._clock.now())
                if first is None:
                    return
                wait_s = first[0]
                self._report_wait(wait_s)
                # The room that submissions leave may be needed no longer, or another call may have been refused.
                self._alarm = asyncio.ensure_future(self._clock.sleep(max(min(wait_s, LOOK_S), SHORTEST_S)))
                await asyncio.wait({self._alarm})
                if not self._alarm.cancelled():
                    self._alarm.result()
        except BaseException as error:
            for turns in self._waiting.values():
                for turn in turns:
                    if isinstance(error, asyncio.CancelledError):
                        turn.granted.cancel()
                    elif not turn.granted.done():
                        turn.granted.set_exception(error)
                turns.clear()
            raise
        finally:
            if self._alarm is not None:
                self._alarm.cancel()


_arrivals = itertools.count()
_windows: dict[tuple[str, str | None, object], RequestWindow] = {}
_windows_lock = threading.Lock()


def _window_of(address: str, organisation: str | None, clock: Clock) -> RequestWindow:
    """Return the window of an organisation at an address.

    Plain clocks of the same speed share a window. Every other clock has a window of its own.
    """
    key = (address, organisation, clock.speed if type(clock) is Clock else id(clock))
    with _windows_lock:
        for unused in [other for other, window in _windows.items() if other != key and window.is_unused()]:
            del _windows[unused]
        # The window holds a reference to its clock, so that no other clock gets the same id.
        return _windows.setdefault(key, RequestWindow(clock))


def _forget_windows() -> None:
    """Begin anew in a forked child, where another thread may have held the lock of a window."""
    global _windows_lock
    _windows_lock = threading.Lock()
    _windows.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_windows)
