"""Word error rate by correctness of the identified language.

Conventions: counts are added, then divided once. An aligned word has two languages: the identified one and the spoken
one; `sx.metrics.language_word_errors` describes how words without a language get theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.languages.references import References, checked_references, languages_at
from soniox_ds.metrics.stats.blocks import COUNTS, block_columns
from soniox_ds.metrics.stats.bootstrap import checked_resampling
from soniox_ds.metrics.stats.pool import Pooling, Rate, pool
from soniox_ds.metrics.words.alignments import Alignments, alignments_of
from soniox_ds.schema import LANGUAGE_WORD_ERRORS, conform, empty, need, need_milliseconds, no_duplicates

__all__ = ["language_word_errors"]


def language_word_errors(
    alignments: Alignments,
    references: Any = None,
    *,
    block: str | Sequence[str] | None = None,
    ci: float = 0.95,
    method: str = "auto",
    replicates: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compute the word error rate where the identified language was right, and where it was wrong.

    Parameters
    ----------
    alignments
        ``schema.WORD_ALIGNMENTS``, from `align_words`, with languages; or a corpus with references, which is aligned
        with the defaults of `align_words`.
    references
        See `sx.metrics.language_confusion`; None if the alignments have a column `reference_language`.
    block, ci, method, replicates, seed
        Settings of the interval, see `summarize`; `block` names a column of the alignments.

    Returns
    -------
    DataFrame
        ``schema.LANGUAGE_WORD_ERRORS``: one row for each reference language and status ("right", "wrong", "unknown")
        that occurs. Their counts add up to those of all alignments of recordings with a reference. If there are no
        alignments there are no rows; `wer` is NA if a group has no reference words.

    Raises
    ------
    SchemaError, InputError
        For the reasons given in `sx.metrics.language_confusion`.

    Notes
    -----
    A deleted word has no language of its own and no time: it gets both from the word before it, or from the word after
    it if there is none before, and is "unknown" if its recording has no word at all. An inserted word has no
    reference of its own: if references are given by word, it gets that of the reference word before, otherwise after.

    Examples
    --------
    >>> aligned = pd.DataFrame({
    ...     "audio_id": "a", "position": range(4), "operation": ["hit", "substitution", "deletion", "hit"],
    ...     "language": ["de", "en", None, "de"], "start_ms": [0, 200, None, 600], "end_ms": [200, 500, None, 800],
    ... })
    >>> language_word_errors(aligned, {"a": "de"})[["reference_language", "language_status", "reference_words", "wer"]]
      reference_language language_status  reference_words  wer
    0                 de           right                2  0.0
    1                 de           wrong                2  1.0
    """
    resampling = checked_resampling(ci, method, replicates, seed)
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
    columns = block_columns(rows, block)
    spoken = rows["operation"] != "deletion"
    language = _from_neighbours(rows["language"].where(spoken), rows["audio_id"])
    really = _really(rows, reference, language)
    same = (language == really).fillna(False).to_numpy(np.bool_)
    unknown = (language.isna() | really.isna()).to_numpy(np.bool_)
    status = np.where(unknown, "unknown", np.where(same, "right", "wrong"))
    labelled = rows[["audio_id", "operation", *(name for name in columns if name != "audio_id")]].assign(
        reference_language=really, language_status=status
    )
    keys = ["reference_language", "language_status"]
    if labelled.empty:
        return empty(LANGUAGE_WORD_ERRORS)
    counts = _counts(labelled, keys, columns)
    pooled = pool(counts, _POOLING, keys, block=columns, resampling=resampling, name="alignments")
    return conform(pooled, LANGUAGE_WORD_ERRORS)


def _from_neighbours(values: pd.Series[Any], audio_id: pd.Series[Any]) -> pd.Series[Any]:
    """Fill missing values from the row before in the same recording, otherwise from the row after."""
    groups = values.groupby(audio_id, sort=False)
    forward = groups.ffill()
    return forward.fillna(forward.groupby(audio_id, sort=False).bfill())


def _really(rows: pd.DataFrame, reference: References, language: pd.Series[Any]) -> pd.Series[Any]:
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
    found = languages_at(groups, at.fillna(-1).to_numpy().astype(np.int64), language, reference.segments)
    return pd.Series(found, index=rows.index, dtype="string")


def _counts(labelled: pd.DataFrame, keys: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Count the words of each recording for each combination of the keys; the columns of the blocks are kept."""
    names = dict(zip(("hit", "substitution", "deletion", "insertion"), COUNTS, strict=True))
    counted = {count: (labelled["operation"] == name).astype("int64") for name, count in names.items()}
    row_keys = ["audio_id", *keys]
    table = labelled[row_keys].assign(**counted).groupby(row_keys, sort=False, dropna=False, as_index=False).sum()
    table["reference_words"] = table["hits"] + table["substitutions"] + table["deletions"]
    blocks = labelled[list(dict.fromkeys([*row_keys, *columns]))].drop_duplicates(row_keys)
    return table.merge(blocks, on=row_keys).assign(status="scored")


_POOLING = Pooling(
    result={
        name: column
        for name, column in LANGUAGE_WORD_ERRORS.items()
        if name not in ("reference_language", "language_status")
    },
    counts=(*COUNTS, "reference_words"),
    rates=(Rate("wer", ("substitutions", "deletions", "insertions"), "reference_words", "errors", "reference words"),),
)
