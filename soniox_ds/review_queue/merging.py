"""Merging of the reviews of one recording.

Conventions: words are numbered from 0; boundary k stands before word k, the last boundary after all words. Only the
core of a correction is an edit: the words that it shares with the transcript at either end are confirmed, and so are
the boundaries between them. An insertion is an edit of no words, at a boundary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from soniox_ds.exceptions import InputError

__all__ = ["Edit", "Review", "Settled", "settle", "words_within"]


class Review(NamedTuple):
    """A verdict on the words from `first` to before `last`; `correction` is None if there is none."""

    first: int
    last: int
    verdict: str
    correction: str | None
    where: str
    """The span of the review in words, for messages."""

    @property
    def settles(self) -> bool:
        """True if the review settles what the words are."""
        return self.verdict == "right" or self.correction is not None

    def __str__(self) -> str:
        text = f"{self.verdict}" if self.correction is None else f"{self.verdict}, {self.correction!r}"
        return f"{self.where} ({text})"


class Edit(NamedTuple):
    """The words from `first` to before `last` become `text`."""

    first: int
    last: int
    text: str
    space_before: bool
    space_after: bool | None
    """True if a space stands before the word that follows; None to keep what stood there."""
    review: Review


class Settled(NamedTuple):
    """The merged reviews of a recording."""

    edits: Sequence[Edit]
    """The edits, in order, each once."""
    checked: npt.NDArray[np.bool_]
    """True for each word that a person has confirmed or changed."""
    spaced: Mapping[int, bool]
    """For words whose space before has changed: True if there is now a space."""
    open_reviews: int
    """Number of reviews that leave words in doubt which no other review settles."""


def words_within(
    start: npt.NDArray[np.float64], end: npt.NDArray[np.float64], from_ms: float, to_ms: float
) -> tuple[int, int, int]:
    """Find the words of a span: the first, the one after the last, and the number of words that lie wholly within.

    If the span holds no word, both numbers are that of the word after it. `start` and `end` are the times of a
    recording's words in ms, NaN if not known.

    >>> start, end = np.array([0.0, 300, 700]), np.array([250.0, 600, 900])
    >>> words_within(start, end, 0, 650), words_within(start, end, 600, 700)
    ((0, 2, 2), (2, 2, 0))
    """
    inside = np.flatnonzero((start >= from_ms) & (end <= to_ms))
    if inside.size:
        return int(inside[0]), int(inside[-1]) + 1, inside.size
    # Ends may be late, so a word that begins before the middle of the span counts as before it.
    before = np.flatnonzero(start < (from_ms + to_ms) / 2)
    gap = int(before[-1]) + 1 if before.size else 0
    return gap, gap, 0


def settle(name: str, texts: Sequence[str], spaced: Sequence[bool], reviews: Sequence[Review]) -> Settled:
    """Merge the reviews of a recording.

    Raises
    ------
    InputError
        If two reviews contradict each other.

    Examples
    --------
    >>> right = Review(0, 2, "right", None, "0–1 s")
    >>> wrong = Review(1, 3, "wrong", "you there", "1–2 s")
    >>> settled = settle("a.wav", ["are", "you", "their"], [False, True, True], [right, wrong])
    >>> [(edit.first, edit.last, edit.text) for edit in settled.edits], settled.checked.tolist()
    ([(2, 3, 'there')], [True, True, True])
    """
    edits: dict[tuple[int, int], Edit] = {}
    words: dict[int, Review] = {}
    boundaries: dict[int, Review] = {}
    for review in reviews:
        if not review.settles:
            continue
        edit = None if review.correction is None else _core(texts, spaced, review)
        if edit is not None:
            known = edits.setdefault((edit.first, edit.last), edit)
            if known.text != edit.text:
                raise _contradiction(name, known.review, review)
        _confirm(review, edit, words, boundaries)
    ordered = [edits[place] for place in sorted(edits)]
    _check_edits(name, ordered, words, boundaries)
    checked = np.zeros(len(texts), np.bool_)
    checked[list(words)] = True
    for edit in ordered:
        checked[edit.first : edit.last] = True
    open_reviews = 0
    for review in reviews:
        if not review.settles:
            edited = any(edit.first <= review.last and edit.last >= review.first for edit in ordered)
            by = [boundaries[review.first]] if review.first == review.last and review.first in boundaries else []
            by += [words[word] for word in range(review.first, review.last) if word in words]
            if review.verdict == "wrong" and not edited and by and len(by) >= review.last - review.first:
                raise _contradiction(name, by[0], review)
            settled = checked[review.first : review.last].all() and (review.last > review.first or edited or by)
            open_reviews += not settled
    after = {edit.last: edit.space_after for edit in ordered if edit.last < len(texts)}
    return Settled(ordered, checked, {at: space for at, space in after.items() if space is not None}, open_reviews)


def _contradiction(name: str, first: Review, second: Review) -> InputError:
    return InputError(
        f"reviews of {name!r} contradict each other: {first} and {second}. Keep one of them: the reviews of one "
        "person, "
        'reviews[reviews["reviewer"] == ...], or the latest review of each span, reviews.sort_values("reviewed_at")'
        '.drop_duplicates(["audio_id", "start_ms", "end_ms"], keep="last").'
    )


def _confirm(review: Review, edit: Edit | None, words: dict[int, Review], boundaries: dict[int, Review]) -> None:
    """Record the words and boundaries that the review leaves unchanged."""
    first, last = review.first, review.last
    kept = [(first, last)] if edit is None else [(first, edit.first), (edit.last, last)]
    for begin, end in kept:
        for word in range(begin, end):
            words.setdefault(word, review)
        for boundary in range(begin + 1, end):
            boundaries.setdefault(boundary, review)
    if first == last and edit is None:
        boundaries.setdefault(first, review)


def _check_edits(
    name: str, edits: Sequence[Edit], words: Mapping[int, Review], boundaries: Mapping[int, Review]
) -> None:
    for before, edit in pairwise(edits):
        if edit.first < before.last:
            raise _contradiction(name, before.review, edit.review)
    for edit in edits:
        kept = [words[word] for word in range(edit.first, edit.last) if word in words]
        if edit.first == edit.last and edit.first in boundaries:
            kept.append(boundaries[edit.first])
        if kept:
            raise _contradiction(name, kept[0], edit.review)


def _core(texts: Sequence[str], spaced: Sequence[bool], review: Review) -> Edit | None:
    """Return what the correction changes; None if it changes nothing."""
    correction = review.correction or ""
    first, begin = review.first, 0
    while first < review.last:
        at = begin + (correction[begin : begin + 1] == " ")
        end = at + len(texts[first])
        glued = first + 1 < review.last and not spaced[first + 1]
        if not correction.startswith(texts[first], at) or (correction[end : end + 1].strip() and not glued):
            break
        first, begin = first + 1, end
    last, end = review.last, len(correction)
    while last > first:
        stop = end - (correction[begin:end].endswith(" "))
        at = stop - len(texts[last - 1])
        if (
            at < begin
            or correction[at:stop] != texts[last - 1]
            or (at > begin and correction[at - 1] != " " and spaced[last - 1])
        ):
            break
        if at == begin and begin and spaced[last - 1]:
            break  # nothing stands between, although the transcript has a space
        last, end = last - 1, at
    core = correction[begin:end]
    text = core.strip()
    if not text and first == last:
        return None
    outside = spaced[first] if first < len(texts) else True
    space_before = outside if first == review.first else core.startswith(" ")
    if not text:
        space_after: bool | None = True if outside else None
    else:
        space_after = core.endswith(" ") if last < review.last else None
    return Edit(first, last, text, space_before, space_after, review)
