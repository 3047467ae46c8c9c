"""Conversion of the service's responses to dicts or exceptions.

Conventions: the class of an exception depends on the HTTP status. The exception also has the API's error type
(`error_type`). Payment and deletion depend on the statuses 404 and 409, so these are trusted only if the body has the
form of the API. A proxy's page with such a status is a BadAnswerError. The same applies to all 4xx responses to
requests that cost money. A message consists of the text of the server and advice. The text is cut to a readable length,
keys are replaced by stars, and web addresses are shown in their public form.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, TypeVar

import msgspec

from soniox_ds.api.connection import Connection, Secret
from soniox_ds.exceptions import (
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
from soniox_ds.options.addresses import hide_addresses

__all__ = [
    "Reply",
    "check_models",
    "check_transcript",
    "check_usage",
    "check_usage_logs",
    "error_of",
    "is_id",
    "object_of",
    "page_of",
    "quota_of",
    "retry_after_s",
]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_LONGEST_MESSAGE = 1000
_LONGEST_SLUG = 100
_LONGEST_EXCERPT = 200
_FAR_FUTURE_S = 1e9

T = TypeVar("T")

_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
_Usd = Annotated[float, msgspec.Meta(ge=0, lt=1e12)] | Annotated[str, msgspec.Meta(pattern=r"^\d{1,12}(\.\d{1,20})?$")]

_ADVICE: dict[type[Exception], str] = {
    BalanceError: "add funds or raise the budget in the Soniox Console, then run the same call again",
    NotFoundError: "it was deleted, or it belongs to another project or region",
    RateLimitError: "send fewer requests: lower requests_per_minute, or run the same call again later",
    ServiceError: "run the same call again later",
}

_QUOTA_ADVICE = {
    "pending": "wait until the queued jobs have started, or ask for a higher limit in the Soniox Console",
    "transcriptions": (
        "delete old transcriptions: sx.account.clean_up() for those of this journal, the Console for others"
    ),
    "files": "delete old files: sx.account.clean_up() for those of this journal, the Console for others",
    "storage": "delete old files: sx.account.clean_up() for those of this journal, the Console for others",
}

# The order matters: "rate limit for transcriptions" is a rate, so rates come first. Storage comes before files, and
# pending before transcriptions.
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
    """A complete response of the service."""

    status: int
    headers: Mapping[str, str]
    """Headers, with names in lower case."""
    body: bytes = field(repr=False)
    request_name: str
    """Description of the request for messages, such as ``POST /v1/files``."""
    secrets: tuple[Secret, ...] = ()
    """Secrets of the request, in addition to the key, that must not appear in messages."""
    holds_key: bool = False
    """True if a successful response contains a new key, so that no part of its body may appear in messages."""

    def hide(self, text: str, connection: Connection) -> str:
        """Return a text of the server without secrets and with web addresses in their public form."""
        text = connection.api_key.hide_in(text)
        for secret in self.secrets:
            text = secret.hide_in(text, shortest=4)
        return hide_addresses(text)


def is_id(value: object) -> bool:
    """Return True if the value can be an id of the service: 1 to 128 letters, digits, hyphens and underscores.

    >>> is_id("0c6b5c3e-6f0b-4b53-9a55-1d2a3b4c5d6e"), is_id("job:1/a"), is_id("a" * 100_000), is_id(None)
    (True, False, False, False)
    """
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def quota_of(message: str) -> str | None:
    """Return the quota that is named in the message of a 429 response, or None if the message is about a rate limit.

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
    """Return the seconds in the header ``Retry-After`` (a number or a date), or None without a usable header."""
    value = reply.headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        try:
            seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
        except OverflowError:  # The time zone moves the date out of the range of years.
            seconds = _FAR_FUTURE_S if date.year > now.year else 0.0
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def error_of(
    reply: Reply, connection: Connection, *, maybe_done: bool = False, spends: bool = False
) -> RequestError | ServiceError:
    """Return the exception for an unsuccessful response.

    Parameters
    ----------
    reply
        Response with a status of 300 or above.
    connection
        Connection of the request. Its key is hidden in the message of the exception. After a 401, the message names its
        region.
    maybe_done
        True if the server may have carried out the request although it failed.
    spends
        True if the request costs money. A 4xx response without the error fields of the API (for example from a proxy)
        then becomes a BadAnswerError with this `maybe_done`.
    """
    details = _details(reply, connection)
    kind = _kind(reply.status, details)
    if spends and not (details.error_type and details.api_message) and 400 <= reply.status < 500:
        kind = BadAnswerError
    quota = quota_of(details.api_message) if kind is RateLimitError else None
    if quota is not None:
        kind = QuotaError
    fields = "".join(
        f"; {item.get('location', '')}: {item.get('message', '')}" for item in details.validation_errors[:20]
    )
    request = f", request {details.request_id}" if details.request_id else ""
    wait = ""
    if "retry-after" in reply.headers:
        wait = f", Retry-After: {reply.hide(reply.headers['retry-after'][:_LONGEST_SLUG], connection)}"
    message = (
        f"{reply.request_name}: {details.message}{fields} ({reply.status} "
        f"{details.error_type or 'without slug'}{request}{wait})"
    )
    if advice := _advice(kind, reply, quota, connection):
        message = f"{message}. {advice[0].upper()}{advice[1:]}"
    error = kind(
        message,
        status=reply.status,
        error_type=details.error_type,
        request_id=details.request_id,
        validation_errors=details.validation_errors,
        maybe_done=maybe_done and issubclass(kind, ServiceError) and kind is not RateLimitError,
    )
    if isinstance(error, QuotaError):
        error.quota = quota
    return error


