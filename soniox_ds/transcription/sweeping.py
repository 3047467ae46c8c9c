"""Sweeping: what this journal put on the server and nobody needs any more is deleted; nothing else is ever touched.

Two kinds of remains: things whose ids the journal knows (a deletion failed or a run was killed before it), and things
that carry one of its references although no answer ever told their id.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from soniox_ds.errors import InvalidStateError, NotFoundError, RequestError, ServiceError
from soniox_ds.service.budget import Priority
from soniox_ds.service.connection import Connection
from soniox_ds.service.rest import Client
from soniox_ds.transcription.jobs import Job
from soniox_ds.transcription.journal import Entry, Journal, State
from soniox_ds.transcription.run import Run

__all__ = ["GOODBYE_S", "clean_up", "say_goodbye", "settled_remains", "sweep_known", "sweep_lost", "tidy_up"]

GOODBYE_S = 1.0
"""How long an interrupted run may take to delete what it does not need any more (real seconds)."""


async def settled_remains(journal: Journal, service: str, run: str | None) -> list[Entry]:
    """Entries of earlier runs that are finished, one way or the other, but not cleaned up."""
    busy = await journal.claimed_by_others(run)
    return [
        entry
        for entry in await journal.remains(service)
        if entry.state in (State.DONE, State.FAILED) and entry.job_key not in busy
    ]


async def sweep_known(client: Client, journal: Journal, entry: Entry) -> int:
    """Delete what an entry still has on the server; returns how many things went. Raises what deleting raises."""
    entry = replace(entry)
    gone = 0
    try:
        if entry.transcription_id is not None and not entry.transcription_gone:
            await _gone(client.delete_transcription, entry.transcription_id)
            entry.transcription_gone = 1
            gone += 1
        if entry.file_id is not None and not entry.file_gone:
            await _gone(client.delete_file, entry.file_id)
            entry.file_gone = 1
            gone += 1
    finally:
        if gone:
            await journal.put(entry)
    return gone


async def _gone(method: Callable[..., Any], remote_id: str) -> None:
    try:
        await method(remote_id, priority=Priority.CLEAN)
    except NotFoundError:
        return  # somebody else deleted it


class Swept(NamedTuple):
    """What became of the references that were looked for."""

    gone: int
    """So many things were deleted."""
    not_found: list[str]
    """References of which the server shows nothing."""
    busy: list[str]
    """References of transcriptions that cannot be deleted yet, because they are being processed."""


async def sweep_lost(client: Client, journal: Journal, service: str, *, references: set[str] | None = None) -> Swept:
    """Delete what carries one of these references (default: those noted as lost) and that no entry knows by its id."""
    lost = set(await journal.lost(service)) if references is None else references
    if not lost:
        return Swept(0, [], [])
    entries = await journal.entries_by_reference(service)
    in_use = {entry.file_id for entry in entries.values() if not entry.file_gone}
    in_use |= {entry.transcription_id for entry in entries.values() if not entry.transcription_gone}
    gone, seen, busy = 0, set(), set()
    for list_method, delete_method in (
        (client.list_transcriptions, client.delete_transcription),
        (client.list_files, client.delete_file),
    ):
        async for item in client.iterate(list_method, priority=Priority.CLEAN):
            reference = item.get("client_reference_id")
            if reference not in lost or item["id"] in in_use:
                continue
            seen.add(reference)
            try:
                await _gone(delete_method, item["id"])
            except InvalidStateError:
                busy.add(reference)
                continue
            gone += 1
    await journal.forget_lost(sorted(seen - busy))
    return Swept(gone, sorted(lost - seen), sorted(busy))


# -- at the end of a run -----------------------------------------------------------------------------------------------


async def tidy_up(run: Run) -> None:
    """Delete what could not be deleted before, of this run or an earlier one, and what lost answers left behind."""
    for entry in await settled_remains(run.journal, run.service, run.name):
        try:
            await sweep_known(run.client, run.journal, entry)
        except (RequestError, ServiceError) as error:
            run.left_behind.append(f"{entry.source}: {error}")
    if not await run.journal.lost(run.service):
        return
    run.progress.note("looking for what requests without an answer left behind")
    until_s = run.clock.now() + run.limits.settle_s
    try:
        while True:
            swept = await sweep_lost(run.client, run.journal, run.service)
            if not swept.not_found and not swept.busy:
                break
            if run.clock.now() >= until_s:
                await run.journal.forget_lost(swept.not_found)  # what is busy is left to a later run
                break
            await run.clock.sleep(run.limits.settle_s / 4)
    except (RequestError, ServiceError) as error:
        run.left_behind.append(f"what lost answers left behind: {error}")
    run.progress.note("")


async def say_goodbye(run: Run, jobs: Iterable[Job]) -> None:
    """After an interrupt: delete what is not needed any more, within a second; the rest is in the journal.

    Jobs that are paid for and unfinished stay on the server for the same call to take up again.
    """

    async def leave(job: Job) -> None:
        entry = job.entry
        if entry is None or entry.state not in (State.DONE, State.FAILED, State.UPLOADED):
            return
        if entry.state == State.UPLOADED:
            entry.state, entry.error_type = State.FAILED, "interrupted"
        if entry.transcription_id is not None or entry.file_id is not None:
            await sweep_known(run.client, run.journal, entry)

    with contextlib.suppress(TimeoutError, RequestError, ServiceError):
        async with asyncio.timeout(GOODBYE_S):
            await asyncio.gather(*(leave(job) for job in list(jobs) if not job.recalled))


# -- on request --------------------------------------------------------------------------------------------------------


async def clean_up(
    journal: str | Path | None = None, *, connection: Connection | None = None, unfinished: bool = False
) -> pd.DataFrame:
    """Delete from the server what this journal put there and no run needs any more; never anything else.

    Parameters
    ----------
    journal
        The journal whose things are meant; by default the one in the user's cache folder.
    connection
        Key, region and address; by default from the environment.
    unfinished
        Also give up jobs that are paid for and whose transcripts were not fetched. By default they are kept, for the
        call that started them to take up again.

    Returns
    -------
    DataFrame
        One row for each recording that had something there: ``audio_id``, ``state`` (how far it had come), ``outcome``
        (``"deleted"``, ``"kept"`` or ``"busy"``: being processed, try again later).

    Raises
    ------
    SetupError, AuthError, ServiceError, JournalError

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service(recognizer="scripted"):
    ...     sx.clean_up(getfixture("tmp_path") / "journal.sqlite")
    Empty DataFrame
    Columns: [audio_id, state, outcome]
    Index: []
    """
    connection = connection or Connection()
    book = await asyncio.to_thread(Journal.open, journal)
    rows = []
    async with Client(connection) as client:
        busy = await book.claimed_by_others(None)
        remains = [entry for entry in await book.remains(connection.service) if entry.job_key not in busy]
        unanswered = set(await book.lost(connection.service))
        for entry in remains:
            outcome = "kept"
            if unfinished or entry.state in (State.DONE, State.FAILED, State.UPLOADED):
                outcome = await _give_up(client, book, entry, unanswered)
            rows.append((entry.source, entry.state, outcome))
        swept = await sweep_lost(client, book, connection.service, references=unanswered)
        await book.forget_lost(swept.not_found)
    return pd.DataFrame(rows, columns=["audio_id", "state", "outcome"])


async def _give_up(client: Client, journal: Journal, entry: Entry, unanswered: set[str]) -> str:
    if entry.state in (State.UPLOADING, State.CREATING):
        unanswered.add(entry.reference)
    if entry.state not in (State.DONE, State.FAILED):
        entry = replace(entry, state=State.FAILED, error_type="cleaned_up")
        await journal.put(entry)
    try:
        await sweep_known(client, journal, entry)
    except InvalidStateError:
        return "busy"
    return "deleted"
