"""A service that exists only in this process: jobs on the clock of the run, without a network.

It stands in for the transport alone: the pipeline, the journal and the budget are the real ones.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from soniox_ds.api.budget import Priority, RequestBudget
from soniox_ds.api.client import Client
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import NotFoundError


class SimulatedClient(Client):
    """A client whose requests are answered here, within the budget of the run."""

    n_tokens = 60
    """Number of tokens of each transcript."""
    median_s = 7.0
    """Median of the seconds until a job is completed."""

    def __init__(
        self, connection: Connection, budget: RequestBudget | None = None, clock: Clock | None = None, **more: Any
    ) -> None:
        super().__init__(connection, budget, clock=clock, **more)
        self.clock = clock or Clock()
        self.budget = budget or RequestBudget(1e9, self.clock)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.ready_s: dict[str, float] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.requests = 0
        self._rng = random.Random(0)

    async def _take(self, priority: Priority) -> None:
        await self.budget.take(priority)
        self.requests += 1
        await self.clock.sleep(0.05)

    async def upload_file(
        self,
        source: str | Path | bytes,
        *,
        filename: str | None = None,
        client_reference_id: str | None = None,
        priority: Priority = Priority.SUBMIT,
        **_: Any,
    ) -> dict[str, Any]:
        """Take a file without reading it."""
        await self._take(priority)
        file = {"id": str(uuid4()), "filename": filename, "client_reference_id": client_reference_id}
        self.files[file["id"]] = file
        return file

    async def create_transcription(
        self, body: Mapping[str, Any], *, priority: Priority = Priority.SUBMIT
    ) -> dict[str, Any]:
        """Queue a job."""
        await self._take(priority)
        names = ("model", "file_id", "audio_url", "client_reference_id")
        job = {"id": str(uuid4()), "status": "queued", "created_at": datetime.now(UTC).isoformat()}
        job |= {name: body.get(name) for name in names} | {"filename": "a.wav", "audio_duration_ms": 20}
        self.jobs[job["id"]] = job
        self.ready_s[job["id"]] = self.clock.now() + self._rng.lognormvariate(0, 0.5) * self.median_s
        return dict(job)

    def _seen(self, job: dict[str, Any]) -> dict[str, Any]:
        if self.clock.now() >= self.ready_s[job["id"]]:
            job["status"] = "completed"
        return dict(job)

    async def list_transcriptions(
        self, *, limit: int = 1000, cursor: str | None = None, priority: Priority = Priority.URGENT
    ) -> dict[str, Any]:
        """List the stored jobs, the newest first."""
        await self._take(priority)
        start = int(cursor or 0)
        jobs = list(self.jobs.values())[::-1]
        rest = str(start + limit) if len(jobs) > start + limit else None
        return {"transcriptions": [self._seen(job) for job in jobs[start : start + limit]], "next_page_cursor": rest}

    async def get_transcription(self, transcription_id: str, *, priority: Priority = Priority.URGENT) -> dict[str, Any]:
        """Return a job."""
        await self._take(priority)
        if transcription_id not in self.jobs:
            raise NotFoundError("no such transcription", status=404)
        return self._seen(self.jobs[transcription_id])

    async def get_transcript(self, transcription_id: str, *, priority: Priority = Priority.FETCH, **_: Any) -> bytes:
        """Return invented tokens."""
        await self._take(priority)
        tokens = [
            {"text": f" {self._rng.randrange(10**6)}", "start_ms": n * 300, "end_ms": n * 300 + 60, "confidence": 0.9}
            for n in range(self.n_tokens)
        ]
        text = "".join(str(token["text"]) for token in tokens)
        return json.dumps({"id": transcription_id, "text": text, "tokens": tokens}).encode()

    async def delete_transcription(self, transcription_id: str, *, priority: Priority = Priority.CLEAN) -> None:
        """Delete a job."""
        await self._take(priority)
        del self.jobs[transcription_id], self.ready_s[transcription_id]

    async def delete_file(self, file_id: str, *, priority: Priority = Priority.CLEAN) -> None:
        """Delete a file."""
        await self._take(priority)
        del self.files[file_id]

    async def list_models(self, *, priority: Priority = Priority.URGENT) -> dict[str, Any]:
        """Return no models."""
        await self._take(priority)
        return {"models": []}
