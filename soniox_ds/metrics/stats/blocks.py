"""Blocks of recordings for resampling, and checks of tables of errors.

Conventions: recordings of one speaker or session are not independent, so resampling single recordings gives intervals
that are too narrow. The blocks are the values of the column `speaker`, or of `session` if there is no `speaker`. A
recording whose value is not known is a block of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.stats.bootstrap import Interval, Remark
from soniox_ds.schema import ask_about_seconds, need, need_milliseconds, with_ids

__all__ = [
    "CASE",
    "CHARACTERS",
    "COUNTS",
    "DEFAULT_BLOCKS",
    "PUNCTUATION",
    "WORDS",
    "Blocks",
    "Measure",
    "block_columns",
    "block_noun",
    "blocks_of",
    "checked_durations",
    "checked_errors",
    "counted",
    "explain",
    "known",
    "measure_of",
    "note_of",
    "notes_of",
]

COUNTS = ("hits", "substitutions", "deletions", "insertions")
DEFAULT_BLOCKS = ("speaker", "session")
# On average nobody speaks a word faster than the first number; with fewer recordings than the second, nothing can be
# concluded from the average.
_SHORTEST_WORD_MS = 10
_FEW_RECORDINGS = 3
_STATUSES = ("scored", "failed", "missing")


class Measure(NamedTuple):
    """The counted unit: its noun, the names of its rate, size column and source function, and its settings."""

    noun: str
    rate: str
    size: str
    source: str
    settings: tuple[str, ...]
    """Columns that must have one value in all rows that are added up."""


WORDS = Measure("words", "wer", "reference_words", "word_errors", ("normalizer",))
CHARACTERS = Measure("characters", "cer", "reference_characters", "character_errors", ("normalizer", "unit", "spaces"))
PUNCTUATION = Measure("marks", "per", "reference_marks", "metrics.punctuation_errors", ("normalizer",))
"""Tables of this measure also count capitals (`CASE`). Either of marks and capitals may be known without the other."""
CASE = ("case_words", "case_errors")


def measure_of(errors: Any) -> Measure:
    """Return the measure of a table of errors, recognised by its columns. The default is `WORDS`."""
    columns = errors.columns if isinstance(errors, pd.DataFrame) else ()
    return next((measure for measure in (WORDS, CHARACTERS, PUNCTUATION) if measure.size in columns), WORDS)


class Blocks(NamedTuple):
    """The block of each row, numbered from 0; the number of blocks; the number of rows without a label."""

    codes: npt.NDArray[np.intp]
    total: int
    unlabelled: int


def checked_errors(errors: Any, label: str = "errors", measure: Measure = WORDS) -> pd.DataFrame:
    """Check a table of this measure, and return it with counts and durations as whole numbers."""
    if not isinstance(errors, pd.DataFrame):
        raise InputError(
            f"{label} must be a table of {measure.source}, found {type(errors).__name__}; "
            f"call sx.{measure.source}(corpus, references) first."
        )
    need(errors, "audio_id", "status", *COUNTS, measure.size, name=label)
    errors = with_ids(errors, label)
    if errors.empty:
        raise InputError(f"{label} has no rows; {measure.source} returns one for each recording with a reference.")
    twice = errors["audio_id"][errors["audio_id"].duplicated()]
    if len(twice) or errors["audio_id"].isna().any():
        problem = f"{twice.iloc[0]!r} occurs more than once" if len(twice) else "some are missing"
        raise SchemaError(
            f"{label} must have one row for each audio_id, but {problem}; give each repeat or channel its own ids or "
            "its own table."
        )
    unknown = sorted({str(status) for status in errors["status"].unique()} - set(_STATUSES))
    if unknown:
        raise SchemaError(f"{label} has the status {unknown[0]!r}; it can be {', '.join(map(repr, _STATUSES))}.")
    marks = measure is PUNCTUATION
    parts = [[*COUNTS, measure.size], *([list(CASE)] if marks else [])]
    need(errors, *(name for part in parts for name in part), name=label)
    scored = (errors["status"] == "scored").fillna(False).to_numpy(np.bool_)
    for part in parts:
        known_counts = errors.loc[scored, part].dropna(how="all" if marks else "any")
        absent = int(scored.sum()) - len(known_counts)
        if (absent and not marks) or known_counts.isna().any(axis=None) or (known_counts < 0).any(axis=None):
            raise SchemaError(f"{label} has scored recordings without counts, or with counts below 0.")
    counts = errors.loc[scored]
    if marks and (counts["case_errors"] > counts["case_words"]).any():
        raise SchemaError(f"{label} has rows with more case_errors than case_words.")
    if (counts["hits"] + counts["substitutions"] + counts["deletions"] != counts[measure.size]).any():
        raise SchemaError(f"{label} has rows in which hits + substitutions + deletions differ from {measure.size}.")
    timed = checked_durations(errors, label) if "duration_ms" in errors else errors.assign(duration_ms=None)
    return timed.astype(dict.fromkeys((*(name for part in parts for name in part), "duration_ms"), "Int64"))


def checked_durations(table: pd.DataFrame, label: str) -> pd.DataFrame:
    """Return the table (``schema.WORD_ERRORS``) with `duration_ms` in whole milliseconds (Int64).

    Raises
    ------
    SchemaError
        If a duration is not a number, is below 0 or has a fraction of a millisecond.

    Warns
    -----
    UserWarning
        If the recordings are too short for their words, which suggests durations in seconds.
    """
    whole = need_milliseconds(table, label, "duration_ms").astype({"duration_ms": "Int64"})
    if "reference_words" not in table:
        return whole
    known = whole[(whole["status"] == "scored").to_numpy(np.bool_) & whole["duration_ms"].notna().to_numpy(np.bool_)]
    words, total = known["reference_words"].sum(), known["duration_ms"].sum()
    if len(known) >= _FEW_RECORDINGS and words > total / _SHORTEST_WORD_MS:
        ask_about_seconds(f"{label}: {words} reference words in {total} ms of audio (duration_ms).")
    return whole


def block_columns(
    errors: pd.DataFrame, block: str | Sequence[str] | None, by: Sequence[str] = (), *, name: str = "errors"
) -> list[str]:
    """Return the columns whose values are the blocks: the given ones, otherwise a default, otherwise ``["audio_id"]``.

    A column of `by` is never a default, because it has only one value within a group. `name` is that of the table in
    messages.
    """
    if block is not None:
        names = [block] if isinstance(block, str) else list(block)
        if not names:
            raise InputError(
                'block is an empty list; name a column, such as "speaker", or "audio_id" for single recordings.'
            )
        need(errors, *names, name=name)
        for column in names:
            if errors[column].isna().all():
                raise InputError(
                    f"the column {column!r} cannot be used for block=, because all its values are missing."
                )
        return names
    for column in DEFAULT_BLOCKS:
        if column in errors and column not in by and errors[column].notna().any():
            return [column]
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
    n_unlabelled = int(unlabelled.sum())
    codes[unlabelled] = named + np.arange(n_unlabelled)
    return Blocks(pd.factorize(codes)[0], named + n_unlabelled, n_unlabelled)


def note_of(
    interval: Interval | None,
    blocks: Blocks,
    columns: Sequence[str],
    *more: str,
    noun: str = "words",
    quantity: str = "rate",
) -> Any:
    """Return the note on an interval in whole sentences, or NA if there is nothing to note.

    Parameters
    ----------
    interval
        The interval whose `remark` is explained. None if it is explained elsewhere.
    blocks, columns
        The blocks that were resampled, and the columns whose values they are.
    *more
        Further sentences.
    noun, quantity
        The unit of the denominator, and the quantity that the interval belongs to.

    Examples
    --------
    >>> few = Interval(0.1, 0.4, "cr2", "few-units")
    >>> note_of(few, Blocks(np.array([0, 1, 2]), 3, 0), ["speaker"])
    'Only 3 speakers: the interval is wide. More speakers would narrow it.'
    """
    about = "" if interval is None else explain(interval.remark, blocks.total, columns, noun, quantity)
    return " ".join(text for text in [about, _of_unlabelled(blocks, columns), *more] if text) or pd.NA


def notes_of(
    intervals: Mapping[str, Interval],
    blocks: Blocks,
    columns: Sequence[str],
    *more: str,
    noun: str = "words",
    nouns: Mapping[str, str] | None = None,
) -> Any:
    """Return one note, as `note_of` does, on the intervals of several rates.

    A sentence that applies to all rates is not repeated. `nouns` gives the unit of the denominator of each rate whose
    unit is not `noun`.
    """
    sentences = {
        name: explain(interval.remark, blocks.total, columns, (nouns or {}).get(name, noun))
        for name, interval in intervals.items()
    }
    shared = set(sentences.values())
    remarks = shared if len(shared) == 1 else [f"{name}: {text}" for name, text in sentences.items() if text]
    return " ".join(text for text in [*remarks, _of_unlabelled(blocks, columns), *more] if text) or pd.NA


def _of_unlabelled(blocks: Blocks, columns: Sequence[str]) -> str:
    """Return the sentence about recordings without a label, or an empty string if all recordings have one."""
    if not blocks.unlabelled:
        return ""
    verb, end = (
        ("has", "counts as a block of its own") if blocks.unlabelled == 1 else ("have", "each count as one block")
    )
    return f"{counted(blocks.unlabelled, 'recording')} {verb} no {'+'.join(columns)} and {end}."


def explain(
    remark: Remark | None, blocks: int, columns: Sequence[str], noun: str = "words", quantity: str = "rate"
) -> str:
    """Translate the remark of an `Interval`, such as "one-unit", into sentences. The result is empty for None.

    >>> explain("one-unit", 1, ["speaker"])
    'There is only one speaker, and an interval needs two or more. Add speakers, or pass block="audio_id" for an
    interval that treats the recordings as independent.'
    """
    single = block_noun(columns)
    plural = block_noun(columns, 2)
    add = f"Add {plural}" + (
        ""
        if list(columns) == ["audio_id"]
        else ', or pass block="audio_id" for an interval that treats the recordings as independent'
    )
    if remark is None:
        return ""
    return {
        "no-units": "Nothing was scored, so there is no interval.",
        "one-unit": f"There is only one {single}, and an interval needs two or more. {add}.",
        "no-denominator": f"There are no {noun}, so there is no {quantity}.",
        "one-holds-all": f"One {single} has all the {noun}, and an interval needs two or more. {add}.",
        "no-variation": (
            f"All {blocks} {plural} have the same {quantity}. Without variation there is no interval. {add}."
        ),
        "no-studentized": f'There are too few different {plural} for a studentized interval. Use method="auto".',
        "few-units": f"Only {blocks} {plural}: the interval is wide. More {plural} would narrow it.",
        "uneven": (
            f"A few of the {blocks} {plural} dominate the {quantity}: the interval is wide. "
            f"More {plural} would narrow it."
        ),
        "no-errors": (
            f"There are no errors at all. The upper end is the exact Poisson bound, which treats the {noun} as "
            f"independent and ignores the {plural}."
        ),
        "too-narrow": f'Only {blocks} {plural}: a percentile interval is too narrow. Use method="auto".',
    }[remark]


def block_noun(columns: Sequence[str], count: int = 1) -> str:
    """Return the noun for one or several blocks.

    >>> block_noun(["speaker"], 2), block_noun(["audio_id"]), block_noun(["room", "day"], 2)
    ('speakers', 'recording', 'blocks of room+day')
    """
    names = list(columns)
    if names in (["speaker"], ["session"], ["audio_id"]):
        return ("recording" if names == ["audio_id"] else names[0]) + ("" if count == 1 else "s")
    return f"block{'' if count == 1 else 's'} of {'+'.join(names)}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "block"), counted(2, "block")
    ('1 block', '2 blocks')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def known(value: float) -> Any:
    """Return pandas.NA for NaN, otherwise the value."""
    return pd.NA if np.isnan(value) else value
