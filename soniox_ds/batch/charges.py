"""Charges of recordings, from the usage logs of the service.

Conventions: a log belongs to a recording if its reference names the recording's job, in any attempt. All attempts are
added, because all of them were charged. Amounts are added as decimals, as the service writes them.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol, Self, TypeVar, cast, runtime_checkable

import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.api.budget import RequestBudget
from soniox_ds.api.client import Client
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.batch.jobs import jobs_of_references, split_reference
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.exceptions import InputError, OptionsError
from soniox_ds.progress.display import Progress, Snapshot, progress_for

__all__ = ["add_charges"]

PAGE = 1000
"""Number of logs on a page. The progress is shown if there is more than one page."""
LONGEST_WINDOW = timedelta(days=31)
OLDEST = timedelta(days=91) - timedelta(hours=1)
"""Age up to which the service gives logs, an hour less for clocks that differ."""
BEFORE = timedelta(days=1)
"""Time before the first submission in which earlier attempts at the same jobs are looked for."""
AFTER = timedelta(days=1)
"""Time after now up to which logs are asked for, so that a clock that is slow leaves none out."""
SHOWN = 3


@runtime_checkable
class Corpora(Protocol):
    """The result of an experiment: corpora of several arms."""

    @property
    def corpora(self) -> Mapping[str, Sequence[Corpus]]: ...

    def with_corpora(self, corpora: Mapping[str, Sequence[Corpus]]) -> Self:
        """Return the same results with other tables of recordings."""


_Given = TypeVar("_Given", bound="Corpus | Corpora")


async def add_charges(
    corpus: _Given,
    *,
    start: datetime | None = None,
    connection: Connection | None = None,
    progress: bool | Callable[[Snapshot], object] | None = None,
) -> _Given:
    """Look up in the service's usage logs what was charged for the recordings of a corpus or of a comparison.

    Parameters
    ----------
    corpus
        The result of `transcribe`, or of `compare`.
    start
        Start of the logs that are read; by default a day before the first of these recordings was submitted. Give an
        earlier time to count earlier transcripts as well that ``refresh=True`` has replaced. The service keeps logs
        for 91 days. Times without a zone are in UTC.
    connection
        Key, region and address; by default from the environment. The key needs the permission for usage, and belongs
        to the project that transcribed the recordings.
    progress
        As in `transcribe`. Nothing is shown if a single request is enough.

    Returns
    -------
    Corpus or Comparison
        The same results. In `recordings`, `charged_usd` holds the charges and `charged_requests` the number of logs
        that were added; ``corpus.cost`` (``schema.COSTS``) shows both beside the estimate. `Corpus.save` keeps them.

    Raises
    ------
    InputError
        If no recording has a `client_reference_id`: an earlier version saved the corpus, or other software made it.
    OptionsError
        If `start` lies in the future.
    SetupError, AuthError, ServiceError

    Warns
    -----
    UserWarning
        If some recordings have no log yet, or none any more. Their `charged_usd` is NA.

    Notes
    -----
    - A recording's charge includes all attempts at its job that end after `start`: attempts whose response was lost,
      attempts that failed and were charged nevertheless, and repeated transcripts (``refresh=True``).
    - Rows with the same audio share one job; the first of them has its charge and the others have 0.
    - Other requests of the account, also those for the same audio from other journals, are left out.
    - Logs appear some time after the request. An attempt without a log is not counted yet: call the function again.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted", speed=100):
    ...     corpus = sx.transcribe(sx.io.samples_folder() / "manifest.csv", refresh=True)
    ...     corpus = sx.account.add_charges(corpus)
    >>> bool(corpus.cost["charged_usd"].sum() > 0)
    True
    """
    if isinstance(corpus, Corpus):
        [charged] = await _with_charges([corpus], start, connection, progress)
        return cast("_Given", charged)
    if not isinstance(corpus, Corpora):
        raise InputError(
            f"sx.account.add_charges takes the result of sx.transcribe or sx.compare, found {type(corpus).__name__}."
        )
    corpora = dict(corpus.corpora)
    # Arms of other providers have no jobs, so that nothing is charged for them.
    of_service = {
        arm: repeats
        for arm, repeats in corpora.items()
        if any(part.recordings["client_reference_id"].notna().any() for part in repeats)
    } or corpora
    parts = [part for repeats in of_service.values() for part in repeats]
    of_parts = iter(await _with_charges(parts, start, connection, progress))
    return corpus.with_corpora(
        corpora | {arm: [next(of_parts) for _ in repeats] for arm, repeats in of_service.items()}
    )


class _Charges:
    """The logs of the jobs of some corpora."""

    def __init__(self, jobs: Iterable[str]) -> None:
        self.usd: dict[str, Decimal] = dict.fromkeys(jobs, Decimal(0))
        self.requests: Counter[str] = Counter()
        self._logs: set[str] = set()

    def add(self, log: Mapping[str, Any]) -> bool:
        """Add a log if it belongs to one of the jobs and was not added before. Return True for the first of a job."""
        split = split_reference(log.get("client_reference_id"))
        if split is None or split[1] not in self.usd or log["uuid"] in self._logs:
            return False
        self._logs.add(log["uuid"])
        self.usd[split[1]] += Decimal(str(log["cost_usd"]))
        self.requests[split[1]] += 1
        return self.requests[split[1]] == 1


async def _with_charges(
    corpora: Sequence[Corpus],
    start: datetime | None,
    connection: Connection | None,
    progress: bool | Callable[[Snapshot], object] | None,
) -> list[Corpus]:
    connection = connection or Connection()
    display = progress_for(progress)
    recordings = pd.concat([corpus.recordings for corpus in corpora], ignore_index=True)
    jobs = _jobs_of(recordings, connection.service)
    if not len(jobs):
        raise InputError(_why_without_jobs(recordings, connection))
    clock = Clock()
    charges = _Charges(jobs)
    async with (
        RequestBudget.shared(connection, clock=clock) as budget,
        Client(connection, budget=budget, clock=clock) as client,
    ):
        with contextlib.ExitStack() as stack:
            shown, n_logs = None, 0
            for since, until in _windows(recordings, start, clock.utcnow()):
                async for log in client.iterate(client.usage_logs, start_time=since, end_time=until, limit=PAGE):
                    is_first = charges.add(log)
                    n_logs += 1
                    if n_logs == PAGE:
                        shown = stack.enter_context(Progress(display))
                        shown.set_total(len(charges.usd))
                        shown.add_recalled(len(charges.requests) - is_first)
                    if shown is not None and is_first:
                        shown.add_recalled()
                    if shown is not None and n_logs % PAGE == 0:
                        shown.note(f"{n_logs:,} usage logs read")
            if shown is not None:
                shown.set_total(len(charges.requests))
    charged = [_charged(corpus, charges, connection.service) for corpus in corpora]
    _warn_of_missing(pd.concat([corpus.recordings for corpus in charged], ignore_index=True))
    return charged


def _jobs_of(recordings: pd.DataFrame, service: str) -> pd.Series[Any]:
    """Return the jobs that were sent to a service, each with the index of its recording.

    A recording whose channels were transcribed separately has several jobs.
    """
    of_service = recordings[recordings["service"].eq(service).fillna(False)]
    pairs = [
        (row, job)
        for row, references in of_service["client_reference_id"].items()
        for job in jobs_of_references(references)
    ]
    return pd.Series([job for _, job in pairs], index=[row for row, _ in pairs], dtype="string")


def _windows(recordings: pd.DataFrame, start: datetime | None, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield windows that the service accepts, from `start` (or the first submission) until after now."""
    if start is None:
        submitted = recordings["submitted_at"].min()
        start = now - OLDEST if pd.isna(submitted) else submitted.to_pydatetime() - BEFORE
    start = start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)
    # The clock of the service may be ahead of this machine's.
    until = max([now, *(time.to_pydatetime() for time in recordings["submitted_at"].dropna())]) + AFTER
    if start >= until:
        raise OptionsError(f"start is {start}, which lies in the future; it is the time from which logs are read")
    since = max(start, now - OLDEST)
    while since < until:
        end = min(since + LONGEST_WINDOW, until)
        yield since, end
        since = end


