"""What was asked for, what was paid for, what came back: one SQLite file, so that no result is lost or paid for twice.

Conventions: the intent is written before a request that spends, the answer after it, both durably (WAL, full sync). One
thread per open journal does all writing and commits whatever waits as one transaction. Several processes may share a
journal: a job is claimed by a run, and a claim holds as long as its run keeps its lock file locked, which the operating
system ends with the process, however it dies.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import queue
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import filelock
import platformdirs
import pyarrow as pa

from soniox_ds.errors import JournalError

__all__ = ["Entry", "Inspection", "Journal", "State", "default_path"]

T = TypeVar("T")

VERSION = 1
BATCH = 500


class State:
    """How far a job has come; written to the journal, so never renamed."""

    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    CREATING = "creating"
    CREATED = "created"
    DONE = "done"
    FAILED = "failed"


@dataclass(slots=True)
class Entry:
    """One paid attempt at one job, as the journal holds it."""

    job_key: str
    generation: int
    reference: str
    service: str
    state: str
    source: str
    model: str
    options_hash: str
    file_id: str | None = None
    file_gone: int = 0
    transcription_id: str | None = None
    transcription_gone: int = 0
    duration_ms: int | None = None
    submitted_at: str | None = None
    completed_at: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    changed_at: float = 0.0
    """Seconds since 1970 of the last change of state."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found out about a file that has not changed since."""

    sha256: str
    duration_ms: int | None
    filename: str
    warnings: tuple[str, ...]


COLUMNS = [field.name for field in fields(Entry)]

TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    job_key TEXT NOT NULL, generation INTEGER NOT NULL, reference TEXT NOT NULL, service TEXT NOT NULL,
    state TEXT NOT NULL, source TEXT NOT NULL, model TEXT NOT NULL, options_hash TEXT NOT NULL,
    file_id TEXT, file_gone INTEGER NOT NULL, transcription_id TEXT, transcription_gone INTEGER NOT NULL,
    duration_ms INTEGER, submitted_at TEXT, completed_at TEXT, error_type TEXT, error_message TEXT,
    changed_at REAL NOT NULL,
    PRIMARY KEY (job_key, generation));
CREATE UNIQUE INDEX IF NOT EXISTS jobs_by_reference ON jobs (reference);
CREATE INDEX IF NOT EXISTS jobs_not_clean ON jobs (service)
    WHERE (file_id IS NOT NULL AND NOT file_gone) OR (transcription_id IS NOT NULL AND NOT transcription_gone)
          OR state IN ('uploading', 'creating');
