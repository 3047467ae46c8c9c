"""The event ``"model"`` of a live session: which model answers for the one that was asked for.

Conventions: the list of models is asked for in the background when the session begins. The event is noted when the
answer comes, and in any case before the event ``"end"``; without an answer there is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from soniox_ds.api.connection import Connection
from soniox_ds.api.models import ModelList

__all__ = ["MODEL", "ModelEvent", "resolved_model_of"]

MODEL = "model"
_LAST_WAIT_S = 3.0  # real seconds that the end of a session waits for the list


class ModelEvent:
    """Asks for the list of models once and notes the answer."""

    def __init__(
        self, model: str, connection: Connection, note: Callable[[str], object], models: ModelList | None = None
    ) -> None:
        self._model = model
        self._connection = connection
        self._note = note
        self._is_own = models is None
        self._models = models or ModelList()
        self._task: asyncio.Task[None] | None = None

    @property
    def models(self) -> ModelList:
        """The list, which says why it could not be had."""
        return self._models

    def begin(self) -> None:
        """Ask in the background; nothing happens at the second call."""
        if self._task is None:
            self._models.ask_at(self._connection)
            self._task = asyncio.create_task(self._answered(), name="model of a live session")

    async def finish(self) -> None:
        """Wait a little for the answer. Raises what noting it raised."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_LAST_WAIT_S)
            if self._task.done():
                self._task.result()

    async def close(self) -> None:
        """Wait no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            if self._is_own:
                await self._models.close()

    async def _answered(self) -> None:
        resolved = await self._models.resolved(self._model)
        if resolved is not None:
            self._note(resolved)


def resolved_model_of(events: Iterable[tuple[str, str | None]]) -> str | None:
    """The model that answered in a log, from pairs of kind and payload; None where it is not known or not one.

    >>> resolved_model_of([("open", None), ("model", "stt-rt-v6")])
    'stt-rt-v6'
    """
    names = {payload for kind, payload in events if kind == MODEL}
    return names.pop() if len(names) == 1 else None
