"""Cost estimates from list prices. The vendor bills by tokens, so the invoice may differ.

Source: the vendor's pricing page, as of the API documentation from which this package was written (about 0.10 USD for
an hour of audio transcribed from files, about 0.12 USD for an hour of an open real-time stream).
"""

from __future__ import annotations

__all__ = ["ASYNC_USD_PER_HOUR", "LIVE_USD_PER_HOUR", "cost_usd", "price_text"]

ASYNC_USD_PER_HOUR = 0.10
LIVE_USD_PER_HOUR = 0.12

MS_PER_HOUR = 3_600_000


def cost_usd(duration_ms: float, usd_per_hour: float = ASYNC_USD_PER_HOUR) -> float:
    """Estimate the cost of audio of this duration in US dollars.

    >>> round(cost_usd(90 * 60 * 1000), 4)
    0.15
    """
    return duration_ms / MS_PER_HOUR * usd_per_hour


def price_text(usd: float, *, at_most: bool = False) -> str:
    """Write an estimated price as text. A price above zero is never shown as zero.

    >>> price_text(12.345), price_text(0.104), price_text(0.0052), price_text(0.0004), price_text(0)
    ('about $12.35', 'about $0.10', 'about $0.005', 'less than $0.001', '$0.00')
    >>> price_text(12.345, at_most=True)
    'at most about $12.35'
    """
    if usd == 0:
        return "$0.00"
    if usd < 0.001:
        return "less than $0.001"
    amount = f"about ${usd:,.2f}" if usd >= 0.095 else f"about ${usd:.1g}"
    return f"at most {amount}" if at_most else amount
