"""CSV files of the tables of transcripts.

Conventions: UTF-8, commas, and a header. Texts are in quotation marks, so that ``""`` is an empty text, and an empty
cell is a missing value. Texts that spreadsheet programs would run as formulas get an apostrophe in front
(`soniox_ds.files.formula_cells`).
"""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from soniox_ds._arguments import check_choice
from soniox_ds.exceptions import InputError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.formula_cells import formulas_quoted
from soniox_ds.io.contents import audio_ids_of, is_segments
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import need
from soniox_ds.schema.inputs import Transcribed, Transcripts
from soniox_ds.text.words import as_words, segments, texts

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["write_csv"]

_ROWS = ("words", "segments", "texts", "recordings", "tokens")


@explains_keywords
def write_csv(
    transcripts: Transcripts, path: str | Path, *, rows: str | None = None, byte_order_mark: bool = False
) -> None:
    """Write a table as CSV (UTF-8) in which spreadsheet programs do not run any text as a formula.

    An apostrophe is put in front of a text, or a name of a column, that begins with ``=``, ``+``, ``-``, ``@``, a tab
    or a line end. A missing value is written as an empty cell, and an empty text as ``""``.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words or tokens; or a table of segments.
    path
        The file to write.
    rows
        The table to write: "words", "segments", "texts", "recordings" (only for a Corpus or LiveResult) or "tokens"
        (only for a Corpus, a LiveResult or tokens). None writes words, unless `transcripts` are a table of segments,
        which is written as it is.
    byte_order_mark
        True to begin the file with a byte order mark, by which Excel recognises UTF-8.

    Raises
    ------
    InputError
        If there is nothing to write, if `transcripts` do not have the table that `rows` names, or if the file cannot be
        written. An existing file is then kept.
    SchemaError
        If a column is absent.

    Warns
    -----
    UserWarning
        If recordings that failed are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> table = pd.DataFrame({"audio_id": ["talk"], "start_ms": [400], "end_ms": [1200], "text": ["=1+1"]})
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_csv(table, f"{folder}/talk.csv")
    ...     print(Path(folder, "talk.csv").read_text().strip())
    "audio_id","start_ms","end_ms","text"
    "talk",400,1200,"'=1+1"
    """
    import pyarrow as pa
    from pyarrow import csv

    if rows is not None:
        check_choice(rows, "rows", _ROWS)
    if rows == "recordings" and isinstance(transcripts, Transcribed):
        table = transcripts.recordings  # Failed recordings, too, with the reason.
    else:
        ids = audio_ids_of(transcripts, "CSV")
        table = _table(transcripts, rows)
        table = table[table["audio_id"].isin(ids)]
    arrow = pa.table(
        [_column(table[name]) for name in table.columns], names=[_quoted(str(name)) for name in table.columns]
    )
    with replacing(path) as beside, beside.open("wb") as opened:
        opened.write(codecs.BOM_UTF8 if byte_order_mark else b"")
        csv.write_csv(arrow, opened)


def _table(transcripts: Transcripts, rows: str | None) -> pd.DataFrame:
    if is_segments(transcripts):
        need(transcripts, "audio_id", "text", name="segments")
        if rows not in (None, "segments"):
            raise InputError(f"a table of segments has no {rows}; give a Corpus, a LiveResult, words or tokens.")
        return transcripts
    if rows == "segments":
        return segments(transcripts)
    if rows == "texts":
        return texts(transcripts)
    if rows in (None, "words"):
        return as_words(transcripts)
    table = transcripts.tokens if isinstance(transcripts, Transcribed) else transcripts
    if rows == "recordings" or not isinstance(table, pd.DataFrame) or "token_index" not in table:
        raise InputError(f"the given table has no {rows}; give a Corpus or a LiveResult.")
    return table


def _quoted(name: str) -> str:
    """Return the name of a column, with an apostrophe in front if it would be a formula."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else name


def _column(column: pd.Series[Any]) -> pa.Array:
    """Return a column in Arrow, with formulas quoted. Values that Arrow cannot hold together are written as texts."""
    import pyarrow as pa

    try:
        values = (
            pa.array(column.astype(object), from_pandas=True)
            if column.dtype == "category"
            else pa.array(column, from_pandas=True)
        )
        is_plain = not pa.types.is_nested(values.type) and not pa.types.is_binary(values.type)
    except (pa.ArrowException, TypeError, ValueError):
        is_plain = False
    if not is_plain:
        texts_of = [None if pd.api.types.is_scalar(each) and pd.isna(each) else str(each) for each in column]
        column = pd.Series(texts_of, dtype="string")
    elif not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return values
    return pa.array(formulas_quoted(column.astype(object)), pa.large_string(), from_pandas=True)
