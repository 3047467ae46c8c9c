"""Loggers that hide API keys in the debug output of other libraries.

``websockets`` logs every header of a handshake and every message. Its records go through `redacting_logger`, which
replaces keys by stars before any handler sees them. ``httpcore`` hides the key of a request, but logs the headers of
the answer, in which a server may repeat the key. It does not accept a logger, so its own loggers get a filter.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["hide_keys_of_httpcore", "redacting_logger"]

_CREDENTIALS = re.compile(
    r"(?i)(authorization\W{1,5}(?:bearer\s+|basic\s+)?+|bearer\s+|soniox-api-key\W{1,5}|\"?api_key\"?\s*[:=]\s*\"?)"
    r"(?!\*)[^\s\"',;]+"
)


class _Redacting(logging.LoggerAdapter[logging.Logger]):
    """An adapter that formats each record itself, so that keys are also hidden in arguments and tracebacks."""

    def __init__(self, logger: logging.Logger, hide: Callable[[str], str]) -> None:
        super().__init__(logger, {})
        self._hide = hide
        self._formatter = logging.Formatter()

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        if not self.isEnabledFor(level):
            return
        text = str(msg) % args if args else str(msg)
        if (failed := kwargs.pop("exc_info", None)) is not None and failed is not False:
            text = f"{text}\n{self._traceback(failed)}"
        stacklevel = kwargs.get("stacklevel", 1) + 1
        # ``extra`` is dropped, because websockets puts its connection there, with the headers of the handshake.
        self.logger.log(level, "%s", self._hidden(text), stacklevel=stacklevel)

    def _traceback(self, failed: Any) -> str:
        if isinstance(failed, BaseException):
            failed = (type(failed), failed, failed.__traceback__)
        return self._formatter.formatException(failed if isinstance(failed, tuple) else sys.exc_info())

    def _hidden(self, text: str) -> str:
        return _CREDENTIALS.sub(r"\1***", self._hide(text))


def redacting_logger(name: str, hide: Callable[[str], str]) -> logging.LoggerAdapter[logging.Logger]:
    """Make a logger that passes its records without keys to the logger `name`.

    Parameters
    ----------
    name
        Name of the library's logger, such as ``websockets.client``, whose level and handlers apply.
    hide
        Function that replaces the known secrets in a text.

    Examples
    --------
    >>> logger = redacting_logger("websockets.client", lambda text: text.replace("s3cret", "***"))
    >>> logger._hidden("> Authorization: Bearer abc, and s3cret")
    '> Authorization: Bearer ***, and ***'
    """
    return _Redacting(logging.getLogger(name), hide)


class _KeysHidden(logging.Filter):
    """A filter that replaces keys by stars in the message of each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        hidden = _CREDENTIALS.sub(r"\1***", text)
        if hidden != text:
            record.msg, record.args = hidden, ()
        return True


_KEYS_HIDDEN = _KeysHidden()


def hide_keys_of_httpcore() -> None:
    """Hide keys in the log records of ``httpcore``. Further calls change nothing."""
    for part in ("connection", "http11", "http2", "proxy", "socks"):
        logging.getLogger(f"httpcore.{part}").addFilter(_KEYS_HIDDEN)
