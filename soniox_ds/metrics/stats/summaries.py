"""Error rates of groups of recordings, each with an honest interval.

Conventions: counts are added over recordings and divided once; recordings that failed or are missing are counted
beside, never scored. The interval is of the pooled rate, from resampling blocks (see `blocks`), and speaks of other
recordings *and other speakers* of the same kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.stats import bootstrap
from soniox_ds.metrics.stats.blocks import (
    CASE,
    COUNTS,
    PUNCTUATION,
    WORDS,
    Blocks,
    Measure,
    block_columns,
    blocks_of,
    checked_errors,
    known,
    measure_of,
    notes_of,
)
from soniox_ds.schema import (
    CHARACTER_ERROR_SUMMARY,
    ERROR_SUMMARY,
    PUNCTUATION_ERROR_SUMMARY,
    Table,
    conform,
    need,
)

__all__ = ["SUMMARIES", "summarize_errors"]

SUMMARIES: Mapping[str, Table] = {
    "wer": ERROR_SUMMARY,
    "cer": CHARACTER_ERROR_SUMMARY,
    "per": PUNCTUATION_ERROR_SUMMARY,
}
"""The table of each rate."""


def summarize_errors(
    errors: pd.DataFrame,
    by: str | Sequence[str] | None = None,
    *,
    block: str | Sequence[str] | None = None,
    ci: float = 0.95,
    method: str = "auto",
    replicates: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Pool errors over groups of recordings, with bootstrap intervals by block.

    Parameters
    ----------
    errors
        ``schema.WORD_ERRORS``, of `word_errors`, ``schema.CHARACTER_ERRORS``, of `character_errors`, or
        ``schema.PUNCTUATION_ERRORS``, of `punctuation_errors`, with whatever columns to group by.
    by
        Column or columns to group by; a missing value is a group too. None for all recordings in one row. No total is
        added to groups: call it once more without `by`.
    block
        Column or columns whose values are resampled as a whole; ``"audio_id"`` for single recordings. By default
        `speaker`, else `session`, where such a column is there and not in `by`, else recordings. The result says which.
        A recording whose block is not known is a block of its own.
    ci
        Level of the interval, as a share.
    method
        ``"auto"`` takes the interval that covers best: ``"studentized"`` (bootstrap-t) from 10 blocks on; ``"cr2"``, a
        t interval with the CR2 variance, below 10 blocks and wherever a few blocks decide. ``"jackknife"`` (a t
        interval too) and ``"percentile"`` are there for comparison; both are too narrow for few blocks
        (docs/metrics-uncertainty.md has the simulation).
    replicates, seed
        Of the bootstrap. The row of a group does not depend on which other groups are there, nor on the order of rows.

    Returns
    -------
    DataFrame
        The columns of `by`, then ``schema.ERROR_SUMMARY`` (of characters ``schema.CHARACTER_ERROR_SUMMARY``, with
        `cer`; of punctuation and capitals ``schema.PUNCTUATION_ERROR_SUMMARY``, with `per` and `case_error_rate`): one
        row for each group, sorted by `by`. `method` names the interval that was taken. Bounds are NA with a single
        block and where all blocks have the same rate, but for word and character rates of 0: their upper bound is the
        exact Poisson bound. `note` says in a sentence why there is no interval, or why it is wide. A group without
        scored recordings has counts of 0 and NA rates. `neutral_wer` is the rate without errors of formatting, over the
        `neutral_words` of the recordings that have `neutral_errors`; its interval is made as that of `wer`.

    Raises
    ------
    SchemaError
        If a column is absent, an id is there twice or counts cannot be.
    InputError
        If the table is empty, an option is wrong, `by` names a column of the result, or normalisers (of characters
        also units) are mixed within a group: such counts cannot be added.

    Notes
    -----
    Sources: Liu and Peng, "Statistical Testing on ASR Performance via Blockwise Bootstrap", 2019; Bell and McCaffrey,
    "Bias reduction in standard errors for linear regression with multi-stage samples", Survey Methodology 28, 2002.

    Examples
    --------
    >>> errors = pd.DataFrame({
    ...     "audio_id": ["a", "b", "c", "d"], "status": ["scored", "scored", "scored", "failed"],
    ...     "hits": [8, 9, 5, pd.NA], "substitutions": [2, 0, 5, pd.NA], "deletions": [0, 1, 0, pd.NA],
    ...     "insertions": [0, 0, 1, pd.NA], "reference_words": [10, 10, 10, pd.NA], "room": ["x", "x", "y", "y"],
    ... })
    >>> summary = summarize_errors(errors, by="room")
    >>> summary[["room", "recordings", "failed", "blocks", "wer"]]
      room  recordings  failed  blocks   wer
    0    x           2       0       2  0.15
    1    y           1       1       1   0.6
    >>> summary["note"][1]
    'There is only one recording, and an interval needs two or more. Add recordings.'
    """
    how = bootstrap.checked_resampling(ci, method, replicates, seed)
    measure = measure_of(errors)
    schema = SUMMARIES[measure.rate]
    table = checked_errors(errors, measure=measure)
    groups = [] if by is None else [by] if isinstance(by, str) else list(by)
    _check_groups(table, groups, schema, measure)
    columns = block_columns(table, block, groups)

    parts = [part for _, part in table.groupby(groups, dropna=False, observed=True)] if groups else [table]
    result = conform(pd.DataFrame([_summary(part, columns, how, measure) for part in parts]), schema)
    labels = pd.concat([part[groups].iloc[:1] for part in parts], ignore_index=True)
    return pd.concat([labels, result.drop(columns=groups, errors="ignore")], axis=1)


