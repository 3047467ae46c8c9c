"""``sx.Microphone``: live captions of the microphone in a cell, with the results as tables.

Conventions: the browser records. Each recording, from Start to Stop, is a row of ``result().recordings`` with its own
``audio_id``. Everything asynchronous runs on the package's background event loop. Handlers of the notebook only pass
messages to it, so that no running cell and no slow callback delays the audio.
"""

from __future__ import annotations

import asyncio
import logging
import os
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Unpack

import anywidget
import numpy as np
import numpy.typing as npt
import pandas as pd
import traitlets

from soniox_ds._arguments import check_choice, check_number
from soniox_ds._background import event_loop, submit
from soniox_ds._display import clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.prices import LIVE_USD_PER_HOUR
from soniox_ds.batch.journal import default_path
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.exceptions import InputError, RecordingsFailedWarning, SetupError
from soniox_ds.files.sounds import LONGEST_MS
from soniox_ds.live.replay import tokens_table
from soniox_ds.live.result import LiveResult
from soniox_ds.live.transcript import Segment, Update
from soniox_ds.options import LiveOptions
from soniox_ds.options.keywords import check_keywords, list_options
from soniox_ds.options.live import LiveKeywords
from soniox_ds.schema import LIVE_TOKENS, empty
from soniox_ds.widgets._assets import source
from soniox_ds.widgets._kernel import CellWatch, kernel_version, obey_front_end
from soniox_ds.widgets.captions.grouping import GROUPS
from soniox_ds.widgets.captions.still import still_html, still_text
from soniox_ds.widgets.microphone.callbacks import Callbacks
from soniox_ds.widgets.microphone.constants import page_constants
from soniox_ds.widgets.microphone.exports import EXPORTS
from soniox_ds.widgets.microphone.loopback import Loopback
from soniox_ds.widgets.microphone.recorder import Listeners, Recorder
from soniox_ds.widgets.microphone.recordings import save_recording, with_distinct_ids, write_wav
from soniox_ds.widgets.microphone.recovery import RecoveryStore
from soniox_ds.widgets.microphone.takes import RATE, Take
from soniox_ds.widgets.still import Still

__all__ = ["SCRIPTS", "Microphone", "MicrophoneWidget"]

SCRIPTS = (
    "microphone/constants.js",
    "microphone/resume.js",
    "microphone/transcript.js",
    "keyboard_focus.js",
    "player/clip_player.js",
    "player/spoken_items.js",
    "captions/captions.js",
    "captions/caption_tools.js",
    "captions/caption_playback.js",
    "microphone/audio_capture.js",
    "microphone/awake_timer.js",
    "microphone/kernel_channels.js",
    "microphone/direct_session.js",
    "microphone/page_closing.js",
    "microphone/recorder.js",
    "microphone/page_elements.js",
    "microphone/microphone.js",
)
"""The JavaScript files of the page, in the order in which they are joined."""

_MODES = {"auto": frozenset({"proxy", "direct"}), "proxy": frozenset({"proxy"}), "direct": frozenset({"direct"})}
_TRANSPORTS = ("auto", "comm", "loopback")

_log = logging.getLogger(__name__)
_microphones: weakref.WeakSet[Microphone] = weakref.WeakSet()  # all microphones of this process


class MicrophoneWidget(anywidget.AnyWidget):
    """The ipywidget of a `Microphone`, which can be put into boxes. It holds settings, but no results."""

    _esm = source(*SCRIPTS)
    _css = source("captions/captions.css", "captions/caption_playback.css", "microphone/microphone.css", "still.css")
    settings = traitlets.Dict().tag(sync=True)


