"""Arguments that several functions share: their checks, before anything is sent, and the recordings of a call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soniox_ds._arguments import check_number
from soniox_ds.exceptions import OptionsError
from soniox_ds.sources.recording import RecordingList
from soniox_ds.sources.search import find_recordings

__all__ = ["check_count", "check_on_error", "check_repeat", "recordings_of"]


def check_count(name: str, value: object, meaning: str, least: int = 1) -> None:
    """Raise OptionsError unless the value is a whole number of at least `least`.

    >>> check_count("concurrency", 0, "the number of uploads at once")
    Traceback (most recent call last):
    soniox_ds.exceptions.OptionsError: concurrency is 0; it is the number of uploads at once, a whole number, 1 or more
    """
    advice = f"it is {meaning}, a whole number, {least} or more"
    check_number(value, name, whole=True, least=least, advice=advice, error=OptionsError)


def check_repeat(value: object) -> None:
    """Raise OptionsError unless the value can be the number of a repetition, which becomes part of the job's key."""
    check_count("repeat", value, "the number of the repetition", least=0)


def check_on_error(value: object) -> None:
    """Raise OptionsError unless the value is ``"report"`` or ``"raise"``."""
    if value not in ("report", "raise"):
        raise OptionsError(f'on_error is {value!r}; it is "report" (failed rows and a warning) or "raise"')


async def recordings_of(
    sources: Any,
    *,
    audio_column: str | None,
    id_column: str | None,
    reference_column: str | None,
    audio_root: str | Path | None,
    storage_options: Mapping[str, Any] | None,
) -> RecordingList:
    """Find the recordings of a call, in a thread of their own, unless they were found by the caller.

    Raises
    ------
    OptionsError
        If columns or a store are named for recordings that were already found.
    SourceError, SetupError
        For the reasons given in `find_recordings`.
    """
    if not isinstance(sources, RecordingList):
        return await asyncio.to_thread(
            find_recordings,
            sources,
            audio_column=audio_column,
            id_column=id_column,
            reference_column=reference_column,
            audio_root=audio_root,
            storage_options=storage_options,
        )
    if storage_options is not None:
        raise OptionsError(
            "storage_options are given, but the sources are recordings that were already found; give the options where "
            "the recordings are searched for"
        )
    if audio_root is not None:
        raise OptionsError(
            "audio_root is given, but the sources are recordings that were already found; give it where the recordings "
            "are searched for"
        )
    if named := [name for name in (audio_column, id_column, reference_column) if name is not None]:
        raise OptionsError(
            f"the columns {named} are named, but the sources are recordings that were already found; name the columns "
            "where the recordings are searched for"
        )
    return sources
