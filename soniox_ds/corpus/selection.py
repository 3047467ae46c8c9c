"""Selection of recordings by id, by mask and by metadata."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._arguments import did_you_mean
from soniox_ds.corpus.validation import some
from soniox_ds.exceptions import InputError

__all__ = ["need_columns", "selection_mask"]


def need_columns(existing: Collection[str], wanted: Collection[str]) -> None:
    """Raise InputError if recordings lack one of the wanted columns."""
    for name in wanted:
        if name not in existing:
            raise InputError(f"recordings have no column {name!r}; they have {list(existing)}.")


def selection_mask(recordings: pd.DataFrame, which: Any, columns: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """Return a mask of the recordings that ``Corpus.select(which, **columns)`` selects.

    >>> selection_mask(pd.DataFrame({"audio_id": ["a", "b"], "split": ["x", None]}), None, {"split": None}).tolist()
    [False, True]
    """
    need_columns(recordings.columns, columns)
    keep = np.ones(len(recordings), np.bool_) if which is None else _mask(recordings["audio_id"], which)
    for name, wanted in columns.items():
        values = list(wanted) if pd.api.types.is_list_like(wanted) else [wanted]
        missing = [pd.api.types.is_scalar(value) and bool(pd.isna(value)) for value in values]
        column = recordings[name]
        known = [value for value, is_missing in zip(values, missing, strict=True) if not is_missing]
        keep &= np.asarray(column.isin(known) & column.notna() | (column.isna() & any(missing)), np.bool_)
    return keep


def _mask(ids: pd.Series[Any], which: Any) -> npt.NDArray[np.bool_]:
    if isinstance(which, str):
        raise InputError(
            f"select takes several ids or a mask, found the single id {which!r}; for one recording call "
            f"corpus[{which!r}]."
        )
    values = which if isinstance(which, (pd.Series, np.ndarray, pd.api.extensions.ExtensionArray)) else list(which)
    listed: Any = pd.Series(values).reset_index(drop=True)
    if len(listed) and (
        pd.api.types.is_bool_dtype(listed)
        or listed.map(lambda value: value is pd.NA or isinstance(value, (bool, np.bool_))).all()
    ):
        if len(listed) != len(ids):
            raise InputError(
                f"the mask has {len(listed)} values for {len(ids)} recordings; it needs one value for each."
            )
        return np.array(listed.astype("boolean").fillna(False), np.bool_)
    known = set(ids)
    if unknown := [name for name in listed if not isinstance(name, str) or name not in known]:
        hint = did_you_mean(unknown[0], ids)
        raise InputError(
            f"no recording has the id {some(unknown)}; corpus.recordings['audio_id'] lists the {len(ids)} ids of "
            f"this corpus.{hint}"
        )
    return np.array(ids.isin(list(listed)), np.bool_)
