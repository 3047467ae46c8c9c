"""Words by speaker, from a reference or from a transcript.

Conventions: words are numbers of one vocabulary, normalised, in the order in which they were said; times are
milliseconds. A turn is normalised as a whole, so that steps that need the neighbours of a word have them within the
turn, and never beyond it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.speakers.time_constrained import Floats, TimedWords, shared_out
from soniox_ds.metrics.speakers.turns import milliseconds, same_clock
from soniox_ds.metrics.words.edit_paths import Ids
from soniox_ds.metrics.words.units import Lines, Units, Vocabulary, lines_of, read_units
from soniox_ds.schema import need, no_duplicates, with_named_levels
from soniox_ds.schema.by_part import need_in_any_part
from soniox_ds.text import runs
from soniox_ds.text.normalizer import Normalizer
from soniox_ds.text.reference_warnings import warn_of_tags
from soniox_ds.text.translations import without_translations

__all__ = ["NO_SPEAKER", "SpeakerWords", "hypothesis_words", "reference_words"]

NO_SPEAKER = "no speaker"
_ENOUGH_WORDS = 10  # nobody says this many words twice in exactly the same way
_Bools = npt.NDArray[np.bool_]


class SpeakerWords(NamedTuple):
    """The normalised words of a recording, with the speaker and the time of each."""

    ids: Ids
    speaker: runs.Ints
    """Number of the speaker of each word."""
    labels: list[str]
    """Labels of the speakers who say a word, in the order of their first word."""
    begin: Floats
    end: Floats
    timed: bool
    """True if the times are known."""

    @classmethod
    def empty(cls) -> SpeakerWords:
        """Return a recording in which no word was said."""
        return cls(np.zeros(0, np.int32), np.zeros(0, np.intp), [], np.zeros(0), np.zeros(0), timed=True)

    def by_speaker(self) -> list[TimedWords]:
        """Return the words of each speaker."""
        by_speaker = [self.speaker == number for number in range(len(self.labels))]
        return [TimedWords(self.ids[rows], self.begin[rows], self.end[rows]) for rows in by_speaker]


def reference_words(
    reference: pd.DataFrame, normalizers: Mapping[str, Normalizer], kind: str, vocabulary: Vocabulary
) -> dict[str, SpeakerWords]:
    """Read the words of each recording of a reference, and divide the time of each row among its words.

    `normalizers` is the normaliser of each recording.

    Raises
    ------
    SchemaError
        If a column is absent, an id, speaker or text is NA, or a time is impossible.
    """
    need(reference, name="reference")
    reference = with_named_levels(reference, "reference")
    need(reference, "audio_id", "speaker", "text", name="reference")
    audio = runs.codes_of(reference, "audio_id", required=True)
    speaker = runs.codes_of(reference, "speaker", required=True)
    runs.codes_of(reference, "text", required=True)
    timed = "start_ms" in reference and "end_ms" in reference
    if timed:
        no_duplicates(reference, "reference", "audio_id", "speaker", "text", "start_ms", "end_ms")
    else:
        _refuse_doubled(reference[["audio_id", "speaker", "text"]])
    begin, end = milliseconds(reference, "reference") if timed else np.zeros((2, len(reference)), np.int64)
    order = np.lexsort((begin, audio.codes))  # stable
    texts: list[str] = reference["text"].astype("string").to_numpy(object)[order].tolist()
    lines = lines_of(texts)
    chains = [normalizers[str(label)] for label in np.asarray(audio.labels, dtype=object)[audio.codes[order]]]
    if chains:
        warn_of_tags(lines, chains[0])
    units = read_units(lines, chains, kind, vocabulary)
    line = np.repeat(np.arange(len(order)), units.counts)
    starts, ends = shared_out(
        begin[order].astype(np.float64), end[order].astype(np.float64), line, _character_counts(units, vocabulary)
    )
    rows = order[line]
    by_recording = dict(_by_recording(audio, speaker, rows, units.ids, starts, ends, np.full(len(rows), timed)))
    return {
        str(label): by_recording.get(str(label), SpeakerWords.empty()._replace(timed=timed)) for label in audio.labels
    }


def hypothesis_words(
    words: pd.DataFrame,
    normalizers: Mapping[str, Normalizer],
    kind: str,
    vocabulary: Vocabulary,
    reference: Sequence[SpeakerWords],
    order_by: str = "word_index",
) -> dict[str, SpeakerWords]:
    """Return the words of each recording of a transcript (``schema.WORDS``), each with its own time.

    They are in the order of `order_by`, ``"word_index"`` or ``"time"``.

    Raises
    ------
    SchemaError
        If a column is absent, an id or text is NA, or a time is impossible.
    InputError
        If there are words but no word has a speaker, or `order_by` has another value or asks for times that no word
        has.
    """
    if order_by not in ("word_index", "time"):
        raise InputError(f"order is {order_by!r}; it can be 'word_index' or 'time'.")
    need(words, "audio_id", "word_index", "text", "speaker", name="words")
    no_duplicates(words, "words", "audio_id", "word_index", also=["translation_status"])
    spoken = without_translations(words)
    if len(spoken):
        need_in_any_part(
            "speakers",
            bool(spoken["speaker"].notna().any()),
            f"none of the {len(spoken)} words has a speaker; transcribe with enable_speaker_diarization=True.",
        )
    audio = runs.codes_of(spoken, "audio_id", required=True)
    text = runs.codes_of(spoken, "text", required=True)
    speaker = runs.codes_of(spoken.assign(speaker=spoken["speaker"].fillna(NO_SPEAKER)), "speaker")
    timed, begin, end = _word_times(spoken)
    _check_clocks(reference, begin[timed], end[timed])

    order = runs.lexical_order(audio.codes, runs.numbers_of(spoken, "word_index", "Int32").values)
    if order_by == "time":
        if len(spoken):
            need_in_any_part(
                "times",
                bool(timed.any()),
                'no word has a time, so order="time" is not possible; use order="word_index".',
            )
        starts_ms = pd.Series(np.where(timed, begin, np.nan)[order]).groupby(audio.codes[order]).ffill().fillna(-1.0)
        order = order[np.lexsort((starts_ms.to_numpy(), audio.codes[order]))]  # stable
    new = runs.changes(audio.codes[order]) | runs.changes(speaker.codes[order])
    spaced = np.ones(len(order), np.bool_)
    if "space_before" in spoken:
        spaced = runs.numbers_of(spoken, "space_before", "boolean").values.astype(np.bool_)[order]
    counts = np.diff(np.append(np.flatnonzero(new), len(order)))
    labels = np.asarray(text.labels, dtype=object)
    lines = Lines(labels[text.codes[order]].tolist() if len(order) else [], counts, spaced | new)
    first_of_line = order[np.flatnonzero(new)]
    chains = [normalizers[str(label)] for label in np.asarray(audio.labels, dtype=object)[audio.codes[first_of_line]]]
    units = read_units(lines, chains, kind, vocabulary)

    # Units that came from the same words divide the time of these words among them.
    together = np.cumsum(runs.changes(units.first) | runs.changes(units.last)) - 1
    heads = np.flatnonzero(runs.changes(together))
    first, last = order[units.first], order[units.last]
    starts, ends = shared_out(begin[first[heads]], end[last[heads]], together, _character_counts(units, vocabulary))
    by_recording = dict(_by_recording(audio, speaker, first, units.ids, starts, ends, timed[first] & timed[last]))
    return {str(label): by_recording.get(str(label), SpeakerWords.empty()) for label in audio.labels}


def _refuse_doubled(reference: pd.DataFrame) -> None:
    """Refuse rows that occur twice as a whole; without times, a single repeated row may really have been said again."""
    half = len(reference) // 2
    first_half, second_half = (part.reset_index(drop=True) for part in (reference.iloc[:half], reference.iloc[half:]))
    if (
        half > 1
        and first_half.equals(second_half)
        and sum(len(str(text).split()) for text in first_half["text"]) >= _ENOUGH_WORDS
    ):
        no_duplicates(reference, "reference", "audio_id", "speaker", "text")


def _word_times(words: pd.DataFrame) -> tuple[_Bools, Floats, Floats]:
    if "start_ms" not in words or "end_ms" not in words:
        return np.zeros(len(words), np.bool_), np.zeros(len(words)), np.zeros(len(words))
    timed = (words["start_ms"].notna() & words["end_ms"].notna()).to_numpy(np.bool_)
    begin, end = np.zeros(len(words)), np.zeros(len(words))
    begin[timed], end[timed] = milliseconds(words[timed], "words")
    return timed, begin, end


def _check_clocks(reference: Sequence[SpeakerWords], begin: Floats, end: Floats) -> None:
    timed = [recording for recording in reference if recording.timed and len(recording.ids)]
    if timed:
        times = (
            np.concatenate([recording.begin for recording in timed]),
            np.concatenate([recording.end for recording in timed]),
        )
        same_clock((begin, end), times, "words")


def _character_counts(units: Units, vocabulary: Vocabulary) -> runs.Ints:
    """Return the number of characters of each unit."""
    lengths = np.array([len(unit) for unit in vocabulary.labels()], np.intp)
    return lengths[units.ids] if len(units.ids) else np.zeros(0, np.intp)


def _by_recording(
    audio: runs.Codes, speaker: runs.Codes, rows: runs.Ints, ids: Ids, begin: Floats, end: Floats, timed: _Bools
) -> Iterator[tuple[str, SpeakerWords]]:
    """Divide words (each from a row of the table, in order) into recordings."""
    if not len(rows):
        return
    borders: Any = np.append(np.flatnonzero(runs.changes(audio.codes[rows])), len(rows))
    for first, last in pairwise(borders.tolist()):
        of_recording = slice(first, last)
        codes, labels = pd.factorize(speaker.codes[rows[of_recording]])
        yield (
            str(audio.labels[audio.codes[rows[first]]]),
            SpeakerWords(
                ids[of_recording],
                codes.astype(np.intp),
                [str(speaker.labels[label]) for label in labels],
                begin[of_recording],
                end[of_recording],
                timed=bool(timed[of_recording].all()),
            ),
        )
