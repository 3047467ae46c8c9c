"""Protection against texts in CSV cells that spreadsheet programs would run as formulas.

Conventions: a cell that begins with one of ``= + - @``, a tab or a line end is written with an apostrophe in front, as
the Open Worldwide Application Security Project advises. The same is done for a cell that begins with apostrophes
followed by one of these characters. Reading removes one apostrophe again, so that every text comes back unchanged.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

__all__ = ["formulas_quoted", "formulas_unquoted"]

_FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")


def formulas_quoted(column: pd.Series[Any]) -> pd.Series[Any]:
    """Put an apostrophe in front of texts that begin like formulas.

    >>> formulas_quoted(pd.Series(["=1+1", "a=1", "'-x"])).tolist()
    ["'=1+1", 'a=1', "''-x"]
    """
    return column.map(lambda text: f"'{text}" if _FORMULA.match(text) else text, na_action="ignore")


def formulas_unquoted(column: pd.Series[Any]) -> pd.Series[Any]:
    """Remove the apostrophe that `formulas_quoted` put in front.

    >>> formulas_unquoted(pd.Series(["'=1+1", "a=1", "''-x", "'tis"])).tolist()
    ['=1+1', 'a=1', "'-x", "'tis"]
    """
    return column.map(
        lambda text: text[1:] if isinstance(text, str) and text[:1] == "'" and _FORMULA.match(text) else text,
        na_action="ignore",
    )
