"""The shared state of a run: its projects, the journal and the outcome of each job.

A job is *open* until its rows have an outcome and its remains on the server are deleted as far as possible.
`Run.settled` is set when no job is open and no further job will come.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from soniox_ds.api.budget import Priority
from soniox_ds.api.clock import Clock
from soniox_ds.api.models import ModelList
from soniox_ds.api.prices import ASYNC_USD_PER_HOUR, cost_usd
from soniox_ds.batch.jobs import Job, reference_of
from soniox_ds.batch.journal import Entry, Journal, State, UnansweredRequest
from soniox_ds.batch.limits import Limits
from soniox_ds.batch.projects import Project
from soniox_ds.batch.spending import MAX_COST_REACHED, Spending, estimate_usd
from soniox_ds.batch.workers import Workers
from soniox_ds.exceptions import (
    AuthError,
    InputError,
    NotFoundError,
    RequestError,
    ServiceError,
    SonioxDSError,
    error_type_of,
)
from soniox_ds.options import TranscriptionOptions
from soniox_ds.progress.display import Progress

__all__ = ["FATAL_AFTER", "Ids", "Run"]

FATAL_AFTER = 8
"""Number of jobs that fail in a row, for reasons other than their audio, before the run stops spending."""

LONGEST_MODEL = 256
"""Largest number of characters in a model's name. A longer text in an answer is not taken for a name."""

LONGEST_DURATION_MS = 2**31 - 1

PATIENCE_S = 600.0
"""Seconds that one recording may take beyond its own duration, unless the caller gives another limit."""

RETIRED_AT_ONCE = 10_000
"""Number of deleted ids that are sorted in at once."""

WAITING = 256
"""Largest number of jobs that are inspected and not yet submitted."""

log = logging.getLogger("soniox_ds.batch")


class Ids:
    """The ids that the service has given to files or to transcriptions, and the owner of each id.

    Of ids that were deleted on the server, only a hash of eight bytes is remembered, since a run may have millions.
    """

    def __init__(self) -> None:
        self._owner: dict[str, str] = {}
        self._kept: set[str] = set()
        self._retired: npt.NDArray[np.uint64] = np.empty(0, np.uint64)
        """Hashes of deleted ids, sorted."""
        self._just_retired: set[int] = set()
        self.contested = False
        """True once an id was given to a second owner. Every id must then be checked before it is used."""

    def take(self, remote_id: str, owner: str) -> bool:
        """Note that an answer gives the id to this owner. Return False if the id already belongs to another owner."""
        is_own = not self._is_retired(remote_id) and self._owner.setdefault(remote_id, owner) == owner
        self.contested = self.contested or not is_own
        return is_own

    def keep(self, remote_id: str, owner: str) -> bool:
        """Record permanently that the id belongs to this owner, after the service confirmed it.

        If another owner had only taken the id, that owner's next `take` returns False. Return False, and change
        nothing, if the id was recorded permanently for another owner before.
        """
        if remote_id in self._kept:
            return self._owner[remote_id] == owner
        if self._is_retired(remote_id):
            return False
        self._owner[remote_id] = owner
        self._kept.add(remote_id)
        return True

    def is_kept(self, remote_id: str, owner: str) -> bool:
        """Return True if the id belongs to this owner for good."""
        return remote_id in self._kept and self._owner[remote_id] == owner

    def retire(self, remote_id: str) -> None:
        """Note that an id was deleted on the server. It cannot get an owner any more."""
        self._owner.pop(remote_id, None)
        self._kept.discard(remote_id)
        self._just_retired.add(_hash_of(remote_id))
        if len(self._just_retired) >= RETIRED_AT_ONCE:
            just_retired = np.fromiter(self._just_retired, np.uint64, len(self._just_retired))
            self._retired = np.union1d(self._retired, just_retired)
            self._just_retired.clear()

    def _is_retired(self, remote_id: str) -> bool:
        value = _hash_of(remote_id)
        place = int(np.searchsorted(self._retired, np.uint64(value)))
        return value in self._just_retired or (place < len(self._retired) and int(self._retired[place]) == value)


