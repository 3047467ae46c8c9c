"""Callbacks of the user, called in order and outside the event loop.

Conventions: they run in a thread of their own, one call after the other, so that a slow callback delays no audio. Their
output appears in the cell that made the widget. A callback that raises is still called the next time: the error is
kept, logged and shown.
"""

from __future__ import annotations

import contextvars
import logging
from bisect import bisect_right
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from soniox_ds.live.transcript import Segment, Transcript, Update
from soniox_ds.widgets.microphone.takes import Take

__all__ = ["Callbacks"]

_log = logging.getLogger(__name__)

Failed = Callable[[str], object]


class Callbacks:
    """The calls of `on_update` with each update and of `on_segment` with each finished segment, once.

    A segment with a translation due is delayed until the next one begins, or the recording ends.
    """

    def __init__(
        self,
        on_segment: Callable[[Segment], object] | None,
        on_update: Callable[[Update], object] | None,
        *,
        translates: bool,
        failed: Failed,
    ) -> None:
        self._on_segment = on_segment
        self._on_update = on_update
        self._translates = translates
        self._failed = failed
        self._begin = 0  # number of settled tokens of this take whose segments were passed on
        self._threads: ThreadPoolExecutor | None = None
        self._context = contextvars.copy_context()

    def begun(self) -> None:
        """Prepare for a new recording."""
        self._begin = 0

    def updated(self, take: Take, update: Update) -> None:
        """Call the functions for an update."""
        if self._on_update is not None:
            self._submit(self._on_update, update)
        if self._on_segment is not None and (update.is_endpoint or (self._translates and update.settled)):
            self._call_for(take, all_of_them=False)

    def ended(self, take: Take) -> None:
        """Pass on the last segments of a recording."""
        if self._on_segment is not None:
            self._call_for(take, all_of_them=True)

    def close(self) -> None:
        """Take no more recordings. Calls that are waiting are still made."""
        if self._threads is not None:
            self._threads.shutdown(wait=False)  # this may be called by one of the user's functions
            self._threads = None

    def _call_for(self, take: Take, *, all_of_them: bool) -> None:
        assert self._on_segment is not None
        segments = self._new_segments(take.transcript, all_of_them)
        ready = len(segments) - (0 if all_of_them or not segments or not segments[-1].is_open else 1)
        if self._translates and not all_of_them and ready == len(segments):
            ready -= 1  # its translation may still come
        for segment in segments[: max(ready, 0)]:
            self._begin += len(segment.tokens) + len(segment.translations)
            self._submit(self._on_segment, segment)

    def _new_segments(self, transcript: Transcript, all_of_them: bool) -> list[Segment]:
        """Return the segments not passed on yet, built from their own tokens only, so that the cost does not grow."""
        settled, ends = transcript.settled, transcript.ends
        if not all_of_them and (not ends or ends[-1] <= self._begin):
            return []  # the segment is still open
        while 0 < self._begin < len(settled) and settled[self._begin].is_translation:
            self._begin += 1  # a late translation of a segment that was passed on
        new = Transcript()
        new.settled = settled[self._begin :]
        new.ends = [end - self._begin for end in ends[bisect_right(ends, self._begin) :]]
        return new.segments

    def _submit(self, function: Callable[[Any], object], argument: object) -> None:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(1, thread_name_prefix="soniox-ds-callbacks")
        self._threads.submit(self._context.copy().run, self._call, function, argument)

    def _call(self, function: Callable[[Any], object], argument: object) -> None:
        try:
            function(argument)
        except Exception as error:  # noqa: BLE001  the user's own mistake: it must not end the recording
            name = getattr(function, "__name__", type(function).__name__)
            _log.exception("%s raised", name)
            self._failed(f"{name} raised {type(error).__name__}: {error}")
