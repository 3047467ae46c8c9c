"""Style of all plots: colours, axes, times and labels.

Conventions: colours are those of Okabe and Ito, "Color Universal Design", 2008, which colour-blind readers can tell
apart. Lines without a colour, and hollow marks, follow the axes (`ink`, `paper`), so that plots can be read in the dark
styles of matplotlib. Position, marker or line style always repeats the meaning of a colour, so that nothing is lost in
grey print. Text from data is drawn literally: no formulas, no control characters, shortened in the middle if it is
long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._display import clock, visible
from soniox_ds.exceptions import InputError
from soniox_ds.schema.arguments import checked_window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "BLUE",
    "COLOURS",
    "GREEN",
    "GREY",
    "LINES",
    "MARKERS",
    "ORANGE",
    "PINK",
    "SKY",
    "VERMILION",
    "YELLOW",
    "FloatArray",
    "clock_axis",
    "drawn_text",
    "group_columns",
    "group_labels",
    "groups_of",
    "ink",
    "new_axes",
    "numbers",
    "paper",
    "share_per_bin",
    "stretch_text",
    "strip_above",
    "style_axes",
    "window",
]

BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, YELLOW = COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
)
GREY = "#767676"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")

FloatArray = npt.NDArray[np.float64]

_LONG_S = 180
_HOURS_S = 3600
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400)
_TICKS = 8
_LONGEST = 36


def new_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return `ax`, or the axes of a new figure of this size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    figure, new_ax = plt.subplots(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)  # type: ignore[union-attr, call-arg]  # it is there
    return new_ax


def style_axes(ax: Axes, *, grid: str | None = None, keep: Sequence[str] = ("left", "bottom")) -> None:
    """Remove unneeded spines, and draw a light grid behind everything, along "x", "y" or "both"."""
    ax.spines[[side for side in ("top", "right", "left", "bottom") if side not in keep]].set_visible(False)
    if grid:
        ax.grid(axis=grid, alpha=0.3, linewidth=0.6)  # type: ignore[arg-type]  # the stubs want a literal
    ax.set_axisbelow(True)
    if "left" not in keep:
        ax.tick_params(axis="y", length=0)


def ink(ax: Axes) -> Any:
    """Return the colour of the text of axes: black, or white in a dark style."""
    return ax.xaxis.label.get_color()


def paper(ax: Axes) -> str:
    """Return the colour of the background of axes, with which hollow marks are filled."""
    from matplotlib.colors import to_hex

    return to_hex(ax.get_facecolor())


def drawn_text(value: Any) -> str:
    """Return a label in a form that can be drawn.

    >>> drawn_text("a" * 50), drawn_text("two\\nlines"), drawn_text(None)
    ('aaaaaaaaaaaaaaaaa…aaaaaaaaaaaaaaaaaa', 'two lines', 'not known')
    """
    if value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value))):
        return "not known"
    line = visible(value)
    half = _LONGEST // 2
    return line if len(line) <= _LONGEST else f"{line[: half - 1]}…{line[-half:]}"


def group_columns(table: pd.DataFrame, known: Sequence[str], by: str | Sequence[str] | None) -> list[str]:
    """Return the columns of the groups: those in `by`, otherwise all columns before the first known one."""
    if by is not None:
        return [by] if isinstance(by, str) else list(by)
    names = [str(name) for name in table.columns]
    n_groups = next((number for number, name in enumerate(names) if name in known), 0)
    return names[:n_groups]


def group_labels(table: pd.DataFrame, columns: Sequence[str], single: str) -> list[str]:
    """Return a label for each row; `single` if there are no groups."""
    if not columns:
        return [single] * len(table)
    return [" · ".join(drawn_text(value) for value in row) for row in table[list(columns)].itertuples(index=False)]


def groups_of(table: pd.DataFrame, columns: Sequence[str], single: str) -> dict[str, pd.DataFrame]:
    """Return the rows of each group by its label, in the order of the table.

    Raises InputError if there are more groups than readers can tell apart.
    """
    labels = pd.Series(group_labels(table, list(columns), single), index=table.index, dtype="object")
    groups = {str(name): part for name, part in table.groupby(labels, sort=False)} if len(table) else {}
    if len(groups) > len(COLOURS):
        raise InputError(
            f"{len(groups)} groups cannot be distinguished in one plot; draw at most {len(COLOURS)}, or draw each "
            "group on its own axes."
        )
    return groups


def window(start_ms: int | None, end_ms: int | None, last_ms: float) -> tuple[float, float]:
    """Return the window to show, in seconds, of a recording that ends at `last_ms`.

    Raises InputError if the window is empty, or if a bound is not a whole number of milliseconds.
    """
    first, last = checked_window(start_ms, end_ms, last_ms)
    start = 0.0 if first is None else first / 1000
    end = last_ms / 1000 if last is None else last / 1000
    if start_ms is None and end_ms is None:
        return 0.0, end or 1.0
    if not start < end:
        raise InputError(
            f"from start_ms={start_ms} to end_ms={end_ms} there is nothing to show; both are in milliseconds, and the "
            f"recording ends at {last_ms:.0f}."
        )
    return start, end


def clock_axis(ax: Axes, start_s: float, end_s: float, last_s: float | None = None) -> None:
    """Label the horizontal axis in seconds; from three minutes on in minutes and seconds, from one hour on in hours.

    `last_s` is the end of the recording, if only a part is shown.
    """
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    ax.set_xlim(start_s, end_s)
    last_s = max(end_s, last_s or 0.0)
    if last_s < _LONG_S:
        ax.set_xlabel("time (s)")
        return
    step_s = next((step for step in _STEPS_S if (end_s - start_s) / step <= _TICKS), _STEPS_S[-1])
    hours = last_s >= _HOURS_S
    ax.xaxis.set_major_locator(MultipleLocator(step_s))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda second, _: clock(1000 * second, hours=hours)))
    ax.set_xlabel("time (h:min:s)" if hours else "time (min:s)")


def numbers(table: pd.DataFrame, *columns: str) -> FloatArray:
    """Return the columns as a float64 array, with NaN for missing values."""
    values: FloatArray = table[list(columns)].astype("Float64").to_numpy(np.float64, na_value=np.nan)
    return values


def share_per_bin(start: FloatArray, end: FloatArray, edges: FloatArray) -> FloatArray:
    """Return the share of each bin that the spans cover. Overlapping spans are counted repeatedly.

    >>> share_per_bin(np.array([0.0, 5.0]), np.array([1.0, 20.0]), np.array([0.0, 10.0, 20.0])).tolist()
    [0.6, 1.0]
    """
    # The time covered before each edge is the sum of the parts of all spans that lie before it.
    start, end = np.sort(start), np.sort(end)
    n_begun, n_ended = np.searchsorted(start, edges), np.searchsorted(end, edges)
    start_sums, end_sums = np.append(0.0, np.cumsum(start)), np.append(0.0, np.cumsum(end))
    covered = edges * (n_begun - n_ended) - start_sums[n_begun] + end_sums[n_ended]
    share: FloatArray = np.clip(np.diff(covered) / np.diff(edges), 0.0, None)
    return share


def stretch_text(stretch_s: int) -> str:
    """Write the length of a stretch of time.

    >>> stretch_text(30), stretch_text(120)
    ('30 s', '2 min')
    """
    return f"{stretch_s} s" if stretch_s < 60 else f"{stretch_s // 60} min"


def strip_above(ax: Axes, *, gap_in: float, height_in: float) -> tuple[Axes, float]:
    """Add axes of fixed height above `ax`, as wide as it; return them and the padding in points of a title of `ax`.

    Sizes are in inches, not shares of `ax`, so that a layout that resizes `ax` has room for them at once.
    """
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    from_top = ax.figure.dpi_scale_trans + ScaledTranslation(0, 1, cast(Any, ax.transAxes))
    strip = ax.inset_axes((0, gap_in, 1, height_in), transform=blended_transform_factory(ax.transAxes, from_top))
    return strip, 72 * (gap_in + height_in) + 5
