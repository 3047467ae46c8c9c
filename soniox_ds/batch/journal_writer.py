"""One SQLite file and the one thread that reads and writes it.

Conventions: whatever waits is committed as one transaction, durably (WAL, full sync), and only then is anybody told. No
connection is open while the process forks, since SQLite's does not survive that: it is closed before, and opened anew
by whoever uses it next, on either side.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import shutil
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

from soniox_ds.exceptions import JournalError

__all__ = ["Writer"]

T = TypeVar("T")

LARGEST_BATCH = 500
TROUBLE = (sqlite3.Error, OSError, UnicodeDecodeError)
"""What a file that is damaged or out of reach raises; SQLite's own messages may hold bytes that are no text."""
BUSY_S = 60.0
"""How long another process may keep the file locked (seconds)."""


class _Item(NamedTuple):
    work: Callable[[sqlite3.Connection], Any]
    tell: Callable[[Any, BaseException | None], None]
    writes: bool


class Writer:
    """Runs functions on the database at `path`, one batch after the other, in a thread of its own.

    Parameters
    ----------
    path
        The file; made, with its folder, where it does not exist.
    prepare
        Is given each new connection before anything else: makes the tables, checks the version.

    Raises
    ------
    JournalError
        If the file cannot be opened or is no database.

    A file that is there but cannot be written is opened for reading alone; `read_only` says why, and whatever would
    write raises that.
    """

    _all: ClassVar[weakref.WeakSet[Writer]] = weakref.WeakSet()
    _registry: ClassVar[threading.Lock] = threading.Lock()
    """Held while a connection is made for the first time, and during a fork."""
    _waiting_for_fork: ClassVar[list[Writer]] = []

    def __init__(self, path: Path, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self.path = path
        self._prepare = prepare
        self._pid = os.getpid()
        self._turn = threading.Lock()
        """Held while the connection is used; a fork waits for it."""
        self._db: sqlite3.Connection | None = None
        self.read_only: JournalError | None = None
        """Why the file can only be read; None where it can be written."""
        self._closed = False
        self._tell_closed: Callable[[], None] | None = None
        self._work: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        with Writer._registry:
            try:
                self._open()
                self._file = _identity(path)
            except TROUBLE as error:
                raise self.trouble(error) from error
            Writer._all.add(self)
        self._thread = threading.Thread(target=self._run, name="soniox-ds-journal", daemon=True)
        self._thread.start()

    def _open(self) -> None:
        """Connect; raises OSError or sqlite3.Error where the file can neither be written nor read."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
            self._connection()
        except (OSError, sqlite3.OperationalError) as error:
            if not self.path.is_file() or not self.path.stat().st_size:
                raise
            self.read_only = self.trouble(error)
            self._connection()

    @property
    def usable(self) -> bool:
        """Whether it is open, in this process, and its file is still the one that lies at its path."""
        if self._closed or self._pid != os.getpid():
            return False
        try:
            return _identity(self.path) == self._file
        except OSError:
            return False

    def trouble(self, error: BaseException) -> JournalError:
        """The exception that tells a user what is wrong with the file."""
        return JournalError(
            f"the journal {self.path} cannot be used: {error}. Nothing was spent that it does not know of. Free space "
            "there or mend the file and run the same call again, or pass journal= with another path."
        )

    def do(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = True) -> asyncio.Future[T]:
        """Hand `work` over at once; it is done even if the caller is cancelled while waiting for the future."""
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
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, result, error)

        if self._closed or self._pid != os.getpid():
            future.set_exception(JournalError(f"the journal {self.path} was closed while it was still in use"))
        elif writes and self.read_only is not None:
            future.set_exception(self.read_only)
        else:
            self._work.put(_Item(work, tell, writes))
        return future

    def close(self) -> None:
        """Do what still waits, then close."""
        if self._end():
            self._thread.join()

    async def aclose(self) -> None:
        """Do what still waits, then close, while the event loop goes on."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def tell() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(ended.set)

        if self._end(tell):
            await ended.wait()
            self._thread.join()  # it has nothing left to do

    def _end(self, tell: Callable[[], None] | None = None) -> bool:
        """Take no more work; True where there is a thread that ends, which calls `tell` at its end."""
        if self._closed or self._pid != os.getpid():
            return False
        self._closed = True
        self._tell_closed = tell
        self._work.put(None)
        return True

    # -- in the thread -------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._work_until_closed()
            with self._turn:
                self._disconnect()
        finally:
            if self._tell_closed is not None:
                self._tell_closed()

    def _work_until_closed(self) -> None:
        open_ended = True
        while open_ended and (item := self._work.get()) is not None:
            batch = [item]
            while len(batch) < LARGEST_BATCH:
                try:
                    more = self._work.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    open_ended = False
                    break
                batch.append(more)
            self._commit(batch)

    def _commit(self, batch: list[_Item]) -> None:
        """Do a batch in one transaction; its waiters get their results, or all the same error."""
        try:
            with self._turn:
                results = self._transact(batch)
        except Exception as error:  # noqa: BLE001 - nothing is swallowed: every waiter gets it
            is_file = isinstance(error, TROUBLE)
            if len(batch) > 1 and not is_file:
                for item in batch:  # one of them is wrong; the others must not suffer for it
                    self._commit([item])
                return
            trouble: BaseException = error
            if is_file:
                trouble = self.trouble(error)
                trouble.__cause__ = error
            for item in batch:
                item.tell(None, trouble)
            return
        for item, result in zip(batch, results, strict=True):
            item.tell(result, None)

    def _transact(self, batch: list[_Item]) -> list[Any]:
        db = self._connection()
        try:
            # Reading alone takes no lock, and works on a full disk.
            db.execute("BEGIN IMMEDIATE" if any(item.writes for item in batch) else "BEGIN")
            results = [item.work(db) for item in batch]
            db.execute("COMMIT")
        except BaseException:
            try:
                if db.in_transaction:
                    db.execute("ROLLBACK")
            except sqlite3.Error:
                self._disconnect()  # which rolls back, too
            raise
        return results

    # -- the connection ------------------------------------------------------------------------------------------------

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            if self.read_only is None:
                db = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
                self._db = self._prepared(db)
                self._db.execute("PRAGMA synchronous=FULL")
            else:
                self._db = self._connected_for_reading()
        return self._db

    def _connected_for_reading(self) -> sqlite3.Connection:
        log = self._log
        if not (log.exists() and log.stat().st_size):
            address = f"{self.path.absolute().as_uri()}?immutable=1"
            try:
                return self._prepared(sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False))
            except sqlite3.OperationalError:
                pass  # an earlier version wrote it, and its tables are to be brought up to date: in a copy
        return self._prepared(sqlite3.connect(self._copied(), isolation_level=None, check_same_thread=False))

    def _prepared(self, db: sqlite3.Connection) -> sqlite3.Connection:
        try:
            self._prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    @property
    def _log(self) -> Path:
        """Where SQLite keeps what is not yet in the file itself."""
        return self.path.with_name(f"{self.path.name}-wal")

    def _copied(self) -> Path:
        """Copy the file and its log to where SQLite may write, which it must to read a log or to change tables."""
        folder = tempfile.TemporaryDirectory(prefix="soniox-ds-journal-")
        weakref.finalize(self, folder.cleanup)
        copy = Path(folder.name, self.path.name)
        shutil.copyfile(self.path, copy)
        if self._log.exists():
            shutil.copyfile(self._log, copy.with_name(self._log.name))
        return copy

    def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()

    # -- forks ---------------------------------------------------------------------------------------------------------

    @classmethod
    def _before_fork(cls) -> None:
        cls._registry.acquire()
        cls._waiting_for_fork = list(cls._all)
        for writer in cls._waiting_for_fork:
            writer._turn.acquire()
            writer._disconnect()

    @classmethod
    def _after_fork(cls) -> None:
        while cls._waiting_for_fork:
            cls._waiting_for_fork.pop()._turn.release()
        cls._registry.release()


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=Writer._before_fork, after_in_parent=Writer._after_fork, after_in_child=Writer._after_fork
    )
