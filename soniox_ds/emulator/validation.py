"""Validation of request bodies and queries.

Conventions: a function returns clean values, or raises a Refusal with all wrong fields. `location` is the dotted path
that the service writes (``body.payload.model``, ``query.payload``); codes are those of the service's validation library
(``missing``, ``string_too_long``, ...). Null counts as missing. Unknown fields are ignored.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from soniox_ds.emulator.models import LANGUAGES, ModelCatalog
from soniox_ds.emulator.refusals import FieldError, Refusal, invalid, invalid_fields

__all__ = [
    "SHARED_FLAGS",
    "check_context",
    "check_create",
    "check_hints",
    "check_temporary_key",
    "check_translation",
    "page_limit",
    "parse_json",
    "time_window",
]

SHARED_FLAGS = ("language_hints_strict", "enable_speaker_diarization", "enable_language_identification")
"""Options of both endpoints that are true or false."""

_URL = re.compile(r"^https?://[^\s]+$")
_BODY = "body.payload"

Problem = tuple[str, str]
"""Code and message of a wrong value."""
Check = Callable[[Any], Problem | None]


def parse_json(raw: bytes) -> dict[str, Any]:
    """Parse the JSON object of a request body; raises Refusal."""
    try:
        body = json.loads(raw)
    except ValueError:
        raise invalid(_BODY, "The body is not valid JSON", "json_invalid") from None
    if not isinstance(body, dict):
        raise invalid(_BODY, "Input should be a JSON object", "dict_type")
    return {name: value for name, value in body.items() if value is not None}


def check_create(body: Mapping[str, Any], catalog: ModelCatalog, *, context_chars: int) -> None:
    """Refuse a create request that is not as documented. The existence of the file is not checked."""

    def model(value: Any) -> Problem | None:
        if problem := _string(32)(value):
            return problem
        try:
            catalog.resolve(value, "async")
        except Refusal:
            return "value_error", "Invalid model"
        return None

    errors = _check_fields(
        body,
        {
            "model": model,
            "audio_url": _url(4096),
            "file_id": _uuid,
            "language_hints": check_hints,
            **dict.fromkeys(SHARED_FLAGS, _boolean),
            "translation": check_translation,
            "context": lambda value: check_context(value, context_chars),
            "webhook_url": _url(256),
            "webhook_auth_header_name": _string(256),
            "webhook_auth_header_value": _string(256),
            "client_reference_id": _string(256),
        },
        required=("model",),
    )
    if ("audio_url" in body) == ("file_id" in body):
        found = "both were" if "audio_url" in body else "neither was"
        errors.append(_error(_BODY, "value_error", f"Exactly one of audio_url and file_id must be given; {found}"))
    if errors:
        raise invalid_fields(errors)


def check_temporary_key(body: Mapping[str, Any]) -> None:
    """Refuse a request for a temporary key that is not as documented."""
    errors = _check_fields(
        body,
        {
            "usage_type": _one_of("transcribe_websocket", "tts_rt"),
            "expires_in_seconds": _integer(1, 3600),
            "client_reference_id": _string(256),
            "single_use": _boolean,
            "max_session_duration_seconds": _integer(1, 18_000),
        },
        required=("usage_type", "expires_in_seconds"),
    )
    if errors:
        raise invalid_fields(errors)


def check_hints(value: Any) -> Problem | None:
    """Return the problem of language hints, or None.

    >>> check_hints(["en", "nb"])
    ('value_error', 'Invalid language hint.')
    """
    if not isinstance(value, list):
        return "list_type", "Input should be a valid list"
    if len(value) > 100:
        return "too_long", "List should have at most 100 items"
    for hint in value:
        if problem := _string(10)(hint):
            return problem
    if any(hint not in LANGUAGES for hint in value):
        return "value_error", "Invalid language hint."
    if len(set(value)) < len(value):
        return "value_error", "Language hints must be unique."
    return None


def check_translation(value: Any) -> Problem | None:
    """Return the problem of a translation object, or None.

    >>> check_translation({"type": "one_way", "target_language": "xx"})
    ('value_error', 'Invalid translation target language.')
    """
    if not isinstance(value, Mapping):
        return "dict_type", "Input should be a valid dictionary"
    kinds = {"one_way": ("target_language",), "two_way": ("language_a", "language_b")}
    names = kinds.get(str(value.get("type")))
    if names is None:
        return "value_error", "Translation type must be one_way or two_way."
    for name in names:
        if value.get(name) is None:
            return "value_error", f"{name} is required for {value['type']} translation."
        if str(value[name]) not in LANGUAGES:
            return "value_error", "Invalid translation target language."
    if len({value[name] for name in names}) < len(names):
        return "value_error", "language_a and language_b must differ."
    return None


def check_context(value: Any, limit: int) -> Problem | None:
    """Return the problem of a context (an object, or the older string), or None. The limit is on the sum of its texts.

    >>> check_context({"terms": ["a" * 6000, "b" * 4001]}, 10_000)
    ('value_error', 'Context is too long (max length 10000).')
    """
    texts: list[Any] = []
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, Mapping):
        given = {name: part for name, part in value.items() if part is not None}
        texts.append(given.get("text", ""))
        for name, keys in (("terms", ()), ("general", ("key", "value")), ("translation_terms", ("source", "target"))):
            part = given.get(name, [])
            if not isinstance(part, list):
                return "list_type", f"context.{name} should be a list"
            for item in part:
                if not keys:
                    texts.append(item)
                elif isinstance(item, Mapping):
                    texts.extend(item.get(key) for key in keys)
                else:
                    return "dict_type", f"each item of context.{name} should have {keys[0]} and {keys[1]}"
    else:
        return "value_error", "Context should be an object or a string."
    if not all(isinstance(text, str) for text in texts):
        return "string_type", "every text of the context should be a valid string"
    if sum(map(len, texts)) > limit:
        return "value_error", f"Context is too long (max length {limit})."
    return None


def page_limit(query: Mapping[str, str]) -> int:
    """Return the page size of a query, 1000 by default; raises Refusal."""
    raw = query.get("limit", "1000")
    if not re.fullmatch(r"[+-]?\d{1,9}", raw):
        raise invalid("query.payload.limit", "Input should be a valid integer", "int_parsing")
    if problem := _integer(1, 1000)(int(raw)):
        raise invalid("query.payload.limit", problem[1], problem[0])
    return int(raw)


def time_window(query: Mapping[str, str]) -> tuple[float, float]:
    """Return ``start_time`` and ``end_time`` of a query in epoch seconds; raises Refusal."""
    times = []
    for name in ("start_time", "end_time"):
        if not query.get(name):
            raise invalid(f"query.payload.{name}", "Field required", "missing")
        try:
            moment = datetime.fromisoformat(query[name])
        except ValueError:
            raise invalid("query.payload", f"{name} is not an ISO 8601 time: {query[name][:40]!r}") from None
        times.append((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if times[1] <= times[0]:
        raise invalid("query.payload", "end_time must be after start_time")
    return times[0], times[1]


def _check_fields(
    body: Mapping[str, Any], checks: Mapping[str, Check], *, required: tuple[str, ...]
) -> list[FieldError]:
    errors = [_error(f"{_BODY}.{name}", "missing", "Field required") for name in required if name not in body]
    for name, check in checks.items():
        if name in body and (problem := check(body[name])):
            errors.append(_error(f"{_BODY}.{name}", *problem))
    return errors


def _error(location: str, code: str, message: str) -> FieldError:
    return {"error_type": code, "location": location, "message": message}


def _string(longest: int) -> Check:
    def check(value: Any) -> Problem | None:
        if not isinstance(value, str):
            return "string_type", "Input should be a valid string"
        if len(value) > longest:
            return "string_too_long", f"String should have at most {longest} characters"
        return None

    return check


def _url(longest: int) -> Check:
    def check(value: Any) -> Problem | None:
        if problem := _string(longest)(value):
            return problem
        if not _URL.match(value):
            return "string_pattern_mismatch", f"String should match pattern '{_URL.pattern}'"
        return None

    return check


def _uuid(value: Any) -> Problem | None:
    try:
        uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        return "uuid_parsing", "Input should be a valid UUID"
    return None


def _boolean(value: Any) -> Problem | None:
    return None if isinstance(value, bool) else ("bool_type", "Input should be a valid boolean")


def _integer(lowest: int, highest: int) -> Check:
    def check(value: Any) -> Problem | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return "int_type", "Input should be a valid integer"
        if value > highest:
            return "less_than_equal", f"Input should be less than or equal to {highest}"
        if value < lowest:
            return "greater_than_equal", f"Input should be greater than or equal to {lowest}"
        return None

    return check


def _one_of(*allowed: str) -> Check:
    def check(value: Any) -> Problem | None:
        return None if value in allowed else ("enum", f"Input should be one of {', '.join(allowed)}")

    return check
