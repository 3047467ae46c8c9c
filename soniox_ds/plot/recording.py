"""Plots along one recording: confidence over time, and positions of the errors.

Conventions: each function draws a table on axes and returns the axes. Only positions, the running mean that is drawn,
and counts in each stretch of time are computed here. Times are the words' own; translations have none and are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.confidence.word_confidence import as_decimals
from soniox_ds.metrics.words.alignments import Alignments, alignments_of
from soniox_ds.plot.style import (
    BLUE,
    GREY,
    ORANGE,
    VERMILION,
    FloatArray,
    clock_axis,
    drawn_text,
    ink,
    new_axes,
    numbers,
    stretch_text,
    strip_above,
    style_axes,
    window,
)
from soniox_ds.schema import need, need_milliseconds, no_duplicates
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.schema.selection import one_recording
from soniox_ds.text.words import as_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["confidence", "error_positions"]

_STRETCHES = 80
_STRETCH_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)
_STRIP = 0.45  # height of the strip of counts, inches
_GAP = 0.06
_OPERATIONS = {
    "substitution": ("substitutions", VERMILION),
    "deletion": ("deletions", BLUE),
    "insertion": ("insertions", ORANGE),
}


def confidence(
    transcripts: Transcripts,
    *,
    audio_id: str | None = None,
    start_ms: int | None = None,
    end_ms: int | None = None,
    threshold: float | None = 0.5,
    smooth: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the confidence of one recording's words over time, and its running mean.

    Parameters
    ----------
    transcripts
        A corpus, or ``schema.WORDS``.
    audio_id
        Recording to show, if the table has several.
    start_ms, end_ms
        Show only this window.
    threshold
        Words with at most this confidence are drawn as crosses; None draws no such line.
    smooth
        Number of neighbouring words in the running mean, which is drawn if there are at least as many; 0 draws no mean.
        By default 25, or a hundredth of the drawn words if that is more.
    ax
        Axes to draw on; by default those of a new figure. If the figure has other axes too, make it with
        ``layout="constrained"``, so that labels do not overlap them.

    Returns
    -------
    Axes
        Axes with the words at the middle of their time and `confidence` from 0 to 1.

    Raises
    ------
    SchemaError
        If a column is missing, a word occurs twice, or a time is impossible or has a fraction.
    InputError
        If there are several recordings and `audio_id` is not given, no word has a time and a confidence, or the window
        is empty.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> import pandas as pd
    >>> words = pd.DataFrame({
    ...     "audio_id": "a.wav", "start_ms": [0, 400], "end_ms": [300, 900], "confidence": [0.98, 0.31],
    ... })
    >>> ax = sx.plot.confidence(words)
    >>> [len(dots.get_offsets()) for dots in ax.collections]
    [1, 1]
    """
    from matplotlib.collections import PathCollection

    words = as_words(transcripts)
    need(words, "audio_id", "start_ms", "end_ms", "confidence", name="words")
    words = need_milliseconds(words, "words")
    if "word_index" in words:
        no_duplicates(words, "words", "audio_id", "word_index", also=["translation_status"])
    words = one_recording(words, audio_id, rows="words", shows="this plot").dropna(
        subset=["start_ms", "end_ms", "confidence"]
    )
    if words.empty:
        raise InputError("no word has both a time and a confidence, so there is nothing to draw.")
    last_ms = float(words["end_ms"].max())
    start_s, end_s = window(start_ms, end_ms, last_ms)
    begin, end, confidence = numbers(words, "start_ms", "end_ms", "confidence").T
    middle = (begin + end) / 2000
    order = np.argsort(middle, kind="stable")
    middle, confidence = middle[order], confidence[order]
    ax = new_axes(ax, 8, 2.9)

    n_shown = int(((middle >= start_s) & (middle <= end_s)).sum())
    size, alpha = (14.0, 0.75) if n_shown <= 500 else (7.0, 0.45) if n_shown <= 3000 else (3.0, 0.25)
    low_mask = np.zeros(len(confidence), np.bool_) if threshold is None else as_decimals(confidence) <= threshold
    ax.scatter(middle[~low_mask], confidence[~low_mask], s=size, color=BLUE, alpha=alpha, linewidths=0, label="words")
    if threshold is not None:
        crosses: dict[str, Any] = {"color": VERMILION, "marker": "x", "linewidths": 1.0}
        label = f"at most {threshold:g}"
        ax.scatter(middle[low_mask], confidence[low_mask], s=2 * size, label=label, **crosses)
        ax.axhline(threshold, color=GREY, linewidth=0.8, linestyle=":")
    smooth = max(25, n_shown // 100) if smooth is None else smooth
    if smooth and len(middle) >= smooth:
        # Only whole windows have a mean, so the ends have none.
        mean = np.convolve(confidence, np.full(smooth, 1 / smooth), "valid")
        half = (smooth - 1) // 2
        ax.plot(middle[half : half + len(mean)], mean, color=ink(ax), linewidth=1.3, label=f"mean of {smooth} words")
    ax.set_ylim(-0.03, 1.03)
    ax.set_ylabel("confidence")
    clock_axis(ax, start_s, end_s, last_ms / 1000)
    style_axes(ax, grid="y")
    ax.set_title(drawn_text(words["audio_id"].iloc[0]), loc="left", fontsize="medium", parse_math=False)
    legend = ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, fontsize="small")
    for handle in legend.legend_handles:  # visible even if the dots are small
        if isinstance(handle, PathCollection):
            handle.set_sizes([26.0])
            handle.set_alpha(0.9)
    return ax


