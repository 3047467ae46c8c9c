"""Joining and dividing the parts of a saved corpus.

Conventions: all parts are written anew, one save for each. Until they are complete, the list of saves ignores the new
saves. Then one replacement of the list makes the new saves the corpus and ignores the old ones, whose files are
deleted. Readers therefore see either all old parts or all new ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import filelock
import numpy as np
import pandas as pd
import pyarrow as pa

from soniox_ds.corpus.checksums import read_footer, sealed
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.corpus.parquet import RUN_LOCK, corpus_lock, files_of_save, remove_remains
from soniox_ds.corpus.parts import Part, find_parts, name_of_save, write_saves
from soniox_ds.corpus.snapshot import Snapshot
from soniox_ds.exceptions import InputError
from soniox_ds.files.atomic_files import sync_folder, writing
from soniox_ds.progress import display

__all__ = ["compact_folder"]

_MOST_RECORDINGS = 100_000
_TOO_LARGE = 1.5
"""A part is divided if it has this many times as many tokens as a part is to have."""


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
    if (partition := parts[0].note.partition_by) is not None:
        raise InputError(
            f"the corpus in {folder} is partitioned by {partition!r}; only corpora without partition_by can be "
            "compacted."
        )
    remove_remains(folder, parts)
    if _is_compact(parts, tokens_per_part):
        return
    snapshot = Snapshot.of_folder(folder)
    old, new, paths = [name_of_save(part.note) for part in parts], [], []
    try:
        with display.Progress(display.progress_for(progress)) as shown:
            shown.set_total(len(snapshot))
            corpora = (Corpus(*snapshot.read_part(part)) for part in snapshot.parts)
            for number, corpus in enumerate(_regrouped(corpora, tokens_per_part)):
                [file] = files_of_save(corpus, None, number=number)
                new.append(file.save)
                write_saves(folder, old, ignored=new)
                for kind, table in (("tokens", file.tokens), ("recordings", file.recordings)):
                    paths.append(folder / kind / file.path)
                    _write(paths[-1], table)
                for _ in range(len(corpus)):
                    shown.add_finished(True)
        for kind in ("tokens", "recordings"):
            sync_folder(folder / kind)
        write_saves(folder, new, ignored=old)
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        write_saves(folder, old)
        raise
    for part in parts:
        for kind in ("recordings", "tokens", "words"):
            (folder / kind / part.path).unlink(missing_ok=True)
    write_saves(folder, new)


def _is_compact(parts: Sequence[Part], tokens_per_part: int) -> bool:
    """Return True if no part is too large, and no two neighbours fit into one part."""
    counts = np.array([read_footer(part.tokens).num_rows for part in parts])
    recordings = np.array([read_footer(part.recordings).num_rows for part in parts])
    fit = (counts[1:] + counts[:-1] <= tokens_per_part) & (recordings[1:] + recordings[:-1] <= _MOST_RECORDINGS)
    too_large = (counts > _TOO_LARGE * tokens_per_part) & (recordings > 1)
    return not fit.any() and not too_large.any()


def _regrouped(corpora: Iterator[Corpus], tokens_per_part: int) -> Iterator[Corpus]:
    """Join neighbouring corpora up to this size, after dividing those that are too large."""
    pending: list[Corpus] = []
    n_tokens = n_recordings = 0
    for corpus in corpora:
        for piece in _divided(corpus, tokens_per_part):
            is_full = n_tokens + len(piece.tokens) > tokens_per_part or n_recordings + len(piece) > _MOST_RECORDINGS
            if pending and is_full:
                yield Corpus.concat(pending)
                pending, n_tokens, n_recordings = [], 0, 0
            pending.append(piece)
            n_tokens, n_recordings = n_tokens + len(piece.tokens), n_recordings + len(piece)
    if pending:
        yield Corpus.concat(pending)


def _divided(corpus: Corpus, tokens_per_part: int) -> Iterator[Corpus]:
    if len(corpus.tokens) <= _TOO_LARGE * tokens_per_part:
        yield corpus
        return
    row = pd.Index(corpus.recordings["audio_id"]).get_indexer(pd.Index(corpus.tokens["audio_id"]))
    before = np.cumsum(np.bincount(row, minlength=len(corpus))) - 1
    number = np.maximum(before, 0) // tokens_per_part
    for each in np.unique(number):
        yield corpus.select(number == each)


def _write(path: Path, table: pa.Table) -> None:
    with path.open("wb") as sink:
        sink.write(sealed(table))
        sink.flush()
        os.fsync(sink.fileno())
