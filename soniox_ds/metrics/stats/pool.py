"""Pooling: add up counts over groups of recordings, divide once, and ask for an interval.

Conventions: a pooled rate is the sum of the numerators over the sum of the denominators of the scored recordings, never
a mean of rates. Recordings that failed, and references without a recording, are counted but not scored. Intervals come
from resampling blocks of recordings (`soniox_ds.metrics.stats.blocks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.stats.blocks import block_columns, blocks_of, known, notes_of
from soniox_ds.metrics.stats.bootstrap import METHODS, Interval, Kind, Resampling, bootstrap_rate, methods_used
from soniox_ds.schema import Column, conform, need, no_duplicates, with_ids

__all__ = [
    "Pooling",
    "Rate",
    "added",
    "checked_groups",
    "divide",
    "groups_of",
    "outcomes_of",
    "pool",
    "pooled_rates",
    "summarize_groups",
    "total_hours",
]


@dataclass(frozen=True)
class Rate:
    """A rate that can be pooled."""

    name: str
    numerator: str | tuple[str, ...]
    """Columns whose sums are added."""
    denominator: str | tuple[str, ...]
    kind: Kind = "rate"
    noun: str = "words"
    """The unit of the denominator, for the note."""


GroupRows = Callable[[pd.DataFrame, Sequence[str], Resampling], Sequence[Mapping[str, Any]]]
"""Returns the rows of a group, from its part of the table, the block columns and the resampling."""


@dataclass(frozen=True)
class Pooling:
    """The rules by which one kind of table is pooled."""

    result: Mapping[str, Column]
    """The table of the result, without the columns to group by."""
    counts: tuple[str, ...]
    """Columns that are added."""
    rates: tuple[Rate, ...]
    settings: tuple[str, ...] = ()
    """Columns that must have one value in all rows of a group."""
    required: tuple[str, ...] = ()
    """Columns that the table must have."""
    keys: tuple[str, ...] = ()
    """Columns in which no two rows of a group may agree, if the table has all of them."""
    prepare: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table
    """Function that checks a table further, and returns it with the columns and dtypes that adding needs."""
    more: Callable[[pd.DataFrame, Sequence[str], Resampling], Mapping[str, Any]] = lambda scored, *_: {}
    """Function that returns further columns of a group, from its scored rows, the block columns and the resampling."""
    group_rows: GroupRows | None = None
    """Function that returns all rows of a group, for a table whose summary is not made of counts and rates."""
    methods: tuple[str, ...] = METHODS
    """The kinds of interval that can be chosen."""
    always_by: tuple[str, ...] = ()
    """Columns to group by before those of the caller."""
    needs_all: bool = False
    """True if a sum is NA when any scored row is NA, rather than only when all are; so are the rates of such sums."""
    status: str = "scored"
    """The status of the rows that are pooled."""
    name: str = "errors"
    """The name of the table in messages."""


def pool(
    table: pd.DataFrame,
    pooling: Pooling,
    by: str | Sequence[str] | None,
    *,
    resampling: Resampling,
    block: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Pool the rows of a table by group.

    Parameters
    ----------
    table
        One row for each recording, with `status`, the counts, and the columns to group by.
    pooling
        The kind of table.
    by
        Column or columns to group by; None for one row.
    resampling
        The settings of the intervals.
    block
        Columns of the blocks, as in `sx.summarize`.

    Returns
    -------
    DataFrame
        The columns of `by`, then ``pooling.result``, one row for each group, sorted by `by`.
    """
    name = pooling.name
    need(table, *groups_of(by), name=name)
    _check_settings(table, pooling, groups_of(by), name)
    need(table, *pooling.required, name=name)
    if pooling.keys and set(pooling.keys) <= set(table):
        no_duplicates(table, name, *pooling.keys, also=groups_of(by))
    table = pooling.prepare(with_ids(table, name))
    groups = checked_groups(table, by, pooling.result, name, allowed=pooling.settings)
    groups = [*pooling.always_by, *(group for group in groups if group not in pooling.always_by)]
    columns = block_columns(table, block, groups, name=name)
    need(table, *columns, name=name)
    if resampling.method not in pooling.methods:
        raise InputError(
            f"method is {resampling.method!r}, but there is only one kind of interval for {name}; leave out method=."
        )
    if pooling.group_rows is not None:
        group_rows = pooling.group_rows
        return summarize_groups(table, groups, pooling.result, lambda part: group_rows(part, columns, resampling))

    def summary(part: pd.DataFrame) -> dict[str, Any]:
        scored = part[(part["status"] == pooling.status).fillna(False).to_numpy(np.bool_)]
        return {
            **outcomes_of(part, pooling.status),
            **{count: _total(scored[count], pooling.needs_all) for count in pooling.counts},
            **pooled_rates(scored, pooling.rates, columns, resampling, needs_all=pooling.needs_all),
            **pooling.more(scored, columns, resampling),
            **{setting: next(iter(part[setting].dropna()), pd.NA) for setting in pooling.settings if setting in part},
        }

    return summarize_groups(table, groups, pooling.result, summary)