def _summary(part: pd.DataFrame, columns: Sequence[str], how: bootstrap.Resampling, measure: Measure) -> dict[str, Any]:
    """One row of the result."""
    scored = part[part["status"] == "scored"]
    marks = measure is PUNCTUATION
    counts = {name: _total(scored[name]) for name in (*COUNTS, measure.size, *(CASE if marks else ()))}
    blocks = blocks_of(scored, columns)
    wrong = scored[["substitutions", "deletions", "insertions"]].sum(axis=1)
    whole = wrong + scored["hits"] if marks else scored[measure.size]
    rates = [_rate(measure.rate, wrong, whole, blocks, how, "share" if marks else "errors")]
    if marks:
        rates.append(_rate("case_error_rate", scored["case_errors"], scored["case_words"], blocks, how, "share"))
    intervals = {rate.name: rate.interval for rate in rates}
    return {
        "recordings": len(scored),
        "failed": int((part["status"] == "failed").sum()),
        "missing": int((part["status"] == "missing").sum()),
        "blocks": blocks.total,
        "block": "+".join(columns),
        "hours": _hours(scored),
        **counts,
        **{name: value for rate in rates for name, value in rate.figures.items()},
        **(_neutral(scored, columns, how) if measure is WORDS else {}),
        **how._asdict(),
        "method": bootstrap.methods_used(intervals),
        **{name: _only(part, name) for name in measure.settings},
        "note": notes_of(
            intervals,
            blocks,
            columns,
            noun=f"reference {measure.noun}",
            nouns={"case_error_rate": "reference words that can have capitals"},
        ),
    }


def _neutral(scored: pd.DataFrame, columns: Sequence[str], how: bootstrap.Resampling) -> dict[str, Any]:
    """The formatting-neutral rate of the recordings that have one."""
    if "neutral_errors" not in scored or scored["neutral_errors"].isna().all():
        return {}
    own = scored[scored["neutral_errors"].notna().to_numpy(np.bool_)]
    rate = _rate("neutral_wer", own["neutral_errors"], own["reference_words"], blocks_of(own, columns), how, "errors")
    return {
        "neutral_words": int(own["reference_words"].sum()),
        "neutral_errors": int(own["neutral_errors"].sum()),
        **rate.figures,
    }


class _Rate(NamedTuple):
    """A pooled rate and its bounds as columns of the result, and how the interval was made."""

    name: str
    figures: dict[str, Any]
    interval: bootstrap.Interval


def _rate(name: str, wrong: Any, whole: Any, blocks: Blocks, how: bootstrap.Resampling, kind: bootstrap.Kind) -> _Rate:
    numerators, denominators = (
        np.bincount(
            blocks.codes, weights=column.astype("Float64").fillna(0).to_numpy(np.float64), minlength=blocks.total
        )
        for column in (wrong, whole)
    )
    drawn = bootstrap.bootstrap_rate(numerators, denominators, replicates=how.replicates, seed=how.seed)
    interval = drawn.interval(how.ci, how.method, kind)
    figures = {name: known(drawn.estimate), f"{name}_low": known(interval.low), f"{name}_high": known(interval.high)}
    return _Rate(name, figures, interval)


def _total(column: pd.Series[Any]) -> Any:
    """NA where nothing at all is known, as of marks where no reference has one."""
    total = column.sum(min_count=min(1, len(column)))
    return pd.NA if pd.isna(total) else int(total)


def _check_groups(errors: pd.DataFrame, groups: Sequence[str], schema: Table, measure: Measure) -> None:
    need(errors, *groups, name="errors")
    for name in groups:
        _check_labels(errors[name], name)
    if taken := [name for name in groups if name in schema and name not in measure.settings]:
        raise InputError(f"by names {taken}, which are columns of the result; rename them in the table of errors.")
    if len(set(groups)) < len(groups):
        raise InputError(f"by names a column twice: {list(groups)}.")
    for name in measure.settings:
        if name not in errors or name in groups:
            continue
        used = errors.loc[errors["status"] == "scored", name].dropna().unique()
        if len(used) > 1:
            how = "after different normalisers" if name == "normalizer" else f"with different settings of {name!r}"
            raise InputError(
                f"the errors were counted {how}, {sorted(used)}, and cannot be pooled; "
                f'score with one, or group by "{name}" too.'
            )


def _check_labels(column: pd.Series[Any], name: str) -> None:
    """Raise SchemaError unless the values of a column can be groups in sorted order."""
    known_values = column.dropna()
    if odd := [value for value in known_values if not pd.api.types.is_hashable(value)]:
        raise SchemaError(
            f"by names {name!r}, which holds {odd[0]!r} ({type(odd[0]).__name__}); a group needs single values. Make "
            f"texts of them, errors[{name!r}].astype(str), or a row for each with errors.explode({name!r})."
        )
    try:
        sorted(known_values.unique())
    except TypeError as error:
        kinds = sorted({type(value).__name__ for value in known_values})
        raise SchemaError(
            f"by names {name!r}, which mixes {' and '.join(kinds)}, so that its groups have no order; make them of one "
            f"kind, such as errors[{name!r}].astype(str)."
        ) from error


def _only(part: pd.DataFrame, name: str) -> Any:
    known: list[Any] = part[name].dropna().tolist() if name in part else []
    return known[0] if known else pd.NA


def _hours(scored: pd.DataFrame) -> Any:
    total = scored["duration_ms"].sum(skipna=False)
    return pd.NA if pd.isna(total) else float(total) / 3_600_000
