"""Reading manifests: CSV, TSV, JSONL (NeMo's too), JSON and Parquet become DataFrames.

Conventions: one row is one recording, columns are the file's own. In CSV and TSV an empty cell is NA and a quoted empty
cell (``""``) is the empty text. Columns of whole numbers become Int64, of numbers Float64, of true/false boolean, all
others string; numbers with leading zeros or more than 18 digits are ids and stay text, as do columns that must be text.
The separator of a ``.csv`` is the one of comma, semicolon and tab that its header uses most. In ``.tsv`` quotes
only count around a whole cell: many tools write sentences there that merely begin with one. Text is UTF-8 or UTF-16.

A manifest that cannot be read as a whole is refused: a line lost in silence would be a recording lost.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from soniox_ds.errors import SourceError
from soniox_ds.transcription.files import decode_text
from soniox_ds.transcription.recording import shown

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MANIFEST_EXTENSIONS", "frame_of", "is_manifest", "read_manifest"]

MANIFEST_EXTENSIONS = frozenset((".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet"))
"""Extensions, in lower case, of files that list recordings."""

_WHOLE = r"^-?(0|[1-9][0-9]{0,17})$"
_NUMBER = r"^-?((0|[1-9][0-9]{0,17})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_NO_NUMBER = ("", "NA", "N/A", "NaN", "nan", "null", "None")
_TRUTHS = ("true", "false", "True", "False", "TRUE", "FALSE")


def is_manifest(path: str) -> bool:
    """Whether a file of this name lists recordings instead of being one.

    >>> is_manifest("test.CSV"), is_manifest("a.wav")
    (True, False)
    """
    return os.path.splitext(path)[1].lower() in MANIFEST_EXTENSIONS


def read_manifest(path: str, text_columns: Collection[str] = ()) -> pd.DataFrame:
    """Read a manifest into a DataFrame with a RangeIndex.

    Parameters
    ----------
    path
        A file with one of `MANIFEST_EXTENSIONS`.
    text_columns
        Columns that stay text whatever they look like.

    Raises
    ------
    SourceError
        If the file cannot be read, with the line where that shows.
    """
    extension = os.path.splitext(path)[1].lower()
    try:
        if extension == ".parquet":
            return _read_parquet(path)
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise SourceError(f"the manifest {shown(path)} cannot be read: {error.strerror or error}") from error
    text = _decode(raw, path)
    if not text.strip():
        raise SourceError(f"the manifest {shown(path)} is empty; it needs a line for each recording")
    if extension in (".csv", ".tsv"):
        return _read_delimited(text, path, tabs=extension == ".tsv", text_columns=text_columns)
    return _read_json(text, path)


def _decode(raw: bytes, path: str) -> str:
    try:
        return decode_text(raw)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"the manifest {shown(path)} is neither UTF-8 nor UTF-16: byte 0x{raw[error.start]:02x} in line {line}; "
            "save it as UTF-8"
        ) from error


def _read_parquet(path: str) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Read through an open file: pyarrow takes no names that are not Unicode.
        with open(path, "rb") as file:
            frame: pd.DataFrame = pq.read_table(file).to_pandas().reset_index(drop=True)
        return frame
    except pa.ArrowException as error:
        raise SourceError(f"the manifest {shown(path)} is not Parquet, or is damaged: {error}") from error


def _read_json(text: str, path: str) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    if text.lstrip().startswith("["):
        try:
            numbered = list(enumerate(json.loads(text), start=1))
        except json.JSONDecodeError as error:
            raise SourceError(f"the manifest {shown(path)}, line {error.lineno}: {error.msg}") from error
        place = "entry"
    else:
        numbered = []
        place = "line"
        # Not splitlines(): it also cuts at separators that JSON allows inside texts.
        for number, line in enumerate(text.split("\n"), start=1):
            if line and not line.isspace():
                try:
                    numbered.append((number, json.loads(line)))
                except json.JSONDecodeError as error:
                    raise SourceError(
                        f"the manifest {shown(path)}, line {number}, column {error.colno}: {error.msg}; "
                        "each line must be one JSON object"
                    ) from error
    for number, row in numbered:
        if not isinstance(row, dict):
            raise SourceError(
                f"the manifest {shown(path)}, {place} {number}: found {type(row).__name__}, not an object such as "
                '{"source": "a.wav"}'
            )
        rows.append(row)
    if not rows:
        raise SourceError(f"the manifest {shown(path)} is empty; it needs an entry for each recording")
    return frame_of(rows)


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Make a DataFrame of dicts; keys that a row lacks are NA there, columns have the narrowest dtype that has NA.

    >>> frame_of([{"n": 1, "id": "007"}, {"id": "8"}])["n"].tolist()
    [1, <NA>]
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame(
        {name: _column([row.get(name) for row in rows]) for name in names}, index=pd.RangeIndex(len(rows))
    )


def _column(values: list[Any]) -> pd.Series[Any]:
    # By hand, since pandas would take whole numbers beside a missing one through floats.
    clean = [None if isinstance(value, float) and value != value else value for value in values]
    kinds = {type(value) for value in clean if value is not None}
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in clean):
        return pd.Series(clean, dtype="Int64")
    if kinds and kinds <= {int, float}:
        return pd.Series(clean, dtype="Float64")
    for kind, dtype in ((str, "string"), (bool, "boolean")):
        if kinds == {kind}:
            return pd.Series(clean, dtype=dtype)
    return pd.Series(clean, dtype=object)


def _read_delimited(text: str, path: str, *, tabs: bool, text_columns: Collection[str]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.csv as pc

    delimiter = "\t" if tabs else _delimiter(text)
    rows = _Rows(text, path, delimiter, quoting=not tabs)
    position, header = next(iter(rows))
    names = [_plain(cell) for cell in rows.cells(header)]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise rows.error(position, f"the columns {repeated} stand more than once in {names}")
    if '"' in text:
        rows.check(len(names))
    broken: list[Any] = []

    def note(row: Any) -> str:
        broken.append(row)
        return "skip"

    data = (text + "\n").encode("utf-8", "surrogatepass")
    try:
        table = pc.read_csv(
            pa.BufferReader(data),
            # One block and one thread, so that no row can lie across two.
            read_options=pc.ReadOptions(use_threads=False, block_size=len(data) + 1),
            parse_options=pc.ParseOptions(
                delimiter=delimiter,
                quote_char=False if tabs else '"',
                newlines_in_values=not tabs,
                invalid_row_handler=note,
            ),
            convert_options=pc.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowException as error:
        raise SourceError(f"the manifest {shown(path)} cannot be read: {error}") from error
    if broken:
        rows.check(len(names))
        raise SourceError(f"the manifest {shown(path)} has a row that is not like its header: {shown(broken[0].text)}")
    columns = {}
    for place, name in enumerate(names):
        if not name:  # an index that was written along
            continue
        column = table.column(place).combine_chunks()
        if tabs:
            column = _unquoted(column)
        columns[name] = _series(column, "string") if name in text_columns else _typed(column)
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))


def _delimiter(text: str) -> str:
    header = text.lstrip("\r\n").partition("\n")[0]
    return max(",;\t", key=header.count)


class _Rows:
    """Where the rows of a delimited text lie. Pyarrow reads it, but neither counts lines nor minds an open quote."""

    def __init__(self, text: str, path: str, delimiter: str, *, quoting: bool) -> None:
        self.text, self.path, self.delimiter = text, path, delimiter
        bare = rf"[^{delimiter}\r\n]"
        cell = rf'"(?:[^"]++|"")*+"|(?!"){bare}++|(?=[{delimiter}\r\n]|\Z)' if quoting else f"{bare}*+"
        self._row = re.compile(rf"(?:{cell})(?:{delimiter}(?:{cell}))*+(?:\r\n|\n|\r|\Z)")
        self._cell = re.compile(rf"({cell})(?:{delimiter}|\r|\n|\Z)")

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Yield where each row begins, and the row; raise SourceError at the first one that is none."""
        position, end, match = 0, len(self.text), self._row.match
        while position < end:
            row = match(self.text, position)
            if row is None:
                raise self.error(
                    position, 'a quote is opened and not closed as it should be (inside quotes a quote is written "")'
                )
            if content := row[0].rstrip("\r\n"):
                yield position, content
            position = row.end()

    def cells(self, row: str) -> list[str]:
        found, position = [], 0
        while position <= len(row):
            cell = self._cell.match(row, position)
            assert cell is not None, "only rows that matched are cut into cells"
            found.append(cell[1])
            position = cell.end() if cell.end() > cell.end(1) else len(row) + 1
        return found

    def check(self, expected: int) -> None:
        """Raise SourceError at the first row that does not have as many cells as the header."""
        for position, row in self:
            found = row.count(self.delimiter) + 1
            if found != expected and '"' in row:
                found = len(self.cells(row))
            if found != expected:
                raise self.error(
                    position,
                    f"found {found} cells where the header has {expected}; a cell that holds the separator or a line "
                    "break must be in quotes",
                )

    def error(self, position: int, problem: str) -> SourceError:
        line = len(re.findall(r"\r\n|\n|\r", self.text[:position])) + 1
        return SourceError(f"the manifest {shown(self.path)}, line {line}: {problem}")


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _unquoted(column: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    whole = pc.match_substring_regex(column, r'(?s)^".*"$')
    inner = pc.replace_substring(pc.utf8_slice_codeunits(column, 1, -1), '""', '"')
    return pc.if_else(pc.fill_null(whole, False), inner, column)


def _typed(column: pa.Array) -> pd.Series[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    # Some writers quote every cell that is no number, a missing number too.
    values = pc.if_else(pc.is_in(column, value_set=pa.array(_NO_NUMBER)), pa.scalar(None, pa.string()), column)
    known = values.drop_null()
    if len(known) and pc.all(pc.is_in(known, value_set=pa.array(_TRUTHS))).as_py():
        return _series(pc.equal(pc.utf8_lower(values), "true"), "boolean")
    for pattern, kind, dtype in ((_WHOLE, pa.int64(), "Int64"), (_NUMBER, pa.float64(), "Float64")):
        if len(known) and pc.all(pc.match_substring_regex(known, pattern)).as_py():
            return _series(values.cast(kind), dtype)
    return _series(column, "string")


def _series(column: pa.Array, dtype: str) -> pd.Series[Any]:
    # Told the type beforehand, pyarrow does not go through floats where a value is missing.
    nullable = pd.api.types.pandas_dtype(dtype)
    series: pd.Series[Any] = column.to_pandas(types_mapper=lambda _: nullable)
    return series
