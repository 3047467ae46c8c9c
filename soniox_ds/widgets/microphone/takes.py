"""Takes: single recordings of a microphone from start to stop, on either route.

Conventions: all methods belong to the background event loop. Audio is 16 kHz, one channel, ``pcm_s16le``. The result is
a `LiveResult` on both routes: from a session in this process (*proxy*), or from the messages that the browser received
from the service itself and passed on (*direct*).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

from soniox_ds.api.connection import Connection
from soniox_ds.api.session_limit import session_limit_for
from soniox_ds.api.websocket import check_message
from soniox_ds.exceptions import BadAnswerError, ServiceError, SonioxDSError
from soniox_ds.live.model_event import MODEL, ModelEvent
from soniox_ds.live.result import LiveResult, live_result_of
from soniox_ds.live.session import Event, LiveSession
from soniox_ds.live.transcript import Transcript, Update
from soniox_ds.options import LiveOptions
from soniox_ds.widgets.microphone.intake import Intake
from soniox_ds.widgets.microphone.recovery import Kept, RecoveryStore

__all__ = ["BYTES_PER_MS", "RATE", "DirectTake", "ProxyTake", "Take"]

RATE = 16_000
"""Samples per second."""
BYTES_PER_MS = 2 * RATE // 1000
"""Bytes of audio per millisecond."""


class Take:
    """The common base of both routes."""

    mode: str

    def __init__(
        self,
        *,
        audio_id: str,
        options: LiveOptions,
        connection: Connection,
        keep_audio: bool,
        recovery_store: RecoveryStore | None = None,
        on_update: Callable[[Take, Update], object],
        on_state: Callable[[Take, str], object],
    ) -> None:
        self.audio_id = audio_id
        self.options = options
        self.connection = connection
        self.keep_audio = keep_audio
        self.kept = bytearray()
        self.received_bytes = 0
        self.intake: Intake[tuple[Mapping[str, Any], bytes]] = Intake()
        self.lost: str | None = None
        """Reason why the audio stopped, if the page went away without a message."""
        self.name = ""
        """Name that the page gave to the take."""
        self.failure: Exception | None = None
        """Error that was raised when the take ended."""
        self.is_finishing = False
        self.is_over = False
        self.ended = asyncio.Event()
        self.begun_at = datetime.now(UTC)
        self.safe: Kept | None = None
        """Storage of the take until it is read or saved."""
        self.is_kept_elsewhere = False
        """True if the whole take was read, or written to the user's folder."""
        self.was_told = False
        """True if a later microphone of this process has warned about it."""
        if recovery_store is not None:
            self.safe = recovery_store.begin(
                audio_id=audio_id, options=options, service=connection.service, begun_at=self.begun_at
            )
        self._on_update = on_update
        self._on_state = on_state

    @property
    def transcript(self) -> Transcript:
        """The transcript so far."""
        raise NotImplementedError

    @property
    def ends(self) -> list[int]:
        """Number of settled tokens at each endpoint."""
        return self.transcript.ends

    @property
    def error(self) -> Exception | None:
        """Error that made it fail; one of other code (a callback, a disk) if the service did not fail."""
        return self.failure

    @property
    def is_whole(self) -> bool:
        """True if it ended normally: the page did not go away, and nothing failed here."""
        return self.is_over and self.lost is None and self.failure is None

    @property
    def audio_ms(self) -> float:
        """Milliseconds of audio that arrived here."""
        return self.received_bytes / BYTES_PER_MS

    @property
    def waiting_ms(self) -> float:
        """Milliseconds of audio that arrived here and were not sent to the service yet."""
        return 0.0

    @property
    def unheard_ms(self) -> float:
        """Milliseconds of audio that arrived here and that the service has not processed yet."""
        return 0.0

    async def begin(self) -> None:
        """Begin the take; called before all other methods."""

    def audio(self, pcm: bytes) -> None:
        """Take some audio."""
        self.received_bytes += len(pcm)
        if self.keep_audio:
            self.kept += pcm
        if self.safe is not None:
            self.safe.audio(pcm)

    def pause(self) -> None:
        """Settle everything so far, and expect no audio."""

    def resume(self) -> None:
        """Expect audio again."""

    def finalize(self) -> None:
        """Settle everything so far."""

    def event(self, event: Mapping[str, Any]) -> None:
        """Handle an event between browser and service."""

    async def finish(self) -> None:
        """Wait until everything is settled. Nothing may follow. Raises the error that made the take fail."""
        raise NotImplementedError

    def result(self) -> LiveResult:
        """Return the tables so far."""
        raise NotImplementedError

    def _tell(self, update: Update) -> None:
        self._on_update(self, update)


