"""What was asked for, what was paid for, what came back: one SQLite file, so that no result is lost or paid for twice.

Conventions: the intent is written before a request that spends, the answer after it, both durably. Several processes
may share a journal: a job is claimed by a run, and a claim holds as long as its run lives (``job_locks.py``). Each paid
attempt at a job is an entry of its own, numbered by its generation; the newest one counts.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import hashlib
import os
import sqlite3
import struct
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import platformdirs
import pyarrow as pa

from soniox_ds.api.responses import is_id
from soniox_ds.batch.job_locks import Runs
from soniox_ds.batch.journal_tables import prepare
from soniox_ds.batch.journal_writer import Writer
from soniox_ds.exceptions import JournalError

__all__ = ["Entry", "Inspection", "Journal", "Known", "Lost", "State", "default_path"]

T = TypeVar("T")

AT_ONCE = 500
"""So many values in one query."""


class State:
    """How far a job has come; written to the journal, so never renamed."""

    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    CREATING = "creating"
    CREATED = "created"
    DONE = "done"
    FAILED = "failed"


UNPAID = (State.UPLOADING, State.UPLOADED, State.FAILED)
"""States of an attempt that cost nothing, or nothing that could still be had."""


_STATES = (State.UPLOADING, State.UPLOADED, State.CREATING, State.CREATED, State.DONE, State.FAILED)
_TEXTS = ("submitted_at", "completed_at", "error_type", "error_message", "resolved_model")
_TOO_LARGE = 2**53


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
    resolved_model: str | None = None
    """The model that answers for `model`; None where that could not be told."""


class Known(NamedTuple):
    """What the journal knows of a job."""

    newest: Entry
    """The latest attempt."""
    finished: Entry | None
    """The latest attempt that brought a transcript, which the journal has."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found out about a file that has not changed since."""

    sha256: str
    duration_ms: int | None
    filename: str
    warnings: tuple[str, ...]


class Lost(NamedTuple):
    """A reference under which something may be on the server that nothing here uses."""

    reference: str
    kind: str
    """``file`` or ``transcription``."""
    noted_at: float
    """Seconds since 1970."""


LONGEST_TRANSCRIPT = 1 << 30
"""Bytes of a transcript; where the journal says more, it is damaged."""
_CHECKSUM = struct.Struct("<II16s")
_SKIPPED = (0x184D2A51, 16)
"""Zstandard skips a frame of this kind and length; here it holds the checksum of what was packed before it and of the
key of its job, so that no job gets another one's transcript."""
_SKIPPED_WITHOUT_KEY = (0x184D2A50, 16)
"""The same in journals of an earlier version, whose checksums do not cover the key."""

COLUMNS = [field.name for field in fields(Entry)]
ENTRY = ",".join(COLUMNS)
REMAINS = (
    "((file_id IS NOT NULL AND NOT file_gone) OR (transcription_id IS NOT NULL AND NOT transcription_gone) "
    "OR state IN ('uploading', 'creating'))"
)


def default_path() -> Path:
    """The journal that is used where none is named, in the user's cache folder."""
    return platformdirs.user_cache_path("soniox_ds") / "journal.sqlite"


