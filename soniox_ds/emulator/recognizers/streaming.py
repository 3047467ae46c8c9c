"""Real-time recognition with a model for whole recordings, which decodes the recent audio repeatedly.

Every 0.6 s the utterance since the last cut is recognized again. A word is settled if two successive recognitions agree
on it and it lies half a second back (local agreement). At a pause, the whole utterance is recognized more carefully and
settled. Settled words are sent once and never changed; the other words are the tail.

Conventions: audio is mono at 16 kHz; ``_at_s`` names are seconds from the start of the session. Source: Liu, Spanakis
and Niehues, "Low-latency sequence-to-sequence speech recognition and translation by partial hypothesis selection",
Interspeech 2020 (local agreement).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from soniox_ds.emulator.recognizers import Pcm, Token, Update
from soniox_ds.emulator.recognizers.model import SAMPLE_RATE, VAD_FRAME, SpeechModel, speech_probabilities
from soniox_ds.emulator.recognizers.pieces import Word, tokens_of
from soniox_ds.emulator.recognizers.request import Request
from soniox_ds.emulator.recognizers.speakers import SpeakerTracker

__all__ = ["WhisperStream"]

_STEP_S = 0.6
_PAUSE_S = 0.6  # silence that ends an utterance
_SETTLE_S = 0.5  # the youngest words still change
_LONGEST_S = 9.0  # longer utterances are cut after a settled word
_KEPT_S = 0.4  # of silence, to keep the first sound of the next word
_DOUBTFUL = 0.08  # a less probable word, when everything is settled, is a guess at noise
_BEHIND_S = 3.0  # more waiting audio means that recognition lags (or that a file is sent at once)
_STEPS_WHEN_BEHIND = 3

Utterance = list[Word]


class WhisperStream:
    """A session of the real recognizer; see the protocol ``Stream``."""

    def __init__(self, model: SpeechModel, options: Mapping[str, Any]) -> None:
        self._model = model
        self._request = Request.of(options)
        self._says_endpoints = bool(options.get("enable_endpoint_detection"))
        delay_ms = options.get("max_endpoint_delay_ms")
        self._pause_s = _PAUSE_S if delay_ms is None else min(_PAUSE_S, float(delay_ms) / 1000)
        self._tracker = SpeakerTracker() if self._request.speakers else None
        self._buffer: Pcm = np.zeros(0, np.float32)
        self._buffer_at_s = 0.0
        self._waiting: list[Pcm] = []  # audio since the last step
        self._waiting_samples = 0
        self._total_samples = 0
        self._hypothesis: Utterance = []  # the unsettled words of the last recognition
        self._tail: list[Token] = []  # the same words as tokens
        self._last: Word | None = None  # the last settled word
        self._last_end_ms = 0  # end of the last settled token
        self._final_ms = 0
        self._said = False  # whether any word was settled since the last endpoint
        self._steps = 0

    def feed(self, pcm: Pcm) -> Update:
        """Process more audio; recognizes after every 0.6 s."""
        final: list[Token] = []
        step_samples = round(_STEP_S * SAMPLE_RATE)
        every = _STEPS_WHEN_BEHIND if len(pcm) > _BEHIND_S * SAMPLE_RATE else 1
        while len(pcm):
            part, pcm = np.split(pcm, [step_samples - self._waiting_samples])
            self._waiting.append(part)
            self._waiting_samples += len(part)
            if self._waiting_samples == step_samples:
                self._take_waiting()
                self._steps += 1
                final += self._step(decode=self._steps % every == 0)
        return self._update(final)

    def finalize(self) -> Update:
        """Settle all audio so far and add ``<fin>``."""
        return self._update([*self._settle_all(), {"text": "<fin>"}])

    def close(self) -> Update:
        """Settle everything at the end of the audio."""
        return self._update(self._settle_all())

    @property
    def _now_s(self) -> float:
        return self._total_samples / SAMPLE_RATE

    def _take_waiting(self) -> None:
        self._buffer = np.concatenate([self._buffer, *self._waiting])
        self._total_samples += self._waiting_samples
        self._waiting, self._waiting_samples = [], 0

    def _step(self, *, decode: bool) -> list[Token]:
        speech = speech_probabilities(self._buffer)
        if not _has_speech(speech):
            # In silence, only a little audio is kept.
            self._expect([])
            self._cut(max(self._buffer_at_s, self._now_s - _KEPT_S))
            self._final_ms = max(self._final_ms, round(self._buffer_at_s * 1000))
            return []
        if _silent(speech, self._pause_s):
            final = self._settle_all()
            if self._says_endpoints and self._said:
                final.append({"text": "<end>"})
                self._said = False
            return final
        return self._agree() if decode else []

    def _agree(self) -> list[Token]:
        """Settle the words that this recognition and the last one agree on."""
        words = self._recognize(beam_size=1)
        agreed = 0
        for word, before in zip(words, self._hypothesis, strict=False):
            if _letters(word) != _letters(before) or word.end_s > self._now_s - _SETTLE_S:
                break
            agreed += 1
        final = self._settle(words[:agreed])
        self._expect(words[agreed:])
        self._shorten()
        return final

    def _settle_all(self) -> list[Token]:
        self._take_waiting()
        final: list[Token] = []
        if _has_speech(speech_probabilities(self._buffer)):
            words = self._recognize(beam_size=5)
            final = self._settle([word for word in words if word.probability >= _DOUBTFUL])
        self._expect([])
        self._cut(self._now_s)
        self._final_ms = round(self._now_s * 1000)
        return final

    def _recognize(self, *, beam_size: int) -> Utterance:
        """Return the words of the buffer that are not settled yet, in session time."""
        with self._model.short_window(self._buffer):
            words, _ = self._model.words(
                self._buffer,
                hotwords=self._request.hotwords,
                language=self._request.language,
                beam_size=beam_size,
                skip_silence=False,
            )
        at_s = self._buffer_at_s
        words = [replace(word, start_s=word.start_s + at_s, end_s=word.end_s + at_s) for word in words]
        return words if self._last is None else _unsettled(words, self._last)

    def _expect(self, words: Utterance) -> None:
        self._hypothesis = words
        self._tail = self._tokens(words, settled=False)

    def _settle(self, words: Sequence[Word]) -> list[Token]:
        if not words:
            return []
        tokens = self._tokens(words, settled=True)
        self._last = words[-1]
        self._last_end_ms = tokens[-1]["end_ms"] if tokens else self._last_end_ms
        self._final_ms = max(self._final_ms, self._last_end_ms)
        self._said = self._said or bool(tokens)
        return tokens

    def _tokens(self, words: Sequence[Word], *, settled: bool) -> list[Token]:
        if self._tracker is not None:
            words = self._tracker.name(words, self._buffer, self._buffer_at_s, settled=settled)
        return tokens_of(
            [self._request.shown(word) for word in words],
            ceiling_ms=round(self._now_s * 1000),
            floor_ms=self._last_end_ms,
            first=self._last is None,
            translating=self._request.translating,
        )

    def _shorten(self) -> None:
        """Cut a long utterance after a settled word, preferably the last word of a clause."""
        if self._last is None or len(self._buffer) <= _LONGEST_S * SAMPLE_RATE:
            return
        if self._last.end_s > self._buffer_at_s + 1:
            self._cut(self._last.end_s - 0.05)

    def _cut(self, at_s: float) -> None:
        """Remove the buffer's audio before a time."""
        samples = min(max(round((at_s - self._buffer_at_s) * SAMPLE_RATE), 0), len(self._buffer))
        self._buffer = self._buffer[samples:]
        self._buffer_at_s += samples / SAMPLE_RATE

    def _update(self, final: list[Token]) -> Update:
        total_ms = round((self._total_samples + self._waiting_samples) * 1000 / SAMPLE_RATE)
        return Update(final=final, tail=list(self._tail), final_ms=min(self._final_ms, total_ms), total_ms=total_ms)


def _unsettled(words: Utterance, last: Word) -> Utterance:
    """Return the words after the last settled one. Their times vary a little between recognitions."""
    fresh = [word for word in words if (word.start_s + word.end_s) / 2 > last.end_s - 0.05]
    # The same word at a later time that began before the settled one ended is that word, and no repetition.
    if fresh and _letters(fresh[0]) == _letters(last) and fresh[0].start_s < last.end_s:
        return fresh[1:]
    return fresh


def _has_speech(probabilities: np.ndarray[Any, np.dtype[np.float32]]) -> bool:
    """Return True if there is at least an eighth of a second of speech."""
    return int((probabilities > 0.5).sum()) >= 4


def _silent(probabilities: np.ndarray[Any, np.dtype[np.float32]], pause_s: float) -> bool:
    """Return True if the audio ends in a pause after speech."""
    frames = round(pause_s * SAMPLE_RATE / VAD_FRAME)
    return len(probabilities) > frames and bool((probabilities[-frames:] < 0.35).all())


def _letters(word: Word) -> str:
    return re.sub(r"[\W_]", "", word.text.lower())
