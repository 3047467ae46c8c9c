"""Live transcription of the channels of a recording, each in a session of its own.

Conventions: channels count from 1. All channels get their audio at the same times, so that their events share a clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any

import pandas as pd

from soniox_ds.exceptions import OptionsError
from soniox_ds.files.media import open_media
from soniox_ds.live.audio_sources import is_recording, open_source
from soniox_ds.live.replay import replay
from soniox_ds.live.result import LiveResult
from soniox_ds.live.session import LiveSession
from soniox_ds.options import LiveOptions
from soniox_ds.options.checks import hash_of
from soniox_ds.options.live import BYTES_PER_SAMPLE
from soniox_ds.sources.inspection import SEVERAL_CHANNELS, UnusableAudio, probe
from soniox_ds.text.words import spoken_texts

__all__ = ["has_different_channels", "joined_channels", "n_channels_of", "opened_channels"]


def n_channels_of(source: Any, options: LiveOptions) -> int:
    """Return the number of channels of a recording, or of raw samples.

    Raises
    ------
    OptionsError
        If chunks are packed, so that their channels cannot be told apart here.
    """
    if is_recording(source):
        import av

        try:
            audio = io.BytesIO(source) if isinstance(source, bytes | bytearray | memoryview) else os.fspath(source)
            with open_media(audio) as media:
                return int(media.streams.audio[0].codec_context.layout.nb_channels) if media.streams.audio else 1
        except (av.FFmpegError, OSError, ValueError):
            return 1  # The source is opened once more, which raises the error with its reason.
    if options.audio_format not in BYTES_PER_SAMPLE:
        raise OptionsError(
            f'channels="separate" needs raw samples, found chunks in the format {options.audio_format!r}; decode them, '
            "and give audio_format='pcm_s16le', sample_rate and num_channels"
        )
    return options.num_channels or 1


def has_different_channels(source: Any) -> bool:
    """Return True if the source is a recording with channels that differ."""
    if not is_recording(source):
        return False
    try:
        facts = probe(bytes(source) if isinstance(source, bytearray | memoryview) else source)
    except (UnusableAudio, OSError, ValueError):
        return False  # Live transcription also takes files that the service would not take.
    return SEVERAL_CHANNELS in facts.warnings


@contextlib.asynccontextmanager
async def opened_channels(
    source: Any, sessions: Mapping[int, LiveSession], options: LiveOptions, *, chunk_ms: int, speed: float | None
) -> AsyncIterator[list[AsyncGenerator[bytes, None]]]:
    """Open a source as a context manager that returns the chunks of each channel.

    Parameters
    ----------
    source
        As `open_source` takes it.
    sessions
        The session of each channel.
    options
        The options of the source, with the number of its channels.

    Raises
    ------
    SourceError, OptionsError
        If the source is not audio.
    """
    clock = next(iter(sessions.values())).clock
    if is_recording(source):
        yield [
            await open_source(source, chunk_ms=chunk_ms, speed=speed, clock=clock, channel=channel)
            for channel in sessions
        ]
        return
    chunks = await open_source(source, chunk_ms=chunk_ms, speed=speed, clock=clock)
    queues: list[asyncio.Queue[bytes | BaseException | None]] = [asyncio.Queue() for _ in sessions]
    reading = asyncio.create_task(_divide(chunks, queues, BYTES_PER_SAMPLE[options.audio_format]), name="live channels")
    try:
        yield [_chunks_of(queue) for queue in queues]
    finally:
        reading.cancel()
        await asyncio.wait([reading])


async def _divide(
    chunks: AsyncGenerator[bytes, None], queues: list[asyncio.Queue[bytes | BaseException | None]], width: int
) -> None:
    """Put the samples of each channel into its queue, and the end of the source or its error into all queues."""
    waiting = b""
    size = width * len(queues)
    end: BaseException | None = None
    try:
        async for chunk in chunks:
            waiting += chunk
            whole = len(waiting) // size * size
            for number, queue in enumerate(queues):
                part = bytearray(whole // len(queues))
                for byte in range(width):
                    part[byte::width] = waiting[number * width + byte : whole : size]
                if part:
                    queue.put_nowait(bytes(part))
            waiting = waiting[whole:]
    except Exception as error:  # noqa: BLE001  whatever a source raises; each channel raises it
        end = error
    finally:
        for queue in queues:
            queue.put_nowait(end)
        await chunks.aclose()


async def _chunks_of(queue: asyncio.Queue[bytes | BaseException | None]) -> AsyncGenerator[bytes, None]:
    while (chunk := await queue.get()) is not None:
        if isinstance(chunk, BaseException):
            raise chunk
        yield chunk


def joined_channels(results: Mapping[int, LiveResult]) -> LiveResult:
    """Join the results of the channels of one recording: one row, and the events of all channels.

    Parameters
    ----------
    results
        The result of each channel, in order.

    Returns
    -------
    LiveResult
        If a channel failed, the recording is failed, its message names the channel, and the tokens are kept.
    """
    rows = {channel: result.recordings.iloc[0] for channel, result in results.items()}
    log = pd.concat(
        [result.log.drop(columns="event_index").assign(channel=channel) for channel, result in results.items()],
        ignore_index=True,
    )
    first = next(iter(rows.values()))
    failed = [channel for channel, row in rows.items() if row["status"] == "failed"]
    table = pd.DataFrame(rows.values())
    models = set(table["resolved_model"].dropna())
    joined = {
        **first.to_dict(),
        "duration_ms": table["duration_ms"].max(),
        "cost_usd": table["cost_usd"].sum(min_count=1),
        "submitted_at": min(table["submitted_at"].dropna(), default=None),
        "completed_at": max(table["completed_at"].dropna(), default=None),
        "resolved_model": models.pop() if len(models) == 1 else None,
        "options_hash": hash_of({"channels": "separate", "options": first["options_hash"]}),
    }
    if failed:
        row = rows[failed[0]]
        names = ", ".join(f"channel {channel}" for channel in failed)
        joined |= {
            "status": "failed",
            "error_type": row["error_type"],
            "error_message": f"{names}: {row['error_message']}",
            "text": None,
        }
    else:
        joined["text"] = spoken_texts(replay(log).tokens).get(str(first["audio_id"]), "")
    return LiveResult(pd.DataFrame([joined]), log, next(iter(results.values())).provenance)
