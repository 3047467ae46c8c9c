"""Workbooks of Excel (xlsx).

Conventions: a cell whose text begins like a formula is a text cell with Excel's quote prefix, so that Excel does not
run it, even after the cell has been edited. A sheet has at most 1,048,576 rows, and a cell at most 32,767 UTF-16 code
units. Source:
https://support.microsoft.com/en-us/office/excel-specifications-and-limits-1672b34d-7043-467e-8e27-269d656771c3
"""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import SetupError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.formula_cells import formulas_quoted
from soniox_ds.io.contents import audio_ids_of, is_segments
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import need
from soniox_ds.schema.inputs import Transcribed, Transcripts
from soniox_ds.text.words import as_words, segments

if TYPE_CHECKING:
    from xlsxwriter import Workbook

__all__ = ["write_excel"]

_LAST_ROWS = 1_048_575
"""Rows of a sheet below its header."""
_LONGEST_TEXT = 32_767
_LARGEST_INTEGER = 2**53
"""Largest integer up to which all integers are exact in Excel."""


@explains_keywords
def write_excel(transcripts: Transcripts, path: str | Path) -> None:
    """Write an Excel workbook with the sheets `recordings`, `segments` and `words`.

    A text is never run as a formula: a text that begins with ``=``, ``+``, ``-`` or ``@`` is written as a text cell. A
    table with more than 1,048,575 rows is continued on further sheets (``words 2``).

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, or a table. For a table of words or tokens, the sheet `recordings` is not written. For a
        table of segments, only the sheet `segments` is written.
    path
        The file to write, such as ``calls.xlsx``.

    Raises
    ------
    SetupError
        If ``xlsxwriter`` is not installed.
    InputError
        If there is nothing to write, or the file cannot be written. In both cases, an existing file is kept.
    SchemaError
        If a column is absent.

    Warns
    -----
    UserWarning
        If recordings have failed (they appear only on the sheet `recordings`), or if texts are cut because they are
        longer than a cell can hold.

    Examples
    --------
    >>> import openpyxl
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from tempfile import TemporaryDirectory
    >>> rows = pd.DataFrame({"audio_id": ["talk"], "start_ms": [400], "end_ms": [1200], "text": ["=1+1"]})
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_excel(rows, f"{folder}/talk.xlsx")
    ...     sheet = openpyxl.load_workbook(f"{folder}/talk.xlsx")["segments"]
    >>> sheet["D2"].value, sheet["D2"].data_type
    ('=1+1', 's')
    """
    try:
        from xlsxwriter import Workbook
    except ImportError as error:
        raise SetupError("write_excel needs a package that is not installed: pip install xlsxwriter") from error

    audio_ids_of(transcripts, "Excel")
    if is_segments(transcripts):
        need(transcripts, "audio_id", "text", name="segments")
        sheets = {"segments": transcripts}
    else:
        words = as_words(transcripts)
        sheets = {"segments": segments(words), "words": words}
    if isinstance(transcripts, Transcribed):
        sheets = {"recordings": transcripts.recordings, **sheets}
    with replacing(path) as beside:
        workbook = Workbook(str(beside), {"constant_memory": True})
        n_cut = sum(_add_table(workbook, name, table) for name, table in sheets.items())
        workbook.close()
    if n_cut:
        advice = "the sheet words has every word" if "words" in sheets else "write the words, or another format, too"
        warn_caller(
            f"Excel: {n_cut} texts are cut at {_LONGEST_TEXT} characters, because a cell holds no more; {advice}.",
            UserWarning,
        )


def _add_table(workbook: Workbook, title: str, table: pd.DataFrame) -> int:
    """Write a table to as many sheets as it needs, and return the number of texts that were cut."""
    formats = {
        "header": workbook.add_format({"bold": True}),
        "quoted": workbook.add_format({"quote_prefix": True}),
        "time": workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"}),
    }
    n_cut = 0
    for number, first in enumerate(range(0, max(len(table), 1), _LAST_ROWS), start=1):
        part = table.iloc[first : first + _LAST_ROWS]
        sheet = workbook.add_worksheet(title if number == 1 else f"{title} {number}")
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(table.columns):
            sheet.write_string(0, column, str(name), formats["header"])
        columns = [_cells(part[name]) for name in table.columns]
        for row, values in enumerate(zip(*columns, strict=True), start=1):
            for column, (value, is_quoted) in enumerate(values):
                if isinstance(value, str):
                    text = _cut(value)
                    n_cut += text != value
                    sheet.write_string(row, column, text, formats["quoted"] if is_quoted else None)
                elif isinstance(value, bool):
                    sheet.write_boolean(row, column, value)
                elif isinstance(value, int | float):
                    sheet.write_number(row, column, value)
                elif value is not None:
                    sheet.write_datetime(row, column, value, formats["time"])
    return n_cut


def _cells(column: pd.Series[Any]) -> list[tuple[Any, bool]]:
    """Return the values of a column, None where they are missing, and True for texts that begin like formulas."""
    values = pd.Series([_cell(value) for value in column.astype(object)], dtype=object)
    texts = values[[isinstance(value, str) for value in values]]
    is_quoted = np.zeros(len(values), np.bool_)
    is_quoted[texts.index] = formulas_quoted(texts) != texts
    return list(zip(values.tolist(), is_quoted.tolist(), strict=True))


def _cell(value: Any) -> Any:
    if not pd.api.types.is_scalar(value):
        return str(value)
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return (value.tz_convert(UTC).tz_localize(None) if value.tzinfo else value).to_pydatetime()
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | float | np.number):
        number = value.item() if isinstance(value, np.number) else value
        return number if abs(number) <= _LARGEST_INTEGER else str(number)
    return str(value)


def _cut(text: str) -> str:
    if len(text) * 2 <= _LONGEST_TEXT:
        return text
    raw = text.encode("utf-16-le", "surrogatepass")
    return text if len(raw) <= 2 * _LONGEST_TEXT else raw[: 2 * _LONGEST_TEXT].decode("utf-16-le", "ignore")
