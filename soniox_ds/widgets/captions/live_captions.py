"""``sx.LiveCaptions``: a recording played in a cell, with captions as for live speech.

Conventions: the recording is decoded in the kernel. The browser gets it as Ogg Opus when the widget is shown, in a
message and not in a trait, so that a saved notebook does not contain it. The original samples are transcribed.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from functools import partial
from typing import Any, Unpack

import anywidget
import pandas as pd
import traitlets

from soniox_ds._arguments import check_choice
from soniox_ds._background import event_loop, submit
from soniox_ds._display import clock
from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import InputError
from soniox_ds.files.audio_excerpts import opus
from soniox_ds.live.audio_sources import RATE, RAW, decoded, is_recording
from soniox_ds.live.replay import tokens_table
from soniox_ds.live.result import LiveResult
from soniox_ds.live.transcript import Segment
from soniox_ds.options import LiveOptions
from soniox_ds.options.keywords import check_keywords, list_options
from soniox_ds.options.live import LiveKeywords
from soniox_ds.schema import LIVE_TOKENS, empty
from soniox_ds.widgets._assets import source as asset
from soniox_ds.widgets._kernel import obey_front_end
from soniox_ds.widgets.captions.grouping import GROUPS
from soniox_ds.widgets.captions.playback import BYTES_PER_MS, Playback, shown
from soniox_ds.widgets.captions.still import still_html, still_text
from soniox_ds.widgets.still import Still

__all__ = ["LiveCaptions", "LiveCaptionsWidget"]

_log = logging.getLogger(__name__)

LONGEST_MS = 60 * 60_000
"""Longest recording that is sent to a page."""


class LiveCaptionsWidget(anywidget.AnyWidget):
    """The ipywidget of `LiveCaptions`."""

    _esm = asset("keyboard_focus.js", "captions/captions.js", "captions/caption_tools.js", "captions/live_captions.js")
    _css = asset("captions/captions.css", "captions/live_captions.css", "still.css")
    settings = traitlets.Dict().tag(sync=True)


class LiveCaptions:
    """Play a recording in the notebook while it is transcribed live, to judge real time by eye and ear.

    Parameters
    ----------
    source
        The path or the bytes of one recording of at most an hour.
    **options
    connection
        Key and address; by default from the environment.
    audio_id
        Name of the recording in the tables; by default its path.
    group_by
        The order of the captions, which can be changed in the widget: ``"utterance"``, ``"speaker"`` or
        ``"language"``; see `Microphone`.

    Raises
    ------
    SourceError
        If the recording cannot be read.
    InputError
        If the recording is too long, or an option is wrong.
    SetupError
        Without a key.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> recording = sx.io.samples_folder() / "market_stall.wav"
    >>> with sx.local_service("scripted"):
    ...     captions = sx.LiveCaptions(recording, enable_endpoint_detection=True, audio_id="market stall")
    >>> captions
    LiveCaptions(market stall, 0:05, not played yet)
    """

    def __init__(
        self,
        source: Any,
        *,
        connection: Connection | None = None,
        audio_id: str | None = None,
        group_by: str = "utterance",
        **options: Unpack[LiveKeywords],
    ) -> None:
        check_keywords(LiveCaptions, options)
        check_choice(group_by, "group_by", GROUPS)
        if not is_recording(source):
            raise InputError(
                f"LiveCaptions needs the path or the bytes of one recording, found {type(source).__name__}"
            )
        self.options = LiveOptions(**options, **RAW)
        self.connection = connection or Connection()
        self.audio_id = audio_id or (os.fspath(source) if isinstance(source, str | os.PathLike) else "recording")
        self._samples = b"".join(decoded(source))
        self.duration_ms = len(self._samples) / BYTES_PER_MS
        if self.duration_ms > LONGEST_MS:
            raise InputError(
                f"{self.audio_id} lasts {clock(self.duration_ms)}; LiveCaptions plays recordings of at most "
                f"{clock(LONGEST_MS)}. sx.stream(...) transcribes longer recordings, without playing them"
            )
        self._audio: bytes | None = None
        self._playback: Playback | None = None
        self._still = Still(self._picture)
        self._over = asyncio.Event()
        self._closed = False
        self.widget = LiveCaptionsWidget(
            settings={
                "title": self.audio_id,
                "duration_ms": self.duration_ms,
                "service": self.connection.service,
                "groups": GROUPS,
                "group_by": group_by,
            }
        )
        """The ipywidget."""
        obey_front_end(self.widget.comm)
        self.widget.on_msg(self._heard)

    # results ----------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """``"idle"`` before the first playing; then the state of the session, such as ``"open"`` or ``"finished"``."""
        return "idle" if self._playback is None else self._playback.session.state

    @property
    def tokens(self) -> pd.DataFrame:
        """``schema.LIVE_TOKENS`` of the latest playing, also while it is going on."""
        if self._playback is None:
            return empty(LIVE_TOKENS)
        return tokens_table(list(self._playback.transcript.settled), self.audio_id)

    @property
    def text(self) -> str:
        """Settled text of the latest playing."""
        return "" if self._playback is None else self._playback.transcript.text.strip()

    @property
    def segments(self) -> list[Segment]:
        """Utterances of the latest playing, each with its translation."""
        return [] if self._playback is None else self._playback.transcript.segments

    def result(self) -> LiveResult:
        """Return the tables of the latest playing. Raises InputError if the recording was not played yet."""
        if self._playback is None:
            raise InputError("the recording was not played yet: show the widget and press Play")
        return self._playback.result()

    async def until_ended(self) -> LiveResult:
        """Wait until a playing has ended and is settled, and return `result`. Raises the error that made it fail."""
        await asyncio.wrap_future(submit(self._until_over()))
        assert self._playback is not None
        if self._playback.error is not None:
            raise self._playback.error
        return self.result()

    # showing ----------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        words = len(self.text.split())
        progress = "not played yet" if self._playback is None else f"{self.state}, {words} words"
        return f"LiveCaptions({self.audio_id}, {clock(self.duration_ms)}, {progress})"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        bundle = self.widget._repr_mimebundle_()
        data = dict(bundle[0] if isinstance(bundle, tuple) else bundle or {})
        return data | self._picture()

    def _ipython_display_(self) -> None:
        self._still.display("Live captions", self._repr_mimebundle_())

    def _picture(self) -> dict[str, str]:
        segments = self.segments
        return {"text/plain": still_text(repr(self), segments), "text/html": still_html(repr(self), segments)}

    def close(self) -> None:
        """End the playing, and remove the widget from the page. The results stay available."""
        submit(self._end()).result()
        self.widget.close()

    # inside -----------------------------------------------------------------------------------------------------------

    def _heard(self, widget: LiveCaptionsWidget, content: Mapping[str, Any], buffers: list[Any]) -> None:
        event_loop().call_soon_threadsafe(self._on_message, content)

    def _on_message(self, content: Mapping[str, Any]) -> None:
        kind, playback = content.get("type"), self._playback
        running = playback is not None and not playback.is_over
        if kind == "hello":
            submit(self._welcome())
        elif kind == "play" and not running and not self._closed:
            self._play()
        elif playback is not None and running:
            if kind == "at":
                playback.played(float(content["ms"]))
            elif kind == "pause":
                playback.pause()
            elif kind in ("stop", "ended"):
                if kind == "ended":
                    playback.played(self.duration_ms)
                playback.stop()

    async def _welcome(self) -> None:
        """Send the sound and the captions so far to a page that shows the widget."""
        if self._audio is None:
            self._audio = await asyncio.to_thread(partial(opus, self._samples, RATE))
        self.widget.send({"type": "audio"}, [self._audio])
        playback = self._playback
        if playback is not None:
            self._send(
                {
                    "type": "so_far",
                    "settled": [shown(token) for token in playback.transcript.settled],
                    "ends": playback.transcript.ends,
                    "pending": [],
                    "state": playback.session.state,
                }
            )
            playback.lose_page()  # another page shows the widget now

    def _play(self) -> None:
        """Start without waiting, so that a second view that asks for it cannot start it again."""
        self._over.clear()
        self._playback = Playback(
            self._samples,
            self.options,
            self.connection,
            audio_id=self.audio_id,
            send=self._send,
            settled=self._still.grown,
            ended=self._note_end,
        )
        self._playback.begin()

    def _note_end(self) -> None:
        self._over.set()
        submit(self._show_the_end())

    async def _show_the_end(self) -> None:
        try:
            await self._still.finish()
        except Exception:  # noqa: BLE001  it is logged, and the transcript is not affected
            _log.exception("the notebook's output does not show what was said in %s", self.audio_id)

    def _send(self, message: Mapping[str, Any]) -> None:
        if self.widget.comm is None:
            return
        try:
            self.widget.send(dict(message))
        except Exception:  # noqa: BLE001  it is logged, and the transcript is not affected
            _log.exception("%r does not reach the page", message["type"])

    async def _until_over(self) -> None:
        await self._over.wait()

    async def _end(self) -> None:
        self._closed = True
        if self._playback is not None:
            await self._playback.over()


list_options(LiveCaptions, LiveOptions, LiveKeywords.__optional_keys__)
