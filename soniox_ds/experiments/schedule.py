"""The same recordings under several options: what comparing files and sweeping live settings have in common.

Conventions: the recordings are divided into stretches, and within each the options come in random order, so that a
service that changes meanwhile favours none. What is wrong is said, and what it would cost, before anything is sent.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import pandas as pd

from soniox_ds.exceptions import SourceError
from soniox_ds.metrics.stats.blocks import block_columns
from soniox_ds.metrics.words.pairing import Pairs, References, pair_up
from soniox_ds.progress.display import Progress
from soniox_ds.sources.inspection import inspect
from soniox_ds.sources.recording import Found, Recording

__all__ = [
    "in_turns",
    "inspected",
    "length_text",
    "planned",
    "planned_pairs",
    "refuse_unusable",
    "stretches",
]

STRETCHES = 10
SHOWN = 3
SHORTEST_STRETCH = 20
"""Recordings: fewer would leave a service idle that takes many at once."""


class _HasRecordings(Protocol):
    recordings: pd.DataFrame


_Turn = TypeVar("_Turn")
_Part = TypeVar("_Part", bound=_HasRecordings)


def stretches(found: Found) -> Iterator[Found]:
    """The recordings in at most `STRETCHES` parts, in order, none but the last shorter than `SHORTEST_STRETCH`."""
    size = max(SHORTEST_STRETCH, -(-len(found.recordings) // STRETCHES))
    for start in range(0, len(found.recordings), size):
        rows = slice(start, start + size)
        yield Found(found.recordings[rows], found.metadata.iloc[rows].reset_index(drop=True))


async def in_turns(
    found: Found,
    turns: Sequence[_Turn],
    transcribed: Callable[[Found, _Turn], Awaitable[_Part]],
    *,
    seed: int,
    progress: Progress,
    note: Callable[[_Turn], str] = str,
) -> dict[_Turn, list[_Part]]:
    """What was transcribed in each turn: the parts of all stretches, in order.

    Parameters
    ----------
    found
        What every turn hears.
    turns
        What there is to be tried; shuffled anew for each stretch.
    transcribed
        Called for each stretch and turn, one after the other.
    seed
        Of the order.
    progress, note
        Where each recording of each turn is counted, and how a turn is called there.
    """
    order = random.Random(seed)
    parts: dict[_Turn, list[_Part]] = {turn: [] for turn in turns}
    progress.found(len(found.recordings) * len(turns))
    for stretch in stretches(found):
        shuffled = list(turns)
        order.shuffle(shuffled)
        for turn in shuffled:
            progress.note(note(turn))
            part = await transcribed(stretch, turn)
            for _, row in part.recordings.iterrows():
                progress.finished(row["status"] == "completed", _number(row["duration_ms"]), _number(row["cost_usd"]))
            parts[turn].append(part)
    progress.note("")
    return parts


def planned_pairs(found: Found, references: References, block: str | Sequence[str] | None) -> Pairs:
    """What there is to score; raises as scoring the transcripts would, as long as it costs nothing."""
    pairs = pair_up(planned(found), references)
    if block is not None:
        block_columns(pairs.recordings, block)
    return pairs


def planned(found: Found) -> pd.DataFrame:
    """The recordings as they would be once all of them are transcribed, as far as scoring looks at them."""
    return found.metadata.assign(
        audio_id=[recording.audio_id for recording in found.recordings], status="completed", text=""
    )


def inspected(found: Found) -> list[Recording]:
    """The recordings that can be transcribed, with the lengths that their headers tell; URLs are not looked at."""
    for recording in found.recordings:
        if recording.url is None and recording.error_type is None:
            inspect(recording)
    return [recording for recording in found.recordings if recording.error_type is None]


def refuse_unusable(found: Found, usable: int, *, urls: str | None = None) -> None:
    """Raise SourceError where none of the inspected recordings can be transcribed: there is nothing to confirm then.

    Parameters
    ----------
    found
        All recordings, after `inspected`.
    usable
        How many of them can be transcribed.
    urls
        Why URLs cannot; None where they can.
    """
    if usable:
        return
    why = [
        f"{recording.audio_id}: {recording.error_message if recording.error_type is not None else urls}"
        for recording in found.recordings
    ]
    shown = "".join(f"\n  {line}" for line in why[:SHOWN])
    more = f"\n  ... and {len(why) - SHOWN} more" if len(why) > SHOWN else ""
    raise SourceError(
        f"none of the {len(why)} recordings can be transcribed; nothing was sent, nothing is to be paid.{shown}{more}"
        if len(why) > 1
        else f"the recording cannot be transcribed; nothing was sent, nothing is to be paid.{shown}"
    )


def length_text(hours: float) -> str:
    """In the largest unit of which there is one, so that little audio does not look like none.

    >>> length_text(1.5), length_text(0.5), length_text(0.005)
    ('1.50 h', '30.00 min', '18.0 s')
    """
    for unit, share in (("h", 1), ("min", 60)):
        if hours * share >= 1:
            return f"{hours * share:.2f} {unit}"
    return f"{hours * 3600:.1f} s"


def _number(value: Any) -> Any:
    return None if pd.isna(value) else value
