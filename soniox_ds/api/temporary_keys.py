"""Temporary keys for programs that must not have the key of the account, such as pages in a browser.

Conventions: a temporary key is a secret until it expires, and is in no repr, pickle or log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from soniox_ds._arguments import check_number
from soniox_ds.api.client import Client
from soniox_ds.api.connection import Connection, Secret
from soniox_ds.exceptions import BadAnswerError, OptionsError

__all__ = ["LONGEST_EXPIRY_S", "LONGEST_REFERENCE", "LONGEST_SESSION_S", "TemporaryKey", "temporary_key"]

LONGEST_EXPIRY_S = 3600
LONGEST_SESSION_S = 18_000
LONGEST_REFERENCE = 256
USAGE_TYPES = ("transcribe_websocket", "tts_rt")


@dataclass(frozen=True, kw_only=True)
class TemporaryKey:
    """A temporary key. Its repr hides it; ``reveal()`` returns it, to be handed to the program that needs it."""

    api_key: Secret
    expires_at: datetime
    """Time (UTC) until which the key opens streams. A stream that is open then goes on."""
    usage_type: str
    client_reference_id: str | None = None
    single_use: bool = False
    max_session_duration_seconds: int | None = None

    def reveal(self) -> str:
        """Return the key itself."""
        return self.api_key.reveal()


async def temporary_key(
    *,
    expires_in_seconds: int = 300,
    usage_type: Literal["transcribe_websocket", "tts_rt"] = "transcribe_websocket",
    client_reference_id: str | None = None,
    single_use: bool = False,
    max_session_duration_seconds: int | None = None,
    connection: Connection | None = None,
) -> TemporaryKey:
    """Create a temporary key, with which another program opens live streams that this account pays for.

    Parameters
    ----------
    expires_in_seconds
        Seconds from now in which the key opens streams, 1 to 3600. A stream that is open then goes on.
    usage_type
        ``"transcribe_websocket"`` for live transcription, or ``"tts_rt"`` for the vendor's text to speech.
    client_reference_id
        Reference of up to 256 characters that the usage logs show for every stream of the key, whatever reference the
        stream itself gives.
    single_use
        Let the key open one stream only.
    max_session_duration_seconds
        Seconds after which the service ends a stream, 1 to 18000; None for no limit beyond its own.
    connection
        Key, region and address; by default from the environment. The key needs the permission for temporary keys and
        the one for live transcription.

    Returns
    -------
    TemporaryKey
        ``reveal()`` returns the key, `expires_at` is a datetime in UTC. The repr hides the key.

    Raises
    ------
    OptionsError
        If an argument is out of range; before anything is sent.
    SetupError, AuthError, ServiceError

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted"):
    ...     key = sx.account.temporary_key(expires_in_seconds=60, single_use=True)
    >>> key.api_key, key.expires_at.tzname(), key.single_use
    (***, 'UTC', True)
    """
    check_number(
        expires_in_seconds, "expires_in_seconds", whole=True, least=1, most=LONGEST_EXPIRY_S, error=OptionsError
    )
    if usage_type not in USAGE_TYPES:
        raise OptionsError(f"usage_type is {usage_type!r}; it is one of {', '.join(USAGE_TYPES)}")
    if client_reference_id is not None and not (
        isinstance(client_reference_id, str) and len(client_reference_id) <= LONGEST_REFERENCE
    ):
        raise OptionsError(f"client_reference_id must be a text of at most {LONGEST_REFERENCE} characters")
    if not isinstance(single_use, bool):
        raise OptionsError(f"single_use is {single_use!r}; it is True or False")
    if max_session_duration_seconds is not None:
        check_number(
            max_session_duration_seconds,
            "max_session_duration_seconds",
            whole=True,
            least=1,
            most=LONGEST_SESSION_S,
            error=OptionsError,
        )
    async with Client(connection or Connection()) as client:
        made = await client.create_temporary_api_key(
            usage_type=usage_type,
            expires_in_seconds=expires_in_seconds,
            client_reference_id=client_reference_id,
            single_use=single_use or None,
            max_session_duration_seconds=max_session_duration_seconds,
        )
    try:
        expires_at = datetime.fromisoformat(made["expires_at"])
    except (TypeError, ValueError):
        raise BadAnswerError("the answer with the temporary key has no time of expiry as documented") from None
    return TemporaryKey(
        api_key=Secret(str(made["api_key"])),
        expires_at=expires_at.replace(tzinfo=UTC) if expires_at.tzinfo is None else expires_at.astimezone(UTC),
        usage_type=usage_type,
        client_reference_id=client_reference_id,
        single_use=single_use,
        max_session_duration_seconds=max_session_duration_seconds,
    )
