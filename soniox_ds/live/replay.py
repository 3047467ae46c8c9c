"""Replay of a log of live sessions, with the same tokens and updates as when it was recorded.

Conventions: a log is ``schema.LIVE_LOG`` of one recording or of many, with each recording's rows in order. Nothing is
sent; the result depends on the log alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from soniox_ds.api.websocket import is_error_frame, parse_message
from soniox_ds.exceptions import BadAnswerError
from soniox_ds.live.transcript import LiveToken, Transcript, Update
from soniox_ds.schema import LIVE_TOKENS, LIVE_UPDATES, conform, empty, need
from soniox_ds.text.parts import speaker_of_part, time_order
from soniox_ds.text.runs import numbers_of

__all__ = ["Event", "Replay", "fold_events", "replay", "tokens_table"]


class Event(NamedTuple):
    """A row of ``schema.LIVE_LOG``. Its time counts from the creation of the session."""

    at_ms: float
    kind: str
    session: int
    offset_ms: int
    audio_ms: float | None
    payload: str | None = None


class Replay(NamedTuple):
    """The tables that a log contains."""

    tokens: pd.DataFrame
    """``schema.LIVE_TOKENS``."""
    updates: pd.DataFrame
    """``schema.LIVE_UPDATES``."""


def replay(log: pd.DataFrame) -> Replay:
    """Fold the messages of a log into tokens and updates.

    Parameters
    ----------
    log
        ``schema.LIVE_LOG``.

    Returns
    -------
    Replay
        ``tokens`` (``schema.LIVE_TOKENS``) and ``updates`` (``schema.LIVE_UPDATES``), in the log's order.

    Raises
    ------
    SchemaError
        If a column is missing.

    Examples
    --------
    >>> message = '{"tokens":[{"text":"Hi","start_ms":60,"end_ms":120,"confidence":0.9,"is_final":true}]}'
    >>> log = pd.DataFrame({"audio_id": "a", "at_ms": [0.0, 900.0], "kind": ["audio", "message"], "session": 0,
    ...                     "offset_ms": 0, "audio_ms": [800.0, 800.0], "payload": [None, message]})
    >>> replay(log).tokens[["text", "start_ms", "final_ms"]].values.tolist()
    [['Hi', 60, 900]]
    """
    need(log, "audio_id", "at_ms", "kind", "session", "offset_ms", "payload")
    tokens: list[pd.DataFrame] = []
    updates: list[dict[str, Any]] = []
    for audio_id, rows in log.groupby("audio_id", sort=False, observed=True):
        rows_of_recording: list[dict[str, Any]] = []
        settled: dict[int | None, list[LiveToken]] = {}
        for channel, rows_of_channel in _by_channel(rows):
            transcript = Transcript()
            for update, event in fold_events(transcript, _events(rows_of_channel)):
                rows_of_recording.append(_row(str(audio_id), channel, update, event.audio_ms))
            if (rest := transcript.close()).settled:
                rows_of_recording.append(_row(str(audio_id), channel, rest, None))
            settled[channel] = transcript.settled
        if len(settled) > 1:  # Within a channel, the order stays.
            rows_of_recording.sort(key=lambda row: row["received_ms"])
        updates += [{**row, "update_index": index} for index, row in enumerate(rows_of_recording)]
        tokens.append(_tokens_of_channels(settled, str(audio_id)))
    return Replay(
        pd.concat(tokens, ignore_index=True) if tokens else empty(LIVE_TOKENS),
        conform(pd.DataFrame(updates), LIVE_UPDATES) if updates else empty(LIVE_UPDATES),
    )


def tokens_table(tokens: list[LiveToken], audio_id: str) -> pd.DataFrame:
    """Return settled tokens as ``schema.LIVE_TOKENS``."""
    names = [
        "text",
        "start_ms",
        "end_ms",
        "confidence",
        "speaker",
        "language",
        "translation_status",
        "source_language",
        "session",
    ]
    columns: dict[str, Any] = {name: [getattr(token, name) for token in tokens] for name in names}
    for name in ("received_ms", "final_ms"):
        columns[name] = [None if (at := getattr(token, name)) is None else round(at) for token in tokens]
    frame = pd.DataFrame(columns, dtype=object)
    return conform(frame.assign(audio_id=audio_id, token_index=range(len(frame))), LIVE_TOKENS)


def _by_channel(rows: pd.DataFrame) -> list[tuple[int | None, pd.DataFrame]]:
    """Return the events of each channel of a recording; of a recording that was sent mixed, all events."""
    if "channel" not in rows or rows["channel"].isna().all():
        return [(None, rows)]
    channels = sorted(rows["channel"].dropna().unique().tolist())
    return [(channel, rows[(rows["channel"] == channel).fillna(False)]) for channel in channels]


def _tokens_of_channels(settled: dict[int | None, list[LiveToken]], audio_id: str) -> pd.DataFrame:
    """Return the settled tokens of a recording as ``schema.LIVE_TOKENS``, those of several channels by their times."""
    tables = []
    for channel, tokens in settled.items():
        table = tokens_table(tokens, audio_id)
        if channel is not None:
            labels = pd.array([speaker_of_part(token.speaker, channel) for token in tokens], dtype="string")
            table = table.assign(channel=channel, speaker=labels)
        tables.append(table)
    if len(tables) == 1:
        return conform(tables[0], LIVE_TOKENS)
    table = conform(pd.concat(tables, ignore_index=True), LIVE_TOKENS)
    start = numbers_of(table, "start_ms", "Int32")
    order = time_order(table["channel"].to_numpy(np.intp), start, np.zeros(len(table), np.int64))
    return conform(table.take(order).reset_index(drop=True).assign(token_index=range(len(table))), LIVE_TOKENS)


def fold_events(transcript: Transcript, events: Iterable[Event]) -> Iterator[tuple[Update, Event]]:
    """Fold the messages among some events, and yield each update with its event.

    Error frames, and messages that do not follow the API, are skipped: they ended their connections when they came.
    """
    for event in events:
        if event.kind == "open" and event.session > 0:
            transcript.begin_session(event.session, event.offset_ms)
        elif event.kind == "message":
            try:
                message = parse_message(event.payload or "")
                if is_error_frame(message):
                    continue
                update = transcript.fold(
                    message, received_ms=event.at_ms, session=event.session, offset_ms=event.offset_ms
                )
            except BadAnswerError:
                continue
            yield update, event


def _events(rows: pd.DataFrame) -> Iterator[Event]:
    audio = rows["audio_ms"] if "audio_ms" in rows else pd.Series(pd.NA, index=rows.index)
    columns = (rows["at_ms"], rows["kind"], rows["session"], rows["offset_ms"], audio, rows["payload"])
    for at_ms, kind, session, offset_ms, audio_ms, payload in zip(*columns, strict=True):
        yield Event(
            float(at_ms),
            str(kind),
            int(session),
            int(offset_ms),
            None if pd.isna(audio_ms) else float(audio_ms),
            None if pd.isna(payload) else str(payload),
        )


def _row(audio_id: str, channel: int | None, update: Update, audio_ms: float | None) -> dict[str, Any]:
    return {
        "audio_id": audio_id,
        "channel": channel,
        "received_ms": update.received_ms,
        "session": update.session,
        "audio_ms": audio_ms,
        "final_audio_ms": update.final_audio_ms,
        "total_audio_ms": update.total_audio_ms,
        "settled_text": update.text,
        "settled_tokens": len(update.settled),
        "pending_text": update.pending_text,
        "pending_tokens": len(update.pending),
        "is_endpoint": update.is_endpoint,
        "is_finalized": update.is_finalized,
    }
