"""Tasks of a run that the workers of an executor carry out: inspections and uploads of files.

Conventions: no task holds a key. A worker takes the key from its own environment, and recognises it by a salted
fingerprint. An upload sends one request, which the process of the run has counted in its budget, and never repeats it.
Tasks return the exceptions of this package as values, because some executors repeat a task that raises an exception.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from soniox_ds._executors import check_version, worker_name
from soniox_ds.api.client import Client
from soniox_ds.api.connection import Connection, Secret
from soniox_ds.api.responses import Reply
from soniox_ds.batch.dask_claims import claim
from soniox_ds.exceptions import ExecutorError, SonioxDSError, SourceError
from soniox_ds.sources.inspection import fingerprint, inspect
from soniox_ds.sources.recording import Recording, shown

__all__ = ["KEY_VARIABLE", "CheckTask", "InspectTask", "Inspected", "KeyOfWorker", "UploadTask", "Uploaded"]

KEY_VARIABLE = "SONIOX_API_KEY"
"""Environment variable that holds the key of a worker. Further keys are in variables whose names begin with it."""


@dataclass(frozen=True)
class KeyOfWorker:
    """The address of the service, and a salted fingerprint by which a worker finds the right key in its environment."""

    api_base_url: str
    salt: str
    fingerprint: str

    @classmethod
    def of(cls, connection: Connection, salt: str) -> KeyOfWorker:
        """Describe the key of a connection without revealing it."""
        return cls(connection.api_base_url, salt, connection.api_key.fingerprint(salt))

    def connection(self) -> Connection:
        """Make the connection with the key of this worker. Raises ExecutorError if the worker does not have the key."""
        names = sorted(name for name in os.environ if name.startswith(KEY_VARIABLE) and os.environ[name].strip())
        for name in names:
            key = Secret(os.environ[name].strip())
            if key.fingerprint(self.salt) == self.fingerprint:
                return Connection(api_key=key, api_base_url=self.api_base_url)
        if not names:
            raise ExecutorError(
                f"{worker_name()} has no API key. Set {KEY_VARIABLE} in the environment of all workers before they "
                "start; keys are never sent to them"
            )
        raise ExecutorError(
            f"{worker_name()} has another API key than this process: none of the environment variables {names} holds "
            f"the same key. Set the same {KEY_VARIABLE} in the environment of all workers before they start"
        )


@dataclass(frozen=True)
class CheckTask:
    """The check of a worker before anything is sent."""

    version: str
    keys: tuple[KeyOfWorker, ...]

    def __call__(self) -> ExecutorError | None:
        """Return an error if the worker lacks a key or the right version of the package, otherwise None."""
        try:
            check_version(self.version)
            for key in self.keys:
                key.connection()
        except ExecutorError as error:
            return error
        return None


@dataclass(frozen=True)
class Inspected:
    """The result of an `InspectTask`."""

    recordings: list[Recording]
    fingerprints: list[tuple[int, int] | None]
    """Size and modification time of each file before it was read; None if the worker cannot access the file."""
    worker: str
    error: ExecutorError | None = None


@dataclass(frozen=True)
class InspectTask:
    """The inspection of some files, and the computation of their hashes."""

    version: str
    recordings: tuple[Recording, ...]
    max_bytes: float
    max_duration_ms: float

    def __call__(self) -> Inspected:
        """Inspect the files as this worker sees them."""
        try:
            check_version(self.version)
        except ExecutorError as error:
            return Inspected([], [], worker_name(), error)
        fingerprints = [_fingerprint(Path(str(recording.file))) for recording in self.recordings]
        inspected = [
            inspect(recording, max_bytes=self.max_bytes, max_duration_ms=self.max_duration_ms)
            for recording in self.recordings
        ]
        return Inspected(inspected, fingerprints, worker_name())


@dataclass(frozen=True)
class Uploaded:
    """The result of an `UploadTask`: the answer of the service, or the reason why there is none."""

    worker: str
    reply: Reply | None = None
    error: SonioxDSError | None = None
    is_second_time: bool = False
    """True if the executor had run the task before, so that nothing was sent this time."""


@dataclass(frozen=True)
class UploadTask:
    """The upload of a file by one request."""

    version: str
    key: KeyOfWorker
    timeout_s: float
    file: str
    """Absolute path of the file."""
    filename: str
    reference: str
    """Reference of the attempt, by which the upload is found if this worker dies."""
    fingerprint: tuple[int, int] | None
    """Size and modification time of the file when it was inspected."""
    ticket: str
    """Unique name of the request."""
    must_claim: bool
    """True if the task must claim its ticket before it sends the request, because the executor may run the task
    twice."""

    def __call__(self) -> Uploaded:
        """Upload the file, unless an earlier run of this task has begun to do so."""
        try:
            check_version(self.version)
            connection = self.key.connection()
            self._check_unchanged()
            if self.must_claim and not claim(self.ticket):
                return Uploaded(worker_name(), is_second_time=True)
            return Uploaded(worker_name(), asyncio.run(self._upload(connection)))
        except SonioxDSError as error:
            return Uploaded(worker_name(), error=error)

    def _check_unchanged(self) -> None:
        now = _fingerprint(Path(self.file))
        if now is None or (self.fingerprint is not None and now != self.fingerprint):
            problem = "cannot be read" if now is None else "is not as it was when it was inspected"
            raise SourceError(f"{shown(self.file)} {problem}, says {worker_name()}; run the same call again")

    async def _upload(self, connection: Connection) -> Reply:
        async with Client(connection, timeout_s=self.timeout_s) as client:
            return await client.upload_once(Path(self.file), filename=self.filename, client_reference_id=self.reference)


def _fingerprint(path: Path) -> tuple[int, int] | None:
    try:
        return fingerprint(path)
    except (OSError, ValueError):  # The inspection reports it.
        return None
