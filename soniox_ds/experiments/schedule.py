"""Order and checks of an experiment, shared by `compare` and `sweep_endpoints`.

Conventions: the recordings are divided into batches. Each batch is transcribed with all arms (or settings), in random
order, so that a change of the service during the experiment does not favour one of them. Mistakes and the cost are
reported before anything is sent.
"""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

import pandas as pd

from soniox_ds.exceptions import SourceError
from soniox_ds.metrics.stats.blocks import block_columns
from soniox_ds.metrics.words.pairing import Pairs, References, pair_up
from soniox_ds.progress.display import Progress
from soniox_ds.schema.inputs import Transcribed
from soniox_ds.sources.inspection import MAX_BYTES, MAX_DURATION_MS, inspect
from soniox_ds.sources.recording import Recording, RecordingList

__all__ = [
    "in_turns",
    "inspected",
    "planned",
    "planned_pairs",
    "refuse_unusable",
    "stretches",
]

STRETCHES = 10
SHOWN = 3
SHORTEST_STRETCH = 20
"""Smallest number of recordings in a batch. A service that processes many recordings at once would be idle with
smaller batches."""


_Turn = TypeVar("_Turn")
_Part = TypeVar("_Part", bound=Transcribed)


def stretches(recording_list: RecordingList) -> Iterator[RecordingList]:
    """Yield the recordings in at most `STRETCHES` batches of `SHORTEST_STRETCH` or more (the last may be smaller)."""
    size = max(SHORTEST_STRETCH, -(-len(recording_list.recordings) // STRETCHES))
    for start in range(0, len(recording_list.recordings), size):
        rows = slice(start, start + size)
        yield RecordingList(recording_list.recordings[rows], recording_list.metadata.iloc[rows].reset_index(drop=True))


async def in_turns(
    recording_list: RecordingList,
    turns: Sequence[_Turn],
    transcribed: Callable[[RecordingList, _Turn], Awaitable[_Part]],
    *,
    seed: int,
    progress: Progress,
    note: Callable[[_Turn], str] = str,
) -> dict[_Turn, list[_Part]]:
    """Transcribe each batch of recordings with each arm or setting ("turn"), in random order.

    Parameters
    ----------
    recording_list
        The recordings. They are divided by `stretches`.
    turns
        The arms or settings. Their order is shuffled again for each batch.
    transcribed
        Function that transcribes one batch with one arm or setting. The calls do not overlap.
    seed
        Seed of the random order.
    progress
        Progress display. It counts every recording once for each arm or setting.
    note
        Function that returns the name of an arm or setting for the progress display.

    Returns
    -------
    dict
        For each arm or setting, the results of `transcribed` in the order of the batches.
    """
    order = random.Random(seed)
    parts: dict[_Turn, list[_Part]] = {turn: [] for turn in turns}
    progress.set_total(len(recording_list.recordings) * len(turns))
    for stretch in stretches(recording_list):
        shuffled = list(turns)
        order.shuffle(shuffled)
        for turn in shuffled:
            progress.note(note(turn))
            part = await transcribed(stretch, turn)
            for _, row in part.recordings.iterrows():
                progress.add_finished(
                    row["status"] == "completed", _number(row["duration_ms"]), _number(row["cost_usd"])
                )
            parts[turn].append(part)
    progress.note("")
    return parts


def planned_pairs(recording_list: RecordingList, references: References, block: str | Sequence[str] | None) -> Pairs:
    """Pair the recordings with their references, so that scoring errors are raised before anything is paid for."""
    pairs = pair_up(planned(recording_list), references)
    if block is not None:
        block_columns(pairs.recordings, block)
    return pairs


def planned(recording_list: RecordingList) -> pd.DataFrame:
    """Return a table of the recordings with the columns that scoring needs, as if all were already transcribed."""
    return recording_list.metadata.assign(
        audio_id=[recording.audio_id for recording in recording_list.recordings], status="completed", text=""
    )


def inspected(recording_list: RecordingList, *, limited: bool = True) -> list[Recording]:
    """Inspect the files, which sets their durations, and return the usable recordings. URLs are not inspected.

    If `limited` is False, recordings that exceed the limits of the service are usable too.
    """
    limits = (MAX_BYTES, MAX_DURATION_MS) if limited else (math.inf, math.inf)
    for recording in recording_list.recordings:
        if recording.url is None and recording.error_type is None:
            inspect(recording, max_bytes=limits[0], max_duration_ms=limits[1])
    return [recording for recording in recording_list.recordings if recording.error_type is None]


def refuse_unusable(recording_list: RecordingList, usable: int, *, urls: str | None = None) -> None:
    """Raise SourceError if no inspected recording can be transcribed, because there is then nothing to confirm.

    Parameters
    ----------
    recording_list
        All recordings, after `inspected`.
    usable
        Number of recordings that can be transcribed.
    urls
        Reason why URLs cannot be transcribed; None if they can.
    """
    if usable:
        return
    why = [
        f"{recording.audio_id}: {recording.error_message if recording.error_type is not None else urls}"
        for recording in recording_list.recordings
    ]
    shown = "".join(f"\n  {line}" for line in why[:SHOWN])
    more = f"\n  ... and {len(why) - SHOWN} more" if len(why) > SHOWN else ""
    raise SourceError(
        f"none of the {len(why)} recordings can be transcribed; nothing was sent, and nothing costs "
        f"anything.{shown}{more}"
        if len(why) > 1
        else f"the recording cannot be transcribed; nothing was sent, and nothing costs anything.{shown}"
    )


def _number(value: Any) -> Any:
    return None if pd.isna(value) else value
