"""Short pieces of the recordings, small enough to stand in the page.

Conventions: a piece is mono Ogg Opus of speech quality, some 4 kB per second, as a data URI. The file must still be the
one that was transcribed: where its size or hash differs, it is not played. Times count from the first sample.
"""

from __future__ import annotations

import base64
import hashlib
import io
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av

from soniox_ds.views.markup import known

__all__ = ["LONGEST_MS", "Piece", "cut"]

LONGEST_MS = 15_000
"""No piece is longer; of a longer place it is the beginning."""

_RATE = 48_000
_BITS_PER_S = 24_000
_BLOCK = 1 << 20


class Piece(NamedTuple):
    """A data URI, or "" and the reason why there is none."""

    uri: str
    reason: str


def cut(recording: Any, start_ms: int, end_ms: int) -> Piece:
    """A piece of a recording's audio.

    Parameters
    ----------
    recording
        A row of ``schema.RECORDINGS``: `source`, `size_bytes`, `sha256`.
    start_ms, end_ms
        From where to where; cut off after `LONGEST_MS`.
    """
    source = recording["source"] if known(recording["source"]) else ""
    if not source:
        return Piece("", "the audio was handed over as bytes")
    if "://" in source:
        return Piece("", "the audio is at a URL, which a report does not fetch")
    path = Path(source)
    try:
        if not path.is_file():
            return Piece("", "the audio file is no longer there")
        if not _is_the_same(path, recording):
            return Piece("", "the audio file is not the one that was transcribed")
        audio = _encoded(path, start_ms / 1000, min(end_ms, start_ms + LONGEST_MS) / 1000)
    except (OSError, av.FFmpegError) as error:
        return Piece("", f"the audio cannot be read: {error.strerror}")
    if not audio:
        return Piece("", "the audio ends before")
    return Piece("data:audio/ogg;base64," + base64.b64encode(audio).decode("ascii"), "")


def _is_the_same(path: Path, recording: Any) -> bool:
    if known(recording["size_bytes"]) and path.stat().st_size != recording["size_bytes"]:
        return False
    if not known(recording["sha256"]):
        return True
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest() == str(recording["sha256"]).lower()


def _encoded(path: Path, start_s: float, end_s: float) -> bytes:
    """The samples between two times as Ogg Opus; b"" where there are none."""
    file = io.BytesIO()
    written = 0
    with av.open(str(path)) as source, av.open(file, "w", format="ogg") as target:
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
