"""Tables of recordings: their columns of audio, references and metadata.

Conventions: a table has one row for each recording, and named levels of its index count as columns. The audio is in the
column that the user names, otherwise in the first of `AUDIO_COLUMNS` that the table has. The reference is in the column
that the user names, otherwise in ``reference``, otherwise, in NeMo manifests (recognised by ``audio_filepath``), in
``text``, otherwise in the only one of `TRANSCRIPT_COLUMNS`. A column ``audio_id`` gives the ids. If no column has such
a name, names are compared without case, spaces, hyphens and underscores (``File name`` is ``file_name``). All other
columns are kept unchanged as metadata. A column that has the name of a column of the recordings table gets ``_given``
after its name, with a warning. A table with *all* columns of the recordings table is a recordings table that is
transcribed again, and those columns are dropped.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pandas as pd

from soniox_ds._arguments import did_you_mean
from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import SourceError
from soniox_ds.schema import RECORDINGS, with_named_levels
from soniox_ds.sources.recording import printable

__all__ = [
    "AUDIO_COLUMNS",
    "TEXT_COLUMNS",
    "TRANSCRIPT_COLUMNS",
    "Table",
    "columns_named",
    "join_metadata",
    "plain_name",
    "understand_table",
]

AUDIO_COLUMNS = (
    *("source", "audio_filepath", "path", "audio", "file", "filename", "url", "audio_url", "wav"),
    *("file_name", "audio_path", "audio_file"),
)
"""Names of columns that may hold the audio, in the order in which they are tried."""

TRANSCRIPT_COLUMNS = (
    *("transcript", "transcription", "sentence", "normalized_text", "reference_text", "reference_transcript"),
    *("ground_truth", "ref", "references"),
)
"""Names of columns that hold the reference if no column is called ``reference`` or, in references, ``text``."""

TEXT_COLUMNS = frozenset(("audio_id", "speaker", "reference", "text", *AUDIO_COLUMNS, *TRANSCRIPT_COLUMNS))
"""Columns that are text in every manifest, even where they look like numbers."""


_SECRET_NAME = re.compile(
    r"(password|passwd|passphrase|credentials?|authorization|(api|access|secret|private)key|(auth|access|bearer)token)$"
    r"|^(pwd|secret|clientsecret|auth|bearer|token|jwt)$"
)
"""Plain names of columns that hold keys or passwords, as `plain_name` gives them."""

_LATER_COLUMNS = {"resolved_model"}
"""Columns of the recordings table that the first version did not write."""


class Table(NamedTuple):
    """The parts of a table of recordings."""

    audio_column: str
    audio: list[Any]
    """Paths, URLs, bytes or dicts of bytes and path."""
    ids: list[str] | None
    """The user's ids, with "" for a missing id; None if the table has no column of ids."""
    metadata: pd.DataFrame
    """The other columns, with a RangeIndex."""


def understand_table(
    table: pd.DataFrame,
    label: str,
    *,
    audio_column: str | None = None,
    id_column: str | None = None,
    reference_column: str | None = None,
) -> Table:
    """Find the audio, ids, references and metadata in a table. `label` is the name of the table in messages.

    Raises
    ------
    SourceError
        If no column holds audio, a named column is absent, two columns have the same name, the table has no rows, or
        rows are segments of files instead of whole files.

    Examples
    --------
    >>> table = understand_table(pd.DataFrame({"audio_filepath": ["a.wav"], "text": ["hello"]}), "the table")
    >>> table.audio, table.metadata.columns.tolist()
    (['a.wav'], ['reference'])
    """
    frame = with_named_levels(table, label).reset_index(drop=True)
    frame.columns = pd.Index([str(name) for name in frame.columns])
    if repeated := sorted(set(frame.columns[frame.columns.duplicated()])):
        raise SourceError(f"{label} has more than one column called {repeated[0]!r}; it has {list(frame.columns)}")
    audio = _audio_column(frame, label, audio_column)
    reference = _reference_column(frame, label, audio, reference_column)
    if frame.empty:
        raise SourceError(f"{label} has the columns {list(frame.columns)} but no rows; it needs one for each recording")
    if audio == "audio_filepath":
        _refuse_segments(frame, label)
    if id_column is None:
        id_column = next(iter(columns_named(frame.columns, ["audio_id"])), None)
    elif id_column not in frame:
        raise SourceError(
            f"{label} has no column {id_column!r} (id_column); it has {list(frame.columns)}."
            f"{did_you_mean(id_column, frame.columns)}"
        )
    ids = None if id_column is None else [_id(value) for value in frame[id_column].tolist()]
    used = {audio, id_column, reference}
    if set(RECORDINGS) - set(frame.columns) <= _LATER_COLUMNS:
        used |= set(RECORDINGS)
    names = [name for name in frame.columns if name not in used]
    metadata = frame[names].rename(columns=_renamed(names, label))
    _warn_of_secrets(metadata, label)
    if reference is not None:
        metadata["reference"] = frame[reference].map(str, na_action="ignore").astype("string")
    return Table(audio, frame[audio].tolist(), ids, metadata)


