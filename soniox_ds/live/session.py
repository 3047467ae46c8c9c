"""A live transcription that survives broken connections.

Conventions: a *session* of the service is one websocket. `LiveSession` opens the next one when a connection breaks, is
dropped by the service or reaches its longest duration. It sends the audio that is not settled again and joins the
results (``live.resume``), so that no word is lost or repeated. Audio that is handed over while there is no
connection waits. All methods belong to the event loop on which the session was entered.

Another connection follows every ServiceError (network, 5xx, 408, 429 by rate, invalid messages), and the refusals whose
reason is the longest duration. Other refusals would be repeated, so they end the session with that error. A connection
on which no answer comes for `SILENT_BREAK_S`, although something was sent, is replaced by another one. A run of
failures also ends the session: a short run if the service has never answered, ten minutes if it has answered before
(audio is kept meanwhile), and a longer run of connections that answer but make no progress. Other errors (a callback
that raises, a log that cannot be written) end the session too, and are raised unchanged.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Literal, NamedTuple

from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.models import ModelList
from soniox_ds.api.retry import RECONNECT, SESSION_RATE_PAUSE, Backoff
from soniox_ds.api.session_limit import SessionLimit, session_limit_for
from soniox_ds.api.websocket import LiveSocket, check_message
from soniox_ds.exceptions import (
    BadAnswerError,
    ConnectionFailed,
    OptionsError,
    RateLimitError,
    RequestError,
    ServiceError,
    SonioxDSError,
)
from soniox_ds.live.audio_buffer import AudioLine
from soniox_ds.live.model_event import MODEL, ModelEvent
from soniox_ds.live.replay import Event, fold_events
from soniox_ds.live.result import LiveResult, live_result_of
from soniox_ds.live.transcript import Transcript, Update
from soniox_ds.options import LiveOptions

__all__ = ["LONGEST_SESSION_MS", "Event", "LiveSession", "State"]

State = Literal["connecting", "open", "silent", "reconnecting", "paused", "finishing", "finished", "failed"]
"""State of a live session.

``"silent"``: the service has not answered for `SILENT_S`. ``"finished"``: all audio that was handed over is settled.
``"failed"``: the session ended otherwise.
"""

LONGEST_SESSION_MS = 300 * 60_000
"""The service's limit of audio in one session."""

PATIENCE_S = 600.0
KEEPALIVE_S = 5.0
SILENT_S = 5.0
"""Real seconds without an answer to what was sent after which the state becomes ``"silent"``."""
SILENT_BREAK_S = 12.0
"""Real seconds without an answer after which another connection is opened."""
_SILENT_BREAK_PACKED_S = 30.0  # longer, because packed formats cannot be resumed
SILENT_BREAK_MOST_S = 60.0
_LOOK_S = 0.25
ROTATE_BEFORE_MS = 5 * 60_000  # before the limit; from then on, the next pause is used to change
ROTATE_LATEST_MS = 20_000
_FRAME_MS = 120  # the longest message of raw audio
_PACKED_FRAME = 16_384  # bytes
AHEAD_MS = 1_000  # so much waiting audio is sent at once; more is paced
PACE = 8.0  # speed at which audio that had to wait is sent, as a multiple of real time
STALLS = 5  # factor on the attempts for connections that answer but make no progress


class _Finalize(NamedTuple):
    position: int
    trailing_silence_ms: int | None


