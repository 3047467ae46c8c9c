"""A Dask cluster of two worker processes on this machine, as the tests of a module share it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import Client, LocalCluster

KEY = "canary-3b7e0d94c1"
"""The API key in the environment of the workers."""


@contextmanager
def cluster(n_workers: int = 2, threads_per_worker: int = 1, **environment: str) -> Iterator[Client]:
    """A client of a cluster whose workers have these variables in their environment, as well as those of here."""
    settings = {
        "distributed.worker.daemon": True,
        "distributed.comm.timeouts.connect": "60s",
        "distributed.deploy.lost-worker-timeout": "1 hour",  # A busy machine takes its time to restart a worker.
    }
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=threads_per_worker,
            dashboard_address=":0",
            env=environment,
            local_directory=os.environ.get("TMPDIR"),
        ) as running,
        Client(running) as client,
    ):
        yield client


def processes(client: Client) -> list[int]:
    """Return the ids of the processes of the workers."""
    return list(client.run(os.getpid).values())
