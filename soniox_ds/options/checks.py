"""Checks of option values. Each raises an OptionsError that says what was found and what is allowed."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping, Set
from typing import Any

from soniox_ds.exceptions import OptionsError
from soniox_ds.options.languages import LANGUAGES, suggest_language

__all__ = [
    "Pairs",
    "characters",
    "check_flag",
    "check_language",
    "check_text",
    "hash_of",
    "keywords_of",
    "objects",
    "pairs_of",
    "set_field",
    "strings",
    "without_none",
]

Pairs = Mapping[str, str] | Iterable[tuple[str, str] | Mapping[str, str]]

# Names that other interfaces use for the same options.
_OTHER_NAMES = {
    "audio_url": "the recordings themselves are the first argument, URLs included",
    "file_id": "recordings are uploaded for you; hand over paths, URLs or bytes as the first argument",
    "client_reference_id": "each job carries its own; set client_reference_id_prefix to put something in front",
    "api_key": 'it belongs to the connection: set SONIOX_API_KEY, or pass Connection(api_key="...")',
    "diarization": "did you mean enable_speaker_diarization?",
    "diarize": "did you mean enable_speaker_diarization?",
    "speaker_diarization": "did you mean enable_speaker_diarization?",
    "speaker_labels": "did you mean enable_speaker_diarization?",
    "language_detection": "did you mean enable_language_identification?",
    "language_identification": "did you mean enable_language_identification?",
    "language": 'did you mean language_hints=["en"]?',
    "languages": 'did you mean language_hints=["en"]?',
    "language_code": 'did you mean language_hints=["en"]?',
    "terms": 'did you mean context={"terms": [...]}?',
    "vocabulary": 'did you mean context={"terms": [...]}?',
    "prompt": 'did you mean context={"text": "..."}?',
    "text": 'did you mean context={"text": "..."}?',
    "general": 'did you mean context={"general": {...}}?',
    "translation_terms": 'did you mean context={"translation_terms": {...}}?',
    "target_language": 'did you mean translation={"type": "one_way", "target_language": "..."}?',
}


def set_field(instance: object, name: str, value: object) -> None:
    """Set a field of a frozen object during its construction."""
    object.__setattr__(instance, name, value)


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return only the values that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def keywords_of(value: Mapping[str, Any], where: str | None, names: list[str]) -> dict[str, Any]:
    """Check that every key of the mapping is among `names`, and return the mapping as keyword arguments."""
    if not isinstance(value, Mapping):
        raise OptionsError(f"{where} is {value!r}; it is a dict with {', '.join(names)}")
    for key in value:
        if key in names:
            continue
        wrong = str(key)
        near = [name for name in names if name.startswith(wrong)] or difflib.get_close_matches(wrong, names, n=1)
        if where is None and wrong in _OTHER_NAMES:
            advice = _OTHER_NAMES[wrong]
        elif wrong and near:
            advice = f"did you mean {near[0]}?"
        else:
            advice = f"there are {', '.join(names)}"
        raise OptionsError(f"{where or 'transcription'} has no option {wrong!r}; {advice}")
    return dict(value)


def check_text(value: object, name: str, longest: int | None, *, needed: bool = False, secret: bool = False) -> None:
    """Check that the value is a string of at most `longest` characters. None is allowed unless `needed`."""
    shown = "a value not shown here, as it is a secret" if secret else repr(value)
    if value is None and not needed:
        return
    if not isinstance(value, str):
        raise OptionsError(f"{name} is {shown}; it is a string")
    if needed and not value.strip():
        raise OptionsError(f"{name} is empty; name one, or leave it out for the default")
    if longest is not None and len(value) > longest:
        raise OptionsError(f"{name} has {len(value)} characters, {len(value) - longest} more than the API takes")


def check_flag(value: object, name: str) -> None:
    """Check that the value is True, False or None."""
    if value is not None and not isinstance(value, bool):
        raise OptionsError(f"{name} is {value!r}; it is True, False or None")


def strings(value: object, name: str, example: str) -> tuple[str, ...] | None:
    """Check a list of strings and return it as a tuple."""
    if value is None:
        return None
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise OptionsError(f"{name} is {value!r}; it is a list of strings, such as {example}")
    # A set has no order, and equal options must give equal requests.
    items = tuple(sorted(value, key=str)) if isinstance(value, Set) else tuple(value)
    for item in items:
        if not isinstance(item, str) or not item.strip():
            raise OptionsError(f"{name} holds {item!r}; every item is a string that is not empty")
    return items


def pairs_of(value: object, name: str, keys: tuple[str, str]) -> tuple[tuple[str, str], ...] | None:
    """Check a dict, a list of pairs, or a list of objects with these keys, and return it as a tuple of pairs."""
    if value is None:
        return None
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


def objects(pairs: Pairs | None, keys: tuple[str, str]) -> list[dict[str, str]] | None:
    """Return pairs as a list of objects in the form of the API."""
    checked = pairs_of(pairs, "pairs", keys)
    return None if checked is None else [dict(zip(keys, pair, strict=True)) for pair in checked]


def characters(section: Any) -> int:
    """Count the characters of all strings in a section of the context."""
    if isinstance(section, str):
        return len(section)
    parts = section.values() if isinstance(section, dict) else section
    return sum(characters(part) for part in parts)


def check_language(code: object, where: str) -> None:
    """Check that the value is a language code of the service."""
    if isinstance(code, str) and code in LANGUAGES:
        return
    suggestion = suggest_language(code) if isinstance(code, str) else None
    if suggestion:
        advice = f"did you mean {suggestion!r} ({LANGUAGES[suggestion]})?"
    else:
        advice = f"the service knows these {len(LANGUAGES)}: {' '.join(sorted(LANGUAGES))}"
    raise OptionsError(f"{where}: {code!r} is not a language code of the service; {advice}")


def hints_of(hints: object, strict: object) -> tuple[str, ...] | None:
    """Check language hints together with `language_hints_strict`, and return the hints as a tuple."""
    codes = strings(hints, "language_hints", '["en"]')
    check_flag(strict, "language_hints_strict")
    for code in codes or ():
        check_language(code, "language_hints")
    repeated = sorted({code for code in codes or () if (codes or ()).count(code) > 1})
    if repeated:
        raise OptionsError(f"language_hints holds {', '.join(repeated)} more than once; name each language once")
    if strict and not codes:
        raise OptionsError(
            'language_hints_strict needs something to be strict about: add language_hints=["en"], or leave it out'
        )
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
