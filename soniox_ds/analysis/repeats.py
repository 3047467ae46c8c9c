"""Repeats: the same recordings transcribed several times with the same options.

Conventions: repeats of a recording are not independent. Counts are added up, recording by recording, or the tables of
all repeats stand under each other, where each repeat has an id of its own and ``RECORDING`` says what it is a repeat of
(the block to resample).
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

__all__ = ["RECORDING", "REPEAT", "pooled", "pooled_wer", "stacked", "stacked_errors"]

RECORDING, REPEAT = "recording of the repeat", "number of the repeat"
"""Columns of `stacked_errors`."""


def pooled(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Counts of all repeats added up, recording by recording; a recording counts as scored where every repeat is."""
    if len(tables) == 1:
        return tables[0]
    added = tables[0].copy()
    counts = [
        "hits",
        "substitutions",
        "deletions",
        "insertions",
        "reference_words",
        "hypothesis_words",
        "fewest_errors",
    ]
    others = [table.set_index("audio_id") for table in tables[1:]]
    for other in others:
        aligned = other.reindex(added["audio_id"]).reset_index(drop=True)
        for count in counts:
            added[count] = added[count] + aligned[count]
        worse = aligned["status"].ne("scored") & added["status"].eq("scored")
        added.loc[worse, "status"] = aligned.loc[worse, "status"]
    wrong = added["substitutions"] + added["deletions"] + added["insertions"]
    added["wer"] = (wrong / added["reference_words"].where(added["reference_words"] > 0)).astype("Float64")
    return added.assign(mer=pd.array([pd.NA] * len(added), "Float64"), wil=pd.array([pd.NA] * len(added), "Float64"))


def pooled_wer(errors: pd.DataFrame) -> float:
    """Errors of the scored recordings per reference word; NaN without any."""
    scored = errors[errors["status"] == "scored"]
    words = int(scored["reference_words"].sum())
    wrong = int(scored[["substitutions", "deletions", "insertions"]].sum().sum())
    return wrong / words if words else float("nan")


def stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The tables of all repeats under each other, with ids of their own."""
    return pd.concat(map(_renamed, tables, range(len(tables))), ignore_index=True) if len(tables) > 1 else tables[0]


def stacked_errors(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The same of ``schema.WORD_ERRORS``, then ``RECORDING`` and ``REPEAT`` (Int64, from 0)."""
    own = [
        pd.concat([_renamed(table, number), table["audio_id"].rename(RECORDING)], axis=1).assign(
            **{REPEAT: pd.array([number] * len(table), "Int64")}
        )
        for number, table in enumerate(tables)
    ]
    return pd.concat(own, ignore_index=True)


def _renamed(table: pd.DataFrame, repeat: int) -> pd.DataFrame:
    """With ids of their own for the recordings of a later repeat."""
    return table.assign(audio_id=table["audio_id"] + f" (repeat {repeat})") if repeat else table