CREATE TABLE IF NOT EXISTS transcripts (
    job_key TEXT PRIMARY KEY, bytes INTEGER NOT NULL, zstd BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS lost (reference TEXT PRIMARY KEY, service TEXT NOT NULL, kind TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS claims (job_key TEXT PRIMARY KEY, run TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS inspected (
    path TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL, duration_ms INTEGER, filename TEXT NOT NULL, warnings TEXT NOT NULL);
"""


def default_path() -> Path:
    """The journal that is used where none is named, in the user's cache folder."""
    return platformdirs.user_cache_path("soniox_ds") / "journal.sqlite"


def _chunks(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    chunk: list[T] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _marks(items: Sequence[object]) -> str:
    return ",".join("?" * len(items))


class Journal:
    """The journal at one path; `open` gives the same object for the same path within a process."""

    _opened: ClassVar[dict[Path, Journal]] = {}
    _opening: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pid = os.getpid()
        self._locks: dict[str, filelock.BaseFileLock] = {}
        self._work: queue.SimpleQueue[
            tuple[Callable[[sqlite3.Connection], Any], Callable[[Any, BaseException | None], None]] | None
        ]
        self._work = queue.SimpleQueue()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                raise JournalError(
                    f"the journal {path} was written by a newer soniox_ds (version {version}, this one reads "
                    f"{VERSION}); upgrade soniox_ds, or name another journal."
                )
            self._db.executescript(TABLES)
            self._db.execute(f"PRAGMA user_version={VERSION}")
            self._db.execute("INSERT OR IGNORE INTO meta VALUES ('journal_id', ?)", [secrets.token_hex(4)])
            self.id: str = self._db.execute("SELECT value FROM meta WHERE name='journal_id'").fetchone()[0]
        except (OSError, sqlite3.Error) as error:
            raise self._trouble(error) from error
        self._writer = threading.Thread(target=self._write, name="soniox-ds-journal", daemon=True)
        self._writer.start()

    @classmethod
    def open(cls, path: str | Path | None = None) -> Journal:
        """Open the journal at `path` (default: `default_path()`), or return the one already open there."""
        where = Path(path).expanduser() if path is not None else default_path()
        where = where.resolve()
        if where.is_dir():
            raise JournalError(
                f"the journal must be a file, {where} is a folder; name a file such as {where / 'journal.sqlite'}."
            )
        with cls._opening:
            journal = cls._opened.get(where)
            if journal is None or journal._pid != os.getpid():  # neither SQLite nor a thread survives fork()
                journal = cls._opened[where] = cls(where)
            return journal

    def close(self) -> None:
        """Write what still waits, then close; opening the path again gives a new object."""
        with self._opening:
            self._opened.pop(self.path, None)
        if self._writer.is_alive():
            self._work.put(None)
            self._writer.join()
        for run in list(self._locks):
            self._unlock(run)
        self._db.close()

    def _trouble(self, error: BaseException) -> JournalError:
        return JournalError(
            f"the journal {self.path} cannot be used: {error}. Nothing was spent that it does not know of. Free space "
            "there or mend the file and run the same call again, or pass journal= with another path."
        )

    # -- the one writer ------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        while (item := self._work.get()) is not None:
            batch = [item]
            stop = False
            while len(batch) < BATCH:
                try:
                    more = self._work.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    stop = True
                    break
                batch.append(more)
            self._commit(batch)
            if stop:
                return

    def _commit(
        self, batch: list[tuple[Callable[[sqlite3.Connection], Any], Callable[[Any, BaseException | None], None]]]
    ) -> None:
        results = []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            results = [work(self._db) for work, _ in batch]
            self._db.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - nothing is swallowed: every waiter gets it
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            trouble: BaseException = error
            if isinstance(error, (sqlite3.Error, OSError)):
                trouble = self._trouble(error)
                trouble.__cause__ = error
            for _, tell in batch:
                tell(None, trouble)
            return
        for (_, tell), result in zip(batch, results, strict=True):
            tell(result, None)

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Hand `work` to the writer at once; it is done even if the caller is cancelled while waiting."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: T, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def tell(result: Any, error: BaseException | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, result, error)

        self._work.put((work, tell))
        return future

    # -- jobs ----------------------------------------------------------------------------------------------------------

    async def entries(self, keys: Sequence[str]) -> dict[str, Entry]:
        """The newest entry of each job that the journal knows."""

        def read(db: sqlite3.Connection) -> dict[str, Entry]:
            found: dict[str, Entry] = {}
            for chunk in _chunks(keys):
                rows = db.execute(
                    f"SELECT {','.join(COLUMNS)} FROM jobs WHERE job_key IN ({_marks(chunk)}) ORDER BY generation",
                    chunk,
                )
                found.update((row[0], Entry(*row)) for row in rows)
            return found

        return await self._do(read)

    def put(self, entry: Entry) -> asyncio.Future[None]:
        """Write an entry, or change it; the change is on its way to disk when this returns, and there when awaited."""
        values = [getattr(entry, name) for name in COLUMNS]

        def write(db: sqlite3.Connection) -> None:
            db.execute(f"INSERT OR REPLACE INTO jobs ({','.join(COLUMNS)}) VALUES ({_marks(values)})", values)

        return self._do(write)

    def store(self, entry: Entry, transcript: bytes) -> asyncio.Future[None]:
        """Write a finished entry together with its transcript."""
        values = [getattr(entry, name) for name in COLUMNS]
        packed: bytes = pa.compress(transcript, codec="zstd", asbytes=True)

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO transcripts VALUES (?, ?, ?)", [entry.job_key, len(transcript), packed])
            db.execute(f"INSERT OR REPLACE INTO jobs ({','.join(COLUMNS)}) VALUES ({_marks(values)})", values)

        return self._do(write)

    async def transcripts(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The raw transcripts of finished jobs."""

        def read(db: sqlite3.Connection) -> list[tuple[str, int, bytes]]:
            return [
                row
                for chunk in _chunks(keys)
                for row in db.execute(
                    f"SELECT job_key, bytes, zstd FROM transcripts WHERE job_key IN ({_marks(chunk)})", chunk
                )
            ]

        return {
            key: pa.decompress(packed, size, codec="zstd", asbytes=True) for key, size, packed in await self._do(read)
        }

    async def remains(self, service: str) -> list[Entry]:
        """Entries that may still have something on the server: a file, a transcription, an unanswered request."""

        def read(db: sqlite3.Connection) -> list[Entry]:
            rows = db.execute(
                f"SELECT {','.join(COLUMNS)} FROM jobs WHERE service = ? AND ((file_id IS NOT NULL AND NOT file_gone) "
                "OR (transcription_id IS NOT NULL AND NOT transcription_gone) OR state IN ('uploading', 'creating'))",
                [service],
            )
            return [Entry(*row) for row in rows]

        return await self._do(read)

    async def entries_by_reference(self, service: str) -> dict[str, Entry]:
        """Every entry by the reference that its remote objects carry."""

        def read(db: sqlite3.Connection) -> dict[str, Entry]:
            rows = db.execute(f"SELECT {','.join(COLUMNS)} FROM jobs WHERE service = ?", [service])
            return {row[COLUMNS.index("reference")]: Entry(*row) for row in rows}

        return await self._do(read)

    def note_lost(self, reference: str, service: str, kind: str) -> asyncio.Future[None]:
        """Remember that something of this reference may be on the server although nothing here uses it any more."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR IGNORE INTO lost VALUES (?, ?, ?)", [reference, service, kind])

        return self._do(write)

    async def lost(self, service: str) -> dict[str, str]:
        """References noted as lost, with their kind: ``file`` or ``transcription``."""

        def read(db: sqlite3.Connection) -> dict[str, str]:
            return dict(db.execute("SELECT reference, kind FROM lost WHERE service = ?", [service]))

        return await self._do(read)

    def forget_lost(self, references: Sequence[str]) -> asyncio.Future[None]:
        """Strike lost references that were found and deleted, or looked for in vain."""

        def write(db: sqlite3.Connection) -> None:
            db.executemany("DELETE FROM lost WHERE reference = ?", [[reference] for reference in references])

        return self._do(write)

    # -- claims --------------------------------------------------------------------------------------------------------

    def _lock_path(self, run: str) -> Path:
        return self.path.with_name(f"{self.path.name}.run-{run}.lock")

    def start_run(self) -> str:
        """Begin a run: a name under which jobs are claimed, alive as long as this process holds its lock."""
        run = secrets.token_hex(6)
        lock = filelock.FileLock(self._lock_path(run))
        try:
            lock.acquire(timeout=0)
        except OSError as error:
            raise self._trouble(error) from error
        self._locks[run] = lock
        return run

    async def end_run(self, run: str) -> None:
        """Give up every claim of a run."""
        try:
            await self._do(lambda db: db.execute("DELETE FROM claims WHERE run = ?", [run]))
        finally:
            self._unlock(run)

    def _unlock(self, run: str) -> None:
        if (lock := self._locks.pop(run, None)) is not None:
            lock.release()
            self._lock_path(run).unlink(missing_ok=True)

    def _alive(self, run: str) -> bool:
        if run in self._locks:
            return True
        path = self._lock_path(run)
        if not path.exists():
            return False
        probe = filelock.FileLock(path)
        try:
            probe.acquire(timeout=0)
        except filelock.Timeout:
            return True
        probe.release()
        path.unlink(missing_ok=True)
        return False

    async def claim(self, keys: Sequence[str], run: str) -> set[str]:
        """Claim jobs for a run; returns those that another living run holds."""

        def write(db: sqlite3.Connection) -> set[str]:
            held: dict[str, str] = {}
            for chunk in _chunks(keys):
                held.update(db.execute(f"SELECT job_key, run FROM claims WHERE job_key IN ({_marks(chunk)})", chunk))
            living = {other for other in set(held.values()) - {run} if self._alive(other)}
            taken = {key for key, other in held.items() if other in living}
            db.executemany(
                "INSERT OR REPLACE INTO claims VALUES (?, ?)", [(key, run) for key in keys if key not in taken]
            )
            return taken

        return await self._do(write)

    async def claimed_by_others(self, run: str | None) -> set[str]:
        """Jobs that living runs other than `run` are working on."""

        def read(db: sqlite3.Connection) -> list[tuple[str, str]]:
            return list(db.execute("SELECT job_key, run FROM claims WHERE run IS NOT ?", [run]))

        rows = await self._do(read)
        living = {other for other in {owner for _, owner in rows} if self._alive(other)}
        return {key for key, owner in rows if owner in living}

    # -- files that have not changed -----------------------------------------------------------------------------------

    async def inspections(self, fingerprints: dict[str, tuple[int, int]]) -> dict[str, Inspection]:
        """What is known of files whose size and modification time are still the same; keys are absolute paths."""

        def read(db: sqlite3.Connection) -> dict[str, Inspection]:
            found = {}
            for chunk in _chunks(fingerprints):
                rows = db.execute(f"SELECT * FROM inspected WHERE path IN ({_marks(chunk)})", chunk)
                for path, size, mtime, sha256, duration, filename, warnings in rows:
                    if fingerprints[path] == (size, mtime):
                        found[path] = Inspection(sha256, duration, filename, tuple(warnings.split()))
            return found

        return await self._do(read)

    def remember(self, inspected: dict[str, tuple[tuple[int, int], Inspection]]) -> asyncio.Future[None]:
        """Keep what was found out about files: path → (fingerprint, inspection)."""
        rows = [
            (path, *fingerprint, found.sha256, found.duration_ms, found.filename, " ".join(found.warnings))
            for path, (fingerprint, found) in inspected.items()
        ]

        def write(db: sqlite3.Connection) -> None:
            db.executemany("INSERT OR REPLACE INTO inspected VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

        return self._do(write)


@atexit.register
def _close_all() -> None:
    for journal in list(Journal._opened.values()):
        if journal._pid == os.getpid():
            journal.close()
