"""Short excerpts of recordings, small enough to be part of an HTML page.

Conventions: an excerpt is mono Ogg Opus of speech quality, some 4 kB per second. If the size or hash of the file
differs from that of the transcribed file, there is no excerpt. Times count from the first sample.
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

from soniox_ds.files.media import open_media

__all__ = ["MIME_TYPE", "Excerpt", "excerpt", "is_unchanged", "opus", "why_not"]

MIME_TYPE = "audio/ogg"

_RATE = 48_000
_BITS_PER_S = 24_000
_BLOCK = 1 << 20


class Excerpt(NamedTuple):
    """An Ogg Opus file, or b"" and the reason why there is none."""

    audio: bytes
    reason: str


def excerpt(recording: Any, start_ms: int, end_ms: int, *, root: Path | None = None) -> Excerpt:
    """Return an excerpt of a recording's audio.

    Parameters
    ----------
    recording
        A row of ``schema.RECORDINGS`` with `source`, `size_bytes` and `sha256`. `source` may also be the content of
        the file.
    start_ms, end_ms
        Start and end of the excerpt in milliseconds.
    root
        Folder that a relative `source` starts from. None means the working directory.
    """
    import av

    if reason := why_not(recording, root=root):
        return Excerpt(b"", reason)
    source = recording["source"]
    try:
        if isinstance(source, bytes):
            audio = _encoded(io.BytesIO(source), start_ms / 1000, end_ms / 1000)
        elif is_unchanged(path := _path_of(recording, root), recording):
            audio = _encoded(str(path), start_ms / 1000, end_ms / 1000)
        else:
            return Excerpt(b"", "the audio file is not the one that was transcribed")
    except (OSError, av.FFmpegError) as error:
        return Excerpt(b"", f"the audio cannot be read: {error.strerror}")
    return Excerpt(audio, "" if audio else "the audio ends before")


def opus(samples: bytes, rate: int) -> bytes:
    """Encode mono 16-bit samples as Ogg Opus.

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
    """Return the reason why no excerpt of a recording can be made, or "" if no reason is known.

    The function checks where the audio is and whether the file exists, but does not read the file.

    >>> why_not({"source": "https://example.org/a.wav"})
    'the audio is at a URL, which is not fetched'
    """
    source = recording["source"]
    if source is None or pd.isna(source) or not source:
        return "no audio file of the recording is known"
    if isinstance(source, bytes):
        return ""
    if "://" in source:
        return "the audio is at a URL, which is not fetched"
    try:
        exists = _path_of(recording, root).is_file()
    except OSError as error:
        return f"the audio cannot be read: {error.strerror}"
    return "" if exists else "the audio file is no longer there"


def _path_of(recording: Any, root: Path | None) -> Path:
    return Path(recording["source"]) if root is None else root / recording["source"]


def is_unchanged(path: Path, recording: Any) -> bool:
    """Return True if the file has the size and the SHA-256 of the recording. Unknown values are not compared."""
    stat = path.stat()
    if not pd.isna(recording["size_bytes"]) and stat.st_size != recording["size_bytes"]:
        return False
    if pd.isna(recording["sha256"]):
        return True
    return _sha256(path, stat.st_size, stat.st_mtime_ns) == str(recording["sha256"]).lower()


@lru_cache(maxsize=4096)
def _sha256(path: Path, size_bytes: int, changed_ns: int) -> str:
    """Return the SHA-256 of a file. The hash is cached as long as the size and the modification time stay the same."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _encoded(audio: Any, start_s: float, end_s: float) -> bytes:
    """Return the audio of a path or open file between two times as Ogg Opus, or b"" if there is none."""
    import av

    file = io.BytesIO()
    written = 0
    with open_media(audio) as source, av.open(file, "w", format="ogg") as target:
        stream = source.streams.audio[0]
        base = float((stream.start_time or 0) * (stream.time_base or 0))
        if start_s > 1:  # Decoding begins a little earlier, so that the decoder has settled.
            source.seek(int((base + start_s - 1) * av.time_base))
        encoder = target.add_stream("libopus", rate=_RATE, layout="mono", bit_rate=_BITS_PER_S)
        resampler = av.AudioResampler(format="flt", layout="mono", rate=_RATE)
        position_s = None  # This is the position of the next resampled sample in the recording.
        for frame in source.decode(stream):
            at_s = (frame.time or 0.0) - base
            if at_s >= end_s:
                break
            position_s = at_s if position_s is None else position_s
            for part in resampler.resample(frame):
                samples = part.to_ndarray()
                first = round((start_s - position_s) * _RATE)
                last = round((end_s - position_s) * _RATE)
                position_s += samples.shape[1] / _RATE
                inside = samples[:, max(first, 0) : max(last, 0)]
                if inside.shape[1]:
                    piece = av.AudioFrame.from_ndarray(inside, format="flt", layout="mono")
                    piece.sample_rate, piece.pts, piece.time_base = _RATE, written, Fraction(1, _RATE)
                    written += inside.shape[1]
                    target.mux(encoder.encode(piece))
        target.mux(encoder.encode(None))
    return file.getvalue() if written else b""
