"""Numbered items from a browser, put in order and delivered once.

Conventions: items are numbered from 0. The browser keeps items until they are acknowledged and sends them again when a
connection breaks. Messages on different connections may overtake each other.
"""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Intake"]

T = TypeVar("T")


class Intake(Generic[T]):
    """A queue that puts numbered items in order.

    Examples
    --------
    >>> intake = Intake()
    >>> intake.take(0, "a"), intake.take(2, "c"), intake.take(0, "a"), intake.take(1, "b")
    (['a'], [], [], ['b', 'c'])
    >>> intake.next, intake.has_gap
    (3, False)
    """

    def __init__(self) -> None:
        self.next = 0
        """Number of the first item that is missing; all items before it are acknowledged."""
        self._early: dict[int, T] = {}

    @property
    def has_gap(self) -> bool:
        """True if later items wait for a missing one."""
        return bool(self._early)

    def take(self, number: int, item: T) -> list[T]:
        """Take one item, and return the items that are complete up to now."""
        if number >= self.next:
            self._early.setdefault(number, item)
        ready = []
        while self.next in self._early:
            ready.append(self._early.pop(self.next))
            self.next += 1
        return ready
