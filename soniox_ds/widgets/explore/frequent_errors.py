"""The errors of all recordings by their words, and the places of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._display import visible
from soniox_ds.metrics.words.confusions import error_places
from soniox_ds.widgets.explore.arms import Arm

__all__ = ["MOST_PLACES", "FrequentErrors"]

MOST_PLACES = 500
"""Most places of an error that are sent to the page."""

_MOST_ERRORS = 100


class FrequentErrors:
    """The errors of one system: each different error once, and its places as arrays."""

    def __init__(
        self, arm: Arm, position_of: Callable[[str], int], progress: Callable[[int, int], object] | None = None
    ) -> None:
        self._errors: list[tuple[str, str | None, str | None]] = []
        numbers: dict[tuple[str, str | None, str | None], int] = {}
        error, recording, place = [], [], []
        for alignments in arm.alignments(progress):
            table = error_places(alignments)
            rows = table.astype(object).where(table.notna(), None).itertuples(index=False)
            for audio_id, position, operation, reference, hypothesis in rows:
                key = (operation, reference, hypothesis)
                error.append(numbers.setdefault(key, len(numbers)))
                recording.append(position_of(audio_id))
                place.append(int(position))
        self._errors = list(numbers)
        self._error = np.array(error, np.int64)
        self._recording = np.array(recording, np.int64)
        self._place = np.array(place, np.int64)

    def most_frequent(self, mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
        """Return the most frequent errors of the recordings in the mask, with the number of places and recordings."""
        is_inside = mask[self._recording] if len(self._recording) else np.zeros(0, np.bool_)
        counts = np.bincount(self._error[is_inside], minlength=len(self._errors))
        order = np.argsort(-counts, kind="stable")[:_MOST_ERRORS]
        order = order[counts[order] > 0]
        pairs = pd.DataFrame({"error": self._error[is_inside], "recording": self._recording[is_inside]})
        recordings = pairs[pairs["error"].isin(order)].groupby("error")["recording"].nunique()
        rows = []
        for number in order.tolist():
            operation, reference, hypothesis = self._errors[number]
            texts = [None if text is None else visible(text) for text in (reference, hypothesis)]
            rows.append([number, operation, *texts, int(counts[number]), int(recordings[number])])
        return {"errors": rows, "n_errors": int(counts.sum()), "n_different": int((counts > 0).sum())}

    def places(self, number: int, positions: npt.NDArray[np.intp]) -> list[tuple[int, int]]:
        """Return the recordings and words at which an error occurs, in the order of `positions`."""
        rank = np.full(int(max(self._recording.max(initial=-1), positions.max(initial=-1))) + 1, -1)
        rank[positions] = np.arange(len(positions))
        rows = np.flatnonzero(self._error == number)
        rows = rows[rank[self._recording[rows]] >= 0]
        rows = rows[np.argsort(rank[self._recording[rows]], kind="stable")][:MOST_PLACES]
        return list(zip(self._recording[rows].tolist(), self._place[rows].tolist(), strict=True))
