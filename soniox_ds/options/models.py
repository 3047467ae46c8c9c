"""The models that are used where none is named: the newest that the service documents (since 3 November 2026)."""

from __future__ import annotations

__all__ = ["ASYNC_MODEL", "REAL_TIME_MODEL"]

ASYNC_MODEL = "stt-async-v6"
"""The default for recordings."""

REAL_TIME_MODEL = "stt-rt-v6"
"""The default for live audio."""
