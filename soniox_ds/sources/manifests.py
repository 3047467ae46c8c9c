"""Readers of tables of recordings and references: CSV, TSV, JSONL (also NeMo's), JSON and Parquet.

Conventions: one row is one recording, and the columns of the file are kept. In CSV and TSV an empty cell is NA and a
quoted empty cell (``""``) is the empty text. Columns of whole numbers become Int64, of other numbers Float64, of
true/false boolean, and all others string. Numbers with leading zeros or more than 18 digits are ids and stay text, as
do columns that must be text. The separator of a ``.csv`` file is the one named by a first line ``sep=;``, as Excel
writes it; otherwise it is the one of comma, semicolon, tab and ``|`` that the header uses most. In ``.tsv`` files
quotes only count around a whole cell, because many tools write sentences there that merely begin with a quote. Text is
UTF-8 or UTF-16. Empty rows at the end are left out.

A table that cannot be read as a whole is refused, because a line lost in silence would be a lost recording or
reference.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import SourceError
from soniox_ds.files.text_files import decode_text, lines_of_file
from soniox_ds.io.annotation_files import format_of_path, joined_texts, read_annotations
from soniox_ds.io.formats import format_of_file
from soniox_ds.schema import with_named_levels
from soniox_ds.sources.class_labels import features_of_metadata, with_label_names
from soniox_ds.sources.recording import shown
from soniox_ds.sources.reference_columns import (
    REFERENCE_COLUMNS,
    is_row,
    refuse_repeated_ids,
    rows_of_object,
    with_header_of_ljspeech,
    with_usual_names,
)
from soniox_ds.sources.tables import plain_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "MANIFEST_EXTENSIONS",
    "SPREADSHEETS",
    "frame_of",
    "is_manifest",
    "read_manifest",
    "read_references",
    "read_table",
]

MANIFEST_EXTENSIONS = frozenset((".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet"))
"""Extensions, in lower case, of files that list recordings."""
SPREADSHEETS = frozenset((".xls", ".xlsx", ".xlsm", ".xlsb", ".ods", ".numbers"))
"""Extensions, in lower case, of spreadsheets, which only office programs read."""

_OTHER_JSON = (
    ("a SegLST file", "seglst", {"session_id", "words"}),
    ("supervisions of Lhotse", "lhotse", {"recording_id", "start", "duration"}),
)
"""Formats that are JSON with one row for each segment, and the keys that tell them."""
_OFFICE = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""First bytes of the files of office programs. Newer formats are ZIP archives."""

_WHOLE = r"^-?(0|[1-9][0-9]{0,17})$"
_NUMBER = r"^-?((0|[1-9][0-9]{0,17})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_NO_NUMBER = ("", "NA", "N/A", "NaN", "nan", "null", "None")
_TRUTHS = ("true", "false", "True", "False", "TRUE", "FALSE")
_SEPARATORS = ",;\t|"
_SEPARATOR_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?[ ]*(?:\r\n|\n|\r)', re.IGNORECASE | re.ASCII)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


class _File(NamedTuple):
    """A file and its description in messages."""

    path: str
    noun: str
    rows: str
    """Noun for one row, such as ``"recording"``."""
    content: bytes | None = None
    """The content of a file that is not on this machine."""

    def __str__(self) -> str:
        return f"the {self.noun} {shown(self.path)}"

    def read(self) -> bytes:
        """Return the content of the file."""
        if self.content is not None:
            return self.content
        with open(self.path, "rb") as opened:
            return opened.read()


def is_manifest(path: str) -> bool:
    """Return True if a file with this name is a list of recordings, not a recording.

    >>> is_manifest("test.CSV"), is_manifest("a.wav")
    (True, False)
    """
    return os.path.splitext(path)[1].lower() in MANIFEST_EXTENSIONS


