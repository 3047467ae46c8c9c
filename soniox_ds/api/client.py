"""The REST API: one coroutine for each endpoint, plain dicts out.

Conventions: names, fields and units are the API's. An answer is a dict once the keys that the package relies on are
there; what else the service sends is kept. Every request takes its turn in the budget; `priority` overrides the
endpoint's usual one. All raise the classes of `soniox_ds.exceptions`.
"""

from __future__ import annotations

import asyncio
import difflib
import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from soniox_ds.api.budget import Priority, RequestBudget
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection, Secret
from soniox_ds.api.multipart import UploadBody, safe_filename
from soniox_ds.api.responses import Reply, check_models, check_transcript, check_usage, is_id, object_of, page_of
from soniox_ds.api.transport import LONGEST_ANSWER, Transport
from soniox_ds.exceptions import BadAnswerError, InputError, RequestError, SonioxDSError
from soniox_ds.options import Retry

__all__ = ["Client"]

Json = dict[str, Any]

LONGEST_PAGE = 128 << 20
"""Bytes of a page of a list: a thousand jobs, each with its context and the address of its audio."""
TRANSCRIPT_BYTES_PER_S = 16_000
"""Bytes of a transcript for each second of its audio: more than four times what fast, translated speech takes."""
LONGEST_AUDIO_MS = 300 * 60_000
MOST_PAGES = 10_000
MOST_BARREN_PAGES = 10


