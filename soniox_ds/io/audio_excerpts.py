"""Short pieces of recordings, small enough to stand in a page or to be sent to one.

Conventions: a piece is mono Ogg Opus of speech quality, some 4 kB per second. The file must still be the one that was
transcribed: where its size or hash differs, it is not played. Times count from the first sample.
"""

from __future__ import annotations

import hashlib
import io
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from soniox_ds.io.media import open_media

__all__ = ["MIME_TYPE", "Excerpt", "excerpt", "opus", "why_not"]

MIME_TYPE = "audio/ogg"

_RATE = 48_000
_BITS_PER_S = 24_000
_BLOCK = 1 << 20


class Excerpt(NamedTuple):
    """An Ogg Opus file, or b"" and the reason why there is none."""

    audio: bytes
    reason: str


def excerpt(recording: Any, start_ms: int, end_ms: int, *, root: Path | None = None) -> Excerpt:
    """A piece of a recording's audio.

    Parameters
    ----------
    recording
        A row of ``schema.RECORDINGS``: `source`, `size_bytes`, `sha256`.
    start_ms, end_ms
        From where to where.
    root
        The folder that a relative `source` starts from; None for the working directory.
    """
    import av

    if reason := why_not(recording, root=root):
        return Excerpt(b"", reason)
    path = _path_of(recording, root)
    try:
        if not _is_the_same(path, recording):
            return Excerpt(b"", "the audio file is not the one that was transcribed")
        audio = _encoded(path, start_ms / 1000, end_ms / 1000)
    except (OSError, av.FFmpegError) as error:
        return Excerpt(b"", f"the audio cannot be read: {error.strerror}")
    return Excerpt(audio, "" if audio else "the audio ends before")


def opus(samples: bytes, rate: int) -> bytes:
    """Mono 16-bit samples as Ogg Opus.

    >>> opus(bytes(32_000), 16_000)[:4]
    b'OggS'
    """
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as target:
        encoder = target.add_stream("libopus", rate=_RATE, layout="mono", bit_rate=_BITS_PER_S)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=_RATE)
        block = rate * 2
        for start in range(0, len(samples), block):
            pcm = np.frombuffer(samples[start : start + block], "<i2").reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start // 2, Fraction(1, rate)
            for part in resampler.resample(frame):
                target.mux(encoder.encode(part))
        for part in resampler.resample(None):
            target.mux(encoder.encode(part))
        target.mux(encoder.encode(None))
    return file.getvalue()


def why_not(recording: Any, *, root: Path | None = None) -> str:
    """Why there can be no piece of this recording, as far as that is seen without reading it; "" if nothing speaks
    against it.

    >>> why_not({"source": "https://example.org/a.wav"})
    'the audio is at a URL, which is not fetched'
    """
    source = recording["source"]
    if source is None or pd.isna(source) or not source:
        return "the audio was handed over as bytes"
    if "://" in source:
        return "the audio is at a URL, which is not fetched"
    try:
        there = _path_of(recording, root).is_file()
    except OSError as error:
        return f"the audio cannot be read: {error.strerror}"
    return "" if there else "the audio file is no longer there"


def _path_of(recording: Any, root: Path | None) -> Path:
    return Path(recording["source"]) if root is None else root / recording["source"]


def _is_the_same(path: Path, recording: Any) -> bool:
    stat = path.stat()
    if not pd.isna(recording["size_bytes"]) and stat.st_size != recording["size_bytes"]:
        return False
    if pd.isna(recording["sha256"]):
        return True
    return _sha256(path, stat.st_size, stat.st_mtime_ns) == str(recording["sha256"]).lower()


@lru_cache(maxsize=4096)
def _sha256(path: Path, size_bytes: int, changed_ns: int) -> str:
    """Of a long recording many pieces may be wanted; size and time of change tell whether it is still the same file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _encoded(path: Path, start_s: float, end_s: float) -> bytes:
    """The samples between two times as Ogg Opus; b"" where there are none."""
    import av

    file = io.BytesIO()
    written = 0
    with open_media(str(path)) as source, av.open(file, "w", format="ogg") as target:
        stream = source.streams.audio[0]
        base = float((stream.start_time or 0) * (stream.time_base or 0))
        if start_s > 1:  # a little before, so that the decoder has settled
            source.seek(int((base + start_s - 1) * av.time_base))
        encoder = target.add_stream("libopus", rate=_RATE, layout="mono", bit_rate=_BITS_PER_S)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=_RATE)
        heard_s = None  # where in the recording the next resampled sample lies
        for frame in source.decode(stream):
            at_s = (frame.time or 0.0) - base
            if at_s >= end_s:
                break
            heard_s = at_s if heard_s is None else heard_s
            for part in resampler.resample(frame):
                samples = part.to_ndarray()
                first = round((start_s - heard_s) * _RATE)
                last = round((end_s - heard_s) * _RATE)
                heard_s += samples.shape[1] / _RATE
                own = samples[:, max(first, 0) : max(last, 0)]
                if own.shape[1]:
                    piece = av.AudioFrame.from_ndarray(own, format="flt", layout="mono")
                    piece.sample_rate, piece.pts, piece.time_base = _RATE, written, Fraction(1, _RATE)
                    written += own.shape[1]
                    target.mux(encoder.encode(piece))
        target.mux(encoder.encode(None))
    return file.getvalue() if written else b""
