"""Tables that are stored beside the tokens of a corpus.

Conventions: ``words/`` has a file for each part, with the same relative path as the part's file in ``tokens/``. The
file holds the table ``schema.WORDS`` of all recordings of the part. Its metadata hold the digest of the tokens and the
version of the package that computed the words; if either has changed, the file is written anew.
``results/name.parquet`` is a table of the user. All files are sealed (`soniox_ds.corpus.checksums`) and replaced as a
whole.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from soniox_ds.corpus.checksums import digest_of, read_footer, reading, seal, sealed, write_options
from soniox_ds.corpus.parts import NOTE, Part
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.files.atomic_files import replacing, sync_folder, writing
from soniox_ds.progress.display import Progress, Snapshot, progress_for
from soniox_ds.schema import WORDS, frame_to_arrow
from soniox_ds.stores.paths import AnyPath, files_below, map_in_threads, writing_store

__all__ = ["RESERVED", "result_paths", "save_result", "write_words"]

RESERVED = ("recordings", "tokens", "words")
"""Names of tables that every corpus has."""

_RESULTS, _WORDS = "results", "words"


def write_words(
    folder: AnyPath,
    parts: Sequence[Part],
    words_of: Callable[[Part], pd.DataFrame],
    *,
    known: Sequence[Part],
    progress: bool | Callable[[Snapshot], object] | None,
) -> list[AnyPath]:
    """Write the words of those parts whose words are missing or out of date, and return the files of all parts.

    Parameters
    ----------
    folder
        The folder of the corpus.
    parts
        The parts whose words are needed.
    words_of
        A function that returns the words of a part.
    known
        All parts of the folder. Files of words that belong to no part are deleted.
    progress
        See `soniox_ds.transcribe`. Nothing is shown if nothing has to be computed.
    """
    expected = {folder / _WORDS / part.path for part in known}
    with writing_store(folder):
        for path in (folder / _WORDS).rglob("part-*.parquet"):
            if path not in expected:
                path.unlink(missing_ok=True)
    are_current = map_in_threads(lambda part: _is_current(folder / _WORDS / part.path, part), parts, folder)
    missing = [part for part, is_current in zip(parts, are_current, strict=True) if not is_current]
    counts = [int(read_footer(part.recordings).num_rows) for part in missing]
    with Progress(progress_for(progress if missing else False)) as shown:
        shown.set_total(sum(counts))
        for part, count in zip(missing, counts, strict=True):
            note = json.dumps(_note(part)).encode()  # Taken first, so that later changes are noticed.
            table = frame_to_arrow(words_of(part), WORDS).replace_schema_metadata({NOTE: note})
            _write(folder / _WORDS / part.path, table)
            for _ in range(count):
                shown.add_finished(True)
    return [folder / _WORDS / part.path for part in parts]


def save_result(folder: AnyPath, name: str, tables: Iterable[Any]) -> None:
    """Concatenate tables and store them under a name. An earlier table is replaced; see `OpenedCorpus.save_table`."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in RESERVED:
        raise InputError(
            f"{name!r} cannot be the name of a stored table. Use small letters, digits and underscores, and none of "
            f"the names {', '.join(RESERVED)}."
        )
    path = folder / _RESULTS / f"{name}.parquet"
    with tempfile.TemporaryDirectory() as aside:
        pieces: list[Path] = []
        for table in tables:
            pieces.append(Path(aside, f"{len(pieces)}.parquet"))
            pq.write_table(_arrow(table), pieces[-1], compression="zstd")
        if len(pieces) == 1:
            _write(path, pq.read_table(pieces[0]))
            return
        # A column that has no value in a part has no type there.
        schema = pa.unify_schemas([pq.read_schema(piece) for piece in pieces], promote_options="permissive")
        joined = Path(aside, "joined.parquet")
        with pq.ParquetWriter(joined, schema, **write_options(schema)) as writer:
            for piece in pieces:
                table = pq.read_table(piece)
                if missing := [each for each in schema if each.name not in table.column_names]:
                    for each in missing:
                        table = table.append_column(each, pa.nulls(len(table), each.type))
                writer.write_table(table.select(schema.names).cast(schema))
        seal(joined)
        _copy(joined, path)


def _arrow(table: Any) -> pa.Table:
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            f"save_table stores a table (DataFrame), or the tables that a function returns for the parts, found "
            f"{type(table).__name__}."
        )
    try:
        return pa.Table.from_pandas(table, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise SchemaError(
            f"the table cannot be stored: {error}. Give each column one type, or drop the column."
        ) from error


def result_paths(folder: AnyPath) -> dict[str, AnyPath]:
    """Return the files of the stored tables by name."""
    results = folder / _RESULTS
    with reading(folder):
        names = [path.name for path in files_below(results, "[a-z]*.parquet")]
    return {name.removesuffix(".parquet"): results / name for name in names}


def _note(part: Part) -> dict[str, str]:
    return {"tokens": digest_of(part.tokens), "soniox_ds": metadata.version("soniox-ds")}


def _is_current(path: AnyPath, part: Part) -> bool:
    with reading(path):
        if not path.exists():
            return False
    try:
        stored = read_footer(path).metadata or {}
    except InputError:  # A damaged file is written anew.
        return False
    return stored.get(NOTE) == json.dumps(_note(part)).encode()


def _write(path: AnyPath, table: pa.Table) -> None:
    content = sealed(table)
    if isinstance(path, Path):
        with _replacing(path) as sink:
            sink.write(content)
    else:
        with writing_store(path):
            path.write_bytes(content)


def _copy(source: Path, path: AnyPath) -> None:
    """Copy a file to the path of a stored table, in place of an earlier one."""
    if isinstance(path, Path):
        with _replacing(path) as sink, source.open("rb") as content:
            shutil.copyfileobj(content, sink)
    else:
        with writing_store(path):
            path.write_bytes(source.read_bytes())


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing, which replaces the file at this path once its content is safe on the disk."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside, beside.open("wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        sync_folder(path.parent)
