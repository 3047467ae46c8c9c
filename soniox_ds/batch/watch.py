"""A watcher that reads the states of all jobs from one listing instead of polling each job.

The request budget is the bottleneck of a large run, so listings may then take at most a fortieth of it. With few jobs,
or while the budget has room for all that the jobs still need, they come more often. A job whose create request was not
answered, or was answered for another job, is looked for by its reference. It counts as never created only if it does
not show up within `Limits.settle_s` and two listings. A job whose id the service does not know, or gives to another
job, is looked for in the same way, but it is never created again.

In a run with webhooks, the watcher acts on the deliveries that the journal holds. It asks the service only for jobs
whose id is not known and when `Deliveries` says that webhooks are missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from datetime import UTC, datetime
from typing import Any

from soniox_ds.api.budget import Priority
from soniox_ds.api.responses import is_id
from soniox_ds.api.retry import WATCH
from soniox_ds.batch.deliveries import Deliveries
from soniox_ds.batch.jobs import MONEY_ERRORS, Job, is_final
from soniox_ds.batch.journal import State
from soniox_ds.batch.projects import Project
from soniox_ds.batch.run import Run
from soniox_ds.exceptions import (
    BadAnswerError,
    BalanceError,
    NotFoundError,
    RequestError,
    ServiceError,
    SonioxDSError,
    error_type_of,
)
from soniox_ds.options.addresses import hide_addresses

__all__ = ["Watcher"]

REQUESTS_PER_LISTING = 40
"""Number of requests for each of which one listing may be requested when the budget is scarce."""
REQUESTS_PER_JOB = 5
REQUESTS_AFTER_LISTING = 3
"""Number of requests of a job after it is done: its transcript and two deletions."""
FEW = 2
"""Number of jobs up to which each job is requested by its id, since a listing may hold many other jobs."""
MISSES = 3
"""Number of listings without a job after which the job is requested by its id."""
MOST_DOUBTS = 3
"""Number of times that a job is looked for because its id belongs to another job."""
LONGEST_SLUG = 100
LONGEST_MESSAGE = 1000
LAST_RESORT = 4
"""Multiple of its time limit after which a job is given up even if requests about it are still under way."""
ENDED = ("completed", "error", "failed")


class Watcher:
    """The watcher of all jobs of a project that were created, or may have been created, and are not finished."""

    def __init__(self, run: Run, project: Project, deliveries: Deliveries | None = None) -> None:
        self._run = run
        self._project = project
        self._client = project.client
        self._budget = project.limits.budget
        self._deliveries = deliveries
        self._asked_s = -math.inf
        self._watched: dict[str, Job] = {}
        self._lost: dict[str, Job] = {}
        self._any = asyncio.Event()
        self._troubled_s: float | None = None

    @property
    def n_jobs(self) -> int:
        """Number of jobs that are watched or looked for."""
        return len(self._watched) + len(self._lost)

    # -- new jobs ------------------------------------------------------------------------------------------------------

    def watch(self, job: Job) -> None:
        """Watch a job by its id. A job that has no id, or the id of another watched job, is looked for instead."""
        transcription_id = job.paid.transcription_id
        if transcription_id is None or self._watched.get(transcription_id, job) is not job:
            self.lost(job, since_s=self._run.clock.now())
            return
        job.missed = 0
        self._watched[transcription_id] = job
        self._any.set()

    def take_up(self, job: Job) -> None:
        """Watch a job that an earlier run has created."""
        job.is_known = True
        if self._deliveries is not None and job.paid.transcription_id is not None:
            self._deliveries.taken_up(job.paid.transcription_id)
        self.watch(job)

    def lost(self, job: Job, *, since_s: float) -> None:
        """Look for a job whose id is not known."""
        job.lost_s, job.listings_since_lost = since_s, 0
        self._lost[job.paid.reference] = job
        self._any.set()

    async def created(self, job: Job, reply: dict[str, Any]) -> None:
        """Write the id that the service gave a job to the journal, and watch the job."""
        entry = job.paid
        entry.transcription_id = reply["id"]
        # The clock of the service differs from that of this machine, which `completed_at` and durations are made of.
        entry.submitted_at = datetime.fromtimestamp(entry.changed_at, UTC).isoformat() if entry.changed_at else None
        job.lost_s = None
        job.is_known = True
        job.is_confirmed = reply.get("client_reference_id") == entry.reference
        await self._run.advance(job, State.CREATED)
        self.watch(job)

    def contradiction(self, job: Job, item: dict[str, Any]) -> str | None:
        """Return the reason why an answer of the service is not about this job, or None if there is no such reason."""
        reference, file_id = item.get("client_reference_id"), item.get("file_id")
        if reference not in (None, "", job.paid.reference):
            return "the answer has the reference of another job"
        if isinstance(file_id, str) and job.paid.file_id is not None and file_id != job.paid.file_id:
            return "the answer is about another file"
        return None

    # -- the loop ------------------------------------------------------------------------------------------------------

    async def watch_forever(self) -> None:
        """Read the states of the jobs and act on them, again and again, until cancelled."""
        while True:
            await self._any.wait()
            await self._run.clock.sleep(self._wait_s() if self._deliveries is None else WATCH.initial_s)
            try:
                is_answered = await self._look()
            except (ServiceError, RequestError) as error:
                await self._failed(error)
            else:
                if is_answered:
                    self._run.answered()
                    self._troubled_s = None
            if not self._watched and not self._lost:
                self._any.clear()

    async def _failed(self, error: ServiceError | RequestError) -> None:
        now = self._run.clock.now()
        if self._troubled_s is None:
            self._troubled_s = now
        if isinstance(error, RequestError) or not self._run.may_wait(self._troubled_s):
            self._run.stop_spending(error, self._project)
            await self._give_up_all(error)
        await self._give_up_late_jobs(now)

    def _wait_s(self) -> float:
        """Return the seconds until the next look: a fifth of the age of the youngest job, within the limits."""
        now = self._run.clock.now()
        jobs = [*self._watched.values(), *self._lost.values()]
        youngest_s = min((now - job.submitted_s for job in jobs), default=0.0)
        floor_s = WATCH.initial_s
        if len(jobs) > FEW and not self._has_room():
            interval_s = REQUESTS_PER_LISTING * 60.0 / self._budget.requests_per_minute
            floor_s = max(floor_s, interval_s * self._project.limits.n_listings)
        return min(max(floor_s, youngest_s / 5), WATCH.max_s)

    def _has_room(self) -> bool:
        """Return True if the budget has room at once for everything that the present jobs of the run still need."""
        n_watched, n_projects = self._project.limits.n_watched, len(self._run.projects)
        n_to_submit = math.ceil(self._run.to_submit.qsize() * len(self._project.limits.projects) / n_projects)
        n_needed = n_watched * REQUESTS_AFTER_LISTING + n_to_submit * REQUESTS_PER_JOB
        return n_needed <= self._budget.n_free()

    async def _look(self) -> bool:
        """Read the states of the jobs and act on them. Return True if the service was asked for them."""
        now = self._run.clock.now()
        if self._deliveries is not None and not await self._take_deliveries(self._deliveries):
            await self._give_up_late_jobs(now)
            return False
        if len(self._watched) > FEW or self._lost:
            await self._list(now)
        else:
            try:
                for transcription_id, job in list(self._watched.items()):
                    await self._ask(transcription_id, job)
            except BadAnswerError:
                await self._list(now)  # The listing may be right where the answer for a single job is not.
        if self._deliveries is not None:
            self._deliveries.asked()
        await self._give_up_late_jobs(now)
        return True

    async def _take_deliveries(self, deliveries: Deliveries) -> bool:
        """Act on the webhooks that have arrived. Return True if the service has to be asked for the other jobs now."""
        arrived = (await deliveries.arrived(self._watched)).items()
        to_ask = []
        for transcription_id, status in arrived:
            job = self._watched.get(transcription_id)
            if job is not None and deliveries.can_be_fetched(job, status):
                job.is_measured_here = True
                await self._act_on(job, {"id": transcription_id, "status": status})
            elif job is not None:
                to_ask.append((transcription_id, job))
        for transcription_id, job in to_ask:
            await self._ask(transcription_id, job)
        now = self._run.clock.now()
        if now - self._asked_s < self._wait_s() or not (self._lost or deliveries.must_ask(self._watched)):
            return False
        self._asked_s = now
        return True

    async def _list(self, asked_s: float) -> None:
        unseen = dict(self._watched)
        listing = self._client.iterate(self._client.list_transcriptions, priority=Priority.URGENT)
        async with contextlib.aclosing(listing):
            async for item in listing:
                if await self._found(item):
                    unseen.pop(item["id"], None)
                if not unseen and not self._lost:
                    return
        await self._not_found(unseen, asked_s)

    async def _found(self, item: dict[str, Any]) -> bool:
        """Act on an item of a listing. Return True if it is about a watched job."""
        reference = item.get("client_reference_id")
        if isinstance(reference, str) and (job := self._lost.get(reference)) is not None:
            await self._adopt(job, item)
        job = self._watched.get(item["id"])
        if job is None or self.contradiction(job, item) is not None:
            return False
        job.missed = 0
        job.is_confirmed = job.is_confirmed or reference == job.paid.reference
        await self._act_on(job, item)
        return True

    async def _adopt(self, job: Job, item: dict[str, Any]) -> None:
        """Take the id of a job that was looked for from the listing, and away from another job that has it wrongly.

        A listing may give one id to several jobs, so the service is asked for the transcription itself.
        """
        remote_id, reference = item["id"], job.paid.reference
        is_own = is_id(remote_id) and await self._is_own(job, remote_id)
        if self._lost.get(reference) is not job:
            return  # The job was given up meanwhile.
        del self._lost[reference]
        if not is_id(remote_id):
            await self._give_up(
                job,
                f"the service lists this job under the id {remote_id[:40]!r}, with which it cannot be requested. It "
                f"may be paid for: ask the vendor's support about its reference {job.paid.reference}",
            )
            return
        if not is_own:
            await self._doubt(job)
            return
        other = self._watched.pop(remote_id, None)
        await self.created(job, item)
        if other is not None:
            await self._doubt(other)

    async def _is_own(self, job: Job, transcription_id: str) -> bool:
        """Return True if the service confirms that the transcription with this id belongs to the job."""
        try:
            item = await self._client.get_transcription(transcription_id, priority=Priority.URGENT)
        except (NotFoundError, BadAnswerError):
            return False
        reference = job.paid.reference
        return (
            item.get("client_reference_id") == reference
            and self.contradiction(job, item) is None
            and self._run.transcription_ids.keep(transcription_id, reference)
        )

    async def _doubt(self, job: Job) -> None:
        """Look for a job by its reference, because its id belongs to another job. The job must not be watched."""
        job.doubts += 1
        if job.doubts > MOST_DOUBTS:
            await self._give_up(
                job,
                "the service contradicts itself about this job: the id that it lists for the job belongs to another "
                "job, or to no job. It may be paid for and is remembered: the same call looks for it again",
            )
            return
        self.lost(job, since_s=self._run.clock.now())

    async def _give_up(self, job: Job, message: str) -> None:
        """Fail the rows of a job that may be paid for. A later run takes the job up again."""
        self._run.failed(job, "bad_answer", message)
        await self._run.closed(job)

    async def _not_found(self, unseen: dict[str, Job], asked_s: float) -> None:
        """Act on the jobs that a complete listing did not show."""
        for transcription_id, job in unseen.items():
            if self._watched.get(transcription_id) is not job:
                continue  # The job was given up meanwhile.
            job.missed += 1
            if job.missed >= MISSES and asked_s - job.submitted_s >= self._run.limits.settle_s:
                await self._ask(transcription_id, job)
        for reference, job in list(self._lost.items()):
            if job.lost_s is None or job.lost_s > asked_s or self._lost.get(reference) is not job:
                continue  # The search began after the listing, or the job was given up meanwhile.
            job.listings_since_lost += 1
            if job.listings_since_lost >= 2 and asked_s - job.lost_s >= self._run.limits.settle_s:
                del self._lost[reference]
                if job.is_known:
                    job.paid.transcription_gone = 1
                    job.paid.state = State.FAILED
                    await self._run.refused(job, _vanished(), concerns_audio=True)
                else:
                    await self._submit_again(job)

    async def _submit_again(self, job: Job) -> None:
        """Submit a job again that was apparently never created. Should it turn up later, it is deleted."""
        run = self._run
        await run.note_lost(job, "transcription")
        run.spending.keep(job.key)  # It may turn up later, and be charged.
        job.lost_s = None
        job.attempts += 1
        if job.attempts >= run.limits.attempts:
            job.paid.state = State.UPLOADED
            await run.refused(job, _never_created(job))
            return
        await self._resubmit(job)

    async def _resubmit(self, job: Job) -> None:
        run = self._run
        run.spending.keep(job.key)
        run.release(job, "pending")
        run.release(job, "transcriptions")
        if self._project.fatal is not None:
            await run.move(job)
            return
        await run.next_generation(job)
        run.resubmit(job)

    async def _ask(self, transcription_id: str, job: Job) -> None:
        try:
            item = await self._client.get_transcription(transcription_id, priority=Priority.URGENT)
        except NotFoundError:
            if self._run.clock.now() - job.submitted_s < self._run.limits.settle_s:
                return  # A new job may not be known to every server of the service yet.
            item = None
        if self._watched.get(transcription_id) is not job:
            return  # The job was given up meanwhile.
        if item is None or self.contradiction(job, item) is not None:
            del self._watched[transcription_id]
            await self._doubt(job)
            return
        job.missed = 0
        await self._act_on(job, item)

    async def give_up_late_jobs_forever(self) -> None:
        """Give up the jobs that have taken too long, even while requests about them are under way, until cancelled.

        If the caller gave no time limit, such requests are waited for longer, because they may bring the result.
        """
        while True:
            await self._run.clock.sleep(WATCH.initial_s)
            await self._give_up_late_jobs(
                self._run.clock.now(), times=1 if self._run.timeout_s is not None else LAST_RESORT
            )

    async def _give_up_late_jobs(self, now: float, *, times: int = 1) -> None:
        """Give up the jobs that have taken too long, for this run."""
        run = self._run
        for jobs in (self._watched, self._lost):
            for key, job in list(jobs.items()):
                patience_s = run.patience_s(job)
                if now - job.submitted_s <= patience_s * times or jobs.get(key) is not job:
                    continue
                del jobs[key]
                run.failed(
                    job,
                    "timeout",
                    f"not finished after {patience_s:.0f} s. It may be paid for and is remembered: the same call "
                    "continues with it; a larger timeout_s waits longer.",
                )
                await run.closed(job)

    async def _give_up_all(self, error: SonioxDSError) -> None:
        """Fail the rows of all jobs, because their states cannot be read. The journal keeps them for a later run."""
        jobs = [*self._watched.values(), *self._lost.values()]
        self._watched.clear()
        self._lost.clear()
        for job in jobs:
            self._run.failed(job, error_type_of(error), self._project.explained(error))
            await self._run.closed(job)

    # -- states of jobs ------------------------------------------------------------------------------------------------

    async def _act_on(self, job: Job, item: dict[str, Any]) -> None:
        run, entry, status = self._run, job.paid, item["status"]
        run.note_duration(job, item.get("audio_duration_ms"))
        if status == "queued":
            return
        run.release(job, "pending")
        if status not in ENDED:
            return  # The job is being processed, or the state is unknown; the time limit ends the wait in any case.
        del self._watched[item["id"]]
        if self._deliveries is not None:
            self._deliveries.done(item["id"], job)
        if status == "completed" and entry.file_id is not None and not run.file_ids.take(entry.file_id, job.key):
            await run.note_lost(job, "file")  # The job's own file is on the server under an unknown id.
            entry.state, entry.file_gone = State.FAILED, 1
            await run.refused(job, _of_another_file(), concerns_audio=True)
            return
        if status == "completed" and not run.transcription_ids.keep(item["id"], entry.reference):
            await self._doubt(job)
            return
        if status == "completed":
            await run.note_model(entry, item.get("model"))
            self._project.to_fetch.put_nowait(job)
            return
        error_type, message = item.get("error_type"), item.get("error_message")
        if not isinstance(error_type, str) or not 0 < len(error_type) <= LONGEST_SLUG:
            error_type = "error"
        message = hide_addresses(message)[:LONGEST_MESSAGE] if isinstance(message, str) else ""
        await self._ended_in_error(job, error_type, message)

    async def _ended_in_error(self, job: Job, error_type: str, message: str) -> None:
        run, entry = self._run, job.paid
        job.attempts += 1
        message = message or f"the service ended the job with {error_type}"
        if error_type == "max_duration_reached" and job.recording.is_remote:
            message += ' Give split="auto" and download=True, which cut the recording at pauses on this machine.'
        entry.error_type, entry.error_message = error_type, message
        if error_type in MONEY_ERRORS:
            error = BalanceError(f"{message} ({error_type})", status=402, error_type=error_type)
            run.stop_spending(error, self._project)
        if not is_final(error_type) and job.attempts < run.limits.attempts and run.fatal is None:
            if entry.transcription_id is not None:
                entry.transcription_gone = int(
                    await run.delete(
                        self._project, self._client.delete_transcription, entry.transcription_id, Priority.FETCH
                    )
                )
            await run.advance(job, State.FAILED)
            await self._resubmit(job)
            return
        run.failed(job, error_type, entry.error_message)
        await run.advance(job, State.FAILED)
        self._project.to_clean.put_nowait(job)


def _vanished() -> NotFoundError:
    return NotFoundError(
        "the service does not know this job any more: it was deleted, or it was created with the key of another "
        "project. The same call transcribes the recording again, which costs again",
        status=404,
        error_type="transcription_not_found",
    )


def _of_another_file() -> BadAnswerError:
    return BadAnswerError(
        "the service gave this recording the id of another recording's file, so its transcript belongs to the other "
        "recording. The same call transcribes it again, which costs again"
    )


def _never_created(job: Job) -> ServiceError:
    last_answer = f" The last answer: {job.answered_badly}" if job.answered_badly else ""
    return ServiceError(
        f"the service answered {job.attempts} requests to create the transcription in an undocumented way or not at "
        f"all, and its list contains no such transcription; run the same call again later.{last_answer}",
        error_type="answer_lost",
    )
