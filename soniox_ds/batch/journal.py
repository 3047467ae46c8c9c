"""The journal: an SQLite file of jobs and transcripts, so that no result is lost or paid for twice.

Conventions: the intent is written before a request that costs money, and the answer after it, both durably. Several
processes may share a journal: a run claims a job, and the claim holds as long as the run lives (``job_locks.py``). Each
paid attempt at a job is an entry of its own, numbered by its generation. The newest attempt counts.
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
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
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

__all__ = [
    "Entry",
    "Inspection",
    "JobAttempts",
    "Journal",
    "Placement",
    "State",
    "UnansweredRequest",
    "default_path",
    "resolve_path",
]

T = TypeVar("T")

AT_ONCE = 500
"""Number of values in one query."""


class State:
    """The states of a job. They are written to the journal and must therefore never be renamed."""

    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    CREATING = "creating"
    CREATED = "created"
    DONE = "done"
    FAILED = "failed"


UNPAID = (State.UPLOADING, State.UPLOADED, State.FAILED)
"""States of an attempt that cost nothing, or whose result is no longer available."""


_STATES = (State.UPLOADING, State.UPLOADED, State.CREATING, State.CREATED, State.DONE, State.FAILED)
_TEXTS = ("submitted_at", "completed_at", "error_type", "error_message", "resolved_model", "key_fingerprint")
_TOO_LARGE = 2**53


@dataclass(slots=True)
class Entry:
    """A paid attempt at a job, as it is stored in the journal."""

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
    """The model that answers for `model`; None if it is unknown."""
    key_fingerprint: str | None = None
    """`Secret.fingerprint` of the API key of this attempt, salted with the id of the journal; None in entries that an
    earlier version wrote."""


class JobAttempts(NamedTuple):
    """The attempts at a job that count."""

    newest: Entry
    """The latest attempt."""
    finished: Entry | None
    """The latest attempt whose transcript is in the journal; None if there is no such attempt."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result of the inspection of a file, valid until the file changes."""

    sha256: str
    duration_ms: int | None
    filename: str
    warnings: tuple[str, ...]
    channels: int
    channel_bytes_per_s: int


class UnansweredRequest(NamedTuple):
    """A reference under which the server may hold something that no entry uses."""

    reference: str
    kind: str
    """``file`` or ``transcription``."""
    noted_at: float
    """Seconds since 1970."""
    key_fingerprint: str | None = None
    """Fingerprint of the key of the request, as in `Entry`."""


class Placement(NamedTuple):
    """A place in the folder of a corpus that holds the transcript of a job."""

    job_key: str
    folder: str
    """Absolute path of the folder."""
    save: str
    """Name of the save in the folder, as ``corpus.parts.name_of_save`` gives it."""
    audio_id: str
    """Id of the recording there."""
    reference: str
    """Reference of the attempt that made the transcript."""


LONGEST_TRANSCRIPT = 1 << 30
"""Largest size of a transcript in bytes. A larger size in the journal means damage."""
_CHECKSUM = struct.Struct("<II16s")
_SKIPPED = (0x184D2A51, 16)
"""Kind and length of a frame that Zstandard skips. The frame holds the checksum of the transcript and of the key of its
job, so that no job gets the transcript of another job."""
_SKIPPED_WITHOUT_KEY = (0x184D2A50, 16)
"""Kind and length of this frame in journals of an earlier version, whose checksums do not cover the key."""

COLUMNS = [field.name for field in fields(Entry)]
ENTRY = ",".join(COLUMNS)
INSPECTED = "path,size_bytes,mtime_ns,sha256,duration_ms,filename,warnings,channels,channel_bytes_per_s"
REMAINS = (
    "((file_id IS NOT NULL AND NOT file_gone) OR (transcription_id IS NOT NULL AND NOT transcription_gone) "
    "OR state IN ('uploading', 'creating'))"
)


def default_path() -> Path:
    """Return the path of the default journal, in the user's cache folder."""
    return platformdirs.user_cache_path("soniox_ds") / "journal.sqlite"


