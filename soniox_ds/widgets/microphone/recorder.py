"""Kernel side of a microphone: turns the messages of a page into recordings, and sends the results back.

Conventions: everything belongs to the background event loop; `heard` is called there. The page that begins a recording
(*take*) names it. All messages that shape a take are numbered items, which the page keeps until they are acknowledged.
Messages to the page may be lost and requested again (``sync``), except the beat, four times a second, which tells the
page that the kernel is alive. The newest page wins: if another page begins a recording, the previous recording ends.
Any error on the way (of a channel, a listener, a take) is logged and reported, and every take ends.

From the page: ``hello``, ``offer``, ``open``, ``item`` (``audio``, ``control``, ``event``, ``stop``), ``beat``,
``sync``, ``need_key``, ``leave`` (it is closed or loaded again), ``end`` (the page that records is to stop), ``clip``
(audio of a recording, see `soniox_ds.widgets.player.clips`), ``export`` (a file of the latest recording). The
messages to the page are in ``page_messages``, and ``page_closing`` decides when a page that says nothing is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import InputError, ServiceError, SonioxDSError
from soniox_ds.live.transcript import Update
from soniox_ds.options import LiveOptions
from soniox_ds.widgets._kernel import CellWatch
from soniox_ds.widgets.microphone import page_closing
from soniox_ds.widgets.microphone.buttons import ACTIONS
from soniox_ds.widgets.microphone.exports import export
from soniox_ds.widgets.microphone.kept_audio import KeptAudio
from soniox_ds.widgets.microphone.loopback import Channel, Loopback
from soniox_ds.widgets.microphone.page_closing import PAGE_GONE, PageWatch
from soniox_ds.widgets.microphone.page_messages import NotebookChannel, PageMessages
from soniox_ds.widgets.microphone.recovery import RecoveryStore
from soniox_ds.widgets.microphone.takes import DirectTake, ProxyTake, Take
from soniox_ds.widgets.microphone.temporary_keys import temporary_key
from soniox_ds.widgets.player.clips import answer_clip

__all__ = ["Listeners", "Recorder"]

_log = logging.getLogger(__name__)

_ANSWER_S = 3.0  # wait for the page that records, if another page has asked it to stop
_TAKES = {"proxy": ProxyTake, "direct": DirectTake}

_TAKEN_OVER = "another page started to record with this widget"
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
    comm: NotebookChannel
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
        self.page = PageMessages(self.comm, self.connection)
        self._kept_audio = KeptAudio(lambda: self.takes)
        self._ids: dict[str, Take] = {}
        self._inbox: asyncio.Queue[tuple[Mapping[str, Any], bytes, Channel]] = asyncio.Queue()
        self._server: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._page_watch: PageWatch | None = None  # of the take that is going on
        self._commands: list[str] = []

    # from the page ----------------------------------------------------------------------------------------------------

    def heard(self, message: Mapping[str, Any], data: bytes, channel: Channel) -> None:
        """Queue a message of a page. Messages are served one after the other."""
        if self.running is not None and self._page_watch is not None:
            self._page_watch.note_message(is_of_take=message.get("take") == self.running.name)
        if self._server is None:
            self._server = asyncio.create_task(self._serve(), name="microphone recorder")
        self._inbox.put_nowait((message, data, channel))

    def command(self, action: str) -> None:
        """Send a command to the page: a key of `ACTIONS`."""
        if self.shown:
            channel = self.page.channel if self.running is not None else self.comm
            self.page.send({"type": "command", "action": action}, channel)
        else:
            self._commands.append(action)

    @property
    def running(self) -> Take | None:
        """The take that is going on, or None."""
        return self.takes[-1] if self.takes and not self.takes[-1].is_over else None

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
                self.page.trouble(f"message {message.get('type')!r} of the page", error, channel)

    async def _handle(self, message: Mapping[str, Any], data: bytes, channel: Channel) -> None:
        kind = message.get("type")
        if kind == "hello":
            await self._greet(str(message["page"]), str(message["origin"]))
        elif kind == "offer":
            offer = await self._offer(str(message["origin"]))
            self.page.send({"type": "offered", "page": message["page"], "offer": offer}, channel)
        elif kind == "open":
            await self._open(message, channel)
        elif kind == "leave":
            take = self._ids.get(str(message["take"]))
            if take is not None and not take.is_finishing:
                take.lost = PAGE_GONE
                self._spawn(self._finish(take))
        elif kind == "end" and self.running is not None:
            self._spawn(self._end_for_another_page(self.running))
        elif kind == "need_key":
            self._spawn(self._hand_over_key(message, channel))
        elif kind == "clip":
            self._spawn(self._send_clip(message))
        elif kind == "export":
            self._spawn(self._send_export(message))
        elif kind in ("item", "sync"):
            take = self._ids.get(str(message["take"]))
            if take is None:
                self.page.send({"type": "ended", "take": message["take"], "text": PAGE_GONE, "lost": True}, channel)
            elif kind == "item":
                self._items(take, int(message["seq"]), message, data)
            else:
                self.page.update(take, int(message["have"]), take.transcript.pending, channel=channel)

    async def _greet(self, page: str, origin: str) -> None:
        self.shown = True
        commands, self._commands = self._commands, []
        if self._page_watch is not None:
            self._page_watch.has_rival = self.running is not None
        offer = await self._offer(origin)
        running = self.state if self.running is not None else None
        self.page.snapshot(page, self.takes, running=running, offer=offer, commands=commands)

    async def _offer(self, origin: str) -> dict[str, Any] | None:
        return await self.loopback.offer(origin, self.heard) if self.may_loopback else None

    async def _open(self, message: Mapping[str, Any], channel: Channel) -> None:
        """Begin a take, or continue it over another channel."""
        name, mode = str(message["take"]), str(message["mode"])
        take = self._ids.get(name)
        if take is None:
            if mode not in self.modes:
                raise ValueError(
                    f"the page requested mode {mode!r}; this widget allows {', '.join(sorted(self.modes))}"
                )
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
                message = {
                    "type": "ended",
                    "take": name,
                    "text": self.page.describe(error),
                    "lost": False,
                    "tokens": 0,
                }
                self.page.send(message, channel)
                raise
            self._ids[name] = take
            take.name = name
            self.takes.append(take)
            self.state = "recording"
            self._listen(self.listeners.begun, take)
            self._page_watch = PageWatch(take, self._set_state)
            self._spawn(self._watch(take, self._page_watch))
        self.page.channel = channel
        self.page.beat(take)

    def _items(self, take: Take, seq: int, message: Mapping[str, Any], data: bytes) -> None:
        if take.is_over:
            self.page.ended(take)
            return
        for item, sound in take.intake.take(seq, (message, data)):
            try:
                self._item(take, item, sound)
            except Exception as error:  # noqa: BLE001  those behind it are no worse; page and log are told
                self.page.trouble(f"item {item.get('kind')!r} of the page", error)

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

    async def _send_clip(self, message: Mapping[str, Any]) -> None:
        answer, audio = await asyncio.to_thread(answer_clip, self._kept_audio, message)
        self.page.send_file({"type": "clip", "page": message["page"], **answer}, audio)

    async def _send_export(self, message: Mapping[str, Any]) -> None:
        answer = {"type": "exported", "page": message["page"], "request": message["request"]}
        try:
            if not self.takes:
                raise InputError("nothing was recorded yet, so there is nothing to save")
            result = await asyncio.to_thread(self.takes[-1].result)
            file = await asyncio.to_thread(export, result, str(message["format"]))
        except Exception as error:  # noqa: BLE001  the reader is told, and what we did not foresee is logged
            if not isinstance(error, SonioxDSError):
                _log.error("a recording cannot be saved as a file", exc_info=error)
            self.page.send_file(answer | {"reason": self.page.describe(error)}, [])
        else:
            self.page.send_file(answer | {"name": file.name, "mime": file.mime}, [file.content])

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
                answer |= {"type": "no_key", "text": self.page.without_key(str(error)), "again": again}
        self.page.send(answer, channel)

    # a take that goes on ----------------------------------------------------------------------------------------------

    def _updated(self, take: Take, update: Update) -> None:
        if take.mode == "proxy":
            have = len(take.transcript.settled) - len(update.settled)
            self.page.update(take, have, update.pending, is_endpoint=update.is_endpoint)
        self._listen(self.listeners.updated, take, update)

    def _stated(self, take: Take, state: str) -> None:
        if not take.is_over:
            self.page.send({"type": "state", "take": take.name, "state": state})
            if state == "failed":
                self._spawn(self._finish(take))

    def _set_state(self, state: str) -> None:
        self.state = state

    async def _watch(self, take: Take, page_watch: PageWatch) -> None:
        """Send beats while a take goes on, and end the take if its page is gone."""
        gap_s = 0.0
        while not take.is_over:
            await asyncio.sleep(page_closing.TICK_S)
            self.page.beat(take)
            gap_s = gap_s + page_closing.TICK_S if take.intake.has_gap else 0.0
            if gap_s > 1.0:
                self.page.send({"type": "missing", "take": take.name, "next": take.intake.next})
                gap_s = 0.0
            if self.state == "finishing":
                continue
            # Over the notebook's own connection, nothing arrives while a cell runs. This does not count as silence.
            is_blocked = self.page.is_over_comm and self.cells.is_busy()
            if page_watch.is_gone(self.page.channel, is_blocked=is_blocked, is_recording=self.state == "recording"):
                take.lost = PAGE_GONE
                self._spawn(self._finish(take))

    # the end of a take ------------------------------------------------------------------------------------------------

    async def _end_for_another_page(self, take: Take) -> None:
        """Ask the page that records to stop, and end the take anyway if it does not answer."""
        self.page.send({"type": "command", "action": "stop"})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER_S):
                await take.ended.wait()
        if not take.is_finishing:
            take.lost = PAGE_GONE
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
            self.page.ended(take)

    def _listen(self, listener: Callable[..., object], *arguments: Any) -> None:
        try:
            listener(*arguments)
        except Exception as error:  # noqa: BLE001  the recording goes on; page and log are told
            self.page.trouble("a listener", error)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s of the microphone", task.get_coro(), exc_info=error)
