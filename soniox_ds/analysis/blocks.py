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
from soniox_ds.schema import ask_about_seconds, need, need_milliseconds, with_ids

__all__ = [
    "CASE",
    "COUNTS",
    "DEFAULT_BLOCKS",
    "FEW_BLOCKS",
    "PUNCTUATION",
    "WORDS",
    "Blocks",
    "Measure",
    "block_columns",
    "blocks_of",
    "checked_durations",
    "checked_errors",
    "counted",
    "few_errors",
    "known",
    "measure_of",
    "note_of",
]

COUNTS = ("hits", "substitutions", "deletions", "insertions")
DEFAULT_BLOCKS = ("speaker", "session")
FEW_BLOCKS = 10
"""Below so many blocks an interval is marked as doubtful."""

_FEW_ERRING = 5  # blocks with any error: below, 7 % instead of 2.5 % of the intervals lay below the true rate
_FEW_ERRING_OF_ARMS = 30  # below, the intervals of the difference of equal arms excluded 0 in 7 to 10 %
_SHORTEST_WORD_MS = 10  # on average nobody says a word faster,
_FEW_RECORDINGS = 3  # but of fewer nothing can be told
_STATUSES = ("scored", "failed", "missing")


class Measure(NamedTuple):
    """What was counted: how its rate, the column of its size and its settings are called."""

    noun: str
    rate: str
    size: str
    source: str
    settings: tuple[str, ...]
    """Columns that must be the same in all rows that are added up."""


WORDS = Measure("words", "wer", "reference_words", "word_errors", ("normalizer",))
_CHARACTERS = Measure("characters", "cer", "reference_characters", "character_errors", ("normalizer", "unit", "spaces"))
PUNCTUATION = Measure("marks", "per", "reference_marks", "punctuation_errors", ("normalizer",))
"""Beside the marks its tables count capitals: `CASE`, which may be known where marks are not, and the other way."""
CASE = ("case_words", "case_errors")


def measure_of(errors: Any) -> Measure:
    """What a table of errors has counted; words where it does not say."""
    columns = errors.columns if isinstance(errors, pd.DataFrame) else ()
    return next((one for one in (WORDS, _CHARACTERS, PUNCTUATION) if one.size in columns), WORDS)


class Blocks(NamedTuple):
    """Which block each row belongs to, numbered from 0; how many there are; how many rows had no label."""

    codes: npt.NDArray[np.intp]
    total: int
    unlabelled: int


def checked_errors(errors: Any, what: str = "errors", measure: Measure = WORDS) -> pd.DataFrame:
    """The table with whole numbers as counts and durations; raises unless it is one of this measure."""
    if not isinstance(errors, pd.DataFrame):
        raise InputError(
            f"{what} must be a table of {measure.source}, found {type(errors).__name__}; "
            f"call sx.{measure.source}(corpus, references) first."
        )
    need(errors, "audio_id", "status", *COUNTS, measure.size, name=what)
    errors = with_ids(errors, what)
    if errors.empty:
        raise InputError(f"{what} has no rows; {measure.source} has one for each recording with a reference.")
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
    marks = measure is PUNCTUATION
    parts = [[*COUNTS, measure.size], *([list(CASE)] if marks else [])]
    need(errors, *(name for part in parts for name in part), name=what)
    scored = (errors["status"] == "scored").fillna(False).to_numpy(np.bool_)
    for part in parts:
        known_counts = errors.loc[scored, part].dropna(how="all" if marks else "any")
        absent = int(scored.sum()) - len(known_counts)
        if (absent and not marks) or known_counts.isna().any(axis=None) or (known_counts < 0).any(axis=None):
            raise SchemaError(f"{what} has scored recordings without counts, or with counts below 0.")
    counts = errors.loc[scored]
    if marks and (counts["case_errors"] > counts["case_words"]).any():
        raise SchemaError(f"{what} has rows with more case_errors than case_words.")
    if (counts["hits"] + counts["substitutions"] + counts["deletions"] != counts[measure.size]).any():
        raise SchemaError(f"{what} has rows in which hits + substitutions + deletions differ from {measure.size}.")
    timed = checked_durations(errors, what) if "duration_ms" in errors else errors.assign(duration_ms=None)
    return timed.astype(dict.fromkeys((*(name for part in parts for name in part), "duration_ms"), "Int64"))


