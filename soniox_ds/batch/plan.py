"""Plans of runs: the pipeline's own preparation, without anything that is sent.

Conventions: recordings are found, inspected, divided into parts and looked up in the journal by the code that
`transcribe` uses. The journal keeps the inspections, so that the run need not read the files again. Nothing is claimed.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Unpack, cast

import pandas as pd

from soniox_ds._arguments import check_number
from soniox_ds.api.budget import REQUESTS_PER_MINUTE
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.connections import ConnectionPool
from soniox_ds.api.models import ModelList
from soniox_ds.api.prices import cost_usd
from soniox_ds.batch.arguments import check_repeat, recordings_of
from soniox_ds.batch.division import Division
from soniox_ds.batch.jobs import Job
from soniox_ds.batch.journal import Journal, State
from soniox_ds.batch.limits import Limits
from soniox_ds.batch.plan_result import Plan
from soniox_ds.batch.prepare import Preparer
from soniox_ds.batch.regions import parts_by_region
from soniox_ds.batch.run import Run
from soniox_ds.batch.spending import Spending
from soniox_ds.batch.watch import REQUESTS_PER_LISTING
from soniox_ds.exceptions import OptionsError
from soniox_ds.options import TranscriptionOptions
from soniox_ds.options.keywords import check_keywords, list_options
from soniox_ds.options.transcription import TranscriptionKeywords
from soniox_ds.progress.display import Progress, Snapshot, progress_for
from soniox_ds.schema import PLANNED_QUOTAS, PLANNED_RECORDINGS, conform
from soniox_ds.sources.recording import Recording

__all__ = ["plan"]

REQUESTS_OF_UPLOAD = 5
"""Upload, create, get the transcript, delete the transcription, delete the file."""
REQUESTS_OF_URL = 3
"""Create, get the transcript, delete the transcription."""
_UNUSED_KEY = "not-needed-for-a-plan"


async def plan(
    sources: Any,
    *,
    audio_column: str | None = None,
    id_column: str | None = None,
    reference_column: str | None = None,
    audio_root: str | Path | None = None,
    storage_options: Mapping[str, Any] | None = None,
    connection: Connection | Iterable[Connection] | None = None,
    requests_per_minute: float = REQUESTS_PER_MINUTE,
    limits: Limits | None = None,
    processing_s: float = 10.0,
    upload_mbit_per_s: float | None = None,
    finish_by: str | date | datetime | None = None,
    journal: str | Path | None = None,
    refresh: bool = False,
    repeat: int = 0,
    progress: bool | Callable[[Snapshot], object] | None = None,
    clock: Clock | None = None,
    **options: Unpack[TranscriptionKeywords],
) -> Plan:
    """Say what a call of `transcribe` with the same arguments would do, without sending anything.

    Files are inspected as `transcribe` inspects them, and the journal keeps the result. No key is needed.

    Parameters
    ----------
    sources
        As `transcribe` takes them.
    audio_column, id_column, reference_column
        Columns of a table or manifest that hold the audio, the ids and the reference text, if they have unusual names.
    audio_root
        Folder, also of an object store, to which relative file names in a manifest, table or list refer; by default the
        folder of the manifest, or the working directory.
    storage_options
        As in `transcribe`. Objects of a store are inspected as files are, which reads them once.
    **options
    connection
        Region and address, to which the entries of the journal belong; by default from the environment. With a list,
        as in `transcribe`, the quotas count once for each organisation.
    requests_per_minute, limits
        Quotas of the account. By default they are those that `transcribe` assumes.
    processing_s
        Seconds that a job is assumed to take at the service, from its creation to its deletion. The quotas of pending
        jobs and of what is stored bound the time of the run by it.
    upload_mbit_per_s
        Speed of the uploads together in megabits per second; None if it is not known.
    finish_by
        Date or time by which the run should end, if it began now. A text is in ISO 8601, a date means its beginning,
        and a time without a time zone is local time.
    journal
        Path of the journal; by default the journal in the user's cache folder. What it holds is free.
    refresh, repeat
        As in `transcribe`.
    progress
        As in `transcribe`.
    clock
        Clock that gives the present time. Tests pass another clock.

    Returns
    -------
    Plan
        Recordings, failures, hours, cost, requests, and for each quota the shortest time that it allows. These times
        are bounds, not predictions: no run can be faster.

    Raises
    ------
    SourceError, OptionsError
        If the sources or the options are wrong, or `finish_by` is not in the future.
    JournalError
        If the journal cannot be read.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> plan = sx.plan(sx.io.samples_folder() / "manifest.csv", language_hints=["en"])
    >>> plan.counts["fail"], plan.failed["audio_id"].tolist()
    (0, [])
    """
    check_keywords(plan, options)
    check_repeat(repeat)
    checked = TranscriptionOptions(**options)
    for name, value in (("processing_s", processing_s), ("upload_mbit_per_s", upload_mbit_per_s)):
        if value is not None:
            check_number(value, name, above=0, advice="it is a number above 0", error=OptionsError)
    if not isinstance(limits, Limits | None):
        raise OptionsError(f"limits is {limits!r}; it is an object such as sx.Limits(pending=500)")
    pool = ConnectionPool.of(connection, connection_for_plan)
    clock = clock or Clock()
    limits = limits or Limits()
    end = None if finish_by is None else _end(finish_by)
    seconds = None if end is None else (end - clock.utcnow()).total_seconds()
    if end is not None and seconds is not None and seconds <= 0:
        raise OptionsError(f"finish_by is {end.isoformat()}, which is past; give a time in the future")
    check_number(requests_per_minute, "requests_per_minute", least=1, below=math.inf, advice="it is a number from 1")
    recording_list = await recordings_of(
        sources,
        audio_column=audio_column,
        id_column=id_column,
        reference_column=reference_column,
        audio_root=audio_root,
        storage_options=storage_options,
    )
    recordings = recording_list.recordings
    parts = parts_by_region(pool, recording_list)
    places: dict[int, tuple[Run, int]] = {}
    display = progress_for(progress)
    async with Journal.using(journal) as book:
        with Progress(display, now=clock.now) as shown, Progress(progress_for(False), now=clock.now) as silent:
            shown.set_total(len(recordings))
            for part in parts:
                run = _PlannedRun(
                    name="",
                    projects=[],
                    journal=cast("Journal", _UnclaimedJournal(book)),
                    options=checked,
                    service=part.pool.service,
                    limits=limits,
                    clock=clock,
                    progress=silent,
                    timeout_s=None,
                    models=ModelList(),
                    spending=Spending(),
                )
                run.on_outcome = partial(run.show, shown)
                await _PlanningPreparer(run, part.recordings.recordings, refresh=refresh, repeat=repeat).prepare()
                places |= {row: (run, place) for place, row in enumerate(part.rows)}
    return await asyncio.to_thread(
        _plan,
        [places[row] for row in range(len(recordings))],
        checked,
        recordings,
        requests_per_minute,
        limits,
        len(pool.organisations),
        processing_s,
        upload_mbit_per_s,
        end,
        seconds,
    )


list_options(plan, TranscriptionOptions)


def connection_for_plan(region: str | None = None) -> Connection:
    """Return the connection of the environment. Without a key there, it has one that is not valid and never used."""
    return Connection(api_key=None if os.environ.get("SONIOX_API_KEY") else _UNUSED_KEY, region=region)


def _end(finish_by: object) -> datetime:
    end = finish_by
    if isinstance(end, str):
        try:
            end = datetime.fromisoformat(end)
        except ValueError as error:
            raise OptionsError(f'finish_by is {finish_by!r}; it is a date such as "2026-12-24", or a time') from error
    elif isinstance(end, date) and not isinstance(end, datetime):
        end = datetime(end.year, end.month, end.day)
    if not isinstance(end, datetime):
        raise OptionsError(f'finish_by is {finish_by!r}; it is a date such as "2026-12-24", or a time')
    return end.astimezone()


class _PlannedRun(Run):
    """A run that only notes which jobs would be submitted."""

    n_shown = 0
    """Number of recordings that the progress display has counted."""

    def show(self, progress: Progress) -> None:
        """Count the recordings that were prepared since the last call."""
        while self.n_shown < self.n_prepared:
            self.n_shown += 1
            progress.add_finished(True)

    async def admit(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            job.waits = True


class _UnclaimedJournal:
    """The journal, read without claims. Jobs that another run works on count as if they had to be done."""

    read_only = None

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def claim(self, keys: Sequence[str], run: str) -> set[str]:
        return set()

    async def remember(self, inspected: dict[str, Any]) -> None:
        if self._journal.read_only is None:
            await self._journal.remember(inspected)

    async def remember_cuts(self, sha256: str, longest_ms: int, cuts_ms: Sequence[int]) -> None:
        if self._journal.read_only is None:
            await self._journal.remember_cuts(sha256, longest_ms, cuts_ms)

    async def release(self, key: str, run: str) -> None:
        """Do nothing, since nothing is claimed."""


class _PlanningDivision(Division):
    """The division of recordings into parts, without downloads."""

    async def download(self, recordings: list[Recording]) -> None:
        if not self._run.options.download:
            await super().download(recordings)  # It fails recordings that would have to be downloaded.


class _PlanningPreparer(Preparer):
    def __init__(self, run: Run, recordings: list[Recording], *, refresh: bool, repeat: int) -> None:
        super().__init__(run, recordings, refresh=refresh, repeat=repeat)
        self._division = _PlanningDivision(run, self._threads)


def _plan(
    places: Sequence[tuple[Run, int]],
    options: TranscriptionOptions,
    recordings: list[Recording],
    requests_per_minute: float,
    limits: Limits,
    n_organisations: int,
    processing_s: float,
    upload_mbit_per_s: float | None,
    end: datetime | None,
    seconds: float | None,
) -> Plan:
    rows: list[dict[str, Any]] = []
    n_uploads = n_urls = n_continued = n_unknown = n_bytes = 0
    for (run, row), recording in zip(places, recordings, strict=True):
        jobs = run.jobs_of_row.get(row, [])
        new = [job for job in jobs if job.waits and job.rows[0] == row and not _is_paid(job)]
        failed = next((job for job in jobs if job.error), None)
        error_type, error_message = recording.error_type, recording.error_message
        if error_type is None and failed is not None and failed.error is not None:
            error_type, error_message = failed.error
        if error_type is not None:
            action = "fail"
        elif new:
            action = "transcribe"
        elif any(job.waits and job.rows[0] == row for job in jobs):
            action = "continue"
        else:
            action = "recall" if all(job.finished for job in jobs) else "share"
        unknown = [job for job in new if job.recording.duration_ms is None]
        rows.append(
            {
                "audio_id": recording.audio_id,
                "source": recording.source,
                "action": action,
                "duration_ms": recording.duration_ms,
                "size_bytes": recording.size_bytes,
                "jobs": len(new),
                "cost_usd": None if unknown else sum(cost_usd(job.recording.duration_ms or 0) for job in new),
                "error_type": error_type,
                "error_message": error_message,
            }
        )
        n_unknown += len(unknown)
        n_urls += sum(job.recording.is_remote and not options.download for job in new)
        n_uploads += sum(not job.recording.is_remote or bool(options.download) for job in new)
        n_bytes += (recording.size_bytes or 0) if new and not recording.is_remote else 0
        n_continued += sum(job.waits and _is_paid(job) and job.rows[0] == row for job in jobs)
    requests = n_uploads * REQUESTS_OF_UPLOAD + n_urls * REQUESTS_OF_URL + n_continued * (REQUESTS_OF_UPLOAD - 2)
    if requests:
        requests += math.ceil(requests / REQUESTS_PER_LISTING) + 1  # The list of models is one request.
    held_s = (n_uploads + n_urls) * processing_s
    # Each organisation has these quotas, so the need is also given for each organisation.
    n = n_organisations
    quotas = [
        ("pending transcriptions", "limits=sx.Limits(pending=...)", limits.pending, held_s / n),
        ("stored transcriptions", "limits=sx.Limits(transcriptions=...)", limits.transcriptions, held_s / n),
        ("stored files", "limits=sx.Limits(files=...)", limits.files, n_uploads * processing_s / n),
        ("stored bytes", "limits=sx.Limits(storage_bytes=...)", limits.storage_bytes, n_bytes * processing_s / n),
        ("upload in Mbit/s", "upload_mbit_per_s", upload_mbit_per_s, n_bytes * 8 / 1e6),
    ]
    # The requests of a minute may all start at once, so the first minute of requests takes no time.
    by_requests = {
        "quota": "requests per minute",
        "argument": "requests_per_minute",
        "given": requests_per_minute,
        "used": requests / n,
        "shortest_s": max(math.ceil(requests / n / requests_per_minute) - 1, 0) * 60.0,
        "needed": None if seconds is None else requests / n / (seconds // 60 + 1),
    }
    table = pd.DataFrame(
        [
            by_requests,
            *(
                {
                    "quota": quota,
                    "argument": argument,
                    "given": given,
                    "used": used,
                    "shortest_s": None if given is None else used / given,
                    "needed": None if seconds is None else used / seconds,
                }
                for quota, argument, given, used in quotas
            ),
        ]
    )
    return Plan(
        recordings=conform(pd.DataFrame(rows, columns=list(PLANNED_RECORDINGS)), PLANNED_RECORDINGS),
        quotas=conform(table, PLANNED_QUOTAS),
        requests=requests,
        n_unknown=n_unknown,
        processing_s=processing_s,
        finish_by=end,
    )


def _is_paid(job: Job) -> bool:
    """Return True if an attempt at the job is under way at the service, or may be."""
    return job.entry is not None and job.entry.state in (State.CREATING, State.CREATED)
