"""Options of live transcription, sent as the first message of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from soniox_ds.exceptions import OptionsError
from soniox_ds.options.checks import check_flag, check_text, hash_of, hints_of, keywords_of, set_field, without_none
from soniox_ds.options.context import Context, Translation
from soniox_ds.options.models import LIVE_MODEL

__all__ = ["BYTES_PER_SAMPLE", "CONTAINER_FORMATS", "LiveOptions"]

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

_FLAGS = (
    "enable_speaker_diarization",
    "enable_language_identification",
    "enable_endpoint_detection",
    "enable_agent_text_input",
)
_RANGES = {
    "max_endpoint_delay_ms": (500, 3000),
    "endpoint_sensitivity": (-1.0, 1.0),
    "endpoint_latency_adjustment_level": (0, 3),
}


@dataclass(frozen=True, kw_only=True)
class LiveOptions:
    """The options of live transcription: every option of the API's websocket.

    Parameters
    ----------
    model
        Name of a model for live audio; by default the newest.
    audio_format, sample_rate, num_channels
        The format of the audio. Raw formats (``pcm_s16le``, ``mulaw``, ...) need the sample rate and the number of
        channels; ``auto`` and the container formats describe themselves. After a broken connection, a stream can only
        be continued if its audio is raw.
    language_hints, language_hints_strict, enable_speaker_diarization, enable_language_identification, translation, \
context
        As in `TranscriptionOptions`.
    enable_endpoint_detection
        Make the words final as soon as an utterance seems to have ended.
    max_endpoint_delay_ms
        Longest time from the end of speech to its endpoint in milliseconds, 500 to 3000.
    endpoint_sensitivity
        Sensitivity from -1.0 to 1.0; a higher value ends utterances sooner (newest models only).
    endpoint_latency_adjustment_level
        Level from 0 to 3; a higher level gives earlier endpoints and more segments (newest models only).
    enable_agent_text_input
        Let a voice agent tell the session what the agent said, as context for what the user says next (from
        ``stt-rt-v6`` on). This package sends the option but no texts of the agent, because their format is not
        documented yet.
    client_reference_id
        Reference that appears in the vendor's usage logs; at most 256 characters.

    Raises
    ------
    OptionsError
        If an option is wrong, or two options do not go together.

    Examples
    --------
    >>> LiveOptions(audio_format="pcm_s16le", sample_rate=16_000, num_channels=1).body()
    {'model': 'stt-rt-v6', 'audio_format': 'pcm_s16le', 'sample_rate': 16000, 'num_channels': 1}
    """

    model: str = LIVE_MODEL
    audio_format: str = "auto"
    sample_rate: int | None = None
    num_channels: int | None = None
    language_hints: Iterable[str] | None = None
    language_hints_strict: bool | None = None
    enable_speaker_diarization: bool | None = None
    enable_language_identification: bool | None = None
    translation: Translation | Mapping[str, Any] | None = None
    context: Context | Mapping[str, Any] | None = None
    enable_endpoint_detection: bool | None = None
    max_endpoint_delay_ms: int | None = None
    endpoint_sensitivity: float | None = None
    endpoint_latency_adjustment_level: int | None = None
    enable_agent_text_input: bool | None = None
    client_reference_id: str | None = None

    def __post_init__(self) -> None:
        check_text(self.model, "model", 32, needed=True)
        if self.model.startswith("stt-async-"):
            raise OptionsError(
                f"model {self.model!r} is for recordings; for live audio use {self.model.replace('-async-', '-rt-')!r}"
            )
        self._check_audio()
        set_field(self, "language_hints", hints_of(self.language_hints, self.language_hints_strict))
        for name in _FLAGS:
            check_flag(getattr(self, name), name)
        if self.translation is not None:
            set_field(self, "translation", Translation.of(self.translation))
        if self.context is not None:
            set_field(self, "context", Context.of(self.context))
        self._check_endpoints()
        check_text(self.client_reference_id, "client_reference_id", 256)

    @classmethod
    def of(cls, **options: Any) -> LiveOptions:
        """Return options by name; raises OptionsError for an unknown name, with the name that was probably meant."""
        return cls(**keywords_of(options, None, [f.name for f in fields(cls)]))

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

    def body(self) -> dict[str, Any]:
        """Return the JSON object that is sent to the service. The API key is sent in a header instead."""
        return without_none(
            {
                "model": self.model,
                "audio_format": self.audio_format,
                "sample_rate": self.sample_rate,
                "num_channels": self.num_channels,
                **self._shaping(),
                "client_reference_id": self.client_reference_id,
            }
        )

    def hash(self) -> str:
        """Return 16 hexadecimal digits that are equal for options which shape the transcript in the same way.

        The hash covers every option except the model, the format of the audio and the reference id.
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
            "enable_endpoint_detection": self.enable_endpoint_detection,
            "max_endpoint_delay_ms": self.max_endpoint_delay_ms,
            "endpoint_sensitivity": self.endpoint_sensitivity,
            "endpoint_latency_adjustment_level": self.endpoint_latency_adjustment_level,
            "enable_agent_text_input": self.enable_agent_text_input,
        }

    def _check_audio(self) -> None:
        if self.audio_format in CONTAINER_FORMATS:
            return
        if self.audio_format not in BYTES_PER_SAMPLE:
            raise OptionsError(
                f"audio_format is {self.audio_format!r}; it is {', '.join(CONTAINER_FORMATS)}, or raw: "
                f"{', '.join(BYTES_PER_SAMPLE)}"
            )
        for name, example in (("sample_rate", 16_000), ("num_channels", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise OptionsError(
                    f"audio_format {self.audio_format!r} is raw and needs {name}, such as {name}={example}; "
                    f"found {value!r}"
                )

    def _check_endpoints(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is None:
                continue
            kinds = (int, float) if isinstance(low, float) else (int,)
            if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
                raise OptionsError(f"{name} is {value!r}; it is a number from {low} to {high}")
            if not self.enable_endpoint_detection:
                raise OptionsError(f"{name} is given without enable_endpoint_detection=True; give both, or neither")
        if self.endpoint_sensitivity is not None:
            set_field(self, "endpoint_sensitivity", float(self.endpoint_sensitivity))  # 1 and 1.0 are equal.
