"""Word error rate by correctness of the identified language.

Conventions: every aligned word has two languages, the one that the recogniser identified and the one that was spoken.
The notes of `word_errors_by_language` say which languages a word gets if it has no label or no reference of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.languages.references import References, checked_references, languages_at
from soniox_ds.metrics.stats.blocks import COUNTS, DEFAULT_BLOCKS
from soniox_ds.metrics.stats.pool import Pooling, Rate, added, divide
from soniox_ds.metrics.words.alignments import Alignments, alignments_of
from soniox_ds.schema import (
    LANGUAGE_WORD_ERROR_SUMMARY,
    WORD_ALIGNMENTS,
    WORD_ERRORS_BY_LANGUAGE,
    conform,
    need,
    need_milliseconds,
    no_duplicates,
)

__all__ = ["WORD_LANGUAGE_POOLING", "word_errors_by_language"]

_KEYS = ["audio_id", "reference_language", "language_status"]
_WER = Rate("wer", ("substitutions", "deletions", "insertions"), "reference_words", "errors", "reference words")


def word_errors_by_language(alignments: Alignments, references: Any = None) -> pd.DataFrame:
    """Count the word errors of each recording where the identified language was right, and where it was wrong.

    Parameters
    ----------
    alignments
        ``schema.WORD_ALIGNMENTS``, from `align_words`, with languages; or a corpus with references, which is aligned
        with the defaults of `align_words`.
    references
        See `sx.metrics.language_confusion`; None if the alignments have a column `reference_language`.

    Returns
    -------
    DataFrame
        ``schema.WORD_ERRORS_BY_LANGUAGE``: one row for each reference language and status ("right", "wrong", "unknown")
        that occurs in a recording, in the order of the alignments, with the speaker and your own columns, both from the
        alignments. Over all rows, the counts add up to the counts of all recordings that have a reference. If there are
        no alignments there are no rows; `wer` is NA in a row without reference words. `summarize` adds the counts and
        computes intervals.

    Raises
    ------
    SchemaError, InputError
        For the reasons given in `sx.metrics.language_confusion`.

    Notes
    -----
    A deleted word has no label and no time. A deleted word, and a transcribed word without a label, get the label of
    the word before, or, if there is none, of the word after. If no word of the recording has a label, they are
    "unknown". With references by time, a deleted word also gets the time of that word; with references by word, it
    keeps its own reference. An inserted word has the reference language at its time or, with references by word, that
    of the reference word before it (otherwise after it).

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> aligned = pd.DataFrame({
    ...     "audio_id": "a", "position": range(4), "operation": ["hit", "substitution", "deletion", "hit"],
    ...     "language": ["de", "en", None, "de"], "start_ms": [0, 200, None, 600], "end_ms": [200, 500, None, 800],
    ... })
    >>> errors = sx.metrics.word_errors_by_language(aligned, {"a": "de"})
    >>> errors[["reference_language", "language_status", "reference_words", "wer"]]
      reference_language language_status  reference_words  wer
    0                 de           right                2  0.0
    1                 de           wrong                2  1.0
    """
    alignments = alignments_of(alignments)
    need(alignments, "audio_id", "position", "operation", "language", name="alignments")
    alignments = need_milliseconds(alignments, "alignments", required=False)
    no_duplicates(alignments, "alignments", "audio_id", "position")
    order = pd.factorize(alignments["audio_id"])[0]
    rows = alignments.take(np.lexsort((alignments["position"].to_numpy(np.int64), order))).reset_index(drop=True)
    if len(rows) and rows["language"].isna().all():
        raise InputError(
            f"none of {len(rows)} aligned words has a language; transcribe with enable_language_identification=True."
        )
    reference = checked_references(references, None, rows)
    if reference.recordings is not None:
        rows = rows[rows["audio_id"].isin(reference.recordings)].reset_index(drop=True)
    further = [
        name
        for name in rows
        if name in DEFAULT_BLOCKS or (name not in WORD_ALIGNMENTS and name not in WORD_ERRORS_BY_LANGUAGE)
    ]
    if rows.empty:
        return conform(rows[["audio_id", *further]], WORD_ERRORS_BY_LANGUAGE)
    is_transcribed = rows["operation"] != "deletion"
    language = _from_neighbours(rows["language"].where(is_transcribed), rows["audio_id"])
    reference_language = _reference_languages(rows, reference, language)
    is_same = (language == reference_language).fillna(False).to_numpy(np.bool_)
    is_unknown = (language.isna() | reference_language.isna()).to_numpy(np.bool_)
    labelled = rows.assign(
        reference_language=reference_language,
        language_status=np.where(is_unknown, "unknown", np.where(is_same, "right", "wrong")),
        **{
            count: (rows["operation"] == operation).astype("int64")
            for count, operation in zip(COUNTS, ("hit", "substitution", "deletion", "insertion"), strict=True)
        },
    )
    errors = labelled.groupby(_KEYS, sort=False, dropna=False, as_index=False)[list(COUNTS)].sum()
    errors["reference_words"] = errors["hits"] + errors["substitutions"] + errors["deletions"]
    errors["wer"] = divide(added(errors, _WER.numerator), errors["reference_words"])
    first_rows = labelled[[*_KEYS, *further]].drop_duplicates(_KEYS)
    return conform(errors.merge(first_rows, on=_KEYS), WORD_ERRORS_BY_LANGUAGE)


def _from_neighbours(values: pd.Series[Any], audio_id: pd.Series[Any]) -> pd.Series[Any]:
    """Fill missing values from the row before in the same recording, otherwise from the row after."""
    groups = values.groupby(audio_id, sort=False)
    forward = groups.ffill()
    return forward.fillna(forward.groupby(audio_id, sort=False).bfill())


def _reference_languages(rows: pd.DataFrame, reference: References, language: pd.Series[Any]) -> pd.Series[Any]:
    """Return the language that was spoken at each aligned word."""
    if reference.whole is not None:
        return rows["audio_id"].map(reference.whole).astype("string")
    if reference.column is not None:
        of_reference_words = rows[reference.column].astype("string").where(rows["operation"] != "insertion")
        return _from_neighbours(of_reference_words, rows["audio_id"])
    assert reference.segments is not None
    need(rows, "start_ms", "end_ms", name="alignments")
    start, end = rows["start_ms"].astype("Int64"), rows["end_ms"].astype("Int64")
    middle = (start + end) // 2
    groups = rows["audio_id"]
    at = middle.fillna(end.groupby(groups).ffill()).fillna(start.groupby(groups).bfill())
    languages = languages_at(groups, at.fillna(-1).to_numpy().astype(np.int64), language, reference.segments)
    return pd.Series(languages, index=rows.index, dtype="string")


WORD_LANGUAGE_POOLING = Pooling(
    result=LANGUAGE_WORD_ERROR_SUMMARY,
    counts=(*COUNTS, "reference_words"),
    rates=(_WER,),
    required=(*_KEYS, *COUNTS, "reference_words"),
    keys=tuple(_KEYS),
    prepare=lambda errors: errors.assign(status="scored"),
    always_by=("reference_language", "language_status"),
)
