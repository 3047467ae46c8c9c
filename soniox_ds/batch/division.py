"""Division of recordings into parts, each of which is a job: single channels, and stretches of long recordings.

Recordings at URLs are downloaded for it if the caller asks for that. A downloaded copy is deleted when the last job of
its recording is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from soniox_ds.api.prices import cost_usd, price_text
from soniox_ds.batch.jobs import Job, TemporaryCopy
from soniox_ds.batch.run import Run
from soniox_ds.exceptions import TranscriptionFailed
from soniox_ds.sources.channels import UnusableAudio
from soniox_ds.sources.download import DownloadFailed, download
from soniox_ds.sources.inspection import os_error_type, os_error_words, too_large
from soniox_ds.sources.parts import Part, longest_stretch_ms, parts_of, write_part
from soniox_ds.sources.pauses import cut_points
from soniox_ds.sources.recording import Recording, shown
from soniox_ds.sources.stores import AudioSource, StoredObject
from soniox_ds.stores.store import StoreError

__all__ = ["Division", "audio_of"]

DOWNLOADS_AT_ONCE = 8
LARGEST_DOWNLOAD_BYTES = 20_000_000_000
"""Size above which a download is given up, because it may never end."""


class Division:
    """The stage that divides the recordings of a run into parts."""

    def __init__(self, run: Run, threads: ThreadPoolExecutor) -> None:
        self._run = run
        self._threads = threads
        self._is_stopped = threading.Event()
        self._copies: dict[int, TemporaryCopy] = {}
        """Downloaded copies that no job uses yet, by the identity of their recordings."""
        self._n_recordings = self._n_jobs = self._mixed_ms = self._billed_ms = 0

    def stop(self) -> None:
        """End the search for pauses that is under way, and delete the copies that no job uses."""
        self._is_stopped.set()
        self.drop_unused_copies()

    # -- downloads -----------------------------------------------------------------------------------------------------

    async def download(self, recordings: list[Recording]) -> None:
        """Download the recordings at URLs if the options ask for it. Fail those that would have to be downloaded."""
        options = self._run.options
        remote = [recording for recording in recordings if recording.error_type is None and recording.is_remote]
        if not options.download:
            if options.channels is not None:
                for recording in remote:
                    recording.fail(
                        "url_not_downloaded",
                        f"{shown(recording.audio_id)} is a URL, and the service cannot send its channels apart. Give "
                        'download=True (--download), so that channels="separate" can cut them out on this machine',
                    )
            return
        room = asyncio.Semaphore(DOWNLOADS_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for recording in remote:
                group.create_task(self._download_one(recording, room))

    async def _download_one(self, recording: Recording, room: asyncio.Semaphore) -> None:
        limit = LARGEST_DOWNLOAD_BYTES
        if self._run.options.channels is None and self._run.options.split is None:
            limit = self._run.limits.file_bytes
        handle, name = tempfile.mkstemp(prefix="soniox-ds-")
        os.close(handle)
        copy = TemporaryCopy(Path(name))
        try:
            async with room:
                await download(str(recording.url), copy.path, limit_bytes=limit, clock=self._run.clock)
        except DownloadFailed as error:
            copy.leave()
            recording.fail("download_failed", f"{shown(recording.audio_id)} {error}")
            return
        except BaseException:
            copy.leave()
            raise
        recording.file = str(copy.path)
        self._copies[id(recording)] = copy

    def use_copy(self, recording: Recording) -> TemporaryCopy | None:
        """Return the downloaded copy of a recording for one more job; None for other recordings."""
        copy = self._copies.get(id(recording))
        if copy is not None:
            copy.users += 1
        return copy

    def drop_unused_copies(self) -> None:
        """Delete the copies that no job has taken, and leave the others to their jobs."""
        for copy in self._copies.values():
            if copy.users == 0:
                copy.leave()
        self._copies.clear()

    # -- parts ---------------------------------------------------------------------------------------------------------

    async def divide(self, recordings: list[Recording]) -> list[list[Part]]:
        """Return the parts of each recording. A recording that cannot be transcribed fails and has none."""
        return list(await asyncio.gather(*map(self._parts_of, recordings)))

    async def _parts_of(self, recording: Recording) -> list[Part]:
        if recording.error_type is not None:
            return []
        if recording.is_remote:
            return [Part()]
        options, limits = self._run.options, self._run.limits
        try:
            cuts_ms: list[int] | None = None
            while True:
                parts = parts_of(
                    recording,
                    is_separate=options.channels == "separate",
                    is_split=options.split is not None,
                    cuts_ms=cuts_ms,
                    max_bytes=limits.file_bytes,
                    max_duration_ms=limits.duration_ms,
                )
                if parts is not None:
                    break
                cuts_ms = await self._cut_points(recording)
        except UnusableAudio as error:
            recording.fail(error.error_type, f"{shown(recording.source or recording.audio_id)} {error}")
            return []
        except OSError as error:
            recording.fail(
                os_error_type(error),
                f"{shown(recording.source or recording.audio_id)} {os_error_words(error)}",
            )
            return []
        duration_ms = recording.duration_ms or 0
        n_channels = len({part.channel for part in parts})
        self._n_recordings += 1
        self._n_jobs += len(parts)
        self._mixed_ms += duration_ms
        self._billed_ms += duration_ms * n_channels
        return parts

    async def _cut_points(self, recording: Recording) -> list[int]:
        journal, limits = self._run.journal, self._run.limits
        longest_ms = longest_stretch_ms(recording, limits.file_bytes, limits.duration_ms)
        sha256 = str(recording.sha256)
        known = await journal.cuts(sha256, longest_ms)
        if known is not None:
            return known
        source = recording.audio
        if source is None:
            raise RuntimeError(f"{recording.audio_id} has no audio on this machine")
        self._run.progress.note(f"looking for pauses at which {recording.audio_id} can be cut")
        try:
            loop = asyncio.get_running_loop()
            cuts_ms = await loop.run_in_executor(
                self._threads, lambda: cut_points(source, longest_ms, self._is_stopped.is_set)
            )
        except asyncio.CancelledError:
            self._is_stopped.set()
            raise
        self._run.progress.note("")
        if journal.read_only is None:
            await journal.remember_cuts(sha256, longest_ms, cuts_ms)
        return cuts_ms

    def plan(self) -> str:
        """Describe the jobs and their cost; empty if every recording is one job."""
        if self._n_jobs == self._n_recordings:
            return ""
        billed = f"{self._n_jobs:,} jobs for {self._n_recordings:,} recordings"
        price = f"{price_text(cost_usd(self._billed_ms), at_most=True)} for {self._billed_ms / 3_600_000:,.2f} h"
        if self._billed_ms == self._mixed_ms:
            return f"{billed}, {price} of audio"
        mixed = price_text(cost_usd(self._mixed_ms))
        return f"{billed}, {price} of audio, since each channel is billed ({mixed} if sent mixed)"


@contextlib.asynccontextmanager
async def audio_of(run: Run, job: Job) -> AsyncIterator[AudioSource]:
    """Return the audio of a job: the source itself, or the part of it, written to a temporary file.

    Raises
    ------
    TranscriptionFailed
        If the part cannot be written, or is larger than the service takes.
    """
    recording = job.recording
    source = recording.audio
    if source is None:
        raise RuntimeError(f"{recording.audio_id} has no audio on this machine")
    if not job.part.is_cut:
        yield source
        return
    is_stopped = threading.Event()
    with tempfile.TemporaryDirectory(prefix="soniox-ds-", ignore_cleanup_errors=True) as folder:
        target = Path(folder) / "part.flac"
        try:
            await asyncio.to_thread(write_part, source, job.part, target, is_stopped.is_set)
            if isinstance(source, StoredObject):
                await asyncio.to_thread(source.check_unchanged)
            recording.size_bytes = target.stat().st_size
            if recording.size_bytes > run.limits.file_bytes:
                raise too_large(recording.size_bytes, run.limits.file_bytes)
        except UnusableAudio as error:
            raise TranscriptionFailed(
                f"{shown(recording.audio_id)} {error}", audio_id=recording.audio_id, error_type=error.error_type
            ) from error
        except StoreError as error:
            raise TranscriptionFailed(
                f"{shown(recording.audio_id)} {error}", audio_id=recording.audio_id, error_type=error.error_type
            ) from None
        except OSError as error:
            raise TranscriptionFailed(
                f"{shown(recording.audio_id)} cannot be cut out into the folder {tempfile.gettempdir()}: "
                f"{error.strerror or error}. Free space there, or set TMPDIR to another folder",
                audio_id=recording.audio_id,
                error_type=os_error_type(error),
            ) from error
        finally:
            is_stopped.set()
        yield target
