"""What the service allows at once, and how patient a run is.

Sources: "Limits & quotas (async)" of the API documentation for the four quotas (they can be raised on request, then
hand in your own); requests per minute are not published, about 500 for an organisation were observed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from soniox_ds.exceptions import OptionsError

__all__ = ["Limits"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Quotas of the account and patience of a run; pass your own where yours differ.

    Parameters
    ----------
    pending
        Jobs created and not yet processed, at once.
    transcriptions
        Jobs stored on the server, finished ones included.
    files, storage_bytes
        Uploaded files stored on the server, and their bytes.
    request_timeout_s
        After so long without a sign of life a request counts as failed (seconds on the wall).
    attempts
        How often in all a recording is tried when the service itself fails on it.
    settle_s
        After a create request without an answer: how long the job may take to show up in the listing before it counts
        as never created (seconds).
    outage_s
        How long a run that was under way waits for a service that does not answer any more (seconds).
    quota_patience_s
        How long to wait until other people's pending jobs make room, and a quarter of it for their stored files and
        transcriptions, which rarely go by themselves (seconds).
    backlog
        So many finished results may wait for their remote clean-up before it goes ahead of new submissions.

    Raises
    ------
    OptionsError
        If a number is not above 0.
    """

    pending: int = 100
    transcriptions: int = 2_000
    files: int = 1_000
    storage_bytes: int = 10_000_000_000
    request_timeout_s: float = 60.0
    attempts: int = 6
    settle_s: float = 20.0
    outage_s: float = 300.0
    quota_patience_s: float = 120.0
    backlog: int = 500

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            whole = field.type == "int"
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not value > 0:
                raise OptionsError(
                    f"the limit {field.name} is {value!r}; it is a {'whole ' if whole else ''}number above 0"
                )
