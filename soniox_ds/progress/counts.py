"""Counts of the progress of a batch, and their description in words.

Conventions: ``Counts`` takes every time as an argument (seconds of one monotonic clock). A ``Snapshot`` holds the
counts of one moment. A recording is *done* when it is completed, failed or recalled from the journal. Before that, its
jobs pass through the phases of `PHASES`.

The remaining time is extrapolated from the pace since the first finished recording, so that the wait for the first
recording does not count for the others. Recalled recordings take no time and are left out. No remaining time is given
before five recordings have finished. If durations are known, the pace in seconds of audio is computed as well, and the
longer of the two remaining times is shown, so that long recordings at the end are not counted like short ones. The
duration of recordings that are not inspected yet is estimated by the mean of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

from soniox_ds._display import duration_text
from soniox_ds.api.prices import price_text

__all__ = ["PHASES", "Counts", "Snapshot"]

PHASES = ("checking", "uploading", "waiting", "fetching")
"""The phases of a job: its file is inspected, its audio is sent, the service transcribes it, the transcript is
fetched."""

_FEWEST_FOR_PACE = 5


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The progress at one moment. A function given as ``progress=`` receives snapshots.

    ``audio_ms`` is the duration of completed and recalled recordings, ``cost_usd`` the estimated price of the
    recordings that this call had transcribed (recalled recordings cost nothing).

    Examples
    --------
    >>> ended = Snapshot(
    ...     total=400, completed=397, failed=3, audio_ms=7_560_000, cost_usd=0.21, elapsed_s=41.2, closed=True
    ... )
    >>> ended.line
    '400 of 400 done, 3 failed, 2.1 h of audio, about $0.21, 41 s'
    >>> Snapshot(total=400, completed=100, elapsed_s=12, eta_s=31, note="waiting for room: 100 pending").line
    '100 of 400 done, 12 s, about 31 s left; waiting for room: 100 pending'
    >>> Snapshot(total=1, uploading=1, uploaded=0.45, elapsed_s=12).line
    '0 of 1 done, 12 s; uploading 1 (45 %)'
    """

    total: int | None = None
    """Number of all recordings; None until they are counted."""
    completed: int = 0
    """Number of transcribed recordings, including those recalled from the journal."""
    failed: int = 0
    recalled: int = 0
    """Number of completed recordings that were recalled from the journal."""
    audio_ms: int = 0
    cost_usd: float = 0.0
    elapsed_s: float = 0.0
    eta_s: float | None = None
    """Estimated seconds until the end; None while there is no estimate, and at the end."""
    checking: int = 0
    """Number of recordings whose files are being inspected."""
    uploading: int = 0
    """Number of jobs whose audio is being sent."""
    uploaded: float = 0.0
    """Share of the bytes of these jobs that are sent, from 0 to 1."""
    waiting: int = 0
    """Number of jobs that the service is transcribing or will transcribe."""
    fetching: int = 0
    """Number of jobs whose transcripts are being fetched."""
    plan: str = ""
    """Description of the jobs and their cost if recordings are divided into parts; empty otherwise."""
    note: str = ""
    """Description of what the batch is waiting for; empty if it is not waiting."""
    closed: bool = False
    """True for the last snapshot. If then ``done < total``, the batch was stopped before its end."""

    @property
    def done(self) -> int:
        return self.completed + self.failed

    @property
    def worked(self) -> float:
        """Number of recordings for a bar: a recording whose audio has been sent counts half, so that the bar moves.

        >>> Snapshot(total=4, completed=1, uploading=1, uploaded=0.5, waiting=1).worked
        1.75
        """
        half_done = self.uploading * self.uploaded + self.waiting + self.fetching
        if self.closed or self.total is None:
            return self.done
        # A recording that is cut into parts has several jobs.
        return self.done + round(min(half_done, self.total - self.done) / 2, 3)

    @property
    def stopped(self) -> bool:
        """True if the batch ended before every recording was done."""
        return self.closed and (self.total is None or self.done < self.total)

    @property
    def phases(self) -> str:
        """The phases of the jobs in words; empty if there are none."""
        parts = []
        for phase in PHASES:
            if count := getattr(self, phase):
                sent = f" ({self.uploaded:.0%})".replace("%", " %") if phase == "uploading" else ""
                parts.append(f"{phase} {count:,}{sent}")
        return ", ".join(parts)

    @property
    def line(self) -> str:
        """The progress in words, on one line."""
        of_all = "" if self.total is None else f" of {self.total:,}"
        parts = [f"{'stopped with ' if self.stopped else ''}{self.done:,}{of_all} done"]
        if self.recalled:
            parts.append(f"{self.recalled:,} of them recalled")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.audio_ms:
            parts.append(f"{duration_text(self.audio_ms)} of audio")
        if self.cost_usd:
            parts.append(price_text(self.cost_usd))
        parts.append(_time_in_words(self.elapsed_s))
        if self.eta_s is not None and not self.closed:
            parts.append(f"about {_time_in_words(self.eta_s)} left")
        texts = (self.phases, self.plan, self.note)
        more = "" if self.closed else "".join(f"; {text}" for text in texts if text)
        return ", ".join(parts) + more


