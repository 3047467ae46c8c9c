"""The ways in which captions can be grouped."""

from __future__ import annotations

__all__ = ["GROUPS"]

GROUPS = {
    "utterance": "utterance, with its translation",
    "speaker": "speaker",
    "language": "language",
}
"""The values of `group_by`, and what the page calls them."""
