"""Audio files: validity, duration and samples.

Conventions: samples are mono, float32 between -1 and 1, at 16 kHz. Channels are mixed, because tokens have no channel.
Containers that the service does not list are undecodable, and so are text, images, and noise that resembles a header.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from soniox_ds.emulator.recognizers import Pcm, UndecodableAudio

__all__ = ["CONTAINERS", "SAMPLE_RATE", "decode_file", "duration_ms", "mono_resampler", "open_media", "samples_of"]

SAMPLE_RATE = 16_000

CONTAINERS = {
    "aac": "aac",
    "aiff": "aiff",
    "amr": "amr",
    "asf": "asf",
    "flac": "flac",
    "mp3": "mp3",
    "ogg": "ogg",
    "wav": "wav",
    "webm": "matroska,webm",
    "m4a": "mov,mp4,m4a,3gp,3g2,mj2",
    "mp4": "mov,mp4,m4a,3gp,3g2,mj2",
}
"""The decoder's name of each container, by the service's name."""

# Format tags: PCM, float, A-law, mu-law, and the extensible form of these.
_PLAIN_WAV = {1, 3, 6, 7, 0xFFFE}

# Containers whose header may omit the length, or state more than the file contains.
_UNRELIABLE = {"aac", "mp3", "wav", "amr", "aiff", "flac", "ogg"}


def duration_ms(path: Path) -> int:
    """Return the length of a recording in ms; raises UndecodableAudio unless its first samples can be decoded."""
    plain_ms = _plain_wav_ms(path)
    if plain_ms is not None:
        return plain_ms
    with _open(path) as container:
        is_decoded, end_s = _first_to_last(container)
        if not is_decoded:
            raise UndecodableAudio("the audio cannot be decoded, or there is no audio")
        if container.duration is not None and container.format.name not in _UNRELIABLE:
            end_s = container.duration / av.time_base
    return max(1, round(end_s * 1000))


def decode_file(path: Path) -> Pcm:
    """Decode all samples of a recording; raises UndecodableAudio.

    A packet that cannot be decoded is skipped, as in ffmpeg: joined files have tags in their middle. A truncated file
    is decoded up to its end.
    """
    parts: list[Pcm] = []
    trouble: av.FFmpegError | None = None
    with _open(path) as container:
        resampler = mono_resampler()
        try:
            for packet in container.demux(container.streams.audio[0]):
                try:
                    frames = packet.decode()
                except av.FFmpegError as error:
                    trouble = error
                    continue
                for frame in frames:
                    parts.extend(samples_of(resampler.resample(frame)))
            parts.extend(samples_of(resampler.resample(None)))
        except av.FFmpegError as error:
            trouble = error
    if not parts:
        reason = f"the audio cannot be decoded: {trouble.strerror}" if trouble else "no audio in the file"
        raise UndecodableAudio(reason) from trouble
    return np.concatenate(parts)


def mono_resampler() -> av.AudioResampler:
    """Return a resampler from frames of any rate and layout to mono float samples at 16 kHz."""
    return av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)


def open_media(file: Any, **options: Any) -> av.container.InputContainer:
    """Open a file for reading, even if its tags are not written in UTF-8.

    PyAV 19 does so by default and no longer has the argument for it.
    """
    if int(av.__version__.partition(".")[0]) < 19:
        options["metadata_errors"] = "replace"
    container: av.container.InputContainer = av.open(file, mode="r", **options)
    return container


def samples_of(frames: list[av.AudioFrame]) -> Iterator[Pcm]:
    """Yield the samples of resampled frames."""
    for frame in frames:
        yield frame.to_ndarray().reshape(-1).astype(np.float32)


def _open(path: Path) -> av.container.InputContainer:
    try:
        container = open_media(str(path))
    except (av.FFmpegError, ValueError) as error:
        raise UndecodableAudio("the file cannot be opened as audio") from error
    if container.format.name not in CONTAINERS.values() or not container.streams.audio:
        container_format = container.format.name if container.streams.audio else "no audio stream"
        container.close()
        raise UndecodableAudio(f"unsupported audio ({container_format}); supported are {', '.join(CONTAINERS)}")
    return container


def _first_to_last(container: av.container.InputContainer) -> tuple[bool, float]:
    """Return whether any packet can be decoded, and the seconds from the first packet to the end of the last."""
    stream = container.streams.audio[0]
    is_decoded = False
    seconds = 0.0
    first: int | None = None
    end = 0
    try:
        for packet in container.demux(stream):
            is_decoded = is_decoded or _is_decodable(packet)
            length = packet.duration or 0
            if packet.size and packet.pts is not None:
                first = packet.pts if first is None else first
                end = max(end, packet.pts + length)
            seconds += length
    except av.FFmpegError:
        # A truncated file is as long as its readable part.
        if not is_decoded:
            return False, 0.0
    ticks = end - first if first is not None and end > first else seconds
    return is_decoded, float(ticks * stream.time_base) if stream.time_base else 0.0


def _is_decodable(packet: Any) -> bool:
    try:
        return bool(packet.decode())
    except av.FFmpegError:
        return False


def _plain_wav_ms(path: Path) -> int | None:
    """Return the length of an uncompressed WAV file from its header and size; None for other files.

    These files are the most common. Reading the header is a hundred times as fast as the decoder, which handles the
    other files.
    """
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        bytes_per_s = 0
        while len(chunk := file.read(8)) == 8:
            size = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"fmt " and 16 <= size <= 64:
                fields = struct.unpack_from("<HHIIHH", file.read(size + size % 2))
                if fields[0] not in _PLAIN_WAV or not fields[3]:
                    return None
                bytes_per_s = fields[3]
            elif chunk[:4] == b"data":
                # A header may state more than the file contains: it was truncated, or written as a stream.
                available = min(size, path.stat().st_size - file.tell())
                return max(1, round(available * 1000 / bytes_per_s)) if bytes_per_s and available > 0 else None
            else:
                file.seek(size + size % 2, os.SEEK_CUR)
    return None
