"""Clean-up on the server: files and transcriptions of this journal that no run needs any more.

Nothing else on the server is ever deleted. Things remain there in two cases: the journal knows their ids, because a
deletion failed or a run was killed before it; or they carry a reference of the journal, although no answer gave an id.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from soniox_ds.api.budget import Priority, RequestBudget
from soniox_ds.api.client import Client
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.responses import is_id
from soniox_ds.batch.jobs import Job
from soniox_ds.batch.journal import UNPAID, Entry, Journal, State, UnansweredRequest
from soniox_ds.batch.projects import Project
from soniox_ds.batch.run import Run
from soniox_ds.exceptions import (
    AuthError,
    InputError,
    InvalidStateError,
    JournalError,
    NotFoundError,
    RequestError,
    ServiceError,
    SonioxDSError,
)

__all__ = ["INTERRUPT_S", "clean_up", "delete_after_interrupt", "sweep_earlier", "sweep_known", "sweep_lost", "tidy_up"]

INTERRUPT_S = 1.0
"""Seconds of real time in which an interrupted run may delete what it does not need any more."""

SWEEPERS = 8
"""Number of deletions at the same time."""

log = logging.getLogger("soniox_ds.batch")


@contextlib.asynccontextmanager
async def _unused(
    journal: Journal, service: str, is_wanted: Callable[[str | None], bool], *, unfinished: bool = False
) -> AsyncIterator[list[Entry]]:
    """Claim the entries of earlier runs that have something on the server and that no run works on.

    `is_wanted` returns True for the fingerprint of a key whose entries are wanted. Entries that are paid for and not
    yet fetched are left out, unless `unfinished` is True.
    """
    busy = await journal.claimed_by_others(None)
    remains = [
        entry
        for entry in await journal.remains(service)
        if entry.job_key not in busy and is_wanted(entry.key_fingerprint)
    ]
    if not remains:
        yield []
        return
    run = journal.start_run()
    try:
        keys = {entry.job_key for entry in remains}
        keys -= await journal.claim(sorted(keys), run)
        yield [
            entry
            for entry in await journal.remains(service)
            if entry.job_key in keys
            and is_wanted(entry.key_fingerprint)
            and (unfinished or entry.state == State.DONE or entry.state in UNPAID)
        ]
    finally:
        await journal.end_run(run)


async def _abandon(journal: Journal, entry: Entry, now: float) -> Entry:
    """Give up an attempt that no run works on any more. A request without an answer is noted, to be looked for."""
    if entry.state in (State.DONE, State.FAILED):
        return entry
    if entry.state in (State.UPLOADING, State.CREATING):
        kind = "file" if entry.state == State.UPLOADING else "transcription"
        lost = UnansweredRequest(entry.reference, kind, now, entry.key_fingerprint)
        await journal.note_lost(lost, entry.service)
    entry = replace(entry, state=State.FAILED, error_type="abandoned", changed_at=now)
    await journal.put(entry)
    return entry


async def sweep_known(client: Client, journal: Journal, entry: Entry) -> int:
    """Delete what an entry still has on the server, and return the number of deletions.

    Errors of the deletions are passed on.
    """
    entry = replace(entry)
    if not _has_remains(entry):  # Its id was not valid and was dropped, so the entry is written without it.
        await journal.put(entry)
        return 0
    n_deleted = 0
    try:
        if entry.transcription_id is not None and not entry.transcription_gone:
            await _delete(client.delete_transcription, entry.transcription_id)
            entry.transcription_gone = 1
            n_deleted += 1
        if entry.file_id is not None and not entry.file_gone:
            await _delete(client.delete_file, entry.file_id)
            entry.file_gone = 1
            n_deleted += 1
    finally:
        if n_deleted:
            await journal.put(entry)
    return n_deleted


async def _delete(method: Callable[..., Any], remote_id: str) -> None:
    try:
        await method(remote_id, priority=Priority.CLEAN)
    except NotFoundError:
        return  # Somebody else deleted it.


async def _carries(get_method: Callable[..., Any], remote_id: str, reference: str) -> bool:
    """Return True if the file or transcription with this id carries the reference, or is already gone."""
    try:
        item = await get_method(remote_id, priority=Priority.CLEAN)
    except NotFoundError:
        return True
    return bool(item.get("client_reference_id") == reference)


class CleanUpResult(NamedTuple):
    """The outcome of a search for lost references."""

    gone: int
    """Number of things that were deleted."""
    not_found: list[UnansweredRequest]
    """References that nothing on the server carries."""
    busy: list[str]
    """References of transcriptions that cannot be deleted yet, because they are being processed."""


async def sweep_lost(
    client: Client, journal: Journal, service: str, lost: Iterable[UnansweredRequest]
) -> CleanUpResult:
    """Delete the files and transcriptions that carry one of these references and that no entry uses."""
    wanted = {item.reference: item for item in lost}
    n_deleted, seen, busy, unusable = 0, set(), set(), set()
    if wanted:
        remains = await journal.remains(service)
        in_use = {entry.file_id for entry in remains if not entry.file_gone}
        in_use |= {entry.transcription_id for entry in remains if not entry.transcription_gone}
        for list_method, get_method, delete_method in (
            (client.list_transcriptions, client.get_transcription, client.delete_transcription),
            (client.list_files, client.get_file, client.delete_file),
        ):
            async for item in client.iterate(list_method, priority=Priority.CLEAN):
                reference = item.get("client_reference_id")
                if reference not in wanted:
                    continue
                seen.add(reference)
                if not is_id(item["id"]):
                    unusable.add(reference)  # It cannot be deleted by such an id.
                    continue
                if item["id"] in in_use:
                    continue
                # A listing may name the id of somebody else's job, so the service is asked for the id itself.
                if not await _carries(get_method, item["id"], reference):
                    unusable.add(reference)
                    continue
                try:
                    await _delete(delete_method, item["id"])
                except InvalidStateError:
                    busy.add(reference)
                    continue
                n_deleted += 1
        await journal.forget_lost(seen - busy - unusable)
    return CleanUpResult(n_deleted, [wanted[reference] for reference in wanted.keys() - seen], sorted(busy))


# -- during and after a run --------------------------------------------------------------------------------------------


async def sweep_earlier(run: Run, project: Project) -> int:
    """Delete the files and transcriptions that earlier runs left in a project and that no run needs. Return the number
    of deletions."""
    async with run.sweeping, _unused(run.journal, run.service, run.may_own(project)) as entries:
        return await _sweep_all(run, project, entries)


async def _sweep_all(run: Run, project: Project, entries: list[Entry]) -> int:
    """Delete the files and transcriptions of these entries in a project. Stop early if the service refuses access or
    does not answer."""
    todo = iter(entries)
    n_deleted = 0
    trouble: SonioxDSError | None = None

    async def sweep_some() -> None:
        nonlocal n_deleted, trouble
        for entry in todo:
            if trouble is not None:
                return
            try:
                is_own = run.project_of(entry.key_fingerprint) is project
                if not is_own and not await _is_in_project(project.client, entry):
                    continue
                entry = await _abandon(run.journal, entry, run.clock.utcnow().timestamp())
                n_deleted += await sweep_known(project.client, run.journal, entry)
            except (AuthError, ServiceError) as error:
                trouble = error
                run.left_behind.append(f"{entry.source}: {error}")
            except (RequestError, InputError) as error:
                run.left_behind.append(f"{entry.source}: {error}")

    await asyncio.gather(*(sweep_some() for _ in range(SWEEPERS)))
    return n_deleted


async def tidy_up(run: Run) -> None:
    """Delete what this run or an earlier run could not delete before, and what requests without an answer left."""
    if run.journal.read_only is not None:
        return  # The entries stay in the journal.
    run.left_behind.clear()
    for project in run.projects:
        if isinstance(project.fatal, AuthError | ServiceError) or project.is_shut_out:
            continue
        n_left_behind = len(run.left_behind)
        async with _unused(run.journal, run.service, run.may_own(project)) as entries:
            await _sweep_all(run, project, entries)
        if len(run.left_behind) == n_left_behind:
            try:
                await _sweep_lost_answers(run, project)
            except (RequestError, ServiceError) as error:
                run.left_behind.append(f"uploads and jobs whose answers were lost: {error}")
    if run.left_behind:
        log.warning(
            "%d files or jobs could not be deleted from the service (%s, ...); the next run tries again, and so does "
            "sx.account.clean_up()",
            len(run.left_behind),
            run.left_behind[0],
        )


async def _sweep_lost_answers(run: Run, project: Project) -> None:
    may_own = run.may_own(project)
    while lost := [each for each in await run.journal.lost(run.service, run.name) if may_own(each.key_fingerprint)]:
        run.progress.note("looking for files and jobs of requests that were not answered")
        swept = await sweep_lost(project.client, run.journal, run.service, lost)
        now = run.clock.utcnow().timestamp()
        settle_s = run.limits.settle_s
        # A negative age means that the clock was set back, which must not make the run wait.
        own = [item for item in swept.not_found if run.project_of(item.key_fingerprint) is project]
        late = [item for item in own if not 0 <= now - item.noted_at < settle_s]
        await run.journal.forget_lost(item.reference for item in late)
        young = [item for item in own if item not in late]
        busy_for_long = all(now - item.noted_at > 4 * settle_s for item in lost if item.reference in swept.busy)
        if not young and busy_for_long:
            break  # Busy transcriptions are left to a later run.
        await run.clock.sleep(settle_s / 4)
    run.progress.note("")


async def delete_after_interrupt(run: Run, jobs: Iterable[Job]) -> None:
    """Delete after an interrupt what is not needed any more, within `INTERRUPT_S`. The journal keeps the rest.

    Jobs that are paid for and unfinished stay on the server. The same call continues them.
    """

    async def leave(project: Project, entry: Entry) -> None:
        try:
            if entry.state == State.UPLOADED:
                entry = await _abandon(run.journal, entry, run.clock.utcnow().timestamp())
            await sweep_known(project.client, run.journal, entry)
        except JournalError:
            raise
        except SonioxDSError as error:
            log.info("%s: %s", entry.source, error)  # A later run deletes it.

    entries = [
        (project, job.entry)
        for job in jobs
        if job.entry is not None
        and not job.recalled
        and (project := job.project or run.project_of(job.entry.key_fingerprint)) is not None
    ]
    try:
        async with asyncio.timeout(INTERRUPT_S), asyncio.TaskGroup() as group:
            for project, entry in entries:
                if entry.state in (State.DONE, State.FAILED, State.UPLOADED) and _has_remains(entry):
                    group.create_task(leave(project, entry))
    except TimeoutError:
        return  # The rest is in the journal, and a later run deletes it.
    except ExceptionGroup as errors:
        log.warning("the journal could not be written after the interrupt: %s", errors.exceptions[0])


def _has_remains(entry: Entry) -> bool:
    return (entry.transcription_id is not None and not entry.transcription_gone) or (
        entry.file_id is not None and not entry.file_gone
    )


# -- on request --------------------------------------------------------------------------------------------------------


async def clean_up(
    journal: str | Path | None = None, *, connection: Connection | None = None, unfinished: bool = False
) -> pd.DataFrame:
    """Delete from the server what this journal put there and no run needs any more; never anything else.

    Parameters
    ----------
    journal
        Path of the journal; by default the journal in the user's cache folder.
    connection
        Key, region and address; by default from the environment.
    unfinished
        Also give up jobs that are paid for and whose transcripts were not fetched. By default they are kept, so that
        the call which started them can continue them.

    Returns
    -------
    DataFrame
        One row for each recording that had something on the server: ``audio_id``, ``state`` (the last state of its
        job), ``outcome`` (``"deleted"``, ``"kept"``, ``"busy"`` if it is being processed (try again later), or
        ``"other key"`` if it was sent with the key of another project: call `clean_up` with that key).

    Raises
    ------
    SetupError, AuthError, ServiceError, JournalError

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted"):
    ...     sx.account.clean_up()
    Empty DataFrame
    Columns: [audio_id, state, outcome]
    Index: []
    """
    connection = connection or Connection()
    rows = []
    clock = Clock()
    async with (
        Journal.using(journal) as book,
        RequestBudget.shared(connection, clock=clock, journal=book.path) as budget,
        Client(connection, budget=budget, clock=clock) as client,
    ):
        own = (None, connection.api_key.fingerprint(book.id))
        async with _unused(book, connection.service, lambda _: True, unfinished=True) as entries:
            for entry in entries:
                outcome = "kept"
                if entry.key_fingerprint not in own and not await _is_in_project(client, entry):
                    outcome = "other key"
                elif unfinished or entry.state == State.DONE or entry.state in UNPAID:
                    outcome = await _give_up(client, book, entry, clock)
                rows.append((entry.source, entry.state, outcome))
        lost = [each for each in await book.lost(connection.service, None) if each.key_fingerprint in own]
        swept = await sweep_lost(client, book, connection.service, lost)
        await book.forget_lost(item.reference for item in swept.not_found)
    return pd.DataFrame(rows, columns=["audio_id", "state", "outcome"])


async def _is_in_project(client: Client, entry: Entry) -> bool:
    """Return True if the project of the client holds the transcription or the file of an entry.

    The entry was sent with another key. If that key was replaced, both keys lead to the same project.
    """
    with contextlib.suppress(NotFoundError):
        if entry.transcription_id is not None and not entry.transcription_gone:
            await client.get_transcription(entry.transcription_id, priority=Priority.CLEAN)
            return True
    with contextlib.suppress(NotFoundError):
        if entry.file_id is not None and not entry.file_gone:
            await client.get_file(entry.file_id, priority=Priority.CLEAN)
            return True
    return False


async def _give_up(client: Client, journal: Journal, entry: Entry, clock: Clock) -> str:
    entry = await _abandon(journal, entry, clock.utcnow().timestamp())
    try:
        await sweep_known(client, journal, entry)
    except InvalidStateError:
        return "busy"
    return "deleted"
