"""Checks of option values. Each raises an OptionsError that says what was found and what is allowed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Set
from typing import Any, Literal

from soniox_ds.exceptions import OptionsError
from soniox_ds.options.keywords import check_names
from soniox_ds.options.languages import LANGUAGES, suggest_language

__all__ = [
    "characters",
    "check_channels",
    "check_flag",
    "check_language",
    "check_text",
    "hash_of",
    "keywords_of",
    "language_codes",
    "pairs_of",
    "strings",
    "without_none",
]


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return only the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def keywords_of(value: object, owner: str, names: list[str]) -> dict[str, Any]:
    """Check that the value is a mapping whose keys are among `names`, and return it as keyword arguments."""
    if not isinstance(value, Mapping):
        raise OptionsError(f"{owner} is {value!r}; it is a dict with {', '.join(names)}")
    check_names(owner, value, names)
    return dict(value)


def check_text(value: object, name: str, longest: int | None, *, needed: bool = False, secret: bool = False) -> str:
    """Check that the value is a string of at most `longest` characters, not empty if it is `needed`, and return it."""
    if not isinstance(value, str):
        raise OptionsError(
            f"{name} is {'a value that is not shown here, because it is a secret' if secret else repr(value)}; it is "
            "a string"
        )
    if needed and not value.strip():
        raise OptionsError(f"{name} is empty; give a value, or leave it out for the default")
    if longest is not None and len(value) > longest:
        raise OptionsError(f"{name} has {len(value)} characters, {len(value) - longest} more than the API accepts")
    return value


def check_channels(value: object, name: str) -> Literal["separate"] | None:
    """Check the way in which channels are sent, and return "separate", or None for "mixed"."""
    if value not in ("mixed", "separate", None):
        raise OptionsError(
            f'{name} is {value!r}; it is "separate" (each channel is transcribed by itself) or "mixed" (the default)'
        )
    return "separate" if value == "separate" else None


def check_flag(value: object, name: str) -> bool:
    """Check that the value is True or False, and return it."""
    if not isinstance(value, bool):
        raise OptionsError(f"{name} is {value!r}; it is True, False or None")
    return value


def strings(value: object, name: str, example: str) -> tuple[str, ...]:
    """Check a list of strings and return it as a tuple."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise OptionsError(f"{name} is {value!r}; it is a list of strings, such as {example}")
    # A set has no order, and equal options must give equal requests.
    items = tuple(sorted(value, key=str)) if isinstance(value, Set) else tuple(value)
    for item in items:
        if not isinstance(item, str) or not item.strip():
            raise OptionsError(f"{name} holds {item!r}; every item is a string that is not empty")
    return items


def pairs_of(value: object, name: str, keys: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Check a dict, a list of pairs, or a list of objects with these keys, and return it as a tuple of pairs."""
    example = f'{{"{keys[0]}": "...", "{keys[1]}": "..."}}'
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise OptionsError(f"{name} is {value!r}; it is a dict, or a list of pairs or of {example}")
    items: Iterable[Any] = value.items() if isinstance(value, Mapping) else value
    pairs = []
    for item in items:
        if isinstance(item, Mapping):
            keywords_of(item, f"an item of {name}", list(keys))
            pair: tuple[Any, ...] = tuple(item.get(key) for key in keys)
        else:
            pair = tuple(item) if isinstance(item, list | tuple) else (item,)
        if len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise OptionsError(f"{name} holds {item!r}; every item is a pair of strings, or {example}")
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)


def characters(section: Any) -> int:
    """Count the characters of all strings in a section of the context."""
    if isinstance(section, str):
        return len(section)
    parts = section.values() if isinstance(section, dict) else section
    return sum(characters(part) for part in parts)


def check_language(code: object, name: str) -> None:
    """Check that the value is a language code of the service."""
    if isinstance(code, str) and code in LANGUAGES:
        return
    suggestion = suggest_language(code) if isinstance(code, str) else None
    if suggestion:
        advice = f"did you mean {suggestion!r} ({LANGUAGES[suggestion]})?"
    else:
        advice = f"the service knows these {len(LANGUAGES)}: {' '.join(sorted(LANGUAGES))}"
    raise OptionsError(f"{name}: {code!r} is not a language code of the service; {advice}")


def language_codes(value: object, name: str) -> tuple[str, ...]:
    """Check a language code, or a list of different codes, and return them as a tuple."""
    codes = (value,) if isinstance(value, str) else strings(value, name, '["en"]')
    for code in codes:
        check_language(code, name)
    if repeated := sorted({code for code in codes if codes.count(code) > 1}):
        raise OptionsError(f"{name} holds {', '.join(repeated)} more than once; name each language once")
    return codes


def _without_empty(value: Any) -> Any:
    """Return an option without its empty parts, such as an empty list or a text that is only white space."""
    if isinstance(value, str):
        return value.strip() and value
    return {name: part for name, part in value.items() if _without_empty(part)} if isinstance(value, dict) else value


def hash_of(shaping: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits for the options that shape a transcript.

    An option that is off or empty gives the same hash as an option that is not set.
    """
    effective = {name: part for name, value in shaping.items() if (part := _without_empty(value))}
    canonical = json.dumps(effective, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]
