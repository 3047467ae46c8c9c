"""HTTP requests to the service, with budget, key, retries and errors.

Conventions: `spends` marks a request that costs money or storage when it is carried out. Such a request is repeated
only if the service cannot have carried it out (there was no connection, or a 429 by rate). All other requests are also
repeated after network failures, 5xx, 408 and unusable answers. Waits use the given clock; network timeouts are real
seconds. Redirects are never followed, because the key would be sent along. The size of every answer is limited, also
after it is unpacked.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import math
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import replace
from http.cookiejar import CookieJar
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from soniox_ds._arguments import check_number
from soniox_ds.api.budget import Priority, RequestBudget
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection, Secret
from soniox_ds.api.logs import hide_keys_of_httpcore
from soniox_ds.api.multipart import UploadBody
from soniox_ds.api.response_body import ENCODINGS, BadEncoding, TooLong, read_body
from soniox_ds.api.responses import Reply, error_of, retry_after_s
from soniox_ds.api.retry import RATE_LIMIT_SCALE, Backoff
from soniox_ds.exceptions import (
    BadAnswerError,
    ConnectionFailed,
    InputError,
    NotFoundError,
    QuotaError,
    RateLimitError,
    ServiceError,
    SetupError,
    SonioxDSError,
    error_type_of,
)

__all__ = ["LONGEST_ANSWER", "LONGEST_RETRY_AFTER_S", "Transport"]

LONGEST_RETRY_AFTER_S = 300.0
"""Longest wait in seconds that the service may ask for. The call fails if it asks for a longer wait."""

LONGEST_ANSWER = 16 << 20
"""Largest answer in unpacked bytes, unless the caller gives another limit."""
LONGEST_REFUSAL = 1 << 20
"""Number of bytes that are read of an answer that is not a success."""

log = logging.getLogger("soniox_ds.api")

T = TypeVar("T")


_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@functools.cache
def _ssl_context(trust_env: bool, cert_file: str | None, cert_dir: str | None) -> ssl.SSLContext:
    """Return the certificates for connections. To read them takes 20 to 100 ms, so this is done once.

    httpx reads the variables of the environment itself; here their values only tell the results apart.
    """
    return httpx.create_ssl_context(trust_env=trust_env)


class _Bearer(httpx.Auth):
    """Authentication that adds the key at the last moment, so that no attribute of the client holds the key."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self._connection.service_headers())
        yield request