def object_of(
    reply: Reply, connection: Connection, *keys: str, maybe_done: bool = False, only_id: str | None = None
) -> dict[str, Any]:
    """Return the JSON object of a successful response, after checking that the keys have non-empty strings.

    If ``id`` is among the keys, its value must be a valid id, and equal to `only_id` if that is given.
    """
    value = _decoded(reply, connection, maybe_done)
    if not isinstance(value, dict):
        raise _bad(reply, connection, f"is not a JSON object but {_kind_name(value)}", maybe_done)
    _need(value, keys, "it", reply, connection, maybe_done)
    if "id" in keys and not is_id(value["id"]):
        raise _bad(reply, connection, f"has an invalid id, {_shown_id(value['id'])}", maybe_done)
    if only_id is not None and value["id"].casefold() != only_id.casefold():
        raise _bad(reply, connection, f"belongs to {_shown_id(value['id'])} instead of {only_id!r}", maybe_done)
    return value


def page_of(reply: Reply, connection: Connection, items: str, *keys: str) -> dict[str, Any]:
    """Return the JSON object of one page of a list, after checking that every item has the keys.

    The result always has ``next_page_cursor``, which is None on the last page.
    """
    page = object_of(reply, connection)
    rows = page.get(items)
    if not isinstance(rows, list):
        raise _bad(reply, connection, f"has no list {items!r}")
    for row in rows:
        if not isinstance(row, dict):
            raise _bad(reply, connection, f"contains {_kind_name(row)} among {items!r}")
        _need(row, keys, f"an item of {items!r}", reply, connection)
    cursor = page.setdefault("next_page_cursor", None)
    if cursor is not None and not isinstance(cursor, str):
        raise _bad(reply, connection, f"has {_kind_name(cursor)} as next_page_cursor")
    return page


class _Transcript(msgspec.Struct):
    id: str
    text: str
    tokens: msgspec.Raw
    """The tokens, of which only the JSON syntax is checked."""


