"""Tokens of a recording that was transcribed in parts: speaker labels, and the order of all parts together.

Conventions: channels count from 1 and are 0 where all channels were mixed. Stretches of a long recording, and sessions
of a live recording, count from 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from soniox_ds.text.runs import Ints, Numbers

__all__ = ["speaker_of_part", "time_order"]


def speaker_of_part(speaker: str | None, channel: int | None, stretch: int = 1) -> str | None:
    """Return the label of a speaker within the whole recording.

    The channel stands first, because labels of different channels are different people. A speaker of a later stretch is
    marked, because nobody knows which speaker of an earlier stretch it is. Without diarization, the channel is the
    speaker, in every stretch.

    >>> speaker_of_part("1", 2), speaker_of_part(None, 2, 3), speaker_of_part("1", None, 2), speaker_of_part("1", 2, 3)
    ('ch2:1', 'ch2', '1@2', 'ch2:1@3')
    """
    if speaker is not None and stretch > 1:
        speaker = f"{speaker}@{stretch}"
    if channel is None:
        return speaker
    return f"ch{channel}" if speaker is None else f"ch{channel}:{speaker}"


def time_order(channel: Ints, start: Numbers, begin_ms: npt.NDArray[np.int64]) -> Ints:
    """Return the order of the tokens of several channels by their times. Within a channel the order is kept.

    A token counts as no earlier than the tokens before it in its channel. A token without a time, such as a
    translation, stays with the token before it.

    Parameters
    ----------
    channel
        Channel of each token. The tokens of a channel are in the order in which they were sent.
    start
        Start of each token in the recording, in ms.
    begin_ms
        Time at which the stretch of each token begins, for tokens before the first time.

    Examples
    --------
    >>> start = Numbers(np.array([0, 300, 100, 200]), np.ones(4, bool))
    >>> time_order(np.array([1, 1, 2, 2]), start, np.zeros(4, np.int64)).tolist()
    [0, 2, 3, 1]
    """
    key = np.where(start.known, start.values, begin_ms).astype(np.int64)
    for number in np.unique(channel):
        rows = np.flatnonzero(channel == number)
        key[rows] = np.maximum.accumulate(key[rows])
    return np.lexsort((np.arange(len(key)), key))
