"""The definition of a table, and the columns that several tables share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "AUDIO_ID",
    "BLOCK",
    "CHANNEL",
    "COST",
    "COUNTS",
    "FORMER_COLUMNS",
    "INTERVAL",
    "LANGUAGE",
    "NORMALIZER",
    "NOTE",
    "SCORED",
    "SOURCE_LANGUAGE",
    "SPEAKER",
    "SPEAKER_LABEL",
    "STATUS",
    "TABLES",
    "Column",
    "Table",
    "rate",
]


class Column(NamedTuple):
    """A column: its pandas dtype, its meaning, and whether it contains few distinct values that occur often."""

    dtype: str
    meaning: str
    repeats: bool = False


class Table(dict[str, Column]):
    """The columns of a table by name, in order. A new table is added to `TABLES` and to the reference.

    Parameters
    ----------
    name
        Name of the table, in ``snake_case``.
    about
        Description of the table: the call that returns it, and the meaning of a row.
    columns
        The columns, in order.
    """

    def __init__(self, name: str, about: str, columns: Mapping[str, Column]) -> None:
        super().__init__(columns)
        self.name = name
        self.about = about
        TABLES[name] = self


TABLES: dict[str, Table] = {}
"""Every table of the package, by name."""

FORMER_COLUMNS = {
    "end_sent_ms": "spoken_ms",
    "hypothesis_ms": "found_ms",
    "hypothesis_switches": "found_switches",
    "start_sent_ms": "begun_ms",
}
"""The former name of each column that was renamed. Files that the package reads never contain the former names."""

AUDIO_ID = Column("string", "id of the recording", repeats=True)
SPEAKER = Column(
    "string",
    'label of the speaker within this recording, "1", "2", ..., or the name that `corpus.rename_speakers` gave; NA '
    "without diarization. See [speaker labels](../corpus.md#speaker-labels).",
    repeats=True,
)
SPEAKER_LABEL = Column(
    "string",
    "original label of a speaker whom `corpus.rename_speakers` gave a name; NA for all other speakers",
    repeats=True,
)
CHANNEL = Column(
    "Int16",
    'number of the channel in the file, from 1 as in RTTM and CTM; NA unless transcribed with `channels="separate"`',
)
LANGUAGE = Column("string", "two-letter code of the language; NA without language identification", repeats=True)
STATUS = Column("string", '"original", "translation" or "none"; NA when no translation was asked for', repeats=True)
SOURCE_LANGUAGE = Column("string", "language that a translation was made from; NA otherwise", repeats=True)

SCORED = Column(
    "string",
    '"scored", "failed" (the transcription failed) or "missing" (a reference without a recording)',
    repeats=True,
)

COUNTS: Mapping[str, Column] = {
    "hits": Column("Int64", "units that were recognised correctly; like all counts, NA unless scored"),
    "substitutions": Column("Int64", "reference units that were recognised as another unit"),
    "deletions": Column("Int64", "reference units that were not recognised"),
    "insertions": Column("Int64", "units of the transcript that nobody said"),
}

NORMALIZER = Column(
    "string", "names and versions of the normalisation steps that were applied to both texts", repeats=True
)
COST = Column("string", 'costs of the alignment: "sclite" or "levenshtein"', repeats=True)
BLOCK = Column(
    "string", 'columns whose values are the blocks, joined by "+"; "audio_id" for single recordings', repeats=True
)

INTERVAL = {
    "ci": Column("Float64", "level of the interval, such as 0.95"),
    "method": Column(
        "string",
        'method of the interval: "studentized", "cr2", "jackknife", "percentile" or "poisson"; NA without an interval',
        repeats=True,
    ),
    "replicates": Column("Int64", "number of bootstrap replicates"),
    "seed": Column("Int64", "seed of the bootstrap; the same seed gives the same interval"),
}

NOTE = Column("string", "explanation if there is no interval or if the interval is wide; NA otherwise")


def rate(name: str, meaning: str) -> dict[str, Column]:
    """Return the columns of a pooled rate and its interval."""
    return {
        name: Column("Float64", meaning),
        f"{name}_low": Column(
            "Float64", "lower bound of its interval; NA if there is no interval, and `note` says why"
        ),
        f"{name}_high": Column("Float64", "upper bound of its interval"),
    }
