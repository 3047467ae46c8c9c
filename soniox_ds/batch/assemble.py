"""The corpus of a finished run, made from the transcripts in the journal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from soniox_ds.api.decode import decode_transcript, tokens_frame
from soniox_ds.api.prices import cost_usd
from soniox_ds.batch.checks import check_transcript, with_possible_confidences
from soniox_ds.batch.jobs import Job, parse_time
from soniox_ds.batch.journal import Journal
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.corpus.provenance import new_provenance, new_run
from soniox_ds.exceptions import BadAnswerError, SchemaError
from soniox_ds.options import TranscriptionOptions
from soniox_ds.schema import RECORDINGS, TOKENS, arrow_schema, conform
from soniox_ds.sources.recording import Recording, RecordingList
from soniox_ds.text.words import spoken_texts

__all__ = ["assemble"]

CHUNK = 256
NOT_REACHED = ("error", "the run ended before this recording was reached")


async def assemble(
    recording_list: RecordingList,
    jobs: dict[str, Job],
    key_of_row: Sequence[str | None],
    *,
    journal: Journal,
    service: str,
    options: TranscriptionOptions,
    resolved_model: str | None,
) -> Corpus:
    """Make a corpus with one row for each recording, and the tokens of the recordings that have a transcript.

    `resolved_model` is the model that answered for ``options.model`` in this run. It is None if nothing was sent.
    """
    rows: list[dict[str, Any]] = []
    tables: list[pa.Table] = []
    paid_for: set[str] = set()
    for start in range(0, len(recording_list.recordings), CHUNK):
        chunk = range(start, min(start + CHUNK, len(recording_list.recordings)))
        done = {key for row in chunk if (key := key_of_row[row]) is not None and _is_done(jobs[key])}
        transcripts = await journal.transcripts(sorted(done))
        # A thread does this work, because decoding many long transcripts would hold up the event loop.
        await asyncio.to_thread(
            _assemble_chunk,
            [(recording_list.recordings[row], jobs.get(key_of_row[row] or "")) for row in chunk],
            transcripts,
            rows,
            tables,
            paid_for,
        )
    asked = {"service": service, "model": options.model, "options_hash": options.hash()}
    row_models = {row["resolved_model"] for row in rows if row["status"] == "completed"}
    if resolved_model is None and len(row_models) == 1:
        resolved_model = row_models.pop()
    provenance = _provenance(service, options, resolved_model)
    return await asyncio.to_thread(_corpus, rows, tables, asked, recording_list.metadata, provenance)


def _assemble_chunk(
    recordings: list[tuple[Recording, Job | None]],
    transcripts: dict[str, bytes],
    rows: list[dict[str, Any]],
    tables: list[pa.Table],
    paid_for: set[str],
) -> None:
    """Add the rows and the tokens of one chunk of recordings."""
    chunk_tables: list[pa.Table] = []
    service_texts: list[str] = []
    for recording, job in recordings:
        described = _describe(recording, job)
        transcript = None if job is None or not _is_done(job) else _decoded(transcripts.get(job.key), recording)
        if job is not None and transcript is not None:
            text, tokens = transcript
            chunk_tables.append(with_possible_confidences(tokens))
            service_texts.append(text)
            # The duration of a truncated file is only an estimate, and the file has its own warning already.
            measured_ms = None if "truncated_file" in recording.warnings else recording.duration_ms
            warnings = [*recording.warnings, *check_transcript(tokens, described["duration_ms"], measured_ms)]
            described |= {
                "status": "completed",
                "text": "" if len(tokens) else text,
                "cost_usd": 0.0 if job.key in paid_for else cost_usd(described["duration_ms"] or 0),
                "warnings": " ".join(warnings) or None,
            }
            paid_for.add(job.key)
        else:
            described |= _failure(recording, job)
        rows.append(described)
    if chunk_tables:
        table = pa.concat_tables(chunk_tables).unify_dictionaries().combine_chunks()
        # The text of the service lacks the spaces between speakers and also holds translations.
        texts = _spoken_texts(table, chunk_tables, service_texts)
        for described in rows[-len(recordings) :]:
            described["text"] = texts.get(described["audio_id"], described.get("text"))
        tables.append(table)


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


def _decoded(raw: bytes | None, recording: Recording) -> tuple[str, pa.Table] | None:
    try:
        return None if raw is None else decode_transcript(raw, recording.audio_id)
    except BadAnswerError:  # The transcript was decoded before it was stored, so the journal is damaged.
        return None


def _corpus(
    rows: list[dict[str, Any]],
    tables: list[pa.Table],
    asked: dict[str, Any],
    metadata: pd.DataFrame,
    provenance: dict[str, Any],
) -> Corpus:
    recordings = conform(pd.DataFrame(rows, columns=list(RECORDINGS)).assign(**asked), RECORDINGS)
    recordings = pd.concat([recordings, metadata.set_axis(recordings.index)], axis=1)
    tokens = pa.concat_tables(tables).unify_dictionaries() if tables else arrow_schema(TOKENS).empty_table()
    return Corpus(recordings, tokens_frame(tokens), provenance=provenance)


def _is_done(job: Job) -> bool:
    return job.finished and job.error is None


def _describe(recording: Recording, job: Job | None) -> dict[str, Any]:
    entry = job.entry if job is not None else None
    size = next(
        (r.size_bytes for r in (recording, job.recording if job else recording) if r.size_bytes is not None), None
    )
    return {
        "audio_id": recording.audio_id,
        "source": recording.source,
        "sha256": recording.sha256,
        "size_bytes": size,
        "duration_ms": (entry.duration_ms if entry is not None else None) or recording.duration_ms,
        "resolved_model": entry.resolved_model if entry is not None else None,
        "transcription_id": entry.transcription_id if entry is not None else None,
        "client_reference_id": entry.reference if entry is not None else None,
        "submitted_at": parse_time(entry.submitted_at) if entry is not None else None,
        "completed_at": parse_time(entry.completed_at) if entry is not None else None,
    }


def _failure(recording: Recording, job: Job | None) -> dict[str, Any]:
    error_type, error_message = recording.error_type, recording.error_message
    if error_type is None and job is not None and _is_done(job):
        error_type = "damaged_transcript"
        error_message = (
            "this recording was transcribed, but its transcript in the journal is damaged or missing. The same call "
            "for this recording alone, with refresh=True, transcribes it again, and that is paid for again"
        )
    elif error_type is None:
        error_type, error_message = (job.error if job is not None else None) or NOT_REACHED
    return {
        "status": "failed",
        "error_type": error_type,
        "error_message": error_message,
        "warnings": " ".join(recording.warnings) or None,
    }


def _provenance(service: str, options: TranscriptionOptions, resolved_model: str | None) -> dict[str, Any]:
    asked = {name: value for name, value in options.public_body().items() if not name.startswith("webhook_auth")}
    run = new_run(
        service=service,
        model=options.model,
        resolved_model=resolved_model,
        options=asked,
        options_hash=options.hash(),
    )
    return new_provenance(run)
