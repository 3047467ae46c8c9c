"""The keyword arguments of `soniox_ds.transcribe`, for type checkers.

The type of the result depends on `out`, so the function has several signatures, which share these arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from soniox_ds.options.transcription import TranscriptionKeywords

if TYPE_CHECKING:
    from soniox_ds.api.clock import Clock
    from soniox_ds.api.connection import Connection
    from soniox_ds.batch.limits import Limits
    from soniox_ds.batch.webhook_receiver import WebhookReceiver
    from soniox_ds.progress.counts import Snapshot

__all__ = ["TranscribeKeywords"]


class TranscribeKeywords(TranscriptionKeywords, total=False):
    """The keyword arguments of `soniox_ds.transcribe` except `out`, with the options of the API."""

    audio_column: str | None
    id_column: str | None
    reference_column: str | None
    audio_root: str | Path | None
    storage_options: Mapping[str, Any] | None
    connection: Connection | Iterable[Connection] | None
    concurrency: int
    executor: Executor | None
    requests_per_minute: float
    limits: Limits | None
    max_cost_usd: float | None
    journal: str | Path | None
    refresh: bool
    repeat: int
    on_error: Literal["report", "raise"]
    progress: bool | Callable[[Snapshot], object] | None
    timeout_s: float | None
    webhook: WebhookReceiver | None
    clock: Clock | None
