"""The corpus of a finished run, made from the transcripts in the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from soniox_ds.api.decode import decode_transcript, tokens_frame
from soniox_ds.api.prices import cost_usd
from soniox_ds.batch.checks import check_parts, with_possible_confidences
from soniox_ds.batch.jobs import Job, parse_time
from soniox_ds.batch.joined_tokens import joined_tokens
from soniox_ds.batch.journal import Journal, Placement
from soniox_ds.batch.placed_transcripts import PlacedTranscripts
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.corpus.provenance import new_provenance, new_run
from soniox_ds.exceptions import BadAnswerError, SchemaError
from soniox_ds.options import TranscriptionOptions
from soniox_ds.schema import RECORDINGS, TOKENS, arrow_schema, conform
from soniox_ds.sources.inspection import SEVERAL_CHANNELS
from soniox_ds.sources.recording import Recording, RecordingList
from soniox_ds.text.words import spoken_texts

__all__ = ["Assembly", "assemble", "in_thread", "is_done", "provenance_of_run"]

T = TypeVar("T")

CHUNK = 256
NOT_REACHED = ("error", "the run ended before this recording was reached")
DAMAGED = "damaged_transcript"
_AGAIN = "The same call for this recording alone, with refresh=True, transcribes it again, and that is paid for again"


class Assembly:
    """Recordings that have an outcome, as rows of the recordings table and Arrow tables of tokens.

    Parameters
    ----------
    journal
        The journal with the transcripts, or with the places where they are.
    options
        The options of the run.
    folder
        Absolute path of the folder of the corpus, if it is written there part by part. The cost of a job is then
        counted for the first recording in the folder that has it.
    """

    def __init__(self, journal: Journal, options: TranscriptionOptions, folder: str | None = None) -> None:
        self._journal = journal
        self._options = options
        self._folder = folder
        self._placed = PlacedTranscripts()
        self._paid_for: set[str] = set()
        self.rows: list[dict[str, Any]] = []
        self.tables: list[pa.Table] = []

    def clear(self) -> None:
        """Forget the rows and the tokens, which are written."""
        self.rows, self.tables, self._paid_for = [], [], set()

    async def add(self, recordings: Sequence[tuple[Recording, list[Job]]]) -> None:
        """Add recordings, each with its jobs, one for each of its parts."""
        done = {job.key: job.paid.reference for _, jobs in recordings for job in jobs if is_done(job)}
        transcripts = await self._journal.transcripts(sorted(done))
        missing = sorted(done.keys() - transcripts.keys())
        placements = await self._journal.placements(missing if self._folder is None else sorted(done))
        owners = {placed.job_key: placed.audio_id for placed in placements if placed.folder == self._folder}
        missed = set(missing)
        # A thread does this work, because decoding many long transcripts would hold up the event loop.
        await in_thread(
            self._add,
            recordings,
            transcripts,
            [placed for placed in placements if placed.job_key in missed],
            done,
            owners,
        )

    def _add(
        self,
        recordings: Sequence[tuple[Recording, list[Job]]],
        transcripts: dict[str, bytes],
        placements: list[Placement],
        references: dict[str, str],
        owners: dict[str, str],
    ) -> None:
        placed, problems = self._placed.read(placements, references)
        chunk_tables: list[pa.Table] = []
        service_texts: list[str] = []
        for recording, jobs in recordings:
            described = _describe(recording, jobs)
            warnings = [
                slug for slug in recording.warnings if slug != SEVERAL_CHANNELS or self._options.channels is None
            ]
            decoded = {
                job.key: _decoded(transcripts.get(job.key), placed.get(job.key), recording)
                for job in jobs
                if is_done(job)
            }
            paid = [job for job in jobs if decoded.get(job.key) is not None]
            cost = sum(
                cost_usd(job.duration_ms or 0)
                for job in paid
                if job.key not in self._paid_for and owners.get(job.key, recording.audio_id) == recording.audio_id
            )
            if jobs and len(paid) == len(jobs):
                parts = [
                    (job, text, tokens)
                    for job in jobs
                    if (transcript := decoded[job.key])
                    for text, tokens in [transcript]
                ]
                tokens = joined_tokens([(job.part, part_tokens) for job, _, part_tokens in parts])
                chunk_tables.append(with_possible_confidences(tokens))
                text = " ".join(part_text for _, part_text, _ in parts if part_text)
                service_texts.append(text)
                # The duration of a truncated file is only an estimate, and the file has its own warning already.
                is_measured = "truncated_file" not in recording.warnings
                checked = [
                    (part_tokens, job.duration_ms, job.recording.duration_ms if is_measured else None)
                    for job, _, part_tokens in parts
                ]
                described |= {
                    "status": "completed",
                    "text": "" if len(tokens) else text,
                    "cost_usd": cost,
                }
                warnings += check_parts(checked, tokens, described["duration_ms"])
            else:
                described |= _failure(recording, jobs, {job.key for job in paid}, problems)
                described["cost_usd"] = cost if paid else None
            described["warnings"] = " ".join(warnings) or None
            self._paid_for |= {job.key for job in paid}
            self.rows.append(described)
        if chunk_tables:
            table = pa.concat_tables(chunk_tables).unify_dictionaries().combine_chunks()
            # The text of the service lacks the spaces between speakers and also holds translations.
            texts = _spoken_texts(table, chunk_tables, service_texts)
            for described in self.rows[-len(recordings) :]:
                described["text"] = texts.get(described["audio_id"], described.get("text"))
            self.tables.append(table)

    def corpus(self, service: str, metadata: pd.DataFrame, provenance: dict[str, Any]) -> Corpus:
        """Make a corpus of the rows. `metadata` has the user's own columns of the same recordings, in this order."""
        asked = {"service": service, "model": self._options.model, "options_hash": self._options.hash()}
        recordings = conform(pd.DataFrame(self.rows, columns=list(RECORDINGS)).assign(**asked), RECORDINGS)
        recordings = pd.concat([recordings, metadata.set_axis(recordings.index)], axis=1)
        tokens = (
            pa.concat_tables(self.tables).unify_dictionaries() if self.tables else arrow_schema(TOKENS).empty_table()
        )
        return Corpus(recordings, tokens_frame(tokens), provenance=provenance)


