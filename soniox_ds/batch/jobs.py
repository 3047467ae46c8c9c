"""Jobs: one piece of audio under one set of options, however many recordings of a dataset hold that audio.

A recording is one job, unless its channels are transcribed separately or it is split because it is long. Then each of
its parts (``sources.parts``) is a job of its own.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from soniox_ds.batch.journal import Entry
from soniox_ds.batch.projects import Project
from soniox_ds.sources.parts import Part
from soniox_ds.sources.recording import Recording

__all__ = [
    "FINAL_ERRORS",
    "MONEY_ERRORS",
    "Job",
    "TemporaryCopy",
    "is_final",
    "is_settled",
    "job_key",
    "jobs_of_references",
    "parse_time",
    "reference_of",
    "split_reference",
]

MONEY_ERRORS = (
    "organization_balance_exhausted",
    "organization_monthly_budget_exhausted",
    "project_monthly_budget_exhausted",
)
FINAL_ERRORS = ("invalid_audio_file", "max_duration_reached", "transcription_output_too_long")
"""Errors that the audio itself causes."""
DOWNLOAD_ERRORS = ("file_download_",)
"""Prefixes of errors that the host of a URL causes. A new attempt is pointless at once, but worthwhile another day."""


def job_key(audio: str, options_hash: str, model: str, service: str, repeat: int = 0) -> str:
    """Return the key of a job, made of the audio (sha256 or URL, and the part), options, model, service and repeat."""
    repetition = (f"repeat {repeat}",) if repeat else ()
    return hashlib.sha256("\n".join((audio, options_hash, model, service, *repetition)).encode()).hexdigest()


def reference_of(prefix: str, journal_id: str, key: str, generation: int) -> str:
    """Return the ``client_reference_id`` of one attempt, by which it is found again if its answer is lost."""
    return f"{prefix}sxds:{journal_id}:{key[:32]}:{generation}"


_REFERENCE = re.compile(r"(sxds:(?P<journal>[0-9a-f]{8}):[0-9a-f]{32}):[0-9]+$")

_BETWEEN_REFERENCES = re.compile(r"(?<=[0-9]) ")


def split_reference(reference: object) -> tuple[str, str] | None:
    """Return the id of the journal and the part of a reference that all attempts at a job share, or None for others'.

    A prefix of the user's own (``client_reference_id_prefix``) is left out.

    >>> job = f"sxds:0123abcd:{'7f' * 16}"
    >>> split_reference(f"mine-{job}:2") == ("0123abcd", job), split_reference("order 17")
    (True, None)
    """
    match = _REFERENCE.search(reference) if isinstance(reference, str) else None
    return None if match is None else (match["journal"], match[1])


def jobs_of_references(references: object) -> list[str]:
    """Return the jobs of a recording: the part of each of its references that all attempts at the job share.

    >>> jobs_of_references(f"mine-sxds:0123abcd:{'7f' * 16}:2 mine-sxds:0123abcd:{'8a' * 16}:1")
    ['sxds:0123abcd:7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f', 'sxds:0123abcd:8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a']
    """
    if not isinstance(references, str):
        return []
    splits = map(split_reference, _BETWEEN_REFERENCES.split(references))
    return [split[1] for split in splits if split is not None]


def is_final(error_type: str | None) -> bool:
    """Return True if a job that ended with this error is not tried again within the same run."""
    return error_type is not None and (error_type in FINAL_ERRORS or error_type.startswith(DOWNLOAD_ERRORS))


def is_settled(error_type: str | None) -> bool:
    """Return True if a job that ended with this error is not tried again by later runs either, unless they refresh."""
    return error_type in FINAL_ERRORS


def parse_time(text: object) -> datetime | None:
    """Return an API timestamp (ISO 8601) as a datetime in UTC, or None if it is missing, wrong or not in 1970 to 2199.

    >>> parse_time("2026-10-03T14:40:37.263Z"), parse_time("9999-12-31T23:59:59-14:00")
    (datetime.datetime(2026, 10, 3, 14, 40, 37, 263000, tzinfo=datetime.timezone.utc), None)
    """
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return time if 1970 <= time.year < 2200 else None


@dataclass(slots=True)
class TemporaryCopy:
    """A downloaded file that several jobs may use. It is deleted when the last of them is closed."""

    path: Path
    users: int = 0

    def leave(self) -> None:
        """Count one user less, and delete the file after the last."""
        self.users -= 1
        if self.users <= 0:
            self.path.unlink(missing_ok=True)


@dataclass(slots=True, eq=False)
class Job:
    """A job of a run: its audio, the rows of the dataset that need it, and its journal entry."""

    key: str
    recording: Recording
    """The audio of the job: a recording, or one part of it."""
    part: Part = field(default_factory=Part)
    """The part of the rows' recordings that the job transcribes."""
    rows: list[int] = field(default_factory=list)
    entry: Entry | None = None
    project: Project | None = None
    """The project whose key the job is sent with; None before its submission."""
    fingerprint: tuple[int, int] | None = None
    """Size and modification time of the file when it was inspected."""
    copy: TemporaryCopy | None = None
    """The downloaded copy of the audio; None for audio that was here already."""
    phase: str = ""
    """The phase that the progress display counts the job in: one of `soniox_ds.progress.counts.PHASES`, or ""."""
    recalled: bool = False
    """True if an earlier run brought the outcome, a transcript or an error."""
    finished: bool = False
    """True once the transcript is stored in the journal."""
    is_closed: bool = False
    """True once nothing is left to do for the job."""
    is_written: bool = False
    """True once a row of the job is in the folder of the corpus."""
    is_charged: bool = False
    """True once the progress display has counted the cost of the job."""
    error: tuple[str, str] | None = None
    """``error_type`` and ``error_message`` of the rows; None unless the job failed in this run."""
    waits: bool = False
    """True while the job takes up a place in the waiting room."""
    attempts: int = 0
    """Number of times that the transcription failed, or was apparently never created."""
    uploads: int = 0
    """Number of times that the upload was lost."""
    fetches: int = 0
    """Number of times that the transcript could not be fetched."""
    damaged: int = 0
    """Number of times that the transcript came back damaged."""
    troubled_s: float | None = None
    """Time on the run's clock when the service began to fail on the job; None while the service does not fail."""
    crowded_s: float | None = None
    """Time on the run's clock when a quota first refused the job; None while there is room."""
    submitted_s: float = 0.0
    """Time on the run's clock when the job was submitted or taken up again."""
    missed: int = 0
    """Number of listings in a row that did not show the job."""
    lost_s: float | None = None
    """Time on the run's clock since when the job's id is being looked for; None while it is not."""
    listings_since_lost: int = 0
    is_known: bool = False
    """True once the service has confirmed that the job was created. The job is then never created again."""
    is_confirmed: bool = False
    """True if an answer of the service that carried the job's reference gave the job its id."""
    is_measured_here: bool = False
    """True if the service was not asked for the duration, because a webhook told that the job is done."""
    doubts: int = 0
    """Number of times that the job's id turned out to belong to another job."""
    answered_badly: str = ""
    """Description of what was wrong with the answer to the create request."""
    holds: dict[str, int] = field(default_factory=dict)
    """Amount of each quota that the job takes up."""

    @property
    def has_outcome(self) -> bool:
        """True once the job is finished or has failed."""
        return self.finished or self.error is not None

    def leave_copy(self) -> None:
        """Give up the downloaded copy of the audio, if the job has one."""
        if self.copy is not None:
            self.copy.leave()
            self.copy = None

    @property
    def duration_ms(self) -> int | None:
        """The duration that the service measured, or else the duration from the header of the file."""
        return (self.entry.duration_ms if self.entry is not None else None) or self.recording.duration_ms

    @property
    def sent_to(self) -> Project:
        """The project of the job. Raises RuntimeError before the job has a project."""
        if self.project is None:
            raise RuntimeError(f"job {self.key[:12]} has no project yet")
        return self.project

    @property
    def paid(self) -> Entry:
        """The journal entry of the job. Raises RuntimeError before the job has an entry."""
        if self.entry is None:
            raise RuntimeError(f"job {self.key[:12]} has no journal entry yet")
        return self.entry
