"""Counting how far a batch has got, and the words for it.

Conventions: ``Tally`` takes every time as an argument (seconds of one clock, monotonic); ``Snapshot`` is what is known
at one moment. A recording is *done* when it is completed, failed or recalled from the journal.

The time left is extrapolated from the pace between the first recording that finished and now, so that the wait for the
first one does not count for every other; recalled ones take no time and set no pace; nothing is said before five have
finished. Where the hours of all audio are known, the pace in hours is reckoned too, and the later of the two ends is
shown.
"""

from __future__ import annotations

from dataclasses import dataclass

from soniox_ds.api.prices import price_text

__all__ = ["Snapshot", "Tally"]

_FEWEST_FOR_PACE = 5


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What is known at one moment; a function given as ``progress=`` receives these.

    ``audio_ms`` is the audio of completed and recalled recordings, ``cost_usd`` the estimated price of what this call
    had transcribed (recalled recordings cost nothing).

    Examples
    --------
    >>> ended = Snapshot(
    ...     total=400, completed=397, failed=3, audio_ms=7_560_000, cost_usd=0.21, elapsed_s=41.2, closed=True
    ... )
    >>> ended.line
    '400 of 400 done, 3 failed, 2.1 h of audio, about $0.21, 41 s'
    >>> Snapshot(total=400, completed=100, elapsed_s=12, eta_s=31, note="waiting for room: 100 pending").line
    '100 of 400 done, 12 s, about 31 s left; waiting for room: 100 pending'
    """

    total: int | None = None
    """Recordings in all; None until they are counted."""
    completed: int = 0
    """Transcribed, those recalled from the journal included."""
    failed: int = 0
    recalled: int = 0
    """How many of the completed ones the journal had already."""
    audio_ms: int = 0
    cost_usd: float = 0.0
    elapsed_s: float = 0.0
    eta_s: float | None = None
    """Seconds until the end; None while nothing can be said, and at the end."""
    note: str = ""
    """What is being waited for, in words."""
    closed: bool = False
    """True for the last snapshot; with ``done < total`` the batch was stopped before its end."""

    @property
    def done(self) -> int:
        return self.completed + self.failed

    @property
    def stopped(self) -> bool:
        """Whether the batch ended before everything was done."""
        return self.closed and (self.total is None or self.done < self.total)

    @property
    def line(self) -> str:
        """All of it in one line of words."""
        of_all = "" if self.total is None else f" of {self.total:,}"
        parts = [f"{'stopped with ' if self.stopped else ''}{self.done:,}{of_all} done"]
        if self.recalled:
            parts.append(f"{self.recalled:,} of them recalled")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.audio_ms:
            parts.append(f"{_words_for_audio(self.audio_ms)} of audio")
        if self.cost_usd:
            parts.append(price_text(self.cost_usd))
        parts.append(_words_for_seconds(self.elapsed_s))
        if self.eta_s is not None and not self.closed:
            parts.append(f"about {_words_for_seconds(self.eta_s)} left")
        return ", ".join(parts) + (f"; {self.note}" if self.note and not self.closed else "")


def _words_for_seconds(seconds: float) -> str:
    whole = round(seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _words_for_audio(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 3570:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:,.1f} h"


class Tally:
    """Counts of one batch; times are handed in.

    Examples
    --------
    >>> tally = Tally(started_s=100.0)
    >>> tally.found(3)
    >>> tally.recalled(duration_ms=60_000)
    >>> tally.finished(True, duration_ms=30_000, cost_usd=0.002, at_s=104.0)
    >>> tally.snapshot(104.0).line
    '2 of 3 done, 1 of them recalled, 1.5 min of audio, about $0.002, 4.0 s'
    """

    def __init__(self, started_s: float) -> None:
        self._started_s = started_s
        self._total: int | None = None
        self._total_audio_ms: int | None = None
        self._recalled = self._completed = self._failed = 0
        self._recalled_audio_ms = self._completed_audio_ms = 0
        self._cost_usd = 0.0
        self._note = ""
        # the pace is reckoned from the first recording that finished, which is itself left out
        self._first_s: float | None = None
        self._first_audio_ms = 0
        self._finished_audio_ms = 0

    def found(self, total: int, audio_ms: int | None = None) -> None:
        """Say how many recordings there are in all, and how much audio where that is known of every one."""
        self._total, self._total_audio_ms = total, audio_ms

    def recalled(self, count: int = 1, *, duration_ms: int = 0) -> None:
        """Count recordings whose transcript the journal had; ``duration_ms`` is the audio of all of them together."""
        self._recalled += count
        self._recalled_audio_ms += duration_ms

    def finished(self, ok: bool, duration_ms: int | None = None, cost_usd: float | None = None, *, at_s: float) -> None:
        """Count one recording that was worked on, successfully or not; None for what is not known."""
        audio_ms = duration_ms or 0
        if ok:
            self._completed += 1
            self._completed_audio_ms += audio_ms
        else:
            self._failed += 1
        self._cost_usd += cost_usd or 0.0
        self._finished_audio_ms += audio_ms
        if self._first_s is None:
            self._first_s, self._first_audio_ms = at_s, audio_ms

    def note(self, text: str) -> None:
        """Say what is being waited for; empty for nothing."""
        self._note = text

    def snapshot(self, at_s: float, *, closed: bool = False) -> Snapshot:
        return Snapshot(
            total=self._total,
            completed=self._recalled + self._completed,
            failed=self._failed,
            recalled=self._recalled,
            audio_ms=self._recalled_audio_ms + self._completed_audio_ms,
            cost_usd=self._cost_usd,
            elapsed_s=at_s - self._started_s,
            eta_s=None if closed else self._eta_s(at_s),
            note=self._note,
            closed=closed,
        )

    def _eta_s(self, at_s: float) -> float | None:
        worked = self._completed + self._failed
        if self._total is None or self._first_s is None or worked < _FEWEST_FOR_PACE:
            return None
        since_first_s = at_s - self._first_s
        if since_first_s <= 0:
            return None
        left = max(self._total - self._recalled - worked, 0)
        eta_s = left * since_first_s / (worked - 1)
        paced_audio_ms = self._finished_audio_ms - self._first_audio_ms
        if self._total_audio_ms is not None and paced_audio_ms > 0:
            left_audio_ms = max(self._total_audio_ms - self._recalled_audio_ms - self._finished_audio_ms, 0)
            eta_s = max(eta_s, left_audio_ms * since_first_s / paced_audio_ms)
        return eta_s