def groups_of(by: str | Sequence[str] | None) -> list[str]:
    """Return the columns to group by as a list.

    >>> groups_of(None), groups_of("room"), groups_of(["room", "day"])
    ([], ['room'], ['room', 'day'])
    """
    return [] if by is None else [by] if isinstance(by, str) else list(by)


def checked_groups(
    table: pd.DataFrame,
    by: str | Sequence[str] | None,
    result: Iterable[str],
    name: str = "errors",
    *,
    allowed: Sequence[str] = (),
) -> list[str]:
    """Return the columns to group by.

    Raises
    ------
    SchemaError
        If a column is absent, or its values cannot be grouped and sorted.
    InputError
        If a column is named twice, or is a column of the result that is not among `allowed`.
    """
    groups = groups_of(by)
    need(table, *groups, name=name)
    for group in groups:
        _check_labels(table[group], group, name)
    if taken := [group for group in groups if group in result and group not in allowed]:
        raise InputError(
            f"by contains {taken}, which are also columns of the result; rename them in the table of {name}."
        )
    if len(set(groups)) < len(groups):
        raise InputError(f"by contains a column twice: {list(groups)}.")
    return groups


def summarize_groups(
    table: pd.DataFrame,
    groups: Sequence[str],
    result: Mapping[str, Column],
    summary: Callable[[pd.DataFrame], Mapping[str, Any] | Sequence[Mapping[str, Any]]],
) -> pd.DataFrame:
    """Make the rows of each group.

    Parameters
    ----------
    table, groups
        The table, and the columns to group by. A missing value is a group too. Without columns, all rows are one group.
    result
        The table that the rows of `summary` are conformed to.
    summary
        Returns the row of a group, or several rows.

    Returns
    -------
    DataFrame
        The columns of `groups`, then those of `result`, sorted by `groups`.
    """
    parts = [part for _, part in table.groupby(list(groups), dropna=False, observed=True)] if groups else [table]
    labels, rows = [table[list(groups)].iloc[:0]], []
    for part in parts:
        result_rows = summary(part)
        group_rows = [result_rows] if isinstance(result_rows, Mapping) else list(result_rows)
        rows += [{name: value for name, value in row.items() if name in result} for row in group_rows]
        labels += [part[list(groups)].iloc[:1]] * len(group_rows)
    summaries = conform(pd.DataFrame(rows, columns=None if rows else list(result)), result)
    if not groups:
        return summaries
    return pd.concat(
        [pd.concat(labels, ignore_index=True), summaries.drop(columns=list(groups), errors="ignore")], axis=1
    )


def total_hours(scored: pd.DataFrame) -> Any:
    """Return the hours of the scored recordings (`duration_ms`); NA if a duration is not known."""
    total = scored["duration_ms"].sum(skipna=False)
    return pd.NA if pd.isna(total) else float(total) / 3_600_000


def outcomes_of(part: pd.DataFrame, status: str = "scored") -> dict[str, int]:
    """Count the recordings of a group that were scored, failed, or are missing."""
    counts = part["status"].value_counts()
    return {
        "recordings": int(counts.get(status, 0)),
        "failed": int(counts.get("failed", 0)),
        "missing": int(counts.get("missing", 0)),
    }


