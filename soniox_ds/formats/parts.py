"""The files of a saved corpus one by one: finding them, reading them, and the small tables in their metadata.

Conventions: the layout is that of `soniox_ds.formats.parquet`. A *save* is what one call wrote; its *parts* are its
files of recordings, each with a file of tokens at the same place below ``tokens``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soniox_ds.errors import InputError
from soniox_ds.formats.dtypes import Described, restore
from soniox_ds.formats.sealed import damaged, read_sealed, reading
from soniox_ds.schema import TOKENS, arrow_schema

__all__ = [
    "FORMAT",
    "NOTE",
    "ROWS",
    "SAMPLES",
    "Belonging",
    "Note",
    "Part",
    "find_parts",
    "in_saves",
    "name_of_part",
    "note_bytes",
    "pack",
    "read_recordings",
    "read_tokens",
]

FORMAT = 1
"""Version of the layout. A reader refuses later ones; "1.1" would be a later minor one, which it reads."""

NOTE, SAMPLES, ROWS = b"soniox_ds", b"soniox_ds.samples", b"soniox_ds.rows"
"""Keys of a file's metadata: JSON; a slice of the recordings with whole dictionaries; the places of its rows."""


class _Version(msgspec.Struct):
    """The part of every note, of any version, that says which version wrote it."""

    format: int | float | str
    provenance: dict[str, Any] = {}


class Belonging(msgspec.Struct):
    """The note in a file of tokens. Keys that later versions add to a note are ignored."""

    save: str
    piece: int


class Note(msgspec.Struct, kw_only=True):
    """The note in a file of recordings. Keys that later versions add to it are ignored."""

    format: int | float | str = FORMAT
    number: int
    """Number of the save, counted from 0."""
    save: str
    """Eight hexadecimal digits of this save's own."""
    piece: int
    """Number of this file within the save, counted from 0."""
    pieces: int
    """Number of files of the save."""
    partition_by: str | None
    columns: dict[str, Described]
    provenance: dict[str, Any]
    check: str | None = None
    """Digest of what the note says of the file's columns and place; absent in files of earlier versions."""

    def digest(self, metadata: dict[bytes, bytes]) -> str:
        """Return the digest to compare `check` with."""
        said = [self.number, self.save, self.piece, self.pieces, self.partition_by, self.columns]
        found = hashlib.blake2b(msgspec.json.encode(said), digest_size=_DIGEST_BYTES)
        for key in (SAMPLES, ROWS):
            found.update(metadata[key])
        return found.hexdigest()


_DIGEST_BYTES = 16


def note_bytes(note: Note | Belonging) -> bytes:
    """Return the note as JSON, for a file's metadata."""
    return json.dumps(msgspec.to_builtins(note)).encode()  # msgspec's own JSON has no integers beyond 64 bits


class Part(NamedTuple):
    """One file of recordings; its tokens have the same path below ``tokens``."""

    folder: Path
    path: Path  # relative to the folder's "recordings"
    metadata: dict[bytes, bytes]
    note: Note

    @property
    def recordings(self) -> Path:
        """The file of recordings."""
        return self.folder / "recordings" / self.path

    @property
    def tokens(self) -> Path:
        """The file of tokens."""
        return self.folder / "tokens" / self.path


def name_of_part(number: int, save: str, piece: int) -> str:
    """Name the file of one piece of a save.

    >>> name_of_part(3, "1a2b3c4d", 0)
    'part-000003-1a2b3c4d-0.parquet'
    """
    return f"part-{number:06d}-{save}-{piece}.parquet"


def find_parts(folder: Path) -> list[Part]:
    """Find the parts in a folder, in the order of the saves.

    Raises
    ------
    InputError
        If a file is damaged, belongs elsewhere, or was written by a later version; if a save is not complete.
    """
    root = folder / "recordings"
    paths = sorted(root.rglob("part-*.parquet")) if root.is_dir() else []
    parts = [_part(folder, path.relative_to(root)) for path in paths]
    parts.sort(key=lambda part: (part.note.number, part.note.save, part.note.piece))
    for save in in_saves(parts):
        note = save[0].note
        if len(save) != note.pieces:
            raise InputError(
                f"a save into {folder} was cut off: {len(save)} of {note.pieces} files arrived. "
                f"Delete the files named part-{note.number:06d}-{note.save}-*.parquet "
                "and save that corpus again."
            )
        if [part.note.piece for part in save] != list(range(note.pieces)):
            raise damaged(save[0].recordings, "another file of the same save says that it is the same piece")
        for part in save:
            if not part.tokens.is_file():
                raise InputError(f"{part.tokens} is not there; the recordings of the same name need it.")
    return parts


