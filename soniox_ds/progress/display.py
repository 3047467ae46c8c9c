"""What shows how far a batch has got, and ``Progress``, which the pipeline holds.

Conventions: a ``Display`` shows snapshots (``counts.py``) and knows nothing of clocks but how often a screen should be
touched, in real seconds. No display is ever handed anything but a snapshot: counts and words.
"""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from soniox_ds.progress.counts import Snapshot, Tally

__all__ = [
    "CallbackProgress",
    "Display",
    "LogProgress",
    "NotebookProgress",
    "Progress",
    "SilentProgress",
    "Snapshot",
    "Tally",
    "TerminalProgress",
    "progress_for",
]

_UPDATE_EVERY_S = 0.1
_LOG_EVERY_S = 30.0


class Display(Protocol):
    """Whatever shows snapshots: ``update`` as often as one likes, ``close`` once with the last one."""

    def update(self, snapshot: Snapshot) -> None: ...

    def close(self, snapshot: Snapshot) -> None: ...


class SilentProgress:
    """Shows nothing."""

    def update(self, snapshot: Snapshot) -> None:
        pass

    def close(self, snapshot: Snapshot) -> None:
        pass


class CallbackProgress:
    """Hands every snapshot, the last one included, to a function; its exceptions end the call."""

    def __init__(self, function: Callable[[Snapshot], object]) -> None:
        self._function = function

    def update(self, snapshot: Snapshot) -> None:
        self._function(snapshot)

    def close(self, snapshot: Snapshot) -> None:
        self._function(snapshot)


class _Pace:
    """Says when a screen may be touched again."""

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
    """What the notebook shows: HTML where HTML is shown, the line of words elsewhere."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def __repr__(self) -> str:
        return self._snapshot.line

    def _repr_html_(self) -> str:
        shown, line = self._snapshot, html.escape(self._snapshot.line)
        if shown.total is None:
            bar = "" if shown.closed else "<progress></progress> "
        else:
            bar = f'<progress value="{shown.done}" max="{max(shown.total, 1)}"></progress> '
        return f'<div role="status">{bar}<span>{line}</span></div>'


class NotebookProgress:
    """A bar in the cell that started the work; its last state is what a saved notebook keeps."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._pace = _Pace(_UPDATE_EVERY_S, now)
        self._handle: Any = None  # IPython's DisplayHandle, which has no types

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
    """tqdm on standard error while the work goes on, one line of words when it has ended."""

    def __init__(self, *, stream: TextIO | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._pace = _Pace(_UPDATE_EVERY_S, now)
        self._bar: Any = None  # a tqdm

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
        self._bar.n = snapshot.done
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
    """tqdm without its monitor thread, which would have nothing to do: this module paces the updates."""
    from tqdm import tqdm

    class QuietTqdm(tqdm):  # type: ignore[misc]  # tqdm has no types
        monitor_interval = 0

    return QuietTqdm


class LogProgress:
    """Lines on standard error where nobody watches a screen: one at the end, and at most one in 30 s before."""

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
    """Choose what shows progress, from the ``progress=`` of a call.

    None and True: a bar in a notebook's cell, tqdm in a terminal, a few lines elsewhere. False: nothing. A function: it
    gets every ``Snapshot``.

    Raises
    ------
    TypeError
        For anything else.

    Examples
    --------
    >>> seen = []
    >>> with Progress(progress_for(seen.append)) as progress:
    ...     progress.found(1)
    ...     progress.finished(True, duration_ms=1000, cost_usd=0.0)
    >>> [(snapshot.done, snapshot.total, snapshot.closed) for snapshot in seen]
    [(0, 1, False), (1, 1, False), (1, 1, True)]
    """
    if setting is False:
        return SilentProgress()
    if setting is None or setting is True:
        if _in_kernel():
            return NotebookProgress()
        # pythonw on Windows has no standard error at all
        if sys.stderr is None:
            return SilentProgress()
        return TerminalProgress() if sys.stderr.isatty() else LogProgress()
    if callable(setting):
        return CallbackProgress(setting)
    raise TypeError(f"progress is True, False, None or a function that takes a Snapshot; this is {setting!r}")


def _in_kernel() -> bool:
    """Whether cells are shown by a front end; IPython in a terminal has a shell, but no kernel."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


class Progress:
    """What the pipeline holds: each call counts and shows. Use it as a context manager, or call ``close``.

    ``now`` gives the time of the clock that the work lives by (seconds, monotonic). Call ``refresh`` once in a while
    when nothing happens, so that the elapsed time goes on. All calls belong to one thread.
    """

    def __init__(self, display: Display, *, now: Callable[[], float] = time.monotonic) -> None:
        self._display, self._now = display, now
        self._tally = Tally(now())
        self._closed = False

    def found(self, total: int, audio_ms: int | None = None) -> None:
        """Say how many recordings there are in all, and how much audio where that is known of every one."""
        self._tally.found(total, audio_ms)
        self.refresh()

    def recalled(self, count: int = 1, *, duration_ms: int = 0) -> None:
        """Count recordings whose transcript the journal had; ``duration_ms`` is the audio of all of them together."""
        self._tally.recalled(count, duration_ms=duration_ms)
        self.refresh()

    def finished(self, ok: bool, duration_ms: int | None = None, cost_usd: float | None = None) -> None:
        """Count one recording that was worked on, successfully or not; None for what is not known."""
        self._tally.finished(ok, duration_ms, cost_usd, at_s=self._now())
        self.refresh()

    def note(self, text: str) -> None:
        """Say what is being waited for, in words; empty for nothing."""
        self._tally.note(text)
        self.refresh()

    def refresh(self) -> None:
        """Show the present state; nothing after ``close``."""
        if not self._closed:
            self._display.update(self.snapshot())

    def snapshot(self) -> Snapshot:
        return self._tally.snapshot(self._now(), closed=self._closed)

    def close(self) -> None:
        """Show the last state; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._display.close(self.snapshot())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
