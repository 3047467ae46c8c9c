"""Pairing of transcripts with references.

Conventions: recordings keep the order of the corpus; references without a recording follow in their own order. A
reference that is NA counts as absent, and its recording is left out; the empty text is a reference (nothing was said).
Only the spoken words are compared, never a translation.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._arguments import did_you_mean
from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.words.language_hints import hinted_languages
from soniox_ds.metrics.words.units import Lines, lines_of
from soniox_ds.schema import RECORDINGS, as_ids, matched_ids, need, no_duplicates, with_ids, with_named_levels
from soniox_ds.schema.inputs import Transcribed
from soniox_ds.text.translations import without_translations
from soniox_ds.text.word_boundaries import without_markers
from soniox_ds.text.words import words as words_of_tokens

__all__ = ["Pairs", "References", "Texts", "pair_up"]

_Bools = npt.NDArray[np.bool_]


Texts: TypeAlias = "pd.Series[Any] | Mapping[str, Any] | Sequence[str | None]"
References: TypeAlias = "pd.DataFrame | Texts | None"

_OF_TEXTS = ("reference", "translation_status", "word_count")
_SPEAKERS_OF_WORDS = "speakers of the words"
"""Column with pairs of a speaker and a number of words, used only inside this module."""
_OF_TURNS = ("audio_id", "reference", "speaker", "start_ms", "end_ms")
_SPEAKER_CHANGES = ("speaker", "language", "source_language")


class Pairs(NamedTuple):
    """The recordings that have a reference, and both texts of those that are scored."""

    recordings: pd.DataFrame
    """`audio_id`, `status` ("scored", "failed" or "missing"), `duration_ms`, then the user's own columns."""
    scored: npt.NDArray[np.intp]
    """Positions in `recordings` of the scored recordings, in the order of the texts below."""
    ids: list[str]
    """The `audio_id` of each scored recording."""
    references: Lines
    hypotheses: Lines
    speakers: Any
    """The speaker of each reference word, a string array; None if the references name no speakers."""
    words: pd.DataFrame
    """A table with a row for each word of `hypotheses`, with the known columns of ``schema.WORDS``."""
    hints: Mapping[str, str]
    """The language hint of each recording that was transcribed with exactly one."""


class _Transcribed(NamedTuple):
    """The recordings and all their words, read from transcripts in any form."""

    recordings: pd.DataFrame
    texts: list[str]
    place: npt.NDArray[np.intp]
    """For each word, the row of its recording in `recordings`."""
    words: pd.DataFrame
    """The other known values of each word."""


def pair_up(transcripts: Any, references: Any, missing: str = "exclude") -> Pairs:
    """Match transcripts and references by recording.

    Parameters
    ----------
    transcripts, references
        The transcripts and references that `soniox_ds.word_errors` accepts.
    missing
        ``"exclude"``, or ``"as_empty"`` to score failed and missing recordings as if nothing had been transcribed.

    Raises
    ------
    InputError
        If there is nothing to score, no reference belongs to a recording, or an argument has an unknown value.
    SchemaError
        If a table lacks a column, an id occurs twice, or a text is not a string.
    """
    if missing not in ("exclude", "as_empty"):
        raise InputError(f'missing must be "exclude" or "as_empty", found {missing!r}.')
    transcripts, references = _by_position(transcripts, references)
    transcribed = _read_transcripts(transcripts)
    with_reference = _references(references, transcribed.recordings)
    names = matched_ids(with_reference["audio_id"].tolist(), transcribed.recordings["audio_id"].tolist(), "references")
    if names:
        with_reference = with_reference.assign(audio_id=with_reference["audio_id"].replace(names))
    recordings = _matched(transcribed.recordings, with_reference)
    if missing == "as_empty":
        recordings["status"] = "scored"
    scored = np.flatnonzero((recordings["status"] == "scored").to_numpy(np.bool_))
    ids = recordings["audio_id"].iloc[scored].tolist()

    place = _rows(ids, transcribed.recordings["audio_id"].tolist())[transcribed.place]
    words, texts = transcribed.words, transcribed.texts
    if len(place) and not (place[0] >= 0 and bool((np.diff(place) >= 0).all())):
        rows = np.argsort(place, kind="stable")
        rows = rows[place[rows] >= 0]
        words, texts, place = (
            words.take(rows).reset_index(drop=True),
            [texts[row] for row in rows.tolist()],
            place[rows],
        )
    counts = np.bincount(place, minlength=len(ids)).astype(np.intp)
    hypotheses = Lines(texts, counts, _spaced(words))

    paired = with_reference.take(_rows(with_reference["audio_id"].tolist(), ids))
    lines = lines_of(map(without_markers, paired["reference"].tolist()))
    speakers = None
    if _SPEAKERS_OF_WORDS in paired:
        labels = [label for parts in paired[_SPEAKERS_OF_WORDS] for label, count in parts for _ in range(count)]
        speakers = pd.array(labels, dtype="string")
    hints = hinted_languages(transcripts) if isinstance(transcripts, Transcribed) else {}
    return Pairs(recordings, scored, ids, lines, hypotheses, speakers, words, hints)


