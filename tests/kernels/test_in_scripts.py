"""Plain calls in scripts: Ctrl-C, forks, other people's loops, and an end without a warning."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import PATIENCE_S

HERE = Path(__file__).parent

# a shell that starts the tests in the background leaves SIGINT ignored in all its children
HEAD = """
import asyncio, os, signal, sys, threading, warnings
signal.signal(signal.SIGINT, signal.default_int_handler)
from fetching import *
from soniox_ds import _background
_background.GRACE_S = 120.0  # what is cancelled may take as long as the machine stalls
url = sys.argv[1]
"""


class Script:
    """A running interpreter that turns every warning into an error."""

    def __init__(self, code, url):
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", HEAD + code, url],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1])])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for_line(self, line):
        assert self._process.stdout.readline().strip() == line

    def press_ctrl_c(self):
        self._process.send_signal(signal.SIGINT)

    def end(self):
        """Return (exit code, output, error output)."""
        out, error = self._process.communicate(timeout=PATIENCE_S)
        return self._process.returncode, out.strip(), error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()


def quietly_ended(script):
    """The output of a script that ended well and had nothing to complain of but the line of progress."""
    code, out, error = script.end()
    assert code == 0, error
    assert [line for line in error.splitlines() if " done, " not in line] == []
    return out


INTERRUPTED = [
    pytest.param("plain_fetch_all(url)", id="script"),
    pytest.param("async def main():\n    plain_fetch_all(url)\nasyncio.run(main())", id="asyncio-run"),
    pytest.param(
        "async def child():\n    plain_fetch_all(url)\n"
        "async def main():\n    async with asyncio.TaskGroup() as group:\n        group.create_task(child())\n"
        "asyncio.run(main())",
        id="child-task",
    ),
    pytest.param("import uvloop\nasync def main():\n    plain_fetch_all(url)\nuvloop.run(main())", id="uvloop"),
    pytest.param("_background.enable_nested_loops()\nplain_fetch_all(url)", id="nested-loops"),
]


@pytest.mark.parametrize("code", INTERRUPTED)
def test_ctrl_c_cancels_everything(code, server):
    code = (
        "try:\n" + "\n".join("    " + line for line in code.splitlines()) + "\n"
        "except KeyboardInterrupt:\n    print('interrupted', flush=True)\n"
        "print(tasks_left(), plain_fetch_all(url.replace('hold', 'quick'), count=20))"
    )
    with Script(code, f"{server.url}/hold") as script:
        server.wait_for(lambda counts: counts.active == 10)
        script.press_ctrl_c()
        script.wait_for_line("interrupted")
        server.wait_for(lambda counts: counts.active == 0)
        server.release()
        assert quietly_ended(script) == "0 20"
    assert server.started == 10


@pytest.mark.parametrize(
    "install",
    [
        "asyncio.get_running_loop().add_signal_handler(signal.SIGINT, asked.set)",
        "signal.signal(signal.SIGINT, lambda *_: asked.set())",
    ],
)
def test_the_callers_own_handler_is_called_too(install, server):
    code = f"""
async def main():
    asked = asyncio.Event()
    {install}
    try:
        plain_fetch_all(url)
    except asyncio.CancelledError:
        await asked.wait()
        print("asked to end")
asyncio.run(main())
"""
    with Script(code, f"{server.url}/hold") as script:
        server.wait_for(lambda counts: counts.active == 10)
        script.press_ctrl_c()
        assert quietly_ended(script) == "asked to end"
    server.wait_for(lambda counts: counts.active == 0)


def test_the_callers_handler_is_back_after_the_call(server):
    code = """
async def main():
    before = signal.getsignal(signal.SIGINT)
    plain_fetch_all(url, count=1)
    print(signal.getsignal(signal.SIGINT) is before)
asyncio.run(main())
"""
    with Script(code, f"{server.url}/quick") as script:
        assert quietly_ended(script) == "True"


@pytest.mark.parametrize("call", ["slow()", "asyncio.run(main())", "asyncio.run(handling())"])
def test_a_second_ctrl_c_does_not_wait(call, server):
    """The work holds out against the first cancellation, and the grace is an hour."""
    code = f"""
_background.GRACE_S = 3600.0

async def hold_out():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        await asyncio.Event().wait()

async def announce():
    print("started", flush=True)
    await hold_out()

slow = _background.plain(announce)

async def main():
    slow()

async def handling():
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, print)
    try:
        slow()
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None

try:
    {call}
except KeyboardInterrupt:
    print("given back")
"""
    with Script(code, server.url) as script:
        script.wait_for_line("started")
        script.press_ctrl_c()
        script.wait_for_line("cancelled")
        script.press_ctrl_c()
        assert quietly_ended(script) == "given back"


def test_a_forked_child_has_its_own_loop(server):
    """Even when another thread held the lock at the moment of the fork, and without harm to the parent's loop."""
    code = """
print(plain_fetch_all(url, count=2), flush=True)
warnings.simplefilter("ignore", DeprecationWarning)
held, forked = threading.Event(), threading.Event()

def hold():
    with _background._home_lock:
        held.set()
        forked.wait()

threading.Thread(target=hold).start()
held.wait()
child = os.fork()
forked.set()
if child == 0:
    print(plain_fetch_all(url, count=3), flush=True)
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print(plain_fetch_all(url, count=4), flush=True)
"""
    with Script(code, f"{server.url}/quick") as script:
        assert quietly_ended(script).split() == ["2", "3", "7", "4"]


def test_work_under_way_at_the_end_may_wind_down(server):
    code = """
started = threading.Event()

async def work():
    try:
        started.set()
        await asyncio.Event().wait()
    finally:
        for _ in range(20):
            await asyncio.sleep(0)
        print("wound down", flush=True)

_background.submit(work())
started.wait()
"""
    with Script(code, server.url) as script:
        assert quietly_ended(script) == "wound down"


ENDINGS = [
    pytest.param("plain_fetch_all(url, count=5)", id="idle"),
    pytest.param("import uvloop\nuvloop.run(fetch_all(url, count=5))\nplain_fetch_all(url, count=5)", id="uvloop"),
    pytest.param(
        "async def main():\n    await fetch_all(url, count=2)\n    plain_fetch_all(url, count=3)\nasyncio.run(main())",
        id="both",
    ),
    pytest.param("_background.submit(asyncio.sleep(3600))", id="work-under-way"),
    pytest.param(
        "import queue\nstarted = queue.SimpleQueue()\n"
        "async def go_on():\n    started.put(1)\n    await asyncio.sleep(3600)\n"
        "threading.Thread(target=_background.plain(go_on), daemon=True).start()\nstarted.get()",
        id="call-in-a-daemon-thread",
    ),
    pytest.param("_background.enable_nested_loops()\nprint(asyncio.run(fetch_all(url, count=2)))", id="nested-loops"),
    pytest.param(
        "import nest_asyncio\n_background.event_loop()\nnest_asyncio.apply()\nprint(plain_fetch_all(url, count=2))",
        id="nest-asyncio-applied-by-somebody-while-the-loop-turns",
    ),
]


@pytest.mark.parametrize("code", ENDINGS)
def test_the_end_is_quiet(code, server):
    with Script(code, f"{server.url}/quick") as script:
        quietly_ended(script)