def resolve_path(path: str | Path | None) -> Path:
    """Return the absolute path of the journal at `path`, or of the default journal."""
    try:
        return (Path(path).expanduser() if path is not None else default_path()).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise _cannot_be_opened(error) from error


def _cannot_be_opened(error: Exception) -> JournalError:
    return JournalError(f"the journal cannot be opened: {error}; name another file with journal=")


class Journal:
    """The journal at one path. All its users in a process share it, and the last user closes it."""

    _opened: ClassVar[dict[Path, Journal]] = {}
    _opening: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = ""
        """Id that tells the files and transcriptions of this journal on the server from those of others."""
        self._writer = Writer(path, self._prepare)
        self._do = self._writer.do
        self._runs = Runs(path)
        self._users = 0

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r})"

    @property
    def is_usable(self) -> bool:
        """True while the journal is open in this process and its file has not been deleted or replaced."""
        return self._writer.usable

    @property
    def read_only(self) -> JournalError | None:
        """The reason why the journal can only be read; None if it can be written."""
        return self._writer.read_only

    def _prepare(self, db: sqlite3.Connection) -> None:
        self.id = prepare(db, self.path)

    @classmethod
    def open(cls, path: str | Path | None = None) -> Journal:
        """Open the journal at `path` (default: `default_path()`), or return the journal that is already open there.

        Each call adds one user, and every user calls `close` once.
        """
        file = resolve_path(path)
        try:
            is_folder = file.is_dir()
        except (OSError, ValueError) as error:
            raise _cannot_be_opened(error) from error
        if is_folder:
            raise JournalError(
                f"the journal must be a file, but {file} is a folder; name a file such as {file / 'journal.sqlite'}."
            )
        with cls._opening:
            journal = cls._opened.get(file)
            if journal is None or not journal.is_usable:  # A deleted file stays open for its present users only.
                journal = cls._opened[file] = cls(file)
            journal._users += 1
            return journal

    @classmethod
    @contextlib.asynccontextmanager
    async def using(cls, path: str | Path | None = None) -> AsyncIterator[Journal]:
        """Open the journal at `path` as a context manager, without holding up the event loop."""
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
        """End the use of the journal. For its last user, write what is still waiting and close the file."""
        if self._leave():
            self._writer.close()

    def _leave(self) -> bool:
        """Count one user less. Return True for the last user, who closes the file."""
        with self._opening:
            self._users -= 1
            if self._users > 0:
                return False
            if self._opened.get(self.path) is self:
                del self._opened[self.path]
        self._runs.end_all()
        return True

    # -- jobs ----------------------------------------------------------------------------------------------------------

    async def known(self, keys: Sequence[str]) -> dict[str, JobAttempts]:
        """Return the attempts at each of these jobs. Jobs that were never tried are left out."""

        def read(db: sqlite3.Connection) -> dict[str, JobAttempts]:
            known: dict[str, JobAttempts] = {}
            for chunk in _chunks(keys):
                rows = db.execute(
                    f"SELECT {ENTRY} FROM jobs WHERE job_key IN ({_marks(chunk)}) ORDER BY generation", chunk
                )
                for entry in _whole(rows):
                    before = known.get(entry.job_key)
                    finished = entry if entry.state == State.DONE else (before.finished if before else None)
                    known[entry.job_key] = JobAttempts(entry, finished)
            return known

        return await self._do(read, writes=False)

    def put(self, *entries: Entry) -> asyncio.Future[None]:
        """Write or change entries in one transaction. The write is queued at once; await it to know that it is done."""
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
        """Return the raw transcripts of finished jobs. Damaged transcripts are left out."""

        def read(db: sqlite3.Connection) -> list[tuple[Any, Any, Any]]:
            rows: list[tuple[Any, Any, Any]] = []
            for chunk in _chunks(keys):
                try:
                    rows += _packed(db, chunk)
                except sqlite3.DatabaseError as error:
                    if isinstance(error, sqlite3.OperationalError):
                        raise
                    rows += _packed_one_by_one(db, chunk)  # A damaged page must not hide the other transcripts.
            return rows

        rows = await self._do(read, writes=False)
        unpacked = {str(key): _unpack(str(key), packed, size) for key, size, packed in rows}
        return {key: transcript for key, transcript in unpacked.items() if transcript is not None}

    def place(self, placements: Sequence[Placement], *, drop: Collection[str]) -> asyncio.Future[None]:
        """Note where the transcripts of jobs are stored besides, and drop the transcripts of the jobs in `drop`.

        The first recording of a folder that holds the transcript of a job keeps it, until that recording is written
        again. The transcript of a job is dropped only if it is that of the attempt which was placed.
        """
        rows = list(placements)
        dropped = [[placed.job_key, placed.reference] for placed in rows if placed.job_key in drop]

        def write(db: sqlite3.Connection) -> None:
            db.executemany(
                "INSERT INTO placements VALUES (?, ?, ?, ?, ?) ON CONFLICT (job_key, folder) DO UPDATE SET "
                "save = excluded.save, reference = excluded.reference WHERE audio_id = excluded.audio_id",
                rows,
            )
            db.executemany(
                "DELETE FROM transcripts WHERE job_key = ?1 AND ?2 = (SELECT reference FROM jobs "
                "WHERE job_key = ?1 AND state = 'done' ORDER BY generation DESC LIMIT 1) "
                "AND EXISTS (SELECT 1 FROM placements WHERE job_key = ?1 AND reference = ?2)",
                dropped,
            )

        return self._do(write)

    async def placements(self, keys: Sequence[str]) -> list[Placement]:
        """Return the places that hold the transcripts of these jobs, those noted last first."""

        def read(db: sqlite3.Connection) -> list[Placement]:
            placements: list[Placement] = []
            for chunk in _chunks(keys):
                rows = db.execute(
                    "SELECT job_key, folder, save, audio_id, reference FROM placements "
                    f"WHERE job_key IN ({_marks(chunk)}) ORDER BY rowid DESC",
                    chunk,
                )
                placements += [Placement(*map(str, row)) for row in rows]
            return placements

        return await self._do(read, writes=False)

    async def has_placed(self, folder: str, save: str | None = None) -> bool:
        """Return True if transcripts are noted to be in this folder, or in this save in it."""

        def read(db: sqlite3.Connection) -> bool:
            query = "SELECT 1 FROM placements WHERE folder = ?1 AND (?2 IS NULL OR save = ?2) LIMIT 1"
            return db.execute(query, [folder, save]).fetchone() is not None

        return await self._do(read, writes=False)

    async def remains(self, service: str) -> list[Entry]:
        """Return the entries that may still have a file, a transcription or an unanswered request on the server."""

        def read(db: sqlite3.Connection) -> list[Entry]:
            rows = db.execute(f"SELECT {ENTRY} FROM jobs WHERE service = ? AND {REMAINS}", [service])
            return list(_whole(rows))

        return await self._do(read, writes=False)

    # -- lost answers --------------------------------------------------------------------------------------------------

    def note_lost(self, lost: UnansweredRequest, service: str) -> asyncio.Future[None]:
        """Note that the server may hold something with this reference, although no entry uses it."""

        def write(db: sqlite3.Connection) -> None:
            row = [lost.reference, service, lost.kind, lost.noted_at]
            db.execute("INSERT OR REPLACE INTO lost VALUES (?, ?, ?, ?)", row)

        return self._do(write)

    async def lost(self, service: str, run: str | None) -> list[UnansweredRequest]:
        """Return the lost references, except those of jobs that living runs other than `run` are working on."""

        def read(db: sqlite3.Connection) -> list[tuple[str, str, float, str | None, str | None]]:
            return list(
                db.execute(
                    "SELECT lost.reference, kind, noted_at, jobs.key_fingerprint, claims.run FROM lost "
                    "LEFT JOIN jobs ON jobs.reference = lost.reference "
                    "LEFT JOIN claims ON claims.job_key = jobs.job_key WHERE lost.service = ?",
                    [service],
                )
            )

        rows = await self._do(read, writes=False)
        busy = self._living({owner for *_, owner in rows if owner is not None}) - {run}
        return [UnansweredRequest(*row[:4]) for row in rows if row[4] not in busy]

    def forget_lost(self, references: Iterable[str]) -> asyncio.Future[None]:
        """Remove lost references that were found and deleted, or looked for in vain."""
        rows = [[reference] for reference in references]

        def write(db: sqlite3.Connection) -> None:
            db.executemany("DELETE FROM lost WHERE reference = ?", rows)

        return self._do(write)

    # -- webhooks ------------------------------------------------------------------------------------------------------

    def note_delivery(self, transcription_id: str, status: str, received_at: float) -> asyncio.Future[None]:
        """Write down that the service has delivered the webhook of a transcription, with this final status.

        The transcription may be that of a job which the journal does not know, or does not know yet. A repeated
        delivery changes the status only.
        """

        def write(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT INTO deliveries VALUES (?, ?, ?) "
                "ON CONFLICT (transcription_id) DO UPDATE SET status = excluded.status",
                [transcription_id, status, received_at],
            )

        return self._do(write)

    async def deliveries(self, transcription_ids: Sequence[str]) -> dict[str, str]:
        """Return the delivered status of those of the transcriptions whose webhook has arrived."""

        def read(db: sqlite3.Connection) -> dict[str, str]:
            delivered: dict[str, str] = {}
            for chunk in _chunks(transcription_ids):
                rows = db.execute(
                    f"SELECT transcription_id, status FROM deliveries WHERE transcription_id IN ({_marks(chunk)})",
                    chunk,
                )
                delivered.update(rows)
            return delivered

        return await self._do(read, writes=False)

    def forget_deliveries(self, before: float) -> asyncio.Future[None]:
        """Remove the deliveries that were received before this time (seconds since 1970)."""

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM deliveries WHERE received_at < ?", [before])

        return self._do(write)

    # -- claims --------------------------------------------------------------------------------------------------------

    def start_run(self) -> str:
        """Begin a run and return the name under which it claims jobs; empty if the journal can only be read."""
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
        self._runs.end(run)  # This voids the claims even if the disk is full and they cannot be deleted.
        await self._do(lambda db: db.execute("DELETE FROM claims WHERE run = ?", [run]))

    async def claim(self, keys: Sequence[str], run: str) -> set[str]:
        """Claim jobs for a run, and return the jobs that another living run holds."""

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
        """Return the keys of jobs that living runs other than `run` are working on."""

        def read(db: sqlite3.Connection) -> list[tuple[str, str]]:
            return list(db.execute("SELECT job_key, run FROM claims WHERE run IS NOT ?", [run]))

        rows = await self._do(read, writes=False)
        living = self._living({owner for _, owner in rows})
        return {key for key, owner in rows if owner in living}

    def _living(self, runs: set[str]) -> set[str]:
        return {run for run in runs if self._runs.alive(run)}

    # -- files that have not changed -----------------------------------------------------------------------------------

    async def inspections(self, fingerprints: dict[str, tuple[int, int]]) -> dict[str, Inspection]:
        """Return the inspections of files whose size and modification time are unchanged. Keys are absolute paths."""

        def read(db: sqlite3.Connection) -> dict[str, Inspection]:
            inspections = {}
            for chunk in _chunks(fingerprints):
                rows = db.execute(f"SELECT {INSPECTED} FROM inspected WHERE path IN ({_marks(chunk)})", chunk)
                for path, size, mtime, sha256, duration, filename, warnings, channels, bytes_per_s in rows:
                    is_whole = (
                        isinstance(sha256, str)
                        and len(sha256) == 64  # Otherwise damaged rows could share one hash, and so one job.
                        and (duration is None or _is_duration(duration))
                        and isinstance(filename, str)
                        and isinstance(warnings, str)
                        and _is_count(channels)  # A row of an earlier version has none, so the file is read again.
                        and _is_count(bytes_per_s)
                    )
                    if is_whole and fingerprints.get(path) == (size, mtime):  # damage may have changed the path
                        inspections[path] = Inspection(
                            sha256, duration, filename, tuple(warnings.split()), channels, bytes_per_s
                        )
            return inspections

        return await self._do(read, writes=False)

    def remember(self, inspected: dict[str, tuple[tuple[int, int], Inspection]]) -> asyncio.Future[None]:
        """Store the fingerprint and the inspection of each file. Keys are absolute paths."""
        rows = [
            (
                *(path, *fingerprint, result.sha256, result.duration_ms, result.filename, " ".join(result.warnings)),
                *(result.channels, result.channel_bytes_per_s),
            )
            for path, (fingerprint, result) in inspected.items()
        ]

        def write(db: sqlite3.Connection) -> None:
            db.executemany(f"INSERT OR REPLACE INTO inspected ({INSPECTED}) VALUES ({_marks(range(9))})", rows)

        return self._do(write)

    # -- cut points of long recordings ---------------------------------------------------------------------------------

    async def cuts(self, sha256: str, longest_ms: int) -> list[int] | None:
        """Return the cut points of a recording for a longest stretch; None if they are not known.

        They are kept because they are part of the keys of jobs: another version of the decoder might find others.
        """

        def read(db: sqlite3.Connection) -> list[tuple[Any]]:
            query = "SELECT cuts_ms FROM cuts WHERE sha256 = ? AND longest_ms = ?"
            return list(db.execute(query, [sha256, longest_ms]))

        rows = await self._do(read, writes=False)
        words = str(rows[0][0]).split() if rows else None
        if words is None or not all(word.isdecimal() for word in words):
            return None
        return [int(word) for word in words]

    def remember_cuts(self, sha256: str, longest_ms: int, cuts_ms: Sequence[int]) -> asyncio.Future[None]:
        """Store the cut points of a recording for a longest stretch."""
        row = [sha256, longest_ms, " ".join(map(str, cuts_ms))]

        def write(db: sqlite3.Connection) -> None:
            db.execute("INSERT OR REPLACE INTO cuts VALUES (?, ?, ?)", row)

        return self._do(write)


