"""The columns of ids and texts in tables of references.

Conventions: names are compared without case, spaces, hyphens and underscores, so that ``Audio ID`` is ``audio_id``.
The ids are in ``audio_id``, otherwise in a column of audio files, otherwise in one of
`ID_COLUMNS`. The texts are in ``reference``, otherwise in ``text``, otherwise in the only column that is among
`TRANSCRIPT_COLUMNS`. If two columns could be meant, the table is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from soniox_ds.exceptions import SourceError
from soniox_ds.files.text_files import lines_of_file
from soniox_ds.sources.recording import shown
from soniox_ds.sources.tables import AUDIO_COLUMNS, TEXT_COLUMNS, TRANSCRIPT_COLUMNS, columns_named, plain_name

__all__ = [
    "REFERENCE_COLUMNS",
    "is_row",
    "refuse_repeated_ids",
    "rows_of_object",
    "with_header_of_ljspeech",
    "with_usual_names",
]

ID_COLUMNS = ("id", "utt_id", "utterance_id", "utt", "file_id", "recording_id", "clip_id", "clip", "key")
"""Names of columns of ids that are tried after `audio_id` and the columns of audio files."""
REFERENCE_COLUMNS = TEXT_COLUMNS | {*ID_COLUMNS, *TRANSCRIPT_COLUMNS}
"""Columns that are text in every table of references, even where they look like numbers."""
_TEXTS = {plain_name(name) for name in ("reference", "text", *TRANSCRIPT_COLUMNS)}
_IDS = {plain_name(name) for name in ("audio_id", *ID_COLUMNS)}
_AUDIO = set(map(plain_name, AUDIO_COLUMNS))
_KNOWN = set(map(plain_name, REFERENCE_COLUMNS))
_SENTENCE_WORDS = 3


def with_usual_names(table: pd.DataFrame, label: str) -> pd.DataFrame:
    """Rename the columns of ids, texts and speakers to `audio_id`, `reference` (or `text`) and `speaker`.

    Raises
    ------
    SourceError
        If no column or more than one column can be meant.
    """
    table = table.copy()
    id_column = _the_column(table, label, ("audio_id",)) or next(
        (column for name in (*AUDIO_COLUMNS, *ID_COLUMNS) if (column := _the_column(table, label, (name,)))), None
    )
    text_column = (
        _the_column(table, label, ("reference",))
        or _the_column(table, label, ("text",))
        or _the_column(table, label, TRANSCRIPT_COLUMNS)
    )
    for column, role, name, looked_for in (
        (id_column, "the ids of the recordings", "audio_id", ("audio_id", *AUDIO_COLUMNS, *ID_COLUMNS)),
        (text_column, "the texts", "reference", ("reference", "text", *TRANSCRIPT_COLUMNS)),
    ):
        if column is None:
            raise SourceError(
                f"{label}: no column is known to contain {role}; the columns are {list(table.columns)}. Name that "
                f"column {name!r} (names looked for: {', '.join(looked_for)}). If the first line is not a header, "
                "write one above it: audio_id,reference"
            )
    assert id_column is not None
    assert text_column is not None
    if plain_name(id_column) in _AUDIO:
        table.insert(0, "audio_id", [_path_of(value, label) for value in table[id_column].tolist()])
    else:
        table = table.rename(columns={id_column: "audio_id"})
    table = table.rename(columns={text_column: "text" if plain_name(text_column) == "text" else "reference"})
    speaker = _the_column(table, label, ("speaker",))
    return table if speaker is None else table.rename(columns={speaker: "speaker"})


def _the_column(table: pd.DataFrame, label: str, names: tuple[str, ...]) -> str | None:
    columns = columns_named(table.columns, names)
    if len(columns) > 1:
        name = "reference" if plain_name(names[0]) in _TEXTS else "audio_id"
        raise SourceError(
            f"{label}: each of the columns {columns} could be the column {name!r}. Keep one of them, or name the "
            f"right one {name!r}."
        )
    return columns[0] if columns else None


def _path_of(audio: Any, label: str) -> Any:
    """Return the name of an audio file. Hugging Face datasets keep it beside the bytes."""
    if not isinstance(audio, Mapping):
        return audio
    if not isinstance(audio.get("path"), str):
        raise SourceError(f"{label}: an audio entry has no 'path' from which to take its id. Add a column 'audio_id'.")
    return audio["path"]


def refuse_repeated_ids(table: pd.DataFrame, label: str) -> None:
    """Raise SourceError if an id has several references. Tables of turns, with speakers or times, may repeat ids."""
    if "speaker" in table or "start_ms" in table:
        return
    text = "reference" if "reference" in table else "text"
    ids = table.loc[table[text].notna() & table["audio_id"].notna(), "audio_id"].map(str)
    repeated = ids[ids.duplicated()].unique().tolist()
    if repeated:
        rest = f" and {len(repeated) - 3} more" if len(repeated) > 3 else ""
        rows = {
            audio_id: [str(row + 1) for row in ids.index[(ids == audio_id).to_numpy(bool)]] for audio_id in repeated[:3]
        }
        listed = ", ".join(f"{shown(audio_id)} (rows {', '.join(rows[audio_id][:4])})" for audio_id in rows)
        raise SourceError(
            f"{label} has more than one reference for a recording: {listed}{rest}. Keep one row for each recording; "
            "turns of one recording need the columns speaker and start_ms."
        )


def is_row(entry: Mapping[str, Any]) -> bool:
    """Return True if the keys of an object are names of columns and not ids."""
    names = {plain_name(name) for name in entry}
    return bool(names & _TEXTS) and bool(names & (_IDS | _AUDIO))


def rows_of_object(content: Mapping[str, Any], label: str) -> list[dict[str, Any]]:
    """Make rows of a JSON object that holds texts or rows by id, or columns as pandas writes them.

    Raises
    ------
    SourceError
        If the object has another form.

    Examples
    --------
    >>> rows_of_object({"a": "good morning", "b": None}, "the references")
    [{'audio_id': 'a', 'reference': 'good morning'}, {'audio_id': 'b', 'reference': None}]
    """
    values = list(content.values())
    if is_row(content):
        if all(isinstance(value, list) for value in values) and len({len(value) for value in values}) == 1:
            return [dict(zip(content, row, strict=True)) for row in zip(*values, strict=True)]
        if all(isinstance(value, dict) for value in values) and len({tuple(value) for value in values}) == 1:
            return [{name: column[key] for name, column in content.items()} for key in values[0]]
        if not any(isinstance(value, list | dict) for value in values):
            return [dict(content)]
    elif values and all(value is None or isinstance(value, str) for value in values):
        return [{"audio_id": key, "reference": value} for key, value in content.items()]
    elif values and all(isinstance(value, dict) for value in values):
        if not any(plain_name(name) in _IDS for value in values for name in value):
            return [{"audio_id": key, **value} for key, value in content.items()]
        return values
    kinds = sorted({type(value).__name__ for value in values})
    raise SourceError(
        f"{label} is one JSON object with the keys {list(content)[:5]} and values of type "
        f"{', '.join(kinds) or 'none'}; "
        'write texts by id, {"a.wav": "good morning"}, or a list of objects, '
        '[{"audio_id": "a.wav", "reference": "good morning"}]'
    )


def with_header_of_ljspeech(text: str) -> str | None:
    r"""Return a table like that of LJSpeech (``id|text`` or ``id|text|normalized``) with a header, otherwise None.

    Such tables have no quoting. The result is separated by tabs and has no quoting either.

    >>> with_header_of_ljspeech('LJ001-0001|"Printing, in 1455,|"Printing, in fourteen fifty-five,\n')
    'audio_id\ttext\tnormalized_text\nLJ001-0001\t"Printing, in 1455,\t"Printing, in fourteen fifty-five,\n'
    """
    lines = [line for line in lines_of_file(text) if line.strip()]
    bars = {line.count("|") for line in lines}
    first = [cell.strip() for cell in lines[0].split("|")]
    if bars not in ({1}, {2}) or "\t" in text or {plain_name(cell.strip('"')) for cell in first} & _KNOWN:
        return None
    if len(first[1].split()) < _SENTENCE_WORDS:  # This may be a header with unknown names.
        return None
    header = ["audio_id", "text", "normalized_text"][: len(first)]
    return "".join("\t".join(cells) + "\n" for cells in (header, *(line.split("|") for line in lines)))
