"""References from reviewed transcripts.

Conventions: a review applies to the words that lie wholly within its span, without translations, or to the gap if there
is no such word. "right" confirms the words; "wrong" with a correction replaces them by that text (by nothing, if it is
empty), and only the words that differ count as changed; "wrong" without a correction and "unclear" leave the words
unchanged and unchecked. Reviews of other spans of the same words may complement each other, but never contradict each
other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.files.formula_cells import formulas_unquoted
from soniox_ds.review_queue.merging import Review, Settled, settle, words_within
from soniox_ds.schema import (
    REVIEWED_REFERENCES,
    WORDS,
    conform,
    matched_ids,
    need,
    need_milliseconds,
    no_duplicates,
    with_ids,
)
from soniox_ds.schema.by_part import by_part
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text import words as _text
from soniox_ds.text.translations import LABELS, without_translations
from soniox_ds.text.words import as_words

__all__ = ["VERDICTS", "apply_reviews", "reviewed_words", "spoken_in_order"]

VERDICTS = ("right", "wrong", "unclear")

Bools = npt.NDArray[np.bool_]


def _speaking_first(references: pd.DataFrame, position: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the order of `apply_reviews`: recordings without words follow the others."""
    return np.lexsort((position, references["transcript_words"] == 0))


@by_part(annotations=["reviews"], order=_speaking_first)
def apply_reviews(transcripts: Transcripts, reviews: pd.DataFrame) -> pd.DataFrame:
    """Create references from transcripts and their reviews.

    Parameters
    ----------
    transcripts
        A corpus, or ``schema.WORDS``: the transcripts that were reviewed.
    reviews
        ``schema.REVIEWS``, from one reviewer or several; `audio_id`, `start_ms`, `end_ms` and `verdict` are required.
        Rows without a verdict, and recordings that are not in `transcripts`, are left out. Ids may lack the folder or
        the extension; they are matched as `word_errors` matches the ids of references.

    Returns
    -------
    DataFrame
        ``schema.REVIEWED_REFERENCES``, one row for each recording. `reference` is the transcript with the corrections
        applied; `coverage` is the share of it that a person has checked, so that ``references[references["coverage"] ==
        1]`` are complete references. The other rows still contain unchecked words of the transcript, so scores against
        them are too good. `align_words` accepts the table as it is.

    Raises
    ------
    SchemaError
        If a column is absent, a verdict is unknown, or a correction has another verdict than "wrong".
    InputError
        If reviews contradict each other, show another text than the words, or share no recording with them.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> words = pd.DataFrame({
    ...     "audio_id": "note.wav", "word_index": range(4), "text": ["takes", "listen", "april", "daily"],
    ...     "start_ms": [0, 300, 700, 1000], "end_ms": [250, 600, 900, 1400], "space_before": True,
    ... })
    >>> reviews = pd.DataFrame({
    ...     "audio_id": "note.wav", "start_ms": [0], "end_ms": [900], "verdict": "wrong",
    ...     "correction": "takes lisinopril",
    ... })
    >>> sx.apply_reviews(words, reviews)[["audio_id", "reference", "checked_words", "transcript_words", "coverage"]]
       audio_id               reference  checked_words  transcript_words  coverage
    0  note.wav  takes lisinopril daily              3                 4      0.75
    """
    merged = _merge(transcripts, reviews)
    references = _text.texts(merged.words)
    done = pd.Series(references["text"].array, index=references["audio_id"])
    rows = [
        {"audio_id": audio_id, "reference": done.get(audio_id, ""), **merged.counts[audio_id]}
        for audio_id in merged.counts
    ]
    table = conform(pd.DataFrame(rows, columns=["audio_id", "reference", *_COUNTS]), REVIEWED_REFERENCES)
    table["coverage"] = table["checked_words"] / table["transcript_words"].where(table["transcript_words"] > 0)
    return conform(table, REVIEWED_REFERENCES)


@by_part(annotations=["reviews"])
def reviewed_words(transcripts: Transcripts, reviews: pd.DataFrame) -> pd.DataFrame:
    """Return the words of the references that `apply_reviews` creates, and mark the words that a person has checked.

    Parameters
    ----------
    transcripts, reviews
        See `apply_reviews`.

    Returns
    -------
    DataFrame
        ``schema.WORDS`` of the spoken words (no translations), with a new `word_index` and the further column `checked`
        (boolean). A corrected word has no confidence. It has the times of the word that it replaces, or no times if the
        correction changes the number of words.

    Raises
    ------
    SchemaError, InputError
        For the reasons given in `apply_reviews`.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> words = pd.DataFrame({
    ...     "audio_id": "note.wav", "word_index": range(3), "text": ["take", "too", "daily"],
    ...     "start_ms": [0, 300, 700], "end_ms": [250, 600, 900], "space_before": True,
    ... })
    >>> reviews = pd.DataFrame({
    ...     "audio_id": "note.wav", "start_ms": [300], "end_ms": [600], "verdict": "wrong", "correction": "two",
    ... })
    >>> sx.reviewed_words(words, reviews)[["text", "start_ms", "checked"]]
        text  start_ms  checked
    0   take         0    False
    1    two       300     True
    2  daily       700    False
    """
    return _merge(transcripts, reviews).words


