"""Validation of tables, and conversion to and from Arrow."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._arguments import did_you_mean, is_number
from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.schema.columns import FORMER_COLUMNS, Column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "IN_SECONDS",
    "arrow_schema",
    "as_ids",
    "ask_about_seconds",
    "conform",
    "empty",
    "frame_from_arrow",
    "frame_to_arrow",
    "need",
    "need_confidences",
    "need_milliseconds",
    "no_duplicates",
    "with_ids",
    "with_named_levels",
]

IN_SECONDS = "Are these seconds? Multiply by 1000."
"""Question in messages about times that look like seconds."""

_RESIDUE = 1e-3  # ms: rounding errors of seconds that are multiplied by 1000 are smaller
_SHORTEST_MS = 10  # the median length of words or turns is never shorter
_SHOWN = 3
_FEW_ROWS = 3  # fewer rows say nothing about the unit
_EXACT = 2**53  # larger floats do not represent every whole number


def ask_about_seconds(description: str) -> None:
    """Warn that times look like seconds, although they are read as milliseconds.

    Short words and turns suggest seconds but may be right. Fractions of a millisecond cannot be right, and are refused
    by `need_milliseconds`.

    Parameters
    ----------
    description
        A sentence that describes the times.

    Warns
    -----
    UserWarning
        Always, with the line of the caller.
    """
    warn_caller(f"{description} {IN_SECONDS} The values were read as milliseconds.", UserWarning)


def need(table: pd.DataFrame, *columns: str, name: str | None = None) -> None:
    """Raise an exception unless `table` is a DataFrame that has all of `columns`.

    `name` is the name of the table for the message.

    Raises
    ------
    SchemaError
        If a column is missing or occurs more than once.
    InputError
        If `table` is not a DataFrame.

    Examples
    --------
    >>> need(pd.DataFrame({"text": ["a"]}), "text", "start_ms", name="words")
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.SchemaError: words: the table lacks ['start_ms']; it has ['text']. docs/reference/tables.md ...
    """
    prefix = f"{name}: " if name else ""
    value: object = table
    if not isinstance(value, pd.DataFrame):
        of_corpus = "; a corpus has its tables in .tokens, .recordings and .words()" if hasattr(value, "tokens") else ""
        raise InputError(f"{prefix}a table (DataFrame) is needed here, found {type(value).__name__}{of_corpus}.")
    duplicated = () if table.columns.is_unique else set(table.columns[table.columns.duplicated()])
    if repeated := [column for column in columns if column in duplicated]:
        raise SchemaError(
            f"{prefix}the column {repeated[0]!r} occurs more than once; the columns of the table are "
            f"{list(table.columns)}. Drop or rename one of them."
        )
    if missing := [column for column in columns if column not in table]:
        levels = [name for name in table.index.names if name in missing]
        advice = f"{levels} {'is' if len(levels) == 1 else 'are'} in its index: call .reset_index(). " if levels else ""
        former = {FORMER_COLUMNS[name]: name for name in missing if FORMER_COLUMNS.get(name) in table}
        advice += f"An earlier version wrote it: call .rename(columns={former}). " if former else ""
        hint = did_you_mean(missing[0], table.columns)
        raise SchemaError(
            f"{prefix}the table lacks {missing}; it has {list(table.columns)}.{hint} {advice}"
            "docs/reference/tables.md says which table each function takes."
        )


def with_named_levels(table: pd.DataFrame, label: str) -> pd.DataFrame:
    """Return the table with the named levels of its index as columns, and with a new index.

    Levels without a name are left out. If such a level contains strings that are in no column, they may be ids, and a
    warning says how to keep them.

    Warns
    -----
    UserWarning
        If a level without a name contains strings that are in no column, or if a level differs from the column of the
        same name. The level is left out.

    Examples
    --------
    >>> with_named_levels(pd.DataFrame({"n": [1]}, index=pd.Index(["a.wav"], name="audio_id")), "sources")
      audio_id  n
    0    a.wav  1
    """
    if isinstance(table.index, pd.RangeIndex) and table.index.name is None:
        return table
    frame = table.reset_index(drop=True)
    for number, name in reversed(list(enumerate(table.index.names))):
        level = table.index.get_level_values(number)
        values = pd.Series(level, index=frame.index, name=name)
        if name is None:
            texts = pd.api.types.infer_dtype(level, skipna=True) == "string"
            if texts and not any(_equal_texts(values, frame.iloc[:, column]) for column in range(frame.shape[1])):
                first = values.dropna().iloc[0]
                warn_caller(
                    f"{label}: the index ({first!r} and so on) has no name and is left out. If it contains the ids, "
                    "pass the table as table.rename_axis('audio_id').reset_index().",
                    UserWarning,
                )
        elif name not in frame:
            frame.insert(0, name, values)
        elif isinstance(frame[name], pd.DataFrame) or not _equal_texts(values, frame[name]):
            warn_caller(
                f"{label}: the level {name!r} of the index differs from the column {name!r} and is left out; rename "
                "one of them to keep both.",
                UserWarning,
            )
    return frame


def _equal_texts(first: pd.Series[Any], second: pd.Series[Any]) -> bool:
    return bool((first.astype("string").fillna("") == second.astype("string").fillna("")).all())


def as_ids(column: pd.Series[Any], label: str) -> pd.Series[Any]:
    """Return ids as strings. Whole numbers become their decimal digits, so that 1, 1.0 and "1" are the same id.

    Every function that takes an `audio_id` reads it in this way. NA stays NA.

    Raises
    ------
    SchemaError
        If an id is neither a text nor a whole number.

    Examples
    --------
    >>> as_ids(pd.Series([1, 2.0, "3", None], dtype=object), "words").tolist()
    ['1', '2', '3', <NA>]
    >>> as_ids(pd.Series([1.5]), "words")
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.SchemaError: words: an audio_id must be a text or a whole number, found 1.5. Convert ...
    """
    if isinstance(column.dtype, pd.StringDtype):
        return column.astype("string")
    codes, values = pd.factorize(column)
    ids = pd.array([_id(value, label) for value in values], dtype="string")
    return pd.Series(ids.take(codes, allow_fill=True), index=column.index, name=column.name)


def _id(value: Any, label: str) -> str:
    if isinstance(value, str):
        return value
    plain: Any = _plain(value)
    is_whole = isinstance(plain, float) and abs(plain) <= _EXACT and plain.is_integer()
    if is_whole or is_number(plain, whole=True):
        return str(int(plain))
    raise SchemaError(
        f"{label}: an audio_id must be a text or a whole number, found {_plain(value)!r}. Convert it to text when you "
        "read the table: pd.read_csv(path, dtype={'audio_id': str}), or table['audio_id'].astype(str)."
    )


def with_ids(table: pd.DataFrame, label: str) -> pd.DataFrame:
    """Return the table with its `audio_id` as strings, or unchanged if it has no such column or strings already.

    Examples
    --------
    >>> with_ids(pd.DataFrame({"audio_id": [7, 8]}), "words")["audio_id"].tolist()
    ['7', '8']
    """
    need(table, name=label)
    if "audio_id" not in table or isinstance(table["audio_id"].dtype, pd.StringDtype):
        return table
    return table.assign(audio_id=as_ids(table["audio_id"], label))


def need_milliseconds(table: pd.DataFrame, label: str, *columns: str, required: bool = True) -> pd.DataFrame:
    """Return the table with its times in whole milliseconds, which may be NA.

    Floats that are whole numbers (up to a thousandth, such as 1.001 * 1000) become Int64. A table of integers is
    returned unchanged.

    Parameters
    ----------
    table, label
        A table with times, and its name in messages.
    *columns
        Names of the columns to check; by default `start_ms` and `end_ms`.
    required
        If False, missing columns are skipped.

    Raises
    ------
    SchemaError
        If a column is missing, or contains other values than numbers, fractions or times below 0, or if a row ends
        before it starts.

    Warns
    -----
    UserWarning
        If there are three rows or more and half of them last less than 10 ms, as times in whole seconds do.

    Examples
    --------
    >>> need_milliseconds(pd.DataFrame({"start_ms": [0.0, 0.4], "end_ms": [0.3, 0.7]}), "words")
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.SchemaError: words: start_ms contains 0.4, but times must be whole milliseconds. Are ...
    """
    names = [name for name in columns or ("start_ms", "end_ms") if required or name in table]
    need(table, *names, name=label)
    times = {name: _milliseconds(table[name], name, label) for name in names}
    if {"start_ms", "end_ms"} <= set(times):
        _check_spans(table, label, times["start_ms"], times["end_ms"])
    fresh = {
        name: pd.arrays.IntegerArray(np.nan_to_num(np.round(values)).astype(np.int64), np.isnan(values))
        for name, values in times.items()
        if not pd.api.types.is_integer_dtype(table[name].dtype)
    }
    return table.assign(**fresh) if fresh else table


def _milliseconds(column: pd.Series[Any], name: str, label: str) -> npt.NDArray[np.float64]:
    """Return the times as floats, with NaN for NA."""
    try:
        values = np.asarray(column.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan), np.float64)
    except (TypeError, ValueError) as error:
        advice = "; durations become so by .dt.total_seconds() * 1000" if column.dtype.kind == "m" else ""
        raise SchemaError(f"{label}: {name} must contain milliseconds, found dtype {column.dtype}{advice}.") from error
    if np.isinf(values).any():
        raise SchemaError(
            f"{label}: {name} is infinite in {int(np.isinf(values).sum())} rows; use NA for an unknown time."
        )
    if (fractions := np.flatnonzero(np.abs(values - np.round(values)) > _RESIDUE)).size:
        raise SchemaError(
            f"{label}: {name} contains {values[fractions[0]]:g}, but times must be whole milliseconds. {IN_SECONDS} "
            "If they are milliseconds, round them."
        )
    if (early := np.flatnonzero(values < 0)).size:
        row = int(early[0])
        raise SchemaError(
            f"{label}: {name} is negative in {early.size} of {len(values)} rows, first {values[row]:g} in row {row}; "
            "times count from the start of the audio."
        )
    return values


def _check_spans(table: pd.DataFrame, label: str, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]) -> None:
    if (late := np.flatnonzero(end < start)).size:
        row = int(late[0])
        of = f" of {table['audio_id'].iloc[row]!r}" if "audio_id" in table else ""
        raise SchemaError(
            f"{label}: end_ms comes before start_ms in {late.size} of {len(table)} rows, first in row {row}{of} "
            f"({start[row]:g} to {end[row]:g}). Check whether the columns are swapped. If the second column is a "
            "duration, add the start to it."
        )
    known = ~np.isnan(start) & ~np.isnan(end)
    lengths = (end - start)[known]
    typical = float(np.median(lengths)) if len(lengths) >= _FEW_ROWS else np.inf
    # Some recognisers return words of zero length. Such rows are times in seconds only if they are implausibly dense.
    if typical >= _SHORTEST_MS:
        return
    if not typical:
        ends = pd.Series(end[known])
        last = ends.groupby(table["audio_id"][known].to_numpy()).max().sum() if "audio_id" in table else ends.max()
        if last >= _SHORTEST_MS * int(known.sum()):
            return
    ask_about_seconds(
        f"{label}: half of the {len(lengths)} rows last {typical:g} ms or less, and all end by {end[known].max():g} ms."
    )


def need_confidences(table: pd.DataFrame, label: str, *columns: str) -> pd.DataFrame:
    """Raise an exception unless the confidences of a table are numbers from 0 to 1 or NA. Return the table unchanged.

    Parameters
    ----------
    table, label
        A table that may contain confidences, and its name in messages.
    *columns
        Names of the columns to check; by default `confidence` and `confidence_mean`. Missing columns are skipped.

    Raises
    ------
    SchemaError
        If a confidence is not a number, or lies outside 0 to 1.

    Examples
    --------
    >>> need_confidences(pd.DataFrame({"confidence": [90, 85.5]}), "words")
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.SchemaError: words: confidence must lie between 0 and 1, found [90.0, 85.5] in rows [0, 1] ...
    """
    for name in columns or ("confidence", "confidence_mean"):
        if name not in table:
            continue
        column: Any = table[name]
        try:
            values = pd.to_numeric(column).astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as error:
            raise SchemaError(
                f"{label}: {name} must contain numbers from 0 to 1, found dtype {column.dtype}: {error}"
            ) from error
        outside = np.flatnonzero(~np.isnan(values) & ~((values >= 0) & (values <= 1)))
        if outside.size:
            percents = (values[outside] > 1).all() and 2 < values[outside].max() <= 100  # 1.0000001 was rounded
            percent = " They look like percentages: divide them by 100." if percents else ""
            raise SchemaError(
                f"{label}: {name} must lie between 0 and 1, found {values[outside[:_SHOWN]].tolist()} in rows "
                f"{outside[:_SHOWN].tolist()} ({outside.size} of {len(values)} rows are outside).{percent}"
            )
    return table


def no_duplicates(table: pd.DataFrame, label: str, *keys: str, also: Iterable[str] = ()) -> None:
    """Raise SchemaError if rows agree in all keys. Columns of `also` are keys too if the table has them.

    Examples
    --------
    >>> words = pd.DataFrame({"audio_id": ["a", "a"], "word_index": [0, 1]})
    >>> no_duplicates(pd.concat([words, words]), "words", "audio_id", "word_index")
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.SchemaError: words: 2 of 4 rows are duplicates, first audio_id 'a', word_index 0. Perhaps ...
    """
    need(table, *keys, name=label)
    names = list(dict.fromkeys([*keys, *(name for name in also if name in table)]))
    is_repeated = table.duplicated(names).to_numpy(np.bool_)
    if not is_repeated.any():
        return
    values = table[names].iloc[int(np.argmax(is_repeated))]
    first = ", ".join(f"{name} {_plain(values[name])!r}" for name in names)
    raise SchemaError(
        f"{label}: {int(is_repeated.sum())} of {len(table)} rows are duplicates, first {first}. Perhaps the table was "
        "concatenated with itself or with another table of the same recordings. Keep each row once, "
        f"drop_duplicates({names}); arms and repeats need their own tables or their own ids."
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def empty(table: Mapping[str, Column]) -> pd.DataFrame:
    """Return a DataFrame without rows that has every column of `table` with its dtype."""
    return pd.DataFrame({name: pd.Series(dtype=column.dtype) for name, column in table.items()})


def conform(frame: pd.DataFrame, table: Mapping[str, Column]) -> pd.DataFrame:
    """Return `frame` with the columns of `table` first, in its order and with its dtypes.

    Missing columns are filled with NA. Other columns follow unchanged. The result shares no values with `frame`.
    """
    of_table = {}
    for name, column in table.items():
        dtype = _dtype(column)
        if name not in frame:
            of_table[name] = pd.Series(pd.NA, index=frame.index, dtype=dtype)
        else:
            values = frame[name]
            of_table[name] = values if values.dtype == dtype else values.astype(dtype)
    further = {name: frame[name] for name in frame.columns if name not in table}
    return pd.DataFrame({**of_table, **further}, index=frame.index)


def _dtype(column: Column) -> Any:
    """Return the dtype of a column. pandas reads a dtype from its name slowly, and strings depend on an option."""
    return pd.StringDtype() if column.dtype == "string" else _fixed_dtype(column.dtype)


@functools.cache
def _fixed_dtype(name: str) -> Any:
    return pd.api.types.pandas_dtype(name)


def arrow_schema(table: Mapping[str, Column]) -> pa.Schema:
    """Return the Arrow schema of the table, in which columns that repeat are dictionary-encoded."""
    import pyarrow as pa

    arrow_types: dict[str, Any] = {
        "string": pa.string(),
        "Int16": pa.int16(),
        "Int32": pa.int32(),
        "Int64": pa.int64(),
        "Float32": pa.float32(),
        "Float64": pa.float64(),
        "boolean": pa.bool_(),
        "datetime64[ms, UTC]": pa.timestamp("ms", tz="UTC"),
    }

    def arrow_type(column: Column) -> pa.DataType:
        plain = arrow_types[column.dtype]
        return pa.dictionary(pa.int32(), plain) if column.repeats else plain

    return pa.schema([pa.field(name, arrow_type(column)) for name, column in table.items()])


def frame_from_arrow(arrow: pa.Table, table: Mapping[str, Column]) -> pd.DataFrame:
    """Return the columns of `table` of an Arrow table, in the order and with the dtypes of `table`; absent ones are NA.

    >>> from soniox_ds.schema import TURNS
    >>> frame_from_arrow(arrow_schema(TURNS).empty_table(), TURNS).dtypes["speaker"]
    <StringDtype(na_value=<NA>)>
    """
    import pyarrow as pa

    targets = arrow_schema(table)

    def pandas_array(name: str, column: Column) -> Any:
        if name not in arrow.column_names:
            return pd.Series(pd.NA, index=range(arrow.num_rows), dtype=column.dtype).array
        target = targets.field(name).type
        plain = target.value_type if pa.types.is_dictionary(target) else target
        values = arrow[name].cast(plain)
        dtype = _dtype(column)
        if hasattr(dtype, "__from_arrow__"):
            return dtype.__from_arrow__(values)
        return values.to_pandas().astype(dtype)

    return pd.DataFrame({name: pandas_array(name, column) for name, column in table.items()}, copy=False)


def frame_to_arrow(frame: pd.DataFrame, table: Mapping[str, Column]) -> pa.Table:
    """Return the columns of `table` as an Arrow table with `arrow_schema`; other columns are left out."""
    import pyarrow as pa

    known = conform(frame, table)[list(table)]
    return pa.Table.from_pandas(known, schema=arrow_schema(table), preserve_index=False).replace_schema_metadata(None)
