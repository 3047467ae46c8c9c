"""The functions of ``soniox_ds`` that work over the network, under the same names, to be awaited.

>>> from soniox_ds import aio
>>> corpus = await aio.transcribe("calls/")          # doctest: +SKIP
"""

from soniox_ds.account import list_models, usage
from soniox_ds.endpoint_sweeps import sweep_endpoints
from soniox_ds.experiments import compare
from soniox_ds.live.streaming import stream, stream_updates
from soniox_ds.transcription.pipeline import transcribe
from soniox_ds.transcription.realtime import stream_dataset
from soniox_ds.transcription.sweeping import clean_up

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
