"""Every table of the package, written down once: columns, types, units, meaning.

Conventions: times are whole milliseconds from the start of the audio; a value that is not known is NA, never 0, "" or a
missing column; rates and confidences lie between 0 and 1 unless said otherwise. In Arrow and Parquet the same columns
have the same types, and the ones marked ``repeats`` are dictionary-encoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pandas as pd

from soniox_ds.errors import SchemaError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "RECORDINGS",
    "SEGMENTS",
    "TABLES",
    "TEXTS",
    "TOKENS",
    "TURNS",
    "WORDS",
    "Column",
    "Table",
    "arrow_schema",
    "conform",
    "empty",
    "frame_from_arrow",
    "frame_to_arrow",
    "need",
]


class Column(NamedTuple):
    """One column: its pandas dtype, what it holds, and whether few values repeat often."""

    dtype: str
    meaning: str
    repeats: bool = False


Table = Mapping[str, Column]

_AUDIO_ID = Column("string", "which recording", repeats=True)
_SPEAKER = Column(
    "string", 'label of the speaker within this recording, "1", "2", ...; NA without diarization', repeats=True
)
_LANGUAGE = Column("string", "two-letter code of the language; NA without language identification", repeats=True)
_STATUS = Column("string", '"original", "translation" or "none"; NA when no translation was asked for', repeats=True)
_SOURCE_LANGUAGE = Column("string", "language that a translation was made from; NA otherwise", repeats=True)

RECORDINGS: Table = {
    "audio_id": Column("string", "unique, stable, readable: the relative path, the URL, or the manifest's own id"),
    "source": Column("string", "path or URL as it was found; NA for audio handed over as bytes"),
    "sha256": Column("string", "of the audio's bytes, hexadecimal; NA for URLs"),
    "size_bytes": Column("Int64", "of the audio file; NA for URLs"),
    "duration_ms": Column("Int64", "as the service measured it, else as the file's header says"),
    "status": Column("string", '"completed" or "failed"', repeats=True),
    "error_type": Column("string", "why it failed, a stable slug (docs/errors.md); NA when completed", repeats=True),
    "error_message": Column("string", "the same in words, with what to do"),
    "service": Column("string", 'host that transcribed it, or "local" for a stand-in on this machine', repeats=True),
    "model": Column("string", "model that was asked for", repeats=True),
    "options_hash": Column(
        "string", "first 16 hexadecimal digits of the hash of all options that shape a transcript", repeats=True
    ),
    "transcription_id": Column("string", "the service's id of the job"),
    "submitted_at": Column("datetime64[ms, UTC]", "when the job was created"),
    "completed_at": Column("datetime64[ms, UTC]", "when its transcript was safe in the journal"),
    "text": Column("string", "the transcript as the service assembled it; NA when failed"),
    "cost_usd": Column("Float64", "estimate from the duration and the list price; the invoice decides"),
    "warnings": Column("string", "slugs of what looks wrong, joined by spaces (docs/tables.md); NA when nothing does"),
}

TOKENS: Table = {
    "audio_id": _AUDIO_ID,
    "token_index": Column("Int32", "position in the API's order, from 0"),
    "text": Column("string", "as the API sent it, leading space kept"),
    "start_ms": Column("Int32", "start; NA in translations"),
    "end_ms": Column("Int32", "end as the API gave it, which is not always the end of the sound; NA in translations"),
    "confidence": Column("Float32", "0 to 1"),
    "speaker": _SPEAKER,
    "language": _LANGUAGE,
    "translation_status": _STATUS,
    "source_language": _SOURCE_LANGUAGE,
    "is_audio_event": Column("boolean", "True for sounds that are not speech; NA where not asked for"),
}

WORDS: Table = {
    "audio_id": _AUDIO_ID,
    "word_index": Column("Int32", "position within the recording, from 0, translations counted along"),
    "text": Column("string", "the word with the punctuation attached to it, without surrounding spaces"),
    "start_ms": Column("Int32", "start of its first piece; NA in translations"),
    "end_ms": Column("Int32", "end of its last piece; NA in translations"),
    "confidence": Column(
        "Float32", "lowest confidence of its pieces that hold a letter or digit (of all where none does)"
    ),
    "confidence_mean": Column("Float32", "mean over the same pieces"),
    "speaker": _SPEAKER,
    "language": _LANGUAGE,
    "translation_status": _STATUS,
    "source_language": _SOURCE_LANGUAGE,
    "first_token": Column("Int32", "token_index of its first piece"),
    "token_count": Column("Int32", "number of pieces"),
    "space_before": Column("boolean", "whether white space stands between it and the word before"),
}

SEGMENTS: Table = {
    "audio_id": _AUDIO_ID,
    "segment_index": Column("Int32", "position within the recording, from 0"),
    "text": Column("string", "its words, spaced as the API spaced them"),
    "start_ms": Column("Int32", "start of its first word; NA in translations"),
    "end_ms": Column("Int32", "end of its last word; NA in translations"),
    "speaker": _SPEAKER,
    "language": _LANGUAGE,
    "translation_status": _STATUS,
    "source_language": _SOURCE_LANGUAGE,
    "confidence_mean": Column("Float32", "mean of its words' confidence"),
    "first_word": Column("Int32", "word_index of its first word"),
    "word_count": Column("Int32", "number of words"),
}

TEXTS: Table = {
    "audio_id": _AUDIO_ID,
    "translation_status": Column(
        "string", '"original" for what was spoken (translated or not), "translation" for the other stream', repeats=True
    ),
    "language": Column("string", "the stream's language where it has only one; NA otherwise", repeats=True),
    "text": Column(
        "string", "its words, spaced as the API spaced them, with a space where speaker or language changes"
    ),
    "word_count": Column("Int32", "number of words"),
}

TURNS: Table = {
    "audio_id": _AUDIO_ID,
    "speaker": Column("string", "label of the speaker", repeats=True),
    "start_ms": Column("Int32", "start of the turn"),
    "end_ms": Column("Int32", "end of the turn"),
}

TABLES: Mapping[str, Table] = {
    "recordings": RECORDINGS,
    "tokens": TOKENS,
    "words": WORDS,
    "segments": SEGMENTS,
    "texts": TEXTS,
    "turns": TURNS,
}


def need(table: pd.DataFrame, *columns: str) -> None:
    """Raise SchemaError unless every column is there.

    >>> need(pd.DataFrame({"text": ["a"]}), "text", "start_ms")
    Traceback (most recent call last):
    ...
    soniox_ds.errors.SchemaError: the table lacks ['start_ms']; it has ['text']. Which ...
    """
    if missing := [name for name in columns if name not in table]:
        raise SchemaError(
            f"the table lacks {missing}; it has {list(table.columns)}. "
            "Which table each function takes is in docs/tables.md."
        )


def empty(table: Table) -> pd.DataFrame:
    """A table without rows that has every column of `table` in its dtype."""
    return pd.DataFrame({name: pd.Series(dtype=column.dtype) for name, column in table.items()})


def conform(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return `frame` with the columns of `table` first, in order and dtype, absent ones NA.

    Other columns follow untouched.
    """
    known = {
        name: frame[name].astype(cast(Any, column.dtype))
        if name in frame
        else pd.Series(pd.NA, index=frame.index, dtype=column.dtype)
        for name, column in table.items()
    }
    others = {name: frame[name] for name in frame.columns if name not in table}
    return pd.DataFrame({**known, **others}, index=frame.index)


