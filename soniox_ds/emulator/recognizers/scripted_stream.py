"""Real-time session that follows a script while sound arrives.

Conventions: time is counted in frames of 30 ms of audio, so the division of the audio into messages affects only when
an update is sent. The script advances only while there is sound. A word appears unfinished in the tail, is cut into its
pieces when it is complete, and is settled about a second later, or at an endpoint, a finalize or the end. Its
translation follows in the next update.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from soniox_ds.emulator.recognizers import Pcm, Token, Update
from soniox_ds.emulator.recognizers.pieces import GRID_MS, WIDTH_MS, cut_word
from soniox_ds.emulator.recognizers.script_table import Turn

__all__ = ["ScriptedStream"]

_FRAME = 480
"""Number of samples in 30 ms."""
_LOUD = 0.003
"""Root mean square at which a frame counts as sound."""
_PIECE_MS = 120
_WORD_GAP_MS = 60
_SENTENCE_GAP_MS = 600
_SENTENCE_END_MS = 300
"""Part of the gap after a sentence that passes before an endpoint, if endpoints are requested."""
_SETTLE_MS = 900
_SILENCE_MS = 800
"""Silence before an endpoint at neutral sensitivity."""


@dataclass(kw_only=True)
class _Word:
    text: str
    pieces: list[str]
    speaker: str
    language: str
    confidence: float
    ends_sentence: bool
    translations: Mapping[str, list[str]]
    """Words of the turn's translations that follow this word, by language."""
    starts: list[int] = field(default_factory=list)
    """Starts of the pieces so far."""
    settled: int = 0
    """Number of pieces that are final."""

    @property
    def complete(self) -> bool:
        return len(self.starts) == len(self.pieces)


