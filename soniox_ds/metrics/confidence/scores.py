"""Scores of confidences: Brier score, normalized cross-entropy and area under the ROC curve.

Conventions: a word with the confidence c is right (1) or wrong (0). With N words, and p the share of right words:

- Brier score = mean of (c − right)².
- NCE = (H + Σ_right ln c + Σ_wrong ln(1 − c)) / H with H = −N (p ln p + (1 − p) ln(1 − p)), c clipped to
  [1e-7, 1 − 1e-7].
- AUC = the probability that a wrong word has a lower confidence than a right word, with ties counting half.

NCE and AUC are not defined if all words are right or all are wrong.

References: Brier, "Verification of forecasts expressed in terms of probability", 1950; Siu, Gish and Richardson,
"Improved estimation, evaluation and applications of confidence measures for speech recognition", Eurospeech 1997 (NCE).
"""

from __future__ import annotations

from math import nan

import numpy as np

from soniox_ds.metrics.confidence.calibration_counts import ConfidenceCounts

__all__ = ["auc", "brier_score", "normalized_cross_entropy"]

_CLIP = 1e-7


def brier_score(values: ConfidenceCounts) -> float:
    """Return the mean squared difference between the confidence and 1 (right) or 0 (wrong); NaN if there are no words.

    >>> round(brier_score(ConfidenceCounts(np.array([0.4, 0.9]), np.array([1, 1]), np.array([0, 1]))), 3)
    0.085
    """
    if not (count := int(values.words.sum())):
        return nan
    confidence, wrong = values.confidence, values.words - values.right
    return float(values.right @ (1 - confidence) ** 2 + wrong @ confidence**2) / count


def normalized_cross_entropy(values: ConfidenceCounts) -> float:
    """Return the share of the entropy of right and wrong words that the confidences remove.

    The value is 1 for perfect confidences and 0 if every word has the accuracy as its confidence. It is negative for
    confidences that are worse than this. It is NaN if all words are right or all are wrong (the entropy is 0).

    >>> confidence = np.array([0.4, 0.7, 0.8, 0.9, 0.95])
    >>> values = ConfidenceCounts(confidence, np.array([1, 1, 1, 1, 1]), np.array([0, 1, 1, 0, 1]))
    >>> round(normalized_cross_entropy(values), 3)
    -0.024
    """
    count, right = int(values.words.sum()), int(values.right.sum())
    if right in (0, count):
        return nan
    share = right / count
    clipped = np.clip(values.confidence, _CLIP, 1 - _CLIP)
    most = -count * (share * np.log(share) + (1 - share) * np.log1p(-share))
    wrong = values.words - values.right
    return float((most + values.right @ np.log(clipped) + wrong @ np.log1p(-clipped)) / most)


def auc(values: ConfidenceCounts) -> float:
    """Return the probability that a wrong word has a lower confidence than a right word, with ties counting half.

    NaN if there are no wrong words or no right words.

    >>> auc(ConfidenceCounts(np.array([0.2, 0.8, 0.9]), np.array([1, 2, 1]), np.array([0, 1, 1])))
    0.875
    """
    wrong = values.words - values.right
    n_right, n_wrong = int(values.right.sum()), int(wrong.sum())
    if not n_right or not n_wrong:
        return nan
    wrong_below = np.cumsum(wrong) - wrong / 2
    return float(values.right @ wrong_below / (n_right * n_wrong))
