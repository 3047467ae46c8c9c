"""A static view whose words can be heard: the HTML of a transcript, an alignment or a concordance, and a player.

Conventions: the HTML comes from a template that escapes all text of data. Each element that can be heard has an
attribute ``data-span`` with start and end in milliseconds, and it or an element around it has ``data-audio`` with the
number of its recording among `audio_ids`. Elements that begin a stretch, such as the label of a speaker, are buttons.
The page asks for the HTML when it is shown (``start``) and for clips when they are to be heard (``clip``). Until the
HTML arrives, for instance while a long cell runs, the static view stays in sight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import traitlets

from soniox_ds._display import render
from soniox_ds.exceptions import InputError
from soniox_ds.files.sounds import LONGEST_MS, Sounds
from soniox_ds.widgets._assets import source
from soniox_ds.widgets.player.clips import answer_clip
from soniox_ds.widgets.still import StillWidget

__all__ = ["SpokenView"]


class SpokenView(StillWidget):
    """A view that can be heard, with the static view beside it for notebooks without a kernel.

    Parameters
    ----------
    name
        Name of the view, such as "Transcript", for screen readers.
    audio_ids
        The recordings of the view.
    static
        Function that returns the static view: its HTML and its plain text.
    with_spans
        Function that returns the same HTML with the attributes of what can be heard.
    sounds
        The audio.
    """

    _esm = source("keyboard_focus.js", "player/clip_player.js", "player/spoken_items.js", "player/spoken_view.js")
    _css = source("player/spoken_view.css", "still.css")
    settings = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        name: str,
        audio_ids: Sequence[str],
        *,
        static: Callable[[], tuple[str, str]],
        with_spans: Callable[[], str],
        sounds: Sounds,
    ) -> None:
        self._title = name
        self._audio_ids = list(audio_ids)
        self._static = static
        self._with_spans = with_spans
        self._sounds = sounds
        super().__init__(settings={"name": name, "longest_ms": LONGEST_MS})
        self.on_msg(self._answer)

    def __repr__(self) -> str:
        return self._static()[1]

    def _picture(self) -> dict[str, str]:
        html, text = self._static()
        return {"text/plain": text, "text/html": render("widgets/player/still.html.j2", html=html)}

    def _answer(self, _: Any, content: Any, buffers: Any) -> None:
        kind = content.get("type") if isinstance(content, dict) else None
        answer: dict[str, Any]
        audio: list[bytes] = []
        if kind == "start":
            answer = {"html": self._with_spans(), "audio_ids": self._audio_ids}
        elif kind == "clip":
            answer, audio = answer_clip(self._sounds, content)
        else:
            raise InputError(f"the view sent a message of an unknown type: {kind!r}")
        self.send({"type": kind, "view": content.get("view")} | answer, audio)
