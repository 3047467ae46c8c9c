"""Colours of speakers, the same in views and plots.

Conventions: the first seven are those of Okabe and Ito, "Color Universal Design", 2008; the others are from Tol,
"Colour Schemes", 2021, and chosen so that neighbours differ in lightness. Wherever a colour is used, the name of the
speaker stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["SPEAKER_COLOURS", "speaker_colours"]

SPEAKER_COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#999933",
    "#AA4499",
    "#44AA99",
    "#882255",
    "#DDCC77",
    "#6699CC",
)


def speaker_colours(speakers: Iterable[Any]) -> dict[Any, str]:
    """Return a colour for each speaker. The colours are used in order, and again from the first if there are too few.

    >>> speaker_colours(["1", "2"])
    {'1': '#0072B2', '2': '#E69F00'}
    """
    return {speaker: SPEAKER_COLOURS[n % len(SPEAKER_COLOURS)] for n, speaker in enumerate(speakers)}
