"""Sub-word tokens that look like the service's.

Conventions: times are in ms from the start of the audio. Every token starts on a 30 ms grid and is 60 ms wide, whatever
the length of the sound (as recorded from the service). A word's first piece has the leading space; the first token of
a transcript has none. The pieces depend on the letters alone, so the same word is always cut in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from soniox_ds.emulator.recognizers import Token

__all__ = ["GRID_MS", "WIDTH_MS", "Word", "cut_word", "place", "tokens_of"]

GRID_MS = 30
WIDTH_MS = 60
LONGEST_PIECE = 4
GLUED_TO = 2  # a mark is joined to a last piece of at most so many letters ("s,"), and is separate otherwise

_PARTS = re.compile(
    r"\d"  # single digits
    r"|['’][^\W\d_]{1,2}(?![^\W\d_])"  # 's, 'll, 't
    r"|[^\W\d_]+"  # a run of letters
    r"|[\W_]+"  # marks
)


@dataclass(frozen=True, kw_only=True)
class Word:
    """A recognized word. ``text`` starts with a space unless the word is joined to the one before."""

    text: str
    start_s: float
    end_s: float
    probability: float
    speaker: str | None = None
    language: str | None = None


def cut_word(text: str) -> list[str]:
    """Cut a word into pieces of two to four letters, single digits and marks, which together are the word.

    Examples
    --------
    >>> cut_word(" recording,")
    [' rec', 'ord', 'ing', ',']
    >>> cut_word(" what's")
    [' what', "'s"]
    >>> cut_word(" 60")
    [' 6', '0']
    >>> cut_word(" is,")
    [' is,']
    """
    body = text.lstrip()
    space = " " if len(body) < len(text) else ""
    pieces: list[str] = []
    for part in _PARTS.findall(body.rstrip()):
        if part[0].isalpha() and len(part) > LONGEST_PIECE:
            pieces.extend(_even(part))
        elif pieces and not part[0].isalnum() and len(part) == 1 and _glues(pieces[-1]):
            pieces[-1] += part
        else:
            pieces.append(part)
    if pieces:
        pieces[0] = space + pieces[0]
    return pieces


def _glues(piece: str) -> bool:
    return piece.isalpha() and len(piece) <= GLUED_TO


def _even(letters: str) -> list[str]:
    """Cut letters into as few pieces as four letters allow, of nearly the same length, the longer ones first."""
    count = -(-len(letters) // LONGEST_PIECE)
    short, longer = divmod(len(letters), count)
    cuts = [0]
    for number in range(count):
        cuts.append(cuts[-1] + short + (number < longer))
    return [letters[start:end] for start, end in pairwise(cuts)]


def place(wanted_ms: Sequence[float], floor_ms: int, ceiling_ms: int) -> list[int]:
    """Return starts on the grid, in order, with at least one token's width between them if there is room.

    Parameters
    ----------
    wanted_ms
        Preferred starts of the tokens, in order.
    floor_ms, ceiling_ms
        No token starts before the floor, and none ends after the ceiling. If there is too little room, tokens share
        starts. If there is no room for a single token, the floor wins.

    Examples
    --------
    >>> place([0, 100, 110], 0, 1000)
    [0, 90, 150]
    >>> place([940, 950], 0, 1000)
    [870, 930]
    """
    first = -(-floor_ms // GRID_MS) * GRID_MS
    last = max((ceiling_ms - WIDTH_MS) // GRID_MS * GRID_MS, first)
    starts: list[int] = []
    for wanted in wanted_ms:
        earliest = starts[-1] + WIDTH_MS if starts else first
        starts.append(max(round(wanted / GRID_MS) * GRID_MS, earliest))
    latest = last
    for index in range(len(starts) - 1, -1, -1):
        starts[index] = max(min(starts[index], latest), first)
        latest = starts[index] - WIDTH_MS
    return starts


def tokens_of(
    words: Iterable[Word], *, ceiling_ms: int, floor_ms: int = 0, first: bool = True, translating: bool = False
) -> list[Token]:
    """Return the tokens of some words, in order.

    Parameters
    ----------
    words
        In spoken order. A word's probability becomes the confidence of each of its pieces.
    ceiling_ms
        Length of the audio: no token ends later.
    floor_ms
        Earliest start of a token: in a stream, the end of the token before.
    first
        If True, these words open the transcript, so that the first token has no leading space.
    translating
        If True, a translation was requested, and each token has the ``translation_status`` "none".
    """
    cut = [(word, pieces) for word in words if (pieces := cut_word(word.text))]
    wanted = [at_ms for word, pieces in cut for at_ms in _spread(word, len(pieces))]
    starts = iter(place(wanted, floor_ms, ceiling_ms))
    tokens: list[Token] = []
    for word, pieces in cut:
        for piece in pieces:
            start_ms = next(starts)
            text = piece.lstrip() if first and not tokens else piece
            token: Token = {
                "text": text,
                "start_ms": start_ms,
                "end_ms": start_ms + WIDTH_MS,
                "confidence": min(max(float(word.probability), 0.0), 1.0),
            }
            if word.speaker is not None:
                token["speaker"] = word.speaker
            if word.language is not None:
                token["language"] = word.language
            if translating:
                token["translation_status"] = "none"
            tokens.append(token)
    return tokens


def _spread(word: Word, count: int) -> list[float]:
    """Return starts of a word's pieces: the first at the word's start, the last so that it ends at the word's end."""
    start_ms, end_ms = word.start_s * 1000, word.end_s * 1000
    if count == 1:
        return [start_ms]
    step = max(end_ms - WIDTH_MS - start_ms, 0.0) / (count - 1)
    return [start_ms + step * number for number in range(count)]
