"""Kernel side of a microphone: turns the messages of a page into recordings, and sends the results back.

Conventions: everything belongs to the background event loop; `heard` is called there. The page that begins a recording
(*take*) names it. All messages that shape a take are numbered items, which the page keeps until they are acknowledged.
Messages to the page may be lost and requested again (``sync``), except the beat, four times a second, which tells the
page that the kernel is alive. The newest page wins: if another page begins a recording, the previous recording ends.
Any error on the way (of a channel, a listener, a take) is logged and reported, and every take ends.

From the page: ``hello``, ``offer``, ``open``, ``item`` (``audio``, ``control``, ``event``, ``stop``), ``beat``,
``sync``, ``need_key``, ``leave`` (it is closed or loaded again), ``end`` (the page that records is to stop). To the
page: ``snapshot``, ``offered``, ``beat``, ``update``, ``state``, ``ended``, ``missing``, ``key``, ``no_key``,
``command``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import ServiceError, SonioxDSError
from soniox_ds.live.transcript import LiveToken, Update
from soniox_ds.options import LiveOptions
from soniox_ds.widgets._kernel import CellWatch
from soniox_ds.widgets.microphone.actions import ACTIONS
from soniox_ds.widgets.microphone.loopback import Channel, Loopback, LoopbackChannel
from soniox_ds.widgets.microphone.recovery import RecoveryStore
from soniox_ds.widgets.microphone.takes import DirectTake, ProxyTake, Take
from soniox_ds.widgets.microphone.temporary_keys import temporary_key

__all__ = ["LOST_AFTER_S", "Listeners", "Recorder"]

_log = logging.getLogger(__name__)

TICK_S = 0.25
LOST_AFTER_S = 15.0
"""Silence after which a recording page counts as gone. A page that draws much may hang for seconds."""
_CUT_OFF_AFTER_S = 5.0  # the same if its socket has closed, or another page shows the widget
_ANSWER_S = 3.0
ASLEEP_FOR_S = 600.0
"""Silence after which a page with an open socket is given up. Its computer may sleep, and wake up again."""
_BUSY_FOR_S = 600.0  # longest wait for messages of the page while a cell runs
_TAKES = {"proxy": ProxyTake, "direct": DirectTake}

_GONE = (
    "the page that was recording fell silent (closed, loaded again, or cut off); everything that had arrived by then "
    "was settled"
)
_TAKEN_OVER = "another page began to record with this widget"
_CUT_SHORT = "this process ended before everything was settled"


@dataclass(frozen=True)
class Listeners:
    """The listeners of a recorder. All are called on the event loop."""

    begun: Callable[[Take], object] = lambda take: None
    updated: Callable[[Take, Update], object] = lambda take, update: None
    ended: Callable[[Take], object] = lambda take: None


@dataclass
class Recorder:
    """The server of the pages that show one widget."""

    options: LiveOptions
    connection: Connection
    comm: Channel
    loopback: Loopback
    cells: CellWatch
    modes: frozenset[str]
    """Allowed routes: ``"proxy"``, ``"direct"``."""
    may_loopback: bool = True
    keep_audio: bool = True
    recovery_store: RecoveryStore | None = None
    """Storage of recordings while they go on."""
    audio_id: str = "microphone"
    listeners: Listeners = field(default_factory=Listeners)

    def __post_init__(self) -> None:
        self.takes: list[Take] = []
        self.state = "idle"
        self.shown = False
        """True if some page has shown the widget."""
        self._ids: dict[str, Take] = {}
        self._channel: Channel = self.comm
        self._inbox: asyncio.Queue[tuple[Mapping[str, Any], bytes, Channel]] = asyncio.Queue()
        self._server: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._quiet_s = 0.0
        self._busy_s = 0.0
        self._gap_s = 0.0
        self._asleep: Take | None = None  # take whose page fell silent although its socket is open
        self._is_rivalled = False  # whether another page has shown the widget since the take began
        self._commands: list[str] = []
        self._mute: set[str] = set()  # names of channels that raise

    # from the page ----------------------------------------------------------------------------------------------------

    def heard(self, message: Mapping[str, Any], data: bytes, channel: Channel) -> None:
        """Queue a message of a page. Messages are served one after the other."""
        self._busy_s = 0.0
        if self.running is not None and message.get("take") == self.running.name:
            self._quiet_s = 0.0
            self._wake_up()
        if self._server is None:
            self._server = asyncio.create_task(self._serve(), name="microphone recorder")
        self._inbox.put_nowait((message, data, channel))

    def command(self, action: str) -> None:
        """Send a command to the page: a key of `ACTIONS`."""
        if self.shown:
            self._post(self._channel if self.running is not None else self.comm, {"type": "command", "action": action})
        else:
            self._commands.append(action)

    @property
    def running(self) -> Take | None:
        """The take that is going on, or None."""
        return self.takes[-1] if self.takes and not self.takes[-1].is_over else None

    @property
    def over_comm(self) -> bool:
        """True if the page is connected over the notebook's own connection."""
        return self._channel is self.comm

    async def close(self) -> None:
        """End the current take, and serve no more messages."""
        if self.running is not None:
            await self._finish(self.running)
        for task in [*self._tasks, *([self._server] if self._server else [])]:
            task.cancel()

    async def _serve(self) -> None:
        while True:
            message, data, channel = await self._inbox.get()
            try:
                await self._handle(message, data, channel)
            except Exception as error:  # noqa: BLE001  one bad message must not be the end of all; page and log are told
                self._tell_trouble(f"message {message.get('type')!r} of the page", error, channel)

    async def _handle(self, message: Mapping[str, Any], data: bytes, channel: Channel) -> None:
        kind = message.get("type")
        if kind == "hello":
            await self._greet(str(message["page"]), str(message["origin"]))
        elif kind == "offer":
            offer = await self._offer(str(message["origin"]))
            self._post(channel, {"type": "offered", "page": message["page"], "offer": offer})
        elif kind == "open":
            await self._open(message, channel)
        elif kind == "leave":
            take = self._ids.get(str(message["take"]))
            if take is not None and not take.is_finishing:
                take.lost = _GONE
                self._spawn(self._finish(take))
        elif kind == "end" and self.running is not None:
            self._spawn(self._end_for_another_page(self.running))
        elif kind == "need_key":
            self._spawn(self._hand_over_key(message, channel))
        elif kind in ("item", "sync"):
            take = self._ids.get(str(message["take"]))
            if take is None:
                self._post(channel, {"type": "ended", "take": message["take"], "text": _GONE, "lost": True})
            elif kind == "item":
                self._items(take, int(message["seq"]), message, data)
            else:
                self._post(channel, self._update_message(take, int(message["have"]), take.transcript.pending))

    async def _greet(self, page: str, origin: str) -> None:
        self.shown = True
        commands, self._commands = self._commands, []
        last = self.takes[-1] if self.takes else None
        self._is_rivalled = self.running is not None
        self._post(
            self.comm,
            {
                "type": "snapshot",
                "page": page,
                "offer": await self._offer(origin),
                "running": self.state if self.running is not None else None,
                "settled": [] if last is None else [_plain(token) for token in last.transcript.settled],
                "ends": [] if last is None else last.ends,
                "commands": commands,
                "earlier": max(len(self.takes) - 1, 0),
            },
        )

    async def _offer(self, origin: str) -> dict[str, Any] | None:
        return await self.loopback.offer(origin, self.heard) if self.may_loopback else None

    async def _open(self, message: Mapping[str, Any], channel: Channel) -> None:
        """Begin a take, or continue it over another channel."""
        name, mode = str(message["take"]), str(message["mode"])
        take = self._ids.get(name)
        if take is None:
            if mode not in self.modes:
                raise ValueError(f"the page asked for mode {mode!r}; allowed is {', '.join(sorted(self.modes))}")
            if self.running is not None:
                self.running.lost = _TAKEN_OVER
                await self._finish(self.running)
            number = len(self.takes) + 1
            take = _TAKES[mode](
                audio_id=f"{self.audio_id}-{number}" if number > 1 else self.audio_id,
                options=self.options,
                connection=self.connection,
                keep_audio=self.keep_audio,
                recovery_store=self.recovery_store,
                on_update=self._updated,
                on_state=self._stated,
            )
            try:
                await take.begin()
            except Exception as error:
                if take.safe is not None:
                    take.safe.forget()
                self._post(
                    channel, {"type": "ended", "take": name, "text": self._said(error), "lost": False, "tokens": 0}
                )
                raise
            self._ids[name] = take
            take.name = name
            self.takes.append(take)
            self.state = "recording"
            self._listen(self.listeners.begun, take)
            self._spawn(self._watch(take))
        self._channel = channel
        self._beat(take)

    def _items(self, take: Take, seq: int, message: Mapping[str, Any], data: bytes) -> None:
        if take.is_over:
            self._say_ended(take)
            return
        for item, sound in take.intake.take(seq, (message, data)):
            try:
                self._item(take, item, sound)
            except Exception as error:  # noqa: BLE001  those behind it are no worse; page and log are told
                self._tell_trouble(f"item {item.get('kind')!r} of the page", error, self._channel)

    def _item(self, take: Take, item: Mapping[str, Any], sound: bytes) -> None:
        kind = item.get("kind")
        if kind == "audio":
            take.audio(sound)
        elif kind == "event":
            if sound:
                take.audio(sound)
            take.event(item)
        elif kind == "control":
            action = ACTIONS[str(item["action"])]
            self.state = action.leads_to or self.state
            if action.in_kernel is not None:
                action.in_kernel(take)
        elif kind == "stop":
            self._spawn(self._finish(take))

    async def _hand_over_key(self, message: Mapping[str, Any], channel: Channel) -> None:
        answer: dict[str, Any] = {"request": message["request"]}
        if "direct" not in self.modes:
            answer |= {"type": "no_key", "text": "this widget was made with mode='proxy'"}
        else:
            try:
                url = self.connection.stream_url()
                key = await temporary_key(self.connection, client_reference_id=self.options.client_reference_id)
                answer |= {"type": "key", "key": key, "url": url, "start": self.options.body()}
            except SonioxDSError as error:
                again = isinstance(error, ServiceError)  # trouble that may be temporary
                answer |= {"type": "no_key", "text": self._hidden(str(error)), "again": again}
        self._post(channel, answer)

    # to the page ------------------------------------------------------------------------------------------------------

    def _updated(self, take: Take, update: Update) -> None:
        have = len(take.transcript.settled) - len(update.settled)
        if take.mode == "proxy":
            self._post(self._channel, self._update_message(take, have, update.pending, update.is_endpoint))
        self._listen(self.listeners.updated, take, update)

    def _update_message(
        self, take: Take, have: int, pending: Iterable[LiveToken], is_endpoint: bool | None = None
    ) -> dict[str, Any]:
        settled = take.transcript.settled[have:]
        ends = [end for end in take.ends if end > have]
        if is_endpoint and not ends and take.ends:
            ends = [take.ends[-1]]  # nothing was left to settle when the utterance ended
        return {
            "type": "update",
            "take": take.name,
            "have": have,
            "settled": [_plain(token) for token in settled],
            "pending": [_plain(token) for token in pending],
            "ends": ends,
        }

    def _stated(self, take: Take, state: str) -> None:
        if not take.is_over:
            self._post(self._channel, {"type": "state", "take": take.name, "state": state})
            if state == "failed":
                self._spawn(self._finish(take))

    def _beat(self, take: Take) -> None:
        self._post(
            self._channel,
            {
                "type": "beat",
                "take": take.name,
                "next": take.intake.next,
                "waiting_ms": round(take.waiting_ms),
                "unheard_ms": round(take.unheard_ms),
            },
        )

    async def _watch(self, take: Take) -> None:
        """Send beats while a take goes on, and end the take if its page is gone."""
        self._quiet_s = self._busy_s = self._gap_s = 0.0
        self._is_rivalled = False
        while not take.is_over:
            await asyncio.sleep(TICK_S)
            self._beat(take)
            self._gap_s = self._gap_s + TICK_S if take.intake.has_gap else 0.0
            if self._gap_s > 1.0:
                self._post(self._channel, {"type": "missing", "take": take.name, "next": take.intake.next})
                self._gap_s = 0.0
            if self.state == "finishing":
                continue
            # Over the notebook's own connection, nothing arrives while a cell runs. This does not count as silence.
            if self._channel is self.comm and self.cells.is_busy():
                self._busy_s += TICK_S
            else:
                self._quiet_s += TICK_S
            if self._quiet_s > LOST_AFTER_S and self._asleep is None and self.state == "recording":
                self._fall_asleep(take)
            if self._asleep is not None and not self._has_open_socket:
                self._quiet_s = 0.0  # the computer may have woken up, and connect again
                self._wake_up()
            if self._quiet_s > self._patience_s or self._busy_s > _BUSY_FOR_S:
                take.lost = _GONE
                self._spawn(self._finish(take))

    @property
    def _patience_s(self) -> float:
        """Return the seconds of silence after which the page that records counts as gone."""
        if self._asleep is not None and self._has_open_socket and not self._is_rivalled:
            return ASLEEP_FOR_S
        has_closed = isinstance(self._channel, LoopbackChannel) and not self._channel.is_open
        return min(LOST_AFTER_S, _CUT_OFF_AFTER_S) if has_closed or self._is_rivalled else LOST_AFTER_S

    @property
    def _has_open_socket(self) -> bool:
        return isinstance(self._channel, LoopbackChannel) and self._channel.is_open

    def _fall_asleep(self, take: Take) -> None:
        """Settle everything when the page's computer seems to sleep. The recording continues when it wakes up."""
        if self._has_open_socket:
            self._asleep = take
            self.state = "paused"
            take.pause()

    def _wake_up(self) -> None:
        take, self._asleep = self._asleep, None
        if take is not None and not take.is_finishing:
            self.state = "recording"
            take.resume()

    async def _end_for_another_page(self, take: Take) -> None:
        """Ask the page that records to stop, and end the take anyway if it does not answer."""
        self._post(self._channel, {"type": "command", "action": "stop"})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_S):
                await take.ended.wait()
        if not take.is_finishing:
            take.lost = _GONE
            await self._finish(take)

    async def _finish(self, take: Take) -> None:
        if take.is_finishing:
            await take.ended.wait()
            return
        take.is_finishing = True
        self.state = "finishing"
        try:
            await take.finish()
        except asyncio.CancelledError:
            take.lost = take.lost or _CUT_SHORT
            raise
        except Exception as error:  # noqa: BLE001  whatever it was: it is over, and why is its error
            if not isinstance(error, SonioxDSError):
                _log.exception("%s", take.audio_id)
            take.failure = error
        finally:
            take.is_over = True
            self.state = "lost" if take.lost else "failed" if take.error else "finished"
            take.ended.set()
            self._listen(self.listeners.ended, take)
            self._say_ended(take)

    def _say_ended(self, take: Take) -> None:
        text = take.lost or (None if take.error is None else self._said(take.error))
        message = {
            "type": "ended",
            "take": take.name,
            "text": text,
            "lost": take.lost is not None,
            "tokens": len(take.transcript.settled),
        }
        self._post(self._channel, message)
        if self._channel is not self.comm:
            self._post(self.comm, message)

    def _post(self, channel: Channel, message: Mapping[str, Any]) -> None:
        """Send a message. A channel that raises is logged once, and does not affect the recording."""
        try:
            channel.send(message)
        except Exception:  # noqa: BLE001
            if channel.name not in self._mute:
                _log.exception("nothing reaches the page over its %s", channel.name)
            self._mute.add(channel.name)
        else:
            self._mute.discard(channel.name)

    def _listen(self, listener: Callable[..., object], *arguments: Any) -> None:
        try:
            listener(*arguments)
        except Exception as error:  # noqa: BLE001  the recording goes on; page and log are told
            self._tell_trouble("a listener", error, self._channel)

    def _tell_trouble(self, subject: str, error: Exception, channel: Channel) -> None:
        _log.error("%s", subject, exc_info=error)
        self._post(channel, {"type": "trouble", "text": self._hidden(f"{type(error).__name__}: {error}")})

    def _said(self, error: Exception) -> str:
        """Describe an error for the page. Errors of other packages include their type."""
        text = str(error) if isinstance(error, SonioxDSError) else f"{type(error).__name__}: {error}"
        return self._hidden(text)

    def _hidden(self, text: str) -> str:
        return self.connection.api_key.hide_in(text)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s of the microphone", task.get_coro(), exc_info=error)


def _plain(token: LiveToken) -> dict[str, Any]:
    """Return the parts of a token that are drawn."""
    shown = {
        "text": token.text,
        "start_ms": token.start_ms,
        "speaker": token.speaker,
        "language": token.language,
        "is_translation": token.is_translation or None,
    }
    return {name: value for name, value in shown.items() if value is not None}
