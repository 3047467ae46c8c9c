"""Speech model of the real recognizer: loading and recognition.

Conventions: audio is mono at 16 kHz; times of words are seconds from the start of the audio. The model is Whisper
tiny.en, which recognizes English only, or Whisper base, which is multilingual, both from packages (``weights.py``). Any
other model that faster-whisper can load may be named instead. Nothing here needs a network unless the name of a model
is given whose package is not installed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from soniox_ds.emulator.recognizers import Pcm
from soniox_ds.emulator.recognizers.pieces import Word
from soniox_ds.emulator.recognizers.weights import (
    INSTALL,
    INSTALLED_MODELS,
    MODEL_VARIABLE,
    ModelUnavailable,
    is_installed,
    whisper_model_folder,
)

__all__ = ["SAMPLE_RATE", "SpeechModel", "load_model", "speech_probabilities"]

SAMPLE_RATE = 16_000
VAD_FRAME = 512  # samples per probability of the voice-activity model
DEFAULT_MODEL = "tiny.en"

_FRAMES_PER_S = 100
_SHORTEST_WINDOW = 1000  # frames; below ten seconds the encoder's output gets worse, not only shorter
_WINDOW_MARGIN = 150
_TOKENS_PER_S = 8  # of speech; more tokens are a loop
_BOUNDED_TOKENS = 220  # a larger bound would not fit into the model together with the longest hotwords
_SHORTEST_SPEECH_MS = 100  # a click is not a word, but the model would return one
_CIRCLING = 2.4  # text that compresses better than this repeats itself (the bound that Whisper came with)
_FEWEST_WORDS_PER_S = 0.5  # of speech; the slowest speakers are faster


class SpeechModel:
    """A loaded model, which may be called from several threads at once."""

    def __init__(self, whisper: Any, window: threading.local) -> None:
        self._whisper = whisper
        self._window = window
        self.multilingual: bool = bool(whisper.model.is_multilingual)

    def words(
        self,
        pcm: Pcm,
        *,
        hotwords: str | None = None,
        language: str | None = None,
        beam_size: int = 5,
        skip_silence: bool = True,
    ) -> tuple[list[Word], str]:
        """Return the words of some audio, and their language.

        Parameters
        ----------
        hotwords
            Text whose words become more likely.
        language
            Two-letter code; None lets a multilingual model identify it. An English-only model always uses English.
        beam_size
            Number of hypotheses that are kept; 1 is fastest.
        skip_silence
            Cut silence out before recognition, so that it does not turn into words.
        """
        words, language, lost = self._decode(pcm, hotwords, language, beam_size, skip_silence)
        if hotwords and lost:
            # Some hotwords make the model repeat itself, or leave out speech.
            words, language, _ = self._decode(pcm, None, language, beam_size, skip_silence)
        return words, language

    def _decode(
        self, pcm: Pcm, hotwords: str | None, language: str | None, beam_size: int, skip_silence: bool
    ) -> tuple[list[Word], str, bool]:
        """Return words, language, and whether the model repeated itself or left out speech."""
        segments, info = self._whisper.transcribe(
            pcm,
            language=language if self.multilingual else "en",
            beam_size=beam_size,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=skip_silence,
            vad_parameters={"min_speech_duration_ms": _SHORTEST_SPEECH_MS},
            hotwords=hotwords or None,
            max_new_tokens=_token_bound(pcm),
        )
        language = str(info.language)
        words: list[Word] = []
        circling = False
        for segment in segments:
            if segment.compression_ratio > _CIRCLING:
                circling = True
                if len(segment.words) > _TOKENS_PER_S * (segment.end - segment.start):
                    continue  # more than anybody can say in that time, so a loop over the silence at the end
            words.extend(
                Word(
                    text=str(word.word),
                    start_s=float(word.start),
                    end_s=float(word.end),
                    probability=float(word.probability),
                    language=language,
                )
                for word in segment.words
            )
        swallowed = skip_silence and len(words) < _FEWEST_WORDS_PER_S * float(info.duration_after_vad)
        return words, language, circling or swallowed

    @contextmanager
    def short_window(self, pcm: Pcm) -> Iterator[None]:
        """Make this thread's calls encode little more than the audio, instead of the usual 30 s.

        It halves the CPU time on clips of a few seconds, nearly always with the same text. It is meant for streams,
        which decode repeatedly.
        """
        frames = int(len(pcm) / SAMPLE_RATE * _FRAMES_PER_S) + _WINDOW_MARGIN
        self._window.frames = max(_SHORTEST_WINDOW, frames)
        try:
            yield
        finally:
            self._window.frames = None


def _token_bound(pcm: Pcm) -> int | None:
    """Return a bound that ends loops early in clips of up to 11 s; None for longer ones, which the model bounds at 224.

    CTranslate2 spends half of the bound on the prompt, so it is twice as large.
    """
    bound = 2 * int(20 + _TOKENS_PER_S * len(pcm) / SAMPLE_RATE)
    return bound if bound <= _BOUNDED_TOKENS else None


_LOADED: dict[tuple[str, int, int], SpeechModel] = {}
_LOADING = threading.Lock()


def load_model(name: str | Path | None = None, *, cpu_threads: int = 1, workers: int = 2) -> SpeechModel:
    """Load a model, once for the same arguments in a process.

    Parameters
    ----------
    name
        ``"tiny.en"`` or ``"base"``, if the package with this model is installed (``soniox_ds[local]``,
        ``soniox_ds[whisper-base]``); their weights are first compared with the published SHA-256. Otherwise the folder
        of a model converted for CTranslate2, or a hub name such as ``"base.en"``, which is downloaded on first use;
        neither is verified. By default the model in the environment variable SONIOX_DS_WHISPER_MODEL, otherwise
        ``"tiny.en"``.
    cpu_threads
        Threads for each call. The text of a recording can depend on it.
    workers
        Number of calls that run at the same time. Two files on one thread each finish sooner than one on two threads.

    Raises
    ------
    ModelUnavailable
        If a package is missing, the weights differ from the published ones, or the model named cannot be loaded.
    """
    name = name or os.environ.get(MODEL_VARIABLE) or None
    key = (str(name), cpu_threads, workers)
    with _LOADING:
        if key not in _LOADED:
            _LOADED[key] = _load(name, cpu_threads, workers)
        return _LOADED[key]


def _load(name: str | Path | None, cpu_threads: int, workers: int) -> SpeechModel:
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise ModelUnavailable(INSTALL.format(missing=error.name, extra="local")) from error

    window = threading.local()

    class WindowedModel(WhisperModel):  # type: ignore[misc]  # the package has no types
        """A model that encodes only as many frames as the calling thread asks for."""

        def encode(self, features: Any) -> Any:
            frames = getattr(window, "frames", None)
            return super().encode(features if frames is None else features[..., :frames])

    if name is None or is_installed(str(name)):
        source = str(whisper_model_folder(str(name or DEFAULT_MODEL)))
    else:
        source = str(name)
    try:
        whisper = WindowedModel(source, device="cpu", compute_type="int8", cpu_threads=cpu_threads, num_workers=workers)
    except Exception as error:  # any error of the hub's client, or of CTranslate2
        known = INSTALLED_MODELS.get(source)
        package = f', or run: pip install "soniox_ds[{known.extra}]"' if known else ""
        raise ModelUnavailable(
            f"the model {source!r} cannot be loaded ({error}); give the folder of a model converted for CTranslate2, "
            f'or a hub name such as "base.en" and a network{package}'
        ) from error
    return SpeechModel(whisper, window)


def speech_probabilities(pcm: Pcm) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the probability of speech for each 32 ms (512 samples), by the Silero model in faster-whisper."""
    try:
        from faster_whisper.vad import get_vad_model
    except ImportError as error:
        raise ModelUnavailable(INSTALL.format(missing=error.name, extra="local")) from error
    if not len(pcm):
        return np.zeros(0, np.float32)
    padded = np.pad(pcm, (0, -len(pcm) % VAD_FRAME))
    return np.asarray(get_vad_model()(padded), np.float32).reshape(-1)