def _hash_of(remote_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(remote_id.encode(), digest_size=8).digest())


class DeleteMethod(Protocol):
    """A method that deletes the file or transcription with an id."""

    async def __call__(self, remote_id: str, /, *, priority: Priority) -> Any: ...


class Run:
    """The state that the stages of one call of `transcribe` share."""

    def __init__(
        self,
        *,
        name: str,
        projects: Sequence[Project],
        journal: Journal,
        options: TranscriptionOptions,
        service: str,
        limits: Limits,
        clock: Clock,
        progress: Progress,
        timeout_s: float | None,
        models: ModelList,
        spending: Spending,
        refresh: bool = False,
        others: Collection[str] = (),
        workers: Workers | None = None,
    ) -> None:
        self.name = name
        self.projects = list(projects)
        """The projects of the run, one for each key. The list is empty in a run that only plans."""
        self._others = frozenset(others)
        """Fingerprints of the call's keys for other regions."""
        self.journal = journal
        self.options = options
        self.options_hash = options.job_hash()
        self.service = service
        self.limits = limits
        self.clock = clock
        self.progress = progress
        self.timeout_s = timeout_s
        self.models = models
        self.spending = spending
        self.refresh = refresh
        self.workers = workers
        """The workers that inspect and upload files; None if this process does it."""
        self.jobs: dict[str, Job] = {}
        """The jobs by their keys. In a run that writes its corpus into a folder, only the jobs that are not written
        yet."""
        self.jobs_of_row: dict[int, list[Job]] = {}
        """The jobs of each row of the dataset, one for each part of its recording. Rows without jobs may be absent."""
        self.n_prepared = 0
        """Number of rows, from the first, whose jobs are known."""
        self.on_outcome: Callable[[], object] = lambda: None
        """Function that is called when a row has an outcome."""
        self.to_submit: asyncio.Queue[Job] = asyncio.Queue()
        self.waiting_room = asyncio.Semaphore(WAITING)
        """Semaphore that keeps the preparation of jobs from running far ahead of their submission."""
        self.file_ids = Ids()
        """Ids of files. Their owners are the keys of jobs."""
        self.transcription_ids = Ids()
        """Ids of transcriptions. Their owners are the references of attempts at jobs."""
        self.fatal: SonioxDSError | None = None
        """The error because of which nothing more may be spent with any of the keys."""
        self.left_behind: list[str] = []
        """Descriptions of the files and transcriptions that could not be deleted, with the reasons."""
        self.sweeping = asyncio.Lock()
        self.settled = asyncio.Event()
        self._open = 0
        self._unsettled = 0
        self._all_found = False
        self._good_s: float | None = None

    async def learn_ids(self) -> None:
        """Note the ids of the files and transcriptions that earlier runs have on the server."""
        for entry in await self.journal.remains(self.service):
            if entry.file_id is not None and not entry.file_gone:
                self.file_ids.take(entry.file_id, entry.job_key)
            if entry.transcription_id is not None and not entry.transcription_gone:
                note = self.transcription_ids.keep if entry.state == State.DONE else self.transcription_ids.take
                note(entry.transcription_id, entry.reference)

    def note_pause(self, seconds: float) -> None:
        """Show that the service refuses requests for a while."""
        self.progress.note(
            f"pausing for {seconds:.0f} s, because the service accepts no more requests" if seconds else ""
        )

    def note_full_window(self, seconds: float) -> None:
        """Show that the run waits because the requests of the last minute are as many as the service accepts."""
        self.progress.note(
            f"waiting for about {seconds:.0f} s, because the requests of this minute are used up" if seconds else ""
        )

    # -- opening and closing jobs --------------------------------------------------------------------------------------

    def opened(self) -> None:
        """Count one more open job."""
        self._open += 1
        self._unsettled += 1

    async def closed(self, job: Job, entry: Entry | None = None) -> None:
        """Close a job for which nothing is left to do, and let other runs claim it. Write its entry if it is given."""
        for quota in list(job.holds):
            self.release(job, quota)
        if self.journal.read_only is None:
            writes = [] if entry is None else [self.journal.put(entry)]
            await asyncio.gather(
                *writes, self.journal.release(job.key, self.name)
            )  # Both are written in this order, in one batch.
        job.leave_copy()
        job.is_closed = True
        if job.project is not None:
            job.project.jobs.discard(job)
        self._drop(job)
        if job.entry is not None and job.entry.file_id is not None and job.entry.file_gone:
            self.file_ids.retire(job.entry.file_id)
        if job.entry is not None and job.entry.transcription_id is not None and job.entry.transcription_gone:
            self.transcription_ids.retire(job.entry.transcription_id)
        self._open -= 1
        self._check()

    def forget(self, job: Job) -> None:
        """Forget a job that is written, as soon as it is closed. Another row with its audio recalls its result."""
        job.is_written = True
        self._drop(job)

    def _drop(self, job: Job) -> None:
        if job.is_written and job.is_closed and self.jobs.get(job.key) is job:
            del self.jobs[job.key]

    def all_found(self) -> None:
        """Note that no further job will be opened."""
        self._all_found = True
        self._check()

    def _check(self) -> None:
        if not self._all_found:
            return
        if self._open == 0:
            self.settled.set()
        elif self._unsettled == 0:
            self.progress.note(f"deleting files and jobs from the service, {self._open} left")

    def _has_outcome(self) -> None:
        self._unsettled -= 1
        self._check()

    # -- state of the service ------------------------------------------------------------------------------------------

    def answered(self, job: Job | None = None) -> None:
        """Note that the service has answered as it should."""
        self._good_s = self.clock.now()
        if job is not None:
            job.troubled_s = None

    def may_wait(self, since_s: float) -> bool:
        """Return True if the run may wait for a service that has been failing since `since_s`.

        If the service has not answered even once in this run, the address, the network or a proxy is probably wrong,
        and the run does not wait.
        """
        return self._good_s is not None and self.clock.now() - since_s < self.limits.outage_s

    def trouble(self, job: Job, error: SonioxDSError) -> bool:
        """Note that the service fails on a job. Return True if the job may be tried again after a while."""
        if job.troubled_s is None:
            job.troubled_s = self.clock.now()
        if not self.may_wait(job.troubled_s):
            return False
        self.progress.note(f"waiting for the service to recover ({error_type_of(error)})")
        return True

    def is_gone(self, job: Job) -> bool:
        """Return True if the service has answered no request since it began to fail on this job."""
        return self._good_s is None or (job.troubled_s is not None and self._good_s < job.troubled_s)

    def stop_spending(self, error: SonioxDSError, project: Project | None = None) -> None:
        """Submit no further jobs to a project, or to any project if it is None. Transcripts that are paid for are still
        fetched."""
        for stopped in self.projects if project is None else [project]:
            if stopped.fatal is None:
                stopped.fatal = error
                if stopped.name:
                    log.warning("nothing more is sent with %s: %s", stopped.name, error)
                    self.progress.note(f"no new submissions with {stopped.name}: {type(error).__name__}")
        if self.fatal is None and all(each.fatal is not None for each in self.projects):
            self.fatal = error
            self.spending.wake()
            self.progress.note(f"no new submissions: {type(error).__name__}")

    def patience_s(self, job: Job) -> float:
        """Return the seconds after its submission for which the run waits for a job."""
        return self.timeout_s if self.timeout_s is not None else PATIENCE_S + (job.paid.duration_ms or 0) / 1000

    # -- projects ------------------------------------------------------------------------------------------------------

    def project_of(self, fingerprint: str | None) -> Project | None:
        """Return the project with the key of a journal entry; None if the run does not have this key.

        Entries that an earlier version wrote have no fingerprint. They belong to the project of the run if it has only
        one.
        """
        if fingerprint is None:
            return self.projects[0] if len(self.projects) == 1 else None
        return next((project for project in self.projects if project.fingerprint == fingerprint), None)

    def may_own(self, project: Project) -> Callable[[str | None], bool]:
        """Return a function that returns True for the fingerprint of a key whose files and jobs may be in a project.

        A key that the call does not have may have been replaced by any key of this run.
        """
        return lambda fingerprint: (
            self.project_of(fingerprint) is project
            or (self.project_of(fingerprint) is None and fingerprint not in self._others)
        )

    def assign(self, job: Job) -> Project:
        """Assign a job that was not sent yet to a project that accepts jobs: the project with its upload, or the least
        busy.

        At least one project must accept jobs.
        """
        if job.project is None or job.project.fatal is not None:
            open_projects = [project for project in self.projects if project.fatal is None]
            entry = job.entry
            is_uploaded = entry is not None and entry.state == State.UPLOADED
            uploaded = self.project_of(entry.key_fingerprint) if entry is not None and is_uploaded else None
            project = min(open_projects, key=lambda each: (each is not uploaded, each.limits.n_jobs, each.n_jobs))
            self.give_to(project, job)
        return job.sent_to

    def give_to(self, project: Project, job: Job) -> None:
        """Transfer a job to a project, from its present project if it has one."""
        if job.project is not None:
            job.project.jobs.discard(job)
        job.project = project
        project.jobs.add(job)

    async def move(self, job: Job) -> None:
        """Take a job that was not created yet out of a project that accepts no more jobs, and queue it for another
        project."""
        for quota in list(job.holds):
            self.release(job, quota)
        if job.entry is not None and job.entry.state in (State.UPLOADING, State.UPLOADED):
            job.entry.error_type = "moved"
            await self.advance(job, State.FAILED)
        job.troubled_s = job.crowded_s = None
        job.uploads = 0
        self.resubmit(job)

    # -- quotas --------------------------------------------------------------------------------------------------------

    async def acquire(self, job: Job, quota: str, amount: int = 1) -> None:
        """Wait for room in a quota, then hold it for the job."""
        if quota not in job.holds:
            await job.sent_to.limits.quotas[quota].acquire(amount)
            job.holds[quota] = amount

    def occupy(self, job: Job, quota: str, amount: int = 1) -> None:
        """Count the amount of a quota that the job already takes up."""
        if quota not in job.holds:
            job.sent_to.limits.quotas[quota].occupy(amount)
            job.holds[quota] = amount

    def release(self, job: Job, quota: str) -> None:
        """Give back the amount of a quota that the job holds."""
        if (amount := job.holds.pop(quota, None)) is not None:
            job.sent_to.limits.quotas[quota].release(amount)

    # -- journal entries -----------------------------------------------------------------------------------------------

    async def next_generation(self, job: Job) -> Entry:
        """Begin a new attempt at a job. It takes over an upload that is still in the project of the job."""
        old = job.entry
        fingerprint = job.sent_to.fingerprint
        generation = old.generation + 1 if old is not None else 1
        entry = Entry(
            job_key=job.key,
            generation=generation,
            reference=reference_of(self.options.client_reference_id_prefix or "", self.journal.id, job.key, generation),
            service=self.service,
            state=State.UPLOADING,
            source=job.recording.audio_id,
            model=self.options.model,
            options_hash=self.options_hash,
            duration_ms=job.recording.duration_ms,
            changed_at=self.clock.utcnow().timestamp(),
            key_fingerprint=fingerprint,
        )
        is_same_project = old is not None and self.project_of(old.key_fingerprint) is job.project
        if old is not None and old.file_id is not None and not old.file_gone and is_same_project:
            entry.file_id = old.file_id
            entry.state = State.UPLOADED
        elif job.recording.is_remote:
            entry.state = State.UPLOADED  # The service fetches the audio from the URL.
        job.entry = entry
        job.is_known = False
        if old is None:
            await self.journal.put(entry)
            return entry
        unfinished = old.state not in (State.DONE, State.FAILED)
        superseded = replace(
            old,
            state=State.FAILED if unfinished else old.state,
            error_type="answer_lost" if unfinished else old.error_type,
            # The file was deleted, or the new entry has taken it over. In another project, it must still be deleted.
            file_gone=int(old.file_id is not None) if is_same_project else old.file_gone,
        )
        await self.journal.put(superseded, entry)
        return entry

    async def advance(self, job: Job, state: str) -> None:
        """Write the new state of a job to the journal."""
        entry = job.paid
        entry.state = state
        entry.changed_at = self.clock.utcnow().timestamp()
        await self.journal.put(entry)

    async def note_model(self, entry: Entry, answered: object) -> None:
        """Note which model did a job: the model that the job names, otherwise the model from the service's list."""
        if isinstance(answered, str) and answered != entry.model and 0 < len(answered) <= LONGEST_MODEL:
            entry.resolved_model = await self.models.resolved(answered) or answered
            self.models.named_by_jobs.setdefault(entry.model, set()).add(entry.resolved_model)
        elif entry.resolved_model is None:
            entry.resolved_model = await self.models.resolved(entry.model)

    def note_duration(self, job: Job, answered: object) -> None:
        """Note the duration of a job's audio as the service reports it, unless the value is impossible."""
        if isinstance(answered, int) and 0 < answered <= LONGEST_DURATION_MS:
            job.paid.duration_ms = answered
            job.is_measured_here = False
            self.spending.correct(job.key, cost_usd(answered))

    async def note_lost(self, job: Job, kind: str) -> None:
        """Note that the server may hold something under the job's present reference that no entry uses."""
        now = self.clock.utcnow().timestamp()
        await self.journal.note_lost(UnansweredRequest(job.paid.reference, kind, now), self.service)

    async def admit(self, jobs: Sequence[Job]) -> None:
        """Queue the jobs of a recording for their submission, once there is room and their prices are reserved.

        If their prices do not all fit, only those jobs are queued that are under way already.
        """
        prices = {job.key: usd for job in jobs if (usd := self.price_of(job))}
        is_affordable = not prices or await self.spending.reserve(prices, is_over=lambda: self.fatal is not None)
        lengths = [job.recording.duration_ms for job in jobs if job.key in prices]
        for job in jobs:
            if job.key in prices and not is_affordable:
                length_ms = None if None in lengths else sum(filter(None, lengths))
                self.failed(job, MAX_COST_REACHED, self.spending.refusal(sum(prices.values()), length_ms))
                await self.closed(job)
                continue
            await self.waiting_room.acquire()
            job.waits = True
            self.to_submit.put_nowait(job)

    def price_of(self, job: Job) -> float:
        """Return the estimated price of the next attempt at a job; 0 if an attempt is under way already."""
        if job.entry is not None and job.entry.state in (State.CREATING, State.CREATED):
            return 0.0
        return estimate_usd(job.recording.duration_ms, ASYNC_USD_PER_HOUR)

    def resubmit(self, job: Job) -> None:
        """Queue a job for another attempt, without the waiting room, since the watcher would otherwise block itself."""
        self.enter(job, "")
        self.to_submit.put_nowait(job)

    async def next_to_submit(self) -> Job:
        """Take the next job from the waiting room."""
        job = await self.to_submit.get()
        if job.waits:
            job.waits = False
            self.waiting_room.release()
        return job

    def enter(self, job: Job, phase: str) -> None:
        """Show in which phase a job is; "" if it is in none."""
        before, job.phase = job.phase, phase
        self.progress.move(before, phase)
        if before == "uploading":
            self.progress.set_sent(job.key, None)

    # -- outcomes ------------------------------------------------------------------------------------------------------

    def count_rows(self, job: Job) -> None:
        """Report to the progress display the rows of this job whose jobs all have an outcome now."""
        for row in job.rows:
            if row in self.jobs_of_row and all(other.has_outcome for other in self.jobs_of_row[row]):
                self.count_row(row)

    def count_row(self, row: int) -> None:
        """Report to the progress display one row whose jobs all have an outcome."""
        self.on_outcome()
        jobs = self.jobs_of_row[row]
        charged_usd = 0.0
        for job in jobs:
            if job.finished and not job.recalled and not job.is_charged:
                job.is_charged = True
                charged_usd += cost_usd(job.duration_ms or 0)
        is_complete = not any(job.error for job in jobs)
        duration_ms = max(job.part.start_ms + (job.duration_ms or 0) for job in jobs)
        if is_complete and all(job.recalled for job in jobs):
            self.progress.add_recalled(duration_ms=duration_ms)
        else:
            self.progress.add_finished(is_complete, duration_ms, charged_usd)

    def went_well(self, job: Job) -> None:
        """Count a job whose transcript is in the journal, and queue it for the clean-up on the server."""
        self.enter(job, "")
        job.finished = True
        job.sent_to.failures_in_a_row = 0
        self.spending.correct(job.key, cost_usd(job.paid.duration_ms or 0))
        self.spending.keep(job.key)
        self.count_rows(job)
        self._has_outcome()
        job.sent_to.to_clean.put_nowait(job)

    def failed(self, job: Job, error_type: str, message: str) -> None:
        """Count a job that has no transcript in this run, and keep the reason for its rows."""
        self.enter(job, "")
        job.error = (error_type, message)
        if job.is_known or (job.entry is not None and job.entry.state in (State.CREATING, State.CREATED, State.DONE)):
            self.spending.keep(job.key)
        else:
            self.spending.give_back(job.key)
        self.count_rows(job)
        self._has_outcome()

    def taken_over(self, job: Job) -> None:
        """Count a job whose outcome another run has brought."""
        self.enter(job, "")
        self._has_outcome()

    async def refused(self, job: Job, error: SonioxDSError, *, concerns_audio: bool = False) -> None:
        """Fail a job after a request that failed for good. Nothing that was paid for is deleted."""
        entry, project = job.entry, job.project
        is_stuck = project is not None and entry is not None and entry.state in (State.CREATED, State.CREATING)
        message = project.explained(error) if project and is_stuck and isinstance(error, AuthError) else str(error)
        self.failed(job, error_type_of(error), message)
        if isinstance(error, RequestError | ServiceError) and not concerns_audio and project is not None:
            project.failures_in_a_row += 1
            if project.failures_in_a_row >= FATAL_AFTER:
                self.stop_spending(error, project)
        if entry is None or project is None or entry.state in (State.CREATED, State.CREATING, State.DONE):
            await self.closed(job)  # A later run continues the job from this state.
            return
        entry.error_type, entry.error_message = job.error or (None, None)
        await self.advance(job, State.FAILED)
        project.to_clean.put_nowait(job)

    # -- clean-up ------------------------------------------------------------------------------------------------------

    async def clean(self, job: Job) -> None:
        """Delete the transcription and then the file of a settled job, and close the job."""
        entry, project = job.paid, job.sent_to
        priority = Priority.FETCH if project.to_clean.qsize() > self.limits.backlog else Priority.CLEAN
        changed = False
        if entry.transcription_id is not None and not entry.transcription_gone:
            entry.transcription_gone = int(
                await self.delete(project, project.client.delete_transcription, entry.transcription_id, priority)
            )
            self.release(job, "pending")
            self.release(job, "transcriptions")
            changed = True
        if entry.file_id is not None and not entry.file_gone:
            entry.file_gone = int(await self.delete(project, project.client.delete_file, entry.file_id, priority))
            self.release(job, "files")
            self.release(job, "storage")
            changed = True
        await self.closed(job, entry if changed else None)

    async def delete(self, project: Project, method: DeleteMethod, remote_id: str, priority: Priority) -> bool:
        """Delete a file or a transcription and return True. If that fails, its entry stays for a later run."""
        if project.is_shut_out:
            return False
        try:
            await method(remote_id, priority=priority)
        except NotFoundError:
            return True  # Somebody else deleted it.
        except (RequestError, ServiceError, InputError) as error:
            log.info("%s could not be deleted: %s", remote_id, error)
            return False
        return True
