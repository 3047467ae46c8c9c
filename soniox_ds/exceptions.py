"""The exceptions and warnings of the package, arranged by what the caller can do about them.

SonioxDSError
├── InputError             an argument cannot be used: fix the call (also a ValueError)
│   ├── SchemaError        a table is not as documented
│   ├── OptionsError       an option is invalid, or two options cannot be combined
│   └── SourceError        no recordings were found, or a manifest cannot be read
├── SetupError             a key, a package or a file is missing on this machine: the message says what to do
│   └── ExecutorError      the workers of an executor are gone, or lack the package, the key or a file
├── Declined               the caller's own ``confirm`` said no: nothing was sent
├── JournalError           the journal cannot be written or read: free space, or name another journal
├── RequestError           the API refused the request, and would refuse it again unless it is changed
│   ├── AuthError          the key is missing, wrong, expired or not allowed to do this (401, 403)
│   ├── BalanceError       the prepaid balance or a budget is used up (402)
│   ├── NotFoundError      the file or transcription does not exist (404)
│   ├── InvalidStateError  the transcription is not (or no longer) in a state that allows this (409)
│   └── QuotaError         a limit on stored files, bytes, transcriptions or pending transcriptions is reached, or the
│                          service takes no requests for a long time (429 that a few minutes of waiting do not cure)
├── ServiceError           the network or the service failed, also after retries: run again later
│   ├── RateLimitError     too many requests per minute, or too many streams at once (429 that waiting cures)
│   ├── ConnectionFailed   no connection, a reset, or no answer in time
│   └── BadAnswerError     an answer is not as the API documents it (cut off, HTML, wrong types)
└── TranscriptionFailed    one recording could not be transcribed; raised in a group by ``on_error="raise"``

RecordingsFailedWarning    some recordings of a corpus failed (a UserWarning, not an exception of the tree)
SmallSampleWarning         a test rests on too few units to be reliable (a UserWarning)
ModelWarning               transcripts may come from another model than the requested name says (a UserWarning)
WebhookWarning             webhooks did not arrive, and the service was asked instead (a UserWarning)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "AuthError",
    "BadAnswerError",
    "BalanceError",
    "ConnectionFailed",
    "Declined",
    "ExecutorError",
    "InputError",
    "InvalidStateError",
    "JournalError",
    "ModelWarning",
    "NotFoundError",
    "OptionsError",
    "QuotaError",
    "RateLimitError",
    "RecordingsFailedWarning",
    "RequestError",
    "SchemaError",
    "ServiceError",
    "SetupError",
    "SmallSampleWarning",
    "SonioxDSError",
    "SourceError",
    "TranscriptionFailed",
    "WebhookWarning",
    "error_type_of",
]


class SonioxDSError(Exception):
    """The base class of the exceptions of this package."""


class InputError(SonioxDSError, ValueError):
    """An argument cannot be used. The message says what was found and what is expected."""


class SchemaError(InputError):
    """A table lacks a documented column, or holds values that do not fit a column."""


class OptionsError(InputError):
    """An option is invalid, or two options cannot be combined."""


class SourceError(InputError):
    """The error for sources without recordings, and for a manifest that cannot be read."""


class SetupError(SonioxDSError):
    """Something is missing on this machine: a key, an optional package, a model file."""


class ExecutorError(SetupError):
    """The workers of an executor cannot run tasks: they are gone, or lack the package, the key or a file."""

    error_type = "executor_failed"
    maybe_done = False
    """True if the worker may have sent the request of its task before it was lost."""


class Declined(SonioxDSError):
    """The caller's ``confirm`` declined before anything was sent."""


class JournalError(SonioxDSError):
    """The journal cannot be read or written, so nothing may be spent."""


