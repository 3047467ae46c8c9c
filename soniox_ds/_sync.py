"""Plain functions that work over the network. ``soniox_ds.aio`` has their awaitable forms.

Modules for experiments and live audio are imported only when they are used, because they would double the time to the
first transcript.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack, overload

from soniox_ds._background import plain, plain_iterator
from soniox_ds.batch import pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from soniox_ds.batch import plan as planning
    from soniox_ds.batch.keywords import TranscribeKeywords
    from soniox_ds.corpus.corpus import Corpus
    from soniox_ds.corpus.opened import OpenedCorpus
    from soniox_ds.experiments import endpoint_sweep, run
    from soniox_ds.live import dataset
    from soniox_ds.live import stream as live_stream

    compare = plain(run.compare)
    plan = plain(planning.plan)
    stream = plain(live_stream.stream)
    stream_updates = plain_iterator(live_stream.stream_updates)
    stream_dataset = plain(dataset.stream_dataset)
    sweep_endpoints = plain(endpoint_sweep.sweep_endpoints)

    # Type checkers lose the signatures of an overloaded function in `plain`.
    @overload
    def transcribe(sources: Any, *, out: None = None, **keywords: Unpack[TranscribeKeywords]) -> Corpus: ...
    @overload
    def transcribe(sources: Any, *, out: str | Path, **keywords: Unpack[TranscribeKeywords]) -> OpenedCorpus: ...
    @overload
    def transcribe(
        sources: Any, *, out: str | Path | None, **keywords: Unpack[TranscribeKeywords]
    ) -> Corpus | OpenedCorpus: ...
    def transcribe(sources: Any, *, out: str | Path | None = None, **keywords: Any) -> Any:
        """Transcribe recordings into a corpus of token-level tables."""
else:
    transcribe = plain(pipeline.transcribe)

__all__ = [
    "compare",
    "plan",
    "stream",
    "stream_dataset",
    "stream_updates",
    "sweep_endpoints",
    "transcribe",
]


def __getattr__(name: str) -> Any:
    function: Any
    if name == "compare":
        from soniox_ds.experiments import run

        function = plain(run.compare)
    elif name == "plan":
        from soniox_ds.batch import plan as planning

        function = plain(planning.plan)
    elif name == "stream_dataset":
        from soniox_ds.live import dataset

        function = plain(dataset.stream_dataset)
    elif name == "sweep_endpoints":
        from soniox_ds.experiments import endpoint_sweep

        function = plain(endpoint_sweep.sweep_endpoints)
    elif name in ("stream", "stream_updates"):
        from soniox_ds.live import stream as live_stream

        function = plain(live_stream.stream) if name == "stream" else plain_iterator(live_stream.stream_updates)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = function
    return function
