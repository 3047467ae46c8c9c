"""Recognizer with real offline recognition: Whisper tiny.en (English only) or another model, without a network.

Context ``terms`` make their words more likely; the rest of the context is prose and has no effect (``request.py`` gives
the reason). ``enable_speaker_diarization`` adds speakers by classical features (``speakers.py``: crude).
``enable_language_identification`` and ``translation`` add the language of each token, which is always "en" with
tiny.en, whatever is spoken. The model cannot translate: with ``translation``, every token has the
``translation_status`` "none", as the service does for speech that it leaves untranslated; no translation is invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from soniox_ds.emulator.audio import decode_file
from soniox_ds.emulator.recognizers import Heard
from soniox_ds.emulator.recognizers.model import SAMPLE_RATE, SpeechModel, load_model
from soniox_ds.emulator.recognizers.pieces import tokens_of
from soniox_ds.emulator.recognizers.request import Request
from soniox_ds.emulator.recognizers.speakers import assign_speakers, find_turns
from soniox_ds.emulator.recognizers.streaming import WhisperStream

__all__ = ["WhisperRecognizer"]


class WhisperRecognizer:
    """A recognizer of real audio.

    Parameters
    ----------
    model
        ``"base"``, the multilingual model that ``soniox_ds[whisper-base]`` installs, with verified weights; the folder
        of a model converted for CTranslate2, or a hub name such as ``"base.en"``, downloaded on first use; neither is
        verified. By default the model in the environment variable SONIOX_DS_WHISPER_MODEL, otherwise Whisper tiny.en as
        installed with ``soniox_ds[local]``, with verified weights.
    cpu_threads, workers
        Number of threads for each recording, and of recordings at the same time.

    Raises
    ------
    ModelUnavailable
        By ``transcribe``, ``stream`` and ``load``, if a package is missing or the weights are not the published ones.

    Notes
    -----
    With tiny.en, a recording needs 0.1 CPU seconds per second, at least 0.9, and a hundredth more with speakers; with
    base, about twice as much. All of its samples are in memory: 230 MB an hour.
    """

    name = "whisper"

    def __init__(self, model: str | Path | None = None, *, cpu_threads: int = 1, workers: int = 2) -> None:
        self._source = model
        self._cpu_threads = cpu_threads
        self._workers = workers

    def load(self) -> SpeechModel:
        """Load the model now (0.5 s), not with the first request; once per process."""
        return load_model(self._source, cpu_threads=self._cpu_threads, workers=self._workers)

    def transcribe(self, audio: Path, *, filename: str, options: Mapping[str, Any]) -> Heard:
        """Transcribe one file. Raises UndecodableAudio."""
        model, request = self.load(), Request.of(options)
        pcm = decode_file(audio)
        words, _ = model.words(pcm, hotwords=request.hotwords, language=request.language)
        if request.speakers and words:
            words = assign_speakers(words, find_turns(pcm))
        duration_ms = round(len(pcm) * 1000 / SAMPLE_RATE)
        tokens = tokens_of(
            [request.shown(word) for word in words], ceiling_ms=duration_ms, translating=request.translating
        )
        return Heard(tokens=tokens, duration_ms=duration_ms)

    def stream(self, options: Mapping[str, Any]) -> WhisperStream:
        """Open a real-time session."""
        return WhisperStream(self.load(), options)
