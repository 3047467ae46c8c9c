"""What the stages of one run share: the client, the journal, the quotas, and what became of each job.

A job is *open* until its rows have an outcome and everything that can be cleaned up remotely is. `Run.settled` is set
when no job is open and none will come.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any, Protocol

from soniox_ds.api.budget import Priority, Quota
from soniox_ds.api.client import Client
from soniox_ds.api.clock import Clock
from soniox_ds.api.models import ModelList
from soniox_ds.api.prices import cost_usd
from soniox_ds.batch.jobs import Job, reference_of
from soniox_ds.batch.journal import Entry, Journal, Lost, State
from soniox_ds.batch.limits import Limits
from soniox_ds.exceptions import (
    InputError,
    NotFoundError,
    QuotaError,
    RequestError,
    ServiceError,
    SonioxDSError,
    error_type_of,
)
from soniox_ds.options import TranscriptionOptions
from soniox_ds.progress.display import Progress

__all__ = ["FATAL_AFTER", "Ids", "Run"]

FATAL_AFTER = 8
"""So many jobs in a row failing for reasons that are not their own, with none in between that went well, end the
spending."""

LONGEST_MODEL = 256
"""Characters of a model's name; what is longer is no name."""

WAITING = 256
"""So many jobs may be inspected and not yet submitted."""

log = logging.getLogger("soniox_ds.batch")


class Ids:
    """The ids that the service has given to files or to transcriptions, each of them to one owner."""

    def __init__(self) -> None:
        self._owner: dict[str, str] = {}
        self._kept: set[str] = set()
        self.contested = False
        """True once an id was given to a second owner, so that no other id can be trusted without a look."""

    def take(self, remote_id: str, owner: str) -> bool:
        """Note that an answer gives the id to this owner; False if it belongs to another one already."""
        is_own = self._owner.setdefault(remote_id, owner) == owner
        self.contested = self.contested or not is_own
        return is_own

    def keep(self, remote_id: str, owner: str) -> bool:
        """Note for good that the id belongs to this owner, because the service said so when asked for the id itself.

        An owner who only took the id learns of it by taking it again. False if another owner keeps it.
        """
        if remote_id in self._kept:
            return self._owner[remote_id] == owner
        self._owner[remote_id] = owner
        self._kept.add(remote_id)
        return True

    def is_kept(self, remote_id: str, owner: str) -> bool:
        """Return True if the id belongs to this owner for good."""
        return remote_id in self._kept and self._owner[remote_id] == owner


class DeleteMethod(Protocol):
    """Deletes the file or transcription of an id."""

    async def __call__(self, remote_id: str, /, *, priority: Priority) -> Any: ...