class _Comm:
    """The notebook's own connection to its pages."""

    name = "comm"

    def __init__(self, widget: MicrophoneWidget) -> None:
        self._widget = widget

    def send(self, message: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> None:
        if self._widget.comm is not None:
            self._widget.send(dict(message), list(buffers))


class Microphone:
    """Transcribe this computer's microphone in the notebook, live.

    Put it on the last line of a cell, press Start and speak.

    Parameters
    ----------
    mode
        Route of the audio. ``"proxy"``: from the browser to this kernel, and on to the service. ``"direct"``: from the
        browser to the service, with a temporary key; the browser passes the results to the kernel. ``"auto"``: direct
        if a temporary key can be made and the browser reaches the service, otherwise proxy. The widget shows the route.
        The real key never leaves the kernel.
    transport
        Connection between browser and kernel. ``"loopback"``: a websocket of its own, which works while a cell is
        running; it needs both on one machine, or jupyter-server-proxy. ``"comm"``: the notebook's own connection.
        ``"auto"``: loopback if it can be opened, otherwise comm.
    keep_audio
        Keep the audio in this kernel's memory (115 MB for an hour), for `audio` and `save_wav`.
    chunk_ms
        Milliseconds of audio in one message, 20 to 1000.
    on_segment
        Called with each `Segment` (an utterance up to its endpoint) when it is settled, its translation included.
    on_update
        Called with each `Update`. Both are called in a thread, one call after the other.
    **options
    connection
        Key and address; by default from the environment.
    save_to
        A folder to which every recording is written: its tables (see `LiveResult.save`) and, with `keep_audio`, a WAV
        file. A recording that the end of the kernel interrupted is written there by the next microphone with this
        folder. Without a folder, recordings that were not read are in `recovered` of the next microphone.
    group_by
        The order of the captions, which can be changed in the widget. ``"utterance"``: as they were said, each with its
        translation. ``"speaker"``: all captions of a speaker together. ``"language"``: all captions in a language
        together, those that were said in it and the translations into it.

    Raises
    ------
    SetupError
        Without a key.
    InputError
        If an option is wrong.

    Notes
    -----
    See docs/microphone.md for permissions, remote kernels, the data that leaves the machine, and the cost.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted"):
    ...     mic = sx.Microphone(language_hints=["en"], enable_endpoint_detection=True)
    ...     mic.state, mic.text, len(mic.tokens)
    ('idle', '', 0)
    """

    def __init__(
        self,
        *,
        mode: str = "auto",
        transport: str = "auto",
        keep_audio: bool = True,
        chunk_ms: int = 100,
        on_segment: Callable[[Segment], object] | None = None,
        on_update: Callable[[Update], object] | None = None,
        connection: Connection | None = None,
        save_to: str | os.PathLike[str] | None = None,
        group_by: str = "utterance",
        **options: Unpack[LiveKeywords],
    ) -> None:
        _check(mode, transport, chunk_ms)
        check_choice(group_by, "group_by", GROUPS)
        check_keywords(Microphone, options)
        self.options = LiveOptions(**options, audio_format="pcm_s16le", sample_rate=RATE, num_channels=1)
        self.connection = connection or Connection()
        self.keep_audio = keep_audio
        self.save_to = None if save_to is None else Path(save_to)
        if self.save_to is not None:
            self.save_to.mkdir(parents=True, exist_ok=True)
        is_local = self.connection.service == "local"
        self.widget = MicrophoneWidget(
            settings={
                "mode": mode,
                "transport": transport,
                "keep_audio": keep_audio,
                "chunk_ms": chunk_ms,
                "service": self.connection.service,
                "usd_per_hour": None if is_local else LIVE_USD_PER_HOUR,
                "constants": page_constants(),
                "groups": GROUPS,
                "group_by": group_by,
                "exports": EXPORTS,
                "longest_clip_ms": LONGEST_MS,
            }
        )
        """The ipywidget, to be combined with others: ``HBox([mic.widget, ...])``."""
        self._comm = _Comm(self.widget)
        self._recovery_store = RecoveryStore(
            default_path().with_name("microphone") if self.save_to is None else self.save_to / "unfinished",
            keep_audio=keep_audio and self.save_to is not None,
            trouble=self._trouble,
        )
        self._take_up_what_was_left_behind()
        self._recorder = Recorder(
            options=self.options,
            connection=self.connection,
            comm=self._comm,
            loopback=_loopback(os.getpid()),
            cells=_cell_watch(os.getpid()),
            modes=_MODES[mode],
            may_loopback=transport != "comm",
            keep_audio=keep_audio,
            recovery_store=self._recovery_store,
            listeners=Listeners(begun=self._begun, updated=self._updated, ended=self._ended),
        )
        self._callbacks = Callbacks(
            on_segment, on_update, translates=self.options.translation is not None, failed=self._trouble
        )
        self._changed: asyncio.Event = asyncio.Event()
        self._saving: set[asyncio.Task[None]] = set()
        self._unsaved: Exception | None = None  # why the latest recording was not written
        self._still = Still(self._picture)
        obey_front_end(self.widget.comm)
        self.widget.on_msg(self._pass_on)
        _microphones.add(self)

    # results ----------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """``"idle"``, ``"recording"``, ``"paused"``, ``"finishing"``; then ``"finished"``, ``"failed"`` or ``"lost"``
        (the page was closed or cut off)."""
        return self._recorder.state

    @property
    def tokens(self) -> pd.DataFrame:
        """``schema.LIVE_TOKENS``: all tokens settled so far, also during a recording."""
        takes = self._read()
        tables = [tokens_table(list(take.transcript.settled), take.audio_id) for take in takes]
        return pd.concat(tables, ignore_index=True) if tables else empty(LIVE_TOKENS)

    @property
    def text(self) -> str:
        """Settled text so far, spaced as `soniox_ds.texts` spaces it, one line for each recording."""
        return _text(self._read())

    @property
    def segments(self) -> list[Segment]:
        """Utterances so far, each with its translation. The last one may be open."""
        return _segments(self._read())

    @property
    def log(self) -> pd.DataFrame:
        """``schema.LIVE_LOG``: every event, with its time."""
        return self.result().log

    def result(self) -> LiveResult:
        """Return all recordings so far: ``recordings``, ``tokens``, ``updates``, ``log``, ``save(folder)``.

        Raises InputError if nothing was recorded yet.
        """
        takes = self._read()
        if not takes:
            raise InputError("nothing was recorded yet: show the widget, press Start, and speak")
        return LiveResult.concat([take.result() for take in takes])

    def corpus(self) -> Corpus:
        """Return the same results as a corpus. Raises as `result`."""
        return self.result().corpus()

    @property
    def audio(self) -> npt.NDArray[np.float32]:
        """Return the latest recording: samples from -1 to 1, 16,000 per second, without the pauses.

        Raises InputError if there is no recording, or if its audio was not kept.
        """
        samples: npt.NDArray[np.float32] = np.frombuffer(self._kept(None), "<i2").astype(np.float32)
        return samples / np.float32(32_768)

    def save_wav(self, path: str | os.PathLike[str], audio_id: str | None = None) -> Path:
        """Write a recording, by default the latest, as a WAV file. Raises as `audio`."""
        return write_wav(Path(path), self._kept(audio_id))

    @property
    def recovered(self) -> LiveResult:
        """Return recordings that were neither saved nor read in the microphone that made them.

        They are recordings of earlier microphones of this kernel (if the cell was run again), and recordings of the
        last 30 days on this machine whose kernel has ended, if `save_to` was not given. The settled results are in
        ``tokens`` and ``log``; ``save(folder)`` keeps them. Raises InputError if there are none.
        """
        recordings = [(recording.streamed, recording.begun_at) for recording in self._recovery_store.broken_off()]
        recordings += [(take.result(), take.begun_at) for take in self._left_in_this_kernel()]
        if not recordings:
            raise InputError("there is no recording to recover: all were read, or saved, or are older than 30 days")
        return LiveResult.concat(with_distinct_ids(sorted(recordings, key=lambda recording: recording[1])))

    async def until_stopped(self) -> LiveResult:
        """Wait until the recording has ended, is settled and written to `save_to`, and return `result`.

        If there was no recording yet, it waits for the first one. Raises the error that made the recording fail or kept
        it from being written; `result` has the settled results even then.
        """
        running = self._recorder.running
        version = kernel_version()
        if running is not None and version is not None and version < 7 and self._recorder.page.is_over_comm:
            raise SetupError(
                "this kernel (ipykernel 6) receives no audio from the notebook while a cell waits. Read mic.tokens in "
                "the next cell after Stop, update ipykernel to 7, or use transport='loopback'"
            )
        await asyncio.wrap_future(submit(self._until_over()))
        error = self._takes[-1].error or self._unsaved
        if error is not None:
            raise error
        return self.result()

    # controls ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start recording as soon as the widget is shown. The browser may ask for permission."""
        self._command("start")

    def stop(self) -> None:
        """Stop recording. The rest is settled a moment later (`until_stopped`)."""
        self._command("stop")

    def pause(self) -> None:
        """Settle everything so far, and record nothing until `resume`."""
        self._command("pause")

    def resume(self) -> None:
        """Record again after `pause`."""
        self._command("resume")

    def finalize(self) -> None:
        """Settle everything so far at once."""
        self._command("finalize")

    def close(self) -> None:
        """End the recording, and remove the widget from the page. The results stay available."""
        submit(self._end()).result()
        self._callbacks.close()
        self.widget.close()

    # showing ----------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        takes = self._takes
        audio_ms = sum(take.audio_ms for take in takes)
        words = len(_text(takes).split())
        recorded = (
            f", {len(takes)} recording{'s' * (len(takes) != 1)}, {clock(audio_ms)}, {words} words" if takes else ""
        )
        return f"Microphone({self.state}{recorded}, service {self.connection.service})"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        shown = self.widget._repr_mimebundle_()
        data = dict(shown[0] if isinstance(shown, tuple) else shown or {})
        return data | self._picture()

    def _ipython_display_(self) -> None:
        self._still.display("Microphone", self._repr_mimebundle_())

    def _picture(self) -> dict[str, str]:
        segments = _segments(self._takes)
        return {"text/plain": still_text(repr(self), segments), "text/html": still_html(repr(self), segments)}

    # inside -----------------------------------------------------------------------------------------------------------

    @property
    def _takes(self) -> list[Take]:
        return list(self._recorder.takes)

    def _read(self) -> list[Take]:
        """Return the recordings so far, and mark the finished ones as read unless they are to be saved."""
        takes = self._takes
        for take in takes:
            if take.is_over and not take.is_kept_elsewhere and self.save_to is None:
                take.is_kept_elsewhere = True
                if take.safe is not None:
                    event_loop().call_soon_threadsafe(take.safe.forget)
        return takes

    def _left_in_this_kernel(self) -> list[Take]:
        """Return the recordings of other microphones of this process that were not read yet."""
        return [
            take
            for other in list(_microphones)
            if other is not self and other.save_to is None
            for take in other._takes
            if not take.is_kept_elsewhere and take.transcript.settled
        ]

    def _kept(self, audio_id: str | None) -> bytes:
        if not self.keep_audio:
            raise InputError("the audio was not kept; create the widget with keep_audio=True")
        takes = [take for take in self._takes if audio_id is None or take.audio_id == audio_id]
        if not takes:
            names = ", ".join(take.audio_id for take in self._takes) or "none yet"
            raise InputError(f"there is no recording {audio_id or ''}; the recordings are {names}")
        return bytes(takes[-1].kept)

    def _pass_on(self, widget: MicrophoneWidget, content: Mapping[str, Any], buffers: list[Any]) -> None:
        data = b"".join(bytes(buffer) for buffer in buffers)
        event_loop().call_soon_threadsafe(self._recorder.heard, content, data, self._comm)

    def _command(self, action: str) -> None:
        event_loop().call_soon_threadsafe(self._recorder.command, action)

    def _begun(self, take: Take) -> None:
        self._callbacks.begun()
        self._unsaved = None
        self._changed.set()

    def _updated(self, take: Take, update: Update) -> None:
        self._callbacks.updated(take, update)
        if update.settled or update.is_endpoint:
            self._still.grown(is_endpoint=update.is_endpoint)

    def _ended(self, take: Take) -> None:
        task = asyncio.get_running_loop().create_task(self._put_away(take), name=f"saving {take.audio_id}")
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)
        self._changed.set()
        self._callbacks.ended(take)

    async def _put_away(self, take: Take) -> None:
        try:
            result = await asyncio.to_thread(take.result)
            if take.safe is not None:
                row = result.recordings.iloc[0]
                take.safe.end(*(None if pd.isna(value) else value for value in row[["error_type", "error_message"]]))
            if self.save_to is not None:
                sound = bytes(take.kept) if self.keep_audio else b""
                await asyncio.to_thread(save_recording, result, self.save_to, take.begun_at, sound)
                take.is_kept_elsewhere = True
            if take.safe is not None and (take.is_kept_elsewhere or not len(result.tokens)):
                take.safe.forget()
        except Exception as error:  # noqa: BLE001  of disks and tables there are many: note, log and until_stopped tell
            _log.exception("%s was not saved", take.audio_id)
            if take.safe is not None:
                take.safe.close()  # the file stays: the next microphone with this folder tries again
            error.add_note(f"{take.audio_id} was not saved to {self.save_to}; its results are in mic.result().")
            self._unsaved = error
            self._trouble(f"{take.audio_id} was not saved: {type(error).__name__}: {error}")
        try:
            await self._still.finish()
        except Exception:  # noqa: BLE001  the recording is kept
            _log.exception("the notebook's output does not show what was said in %s", take.audio_id)

    async def _end(self) -> None:
        await self._recorder.close()
        await self._all_put_away()

    async def _all_put_away(self) -> None:
        if self._saving:
            await asyncio.wait(list(self._saving))

    def _take_up_what_was_left_behind(self) -> None:
        for recording in self._recovery_store.broken_off():
            if self.save_to is None and recording.streamed.tokens.empty:
                self._recovery_store.forget(recording)
                continue
            end = (
                "was neither read nor saved before its kernel ended" if recording.has_ended else "ended with its kernel"
            )
            sentence = (
                f"a recording of {_moment(recording.begun_at)} {end}; {_words(recording.streamed.text)} were settled"
            )
            if self.save_to is not None:
                kept = save_recording(recording.streamed, self.save_to, recording.begun_at, recording.pcm)
                self._recovery_store.forget(recording)
                warnings.warn(f"{sentence} and are in {kept}", RecordingsFailedWarning, stacklevel=3)
            elif recording.is_news:
                self._recovery_store.tell(recording)
                warnings.warn(f"{sentence} and are in mic.recovered", RecordingsFailedWarning, stacklevel=3)
        for take in self._left_in_this_kernel():
            if not take.was_told:
                take.was_told = True
                end = "was neither read nor saved" if take.is_over else "has not ended yet"
                warnings.warn(
                    f"a recording of {_moment(take.begun_at)} by another microphone of this kernel {end}; "
                    f"{_words(take.transcript.text)} were settled and are in mic.recovered",
                    RecordingsFailedWarning,
                    stacklevel=3,
                )

    def _trouble(self, text: str) -> None:
        event_loop().call_soon_threadsafe(self._comm.send, {"type": "trouble", "text": text})

    async def _until_over(self) -> None:
        while not self._recorder.takes or self._recorder.running is not None:
            self._changed.clear()
            await self._changed.wait()
        await self._all_put_away()


list_options(Microphone, LiveOptions, LiveKeywords.__optional_keys__)


def _text(takes: Sequence[Take]) -> str:
    return "\n".join(take.transcript.text for take in takes)


def _segments(takes: Sequence[Take]) -> list[Segment]:
    return [segment for take in takes for segment in take.transcript.segments]


def _moment(begun_at: datetime) -> str:
    return f"{begun_at:%Y-%m-%d %H:%M} UTC"


def _words(text: str) -> str:
    words = len(text.split())
    return f"{words} word{'s' * (words != 1)}"


def _check(mode: str, transport: str, chunk_ms: int) -> None:
    if mode not in _MODES:
        raise InputError(f"mode is {mode!r}; it is {', '.join(_MODES)}")
    if transport not in _TRANSPORTS:
        raise InputError(f"transport is {transport!r}; it is {', '.join(_TRANSPORTS)}")
    check_number(chunk_ms, "chunk_ms", whole=True, least=20, most=1000)


@cache
def _loopback(process: int) -> Loopback:
    return Loopback()


@cache
def _cell_watch(process: int) -> CellWatch:
    return CellWatch()