def read_manifest(path: str, text_columns: Collection[str] = (), content: bytes | None = None) -> pd.DataFrame:
    """Read a manifest into a DataFrame with a RangeIndex.

    Parameters
    ----------
    path
        A file with one of `MANIFEST_EXTENSIONS`.
    text_columns
        Columns that are always read as text.
    content
        Content of the file, if it is not on this machine; `path` is then its name.

    Raises
    ------
    SourceError
        If the file cannot be read. The message names the line if possible.
    """
    return _read(_File(path, "manifest", "recording", content), text_columns)


def read_table(path: str | os.PathLike[str], noun: str, rows: str, text_columns: Collection[str]) -> pd.DataFrame:
    """Read a table in any of the formats. Messages call the file `noun` and its rows `rows`.

    Raises
    ------
    SourceError
        If the file cannot be read. The message names the line if possible.
    """
    return _read(_File(os.fsdecode(path), noun, rows), text_columns)


def read_references(
    path: str | os.PathLike[str], *, format: str | None = None, encoding: str | None = None
) -> pd.DataFrame:
    """Read references, as `word_errors` and `report` take them, from a file: a table, or a format of other tools.

    Parameters
    ----------
    path
        A ``.csv`` (separated by comma, semicolon, tab or ``|``), ``.tsv``, ``.jsonl``, ``.json`` or ``.parquet`` file
        with the columns `audio_id` and `reference` (or `text`), also written as ``Audio ID`` or ``AudioId``; or a
        ``.txt`` file with such a header, such as Excel's "Unicode Text". Other usual names are accepted if they fit
        only one column: for ids those of audio files (``path``, ``file_name``, ...), ``id`` and ``utt_id``; for texts
        ``transcript``, ``transcription``, ``sentence``, ``normalized_text`` and ``ground_truth``. A manifest can be
        given as well. A ``.json`` file may be an object of texts by id. A table without a header may be like that of
        LJSpeech (``id|text|normalized``, where `text` is used). In CSV and TSV an empty cell means that there is no
        reference, and a quoted empty cell (``""``) means that nothing is spoken in the recording.

        Or a file of a format of `sx.io` with texts, which is recognised by its extension (``.srt``, ``.vtt``, ``.ctm``,
        ``.stm``, ``.trn``, ...), a folder of such files, or a Kaldi data folder. The texts of each recording are joined
        in the order of time.
    format
        Name of a format of `sx.io` whose files have no extension of their own: "seglst", "lhotse", or "nemo" for a
        manifest of segments. None recognises the format from the extension.
    encoding
        Encoding of the file, such as "latin-1". None reads UTF-8 and UTF-16.

    Returns
    -------
    DataFrame
        The columns of the file, with the ids in `audio_id` and the texts in `reference` or `text`. Ids, references and
        speakers are text, even if they look like numbers, without white space around them.

    Raises
    ------
    SourceError
        If the file is not such a table or cannot be read (the message names the line), or if a recording has more than
        one reference.
    InputError, SchemaError
        If a file of a format of `sx.io` cannot be read. The message names the file and the line.

    Warns
    -----
    UserWarning
        If an STM file has regions that are not scored: words recognised there count as insertions.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "references.csv")
    ...     _ = file.write_text("audio_id;reference\\n007;good morning\\n")
    ...     sx.read_references(file)
      audio_id     reference
    0      007  good morning
    """
    name = os.fsdecode(path)
    extension = os.path.splitext(name)[1].lower()
    if format is None and extension not in MANIFEST_EXTENSIONS and (form := format_of_path(path)) is not None:
        format = form.name
    if format is not None:
        return joined_texts(pd.concat([table for _, table in read_annotations(path, format, encoding=encoding)]))
    if extension not in MANIFEST_EXTENSIONS and extension != ".txt":
        if not os.path.exists(name):
            raise SourceError(f"the references {shown(name)} do not exist.")
        if os.path.isdir(name):
            names = sorted({form.name for file in Path(name).rglob("*") if (form := format_of_file(file)) is not None})
            content = f"files of several formats ({', '.join(names)})" if names else "no file of a format with texts"
            raise SourceError(f"the folder of references {shown(name)} has {content}; name the format with format=.")
        advice = " Save it as CSV." if extension in SPREADSHEETS else ""
        raise SourceError(
            f"the references {shown(name)} must be a file of {', '.join(sorted(MANIFEST_EXTENSIONS))}; found "
            f"{extension or 'no extension'}.{advice} For a format of sx.io, name it with format=, such as 'lhotse'."
        )
    file = _File(name, "references", "reference")
    table = _read(file, REFERENCE_COLUMNS, encoding)
    table.columns = table.columns.map(str)
    if extension in (".json", ".jsonl", ".ndjson"):
        for title, form_name, keys in _OTHER_JSON:
            if keys <= set(table.columns) and "audio_id" not in table:
                raise SourceError(f"{file} look like {title}; read them with format={form_name!r}.")
    if repeated := sorted(set(table.columns[table.columns.duplicated()])):
        raise SourceError(f"{file} have more than one column called {repeated[0]!r}.")
    table = with_usual_names(table, str(file))
    for column in ("audio_id", "reference", "text", "speaker"):
        if column in table and not isinstance(table[column].dtype, pd.StringDtype):
            plain = table[column].map(_as_text, na_action="ignore")
            if all(isinstance(value, str) for value in plain.dropna()):
                table[column] = plain.astype("string")
        if column in table and isinstance(table[column].dtype, pd.StringDtype):
            table[column] = table[column].str.strip()
    refuse_repeated_ids(table, str(file))
    return table


