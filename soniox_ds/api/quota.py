"""Limits on what the service stores.

Conventions: times are seconds of the given clock. A quota belongs to one event loop, may be used by any number of its
tasks, and stays correct when a waiting task is cancelled.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque

from soniox_ds._arguments import check_number
from soniox_ds.api.clock import Clock
from soniox_ds.exceptions import InputError, QuotaError

__all__ = ["Quota"]


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
