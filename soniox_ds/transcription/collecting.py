"""Collecting: fetch each finished transcript, make it safe in the journal, and only then clean up remotely."""

from __future__ import annotations

import asyncio

from soniox_ds.errors import BadAnswerError, InvalidStateError, JournalError, SonioxDSError
from soniox_ds.service.decode import decode_transcript
from soniox_ds.transcription.jobs import Job
from soniox_ds.transcription.journal import State
from soniox_ds.transcription.run import Run

__all__ = ["clean_forever", "fetch_forever"]

TRIES = 3
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
        except SonioxDSError as error:
            await run.refused(job, error)
            continue
        entry = job.paid
        entry.state = State.DONE
        now = run.clock.utcnow()
        entry.completed_at, entry.changed_at = now.isoformat(), now.timestamp()
        await run.journal.store(entry, raw)
        run.went_well(job)


async def _fetch(run: Run, job: Job) -> bytes:
    """The transcript's bytes, known to be decodable; a job that has only just finished may need a moment."""
    transcription_id = job.paid.transcription_id
    if transcription_id is None:
        raise RuntimeError(f"job {job.key[:12]} is to be fetched but has no id")
    trouble: SonioxDSError
    for _ in range(TRIES):
        try:
            raw = await run.client.get_transcript(transcription_id)
            if len(raw) > LARGE_BYTES:
                await asyncio.to_thread(decode_transcript, raw, job.recording.audio_id)
            else:
                decode_transcript(raw, job.recording.audio_id)
        except (BadAnswerError, InvalidStateError) as error:
            trouble = error
            await run.clock.sleep(PAUSE_S)
        else:
            return raw
    raise trouble


async def clean_forever(run: Run) -> None:
    """One worker: delete what settled jobs have on the server, until cancelled."""
    while True:
        job = await run.to_clean.get()
        await run.clean(job)
        run.closed(job)
