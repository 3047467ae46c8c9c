"""The event ``"model"`` of a live session: the model that the requested name stands for.

Conventions: the list of models is requested in the background when the session begins. The event is logged when the
answer arrives, and in any case before the event ``"end"``; without an answer there is no such event.
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
    """A request for the list of models, whose answer is logged once."""

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
        """List of models, which also records why a request for it failed."""
        return self._models

    def begin(self) -> None:
        """Request the list in the background. A second call does nothing."""
        if self._task is None:
            self._models.ask_at(self._connection)
            self._task = asyncio.create_task(self._answered(), name="model of a live session")

    async def finish(self) -> None:
        """Wait at most `_LAST_WAIT_S` for the answer. Raises the error of logging it."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_LAST_WAIT_S)
            if self._task.done():
                self._task.result()

    async def close(self) -> None:
        """Stop waiting."""
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
    """Return the model named in a log, given as pairs of kind and payload; None if it is unknown or not unique.

    >>> resolved_model_of([("open", None), ("model", "stt-rt-v6")])
    'stt-rt-v6'
    """
    names = {payload for kind, payload in events if kind == MODEL}
    return names.pop() if len(names) == 1 else None
