"""What the service answered: the one place where answers become dicts or exceptions.

Conventions: the HTTP status decides the class and the API's slug (`error_type`) goes along. A 404 or 409 steers what is
paid and what is deleted, so it is believed only when the body is the API's own; a proxy's page with that status is a
BadAnswerError. The same goes for every refusal of a request that costs money. Messages hold what the server wrote, cut
to a readable length, with keys replaced by stars and web addresses in their public form, and what can be done about it.
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
    secrets: tuple[Secret, ...] = ()
    """What the request held and no message may show, besides the key."""
    holds_key: bool = False
    """True where a success holds a new key, so that nothing of the body may be shown."""

    def hide(self, text: str, connection: Connection) -> str:
        """Make what the server wrote fit to be shown."""
        text = connection.api_key.hide_in(text)
        for secret in self.secrets:
            text = secret.hide_in(text, shortest=4)
        return hide_addresses(text)


def is_id(value: object) -> bool:
    """Return True for what can be an id of the service: 1 to 128 letters, digits, hyphens and underscores.

    >>> is_id("0c6b5c3e-6f0b-4b53-9a55-1d2a3b4c5d6e"), is_id("job:1/a"), is_id("a" * 100_000), is_id(None)
    (True, False, False, False)
    """
    return isinstance(value, str) and _ID.fullmatch(value) is not None


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
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        try:
            seconds = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds()
        except OverflowError:  # a time zone that moves it out of the years that there are
            seconds = _FAR_FUTURE_S if date.year > now.year else 0.0
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def error_of(
    reply: Reply, connection: Connection, *, maybe_done: bool = False, spends: bool = False
) -> RequestError | ServiceError:
    """The exception for an answer that is not a success.

    Parameters
    ----------
    reply
        Status 300 or above.
    connection
        Names the region and hides the key.
    maybe_done
        Whether a server-side failure leaves open that the request was carried out.
    spends
        Whether the request costs money: a refusal that is not in the API's own words is then a bad answer, which leaves
        that open, too.
    """
    said = _said(reply, connection)
    kind = _kind(reply.status, said)
    if spends and not (said.error_type and said.api_message) and 400 <= reply.status < 500:
        kind = BadAnswerError
    quota = quota_of(said.api_message) if kind is RateLimitError else None
    if quota is not None:
        kind = QuotaError
    details = "".join(
        f"; {item.get('location', '')}: {item.get('message', '')}" for item in said.validation_errors[:20]
    )
    request = f", request {said.request_id}" if said.request_id else ""
    wait = ""
    if "retry-after" in reply.headers:
        wait = f", Retry-After: {reply.hide(reply.headers['retry-after'][:_LONGEST_SLUG], connection)}"
    message = (
        f"{reply.what}: {said.message}{details} ({reply.status} {said.error_type or 'without slug'}{request}{wait})"
    )
    if advice := _advice(kind, reply, said, quota, connection):
        message = f"{message}. {advice[0].upper()}{advice[1:]}"
    error = kind(
        message,
        status=reply.status,
        error_type=said.error_type,
        request_id=said.request_id,
        validation_errors=said.validation_errors,
        maybe_done=maybe_done and issubclass(kind, ServiceError) and kind is not RateLimitError,
    )
    if isinstance(error, QuotaError):
        error.quota = quota
    return error


def object_of(
    reply: Reply, connection: Connection, *keys: str, maybe_done: bool = False, only_id: str | None = None
) -> dict[str, Any]:
    """The JSON object of a success, once the keys that others rely on are there as strings that are not empty.

    ``id``, where it is among the keys, can be an id, and is `only_id` where that is given.
    """
    value = _decoded(reply, connection, maybe_done)
    if not isinstance(value, dict):
        raise _bad(reply, connection, f"is not a JSON object but {_kind_name(value)}", maybe_done)
    _need(value, keys, "it", reply, connection, maybe_done)
    if "id" in keys and not is_id(value["id"]):
        raise _bad(reply, connection, f"has an id that cannot be one, {_shown_id(value['id'])}", maybe_done)
    if only_id is not None and value["id"].casefold() != only_id.casefold():
        raise _bad(reply, connection, f"is about {_shown_id(value['id'])} instead of {only_id!r}", maybe_done)
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
    """The JSON object of the list of models, once each of them has what `_Model` names."""
    page = page_of(reply, connection, "models", "id")
    _fits(page["models"], list[_Model], reply, connection)
    return page


def check_usage(reply: Reply, connection: Connection) -> dict[str, Any]:
    """The JSON object of the usage, once it counts requests, audio and cost of each model for each of its days."""
    summary = object_of(reply, connection)
    for used in _fits(summary.get("models"), list[_ModelUsage], reply, connection):
        counts = (used.num_requests, used.input_audio_duration_ms, used.cost_usd)
        if any(len(column) != len(used.days) for column in counts):
            raise _bad(reply, connection, f"counts for {len(used.days)} days of {used.model[:40]!r} other numbers")
        try:
            for day in used.days:
                datetime.fromisoformat(day)
            for cost in used.cost_usd:
                float(cost)
        except ValueError as error:
            raise _bad(reply, connection, f"holds what is no day or no sum: {error}") from None
    return summary


def _fits(value: Any, kind: type[T], reply: Reply, connection: Connection) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _bad(reply, connection, f"is not as documented: {error}") from None


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What the body of an error says, as far as it is the API's."""

    message: str
    error_type: str | None = None
    request_id: str | None = None
    validation_errors: tuple[dict[str, str], ...] = ()
    api_message: str = ""
    """`message` where it is the API's own, not our description of the answer."""

    @property
    def is_api(self) -> bool:
        return bool(self.error_type or self.api_message)


