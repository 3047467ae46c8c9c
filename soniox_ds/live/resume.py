"""The seam between two sessions of the same audio: the time from which audio is sent again, and which words are new.

A broken connection cannot be resumed, because the next session knows nothing of the previous one. It therefore gets
some settled audio again, starting in a pause between two words, and the words that it repeats are left out. The waits
between attempts to reconnect are not decided here, but in ``live.session`` with ``api.retry.RECONNECT``.

Conventions: times are milliseconds on the recording's timeline; tokens are originals, in spoken order. All functions
are pure.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Protocol

from rapidfuzz.distance import Levenshtein

__all__ = ["CLEAR_MS", "WINDOW_MS", "first_new", "resume_at", "seam_passed"]

WINDOW_MS = 3_000
"""Longest stretch of settled audio that is sent again."""
CLEAR_MS = 600
"""Distance from the end of all settled words at which a token is certainly not a repetition."""

LEAST_MS = 400  # sent again at least, so that no word is at the very start
PAUSE_MS = 700  # after so much silence behind the last word, no word is sent again
BEFORE_WORD_MS = 90  # a token may start a little after its sound
MOST_WRONG = 0.5  # if a larger share of the letters differs, times decide


class Timed(Protocol):
    """A text with a start and an end."""

    @property
    def text(self) -> str: ...
    @property
    def start_ms(self) -> int | None: ...
    @property
    def end_ms(self) -> int | None: ...


def resume_at(settled: Sequence[Timed], final_audio_ms: int) -> int:
    """Return the time from which to send the audio again after `settled` tokens were received.

    Parameters
    ----------
    settled
        All settled tokens so far, or the latest of them.
    final_audio_ms
        End of the audio that settled tokens cover, silence included.

    Returns
    -------
    int
        At most `final_audio_ms` and at least `final_audio_ms` - `WINDOW_MS`, never below 0: in the silence after the
        last word if there is silence, otherwise just before the word after the longest pause of the window.

    Examples
    --------
    >>> from types import SimpleNamespace as Token
    >>> words = [Token(text=f" w{n}", start_ms=at, end_ms=at + 60) for n, at in enumerate([0, 400, 1500, 1800])]
    >>> resume_at(words, 2000), resume_at(words, 4000), resume_at([], 500)
    (1410, 3700, 200)
    """
    floor = max(final_audio_ms - WINDOW_MS, 0)
    timed = [token for token in settled[-200:] if token.start_ms is not None and token.end_ms is not None]
    last_end = max((token.end_ms or 0 for token in timed), default=0)
    if final_audio_ms - last_end >= PAUSE_MS or not timed:
        return max(final_audio_ms - 300, last_end if timed else 0, floor)
    best, longest = floor, -1
    for before, after in zip([None, *timed[:-1]], timed, strict=True):
        start, end = after.start_ms or 0, 0 if before is None else before.end_ms or 0
        begins_word = after.text[:1].isspace() or before is None
        if start < floor or start > final_audio_ms - LEAST_MS or not begins_word:
            continue
        if start - end > longest:
            best, longest = max(start - BEFORE_WORD_MS, end, floor), start - end
    return best


def seam_passed(settled_end_ms: int, token: Timed) -> bool:
    """Return True if a token of the new session starts clearly after everything that was settled before."""
    return token.start_ms is not None and token.start_ms >= settled_end_ms + CLEAR_MS


def first_new(expected: Sequence[Timed], received: Sequence[Timed]) -> int:
    """Count the tokens at the beginning of a new session that repeat settled ones.

    Parameters
    ----------
    expected
        The settled tokens of the audio that was sent again.
    received
        The tokens of the new session for that audio and the audio after it.

    Returns
    -------
    int
        Number of tokens at the beginning of `received` that repeat `expected`. It is the number whose letters are most
        similar to the expected ones, and among equals the one whose times are. If the letters differ too much, only
        the times decide.

    Examples
    --------
    >>> from types import SimpleNamespace as Token
    >>> def tokens(text, at): return [Token(text=" " + w, start_ms=at + 300 * n, end_ms=at + 300 * n + 60)
    ...                               for n, w in enumerate(text.split())]
    >>> first_new(tokens("two three", 1000), tokens("Two three four", 1010))
    2
    >>> first_new([], tokens("four", 2000))
    0
    """
    if not expected:
        return 0
    last = expected[-1]
    last_start = last.start_ms or 0
    expected_letters = "".join(_letters(token.text) for token in expected)
    best, best_cost = 0, (float("inf"), float("inf"))
    received_letters = ""
    for count in range(len(received) + 1):
        if count:
            received_letters += _letters(received[count - 1].text)
        after = received[count].start_ms if count < len(received) else None
        before = received[count - 1].start_ms if count else None
        # The last repetition starts where the last settled token does, and the next word behind it.
        far = 0.0 if before is None else abs(before - last_start)
        if before is None and after is not None:
            far = max(last_start - after + 1.0, 0.0)
        cost = (float(Levenshtein.distance(expected_letters, received_letters)), far)
        if cost < best_cost:
            best, best_cost = count, cost
    if best_cost[0] <= MOST_WRONG * len(expected_letters):
        return best
    middle = (last_start + (last.end_ms or last_start)) / 2
    return sum(1 for token in received if token.start_ms is not None and token.start_ms <= middle)


def _letters(text: str) -> str:
    """Return the letters and digits, casefolded and in normal form KC."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())
