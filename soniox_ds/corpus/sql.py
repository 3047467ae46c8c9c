"""Queries in SQL over the files of a corpus, which DuckDB runs.

Conventions: a table of the corpus becomes a view over exactly its files when a query needs it. DuckDB looks for no
tables among Python's variables, loads no extensions by itself, and writes what does not fit into memory into a
temporary folder.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soniox_ds.corpus.derived import result_paths
from soniox_ds.corpus.parts import partition_value
from soniox_ds.corpus.snapshot import Snapshot
from soniox_ds.exceptions import InputError, SetupError
from soniox_ds.schema import RECORDINGS, TOKENS, WORDS, Column
from soniox_ds.stores.paths import AnyPath

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["run_query"]

_TYPES = {
    "string": "VARCHAR",
    "Int16": "SMALLINT",
    "Int32": "INTEGER",
    "Int64": "BIGINT",
    "Float32": "FLOAT",
    "Float64": "DOUBLE",
    "boolean": "BOOLEAN",
    "datetime64[ms, UTC]": "TIMESTAMPTZ",
}
_UNKNOWN_TABLE = re.compile(r"Table with name (\w+) does not exist")
_FILE = "__file"
_EXACT = 2**53  # Larger floats do not represent every whole number.


def run_query(
    snapshot: Snapshot, query: str, tables: Mapping[str, pd.DataFrame], words: Callable[[], Sequence[AnyPath]]
) -> pd.DataFrame:
    """Run a query; see `soniox_ds.corpus.opened.OpenedCorpus.sql`. `words` writes the words and returns their files."""
    try:
        import duckdb
    except ImportError as error:
        raise SetupError('corpus.sql needs a package that is not installed: pip install "soniox_ds[sql]"') from error
    with tempfile.TemporaryDirectory() as spill:
        settings = {
            "temp_directory": spill,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
            "TimeZone": "UTC",
        }
        with duckdb.connect(":memory:") as connection:
            for name, value in settings.items():
                connection.execute(f"SET {name} = '{value}'")
            for name, table in tables.items():
                connection.register(name, pa.Table.from_pandas(table, preserve_index=False))
            views = _Views(connection, snapshot, words, set(tables))
            try:
                while True:
                    try:
                        relation = connection.sql(query)
                        if relation is None:
                            raise InputError("the query has no result; a query begins with SELECT, FROM or WITH.")
                        return _frame(relation.to_arrow_table())
                    except duckdb.CatalogException as error:
                        unknown = _UNKNOWN_TABLE.search(str(error))
                        if unknown is None or not views.create(unknown.group(1)):
                            names = ", ".join(views.names)
                            raise InputError(f"the query failed: {error} The tables are {names}.") from error
            except duckdb.Error as error:
                snapshot.check_files()  # A damaged or missing file is named.
                raise InputError(f"the query failed: {error}") from error


class _Views:
    """The tables of a corpus as views, which are created when a query needs them."""

    def __init__(
        self,
        connection: DuckDBPyConnection,
        snapshot: Snapshot,
        words: Callable[[], Sequence[AnyPath]],
        given: set[str],
    ) -> None:
        self._connection, self._snapshot, self._words = connection, snapshot, words
        self._results = result_paths(snapshot.folder)
        self._created = given
        self._store = None
        if not isinstance(snapshot.folder, Path):
            from soniox_ds.stores.fsspec_folder import FolderFileSystem  # fsspec is slow to import.

            self._store = FolderFileSystem(snapshot.folder)
            connection.register_filesystem(self._store)
        self.names = sorted({"recordings", "tokens", "words", *self._results, *given})

    def create(self, name: str) -> bool:
        """Create a view. Return False if there is no such table, or if it exists already."""
        if name in self._created or name not in self.names:
            return False
        self._created.add(name)
        if name in self._results:
            self._view(name, f"SELECT * EXCLUDE ({_FILE})", [self._results[name]])
        elif name == "recordings":
            self._recordings()
        elif name == "tokens":
            self._of_selected("tokens", TOKENS, [each.part.tokens for each in self._snapshot.parts])
        else:
            self._of_selected("words", WORDS, self._words())
        return True

    def _locations(self, paths: Sequence[AnyPath]) -> list[str]:
        """Return the texts by which DuckDB finds the files."""
        return [
            str(path) if isinstance(path, Path) or self._store is None else self._store.location(path) for path in paths
        ]

    def _recordings(self) -> None:
        paths = [each.part.recordings for each in self._snapshot.parts]
        partition = next((each.part.note.partition_by for each in self._snapshot.parts), None)
        metadata = {name: Column("string", "") for name in self._snapshot.dtypes if name not in RECORDINGS}
        if partition is not None:
            values = pa.concat_arrays([partition_value(each.part) for each in self._snapshot.parts])
            self._connection.register("__partitions", pa.table({_FILE: self._locations(paths), "__value": values}))
        columns = self._columns({**RECORDINGS, **metadata}, paths, partition)
        source = f" JOIN __partitions USING ({_FILE})" if partition is not None else ""
        self._view("recordings", f"SELECT {columns}", paths, source + self._selection())

    def _of_selected(self, name: str, columns: Mapping[str, Column], paths: Sequence[AnyPath]) -> None:
        self._view(name, f"SELECT {self._columns(columns, paths)}", paths, self._selection())

    def _selection(self) -> str:
        """Return the condition that leaves the selected recordings, or nothing if all are selected."""
        if self._snapshot.is_whole:
            return ""
        if "__selected" not in self._created:
            self._created.add("__selected")
            ids = self._snapshot.read_recordings(["audio_id"])["audio_id"]
            self._connection.register("__selected", pa.table({"audio_id": pa.array(ids, pa.string())}))
        return " WHERE audio_id IN (SELECT audio_id FROM __selected)"

    def _columns(self, columns: Mapping[str, Column], paths: Sequence[AnyPath], partition: str | None = None) -> str:
        """Return the list of columns. Those that no file has, as in files of earlier versions, are NULL."""
        found: set[str] = set()
        if paths:
            found = {
                name
                for name, *_ in self._connection.execute(
                    f"DESCRIBE SELECT * FROM {_files(self._locations(paths))}"
                ).fetchall()
            }
        listed = []
        for name, column in columns.items():
            quoted = _quoted(name)
            if name == partition:
                listed.append(f"__value AS {quoted}")
            elif name in found:
                listed.append(quoted)
            else:
                listed.append(f"NULL::{_TYPES[column.dtype]} AS {quoted}")
        return ", ".join(listed)

    def _view(self, name: str, select: str, paths: Sequence[AnyPath], rest: str = "") -> None:
        source = f" FROM {_files(self._locations(paths))}{rest}" if paths else " WHERE false"
        self._connection.execute(f"CREATE VIEW {_quoted(name)} AS {select}{source}")


def _files(locations: Sequence[str]) -> str:
    listed = ", ".join("'" + location.replace("'", "''") + "'" for location in locations)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false, filename = '{_FILE}')"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _frame(table: pa.Table) -> pd.DataFrame:
    """Return the result with pandas' dtypes that know missing values."""
    for place, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type):  # A sum of whole numbers has 128 bits.
            values = table.column(place).cast(pa.float64())
            is_whole = not field.type.scale and (pc.max(pc.abs(values)).as_py() or 0) < _EXACT
            table = table.set_column(place, field.name, values.cast(pa.int64()) if is_whole else values)
    types = {
        pa.string(): pd.StringDtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.float32(): pd.Float32Dtype(),
        pa.float64(): pd.Float64Dtype(),
        **{getattr(pa, f"int{bits}")(): getattr(pd, f"Int{bits}Dtype")() for bits in (8, 16, 32, 64)},
        **{getattr(pa, f"uint{bits}")(): getattr(pd, f"UInt{bits}Dtype")() for bits in (8, 16, 32, 64)},
    }
    frame: pd.DataFrame = table.to_pandas(types_mapper=types.get)
    return frame
