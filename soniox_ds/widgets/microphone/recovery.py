"""Recovery of microphone recordings after the kernel ended: they are stored on disk until they are read or saved.

Conventions: a recording is a file of events as ``live.event_store`` writes them. The first line describes the
recording. After the recording has ended, the last line says how it ended. If audio is kept too, the raw samples are in
a file beside it. The process that records holds a lock until the recording is read or saved; an unlocked recording was
left behind. Once a recording is stored elsewhere, its files are removed from here. Recordings that nobody reads are
removed after 30 days.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock, Timeout

from soniox_ds.exceptions import JournalError
from soniox_ds.live.event_store import BEGUN, DONE, EventStore
from soniox_ds.live.replay import Event
from soniox_ds.live.result import LiveResult, live_result_of
from soniox_ds.options import LiveOptions

__all__ = ["BrokenOff", "Kept", "RecoveryStore"]

_log = logging.getLogger(__name__)

_KEPT_DAYS = 30
_BEGINNINGS = 100  # the folder may be removed at any moment in which it is empty
_PATIENCE_S = 10.0
"""Longest wait in seconds for a kernel that looks for recordings. It holds the lock of each while it reads its file."""
_ENDS = (".jsonl", ".pcm", ".told", ".lock")


@dataclass(frozen=True)
class BrokenOff:
    """A recording whose kernel ended before the recording did, or before it was read or saved."""

    streamed: LiveResult
    has_ended: bool
    """True if the recording had ended before its kernel did."""
    pcm: bytes
    """Its samples; empty if they were not kept."""
    begun_at: datetime
    key: str
    is_news: bool
    """True if no user was told of it yet."""


class Kept:
    """A recording of this process. A failing disk does not affect it: `trouble` is called once."""

    def __init__(self, store: EventStore, key: str, begun: Event, pcm: Path | None, trouble: Callable[[str], object]):
        self._trouble = trouble
        self._paths = [store.folder / f"{key}{end}" for end in _ENDS]
        lock = FileLock(store.folder / f"{key}.lock", thread_local=False)
        with contextlib.ExitStack() as lock_stack, contextlib.ExitStack() as stack:
            lock_stack.enter_context(lock.acquire(timeout=_PATIENCE_S))
            self._write = stack.enter_context(store.writing(key, [begun]))
            self._sound = None if pcm is None else stack.enter_context(pcm.open("wb"))
            self._stack = stack.pop_all()
            self._lock = lock_stack.pop_all()

    def write(self, event: Event) -> None:
        """Store an event."""
        with self._told():
            self._write(event)

    def audio(self, sound: bytes) -> None:
        """Store some audio, if audio is kept."""
        with self._told():
            if self._sound is not None:
                self._sound.write(sound)
                self._sound.flush()

    def end(self, error_type: str | None, error_message: str | None) -> None:
        """Note that the recording has ended, and whether it failed. Its lock is kept."""
        ending = msgspec.json.encode({"error_type": error_type, "error_message": error_message}).decode()
        self.write(Event(0.0, DONE, 0, 0, None, ending))
        self._close_files()

    def forget(self) -> None:
        """Remove the files: the recording was read, is kept elsewhere, or is not wanted."""
        self.close()
        _remove(self._paths)

    def close(self) -> None:
        """Write no more, and release the lock. The files stay, as left behind."""
        self._close_files()
        self._lock.close()

    def _close_files(self) -> None:
        self._write, self._sound = _nothing, None
        self._stack.close()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, JournalError) as error:
            _log.exception("the recording is not kept on disk any more")
            self.close()
            self._trouble(f"The recording is not kept on disk any more: {error}")


class RecoveryStore:
    """The storage of recordings that are going on.

    Parameters
    ----------
    place
        A path without extension; the folder is ``<place>.streams``.
    keep_audio
        Store the audio, too (115 MB for an hour).
    trouble
        Called with a text if the disk fails.
    """

    def __init__(self, place: Path, *, keep_audio: bool, trouble: Callable[[str], object] = lambda text: None) -> None:
        self.folder = place.with_name(f"{place.name}.streams")
        """Folder of the files; made when it is needed."""
        self._place = place
        self._keep_audio = keep_audio
        self._trouble = trouble

    def begin(self, *, audio_id: str, options: LiveOptions, service: str, begun_at: datetime) -> Kept | None:
        """Begin to store a recording; returns None, after calling `trouble`, if nothing can be written."""
        key = f"{begun_at.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(4)}"
        description = {"at": begun_at.isoformat(), "audio_id": audio_id, "service": service, "options": options.body()}
        begun = Event(0.0, BEGUN, 0, 0, None, msgspec.json.encode(description).decode())
        pcm = self.folder / f"{key}.pcm" if self._keep_audio else None
        for attempt in range(_BEGINNINGS):
            try:
                return Kept(EventStore(self._place), key, begun, pcm, self._trouble)
            except (OSError, JournalError) as error:
                cause = error.__cause__ if isinstance(error, JournalError) else error
                if attempt < _BEGINNINGS - 1 and isinstance(cause, (FileNotFoundError, FileExistsError)):
                    continue  # somebody else has just removed the folder, which was empty
                _log.exception("the recording is not kept on disk")
                self._trouble(f"The recording is not kept on disk while it goes on: {error}")
                break
        return None

    def broken_off(self) -> list[BrokenOff]:
        """Return the recordings that were left behind, oldest first, without those of living processes."""
        try:
            self._remove_old()
            keys = sorted(name.removesuffix(".jsonl") for name in os.listdir(self.folder) if name.endswith(".jsonl"))
        except FileNotFoundError:  # there is no folder, or somebody else has just removed it
            return []
        if not keys:
            return []
        store = EventStore(self._place)
        recordings = []
        for key in keys:
            with contextlib.suppress(Timeout, FileNotFoundError), FileLock(self.folder / f"{key}.lock", timeout=0):
                events = store.read(key)
                if events and events[0].kind == BEGUN:
                    recordings.append(self._read(key, events))
        return recordings

    def tell(self, recording: BrokenOff) -> None:
        """Note that a user was told of a recording."""
        (self.folder / f"{recording.key}.told").touch()

    def forget(self, recording: BrokenOff) -> None:
        """Remove a recording that is kept elsewhere, or is not wanted."""
        _remove(self._paths(recording.key))

    def _paths(self, key: str) -> list[Path]:
        return [self.folder / f"{key}{end}" for end in _ENDS]

    def _read(self, key: str, events: list[Event]) -> BrokenOff:
        begun: Mapping[str, Any] = msgspec.json.decode(events[0].payload or "")
        begun_at = datetime.fromisoformat(begun["at"])
        sound = self.folder / f"{key}.pcm"
        first_ms = next((event.at_ms for event in events if event.kind == "audio"), 0.0)
        has_ended = events[-1].kind == DONE
        ended: Mapping[str, Any] = msgspec.json.decode(events[-1].payload or "") if has_ended else {}
        failed = {"status": "failed", "text": None, **ended} if ended.get("error_type") else {}
        streamed = live_result_of(
            [event._replace(at_ms=event.at_ms - first_ms) for event in events[1:] if event.kind != DONE],
            audio_id=begun["audio_id"],
            options=LiveOptions(**begun["options"]),
            service=begun["service"],
            audio_ms=max((event.audio_ms or 0.0 for event in events), default=0.0),
            is_whole=has_ended,
            begun_at=begun_at,
            metadata=failed,
        )
        return BrokenOff(
            streamed=streamed,
            has_ended=has_ended,
            pcm=sound.read_bytes() if sound.is_file() else b"",
            begun_at=begun_at,
            key=key,
            is_news=not (self.folder / f"{key}.told").exists(),
        )

    def _remove_old(self) -> None:
        before_s = time.time() - _KEPT_DAYS * 86_400
        for path in self.folder.glob("*.jsonl"):
            with contextlib.suppress(FileNotFoundError):  # its own process has just removed it
                if path.stat().st_mtime < before_s:
                    _remove(self._paths(path.stem))


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # if the folder contains other recordings
        paths[0].parent.rmdir()


def _nothing(event: Event) -> None:
    """Do nothing; replaces the writer once it is closed."""