def _part(folder: Path, path: Path) -> Part:
    """Read the metadata of one file of recordings."""
    file = folder / "recordings" / path
    metadata: dict[bytes, bytes] = read_sealed(file, columns=[]).schema.metadata or {}
    if NOTE not in metadata:
        raise InputError(
            f"{file} was not written by soniox_ds, but lies where a corpus keeps its recordings; move it away."
        )
    with reading(file):
        version = msgspec.convert(json.loads(metadata[NOTE]), _Version)
        if float(str(version.format).split(".")[0]) > FORMAT:
            raise InputError(
                f"{file} was written by a later soniox_ds ({version.provenance.get('soniox_ds')}, format "
                f"{version.format}; this one reads format {FORMAT}); upgrade soniox_ds to read it."
            )
        note = msgspec.convert(json.loads(metadata[NOTE]), Note)
        if note.check is not None and note.check != note.digest(metadata):
            raise damaged(file, "its metadata are not those it was written with")
        if path.name != (name := name_of_part(note.number, note.save, note.piece)):
            raise InputError(
                f"{file} was written as {name}. Delete the file if it is a copy, otherwise give it that name again; "
                "the file of its tokens has the same name."
            )
    return Part(folder, path, metadata, note)


def in_saves(parts: list[Part]) -> Iterator[list[Part]]:
    """Group parts by the save that wrote them, in the order of the saves."""
    by_save: dict[str, list[Part]] = {}
    for part in parts:
        by_save.setdefault(part.note.save, []).append(part)
    yield from by_save.values()


def read_recordings(part: Part) -> pd.DataFrame:
    """Read the recordings of a part, with their place within the save as column ``__row``."""
    table = read_sealed(part.recordings)
    with reading(part.recordings):
        samples = _unpack(part.metadata[SAMPLES])
        places = _unpack(part.metadata[ROWS])["row"].to_numpy()
        partition = part.note.partition_by
        if partition is not None:
            value = samples[partition].combine_chunks()
            table = table.append_column(partition, value.take(pa.array(np.zeros(table.num_rows, np.int64))))
        data = {name: restore(table[name], column, samples[name]) for name, column in part.note.columns.items()}
        frame = pd.DataFrame(data, index=range(table.num_rows))
        if len(places) != len(frame):
            raise damaged(part.recordings, f"it holds {len(frame)} recordings and the places of {len(places)}")
        frame["__row"] = places
    return frame


def read_tokens(part: Part, recordings: pd.DataFrame, *, only_these: bool) -> pa.Table:
    """Read the tokens of a part; `only_these` reads those of these recordings, otherwise there must be no others."""
    ids = pa.array(recordings["audio_id"], pa.string())
    table = read_sealed(part.tokens, filters=pc.field("audio_id").isin(ids) if only_these else None)
    with reading(part.tokens):
        if NOTE in (metadata := table.schema.metadata or {}):
            belongs = msgspec.convert(json.loads(metadata[NOTE]), Belonging)
            if (belongs.save, belongs.piece) != (part.note.save, part.note.piece):
                raise InputError(
                    f"{part.tokens} holds the tokens of {name_of_part(part.note.number, belongs.save, belongs.piece)}; "
                    "files of tokens were exchanged. Put them back under their own names."
                )
        table = table.select(list(TOKENS)).cast(arrow_schema(TOKENS)).replace_schema_metadata(None)
        found = pc.unique(table["audio_id"].cast(pa.string()))
        if other := found.filter(pc.invert(pc.is_in(found, value_set=ids))).to_pylist():
            raise damaged(
                part.tokens, f"it holds tokens of {other[:3]}, which are no recordings of the file of the same name"
            )
    return table


def pack(table: pa.Table) -> bytes:
    """A small table as bytes, dictionaries whole."""
    sink = pa.BufferOutputStream()
    schema = table.schema.remove_metadata()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        arrays = [column.combine_chunks() if column.num_chunks != 1 else column.chunk(0) for column in table.columns]
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return bytes(sink.getvalue())


def _unpack(data: bytes) -> pa.Table:
    with pa.ipc.open_stream(data) as reader:
        return pa.Table.from_batches(list(reader), schema=reader.schema)
