"""Options that recordings and live audio share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypedDict

from soniox_ds.exceptions import OptionsError
from soniox_ds.options.checks import check_flag, check_text, hash_of, language_codes, without_none
from soniox_ds.options.context import Context, Translation
from soniox_ds.options.keywords import Checked, option

__all__ = ["SharedKeywords", "SharedOptions", "model_for"]


class SharedKeywords(TypedDict, total=False):
    """The keyword arguments of `SharedOptions`."""

    model: str
    language_hints: list[str] | str | None
    language_hints_strict: bool | None
    enable_speaker_diarization: bool | None
    enable_language_identification: bool | None
    translation: Translation | dict[str, Any] | None
    context: Context | dict[str, Any] | list[str] | None


def model_for(kind: str, other: str, *, use: str, other_use: str) -> Callable[[Any, str], str]:
    """Return a check that the name of a model is not one of the other endpoint."""

    def check(value: Any, name: str) -> str:
        model: str = check_text(value, name, 32, needed=True)
        if model.startswith(f"stt-{other}-"):
            right = model.replace(f"-{other}-", f"-{kind}-")
            raise OptionsError(f"model {model!r} is for {other_use}; for {use} use {right!r}")
        return model

    return check


@dataclass(frozen=True, kw_only=True)
class SharedOptions(Checked):
    """The options of both endpoints, and what the options of every endpoint can do.

    An option is a field here and a key of `SharedKeywords`; its check, its place in requests and hashes and its
    description in all docstrings follow from the field. Options of one endpoint are defined in the same way in
    ``transcription`` and ``live``.
    """

    model: str
    language_hints: list[str] | str | None = option(
        "Two-letter codes of the languages to expect, or one code. Other languages may still be recognised.",
        check=language_codes,
    )
    language_hints_strict: bool | None = option(
        "Keep to the languages of the hints (strongly preferred, not guaranteed; works best with one hint).",
        check=check_flag,
    )
    enable_speaker_diarization: bool | None = option("Mark each token with its speaker.", check=check_flag)
    enable_language_identification: bool | None = option("Mark each token with its language.", check=check_flag)
    translation: Translation | dict[str, Any] | None = option(
        'A `Translation`, or a dict of its fields, such as ``{"type": "one_way", "target_language": "es"}``.',
        check=lambda value, name: Translation.of(value),
    )
    context: Context | dict[str, Any] | list[str] | None = option(
        "A list of words and names to recognise, a `Context`, or a dict of its sections, such as "
        '``{"text": "A call to a pharmacy.", "terms": ["Celebrex"]}``.',
        check=lambda value, name: Context.of(value),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.language_hints_strict and not self.language_hints:
            raise OptionsError(
                'language_hints_strict has no effect without language hints: add language_hints=["en"], or leave it out'
            )

    def body(self) -> dict[str, Any]:
        """Return the JSON object that is sent to the service, without the audio and the API key."""
        return self._json("sent")

    def hash(self) -> str:
        """Return 16 hexadecimal digits that are equal for options which shape the transcript in the same way.

        The hash covers every option except the model, the format of the audio, the webhook and the reference id. An
        option that is off gives the same hash as an option that is not set.
        """
        return hash_of(self._json("shapes"))

    def _json(self, purpose: str) -> dict[str, Any]:
        """Return the options of one purpose that are set, as JSON values."""
        values = {known.name: getattr(self, known.name) for known in fields(self) if known.metadata[purpose]}
        return {
            name: value.body()
            if isinstance(value, Context | Translation)
            else list(value)
            if isinstance(value, tuple)
            else value
            for name, value in without_none(values).items()
        }
