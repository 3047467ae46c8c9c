"""Processing of transcriptions from ``queued`` to their end, and their webhooks.

Conventions: there is one task for each job. The recognizer blocks, so it runs in worker threads. If it simulates a
longer processing time, the rest of the time passes as service time. A job never raises: every error becomes the job's
error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp

from soniox_ds.emulator.audio import duration_ms
from soniox_ds.emulator.clock import ServiceClock
from soniox_ds.emulator.recognizers import Heard, Recognizer, UndecodableAudio
from soniox_ds.emulator.refusals import Refusal
from soniox_ds.emulator.rules import Job, Rules
from soniox_ds.emulator.store import AudioStore, TooLarge
from soniox_ds.emulator.visits import WebhookRecord

__all__ = ["JobRunner"]

_log = logging.getLogger(__name__)

_DOWNLOAD_TIMEOUT_S = 30
_WEBHOOK_TIMEOUT_S = 10
_WEBHOOK_WAITS_S = (1, 3)
"""Service seconds before the second and third try."""
_CHUNK = 1 << 16


class JobFailed(Exception):
    """The end of a job with the status ``error``."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class JobRunner:
    """The runner of a service's jobs. It processes `slots` jobs at once; the others wait in the queue."""

    def __init__(
        self,
        rules: Rules,
        recognizer: Recognizer,
        store: AudioStore,
        clock: ServiceClock,
        *,
        slots: int,
        queue_s: float,
        webhooks: list[WebhookRecord],
    ) -> None:
        self._rules = rules
        self._recognizer = recognizer
        self._store = store
        self._clock = clock
        self._slots = asyncio.Semaphore(slots)
        self._queue_s = queue_s
        self._webhooks = webhooks
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="soniox-local-job")
        self._http = aiohttp.ClientSession(auto_decompress=False)

    def submit(self, job: Job) -> asyncio.Task[None]:
        """Start the task of a queued job, and return it. It ends when the job has ended and its webhook is sent."""
        task = asyncio.create_task(self._run(job), name=f"job {job.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Stop all tasks. The jobs keep their states."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()
        # A recognizer cannot be interrupted, so it must finish before its files are deleted.
        self._threads.shutdown(wait=True, cancel_futures=True)  # here, because threads take no work while Python ends

    async def _run(self, job: Job) -> None:
        try:
            async with self._slots:
                await self._clock.sleep(self._queue_s)
                if not self._waiting(job):
                    return
                transcription = await self._with_audio(job)
            if transcription is None:
                return
            self._rules.complete(job.id, transcription)
        except JobFailed as failure:
            self._rules.fail(job.id, failure.error_type, str(failure))
        except Exception:  # noqa: BLE001  whatever a recognizer raises is this job's end, not the service's
            _log.exception("the recognizer %s failed on job %s", self._recognizer.name, job.id)
            self._rules.fail(job.id, "internal_error", "Internal error while transcribing.")
        if "webhook_url" in job.body and "lost_webhook" not in job.flags:
            await self._clock.sleep(job.webhook_delay_s)
            for _ in range(2 if "doubled_webhook" in job.flags else 1):
                await self._send_webhook(job)

    def _waiting(self, job: Job) -> bool:
        """Return True if a job is queued and not deleted."""
        try:
            return self._rules.job(job.id).status == "queued"
        except Refusal:
            return False

    async def _with_audio(self, job: Job) -> Heard | None:
        """Fetch the audio of a job and transcribe it; returns None if the job was deleted meanwhile."""
        if url := job.body.get("audio_url"):
            path = await self._download(url)
            try:
                return await self._process(job, path) if self._waiting(job) else None
            finally:
                self._store.drop(path)
        try:
            path = self._rules.file(job.body["file_id"]).path
        except Refusal:
            raise JobFailed("file_not_found", "The file was deleted before the transcription began.") from None
        self._store.hold(path)
        try:
            return await self._process(job, path)
        finally:
            self._store.release(path)

    async def _process(self, job: Job, path: str) -> Heard | None:
        loop = asyncio.get_running_loop()
        began = self._clock.now()
        try:
            length_ms = await loop.run_in_executor(self._threads, duration_ms, Path(path))
        except UndecodableAudio as error:
            self._rules.start(job.id, None)
            raise JobFailed("invalid_audio_file", f"The audio could not be decoded: {error}.") from error
        if self._rules.start(job.id, length_ms) is None:
            return None
        if length_ms > self._rules.limits.duration_ms:
            longest_min = self._rules.limits.duration_ms // 60_000
            raise JobFailed("max_duration_reached", f"The audio is longer than {longest_min} minutes.")
        if "stuck" in job.flags:
            await asyncio.Event().wait()
        transcription = await loop.run_in_executor(self._threads, self._transcribe, Path(path), job.filename, job.body)
        if transcription.processing_s is not None:
            await self._clock.sleep(began + transcription.processing_s - self._clock.now())
        if "job_internal_error" in job.flags:
            raise JobFailed("internal_error", "Internal error while transcribing.")
        return transcription

    def _transcribe(self, path: Path, filename: str, options: Mapping[str, Any]) -> Heard:
        try:
            return self._recognizer.transcribe(path, filename=filename, options=options)
        except UndecodableAudio as error:
            raise JobFailed("invalid_audio_file", f"The audio could not be decoded: {error}.") from error

    async def _download(self, url: str) -> str:
        try:
            async with self._http.get(url, timeout=aiohttp.ClientTimeout(total=_DOWNLOAD_TIMEOUT_S)) as response:
                if response.status >= 400:
                    raise JobFailed("file_download_error", f"The audio URL answered with HTTP {response.status}.")
                chunks: AsyncIterator[bytes] = response.content.iter_chunked(_CHUNK)
                path, _, _ = await self._store.write(chunks, limit=self._rules.limits.file_bytes)
                return path
        except TooLarge:
            raise JobFailed("file_download_error", "The audio behind the URL is too large.") from None
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            raise JobFailed(
                "file_download_error", f"The audio URL could not be fetched ({type(error).__name__})."
            ) from error

    async def _send_webhook(self, job: Job) -> None:
        """Deliver a webhook, or give up after some attempts.

        Any answer other than 2xx, including a redirect, is a failure.
        """
        headers = {}
        if name := job.body.get("webhook_auth_header_name"):
            headers[name] = job.body.get("webhook_auth_header_value", "")
        for wait_s in (*_WEBHOOK_WAITS_S, None):
            status = None
            try:
                async with self._http.post(
                    job.body["webhook_url"],
                    json={"id": job.id, "status": job.status},
                    headers=headers,
                    timeout=aiohttp.ClientTimeout(total=_WEBHOOK_TIMEOUT_S),
                    allow_redirects=False,
                ) as response:
                    status = job.webhook_status_code = response.status
            except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
                _log.info("webhook of job %s was not delivered (%s)", job.id, type(error).__name__)
            self._webhooks.append(WebhookRecord(transcription_id=job.id, time_s=self._clock.now(), status=status))
            if status is not None and 200 <= status < 300:
                return
            if wait_s is not None:
                await self._clock.sleep(wait_s)
