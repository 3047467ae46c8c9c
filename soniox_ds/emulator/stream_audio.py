"""Decoding of audio streams: raw samples with numpy, containers with the decoder library.

Conventions: the result is always mono float32 samples between -1 and 1 at 16 kHz. Channels are averaged. A decoder
returns all samples that can be decoded from the bytes received so far, so that audio that arrives before a ``finalize``
is recognized before it. Decoding blocks the thread. The decoder of a session is used by one thread at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from soniox_ds.emulator.audio import CONTAINERS, SAMPLE_RATE, mono_resampler, open_media, samples_of
from soniox_ds.emulator.recognizers import Pcm, UndecodableAudio

__all__ = ["CONTAINER_FORMATS", "ContainerDecoder", "Decoder", "RawDecoder", "decoder_for", "is_raw"]

CONTAINER_FORMATS = ("auto", "aac", "aiff", "amr", "asf", "flac", "mp3", "ogg", "wav", "webm")
"""Audio formats of streams. m4a and mp4 cannot be streamed."""

_DEMUXERS = {CONTAINERS[name] for name in CONTAINER_FORMATS[1:]}
_NOTHING: Pcm = np.zeros(0, np.float32)
_JOIN_S = 5.0


class Decoder(Protocol):
    """A decoder of bytes to samples."""

    def feed(self, data: bytes) -> Pcm:
        """Decode more bytes; raises UndecodableAudio."""

    def finish(self) -> Pcm:
        """Decode the rest after the last bytes; raises UndecodableAudio."""

    def close(self) -> None:
        """Release all resources."""


def is_raw(audio_format: str) -> bool:
    """Return True if a format has no header, so that the sampling rate and the number of channels must be given.

    >>> is_raw("pcm_s24be"), is_raw("mulaw"), is_raw("wav")
    (True, True, False)
    """
    return _raw(audio_format) is not None


def decoder_for(audio_format: str, sample_rate: int | None = None, num_channels: int | None = None) -> Decoder:
    """Return the decoder of a session."""
    if is_raw(audio_format):
        return RawDecoder(audio_format, sample_rate or SAMPLE_RATE, num_channels or 1)
    return ContainerDecoder(audio_format)


class RawDecoder:
    """A decoder of raw (headerless) audio with interleaved channels.

    The channels are averaged, as in this example with one sample of two channels:

    >>> RawDecoder("pcm_s16le", 16_000, 2).feed(bytes([0, 64, 0, 192])).tolist()
    [0.0]
    """

    def __init__(self, audio_format: str, sample_rate: int, num_channels: int) -> None:
        encoding = _raw(audio_format)
        if encoding is None:
            raise ValueError(f"{audio_format!r} is not a raw format")
        self._width, self._read = encoding
        self._rate = sample_rate
        self._channels = num_channels
        self._rest = b""
        self._resampler = None if sample_rate == SAMPLE_RATE else mono_resampler()
        self._position = 0

    def feed(self, data: bytes) -> Pcm:
        """Decode more bytes. An incomplete sample is kept until its remaining bytes arrive."""
        data = self._rest + data
        whole = len(data) // (self._width * self._channels) * (self._width * self._channels)
        self._rest = data[whole:]
        if not whole:
            return _NOTHING
        samples = np.nan_to_num(self._read(data[:whole]), nan=0.0, posinf=1.0, neginf=-1.0).clip(-1.0, 1.0)
        mono: Pcm = samples.reshape(-1, self._channels).mean(axis=1).astype(np.float32)
        if self._resampler is None:
            return mono
        frame = av.AudioFrame.from_ndarray(mono[None], format="flt", layout="mono")
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._position
        self._position += mono.size
        return _joined(list(samples_of(self._resampler.resample(frame))))

    def finish(self) -> Pcm:
        """Return the samples that the resampler still holds."""
        if self._resampler is None or not self._position:
            return _NOTHING
        return _joined(list(samples_of(self._resampler.resample(None))))

    def close(self) -> None:
        """Do nothing, because there are no resources."""


class ContainerDecoder:
    """A decoder of a container (such as WAV or Ogg) that decodes while the bytes arrive.

    The decoder library reads bytes by itself, so it runs in a separate thread. ``feed`` returns when this thread has
    consumed all bytes and waits for more.
    """

    def __init__(self, audio_format: str) -> None:
        self._format = None if audio_format == "auto" else CONTAINERS[audio_format].split(",")[0]
        self._turn = threading.Condition()
        self._bytes = bytearray()
        self._heard: list[Pcm] = []
        self._ended = False
        self._hungry = False
        self._done = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="soniox-local-decoder", daemon=True)
        self._thread.start()

    def feed(self, data: bytes) -> Pcm:
        """Decode more bytes and return the new samples."""
        with self._turn:
            self._bytes += data
            self._hungry = False
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._done or (self._hungry and not self._bytes))
            return self._take()

    def finish(self) -> Pcm:
        """Decode the rest."""
        with self._turn:
            self._ended = True
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._done)
            return self._take()

    def close(self) -> None:
        """End the thread."""
        with self._turn:
            self._ended = True
            self._bytes.clear()
            self._turn.notify_all()
        self._thread.join(_JOIN_S)

    def _take(self) -> Pcm:
        if self._error is not None:
            raise UndecodableAudio(f"the audio cannot be decoded ({type(self._error).__name__})") from self._error
        samples, self._heard = self._heard, []
        return _joined(samples)

    def _run(self) -> None:
        error: Exception | None = None
        try:
            self._decode()
        except (av.FFmpegError, ValueError, UndecodableAudio) as problem:
            error = problem
        finally:
            with self._turn:
                self._error = error
                self._done = True
                self._turn.notify_all()

    def _decode(self) -> None:
        # A stream is live, so it must be recognized from few bytes.
        options = {"probesize": "4096", "analyzeduration": "0"}
        resampler = mono_resampler()
        with open_media(_Pipe(self._read), format=self._format, options=options, buffer_size=4096) as container:
            known = self._format is not None or container.format.name in _DEMUXERS
            if not known or not container.streams.audio:
                raise UndecodableAudio("not a container that can be streamed")
            for frame in container.decode(container.streams.audio[0]):
                self._keep(resampler.resample(frame))
        self._keep(resampler.resample(None))

    def _keep(self, frames: list[av.AudioFrame]) -> None:
        parts = list(samples_of(frames))
        with self._turn:
            self._heard.extend(parts)

    def _read(self, size: int) -> bytes:
        """Wait for bytes and return up to `size` of them, or an empty string at the end."""
        with self._turn:
            while not self._bytes and not self._ended:
                self._hungry = True
                self._turn.notify_all()
                self._turn.wait()
            data = bytes(self._bytes[:size])
            del self._bytes[:size]
            return data


class _Pipe:
    """A file that can only be read."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read = read


