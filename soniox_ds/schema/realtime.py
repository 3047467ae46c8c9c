"""Live audio: what came when."""

from __future__ import annotations

from soniox_ds.schema.columns import AUDIO_ID, Column, Table
from soniox_ds.schema.transcripts import TOKENS

__all__ = ["STREAM_LOG", "STREAM_TOKENS", "STREAM_UPDATES"]

_SESSION = Column("Int32", "number of the connection, from 0; a broken connection is followed by the next one")

STREAM_LOG: Table = {
    "audio_id": AUDIO_ID,
    "event_index": Column("Int32", "position within the recording, from 0"),
    "at_ms": Column("Float64", "when it happened, from the moment the first audio was handed over; may be negative"),
    "kind": Column(
        "string",
        '"audio" (handed over), "connecting", "open", "lost", "control" (sent), "message" (received), "failed", "end"',
        repeats=True,
    ),
    "session": _SESSION,
    "offset_ms": Column("Int64", "where on the recording's timeline the connection's audio begins"),
    "audio_ms": Column("Float64", "audio handed over so far; NA for packed formats, whose time is not known"),
    "payload": Column(
        "string", "the message as received, the control as sent, what was wrong (lost, failed); NA otherwise"
    ),
}

STREAM_TOKENS: Table = {
    **TOKENS,
    "received_ms": Column(
        "Int64",
        "when a message, settled or not, first reached up to this token's start; NA in translations",
    ),
    "final_ms": Column("Int64", "when it arrived settled; both from the moment the first audio was handed over"),
    "session": _SESSION,
}

STREAM_UPDATES: Table = {
    "audio_id": AUDIO_ID,
    "update_index": Column("Int32", "position within the recording, from 0"),
    "received_ms": Column("Float64", "when the message arrived, from the moment the first audio was handed over"),
    "session": _SESSION,
    "audio_ms": Column("Float64", "audio handed over by then; NA for packed formats"),
    "final_audio_ms": Column("Int64", "audio that settled tokens cover, as the service said, on the recording's time"),
    "total_audio_ms": Column("Int64", "audio that all tokens cover, likewise"),
    "settled_text": Column("string", "text that this message settled; translations left out"),
    "settled_tokens": Column("Int32", "number of tokens that it settled, translations counted along"),
    "pending_text": Column("string", "text shown behind all settled text, still open to change"),
    "pending_tokens": Column("Int32", "number of those tokens, translations counted along"),
    "is_endpoint": Column("boolean", "whether an utterance ended here (endpoint detection)"),
    "is_finalized": Column("boolean", "whether a manual finalize was answered here"),
}
