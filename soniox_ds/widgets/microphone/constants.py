"""Constants of the microphone's page.

Conventions: the page gets them with the settings of the widget, under the names they have here (``constants.js``). A
constant that the kernel uses too is taken from the module that uses it. Lengths of time are milliseconds.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from soniox_ds.api.retry import RECONNECT
from soniox_ds.live import resume, session
from soniox_ds.text import scripts
from soniox_ds.widgets.microphone.buttons import ACTIONS, ACTIVE_STATES, BUTTONS, STATES
from soniox_ds.widgets.microphone.takes import BYTES_PER_MS, RATE

__all__ = ["page_constants"]


def page_constants() -> dict[str, Any]:
    """Return the constants of the page as JSON values."""
    return {
        "actions": {
            name: {key: value for key, value in asdict(action).items() if key != "in_kernel"}
            for name, action in ACTIONS.items()
        },
        "buttons": BUTTONS,
        "states": STATES,
        "active_states": ACTIVE_STATES,
        "recorder": {
            "tick_ms": 250,
            "beat_ms": 1000,  # between two signs of life for the kernel
            "silent_kernel_ms": 5000,  # without a sign of life, if nothing says that the kernel's process exists
            "busy_kernel_ms": 60_000,  # the same if something says so
            "waits_ms": 1500,  # waiting audio from which the user is told that the kernel is busy
            "quiet_ms": 5000,
            "quiet_peak": 0.002,
            "sleep_ms": 5000,  # without a tick, which happens only if the computer slept
            "sleep_looks": 8,  # ticks after a gap in which late audio may still arrive
            "end_ms": 45_000,  # from Stop to the end as the kernel tells it
            "late_words_ms": 2000,  # from that end to words that are still on their way
            "key_ms": 20_000,
            "direct_ms": 5000,  # for the direct route to answer, where another one would do
            "late_ms": 5000,  # unheard audio from which the service counts as late
            "in_time_ms": 2500,  # unheard audio up to which it is no longer late
            "back_ms": 1000,  # a connection that breaks earlier was none
        },
        "page_closing": {"last_view_ms": 1500},  # without any view, before the recording stops
        "capture": {"rate": RATE, "look_ms": 100, "looks": 20},  # looks without a message: the audio thread is stopped
        "kernel_channels": {"opening_ms": 1500},
        "awake_timer": {"look_ms": 100},
        "direct": {
            "attempts": RECONNECT.attempts,
            "wait_ms": RECONNECT.initial_s * 1000,
            "max_wait_ms": RECONNECT.max_s * 1000,
            "stalls": session.STALLS,
            "patience_ms": session.PATIENCE_S * 1000,
            "keepalive_ms": session.KEEPALIVE_S * 1000,
            "silent_ms": session.SILENT_S * 1000,
            "silent_break_ms": session.SILENT_BREAK_S * 1000,
            "silent_break_most_ms": session.SILENT_BREAK_MOST_S * 1000,
            "ahead_ms": session.AHEAD_MS,
            "pace": session.PACE,
            "limit_ms": session.LONGEST_SESSION_MS,
            "rotate_before_ms": session.ROTATE_BEFORE_MS,
            "rotate_latest_ms": session.ROTATE_LATEST_MS,
            "bytes_per_ms": BYTES_PER_MS,
            "opening_ms": 8000,
            "tick_ms": 50,
            "look_ms": 1000,  # longest time between two looks that counts as time awake
            "held_bytes": 65_536,  # most that waits in the browser's socket, where a pong would wait behind it
        },
        "resume": {
            "window_ms": resume.WINDOW_MS,
            "least_ms": resume.LEAST_MS,
            "pause_ms": resume.PAUSE_MS,
            "before_word_ms": resume.BEFORE_WORD_MS,
            "most_wrong": resume.MOST_WRONG,
            "clear_ms": resume.CLEAR_MS,
            "unspaced_ranges": scripts.UNSPACED_RANGES,
            "fullwidth_punctuation": "".join(sorted(scripts.FULLWIDTH_PUNCTUATION)),
        },
    }
