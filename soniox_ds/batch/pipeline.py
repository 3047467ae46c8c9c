"""The pipeline that transcribes recordings: small stages with queues between them.

A recording is found, inspected, and then recalled from the journal, or else submitted, watched, fetched, stored in the
journal and cleaned up on the server. All requests share one budget. The quotas of the service delay only submissions,
so that every transcript that was paid for is fetched.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Unpack, overload

import pandas as pd

from soniox_ds._arguments import check_number
from soniox_ds._caller import warn_caller
from soniox_ds._executors import check_executor
from soniox_ds.api.budget import REQUESTS_PER_MINUTE
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.connections import ConnectionPool
from soniox_ds.api.models import ModelList
from soniox_ds.batch.arguments import check_count, check_on_error, check_repeat, recordings_of
from soniox_ds.batch.assemble import assemble
from soniox_ds.batch.checks import warn_of_channels
from soniox_ds.batch.clean_up import delete_after_interrupt, tidy_up
from soniox_ds.batch.corpus_folder import CorpusFolder
from soniox_ds.batch.deliveries import Deliveries, missing_text
from soniox_ds.batch.failures import first_error, report_failures
from soniox_ds.batch.fetch import clean_forever, fetch_forever
from soniox_ds.batch.journal import Journal
from soniox_ds.batch.keywords import TranscribeKeywords
from soniox_ds.batch.limits import CONCURRENCY, Limits
from soniox_ds.batch.model_changes import warn_of_models
from soniox_ds.batch.prepare import Preparer
from soniox_ds.batch.projects import Project, opened_projects
from soniox_ds.batch.regions import RegionPart, joined, parts_by_region
from soniox_ds.batch.run import Run
from soniox_ds.batch.spending import Spending
from soniox_ds.batch.submit import submit_forever
from soniox_ds.batch.watch import Watcher
from soniox_ds.batch.webhook_receiver import WebhookReceiver, check_webhook, receiving
from soniox_ds.batch.workers import Workers
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.corpus.opened import OpenedCorpus, open_corpus
from soniox_ds.exceptions import JournalError, OptionsError, SonioxDSError, WebhookWarning
from soniox_ds.options import TranscriptionOptions
from soniox_ds.options.keywords import check_keywords, list_options
from soniox_ds.options.transcription import TranscriptionKeywords
from soniox_ds.progress.display import Display, Progress, Snapshot, progress_for
from soniox_ds.sources.recording import RecordingList

__all__ = ["transcribe", "transcribe_as"]

FETCHERS = 8
CLEANERS = 8


@overload
async def transcribe(sources: Any, *, out: None = None, **keywords: Unpack[TranscribeKeywords]) -> Corpus: ...


@overload
async def transcribe(sources: Any, *, out: str | Path, **keywords: Unpack[TranscribeKeywords]) -> OpenedCorpus: ...


@overload
async def transcribe(
    sources: Any, *, out: str | Path | None, **keywords: Unpack[TranscribeKeywords]
) -> Corpus | OpenedCorpus: ...


async def transcribe(
    sources: Any,
    *,
    audio_column: str | None = None,
    id_column: str | None = None,
    reference_column: str | None = None,
    audio_root: str | Path | None = None,
    storage_options: Mapping[str, Any] | None = None,
    connection: Connection | Iterable[Connection] | None = None,
    concurrency: int = CONCURRENCY,
    executor: Executor | None = None,
    requests_per_minute: float = REQUESTS_PER_MINUTE,
    limits: Limits | None = None,
    max_cost_usd: float | None = None,
    journal: str | Path | None = None,
    out: str | Path | None = None,
    refresh: bool = False,
    repeat: int = 0,
    on_error: Literal["report", "raise"] = "report",
    progress: bool | Callable[[Snapshot], object] | None = None,
    timeout_s: float | None = None,
    webhook: WebhookReceiver | None = None,
    clock: Clock | None = None,
    **options: Unpack[TranscriptionKeywords],
) -> Corpus | OpenedCorpus:
    """Transcribe recordings into a corpus of token-level tables.

    Parameters
    ----------
    sources
        One path or URL (also ``s3://``, ``gs://``, ...), a list of them, a folder (recursive), a glob, a manifest (CSV,
        TSV, JSONL, Parquet, NeMo JSONL), a DataFrame with a column ``source``, a Hugging Face dataset with an undecoded
        audio column, or bytes.
        Further columns are kept; ``reference`` may also be a ``.txt`` file beside the audio. See docs/sources.md.
    audio_column, id_column, reference_column
        Columns of a table or manifest that hold the audio, the ids and the reference text, if they have unusual names.
    audio_root
        Folder, also of an object store, to which relative file names in a manifest, table or list refer; by default the
        folder of the manifest, or the working directory.
    storage_options
        Options of fsspec for the object store that the sources name (``s3://``, ``gs://``, ...), such as credentials.
        They are neither stored nor shown.
    **options
    connection
        Key, region and address; by default from ``SONIOX_API_KEY`` and ``SONIOX_API_BASE_URL``. A list spreads the
        recordings over the projects of several keys; see "Several keys" in docs/quotas-and-costs.md.
    concurrency
        Number of uploads at the same time.
    executor
        A ``concurrent.futures.Executor``, such as a ``ProcessPoolExecutor`` or ``client.get_executor()`` of Dask, whose
        workers read, hash, inspect and upload the files. They need this version of the package, the files under the
        same paths, and the key in ``SONIOX_API_KEY`` of their own environment; it is never sent to them. All other
        requests are sent by this process. See docs/large-corpora.md.
    requests_per_minute
        Largest number of requests to an organisation in any 60 seconds. A request is sent at once if fewer were sent in
        the last 60 seconds, and waits otherwise. All calls of this process, and other processes with the same journal,
        share one budget. About 500 per organisation were observed.
    limits
        Quotas of the organisation, if they differ from the documented quotas.
    max_cost_usd
        Largest amount in US dollars that this call may spend, by the list price; None for no limit. Nothing is begun
        once the next recording would exceed it, jobs under way included; what was not sent is a failed row with the
        `error_type` ``max_cost_reached``, and a later call goes on. Transcripts in the journal, and jobs that an
        earlier call has begun, are free. For audio of unknown length, such as URLs, the price of 300 minutes (0.50 USD)
        is set aside until the service reports the length.
    journal
        File that records what was requested and paid for; by default a file in the user's cache folder. A repeated
        call costs nothing for recordings whose transcripts are in the journal.
    out
        Folder into which the corpus is written part by part, as ``corpus.save`` writes it, so that the run keeps few
        recordings in memory. The same call continues a run that was stopped; with more sources it appends. For full
        parts, the journal keeps the places of the transcripts in the folder instead of the transcripts. See
        docs/large-corpora.md.
    refresh
        Transcribe, and pay, again although the journal has a result.
    repeat
        Number of the repetition. The same recordings under another number are other jobs, which shows how much the
        service varies by itself.
    on_error
        ``"report"`` returns failed recordings as rows and warns; ``"raise"`` raises them as a group at the end.
    progress
        None shows the progress in notebooks and terminals, False hides it. A function is called with each `Snapshot`.
    timeout_s
        Seconds that one recording may take after its submission; by default ten minutes and its own duration. After
        that its row fails with ``timeout``. The job stays in the journal, and the same call continues it.
    webhook
        Receiver of the service's webhooks, which then tell the run when a job is done; see docs/webhooks.md. The run
        asks the service for the states of its jobs only if webhooks do not arrive.
    clock
        Clock of the run. Tests and benchmarks pass a clock that runs faster.

    Returns
    -------
    Corpus or OpenedCorpus
        A `Corpus` with the tables ``recordings`` (one row for each requested recording, including failed ones) and
        ``tokens``. With `out`, an `OpenedCorpus` as `soniox_ds.open_corpus` returns it, which reads the tokens when
        they are needed.

    Raises
    ------
    SourceError, OptionsError, SetupError
        If the sources, the options or the connection are wrong. Nothing is sent then.
    InputError
        If the folder `out` is in use by another run, or holds a corpus that this call cannot continue (nothing is sent
        then), or if it cannot be written any more. What was transcribed is in the journal, and the same call goes on.
    AuthError, BalanceError, QuotaError, RequestError, ServiceError, ExecutorError
        If the key, the balance or the workers of the executor are the reason that no recording at all could be
        transcribed.
    JournalError
        If the journal cannot be written. Nothing is spent without it.
    ExceptionGroup
        If recordings failed and ``on_error="raise"``. The group holds a `TranscriptionFailed` for each of them.

    Warns
    -----
    RecordingsFailedWarning, ModelWarning, WebhookWarning
        If recordings failed, transcripts come from another model than expected, or webhooks did not arrive.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted", speed=100):  # the stand-in: nothing leaves this machine
    ...     corpus = sx.transcribe(sx.io.samples_folder() / "manifest.csv", language_hints=["en"])
    >>> corpus.recordings["status"].unique().tolist()
    ['completed']
    """
    check_keywords(transcribe, options)
    return await transcribe_as(
        TranscriptionOptions(**options),
        sources,
        audio_column=audio_column,
        id_column=id_column,
        reference_column=reference_column,
        audio_root=audio_root,
        storage_options=storage_options,
        connection=connection,
        concurrency=concurrency,
        executor=executor,
        requests_per_minute=requests_per_minute,
        limits=limits,
        spending=Spending(max_cost_usd),
        journal=journal,
        out=out,
        refresh=refresh,
        repeat=repeat,
        on_error=on_error,
        progress=progress,
        timeout_s=timeout_s,
        webhook=webhook,
        clock=clock,
    )


list_options(transcribe, TranscriptionOptions)


async def transcribe_as(
    options: TranscriptionOptions,
    sources: Any,
    *,
    models: ModelList | None = None,
    audio_column: str | None = None,
    id_column: str | None = None,
    reference_column: str | None = None,
    audio_root: str | Path | None = None,
    storage_options: Mapping[str, Any] | None = None,
    connection: Connection | Iterable[Connection] | None = None,
    concurrency: int = CONCURRENCY,
    executor: Executor | None = None,
    requests_per_minute: float = REQUESTS_PER_MINUTE,
    limits: Limits | None = None,
    spending: Spending | None = None,
    journal: str | Path | None = None,
    out: str | Path | None = None,
    refresh: bool = False,
    repeat: int = 0,
    on_error: Literal["report", "raise"] = "report",
    progress: bool | Callable[[Snapshot], object] | None = None,
    timeout_s: float | None = None,
    webhook: WebhookReceiver | None = None,
    clock: Clock | None = None,
) -> Corpus | OpenedCorpus:
    """Transcribe as `transcribe` does, with options that are already checked.

    Calls that share one list of `models` request it once. A caller who passes a list calls `warn_of_models` as well.
    Calls that share `spending` share its limit.
    """
    check_count("concurrency", concurrency, "the number of uploads at once")
    check_repeat(repeat)
    check_on_error(on_error)
    _check_settings(timeout_s, limits)
    check_webhook(webhook, options)
    check_executor(executor)
    pool = ConnectionPool.of(connection)
    clock = clock or Clock()
    limits = limits or Limits()
    display = progress_for(progress)
    recording_list = await recordings_of(
        sources,
        audio_column=audio_column,
        id_column=id_column,
        reference_column=reference_column,
        audio_root=audio_root,
        storage_options=storage_options,
    )
    if out is not None:  # The run forgets recordings that are written, but not those of the caller.
        recording_list = RecordingList(list(recording_list.recordings), recording_list.metadata)
    parts = parts_by_region(pool, recording_list)
    if len(parts) > 1 and out is not None:
        raise OptionsError(
            f"out= holds the recordings of one region, and these belong to {len(parts)} "
            f"({', '.join(part.pool.name for part in parts)}). Call transcribe once for each region, with a folder "
            "for each"
        )
    async with (
        receiving(webhook, options, journal) as (options, journal),
        Journal.using(journal) as book,
        opened_projects(
            pool, requests_per_minute=requests_per_minute, limits=limits, clock=clock, journal=book
        ) as projects,
        contextlib.AsyncExitStack() as stack,
    ):
        shown = None
        if len(parts) > 1:
            shown = stack.enter_context(Progress(display, now=clock.now))
            shown.set_total(len(recording_list.recordings))
        call = _Call(
            options=options,
            projects=projects,
            journal=book,
            limits=limits,
            clock=clock,
            display=display,
            shown=shown,
            spending=spending or Spending(),
            concurrency=-(-concurrency // len(parts)),
            executor=executor,
            timeout_s=timeout_s,
            out=out,
            refresh=refresh,
            repeat=repeat,
            has_webhook=webhook is not None,
        )
        lists = [models if models is not None and len(parts) == 1 else ModelList() for _ in parts]
        runs = [_transcribe_part(call, part, of_part) for part, of_part in zip(parts, lists, strict=True)]
        results = await _all_of(runs)
    for result in results:
        if result.missing is not None:
            warn_caller(result.missing, WebhookWarning)
    if models is None:
        for result, of_part in zip(results, lists, strict=True):
            await warn_of_models(of_part, options.model, result.outcomes)
    corpus = results[0].corpus
    outcomes = results[0].outcomes
    if len(parts) > 1:
        corpora = [result.corpus for result in results if isinstance(result.corpus, Corpus)]
        corpus = await asyncio.to_thread(joined, parts, corpora)
        outcomes = corpus.recordings
    fatal = None if any(result.fatal is None for result in results) else results[0].fatal
    report_failures(outcomes, fatal=fatal, on_error=on_error, all_in="corpus.failed")
    if models is None:  # Otherwise the caller has warned of them.
        warn_of_channels(slugs.split() for slugs in outcomes["warnings"].dropna())
    return corpus


@dataclass(frozen=True, kw_only=True)
class _Call:
    """The arguments and objects that the runs of all regions of a call share."""

    options: TranscriptionOptions
    projects: Sequence[Project]
    journal: Journal
    limits: Limits
    clock: Clock
    display: Display
    shown: Progress | None
    """The progress display of all runs; None if the only run has its own."""
    spending: Spending
    concurrency: int
    executor: Executor | None
    timeout_s: float | None
    out: str | Path | None
    refresh: bool
    repeat: int
    has_webhook: bool


class _Result(NamedTuple):
    """The outcome of the run of a region."""

    corpus: Corpus | OpenedCorpus
    outcomes: pd.DataFrame
    fatal: SonioxDSError | None
    missing: str | None
    """Warning about webhooks that did not arrive."""


async def _transcribe_part(call: _Call, part: RegionPart, models: ModelList) -> _Result:
    """Transcribe the recordings of one region with the projects of this region."""
    book, options, service = call.journal, call.options, part.pool.service
    projects = [project for project in call.projects if project.client.connection in part.pool.connections]
    recordings = part.recordings.recordings
    name = book.start_run()
    try:
        async with _folder(
            call.out,
            part.recordings,
            journal=book,
            options=options,
            service=service,
            repeat=call.repeat,
            refresh=call.refresh,
        ) as folder:
            with (
                Progress(call.display, now=call.clock.now) if call.shown is None else contextlib.nullcontext(call.shown)
            ) as shown:
                if call.shown is None:
                    shown.set_total(len(recordings))
                run = Run(
                    name=name,
                    projects=projects,
                    others=[project.fingerprint for project in call.projects if project not in projects],
                    journal=book,
                    options=options,
                    service=service,
                    limits=call.limits,
                    clock=call.clock,
                    progress=shown,
                    timeout_s=call.timeout_s,
                    models=models,
                    spending=call.spending,
                    refresh=call.refresh,
                    workers=None
                    if call.executor is None
                    else Workers(call.executor, part.pool.connections, call.limits.request_timeout_s, shown.note),
                )
                deliveries = [Deliveries(run) for _ in projects] if call.has_webhook else []
                for number, project in enumerate(projects):
                    project.watcher = Watcher(run, project, deliveries[number] if deliveries else None)
                    budget = project.limits.budget
                    budget.on_pause, budget.on_full = run.note_pause, run.note_full_window
                    budget.reserve = project.limits.n_to_fetch
                await run.learn_ids()
                preparer = Preparer(run, recordings, refresh=call.refresh, repeat=call.repeat, folder=folder)
                try:
                    await _drive(run, preparer, call.concurrency, folder)
                    await tidy_up(run)
                except JournalError:
                    raise  # Deletions could not be written down, so nothing is deleted.
                except BaseException:
                    for project in projects:
                        project.limits.budget.reserve = lambda: 0  # Nothing more is fetched.
                    await delete_after_interrupt(run, run.jobs.values())
                    raise
                finally:
                    for job in run.jobs.values():
                        job.leave_copy()
                    await models.close()
            if folder is not None:
                await folder.finish(run)
                outcomes = folder.outcomes()
        corpus: Corpus | OpenedCorpus
        if folder is not None:
            corpus = await asyncio.to_thread(open_corpus, folder.path)
        else:
            corpus = await assemble(
                part.recordings,
                run.jobs_of_row,
                journal=book,
                service=service,
                options=options,
                resolved_model=await models.resolved(options.model),
            )
            outcomes = corpus.recordings
        missing = await missing_text(run, deliveries)
    except BaseException:
        with contextlib.suppress(JournalError):  # A claim ends with its run anyway; the first error matters more.
            await book.end_run(name)
        raise
    await book.end_run(name)
    return _Result(corpus, outcomes, run.fatal, missing)


async def _all_of(runs: Sequence[Coroutine[Any, Any, _Result]]) -> list[_Result]:
    """Carry out runs at the same time, and return their results. If one fails, the others are cancelled."""
    if len(runs) == 1:
        return [await runs[0]]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(run) for run in runs]
    except BaseExceptionGroup as errors:
        first = first_error(errors)
    else:
        return [task.result() for task in tasks]
    raise first


@contextlib.asynccontextmanager
async def _folder(
    out: str | Path | None, recordings: RecordingList, **settings: Any
) -> AsyncIterator[CorpusFolder | None]:
    """Open the folder of the corpus, if there is one."""
    if out is None:
        yield None
        return
    async with CorpusFolder.using(out, recordings, **settings) as folder:
        yield folder


def _check_settings(timeout_s: float | None, limits: object) -> None:
    if not isinstance(limits, Limits | None):
        raise OptionsError(f"limits is {limits!r}; it is an object such as sx.Limits(pending=500)")
    if timeout_s is not None:
        advice = "it is a number of seconds above 0, or None"
        check_number(timeout_s, "timeout_s", above=0, advice=advice, error=OptionsError)


async def _drive(run: Run, preparer: Preparer, concurrency: int, folder: CorpusFolder | None) -> None:
    """Run all stages until every job is settled."""
    try:
        async with asyncio.TaskGroup() as group:
            workers = [
                *(group.create_task(submit_forever(run)) for _ in range(concurrency)),
                group.create_task(_tick(run.progress)),
            ]
            for project in run.projects:
                workers += (group.create_task(fetch_forever(run, project)) for _ in range(FETCHERS))
                workers += (group.create_task(clean_forever(run, project)) for _ in range(CLEANERS))
                workers.append(group.create_task(project.watcher.watch_forever()))
                workers.append(group.create_task(project.watcher.give_up_late_jobs_forever()))
            if folder is not None:
                run.on_outcome = folder.wake
                group.create_task(folder.write_while_running(run))
            group.create_task(preparer.prepare())
            await run.settled.wait()
            for worker in workers:
                worker.cancel()
            if folder is not None:
                folder.stop()
    except BaseExceptionGroup as errors:
        first = first_error(errors)
    else:
        return
    raise first


async def _tick(progress: Progress) -> None:
    while True:
        await asyncio.sleep(1.0)
        progress.refresh()
