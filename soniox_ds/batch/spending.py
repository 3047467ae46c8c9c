"""The limit of what a call may spend.

Conventions: amounts are estimates in US dollars, from the list price. An amount is reserved before something is sent
that may be charged. It is corrected when the service reports the duration of the audio, and given back if nothing was
charged. In case of doubt it counts as spent, so that the limit is not exceeded.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from decimal import Decimal

from soniox_ds._arguments import check_number
from soniox_ds.api.prices import cost_usd, price_text
from soniox_ds.exceptions import OptionsError

__all__ = ["MAX_COST_REACHED", "Spending", "estimate_usd"]

MAX_COST_REACHED = "max_cost_reached"
"""The `error_type` of recordings that were not sent because of the limit."""
LONGEST_MS = 300 * 60_000
"""Longest recording that the service takes. It is reserved for audio whose duration is not known."""
_ROUNDING_USD = 1e-9


class Spending:
    """The money that a call, or several calls that share the limit, have spent and reserved.

    Parameters
    ----------
    max_usd
        The largest amount that may be spent; None for no limit.

    Raises
    ------
    OptionsError
        If the amount is not a number, or below 0.

    Examples
    --------
    >>> spending = Spending(0.25)
    >>> asyncio.run(spending.reserve({"one hour": 0.10}))
    True
    >>> spending.keep("one hour")
    >>> asyncio.run(spending.reserve({"an hour": 0.10, "another": 0.10})), spending.spent_usd
    (False, 0.1)
    """

    def __init__(self, max_usd: float | None = None) -> None:
        if max_usd is not None:
            advice = "it is the largest amount in US dollars that may be spent, 0 or more; None for no limit"
            max_usd = check_number(max_usd, "max_cost_usd", least=0, advice=advice, error=OptionsError)
        self.max_usd: float | None = max_usd
        self.spent_usd = 0.0
        """Amount for what has ended."""
        self.is_stopped = False
        """True once something did not fit. Nothing is begun any more then, not even shorter recordings."""
        self._reserved: dict[str, float] = {}
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def counted_usd(self) -> float:
        """Amount that is spent or reserved."""
        return self.spent_usd + sum(self._reserved.values())

    async def reserve(self, amounts: Mapping[str, float], *, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Reserve the amount of each owner, and return False, without reserving any, if they do not all fit.

        While jobs under way may give something back, the decision waits for them. It waits no longer once `is_over`
        returns True after a `wake`; nothing is reserved then, and True is returned.
        """
        usd = sum(amounts.values())
        while self.max_usd is not None and not is_over():
            if self.is_stopped or self.spent_usd + usd > self.max_usd + _ROUNDING_USD:
                self.is_stopped = True
                return False
            if self.counted_usd + usd <= self.max_usd + _ROUNDING_USD:
                self._reserved.update(amounts)
                return True
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
        return True

    def reserve_again(self, owner: str, usd: float) -> bool:
        """Reserve an amount for a further attempt, at once. Return False if it does not fit."""
        if self.max_usd is None or owner in self._reserved:
            return True
        if self.counted_usd + usd > self.max_usd + _ROUNDING_USD:
            return False
        self._reserved[owner] = usd
        return True

    def correct(self, owner: str, usd: float) -> None:
        """Replace a reserved amount, because the duration is known now."""
        if owner in self._reserved:
            self._reserved[owner] = usd
            self.wake()

    def keep(self, owner: str) -> None:
        """Count a reserved amount as spent."""
        self.spent_usd += self._reserved.pop(owner, 0.0)
        self.wake()

    def give_back(self, owner: str) -> None:
        """Release a reserved amount, because nothing was charged."""
        self._reserved.pop(owner, None)
        self.wake()

    def wake(self) -> None:
        """Let waiting reservations decide again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def refusal(self, usd: float, duration_ms: float | None) -> str:
        """Return the message of a recording that was not sent, of which what is not paid for would cost `usd`."""
        length = "" if duration_ms is not None else ", because its length is not known before it is transcribed"
        price = price_text(usd, at_most=True) if length else _amount_text(usd)
        if self.max_usd is not None and usd > self.max_usd:
            advice = f"give a max_cost_usd of at least {math.ceil(usd * 10_000) / 10_000:g}"
        else:
            advice = (
                "the same call goes on from here, with the same or a higher max_cost_usd: what is transcribed is free "
                "then, and the amount counts anew"
            )
        plain = f"{Decimal(f'{self.max_usd or 0:.6g}'):f}"
        return (
            f"not sent: max_cost_usd is {plain}, this call has spent {_amount_text(self.counted_usd)} (by the "
            f"list price, with what is under way), and this recording would cost {price}{length}. Nothing is begun "
            f"after the first recording that does not fit; {advice}"
        )


def _amount_text(usd: float) -> str:
    """Write an estimated amount as text. Unlike `price_text`, it shows how much a very small amount is.

    >>> _amount_text(0.0000277), _amount_text(0.0052)
    ('about $0.000028', 'about $0.005')
    """
    return f"about ${Decimal(f'{usd:.2g}'):f}" if 0 < usd < 0.001 else price_text(usd)


def estimate_usd(duration_ms: float | None, usd_per_hour: float) -> float:
    """Return the price of a recording; of the longest one that the service takes if its duration is not known."""
    return cost_usd(LONGEST_MS if duration_ms is None else duration_ms, usd_per_hour)
