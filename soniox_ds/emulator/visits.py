"""Records of the requests that the service received, and of the webhooks that it sent.

Conventions: no key and no body is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from soniox_ds.emulator.faults import Fault
from soniox_ds.emulator.keys import Caller

__all__ = ["Created", "Handler", "RequestRecord", "Visit", "WebhookRecord"]


@dataclass(kw_only=True)
class RequestRecord:
    """A request, without the key."""

    method: str
    path: str
    route: str
    time_s: float
    """Epoch seconds of service time."""
    status: int | None = None
    """Status of the answer; None if there is no answer yet, or the connection was cut."""
    client_reference_id: str | None = None
    project: str | None = None
    """Project of the key; None if the key was refused."""
    fault: str | None = None
    """Kind of the fault that was applied."""


@dataclass(kw_only=True)
class WebhookRecord:
    """An attempt to deliver the webhook of a transcription."""

    transcription_id: str
    time_s: float
    """Epoch seconds of service time at which the attempt ended."""
    status: int | None
    """Status of the receiver's answer; None if no answer came."""


@dataclass(kw_only=True)
class Visit:
    """A request while it is being handled."""

    record: RequestRecord
    caller: Caller | None = None
    fault: Fault | None = None

    @property
    def project(self) -> str:
        """Project of the key."""
        return "" if self.caller is None else self.caller.project


Handler = Callable[[web.Request, Visit], Awaitable[web.StreamResponse]]


@dataclass
class Created:
    """Number of transcriptions that were ever created."""

    by_reference: Counter[str] = field(default_factory=Counter)
    by_audio: Counter[str] = field(default_factory=Counter)
    """Number by the sha256 of the uploaded bytes, or by URL."""

    @property
    def total(self) -> int:
        """Total number."""
        return self.by_audio.total()
