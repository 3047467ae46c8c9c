"""Websocket server: one real-time session for each connection.

Conventions: a session ends with a frame, ``finished`` or an error, and then with close code 1000, which therefore has
no meaning. The keys ``error_code`` and ``error_message`` occur in error frames only. Timers count seconds of the wall
clock, except the duration that a temporary key allows, which is service time.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
from aiohttp import WSMsgType, web

from soniox_ds.emulator.answers import reset
from soniox_ds.emulator.clock import ServiceClock
from soniox_ds.emulator.faults import OF_STREAMS, Fault, Faults
from soniox_ds.emulator.keys import bearer
from soniox_ds.emulator.recognizers import Pcm, Recognizer, Stream, UndecodableAudio, Update
from soniox_ds.emulator.refusals import Refusal, rate
from soniox_ds.emulator.rules import Rules
from soniox_ds.emulator.start_message import check_start, parse_start, refused
from soniox_ds.emulator.stream_audio import Decoder, decoder_for
from soniox_ds.emulator.visits import RequestRecord

__all__ = ["SUBPROTOCOL", "StreamDoor"]

_log = logging.getLogger(__name__)

SUBPROTOCOL = "soniox-api-key"
_KEY_IN_MESSAGE = (
    "The API key came in the start request; send it with the connection: in an Authorization header or, in a browser, "
    f"as the websocket subprotocols {SUBPROTOCOL} and the key."
)
_LONGEST_MESSAGE = 32 << 20
_CLOSE_TIMEOUT_S = 2.0
_QUEUE = 64
_FRAMES_UNTIL_FAULT = 3

Message = tuple[WSMsgType, Any]
Result = TypeVar("Result")


class _Gone(Exception):
    """The client closed the connection, or the service is stopping."""


class StreamDoor:
    """The entry of all sessions, which also counts them."""

    def __init__(
        self,
        rules: Rules,
        recognizer: Recognizer,
        faults: Faults,
        clock: ServiceClock,
        *,
        refuse_key_in_message: bool = False,
    ) -> None:
        self.rules = rules
        self.recognizer = recognizer
        self.faults = faults
        self.clock = clock
        self.refuse_key_in_message = refuse_key_in_message
        """True if a key in the start message is refused, as the service does from 15 January 2027 on."""
        self._has_warned = False
        self.threads = ThreadPoolExecutor(8, thread_name_prefix="soniox-local-stream")
        self.sessions = 0
        """Number of sessions that have started and not ended."""
        self._open: set[_Session] = set()

    async def serve(self, request: web.Request, record: RequestRecord) -> web.StreamResponse:
        """Serve one connection until it is closed."""
        connection = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,), max_msg_size=_LONGEST_MESSAGE, timeout=_CLOSE_TIMEOUT_S
        )
        await connection.prepare(request)
        session = _Session(self, request, connection, record)
        crowded = len(self._open) >= self.rules.limits.open_connections
        self._open.add(session)
        try:
            await session.run(crowded=crowded)
        finally:
            self._open.discard(session)
        return connection

    def take_key_in_message(self) -> None:
        """Accept a key from a start message, with a warning at the first one; raises Refusal 401."""
        if self.refuse_key_in_message:
            raise refused(_KEY_IN_MESSAGE, 401, "unauthenticated")
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "%s Soniox refuses it from 15 January 2027 on; this stand-in still accepts it.", _KEY_IN_MESSAGE
            )

    async def close(self) -> None:
        """End all sessions."""
        for session in list(self._open):
            await session.leave()
        self.threads.shutdown(wait=True, cancel_futures=True)  # here, because threads take no work while Python ends


class _Session:
    def __init__(
        self, door: StreamDoor, request: web.Request, connection: web.WebSocketResponse, record: RequestRecord
    ) -> None:
        self._door = door
        self._rules = door.rules
        self._request = request
        self._connection = connection
        self._record = record
        self._id = str(uuid.uuid4())
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue(_QUEUE)
        self._clock = door.clock
        self._heard_at = self._clock.wall()
        self._ends_at: float | None = None
        self._decoder: Decoder | None = None
        self._stream: Stream | None = None
        self._got_audio = False
        self._audio_frames = 0
        self._samples = 0
        self._final_tokens = 0
        self._final_ms = 0
        self._total_ms = 0
        self._fault: Fault | None = None

    async def run(self, *, crowded: bool) -> None:
        reader = asyncio.create_task(self._read(), name=f"websocket reader {self._id}")
        started_at: float | None = None
        options: dict[str, Any] = {}
        try:
            if crowded:
                raise refused("Too many open connections.", 429, "max_concurrent_connections_reached")
            options = await self._start()
            started_at = self._rules.now()
            self._door.sessions += 1
            await self._talk()
        except Refusal as refusal:
            await self._refuse(refusal)
        except _Gone:
            pass
        except Exception:  # noqa: BLE001  a recognizer's mistake must reach the client as an error frame
            _log.exception("websocket session %s failed", self._id)
            await self._refuse(Refusal(500, "internal_error", "Internal server error."))
        finally:
            if started_at is not None:
                self._door.sessions -= 1
                self._book(options, started_at)
            if self._decoder is not None:
                await asyncio.to_thread(self._decoder.close)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await self._connection.close(code=1000)

    async def leave(self) -> None:
        """Close the connection, because the service is stopping."""
        await self._connection.close(code=1001, message=b"the stand-in stops")

    # in ---------------------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Move messages into the inbox. A full inbox slows the client down."""
        while True:
            message = await self._connection.receive()
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                await self._inbox.put(None)
                return
            await self._inbox.put((message.type, message.data))

    async def _next(self, *, wait_s: float, complaint: str) -> Message:
        """Return the next message; raises Refusal 408 after `wait_s` without one, 403 if the key has expired."""
        deadline = self._heard_at + wait_s
        expires = self._ends_at is not None and self._ends_at < deadline
        if expires and self._ends_at is not None:
            deadline = self._ends_at
        try:
            message = await self._clock.before(deadline, self._inbox.get())
        except TimeoutError:
            if expires:
                text = "Temporary API key session expired. Open a new session with a new key."
                raise refused(text, 403, "temp_api_key_session_expired") from None
            raise refused(complaint, 408, "request_timeout") from None
        if message is None:
            raise _Gone
        return message

    async def _start(self) -> dict[str, Any]:
        """Wait for the start message, admit the session, and return the message's options without the key."""
        limits = self._rules.limits
        while True:
            kind, data = await self._next(wait_s=limits.start_s, complaint="Start request timeout")
            self._heard_at = self._clock.wall()
            if kind is not WSMsgType.TEXT:
                raise refused("Start request must be a text message.")
            message = parse_start(data)
            # A socket that was opened in advance may be kept alive before its session starts.
            if message != {"type": "keepalive"}:
                break
        sent = message.pop("api_key", None)
        caller = self._rules.keys.open_stream(self._key(sent))
        if self._door.sessions >= limits.sessions:
            raise Refusal(429, "limit_exceeded", "Your organization has exceeded max number of concurrent requests.")
        if not self._rules.session_starts.admit():
            raise rate()
        fault = self._door.faults.draw("websocket")
        if fault is not None:
            self._record.fault = fault.kind
            if fault.kind not in OF_STREAMS:
                raise fault.refusal("websocket")
            self._fault = fault
        check_start(message, self._rules.catalog, context_chars=limits.context_chars)
        if caller.temporary:
            message["client_reference_id"] = caller.client_reference_id
        if caller.max_session_s is not None:
            self._ends_at = self._clock.wall() + caller.max_session_s / self._clock.speed
        self._record.client_reference_id = message.get("client_reference_id")
        self._decoder = decoder_for(message["audio_format"], message.get("sample_rate"), message.get("num_channels"))
        self._stream = await self._in_thread(lambda: self._door.recognizer.stream(message))
        return message

    def _key(self, sent: Any) -> str | None:
        """Return the only key of this session, from the upgrade request or from the start message."""
        offered = [part.strip() for part in self._request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        key = bearer(self._request.headers.get("Authorization"))
        if key is None and SUBPROTOCOL in offered:
            key = next((part for part in offered if part and part != SUBPROTOCOL), None)
        if sent is None:
            return key
        if key is not None:
            raise refused("The API key must be sent either with the connection or in the start request, not both.")
        if not isinstance(sent, str):
            raise refused("Start request is malformed.")
        self._door.take_key_in_message()
        return sent

    # the session ------------------------------------------------------------------------------------------------------

    async def _talk(self) -> None:
        held: Message | None = None
        while True:
            waiting = "Request timeout." if self._got_audio else "Timed out while waiting for the first audio chunk"
            message = held or await self._next(wait_s=self._rules.limits.idle_s, complaint=waiting)
            held = None
            kind, data = message
            self._heard_at = self._clock.wall()
            if not data:
                return await self._finish()
            if kind is WSMsgType.TEXT and data.lstrip().startswith("{"):
                await self._control(data)
                continue
            audio = [_audio(message)]
            # All audio that has arrived meanwhile is processed at once.
            while held is None and not self._inbox.empty():
                following = self._inbox.get_nowait()
                if following is None:
                    raise _Gone
                if _is_audio(following):
                    audio.append(_audio(following))
                else:
                    held = following
            await self._hear(audio)

    async def _hear(self, audio: list[bytes]) -> None:
        self._got_audio = True
        self._audio_frames += len(audio)
        data = b"".join(audio)
        decoder, stream = self._open_parts()
        pcm = await self._decoded(lambda: decoder.feed(data))
        if pcm.size:
            await self._say(await self._in_thread(lambda: stream.feed(pcm)))
        fault = self._fault
        if fault is not None and self._audio_frames >= int(fault.options.get("frames", _FRAMES_UNTIL_FAULT)):
            if fault.kind != "ws_drop":
                raise fault.refusal("websocket")
            reset(self._request)
            raise _Gone

    async def _control(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            raise refused("Control request is malformed.") from None
        kind = message.get("type")
        if kind == "finalize":
            _, stream = self._open_parts()
            await self._say(await self._in_thread(stream.finalize))
        elif kind != "keepalive":
            raise refused("Control request invalid type.")

    async def _finish(self) -> None:
        if not self._got_audio:
            raise refused("No audio received.")
        decoder, stream = self._open_parts()
        rest = await self._decoded(decoder.finish)
        if not self._samples:
            raise refused("Audio decode error")
        if rest.size:
            await self._say(await self._in_thread(lambda: stream.feed(rest)))
        await self._say(await self._in_thread(stream.close))
        await self._send(
            {
                "tokens": [],
                "final_audio_proc_ms": self._total_ms,
                "total_audio_proc_ms": self._total_ms,
                "finished": True,
            }
        )

    async def _decoded(self, decode: Callable[[], Pcm]) -> Pcm:
        try:
            pcm = await self._in_thread(decode)
        except UndecodableAudio:
            raise refused("Audio decode error") from None
        self._samples += pcm.size
        if self._samples // 16 > self._rules.limits.duration_ms:
            raise refused("Audio is too long.", 413, "max_duration_reached")
        return pcm

    def _open_parts(self) -> tuple[Decoder, Stream]:
        assert self._decoder is not None, "a session has started"
        assert self._stream is not None, "a session has started"
        return self._decoder, self._stream

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._door.threads, work)

    # out --------------------------------------------------------------------------------------------------------------

    async def _say(self, update: Update) -> None:
        tokens = [token | {"is_final": True} for token in update.final]
        tokens += [token | {"is_final": False} for token in update.tail]
        self._final_tokens += len(update.final)
        self._total_ms = max(self._total_ms, update.total_ms)
        self._final_ms = min(max(self._final_ms, update.final_ms), self._total_ms)
        await self._send(
            {"tokens": tokens, "final_audio_proc_ms": self._final_ms, "total_audio_proc_ms": self._total_ms}
        )

    async def _send(self, frame: dict[str, Any]) -> None:
        try:
            await self._connection.send_str(msgspec.json.encode(frame).decode())
        except (ConnectionError, RuntimeError):
            # The client has gone without a message, so nobody can be told.
            raise _Gone from None

    async def _refuse(self, refusal: Refusal) -> None:
        self._record.status = refusal.status
        with contextlib.suppress(_Gone):
            await self._send(refusal.frame(self._id))

    def _book(self, options: dict[str, Any], started_at: float) -> None:
        """Book the session. In real time the whole open stream is billed, pauses included."""
        open_ms = round((self._rules.now() - started_at) * 1000)
        self._rules.usage.add(
            uuid=self._id,
            model=options["model"],
            mode="real_time",
            started_at=started_at,
            audio_ms=max(open_ms, self._samples // 16),
            output_tokens=self._final_tokens,
            client_reference_id=options.get("client_reference_id"),
        )


def _is_audio(message: Message) -> bool:
    kind, data = message
    return bool(data) and not (kind is WSMsgType.TEXT and data.lstrip().startswith("{"))


def _audio(message: Message) -> bytes:
    kind, data = message
    if kind is WSMsgType.BINARY:
        return bytes(data)
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise refused("Invalid base64.") from None
