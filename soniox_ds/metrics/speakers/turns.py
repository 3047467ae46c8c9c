"""Speaker turns: made from words, and checked and divided by recording for the metrics.

Conventions: times are whole milliseconds from the start of the audio; speaker labels are valid within one recording
only. The side that is compared with a reference is called the found side. A recording of the reference that failed, or
is absent from the found side, has no score; it is treated as silence only if the caller says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._arguments import check_choice
from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.schema import (
    RECORDINGS,
    ask_about_seconds,
    need,
    need_milliseconds,
    no_duplicates,
    with_ids,
    with_named_levels,
)
from soniox_ds.schema.arguments import checked_ms
from soniox_ds.schema.by_part import by_part, need_in_any_part
from soniox_ds.schema.inputs import Transcribed, Transcripts
from soniox_ds.text import runs
from soniox_ds.text.translations import channel_codes, translation_mask
from soniox_ds.text.words import as_words

__all__ = [
    "MISSING",
    "Ms",
    "Recording",
    "Turns",
    "checked_turns",
    "covered",
    "joined",
    "known_ids",
    "milliseconds",
    "same_clock",
    "speaker_turns",
    "statuses",
    "turns_of",
    "warn_about_hasty_turns",
    "with_metadata",
]

Ms = npt.NDArray[np.int64]
_Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64]
MISSING = ("exclude", "as_empty")

_NOBODY_SPEAKS_SO_BRIEFLY_MS = 60
_FAR_APART = 100
_NOBODY_TAKES_TURNS_SO_FAST_MS = 100
_FEW_TURNS = 5  # fewer turns allow no conclusion: several people may laugh at once


class Turns(NamedTuple):
    """The turns of one recording; `speaker` holds positions in `labels`."""

    speaker: npt.NDArray[np.intp]
    start: Ms
    end: Ms
    labels: list[str]


class Recording(NamedTuple):
    """A recording that has a reference, and its status: "scored", "failed" or "missing"."""

    audio_id: str
    status: str


@by_part()
def speaker_turns(transcripts: Transcripts, *, gap_ms: int = 2000) -> pd.DataFrame:
    """Merge the neighbouring words of each speaker into turns.

    A turn ends at the next word of another speaker in the API's order, or at silence longer than `gap_ms`. Channels
    that were transcribed separately are read one by one, so that their turns may overlap. Translations, words without
    a speaker and words without times are left out: they neither belong to a turn nor end one.

    Parameters
    ----------
    transcripts
        A Corpus, ``schema.WORDS`` or ``schema.TOKENS``.
    gap_ms
        Silence that ends a turn, in ms from the end of a word to the start of the next. The service's tokens often end
        well before the sound does, so a value below about 1000 divides sentences.

    Returns
    -------
    DataFrame
        ``schema.TURNS``: recordings in their order of appearance, turns in the order of their first words. `end_ms` is
        the latest end of the turn's words. If the words of a turn have different original labels, which
        `Corpus.rename_speakers` gave one name, `speaker_label` is NA.

    Raises
    ------
    SchemaError
        If a column is absent, a word occurs twice, or a time is impossible or has a fraction.
    InputError
        If there are words but no word has a speaker, or `gap_ms` is not a whole number of 0 or more.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> words = pd.DataFrame({
    ...     "audio_id": "call.wav",
    ...     "word_index": range(4),
    ...     "start_ms": [0, 300, 900, 1500],
    ...     "end_ms": [240, 600, 1200, 1800],
    ...     "speaker": ["1", "1", "2", "1"],
    ... })
    >>> sx.speaker_turns(words)[["audio_id", "speaker", "start_ms", "end_ms"]]
       audio_id speaker  start_ms  end_ms
    0  call.wav       1         0     600
    1  call.wav       2       900    1200
    2  call.wav       1      1500    1800
    """
    checked_ms(gap_ms, "gap_ms")
    words = as_words(transcripts)
    need(words, "audio_id", "word_index", "start_ms", "end_ms", "speaker", name="words")
    words = need_milliseconds(words, "words")
    no_duplicates(words, "words", "audio_id", "word_index", also=["translation_status"])
    audio = runs.codes_of(words, "audio_id", required=True)
    speaker = runs.codes_of(words, "speaker")
    index = runs.numbers_of(words, "word_index", "Int32").values
    start = runs.numbers_of(words, "start_ms", "Int32")
    end = runs.numbers_of(words, "end_ms", "Int32")
    spoken = ~translation_mask(words)
    if spoken.any():
        need_in_any_part(
            "speakers",
            bool((speaker.codes[spoken] >= 0).any()),
            f"none of the {int(spoken.sum())} words has a speaker; transcribe with enable_speaker_diarization=True.",
        )

    channel = runs.numbers_of(words, "channel", "Int16")
    channels = channel_codes(audio, channel)
    rows = runs.lexical_order(channels, index)
    rows = rows[(spoken & (speaker.codes >= 0) & start.known & end.known)[rows]]
    new = runs.changes(channels[rows]) | runs.changes(speaker.codes[rows])
    silence = start.values[rows][1:].astype(np.int64) - end.values[rows][:-1]
    new[1:] |= silence > gap_ms
    starts = np.flatnonzero(new)
    latest = np.maximum.reduceat(end.values[rows], starts) if len(starts) else end.values[:0]
    earliest = np.minimum.reduceat(start.values[rows], starts) if len(starts) else start.values[:0]
    first = rows[starts]
    label = runs.codes_of(words, "speaker_label")
    label = runs.only_code(runs.Codes(label.codes[rows], label.labels), starts)
    order = runs.lexical_order(audio.codes[first], index[first])
    return pd.DataFrame(
        {
            "audio_id": runs.take_labels(audio, first[order]),
            "speaker": runs.take_labels(speaker, first[order]),
            "start_ms": pd.array(earliest[order], dtype="Int32"),
            "end_ms": pd.array(latest[order], dtype="Int32"),
            "channel": runs.masked(runs.at(channel, first[order]), "Int16"),
            "speaker_label": runs.take_labels(label, order),
        }
    )


def turns_of(source: Transcripts, gap_ms: int = 2000) -> pd.DataFrame:
    """Return the turns of a corpus, of tokens or words, or the given table of turns."""
    if isinstance(source, Transcribed):
        return speaker_turns(as_words(source), gap_ms=gap_ms)
    if not isinstance(source, pd.DataFrame):
        raise InputError(f"give a Corpus or a table of turns or words, found {type(source).__name__}.")
    source = with_named_levels(source, "turns")
    if "token_index" in source or "word_index" in source:
        return speaker_turns(as_words(source), gap_ms=gap_ms)
    return with_ids(source, "turns")


def milliseconds(table: pd.DataFrame, label: str) -> tuple[Ms, Ms]:
    """Return the start and end of each row, in whole milliseconds.

    Raises
    ------
    SchemaError
        If a time is missing or impossible; see `soniox_ds.schema.need_milliseconds`.
    """
    whole = need_milliseconds(table, label)
    for name in ("start_ms", "end_ms"):
        if missing := int(whole[name].isna().sum()):
            raise SchemaError(f"{label}: {name} is missing in {missing} of {len(whole)} rows.")
    return whole["start_ms"].to_numpy(np.int64), whole["end_ms"].to_numpy(np.int64)


def same_clock(
    hypothesis: tuple[_Numbers, _Numbers], reference: tuple[_Numbers, _Numbers], label: str = "turns"
) -> None:
    """Warn if the times of one side look like seconds compared with those of the other side."""
    if not len(hypothesis[0]) or not len(reference[0]):
        return
    sides = {label: hypothesis, "reference": reference}
    short, long = sorted(sides, key=lambda side: float(sides[side][1].max()))
    typical = float(np.median(sides[short][1] - sides[short][0]))
    ends = [float(sides[side][1].max()) for side in (short, long)]
    if typical < _NOBODY_SPEAKS_SO_BRIEFLY_MS and ends[1] > _FAR_APART * ends[0]:
        ask_about_seconds(f"the times of the {short} end at {ends[0]:g} ms, those of the {long} at {ends[1]:g} ms.")


def checked_turns(table: pd.DataFrame, label: str) -> dict[str, Turns]:
    """Return the turns of each recording, in order of appearance; turns without duration are left out.

    Raises
    ------
    SchemaError
        If a column is absent, a recording or speaker is NA, or a time is impossible (see `milliseconds`).
    """
    need(table, "audio_id", "speaker", "start_ms", "end_ms", name=label)
    audio = runs.codes_of(table, "audio_id", required=True)
    if table["speaker"].isna().any():
        raise SchemaError(
            f"{label}: speaker is NA in {int(table['speaker'].isna().sum())} of {len(table)} rows; every turn needs "
            "one."
        )
    speaker = runs.codes_of(table, "speaker")
    start, end = milliseconds(table, label)
    warn_about_hasty_turns(start, end, audio.codes, label)
    order = np.argsort(audio.codes, kind="stable")
    return {
        str(audio.labels[audio.codes[rows[0]]]): _turns_of_rows(speaker, start, end, rows)
        for rows in _slices(audio.codes, order)
    }


def warn_about_hasty_turns(start: Ms, end: Ms, recording: npt.NDArray[np.intp], label: str) -> None:
    """Warn if turns follow each other faster than people can take them, which suggests times in seconds."""
    if len(start) < _FEW_TURNS:
        return
    spans = pd.DataFrame({"start": start, "end": end}).groupby(recording).agg({"start": "min", "end": "max"})
    for_each = float((spans["end"] - spans["start"]).sum()) / len(start)
    if 0 < for_each < _NOBODY_TAKES_TURNS_SO_FAST_MS:
        ask_about_seconds(
            f"{label}: {len(start)} turns follow each other at intervals of {for_each:.0f} ms on average, and all end "
            f"by {end.max()} ms."
        )


def _slices(codes: npt.NDArray[np.intp], order: npt.NDArray[np.intp]) -> Iterator[npt.NDArray[np.intp]]:
    if len(order):
        yield from np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _turns_of_rows(speaker: runs.Codes, start: Ms, end: Ms, rows: npt.NDArray[np.intp]) -> Turns:
    rows = rows[end[rows] > start[rows]]
    codes, labels = pd.factorize(speaker.codes[rows])
    return Turns(codes, start[rows], end[rows], [str(speaker.labels[code]) for code in labels])


def covered(start: Ms, end: Ms, edges: Ms) -> npt.NDArray[np.bool_]:
    """Return True for each stretch between edges that one of the intervals covers."""
    steps = np.zeros(max(len(edges), 1), np.int64)
    np.add.at(steps, np.searchsorted(edges, start), 1)
    np.add.at(steps, np.searchsorted(edges, end), -1)
    return np.cumsum(steps)[: max(len(edges) - 1, 0)] > 0


def joined(turns: Turns) -> Turns:
    """Merge the turns of each speaker that overlap or touch; the result is sorted by speaker and time.

    >>> joined(Turns(np.array([0, 1, 0]), np.array([0, 5, 40]), np.array([40, 9, 70]), ["x", "y"]))[:3]
    (array([0, 1]), array([0, 5]), array([70,  9]))
    """
    order = np.lexsort((turns.start, turns.speaker))
    speaker, start, end = turns.speaker[order], turns.start[order], turns.end[order]
    if not len(order):
        return turns
    # Speakers are laid out one after the other in time, so that the latest end so far always belongs to the same
    # speaker.
    apart = speaker * (int(end.max()) + 1)
    latest = np.maximum.accumulate(end + apart)
    first = np.append(True, (start + apart)[1:] > latest[:-1])
    last = np.append(first[1:], True)
    return Turns(speaker[first], start[first], (latest - apart)[last], turns.labels)


def known_ids(source: object, transcribed: Iterable[str]) -> list[str]:
    """Return the ids of the recordings that have hypotheses: all of a corpus, or else `transcribed`."""
    return source.recordings["audio_id"].tolist() if isinstance(source, Transcribed) else list(transcribed)


def statuses(source: object, transcribed: Iterable[str], reference: Iterable[str], missing: str) -> list[Recording]:
    """Return the status of each recording of the reference, in the order of the corpus, otherwise of the reference.

    Raises
    ------
    InputError
        If `missing` is unknown, or no recording of the reference is on the found side although both have some.
    """
    check_choice(missing, "missing", MISSING)
    wanted = list(dict.fromkeys(reference))
    if isinstance(source, Transcribed):
        state = dict(zip(source.recordings["audio_id"], source.recordings["status"], strict=True))
        known = {audio_id: "scored" if status == "completed" else "failed" for audio_id, status in state.items()}
    else:
        known = dict.fromkeys(transcribed, "scored")
    both = [audio_id for audio_id in known if audio_id in set(wanted)]
    if wanted and known and not both:
        raise InputError(
            f"no recording of the reference (such as {wanted[0]!r}) was transcribed (transcripts have, for example, "
            f"{next(iter(known))!r}); audio_id must be the same on both sides, except for folders and extensions."
        )
    order = both if isinstance(source, Transcribed) else [audio_id for audio_id in wanted if audio_id in known]
    rows = [Recording(audio_id, known[audio_id]) for audio_id in order]
    absent = [audio_id for audio_id in wanted if audio_id not in known]
    rows += [Recording(audio_id, "missing") for audio_id in absent]
    if missing == "as_empty":
        return [Recording(row.audio_id, "scored") for row in rows]
    if absent:
        warn_caller(
            f"{len(absent)} of {len(wanted)} recordings of the reference were not transcribed, such as {absent[0]!r}. "
            "They have rows with the status 'missing' and no scores; to score them as silence, pass "
            'missing="as_empty".',
            UserWarning,
        )
    return rows


def with_metadata(table: pd.DataFrame, source: object) -> pd.DataFrame:
    """Add the user's own columns of a corpus' recordings after those of the table.

    A column that has the name of a column of the table gets the ending ``_of_recording``.
    """
    if not isinstance(source, Transcribed):
        return table
    own_columns = [name for name in source.recordings.columns if name not in RECORDINGS]
    metadata = source.recordings.set_index("audio_id")[own_columns].reindex(table["audio_id"]).reset_index(drop=True)
    names = {name: f"{name}_of_recording" for name in own_columns if name in table}
    return pd.concat([table, metadata.rename(columns=names)], axis=1)
