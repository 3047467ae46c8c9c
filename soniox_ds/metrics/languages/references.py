"""Which language was really spoken: references of several kinds, brought to the words of a transcript.

Conventions: languages are two-letter codes. A reference says the language of a whole recording, of stretches of it, or
of single words. A word's time is what lies between its start and its end; silence between words belongs to nobody.
Where stretches of different languages overlap, because two people talk at once, the time counts for the language that
was found if it is among them, else for the first of them by code.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

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
from soniox_ds.text.words import words as words_of

__all__ = ["References", "checked_references", "is_corpus", "languages_at", "pieces", "spoken_words"]

_Ints = npt.NDArray[np.int64]
_MUCH_SHORTER = 500  # references that end so many times earlier than the words look like seconds,
_LONG_MS = 10_000  # unless all is over in a moment


class References(NamedTuple):
    """What was really spoken: exactly one of the three is there."""

    whole: dict[str, str] | None = None
    """Language of each recording."""
    segments: pd.DataFrame | None = None
    """`audio_id`, `start_ms`, `end_ms` (int64) and `language` of stretches."""
    column: str | None = None
    """Name of the column of the words themselves."""

    @property
    def recordings(self) -> list[str] | None:
        """The recordings that there are references of, in their order; None where the words say it themselves."""
        if self.whole is not None:
            return list(self.whole)
        return None if self.segments is None else self.segments["audio_id"].drop_duplicates().tolist()


def is_corpus(source: Any) -> bool:
    """Whether something is a Corpus."""
    return hasattr(source, "tokens") and hasattr(source, "recordings")


def spoken_words(source: Any, what: str) -> pd.DataFrame:
    """The words that were spoken, translations left out, recordings together and each in the API's order.

    Raises
    ------
    SchemaError
        If a column is absent, a word is there twice, or a time is impossible (a fraction, too).
    InputError
        If `source` is neither a Corpus nor a table, or no word has a language.
    """
    table = source.tokens if is_corpus(source) else source
    if not isinstance(table, pd.DataFrame):
        raise InputError(f"{what} takes a Corpus or a table of tokens or words, found {type(table).__name__}.")
    found = words_of(table) if "token_index" in table else table
    need(found, "audio_id", "word_index", "start_ms", "end_ms", "language", name="words")
    found = with_ids(need_milliseconds(found, "words"), "words")
    if "translation_status" in found:
        found = found[(found["translation_status"] != "translation").fillna(True).to_numpy(np.bool_)]
    if len(found) and found["language"].isna().all():
        raise InputError(
            f"none of the {len(found)} words has a language; transcribe with enable_language_identification=True."
        )
    no_duplicates(found, "words", "audio_id", "word_index")
    order = pd.factorize(found["audio_id"])[0]
    return found.take(np.lexsort((found["word_index"].to_numpy(np.int64), order))).reset_index(drop=True)


def checked_references(references: Any, source: Any, words: pd.DataFrame) -> References:
    """Recognise the kind of reference.

    Parameters
    ----------
    references
        None: the words have a column `reference_language`. A string: the column of a corpus's recordings. A mapping or
        Series from `audio_id` to language. A table with `audio_id` and `language`, one row for each recording; with
        `start_ms` and `end_ms` too, one for each stretch.
    source
        What the words are from.
    words
        The words, or aligned words, that the references are for.

    Raises
    ------
    SchemaError
        If a column is absent or a value cannot be.
    InputError
        If the references are of another kind, or of other recordings.

    Warns
    -----
    UserWarning
        If some references are of recordings that are not there.
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
        if not is_corpus(source):
            raise InputError(
                f"references={references!r} names a column of a corpus's recordings, but this is no Corpus."
            )
        need(source.recordings, references, name="recordings")
        references = source.recordings.set_index("audio_id")[references]
    if isinstance(references, pd.DataFrame):
        references = with_named_levels(references, "references")
        need(references, "audio_id", "language", name="references")
        references = with_ids(references, "references")
        if "start_ms" in references or "end_ms" in references:
            found = References(segments=_checked_segments(references, words))
        else:
            found = References(whole=_by_id(references["audio_id"], references["language"]))
    elif isinstance(references, (Mapping, pd.Series)):
        found = References(whole=_by_id(references.keys(), list(dict(references).values())))
    else:
        raise InputError(
            "references must be a mapping from audio_id to language or a table with audio_id and language, found "
            f"{type(references).__name__}."
        )
    there = set(source.recordings["audio_id"]) if is_corpus(source) else set(words["audio_id"])
    names = matched_ids(found.recordings or [], sorted(there), "references")
    if names and found.segments is not None:
        found = References(segments=found.segments.assign(audio_id=found.segments["audio_id"].replace(names)))
    elif names and found.whole is not None:
        found = References(whole={names.get(name, name): language for name, language in found.whole.items()})
    recordings = found.recordings or []
    missing = [name for name in recordings if name not in there]
    if there and found.column is None and not recordings:
        raise InputError("there are no references: none of them says a language. Give at least one, or leave this out.")
    if there and len(missing) == len(recordings):
        raise InputError(
            f"the references are of other recordings: they name {recordings[:3]}, the transcripts are of "
            f"{sorted(map(str, there))[:3]}."
        )
    if missing and there:
        warnings.warn(
            f"{len(missing)} of {len(recordings)} recordings of the references are not among those transcribed, such "
            f"as {missing[0]!r}; they count for nothing. An audio_id must be written alike in both, but for folders "
            "and extensions.",
            UserWarning,
            stacklevel=3,
        )
    return found