def arrow_schema(table: Table) -> pa.Schema:
    """The same table in Arrow; columns that repeat are dictionary-encoded."""
    import pyarrow as pa

    plain: dict[str, Any] = {
        "string": pa.string(),
        "Int32": pa.int32(),
        "Int64": pa.int64(),
        "Float32": pa.float32(),
        "Float64": pa.float64(),
        "boolean": pa.bool_(),
        "datetime64[ms, UTC]": pa.timestamp("ms", tz="UTC"),
    }

    def kind(column: Column) -> pa.DataType:
        arrow = plain[column.dtype]
        return pa.dictionary(pa.int32(), arrow) if column.repeats else arrow

    return pa.schema([pa.field(name, kind(column)) for name, column in table.items()])


def frame_from_arrow(arrow: pa.Table, table: Table) -> pd.DataFrame:
    """The columns of `table` out of Arrow, in the order and the dtypes of `table`; absent ones are NA.

    >>> frame_from_arrow(arrow_schema(TURNS).empty_table(), TURNS).dtypes["speaker"]
    <StringDtype(na_value=<NA>)>
    """
    import pyarrow as pa

    targets = arrow_schema(table)

    def one(name: str, column: Column) -> Any:
        if name not in arrow.column_names:
            return pd.Series(pd.NA, index=range(arrow.num_rows), dtype=column.dtype).array
        kind = targets.field(name).type
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        values = arrow[name].cast(plain)
        dtype: Any = pd.api.types.pandas_dtype(column.dtype)
        if hasattr(dtype, "__from_arrow__"):
            return dtype.__from_arrow__(values)
        return values.to_pandas().astype(dtype)

    return pd.DataFrame({name: one(name, column) for name, column in table.items()}, copy=False)


def frame_to_arrow(frame: pd.DataFrame, table: Table) -> pa.Table:
    """The columns of `table` in Arrow, as `arrow_schema` has them; other columns are left out."""
    import pyarrow as pa

    own = conform(frame, table)[list(table)]
    return pa.Table.from_pandas(own, schema=arrow_schema(table), preserve_index=False).replace_schema_metadata(None)
