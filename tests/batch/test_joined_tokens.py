"""Merging the parts of a recording loses no token and keeps the order within each part."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds.api.decode import tokens_frame
from soniox_ds.batch.joined_tokens import joined_tokens
from soniox_ds.schema import TOKENS, arrow_schema
from soniox_ds.sources.parts import Part
from soniox_ds.text.words import texts, words

STRETCH_MS = 1_000
TIMES = st.none() | st.integers(0, 2 * STRETCH_MS)  # out of order, after the end of the stretch, or unknown


@st.composite
def parts_with_tokens(draw):
    n_channels, n_stretches = draw(st.integers(0, 3)), draw(st.integers(1, 3))
    tables, number = [], 0
    for stretch in range(1, n_stretches + 1):
        for channel in range(1, n_channels + 1) or [None]:
            start_ms = (stretch - 1) * STRETCH_MS
            part = Part(channel=channel, stretch=stretch, start_ms=start_ms, end_ms=start_ms + STRETCH_MS, is_cut=True)
            rows = draw(st.lists(st.tuples(TIMES, st.sampled_from([None, "1", "2"]), st.booleans()), max_size=8))
            columns = {
                "audio_id": ["a"] * len(rows),
                "token_index": list(range(len(rows))),
                "text": [f"{' ' if spaced else ''}w{number + place}" for place, (_, _, spaced) in enumerate(rows)],
                "start_ms": [start for start, _, _ in rows],
                "end_ms": [None if start is None else start + 300 for start, _, _ in rows],
                "speaker": [speaker for _, speaker, _ in rows],
            }
            schema = arrow_schema(TOKENS)
            arrays = {field.name: pa.array(columns.get(field.name, [None] * len(rows)), field.type) for field in schema}
            tables.append((part, pa.table(arrays, schema=schema)))
            number += len(rows)
    return tables


@given(parts_with_tokens())
def test_no_token_is_lost_and_each_part_keeps_its_order(parts):
    joined = joined_tokens(parts)
    assert joined.schema == arrow_schema(TOKENS)
    assert joined["token_index"].to_pylist() == list(range(joined.num_rows))
    sent = {text.strip(): (part, row) for part, table in parts for row, text in enumerate(table["text"].to_pylist())}
    joined_texts = [text.strip() for text in joined["text"].to_pylist()]
    assert sorted(joined_texts) == sorted(sent)
    for text in joined["text"].to_pylist():
        part, row = sent[text.strip()]
        before = next(table["text"][row].as_py() for other, table in parts if other == part)
        assert text == before or (text == f" {before}" and row == 0 and part.stretch > 1)
    for channel in {part.channel for part, _ in parts}:
        of_channel = [sent[text] for text in joined_texts if sent[text][0].channel == channel]
        assert of_channel == sorted(of_channel, key=lambda place: (place[0].stretch, place[1]))
    for text, start, speaker, channel in zip(
        *(joined[name].to_pylist() for name in ("text", "start_ms", "speaker", "channel")), strict=True
    ):
        part, row = sent[text.strip()]
        table = next(table for other, table in parts if other == part)
        before, own = table["start_ms"][row].as_py(), table["speaker"][row].as_py()
        assert start == (None if before is None else before + part.start_ms)
        assert channel == part.channel
        assert (speaker or "").endswith(f"@{part.stretch}") == (own is not None and part.stretch > 1)


@given(parts_with_tokens())
def test_no_word_has_tokens_of_two_channels(parts):
    frame = tokens_frame(joined_tokens(parts))
    by_channel = frame.assign(audio_id="ch" + frame["channel"].astype("string").fillna("mix"))
    alone = words(by_channel.assign(channel=None))
    together = words(frame)
    assert sorted(together["text"]) == sorted(alone["text"])
    assert together["token_count"].sum() == len(frame)
    spoken = texts(frame)
    if len(spoken):
        assert sorted(spoken["text"][0].split()) == sorted(" ".join(together["text"]).split())


def test_times_that_are_in_order_stay_in_order():
    def table(*starts):
        rows = [
            {"audio_id": "a", "token_index": n, "text": f" {start}", "start_ms": start}
            for n, start in enumerate(starts)
        ]
        return pa.Table.from_pylist(rows, schema=arrow_schema(TOKENS))

    joined = joined_tokens(
        [(Part(channel=1, is_cut=True), table(0, 30, 90)), (Part(channel=2, is_cut=True), table(10, 30, 100))]
    )
    assert joined["start_ms"].to_pylist() == [0, 10, 30, 30, 90, 100]
    assert joined["channel"].to_pylist() == [1, 2, 1, 2, 1, 2]
