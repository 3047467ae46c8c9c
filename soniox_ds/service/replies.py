"""What the service answered: the one place where answers become dicts or exceptions.

Conventions: the HTTP status decides the class and the API's slug (`error_type`) goes along. A 404 or 409 steers what is
paid and what is deleted, so it is believed only when the body is the API's own; a proxy's page with that status is a
BadAnswerError. Messages hold what the server wrote, with the key replaced by stars, and what can be done about it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from soniox_ds.errors import (
    AuthError,
    BadAnswerError,
    BalanceError,
    InvalidStateError,
    NotFoundError,
    QuotaError,
    RateLimitError,
    RequestError,
    ServiceError,
)
from soniox_ds.service.connection import Connection

__all__ = ["Reply", "check_transcript", "error_of", "object_of", "page_of", "quota_of", "retry_after_s"]

_ADVICE: dict[type[Exception], str] = {
    BalanceError: "add funds or raise the budget in the Soniox Console, then run the same call again",
    NotFoundError: "it was deleted, or it belongs to another project or region",
    RateLimitError: "ask less often: lower requests_per_minute, or run again later",
    ServiceError: "run the same call again later",
}

_QUOTA_ADVICE = {
    "pending": "wait until jobs that are queued have started, or ask for a higher limit in the Soniox Console",
    "transcriptions": "delete old transcriptions: sx.clean_up() for those of this journal, the Console for others",
    "files": "delete old files: sx.clean_up() for those of this journal, the Console for others",
    "storage": "delete old files: sx.clean_up() for those of this journal, the Console for others",
}

# Rate first: "rate limit for transcriptions" is a rate. Storage before files, pending before transcriptions.
_QUOTA_WORDS = [
    (
        None,
        re.compile(r"\brate\b|per[\s-]minute|too many requests|requests? limit|concurren|connections?\b|sessions?\b"),
    ),
    ("pending", re.compile(r"\bpending\b|\bqueued\b")),
    ("storage", re.compile(r"\bstorage\b|\b(giga)?bytes?\b|\bgi?b\b|\bsize\b")),
    ("files", re.compile(r"\bfiles?\b")),
    ("transcriptions", re.compile(r"\btranscriptions?\b")),
]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes = field(repr=False)
    what: str
    """What was asked, such as ``POST /v1/files``, for messages."""


def quota_of(message: str) -> str | None:
    """Which quota the message of a 429 speaks of; None for a rate, which waiting cures.

    Returns
    -------
    str or None
        ``"pending"``, ``"transcriptions"``, ``"files"``, ``"storage"`` or None.

    Examples
    --------
    >>> quota_of("Total transcription count limit for your organization has been exceeded. Please delete some.")
    'transcriptions'
    >>> quota_of("Rate limit for your organization has been exceeded.") is None
    True
    """
    text = message.casefold()
    return next((quota for quota, words in _QUOTA_WORDS if words.search(text)), None)


def retry_after_s(reply: Reply, now: datetime) -> float | None:
    """Seconds that the header ``Retry-After`` asks for, as a number or as a date; None without a usable one."""
    value = reply.headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def error_of(reply: Reply, connection: Connection, *, maybe_done: bool = False) -> RequestError | ServiceError:
    """The exception for an answer that is not a success.

    Parameters
    ----------
    reply
        Status 300 or above.
    connection
        Names the region and hides the key.
    maybe_done
        Whether a server-side failure leaves open that the request was carried out.
    """
    said = _said(reply)
    kind = _kind(reply.status, said)
    quota = quota_of(said.api_message) if reply.status == 429 else None
    if kind is RateLimitError and quota is not None:
        kind = QuotaError
    hide = connection.api_key.hide_in
    details = "".join(f"; {item.get('location', '')}: {item.get('message', '')}" for item in said.validation_errors)
    request = f", request {said.request_id}" if said.request_id else ""
    wait = f", Retry-After: {reply.headers['retry-after']}" if "retry-after" in reply.headers else ""
    message = (
        f"{reply.what}: {said.message}{details} ({reply.status} {said.error_type or 'without slug'}{request}{wait})"
    )
    if advice := _advice(kind, reply, said, quota, connection):
        message = f"{message}. {advice[0].upper()}{advice[1:]}"
    error = kind(
        hide(message),
        status=reply.status,
        error_type=said.error_type,
        request_id=said.request_id,
        validation_errors=[{key: hide(str(value)) for key, value in item.items()} for item in said.validation_errors],
        maybe_done=maybe_done and issubclass(kind, ServiceError) and kind is not RateLimitError,
    )
    if isinstance(error, QuotaError):
        error.quota = quota
    return error


def object_of(reply: Reply, connection: Connection, *keys: str, maybe_done: bool = False) -> dict[str, Any]:
    """The JSON object of a success, once the keys that others rely on are there as strings that are not empty."""
    value = _decoded(reply, connection, maybe_done)
    if not isinstance(value, dict):
        raise _bad(reply, connection, f"is not a JSON object but {_kind_name(value)}", maybe_done)
    _need(value, keys, "it", reply, connection, maybe_done)
    return value


def page_of(reply: Reply, connection: Connection, items: str, *keys: str) -> dict[str, Any]:
    """The JSON object of one page of a list: every item has the keys, ``next_page_cursor`` is there (None at last)."""
    page = object_of(reply, connection)
    rows = page.get(items)
    if not isinstance(rows, list):
        raise _bad(reply, connection, f"has no list {items!r}")
    for row in rows:
        if not isinstance(row, dict):
            raise _bad(reply, connection, f"holds {_kind_name(row)} among {items!r}")
        _need(row, keys, f"an item of {items!r}", reply, connection)
    cursor = page.setdefault("next_page_cursor", None)
    if cursor is not None and not isinstance(cursor, str):
        raise _bad(reply, connection, f"has {_kind_name(cursor)} as next_page_cursor")
    return page


class _Transcript(msgspec.Struct):
    id: str
    text: str
    tokens: msgspec.Raw  # checked for being JSON, not taken apart


def check_transcript(reply: Reply, connection: Connection, transcription_id: str) -> bytes:
    """The bytes of a transcript, once they are whole and of the transcription that was asked for."""
    try:
        shape = msgspec.json.decode(reply.body, type=_Transcript)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(reply, connection, f"is not a transcript: {error}") from None
    if not bytes(shape.tokens).startswith(b"["):
        raise _bad(reply, connection, "has no list of tokens")
    if shape.id.casefold() != transcription_id.casefold():
        raise _bad(reply, connection, f"is the transcript of {shape.id!r} instead of {transcription_id!r}")
    return reply.body


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What the body of an error says, as far as it is the API's."""

    message: str
    error_type: str | None = None
    request_id: str | None = None
    validation_errors: tuple[dict[str, Any], ...] = ()
    api_message: str = ""
    """`message` where it is the API's own, not our description of the answer."""

    @property
    def is_api(self) -> bool:
        return bool(self.error_type or self.api_message)


