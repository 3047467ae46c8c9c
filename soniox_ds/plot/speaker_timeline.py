"""Plot of the speaker turns of a recording.

Conventions: the function draws a table on axes and returns the axes; only positions are computed here. Each speaker has
a colour and a row with the name beside it. Turns are bars as long as readers can tell them apart; for longer
recordings, a row shows the share of each stretch of time in which the speaker talked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from soniox_ds._display.colours import SPEAKER_COLOURS, speaker_colours
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.speakers.diarization import diarization_errors
from soniox_ds.metrics.speakers.turns import milliseconds, turns_of, warn_about_hasty_turns
from soniox_ds.plot.style import (
    GREY,
    FloatArray,
    clock_axis,
    drawn_text,
    ink,
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
    references: pd.DataFrame | None = None,
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
    references
        Turns that a person or another system has marked: ``schema.TURNS``, or ``schema.WORDS``. Their rows are above
        those of `transcripts`. `diarization_errors` finds the reference speaker whose colour a speaker gets.
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
        The overview is ``ax.child_axes[0]``. There are twelve colours, which are used again from the first. If shares
        of time are drawn, the right title names the stretch.

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
    turns = _turns(transcripts, audio_id, "turns")
    if turns.empty:
        raise InputError("there are no turns to draw; speaker_turns(words) makes them from diarized words.")
    shown_id = str(turns["audio_id"].iloc[0])
    above = turns.iloc[:0] if references is None else _turns(references, shown_id, "reference turns")
    last_s = float(max(table["end_ms"].max() for table in (turns, above) if len(table))) / 1000
    start_s, end_s = window(start_ms, end_ms, last_s * 1000)
    overview = (start_ms is not None or end_ms is not None) if overview is None else overview

    rows = _rows(turns, labels)
    if len(above):
        # Speakers of references often have names, which need no "speaker" before them.
        reference_rows = _rows(above, {name: name for name in map(str, above["speaker"]) if not name.isdigit()})
        mapping = json.loads(diarization_errors(turns, above)["mapping"].iloc[0])
        rows = [
            *(row._replace(label=f"{row.label} (reference)") for row in reference_rows),
            *_coloured_as(reference_rows, rows, mapping),
        ]
    overview_in = _GAP + _STRIP * max(len(rows), 3) if overview else 0.0
    ax = new_axes(ax, 8, 1.0 + 0.45 * len(rows) + overview_in)

    stretch_s = _draw(ax, rows, start_s, end_s, **bar_kws)
    if len(above):
        ax.axhline(above["speaker"].nunique() - 0.5, color=GREY, linewidth=0.8)
    ax.set_yticks(range(len(rows)), [row.label for row in rows], parse_math=False)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    clock_axis(ax, start_s, end_s, last_s)
    style_axes(ax, grid="x", keep=("bottom",))

    # The title goes above the overview, if there is one.
    title_position: dict[str, Any] = {"y": 1, "pad": _overview(ax, rows, (start_s, end_s), last_s)} if overview else {}
    title = drawn_text(shown_id)
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


class _Row(NamedTuple):
    """The turns of one speaker."""

    speaker: str
    label: str
    colour: str
    start_s: FloatArray
    end_s: FloatArray


def _turns(source: Transcripts, audio_id: str | None, name: str) -> pd.DataFrame:
    """Return the checked turns of one recording that have a speaker and times."""
    turns = turns_of(source)
    need(turns, "audio_id", "speaker", "start_ms", "end_ms", name=name)
    turns = need_milliseconds(turns, name)
    timed = turns.dropna(subset=["start_ms", "end_ms"])
    warn_about_hasty_turns(*milliseconds(timed, name), pd.factorize(timed["audio_id"])[0], name)
    no_duplicates(turns, name, "audio_id", "speaker", "start_ms", "end_ms")
    return one_recording(turns, audio_id, rows=name, shows="a timeline").dropna(
        subset=["speaker", "start_ms", "end_ms"]
    )


def _rows(turns: pd.DataFrame, labels: Mapping[str, str] | None) -> list[_Row]:
    """Return the rows of the speakers in the order of first speaking."""
    first_ms = turns.groupby("speaker", sort=False)["start_ms"].min().sort_values(kind="stable")
    speakers = [str(speaker) for speaker in first_ms.index]
    is_named = turns["speaker_label"].notna() if "speaker_label" in turns else pd.Series(False, index=turns.index)
    names = {name: name for name in turns.loc[is_named, "speaker"]} | dict(labels or {})
    rows = []
    for speaker, colour in speaker_colours(speakers).items():
        turns_s = turns.loc[turns["speaker"] == speaker, ["start_ms", "end_ms"]].to_numpy(np.float64) / 1000
        label = drawn_text(names.get(speaker, f"speaker {speaker}"))
        rows.append(_Row(speaker, label, colour, turns_s[:, 0], turns_s[:, 1]))
    return rows


def _coloured_as(reference_rows: list[_Row], rows: list[_Row], mapping: Mapping[str, str]) -> list[_Row]:
    """Give each row the colour of the reference speaker that its speaker is mapped to, or a colour of its own."""
    colours = {row.speaker: row.colour for row in reference_rows}
    others = islice(cycle(SPEAKER_COLOURS), len(colours), None)
    return [
        row._replace(colour=colours[mapping[row.speaker]] if row.speaker in mapping else next(others)) for row in rows
    ]


def _draw(ax: Axes, rows: list[_Row], start_s: float, end_s: float, **bar_kws: Any) -> int | None:
    """Draw bars, or shares of time if bars would run together. Return the seconds of a stretch if shares are drawn."""
    shown_masks = [(row.start_s < end_s) & (row.end_s > start_s) for row in rows]
    lengths = np.concatenate([(row.end_s - row.start_s)[mask] for row, mask in zip(rows, shown_masks, strict=True)])
    as_shares = len(lengths) > _STRETCHES and float(np.median(lengths)) < (end_s - start_s) * _SHORTEST
    stretch_s = next((step for step in _STRETCH_S if (end_s - start_s) / step <= _STRETCHES), _STRETCH_S[-1])
    for place, ((_, _, colour, start, end), shown) in enumerate(zip(rows, shown_masks, strict=True)):
        if as_shares:
            edges = np.arange(start_s, end_s + stretch_s, stretch_s, dtype=np.float64)
            share = np.clip(share_per_bin(start[shown], end[shown], edges), 0, 1)
            base = place + _BAR / 2
            style: dict[str, Any] = {"facecolor": colour, "linewidth": 0, "step": "post"}
            ax.fill_between(edges, base, base - _BAR * np.append(share, share[-1]), **{**style, **bar_kws})
            ax.axhline(base, color=colour, linewidth=0.8)
        else:
            # A thin edge in the colour of the bar keeps turns visible that are shorter than a dot.
            style = {"facecolor": colour, "edgecolor": colour, "linewidth": 0.6}
            bars = list(zip(start[shown].tolist(), (end - start)[shown].tolist(), strict=True))
            ax.broken_barh(bars, (place - _BAR / 2, _BAR), **{**style, **bar_kws})
    return stretch_s if as_shares else None


def _overview(ax: Axes, rows: list[_Row], window_s: tuple[float, float], last_s: float) -> float:
    """Draw the whole recording above `ax`, with the window framed; return the padding of a title in points."""
    strip, padding = strip_above(ax, gap_in=_GAP, height_in=_STRIP * max(len(rows), 3))
    _draw(strip, rows, 0.0, last_s)
    strip.set_ylim(len(rows) - 0.4, -0.6)
    clock_axis(strip, 0.0, last_s)
    strip.set_xlabel("")
    strip.set_yticks([])
    strip.tick_params(axis="x", labelsize="small", length=2, pad=1)
    style_axes(strip, keep=("bottom",))
    strip.axvspan(*window_s, facecolor="none", edgecolor=ink(ax), linewidth=1.2, clip_on=False, zorder=5)
    return padding