def _joined(parts: list[Pcm]) -> Pcm:
    return np.concatenate(parts) if parts else _NOTHING


Read = Callable[[bytes], NDArray[np.float64]]


def _raw(audio_format: str) -> tuple[int, Read] | None:
    """Return the bytes per sample and the function that reads samples; None for formats that are not raw."""
    if audio_format in ("mulaw", "alaw"):
        table = _MULAW if audio_format == "mulaw" else _ALAW
        return 1, lambda data: table[np.frombuffer(data, np.uint8)]
    name = audio_format.removeprefix("pcm_")
    kind, bits, order = name[:1], name[1:3].rstrip("lb"), name[-2:]
    if name in ("s8", "u8", "s8le", "s8be", "u8le", "u8be"):
        bits, order = "8", "le"
    if kind not in ("s", "u", "f") or order not in ("le", "be") or name not in _RAW_NAMES:
        return None
    width = int(bits) // 8
    sign = "<" if order == "le" else ">"
    if kind == "f":
        return width, lambda data: np.frombuffer(data, f"{sign}f{width}").astype(np.float64)
    half = 2.0 ** (8 * width - 1)

    def read(data: bytes) -> NDArray[np.float64]:
        if width == 3:
            # numpy has no 24-bit type: each sample becomes the upper three bytes of 32 bits.
            padded = np.zeros((len(data) // 3, 4), np.uint8)
            padded[:, slice(1, 4) if order == "le" else slice(0, 3)] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            whole = padded.reshape(-1).view(f"{sign}u4").astype(np.int64) >> 8
        else:
            whole = np.frombuffer(data, f"{sign}u{width}").astype(np.int64)
        if kind == "s":
            whole = np.where(whole >= half, whole - int(2 * half), whole)
        else:
            whole -= int(half)
        scaled: NDArray[np.float64] = whole.astype(np.float64) / half
        return scaled

    return width, read


_RAW_NAMES = frozenset(
    [f"{kind}{bits}{order}" for kind in "su" for bits in (16, 24, 32) for order in ("le", "be")]
    + [f"f{bits}{order}" for bits in (32, 64) for order in ("le", "be")]
    + [f"{kind}8{order}" for kind in "su" for order in ("", "le", "be")]
)


def _mulaw_table() -> NDArray[np.float64]:
    """Return the table of ITU-T G.711 mu-law: inverted bits of sign, three of exponent, four of mantissa."""
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude) / 32_768


def _alaw_table() -> NDArray[np.float64]:
    """Return the table of ITU-T G.711 A-law: every other bit inverted, the sign bit set for positive values."""
    code = np.arange(256) ^ 0x55
    exponent = (code & 0x70) >> 4
    mantissa = (code & 0x0F) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude) / 32_768


_MULAW = _mulaw_table()
_ALAW = _alaw_table()
