"""Repeats: the same recordings transcribed several times with the same options.

Conventions: repeats of a recording are not independent. Either counts and durations are added up for each recording,
or the tables of all repeats are concatenated; each repeat then has its own id, and the column ``RECORDING`` names the
original recording (the block to resample). In both cases a recording counts only if every repeat of it was scored, it
is one recording, and its audio is as long as all its repeats together.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.stats.blocks import counted

__all__ = ["RECORDING", "REPEAT", "places", "pooled", "pooled_wer", "stacked", "stacked_errors"]

RECORDING, REPEAT = "recording of the repeat", "number of the repeat"
"""Columns of `stacked_errors`."""


def pooled(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Add up the counts and durations of all repeats, recording by recording.

    A recording is scored only if every repeat is.
    """
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
        "neutral_errors",
        "duration_ms",
    ]
    others = [table.set_index("audio_id") for table in tables[1:]]
    for other in others:
        aligned = other.reindex(added["audio_id"]).reset_index(drop=True)
        for count in counts:
            added[count] = added[count] + aligned[count]
        worse = aligned["status"].ne("scored") & added["status"].eq("scored")
        added.loc[worse, "status"] = aligned.loc[worse, "status"]
    wrong = added["substitutions"] + added["deletions"] + added["insertions"]
    words = added["reference_words"].where(added["reference_words"] > 0)
    added["wer"] = (wrong / words).astype("Float64")
    added["neutral_wer"] = (added["neutral_errors"] / words).astype("Float64")
    return added.assign(mer=pd.array([pd.NA] * len(added), "Float64"), wil=pd.array([pd.NA] * len(added), "Float64"))


def pooled_wer(errors: pd.DataFrame) -> float:
    """Return the errors of the scored recordings per reference word; NaN if there are no words."""
    scored = errors[errors["status"] == "scored"]
    words = int(scored["reference_words"].sum())
    wrong = int(scored[["substitutions", "deletions", "insertions"]].sum().sum())
    return wrong / words if words else float("nan")


def stacked(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate the tables of all repeats, each repeat with ids of its own."""
    return pd.concat(map(_renamed, tables, range(len(tables))), ignore_index=True) if len(tables) > 1 else tables[0]


def stacked_errors(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate tables of ``schema.WORD_ERRORS``, and add ``RECORDING`` and ``REPEAT`` (Int64, from 0).

    If one repeat of a recording was not scored, its other repeats become failed, so that the recording counts nowhere.
    """
    numbered = [
        pd.concat([_renamed(table, number), table["audio_id"].rename(RECORDING)], axis=1).assign(
            **{REPEAT: pd.array([number] * len(table), "Int64")}
        )
        for number, table in enumerate(tables)
    ]
    whole = pd.concat(numbered, ignore_index=True)
    unscored = whole.loc[whole["status"] != "scored", RECORDING]
    whole.loc[whole[RECORDING].isin(unscored) & (whole["status"] == "scored"), "status"] = "failed"
    return whole


def places(occurrences: pd.DataFrame, name: str) -> pd.DataFrame:
    """List each place where a term was said once, with its hits and its number of repeats.

    Parameters
    ----------
    occurrences
        ``schema.TERM_OCCURRENCES`` without false hits; with a column `repeat` if a recording has several.
    name
        Name of the table in messages.

    Returns
    -------
    DataFrame
        One row for each place: the columns of `occurrences` from its first repeat, then `hits` and `repeats`.

    Raises
    ------
    InputError
        If some repeats of a recording lack a place that others have.

    Examples
    --------
    >>> table = pd.DataFrame({"audio_id": "a", "term": "Zyrtec", "reference_index": 3, "outcome": ["hit", "miss"]})
    >>> places(table.assign(repeat=[0, 1]), "occurrences")[["term", "reference_index", "hits", "repeats"]]
         term  reference_index  hits  repeats
    0  Zyrtec                3     1        2
    """
    key = ["audio_id", "term", "reference_index"]
    hit = (occurrences["outcome"] == "hit").to_numpy(bool)
    grouped = occurrences.assign(hits=hit.astype("int64"), repeats=1).groupby(key, sort=False, dropna=False)
    counts = grouped[["hits", "repeats"]].sum().reset_index()
    rows = occurrences.drop_duplicates(key).merge(counts, on=key, how="left")
    most = rows.groupby("audio_id")["repeats"].transform("max")
    if (lacking := rows[rows["repeats"] < most]).size:
        first = lacking.iloc[0]
        raise InputError(
            f"{name}: {first['audio_id']!r} has {first['term']!r} at word {first['reference_index']} in "
            f"{counted(int(first['repeats']), 'repeat')} and another place in "
            f"{most[lacking.index[0]]}; give all occurrences of each."
        )
    return rows


def _renamed(table: pd.DataFrame, repeat: int) -> pd.DataFrame:
    """Give the recordings of a later repeat ids of their own."""
    return table.assign(audio_id=table["audio_id"] + f" (repeat {repeat})") if repeat else table
