"""A server that imports the package once, and forks itself for each script that a test starts.

Some tests start a script dozens of times, and the imports would take more processor time than most of these scripts.
Only one script runs at a time. Each script is a process with its own memory, which may be killed.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

__all__ = ["ForkServer", "ForkedProcess"]

MODULES = (
    *("anyio._backends._asyncio", "av", "httpx", "pandas", "pyarrow.parquet", "websockets.asyncio.client"),
    *("soniox_ds.batch.corpus_folder", "soniox_ds.batch.pipeline", "soniox_ds.corpus.opened", "soniox_ds.text.words"),
)
"""The modules that scripts need to transcribe recordings. Scripts import other modules as usual."""


class ForkedProcess:
    """A running script."""

    def __init__(self, pid: int, answers: IO[str], errors: Path) -> None:
        self.pid = pid
        self._answers = answers
        self._errors = errors

    def send_signal(self, number: int) -> None:
        """Send a signal to the process. A signal to a process that has ended has no effect.

        The server keeps the id of an ended process until it starts the next script, so that no other process gets the
        signal.
        """
        with contextlib.suppress(ProcessLookupError):  # The next script has started, and the id is free.
            os.kill(self.pid, number)

    def wait(self, timeout_s: float) -> int:
        """Wait for the end of the script, and return its exit status, which is negative after a signal as in
        `subprocess`.

        Raises TimeoutError if the script does not end in time.
        """
        if not select.select([self._answers], [], [], timeout_s)[0]:
            raise TimeoutError(f"the process has not ended for {timeout_s:.0f} s")
        return int(self._answers.readline())

    def errors(self) -> str:
        """Return the text that the script has written to its standard error."""
        return self._errors.read_text()


class ForkServer:
    """The server, as a context manager. The standard error of each script is written to a file in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._n_started = 0

    def __enter__(self) -> ForkServer:
        environment = {**os.environ, "PYTHONPATH": ":".join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.communicate()

    def start(self, script: Path, *arguments: object, environment: Mapping[str, str]) -> ForkedProcess:
        """Start a script with these arguments, and with these environment variables only."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._n_started += 1
        errors = self._folder / f"errors-{self._n_started}.txt"
        request = {"argv": list(map(str, [script, *arguments])), "environment": {**environment}, "errors": str(errors)}
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return ForkedProcess(int(self._server.stdout.readline()), self._server.stdout, errors)


def _serve() -> dict[str, Any] | None:
    """Fork for each request. Return the request in the child, and None in the server when its input ends."""
    for name in MODULES:
        importlib.import_module(name)
    gc.freeze()  # so that children do not copy the pages of all modules when they look for garbage
    pid = None
    while line := sys.stdin.readline():
        if pid is not None:
            os.waitpid(pid, 0)
        pid = os.fork()
        if pid == 0:
            return json.loads(line)
        print(pid, flush=True)
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        print(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status, flush=True)
    return None


def _become(request: Mapping[str, Any]) -> None:
    """Turn this process into that of a script, with its arguments, its environment and its standard files."""
    sys.argv = request["argv"]
    os.environ.clear()
    os.environ.update(request["environment"])
    for flags, path, handles in (
        (os.O_RDWR, os.devnull, (0, 1)),
        (os.O_WRONLY | os.O_CREAT, request["errors"], (2,)),
    ):
        opened = os.open(path, flags)
        for handle in handles:
            os.dup2(opened, handle)
        os.close(opened)


if __name__ == "__main__":
    if request := _serve():
        _become(request)
        runpy.run_path(sys.argv[0], run_name="__main__")