class ProxyTake(Take):
    """A take whose audio the browser sends here, and a session of this process sends on."""

    mode = "proxy"

    async def begin(self) -> None:
        self._session = LiveSession(
            self.options,
            connection=self.connection,
            audio_id=self.audio_id,
            on_update=self._tell,
            on_state=lambda state: self._on_state(self, state),
            on_event=None if self.safe is None else self.safe.write,
        )
        await self._session.__aenter__()

    @property
    def transcript(self) -> Transcript:
        return self._session.transcript

    @property
    def error(self) -> Exception | None:
        return self.failure or self._session.error

    @property
    def waiting_ms(self) -> float:
        return self._session.waiting_ms or 0.0

    @property
    def unheard_ms(self) -> float:
        return self._session.unheard_ms or 0.0

    def audio(self, pcm: bytes) -> None:
        super().audio(pcm)
        self._session.send(pcm)

    def pause(self) -> None:
        self._session.pause()

    def resume(self) -> None:
        self._session.resume()

    def finalize(self) -> None:
        self._session.finalize()

    async def finish(self) -> None:
        await self._session.finish()

    def result(self) -> LiveResult:
        return self._session.result(is_whole=self.is_whole)


class DirectTake(Take):
    """A take whose audio the browser sends to the service itself, passing on the answers."""

    mode = "direct"

    async def begin(self) -> None:
        self._transcript = Transcript()
        self._error: SonioxDSError | None = None
        self._events: list[Event] = []
        self._sent_ms = 0.0
        self._model_event = ModelEvent(self.options.model, self.connection, self._note_model)
        # It counts among the streams of this process, although its socket is in the browser.
        self._session_limit = AsyncExitStack()
        self._enters = asyncio.create_task(
            self._session_limit.enter_async_context(session_limit_for(self.connection).pass_through())
        )

    @property
    def transcript(self) -> Transcript:
        return self._transcript

    @property
    def error(self) -> Exception | None:
        return self.failure or self._error

    def event(self, event: Mapping[str, Any]) -> None:
        kind, payload = str(event["event"]), event.get("payload")
        row = Event(
            float(event["at_ms"]),
            kind,
            int(event.get("session", 0)),
            round(float(event.get("offset_ms", 0))),
            self._sent_ms,
            None if payload is None else str(payload),
        )
        if kind == "connecting":
            self._model_event.begin()
        elif kind == "audio":
            self._sent_ms = float(event["audio_ms"])
            row = row._replace(audio_ms=self._sent_ms)
        elif kind == "open" and row.session > 0:
            self._transcript.begin_session(row.session, row.offset_ms)
        elif kind == "message" and not self._fold(row):
            row = row._replace(kind="lost")
        elif kind == "failed":
            self._fail(row.payload or "")
        self._keep(row)

    def _keep(self, row: Event) -> None:
        self._events.append(row)
        if self.safe is not None:
            self.safe.write(row)

    def _note_model(self, resolved: str) -> None:
        at_ms = self._events[-1].at_ms if self._events else 0.0
        self._keep(Event(at_ms, MODEL, 0, 0, self._sent_ms, resolved))

    def _fold(self, row: Event) -> bool:
        """Add a message of the service to the transcript. Return False if the message is invalid.

        An error that the service reports changes nothing here, because the browser decides what follows it.
        """
        try:
            message = check_message(row.payload or "", self.connection)
            update = self._transcript.fold(message, received_ms=row.at_ms, session=row.session, offset_ms=row.offset_ms)
        except BadAnswerError:
            return False
        except SonioxDSError:
            return True
        self._tell(update)
        return True

    def _fail(self, payload: str) -> None:
        """Note that the browser gave up. Its payload may be the service's own error."""
        try:
            check_message(payload, self.connection)
        except BadAnswerError:
            self._error = ServiceError(payload)
        except SonioxDSError as error:
            self._error = error

    async def finish(self) -> None:
        await self._model_event.finish()
        self._events.append(Event(self._events[-1].at_ms if self._events else 0.0, "end", 0, 0, self._sent_ms, None))
        try:
            rest = self._transcript.close()
            if rest.settled:
                self._tell(rest)
        finally:
            await self._model_event.close()
            if self._enters.done():
                await self._session_limit.aclose()
            else:
                self._enters.cancel()
                await asyncio.wait([self._enters])
        self._on_state(self, "finished" if self._error is None else "failed")

    def result(self) -> LiveResult:
        return live_result_of(
            list(self._events),
            audio_id=self.audio_id,
            options=self.options,
            service=self.connection.service,
            audio_ms=self._sent_ms,
            error=self._error,
            is_whole=self.is_whole,
            begun_at=self.begun_at,
        )
