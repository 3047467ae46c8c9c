"""Tables of the account: costs, and what is stored at the service."""

from __future__ import annotations

from soniox_ds.schema.columns import AUDIO_ID, Column, Table

__all__ = [
    "COSTS",
    "COST_SUMMARY",
    "DELETIONS",
    "PLANNED_QUOTAS",
    "PLANNED_RECORDINGS",
    "STORED_FILES",
    "STORED_TRANSCRIPTIONS",
    "TERM_COSTS",
]

_ESTIMATE = Column("Float64", "estimate from the duration and the list price")
_CHARGED = "by the service's usage logs (`sx.account.add_charges`)"

COSTS = Table(
    "costs",
    "`corpus.cost`: one row for each recording; `trial.cost` of a comparison has `arm` and `repeat` in front. Your own "
    "columns follow.",
    {
        "audio_id": AUDIO_ID,
        "status": Column("string", '"completed" or "failed"', repeats=True),
        "duration_ms": Column("Int64", "duration of the recording"),
        "estimate_usd": Column(
            "Float64", "estimate from the duration and the list price; 0 if an earlier row has the same audio"
        ),
        "charged_usd": Column("Float64", f"cost {_CHARGED}; NA if no log is known"),
        "charged_requests": Column("Int64", "number of logs in that sum; more than 1 after several attempts"),
    },
)

COST_SUMMARY = Table(
    "cost_summary",
    "`sx.summarize(corpus.cost, by=...)`: the costs of each group of recordings. There are no intervals.",
    {
        "recordings": Column("Int64", "number of completed recordings"),
        "failed": Column("Int64", "number of failed recordings"),
        "hours": Column("Float64", "hours of the completed recordings; NA if a duration is not known"),
        "estimate_usd": _ESTIMATE,
        "charged_recordings": Column("Int64", "number of recordings, failed ones included, whose charge is known"),
        "charged_usd": Column("Float64", f"sum of the known charges {_CHARGED}; NA if none is known"),
        "charged_usd_per_hour": Column(
            "Float64", "known charges per hour, over the completed recordings whose charge and duration are known"
        ),
    },
)

TERM_COSTS = Table(
    "term_costs",
    "`sx.metrics.term_costs(occurrences, cost)`: the cost of a recognised term, one row for each term or group.",
    {
        "term": Column("string", "the term; absent unless `by` names it", repeats=True),
        "reference_count": Column("Int64", "number of occurrences in the reference"),
        "hits": Column("Int64", "number of occurrences that were recognised where they were said"),
        "estimate_usd": _ESTIMATE,
        "charged_usd": Column("Float64", f"cost {_CHARGED}; NA unless it is known for every completed recording"),
        "estimate_usd_per_hit": Column("Float64", "estimate of all recordings, divided by the hits; NA without hits"),
        "charged_usd_per_hit": Column("Float64", "charges of all recordings, divided by the hits; NA without hits"),
    },
)

_REFERENCE = Column("string", "reference that was given with it; NA if none was given")
_JOURNAL = Column(
    "string", "id of the soniox_ds journal that put it there, taken from the reference; NA for others' and your own"
)

STORED_FILES = Table(
    "stored_files",
    "`sx.account.files()`: one row for each uploaded file that the service stores.",
    {
        "file_id": Column("string", "id of the file at the service"),
        "filename": Column("string", "name that was given with the upload"),
        "size_bytes": Column("Int64", "size of the file"),
        "created_at": Column("datetime64[ms, UTC]", "time of the upload"),
        "client_reference_id": _REFERENCE,
        "journal_id": _JOURNAL,
    },
)

STORED_TRANSCRIPTIONS = Table(
    "stored_transcriptions",
    "`sx.account.transcriptions()`: one row for each transcription that the service stores, whatever its state.",
    {
        "transcription_id": Column("string", "id of the job at the service"),
        "status": Column("string", '"queued", "processing", "completed" or "error"', repeats=True),
        "created_at": Column("datetime64[ms, UTC]", "time at which the job was created"),
        "model": Column("string", "model of the job", repeats=True),
        "filename": Column("string", "name of the upload, or last part of the URL"),
        "file_id": Column("string", "id of the uploaded file; NA for audio from a URL"),
        "duration_ms": Column("Int64", "duration that the service measured; NA or 0 before it has begun"),
        "error_type": Column("string", "slug of the error of a failed job; NA otherwise", repeats=True),
        "error_message": Column("string", "description of that error"),
        "client_reference_id": _REFERENCE,
        "journal_id": _JOURNAL,
    },
)

DELETIONS = Table(
    "deletions",
    "`sx.account.delete_files(...)`, `sx.account.delete_transcriptions(...)`: one row for each selected id.",
    {
        "id": Column("string", "id of the file or transcription"),
        "outcome": Column(
            "string",
            '"deleted", "gone" (it was not there any more), "kept" (an unfinished run needs it) or "busy" (it is being '
            "processed; try again later)",
            repeats=True,
        ),
        "note": Column("string", "why it was kept; NA otherwise"),
    },
)

PLANNED_RECORDINGS = Table(
    "planned_recordings",
    "`plan.recordings`: one row for each recording that `sx.plan` found.",
    {
        "audio_id": AUDIO_ID,
        "source": Column("string", "path or URL of the recording; NA for audio that was passed as bytes"),
        "action": Column(
            "string",
            '"transcribe" (it would be sent), "continue" (it is paid for and not fetched yet), "share" (an earlier row '
            'has the same audio), "recall" (the journal has its transcript) or "fail" (it cannot be transcribed)',
            repeats=True,
        ),
        "duration_ms": Column("Int64", "duration from the header of the file; NA for URLs"),
        "size_bytes": Column("Int64", "size of the audio file; NA for URLs"),
        "jobs": Column("Int64", "number of new jobs at the service: more than one for channels or stretches"),
        "cost_usd": Column("Float64", "price of the new jobs by the list price; NA if the duration is not known"),
        "error_type": Column(
            "string", "stable slug of the error (docs/errors.md); NA unless it would fail", repeats=True
        ),
        "error_message": Column("string", "description of the error, with what to do; NA unless it would fail"),
    },
)

PLANNED_QUOTAS = Table(
    "planned_quotas",
    "`plan.quotas`: one row for each quota, with the shortest time that it allows.",
    {
        "quota": Column("string", "the quota"),
        "argument": Column("string", "argument of `sx.transcribe` that states it"),
        "given": Column("Float64", "value that was given or is assumed; NA if it is not known"),
        "used": Column("Float64", "what the run uses of it: requests, bytes, or units times the seconds they are held"),
        "shortest_s": Column("Float64", "seconds that the run takes at least because of this quota; NA if not known"),
        "needed": Column("Float64", "smallest value with which the run can end at `finish_by`; NA without `finish_by`"),
    },
)