class LiveSession:
    """A live transcription that takes audio and returns settled words.

    Parameters
    ----------
    options
        Options of the audio and the transcription. With raw audio, a broken connection costs nothing but time; with
        packed formats (``auto``, ``mp3``, ...) it ends the session if something was settled.
    connection
        Key and address; by default from the environment.
    audio_id
        Name of the recording in the tables.
    source
        Path of the recording, if the audio is that of a file.
    on_update, on_state
        Called with each `Update`, and with each new state, on the session's event loop.
    session_limit
        Limit of the sessions that may be open; by default one limit for the whole process.
    retry
        Number of attempts while the service has never answered, and the waiting time between attempts.
    patience_s
        Seconds for which to go on trying if the service has answered before.
    pace
        Speed at which audio that had to wait is sent, as a multiple of real time; None sends it without pacing, as
        fast as the connection allows.
    session_limit_ms
        Time at which to change to a new session of the service.
    earlier
        Events of an interrupted session, from its beginning: this session resumes it. Hand over the audio from
        `resume_ms` on.
    on_event
        Called with each `Event` as it is logged, except the earlier ones.
    models
        The service's list of models, if several sessions share it; by default the session requests its own.
    clock
        Clock for tests, in which time may run faster.

    Examples
    --------
    >>> import asyncio, soniox_ds as sx
    >>> async def transcribe(audio):
    ...     options = sx.LiveOptions(audio_format="pcm_s16le", sample_rate=16_000, num_channels=1)
    ...     async with LiveSession(options) as session:
    ...         session.send(audio)
    ...     return session.state, len(session.transcript.settled) > 0
    >>> noise = bytes(range(256)) * 250                                                   # two seconds
    >>> with sx.local_service("scripted"):
    ...     asyncio.run(transcribe(noise))
    ('finished', True)
    """

    def __init__(
        self,
        options: LiveOptions,
        *,
        connection: Connection | None = None,
        audio_id: str = "live",
        source: str | None = None,
        on_update: Callable[[Update], object] | None = None,
        on_state: Callable[[State], object] | None = None,
        session_limit: SessionLimit | None = None,
        retry: Backoff = RECONNECT,
        patience_s: float = PATIENCE_S,
        pace: float | None = PACE,
        session_limit_ms: int = LONGEST_SESSION_MS,
        earlier: Sequence[Event] = (),
        on_event: Callable[[Event], object] | None = None,
        models: ModelList | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.options = options
        self.connection = connection or Connection()
        self.audio_id = audio_id
        self.source = source
        self.clock = clock or Clock()
        self.transcript = Transcript()
        self.log: list[Event] = []
        """All events so far; the tables of `result` are derived from them."""
        self.state: State = "connecting"
        self.error: SonioxDSError | None = None
        """Error that made the session fail."""
        self.sessions = 0
        """Number of connections that were opened."""
        self._session_limit = session_limit or session_limit_for(self.connection)
        self._on_update = on_update
        self._on_state = on_state
        self._retry = retry
        self._patience_s = patience_s
        self._pace = pace
        self._session_limit_ms = session_limit_ms
        self._line = AudioLine(options)
        self._sent = 0  # position in the line
        self._n_messages = 0  # number of messages with any content
        self._session = 0
        self._session_start = 0  # position in the line
        self._offset_ms = 0
        self._finalizes: deque[_Finalize] = deque()  # unanswered
        self._asked = 0  # number of them that this connection has sent
        self._paused = False
        self._socket: LiveSocket | None = None
        self._is_owed = False  # whether the service owes an answer
        self._silent_s = 0.0  # time for which an answer is owed, counted while this process runs
        self._silences = 0  # number of connections in a row that were given up as silent
        self._ended = False
        self._done = False
        self._end_sent = False  # on this connection
        self._made_s = self.clock.now()
        self._begun_at = self.clock.utcnow()
        self._started_ms = 0.0
        self._has_started = False
        self._wake = asyncio.Event()
        self._moved = asyncio.Event()
        self._updates: asyncio.Queue[Update | None] | None = None
        self._driver: asyncio.Task[None] | None = None
        self._on_event = on_event
        self.model_event = ModelEvent(
            options.model, self.connection, lambda resolved: self._note(MODEL, resolved), models
        )
        """Request for the model that answers; noted in the log."""
        if earlier:
            self._take_up(earlier)

        self.resume_ms = self._line.ms(self._line.start) or 0.0
        """Time from which audio is to be handed over; 0 unless the session resumes an earlier one."""

    def _take_up(self, earlier: Sequence[Event]) -> None:
        if not self._line.is_timed:
            raise OptionsError(f"audio in the format {self.options.audio_format!r} cannot be resumed; raw audio can")
        self.log = list(earlier)
        self._started_ms = next((event.at_ms for event in earlier if event.kind == "audio"), 0.0)
        shifted = [event._replace(at_ms=event.at_ms - self._started_ms) for event in earlier]
        for _ in fold_events(self.transcript, shifted):
            pass
        self.sessions = 1 + max((event.session for event in earlier if event.kind == "open"), default=-1)
        self._made_s -= max(event.at_ms for event in earlier) / 1000
        self._has_started = True
        if self.sessions:
            self._line.skip_to(self.transcript.resume_ms())
        self._sent = self._line.start

    # handing audio over -----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> LiveSession:
        self._driver = asyncio.create_task(self._drive(), name=f"live session {self.audio_id}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            await self.finish()
        else:
            await self.abort()

    def send(self, audio: bytes) -> None:
        """Hand audio over, to be sent once there is a connection. Audio is dropped while paused and after the end."""
        if self._paused or self._ended or self._done or not audio:
            return
        if not self._has_started:
            self._has_started = True
            self._started_ms = (self.clock.now() - self._made_s) * 1000
        self._line.append(audio)
        self._note("audio")
        self._wake.set()

    async def room(self, most_ms: float = 10_000) -> None:
        """Wait until at most `most_ms` of audio waits to be sent, for sources that could deliver hours at once."""
        while not self._done and (self._unsent_ms or 0.0) > most_ms:
            self._moved.clear()
            await self._moved.wait()

    def finalize(self, trailing_silence_ms: int | None = None) -> None:
        """Ask the service to settle everything handed over so far."""
        if self.audio_bytes and not self._ended and not self._done:
            whole = self._line.end // self.options.bytes_per_frame * self.options.bytes_per_frame
            self._finalizes.append(_Finalize(whole, trailing_silence_ms))
            self._wake.set()

    def pause(self) -> None:
        """Settle everything so far and take no audio until `resume`. The connection stays open, and billed."""
        if not self._paused and not self._ended and not self._done:
            self.finalize()
            self._paused = True
            self._show(self.state)

    def resume(self) -> None:
        """Take audio again after `pause`."""
        if self._paused:
            self._paused = False
            self._show(self.state)
            self._wake.set()

    async def finish(self) -> None:
        """Take no more audio, wait until everything is settled, and close.

        Raises the error that made the session fail, if any.
        """
        self._ended = True
        self._paused = False
        self._wake.set()
        if not self._done:
            self._show("finishing")
        if self._driver is not None:
            try:
                await asyncio.shield(self._driver)
            except asyncio.CancelledError:
                await self.abort()
                raise
        if self.error is not None:
            raise self.error

    async def abort(self) -> None:
        """Close at once. Settled tokens are kept, pending ones are lost."""
        if self._driver is not None and not self._driver.done():
            self._driver.cancel()
            await asyncio.wait([self._driver])

    def __aiter__(self) -> AsyncIterator[Update]:
        """Yield each update from now on, then raise the error that made the session fail, if any."""
        self._updates = asyncio.Queue()
        if self._done:
            self._updates.put_nowait(None)
        return self._following(self._updates)

    async def _following(self, updates: asyncio.Queue[Update | None]) -> AsyncGenerator[Update, None]:
        while (update := await updates.get()) is not None:
            yield update
        if self.error is not None:
            raise self.error

    @property
    def is_over(self) -> bool:
        """True once the session has ended in any way. No audio is taken then."""
        return self._done

    @property
    def audio_bytes(self) -> int:
        """Number of bytes handed over so far."""
        return self._line.end

    @property
    def audio_ms(self) -> float | None:
        """Milliseconds of audio handed over so far; None for packed formats."""
        return self._line.ms(self._line.end)

    @property
    def sent_ms(self) -> float | None:
        """Milliseconds of audio sent so far; None for packed formats."""
        return self._line.ms(self._sent)

    @property
    def waiting_ms(self) -> float | None:
        """Milliseconds of audio that wait to be sent, here or in the connection's buffer; None for packed formats."""
        held = 0 if self._socket is None else self._socket.held_bytes
        return self._line.ms(min(self._line.end - self._sent + held, self._line.end))

    @property
    def unheard_ms(self) -> float | None:
        """Milliseconds of audio that the service has not processed yet; None for packed formats."""
        return None if self.audio_ms is None else max(self.audio_ms - self.transcript.total_audio_ms, 0.0)

    @property
    def silent_s(self) -> float:
        """Seconds for which the service owes an answer to what was sent; 0 if it has answered."""
        return self._silent_s

    @property
    def _unsent_ms(self) -> float | None:
        return self._line.ms(self._line.end - self._sent)

    def result(self, failure: Exception | None = None, *, is_whole: bool = True) -> LiveResult:
        """Return the tables of the session so far.

        `failure` is an error that arose outside the session, for example in the source. `is_whole` is False if more
        audio should have been handed over.
        """
        shift_ms = self._started_ms
        return live_result_of(
            [event._replace(at_ms=event.at_ms - shift_ms) for event in list(self.log)],
            audio_id=self.audio_id,
            options=self.options,
            service=self.connection.service,
            audio_ms=self.audio_ms,
            error=self.error or failure,
            is_whole=is_whole and self.state == "finished",
            begun_at=self._begun_at,
            metadata={"source": self.source},
        )

    # one connection after the other -----------------------------------------------------------------------------------

    async def _drive(self) -> None:
        failures = stalls = 0  # in a row: without any message; with messages, but no progress
        lost_s = 0.0
        try:
            while True:
                seen, n_messages = (self.transcript.total_audio_ms, self.transcript.final_audio_ms), self._n_messages
                try:
                    await self._connect()
                except SonioxDSError as error:
                    spoke = self._n_messages > n_messages
                    got_on = (self.transcript.total_audio_ms, self.transcript.final_audio_ms) != seen
                    failures = 1 if spoke else failures + 1
                    stalls = 1 if got_on else stalls + spoke
                    if failures == 1:
                        lost_s = self.clock.now()
                    self._note("lost", str(error))
                    if not self._may_go_on(error, failures, stalls, self.clock.now() - lost_s):
                        raise
                    self._show("reconnecting")
                    await self._wait_after(error, failures)
                else:
                    if self._ended and self._all_sent:
                        break
                    failures = stalls = 0
            await self.model_event.finish()
            self._show("finished")
        except SonioxDSError as error:
            self.error = error
            self._note("failed", f"{type(error).__name__}: {error}")
        finally:
            self._done = True
            self._moved.set()
            try:
                self._close()
            finally:
                if self._updates is not None:
                    self._updates.put_nowait(None)
                await self.model_event.close()

    def _close(self) -> None:
        self._note("end")
        rest = self.transcript.close()
        if rest.settled or self.transcript.pending:
            self._tell(rest)
        if self.state != "finished":
            self._show("failed")

    def _may_go_on(self, error: SonioxDSError, failures: int, stalls: int, lost_for_s: float) -> bool:
        again = isinstance(error, ServiceError) or (isinstance(error, RequestError) and _is_full(error))
        if not again or stalls >= self._retry.attempts * STALLS:
            return False
        if failures >= self._retry.attempts and (not self._n_messages or lost_for_s > self._patience_s):
            return False
        if not self._line.is_timed and self.transcript.settled:
            error.add_note(
                f"Audio in the format {self.options.audio_format!r} cannot be resumed after a connection broke; "
                "raw audio (audio_format='pcm_s16le', sample_rate=..., num_channels=...) can."
            )
            return False
        return True

    async def _wait_after(self, error: SonioxDSError, failures: int) -> None:
        if isinstance(error, RateLimitError):
            self._session_limit.slow_down(SESSION_RATE_PAUSE.wait_s(1))
        if failures == 1 and not isinstance(error, RateLimitError | ConnectionFailed):
            return  # "please restart the request": without waiting
        await self.clock.sleep(self._retry.wait_s(failures))

    async def _connect(self) -> None:
        """Run one session of the service until it is finished or fails."""
        if self._ended and not self.audio_bytes:
            return  # no audio was ever handed over, and the service refuses a session without any
        self.model_event.begin()
        async with self._session_limit.pass_through():
            self._note("connecting")
            async with LiveSocket(self.connection, self.options) as socket:
                offset_ms = self._begin()
                self._note("open")
                if self.state in ("connecting", "reconnecting"):
                    self._show("finishing" if self._ended else "open")
                sender = asyncio.create_task(self._send_audio(socket), name="live sender")
                receiver = asyncio.create_task(self._receive(socket, offset_ms), name="live receiver")
                watch = asyncio.create_task(self._watch_for_answers(), name="live watch")
                self._socket = socket
                try:
                    await asyncio.wait([sender, receiver, watch], return_when=asyncio.FIRST_COMPLETED)
                    if sender.done() and sender.exception() is not None:
                        await asyncio.wait([receiver], timeout=2.0)  # for the error frame with the reason
                    elif sender.done() and (self.audio_bytes or not self._ended):
                        await asyncio.wait([receiver, watch], return_when=asyncio.FIRST_COMPLETED)
                    if receiver.done():
                        await receiver
                    elif watch.done():
                        socket.drop()
                        await watch
                    await sender
                finally:
                    self._socket = None
                    for task in (sender, receiver, watch):
                        task.cancel()
                    await asyncio.gather(sender, receiver, watch, return_exceptions=True)

    def _begin(self) -> int:
        """Prepare everything for a new session, and return the time at which its audio begins."""
        # This is needed after a regular end too, which may have cut the last word in two.
        again = self.sessions and self._line.is_timed
        position = self._line.at(self.transcript.resume_ms()) if again else self._line.start
        self._end_sent = False
        self._is_owed = False
        self._silent_s = 0.0
        self._session = self.sessions
        self.sessions += 1
        self._sent = self._session_start = max(position, self._line.start)
        self._asked = 0
        offset_ms = round(self._line.ms(self._session_start) or 0)
        if self._session:
            self.transcript.begin_session(self._session, offset_ms)
        self._offset_ms = offset_ms
        return offset_ms

    # out --------------------------------------------------------------------------------------------------------------

    async def _send_audio(self, socket: LiveSocket) -> None:
        per_ms = self.options.bytes_per_ms
        most = _PACKED_FRAME if per_ms is None else max(int(per_ms * _FRAME_MS), self.options.bytes_per_frame)
        while True:
            self._wake.clear()
            await self._ask_to_finalize(socket)
            stop = self._next_stop()
            audio = self._line.read(self._sent, min(most, stop - self._sent))
            if audio:
                self._is_owed = True
                await socket.send_audio(audio)
                self._sent += len(audio)
                self._moved.set()
                await self._hold_back(len(audio))
            elif self._ended and self._all_sent:
                if self.audio_bytes:  # the service refuses a session without audio
                    await self._end(socket)
                return
            else:
                await self._wait_for_audio(socket)
            if self._must_rotate():
                await self._end(socket)
                return

    async def _end(self, socket: LiveSocket) -> None:
        self._end_sent = True
        await socket.end()
        self._note("control", "")

    @property
    def _all_sent(self) -> bool:
        return self._sent + self.options.bytes_per_frame > self._line.end

    def _next_stop(self) -> int:
        waiting = list(self._finalizes)[self._asked :]
        return min([self._line.end, *(item.position for item in waiting if item.position > self._sent)])

    async def _ask_to_finalize(self, socket: LiveSocket) -> None:
        while self._asked < len(self._finalizes) and self._finalizes[self._asked].position <= self._sent:
            item = self._finalizes[self._asked]
            if self._sent > self._session_start:
                await socket.finalize(item.trailing_silence_ms)
                self._note("control", json.dumps({"type": "finalize"}))
                self._asked += 1
            else:
                del self._finalizes[self._asked]  # this session got no audio that could be settled

    async def _hold_back(self, size: int) -> None:
        """Wait as long as `pace` demands, so that waiting audio is not sent all at once."""
        unsent_ms = self._unsent_ms
        if self._pace is None or unsent_ms is None or unsent_ms <= AHEAD_MS:
            return
        await self.clock.sleep((self._line.ms(size) or 0.0) / 1000 / self._pace)

    async def _wait_for_audio(self, socket: LiveSocket) -> None:
        try:
            async with asyncio.timeout(KEEPALIVE_S):  # because wait_for of Python 3.11 can swallow a cancellation
                await self._wake.wait()
        except TimeoutError:
            await socket.keep_alive()
            self._note("control", json.dumps({"type": "keepalive"}))

    def _must_rotate(self) -> bool:
        session_audio_ms = self._line.ms(self._sent - self._session_start)
        if session_audio_ms is None or self._ended:
            return False
        limit_ms = self._session_limit_ms
        if session_audio_ms >= limit_ms - min(ROTATE_LATEST_MS, limit_ms * 0.1):
            return True
        return session_audio_ms >= limit_ms - min(ROTATE_BEFORE_MS, limit_ms * 0.3) and not self.transcript.pending

    # in ---------------------------------------------------------------------------------------------------------------

    async def _receive(self, socket: LiveSocket, offset_ms: int) -> None:
        async for text in socket.messages():
            self._note_answer()
            at_ms = self._note("message", text)
            message = check_message(text, self.connection)
            update = self.transcript.fold(message, received_ms=at_ms, session=self._session, offset_ms=offset_ms)
            self._n_messages += not update.is_finished
            if update.is_finalized and self._finalizes and self._asked:
                self._finalizes.popleft()
                self._asked -= 1
            self._line.forget_before(self.transcript.resume_ms())
            self._tell(update)
            if update.is_finished:
                if not self._end_sent:
                    raise BadAnswerError(
                        "live transcription: the service finished it although there was more audio to send"
                    )
                return
        raise ConnectionFailed("live transcription: the service closed the connection before everything was settled")

    def _note_answer(self) -> None:
        if self._silent_s < SILENT_BREAK_S:
            self._silences = 0
        self._is_owed = False
        self._silent_s = 0.0
        if self.state == "silent":
            self._show("finishing" if self._ended else "open")

    async def _watch_for_answers(self) -> None:
        """Change to the state "silent" if the service does not answer, and later raise ConnectionFailed.

        Time is counted in short steps: while this process does not run, answers may be waiting to be read.
        """
        looked_s = time.monotonic()
        while self._silent_s < (most_s := self._longest_silence_s()):
            await asyncio.sleep(_LOOK_S)
            step_s = min(time.monotonic() - looked_s, 4 * _LOOK_S)
            looked_s = time.monotonic()
            if not self._is_owed and not self._end_sent and self._all_sent:
                continue
            self._silent_s += step_s
            if self._silent_s >= SILENT_S and self.state != "silent":
                self._note("silent", f"no answer for {SILENT_S:g} s")
                self._show("silent")
        self._silences += 1
        raise ConnectionFailed(
            f"live transcription: the service has not answered for {most_s:g} s; the network or a proxy may be "
            "blocking the connection"
        )

    def _longest_silence_s(self) -> float:
        """Return the wait for an answer, which doubles after each silent connection until an answer is in time."""
        most_s = SILENT_BREAK_S if self._line.is_timed else max(SILENT_BREAK_S, _SILENT_BREAK_PACKED_S)
        return min(most_s * 2.0**self._silences, SILENT_BREAK_MOST_S)  # it may only be slow

    def _tell(self, update: Update) -> None:
        if self._updates is not None:
            self._updates.put_nowait(update)
        if self._on_update is not None:
            self._on_update(update)

    def _show(self, state: State) -> None:
        if state in ("open", "paused"):
            state = "paused" if self._paused else "open"
        if state != self.state:
            self.state = state
            if self._on_state is not None:
                self._on_state(state)

    def _note(self, kind: str, payload: str | None = None) -> float:
        now_s = self.clock.now()
        at_ms = (now_s - self._made_s) * 1000
        if payload is not None and kind != "message":
            payload = self.connection.api_key.hide_in(payload)
        event = Event(at_ms, kind, self._session, self._offset_ms, self.audio_ms, payload)
        self.log.append(event)
        if self._on_event is not None:
            self._on_event(event)
        return at_ms - self._started_ms


def _is_full(error: RequestError) -> bool:
    """Return True if the service refused more audio because the session has reached its longest duration."""
    return error.status == 413 or (error.status == 400 and "audio is too long" in str(error).lower())
