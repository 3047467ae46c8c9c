"""Progress displays for notebooks, terminals and logs.

Conventions: a ``Display`` shows snapshots (``counts.py``), which hold only counts and words. It limits how often the
screen is updated, in real seconds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from soniox_ds._display import render
from soniox_ds.progress.counts import Counts, Snapshot

__all__ = [
    "CallbackProgress",
    "Counts",
    "Display",
    "LogProgress",
    "NotebookProgress",
    "Progress",
    "SilentProgress",
    "Snapshot",
    "TerminalProgress",
    "progress_for",
]

_UPDATE_EVERY_S = 0.1
_LOG_EVERY_S = 30.0


class Display(Protocol):
    """A display of snapshots. ``update`` may be called any number of times, ``close`` once with the last snapshot."""

    def update(self, snapshot: Snapshot) -> None: ...

    def close(self, snapshot: Snapshot) -> None: ...


class SilentProgress:
    """A display that shows nothing."""

    def update(self, snapshot: Snapshot) -> None:
        pass

    def close(self, snapshot: Snapshot) -> None:
        pass


class CallbackProgress:
    """A display that passes every snapshot, including the last, to a function, whose exceptions end the call."""

    def __init__(self, function: Callable[[Snapshot], object]) -> None:
        self._function = function

    def update(self, snapshot: Snapshot) -> None:
        self._function(snapshot)

    def close(self, snapshot: Snapshot) -> None:
        self._function(snapshot)


class _Pace:
    """A limit on how often a screen is updated."""

    def __init__(self, every_s: float, now: Callable[[], float], first_at_once: bool = True) -> None:
        self._every_s, self._now = every_s, now
        self._next_s = now() + (0.0 if first_at_once else every_s)

    def may(self) -> bool:
        now_s = self._now()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._every_s
        return True


class _Bar:
    """The progress bar of a notebook: HTML where it can be shown, otherwise a line of words."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __repr__(self) -> str:
        return self._snapshot.line

    def _repr_html_(self) -> str:
        shown = self._snapshot
        return render(
            "progress/bar.html.j2",
            line=shown.line,
            done=_number(shown.worked),
            total=shown.total,
            is_closed=shown.closed,
        )


def _number(value: float) -> int | float:
    return int(value) if value == int(value) else value


class NotebookProgress:
    """A progress bar in the notebook cell that started the work. A saved notebook keeps its last state."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._pace = _Pace(_UPDATE_EVERY_S, now)
        self._handle: Any = None  # A DisplayHandle of IPython, which has no types.

    def update(self, snapshot: Snapshot) -> None:
        if self._pace.may():
            self._show(snapshot)

    def close(self, snapshot: Snapshot) -> None:
        self._show(snapshot)

    def _show(self, snapshot: Snapshot) -> None:
        if self._handle is None:
            import IPython.display

            display: Any = IPython.display.display
            self._handle = display(_Bar(snapshot), display_id=True)
        else:
            self._handle.update(_Bar(snapshot))


class TerminalProgress:
    """A tqdm bar on standard error during the work, and one line of words at its end."""

    def __init__(self, *, stream: TextIO | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._pace = _Pace(_UPDATE_EVERY_S, now)
        self._bar: Any = None  # A tqdm bar.

    def update(self, snapshot: Snapshot) -> None:
        if not self._pace.may():
            return
        if self._bar is None:
            self._bar = _quiet_tqdm()(
                total=snapshot.total,
                file=self._out,
                leave=False,
                dynamic_ncols=True,
                bar_format="{percentage:3.0f}%|{bar:20}| {desc}",
            )
        if snapshot.total is not None:
            self._bar.total = snapshot.total
        self._bar.n = snapshot.worked
        self._bar.set_description_str(snapshot.line, refresh=False)
        self._bar.refresh()

    def close(self, snapshot: Snapshot) -> None:
        if self._bar is not None:
            self._bar.close()
        self._out.write(snapshot.line + "\n")
        self._out.flush()

    @property
    def _out(self) -> TextIO:
        return sys.stderr if self._stream is None else self._stream


def _quiet_tqdm() -> Any:
    """Return tqdm without its monitor thread, which is not needed because this module limits the updates."""
    from tqdm import tqdm

    class QuietTqdm(tqdm):  # type: ignore[misc]  # tqdm has no types
        monitor_interval = 0

    return QuietTqdm


class LogProgress:
    """Lines on standard error for logs: one line at the end, and at most one line in 30 s before."""

    def __init__(self, *, stream: TextIO | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._pace = _Pace(_LOG_EVERY_S, now, first_at_once=False)

    def update(self, snapshot: Snapshot) -> None:
        if self._pace.may():
            self._write(snapshot)

    def close(self, snapshot: Snapshot) -> None:
        self._write(snapshot)

    def _write(self, snapshot: Snapshot) -> None:
        out = sys.stderr if self._stream is None else self._stream
        out.write(snapshot.line + "\n")
        out.flush()


def progress_for(setting: bool | Callable[[Snapshot], object] | None) -> Display:
    """Return the display for the argument ``progress=`` of a call.

    None and True give a bar in a notebook, tqdm in a terminal, and a few lines elsewhere. False shows nothing. A
    function receives every ``Snapshot``.

    Raises
    ------
    TypeError
        If the setting is something else.

    Examples
    --------
    >>> seen = []
    >>> with Progress(progress_for(seen.append)) as progress:
    ...     progress.set_total(1)
    ...     progress.add_finished(True, duration_ms=1000, cost_usd=0.0)
    >>> [(snapshot.done, snapshot.total, snapshot.closed) for snapshot in seen]
    [(0, 1, False), (1, 1, False), (1, 1, True)]
    """
    if setting is False:
        return SilentProgress()
    if setting is None or setting is True:
        if _in_kernel():
            return NotebookProgress()
        # pythonw on Windows has no standard error.
        if sys.stderr is None:
            return SilentProgress()
        return TerminalProgress() if sys.stderr.isatty() else LogProgress()
    if callable(setting):
        return CallbackProgress(setting)
    raise TypeError(f"progress is True, False, None or a function that takes a Snapshot; found {setting!r}")


def _in_kernel() -> bool:
    """Return True in a notebook kernel. IPython in a terminal has a shell but no kernel."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