class _NoCookies(CookieJar):
    """A cookie jar that stays empty, because the API sets no cookies."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        pass


async def _drop_redirect_address(response: httpx.Response) -> None:
    """Remove the address from a redirect, because httpx raises its own errors for addresses that it cannot parse."""
    response.headers.pop("location", None)


class Transport:
    """A pool of HTTP/1.1 connections to one service, as an async context manager."""

    def __init__(
        self,
        connection: Connection,
        *,
        budget: RequestBudget | None,
        retry: Backoff,
        timeout_s: float,
        clock: Clock,
        max_connections: int,
    ) -> None:
        check_number(timeout_s, "timeout_s", above=0, below=math.inf, advice="it is a positive number of seconds")
        check_number(max_connections, "max_connections", whole=True, least=1, advice="it is a number from 1")
        self.connection = connection
        self.budget = budget
        self.retry = retry
        self.timeout_s = timeout_s
        self.clock = clock
        self._max_connections = max_connections
        base_url = urlsplit(connection.api_base_url)
        self._base_path, self._host = base_url.path, base_url.netloc
        self._is_encrypted = base_url.scheme == "https"
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Transport:
        hide_keys_of_httpcore()
        try:
            self._http = self._client()
        except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
            raise SetupError(
                f"requests cannot be sent from this machine: {error}. Check the environment variables HTTPS_PROXY, "
                "HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR"
            ) from error
        return self

    def _client(self) -> httpx.AsyncClient:
        trust_env = self.connection.service != "local"
        return httpx.AsyncClient(
            auth=_Bearer(self.connection),
            headers={"User-Agent": f"soniox-ds (httpx {httpx.__version__})", "Accept-Encoding": ENCODINGS},
            cookies=_NoCookies(),
            event_hooks={"response": [_drop_redirect_address]},
            # A request may wait for a free connection of the pool without a timeout, as the network is not at fault.
            timeout=httpx.Timeout(self.timeout_s, connect=min(self.timeout_s, 20.0), pool=None),
            limits=httpx.Limits(
                max_connections=self._max_connections,
                max_keepalive_connections=min(self._max_connections, 8),
                keepalive_expiry=20.0,
            ),
            follow_redirects=False,
            # The proxies of the environment are not used for a service on this machine.
            trust_env=trust_env,
            verify=_ssl_context(trust_env, *map(os.environ.get, _CERTIFICATES)) if self._is_encrypted else False,
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def ask(
        self,
        method: str,
        path: str,
        check: Callable[[Reply], T],
        *,
        priority: Priority,
        params: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
        upload: Callable[[], UploadBody] | None = None,
        spends: bool = False,
        secrets: tuple[Secret, ...] = (),
        holds_key: bool = False,
        longest: int = LONGEST_ANSWER,
        again_if_damaged: bool = True,
        send: Callable[[], Awaitable[Reply]] | None = None,
    ) -> T:
        """Send a request, with retries, and return the result of `check` on the answer.

        If `send` is given, it is called for each attempt. It lets another process send the request, and returns the
        answer. `secrets` are values of the request that no message may show. `holds_key` is True if the answer holds a
        key. `longest` is the largest number of bytes in an answer. `again_if_damaged` is False if the request is not to
        be repeated after an answer that is a success by its status but cannot be used.

        Raises
        ------
        RequestError
            If the API refuses the request. QuotaError also if it asks for a pause of more than five minutes.
        ServiceError
            If the network or the service fails, also after retries. `maybe_done` is True if the request may have been
            carried out all the same.
        """
        request_name = f"{method} {self._base_path}{path}"
        wanted_wait_s: float | None = None
        attempt = 0

        async def once() -> T:
            nonlocal attempt, wanted_wait_s
            attempt += 1
            wanted_wait_s = None
            started_s = None if self.budget is None else await self.budget.take(priority)
            try:
                if send is not None:
                    reply = await send()
                else:
                    reply = await self._send(
                        method,
                        path,
                        request_name,
                        params=params,
                        json=json,
                        upload=upload,
                        attempt=attempt,
                        longest=longest,
                    )
            finally:
                if self.budget is not None:
                    self.budget.answered(started_s)
            reply = replace(reply, secrets=secrets, holds_key=holds_key)
            if 200 <= reply.status < 300:
                return check(reply)
            wanted_wait_s = retry_after_s(reply, self.clock.utcnow())
            error = error_of(reply, self.connection, maybe_done=method != "GET", spends=spends and upload is None)
            if isinstance(error, RateLimitError):
                if wanted_wait_s is not None and wanted_wait_s > LONGEST_RETRY_AFTER_S:
                    raise _closed_for_long(error, wanted_wait_s)
                if self.budget is not None:
                    self.budget.slow_down(wanted_wait_s)
            raise error

        def is_worth_it(error: BaseException) -> bool:
            if wanted_wait_s is not None and wanted_wait_s > LONGEST_RETRY_AFTER_S:
                return False
            if spends:
                return isinstance(error, RateLimitError) or (
                    isinstance(error, ConnectionFailed) and not error.maybe_done
                )
            if isinstance(error, BadAnswerError) and error.status in range(200, 300) and not again_if_damaged:
                return False
            is_redirect = isinstance(error, BadAnswerError) and error.status is not None and 300 <= error.status < 400
            return isinstance(error, ServiceError) and not is_redirect

        while True:
            try:
                return await once()
            except SonioxDSError as error:
                # If a repeated DELETE finds nothing, the first one has succeeded.
                is_gone = error_type_of(error) in ("file_not_found", "transcription_not_found")
                if method == "DELETE" and attempt > 1 and isinstance(error, NotFoundError) and is_gone:
                    return check(Reply(status=204, headers={}, body=b"", request_name=request_name))
                if attempt >= self.retry.attempts or not is_worth_it(error):
                    raise
                scale = RATE_LIMIT_SCALE if isinstance(error, RateLimitError) else 1.0
                wait_s = max(self.retry.wait_s(attempt, scale=scale), wanted_wait_s or 0.0)
                log.debug("%s failed (%s), retrying in %.1f s", request_name, error, wait_s)
            await self.clock.sleep(wait_s)

    async def send_once(self, method: str, path: str, *, upload: Callable[[], UploadBody]) -> Reply:
        """Send one request, without a budget and retries, and return the answer unchecked; see `send` of `ask`."""
        name = f"{method} {self._base_path}{path}"
        return await self._send(
            method, path, name, params=None, json=None, upload=upload, attempt=1, longest=LONGEST_ANSWER
        )

    async def _send(
        self,
        method: str,
        path: str,
        request_name: str,
        *,
        params: Mapping[str, Any] | None,
        json: Mapping[str, Any] | None,
        upload: Callable[[], UploadBody] | None,
        attempt: int,
        longest: int,
    ) -> Reply:
        """Send one request and return the answer. Exceptions of httpx become exceptions of this package here."""
        if self._http is None:
            raise RuntimeError("the client is not open; use it as: async with Client(connection) as client: ...")
        started_s = time.monotonic()
        problem: SonioxDSError | None = None
        body: UploadBody | None = None
        try:
            if upload is not None:
                body = await asyncio.to_thread(upload)
            request = self._request(method, path, params=params, json=json, body=body)
            # An answer that arrives byte by byte would never run into the timeout between two reads.
            async with asyncio.timeout(None if body is not None else self.timeout_s * 5) as limit:
                if body is not None:
                    body.when_sent = lambda: limit.reschedule(asyncio.get_running_loop().time() + self.timeout_s * 5)
                response = await self._http.send(request, stream=True)
                try:
                    content = await self._read(response, request_name, longest, maybe_done=method != "GET")
                finally:
                    await response.aclose()
        except SonioxDSError:
            raise
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError, OSError, ValueError) as error:
            problem = self._problem(error, request_name, maybe_done=method != "GET")
        finally:
            if body is not None:
                body.close()
        if problem is not None:
            log.debug("%s: %s (attempt %d)", request_name, type(problem).__name__, attempt)
            # The error is raised outside of the except clause, because the frames of the original error hold the
            # request's headers, and some tools show or send the variables of every frame.
            raise problem
        log.debug(
            "%s: %d in %.3f s (attempt %d)", request_name, response.status_code, time.monotonic() - started_s, attempt
        )
        return Reply(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            body=content,
            request_name=request_name,
        )

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None,
        json: Mapping[str, Any] | None,
        body: UploadBody | None,
    ) -> httpx.Request:
        assert self._http is not None, "the client is open"
        url = self.connection.api_base_url + path
        try:
            # What `build_request` of the client does besides (merged addresses, cookies) is not needed.
            extensions = {"timeout": self._http.timeout.as_dict()}
            if body is None:
                return httpx.Request(
                    method, url, params=params, json=json, headers=self._http.headers, extensions=extensions
                )
            headers = httpx.Headers(self._http.headers)
            headers.update({"Content-Type": body.content_type, "Content-Length": str(body.content_length)})
            return httpx.Request(method, url, headers=headers, content=body, extensions=extensions)
        except httpx.InvalidURL as error:
            raise InputError(
                f"{self.connection.api_base_url!r} is not an address to which requests can be sent ({error}); set "
                "SONIOX_API_BASE_URL, or pass Connection(api_base_url=...)"
            ) from None

    async def _read(self, response: httpx.Response, request_name: str, longest: int, *, maybe_done: bool) -> bytes:
        """Return the unpacked body of an answer, or as much as possible of the body of a refusal."""
        is_success = 200 <= response.status_code < 300
        encoding = response.headers.get("content-encoding", "")
        try:
            return await read_body(response.aiter_raw(), encoding, longest if is_success else LONGEST_REFUSAL)
        except TooLong as error:
            if not is_success:
                return error.body
            problem = f"is longer than the {longest:,} bytes that such an answer can have, so the rest was not read"
        except BadEncoding as error:
            if not is_success:
                return b""
            problem = f"cannot be decompressed ({error})"
        raise BadAnswerError(
            f"{request_name}: the answer of {self._host} {problem}. Run the same call again; if that does not help, "
            "check that no proxy changes the answers",
            status=response.status_code,
            maybe_done=maybe_done,
        )

    def _problem(self, error: Exception, request_name: str, *, maybe_done: bool) -> ServiceError:
        host = self._host
        detail = self.connection.api_key.hide_in(str(error)) or type(error).__name__
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
            return ConnectionFailed(
                f"{request_name}: no connection to {host} ({detail}). Check the network, proxies and "
                "SONIOX_API_BASE_URL"
            )
        if isinstance(error, httpx.TimeoutException | TimeoutError):
            return ConnectionFailed(
                f"{request_name}: {host} did not answer in time ({type(error).__name__}, "
                f"timeout_s={self.timeout_s:g}). Run the same call again, with a larger timeout_s if this happens "
                "again",
                maybe_done=maybe_done,
            )
        return ConnectionFailed(
            f"{request_name}: the connection to {host} broke ({detail}). Run the same call again", maybe_done=maybe_done
        )


def _closed_for_long(error: RateLimitError, wait_s: float) -> QuotaError:
    """Return the error for a service that takes no requests for longer than a call waits."""
    closed = QuotaError(
        f"{error}. The service asks for a pause of {_in_words(wait_s)}, but a call waits for at most "
        f"{LONGEST_RETRY_AFTER_S / 60:.0f} minutes, so nothing more is sent. Jobs that are paid for are kept; run the "
        "same call again after the pause",
        status=error.status,
        error_type=error.error_type,
        request_id=error.request_id,
        validation_errors=error.validation_errors,
    )
    closed.retry_after_s = wait_s
    return closed


def _in_words(seconds: float) -> str:
    if seconds < 7200:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 200_000 else "more than two days"
