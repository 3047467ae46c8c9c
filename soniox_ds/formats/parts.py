"""The files of a saved corpus one by one: finding them, reading them, and the small tables in their metadata.

Conventions: the layout is that of `soniox_ds.formats.parquet`. A *save* is what one call wrote; its *parts* are its
files of recordings, each with a file of tokens at the same place below ``tokens``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from soniox_ds.errors import InputError
from soniox_ds.formats.dtypes import Described, restore
from soniox_ds.schema import TOKENS, arrow_schema

__all__ = [
    "FORMAT",
    "NOTE",
    "ROWS",
    "SAMPLES",
    "Part",
    "find_parts",
    "in_saves",
    "pack",
    "read_recordings",
    "read_tokens",
    "unpack",
]

FORMAT = 1
"""Version of the layout; a reader refuses later ones."""

NOTE, SAMPLES, ROWS = b"soniox_ds", b"soniox_ds.samples", b"soniox_ds.rows"
"""Keys of a file's metadata: JSON; a slice of the recordings with whole dictionaries; the places of its rows."""


class Part(NamedTuple):
    """One file of recordings; its tokens have the same path below ``tokens``."""

    folder: Path
    path: Path  # relative to the folder's "recordings"
    metadata: dict[bytes, bytes]
    note: dict[str, Any]

    @property
    def number(self) -> int:
        return int(self.note["number"])


def find_parts(folder: Path) -> list[Part]:
    """The parts in a folder, in the order of the saves, refusing a save that is not complete."""
    parts: list[Part] = []
    root = folder / "recordings"
    for path in sorted(root.rglob("part-*.parquet")) if root.is_dir() else []:
        metadata = pq.read_schema(path).metadata or {}
        if NOTE not in metadata:
            raise InputError(
                f"{path} was not written by soniox_ds, but lies where a corpus keeps its recordings; move it away."
            )
        note = json.loads(metadata[NOTE])
        if note["format"] > FORMAT:
            raise InputError(
                f"{path} was written by a later soniox_ds ({note['provenance'].get('soniox_ds')}); upgrade to read it."
            )
        parts.append(Part(folder, path.relative_to(root), metadata, note))
    parts.sort(key=lambda part: (part.number, part.note["save"], part.note["piece"]))
    for save in in_saves(parts):
        if len(save) != save[0].note["pieces"]:
            raise InputError(
                f"a save into {folder} was cut off: {len(save)} of {save[0].note['pieces']} files arrived. "
                f"Delete the files named part-{save[0].number:06d}-{save[0].note['save']}-*.parquet "
                "and save that corpus again."
            )
        for part in save:
            if not (folder / "tokens" / part.path).is_file():
                raise InputError(
                    f"{folder / 'tokens' / part.path} is not there; the recordings of the same name need it."
                )
    return parts


def in_saves(parts: list[Part]) -> Iterator[list[Part]]:
    by_save: dict[str, list[Part]] = {}
    for part in parts:
        by_save.setdefault(part.note["save"], []).append(part)
    yield from by_save.values()


def read_recordings(part: Part) -> pd.DataFrame:
    """The recordings of a part with their place within the save as column ``__row``."""
    table = pq.ParquetFile(part.folder / "recordings" / part.path).read()
    columns = {name: Described(**described) for name, described in part.note["columns"].items()}
    samples = unpack(part.metadata[SAMPLES])
    partition = part.note["partition_by"]
    if partition is not None:
        value = samples[partition].combine_chunks()
        table = table.append_column(partition, value.take(pa.array(np.zeros(table.num_rows, np.int64))))
    data = {name: restore(table[name], described, samples[name]) for name, described in columns.items()}
    frame = pd.DataFrame(data, index=range(table.num_rows))
    frame["__row"] = unpack(part.metadata[ROWS])["row"].to_numpy()
    return frame


def read_tokens(part: Part, audio_ids: list[str] | None) -> pa.Table:
    path = part.folder / "tokens" / part.path
    table = (
        pq.ParquetFile(path).read()
        if audio_ids is None
        else pq.read_table(path, partitioning=None, filters=pc.field("audio_id").isin(audio_ids))
    )
    return table.select(list(TOKENS)).cast(arrow_schema(TOKENS)).replace_schema_metadata(None)


def pack(table: pa.Table) -> bytes:
    """A small table as bytes, dictionaries whole."""
    sink = pa.BufferOutputStream()
    schema = table.schema.remove_metadata()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        arrays = [column.combine_chunks() if column.num_chunks != 1 else column.chunk(0) for column in table.columns]
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return bytes(sink.getvalue())


def unpack(data: bytes) -> pa.Table:
    with pa.ipc.open_stream(data) as reader:
        return pa.Table.from_batches(list(reader), schema=reader.schema)
