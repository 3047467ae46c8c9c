"""Results of live transcriptions that were interrupted.

Conventions: an interrupt (Ctrl-C, the notebook's stop button, a cancelled task) is raised as ever; what was paid for is
kept here, the latest only, and the exception's note says so.
"""

from __future__ import annotations

from soniox_ds.exceptions import InputError
from soniox_ds.live.result import Streamed

__all__ = ["keep_interrupted", "last_interrupted"]

_latest: Streamed | None = None


def keep_interrupted(streamed: Streamed, interrupt: BaseException, more: str = "") -> None:
    """Keep what an interrupted call had so far, and note on the exception where it is."""
    global _latest
    _latest = streamed
    count = len(streamed.tokens)
    interrupt.add_note(
        f"The live transcription was interrupted; {count:,} token{'s' * (count != 1)} had been settled. "
        f"soniox_ds.last_interrupted() returns them.{more}"
    )


def last_interrupted() -> Streamed:
    """Return what the latest interrupted live transcription of this process had so far.

    An interrupt of `stream`, `stream_updates` or `stream_dataset` (Ctrl-C, the notebook's stop button, a cancelled
    task) raises as ever, and what was settled by then is kept until the next interrupt. So is what a loop over
    `stream_updates` had that was left early. Words that were still pending are lost.

    Returns
    -------
    Streamed
        Recordings that were broken off have failed (`unfinished`), with all their tokens. Of `stream_dataset` it has
        the recordings that were finished or begun; calling that again with the same arguments takes up the rest.

    Raises
    ------
    InputError
        If none was interrupted yet.

    Examples
    --------
    >>> import asyncio, soniox_ds as sx
    >>> async def speak_too_long():
    ...     async with asyncio.timeout(1):
    ...         await sx.aio.stream("data/samples/market_stall.wav")
    >>> with sx.local_service("scripted"):
    ...     asyncio.run(speak_too_long())
    Traceback (most recent call last):
    ...
    TimeoutError
    >>> last_interrupted().recordings["error_type"].tolist()
    ['unfinished']
    """
    if _latest is None:
        raise InputError("no live transcription was interrupted in this process")
    return _latest
