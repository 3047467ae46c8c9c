"""Live transcription of many recordings, in parallel and resumable.

Conventions: every event is written to disk as it comes, in a folder beside the journal: one file for each recording
under these options. A recording that is finished there costs nothing again; an interrupted recording is resumed where
it stopped. Two processes never work on the same recording: the second waits for the first.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Unpack

import pandas as pd

from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.models import ModelList
from soniox_ds.api.prices import LIVE_USD_PER_HOUR, cost_usd
from soniox_ds.api.session_limit import SessionLimit, session_limit_for, sessions_at_once
from soniox_ds.batch.arguments import check_on_error, check_repeat, recordings_of
from soniox_ds.batch.checks import warn_of_channels
from soniox_ds.batch.failures import first_error, report_failures
from soniox_ds.batch.jobs import parse_time
from soniox_ds.batch.journal import default_path
from soniox_ds.batch.model_changes import warn_of_models
from soniox_ds.batch.spending import MAX_COST_REACHED, Spending, estimate_usd
from soniox_ds.corpus.provenance import new_provenance, new_run
from soniox_ds.exceptions import AuthError, BalanceError, JournalError, SonioxDSError, SourceError, error_type_of
from soniox_ds.live.audio_sources import RAW
from soniox_ds.live.channels import joined_channels
from soniox_ds.live.event_store import BEGUN, DONE, EventStore
from soniox_ds.live.interrupted import keep_interrupted
from soniox_ds.live.replay import Event
from soniox_ds.live.result import LiveResult, live_result_of, why_failed
from soniox_ds.live.session import LiveSession
from soniox_ds.live.stream import check_pace, run_session, silence_teller
from soniox_ds.options import LiveOptions
from soniox_ds.options.checks import check_channels
from soniox_ds.options.keywords import check_keywords, list_options
from soniox_ds.options.live import LiveKeywords
from soniox_ds.progress.display import Progress, Snapshot, progress_for
from soniox_ds.sources.inspection import SEVERAL_CHANNELS, inspect
from soniox_ds.sources.recording import Recording, RecordingList, copied

__all__ = ["NOT_STREAMED", "stream_dataset", "stream_dataset_as"]

NOT_STREAMED = "live audio is sent from this machine; download the recording and give its path"
"""Reason why URLs fail."""

SENT_AGAIN_MS = 10_000
"""Audio that an interrupted recording may send again, by estimate."""

_GOES_ON = " The tokens are also on disk: the same call resumes where this one stopped."


async def stream_dataset(
    sources: Any,
    *,
    speed: float | None = 1.0,
    chunk_ms: int = 100,
    concurrency: int | None = None,
    audio_column: str | None = None,
    id_column: str | None = None,
    reference_column: str | None = None,
    audio_root: str | Path | None = None,
    storage_options: Mapping[str, Any] | None = None,
    connection: Connection | None = None,
    session_limit: SessionLimit | None = None,
    max_cost_usd: float | None = None,
    journal: str | Path | None = None,
    refresh: bool = False,
    repeat: int = 0,
    channels: Literal["mixed", "separate"] | None = None,
    on_error: Literal["report", "raise"] = "report",
    progress: bool | Callable[[Snapshot], object] | None = None,
    clock: Clock | None = None,
    **options: Unpack[LiveKeywords],
) -> LiveResult:
    """Transcribe recordings live, as if each were spoken now, and keep the time of every message.

    Parameters
    ----------
    sources, audio_column, id_column, reference_column, audio_root, storage_options
        As in `transcribe`, except that http and https URLs are not accepted: live audio is sent from this machine.
    speed
        Speed at which recordings are sent: 1.0 is real time; measure latencies at this speed. None sends as fast as
        possible.
    chunk_ms
        Length of the chunks that recordings are cut into.
    concurrency
        Number of sessions at the same time; by default the number that the session limit allows, and never more.
    **options
    connection
        Key, region and address; by default from the environment.
    session_limit
        Limit of the sessions that may be open, and opened in a minute. By default one limit for the whole process,
        with the service's limit of ten; if your limit is higher, or several processes share it, a `SessionLimit` of
        your own.
    max_cost_usd
        As in `transcribe`, at the price of live audio; streams that are slower than real time cost more. For an
        interrupted recording, only the remaining audio is counted.
    journal
        Path of the journal. The streams are stored beside it, in the folder ``<journal>.streams``. By default in the
        user's cache.
    refresh
        Stream recordings again that already have a result. They are paid for again.
    repeat
        Number of the repetition, 0 or more; see `transcribe`.
    channels
        ``"separate"`` opens a session for each channel; see `stream`.
    on_error, progress, clock
        As in `transcribe`.

    Returns
    -------
    LiveResult
        ``recordings`` (failed ones too), ``tokens`` (with ``received_ms`` and ``final_ms``), ``updates`` and ``log``.

    Raises
    ------
    SourceError, OptionsError, SetupError
        If an argument is wrong; before anything is sent.
    AuthError, BalanceError
        If the key or the balance is the reason that no recording at all could be transcribed.
    JournalError
        If the journal cannot be written and holds none of the recordings, or can no longer be written during the call.
    ExceptionGroup
        Of `TranscriptionFailed`, with ``on_error="raise"``.

    Notes
    -----
    After an interrupt, the same call resumes where this one stopped; `last_interrupted` returns the results so far.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> recordings = [sx.io.samples_folder() / "market_stall.wav", sx.io.samples_folder() / "short_answer.wav"]
    >>> with sx.local_service("scripted"):
    ...     streamed = sx.stream_dataset(recordings, speed=None, enable_endpoint_detection=True, progress=False)
    >>> streamed.recordings["status"].tolist()
    ['completed', 'completed']
    """
    check_keywords(stream_dataset, options)
    result = await stream_dataset_as(
        LiveOptions(**options, **RAW),
        sources,
        speed=speed,
        chunk_ms=chunk_ms,
        concurrency=concurrency,
        audio_column=audio_column,
        id_column=id_column,
        reference_column=reference_column,
        audio_root=audio_root,
        storage_options=storage_options,
        connection=connection,
        session_limit=session_limit,
        spending=Spending(max_cost_usd),
        journal=journal,
        refresh=refresh,
        repeat=repeat,
        channels=channels,
        on_error=on_error,
        progress=progress,
        clock=clock,
    )
    warn_of_channels(slugs.split() for slugs in result.recordings["warnings"].dropna())
    return result


list_options(stream_dataset, LiveOptions, LiveKeywords.__optional_keys__)


async def stream_dataset_as(
    options: LiveOptions,
    sources: Any,
    *,
    models: ModelList | None = None,
    speed: float | None = 1.0,
    chunk_ms: int = 100,
    concurrency: int | None = None,
    audio_column: str | None = None,
    id_column: str | None = None,
    reference_column: str | None = None,
    audio_root: str | Path | None = None,
    storage_options: Mapping[str, Any] | None = None,
    connection: Connection | None = None,
    session_limit: SessionLimit | None = None,
    spending: Spending | None = None,
    journal: str | Path | None = None,
    refresh: bool = False,
    repeat: int = 0,
    channels: Literal["mixed", "separate"] | None = None,
    on_error: Literal["report", "raise"] = "report",
    progress: bool | Callable[[Snapshot], object] | None = None,
    clock: Clock | None = None,
) -> LiveResult:
    """Stream as `stream_dataset` does, with options that are checked already and whose audio is `RAW`.

    Calls that share one list of `models` ask the service for it once. A caller that passes it must call
    `warn_of_models` itself. Calls that share `spending` share its limit.
    """
    check_pace(speed, chunk_ms)
    speed = None if speed is None else float(speed)  # so that 1 and 1.0 give the same key
    at_once = sessions_at_once(concurrency, session_limit)
    check_repeat(repeat)
    check_on_error(on_error)
    is_separate = check_channels(channels, "channels") is not None
    connection = connection or Connection()
    connection.stream_url()
    clock = clock or Clock()
    display = progress_for(progress)
    recording_list = await recordings_of(
        sources,
        audio_column=audio_column,
        id_column=id_column,
        reference_column=reference_column,
        audio_root=audio_root,
        storage_options=storage_options,
    )
    store = EventStore(Path(journal) if journal is not None else default_path())
    with Progress(display, now=clock.now) as shown:
        shown.set_total(len(recording_list.recordings))
        run = _Run(
            options=options,
            connection=connection,
            session_limit=session_limit or session_limit_for(connection),
            clock=clock,
            speed=speed,
            chunk_ms=chunk_ms,
            store=store,
            progress=shown,
            settings=f"{repeat}:{speed}:{chunk_ms}",
            refresh=refresh,
            is_separate=is_separate,
            models=models or ModelList(),
            spending=spending or Spending(),
        )
        try:
            await run.all(recording_list.recordings, at_once)
        except asyncio.CancelledError as interrupt:
            if run.parts:
                keep_interrupted(_together(run.parts, recording_list, run, None), interrupt, _GOES_ON)
            raise
        finally:
            await run.models.close()
    streamed = _together(run.parts, recording_list, run, await run.models.resolved(options.model))
    if models is None:
        await warn_of_models(run.models, options.model, streamed.recordings)
    report_failures(streamed.recordings, fatal=run.fatal, on_error=on_error, all_in="streamed.recordings")
    return streamed


class _Outcome(NamedTuple):
    """The tables of one channel, or of a recording that was sent mixed."""

    result: LiveResult
    is_recalled: bool = False
    """True if an earlier call finished it."""
    is_unsent: bool = False
    """True if nothing was sent."""


class _Run:
    """The state that all recordings of one call share."""

    def __init__(
        self,
        *,
        options: LiveOptions,
        connection: Connection,
        session_limit: SessionLimit,
        clock: Clock,
        speed: float | None,
        chunk_ms: int,
        store: EventStore,
        progress: Progress,
        settings: str,
        refresh: bool,
        is_separate: bool,
        models: ModelList,
        spending: Spending,
    ) -> None:
        self.options = options
        self.connection = connection
        self._session_limit = session_limit
        self._clock = clock
        self._speed = speed
        self._chunk_ms = chunk_ms
        self._store = store
        self._progress = progress
        self._settings = settings
        self._refresh = refresh
        self._is_separate = is_separate
        self.models = models
        self._spending = spending
        self.fatal: SonioxDSError | None = None
        """The error that every other recording would fail with, too."""
        self.parts: dict[int, LiveResult] = {}
        """Tables by row number, of recordings that are finished or were begun before an interrupt."""

    async def all(self, recordings: list[Recording], concurrency: int) -> None:
        """Fill `parts` with the tables of every recording."""
        room = asyncio.Semaphore(concurrency)
        same: dict[str, asyncio.Lock] = {}

        async def one(row: int, recording: Recording) -> None:
            async with room:
                self.parts[row] = await self._one(row, recording, same)

        try:
            async with asyncio.TaskGroup() as group:
                for row, recording in enumerate(recordings):
                    group.create_task(one(row, recording))
        except BaseExceptionGroup as errors:
            first = first_error(errors)
        else:
            return
        raise first

    async def _one(self, row: int, recording: Recording, same: dict[str, asyncio.Lock]) -> LiveResult:
        if recording.error_type is None and recording.url is not None:
            recording.fail("url_not_streamed", NOT_STREAMED)
        if recording.error_type is None:
            await asyncio.to_thread(inspect, recording)
        if recording.error_type is not None:
            self._progress.add_finished(False)
            return self._tables([], recording)
        n_channels = (recording.channels or 1) if self._is_separate else 1
        outcomes: dict[int, _Outcome] = {}
        try:
            await self._channels(recording, n_channels, same, outcomes)
        except BaseExceptionGroup as errors:
            raise first_error(errors) from None
        finally:
            if outcomes:
                self.parts[row] = self._joined(recording, outcomes)
        self._count(recording, list(outcomes.values()))
        return self.parts[row]

    def _joined(self, recording: Recording, outcomes: Mapping[int, _Outcome]) -> LiveResult:
        results = {channel: outcomes[channel].result for channel in sorted(outcomes)}
        if not self._is_separate:
            return results[1]
        joined = joined_channels(results)
        slugs = [slug for slug in recording.warnings if slug != SEVERAL_CHANNELS]
        joined.recordings["warnings"] = pd.array([" ".join(slugs) or None], dtype="string")
        return joined

    def _count(self, recording: Recording, outcomes: Sequence[_Outcome]) -> None:
        """Report a recording to the progress display."""
        if all(outcome.is_recalled for outcome in outcomes):
            self._progress.add_recalled(duration_ms=recording.duration_ms or 0)
        elif any(outcome.is_unsent for outcome in outcomes):
            self._progress.add_finished(False)
        else:
            is_complete = all((outcome.result.recordings["status"] == "completed").all() for outcome in outcomes)
            n_sent = sum(not outcome.is_recalled for outcome in outcomes)
            cost = cost_usd((recording.duration_ms or 0) * n_sent, LIVE_USD_PER_HOUR)
            self._progress.add_finished(is_complete, recording.duration_ms, cost)

    async def _channels(
        self, recording: Recording, n_channels: int, same: dict[str, asyncio.Lock], outcomes: dict[int, _Outcome]
    ) -> None:
        """Transcribe the channels of a recording, and put the outcome of each into `outcomes`.

        Either all channels that are not finished are paid for, or none. A single channel is the recording as it is.
        """
        async with contextlib.AsyncExitStack() as claims:
            todo: dict[int, tuple[Recording, str, list[Event]]] = {}
            for channel in range(1, n_channels + 1):  # One after the other, so that equal recordings do not deadlock.
                of_channel = copied(recording)
                key = self._key(of_channel, channel if n_channels > 1 else None)
                await claims.enter_async_context(same.setdefault(key, asyncio.Lock()))
                await claims.enter_async_context(self._store.claim(key))
                earlier = [] if self._refresh else await asyncio.to_thread(self._store.read, key)
                if earlier and earlier[-1].kind == DONE:
                    outcomes[channel] = _Outcome(self._tables(earlier, of_channel, recalled=True), is_recalled=True)
                else:
                    todo[channel] = of_channel, key, earlier
            prices = {key: self._price_of(of_channel, earlier) for of_channel, key, earlier in todo.values()}
            problem: tuple[str, str] | None = None
            if prices and not await self._spending.reserve(prices, is_over=lambda: self.fatal is not None):
                problem = (
                    MAX_COST_REACHED,
                    self._spending.refusal(sum(prices.values()), recording.duration_ms),
                )
            elif self.fatal is not None:  # stored results need no service, all other recordings would fail too
                problem = error_type_of(self.fatal), str(self.fatal)
            async with asyncio.TaskGroup() as group:
                for channel, (of_channel, key, earlier) in todo.items():
                    if problem is not None:
                        of_channel.fail(*problem)
                        outcomes[channel] = _Outcome(self._tables([], of_channel), is_unsent=True)
                        continue
                    cut = channel if n_channels > 1 else None
                    group.create_task(self._paid_stream(channel, of_channel, cut, key, earlier, outcomes))

    async def _paid_stream(
        self,
        channel: int,
        recording: Recording,
        cut: int | None,
        key: str,
        earlier: list[Event],
        outcomes: dict[int, _Outcome],
    ) -> None:
        try:
            await self._stream(channel, recording, cut, key, earlier, outcomes)
        finally:
            self._spending.keep(key)

    def _price_of(self, recording: Recording, earlier: list[Event]) -> float:
        """Return the price of what is not streamed yet. A stream that is slower than real time is open for longer."""
        duration_ms: float | None = recording.duration_ms
        if duration_ms is not None and earlier:
            sent_ms = max(event.audio_ms or 0.0 for event in earlier)
            duration_ms = min(duration_ms, max(duration_ms - sent_ms, 0.0) + SENT_AGAIN_MS)
        return estimate_usd(duration_ms, LIVE_USD_PER_HOUR) / min(self._speed or 1.0, 1.0)

    async def _stream(
        self,
        channel: int,
        recording: Recording,
        cut: int | None,
        key: str,
        earlier: list[Event],
        outcomes: dict[int, _Outcome],
    ) -> None:
        begun = _begun(earlier, self._clock)
        earlier = [event for event in earlier if event.kind not in (BEGUN, "failed", "end")]
        with contextlib.ExitStack() as stack:
            try:
                write = stack.enter_context(self._store.writing(key, [*begun, *earlier]))
            except JournalError as trouble:  # nothing is sent unless its events can be stored
                self.fatal = trouble
                recording.fail(error_type_of(trouble), str(trouble))
                outcomes[channel] = _Outcome(self._tables([], recording), is_unsent=True)
                return
            self.models.ask_at(self.connection)
            await self.models.resolved(self.options.model)  # a short session may be over before the list arrives
            session = LiveSession(
                self.options,
                connection=self.connection,
                audio_id=recording.audio_id,
                on_state=silence_teller(recording.audio_id),
                session_limit=self._session_limit,
                pace=None if self._speed is None else max(8.0, 2 * self._speed),
                earlier=earlier,
                on_event=write,
                models=self.models,
                clock=self._clock,
            )
            try:
                error = await run_session(
                    session, recording.audio, speed=self._speed, chunk_ms=self._chunk_ms, channel=cut
                )
            except SourceError as unreadable:
                error = unreadable
            except asyncio.CancelledError:
                if session.log:
                    outcomes[channel] = _Outcome(self._tables([*begun, *session.log], recording, is_whole=False))
                raise
            if error is None:
                done = Event(session.log[-1].at_ms, DONE, 0, 0, session.audio_ms, self._clock.utcnow().isoformat())
                write(done)
        if error is not None:
            if isinstance(error, AuthError | BalanceError):
                self.fatal = error
            recording.fail(*why_failed(error))
        events = [*begun, *session.log, *([done] if error is None else [])]
        outcomes[channel] = _Outcome(self._tables(events, recording))

    def _key(self, recording: Recording, cut: int | None) -> str:
        audio = recording.sha256 if cut is None else f"{recording.sha256} channel {cut}"
        parts = [audio, self.options.hash(), self.options.model, self.connection.service, self._settings]
        return hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest()[:32]

    def _tables(
        self, events: list[Event], recording: Recording, *, recalled: bool = False, is_whole: bool = True
    ) -> LiveResult:
        first_audio_ms = next((event.at_ms for event in events if event.kind == "audio"), 0.0)
        session_events = [
            event._replace(at_ms=event.at_ms - first_audio_ms) for event in events if event.kind not in (BEGUN, DONE)
        ]
        metadata: dict[str, Any] = {
            "source": recording.source,
            "sha256": recording.sha256,
            "size_bytes": recording.size_bytes,
            "warnings": " ".join(recording.warnings) or None,
            "submitted_at": _moment(events, BEGUN) if any(event.kind == "open" for event in events) else None,
            "completed_at": _moment(events, DONE),
        }
        if recording.error_type is not None:
            metadata |= {
                "status": "failed",
                "error_type": recording.error_type,
                "error_message": recording.error_message,
                "text": None,
            }
        if recalled:
            metadata["cost_usd"] = 0.0
        return live_result_of(
            session_events,
            audio_id=recording.audio_id,
            options=self.options,
            service=self.connection.service,
            audio_ms=recording.duration_ms if is_whole else max(event.audio_ms or 0.0 for event in events),
            is_whole=is_whole,
            metadata=metadata,
        )


def _begun(earlier: list[Event], clock: Clock) -> list[Event]:
    """Return the event with the start of the session; empty if a log of an earlier version lacks it."""
    if any(event.kind == "open" for event in earlier):
        return [event for event in earlier if event.kind == BEGUN]
    return [Event(0.0, BEGUN, 0, 0, None, clock.utcnow().isoformat())]  # never connected: it begins now


def _moment(events: list[Event], kind: str) -> datetime | None:
    """Return the date and time in the event of a kind."""
    return next((parse_time(event.payload) for event in events if event.kind == kind), None)


def _together(
    parts: Mapping[int, LiveResult], recording_list: RecordingList, run: _Run, resolved_model: str | None
) -> LiveResult:
    """Join the tables of some or all recordings, in the order of the sources."""
    rows = sorted(parts)
    models = {name for row in rows for name in parts[row].recordings["resolved_model"].dropna()}
    run_record = new_run(
        service=run.connection.service,
        model=run.options.model,
        resolved_model=resolved_model or (models.pop() if len(models) == 1 else None),
        options=run.options.body(),
    )
    streamed = LiveResult.concat([parts[row] for row in rows])
    streamed.provenance = new_provenance(run_record)
    for name in recording_list.metadata.columns:
        streamed.recordings[name] = recording_list.metadata[name].to_numpy()[rows]
    return streamed
