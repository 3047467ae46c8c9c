"""Tables of errors, checked and put together into the blocks that are resampled as a whole.

Conventions: recordings of one speaker or session are not independent, so that resampling them one by one gives
intervals that are too narrow. Where a table has a column `speaker`, else `session`, its values are the blocks; a
recording for which it is not known is a block of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.errors import InputError, SchemaError
from soniox_ds.schema import need

__all__ = [
    "COUNTS",
    "DEFAULT_BLOCKS",
    "FEW_BLOCKS",
    "Blocks",
    "block_columns",
    "blocks_of",
    "checked_errors",
    "known",
    "note_of",
]

COUNTS = ("hits", "substitutions", "deletions", "insertions")
DEFAULT_BLOCKS = ("speaker", "session")
FEW_BLOCKS = 10
"""Below so many blocks an interval is marked as doubtful."""

_STATUSES = ("scored", "failed", "missing")


class Blocks(NamedTuple):
    """Which block each row belongs to, numbered from 0; how many there are; how many rows had no label."""

    codes: npt.NDArray[np.intp]
    total: int
    unlabelled: int


def checked_errors(errors: Any, what: str = "errors") -> pd.DataFrame:
    """The table with whole numbers as counts and durations; raises unless it is ``schema.WORD_ERRORS``."""
    if not isinstance(errors, pd.DataFrame):
        raise InputError(
            f"{what} must be a table of word_errors, found {type(errors).__name__}; "
            "call sx.word_errors(corpus, references) first."
        )
    need(errors, "audio_id", "status", *COUNTS, "reference_words")
    if errors.empty:
        raise InputError(f"{what} has no rows; word_errors has one for each recording with a reference.")
    twice = errors["audio_id"][errors["audio_id"].duplicated()]
    if len(twice) or errors["audio_id"].isna().any():
        found = f"{twice.iloc[0]!r} is there more than once" if len(twice) else "some are missing"
        raise SchemaError(
            f"{what} must have one row for each audio_id, but {found}; "
            "repeats and channels need ids of their own, or tables of their own."
        )
    unknown = sorted({str(status) for status in errors["status"].unique()} - set(_STATUSES))
    if unknown:
        raise SchemaError(f"{what} has the status {unknown[0]!r}; it can be {', '.join(map(repr, _STATUSES))}.")
    scored = errors["status"] == "scored"
    counts = errors.loc[scored, [*COUNTS, "reference_words"]]
    if counts.isna().any(axis=None) or (counts < 0).any(axis=None):
        raise SchemaError(f"{what} has scored recordings without counts, or with counts below 0.")
    if (counts["hits"] + counts["substitutions"] + counts["deletions"] != counts["reference_words"]).any():
        raise SchemaError(f"{what} has rows in which hits + substitutions + deletions differ from reference_words.")
    known_durations = errors if "duration_ms" in errors else errors.assign(duration_ms=None)
    return known_durations.astype(dict.fromkeys((*COUNTS, "reference_words", "duration_ms"), "Int64"))


def block_columns(errors: pd.DataFrame, block: str | Sequence[str] | None, by: Sequence[str] = ()) -> list[str]:
    """The columns whose values are the blocks; those asked for, else a default one, else ``["audio_id"]``.

    A column of `by` is no default: within a group it has one value only.
    """
    if block is not None:
        names = [block] if isinstance(block, str) else list(block)
        if not names:
            raise InputError('block is empty; name a column, such as "speaker", or "audio_id" for single recordings.')
        need(errors, *names)
        for name in names:
            if errors[name].isna().all():
                raise InputError(
                    f"the column {name!r} holds nothing that could be a block; all its values are missing."
                )
        return names
    for name in DEFAULT_BLOCKS:
        if name in errors and name not in by and errors[name].notna().any():
            return [name]
    return ["audio_id"]


def blocks_of(errors: pd.DataFrame, columns: Sequence[str]) -> Blocks:
    """Number the blocks of the rows, in their order of appearance.

    >>> blocks_of(pd.DataFrame({"speaker": ["ann", "bob", None, "ann", None]}), ["speaker"])
    Blocks(codes=array([0, 1, 2, 0, 3]), total=4, unlabelled=2)
    """
    labels = errors[list(columns)]
    unlabelled = labels.isna().any(axis=1).to_numpy(np.bool_)
    codes = np.empty(len(errors), np.intp)
    if unlabelled.all():
        named = 0
    else:
        numbers = labels[~unlabelled].groupby(list(columns), sort=False, observed=True).ngroup().to_numpy(np.intp)
        codes[~unlabelled] = numbers
        named = int(numbers.max()) + 1
    own = int(unlabelled.sum())
    codes[unlabelled] = named + np.arange(own)
    return Blocks(pd.factorize(codes)[0], named + own, own)


def note_of(reason: str | None, blocks: int, unlabelled: int, columns: Sequence[str], *more: str) -> Any:
    """What is to be said about an interval, as one string; NA for nothing."""
    notes = [] if reason is None else [reason]
    if reason is None and blocks < FEW_BLOCKS:
        notes.append(f"{blocks} blocks: below {FEW_BLOCKS} the interval is doubtful")
    if unlabelled:
        notes.append(f"{unlabelled} recordings without {'+'.join(columns)} are a block each")
    return "; ".join([*notes, *more]) or pd.NA


def known(value: float) -> Any:
    """NA for NaN."""
    return pd.NA if np.isnan(value) else value
