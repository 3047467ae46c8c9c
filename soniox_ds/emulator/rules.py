"""State machine of the service: files, transcriptions, quotas, retention.

Conventions: nothing here uses a network, a disk or the wall clock. `now` (epoch seconds) is passed in, so that tests of
thirty days of retention take no time. Every method either changes the state, or raises a Refusal and changes nothing.
All methods are called from one thread.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import unquote, urlsplit

from soniox_ds.emulator.clock import timestamp
from soniox_ds.emulator.keys import KeyRing
from soniox_ds.emulator.limits import Limits, RateWindow
from soniox_ds.emulator.models import ModelCatalog
from soniox_ds.emulator.pages import page
from soniox_ds.emulator.recognizers import Heard
from soniox_ds.emulator.refusals import Refusal, invalid, not_found, quota, rate, too_large
from soniox_ds.emulator.usage import UsageBook
from soniox_ds.emulator.validation import check_create, check_temporary_key, page_limit

__all__ = ["MASK", "FileRecord", "Job", "Rules"]

MASK = "*" * 18
"""Text that the service shows instead of a webhook's secret."""

TOKEN_KEYS = (
    "text",
    "start_ms",
    "end_ms",
    "confidence",
    "speaker",
    "language",
    "translation_status",
    "source_language",
    "is_audio_event",
)


@dataclass(kw_only=True, slots=True)
class FileRecord:
    """An uploaded file."""

    number: int
    id: str
    filename: str
    size: int
    sha256: str
    created_at: float
    client_reference_id: str | None
    path: str
    """Path of the bytes, which the rules only pass on."""
    project: str = ""

    def wire(self) -> dict[str, Any]:
        """Return the JSON of the API."""
        return {
            "id": self.id,
            "filename": self.filename,
            "size": self.size,
            "created_at": timestamp(self.created_at),
            "client_reference_id": self.client_reference_id,
        }


@dataclass(kw_only=True, slots=True)
class Job:
    """A transcription."""

    number: int
    id: str
    body: dict[str, Any]
    """The create request without null values."""
    filename: str
    created_at: float
    status: str = "queued"
    audio_duration_ms: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    webhook_status_code: int | None = None
    started_at: float | None = None
    heard: Heard | None = None
    listed_from: float = 0.0
    """Time before which the job is missing from listings (a fault)."""
    unlisted_times: int = 0
    """Number of further listings from which the job is missing (a fault)."""
    webhook_delay_s: float = 0.0
    """Service seconds by which the webhook is late (a fault)."""
    flags: set[str] = field(default_factory=set)
    """Faults of this job."""
    project: str = ""

    @property
    def done(self) -> bool:
        """True if the state is final."""
        return self.status in ("completed", "error")

    def wire(self) -> dict[str, Any]:
        """Return the JSON of the API."""
        body = self.body
        return {
            "id": self.id,
            "status": self.status,
            "created_at": timestamp(self.created_at),
            "model": body["model"],
            "audio_url": body.get("audio_url"),
            "file_id": body.get("file_id"),
            "filename": self.filename,
            "language_hints": body.get("language_hints"),
            "enable_speaker_diarization": body.get("enable_speaker_diarization", False),
            "enable_language_identification": body.get("enable_language_identification", False),
            "audio_duration_ms": self.audio_duration_ms,
            "error_type": self.error_type,
            "error_message": self.error_message,
            "webhook_url": body.get("webhook_url"),
            "webhook_auth_header_name": body.get("webhook_auth_header_name"),
            "webhook_auth_header_value": MASK if "webhook_auth_header_value" in body else None,
            "webhook_status_code": self.webhook_status_code,
            "client_reference_id": body.get("client_reference_id"),
        }


