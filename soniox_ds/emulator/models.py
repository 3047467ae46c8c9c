"""The models and languages of the service, as ``GET /v1/models`` lists them.

Conventions: an alias is an entry of its own with all capabilities of the model it stands for. The models are v6 (since
November 2026) and v5. v4 is an alias of v5, as since mid 2026, unless ``v4_is_alias=False`` makes it a model of its
own, which lacks the endpoint settings that came with v5. Older names are aliases of v4.
"""

from __future__ import annotations

from typing import Any

from soniox_ds.emulator.refusals import Refusal

__all__ = ["LANGUAGES", "ModelCatalog"]

_NAMES = """
af Afrikaans, sq Albanian, ar Arabic, az Azerbaijani, eu Basque, be Belarusian, bn Bengali, bs Bosnian, bg Bulgarian,
ca Catalan, zh Chinese, hr Croatian, cs Czech, da Danish, nl Dutch, en English, et Estonian, fi Finnish, fr French,
gl Galician, de German, el Greek, gu Gujarati, he Hebrew, hi Hindi, hu Hungarian, id Indonesian, it Italian,
ja Japanese, kn Kannada, kk Kazakh, ko Korean, lv Latvian, lt Lithuanian, mk Macedonian, ms Malay, ml Malayalam,
mr Marathi, no Norwegian, fa Persian, pl Polish, pt Portuguese, pa Punjabi, ro Romanian, ru Russian, sr Serbian,
sk Slovak, sl Slovenian, es Spanish, sw Swahili, sv Swedish, tl Tagalog, ta Tamil, te Telugu, th Thai, tr Turkish,
uk Ukrainian, ur Urdu, vi Vietnamese, cy Welsh
"""
LANGUAGES: dict[str, str] = {
    code: name.strip() for code, name in (pair.split(maxsplit=1) for pair in _NAMES.split(","))
}
"""Name of each language by its two-letter code."""

_MODES = {"rt": "real_time", "async": "async"}
_ALIASES = {
    "stt-rt-v3": "stt-rt-v4",
    "stt-async-v3": "stt-async-v4",
    "stt-rt-preview": "stt-rt-v4",
    "stt-async-preview": "stt-async-v4",
    "stt-rt-v3-preview": "stt-rt-v4",
    "stt-rt-preview-v2": "stt-rt-v4",
    "stt-async-preview-v1": "stt-async-v4",
}


class ModelCatalog:
    """The available models and their capabilities.

    >>> ModelCatalog().resolve("stt-async-preview", "async")["id"]
    'stt-async-v5'
    """

    def __init__(self, *, v4_is_alias: bool = True) -> None:
        self._entries: dict[str, dict[str, Any]] = {}
        for short, mode in _MODES.items():
            for version in (6, 5):
                self._entries[f"stt-{short}-v{version}"] = _entry(f"stt-{short}-v{version}", mode, version)
            v4 = _entry(f"stt-{short}-v4", mode, 5 if v4_is_alias else 4)
            self._entries[v4["id"]] = v4 | {"aliased_model_id": f"stt-{short}-v5" if v4_is_alias else None}
        for alias, target in _ALIASES.items():
            self._entries[alias] = self._entries[target] | {"id": alias, "aliased_model_id": target}

    def listing(self) -> dict[str, Any]:
        """Return the body of ``GET /v1/models``."""
        return {"models": list(self._entries.values())}

    def resolve(self, model: str, mode: str) -> dict[str, Any]:
        """Return the entry of the model that answers for `model`; raises Refusal ``model_not_available`` (400)."""
        entry = self._entries.get(model)
        if entry is None or entry["transcription_mode"] != mode:
            raise Refusal(400, "model_not_available", "Invalid model specified.")
        while entry["aliased_model_id"] is not None:
            entry = self._entries[entry["aliased_model_id"]]
        return entry


def _entry(model: str, mode: str, version: int) -> dict[str, Any]:
    real_time = mode == "real_time"
    has_endpoint_settings = real_time and version >= 5
    title = "Real-time" if real_time else "Async"
    return {
        "id": model,
        "aliased_model_id": None,
        "name": f"Speech-to-Text {title} {model.rsplit('-', 1)[1]}",
        "context_version": 2,
        "transcription_mode": mode,
        "languages": [{"code": code, "name": name} for code, name in LANGUAGES.items()],
        "supports_language_hints_strict": True,
        "supports_max_endpoint_delay": real_time,
        "supports_endpoint_sensitivity": has_endpoint_settings,
        "supports_endpoint_latency_adjustment": has_endpoint_settings,
        "endpoint_latency_adjustment_max_level": 3 if has_endpoint_settings else 0,
        "supports_agent_text_input": real_time and version >= 6,
        "translation_targets": [],
        "one_way_translation": "all_languages",
        "two_way_translation": "all_languages",
        "two_way_translation_pairs": [],
    }
