"""The plain forms of the functions that work over the network; the awaitable ones are in ``soniox_ds.aio``.

What only experiments need is imported with the first experiment: it would double the time to the first transcript.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from soniox_ds import account
from soniox_ds.transcription import pipeline, sweeping
from soniox_ds.transcription.blocking import plain

if TYPE_CHECKING:
    from soniox_ds import experiments

    compare = plain(experiments.compare)

__all__ = ["clean_up", "compare", "list_models", "transcribe", "usage"]

transcribe = plain(pipeline.transcribe)
clean_up = plain(sweeping.clean_up)
list_models = plain(account.list_models)
usage = plain(account.usage)


def __getattr__(name: str) -> Any:
    if name != "compare":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from soniox_ds import experiments

    globals()[name] = plain(experiments.compare)
    return globals()[name]
