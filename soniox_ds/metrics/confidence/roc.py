"""Low confidence as a detector of errors.

Conventions: a *wrong* word (substitution or insertion) is a positive, although some tools call it a negative. A word is
flagged if its confidence is at most the threshold, so a threshold of 1 flags everything. Words of equal confidence are
flagged together. Deletions have no word and no confidence, and are not included in any of these figures.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.metrics.confidence.calibration_counts import (
    ConfidenceCounts,
    confidence_counts,
    gathered,
    joined_counts,
)
from soniox_ds.metrics.confidence.word_confidence import judged
from soniox_ds.metrics.words.alignments import Alignments, alignments_of, results_of_aligned_parts
from soniox_ds.schema import PRECISION_RECALL, ROC, conform
from soniox_ds.schema.inputs import InParts

__all__ = ["Detections", "detections", "precision_recall", "roc"]

FloatArray = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


class Detections(NamedTuple):
    """Counts for each distinct confidence, from the lowest, if all words up to that confidence are flagged."""

    threshold: FloatArray
    flagged: Counts
    errors_found: Counts
    words: int
    errors: int


def detections(alignments: Alignments) -> Detections:
    """Count the flags and the errors among them for each distinct threshold."""
    counts = _counted(alignments)
    wrong = counts.words - counts.right
    flagged, errors_found = (np.cumsum(each).astype(np.int64) for each in (counts.words, wrong))
    return Detections(counts.confidence, flagged, errors_found, int(counts.words.sum()), int(wrong.sum()))


def _counted(source: Alignments) -> ConfidenceCounts:
    """Count the words by their confidence, those of an opened corpus part by part."""
    if isinstance(source, pd.DataFrame) or not isinstance(source, InParts):
        words = judged(alignments_of(source))
        return confidence_counts(words.confidence, words.correct)
    parts: list[ConfidenceCounts] = []
    for counts in results_of_aligned_parts(_counted, source):
        parts = gathered(parts, counts)
    return joined_counts(parts)


def roc(alignments: Alignments) -> pd.DataFrame:
    """Compute the receiver operating characteristic (ROC) of low confidence as a detector of wrong words.

    The true positive rate is the share of the wrong words that are flagged, and the false positive rate is the share of
    the right words that are flagged.

    Parameters
    ----------
    alignments
        Table in ``schema.WORD_ALIGNMENTS``, of which the columns `operation` and `confidence` are needed; or a corpus
        with references, which is aligned with the defaults of `align_words`. An opened corpus is counted part by part.

    Returns
    -------
    DataFrame
        Table in ``schema.ROC``. In its first row no word is flagged. Then follows one row for each distinct confidence,
        from the lowest to the highest; in the last row all words are flagged. `false_positive_rate` is NA if all words
        are wrong, and `true_positive_rate` is NA if all words are right. If there are no words, there are no rows. The
        area under the curve is the column `auc` of `calibration`.

    Raises
    ------
    SchemaError
        If a column is absent, a confidence lies outside 0 to 1, or a row occurs twice.
    InputError
        If no word has a confidence.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> sx.metrics.roc(pd.DataFrame({
    ...     "operation": ["hit", "hit", "substitution", "insertion", "deletion"],
    ...     "confidence": [0.9, 0.8, 0.8, 0.2, None],
    ... }))
       threshold  flagged  errors_found  false_positive_rate  true_positive_rate
    0       <NA>        0             0                  0.0                 0.0
    1        0.2        1             1                  0.0                 0.5
    2        0.8        3             2                  0.5                 1.0
    3        0.9        4             2                  1.0                 1.0
    """
    counts = detections(alignments)
    first = [0] if counts.words else []
    flagged = np.append(first, counts.flagged)
    errors = np.append(first, counts.errors_found)
    right = counts.words - counts.errors
    return conform(
        pd.DataFrame(
            {
                "threshold": np.append([np.nan] * len(first), counts.threshold),
                "flagged": flagged.astype(np.int64),
                "errors_found": errors.astype(np.int64),
                "false_positive_rate": (flagged - errors) / right if right else np.nan,
                "true_positive_rate": errors / counts.errors if counts.errors else np.nan,
            }
        ),
        ROC,
    )


def precision_recall(alignments: Alignments) -> pd.DataFrame:
    """Compute for each threshold the share of flagged words that are wrong, and of wrong words that are flagged.

    Parameters
    ----------
    alignments
        Table in ``schema.WORD_ALIGNMENTS``, of which the columns `operation` and `confidence` are needed; or a corpus
        with references, which is aligned with the defaults of `align_words`. An opened corpus is counted part by part.

    Returns
    -------
    DataFrame
        ``schema.PRECISION_RECALL``, one row for each distinct confidence from the lowest. `recall` is NA if all words
        are right. If there are no words, there are no rows.

    Raises
    ------
    SchemaError
        If a column is absent, a confidence lies outside 0 to 1, or a row occurs twice.
    InputError
        If no word has a confidence.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> sx.metrics.precision_recall(pd.DataFrame({
    ...     "operation": ["hit", "hit", "substitution", "insertion"],
    ...     "confidence": [0.9, 0.8, 0.8, 0.2],
    ... }))[["threshold", "precision", "recall"]].round(2)
       threshold  precision  recall
    0        0.2        1.0     0.5
    1        0.8       0.67     1.0
    2        0.9        0.5     1.0
    """
    counts = detections(alignments)
    return conform(
        pd.DataFrame(
            {
                "threshold": counts.threshold,
                "flagged": counts.flagged,
                "errors_found": counts.errors_found,
                "precision": counts.errors_found / counts.flagged,
                "recall": counts.errors_found / counts.errors if counts.errors else np.nan,
            }
        ),
        PRECISION_RECALL,
    )
