"""Files and transcriptions that are stored at the service: lists, and deletions of a selection.

Conventions: nothing is deleted without being named. What an unfinished run may still need is kept: jobs of the journal
that are paid for and not fetched, jobs that a running call works on, and whatever another journal put there, because
its state is not known here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.api.budget import RequestBudget
from soniox_ds.api.client import Client
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.responses import is_id
from soniox_ds.batch.jobs import parse_time, split_reference
from soniox_ds.batch.journal import Entry, Journal, State
from soniox_ds.exceptions import InputError, InvalidStateError, NotFoundError, SonioxDSError
from soniox_ds.progress.display import Progress, Snapshot, progress_for
from soniox_ds.schema import DELETIONS, STORED_FILES, STORED_TRANSCRIPTIONS, conform, need

__all__ = ["delete_files", "delete_transcriptions", "files", "transcriptions"]

PAGE = 1000
"""Number of items on a page of a list. The progress is shown if there is more than one page."""
AT_ONCE = 8
"""Number of deletions at the same time."""
PROGRESS_FROM = 20
"""Number of deletions from which the progress is shown."""

ProgressSetting = bool | Callable[[Snapshot], object] | None
Json = dict[str, Any]


async def files(*, connection: Connection | None = None, progress: ProgressSetting = None) -> pd.DataFrame:
    """List the uploaded files that the service stores for the project of the key.

    Parameters
    ----------
    connection
        Key, region and address; by default from the environment.
    progress
        As in `transcribe`. Nothing is shown for up to 1,000 files, which come with one request.

    Returns
    -------
    DataFrame
        ``schema.STORED_FILES``: one row for each file, in the order of the service. Rows of it are a selection for
        `delete_files`.

    Raises
    ------
    SetupError, AuthError, ServiceError

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted"):
    ...     files = sx.account.files()
    >>> files.columns.tolist()
    ['file_id', 'filename', 'size_bytes', 'created_at', 'client_reference_id', 'journal_id']
    """
    rows = []
    async with _client(connection) as client:
        async for item in _listed(client, client.list_files, client.count_files, progress):
            size = item.get("size")
            rows.append(
                {
                    "file_id": item["id"],
                    "filename": _text(item, "filename"),
                    "size_bytes": size if isinstance(size, int) and 0 <= size < 2**63 else None,
                    **_shared(item),
                }
            )
    return conform(pd.DataFrame(rows, columns=list(STORED_FILES)), STORED_FILES)


async def transcriptions(*, connection: Connection | None = None, progress: ProgressSetting = None) -> pd.DataFrame:
    """List the transcriptions that the service stores for the project of the key, finished or not.

    Parameters
    ----------
    connection
        Key, region and address; by default from the environment.
    progress
        As in `transcribe`. Nothing is shown for up to 1,000 transcriptions, which come with one request.

    Returns
    -------
    DataFrame
        ``schema.STORED_TRANSCRIPTIONS``: one row for each transcription, in the order of the service. Rows of it are a
        selection for `delete_transcriptions`.

    Raises
    ------
    SetupError, AuthError, ServiceError

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted"):
    ...     stored = sx.account.transcriptions()
    >>> stored[stored["status"] == "error"].empty
    True
    """
    rows = []
    async with _client(connection) as client:
        async for item in _listed(client, client.list_transcriptions, client.count_transcriptions, progress):
            duration_ms = item.get("audio_duration_ms")
            texts = ("status", "model", "filename", "file_id", "error_type", "error_message")
            rows.append(
                {
                    "transcription_id": item["id"],
                    **{name: _text(item, name) for name in texts},
                    "duration_ms": duration_ms if isinstance(duration_ms, int) and 0 <= duration_ms < 2**63 else None,
                    **_shared(item),
                }
            )
    return conform(pd.DataFrame(rows, columns=list(STORED_TRANSCRIPTIONS)), STORED_TRANSCRIPTIONS)


async def delete_files(
    selection: str | Iterable[str] | pd.DataFrame,
    *,
    journal: str | Path | None = None,
    unfinished: bool = False,
    connection: Connection | None = None,
    progress: ProgressSetting = None,
) -> pd.DataFrame:
    """Delete files from the service that are named one by one.

    Parameters
    ----------
    selection
        Ids of files, or rows of `files`, such as ``files[files["created_at"] < "2026-11-01"]``. Nothing is deleted
        without being named: an empty selection deletes nothing, and there is no way to say "all".
    journal
        Path of the journal; by default the journal in the user's cache folder. It tells which files are still needed.
    unfinished
        Also delete files that an unfinished run may still need: of jobs in this journal that are under way, and of
        other journals, which may be at work on this or another machine.
    connection
        Key, region and address; by default from the environment.
    progress
        As in `transcribe`. Nothing is shown for fewer than 20 ids.

    Returns
    -------
    DataFrame
        ``schema.DELETIONS``: one row for each id with its outcome, in the order of the selection.

    Raises
    ------
    InputError, SchemaError
        If the selection is None or not made of ids, or a table lacks the column ``file_id``.
    SetupError, AuthError, ServiceError, JournalError
        A note of the exception says how many were deleted before.

    Warns
    -----
    UserWarning
        If the selection is empty, or some were kept.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted"):
    ...     sx.account.delete_files(["1b4e28ba-2fa1-11d2-883f-0016d3cca427"])["outcome"].tolist()
    ['gone']
    """
    ids = _ids(selection, "file_id", "sx.account.delete_files")
    async with _client(connection) as client:
        return await _delete(
            ids, client, client.get_file, client.delete_file, journal, unfinished=unfinished, progress=progress
        )


async def delete_transcriptions(
    selection: str | Iterable[str] | pd.DataFrame,
    *,
    journal: str | Path | None = None,
    unfinished: bool = False,
    connection: Connection | None = None,
    progress: ProgressSetting = None,
) -> pd.DataFrame:
    """Delete transcriptions from the service that are named one by one. Their uploaded files stay.

    Parameters
    ----------
    selection
        Ids of transcriptions, or rows of `transcriptions`, such as ``stored[stored["status"] == "error"]``. Nothing is
        deleted without being named: an empty selection deletes nothing, and there is no way to say "all".
    journal
        Path of the journal; by default the journal in the user's cache folder. It tells which are still needed.
    unfinished
        Also delete transcriptions that an unfinished run may still need. Those of this journal are paid for, and the
        call that began them would pay for them again.
    connection
        Key, region and address; by default from the environment.
    progress
        As in `transcribe`. Nothing is shown for fewer than 20 ids.

    Returns
    -------
    DataFrame
        ``schema.DELETIONS``: one row for each id with its outcome, in the order of the selection.

    Raises
    ------
    InputError, SchemaError
        If the selection is None or not made of ids, or a table lacks the column ``transcription_id``.
    SetupError, AuthError, ServiceError, JournalError
        A note of the exception says how many were deleted before.

    Warns
    -----
    UserWarning
        If the selection is empty, or some were kept.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted"):
    ...     sx.account.delete_transcriptions(["1b4e28ba-2fa1-11d2-883f-0016d3cca427"])["outcome"].tolist()
    ['gone']
    """
    ids = _ids(selection, "transcription_id", "sx.account.delete_transcriptions")
    async with _client(connection) as client:
        return await _delete(
            ids,
            client,
            client.get_transcription,
            client.delete_transcription,
            journal,
            unfinished=unfinished,
            progress=progress,
        )


@contextlib.asynccontextmanager
async def _client(connection: Connection | None) -> AsyncGenerator[Client, None]:
    connection, clock = connection or Connection(), Clock()
    async with (
        RequestBudget.shared(connection, clock=clock) as budget,
        Client(connection, budget=budget, clock=clock) as client,
    ):
        yield client


# -- lists -------------------------------------------------------------------------------------------------------------


async def _listed(
    client: Client,
    list_method: Callable[..., Awaitable[Json]],
    count_method: Callable[..., Awaitable[Json]],
    progress: ProgressSetting,
) -> AsyncGenerator[Json, None]:
    """Yield the items of a list. The progress is shown once there is more than one page."""
    display = progress_for(progress)
    n_items, shown = 0, None
    with contextlib.ExitStack() as stack:
        async for item in client.iterate(list_method, limit=PAGE):
            n_items += 1
            if n_items == PAGE + 1:
                shown = stack.enter_context(Progress(display))
                shown.set_total(max((await count_method())["total"], n_items))
                shown.add_recalled(n_items)
            elif shown is not None:
                shown.add_recalled()
            yield item
        if shown is not None:
            shown.set_total(n_items)  # Some may have come or gone since they were counted.


def _shared(item: Json) -> Json:
    reference = _text(item, "client_reference_id") or None
    split = split_reference(reference)
    return {
        "created_at": parse_time(item.get("created_at")),
        "client_reference_id": reference,
        "journal_id": None if split is None else split[0],
    }


def _text(item: Json, name: str) -> str | None:
    value = item.get(name)
    return value if isinstance(value, str) else None


# -- deletions ---------------------------------------------------------------------------------------------------------


def _ids(selection: Any, column: str, function: str) -> list[str]:
    """Return the ids of a selection, each once."""
    if selection is None:
        raise InputError(f"{function}: the selection is None. Name what is to be deleted: ids, or rows of a list.")
    if isinstance(selection, pd.DataFrame):
        need(selection, column, name="selection")
        values = selection[column].tolist()
    elif isinstance(selection, str):
        values = [selection]
    elif isinstance(selection, Iterable) and not isinstance(selection, bytes | dict):
        values = list(selection)
    else:
        raise InputError(
            f"{function}: the selection is of type {type(selection).__name__}. Name what is to be deleted: ids, or "
            "rows of a list."
        )
    if missing := sum(bool(pd.isna(value)) for value in values if pd.api.types.is_scalar(value)):
        raise InputError(f"{function}: {missing} of {len(values)} ids are missing; leave these rows out with dropna().")
    if odd := [value for value in values if not is_id(value)]:
        raise InputError(
            f"{function}: {str(odd[0])[:80]!r} is not an id of the service; it is a string such as a UUID."
        )
    return list(dict.fromkeys(values))


async def _delete(
    ids: list[str],
    client: Client,
    get_method: Callable[..., Awaitable[Json]],
    delete_method: Callable[..., Awaitable[None]],
    journal: str | Path | None,
    *,
    unfinished: bool,
    progress: ProgressSetting,
) -> pd.DataFrame:
    display = progress_for(progress)
    if not ids:
        warn_caller("the selection is empty, so nothing was deleted.", UserWarning)
        return conform(pd.DataFrame(columns=list(DELETIONS)), DELETIONS)
    outcomes: dict[str, tuple[str, str | None]] = {}
    todo = iter(ids)
    async with Journal.using(journal) as book:

        async def delete(remote_id: str) -> tuple[str, str | None]:
            if not unfinished:
                reference = (await get_method(remote_id)).get("client_reference_id")
                if why := await _why_needed(remote_id, reference, book, client.connection.service):
                    return "kept", why
            await delete_method(remote_id)
            return "deleted", None

        async def delete_some(shown: Progress | None) -> None:
            for remote_id in todo:
                try:
                    outcomes[remote_id] = await delete(remote_id)
                except NotFoundError:
                    outcomes[remote_id] = "gone", None
                except InvalidStateError:
                    outcomes[remote_id] = "busy", "it is being processed; try again later"
                if shown is not None:
                    shown.add_finished(outcomes[remote_id][0] in ("deleted", "gone"))

        try:
            with contextlib.ExitStack() as stack:
                shown = stack.enter_context(Progress(display)) if len(ids) >= PROGRESS_FROM else None
                if shown is not None:
                    shown.set_total(len(ids))
                async with asyncio.TaskGroup() as group:
                    for _ in range(AT_ONCE):
                        group.create_task(delete_some(shown))
        except* SonioxDSError as errors:
            n_deleted = sum(outcome == "deleted" for outcome, _ in outcomes.values())
            first = errors.exceptions[0]
            first.add_note(f"{n_deleted} of {len(ids)} were deleted before; the same call goes on with the others.")
            failure: BaseException | None = first
        else:
            failure = None
    if failure is not None:
        raise failure
    if kept := [remote_id for remote_id, (outcome, _) in outcomes.items() if outcome == "kept"]:
        warn_caller(
            f"{len(kept)} of {len(ids)} were kept, because an unfinished run may need them; the first: {kept[0]}, "
            f"{outcomes[kept[0]][1]}. unfinished=True deletes them as well.",
            UserWarning,
        )
    return conform(pd.DataFrame([(name, *outcomes[name]) for name in ids], columns=list(DELETIONS)), DELETIONS)


async def _needed(book: Journal, service: str) -> dict[str, str]:
    """Return the ids and references of what runs on this journal still need, each with the reason."""
    busy = await book.claimed_by_others(None)
    needed: dict[str, str] = {}
    for entry in await book.remains(service):
        if why := _why_of_entry(entry, busy):
            for name in (entry.file_id, entry.transcription_id, entry.reference):
                if name is not None:
                    needed[name] = f"{why} ({entry.source})"
    return needed


def _why_of_entry(entry: Entry, busy: set[str]) -> str | None:
    if entry.job_key in busy:
        return "a running call works on it"
    if entry.state in (State.CREATING, State.CREATED):
        return "it is paid for and its transcript is not fetched yet"
    return None


async def _why_needed(remote_id: str, reference: object, book: Journal, service: str) -> str | None:
    """Return why an unfinished run may need a file or transcription, or None if no run needs it."""
    split = split_reference(reference)
    if split is not None and split[0] != book.id:
        return f"it belongs to another journal ({split[0]}), which may be at work; name that journal with journal="
    needed = await _needed(book, service)  # The journal is read each time, because a run may begin meanwhile.
    return needed.get(remote_id) or (needed.get(reference) if isinstance(reference, str) else None)
