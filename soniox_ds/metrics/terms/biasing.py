"""Word error rates with contextual biasing: B-WER and U-WER.

Conventions: a substitution and a deletion are classified by the word of the reference, an insertion by the word of the
transcript. A word is *biased* if it lies in an occurrence of a term of the list (for terms of one word: if it is on the
list), so that the "of" of "Bank of America" is biased there and nowhere else. The counts of both parts add up to those
of all words.

Source: Le, Jain, Keren, Kim, Shi, Mahadeokar, Chan, Shangguan, Fuegen, Kalinli, Saraf and Seltzer, "Contextualized
Streaming End-to-End Speech Recognition with Trie-Based Deep Biasing and Shallow Fusion", Interspeech 2021.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.stats.blocks import COUNTS, checked_errors
from soniox_ds.metrics.stats.summaries import WORD_POOLING
from soniox_ds.metrics.terms.search import Aligned, Terms, aligned_words, checked_terms, same_transcripts, spans
from soniox_ds.metrics.words.alignments import Alignments
from soniox_ds.schema import BIASING_ERRORS, WORD_ERRORS, conform
from soniox_ds.text.normalizer import NormalizerLike

__all__ = ["BIASING_POOLING", "biasing_errors"]

PARTS = ("biased", "unbiased")
_AGAINST = ("list", "utterance")
_OPERATIONS = ("hit", "substitution", "deletion", "insertion")


def biasing_errors(
    alignments: Alignments,
    terms: Iterable[str],
    errors: pd.DataFrame | None = None,
    *,
    against: str = "list",
    normalizer: NormalizerLike | None = None,
    units: str = "mixed",
) -> pd.DataFrame:
    """Count the errors of each recording on the words of a list, and on all other words.

    Parameters
    ----------
    alignments, terms, normalizer, units
        See `sx.metrics.term_occurrences`; `terms` is the whole list that the recogniser was given, distractors
        included.
    errors
        ``schema.WORD_ERRORS`` of the same recordings, from `word_errors`, which supplies failed and missing recordings,
        durations and your own columns. None: only recordings with aligned words have rows.
    against
        The terms that make an inserted word biased. ``"list"``: any term of the list, so that an inserted distractor
        counts against the biased words. ``"utterance"``, the rule of the published script: only terms that occur in the
        reference of the same recording.

    Returns
    -------
    DataFrame
        ``schema.BIASING_ERRORS``: for each recording a row "biased" and a row "unbiased". B-WER is the `wer` of the
        biased rows pooled over recordings, U-WER that of the unbiased rows; see `summarize`.

    Raises
    ------
    SchemaError
        If a column is absent.
    InputError
        For the reasons given in `sx.metrics.term_occurrences`; also if `errors` does not list an aligned recording as
        scored.

    Notes
    -----
    The alignment decides which errors are insertions; the published script aligns with sclite's costs, as
    `align_words` does by default. `term_counts` gives a better measure of hallucinated terms, because B-WER mixes them
    with other errors.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> aligned = sx.align_words({"a": "xanax she takes sell a brex"}, {"a": "she takes Celebrex"})
    >>> sx.metrics.biasing_errors(aligned, ["Celebrex", "Xanax"])[["part", "substitutions", "insertions", "wer"]]
           part  substitutions  insertions  wer
    0    biased              1           1  2.0
    1  unbiased              0           2  1.0
    """
    if against not in _AGAINST:
        raise InputError(f"against is {against!r}; it can be {' or '.join(map(repr, _AGAINST))}.")
    aligned = aligned_words(alignments)
    checked = checked_terms(terms, (), aligned, normalizer, units)
    biased = _biased(aligned, checked, against)
    rows = pd.DataFrame({"audio_id": aligned.rows["audio_id"]})
    rows["part"] = np.where(biased, *PARTS)
    for name, count in zip(_OPERATIONS, COUNTS, strict=True):
        rows[count] = (aligned.operation == name).astype(np.int64)
    counts = rows.groupby(["audio_id", "part"], sort=False)[list(COUNTS)].sum()
    recordings = _recordings(aligned, errors)
    grid = pd.MultiIndex.from_product([recordings["audio_id"], PARTS], names=["audio_id", "part"])
    table = counts.reindex(grid, fill_value=0).astype("Int64").reset_index()
    table["reference_words"] = table["hits"] + table["substitutions"] + table["deletions"]
    wrong = table["substitutions"] + table["deletions"] + table["insertions"]
    table["wer"] = (wrong / table["reference_words"].where(table["reference_words"] > 0)).astype("Float64")
    table = table.merge(recordings, on="audio_id", how="left")
    unscored = (table["status"] != "scored").to_numpy(np.bool_)
    table.loc[unscored, [*COUNTS, "reference_words", "wer"]] = pd.NA
    return conform(table.assign(against=against), BIASING_ERRORS)


def _checked_parts(errors: pd.DataFrame) -> pd.DataFrame:
    """Check the rows of each part as a table of word errors."""
    parts = [(part, errors[errors["part"] == part].drop(columns="part")) for part in PARTS]
    checked = [checked_errors(rows).assign(part=part) for part, rows in parts if len(rows)]
    if not checked:
        raise InputError(f"errors has no rows whose part is one of {list(PARTS)}.")
    return pd.concat(checked, ignore_index=True).astype({"part": "string"})


def _biased(aligned: Aligned, terms: Terms, against: str) -> npt.NDArray[np.bool_]:
    """Return True for each aligned pair that belongs to the words of the list."""
    biased = np.zeros(len(aligned.rows), np.bool_)
    reference_spans = spans(aligned, "reference", terms)
    for span in reference_spans:
        biased[aligned.in_reference[span.first : span.last + 1]] = True
    terms_of_reference = {
        (int(aligned.recording[aligned.in_reference[span.first]]), span.term) for span in reference_spans
    }
    inserted = aligned.operation == "insertion"
    for span in spans(aligned, "hypothesis", terms):
        rows = aligned.in_hypothesis[span.first : span.last + 1]
        if against == "list" or (int(aligned.recording[rows[0]]), span.term) in terms_of_reference:
            biased[rows[inserted[rows]]] = True
    return biased


def _recordings(aligned: Aligned, errors: pd.DataFrame | None) -> pd.DataFrame:
    """Return one row for each recording: status, duration, normaliser and cost, and the user's own columns."""
    if errors is None:
        recordings = aligned.rows.drop_duplicates("audio_id")
        names = [name for name in ("audio_id", "normalizer", "cost") if name in recordings]
        return recordings[names].assign(status="scored")
    table = checked_errors(errors)
    same_transcripts(aligned, table)
    counted = [name for name in WORD_ERRORS if name not in ("audio_id", "status", "duration_ms", "normalizer", "cost")]
    return table.drop(columns=[name for name in counted if name in table])


BIASING_POOLING = replace(WORD_POOLING, required=("part",), prepare=_checked_parts, always_by=("part",))
