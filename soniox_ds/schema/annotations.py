"""The table of annotations: segments or words that another tool wrote into a file."""

from __future__ import annotations

from soniox_ds.schema.columns import AUDIO_ID, Column, Table

__all__ = ["ANNOTATIONS"]

ANNOTATIONS = Table(
    "annotations",
    "`sx.io.read_stm(path)` and the other readers of `sx.io`: one row for each segment (or word) of the file, in its "
    "order. It serves as reference turns, and `sx.read_references(path)` joins its texts. Formats add columns.",
    {
        "audio_id": AUDIO_ID,
        "speaker": Column("string", "label of the speaker; NA if the file names none", repeats=True),
        "start_ms": Column("Int32", "start; NA in formats without times"),
        "end_ms": Column("Int32", "end; NA in formats without times"),
        "text": Column("string", "text without surrounding white space; line breaks are spaces"),
    },
)