def _charged(corpus: Corpus, charges: _Charges, service: str) -> Corpus:
    """Return a corpus with the charges. What was added before is kept where the logs have nothing."""
    earlier = corpus.recordings
    jobs = _jobs_of(earlier, service)
    is_repeated = jobs.duplicated()  # The first row of a job has its charge.
    requests = jobs.map(charges.requests.get).astype("Int64")
    usd = jobs.map({job: float(charges.usd[job]) for job in charges.requests}).astype("Float64")
    requests, usd = requests.mask(is_repeated & requests.notna(), 0), usd.mask(is_repeated & usd.notna(), 0.0)
    recordings = earlier.assign(
        charged_usd=_sum_of_jobs(usd, earlier).fillna(earlier["charged_usd"]),
        charged_requests=_sum_of_jobs(requests, earlier).fillna(earlier["charged_requests"]),
    )
    return Corpus(recordings, corpus.tokens, corpus.provenance)


def _sum_of_jobs(of_jobs: pd.Series[Any], recordings: pd.DataFrame) -> pd.Series[Any]:
    """Return the sum of the jobs of each recording; NA if none of them has a value."""
    return of_jobs.groupby(level=0).sum(min_count=1).reindex(recordings.index)


def _why_without_jobs(recordings: pd.DataFrame, connection: Connection) -> str:
    services = sorted(set(recordings["service"].dropna()))
    if len(recordings) and recordings["client_reference_id"].notna().any() and connection.service not in services:
        return (
            f"the recordings were transcribed by {', '.join(services)}, and this connection is to "
            f"{connection.service}; pass the connection of their service."
        )
    return (
        "no recording has a client_reference_id of a journal, by which its usage logs could be found. If an earlier "
        "version saved the corpus, make the same sx.transcribe call again: it costs nothing and returns a corpus with "
        "these ids."
    )


def _warn_of_missing(recordings: pd.DataFrame) -> None:
    missing = recordings[(recordings["status"] == "completed") & recordings["charged_usd"].isna()]
    if len(missing):
        names = ", ".join(repr(name) for name in missing["audio_id"].head(SHOWN))
        more = ", ..." if len(missing) > SHOWN else ""
        warn_caller(
            f"{len(missing)} of {len(recordings)} recordings ({names}{more}) have no usage log, so their charged_usd "
            "is NA. Logs appear some time after a request and are kept for 91 days; call sx.account.add_charges again "
            "later, with the key of the project that transcribed them.",
            UserWarning,
        )