def _said(reply: Reply) -> _Said:
    request_id = reply.headers.get("x-request-id") or reply.headers.get("request-id")
    try:
        value = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return _Said(message=f"the answer was {_excerpt(reply)}", request_id=request_id)
    # REST answers and error frames name the text differently, and both occur
    message = _string(value.get("message")) or _string(value.get("error_message"))
    error_type = _string(value.get("error_type"))
    found = value.get("validation_errors")
    return _Said(
        message=(message or f"the answer was {_excerpt(reply)}").rstrip("."),
        error_type=error_type,
        request_id=_string(value.get("request_id")) or request_id,
        validation_errors=tuple(item for item in found if isinstance(item, dict)) if isinstance(found, list) else (),
        api_message=message or "",
    )


def _kind(status: int, said: _Said) -> type[RequestError] | type[ServiceError]:
    if status in (401, 403):
        return AuthError
    if status == 402:
        return BalanceError
    if status in (404, 409):
        if not said.is_api:
            return BadAnswerError
        return NotFoundError if status == 404 else InvalidStateError
    if status == 429:
        return RateLimitError
    if status == 408 or status >= 500:
        return ServiceError
    return RequestError if 400 <= status < 500 else BadAnswerError


def _advice(kind: type[Exception], reply: Reply, said: _Said, quota: str | None, connection: Connection) -> str | None:
    if kind is AuthError and reply.status == 401:
        place = f"region {connection.region!r}" if connection.region else connection.service
        return (
            f"check SONIOX_API_KEY, and that it belongs to {place}: a key works only in the region of its project "
            '(Connection(region="us"), "eu" or "jp")'
        )
    if kind is AuthError:
        return "this key may not do that; give it the permission in the Soniox Console, or use another key"
    if kind is QuotaError and quota is not None:
        return _QUOTA_ADVICE[quota]
    if kind is BadAnswerError and 300 <= reply.status < 400:
        return "the key is not sent on to another address; set SONIOX_API_BASE_URL to the one that answers itself"
    if kind is BadAnswerError:
        return f"that is not the API's way to say so; check that {connection.api_base_url} is the API"
    return _ADVICE.get(kind)


def _decoded(reply: Reply, connection: Connection, maybe_done: bool) -> Any:
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(reply, connection, f"is not JSON: {error}", maybe_done) from None


def _need(
    value: Mapping[str, Any],
    keys: tuple[str, ...],
    where: str,
    reply: Reply,
    connection: Connection,
    maybe_done: bool = False,
) -> None:
    for key in keys:
        found = value.get(key)
        if not isinstance(found, str) or not found:
            got = _kind_name(found) if key in value else "nothing"
            raise _bad(reply, connection, f"lacks the string {key!r} in {where} (found {got})", maybe_done)


def _bad(reply: Reply, connection: Connection, problem: str, maybe_done: bool = False) -> BadAnswerError:
    request_id = reply.headers.get("x-request-id") or reply.headers.get("request-id")
    return BadAnswerError(
        connection.api_key.hide_in(
            f"{reply.what}: the answer ({reply.status}) {problem}; it was {_excerpt(reply)}. Run the same call again; "
            f"if that does not help, check that {connection.api_base_url} is the API and no proxy stands between"
        ),
        status=reply.status,
        request_id=request_id,
        maybe_done=maybe_done,
    )


def _excerpt(reply: Reply) -> str:
    if not reply.body:
        return "empty"
    start = " ".join(reply.body[:200].decode("utf-8", "replace").split())
    more = "..." if len(reply.body) > 200 else ""
    return f"{reply.headers.get('content-type', 'of no type')}, {len(reply.body):,} bytes: {start!r}{more}"


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _kind_name(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
