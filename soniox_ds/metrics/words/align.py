"""Alignment of transcripts with references, word by word.

Conventions: both texts are normalised in the same way and then divided into units: words, and single characters of
scripts that are written without spaces. The units of the transcript keep the time, confidence, speaker and language of
the words they came from. The alignment has the lowest total cost; see `soniox_ds.metrics.words.edit_paths`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.metrics.words.edit_paths import DELETION, INSERTION, Paths, paths
from soniox_ds.metrics.words.pairing import Pairs, References, Texts, pair_up
from soniox_ds.metrics.words.recording_languages import Languages, bound_normalizers
from soniox_ds.metrics.words.units import Units, Vocabulary, read_units
from soniox_ds.schema import WORD_ALIGNMENTS, conform, need_confidences, need_milliseconds
from soniox_ds.schema.by_part import by_part
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text.normalizer import Normalizer, NormalizerLike
from soniox_ds.text.reference_warnings import warn_of_unsaid

__all__ = ["OPERATIONS", "align_words"]

OPERATIONS = ("hit", "substitution", "deletion", "insertion")

_Ints = npt.NDArray[np.intp]


@by_part(references=["references"], column="reference")
def align_words(
    transcripts: Transcripts | Texts,
    references: References = None,
    *,
    normalizer: NormalizerLike = "basic",
    cost: str = "sclite",
    units: str = "mixed",
    missing: str = "exclude",
    language: Languages = None,
) -> pd.DataFrame:
    """Align each transcript with its reference.

    Parameters
    ----------
    transcripts
        A corpus; ``schema.WORDS`` or ``schema.TOKENS``; or texts: a table with `audio_id` and `text`, a Series or a
        dict from audio_id to text. Only a corpus distinguishes a recording in which nothing was said from a recording
        that is absent. A list of texts is accepted if `references` is a list of the same length; the ids are then "0",
        "1", ...
    references
        A table with `audio_id` and `reference` (or `text`), a Series or a dict from audio_id to text. If the table also
        has `speaker` and `start_ms`, it is a table of turns, which are joined in order of time. None means the column
        `reference` of the corpus. NA means that there is no reference; the empty text is a reference (nothing was
        said). An id that names the file without its folder or extension ("talk" for "calls/talk.wav") is matched to the
        only recording it can mean, with a warning; an id that can mean several recordings is refused.
    normalizer
        The normaliser that is applied to both texts: ``"none"``, ``"basic"``, ``"whisper-english"``, a function from
        text to text, or a list of these; see `Normalizer.of`.
    cost
        ``"sclite"``: insertion 3, deletion 3, substitution 4, ties as NIST's tool breaks them. ``"levenshtein"``:
        every error costs 1, so that the number of errors is the smallest possible.
    units
        ``"mixed"``: words, and single characters of scripts without spaces. ``"words"``: the text is divided at white
        space only.
    missing
        ``"as_empty"`` aligns failed and missing recordings as if they had no words; otherwise they have no rows.
    language
        For ``normalizer="spoken"``: the language of the recordings, or a dict from audio_id to language. For recordings
        that it does not cover, the language is taken from the first of these that is known: a column `language` of the
        references, a column `language` of the recordings, the language of most words of the transcript, the language
        hint of the transcription if there was exactly one.

    Returns
    -------
    DataFrame
        ``schema.WORD_ALIGNMENTS``: one row for each aligned pair, recordings in the order of the corpus. A unit that
        came from several words (``twenty five`` → ``25``) runs from the start of the first to the end of the last, has
        their lowest confidence, and has the other values of the first. If a word became several units, each unit has
        the values of the word.

    Raises
    ------
    InputError
        If there are no references, no reference belongs to a recording, or an argument has an unknown value.
    SchemaError
        If a table lacks a column, an id occurs twice, or the times of the words are impossible (fractions, too).

    Warns
    -----
    UserWarning
        If some references have no recording, contain tags that the normaliser turns into words, or are placeholders.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> alignments = sx.align_words({"a.wav": "The patient take five."}, {"a.wav": "the patient takes five daily"})
    >>> alignments[["operation", "reference", "hypothesis"]]
          operation reference hypothesis
    0           hit       the        the
    1           hit   patient    patient
    2  substitution     takes       take
    3           hit      five       five
    4      deletion     daily       <NA>
    """
    pairs = pair_up(transcripts, references, missing)
    words = need_confidences(need_milliseconds(pairs.words, "words", required=False), "words", "confidence")
    pairs = pairs._replace(words=words)
    chain = Normalizer.of(normalizer)
    warn_of_unsaid(pairs.references, chain)
    aligned = align(pairs, bound_normalizers(pairs, chain, language), cost, units)
    frame = _table(pairs, aligned)
    frame["normalizer"] = pd.array([chain.label], dtype="string").take(np.zeros(len(frame), np.intp))
    frame["cost"] = pd.array([cost], dtype="string").take(np.zeros(len(frame), np.intp))
    return conform(frame, WORD_ALIGNMENTS)


class Aligned(NamedTuple):
    """The units of both sides and the paths between them."""

    vocabulary: Vocabulary
    references: Units
    hypotheses: Units
    paths: Paths


def align(pairs: Pairs, normalizers: Sequence[Normalizer], cost: str, units: str) -> Aligned:
    """Normalise both sides, each recording with its own normaliser, and find the path of each recording."""
    vocabulary = Vocabulary()
    references = read_units(pairs.references, normalizers, units, vocabulary)
    hypotheses = read_units(pairs.hypotheses, normalizers, units, vocabulary)
    return Aligned(vocabulary, references, hypotheses, paths(references.sequences(), hypotheses.sequences(), cost))


def _table(pairs: Pairs, aligned: Aligned) -> pd.DataFrame:
    operations = aligned.paths.operations
    recording = np.repeat(np.arange(len(aligned.paths.lengths)), aligned.paths.lengths)
    at_reference, reference_index = _places(operations != INSERTION, aligned.references.counts, recording)
    at_hypothesis, hypothesis_index = _places(operations != DELETION, aligned.hypotheses.counts, recording)
    labels = aligned.vocabulary.labels()
    firsts = np.cumsum(aligned.paths.lengths) - aligned.paths.lengths
    first, last = _taken(aligned.hypotheses.first, at_hypothesis), _taken(aligned.hypotheses.last, at_hypothesis)
    words = pairs.words
    frame = pd.DataFrame(
        {
            "audio_id": pairs.recordings["audio_id"].array.take(pairs.scored[recording]),
            "position": np.arange(len(operations)) - firsts[recording],
            "operation": pd.array(OPERATIONS, dtype="string").take(operations),
            "reference": labels.take(_taken(aligned.references.ids, at_reference), allow_fill=True),
            "hypothesis": labels.take(_taken(aligned.hypotheses.ids, at_hypothesis), allow_fill=True),
            "reference_index": _masked(reference_index, at_reference >= 0),
            "hypothesis_index": _masked(hypothesis_index, at_hypothesis >= 0),
        }
    )
    for name, rows in (("word_index", first), ("start_ms", first), ("end_ms", last), ("confidence", first)):
        if name in words:
            dtype: Any = WORD_ALIGNMENTS[name].dtype
            frame[name] = words[name].astype(dtype).array.take(rows, allow_fill=True)
    if "confidence" in words:
        _lower(frame, words, first, last)
    for name in ("speaker", "language"):
        if name in words:
            frame[name] = words[name].astype("string").array.take(first, allow_fill=True)
    if pairs.speakers is not None:
        words_of_units = _taken(aligned.references.first, at_reference)
        frame["reference_speaker"] = pairs.speakers.take(words_of_units, allow_fill=True)
    return frame


def _places(present: npt.NDArray[np.bool_], counts: _Ints, recording: _Ints) -> tuple[_Ints, _Ints]:
    """Return the unit of each operation on one side, as a position in all texts (-1 if absent) and in its recording."""
    overall = np.where(present, np.cumsum(present) - 1, -1)
    return overall, overall - (np.cumsum(counts) - counts)[recording]


def _taken(values: npt.NDArray[Any], rows: _Ints) -> _Ints:
    """Return the values at the given rows, and -1 for a row of -1."""
    padded = np.append(values, -1).astype(np.intp)
    return padded[rows]


def _masked(values: _Ints, known: npt.NDArray[np.bool_]) -> Any:
    return pd.arrays.IntegerArray(values.astype(np.int32), ~known)


def _lower(frame: pd.DataFrame, words: pd.DataFrame, first: _Ints, last: _Ints) -> None:
    """Set the confidence of units that came from several words to the lowest of these words."""
    several = np.flatnonzero(last > first)
    if not len(several):
        return
    known = words["confidence"].astype("Float32").to_numpy(dtype=np.float32, na_value=np.inf)
    lowest = np.array([known[low : high + 1].min() for low, high in zip(first[several], last[several], strict=True)])
    values: Any = frame["confidence"].array
    values[several] = pd.array(np.where(np.isinf(lowest), np.nan, lowest), dtype="Float32")
