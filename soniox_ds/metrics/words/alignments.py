"""Alignments as the functions that judge words take them: the table, or a corpus to be aligned with its references.

Conventions: a corpus is aligned with the column `reference` of its recordings, by the defaults of `align_words`; other
references, another normaliser or other costs take a call of `align_words` first.
"""

from __future__ import annotations

from typing import TypeAlias

import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.words.align import align_words
from soniox_ds.metrics.words.pairing import HasRecordings
from soniox_ds.schema import need_confidences, with_ids

__all__ = ["Alignments", "alignments_of"]

Alignments: TypeAlias = "pd.DataFrame | HasRecordings"


def alignments_of(source: Alignments, what: str = "alignments") -> pd.DataFrame:
    """The alignments table itself, its ids strings; of a corpus, its transcripts aligned with its own references.

    Raises
    ------
    InputError
        If it is neither, or a corpus without references.
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
        return need_confidences(with_ids(source, what), what)
    if not isinstance(source, HasRecordings):
        raise InputError(
            f"{what} must be a table of align_words, or a corpus with references, found {type(source).__name__}; "
            "call sx.align_words(corpus, references) first."
        )
    if "reference" not in source.recordings or not source.recordings["reference"].notna().any():
        raise InputError(
            f"{what}: the corpus has no references of its own (a column 'reference' of its recordings); give "
            "sx.align_words(corpus, references) instead."
        )
    return align_words(source)
