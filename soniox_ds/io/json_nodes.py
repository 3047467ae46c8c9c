"""Values in a JSON document of another tool, which are checked when they are read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from soniox_ds.exceptions import SchemaError
from soniox_ds.options.languages import language_code

__all__ = ["JsonNode", "parsed"]

_LAST_MS = 2**31 - 1  # The largest Int32, about 24 days.


@dataclass(frozen=True)
class JsonNode:
    """A value in a JSON document and its place, so that messages can name the place.

    Examples
    --------
    >>> document = JsonNode({"words": [{"word": "hi", "start": 0.5}]})
    >>> word = document["words"][0]
    >>> word["word"].text(), word["start"].ms(), word.get("speaker")
    ('hi', 500, None)
    >>> word["end"]
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.SchemaError: words[0] has no 'end'; it has 'word', 'start'
    """

    value: Any
    place: str = ""

    def __getitem__(self, key: str | int) -> JsonNode:
        """Return a value of an object or a list. Raises SchemaError if it is absent."""
        if isinstance(key, int):
            items = self._list()
            if not -len(items) <= key < len(items):
                raise SchemaError(f"{self._here} has {len(items)} items, and item {key} is needed")
            return JsonNode(items[key], f"{self.place}[{key % len(items)}]")
        members = self._object()
        if key not in members:
            names = ", ".join(map(repr, list(members)[:8])) or "nothing"
            raise SchemaError(f"{self._here} has no {key!r}; it has {names}{', ...' if len(members) > 8 else ''}")
        return JsonNode(members[key], f"{self.place}.{key}".lstrip("."))

    def get(self, *keys: str) -> JsonNode | None:
        """Follow keys into nested objects and return the value at the end, or None if one is absent or null."""
        node = self
        for key in keys:
            if node._object().get(key) is None:
                return None
            node = node[key]
        return node

    def get_text(self, *keys: str) -> str | None:
        """Return the text that `get` finds, or None."""
        return None if (node := self.get(*keys)) is None else node.text()

    def get_ms(self, *keys: str, units_per_s: float = 1) -> int | None:
        """Return the time in milliseconds that `get` finds, or None."""
        return None if (node := self.get(*keys)) is None else node.ms(units_per_s)

    def get_confidence(self, *keys: str) -> float | None:
        """Return the confidence that `get` finds, or None."""
        return None if (node := self.get(*keys)) is None else node.confidence()

    def get_language(self, *keys: str) -> str | None:
        """Return the code of the language that `get` finds, or None, also for languages that are not known."""
        return None if (node := self.get(*keys)) is None else language_code(node.text())

    def get_channel(self, *keys: str, first: int) -> int | None:
        """Return the channel that `get` finds, counted from 1, or None. `first` is what the tool calls the first."""
        return None if (node := self.get(*keys)) is None else int(node.number()) - first + 1

    def get_items(self, *keys: str) -> list[JsonNode]:
        """Return the items of the list that `get` finds, or [] if it is absent or null."""
        return [] if (node := self.get(*keys)) is None else list(node)

    def need_any(self, *keys: str) -> None:
        """Raise SchemaError if all of these keys of an object are absent or null."""
        members = self._object()
        if all(members.get(key) is None for key in keys):
            names = ", ".join(map(repr, list(members)[:8])) or "nothing"
            raise SchemaError(
                f"{self._here} has none of {', '.join(map(repr, keys))}, so it holds no transcript; it has "
                f"{names}{', ...' if len(members) > 8 else ''}"
            )

    def has(self, *keys: str) -> bool:
        """Return True if the value is an object that has all of these keys."""
        return isinstance(self.value, dict) and all(key in self.value for key in keys)

    def __iter__(self) -> Iterator[JsonNode]:
        for number, item in enumerate(self._list()):
            yield JsonNode(item, f"{self.place}[{number}]")

    def text(self) -> str:
        """Return a string. Numbers become their text, as some tools write ids as numbers."""
        if isinstance(self.value, str):
            if not self.value.isascii():
                try:
                    self.value.encode()
                except UnicodeEncodeError:
                    raise self._wrong("text of whole characters (half of a surrogate pair)") from None
            return self.value
        if isinstance(self.value, int) and not isinstance(self.value, bool):
            return str(self.value)
        raise self._wrong("text")

    def number(self) -> float:
        """Return a finite number. Numbers that are written as text are read, too."""
        value = self.value
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise self._wrong("a number") from None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._wrong("a number")
        return float(value)

    def ms(self, units_per_s: float = 1) -> int:
        """Return a time in whole milliseconds. `units_per_s` is 1 for seconds and 1000 for milliseconds."""
        time_ms = round(self.number() * 1000 / units_per_s)
        if not 0 <= time_ms <= _LAST_MS:
            raise self._wrong("a time from 0 to 24 days")
        return time_ms

    def confidence(self) -> float:
        """Return a confidence between 0 and 1."""
        value = self.number()
        if not 0 <= value <= 1:
            raise self._wrong("a confidence from 0 to 1")
        return value

    def _object(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            raise self._wrong("an object")
        return self.value

    def _list(self) -> list[Any]:
        if not isinstance(self.value, list):
            raise self._wrong("a list")
        return self.value

    @property
    def _here(self) -> str:
        return self.place or "the document"

    def _wrong(self, expected: str) -> SchemaError:
        shown = repr(self.value)
        return SchemaError(f"{self._here} must be {expected}, found {shown if len(shown) <= 60 else shown[:60] + '…'}")


def parsed(text: str, place: str) -> Any:
    """Return the value of a JSON text. Raises SchemaError, with the place of the text and the line, if it is none.

    >>> parsed('{"a": 1}', "a.json")
    {'a': 1}
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) and ", line " not in place else ""
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise SchemaError(f"{place}{line}: this is not JSON: {reason}.") from error
