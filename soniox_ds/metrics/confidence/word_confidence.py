"""Word confidences, and the words of an alignment that they can be compared with.

Conventions: a confidence is the recogniser's own estimate of the probability that a word is right. A word is right if
its operation in the alignment is "hit", and wrong if it is "substitution" or "insertion". **A deletion has no
recognised word and no confidence, so deletions are not included in any figure about confidence**, even if there are
many. Rows of an alignment without a confidence are left out too.

`text.words.words` computes the minimum and the mean over the pieces of a word, in the columns `confidence` and
`confidence_mean`, which `word_confidence` reads. Only the product is computed here, because it is rarely needed and
requires the tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.schema import need, need_confidences, no_duplicates
from soniox_ds.schema.by_part import by_part, need_in_any_part
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text import runs
from soniox_ds.text.scripts import features
from soniox_ds.text.translations import translation_mask
from soniox_ds.text.word_boundaries import is_word, pieces_of
from soniox_ds.text.words import as_words

__all__ = [
    "OPERATIONS",
    "RULES",
    "Judged",
    "as_decimals",
    "checked_confidence",
    "judged",
    "word_confidence",
]

OPERATIONS = ("hit", "substitution", "deletion", "insertion")
RULES = ("minimum", "mean", "product")
"""The rules by which the confidences of a word's pieces are combined."""

_MOST_PLACES = 9  # enough decimal places to distinguish neighbouring numbers from 0 to 1 in single precision

Bools = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]


class Judged(NamedTuple):
    """The words of an alignment that have a confidence, and whether each word is correct."""

    rows: Ints
    """Positions of the words in the alignments table."""
    confidence: FloatArray
    correct: Bools


def as_decimals(confidence: FloatArray) -> FloatArray:
    """Replace numbers that were stored as float32 by the shortest decimal that float32 stores as the same number.

    The float32 value of 0.8 is 0.800000012 as a float64, and therefore exceeds a bin edge, threshold or level of 0.8.
    For this reason, confidences are compared after this conversion. The decimals have at most 9 decimal places. Order
    and ties are preserved. A number that is not exactly a float32 value is unchanged.

    >>> as_decimals(np.array([0.8, 0.9, 1 / 3], np.float32).astype(np.float64))
    array([0.8       , 0.9       , 0.33333334])
    >>> as_decimals(np.array([0.8, 1 / 3, np.nan]))
    array([0.8       , 0.33333333,        nan])
    """
    decimals = confidence.copy()
    single = confidence.astype(np.float32)
    open_rows = np.flatnonzero(single.astype(np.float64) == confidence)
    for places in range(_MOST_PLACES + 1):
        if not open_rows.size:
            break
        rounded = np.round(confidence[open_rows], places)
        same = rounded.astype(np.float32) == single[open_rows]
        decimals[open_rows[same]] = rounded[same]
        open_rows = open_rows[~same]
    return decimals


def checked_confidence(table: pd.DataFrame, name: str = "confidence", label: str = "words") -> runs.Numbers:
    """Read a column of confidences and apply `as_decimals`; raise SchemaError if a value lies outside 0 to 1."""
    need(table, name, name=label)
    need_confidences(table, label, name)
    numbers = pd.to_numeric(table[name]).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    known = ~np.isnan(numbers)
    return runs.Numbers(as_decimals(np.where(known, numbers, 0.0)), known)


def judged(alignments: pd.DataFrame, by: Sequence[str] = ()) -> Judged:
    """Select the recognised words of an alignment that have a confidence, and whether each word is correct.

    If the table has the columns `audio_id` and `position`, no row may occur twice. The columns `by` distinguish the
    rows of arms and repeats.

    Raises
    ------
    SchemaError
        If a column is absent, an operation is not known, a confidence lies outside 0 to 1, or a row occurs twice.
    InputError
        If there are words but no word has a confidence.

    Examples
    --------
    >>> judged(pd.DataFrame({"operation": ["hit", "deletion", "insertion"], "confidence": [0.9, None, 0.4]})).correct
    array([ True, False])
    """
    need(alignments, "operation", "confidence", name="alignments")
    if "audio_id" in alignments and "position" in alignments:
        no_duplicates(alignments, "alignments", "audio_id", "position", also=by)
    operation = runs.codes_of(alignments, "operation", required=True)
    if unknown := [str(label) for label in operation.labels if label not in OPERATIONS]:
        raise SchemaError(
            f"operation must be one of {list(OPERATIONS)}, found {unknown}; pass a table of sx.align_words."
        )
    names = np.array([*map(str, operation.labels), ""])[operation.codes]
    has_word = names != "deletion"
    confidence = checked_confidence(alignments, label="alignments")
    rows = np.flatnonzero(has_word & confidence.known)
    if has_word.any():
        need_in_any_part(
            "confidence",
            rows.size > 0,
            f"none of the {int(has_word.sum())} aligned words has a confidence; align the words of a corpus, "
            "not plain texts, to keep their confidences.",
        )
    return Judged(rows, confidence.values[rows], names[rows] == "hit")


