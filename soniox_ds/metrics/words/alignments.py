"""The argument `alignments` of the word metrics: a table of alignments, a `jiwer.WordOutput`, or a corpus.

Conventions: a corpus is aligned with the column `reference` of its recordings, with the defaults of `align_words`. For
other references, another normaliser or other costs, call `align_words` first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.words.align import align_words
from soniox_ds.metrics.words.jiwer_output import alignments_from_jiwer, is_jiwer_output
from soniox_ds.schema import need_confidences, with_ids
from soniox_ds.schema.by_part import results_of_parts
from soniox_ds.schema.inputs import InParts, Transcribed, Transcripts

if TYPE_CHECKING:
    import jiwer

__all__ = ["Alignments", "alignments_of", "alignments_with_columns", "results_of_aligned_parts"]

_Result = TypeVar("_Result")

Alignments: TypeAlias = "Transcripts | jiwer.WordOutput"
"""A table of alignments, a corpus or live result whose recordings have references, or the output of jiwer."""


def alignments_of(source: Alignments, label: str = "alignments") -> pd.DataFrame:
    """Return the alignments with ids as strings; a corpus or live result is aligned with its own references.

    A `jiwer.WordOutput` becomes a table without times, confidences and labels.

    Raises
    ------
    InputError
        If `source` is neither a table nor a corpus, or is a corpus without references.
    SchemaError
        If an `audio_id` is neither a text nor a whole number, or a confidence lies outside 0 to 1.

    Examples
    --------
    >>> from soniox_ds.corpus.corpus import Corpus
    >>> recordings = pd.DataFrame({"audio_id": ["a"], "status": "completed", "reference": "good day"})
    >>> tokens = pd.DataFrame({"audio_id": "a", "token_index": [0, 1], "text": ["Good", " way"]})
    >>> alignments_of(Corpus(recordings, tokens))["operation"].tolist()
    ['hit', 'substitution']
    """
    if isinstance(source, pd.DataFrame):
        return need_confidences(with_ids(source, label), label)
    if is_jiwer_output(source):
        return alignments_from_jiwer(source)
    if isinstance(source, InParts):
        raise InputError(
            f"{label} of an opened corpus are computed part by part; give sx.align_words(corpus), or "
            "sx.align_words(corpus, references), instead of the corpus."
        )
    if not isinstance(source, Transcribed):
        raise InputError(
            f"{label} must be a table of align_words, a jiwer.WordOutput or a corpus with references, found "
            f"{type(source).__name__}; call sx.align_words(corpus, references) first."
        )
    if "reference" not in source.recordings or not source.recordings["reference"].notna().any():
        raise InputError(
            f"{label}: the corpus has no references of its own (a column 'reference' of its recordings); give "
            "sx.align_words(corpus, references) instead."
        )
    return align_words(source)


def alignments_with_columns(source: Alignments, columns: Sequence[str]) -> pd.DataFrame:
    """Return the alignments; of a corpus with these columns of its recordings, unless the alignments have them.

    Raises
    ------
    InputError, SchemaError
        For the reasons given in `alignments_of`.

    Examples
    --------
    >>> from soniox_ds.corpus.corpus import Corpus
    >>> recordings = pd.DataFrame({"audio_id": ["a"], "status": "completed", "reference": "good day", "room": "den"})
    >>> tokens = pd.DataFrame({"audio_id": "a", "token_index": [0, 1], "text": ["Good", " way"]})
    >>> alignments_with_columns(Corpus(recordings, tokens), ["operation", "room"])["room"].tolist()
    ['den', 'den']
    """
    alignments = alignments_of(source)
    if isinstance(source, pd.DataFrame) or not isinstance(source, Transcribed):
        return alignments
    recordings = source.recordings.set_index("audio_id")
    absent = [name for name in columns if name not in alignments and name in recordings]
    return alignments.assign(**{name: recordings[name].reindex(alignments["audio_id"]).array for name in absent})


def results_of_aligned_parts(function: Callable[[Transcribed], _Result], corpus: InParts) -> Iterator[_Result]:
    """Yield the result of a function of alignments for each part of an opened corpus that has references.

    Raises
    ------
    InputError
        If no part has references.
    """
    has_references = False
    for result in results_of_parts(function, corpus, "reference"):
        has_references = True
        yield result
    if not has_references:
        alignments_of(corpus.part_readers()[0].read())  # This raises the error for a corpus without references.
