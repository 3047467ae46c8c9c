"""Where words begin among tokens.

Conventions: rows come stream by stream, each in the API's order; texts are codes into a vocabulary, so that each
distinct text is looked at once. The rules are those that `soniox_ds.text.words.words` promises.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from soniox_ds.text.runs import Codes, Ints, changes
from soniox_ds.text.scripts import Features

__all__ = ["MARKERS", "divided", "is_word", "pieces_of", "without_markers", "word_starts"]

MARKERS = ("<end>", "<fin>")
"""What the service writes between words: the end of an utterance, and the answer to a call of finalize."""
_MARKER = re.compile("(<end>|<fin>)")

Bools = npt.NDArray[np.bool_]


def divided(text: Codes, rows: Ints, streams: Ints) -> tuple[list[str], Ints, Ints, Ints]:
    """The distinct texts, a code into them for each row, the rows and streams; tokens of several words divided."""
    vocabulary = [str(label) for label in text.labels]
    pieces = [pieces_of(label) for label in vocabulary]
    codes = text.codes[rows]
    if len(pieces) == sum(map(len, pieces)):
        return vocabulary, codes, rows, streams
    lengths = np.array([len(parts) for parts in pieces], np.intp)
    offsets = np.cumsum(lengths) - lengths
    repeats = lengths[codes]
    within = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    spelling = np.repeat(offsets[codes], repeats) + within
    return [part for parts in pieces for part in parts], spelling, np.repeat(rows, repeats), np.repeat(streams, repeats)


def is_word(piece: str) -> bool:
    """Return False for a marker, and for white space alone."""
    return piece not in MARKERS and not piece.isspace() and piece != ""


def without_markers(text: str) -> str:
    """Put a space in the place of each marker of a running text.

    >>> without_markers("Hi.<end>Bye"), without_markers("a <b>")
    ('Hi. Bye', 'a <b>')
    """
    return _MARKER.sub(" ", text) if "<" in text else text


def pieces_of(text: str) -> list[str]:
    """Cut the text of a token around markers and before each white space; what surrounds it stays where it is.

    >>> pieces_of(" Hi."), pieces_of("Hi you<end> there"), pieces_of(" <end>")
    ([' Hi.'], ['Hi', ' you', '<end>', ' there'], [' ', '<end>'])
    """
    if "<" in text and len(parts := _MARKER.split(text)) > 1:
        return [piece for part in parts if part for piece in ([part] if part in MARKERS else _words(part))]
    return _words(text)


def _words(text: str) -> list[str]:
    inner = text.split()
    if len(inner) < 2:
        return [text]
    before = text[: len(text) - len(text.lstrip())]
    after = text[len(text.rstrip()) :]
    return [before + inner[0], *(" " + word for word in inner[1:-1]), " " + inner[-1] + after]


def word_starts(
    found: Features, spelling: Ints, rows: Ints, streams: Ints, no_word: Bools, labels: dict[str, Codes], late: Bools
) -> tuple[Ints, Bools]:
    """Among the rows that are parts of words: where words start, and for each start whether a space stands before.

    `late` are the rows that begin a chunk behind the end of a sentence: a space belongs there, unless there is nothing
    but closing punctuation, or a script without spaces to either side.
    """
    blank = found.blank[spelling]
    spaces = np.cumsum(no_word & (found.space_first[spelling] | found.space_last[spelling]))[~no_word]
    stops = np.cumsum(no_word & ~blank)[~no_word]
    rows, streams, spelling, late = rows[~no_word], streams[~no_word], spelling[~no_word], late[~no_word]

    new_stream = changes(streams)
    space = found.space_first[spelling] | changes(spaces)
    space[1:] |= found.space_last[spelling[:-1]]
    begins_word = ~(found.punctuation[spelling] & ~found.opening[spelling]) & ~found.hangs_on[spelling]
    spaced_script = ~found.unspaced_first[spelling[1:]] & ~found.unspaced_last[spelling[:-1]]
    space[1:] |= late[1:] & begins_word[1:] & spaced_script
    change = changes(stops)
    for name in ("speaker", "language", "source_language"):
        change |= changes(labels[name].codes[rows])
    change |= new_stream

    stretch = np.maximum.accumulate(np.where(space | change, np.arange(len(rows)), 0))
    fresh = stretch == np.arange(len(rows))
    letters = ~found.punctuation[spelling]
    unspaced = _unspaced_between(found, spelling, stretch, letters)

    punctuation, opening = found.punctuation[spelling], found.opening[spelling]
    either = found.either[spelling]
    # A straight quote opens where a word follows it at once and nothing could be closed before it.
    next_joined = np.append(~(space | change)[1:] & letters[1:], False)
    opens = opening | (either & fresh & next_joined)
    goes_back = (punctuation & ~opens) | found.hangs_on[spelling]
    holds = np.zeros(len(rows), np.bool_)
    holds[1:] = opens[:-1] | found.holds_on[spelling[:-1]]

    fixed = new_stream | space
    new = fixed | (unspaced & ~goes_back & ~holds) | _moved(change, goes_back & ~fixed, holds & ~fixed)
    return np.flatnonzero(new), (space & ~new_stream)[new]


def _moved(change: Bools, goes_back: Bools, holds: Bools) -> Bools:
    """Move changes of speaker or language past the closing punctuation after them and before the opening one."""
    change = change.copy()
    while (late := np.flatnonzero(change & goes_back)).size:  # as often as the longest run of punctuation is long
        change[late] = False
        change[late[late + 1 < len(change)] + 1] = True
    while (early := np.flatnonzero(change & holds)).size:
        change[early] = False
        change[early[~goes_back[early - 1]] - 1] = True  # what a joiner holds together stays so
    return change


def _unspaced_between(found: Features, spelling: Ints, stretch: Ints, letters: Bools) -> Bools:
    """Whether a row meets the one before in an unspaced script, judged by the nearest letters to either side."""
    count = len(spelling)
    here = np.arange(count)
    before = np.maximum.accumulate(np.where(letters, here, -1))
    before = np.where(before >= stretch, before, here)  # no letter since the last space or change: the character itself
    after = np.minimum.accumulate(np.where(letters, here, count)[::-1])[::-1]
    after = (
        np.where((after < count) & (stretch[np.minimum(after, count - 1)] == stretch), after, here) if count else after
    )
    unspaced = np.zeros(count, np.bool_)
    unspaced[1:] = found.unspaced_last[spelling[before[:-1]]] | found.unspaced_first[spelling[after[1:]]]
    return unspaced
