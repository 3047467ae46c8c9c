"""Submission of jobs: the upload of the audio and the creation of the transcription, so that no job is paid for twice.

Before a request that costs money is sent, it is written to the journal. If the response to an upload is lost, the file
is looked up in the list of files. If the response to a create request is lost, the watcher looks for the transcription
in the list of transcriptions before it may be created again.
"""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

from soniox_ds.api.budget import Priority
from soniox_ds.api.responses import is_id
from soniox_ds.api.retry import SUBMISSION, UPLOAD
from soniox_ds.batch.clean_up import sweep_earlier
from soniox_ds.batch.division import audio_of
from soniox_ds.batch.jobs import Job
from soniox_ds.batch.journal import State
from soniox_ds.batch.projects import Project
from soniox_ds.batch.run import Run
from soniox_ds.batch.spending import MAX_COST_REACHED
from soniox_ds.batch.workers import Workers
from soniox_ds.exceptions import (
    AuthError,
    BadAnswerError,
    BalanceError,
    ExecutorError,
    JournalError,
    NotFoundError,
    QuotaError,
    RequestError,
    ServiceError,
    SonioxDSError,
    SourceError,
    TranscriptionFailed,
)
from soniox_ds.sources.inspection import fingerprint
from soniox_ds.sources.recording import Recording, shown
from soniox_ds.sources.stores import AudioSource
from soniox_ds.stores.store import StoreError

__all__ = ["submit_forever"]

ABOUT_THE_AUDIO = ("audio_url", "file_id", "file")
OTHER_KEY = "created_with_another_key"
"""The `error_type` of recordings whose jobs the keys of the call cannot see."""


async def submit_forever(run: Run) -> None:
    """Take jobs from the queue and submit them, as one worker of several, until cancelled."""
    while True:
        job = await run.next_to_submit()
        try:
            await _submit(run, job)
        except JournalError:
            raise
        except ServiceError as error:
            is_stopped = run.fatal if job.project is None else job.project.fatal
            if is_stopped is None and job.uploads < run.limits.attempts and run.trouble(job, error):
                await run.clock.sleep(SUBMISSION.wait_s(1))
                run.progress.note("")
                run.resubmit(job)
            else:
                await _refuse(run, job, error)
        except SonioxDSError as error:
            await _refuse(run, job, error)


async def _refuse(run: Run, job: Job, error: SonioxDSError) -> None:
    project = job.project
    if project is not None and (_concerns_all(error) or (isinstance(error, ServiceError) and run.is_gone(job))):
        run.stop_spending(error, project)
    is_unsent = job.entry is None or job.entry.state not in (State.CREATING, State.CREATED)
    if project is not None and project.fatal is not None and run.fatal is None and is_unsent:
        await run.move(job)
        return
    await run.refused(job, error, concerns_audio=_concerns_audio(error))


def _concerns_all(error: SonioxDSError) -> bool:
    """Return True if every other submission to the project would be refused for the same reason."""
    if isinstance(error, AuthError | BalanceError):
        return True
    if isinstance(error, QuotaError):
        return error.status is not None  # Without a status, this client found that the file exceeds the whole quota.
    return type(error) is RequestError and bool(error.validation_errors) and not _concerns_audio(error)


def _concerns_audio(error: SonioxDSError) -> bool:
    """Return True if the error concerns this recording only, because the API rejects it or its audio is at fault."""
    if not isinstance(error, RequestError):
        return not isinstance(error, ServiceError)
    places = [str(wrong.get("location", "")).rpartition(".")[2] for wrong in error.validation_errors]
    return any(place in ABOUT_THE_AUDIO for place in places)


