"""Parts of a recording that are jobs of their own: single channels, and stretches of long recordings.

Conventions: a part is one channel (or all channels mixed) of one stretch of time. A recording has one part for each
channel and stretch. The parts of a recording are ordered by stretch, then by channel. A part that is *cut* is written
as a mono FLAC file at the original sampling rate, in 16 or 24 bits; a part that is not cut is the file itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from soniox_ds.sources.channels import UnusableAudio, decoded_frames, is_deep, opened_audio, samples_of
from soniox_ds.sources.inspection import too_large, too_long
from soniox_ds.sources.recording import Recording
from soniox_ds.sources.stores import AudioSource

__all__ = ["Part", "longest_stretch_ms", "part_of_recording", "parts_of", "write_part"]

_FULL = 0.98  # The share of the largest file that the samples may take up. FLAC makes noise a little larger.
_SEEKABLE = ("aiff", "flac", "mp4", "wav")  # Of these containers, the times of frames are exact after a seek.
_BEFORE_S = 1.0  # Decoding begins a little before a stretch, so that the decoder has settled.


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a recording that is a job of its own."""

    channel: int | None = None
    """Number of the channel, from 1; None for all channels mixed."""
    stretch: int = 1
    """Number of the stretch, from 1."""
    start_ms: int = 0
    end_ms: int | None = None
    """End of the stretch; None for the end of the recording."""
    is_cut: bool = False
    """True if the part is written as a file of its own; False if the whole file is sent."""

    @property
    def key(self) -> str:
        """Return the text that distinguishes this part from the whole file, for which it is empty."""
        if not self.is_cut:
            return ""
        end = "end" if self.end_ms is None else self.end_ms
        return f"channel {self.channel or 'mix'} from {self.start_ms} to {end}"

    @property
    def name(self) -> str:
        """The name of the part in messages; empty for the whole file.

        >>> Part(channel=2, stretch=3, start_ms=7000, is_cut=True).name
        'channel 2, part 3'
        """
        if not self.is_cut:
            return ""
        channel = [] if self.channel is None else [f"channel {self.channel}"]
        stretch = [] if self.start_ms == 0 and self.end_ms is None else [f"part {self.stretch}"]
        return ", ".join([*channel, *stretch])


def longest_stretch_ms(recording: Recording, max_bytes: float, max_duration_ms: float) -> int:
    """Return the longest stretch of one channel that certainly fits into one job."""
    bytes_per_s = recording.channel_bytes_per_s or 1
    return int(min(max_duration_ms, max_bytes * _FULL / bytes_per_s * 1000))


def parts_of(
    recording: Recording,
    *,
    is_separate: bool,
    is_split: bool,
    cuts_ms: list[int] | None,
    max_bytes: float,
    max_duration_ms: float,
) -> list[Part] | None:
    """Return the parts of an inspected recording, or None if its cut points are needed first.

    Parameters
    ----------
    recording
        A recording whose audio is on this machine.
    is_separate, is_split
        True for ``channels="separate"`` and for ``split="auto"``.
    cuts_ms
        Cut points of the recording (`cut_points` for `longest_stretch_ms`); None if they are not known.
    max_bytes, max_duration_ms
        Limits of one job.

    Raises
    ------
    UnusableAudio
        If the recording is above the limits and is not split.
    """
    size_bytes, duration_ms, count = recording.size_bytes or 0, recording.duration_ms or 0, recording.channels or 1
    is_small = size_bytes <= max_bytes and duration_ms <= max_duration_ms
    is_divided = is_separate and count > 1
    if not is_divided and is_small:
        return [Part(channel=1 if is_separate else None)]
    if not is_split:
        if duration_ms > max_duration_ms:
            raise too_long(duration_ms, max_duration_ms)
        if not is_divided:
            raise too_large(size_bytes, max_bytes)
        cuts_ms = []
    elif duration_ms <= longest_stretch_ms(recording, max_bytes, max_duration_ms):
        cuts_ms = []
    if cuts_ms is None:
        return None
    channels = range(1, count + 1) if is_separate else [None]
    borders: list[int | None] = [0, *cuts_ms, None]
    return [
        Part(channel=channel, stretch=stretch, start_ms=start_ms or 0, end_ms=end_ms, is_cut=True)
        for stretch, (start_ms, end_ms) in enumerate(pairwise(borders), start=1)
        for channel in channels
    ]


