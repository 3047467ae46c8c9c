"""Many recordings transcribed live, as many at once as the service lets in, resumable.

Conventions: every event is written to disk as it comes, in a folder beside the journal: one file for each recording
under these options. A recording that is finished there costs nothing again; one that was broken off is taken up where
it stopped. Two processes never work on the same one: the second waits for the first.
"""

from __future__ import annotations

import asyncio
import hashlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from soniox_ds.errors import (
    AuthError,
    BalanceError,
    OptionsError,
    RecordingsFailedWarning,
    SonioxDSError,
    SourceError,
    TranscriptionFailed,
)
from soniox_ds.formats.provenance import new_provenance, new_run
from soniox_ds.live.replay import Event
from soniox_ds.live.session import LiveSession
from soniox_ds.live.sources import RAW
from soniox_ds.live.streamed import Streamed, concat_streamed, streamed_of
from soniox_ds.live.streaming import check_pace, run_session
from soniox_ds.options import Context, StreamOptions, Translation
from soniox_ds.prices import REAL_TIME_USD_PER_HOUR, cost_usd
from soniox_ds.service.clock import Clock
from soniox_ds.service.connection import Connection
from soniox_ds.service.gate import StreamGate, gate_for
from soniox_ds.transcription.inspect import inspect
from soniox_ds.transcription.journal import default_path
from soniox_ds.transcription.progress import Progress, Snapshot, progress_for
from soniox_ds.transcription.recording import Found, Recording
from soniox_ds.transcription.sources import find_recordings
from soniox_ds.transcription.stream_store import DONE, StreamStore

__all__ = ["stream_dataset"]

_AT_ONCE = 10


