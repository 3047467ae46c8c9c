"""The receiver of webhooks: an ASGI application that writes each delivery to the journal before it answers.

Conventions: the service sends ``POST`` with the body ``{"id": ..., "status": "completed" | "error"}`` and, in a header
that was agreed on, a secret. There is no signature. Every answer but 2xx makes the service send the webhook again, a
few times within a short period. A delivery may come twice, late, and before the answer to the request that created the
transcription, so every id is kept, whether the journal knows it or not.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import secrets
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import msgspec

from soniox_ds._arguments import check_number
from soniox_ds.api.connection import Secret
from soniox_ds.api.responses import is_id
from soniox_ds.batch.journal import Journal, resolve_path
from soniox_ds.exceptions import JournalError, OptionsError, SetupError
from soniox_ds.options import TranscriptionOptions
from soniox_ds.options.addresses import public_webhook

if TYPE_CHECKING:
    from soniox_ds.batch.webhook_server import WebhookServer

__all__ = ["HEADER_NAME", "HEADER_VALUE", "LARGEST_BODY", "WebhookReceiver", "check_webhook", "listening", "receiving"]

HEADER_NAME = "SONIOX_API_WEBHOOK_HEADER"
"""Environment variable that names the header. The official SDK reads the same variables."""
HEADER_VALUE = "SONIOX_API_WEBHOOK_SECRET"
"""Environment variable with the value of the header."""
DEFAULT_HEADER = "X-Soniox-Webhook-Secret"
LARGEST_BODY = 16_384
"""Largest number of bytes in a body. A real body has fewer than a hundred."""
KEPT_S = 31 * 86_400.0
"""Seconds for which a delivery is kept. The service deletes transcriptions after 30 days."""
LONGEST_BODY_S = 10.0
"""Seconds within which a body must arrive."""
UNREAD = (401, 405, 408, 413)
"""Statuses that are answered before the whole body is read. The connection is closed then, so that the rest is not."""
TIDY_UP_S = 86_400.0
"""Seconds between two removals of old deliveries."""

log = logging.getLogger("soniox_ds.webhooks")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _Delivery(msgspec.Struct):
    """The body of a webhook. Further fields are ignored."""

    id: str
    status: Literal["completed", "error"]


class _Answer(NamedTuple):
    status: int
    text: str


class WebhookReceiver:
    """A receiver of the service's webhooks, which tell when a transcription is done.

    Pass it to `transcribe` as ``webhook=``: the run then waits for deliveries instead of asking the service again and
    again which jobs are done. The receiver itself is an ASGI application. There are three ways to run it: mount it in
    your own application (FastAPI, Starlette, ...), start ``soniox-ds webhooks``, or give it a `port`, so that the call
    of `transcribe` runs it. Wherever it runs, it must write to the journal of the run. See docs/webhooks.md.

    Parameters
    ----------
    url
        Address at which the service reaches the receiver: http or https, at most 256 characters. A run needs it. If the
        receiver has a `port` and no `url`, its address is that of this machine, which only the stand-in can reach. The
        address of a receiver that is mounted in FastAPI or Starlette ends with a slash.
    port
        Port on which `transcribe` runs the receiver for the time of the call; 0 takes a free one. With None, the
        receiver runs elsewhere. This needs the package uvicorn: ``pip install "soniox_ds[webhooks]"``.
    host
        Address to listen on, if there is a `port`. By default only programs on this machine can connect, such as a
        tunnel or a reverse proxy.
    journal
        The journal to write to; by default the journal of the run or, in an application of its own, the file in the
        user's cache folder.
    auth_header_name
        Name of the header that shows that a delivery comes from the service; by default from
        ``SONIOX_API_WEBHOOK_HEADER``, or else ``X-Soniox-Webhook-Secret``.
    auth_header_value
        Value of that header, a secret; by default from ``SONIOX_API_WEBHOOK_SECRET``. A receiver with a `port` makes
        one up if there is none.

    Raises
    ------
    OptionsError
        If an argument is wrong.
    SetupError
        If there is no value for the header. Without this secret, anybody could send deliveries.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> sx.WebhookReceiver("https://me.example/soniox", auth_header_value="open sesame")
    WebhookReceiver('https://me.example/soniox', auth_header_name='X-Soniox-Webhook-Secret')
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        port: int | None = None,
        host: str = "127.0.0.1",
        journal: str | Path | None = None,
        auth_header_name: str | None = None,
        auth_header_value: str | None = None,
    ) -> None:
        if port is not None:
            advice = "it is the number of a TCP port, or 0 for a free one"
            check_number(port, "port", whole=True, least=0, below=2**16, advice=advice, error=OptionsError)
        if not isinstance(host, str) or not host:
            raise OptionsError(f"host is {host!r}; it is an address to listen on, such as '127.0.0.1' or '0.0.0.0'")
        value = auth_header_value if auth_header_value is not None else os.environ.get(HEADER_VALUE)
        if value is None and port is not None:
            value = secrets.token_urlsafe(32)
        if not value:
            raise SetupError(
                f"there is no secret by which deliveries of webhooks are told from forgeries. Set {HEADER_VALUE} to a "
                "long random text, the same where the receiver runs and where sx.transcribe is called"
            )
        name = auth_header_name or os.environ.get(HEADER_NAME) or DEFAULT_HEADER
        TranscriptionOptions(  # checks the values
            webhook_url=url if url is not None else "http://127.0.0.1/",
            webhook_auth_header_name=name,
            webhook_auth_header_value=value,
        )
        self._url = url
        self.port = port
        self.host = host
        self.auth_header_name = name
        self._secret = Secret(value)
        self._expected = (name.lower().encode(), value.encode())
        self._path = None if journal is None else resolve_path(journal)
        self._journal: Journal | None = None
        self._tidied_s = 0.0
        self._server: WebhookServer | None = None
        self._users = 0
        self._running = threading.Lock()
        self._opening = threading.Lock()

    def __repr__(self) -> str:
        address = "" if self._url is None else f"{public_webhook(self._url)!r}, "
        port = "" if self.port is None else f"port={self.port}, "
        return f"WebhookReceiver({address}{port}auth_header_name={self.auth_header_name!r})"

    @property
    def url(self) -> str | None:
        """The address at which the service reaches the receiver; None if it is not known."""
        if self._url is None and self._server is not None:
            return self._server.url
        return self._url

    @property
    def journal(self) -> Path:
        """The file to which deliveries are written."""
        return self._path if self._path is not None else resolve_path(None)

    def journal_of_run(self, journal: str | Path | None) -> str | Path | None:
        """Return the journal for a run with this `journal` argument, which must be that of the receiver.

        A receiver that has no journal of its own takes that of the run.
        """
        if journal is None:
            return self._path
        path = resolve_path(journal)
        if self._path is None and self._server is None:
            self._path = path
        elif path != self.journal:
            raise OptionsError(
                f"the webhook receiver writes to the journal {self.journal}, and the run uses {path}, where no webhook "
                "would arrive; give both the same journal="
            )
        return journal

    def options(self) -> dict[str, str]:
        """Return the options of `transcribe` that make the service send webhooks here. They hold the secret.

        Raises
        ------
        OptionsError
            If the address is not known.
        """
        if self.url is None:
            raise OptionsError(
                "the receiver has no address to which the service could send webhooks; give it, as in "
                'WebhookReceiver("https://my.host/soniox"), with port=8000 if this call is to run it'
            )
        return {
            "webhook_url": self.url,
            "webhook_auth_header_name": self.auth_header_name,
            "webhook_auth_header_value": self._secret.reveal(),
        }

    def added_to(self, options: TranscriptionOptions) -> TranscriptionOptions:
        """Return the options of a run together with those of the webhook."""
        webhook: dict[str, Any] = {**self.options()}
        return replace(options, **webhook)

    # -- running -------------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen on `port`, in a thread, until `stop` is called as often as `start`.

        Raises
        ------
        OptionsError
            If the receiver has no port.
        SetupError
            If uvicorn is not installed, or if the port cannot be listened on.
        JournalError
            If the journal cannot be written.
        """
        if self.port is None:
            raise OptionsError("the receiver has no port to listen on; give one, as in WebhookReceiver(port=8000)")
        with self._running:
            if self._server is None:
                from soniox_ds.batch.webhook_server import WebhookServer

                self._open_journal()
                try:
                    self._server = WebhookServer(self, self.host, self.port)
                except BaseException:
                    self._close_journal()
                    raise
            self._users += 1
        return self

    def stop(self) -> None:
        """End the effect of one `start`."""
        with self._running:
            self._users -= 1
            if self._users == 0 and self._server is not None:
                self._server.close()
                self._server = None
                self._close_journal()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # -- the application -----------------------------------------------------------------------------------------------

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, as an ASGI application."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif (answer := await self._answer(scope, receive)) is not None:
            if answer.status >= 400:
                log.warning("a request was refused with %d: %s", answer.status, answer.text)
            body = msgspec.json.encode({"message": answer.text})
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            if answer.status == 405:
                headers.append((b"allow", b"POST"))
            if answer.status in UNREAD and scope.get("http_version", "1.1").startswith("1"):
                headers.append((b"connection", b"close"))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Message, receive: Receive) -> _Answer | None:
        """Take a delivery and return the answer to it, or None if the connection was closed before its end."""
        if scope["method"] != "POST":
            return _Answer(405, "webhooks are sent with POST")
        headers = [(name.lower(), value) for name, value in scope["headers"]]
        name, expected = self._expected
        values = [value for header, value in headers if header == name]
        if len(values) != 1 or not hmac.compare_digest(values[0], expected):
            return _Answer(401, f"the header {self.auth_header_name} is missing or wrong")
        announced = [value for header, value in headers if header == b"content-length"]
        is_too_large = any(value.isdigit() and int(value[:20]) > LARGEST_BODY for value in announced)
        body, is_whole = b"", False
        try:
            async with asyncio.timeout(LONGEST_BODY_S):
                while not (is_whole or is_too_large):
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    body += message.get("body", b"")
                    is_whole = not message.get("more_body", False)
                    is_too_large = len(body) > LARGEST_BODY
        except TimeoutError:
            return _Answer(408, f"the body did not arrive within {LONGEST_BODY_S:g} s")
        if is_too_large:
            return _Answer(413, f"the body has more than {LARGEST_BODY:,} bytes")
        try:
            delivery = msgspec.json.decode(body, type=_Delivery)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            delivery = None
        if delivery is None or not is_id(delivery.id):
            return _Answer(400, 'the body is not JSON of the form {"id": "...", "status": "completed" or "error"}')
        try:
            await self._write(delivery)
        except JournalError as error:
            log.error("a delivery could not be written, so that the service has to send it again: %s", error)
            return _Answer(503, "the delivery could not be written down; send it again later")
        return _Answer(200, "received")

    async def _write(self, delivery: _Delivery) -> None:
        """Commit a delivery to the journal. Deliveries that arrive at the same time are committed together."""
        journal = self._journal
        if journal is None or not journal.is_usable:
            journal = await asyncio.to_thread(self._open_journal)
        now_s = time.time()
        written = journal.note_delivery(delivery.id, delivery.status, now_s)
        if now_s - self._tidied_s > TIDY_UP_S:
            self._tidied_s = now_s
            await journal.forget_deliveries(now_s - KEPT_S)
        await written

    def _open_journal(self) -> Journal:
        """Return the journal, opened anew if its file was replaced or if this process was forked."""
        with self._opening:
            if self._journal is None or not self._journal.is_usable:
                self._journal = Journal.open(self.journal)
            return self._journal

    def _close_journal(self) -> None:
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        """Open the journal when the server starts and close it when the server ends."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await asyncio.to_thread(self._open_journal)
                except JournalError as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self._close_journal)
                await send({"type": "lifespan.shutdown.complete"})
                return


