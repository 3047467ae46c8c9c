"""Tables of recordings: which column holds the audio, which the reference, and what travels along.

Conventions: a table has one row for each recording; named levels of its index are columns, too. The audio is in the
column that the user names, else in the first of `AUDIO_COLUMNS` that is there. The reference is in the column that the
user names, else in ``reference``, else, in NeMo manifests (recognised by ``audio_filepath``), in ``text``. ``audio_id``
is honoured. All other columns travel along untouched, but none may be called like a column of the recordings table:
such a one gets ``_given`` behind its name, with a warning. A table with *all* columns of the recordings table is one,
about to be transcribed again, and loses them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from soniox_ds.exceptions import SourceError
from soniox_ds.schema import RECORDINGS, with_named_levels
from soniox_ds.sources.recording import printable

__all__ = ["AUDIO_COLUMNS", "TEXT_COLUMNS", "Table", "join_metadata", "understand_table"]

AUDIO_COLUMNS = (
    *("source", "audio_filepath", "path", "audio", "file", "filename", "url", "audio_url", "wav"),
    *("file_name", "audio_path", "audio_file"),
)
"""Names under which a table may hold the audio, in the order in which they are looked for."""

TEXT_COLUMNS = frozenset(("audio_id", "speaker", "reference", "text", *AUDIO_COLUMNS))
"""Columns that are text in every manifest, even where they look like numbers."""


_LATER_COLUMNS = {"resolved_model"}
"""Columns of the recordings table that the first version did not write."""


class Table(NamedTuple):
    """A table that was understood."""

    audio_column: str
    audio: list[Any]
    """Paths, URLs, bytes or dicts of bytes and path."""
    ids: list[str] | None
    """The user's ids, "" where one is missing; None without a column of them."""
    metadata: pd.DataFrame
    """The columns that travel along; RangeIndex."""


def understand_table(
    table: pd.DataFrame, what: str, *, audio_column: str | None = None, reference_column: str | None = None
) -> Table:
    """Tell audio, ids, reference and metadata of a table apart; `what` names the table in messages.

    Raises
    ------
    SourceError
        If no column holds audio, a named column is absent, a name stands twice, there are no rows, or rows are segments
        of files instead of whole files.

    Examples
    --------
    >>> table = understand_table(pd.DataFrame({"audio_filepath": ["a.wav"], "text": ["hello"]}), "the table")
    >>> table.audio, table.metadata.columns.tolist()
    (['a.wav'], ['reference'])
    """
    frame = with_named_levels(table, what).reset_index(drop=True)
    frame.columns = pd.Index([str(name) for name in frame.columns])
    if repeated := sorted(set(frame.columns[frame.columns.duplicated()])):
        raise SourceError(f"{what} has more than one column called {repeated[0]!r}; it has {list(frame.columns)}")
    audio = _audio_column(frame, what, audio_column)
    reference = _reference_column(frame, what, audio, reference_column)
    if frame.empty:
        raise SourceError(f"{what} has the columns {list(frame.columns)} but no rows; it needs one for each recording")
    if audio == "audio_filepath":
        _refuse_segments(frame, what)
    ids = [_id(value) for value in frame["audio_id"].tolist()] if "audio_id" in frame else None
    used = {audio, "audio_id", reference}
    if set(RECORDINGS) - set(frame.columns) <= _LATER_COLUMNS:
        used |= set(RECORDINGS)
    names = [name for name in frame.columns if name not in used]
    metadata = frame[names].rename(columns=_renamed(names, what))
    if reference is not None:
        metadata["reference"] = frame[reference].map(str, na_action="ignore").astype("string")
    return Table(audio, frame[audio].tolist(), ids, metadata)


def join_metadata(parts: Sequence[tuple[int, pd.DataFrame]], count: int) -> pd.DataFrame:
    """Put the metadata of several tables under each other: each with the row where it begins, NA where nobody knows.

    Parameters
    ----------
    parts
        First row and metadata of each table; tables do not overlap.
    count
        Number of rows of the result.
    """
    rows = pd.RangeIndex(count)
    if len(parts) == 1 and len(parts[0][1]) == count:
        return parts[0][1].set_axis(rows)
    # Rows without a table leave gaps; only dtypes that have NA keep whole numbers whole.
    pieces = [
        metadata.set_axis(range(start, start + len(metadata))).convert_dtypes()
        for start, metadata in parts
        if metadata.shape[1]
    ]
    return pd.concat(pieces).reindex(rows) if pieces else pd.DataFrame(index=rows)


def _audio_column(frame: pd.DataFrame, what: str, wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in frame:
            raise SourceError(f"{what} has no column {wanted!r} (audio_column); it has {list(frame.columns)}")
        return wanted
    for name in AUDIO_COLUMNS:
        if name in frame:
            return name
    raise SourceError(
        f"no column of {what} is known to hold audio; it has {list(frame.columns)}. Call that column 'source', or name "
        f"it: audio_column=... (looked for: {', '.join(AUDIO_COLUMNS)})"
    )


def _reference_column(frame: pd.DataFrame, what: str, audio: str, wanted: str | None) -> str | None:
    if wanted is not None:
        if wanted not in frame:
            raise SourceError(f"{what} has no column {wanted!r} (reference_column); it has {list(frame.columns)}")
        return wanted
    if "reference" in frame:
        return "reference"
    return "text" if audio == "audio_filepath" and "text" in frame else None


def _refuse_segments(frame: pd.DataFrame, what: str) -> None:
    if "offset" not in frame:
        return
    offsets = pd.to_numeric(frame["offset"], errors="coerce").fillna(0).to_numpy(float)
    if segments := int((offsets != 0).sum()):
        first = int((offsets != 0).argmax())
        raise SourceError(
            f"{what} lists segments of files: {segments} rows have an offset (the first is row {first + 1}, "
            f"{offsets[first]:g} s). A recording is a whole file: cut the segments into files, or list each file once"
        )


def _renamed(names: Sequence[str], what: str) -> dict[str, str]:
    taken, renamed = set(names), {}
    for name in names:
        if name in RECORDINGS:
            candidate, number = f"{name}_given", 2
            while candidate in taken:
                candidate, number = f"{name}_given_{number}", number + 1
            taken.add(candidate)
            renamed[name] = candidate
    if renamed:
        warnings.warn(
            f"{what}: columns called like columns of the recordings table travel along under other names: {renamed}. "
            "If one of them holds what was said, name it: reference_column=...",
            stacklevel=2,
        )
    return renamed


def _id(value: Any) -> str:
    """Write an id as text; whole numbers that pandas turned into floats are whole again."""
    if value is None or value is pd.NA or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return printable(str(value))
