"""Arms of an experiment that Soniox does not transcribe: finished transcripts, and functions.

Conventions: every part has the rows and the metadata of the recordings, in their order, as the parts of Soniox have. A
recording without a transcript is a failed row. The costs of these arms are NA, because this experiment does not pay
for them.
"""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.corpus.provenance import new_provenance, new_run
from soniox_ds.exceptions import InputError, OptionsError, RecordingsFailedWarning, SchemaError
from soniox_ds.experiments.function_results import corpus_of_result
from soniox_ds.options import TranscriptionOptions
from soniox_ds.schema import RECORDINGS, TOKENS, conform, empty, matched_ids
from soniox_ds.sources.recording import Recording, RecordingList, printable, upload_name
from soniox_ds.sources.stores import StoredObject
from soniox_ds.stores.store import StoreError

__all__ = [
    "Arm",
    "arm_text",
    "check_function",
    "in_recordings",
    "matched_corpus",
    "transcribe_with",
    "warn_of_failures",
]

Arm: TypeAlias = "TranscriptionOptions | Corpus | Callable[[str], Any]"

_OF_TRANSCRIPTS = (
    *("status", "error_type", "error_message", "service", "model", "resolved_model", "options_hash"),
    *("transcription_id", "submitted_at", "completed_at", "text", "warnings"),
)
"""Columns of the recordings that are taken from a finished corpus."""
_SHOWN = 3
_LONGEST_MESSAGE = 1000  # characters


def arm_text(arm: Arm) -> str:
    """Describe an arm in words: its options, the origin of its transcripts, or its function.

    >>> arm_text(len)
    'the function len'
    """
    if isinstance(arm, TranscriptionOptions):
        return str(arm.public_body())
    if isinstance(arm, Corpus):
        pairs = arm.recordings[["service", "model"]].drop_duplicates().itertuples(index=False)
        origins = [", ".join(value for value in pair if not pd.isna(value)) for pair in pairs]
        known = " and ".join(dict.fromkeys(origin for origin in origins if origin))
        return f"finished transcripts{f' ({known})' if known else ''}"
    return f"the function {_name_of(arm)}"


def check_function(name: str, function: Callable[[str], Any]) -> None:
    """Raise OptionsError for a function that is a coroutine or cannot be called with one argument."""
    if inspect.iscoroutinefunction(function):
        raise OptionsError(
            f"arm {name!r} is the async function {_name_of(function)}; give a plain function, such as lambda path: "
            f"asyncio.run({_name_of(function)}(path))"
        )
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions of compiled modules have no signature
        return
    try:
        signature.bind("call.wav")
    except TypeError as error:
        raise OptionsError(
            f"arm {name!r}: {_name_of(function)}{signature} cannot be called with the path of one recording ({error})"
        ) from error


def matched_corpus(name: str, corpus: Corpus, recording_list: RecordingList) -> Corpus:
    """Return the finished corpus of an arm with the ids of the experiment's recordings.

    Raises
    ------
    InputError
        If no transcript belongs to a recording, or an id could mean several.

    Warns
    -----
    UserWarning
        If ids were matched by the names of files, or some recordings have no transcript.
    """
    ids = [recording.audio_id for recording in recording_list.recordings]
    names = matched_ids(corpus, ids, f"arm {name!r}")
    if names:
        corpus = Corpus(
            corpus.recordings.assign(audio_id=corpus.recordings["audio_id"].replace(names)),
            corpus.tokens.assign(audio_id=corpus.tokens["audio_id"].astype("string").replace(names)),
            corpus.provenance,
        )
    known = set(corpus)
    missing = [audio_id for audio_id in ids if audio_id not in known]
    if len(missing) == len(ids):
        raise InputError(
            f"arm {name!r}: none of its {len(corpus)} transcripts belongs to a recording. It has "
            f"{_some(list(corpus))}, the recordings are {_some(ids)}. An audio_id must be the same in both, except for "
            "folders and extensions."
        )
    if missing:
        warn_caller(
            f"arm {name!r}: {len(missing)} of {len(ids)} recordings have no transcript in its corpus: "
            f"{_some(missing)}. They are failed rows of this arm, and comparisons leave them out.",
            UserWarning,
        )
    return corpus


def in_recordings(corpus: Corpus, recording_list: RecordingList) -> Corpus:
    """Return the transcripts of some recordings from a corpus that `matched_corpus` returned."""
    rows = pd.DataFrame([_row(recording) for recording in recording_list.recordings])
    finished = corpus.recordings.set_index("audio_id").reindex(rows["audio_id"]).reset_index()
    rows["duration_ms"] = rows["duration_ms"].astype("Int64").fillna(finished["duration_ms"])
    for name in _OF_TRANSCRIPTS:
        rows[name] = finished[name]
    missing = rows["status"].isna()
    rows.loc[missing, "status"] = "failed"
    rows.loc[missing, "error_type"] = "no_transcript"
    rows.loc[missing, "error_message"] = [
        f"the corpus of this arm has no transcript of {audio_id!r}; its {len(corpus)} ids are {_some(list(corpus))}"
        for audio_id in rows.loc[missing, "audio_id"]
    ]
    tokens = corpus.tokens[corpus.tokens["audio_id"].isin(rows["audio_id"])]
    return _with_metadata(rows, tokens, recording_list, corpus.provenance)


