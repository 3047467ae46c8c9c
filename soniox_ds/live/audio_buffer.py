"""Buffer of the audio on its way to the service, kept until it is settled.

Conventions: a position is a number of bytes since the start of the recording. For raw audio it is always a multiple of
the size of a sample of all channels. Milliseconds are on the recording's timeline. Packed formats (mp3, ogg, ...) have
no times and must be kept from their first byte.
"""

from __future__ import annotations

from soniox_ds.options import LiveOptions

__all__ = ["AudioLine"]


class AudioLine:
    """A growing stretch of audio whose settled beginning is dropped.

    Examples
    --------
    >>> line = AudioLine(LiveOptions(audio_format="pcm_s16le", sample_rate=16_000, num_channels=1))
    >>> line.append(bytes(6400))
    >>> line.end, line.ms(line.end), line.at(150)
    (6400, 200.0, 4800)
    >>> line.forget_before(100)
    >>> line.start, len(line.read(3200, 10_000))
    (3200, 3200)
    """

    def __init__(self, options: LiveOptions) -> None:
        self._bytes_per_ms = options.bytes_per_ms
        self._frame = options.bytes_per_frame
        self._kept = bytearray()
        self.start = 0
        """Position of the first byte that is kept."""

    @property
    def end(self) -> int:
        """Position after the last byte."""
        return self.start + len(self._kept)

    @property
    def is_timed(self) -> bool:
        """True for raw audio, whose positions can be converted to times."""
        return self._bytes_per_ms is not None

    def append(self, audio: bytes) -> None:
        """Add audio at the end."""
        self._kept += audio

    def read(self, position: int, most: int) -> bytes:
        """Return at most `most` bytes from a position that is still kept, cut to whole samples."""
        if position < self.start:
            raise ValueError(f"the audio before byte {self.start} is no longer kept, but byte {position} was requested")
        begin = position - self.start
        size = min(most, len(self._kept) - begin)
        return bytes(self._kept[begin : begin + size // self._frame * self._frame])

    def ms(self, position: int) -> float | None:
        """Return the time of a position; None for packed formats."""
        return None if self._bytes_per_ms is None else position / self._bytes_per_ms

    def at(self, ms: float) -> int:
        """Return the position of a time; 0 for packed formats, for which only the start is known."""
        if self._bytes_per_ms is None:
            return 0
        return min(int(ms * self._bytes_per_ms) // self._frame * self._frame, self.end)

    def forget_before(self, ms: float) -> None:
        """Drop the audio before a time. Packed formats keep everything."""
        position = self.at(ms)
        if self.is_timed and position > self.start:
            del self._kept[: position - self.start]
            self.start = position

    def skip_to(self, ms: float) -> None:
        """Start at a later time, because the audio before it is not handed over."""
        if self._bytes_per_ms is None or self._kept:
            raise ValueError("only raw audio can begin later, and only before any audio was passed on")
        self.start = int(ms * self._bytes_per_ms) // self._frame * self._frame
