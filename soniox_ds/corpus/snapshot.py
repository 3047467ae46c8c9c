"""The recordings and tokens of a saved corpus, read as far as they are needed.

Conventions: a snapshot holds what the footers of the files of recordings say at one moment: the parts, the position of
each recording, and the dtypes of the columns. Saves that are appended later do not belong to it. The layout of the
folder is that of `soniox_ds.corpus.parquet`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from filelock import FileLock, Timeout

from soniox_ds.corpus.checksums import damaged, read_footer, reading
from soniox_ds.corpus.dtypes import joined_dtypes, with_dtypes
from soniox_ds.corpus.parts import (
    Part,
    compacted_saves,
    dtypes_of,
    find_parts,
    in_saves,
    name_of_save,
    read_recordings,
    read_saves,
    read_tokens,
    rows_of,
)
from soniox_ds.corpus.provenance import join_provenances
from soniox_ds.exceptions import InputError
from soniox_ds.schema import RECORDINGS, TOKENS, empty, frame_from_arrow
from soniox_ds.stores.paths import AnyPath, StorePath, map_in_threads

__all__ = ["LOCK", "SelectedPart", "Snapshot", "while_nobody_writes"]

LOCK = ".corpus.lock"
"""Name of the file that a writer locks."""

_LONGEST_WAIT_S = 60.0
"""Seconds that a reader waits for a writer after it has read something wrong."""

_Result = TypeVar("_Result")


def while_nobody_writes(folder: AnyPath, read: Callable[[], _Result]) -> _Result:
    """Return the result of `read`, which is called again after a writer has finished if it raises InputError.

    A writer may have been at work meanwhile. The corpus is damaged only if it is also wrong while nobody writes.
    """
    if not isinstance(folder, Path):
        return _while_list_is_the_same(folder, read)
    try:
        return read()
    except InputError:
        if not (folder / LOCK).exists():
            raise
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, Timeout):  # Without permission to write, no lock is possible or needed.
            stack.enter_context(FileLock(folder / LOCK, timeout=_LONGEST_WAIT_S))
        return read()


def _while_list_is_the_same(folder: StorePath, read: Callable[[], _Result]) -> _Result:
    """Return the result of `read`, which is called again if it raises InputError and the list of saves has changed."""
    while True:
        before = read_saves(folder)
        try:
            return read()
        except InputError:
            if read_saves(folder) == before:
                raise


@dataclass(frozen=True)
class SelectedPart:
    """The selected recordings of one part."""

    part: Part
    rows: npt.NDArray[np.int64] | None
    """Rows of the recordings in the file; None for all rows."""
    positions: npt.NDArray[np.int64]
    """Positions of the recordings among all selected recordings."""
    origins: npt.NDArray[np.int64]
    """Positions of the recordings among all recordings of the folder."""

    def read_recordings(self, dtypes: dict[str, Any]) -> pd.DataFrame:
        """Read these columns of the recordings, in the order of the file."""
        frame = read_recordings(self.part, dtypes)
        return with_dtypes(frame if self.rows is None else frame.iloc[self.rows].reset_index(drop=True), dtypes)

    def read_tokens(self, recordings: pd.DataFrame) -> pa.Table:
        """Read the tokens of the recordings, which `read_recordings` returned."""
        return read_tokens(self.part, recordings["audio_id"], only_these=self.rows is not None)

    def select(self, mask: npt.NDArray[np.bool_], new_positions: npt.NDArray[np.int64]) -> SelectedPart | None:
        """Return the part with those of its recordings that are in the mask over all positions, or None."""
        keep = mask[self.positions]
        if not keep.any():
            return None
        rows = np.flatnonzero(keep) if self.rows is None else self.rows[keep]
        rows_or_all = self.rows if keep.all() else rows
        return SelectedPart(self.part, rows_or_all, new_positions[self.positions[keep]], self.origins[keep])


@dataclass(frozen=True)
class Snapshot:
    """The selected recordings of a folder, as they were when it was opened."""

    folder: AnyPath
    parts: tuple[SelectedPart, ...]
    """The parts with selected recordings, in the order of the saves."""
    dtypes: dict[str, Any]
    """The dtypes of the recordings of the whole corpus by column: those of ``schema.RECORDINGS``, then metadata."""
    provenance: dict[str, Any]

    @classmethod
    def of_folder(cls, folder: AnyPath, columns: Collection[str] | None = None) -> Self:
        """Read the footers of the files of recordings; see `soniox_ds.open_corpus` for the errors."""
        parts = find_parts(folder)
        if not parts:
            raise InputError(_why_empty(folder))
        selected: list[SelectedPart] = []
        dtypes: list[dict[str, Any]] = []
        n_recordings = 0
        for save in in_saves(parts):
            rows = [rows_of(part) for part in save]
            total = sum(map(len, rows))
            with reading(save[0].recordings):
                if not np.array_equal(np.sort(np.concatenate(rows)), np.arange(total)):
                    raise damaged(save[0].recordings, "the files of its save do not fit together")
            selected += [
                SelectedPart(part, None, n_recordings + places, n_recordings + places)
                for part, places in zip(save, rows, strict=True)
                if len(places)
            ]
            # Tables without rows do not affect the columns and dtypes of the corpus.
            dtypes += [dtypes_of(part) for part, places in zip(save, rows, strict=True) if len(places)]
            n_recordings += total
        joined = joined_dtypes(dtypes or [dtypes_of(parts[0])])
        if unknown := sorted(set(columns or ()) - set(joined)):
            raise InputError(f"the corpus in {folder} has no columns {unknown}; it has {sorted(joined)}.")
        documented = {name: pd.api.types.pandas_dtype(column.dtype) for name, column in RECORDINGS.items()}
        metadata = {
            name: joined[name] for name in joined if name not in RECORDINGS and (columns is None or name in columns)
        }
        provenance = join_provenances([save[0].note.provenance for save in in_saves(parts)])
        return cls(folder, tuple(selected), documented | metadata, provenance)

    def __len__(self) -> int:
        return sum(len(part.positions) for part in self.parts)

    def all_of(self, part: Part) -> tuple[pd.Series[Any], pa.Table]:
        """Read the ids of all recordings of a part, selected or not, and their tokens."""

        ids = read_recordings(part, ["audio_id"])["audio_id"]
        return ids, read_tokens(part, ids, only_these=False)

    @property
    def is_whole(self) -> bool:
        """True if all recordings of each of its parts are selected."""
        return all(part.rows is None for part in self.parts)

    def select(self, mask: npt.NDArray[np.bool_]) -> Snapshot:
        """Return a snapshot of the recordings at the positions where the mask is True."""
        new_positions = np.cumsum(mask) - 1
        parts = [part.select(mask, new_positions) for part in self.parts]
        return replace(self, parts=tuple(part for part in parts if part is not None))

    def read_recordings(self, columns: Collection[str] | None = None) -> pd.DataFrame:
        """Read the recordings, in their order, or some of their columns."""
        return self.followed(lambda present: present._read_recordings(columns))

    def _read_recordings(self, columns: Collection[str] | None) -> pd.DataFrame:
        dtypes = {name: dtype for name, dtype in self.dtypes.items() if columns is None or name in columns}
        frames = map_in_threads(lambda part: part.read_recordings(dtypes), self.parts, self.folder)
        if not frames:
            return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})
        return self._joined(frames)

    def read_part(self, part: SelectedPart) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
        """Read the recordings, the tokens and the provenance of one part."""
        recordings, tokens, _ = replace(self, parts=(part,)).read_all()
        return recordings, tokens, part.part.note.provenance

    def read_all(self) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
        """Read all selected recordings, their tokens and the provenance."""
        return self.followed(Snapshot._read_all)

    def _read_all(self) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
        def tables_of(part: SelectedPart) -> tuple[pd.DataFrame, pa.Table]:
            recordings = part.read_recordings(self.dtypes)
            return recordings, part.read_tokens(recordings)

        tables = map_in_threads(tables_of, self.parts, self.folder)
        if not tables:
            return self._read_recordings(None), empty(TOKENS), self.provenance
        tokens = pa.concat_tables([tokens for _, tokens in tables]).unify_dictionaries()
        return self._joined([recordings for recordings, _ in tables]), frame_from_arrow(tokens, TOKENS), self.provenance

    def n_tokens(self) -> int | None:
        """Count the tokens by the footers of their files; None if only some recordings of a part are selected."""
        if not self.is_whole:
            return None
        return self.followed(Snapshot._n_tokens)

    def _n_tokens(self) -> int | None:
        footers = map_in_threads(read_footer, [part.part.tokens for part in self.parts], self.folder)
        return sum(int(footer.num_rows) for footer in footers) if self.is_whole else None

    def check_files(self) -> None:
        """Raise InputError if a file of the parts is missing or its footer is damaged."""
        map_in_threads(
            read_footer, [path for each in self.parts for path in (each.part.recordings, each.part.tokens)], self.folder
        )

    def _joined(self, frames: list[pd.DataFrame]) -> pd.DataFrame:
        """Put the recordings of all parts below each other, in the order of their positions."""
        joined = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
        positions = np.concatenate([part.positions for part in self.parts])
        if (np.diff(positions) < 0).any():
            joined = joined.take(np.argsort(positions)).reset_index(drop=True)
        return joined

    def followed(self, read: Callable[[Snapshot], _Result]) -> _Result:
        """Return the result of `read` for this snapshot, or for the parts that hold its recordings after a compaction.

        Raises
        ------
        InputError
            If `read` raises InputError and the files of this snapshot still exist, or if the corpus was replaced.
        """
        try:
            return read(self)
        except InputError as error:
            try:
                existing = {part.recordings for part in find_parts(self.folder)}
            except InputError:
                raise error from None
            gone = [part.part.recordings for part in self.parts if part.part.recordings not in existing]
            if not gone:
                raise
            if (moved := self._after_compaction()) is None:
                raise InputError(
                    f"{gone[0]} is gone: the corpus in {self.folder} was replaced after it was opened. Open it again: "
                    f"sx.open_corpus({str(self.folder)!r})."
                ) from error
        return moved.followed(read)

    def _after_compaction(self) -> Snapshot | None:
        """Return the same recordings in the present parts of the folder; None if the folder now holds another
        corpus."""
        known = {*(read_saves(self.folder) or ()), *compacted_saves(self.folder)}
        if any(name_of_save(part.part.note) not in known for part in self.parts):
            return None
        present = Snapshot.of_folder(self.folder)
        mask = np.zeros(len(present), np.bool_)
        mask[np.concatenate([part.origins for part in self.parts])] = True
        return replace(present.select(mask), dtypes=self.dtypes, provenance=self.provenance)


def _why_empty(folder: AnyPath) -> str:
    if not isinstance(folder, Path):
        return (
            f"{folder} contains no corpus (no recordings/part-*.parquet); pass the URL of the folder with the corpus."
        )
    if not folder.exists():
        return f"{folder} does not exist; pass the folder that corpus.save(...) wrote."
    if old := sorted(folder.glob(".old-*")):
        return (
            f"replacing the corpus in {folder} was interrupted; the previous corpus is in {old[0]}: move its two "
            "folders back."
        )
    return f"{folder} contains no corpus (no recordings/part-*.parquet); pass the folder that corpus.save(...) wrote."
