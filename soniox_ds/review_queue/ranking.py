"""The order in which flagged words and clips come for review: by expected errors per time of audio, highest first.

- A word has 1 - confidence expected errors (recalibrated, if there is a calibration), and the length of the clip that
  it would have by itself. This order decides which words fit into a budget, and it is the order of the review curve.
- A clip has the sum of the expected errors of all words that are heard in it, flagged or not, and its own length. This
  order is the column `rank` of ``schema.CLIPS``.

Equal values stay in the order of recording and time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["rank"]


def rank(errors: npt.NDArray[Any], lengths: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return the positions of words or clips, from the most errors per time to the fewest.

    >>> rank(np.array([0.5, 0.9, 0.5]), np.array([1.0, 3.0, 1.0]))
    array([0, 2, 1])
    """
    return np.argsort(-(errors / lengths), kind="stable")
