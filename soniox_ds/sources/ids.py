"""Ids of recordings that are unique, readable, and the same on the next run.

Conventions: an id that the user gave is never changed. If the same id is given again, or the same file, URL or bytes
are listed again, that recording fails (``duplicate_id``) and has the first recording's id followed by ``#2``, ``#3``,
... Different files with the same name get their folders in front until they differ. Ids that are still equal are
numbered in the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from soniox_ds.sources.recording import Recording, printable, shown

__all__ = ["assign_ids"]


def assign_ids(recordings: Sequence[Recording], keys: Sequence[str | None], given: Sequence[bool]) -> None:
    """Make every ``audio_id`` unique, in place, and fail recordings and given ids that were listed before.

    Parameters
    ----------
    recordings
        Recordings with the shortest possible ids.
    keys
        One key for each recording: recordings with equal keys are the same; a key of None equals no other key.
    given
        True for each recording whose id the user gave. The keys of such recordings are only compared with each other.
    """
    first: tuple[dict[str, int], dict[str, int]] = ({}, {})
    repeated: list[tuple[int, int]] = []
    for row, (key, is_given) in enumerate(zip(keys, given, strict=True)):
        if key is not None and (before := first[is_given].setdefault(key, row)) != row:
            repeated.append((row, before))
    repeats = {row for row, _ in repeated}
    distinct = [row for row in range(len(recordings)) if row not in repeats]
    _lengthen(recordings, distinct, given)

    taken = {recordings[row].audio_id for row in distinct if given[row]}
    numbers: Counter[str] = Counter()

    def free(audio_id: str) -> str:
        candidate = audio_id
        while candidate in taken:
            numbers[audio_id] += 1
            candidate = f"{audio_id}#{numbers[audio_id] + 1}"
        taken.add(candidate)
        return candidate

    for row in distinct:
        if not given[row]:
            recordings[row].audio_id = free(recordings[row].audio_id)
    for row, before in repeated:
        recording, original = recordings[row], recordings[before].audio_id
        recording.audio_id = free(original)
        reason = "is the audio_id of two recordings" if given[row] else "is listed more than once"
        recording.fail(
            "duplicate_id",
            f"{shown(original)} {reason} (recordings {before + 1} and {row + 1}); only the first is transcribed. "
            "Remove the second, or give it a different audio_id",
        )


def _lengthen(recordings: Sequence[Recording], rows: Sequence[int], given: Sequence[bool]) -> None:
    """Put folders in front of equal file names until the names differ or no folder is left."""
    while True:
        counts = Counter(recordings[row].audio_id for row in rows)
        if len(counts) == len(rows):
            return
        is_changed = False
        for row in rows:
            recording = recordings[row]
            if given[row] or counts[recording.audio_id] == 1:
                continue
            if recording.file is not None:
                parts = Path(recording.file).absolute().parts
            elif recording.stored is not None and recording.audio_id != recording.source:
                parts = ("", *recording.stored.url.partition("://")[2].split("/"))
            else:
                continue
            depth = recording.audio_id.count("/") + 2
            if depth <= len(parts) - 1:
                recording.audio_id = printable("/".join(parts[-depth:]))
                is_changed = True
        if not is_changed:
            return