async def assemble(
    recording_list: RecordingList,
    jobs_of_row: Mapping[int, list[Job]],
    *,
    journal: Journal,
    service: str,
    options: TranscriptionOptions,
    resolved_model: str | None,
) -> Corpus:
    """Make a corpus with one row for each recording, and the tokens of the recordings that have a transcript.

    Parameters
    ----------
    recording_list
        The recordings of the run, and the user's own columns.
    jobs_of_row
        The jobs of each recording, one for each of its parts. Recordings that were not reached have no jobs.
    resolved_model
        The model that answered for ``options.model`` in this run; None if nothing was sent.
    """
    assembly = Assembly(journal, options)
    recordings = recording_list.recordings
    for start in range(0, len(recordings), CHUNK):
        rows = range(start, min(start + CHUNK, len(recordings)))
        await assembly.add([(recordings[row], jobs_of_row.get(row, [])) for row in rows])
    row_models = {row["resolved_model"] for row in assembly.rows if row["status"] == "completed"}
    if resolved_model is None and len(row_models) == 1:
        resolved_model = row_models.pop()
    provenance = provenance_of_run(service, options, resolved_model)
    return await asyncio.to_thread(assembly.corpus, service, recording_list.metadata, provenance)


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Run a function in a thread. If the caller is cancelled, the function is finished before the caller goes on."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def _spoken_texts(table: pa.Table, parts: list[pa.Table], service_texts: list[str]) -> dict[str, str]:
    """Return the text of each recording, or the service's text where words cannot be made from the token times."""
    try:
        return dict(spoken_texts(tokens_frame(table)).items())
    except SchemaError:
        texts: dict[str, str] = {}
        for part, service_text in zip(parts, service_texts, strict=True):
            try:
                texts |= dict(spoken_texts(tokens_frame(part)).items())
            except SchemaError:
                texts[str(part["audio_id"][0])] = service_text
        return texts


