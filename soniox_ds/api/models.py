"""The model that answers for a name: the service's list of models, asked for at most once in a run.

Conventions: an alias (``stt-async-v4``) is answered by another model, which ``aliased_model_id`` of the list names; the
*resolved* model is the one at the end of that chain. The list is a courtesy: what goes wrong with it is kept in
`ModelList.trouble` and never raised, since nothing that is paid for may fail because of it.
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
from soniox_ds.exceptions import ModelWarning, SonioxDSError

__all__ = ["ModelList", "resolve_alias"]

log = logging.getLogger("soniox_ds.api")

PATIENCE_S = 10.0
"""Real seconds to wait for the list, retries included; nothing is submitted meanwhile."""


class ModelList:
    """The list of one run: asked for when it is first needed, then remembered."""

    def __init__(self) -> None:
        self._request: asyncio.Task[list[dict[str, Any]] | None] | None = None
        self.trouble: str | None = None
        """Why the list could not be had."""
        self._was_told = False
        self.named_by_jobs: dict[str, set[str]] = {}
        """For each name that was asked for, the models that jobs of this run named themselves."""

    @property
    def was_asked(self) -> bool:
        """Whether the request was sent."""
        return self._request is not None

    def ask(self, client: Client) -> None:
        """Send the request, unless it was sent already; `resolved` waits for the answer."""
        if self._request is None:
            self._request = asyncio.create_task(self._fetch(client), name="list of models")

    def ask_at(self, connection: Connection) -> None:
        """Send the request with a client of its own, unless it was sent already."""
        if self._request is None:
            self._request = asyncio.create_task(self._fetch_at(connection), name="list of models")

    async def resolved(self, model: str) -> str | None:
        """Return the model that answers for `model` now; None where that cannot be told."""
        if self._request is None or self._request.cancelled():
            return None
        models = await asyncio.shield(self._request)
        return None if models is None else resolve_alias(model, models)

    async def close(self) -> None:
        """Wait for the list no longer."""
        if self._request is not None and not self._request.done():
            self._request.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._request

    def warn_of_trouble(self) -> None:
        """Warn, once, where the list could not be had."""
        if self.trouble is not None and not self._was_told:
            self._was_told = True
            warn_caller(
                "the service's list of models could not be had, so the column resolved_model is NA for what was "
                f"transcribed now ({self.trouble}). The transcripts themselves are complete.",
                ModelWarning,
            )

    async def _fetch_at(self, connection: Connection) -> list[dict[str, Any]] | None:
        async with Client(connection) as client:
            return await self._fetch(client)

    async def _fetch(self, client: Client) -> list[dict[str, Any]] | None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                models: list[dict[str, Any]] = (await client.list_models())["models"]
        except TimeoutError:
            self.trouble = f"it did not come within {PATIENCE_S:g} s"
        except SonioxDSError as error:
            self.trouble = str(error)
        else:
            return models
        log.warning("the list of models could not be had: %s", self.trouble)
        return None


def resolve_alias(model: str, models: Iterable[Mapping[str, Any]]) -> str | None:
    """Follow the aliases of a list of models; None for a name that is not in the list, or an alias of itself.

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