def check_transcript(reply: Reply, connection: Connection, transcription_id: str) -> bytes:
    """Return the bytes of a transcript, after checking that it is complete and belongs to the transcription."""
    try:
        shape = msgspec.json.decode(reply.body, type=_Transcript)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(reply, connection, f"is not a transcript: {error}") from None
    if not bytes(shape.tokens).startswith(b"["):
        raise _bad(reply, connection, "has no list of tokens")
    if shape.id.casefold() != transcription_id.casefold():
        raise _bad(reply, connection, f"is the transcript of {_shown_id(shape.id)} instead of {transcription_id!r}")
    return reply.body


class _Model(msgspec.Struct):
    id: str
    aliased_model_id: str | None = None
    name: str | None = None
    transcription_mode: str | None = None
    context_version: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] | None = None
    languages: list[Any] | None = None


class _ModelUsage(msgspec.Struct):
    model: str
    days: list[Annotated[str, msgspec.Meta(pattern=r"^(19|20|21)\d\d-\d\d-\d\d($|T)", max_length=40)]]
    num_requests: list[_Count]
    input_audio_duration_ms: list[_Count]
    cost_usd: list[_Usd]


def check_models(reply: Reply, connection: Connection) -> dict[str, Any]:
    """Return the JSON object of the list of models, after checking the fields of each model."""
    page = page_of(reply, connection, "models", "id")
    _fits(page["models"], list[_Model], reply, connection)
    return page


def check_usage(reply: Reply, connection: Connection) -> dict[str, Any]:
    """Return the JSON object of the usage, after checking the requests, audio and cost of each model for each day."""
    summary = object_of(reply, connection)
    for used in _fits(summary.get("models"), list[_ModelUsage], reply, connection):
        counts = (used.num_requests, used.input_audio_duration_ms, used.cost_usd)
        if any(len(column) != len(used.days) for column in counts):
            raise _bad(
                reply,
                connection,
                f"has a different number of values for the {len(used.days)} days of {used.model[:40]!r}",
            )
        try:
            for day in used.days:
                datetime.fromisoformat(day)
            for cost in used.cost_usd:
                float(cost)
        except ValueError as error:
            raise _bad(reply, connection, f"contains an invalid day or amount: {error}") from None
    return summary


class _UsageLog(msgspec.Struct):
    uuid: str
    cost_usd: _Usd
    client_reference_id: str | None = None


def check_usage_logs(reply: Reply, connection: Connection) -> dict[str, Any]:
    """Return the JSON object of one page of usage logs, after checking the id, reference and cost of each."""
    page = page_of(reply, connection, "usage_logs")
    _fits(page["usage_logs"], list[_UsageLog], reply, connection)
    return page


def _fits(value: Any, kind: type[T], reply: Reply, connection: Connection) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _bad(reply, connection, f"is not as documented: {error}") from None


@dataclass(frozen=True, kw_only=True)
class _Details:
    """The details in the body of an error response, if the body has the form of the API."""

    message: str
    error_type: str | None = None
    request_id: str | None = None
    validation_errors: tuple[dict[str, str], ...] = ()
    api_message: str = ""
    """The message of the API. Empty if the response is not from the API; `message` then describes the response."""

    @property
    def is_api(self) -> bool:
        return bool(self.error_type or self.api_message)


def _details(reply: Reply, connection: Connection) -> _Details:
    def text(value: object, longest: int) -> str | None:
        if not isinstance(value, str) or not value:
            return None
        shown = reply.hide(value, connection)
        return shown if len(shown) <= longest else f"{shown[:longest]}..."

    header_id = text(reply.headers.get("x-request-id") or reply.headers.get("request-id"), _LONGEST_SLUG)
    try:
        value = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return _Details(message=f"the answer was {_excerpt(reply, connection)}", request_id=header_id)
    # The message has one name in REST answers and another in error frames.
    message = text(value.get("message"), _LONGEST_MESSAGE) or text(value.get("error_message"), _LONGEST_MESSAGE)
    errors = value.get("validation_errors")
    return _Details(
        message=(message or f"the answer was {_excerpt(reply, connection)}").rstrip("."),
        error_type=text(value.get("error_type"), _LONGEST_SLUG),
        request_id=text(value.get("request_id"), _LONGEST_SLUG) or header_id,
        validation_errors=tuple(
            {str(key): text(str(inner), _LONGEST_EXCERPT) or "" for key, inner in item.items()}
            for item in (errors if isinstance(errors, list) else ())
            if isinstance(item, dict)
        ),
        api_message=message or "",
    )


