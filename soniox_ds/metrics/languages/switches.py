"""Language switches: found, missed and falsely found.

Conventions: a switch is an instant at which the language of a word differs from that of the labelled word before it
in the same recording; it has a language before and a language after. Silence has no language. Times are whole
milliseconds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.languages.errors import states_of
from soniox_ds.metrics.languages.references import References, checked_references, spoken_words
from soniox_ds.metrics.stats.pool import Pooling, Rate
from soniox_ds.schema import LANGUAGE_SWITCH_SUMMARY, LANGUAGE_SWITCHES, conform, empty
from soniox_ds.schema.arguments import checked_ms
from soniox_ds.schema.by_part import by_part
from soniox_ds.schema.inputs import Transcripts

__all__ = ["SWITCH_POOLING", "language_switches"]


@by_part(references=["references"], in_order_of_references=True)
def language_switches(transcripts: Transcripts, references: Any = None, *, tolerance_ms: int = 1000) -> pd.DataFrame:
    """Match the identified switches of language with those of the reference: hits, misses and false alarms.

    Parameters
    ----------
    transcripts
        A Corpus, ``schema.TOKENS`` or ``schema.WORDS``, transcribed with language identification.
    references
        A table of segments (`audio_id`, `start_ms`, `end_ms`, `language`); or None if the words have a column
        `reference_language`. A reference of whole recordings has no switches and is refused.
    tolerance_ms
        Greatest distance in ms between an identified switch and the reference switch between the same languages.

    Returns
    -------
    DataFrame
        ``schema.LANGUAGE_SWITCHES``: recordings in the order of the references, switches in the order of time. Each
        switch is matched with at most one of the other side; as many as possible are hits, and of the ways to reach
        that number the one with the least error in time is used. A recording that failed or is missing has one row
        without an outcome: its switches are not missed, and count in no rate. A recording without switches has no rows.

    Raises
    ------
    SchemaError
        If a column is absent, a row occurs twice, a language is not a two-letter code, or a time is impossible or has a
        fraction.
    InputError
        If no word has a language, the references are for whole recordings or belong to other recordings, or
        `tolerance_ms` is not a whole number of 0 or more.

    Warns
    -----
    UserWarning
        If some references belong to recordings that are absent.

    Notes
    -----
    A reference switch is at the start of the first segment (or word) in the new language; an identified switch is at
    the start of the first word with the new label. Words without a label neither create nor hide a switch.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> words = pd.DataFrame({
    ...     "audio_id": "a.wav", "word_index": range(4), "text": ["so", "ja", "das", "yes"],
    ...     "start_ms": [0, 500, 900, 2000], "end_ms": [400, 800, 1400, 2500], "language": ["en", "en", "de", "en"],
    ... })
    >>> spoken = pd.DataFrame({
    ...     "audio_id": "a.wav", "start_ms": [0, 450], "end_ms": [450, 1500], "language": ["en", "de"],
    ... })
    >>> sx.metrics.language_switches(words, spoken)[["outcome", "from_language", "to_language", "error_ms"]]
           outcome from_language to_language  error_ms
    0          hit            en          de       450
    1  false_alarm            de          en      <NA>
    """
    checked_ms(tolerance_ms, "tolerance_ms")
    words = spoken_words(transcripts, "language_switches")
    reference = checked_references(references, transcripts, words)
    if reference.whole is not None:
        raise InputError(
            "references with one language for each recording have no switches; give a table of stretches with "
            "start_ms and end_ms."
        )
    reference_switches = _reference_switches(words, reference)
    hypothesis_switches = _switches(words, "language")
    recordings = reference.recordings if reference.recordings is not None else words["audio_id"].unique().tolist()
    by_reference, by_found = (
        dict(iter(reference_switches.groupby("audio_id"))),
        dict(iter(hypothesis_switches.groupby("audio_id"))),
    )
    rows: list[dict[str, Any]] = []
    for name, state in zip(recordings, states_of(transcripts, words, recordings), strict=True):
        if state != "scored":
            rows.append({"audio_id": name, "status": state})
            continue
        matched = _matched(
            name,
            by_reference.get(name, reference_switches.iloc[:0]),
            by_found.get(name, hypothesis_switches.iloc[:0]),
            tolerance_ms,
        )
        rows += [{"status": state, **row} for row in matched]
    return conform(pd.DataFrame(rows), LANGUAGE_SWITCHES) if rows else empty(LANGUAGE_SWITCHES)


def _with_outcomes(switches: pd.DataFrame) -> pd.DataFrame:
    """Add a column of 0 and 1 for each outcome."""
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
        "hypothesis_switches": int(scored["hits"].sum() + scored["false_alarms"].sum()),
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
    """Return `audio_id`, `from_language`, `to_language` and `time_ms` of the switches in rows in spoken order."""
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


def _matched(name: str, reference: pd.DataFrame, hypothesis: pd.DataFrame, tolerance_ms: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    kinds = ["from_language", "to_language"]
    by_reference, by_found = dict(iter(reference.groupby(kinds))), dict(iter(hypothesis.groupby(kinds)))
    for kind in dict.fromkeys([*by_reference, *by_found]):
        reference_ms = (
            by_reference[kind]["time_ms"].to_numpy(np.int64) if kind in by_reference else np.zeros(0, np.int64)
        )
        hypothesis_ms = by_found[kind]["time_ms"].to_numpy(np.int64) if kind in by_found else np.zeros(0, np.int64)
        pairs = _pairs(reference_ms, hypothesis_ms, tolerance_ms)
        outcomes: list[tuple[str, int | None, int | None]] = [
            ("hit", int(reference_ms[i]), int(hypothesis_ms[j])) for i, j in pairs
        ]
        outcomes += [
            ("miss", int(reference_ms[i]), None) for i in sorted(set(range(len(reference_ms))) - {i for i, _ in pairs})
        ]
        outcomes += [
            ("false_alarm", None, int(hypothesis_ms[j]))
            for j in sorted(set(range(len(hypothesis_ms))) - {j for _, j in pairs})
        ]
        for outcome, at, noticed in outcomes:
            rows.append(
                {
                    "audio_id": name,
                    "outcome": outcome,
                    **dict(zip(kinds, kind, strict=True)),
                    "reference_ms": at,
                    "hypothesis_ms": noticed,
                    "error_ms": noticed - at if at is not None and noticed is not None else None,
                }
            )
    return sorted(rows, key=lambda row: row["hypothesis_ms"] if row["reference_ms"] is None else row["reference_ms"])


def _pairs(
    reference: npt.NDArray[np.int64], hypothesis: npt.NDArray[np.int64], tolerance_ms: int
) -> list[tuple[int, int]]:
    """Return as many pairs within the tolerance as possible, chosen so that the sum of their errors is least."""
    from scipy.optimize import linear_sum_assignment

    if not len(reference) or not len(hypothesis):
        return []
    away = np.abs(reference[:, None] - hypothesis[None, :])
    # A missing pair costs more than all errors together can.
    no_pair = (tolerance_ms + 1) * (min(away.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(away <= tolerance_ms, away, no_pair))
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if away[i, j] <= tolerance_ms]


SWITCH_POOLING = Pooling(
    result=LANGUAGE_SWITCH_SUMMARY,
    counts=("hits", "misses", "false_alarms"),
    rates=(
        Rate("precision", "hits", ("hits", "false_alarms"), "share", "identified switches"),
        Rate("recall", "hits", ("hits", "misses"), "share", "reference switches"),
        Rate("f1", ("hits", "hits"), ("hits", "hits", "misses", "false_alarms"), "share", "switches"),
    ),
    required=("audio_id", "outcome", "error_ms"),
    keys=("audio_id", "outcome", "reference_ms", "hypothesis_ms"),
    prepare=_with_outcomes,
    more=_more,
    name="switches",
)
