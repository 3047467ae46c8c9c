"""soniox_ds: transcribe datasets with Soniox speech-to-text into token-level DataFrames, and measure the result.

Everything is imported where it is first used, so that ``import soniox_ds`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soniox_ds import aio, errors, schema
    from soniox_ds.analysis.speakers import speaker_turns
    from soniox_ds.analysis.text import segments, texts, words
    from soniox_ds.emulator.local import local_service
    from soniox_ds.formats.corpus import Corpus, concat, read_corpus
    from soniox_ds.options import Context, Retry, TranscriptionOptions, Translation
    from soniox_ds.plots.timeline import plot_timeline
    from soniox_ds.service.connection import Connection
    from soniox_ds.transcription.blocking import enable_nested_loops
    from soniox_ds.transcription.doors import clean_up, list_models, transcribe, usage
    from soniox_ds.transcription.limits import Limits

__all__ = [
    "Connection",
    "Context",
    "Corpus",
    "Limits",
    "Retry",
    "TranscriptionOptions",
    "Translation",
    "aio",
    "clean_up",
    "concat",
    "enable_nested_loops",
    "errors",
    "list_models",
    "local_service",
    "plot_timeline",
    "read_corpus",
    "schema",
    "segments",
    "speaker_turns",
    "texts",
    "transcribe",
    "usage",
    "words",
]

_HOMES = {
    "Connection": "service.connection",
    "Context": "options",
    "Corpus": "formats.corpus",
    "Limits": "transcription.limits",
    "Retry": "options",
    "TranscriptionOptions": "options",
    "Translation": "options",
    "clean_up": "transcription.doors",
    "concat": "formats.corpus",
    "enable_nested_loops": "transcription.blocking",
    "list_models": "transcription.doors",
    "local_service": "emulator.local",
    "plot_timeline": "plots.timeline",
    "read_corpus": "formats.corpus",
    "segments": "analysis.text",
    "speaker_turns": "analysis.speakers",
    "texts": "analysis.text",
    "transcribe": "transcription.doors",
    "usage": "transcription.doors",
    "words": "analysis.text",
}
_MODULES = ("aio", "errors", "schema")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"soniox_ds.{name}")
    if name in _HOMES:
        value = getattr(import_module(f"soniox_ds.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'soniox_ds' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
