"""Every exception of the package, arranged by what the caller can do about it.

SonioxDSError
├── InputError             what was handed in cannot be used: fix the call (also a ValueError)
│   ├── SchemaError        a table is not as documented
│   ├── OptionsError       an option is wrong, alone or beside another one
│   └── SourceError        no recordings can be found where they were looked for
├── SetupError             a key, a package or a file is missing on this machine: the message says what to do
├── Declined               the caller's own ``confirm`` said no: nothing was sent
├── JournalError           the journal cannot be written or read: free space, or name another journal
├── RequestError           the API refused the request; asking again unchanged would be refused again
│   ├── AuthError          the key is missing, wrong, expired or not allowed to do this (401, 403)
│   ├── BalanceError       the prepaid balance or a budget is used up (402)
│   ├── NotFoundError      the file or transcription does not exist (404)
│   ├── InvalidStateError  the transcription is not (or no longer) in a state that allows this (409)
│   └── QuotaError         a limit on stored files, bytes, transcriptions or pending ones is reached, or the service
│                          takes no requests for a long time (429 that waiting a few minutes does not cure)
├── ServiceError           the network or the service failed, retries included: run again later
│   ├── RateLimitError     too many requests per minute, or too many streams at once (429 that waiting cures)
│   ├── ConnectionFailed   no connection, a reset, or no answer in time
│   └── BadAnswerError     an answer came that is not what the API documents (cut off, HTML, wrong types)
└── TranscriptionFailed    one recording could not be transcribed; raised in a group by ``on_error="raise"``

RecordingsFailedWarning    some recordings of a corpus failed (a UserWarning, not an exception of the tree)
SmallSampleWarning         a test rests on too few units to be reliable (a UserWarning)
ModelWarning               transcripts may come from another model than their name says (a UserWarning)
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
    "error_type_of",
]


class SonioxDSError(Exception):
    """Base of every exception that this package raises on purpose."""


class InputError(SonioxDSError, ValueError):
    """What was handed in cannot be used; the message says what was found and what would do."""


class SchemaError(InputError):
    """A table lacks a documented column, or holds values that cannot be what the column means."""


class OptionsError(InputError):
    """An option is wrong, alone or beside another one."""


class SourceError(InputError):
    """Nothing to transcribe was found, or a manifest cannot be read."""


class SetupError(SonioxDSError):
    """Something is missing on this machine: a key, an optional package, a model file."""


class Declined(SonioxDSError):
    """The caller's ``confirm`` said no before anything was sent."""


class JournalError(SonioxDSError):
    """The journal cannot be read or written, so that nothing may be spent."""


class _Answered(SonioxDSError):
    """An error that may carry what the API said of it."""

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
        """HTTP status, or the ``error_code`` of a stream's error frame; None where no answer came."""
        self.error_type = error_type
        """The API's own stable slug, such as ``invalid_request``."""
        self.request_id = request_id
        """To quote to the vendor's support."""
        self.validation_errors = tuple(validation_errors)
        """One mapping for each wrong field: ``error_type``, ``location``, ``message``."""
        self.maybe_done = maybe_done
        """True where the request may have been carried out although no usable answer came back."""


class RequestError(_Answered):
    """The API refused the request; fix it, asking again unchanged is pointless."""


class AuthError(RequestError):
    """401 or 403: set the right SONIOX_API_KEY, region or key permissions."""


class BalanceError(RequestError):
    """402: add funds or raise the budget in the Soniox Console, then run the same call again."""


class NotFoundError(RequestError):
    """404: no such file or transcription (deleted, or another project's)."""


class InvalidStateError(RequestError):
    """409: for example the transcript of an unfinished job, or deleting a job while it is processed."""


class QuotaError(RequestError):
    """429 by count or storage: delete remote files or transcriptions (``sx.clean_up()``), or ask for a higher limit.

    Also a 429 whose ``Retry-After`` is longer than five minutes: run the same call again after that time.
    """

    quota: str | None = None
    """Which limit: ``"pending"``, ``"transcriptions"``, ``"files"`` or ``"storage"``; None where it cannot be told."""

    retry_after_s: float | None = None
    """Where the service takes no requests at all for longer than a call waits: for how long (seconds)."""


class ServiceError(_Answered):
    """The network or the service failed, retries included."""


class RateLimitError(ServiceError):
    """429 by rate: slow down and ask again."""


class ConnectionFailed(ServiceError):
    """No connection, a reset, or no answer in time."""


class BadAnswerError(ServiceError):
    """The answer is not what the API documents: cut off, HTML, or of the wrong types."""


class TranscriptionFailed(SonioxDSError):
    """One recording could not be transcribed; ``audio_id`` and ``error_type`` are those of its row."""

    def __init__(self, message: str, *, audio_id: str, error_type: str) -> None:
        super().__init__(message)
        self.audio_id = audio_id
        self.error_type = error_type


class RecordingsFailedWarning(UserWarning):
    """Some recordings failed; they are visible rows of the corpus, and no score may count them as silence."""


class SmallSampleWarning(UserWarning):
    """The matched pairs test has fewer than 30 error segments, so its p is not reliable. More audio would help."""


class ModelWarning(UserWarning):
    """Transcripts may come from another model than the name that was asked for suggests, or from several models."""


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
    """The ``error_type`` of a row that failed with this exception: the API's own slug where it gave one.

    >>> error_type_of(BalanceError("no money", error_type="project_monthly_budget_exhausted"))
    'project_monthly_budget_exhausted'
    >>> error_type_of(BalanceError("no money"))
    'organization_balance_exhausted'
    """
    given = getattr(error, "error_type", None)
    if isinstance(given, str) and given:
        return given
    return next(slug for kind, slug in _ERROR_TYPES if isinstance(error, kind))
