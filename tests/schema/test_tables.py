"""Tables are registered where they are defined, and other tables can be given their columns."""

from __future__ import annotations

import pandas as pd
import pytest

from soniox_ds import schema
from soniox_ds.schema import TABLES, TOKENS, Table, conform

CONSTANTS = [name for name in schema.__all__ if isinstance(getattr(schema, name), Table)]


def test_every_table_is_exported_once():
    assert len(CONSTANTS) == len(set(CONSTANTS)) == len(TABLES)


@pytest.mark.parametrize("constant", CONSTANTS)
def test_the_constant_and_the_table_have_one_name(constant):
    table = getattr(schema, constant)
    assert TABLES[table.name] is table
    assert table.about.startswith("`")
    assert constant == table.name.upper()


def test_a_conformed_table_has_the_documented_dtypes_and_shares_no_values():
    """Columns that have their dtype already are not converted, but they are copied."""
    given = pd.DataFrame(
        {
            "more": [7],
            "text": pd.array(["a"], "string"),
            "audio_id": pd.array(["x"], pd.StringDtype(na_value=float("nan"))),
            "start_ms": [1.0],
            "end_ms": pd.array([2], TOKENS["end_ms"].dtype),
        }
    )
    before = given.copy()
    result = conform(given, TOKENS)
    assert list(result) == [*TOKENS, "more"]
    assert result[list(TOKENS)].dtypes.map(str).to_dict() == {name: column.dtype for name, column in TOKENS.items()}
    assert isinstance(result.dtypes["audio_id"], pd.StringDtype)
    assert result.dtypes["audio_id"].na_value is pd.NA
    assert result.loc[0, ["audio_id", "text", "start_ms", "end_ms", "more"]].tolist() == ["x", "a", 1, 2, 7]
    result.loc[0, ["text", "end_ms", "more"]] = ["b", 3, 8]
    pd.testing.assert_frame_equal(given, before)
