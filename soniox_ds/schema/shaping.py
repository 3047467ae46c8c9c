"""What is done with any table: ask for its columns, shape it, move it to and from Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pandas as pd

from soniox_ds.errors import SchemaError
from soniox_ds.schema.columns import Column, Table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["arrow_schema", "conform", "empty", "frame_from_arrow", "frame_to_arrow", "need"]


def need(table: pd.DataFrame, *columns: str) -> None:
    """Raise SchemaError unless every column is there.

    >>> need(pd.DataFrame({"text": ["a"]}), "text", "start_ms")
    Traceback (most recent call last):
    ...
    soniox_ds.errors.SchemaError: the table lacks ['start_ms']; it has ['text']. Which ...
    """
    if missing := [name for name in columns if name not in table]:
        raise SchemaError(
            f"the table lacks {missing}; it has {list(table.columns)}. "
            "Which table each function takes is in docs/tables.md."
        )


def empty(table: Table) -> pd.DataFrame:
    """A table without rows that has every column of `table` in its dtype."""
    return pd.DataFrame({name: pd.Series(dtype=column.dtype) for name, column in table.items()})


def conform(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return `frame` with the columns of `table` first, in order and dtype, absent ones NA.

    Other columns follow untouched.
    """
    known = {
        name: frame[name].astype(cast(Any, column.dtype))
        if name in frame
        else pd.Series(pd.NA, index=frame.index, dtype=column.dtype)
        for name, column in table.items()
    }
    others = {name: frame[name] for name in frame.columns if name not in table}
    return pd.DataFrame({**known, **others}, index=frame.index)


def arrow_schema(table: Table) -> pa.Schema:
    """The same table in Arrow; columns that repeat are dictionary-encoded."""
    import pyarrow as pa

    plain: dict[str, Any] = {
        "string": pa.string(),
        "Int32": pa.int32(),
        "Int64": pa.int64(),
        "Float32": pa.float32(),
        "Float64": pa.float64(),
        "boolean": pa.bool_(),
        "datetime64[ms, UTC]": pa.timestamp("ms", tz="UTC"),
    }

    def kind(column: Column) -> pa.DataType:
        arrow = plain[column.dtype]
        return pa.dictionary(pa.int32(), arrow) if column.repeats else arrow

    return pa.schema([pa.field(name, kind(column)) for name, column in table.items()])


def frame_from_arrow(arrow: pa.Table, table: Table) -> pd.DataFrame:
    """The columns of `table` out of Arrow, in the order and the dtypes of `table`; absent ones are NA.

    >>> frame_from_arrow(arrow_schema(TURNS).empty_table(), TURNS).dtypes["speaker"]
    <StringDtype(na_value=<NA>)>
    """
    import pyarrow as pa

    targets = arrow_schema(table)

    def one(name: str, column: Column) -> Any:
        if name not in arrow.column_names:
            return pd.Series(pd.NA, index=range(arrow.num_rows), dtype=column.dtype).array
        kind = targets.field(name).type
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        values = arrow[name].cast(plain)
        dtype: Any = pd.api.types.pandas_dtype(column.dtype)
        if hasattr(dtype, "__from_arrow__"):
            return dtype.__from_arrow__(values)
        return values.to_pandas().astype(dtype)

    return pd.DataFrame({name: one(name, column) for name, column in table.items()}, copy=False)


def frame_to_arrow(frame: pd.DataFrame, table: Table) -> pa.Table:
    """The columns of `table` in Arrow, as `arrow_schema` has them; other columns are left out."""
    import pyarrow as pa

    own = conform(frame, table)[list(table)]
    return pa.Table.from_pandas(own, schema=arrow_schema(table), preserve_index=False).replace_schema_metadata(None)
