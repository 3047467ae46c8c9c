"""Recordings of the microphone as files, and together in one table.

Conventions: audio is 16 kHz, one channel, ``pcm_s16le``.
"""

from __future__ import annotations

import wave
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import chain, count
from pathlib import Path

from soniox_ds.files.atomic_files import replacing
from soniox_ds.live.result import LiveResult
from soniox_ds.widgets.microphone.takes import RATE

__all__ = ["save_recording", "with_distinct_ids", "write_wav"]


def save_recording(streamed: LiveResult, folder: Path, begun_at: datetime, pcm: bytes) -> Path:
    """Write the tables of a recording, and its samples if there are any; return the folder of the tables."""
    (audio_id,) = streamed.recordings["audio_id"]
    name = f"{begun_at:%Y%m%dT%H%M%S}-{audio_id}"
    kept = streamed.save(folder / name)
    if pcm:
        write_wav(folder / f"{name}.wav", pcm)
    return kept


def write_wav(path: Path, pcm: bytes) -> Path:
    """Write samples as a WAV file, and return its path."""
    with replacing(path) as beside, wave.open(str(beside), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)
    return path


def with_distinct_ids(recordings: Sequence[tuple[LiveResult, datetime]]) -> list[LiveResult]:
    """Return recordings of several microphones; where two have the same id, the time of day is added to each."""
    names = Counter(str(streamed.recordings["audio_id"].iloc[0]) for streamed, _ in recordings)
    parts, taken = [], set[str]()
    for streamed, begun_at in recordings:
        audio_id = str(streamed.recordings["audio_id"].iloc[0])
        if names[audio_id] > 1:
            stem = f"{audio_id}-{begun_at:%Y%m%dT%H%M%S}"
            audio_id = next(name for name in chain([stem], (f"{stem}-{n}" for n in count(2))) if name not in taken)
            streamed = LiveResult(
                streamed.recordings.assign(audio_id=audio_id),
                streamed.log.assign(audio_id=audio_id),
                streamed.provenance,
            )
        taken.add(audio_id)
        parts.append(streamed)
    return parts
