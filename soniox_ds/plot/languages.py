"""Plot of the confusion of languages.

Conventions: the function draws a table on axes and returns the axes; nothing is computed here. Each cell has its share
written in it, so that the shade adds no information.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from soniox_ds._display import duration_text
from soniox_ds.exceptions import InputError
from soniox_ds.plot.style import drawn_text, new_axes, numbers, paper
from soniox_ds.schema import need, no_duplicates
from soniox_ds.schema.inputs import refuse_transcripts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["language_confusion"]

_CELL = 0.72  # inches
_DARK = 0.62  # from this share on, white text is easier to read than black


def language_confusion(confusion: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the time of each spoken language that was identified as each language, as shares and as durations.

    Parameters
    ----------
    confusion
        ``schema.LANGUAGE_CONFUSION``, as `sx.metrics.language_confusion` returns it. Time without a language on either
        side is left out.
    ax
        Axes to draw on; by default those of a new figure, as large as the languages need. If the figure has other axes
        too, make it with ``layout="constrained"``, so that labels do not overlap them.

    Returns
    -------
    Axes
        Rows are the spoken languages and add up to 100 %, columns are the identified languages.

    Raises
    ------
    SchemaError
        If a column is missing, or a pair of languages occurs twice.
    InputError
        If no time has a language on both sides.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> confusion = pd.DataFrame({
    ...     "reference_language": ["de", "de", "en", "en"], "language": ["de", "en", "de", "en"],
    ...     "time_ms": [54_000, 6_000, 0, 90_000], "share": [0.9, 0.1, 0.0, 1.0],
    ... })
    >>> ax = sx.plot.language_confusion(confusion)
    >>> [text.get_text().replace("\\n", " ") for text in ax.texts]
    ['90% 54.0 s', '10% 6.0 s', '·', '100% 1.5 min']
    """
    refuse_transcripts(
        confusion,
        "a table of confusions",
        "sx.plot.language_confusion(sx.metrics.language_confusion(corpus, references))",
    )
    need(confusion, "reference_language", "language", "time_ms", "share", name="confusion")
    no_duplicates(confusion, "confusion", "reference_language", "language")
    confusion = confusion.dropna(subset=["reference_language", "language", "share"])
    if confusion.empty:
        raise InputError("no time has a language on both sides; transcribe with enable_language_identification=True.")
    references = sorted(confusion["reference_language"].unique())
    hypotheses = sorted({*references, *confusion["language"]})
    ax = new_axes(ax, 1.5 + _CELL * len(hypotheses), 1.2 + _CELL * len(references))
    rows = pd.Index(references).get_indexer(confusion["reference_language"])
    columns = pd.Index(hypotheses).get_indexer(confusion["language"])
    shares = np.full((len(references), len(hypotheses)), np.nan)
    shares[rows, columns] = numbers(confusion, "share")[:, 0]
    ax.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1, aspect="equal")
    for row, column, share, time_ms in zip(rows, columns, *numbers(confusion, "share", "time_ms").T, strict=True):
        if time_ms:
            colour = "white" if share >= _DARK else "black"
            text = f"{share:.0%}\n{duration_text(time_ms)}" if share >= 0.005 else f"<1%\n{duration_text(time_ms)}"
        else:
            colour, text = "#767676", "·"
        ax.text(column, row, text, ha="center", va="center", color=colour, fontsize="small")
    ax.set_xticks(range(len(hypotheses)), list(map(drawn_text, hypotheses)), parse_math=False)
    ax.set_yticks(range(len(references)), list(map(drawn_text, references)), parse_math=False)
    ax.set(xlabel="taken for", ylabel="spoken")
    ax.set_xticks(np.arange(len(hypotheses) + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(len(references) + 1) - 0.5, minor=True)
    ax.grid(which="minor", color=paper(ax), linewidth=2)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    return ax
