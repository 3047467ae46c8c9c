"""Words, segments and texts from tokens.

Conventions: the rows of a recording are read in the API's order (`token_index`, `word_index`), never sorted by time.
Originals and translations are two streams; each is read by itself, however they interleave, and so is each channel of a
recording whose channels were transcribed separately. Spaces are those of the API: a word records whether a space stood
before it, and white space of any length counts as one space. The markers ``<end>`` and ``<fin>``, anywhere in a token,
and sounds that are not speech (`is_audio_event`) are not words; they end the word before them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.schema import need, need_confidences, need_milliseconds, with_ids
from soniox_ds.schema.by_part import by_part
from soniox_ds.schema.inputs import Transcribed, Transcripts
from soniox_ds.schema.result_table import ResultTable
from soniox_ds.text import runs
from soniox_ds.text.runs import Codes, Ints, Numbers
from soniox_ds.text.scripts import ends_sentence, features, starts_lower
from soniox_ds.text.translations import (
    LABELS,
    OF_WORDS,
    Streams,
    chunk_numbers,
    late_chunks,
    reading_order,
    word_streams,
)
from soniox_ds.text.word_boundaries import MARKERS, divided, word_starts

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["WordTokens", "as_words", "segments", "spoken_texts", "texts", "word_tokens", "words"]

Bools = npt.NDArray[np.bool_]

_SPLITS = ("speaker", "language", "sentence")
_OF_SPEAKERS = ("speaker", "speaker_label")


@by_part()
def words(transcripts: Transcripts) -> pd.DataFrame:
    """Join tokens into words.

    A word begins

    - after white space, whether it is at the beginning of a token, at its end or a token of its own. A token that holds
      several words is divided, and each word has the times and the confidence of the token;
    - where the recording, channel, speaker, language or stream (originals or translations) changes;
    - after a marker or a sound. The word has `space_before` even if the service has omitted the space;
    - where the speaker changes to another speaker to whom `Corpus.rename_speakers` gave the same name. The word has
      `space_before`;
    - where a translation follows originals, or originals follow a translation, and the words before it in the same
      stream end a sentence. The word has `space_before` even if the service has omitted the space;
    - at each token of a script that is written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese), and where
      such a script meets another script. The characters decide which script it is, not the label.

    Punctuation is never a word of its own, unless it has white space around it. Opening punctuation (brackets, ¿ ¡ « „)
    joins the following word. All other punctuation joins the word before, even if the speaker or language changes
    between them. Combining marks, joiners and dependent vowels never begin a word. Consecutive digits stay together.

    Parameters
    ----------
    transcripts
        A `Corpus`, a `LiveResult`, or ``schema.TOKENS`` of one recording or many; `audio_id`, `token_index` and `text`
        are required.

    Returns
    -------
    DataFrame
        ``schema.WORDS``: recordings in their order of appearance, words in the order of their first tokens. A piece of
        a word is a token, or the part of a token that belongs to the word. The speaker and language of a word are those
        of its first piece that contains a letter or digit. `confidence` is the minimum and `confidence_mean` the mean
        over the pieces that contain a letter or digit, or over all pieces if no piece contains one;
        ``sx.metrics.word_confidence`` can replace the minimum by the mean or the product. If the channels of a
        recording were transcribed separately, a word has pieces of one channel only, and the words are ordered segment
        by segment (as `segments` divides them). People who speak at the same time therefore do not interrupt each
        other's sentences.

    Raises
    ------
    SchemaError
        If a column is absent, an id or text is NA, two tokens of a recording have the same index, times are
        impossible (fractions, an end before its start), or a confidence lies outside 0 to 1.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> tokens = pd.DataFrame({
    ...     "audio_id": "a.wav",
    ...     "token_index": range(8),
    ...     "text": ["How", " are", " you", "?", "Gu", "ten", " Morgen", "!"],
    ...     "language": ["en"] * 4 + ["de"] * 4,
    ...     "confidence": [0.9, 0.8, 0.9, 0.2, 0.7, 0.5, 0.9, 0.9],
    ... })
    >>> sx.words(tokens)[["text", "language", "confidence", "token_count", "space_before"]]
           text language  confidence  token_count  space_before
    0       How       en         0.9            1         False
    1       are       en         0.8            1          True
    2      you?       en         0.9            2          True
    3     Guten       de         0.5            2         False
    4   Morgen!       de         0.9            2          True
    """
    return word_tokens(transcripts.tokens if isinstance(transcripts, Transcribed) else transcripts).words


class WordTokens(NamedTuple):
    """The words of a table of tokens, and the tokens of each word."""

    words: pd.DataFrame
    """The words, as `words` returns them."""
    reading: Ints
    """The rows of the tokens, stream by stream, so that the tokens of a word follow each other."""
    first: Ints
    """The position in `reading` of the first token of each word."""
    last: Ints
    """The position in `reading` of the last token of each word."""


def word_tokens(tokens: pd.DataFrame) -> WordTokens:
    """Join tokens into words, and find the tokens of each word, also where channels or translations alternate.

    >>> tokens = pd.DataFrame(
    ...     {"audio_id": "a", "token_index": range(3), "text": ["12", "yes", "34"], "channel": [1, 2, 1]}
    ... )
    >>> made = word_tokens(tokens)
    >>> made.words["text"].tolist(), [
    ...     made.reading[first : last + 1].tolist() for first, last in zip(made.first, made.last)
    ... ]
    (['1234', 'yes'], [[0, 2], [1]])
    """
    import pyarrow as pa

    need(tokens, "audio_id", "token_index", "text", name="tokens")
    tokens = need_confidences(need_milliseconds(tokens, "tokens", required=False), "tokens")
    audio = runs.codes_of(tokens, "audio_id", required=True)
    text = runs.codes_of(tokens, "text", required=True)
    index = runs.numbers_of(tokens, "token_index", "Int32")
    labels = {name: runs.codes_of(tokens, name) for name in LABELS}
    channel = runs.numbers_of(tokens, "channel", "Int16")
    event = runs.numbers_of(tokens, "is_audio_event", "boolean").values.astype(np.bool_)

    reading, streams = reading_order(tokens, audio, labels["translation_status"], index, channel)
    vocabulary, spelling, rows, streams = divided(text, reading, streams)
    text_features = features(vocabulary)
    marker = np.array([text in MARKERS for text in vocabulary], np.bool_)

    no_word = text_features.blank[spelling] | marker[spelling] | event[rows]
    chunks = chunk_numbers(rows, streams, index)
    begins_chunk = late_chunks(vocabulary, spelling, rows, streams, chunks)
    starts, spaced = word_starts(text_features, spelling, rows, streams, no_word, labels, begins_chunk)
    rows, streams, spelling = rows[~no_word], streams[~no_word], spelling[~no_word]

    spoken = text_features.spoken[spelling]
    count = np.diff(np.append(starts, len(rows)))
    any_spoken = np.add.reduceat(spoken.astype(np.int64), starts) > 0 if len(starts) else np.zeros(0, np.bool_)
    counted = spoken | ~np.repeat(any_spoken, count)
    leader = rows[runs.first_value(Numbers(np.arange(len(rows)), counted), starts).values.astype(np.intp)]
    # The service omits the space between two speakers, who have one name now.
    is_other_label = runs.changes(labels["speaker_label"].codes[leader]) & ~runs.changes(streams[starts])
    spaced |= is_other_label & ~runs.changes(labels["speaker"].codes[leader])

    confidence = runs.at(runs.numbers_of(tokens, "confidence", "Float32"), rows)
    pieces = pa.array(text_features.stripped, pa.large_string()).take(pa.array(spelling))
    first = rows[starts]
    frame = pd.DataFrame(
        {
            "audio_id": runs.take_labels(audio, first),
            "word_index": 0,
            "text": runs.join(pieces, starts),
            "start_ms": runs.masked(
                runs.first_value(runs.at(runs.numbers_of(tokens, "start_ms", "Int32"), rows), starts), "Int32"
            ),
            "end_ms": runs.masked(
                runs.last_value(runs.at(runs.numbers_of(tokens, "end_ms", "Int32"), rows), starts), "Int32"
            ),
            "confidence": runs.masked(runs.minimum(confidence, starts, counted), "Float32"),
            "confidence_mean": runs.masked(runs.mean(confidence, starts, counted), "Float32"),
            **{name: runs.take_labels(labels[name], leader) for name in _OF_SPEAKERS},
            "channel": runs.masked(runs.at(channel, first), "Int16"),
            **{name: runs.take_labels(labels[name], leader) for name in LABELS if name not in _OF_SPEAKERS},
            "first_token": pd.array(index.values[first], dtype="Int32"),
            "token_count": pd.array(count, dtype="Int32"),
            "space_before": pd.array(spaced, dtype="boolean"),
        }
    )
    frame, order = _numbered(
        frame, audio.codes[first], _positions(frame, index.values[first], chunks[first]), "word_index"
    )
    place = np.empty(len(reading), np.intp)
    place[reading] = np.arange(len(reading))
    ends = np.append(starts[1:], len(rows))[: len(starts)]
    return WordTokens(frame, reading, place[first[order]], place[rows[ends - 1][order]])


def _positions(frame: pd.DataFrame, first_token: npt.NDArray[Any], chunk: Ints) -> npt.NDArray[Any]:
    """Return the number by which each word is sorted: its first token, or for separate channels the first token of its
    segment.

    Translations are sorted chunk by chunk, so that each translation still follows the speech that it belongs to.
    """
    if frame["channel"].isna().all():
        return first_token
    stream = word_streams(frame.assign(word_index=np.arange(len(frame))))
    start, end = _times(frame, stream)
    new = _segment_starts(stream, start, end, 1500, _SPLITS)
    new |= stream.translated & runs.changes(chunk[stream.rows])
    of_segment = np.empty_like(first_token)
    of_segment[stream.rows] = first_token[stream.rows][new][np.cumsum(new) - 1]
    return np.where(frame["channel"].notna(), of_segment, first_token)


def as_words(transcripts: Transcripts) -> pd.DataFrame:
    """Return the words of a corpus, of a live result or of a table of tokens, or the table of words itself.

    In a table of words, ids become strings.

    Raises
    ------
    InputError
        If `transcripts` are none of these.
    SchemaError
        If a confidence lies outside 0 to 1.
    """
    if isinstance(transcripts, pd.DataFrame):
        of_tokens = "token_index" in transcripts and "word_index" not in transcripts
        return words(transcripts) if of_tokens else need_confidences(with_ids(transcripts, "words"), "words")
    if isinstance(transcripts, Transcribed):
        return words(transcripts.tokens)
    raise InputError(f"give a Corpus, a LiveResult or a table of words (sx.words), found {type(transcripts).__name__}.")


@by_part()
def segments(
    transcripts: Transcripts,
    *,
    gap_ms: int | None = 1500,
    split_at: Collection[str] = ("speaker", "language", "sentence"),
) -> pd.DataFrame:
    """Join words into segments: captions, utterances, lines of a transcript.

    Parameters
    ----------
    transcripts
        A `Corpus`, a `LiveResult`, or a table of words or tokens.
    gap_ms
        Silence that ends a segment, in ms from the end of a word to the start of the next; None never splits at
        silence. The service's tokens often end well before the sound does, so a value below about 1000 divides
        sentences.
    split_at
        Other reasons to end a segment, any of "speaker", "language" (including the language translated from) and
        "sentence": a full stop, question or exclamation mark or ellipsis that is not followed by a small letter.
        Recordings, channels and streams never share a segment.

    Returns
    -------
    DataFrame
        ``schema.SEGMENTS``, in the order of their first words. A label in which the words of a segment differ is NA.
        This can only happen for a label that is not in `split_at`.

    Raises
    ------
    SchemaError
        If a column is absent, times are impossible (fractions, an end before its start), or a confidence lies
        outside 0 to 1.
    InputError
        If `split_at` contains another value, or `gap_ms` is negative.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> word_table = sx.words(pd.DataFrame({
    ...     "audio_id": "a.wav",
    ...     "token_index": range(6),
    ...     "text": ["How", " are", " you", "?", "Fine", "."],
    ...     "speaker": ["1", "1", "1", "2", "2", "2"],
    ... }))
    >>> sx.segments(word_table)[["text", "speaker", "word_count"]]
               text speaker  word_count
    0  How are you?       1           3
    1         Fine.       2           1
    """
    if isinstance(split_at, str) or (unknown := sorted(set(split_at) - set(_SPLITS))):
        named = split_at if isinstance(split_at, str) else unknown
        raise InputError(f"split_at takes a collection of {list(_SPLITS)}, found {named!r}.")
    if gap_ms is not None and gap_ms < 0:
        raise InputError(f"gap_ms is {gap_ms}; give the length of a silence in ms, 0 or more, or None to ignore gaps.")
    word_table = as_words(transcripts)
    need(word_table, *OF_WORDS, name="words")
    word_table = need_milliseconds(word_table, "words", required=False)
    stream = word_streams(word_table)
    start, end = _times(word_table, stream)
    new = _segment_starts(stream, start, end, gap_ms, split_at)
    starts = np.flatnonzero(new)
    confidence = runs.at(runs.numbers_of(word_table, "confidence", "Float32"), stream.rows)
    first = stream.position[starts]
    frame = pd.DataFrame(
        {
            "audio_id": runs.take_labels(stream.audio, starts),
            "segment_index": 0,
            "text": runs.join(_spaced(stream, starts, stream.space_before), starts),
            "start_ms": runs.masked(runs.first_value(start, starts), "Int32"),
            "end_ms": runs.masked(runs.last_value(end, starts), "Int32"),
            **{name: _agreed(stream.labels[name], starts) for name in _OF_SPEAKERS},
            "channel": runs.masked(runs.at(stream.channel, starts), "Int16"),
            **{name: _agreed(stream.labels[name], starts) for name in LABELS if name not in _OF_SPEAKERS},
            "confidence_mean": runs.masked(runs.mean(confidence, starts, np.ones(len(new), np.bool_)), "Float32"),
            "first_word": pd.array(first, dtype="Int32"),
            "word_count": pd.array(np.diff(np.append(starts, len(new))), dtype="Int32"),
        }
    )
    return ResultTable(_numbered(frame, stream.audio.codes[starts], first, "segment_index")[0])


def _times(word_table: pd.DataFrame, stream: Streams) -> tuple[Numbers, Numbers]:
    """Return the starts and the ends of words in the order of the streams."""
    start, end = (runs.numbers_of(word_table, name, "Int32") for name in ("start_ms", "end_ms"))
    return runs.at(start, stream.rows), runs.at(end, stream.rows)


def _segment_starts(
    stream: Streams, start: Numbers, end: Numbers, gap_ms: int | None, split_at: Collection[str]
) -> Bools:
    """Return True for each word that begins a segment, by the rules of `segments`."""
    new = stream.new.copy()
    for name in [
        *(["speaker"] if "speaker" in split_at else []),
        *(["language", "source_language"] if "language" in split_at else []),
    ]:
        new |= runs.changes(stream.labels[name].codes)
    if gap_ms is not None:
        silence = start.values[1:].astype(np.int64) - end.values[:-1]
        new[1:] |= (silence > gap_ms) & start.known[1:] & end.known[:-1]
    if "sentence" in split_at:
        ended = np.array([ends_sentence(text) for text in stream.text.labels], np.bool_)[stream.text.codes]
        lower = np.array([starts_lower(text) for text in stream.text.labels], np.bool_)[stream.text.codes]
        new[1:] |= ended[:-1] & ~lower[1:]
    return new


@by_part()
def texts(transcripts: Transcripts) -> pd.DataFrame:
    """Join the words of each recording into running text: one text of what was spoken, and one of its translation.

    Parameters
    ----------
    transcripts
        A `Corpus`, a `LiveResult`, or a table of words or tokens (to which `words` is applied first).

    Returns
    -------
    DataFrame
        ``schema.TEXTS``: one row for the spoken words ("original") and, if there is one, one for the translation. A
        recording without words has no row here; `Corpus.texts` adds one.

    Raises
    ------
    SchemaError
        If a column is absent.
    InputError
        If `transcripts` are none of these.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> sx.texts(pd.DataFrame({
    ...     "audio_id": "a.wav",
    ...     "token_index": range(5),
    ...     "text": ["Good", " morn", "ing", "Gu", "ten"],
    ...     "language": ["en", "en", "en", "de", "de"],
    ...     "translation_status": ["original"] * 3 + ["translation"] * 2,
    ... }))
      audio_id translation_status language          text  word_count
    0    a.wav           original       en  Good morning           2
    1    a.wav        translation       de         Guten           1
    """
    table = transcripts.tokens if isinstance(transcripts, Transcribed) else transcripts
    need(table, "audio_id", "text", name="words or tokens")
    of_words = "space_before" in table or ("word_index" in table and "token_index" not in table)
    stream = word_streams(table if of_words else words(table), by_channel=False)
    starts = np.flatnonzero(stream.new)
    spaced = stream.space_before.copy()
    for name in ("speaker", "language", "source_language"):
        spaced |= runs.changes(stream.labels[name].codes)
    spaced |= runs.changes(stream.channel.values)
    kinds = np.where(stream.translated[starts], "translation", "original")
    return pd.DataFrame(
        {
            "audio_id": runs.take_labels(stream.audio, starts),
            "translation_status": pd.array(kinds, dtype="string"),
            "language": _agreed(stream.labels["language"], starts),
            "text": runs.join(_spaced(stream, starts, spaced), starts),
            "word_count": pd.array(np.diff(np.append(starts, len(stream.new))), dtype="Int32"),
        }
    )


def spoken_texts(tokens: pd.DataFrame) -> dict[str, str]:
    """Return the spoken text of each recording, as `texts` writes it; a recording without words is left out.

    >>> spoken_texts(pd.DataFrame({"audio_id": "a.wav", "token_index": [0, 1], "text": ["Good", " day"]}))
    {'a.wav': 'Good day'}
    """
    all_texts = texts(tokens)
    spoken = all_texts[all_texts["translation_status"] == "original"]
    return dict(zip(spoken["audio_id"].astype(str), spoken["text"].astype(str), strict=True))


def _spaced(stream: Streams, starts: Ints, space_before: Bools) -> pa.Array:
    """Return the words, each with the space before it, except the first of each run."""
    import pyarrow as pa

    plain = [str(label) for label in stream.text.labels]
    inner = space_before.copy()
    inner[starts] = False
    both = pa.array(plain + [" " + text for text in plain], pa.large_string())
    return both.take(pa.array(stream.text.codes + inner * len(plain)))


def _agreed(column: Codes, starts: Ints) -> Any:
    agreed = runs.only_code(column, starts)
    return runs.take_labels(agreed, np.arange(len(agreed.codes)))


def _numbered(frame: pd.DataFrame, recording: Ints, position: npt.NDArray[Any], name: str) -> tuple[pd.DataFrame, Ints]:
    """Sort the rows by recording and `position`, and number those of each recording in the column `name`.

    Return the table, and the former position of each of its rows.
    """
    order = runs.lexical_order(recording, position)
    recording = recording[order]
    firsts = np.flatnonzero(runs.changes(recording))
    number = np.arange(len(frame)) - firsts[runs.run_ids(firsts, len(frame))] if len(frame) else np.arange(0)
    if not np.array_equal(order, np.arange(len(order))):
        frame = frame.take(order).reset_index(drop=True)
    frame[name] = pd.array(number, dtype="Int32")
    return frame, order
