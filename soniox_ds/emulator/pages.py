"""Pagination of lists, newest first, with cursors that survive deletion.

Conventions: a cursor names the last item of a page, not a number of items. Deleting listed items between pages (as the
official SDK's ``delete_all`` does) therefore skips nothing, and items created meanwhile do not shift the others.
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
    """Encode a position in the list `kind` as an opaque string."""
    return base64.urlsafe_b64encode(f"{kind}:{position}".encode()).decode()


def read_cursor(kind: str, cursor: str | None) -> str | None:
    """Decode a cursor of the list `kind`; None if it is missing or empty; raises Refusal ``invalid_cursor``.

    >>> read_cursor("files", encode_cursor("files", "17"))
    '17'
    """
    if not cursor:
        return None
    try:
        listing, _, position = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().rpartition(":")
    except (binascii.Error, ValueError):
        raise invalid_cursor() from None
    if listing != kind or not position:
        raise invalid_cursor()
    return position


def page(
    newest_first: Iterable[tuple[int, Item]], kind: str, limit: int, cursor: str | None
) -> tuple[list[Item], str | None]:
    """Return one page of (number, item) pairs with falling numbers, and the cursor of the next page."""
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