class Journal:
    """The journal at one path, shared by all that use it within a process and closed when the last of them is done."""

    _opened: ClassVar[dict[Path, Journal]] = {}
    _opening: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = ""
        """Tells this journal's things on the server from those of others."""
        self._writer = Writer(path, self._prepare)
        self._do = self._writer.do
        self._runs = Runs(path)
        self._users = 0

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r})"

    @property
    def read_only(self) -> JournalError | None:
        """Why the journal can only be read; None where it can be written."""
        return self._writer.read_only

    def _prepare(self, db: sqlite3.Connection) -> None:
        self.id = prepare(db, self.path)

    @classmethod
    def open(cls, path: str | Path | None = None) -> Journal:
        """Open the journal at `path` (default: `default_path()`), or return the one already open there.

        Each call is one more user; `close` is called once for each.
        """
        try:
            where = (Path(path).expanduser() if path is not None else default_path()).resolve()
            is_folder = where.is_dir()
        except (OSError, RuntimeError, ValueError) as error:
            raise JournalError(f"the journal cannot be opened: {error}; name another file with journal=") from error
        if is_folder:
            raise JournalError(
                f"the journal must be a file, {where} is a folder; name a file such as {where / 'journal.sqlite'}."
            )
        with cls._opening:
            journal = cls._opened.get(where)
            if journal is None or not journal._writer.usable:  # its file was deleted: left to those that use it
                journal = cls._opened[where] = cls(where)
            journal._users += 1
            return journal

    @classmethod
    @contextlib.asynccontextmanager
    async def using(cls, path: str | Path | None = None) -> AsyncIterator[Journal]:
        """Open the journal at `path` for a while, without holding up the event loop."""
        opening: concurrent.futures.Future[Journal] = concurrent.futures.Future()

        def open_it() -> None:
            try:
                opening.set_result(cls.open(path))
            except BaseException as error:  # noqa: BLE001 - nothing is swallowed: `result` raises it
                opening.set_exception(error)

        try:
            await asyncio.to_thread(open_it)
        except asyncio.CancelledError:
            opening.add_done_callback(lambda opened: None if opened.exception() else opened.result().close())
            raise
        journal = opening.result()
        try:
            yield journal
        finally:
            if journal._leave():
                await journal._writer.aclose()

    def close(self) -> None:
        """End one use; the last one writes what still waits and closes, and the next `open` gives a new object."""
        if self._leave():
            self._writer.close()

    def _leave(self) -> bool:
        """Count one user less; True for the last one, who closes the file."""
        with self._opening:
            self._users -= 1
            if self._users > 0:
                return False
            if self._opened.get(self.path) is self:
                del self._opened[self.path]
        self._runs.end_all()
        return True

    # -- jobs ----------------------------------------------------------------------------------------------------------

    async def known(self, keys: Sequence[str]) -> dict[str, Known]:
        """What is known of each of these jobs; those never tried are left out."""

        def read(db: sqlite3.Connection) -> dict[str, Known]:
            found: dict[str, Known] = {}
            for chunk in _chunks(keys):
                rows = db.execute(
                    f"SELECT {ENTRY} FROM jobs WHERE job_key IN ({_marks(chunk)}) ORDER BY generation", chunk
                )
                for entry in _whole(rows):
                    before = found.get(entry.job_key)
                    finished = entry if entry.state == State.DONE else (before.finished if before else None)
                    found[entry.job_key] = Known(entry, finished)
            return found

        return await self._do(read, writes=False)

    def put(self, *entries: Entry) -> asyncio.Future[None]:
        """Write entries, or change them, together; on its way when this returns, safely there when it is awaited."""
        rows = [[getattr(entry, name) for name in COLUMNS] for entry in entries]
        return self._do(lambda db: _put(db, rows))

    def store(self, entry: Entry, transcript: bytes) -> asyncio.Future[None]:
        """Write a finished entry together with its transcript."""
        row = [getattr(entry, name) for name in COLUMNS]
        packed = _pack(entry.job_key, transcript)

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO transcripts VALUES (?, ?, ?)", [entry.job_key, len(transcript), packed])
            _put(db, [row])

        return self._do(write)

    async def transcripts(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The raw transcripts of finished jobs; one that is damaged is left out."""

        def read(db: sqlite3.Connection) -> list[tuple[Any, Any, Any]]:
            rows: list[tuple[Any, Any, Any]] = []
            for chunk in _chunks(keys):
                try:
                    rows += _packed(db, chunk)
                except sqlite3.DatabaseError as error:
                    if isinstance(error, sqlite3.OperationalError):
                        raise
                    rows += _packed_one_by_one(db, chunk)  # a damaged page must not hide the others
            return rows

        rows = await self._do(read, writes=False)
        unpacked = {str(key): _unpack(str(key), packed, size) for key, size, packed in rows}
        return {key: transcript for key, transcript in unpacked.items() if transcript is not None}

    async def remains(self, service: str) -> list[Entry]:
        """Entries that may still have something on the server: a file, a transcription, an unanswered request."""

        def read(db: sqlite3.Connection) -> list[Entry]:
            rows = db.execute(f"SELECT {ENTRY} FROM jobs WHERE service = ? AND {REMAINS}", [service])
            return list(_whole(rows))

        return await self._do(read, writes=False)

    # -- lost answers --------------------------------------------------------------------------------------------------

    def note_lost(self, lost: Lost, service: str) -> asyncio.Future[None]:
        """Remember that something of this reference may be on the server although nothing here uses it."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO lost VALUES (?, ?, ?, ?)", [lost.reference, service, *lost[1:]])

        return self._do(write)

    async def lost(self, service: str, run: str | None) -> list[Lost]:
        """References noted as lost, without those of jobs that living runs other than `run` are working on."""

        def read(db: sqlite3.Connection) -> list[tuple[str, str, float, str | None]]:
            return list(
                db.execute(
                    "SELECT lost.reference, kind, noted_at, claims.run FROM lost "
                    "LEFT JOIN jobs ON jobs.reference = lost.reference "
                    "LEFT JOIN claims ON claims.job_key = jobs.job_key WHERE lost.service = ?",
                    [service],
                )
            )

        rows = await self._do(read, writes=False)
        busy = self._living({owner for *_, owner in rows if owner is not None}) - {run}
        return [Lost(*row[:3]) for row in rows if row[3] not in busy]

    def forget_lost(self, references: Iterable[str]) -> asyncio.Future[None]:
        """Strike lost references that were found and deleted, or looked for in vain."""
        rows = [[reference] for reference in references]

        def write(db: sqlite3.Connection) -> None:
            db.executemany("DELETE FROM lost WHERE reference = ?", rows)

        return self._do(write)

    # -- claims --------------------------------------------------------------------------------------------------------

    def start_run(self) -> str:
        """Begin a run: a name under which jobs are claimed, which a journal that can only be read does not allow."""
        if self.read_only is not None:
            return ""
        try:
            return self._runs.start()
        except OSError as error:
            raise self._writer.trouble(error) from error

    async def end_run(self, run: str) -> None:
        """Give up every claim of a run."""
        if self.read_only is not None:
            return
        self._runs.end(run)  # which makes its claims void, should the disk be full
        await self._do(lambda db: db.execute("DELETE FROM claims WHERE run = ?", [run]))

    async def claim(self, keys: Sequence[str], run: str) -> set[str]:
        """Claim jobs for a run; returns those that another living run holds."""

        def write(db: sqlite3.Connection) -> set[str]:
            held: dict[str, str] = {}
            for chunk in _chunks(keys):
                held.update(db.execute(f"SELECT job_key, run FROM claims WHERE job_key IN ({_marks(chunk)})", chunk))
            living = self._living(set(held.values()) - {run})
            taken = {key for key, other in held.items() if other in living}
            db.executemany(
                "INSERT OR REPLACE INTO claims VALUES (?, ?)", [(key, run) for key in keys if key not in taken]
            )
            return taken

        return await self._do(write)

    def release(self, key: str, run: str) -> asyncio.Future[None]:
        """Give up the claim to one job."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM claims WHERE job_key = ? AND run = ?", [key, run])

        return self._do(write)

    async def claimed_by_others(self, run: str | None) -> set[str]:
        """Jobs that living runs other than `run` are working on."""

        def read(db: sqlite3.Connection) -> list[tuple[str, str]]:
            return list(db.execute("SELECT job_key, run FROM claims WHERE run IS NOT ?", [run]))

        rows = await self._do(read, writes=False)
        living = self._living({owner for _, owner in rows})
        return {key for key, owner in rows if owner in living}

    def _living(self, runs: set[str]) -> set[str]:
        return {run for run in runs if self._runs.alive(run)}

    # -- files that have not changed -----------------------------------------------------------------------------------

    async def inspections(self, fingerprints: dict[str, tuple[int, int]]) -> dict[str, Inspection]:
        """What is known of files whose size and modification time are still the same; keys are absolute paths."""

        def read(db: sqlite3.Connection) -> dict[str, Inspection]:
            found = {}
            for chunk in _chunks(fingerprints):
                rows = db.execute(f"SELECT * FROM inspected WHERE path IN ({_marks(chunk)})", chunk)
                for path, size, mtime, sha256, duration, filename, warnings in rows:
                    is_whole = (
                        isinstance(sha256, str)
                        and len(sha256) == 64  # or damage of all rows would make one job of all recordings
                        and (duration is None or _is_duration(duration))
                        and isinstance(filename, str)
                        and isinstance(warnings, str)
                    )
                    if is_whole and fingerprints[path] == (size, mtime):
                        found[path] = Inspection(sha256, duration, filename, tuple(warnings.split()))
            return found

        return await self._do(read, writes=False)

    def remember(self, inspected: dict[str, tuple[tuple[int, int], Inspection]]) -> asyncio.Future[None]:
        """Keep what was found out about files: path → (fingerprint, inspection)."""
        rows = [
            (path, *fingerprint, found.sha256, found.duration_ms, found.filename, " ".join(found.warnings))
            for path, (fingerprint, found) in inspected.items()
        ]

        def write(db: sqlite3.Connection) -> None:
            db.executemany("INSERT OR REPLACE INTO inspected VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

        return self._do(write)


def _whole(rows: Iterable[Sequence[Any]]) -> Iterator[Entry]:
    """The entries of rows, without those that cannot be told from others: their recordings are sent again."""
    for row in rows:
        entry = _entry(row)
        if isinstance(entry.job_key, str) and isinstance(entry.generation, int) and 0 < entry.generation < _TOO_LARGE:
            yield entry


def _entry(row: Sequence[Any]) -> Entry:
    """An entry as it was written, without damaged values and without ids that an earlier version kept."""
    entry = Entry(*row)
    for name in _TEXTS:
        if not isinstance(getattr(entry, name), str):
            setattr(entry, name, None)
    for name in ("reference", "service", "source", "model", "options_hash"):
        setattr(entry, name, str(getattr(entry, name)))
    if not is_id(entry.file_id):
        entry.file_id = None
    if not is_id(entry.transcription_id):
        entry.transcription_id = None
    for name in ("file_gone", "transcription_gone"):
        setattr(entry, name, int(getattr(entry, name) == 1))
    if not _is_duration(entry.duration_ms):
        entry.duration_ms = None
    if not _is_number(entry.changed_at):
        entry.changed_at = 0.0
    if entry.state not in _STATES:
        # Taken for done, so that nothing is paid for twice: where there is no transcript, the row fails by name.
        entry.state = State.DONE
    return entry


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < _TOO_LARGE


def _is_duration(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**31


def _packed(db: sqlite3.Connection, keys: Sequence[str]) -> list[tuple[Any, Any, Any]]:
    return list(db.execute(f"SELECT job_key, bytes, zstd FROM transcripts WHERE job_key IN ({_marks(keys)})", keys))


def _packed_one_by_one(db: sqlite3.Connection, keys: Sequence[str]) -> list[tuple[Any, Any, Any]]:
    rows: list[tuple[Any, Any, Any]] = []
    for key in keys:
        try:
            rows += _packed(db, [key])
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            continue  # the recording fails, and its row says why
    return rows


def _pack(key: str, transcript: bytes) -> bytes:
    packed: bytes = pa.compress(transcript, codec="zstd", asbytes=True)
    return packed + _CHECKSUM.pack(*_SKIPPED, _digest(transcript, key))


def _unpack(key: str, packed: object, size: object) -> bytes | None:
    """A transcript as it was stored; None where it is damaged."""
    if not isinstance(packed, bytes) or not isinstance(size, int) or not 0 <= size <= LONGEST_TRANSCRIPT:
        return None
    try:
        transcript: bytes = pa.decompress(packed, size, codec="zstd", asbytes=True)
    except (OSError, MemoryError, pa.ArrowException):
        return None
    if len(packed) > _CHECKSUM.size:  # the first version wrote none
        *kind, digest = _CHECKSUM.unpack(packed[-_CHECKSUM.size :])
        if tuple(kind) == _SKIPPED and digest != _digest(transcript, key):
            return None
        if tuple(kind) == _SKIPPED_WITHOUT_KEY and digest != _digest(transcript):
            return None
    return transcript


def _digest(transcript: bytes, key: str | None = None) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    if key is not None:
        digest.update(f"{key}\n".encode())
    digest.update(transcript)
    return digest.digest()


def _put(db: sqlite3.Connection, rows: list[list[object]]) -> None:
    db.executemany(f"INSERT OR REPLACE INTO jobs ({ENTRY}) VALUES ({_marks(COLUMNS)})", rows)


def _chunks(items: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
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


@atexit.register
def _close_all() -> None:
    for journal in list(Journal._opened.values()):
        journal._writer.close()
        journal._runs.end_all()


def _forget_after_fork() -> None:
    """Neither SQLite nor a thread survives a fork; the lock may have been held by a thread that is not here."""
    Journal._opening = threading.Lock()
    Journal._opened = {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
