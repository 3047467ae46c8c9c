"""The plain forms of the functions that work over the network; the awaitable ones are in ``soniox_ds.aio``.

What only experiments and live audio need is imported with the first of them: it would double the time to the first
transcript.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from soniox_ds import account
from soniox_ds.transcription import pipeline, sweeping
from soniox_ds.transcription.blocking import plain, plain_iterator

if TYPE_CHECKING:
    from soniox_ds import endpoint_sweeps, experiments
    from soniox_ds.live import streaming
    from soniox_ds.transcription import realtime

    compare = plain(experiments.compare)
    stream = plain(streaming.stream)
    stream_updates = plain_iterator(streaming.stream_updates)
    stream_dataset = plain(realtime.stream_dataset)
    sweep_endpoints = plain(endpoint_sweeps.sweep_endpoints)

__all__ = [
    "clean_up",
    "compare",
    "list_models",
    "stream",
    "stream_dataset",
    "stream_updates",
    "sweep_endpoints",
    "transcribe",
    "usage",
]

transcribe = plain(pipeline.transcribe)
clean_up = plain(sweeping.clean_up)
list_models = plain(account.list_models)
usage = plain(account.usage)


def __getattr__(name: str) -> Any:
    made: Any
    if name == "compare":
        from soniox_ds import experiments

        made = plain(experiments.compare)
    elif name == "stream_dataset":
        from soniox_ds.transcription import realtime

        made = plain(realtime.stream_dataset)
    elif name == "sweep_endpoints":
        from soniox_ds import endpoint_sweeps

        made = plain(endpoint_sweeps.sweep_endpoints)
    elif name in ("stream", "stream_updates"):
        from soniox_ds.live import streaming

        made = plain(streaming.stream) if name == "stream" else plain_iterator(streaming.stream_updates)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = made
    return made
