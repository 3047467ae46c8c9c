"""Live audio: what came when."""

from __future__ import annotations

from soniox_ds.schema.columns import AUDIO_ID, BLOCK, INTERVAL, STATUS, Column, Table
from soniox_ds.schema.transcripts import TOKENS

__all__ = [
    "ENDPOINT_SWEEP",
    "STREAM_LATENCIES",
    "STREAM_LOG",
    "STREAM_STABILITY",
    "STREAM_TOKENS",
    "STREAM_UPDATES",
    "TOKEN_LATENCIES",
]

_SESSION = Column("Int32", "number of the connection, from 0; a broken connection is followed by the next one")

STREAM_LOG: Table = {
    "audio_id": AUDIO_ID,
    "event_index": Column("Int32", "position within the recording, from 0"),
    "at_ms": Column("Float64", "when it happened, from the moment the first audio was handed over; may be negative"),
    "kind": Column(
        "string",
        '"audio" (handed over), "connecting", "open", "silent" (no answer for seconds), "lost", "control" (sent), '
        '"message" (received), "model" (which one answers), "failed", "end"',
        repeats=True,
    ),
    "session": _SESSION,
    "offset_ms": Column("Int64", "where on the recording's timeline the connection's audio begins"),
    "audio_ms": Column("Float64", "audio handed over so far; NA for packed formats, whose time is not known"),
    "payload": Column(
        "string",
        "the message as received, the control as sent, the resolved model, what was wrong (lost, failed); NA otherwise",
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

TOKEN_LATENCIES: Table = {
    "audio_id": AUDIO_ID,
    "token_index": Column("Int32", "position within the recording, from 0"),
    "text": Column("string", "as sent, leading space included"),
    "start_ms": Column("Int32", "start in the audio; NA in translations"),
    "end_ms": Column("Int32", "end in the audio; NA in translations"),
    "translation_status": STATUS,
    "session": _SESSION,
    "begun_ms": Column("Int64", "when the audio at its start was handed over, from the first audio on"),
    "spoken_ms": Column("Int64", "when the audio up to its end had been handed over; NA where not known"),
    "received_ms": Column("Int64", "when a message, settled or not, first reached up to its start"),
    "final_ms": Column("Int64", "when it arrived settled"),
    "first_lag_ms": Column("Int64", "received_ms - begun_ms; NA in translations"),
    "finalization_lag_ms": Column("Int64", "final_ms - spoken_ms; NA in translations"),
    "translation_lag_ms": Column("Int64", "final_ms - that of the last original settled before it; NA in originals"),
    "settled_by": Column(
        "string",
        'what settled it: "running" (the service by itself), "endpoint", "finalize" or "end" (no more audio followed)',
        repeats=True,
    ),
}


def _percentile(name: str, meaning: str) -> Table:
    return {
        name: Column("Float64", f"{meaning}, ms: the least value that so large a share does not exceed"),
        f"{name}_low": Column("Float64", "lower bound of its interval; NA where there is none, and `note` says why"),
        f"{name}_high": Column("Float64", "upper bound of the same"),
    }


STREAM_LATENCIES: Table = {
    "measure": Column(
        "string",
        '"connect", "first_token", "first_lag", "finalization_lag", "endpoint_lag" or "translation_lag"',
        repeats=True,
    ),
    "count": Column("Int64", "number of connections, recordings, tokens or endpoints that were measured"),
    "recordings": Column("Int64", "number of completed recordings; all that follows is of these"),
    "failed": Column("Int64", "number of recordings that failed"),
    "reconnects": Column("Int64", "number of connections beyond the first one of each recording"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": BLOCK,
    **_percentile("p50_ms", "median"),
    **_percentile("p95_ms", "95th percentile"),
    **_percentile("p99_ms", "99th percentile"),
    **INTERVAL,
    "method": Column("string", '"expanded percentile"', repeats=True),
    "note": Column(
        "string", "why there is no interval, or why it is wide, in whole sentences; NA when there is nothing to say"
    ),
}

STREAM_STABILITY: Table = {
    "recordings": Column("Int64", "number of completed recordings; all that follows is of these"),
    "failed": Column("Int64", "number of recordings that failed"),
    "updates": Column("Int64", "number of messages"),
    "final_words": Column("Int64", "number of words that were settled in the end"),
    "unstable_words": Column("Int64", "number of times that a shown word was gone or another one in the next update"),
    "erased_words": Column("Int64", "number of shown words behind the first change of each update"),
    "upwr": Column("Float64", "unstable_words / final_words: 0 where nothing ever changes; NA without final words"),
    "upwr_low": Column("Float64", "lower bound of the interval; NA where there is none, and `note` says why"),
    "upwr_high": Column("Float64", "upper bound of the interval"),
    "normalized_erasure": Column("Float64", "erased_words / final_words; at least upwr; NA without final words"),
    "normalized_erasure_low": Column("Float64", "lower bound of the interval"),
    "normalized_erasure_high": Column("Float64", "upper bound of the interval"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": BLOCK,
    **INTERVAL,
    "note": Column(
        "string", "why there is no interval, or why it is wide, in whole sentences; NA when there is nothing to say"
    ),
}

ENDPOINT_SWEEP: Table = {
    "setting": Column("string", "its name", repeats=True),
    "recordings": Column("Int64", "number of completed recordings"),
    "failed": Column("Int64", "number of recordings that failed"),
    "reference_words": Column("Int64", "number of words in the references; NA without references, as all word errors"),
    "wer": Column("Float64", "pooled word error rate"),
    "wer_low": Column("Float64", "lower bound of its interval; NA where there is none, and `note` says why"),
    "wer_high": Column("Float64", "upper bound of its interval"),
    "wer_difference": Column("Float64", "wer - that of the first setting, on the recordings of both"),
    "wer_difference_low": Column("Float64", "lower bound of its interval, paired"),
    "wer_difference_high": Column("Float64", "upper bound of its interval"),
    "segments": Column("Int64", "number of stretches between endpoints"),
    "words_per_segment": Column("Float64", "settled words / segments; NA without segments"),
    "first_token_p50_ms": Column("Float64", "median time from the first audio to the first token, connecting left out"),
    "finalization_lag_p50_ms": Column("Float64", "median time from a token's end to its being settled"),
    "finalization_lag_p95_ms": Column("Float64", "95th percentile of the same"),
    "endpoint_lag_p50_ms": Column("Float64", "median time from the end of speech to the endpoint; NA without any"),
    "endpoint_lag_p95_ms": Column("Float64", "95th percentile of the same"),
    "upwr": Column("Float64", "unstable partial word ratio"),
    "normalized_erasure": Column("Float64", "normalised erasure"),
    "cost_usd": Column("Float64", "estimate at the list price; 0 for what was remembered"),
    "note": Column(
        "string", "why there is no interval, or why it is wide, in whole sentences; NA when there is nothing to say"
    ),
}
