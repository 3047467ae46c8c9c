"""Playback of a recording in the browser, transcribed as if it were spoken there and then.

Conventions: the browser reports how far it has played (milliseconds of the recording), and the audio up to there is
handed to the session. Pauses, slow pages and sleeping tabs therefore need no special treatment. All methods belong to
the background event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import SonioxDSError
from soniox_ds.live.result import LiveResult
from soniox_ds.live.session import LiveSession
from soniox_ds.live.transcript import LiveToken, Transcript, Update
from soniox_ds.options import LiveOptions

__all__ = ["BYTES_PER_MS", "Playback", "shown"]

BYTES_PER_MS = 32
"""Bytes per millisecond of 16 kHz mono samples of 16 bits."""
_CHUNK = 100 * BYTES_PER_MS
SILENT_PAGE_S = 20.0
"""Number of ticks without a message after which the page counts as gone. Ticks stop while this process stands still."""
TICK_S = 1.0

_log = logging.getLogger(__name__)


class Playback:
    """A playback of a recording, from its beginning to its end or to Stop."""

    def __init__(
        self,
        samples: bytes,
        options: LiveOptions,
        connection: Connection,
        *,
        audio_id: str,
        send: Callable[[Mapping[str, Any]], object],
        settled: Callable[..., object],
        ended: Callable[[], object],
    ) -> None:
        self.session = LiveSession(
            options, connection=connection, audio_id=audio_id, on_update=self._update, on_state=self._state
        )
        self.is_over = False
        self.error: Exception | None = None
        """Error that made it fail."""
        self.page_is_gone = False
        """True if it ended because the page that played it went away."""
        self._samples = samples
        self._played = 0  # number of bytes
        self._send = send
        self._settled = settled
        self._ended = ended
        self._watch: asyncio.TimerHandle | None = None
        self._quiet_s = 0.0
        self._beginning: asyncio.Task[None] | None = None
        self._finishing: asyncio.Task[None] | None = None

    @property
    def transcript(self) -> Transcript:
        """The transcript so far."""
        return self.session.transcript

    def begin(self) -> None:
        """Start connecting at once, so that later calls find a session that has begun."""
        self._beginning = asyncio.get_running_loop().create_task(self._begin(), name="beginning of a playback")
        self._watch_page()

    def played(self, ms: float) -> None:
        """Hand over the audio up to the position that the browser has played."""
        if self._finishing is not None:
            return
        self._watch_page()
        self.session.resume()
        until = min(int(ms * BYTES_PER_MS) // 2 * 2, len(self._samples))
        for start in range(self._played, until, _CHUNK):
            self.session.send(self._samples[start : min(start + _CHUNK, until)])
        self._played = max(self._played, until)

    def pause(self) -> None:
        """Note that the playing pauses."""
        self._watch_page()
        self.session.pause()

    def stop(self) -> None:
        """End the playing and settle everything."""
        if self._finishing is None:
            self._finishing = asyncio.get_running_loop().create_task(self._finish(), name="end of a playback")

    def lose_page(self) -> None:
        """End the playing because its page is gone. The audio so far is settled, and the recording is not whole."""
        if self._finishing is None:
            self.page_is_gone = True
            self.stop()

    def result(self) -> LiveResult:
        """Return the tables so far."""
        return self.session.result(is_whole=not self.page_is_gone)

    async def over(self) -> None:
        """Wait until everything is settled."""
        self.stop()
        assert self._finishing is not None
        await self._finishing

    async def _finish(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        try:
            if self._beginning is not None:
                await self._beginning
            await self.session.finish()
        except Exception as error:  # noqa: BLE001  whatever it was: it is over, and why is its error
            if not isinstance(error, SonioxDSError):
                _log.exception("the playing of %s", self.session.audio_id)
            self.error = error
        finally:
            self.is_over = True
            trouble = None if self.error is None else str(self.error)
            try:
                self._send({"type": "over", "trouble": trouble, "state": self.session.state})
            finally:
                self._ended()

    def _watch_page(self) -> None:
        """Note that the page was heard, and start watching for its silence: an open connection is billed."""
        self._quiet_s = 0.0
        if self._watch is None:
            self._tick()

    async def _begin(self) -> None:
        await self.session.__aenter__()
        self._send({"type": "playing"})

    def _tick(self) -> None:
        if self._quiet_s >= SILENT_PAGE_S:
            self.lose_page()
            return
        self._watch = asyncio.get_running_loop().call_later(TICK_S, self._tick)
        self._quiet_s += TICK_S

    def _update(self, update: Update) -> None:
        before = len(self.transcript.settled) - len(update.settled)
        self._send(
            {
                "type": "update",
                "settled": [shown(token) for token in update.settled],
                "ends": [end - before for end in self.transcript.ends[-20:] if end >= before]
                if update.is_endpoint
                else [],
                "pending": [shown(token) for token in update.pending],
            }
        )

        if update.settled or update.is_endpoint:
            self._settled(is_endpoint=update.is_endpoint)

    def _state(self, state: str) -> None:
        self._send({"type": "state", "state": state})
        if state == "failed":
            self.stop()


def shown(token: LiveToken) -> dict[str, Any]:
    """Return a token in the form that the captions of a page need.

    >>> shown(LiveToken(text="Hi", start_ms=60, end_ms=120, speaker="1"))["speaker"]
    '1'
    """
    return {
        "text": token.text,
        "start_ms": token.start_ms,
        "end_ms": token.end_ms,
        "speaker": token.speaker,
        "language": token.language,
        "is_translation": token.is_translation,
        "source_language": token.source_language,
    }
