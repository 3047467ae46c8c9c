"""Plots of the timing of live transcription: arrival of the tokens, and distribution of the lags.

Conventions: each function draws a table on axes and returns the axes; only positions and ranks are computed here. Times
are seconds since the first audio. A hollow mark is the time when a word was first shown, a filled mark the time when
it was settled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.latency.summaries import observed_ranks
from soniox_ds.metrics.latency.tokens import LiveTables, token_latencies
from soniox_ds.plot.style import (
    BLUE,
    COLOURS,
    GREY,
    LINES,
    ORANGE,
    FloatArray,
    clock_axis,
    drawn_text,
    groups_of,
    new_axes,
    numbers,
    style_axes,
    window,
)
from soniox_ds.schema import need, no_duplicates
from soniox_ds.schema.selection import one_recording

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["lag_distribution", "token_arrival"]

_LAGS = {
    "first_lag_ms": ("first shown", ORANGE, "--"),
    "finalization_lag_ms": ("settled", BLUE, "-"),
    "translation_lag_ms": ("translated", COLOURS[2], "-."),
}
_PERCENTILES = ((0.5, "o"), (0.95, "s"))


def token_arrival(
    latencies: pd.DataFrame | LiveTables,
    *,
    audio_id: str | None = None,
    start_ms: int | None = None,
    end_ms: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw when each token of a recording was handed over, first shown and settled, against its place in the audio.

    Parameters
    ----------
    latencies
        ``schema.TOKEN_LATENCIES``, or the `LiveResult` that they are computed from.
    audio_id
        Recording to draw, if there are several.
    start_ms, end_ms
        Show only this window of the audio. If several minutes of audio are drawn, a lag of one second is hardly
        visible.
    ax
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    Axes
        Horizontally the end of each token in the audio, vertically seconds since the first audio. The grey line shows
        when the audio up to each place had been sent; if audio is sent in real time, it is the diagonal. The height of
        a point above the line is the lag.

    Raises
    ------
    SchemaError
        If a column is missing, or a token occurs twice.
    InputError
        If there are several recordings and `audio_id` is not given; if no token has a time; or if the window is empty
        or in seconds.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> latencies = pd.DataFrame({
    ...     "audio_id": "a.wav", "token_index": [0, 1], "end_ms": [300, 900], "end_sent_ms": [300, 900],
    ...     "received_ms": [900, 1500], "final_ms": [1600, 1700],
    ... })
    >>> ax = sx.plot.token_arrival(latencies)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['audio handed over', 'first shown', 'settled']
    """
    table = _table(latencies)
    need(table, "audio_id", "token_index", "end_ms", "end_sent_ms", "received_ms", "final_ms", name="latencies")
    no_duplicates(table, "latencies", "audio_id", "token_index")
    table = one_recording(table, audio_id, rows="tokens", shows="this plot").dropna(subset=["end_ms", "final_ms"])
    if table.empty:
        raise InputError("no token has a time in the audio, so there is nothing to draw.")
    audio, sent, received, final = numbers(table, "end_ms", "end_sent_ms", "received_ms", "final_ms").T / 1000
    start_s, end_s = window(start_ms, end_ms, float(np.nanmax(audio)) * 1000)
    shown = (audio >= start_s) & (audio <= end_s)
    if not shown.any():
        raise InputError(f"no token lies between start_ms={start_ms} and end_ms={end_ms}, so there is nothing to draw.")
    order = np.argsort(audio, kind="stable")
    ax = new_axes(ax, 8, 4.2)

    size = 12.0 if shown.sum() <= 200 else 6.0
    ax.plot(audio[order], sent[order], color=GREY, linewidth=1.4, label="audio handed over", zorder=1)
    ax.vlines(audio[shown], received[shown], final[shown], color=GREY, linewidth=0.6, alpha=0.6, zorder=1)
    # Rings around dots, because a token may be settled by the message that first shows it.
    ring: dict[str, Any] = {"facecolors": "none", "edgecolors": ORANGE, "linewidths": 1.2, "clip_on": False}
    ax.scatter(audio[shown], received[shown], s=3 * size, label="first shown", zorder=2, **ring)
    ax.scatter(audio[shown], final[shown], s=size, color=BLUE, linewidths=0, label="settled", zorder=3, clip_on=False)
    clock_axis(ax, start_s, end_s, float(np.nanmax(audio)))
    ax.set_xlabel(f"place in the audio {ax.get_xlabel().removeprefix('time ')}")
    moments = np.concatenate([sent[shown], received[shown], final[shown]])
    low, high = float(np.nanmin(moments)), float(np.nanmax(moments))
    ax.set_ylim(min(low, start_s) if start_s == 0 else low - 0.1 * (high - low), high + 0.05 * (high - low) + 0.01)
    ax.set_ylabel("since the first audio (s)")
    style_axes(ax, grid="both")
    ax.legend(loc="upper left", frameon=False, fontsize="small")
    ax.set_title(drawn_text(table["audio_id"].iloc[0]), loc="left", fontsize="medium", parse_math=False)
    return ax


