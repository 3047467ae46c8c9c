"""Costs of groups of recordings, and of recognised terms.

Conventions: an unknown charge is NA and never counts as 0. The cost of a term is the cost of all recordings in which it
was searched, because all of them have to be transcribed to find it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from soniox_ds.metrics.stats.bootstrap import Resampling
from soniox_ds.metrics.stats.pool import Pooling, checked_groups, groups_of, outcomes_of, summarize_groups, total_hours
from soniox_ds.schema import (
    COST_SUMMARY,
    TERM_COSTS,
    ask_about_seconds,
    need,
    need_milliseconds,
    no_duplicates,
    with_ids,
)
from soniox_ds.schema.inputs import refuse_transcripts

__all__ = ["COST_POOLING", "term_costs"]

_OF_ARMS = ("arm", "repeat")
_SHORTEST_MS = 50  # no recording of speech is shorter


def term_costs(occurrences: pd.DataFrame, cost: pd.DataFrame, by: str | Sequence[str] | None = "term") -> pd.DataFrame:
    """Compute the cost per recognised term: the cost of the recordings divided by the number of hits.

    Parameters
    ----------
    occurrences
        Result of `term_occurrences`. Distractors are left out, because they are not spoken in the recordings.
    cost
        ``corpus.cost`` of the recordings in which the terms were searched, or ``trial.cost`` of a comparison.
    by
        Column or columns of `occurrences` to group by, such as ``"term"``; None for all terms together. If `cost` also
        has one of these columns, such as `arm`, each group only counts the costs of the rows with its value. Otherwise,
        each group counts the costs of all recordings.

    Returns
    -------
    DataFrame
        The columns of `by`, then ``schema.TERM_COSTS``: the hits, the costs in US dollars, and the costs per hit.

    Raises
    ------
    SchemaError, InputError
        If a table lacks a column, or `by` names a column that `occurrences` does not have.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> alignments = sx.align_words({"a": "take lisinopril", "b": "take metformin"},
    ...                             {"a": "take lisinopril", "b": "take metoprolol"})
    >>> occurrences = sx.metrics.term_occurrences(alignments, ["lisinopril", "metoprolol"])
    >>> recordings = pd.DataFrame({"audio_id": ["a", "b"], "status": "completed", "cost_usd": [0.02, 0.01]})
    >>> costs = sx.metrics.term_costs(occurrences, sx.Corpus(recordings).cost)
    >>> costs[["term", "hits", "estimate_usd_per_hit"]]
             term  hits  estimate_usd_per_hit
    0  lisinopril     1                  0.03
    1  metoprolol     0                  <NA>
    """
    for table in (occurrences, cost):
        refuse_transcripts(
            table,
            "the occurrences of terms and a table of costs",
            "sx.metrics.term_costs(sx.metrics.term_occurrences(alignments, terms), corpus.cost)",
        )
    cost = _checked(cost)
    occurrences = with_ids(occurrences, "occurrences")
    need(occurrences, "term", "distractor", "outcome", name="occurrences")
    places = ("audio_id", "term", "outcome", "reference_index", "hypothesis_index")
    no_duplicates(occurrences, "occurrences", *places, also=_OF_ARMS)
    occurrences = occurrences[~occurrences["distractor"].fillna(False).astype(bool)]
    checked_groups(occurrences, by, [name for name in TERM_COSTS if name != "term"], "occurrences")
    groups = groups_of(by)
    shared = [name for name in groups if name in cost]

    def row(part: pd.DataFrame) -> dict[str, Any]:
        costs = cost
        for name in shared if len(part) else ():
            value = part[name].iloc[0]
            costs = costs[costs[name].isna() if pd.isna(value) else costs[name].eq(value).fillna(False)]
        hits = int((part["outcome"] == "hit").sum())
        estimate_usd = costs["estimate_usd"].sum(min_count=1)
        completed = costs["status"] == "completed"
        is_known = bool(costs.loc[completed, "charged_usd"].notna().all())
        charged_usd = costs["charged_usd"].sum(min_count=1) if is_known else pd.NA
        return {
            "reference_count": hits + int((part["outcome"] == "miss").sum()),
            "hits": hits,
            "estimate_usd": estimate_usd,
            "charged_usd": charged_usd,
            "estimate_usd_per_hit": estimate_usd / hits if hits else pd.NA,
            "charged_usd_per_hit": charged_usd / hits if hits else pd.NA,
        }

    result = {name: column for name, column in TERM_COSTS.items() if name != "term"}
    return summarize_groups(occurrences, groups, result, row)


def _checked(cost: pd.DataFrame) -> pd.DataFrame:
    """Return a table of costs with ids as strings; raises SchemaError if a column is missing or rows are repeated."""
    need(cost, "audio_id", "status", "duration_ms", "estimate_usd", "charged_usd", name="cost")
    cost = with_ids(cost, "cost")
    no_duplicates(cost, "cost", "audio_id", also=_OF_ARMS)
    return cost


def _with_milliseconds(cost: pd.DataFrame) -> pd.DataFrame:
    whole = need_milliseconds(_checked(cost), "cost", "duration_ms")
    known = whole["duration_ms"].dropna()
    if len(known) and float(known.median()) < _SHORTEST_MS:
        ask_about_seconds(f"cost: half of the recordings last {float(known.median()):g} ms or less (duration_ms).")
    return whole


def _cost_row(part: pd.DataFrame, columns: Sequence[str], resampling: Resampling) -> list[dict[str, Any]]:
    outcomes = outcomes_of(part, "completed")
    completed = part[(part["status"] == "completed").fillna(False)]
    measured = completed[completed["charged_usd"].notna() & completed["duration_ms"].notna()]
    hours = total_hours(measured)
    return [
        {
            "recordings": outcomes["recordings"],
            "failed": outcomes["failed"],
            "hours": total_hours(completed),
            "estimate_usd": part["estimate_usd"].sum(min_count=1),
            "charged_recordings": int(part["charged_usd"].notna().sum()),
            "charged_usd": part["charged_usd"].sum(min_count=1),
            "charged_usd_per_hour": measured["charged_usd"].sum() / hours if hours else pd.NA,
        }
    ]


COST_POOLING = Pooling(
    result=COST_SUMMARY,
    counts=(),
    rates=(),
    required=("status", "duration_ms", "estimate_usd", "charged_usd"),
    prepare=_with_milliseconds,
    group_rows=_cost_row,
    status="completed",
    name="cost",
)
