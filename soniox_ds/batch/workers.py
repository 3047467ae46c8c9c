"""The workers of an executor, which inspect and upload files for a run.

Conventions: only the process of the run spends requests and money. It takes a place in its budget before it submits an
upload, it creates and fetches the jobs, and it writes the journal. Nothing that was paid for is lost if a worker dies.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Executor, Future
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from soniox_ds._executors import check_version, installed_version, lost_task, submitted, version_task
from soniox_ds.api.client import Client
from soniox_ds.api.connection import Connection
from soniox_ds.api.responses import Reply
from soniox_ds.batch.dask_claims import DaskClaims
from soniox_ds.batch.jobs import Job
from soniox_ds.batch.worker_tasks import CheckTask, InspectTask, KeyOfWorker, UploadTask
from soniox_ds.exceptions import ConnectionFailed, ExecutorError, SourceError
from soniox_ds.sources.inspection import fingerprint
from soniox_ds.sources.recording import Recording, shown

__all__ = ["Workers"]

FILES_PER_TASK = 8
"""Number of files that one task inspects."""

NOTE_AFTER_S = 30.0
"""Seconds of real time without an answer after which the progress display says that the run waits for workers."""

_Result = TypeVar("_Result")


class Workers:
    """The workers of an executor.

    Parameters
    ----------
    executor
        The executor. With an executor of Dask, each upload is claimed in Dask's scheduler (`dask_claims`).
    connections
        The connections of the run. The workers need their keys.
    timeout_s
        Timeout of the requests of workers in seconds of real time.
    note
        Function that shows a note in the progress display.

    Raises
    ------
    OptionsError
        If the executor belongs to an asynchronous client of Dask.
    """

    def __init__(
        self, executor: Executor, connections: Sequence[Connection], timeout_s: float, note: Callable[[str], object]
    ) -> None:
        self._executor = executor
        self._timeout_s = timeout_s
        self._note = note
        self._claims = DaskClaims.of(executor)
        self._salt = secrets.token_hex(8)
        self._keys = tuple(KeyOfWorker.of(connection, self._salt) for connection in connections)
        self._checking = asyncio.Lock()
        self._is_checked = False

    @staticmethod
    def can_read(recording: Recording) -> bool:
        """Return True if the recording is a file that was not downloaded by this process."""
        return recording.file is not None and recording.url is None

    async def _check(self) -> None:
        """Check once that a worker has the package and the keys. Raises ExecutorError if it does not.

        Each later task checks the worker on which it runs once more.
        """
        async with self._checking:
            if not self._is_checked:
                check_version(installed_version(), await self._result(self._submit(version_task)))
                error = await self._result(self._submit(CheckTask(installed_version(), self._keys)))
                if error is not None:
                    raise error
                self._is_checked = True

    # -- inspection ----------------------------------------------------------------------------------------------------

    async def inspect(
        self, recordings: list[Recording], *, max_bytes: float, max_duration_ms: float
    ) -> list[tuple[int, int] | None]:
        """Fill in size, duration and hash of recordings that are files, as `sources.inspection.inspect` does.

        Returns the size and modification time of each file, as its worker saw them; None for a file that the worker
        cannot access. Raises ExecutorError if this process can read that file.
        """
        await self._check()
        batches = [recordings[start : start + FILES_PER_TASK] for start in range(0, len(recordings), FILES_PER_TASK)]
        tasks = [
            InspectTask(
                installed_version(),
                tuple(replace(recording, file=_absolute(recording)) for recording in batch),
                max_bytes,
                max_duration_ms,
            )
            for batch in batches
        ]
        results = await asyncio.gather(*(self._result(self._submit(task)) for task in tasks))
        fingerprints: list[tuple[int, int] | None] = []
        for batch, result in zip(batches, results, strict=True):
            if result.error is not None:
                raise result.error
            for recording, inspected, fingerprint_of_worker in zip(
                batch, result.recordings, result.fingerprints, strict=True
            ):
                if fingerprint_of_worker is None and recording.path is not None and recording.path.exists():
                    raise _not_shared(recording.path, result.worker)
                for each in fields(Recording):
                    if each.name != "file":
                        setattr(recording, each.name, getattr(inspected, each.name))
            fingerprints += result.fingerprints
        return fingerprints

    # -- uploads -------------------------------------------------------------------------------------------------------

    async def upload(self, client: Client, job: Job) -> dict[str, Any]:
        """Let a worker upload the file of a job, and return the file with its ``id``, as `Client.upload_file` does.

        Raises
        ------
        ExecutorError
            If the executor cannot run tasks any more. `maybe_done` is True if the file may have been uploaded.
        ServiceError
            As in `Client.upload_file`, and if the worker dies.
        SourceError
            If the file has changed since its inspection.
        """
        await self._check()
        return await client.upload_elsewhere(lambda: self._send(client.connection, job))

    async def _send(self, connection: Connection, job: Job) -> Reply:
        """Let a worker send one request that uploads the file, and return the answer."""
        recording = job.recording
        path = Path(_absolute(recording))
        task = UploadTask(
            installed_version(),
            KeyOfWorker.of(connection, self._salt),
            self._timeout_s,
            str(path),
            recording.filename,
            job.paid.reference,
            job.fingerprint,
            ticket=f"soniox-ds-{secrets.token_hex(8)}",
            must_claim=self._claims is not None,
        )
        await self._offer(task.ticket)
        try:
            future = self._submit(task)
            try:
                outcome = await self._result(future)
            except ExecutorError as error:
                error.maybe_done = not await self._withdraw(task.ticket)
                if type(error.__cause__).__name__ == "KilledWorker":
                    raise _died(recording, str(error), maybe_done=error.maybe_done) from error
                raise
        finally:
            await self._withdraw(task.ticket)
        if outcome.is_second_time:
            raise _died(recording, "so Dask has started its task again", maybe_done=True)
        if isinstance(outcome.error, SourceError) and _is_unchanged(path, job.fingerprint):
            raise _not_shared(path, outcome.worker)
        if outcome.error is not None:
            raise outcome.error
        assert outcome.reply is not None, "there is either an answer or an error"
        return outcome.reply

    async def _offer(self, ticket: str) -> None:
        if self._claims is not None:
            try:
                await asyncio.to_thread(self._claims.offer, ticket)
            except Exception as error:  # Dask has exceptions of its own for a scheduler that is gone.
                raise _scheduler_gone(error) from error

    async def _withdraw(self, ticket: str) -> bool:
        """Withdraw a ticket. Return True if no task has claimed it, so that no request was sent."""
        if self._claims is None:
            return False
        try:
            return await asyncio.to_thread(self._claims.withdraw, ticket)
        except Exception:  # noqa: BLE001  # Without the scheduler, a claim cannot be ruled out.
            return False

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def _submit(self, task: Callable[[], _Result]) -> Future[_Result]:
        return submitted(self._executor, task)

    async def _result(self, future: Future[_Result]) -> _Result:
        """Wait for the result of a task. Raises ExecutorError if there is none."""
        waiting = asyncio.wrap_future(future)
        is_noted = False
        try:
            while not (await asyncio.wait({waiting}, timeout=NOTE_AFTER_S))[0]:
                is_noted = True
                self._note("waiting for the workers of the executor")
        except asyncio.CancelledError:
            waiting.cancel()
            raise
        if is_noted:
            self._note("")
        error = CancelledError() if waiting.cancelled() else waiting.exception()
        if error is None:
            return waiting.result()
        raise lost_task(error) or ExecutorError(
            f"a worker could not carry out a task ({type(error).__name__}: {error}). Check that all workers have "
            f"soniox-ds {installed_version()} and enough memory, and run the same call again"
        ) from error


def _absolute(recording: Recording) -> str:
    """Return the path of a file for a worker, which may be in another working directory."""
    return os.path.abspath(str(recording.file))


def _died(recording: Recording, reason: str, *, maybe_done: bool) -> ConnectionFailed:
    return ConnectionFailed(
        f"the worker that was to upload {shown(recording.audio_id)} has died, {reason}", maybe_done=maybe_done
    )


def _scheduler_gone(error: Exception) -> ExecutorError:
    return ExecutorError(
        f"Dask's scheduler does not answer ({type(error).__name__}: {error}). Make a new client of Dask and run the "
        "same call again"
    )


def _not_shared(path: Path, worker: str) -> ExecutorError:
    return ExecutorError(
        f"{worker} cannot read {shown(str(path))}, or sees another file there, but this process can read it. The "
        "workers of an executor read the audio themselves, so it must have the same path on all of their machines, "
        "for example on a network drive; or leave executor= out"
    )


def _is_unchanged(path: Path, inspected: tuple[int, int] | None) -> bool:
    try:
        return inspected is not None and fingerprint(path) == inspected
    except OSError:
        return False
