"""The single files of a saved corpus and the notes in their metadata.

Conventions: the layout is that of `soniox_ds.corpus.parquet`. A *save* consists of the files that one call wrote. Its
*parts* are its files of recordings, each with a file of tokens at the same path below ``tokens``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soniox_ds.corpus.checksums import damaged, read_footer, read_sealed, reading
from soniox_ds.corpus.dtypes import Described, restore, stored_dtype
from soniox_ds.exceptions import InputError
from soniox_ds.files.atomic_files import replacing, sync_folder
from soniox_ds.schema import TOKENS, arrow_schema
from soniox_ds.stores.paths import AnyPath, StorePath, files_below, map_in_threads
from soniox_ds.stores.store import StoreError

__all__ = [
    "FORMAT",
    "NOTE",
    "ROWS",
    "SAMPLES",
    "SAVES",
    "Belonging",
    "Note",
    "Part",
    "compacted_saves",
    "dtypes_of",
    "find_parts",
    "in_saves",
    "name_of_part",
    "name_of_save",
    "names_of_saves",
    "note_bytes",
    "pack",
    "partition_value",
    "read_recordings",
    "read_saves",
    "read_tokens",
    "rows_of",
    "saves_bytes",
    "write_saves",
]

FORMAT = 1
"""Version of the layout. A reader refuses later major versions and reads later minor versions, such as "1.1"."""

NOTE, SAMPLES, ROWS = b"soniox_ds", b"soniox_ds.samples", b"soniox_ds.rows"
"""Keys of a file's metadata: a note in JSON, a slice of the recordings with whole dictionaries, and the positions of
its rows, both as Arrow streams in base64."""


_ARROW_STREAM = b"\xff\xff\xff\xff"

SAVES = "_saves.json"
"""Name of the file beside the recordings that lists the complete saves. Readers of Parquet folders skip this name."""


class _Version(msgspec.Struct):
    """The part of a note, in any version, that gives the version of the layout."""

    format: int | float | str
    provenance: dict[str, Any] = {}


class _Saves(msgspec.Struct):
    """The list of the saves in a folder, each by its `name_of_save`."""

    saves: list[str]
    ignored: list[str] = []
    """Saves whose files are still being written or deleted; they do not belong to the corpus."""
    compacted: list[str] = []
    """Earlier saves that were compacted. Their recordings are now in the first saves of `saves`, in the same order."""


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
    """Eight random hexadecimal digits of the save."""
    piece: int
    """Number of this file within the save, counted from 0."""
    pieces: int
    """Number of files of the save."""
    partition_by: str | None
    columns: dict[str, Described]
    provenance: dict[str, Any]
    check: str | None = None
    """Digest of the other fields, except format and provenance; None in files of earlier versions."""

    def digest(self, metadata: dict[bytes, bytes]) -> str:
        """Return the digest that `check` must equal."""
        content = [self.number, self.save, self.piece, self.pieces, self.partition_by, self.columns]
        digest = hashlib.blake2b(msgspec.json.encode(content), digest_size=_DIGEST_BYTES)
        for key in (SAMPLES, ROWS):
            digest.update(metadata[key])
        return digest.hexdigest()


_DIGEST_BYTES = 16


def note_bytes(note: Note | Belonging) -> bytes:
    """Return the note as JSON, for a file's metadata."""
    return json.dumps(msgspec.to_builtins(note)).encode()  # The JSON of msgspec has no integers beyond 64 bits.


class Part(NamedTuple):
    """A file of recordings. Its tokens have the same path below ``tokens``."""

    folder: AnyPath
    path: PurePath
    """Path relative to the folder ``recordings``."""
    metadata: dict[bytes, bytes]
    note: Note

    @property
    def recordings(self) -> AnyPath:
        """Path of the file of recordings."""
        return self.folder / "recordings" / self.path

    @property
    def tokens(self) -> AnyPath:
        """Path of the file of tokens."""
        return self.folder / "tokens" / self.path


def name_of_part(number: int, save: str, piece: int) -> str:
    """Return the name of the file of one piece of a save.

    >>> name_of_part(3, "1a2b3c4d", 0)
    'part-000003-1a2b3c4d-0.parquet'
    """
    return f"part-{number:06d}-{save}-{piece}.parquet"


