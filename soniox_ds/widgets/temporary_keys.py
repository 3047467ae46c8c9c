"""Keys that a browser may have: each opens one stream, soon, and for a limited time.

Conventions: the real key stays in this process. A temporary one is made when a page asks for it, travels once in a
message, and is kept nowhere.
"""

from __future__ import annotations

from soniox_ds.api.client import Client
from soniox_ds.api.connection import Connection

__all__ = ["OPENS_FOR_S", "SESSION_S", "temporary_key"]

OPENS_FOR_S = 60
"""How long it opens a stream, once; a stream that is open outlives it."""
SESSION_S = 3600
"""How long that stream may stay open; the page goes on with another key then."""


async def temporary_key(connection: Connection, *, client_reference_id: str | None = None) -> str:
    """Have the service make one. Raises what REST requests raise."""
    async with Client(connection) as client:
        made = await client.create_temporary_api_key(
            usage_type="transcribe_websocket",
            expires_in_seconds=OPENS_FOR_S,
            client_reference_id=client_reference_id,
            single_use=True,
            max_session_duration_seconds=SESSION_S,
        )
    return str(made["api_key"])
