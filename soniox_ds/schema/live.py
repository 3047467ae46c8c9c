"""Tables of live transcription."""

from __future__ import annotations

from soniox_ds.schema.columns import AUDIO_ID, BLOCK, CHANNEL, INTERVAL, STATUS, Column, Table
from soniox_ds.schema.transcripts import TOKENS

__all__ = [
    "ENDPOINT_SWEEP",
    "LIVE_LATENCIES",
    "LIVE_LATENCY_SUMMARY",
    "LIVE_LOG",
    "LIVE_STABILITY",
    "LIVE_STABILITY_SUMMARY",
    "LIVE_TOKENS",
    "LIVE_UPDATES",
    "TOKEN_LATENCIES",
]

_STATUS = Column("string", '"completed" or "failed"', repeats=True)
_MEASURE = Column(
    "string",
    '"connect", "first_token", "first_lag", "finalization_lag", "endpoint_lag" or "translation_lag"',
    repeats=True,
)
_SESSION = Column("Int32", "number of the connection, from 0; a broken connection is followed by the next one")

LIVE_LOG = Table(
    "live_log",
    "`result.log`: all events of live sessions. `live_tokens` and `live_updates` are computed from it.",
    {
        "audio_id": AUDIO_ID,
        "event_index": Column("Int32", "position within the recording, from 0"),
        "at_ms": Column(
            "Float64", "time of the event, from the moment the first audio was handed over; may be negative"
        ),
        "kind": Column(
            "string",
            '"audio" (handed over), "connecting", "open", "silent" (no answer for seconds), "lost", "control" (sent), '
            '"message" (received), "model" (which one answers), "failed", "end"',
            repeats=True,
        ),
        "session": _SESSION,
        "channel": CHANNEL,
        "offset_ms": Column("Int64", "time in the recording at which the audio of the connection begins"),
        "audio_ms": Column(
            "Float64", "length of the audio handed over so far; NA for packed formats, whose length is unknown"
        ),
        "payload": Column(
            "string",
            "message as received, control as sent, resolved model, or error (lost, failed); NA otherwise",
        ),
    },
)

LIVE_TOKENS = Table(
    "live_tokens",
    "`result.tokens` and `mic.tokens`: settled tokens of live transcription; see [real time](../real-time.md).",
    {
        **TOKENS,
        "received_ms": Column(
            "Int64",
            "time at which a message, settled or not, first reached the start of the token; NA in translations",
        ),
        "final_ms": Column(
            "Int64", "time at which the token arrived settled, from the moment the first audio was handed over"
        ),
        "session": _SESSION,
    },
)

LIVE_UPDATES = Table(
    "live_updates",
    "`result.updates`: one row for each message of the service.",
    {
        "audio_id": AUDIO_ID,
        "update_index": Column("Int32", "position within the recording, from 0"),
        "received_ms": Column(
            "Float64", "time at which the message arrived, from the moment the first audio was handed over"
        ),
        "session": _SESSION,
        "channel": CHANNEL,
        "audio_ms": Column("Float64", "length of the audio handed over by then; NA for packed formats"),
        "final_audio_ms": Column(
            "Int64", "time in the recording up to which tokens are settled, according to the service"
        ),
        "total_audio_ms": Column(
            "Int64", "time in the recording up to which there are tokens, according to the service"
        ),
        "settled_text": Column("string", "text that this message settled, without translations"),
        "settled_tokens": Column("Int32", "number of tokens that it settled, including translations"),
        "pending_text": Column("string", "text shown after all settled text, which may still change"),
        "pending_tokens": Column("Int32", "number of pending tokens, including translations"),
        "is_endpoint": Column("boolean", "True if an utterance ended here (endpoint detection)"),
        "is_finalized": Column("boolean", "True if this message answers a manual finalize"),
    },
)

TOKEN_LATENCIES = Table(
    "token_latencies",
    "`sx.metrics.token_latencies(result)`: the lags until each token was first shown and until it was settled.",
    {
        "audio_id": AUDIO_ID,
        "token_index": Column("Int32", "position within the recording, from 0"),
        "text": Column("string", "text as the API sent it, with its leading space"),
        "start_ms": Column("Int32", "start in the audio; NA in translations"),
        "end_ms": Column("Int32", "end in the audio; NA in translations"),
        "translation_status": STATUS,
        "session": _SESSION,
        "start_sent_ms": Column(
            "Int64", "time at which the audio of its start was handed over, from the first audio on"
        ),
        "end_sent_ms": Column("Int64", "time at which the audio up to its end had been handed over; NA if unknown"),
        "received_ms": Column("Int64", "time at which a message, settled or not, first reached its start"),
        "final_ms": Column("Int64", "time at which the token arrived settled"),
        "first_lag_ms": Column("Int64", "received_ms - start_sent_ms; NA in translations"),
        "finalization_lag_ms": Column("Int64", "final_ms - end_sent_ms; NA in translations"),
        "translation_lag_ms": Column(
            "Int64", "final_ms - final_ms of the last original settled before it; NA in originals"
        ),
        "settled_by": Column(
            "string",
            'reason: "running" (the service by itself), "endpoint", "finalize" or "end" (no more audio followed)',
            repeats=True,
        ),
    },
)


def _percentile(name: str, meaning: str) -> dict[str, Column]:
    return {
        name: Column(
            "Float64", f"{meaning} in ms: the smallest observed value that this share of the values does not exceed"
        ),
        f"{name}_low": Column(
            "Float64", "lower bound of its interval; NA if there is no interval, and `note` says why"
        ),
        f"{name}_high": Column("Float64", "upper bound of its interval"),
    }


