"""A job: one piece of audio under one set of options, however many recordings of a dataset hold it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from soniox_ds.batch.journal import Entry
from soniox_ds.sources.recording import Recording

__all__ = [
    "FINAL_ERRORS",
    "MONEY_ERRORS",
    "Job",
    "is_final",
    "is_settled",
    "job_key",
    "parse_time",
    "reference_of",
]

MONEY_ERRORS = (
    "organization_balance_exhausted",
    "organization_monthly_budget_exhausted",
    "project_monthly_budget_exhausted",
)
FINAL_ERRORS = ("invalid_audio_file", "max_duration_reached", "transcription_output_too_long")
"""The audio itself is to blame."""
DOWNLOAD_ERRORS = ("file_download_",)
"""Families of errors that come from the host of a URL: pointless to try again at once, worth it another day."""


def job_key(audio: str, options_hash: str, model: str, service: str, repeat: int = 0) -> str:
    """What makes two requests the same: audio (its sha256 or URL), options, model, service and repeat."""
    again = (f"repeat {repeat}",) if repeat else ()
    return hashlib.sha256("\n".join((audio, options_hash, model, service, *again)).encode()).hexdigest()


def reference_of(prefix: str, journal_id: str, key: str, generation: int) -> str:
    """The ``client_reference_id`` of one attempt, by which it is found again if its answer is lost."""
    return f"{prefix}sxds:{journal_id}:{key[:32]}:{generation}"


def is_final(error_type: str | None) -> bool:
    """Whether a job that ended with this error is not tried again within the same run."""
    return error_type is not None and (error_type in FINAL_ERRORS or error_type.startswith(DOWNLOAD_ERRORS))


def is_settled(error_type: str | None) -> bool:
    """Whether a job that ended with this error is not tried again by later runs either, unless they refresh."""
    return error_type in FINAL_ERRORS


def parse_time(text: object) -> datetime | None:
    """An API timestamp (ISO 8601) as a datetime in UTC; None where there is none or it is no moment of 1970 to 2199.

    >>> parse_time("2026-10-03T14:40:37.263Z"), parse_time("9999-12-31T23:59:59-14:00")
    (datetime.datetime(2026, 10, 3, 14, 40, 37, 263000, tzinfo=datetime.timezone.utc), None)
    """
    if not isinstance(text, str):
        return None
    try:
        when = datetime.fromisoformat(text)
        when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return when if 1970 <= when.year < 2200 else None


@dataclass(slots=True, eq=False)
class Job:
    """One job of a run: its audio, the rows of the dataset that want it, and its journal entry."""

    key: str
    recording: Recording
    rows: list[int] = field(default_factory=list)
    entry: Entry | None = None
    fingerprint: tuple[int, int] | None = None
    """Size and time of change of its file when it was inspected."""
    recalled: bool = False
    """Whether its outcome, good or bad, is an earlier run's."""
    finished: bool = False
    """Whether its transcript is safe in the journal."""
    error: tuple[str, str] | None = None
    """Why it has none in this run: ``error_type`` and ``error_message`` of its rows."""
    waits: bool = False
    """Whether it takes up a place in the waiting room."""
    attempts: int = 0
    """How often its transcription failed, or was never created as far as can be known."""
    uploads: int = 0
    """How often its upload was lost."""
    fetches: int = 0
    """How often its transcript could not be fetched."""
    damaged: int = 0
    """How often its transcript came back damaged."""
    troubled_s: float | None = None
    """The run's clock when the service began to fail on it; None while all is well."""
    crowded_s: float | None = None
    """The run's clock when a quota first refused it; None while there is room."""
    submitted_s: float = 0.0
    """The run's clock when it was submitted or taken up again."""
    missed: int = 0
    """So many listings in a row did not show it."""
    lost_s: float | None = None
    """The run's clock when a create request ended without an answer; None otherwise."""
    listings_since_lost: int = 0
    is_known: bool = False
    """Whether the service has said that it was created, so that it is not created again where it is looked for."""
    doubts: int = 0
    """How often its id turned out not to be its own."""
    answered_badly: str = ""
    """What was wrong with the answer to its create request."""
    holds: dict[str, int] = field(default_factory=dict)
    """What it holds of each quota."""

    @property
    def has_outcome(self) -> bool:
        """Whether its rows are settled."""
        return self.finished or self.error is not None

    @property
    def paid(self) -> Entry:
        """Its entry, once it has one."""
        if self.entry is None:
            raise RuntimeError(f"job {self.key[:12]} has no journal entry yet")
        return self.entry