async def transcribe_with(
    function: Callable[[str], Any], recording_list: RecordingList, *, note: Callable[[str], None], name: str
) -> Corpus:
    """Call a function for one recording after the other, in a thread, and return its transcripts.

    Parameters
    ----------
    function
        Function that is called with the path of a recording and returns what `corpus_of_result` takes.
    recording_list
        Recordings that have been inspected. For audio given as bytes or in a store, a file is written while the
        function runs.
    note
        Function that shows a text beside the progress.
    name
        Name of the arm.

    Returns
    -------
    Corpus
        `submitted_at` and `completed_at` are the times before and after the call. An exception of the function is the
        `error_message` of a failed row (``function_error``), as is a result in a wrong form (``bad_result``).
    """
    parts = []
    for number, recording in enumerate(recording_list.recordings):
        note(f"arm {name}: recording {number + 1} of {len(recording_list.recordings)} of this part")
        parts.append(await asyncio.to_thread(_called, function, recording))
    rows = pd.concat([part.recordings for part in parts], ignore_index=True)
    tables = [part.tokens for part in parts if len(part.tokens)]
    tokens = pd.concat(tables, ignore_index=True) if tables else empty(TOKENS)
    run = new_run(service="function", model=_name_of(function), options={})
    return _with_metadata(rows, tokens, recording_list, new_provenance(run))


def warn_of_failures(name: str, corpora: Sequence[Corpus]) -> None:
    """Warn if recordings of an arm failed. The corpora hold different recordings, or repeats of them."""
    rows = pd.concat([corpus.recordings for corpus in corpora], ignore_index=True)
    failed = rows[rows["status"] == "failed"]
    if len(failed):
        first = failed.iloc[0]
        warn_caller(
            f"arm {name!r}: {len(failed)} of {len(rows)} recordings failed, the first of them {first['audio_id']}: "
            f"{first['error_message']}",
            RecordingsFailedWarning,
        )


def _called(function: Callable[[str], Any], recording: Recording) -> Corpus:
    row = _row(recording) | {"service": "function", "model": _name_of(function)}
    if recording.error_type is not None:
        return _failed(row, recording.error_type, str(recording.error_message))
    if recording.url is not None:
        return _failed(
            row,
            "url_not_downloaded",
            "this recording is a URL, but a function gets the path of a file: download it and give its path",
        )
    with tempfile.TemporaryDirectory() as folder:
        path, audio = recording.path, recording.audio
        if path is None:
            path = Path(folder, recording.filename or upload_name(recording.audio_id))
            try:
                with path.open("wb") as file:
                    file.writelines(audio.blocks() if isinstance(audio, StoredObject) else [recording.data or b""])
            except StoreError as error:
                return _failed(row, error.error_type, f"{recording.audio_id} {error}")
        row["submitted_at"] = datetime.now(UTC)
        try:
            result = function(str(path))
        except Exception as error:  # noqa: BLE001  # the function may raise anything, which fails this recording alone
            return _failed(row, "function_error", f"{_name_of(function)} raised {type(error).__name__}: {error}")
        row["completed_at"] = datetime.now(UTC)
    try:
        return corpus_of_result(result, row)
    except SchemaError as error:
        return _failed(row | {"completed_at": None}, "bad_result", str(error))


def _failed(row: Mapping[str, Any], error_type: str, message: str) -> Corpus:
    error = {"error_type": error_type, "error_message": printable(message, limit=_LONGEST_MESSAGE)}
    return Corpus(conform(pd.DataFrame([{**row, "status": "failed", **error}]), RECORDINGS))


def _row(recording: Recording) -> dict[str, Any]:
    """Return what is known about the audio of a recording."""
    names = ("audio_id", "source", "sha256", "size_bytes", "duration_ms")
    return {name: getattr(recording, name) for name in names}


def _with_metadata(
    rows: pd.DataFrame, tokens: pd.DataFrame, recording_list: RecordingList, provenance: Mapping[str, Any]
) -> Corpus:
    recordings = conform(rows.reset_index(drop=True), RECORDINGS)[list(RECORDINGS)]
    metadata = recording_list.metadata.set_axis(recordings.index)
    return Corpus(pd.concat([recordings, metadata], axis=1), tokens, provenance)


def _name_of(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _some(ids: list[str]) -> str:
    rest = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    return f"{ids[:_SHOWN]}{rest}"
