"""Static HTML beside a widget, which a saved notebook shows without a kernel.

Conventions: a notebook stores a widget as a name that only the kernel that made it can resolve. The static picture is
an output of its own, an HTML fragment that extends ``still.html.j2``. It is redrawn while the widget lives, and the
style sheet ``still.css`` hides it beside the live widget.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import anywidget

__all__ = ["Still", "StillWidget"]

_SELDOM_S = 5.0  # seconds between two pictures while no utterance ends
_BYTES_PER_S = 50_000  # average size of the pictures that are sent to the page


class Still:
    """The static picture of a widget.

    Parameters
    ----------
    picture
        Function that returns the picture as a mime bundle, ``text/html`` and ``text/plain``; called in any thread.
    """

    def __init__(self, picture: Callable[[], Mapping[str, str]]) -> None:
        self._picture = picture
        self._display_id: str | None = None
        self._renewed_s = float("-inf")
        self._pause_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._drawing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def display(self, name: str, widget: Mapping[str, Any]) -> None:
        """Show a widget (its mime bundle), with the picture below it."""
        from IPython.display import display

        self._display_id = self._display_id or secrets.token_hex(8)
        live = {kind: content for kind, content in widget.items() if kind != "text/html"}
        live["text/plain"] = f"{name}: a live widget, which is shown only while its kernel is running"
        display(live, raw=True)  # type: ignore[no-untyped-call]  # IPython has no types there
        display(dict(self._picture()), raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def renew(self) -> None:
        """Redraw the picture wherever it is shown."""
        if self._display_id is None:
            return
        from IPython.display import update_display

        picture = dict(self._picture())
        self._pause_s = len(picture["text/html"]) / _BYTES_PER_S
        update_display(picture, raw=True, display_id=self._display_id)  # type: ignore[no-untyped-call]

    def grown(self, *, is_endpoint: bool) -> None:
        """Redraw the picture soon, because there is more to show. Belongs to the event loop."""
        if self._display_id is None:
            return
        loop = asyncio.get_running_loop()
        due_s = self._renewed_s + max(self._pause_s, 0.0 if is_endpoint else _SELDOM_S)
        if self._timer is not None:
            if self._timer.when() <= due_s:
                return
            self._timer.cancel()
        self._timer = loop.call_at(max(due_s, loop.time()), self._begin)

    async def finish(self) -> None:
        """Draw the last picture. Belongs to the event loop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        async with self._drawing:
            await asyncio.to_thread(self.renew)

    def _begin(self) -> None:
        self._timer = None
        self._renewed_s = asyncio.get_running_loop().time()
        task = asyncio.create_task(self.finish(), name="still picture")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class StillWidget(anywidget.AnyWidget):
    """A widget that a notebook shows with its static picture below it. A subclass has `_title` and `_picture`."""

    _title = ""
    """The name of the widget for the place of a widget whose kernel is gone."""

    def __init__(self, **traits: Any) -> None:
        self._still = Still(self._picture)
        super().__init__(**traits)

    def _picture(self) -> dict[str, str]:
        """Return the static picture as a mime bundle, ``text/html`` and ``text/plain``."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0].update(self._picture())
        return bundle

    def display(self) -> None:
        """Show the widget in a notebook, with the picture below it."""
        bundle = self._repr_mimebundle_()
        self._still.display(self._title, bundle[0] if isinstance(bundle, tuple) else bundle or {})

    def _ipython_display_(self) -> None:
        self.display()