class Client:
    """The REST API of one service, as an async context manager.

    Parameters
    ----------
    connection
        Where, and with which key.
    budget
        Shared by all who use the same account; None for no limit of ours.
    retry
        When to ask again.
    timeout_s
        Real seconds without a sign of life after which a request counts as failed.
    clock
        What waiting goes by.
    max_connections
        Sockets open at a time.

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
        retry: Retry | None = None,
        timeout_s: float = 60.0,
        clock: Clock | None = None,
        *,
        max_connections: int = 32,
    ) -> None:
        self.connection = connection
        self._transport = Transport(
            connection,
            budget=budget,
            retry=retry or Retry(),
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
        source: str | Path | bytes,
        *,
        filename: str | None = None,
        client_reference_id: str | None = None,
        on_progress: Callable[[int, int], object] | None = None,
        priority: Priority = Priority.SUBMIT,
    ) -> Json:
        """Upload a file, streamed from disk when `source` is a path; returns the file with its ``id``.

        `filename` is the path's last part when not given (``upload.bin`` for bytes); `safe_filename` makes it fit to be
        sent. `on_progress` is called with (bytes sent, bytes in all), from the start again when the upload is asked for
        again. Raises SourceError where the file cannot be read or changes on the way, and errors with
        `maybe_done=True` where the upload may be there although no usable answer came.
        """
        if not isinstance(source, str | Path | bytes):
            raise InputError(f"source is of type {type(source).__name__}; it is a path or bytes")
        content = source if isinstance(source, bytes) else Path(source)
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

    async def list_files(
        self, *, limit: int = 1000, cursor: str | None = None, priority: Priority = Priority.URGENT
    ) -> Json:
        """One page of files: ``files``, each with ``id``, and ``next_page_cursor``; see `iterate`."""
        return await self._page("/files", "files", limit, cursor, priority, "id")

    async def count_files(self, *, priority: Priority = Priority.URGENT) -> Json:
        """``total``, ``public_api`` and ``playground``: how many files are stored."""
        return await self._ask("GET", "/files/count", self._count, priority=priority)

    async def get_file(self, file_id: str, *, priority: Priority = Priority.URGENT) -> Json:
        """One file."""
        check = self._object("id", only_id=_checked_id(file_id))
        return await self._ask("GET", f"/files/{file_id}", check, priority=priority)

    async def get_file_url(self, file_id: str, *, priority: Priority = Priority.URGENT) -> Json:
        """``url``: where the file can be fetched for about an hour. Not every version of the service has this."""
        return await self._ask("GET", f"/files/{_checked_id(file_id)}/url", self._object("url"), priority=priority)

    async def delete_file(self, file_id: str, *, priority: Priority = Priority.CLEAN) -> None:
        """Delete a file; NotFoundError when it was not there at the first request."""
        await self._ask("DELETE", f"/files/{_checked_id(file_id)}", _nothing, priority=priority)

    # Transcriptions

    async def create_transcription(self, body: Mapping[str, Any], *, priority: Priority = Priority.SUBMIT) -> Json:
        """Create a job from ``options.body()`` and ``file_id`` or ``audio_url``; returns it with ``id`` and ``status``.

        An unknown model is answered with those that exist. Errors with `maybe_done=True` leave open whether the job was
        created; look for its ``client_reference_id`` in the listing before asking again.
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
        """One page of jobs: ``transcriptions``, each with ``id`` and ``status``, and ``next_page_cursor``."""
        return await self._page("/transcriptions", "transcriptions", limit, cursor, priority, "id", "status")

    async def count_transcriptions(self, *, priority: Priority = Priority.URGENT) -> Json:
        """``total``, ``public_api`` and ``playground``: how many jobs are stored."""
        return await self._ask("GET", "/transcriptions/count", self._count, priority=priority)

    async def get_transcription(self, transcription_id: str, *, priority: Priority = Priority.URGENT) -> Json:
        """One job."""
        check = self._object("id", "status", only_id=_checked_id(transcription_id))
        return await self._ask("GET", f"/transcriptions/{transcription_id}", check, priority=priority)

    async def get_transcript(
        self, transcription_id: str, *, audio_ms: float | None = None, priority: Priority = Priority.FETCH
    ) -> bytes:
        """The transcript's JSON as bytes, whole and of this job, for `decode.decode_transcript`.

        `audio_ms` is the length of the audio where it is known: it bounds how much is taken for a transcript. Raises
        InvalidStateError while the job is not completed, and when it failed; BadAnswerError for the first answer that
        is no transcript of this job: a damaged one often stays so.
        """

        def check(reply: Reply) -> bytes:
            return check_transcript(reply, self.connection, transcription_id)

        path = f"/transcriptions/{_checked_id(transcription_id)}/transcript"
        audio_ms = LONGEST_AUDIO_MS if audio_ms is None else min(audio_ms, LONGEST_AUDIO_MS)
        longest = LONGEST_ANSWER + int(audio_ms / 1000 * TRANSCRIPT_BYTES_PER_S)
        return await self._ask("GET", path, check, priority=priority, longest=longest, again_if_damaged=False)

    async def delete_transcription(self, transcription_id: str, *, priority: Priority = Priority.CLEAN) -> None:
        """Delete a job and its transcript, not its file; InvalidStateError while it is being processed."""
        path = f"/transcriptions/{_checked_id(transcription_id)}"
        await self._ask("DELETE", path, _nothing, priority=priority)

    # The account

    async def list_models(self, *, priority: Priority = Priority.URGENT) -> Json:
        """``models``, each with ``id``: what can be asked for, with the languages of each."""

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
        """``api_key`` and ``expires_at``: a key to hand to a browser; it opens streams for 1 to 3600 seconds."""
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
                raise BadAnswerError(f"{reply.what}: the answer holds what cannot be a key", status=reply.status)
            return made

        # asked again freely: a key that nobody received expires by itself
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
        """One page of ``usage_logs``: requests that ended in the window (at most 31 days), with their cost in USD.

        Times are ISO 8601 in UTC or aware datetimes; `sort` is ``"end_time_asc"`` or ``"end_time_desc"``.
        """
        params = {**_window(start_time, end_time), "limit": _checked_limit(limit), "sort": sort, "cursor": cursor}

        def check(reply: Reply) -> Json:
            return page_of(reply, self.connection, "usage_logs")

        params = _without_none(params)
        return await self._ask("GET", "/usage-logs", check, priority=priority, params=params, longest=LONGEST_PAGE)

    async def usage_summary(
        self, *, start_time: str | datetime, end_time: str | datetime, priority: Priority = Priority.URGENT
    ) -> Json:
        """``total`` and ``models``: requests, tokens and cost by UTC day (at most 366 of them)."""

        def check(reply: Reply) -> Json:
            return check_usage(reply, self.connection)

        params = _window(start_time, end_time)
        return await self._ask("GET", "/usage/summary", check, priority=priority, params=params)

    async def concurrency_limits(self, *, priority: Priority = Priority.URGENT) -> Json:
        """``project`` and ``organization``: streams open now, and how many may be."""
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
        """``entries``: how many streams were open in each period of 60, 3600 or 86400 seconds."""
        params = {**_window(start_time, end_time), "period_sec": period_sec, "kind": kind}
        return await self._ask("GET", "/concurrent-streams-history", self._object(), priority=priority, params=params)

    async def iterate(
        self, list_method: Callable[..., Awaitable[Json]], **arguments: Any
    ) -> AsyncGenerator[Json, None]:
        """Every item of a list, page by page: ``async for file in client.iterate(client.list_files): ...``

        Raises BadAnswerError where the list would never end: its cursor comes again, ten pages in a row have nothing
        new, or there are ten thousand pages.
        """
        cursors: set[str] = set()
        ids: set[str] = set()
        barren = 0
        cursor: str | None = None
        while True:
            page = await list_method(cursor=cursor, **arguments)
            items = next(page[name] for name in ("files", "transcriptions", "usage_logs") if name in page)
            found = {str(item.get("id") or item.get("uuid") or item) for item in items}
            for item in items:
                yield item
            cursor = page["next_page_cursor"]
            if not cursor:
                return
            if cursor in cursors:
                raise BadAnswerError(f"the list came back to its cursor {cursor[:80]!r}, so it would never end")
            barren = barren + 1 if found <= ids else 0
            if barren >= MOST_BARREN_PAGES or len(cursors) >= MOST_PAGES:
                raise BadAnswerError(
                    f"the list has {len(cursors) + 1} pages, nothing new on the last {barren} of them, and yet another "
                    "one is to follow, so it would never end"
                )
            cursors.add(cursor)
            ids |= found

    def _object(self, *keys: str, maybe_done: bool = False, only_id: str | None = None) -> Callable[[Reply], Json]:
        def check(reply: Reply) -> Json:
            return object_of(reply, self.connection, *keys, maybe_done=maybe_done, only_id=only_id)

        return check

    def _count(self, reply: Reply) -> Json:
        value = object_of(reply, self.connection)
        total = value.get("total")
        if not isinstance(total, int) or isinstance(total, bool) or total < 0:
            raise BadAnswerError(f"{reply.what}: the answer has no whole number 'total'", status=reply.status)
        return value

    async def _page(
        self, path: str, items: str, limit: int, cursor: str | None, priority: Priority, *keys: str
    ) -> Json:
        params = _without_none({"limit": _checked_limit(limit), "cursor": cursor})

        def check(reply: Reply) -> Json:
            return page_of(reply, self.connection, items, *keys)

        return await self._ask("GET", path, check, priority=priority, params=params, longest=LONGEST_PAGE)

    async def _naming_models(self, error: RequestError, model: str) -> RequestError:
        """The same error, followed by the models that exist; they are looked up once."""
        async with self._models_lock:
            try:
                if self._async_models is None:
                    models = (await self.list_models())["models"]
                    self._async_models = [m["id"] for m in models if m.get("transcription_mode") != "real_time"]
                names = self._async_models
                near = difflib.get_close_matches(model, names, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                advice = f"{hint}The service has these models for recordings: {', '.join(names)}"
            except SonioxDSError as failure:
                advice = f"The models that exist could not be asked for: {failure}"
        return RequestError(
            f"{error} The model asked for is {model!r}. {advice[0].upper()}{advice[1:]}",
            status=error.status,
            error_type=error.error_type,
            request_id=error.request_id,
            validation_errors=error.validation_errors,
        )


def _nothing(reply: Reply) -> None:
    """A deletion's answer has no content."""


def _is_about_model(error: RequestError) -> bool:
    if error.status != 400:
        return False
    places = [str(item.get("location", "")) for item in error.validation_errors]
    return error.error_type == "model_not_available" or any(place.split(".")[-1] == "model" for place in places)


def _checked_id(value: str) -> str:
    # An empty id would turn DELETE /files/<id> into another request altogether, "../" too.
    if not is_id(value):
        raise InputError(f"{str(value)[:80]!r} is not an id of the service; it is a string such as a UUID")
    return value


def _checked_limit(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise InputError(f"limit is {value!r}; it is a whole number from 1 to 1000")
    return value


def _window(start_time: str | datetime, end_time: str | datetime) -> Json:
    return {"start_time": _iso(start_time, "start_time"), "end_time": _iso(end_time, "end_time")}


def _iso(value: str | datetime, name: str) -> str:
    if isinstance(value, str):
        return value
    if value.tzinfo is None:
        raise InputError(f"{name} is {value!r} without a time zone; use datetime.now(UTC) or a string ending in Z")
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _without_none(values: Mapping[str, Any]) -> Json:
    return {name: value for name, value in values.items() if value is not None}
