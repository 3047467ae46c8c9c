"""The transcript of one recording as another provider's file states it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

__all__ = ["TimedWord", "Transcript", "untimed_words", "with_punctuation", "with_text"]


class TimedWord(NamedTuple):
    """A word with its punctuation, or another piece of text that the provider gives times for."""

    text: str
    """The text, with a space before it where the transcript has one."""
    start_ms: int | None = None
    end_ms: int | None = None
    confidence: float | None = None
    """Confidence, 0 to 1; None if the provider gives none."""
    speaker: str | None = None
    language: str | None = None
    """Two-letter code; `options.languages.language_code` makes it from other codes and names."""
    channel: int | None = None
    """Number of the channel, from 1; None if the channels were mixed."""


@dataclass(frozen=True)
class Transcript:
    """The transcript of one recording."""

    words: Sequence[TimedWord]
    audio_id: str | None = None
    """Name of the recording in the file; None if the file does not say it, so that the name of the file is used."""
    source: str | None = None
    """Path or URL of the audio; None if the file does not say it."""
    duration_ms: int | None = None
    model: str | None = None
    tokens: pd.DataFrame | None = None
    """The tokens (``schema.TOKENS``) in place of `words`, if the file has more of them than words hold."""


def untimed_words(text: str | None) -> list[TimedWord]:
    """Return the words of a text, which have no times.

    Examples
    --------
    >>> [word.text for word in untimed_words("Good day!")]
    [' Good', ' day!']
    """
    return [TimedWord(f" {word}") for word in (text or "").split()]


def with_text(words: Sequence[TimedWord], text: str) -> list[TimedWord]:
    """Return words with the spaces and the punctuation that they have in a text.

    Each word is looked for in the text after the word before it. The characters between two words belong to the first
    word up to a space, and to the second word from there on. A word that is not in the text gets a space before it.

    Examples
    --------
    >>> words = [TimedWord("Good"), TimedWord("day"), TimedWord("Ann")]
    >>> [word.text for word in with_text(words, "Good day, (Ann)!")]
    ['Good', ' day,', ' (Ann)!']
    """
    pieces = [[" ", word.text.strip(), ""] for word in words]
    before: int | None = -1  # The word that ends at `position`; -1 at the start, None after a word that is not there.
    position = 0
    for index, (_, word, _) in enumerate(pieces):
        start = text.find(word, position)
        if start < 0:
            before = None
            continue
        between = text[position:start]
        n_closing = 0 if before == -1 else next((n for n, sign in enumerate(between) if sign.isspace()), len(between))
        if before is not None:
            pieces[index][0] = between[n_closing:]
            if before >= 0:
                pieces[before][2] = between[:n_closing]
        before, position = index, start + len(word)
    if before is not None and before >= 0:
        pieces[before][2] = text[position:].rstrip()
    return [word._replace(text="".join(parts)) for word, parts in zip(words, pieces, strict=True)]


def with_punctuation(words: Iterable[TimedWord | str]) -> list[TimedWord]:
    """Return words with a space before each, and with the punctuation marks between them at the end of the word before.

    Examples
    --------
    >>> [word.text for word in with_punctuation([TimedWord("Good"), TimedWord("day"), "!"])]
    ['Good', ' day!']
    """
    result: list[TimedWord] = []
    for word in words:
        if isinstance(word, TimedWord):
            result.append(word._replace(text=f" {word.text}" if result else word.text))
        elif result:
            result[-1] = result[-1]._replace(text=result[-1].text + word)
    return result
