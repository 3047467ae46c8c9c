"""The tokens of one recording, joined from the tokens of its parts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soniox_ds.sources.parts import Part
from soniox_ds.text.parts import speaker_of_part, time_order
from soniox_ds.text.runs import Numbers
from soniox_ds.text.scripts import lacks_space

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
        their order. The first token of a later stretch gets the space before it that the service omits.
    """
    if len(parts) == 1 and parts[0][0] == Part():
        return parts[0][1]
    tables = []
    latest: dict[tuple[int | None, bool], str] = {}
    for part, tokens in parts:
        spaced = _with_first_space(tokens, part, latest)
        tables.append(_labelled(part, spaced))
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


def _with_first_space(tokens: pa.Table, part: Part, latest: dict[tuple[int | None, bool], str]) -> pa.Table:
    """Add the space before the first token of a stretch, of originals and of translations.

    `latest` holds the last token of each channel and kind so far, and is brought up to date.
    """
    texts = tokens["text"].to_pylist() if part.end_ms is not None or part.start_ms else []
    is_translation = [status == "translation" for status in tokens["translation_status"].to_pylist()] if texts else []
    for kind in (False, True):
        rows = [row for row, of_row in enumerate(is_translation) if of_row == kind]
        if not rows:
            continue
        if lacks_space(latest.get((part.channel, kind), ""), texts[rows[0]]):
            texts[rows[0]] = f" {texts[rows[0]]}"
        latest[part.channel, kind] = texts[rows[-1]]
    if not texts:
        return tokens
    position = tokens.column_names.index("text")
    return tokens.set_column(position, tokens.field(position), pa.array(texts, pa.string()))


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