def _decoded(
    raw: bytes | None, placed: tuple[str, pa.Table] | None, recording: Recording
) -> tuple[str, pa.Table] | None:
    if raw is None and placed is not None:
        text, tokens = placed
        ids = pa.DictionaryArray.from_arrays(
            np.zeros(len(tokens), np.int32), pa.array([recording.audio_id], pa.string())
        )
        return text, tokens.set_column(0, tokens.field(0), pa.chunked_array([ids])).unify_dictionaries()
    try:
        return None if raw is None else decode_transcript(raw, recording.audio_id)
    except BadAnswerError:  # The transcript was decoded before it was stored, so the journal is damaged.
        return None


def is_done(job: Job) -> bool:
    """Return True if the transcript of a job was stored."""
    return job.finished and job.error is None


def _describe(recording: Recording, jobs: list[Job]) -> dict[str, Any]:
    entries = [job.entry for job in jobs if job.entry is not None]
    size = next((r.size_bytes for r in (recording, *(job.recording for job in jobs)) if r.size_bytes is not None), None)
    durations = [job.part.start_ms + job.duration_ms for job in jobs if job.duration_ms is not None]
    ids = [entry.transcription_id for entry in entries if entry.transcription_id is not None]
    models = {entry.resolved_model for entry in entries}
    return {
        "audio_id": recording.audio_id,
        "source": recording.source,
        "sha256": recording.sha256,
        "size_bytes": size,
        "duration_ms": max(durations, default=recording.duration_ms),
        "resolved_model": models.pop() if len(models) == 1 else None,
        "transcription_id": " ".join(ids) or None,
        "client_reference_id": " ".join(entry.reference for entry in entries) or None,
        "submitted_at": min(filter(None, (parse_time(entry.submitted_at) for entry in entries)), default=None),
        "completed_at": max(filter(None, (parse_time(entry.completed_at) for entry in entries)), default=None),
    }


def _failure(recording: Recording, jobs: list[Job], paid: set[str], problems: Mapping[str, str]) -> dict[str, Any]:
    """Return the outcome of a recording that failed, or of which a part failed.

    `paid` are the keys of its good parts, and `problems` those of the places of lost transcripts.
    """
    error_type, error_message = recording.error_type, recording.error_message
    failed = [job for job in jobs if job.key not in paid]
    if error_type is None and failed:
        error_type, error_message = (
            _damage(problems.get(failed[0].key)) if is_done(failed[0]) else failed[0].error
        ) or NOT_REACHED
        if len(jobs) > 1:
            names = "; ".join(job.part.name for job in failed)
            error_message = f"{names}: {error_message}"
        if paid:
            error_message = error_message.rstrip(".") + (
                f". The other {len(paid)} of {len(jobs)} parts are transcribed and in the journal; the same call pays "
                "only for what failed"
            )
    elif error_type is None:
        error_type, error_message = NOT_REACHED
    return {
        "status": "failed",
        "error_type": error_type,
        "error_message": error_message,
    }


def _damage(problem: str | None) -> tuple[str, str]:
    if problem is None:
        return DAMAGED, (
            f"this recording was transcribed, but its transcript in the journal is damaged or missing. {_AGAIN}"
        )
    return DAMAGED, (
        "this recording was transcribed, and its transcript was moved from the journal into the folder of a corpus, "
        f"where it cannot be read: {problem}. If it can be restored, or moved back, the same call reads it again. "
        f"{_AGAIN}"
    )


def provenance_of_run(
    service: str, options: TranscriptionOptions, resolved_model: str | None, **more: Any
) -> dict[str, Any]:
    """Return the provenance of a run; `more` are further facts about it."""
    asked = {name: value for name, value in options.public_body().items() if not name.startswith("webhook_auth")}
    run = new_run(
        service=service,
        model=options.model,
        resolved_model=resolved_model,
        options=asked,
        options_hash=options.hash(),
        **more,
    )
    return new_provenance(run)
