"""Selection of one recording from a table."""

from __future__ import annotations

import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.schema import as_ids, need, with_ids

__all__ = ["one_recording"]

_SHOWN = 5


def one_recording(table: pd.DataFrame, audio_id: str | None, *, rows: str, shows: str) -> pd.DataFrame:
    """Return the rows of the recording `audio_id`, or of the only recording of the table if it is None.

    `rows` (such as "turns") and `shows` (such as "a timeline") are words for the message.

    Raises
    ------
    InputError
        If the table contains several recordings and `audio_id` is None, or if `audio_id` is not in the table.

    Examples
    --------
    >>> turns = pd.DataFrame({"audio_id": ["a", "b"], "start_ms": [0, 5]})
    >>> one_recording(turns, "b", rows="turns", shows="a timeline")
      audio_id  start_ms
    1        b         5
    """
    need(table, "audio_id", name=rows)
    table = with_ids(table, rows)
    if audio_id is not None:
        audio_id = str(as_ids(pd.Series([audio_id], dtype=object), "audio_id").iloc[0])
    ids = table["audio_id"].drop_duplicates().tolist()
    if audio_id is None:
        if len(ids) > 1:
            raise InputError(
                f"the table contains {rows} of {len(ids)} recordings, but {shows} shows only one: choose it with "
                f"audio_id=, for example audio_id={ids[0]!r}."
            )
        return table
    if audio_id not in ids:
        if not ids:
            raise InputError(f"there are no {rows}: the table has no rows, and therefore none for {audio_id!r}.")
        rest = " and others" if len(ids) > _SHOWN else ""
        raise InputError(f"no {rows} of {audio_id!r}; the table contains {ids[:_SHOWN]}{rest}.")
    return table[(table["audio_id"] == audio_id).to_numpy(bool)]
