"""Scripted recognizer: exact, fast, and the same for the same bytes.

Conventions: recordings that are not in the script table get a transcript invented from the sha256 of the audio, so that
every recording has its own transcript, and always the same one. Confidences, errors, speakers and the simulated
processing time are drawn in the same way. Tokens are 60 ms wide on a 30 ms grid like the service's. The recognizer uses
only the length of the audio, and in streams whether there is any sound.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from soniox_ds.emulator.audio import duration_ms
from soniox_ds.emulator.recognizers import Heard, Stream, Token, terms_of
from soniox_ds.emulator.recognizers.invented import UNSPACED, misheard, pseudo_word, sentences
from soniox_ds.emulator.recognizers.pieces import GRID_MS, WIDTH_MS, cut_word
from soniox_ds.emulator.recognizers.script_table import Script, ScriptTable, Turn, turns_of

__all__ = ["Labels", "ScriptedRecognizer", "make_tokens"]

_MISHEARD_CONFIDENCE = (0.3, 0.9)


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The labels that a request wants on its tokens, besides text, times and confidence."""

    speaker: bool = False
    language: bool = False
    targets: Mapping[str, str] | None = None
    """Language to translate into by spoken language, where ``*`` means any; None without translation."""
    terms: Mapping[str, str] | None = None
    """Translation terms of the context by lower-case source."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Labels:
        """Read the labels from the options of a request or start message."""
        translation = options.get("translation")
        targets: dict[str, str] | None = None
        if translation and translation["type"] == "one_way":
            targets = {"*": translation["target_language"]}
        elif translation:
            first, second = translation["language_a"], translation["language_b"]
            targets = {first: second, second: first}
        context = options.get("context")
        pairs = (context.get("translation_terms") or ()) if isinstance(context, Mapping) else ()
        return cls(
            speaker=bool(options.get("enable_speaker_diarization")),
            language=bool(options.get("enable_language_identification")) or targets is not None,
            targets=targets,
            terms={pair["source"].lower(): pair["target"] for pair in pairs},
        )

    def target(self, language: str) -> str | None:
        """Return the language to translate into; None if this speech is only transcribed."""
        if self.targets is None:
            return None
        target = self.targets.get(language, self.targets.get("*"))
        return None if target == language else target

    def put(self, token: Token, speaker: str, language: str) -> Token:
        """Add the requested labels to an original token."""
        if self.speaker:
            token["speaker"] = speaker
        if self.language:
            token["language"] = language
        if self.targets is not None:
            token["translation_status"] = "original" if self.target(language) else "none"
        return token

    def translate(
        self,
        words: Sequence[str],
        speaker: str,
        language: str,
        confidence: float,
        given: Mapping[str, Sequence[str]],
    ) -> list[Token]:
        """Return the translation tokens of some words, without times; empty if this speech is only transcribed.

        `given` holds the words of the translation by language; a translation into another language is made up.
        """
        target = self.target(language)
        if target is None:
            return []
        tokens: list[Token] = []
        made = given[target] if target in given else [pseudo_word(word, target, self.terms or {}) for word in words]
        for text in made:
            for piece in _pieces(text if target in UNSPACED else f" {text}"):
                token: Token = {"text": piece, "confidence": confidence}
                if self.speaker:
                    token["speaker"] = speaker
                token |= {"language": target, "translation_status": "translation", "source_language": language}
                tokens.append(token)
        if tokens:
            tokens[0]["text"] = tokens[0]["text"].lstrip()
        return tokens


class ScriptedRecognizer:
    """A recognizer with transcripts from a table, from sidecar files, or invented ones.

    Parameters
    ----------
    scripts
        See ``ScriptTable``; a stream is looked up by its ``client_reference_id``.
    stream_script
        Script of streams that are not in the table; None invents one without an end.
    seed
        Seed of everything that is drawn.
    error_rate
        Share of words that are recognized wrongly, 0 to 1.
    speakers, languages
        Number of speakers and languages of invented recordings. A script's own labels have precedence, and so has the
        first language hint.
    median_s, sigma
        Median and sigma of the simulated processing time in service seconds, which is lognormal.
    words_per_s
        Speed of invented speech.
    """

    name = "scripted"

    def __init__(
        self,
        scripts: Mapping[str, Script] | str | os.PathLike[str] | None = None,
        *,
        stream_script: Script | None = None,
        seed: int = 0,
        error_rate: float = 0.0,
        speakers: int = 2,
        languages: Sequence[str] = ("en",),
        median_s: float = 7.0,
        sigma: float = 0.5,
        words_per_s: float = 2.5,
    ) -> None:
        self._table = ScriptTable(scripts)
        self._stream_turns = None if stream_script is None else turns_of(stream_script)
        self._seed = seed
        self._error_rate = error_rate
        self._speakers = speakers
        self._languages = tuple(languages)
        self._median_s = median_s
        self._sigma = sigma
        self._words_per_s = words_per_s

    def transcribe(self, audio: Path, *, filename: str, options: Mapping[str, Any]) -> Heard:
        """Return the scripted or invented transcript of a file; raises UndecodableAudio."""
        with audio.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        length_ms = duration_ms(audio)
        rng = self._rng(sha256)
        processing_s = self._median_s * math.exp(self._sigma * rng.standard_normal())
        turns = self._table.find(filename, sha256)
        if turns is None:
            turns = self._invent(rng, max(4, round(length_ms / 1000 * self._words_per_s)))
        tokens = make_tokens(
            self._labelled(turns, options),
            length_ms,
            rng=rng,
            labels=Labels.of(options),
            error_rate=self._error_rate,
            known=frozenset(word for term in terms_of(options) for word in term.lower().split()),
        )
        return Heard(tokens=tokens, duration_ms=length_ms, processing_s=processing_s)

    def stream(self, options: Mapping[str, Any]) -> Stream:
        """Return a session that follows its script while sound arrives."""
        from soniox_ds.emulator.recognizers.scripted_stream import ScriptedStream

        name = str(options.get("client_reference_id") or "")
        turns = self._table.find(name, name) if name else None
        if turns is None:
            turns = self._stream_turns
        script = (
            iter(turns) if turns is not None else self._endless(self._rng(hashlib.sha256(name.encode()).hexdigest()))
        )
        return ScriptedStream(
            (turn for entry in script for turn in self._labelled([entry], options)),
            options,
            labels=Labels.of(options),
            rng=self._rng(hashlib.sha256(f"stream:{name}".encode()).hexdigest()),
        )

    def _rng(self, sha256: str) -> np.random.Generator:
        return np.random.default_rng([self._seed, int(sha256[:16], 16)])

    def _invent(self, rng: np.random.Generator, word_count: int) -> list[Turn]:
        made = sentences(rng, word_count)
        speakers = rng.integers(self._speakers, size=len(made))
        languages = rng.integers(len(self._languages), size=len(made))
        order: dict[int, str] = {}
        return [
            Turn(
                text=" ".join(words),
                # Speakers are numbered in the order in which they speak, from 1.
                speaker=order.setdefault(int(speaker), str(len(order) + 1)),
                language=self._languages[int(language)] if len(self._languages) > 1 else None,
            )
            for words, speaker, language in zip(made, speakers, languages, strict=True)
        ]

    def _endless(self, rng: np.random.Generator) -> Iterator[Turn]:
        while True:
            yield from self._invent(rng, 40)

    def _labelled(self, turns: Sequence[Turn], options: Mapping[str, Any]) -> list[Turn]:
        language = (options.get("language_hints") or self._languages)[0]
        return [replace(turn, speaker=turn.speaker or "1", language=turn.language or language) for turn in turns]


def make_tokens(
    turns: Sequence[Turn],
    length_ms: int,
    *,
    rng: np.random.Generator,
    labels: Labels | None = None,
    error_rate: float = 0.0,
    known: frozenset[str] = frozenset(),
) -> list[Token]:
    """Return the tokens of turns spread over a recording, with translations after the turn that they belong to.

    Turns without times share the recording by their number of pieces. Starts never decrease; if there are more pieces
    than the 30 ms grid has room for, several share a start.

    >>> turn = Turn(text="Beautiful day.", speaker="1", language="en")
    >>> [(token["text"], token["start_ms"]) for token in make_tokens([turn], 1200, rng=np.random.default_rng(0))]
    [('Bea', 150), ('uti', 300), ('ful', 480), (' day', 810), ('.', 960)]
    """
    labels = labels or Labels()
    tokens: list[Token] = []
    recognized = [misheard(turn.text.split(), rng, error_rate, known) for turn in turns]
    cut = [[(piece, wrong) for word, wrong in words for piece in _pieces(f" {word}")] for words in recognized]
    spans = _spans(turns, [len(pieces) + len(words) for pieces, words in zip(cut, recognized, strict=True)], length_ms)
    before: tuple[Any, Any] | None = None
    for turn, words, pieces, (start_ms, end_ms) in zip(turns, recognized, cut, spans, strict=True):
        if not pieces:
            continue
        speaker, language = turn.speaker or "1", turn.language or "en"
        # The first piece of a word is one place further away, for the pause before it.
        places = np.cumsum([1 + (piece[0] == " ") for piece, _ in pieces]) - 1.0
        room_ms = max(0, end_ms - start_ms - WIDTH_MS)
        starts = start_ms + places / (places[-1] + 1) * room_ms
        grid = (np.clip(starts, 0, max(0, length_ms - WIDTH_MS)) // GRID_MS * GRID_MS).astype(int).tolist()
        confidences = _confidences(rng, [wrong for _, wrong in pieces])
        shown = (speaker if labels.speaker else None, language if labels.language else None)
        # The service drops the space where another speaker or language follows.
        bare = shown != before
        before = shown
        for (piece, _), start, confidence in zip(pieces, grid, confidences, strict=True):
            token: Token = {
                "text": piece.lstrip() if bare else piece,
                "start_ms": start,
                "end_ms": start + WIDTH_MS,
                "confidence": confidence,
            }
            bare = False
            tokens.append(labels.put(token, speaker, language))
        if labels.targets is not None:
            texts = [word for word, _ in words]
            tokens += labels.translate(texts, speaker, language, confidences[0], turn.translated_words(0, 1))
    return tokens


def _spans(turns: Sequence[Turn], weights: Sequence[int], length_ms: int) -> list[tuple[int, int]]:
    """Return start and end of each turn: its own, otherwise its share of the recording."""
    edges = np.concatenate([[0], np.cumsum(weights)]) / max(1, sum(weights)) * length_ms
    return [
        (
            turn.start_ms if turn.start_ms is not None else int(edges[index]),
            turn.end_ms if turn.end_ms is not None else int(edges[index + 1]),
        )
        for index, turn in enumerate(turns)
    ]


def _confidences(rng: np.random.Generator, wrong: Sequence[bool]) -> list[float]:
    """Draw confidences, high for right words and lower for wrong ones; float32 values, since the service's are."""
    sure = 1 - np.minimum(rng.exponential(0.03, len(wrong)), 0.95)
    unsure = rng.uniform(*_MISHEARD_CONFIDENCE, len(wrong))
    chosen: list[float] = np.where(wrong, unsure, sure).astype(np.float32).astype(float).tolist()
    return chosen


@lru_cache(maxsize=50_000)
def _pieces(word: str) -> tuple[str, ...]:
    return tuple(cut_word(word))
