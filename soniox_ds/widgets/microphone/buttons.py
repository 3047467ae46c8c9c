"""Buttons of the microphone, and the states of its page.

Conventions: a button is added here, and what it does where the audio is: in the kernel (`Action.in_kernel`, called with
the recording), in the page (``recorder.js``, under the same key), or in both. The page draws its buttons and allows
them by this table, which it gets with its settings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from soniox_ds.widgets.microphone.takes import Take

__all__ = ["ACTIONS", "ACTIVE_STATES", "BUTTONS", "STATES", "Action"]

STATES = {
    "idle": "Ready",
    "asking": "Waiting for permission …",
    "recording": "Recording",
    "paused": "Paused",
    "stopping": "Settling …",
    "stopped": "Stopped",
    "failed": "Stopped",
    "gone": "Off",
    "recording_elsewhere": "Recording in another page",
    "paused_elsewhere": "Paused in another page",
    "finishing_elsewhere": "Settling …",
}
"""States of a page, and how it shows each."""
ACTIVE_STATES = ("asking", "recording", "paused", "stopping")
"""States in which the page has a recording."""


@dataclass(frozen=True)
class Action:
    """An action of a button, or of the method of `Microphone` with the same name."""

    label: str
    allowed_in: tuple[str, ...]
    """States of the page in which it is possible."""
    waits_in: tuple[str, ...] = ()
    """States in which its button shows the state instead of a label."""
    tooltip: str = ""
    settles: bool = False
    """True if all words so far are to be settled at once."""
    leads_to: str | None = None
    """State of the recording afterwards, if it changes."""
    in_kernel: Callable[[Take], object] | None = None
    """The function that the kernel calls as soon as it has all audio that was recorded before the click."""


ACTIONS = {
    "start": Action("● Start", allowed_in=("idle", "stopped", "failed")),
    "stop": Action(
        "■ Stop",
        allowed_in=("asking", "recording", "paused", "recording_elsewhere", "paused_elsewhere"),
        waits_in=("stopping", "finishing_elsewhere"),
    ),
    "pause": Action(
        "Pause", allowed_in=("recording",), settles=True, leads_to="paused", in_kernel=lambda take: take.pause()
    ),
    "resume": Action("Resume", allowed_in=("paused",), leads_to="recording", in_kernel=lambda take: take.resume()),
    "finalize": Action(
        "Finalize",
        allowed_in=("recording",),
        tooltip="Settle the words said so far at once",
        settles=True,
        in_kernel=lambda take: take.finalize(),
    ),
}
BUTTONS = (("start", "stop"), ("pause", "resume"), ("finalize",))
"""The buttons from left to right, each with the actions that share it."""
