"""Transcription of datasets with Soniox speech-to-text into token-level DataFrames, and metrics for the results.

Every module is imported when it is first used, so that ``import soniox_ds`` is fast.
"""

from soniox_ds import _lazy
from soniox_ds._forks import watch_forks

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

watch_forks()