class ScriptedStream:
    """A session that follows a script; `turns` may be endless."""

    def __init__(
        self, turns: Iterator[Turn], options: Mapping[str, Any], *, labels: Any, rng: np.random.Generator
    ) -> None:
        self._words = self._cut(turns, rng)
        self._labels = labels
        self._endpoints = bool(options.get("enable_endpoint_detection"))
        self._delay_ms = _endpoint_delay_ms(options)
        self._rest: Pcm = np.zeros(0, np.float32)
        self._samples = 0
        self._now_ms = 0
        self._wait_ms = 0
        self._silent_ms = 0
        self._final_ms = 0
        self._pending: list[_Word] = []
        self._said = False
        self._before: tuple[str | None, str | None] | None = None
        self._owed: list[_Word] = []

    def feed(self, pcm: Pcm) -> Update:
        """Process more audio."""
        final = self._translations()
        self._samples += pcm.size
        samples = np.concatenate([self._rest, pcm])
        whole = samples.size // _FRAME * _FRAME
        self._rest = samples[whole:]
        for loudness in np.sqrt(np.mean(samples[:whole].reshape(-1, _FRAME) ** 2, axis=1)):
            final += self._frame(bool(loudness > _LOUD))
        return self._update(final)

    def finalize(self) -> Update:
        """Settle everything and add ``<fin>``."""
        final = self._translations() + self._settle_all()
        return self._update([*final, *self._translations(), {"text": "<fin>"}])

    def close(self) -> Update:
        """Settle everything."""
        final = self._translations() + self._settle_all()
        return self._update(final + self._translations())

    def _frame(self, sound: bool) -> list[Token]:
        final: list[Token] = []
        if sound:
            self._silent_ms = 0
            self._speak()
        else:
            self._silent_ms += GRID_MS
        self._now_ms += GRID_MS
        while self._pending and self._pending[0].complete and self._due(self._pending[0]):
            final += self._settle(self._pending.pop(0))
        if self._endpoints and self._said and self._at_endpoint():
            final += [*self._settle_all(), {"text": "<end>"}]
            self._said = False
        return final

    def _due(self, word: _Word) -> bool:
        return word.starts[-1] + WIDTH_MS + _SETTLE_MS <= self._now_ms

    def _speak(self) -> None:
        if self._wait_ms > 0:
            self._wait_ms -= GRID_MS
            return
        if not self._pending or self._pending[-1].complete:
            word = next(self._words, None)
            if word is None:
                return
            self._pending.append(word)
        word = self._pending[-1]
        word.starts.append(self._now_ms)
        self._said = True
        self._wait_ms = _PIECE_MS - GRID_MS
        if word.complete:
            self._wait_ms += _SENTENCE_GAP_MS if word.ends_sentence else _WORD_GAP_MS

    def _at_endpoint(self) -> bool:
        if self._silent_ms >= self._delay_ms:
            return True
        last = self._pending[-1] if self._pending else None
        if last is None or not (last.complete and last.ends_sentence):
            return False
        return self._now_ms - last.starts[-1] - _PIECE_MS >= _SENTENCE_END_MS

    def _settle(self, word: _Word) -> list[Token]:
        tokens = [
            self._token(word, piece, start_ms, number == 0)
            for number, (piece, start_ms) in enumerate(zip(word.pieces, word.starts, strict=False))
        ][word.settled :]
        if word.complete:
            self._owed.append(word)
        word.settled = len(word.starts)
        shown = self._shown(word)
        if tokens and shown != self._before and word.settled == len(tokens):
            tokens[0]["text"] = tokens[0]["text"].lstrip()
        self._before = shown
        if tokens:
            self._final_ms = max(self._final_ms, tokens[-1]["end_ms"])
        return tokens

    def _settle_all(self) -> list[Token]:
        final: list[Token] = []
        for word in self._pending:
            final += self._settle(word)
        # A word that a finalize cut in two continues after it.
        self._pending = [word for word in self._pending if not word.complete]
        self._final_ms = max(self._final_ms, self._total_ms())
        return final

    def _translations(self) -> list[Token]:
        tokens: list[Token] = []
        for word in self._owed:
            made = self._labels.translate([word.text], word.speaker, word.language, word.confidence, word.translations)
            if made and made[0]["text"] and made[0]["language"] not in _unspaced():
                made[0]["text"] = " " + made[0]["text"]
            tokens += made
        self._owed = []
        return tokens

    def _tail(self) -> list[Token]:
        tail: list[Token] = []
        before = self._before
        for word in self._pending:
            if word.complete and not word.settled:
                made = [
                    self._token(word, piece, start_ms, number == 0)
                    for number, (piece, start_ms) in enumerate(zip(word.pieces, word.starts, strict=True))
                ]
            else:
                # An incomplete word is one uncut guess, which its pieces replace later.
                guess = "".join(word.pieces[word.settled : len(word.starts)])
                made = [self._token(word, guess, word.starts[-1], word.settled == 0)] if guess else []
                for token in made:
                    token["confidence"] = round(token["confidence"] * 0.7, 4)
            if made and self._shown(word) != before and not word.settled:
                made[0]["text"] = made[0]["text"].lstrip()
            before = self._shown(word)
            tail += made
        return tail

    def _token(self, word: _Word, piece: str, start_ms: int, first: bool) -> Token:
        token: Token = {
            "text": piece if not first else " " + piece.lstrip(),
            "start_ms": start_ms,
            "end_ms": start_ms + WIDTH_MS,
            "confidence": word.confidence,
        }
        labelled: Token = self._labels.put(token, word.speaker, word.language)
        return labelled

    def _shown(self, word: _Word) -> tuple[str | None, str | None]:
        return (
            word.speaker if self._labels.speaker else None,
            word.language if self._labels.language else None,
        )

    def _update(self, final: list[Token]) -> Update:
        return Update(final=final, tail=self._tail(), final_ms=self._final_ms, total_ms=self._total_ms())

    def _total_ms(self) -> int:
        return self._samples // 16

    def _cut(self, turns: Iterator[Turn], rng: np.random.Generator) -> Iterator[_Word]:
        for turn in turns:
            texts = turn.text.split()
            for place, text in enumerate(texts):
                yield _Word(
                    text=text,
                    pieces=list(cut_word(f" {text}")) or [text],
                    speaker=turn.speaker or "1",
                    language=turn.language or "en",
                    confidence=float(np.float32(1 - min(rng.exponential(0.03), 0.95))),
                    ends_sentence=text[-1] in ".?!。？！",
                    translations=turn.translated_words(place, len(texts)),
                )


def _unspaced() -> frozenset[str]:
    from soniox_ds.emulator.recognizers.invented import UNSPACED

    return UNSPACED


def _endpoint_delay_ms(options: Mapping[str, Any]) -> float:
    """Return the silence that ends a segment: shorter at higher sensitivity and level, and at most the given limit."""
    wanted = _SILENCE_MS - 400 * float(options.get("endpoint_sensitivity", 0.0))
    wanted -= 150 * int(options.get("endpoint_latency_adjustment_level", 0))
    return min(max(wanted, 200.0), float(options.get("max_endpoint_delay_ms", 2000)))
