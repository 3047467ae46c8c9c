"""The background event loop, on which plain functions run asynchronous code from scripts, notebooks and threads.

Conventions: a process has one background thread with one event loop, and all asynchronous work of plain calls runs
there: clients, sockets, timers, live sessions. The thread starts at its first use, again after a fork, and stops when
the interpreter exits. In a child that was forked while another thread imported modules for a call, SetupError is raised
instead, because these imports cannot be completed there. A plain call passes its coroutine to the thread and waits. The
event loop of the caller is neither used nor patched, so it does not matter whether such a loop is running, who runs it,
or whether nest_asyncio was applied to it.

While a plain call waits, the caller's own loop stands still, and a timeout of the caller (``asyncio.timeout``) has no
effect before the call returns. Asynchronous code should use the awaitable functions in ``soniox_ds.aio`` on its own
loop.

Ctrl-C, or the notebook's stop button, cancels all work of the call and waits at most ``GRACE_S`` seconds for sockets to
close. A second interrupt does not wait.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import functools
import inspect
import os
import platform
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Generic, ParamSpec, TypeVar

from soniox_ds._caller import remembered_caller
from soniox_ds._forks import check_imports
from soniox_ds.exceptions import SetupError

__all__ = ["GRACE_S", "enable_nested_loops", "event_loop", "plain", "plain_iterator", "run", "submit"]

P = ParamSpec("P")
T = TypeVar("T")

GRACE_S = 2.0
"""Seconds for which an interrupted call, or the end of the interpreter, waits for cancelled work to end."""

# Seconds between two checks of a waiting call. They are needed because an interrupt does not wake a lock on Windows,
# and because another handler of the signal (asyncio.run) only sets a flag.
_POLL_S = 0.1


class _LoopThread:
    """An event loop that runs in a daemon thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.stopping = False
        self.thread = threading.Thread(target=self._turn, name="soniox-ds-loop", daemon=True)
        try:
            self.thread.start()
        except RuntimeError:  # No thread can be started, or the interpreter is ending.
            self.loop.close()
            raise

    def _turn(self) -> None:
        while not self.stopping:
            # The loop also raises these exceptions of a task, while the caller gets them from the task itself.
            try:
                self.loop.run_forever()
            except (KeyboardInterrupt, SystemExit):
                continue
        self._wind_down()

    def _wind_down(self) -> None:
        try:
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            if tasks:
                self.loop.run_until_complete(asyncio.wait(tasks, timeout=GRACE_S))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self.loop.close()

    def _stop_turning(self) -> None:
        self.stopping = True
        self.loop.stop()

    def stop(self) -> None:
        """Cancel the running tasks, close the loop, and wait for the thread (a little longer than for the tasks)."""
        self.loop.call_soon_threadsafe(self._stop_turning)
        self.thread.join(GRACE_S + 1)


_home: _LoopThread | None = None
_home_lock = threading.Lock()
# The loops of a parent process are never closed here, because they share their selector with the parent.
_left_behind: list[_LoopThread] = []


def _loop_thread() -> _LoopThread:
    global _home
    check_imports()
    with _home_lock:
        if _home is None or not _home.thread.is_alive():
            _home = _LoopThread()
        return _home


def _stop_at_exit() -> None:
    global _home
    with _home_lock:
        leaving, _home = _home, None
    if leaving is not None:
        leaving.stop()


def _forget_after_fork() -> None:
    """Start anew in a forked child: threads do not survive a fork, and one of them may have held the lock."""
    global _home, _home_lock
    _home_lock = threading.Lock()
    if _home is not None:
        _left_behind.append(_home)
        _home = None


