"""Plot of the speaker turns of a recording.

Conventions: the function draws a table on axes and returns the axes; only positions are computed here. Each speaker has
a colour and a row with the name beside it. Turns are bars as long as readers can tell them apart; for longer
recordings, a row shows the share of each stretch of time in which the speaker talked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.speakers.turn_tables import milliseconds, turns_of, warn_about_hasty_turns
from soniox_ds.plot.style import (
    COLOURS,
    GREY,
    FloatArray,
    clock_axis,
    drawn_text,
    new_axes,
    share_per_bin,
    stretch_text,
    strip_above,
    style_axes,
    window,
)
from soniox_ds.schema import need, need_milliseconds, no_duplicates
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.schema.selection import one_recording

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["timeline"]

_BAR = 0.7
_SHORTEST = 1 / 600  # of the width; if most turns are shorter, bars would run together
_STRETCHES = 240
_STRETCH_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600)
_STRIP = 0.1  # height of a speaker's row in the overview, inches
_GAP = 0.32  # between the overview and the axes, inches


def timeline(
    transcripts: Transcripts,
    *,
    audio_id: str | None = None,
    start_ms: int | None = None,
    end_ms: int | None = None,
    overview: bool | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    **bar_kws: Any,
) -> Axes:
    """Draw the turns of one recording, with a row for each speaker in the order of first speaking, from the top.

    Parameters
    ----------
    transcripts
        ``schema.TURNS``; or a corpus or ``schema.WORDS``, which `speaker_turns` is applied to.
    audio_id
        Recording to show, if the table has several.
    start_ms, end_ms
        Show only this window. Rows and colours stay those of the whole recording.
    overview
        If True, draw a strip of the whole recording above, with the window framed; by default only with a window.
    labels
        Names to write instead of the speakers' labels. Other speakers keep their label, or the name that
        `Corpus.rename_speakers` gave.
    ax
        Axes to draw on; by default those of a new figure, as high as the speakers need. If the figure has other axes
        too, make it with ``layout="constrained"``, so that labels do not overlap them.
    **bar_kws
        Passed on to ``Axes.broken_barh`` (to ``Axes.fill_between`` if shares are drawn).

    Returns
    -------
    Axes
        Axes with seconds on the horizontal axis; minutes and seconds from three minutes on, hours from one hour on.
        The overview is ``ax.child_axes[0]``. If shares of time are drawn, the right title names the stretch.

    Raises
    ------
    SchemaError
        If a column is missing, a turn occurs twice, or a time is impossible or has a fraction.
    InputError
        If there are several recordings and `audio_id` is not among them, there is no turn to draw, or the window is
        empty.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> turns = pd.DataFrame({
    ...     "audio_id": "call.wav",
    ...     "speaker": ["1", "2", "1"],
    ...     "start_ms": [0, 900, 1500],
    ...     "end_ms": [600, 1200, 1800],
    ... })
    >>> ax = sx.plot.timeline(turns, labels={"1": "agent"})
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['agent', 'speaker 2']
    """
    turns = turns_of(transcripts)
    need(turns, "audio_id", "speaker", "start_ms", "end_ms", name="turns")
    turns = need_milliseconds(turns, "turns")
    timed = turns.dropna(subset=["start_ms", "end_ms"])
    warn_about_hasty_turns(*milliseconds(timed, "turns"), pd.factorize(timed["audio_id"])[0], "turns")
    no_duplicates(turns, "turns", "audio_id", "speaker", "start_ms", "end_ms")
    turns = one_recording(turns, audio_id, rows="turns", shows="a timeline").dropna(
        subset=["speaker", "start_ms", "end_ms"]
    )
    if turns.empty:
        raise InputError("there are no turns to draw; speaker_turns(words) makes them from diarized words.")
    last_s = float(turns["end_ms"].max()) / 1000
    start_s, end_s = window(start_ms, end_ms, last_s * 1000)
    overview = (start_ms is not None or end_ms is not None) if overview is None else overview

    first_ms = turns.groupby("speaker", sort=False)["start_ms"].min().sort_values(kind="stable")
    speakers = [str(speaker) for speaker in first_ms.index]
    overview_in = _GAP + _STRIP * max(len(speakers), 3) if overview else 0.0
    ax = new_axes(ax, 8, 1.0 + 0.45 * len(speakers) + overview_in)

    spans = []
    for speaker in speakers:
        turns_s = turns.loc[turns["speaker"] == speaker, ["start_ms", "end_ms"]].to_numpy(np.float64) / 1000
        spans.append((turns_s[:, 0], turns_s[:, 1]))
    stretch_s = _draw(ax, spans, start_s, end_s, **bar_kws)
    is_named = turns["speaker_label"].notna() if "speaker_label" in turns else pd.Series(False, index=turns.index)
    names = {name: name for name in turns.loc[is_named, "speaker"]} | dict(labels or {})
    row_labels = [drawn_text(names.get(speaker, f"speaker {speaker}")) for speaker in speakers]
    ax.set_yticks(range(len(speakers)), row_labels, parse_math=False)
    ax.set_ylim(len(speakers) - 0.5, -0.5)
    clock_axis(ax, start_s, end_s, last_s)
    style_axes(ax, grid="x", keep=("bottom",))

    # The title goes above the overview, if there is one.
    title_position: dict[str, Any] = {"y": 1, "pad": _overview(ax, spans, (start_s, end_s), last_s)} if overview else {}
    title = drawn_text(turns["audio_id"].iloc[0])
    ax.set_title(title, loc="left", fontsize="medium", parse_math=False, **title_position)
    if stretch_s:
        ax.set_title(
            f"height: share of each {stretch_text(stretch_s)}",
            loc="right",
            fontsize="small",
            color=GREY,
            **title_position,
        )
    return ax


def _draw(
    ax: Axes, spans: list[tuple[FloatArray, FloatArray]], start_s: float, end_s: float, **bar_kws: Any
) -> int | None:
    """Draw bars, or shares of time if bars would run together. Return the seconds of a stretch if shares are drawn."""
    shown_masks = [(start < end_s) & (end > start_s) for start, end in spans]
    lengths = np.concatenate([(end - start)[shown] for (start, end), shown in zip(spans, shown_masks, strict=True)])
    as_shares = len(lengths) > _STRETCHES and float(np.median(lengths)) < (end_s - start_s) * _SHORTEST
    stretch_s = next((step for step in _STRETCH_S if (end_s - start_s) / step <= _STRETCHES), _STRETCH_S[-1])
    for row, ((start, end), shown) in enumerate(zip(spans, shown_masks, strict=True)):
        colour = COLOURS[row % len(COLOURS)]
        if as_shares:
            edges = np.arange(start_s, end_s + stretch_s, stretch_s, dtype=np.float64)
            share = np.clip(share_per_bin(start[shown], end[shown], edges), 0, 1)
            base = row + _BAR / 2
            style: dict[str, Any] = {"facecolor": colour, "linewidth": 0, "step": "post"}
            ax.fill_between(edges, base, base - _BAR * np.append(share, share[-1]), **{**style, **bar_kws})
            ax.axhline(base, color=colour, linewidth=0.8)
        else:
            # A thin edge in the colour of the bar keeps turns visible that are shorter than a dot.
            style = {"facecolor": colour, "edgecolor": colour, "linewidth": 0.6}
            bars = list(zip(start[shown].tolist(), (end - start)[shown].tolist(), strict=True))
            ax.broken_barh(bars, (row - _BAR / 2, _BAR), **{**style, **bar_kws})
    return stretch_s if as_shares else None


def _overview(
    ax: Axes, spans: list[tuple[FloatArray, FloatArray]], window_s: tuple[float, float], last_s: float
) -> float:
    """Draw the whole recording above `ax`, with the window framed; return the padding of a title in points."""
    strip, padding = strip_above(ax, gap_in=_GAP, height_in=_STRIP * max(len(spans), 3))
    _draw(strip, spans, 0.0, last_s)
    strip.set_ylim(len(spans) - 0.4, -0.6)
    clock_axis(strip, 0.0, last_s)
    strip.set_xlabel("")
    strip.set_yticks([])
    strip.tick_params(axis="x", labelsize="small", length=2, pad=1)
    style_axes(strip, keep=("bottom",))
    strip.axvspan(*window_s, facecolor="none", edgecolor="black", linewidth=1.2, clip_on=False, zorder=5)
    return padding
