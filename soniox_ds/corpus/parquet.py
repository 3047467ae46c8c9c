"""Storage of a corpus as Parquet files that other tools can read as well.

Layout of a folder::

    recordings/part-000000-1a2b3c4d-0.parquet              schema.RECORDINGS and the metadata columns
    recordings/_saves.json                                 the list of the complete saves
    tokens/part-000000-1a2b3c4d-0.parquet                  schema.TOKENS of the recordings in the part of the same name
    recordings/split=test/part-000000-1a2b3c4d-0.parquet   the same with partition_by="split"

Conventions: the parts of one save have the same number, and an append uses the next number. A save with many tokens has
several parts, in each folder of a partition, and no recording is in two of them. Columns with repeated
values are dictionary-encoded, and all columns are compressed with zstd. The value of a partition is in the name of its
folder, percent-encoded as Hive, Spark, DuckDB and pyarrow read it (NA and "" as ``__HIVE_DEFAULT_PARTITION__``), and
not in its files. The metadata of each file hold what Parquet cannot express (pandas dtypes, categories, the order of
rows across parts, the exact value of the partition) and the provenance, under the keys ``soniox_ds`` (JSON) and
``soniox_ds.*`` (Arrow streams in base64). Files have checksums (`soniox_ds.corpus.checksums`).

An interrupted save leaves nothing half-readable: files are written under another name, forced to the disk and renamed,
all tokens before any recordings, and then the save is added to the list. A save that is neither complete nor in the
list is not read, so readers see the corpus either before or after the save. Writers wait for each other. A reader takes
no lock; if it finds something wrong, it reads again while no writer is active.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from filelock import FileLock

from soniox_ds.corpus.checksums import read_sealed, sealed
from soniox_ds.corpus.dtypes import to_arrow
from soniox_ds.corpus.parts import (
    NOTE,
    ROWS,
    SAMPLES,
    SAVES,
    Belonging,
    Note,
    Part,
    find_parts,
    name_of_part,
    name_of_save,
    note_bytes,
    pack,
    read_saves,
    write_saves,
)
from soniox_ds.corpus.snapshot import LOCK
from soniox_ds.corpus.tables import CorpusTables
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.files.atomic_files import sync_folder, writing
from soniox_ds.schema import RECORDINGS, TOKENS, frame_to_arrow
from soniox_ds.stores.paths import AnyPath

__all__ = [
    "LOCKS",
    "RUN_LOCK",
    "TOKENS_PER_PART",
    "TOO_LARGE",
    "SaveFile",
    "check_fit",
    "corpus_lock",
    "file_of_piece",
    "files_of_save",
    "folder_not_empty",
    "remove_remains",
    "stretches",
    "write_corpus",
    "write_files",
]

IntArray: TypeAlias = npt.NDArray[np.integer[Any]]

_KINDS = ("tokens", "recordings")  # This is the order in which they are written.
_NOWHERE = "__HIVE_DEFAULT_PARTITION__"
_MOST_PARTITIONS = 2000
TOKENS_PER_PART = 1_000_000
"""Number of tokens that a part should have."""
TOO_LARGE = 1.5
"""A part is divided if it has more than this many times the number of tokens that it should have."""
_FEW_VALUES = ("status", "error_type", "service", "model", "resolved_model", "options_hash")
RUN_LOCK = ".transcribe.lock"
"""Name of the file that a run locks for as long as it writes into the folder."""
LOCKS = (LOCK, RUN_LOCK)
_BEGUN = ".begun"  # The names of files that are being written end like this.


def corpus_lock(folder: Path) -> FileLock:
    """Return the lock of those who write into the folder of a corpus."""
    return FileLock(folder / LOCK)


def write_corpus(
    corpus: CorpusTables,
    folder: Path,
    *,
    partition_by: str | None = None,
    append: bool = False,
    overwrite: bool = False,
    beside: Mapping[str, pa.Table] | None = None,
) -> None:
    """Write a corpus into a folder.

    Parameters
    ----------
    corpus
        The corpus to write.
    folder
        The folder, which is made if it does not exist. It must be empty unless `append` or `overwrite` is given.
    partition_by
        A column of `recordings` with few values. Each value gets a folder of its own.
    append
        Add to the corpus in the folder, without changing the existing files. The corpus is partitioned in the same way,
        and the dtypes of the metadata must be the same. An empty or absent folder gets a new corpus.
    overwrite
        Replace the corpus in the folder, or add a corpus beside unrelated files, which are kept.
    beside
        Further tables, by the names of their files in the folder.

    Raises
    ------
    InputError
        If the folder is not empty, already holds some of the ids, or holds a corpus that does not fit; or if it cannot
        be written to, or the disk is full. The folder is then unchanged.
    SchemaError
        If a metadata column cannot be written, or `partition_by` is not a suitable column.
    """
    if append and overwrite:
        raise InputError(
            "append=True keeps the corpus in the folder and overwrite=True replaces it; pass only one of them."
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, but a corpus is saved into a folder.")
    _groups(corpus.recordings, partition_by)  # This check comes first, so that an error leaves no folder behind.
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"the folder {folder} cannot be created: {error}. Name another folder.") from error
        with writing(folder), corpus_lock(folder):
            _save(corpus, folder, partition_by, append=append, overwrite=overwrite, beside=beside or {})
    except BaseException:
        if folder in made and folder.is_dir():
            (folder / LOCK).unlink(missing_ok=True)
        _remove_if_empty(made)
        raise


def _save(
    corpus: CorpusTables,
    folder: Path,
    partition_by: str | None,
    *,
    append: bool,
    overwrite: bool,
    beside: Mapping[str, pa.Table],
) -> None:
    parts = [] if overwrite else find_parts(folder)  # A damaged corpus can be overwritten.
    if append:
        if partition_by is None and parts:
            partition_by = parts[0].note.partition_by
        check_fit(corpus, folder, parts, partition_by)
    elif not overwrite and (contents := _contents(folder)):
        raise folder_not_empty(folder, contents)
    number = max((part.note.number for part in parts), default=-1) + 1
    files = files_of_save(corpus, partition_by, number=number, tokens_per_part=TOKENS_PER_PART)
    if overwrite:
        _replace(folder, files, beside)
    else:
        remove_remains(folder, parts)
        saves = list(dict.fromkeys(name_of_save(part.note) for part in parts))
        write_files(folder, files, [*saves, files[0].save], beside)


def _contents(folder: Path) -> list[str]:
    """List the contents of a folder, without the remains of a first save that was killed."""
    names = [path.name for path in folder.iterdir() if path.name not in LOCKS and not path.name.endswith(_BEGUN)]
    inner = [path for kind in _KINDS for path in (folder / kind).rglob("*") if path.is_file()]
    if read_saves(folder) == []:
        inner = [path for path in inner if path.name != SAVES and not path.match("part-*.parquet")]
    if all(path.match(f".part-*{_BEGUN}") for path in inner):
        names = [name for name in names if name not in _KINDS]
    return names


class SaveFile(NamedTuple):
    """A file that is about to be written."""

    save: str
    """Name of the save, as `name_of_save` gives it."""
    path: Path
    """Path relative to the folder ``recordings`` or ``tokens``."""
    recordings: pa.Table
    tokens: pa.Table


def files_of_save(
    corpus: CorpusTables, partition_by: str | None, *, number: int, tokens_per_part: int | None = None
) -> list[SaveFile]:
    """Return the files of a save with this number.

    The corpus, or each partition of it, is divided into several parts if it has more than 1.5 times `tokens_per_part`
    tokens; None for no limit.
    """
    save = uuid.uuid4().hex[:8]
    recordings = corpus.recordings
    groups = _groups(recordings, partition_by)
    if len(groups) == 1 and len(corpus.tokens) <= TOO_LARGE * (tokens_per_part or len(corpus.tokens)):
        tokens = [corpus.tokens]
    else:
        codes, ids = pd.factorize(corpus.tokens["audio_id"])
        row_of_token = pd.Index(recordings["audio_id"]).get_indexer(ids)[codes]
        counts = np.bincount(row_of_token, minlength=len(recordings))
        groups = [
            (folder, rows[stretch]) for folder, rows in groups for stretch in stretches(counts[rows], tokens_per_part)
        ]
        piece_of_row = np.zeros(len(recordings), np.int32)
        for piece, (_, rows) in enumerate(groups):
            piece_of_row[rows] = piece
        piece_of_token = piece_of_row[row_of_token]
        ends = np.cumsum(np.bincount(piece_of_token, minlength=len(groups)))
        if (np.diff(piece_of_token) >= 0).all():
            bounds = itertools.pairwise([0, *ends.tolist()])
            tokens = [corpus.tokens.iloc[start:end] for start, end in bounds]
        else:
            order = np.argsort(piece_of_token, kind="stable")
            tokens = [corpus.tokens.iloc[each] for each in np.split(order, ends[:-1])]
    return [
        file_of_piece(
            recordings.iloc[rows],
            tokens[piece],
            corpus.provenance,
            folder=folder,
            positions=rows,
            partition_by=partition_by,
            number=number,
            save=save,
            piece=piece,
            pieces=len(groups),
        )
        for piece, (folder, rows) in enumerate(groups)
    ]


def file_of_piece(
    recordings: pd.DataFrame,
    tokens: pd.DataFrame,
    provenance: dict[str, Any],
    *,
    folder: Sequence[str],
    positions: IntArray,
    partition_by: str | None,
    number: int,
    save: str,
    piece: int,
    pieces: int,
) -> SaveFile:
    """Return one of the files of a save; the arguments are the fields of its `Note`.

    `folder` is that of the partition below ``recordings``, and `positions` are those of the recordings in the save.
    """
    group, described = to_arrow(recordings)
    metadata = {
        **(group.schema.metadata or {}),
        SAMPLES: pack(group.slice(0, 1) if partition_by else group.slice(0, 0)),
        ROWS: pack(pa.table({"row": pa.array(positions, pa.int64())})),
    }
    note = Note(
        number=number,
        save=save,
        piece=piece,
        pieces=pieces,
        partition_by=partition_by,
        columns=described,
        provenance=provenance,
    )
    note.check = note.digest(metadata)
    metadata[NOTE] = note_bytes(note)
    # The pandas metadata would name the partition column, which the file does not have.
    metadata.pop(b"pandas", None)
    written = group.drop_columns([partition_by]) if partition_by else group
    return SaveFile(
        name_of_save(note),
        Path(*folder, name_of_part(number, save, piece)),
        written.replace_schema_metadata(metadata),
        frame_to_arrow(tokens, TOKENS).replace_schema_metadata({NOTE: note_bytes(Belonging(save, piece))}),
    )


def stretches(counts: IntArray, tokens_per_part: int | None) -> list[slice]:
    """Divide recordings into parts of about `tokens_per_part` tokens, and return the slice of each part.

    `counts` are the numbers of tokens of the recordings. A recording is never divided. There is only one part if
    `tokens_per_part` is None, or if there are at most `TOO_LARGE` times as many tokens.

    >>> stretches(np.array([4, 4, 4, 9, 1]), 8)
    [slice(0, 2, None), slice(2, 3, None), slice(3, 5, None)]
    """
    if tokens_per_part is None or counts.sum() <= TOO_LARGE * tokens_per_part:
        return [slice(0, len(counts))]
    number = np.maximum(np.cumsum(counts) - 1, 0) // tokens_per_part
    starts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(counts)]
    return [slice(start, end) for start, end in itertools.pairwise(starts)]


def _groups(recordings: pd.DataFrame, partition_by: str | None) -> list[tuple[list[str], IntArray]]:
    """Return for each file its folder below ``recordings`` and the positions of its rows."""
    if partition_by is None:
        return [([], np.arange(len(recordings)))]
    if partition_by not in recordings:
        raise SchemaError(
            f"recordings have no column {partition_by!r} to partition by; they have {list(recordings.columns)}."
        )
    column = recordings[partition_by]
    if partition_by in RECORDINGS and partition_by not in _FEW_VALUES:
        raise SchemaError(
            f"{partition_by!r} differs from recording to recording; partition by a column with few different values."
        )
    try:
        codes, values = pd.factorize(column, use_na_sentinel=False)
    except TypeError as error:
        raise SchemaError(
            f"column {partition_by!r} contains values that cannot be compared ({error}); partition by another column."
        ) from error
    if len(values) > _MOST_PARTITIONS:
        raise SchemaError(
            f"column {partition_by!r} has {len(values)} values, and each would become a folder; "
            f"partition by a column with at most {_MOST_PARTITIONS}."
        )
    if not len(values):
        return [([], np.arange(0))]
    groups: list[tuple[list[str], IntArray]] = []
    for code in range(len(values)):
        rows = np.flatnonzero(codes == code)
        value = column.iloc[rows[0]]
        text = "" if pd.api.types.is_scalar(value) and pd.isna(value) else str(value)
        name = f"{quote(partition_by, safe=' ')}={quote(text, safe=' ') or _NOWHERE}".replace(" ", "%20")
        if len(name.encode()) > 255:
            raise SchemaError(
                f"the value {text[:40]!r}... of {partition_by!r} is too long for the name of a folder; partition by "
                "another column."
            )
        groups.append(([name], rows))
    return groups


def write_files(folder: Path, files: list[SaveFile], saves: list[str], beside: Mapping[str, pa.Table]) -> None:
    """Write the files of a save: tokens first, then recordings, then the list of all saves, which includes this one."""
    had_list = read_saves(folder) is not None
    tables = [
        *((folder / name, table) for name, table in beside.items()),
        *((folder / "tokens" / file.path, file.tokens) for file in files),
        *((folder / "recordings" / file.path, file.recordings) for file in files),
    ]
    begun = [final.with_name(f".{final.name}{_BEGUN}") for final, _ in tables]
    renamed: list[Path] = []
    try:
        for path, (_, table) in zip(begun, tables, strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as sink:
                sink.write(sealed(table))
                sink.flush()
                os.fsync(sink.fileno())
        if not had_list:  # By this list, readers see that the new save is not complete.
            write_saves(folder, [name for name in saves if name != files[0].save])
        for path, (final, _) in zip(begun, tables, strict=True):
            renamed.append(final)
            path.rename(final)
        for path in {final.parent for final, _ in tables}:
            sync_folder(path)
        write_saves(folder, saves)
    except BaseException:
        for path in (*begun, *renamed, *([] if had_list else [folder / "recordings" / SAVES])):
            path.unlink(missing_ok=True)
        for kind in _KINDS:
            _remove_if_empty([*sorted((folder / kind).rglob("*/"), reverse=True), folder / kind])
        raise


def _remove_if_empty(folders: Iterable[Path]) -> None:
    """Remove those of these folders that are empty. Inner folders must come first."""
    for path in folders:
        with contextlib.suppress(OSError):
            path.rmdir()


def remove_remains(folder: Path, parts: list[Part]) -> None:
    """Remove what a killed save left behind: half-written files, and files of a save that is not complete."""
    known = {path for part in parts for path in (part.tokens, part.recordings)}
    for kind in _KINDS:
        for path in [*(folder / kind).rglob(f".part-*{_BEGUN}"), *(folder / kind).rglob("part-*.parquet")]:
            if path not in known:
                path.unlink()


def _replace(folder: Path, files: list[SaveFile], beside: Mapping[str, pa.Table]) -> None:
    """Write the new corpus into another folder and then exchange the two. Unrelated files are not touched."""
    new = folder / f".new-{uuid.uuid4().hex[:8]}"
    aside = folder / f".old-{uuid.uuid4().hex[:8]}"
    # Recordings are moved away first and moved in last, so that readers never see a mixture of the two.
    names = [*beside, *_KINDS]
    try:
        write_files(new, files, [files[0].save], beside)
        aside.mkdir()
        for name in reversed(names):
            if (folder / name).exists():
                (folder / name).rename(aside / name)
        for name in names:
            (new / name).rename(folder / name)
    except OSError:
        for name in names:
            if (aside / name).exists():
                if (folder / name).exists():
                    (folder / name).rename(new / name)
                (aside / name).rename(folder / name)
        _remove_if_empty([aside])
        raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(aside)


def folder_not_empty(folder: AnyPath, contents: Iterable[str]) -> InputError:
    """Return the error for a folder that holds something, if neither append nor overwrite was chosen."""
    return InputError(
        f"{folder} is not empty (it holds {sorted(contents)[:3]}). Name another folder, or pass append=True to "
        "add to the corpus there or overwrite=True to replace it."
    )


def check_fit(corpus: CorpusTables, folder: AnyPath, parts: list[Part], partition_by: str | None) -> None:
    """Raise InputError if a corpus cannot be added to these parts."""
    if not parts:
        if isinstance(folder, Path) and (
            others := [path.name for path in folder.iterdir() if path.name not in (*LOCKS, "tokens", "recordings")]
        ):
            raise InputError(
                f"{folder} contains no corpus to append to, but {sorted(others)[:3]}. Name another folder."
            )
        return
    existing = parts[0].note.partition_by
    if existing != partition_by:
        raise InputError(
            f"the corpus in {folder} has partition_by={existing!r}, found {partition_by!r}; append with the same "
            "partition_by."
        )
    ids: set[str] = set()
    for part in parts:
        ids |= set(read_sealed(part.recordings, columns=["audio_id"])["audio_id"].to_pylist())
    if repeated := [name for name in corpus.recordings["audio_id"].tolist() if name in ids]:
        raise InputError(
            f"{len(repeated)} of {len(corpus.recordings)} recordings are in {folder} already: {repeated[:5]}. "
            "Append only the new ones: known = read_corpus(folder).recordings['audio_id']; "
            "corpus.select(~corpus.recordings['audio_id'].isin(known))."
        )
    _, described = to_arrow(corpus.recordings)
    before = {name: column for part in parts for name, column in part.note.columns.items()}
    for name, column in described.items():
        if name in before and before[name].dtype != column.dtype:
            raise InputError(
                f"column {name!r} has dtype {column.dtype}, in {folder} it has {before[name].dtype}; "
                f"convert it first: recordings[{name!r}].astype({before[name].dtype!r})."
            )
