"""Compaction of a saved corpus: small parts are joined, and large parts are divided.

Conventions: all parts are written anew. Without partitions, each new part is a save of its own, so that runs can
continue with single parts. With partitions, all new parts form one save, because the order of the recordings runs
across the partitions. While the files are written, the list of saves marks the new saves as ignored. The list is then
replaced once: the new saves become the corpus, and the old saves are ignored. At last, the old files are deleted.
Readers therefore see either all old parts or all new parts. The list keeps the names of the old saves, so that readers
that have opened them continue with the new parts.
"""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import filelock
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soniox_ds.corpus.checksums import read_footer, read_sealed, sealed
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.corpus.parquet import (
    RUN_LOCK,
    TOO_LARGE,
    IntArray,
    SaveFile,
    corpus_lock,
    file_of_piece,
    files_of_save,
    remove_remains,
    stretches,
)
from soniox_ds.corpus.parts import compacted_saves, find_parts, name_of_save, write_saves
from soniox_ds.corpus.snapshot import SelectedPart, Snapshot
from soniox_ds.exceptions import InputError
from soniox_ds.files.atomic_files import sync_folder, writing
from soniox_ds.progress import display

__all__ = ["compact_folder"]

_MOST_RECORDINGS = 100_000


def compact_folder(
    folder: Path, tokens_per_part: int, progress: bool | Callable[[display.Snapshot], object] | None
) -> None:
    """Join and divide the parts of a folder; see `soniox_ds.corpus.opened.OpenedCorpus.compact`."""
    run_lock = filelock.FileLock(folder / RUN_LOCK)
    with writing(folder), corpus_lock(folder):
        try:
            run_lock.acquire(timeout=0)
        except filelock.Timeout:
            raise InputError(
                f"a run is writing its corpus into {folder}. Compact the folder after the run has ended."
            ) from None
        try:
            _compact(folder, tokens_per_part, progress)
        finally:
            run_lock.release()


def _compact(folder: Path, tokens_per_part: int, progress: bool | Callable[[display.Snapshot], object] | None) -> None:
    parts = find_parts(folder)
    remove_remains(folder, parts)
    snapshot = Snapshot.of_folder(folder)
    plan = _plan(snapshot.parts, tokens_per_part)
    if not plan or _is_compact(snapshot.parts, plan):
        return
    old = list(dict.fromkeys(name_of_save(part.note) for part in parts))
    new: list[str] = []
    paths: list[Path] = []
    try:
        with display.Progress(display.progress_for(progress)) as shown:
            shown.set_total(len(snapshot))
            for file in _files(snapshot, plan):
                if file.save not in new:
                    new.append(file.save)
                    write_saves(folder, old, ignored=new)
                for kind, table in (("tokens", file.tokens), ("recordings", file.recordings)):
                    paths.append(folder / kind / file.path)
                    _write(paths[-1], table)
                for _ in range(file.recordings.num_rows):
                    shown.add_finished(True)
        for path in {path.parent for path in paths}:
            sync_folder(path)
        write_saves(folder, new, ignored=old, compacted=[*compacted_saves(folder), *old])
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        write_saves(folder, old)
        raise
    for part in parts:
        for kind in ("recordings", "tokens", "words"):
            (folder / kind / part.path).unlink(missing_ok=True)
    write_saves(folder, new)


class _Stretch(NamedTuple):
    """Neighbouring recordings of one part."""

    part: SelectedPart
    rows: slice
    is_all: bool
    """True if the stretch is the whole part."""
    n_tokens: int

    @property
    def n_recordings(self) -> int:
        return int(self.rows.stop - self.rows.start)


def _plan(parts: Sequence[SelectedPart], tokens_per_part: int) -> list[list[_Stretch]]:
    """Return the stretches of the old parts that each new part consists of."""
    plan: list[list[_Stretch]] = []
    by_folder = sorted(parts, key=lambda each: str(each.part.path.parent))  # The order within a partition stays.
    for _, partition in itertools.groupby(by_folder, key=lambda each: each.part.path.parent):
        pending: list[_Stretch] = []
        for stretch in itertools.chain.from_iterable(_stretches(part, tokens_per_part) for part in partition):
            joined = [*pending, stretch]
            is_too_large = sum(each.n_tokens for each in joined) > tokens_per_part
            if pending and (is_too_large or sum(each.n_recordings for each in joined) > _MOST_RECORDINGS):
                plan.append(pending)
                joined = [stretch]
            pending = joined
        plan.append(pending)
    return plan


def _stretches(part: SelectedPart, tokens_per_part: int) -> list[_Stretch]:
    """Return a part as one stretch, or as several stretches if it has too many tokens."""
    n_tokens, n_recordings = int(read_footer(part.part.tokens).num_rows), len(part.origins)
    if n_tokens <= TOO_LARGE * tokens_per_part or n_recordings == 1:
        return [_Stretch(part, slice(0, n_recordings), True, n_tokens)]
    ids = pd.Index(read_sealed(part.part.recordings, columns=["audio_id"])["audio_id"].to_pylist())
    counted = pc.value_counts(read_sealed(part.part.tokens, columns=["audio_id"])["audio_id"].cast("string"))
    counts = np.zeros(n_recordings, np.int64)
    counts[ids.get_indexer(counted.field("values").to_pylist())] = counted.field("counts").to_numpy()
    return [_Stretch(part, each, False, int(counts[each].sum())) for each in stretches(counts, tokens_per_part)]


def _is_compact(parts: Sequence[SelectedPart], plan: Sequence[Sequence[_Stretch]]) -> bool:
    """Return True if nothing has to be written: each new part is an old part, and without partitions, each part is a
    save of its own."""
    notes = [each.part.note for each in parts]
    is_single = all(note.pieces == 1 or note.partition_by is not None for note in notes)
    return is_single and len(plan) == len(parts) and all(len(each) == 1 and each[0].is_all for each in plan)


def _files(snapshot: Snapshot, plan: Sequence[Sequence[_Stretch]]) -> Iterator[SaveFile]:
    """Yield the files of the new parts. Each old part is read once."""
    partition_by = snapshot.parts[0].part.note.partition_by
    save = uuid.uuid4().hex[:8]
    read: tuple[SelectedPart, Corpus] | None = None
    for number, piece in enumerate(plan):
        corpora: list[Corpus] = []
        origins: list[IntArray] = []
        for stretch in piece:
            if read is None or read[0] is not stretch.part:
                read = stretch.part, Corpus(*snapshot.read_part(stretch.part))
            mask = np.zeros(len(read[1]), np.bool_)
            mask[stretch.rows] = True
            corpora.append(read[1] if stretch.is_all else read[1].select(mask))
            origins.append(stretch.part.origins[stretch.rows])
        corpus = Corpus.concat(corpora)
        if partition_by is None:
            yield from files_of_save(corpus, None, number=number)
            continue
        yield file_of_piece(
            corpus.recordings,
            corpus.tokens,
            snapshot.provenance,
            folder=piece[0].part.part.path.parent.parts,
            positions=np.concatenate(origins),
            partition_by=partition_by,
            number=0,
            save=save,
            piece=number,
            pieces=len(plan),
        )


def _write(path: Path, table: pa.Table) -> None:
    with path.open("wb") as sink:
        sink.write(sealed(table))
        sink.flush()
        os.fsync(sink.fileno())