async def stream_dataset(
    sources: Any,
    *,
    speed: float | None = 1.0,
    chunk_ms: int = 100,
    concurrency: int = _AT_ONCE,
    audio_column: str | None = None,
    reference_column: str | None = None,
    model: str = "stt-rt-v4",
    language_hints: Iterable[str] | None = None,
    language_hints_strict: bool | None = None,
    enable_speaker_diarization: bool | None = None,
    enable_language_identification: bool | None = None,
    translation: Translation | Mapping[str, Any] | None = None,
    context: Context | Mapping[str, Any] | None = None,
    enable_endpoint_detection: bool | None = None,
    max_endpoint_delay_ms: int | None = None,
    endpoint_sensitivity: float | None = None,
    endpoint_latency_adjustment_level: int | None = None,
    client_reference_id: str | None = None,
    connection: Connection | None = None,
    gate: StreamGate | None = None,
    journal: str | Path | None = None,
    refresh: bool = False,
    repeat: int = 0,
    on_error: Literal["report", "raise"] = "report",
    progress: bool | Callable[[Snapshot], object] | None = None,
    clock: Clock | None = None,
) -> Streamed:
    """Transcribe recordings live, as if each were spoken now, and keep what came when.

    Parameters
    ----------
    sources, audio_column, reference_column
        As in `transcribe`, but for URLs: live audio is sent from this machine.
    speed
        How fast recordings are sent: 1.0 in real time, as latencies are to be measured; None as fast as it goes.
    chunk_ms
        Length of the chunks that recordings are cut into.
    concurrency
        Sessions at once; the service allows ten, unless more were agreed on.
    model, language_hints, language_hints_strict, enable_speaker_diarization, enable_language_identification, \
translation, context, enable_endpoint_detection, max_endpoint_delay_ms, endpoint_sensitivity, \
endpoint_latency_adjustment_level, client_reference_id
        The API's own options; see `StreamOptions`.
    connection
        Key, region and address; by default from the environment.
    gate
        How many sessions may be open and opened in a minute; by default one gate for all of this process.
    journal
        Whose neighbour remembers what was streamed: the folder ``<journal>.streams``. By default in the user's cache.
    refresh
        Stream, and pay, again although there is a result.
    repeat
        Which repetition this is; see `transcribe`.
    on_error, progress, clock
        As in `transcribe`.

    Returns
    -------
    Streamed
        ``recordings`` (failed ones too), ``tokens`` (with ``received_ms`` and ``final_ms``), ``updates`` and ``log``.

    Raises
    ------
    SourceError, OptionsError, SetupError
        Before anything is sent.
    AuthError, BalanceError
        Where for one of these reasons not a single recording could be transcribed.
    ExceptionGroup
        Of `TranscriptionFailed`, with ``on_error="raise"``.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted"):
    ...     streamed = sx.stream_dataset(["data/samples/market_stall.wav", "data/samples/short_answer.wav"], speed=None,
    ...                                  journal=getfixture("tmp_path") / "journal.sqlite", progress=False)
    >>> streamed.recordings["status"].tolist()
    ['completed', 'completed']
    """
    check_pace(speed, chunk_ms)
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise OptionsError(f"concurrency is {concurrency!r}; it is the number of sessions at once, 1 or more")
    if on_error not in ("report", "raise"):
        raise OptionsError(f'on_error is {on_error!r}; it is "report" (failed rows and a warning) or "raise"')
    options = StreamOptions(
        model=model,
        **RAW,  # type: ignore[arg-type]  # a string and two numbers, each in its place
        language_hints=language_hints,
        language_hints_strict=language_hints_strict,
        enable_speaker_diarization=enable_speaker_diarization,
        enable_language_identification=enable_language_identification,
        translation=translation,
        context=context,
        enable_endpoint_detection=enable_endpoint_detection,
        max_endpoint_delay_ms=max_endpoint_delay_ms,
        endpoint_sensitivity=endpoint_sensitivity,
        endpoint_latency_adjustment_level=endpoint_latency_adjustment_level,
        client_reference_id=client_reference_id,
    )
    connection = connection or Connection()
    connection.stream_url()
    clock = clock or Clock()
    display = progress_for(progress)
    if isinstance(sources, Found):
        found = sources
    else:
        found = await asyncio.to_thread(
            find_recordings, sources, audio_column=audio_column, reference_column=reference_column
        )
    store = StreamStore(Path(journal) if journal is not None else default_path())
    with Progress(display, now=clock.now) as shown:
        shown.found(len(found.recordings))
        run = _Run(
            options=options,
            connection=connection,
            gate=gate or gate_for(connection),
            clock=clock,
            speed=speed,
            chunk_ms=chunk_ms,
            store=store,
            progress=shown,
            settings=f"{repeat}:{speed}:{chunk_ms}",
            refresh=refresh,
        )
        parts = await run.all(found.recordings, concurrency)
    return _together(parts, found, run, on_error)


