"""Pages of a list, newest first, whose cursors survive deletion.

Conventions: a cursor names the last item given out, not a number of items, so that deleting what was already listed
(as the official SDK's ``delete_all`` does between pages) skips nothing, and items created meanwhile do not shift the
rest.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import TypeVar

from soniox_ds.emulator.refusals import invalid_cursor

__all__ = ["encode_cursor", "page", "read_cursor"]

Item = TypeVar("Item")


def encode_cursor(kind: str, position: str) -> str:
    """An opaque string for a position in the list `kind`."""
    return base64.urlsafe_b64encode(f"{kind}:{position}".encode()).decode()


def read_cursor(kind: str, cursor: str | None) -> str | None:
    """The position in a cursor of the list `kind`, None for no or an empty cursor; raises Refusal ``invalid_cursor``.

    >>> read_cursor("files", encode_cursor("files", "17"))
    '17'
    """
    if not cursor:
        return None
    try:
        found, _, position = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().rpartition(":")
    except (binascii.Error, ValueError):
        raise invalid_cursor() from None
    if found != kind or not position:
        raise invalid_cursor()
    return position


def page(
    newest_first: Iterable[tuple[int, Item]], kind: str, limit: int, cursor: str | None
) -> tuple[list[Item], str | None]:
    """One page of (number, item) pairs with falling numbers, and the cursor of the next page."""
    position = read_cursor(kind, cursor)
    if position is not None and not position.isdecimal():
        raise invalid_cursor()
    before = None if position is None else int(position)
    items: list[Item] = []
    last = 0
    for number, item in newest_first:
        if before is not None and number >= before:
            continue
        if len(items) == limit:
            return items, encode_cursor(kind, str(last))
        items.append(item)
        last = number
    return items, None