def _as_text(value: Any) -> Any:
    """Return a number as text, whole numbers without a fraction, and any other value unchanged."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _read(file: _File, text_columns: Collection[str], encoding: str | None = None) -> pd.DataFrame:
    extension = os.path.splitext(file.path)[1].lower()
    try:
        if extension == ".parquet":
            return _read_parquet(file)
        raw = file.read()
    except (OSError, ValueError) as error:  # A ValueError means that the name holds a NUL character.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SourceError(f"{file} cannot be read: {reason}") from error
    if raw.startswith(_OFFICE):
        raise SourceError(f"{file} is an office document with a different extension; save it as CSV in its own program")
    try:
        text = decode_text(raw) if encoding is None else raw.decode(encoding).removeprefix("\ufeff")
    except LookupError as error:
        raise SourceError(f"encoding must be the name of an encoding, such as 'latin-1', found {encoding!r}") from error
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{file} is {'neither UTF-8 nor UTF-16' if encoding is None else f'not {encoding}'}: byte "
            f"0x{raw[min(error.start, len(raw) - 1)]:02x} in line {line}; "
            "save it as UTF-8"
        ) from error
    if not text.strip():
        raise SourceError(f"{file} is empty; it needs a line for each {file.rows}")
    if extension in (".csv", ".tsv", ".txt"):
        if file.rows == "reference" and (table := with_header_of_ljspeech(text)) is not None:
            return _read_delimited(table, file, tabs=True, text_columns=text_columns, quotes=False)
        if extension == ".txt":
            _refuse_text(text, file)
        return _read_delimited(text, file, tabs=extension != ".csv", text_columns=text_columns)
    return _read_json(text, file, is_one_value=extension == ".json")


def _refuse_text(text: str, file: _File) -> None:
    """Raise SourceError if a text file is not a table."""
    header = next(line for line in lines_of_file(text) if line.strip())
    names = [_plain(cell) for cell in re.split(r"[,;\t|]", header)]
    if len(names) < 2 or not is_row(dict.fromkeys(names)):
        raise SourceError(
            f"{file} must be a file of {', '.join(sorted(MANIFEST_EXTENSIONS))}; found .txt whose first line is not "
            f"the header of a table: {shown(header)}. A table in a text file begins with a line such as "
            "audio_id<tab>reference"
        )


def _read_parquet(file: _File) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    raw = file.read()  # The bytes are read here, because pyarrow does not accept file names that are not Unicode.
    try:
        table = pq.read_table(pa.BufferReader(raw), page_checksum_verification=True)
        table.validate(full=True)
        frame: pd.DataFrame = table.to_pandas()
    except Exception as error:  # For damaged bytes, pyarrow and pandas raise nearly any exception.
        raise SourceError(f"{file} is not Parquet, or is damaged: {error}") from error
    return with_label_names(with_named_levels(frame, str(file)), features_of_metadata(table.schema.metadata, str(file)))


def _read_json(text: str, file: _File, *, is_one_value: bool) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    if is_one_value and file.rows == "reference" and (content := _single_object(text, str(file))) is not None:
        return frame_of(rows_of_object(content, str(file)))
    if text.lstrip().startswith("["):
        numbered = list(enumerate(_parsed(text, str(file), ""), start=1))
        unit = "entry"
    else:
        numbered = []
        unit = "line"
        for number, line in enumerate(lines_of_file(text), start=1):
            if line and not line.isspace():
                numbered.append(
                    (number, _parsed(line, f"{file}, line {number}", "; each line must be one JSON object"))
                )
    for number, row in numbered:
        if not isinstance(row, dict):
            raise SourceError(
                f'{file}, {unit} {number}: found {type(row).__name__}, not an object such as {{"source": "a.wav"}}'
            )
        rows.append(row)
    if not rows:
        raise SourceError(f"{file} is empty; it needs an entry for each {file.rows}")
    return frame_of(rows)


def _single_object(text: str, label: str) -> dict[str, Any] | None:
    """Return the object that a file consists of, or None if the file is a list or has an object in each line."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        content = _parsed(text, label, "")
    except SourceError as error:
        if isinstance(error.__cause__, json.JSONDecodeError) and error.__cause__.msg == "Extra data":
            return None
        raise
    return content if isinstance(content, dict) else None


