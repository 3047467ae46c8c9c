"""An S3 server on this machine (moto), which records its requests and can be made to fail or to change an object."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

import fsspec
import httpx

KEY, SECRET = "AKIAVISIBLEONLYHERE", "a-secret-that-nobody-may-see"


class S3Request(NamedTuple):
    """A request that the server received."""

    method: str
    path: str
    query: dict[str, list[str]]
    range: str


class S3Server:
    """The server. Requests without a signature, in a header or in the query, are refused."""

    def __init__(self) -> None:
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Quiet(WSGIRequestHandler):
            def log(self, *_: Any, **__: Any) -> None:
                pass

        self._moto = DomainDispatcherApplication(create_backend_app)
        self.requests: list[S3Request] = []
        self.before: Callable[[S3Request], str | None] | None = None
        """Function that is called before each request is answered. It returns a status that is answered instead."""
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        httpx.post(f"{self.url}/moto-api/reset").raise_for_status()  # All servers of a process share their content.

    @property
    def storage_options(self) -> dict[str, Any]:
        """The options with which this package reaches the server, as a user gives them."""
        return {"key": KEY, "secret": SECRET, "endpoint_url": self.url}

    def fill(self, bucket: str, objects: dict[str, bytes]) -> None:
        """Make a bucket, and put objects into it."""
        store = fsspec.filesystem("s3", **self.storage_options)
        store.invalidate_cache()
        if not store.exists(bucket):
            store.mkdir(bucket)
        for name, content in objects.items():
            store.pipe_file(f"{bucket}/{name}", content)

    def reads(self, ending: str = "") -> list[S3Request]:
        """Return the requests that read the content of objects."""
        return [each for each in self.requests if each.method == "GET" and each.range and each.path.endswith(ending)]

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environment: dict[str, Any], start: Any) -> Any:
        query = parse_qs(environment.get("QUERY_STRING", ""))
        request = S3Request(
            environment["REQUEST_METHOD"],
            unquote(environment["PATH_INFO"]),
            query,
            environment.get("HTTP_RANGE", ""),
        )
        self.requests.append(request)
        status = self.before(request) if self.before is not None else None
        is_signed = environment.get("HTTP_AUTHORIZATION") or "Signature" in query
        if status is None and not is_signed and request.path != "/moto-api/reset":
            status = "403 Forbidden"
        if status is not None:
            start(status, [("Content-Length", "0")])
            return [b""]
        return self._moto(environment, start)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    server = S3Server()
    try:
        yield server
    finally:
        server.stop()
