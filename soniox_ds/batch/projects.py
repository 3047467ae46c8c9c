"""The projects of a run. Each has a key, and files and transcriptions that the keys of other projects cannot see.

Conventions: a job belongs to the project with whose key it was created. Until then it may move to another project. The
journal identifies the project of an attempt by a short salted fingerprint of the key.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Protocol

from soniox_ds.api.budget import RequestBudget
from soniox_ds.api.client import Client
from soniox_ds.api.clock import Clock
from soniox_ds.api.connections import ConnectionPool
from soniox_ds.api.quota import Quota
from soniox_ds.batch.journal import Journal
from soniox_ds.batch.limits import Limits
from soniox_ds.exceptions import AuthError, QuotaError, SonioxDSError

__all__ = ["OrganisationLimits", "Project", "opened_projects"]


class JobWatcher(Protocol):
    """The watcher of a project's jobs (``watch.Watcher``)."""

    @property
    def n_jobs(self) -> int: ...
    def take_up(self, job: Any) -> None: ...
    def lost(self, job: Any, *, since_s: float) -> None: ...
    def contradiction(self, job: Any, item: dict[str, Any]) -> str | None: ...
    async def created(self, job: Any, reply: dict[str, Any]) -> None: ...
    async def watch_forever(self) -> None: ...
    async def give_up_late_jobs_forever(self) -> None: ...


class OrganisationLimits:
    """The limits that the projects of one organisation share in a run."""

    def __init__(self, budget: RequestBudget, limits: Limits, clock: Clock) -> None:
        self.budget = budget
        self.quotas = {
            "pending": Quota(limits.pending, "pending transcriptions", clock),
            "transcriptions": Quota(limits.transcriptions, "stored transcriptions", clock),
            "files": Quota(limits.files, "stored files", clock),
            "storage": Quota(limits.storage_bytes, "bytes of stored files", clock),
        }
        self.projects: list[Project] = []

    @property
    def n_jobs(self) -> int:
        """Number of jobs that are under way in the projects of the organisation."""
        return sum(project.n_jobs for project in self.projects)

    @property
    def n_watched(self) -> int:
        """Number of jobs that are being processed by the service, or may be."""
        return sum(project.n_watched for project in self.projects)

    @property
    def n_listings(self) -> int:
        """Number of projects whose jobs have to be listed."""
        return sum(project.n_watched > 0 for project in self.projects)

    def n_to_fetch(self) -> int:
        """Return the number of transcripts that will be fetched soon."""
        return self.n_watched + sum(project.to_fetch.qsize() for project in self.projects)


class Project:
    """A project of a run: its client, its limits, and the jobs (``jobs.Job``) that are under way in it."""

    def __init__(self, client: Client, limits: OrganisationLimits, fingerprint: str, name: str) -> None:
        self.client = client
        self.limits = limits
        self.fingerprint = fingerprint
        """Short salted hash of the key, by which the journal identifies the project."""
        self.name = name
        """Name in messages; empty if the run has only one project."""
        self._watcher: JobWatcher | None = None
        self.fatal: SonioxDSError | None = None
        """The error because of which nothing more may be sent to the project; None as long as there is no such
        error."""
        self.failures_in_a_row = 0
        self.jobs: set[Any] = set()
        """The jobs that are under way in the project."""
        self.to_fetch: asyncio.Queue[Any] = asyncio.Queue()
        """Finished jobs whose transcripts are to be fetched."""
        self.to_clean: asyncio.Queue[Any] = asyncio.Queue()
        """Settled jobs whose files and transcriptions are to be deleted."""
        limits.projects.append(self)

    def __repr__(self) -> str:
        return f"<project of {self.client.connection!r}, {self.n_jobs} jobs>"

    @property
    def watcher(self) -> JobWatcher:
        """The watcher of the jobs. Raises RuntimeError before the run has set it."""
        if self._watcher is None:
            raise RuntimeError(f"{self!r} has no watcher yet")
        return self._watcher

    @watcher.setter
    def watcher(self, watcher: JobWatcher) -> None:
        self._watcher = watcher

    @property
    def n_jobs(self) -> int:
        """Number of jobs that are under way in the project."""
        return len(self.jobs)

    @property
    def n_watched(self) -> int:
        """Number of jobs that are being processed by the service, or may be."""
        return 0 if self._watcher is None else self._watcher.n_jobs

    @property
    def is_shut_out(self) -> bool:
        """True once the service has refused all requests for longer than a run waits."""
        return isinstance(self.fatal, QuotaError) and self.fatal.retry_after_s is not None

    def explained(self, error: SonioxDSError) -> str:
        """Return the message for an error that prevents the run from following a job which the service has."""
        text = f"{error} (the job continues; the same call waits for it again)"
        if not self.name or not isinstance(error, AuthError):
            return text
        return (
            f"{str(error).rstrip('.')}. The job was created with {self.name}, and the other keys cannot fetch it. "
            "It is remembered: the same call with a valid key of that project continues with it. To transcribe it "
            "again with another key, and pay again, leave this key out and give refresh=True"
        )


@contextlib.asynccontextmanager
async def opened_projects(
    pool: ConnectionPool, *, requests_per_minute: float, limits: Limits, clock: Clock, journal: Journal
) -> AsyncIterator[list[Project]]:
    """Open a client for each connection of the pool, with limits that the connections of an organisation share.

    Processes with the same journal share the requests per minute.
    """
    projects: dict[int, Project] = {}
    path = journal.path if journal.read_only is None else None
    async with contextlib.AsyncExitStack() as stack:
        for organisation in pool.organisations:
            budget = RequestBudget.shared(organisation.connections[0], requests_per_minute, clock, journal=path)
            shared = OrganisationLimits(await stack.enter_async_context(budget), limits, clock)
            for connection in organisation.connections:
                number = pool.connections.index(connection) + 1
                client = Client(connection, budget=budget, timeout_s=limits.request_timeout_s, clock=clock)
                projects[number] = Project(
                    await stack.enter_async_context(client),
                    shared,
                    connection.api_key.fingerprint(journal.id),
                    f"key {number} of {len(pool.connections)}" if len(pool.connections) > 1 else "",
                )
        yield [projects[number] for number in sorted(projects)]
