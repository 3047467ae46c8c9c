"""Static picture of an explorer without a kernel: in a saved notebook, on a web page."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from soniox_ds._display import render
from soniox_ds.widgets.explore.table import RecordingTable

__all__ = ["MOST_ROWS", "html"]

MOST_ROWS = 20
"""Most recordings that are shown. The rest is only counted, so that the notebook stays small."""

_MOST_COLUMNS = 8


def html(head: str, table: RecordingTable, positions: npt.NDArray[np.intp]) -> str:
    """Return the first of the selected recordings as an HTML table."""
    columns = list(table.columns.values())[:_MOST_COLUMNS]
    return render(
        "widgets/explore/still.html.j2",
        head=head,
        columns=[{"label": column.label, "is_number": column.kind == "number"} for column in columns],
        rows=[row[1 : len(columns) + 1] for row in table.rows(positions[:MOST_ROWS])],
        more=max(len(positions) - MOST_ROWS, 0),
    )
