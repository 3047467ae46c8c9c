"""List prices, for estimates only: the invoice is billed by tokens and decides.

Source: the vendor's pricing page as of the API documentation this package was written from (about 0.10 USD for an hour
of audio transcribed from files, about 0.12 USD for an hour of an open real-time stream).
"""

from __future__ import annotations

__all__ = ["ASYNC_USD_PER_HOUR", "REAL_TIME_USD_PER_HOUR", "cost_usd"]

ASYNC_USD_PER_HOUR = 0.10
REAL_TIME_USD_PER_HOUR = 0.12

MS_PER_HOUR = 3_600_000


def cost_usd(duration_ms: float, usd_per_hour: float = ASYNC_USD_PER_HOUR) -> float:
    """Estimated cost of so much audio.

    >>> round(cost_usd(90 * 60 * 1000), 4)
    0.15
    """
    return duration_ms / MS_PER_HOUR * usd_per_hour