class _Run:
    """What the recordings of one call share."""

    def __init__(
        self,
        *,
        options: StreamOptions,
        connection: Connection,
        gate: StreamGate,
        clock: Clock,
        speed: float | None,
        chunk_ms: int,
        store: StreamStore,
        progress: Progress,
        settings: str,
        refresh: bool,
    ) -> None:
        self.options = options
        self.connection = connection
        self._gate = gate
        self._clock = clock
        self._speed = speed
        self._chunk_ms = chunk_ms
        self._store = store
        self._progress = progress
        self._settings = settings
        self._refresh = refresh
        self.fatal: SonioxDSError | None = None
        """What would stop every other recording, too."""

    async def all(self, recordings: list[Recording], concurrency: int) -> list[Streamed]:
        """Every recording's tables, in order."""
        room = asyncio.Semaphore(concurrency)
        same: dict[str, asyncio.Lock] = {}

        async def one(recording: Recording) -> Streamed:
            async with room:
                return await self._one(recording, same)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(recording)) for recording in recordings]
        except BaseExceptionGroup as errors:
            first: BaseException = errors
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from None
        return [task.result() for task in tasks]

    async def _one(self, recording: Recording, same: dict[str, asyncio.Lock]) -> Streamed:
        if recording.error_type is None and recording.url is not None:
            recording.fail(
                "url_not_streamed", "live audio is sent from this machine; download the recording and give its path"
            )
        if recording.error_type is None:
            await asyncio.to_thread(inspect, recording)
        if recording.error_type is None and self.fatal is not None:
            recording.fail(type(self.fatal).__name__, str(self.fatal))
        if recording.error_type is not None:
            self._progress.finished(False)
            return self._tables([], recording)
        key = self._key(recording)
        async with same.setdefault(key, asyncio.Lock()), self._store.claim(key):
            earlier = [] if self._refresh else await asyncio.to_thread(self._store.read, key)
            if earlier and earlier[-1].kind == DONE:
                self._progress.recalled(duration_ms=recording.duration_ms or 0)
                return self._tables(earlier, recording, recalled=True)
            return await self._stream(recording, key, earlier)

    async def _stream(self, recording: Recording, key: str, earlier: list[Event]) -> Streamed:
        earlier = [event for event in earlier if event.kind not in ("failed", "end")]
        with self._store.writing(key, earlier) as write:
            session = LiveSession(
                self.options,
                connection=self.connection,
                audio_id=recording.audio_id,
                gate=self._gate,
                pace=None if self._speed is None else max(8.0, 2 * self._speed),
                earlier=earlier,
                on_event=write,
                clock=self._clock,
            )
            source = recording.data if recording.data is not None else recording.path
            try:
                error = await run_session(session, source, speed=self._speed, chunk_ms=self._chunk_ms)
            except SourceError as unreadable:
                error = unreadable
            if error is None:
                write(Event(session.log[-1].at_ms, DONE, 0, 0, session.audio_ms, None))
        if error is not None:
            if isinstance(error, AuthError | BalanceError):
                self.fatal = error
            recording.fail(getattr(error, "error_type", None) or type(error).__name__, str(error))
        self._progress.finished(
            error is None, recording.duration_ms, cost_usd(recording.duration_ms or 0, REAL_TIME_USD_PER_HOUR)
        )
        return self._tables(session.log, recording)

    def _key(self, recording: Recording) -> str:
        parts = [recording.sha256, self.options.hash(), self.options.model, self.connection.service, self._settings]
        return hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest()[:32]

    def _tables(self, events: list[Event], recording: Recording, *, recalled: bool = False) -> Streamed:
        begun_ms = next((event.at_ms for event in events if event.kind == "audio"), 0.0)
        own = [event._replace(at_ms=event.at_ms - begun_ms) for event in events if event.kind != DONE]
        metadata: dict[str, Any] = {
            "source": recording.source,
            "sha256": recording.sha256,
            "size_bytes": recording.size_bytes,
            "warnings": " ".join(recording.warnings) or None,
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
        return streamed_of(
            own,
            audio_id=recording.audio_id,
            options=self.options,
            service=self.connection.service,
            audio_ms=recording.duration_ms,
            begun_at=datetime.now(UTC),
            metadata=metadata,
        )


def _together(parts: list[Streamed], found: Found, run: _Run, on_error: str) -> Streamed:
    made = new_run(service=run.connection.service, model=run.options.model, options=run.options.body())
    streamed = concat_streamed(parts, new_provenance(made))
    for name in found.metadata.columns:
        streamed.recordings[name] = found.metadata[name].to_numpy()
    failed = streamed.recordings[streamed.recordings["status"] == "failed"]
    if run.fatal is not None and len(failed) == len(parts):
        raise run.fatal
    if len(failed):
        if on_error == "raise":
            raise ExceptionGroup(
                f"{len(failed)} of {len(parts)} recordings failed",
                [
                    TranscriptionFailed(message, audio_id=audio_id, error_type=error_type)
                    for audio_id, error_type, message in zip(
                        failed["audio_id"], failed["error_type"], failed["error_message"], strict=True
                    )
                ],
            )
        counts = ", ".join(f"{kind} ({count})" for kind, count in failed["error_type"].value_counts().items())
        warnings.warn(
            f"{len(failed)} of {len(parts)} recordings failed: {counts}; why is in the column error_message of "
            "`recordings`",
            RecordingsFailedWarning,
            stacklevel=2,
        )
    return streamed
