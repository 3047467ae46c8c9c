"""An SQLite file that is read and written by a single thread.

Conventions: all waiting work is committed durably as one transaction (WAL, full sync), and only then are the callers
told. No connection is open while the process forks, because an SQLite connection does not survive a fork: it is closed
before the fork, and opened again at its next use, in the parent and in the child.
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
"""Exceptions of a damaged or unreachable file. Messages of SQLite may hold bytes that cannot be decoded."""
BUSY_S = 60.0
"""Seconds for which another process may keep the file locked."""


class _Item(NamedTuple):
    work: Callable[[sqlite3.Connection], Any]
    tell: Callable[[Any, BaseException | None], None]
    writes: bool


class Writer:
    """A thread that runs functions on the database at `path`, one batch after the other.

    Parameters
    ----------
    path
        The file. It is made, with its folder, if it does not exist.
    prepare
        Function that is called first with each new connection: it makes the tables and checks the version.

    Raises
    ------
    JournalError
        If the file cannot be opened or is not a database.

    A file that exists but cannot be written is opened for reading only. `read_only` then holds the reason, which every
    attempt to write raises.
    """

    _all: ClassVar[weakref.WeakSet[Writer]] = weakref.WeakSet()
    _registry: ClassVar[threading.Lock] = threading.Lock()
    """Lock that is held while a writer opens its file, and during a fork."""
    _waiting_for_fork: ClassVar[list[Writer]] = []

    def __init__(self, path: Path, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self.path = path
        self._prepare = prepare
        self._pid = os.getpid()
        self._turn = threading.Lock()
        """Lock that is held while the connection is used. A fork waits for it."""
        self._db: sqlite3.Connection | None = None
        self.read_only: JournalError | None = None
        """The reason why the file can only be read; None if it can be written."""
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
        """Connect to the file. Raises OSError or sqlite3.Error if it can be neither written nor read."""
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
        """True while the writer is open in this process and its file has not been deleted or replaced."""
        if self._closed or self._pid != os.getpid():
            return False
        try:
            return _identity(self.path) == self._file
        except OSError:
            return False

    def trouble(self, error: BaseException) -> JournalError:
        """Return the exception that tells the user what is wrong with the file."""
        return JournalError(
            f"the journal {self.path} cannot be used: {error}. Everything that was paid for is recorded in it. Free "
            "disk space or repair the file and run the same call again, or pass journal= with another path."
        )

    def do(self, work: Callable[[sqlite3.Connection], T], *, writes: bool = True) -> asyncio.Future[T]:
        """Queue `work` at once. It is done even if the caller is cancelled while waiting for the future."""
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
            with contextlib.suppress(RuntimeError):  # The loop is closed, so nothing waits any more.
                loop.call_soon_threadsafe(settle, result, error)

        if self._closed or self._pid != os.getpid():
            future.set_exception(JournalError(f"the journal {self.path} was closed while it was still in use"))
        elif writes and self.read_only is not None:
            future.set_exception(self.read_only)
        else:
            self._work.put(_Item(work, tell, writes))
        return future

    def close(self) -> None:
        """Do the waiting work, then close."""
        if self._end():
            self._thread.join()

    async def aclose(self) -> None:
        """Do the waiting work, then close, without holding up the event loop."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def tell() -> None:
            with contextlib.suppress(RuntimeError):  # The loop is closed, so nothing waits any more.
                loop.call_soon_threadsafe(ended.set)

        if self._end(tell):
            await ended.wait()
            self._thread.join()  # The thread has nothing left to do, so this does not wait.

    def _end(self, tell: Callable[[], None] | None = None) -> bool:
        """Take no more work. Return True if the thread will end now; it then calls `tell` at its end."""
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
        """Do a batch in one transaction. The waiting callers get their results, or all get the same error."""
        try:
            with self._turn:
                results = self._transact(batch)
        except Exception as error:  # noqa: BLE001 - nothing is swallowed: every waiter gets it
            is_file = isinstance(error, TROUBLE)
            if len(batch) > 1 and not is_file:
                for item in batch:  # One item is at fault, and the others must still be done.
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
            # A transaction that only reads takes no lock, and works on a full disk.
            db.execute("BEGIN IMMEDIATE" if any(item.writes for item in batch) else "BEGIN")
            results = [item.work(db) for item in batch]
            db.execute("COMMIT")
        except BaseException:
            try:
                if db.in_transaction:
                    db.execute("ROLLBACK")
            except sqlite3.Error:
                self._disconnect()  # Closing the connection also rolls back.
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
                pass  # An earlier version wrote the file. Its tables are brought up to date in a copy.
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
        """The write-ahead log, in which SQLite keeps what is not yet in the file itself."""
        return self.path.with_name(f"{self.path.name}-wal")

    def _copied(self) -> Path:
        """Copy the file and its log to a temporary folder. SQLite must write to read a log or to change tables."""
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
