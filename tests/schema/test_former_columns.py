"""Columns that were renamed: tables of an earlier version are read, or refused with the call that renames them."""

from __future__ import annotations

import matplotlib as mpl
import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.exceptions import SchemaError
from soniox_ds.schema import TABLES
from soniox_ds.schema.columns import FORMER_COLUMNS

mpl.use("agg")


def test_no_table_has_a_former_column():
    columns = {name for table in TABLES.values() for name in table}
    assert set(FORMER_COLUMNS) <= columns
    assert not columns & set(FORMER_COLUMNS.values())


def test_a_table_with_a_former_column_is_refused_with_the_call_that_renames_it():
    lags = pd.DataFrame(
        {
            "audio_id": "a.wav",
            "token_index": [0, 1],
            "end_ms": [300, 900],
            "spoken_ms": [300, 900],
            "received_ms": [500, 1400],
            "final_ms": [800, 1900],
        }
    )
    with pytest.raises(SchemaError) as refusal:
        sx.plot.token_arrival(lags)
    advice = "call .rename(columns={'spoken_ms': 'end_sent_ms'})"
    assert advice in str(refusal.value)
    sx.plot.token_arrival(lags.rename(columns={"spoken_ms": "end_sent_ms"}))


def test_switches_of_an_earlier_version_are_summarised():
    switches = pd.DataFrame(
        {
            "audio_id": ["a", "a", "b"],
            "status": "scored",
            "outcome": ["hit", "miss", "false_alarm"],
            "reference_ms": [1000, 2000, None],
            "found_ms": [1100, None, 500],
            "error_ms": [100, None, None],
        }
    )
    row = sx.summarize(switches).iloc[0]
    assert (row["hypothesis_switches"], row["precision"], row["recall"]) == (2, 0.5, 0.5)
