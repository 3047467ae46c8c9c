"""Options of the transcription of recordings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from soniox_ds.exceptions import OptionsError
from soniox_ds.options.addresses import MASK, public_webhook
from soniox_ds.options.checks import (
    check_flag,
    check_text,
    hash_of,
    hints_of,
    keywords_of,
    set_field,
    without_none,
)
from soniox_ds.options.context import Context, Translation
from soniox_ds.options.models import ASYNC_MODEL

__all__ = ["TranscriptionOptions"]

MAX_PREFIX_CHARACTERS = 128
"""Longest prefix: half of the 256 characters of a reference id. The rest is left for the key of the job."""

_WEB_ADDRESS = re.compile(r"https?://\S+")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # This is a "token" of RFC 9110.
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?")


@dataclass(frozen=True, kw_only=True)
class TranscriptionOptions:
    """The options of the transcription of recordings: every option of the API's asynchronous transcription.

    Parameters
    ----------
    model
        Name of a model for recordings (at most 32 characters); by default the newest.
    language_hints
        Two-letter codes of the languages to expect. Other languages may still be recognised.
    language_hints_strict
        Keep to the languages of the hints (strongly preferred, not guaranteed; works best with one hint).
    enable_speaker_diarization, enable_language_identification
        Mark each token with its speaker or with its language.
    translation
        A `Translation`, or a dict of its fields.
    context
        A `Context`, or a dict of its sections.
    webhook_url
        Address to which the service sends a POST request when a job is done: http or https, at most 256 characters.
        Only its public part (without user, password, signature or token) is ever stored or shown.
    webhook_auth_header_name, webhook_auth_header_value
        Header that the service adds to that POST request. Give both or neither. The value is neither stored nor shown.
    client_reference_id_prefix
        Text in front of each job's reference id, at most 128 characters.

    Raises
    ------
    OptionsError
        If an option is wrong, or two options do not go together.

    Examples
    --------
    >>> options = TranscriptionOptions(language_hints=["en"], context={"terms": ["Celebrex"]})
    >>> options.body()
    {'model': 'stt-async-v6', 'language_hints': ['en'], 'context': {'terms': ['Celebrex']}}
    >>> options.hash()
    '7f76ff6fe967f912'
    """

    model: str = ASYNC_MODEL
    language_hints: Iterable[str] | None = None
    language_hints_strict: bool | None = None
    enable_speaker_diarization: bool | None = None
    enable_language_identification: bool | None = None
    translation: Translation | Mapping[str, Any] | None = None
    context: Context | Mapping[str, Any] | None = None
    webhook_url: str | None = field(default=None, repr=False)
    webhook_auth_header_name: str | None = None
    webhook_auth_header_value: str | None = field(default=None, repr=False)
    client_reference_id_prefix: str | None = None

    def __post_init__(self) -> None:
        self._check_model()
        set_field(self, "language_hints", hints_of(self.language_hints, self.language_hints_strict))
        for name in ("enable_speaker_diarization", "enable_language_identification"):
            check_flag(getattr(self, name), name)
        if self.translation is not None:
            set_field(self, "translation", Translation.of(self.translation))
        if self.context is not None:
            set_field(self, "context", Context.of(self.context))
        self._check_webhook()
        check_text(self.client_reference_id_prefix, "client_reference_id_prefix", MAX_PREFIX_CHARACTERS)
        if self.client_reference_id_prefix and not self.client_reference_id_prefix.isprintable():
            raise OptionsError(
                f"client_reference_id_prefix {self.client_reference_id_prefix!r} holds characters that cannot be "
                "printed; use letters, digits and punctuation"
            )

    @classmethod
    def of(cls, **options: Any) -> TranscriptionOptions:
        """Return options by name; raises OptionsError for an unknown name, with the name that was probably meant."""
        return cls(**keywords_of(options, None, [f.name for f in fields(cls)]))

    def body(self) -> dict[str, Any]:
        """Return the JSON object that is sent to the service, without the recording and its reference id."""
        return without_none(
            {
                "model": self.model,
                **self._shaping(),
                "webhook_url": self.webhook_url,
                "webhook_auth_header_name": self.webhook_auth_header_name,
                "webhook_auth_header_value": self.webhook_auth_header_value,
            }
        )

    def public_body(self) -> dict[str, Any]:
        """Return the body in a form that may be stored and shown: the secrets of the webhook are masked.

        >>> options = TranscriptionOptions(webhook_url="https://host.example/done?token=ab12")
        >>> options.public_body()["webhook_url"]
        'https://host.example/done'
        """
        body = self.body()
        if self.webhook_url is not None:
            body["webhook_url"] = public_webhook(self.webhook_url)
        if self.webhook_auth_header_value is not None:
            body["webhook_auth_header_value"] = MASK
        return body

    def hash(self) -> str:
        """Return 16 hexadecimal digits that are equal for options which shape the transcript in the same way.

        The hash covers hints, flags, translation and context, but not the model, the webhook or the reference id. An
        option that is off gives the same hash as an option that is not set.
        """
        return hash_of(self._shaping())

    def _shaping(self) -> dict[str, Any]:
        return {
            "language_hints": None if self.language_hints is None else list(self.language_hints),
            "language_hints_strict": self.language_hints_strict,
            "enable_speaker_diarization": self.enable_speaker_diarization,
            "enable_language_identification": self.enable_language_identification,
            "translation": None if self.translation is None else Translation.of(self.translation).body(),
            "context": None if self.context is None else Context.of(self.context).body(),
        }

    def _check_model(self) -> None:
        check_text(self.model, "model", 32, needed=True)
        if self.model.startswith("stt-rt-"):
            raise OptionsError(
                f"model {self.model!r} is for live audio; for recordings use {self.model.replace('-rt-', '-async-')!r}"
            )

    def _check_webhook(self) -> None:
        check_text(self.webhook_url, "webhook_url", 256, secret=True)
        if self.webhook_url is not None and not _WEB_ADDRESS.fullmatch(self.webhook_url):
            raise OptionsError(
                f"webhook_url {public_webhook(self.webhook_url)!r} is not an address that starts with http:// or "
                "https:// and has no white space"
            )
        name, value = self.webhook_auth_header_name, self.webhook_auth_header_value
        check_text(name, "webhook_auth_header_name", 256)
        check_text(value, "webhook_auth_header_value", 256, secret=True)
        if (name is None) != (value is None):
            given, missing = ("name", "value") if value is None else ("value", "name")
            raise OptionsError(f"webhook_auth_header_{given} is given without webhook_auth_header_{missing}; give both")
        if name is not None and self.webhook_url is None:
            raise OptionsError("webhook_auth_header_name is given without webhook_url; give both, or neither")
        if name is not None and not _HEADER_NAME.fullmatch(name):
            raise OptionsError(
                f"webhook_auth_header_name {name!r} cannot name an HTTP header; use letters, digits and hyphens"
            )
        if value is not None and not _HEADER_VALUE.fullmatch(value):
            raise OptionsError(
                "webhook_auth_header_value cannot be the value of an HTTP header: it must be printable ASCII without "
                "line breaks or surrounding spaces (not shown here, as it is a secret)"
            )
