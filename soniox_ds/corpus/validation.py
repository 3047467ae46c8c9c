"""Checks that the tables of a corpus are as documented."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import SchemaError
from soniox_ds.schema import RECORDINGS, TOKENS, conform, need, need_confidences

__all__ = ["checked_recordings", "checked_tokens", "some"]


def checked_recordings(recordings: pd.DataFrame) -> pd.DataFrame:
    """Check the recordings and return them with a fresh index and documented dtypes; raises SchemaError."""
    need(recordings, "audio_id", "status")
    names = list(recordings.columns)
    if bad := [name for name in names if not isinstance(name, str)]:
        raise SchemaError(f"names of columns must be strings, found {some(bad)}; rename them.")
    if len(set(names)) < len(names):
        raise SchemaError(
            f"columns occur twice: {some([name for name in set(names) if names.count(name) > 1])}; rename one."
        )
    frame = _conformed(recordings, RECORDINGS, "recordings")
    ids = frame["audio_id"]
    if ids.isna().any():
        raise SchemaError(
            f"audio_id is NA in {int(ids.isna().sum())} of {len(ids)} recordings; every recording needs one."
        )
    if repeated := ids[ids.duplicated()].drop_duplicates().tolist():
        raise SchemaError(
            f"{len(repeated)} audio_id{' occurs' if len(repeated) == 1 else 's occur'} more than once: "
            f"{some(repeated)}. Each recording needs an id of its own: rename the ids, or keep one recording of each."
        )
    unknown = frame.loc[~frame["status"].isin(["completed", "failed"]), "status"]
    if len(unknown):
        raise SchemaError(f"status must be 'completed' or 'failed', found {some(unknown.drop_duplicates().tolist())}.")
    return frame


def checked_tokens(tokens: pd.DataFrame, recordings: pd.DataFrame) -> pd.DataFrame:
    """Check the tokens and return them in the order of their recordings, with a fresh index; raises SchemaError."""
    need(tokens, "audio_id", "token_index", "text")
    need_confidences(tokens, "tokens")
    frame = _conformed(tokens, TOKENS, "tokens")
    for name in ("audio_id", "token_index", "text"):
        if frame[name].isna().any():
            raise SchemaError(
                f"{name} is NA in {int(frame[name].isna().sum())} of {len(frame)} tokens; every token needs one."
            )
    codes, ids = pd.factorize(frame["audio_id"])
    row_of_id = pd.Index(recordings["audio_id"]).get_indexer(ids)
    if (row_of_id < 0).any():
        unknown = [name for name, row in zip(ids, row_of_id, strict=True) if row < 0]
        raise SchemaError(
            f"tokens belong to unknown recordings: {some(unknown)}. Every audio_id of tokens must be one of recordings."
        )
    rows = row_of_id[codes]
    index = frame["token_index"].to_numpy(np.int64)
    step, inner = np.diff(rows), np.diff(index)
    if not bool(((step > 0) | ((step == 0) & (inner > 0))).all()):
        order = np.lexsort((index, rows))
        frame = frame.take(order).reset_index(drop=True)
        rows, index = rows[order], index[order]
        if (same := np.flatnonzero((np.diff(rows) == 0) & (np.diff(index) == 0))).size:
            row = int(same[0])
            raise SchemaError(
                f"{frame['audio_id'].iloc[row]!r} has two tokens with token_index {index[row]}; "
                "every token needs an index of its own. Check whether two transcripts were put together."
            )
    return frame


def _conformed(frame: pd.DataFrame, table: Mapping[str, Any], label: str) -> pd.DataFrame:
    try:
        return conform(frame.reset_index(drop=True), table)
    except (TypeError, ValueError) as error:
        for name, column in table.items():
            if name in frame:
                try:
                    conform(frame[[name]], {name: column})
                except (TypeError, ValueError):
                    problem = f"{label}[{name!r}] has dtype {frame[name].dtype} and cannot become {column.dtype}"
                    raise SchemaError(f"{problem}: {error}. docs/reference/tables.md describes the column.") from error
        raise


def some(names: list[Any]) -> str:
    """Return the first few items of a list as text, with the number of the others.

    >>> some(list("abcdefg"))
    "['a', 'b', 'c', 'd', 'e'] and 2 more"
    """
    return f"{names[:5]}" + (f" and {len(names) - 5} more" if len(names) > 5 else "")
