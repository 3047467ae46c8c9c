"""Closed pages: when the kernel gives up the page that records.

Conventions: a page that is closed or loaded again says so (``leave``, sent by ``page_closing.js``), and its recording
ends at once. A page that says nothing is given up after a silence, whose length depends on what is known of the page.
Silence is counted in ticks, because after this process was suspended, messages of the page are still waiting to be
read. If the computer of the page sleeps, the recording pauses until it wakes up.
"""

from __future__ import annotations

from collections.abc import Callable

from soniox_ds.widgets.microphone.loopback import Channel, LoopbackChannel
from soniox_ds.widgets.microphone.takes import Take

__all__ = ["ASLEEP_FOR_S", "CUT_OFF_AFTER_S", "LOST_AFTER_S", "PAGE_GONE", "TICK_S", "PageWatch"]

TICK_S = 0.25
LOST_AFTER_S = 15.0
"""Silence after which a page counts as gone. A page that draws much may hang for seconds."""
CUT_OFF_AFTER_S = 5.0
"""Silence after which a page counts as gone if its socket has closed, or another page shows the widget."""
ASLEEP_FOR_S = 600.0
"""Silence after which a page with an open socket is given up. Its computer may sleep, and wake up again."""
_BUSY_FOR_S = 600.0  # longest wait for messages of the page while a cell runs

PAGE_GONE = (
    "the page that was recording sent no more messages (it was closed, reloaded or disconnected); all audio that had "
    "arrived was settled"
)


class PageWatch:
    """The silence of the page that records a take. `set_state` is called when the recording pauses or continues."""

    def __init__(self, take: Take, set_state: Callable[[str], object]) -> None:
        self.has_rival = False
        """True if another page has shown the widget since the take began."""
        self._take = take
        self._set_state = set_state
        self._silent_s = 0.0
        self._busy_s = 0.0
        self._is_asleep = False

    def note_message(self, *, is_of_take: bool) -> None:
        """Note that a message has arrived, either from the page that is recording or from another page."""
        self._busy_s = 0.0
        if is_of_take:
            self._silent_s = 0.0
            self._wake_up()

    def is_gone(self, channel: Channel, *, is_blocked: bool, is_recording: bool) -> bool:
        """Count a tick without a message, and return True if the page is gone.

        While `is_blocked` is true, a running cell keeps messages from arriving, and silence means nothing. If
        `is_recording` is true, the computer of a silent page whose socket is open is taken to be asleep.
        """
        has_open_socket = isinstance(channel, LoopbackChannel) and channel.is_open
        if is_blocked:
            self._busy_s += TICK_S
        else:
            self._silent_s += TICK_S
        if self._silent_s > LOST_AFTER_S and has_open_socket and is_recording and not self._is_asleep:
            self._is_asleep = True
            self._set_state("paused")
            self._take.pause()
        if self._is_asleep and not has_open_socket:
            self._silent_s = 0.0  # the computer may have woken up, and connect again
            self._wake_up()
        if self._is_asleep and not self.has_rival:
            limit_s = ASLEEP_FOR_S
        elif self.has_rival or (isinstance(channel, LoopbackChannel) and not channel.is_open):
            limit_s = min(LOST_AFTER_S, CUT_OFF_AFTER_S)
        else:
            limit_s = LOST_AFTER_S
        return self._silent_s > limit_s or self._busy_s > _BUSY_FOR_S

    def _wake_up(self) -> None:
        if self._is_asleep and not self._take.is_finishing:
            self._set_state("recording")
            self._take.resume()
        self._is_asleep = False
