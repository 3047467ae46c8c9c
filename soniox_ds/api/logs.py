"""Loggers for libraries that would write the key into their debug output.

``websockets`` logs every header of a handshake and every message. Its records go through `redacting_logger`, which
replaces keys by stars before any handler sees them. ``httpcore`` hides the key of a request, but writes the headers of
the answer, in which a server may repeat it; it takes no logger, so that its own loggers get a filter.
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
    """Formats each record itself, so that what is hidden is hidden in its arguments and its traceback too."""

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
        # Without ``extra``: websockets hands its connection over, which holds the headers of the handshake.
        self.logger.log(level, "%s", self._hidden(text), stacklevel=stacklevel)

    def _traceback(self, failed: Any) -> str:
        if isinstance(failed, BaseException):
            failed = (type(failed), failed, failed.__traceback__)
        return self._formatter.formatException(failed if isinstance(failed, tuple) else sys.exc_info())

    def _hidden(self, text: str) -> str:
        return _CREDENTIALS.sub(r"\1***", self._hide(text))


def redacting_logger(name: str, hide: Callable[[str], str]) -> logging.LoggerAdapter[logging.Logger]:
    """Make a logger that passes everything on to the logger `name`, without keys.

    Parameters
    ----------
    name
        The logger that users know the library by, such as ``websockets.client``: its level and handlers count.
    hide
        Replaces the secrets that are known.

    Examples
    --------
    >>> logger = redacting_logger("websockets.client", lambda text: text.replace("s3cret", "***"))
    >>> logger._hidden("> Authorization: Bearer abc, and s3cret")
    '> Authorization: Bearer ***, and ***'
    """
    return _Redacting(logging.getLogger(name), hide)


class _KeysHidden(logging.Filter):
    """Replaces keys by stars in the message of each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        hidden = _CREDENTIALS.sub(r"\1***", text)
        if hidden != text:
            record.msg, record.args = hidden, ()
        return True


_KEYS_HIDDEN = _KeysHidden()


def hide_keys_of_httpcore() -> None:
    """Hide keys in what ``httpcore`` logs; calling it again changes nothing."""
    for part in ("connection", "http11", "http2", "proxy", "socks"):
        logging.getLogger(f"httpcore.{part}").addFilter(_KEYS_HIDDEN)