def _parsed(text: str, label: str, advice: str) -> Any:
    """Parse JSON. Raise SourceError if it is wrong or an object has a key twice."""
    try:
        value = json.loads(text, object_pairs_hook=_without_repeats)
        return _printable(value) if _SURROGATE.search(text) else value
    except json.JSONDecodeError as error:
        line = f", line {error.lineno}" if "line" not in label else ""
        raise SourceError(f"{label}{line}, column {error.colno}: {error.msg}{advice}") from error
    except (ValueError, RecursionError) as error:  # Such as a repeated key, or thousands of digits or brackets.
        raise SourceError(f"{label}: {error}{advice}") from error


def _printable(value: Any) -> Any:
    """Replace unpaired surrogates in keys and values by U+FFFD, because no file could hold them."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return {_printable(key): _printable(item) for key, item in value.items()} if isinstance(value, dict) else value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"the keys {repeated} occur more than once in one object")
    return content


def frame_of(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Make a DataFrame of dicts. Missing keys become NA, and columns get the narrowest dtype that has NA.

    >>> frame_of([{"n": 1, "id": "007"}, {"id": "8"}])["n"].tolist()
    [1, <NA>]
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame(
        {name: _column([row.get(name) for row in rows]) for name in names}, index=pd.RangeIndex(len(rows))
    )


def _column(values: list[Any]) -> pd.Series[Any]:
    # pandas would convert whole numbers to floats if a value is missing, so the dtype is chosen here.
    clean = [None if isinstance(value, float) and value != value else value for value in values]
    kinds = {type(value) for value in clean if value is not None}
    if kinds == {int} and all(value is None or -(2**63) <= value < 2**63 for value in clean):
        return pd.Series(clean, dtype="Int64")
    if kinds and kinds <= {int, float}:
        return pd.Series(clean, dtype="Float64")
    for kind, dtype in ((str, "string"), (bool, "boolean")):
        if kinds == {kind}:
            return pd.Series(clean, dtype=dtype)
    return pd.Series(clean, dtype=object)


def _read_delimited(
    text: str, file: _File, *, tabs: bool, text_columns: Collection[str], quotes: bool = True
) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.csv as pc

    named = _SEPARATOR_LINE.match(text)
    start = named.end() if named else 0
    header = _QUOTED.sub("", next((line for line in lines_of_file(text[start:]) if line.strip()), ""))
    delimiter = named[1] if named else max("\t" + _SEPARATORS if tabs else _SEPARATORS, key=header.count)
    tabs = tabs and delimiter == "\t"
    rows = _Rows(text, file, delimiter, start=start, quoting=not tabs)
    first = next(iter(rows), None)
    if first is None:
        raise SourceError(f"{file} has no header; its first line must name the columns")
    position, line = first
    header_cells = rows.cells(line)
    names = [_plain(cell) for cell in header_cells]
    padded = delimiter != "\t" and any(cell != cell.strip() for cell in header_cells)  # "audio_id ; reference"
    if repeated := sorted({name for name in names if name and names.count(name) > 1}):
        raise rows.error(position, f"the columns {repeated} occur more than once in {names}")
    if '"' in text:
        rows.check(len(names))
    broken: list[Any] = []

    def note(row: Any) -> str:
        broken.append(row)
        return "skip"

    data = (text[start:] + "\n").encode("utf-8", "surrogatepass")
    try:
        table = pc.read_csv(
            pa.BufferReader(data),
            # One block and one thread are used, so that no row is divided between two blocks.
            read_options=pc.ReadOptions(
                use_threads=False, block_size=len(data) + 1, column_names=[str(place) for place in range(len(names))]
            ),
            parse_options=pc.ParseOptions(
                delimiter=delimiter,
                quote_char=False if tabs else '"',
                newlines_in_values=not tabs,
                invalid_row_handler=note,
            ),
            convert_options=pc.ConvertOptions(
                column_types={str(place): pa.string() for place in range(len(names))},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        ).slice(1)  # The first row is the header.
    except (pa.ArrowException, UnicodeError) as error:
        raise SourceError(f"{file} cannot be read: {error}") from error
    if broken:
        rows.check(len(names))
        raise SourceError(f"{file} has a row that does not match its header: {shown(broken[0].text)}")
    table = table.slice(0, _used_rows(table))
    columns = {}
    texts = set(map(plain_name, text_columns))
    for place, name in enumerate(names):
        column = table.column(place).combine_chunks()
        if padded:
            column = _without_padding(column)
        if (tabs or padded) and quotes:
            column = _unquoted(column)
        if name:
            columns[name] = _series(column, "string") if plain_name(name) in texts else _typed(column)
        elif place or _typed(column).dtype != "Int64":  # A first column of whole numbers is the index of the table.
            _warn_of_nameless(column, place, file)
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))


def _used_rows(table: pa.Table) -> int:
    """Count the rows up to the last row with content. Spreadsheets may write empty rows after it."""
    import pyarrow.compute as pc

    used = 0
    for column in table.columns:
        if column.null_count < len(column):
            filled = pc.indices_nonzero(column.is_valid())
            used = max(used, filled[-1].as_py() + 1)
    return used


def _warn_of_nameless(column: pa.Array, place: int, file: _File) -> None:
    known = column.drop_null()
    if len(known):
        warn_caller(
            f"{file}: column {place + 1} has no name in the header and is left out (its first value is "
            f"{shown(known[0].as_py())}). Name it to keep it.",
            UserWarning,
        )


class _Rows:
    """The positions of the rows in a delimited text.

    Pyarrow reads the cells, but it does not count lines and does not report an open quote.
    """

    def __init__(self, text: str, file: _File, delimiter: str, *, start: int, quoting: bool) -> None:
        self.text, self.file, self.delimiter, self.start = text, file, delimiter, start
        delimiter = re.escape(delimiter)
        bare = rf"[^{delimiter}\r\n]"
        cell = rf'"(?:[^"]++|"")*+"|(?!"){bare}++|(?=[{delimiter}\r\n]|\Z)' if quoting else f"{bare}*+"
        self._row = re.compile(rf"(?:{cell})(?:{delimiter}(?:{cell}))*+(?:\r\n|\n|\r|\Z)")
        self._cell = re.compile(rf"({cell})(?:{delimiter}|\r|\n|\Z)")

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Yield the position and the text of each row. Raise SourceError at the first row that is malformed."""
        position, end, match = self.start, len(self.text), self._row.match
        while position < end:
            row = match(self.text, position)
            if row is None:
                raise self.error(
                    position, 'a quote is opened but not closed correctly (write a quote inside quotes as "")'
                )
            if content := row[0].rstrip("\r\n"):
                yield position, content
            position = row.end()

    def cells(self, row: str) -> list[str]:
        cells, position = [], 0
        while position <= len(row):
            cell = self._cell.match(row, position)
            assert cell is not None, "only rows that matched are cut into cells"
            cells.append(cell[1])
            position = cell.end() if cell.end() > cell.end(1) else len(row) + 1
        return cells

    def check(self, expected: int) -> None:
        """Raise SourceError at the first row that does not have as many cells as the header."""
        for position, row in self:
            n_cells = row.count(self.delimiter) + 1
            if n_cells != expected and '"' in row:
                n_cells = len(self.cells(row))
            if n_cells != expected:
                raise self.error(
                    position,
                    f"found {n_cells} cells where the header has {expected}; a cell that contains the separator or a "
                    "line break must be in quotes",
                )

    def error(self, position: int, problem: str) -> SourceError:
        line = len(re.findall(r"\r\n|\n|\r", self.text[:position])) + 1
        return SourceError(f"{self.file}, line {line}: {problem}")