def _by_position(transcripts: Any, references: Any) -> tuple[Any, Any]:
    """Give the texts of two lists of equal length the ids "0", "1", ...; return anything else unchanged.

    A Series whose index only numbers its rows is also a list.

    Raises
    ------
    InputError
        If only one side is a list, or the lists differ in length.
    """
    sides = {"transcripts": transcripts, "references": references}
    listed = {label: list(texts) for label, texts in sides.items() if _is_list(texts) or _is_numbered(texts)}
    if len(listed) < 2:
        if not any(_is_list(texts) for texts in sides.values()):
            return transcripts, references
        [list_side] = listed
        [other_side] = sides.keys() - listed
        other_type = "none" if sides[other_side] is None else type(sides[other_side]).__name__
        raise InputError(
            f"{list_side} are a list, but {other_side} are not (found {other_type}). Two lists of equal length are "
            f"matched by position. Otherwise give the {list_side} by audio_id, in a dict: dict(zip(corpus, texts)) for "
            "texts in the order of a corpus, dict(enumerate(texts)) to number them."
        )
    if len(listed["transcripts"]) != len(listed["references"]):
        raise InputError(
            f"there are {len(listed['transcripts'])} transcripts and {len(listed['references'])} references; lists are "
            "matched by position and must have the same length. Otherwise give both by audio_id, in a dict."
        )
    by_number = {label: {str(place): text for place, text in enumerate(texts)} for label, texts in listed.items()}
    return by_number["transcripts"], by_number["references"]


def _is_list(texts: Any) -> bool:
    no_list = (str, bytes, os.PathLike, pd.Series, pd.DataFrame, Mapping, Set, Transcribed)
    return isinstance(texts, Iterable) and not isinstance(texts, no_list)


def _is_numbered(texts: Any) -> bool:
    """Return True for a Series whose index only numbers its rows."""
    return isinstance(texts, pd.Series) and isinstance(texts.index, pd.RangeIndex) and texts.index.start == 0


def _read_transcripts(transcripts: Any) -> _Transcribed:
    if isinstance(transcripts, Transcribed):
        words = without_translations(words_of_tokens(transcripts.tokens))
        return _Transcribed(
            transcripts.recordings, words["text"].tolist(), _place(transcripts.recordings, words), words
        )
    if isinstance(transcripts, (pd.Series, Mapping)):
        return _read_transcripts(_as_table(transcripts, "text", "transcripts"))
    if not isinstance(transcripts, pd.DataFrame):
        raise InputError(
            "transcripts must be a corpus, a table of words or of texts, texts by audio_id (a dict or Series), or a "
            f"list of texts if references is a list too; found {type(transcripts).__name__}."
        )
    transcripts = with_named_levels(transcripts, "transcripts")
    need(transcripts, "audio_id", "text", *transcripts.columns, name="transcripts")
    transcripts = with_ids(transcripts, "transcripts")
    if transcripts["audio_id"].isna().any():
        raise SchemaError(f"audio_id is NA in {int(transcripts['audio_id'].isna().sum())} rows of the transcripts.")
    if "token_index" in transcripts:
        return _from_words(words_of_tokens(transcripts))
    return _from_words(transcripts) if "word_index" in transcripts else _from_texts(transcripts)


