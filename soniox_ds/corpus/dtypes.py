"""Exact conversion of pandas columns of any dtype to Arrow and back.

Conventions: the facts that Arrow's types do not hold are described beside the column: the name of the pandas dtype and,
for categories, their values and order (in a sample of the column that keeps the whole dictionary). Missing values of
object columns come back as None, and sequences of any kind as lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from soniox_ds.exceptions import SchemaError
from soniox_ds.schema import RECORDINGS, Table, conform, frame_to_arrow

__all__ = [
    "Described",
    "concat_frames",
    "describe",
    "joined_dtypes",
    "restore",
    "stored_dtype",
    "to_arrow",
    "with_dtypes",
]


class Described(msgspec.Struct, frozen=True):
    """The properties of a column that Arrow does not keep."""

    dtype: str
    """Name of the pandas dtype."""
    ordered: bool = False
    """True for ordered categories."""


def describe(column: pd.Series[Any]) -> Described:
    """Describe the dtype of a column.

    >>> describe(pd.Series(["a"], dtype="category"))
    Described(dtype='category', ordered=False)
    """
    dtype = column.dtype
    return Described(str(dtype), bool(dtype.ordered) if isinstance(dtype, pd.CategoricalDtype) else False)


def to_arrow(recordings: pd.DataFrame) -> tuple[pa.Table, dict[str, Described]]:
    """Return the recordings table with its metadata columns in Arrow, and a description of every column.

    Raises SchemaError for a column that Arrow cannot hold, such as a column of mixed numbers and strings.
    """
    table = frame_to_arrow(recordings, RECORDINGS)
    described = {name: describe(recordings[name]) for name in RECORDINGS}
    for name in recordings.columns:
        if name not in RECORDINGS:
            described[name] = describe(recordings[name])
            table = table.append_column(name, _column(recordings[name], name))
    return table, {name: described[name] for name in recordings.columns}


def restore(column: pa.ChunkedArray, described: Described, sample: pa.ChunkedArray) -> Any:
    """Return the pandas column that `to_arrow` converted; `sample` is a slice of its Arrow column before the write."""
    name = described.dtype
    if name == "category":
        if pa.types.is_timestamp(column.type) or pa.types.is_dictionary(column.type):
            column = column.cast(sample.chunk(0).type.value_type)
        return pd.Categorical(column.to_pandas(), dtype=stored_dtype(described, sample))
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if name == "object":
        values = np.empty(len(column), object)
        values[:] = column.to_pylist()
        return pd.Series(values, dtype=object)  # pandas would take a plain array for strings.
    restored = stored_dtype(described, sample)
    if hasattr(restored, "__from_arrow__"):
        return restored.__from_arrow__(column)
    return column.to_pandas().astype(restored).array


def _column(column: pd.Series[Any], name: str) -> pa.Array:
    try:
        array = pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        kinds = sorted({type(value).__name__ for value in column.dropna()})
        raise SchemaError(
            f"metadata column {name!r} (dtype {column.dtype}, values of type {', '.join(kinds)}) "
            f"cannot be written: {error}. "
            f"Give it one type, for example recordings[{name!r}].astype('string'), or drop it."
        ) from error
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def concat_frames(frames: list[pd.DataFrame], table: Table) -> pd.DataFrame:
    """Put tables below each other. Tables without rows do not affect the columns and dtypes of the result."""
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    dtypes = joined_dtypes([dict(frame.dtypes) for frame in filled])
    aligned = [with_dtypes(frame, dtypes) for frame in filled]
    columns = {name: pd.concat([frame[name] for frame in aligned], ignore_index=True) for name in dtypes}
    return conform(pd.DataFrame(columns), table)


def joined_dtypes(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the columns and dtypes of tables that are put below each other; each of `tables` has a dtype by column.

    A column that is absent from a table, and so has missing values, gets a dtype that allows them. A column with
    different dtypes becomes a column of objects.

    >>> joined_dtypes([{"n": np.dtype("int64")}, {"text": pd.StringDtype()}])["n"]
    Int64Dtype()
    """
    joined: dict[str, Any] = {}
    for name in dict.fromkeys(name for table in tables for name in table):
        dtypes = [table[name] for table in tables if name in table]
        if len({str(dtype) for dtype in dtypes}) > 1:
            joined[name] = np.dtype(object)
        elif any(dtype != dtypes[0] for dtype in dtypes):  # These are categories with different values.
            joined[name] = pd.concat([pd.Series([None], dtype=dtype) for dtype in dtypes], ignore_index=True).dtype
        else:
            joined[name] = dtypes[0] if len(dtypes) == len(tables) else pd.api.types.pandas_dtype(_nullable(dtypes[0]))
    return joined


def with_dtypes(frame: pd.DataFrame, dtypes: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table with these columns and dtypes, in this order. Absent columns are filled with missing values."""
    columns: dict[str, Any] = {}
    for name, dtype in dtypes.items():
        column = frame[name] if name in frame else pd.Series([None] * len(frame), index=frame.index, dtype=object)
        columns[name] = column if column.dtype == dtype else column.astype(dtype)
    return pd.DataFrame(columns, index=frame.index)


def stored_dtype(described: Described, sample: pa.ChunkedArray) -> Any:
    """Return the pandas dtype of a column that `to_arrow` converted; `sample` is a slice of its Arrow column."""
    if described.dtype == "category":
        return pd.CategoricalDtype(pd.Index(sample.chunk(0).dictionary.to_pandas()), ordered=described.ordered)
    return pd.api.types.pandas_dtype(described.dtype)


def _nullable(dtype: Any) -> Any:
    """Return the dtype that holds the same values and missing values as well."""
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_integer_dtype(dtype) and isinstance(dtype, np.dtype):
        return {"i": "Int", "u": "UInt"}[dtype.kind] + str(dtype.itemsize * 8)
    return dtype