class Rules:
    """The state and the decisions of the service.

    ``discard`` is called with every file that is deleted, by request or by age, so that its bytes can be removed.

    A key sees the files and transcriptions of its project; in methods with `project`, None stands for all projects. All
    projects belong to one organisation and share its limits.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        limits: Limits | None = None,
        keys: Collection[str] = (),
        catalog: ModelCatalog | None = None,
        discard: Callable[[FileRecord], None] | None = None,
    ) -> None:
        self.now = now
        self.limits = limits or Limits()
        self.catalog = catalog or ModelCatalog()
        self.keys = KeyRing(keys, now=now)
        self.usage = UsageBook(now=now, lag_s=self.limits.usage_lag_s)
        self.requests = RateWindow(self.limits.requests_per_minute, now=now)
        self.session_starts = RateWindow(self.limits.sessions_per_minute, now=now)
        self.discard = discard or (lambda _: None)
        self._numbers = count(1)
        self._files: dict[str, FileRecord] = {}
        self._jobs: dict[str, Job] = {}
        self._stored_bytes = 0

    # requests -------------------------------------------------------------------------------------------------------

    def admit_request(self) -> None:
        """Count a REST request; raises Refusal 429 if the limit of the minute is reached."""
        if not self.requests.admit():
            raise rate()

    # files ----------------------------------------------------------------------------------------------------------

    def check_upload(self, size: int = 0) -> None:
        """Raise the Refusal of an upload of at least `size` bytes that cannot succeed."""
        self._expire()
        if size > self.limits.file_bytes:
            raise too_large(self.limits.file_bytes)
        if len(self._files) >= self.limits.files:
            raise quota("files")
        if self._stored_bytes + size > self.limits.storage_bytes:
            raise quota("storage")

    def add_file(
        self,
        *,
        filename: str,
        size: int,
        sha256: str,
        path: str,
        client_reference_id: str | None,
        project: str = "",
    ) -> FileRecord:
        """Add an uploaded file."""
        if client_reference_id is not None and len(client_reference_id) > 256:
            raise invalid("body.client_reference_id", "String should have at most 256 characters", "string_too_long")
        if not filename or len(filename) > 1024:
            raise invalid("file.file", "The filename must have 1 to 1024 characters", "value_error")
        self.check_upload(size)
        record = FileRecord(
            number=next(self._numbers),
            id=str(uuid.uuid4()),
            filename=filename,
            size=size,
            sha256=sha256,
            created_at=self.now(),
            client_reference_id=client_reference_id or None,
            path=path,
            project=project,
        )
        self._files[record.id] = record
        self._stored_bytes += size
        return record

    def file(self, file_id: str, project: str | None = None) -> FileRecord:
        """Return a file; raises Refusal 404."""
        self._expire()
        record = self._files.get(file_id)
        if record is None or project not in (None, record.project):
            raise not_found("file")
        return record

    def delete_file(self, file_id: str, project: str | None = None) -> None:
        """Delete a file, even if it is in use."""
        record = self.file(file_id, project)
        del self._files[file_id]
        self._stored_bytes -= record.size
        self.discard(record)

    def list_files(self, query: Mapping[str, str], project: str | None = None) -> dict[str, Any]:
        """Return the body of ``GET /v1/files``."""
        records, cursor = page(
            ((record.number, record) for record in reversed(self.files) if project in (None, record.project)),
            "files",
            page_limit(query),
            query.get("cursor"),
        )
        return {"files": [record.wire() for record in records], "next_page_cursor": cursor}

    @property
    def files(self) -> list[FileRecord]:
        """Return all files, oldest first."""
        self._expire()
        return list(self._files.values())

    # transcriptions -------------------------------------------------------------------------------------------------

    def create(self, body: dict[str, Any], project: str = "") -> Job:
        """Queue a job for a request body without null values."""
        self._expire()
        check_create(body, self.catalog, context_chars=self.limits.context_chars)
        is_upload = "file_id" in body
        filename = self.file(body["file_id"], project).filename if is_upload else _name_in_url(body["audio_url"])
        if len(self._jobs) >= self.limits.transcriptions:
            raise quota("total")
        if sum(job.status == "queued" for job in self._jobs.values()) >= self.limits.pending:
            raise quota("pending")
        job = Job(
            number=next(self._numbers),
            id=str(uuid.uuid4()),
            body=body,
            filename=filename,
            created_at=self.now(),
            project=project,
        )
        self._jobs[job.id] = job
        return job

    def job(self, job_id: str, project: str | None = None) -> Job:
        """Return a transcription; raises Refusal 404."""
        self._expire()
        job = self._jobs.get(job_id)
        if job is None or project not in (None, job.project):
            raise not_found("transcription")
        return job

    def start(self, job_id: str, duration_ms: int | None) -> Job | None:
        """Change a queued job to processing; returns None if it was deleted meanwhile."""
        job = self._jobs.get(job_id)
        if job is not None:
            job.status, job.audio_duration_ms, job.started_at = "processing", duration_ms, self.now()
        return job

    def complete(self, job_id: str, transcription: Heard) -> None:
        """Change a job to completed and book its usage."""
        job = self._jobs.get(job_id)
        if job is None:
            return
        job.status, job.heard, job.audio_duration_ms = "completed", transcription, transcription.duration_ms
        self.usage.add(
            uuid=job.id,
            model=job.body["model"],
            mode="async",
            started_at=job.started_at or job.created_at,
            audio_ms=transcription.duration_ms,
            output_tokens=len(transcription.tokens),
            client_reference_id=job.body.get("client_reference_id"),
        )

    def fail(self, job_id: str, error_type: str, message: str) -> None:
        """Change a job to error."""
        if job := self._jobs.get(job_id):
            job.status, job.error_type, job.error_message = "error", error_type, message

    def delete_job(self, job_id: str, project: str | None = None) -> None:
        """Delete a transcription: 204 if queued or ended, 409 while processing. The uploaded file stays."""
        if self.job(job_id, project).status == "processing":
            raise _invalid_state("Transcription is being processed. Wait until it has completed or failed.")
        del self._jobs[job_id]

    def transcript(self, job_id: str, project: str | None = None) -> dict[str, Any]:
        """Return the body of a finished transcript. Optional keys are null if they do not apply."""
        job = self.job(job_id, project)
        if job.status == "error":
            raise _invalid_state("Transcription failed, so there is no transcript.")
        if job.heard is None:
            raise _invalid_state("Transcription is not completed yet.")
        tokens = [{key: token.get(key) for key in TOKEN_KEYS} for token in job.heard.tokens]
        return {"id": job.id, "text": "".join([str(token["text"]) for token in job.heard.tokens]), "tokens": tokens}

    def list_jobs(self, query: Mapping[str, str], project: str | None = None) -> dict[str, Any]:
        """Return the body of ``GET /v1/transcriptions``."""
        limit = page_limit(query)
        now = self.now()
        newest_first = [(job.number, job) for job in reversed(self.jobs) if project in (None, job.project)]
        listed = [(number, job) for number, job in newest_first if job.listed_from <= now and not job.unlisted_times]
        jobs, cursor = page(listed, "transcriptions", limit, query.get("cursor"))
        for _, job in newest_first:
            job.unlisted_times = max(0, job.unlisted_times - 1)
        return {"transcriptions": [job.wire() for job in jobs], "next_page_cursor": cursor}

    @property
    def jobs(self) -> list[Job]:
        """Return all transcriptions, oldest first."""
        self._expire()
        return list(self._jobs.values())

    # counts and keys ------------------------------------------------------------------------------------------------

    def count_files(self, project: str | None = None) -> dict[str, int]:
        """Return the body of ``GET /v1/files/count``."""
        return _counts(sum(project in (None, record.project) for record in self.files))

    def count_jobs(self, project: str | None = None) -> dict[str, int]:
        """Return the body of ``GET /v1/transcriptions/count``."""
        return _counts(sum(project in (None, job.project) for job in self.jobs))

    def mint(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the body of a new temporary key."""
        check_temporary_key(body)
        return self.keys.mint(body)

    # age ------------------------------------------------------------------------------------------------------------

    def _expire(self) -> None:
        """Remove entries older than the retention; both tables are in order of creation."""
        oldest = self.now() - self.limits.retention_s
        while self._files and next(iter(self._files.values())).created_at <= oldest:
            record = self._files.pop(next(iter(self._files)))
            self._stored_bytes -= record.size
            self.discard(record)
        while self._jobs and next(iter(self._jobs.values())).created_at <= oldest:
            del self._jobs[next(iter(self._jobs))]


def _counts(total: int) -> dict[str, int]:
    return {"total": total, "public_api": total, "playground": 0}


def _invalid_state(message: str) -> Refusal:
    return Refusal(409, "transcription_invalid_state", message)


def _name_in_url(url: str) -> str:
    """Return the last part of the path, percent-decoded.

    >>> _name_in_url("https://host/a/coffee%20shop.mp3?token=1"), _name_in_url("https://host/")
    ('coffee shop.mp3', 'audio')
    """
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1]) or "audio"
