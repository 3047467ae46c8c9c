"""The default models: the newest that the service documents (since 3 November 2026)."""

from __future__ import annotations

__all__ = ["ASYNC_MODEL", "LIVE_MODEL"]

ASYNC_MODEL = "stt-async-v6"
"""Default model for recordings."""

LIVE_MODEL = "stt-rt-v6"
"""Default model for live audio."""
