"""Word boundaries among tokens.

Conventions: rows are grouped by stream, and the rows of a stream are in the order of the API. Texts are codes of a
vocabulary, so that each distinct text is examined only once. `soniox_ds.text.words.words` documents the rules.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from soniox_ds.text.runs import Codes, Ints, changes
from soniox_ds.text.scripts import Features

__all__ = ["MARKERS", "divided", "is_word", "pieces_of", "without_markers", "word_starts"]

MARKERS = ("<end>", "<fin>")
"""The markers that the service writes between words: the end of an utterance, and the answer to a finalize call."""
_MARKER = re.compile("(<end>|<fin>)")

Bools = npt.NDArray[np.bool_]


def divided(text: Codes, rows: Ints, streams: Ints) -> tuple[list[str], Ints, Ints, Ints]:
    """Split tokens that contain several words; return the distinct texts, and the code, row and stream of each part."""
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
    """Return False for a marker, for white space and for an empty text."""
    return piece not in MARKERS and not piece.isspace() and piece != ""


def without_markers(text: str) -> str:
    """Replace each marker (``<end>`` or ``<fin>``) in a text with a space.

    >>> without_markers("Hi.<end>Bye"), without_markers("a <b>")
    ('Hi. Bye', 'a <b>')
    """
    return _MARKER.sub(" ", text) if "<" in text else text


def pieces_of(text: str) -> list[str]:
    """Split the text of a token at markers and before white space. White space at the start and end is kept.

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
    text_features: Features,
    spelling: Ints,
    rows: Ints,
    streams: Ints,
    no_word: Bools,
    labels: dict[str, Codes],
    begins_chunk: Bools,
) -> tuple[Ints, Bools]:
    """Find the rows at which words start, and whether there is a space before each of these words.

    `no_word` is True for rows that are not part of a word, such as markers. The returned row numbers do not count these
    rows. `begins_chunk` is True for rows that begin a chunk after the end of a sentence. Words are separated by a space
    at these rows and after a marker or a sound, except before closing punctuation and next to a script that is written
    without spaces.
    """
    blank = text_features.blank[spelling]
    spaces = np.cumsum(no_word & (text_features.space_first[spelling] | text_features.space_last[spelling]))[~no_word]
    stops = np.cumsum(no_word & ~blank)[~no_word]
    rows, streams, spelling, begins_chunk = (
        rows[~no_word],
        streams[~no_word],
        spelling[~no_word],
        begins_chunk[~no_word],
    )

    new_stream = changes(streams)
    space = text_features.space_first[spelling] | changes(spaces)
    space[1:] |= text_features.space_last[spelling[:-1]]
    begins_word = (
        ~(text_features.punctuation[spelling] & ~text_features.opening[spelling]) & ~text_features.hangs_on[spelling]
    )
    spaced_script = ~text_features.unspaced_first[spelling[1:]] & ~text_features.unspaced_last[spelling[:-1]]
    space[1:] |= begins_chunk[1:] & begins_word[1:] & spaced_script
    stopped = changes(stops)
    change = stopped.copy()
    for name in ("speaker", "speaker_label", "language", "source_language"):
        change |= changes(labels[name].codes[rows])
    change |= new_stream

    stretch = np.maximum.accumulate(np.where(space | change, np.arange(len(rows)), 0))
    fresh = stretch == np.arange(len(rows))
    letters = ~text_features.punctuation[spelling]
    unspaced = _unspaced_between(text_features, spelling, stretch, letters)

    punctuation, opening = text_features.punctuation[spelling], text_features.opening[spelling]
    either = text_features.either[spelling]
    # A straight quote is an opening quote if a word follows it directly and nothing could be closed before it.
    next_joined = np.append(~(space | change)[1:] & letters[1:], False)
    opens = opening | (either & fresh & next_joined)
    goes_back = (punctuation & ~opens) | text_features.hangs_on[spelling]
    holds = np.zeros(len(rows), np.bool_)
    holds[1:] = opens[:-1] | text_features.holds_on[spelling[:-1]]

    fixed = new_stream | space
    new = fixed | (unspaced & ~goes_back & ~holds) | _moved(change, goes_back & ~fixed, holds & ~fixed)
    space[1:] |= stopped[1:] & begins_word[1:] & spaced_script
    return np.flatnonzero(new), (space & ~new_stream)[new]


def _moved(change: Bools, goes_back: Bools, holds: Bools) -> Bools:
    """Move changes of speaker or language past the closing punctuation after them and before opening punctuation."""
    change = change.copy()
    while (late := np.flatnonzero(change & goes_back)).size:  # repeats as often as the longest run of punctuation
        change[late] = False
        change[late[late + 1 < len(change)] + 1] = True
    while (early := np.flatnonzero(change & holds)).size:
        change[early] = False
        change[early[~goes_back[early - 1]] - 1] = True  # characters that a joiner connects stay together
    return change


def _unspaced_between(text_features: Features, spelling: Ints, stretch: Ints, letters: Bools) -> Bools:
    """Return True for each row if the nearest letter before or after its start is of a script without spaces."""
    count = len(spelling)
    here = np.arange(count)
    before = np.maximum.accumulate(np.where(letters, here, -1))
    before = np.where(before >= stretch, before, here)  # no letter since the last space or change: use the row itself
    after = np.minimum.accumulate(np.where(letters, here, count)[::-1])[::-1]
    after = (
        np.where((after < count) & (stretch[np.minimum(after, count - 1)] == stretch), after, here) if count else after
    )
    unspaced = np.zeros(count, np.bool_)
    unspaced[1:] = (
        text_features.unspaced_last[spelling[before[:-1]]] | text_features.unspaced_first[spelling[after[1:]]]
    )
    return unspaced
