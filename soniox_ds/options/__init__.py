"""Options of a transcription, under the names of the API, checked before anything is sent.

Conventions: an option that is None is not sent, so that the default of the service applies. False and an empty list
are sent as they are. Lists are kept as tuples, so that options can be compared and used as keys. All objects are frozen
and take keywords only.
"""

from __future__ import annotations

from soniox_ds.options.context import MAX_CONTEXT_CHARACTERS, Context, Translation
from soniox_ds.options.live import LiveOptions
from soniox_ds.options.models import ASYNC_MODEL, LIVE_MODEL
from soniox_ds.options.transcription import TranscriptionOptions

__all__ = [
    "ASYNC_MODEL",
    "LIVE_MODEL",
    "MAX_CONTEXT_CHARACTERS",
    "Context",
    "LiveOptions",
    "TranscriptionOptions",
    "Translation",
]
