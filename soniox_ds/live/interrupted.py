"""Results of live transcriptions that were interrupted.

Conventions: an interrupt (Ctrl-C, the notebook's stop button, a cancelled task) is raised as usual. The latest
interrupted result was paid for, so it is kept here, and a note on the exception says how to get it.
"""

from __future__ import annotations

from soniox_ds.exceptions import InputError
from soniox_ds.live.result import LiveResult

__all__ = ["keep_interrupted", "last_interrupted"]

_latest: LiveResult | None = None


def keep_interrupted(streamed: LiveResult, interrupt: BaseException, more: str = "") -> None:
    """Keep the results of an interrupted call, and add a note to the exception that says where they are."""
    global _latest
    _latest = streamed
    count = len(streamed.tokens)
    interrupt.add_note(
        f"The live transcription was interrupted; {count:,} token{'s' * (count != 1)} had been settled; "
        f"soniox_ds.last_interrupted() returns them.{more}"
    )


def last_interrupted() -> LiveResult:
    """Return the results of the latest interrupted live transcription of this process.

    An interrupt of `stream`, `stream_updates` or `stream_dataset` (Ctrl-C, the notebook's stop button, a cancelled
    task) is raised as usual, and the tokens settled by then are kept until the next interrupt. Leaving a loop over
    `stream_updates` early counts as an interrupt. Words that were still pending are lost.

    Returns
    -------
    LiveResult
        An interrupted recording has the status "failed" and the `error_type` "unfinished", and keeps all settled
        tokens. After `stream_dataset`, the result holds the recordings that were finished or begun; the same call again
        resumes the others.

    Raises
    ------
    InputError
        If no live transcription was interrupted yet.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted"):
    ...     for update in sx.stream_updates("data/samples/market_stall.wav"):
    ...         break
    >>> sx.last_interrupted().recordings["error_type"].tolist()
    ['unfinished']
    """
    if _latest is None:
        raise InputError("no live transcription was interrupted in this process")
    return _latest
