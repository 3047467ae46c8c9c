"""Error rates of groups of recordings, each with an honest interval.

Conventions: counts are added over recordings and divided once; recordings that failed or are missing are counted
beside, never scored. The interval is of the pooled rate, from resampling blocks (see `blocks`), and speaks of other
recordings *and other speakers* of the same kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.analysis import statistics
from soniox_ds.analysis.blocks import (
    COUNTS,
    WORDS,
    Measure,
    block_columns,
    blocks_of,
    checked_errors,
    few_errors,
    known,
    measure_of,
    note_of,
)
from soniox_ds.errors import InputError
from soniox_ds.schema import CHARACTER_ERROR_SUMMARY, ERROR_SUMMARY, Table, conform, need

__all__ = ["summarize_errors"]


def summarize_errors(
    errors: pd.DataFrame,
    by: str | Sequence[str] | None = None,
    *,
    block: str | Sequence[str] | None = None,
    ci: float = 0.95,
    method: str = "studentized",
    replicates: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Pool word or character errors over groups of recordings, with bootstrap intervals by block.

    Parameters
    ----------
    errors
        ``schema.WORD_ERRORS``, of `word_errors`, or ``schema.CHARACTER_ERRORS``, of `character_errors`, with whatever
        columns to group by.
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
        ``"studentized"`` (bootstrap-t) or ``"percentile"``; the latter is too narrow below some 100 blocks
        (docs/metrics-uncertainty.md has the simulation).
    replicates, seed
        Of the bootstrap. The row of a group does not depend on which other groups are there, nor on the order of rows.

    Returns
    -------
    DataFrame
        The columns of `by`, then ``schema.ERROR_SUMMARY`` (of characters ``schema.CHARACTER_ERROR_SUMMARY``, with
        `cer`): one row for each group, sorted by `by`. Bounds are NA where no honest interval exists (fewer than two
        blocks, no spread, or so few that decide that the studentized interval would be beyond sense), and `note` says
        why; below 10 blocks, and where fewer than five hold any error, it says that the interval is doubtful. A group
        without scored recordings has counts of 0 and NA rates.

    Raises
    ------
    SchemaError
        If a column is absent, an id is there twice or counts cannot be.
    InputError
        If the table is empty, an option is wrong, `by` names a column of the result, or normalisers (of characters
        also units) are mixed within a group: such counts cannot be added.

    Notes
    -----
    Source: Liu and Peng, "Statistical Testing on ASR Performance via Blockwise Bootstrap", 2019.

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
    '1 block: an interval needs two or more'
    """
    how = statistics.checked_resampling(ci, method, replicates, seed)
    measure = measure_of(errors)
    schema = ERROR_SUMMARY if measure is WORDS else CHARACTER_ERROR_SUMMARY
    table = checked_errors(errors, measure=measure)
    groups = [] if by is None else [by] if isinstance(by, str) else list(by)
    _check_groups(table, groups, schema, measure)
    columns = block_columns(table, block, groups)

    parts = [part for _, part in table.groupby(groups, dropna=False, observed=True)] if groups else [table]
    result = conform(pd.DataFrame([_summary(part, columns, how, measure) for part in parts]), schema)
    labels = pd.concat([part[groups].iloc[:1] for part in parts], ignore_index=True)
    return pd.concat([labels, result.drop(columns=groups, errors="ignore")], axis=1)


def _summary(
    part: pd.DataFrame, columns: Sequence[str], how: statistics.Resampling, measure: Measure
) -> dict[str, Any]:
    """One row of the result."""
    scored = part[part["status"] == "scored"]
    counts = {name: int(scored[name].sum()) for name in (*COUNTS, measure.size)}
    blocks = blocks_of(scored, columns)
    wrong = scored[["substitutions", "deletions", "insertions"]].sum(axis=1).to_numpy(np.float64)
    size = scored[measure.size].to_numpy(np.float64)
    errors = np.bincount(blocks.codes, weights=wrong, minlength=blocks.total)
    drawn = statistics.bootstrap_rate(
        errors,
        np.bincount(blocks.codes, weights=size, minlength=blocks.total),
        replicates=how.replicates,
        seed=how.seed,
    )
    interval = drawn.interval(how.ci, how.method)
    few = few_errors(errors) if interval.reason is None else []
    rate = measure.rate
    return {
        "recordings": len(scored),
        "failed": int((part["status"] == "failed").sum()),
        "missing": int((part["status"] == "missing").sum()),
        "blocks": blocks.total,
        "block": "+".join(columns),
        "hours": _hours(scored),
        **counts,
        rate: known(drawn.estimate),
        f"{rate}_low": known(max(0.0, interval.low) if interval.reason is None else interval.low),
        f"{rate}_high": known(interval.high),
        **how._asdict(),
        **{name: _only(part, name) for name in measure.settings},
        "note": note_of(interval.reason, blocks.total, blocks.unlabelled, columns, *few, noun=measure.noun),
    }


def _check_groups(errors: pd.DataFrame, groups: Sequence[str], schema: Table, measure: Measure) -> None:
    need(errors, *groups, name="errors")
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


def _only(part: pd.DataFrame, name: str) -> Any:
    known: list[Any] = part[name].dropna().tolist() if name in part else []
    return known[0] if known else pd.NA


def _hours(scored: pd.DataFrame) -> Any:
    total = scored["duration_ms"].sum(skipna=False)
    return pd.NA if pd.isna(total) else float(total) / 3_600_000
