"""Summaries: rates of groups of recordings, each with an interval.

Conventions: see `soniox_ds.metrics.stats.pool`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds._arguments import check_choice
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.stats.blocks import CASE, CHARACTERS, COUNTS, PUNCTUATION, WORDS, Measure, checked_errors
from soniox_ds.metrics.stats.bootstrap import Resampling, checked_resampling
from soniox_ds.metrics.stats.pool import Pooling, Rate, pool, pooled_rates, total_hours
from soniox_ds.schema import CHARACTER_ERROR_SUMMARY, ERROR_SUMMARY, PUNCTUATION_ERROR_SUMMARY, Table, need
from soniox_ds.schema.inputs import refuse_transcripts
from soniox_ds.schema.result_table import ResultTable

__all__ = ["CHARACTER_POOLING", "PUNCTUATION_POOLING", "WORD_POOLING", "summarize", "summary_table"]

_ERRORS = ("substitutions", "deletions", "insertions")

# The columns by which each kind of table is recognised, and its `Pooling` below `soniox_ds.metrics`. The list is
# static, so that a module is imported only for a table of its kind.
_KINDS: dict[str, tuple[tuple[str, ...], str]] = {
    "word_errors": ((*COUNTS, "reference_words"), "stats.summaries.WORD_POOLING"),
    "character_errors": ((*COUNTS, "reference_characters"), "stats.summaries.CHARACTER_POOLING"),
    "punctuation_errors": ((*COUNTS, "reference_marks"), "stats.summaries.PUNCTUATION_POOLING"),
    "biasing_errors": (("part", *COUNTS, "reference_words"), "terms.biasing.BIASING_POOLING"),
    "language_errors": (("labelled_ms", "wrong_ms"), "languages.errors.LANGUAGE_POOLING"),
    "language_switches": (("outcome", "error_ms"), "languages.switches.SWITCH_POOLING"),
    "diarization_errors": (
        ("reference_ms", "missed_ms", "false_alarm_ms", "confusion_ms"),
        "speakers.diarization.DIARIZATION_POOLING",
    ),
    "speaker_word_errors": (("cp_substitutions", "wder_words"), "speakers.cpwer.SPEAKER_WORD_POOLING"),
    "word_errors_by_language": (
        ("reference_language", "language_status", *COUNTS, "reference_words"),
        "languages.word_errors.WORD_LANGUAGE_POOLING",
    ),
    "term_counts": (("hits", "misses", "false_hits", "distractor_false_hits"), "terms.scores.TERM_POOLING"),
    "live_stability": (("final_words", "unstable_words", "erased_words"), "latency.stability.STABILITY_POOLING"),
    "live_latencies": (("measure", "ms"), "latency.summaries.LATENCY_POOLING"),
    "cost": (("estimate_usd", "charged_requests"), "costs.COST_POOLING"),
}


def summarize(
    table: pd.DataFrame,
    by: str | Sequence[str] | None = None,
    *,
    kind: str | None = None,
    block: str | Sequence[str] | None = None,
    ci: float = 0.95,
    method: str = "auto",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> ResultTable:
    """Add up the counts of recordings by group, and compute the rates of the sums.

    Parameters
    ----------
    table
        The result of `word_errors`, `character_errors`, `punctuation_errors`, `language_errors`, `diarization_errors`
        or `speaker_word_errors`; of `biasing_errors`, `language_switches`, `word_errors_by_language`, `term_counts`,
        `live_stability` or `live_latencies` in `sx.metrics`; or `Corpus.cost`. The table may have further columns to
        group by.
    by
        Column or columns to group by; a missing value is a group too. None puts all recordings in one row. There is no
        row for the total of all groups: call the function again without `by` to compute it.
    kind
        Name of the function that made the table, such as ``"word_errors"``. By default the columns of the table decide.
    block
        Column or columns that define the blocks: the rows with the same value are resampled together. ``"audio_id"``
        resamples single recordings. By default, the blocks are the values of `speaker` if the table has this column and
        it is not in `by`, otherwise those of `session` under the same conditions, otherwise single recordings. The
        column `block` of the result names the choice. A recording whose block is not known is a block of its own.
    ci
        Level of the interval, as a share.
    method
        ``"auto"`` uses the interval with the best coverage: ``"studentized"`` (bootstrap-t) if there are 10 blocks or
        more, and ``"cr2"`` (a t interval with the CR2 variance) if there are fewer blocks or if a few blocks dominate
        the rate. ``"jackknife"`` (also a t interval) and ``"percentile"`` are available for comparison. Both are too
        narrow if there are few blocks (docs/metrics-uncertainty.md has the simulation).
    n_resamples, seed
        Number of resamplings, and the seed of their random numbers. The row of a group does not depend on the other
        groups or on the order of rows.

    Returns
    -------
    DataFrame
        A notebook shows it as a view with bars and notes (`ResultTable`); `.plain` is the table with all columns.
        One row for each group, sorted by `by`. The columns of `by` come first, then the columns in this list:

        =========================  =================================================================================
        made by                    columns
        =========================  =================================================================================
        `word_errors`              ``schema.ERROR_SUMMARY``: `wer`, and `neutral_wer` without errors of formatting
        `character_errors`         ``schema.CHARACTER_ERROR_SUMMARY``: `cer`
        `punctuation_errors`       ``schema.PUNCTUATION_ERROR_SUMMARY``: `per` and `case_error_rate`
        `biasing_errors`           `part` ("biased", "unbiased"), then ``schema.ERROR_SUMMARY``: B-WER and U-WER
        `language_errors`          ``schema.LANGUAGE_SUMMARY``: `error_rate`
        `language_switches`        ``schema.LANGUAGE_SWITCH_SUMMARY``: `precision`, `recall`, `f1`
        `word_errors_by_language`  ``schema.LANGUAGE_WORD_ERROR_SUMMARY``: `wer` by `reference_language` and
                                   `language_status` ("right", "wrong", "unknown")
        `diarization_errors`       ``schema.DIARIZATION_SUMMARY``: `der`, `jer`
        `speaker_word_errors`      ``schema.SPEAKER_WORD_SUMMARY``: `cpwer`, `tcpwer`, `wder`
        `term_counts`              ``schema.TERM_SUMMARY``: `precision`, `recall`, `f1`, `false_hits_per_hour`
        `live_stability`           ``schema.LIVE_STABILITY_SUMMARY``: `upwr`, `normalized_erasure`
        `live_latencies`           ``schema.LIVE_LATENCY_SUMMARY``: a row for each measure, with its median, 95th and
                                   99th percentile
        `cost`                     ``schema.COST_SUMMARY``: the estimated cost and the charges; no intervals
        =========================  =================================================================================

        The counts of a group are added up, and each rate is computed once, from these sums. A group without scored
        recordings has counts of 0 and NA rates. `method` names the interval that was used. Bounds are NA if there is a
        single block, or if all blocks have the same rate. Word and character error rates of 0 are the exception: their
        upper bound is the exact Poisson bound. `note` says in a sentence why there is no interval, or why it is wide.
        The intervals of latency percentiles are computed in another way (see `live_latencies`); for them, `method` must
        be ``"auto"``.

    Raises
    ------
    SchemaError
        If the kind of the table is not recognised, a column is absent, an id occurs twice, or counts are impossible.
    InputError
        If the table is empty, if it fits several kinds (choose one with `kind`), if an option is wrong, if `by` names a
        column of the result, or if the rows of a group were counted with different settings, such as normalisers.

    Notes
    -----
    Sources: Liu and Peng, "Statistical Testing on ASR Performance via Blockwise Bootstrap", 2019; Bell and McCaffrey,
    "Bias reduction in standard errors for linear regression with multi-stage samples", Survey Methodology 28, 2002.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> errors = pd.DataFrame({
    ...     "audio_id": ["a", "b", "c", "d"], "status": ["scored", "scored", "scored", "failed"],
    ...     "hits": [8, 9, 5, pd.NA], "substitutions": [2, 0, 5, pd.NA], "deletions": [0, 1, 0, pd.NA],
    ...     "insertions": [0, 0, 1, pd.NA], "reference_words": [10, 10, 10, pd.NA], "room": ["x", "x", "y", "y"],
    ... })
    >>> summary = sx.summarize(errors, by="room")
    >>> summary[["room", "recordings", "failed", "blocks", "wer"]]
      room  recordings  failed  blocks   wer
    0    x           2       0       2  0.15
    1    y           1       1       1   0.6
    >>> summary["note"][1]
    'There is only one recording, and an interval needs two or more. Add recordings.'
    """
    refuse_transcripts(table, "a table of errors", "sx.summarize(sx.word_errors(corpus))")
    pooling = _pooling(kind or _kind_of(table))
    resampling = checked_resampling(ci, method, n_resamples, seed)
    return ResultTable(pool(table, pooling, by, block=block, resampling=resampling))


def summary_table(rate: str) -> Table:
    """Return the table of summaries of a rate: "wer", "cer" or "per"."""
    return {"wer": ERROR_SUMMARY, "cer": CHARACTER_ERROR_SUMMARY, "per": PUNCTUATION_ERROR_SUMMARY}[rate]


def _kind_of(table: Any) -> str:
    """Return the kind of a table by its columns; if several kinds match, the kind with the most columns."""
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            f"summarize needs a table of counts, found {type(table).__name__}; "
            "call sx.word_errors(corpus, references) first."
        )
    candidates = {kind: set(columns) for kind, (columns, _) in _KINDS.items() if set(columns) <= set(table.columns)}
    if not candidates:
        shared = {kind: len(set(columns) & set(table.columns)) / len(columns) for kind, (columns, _) in _KINDS.items()}
        likely = max(shared, key=lambda kind: shared[kind])
        if shared[likely]:
            need(table, *_KINDS[likely][0], name=likely)
        raise SchemaError(
            f"the table has no counts that can be summarised; its columns are {list(table.columns)}. Tables with "
            f"counts come from {', '.join(_KINDS)} in sx or sx.metrics."
        )
    kinds = [
        kind for kind, columns in candidates.items() if not any(columns < others for others in candidates.values())
    ]
    if len(kinds) > 1:
        raise InputError(f"the table has the columns of several kinds of tables: pass kind= with one of {kinds}.")
    return kinds[0]


def _pooling(kind: str) -> Pooling:
    module, _, name = _KINDS[check_choice(kind, "kind", _KINDS)][1].rpartition(".")
    pooling: Pooling = getattr(import_module(f"soniox_ds.metrics.{module}"), name)
    return pooling


def _more_of_words(scored: pd.DataFrame, columns: Sequence[str], resampling: Resampling) -> dict[str, Any]:
    """Return the hours, and the formatting-neutral rate of the recordings that have one."""
    if "neutral_errors" not in scored or scored["neutral_errors"].isna().all():
        return {"hours": total_hours(scored)}
    with_neutral = scored[scored["neutral_errors"].notna().to_numpy(np.bool_)]
    rates = pooled_rates(with_neutral, [_NEUTRAL], columns, resampling)
    return {
        "hours": total_hours(scored),
        "neutral_words": int(with_neutral["reference_words"].sum()),
        "neutral_errors": int(with_neutral["neutral_errors"].sum()),
        **{name: rates[name] for name in ("neutral_wer", "neutral_wer_low", "neutral_wer_high")},
    }


def _pooling_of(measure: Measure, counts: tuple[str, ...], rates: tuple[Rate, ...], more: Any) -> Pooling:
    return Pooling(
        result=summary_table(measure.rate),
        counts=counts,
        rates=rates,
        settings=measure.settings,
        prepare=lambda table: checked_errors(table, measure=measure),
        more=more,
    )


_NEUTRAL = Rate("neutral_wer", "neutral_errors", "reference_words", "errors", "reference words")
WORD_POOLING = _pooling_of(
    WORDS,
    (*COUNTS, "reference_words"),
    (Rate("wer", _ERRORS, "reference_words", "errors", "reference words"),),
    _more_of_words,
)
CHARACTER_POOLING = _pooling_of(
    CHARACTERS,
    (*COUNTS, "reference_characters"),
    (Rate("cer", _ERRORS, "reference_characters", "errors", "reference characters"),),
    lambda scored, *_: {"hours": total_hours(scored)},
)
PUNCTUATION_POOLING = _pooling_of(
    PUNCTUATION,
    (*COUNTS, "reference_marks", *CASE),
    (
        Rate("per", _ERRORS, ("hits", *_ERRORS), "share", "reference marks"),
        Rate("case_error_rate", "case_errors", "case_words", "share", "reference words that can have capitals"),
    ),
    lambda scored, *_: {"hours": total_hours(scored)},
)