def _kind(status: int, details: _Details) -> type[RequestError] | type[ServiceError]:
    if status in (401, 403):
        return AuthError
    if status == 402:
        return BalanceError
    if status in (404, 409):
        if not details.is_api:
            return BadAnswerError
        return NotFoundError if status == 404 else InvalidStateError
    if status == 429:
        return RateLimitError
    if status == 408 or status >= 500:
        return ServiceError
    return RequestError if 400 <= status < 500 else BadAnswerError


def _advice(kind: type[Exception], reply: Reply, quota: str | None, connection: Connection) -> str | None:
    if kind is AuthError and reply.status == 401:
        place = f"region {connection.region!r}" if connection.region else connection.service
        return (
            f"check SONIOX_API_KEY, and check that it belongs to {place}: a key works only in the region of its "
            "project "
            '(Connection(region="us"), "eu", "in" or "jp")'
        )
    if kind is AuthError:
        return "this key does not have the permission; add the permission in the Soniox Console, or use another key"
    if kind is QuotaError and quota is not None:
        return _QUOTA_ADVICE[quota]
    if kind is BadAnswerError and 300 <= reply.status < 400:
        return "the key is not sent to the address of a redirect; set SONIOX_API_BASE_URL to the final address"
    if kind is BadAnswerError:
        return f"the API does not answer in this way; check that {connection.api_base_url} is the address of the API"
    return _ADVICE.get(kind)


def _decoded(reply: Reply, connection: Connection, maybe_done: bool) -> Any:
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(reply, connection, f"is not JSON: {error}", maybe_done) from None


def _need(
    value: Mapping[str, Any],
    keys: tuple[str, ...],
    section: str,
    reply: Reply,
    connection: Connection,
    maybe_done: bool = False,
) -> None:
    for key in keys:
        text = value.get(key)
        if not isinstance(text, str) or not text:
            kind = _kind_name(text) if key in value else "nothing"
            raise _bad(reply, connection, f"lacks the string {key!r} in {section} (found {kind})", maybe_done)


def _bad(reply: Reply, connection: Connection, problem: str, maybe_done: bool = False) -> BadAnswerError:
    request_id = reply.headers.get("x-request-id") or reply.headers.get("request-id")
    return BadAnswerError(
        f"{reply.request_name}: the answer ({reply.status}) {reply.hide(problem, connection)}; it was "
        f"{_excerpt(reply, connection)}. Run the same call again; if that does not help, check that "
        f"{connection.api_base_url} is the address of the API, and that no proxy changes its answers",
        status=reply.status,
        request_id=None if request_id is None else reply.hide(request_id[:_LONGEST_SLUG], connection),
        maybe_done=maybe_done,
    )


def _excerpt(reply: Reply, connection: Connection) -> str:
    if not reply.body:
        return "empty"
    kind = reply.hide(reply.headers.get("content-type", "of no type")[:_LONGEST_SLUG], connection)
    size = f"{kind}, {len(reply.body):,} bytes"
    if reply.holds_key and reply.status < 300:
        return f"{size}, not shown because it may hold a key"
    # Secrets are hidden before the text is cut, because a part of a key or an address would not be found.
    text = reply.hide(" ".join(reply.body[:8192].decode("utf-8", "replace").split()), connection)
    more = "..." if len(text) > _LONGEST_EXCERPT or len(reply.body) > 8192 else ""
    return f"{size}: {text[:_LONGEST_EXCERPT]!r}{more}"


def _shown_id(value: str) -> str:
    return repr(value) if len(value) <= 40 else f"{value[:40]!r}... of {len(value):,} characters"


def _kind_name(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