@by_part()
def word_confidence(
    transcripts: Transcripts, confidence_rule: str = "minimum", *, tokens: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Compute the confidence of each word from its pieces by a rule.

    The pieces are those that contain a letter or digit, or all pieces of the word if none does. The rules are:

    - ``"minimum"``: the lowest confidence, as in `words`: a word is as doubtful as its most doubtful piece;
    - ``"mean"``: the mean, as in ``confidence_mean`` of `words`: long words hide a doubtful piece;
    - ``"product"``: the probability that all pieces are right if they were independent: long words get low values.

    The best rule for ranking and for calibration depends on the data: align with each and compare `calibration`.

    Parameters
    ----------
    transcripts
        A corpus, or ``schema.WORDS``.
    confidence_rule
        One of the three rules above.
    tokens
        ``schema.TOKENS`` that the words were made from; needed only for the product of a words table.

    Returns
    -------
    DataFrame
        ``schema.WORDS`` with `confidence` by the rule, Float32; all other columns are unchanged. Flags and alignments
        of these words use the new confidence. It is NA if no piece has a confidence.

    Raises
    ------
    InputError
        If the rule is not known, or the product is requested without tokens.
    SchemaError
        If a column is absent, a word occurs twice, or the words were not made from these tokens.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> tokens = pd.DataFrame({
    ...     "audio_id": "a.wav",
    ...     "token_index": range(4),
    ...     "text": ["lis", "in", "opril", "."],
    ...     "confidence": [0.5, 0.8, 0.8, 0.1],
    ... })
    >>> word_table = sx.words(tokens)
    >>> [
    ...     round(float(sx.metrics.word_confidence(word_table, rule, tokens=tokens)["confidence"].iat[0]), 2)
    ...     for rule in ("minimum", "mean", "product")
    ... ]
    [0.5, 0.7, 0.32]
    """
    if confidence_rule not in RULES:
        raise InputError(f"confidence_rule is {confidence_rule!r}; it can be {', '.join(map(repr, RULES))}.")
    given = as_words(transcripts)
    no_duplicates(given, "words", "audio_id", "word_index", also=["translation_status"])
    if confidence_rule == "minimum":
        checked_confidence(given)
        return given.copy()
    if confidence_rule == "mean":
        checked_confidence(given, "confidence_mean")
        return given.assign(confidence=given["confidence_mean"])
    if tokens is None and not isinstance(transcripts, pd.DataFrame):
        tokens = transcripts.tokens
    if tokens is None:
        raise InputError(
            'confidence_rule="product" needs the tokens of the words: pass the corpus, or the words together with '
            "tokens=corpus.tokens."
        )
    return given.assign(confidence=_products(given, tokens))


def _products(words: pd.DataFrame, tokens: pd.DataFrame) -> Any:
    """Multiply the confidences of the pieces of each word that contain a letter or digit; returns a Float32 array."""
    need(words, "audio_id", "word_index", "token_count", name="words")
    need(tokens, "audio_id", "token_index", "text", "confidence", name="tokens")
    no_duplicates(tokens, "tokens", "audio_id", "token_index", also=["translation_status"])
    pieces, spelling, vocabulary = _spelling_parts(tokens)
    order, count = _ordered(words, "word_index"), runs.numbers_of(words, "token_count", "Int32").values
    word_streams = _streams(words)[order]
    token_streams = _streams(tokens)[pieces]
    repeated = np.repeat(word_streams, count[order])
    if len(repeated) != len(token_streams) or (repeated != token_streams).any():
        raise SchemaError(
            f"the words do not belong to the tokens: {len(words)} words consist of {len(repeated)} tokens, and "
            f"{len(token_streams)} of the {len(tokens)} tokens belong to words; pass the tokens that the words were "
            "made from (sx.words(tokens))."
        )
    starts = (np.cumsum(count[order]) - count[order]).astype(np.intp)
    confidence = runs.at(checked_confidence(tokens, label="tokens"), pieces)
    spoken = features(vocabulary).spoken[spelling]
    any_spoken = np.add.reduceat(spoken.astype(np.int64), starts) > 0 if len(starts) else np.zeros(0, np.bool_)
    used = (spoken | ~np.repeat(any_spoken, count[order])) & confidence.known
    values = np.ones(len(words), np.float32)
    known = np.zeros(len(words), np.bool_)
    if len(starts):
        values[order] = np.multiply.reduceat(np.where(used, confidence.values, 1.0), starts)
        known[order] = np.add.reduceat(used.astype(np.int64), starts) > 0
    return runs.masked(runs.Numbers(values, known), "Float32")


def _spelling_parts(tokens: pd.DataFrame) -> tuple[Ints, Ints, list[str]]:
    """Return the rows of tokens that are parts of words, in the order of words, and each part's code in the vocabulary.

    A token that holds several words occurs once for each of them.
    """
    texts = runs.codes_of(tokens, "text", required=True)
    parts = [[part.strip() for part in pieces_of(str(label)) if is_word(part)] for label in texts.labels]
    lengths = np.array([len(token_parts) for token_parts in parts], np.intp)
    offsets = np.cumsum(lengths) - lengths
    event = runs.numbers_of(tokens, "is_audio_event", "boolean").values.astype(np.bool_)
    rows = _ordered(tokens, "token_index")
    rows = rows[~event[rows]]
    repeats = lengths[texts.codes[rows]]
    within = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    spelling = np.repeat(offsets[texts.codes[rows]], repeats) + within
    return np.repeat(rows, repeats), spelling, [part for token_parts in parts for part in token_parts]


def _ordered(table: pd.DataFrame, position: str) -> Ints:
    """Return the rows stream by stream, streams sorted by name, each in the order of `position`."""
    streams = pd.factorize(_streams(table), sort=True)[0].astype(np.intp)
    return runs.lexical_order(streams, runs.numbers_of(table, position, "Int32").values)


def _streams(table: pd.DataFrame) -> npt.NDArray[Any]:
    """Return the name of each row's stream: its recording and channel, and whether it is a translation."""
    audio = runs.codes_of(table, "audio_id", required=True)
    channel = runs.numbers_of(table, "channel", "Int16")
    numbers = np.where(channel.known, channel.values, 0).astype(str).astype(object)
    kinds = np.where(translation_mask(table), "translation:", "original:").astype(object)
    names: npt.NDArray[Any] = kinds + numbers + ":" + np.asarray(audio.labels, dtype=object)[audio.codes]
    return names
