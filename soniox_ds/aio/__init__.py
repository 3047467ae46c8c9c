"""Awaitable forms of the functions of ``soniox_ds`` that work over the network, under the same names.

>>> from soniox_ds import aio
>>> corpus = await aio.transcribe("calls/")          # doctest: +SKIP
"""

from soniox_ds.aio import account
from soniox_ds.batch.pipeline import transcribe
from soniox_ds.batch.plan import plan
from soniox_ds.experiments.endpoint_sweep import sweep_endpoints
from soniox_ds.experiments.run import compare
from soniox_ds.live.dataset import stream_dataset
from soniox_ds.live.stream import stream, stream_updates

__all__ = [
    "account",
    "compare",
    "plan",
    "stream",
    "stream_dataset",
    "stream_updates",
    "sweep_endpoints",
    "transcribe",
]
