"""Copies of audio files in which some stretches are replaced by a tone or by silence."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from soniox_ds.exceptions import InputError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.media import open_media

__all__ = ["write_redacted"]

BEEP_HZ = 1000
_LEVEL = 0.1  # The tone is clearly audible, and quieter than most speech.
_FULL_SCALE = 2**15 - 1
_TOLERANCE_MS = 500
"""Largest difference between durations of the same audio: codecs add some 100 ms, and tables may round to seconds."""


def write_redacted(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    stretches: Sequence[tuple[int, int]],
    *,
    beep: bool,
    duration_ms: int | None = None,
) -> None:
    """Write a FLAC copy of a recording, with some stretches replaced by a tone or by silence.

    The copy has the same sample rate, channels and length as the recording, so that all times stay valid. A stretch is
    replaced in all channels. Metadata of the file (title, pictures) are not copied.

    Parameters
    ----------
    source
        The recording, in any container that PyAV reads.
    target
        The FLAC file to write. Its folder is created if it does not exist.
    stretches
        Start and end of each stretch in milliseconds. They may overlap.
    beep
        True for a tone of 1000 Hz, False for silence.
    duration_ms
        Duration of the audio that was transcribed, in milliseconds. A recording whose duration differs by more than
        500 ms is refused. None skips this check, for example after the hash of the file has been compared.

    Raises
    ------
    InputError
        If the audio cannot be read, ends before a stretch begins or has another duration, or if the copy cannot be
        written.
    """
    import av

    Path(target).parent.mkdir(parents=True, exist_ok=True)
    try:
        with replacing(target) as beside, open_media(os.fspath(source)) as container:
            stream = container.streams.audio[0]
            with av.open(str(beside), "w", format="flac") as written:
                encoder = written.add_stream("flac", rate=stream.rate, layout=stream.layout.name)
                resampler = av.AudioResampler(format="s16p", layout=stream.layout.name, rate=stream.rate)
                position = 0
                for frame in chain(container.decode(stream), [None]):
                    for part in resampler.resample(frame):
                        samples = _replaced(part.to_ndarray().astype(np.int16), position, stream.rate, stretches, beep)
                        interleaved = samples.T.reshape(1, -1)
                        piece = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=stream.layout.name)
                        piece.sample_rate, piece.pts = stream.rate, position
                        position += part.samples
                        written.mux(encoder.encode(piece))
                written.mux(encoder.encode(None))
            if beyond := [start_ms for start_ms, _ in stretches if start_ms * stream.rate >= position * 1000]:
                raise InputError(
                    f"the audio of {os.fspath(source)} ends after {position / stream.rate:.1f} s, before the words at "
                    f"{beyond[0] / 1000:.1f} s, so it is not the audio that was transcribed."
                )
            if duration_ms is not None and abs(position * 1000 / stream.rate - duration_ms) > _TOLERANCE_MS:
                raise InputError(
                    f"the audio of {os.fspath(source)} lasts {position / stream.rate:.1f} s, but "
                    f"{duration_ms / 1000:.1f} s were transcribed, so it is not the audio that was transcribed. Put "
                    "that file in its place, or use audio=None."
                )
    except (av.FFmpegError, IndexError) as error:
        raise InputError(f"the audio of {os.fspath(source)} cannot be read and redacted: {error}.") from error


def _replaced(
    samples: npt.NDArray[np.int16], position: int, rate: int, stretches: Sequence[tuple[int, int]], beep: bool
) -> npt.NDArray[np.int16]:
    """Return samples with the stretches replaced.

    `samples` has one row for each channel. `position` is the position of its first column in the recording.
    """
    samples = samples.copy()
    n_frames = samples.shape[1]
    for start_ms, end_ms in stretches:
        first = min(max(start_ms * rate // 1000 - position, 0), n_frames)
        last = min(max(-(-end_ms * rate // 1000) - position, 0), n_frames)
        times_s = np.arange(position + first, position + last) / rate
        samples[:, first:last] = np.sin(2 * np.pi * BEEP_HZ * times_s) * (_LEVEL * _FULL_SCALE if beep else 0)
    return samples
