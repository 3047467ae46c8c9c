"""Tables are registered where they are defined."""

from __future__ import annotations

import pytest

from soniox_ds import schema
from soniox_ds.schema import TABLES, Table

CONSTANTS = [name for name in schema.__all__ if isinstance(getattr(schema, name), Table)]


def test_every_table_is_exported_once():
    assert len(CONSTANTS) == len(set(CONSTANTS)) == len(TABLES)


@pytest.mark.parametrize("constant", CONSTANTS)
def test_the_constant_and_the_table_have_one_name(constant):
    table = getattr(schema, constant)
    assert TABLES[table.name] is table
    assert table.about.startswith("`")
    assert constant == table.name.upper()