def checked_durations(table: pd.DataFrame, what: str) -> pd.DataFrame:
    """The table (``schema.WORD_ERRORS``) with `duration_ms` in whole milliseconds (Int64).

    Raises
    ------
    SchemaError
        If a duration is no number, below 0 or a fraction of a millisecond.

    Warns
    -----
    UserWarning
        If the recordings are too short for their words, as durations in whole seconds are.
    """
    whole = need_milliseconds(table, what, "duration_ms").astype({"duration_ms": "Int64"})
    if "reference_words" not in table:
        return whole
    known = whole[(whole["status"] == "scored").to_numpy(np.bool_) & whole["duration_ms"].notna().to_numpy(np.bool_)]
    words, total = known["reference_words"].sum(), known["duration_ms"].sum()
    if len(known) >= _FEW_RECORDINGS and words > total / _SHORTEST_WORD_MS:
        ask_about_seconds(f"{what}: {words} reference words in {total} ms of audio (duration_ms).")
    return whole


def block_columns(errors: pd.DataFrame, block: str | Sequence[str] | None, by: Sequence[str] = ()) -> list[str]:
    """The columns whose values are the blocks; those asked for, else a default one, else ``["audio_id"]``.

    A column of `by` is no default: within a group it has one value only.
    """
    if block is not None:
        names = [block] if isinstance(block, str) else list(block)
        if not names:
            raise InputError('block is empty; name a column, such as "speaker", or "audio_id" for single recordings.')
        need(errors, *names, name="errors")
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


def note_of(
    reason: str | None,
    blocks: int,
    unlabelled: int,
    columns: Sequence[str],
    *more: str,
    noun: str = "words",
    doubt: str | None = None,
) -> Any:
    """What is to be said about an interval, as one string; NA for nothing.

    `reason` and `doubt` are those of `soniox_ds.analysis.statistics.Interval`. That few blocks decide goes without
    saying where there are few.
    """
    notes = [] if reason is None else [reason.replace("reference words", f"reference {noun}")]
    if reason is None and blocks < FEW_BLOCKS:
        notes.append(f"{counted(blocks, 'block')}: below {FEW_BLOCKS} the interval is doubtful")
    elif reason is None and doubt is not None:
        notes.append(doubt)
    if unlabelled:
        alone = "is a block of its own" if unlabelled == 1 else "are a block each"
        notes.append(f"{counted(unlabelled, 'recording')} without {'+'.join(columns)} {alone}")
    return "; ".join([*notes, *more]) or pd.NA


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "block"), counted(2, "block")
    ('1 block', '2 blocks')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def few_errors(errors: npt.ArrayLike, others: npt.ArrayLike | None = None) -> list[str]:
    """What is to be said in a note where few of the blocks hold any error; nothing elsewhere.

    Parameters
    ----------
    errors, others
        Errors of each block; for a difference those of both arms. The limits are those of the simulation in
        docs/metrics-uncertainty.md: rates do with five blocks that hold errors, differences of equal arms take thirty.

    Examples
    --------
    >>> few_errors([0, 0, 3, 1, 0, 0, 0, 0, 0, 0])
    ['2 of 10 blocks hold any error: below 5 the interval is doubtful']
    >>> few_errors([4, 2, 3, 1, 3, 4, 2, 5, 0, 3])
    []
    """
    erring = np.asarray(errors) > 0
    if others is not None:
        erring |= np.asarray(others) > 0
    count, total = int(erring.sum()), len(erring)
    if count == total or count >= (_FEW_ERRING if others is None else _FEW_ERRING_OF_ARMS):
        return []
    hold = f"{count} of {total} blocks hold{'s' if count == 1 else ''} any error"
    if others is None:
        return [f"{hold}: below {_FEW_ERRING} the interval is doubtful"]
    return [f"{hold}: below {_FEW_ERRING_OF_ARMS} a difference by chance is taken for one in up to 10 % instead of 5 %"]


def known(value: float) -> Any:
    """NA for NaN."""
    return pd.NA if np.isnan(value) else value
