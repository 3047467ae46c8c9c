"""Conversation statistics: talk time, turn-taking and overlaps.

Conventions: a turn is a row of ``schema.TURNS``. A turn that lies within one turn of another speaker (begins no
earlier, ends no later; of equal turns the later row) is a **backchannel**: it does not take the floor. All other turns
have the floor one after the other, in the order of their starts. If two consecutive turns belong to different speakers,
the floor changes hands. The **offset** is the start of the second turn minus the end of the first: positive for
silence, negative if both speakers talk.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.metrics.speakers.turns import Turns, checked_turns, covered, turns_of
from soniox_ds.schema import SPEAKER_STATS, SPEAKER_TRANSITIONS, conform, empty, no_duplicates
from soniox_ds.schema.arguments import checked_ms
from soniox_ds.schema.by_part import by_part
from soniox_ds.schema.inputs import Transcribed, Transcripts
from soniox_ds.text.translations import without_translations
from soniox_ds.text.words import as_words

__all__ = ["speaker_stats", "speaker_transitions"]

_Bools = npt.NDArray[np.bool_]
_Ints = npt.NDArray[np.int64]

_KINDS = ("gap", "overlap", "interruption")


class _Changes(NamedTuple):
    """The changes of the floor: numbers of the two turns, offset and kind of each change."""

    before: npt.NDArray[np.intp]
    after: npt.NDArray[np.intp]
    offset: _Ints
    kind: npt.NDArray[np.intp]
    backchannel: _Bools
    """True for each turn that is a backchannel."""


@by_part()
def speaker_stats(transcripts: Transcripts, *, gap_ms: int = 2000, interruption_ms: int = 500) -> pd.DataFrame:
    """Measure the talk time, turns and floor changes of each speaker of each recording.

    Parameters
    ----------
    transcripts
        A Corpus, ``schema.WORDS`` or ``schema.TOKENS``, which `speaker_turns` merges into turns, or
        ``schema.TURNS``. Only words allow the words of a speaker to be counted.
    gap_ms
        Silence that ends a turn, in ms, if turns are made from words.
    interruption_ms
        Taking the floor at least this long before the end of the other turn is an interruption; less is a normal
        overlap between turns.

    Returns
    -------
    DataFrame
        ``schema.SPEAKER_STATS``: one row for each speaker of each recording, in the order of their first turns.

        - `talk_ms` is the time covered by the speaker's turns, including pauses within them; each instant counts once.
          `talk_share` is its part of the sum of all speakers' `talk_ms`.
        - `turns`, `mean_turn_ms` and `longest_turn_ms` use the turns as they are.
        - `words_per_minute` is `words` per minute of `talk_ms`; `words` are those with a speaker and times.
        - `overlap_ms` is the part of `talk_ms` in which someone else talks too.
        - `backchannels`, `floor_taken` and offsets: see the conventions of this module. `gaps` are changes with an
          offset of 0 or more, `interruptions` those of -`interruption_ms` or less. A speaker who never takes the floor,
          for example the only speaker, has NA for `median_offset_ms` and `mean_gap_ms`.

        If there are no turns, there are no rows.

    Raises
    ------
    SchemaError
        If a column is absent, a row occurs twice, or a time is impossible.
    InputError
        If there are words but no word has a speaker, or an option is not a whole number of 0 or more.

    Notes
    -----
    Turns made from the service's words seldom overlap, because its tokens come in one sequence; overlaps and
    interruptions are then a lower bound. They are exact for channels that were transcribed separately and for reference
    turns. Source of the terms: Heldner and Edlund, "Pauses, gaps and overlaps in conversations", Journal of Phonetics
    38, 2010.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> turns = pd.DataFrame({
    ...     "audio_id": "call",
    ...     "speaker": ["1", "2", "1", "2"],
    ...     "start_ms": [0, 4500, 8000, 9000],
    ...     "end_ms": [4000, 8700, 12000, 9400],
    ... })
    >>> stats = sx.speaker_stats(turns)
    >>> stats[["speaker", "talk_ms", "talk_share", "turns", "overlap_ms"]].round(2)
      speaker  talk_ms  talk_share  turns  overlap_ms
    0       1     8000        0.63      2        1100
    1       2     4600        0.37      2        1100
    >>> stats[["speaker", "backchannels", "floor_taken", "gaps", "mean_gap_ms", "interruptions"]]
      speaker  backchannels  floor_taken  gaps  mean_gap_ms  interruptions
    0       1             0            1     0         <NA>              1
    1       2             1            1     1        500.0              0
    """
    _check(gap_ms, interruption_ms)
    turns_by_id = _turns(transcripts, gap_ms)
    rows = [row for audio_id, turns in turns_by_id.items() for row in _stats(audio_id, turns, interruption_ms)]
    stats = conform(pd.DataFrame(rows, columns=list(SPEAKER_STATS)), SPEAKER_STATS)
    counts = _word_counts(transcripts)
    if counts is None:
        return stats
    keys = pd.MultiIndex.from_frame(stats[["audio_id", "speaker"]].astype(object))
    stats["words"] = pd.array(counts.reindex(keys, fill_value=0).to_numpy(), dtype="Int64")
    stats["words_per_minute"] = stats["words"].astype("Float64") / (stats["talk_ms"] / 60_000)
    return stats


@by_part()
def speaker_transitions(transcripts: Transcripts, *, gap_ms: int = 2000, interruption_ms: int = 500) -> pd.DataFrame:
    """List the changes of the floor: the two speakers, the time, and the silence or overlap between the turns.

    Parameters
    ----------
    transcripts, gap_ms, interruption_ms
        See `speaker_stats`.

    Returns
    -------
    DataFrame
        ``schema.SPEAKER_TRANSITIONS``, in the order of time; `speaker_stats` defines the changes. There are no rows if
        there is only one speaker.

    Raises
    ------
    SchemaError
        If a column is absent, a row occurs twice, or a time is impossible.
    InputError
        If there are words but no word has a speaker, or an option is not a whole number of 0 or more.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> turns = pd.DataFrame({
    ...     "audio_id": "call", "speaker": ["1", "2", "1"], "start_ms": [0, 4500, 8000], "end_ms": [4000, 8700, 12000],
    ... })
    >>> sx.metrics.speaker_transitions(turns)
      audio_id from_speaker to_speaker  at_ms  offset_ms          kind
    0     call            1          2   4500        500           gap
    1     call            2          1   8000       -700  interruption
    """
    _check(gap_ms, interruption_ms)
    turns_by_id = _turns(transcripts, gap_ms)
    parts = [_transitions(audio_id, turns, interruption_ms) for audio_id, turns in turns_by_id.items()]
    if not parts:
        return empty(SPEAKER_TRANSITIONS)
    return conform(pd.concat(parts, ignore_index=True), SPEAKER_TRANSITIONS)


def _check(gap_ms: int, interruption_ms: int) -> None:
    checked_ms(gap_ms, "gap_ms")
    checked_ms(interruption_ms, "interruption_ms")


def _turns(source: Transcripts, gap_ms: int) -> dict[str, Turns]:
    table = turns_of(source, gap_ms)
    turns_by_id = checked_turns(table, "turns")
    no_duplicates(table, "turns", "audio_id", "speaker", "start_ms", "end_ms")
    return turns_by_id


def _word_counts(source: Transcripts) -> pd.Series[Any] | None:
    """Count the words in the turns of each recording and speaker; return None for a table of turns."""
    if not isinstance(source, Transcribed) and "word_index" not in source and "token_index" not in source:
        return None
    words = without_translations(as_words(source))
    return (
        words[words[["speaker", "start_ms", "end_ms"]].notna().all(axis=1)]
        .astype({"audio_id": object, "speaker": object})
        .groupby(["audio_id", "speaker"])
        .size()
    )


def _floor_changes(turns: Turns, interruption_ms: int) -> _Changes:
    order = np.lexsort((-turns.end, turns.start))
    speaker, start, end = turns.speaker[order], turns.start[order], turns.end[order]
    inside = _within_another(speaker, start, end)
    holders = np.flatnonzero(~inside)
    # A turn within an earlier one of the same speaker neither gives nor takes the floor.
    latest = np.maximum.accumulate(end[holders]) if len(holders) else end[:0]
    holders = holders[np.append(True, end[holders][1:] > latest[:-1])] if len(holders) else holders
    change = speaker[holders][1:] != speaker[holders][:-1]
    before, after = holders[:-1][change], holders[1:][change]
    offset = start[after] - end[before]
    kind = np.where(offset >= 0, 0, np.where(-offset >= max(interruption_ms, 1), 2, 1))
    backchannel = np.zeros(len(order), np.bool_)
    backchannel[order] = inside
    return _Changes(order[before], order[after], offset, kind, backchannel)


def _within_another(speaker: npt.NDArray[np.intp], start: _Ints, end: _Ints) -> _Bools:
    """Return True for each turn (ordered by start, longer turns first) that lies within a turn of another speaker.

    Of the earlier turns, only the two latest ends of different speakers matter.
    """
    inside = np.zeros(len(start), np.bool_)
    best, best_speaker, second = -1, -1, -1
    for row, (turn_speaker, turn_end) in enumerate(zip(speaker.tolist(), end.tolist(), strict=True)):
        inside[row] = turn_end <= (second if turn_speaker == best_speaker else best)
        if turn_speaker == best_speaker:
            best = max(best, turn_end)
        elif turn_end > best:
            best, best_speaker, second = turn_end, turn_speaker, best
        else:
            second = max(second, turn_end)
    return inside


def _transitions(audio_id: str, turns: Turns, interruption_ms: int) -> pd.DataFrame:
    changes = _floor_changes(turns, interruption_ms)
    labels = np.array(turns.labels, dtype=object)
    return pd.DataFrame(
        {
            "audio_id": audio_id,
            "from_speaker": labels[turns.speaker[changes.before]],
            "to_speaker": labels[turns.speaker[changes.after]],
            "at_ms": turns.start[changes.after],
            "offset_ms": changes.offset,
            "kind": np.array(_KINDS, dtype=object)[changes.kind],
        }
    )


def _stats(audio_id: str, turns: Turns, interruption_ms: int) -> list[dict[str, Any]]:
    if not turns.labels:
        return []
    edges = np.unique(np.concatenate([turns.start, turns.end]))
    lengths = np.diff(edges)
    talks = np.array([covered(turns.start[is_own], turns.end[is_own], edges) for is_own in _own_rows(turns)])
    talk = talks @ lengths
    overlap = talks @ (lengths * (talks.sum(axis=0) > 1))
    changes = _floor_changes(turns, interruption_ms)
    turn_lengths = [(turns.end - turns.start)[is_own] for is_own in _own_rows(turns)]
    order = np.argsort([turns.start[is_own].min() for is_own in _own_rows(turns)], kind="stable")
    return [
        {
            "audio_id": audio_id,
            "speaker": turns.labels[number],
            "talk_ms": int(talk[number]),
            "talk_share": float(talk[number] / talk.sum()),
            "overlap_ms": int(overlap[number]),
            "turns": len(turn_lengths[number]),
            "mean_turn_ms": float(turn_lengths[number].mean()),
            "longest_turn_ms": int(turn_lengths[number].max()),
            **_floor_figures(changes, turns, number),
        }
        for number in order.tolist()
    ]


def _floor_figures(changes: _Changes, turns: Turns, number: int) -> dict[str, Any]:
    taken = turns.speaker[changes.after] == number
    given = turns.speaker[changes.before] == number
    offsets = changes.offset[taken]
    gaps = offsets[offsets >= 0]
    return {
        "backchannels": int((changes.backchannel & (turns.speaker == number)).sum()),
        "floor_taken": int(taken.sum()),
        "median_offset_ms": float(np.median(offsets)) if len(offsets) else pd.NA,
        "gaps": len(gaps),
        "mean_gap_ms": float(gaps.mean()) if len(gaps) else pd.NA,
        "interruptions": int((changes.kind[taken] == 2).sum()),
        "interrupted": int((changes.kind[given] == 2).sum()),
    }


def _own_rows(turns: Turns) -> list[_Bools]:
    return [turns.speaker == number for number in range(len(turns.labels))]