async def _submit(run: Run, job: Job) -> None:
    entry = job.entry
    job.submitted_s = run.clock.now()
    if run.fatal is None:
        run.models.ask(*(project.client for project in run.projects if project.fatal is None))
    if entry is not None and entry.state in (State.CREATED, State.CREATING) and await _find_project(run, job):
        _occupy_all(run, job)
        run.enter(job, "waiting")
        if entry.state == State.CREATED:
            job.sent_to.watcher.take_up(job)
        else:  # A killed run may have sent the request at its last moment, so the wait for it starts now.
            job.sent_to.watcher.lost(job, since_s=run.clock.now())
        return
    if run.fatal is not None:
        await run.refused(job, run.fatal)
        return
    project = run.assign(job)
    usd = run.price_of(job)
    if not run.spending.reserve_again(job.key, usd):  # An earlier attempt in this run may have been charged.
        message = run.spending.refusal(usd, job.recording.duration_ms)
        await run.refused(job, BalanceError(message, error_type=MAX_COST_REACHED), concerns_audio=True)
        return
    if entry is not None and entry.state == State.UPLOADING and job.uploads == 0 and job.troubled_s is None:
        await run.note_lost(job, "file")  # The run that began the upload was killed.
    if (
        entry is None
        or entry.state in (State.UPLOADING, State.FAILED, State.DONE)
        or run.project_of(entry.key_fingerprint) is not project
    ):
        entry = await run.next_generation(job)
    if entry.file_id is not None:
        run.occupy(job, "files")
        run.occupy(job, "storage", job.recording.size_bytes or 0)
    elif not job.recording.is_remote:
        await _upload(run, job)
    await _create(run, job)


async def _find_project(run: Run, job: Job) -> bool:
    """Assign a job to the project in which an earlier run created it or may have created it.

    The API key of that project may have been replaced since then. In that case, the service is asked for the job with
    each key of this run. Return True if a project was assigned. If no project has the job, return False with
    ``refresh=True``, which allows the run to transcribe the recording and pay for it again. Without ``refresh``, raise
    NotFoundError.
    """
    entry = job.paid
    project = run.project_of(entry.key_fingerprint)
    for other in run.projects:
        if project is None and other.fatal is None and await _has_job(run, other, job):
            project = other
    if project is None and entry.key_fingerprint is None:
        project = run.projects[0]  # An earlier version wrote the entry, and the job may be gone.
    if project is not None:
        run.give_to(project, job)
        return True
    if run.fatal is not None:
        raise run.fatal.with_traceback(None)
    if run.refresh:
        entry.state, entry.error_type = State.FAILED, OTHER_KEY
        return False
    raise NotFoundError(
        "an earlier call has created this job with another key, and the present key"
        f"{'s do' if len(run.projects) > 1 else ' does'} not lead to it. It may be paid for and is remembered: the "
        "same call with a key of its project continues with it; refresh=True transcribes it again, and pays again",
        error_type=OTHER_KEY,
    )


async def _has_job(run: Run, project: Project, job: Job) -> bool:
    """Return True if the service finds the job of an earlier run in a project."""
    entry, client = job.paid, project.client
    try:
        if entry.transcription_id is not None:
            item = await client.get_transcription(entry.transcription_id)
            return project.watcher.contradiction(job, item) is None
        async for item in client.iterate(client.list_transcriptions):
            if item.get("client_reference_id") == entry.reference:
                return True
    except NotFoundError:
        pass
    except AuthError as error:
        run.stop_spending(error, project)
    return False


def _occupy_all(run: Run, job: Job) -> None:
    run.occupy(job, "pending")
    run.occupy(job, "transcriptions")
    if job.paid.file_id is not None and not job.paid.file_gone:
        run.occupy(job, "files")
        run.occupy(job, "storage", job.recording.size_bytes or 0)


# -- uploading ---------------------------------------------------------------------------------------------------------


async def _upload(run: Run, job: Job) -> None:
    """Upload the audio of a job whose newest entry has no file yet."""
    run.enter(job, "uploading")
    async with audio_of(run, job) as audio:
        await _upload_audio(run, job, audio)


async def _upload_audio(run: Run, job: Job, audio: AudioSource) -> None:
    recording, project = job.recording, job.sent_to
    while True:
        await run.acquire(job, "files")
        await run.acquire(job, "storage", recording.size_bytes or 0)
        if project.fatal is not None:
            raise project.fatal.with_traceback(None)
        workers = None if job.part.is_cut or not Workers.can_read(recording) else run.workers
        if workers is None and recording.path is not None:
            await asyncio.to_thread(_check_unchanged, recording.path, job.fingerprint)
        try:
            if workers is None:
                reply = await project.client.upload_file(
                    audio,
                    filename=recording.filename,
                    client_reference_id=job.paid.reference,
                    on_progress=partial(run.progress.set_sent, job.key),
                )
            else:
                reply = await workers.upload(project.client, job)
            _check_upload(run, job, reply)
        except QuotaError as error:
            await _make_room(run, job, error)
            continue
        except ExecutorError as error:
            run.stop_spending(error)
            if error.maybe_done:
                await run.note_lost(job, "file")
            raise
        except ServiceError as error:
            if not error.maybe_done:
                raise
            await run.note_lost(job, "file")
            upload = await _find_upload(run, job)
            run.answered()
            if upload is None:
                job.uploads += 1
                await run.next_generation(job)
                if job.uploads >= run.limits.attempts:
                    raise
                await run.clock.sleep(UPLOAD.wait_s(job.uploads))
                continue
            reply = upload
        run.answered(job)
        job.paid.file_id, job.paid.state = reply["id"], State.UPLOADED
        return