LIVE_LATENCIES = Table(
    "live_latencies",
    "`sx.metrics.live_latencies(result)`: every latency of a live transcription. The other columns of "
    "the recordings follow.",
    {
        "audio_id": AUDIO_ID,
        "status": _STATUS,
        "latency_index": Column("Int32", "position within the recording, from 0"),
        "measure": _MEASURE,
        "ms": Column("Float64", "the latency; NA, like measure, in the only row of a recording without latencies"),
    },
)

LIVE_LATENCY_SUMMARY = Table(
    "live_latency_summary",
    "`sx.summarize(latencies, by=...)` of live latencies: percentiles with intervals, with one row for "
    "each measure (of each group).",
    {
        "measure": _MEASURE,
        "count": Column("Int64", "number of measured connections, recordings, tokens or endpoints"),
        "recordings": Column(
            "Int64", "number of completed recordings, to which all following columns except failed refer"
        ),
        "failed": Column("Int64", "number of recordings that failed"),
        "reconnects": Column("Int64", "number of connections after the first connection of each recording"),
        "blocks": Column("Int64", "number of blocks that were resampled"),
        "block": BLOCK,
        **_percentile("p50_ms", "median"),
        **_percentile("p95_ms", "95th percentile"),
        **_percentile("p99_ms", "99th percentile"),
        **INTERVAL,
        "method": Column("string", '"expanded percentile"', repeats=True),
        "note": Column("string", "explanation if there is no interval or if the interval is wide; NA otherwise"),
    },
)

LIVE_STABILITY = Table(
    "live_stability",
    "`sx.metrics.live_stability(result)`: numbers of shown words that were removed or changed, for each "
    "recording. The other columns of the recordings follow.",
    {
        "audio_id": AUDIO_ID,
        "status": _STATUS,
        "updates": Column("Int64", "number of messages; like all following columns, NA unless completed"),
        "final_words": Column("Int64", "number of settled words"),
        "unstable_words": Column(
            "Int64", "number of times that a shown word was removed or changed in the next update"
        ),
        "erased_words": Column("Int64", "number of shown words after the first change of each update"),
        "upwr": Column("Float64", "unstable_words / final_words: 0 if nothing ever changes; NA without final words"),
        "normalized_erasure": Column("Float64", "erased_words / final_words; at least upwr; NA without final words"),
        "count_growth": Column("boolean", "True if a last word that grows has changed"),
    },
)

LIVE_STABILITY_SUMMARY = Table(
    "live_stability_summary",
    "`sx.summarize(stability, by=...)` of live stability, pooled, with intervals. The columns of `by` come first.",
    {
        "recordings": Column(
            "Int64", "number of completed recordings, to which all following columns except failed refer"
        ),
        "failed": Column("Int64", "number of recordings that failed"),
        "updates": Column("Int64", "number of messages"),
        "final_words": Column("Int64", "number of settled words"),
        "unstable_words": Column(
            "Int64", "number of times that a shown word was removed or changed in the next update"
        ),
        "erased_words": Column("Int64", "number of shown words after the first change of each update"),
        "upwr": Column("Float64", "unstable_words / final_words: 0 if nothing ever changes; NA without final words"),
        "upwr_low": Column("Float64", "lower bound of the interval; NA if there is no interval, and `note` says why"),
        "upwr_high": Column("Float64", "upper bound of the interval"),
        "normalized_erasure": Column("Float64", "erased_words / final_words; at least upwr; NA without final words"),
        "normalized_erasure_low": Column("Float64", "lower bound of the interval"),
        "normalized_erasure_high": Column("Float64", "upper bound of the interval"),
        "blocks": Column("Int64", "number of blocks that were resampled"),
        "block": BLOCK,
        **INTERVAL,
        "note": Column("string", "explanation if there is no interval or if the interval is wide; NA otherwise"),
    },
)

ENDPOINT_SWEEP = Table(
    "endpoint_sweep",
    "`sx.sweep_endpoints(...).summary`: one row for each endpoint setting under which the same recordings "
    "were streamed.",
    {
        "setting": Column("string", "name of the setting", repeats=True),
        "recordings": Column("Int64", "number of completed recordings"),
        "failed": Column("Int64", "number of recordings that failed"),
        "reference_words": Column(
            "Int64", "number of words in the references; like all word errors, NA without references"
        ),
        "wer": Column("Float64", "pooled word error rate"),
        "wer_low": Column("Float64", "lower bound of its interval; NA if there is no interval, and `note` says why"),
        "wer_high": Column("Float64", "upper bound of its interval"),
        "wer_difference": Column("Float64", "wer - wer of the first setting, on the recordings of both"),
        "wer_difference_low": Column("Float64", "lower bound of its interval, paired"),
        "wer_difference_high": Column("Float64", "upper bound of its interval"),
        "segments": Column("Int64", "number of stretches between endpoints"),
        "words_per_segment": Column("Float64", "settled words / segments; NA without segments"),
        "first_token_p50_ms": Column(
            "Float64", "median time from the first audio to the first token, without connecting"
        ),
        "finalization_lag_p50_ms": Column("Float64", "median time from the end of a token until it is settled"),
        "finalization_lag_p95_ms": Column("Float64", "95th percentile of the same time"),
        "endpoint_lag_p50_ms": Column(
            "Float64", "median time from the end of speech to the endpoint; NA without endpoints"
        ),
        "endpoint_lag_p95_ms": Column("Float64", "95th percentile of the same time"),
        "upwr": Column("Float64", "unstable partial word ratio"),
        "normalized_erasure": Column("Float64", "normalised erasure"),
        "cost_usd": Column("Float64", "estimate at the list price; 0 for results that were kept from an earlier call"),
        "note": Column("string", "explanation if there is no interval or if the interval is wide; NA otherwise"),
    },
)
