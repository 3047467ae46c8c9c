"""The words and segments of transcripts that the writers of files need.

Conventions: recordings that failed, words without times (where a format needs times) and translations (where a format
holds spoken words only) are left out with a warning that counts them. A table without `token_index` and `word_index` is
one of segments, such as ``schema.SEGMENTS`` or ``schema.ANNOTATIONS``; its rows are kept as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.translation.pairs import translation_pairs
from soniox_ds.schema import as_ids, need, need_milliseconds, with_ids
from soniox_ds.schema.inputs import Transcribed, Transcripts
from soniox_ds.text.scripts import is_unspaced
from soniox_ds.text.translations import translation_mask
from soniox_ds.text.words import as_words, segments, spoken_texts, words

__all__ = [
    "audio_ids_of",
    "audio_path",
    "audio_unreadable",
    "channels_of",
    "completed_ids",
    "is_segments",
    "listed",
    "segment_of_words",
    "segments_to_write",
    "text_on_one_line",
    "texts_to_write",
    "translations_to_write",
    "with_shared_times",
    "with_times",
    "without_rows",
    "words_of_segments",
    "words_to_write",
]

_SHOWN = 3


def is_segments(transcripts: Any) -> TypeGuard[pd.DataFrame]:
    """Return True for a table of segments or annotations, and False for transcripts, words and tokens."""
    return isinstance(transcripts, pd.DataFrame) and not {"token_index", "word_index"} & set(transcripts)


def text_on_one_line(text: Any) -> str:
    """Return a text without line breaks, tabs and repeated spaces; "" if it is missing.

    >>> text_on_one_line(" two\\n\\tlines "), text_on_one_line(pd.NA)
    ('two lines', '')
    """
    return " ".join(text.split()) if isinstance(text, str) else ""


def joined_parts(parts: Iterable[str]) -> str:
    """Join texts with spaces, but without a space between scripts that are written without spaces.

    >>> joined_parts(["Good", "day."]), joined_parts(["好玩。", "明天见！", "OK?"])
    ('Good day.', '好玩。明天见！ OK?')
    """
    text = ""
    for part in filter(None, parts):
        is_one_script = bool(text) and is_unspaced(text[-1]) and is_unspaced(part[0])
        text += part if not text or is_one_script else f" {part}"
    return text


def audio_ids_of(transcripts: Transcripts, title: str) -> list[str]:
    """Return the ids of the recordings that are written: completed recordings, or those in a table.

    Warns of failed recordings. Raises InputError if there is no recording to write.
    """
    if isinstance(transcripts, Transcribed):
        return completed_ids(transcripts.recordings, title)
    if isinstance(transcripts, pd.DataFrame):
        need(transcripts, "audio_id", name="transcripts")
        ids = list(pd.unique(as_ids(transcripts["audio_id"], "transcripts").dropna()))
    else:
        raise InputError(
            f"{title} is written from a Corpus, a LiveResult or a table, found {type(transcripts).__name__}."
        )
    if not ids:
        raise InputError(f"{title}: there is no completed recording to write.")
    return [str(audio_id) for audio_id in ids]


def completed_ids(recordings: pd.DataFrame, title: str) -> list[str]:
    """Return the ids of completed recordings. Warns of failed ones, and raises InputError if there is no other."""
    failed = (recordings["status"] != "completed").fillna(True).to_numpy(np.bool_)
    if failed.any():
        names = recordings.loc[failed, "audio_id"].tolist()
        warn_caller(
            f"{title}: {len(names)} of {len(recordings)} recordings are left out because they have failed: "
            f"{listed(names)}.",
            UserWarning,
        )
    if failed.all():
        raise InputError(f"{title}: there is no completed recording to write.")
    return [str(audio_id) for audio_id in recordings.loc[~failed, "audio_id"]]


def words_to_write(
    transcripts: Transcripts, title: str, *, with_translations: bool = False, by_segments: bool = False
) -> pd.DataFrame:
    """Return the words that have times. Words of one token or segment share its time by their characters.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, tokens, words or segments.
    title
        Name of the format for messages.
    with_translations
        True if the caller writes translations, too, so that their absence here needs no warning.
    by_segments
        True to keep words without times in segments (`soniox_ds.segments`) that have words with times, because the
        caller writes segments. Such a word gets the time between the words around it. A table of segments has no such
        words.

    Returns
    -------
    DataFrame
        Columns of ``schema.WORDS``, by recording and channel and in the order of the API, with times that are known.
        Words of segments have the row of their segment in `first_token`. With `by_segments`, the further column
        `is_timed` is False for words whose own times are not known.
    """
    table = words_of_segments(transcripts) if is_segments(transcripts) else _divided(as_words(transcripts))
    need(table, "audio_id", "word_index", "text", "start_ms", "end_ms", name="words")
    table = need_milliseconds(table, "words")
    channel = table["channel"].fillna(0) if "channel" in table else np.zeros(len(table))
    keys = (table["word_index"], channel, pd.factorize(table["audio_id"])[0])
    table = table.take(np.lexsort([np.asarray(key, np.int64) for key in keys])).reset_index(drop=True)
    is_translation = translation_mask(table)
    if with_translations:
        table = table[~is_translation]
    else:
        table = without_rows(table, is_translation, title, "words of translations", "it holds spoken words only")
    if by_segments and not is_segments(transcripts):
        table = _timed_by_neighbours(table)
    return with_shared_times(with_times(table, title, "words"))


def segment_of_words(words: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return the number of the segment (`soniox_ds.segments`) of each word. The words are in the order of the API."""
    parts = segments(words.assign(word_index=pd.array(range(len(words)), dtype="Int32")))
    order = parts.sort_values("first_word", kind="stable")
    return np.repeat(np.arange(len(order)), order["word_count"].to_numpy(np.int64))


