"""The plain forms of the functions that work over the network; the awaitable ones are in ``soniox_ds.aio``."""

from soniox_ds import account, experiments
from soniox_ds.transcription import pipeline, sweeping
from soniox_ds.transcription.blocking import plain

__all__ = ["clean_up", "compare", "list_models", "transcribe", "usage"]

transcribe = plain(pipeline.transcribe)
compare = plain(experiments.compare)
clean_up = plain(sweeping.clean_up)
list_models = plain(account.list_models)
usage = plain(account.usage)
