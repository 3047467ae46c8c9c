"""A server that counts what is asked of it, and real kernels to ask it from."""

import asyncio
import json
import os
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from jupyter_client.manager import KernelManager
from separate_packages import installed
from waiting import PATIENCE_S

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

IPYKERNEL_6 = "ipykernel==6.31.0"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """Run these tests in one xdist worker, or every worker would start all kernels."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("kernels"))


class CountingServer:
    """``/quick`` answers at once; ``/hold`` when ``release`` is called, or never. Counts are of held requests."""

    def __init__(self):
        self._changed = threading.Condition()
        self.started = self.active = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),))

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        self._released, self._closed = asyncio.Event(), asyncio.Event()
        app = web.Application()
        app.router.add_get("/quick", self._quick)
        app.router.add_get("/hold", self._hold)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = "http://{}:{}".format(*runner.addresses[0])
        self._ready.set()
        await self._closed.wait()
        await runner.cleanup()

    async def _quick(self, request):
        return web.Response(text="quick")

    async def _hold(self, request):
        self._count(started=1, active=1)
        try:
            await self._released.wait()
        finally:
            self._count(active=-1)
        return web.Response(text="held")

    def _count(self, started=0, active=0):
        with self._changed:
            self.started += started
            self.active += active
            self._changed.notify_all()

    def wait_for(self, what):
        """Wait until ``what(self)`` is true."""
        with self._changed:
            if not self._changed.wait_for(lambda: what(self), PATIENCE_S):
                raise TimeoutError(f"{self.started} requests started, {self.active} active, and nothing more came")

    def release(self):
        """Answer requests that are held back, and all later ones, at once."""
        self._loop.call_soon_threadsafe(self._released.set)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join()


@pytest.fixture
def server():
    with CountingServer() as running:
        yield running


@dataclass
class Outcome:
    """The result of a cell: its messages on iopub, in their order, and its status."""

    cell_id: str
    status: str
    error: str
    messages: list = field(default_factory=list)

    def contents(self, *kinds):
        return [message["content"] for message in self.messages if message["msg_type"] in kinds]

    @property
    def printed(self):
        return "".join(content["text"] for content in self.contents("stream") if content["name"] == "stdout").strip()


class Kernel:
    """A running kernel."""

    def __init__(self, name):
        self._manager = KernelManager(kernel_name=name)
        self._manager.start_kernel()
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE_S)
        self.succeed("import asyncio, threading\nfrom fetching import *\nfrom soniox_ds import _background")
        # What is cancelled may take as long as the machine stalls.
        self.succeed(f"_background.GRACE_S = {PATIENCE_S}")

    def start(self, code):
        return self._client.execute(code)

    def outcome(self, cell_id):
        """Wait until the cell has ended; messages of other cells that come meanwhile are among its messages too."""
        messages = []
        while True:
            message = self._client.get_iopub_msg(timeout=PATIENCE_S)
            messages.append(message)
            if (
                message["parent_header"].get("msg_id") == cell_id
                and message["msg_type"] == "status"
                and message["content"]["execution_state"] == "idle"
            ):
                break
        while (reply := self._client.get_shell_msg(timeout=PATIENCE_S))["parent_header"].get("msg_id") != cell_id:
            pass
        return Outcome(cell_id, reply["content"]["status"], reply["content"].get("ename", ""), messages)

    def run(self, code):
        return self.outcome(self.start(code))

    def succeed(self, code):
        outcome = self.run(code)
        assert outcome.status == "ok", outcome.contents("error")
        return outcome

    def interrupt(self):
        self._manager.interrupt_kernel()

    def close(self):
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()


@pytest.fixture(scope="session")
def ipykernel_6():
    """The folder that holds ipykernel 6: installed once per machine, beside nothing but itself."""
    return installed(IPYKERNEL_6.replace("==", "-"), "--no-deps", IPYKERNEL_6)


LAUNCH_UNDER_UVLOOP = """
import asyncio, uvloop
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()
"""


@pytest.fixture(scope="session")
def kernel_name(tmp_path_factory):
    """Write the kernelspec of one kind of kernel and return its name."""
    folder = tmp_path_factory.mktemp("jupyter")

    def written(kind, python_path=()):
        command = ["-c", LAUNCH_UNDER_UVLOOP] if "uvloop" in kind else ["-m", "ipykernel_launcher"]
        spec = {
            "argv": [sys.executable, *command, "-f", "{connection_file}"],
            "display_name": kind,
            "language": "python",
            "env": {
                "PYTHONPATH": os.pathsep.join(map(str, [*python_path, HERE, ROOT])),
                "IPYTHONDIR": str(folder / "ipython"),
            },
        }
        (folder / "kernels" / kind).mkdir(parents=True, exist_ok=True)
        (folder / "kernels" / kind / "kernel.json").write_text(json.dumps(spec))
        return kind

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        yield written


@pytest.fixture(scope="session")
def start_kernel(kernel_name, request):
    """Start a kernel of one kind: ipykernel-7, ipykernel-6, ipykernel-7-uvloop."""
    started = []

    def start(kind):
        path = [request.getfixturevalue("ipykernel_6")] if "ipykernel-6" in kind else []
        started.append(Kernel(kernel_name(kind, path)))
        return started[-1]

    yield start
    for kernel in started:
        kernel.close()


@pytest.fixture(scope="session", params=["ipykernel-7", "ipykernel-6", "ipykernel-7-uvloop"])
def kernel(request, start_kernel):
    kernel = start_kernel(request.param)
    kernel.kind = request.param
    return kernel
