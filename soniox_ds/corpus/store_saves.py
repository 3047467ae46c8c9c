"""Corpora that are saved into a folder of a store.

Conventions: the layout is that of `soniox_ds.corpus.parquet`. A save belongs to the corpus once the list of saves names
it. Files of other saves are not read. On S3, a writer replaces the list only if nobody has changed it since the writer
read it; otherwise the writer begins again with the new list. Several processes may therefore write at the same time. On
other stores, a writer creates an object that marks it as the only writer, and a second writer is refused.
"""

from __future__ import annotations

import json
import os
import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from soniox_ds.corpus.checksums import sealed
from soniox_ds.corpus.parquet import TOKENS_PER_PART, SaveFile, check_fit, files_of_save, folder_not_empty
from soniox_ds.corpus.parts import SAVES, find_parts, name_of_save, names_of_saves, read_saves, saves_bytes
from soniox_ds.corpus.tables import CorpusTables
from soniox_ds.exceptions import InputError
from soniox_ds.stores.paths import StorePath, map_in_threads, writing_store
from soniox_ds.stores.store import StoreError

__all__ = ["SavesInStore", "only_writer", "save_in_store"]

_WRITER = ".writer.json"
_ATTEMPTS = 20


class SavesInStore:
    """The list of saves of a folder as it was read.

    It can be replaced unless another writer has changed it since then.
    """

    def __init__(self, folder: StorePath) -> None:
        path = folder / "recordings" / SAVES
        self._store, self._path = folder.store, path.path
        self._version: str | None = None
        self.names: list[str] | None = None
        """The names of the saves; None if there is no list."""
        if not self._store.has_conditional_writes:
            self.names = read_saves(folder)
        elif (stored := self._store.read_version(self._path)) is not None:
            content, self._version = stored
            self.names = names_of_saves(content, path)

    def replace(self, names: list[str], compacted: list[str] | None = None) -> None:
        """Write another list. Raises FileExistsError if another writer has replaced the list."""
        content = saves_bytes(names, compacted=compacted or [])
        if self.names is None:
            self._store.create(self._path, content)
        elif self._version is not None:
            self._store.replace(self._path, content, self._version)
        else:
            self._store.write(self._path, content)


@contextmanager
def only_writer(folder: StorePath) -> Iterator[None]:
    """Mark this process as the only writer of a folder. On S3, no mark is needed.

    Raises
    ------
    InputError
        If another process writes into the folder.
    """
    if folder.store.has_conditional_writes:
        yield
        return
    mark = folder / _WRITER
    since = datetime.now(UTC).isoformat(timespec="seconds")
    who = f"process {os.getpid()} on {platform.node() or 'an unnamed machine'}"
    try:
        folder.store.create(mark.path, json.dumps({"writer": who, "since": since, "id": uuid.uuid4().hex}).encode())
    except FileExistsError:
        raise InputError(
            f"another process is writing into {folder}: {mark} names it ({_content(mark)}). Wait until it has ended. "
            "If it was killed, delete this object."
        ) from None
    try:
        yield
    finally:
        mark.unlink()


def _content(mark: StorePath) -> str:
    try:
        return mark.read_bytes().decode("utf-8", "replace")[:200]
    except OSError:  # The other writer has just ended and removed its mark.
        return "it has just ended"


def save_in_store(
    corpus: CorpusTables, folder: StorePath, *, partition_by: str | None, append: bool, overwrite: bool
) -> None:
    """Write a corpus into a folder of a store; see `soniox_ds.corpus.parquet.write_corpus` for the arguments.

    Raises
    ------
    InputError
        As for a local folder, or if the store cannot be written to, or another writer is at work.
    """
    with writing_store(folder), only_writer(folder):
        for _ in range(_ATTEMPTS):
            try:
                _save(corpus, folder, partition_by, append=append, overwrite=overwrite)
            except FileExistsError:
                continue  # Another writer has changed the list, so this save begins again with the new list.
            return
    raise InputError(f"other writers changed the corpus in {folder} {_ATTEMPTS} times. Try again later.")


def _save(corpus: CorpusTables, folder: StorePath, partition_by: str | None, *, append: bool, overwrite: bool) -> None:
    saves = SavesInStore(folder)
    present = folder.listed()
    former = [path for kind in ("recordings", "tokens", "words") for path in (present / kind).rglob("part-*.parquet")]
    parts = [] if overwrite else find_parts(folder)
    names = list(dict.fromkeys(name_of_save(part.note) for part in parts))
    if append:
        if partition_by is None and parts:
            partition_by = parts[0].note.partition_by
        check_fit(corpus, folder, parts, partition_by)
    elif not overwrite and saves.names != []:
        contents = {path.relative_to(present).parts[0] for path in present.rglob("*")} - {_WRITER}
        if contents:
            raise folder_not_empty(folder, contents)
    number = max((part.note.number for part in parts), default=-1) + 1
    files = files_of_save(corpus, partition_by, number=number, tokens_per_part=TOKENS_PER_PART)
    if saves.names is None:  # The list tells readers that the new save is not complete yet.
        saves.replace(names)
        saves = SavesInStore(folder)
    with _written(folder, files):
        saves.replace([*names, files[0].save])
    if overwrite:
        map_in_threads(StorePath.unlink, former, folder)


@contextmanager
def _written(folder: StorePath, files: list[SaveFile]) -> Iterator[None]:
    """Write the files of a save. If the block fails, they are deleted."""
    tables: dict[StorePath, Any] = {folder / "tokens" / file.path: file.tokens for file in files}
    tables |= {folder / "recordings" / file.path: file.recordings for file in files}
    try:
        map_in_threads(lambda item: item[0].write_bytes(sealed(item[1])), tables.items(), folder)
        yield
    except BaseException:
        with suppress(StoreError):  # Files that cannot be deleted are not in the list, so nobody reads them.
            map_in_threads(StorePath.unlink, tables, folder)
        raise
