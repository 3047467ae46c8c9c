"""The tables of a corpus, as its files and its displays need them."""

from __future__ import annotations

from typing import Any, Protocol

import pandas as pd

__all__ = ["CorpusTables"]


class CorpusTables(Protocol):
    """An object with the tables and figures of a `Corpus`, so that files and displays need not import that class."""

    recordings: pd.DataFrame
    """``schema.RECORDINGS`` and the metadata columns."""
    tokens: pd.DataFrame
    """``schema.TOKENS``."""
    provenance: dict[str, Any]

    @property
    def hours(self) -> float:
        """Hours of transcribed audio."""

    @property
    def cost_usd(self) -> float:
        """Estimated cost in US dollars; NaN if no cost is known."""
