"""pandas columns of any dtype into Arrow and back, equal to the bit.

Conventions: what Arrow's own types do not say is described beside the column: the name of the pandas dtype and, for
categories, what they are and their order (in a sample of the column that keeps its dictionary whole). Missing values of
object columns come back as None, sequences of whatever kind as lists.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from soniox_ds.exceptions import SchemaError
from soniox_ds.schema import RECORDINGS, Table, conform, frame_to_arrow

__all__ = ["Described", "describe", "restore", "stacked", "to_arrow"]


class Described(msgspec.Struct, frozen=True):
    """What Arrow does not say of a column."""

    dtype: str
    """The pandas dtype's name."""
    ordered: bool = False
    """For categories: whether their order means something."""


def describe(column: pd.Series[Any]) -> Described:
    """Describe a column.

    >>> describe(pd.Series(["a"], dtype="category"))
    Described(dtype='category', ordered=False)
    """
    dtype = column.dtype
    return Described(str(dtype), bool(dtype.ordered) if isinstance(dtype, pd.CategoricalDtype) else False)


def to_arrow(recordings: pd.DataFrame) -> tuple[pa.Table, dict[str, Described]]:
    """The recordings table with its metadata columns in Arrow, and a description of every column.

    Raises SchemaError for a column that Arrow cannot hold, such as one of numbers and strings mixed.
    """
    table = frame_to_arrow(recordings, RECORDINGS)
    described = {name: describe(recordings[name]) for name in RECORDINGS}
    for name in recordings.columns:
        if name not in RECORDINGS:
            described[name] = describe(recordings[name])
            table = table.append_column(name, _column(recordings[name], name))
    return table, {name: described[name] for name in recordings.columns}


def restore(column: pa.ChunkedArray, described: Described, sample: pa.ChunkedArray) -> Any:
    """The pandas column that `to_arrow` was given; `sample` is a slice of its Arrow column before it was written."""
    name = described.dtype
    if name == "category":
        chunk = sample.chunk(0)
        values = chunk.dictionary.to_pandas()
        if pa.types.is_timestamp(column.type) or pa.types.is_dictionary(column.type):
            column = column.cast(chunk.type.value_type)
        dtype = pd.CategoricalDtype(pd.Index(values), ordered=described.ordered)
        return pd.Categorical(column.to_pandas(), dtype=dtype)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if name == "object":
        values = np.empty(len(column), object)
        values[:] = column.to_pylist()
        return pd.Series(values, dtype=object)  # an array of its own would be taken for strings
    restored: Any = pd.api.types.pandas_dtype(name)
    if hasattr(restored, "__from_arrow__"):
        return restored.__from_arrow__(column)
    return column.to_pandas().astype(restored).array


def _column(column: pd.Series[Any], name: str) -> pa.Array:
    try:
        found = pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        kinds = sorted({type(value).__name__ for value in column.dropna()})
        raise SchemaError(
            f"metadata column {name!r} (dtype {column.dtype}, values of type {', '.join(kinds)}) "
            f"cannot be written: {error}. "
            f"Give it one type, for example recordings[{name!r}].astype('string'), or drop it."
        ) from error
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def stacked(frames: list[pd.DataFrame], table: Table) -> pd.DataFrame:
    """Tables below each other. Columns that a table without rows lacks or has in another dtype do not count."""
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    names = dict.fromkeys(name for frame in filled for name in frame.columns)
    columns: dict[str, Any] = {}
    for name in names:
        pieces = [
            frame[name] if name in frame else pd.Series([None] * len(frame), index=frame.index, dtype=object)
            for frame in filled
        ]
        dtypes = {str(frame[name].dtype) for frame in filled if name in frame}
        dtype = next(frame[name].dtype for frame in filled if name in frame)
        if len(dtypes) == 1 and all(name in frame for frame in filled):
            columns[name] = pd.concat(pieces, ignore_index=True)
        elif len(dtypes) == 1:
            columns[name] = pd.concat([piece.astype(_nullable(dtype)) for piece in pieces], ignore_index=True)
        else:
            columns[name] = pd.concat([piece.astype(object) for piece in pieces], ignore_index=True)
    return conform(pd.DataFrame(columns), table)


def _nullable(dtype: Any) -> Any:
    """The dtype that holds the same values and missing ones too."""
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_integer_dtype(dtype) and isinstance(dtype, np.dtype):
        return {"i": "Int", "u": "UInt"}[dtype.kind] + str(dtype.itemsize * 8)
    return dtype
