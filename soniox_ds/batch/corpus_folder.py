"""The folder into which a run writes its corpus part by part, so that few recordings are in memory.

Conventions: recordings are written in the order of the sources, as soon as they and all before them have an outcome.
A recording that is in the folder already keeps its place there; it is written again only if it failed and may succeed
now, if its audio has changed, or with ``refresh=True``. New recordings follow those that are there. When a part is safe
on the disk, the journal notes where its transcripts are, and drops them if the part is full. It keeps the transcripts
of a part that is not full, so that deleting the folder of a small run costs nothing.

The transcript of a recording that consists of several jobs stays in the journal, because the part holds it joined; so
does a transcript with confidences that are no probabilities, because the part lacks them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from soniox_ds._caller import warn_caller
from soniox_ds.batch.assemble import Assembly, in_thread, provenance_of_run
from soniox_ds.batch.jobs import is_settled
from soniox_ds.batch.journal import Journal, Placement
from soniox_ds.batch.placed_transcripts import file_of_save
from soniox_ds.batch.run import Run
from soniox_ds.corpus.appending import Appender, check_columns, empty_corpus, in_order
from soniox_ds.corpus.checksums import read_footer, read_sealed
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.corpus.opened import read_corpus
from soniox_ds.corpus.parquet import LOCKS, RUN_LOCK
from soniox_ds.exceptions import InputError, RecordingsFailedWarning
from soniox_ds.files.atomic_files import writing
from soniox_ds.options import TranscriptionOptions
from soniox_ds.sources.parts import Part
from soniox_ds.sources.recording import Recording, RecordingList
from soniox_ds.stores.store import public_store_url

__all__ = ["CorpusFolder"]

PART_RECORDINGS = 1000
"""Number of recordings after which a part is full and is written."""
PART_TOKENS = 500_000
"""Number of tokens after which a part is full and is written."""
CHUNK_RECORDINGS = 250
CHUNK_MS = 20 * 3_600_000
"""Duration of the audio of which the transcripts are read from the journal at once."""
ROWS_AHEAD = 50_000
"""Number of recordings that may be under way, or wait for an earlier recording, before no more are begun."""
MOST_FAILURES = 10_000
"""Number of failed recordings whose messages are kept for the warning at the end."""

_NEW, _AGAIN, _WRITTEN = 0, 1, 2
_INDEX = [
    *("audio_id", "source", "sha256", "duration_ms", "status", "error_type", "resolved_model"),
    *("client_reference_id", "warnings"),
]
_KIND = ("status", "error_type", "resolved_model", "warnings")
_DONE = Recording(audio_id="")
"""Recording that takes the place of a recording which is written, so that the latter needs no memory."""


class CorpusFolder:
    """The folder of a run, which is locked while the run lasts; made by `CorpusFolder.using`."""

    def __init__(
        self, path: str | Path, journal: Journal, options: TranscriptionOptions, service: str, repeat: int
    ) -> None:
        self.path = Path(os.path.abspath(os.path.expanduser(path)))
        self._journal = journal
        self._options = options
        self._service = service
        self._repeat = repeat
        self._assembly = Assembly(journal, options, str(self.path))
        self._numbers: list[int] = []
        """Rows of the recordings in the assembly."""
        self._again: dict[int, list[int]] = {}
        """Rows that are to be written again, by the number of their part in `_saves`."""
        self._counts: Counter[tuple[Any, ...]] = Counter()
        self._failures: list[dict[str, Any]] = []
        self._next = 0
        self._is_stopped = False
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._provenances: dict[str | None, dict[str, Any]] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def using(
        cls,
        path: str | Path,
        recordings: RecordingList,
        *,
        journal: Journal,
        options: TranscriptionOptions,
        service: str,
        repeat: int,
        refresh: bool,
    ) -> AsyncIterator[CorpusFolder]:
        """Open the folder, and lock it until the block ends.

        Raises
        ------
        InputError
            If another run writes into the folder, or if the folder holds a corpus that this call cannot continue.
        SchemaError
            If a metadata column cannot be written.
        """
        if isinstance(path, str) and "://" in path:
            url = public_store_url(path)
            raise InputError(
                f"a run writes its corpus into a local folder, but out={url!r} is a URL. Transcribe without out= and "
                f"call corpus.save({url!r}), or name a local folder and copy it when the run has ended."
            )
        folder = cls(path, journal, options, service, repeat)
        with contextlib.ExitStack() as stack:
            await in_thread(folder._lock, stack)
            is_ours = await journal.has_placed(str(folder.path))
            await in_thread(folder._open, recordings, refresh, is_ours)
            last = folder._saves[-1] if folder._saves else None
            if last is not None and not await journal.has_placed(str(folder.path), last):
                folder._not_placed = len(folder._saves) - 1  # A run was killed between the part and the journal.
            yield folder

    def _lock(self, stack: contextlib.ExitStack) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file, but out= names the folder for the corpus.")
        if not self.path.exists():
            stack.callback(self._remove_if_empty)
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.path / RUN_LOCK, thread_local=False)
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                raise InputError(
                    f"another run is writing its corpus into {self.path}. Wait until it has ended, or name another "
                    "folder with out=; the recordings that both have are paid for once if both use the same journal."
                ) from None
        stack.callback(lock.release)

    def _remove_if_empty(self) -> None:
        """Remove the folder, which this run has made, if the run ended before it wrote anything."""
        with contextlib.suppress(OSError):
            if all(path.name in LOCKS for path in self.path.iterdir()):
                for name in LOCKS:
                    (self.path / name).unlink(missing_ok=True)
                self.path.rmdir()

    def _open(self, recordings: RecordingList, refresh: bool, is_ours: bool) -> None:
        self._recordings = recordings.recordings
        self._metadata = recordings.metadata
        self._check_contents()
        self._appender = Appender(self.path, fill_gaps=is_ours)
        parts = list(self._appender.parts.values())
        check_columns(self._metadata, parts, self.path)
        if self._appender.missing:
            names = ", ".join(map(str, self._appender.missing[:3]))
            warn_caller(
                f"{names} {'is' if len(self._appender.missing) == 1 else 'are'} missing. Transcripts that the journal "
                "holds as well are written again. The other recordings of the part fail with the error_type "
                "damaged_transcript; its message says how to transcribe them again, which is paid for again. Nothing "
                "is sent for them now.",
                RecordingsFailedWarning,
            )
        self._saves = list(self._appender.parts)
        self._not_placed: int | None = None
        tables = [read_sealed(part.recordings, columns=_INDEX) for part in parts]
        n_rows = [len(table) for table in tables]
        for part, table in zip(parts, tables, strict=True):
            if len(table):  # A part without rows has taken the place of one that is lost.
                self._check_origin(part.note.provenance)
        schema = pa.schema([(name, pa.int64() if name == "duration_ms" else pa.string()) for name in _INDEX])
        self._index = (
            pa.concat_tables([table.select(_INDEX).cast(schema) for table in tables])
            if tables
            else (schema.empty_table())
        )
        self._save_of = np.repeat(np.arange(len(tables), dtype=np.int32), n_rows)
        ids = pa.array([recording.audio_id for recording in self._recordings], pa.string())
        positions = pc.index_in(ids, value_set=self._index["audio_id"].combine_chunks())
        self._position = pc.fill_null(positions, -1).to_numpy(zero_copy_only=False).astype(np.int32)
        """Position in the folder of each recording of the run; -1 for new recordings."""
        self._kind = np.where(self._position < 0, _NEW, _AGAIN).astype(np.int8)
        self._refresh = refresh
        self._last_row: dict[int, int] = {}
        for row in np.flatnonzero(self._position >= 0):
            self._last_row[int(self._save_of[self._position[row]])] = int(row)

    def _check_contents(self) -> None:
        known = {"recordings", "tokens"}
        names = [path.name for path in self.path.iterdir()]
        others = sorted(name for name in names if name not in known and not name.startswith((".", "_")))
        if others and "recordings" not in names:
            raise InputError(
                f"{self.path} is not empty and holds no corpus, but {others[:3]}. Name an empty or a new folder with "
                "out=."
            )

    def _check_origin(self, provenance: dict[str, Any]) -> None:
        """Raise InputError if a part was not written by a run with this journal and these options."""
        wanted = {
            "service": self._service,
            "model": self._options.model,
            "options_hash": self._options.hash(),
            "repeat": self._repeat,
            "journal_id": self._journal.id,
        }
        named = {"journal_id": "journal", "options_hash": "options"}
        for run in provenance.get("runs", []) or [{}]:
            if "journal_id" not in run:
                raise InputError(
                    f"{self.path} holds a corpus that was not written with out=. Name another folder with out=, or "
                    f"call transcribe without it and add the result: corpus.save({str(self.path)!r}, append=True)."
                )
            if different := [name for name in wanted if run.get(name) != wanted[name]]:
                name = different[0]
                raise InputError(
                    f"{self.path} holds the corpus of a run with another {named.get(name, name)} "
                    f"({', '.join(named.get(each, each) for each in different)} differ: {run.get(name)!r} there, "
                    f"{wanted[name]!r} now). Continue it with the same arguments, or name another folder with out=."
                )

    # -- recordings that are in the folder -----------------------------------------------------------------------------

    def recall(self, row: int, recording: Recording) -> dict[str, Any] | None:
        """Return what the folder says about a recording that need not be written again; None for other recordings."""
        position = int(self._position[row])
        if position < 0 or self._refresh:
            return None
        stored: dict[str, Any] = self._index.slice(position, 1).to_pylist()[0]
        if recording.sha256 is None:
            is_same = recording.error_type is not None or stored["source"] == recording.source
        else:
            is_same = stored["sha256"] == recording.sha256
        # Audio that is not there any more was transcribed all the same.
        if not is_same or not (stored["status"] == "completed" or is_settled(stored["error_type"])):
            return None
        self._kind[row] = _WRITTEN
        return stored

    async def place_recalled(self, keys: dict[int, list[str]], references: dict[str, str]) -> None:
        """Note in the journal the places of recordings in a part that a killed run could not note any more.

        Parameters
        ----------
        keys
            The keys of the jobs of each of these recordings, by its row.
        references
            The references of the attempts that made the transcripts of these jobs.
        """
        placements: list[Placement] = []
        drop: set[str] = set()
        number = int(self._save_of[self._position[next(iter(keys))]])
        n_tokens = await in_thread(self._n_tokens, self._saves[number])
        is_full = _is_full(int(np.count_nonzero(self._save_of == number)), n_tokens)
        for row, keys_of_row in keys.items():
            stored = self._index.slice(int(self._position[row]), 1).to_pylist()[0]
            if stored["status"] != "completed" or any(key not in references for key in keys_of_row):
                continue
            audio_id, save = self._recordings[row].audio_id, self._saves[int(self._save_of[self._position[row]])]
            placements += [Placement(key, str(self.path), save, audio_id, references[key]) for key in keys_of_row]
            is_alone = references[keys_of_row[0]] == stored["client_reference_id"]
            if is_full and is_alone and _is_exact(stored["warnings"]):
                drop.add(keys_of_row[0])  # With several jobs, the references of all of them are joined.
        if placements and self._journal.read_only is None:
            await self._journal.place(placements, drop=drop)

    def _n_tokens(self, save: str) -> int:
        return int(read_footer(file_of_save(self.path, "tokens", save)).num_rows)

    def is_unplaced(self, row: int) -> bool:
        """Return True if the journal does not know yet that a recording is in the folder."""
        return self._not_placed is not None and int(self._save_of[self._position[row]]) == self._not_placed

    # -- writing -------------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Let the writer look for recordings that have an outcome now."""
        self._wake.set()

    def has_room(self, row: int) -> bool:
        """Return True if a row may be prepared, because not too many rows before it wait to be written."""
        return row - self._next < ROWS_AHEAD

    async def wait_for_room(self) -> None:
        """Wait until more rows are written."""
        self._room.clear()
        await self._room.wait()

    def stop(self) -> None:
        """End `write_while_running` when it has written what it is writing."""
        self._is_stopped = True
        self._wake.set()

    async def write_while_running(self, run: Run) -> None:
        """Write the rows that have an outcome, until stopped."""
        while not self._is_stopped:
            await self._wake.wait()
            self._wake.clear()
            await self._write_some(run, all_of_them=False)

    async def finish(self, run: Run) -> None:
        """Write the rows that are left, after every job has an outcome."""
        await self._write_some(run, all_of_them=True)
        await self._flush(run)
        for save in list(self._again):
            await self._rewrite(run, save)
        if not self._saves:
            self._saves.append(
                await in_thread(self._appender.append, empty_corpus(self._metadata, await self._source(run)))
            )

    async def _write_some(self, run: Run, *, all_of_them: bool) -> None:
        while (all_of_them or not self._is_stopped) and (chunk := self._next_chunk(run, all_of_them)):
            new = [row for row in chunk if self._kind[row] == _NEW]
            await self._assembly.add([(self._recordings[row], run.jobs_of_row.get(row, [])) for row in new])
            self._numbers += new
            for row in chunk:
                if self._kind[row] == _AGAIN:
                    save = int(self._save_of[self._position[row]])
                    self._again.setdefault(save, []).append(row)
            self._next = chunk.stop
            self._room.set()
            n_tokens = sum(map(len, self._assembly.tables))
            if len(self._numbers) >= PART_RECORDINGS or n_tokens >= PART_TOKENS:
                await self._flush(run)
            for save in [save for save in self._again if self._last_row[save] < self._next]:
                await self._rewrite(run, save)
            for row in chunk:
                if self._kind[row] == _WRITTEN:
                    stored = self._index.slice(int(self._position[row]), 1).to_pylist()[0]
                    self._count(self._recordings[row].audio_id, stored)
                    self._recordings[row] = _DONE

    def _next_chunk(self, run: Run, all_of_them: bool) -> range:
        """Return the next rows to write; none if not enough rows have an outcome."""
        start = stop = self._next
        duration_ms = 0
        while stop - start < CHUNK_RECORDINGS and duration_ms < CHUNK_MS:
            if stop == (len(self._recordings) if all_of_them else run.n_prepared):
                return range(start, stop if all_of_them else start)
            jobs = run.jobs_of_row.get(stop, [])
            if not all_of_them and not all(job.has_outcome for job in jobs):
                return range(start, start)
            duration_ms += sum(job.duration_ms or 0 for job in jobs)
            stop += 1
        return range(start, stop)

    async def _flush(self, run: Run) -> None:
        """Write the rows of the assembly as a part."""
        if not self._numbers:
            return
        corpus = await in_thread(
            self._assembly.corpus,
            self._service,
            self._metadata.iloc[self._numbers],
            await self._source(run, self._assembly.rows),
        )
        self._saves.append(await in_thread(self._appender.append, corpus))
        is_full = _is_full(len(corpus), len(corpus.tokens))
        await self._written(run, self._numbers, corpus, self._saves[-1], is_full=is_full)
        self._assembly.clear()
        self._numbers = []

    async def _rewrite(self, run: Run, save_number: int) -> None:
        """Replace a part by one in which some of the recordings are written again."""
        rows = self._again.pop(save_number)
        assembly = Assembly(self._journal, self._options, str(self.path))
        await assembly.add([(self._recordings[row], run.jobs_of_row.get(row, [])) for row in rows])
        source = await self._source(run, assembly.rows)
        new = await in_thread(assembly.corpus, self._service, self._metadata.iloc[rows], source)
        save = self._saves[save_number]
        if not self._has_news(rows, new):
            await self._written(run, rows, new, None, is_full=False)
            return
        ids = self._index["audio_id"].filter(pa.array(self._save_of == save_number)).to_pylist()

        def replaced() -> tuple[str, bool]:
            former = read_corpus(self.path, audio_ids=ids)
            kept = former.select(~former.recordings["audio_id"].isin(new.recordings["audio_id"]))
            joined = in_order([kept, new], ids)
            return self._appender.replace(save, joined), _is_full(len(joined), len(joined.tokens))

        self._saves[save_number], is_full = await in_thread(replaced)
        await self._written(run, rows, new, self._saves[save_number], is_full=is_full)

    def _has_news(self, rows: list[int], new: Corpus) -> bool:
        """Return True unless every row has failed for the same reason as before."""
        before = self._index.take(pa.array(self._position[rows])).select(["status", "error_type"]).to_pylist()
        now = new.recordings[["status", "error_type"]].itertuples(index=False)
        return any(
            row.status == "completed" or (row.status, row.error_type) != (old["status"], old["error_type"])
            for row, old in zip(now, before, strict=True)
        )

    async def _source(self, run: Run, rows: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """Return the provenance of a part with these rows, the same for all parts while the model is the same."""
        resolved = await run.models.resolved(self._options.model)
        models = {row["resolved_model"] for row in rows or () if row["status"] == "completed"}
        if resolved is None and len(models) == 1:
            resolved = models.pop()
        if resolved not in self._provenances:
            more = {"repeat": self._repeat, "journal_id": self._journal.id}
            self._provenances[resolved] = provenance_of_run(self._service, self._options, resolved, **more)
        return self._provenances[resolved]

    async def _written(self, run: Run, rows: list[int], corpus: Corpus, save: str | None, *, is_full: bool) -> None:
        """Note in the journal that rows are safe on the disk, and forget them. The journal drops the transcripts of a
        full part."""
        placements: list[Placement] = []
        drop: set[str] = set()
        for row, described in zip(rows, corpus.recordings[[*_INDEX, "error_message"]].to_dict("records"), strict=True):
            jobs = run.jobs_of_row.get(row, [])
            self._count(
                described["audio_id"],
                {str(name): None if pd.isna(value) else value for name, value in described.items()},
            )
            if save is not None and described["status"] == "completed":
                audio_id = described["audio_id"]
                placements += [Placement(job.key, str(self.path), save, audio_id, job.paid.reference) for job in jobs]
                if is_full and len(jobs) == 1 and jobs[0].part == Part() and _is_exact(described["warnings"]):
                    drop.add(jobs[0].key)
        if placements and self._journal.read_only is None:
            await self._journal.place(placements, drop=drop)
        for row in rows:
            for job in run.jobs_of_row.pop(row, []):
                run.forget(job)
            self._recordings[row] = _DONE

    # -- the outcome ---------------------------------------------------------------------------------------------------

    def _count(self, audio_id: str, described: dict[str, Any]) -> None:
        slugs = " ".join(sorted((described.get("warnings") or "").split()))
        kind = (described["status"], described["error_type"], described["resolved_model"], slugs)
        if described["status"] == "failed" and len(self._failures) < MOST_FAILURES:
            message = described.get("error_message")
            self._failures.append(
                dict(zip(_KIND, kind, strict=True))
                | {"audio_id": audio_id, "error_message": message or "it failed in an earlier run"}
            )
        else:
            self._counts[kind] += 1

    def outcomes(self) -> pd.DataFrame:
        """Return those columns of the recordings of this call that the warnings about it need."""
        kinds = pd.DataFrame(list(self._counts), columns=list(_KIND), dtype=object)
        counted = kinds.loc[kinds.index.repeat(list(self._counts.values()))]
        return pd.concat([pd.DataFrame(self._failures, columns=[*_KIND, "audio_id", "error_message"]), counted])


def _is_full(n_recordings: int, n_tokens: int) -> bool:
    return n_recordings >= PART_RECORDINGS or n_tokens >= PART_TOKENS


def _is_exact(warnings: object) -> bool:
    """Return True unless the tokens of a recording differ from the transcript, because of odd confidences."""
    return not (isinstance(warnings, str) and "odd_confidence" in warnings.split())
