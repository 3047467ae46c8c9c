"""Tables that the sections of a report share, computed once.

Conventions: the tables are those of `soniox_ds.schema`; without references, the tables of errors are None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.speakers.turns import speaker_turns
from soniox_ds.metrics.stats.summaries import summarize
from soniox_ds.reports.selection import grouping_columns
from soniox_ds.reports.tables import count
from soniox_ds.text.translations import without_translations

if TYPE_CHECKING:
    from soniox_ds.corpus.corpus import Corpus

__all__ = ["Findings"]


@dataclass(frozen=True)
class Findings:
    """A corpus and the tables computed from it."""

    corpus: Corpus
    words: pd.DataFrame
    """The spoken words, ``schema.WORDS``, without translations."""
    turns: pd.DataFrame
    """``schema.TURNS``; empty without diarization."""
    errors: pd.DataFrame | None
    """``schema.WORD_ERRORS``."""
    alignments: pd.DataFrame | None
    """``schema.WORD_ALIGNMENTS``."""
    overall: pd.DataFrame | None
    """``schema.ERROR_SUMMARY`` of all recordings together, one row."""
    groups: Mapping[str, pd.DataFrame]
    """``schema.ERROR_SUMMARY`` by each metadata column."""
    neutral_alignments: pd.DataFrame | None = None
    """``schema.WORD_ALIGNMENTS`` without differences of formatting; None if no language is known."""

    @classmethod
    def of(
        cls,
        corpus: Corpus,
        errors: pd.DataFrame | None,
        alignments: pd.DataFrame | None,
        by: list[str] | None,
        neutral_alignments: pd.DataFrame | None = None,
    ) -> Findings:
        """Compute the tables that several sections need."""
        words = without_translations(corpus.words()).reset_index(drop=True)
        is_diarized = bool(words["speaker"].notna().any())
        turns = speaker_turns(words if is_diarized else words.iloc[:0])
        overall, groups = None, {}
        if errors is None:
            if by:
                raise InputError(f"by={by} groups errors, but there are no references, so no errors can be counted.")
        else:
            overall = summarize(errors)
            if by and (unknown := [name for name in by if name not in errors]):
                raise InputError(
                    f"by contains {unknown}, which are not columns of the recordings; the columns are "
                    f"{corpus.metadata_columns}."
                )
            for name in grouping_columns(errors, corpus.metadata_columns) if by is None else by:
                groups[name] = summarize(errors, by=name)
        return cls(corpus, words, turns, errors, alignments, overall, groups, neutral_alignments)

    @property
    def is_stand_in(self) -> bool:
        """True if any of the transcripts was made by the stand-in."""
        return bool((self.corpus.recordings["service"] == "local").any())

    @property
    def description(self) -> str:
        """Description of the corpus in one line."""
        services = self.corpus.recordings["service"].dropna().unique().tolist()
        names = ["the local stand-in" if service == "local" else str(service) for service in services]
        origin = f", transcribed by {' and '.join(names)}" if names else ""
        return f"{count(len(self.corpus), 'recording')}, {self.corpus.hours:,.2f} hours of audio{origin}."
