"""Reductions over runs of neighbouring rows, for tables of a million rows and more.

Conventions: `starts` are the positions at which the runs begin, ascending and from 0, so that every row lies in exactly
one run; no run is empty. Codes are those of a factorised column: -1 is NA.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import SchemaError
from soniox_ds.schema import IN_SECONDS, as_ids

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Codes",
    "Ints",
    "Numbers",
    "at",
    "changes",
    "codes_of",
    "first_value",
    "join",
    "last_value",
    "lexical_order",
    "masked",
    "mean",
    "minimum",
    "numbers_of",
    "only_code",
    "run_ids",
    "take_labels",
]

Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
_PLAIN = {"Int16": np.int16, "Int32": np.int32, "Float32": np.float32, "boolean": np.bool_}


class Codes(NamedTuple):
    """A column of labels: a code for each row (-1 is NA) and the label of each code, in the order of appearance."""

    codes: Ints
    labels: Any


class Numbers(NamedTuple):
    """A column of numbers: the values (0 where missing) and a mask of the known values."""

    values: npt.NDArray[Any]
    known: Bools


def codes_of(table: pd.DataFrame, name: str, *, required: bool = False) -> Codes:
    """Factorise a string column (ids by `as_ids`); an absent column is all NA.

    Raises SchemaError if a required value is NA.
    """
    if name not in table:
        return Codes(np.full(len(table), -1, np.intp), pd.array([], dtype="string"))
    labels_or_ids = table[name]
    column: Any = (as_ids(labels_or_ids, "the table") if name == "audio_id" else labels_or_ids.astype("string")).array
    codes, labels = pd.factorize(column)
    if required and (codes < 0).any():
        raise SchemaError(f"{name} is NA in {int((codes < 0).sum())} of {len(table)} rows; every row needs one.")
    return Codes(codes.astype(np.intp, copy=False), labels)


def numbers_of(table: pd.DataFrame, name: str, dtype: str) -> Numbers:
    """Read a number column of the (nullable) `dtype`; an absent column is all NA."""
    plain = _PLAIN[dtype]
    if name not in table:
        return Numbers(np.zeros(len(table), plain), np.zeros(len(table), np.bool_))
    values: Any = table[name]
    try:
        column = values.astype(dtype).array
    except (TypeError, ValueError) as error:
        seconds = f". Times are whole milliseconds. {IN_SECONDS}" if name.endswith("_ms") else ""
        raise SchemaError(
            f"{name} must contain {dtype} values, found dtype {values.dtype}: {error}{seconds}"
        ) from error
    return Numbers(column.to_numpy(dtype=plain, na_value=0), ~np.asarray(column.isna()))


def take_labels(column: Codes, rows: Ints) -> Any:
    """Return the labels at `rows` as a string array."""
    return pd.array(column.labels, dtype="string").take(column.codes[rows], allow_fill=True)


def at(column: Numbers, rows: Ints) -> Numbers:
    """Return the numbers at `rows`."""
    return Numbers(column.values[rows], column.known[rows])


def masked(column: Numbers, dtype: Any) -> Any:
    """Return a nullable array of `dtype`, NA where the number is not known."""
    plain: Any = column.values.astype(_PLAIN[dtype])
    values = pd.array(plain, dtype=dtype)
    values[~column.known] = pd.NA
    return values


def changes(values: npt.NDArray[Any]) -> Bools:
    """Return True where a value differs from the one before it, and for the first value.

    >>> changes(np.array([1, 1, 2, 2, 1])).tolist()
    [True, False, True, False, True]
    """
    new = np.ones(len(values), np.bool_)
    new[1:] = values[1:] != values[:-1]
    return new


def lexical_order(first: Ints, second: npt.NDArray[Any]) -> Ints:
    """Return a stable order by two keys; rows that are already in order, the usual case, are not sorted."""
    step, inner = np.diff(first), np.diff(second)
    if bool(((step > 0) | ((step == 0) & (inner >= 0))).all()):
        return np.arange(len(first))
    return np.lexsort((second, first))


def run_ids(starts: Ints, count: int) -> Ints:
    """Return the number of the run of each of `count` rows."""
    marks = np.zeros(count, np.intp)
    marks[starts[1:]] = 1
    return np.cumsum(marks)


def join(values: pa.Array, starts: Ints) -> Any:
    """Concatenate the strings of each run.

    >>> import pyarrow as pa
    >>> list(join(pa.array(["Beau", "ti", "ful", "day"]), np.array([0, 3])))
    ['Beautiful', 'day']
    """
    import pyarrow as pa

    # Arrow stores the strings of an array end to end in one buffer; the strings of a run are joined by dropping the
    # offsets between them.
    whole = pa.concat_arrays([values.cast(pa.large_string())])
    _, borders, data = whole.buffers()
    offsets = (
        np.frombuffer(borders, np.int64)[whole.offset : whole.offset + len(whole) + 1]
        if borders
        else np.zeros(1, np.int64)
    )
    kept = pa.py_buffer(np.ascontiguousarray(offsets[np.append(starts, len(whole))]))
    joined = pa.LargeStringArray.from_buffers(len(starts), kept, data or pa.py_buffer(b""))
    dtype: Any = pd.StringDtype()
    return dtype.__from_arrow__(joined)


def minimum(column: Numbers, starts: Ints, counted: Bools) -> Numbers:
    """Return the lowest of the counted and known values of each run."""
    if not len(starts):
        return Numbers(column.values[:0], column.known[:0])
    use = counted & column.known
    lowest = np.minimum.reduceat(np.where(use, column.values, np.inf), starts)
    known = np.isfinite(lowest)
    return Numbers(np.where(known, lowest, 0), known)


def mean(column: Numbers, starts: Ints, counted: Bools) -> Numbers:
    """Return the mean of the counted and known values of each run, summed in double precision."""
    if not len(starts):
        return Numbers(column.values[:0], column.known[:0])
    use = counted & column.known
    totals = np.add.reduceat(np.where(use, column.values, 0).astype(np.float64), starts)
    counts = np.add.reduceat(use.astype(np.int64), starts)
    return Numbers(totals / np.maximum(counts, 1), counts > 0)


def first_value(column: Numbers, starts: Ints) -> Numbers:
    """Return the first known value of each run."""
    if not len(starts):
        return Numbers(column.values[:0], column.known[:0])
    count = len(column.values)
    rows = np.minimum.reduceat(np.where(column.known, np.arange(count), count), starts)
    known = rows < count
    return Numbers(np.where(known, column.values[np.minimum(rows, count - 1)], 0), known)


def last_value(column: Numbers, starts: Ints) -> Numbers:
    """Return the last known value of each run."""
    if not len(starts):
        return Numbers(column.values[:0], column.known[:0])
    rows = np.maximum.reduceat(np.where(column.known, np.arange(len(column.values)), -1), starts)
    known = rows >= 0
    return Numbers(np.where(known, column.values[np.maximum(rows, 0)], 0), known)


def only_code(column: Codes, starts: Ints) -> Codes:
    """Return the code of each run if all its rows agree; NA otherwise."""
    if not len(starts):
        return Codes(column.codes[:0], column.labels)
    lowest = np.minimum.reduceat(column.codes, starts)
    return Codes(np.where(lowest == np.maximum.reduceat(column.codes, starts), lowest, -1), column.labels)