def _said(reply: Reply, connection: Connection) -> _Said:
    def text(found: object, longest: int) -> str | None:
        if not isinstance(found, str) or not found:
            return None
        shown = reply.hide(found, connection)
        return shown if len(shown) <= longest else f"{shown[:longest]}..."

    of_header = text(reply.headers.get("x-request-id") or reply.headers.get("request-id"), _LONGEST_SLUG)
    try:
        value = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return _Said(message=f"the answer was {_excerpt(reply, connection)}", request_id=of_header)
    # REST answers and error frames name the text differently, and both occur
    message = text(value.get("message"), _LONGEST_MESSAGE) or text(value.get("error_message"), _LONGEST_MESSAGE)
    found = value.get("validation_errors")
    return _Said(
        message=(message or f"the answer was {_excerpt(reply, connection)}").rstrip("."),
        error_type=text(value.get("error_type"), _LONGEST_SLUG),
        request_id=text(value.get("request_id"), _LONGEST_SLUG) or of_header,
        validation_errors=tuple(
            {str(key): text(str(inner), _LONGEST_EXCERPT) or "" for key, inner in item.items()}
            for item in (found if isinstance(found, list) else ())
            if isinstance(item, dict)
        ),
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
            '(Connection(region="us"), "eu", "in" or "jp")'
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
        f"{reply.what}: the answer ({reply.status}) {reply.hide(problem, connection)}; it was "
        f"{_excerpt(reply, connection)}. Run the same call again; if that does not help, check that "
        f"{connection.api_base_url} is the API and no proxy stands between",
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
    # Hidden before it is cut, since half of a key or of an address would not be found.
    text = reply.hide(" ".join(reply.body[:8192].decode("utf-8", "replace").split()), connection)
    more = "..." if len(text) > _LONGEST_EXCERPT or len(reply.body) > 8192 else ""
    return f"{size}: {text[:_LONGEST_EXCERPT]!r}{more}"


def _shown_id(value: str) -> str:
    return repr(value) if len(value) <= 40 else f"{value[:40]!r}... of {len(value):,} characters"


def _kind_name(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
