"""Tables of results: DataFrames that a notebook shows as a formatted view."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pandas as pd

__all__ = ["ResultTable"]

_VIEWS = "soniox_ds.show.result_views"
"""Module of the views. It is imported when the first result is displayed."""


class ResultTable(pd.DataFrame):
    """A DataFrame that a notebook shows as a view: rates with bars and intervals, whole texts, times in minutes.

    Sorted or filtered rows are shown in the same way. If a column of the result is missing, for example in
    ``summary[["wer", "note"]]``, pandas shows the remaining columns as usual.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> errors = sx.word_errors(
    ...     pd.DataFrame({"audio_id": ["a", "b"], "text": ["take two tablets", "call me"]}),
    ...     {"a": "take two tablets", "b": "call me back"},
    ... )
    >>> summary = sx.summarize(errors)
    >>> "<table" in summary._repr_html_(), type(summary.plain).__name__
    (True, 'DataFrame')
    """

    @property
    def _constructor(self) -> Any:
        return ResultTable

    @property
    def plain(self) -> pd.DataFrame:
        """The same table as an ordinary DataFrame, of which a notebook shows all columns."""
        return pd.DataFrame(self)

    def _repr_html_(self) -> str | None:
        if not pd.get_option("display.notebook_repr_html"):
            return None
        html: str | None = import_module(_VIEWS).result_html(self)
        return self.plain._repr_html_() if html is None else html  # type: ignore[operator]  # the stubs lack it
