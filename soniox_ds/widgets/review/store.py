"""Storage of reviews in memory and in a file, so that no verdict is lost.

Conventions: a review is identified by recording, start and end; the latest one counts. The file holds
``schema.REVIEWS`` and may be shared: reviews that others have written meanwhile are kept, and the file is replaced as a
whole. In .csv, spreadsheet programs cannot run any text as a formula (``formula_cells``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import RLock
from typing import Any

import pandas as pd
from filelock import FileLock

from soniox_ds.exceptions import InputError, SchemaError, SourceError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.formula_cells import formulas_quoted, formulas_unquoted
from soniox_ds.schema import REVIEWS, conform, need, need_milliseconds
from soniox_ds.sources.manifests import read_table

__all__ = ["Key", "ReviewStore", "read_reviews"]

Key = tuple[str, int, int]

_TEXTS = [name for name, column in REVIEWS.items() if column.dtype == "string"]
_PATIENCE_S = 10  # seconds to wait for another queue that writes the same file
_TRUE, _FALSE = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")


class ReviewStore:
    """The reviews of this queue and those of the file."""

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            if path.suffix.lower() not in (".csv", ".parquet"):
                raise InputError(f"save_to is {str(path)!r}; reviews are saved as .csv or .parquet.")
            if not path.parent.is_dir():
                raise InputError(f"save_to: the folder {str(path.parent)!r} does not exist; create it first.")
        self.path = path
        self._lock = RLock()
        self._rows: dict[Key, dict[str, Any]] = {}
        if path is not None and path.exists():
            self._rows = _by_key(read_reviews(path))

    def get(self, key: Key) -> Mapping[str, Any] | None:
        """Return the review of a clip, or None."""
        with self._lock:
            return self._rows.get(key)

    def keep(self, review: Mapping[str, Any]) -> None:
        """Keep a row of ``schema.REVIEWS`` and write the file.

        Raises InputError or OSError if the file cannot be written. The row is kept in memory even then.
        """
        with self._lock:
            key = (review["audio_id"], review["start_ms"], review["end_ms"])
            self._rows[key] = dict(review)
            if self.path is None:
                return
            with FileLock(self.path.with_name(f".{self.path.name}.lock"), timeout=_PATIENCE_S):
                if self.path.exists():
                    for other, row in _by_key(read_reviews(self.path)).items():
                        if other not in self._rows or _newer(row, self._rows[other]):
                            self._rows[other] = row
                _write(self.path, self.table(self._rows))

    def table(self, keys: Iterable[Key]) -> pd.DataFrame:
        """Return the reviews of these clips, as far as there are any: ``schema.REVIEWS``."""
        with self._lock:
            rows = [self._rows[key] for key in keys if key in self._rows]
        return conform(pd.DataFrame(rows, columns=list(REVIEWS)), REVIEWS)


def read_reviews(path: Path) -> pd.DataFrame:
    """Read ``schema.REVIEWS`` from .csv or .parquet.

    Raises
    ------
    SchemaError
        If the file contains something else.
    """
    try:
        table = read_table(path, "reviews", "review", REVIEWS)
    except SourceError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno is not None:  # the file cannot be opened
            raise error.__cause__ from None
        raise SchemaError(f"{path}: this is not a table of reviews: {error}") from error
    if path.suffix.lower() == ".csv":
        table = table.assign(**{name: formulas_unquoted(table[name]) for name in _TEXTS if name in table})
    need(table, "audio_id", "start_ms", "end_ms", "verdict", name=str(path))
    try:
        for name in ("start_ms", "end_ms"):
            table[name] = pd.to_numeric(table[name]).astype("Float64")
        if "reviewed_at" in table:
            table["reviewed_at"] = pd.to_datetime(table["reviewed_at"], utc=True, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise SchemaError(f"{path}: this is not a table of reviews: {error}") from error
    if "corrected" in table:
        table["corrected"] = _booleans(table["corrected"], path)
    else:
        table["corrected"] = table["correction"].notna() if "correction" in table else False
    return conform(need_milliseconds(table, str(path)), REVIEWS)[list(REVIEWS)]


def _booleans(column: pd.Series[Any], path: Path) -> pd.Series[Any]:
    words = column.astype("string").str.lower()
    if (odd := words[~words.isin([*_TRUE, *_FALSE]) & words.notna()]).size:
        raise SchemaError(f"{path}: corrected contains {odd.iloc[0]!r}; it can be true or false.")
    return words.isin(_TRUE).astype("boolean")


def _by_key(table: pd.DataFrame) -> dict[Key, dict[str, Any]]:
    reviews: dict[Key, dict[str, Any]] = {}
    for values in table.astype(object).where(table.notna(), None).to_dict("records"):
        row = {str(name): value for name, value in values.items()}
        key = (str(row["audio_id"]), int(row["start_ms"]), int(row["end_ms"]))
        if key not in reviews or _newer(row, reviews[key]):
            reviews[key] = row
    return reviews


def _newer(row: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    mine, theirs = row.get("reviewed_at"), other.get("reviewed_at")
    return mine is not None and (theirs is None or mine > theirs)


def _write(path: Path, table: pd.DataFrame) -> None:
    """Write the file atomically, so that an incomplete table never replaces a complete one."""
    with replacing(path) as beside:
        if path.suffix.lower() == ".parquet":
            table.to_parquet(beside, index=False)
        else:
            when = table["reviewed_at"].dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3] + "Z"
            texts = {name: formulas_quoted(table[name]) for name in _TEXTS}
            # With this line end, the writer quotes cells that contain either part of it.
            table.assign(**texts, reviewed_at=when).to_csv(beside, index=False, lineterminator="\r\n")
