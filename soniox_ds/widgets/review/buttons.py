"""Verdicts of the review queue: their buttons, keys and signs.

Conventions: the page gets this table with its settings, and draws its buttons and obeys its keys by it. The names are
the values of `verdict` in ``schema.REVIEWS``.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["ACTIONS", "Action"]


class Action(NamedTuple):
    """A verdict that a reviewer can give."""

    label: str
    sign: str
    shortcut: str
    hint: str
    """Text beside the key in the list of keys."""


ACTIONS = {
    "right": Action("Right", "✓", "1", "right"),
    "wrong": Action("Wrong", "✗", "2", "wrong, and correct it"),
    "unclear": Action("Unclear", "?", "3", "unclear"),
}
