"""Authorization: permanent keys with permissions, and temporary keys.

Conventions: keys are compared in constant time by hash and appear in no repr or message. A temporary key's expiry is
checked when a stream opens; a running stream may last longer.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from soniox_ds.emulator.clock import timestamp
from soniox_ds.emulator.refusals import Refusal

__all__ = ["PERMISSIONS", "Caller", "KeyRing", "bearer"]

PERMISSIONS = ("stt_rt", "stt_async", "files", "usage", "temporary_keys")
"""Permissions that a key may be limited to."""

_TEMPORARY = ("temp:", "snx_temp_")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The owner of a key."""

    permissions: frozenset[str]
    client_reference_id: str | None = None
    """Reference bound to a temporary key, which replaces the one of the request."""
    max_session_s: int | None = None
    temporary: bool = False
    project: str = ""
    """Project of the key, whose files and transcriptions it can see."""
    has_budget: bool = True
    """False once the budget of the project is used up, so that it creates no transcriptions."""

    def need(self, permission: str) -> None:
        """Raise Refusal 403 unless the key has this permission."""
        if permission not in self.permissions:
            raise Refusal(
                403, "permission_denied", f"The API key lacks the permission for this request ({permission})."
            )


@dataclass(kw_only=True)
class _Temporary:
    usage_type: str
    expires_at: float
    single_use: bool
    max_session_s: int | None
    client_reference_id: str | None
    used: bool = False


class KeyRing:
    """The accepted keys."""

    def __init__(self, keys: Collection[str] = (), *, now: Callable[[], float]) -> None:
        self._now = now
        self._permanent: dict[str, Caller] = {}
        self._temporary: dict[str, _Temporary] = {}
        for key in keys:
            self.add(key)

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self._permanent)} permanent and {len(self._temporary)} temporary keys>"

    def add(
        self, key: str, permissions: Collection[str] = PERMISSIONS, *, project: str = "", has_budget: bool = True
    ) -> None:
        """Accept a key of a project, limited to `permissions`, or change what it may do."""
        if unknown := set(permissions) - set(PERMISSIONS):
            raise ValueError(f"unknown permissions {sorted(unknown)}; there are {PERMISSIONS}")
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("a key must be printable ASCII without spaces, because it is sent in a header")
        self._permanent[_digest(key)] = Caller(
            permissions=frozenset(permissions), project=project, has_budget=has_budget
        )

    def remove(self, key: str) -> None:
        """Stop accepting a key."""
        self._permanent.pop(_digest(key), None)

    def of_header(self, header: str | None) -> Caller:
        """Return the caller of an ``Authorization`` header of a REST request; raises Refusal 401."""
        return self.of_key(bearer(header))

    def of_key(self, key: str | None) -> Caller:
        """Return the caller of a permanent key; raises Refusal 401."""
        if not key:
            raise _unauthenticated("Missing API key.")
        caller = self._permanent.get(_digest(key))
        if caller is not None:
            return caller
        if _digest(key) in self._temporary:
            raise _unauthenticated("Temporary API key cannot be used for this service.")
        if key.startswith(_TEMPORARY):
            raise _unauthenticated("Invalid/expired temporary API key.")
        raise _unauthenticated("Incorrect API key provided. Check the key and the region of its project.")

    def open_stream(self, key: str | None) -> Caller:
        """Return the caller of a permanent or temporary key that opens a stream; raises Refusal 401 or 403."""
        minted = self._temporary.get(_digest(key)) if key else None
        if minted is None:
            caller = self.of_key(key)
            caller.need("stt_rt")
            return caller
        if minted.usage_type != "transcribe_websocket":
            raise _unauthenticated("Temporary API key cannot be used for this service.")
        if self._now() >= minted.expires_at or (minted.single_use and minted.used):
            raise _unauthenticated("Invalid/expired temporary API key.")
        minted.used = True
        return Caller(
            permissions=frozenset({"stt_rt"}),
            client_reference_id=minted.client_reference_id,
            max_session_s=minted.max_session_s,
            temporary=True,
        )

    def mint(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a temporary key for a validated request body."""
        # Without a colon, because the key may be sent as a websocket subprotocol.
        key = "snx_temp_" + secrets.token_hex(20)
        expires_at = self._now() + body["expires_in_seconds"]
        self._temporary[_digest(key)] = _Temporary(
            usage_type=body["usage_type"],
            expires_at=expires_at,
            single_use=bool(body.get("single_use")),
            max_session_s=body.get("max_session_duration_seconds"),
            client_reference_id=body.get("client_reference_id"),
        )
        return {"api_key": key, "expires_at": timestamp(expires_at)}


def bearer(header: str | None) -> str | None:
    """Return the key of an ``Authorization`` header, None without a header; raises Refusal 401 for other schemes."""
    if not header:
        return None
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer":
        raise _unauthenticated("Authorization header must use the Bearer scheme.")
    return key.strip()


def _unauthenticated(message: str) -> Refusal:
    return Refusal(401, "unauthenticated", message)


def _digest(key: str) -> str:
    # The lookup of a hash takes no time that depends on the key's letters, and keeps keys out of every repr.
    return hashlib.sha256(key.encode()).hexdigest()
