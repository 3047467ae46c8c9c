"""Saved corpora, read part by part or as a whole.

Conventions: an opened corpus holds no tokens. Its parts are the files of the folder (`soniox_ds.corpus.parquet`). No
recording is in two parts, so that results by recording can be computed part by part.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._arguments import check_number
from soniox_ds._executors import check_executor, worker_name
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.corpus.parts import Part, find_parts
from soniox_ds.corpus.selection import need_columns, selection_mask
from soniox_ds.corpus.snapshot import Snapshot, while_nobody_writes
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.progress.counts import Snapshot as Progressed
from soniox_ds.schema import RECORDINGS, TOKENS, WORDS, empty, frame_from_arrow
from soniox_ds.schema.by_part import by_part, results_of_parts
from soniox_ds.stores.paths import AnyPath, folder_path
from soniox_ds.text import words as _text

__all__ = ["OpenedCorpus", "open_corpus", "read_corpus"]

_SHOWN_COLUMNS = ("audio_id", "status", "duration_ms", "cost_usd", "charged_usd", "warnings", "service", "model")


@dataclass(frozen=True)
class _PartReader:
    """A reader of the selected recordings of one part."""

    snapshot: Snapshot
    positions: npt.NDArray[np.int64]

    def read(self) -> Corpus:
        """Read the recordings and their tokens."""
        if not self.snapshot.folder.is_dir():
            raise InputError(
                f"the folder {self.snapshot.folder} cannot be found by {worker_name()}. The workers of an executor "
                "read the parts themselves, so the folder must have the same path on all of their machines."
            )
        return _checked_corpus(self.snapshot.folder, self.snapshot.read_part(self.snapshot.parts[0]))


def _checked_corpus(folder: AnyPath, tables: tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]) -> Corpus:
    try:
        return Corpus(*tables)
    except SchemaError as error:
        raise SchemaError(
            f"{folder} was changed by something other than Corpus.save, and is not a valid corpus any more: {error}"
        ) from error


class OpenedCorpus:
    """A saved corpus whose tables are only read when they are needed. `soniox_ds.open_corpus` returns it.

    It has the methods of a `Corpus` that need no tokens. `parts` yields an ordinary `Corpus` for each part, and `load`
    reads everything into one `Corpus`. An opened corpus shows the folder as it was when it was opened. Later saves
    appear only after the folder is opened again.

    Parameters
    ----------
    snapshot
        The files and the selected recordings.
    executor
        See `soniox_ds.open_corpus`.
    """

    def __init__(self, snapshot: Snapshot, executor: Executor | None = None) -> None:
        self._snapshot = snapshot
        self.executor = executor
        """The executor in which functions are applied to the parts; None for this process."""

    @property
    def folder(self) -> AnyPath:
        """The folder of the corpus. If it is in a store, its string form is its URL."""
        return self._snapshot.folder

    @property
    def provenance(self) -> dict[str, Any]:
        """Package version, time, and one entry for each run of the whole corpus, as `Corpus` has them."""
        return self._snapshot.provenance

    @cached_property
    def recordings(self) -> pd.DataFrame:
        """Table with one row for each recording. It is read at its first use, and then kept in memory."""
        return self.read_recordings()

    @property
    def tokens(self) -> pd.DataFrame:
        """The tokens, which are not in memory. Access raises InputError; its message says how to get them."""
        raise InputError(
            f"the tokens of the corpus in {self.folder} are not in memory. Call corpus.load() for a Corpus with all of "
            "them, corpus.select(...).load() for a Corpus with those of some recordings, corpus[audio_id] for one "
            "recording, corpus.sql('SELECT ... FROM tokens') for a query, or go through the parts: for part in "
            "corpus.parts(): part.tokens."
        )

    def read_recordings(self, columns: Collection[str] | None = None) -> pd.DataFrame:
        """Read the table of recordings, or some of its columns, without keeping it.

        Raises InputError if a column does not exist.
        """
        if isinstance(columns, str):
            raise InputError("columns takes a list of names, not one string.")
        need_columns(self._snapshot.dtypes, columns or ())
        frame = self._snapshot.read_recordings(columns)
        return frame if columns is None else frame[list(dict.fromkeys(columns))]

    def __len__(self) -> int:
        return len(self._snapshot)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids.tolist())

    def __contains__(self, audio_id: object) -> bool:
        return bool((self._ids == audio_id).any()) if isinstance(audio_id, str) else False

    def __getitem__(self, audio_id: str) -> Corpus:
        """Read one recording and its tokens. Raises InputError if there is no such id."""
        if not isinstance(audio_id, str):
            raise InputError(
                f"corpus[...] takes one audio_id (a string), found {audio_id!r}. For several: corpus.select(...)."
            )
        return self.select([audio_id]).load()

    def _ipython_key_completions_(self) -> list[str]:
        """Return the ids, which notebooks offer after ``corpus["``."""
        return list(self)

    @cached_property
    def _ids(self) -> pd.Series[Any]:
        return self.read_recordings(["audio_id"])["audio_id"]

    def select(self, which: Any = None, /, **columns: Any) -> OpenedCorpus:
        """Return an opened corpus of some of the recordings, in the same order. No tokens are read.

        Parameters
        ----------
        which
            Ids, or a boolean mask with a value for each recording (a Series, array or list; NA counts as False).
        **columns
            Columns of `recordings`, each with a wanted value or a list of values. None or NA selects missing values.

        Raises
        ------
        InputError
            If an id or a column does not exist, or if the mask does not have one value for each recording.
        """
        need_columns(self._snapshot.dtypes, columns)
        mask = selection_mask(self.read_recordings(["audio_id", *columns]), which, columns)
        return self if mask.all() else OpenedCorpus(self._snapshot.select(mask), self.executor)

    def parts(self) -> Iterator[Corpus]:
        """Yield one part after the other: a `Corpus` of the selected recordings in a pair of files.

        The recordings of all parts have the same columns and dtypes. ``sx.concat(corpus.parts())`` equals
        ``corpus.load()``, except that recordings of one save with ``partition_by`` come in the order of their files.
        """
        for reader in self.part_readers():
            yield reader.read()

    def part_readers(self) -> list[_PartReader]:
        """Return a small object for each part, which can be sent to another process and reads the part there."""
        return [_PartReader(replace(self._snapshot, parts=(part,)), part.positions) for part in self._snapshot.parts]

    def load(self) -> Corpus:
        """Read all selected recordings and their tokens into memory; see `soniox_ds.read_corpus`."""
        return _checked_corpus(self.folder, self._snapshot.read_all())

    def sql(self, query: str, **tables: pd.DataFrame) -> pd.DataFrame:
        """Run an SQL query over the files of the corpus with DuckDB, and return the result.

        Parameters
        ----------
        query
            A query in the SQL of DuckDB. It can use the tables `recordings`, `tokens` and `words`, and all tables that
            `save_table` has stored. The first query that needs `words` calls `materialize`. If this corpus is a
            selection, `recordings`, `tokens` and `words` contain the selected recordings only. The rows of the result
            have no order unless the query sets one.
        **tables
            Further tables. Each keyword is the name of the table in the query.

        Returns
        -------
        DataFrame
            The result of the query, with the nullable dtypes of pandas.

        Raises
        ------
        InputError
            If the query is wrong, or if a file is missing or damaged. The checksums of the files are not verified.
        SetupError
            If ``duckdb`` is not installed.

        Examples
        --------
        >>> import pandas as pd
        >>> import soniox_ds as sx
        >>> import tempfile
        >>> recordings = pd.DataFrame({"audio_id": ["a", "b"], "status": "completed", "split": ["x", "y"]})
        >>> tokens = pd.DataFrame({"audio_id": ["a", "a", "b"], "token_index": [0, 1, 0], "text": ["So", " it", "is"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sx.Corpus(recordings, tokens).save(folder)
        ...     corpus = sx.open_corpus(folder)
        ...     query = "SELECT split, count(*) AS n FROM tokens JOIN recordings USING (audio_id) GROUP BY split"
        ...     corpus.sql(f"{query} ORDER BY split")
          split  n
        0     x  2
        1     y  1
        """
        from soniox_ds.corpus.sql import run_query

        return self._snapshot.followed(lambda present: run_query(present, query, tables, lambda: _write_words(present)))

    def materialize(
        self, name: str = "words", *, progress: bool | Callable[[Progressed], object] | None = None
    ) -> None:
        """Compute the words of all parts with `soniox_ds.words`, and store them in the folder for SQL queries.

        Parts that already have words are skipped, unless their tokens have changed or the words were written by another
        version of the package. If a call is interrupted, the next call continues from there.

        Parameters
        ----------
        name
            ``"words"``, the only table that is computed.
        progress
            See `soniox_ds.transcribe`.

        Raises
        ------
        InputError
            If `name` is not ``"words"``, a file is damaged, or the folder cannot be written to.
        """
        if name != "words":
            raise InputError(
                f"only 'words' can be materialized, found {name!r}. Store other tables with corpus.save_table(name, "
                "table)."
            )
        self._snapshot.followed(lambda present: _write_words(present, progress))

    def compact(
        self,
        *,
        tokens_per_part: int = 1_000_000,
        progress: bool | Callable[[Progressed], object] | None = None,
    ) -> OpenedCorpus:
        """Join small parts of the folder, divide large ones, and return the corpus opened anew.

        Recordings, tokens, their order and the provenance stay the same. Other processes may read the folder meanwhile,
        and a corpus that was opened before continues with the new parts. In a corpus with ``partition_by``, only parts
        of the same value are joined. If the call is interrupted or killed, the folder holds either all old parts or all
        new parts.

        Parameters
        ----------
        tokens_per_part
            Number of tokens that a part should have. A part with more than 1.5 times as many tokens is divided, but
            never within a recording.
        progress
            See `soniox_ds.transcribe`.

        Raises
        ------
        InputError
            If the corpus is a selection or in a store, if a run writes into the folder, if a file is damaged, or if the
            folder cannot be written to. The folder is then unchanged.
        """
        from soniox_ds.corpus.compaction import compact_folder

        if not isinstance(self.folder, Path):
            raise InputError(
                f"only local folders can be compacted, and this corpus is in {self.folder}. Call corpus.load() and "
                "save it anew, or compact a local copy of the folder."
            )
        check_number(tokens_per_part, "tokens_per_part", whole=True, least=1, advice="give a whole number, 1 or more.")
        if len(self) < len(open_corpus(self.folder)):
            raise InputError(
                f"only whole corpora can be compacted, and this one holds some of the recordings in {self.folder}. "
                f"Call sx.open_corpus({str(self.folder)!r}).compact()."
            )
        compact_folder(self.folder, tokens_per_part, progress)
        return open_corpus(self.folder)

    def save_table(self, name: str, table: pd.DataFrame | Callable[[Corpus], pd.DataFrame]) -> None:
        """Store a table of results in the folder of the corpus, so that SQL queries can use it by its name.

        An existing table of this name is replaced. The stored table does not change when the corpus changes.

        Parameters
        ----------
        name
            Name of the table. It consists of lower-case letters, digits and underscores, and begins with a letter. The
            names `recordings`, `tokens` and `words` are not allowed.
        table
            The table, such as the result of `soniox_ds.word_errors`. Its index is not stored. If the table is larger
            than memory, give a function that returns the table of a `Corpus`, such as ``sx.align_words``. It is called
            with one part after the other, in the executor if there is one, and the tables are stored below each other.

        Raises
        ------
        InputError
            If the name is not allowed, or the folder cannot be written to.
        SchemaError
            If a column has values of several types.

        Examples
        --------
        >>> import pandas as pd
        >>> import soniox_ds as sx
        >>> import tempfile
        >>> recordings = pd.DataFrame({"audio_id": ["a", "b"], "status": "completed", "reference": ["So", "we"]})
        >>> tokens = pd.DataFrame({"audio_id": ["a", "b"], "token_index": 0, "text": ["So", "he"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     sx.Corpus(recordings, tokens).save(folder)
        ...     corpus = sx.open_corpus(folder)
        ...     corpus.save_table("alignments", lambda part: sx.align_words(part, normalizer="basic"))
        ...     corpus.sql("SELECT audio_id, operation FROM alignments ORDER BY audio_id")
          audio_id     operation
        0        a           hit
        1        b  substitution
        """
        from soniox_ds.corpus.derived import save_result

        save_result(self.folder, name, results_of_parts(table, self) if callable(table) else [table])

    def words(self) -> pd.DataFrame:
        """Return the words of all recordings (``schema.WORDS``); see `soniox_ds.words`."""
        return _text.words(self)

    def segments(
        self, *, gap_ms: int | None = 1500, split_at: Collection[str] = ("speaker", "language", "sentence")
    ) -> pd.DataFrame:
        """Return the segments of all recordings (``schema.SEGMENTS``); see `soniox_ds.segments`."""
        return _text.segments(self, gap_ms=gap_ms, split_at=split_at)

    def texts(self) -> pd.DataFrame:
        """Return the transcript of each completed recording (``schema.TEXTS``); see `Corpus.texts`."""
        return _texts(self)

    @property
    def completed(self) -> OpenedCorpus:
        """The opened corpus of the recordings that were transcribed."""
        return self.select(status="completed")

    @property
    def failed(self) -> OpenedCorpus:
        """The opened corpus of the recordings that failed. Its table `recordings` gives the reason of each failure."""
        return self.select(status="failed")

    @property
    def hours(self) -> float:
        """Hours of transcribed audio. Recordings of unknown duration are not counted."""
        return Corpus(self.read_recordings(["audio_id", "status", "duration_ms"])).hours

    @property
    def cost_usd(self) -> float:
        """Estimated cost in US dollars, by list price. NaN if no recording has a known cost."""
        return Corpus(self.read_recordings(["audio_id", "status", "cost_usd"])).cost_usd

    @property
    def cost(self) -> pd.DataFrame:
        """Table with the cost of each recording and the metadata columns; see `Corpus.cost`."""
        return Corpus(self.recordings).cost

    @property
    def metadata_columns(self) -> list[str]:
        """Names of the user's own columns of `recordings`."""
        return [name for name in self._snapshot.dtypes if name not in RECORDINGS]

    def __repr__(self) -> str:
        from soniox_ds.corpus.repr import plain

        return plain(self._shown(), **self._title())

    def _repr_html_(self) -> str:
        from soniox_ds.corpus.repr import html

        return html(self._shown(), **self._title())

    def _shown(self) -> Corpus:
        """Return the recordings with the columns that are displayed, and the text of those that come first."""
        from soniox_ds.corpus.repr import N_ROWS

        recordings = self.read_recordings(_SHOWN_COLUMNS)
        is_completed = np.asarray(recordings["status"] == "completed", np.bool_)
        is_first = is_completed & (np.cumsum(is_completed) <= N_ROWS)
        for mask, names in ((is_first, ("text",)), (~is_completed, ("error_type", "error_message"))):
            some = OpenedCorpus(self._snapshot.select(mask)).read_recordings(names)
            recordings = recordings.join(some.set_index(recordings.index[mask]))
        return Corpus(recordings)

    def _title(self) -> dict[str, Any]:
        n_parts = len(self._snapshot.parts)
        return {
            "name": f"Opened corpus in {self.folder}",
            "n_tokens": self._snapshot.n_tokens(),
            "n_parts": n_parts,
        }


def _write_words(snapshot: Snapshot, progress: bool | Callable[[Progressed], object] | None = None) -> list[AnyPath]:
    from soniox_ds.corpus.derived import write_words

    def words_of(part: Part) -> pd.DataFrame:
        recordings, tokens = snapshot.all_of(part)
        return _text.words(frame_from_arrow(tokens, TOKENS)) if len(recordings) else empty(WORDS)

    parts = [each.part for each in snapshot.parts]
    return write_words(snapshot.folder, parts, words_of, known=find_parts(snapshot.folder), progress=progress)


@by_part()
def _texts(transcripts: Any) -> pd.DataFrame:
    texts: pd.DataFrame = transcripts.texts()
    return texts


def open_corpus(
    folder: str | Path,
    *,
    columns: Collection[str] | None = None,
    executor: Executor | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> OpenedCorpus:
    """Open a corpus that `Corpus.save` wrote, without reading its tokens.

    Use it for corpora that are larger than memory. `len`, the list of recordings and `select` read no tokens. Functions
    that give a result for each recording read one part after the other, and do not keep the parts in memory.

    Parameters
    ----------
    folder
        The folder given to `save`, or the URL of a folder in a store that fsspec reads (``s3://``, ``gs://``,
        ``az://``, ``hf://``, ...).
    columns
        Read only these metadata columns. The columns of ``schema.RECORDINGS`` and ``schema.TOKENS`` are always there.
    executor
        A ``concurrent.futures.Executor``, such as a ``ProcessPoolExecutor`` or ``client.get_executor()`` of Dask.
        Functions that read part by part then submit one task for each part to the executor, and its workers read the
        parts from the folder, which must have the same path on their machines. These functions raise ExecutorError if
        workers die or have another version of this package.
    storage_options
        Options of fsspec for the store, such as credentials. They are neither stored nor shown, but the tasks for an
        `executor` hold them.

    Returns
    -------
    OpenedCorpus
        The opened corpus, with `recordings`, `select`, `parts` and `load`.

    Raises
    ------
    InputError
        If the folder holds no corpus, if the corpus is incomplete, or if a requested column does not exist. A damaged
        file is reported later, when it is read; the message names the file. Also if the store cannot be read.
    SetupError
        If the package for the store is not installed.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> import tempfile
    >>> recordings = pd.DataFrame({"audio_id": ["a.wav", "b.wav"], "status": "completed", "split": ["test", "train"]})
    >>> tokens = pd.DataFrame({"audio_id": ["a.wav", "b.wav"], "token_index": 0, "text": ["Hello", "Good"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sx.Corpus(recordings, tokens).save(folder, partition_by="split")
    ...     corpus = sx.open_corpus(folder)
    ...     print(len(corpus), [len(part.tokens) for part in corpus.parts()])
    ...     corpus.select(split="test").load().texts()["text"].tolist()
    2 [1, 1]
    ['Hello']
    """
    if isinstance(columns, str):
        raise InputError("columns takes a list of names, not one string.")
    check_executor(executor)
    path = folder_path(folder, storage_options)
    if executor is not None and isinstance(path, Path):
        path = path.absolute()  # Workers may be in another working directory.
    return OpenedCorpus(while_nobody_writes(path, lambda: Snapshot.of_folder(path, columns)), executor)


def read_corpus(
    folder: str | Path,
    *,
    audio_ids: Collection[str] | None = None,
    columns: Collection[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Corpus:
    """Read a corpus that `Corpus.save` wrote.

    Parameters
    ----------
    folder
        The folder given to `save`, or the URL of a folder in a store; see `open_corpus`.
    audio_ids
        Read only these recordings and their tokens.
    columns
        Read only these metadata columns. The columns of ``schema.RECORDINGS`` and ``schema.TOKENS`` are always read.
    storage_options
        Options of fsspec for the store, such as credentials.

    Raises
    ------
    InputError
        If the folder holds no corpus, if the corpus is incomplete or has a damaged file (the message names it), or if
        a requested id or column does not exist.

    See Also
    --------
    open_corpus : Open a corpus that is larger than memory.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> import tempfile
    >>> corpus = sx.Corpus(pd.DataFrame({"audio_id": ["a.wav"], "status": ["completed"], "split": ["test"]}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     corpus.save(folder, partition_by="split")
    ...     sx.read_corpus(folder).equals(corpus)
    True
    """
    if isinstance(audio_ids, str) or isinstance(columns, str):
        raise InputError("audio_ids and columns take a list of names, not one string.")
    path = folder_path(folder, storage_options)

    def load() -> Corpus:
        corpus = OpenedCorpus(Snapshot.of_folder(path, columns))
        if audio_ids is not None:
            ids = set(corpus)
            if unknown := sorted(name for name in set(audio_ids) if name not in ids):
                raise InputError(
                    f"the corpus in {path} has no recordings {unknown[:5]} ({len(unknown)} ids are unknown)."
                )
            corpus = corpus.select(list(audio_ids))
        return corpus.load()

    return while_nobody_writes(path, load)
