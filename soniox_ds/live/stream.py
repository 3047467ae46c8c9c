"""Live transcription of one recording, or of chunks from an iterable.

Conventions: recordings are sent as 16 kHz mono samples, paced as if they were spoken now (``speed=1``) or faster.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Unpack

from soniox_ds._arguments import check_number
from soniox_ds._caller import warn_caller
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.session_limit import SessionLimit
from soniox_ds.batch.checks import warn_of_channels
from soniox_ds.exceptions import OptionsError, RecordingsFailedWarning, SonioxDSError, SourceError
from soniox_ds.live.audio_sources import RAW, is_recording, open_source
from soniox_ds.live.channels import has_different_channels, joined_channels, n_channels_of, opened_channels
from soniox_ds.live.interrupted import keep_interrupted
from soniox_ds.live.result import LiveResult
from soniox_ds.live.session import SILENT_S, LiveSession, State
from soniox_ds.live.transcript import Update
from soniox_ds.options import LiveOptions
from soniox_ds.options.checks import check_channels
from soniox_ds.options.keywords import check_keywords, list_options
from soniox_ds.options.live import AudioKeywords
from soniox_ds.sources.inspection import SEVERAL_CHANNELS

__all__ = ["check_pace", "options_for", "run_session", "silence_teller", "stream", "stream_updates"]

_log = logging.getLogger(__name__)


async def stream(
    source: Any,
    *,
    speed: float | None = 1.0,
    chunk_ms: int = 100,
    on_update: Callable[[Update], object] | None = None,
    connection: Connection | None = None,
    session_limit: SessionLimit | None = None,
    audio_id: str | None = None,
    channels: Literal["mixed", "separate"] | None = None,
    on_error: Literal["report", "raise"] = "report",
    clock: Clock | None = None,
    **options: Unpack[AudioKeywords],
) -> LiveResult:
    """Transcribe audio live, and keep the time of every message.

    Parameters
    ----------
    source
        The path or the bytes of a recording; or an iterable or asynchronous iterable of chunks of audio, for example
        from a sound card. Chunks need an `audio_format` (``"pcm_s16le"`` with `sample_rate` and `num_channels`, or
        ``"auto"``).
    speed
        Speed at which a recording is sent: 1.0 for real time, which latencies should be measured at; None for as fast
        as it goes (the service accepts bursts only for a while). Chunks are sent as they come.
    chunk_ms
        Length of the chunks that a recording is cut into.
    on_update
        Called with every `Update`: the settled tokens (`settled`, `text`) and the pending ones (`pending`,
        `pending_text`).
    **options
    connection
        Key, region and address; by default from the environment.
    session_limit
        Limit of the sessions that may be open, and opened in a minute; by default one limit for the whole process.
    audio_id
        Name of the recording; by default its path.
    channels
        ``"separate"`` opens a session for each channel of a recording, or of raw chunks (`num_channels`), and merges
        the results; every session is billed. None is the same as ``"mixed"``.
    on_error
        What to do if the session or the source fails after something was settled: ``"report"`` returns the settled
        tokens, marks the recording as failed, and warns; ``"raise"`` raises the error.
    clock
        Clock for tests, in which time may run faster.

    Returns
    -------
    LiveResult
        ``tokens`` (``schema.LIVE_TOKENS``: with ``received_ms`` and ``final_ms``), ``updates``, ``log``,
        ``recordings``. It is accepted wherever a corpus is.

    Raises
    ------
    SourceError, OptionsError, SetupError
        If an argument is wrong; before anything is sent.
    RequestError, ServiceError
        If the session fails before anything was settled, or with ``on_error="raise"``. Errors of the source are raised
        in the same cases, after the audio before them was settled.

    Notes
    -----
    An interrupt raises KeyboardInterrupt; `last_interrupted` then returns what was settled.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> recording = sx.io.samples_folder() / "market_stall.wav"
    >>> with sx.local_service("scripted"):
    ...     streamed = sx.stream(recording, speed=None, enable_endpoint_detection=True)
    >>> streamed.recordings["status"].tolist(), len(streamed.tokens) > 0
    (['completed'], True)
    >>> bool((streamed.tokens["final_ms"] >= streamed.tokens["received_ms"]).all())
    True
    """
    if on_error not in ("report", "raise"):
        raise OptionsError(f'on_error is {on_error!r}; it is "report" (a failed row and a warning) or "raise"')
    check_keywords(stream, options)
    settings: dict[str, Any] = {
        "pace": (speed, chunk_ms),
        "connection": connection,
        "session_limit": session_limit,
        "audio_id": audio_id,
        "clock": clock,
    }
    if check_channels(channels, "channels"):
        return await _stream_channels(source, options, settings, on_update, on_error)
    session = _session(source, options, **settings, on_update=on_update)
    try:
        failure = await run_session(session, source, speed=speed, chunk_ms=chunk_ms)
    except asyncio.CancelledError as interrupt:
        _keep(session, interrupt)
        raise
    if failure is not None:
        _tell(failure, [session], on_error, session.audio_id)
    session.model_event.models.warn_of_trouble()
    result = session.result(failure)
    if await asyncio.to_thread(has_different_channels, source):
        result.recordings["warnings"] = SEVERAL_CHANNELS
        warn_of_channels([[SEVERAL_CHANNELS]])
    return result


def _tell(failure: Exception, sessions: Sequence[LiveSession], on_error: str, name: str) -> None:
    """Warn of a session that failed, or raise its error if nothing was settled or if the caller wants it."""
    n_settled = sum(len(session.transcript.settled) for session in sessions)
    if on_error == "raise" or not n_settled:
        raise failure
    warn_caller(
        f"{name}: the live transcription ended early; {n_settled} tokens were settled before: "
        f"{type(failure).__name__}: {failure}",
        RecordingsFailedWarning,
    )


async def _stream_channels(
    source: Any,
    named: Mapping[str, Any],
    settings: Mapping[str, Any],
    on_update: Callable[[Update], object] | None,
    on_error: str,
) -> LiveResult:
    """Transcribe each channel of a source in a session of its own, at the same time."""
    options = options_for(source, named)
    n_channels = await asyncio.to_thread(n_channels_of, source, options)
    sessions = {
        channel: _session(
            source,
            {**named, "num_channels": 1} if options.num_channels else named,
            **settings,
            on_update=None if on_update is None else _told_with(channel, on_update),
        )
        for channel in range(1, n_channels + 1)
    }
    speed, chunk_ms = settings["pace"]
    try:
        async with opened_channels(source, sessions, options, chunk_ms=chunk_ms, speed=speed) as chunks:
            feeding = [
                asyncio.create_task(_feed(session, of_channel), name=f"live channel {channel}")
                for (channel, session), of_channel in zip(sessions.items(), chunks, strict=True)
            ]
            try:
                failures = await asyncio.gather(*feeding)
            finally:
                for task in feeding:
                    task.cancel()
                await asyncio.wait(feeding)
    except asyncio.CancelledError as interrupt:
        begun = {channel: session.result() for channel, session in sessions.items() if session.log}
        if begun:
            keep_interrupted(joined_channels(begun), interrupt)
        raise
    for (channel, session), failure in zip(sessions.items(), failures, strict=True):
        if failure is not None:
            _tell(failure, list(sessions.values()), on_error, f"{session.audio_id}, channel {channel}")
    sessions[1].model_event.models.warn_of_trouble()
    return joined_channels(
        {
            channel: session.result(failure)
            for (channel, session), failure in zip(sessions.items(), failures, strict=True)
        }
    )


async def _updates_of_channels(
    source: Any, named: Mapping[str, Any], settings: Mapping[str, Any]
) -> AsyncGenerator[Update, None]:
    """Yield the updates of all channels. An error is raised after the updates that were received before it."""
    queue: asyncio.Queue[Update | None] = asyncio.Queue()
    task = asyncio.create_task(
        _stream_channels(source, named, settings, queue.put_nowait, "raise"), name="live channels of updates"
    )
    task.add_done_callback(lambda _: queue.put_nowait(None))
    try:
        while (update := await queue.get()) is not None:
            yield update
        await task
    finally:
        task.cancel()
        await asyncio.wait([task])


def _told_with(channel: int, on_update: Callable[[Update], object]) -> Callable[[Update], object]:
    """Return an ``on_update`` callback that passes on updates with their channel."""
    return lambda update: on_update(replace(update, channel=channel))


list_options(stream, LiveOptions, audio_format=None)


async def stream_updates(
    source: Any,
    *,
    speed: float | None = 1.0,
    chunk_ms: int = 100,
    connection: Connection | None = None,
    session_limit: SessionLimit | None = None,
    audio_id: str | None = None,
    channels: Literal["mixed", "separate"] | None = None,
    clock: Clock | None = None,
    **options: Unpack[AudioKeywords],
) -> AsyncGenerator[Update, None]:
    """Transcribe audio live, and yield every update.

    Parameters
    ----------
    source, speed, chunk_ms
        As in `stream`.
    **options
    connection, session_limit, audio_id, channels, clock
        As in `stream`. With ``channels="separate"``, the updates of all channels are yielded in the order in which they
        arrive, and `channel` of an update is the number of its channel.

    Yields
    ------
    Update
        The tokens that each message settled, and the pending ones. Leaving the loop early closes the connection.

    Raises
    ------
    SourceError, OptionsError, SetupError
        If an argument is wrong; before anything is sent.
    RequestError, ServiceError
        If the session fails. These errors, and errors of the source, are raised only after all earlier updates have
        been yielded.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> recording = sx.io.samples_folder() / "market_stall.wav"
    >>> with sx.local_service("scripted"):
    ...     settled = "".join(update.text for update in sx.stream_updates(recording, speed=None))
    >>> len(settled.split()) > 3
    True
    """
    check_keywords(stream_updates, options)
    settings: dict[str, Any] = {
        "pace": (speed, chunk_ms),
        "connection": connection,
        "session_limit": session_limit,
        "audio_id": audio_id,
        "clock": clock,
    }
    if check_channels(channels, "channels"):
        async with contextlib.aclosing(_updates_of_channels(source, options, settings)) as of_channels:
            async for update in of_channels:
                yield update
        return
    session = _session(source, options, **settings)
    chunks = await open_source(source, chunk_ms=chunk_ms, speed=speed, clock=session.clock)
    try:
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(session.abort)
            updates = aiter(session)
            feeding = asyncio.create_task(_feed(session, chunks), name="live source")

            async def stop() -> None:
                feeding.cancel()
                await asyncio.wait([feeding])

            stack.push_async_callback(stop)
            async for update in updates:
                yield update
            if (failure := await feeding) is not None:
                raise failure
    except (
        asyncio.CancelledError,
        GeneratorExit,
    ) as interrupt:  # GeneratorExit: the body of the caller's loop was interrupted
        _keep(session, interrupt)
        raise


list_options(stream_updates, LiveOptions, audio_format=None)


def options_for(source: Any, named: Mapping[str, Any]) -> LiveOptions:
    """Return the options of a session for a source. Recordings are always sent in the audio format `RAW`."""
    given = {name: value for name, value in named.items() if value is not None}
    if is_recording(source):
        for name, value in RAW.items():
            if name in given and given[name] != value:
                raise OptionsError(
                    f"{name}={given[name]!r} is given for a recording, but a recording is decoded on this machine and "
                    f"sent as {RAW}; leave it out, or pass chunks of bytes in that format"
                )
        given |= RAW
    elif isinstance(source, list | tuple) and source and isinstance(source[0], str | os.PathLike):
        raise SourceError(
            f"{len(source)} sources were given, the first {os.fspath(source[0])!r}; sx.stream takes one recording; "
            "pass several to sx.stream_dataset"
        )
    elif hasattr(source, "__array__"):
        raise SourceError(
            f"an array ({type(source).__name__}) cannot be sent directly; pass the bytes of 16-bit samples: "
            "[samples.astype('<i2').tobytes()] with audio_format='pcm_s16le', sample_rate and num_channels"
        )
    elif "audio_format" not in given and isinstance(source, Iterable | AsyncIterable):
        raise OptionsError(
            "the format of chunks of bytes is unknown: add audio_format='pcm_s16le', sample_rate=16_000, "
            "num_channels=1 for raw samples, or audio_format='auto' for the bytes of a file or container"
        )
    return LiveOptions(**given)


def check_pace(speed: float | None, chunk_ms: int) -> None:
    """Raise OptionsError unless the speed and the length of chunks are valid."""
    if speed is not None:
        advice = "give 1.0 for real time, more for faster, None for no pacing (as fast as the connection allows)"
        check_number(speed, "speed", above=0, below=math.inf, advice=advice, error=OptionsError)
    check_number(chunk_ms, "chunk_ms", whole=True, least=10, most=1000, error=OptionsError)


def silence_teller(audio_id: str) -> Callable[[State], None]:
    """Return an ``on_state`` callback that logs a warning when the service stops answering."""

    def tell(state: State) -> None:
        if state == "silent":
            _log.warning(
                "%s: the service has not answered for %g s. The audio is kept; if there is still no answer, a new "
                "connection is opened and the audio that was not settled is sent again.",
                audio_id,
                SILENT_S,
            )

    return tell


async def run_session(
    session: LiveSession, source: Any, *, speed: float | None, chunk_ms: int, channel: int | None = None
) -> Exception | None:
    """Hand a source, or one channel of it, over to a session until its end, and return the error of either, or None.

    The audio before an error of the source is settled. If the source is unusable from the beginning, its error is
    raised before any session is opened. Errors of callbacks are raised, too.
    """
    chunks = await open_source(
        source, chunk_ms=chunk_ms, speed=speed, clock=session.clock, from_ms=session.resume_ms, channel=channel
    )
    return await _feed(session, chunks)


async def _feed(session: LiveSession, chunks: AsyncGenerator[bytes, None]) -> Exception | None:
    await session.__aenter__()
    failure: Exception | None = None
    try:
        async with contextlib.aclosing(chunks):
            try:
                async for chunk in chunks:
                    if session.is_over:
                        break
                    session.send(chunk)
                    await session.room()
            except Exception as error:  # noqa: BLE001  whatever a source raises; it is returned
                failure = error
        await session.finish()
    except SonioxDSError as error:
        if error is not session.error:
            raise
        return error
    except BaseException:
        await session.abort()
        raise
    return failure


def _keep(session: LiveSession, interrupt: BaseException) -> None:
    if session.log:
        keep_interrupted(session.result(), interrupt)


def _session(
    source: Any,
    options: Mapping[str, Any],
    *,
    pace: tuple[float | None, int],
    connection: Connection | None,
    session_limit: SessionLimit | None,
    audio_id: str | None,
    clock: Clock | None,
    on_update: Callable[[Update], object] | None = None,
) -> LiveSession:
    speed, chunk_ms = pace
    check_pace(speed, chunk_ms)
    path = os.fspath(source) if isinstance(source, str | os.PathLike) else None
    name = audio_id or path or "live"
    return LiveSession(
        options_for(source, options),
        connection=connection,
        session_limit=session_limit,
        audio_id=name,
        source=path,
        on_update=on_update,
        on_state=silence_teller(name),
        pace=None if speed is None else max(8.0, 2 * speed),
        clock=clock,
    )
