"""The argument `alignments` of the word metrics: a table of alignments, a `jiwer.WordOutput`, or a corpus.

Conventions: a corpus is aligned with the column `reference` of its recordings, with the defaults of `align_words`. For
other references, another normaliser or other costs, call `align_words` first.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.words.align import align_words
from soniox_ds.metrics.words.jiwer_output import alignments_from_jiwer, is_jiwer_output
from soniox_ds.schema import need_confidences, with_ids
from soniox_ds.schema.by_part import need_in_any_part, results_of_parts
from soniox_ds.schema.inputs import InParts, Transcribed, Transcripts

if TYPE_CHECKING:
    import jiwer

__all__ = ["Alignments", "alignments_of", "word_columns_of"]

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
    if not _has_references(source):
        raise InputError(_NO_REFERENCES.format(label=label))
    return align_words(source)


_NO_REFERENCES = (
    "{label}: the corpus has no references of its own (a column 'reference' of its recordings); give "
    "sx.align_words(corpus, references) instead."
)


def _has_references(source: Transcribed) -> bool:
    return "reference" in source.recordings and bool(source.recordings["reference"].notna().any())


def word_columns_of(source: Alignments, columns: Sequence[str]) -> pd.DataFrame:
    """Return the alignments with at least these columns, so far as they exist, for functions that need few columns.

    The columns of a corpus may also be columns of its recordings. An opened corpus is aligned part by part, and only
    these columns of the transcribed words are kept, with repeated texts as categories.

    Raises
    ------
    InputError, SchemaError
        For the reasons given in `alignments_of`.

    Examples
    --------
    >>> from soniox_ds.corpus.corpus import Corpus
    >>> recordings = pd.DataFrame({"audio_id": ["a"], "status": "completed", "reference": "good day", "room": "den"})
    >>> tokens = pd.DataFrame({"audio_id": "a", "token_index": [0, 1], "text": ["Good", " way"]})
    >>> word_columns_of(Corpus(recordings, tokens), ["operation", "room"])[["operation", "room"]].values.tolist()
    [['hit', 'den'], ['substitution', 'den']]
    """
    if isinstance(source, pd.DataFrame) or not isinstance(source, InParts):
        alignments = alignments_of(source)
        is_corpus = not isinstance(source, pd.DataFrame) and isinstance(source, Transcribed)
        return _with_columns_of_recordings(alignments, source, columns) if is_corpus else alignments
    names = list(dict.fromkeys(["audio_id", "operation", "confidence", *columns]))
    tables = list(results_of_parts(functools.partial(_words_of_part, names=names), source))
    known = [name for name in names if any(name in table for table in tables)]
    words = pd.DataFrame({name: _stacked([table[name] for table in tables if name in table]) for name in known})
    ids = words["audio_id"].cat
    position = pd.Index(list(source)).get_indexer(ids.categories)[ids.codes]
    if (np.diff(position) < 0).any():  # The parts of a partitioned corpus are not in the order of its recordings.
        words = words.take(np.argsort(position, kind="stable")).reset_index(drop=True)
    return words


def _words_of_part(part: Transcribed, names: Sequence[str]) -> pd.DataFrame:
    """Return these columns of the transcribed words of one part of a corpus."""
    need_in_any_part("references", _has_references(part), _NO_REFERENCES.format(label="alignments"))
    if not _has_references(part):
        return pd.DataFrame({name: pd.Series(dtype="string") for name in ("audio_id", "operation", "confidence")})
    alignments = _with_columns_of_recordings(align_words(part), part, names)
    words = alignments.loc[alignments["operation"] != "deletion", [name for name in names if name in alignments]]
    texts = [str(name) for name in words if isinstance(words[name].dtype, pd.StringDtype)]
    return words.astype(dict.fromkeys(texts, "category"))


def _with_columns_of_recordings(alignments: pd.DataFrame, source: Any, columns: Sequence[str]) -> pd.DataFrame:
    recordings = source.recordings.set_index("audio_id")
    absent = [name for name in columns if name not in alignments and name in recordings]
    return alignments.assign(**{name: recordings[name].reindex(alignments["audio_id"]).array for name in absent})


def _stacked(columns: list[pd.Series[Any]]) -> Any:
    """Put the columns of several tables below each other; categories are united."""
    columns = [column for column in columns if len(column)] or columns[:1]
    if all(isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
        return pd.api.types.union_categoricals(columns, sort_categories=True)
    return pd.concat(columns, ignore_index=True)