def _check_upload(run: Run, job: Job, file: dict[str, Any]) -> None:
    """Raise BadAnswerError if the answer to an upload is evidently about the upload of another job."""
    reference, size = file.get("client_reference_id"), file.get("size")
    if reference and reference != job.paid.reference:
        problem = "it has the reference of another upload"
    elif isinstance(size, int) and size != job.recording.size_bytes:
        problem = f"it says that {size:,} bytes were received, but {job.recording.size_bytes or 0:,} were sent"
    elif not run.file_ids.take(file["id"], job.key):
        problem = "it has the id of another recording's file"
    else:
        return
    raise BadAnswerError(
        f"the answer to the upload of {job.recording.audio_id} belongs to another upload: {problem}. Run the same "
        "call again",
        maybe_done=True,
    )


def _check_unchanged(path: Path, before: tuple[int, int] | None) -> None:
    """Raise SourceError if the file changed since its inspection: its transcript is stored under the earlier hash."""
    try:
        now = fingerprint(path)
    except OSError as error:
        raise SourceError(f"{shown(str(path))} cannot be read any more: {error.strerror or error}") from error
    if before is not None and now != before:
        raise SourceError(f"{shown(str(path))} changed after it was inspected; run the same call again")


async def _find_upload(run: Run, job: Job) -> dict[str, Any] | None:
    """Return the upload whose answer was lost, if the list of files shows all its bytes and the service confirms it."""
    client = job.sent_to.client
    async for file in client.iterate(client.list_files, priority=Priority.SUBMIT):
        if (
            file.get("client_reference_id") == job.paid.reference
            and file.get("size") == job.recording.size_bytes
            and is_id(file["id"])
            and await _is_own_file(run, job, file["id"])
        ):
            return file
    return None


async def _is_own_file(run: Run, job: Job, file_id: str | None) -> bool:
    """Return True if the service confirms that the file is the upload of this job, or if nothing was uploaded.

    Answers and lists may give one id to several uploads, and the transcription of a wrong file would cost money.
    """
    if file_id is None or run.file_ids.is_kept(file_id, job.key):
        return True
    try:
        file = await job.sent_to.client.get_file(file_id, priority=Priority.SUBMIT)
    except (NotFoundError, BadAnswerError):
        return False
    # The file may carry the reference of an earlier attempt, since a new attempt takes over its file.
    same_job = str(file.get("client_reference_id")).rpartition(":")[0] == job.paid.reference.rpartition(":")[0]
    return same_job and run.file_ids.keep(file_id, job.key)


# -- creating ----------------------------------------------------------------------------------------------------------