def _by_id(ids: Any, languages: Any) -> dict[str, str]:
    names = as_ids(pd.Series(list(ids), dtype=object), "references").astype(object)
    table = pd.DataFrame({"audio_id": names, "language": list(languages)})
    known = table[table["language"].notna()]
    if known["audio_id"].duplicated().any():
        twice = known.loc[known["audio_id"].duplicated(), "audio_id"].iloc[0]
        raise SchemaError(
            f"the references name {twice!r} more than once; for several languages in a recording give stretches, with "
            "start_ms and end_ms."
        )
    _check_codes(known["language"])
    return dict(zip(known["audio_id"], known["language"], strict=True))


def _checked_segments(references: pd.DataFrame, words: pd.DataFrame) -> pd.DataFrame:
    need(references, "audio_id", "start_ms", "end_ms", "language", name="references")
    table = references[["audio_id", "start_ms", "end_ms", "language"]].reset_index(drop=True)
    table = need_milliseconds(table, "references")
    times = table[["start_ms", "end_ms"]]
    if without := int(times.isna().any(axis=1).sum()):
        raise SchemaError(f"references: {without} of {len(table)} stretches have no start or end; leave them out.")
    no_duplicates(table, "references", "audio_id", "start_ms", "end_ms", "language")
    if table["language"].isna().any():
        raise SchemaError("a stretch of the references has no language; leave out what is not known.")
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
            f"{wrong[0]!r} is no two-letter code of a language, as the service writes them: 'en', not 'eng', "
            "'en-US' or 'English'."
        )


def pieces(words: pd.DataFrame, references: References) -> pd.DataFrame:
    """How long each word was in which language.

    Returns
    -------
    DataFrame
        `row` (of `words`), `reference_language` (NA for time outside all stretches), `time_ms` (int64) and `words` (1
        in the row of the language at the word's middle, else 0). A word has several rows where it crosses a border.
    """
    start, end, timed = _times(words)
    if references.segments is None:
        return pd.DataFrame(
            {
                "row": np.arange(len(words)),
                "reference_language": _own(words, references),
                "time_ms": end - start,
                "words": 1,
            }
        )
    found = words["language"].astype("string").fillna("").to_numpy(object)
    middle = languages_at(words["audio_id"], (start + end) // 2, words["language"], references.segments)
    middle[~timed] = None
    parts: list[pd.DataFrame] = []
    for rows, stretches, language in _groups(words["audio_id"], found, references.segments):
        left = (end - start)[rows]
        covered = np.zeros(len(rows), np.int64)
        kept: list[tuple[_Ints, _Ints]] = []
        for name, own in _preferred(stretches, language):
            kept.append(own)
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
        [one == (None if pd.isna(two) else two) for one, two in zip(at_middle, named, strict=True)], np.bool_
    )
    table["words"] = same.astype(np.int64)
    return table[(table["time_ms"] > 0) | same].sort_values("row", kind="stable").reset_index(drop=True)