def _plain(cell: str) -> str:
    cell = cell.strip().strip("\ufeff")
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _without_padding(column: pa.Array) -> pa.Array:
    """Remove the white space around cells. A cell that holds only white space becomes empty."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(column)
    emptied = pc.and_(pc.equal(trimmed, ""), pc.not_equal(column, ""))
    return pc.if_else(pc.fill_null(emptied, False), pa.scalar(None, pa.string()), trimmed)


def _unquoted(column: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    whole = pc.match_substring_regex(column, r'(?s)^".*"$')
    inner = pc.replace_substring(pc.utf8_slice_codeunits(column, 1, -1), '""', '"')
    return pc.if_else(pc.fill_null(whole, False), inner, column)


def _typed(column: pa.Array) -> pd.Series[Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    # Some writers quote every cell that is not a number, and so also a missing number.
    values = pc.if_else(pc.is_in(column, value_set=pa.array(_NO_NUMBER)), pa.scalar(None, pa.string()), column)
    known = values.drop_null()
    if len(known) and pc.all(pc.is_in(known, value_set=pa.array(_TRUTHS))).as_py():
        return _series(pc.equal(pc.utf8_lower(values), "true"), "boolean")
    for pattern, kind, dtype in ((_WHOLE, pa.int64(), "Int64"), (_NUMBER, pa.float64(), "Float64")):
        if len(known) and pc.all(pc.match_substring_regex(known, pattern)).as_py():
            return _series(values.cast(kind), dtype)
    return _series(column, "string")


def _series(column: pa.Array, dtype: str) -> pd.Series[Any]:
    # With the type given beforehand, pyarrow does not convert to floats if a value is missing.
    nullable = pd.api.types.pandas_dtype(dtype)
    series: pd.Series[Any] = column.to_pandas(types_mapper=lambda _: nullable)
    return series
