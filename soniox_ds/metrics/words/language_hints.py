"""The language of recordings that were transcribed with one language hint."""

from __future__ import annotations

from typing import Any

import pandas as pd

from soniox_ds.options.languages import suggest_language

__all__ = ["hinted_languages"]


def hinted_languages(transcripts: Any) -> dict[str, str]:
    """Return the language of the recordings that were transcribed with a single language hint."""
    recordings = transcripts.recordings
    runs = (getattr(transcripts, "provenance", None) or {}).get("runs", [])
    hints = [(run, (run.get("options") or {}).get("language_hints") or []) for run in runs]
    if not any(run_hints for _, run_hints in hints):
        return {}
    by_hash = {run["options_hash"]: run_hints for run, run_hints in hints if run.get("options_hash")}
    alike = {tuple(run_hints) for _, run_hints in hints}
    every = next(iter(alike)) if len(alike) == 1 else ()
    languages: dict[str, str] = {}
    hashes: Any = recordings["options_hash"] if "options_hash" in recordings else [pd.NA] * len(recordings)
    for audio_id, options_hash in zip(recordings["audio_id"].tolist(), list(hashes), strict=True):
        run_hints = by_hash.get(options_hash, every) if isinstance(options_hash, str) else every
        if len(run_hints) == 1 and (code := suggest_language(run_hints[0])):
            languages[str(audio_id)] = code
    return languages
