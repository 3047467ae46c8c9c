"""A Dask cluster of worker processes on this machine, for tests."""

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
    """Start a cluster, and yield a client of it.

    The environment of the workers has these variables, in addition to those of this process.
    """
    settings = {
        "distributed.worker.daemon": True,
        "distributed.comm.timeouts.connect": "60s",
        "distributed.deploy.lost-worker-timeout": "1 hour",  # A busy machine needs time to restart a worker.
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
