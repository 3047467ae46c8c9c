"""What the service remembers of the requests that came in.

Conventions: no key and no body is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from soniox_ds.emulator.faults import Fault
from soniox_ds.emulator.keys import Caller

__all__ = ["Created", "Handler", "RequestRecord", "Visit"]


@dataclass(kw_only=True)
class RequestRecord:
    """What came in, without the key."""

    method: str
    path: str
    route: str
    time_s: float
    """Epoch seconds of service time."""
    status: int | None = None
    """As answered; None while nothing is, or where the connection was cut."""
    client_reference_id: str | None = None
    fault: str | None = None
    """Kind of the fault that it met."""


@dataclass(kw_only=True)
class Visit:
    """One request on its way through the door."""

    record: RequestRecord
    caller: Caller | None = None
    fault: Fault | None = None


Handler = Callable[[web.Request, Visit], Awaitable[web.StreamResponse]]


@dataclass
class Created:
    """How many transcriptions were ever created."""

    by_reference: Counter[str] = field(default_factory=Counter)
    by_audio: Counter[str] = field(default_factory=Counter)
    """By the sha256 of the uploaded bytes, or by URL."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.by_audio.total()
