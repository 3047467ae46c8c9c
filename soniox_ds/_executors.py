"""Executors of ``concurrent.futures``: the submission of tasks, checks of the workers, and errors for lost tasks.

Conventions: any object with a method `submit` is an executor, such as a process pool or ``client.get_executor()`` of
Dask. Its workers may be on other machines. A task can be sent there only if the worker has the same version of this
package, because pickle finds functions and classes by their names.
"""

from __future__ import annotations

import asyncio
import functools
import os
import socket
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from importlib import metadata
from typing import Any, TypeVar

from soniox_ds.exceptions import ExecutorError, OptionsError

__all__ = [
    "check_executor",
    "check_version",
    "dask_client",
    "installed_version",
    "lost_task",
    "submitted",
    "version_task",
    "worker_name",
]

_PACKAGE = "soniox-ds"

_Result = TypeVar("_Result")


def check_executor(executor: object) -> None:
    """Raise OptionsError unless the value is an executor or None.

    >>> check_executor(4)
    Traceback (most recent call last):
    soniox_ds.exceptions.OptionsError: executor is 4; pass an executor, such as ProcessPoolExecutor(4) or
    client.get_executor() of Dask
    """
    is_instance = callable(getattr(executor, "submit", None)) and not isinstance(executor, type)
    if executor is not None and (not is_instance or hasattr(executor, "get_executor")):  # Excludes clients of Dask.
        raise OptionsError(
            f"executor is {executor!r}; pass an executor, such as ProcessPoolExecutor(4) or client.get_executor() of "
            "Dask"
        )


@functools.cache
def installed_version() -> str:
    """Return the version of this package that is installed here."""
    return metadata.version(_PACKAGE)


version_task: Callable[[], str] = functools.partial(metadata.version, _PACKAGE)
"""A task that returns the version of the package on a worker. It runs there even if the package is missing or has
another version."""


def worker_name() -> str:
    """Return a description of this process (host and process id) for messages from a worker."""
    return f"the worker on {socket.gethostname()} (process {os.getpid()})"


def check_version(expected: str, found: str | None = None) -> None:
    """Raise ExecutorError unless a worker has the expected version of the package.

    `found` is the version on the worker. None checks this process.
    """
    actual = found or installed_version()
    if actual != expected:
        where = "a worker of the executor" if found is not None else worker_name()
        raise ExecutorError(
            f"{where} has {_PACKAGE} {actual}, and this process has {expected}. Install the same version on all "
            f'workers: pip install "{_PACKAGE}=={expected}"'
        )


def dask_client(executor: Executor) -> Any | None:
    """Return the Dask client that an executor belongs to, or None if it is not an executor of Dask.

    Raises OptionsError if the client is asynchronous.
    """
    if type(executor).__module__.partition(".")[0] != "distributed":
        return None
    from distributed import get_client

    client = getattr(executor, "_client", None) or get_client()
    if client.asynchronous:
        raise OptionsError("executor belongs to a client of Dask with asynchronous=True; make the client without it")
    return client


def submitted(executor: Executor, task: Callable[[], _Result]) -> Future[_Result]:
    """Submit a task. Raises ExecutorError if the executor takes no tasks, for example because it was shut down."""
    client = dask_client(executor)
    try:
        return executor.submit(task) if client is None else _submitted_to_dask(executor, client, task)
    except Exception as error:  # Dask raises exceptions of its own.
        raise ExecutorError(
            f"the executor takes no tasks ({_words(error)}). Make a new executor and run the same call again"
        ) from error


def _submitted_to_dask(executor: Executor, client: Any, task: Callable[[], _Result]) -> Future[_Result]:
    """Submit a task to Dask as its executor does, but never leave a future without an outcome.

    A future of Dask's own executor waits for ever if the worker dies after it has finished the task, so that the result
    is lost.
    """
    if getattr(executor, "_shutdown", False):
        raise RuntimeError("cannot schedule new futures after shutdown")
    given = getattr(executor, "_kwargs", {})  # Options of the executor, such as the workers to use.
    of_dask = client.submit(task, **{**given, "pure": False, "retries": 0})
    future: Future[_Result] = Future()

    async def settle() -> None:
        try:
            result = await of_dask
        except BaseException as error:  # noqa: BLE001  # The caller waits for the outcome, whatever it is.
            if future.set_running_or_notify_cancel():
                future.set_exception(CancelledError(str(error)) if _is_cancellation(error) else error)
        else:
            if future.set_running_or_notify_cancel():
                future.set_result(result)

    client.loop.add_callback(settle)
    future.add_done_callback(lambda _: of_dask.release())
    return future


def lost_task(error: BaseException) -> ExecutorError | None:
    """Return the error for a task that an executor has lost; None if the task itself has failed.

    Examples
    --------
    >>> lost_task(ValueError("of the task")) is None
    True
    >>> print(lost_task(CancelledError()))
    the executor has given up a task (CancelledError). Its workers or its scheduler were stopped, or the connection to
    them was lost. Make a new executor and run the same call again
    """
    if type(error).__name__ == "KilledWorker":  # An exception of Dask. Dask is not imported only for this check.
        problem = "the workers that ran a task have died, several times in a row"
        advice = "Look at their logs, for example for too little memory, and run the same call again"
    elif isinstance(error, BrokenExecutor):
        problem = "a worker of the executor has died, and the executor takes no more tasks"
        advice = "Make a new executor and run the same call again"
    elif _is_cancellation(error):
        problem = "the executor has given up a task"
        advice = (
            "Its workers or its scheduler were stopped, or the connection to them was lost. Make a new executor and "
            "run the same call again"
        )
    elif isinstance(error, metadata.PackageNotFoundError):
        problem = f"a worker of the executor does not have {_PACKAGE}"
        advice = f'Install it on all workers: pip install "{_PACKAGE}=={installed_version()}"'
    else:
        return None
    return ExecutorError(f"{problem} ({_words(error)}). {advice}")


def _is_cancellation(error: BaseException) -> bool:
    return isinstance(error, CancelledError | asyncio.CancelledError)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
