"""Preparation of the jobs of a run.

Recordings are inspected and divided into parts, equal parts become one job, and results that the journal holds are
recalled. If an option asks for parts, all files are inspected first, so that the cost is shown before anything is sent.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from soniox_ds.batch.corpus_folder import CorpusFolder
from soniox_ds.batch.division import Division
from soniox_ds.batch.jobs import Job, is_settled, job_key
from soniox_ds.batch.journal import UNPAID, Inspection, JobAttempts, State
from soniox_ds.batch.run import Run
from soniox_ds.exceptions import ExecutorError, error_type_of
from soniox_ds.sources.inspection import fingerprint, inspect, look_up
from soniox_ds.sources.parts import Part, part_of_recording
from soniox_ds.sources.recording import Recording, printable
from soniox_ds.sources.store_folders import THREADS as STORE_THREADS

__all__ = ["Preparer", "has_outcome"]

CHUNK = 128
THREADS = 4
POLL_S = 2.0


class Preparer:
    """The stage that makes jobs of the recordings, one chunk after the other, so that submission starts early."""

    def __init__(
        self,
        run: Run,
        recordings: list[Recording],
        *,
        refresh: bool,
        repeat: int = 0,
        folder: CorpusFolder | None = None,
    ) -> None:
        self._run = run
        self._divides = run.options.divides
        self._recordings = recordings
        self._refresh = refresh
        self._repeat = repeat
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="soniox-ds-inspect")
        self._store_threads = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="soniox-ds-store")
        for recording in recordings:
            recording.is_signed = bool(run.options.signed_urls) and recording.stored is not None
        self._division = Division(run, self._threads)
        self._folder = folder
        self._refreshed: set[bytes] = set()
        """Keys of the jobs that this run transcribes again. It does so once, however many rows have the audio."""
        self._refused = False
        """True once a job was not submitted because the journal cannot be written."""
        self._prints: dict[str, tuple[int, int]] = {}
        """Fingerprints of the files of one chunk, or of all chunks if they are inspected first."""
        self._parts: dict[int, list[Part]] = {}
        """Parts of the recordings that were inspected, by their rows."""

    async def prepare(self) -> None:
        """Find all jobs and queue the jobs that have to be submitted."""
        run = self._run
        chunks = [
            range(start, min(start + CHUNK, len(self._recordings))) for start in range(0, len(self._recordings), CHUNK)
        ]
        try:
            if self._divides:
                for rows in chunks:
                    await self._inspect_rows([row for row in rows if self._recordings[row].url is None])
                run.progress.set_plan(self._division.plan())
            others: list[Job] = []
            for rows in chunks:
                while self._folder is not None and not self._folder.has_room(rows.start):
                    if others:  # The rows of these jobs may be those for which the others wait.
                        await self._wait_for_others(others)
                        others = []
                    else:
                        await self._folder.wait_for_room()
                others += await self._prepare_chunk(rows)
                run.n_prepared = rows.stop
                run.on_outcome()
            await self._wait_for_others(others)
            if self._refused and run.journal.read_only is not None:
                run.stop_spending(run.journal.read_only)
        finally:
            self._division.stop()
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._store_threads.shutdown(wait=False, cancel_futures=True)
        run.all_found()

    async def _inspect_rows(self, rows: list[int]) -> None:
        """Inspect the recordings of some rows and divide them into parts."""
        recordings = [self._recordings[row] for row in rows]
        progress = self._run.progress
        progress.move("", "checking", len(rows))
        try:
            self._prints |= await self._inspect(recordings)
        finally:
            progress.move("checking", "", len(rows))
        lengths = [recording.duration_ms for recording in recordings if recording.duration_ms is not None]
        progress.add_inspected(len(lengths), sum(lengths))
        for row, parts in zip(rows, await self._division.divide(recordings), strict=True):
            self._parts[row] = parts

    async def _prepare_chunk(self, rows: range) -> list[Job]:
        """Queue the jobs of these rows, and return the jobs that another run is working on."""
        run = self._run
        if not self._divides:
            self._prints = {}
        recalled: dict[int, dict[str, Any]] = {}
        for row in rows:  # Audio at URLs is not downloaded again if its transcript is in the folder.
            if self._folder is None or not self._recordings[row].is_remote:
                continue
            if stored := self._folder.recall(row, self._recordings[row]):
                recalled[row], self._parts[row] = stored, []
        todo = [row for row in rows if row not in self._parts]
        await self._division.download([self._recordings[row] for row in todo])
        await self._inspect_rows(todo)
        keys_of_earlier_versions = await self._keys_of_earlier_versions(rows)
        fresh: list[Job] = []
        unplaced: dict[int, list[str]] = {}
        for row in rows:
            recording, parts = self._recordings[row], self._parts.pop(row)
            if self._folder is not None and (stored := recalled.get(row) or self._folder.recall(row, recording)):
                if self._folder.is_unplaced(row):
                    unplaced[row] = [self._key(recording, part) for part in parts]
                if stored["status"] == "completed":
                    run.progress.add_recalled(duration_ms=stored["duration_ms"] or 0)
                else:
                    run.progress.add_finished(False)
                continue
            if recording.error_type is not None:
                run.progress.add_finished(False)
                continue
            for part in parts:
                key = self._key(recording, part)
                key = keys_of_earlier_versions.get(key, key)
                if (job := run.jobs.get(key)) is None:
                    job = run.jobs[key] = Job(
                        key=key,
                        recording=part_of_recording(recording, part),
                        part=part,
                        fingerprint=self._prints.get(_file_key(recording)),
                        copy=self._division.use_copy(recording),
                    )
                    fresh.append(job)
                job.rows.append(row)
                run.jobs_of_row.setdefault(row, []).append(job)
            if all(job.has_outcome for job in run.jobs_of_row.get(row, [])):
                run.count_row(row)
        self._division.drop_unused_copies()
        if unplaced and self._folder is not None:
            known = await run.journal.known([key for keys in unplaced.values() for key in keys])
            references = {key: attempts.finished.reference for key, attempts in known.items() if attempts.finished}
            await self._folder.place_recalled(unplaced, references)
        return await self._recall(fresh)

    def _key(self, recording: Recording, part: Part) -> str:
        audio = recording.audio_key
        if audio is None:
            raise RuntimeError(f"{recording.audio_id} was inspected but has neither a URL nor a hash")
        return self._key_of(f"{audio} {part.key}".rstrip())

    def _key_of(self, audio: str) -> str:
        run = self._run
        return job_key(audio, run.options_hash, run.options.model, run.service, self._repeat)

    async def _keys_of_earlier_versions(self, rows: range) -> dict[str, str]:
        """Return the keys of jobs that the journal knows by a URL with its signature, by their keys without it."""
        signed = [
            recording
            for recording in (self._recordings[row] for row in rows)
            if recording.url is not None and recording.is_remote and recording.audio_key != recording.url
        ]
        if not signed:
            return {}
        keys = {self._key_of(str(recording.url)): self._key_of(str(recording.audio_key)) for recording in signed}
        return {keys[earlier]: earlier for earlier in await self._run.journal.known(list(keys))}

    async def _recall(self, jobs: list[Job]) -> list[Job]:
        run = self._run
        wanted = await self._unknown(jobs)
        for job in jobs:
            if job.has_outcome:
                job.leave_copy()
                job.is_closed = True  # It was never opened.
        if not wanted:
            return []
        if (trouble := run.journal.read_only) is not None:  # What cannot be written down must not be paid for.
            self._refused = True
            for job in wanted:
                run.opened()
                run.failed(job, error_type_of(trouble), str(trouble))
                await run.closed(job)
            return []
        held = await run.journal.claim([job.key for job in wanted], run.name)
        # Another run may have finished and released some jobs before the claim, so they are looked up again.
        unknown = {job.key for job in await self._unknown(wanted)}
        for job in wanted:
            run.opened()
            if job.key not in unknown:
                run.taken_over(job)
                await run.closed(job)
        await self._admit([job for job in wanted if job.key not in held and job.key in unknown])
        return [job for job in wanted if job.key in held and job.key in unknown]

    async def _admit(self, jobs: list[Job]) -> None:
        """Queue jobs, recording by recording, so that either all jobs of a recording are paid for or none."""
        for _, of_recording in groupby(jobs, key=lambda job: job.rows[0]):
            together = list(of_recording)
            if self._refresh:
                self._refreshed.update(bytes.fromhex(job.key) for job in together)
            await self._run.admit(together)

    async def _unknown(self, jobs: list[Job]) -> list[Job]:
        """Return the jobs that have no result in the journal, or all jobs if this run refreshes its results."""
        known = await self._run.journal.known([job.key for job in jobs])
        unknown = []
        for job in jobs:
            entry, finished = known.get(job.key, (None, None))
            job.entry = entry
            if entry is None or (self._refresh and bytes.fromhex(job.key) not in self._refreshed):
                unknown.append(job)
                continue
            if finished is not None and entry.state in UNPAID:  # An attempt to refresh the result failed.
                job.entry, job.finished = finished, True
            elif entry.state == State.DONE:
                job.finished = True
            elif entry.state == State.FAILED and is_settled(entry.error_type):
                job.error = (
                    str(entry.error_type),
                    f"{entry.error_message} (it failed in an earlier run; refresh=True tries again)",
                )
            else:
                unknown.append(job)
                continue
            job.recalled = True
            self._run.count_rows(job)
        return unknown

    async def _wait_for_others(self, jobs: list[Job]) -> None:
        """Wait for jobs that other runs on this journal work on: share their results, or take over if they stop."""
        run = self._run
        waiting = {job.key: job for job in jobs}
        while waiting:
            run.progress.note(f"{len(waiting)} recordings are being transcribed by another run with the same journal")
            held = await run.journal.claim(list(waiting), run.name)
            unknown = {job.key for job in await self._unknown(list(waiting.values()))}
            for key in set(waiting) - unknown:
                job = waiting.pop(key)
                run.taken_over(job)
                await run.closed(job)
            await self._admit([waiting.pop(key) for key in list(waiting) if key not in held])
            if run.fatal is not None:
                for job in waiting.values():
                    await run.refused(job, run.fatal)
                break
            if waiting:
                await run.clock.sleep(POLL_S)
        if jobs:
            run.progress.note("")

    # -- inspection ----------------------------------------------------------------------------------------------------

    async def _inspect(self, recordings: list[Recording]) -> dict[str, tuple[int, int]]:
        """Fill in size, duration and hash of the recordings, and return the fingerprints of their files.

        The values come from the journal if the file has not changed since its last inspection.
        """
        loop = asyncio.get_running_loop()
        if self._run.fatal is None:
            await asyncio.gather(*(self._in_store_thread(look_up, recording) for recording in recordings))
        local = [recording for recording in recordings if recording.error_type is None and not recording.is_remote]
        if not local:
            return {}
        prints = await loop.run_in_executor(self._threads, _fingerprints, local)
        known = await self._run.journal.inspections(prints)
        todo = []
        for recording in local:
            earlier = known.get(_file_key(recording))
            if earlier is None:
                todo.append(recording)
                continue
            recording.sha256, recording.duration_ms, recording.filename = (
                earlier.sha256,
                earlier.duration_ms,
                earlier.filename,
            )
            recording.channels, recording.channel_bytes_per_s = earlier.channels, earlier.channel_bytes_per_s
            recording.size_bytes = prints[_file_key(recording)][0]
            recording.warnings = list(earlier.warnings)
            if recording.path is None and recording.stored is not None:
                recording.stored = replace(recording.stored, sha256=earlier.sha256)
        if (fatal := self._run.fatal) is not None:  # Recordings that were never inspected have no transcript either.
            for recording in todo:
                recording.fail(error_type_of(fatal), str(fatal))
            return prints
        limits = self._run.limits
        max_bytes = math.inf if self._divides else limits.file_bytes
        max_duration_ms = math.inf if self._divides else limits.duration_ms
        look = partial(inspect, max_bytes=max_bytes, max_duration_ms=max_duration_ms)
        workers = self._run.workers
        by_workers = [recording for recording in todo if workers is not None and workers.can_read(recording)]
        others = [recording for recording in todo if workers is None or not workers.can_read(recording)]
        await asyncio.gather(
            *(
                loop.run_in_executor(self._threads, look, recording)
                if recording.stored is None
                else self._in_store_thread(look, recording)
                for recording in others
            )
        )
        if workers is not None and by_workers:
            try:
                seen = await workers.inspect(by_workers, max_bytes=max_bytes, max_duration_ms=max_duration_ms)
            except ExecutorError as error:
                self._run.stop_spending(error)
                for recording in by_workers:
                    recording.fail(error_type_of(error), str(error))
            else:
                prints |= {_file_key(r): each for r, each in zip(by_workers, seen, strict=True) if each is not None}
        fresh = {
            file: (prints[file], _inspection(r))
            for r in todo
            # The name of a downloaded copy is a matter of chance.
            if r.error_type is None and r.url is None and r.sha256 is not None and (file := _file_key(r)) in prints
        }
        if fresh and self._run.journal.read_only is None:
            await self._run.journal.remember(fresh)
        return prints

    def _in_store_thread(
        self, function: Callable[[Recording], Recording], recording: Recording
    ) -> asyncio.Future[Recording]:
        return asyncio.get_running_loop().run_in_executor(self._store_threads, function, recording)


def has_outcome(known: JobAttempts) -> bool:
    """Return True if the journal holds the outcome of a job, so that it is recalled instead of submitted."""
    newest, finished = known
    if newest.state == State.FAILED and is_settled(newest.error_type):
        return True
    return newest.state == State.DONE or (finished is not None and newest.state in UNPAID)


def _inspection(recording: Recording) -> Inspection:
    """Return what the journal keeps of the inspection of a recording."""
    if recording.sha256 is None or recording.channels is None or recording.channel_bytes_per_s is None:
        raise RuntimeError(f"{recording.audio_id} was not inspected")
    return Inspection(
        recording.sha256,
        recording.duration_ms,
        recording.filename,
        tuple(recording.warnings),
        recording.channels,
        recording.channel_bytes_per_s,
    )


def _file_key(recording: Recording) -> str:
    """Return the name under which the journal keeps the inspection of a recording; empty for bytes and for URLs.

    It is the absolute path of a file, or the URL of an object in a store.
    """
    if recording.file is not None:
        return printable(os.path.abspath(recording.file))
    return printable(recording.stored.url) if recording.stored is not None else ""


def _fingerprints(recordings: list[Recording]) -> dict[str, tuple[int, int]]:
    prints = {}
    for recording in recordings:
        if recording.file is not None:
            try:
                prints[_file_key(recording)] = fingerprint(Path(recording.file))
            except OSError:
                continue  # The inspection reports the error.
        elif recording.stored is not None:
            prints[_file_key(recording)] = recording.stored.fingerprint
    return prints
