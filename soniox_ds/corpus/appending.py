"""Saves that are added to the folder of a corpus, or replaced there, one after the other.

Conventions: the layout is that of `soniox_ds.corpus.parquet`. An `Appender` knows the saves of the folder, so that each
new save costs the same however many there are. A save is replaced by another one with the same number: the list of
saves then names the new one, and the files of the former are deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.corpus.checksums import problem_of
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.corpus.dtypes import to_arrow
from soniox_ds.corpus.parquet import corpus_lock, files_of_save, remove_remains, write_files
from soniox_ds.corpus.parts import Part, find_parts, name_of_save, read_saves
from soniox_ds.exceptions import InputError
from soniox_ds.files.atomic_files import writing
from soniox_ds.schema import RECORDINGS, empty

__all__ = ["ASIDE", "Appender", "check_columns", "empty_corpus", "in_order"]

ASIDE = "lost-"
"""Beginning of the name of a file that was set aside, because the other file of its part is missing."""


class Appender:
    """A writer of saves into the folder of a corpus that is not partitioned.

    Parameters
    ----------
    folder
        The folder, which is made if it does not exist.
    fill_gaps
        True to put an empty save in the place of each save of which a file is missing. What is left of that save is set
        aside.

    Raises
    ------
    InputError
        If a file of the folder is missing or damaged, or if the folder cannot be written to.
    """

    def __init__(self, folder: Path, *, fill_gaps: bool = False) -> None:
        self._folder = folder
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with corpus_lock(folder):
                self.missing = self._fill_gaps() if fill_gaps else []
                """Files of saves that are gone. An empty save has taken the place of each."""
                self._listed = read_saves(folder)
                self._check_files()
                parts = find_parts(folder)
                remove_remains(folder, parts)
        if parts and (partition := parts[0].note.partition_by) is not None:
            raise InputError(
                f"the corpus in {folder} is partitioned by {partition!r}, and a run cannot write into it. Name another "
                "folder."
            )
        if divided := [part.recordings for part in parts if part.note.pieces > 1]:
            raise InputError(
                f"the corpus in {folder} has a save of several files ({divided[0].name}), and a run cannot write into "
                f"it. Call sx.open_corpus({str(folder)!r}).compact() first."
            )
        self.parts: dict[str, Part] = {name_of_save(part.note): part for part in parts}
        """The parts that were in the folder at the beginning, by the names of their saves."""
        self._saves = list(self.parts)

    def append(self, corpus: Corpus) -> str:
        """Write a corpus as a new save, and return the name of the save.

        Raises
        ------
        InputError
            If the folder cannot be written to or the disk is full, or another program has changed the folder. It is
            then unchanged.
        """
        with self._writing():
            number = int(self._saves[-1].partition("-")[0]) + 1 if self._saves else 0
            files = files_of_save(corpus, None, number=number)
            self._write(files, [*self._saves, files[0].save])
        return files[0].save

    def replace(self, save: str, corpus: Corpus) -> str:
        """Replace a save by a corpus, and return the name of the new save. The former files are deleted."""
        with self._writing():
            files = files_of_save(corpus, None, number=int(save.partition("-")[0]))
            new = files[0].save
            self._write(files, [new if name == save else name for name in self._saves])
            for kind in ("recordings", "tokens"):
                (self._folder / kind / f"part-{save}-0.parquet").unlink(missing_ok=True)
        return new

    def _check_files(self) -> None:
        """Raise InputError if a file of a listed save is damaged, before anything is paid for."""
        for save in self._listed or []:
            for kind in ("recordings", "tokens"):
                for path in (self._folder / kind).rglob(f"part-{save}-*.parquet"):
                    if problem := problem_of(path):
                        raise InputError(
                            f"{problem}. Restore the file from a copy, or delete it: the same call then says which "
                            "recordings have to be transcribed again, and how, because that is paid for again."
                        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with writing(self._folder), corpus_lock(self._folder):
            if read_saves(self._folder) != self._listed:
                raise InputError(
                    f"another program has changed the corpus in {self._folder} while this run was writing into it. "
                    "Nothing is lost: the same call goes on."
                )
            yield

    def _write(self, files: list[Any], saves: list[str]) -> None:
        write_files(self._folder, files, saves, {})
        self._saves = self._listed = saves

    def _fill_gaps(self) -> list[Path]:
        """Put an empty save in the place of each listed save of which a file is gone, and return the missing files."""
        listed = read_saves(self._folder) or []
        missing: list[Path] = []
        for place, save in enumerate(listed):
            if any((self._folder / "recordings").rglob(f"*/part-{save}-*.parquet")):
                continue  # The corpus is partitioned, and the caller refuses it.
            paths = [self._folder / kind / f"part-{save}-0.parquet" for kind in ("recordings", "tokens")]
            if not (gone := [path for path in paths if not path.exists()]):
                continue
            missing += gone
            for path in paths:
                if path.exists():  # It is kept beside the corpus, in case the other file turns up again.
                    path.rename(path.with_name(ASIDE + path.name))
            files = files_of_save(empty_corpus(), None, number=int(save.partition("-")[0]))
            listed[place] = files[0].save
            write_files(self._folder, files, list(listed), {})
        return missing


def empty_corpus(metadata: pd.DataFrame | None = None, provenance: dict[str, Any] | None = None) -> Corpus:
    """Return a corpus without recordings, with these metadata columns."""
    recordings = empty(RECORDINGS)
    if metadata is not None:
        recordings = pd.concat([recordings, metadata.iloc[:0]], axis=1)
    return Corpus(recordings, provenance=provenance)


def check_columns(metadata: pd.DataFrame, parts: list[Part], folder: Path) -> None:
    """Raise an exception if metadata columns cannot be written, or have other dtypes than in the parts."""
    recordings = empty(RECORDINGS).reindex(metadata.index)
    _, described = to_arrow(pd.concat([recordings, metadata], axis=1))
    for part in parts:
        for name, before in part.note.columns.items():
            if name in described and described[name].dtype != before.dtype:
                raise InputError(
                    f"column {name!r} has dtype {described[name].dtype}, in {folder} it has {before.dtype}; convert it "
                    f"first: table[{name!r}].astype({before.dtype!r})."
                )


def in_order(corpora: list[Corpus], audio_ids: list[str]) -> Corpus:
    """Join corpora, and put the recordings in the order of these ids."""
    joined = Corpus.concat(corpora)
    position = pd.Index(audio_ids).get_indexer(pd.Index(joined.recordings["audio_id"]))
    recordings = joined.recordings.iloc[np.argsort(position, kind="stable")].reset_index(drop=True)
    of_token = pd.Index(audio_ids).get_indexer(pd.Index(joined.tokens["audio_id"]))
    tokens = joined.tokens.iloc[np.argsort(of_token, kind="stable")].reset_index(drop=True)
    return Corpus(recordings, tokens, joined.provenance)