def _time_in_words(seconds: float) -> str:
    rounded = round(seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60} min {rounded % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"


class Counts:
    """The counts of one batch. Times are given as arguments.

    Examples
    --------
    >>> counts = Counts(started_s=100.0)
    >>> counts.set_total(3)
    >>> counts.add_recalled(duration_ms=60_000)
    >>> counts.add_finished(True, duration_ms=30_000, cost_usd=0.002, at_s=104.0)
    >>> counts.snapshot(104.0).line
    '2 of 3 done, 1 of them recalled, 1.5 min of audio, about $0.002, 4.0 s'
    """

    def __init__(self, started_s: float) -> None:
        self._started_s = started_s
        self._total: int | None = None
        self._total_audio_ms: int | None = None
        self._recalled = self._completed = self._failed = 0
        self._recalled_audio_ms = self._completed_audio_ms = 0
        self._cost_usd = 0.0
        self._plan = self._note = ""
        self._in_phase = dict.fromkeys(PHASES, 0)
        self._sent: dict[str, tuple[int, int]] = {}
        self._n_inspected = self._inspected_audio_ms = 0
        # The pace is computed from the first finished recording on, which is itself left out.
        self._first_s: float | None = None
        self._first_audio_ms = 0
        self._finished_audio_ms = 0

    def set_total(self, total: int, audio_ms: int | None = None) -> None:
        """Set the number of all recordings, and the duration of all audio if it is known for every recording."""
        self._total, self._total_audio_ms = total, audio_ms

    def add_recalled(self, count: int = 1, *, duration_ms: int = 0) -> None:
        """Count recordings whose transcripts the journal had. ``duration_ms`` is their total duration."""
        self._recalled += count
        self._recalled_audio_ms += duration_ms

    def add_finished(
        self, ok: bool, duration_ms: int | None = None, cost_usd: float | None = None, *, at_s: float
    ) -> None:
        """Count one recording that was completed or failed. Unknown durations and costs are None."""
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

    def move(self, before: str, after: str, count: int = 1) -> None:
        """Count jobs that leave one phase and enter another. "" stands for no phase."""
        for phase, change in ((before, -count), (after, count)):
            if phase:
                self._in_phase[phase] += change

    def set_sent(self, key: str, sent_bytes: int | None, total_bytes: int = 0) -> None:
        """Set how much of the upload with this key is sent; None if the upload is over."""
        if sent_bytes is None:
            self._sent.pop(key, None)
        else:
            self._sent[key] = sent_bytes, total_bytes

    def add_inspected(self, count: int, audio_ms: int) -> None:
        """Count recordings whose durations are known, and their total duration, for the estimate of the time left."""
        self._n_inspected += count
        self._inspected_audio_ms += audio_ms

    def set_plan(self, text: str) -> None:
        """Set the description of the jobs and their cost."""
        self._plan = text

    def note(self, text: str) -> None:
        """Set the description of what the batch is waiting for; empty if it is not waiting."""
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
            **self._in_phase,
            uploaded=self._uploaded(),
            plan=self._plan,
            note=self._note,
            closed=closed,
        )

    def _uploaded(self) -> float:
        total_bytes = sum(total for _, total in self._sent.values())
        return sum(sent for sent, _ in self._sent.values()) / total_bytes if total_bytes else 0.0

    def _all_audio_ms(self) -> float | None:
        """Return the duration of all audio, with the mean duration for what is not inspected; None if none is known."""
        if self._total_audio_ms is not None or not self._n_inspected or self._total is None:
            return self._total_audio_ms
        return self._inspected_audio_ms * max(self._total / self._n_inspected, 1.0)

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
        all_audio_ms = self._all_audio_ms()
        if all_audio_ms is not None and paced_audio_ms > 0:
            left_audio_ms = max(all_audio_ms - self._recalled_audio_ms - self._finished_audio_ms, 0)
            eta_s = max(eta_s, left_audio_ms * since_first_s / paced_audio_ms)
        return eta_s