def _whole(rows: Iterable[Sequence[Any]]) -> Iterator[Entry]:
    """Yield the entries of rows. Rows with a damaged key are left out, and their recordings are sent again."""
    for row in rows:
        entry = _entry(row)
        if isinstance(entry.job_key, str) and isinstance(entry.generation, int) and 0 < entry.generation < _TOO_LARGE:
            yield entry


def _entry(row: Sequence[Any]) -> Entry:
    """Make an entry from a row, without damaged values and without invalid ids that an earlier version kept."""
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
    if not (isinstance(entry.changed_at, (int, float)) and 0 <= entry.changed_at < _TOO_LARGE):
        entry.changed_at = 0.0
    if entry.state not in _STATES:
        # An unknown state counts as done, so that nothing is paid for twice. Without a transcript the row fails.
        entry.state = State.DONE
    return entry


def _is_duration(value: object) -> bool:
    return isinstance(value, int) and 0 <= value < 2**31


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 < value < _TOO_LARGE


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
            continue  # The recording fails, and its row says why.
    return rows


def _pack(key: str, transcript: bytes) -> bytes:
    packed: bytes = pa.compress(transcript, codec="zstd", asbytes=True)
    return packed + _CHECKSUM.pack(*_SKIPPED, _digest(transcript, key))


def _unpack(key: str, packed: object, size: object) -> bytes | None:
    """Return a transcript as it was stored, or None if it is damaged."""
    if not isinstance(packed, bytes) or not isinstance(size, int) or not 0 <= size <= LONGEST_TRANSCRIPT:
        return None
    try:
        transcript: bytes = pa.decompress(packed, size, codec="zstd", asbytes=True)
    except (OSError, MemoryError, pa.ArrowException):
        return None
    if len(packed) > _CHECKSUM.size:  # The first version wrote no checksum.
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
    """Start anew in a forked child: SQLite and threads do not survive a fork, and the lock may be held for ever."""
    Journal._opening = threading.Lock()
    Journal._opened = {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
