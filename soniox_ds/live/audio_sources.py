"""Audio for live sessions: recordings that are decoded and paced, or chunks from an iterable.

Conventions: recordings of any format are decoded here (PyAV) to 16 kHz mono ``pcm_s16le``, because only raw audio can
be resumed after a broken connection, and only raw audio has known times. Decoding blocks, so it happens in a worker
thread, a second of audio at a time.
"""

from __future__ import annotations

import asyncio
import io
import os
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from soniox_ds.api.clock import Clock
from soniox_ds.exceptions import OptionsError, SourceError
from soniox_ds.files.media import open_media
from soniox_ds.sources.channels import channel_of_frame
from soniox_ds.sources.stores import StoredObject
from soniox_ds.stores.store import StoreError

__all__ = ["RATE", "RAW", "decoded", "is_recording", "open_source", "paced"]

RATE = 16_000
RAW: Mapping[str, Any] = {"audio_format": "pcm_s16le", "sample_rate": RATE, "num_channels": 1}
"""The options of the audio format in which recordings are sent."""

_BYTES_PER_MS = RATE * 2 // 1000
_AT_ONCE_MS = 1_000
_END = object()


def is_recording(source: object) -> bool:
    """Return True if a source is a recording (a path, the bytes of a file, or an object), not a stream of chunks."""
    return isinstance(source, str | os.PathLike | bytes | bytearray | memoryview | StoredObject)


def decoded(
    source: str | os.PathLike[str] | bytes | StoredObject, *, from_ms: float = 0.0, channel: int | None = None
) -> Iterator[bytes]:
    """Decode a recording and yield its samples, about a second at a time: of one channel, or of all channels mixed.

    Raises
    ------
    SourceError
        If there is no such file, it cannot be decoded, or an object of a store cannot be read or has changed.

    Examples
    --------
    >>> sum(map(len, decoded("data/samples/market_stall.wav"))) // 32_000 > 2        # seconds
    True
    """

    if isinstance(source, StoredObject):
        yield from _decoded_from_store(source, from_ms, channel)
        return
    shown = f"{len(source):,} bytes" if isinstance(source, bytes) else repr(os.fspath(source))
    if not isinstance(source, bytes):
        if isinstance(source, str) and source.startswith(("http://", "https://")):
            raise SourceError(
                f"{shown} is a URL; live audio is sent from this machine, so download the recording first"
            )
        if not Path(source).is_file():
            raise SourceError(f"there is no file {shown}; pass the path or the bytes of one recording")
    yield from _blocks(io.BytesIO(source) if isinstance(source, bytes) else os.fspath(source), shown, from_ms, channel)


def _decoded_from_store(stored: StoredObject, from_ms: float, channel: int | None) -> Iterator[bytes]:
    try:
        with stored.open() as file:
            yield from _blocks(file, stored.name, from_ms, channel)
        stored.check_unchanged()
    except StoreError as error:
        raise SourceError(f"{stored.name} {error}") from None


def _blocks(file: Any, shown: str, from_ms: float, channel: int | None) -> Iterator[bytes]:
    """Decode a file, and yield its samples from a time on. Messages call it `shown`."""
    import av

    skip = int(from_ms * _BYTES_PER_MS) // 2 * 2
    waiting = bytearray()
    try:
        with open_media(file) as container:
            if not container.streams.audio:
                raise SourceError(f"{shown} holds no audio")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for frame in _frames(container):
                of_channel = frame if frame is None or channel is None else channel_of_frame(frame, channel)
                for part in resampler.resample(of_channel):
                    waiting += bytes(part.planes[0])[: part.samples * 2]
                if skip:
                    gone = min(skip, len(waiting))
                    del waiting[:gone]
                    skip -= gone
                while len(waiting) >= _AT_ONCE_MS * _BYTES_PER_MS:
                    yield bytes(waiting[: _AT_ONCE_MS * _BYTES_PER_MS])
                    del waiting[: _AT_ONCE_MS * _BYTES_PER_MS]
    except av.FFmpegError as error:
        raise SourceError(f"{shown} cannot be decoded ({error.strerror})") from None
    if waiting:
        yield bytes(waiting)


