"""Claims that keep Dask from sending a request twice.

Dask runs a task again on another worker if the first worker dies, or seems to have died, even if retries are turned
off. A request must not be sent again in this way, because the process of the run has counted it once in its budget. The
process of the run therefore puts a claim for each request into a queue of Dask's scheduler, and the task takes it out
before it sends the request. A task that finds no claim sends nothing.
"""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

from soniox_ds._executors import dask_client

__all__ = ["DaskClaims", "claim"]


class DaskClaims:
    """The claims of the requests of a run, in the scheduler of a Dask cluster. All methods block."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._queues: dict[str, Any] = {}

    @classmethod
    def of(cls, executor: Executor) -> DaskClaims | None:
        """Return the claims for an executor of Dask; None for other executors, which run a task at most once."""
        client = dask_client(executor)
        return None if client is None else cls(client)

    def offer(self, ticket: str) -> None:
        """Let one task claim this ticket."""
        from distributed import Queue

        self._queues[ticket] = queue = Queue(ticket, client=self._client)
        queue.put(True)

    def withdraw(self, ticket: str) -> bool:
        """Withdraw a ticket, so that no task can claim it any more.

        Return True if no task has claimed it. Later calls return False.
        """
        if (queue := self._queues.pop(ticket, None)) is None:
            return False
        try:
            return bool(queue.get(batch=True))
        finally:
            queue.close()


def claim(ticket: str) -> bool:
    """Claim a ticket within a task on a worker of Dask. Return False if the ticket was claimed before or withdrawn."""
    from distributed import Queue, get_client

    queue = Queue(ticket, client=get_client())
    try:
        return bool(queue.get(batch=True))
    finally:
        queue.close()
