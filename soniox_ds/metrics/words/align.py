"""Transcripts aligned with references, word by word.

Conventions: both texts are normalised alike, then divided into units: words, and single characters of scripts that are
written without spaces. The transcript's units keep the time, confidence, speaker and language of the words they came
from. The alignment is the cheapest at the stated costs; see `soniox_ds.metrics.words.edit_paths`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.metrics.words.edit_paths import DELETION, INSERTION, Paths, paths
from soniox_ds.metrics.words.pairing import Pairs, References, Transcripts, pair_up
from soniox_ds.metrics.words.recording_languages import Languages, bound_normalizers
from soniox_ds.metrics.words.units import Units, Vocabulary, read_units
from soniox_ds.schema import WORD_ALIGNMENTS, conform, need_confidences, need_milliseconds
from soniox_ds.text.normalizer import Normalizer, NormalizerLike
from soniox_ds.text.tags import warn_of_unsaid

__all__ = ["OPERATIONS", "align_words"]

OPERATIONS = ("hit", "substitution", "deletion", "insertion")

_Ints = npt.NDArray[np.intp]


def align_words(
    transcripts: Transcripts,
    references: References = None,
    *,
    normalizer: NormalizerLike = "basic",
    cost: str = "sclite",
    units: str = "mixed",
    failed: str = "apart",
    language: Languages = None,
) -> pd.DataFrame:
    """Align each transcript with its reference.

    Parameters
    ----------
    transcripts
        A corpus; ``schema.WORDS`` or ``schema.TOKENS``; or texts: a table with `audio_id` and `text`, a Series or a
        dict from audio_id to text. Only a corpus tells a recording in which nothing was said from one that is not
        there. Or a list of texts, beside a list of as many references; the ids are then "0", "1", ...
    references
        A table with `audio_id` and `reference` (or `text`), a Series or a dict from audio_id to text. With `speaker`
        and `start_ms` too it is a table of turns, which are put together in order of time. None for the corpus' own
        column `reference`. NA is no reference, the empty text is one. An id that names the file without its folder or
        extension ("talk" for "calls/talk.wav") is taken for the one recording it can mean, with a warning; it is
        refused if it can mean several.
    normalizer
        What both texts go through: ``"none"``, ``"basic"``, ``"whisper-english"``, a function from text to text, or a
        list of these; see `Normalizer.of`.
    cost
        ``"sclite"``: insertion 3, deletion 3, substitution 4, ties as NIST's tool breaks them. ``"levenshtein"``:
        every error 1, so that their sum is the least there is.
    units
        ``"mixed"``: words, and single characters of scripts without spaces. ``"words"``: white space alone divides.
    failed
        ``"as_silence"`` aligns failed and missing recordings with no words; otherwise they have no rows.
    language
        For ``normalizer="spoken"``: the language of the recordings, or a dict from audio_id to language. Where it does
        not say, the language is taken from a column `language` of the references, else of the recordings, else it is
        the one that most words of the transcript were identified as, else the language hint, if there was one only.

    Returns
    -------
    DataFrame
        ``schema.WORD_ALIGNMENTS``: a row for each aligned pair, recordings in the order of the corpus. A unit that came
        from several words (``twenty five`` → ``25``) has the times of all of them, their lowest confidence, and the
        rest from the first; a word that became several units lends its values to each.

    Raises
    ------
    InputError
        If there are no references, none belongs to a recording, or an argument is none of those described.
    SchemaError
        If a table lacks a column, an id is there twice, or the words' times are impossible (fractions, too).

    Warns
    -----
    UserWarning
        If some references have no recording, hold tags that the normaliser makes words of, or are placeholders.

    Examples
    --------
    >>> found = align_words({"a.wav": "The patient take five."}, {"a.wav": "the patient takes five daily"})
    >>> found[["operation", "reference", "hypothesis"]]
          operation reference hypothesis
    0           hit       the        the
    1           hit   patient    patient
    2  substitution     takes       take
    3           hit      five       five
    4      deletion     daily       <NA>
    """
    pairs = pair_up(transcripts, references, failed)
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
    """Normalise both sides, each recording by its normaliser, and find the path of each recording."""
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
        said = _taken(aligned.references.first, at_reference)
        frame["reference_speaker"] = pairs.speakers.take(said, allow_fill=True)
    return frame


def _places(present: npt.NDArray[np.bool_], counts: _Ints, recording: _Ints) -> tuple[_Ints, _Ints]:
    """For each operation the unit it takes from one side: among all of them (-1 for none), and within its recording."""
    overall = np.where(present, np.cumsum(present) - 1, -1)
    return overall, overall - (np.cumsum(counts) - counts)[recording]


def _taken(values: npt.NDArray[Any], rows: _Ints) -> _Ints:
    """The values at the rows, -1 where the row is."""
    padded = np.append(values, -1).astype(np.intp)
    return padded[rows]


def _masked(values: _Ints, known: npt.NDArray[np.bool_]) -> Any:
    return pd.arrays.IntegerArray(values.astype(np.int32), ~known)


def _lower(frame: pd.DataFrame, words: pd.DataFrame, first: _Ints, last: _Ints) -> None:
    """The lowest confidence where a unit came from several words."""
    several = np.flatnonzero(last > first)
    if not len(several):
        return
    known = words["confidence"].astype("Float32").to_numpy(dtype=np.float32, na_value=np.inf)
    lowest = np.array([known[low : high + 1].min() for low, high in zip(first[several], last[several], strict=True)])
    values: Any = frame["confidence"].array
    values[several] = pd.array(np.where(np.isinf(lowest), np.nan, lowest), dtype="Float32")
