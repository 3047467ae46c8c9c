"""Audio on its way to the service: what was handed over, kept until it is settled.

Conventions: positions are bytes from the very start, always whole samples of all channels; milliseconds are those of
the recording's timeline. Packed formats (mp3, ogg, ...) have no times and must be kept from their first byte.
"""

from __future__ import annotations

from soniox_ds.options import StreamOptions

__all__ = ["AudioLine"]


class AudioLine:
    """A growing stretch of audio of which the settled beginning is forgotten.

    Examples
    --------
    >>> line = AudioLine(StreamOptions(audio_format="pcm_s16le", sample_rate=16_000, num_channels=1))
    >>> line.append(bytes(6400))
    >>> line.end, line.ms(line.end), line.at(150)
    (6400, 200.0, 4800)
    >>> line.forget_before(100)
    >>> line.start, len(line.read(3200, 10_000))
    (3200, 3200)
    """

    def __init__(self, options: StreamOptions) -> None:
        self._bytes_per_ms = options.bytes_per_ms
        self._frame = options.bytes_per_frame
        self._kept = bytearray()
        self.start = 0
        """Position of the first byte that is still there."""

    @property
    def end(self) -> int:
        """Position behind the last byte."""
        return self.start + len(self._kept)

    @property
    def is_timed(self) -> bool:
        """Whether positions are times: raw audio."""
        return self._bytes_per_ms is not None

    def append(self, audio: bytes) -> None:
        """Take more audio."""
        self._kept += audio

    def read(self, position: int, most: int) -> bytes:
        """At most so many bytes from a position on that was not forgotten; whole samples."""
        if position < self.start:
            raise ValueError(f"the audio before byte {self.start} is gone, {position} was asked for")
        begin = position - self.start
        size = min(most, len(self._kept) - begin)
        return bytes(self._kept[begin : begin + size // self._frame * self._frame])

    def ms(self, position: int) -> float | None:
        """The time of a position; None for packed formats."""
        return None if self._bytes_per_ms is None else position / self._bytes_per_ms

    def at(self, ms: float) -> int:
        """The position of a time, which for packed formats is only known of the start."""
        if self._bytes_per_ms is None:
            return 0
        return min(int(ms * self._bytes_per_ms) // self._frame * self._frame, self.end)

    def forget_before(self, ms: float) -> None:
        """Free the audio before a time; packed formats keep everything."""
        position = self.at(ms)
        if self.is_timed and position > self.start:
            del self._kept[: position - self.start]
            self.start = position

    def skip_to(self, ms: float) -> None:
        """Begin at a later time: what lies before is not handed over."""
        if self._bytes_per_ms is None or self._kept:
            raise ValueError("only raw audio of which nothing was handed over yet can begin later")
        self.start = int(ms * self._bytes_per_ms) // self._frame * self._frame
