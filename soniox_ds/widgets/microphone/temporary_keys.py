"""Temporary keys for the browser: each opens one stream, soon, and for a limited time.

Conventions: the real key stays in this process. A temporary key is made when a page asks for it, is sent once in a
message, and is not stored.
"""

from __future__ import annotations

from soniox_ds.api import temporary_keys
from soniox_ds.api.connection import Connection

__all__ = ["OPENS_FOR_S", "SESSION_S", "temporary_key"]

OPENS_FOR_S = 60
"""Seconds in which it can open a stream, once. An open stream may last longer."""
SESSION_S = 3600
"""Longest duration of that stream in seconds. The page continues with another key then."""


async def temporary_key(connection: Connection, *, client_reference_id: str | None = None) -> str:
    """Request a temporary key from the service. Raises the errors of REST requests."""
    key = await temporary_keys.temporary_key(
        expires_in_seconds=OPENS_FOR_S,
        client_reference_id=client_reference_id,
        single_use=True,
        max_session_duration_seconds=SESSION_S,
        connection=connection,
    )
    return key.reveal()
