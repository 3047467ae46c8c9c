"""Word error rate and character error rate.

Conventions: both texts are normalised in the same way. Every rate is stored together with the counts it was computed
from: recordings are pooled by adding counts and dividing once, never by averaging rates. Failed recordings and
references without a recording are rows without counts. An empty transcript is scored only if the recording was
transcribed, or with ``missing="as_empty"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._arguments import check_choice
from soniox_ds.exceptions import SetupError
from soniox_ds.metrics.stats.pool import divide
from soniox_ds.metrics.words.align import align
from soniox_ds.metrics.words.edit_paths import Ids, Sequences, fewest_errors, paths
from soniox_ds.metrics.words.neutral_rates import neutral_errors
from soniox_ds.metrics.words.pairing import Pairs, References, Texts, pair_up
from soniox_ds.metrics.words.recording_languages import Languages, bound_normalizers
from soniox_ds.metrics.words.units import Units, Vocabulary, read_units
from soniox_ds.schema import CHARACTER_ERRORS, WORD_ERRORS, Column, conform
from soniox_ds.schema.by_part import by_part
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text.normalizer import Normalizer, NormalizerLike
from soniox_ds.text.reference_warnings import warn_of_unsaid

__all__ = ["character_errors", "scored_table", "word_errors"]

_COUNTS = ("hits", "substitutions", "deletions", "insertions")
_CHARACTERS = ("code point", "grapheme")

_Counts = npt.NDArray[np.int64]


@by_part(references=["references"], column="reference")
def word_errors(
    transcripts: Transcripts | Texts,
    references: References = None,
    *,
    normalizer: NormalizerLike = "basic",
    cost: str = "sclite",
    units: str = "mixed",
    missing: str = "exclude",
    language: Languages = None,
) -> pd.DataFrame:
    """Count the word errors of each recording that has a reference.

    Parameters
    ----------
    transcripts, references, normalizer, cost, units, language
        See `align_words`.
    missing
        ``"exclude"``: failed and missing recordings are rows without counts. ``"as_empty"``: they are scored as if
        nothing had been transcribed, every reference word deleted.

    Returns
    -------
    DataFrame
        ``schema.WORD_ERRORS``, one row for each recording that has a reference, in the order of the corpus; then the
        references without a recording. The user's own columns of recordings and references follow. A column that both
        have with different values occurs twice, that of the references as ``..._of_reference``. If the reference is
        empty, `wer` and `wil` are NA, and the insertions are kept for pooling.

        `neutral_errors` are the errors that remain when numbers, times, currencies and spellings have one form each,
        and `neutral_wer` is their rate over the same reference words: the result of the normaliser "spoken" in place of
        "basic". They are NA if the language of a recording is not known (see `language` of `align_words`) or not
        English, German, Spanish or French, and for normalisers without the step "basic".

    Raises
    ------
    InputError
        If there are no references, no reference belongs to a recording, or an argument has an unknown value.
    SchemaError
        If a table lacks a column, or an id occurs twice.

    Warns
    -----
    UserWarning
        If some references have no recording, ids were matched by the names of files, or references contain tags that
        the normaliser turns into words or are placeholders.

    Notes
    -----
    wer = (S + D + I) / (H + S + D); mer = (S + D + I) / (H + S + D + I); wil = 1 - H² / ((H + S + D) (H + S + I)).
    Source: Morris, Maier and Green, "From WER and RIL to MER and WIL", Interspeech 2004.

    S, D and I are not unique. With ``cost="levenshtein"`` their sum is the smallest possible, as in jiwer; with
    ``"sclite"`` all three are those of NIST sclite. Sclite accepts one more error if that saves three substitutions,
    which is rare except in texts that have little in common; `fewest_errors` is the smallest sum in either case.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> transcripts = {"a.wav": "the patient take five", "b.wav": "well"}
    >>> errors = sx.word_errors(transcripts, {"a.wav": "The patient takes five daily.", "b.wav": ""})
    >>> errors[["audio_id", "hits", "substitutions", "deletions", "insertions", "wer", "normalizer"]]
      audio_id  hits  substitutions  deletions  insertions   wer normalizer
    0    a.wav     3              1          1           0   0.4    basic 3
    1    b.wav     0              0          0           1  <NA>    basic 3
    """
    pairs = pair_up(transcripts, references, missing)
    chain = Normalizer.of(normalizer)
    warn_of_unsaid(pairs.references, chain)
    aligned = align(pairs, bound_normalizers(pairs, chain, language), cost, units)
    counts = aligned.paths.counts()
    fewest = counts[:, 1:].sum(axis=1)
    if cost == "sclite":
        fewest = fewest_errors(aligned.references.sequences(), aligned.hypotheses.sequences(), fewest)
    hits, wrong = counts[:, 0], counts[:, 1:].sum(axis=1)
    reference_words, hypothesis_words = aligned.references.counts, aligned.hypotheses.counts
    # If nothing was transcribed there are no hits, and all information is lost.
    product = np.where(reference_words, np.maximum(reference_words * hypothesis_words, 1), 0)
    columns = {
        "reference_words": _integers(reference_words),
        "hypothesis_words": _integers(hypothesis_words),
        "fewest_errors": _integers(fewest),
        "wer": divide(wrong, reference_words),
        "mer": divide(wrong, hits + wrong),
        "wil": divide(product - hits * hits, product),
    }
    neutral = neutral_errors(pairs, aligned, chain, language, cost, units)
    columns["neutral_errors"] = neutral
    columns["neutral_wer"] = (neutral / pd.array(np.where(reference_words > 0, reference_words, 1))).astype("Float64")
    columns["neutral_wer"][reference_words == 0] = pd.NA
    return scored_table(pairs, counts, columns, WORD_ERRORS, normalizer=chain.label, cost=cost)


@by_part(references=["references"], column="reference")
def character_errors(
    transcripts: Transcripts | Texts,
    references: References = None,
    *,
    normalizer: NormalizerLike = "basic",
    cost: str = "levenshtein",
    spaces: bool = True,
    unit: str = "code point",
    missing: str = "exclude",
    language: Languages = None,
) -> pd.DataFrame:
    """Count the character errors of each recording that has a reference.

    Parameters
    ----------
    transcripts, references, normalizer, missing, language
        See `word_errors`.
    cost
        See `align_words`. The default finds the fewest errors, as jiwer does.
    spaces
        If True, the single space between two words counts as a character (as in jiwer).
    unit
        The unit that counts as one character: ``"code point"`` (after composition to NFC), or ``"grapheme"`` (a
        character as a reader sees it, together with its marks).

    Returns
    -------
    DataFrame
        ``schema.CHARACTER_ERRORS``: like the result of `word_errors`, with `cer` = (S + D + I) / (H + S + D).

    Raises
    ------
    InputError, SchemaError
        For the reasons given in `word_errors`.
    SetupError
        If ``unit="grapheme"`` and the package ``regex`` is not installed.

    Warns
    -----
    UserWarning
        If some references have no recording, contain tags that the normaliser turns into words, or are placeholders.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> errors = sx.character_errors({"a.wav": "two bees"}, {"a.wav": "to be"})
    >>> errors[["substitutions", "deletions", "insertions", "reference_characters", "cer"]]
       substitutions  deletions  insertions  reference_characters  cer
    0              0          0           3                     5  0.6
    """
    check_choice(unit, "unit", _CHARACTERS)
    pairs = pair_up(transcripts, references, missing)
    chain = Normalizer.of(normalizer)
    warn_of_unsaid(pairs.references, chain)
    vocabulary = Vocabulary()
    chains = bound_normalizers(pairs, chain, language)
    sides = [read_units(lines, chains, "words", vocabulary) for lines in (pairs.references, pairs.hypotheses)]
    characters = Vocabulary()
    reference, hypothesis = (_character_ids(side, vocabulary, characters, spaces, unit) for side in sides)
    counts = paths(Sequences.of(reference), Sequences.of(hypothesis), cost).counts()
    lengths = counts[:, :3].sum(axis=1)
    columns = {
        "reference_characters": _integers(lengths),
        "hypothesis_characters": _integers(counts[:, [0, 1, 3]].sum(axis=1)),
        "cer": divide(counts[:, 1:].sum(axis=1), lengths),
    }
    return scored_table(
        pairs, counts, columns, CHARACTER_ERRORS, unit=unit, spaces=spaces, normalizer=chain.label, cost=cost
    )


def _character_ids(side: Units, words: Vocabulary, characters: Vocabulary, spaces: bool, unit: str) -> list[Ids]:
    labels = words.labels().tolist()
    spelled = [_spelled(label, characters, unit) for label in labels]
    gap = [characters.number(" ")] if spaces else []
    texts = []
    for ids in side.sequences().each():
        line: list[int] = []
        for place, word in enumerate(ids.tolist()):
            line += gap + spelled[word] if place else spelled[word]
        texts.append(np.array(line, np.int32))
    return texts


def _spelled(word: str, characters: Vocabulary, unit: str) -> list[int]:
    if unit == "code point" or word.isascii():
        return [characters.number(char) for char in word]
    try:
        import regex
    except ImportError as error:
        raise SetupError('unit="grapheme" needs a package that is not installed: pip install regex') from error
    return [characters.number(cluster) for cluster in regex.findall(r"\X", word)]


def scored_table(
    pairs: Pairs, counts: _Counts, columns: Mapping[str, Any], table: Mapping[str, Column], **constants: Any
) -> pd.DataFrame:
    """Build one row for each recording: counts and further columns if it is scored, then the user's own columns."""
    place = np.full(len(pairs.recordings), -1, np.intp)
    place[pairs.scored] = np.arange(len(pairs.scored))
    frame = pairs.recordings[["audio_id", "status", "duration_ms"]].copy()
    known = {name: _integers(counts[:, number]) for number, name in enumerate(_COUNTS)}
    for name, values in {**known, **columns}.items():
        frame[name] = values.take(place, allow_fill=True)
    for name, value in constants.items():
        frame[name] = value
    result = conform(frame, table)
    for name in pairs.recordings.columns:
        if name not in frame:
            result[name] = pairs.recordings[name]
        elif name not in ("audio_id", "status", "duration_ms"):
            result[f"{name}_of_recording"] = pairs.recordings[name]
    return result


def _integers(values: npt.NDArray[Any]) -> Any:
    return pd.array(values.astype(np.int64), dtype="Int64")
