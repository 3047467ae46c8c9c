"""An HTTP server for the receiver of webhooks, in a thread of its own."""

from __future__ import annotations

import socket
import threading
from typing import Any

from soniox_ds.exceptions import SetupError

__all__ = ["WebhookServer"]

GRACE_S = 5
"""Seconds for which closing waits for requests that are not complete."""


class WebhookServer:
    """A server that runs an ASGI application on a port until it is closed.

    Raises
    ------
    SetupError
        If uvicorn is not installed, or if the port cannot be listened on.
    """

    def __init__(self, application: Any, host: str, port: int) -> None:
        try:
            import uvicorn
        except ModuleNotFoundError as error:
            raise SetupError(
                f'receiving webhooks here needs {error.name}; run: pip install "soniox_ds[webhooks]"'
            ) from error
        try:
            self._socket = socket.create_server(
                (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=1024
            )
        except OSError as error:
            raise SetupError(
                f"cannot listen on {host}:{port}: {error.strerror or error}; choose another port"
            ) from error
        host = f"[{host}]" if ":" in host else host
        self.url = f"http://{host}:{self._socket.getsockname()[1]}/"
        """Address of the server on this machine."""
        # Uvicorn is told neither to log nor to handle signals: the process belongs to the caller.
        config = uvicorn.Config(
            application,
            lifespan="off",
            ws="none",
            loop="asyncio",
            http="h11",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="soniox-ds-webhooks", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Answer the requests that have arrived, then stop listening. Open requests are dropped after `GRACE_S`."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
