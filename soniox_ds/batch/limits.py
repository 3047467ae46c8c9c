"""Quotas of the service, and the limits of a run: time, and uploads at the same time.

Sources: the four quotas are those of "Limits & quotas (async)" in the API documentation. They can be raised on request;
pass your own values then. The requests per minute are not published; about 500 for an organisation were observed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from soniox_ds._arguments import check_number
from soniox_ds.api.retry import SUBMISSION
from soniox_ds.exceptions import OptionsError
from soniox_ds.sources.inspection import MAX_BYTES, MAX_DURATION_MS

__all__ = ["CONCURRENCY", "Limits"]

CONCURRENCY = 16
"""Number of uploads at the same time, unless the caller gives one."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The quotas of the account and the time limits of a run.

    Parameters
    ----------
    pending
        Largest number of jobs that are created and not yet processed.
    transcriptions
        Largest number of jobs stored on the server, including finished jobs.
    files, storage_bytes
        Largest number of uploaded files stored on the server, and their largest total size in bytes.
    file_bytes, duration_ms
        Largest file, and longest recording, that the service takes in one job.
    request_timeout_s
        Seconds of real time after which a request without any progress counts as failed.
    attempts
        Largest number of times that a recording is tried if the service itself fails.
    settle_s
        If a create request gets no answer, the job may appear in the list of jobs for this many seconds. If it does not
        appear, it counts as never created.
    outage_s
        Seconds for which a run waits for a service that worked before and does not answer any more.
    quota_patience_s
        Longest wait in seconds if others use up the quota of pending jobs. The wait is a quarter of this if they use up
        the quota of stored files or transcriptions, because these rarely go away by themselves.
    backlog
        Number of finished results that may wait for their clean-up on the server. If more are waiting, the clean-up is
        done before new submissions.

    Raises
    ------
    OptionsError
        If a number is not above 0.
    """

    pending: int = 100
    transcriptions: int = 2_000
    files: int = 1_000
    storage_bytes: int = 10_000_000_000
    file_bytes: int = MAX_BYTES
    duration_ms: int = MAX_DURATION_MS
    request_timeout_s: float = 60.0
    attempts: int = SUBMISSION.attempts
    settle_s: float = 20.0
    outage_s: float = 300.0
    quota_patience_s: float = 120.0
    backlog: int = 500

    def __post_init__(self) -> None:
        for field in fields(self):
            value, whole = getattr(self, field.name), field.type == "int"
            check_number(value, f"the limit {field.name}", whole=whole, above=0, error=OptionsError)
