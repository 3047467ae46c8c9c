"""The argument `alignments` of the word metrics: a table of alignments, a `jiwer.WordOutput`, or a corpus.

Conventions: a corpus is aligned with the column `reference` of its recordings, with the defaults of `align_words`. For
other references, another normaliser or other costs, call `align_words` first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.words.align import align_words
from soniox_ds.metrics.words.jiwer_output import alignments_from_jiwer, is_jiwer_output
from soniox_ds.schema import need_confidences, with_ids
from soniox_ds.schema.inputs import InParts, Transcribed, Transcripts

if TYPE_CHECKING:
    import jiwer

__all__ = ["Alignments", "alignments_of"]

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
