"""HTTP server of the stand-in: REST under ``/v1`` and the websocket, on one port.

Conventions: this layer translates between HTTP and the rules and decides nothing. Every request passes `_door`, in this
order: record, route, key, rate, faults before the work, the work, faults after it. There are no redirects: a path with
a trailing slash is unknown. Bodies are JSON in UTF-8 and have every optional key, with null if there is no value.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict

import msgspec
from aiohttp import web

from soniox_ds.emulator.answers import answer_with, error_answer, json_answer, reset, silence
from soniox_ds.emulator.clock import ServiceClock
from soniox_ds.emulator.faults import AFTER, ANSWERED, REFUSING, Fault, Faults
from soniox_ds.emulator.jobs import JobRunner
from soniox_ds.emulator.recognizers import Recognizer
from soniox_ds.emulator.refusals import Refusal, balance, too_large
from soniox_ds.emulator.rules import Job, Rules
from soniox_ds.emulator.store import AudioStore, TooLarge
from soniox_ds.emulator.uploads import SLACK_BYTES, receive
from soniox_ds.emulator.validation import parse_json
from soniox_ds.emulator.visits import Created, Handler, RequestRecord, Visit, WebhookRecord
from soniox_ds.emulator.websocket import StreamDoor

__all__ = ["Server"]

_log = logging.getLogger(__name__)

_BODY_LIMIT = 4 << 20
_URL_LIFE_S = 3600
_WEBSOCKET_PATH = "/transcribe-websocket"


class Server:
    """A service with its rules, jobs and socket, in one event loop."""

    def __init__(
        self,
        rules: Rules,
        recognizer: Recognizer,
        store: AudioStore,
        clock: ServiceClock,
        faults: Faults,
        *,
        slots: int = 64,
        queue_s: float = 0.2,
        refuse_key_in_message: bool = False,
    ) -> None:
        self.rules = rules
        self.faults = faults
        self.requests: list[RequestRecord] = []
        self.webhooks: list[WebhookRecord] = []
        self.created = Created()
        self._recognizer = recognizer
        self._store = store
        rules.discard = lambda file: store.drop(file.path)
        self._clock = clock
        self._slots = slots
        self._queue_s = queue_s
        self._refuse_key_in_message = refuse_key_in_message
        self._links: dict[str, tuple[str, float]] = {}
        self._stopping = asyncio.Event()
        self.port = 0

    @property
    def open_streams(self) -> int:
        """Number of real-time sessions that have started and not ended."""
        return self._streams.sessions

    async def start(self, port: int) -> int:
        """Listen on loopback, and return the port."""
        self._jobs = JobRunner(
            self.rules,
            self._recognizer,
            self._store,
            self._clock,
            slots=self._slots,
            queue_s=self._queue_s,
            webhooks=self.webhooks,
        )
        self._streams = StreamDoor(
            self.rules,
            self._recognizer,
            self.faults,
            self._clock,
            refuse_key_in_message=self._refuse_key_in_message,
        )
        application = web.Application(middlewares=[self._outside], client_max_size=_BODY_LIMIT)
        application.add_routes(self._routes())
        self._runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        return self.port

    async def stop(self) -> None:
        """Close the sockets, end the tasks and delete the audio."""
        self._stopping.set()
        # A connection that has just been accepted must be registered first: once listening ends, asyncio can neither
        # open nor close it.
        await _turns()
        await self._streams.close()
        await self._runner.cleanup()
        await self._jobs.close()
        # Connections that were just closed release their sockets in one of the next turns of the loop.
        await _turns()
        self._store.close()

    def _routes(self) -> list[web.RouteDef]:
        def add(method: str, path: str, handler: Handler, route: str, permission: str | None) -> web.RouteDef:
            async def handle(request: web.Request) -> web.StreamResponse:
                record = RequestRecord(method=method, path=request.path, route=route, time_s=self.rules.now())
                self.requests.append(record)
                return await self._door(request, handler, Visit(record=record), permission)

            return web.route(method, path, handle)

        rules, usage = self.rules, self.rules.usage
        return [
            add("POST", "/v1/files", self._upload, "upload", "files"),
            add(
                "GET",
                "/v1/files",
                _answer(lambda call, project: rules.list_files(call.query, project)),
                "files",
                "files",
            ),
            add("GET", "/v1/files/count", _answer(lambda _, project: rules.count_files(project)), "other", "files"),
            add(
                "GET",
                "/v1/files/{id}",
                _answer(lambda call, project: rules.file(_id(call), project).wire()),
                "files",
                "files",
            ),
            add("GET", "/v1/files/{id}/url", self._file_url, "files", "files"),
            add("DELETE", "/v1/files/{id}", _delete(rules.delete_file), "delete_file", "files"),
            add("POST", "/v1/transcriptions", self._create, "create", "stt_async"),
            add(
                "GET",
                "/v1/transcriptions",
                _answer(lambda call, project: rules.list_jobs(call.query, project)),
                "list",
                "stt_async",
            ),
            add(
                "GET",
                "/v1/transcriptions/count",
                _answer(lambda _, project: rules.count_jobs(project)),
                "other",
                "stt_async",
            ),
            add(
                "GET",
                "/v1/transcriptions/{id}",
                _answer(lambda call, project: rules.job(_id(call), project).wire()),
                "get",
                "stt_async",
            ),
            add("GET", "/v1/transcriptions/{id}/transcript", self._transcript, "transcript", "stt_async"),
            add("DELETE", "/v1/transcriptions/{id}", _delete(rules.delete_job), "delete_transcription", "stt_async"),
            add("GET", "/v1/models", _answer(lambda *_: rules.catalog.listing()), "other", None),
            add("POST", "/v1/auth/temporary-api-key", self._mint, "other", "temporary_keys"),
            add("GET", "/v1/usage-logs", _answer(lambda call, _: usage.logs(call.query)), "other", "usage"),
            add("GET", "/v1/usage/summary", _answer(lambda call, _: usage.summary(call.query)), "other", "usage"),
            add("GET", "/v1/concurrency-limits", self._concurrency, "other", "usage"),
            add(
                "GET",
                "/v1/concurrent-streams-history",
                _answer(lambda call, _: usage.stream_history(call.query)),
                "other",
                "usage",
            ),
            web.get("/content/{token}", self._content),
            web.get(_WEBSOCKET_PATH, self._websocket),
        ]

    # the door -------------------------------------------------------------------------------------------------------

    async def _door(
        self, request: web.Request, handler: Handler, visit: Visit, permission: str | None
    ) -> web.StreamResponse:
        record = visit.record
        request_id = str(uuid.uuid4())
        response: web.StreamResponse
        try:
            visit.caller = self.rules.keys.of_header(request.headers.get("Authorization"))
            record.project = visit.project
            if permission is not None:
                visit.caller.need(permission)
            self.rules.admit_request()
            fault = visit.fault = self.faults.draw(record.route)
            record.fault = fault.kind if fault else None
            early = await self._before(request, visit) if fault else None
            if early is not None:
                return early
            response = await handler(request, visit)
            if fault is not None and fault.kind in AFTER:
                response = await answer_with(request, response, fault, self._stopping)
                record.status = response.status if fault.kind in ANSWERED else None
                return response
        except Refusal as refusal:
            response = error_answer(refusal, request_id)
        except (web.HTTPException, ConnectionError) as error:
            # A body that exceeds the limit, or is truncated.
            response = error_answer(
                Refusal(400, "invalid_request", f"Malformed request ({type(error).__name__})."), request_id
            )
        except Exception:  # noqa: BLE001  a mistake of ours must be a 500 with a log entry, not a silent disconnection
            _log.exception("%s %s failed", request.method, request.path)
            response = error_answer(Refusal(500, "internal_error", "Internal server error."), request_id)
        record.status = response.status
        return response

    @web.middleware
    async def _outside(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Handle unknown routes, and those that need no door."""
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status == 405:
                refusal = Refusal(405, "method_not_allowed", f"{request.method} is not allowed here.")
            else:
                refusal = Refusal(404, "not_found", f"There is no {request.method} {request.path}.")
            self.requests.append(
                RequestRecord(
                    method=request.method,
                    path=request.path,
                    route="unknown",
                    time_s=self.rules.now(),
                    status=refusal.status,
                )
            )
            return error_answer(refusal, str(uuid.uuid4()))

    async def _before(self, request: web.Request, visit: Visit) -> web.StreamResponse | None:
        """Apply a fault that comes before the work; returns None if the work is to be done."""
        fault = visit.fault
        if fault is None:
            return None
        if fault.kind == "html":
            page = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>\n"
            visit.record.status = 502
            return web.Response(status=502, text=page, content_type="text/html")
        if fault.kind in REFUSING:
            raise fault.refusal(visit.record.route)
        if fault.kind == "reset_before":
            return reset(request)
        if fault.kind == "timeout":
            return await silence(request, self._stopping)
        return None

    # files ----------------------------------------------------------------------------------------------------------

    async def _upload(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        limit = self.rules.limits.file_bytes
        # An announced length far above the limit is refused unread; the margin is for the other parts.
        self.rules.check_upload(0 if (request.content_length or 0) <= limit + SLACK_BYTES else limit + 1)
        try:
            upload = await receive(request, self._store, limit=limit)
        except TooLarge:
            raise too_large(limit) from None
        visit.record.client_reference_id = upload.client_reference_id
        try:
            file = self.rules.add_file(**asdict(upload), project=visit.project)
        except Refusal:
            self._store.drop(upload.path)
            raise
        return json_answer(file.wire(), 201)

    async def _file_url(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        file = self.rules.file(_id(request), visit.project)
        token = uuid.uuid4().hex
        self._links[token] = (file.id, self.rules.now() + _URL_LIFE_S)
        return json_answer({"url": f"http://127.0.0.1:{self.port}/content/{token}"})

    async def _content(self, request: web.Request) -> web.StreamResponse:
        file_id, until = self._links.get(request.match_info["token"], ("", 0.0))
        if self.rules.now() >= until:
            raise web.HTTPNotFound
        try:
            return web.FileResponse(self.rules.file(file_id).path)
        except Refusal:
            raise web.HTTPNotFound from None

    # transcriptions -------------------------------------------------------------------------------------------------

    async def _create(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        body = parse_json(await request.read())
        reference = body.get("client_reference_id")
        visit.record.client_reference_id = reference if isinstance(reference, str) else None
        if visit.caller is not None and not visit.caller.has_budget:
            raise balance("project_monthly_budget_exhausted")
        job = self.rules.create(body, visit.project)
        self._mark(job, visit.fault)
        self.created.by_reference[reference or ""] += 1
        self.created.by_audio[self.rules.file(body["file_id"]).sha256 if "file_id" in body else body["audio_url"]] += 1
        # The state at this moment, because the job may continue before the answer is written.
        answer = json_answer(job.wire(), 201)
        task = self._jobs.submit(job)
        if "early_webhook" in job.flags:
            await asyncio.wait([task])
        return answer

    def _mark(self, job: Job, fault: Fault | None) -> None:
        """Note the later fault of a new job."""
        if fault is None:
            return
        job.flags.add(fault.kind)
        if fault.kind == "listing_lag":
            job.unlisted_times = int(fault.options.get("listings", 0))
            if not job.unlisted_times:
                job.listed_from = job.created_at + float(fault.options.get("seconds", 5))
        if fault.kind == "late_webhook":
            job.webhook_delay_s = float(fault.options.get("seconds", 30))

    async def _transcript(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        # Encoding a long transcript takes a while, so it happens in a thread.
        transcript = self.rules.transcript(_id(request), visit.project)
        if len(transcript["tokens"]) < 5_000:
            return json_answer(transcript)
        body = await asyncio.to_thread(msgspec.json.encode, transcript)
        return web.Response(body=body, content_type="application/json")

    # the rest -------------------------------------------------------------------------------------------------------

    async def _mint(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        body = parse_json(await request.read())
        if visit.caller is not None and body.get("usage_type") == "transcribe_websocket":
            visit.caller.need("stt_rt")
        minted = self.rules.mint(body)
        visit.record.client_reference_id = body.get("client_reference_id")
        return json_answer(minted, 201)

    async def _concurrency(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        current = {"transcribe_concurrent": self._streams.sessions, "tts_concurrent": 0}
        limits = {"transcribe_concurrent": self.rules.limits.sessions, "tts_concurrent": None}
        organization = {"current": current, "limits": limits}
        project = {"current": current, "limits": dict.fromkeys(limits)}
        return json_answer({"project": project, "organization": organization})

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        record = RequestRecord(method="GET", path=request.path, route="websocket", time_s=self.rules.now(), status=101)
        self.requests.append(record)
        return await self._streams.serve(request, record)


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def _id(request: web.Request) -> str:
    return request.match_info["id"]


def _answer(value_of: Callable[[web.Request, str], object]) -> Handler:
    """Return the handler of a route that only answers a question about a project, as JSON."""

    async def handle(request: web.Request, visit: Visit) -> web.StreamResponse:
        return json_answer(value_of(request, visit.project))

    return handle


def _delete(delete: Callable[[str, str], None]) -> Handler:
    """Return the handler of a route that deletes what the id in its path names."""

    async def handle(request: web.Request, visit: Visit) -> web.StreamResponse:
        delete(_id(request), visit.project)
        return web.Response(status=204)

    return handle
