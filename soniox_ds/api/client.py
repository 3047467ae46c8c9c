"""Client of the REST API, with one coroutine for each endpoint.

Conventions: names, fields and units are those of the API. Answers are plain dicts; the keys that the package relies on
are checked, and further keys are kept. Every request waits for the budget; `priority` overrides the usual priority of
the endpoint. All methods raise the exceptions of `soniox_ds.exceptions`.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from soniox_ds._arguments import check_number, did_you_mean, is_number
from soniox_ds.api.budget import Priority, RequestBudget
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection, Secret
from soniox_ds.api.multipart import AudioInBlocks, UploadBody, safe_filename
from soniox_ds.api.responses import (
    Reply,
    check_models,
    check_transcript,
    check_usage,
    check_usage_logs,
    is_id,
    object_of,
    page_of,
)
from soniox_ds.api.retry import REQUEST, Backoff
from soniox_ds.api.transport import LONGEST_ANSWER, Transport
from soniox_ds.exceptions import BadAnswerError, InputError, RequestError, SonioxDSError

__all__ = ["Client"]

Json = dict[str, Any]

LONGEST_PAGE = 128 << 20
"""Largest page of a list in bytes: a thousand jobs, each with its context and the address of its audio."""
TRANSCRIPT_BYTES_PER_S = 16_000
"""Largest transcript in bytes for each second of audio: more than four times the size for fast, translated speech."""
LONGEST_AUDIO_MS = 300 * 60_000
MOST_PAGES = 10_000
MOST_BARREN_PAGES = 10


class Client:
    """The REST API of one service, as an async context manager.

    Parameters
    ----------
    connection
        Address and key of the service.
    budget
        Budget that all clients of the same account share; None for no limit.
    retry
        Retries of failed requests.
    timeout_s
        Seconds of real time after which a request without any progress counts as failed.
    clock
        Clock for the waits.
    max_connections
        Number of sockets that may be open at the same time.

    Examples
    --------
    >>> async def models(connection: Connection) -> list[str]:
    ...     async with Client(connection) as client:
    ...         return [model["id"] for model in (await client.list_models())["models"]]
    """

    def __init__(
        self,
        connection: Connection,
        budget: RequestBudget | None = None,
        retry: Backoff | None = None,
        timeout_s: float = 60.0,
        clock: Clock | None = None,
        *,
        max_connections: int = 32,
    ) -> None:
        self.connection = connection
        self._transport = Transport(
            connection,
            budget=budget,
            retry=retry or REQUEST,
            timeout_s=timeout_s,
            clock=clock or Clock(),
            max_connections=max_connections,
        )
        self._ask = self._transport.ask
        self._models_lock = asyncio.Lock()
        self._async_models: list[str] | None = None

    def __repr__(self) -> str:
        return f"Client({self.connection!r})"

    async def __aenter__(self) -> Client:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)

    # Files

    async def upload_file(
        self,
        source: str | Path | bytes | AudioInBlocks,
        *,
        filename: str | None = None,
        client_reference_id: str | None = None,
        on_progress: Callable[[int, int], object] | None = None,
        priority: Priority = Priority.SUBMIT,
    ) -> Json:
        """Upload a file, streamed if `source` is a path or is read in blocks, and return the file with its ``id``.

        `filename` is by default the last part of the path (``upload.bin`` for bytes); `safe_filename` makes it fit to
        be sent. `on_progress` is called with the bytes sent and the bytes in total; it starts again from 0 if the
        upload is repeated. Raises SourceError if the file cannot be read or changes during the upload, and errors with
        `maybe_done=True` if the upload may have succeeded although no usable answer came.
        """
        if not isinstance(source, str | Path | bytes) and not hasattr(source, "blocks"):
            raise InputError(f"source is of type {type(source).__name__}; it is a path or bytes")
        content = Path(source) if isinstance(source, str) else source
        name = filename or (content.name if isinstance(content, Path) else "upload.bin")
        body = functools.partial(
            UploadBody,
            content,
            filename=safe_filename(name),
            client_reference_id=client_reference_id,
            on_progress=on_progress,
        )
        return await self._ask(
            "POST", "/files", self._object("id", maybe_done=True), priority=priority, upload=body, spends=True
        )

    async def upload_elsewhere(
        self, send: Callable[[], Awaitable[Reply]], *, priority: Priority = Priority.SUBMIT
    ) -> Json:
        """Let another process send the upload of a file, and return the file with its ``id``, as `upload_file` does.

        `send` is called for each attempt, as soon as the budget allows a request. It lets the other process call
        `upload_once`, and returns the answer.
        """
        check = self._object("id", maybe_done=True)
        return await self._ask("POST", "/files", check, priority=priority, spends=True, send=send)

    async def upload_once(self, source: Path, *, filename: str, client_reference_id: str) -> Reply:
        """Send the request of `upload_elsewhere`, without a budget, retries and checks, and return the answer."""
        body = functools.partial(
            UploadBody, source, filename=safe_filename(filename), client_reference_id=client_reference_id
        )
        return await self._transport.send_once("POST", "/files", upload=body)

    async def list_files(
        self, *, limit: int = 1000, cursor: str | None = None, priority: Priority = Priority.URGENT
    ) -> Json:
        """Return one page of files: ``files``, each with ``id``, and ``next_page_cursor``; see `iterate`."""
        return await self._page("/files", "files", limit, cursor, priority, "id")

    async def count_files(self, *, priority: Priority = Priority.URGENT) -> Json:
        """Return the number of stored files: ``total``, ``public_api`` and ``playground``."""
        return await self._ask("GET", "/files/count", self._count, priority=priority)

    async def get_file(self, file_id: str, *, priority: Priority = Priority.URGENT) -> Json:
        """Return one file."""
        check = self._object("id", only_id=_checked_id(file_id))
        return await self._ask("GET", f"/files/{file_id}", check, priority=priority)

    async def get_file_url(self, file_id: str, *, priority: Priority = Priority.URGENT) -> Json:
        """Return a ``url`` that serves the file for about an hour. Not every version of the service has this."""
        return await self._ask("GET", f"/files/{_checked_id(file_id)}/url", self._object("url"), priority=priority)

    async def delete_file(self, file_id: str, *, priority: Priority = Priority.CLEAN) -> None:
        """Delete a file. Raises NotFoundError if it did not exist at the first request."""
        await self._ask("DELETE", f"/files/{_checked_id(file_id)}", _nothing, priority=priority)

    # Transcriptions

    async def create_transcription(self, body: Mapping[str, Any], *, priority: Priority = Priority.SUBMIT) -> Json:
        """Create a job from ``options.body()`` and ``file_id`` or ``audio_url``. Returns it with ``id`` and ``status``.

        For an unknown model, the error lists the models that exist. After an error with `maybe_done=True` the job may
        have been created; look for its ``client_reference_id`` in the listing before sending the request again.
        """
        check = self._object("id", "status", maybe_done=True)
        value = body.get("webhook_auth_header_value")
        secrets = (Secret(value),) if isinstance(value, str) else ()
        try:
            return await self._ask(
                "POST", "/transcriptions", check, priority=priority, json=body, spends=True, secrets=secrets
            )
        except RequestError as error:
            if not _is_about_model(error):
                raise
            explained = await self._naming_models(error, str(body.get("model")))
        raise explained

    async def list_transcriptions(
        self, *, limit: int = 1000, cursor: str | None = None, priority: Priority = Priority.URGENT
    ) -> Json:
        """Return one page of jobs: ``transcriptions``, each with ``id`` and ``status``, and ``next_page_cursor``."""
        return await self._page("/transcriptions", "transcriptions", limit, cursor, priority, "id", "status")

    async def count_transcriptions(self, *, priority: Priority = Priority.URGENT) -> Json:
        """Return the number of stored jobs: ``total``, ``public_api`` and ``playground``."""
        return await self._ask("GET", "/transcriptions/count", self._count, priority=priority)

    async def get_transcription(self, transcription_id: str, *, priority: Priority = Priority.URGENT) -> Json:
        """Return one job."""
        check = self._object("id", "status", only_id=_checked_id(transcription_id))
        return await self._ask("GET", f"/transcriptions/{transcription_id}", check, priority=priority)

    async def get_transcript(
        self, transcription_id: str, *, audio_ms: float | None = None, priority: Priority = Priority.FETCH
    ) -> bytes:
        """Return the complete JSON of the job's transcript as bytes, for `decode.decode_transcript`.

        `audio_ms` is the duration of the audio, if it is known; it limits the accepted size of the transcript. Raises
        InvalidStateError if the job is not completed or has failed. Raises BadAnswerError at the first answer that is
        not a transcript of this job, because a damaged transcript often stays damaged.
        """

        def check(reply: Reply) -> bytes:
            return check_transcript(reply, self.connection, transcription_id)

        path = f"/transcriptions/{_checked_id(transcription_id)}/transcript"
        audio_ms = LONGEST_AUDIO_MS if audio_ms is None else min(audio_ms, LONGEST_AUDIO_MS)
        longest = LONGEST_ANSWER + int(audio_ms / 1000 * TRANSCRIPT_BYTES_PER_S)
        return await self._ask("GET", path, check, priority=priority, longest=longest, again_if_damaged=False)

    async def delete_transcription(self, transcription_id: str, *, priority: Priority = Priority.CLEAN) -> None:
        """Delete a job and its transcript, but not its file.

        Raises InvalidStateError if the job is still being processed.
        """
        path = f"/transcriptions/{_checked_id(transcription_id)}"
        await self._ask("DELETE", path, _nothing, priority=priority)

    # The account

    async def list_models(self, *, priority: Priority = Priority.URGENT) -> Json:
        """Return the available ``models``, each with its ``id`` and its languages."""

        def check(reply: Reply) -> Json:
            return check_models(reply, self.connection)

        return await self._ask("GET", "/models", check, priority=priority)

    async def create_temporary_api_key(
        self,
        *,
        usage_type: str = "transcribe_websocket",
        expires_in_seconds: int = 300,
        client_reference_id: str | None = None,
        single_use: bool | None = None,
        max_session_duration_seconds: int | None = None,
        priority: Priority = Priority.URGENT,
    ) -> Json:
        """Return ``api_key`` and ``expires_at`` of a key for a browser, which opens streams for 1 to 3600 seconds."""
        fields = {
            "usage_type": usage_type,
            "expires_in_seconds": expires_in_seconds,
            "client_reference_id": client_reference_id,
            "single_use": single_use,
            "max_session_duration_seconds": max_session_duration_seconds,
        }
        body = {name: value for name, value in fields.items() if value is not None}

        def check(reply: Reply) -> Json:
            made = object_of(reply, self.connection, "api_key", "expires_at")
            key = made["api_key"]
            if not (key.isascii() and key.isprintable()) or " " in key or len(key) > 4096:
                raise BadAnswerError(
                    f"{reply.request_name}: the answer contains something that cannot be a key", status=reply.status
                )
            return made

        # The request may be repeated, because a key that was not received expires by itself.
        return await self._ask("POST", "/auth/temporary-api-key", check, priority=priority, json=body, holds_key=True)

    async def usage_logs(
        self,
        *,
        start_time: str | datetime,
        end_time: str | datetime,
        limit: int = 1000,
        sort: str | None = None,
        cursor: str | None = None,
        priority: Priority = Priority.URGENT,
    ) -> Json:
        """Return one page of ``usage_logs``: requests that ended in the window (at most 31 days), with their USD cost.

        Times are ISO 8601 in UTC or aware datetimes. `sort` is ``"end_time_asc"`` or ``"end_time_desc"``.
        """
        limit = check_number(limit, "limit", whole=True, least=1, most=1000)
        params = {
            **_window(start_time, end_time),
            "limit": limit,
            "sort": sort,
            "cursor": cursor,
        }

        def check(reply: Reply) -> Json:
            return check_usage_logs(reply, self.connection)

        params = _without_none(params)
        return await self._ask("GET", "/usage-logs", check, priority=priority, params=params, longest=LONGEST_PAGE)

    async def usage_summary(
        self, *, start_time: str | datetime, end_time: str | datetime, priority: Priority = Priority.URGENT
    ) -> Json:
        """Return ``total`` and ``models``: requests, tokens and cost by UTC day (at most 366 days)."""

        def check(reply: Reply) -> Json:
            return check_usage(reply, self.connection)

        params = _window(start_time, end_time)
        return await self._ask("GET", "/usage/summary", check, priority=priority, params=params)

    async def concurrency_limits(self, *, priority: Priority = Priority.URGENT) -> Json:
        """Return the open streams and their limits, for ``project`` and ``organization``."""
        return await self._ask("GET", "/concurrency-limits", self._object(), priority=priority)

    async def concurrent_streams_history(
        self,
        *,
        start_time: str | datetime,
        end_time: str | datetime,
        period_sec: int = 60,
        kind: str = "stt",
        priority: Priority = Priority.URGENT,
    ) -> Json:
        """Return ``entries`` with the number of open streams in each period of 60, 3600 or 86400 seconds."""
        params = {**_window(start_time, end_time), "period_sec": period_sec, "kind": kind}
        return await self._ask("GET", "/concurrent-streams-history", self._object(), priority=priority, params=params)

    async def iterate(
        self, list_method: Callable[..., Awaitable[Json]], **arguments: Any
    ) -> AsyncGenerator[Json, None]:
        """Yield every item of a list, page by page: ``async for file in client.iterate(client.list_files): ...``

        Raises BadAnswerError if the list would never end: a cursor is repeated, ten pages in a row have no new items,
        or there are ten thousand pages.
        """
        cursors: set[str] = set()
        ids: set[str] = set()
        barren = 0
        cursor: str | None = None
        while True:
            page = await list_method(cursor=cursor, **arguments)
            items = next(page[name] for name in ("files", "transcriptions", "usage_logs") if name in page)
            page_ids = {str(item.get("id") or item.get("uuid") or item) for item in items}
            for item in items:
                yield item
            cursor = page["next_page_cursor"]
            if not cursor:
                return
            if cursor in cursors:
                raise BadAnswerError(
                    f"the list returned its cursor {cursor[:80]!r} a second time, so it would never end"
                )
            barren = barren + 1 if page_ids <= ids else 0
            if barren >= MOST_BARREN_PAGES or len(cursors) >= MOST_PAGES:
                raise BadAnswerError(
                    f"the list has {len(cursors) + 1} pages, the last {barren} of them contain nothing new, and "
                    "another page is announced, so it would never end"
                )
            cursors.add(cursor)
            ids |= page_ids

    def _object(self, *keys: str, maybe_done: bool = False, only_id: str | None = None) -> Callable[[Reply], Json]:
        def check(reply: Reply) -> Json:
            return object_of(reply, self.connection, *keys, maybe_done=maybe_done, only_id=only_id)

        return check

    def _count(self, reply: Reply) -> Json:
        value = object_of(reply, self.connection)
        total = value.get("total")
        if not is_number(total, whole=True, least=0):
            raise BadAnswerError(f"{reply.request_name}: the answer has no whole number 'total'", status=reply.status)
        return value

    async def _page(
        self, path: str, items: str, limit: int, cursor: str | None, priority: Priority, *keys: str
    ) -> Json:
        limit = check_number(limit, "limit", whole=True, least=1, most=1000)
        params = _without_none({"limit": limit, "cursor": cursor})

        def check(reply: Reply) -> Json:
            return page_of(reply, self.connection, items, *keys)

        return await self._ask("GET", path, check, priority=priority, params=params, longest=LONGEST_PAGE)

    async def _naming_models(self, error: RequestError, model: str) -> RequestError:
        """Return the same error with a list of the models that exist, which is requested once."""
        async with self._models_lock:
            try:
                if self._async_models is None:
                    models = (await self.list_models())["models"]
                    self._async_models = [m["id"] for m in models if m.get("transcription_mode") != "real_time"]
                names = self._async_models
                advice = f"{did_you_mean(model, names)} The service has these models for recordings: {', '.join(names)}"
            except SonioxDSError as failure:
                advice = f" The list of models could not be requested: {failure}"
        return RequestError(
            f"{error} The requested model is {model!r}.{advice}",
            status=error.status,
            error_type=error.error_type,
            request_id=error.request_id,
            validation_errors=error.validation_errors,
        )


def _nothing(reply: Reply) -> None:
    """Accept the answer to a deletion, which has no content."""


def _is_about_model(error: RequestError) -> bool:
    if error.status != 400:
        return False
    places = [str(item.get("location", "")) for item in error.validation_errors]
    return error.error_type == "model_not_available" or any(place.split(".")[-1] == "model" for place in places)


def _checked_id(value: str) -> str:
    # An empty id, or "../", would turn DELETE /files/<id> into a different request.
    if not is_id(value):
        raise InputError(f"{str(value)[:80]!r} is not an id of the service; it is a string such as a UUID")
    return value


def _window(start_time: str | datetime, end_time: str | datetime) -> Json:
    return {"start_time": _iso(start_time, "start_time"), "end_time": _iso(end_time, "end_time")}


def _iso(value: str | datetime, name: str) -> str:
    if isinstance(value, str):
        return value
    if value.tzinfo is None:
        raise InputError(f"{name} is {value!r}, which has no time zone; use datetime.now(UTC) or a string ending in Z")
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _without_none(values: Mapping[str, Any]) -> Json:
    return {name: value for name, value in values.items() if value is not None}