atexit.register(_stop_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def event_loop() -> asyncio.AbstractEventLoop:
    """Return the running background loop of this process, for ``call_soon_threadsafe`` in callbacks of widgets."""
    return _loop_thread().loop


def submit(coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
    """Start a coroutine on the background loop and return a future at once. Cancelling the future cancels the work.

    The coroutine sees the context variables of the caller, so that its output appears in the cell that submitted it.

    Examples
    --------
    >>> async def answer() -> int:
    ...     return 42
    >>> submit(answer()).result()
    42
    """
    return asyncio.run_coroutine_threadsafe(coroutine, _loop_thread().loop)


class _Work(Generic[T]):
    """A running coroutine. The loop calls ``start`` and ``cancel``; the waiting caller uses the other methods."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self.coroutine = coroutine
        self.ended = threading.Event()
        self._task: asyncio.Task[T] | None = None

    def start(self) -> None:
        if not self.ended.is_set():
            self._task = asyncio.get_running_loop().create_task(self.coroutine)
            self._task.add_done_callback(lambda _: self.ended.set())

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()
        else:
            self.coroutine.close()
            self.ended.set()

    def result(self) -> T:
        assert self._task is not None
        return self._task.result()

    def notes(self) -> list[str]:
        """Return the notes on the CancelledError that ended the work."""
        if self._task is None or not self._task.done():
            return []
        try:
            self._task.result()
        except asyncio.CancelledError as cancelled:
            return list(getattr(cancelled, "__notes__", []))
        except BaseException:  # noqa: BLE001 - the caller raises the interrupt instead
            return []
        return []


class _Caller:
    """The waiting caller, which notices interrupts that do not simply raise KeyboardInterrupt."""

    def __init__(self) -> None:
        try:
            self.task = asyncio.current_task()
        except RuntimeError:
            self.task = None
        self._cancelled_before = self.task.cancelling() if self.task is not None else 0
        self.signals = 0

    @property
    def interrupted(self) -> bool:
        return self.signals > 0 or (self.task is not None and self.task.cancelling() > self._cancelled_before)

    @contextmanager
    def watching_signals(self) -> Iterator[None]:
        """Notice Ctrl-C within the block, even if another handler is installed, and call that handler as well.

        Inside a coroutine the handler is that of ``asyncio.run``, of the kernel (for a cell with ``await``) or of a
        server. Most of them only notify the caller's loop, which cannot react before this call returns.
        """
        handler = signal.getsignal(signal.SIGINT)
        if (
            self.task is None
            or threading.current_thread() is not threading.main_thread()
            or not callable(handler)
            or handler is signal.default_int_handler
        ):
            yield
            return

        def note(number: int, frame: FrameType | None) -> None:
            self.signals += 1
            handler(number, frame)

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            if signal.getsignal(signal.SIGINT) is note:
                signal.signal(signal.SIGINT, handler)

    def wait(self, ended: threading.Event) -> None:
        """Wait for the end of the work. Raise CancelledError if the caller is interrupted while it waits."""
        while not ended.wait(_POLL_S):
            if self.interrupted:
                raise asyncio.CancelledError

    def wait_a_little(self, ended: threading.Event, signals: int) -> None:
        """Wait until the work has ended, `GRACE_S` have passed, or a further interrupt follows `signals` others."""
        until = time.monotonic() + GRACE_S
        while not ended.wait(_POLL_S) and time.monotonic() < until and self.signals == signals:
            pass


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the background loop and wait for its result.

    This works in scripts, in notebook cells, inside running event loops of any kind, in threads and after a fork. The
    coroutine sees the context variables of the caller.

    Raises
    ------
    RuntimeError
        If it is called from the background loop itself, which would wait for ever.
    KeyboardInterrupt, asyncio.CancelledError
        After an interrupt, once the work is cancelled. CancelledError is raised inside a coroutine whose loop handles
        Ctrl-C. The exception has the notes that the work put on its own CancelledError.
    BaseException
        The exception that the coroutine raises.

    Examples
    --------
    >>> async def double(number: int) -> int:
    ...     return 2 * number
    >>> run(double(21))
    42
    """
    if not inspect.iscoroutine(coroutine):
        raise TypeError(
            f"run() takes a coroutine, the result of calling an async function; this is {type(coroutine).__name__}"
        )
    home = _loop_thread()
    if threading.current_thread() is home.thread:
        name = coroutine.__name__
        coroutine.close()
        raise RuntimeError(
            f"{name}() was called from a coroutine or callback that runs on soniox_ds's own event loop, so it would "
            "wait for itself forever; await the function of the same name in soniox_ds.aio instead"
        )
    work: _Work[T] = _Work(coroutine)
    caller = _Caller()
    with caller.watching_signals():
        try:
            home.loop.call_soon_threadsafe(work.start)
            caller.wait(work.ended)
        except BaseException as interrupt:
            signals = caller.signals  # The count is read before the work is cancelled, to notice a second interrupt.
            try:
                home.loop.call_soon_threadsafe(work.cancel)
            except RuntimeError:  # The loop is closed, because the interpreter is ending.
                coroutine.close()
                raise
            caller.wait_a_little(work.ended, signals)
            for note in work.notes():
                interrupt.add_note(note)
            raise
    try:
        return work.result()
    except asyncio.CancelledError:
        if home.stopping:  # The interpreter is ending, so that this daemon thread ends as well, without a traceback.
            raise SystemExit from None
        raise


def plain(async_function: Callable[P, Coroutine[Any, Any, T]], namespace: str | None = None) -> Callable[P, T]:
    """Return a plain function with the name, signature and documentation of an async function.

    The async function is available as the attribute ``__wrapped__``. Both functions are public in `namespace`, such as
    "account" for ``soniox_ds.account`` and ``soniox_ds.aio.account``. None means the top level of the package.

    Examples
    --------
    >>> async def transcribe(path: str, *, attempts: int = 5) -> str:
    ...     "Transcribe one file."
    ...     return f"text of {path}"
    >>> plain(transcribe)("a.wav")
    'text of a.wav'
    >>> print(plain(transcribe).__doc__)
    Transcribe one file.
    <BLANKLINE>
    Asynchronous version: ``soniox_ds.aio.transcribe``.
    """
    if not inspect.iscoroutinefunction(async_function):
        raise TypeError(f"plain() takes an async function, found {async_function!r}")

    @functools.wraps(async_function)
    def plain_function(*args: P.args, **kwargs: P.kwargs) -> T:
        with remembered_caller():
            return run(async_function(*args, **kwargs))

    plain_function.__doc__ = _with_twin(async_function, namespace)
    return plain_function


def plain_iterator(async_function: Callable[P, AsyncGenerator[T, None]]) -> Callable[P, Iterator[T]]:
    """Return a plain generator function for an asynchronous one. Leaving its ``for`` loop early closes the generator.

    Examples
    --------
    >>> async def count(to: int):
    ...     "Count."
    ...     for number in range(to):
    ...         yield number
    >>> list(plain_iterator(count)(3))
    [0, 1, 2]
    """
    if not inspect.isasyncgenfunction(async_function):
        raise TypeError(f"plain_iterator() takes an asynchronous generator function, found {async_function!r}")

    @functools.wraps(async_function)
    def plain_function(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        items = async_function(*args, **kwargs)

        async def following() -> tuple[T, ...]:
            async for item in items:
                return (item,)
            return ()

        async def close() -> None:
            await items.aclose()

        try:
            while item := run(following()):
                yield item[0]
        finally:
            run(close())

    plain_function.__doc__ = _with_twin(async_function)
    return plain_function


def _with_twin(async_function: Callable[..., Any], namespace: str | None = None) -> str:
    summary, *rest = inspect.cleandoc(async_function.__doc__ or "").split("\n\n", 1)
    name = ".".join(filter(None, ["soniox_ds.aio", namespace, async_function.__name__]))
    return "\n\n".join(part for part in (summary, f"Asynchronous version: ``{name}``.", *rest) if part)


def enable_nested_loops() -> None:
    """Allow ``asyncio.run`` and ``run_until_complete`` in a notebook cell, where a loop is already running.

    This applies nest_asyncio permanently to the whole process. Nothing in this package needs it: plain functions work
    in any cell, and the functions of ``soniox_ds.aio`` can be awaited there. It helps code that insists on
    ``asyncio.run``. The drawbacks are that every task in the process becomes slower (1.6 to 1.9 times was measured),
    and that **an interrupt does not stop what such a nested call has started**: its requests continue, also requests
    that cost money. Further calls do nothing.

    Raises
    ------
    SetupError
        On Python 3.14 and later, and with uvloop, where it would break event loops or requests.
    """
    instead = (
        "Plain functions such as sx.transcribe(...) need no nested loops, and `await soniox_ds.aio.transcribe(...)` "
        "works in a cell."
    )
    if sys.version_info >= (3, 14):
        raise SetupError(
            f"nested event loops cannot be enabled on Python {platform.python_version()}: from 3.14 on nest_asyncio "
            f"hides the current task, and every request of httpx fails. {instead}"
        )
    loop_type = _callers_loop_type()
    if loop_type.split(".")[0] == "uvloop":
        raise SetupError(
            f"nested event loops cannot be enabled here: the event loop is {loop_type}, and nest_asyncio can only "
            f"patch asyncio's own. Start without uvloop, or leave nested loops out. {instead}"
        )
    import nest_asyncio

    nest_asyncio.apply()


def _callers_loop_type() -> str:
    """Return the module and name of the type of the running loop, or of the policy that would make a loop."""
    loop_or_policy: object
    try:
        loop_or_policy = asyncio.get_running_loop()
    except RuntimeError:
        loop_or_policy = asyncio.get_event_loop_policy()
    return f"{type(loop_or_policy).__module__}.{type(loop_or_policy).__qualname__}"
