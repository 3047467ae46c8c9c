"""What a browser sends in numbered items, in order and once, whatever way and however often each came.

Conventions: items are numbered from 0. The browser keeps what is not acknowledged and sends it again when a connection
breaks; messages that travel by two ways may overtake each other.
"""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Intake"]

T = TypeVar("T")


class Intake(Generic[T]):
    """Puts numbered items in order.

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
        """Number of the first item that has not come; every one before it is acknowledged."""
        self._early: dict[int, T] = {}

    @property
    def has_gap(self) -> bool:
        """Whether later items wait for one that has not come."""
        return bool(self._early)

    def take(self, number: int, item: T) -> list[T]:
        """Take one item; return those whose turn it is now."""
        if number >= self.next:
            self._early.setdefault(number, item)
        ready = []
        while self.next in self._early:
            ready.append(self._early.pop(self.next))
            self.next += 1
        return ready
