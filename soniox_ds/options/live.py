"""Options of live transcription, sent as the first message of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from soniox_ds._arguments import check_number, is_number
from soniox_ds.exceptions import OptionsError
from soniox_ds.options.checks import check_flag, check_text
from soniox_ds.options.keywords import list_options, option
from soniox_ds.options.models import LIVE_MODEL
from soniox_ds.options.shared import SharedKeywords, SharedOptions, model_for

__all__ = [
    "BYTES_PER_SAMPLE",
    "CONTAINER_FORMATS",
    "ENDPOINT_OPTIONS",
    "AudioKeywords",
    "LiveKeywords",
    "LiveOptions",
    "SessionKeywords",
]

CONTAINER_FORMATS = ("auto", "aac", "aiff", "amr", "asf", "flac", "mp3", "ogg", "wav", "webm")
"""Audio formats that describe themselves, so that no sample rate or number of channels is needed."""

BYTES_PER_SAMPLE: Mapping[str, int] = {
    "pcm_s8": 1,
    "pcm_u8": 1,
    "mulaw": 1,
    "alaw": 1,
    **{
        f"pcm_{kind}{bits}{order}": bits // 8
        for kind, sizes in (("s", (16, 24, 32)), ("u", (16, 24, 32)), ("f", (32, 64)))
        for bits in sizes
        for order in ("le", "be")
    },
}
"""Bytes of one sample of one channel for each raw format. Raw formats need `sample_rate` and `num_channels`."""

ENDPOINT_OPTIONS = (
    "enable_endpoint_detection",
    "max_endpoint_delay_ms",
    "endpoint_sensitivity",
    "endpoint_latency_adjustment_level",
)
"""Options that decide when an utterance has ended."""


class SessionKeywords(SharedKeywords, total=False):
    """The keyword arguments of `LiveOptions` without the format of the audio and the endpoint options."""

    enable_agent_text_input: bool | None
    client_reference_id: str | None


class LiveKeywords(SessionKeywords, total=False):
    """The keyword arguments of `LiveOptions` without the format of the audio."""

    enable_endpoint_detection: bool | None
    max_endpoint_delay_ms: int | None
    endpoint_sensitivity: float | None
    endpoint_latency_adjustment_level: int | None


class AudioKeywords(LiveKeywords, total=False):
    """The keyword arguments of `LiveOptions`."""

    audio_format: str | None
    sample_rate: int | None
    num_channels: int | None


def _audio_format(value: Any, name: str) -> str:
    if value not in CONTAINER_FORMATS and value not in BYTES_PER_SAMPLE:
        raise OptionsError(
            f"{name} is {value!r}; it is {', '.join(CONTAINER_FORMATS)}, or raw: {', '.join(BYTES_PER_SAMPLE)}"
        )
    return str(value)


def _number(value: Any, name: str, *, least: float, most: float, whole: bool = True) -> Any:
    advice = f"it is a number from {least} to {most}"
    return check_number(value, name, whole=whole, least=least, most=most, advice=advice, error=OptionsError)


@dataclass(frozen=True, kw_only=True)
class LiveOptions(SharedOptions):
    """The options of live transcription. All options of the websocket API are available.

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
    >>> sx.LiveOptions(audio_format="pcm_s16le", sample_rate=16_000, num_channels=1).body()
    {'model': 'stt-rt-v6', 'audio_format': 'pcm_s16le', 'sample_rate': 16000, 'num_channels': 1}
    """

    model: str = option(
        "Name of a model for live audio (at most 32 characters).",
        default=LIVE_MODEL,
        check=model_for("rt", "async", use="live audio", other_use="recordings"),
        shapes=False,
    )
    audio_format: str = option(
        "Format of the audio. Raw formats (``pcm_s16le``, ``mulaw``, ...) need `sample_rate` and `num_channels`; "
        "``auto`` and the container formats describe themselves. After a broken connection, a session can only be "
        "continued if its audio is raw.",
        default="auto",
        check=_audio_format,
        shapes=False,
    )
    sample_rate: int | None = option("Samples per second of raw audio.", shapes=False)
    num_channels: int | None = option("Number of channels of raw audio.", shapes=False)
    enable_endpoint_detection: bool | None = option(
        "Make the words final as soon as an utterance seems to have ended.", check=check_flag
    )
    max_endpoint_delay_ms: int | None = option(
        "Longest time from the end of speech to its endpoint in milliseconds, 500 to 3000.",
        check=partial(_number, least=500, most=3000),
    )
    endpoint_sensitivity: float | None = option(
        "Sensitivity from -1.0 to 1.0; a higher value ends utterances sooner (newest models only).",
        check=partial(_number, least=-1.0, most=1.0, whole=False),
    )
    endpoint_latency_adjustment_level: int | None = option(
        "Level from 0 to 3; a higher level gives earlier endpoints and more segments (newest models only).",
        check=partial(_number, least=0, most=3),
    )
    enable_agent_text_input: bool | None = option(
        "Let a voice agent tell the session what the agent said, as context for what the user says next (from "
        "``stt-rt-v6`` on). This package sends the option but no texts of the agent, because their format is not "
        "documented yet.",
        check=check_flag,
    )
    client_reference_id: str | None = option(
        "Reference that appears in the vendor's usage logs; at most 256 characters.",
        check=partial(check_text, longest=256),
        shapes=False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, example in (("sample_rate", 16_000), ("num_channels", 1)):
            value = getattr(self, name)
            if self.audio_format in BYTES_PER_SAMPLE and not is_number(value, whole=True, least=1):
                raise OptionsError(
                    f"audio_format {self.audio_format!r} is raw and needs {name}, such as {name}={example}; "
                    f"found {value!r}"
                )
        for name in ENDPOINT_OPTIONS[1:]:
            if getattr(self, name) is not None and not self.enable_endpoint_detection:
                raise OptionsError(f"{name} is given without enable_endpoint_detection=True; give both, or neither")

    @property
    def bytes_per_ms(self) -> float | None:
        """Bytes of one millisecond of raw audio. None for compressed formats and containers."""
        if self.audio_format not in BYTES_PER_SAMPLE or self.sample_rate is None or self.num_channels is None:
            return None
        return BYTES_PER_SAMPLE[self.audio_format] * self.sample_rate * self.num_channels / 1000

    @property
    def bytes_per_frame(self) -> int:
        """Bytes of one sample of all channels of raw audio. 1 for compressed formats and containers."""
        return BYTES_PER_SAMPLE.get(self.audio_format, 1) * (self.num_channels or 1)


list_options(LiveOptions)