def _timed_by_neighbours(words: pd.DataFrame) -> pd.DataFrame:
    """Give words without times the time between the words around them in their segment."""
    is_timed = (words["start_ms"].notna() & words["end_ms"].notna()).to_numpy(np.bool_)
    if is_timed.all():
        return words.assign(is_timed=True)
    segment = segment_of_words(words)
    start, end = words["start_ms"].where(is_timed), words["end_ms"].where(is_timed)
    before, after = end.groupby(segment).ffill(), start.groupby(segment).bfill()
    start = start.fillna(before).fillna(after)
    end = end.fillna(after).fillna(before)
    return words.assign(start_ms=start, end_ms=end.where(end >= start, start), is_timed=is_timed)


def words_of_segments(table: pd.DataFrame) -> pd.DataFrame:
    """Return the words of a table of segments, which have the times of their segment and its row in `first_token`."""
    need(table, "audio_id", "text", name="segments")
    text = pd.Series([f" {text_on_one_line(text)}" for text in table["text"].tolist()], index=table.index)
    known = ("start_ms", "end_ms", "speaker", "channel", "language", "confidence", "translation_status")
    columns = {name: table[name] for name in known if name in table}
    tokens = pd.DataFrame(
        {"audio_id": as_ids(table["audio_id"], "segments"), "text": text.astype("string"), **columns}
    ).reset_index(drop=True)
    return words(tokens.assign(token_index=pd.array(range(len(tokens)), dtype="Int32")))


def segments_to_write(transcripts: Transcripts, title: str, *, timed: bool = True) -> pd.DataFrame:
    """Return the segments of spoken words: those of `soniox_ds.segments`, or the rows of a table of segments.

    With `timed`, segments without times are left out with a warning.
    """
    if is_segments(transcripts):
        need(transcripts, "audio_id", "text", *(("start_ms", "end_ms") if timed else ()), name="segments")
        table = with_ids(need_milliseconds(transcripts, "segments", required=timed), "segments")
        one_line = [text_on_one_line(text) for text in table["text"].tolist()]
        table = table.assign(text=pd.array(one_line, dtype="string"))
        if "speaker" in table:
            table = table.assign(speaker=table["speaker"].astype("string"))
    else:
        table = segments(transcripts)
    table = without_rows(
        table, translation_mask(table), title, "segments of translations", "it holds spoken words only"
    )
    return with_times(table, title, "segments") if timed else table


def translations_to_write(transcripts: Transcripts, title: str) -> dict[str, pd.DataFrame]:
    """Return the stretches of translation by language, with the times of the speech that they belong to.

    The tables have the columns of ``schema.TRANSLATION_PAIRS``, and the translation in `text`. The language of
    translations whose language is not known is "translation". Stretches that belong to no speech with times are left
    out with a warning.
    """
    table = transcripts.tokens if isinstance(transcripts, Transcribed) else transcripts
    assert isinstance(table, pd.DataFrame)
    if not translation_mask(table).any():
        return {}
    pairs = translation_pairs(table if "segment_index" in table else as_words(table))
    pairs = pairs[pairs["translation"].notna().to_numpy(np.bool_)].rename(columns={"translation": "text"})
    is_timed = (pairs["start_ms"].notna() & pairs["end_ms"].notna()).to_numpy(np.bool_)
    if not is_timed.all():
        warn_caller(
            f"{title}: {int((~is_timed).sum())} of {len(pairs)} stretches of translation are left out, because they "
            "belong to no speech with times.",
            UserWarning,
        )
    pairs = pairs[is_timed].drop(columns="translation_status")
    by_language = pairs.groupby(pairs["language"].fillna("translation"), sort=True)
    return {str(language): rows.reset_index(drop=True) for language, rows in by_language}


