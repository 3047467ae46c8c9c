"""Language identification errors: confusion by time, and error rates of recordings.

Conventions: errors are weighted by the time of the words (docs/metrics-languages.md), so that silence does not count
and a long word counts for more than a short word; numbers of words are given as well. Time without a label on either
side is reported but not included in any rate. Times and counts are added, then divided once. Translations are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.languages.references import (
    References,
    checked_references,
    pieces,
    spoken_words,
)
from soniox_ds.metrics.stats.pool import Pooling, Rate
from soniox_ds.schema import (
    LANGUAGE_CONFUSION,
    LANGUAGE_ERRORS,
    LANGUAGE_SUMMARY,
    RECORDINGS,
    conform,
    empty,
)
from soniox_ds.schema.by_part import by_part
from soniox_ds.schema.inputs import Transcribed, Transcripts

__all__ = ["LANGUAGE_POOLING", "language_confusion", "language_errors", "states_of"]


def language_confusion(transcripts: Transcripts, references: Any = None) -> pd.DataFrame:
    """Measure for how long each spoken language was identified as each language.

    Parameters
    ----------
    transcripts
        A Corpus, ``schema.TOKENS`` or ``schema.WORDS``, transcribed with language identification.
    references
        The language that was really spoken: a mapping or Series from `audio_id` to language, or a table with `audio_id`
        and `language` for whole recordings; with `start_ms` and `end_ms` too, for segments of them. A string names a
        column of the corpus's recordings. None: `transcripts` has a column `reference_language`, for each word.
        Languages are two-letter codes. Recordings without a reference are left out.

    Returns
    -------
    DataFrame
        ``schema.LANGUAGE_CONFUSION``: one row for each pair of languages that occur on either side, sorted, with 0 for
        pairs that never occurred; then rows for time that is labelled on one side only. If there are no words there are
        no rows, and `share` is NA if a language was never spoken. As a matrix:
        ``confusion.pivot(index="reference_language", columns="language", values="time_ms")``.

    Raises
    ------
    SchemaError
        If a column is absent, a row occurs twice, a language is not a two-letter code, or a time is impossible or has a
        fraction.
    InputError
        If no word has a language, or the references belong to other recordings.

    Warns
    -----
    UserWarning
        If some references belong to recordings that are absent.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> words = pd.DataFrame({
    ...     "audio_id": "a.wav", "word_index": range(3), "text": ["Guten", "Morgen", "everyone"],
    ...     "start_ms": [0, 400, 1000], "end_ms": [400, 1000, 1500], "language": ["de", "en", "en"],
    ... })
    >>> sx.metrics.language_confusion(words, pd.DataFrame({
    ...     "audio_id": "a.wav", "start_ms": [0, 1000], "end_ms": [1000, 2000], "language": ["de", "en"],
    ... }))
      reference_language language  time_ms  words  share
    0                 de       de      400      1    0.4
    1                 de       en      600      1    0.6
    2                 en       de        0      0    0.0
    3                 en       en      500      1    1.0
    """
    words = spoken_words(transcripts, "language_confusion")
    timed_pairs = _pieces_of(words, checked_references(references, transcripts, words))
    sums = (
        timed_pairs.groupby(["reference_language", "language"], dropna=False)[["time_ms", "words"]].sum().reset_index()
    )
    labelled = sums[sums["reference_language"].notna() & sums["language"].notna()]
    both = sorted({*labelled["reference_language"], *labelled["language"]})
    grid = pd.MultiIndex.from_product([both, both], names=["reference_language", "language"])
    square = labelled.set_index(["reference_language", "language"]).reindex(grid, fill_value=0).reset_index()
    whole = square.groupby("reference_language")["time_ms"].transform("sum")
    square["share"] = (square["time_ms"] / whole.where(whole > 0)).astype("Float64")
    one_sided = sums[sums["reference_language"].isna() | sums["language"].isna()]
    rest = one_sided.sort_values(["reference_language", "language"], na_position="last")
    return conform(pd.concat([square, rest], ignore_index=True), LANGUAGE_CONFUSION)


@by_part(references=["references"], in_order_of_references=True)
def language_errors(transcripts: Transcripts, references: Any = None) -> pd.DataFrame:
    """Measure for each recording how much of its time was given the wrong language.

    Parameters
    ----------
    transcripts, references
        See `sx.metrics.language_confusion`.

    Returns
    -------
    DataFrame
        ``schema.LANGUAGE_ERRORS``: one row for each recording that has a reference, in the order of the references (or
        of the words if these carry the references); for a Corpus the metadata columns of its recordings follow. Failed
        and missing recordings have rows without figures, and `error_rate` is NA if no time is labelled. Without words
        and references there are no rows.

    Raises
    ------
    SchemaError, InputError
        For the reasons given in `sx.metrics.language_confusion`.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> words = pd.DataFrame({
    ...     "audio_id": ["a", "a", "b"], "word_index": [0, 1, 0], "text": ["ja", "yes", "no"],
    ...     "start_ms": [0, 300, 0], "end_ms": [300, 400, 200], "language": ["de", "en", "en"],
    ... })
    >>> errors = sx.metrics.language_errors(words, {"a": "de", "b": "en"})
    >>> errors[["audio_id", "labelled_ms", "wrong_ms", "error_rate", "language"]]
      audio_id  labelled_ms  wrong_ms  error_rate language
    0        a          400       100        0.25       de
    1        b          200         0         0.0       en
    """
    words = spoken_words(transcripts, "language_errors")
    reference = checked_references(references, transcripts, words)
    timed_pairs = _pieces_of(words, reference)
    ids = reference.recordings if reference.recordings is not None else words["audio_id"].drop_duplicates().tolist()
    if not ids:
        return empty(LANGUAGE_ERRORS)
    by_id = dict(iter(timed_pairs.groupby("audio_id")))
    states = states_of(transcripts, words, ids)
    nothing = timed_pairs.iloc[:0]
    rows = [
        {"audio_id": name, "status": state, **(_figures(by_id.get(name, nothing)) if state == "scored" else {})}
        for name, state in zip(ids, states, strict=True)
    ]
    result = conform(pd.DataFrame(rows), LANGUAGE_ERRORS)
    if not isinstance(transcripts, Transcribed):
        return result
    own_columns = [name for name in transcripts.recordings if name not in RECORDINGS and name not in LANGUAGE_ERRORS]
    return result.merge(transcripts.recordings[["audio_id", *own_columns]], on="audio_id", how="left")


def _refuse_empty(errors: pd.DataFrame) -> pd.DataFrame:
    if errors.empty:
        raise InputError("errors has no rows; language_errors returns one for each recording with a reference.")
    return errors


def _pieces_of(words: pd.DataFrame, reference: References) -> pd.DataFrame:
    """Return `audio_id`, `reference_language`, `language`, `time_ms` and `words`, for recordings with a reference."""
    if reference.recordings is not None:
        words = words[words["audio_id"].isin(reference.recordings)].reset_index(drop=True)
    timed_parts = pieces(words, reference)
    rows = timed_parts["row"].to_numpy(np.intp)
    return pd.DataFrame(
        {
            "audio_id": words["audio_id"].to_numpy()[rows],
            "reference_language": timed_parts["reference_language"].astype("string").array,
            "language": words["language"].astype("string").array.take(rows),
            "time_ms": timed_parts["time_ms"].to_numpy(np.int64),
            "words": timed_parts["words"].to_numpy(np.int64),
        }
    )


def states_of(table: Any, words: pd.DataFrame, ids: Sequence[str]) -> list[str]:
    """Return for each recording with a reference whether it can be scored: "scored", "failed" or "missing"."""
    if not isinstance(table, Transcribed):
        transcribed = set(words["audio_id"])
        return ["scored" if name in transcribed else "missing" for name in ids]
    known_states = dict(zip(table.recordings["audio_id"], table.recordings["status"], strict=True))
    return [{"completed": "scored", "failed": "failed"}.get(known_states.get(name, ""), "missing") for name in ids]


def _figures(of_recording: pd.DataFrame) -> dict[str, Any]:
    """Return the figures of one recording."""
    reference, hypothesis = of_recording["reference_language"], of_recording["language"]
    both = (reference.notna() & hypothesis.notna()).to_numpy(np.bool_)
    wrong = (reference != hypothesis).fillna(False).to_numpy(np.bool_)
    time, words = of_recording["time_ms"].to_numpy(), of_recording["words"].to_numpy()
    labelled = int(time[both].sum())
    return {
        "labelled_ms": labelled,
        "wrong_ms": int(time[wrong].sum()),
        "unlabelled_ms": int(time[hypothesis.isna().to_numpy(np.bool_)].sum()),
        "unreferenced_ms": int(time[(reference.isna() & hypothesis.notna()).to_numpy(np.bool_)].sum()),
        "words": int(words[both].sum()),
        "wrong_words": int(words[wrong].sum()),
        "error_rate": int(time[wrong].sum()) / labelled if labelled else pd.NA,
        "reference_language": _longest(reference, time),
        "language": _longest(hypothesis, time),
    }


def _longest(languages: pd.Series[Any], time: Any) -> Any:
    """Return the language with the most time; if several have the same time, the first by code."""
    sums = (
        pd.Series(time).groupby(languages.to_numpy(object)).sum() if languages.notna().any() else pd.Series(dtype=int)
    )
    return sums.idxmax() if len(sums) and sums.max() > 0 else pd.NA


_COUNTS = ("labelled_ms", "wrong_ms", "unlabelled_ms", "unreferenced_ms")
LANGUAGE_POOLING = Pooling(
    result=LANGUAGE_SUMMARY,
    counts=_COUNTS,
    rates=(Rate("error_rate", "wrong_ms", "labelled_ms", "share", "words that have a language on both sides"),),
    required=("audio_id", "status", *_COUNTS),
    keys=("audio_id",),
    prepare=_refuse_empty,
)