def find_parts(folder: AnyPath) -> list[Part]:
    """Find the parts in a folder, in the order of the saves.

    A save that is not complete and not in the list of saves is left out: it is still being written, or was killed. An
    unlisted save with the number of a listed one is left out too: one of the two replaces the other. So are the saves
    that the list ignores.

    Raises
    ------
    InputError
        If a file is damaged, has the wrong name, or was written by a later version, or if a listed save is incomplete.
    """
    content = _read_list(folder)
    listed, ignored = (None, []) if content is None else (content.saves, content.ignored)
    seen = folder if isinstance(folder, Path) else _listed(folder)
    root = folder / "recordings"
    with reading(root):
        paths = files_below(seen / "recordings", "part-*.parquet")
    paths = [path for path in paths if not any(path.name.startswith(f"part-{name}-") for name in ignored)]
    if listed is not None and not isinstance(folder, Path):  # In a store, a save is complete when it is listed.
        paths = [path for path in paths if any(path.name.startswith(f"part-{name}-") for name in listed)]
    parts = map_in_threads(lambda path: _part(folder, path), paths, folder)
    parts.sort(key=lambda part: (part.note.number, part.note.save, part.note.piece))
    saves: dict[str, list[Part]] = {}
    listed_numbers = {name.partition("-")[0] for name in listed or ()}
    for save in in_saves(parts):
        note = save[0].note
        name = name_of_save(note)
        if listed is not None and name not in listed and name.partition("-")[0] in listed_numbers:
            continue
        if len(save) != note.pieces:
            if listed is not None and name not in listed:
                continue
            raise InputError(
                f"a save into {folder} is not complete: only {len(save)} of its {note.pieces} files are there. Put "
                f"the others back, or delete the files named part-{name}-*.parquet (and {root / SAVES}, if it is "
                "there) and save that corpus again."
            )
        if [part.note.piece for part in save] != list(range(note.pieces)):
            raise damaged(save[0].recordings, "another file of the same save has the same number")
        for part in save:
            if not (seen / "tokens" / part.path).is_file():
                raise InputError(f"{part.tokens} is missing, and the file of recordings with the same name needs it.")
        saves[name] = save
    if listed is not None:
        gone = [name for name in listed if name not in saves]
        numbers = [save[0].note.number for save in saves.values()]
        if not gone and numbers != list(range(len(numbers))):
            gone = [f"{number:06d}-*" for number in range(len(numbers)) if number not in numbers]
        if gone:
            raise InputError(
                f"{folder} lacks the files part-{gone[0]}-*.parquet, which were saved there. Put them back, or "
                f"delete {root / SAVES} to go on with the other recordings."
            )
    return [part for save in saves.values() for part in save]


def read_saves(folder: AnyPath) -> list[str] | None:
    """Read the list of saves in a folder. None if there is no list, as in folders of an earlier version."""
    content = _read_list(folder)
    return None if content is None else content.saves


