"""Workers that fetch finished transcripts, store them in the journal and then delete them from the server."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from soniox_ds.api.budget import Priority
from soniox_ds.api.decode import decode_transcript
from soniox_ds.api.retry import DAMAGED_TRANSCRIPT, DOWNLOAD
from soniox_ds.batch.checks import is_duration_doubtful
from soniox_ds.batch.jobs import Job
from soniox_ds.batch.journal import State
from soniox_ds.batch.projects import Project
from soniox_ds.batch.run import Run
from soniox_ds.exceptions import (
    BadAnswerError,
    InvalidStateError,
    JournalError,
    NotFoundError,
    RequestError,
    ServiceError,
    SonioxDSError,
)

__all__ = ["clean_forever", "fetch_forever"]

log = logging.getLogger("soniox_ds.batch")

LARGE_BYTES = 1_000_000
"""Bytes above which a transcript is decoded in a thread, so that the event loop is not held up."""


async def fetch_forever(run: Run, project: Project) -> None:
    """Fetch finished transcripts of a project until cancelled. Several such workers run at the same time."""
    while True:
        job: Job = await project.to_fetch.get()
        run.enter(job, "fetching")
        try:
            raw = await _fetch(run, job)
        except JournalError:
            raise
        except (ServiceError, InvalidStateError) as error:
            if _is_damaged(error):
                run.answered()  # The service works, although this answer is not as documented.
                job.damaged += 1
                if job.damaged < DAMAGED_TRANSCRIPT.attempts:
                    await run.clock.sleep(DAMAGED_TRANSCRIPT.wait_s(job.damaged))
                    project.to_fetch.put_nowait(job)
                else:
                    message = (
                        f"the transcript was damaged in {job.damaged} downloads. The recording is paid for and "
                        f"remembered: the same call fetches its transcript again. The last answer: {error}"
                    )
                    await run.refused(job, BadAnswerError(message))
                continue
            job.fetches += 1
            if job.fetches < run.limits.attempts and run.trouble(job, error):
                await run.clock.sleep(DOWNLOAD.wait_s(job.fetches))
                run.progress.note("")
                project.to_fetch.put_nowait(job)
            else:
                await run.refused(job, error)
            continue
        except NotFoundError as error:
            job.paid.transcription_gone = 1
            job.paid.state = State.FAILED
            await run.refused(job, error, concerns_audio=True)
            continue
        except SonioxDSError as error:
            await run.refused(job, error)
            continue
        run.answered(job)
        now = run.clock.utcnow()
        done = replace(job.paid, state=State.DONE, completed_at=now.isoformat(), changed_at=now.timestamp())
        await run.journal.store(done, raw)
        # The job is marked as done only now, because an interrupt deletes the transcriptions of done jobs.
        job.entry = done
        run.went_well(job)


async def _fetch(run: Run, job: Job) -> bytes:
    """Return the bytes of a transcript that can be decoded."""
    transcription_id = job.paid.transcription_id
    if transcription_id is None:
        raise RuntimeError(f"job {job.key[:12]} cannot be fetched, because it has no id")
    client = job.sent_to.client
    raw = await client.get_transcript(transcription_id, audio_ms=job.paid.duration_ms)
    if len(raw) > LARGE_BYTES:
        _, tokens = await asyncio.to_thread(decode_transcript, raw, job.recording.audio_id)
    else:
        _, tokens = decode_transcript(raw, job.recording.audio_id)
    if job.is_measured_here and is_duration_doubtful(tokens, job.paid.duration_ms or 0):
        try:
            item = await client.get_transcription(transcription_id, priority=Priority.FETCH)
        except (NotFoundError, RequestError, ServiceError) as error:  # The transcript is here, which matters more.
            log.warning("the service was asked for the duration of %s in vain: %s", job.recording.audio_id, error)
        else:
            run.note_duration(job, item.get("audio_duration_ms"))
    return raw


def _is_damaged(error: ServiceError | InvalidStateError) -> bool:
    """Return True if a transcript was received but cannot be used, and False if no transcript was received."""
    return isinstance(error, BadAnswerError) and (error.status is None or 200 <= error.status < 300)


async def clean_forever(run: Run, project: Project) -> None:
    """Delete what settled jobs have left in a project, until cancelled. Several such workers run at the same time."""
    while True:
        await run.clean(await project.to_clean.get())