def spoken_in_order(words: pd.DataFrame) -> pd.DataFrame:
    """Return the spoken words without translations: recordings in their order, the words of each by `word_index`.

    Raises
    ------
    SchemaError
        If a column is absent, a word occurs twice, or times are not whole milliseconds.
    """
    need(words, "audio_id", "word_index", "text", "start_ms", "end_ms", "space_before", name="words")
    spoken = need_milliseconds(words, "words")
    no_duplicates(spoken, "words", "audio_id", "word_index", also=["translation_status"])
    spoken = without_translations(spoken)
    order = pd.factorize(spoken["audio_id"])[0]
    return spoken.iloc[np.lexsort((spoken["word_index"].to_numpy(), order))].reset_index(drop=True)


_COUNTS = ("transcript_words", "checked_words", "reviews", "corrections", "open_reviews")


class _Merged(NamedTuple):
    words: pd.DataFrame
    counts: Mapping[str, Mapping[str, int]]
    """`_COUNTS` of each recording, in the order of the words."""


def _merge(words: Transcripts, reviews: pd.DataFrame) -> _Merged:
    spoken = spoken_in_order(as_words(words))
    with_verdict = _checked(reviews)
    names = [*dict.fromkeys(spoken["audio_id"].tolist()), *_silent(words, spoken)]
    if matched := matched_ids(with_verdict["audio_id"].tolist(), names, "reviews"):
        with_verdict = with_verdict.assign(audio_id=with_verdict["audio_id"].replace(matched))
    if len(with_verdict) and not with_verdict["audio_id"].isin(names).any():
        raise InputError(
            f"words and reviews have no recording in common: the words have {names[:3]}, the reviews "
            f"{with_verdict['audio_id'].unique()[:3].tolist()}."
        )
    reviews_of = {
        str(audio_id): of_recording for audio_id, of_recording in with_verdict.groupby("audio_id", sort=False)
    }
    counts: dict[str, Mapping[str, int]] = {}
    parts = []
    own_rows = spoken.groupby("audio_id", sort=False).indices
    for name in names:
        of_recording = spoken.iloc[own_rows.get(name, [])]
        if name in reviews_of:
            merged, counts[name] = _recording(name, of_recording, reviews_of[name])
        else:
            merged = of_recording.assign(checked=False)
            counts[name] = dict.fromkeys(_COUNTS, 0) | {"transcript_words": len(of_recording)}
        if len(merged):
            parts.append(merged.assign(word_index=np.arange(len(merged))))
    together = pd.concat(parts, ignore_index=True) if parts else spoken.iloc[:0].assign(checked=False)
    return _Merged(conform(together, WORDS).astype({"checked": "boolean"}), counts)


def _silent(words: Any, spoken: pd.DataFrame) -> list[str]:
    """Return the completed recordings of a corpus in which nothing was recognised."""
    recordings = getattr(words, "recordings", None)
    if not isinstance(recordings, pd.DataFrame) or "status" not in recordings:
        return []
    done = recordings.loc[recordings["status"] == "completed", "audio_id"]
    return [str(name) for name in done[~done.isin(spoken["audio_id"])]]


def _checked(reviews: pd.DataFrame) -> pd.DataFrame:
    """Return the reviews with a verdict, with `corrected` and `correction` filled in."""
    need(reviews, "audio_id", "start_ms", "end_ms", "verdict", name="reviews")
    if unknown := sorted({str(verdict) for verdict in reviews["verdict"].dropna()} - set(VERDICTS)):
        raise SchemaError(
            f"reviews: verdict contains {unknown}; it can be {', '.join(VERDICTS)}, or NA for no verdict yet."
        )
    reviews = with_ids(reviews, "reviews")
    texts = {name: formulas_unquoted(reviews[name]) for name in ("audio_id", "text", "correction") if name in reviews}
    reviews = reviews.assign(**texts)  # the file of a review queue may have been read by pandas
    given = need_milliseconds(reviews[reviews["verdict"].notna().to_numpy(np.bool_)], "reviews")
    if missing := int(given[["audio_id", "start_ms", "end_ms"]].isna().any(axis=1).sum()):
        raise SchemaError(f"reviews: {missing} rows have no audio_id, start_ms or end_ms; give all three.")
    correction = given["correction"].astype("string") if "correction" in given else pd.Series(pd.NA, index=given.index)
    corrected = given["corrected"].astype("boolean").fillna(False) if "corrected" in given else correction.notna()
    odd = np.flatnonzero((corrected & (given["verdict"] != "wrong")).to_numpy(np.bool_))
    if odd.size:
        row = given.iloc[odd[0]]
        raise SchemaError(
            f'reviews: {odd.size} rows have a correction although their verdict is not "wrong"; the first is '
            f'{row["audio_id"]!r} at {row["start_ms"]} ms ("{row["verdict"]}"). Change the verdict to "wrong", or '
            "remove the correction."
        )
    return given.assign(corrected=corrected.to_numpy(np.bool_), correction=correction.fillna("").astype(object))


