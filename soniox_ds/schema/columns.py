"""What a table is, and the columns that several tables share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "AUDIO_ID",
    "BLOCK",
    "COST",
    "COUNTS",
    "INTERVAL",
    "LANGUAGE",
    "NORMALIZER",
    "SCORED",
    "SOURCE_LANGUAGE",
    "SPEAKER",
    "STATUS",
    "Column",
    "Table",
]


class Column(NamedTuple):
    """One column: its pandas dtype, what it holds, and whether few values repeat often."""

    dtype: str
    meaning: str
    repeats: bool = False


Table = Mapping[str, Column]

AUDIO_ID = Column("string", "which recording", repeats=True)
SPEAKER = Column(
    "string", 'label of the speaker within this recording, "1", "2", ...; NA without diarization', repeats=True
)
LANGUAGE = Column("string", "two-letter code of the language; NA without language identification", repeats=True)
STATUS = Column("string", '"original", "translation" or "none"; NA when no translation was asked for', repeats=True)
SOURCE_LANGUAGE = Column("string", "language that a translation was made from; NA otherwise", repeats=True)

SCORED = Column(
    "string", '"scored", "failed" (its transcription did) or "missing" (a reference without recording)', repeats=True
)

COUNTS: Table = {
    "hits": Column("Int64", "units that were right; NA unless scored, as all counts"),
    "substitutions": Column("Int64", "units that came out as another one"),
    "deletions": Column("Int64", "units that did not come out"),
    "insertions": Column("Int64", "units that nobody said"),
}

NORMALIZER = Column("string", "names and versions of the steps that both texts went through", repeats=True)
COST = Column("string", '"sclite" or "levenshtein": the costs of the alignment', repeats=True)
BLOCK = Column(
    "string", 'the columns whose values are the blocks, joined by "+"; "audio_id" for single recordings', repeats=True
)

INTERVAL = {
    "ci": Column("Float64", "level of the interval, such as 0.95"),
    "method": Column(
        "string",
        'how the interval was made: "studentized", "cr2", "jackknife", "percentile" or "poisson"; NA without one',
        repeats=True,
    ),
    "replicates": Column("Int64", "number of bootstrap replicates"),
    "seed": Column("Int64", "seed of the bootstrap; the same seed gives the same interval"),
}
