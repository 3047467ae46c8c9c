"""Real-time recognition with a model made for whole recordings: decode what is heard so far over and over.

Every 0.6 s the utterance since the last cut is recognized anew. A word is settled once two recognitions in a row agree
on it and it lies half a second back (local agreement); at a pause the whole utterance is recognized with more care and
settled. Settled words are said once and never taken back; the rest is the tail.

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
_LONGEST_S = 9.0  # longer utterances are cut behind a settled word
_KEPT_S = 0.4  # of silence, so that the first sound of the next word is not lost
_DOUBTFUL = 0.08  # a word less probable than this, where everything is settled, is a guess at noise
_BEHIND_S = 3.0  # more audio at once than this means that we lag (or that a file is pushed through)
_STEPS_WHEN_BEHIND = 3

Utterance = list[Word]


class WhisperStream:
    """One session; see the protocol ``Stream``."""

    def __init__(self, model: SpeechModel, options: Mapping[str, Any]) -> None:
        self._model = model
        self._request = Request.of(options)
        self._says_endpoints = bool(options.get("enable_endpoint_detection"))
        delay_ms = options.get("max_endpoint_delay_ms")
        self._pause_s = _PAUSE_S if delay_ms is None else min(_PAUSE_S, float(delay_ms) / 1000)
        self._tracker = SpeakerTracker() if self._request.speakers else None
        self._buffer: Pcm = np.zeros(0, np.float32)
        self._buffer_at_s = 0.0
        self._waiting: list[Pcm] = []  # what came in since the last step
        self._waiting_samples = 0
        self._total_samples = 0
        self._hypothesis: Utterance = []  # the unsettled words of the last recognition
        self._tail: list[Token] = []  # the same as tokens
        self._last: Word | None = None  # the last settled word
        self._last_end_ms = 0  # of the last settled token
        self._final_ms = 0
        self._said = False  # something since the last endpoint
        self._steps = 0

    def feed(self, pcm: Pcm) -> Update:
        """Take more audio; recognizes whenever another 0.6 s are there."""
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
        """Settle everything heard so far and say ``<fin>``."""
        return self._update([*self._settle_all(), {"text": "<fin>"}])

    def close(self) -> Update:
        """Settle everything; nothing follows."""
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
            # Silence: keep a little of it, forget the rest.
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
        """Settle what this recognition and the last one agree on."""
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
        """The words of the buffer that are not settled yet, in session time."""
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
        """Cut a long utterance behind a settled word, a clause's last one where there is one."""
        if self._last is None or len(self._buffer) <= _LONGEST_S * SAMPLE_RATE:
            return
        if self._last.end_s > self._buffer_at_s + 1:
            self._cut(self._last.end_s - 0.05)

    def _cut(self, at_s: float) -> None:
        """Drop the buffer's audio before a time."""
        samples = min(max(round((at_s - self._buffer_at_s) * SAMPLE_RATE), 0), len(self._buffer))
        self._buffer = self._buffer[samples:]
        self._buffer_at_s += samples / SAMPLE_RATE

    def _update(self, final: list[Token]) -> Update:
        total_ms = round((self._total_samples + self._waiting_samples) * 1000 / SAMPLE_RATE)
        return Update(final=final, tail=list(self._tail), final_ms=min(self._final_ms, total_ms), total_ms=total_ms)


def _unsettled(words: Utterance, last: Word) -> Utterance:
    """The words behind the last settled one, although their times move a little from one recognition to the next."""
    fresh = [word for word in words if (word.start_s + word.end_s) / 2 > last.end_s - 0.05]
    # The same word, only later and begun before the settled one ended, is that one and not a repetition.
    if fresh and _letters(fresh[0]) == _letters(last) and fresh[0].start_s < last.end_s:
        return fresh[1:]
    return fresh


def _has_speech(probabilities: np.ndarray[Any, np.dtype[np.float32]]) -> bool:
    """Whether there is an eighth of a second of speech at least."""
    return int((probabilities > 0.5).sum()) >= 4


def _silent(probabilities: np.ndarray[Any, np.dtype[np.float32]], pause_s: float) -> bool:
    """Whether the audio ends in a pause after speech."""
    frames = round(pause_s * SAMPLE_RATE / VAD_FRAME)
    return len(probabilities) > frames and bool((probabilities[-frames:] < 0.35).all())


def _letters(word: Word) -> str:
    return re.sub(r"[\W_]", "", word.text.lower())
