"""Who spoke when, drawn.

Conventions: a table and an ax in, the ax out; nothing is computed here but positions. Colours are those of Okabe and
Ito, "Color Universal Design", 2008, which stay apart for colour-blind readers; since a speaker also has a row of
their own with a name beside it, nothing is lost in grey print.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from soniox_ds.errors import InputError
from soniox_ds.schema import need

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_timeline"]

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
_LONG_MS = 180_000
_STEPS_S = (30, 60, 120, 300, 600, 900, 1800, 3600)
_BAR = 0.7


def plot_timeline(
    turns: pd.DataFrame,
    *,
    audio_id: str | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    **bar_kws: Any,
) -> Axes:
    """Draw one recording's turns, a row for each speaker in the order of first speaking, the first on top.

    Parameters
    ----------
    turns
        ``schema.TURNS``; `speaker_turns` makes it from words.
    audio_id
        Which recording, where the table holds several.
    labels
        Names to write for the speakers' labels; others keep their label.
    ax
        Where to draw; a new figure as high as the speakers need when absent.
    **bar_kws
        Passed on to ``Axes.broken_barh``.

    Returns
    -------
    Axes
        With seconds on the horizontal axis, minutes and seconds from three minutes on.

    Raises
    ------
    SchemaError
        If a column is absent.
    InputError
        If the table holds several recordings and `audio_id` names none of them, or has no turn to draw.

    Examples
    --------
    >>> turns = pd.DataFrame({
    ...     "audio_id": "call.wav",
    ...     "speaker": ["1", "2", "1"],
    ...     "start_ms": [0, 900, 1500],
    ...     "end_ms": [600, 1200, 1800],
    ... })
    >>> ax = plot_timeline(turns, labels={"1": "agent"})
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['agent', 'speaker 2']
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    need(turns, "audio_id", "speaker", "start_ms", "end_ms")
    own = _one_recording(turns, audio_id).dropna(subset=["speaker", "start_ms", "end_ms"])
    if own.empty:
        raise InputError("there are no turns to draw; speaker_turns(words) makes them from diarized words.")
    first = own.groupby("speaker", sort=False)["start_ms"].min().sort_values(kind="stable")
    speakers = [str(speaker) for speaker in first.index]
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 0.9 + 0.45 * len(speakers)), layout="constrained")

    for row, speaker in enumerate(speakers):
        mine = own[own["speaker"] == speaker]
        start = mine["start_ms"].to_numpy(float) / 1000
        width = mine["end_ms"].to_numpy(float) / 1000 - start
        colour = _COLOURS[row % len(_COLOURS)]
        # a thin edge in the bar's own colour keeps turns visible that are shorter than a dot
        style = {"facecolor": colour, "edgecolor": colour, "linewidth": 0.6}
        spans = list(zip(start.tolist(), width.tolist(), strict=True))
        ax.broken_barh(spans, (row - _BAR / 2, _BAR), **{**style, **bar_kws})

    names = dict(labels or {})
    ax.set_yticks(range(len(speakers)), [names.get(speaker, f"speaker {speaker}") for speaker in speakers])
    ax.set_ylim(len(speakers) - 0.5, -0.5)
    end_s = float(own["end_ms"].max()) / 1000
    ax.set_xlim(0, end_s or 1)
    if end_s * 1000 >= _LONG_MS:
        step_s = next((step for step in _STEPS_S if end_s / step <= 8), _STEPS_S[-1])
        ax.xaxis.set_major_locator(MultipleLocator(step_s))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda second, _: f"{int(second) // 60}:{int(second) % 60:02d}"))
        ax.set_xlabel("time (min:s)")
    else:
        ax.set_xlabel("time (s)")
    ax.set_title(str(own["audio_id"].iloc[0]), loc="left", fontsize="medium", parse_math=False)
    ax.grid(axis="x", alpha=0.3)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax


def _one_recording(turns: pd.DataFrame, audio_id: str | None) -> pd.DataFrame:
    found = turns["audio_id"].drop_duplicates().tolist()
    if audio_id is None:
        if len(found) > 1:
            raise InputError(
                f"the table holds turns of {len(found)} recordings and a timeline shows one: "
                f"name it with audio_id=, for example audio_id={found[0]!r}."
            )
        return turns
    if audio_id not in found:
        more = " and others" if len(found) > 5 else ""
        raise InputError(f"no turns of {audio_id!r}; the table holds {found[:5]}{more}.")
    return turns[turns["audio_id"] == audio_id]