def check_webhook(webhook: object, options: TranscriptionOptions) -> None:
    """Raise OptionsError unless the argument ``webhook`` is None or a receiver, and the options name no other one."""
    if webhook is None:
        return
    if not isinstance(webhook, WebhookReceiver):  # The value may be an address with a secret, so it is not shown.
        raise OptionsError(
            f"webhook is a {type(webhook).__name__}; it is an object such as "
            'sx.WebhookReceiver("https://my.host/soniox")'
        )
    if options.webhook_url is not None:
        raise OptionsError(
            "webhook= and webhook_url= are given together, and each job has one webhook only. Give webhook= if the run "
            "is to use the deliveries, or webhook_url= if another program takes them"
        )


@asynccontextmanager
async def receiving(
    webhook: WebhookReceiver | None, options: TranscriptionOptions, journal: str | Path | None
) -> AsyncIterator[tuple[TranscriptionOptions, str | Path | None]]:
    """Run the receiver if it has a port, and return the options and the journal of a run that uses it."""
    if webhook is None:
        yield options, journal
        return
    journal = webhook.journal_of_run(journal)
    async with listening(webhook):
        yield webhook.added_to(options), journal


@asynccontextmanager
async def listening(webhook: WebhookReceiver | None) -> AsyncIterator[None]:
    """Run the receiver if there is one that has a port. Several calls at once share one server."""
    if webhook is None or webhook.port is None:
        yield
        return
    await asyncio.to_thread(webhook.start)
    try:
        yield
    finally:
        await asyncio.to_thread(webhook.stop)
