"""Samples of single channels of an audio file, decoded a little at a time.

Conventions: channels count from 0 here, as positions in an array, and from 1 everywhere else. Packets that cannot be
decoded are skipped. If the number of channels changes within a file, the last channel of a frame with fewer channels
stands for the missing channels.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from soniox_ds.files.media import open_media
from soniox_ds.sources.containers import CONTAINERS, HEAD_BYTES, sniff, tag_size
from soniox_ds.sources.stores import AudioSource, opened

__all__ = [
    "UnusableAudio",
    "channel_of_frame",
    "channels_differ",
    "decoded_frames",
    "is_deep",
    "opened_audio",
    "samples_of",
]

_LOOKS = 4
"""Number of places at which the channels are compared, evenly spread over the recording."""
_LOOK_MS = 2_000
_SAME = 1e-4  # The power of the difference, as a share of the power of the channels: 40 dB below them.


class UnusableAudio(Exception):
    """Audio that cannot be transcribed, for use within the package. `error_type` is the slug of the failed row."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


@contextlib.contextmanager
def opened_audio(source: AudioSource) -> Iterator[tuple[Any, int, str]]:
    """Open audio, and return the media, its sampling rate and the name of its container.

    Raises
    ------
    UnusableAudio
        If the audio cannot be opened, or an error of the decoder escapes from the block.
    OSError
        If the file cannot be read.
    """
    import av  # PyAV is slow to import, so it is imported only here.

    with opened(source) as file:
        head = file.read(HEAD_BYTES)
        if (tag := tag_size(head)) > HEAD_BYTES // 2:
            file.seek(tag)
            head = file.read(HEAD_BYTES)
        container, words = sniff(head)
        if container is None:
            raise UnusableAudio("unsupported_container", f"is {words}")
        file.seek(0)
        try:
            with open_media(file, format=CONTAINERS[container].demuxer) as media:
                yield media, media.streams.audio[0].codec_context.sample_rate, container
        except (av.error.FFmpegError, ValueError) as error:
            if isinstance(error, OSError) and not isinstance(error, av.error.FFmpegError):
                raise
            raise UnusableAudio(
                "undecodable_audio", f"cannot be decoded ({getattr(error, 'strerror', None) or error}); export it again"
            ) from error


def decoded_frames(media: Any) -> Iterator[Any]:
    """Yield the decoded frames of the first audio track."""
    import av

    audio = media.streams.audio[0]
    for packet in media.demux(audio):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue  # The packet is damaged; the following packets may be intact.
        for frame in frames:
            if frame.sample_rate != audio.codec_context.sample_rate:
                raise ValueError("its sampling rate changes")
            yield frame


def samples_of(frame: Any) -> npt.NDArray[np.float64]:
    """Return the samples of a frame as an array of channels and samples, with values from -1 to 1."""
    samples: npt.NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.uint8:
        return (samples - 128.0) / 128.0
    if np.issubdtype(samples.dtype, np.integer):
        return samples / -float(np.iinfo(samples.dtype).min)
    return samples.astype(np.float64)


def channel_of_frame(frame: Any, channel: int) -> Any:
    """Return a mono frame with the samples of one channel, which counts from 1."""
    import av

    samples: npt.NDArray[Any] = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    number = min(channel, len(samples)) - 1
    mono = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[number : number + 1]), frame.format.name, "mono")
    mono.sample_rate, mono.pts, mono.time_base = frame.sample_rate, frame.pts, frame.time_base
    return mono


def is_deep(codec: Any) -> bool:
    """Return True if the samples need more than 16 bits: uncompressed or lossless audio of 24 bits or more."""
    name = codec.format.name.removesuffix("p")
    return name in ("s32", "s64", "dbl") or (name == "flt" and codec.name.startswith("pcm_"))


def channels_differ(file: BinaryIO, container: str, duration_ms: int) -> bool:
    """Return True if the channels of a file are not the same, as far as four excerpts of two seconds show.

    Channels count as the same if the difference between them is at least 40 dB quieter than the channels themselves.
    Differences outside the excerpts are not seen.
    """
    import av

    try:
        with open_media(file, format=CONTAINERS[container].demuxer) as media:
            for look in range(_LOOKS):
                if look:
                    media.seek(int(duration_ms * look / _LOOKS / 1000 * av.time_base))
                if _differ_here(media):
                    return True
    except (av.error.FFmpegError, ValueError):
        pass  # Some files cannot be read from the middle. Their beginning was compared.
    return False


def _differ_here(media: Any) -> bool:
    compared_ms = 0.0
    for frame in decoded_frames(media):
        samples = samples_of(frame)
        difference = float(np.square(samples - samples[:1]).sum())
        if difference > _SAME * float(np.square(samples).sum()):
            return True
        compared_ms += frame.samples * 1000 / frame.sample_rate
        if compared_ms >= _LOOK_MS:
            break
    return False
