"""Checks of the first message of a websocket session.

Conventions: the first problem is refused with the documented short message; unknown fields are ignored, and null counts
as missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from soniox_ds.emulator.models import ModelCatalog
from soniox_ds.emulator.refusals import Refusal
from soniox_ds.emulator.stream_audio import CONTAINER_FORMATS, is_raw
from soniox_ds.emulator.validation import SHARED_FLAGS, check_context, check_hints, check_translation

__all__ = ["check_start", "parse_start", "refused"]

_BOOLEANS = (*SHARED_FLAGS, "enable_endpoint_detection", "enable_agent_text_input")
_SAMPLE_RATES = range(1_000, 384_001)
_CHANNELS = range(1, 33)
MALFORMED = "Start request is malformed."


def refused(message: str, status: int = 400, error_type: str = "invalid_request") -> Refusal:
    """Return a refusal that ends a session."""
    return Refusal(status, error_type, message)


def parse_start(text: str) -> dict[str, Any]:
    """Parse the JSON object of a first text frame, without null values; raises Refusal."""
    try:
        message = json.loads(text)
    except ValueError:
        raise refused(MALFORMED) from None
    if not isinstance(message, dict):
        raise refused(MALFORMED)
    return {name: value for name, value in message.items() if value is not None}


def check_start(message: Mapping[str, Any], catalog: ModelCatalog, *, context_chars: int) -> None:
    """Refuse a start message that is not as documented. The key is not checked."""
    if not isinstance(message.get("model"), str):
        raise refused("Invalid model specified.", error_type="model_not_available")
    model = catalog.resolve(message["model"], "real_time")
    _check_audio(message)
    if any(not isinstance(message.get(name, False), bool) for name in _BOOLEANS):
        raise refused(MALFORMED)
    if problem := check_hints(message.get("language_hints", [])):
        raise refused(problem[1])
    if "context" in message and (problem := check_context(message["context"], context_chars)):
        raise refused(problem[1])
    if "translation" in message:
        if model["one_way_translation"] is None:
            raise refused("Model does not support translations.")
        if problem := check_translation(message["translation"]):
            raise refused(problem[1])
    if message.get("enable_agent_text_input") and not model["supports_agent_text_input"]:
        raise refused("Model does not support enable_agent_text_input.")
    _check_endpoint(message, model)
    reference = message.get("client_reference_id", "")
    if not isinstance(reference, str):
        raise refused(MALFORMED)
    if len(reference) > 256:
        raise refused("Client reference ID is too long (max length 256)")


def _check_audio(message: Mapping[str, Any]) -> None:
    name = message.get("audio_format")
    if name is None or name == "":
        raise refused("Missing audio format. Set audio_format, for example to auto or pcm_s16le.")
    if not isinstance(name, str) or not (name in CONTAINER_FORMATS or is_raw(name)):
        raise refused(f"Invalid audio data format: {str(name)[:64]}")
    if not is_raw(name):
        return
    for field, allowed, meaning in (
        ("sample_rate", _SAMPLE_RATES, "sample rate"),
        ("num_channels", _CHANNELS, "channels"),
    ):
        value = message.get(field)
        if value is None:
            raise refused(f"Audio data {meaning} must be specified for PCM formats")
        if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
            raise refused(f"Invalid audio data {meaning}: {str(value)[:64]}")


def _check_endpoint(message: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    for field, low, high, supported in (
        ("max_endpoint_delay_ms", 500, 3000, model["supports_max_endpoint_delay"]),
        ("endpoint_sensitivity", -1.0, 1.0, model["supports_endpoint_sensitivity"]),
        (
            "endpoint_latency_adjustment_level",
            0,
            model["endpoint_latency_adjustment_max_level"],
            model["supports_endpoint_latency_adjustment"],
        ),
    ):
        if field not in message:
            continue
        value = message[field]
        if not supported:
            raise refused(f"Model does not support {field}.")
        whole = field != "endpoint_sensitivity"
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not low <= value <= high:
            raise refused(f"{field} must be between {low} and {high}.")
