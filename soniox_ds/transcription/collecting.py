"""Collecting: fetch each finished transcript, make it safe in the journal, and only then clean up remotely."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from soniox_ds.errors import (
    BadAnswerError,
    InvalidStateError,
    JournalError,
    NotFoundError,
    ServiceError,
    SonioxDSError,
)
from soniox_ds.service.decode import decode_transcript
from soniox_ds.transcription.jobs import Job
from soniox_ds.transcription.journal import State
from soniox_ds.transcription.run import Run

__all__ = ["clean_forever", "fetch_forever"]

PAUSE_S = 2.0
LARGE_BYTES = 1_000_000
"""A transcript above this is decoded in a thread, so that the event loop goes on turning."""


async def fetch_forever(run: Run) -> None:
    """One worker: bring finished transcripts home, until cancelled."""
    while True:
        job = await run.to_fetch.get()
        try:
            raw = await _fetch(run, job)
        except JournalError:
            raise
        except (ServiceError, InvalidStateError) as error:
            job.fetches += 1
            if job.fetches < run.limits.attempts and run.trouble(job, error):
                await run.clock.sleep(PAUSE_S)
                run.progress.note("")
                run.to_fetch.put_nowait(job)
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
        # Only now: whatever else looks at the job, an interrupt too, may delete what is done.
        job.entry = done
        run.went_well(job)


async def _fetch(run: Run, job: Job) -> bytes:
    """The transcript's bytes, known to be decodable."""
    transcription_id = job.paid.transcription_id
    if transcription_id is None:
        raise RuntimeError(f"job {job.key[:12]} is to be fetched but has no id")
    raw = await run.client.get_transcript(transcription_id, audio_ms=job.paid.duration_ms)
    try:
        if len(raw) > LARGE_BYTES:
            await asyncio.to_thread(decode_transcript, raw, job.recording.audio_id)
        else:
            decode_transcript(raw, job.recording.audio_id)
    except BadAnswerError:
        run.answered()  # it is there, but what it says is not what is documented
        raise
    return raw


async def clean_forever(run: Run) -> None:
    """One worker: delete what settled jobs have on the server, until cancelled."""
    while True:
        await run.clean(await run.to_clean.get())
