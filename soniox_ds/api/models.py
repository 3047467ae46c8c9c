"""The service's list of models, by which aliases are resolved. A run requests it at most once.

Conventions: an alias (``stt-async-v4``) is answered by another model, which the list names as ``aliased_model_id``. The
*resolved* model is the last model of this chain. A failure to get the list is kept in `ModelList.trouble` and never
raised, because no paid transcription may fail for want of the list.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from soniox_ds._caller import warn_caller
from soniox_ds.api.client import Client
from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import AuthError, ModelWarning, SonioxDSError

__all__ = ["ModelList", "resolve_alias"]

log = logging.getLogger("soniox_ds.api")

PATIENCE_S = 10.0
"""Seconds of real time to wait for the list, including retries. Nothing is submitted meanwhile."""


class ModelList:
    """The list of models of one run, which is requested when it is first needed and then kept."""

    def __init__(self) -> None:
        self._request: asyncio.Task[list[dict[str, Any]] | None] | None = None
        self.trouble: str | None = None
        """The reason why the list is not available; None if there was no failure."""
        self._has_warned = False
        self.named_by_jobs: dict[str, set[str]] = {}
        """For each requested name of a model, the models that jobs of this run named in their answers."""

    @property
    def was_asked(self) -> bool:
        """True once the list was requested."""
        return self._request is not None

    def ask(self, *clients: Client) -> None:
        """Request the list, unless it was already requested. `resolved` waits for the answer.

        If the key of the first client is refused, the next client is used.
        """
        if self._request is None:
            self._request = asyncio.create_task(self._fetch(*clients), name="list of models")

    def ask_at(self, *connections: Connection) -> None:
        """Request the list as `ask` does, with new clients for these connections, unless it was already requested."""
        if self._request is None:
            self._request = asyncio.create_task(self._fetch_at(*connections), name="list of models")

    async def resolved(self, model: str) -> str | None:
        """Return the model that answers for `model` now, or None if it is not known."""
        if self._request is None or self._request.cancelled():
            return None
        models = await asyncio.shield(self._request)
        return None if models is None else resolve_alias(model, models)

    async def close(self) -> None:
        """Stop waiting for the list."""
        if self._request is not None and not self._request.done():
            self._request.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._request

    def warn_of_trouble(self) -> None:
        """Warn once if the list is not available."""
        if self.trouble is not None and not self._has_warned:
            self._has_warned = True
            warn_caller(
                f"the service's list of models could not be read ({self.trouble}), so the column resolved_model is NA "
                "for the new transcripts. The transcripts themselves are complete.",
                ModelWarning,
            )

    async def _fetch_at(self, *connections: Connection) -> list[dict[str, Any]] | None:
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Client(connection)) for connection in connections]
            return await self._fetch(*clients)

    async def _fetch(self, *clients: Client) -> list[dict[str, Any]] | None:
        for client in clients:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    models: list[dict[str, Any]] = (await client.list_models())["models"]
            except AuthError as error:
                self.trouble = str(error)
                continue
            except TimeoutError:
                self.trouble = f"it did not arrive within {PATIENCE_S:g} s"
            except SonioxDSError as error:
                self.trouble = str(error)
            else:
                self.trouble = None
                return models
            break
        log.warning("the list of models could not be read: %s", self.trouble)
        return None


def resolve_alias(model: str, models: Iterable[Mapping[str, Any]]) -> str | None:
    """Follow the aliases in a list of models. Return None if the name is not in the list or is an alias of itself.

    Examples
    --------
    >>> models = [{"id": "v3", "aliased_model_id": "v4"}, {"id": "v4", "aliased_model_id": "v5"}, {"id": "v5"}]
    >>> [resolve_alias(name, models) for name in ("v3", "v5", "v9")]
    ['v5', 'v5', None]
    """
    targets = {str(entry["id"]): entry.get("aliased_model_id") for entry in models}
    if model not in targets:
        return None
    passed = {model}
    while isinstance(target := targets.get(model), str) and target:
        if target in passed:
            return None
        passed.add(target)
        model = target
    return model
