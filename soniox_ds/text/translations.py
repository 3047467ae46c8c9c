"""Streams of originals and translations among tokens or words.

Conventions: each channel of a recording has two streams, one for originals and one for translations. A recording whose
channels were sent mixed has one channel. The number of a stream is even for originals and odd for translations. Within
a stream rows are in the API's order (`token_index`, `word_index`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import SchemaError
from soniox_ds.schema import need
from soniox_ds.text import runs
from soniox_ds.text.runs import Codes, Ints, Numbers
from soniox_ds.text.scripts import ends_sentence

__all__ = [
    "LABELS",
    "OF_WORDS",
    "Streams",
    "channel_codes",
    "chunk_numbers",
    "late_chunks",
    "reading_order",
    "translation_mask",
    "without_translations",
    "word_streams",
]

Bools = npt.NDArray[np.bool_]

LABELS = ("speaker", "speaker_label", "language", "translation_status", "source_language")
"""The labels of a token or a word."""
OF_WORDS = ("audio_id", "word_index", "text", "space_before")
"""Columns that a table of words needs."""


def translation_mask(table: pd.DataFrame) -> Bools:
    """Return True for each row of tokens, words or texts that is a translation.

    >>> translation_mask(pd.DataFrame({"translation_status": ["original", "translation", None]})).tolist()
    [False, True, False]
    """
    if "translation_status" not in table:
        return np.zeros(len(table), np.bool_)
    return (table["translation_status"] == "translation").fillna(False).to_numpy(np.bool_)


def without_translations(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of tokens, words or texts that are not translations.

    >>> tokens = pd.DataFrame({"text": ["Hi", "Hallo"], "translation_status": ["original", "translation"]})
    >>> without_translations(tokens)["text"].tolist()
    ['Hi']
    """
    translated = translation_mask(table)
    return table[~translated] if translated.any() else table


class Streams(NamedTuple):
    """Words, stream by stream."""

    rows: Ints
    new: Bools
    audio: Codes
    translated: Bools
    position: npt.NDArray[Any]
    text: Codes
    space_before: Bools
    labels: dict[str, Codes]
    channel: Numbers


def word_streams(words: pd.DataFrame, *, by_channel: bool = True) -> Streams:
    """Return the words of a table, stream by stream. The channels of a recording share a stream unless `by_channel`."""
    need(words, *OF_WORDS, name="words")
    audio = runs.codes_of(words, "audio_id", required=True)
    text = runs.codes_of(words, "text", required=True)
    index = runs.numbers_of(words, "word_index", "Int32").values
    labels = {name: runs.codes_of(words, name) for name in LABELS}
    translated = _is_translation(labels["translation_status"])
    channel = runs.numbers_of(words, "channel", "Int16")
    streams = (channel_codes(audio, channel) if by_channel else audio.codes) * 2 + translated
    rows = runs.lexical_order(streams, index)
    _refuse_repeats(words, audio, rows, streams[rows], index[rows], "word_index")
    return Streams(
        rows=rows,
        new=runs.changes(streams[rows]),
        audio=Codes(audio.codes[rows], audio.labels),
        translated=translated[rows],
        position=index[rows],
        text=Codes(text.codes[rows], text.labels),
        space_before=runs.numbers_of(words, "space_before", "boolean").values.astype(np.bool_)[rows],
        labels={name: Codes(column.codes[rows], column.labels) for name, column in labels.items()},
        channel=runs.at(channel, rows),
    )


def channel_codes(audio: Codes, channel: Numbers) -> Ints:
    """Number the channels of all recordings, recording by recording. Mixed recordings have one channel.

    >>> audio = Codes(np.array([0, 0, 1]), ["a", "b"])
    >>> channel_codes(audio, Numbers(np.array([1, 2, 0]), np.array([True, True, False]))).tolist()
    [1, 2, 3]
    """
    if not channel.known.any():
        return audio.codes
    values, slots = np.unique(np.where(channel.known, channel.values, np.iinfo(np.int16).min), return_inverse=True)
    return np.asarray(audio.codes * len(values) + slots, np.intp)


def reading_order(
    tokens: pd.DataFrame, audio: Codes, status: Codes, index: Numbers, channel: Numbers
) -> tuple[Ints, Ints]:
    """Return the rows by stream, each stream in the API's order, and the number of the stream of each row."""
    if not index.known.all():
        raise SchemaError(
            f"token_index is NA in {int((~index.known).sum())} of {len(tokens)} rows; every row needs one."
        )
    translated = _is_translation(status)
    streams = channel_codes(audio, channel) * 2 + translated
    order = runs.lexical_order(streams, index.values)
    streams, position = streams[order], index.values[order]
    _refuse_repeats(tokens, audio, order, streams, position, "token_index")
    return order, streams


def chunk_numbers(rows: Ints, streams: Ints, index: Numbers) -> Ints:
    """Return the number of the chunk of each token, in the order of the table.

    A chunk is a stretch of one stream that follows tokens of the other stream of its channel in the API's order. `rows`
    are the rows of the table, stream by stream, and `streams` gives the stream of each of them.
    """
    chunks = np.zeros(len(index.values), np.intp)
    if not len(rows) or not (streams % 2).any():
        return chunks
    stream_of_row = np.zeros(len(index.values), np.intp)
    stream_of_row[rows] = streams
    order = runs.lexical_order(stream_of_row // 2, index.values)
    chunks[order] = np.cumsum(runs.changes(stream_of_row[order]))
    return chunks


def late_chunks(vocabulary: list[str], spelling: Ints, rows: Ints, streams: Ints, chunks: Ints) -> Bools:
    """Return True for the rows that begin a chunk after the end of a sentence of their own stream."""
    late = np.zeros(len(rows), np.bool_)
    late[1:] = (np.diff(chunks[rows]) != 0) & (streams[1:] == streams[:-1])
    here = np.flatnonzero(late)
    late[here] = [ends_sentence(vocabulary[code].rstrip()) for code in spelling[here - 1]]
    return late


def _refuse_repeats(table: pd.DataFrame, audio: Codes, order: Ints, streams: Ints, position: Any, name: str) -> None:
    if (same := np.flatnonzero((np.diff(streams) == 0) & (np.diff(position) == 0))).size:
        row = order[same[0]]
        raise SchemaError(
            f"{audio.labels[audio.codes[row]]!r} has two rows with {name} {position[same[0]]}"
            f"{f', and {same.size - 1} more such pairs' if same.size > 1 else ''}. Perhaps two tables of the same "
            "recording were joined: give the recordings different ids, or keep only one table."
        )


def _is_translation(status: Codes) -> Bools:
    named = np.array([label == "translation" for label in status.labels] + [False], np.bool_)
    return named[status.codes]  # NA has the code -1, which is the last element
