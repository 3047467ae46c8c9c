"""The plain door within one process; scripts and kernels are in ``kernels/``."""

import asyncio
import contextvars
import inspect
import sys
import threading
import traceback
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import get_type_hints

import pytest
import uvloop
from waiting import PATIENCE_S

from soniox_ds import _background
from soniox_ds.exceptions import SetupError


@pytest.fixture(autouse=True)
def long_grace(monkeypatch):
    """Let cancelled calls take long, because the machine may be busy."""
    monkeypatch.setattr(_background, "GRACE_S", PATIENCE_S)


async def double(number: int, *, times: int = 1) -> int:
    """Double a number.

    Notes
    -----
    It waits for a moment.
    """
    await asyncio.sleep(0)
    return number * 2**times


def test_a_plain_function_is_the_same_function():
    plain_double = _background.plain(double)
    assert plain_double(21, times=2) == 84
    assert plain_double.__name__ == "double"
    assert plain_double.__wrapped__ is double
    assert not inspect.iscoroutinefunction(plain_double)
    assert str(inspect.signature(plain_double)) == "(number: int, *, times: int = 1) -> int"
    assert get_type_hints(plain_double) == {"number": int, "times": int, "return": int}
    assert plain_double.__doc__ == (
        "Double a number.\n\nAsynchronous version: ``soniox_ds.aio.double``.\n\nNotes\n-----\nIt waits for a moment."
    )


def test_a_function_without_documentation_gets_the_line_alone():
    async def silent() -> None: ...

    assert _background.plain(silent).__doc__ == "Asynchronous version: ``soniox_ds.aio.silent``."


def test_every_call_is_on_the_same_loop_and_thread():
    async def where():
        return asyncio.get_running_loop(), threading.current_thread()

    assert _background.run(where()) == _background.run(where())
    assert _background.run(where())[0] is _background.event_loop()
    assert _background.run(where())[1].daemon


async def test_inside_a_running_loop():
    loop = asyncio.get_running_loop()
    assert _background.run(double(4)) == 8
    assert await double(4) == 8
    assert asyncio.get_running_loop() is loop


def test_inside_a_running_uvloop():
    async def main():
        return _background.run(double(5))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) == 10


def test_threads_do_not_wait_for_one_another():
    """Each of eight calls waits until all of them are under way."""
    met = asyncio.Barrier(8)

    async def meet():
        async with asyncio.timeout(PATIENCE_S):
            await met.wait()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: _background.run(meet()), range(8)))


@pytest.mark.parametrize("error", [ValueError("bad"), TimeoutError("its own"), asyncio.CancelledError("its own")])
def test_exceptions_arrive_with_the_line_that_raised_them(error):
    async def fail():
        await asyncio.sleep(0)
        raise error

    with pytest.raises(type(error)) as caught:
        _background.run(fail())
    assert "fail" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_work_that_wants_to_end_the_interpreter_does_not_end_the_loop(error):
    async def leave():
        raise error

    async def in_a_task():
        await asyncio.create_task(leave())

    for work in (leave, in_a_task):
        with pytest.raises(type(error)):
            _background.run(work())
    assert _background.run(double(1)) == 2


def test_context_variables_travel_along_and_do_not_come_back():
    cell = contextvars.ContextVar("cell", default="none")

    async def see():
        seen = cell.get()
        cell.set("changed by the work")
        return seen

    cell.set("first")
    assert _background.run(see()) == "first"
    assert _background.submit(see()).result(PATIENCE_S) == "first"
    assert cell.get() == "first"


def test_a_plain_call_from_the_loop_itself_is_refused_with_advice():
    plain_double = _background.plain(double)

    async def careless():
        return plain_double(1)

    with pytest.raises(
        RuntimeError,
        match=r"double\(\) was called from a coroutine .* await the function of the same name in soniox_ds\.aio",
    ):
        _background.run(careless())


def test_only_coroutines_and_async_functions_are_taken():
    with pytest.raises(TypeError, match="result of calling an async function; this is function"):
        _background.run(double)
    with pytest.raises(TypeError, match="takes an async function"):
        _background.plain(len)


def test_a_submitted_coroutine_can_be_cancelled():
    under_way, cancelled = threading.Event(), threading.Event()

    async def wait():
        under_way.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    future = _background.submit(wait())
    assert under_way.wait(PATIENCE_S)
    future.cancel()
    assert cancelled.wait(PATIENCE_S)
    with pytest.raises(CancelledError):
        future.result()


async def test_the_callers_cancellation_is_noticed():
    """The task is cancelled from outside while the caller's loop is blocked, as asyncio.run does at Ctrl-C."""
    ended = threading.Event()
    caller = asyncio.current_task()

    async def wait():
        caller.cancel()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(asyncio.CancelledError):
        _background.run(wait())
    assert ended.is_set()
    # asyncio itself delivers the mark once more, at the next await. It is taken before `uncancel`, because from Python
    # 3.13 on `uncancel` forgets it.
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    caller.uncancel()


def test_nested_loops_are_refused_from_python_3_14_on(monkeypatch):
    run_before = asyncio.run
    monkeypatch.setattr(sys, "version_info", (3, 14, 0, "final", 0))
    with pytest.raises(SetupError, match=r"from 3\.14 on .* every request of httpx fails.*Plain functions"):
        _background.enable_nested_loops()
    assert asyncio.run is run_before


def test_nested_loops_are_refused_in_a_running_uvloop():
    run_before = asyncio.run

    async def main():
        with pytest.raises(SetupError, match=r"the event loop is uvloop\.Loop.*Start without uvloop"):
            _background.enable_nested_loops()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    assert asyncio.run is run_before