def _own(words: pd.DataFrame, references: References) -> Any:
    if references.column is not None:
        return words[references.column].astype("string").array
    assert references.whole is not None
    return words["audio_id"].map(references.whole).astype("string").array


def languages_at(audio_id: Any, time_ms: _Ints, language: Any, segments: pd.DataFrame) -> npt.NDArray[Any]:
    """The language of the references at an instant of a recording, None outside all stretches."""
    found = pd.Series(language).astype("string").fillna("").to_numpy(object)
    result = np.full(len(time_ms), None, object)
    for rows, stretches, own in _groups(pd.Series(audio_id), found, segments):
        for name, (starts, ends) in reversed(_preferred(stretches, own)):
            at = np.searchsorted(starts, time_ms[rows], "right") - 1
            within = (at >= 0) & (time_ms[rows] < ends[np.maximum(at, 0)])
            result[rows[within]] = name
    return result


def _times(words: pd.DataFrame) -> tuple[_Ints, _Ints, npt.NDArray[np.bool_]]:
    timed: npt.NDArray[np.bool_] = (words["start_ms"].notna() & words["end_ms"].notna()).to_numpy(np.bool_)
    start = words["start_ms"].astype("Int64").fillna(0).to_numpy().astype(np.int64) * timed
    end = words["end_ms"].astype("Int64").fillna(0).to_numpy().astype(np.int64) * timed
    latest: _Ints = np.maximum(start, end)
    return start, latest, timed


def _groups(audio_id: pd.Series[Any], found: npt.NDArray[Any], segments: pd.DataFrame) -> Any:
    """Rows of each recording and language found, with the stretches of each reference language of the recording."""
    stretches = {
        name: {language: _union([_borders(one)]) for language, one in own.groupby("language")}
        for name, own in segments.groupby("audio_id")
    }
    keys = pd.DataFrame({"audio_id": audio_id.to_numpy(), "found": found})
    groups: Any = keys.groupby(["audio_id", "found"], sort=False).indices
    for (name, language), rows in groups.items():
        if name in stretches:
            yield rows, stretches[name], language


def _borders(one: pd.DataFrame) -> tuple[_Ints, _Ints]:
    return one["start_ms"].to_numpy(np.int64), one["end_ms"].to_numpy(np.int64)


def _preferred(stretches: dict[str, tuple[_Ints, _Ints]], language: str) -> list[tuple[str, tuple[_Ints, _Ints]]]:
    """The languages of a recording, the one that was found first."""
    return sorted(stretches.items(), key=lambda item: (item[0] != language, item[0]))


def _union(stretches: list[tuple[_Ints, _Ints]]) -> tuple[_Ints, _Ints]:
    """The same time as stretches that do not overlap, in order."""
    start = np.concatenate([one for one, _ in stretches])
    end = np.concatenate([two for _, two in stretches])
    order = np.lexsort((end, start))
    start, end = start[order], np.maximum.accumulate(end[order])
    fresh = np.append(True, start[1:] > end[:-1])[: len(start)]
    first = np.flatnonzero(fresh)
    return start[first], end[np.append(first[1:], len(start)) - 1]


def _overlap(stretches: tuple[_Ints, _Ints], start: _Ints, end: _Ints) -> _Ints:
    """How much of each span lies within the stretches."""
    starts, ends = stretches
    before = np.append(0, np.cumsum(ends - starts))

    def until(time: _Ints) -> _Ints:
        at = np.searchsorted(starts, time, "right") - 1
        inner = np.clip(time - starts[np.maximum(at, 0)], 0, (ends - starts)[np.maximum(at, 0)])
        return np.where(at >= 0, before[np.maximum(at, 0)] + inner, 0)

    return until(end) - until(start)
