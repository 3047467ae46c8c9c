"""Messages from the kernel to the pages that show one microphone widget.

Conventions: messages may be lost and requested again (``sync``). An API key is removed from every text. The page gets
``snapshot``, ``offered``, ``beat``, ``update``, ``state``, ``ended``, ``missing``, ``key``, ``no_key``, ``command``,
``trouble``, and with binary content ``clip``, ``exported``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import SonioxDSError
from soniox_ds.live.transcript import LiveToken
from soniox_ds.widgets.microphone.loopback import Channel
from soniox_ds.widgets.microphone.takes import BYTES_PER_MS, Take

__all__ = ["NotebookChannel", "PageMessages"]

_log = logging.getLogger(__name__)


class NotebookChannel(Channel, Protocol):
    """The notebook's own connection, which also carries files."""

    def send(self, message: Mapping[str, Any], buffers: Sequence[bytes] = ()) -> None:
        """Send a message with binary content."""


class PageMessages:
    """The sender of messages to the pages of one widget."""

    def __init__(self, comm: NotebookChannel, connection: Connection) -> None:
        self.comm = comm
        """The notebook's own connection, which reaches all pages."""
        self.channel: Channel = comm
        """The connection to the page that records."""
        self._connection = connection
        self._broken: set[str] = set()  # names of channels that raise

    @property
    def is_over_comm(self) -> bool:
        """True if the page that records is connected over the notebook's own connection."""
        return self.channel is self.comm

    def send(self, message: Mapping[str, Any], channel: Channel | None = None) -> None:
        """Send a message, by default to the page that records.

        A channel that raises is logged once, and does not affect the recording.
        """
        channel = channel or self.channel
        try:
            channel.send(message)
        except Exception:  # noqa: BLE001  it is logged, and the recording goes on
            if channel.name not in self._broken:
                _log.exception("messages do not reach the page over its %s", channel.name)
            self._broken.add(channel.name)
        else:
            self._broken.discard(channel.name)

    def send_file(self, message: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Send a message with binary content over the notebook's own connection."""
        try:
            self.comm.send(message, buffers)
        except Exception:  # noqa: BLE001  it is logged, and no recording depends on it
            _log.exception("%r does not reach the page", message["type"])

    def snapshot(
        self, page: str, takes: Sequence[Take], *, running: str | None, offer: object, commands: Sequence[str]
    ) -> None:
        """Describe the state of all recordings to a page that has just shown the widget."""
        last = takes[-1] if takes else None
        message = {
            "type": "snapshot",
            "page": page,
            "offer": offer,
            "running": running,
            "settled": [] if last is None else [_shown_parts(token) for token in last.transcript.settled],
            "ends": [] if last is None else last.ends,
            "commands": commands,
            "earlier": max(len(takes) - 1, 0),
            "audio": None if last is None or running else _playable(last),
        }
        self.send(message, self.comm)

    def update(
        self,
        take: Take,
        have: int,
        pending: Iterable[LiveToken],
        *,
        is_endpoint: bool | None = None,
        channel: Channel | None = None,
    ) -> None:
        """Send the tokens that follow the first `have` settled ones, and the pending ones."""
        ends = [end for end in take.ends if end > have]
        if is_endpoint and not ends and take.ends:
            ends = [take.ends[-1]]  # nothing was left to settle when the utterance ended
        message = {
            "type": "update",
            "take": take.name,
            "have": have,
            "settled": [_shown_parts(token) for token in take.transcript.settled[have:]],
            "pending": [_shown_parts(token) for token in pending],
            "ends": ends,
        }
        self.send(message, channel)

    def beat(self, take: Take) -> None:
        """Tell the page that the kernel is alive, and which audio has arrived."""
        message = {
            "type": "beat",
            "take": take.name,
            "next": take.intake.next,
            "waiting_ms": round(take.waiting_ms),
            "unheard_ms": round(take.unheard_ms),
        }
        self.send(message)

    def ended(self, take: Take) -> None:
        """Tell all pages that a take has ended, and why."""
        message = {
            "type": "ended",
            "take": take.name,
            "text": take.lost or (None if take.error is None else self.describe(take.error)),
            "lost": take.lost is not None,
            "tokens": len(take.transcript.settled),
            "audio": _playable(take),
        }
        self.send(message)
        if not self.is_over_comm:
            self.send(message, self.comm)

    def trouble(self, subject: str, error: Exception, channel: Channel | None = None) -> None:
        """Log an error of our own code or of the user's, and show it in the page."""
        _log.error("%s", subject, exc_info=error)
        self.send({"type": "trouble", "text": self.without_key(f"{type(error).__name__}: {error}")}, channel)

    def describe(self, error: Exception) -> str:
        """Describe an error for the page. Errors of other packages include their type."""
        return self.without_key(str(error) if isinstance(error, SonioxDSError) else f"{type(error).__name__}: {error}")

    def without_key(self, text: str) -> str:
        """Remove the API key from a text."""
        return self._connection.api_key.hide_in(text)


def _shown_parts(token: LiveToken) -> dict[str, Any]:
    """Return the parts of a token that are drawn."""
    parts = {
        "text": token.text,
        "start_ms": token.start_ms,
        "end_ms": token.end_ms,
        "speaker": token.speaker,
        "language": token.language,
        "is_translation": token.is_translation or None,
        "source_language": token.source_language,
    }
    return {name: value for name, value in parts.items() if value is not None}


def _playable(take: Take) -> dict[str, Any] | None:
    """Return the name and the length of the audio that the page can play, or None if none was kept."""
    return {"audio_id": take.audio_id, "duration_ms": len(take.kept) // BYTES_PER_MS} if take.kept else None
