"""What the service allows at once, and how patient a run is.

Sources: "Limits & quotas (async)" of the API documentation for the four quotas (they can be raised on request, then
hand in your own); requests per minute are not published, about 500 for an organisation were observed.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    settle_s
        After a create request without an answer: how long the job may take to show up in the listing before it counts
        as never created (seconds).
    attempts
        How often a job is tried in all when the service itself failed on it.
    backlog
        So many finished results may wait for their remote clean-up before it goes ahead of new submissions.
    quota_patience_s
        How long to wait for other people's pending jobs to make room (seconds).
    """

    pending: int = 100
    transcriptions: int = 2_000
    files: int = 1_000
    storage_bytes: int = 10_000_000_000
    settle_s: float = 20.0
    attempts: int = 3
    backlog: int = 500
    quota_patience_s: float = 120.0