def _recording(name: str, words: pd.DataFrame, reviews: pd.DataFrame) -> tuple[pd.DataFrame, Mapping[str, int]]:
    texts = words["text"].astype("string").fillna("").tolist()
    spaced = words["space_before"].fillna(True).astype(bool).tolist()
    start, end = (words[column].to_numpy(np.float64, na_value=np.nan) for column in ("start_ms", "end_ms"))
    spans = []
    for row in reviews.to_dict("records"):
        first, last = _place(name, row, start, end)
        _same_text(name, row, texts[first:last])
        correction = " ".join(str(row["correction"]).split()) if row["corrected"] else None
        spans.append(Review(first, last, str(row["verdict"]), correction, f"{row['start_ms']}–{row['end_ms']} ms"))
    settled = settle(name, texts, spaced, spans)
    counts = {
        "transcript_words": len(words),
        "checked_words": int(settled.checked.sum()),
        "reviews": len(spans),
        "corrections": len(settled.edits),
        "open_reviews": settled.open_reviews,
    }
    return _corrected(words, settled).assign(audio_id=name), counts


def _place(
    name: str, review: Mapping[Any, Any], start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]
) -> tuple[int, int]:
    first, last, inside = words_within(start, end, review["start_ms"], review["end_ms"])
    if last - first > inside and review["corrected"]:
        raise InputError(
            f"{name!r}, {review['start_ms']}–{review['end_ms']} ms: words that reach beyond this span lie between the "
            "words within it (perhaps two people speak at once), so the place of the correction is unknown. Review a "
            "longer span, or remove this review."
        )
    return first, last


def _same_text(name: str, review: Mapping[Any, Any], texts: list[str]) -> None:
    reviewed = review.get("text")
    if reviewed is None or pd.isna(reviewed):
        return
    letters = "".join("".join(texts).split())
    if letters != "".join(str(reviewed).split()):
        raise InputError(
            f"{name!r}, {review['start_ms']}–{review['end_ms']} ms: {str(reviewed)!r} was reviewed, but the words "
            f"there are {' '.join(texts)!r}. Pass the transcripts that were reviewed."
        )


def _corrected(words: pd.DataFrame, settled: Settled) -> pd.DataFrame:
    """Apply the edits to the words."""
    checked = words.assign(checked=settled.checked)
    spaced = checked["space_before"].fillna(True).to_numpy(np.bool_).copy()
    for place, space in settled.spaced.items():
        spaced[place] = space
    checked = checked.assign(space_before=spaced)
    parts, done = [], 0
    for edit in settled.edits:
        parts.append(checked.iloc[done : edit.first])
        if pieces := edit.text.split():
            parts.append(_words_of_edit(words, edit.first, edit.last, pieces, edit.space_before))
        done = edit.last
    parts.append(checked.iloc[done:])
    full = [part for part in parts if len(part)]
    return pd.concat(full, ignore_index=True) if full else checked.iloc[:0]


def _words_of_edit(words: pd.DataFrame, first: int, last: int, pieces: list[str], space_before: bool) -> pd.DataFrame:
    """Build rows for the words of a correction, with the labels of the words they replace, or of a neighbour."""
    timed = last - first == len(pieces)
    near = min(first, len(words) - 1)
    rows = words.iloc[np.arange(first, last) if timed else np.full(len(pieces), near)] if len(words) else words
    fresh = pd.DataFrame({name: pd.Series(dtype=column.dtype) for name, column in WORDS.items() if name in words})
    fresh = fresh.reindex(range(len(pieces)))
    for name in LABELS:
        if name in words and len(words):
            fresh[name] = rows[name].array
    if timed:
        fresh["start_ms"], fresh["end_ms"] = rows["start_ms"].array, rows["end_ms"].array
    fresh["text"] = pd.array(pieces, dtype="string")
    fresh["space_before"] = pd.array([space_before] + [True] * (len(pieces) - 1), dtype="boolean")
    return fresh.assign(checked=True)