def _read_list(folder: AnyPath) -> _Saves | None:
    path = folder / "recordings" / SAVES
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except StoreError as error:
        if error.error_type == "file_not_found":
            return None
        raise InputError(f"{path} {str(error).rstrip('.')}.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from error
    return _decoded(content, path)


def compacted_saves(folder: AnyPath) -> list[str]:
    """Return the names of earlier saves whose recordings were compacted into the first saves of a folder."""
    content = _read_list(folder)
    return [] if content is None else content.compacted


def names_of_saves(content: bytes, path: AnyPath) -> list[str]:
    """Return the names of the saves in the content of a list. `path` is the path of the list, for messages."""
    return _decoded(content, path).saves


def _decoded(content: bytes, path: AnyPath) -> _Saves:
    try:
        return msgspec.json.decode(content, type=_Saves)
    except msgspec.DecodeError as error:
        raise InputError(
            f"{path} is damaged ({error}). Restore it from a copy, or delete it: the corpus is read without it, but "
            "then it goes unnoticed if all files of a save are missing."
        ) from error


def _listed(folder: StorePath) -> StorePath:
    with reading(folder):
        return folder.listed()


def saves_bytes(saves: list[str], ignored: Sequence[str] = (), compacted: Sequence[str] = ()) -> bytes:
    """Return the content of a list of saves; see `write_saves`."""
    return msgspec.json.encode(_Saves(saves, list(ignored), list(compacted)))


def write_saves(
    folder: Path, saves: list[str], ignored: Sequence[str] = (), compacted: Sequence[str] | None = None
) -> None:
    """Replace the lists in a folder of the saves that belong to the corpus, are ignored, or were compacted.

    If `compacted` is None, the list of compacted saves stays, provided that all former saves are still in the corpus.
    """
    path = folder / "recordings" / SAVES
    if compacted is None:
        former = _read_list(folder)
        compacted = former.compacted if former is not None and saves[: len(former.saves)] == former.saves else []
    with replacing(path) as beside, beside.open("wb") as file:
        file.write(saves_bytes(saves, ignored, compacted))
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def name_of_save(note: Note) -> str:
    """Return the name of a save, which is part of the names of its files.

    >>> name_of_save(Note(number=3, save="1a2b3c4d", piece=0, pieces=1, partition_by=None, columns={}, provenance={}))
    '000003-1a2b3c4d'
    """
    return f"{note.number:06d}-{note.save}"


def _part(folder: AnyPath, path: PurePath) -> Part:
    """Read the metadata of one file of recordings."""
    file = folder / "recordings" / path
    metadata: dict[bytes, bytes] = read_footer(file).metadata or {}
    if NOTE not in metadata:
        raise InputError(
            f"{file} was not written by soniox_ds, but lies in the folder for the recordings of a corpus; move it "
            "elsewhere."
        )
    with reading(file):
        version = msgspec.convert(json.loads(metadata[NOTE]), _Version)
        if float(str(version.format).split(".")[0]) > FORMAT:
            raise InputError(
                f"{file} was written by a newer soniox_ds ({version.provenance.get('soniox_ds')}, format "
                f"{version.format}; this one reads format {FORMAT}); upgrade soniox_ds to read it."
            )
        note = msgspec.convert(json.loads(metadata[NOTE]), Note)
        if note.check is not None and note.check != note.digest(metadata):
            raise damaged(file, "its metadata have changed since it was written")
        if path.name != (name := name_of_part(note.number, note.save, note.piece)):
            raise InputError(
                f"{file} was written as {name}. Delete the file if it is a copy, otherwise rename it back; the file "
                "of its tokens has the same name."
            )
    return Part(folder, path, metadata, note)


def in_saves(parts: list[Part]) -> Iterator[list[Part]]:
    """Group parts by the save that wrote them, in the order of the saves."""
    by_save: dict[str, list[Part]] = {}
    for part in parts:
        by_save.setdefault(part.note.save, []).append(part)
    yield from by_save.values()


def rows_of(part: Part) -> npt.NDArray[np.int64]:
    """Return the position within the save of each recording of a part."""
    with reading(part.recordings):
        return np.asarray(_unpack(part.metadata[ROWS])["row"].to_numpy(), np.int64)


def dtypes_of(part: Part) -> dict[str, Any]:
    """Return the pandas dtype of each column of the recordings of a part."""
    with reading(part.recordings):
        samples = _unpack(part.metadata[SAMPLES])
        return {name: stored_dtype(column, samples[name]) for name, column in part.note.columns.items()}


def partition_value(part: Part) -> pa.Array:
    """Return the value of the partition of a part, as an array of one element."""
    with reading(part.recordings):
        value: pa.Array = _unpack(part.metadata[SAMPLES])[part.note.partition_by].combine_chunks()
        return value.dictionary_decode() if pa.types.is_dictionary(value.type) else value


def read_recordings(part: Part, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Read the recordings of a part, or some of their columns."""
    described = {name: column for name, column in part.note.columns.items() if columns is None or name in columns}
    partition = part.note.partition_by
    table = read_sealed(part.recordings, columns=[name for name in described if name != partition])
    with reading(part.recordings):
        samples = _unpack(part.metadata[SAMPLES])
        if partition in described:
            value = samples[partition].combine_chunks()
            table = table.append_column(partition, value.take(pa.array(np.zeros(table.num_rows, np.int64))))
        data = {name: restore(table[name], column, samples[name]) for name, column in described.items()}
        if table.num_rows != (n_rows := len(rows_of(part))):
            raise damaged(part.recordings, f"it contains {table.num_rows} recordings but the positions of {n_rows}")
        return pd.DataFrame(data, index=range(table.num_rows))


def read_tokens(part: Part, audio_ids: pd.Series[Any], *, only_these: bool) -> pa.Table:
    """Read the tokens of the recordings of a part.

    With `only_these`, the tokens of other recordings in the file are left out. Otherwise InputError is raised if the
    file has tokens of other recordings.
    """
    ids = pa.array(audio_ids, pa.string())
    table = read_sealed(part.tokens, filters=pc.field("audio_id").isin(ids) if only_these else None)
    with reading(part.tokens):
        if NOTE in (metadata := table.schema.metadata or {}):
            belongs = msgspec.convert(json.loads(metadata[NOTE]), Belonging)
            if (belongs.save, belongs.piece) != (part.note.save, part.note.piece):
                raise InputError(
                    f"{part.tokens} holds the tokens of {name_of_part(part.note.number, belongs.save, belongs.piece)}; "
                    "files of tokens were swapped. Give them their own names again."
                )
        schema = arrow_schema(TOKENS)
        for name in ("speaker_label", "channel"):
            if name not in table.column_names:  # An earlier version wrote the file.
                table = table.append_column(schema.field(name), pa.nulls(table.num_rows, schema.field(name).type))
        table = table.select(list(TOKENS)).cast(schema).replace_schema_metadata(None)
        read_ids = pc.unique(table["audio_id"].cast(pa.string()))
        if other := read_ids.filter(pc.invert(pc.is_in(read_ids, value_set=ids))).to_pylist():
            raise damaged(
                part.tokens,
                f"it contains tokens of {other[:3]}, which are not in the file of recordings with the same name",
            )
    return table


def pack(table: pa.Table) -> bytes:
    """Return a small table as text (base64), with whole dictionaries, since metadata of Parquet are UTF-8."""
    sink = pa.BufferOutputStream()
    schema = table.schema.remove_metadata()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, schema, options=options) as writer:
        arrays = [column.combine_chunks() if column.num_chunks != 1 else column.chunk(0) for column in table.columns]
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return base64.b64encode(sink.getvalue())


def _unpack(data: bytes) -> pa.Table:
    if not data.startswith(_ARROW_STREAM):  # Earlier versions wrote the bytes without base64.
        data = base64.b64decode(data, validate=True)
    # The tables are so small that starting threads takes longer than reading.
    with pa.ipc.open_stream(data, options=pa.ipc.IpcReadOptions(use_threads=False)) as reader:
        return pa.Table.from_batches(list(reader), schema=reader.schema)