class Run:
    """One call of `transcribe`: state that its stages share."""

    def __init__(
        self,
        *,
        name: str,
        client: Client,
        journal: Journal,
        options: TranscriptionOptions,
        service: str,
        limits: Limits,
        clock: Clock,
        progress: Progress,
        timeout_s: float | None,
        models: ModelList,
    ) -> None:
        self.name = name
        self.client = client
        self.journal = journal
        self.options = options
        self.options_hash = options.hash()
        self.service = service
        self.limits = limits
        self.clock = clock
        self.progress = progress
        self.timeout_s = timeout_s
        self.models = models
        self.quotas = {
            "pending": Quota(limits.pending, "pending transcriptions", clock),
            "transcriptions": Quota(limits.transcriptions, "stored transcriptions", clock),
            "files": Quota(limits.files, "stored files", clock),
            "storage": Quota(limits.storage_bytes, "bytes of stored files", clock),
        }
        self.to_submit: asyncio.Queue[Job] = asyncio.Queue()
        self.waiting_room = asyncio.Semaphore(WAITING)
        """Keeps the finding of recordings from running ahead of their submission."""
        self.to_fetch: asyncio.Queue[Job] = asyncio.Queue()
        self.to_clean: asyncio.Queue[Job] = asyncio.Queue()
        self.file_ids = Ids()
        """Owned by jobs, by their keys."""
        self.transcription_ids = Ids()
        """Owned by attempts at jobs, by their references."""
        self.fatal: SonioxDSError | None = None
        """Why nothing more may be spent."""
        self.left_behind: list[str] = []
        """What could not be deleted, and why."""
        self.sweeping = asyncio.Lock()
        self.settled = asyncio.Event()
        self._open = 0
        self._unsettled = 0
        self._all_found = False
        self._failures_in_a_row = 0
        self._good_s: float | None = None

    async def learn_ids(self) -> None:
        """Note the ids of what earlier runs have on the service."""
        for entry in await self.journal.remains(self.service):
            if entry.file_id is not None and not entry.file_gone:
                self.file_ids.take(entry.file_id, entry.job_key)
            if entry.transcription_id is not None and not entry.transcription_gone:
                note = self.transcription_ids.keep if entry.state == State.DONE else self.transcription_ids.take
                note(entry.transcription_id, entry.reference)

    def note_pause(self, seconds: float) -> None:
        """Show that the service refuses requests for a while."""
        self.progress.note(
            f"pausing for {seconds:.0f} s, because the service takes no more requests" if seconds else ""
        )

    # -- opening and closing jobs --------------------------------------------------------------------------------------

    def opened(self) -> None:
        """One more job is on its way."""
        self._open += 1
        self._unsettled += 1

    async def closed(self, job: Job, entry: Entry | None = None) -> None:
        """Nothing is left to do for this job; other runs may have it. Writes its entry where one is given."""
        for what in list(job.holds):
            self.release(job, what)
        if self.journal.read_only is None:
            writes = [] if entry is None else [self.journal.put(entry)]
            await asyncio.gather(*writes, self.journal.release(job.key, self.name))  # in this order, and together
        self._open -= 1
        self._check()

    def all_found(self) -> None:
        """No job will be opened any more."""
        self._all_found = True
        self._check()

    def _check(self) -> None:
        if not self._all_found:
            return
        if self._open == 0:
            self.settled.set()
        elif self._unsettled == 0:
            self.progress.note(f"tidying up on the service, {self._open} to go")

    def _has_outcome(self) -> None:
        self._unsettled -= 1
        self._check()

    # -- the weather ---------------------------------------------------------------------------------------------------

    def answered(self, job: Job | None = None) -> None:
        """The service is there and does its work."""
        self._good_s = self.clock.now()
        if job is not None:
            job.troubled_s = None

    def may_wait(self, since_s: float) -> bool:
        """Whether a service that has been failing since then is worth waiting for.

        It is not where it never did anything in this run: then the address, the network or a proxy is wrong.
        """
        return self._good_s is not None and self.clock.now() - since_s < self.limits.outage_s

    def trouble(self, job: Job, error: SonioxDSError) -> bool:
        """Note that the service fails on a job; True where it may be tried again after a while."""
        if job.troubled_s is None:
            job.troubled_s = self.clock.now()
        if not self.may_wait(job.troubled_s):
            return False
        self.progress.note(f"waiting for the service to recover ({error_type_of(error)})")
        return True

    def is_gone(self, job: Job) -> bool:
        """Whether the service has done nothing at all since it began to fail on this job."""
        return self._good_s is None or (job.troubled_s is not None and self._good_s < job.troubled_s)

    def stop_spending(self, error: SonioxDSError) -> None:
        """From now on nothing new is submitted; what is paid for is still brought home."""
        if self.fatal is None:
            self.fatal = error
            self.progress.note(f"no new submissions: {type(error).__name__}")

    @property
    def is_shut_out(self) -> bool:
        """Whether the service has said that it takes no requests for longer than a run waits."""
        return isinstance(self.fatal, QuotaError) and self.fatal.retry_after_s is not None

    # -- quotas --------------------------------------------------------------------------------------------------------

    async def acquire(self, job: Job, what: str, amount: int = 1) -> None:
        """Wait for room, then hold it for the job."""
        if what not in job.holds:
            await self.quotas[what].acquire(amount)
            job.holds[what] = amount

    def occupy(self, job: Job, what: str, amount: int = 1) -> None:
        """Count what the job already takes up on the server."""
        if what not in job.holds:
            self.quotas[what].occupy(amount)
            job.holds[what] = amount

    def release(self, job: Job, what: str) -> None:
        """Give room back."""
        if (amount := job.holds.pop(what, None)) is not None:
            self.quotas[what].release(amount)

    # -- journal entries -----------------------------------------------------------------------------------------------

    async def next_generation(self, job: Job) -> Entry:
        """Begin a new attempt at a job; an upload that is still there moves along with it."""
        old = job.entry
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
        )
        if old is not None and old.file_id is not None and not old.file_gone:
            entry.file_id = old.file_id
            entry.state = State.UPLOADED
        elif job.recording.url is not None:
            entry.state = State.UPLOADED  # there is nothing to upload
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
            file_gone=int(old.file_id is not None),  # gone or moved along
        )
        await self.journal.put(superseded, entry)
        return entry

    async def advance(self, job: Job, state: str) -> None:
        """Write down how far the job has come."""
        entry = job.paid
        entry.state = state
        entry.changed_at = self.clock.utcnow().timestamp()
        await self.journal.put(entry)

    async def note_model(self, entry: Entry, answered: object) -> None:
        """Note which model did a job: the one that the job itself names, otherwise the one of the service's list."""
        if isinstance(answered, str) and answered != entry.model and 0 < len(answered) <= LONGEST_MODEL:
            entry.resolved_model = await self.models.resolved(answered) or answered
            self.models.named_by_jobs.setdefault(entry.model, set()).add(entry.resolved_model)
        elif entry.resolved_model is None:
            entry.resolved_model = await self.models.resolved(entry.model)

    async def note_lost(self, job: Job, kind: str) -> None:
        """Under the job's present reference something may be on the server that nobody will use."""
        now = self.clock.utcnow().timestamp()
        await self.journal.note_lost(Lost(job.paid.reference, kind, now), self.service)

    async def admit(self, job: Job) -> None:
        """Queue a job for its submission once there is room in the waiting room."""
        await self.waiting_room.acquire()
        job.waits = True
        self.to_submit.put_nowait(job)

    def resubmit(self, job: Job) -> None:
        """Queue a job for another attempt, without a place in the waiting room: the watcher could wait for itself."""
        self.to_submit.put_nowait(job)

    async def next_to_submit(self) -> Job:
        """Take the next job from the waiting room."""
        job = await self.to_submit.get()
        if job.waits:
            job.waits = False
            self.waiting_room.release()
        return job

    # -- outcomes ------------------------------------------------------------------------------------------------------

    def went_well(self, job: Job) -> None:
        """The transcript is safe: tell the progress, and clean up remotely."""
        job.finished = True
        self._failures_in_a_row = 0
        duration_ms = job.paid.duration_ms or 0
        self.progress.finished(True, duration_ms, cost_usd(duration_ms))
        for _ in job.rows[1:]:
            self.progress.finished(True, duration_ms)
        self._has_outcome()
        self.to_clean.put_nowait(job)

    def failed(self, job: Job, error_type: str, message: str) -> None:
        """No transcript in this run: its rows say why."""
        job.error = (error_type, message)
        for _ in job.rows:
            self.progress.finished(False, job.recording.duration_ms)
        self._has_outcome()

    def taken_over(self, job: Job) -> None:
        """Another run has brought its outcome."""
        self._has_outcome()

    async def refused(self, job: Job, error: SonioxDSError, *, concerns_audio: bool = False) -> None:
        """A request for this job failed for good; nothing that was paid for is touched."""
        self.failed(job, error_type_of(error), str(error))
        if isinstance(error, RequestError | ServiceError) and not concerns_audio:
            self._failures_in_a_row += 1
            if self._failures_in_a_row >= FATAL_AFTER:
                self.stop_spending(error)
        entry = job.entry
        if entry is None or entry.state in (State.CREATED, State.CREATING, State.DONE):
            await self.closed(job)  # a later run takes it up where it stands
            return
        entry.error_type, entry.error_message = job.error or (None, None)
        await self.advance(job, State.FAILED)
        self.to_clean.put_nowait(job)

    # -- clean-up ------------------------------------------------------------------------------------------------------

    async def clean(self, job: Job) -> None:
        """Delete what a settled job has on the server, the transcription first, then the file; and close the job."""
        entry = job.paid
        priority = Priority.FETCH if self.to_clean.qsize() > self.limits.backlog else Priority.CLEAN
        changed = False
        if entry.transcription_id is not None and not entry.transcription_gone:
            entry.transcription_gone = int(
                await self.delete(self.client.delete_transcription, entry.transcription_id, priority)
            )
            self.release(job, "pending")
            self.release(job, "transcriptions")
            changed = True
        if entry.file_id is not None and not entry.file_gone:
            entry.file_gone = int(await self.delete(self.client.delete_file, entry.file_id, priority))
            self.release(job, "files")
            self.release(job, "storage")
            changed = True
        await self.closed(job, entry if changed else None)

    async def delete(self, method: DeleteMethod, remote_id: str, priority: Priority) -> bool:
        """Delete one thing; what cannot be deleted now stays in the journal and is swept by a later run."""
        if self.is_shut_out:
            return False
        try:
            await method(remote_id, priority=priority)
        except NotFoundError:
            return True  # somebody else deleted it
        except (RequestError, ServiceError, InputError) as error:
            log.info("%s could not be deleted: %s", remote_id, error)
            return False
        return True