def _from_words(words: pd.DataFrame) -> _Transcribed:
    ids = words["audio_id"].astype("string").drop_duplicates()
    if words["text"].isna().any():
        raise SchemaError(
            f"text is NA in {int(words['text'].isna().sum())} of {len(words)} words; each word needs a text."
        )
    order = np.lexsort((words["word_index"].to_numpy(np.int64), pd.Index(ids).get_indexer(pd.Index(words["audio_id"]))))
    words = words.take(order)
    no_duplicates(words, "words", "audio_id", "word_index")
    recordings = pd.DataFrame({"audio_id": ids, "status": "completed"}).reset_index(drop=True)
    words = _without_markers(without_translations(words))
    return _Transcribed(recordings, words["text"].tolist(), _place(recordings, words), words)


def _without_markers(words: pd.DataFrame) -> pd.DataFrame:
    """Remove the markers ``<end>`` and ``<fin>``, both separate ones and those inside a word."""
    if not words["text"].str.contains("<end>|<fin>").any():
        return words
    texts = words["text"].map(without_markers).str.strip()
    return words.assign(text=texts)[(texts != "").to_numpy(np.bool_)]


def _place(recordings: pd.DataFrame, words: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Return, for each word, the row of its recording."""
    codes, ids = pd.factorize(words["audio_id"])
    return _rows(recordings["audio_id"].tolist(), list(ids))[codes]


def _from_texts(texts: pd.DataFrame) -> _Transcribed:
    texts = without_translations(texts).reset_index(drop=True)
    _refuse_repeats(texts["audio_id"], "transcripts")
    _refuse_no_texts(texts["text"], "text", "transcripts")
    has_text = texts["text"].notna().to_numpy(np.bool_)
    if "status" in texts:
        has_text = has_text & (texts["status"] != "failed").fillna(True).to_numpy(np.bool_)
    recordings = texts.drop(columns=["text"]).assign(status=np.where(has_text, "completed", "failed"))
    lines = lines_of(map(without_markers, texts["text"].where(has_text, "").tolist()))
    place = np.repeat(np.arange(len(texts)), lines.counts)
    within = np.arange(len(place)) - np.repeat(np.cumsum(lines.counts) - lines.counts, lines.counts)
    return _Transcribed(recordings, lines.words, place, pd.DataFrame({"word_index": within}))


def _spaced(words: pd.DataFrame) -> _Bools:
    """Return True for each word with white space before it; a change of speaker or language counts as white space."""
    if "space_before" not in words:
        return np.ones(len(words), np.bool_)
    spaced = words["space_before"].fillna(True).to_numpy(np.bool_).copy()
    for name in _SPEAKER_CHANGES:
        if name in words:
            codes = pd.factorize(words[name])[0]
            spaced[1:] |= codes[1:] != codes[:-1]
    return spaced


def _as_table(texts: Any, name: str, label: str) -> pd.DataFrame:
    """Convert a Series or a mapping to a table of texts by audio_id."""
    ids = list(texts.index if isinstance(texts, pd.Series) else texts.keys())
    if _is_numbered(texts):
        raise InputError(
            f"{label}: the Series is numbered from 0; its index must hold the audio_id of each text: "
            f"table.set_index('audio_id')['{name}']."
        )
    values = texts.tolist() if isinstance(texts, pd.Series) else list(texts.values())
    names = as_ids(pd.Series(ids, dtype=object), label)
    return pd.DataFrame({"audio_id": names, name: pd.Series(values, dtype=object)})


def _references(references: Any, recordings: pd.DataFrame) -> pd.DataFrame:
    """Return `audio_id`, `reference` and the user's own columns; for turns also the speakers of their words."""
    if references is None:
        if "reference" not in recordings:
            own_columns = [name for name in recordings.columns if name not in RECORDINGS]
            problem = (
                f"no column 'reference' (your own columns are {own_columns})"
                if own_columns
                else "no columns of your own"
            )
            raise InputError(
                f"there are no references: none were given, and the recordings have {problem}. "
                "Give a table with audio_id and reference, or a dict from audio_id to text."
            )
        references = recordings[["audio_id", "reference"]]
    elif isinstance(references, (pd.Series, Mapping)):
        references = _as_table(references, "reference", "references")
    elif not isinstance(references, pd.DataFrame):
        file = " Read a file with sx.read_references." if isinstance(references, (str, os.PathLike)) else ""
        raise InputError(
            "references must be a table with audio_id and reference, texts by audio_id (a Series or a dict), or a "
            f"list of texts if transcripts is a list too; found {type(references).__name__}.{file}"
        )
    references = with_named_levels(references, "references")
    need(references, "audio_id", *references.columns, name="references")
    if "reference" not in references and "text" in references:
        references = references.rename(columns={"text": "reference"})
    need(references, "reference", name="references")
    references = with_ids(references, "references")
    if references["audio_id"].isna().any():
        raise SchemaError(f"audio_id is NA in {int(references['audio_id'].isna().sum())} rows of the references.")
    _refuse_no_texts(references["reference"], "reference", "references")
    kept = references[references["reference"].notna().to_numpy(np.bool_)]
    if kept.empty:
        problem = f"all {len(references)} are NA" if len(references) else "the table has no rows"
        raise InputError(f"there are no references: {problem}.")
    if "start_ms" in kept and "speaker" in kept:
        return _joined_turns(kept)
    _refuse_repeats(kept["audio_id"], "references")
    plain: pd.DataFrame = kept
    return plain


def _joined_turns(turns: pd.DataFrame) -> pd.DataFrame:
    """Join the turns of each recording, and keep the columns that are the same in all its turns.

    If each recording has only one turn, the table is one of recordings, and the column `speaker` is kept.
    """
    turns = turns.sort_values("start_ms", kind="stable")
    single = not turns["audio_id"].duplicated().any()
    kept: dict[str, pd.Series[Any]] = {}
    differing = []
    for name in turns.columns:
        if name not in _OF_TURNS or (single and name not in ("audio_id", "reference")):
            values = turns[name].map(str, na_action="ignore")
            if (values.groupby(turns["audio_id"]).nunique(dropna=False) > 1).any():
                differing.append(str(name))
            else:
                kept[name] = turns.drop_duplicates("audio_id").set_index("audio_id")[name]
    if differing:
        warn_caller(
            f"references: the values of {differing} differ between the turns of one recording, so these columns are "
            "left out of the errors of recordings.",
            UserWarning,
        )
    texts, speakers = {}, {}
    for audio_id in pd.unique(turns["audio_id"]):
        own_turns = turns[turns["audio_id"] == audio_id]
        texts[audio_id] = " ".join(own_turns["reference"])
        speakers[audio_id] = [
            (label, len(without_markers(text).split()))
            for label, text in zip(own_turns["speaker"], own_turns["reference"], strict=True)
        ]
    ids = pd.array(list(texts), dtype="string")
    joined = pd.DataFrame(
        {"audio_id": ids, "reference": list(texts.values()), _SPEAKERS_OF_WORDS: list(speakers.values())}
    )
    for name, values in kept.items():
        joined[name] = values.loc[list(texts)].array
    return joined


def _refuse_repeats(ids: pd.Series[Any], label: str) -> None:
    if (twice := ids[ids.duplicated()]).empty:
        return
    parts = "Turns of one recording need the columns speaker and start_ms."
    if label == "transcripts":
        parts = "Words of one recording need the column word_index."
    raise SchemaError(
        f"{label}: {twice.iloc[0]!r} occurs more than once ({twice.nunique()} ids do); "
        f"give one text for each recording. {parts}"
    )


def _refuse_no_texts(column: pd.Series[Any], name: str, label: str) -> None:
    if pd.api.types.is_string_dtype(column.dtype) and column.dtype != object:
        return
    odd = [
        value
        for value in column
        if not isinstance(value, str) and not (pd.api.types.is_scalar(value) and pd.isna(value))
    ]
    if odd:
        raise SchemaError(f"{label}: {name} must hold texts, found {odd[0]!r} ({type(odd[0]).__name__}).")


def _matched(recordings: pd.DataFrame, references: pd.DataFrame) -> pd.DataFrame:
    """Return the recordings that have a reference, then the references without a recording; warn about the latter."""
    ids, wanted = recordings["audio_id"].tolist(), references["audio_id"].tolist()
    reference_rows, is_missing = _rows(wanted, ids), _rows(ids, wanted) < 0
    missing = [audio_id for audio_id, absent in zip(wanted, is_missing.tolist(), strict=True) if absent]
    if len(missing) == len(wanted):
        raise InputError(
            f"no reference belongs to a recording: references have {_some(wanted)}, recordings {_some(ids)}. An "
            "audio_id must be the same in both, except for folders and extensions."
        )
    if missing:
        warn_caller(
            f"{len(missing)} of {len(wanted)} references have no recording: {_some(missing)}."
            f"{did_you_mean(missing[0], ids)} They have rows with the status 'missing' and no counts; "
            "to leave them out: references[references['audio_id'].isin(corpus)].",
            UserWarning,
        )
    has_reference = reference_rows >= 0
    recording_rows = np.append(np.flatnonzero(has_reference), np.full(len(missing), -1))
    reference_rows = np.append(reference_rows[has_reference], np.flatnonzero(is_missing))
    is_completed = (recordings["status"] == "completed").to_numpy(np.bool_)[recording_rows]
    status = np.where(recording_rows < 0, 2, np.where(is_completed, 0, 1))
    durations = recordings.get("duration_ms", pd.Series(pd.NA, index=recordings.index, dtype="Int64")).astype("Int64")
    frame = pd.DataFrame(
        {
            "audio_id": references["audio_id"].astype("string").array.take(reference_rows),
            "status": pd.array(["scored", "failed", "missing"], dtype="string").take(status),
            "duration_ms": durations.array.take(recording_rows, allow_fill=True),
        }
    )
    for name in recordings.columns:
        if name not in RECORDINGS and name not in _OF_TEXTS:
            frame[name] = recordings[name].array.take(recording_rows, allow_fill=True)
    if set(RECORDINGS) <= set(
        references.columns
    ):  # the references are the recordings of a corpus, all columns included
        references = references.drop(columns=list(RECORDINGS.keys() - {"audio_id"}))
    for name in references.columns:
        if name in ("audio_id", "reference", _SPEAKERS_OF_WORDS):
            continue
        values = references[name].array.take(reference_rows)
        if name not in recordings:
            frame[name] = values
        elif not _says_no_more(values, recordings[name].array.take(recording_rows, allow_fill=True)):
            frame[f"{name}_of_reference"] = values
    return frame


def _says_no_more(values: Any, others: Any) -> bool:
    """Return True if every known value of a column is the same in the other column."""
    first, second = (pd.Series(column).map(str, na_action="ignore").astype("string") for column in (values, others))
    return bool((first.isna() | (first == second).fillna(False)).all())


def _rows(ids: Sequence[str], wanted: Sequence[str]) -> npt.NDArray[np.intp]:
    """Return the position of each wanted id among the ids; -1 if it is absent."""
    place = {audio_id: row for row, audio_id in enumerate(ids)}
    return np.fromiter((place.get(audio_id, -1) for audio_id in wanted), np.intp, len(wanted))


def _some(names: Sequence[str]) -> str:
    return f"{list(names[:3])}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
