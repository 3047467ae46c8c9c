"""A file through which the processes of this machine share a limit of requests per minute.

Conventions: the file lies beside the journal that the processes share. A process reads and writes the file only while
it holds a lock, which the operating system releases when the process ends. Each request takes one place of the limit
for about a minute. The file stores the time at which each taken place becomes free, in seconds of the machine's
monotonic clock, so that the places of a killed process become free by themselves. If the file is damaged, all places
count as taken until a minute has passed.
"""

from __future__ import annotations

import array
import hashlib
import math
import os
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import filelock

from soniox_ds.exceptions import JournalError

__all__ = ["LedgerEntry", "RequestLedger"]

LOCK_PATIENCE_S = 30.0
"""Longest wait for the lock, in real seconds. Normally a process holds the lock for less than a millisecond."""
LOCK_POLL_S = 0.001
FORGOTTEN_S = 600.0
"""Real seconds without a change after which an entry is left out of the file."""

_ENTRY = struct.Struct("<16sddddIII")
_CHECKSUM_BYTES = 8


@dataclass(slots=True)
class LedgerEntry:
    """State that the processes of this machine share for their requests to one organisation.

    Times are seconds of the machine's monotonic clock, multiplied by the speed of the run's clock.
    """

    free_at_s: list[float] = field(default_factory=list)
    """Times at which the taken places become free, in ascending order."""
    limit: int = 0
    """Largest number of requests per minute that any of the processes allows."""
    paused_until_s: float = -math.inf
    """Time at which the pause after the last refusal ends."""
    due_s: float = -math.inf
    """Time of the next request while requests leave evenly after a pause."""
    slow_part: float = 1.0
    """Part of the full pace directly after the last pause, from 0 to 1."""
    refusals: int = 0
    """Number of refusals in a row."""
    written_at: float = 0.0
    """Seconds since 1970."""


class RequestLedger:
    """The ledger of a journal, with the recent requests of all processes that use the journal.

    Parameters
    ----------
    journal
        Path of the journal.
    """

    def __init__(self, journal: Path) -> None:
        self.path = journal.with_name(f"{journal.name}.requests")
        self._lock = filelock.FileLock(f"{self.path}.lock", thread_local=False)
        self._content = b""
        self._entries: dict[bytes, LedgerEntry] | None = {}
        """The entries of the file; None if it is damaged."""

    @staticmethod
    def name_of(*parts: object) -> bytes:
        """Return the name under which the file holds the requests to an organisation.

        >>> RequestLedger.name_of("a", None, 1.0) == RequestLedger.name_of("a", None, 1.0)
        True
        """
        return hashlib.blake2b("\n".join(map(repr, parts)).encode(), digest_size=16).digest()

    def acquire(self) -> None:
        """Lock the file.

        Raises JournalError if another process does not release the lock or the file cannot be created.
        """
        try:
            self._lock.acquire(timeout=LOCK_PATIENCE_S, poll_interval=LOCK_POLL_S)
        except filelock.Timeout:
            raise JournalError(
                f"another process has locked {self.path} for more than {LOCK_PATIENCE_S:.0f} s. Through this file the "
                "processes with one journal share the request budget. End processes that are stopped, and run the same "
                "call again"
            ) from None
        except OSError as error:
            raise self._unusable(error) from error

    def release(self) -> None:
        """Unlock the file."""
        self._lock.release()

    def has_changed(self) -> bool:
        """Read the file, and return True if another process has written to it since the last call or `write`."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            content = b""
        except OSError as error:
            raise self._unusable(error) from error
        if content == self._content:
            return False
        self._content, self._entries = content, _entries(content)
        return True

    def entry(self, name: bytes) -> LedgerEntry | None:
        """Return the entry of an organisation, empty if there is none; None if the file is damaged."""
        return None if self._entries is None else self._entries.get(name, LedgerEntry())

    def write(self, name: bytes, entry: LedgerEntry) -> None:
        """Write the entry of an organisation."""
        now = time.time()
        entry.written_at = now
        self._entries = {
            key: other
            for key, other in {**(self._entries or {}), name: entry}.items()
            if abs(now - other.written_at) < FORGOTTEN_S
        }
        self._content = _packed(self._entries)
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            try:  # The file is overwritten in place, and is never empty. The checksum shows if a write was cut off.
                os.write(handle, self._content)
                os.ftruncate(handle, len(self._content))
            finally:
                os.close(handle)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> JournalError:
        return JournalError(
            f"{self.path}, through which the processes with one journal share the request budget, cannot be used: "
            f"{error}. Free disk space, or name another journal with journal="
        )


def _packed(entries: Mapping[bytes, LedgerEntry]) -> bytes:
    parts = []
    for name, entry in entries.items():
        values = (entry.written_at, entry.paused_until_s, entry.due_s, entry.slow_part)
        parts.append(_ENTRY.pack(name, *values, entry.refusals, entry.limit, len(entry.free_at_s)))
        parts.append(array.array("d", entry.free_at_s).tobytes())
    content = b"".join(parts)
    return hashlib.blake2b(content, digest_size=_CHECKSUM_BYTES).digest() + content


def _entries(content: bytes) -> dict[bytes, LedgerEntry] | None:
    """Return the entries of a file, or None if the file is damaged.

    >>> entries = {b"n" * 16: LedgerEntry(free_at_s=[1.0, 2.5], limit=480, refusals=2)}
    >>> _entries(_packed(entries)) == entries, _entries(b""), _entries(_packed(entries)[:-1])
    (True, {}, None)
    """
    if not content:
        return {}
    checksum, content = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
    if hashlib.blake2b(content, digest_size=_CHECKSUM_BYTES).digest() != checksum:
        return None
    entries: dict[bytes, LedgerEntry] = {}
    start = 0
    while start < len(content):
        name, written_at, paused_until_s, due_s, slow_part, refusals, limit, n = _ENTRY.unpack_from(content, start)
        start += _ENTRY.size
        free_at_s = array.array("d", content[start : start + 8 * n]).tolist()
        start += 8 * n
        entries[name] = LedgerEntry(free_at_s, limit, paused_until_s, due_s, slow_part, refusals, written_at)
    return entries
