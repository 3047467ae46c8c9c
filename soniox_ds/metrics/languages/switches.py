"""Where speakers change the language, and when the recogniser noticed.

Conventions: a switch is an instant at which the language of one word differs from that of the labelled word before it
in the same recording; it has a language before and one after. Silence is no language. Times are whole milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.languages.errors import states_of
from soniox_ds.metrics.languages.references import References, checked_references, spoken_words
from soniox_ds.metrics.stats.pool import Pooling, Rate
from soniox_ds.schema import LANGUAGE_SWITCH_SUMMARY, LANGUAGE_SWITCHES, conform, empty, need, no_duplicates
from soniox_ds.schema.arguments import checked_ms

__all__ = ["SWITCH_POOLING", "language_switches"]


def language_switches(table: Any, references: Any = None, *, tolerance_ms: int = 1000) -> pd.DataFrame:
    """Find the switches of language that were noticed, missed or made up.

    Parameters
    ----------
    table
        A Corpus, ``schema.TOKENS`` or ``schema.WORDS``, transcribed with language identification.
    references
        A table of stretches (`audio_id`, `start_ms`, `end_ms`, `language`); or None where the words have a column
        `reference_language`. A reference of whole recordings has no switches and is refused.
    tolerance_ms
        A switch that was found belongs to one of the reference between the same two languages, at most so far away.

    Returns
    -------
    DataFrame
        ``schema.LANGUAGE_SWITCHES``: recordings in the order of the references, switches in the order of time. Each
        switch belongs to one of the other side at most; as many as possible are hits, and among the ways to
        have so many the one with the least error in time is taken. A recording that failed or is missing has one row,
        without an outcome: its switches are not missed, and count in no rate. One without switches has no rows.

    Raises
    ------
    SchemaError
        If a column is absent, a row is there twice, a language is no two-letter code, or a time is impossible (a
        fraction, too).
    InputError
        If no word has a language, the references are of whole recordings or of others, or `tolerance_ms` is no whole
        number of 0 or more.

    Warns
    -----
    UserWarning
        If some references are of recordings that are not there.

    Notes
    -----
    A switch of the reference is at the start of the first stretch (or word) in the new language; a found one at the
    start of the first word with the new label. Words without a label neither make nor hide a switch.

    Examples
    --------
    >>> words = pd.DataFrame({
    ...     "audio_id": "a.wav", "word_index": range(4), "text": ["so", "ja", "das", "yes"],
    ...     "start_ms": [0, 500, 900, 2000], "end_ms": [400, 800, 1400, 2500], "language": ["en", "en", "de", "en"],
    ... })
    >>> spoken = pd.DataFrame({
    ...     "audio_id": "a.wav", "start_ms": [0, 450], "end_ms": [450, 1500], "language": ["en", "de"],
    ... })
    >>> language_switches(words, spoken)[["outcome", "from_language", "to_language", "error_ms"]]
           outcome from_language to_language  error_ms
    0          hit            en          de       450
    1  false_alarm            de          en      <NA>
    """
    checked_ms(tolerance_ms, "tolerance_ms")
    words = spoken_words(table, "language_switches")
    reference = checked_references(references, table, words)
    if reference.whole is not None:
        raise InputError(
            "a reference of whole recordings has no switches; give a table of stretches with start_ms and end_ms."
        )
    real = _reference_switches(words, reference)
    found = _switches(words, "language")
    recordings = reference.recordings if reference.recordings is not None else words["audio_id"].unique().tolist()
    by_real, by_found = dict(iter(real.groupby("audio_id"))), dict(iter(found.groupby("audio_id")))
    rows: list[dict[str, Any]] = []
    for name, state in zip(recordings, states_of(table, words, recordings), strict=True):
        if state != "scored":
            rows.append({"audio_id": name, "status": state})
            continue
        own = _matched(name, by_real.get(name, real.iloc[:0]), by_found.get(name, found.iloc[:0]), tolerance_ms)
        rows += [{"status": state, **row} for row in own]
    return conform(pd.DataFrame(rows), LANGUAGE_SWITCHES) if rows else empty(LANGUAGE_SWITCHES)


def _checked(switches: pd.DataFrame, groups: Sequence[str]) -> pd.DataFrame:
    """Add a column of 0 and 1 for each outcome."""
    need(switches, "outcome", "error_ms", name="switches")
    if {"audio_id", "reference_ms", "found_ms"} <= set(switches):
        no_duplicates(switches, "switches", "audio_id", "outcome", "reference_ms", "found_ms", also=groups)
    outcomes = {
        name: (switches["outcome"] == outcome).fillna(False).astype("int64")
        for name, outcome in (("hits", "hit"), ("misses", "miss"), ("false_alarms", "false_alarm"))
    }
    status = switches.get("status", "scored")
    return switches.assign(**outcomes, status=status)


def _more(scored: pd.DataFrame, *_: Any) -> dict[str, Any]:
    error = scored.loc[scored["outcome"] == "hit", "error_ms"].astype("Float64")
    return {
        "reference_switches": int(scored["hits"].sum() + scored["misses"].sum()),
        "found_switches": int(scored["hits"].sum() + scored["false_alarms"].sum()),
        "error_ms_mean": error.mean(),
        "error_ms_absolute": error.abs().mean(),
        "error_ms_median": error.abs().median(),
    }


def _reference_switches(words: pd.DataFrame, reference: References) -> pd.DataFrame:
    if reference.segments is None:
        return _switches(words, "reference_language")
    table = reference.segments
    order = np.lexsort((table["end_ms"], table["start_ms"], pd.factorize(table["audio_id"])[0]))
    return _switches(table.take(order), "language")


def _switches(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """`audio_id`, `from_language`, `to_language`, `time_ms`, of rows in spoken order."""
    known = table[table[column].notna() & table["start_ms"].notna()]
    before = known.groupby("audio_id", sort=False)[column].shift()
    changed = known[(before.notna() & (before != known[column])).fillna(False).to_numpy(np.bool_)]
    return pd.DataFrame(
        {
            "audio_id": changed["audio_id"],
            "from_language": before[changed.index],
            "to_language": changed[column],
            "time_ms": changed["start_ms"].astype("int64"),
        }
    )


def _matched(name: str, real: pd.DataFrame, found: pd.DataFrame, tolerance_ms: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    kinds = ["from_language", "to_language"]
    by_real, by_found = dict(iter(real.groupby(kinds))), dict(iter(found.groupby(kinds)))
    for kind in dict.fromkeys([*by_real, *by_found]):
        one = by_real[kind]["time_ms"].to_numpy(np.int64) if kind in by_real else np.zeros(0, np.int64)
        two = by_found[kind]["time_ms"].to_numpy(np.int64) if kind in by_found else np.zeros(0, np.int64)
        pairs = _pairs(one, two, tolerance_ms)
        outcomes: list[tuple[str, int | None, int | None]] = [("hit", int(one[i]), int(two[j])) for i, j in pairs]
        outcomes += [("miss", int(one[i]), None) for i in sorted(set(range(len(one))) - {i for i, _ in pairs})]
        outcomes += [("false_alarm", None, int(two[j])) for j in sorted(set(range(len(two))) - {j for _, j in pairs})]
        for outcome, at, noticed in outcomes:
            rows.append(
                {
                    "audio_id": name,
                    "outcome": outcome,
                    **dict(zip(kinds, kind, strict=True)),
                    "reference_ms": at,
                    "found_ms": noticed,
                    "error_ms": noticed - at if at is not None and noticed is not None else None,
                }
            )
    return sorted(rows, key=lambda row: row["found_ms"] if row["reference_ms"] is None else row["reference_ms"])


def _pairs(real: npt.NDArray[np.int64], found: npt.NDArray[np.int64], tolerance_ms: int) -> list[tuple[int, int]]:
    """The most pairs within the tolerance, and among those the ones with the least error."""
    from scipy.optimize import linear_sum_assignment

    if not len(real) or not len(found):
        return []
    away = np.abs(real[:, None] - found[None, :])
    # A pair that is one too few costs more than all errors together can.
    none = (tolerance_ms + 1) * (min(away.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(away <= tolerance_ms, away, none))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if away[i, j] <= tolerance_ms]


SWITCH_POOLING = Pooling(
    result=LANGUAGE_SWITCH_SUMMARY,
    counts=("hits", "misses", "false_alarms"),
    rates=(
        Rate("precision", "hits", ("hits", "false_alarms")),
        Rate("recall", "hits", ("hits", "misses")),
        Rate("f1", ("hits", "hits"), ("hits", "hits", "misses", "false_alarms")),
    ),
    check=_checked,
    more=_more,
    has_intervals=False,
)
