"""The tokens of one recording, joined from the tokens of its parts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soniox_ds.sources.parts import Part
from soniox_ds.text.parts import speaker_of_part, time_order
from soniox_ds.text.runs import Numbers

__all__ = ["joined_tokens"]

_LAST_MS = 2**31 - 1


def joined_tokens(parts: list[tuple[Part, pa.Table]]) -> pa.Table:
    """Return the tokens of a recording, with times from its beginning, and with channels and speakers.

    Parameters
    ----------
    parts
        The parts of the recording, ordered by stretch and then by channel, and the tokens of each in
        ``schema.TOKENS`` (Arrow), with times from the beginning of the part.

    Returns
    -------
    pyarrow.Table
        ``schema.TOKENS``, ordered as `text.parts.time_order` says. No token is lost, and the tokens of a part keep
        their order.
    """
    if len(parts) == 1 and parts[0][0] == Part():
        return parts[0][1]
    tables = [_labelled(part, tokens) for part, tokens in parts]
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    if len(parts) > 1:
        counts = [len(tokens) for _, tokens in parts]
        channel = np.repeat([part.channel or 0 for part, _ in parts], counts)
        begin_ms = np.repeat(np.array([part.start_ms for part, _ in parts], np.int64), counts)
        start = table["start_ms"]
        known = Numbers(
            pc.fill_null(start, 0).to_numpy(zero_copy_only=False), pc.is_valid(start).to_numpy(zero_copy_only=False)
        )
        table = table.take(pa.array(time_order(channel, known, begin_ms)))
    position = table.column_names.index("token_index")
    return table.set_column(position, table.field(position), pa.array(np.arange(len(table), dtype=np.int32)))


def _labelled(part: Part, tokens: pa.Table) -> pa.Table:
    columns = dict(zip(tokens.column_names, tokens.columns, strict=True))
    for name in ("start_ms", "end_ms") if part.start_ms else ():
        moved = pc.add(columns[name].cast(pa.int64()), part.start_ms)
        columns[name] = pc.min_element_wise(moved, _LAST_MS, skip_nulls=False).cast(pa.int32())
    if part.channel is not None:
        columns["channel"] = pa.array(np.full(len(tokens), part.channel, np.int16))
    speaker = columns["speaker"].combine_chunks()
    names = [speaker_of_part(name, part.channel, part.stretch) for name in speaker.dictionary.to_pylist()]
    columns["speaker"] = pa.array(names, pa.string()).take(speaker.indices)
    if part.channel is not None:
        columns["speaker"] = pc.fill_null(columns["speaker"], speaker_of_part(None, part.channel))
    return pa.table(columns).cast(tokens.schema)