def texts_to_write(transcripts: Transcripts, title: str) -> dict[str, str]:
    """Return the spoken text of each recording, "" for a completed recording without words."""
    ids = audio_ids_of(transcripts, title)
    table = segments_to_write(transcripts, title, timed=False)
    if not is_segments(transcripts):
        known = spoken_texts(transcripts.tokens if isinstance(transcripts, Transcribed) else transcripts)
        return {audio_id: known.get(audio_id, "") for audio_id in ids}
    if "start_ms" in table:
        table = table.sort_values("start_ms", kind="stable")
    parts: dict[str, list[str]] = {audio_id: [] for audio_id in ids}
    for audio_id, text in zip(table["audio_id"].tolist(), table["text"].tolist(), strict=True):
        if text and audio_id in parts:
            parts[audio_id].append(text)
    return {audio_id: joined_parts(texts) for audio_id, texts in parts.items()}


def audio_path(audio_id: str, source: Any, advice: str) -> Path:
    """Return the path of the audio of a recording. Raises InputError if the recording has no source."""
    if pd.isna(source) or not source:
        raise InputError(
            f"the audio of {audio_id!r} is not known: the recording has no source, because it was given as bytes, was "
            f"redacted, or was read by sx.io.read_transcripts without audio=. {advice}"
        )
    return Path(source)


def audio_unreadable(audio_id: str, path: Path, error: OSError, advice: str) -> InputError:
    """Return the error for audio that cannot be read."""
    return InputError(f"the audio of {audio_id!r} cannot be read from {path}: {error.strerror or error}. {advice}")


def channels_of(table: pd.DataFrame) -> list[int]:
    """Return the channel of each row, which is 1 where it is not known."""
    return table["channel"].fillna(1).astype("int64").tolist() if "channel" in table else [1] * len(table)


def without_rows(
    table: pd.DataFrame, is_left_out: npt.NDArray[np.bool_], title: str, noun: str, reason: str
) -> pd.DataFrame:
    """Return the other rows, and warn of those that are left out."""
    if not is_left_out.any():
        return table
    ids = list(pd.unique(table["audio_id"][is_left_out]))
    warn_caller(
        f"{title}: {int(is_left_out.sum())} of {len(table)} {noun.split(' of ')[0]} are left out ({noun}), because "
        f"{reason}; they belong to {listed(ids)}.",
        UserWarning,
    )
    return table[~is_left_out]


def _divided(table: pd.DataFrame) -> pd.DataFrame:
    """Divide the words of a table that hold white space, which the service's own words never do."""
    need(table, "audio_id", "word_index", "text", name="words")
    if not table["text"].str.contains(r"\s").any():
        return table
    spaced = table["space_before"].fillna(True) if "space_before" in table else pd.Series(True, index=table.index)
    return words(table.assign(token_index=table["word_index"], text=spaced.map({True: " ", False: ""}) + table["text"]))


def with_times(table: pd.DataFrame, title: str, noun: str) -> pd.DataFrame:
    """Return the rows that have a start and an end, and warn of the others."""
    has_none = (table["start_ms"].isna() | table["end_ms"].isna()).to_numpy(np.bool_)
    return without_rows(table, has_none, title, f"{noun} of unknown time", "it needs times")


def with_shared_times(table: pd.DataFrame) -> pd.DataFrame:
    """Divide the time of neighbouring words that have the same one between them, in proportion to their characters.

    Words of several speakers or channels may have the same time because they were spoken at the same time. Unknown
    times stay unknown.
    """
    unknown = (table["start_ms"].isna() | table["end_ms"].isna()).to_numpy(np.bool_)
    start = table["start_ms"].to_numpy(np.int64, na_value=-1)
    end = table["end_ms"].to_numpy(np.int64, na_value=-1)
    is_same = (np.diff(start) == 0) & (np.diff(end) == 0) & ~unknown[1:]
    for name in ("audio_id", "speaker", "channel"):
        if name in table and is_same.any():
            is_same &= np.diff(pd.factorize(table[name])[0]) == 0
    if not is_same.any():
        return table
    first = np.flatnonzero(np.concatenate([[True], ~is_same]))
    n_words = np.diff(np.append(first, len(table)))
    length = table["text"].str.len().to_numpy(np.int64)
    after = np.cumsum(length)
    before = after - length
    base = np.repeat(before[first], n_words)
    total = np.repeat(np.add.reduceat(length, first), n_words)
    duration = end - start
    return table.assign(
        start_ms=pd.Series(start + duration * (before - base) // total, table.index, "Int32").mask(unknown),
        end_ms=pd.Series(start + duration * (after - base) // total, table.index, "Int32").mask(unknown),
    )


def listed(names: Sequence[Any]) -> str:
    """Return the first names for a message, and the number of the others.

    >>> listed("abcde")
    "'a', 'b', 'c' and 2 more"
    """
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(str(name)) for name in names[:_SHOWN]) + rest
