"""The regions to which the recordings of a call may be sent.

Conventions: if `connection` is a list, a column ``region`` of the sources says to which region each recording may be
sent. A recording is sent only with keys of its region. A separate run transcribes the recordings of each region, and
has no clients for other regions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from soniox_ds.api.connections import ConnectionPool
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.exceptions import OptionsError
from soniox_ds.sources.recording import RecordingList
from soniox_ds.sources.tables import columns_named

__all__ = ["RegionPart", "joined", "parts_by_region"]

SHOWN = 3


class RegionPart(NamedTuple):
    """The recordings of a call that are sent to one region."""

    pool: ConnectionPool
    rows: Sequence[int]
    """Rows of the recordings in the sources."""
    recordings: RecordingList


def parts_by_region(pool: ConnectionPool, recordings: RecordingList) -> list[RegionPart]:
    """Divide the recordings of a call by the region that the sources name.

    Raises
    ------
    OptionsError
        If the connections lead to several regions and the sources do not name a region for each recording, or if they
        name a region to which no connection leads.
    """
    columns = columns_named(recordings.metadata.columns, ["region"]) if pool.is_listed else []
    if not columns:
        pool.need_one_region()
        return [RegionPart(pool, range(len(recordings.recordings)), recordings)]
    regions = recordings.metadata[columns[0]].map(_name_of, na_action="ignore").astype(object)
    regions = regions.where(regions.notna() & (regions != ""), None)
    ids = pd.Series([recording.audio_id for recording in recordings.recordings], dtype=object)
    leads_to = f"the connections lead to {', '.join(pool.by_region)}"
    if len(pool.by_region) == 1:
        regions = regions.fillna(next(iter(pool.by_region)))
    elif regions.isna().any():
        raise OptionsError(
            f"the column {columns[0]!r} names no region for {_listed(ids[regions.isna()])}, and {leads_to}. Nothing "
            "was sent. Name the region of each recording"
        )
    unknown = ~regions.isin(list(pool.by_region))
    if unknown.any():
        names = ", ".join(map(repr, dict.fromkeys(regions[unknown])))
        raise OptionsError(
            f"the column {columns[0]!r} names {names} for {_listed(ids[unknown])}, but {leads_to}. Nothing was sent. "
            "Add a connection to the region, or give the column another name if it does not say to which region of the "
            "service a recording may be sent"
        )
    parts = []
    for name, of_region in pool.by_region.items():
        rows = np.flatnonzero((regions == name).to_numpy(bool)).tolist()
        if rows:
            part = RecordingList(
                [recordings.recordings[row] for row in rows],
                recordings.metadata.iloc[rows].reset_index(drop=True),
            )
            parts.append(RegionPart(of_region, rows, part))
    return parts


def joined(parts: Sequence[RegionPart], corpora: Sequence[Corpus]) -> Corpus:
    """Join the corpora of the parts into one, in the order of the sources."""
    if len(corpora) == 1:
        return corpora[0]
    corpus = Corpus.concat(corpora)
    order = np.argsort([row for part in parts for row in part.rows])
    recordings = corpus.recordings.iloc[order].reset_index(drop=True)
    position = pd.Series(np.arange(len(recordings)), index=recordings["audio_id"].astype(object))
    of_tokens = corpus.tokens["audio_id"].astype(object).map(position)
    tokens = corpus.tokens.iloc[np.argsort(of_tokens.to_numpy(np.int64), kind="stable")].reset_index(drop=True)
    return Corpus(recordings, tokens, corpus.provenance)


def _name_of(value: object) -> str:
    return str(value).strip().casefold()


def _listed(ids: pd.Series) -> str:
    """Return the number of recordings and the ids of the first ones.

    >>> _listed(pd.Series(["a.wav", "b.wav"]))
    "2 recordings ('a.wav', 'b.wav')"
    """
    names = ", ".join(map(repr, ids.head(SHOWN)))
    return f"{len(ids)} recording{'s' * (len(ids) != 1)} ({names}{', ...' if len(ids) > SHOWN else ''})"