def error_positions(
    alignments: Alignments,
    *,
    audio_id: str | None = None,
    start_ms: int | None = None,
    end_ms: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the word errors of one recording over time: bars with the number of all errors at the top, and below them a
    row of ticks for each kind of error.

    Parameters
    ----------
    alignments
        ``schema.WORD_ALIGNMENTS``, or a corpus with references, which is aligned with the defaults of `align_words`. A
        deletion has no time of its own and is drawn at the end of the word before it.
    audio_id
        Recording to show, if the table has several.
    start_ms, end_ms
        Show only this window.
    ax
        Axes to draw on; by default those of a new figure. If the figure has other axes too, make it with
        ``layout="constrained"``, so that labels do not overlap them.

    Returns
    -------
    Axes
        Axes with three rows of ticks. The axes above them, ``ax.child_axes[0]``, have a bar for each stretch of time,
        with the number of errors of all kinds.

    Raises
    ------
    SchemaError
        If a column is missing, a row occurs twice, or a time is impossible or has a fraction.
    InputError
        If there are several recordings and `audio_id` is not given, no word has a time, or the window is empty.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> import pandas as pd
    >>> alignments = pd.DataFrame({
    ...     "audio_id": "a.wav", "operation": ["hit", "substitution", "deletion"],
    ...     "start_ms": [0, 400, pd.NA], "end_ms": [300, 900, pd.NA],
    ... })
    >>> ax = sx.plot.error_positions(alignments)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['1 substitution', '1 deletion', '0 insertions']
    """
    alignments = alignments_of(alignments)
    need(alignments, "audio_id", "operation", "start_ms", "end_ms", name="alignments")
    alignments = need_milliseconds(alignments, "alignments")
    if "position" in alignments:
        no_duplicates(alignments, "alignments", "audio_id", "position")
    alignments = one_recording(alignments, audio_id, rows="alignments", shows="this plot")
    if alignments["end_ms"].isna().all():
        raise InputError("no word of the alignment has a time; align words (sx.words), not texts.")
    times = alignments[["start_ms", "end_ms"]].astype("Float64")
    end = times["end_ms"]
    middle = ((times["start_ms"] + end) / 2).fillna(end.ffill()).fillna(0.0).to_numpy(np.float64) / 1000
    last_ms = float(end.max())
    start_s, end_s = window(start_ms, end_ms, last_ms)
    ax = new_axes(ax, 8, 2.7)

    operations = alignments["operation"].to_numpy(object)
    shown_mask = (middle >= start_s) & (middle <= end_s)
    labels = []
    for row, (operation, (plural, colour)) in enumerate(_OPERATIONS.items()):
        positions = middle[shown_mask & (operations == operation)]
        width = 1.4 if len(positions) <= 150 else 0.8
        ax.vlines(positions, row - 0.36, row + 0.36, color=colour, linewidth=width)
        labels.append(f"{len(positions):,} {operation if len(positions) == 1 else plural}")
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    clock_axis(ax, start_s, end_s, last_ms / 1000)
    style_axes(ax, grid="x", keep=("bottom",))
    stretch_s, padding = _counts(ax, middle[shown_mask & (operations != "hit")], start_s, end_s)
    title = drawn_text(alignments["audio_id"].iloc[0])
    ax.set_title(title, loc="left", fontsize="medium", parse_math=False, y=1, pad=padding)
    ax.set_title(
        f"errors in each {stretch_text(stretch_s)}", loc="right", fontsize="small", color=GREY, y=1, pad=padding
    )
    return ax


def _counts(ax: Axes, positions: FloatArray, start_s: float, end_s: float) -> tuple[int, float]:
    """Draw the number of errors in each stretch above `ax`; return the stretch's length and the padding of a title."""
    from matplotlib.ticker import MaxNLocator

    stretch_s = next((step for step in _STRETCH_S if (end_s - start_s) / step <= _STRETCHES), _STRETCH_S[-1])
    strip, padding = strip_above(ax, gap_in=_GAP, height_in=_STRIP)
    edges = np.arange(start_s, end_s + stretch_s, stretch_s, dtype=np.float64)
    counts, _ = np.histogram(positions, edges)
    strip.bar(edges[:-1], counts, width=stretch_s * 0.9, align="edge", color=GREY)
    strip.set_xlim(start_s, end_s)
    strip.set_ylim(0, max(1, int(counts.max(initial=0))) * 1.05)
    strip.set_xticks([])
    strip.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    strip.tick_params(axis="y", labelsize="small", length=2)
    style_axes(strip, keep=("left",))
    return stretch_s, padding
