"""Submitting: upload where there is something to upload, then create the transcription, and never pay for it twice.

A request that spends is announced in the journal first. Where its answer is lost, an upload is looked for in the list
of files, and a transcription is handed to the watcher, which looks for it in the listing before it may be created
again.
"""

from __future__ import annotations

from typing import Any

from soniox_ds.errors import (
    AuthError,
    BalanceError,
    JournalError,
    NotFoundError,
    QuotaError,
    RequestError,
    ServiceError,
    SonioxDSError,
)
from soniox_ds.service.budget import Priority
from soniox_ds.service.replies import quota_of
from soniox_ds.transcription.jobs import Job
from soniox_ds.transcription.journal import State
from soniox_ds.transcription.run import Run
from soniox_ds.transcription.watching import Watcher

__all__ = ["submit_forever"]

ABOUT_THE_AUDIO = ("audio_url", "file_id")
PAUSE_S = 5.0


async def submit_forever(run: Run, watcher: Watcher) -> None:
    """One worker: take jobs from the queue and submit them, until cancelled."""
    while True:
        job = await run.next_to_submit()
        try:
            await _submit(run, watcher, job)
        except JournalError:
            raise
        except SonioxDSError as error:
            if _concerns_all(error):
                run.stop_spending(error)
            await run.refused(job, error)


def _concerns_all(error: SonioxDSError) -> bool:
    """Whether every other submission would be refused for the same reason."""
    if isinstance(error, (AuthError, BalanceError, QuotaError)):
        return True
    if type(error) is not RequestError:
        return False
    places = [str(wrong.get("location", "")) for wrong in error.validation_errors]
    return bool(places) and not any(place.endswith(ABOUT_THE_AUDIO) for place in places)


async def _submit(run: Run, watcher: Watcher, job: Job) -> None:
    entry = job.entry
    job.submitted_s = run.clock.now()
    if entry is not None and entry.state == State.CREATED:
        _occupy_all(run, job)
        watcher.watch(job)
        return
    if entry is not None and entry.state == State.CREATING:
        _occupy_all(run, job)
        age_s = max(0.0, run.clock.utcnow().timestamp() - entry.changed_at)
        watcher.lost(job, since_s=run.clock.now() - age_s)
        return
    if run.fatal is not None:
        raise run.fatal
    if entry is not None and entry.state == State.UPLOADING:  # the run that uploaded it was killed
        await _give_up_upload(run, job)
    if entry is None or entry.state in (State.UPLOADING, State.FAILED, State.DONE):
        entry = await run.next_generation(job)
    if entry.file_id is not None:
        run.occupy(job, "files")
        run.occupy(job, "storage", job.recording.size_bytes or 0)
    elif job.recording.url is None:
        await _upload(run, job)
    await _create(run, watcher, job)


def _occupy_all(run: Run, job: Job) -> None:
    run.occupy(job, "pending")
    run.occupy(job, "transcriptions")
    if job.paid.file_id is not None and not job.paid.file_gone:
        run.occupy(job, "files")
        run.occupy(job, "storage", job.recording.size_bytes or 0)


async def _give_up_upload(run: Run, job: Job) -> None:
    """Leave an upload of unknown fate to the sweep at the end of the run."""
    run.answers_lost = True
    await run.journal.note_lost(job.paid.reference, run.service, "file")


# -- uploading ---------------------------------------------------------------------------------------------------------


async def _upload(run: Run, job: Job) -> None:
    recording = job.recording
    source = recording.path if recording.path is not None else recording.data
    if source is None:
        raise RuntimeError(f"{recording.audio_id} has neither a path nor bytes nor a URL")
    trouble: ServiceError | None = None
    while job.uploads < run.limits.attempts:
        await run.acquire(job, "files")
        await run.acquire(job, "storage", recording.size_bytes or 0)
        if run.fatal is not None:
            raise run.fatal
        await run.advance(job, State.UPLOADING)
        try:
            reply = await run.client.upload_file(
                source, filename=recording.filename, client_reference_id=job.paid.reference
            )
        except QuotaError as error:
            await _make_room(run, job, error)
            continue
        except ServiceError as error:
            if not error.maybe_done:
                raise
            job.uploads += 1
            trouble = error
            found = await _find_upload(run, job)
            if found is None:
                await _give_up_upload(run, job)
                await run.next_generation(job)
                continue
            reply = found
        job.paid.file_id = reply["id"]
        await run.advance(job, State.UPLOADED)
        return
    raise trouble or ServiceError("the upload was tried too often", error_type="answer_lost")


async def _find_upload(run: Run, job: Job) -> dict[str, Any] | None:
    """The upload whose answer was lost, where the list of files shows it whole."""
    async for file in run.client.iterate(run.client.list_files, priority=Priority.SUBMIT):
        if file.get("client_reference_id") == job.paid.reference and file.get("size") == job.recording.size_bytes:
            return file
    return None


# -- creating ----------------------------------------------------------------------------------------------------------


async def _create(run: Run, watcher: Watcher, job: Job) -> None:
    while True:
        await run.acquire(job, "transcriptions")
        await run.acquire(job, "pending")
        if run.fatal is not None:
            raise run.fatal
        await run.advance(job, State.CREATING)
        job.submitted_s = run.clock.now()
        try:
            reply = await run.client.create_transcription(_body(run, job))
        except QuotaError as error:
            await _make_room(run, job, error)
            continue
        except NotFoundError:
            await _upload_again(run, job)
            continue
        except ServiceError as error:
            if not error.maybe_done:
                raise
            run.answers_lost = True
            watcher.lost(job, since_s=run.clock.now())
            return
        await watcher.created(job, reply)
        return


def _body(run: Run, job: Job) -> dict[str, Any]:
    audio = {"audio_url": job.recording.url} if job.recording.url is not None else {"file_id": job.paid.file_id}
    return {**run.options.body(), **audio, "client_reference_id": job.paid.reference}


async def _upload_again(run: Run, job: Job) -> None:
    """The file of an earlier upload is gone from the server."""
    job.paid.file_gone = 1
    run.release(job, "files")
    run.release(job, "storage")
    await run.next_generation(job)
    await _upload(run, job)


# -- quotas ------------------------------------------------------------------------------------------------------------


async def _make_room(run: Run, job: Job, error: QuotaError) -> None:
    """Wait until one of our own things is gone; raise where the room is not ours to make."""
    what = quota_of(str(error))
    if what is None:
        raise error
    amount = job.holds.pop(what)
    if run.quotas[what].note_full(amount):
        run.progress.note(f"waiting for room: {run.quotas[what].what}")
    elif what == "pending" and run.clock.now() - job.submitted_s < run.limits.quota_patience_s:
        run.progress.note("waiting for room: pending transcriptions of others")
        await run.clock.sleep(PAUSE_S)
    else:
        raise QuotaError(
            f"{error} None of what takes up the room ({what}) belongs to this journal, so waiting would not help: "
            "delete what is not needed any more (in the Soniox Console, or by sx.clean_up() with the journal that made "
            "it), or ask for a higher limit.",
            status=error.status,
            error_type=error.error_type,
            request_id=error.request_id,
        ) from error
    await run.acquire(job, what, amount)
    run.progress.note("")