class Progress:
    """The progress of a run: each call counts and updates the display. Use it as a context manager, or call ``close``.

    ``now`` returns the time of the run's clock (monotonic seconds). Call ``refresh`` from time to time when nothing
    happens, so that the elapsed time is updated. All calls must come from one thread.
    """

    def __init__(self, display: Display, *, now: Callable[[], float] = time.monotonic) -> None:
        self._display, self._now = display, now
        self._counts = Counts(now())
        self._closed = False

    def set_total(self, total: int, audio_ms: int | None = None) -> None:
        """Set the number of all recordings, and the duration of all audio if it is known for every recording."""
        self._counts.set_total(total, audio_ms)
        self.refresh()

    def add_recalled(self, count: int = 1, *, duration_ms: int = 0) -> None:
        """Count recordings whose transcripts the journal had. ``duration_ms`` is their total duration."""
        self._counts.add_recalled(count, duration_ms=duration_ms)
        self.refresh()

    def add_finished(self, ok: bool, duration_ms: int | None = None, cost_usd: float | None = None) -> None:
        """Count one recording that was completed or failed. Unknown durations and costs are None."""
        self._counts.add_finished(ok, duration_ms, cost_usd, at_s=self._now())
        self.refresh()

    def move(self, before: str, after: str, count: int = 1) -> None:
        """Count jobs that leave one phase of `PHASES` and enter another. "" stands for no phase.

        A job without a phase is counted as done next, so the display is not updated between the two.
        """
        self._counts.move(before, after, count)
        if after:
            self.refresh()

    def set_sent(self, key: str, sent_bytes: int | None, total_bytes: int = 0) -> None:
        """Set how much of the upload with this key is sent; None if the upload is over."""
        self._counts.set_sent(key, sent_bytes, total_bytes)
        self.refresh()

    def add_inspected(self, count: int, audio_ms: int) -> None:
        """Count recordings whose durations are known, and their total duration, for the estimate of the time left."""
        self._counts.add_inspected(count, audio_ms)

    def set_plan(self, text: str) -> None:
        """Set the description of the jobs and their cost, before anything is sent."""
        self._counts.set_plan(text)
        self.refresh()

    def note(self, text: str) -> None:
        """Set the description of what the run is waiting for; empty if it is not waiting."""
        self._counts.note(text)
        self.refresh()

    def refresh(self) -> None:
        """Show the present state. After ``close`` nothing is shown."""
        if not self._closed:
            self._display.update(self.snapshot())

    def snapshot(self) -> Snapshot:
        return self._counts.snapshot(self._now(), closed=self._closed)

    def close(self) -> None:
        """Show the last state. A second call does nothing."""
        if not self._closed:
            self._closed = True
            self._display.close(self.snapshot())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