def part_of_recording(recording: Recording, part: Part) -> Recording:
    """Return the recording of one part, for its job. Its size is not known before it is written."""
    if not part.is_cut:
        return replace(recording, url=recording.url if recording.is_remote else None)
    end_ms = recording.duration_ms if part.end_ms is None else part.end_ms
    stem, _ = os.path.splitext(recording.filename)
    number = "" if part.start_ms == 0 and part.end_ms is None else f".part{part.stretch}"
    channel = "" if part.channel is None else f".ch{part.channel}"
    return replace(
        recording,
        audio_id=f"{recording.audio_id} ({part.name})" if part.name else recording.audio_id,
        url=None,
        filename=f"{stem}{number}{channel}.flac",
        size_bytes=None,
        duration_ms=None if end_ms is None else max(0, end_ms - part.start_ms),
    )


def write_part(source: AudioSource, part: Part, target: Path, is_stopped: Callable[[], bool] = lambda: False) -> None:
    """Write a part of a recording as a mono FLAC file. Memory use does not grow with the recording.

    Nothing more is written once `is_stopped` returns True.

    Raises
    ------
    UnusableAudio
        If the audio cannot be decoded, or has no sample in this part.
    OSError
        If a file cannot be read or written.
    """
    import av  # PyAV is slow to import, so it is imported only here.

    with opened_audio(source) as (media, rate, container):
        deep = is_deep(media.streams.audio[0].codec_context)
        first = part.start_ms * rate // 1000
        last = None if part.end_ms is None else part.end_ms * rate // 1000
        count = 0
        with av.open(str(target), "w", format="flac") as output:
            encoder = output.add_stream("flac", rate=rate, layout="mono")
            encoder.codec_context.format = "s32" if deep else "s16"
            for samples in _samples_between(media, container, part.channel, first, last):
                frame = av.AudioFrame.from_ndarray(_integers(samples, deep), "s32" if deep else "s16", "mono")
                frame.sample_rate, frame.pts, frame.time_base = rate, count, Fraction(1, rate)
                count += len(samples)
                if is_stopped():
                    return
                output.mux(encoder.encode(frame))
            if count:
                output.mux(encoder.encode(None))
    if not count:
        raise UnusableAudio("undecodable_audio", f"has no audio in {part.name or 'it'}")


def _samples_between(
    media: Any, container: str, channel: int | None, first: int, last: int | None
) -> Iterator[npt.NDArray[np.float64]]:
    """Yield the samples of a channel, or the mean of all channels, from sample `first` up to sample `last`."""
    audio = media.streams.audio[0]
    rate = audio.codec_context.sample_rate
    position: int | None = 0
    if container in _SEEKABLE and first > 2 * _BEFORE_S * rate and audio.time_base is not None:
        base_s = float((audio.start_time or 0) * audio.time_base)
        media.seek(int((base_s + first / rate - _BEFORE_S) / audio.time_base), stream=audio)
        position = None
    for frame in decoded_frames(media):
        if position is None:
            position = round((frame.time - base_s) * rate)
            if position > first:
                raise ValueError("its times jump")
        begin, end = max(first - position, 0), frame.samples if last is None else last - position
        position += frame.samples
        if end <= 0:
            return
        if begin < min(end, frame.samples):
            samples = samples_of(frame)[:, begin:end]
            yield samples.mean(axis=0) if channel is None else samples[min(channel, len(samples)) - 1]


def _integers(samples: npt.NDArray[np.float64], deep: bool) -> npt.NDArray[Any]:
    scale = 2.0**31 if deep else 2.0**15
    whole = np.clip(np.rint(samples * scale), -scale, scale - 1)
    return whole.astype(np.int32 if deep else np.int16)[np.newaxis]