def join_metadata(parts: Sequence[tuple[int, pd.DataFrame]], count: int) -> pd.DataFrame:
    """Concatenate the metadata of several tables, with NA for unknown values.

    Parameters
    ----------
    parts
        For each table, the row of the result at which it starts, and its metadata. No two tables share a row.
    count
        Number of rows of the result.
    """
    rows = pd.RangeIndex(count)
    if len(parts) == 1 and len(parts[0][1]) == count:
        return parts[0][1].set_axis(rows)
    # Rows that belong to no table are missing values, and only nullable dtypes keep integers unchanged.
    with_gaps = [
        metadata.set_axis(range(start, start + len(metadata))).convert_dtypes()
        for start, metadata in parts
        if metadata.shape[1]
    ]
    return pd.concat(with_gaps).reindex(rows) if with_gaps else pd.DataFrame(index=rows)


def plain_name(name: str) -> str:
    """Return the name of a column in lower case, without spaces, hyphens and underscores.

    >>> plain_name(" Audio-ID"), plain_name("file_name"), plain_name("fileName")
    ('audioid', 'filename', 'filename')
    """
    return re.sub(r"[\s_-]+", "", name).casefold()


def columns_named(columns: Iterable[str], names: Sequence[str]) -> list[str]:
    """Return the columns that have one of the names, in the order of the names.

    If no column has one of the names, case, spaces, hyphens and underscores are ignored.

    >>> columns_named(["File Name", "Text"], ["file", "file_name"]), columns_named(["Path", "file"], ["path", "file"])
    (['File Name'], ['file'])
    """
    columns = list(columns)
    exact = [name for name in names if name in columns]
    if exact:
        return exact
    wanted = dict.fromkeys(map(plain_name, names))
    return [column for name in wanted for column in columns if plain_name(column) == name]


def _audio_column(frame: pd.DataFrame, label: str, audio_column: str | None) -> str:
    if audio_column is not None:
        if audio_column not in frame:
            raise SourceError(
                f"{label} has no column {audio_column!r} (audio_column); it has {list(frame.columns)}."
                f"{did_you_mean(audio_column, frame.columns)}"
            )
        return audio_column
    if columns := columns_named(frame.columns, AUDIO_COLUMNS):
        return columns[0]
    raise SourceError(
        f"{label}: no column is known to contain audio; the columns are {list(frame.columns)}. Rename that "
        f"column to 'source', or pass audio_column=... (names looked for: {', '.join(AUDIO_COLUMNS)})"
    )


def _reference_column(frame: pd.DataFrame, label: str, audio: str, reference_column: str | None) -> str | None:
    if reference_column is not None:
        if reference_column not in frame:
            raise SourceError(
                f"{label} has no column {reference_column!r} (reference_column); it has {list(frame.columns)}."
                f"{did_you_mean(reference_column, frame.columns)}"
            )
        return reference_column
    if columns := columns_named(frame.columns, ["reference"]):
        return columns[0]
    if audio == "audio_filepath" and "text" in frame:
        return "text"
    columns = columns_named(frame.columns, TRANSCRIPT_COLUMNS)
    return columns[0] if len(columns) == 1 else None


def _refuse_segments(frame: pd.DataFrame, label: str) -> None:
    if "offset" not in frame:
        return
    offsets = pd.to_numeric(frame["offset"], errors="coerce").fillna(0).to_numpy(float)
    if segments := int((offsets != 0).sum()):
        first = int((offsets != 0).argmax())
        raise SourceError(
            f"{label} lists segments of files: {segments} rows have an offset (the first is row {first + 1}, "
            f"{offsets[first]:g} s). A recording is a whole file: cut the segments into files, or list each file once"
        )


def _warn_of_secrets(metadata: pd.DataFrame, label: str) -> None:
    """Warn of columns of texts that are named like a key or a password."""
    suspects = [name for name in metadata.columns if _SECRET_NAME.search(plain_name(name))]
    secrets = [name for name in suspects if any(isinstance(value, str) and value for value in metadata[name])]
    if secrets:
        warn_caller(
            f"{label}: columns are named like a secret: {', '.join(map(repr, secrets))}. Like all columns, they are "
            "saved with the corpus and written by exports. If they hold keys or passwords, drop them from the table.",
            UserWarning,
        )


def _renamed(names: Sequence[str], label: str) -> dict[str, str]:
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
            f"{label}: these columns have the names of columns of the recordings table, so they are kept under other "
            f"names: {renamed}. If one of them contains the reference texts, pass reference_column=...",
            stacklevel=2,
        )
    return renamed


def _id(value: Any) -> str:
    """Return an id as text. Whole numbers that pandas turned into floats become whole again."""
    if value is None or value is pd.NA or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return printable(str(value))
