"""Error answers of the service: one exception, one JSON body, the documented messages.

Conventions: a refusal has the HTTP status, the stable slug (`error_type`) and a message for people. Clients use the
slug. Messages that the documentation prints are used word for word, because some clients must read them (a 429 of rate
and a 429 of quota differ in nothing else). No message repeats a key.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

__all__ = [
    "BALANCE_MESSAGES",
    "QUOTA_MESSAGES",
    "RATE_MESSAGE",
    "FieldError",
    "Refusal",
    "balance",
    "invalid",
    "invalid_cursor",
    "invalid_fields",
    "not_found",
    "quota",
    "rate",
    "too_large",
]

FieldError = dict[str, str]
"""The ``error_type``, ``location`` and ``message`` of a wrong field."""

RATE_MESSAGE = "Rate limit for your organization has been exceeded."

QUOTA_MESSAGES = {
    "pending": "Pending transcription count limit for your organization has been exceeded. Please wait.",
    "total": "Total transcription count limit for your organization has been exceeded. Please delete some.",
    "files": "Total file count limit for your organization has been exceeded. Please delete some.",
    "storage": "Total file storage limit for your organization has been exceeded. Please delete some.",
}

BALANCE_MESSAGES = {
    "organization_balance_exhausted": "Organization balance exhausted. Please add funds.",
    "organization_monthly_budget_exhausted": "Organization monthly budget exhausted. Please raise it.",
    "project_monthly_budget_exhausted": "Project monthly budget exhausted. Please raise it.",
}


class Refusal(Exception):
    """A request that the service answers with an error.

    >>> Refusal(404, "file_not_found", "File not found.").body("1b4e")["more_info"]
    'https://soniox.com/docs/api-reference/errors#file-not-found'
    """

    def __init__(
        self,
        status: int,
        error_type: str,
        message: str,
        validation_errors: Sequence[FieldError] = (),
        *,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{status} {error_type}: {message}")
        self.status = status
        self.error_type = error_type
        self.message = message
        self.validation_errors = list(validation_errors)
        self.retry_after_s = retry_after_s

    def body(self, request_id: str | None = None) -> dict[str, Any]:
        """Return the JSON of a REST answer."""
        return {
            "status_code": self.status,
            "error_type": self.error_type,
            "message": self.message,
            "validation_errors": self.validation_errors,
            "request_id": request_id or str(uuid.uuid4()),
            "more_info": self._more_info(),
        }

    def frame(self, request_id: str) -> dict[str, Any]:
        """Return the JSON of an error frame on the websocket."""
        return {
            "tokens": [],
            "error_code": self.status,
            "error_type": self.error_type,
            "error_message": self.message,
            "request_id": request_id,
            "more_info": self._more_info(),
        }

    def _more_info(self) -> str:
        return f"https://soniox.com/docs/api-reference/errors#{self.error_type.replace('_', '-')}"


def invalid(location: str, message: str, code: str = "value_error") -> Refusal:
    """Return a 400 for one wrong field."""
    return invalid_fields([{"error_type": code, "location": location, "message": message}])


def invalid_fields(errors: Sequence[FieldError]) -> Refusal:
    """Return a 400 for several wrong fields."""
    return Refusal(400, "invalid_request", "Request did not pass validation.", errors)


def too_large(limit: int) -> Refusal:
    """Return the 400 for a file with more than `limit` bytes."""
    return invalid("body.file", f"File is too large (max {limit} bytes).")


def invalid_cursor() -> Refusal:
    """Return a 400 for a cursor that does not belong to this list."""
    return Refusal(400, "invalid_cursor", "Invalid cursor. Start again without one.")


def not_found(kind: str) -> Refusal:
    """Return a 404; `what` is ``file`` or ``transcription``."""
    return Refusal(404, f"{kind}_not_found", f"{kind.capitalize()} not found.")


def rate(retry_after_s: float | None = None) -> Refusal:
    """Return the 429 of the rate limit, which ends by waiting."""
    return Refusal(429, "limit_exceeded", RATE_MESSAGE, retry_after_s=retry_after_s)


def quota(which: str, retry_after_s: float | None = None) -> Refusal:
    """Return the 429 of a quota, which ends only by deleting; `which` is a key of ``QUOTA_MESSAGES``."""
    return Refusal(429, "limit_exceeded", QUOTA_MESSAGES[which], retry_after_s=retry_after_s)


def balance(which: str = "organization_balance_exhausted") -> Refusal:
    """Return a 402 of an exhausted balance or budget."""
    return Refusal(402, which, BALANCE_MESSAGES[which])
