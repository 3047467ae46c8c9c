"""Storage of the events of live sessions, one file of JSON lines for each recording.

Conventions: a line is one event, written and flushed as it comes, so that paid results survive the process. The first
line is an event of the kind `BEGUN`, the last line of a finished recording is of the kind `DONE`; their payloads are
date and time (ISO 8601, UTC). Neither is part of the log that users see.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from soniox_ds.exceptions import JournalError
from soniox_ds.live.replay import Event

__all__ = ["BEGUN", "DONE", "EventStore"]

BEGUN = "begun"
DONE = "done"
_LOOK_S = 0.2


class EventStore:
    """A folder of events, one file of JSON lines for each recording."""

    def __init__(self, journal: Path) -> None:
        self.folder = journal.with_name(f"{journal.name}.streams")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # speech is private
        except OSError as error:
            if isinstance(error, FileExistsError) and not self.folder.exists():
                return  # somebody else has just removed it; whoever writes finds out
            raise JournalError(f"the folder {self.folder} cannot be made: {error}. Name another journal") from error

    @contextlib.asynccontextmanager
    async def claim(self, key: str) -> AsyncIterator[None]:
        """Hold the lock of a recording, so that no other process works on it."""
        lock = FileLock(self.folder / f"{key}.lock", thread_local=False)
        try:
            # Polling, because a waiting thread that is cancelled would hold the lock for ever.
            while not _acquired(lock):  # noqa: ASYNC110  another process holds it
                await asyncio.sleep(_LOOK_S)
        except OSError:  # a read-only disk can be read without a lock, and `writing` reports it
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def read(self, key: str) -> list[Event]:
        """Read the events so far, up to the first line that a crash cut off."""
        try:
            text = self._path(key).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        events: list[Event] = []
        for line in text.splitlines():
            try:
                events.append(Event(*msgspec.json.decode(line)))
            except (msgspec.DecodeError, TypeError):
                break
        return events

    @contextlib.contextmanager
    def writing(self, key: str, earlier: list[Event]) -> Iterator[Callable[[Event], None]]:
        """Return a function that appends an event and flushes it, so that it survives the process."""
        path = self._path(key)
        with self._told(path):
            begun = path.with_suffix(".begun")
            begun.write_text("".join(map(_line, earlier)), encoding="utf-8")
            os.replace(begun, path)
            file = path.open("a", encoding="utf-8")
        with file:

            def write(event: Event) -> None:
                with self._told(path):
                    file.write(_line(event))
                    file.flush()

            yield write

    @contextlib.contextmanager
    def _told(self, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise JournalError(
                f"{path} cannot be written: {error}. Free disk space, or name another journal: no audio is sent "
                "without a journal"
            ) from error

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.jsonl"


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


def _line(event: Event) -> str:
    return json.dumps(event) + "\n"
