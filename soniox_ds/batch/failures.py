"""Reports of failed recordings at the end of a call."""

from __future__ import annotations

import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import JournalError, RecordingsFailedWarning, SonioxDSError, TranscriptionFailed

__all__ = ["first_error", "report_failures"]

SHOWN = 3


def first_error(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first exception of a group, without the group around it. A JournalError goes before others.

    >>> first_error(BaseExceptionGroup("", [ValueError("a"), ExceptionGroup("", [JournalError("full")])]))
    JournalError('full')
    """
    of_journal, _ = errors.split(JournalError)
    error: BaseException = of_journal or errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def report_failures(recordings: pd.DataFrame, *, fatal: SonioxDSError | None, on_error: str, all_in: str) -> None:
    """Warn of failed recordings, or raise their errors.

    Parameters
    ----------
    recordings
        ``schema.RECORDINGS`` of all recordings of the call.
    fatal
        An error that stopped the whole run. It is raised if not a single recording is complete.
    on_error
        ``"report"`` warns, ``"raise"`` raises an ExceptionGroup of `TranscriptionFailed`.
    all_in
        Name of the table with every failed row, for the warning, which shows only a few rows.
    """
    if fatal is not None and not (recordings["status"] == "completed").any():
        raise fatal.with_traceback(None)
    failed = recordings[recordings["status"] == "failed"]
    if not len(failed):
        return
    counts = failed["error_type"].value_counts()
    summary = f"{len(failed)} of {len(recordings)} recordings failed: " + ", ".join(
        f"{error_type} ({count})" for error_type, count in counts.items()
    )
    if on_error == "raise":
        raise ExceptionGroup(
            f'{summary}. What succeeded is in the journal: the same call with on_error="report" returns it and costs '
            "nothing",
            [
                TranscriptionFailed(f"{audio_id}: {message}", audio_id=str(audio_id), error_type=str(error_type))
                for audio_id, error_type, message in zip(
                    failed["audio_id"], failed["error_type"], failed["error_message"], strict=True
                )
            ],
        )
    shown = "".join(f"\n  {row.audio_id}: {row.error_message}" for row in failed.head(SHOWN).itertuples())
    more = f"\n  ... and {len(failed) - SHOWN} more in {all_in}" if len(failed) > SHOWN else ""
    warn_caller(f"{summary}.{shown}{more}", RecordingsFailedWarning)