def lag_distribution(
    latencies: pd.DataFrame | LiveTables,
    *,
    by: str | None = None,
    lag: str = "finalization_lag_ms",
    ax: Axes | None = None,
) -> Axes:
    """Draw the share of tokens that arrived within each lag, and mark the median and the 95th percentile.

    Parameters
    ----------
    latencies
        ``schema.TOKEN_LATENCIES``, or the `LiveResult` that they are computed from.
    by
        Column with a curve for each value, such as ``"audio_id"`` or ``"settled_by"``. None draws all tokens together,
        with one curve for when they were first shown and one for when they were settled.
    lag
        Lag to draw with `by`: ``"finalization_lag_ms"``, ``"first_lag_ms"`` or ``"translation_lag_ms"``.
    ax
        Axes to draw on; by default those of a new figure.

    Returns
    -------
    Axes
        On each curve, a dot is the median and a square the 95th percentile; both are observed values.

    Raises
    ------
    SchemaError
        If a column is missing.
    InputError
        If no token has a lag, `lag` is not a name listed above, or there are more than seven groups.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> latencies = pd.DataFrame({"first_lag_ms": [400, 600, 700], "finalization_lag_ms": [900, 1300, 2000]})
    >>> ax = sx.plot.lag_distribution(latencies)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['first shown: 0.60 s, 95 % within 0.70 s', 'settled: 1.30 s, 95 % within 2.00 s']
    """
    if lag not in _LAGS:
        raise InputError(f"lag is {lag!r}; it can be {', '.join(map(repr, _LAGS))}.")
    table = _table(latencies)
    curves: list[tuple[str, FloatArray, str, str]] = []
    if by is not None:
        need(table, by, lag, name="latencies")
        groups = groups_of(table.dropna(subset=[lag]), [by], "")
        for number, (name, part) in enumerate(groups.items()):
            curves.append((name, numbers(part, lag)[:, 0], COLOURS[number], LINES[number % len(LINES)]))
    else:
        need(table, "first_lag_ms", "finalization_lag_ms", name="latencies")
        for column, (name, colour, line) in _LAGS.items():
            if column in table and len(values := numbers(table.dropna(subset=[column]), column)[:, 0]):
                curves.append((name, values, colour, line))
    if not curves:
        raise InputError("no token has such a lag, so there is nothing to draw; packed audio formats have none.")
    ax = new_axes(ax, 6, 4)
    for name, values, colour, line in curves:
        ordered = np.sort(values) / 1000
        share = np.arange(1, len(ordered) + 1) / len(ordered)
        percentiles = ordered[
            observed_ranks(np.ones((1, len(ordered))), np.array([part for part, _ in _PERCENTILES]))[0]
        ]
        label = f"{name}: {percentiles[0]:.2f} s, 95 % within {percentiles[1]:.2f} s"
        ax.step(np.append(ordered[0], ordered), np.append(0, share), where="post", color=colour, linestyle=line)
        for (share_within, marker), lag_s in zip(_PERCENTILES, percentiles, strict=True):
            legend: dict[str, Any] = (
                {"label": label, "linestyle": line} if share_within == 0.5 else {"linestyle": "none"}
            )
            ax.plot(lag_s, share_within, color=colour, marker=marker, markersize=6, **legend)
    ax.set_xlim(left=min(0.0, float(ax.get_xlim()[0])))
    ax.set(ylim=(0, 1.02), xlabel="lag (s)", ylabel="share of the tokens")
    style_axes(ax, grid="both")
    ax.legend(loc="lower right", frameon=False, fontsize="small")
    return ax


def _table(latencies: pd.DataFrame | LiveTables) -> pd.DataFrame:
    return latencies if isinstance(latencies, pd.DataFrame) else token_latencies(latencies)