def pooled_rates(
    scored: pd.DataFrame,
    rates: Sequence[Rate],
    columns: Sequence[str],
    resampling: Resampling,
    *,
    needs_all: bool = False,
) -> dict[str, Any]:
    """Divide the sums of the scored rows.

    Returns
    -------
    dict
        For each rate its value and its bounds (`<rate>_low`, `<rate>_high`); `blocks`, `block`, the resampling, and
        `note`. With `needs_all`, a rate is NA if a count of any row is NA.
    """
    blocks = blocks_of(scored, columns)
    row: dict[str, Any] = {"blocks": blocks.total, "block": "+".join(columns), **resampling.columns}
    intervals: dict[str, Interval] = {}
    for rate in rates:
        sides = [added(scored, side) for side in (rate.numerator, rate.denominator)]
        if needs_all and any(side.isna().any() for side in sides):
            row |= {rate.name: pd.NA, f"{rate.name}_low": pd.NA, f"{rate.name}_high": pd.NA}
            continue
        by_block = (
            np.bincount(blocks.codes, side.astype("Float64").fillna(0).to_numpy(np.float64), blocks.total)
            for side in sides
        )
        drawn = bootstrap_rate(*by_block, n_resamples=resampling.n_resamples, seed=resampling.seed)
        interval = intervals[rate.name] = drawn.interval(resampling.ci, resampling.method, rate.kind)
        row |= {
            rate.name: known(drawn.estimate),
            f"{rate.name}_low": known(interval.low),
            f"{rate.name}_high": known(interval.high),
        }
    nouns = {rate.name: rate.noun for rate in rates}
    return row | {"method": methods_used(intervals), "note": notes_of(intervals, blocks, columns, nouns=nouns)}


def added(scored: pd.DataFrame, names: str | tuple[str, ...]) -> pd.Series[Any]:
    """Add columns; NA if one of them is NA."""
    if isinstance(names, str):
        return scored[names]
    return scored[list(names)].sum(axis=1, skipna=False)


def divide(numerators: Any, denominators: Any) -> Any:
    """Divide the values of two columns or arrays; NA if a denominator is 0.

    >>> divide(pd.Series([1, 0]), pd.Series([4, 0])).tolist()
    [0.25, <NA>]
    """
    numerators, denominators = (
        pd.Series(values).astype("Float64").reset_index(drop=True) for values in (numerators, denominators)
    )
    return (numerators / denominators.where(denominators > 0)).array


def _total(column: pd.Series[Any], needs_all: bool) -> Any:
    """Return the sum of the known values: 0 if there are no rows, NA if there are rows and too few values are known."""
    total = column.sum(skipna=not needs_all, min_count=min(1, len(column)))
    return pd.NA if pd.isna(total) else int(total)


def _check_settings(table: pd.DataFrame, pooling: Pooling, groups: Sequence[str], name: str) -> None:
    """Raise InputError if rows were counted with different settings, because such counts cannot be added."""
    for setting in pooling.settings:
        if setting not in table or "status" not in table or setting in groups:
            continue
        used = (
            table.loc[(table["status"] == pooling.status).fillna(False).to_numpy(np.bool_), setting].dropna().unique()
        )
        if len(used) > 1:
            difference = (
                "after different normalisers" if setting == "normalizer" else f"with different settings of {setting!r}"
            )
            raise InputError(
                f"the {name} were counted {difference}, {sorted(used.tolist())}, and cannot be pooled; "
                f'score all in the same way, or group by "{setting}" too.'
            )


def _check_labels(column: pd.Series[Any], group: str, name: str) -> None:
    """Raise SchemaError unless the values of a column can be groups in sorted order."""
    values = column.dropna()
    if odd := [value for value in values if not pd.api.types.is_hashable(value)]:
        raise SchemaError(
            f"the column {group!r} in by contains {odd[0]!r} ({type(odd[0]).__name__}), but a group needs single "
            f"values. Convert them to texts with {name}[{group!r}].astype(str), or make a row for each value with "
            f"{name}.explode({group!r})."
        )
    try:
        sorted(values.unique())
    except TypeError as error:
        kinds = sorted({type(value).__name__ for value in values})
        raise SchemaError(
            f"the column {group!r} in by mixes {' and '.join(kinds)}, so its groups have no order; convert it to one "
            f"type, such as {name}[{group!r}].astype(str)."
        ) from error