def _frames(container: Any) -> Iterator[Any]:
    """Yield the decoded frames, and finally None, which makes the resampler return its rest."""
    import av

    for packet in container.demux(container.streams.audio[0]):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            continue  # a damaged packet: the following ones may be intact
    yield None


async def open_source(
    source: Any,
    *,
    chunk_ms: int,
    speed: float | None,
    clock: Clock,
    from_ms: float = 0.0,
    channel: int | None = None,
) -> AsyncGenerator[bytes, None]:
    """Open a source and return its chunks: those of a recording paced at `speed`, those of other sources as they come.

    The first chunk is read before this function returns, so that no session is opened for a source that is not audio.

    Parameters
    ----------
    source
        A path or bytes of a recording; or an iterable, or asynchronous iterable, of chunks of bytes.
    chunk_ms
        Length of the chunks of a recording.
    speed
        1.0 for real time, 2.0 for twice as fast, None for no pacing (as fast as the connection allows). Only for
        recordings.
    from_ms
        Time at which to begin.
    channel
        Channel of a recording, from 1; None for all channels mixed.

    Raises
    ------
    SourceError, OptionsError
        If the source is not audio, at its beginning or later.
    """
    if is_recording(source):
        audio = bytes(source) if isinstance(source, bytearray | memoryview) else source
        blocks = decoded(audio, from_ms=from_ms, channel=channel)
        first_block = await asyncio.to_thread(next, blocks, b"")
        return paced(chain([first_block], blocks), chunk_ms=chunk_ms, speed=speed, clock=clock)
    if isinstance(source, AsyncIterable):
        chunks: AsyncIterator[object] = aiter(source)
    elif isinstance(source, Iterable):
        chunks = _from_thread(iter(source))
    else:
        raise SourceError(
            f"{type(source).__name__} cannot be sent as live audio; pass the path or bytes of one recording, or an "
            "iterable of chunks (bytes)"
        )
    return _beginning_with(_bytes(await anext(chunks, b"")), chunks)


async def _from_thread(chunks: Iterator[object]) -> AsyncGenerator[object, None]:
    """Read an iterator in a worker thread, because it may wait for a device and must not block the event loop."""
    while (item := await asyncio.to_thread(next, chunks, _END)) is not _END:
        yield item


async def paced(
    blocks: Iterator[bytes], *, chunk_ms: int, speed: float | None, clock: Clock
) -> AsyncGenerator[bytes, None]:
    """Cut blocks of raw audio into chunks, and yield each when it would have been spoken."""
    size = chunk_ms * _BYTES_PER_MS
    begun_s, given_ms = clock.now(), 0.0
    rest = b""
    while (block := await asyncio.to_thread(next, blocks, None)) is not None:
        rest += block
        whole = len(rest) // size * size
        for start in range(0, whole, size):
            given_ms += chunk_ms
            if speed is not None:
                await clock.sleep(begun_s + given_ms / speed / 1000 - clock.now())
            yield rest[start : start + size]
        rest = rest[whole:]
    if rest:
        if speed is not None:
            given_ms += len(rest) / _BYTES_PER_MS
            await clock.sleep(begun_s + given_ms / speed / 1000 - clock.now())
        yield rest


async def _beginning_with(first: bytes, others: AsyncIterator[object]) -> AsyncGenerator[bytes, None]:
    try:
        yield first
        async for chunk in others:
            yield _bytes(chunk)
    finally:
        if isinstance(others, AsyncGenerator):  # it may hold a sound card open
            await others.aclose()


def _bytes(chunk: object) -> bytes:
    if not isinstance(chunk, bytes | bytearray | memoryview):
        raise OptionsError(f"a chunk of live audio is of type {type(chunk).__name__}; it must be bytes")
    return bytes(chunk)