async def _create(run: Run, job: Job) -> None:
    project = job.sent_to
    watcher = project.watcher
    uploaded = run.journal.put(job.paid)  # The journal keeps the order, so this is written before what follows.
    job.paid.resolved_model = await run.models.resolved(run.options.model)
    while True:
        await run.acquire(job, "transcriptions")
        await run.acquire(job, "pending")
        if project.fatal is not None:
            raise project.fatal.with_traceback(None)
        if job.paid.file_id is not None and not run.file_ids.take(job.paid.file_id, job.key):
            await _upload_again(run, job)
            continue
        if run.file_ids.contested and not await _is_own_file(run, job, job.paid.file_id):
            if job.uploads >= run.limits.attempts:
                raise BadAnswerError(
                    f"the service gave {job.recording.audio_id} the ids of other recordings' files {job.uploads} "
                    "times. Nothing was paid for it; run the same call again later"
                )
            await _upload_again(run, job)
            continue
        run.enter(job, "waiting")
        is_remote = job.recording.is_remote
        audio = {"audio_url": await _url_of(job.recording)} if is_remote else {"file_id": job.paid.file_id}
        await asyncio.gather(uploaded, run.advance(job, State.CREATING))
        try:
            reply = await project.client.create_transcription(
                {**run.options.body(), **audio, "client_reference_id": job.paid.reference}
            )
        except ServiceError as error:
            if error.maybe_done:
                job.answered_badly = str(error)
                job.submitted_s = run.clock.now()
                watcher.lost(job, since_s=run.clock.now())
                return
            job.paid.state = State.UPLOADED  # The job was certainly not created.
            raise
        except QuotaError as error:
            job.paid.state = State.UPLOADED
            await _make_room(run, job, error)
            continue
        except SonioxDSError as error:
            job.paid.state = State.UPLOADED
            if not _upload_is_gone(job, error) or job.uploads >= run.limits.attempts:
                raise
            await _upload_again(run, job)
            continue
        job.submitted_s = run.clock.now()  # The request may have waited for the budget for up to a minute.
        run.answered(job)
        problem = watcher.contradiction(job, reply)
        if problem is None and not run.transcription_ids.take(reply["id"], job.paid.reference):
            problem = "the answer has the id of another job"
        if problem is None:
            await watcher.created(job, reply)
        else:
            job.answered_badly = problem
            watcher.lost(job, since_s=run.clock.now())
        return


async def _url_of(recording: Recording) -> str:
    """Return the URL from which the service fetches a recording.

    The URL of an object in a store is signed here, and not earlier, because signatures expire.
    """
    if recording.url is not None:
        return recording.url
    if recording.stored is None:
        raise RuntimeError(f"{recording.audio_id} has no URL")
    try:
        return await asyncio.to_thread(recording.stored.signed_url)
    except StoreError as error:
        raise TranscriptionFailed(
            f"{shown(recording.audio_id)} {error}", audio_id=recording.audio_id, error_type=error.error_type
        ) from None


def _upload_is_gone(job: Job, error: SonioxDSError) -> bool:
    """Return True if the service does not know the file under the id that it gave."""
    if job.paid.file_id is None or not isinstance(error, RequestError):
        return False
    places = [str(wrong.get("location", "")).rpartition(".")[2] for wrong in error.validation_errors]
    return (isinstance(error, NotFoundError) and error.error_type == "file_not_found") or places == ["file_id"]


async def _upload_again(run: Run, job: Job) -> None:
    """Replace an upload that is gone from the server, or whose id belongs to another recording."""
    upload = await _find_upload(run, job)
    if upload is not None and upload["id"] != job.paid.file_id:  # The answer to the upload had a wrong id.
        job.paid.file_id = upload["id"]
        await run.journal.put(job.paid)
        return
    job.paid.file_gone = 1
    job.uploads += 1
    await run.note_lost(job, "file")  # The file may be on the server under another id.
    run.release(job, "files")
    run.release(job, "storage")
    await run.next_generation(job)
    await _upload(run, job)


# -- quotas ------------------------------------------------------------------------------------------------------------


async def _make_room(run: Run, job: Job, error: QuotaError) -> None:
    """Wait until a quota may have room again. Raise QuotaError if others take up the room and do not give it back."""
    quota = error.quota
    if quota is None or quota not in job.holds:
        raise error
    amount = job.holds.pop(quota)
    held = job.sent_to.limits.quotas[quota]
    if held.note_full(amount):
        run.progress.note(f"waiting for free quota: {held.resource}")
        job.crowded_s = None
    elif not await sweep_earlier(run, job.sent_to):
        now = run.clock.now()
        if job.crowded_s is None:
            job.crowded_s = now
        patience_s = run.limits.quota_patience_s / (1 if quota == "pending" else 4)
        if now - job.crowded_s >= patience_s:
            raise QuotaError(
                f"{error}. The quota ({held.resource}) is used up by others than this call, and it was "
                f"not freed within {patience_s:.0f} s",
                status=error.status,
                error_type=error.error_type,
                request_id=error.request_id,
            ) from error
        run.progress.note(f"waiting for others to free the quota: {held.resource}")
        await run.clock.sleep(SUBMISSION.wait_s(1))
    await run.acquire(job, quota, amount)
    run.progress.note("")
