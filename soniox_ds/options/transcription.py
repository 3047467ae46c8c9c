"""Options of the transcription of recordings."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

from soniox_ds.exceptions import OptionsError
from soniox_ds.options.addresses import MASK, public_webhook
from soniox_ds.options.checks import check_channels, check_flag, check_text
from soniox_ds.options.keywords import list_options, option
from soniox_ds.options.models import ASYNC_MODEL
from soniox_ds.options.shared import SharedKeywords, SharedOptions, model_for

__all__ = ["TranscriptionKeywords", "TranscriptionOptions"]

MAX_PREFIX_CHARACTERS = 128
"""Longest prefix: half of the 256 characters of a reference id. The rest is left for the key of the job."""

_WEB_ADDRESS = re.compile(r"https?://\S+")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # This is a "token" of RFC 9110.
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?")


class TranscriptionKeywords(SharedKeywords, total=False):
    """The keyword arguments of `TranscriptionOptions`."""

    webhook_url: str | None
    webhook_auth_header_name: str | None
    webhook_auth_header_value: str | None
    client_reference_id_prefix: str | None
    channels: Literal["mixed", "separate"] | None
    split: Literal["auto"] | None
    download: bool | None
    signed_urls: bool | None


def _split(value: Any, name: str) -> str:
    if value != "auto":
        raise OptionsError(f'{name} is {value!r}; it is "auto" (recordings above the limits are cut at pauses) or None')
    return "auto"


def _webhook_url(value: Any, name: str) -> str:
    check_text(value, name, 256, secret=True)
    if not _WEB_ADDRESS.fullmatch(value):
        raise OptionsError(
            f"webhook_url {public_webhook(value)!r} is not an address that starts with http:// or "
            "https:// and has no white space"
        )
    return str(value)


def _header_name(value: Any, name: str) -> str:
    check_text(value, name, 256)
    if not _HEADER_NAME.fullmatch(value):
        raise OptionsError(f"{name} {value!r} cannot name an HTTP header; use letters, digits and hyphens")
    return str(value)


def _header_value(value: Any, name: str) -> str:
    check_text(value, name, 256, secret=True)
    if not _HEADER_VALUE.fullmatch(value):
        raise OptionsError(
            f"{name} cannot be the value of an HTTP header: it must be printable ASCII without "
            "line breaks or surrounding spaces (not shown here, because it is a secret)"
        )
    return str(value)


def _prefix(value: Any, name: str) -> str:
    check_text(value, name, MAX_PREFIX_CHARACTERS)
    if value and not value.isprintable():
        raise OptionsError(
            f"{name} {value!r} contains characters that cannot be printed; use letters, digits and punctuation"
        )
    return str(value)


@dataclass(frozen=True, kw_only=True)
class TranscriptionOptions(SharedOptions):
    """The options of the transcription of recordings: every option of the API's asynchronous transcription.

    Parameters
    ----------
    **options

    Raises
    ------
    OptionsError
        If an option is invalid or unknown, or two options cannot be combined.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> options = sx.TranscriptionOptions(language_hints=["en"], context={"terms": ["Celebrex"]})
    >>> options.body()
    {'model': 'stt-async-v6', 'language_hints': ['en'], 'context': {'terms': ['Celebrex']}}
    >>> options.hash()
    '7f76ff6fe967f912'
    """

    model: str = option(
        "Name of a model for recordings (at most 32 characters).",
        default=ASYNC_MODEL,
        check=model_for("async", "rt", use="recordings", other_use="live audio"),
        shapes=False,
    )
    webhook_url: str | None = option(
        "Address to which the service sends a POST request when a job is done: http or https, at most 256 characters. "
        "Only its public part (without user, password, signature or token) is ever stored or shown.",
        check=_webhook_url,
        shapes=False,
        repr=False,
    )
    webhook_auth_header_name: str | None = option(
        "Name of a header that the service adds to that POST request. Give its value too.",
        check=_header_name,
        shapes=False,
    )
    webhook_auth_header_value: str | None = option(
        "Value of that header. It is neither stored nor shown.", check=_header_value, shapes=False, repr=False
    )
    client_reference_id_prefix: str | None = option(
        "Text in front of each job's reference id, at most 128 characters.", check=_prefix, shapes=False, sent=False
    )

    channels: Literal["mixed", "separate"] | None = option(
        '"separate" transcribes each channel as a job of its own, for recordings with one speaker on each channel. '
        'Each channel is billed. None is the same as "mixed".',
        check=check_channels,
        sent=False,
    )
    split: Literal["auto"] | None = option(
        '"auto" cuts recordings above the limits of the service at pauses, into several jobs. Without it, they fail.',
        check=_split,
        shapes=False,
        sent=False,
    )
    download: bool | None = option(
        "Download recordings at URLs to this machine and upload them from here. Recordings at URLs need this for "
        "`channels` and `split`.",
        check=check_flag,
        shapes=False,
        sent=False,
    )

    signed_urls: bool | None = option(
        "Hand objects of stores (``s3://``, ``gs://``, ...) to the service as signed URLs, instead of reading them on "
        "this machine.",
        check=check_flag,
        shapes=False,
        sent=False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.signed_urls and self.divides:
            other = next(name for name in ("channels", "split", "download") if getattr(self, name))
            raise OptionsError(
                f"signed_urls and {other} do not go together: {other} needs the audio on this machine, but with "
                "signed_urls only the service fetches it; leave one of them out"
            )
        name, value = self.webhook_auth_header_name, self.webhook_auth_header_value
        if (name is None) != (value is None):
            given, missing = ("name", "value") if value is None else ("value", "name")
            raise OptionsError(f"webhook_auth_header_{given} is given without webhook_auth_header_{missing}; give both")
        if name is not None and self.webhook_url is None:
            raise OptionsError("webhook_auth_header_name is given without webhook_url; give both, or neither")

    @property
    def divides(self) -> bool:
        """True if an option may divide recordings into parts, or have them downloaded."""
        return bool(self.channels or self.split or self.download)

    def job_hash(self) -> str:
        """Return the hash of the options that shape the transcript of one job.

        It does not cover `channels`, because the key of a job names the channel itself. A mono recording is therefore
        the same job under ``channels="separate"`` and without it.
        """
        return replace(self, channels=None).hash()

    def public_body(self) -> dict[str, Any]:
        """Return the body in a form that may be stored and shown: the secrets of the webhook are masked.

        >>> import soniox_ds as sx
        >>> options = sx.TranscriptionOptions(webhook_url="https://host.example/done?token=ab12")
        >>> options.public_body()["webhook_url"]
        'https://host.example/done'
        """
        body = self.body()
        if self.webhook_url is not None:
            body["webhook_url"] = public_webhook(self.webhook_url)
        if self.webhook_auth_header_value is not None:
            body["webhook_auth_header_value"] = MASK
        return body


list_options(TranscriptionOptions)
