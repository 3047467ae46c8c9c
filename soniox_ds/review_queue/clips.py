"""Audio clips around words, merged if they are close.

Conventions: words are sorted by recording and time. A clip spans its words and `context_ms` on either side, never
before 0 or past the end of the audio. Words whose distance is at most `merge_gap_ms`, or whose contexts would meet,
share a clip, so that clips never overlap. A word that lies wholly within a clip is heard. A word lasts at least one
millisecond.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.confidence.word_confidence import checked_confidence
from soniox_ds.review_queue.ranking import rank
from soniox_ds.schema import CLIPS, conform, need, need_milliseconds, no_duplicates
from soniox_ds.schema.by_part import need_in_any_part
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text import runs
from soniox_ds.text.translations import translation_mask

__all__ = ["Clips", "Spoken", "clip_lengths", "clips_of", "clips_table", "ranked_anew", "spoken_words"]

Bools = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Spoken(NamedTuple):
    """The words that have times, sorted by recording and start."""

    rows: npt.NDArray[np.intp]
    """Positions of the words in the words table."""
    audio: runs.Codes
    """Code of the recording of each row of the words table."""
    recording: Ints
    """Code of the recording of each word here."""
    start_ms: Ints
    end_ms: Ints
    limit_ms: Ints
    """End of the recording, as far as it is known."""
    confidence: npt.NDArray[np.float32]
    known: Bools
    """True for each word that has a confidence."""
    doubt: FloatArray
    """Expected errors: 1 - confidence, recalibrated with `calibration`; 0 without a confidence."""


class Clips(NamedTuple):
    """Clips, sorted by recording and start."""

    recording: Ints
    start_ms: Ints
    end_ms: Ints
    word_of: Ints
    """For each word of `Spoken`, the position of the clip that contains it completely, or -1."""


def spoken_words(words: pd.DataFrame, calibration: Any = None, source: Transcripts | None = None) -> Spoken:
    """Select the words that can be heard: originals with times.

    Raises
    ------
    SchemaError
        If a column is absent, a confidence lies outside 0 to 1, a word occurs twice, or a time is impossible.
    InputError
        If there are words but none has times, or `calibration` is not a calibration map.
    """
    need(words, "audio_id", "word_index", "text", "start_ms", "end_ms", "confidence", name="words")
    words = need_milliseconds(words, "words")
    no_duplicates(words, "words", "audio_id", "word_index", also=["translation_status"])
    audio = runs.codes_of(words, "audio_id", required=True)
    start, end = (runs.numbers_of(words, name, "Int32") for name in ("start_ms", "end_ms"))
    rows = np.flatnonzero(~translation_mask(words) & start.known & end.known)
    if len(words):
        need_in_any_part(
            "times",
            bool(rows.size),
            f"none of the {len(words)} words has times (translations never have times), so there is nothing to listen "
            "to.",
        )
    rows = rows[np.lexsort((end.values[rows], start.values[rows], audio.codes[rows]))]
    confidence = checked_confidence(words)
    starts = start.values[rows].astype(np.int64)
    ends = np.maximum(end.values[rows].astype(np.int64), starts + 1)
    recording = audio.codes[rows].astype(np.int64)
    return Spoken(
        rows=rows,
        audio=audio,
        recording=recording,
        start_ms=starts,
        end_ms=ends,
        limit_ms=np.maximum(
            _durations(source, audio)[recording], _last_ends(recording, ends, len(audio.labels))[recording]
        ),
        confidence=confidence.values[rows].astype(np.float32),
        known=confidence.known[rows],
        doubt=np.where(confidence.known, 1 - _mapped(confidence.values, calibration), 0.0)[rows],
    )


def clips_of(spoken: Spoken, chosen: Bools, *, merge_gap_ms: int, context_ms: int) -> Clips:
    """Make the clips around the chosen words."""
    chosen_rows = np.flatnonzero(chosen)
    recording, start, end = spoken.recording[chosen_rows], spoken.start_ms[chosen_rows], spoken.end_ms[chosen_rows]
    first = np.flatnonzero(_new_clip(recording, start, end, max(merge_gap_ms, 2 * context_ms)))
    latest = np.maximum.reduceat(end, first) if len(first) else end
    starts = np.maximum(start[first] - context_ms, 0)
    ends = np.minimum(latest + context_ms, spoken.limit_ms[chosen_rows[first]])
    reach = int(spoken.end_ms.max(initial=0)) + 1
    place = np.searchsorted(recording[first] * reach + starts, spoken.recording * reach + spoken.start_ms, "right") - 1
    inside = place >= 0
    if len(first):
        inside &= (recording[first][place] == spoken.recording) & (spoken.end_ms <= ends[place])
    return Clips(recording[first], starts, ends, np.where(inside, place, -1))


def clip_lengths(spoken: Spoken, context_ms: int) -> Ints:
    """Return the length in milliseconds of the clip that each word would have by itself."""
    return np.minimum(spoken.end_ms + context_ms, spoken.limit_ms) - np.maximum(spoken.start_ms - context_ms, 0)


def clips_table(words: pd.DataFrame, spoken: Spoken, clips: Clips, chosen: Bools) -> pd.DataFrame:
    """Build the table of clips, in the order of `rank`, without criterion and threshold."""
    count = len(clips.start_ms)
    in_clips = np.flatnonzero(clips.word_of >= 0)
    index = runs.numbers_of(words, "word_index", "Int32").values[spoken.rows]
    in_clips = in_clips[np.lexsort((index[in_clips], clips.word_of[in_clips]))]
    clip = clips.word_of[in_clips]
    first = np.searchsorted(clip, np.arange(count))
    seconds = (clips.end_ms - clips.start_ms) / 1000
    expected = np.bincount(clip, spoken.doubt[in_clips], count)
    lowest = np.full(count, np.inf, np.float32)
    np.minimum.at(lowest, clip[spoken.known[in_clips]], spoken.confidence[in_clips][spoken.known[in_clips]])
    table = pd.DataFrame(
        {
            "audio_id": pd.array(spoken.audio.labels, dtype="string").take(clips.recording),
            "start_ms": clips.start_ms,
            "end_ms": clips.end_ms,
            "words": np.bincount(clip, minlength=count),
            "flagged": np.bincount(clip, chosen[in_clips], count).astype(np.int64),
            "first_word": index[in_clips][first],
            "text": _texts(words, spoken.rows[in_clips], first),
            "expected_errors": expected,
            "expected_errors_per_s": expected / seconds,
            "min_confidence": pd.Series(lowest).where(np.isfinite(lowest)),
        }
    )
    order = rank(expected, seconds)
    table = table.take(order).reset_index(drop=True)
    table["rank"] = np.arange(1, count + 1)
    table["cumulative_s"] = np.cumsum((clips.end_ms - clips.start_ms)[order]) / 1000
    return table


def ranked_anew(clips: pd.DataFrame) -> pd.DataFrame:
    """Rank the clips of several tables together, which are in the order of their recordings."""
    seconds = (clips["end_ms"] - clips["start_ms"]).to_numpy(np.float64) / 1000
    first = np.lexsort((clips["start_ms"], pd.factorize(clips["audio_id"])[0]))
    order = first[rank(clips["expected_errors"].to_numpy(np.float64)[first], seconds[first])]
    rank_of, cumulative_s = np.arange(1, len(clips) + 1), np.cumsum(seconds[order])
    table = clips.take(order).reset_index(drop=True)
    return conform(table.assign(rank=rank_of, cumulative_s=cumulative_s), CLIPS)


def _new_clip(recording: Ints, start: Ints, end: Ints, gap_ms: int) -> Bools:
    """Return True for each word that begins a clip: another recording, or too far from all words before."""
    new = runs.changes(recording)
    if len(new) > 1:
        shift = recording * (int(end.max()) + 1)  # the running maximum then never reaches into the next recording
        latest = np.maximum.accumulate(end + shift) - shift
        new[1:] |= start[1:] - latest[:-1] > gap_ms
    return new


def _texts(words: pd.DataFrame, rows: npt.NDArray[np.intp], first: npt.NDArray[np.intp]) -> list[str]:
    """Return the text of each clip, with the spaces between its words."""
    texts = words["text"].astype("string").fillna("").to_numpy(dtype=object)[rows]
    spaced = runs.numbers_of(words, "space_before", "boolean")
    space = np.where(spaced.known, spaced.values, True)[rows]
    pieces = np.where(space, " ", "").astype(object) + texts
    return ["".join(clip_pieces).lstrip() for clip_pieces in np.split(pieces, first[1:])] if len(first) else []


def _durations(source: Any, audio: runs.Codes) -> Ints:
    """Return the duration of each recording; the greatest integer if it is not known."""
    unknown = np.full(len(audio.labels), np.iinfo(np.int32).max, np.int64)
    recordings = getattr(source, "recordings", None)
    if not isinstance(recordings, pd.DataFrame) or "duration_ms" not in recordings:
        return unknown
    durations = recordings.set_index("audio_id")["duration_ms"].reindex(list(audio.labels)).astype("Int64")
    return np.where(durations.isna(), unknown, durations.fillna(0).to_numpy(dtype=np.int64))


def _last_ends(recording: Ints, ends: Ints, count: int) -> Ints:
    latest = np.zeros(count, np.int64)
    np.maximum.at(latest, recording, ends)
    return latest


def _mapped(confidence: FloatArray, calibration: Any) -> FloatArray:
    """Apply the calibration map: an object with `apply`, or a function of an array."""
    if calibration is None:
        return confidence
    if isinstance(calibration, (pd.DataFrame, pd.Series, Mapping)):
        raise InputError(
            "calibration must be the result of sx.metrics.fit_recalibration or a function, found "
            f"{type(calibration).__name__}."
        )
    apply: Callable[[FloatArray], Any] | None = getattr(calibration, "apply", calibration)
    if not callable(apply):
        raise InputError(
            f"calibration must be the result of sx.metrics.fit_recalibration or a function, found {calibration!r}."
        )
    mapped = np.asarray(apply(confidence), np.float64)
    if mapped.shape != confidence.shape or not ((mapped >= 0) & (mapped <= 1)).all():
        raise InputError(
            "the calibration must map each confidence to a number from 0 to 1, but it returned other values."
        )
    return mapped
