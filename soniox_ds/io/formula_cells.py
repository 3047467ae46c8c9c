"""Texts in cells of CSV files that spreadsheet programs would run as formulas.

Conventions: a cell that begins with one of ``= + - @``, a tab or a line end is written with an apostrophe in front, as
the Open Worldwide Application Security Project advises, and so is a cell that begins with apostrophes and then one of
these. Reading takes one apostrophe off again, so that every text comes back as it was.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

__all__ = ["formulas_quoted", "formulas_unquoted"]

_FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r\n]")


def formulas_quoted(column: pd.Series[Any]) -> pd.Series[Any]:
    """Put an apostrophe before the texts that begin like formulas.

    >>> formulas_quoted(pd.Series(["=1+1", "a=1", "'-x"])).tolist()
    ["'=1+1", 'a=1', "''-x"]
    """
    return column.map(lambda text: f"'{text}" if _FORMULA.match(text) else text, na_action="ignore")


def formulas_unquoted(column: pd.Series[Any]) -> pd.Series[Any]:
    """Take the apostrophe off again.

    >>> formulas_unquoted(pd.Series(["'=1+1", "a=1", "''-x", "'tis"])).tolist()
    ['=1+1', 'a=1', "'-x", "'tis"]
    """
    return column.map(
        lambda text: text[1:] if isinstance(text, str) and text[:1] == "'" and _FORMULA.match(text) else text,
        na_action="ignore",
    )
