"""Reference languages of recordings, segments or words, assigned to the words of a transcript.

Conventions: languages are two-letter codes. A reference gives the language of a whole recording, of segments of it, or
of single words. The time of a word runs from its start to its end; silence between words is not counted. If segments of
different languages overlap, because two people talk at once, the time counts for the language that was identified if it
is among them, otherwise for the first of them by code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.schema import (
    as_ids,
    ask_about_seconds,
    matched_ids,
    need,
    need_milliseconds,
    no_duplicates,
    with_ids,
    with_named_levels,
)
from soniox_ds.schema.by_part import need_in_any_part
from soniox_ds.schema.inputs import Transcribed
from soniox_ds.text.translations import without_translations
from soniox_ds.text.words import words as words_of

__all__ = ["References", "checked_references", "languages_at", "pieces", "spoken_words"]

_Ints = npt.NDArray[np.int64]
# References that end this many times earlier than the words look like seconds, unless the words end before the second
# number.
_MUCH_SHORTER = 500
_LONG_MS = 10_000


class References(NamedTuple):
    """The language that was really spoken; exactly one of the three fields is set."""

    whole: dict[str, str] | None = None
    """Language of each recording."""
    segments: pd.DataFrame | None = None
    """`audio_id`, `start_ms`, `end_ms` (int64) and `language` of segments."""
    column: str | None = None
    """Name of the column of the words that holds the language."""

    @property
    def recordings(self) -> list[str] | None:
        """The recordings that have references, in their order; None if the words hold the references."""
        if self.whole is not None:
            return list(self.whole)
        return None if self.segments is None else self.segments["audio_id"].drop_duplicates().tolist()


def spoken_words(source: Any, function: str) -> pd.DataFrame:
    """Return the spoken words without translations, grouped by recording, each recording in the API's order.

    Raises
    ------
    SchemaError
        If a column is absent, a word occurs twice, or a time is impossible or has a fraction.
    InputError
        If `source` is neither a Corpus nor a table, or no word has a language.
    """
    table = source.tokens if isinstance(source, Transcribed) else source
    if not isinstance(table, pd.DataFrame):
        raise InputError(f"{function} takes a Corpus or a table of tokens or words, found {type(table).__name__}.")
    words = words_of(table) if "token_index" in table else table
    need(words, "audio_id", "word_index", "start_ms", "end_ms", "language", name="words")
    words = without_translations(with_ids(need_milliseconds(words, "words"), "words"))
    if len(words):
        need_in_any_part(
            "languages",
            bool(words["language"].notna().any()),
            f"none of the {len(words)} words has a language; transcribe with enable_language_identification=True.",
        )
    no_duplicates(words, "words", "audio_id", "word_index")
    order = pd.factorize(words["audio_id"])[0]
    return words.take(np.lexsort((words["word_index"].to_numpy(np.int64), order))).reset_index(drop=True)


def checked_references(references: Any, source: Any, words: pd.DataFrame) -> References:
    """Recognise and check the kind of reference.

    Parameters
    ----------
    references
        None: the words have a column `reference_language`. A string: a column of the corpus's recordings. A mapping or
        Series from `audio_id` to language. A table with `audio_id` and `language`, one row for each recording; with
        `start_ms` and `end_ms` too, one row for each segment.
    source
        The object that the words come from.
    words
        The words, or aligned words, that the references are for.

    Raises
    ------
    SchemaError
        If a column is absent or a value is impossible.
    InputError
        If the references have another form, or belong to other recordings.

    Warns
    -----
    UserWarning
        If some references belong to recordings that are absent.
    """
    if references is None:
        if "reference_language" not in words:
            raise InputError(
                "there are no reference languages: give references (a mapping from audio_id to language, or a table of "
                "stretches), or put a column reference_language into the table."
            )
        _check_codes(words["reference_language"].dropna())
        return References(column="reference_language")
    if isinstance(references, str):
        if not isinstance(source, Transcribed):
            raise InputError(
                f"references={references!r} names a column of a corpus's recordings, but the first argument is not a "
                "Corpus."
            )
        need(source.recordings, references, name="recordings")
        references = source.recordings.set_index("audio_id")[references]
    if isinstance(references, pd.DataFrame):
        references = with_named_levels(references, "references")
        need(references, "audio_id", "language", name="references")
        references = with_ids(references, "references")
        if "start_ms" in references or "end_ms" in references:
            checked = References(segments=_checked_segments(references, words))
        else:
            checked = References(whole=_by_id(references["audio_id"], references["language"]))
    elif isinstance(references, (Mapping, pd.Series)):
        checked = References(whole=_by_id(references.keys(), list(dict(references).values())))
    else:
        raise InputError(
            "references must be a mapping from audio_id to language or a table with audio_id and language, found "
            f"{type(references).__name__}."
        )
    transcribed = set(source.recordings["audio_id"]) if isinstance(source, Transcribed) else set(words["audio_id"])
    names = matched_ids(checked.recordings or [], sorted(transcribed), "references")
    if names and checked.segments is not None:
        checked = References(segments=checked.segments.assign(audio_id=checked.segments["audio_id"].replace(names)))
    elif names and checked.whole is not None:
        checked = References(whole={names.get(name, name): language for name, language in checked.whole.items()})
    recordings = checked.recordings or []
    missing = [name for name in recordings if name not in transcribed]
    if transcribed and checked.column is None and not recordings:
        raise InputError(
            "there are no references: the language of every recording is missing. Give at least one language, or omit "
            "references."
        )
    if transcribed and len(missing) == len(recordings):
        raise InputError(
            f"the references belong to other recordings: their ids are {recordings[:3]}, those of the transcripts are "
            f"{sorted(map(str, transcribed))[:3]}."
        )
    if missing and transcribed:
        warn_caller(
            f"{len(missing)} of {len(recordings)} recordings of the references were not transcribed, such as "
            f"{missing[0]!r}; they are ignored. An audio_id must be the same in both, except for folders and "
            "extensions.",
            UserWarning,
        )
    return checked


def _by_id(ids: Any, languages: Any) -> dict[str, str]:
    names = as_ids(pd.Series(list(ids), dtype=object), "references").astype(object)
    table = pd.DataFrame({"audio_id": names, "language": list(languages)})
    known = table[table["language"].notna()]
    if known["audio_id"].duplicated().any():
        twice = known.loc[known["audio_id"].duplicated(), "audio_id"].iloc[0]
        raise SchemaError(
            f"{twice!r} occurs more than once in the references; for several languages in a recording give stretches, "
            "with start_ms and end_ms."
        )
    _check_codes(known["language"])
    return dict(zip(known["audio_id"], known["language"], strict=True))


def _checked_segments(references: pd.DataFrame, words: pd.DataFrame) -> pd.DataFrame:
    need(references, "audio_id", "start_ms", "end_ms", "language", name="references")
    table = references[["audio_id", "start_ms", "end_ms", "language"]].reset_index(drop=True)
    table = need_milliseconds(table, "references")
    times = table[["start_ms", "end_ms"]]
    if without := int(times.isna().any(axis=1).sum()):
        raise SchemaError(
            f"references: {without} of {len(table)} stretches have no start_ms or end_ms; leave these rows out."
        )
    no_duplicates(table, "references", "audio_id", "start_ms", "end_ms", "language")
    if table["language"].isna().any():
        raise SchemaError("a stretch of the references has no language; leave out stretches without a known language.")
    _check_codes(table["language"])
    last = words["end_ms"].astype("Float64").max() if "end_ms" in words else pd.NA
    if len(times) and not pd.isna(last) and max(times["end_ms"].max() * _MUCH_SHORTER, _LONG_MS) < last:
        ask_about_seconds(f"the references end at {times['end_ms'].max():.0f} ms, the words at {last:.0f} ms.")
    return table.astype({"start_ms": "int64", "end_ms": "int64"})


def _check_codes(languages: pd.Series[Any]) -> None:
    codes = languages.drop_duplicates().tolist()
    wrong = [
        code for code in codes if not (isinstance(code, str) and len(code) == 2 and code.isascii() and code.islower())
    ]
    if wrong:
        raise SchemaError(
            f"{wrong[0]!r} is not a two-letter language code as the service writes it: 'en', not 'eng', 'en-US' or "
            "'English'."
        )


def pieces(words: pd.DataFrame, references: References) -> pd.DataFrame:
    """Measure how long each word was in each reference language.

    Returns
    -------
    DataFrame
        `row` (of `words`), `reference_language` (NA for time outside all segments), `time_ms` (int64) and `words` (1
        in the row of the language at the word's middle, else 0). A word has several rows if it crosses a boundary.
    """
    start, end, timed = _word_times(words)
    if references.segments is None:
        return pd.DataFrame(
            {
                "row": np.arange(len(words)),
                "reference_language": _spoken_languages(words, references),
                "time_ms": end - start,
                "words": 1,
            }
        )
    identified = words["language"].astype("string").fillna("").to_numpy(object)
    middle = languages_at(words["audio_id"], (start + end) // 2, words["language"], references.segments)
    middle[~timed] = None
    parts: list[pd.DataFrame] = []
    for rows, stretches, language in _groups(words["audio_id"], identified, references.segments):
        left = (end - start)[rows]
        covered = np.zeros(len(rows), np.int64)
        kept: list[tuple[_Ints, _Ints]] = []
        for name, borders in _preferred(stretches, language):
            kept.append(borders)
            whole = _overlap(_union(kept), start[rows], end[rows])
            parts.append(pd.DataFrame({"row": rows, "reference_language": name, "time_ms": whole - covered}))
            covered = whole
        parts.append(pd.DataFrame({"row": rows, "reference_language": None, "time_ms": left - covered}))
    if not parts:
        return pd.DataFrame({"row": [], "reference_language": [], "time_ms": [], "words": []})
    table = pd.concat(parts, ignore_index=True)
    at_middle = middle[table["row"].to_numpy()]
    named = table["reference_language"].to_numpy(object)
    same = np.array(
        [
            expected == (None if pd.isna(row_language) else row_language)
            for expected, row_language in zip(at_middle, named, strict=True)
        ],
        np.bool_,
    )
    table["words"] = same.astype(np.int64)
    return table[(table["time_ms"] > 0) | same].sort_values("row", kind="stable").reset_index(drop=True)


def _spoken_languages(words: pd.DataFrame, references: References) -> Any:
    if references.column is not None:
        return words[references.column].astype("string").array
    assert references.whole is not None
    return words["audio_id"].map(references.whole).astype("string").array


def languages_at(audio_id: Any, time_ms: _Ints, language: Any, segments: pd.DataFrame) -> npt.NDArray[Any]:
    """Return the reference language at an instant of a recording, None outside all segments."""
    identified = pd.Series(language).astype("string").fillna("").to_numpy(object)
    result = np.full(len(time_ms), None, object)
    for rows, stretches, language_of_rows in _groups(pd.Series(audio_id), identified, segments):
        for name, (starts, ends) in reversed(_preferred(stretches, language_of_rows)):
            at = np.searchsorted(starts, time_ms[rows], "right") - 1
            within = (at >= 0) & (time_ms[rows] < ends[np.maximum(at, 0)])
            result[rows[within]] = name
    return result


def _word_times(words: pd.DataFrame) -> tuple[_Ints, _Ints, npt.NDArray[np.bool_]]:
    timed: npt.NDArray[np.bool_] = (words["start_ms"].notna() & words["end_ms"].notna()).to_numpy(np.bool_)
    start = words["start_ms"].astype("Int64").fillna(0).to_numpy().astype(np.int64) * timed
    end = words["end_ms"].astype("Int64").fillna(0).to_numpy().astype(np.int64) * timed
    latest: _Ints = np.maximum(start, end)
    return start, latest, timed


def _groups(audio_id: pd.Series[Any], languages: npt.NDArray[Any], segments: pd.DataFrame) -> Any:
    """Yield the rows of each recording and identified language, with the segments of each reference language."""
    stretches = {
        name: {
            language: _union([_borders(segments_of_language)])
            for language, segments_of_language in segments_of_recording.groupby("language")
        }
        for name, segments_of_recording in segments.groupby("audio_id")
    }
    keys = pd.DataFrame({"audio_id": audio_id.to_numpy(), "found": languages})
    groups: Any = keys.groupby(["audio_id", "found"], sort=False).indices
    for (name, language), rows in groups.items():
        if name in stretches:
            yield rows, stretches[name], language


def _borders(segments: pd.DataFrame) -> tuple[_Ints, _Ints]:
    return segments["start_ms"].to_numpy(np.int64), segments["end_ms"].to_numpy(np.int64)


def _preferred(stretches: dict[str, tuple[_Ints, _Ints]], language: str) -> list[tuple[str, tuple[_Ints, _Ints]]]:
    """Sort the languages of a recording, with the identified language first."""
    return sorted(stretches.items(), key=lambda item: (item[0] != language, item[0]))


def _union(stretches: list[tuple[_Ints, _Ints]]) -> tuple[_Ints, _Ints]:
    """Merge segments into segments that do not overlap, in order."""
    start = np.concatenate([starts for starts, _ in stretches])
    end = np.concatenate([two for _, two in stretches])
    order = np.lexsort((end, start))
    start, end = start[order], np.maximum.accumulate(end[order])
    fresh = np.append(True, start[1:] > end[:-1])[: len(start)]
    first = np.flatnonzero(fresh)
    return start[first], end[np.append(first[1:], len(start)) - 1]


def _overlap(stretches: tuple[_Ints, _Ints], start: _Ints, end: _Ints) -> _Ints:
    """Return how much of each span lies within the segments."""
    starts, ends = stretches
    before = np.append(0, np.cumsum(ends - starts))

    def until(time: _Ints) -> _Ints:
        at = np.searchsorted(starts, time, "right") - 1
        inner = np.clip(time - starts[np.maximum(at, 0)], 0, (ends - starts)[np.maximum(at, 0)])
        return np.where(at >= 0, before[np.maximum(at, 0)] + inner, 0)

    return until(end) - until(start)