class _Answered(SonioxDSError):
    """An error with the details of the API's answer, if there was an answer."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        error_type: str | None = None,
        request_id: str | None = None,
        validation_errors: Sequence[Mapping[str, Any]] = (),
        maybe_done: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status, or the ``error_code`` of a stream's error frame; None if there was no answer."""
        self.error_type = error_type
        """Stable slug of the API, such as ``invalid_request``."""
        self.request_id = request_id
        """Id of the request, which the vendor's support may ask for."""
        self.validation_errors = tuple(validation_errors)
        """Mappings with ``error_type``, ``location`` and ``message``, one for each wrong field."""
        self.maybe_done = maybe_done
        """True if the request may have been carried out although there was no usable answer."""


class RequestError(_Answered):
    """The API refused the request. Change the request; the same request would be refused again."""


class AuthError(RequestError):
    """401 or 403: set the right SONIOX_API_KEY, region or key permissions."""


class BalanceError(RequestError):
    """402: add funds or raise the budget in the Soniox Console, then run the same call again."""


class NotFoundError(RequestError):
    """404: the file or transcription does not exist, because it was deleted or belongs to another project."""


class InvalidStateError(RequestError):
    """409: the state of the job does not allow the request, such as the transcript of an unfinished job."""


class QuotaError(RequestError):
    """429 by count or storage.

    Delete remote files or transcriptions (``sx.account.clean_up()``), or ask for a higher limit.
    Also a 429 whose ``Retry-After`` is longer than five minutes: run the same call again after that time.
    """

    quota: str | None = None
    """Name of the limit: ``"pending"``, ``"transcriptions"``, ``"files"`` or ``"storage"``; None if it is unknown."""

    retry_after_s: float | None = None
    """Seconds for which the service takes no requests, if this is longer than a call waits; otherwise None."""


class ServiceError(_Answered):
    """The network or the service failed, also after retries."""


class RateLimitError(ServiceError):
    """429 by rate: send fewer requests, and try again later."""


class ConnectionFailed(ServiceError):
    """The error for a connection that fails or breaks, and for an answer that does not come in time."""


class BadAnswerError(ServiceError):
    """The answer is not as the API documents it: it is cut off, HTML, or has values of wrong types."""


class TranscriptionFailed(SonioxDSError):
    """A recording could not be transcribed. ``audio_id`` and ``error_type`` are those of its row."""

    def __init__(self, message: str, *, audio_id: str, error_type: str) -> None:
        super().__init__(message)
        self.audio_id = audio_id
        self.error_type = error_type


class RecordingsFailedWarning(UserWarning):
    """Some recordings failed. They are rows of the corpus, and scores must not count them as silence."""


class SmallSampleWarning(UserWarning):
    """The matched pairs test has fewer than 30 error segments, so its p value is not reliable. Add more audio."""


class ModelWarning(UserWarning):
    """Transcripts may come from another model than the requested name says, or from several models."""


class WebhookWarning(UserWarning):
    """Webhooks of a run did not arrive. The service was asked for the states of these jobs, so that nothing is lost."""


_ERROR_TYPES: tuple[tuple[type[SonioxDSError], str], ...] = (
    (AuthError, "unauthenticated"),
    (BalanceError, "organization_balance_exhausted"),
    (QuotaError, "limit_exceeded"),
    (RequestError, "invalid_request"),
    (RateLimitError, "limit_exceeded"),
    (ConnectionFailed, "connection_failed"),
    (BadAnswerError, "bad_answer"),
    (ServiceError, "service_error"),
    (SourceError, "unreadable"),
    (JournalError, "journal_error"),
    (SonioxDSError, "error"),
)


def error_type_of(error: SonioxDSError) -> str:
    """Return the ``error_type`` of a recording that failed with this exception: the API's slug if there is one.

    >>> error_type_of(BalanceError("no money", error_type="project_monthly_budget_exhausted"))
    'project_monthly_budget_exhausted'
    >>> error_type_of(BalanceError("no money"))
    'organization_balance_exhausted'
    """
    given = getattr(error, "error_type", None)
    if isinstance(given, str) and given:
        return given
    return next(slug for kind, slug in _ERROR_TYPES if isinstance(error, kind))
