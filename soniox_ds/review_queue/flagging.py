"""Selection of audio clips for review by word confidence.

Conventions: a word is flagged if its confidence is at most a threshold, compared in single precision as
``schema.WORDS`` stores it. Flagged words become clips (see `clips`). The order of both is decided in `ranking`.
Translations and words without times cannot be heard and are left out. A deleted word has no confidence and is never
flagged, although a person who listens to a clip may notice that a word is missing.

Reason for clips: users gave up coloured words, since checking each takes as long as listening to everything; a ranking
of stretches of audio by expected errors per second is more useful.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._arguments import check_number
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.confidence.roc import detections
from soniox_ds.metrics.confidence.word_confidence import judged
from soniox_ds.metrics.words.alignments import Alignments, alignments_of
from soniox_ds.review_queue.clips import (
    Spoken,
    clip_lengths,
    clips_of,
    clips_table,
    ranked_anew,
    spoken_words,
)
from soniox_ds.review_queue.ranking import rank
from soniox_ds.schema import CLIPS, REVIEW_CURVE, conform, need, no_duplicates
from soniox_ds.schema.arguments import checked_ms
from soniox_ds.schema.by_part import by_part
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text.words import as_words

__all__ = ["flag_low_confidence", "review_curve"]

CRITERIA = ("threshold", "target_precision", "target_recall", "review_budget_s")

Bools = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


@by_part(whole=["review_budget_s"], finish=ranked_anew)
def flag_low_confidence(
    transcripts: Transcripts,
    threshold: float | None = None,
    *,
    target_precision: float | None = None,
    target_recall: float | None = None,
    review_budget_s: float | None = None,
    alignments: Alignments | None = None,
    calibration: Any = None,
    merge_gap_ms: int = 1000,
    context_ms: int = 500,
) -> pd.DataFrame:
    """Flag doubtful words and combine them into clips, ranked by expected errors per second of audio.

    Exactly one of `threshold`, `target_precision`, `target_recall` and `review_budget_s` must be given.

    Parameters
    ----------
    transcripts
        A corpus, or a table of words (``schema.WORDS``), for example with the confidences that
        `sx.metrics.word_confidence` computes.
    threshold
        Flag words with at most this confidence.
    target_precision
        Flag as many words as possible, provided that at least this share of the flagged words is wrong in `alignments`.
    target_recall
        Flag as few words as possible, provided that at least this share of the wrong words in `alignments` is flagged.
        Deleted words do not count, because they have no confidence.
    review_budget_s
        Seconds of audio that a person will listen to. The clips together are never longer. Words are flagged in the
        order of their expected errors per second (the expected errors of the word divided by the length of a clip
        around this word alone), until the next word would exceed the budget.
    alignments
        ``schema.WORD_ALIGNMENTS`` of transcripts whose errors are known: of these recordings, or of similar recordings.
        A corpus with references is aligned with the defaults of `align_words`. `target_precision` and `target_recall`
        need alignments; the other criteria do not accept them. The target is met in these alignments. In other
        recordings it is met only as far as they are similar.
    calibration
        The result of `sx.metrics.fit_recalibration`, or a function that maps a confidence to the probability that the
        word is right. It corrects the expected errors. The threshold and the column `min_confidence` still refer to the
        uncorrected confidences.
    merge_gap_ms
        Flagged words share a clip if at most this many milliseconds lie between them, or if their contexts would meet.
    context_ms
        Milliseconds of audio on either side of the flagged words of a clip, so that the listener understands the
        context.

    Returns
    -------
    DataFrame
        ``schema.CLIPS``, in the order of `rank`: the clip with the most expected errors per second comes first. There
        are no rows if no word is flagged. Clips of a recording never overlap. A clip may also contain words that were
        not flagged. The listener hears them too, so they count in `words`, `text` and `expected_errors`.

    Raises
    ------
    InputError
        If not exactly one criterion is given, if a target is given without `alignments` or cannot be reached (for
        example because the alignments contain no wrong word), if none of the words has times, or if an option is
        invalid.
    SchemaError
        If a column is absent, a confidence lies outside 0 to 1, a row occurs twice, or times are not whole
        milliseconds.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> words = pd.DataFrame({
    ...     "audio_id": "note.wav",
    ...     "word_index": range(6),
    ...     "text": ["takes", "listen", "april", "every", "single", "day"],
    ...     "start_ms": [1000, 1300, 1700, 2000, 9000, 9400],
    ...     "end_ms": [1240, 1600, 1900, 2300, 9300, 9600],
    ...     "confidence": [0.99, 0.4, 0.3, 0.98, 0.7, 0.99],
    ... })
    >>> sx.flag_low_confidence(words, 0.8)[["start_ms", "end_ms", "text", "expected_errors", "rank"]].round(2)
       start_ms  end_ms                      text  expected_errors  rank
    0       800    2400  takes listen april every             1.33     1
    1      8500    9800                single day             0.31     2
    >>> sx.flag_low_confidence(words, review_budget_s=2)[["text", "cumulative_s"]]
                           text  cumulative_s
    0  takes listen april every           1.6
    """
    given = {
        "threshold": threshold,
        "target_precision": target_precision,
        "target_recall": target_recall,
        "review_budget_s": review_budget_s,
    }
    criterion, value = _criterion(given, alignments)
    gap_ms, around_ms = checked_ms(merge_gap_ms, "merge_gap_ms"), checked_ms(context_ms, "context_ms")
    word_table = as_words(transcripts)
    spoken = spoken_words(word_table, calibration, transcripts)
    limit: float | None = None
    if criterion == "review_budget_s":
        chosen = _within_budget(spoken, value, gap_ms, around_ms)
    else:
        limit = value
        if criterion != "threshold" and alignments is not None:
            limit = _limit_for(criterion, value, alignments)
        chosen = spoken.known & (spoken.confidence <= np.float32(limit))
    clips = clips_of(spoken, chosen, merge_gap_ms=gap_ms, context_ms=around_ms)
    table = clips_table(word_table, spoken, clips, chosen)
    return conform(table.assign(criterion=criterion, threshold=np.nan if limit is None else limit), CLIPS)


def review_curve(
    transcripts: Transcripts,
    alignments: Alignments,
    *,
    calibration: Any = None,
    merge_gap_ms: int = 1000,
    context_ms: int = 500,
    points: int = 100,
) -> pd.DataFrame:
    """Compute the share of errors found against the seconds of audio listened to, in three orders of listening.

    Parameters
    ----------
    transcripts
        A corpus, or the ``schema.WORDS`` that were aligned. Recordings that are not in `alignments` are left out.
    alignments
        ``schema.WORD_ALIGNMENTS`` of these words, or a corpus with references, which is aligned with the defaults of
        `align_words`.
    calibration, merge_gap_ms, context_ms
        See `flag_low_confidence`.
    points
        Greatest number of points of each curve.

    Returns
    -------
    DataFrame
        ``schema.REVIEW_CURVE``. "confidence": the order of ``flag_low_confidence(review_budget_s=...)`` with a growing
        budget. "random": the expectation for a random order, a straight line. "oracle": the order if it were known
        which words are wrong, by the errors per second of each word's clip; no order can be much better. A
        wrong word is found if a clip contains the whole word. `recall_of_all` counts deletions as errors that are never
        found, so it is a lower bound. `recall` is NA if all words are right, and `recall_of_all` is NA if, in
        addition, no word was deleted.

    Raises
    ------
    SchemaError
        If a column is absent, a confidence lies outside 0 to 1, a row occurs twice, times are not whole milliseconds,
        or `alignments` contain words that are absent from `transcripts`.
    InputError
        If no word has times, `alignments` and words share no recording, or an option is invalid.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> words = pd.DataFrame({
    ...     "audio_id": "a.wav",
    ...     "word_index": range(4),
    ...     "text": ["can", "you", "here", "me"],
    ...     "start_ms": [0, 5000, 10000, 15000],
    ...     "end_ms": [1000, 6000, 11000, 16000],
    ...     "confidence": [0.9, 0.95, 0.4, 0.8],
    ... })
    >>> alignments = pd.DataFrame({
    ...     "audio_id": "a.wav",
    ...     "operation": ["hit", "hit", "substitution", "deletion", "hit"],
    ...     "word_index": pd.array([0, 1, 2, None, 3], dtype="Int32"),
    ... })
    >>> curve = sx.metrics.review_curve(words, alignments, context_ms=0)
    >>> curve.loc[curve["order"] == "confidence", ["reviewed_s", "recall", "recall_of_all"]].head(2)
       reviewed_s  recall  recall_of_all
    0         0.0     0.0            0.0
    1         1.0     1.0            0.5
    """
    gap_ms, around_ms = checked_ms(merge_gap_ms, "merge_gap_ms"), checked_ms(context_ms, "context_ms")
    check_number(points, "points", whole=True, least=2, advice="give a whole number, 2 or more.")
    word_table = as_words(transcripts)
    need(word_table, "audio_id", "word_index", name="words")
    alignments = alignments_of(alignments)
    errors, total = _errors_of_words(word_table, alignments)
    has_alignment = np.asarray(word_table["audio_id"].isin(alignments["audio_id"].unique()), np.bool_)
    if len(word_table) and len(alignments) and not has_alignment.any():
        raise InputError(
            "words and alignments have no recording in common: words have "
            f"{word_table['audio_id'].unique()[:3].tolist()}, alignments "
            f"{alignments['audio_id'].unique()[:3].tolist()}."
        )
    spoken = spoken_words(word_table[has_alignment], calibration, transcripts)
    wrong = errors[has_alignment][spoken.rows]
    everything = _heard(spoken, np.ones(len(wrong), np.bool_), wrong, gap_ms, around_ms)
    lengths = clip_lengths(spoken, around_ms)
    by_doubt = rank(spoken.doubt, lengths)
    by_errors = rank(wrong, lengths)[: int((wrong > 0).sum())]
    share = np.linspace(0, 1, points)
    curves = {
        "confidence": _curve(spoken, by_doubt, wrong, gap_ms, around_ms, points),
        "random": np.column_stack([share * everything[0], share * everything[1]]),
        "oracle": _curve(spoken, by_errors, wrong, gap_ms, around_ms, points),
    }
    deletions = int((alignments["operation"] == "deletion").sum())
    tables = []
    for order, (seconds, recall) in ((name, curve.T) for name, curve in curves.items()):
        columns = {
            "order": order,
            "reviewed_s": seconds,
            "share_reviewed": seconds / everything[0] if everything[0] else np.nan,
            "errors_found": recall,
            "recall": recall / total if total else np.nan,
            "recall_of_all": recall / (total + deletions) if total + deletions else np.nan,
        }
        tables.append(conform(pd.DataFrame(columns), REVIEW_CURVE))
    return pd.concat(tables, ignore_index=True)


class _Criterion(NamedTuple):
    name: str
    value: float


def _criterion(given: dict[str, float | None], alignments: Alignments | None) -> _Criterion:
    chosen = [name for name, value in given.items() if value is not None]
    if len(chosen) != 1:
        raise InputError(f"give exactly one of {', '.join(CRITERIA)}; found {chosen or 'none'}.")
    name = chosen[0]
    value: Any = given[name]
    check_number(value, name, advice="give a number.")
    if name == "review_budget_s":
        check_number(value, name, least=0, advice="give seconds, 0 or more.")
    else:
        advice = f"give a share from 0 to 1{' (not percent)' if value > 1 else ''}."
        check_number(value, name, least=0, most=1, advice=advice)
    if name.startswith("target_") and alignments is None:
        raise InputError(
            f"{name} needs transcripts with known errors: pass alignments=sx.align_words(corpus, references)."
        )
    if not name.startswith("target_") and alignments is not None:
        raise InputError(f"alignments are used only for the two targets; {name} does not need them.")
    return _Criterion(name, float(value))


def _limit_for(criterion: str, target: float, alignments: Alignments) -> float:
    """Return the threshold that reaches the target in the alignments."""
    counts = detections(alignments)
    if not counts.errors:
        raise InputError(
            f"none of the {counts.words} aligned words with a confidence is wrong, so no threshold can be learned "
            "from them; pass threshold= or review_budget_s= instead."
        )
    if criterion == "target_recall":
        reached = counts.errors_found / counts.errors >= target
        return float(counts.threshold[np.flatnonzero(reached)[0]])
    precision = counts.errors_found / counts.flagged
    reached = precision >= target
    if not reached.any():
        best = int(precision.argmax())
        raise InputError(
            f"no threshold reaches a precision of {target:g}; the highest precision is {precision[best]:.3f}, for the "
            f"{counts.flagged[best]} words with a confidence of at most {counts.threshold[best]:.3f}."
        )
    return float(counts.threshold[np.flatnonzero(reached)[-1]])


def _within_budget(spoken: Spoken, budget_s: float, merge_gap_ms: int, context_ms: int) -> Bools:
    """Choose the longest prefix of the words, best first, whose clips stay within the budget."""
    budget_ms = min(budget_s * 1000, np.iinfo(np.int64).max)
    lengths = clip_lengths(spoken, context_ms)
    order = rank(spoken.doubt, lengths)
    order = order[(spoken.doubt[order] > 0) & (lengths[order] <= budget_ms)]

    def seconds(count: int) -> float:
        chosen = _first(order, count, len(lengths))
        clips = clips_of(spoken, chosen, merge_gap_ms=merge_gap_ms, context_ms=context_ms)
        return float((clips.end_ms - clips.start_ms).sum() / 1000)

    low, high = 0, len(order)  # a binary search, since more words never take less time
    while low < high:
        middle = (low + high + 1) // 2
        if seconds(middle) <= budget_s:
            low = middle
        else:
            high = middle - 1
    return _first(order, low, len(lengths))


def _first(order: npt.NDArray[np.intp], count: int, size: int) -> Bools:
    chosen = np.zeros(size, np.bool_)
    chosen[order[:count]] = True
    return chosen


def _heard(spoken: Spoken, chosen: Bools, wrong: FloatArray, gap_ms: int, context_ms: int) -> tuple[float, float]:
    """Return the seconds of the clips of the chosen words, and the errors in them."""
    clips = clips_of(spoken, chosen, merge_gap_ms=gap_ms, context_ms=context_ms)
    return float((clips.end_ms - clips.start_ms).sum() / 1000), float(wrong[clips.word_of >= 0].sum())


def _curve(
    spoken: Spoken, order: npt.NDArray[np.intp], wrong: FloatArray, gap_ms: int, context_ms: int, points: int
) -> FloatArray:
    counts = np.unique(np.linspace(0, len(order), points).round().astype(np.int64))
    rows = [_heard(spoken, _first(order, count, len(wrong)), wrong, gap_ms, context_ms) for count in counts.tolist()]
    return np.array(rows, np.float64)


def _errors_of_words(words: pd.DataFrame, alignments: pd.DataFrame) -> tuple[FloatArray, int]:
    """Count the wrong words that the alignments have for each row of words, and in total."""
    need(alignments, "audio_id", "operation", "word_index", name="alignments")
    judged(alignments.assign(confidence=0.0))  # raises if an operation is not known
    wrong = alignments[alignments["operation"].isin(["substitution", "insertion"])]
    no_duplicates(words, "words", "audio_id", "word_index")
    keys = pd.MultiIndex.from_arrays([words["audio_id"].astype("string"), words["word_index"].astype("Int64")])
    aligned_keys = pd.MultiIndex.from_arrays([wrong["audio_id"].astype("string"), wrong["word_index"].astype("Int64")])
    place = keys.get_indexer(aligned_keys)
    if (place < 0).any():
        absent = aligned_keys[place < 0][0]
        raise SchemaError(
            f"{int((place < 0).sum())} aligned words are not among the words, such as word_index {absent[1]} of "
            f"{absent[0]!r}; pass the words that were aligned."
        )
    return np.bincount(place, minlength=len(words)).astype(np.float64), len(wrong)
