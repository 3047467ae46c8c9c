"""soniox_ds: transcribe datasets with Soniox speech-to-text into token-level DataFrames, and measure the result.

Everything is imported where it is first used, so that ``import soniox_ds`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from soniox_ds._forks import check_imports, watch_forks

if TYPE_CHECKING:
    from soniox_ds import aio, exceptions, schema
    from soniox_ds._background import enable_nested_loops
    from soniox_ds._sync import (
        clean_up,
        compare,
        list_models,
        stream,
        stream_dataset,
        stream_updates,
        sweep_endpoints,
        transcribe,
        usage,
    )
    from soniox_ds.api.connection import Connection
    from soniox_ds.api.session_limit import StreamGate
    from soniox_ds.batch.limits import Limits
    from soniox_ds.corpus.corpus import Corpus, concat, read_corpus
    from soniox_ds.emulator.local import local_service
    from soniox_ds.io.rttm import read_rttm, write_rttm
    from soniox_ds.live.interrupted import last_interrupted
    from soniox_ds.live.result import Streamed, read_streamed
    from soniox_ds.metrics.confidence.calibration import calibration, reliability
    from soniox_ds.metrics.confidence.recalibration import fit_recalibration
    from soniox_ds.metrics.confidence.roc import precision_recall, roc
    from soniox_ds.metrics.confidence.word_confidence import word_confidence
    from soniox_ds.metrics.languages.errors import language_confusion, language_errors
    from soniox_ds.metrics.languages.switches import language_switches
    from soniox_ds.metrics.languages.word_errors import language_word_errors
    from soniox_ds.metrics.latency.stability import stream_stability
    from soniox_ds.metrics.latency.summaries import stream_latencies
    from soniox_ds.metrics.latency.tokens import token_latencies
    from soniox_ds.metrics.speakers.conversation import speaker_stats, speaker_transitions
    from soniox_ds.metrics.speakers.cpwer import speaker_word_errors
    from soniox_ds.metrics.speakers.diarization import diarization_errors
    from soniox_ds.metrics.speakers.turns import speaker_turns
    from soniox_ds.metrics.stats.compare import compare_errors
    from soniox_ds.metrics.stats.power import power
    from soniox_ds.metrics.stats.summaries import summarize
    from soniox_ds.metrics.terms.biasing import biasing_errors
    from soniox_ds.metrics.terms.occurrences import term_errors, term_occurrences
    from soniox_ds.metrics.terms.scores import compare_terms, summarize_terms
    from soniox_ds.metrics.translation.pairs import translation_pairs
    from soniox_ds.metrics.translation.scores import compare_translations, translation_scores
    from soniox_ds.metrics.words.align import align_words
    from soniox_ds.metrics.words.confusions import confusions
    from soniox_ds.metrics.words.punctuation import punctuation_errors
    from soniox_ds.metrics.words.rates import character_errors, word_errors
    from soniox_ds.options import Context, Retry, StreamOptions, TranscriptionOptions, Translation
    from soniox_ds.plots.confidence import plot_reliability, plot_review_curve, plot_roc
    from soniox_ds.plots.errors import plot_error_comparison, plot_error_summary
    from soniox_ds.plots.languages import plot_language_confusion
    from soniox_ds.plots.realtime import plot_lag_distribution, plot_token_arrival
    from soniox_ds.plots.recording import plot_confidence, plot_error_positions
    from soniox_ds.plots.timeline import plot_timeline
    from soniox_ds.reports.page import report
    from soniox_ds.review_queue.flagging import flag_low_confidence, review_curve
    from soniox_ds.review_queue.reviews import apply_reviews, reviewed_words
    from soniox_ds.sources.manifests import read_references
    from soniox_ds.text.normalizer import NormalizationStep, Normalizer
    from soniox_ds.text.words import segments, texts, words
    from soniox_ds.views.alignment import show_alignment
    from soniox_ds.views.normalization import show_normalization
    from soniox_ds.views.transcript import show_transcript
    from soniox_ds.widgets.live_captions import LiveCaptions
    from soniox_ds.widgets.microphone import Microphone
    from soniox_ds.widgets.review import review

__all__ = [
    "Connection",
    "Context",
    "Corpus",
    "Limits",
    "LiveCaptions",
    "Microphone",
    "NormalizationStep",
    "Normalizer",
    "Retry",
    "StreamGate",
    "StreamOptions",
    "Streamed",
    "TranscriptionOptions",
    "Translation",
    "aio",
    "align_words",
    "apply_reviews",
    "biasing_errors",
    "calibration",
    "character_errors",
    "clean_up",
    "compare",
    "compare_errors",
    "compare_terms",
    "compare_translations",
    "concat",
    "confusions",
    "diarization_errors",
    "enable_nested_loops",
    "exceptions",
    "fit_recalibration",
    "flag_low_confidence",
    "language_confusion",
    "language_errors",
    "language_switches",
    "language_word_errors",
    "last_interrupted",
    "list_models",
    "local_service",
    "plot_confidence",
    "plot_error_comparison",
    "plot_error_positions",
    "plot_error_summary",
    "plot_lag_distribution",
    "plot_language_confusion",
    "plot_reliability",
    "plot_review_curve",
    "plot_roc",
    "plot_timeline",
    "plot_token_arrival",
    "power",
    "precision_recall",
    "punctuation_errors",
    "read_corpus",
    "read_references",
    "read_rttm",
    "read_streamed",
    "reliability",
    "report",
    "review",
    "review_curve",
    "reviewed_words",
    "roc",
    "schema",
    "segments",
    "show_alignment",
    "show_normalization",
    "show_transcript",
    "speaker_stats",
    "speaker_transitions",
    "speaker_turns",
    "speaker_word_errors",
    "stream",
    "stream_dataset",
    "stream_latencies",
    "stream_stability",
    "stream_updates",
    "summarize",
    "summarize_terms",
    "sweep_endpoints",
    "term_errors",
    "term_occurrences",
    "texts",
    "token_latencies",
    "transcribe",
    "translation_pairs",
    "translation_scores",
    "usage",
    "word_confidence",
    "word_errors",
    "words",
    "write_rttm",
]

_HOMES = {
    "Connection": "api.connection",
    "Context": "options",
    "Corpus": "corpus.corpus",
    "Limits": "batch.limits",
    "LiveCaptions": "widgets.live_captions",
    "Microphone": "widgets.microphone",
    "NormalizationStep": "text.normalizer",
    "Normalizer": "text.normalizer",
    "Retry": "options",
    "StreamGate": "api.session_limit",
    "StreamOptions": "options",
    "Streamed": "live.result",
    "TranscriptionOptions": "options",
    "Translation": "options",
    "align_words": "metrics.words.align",
    "apply_reviews": "review_queue.reviews",
    "biasing_errors": "metrics.terms.biasing",
    "calibration": "metrics.confidence.calibration",
    "character_errors": "metrics.words.rates",
    "clean_up": "_sync",
    "compare": "_sync",
    "compare_errors": "metrics.stats.compare",
    "compare_terms": "metrics.terms.scores",
    "compare_translations": "metrics.translation.scores",
    "concat": "corpus.corpus",
    "confusions": "metrics.words.confusions",
    "diarization_errors": "metrics.speakers.diarization",
    "enable_nested_loops": "_background",
    "fit_recalibration": "metrics.confidence.recalibration",
    "flag_low_confidence": "review_queue.flagging",
    "language_confusion": "metrics.languages.errors",
    "language_errors": "metrics.languages.errors",
    "language_switches": "metrics.languages.switches",
    "language_word_errors": "metrics.languages.word_errors",
    "last_interrupted": "live.interrupted",
    "list_models": "_sync",
    "local_service": "emulator.local",
    "plot_confidence": "plots.recording",
    "plot_error_comparison": "plots.errors",
    "plot_error_positions": "plots.recording",
    "plot_error_summary": "plots.errors",
    "plot_lag_distribution": "plots.realtime",
    "plot_language_confusion": "plots.languages",
    "plot_reliability": "plots.confidence",
    "plot_review_curve": "plots.confidence",
    "plot_roc": "plots.confidence",
    "plot_timeline": "plots.timeline",
    "plot_token_arrival": "plots.realtime",
    "power": "metrics.stats.power",
    "precision_recall": "metrics.confidence.roc",
    "punctuation_errors": "metrics.words.punctuation",
    "read_corpus": "corpus.corpus",
    "read_references": "sources.manifests",
    "read_rttm": "io.rttm",
    "read_streamed": "live.result",
    "reliability": "metrics.confidence.calibration",
    "report": "reports.page",
    "review": "widgets.review",
    "review_curve": "review_queue.flagging",
    "reviewed_words": "review_queue.reviews",
    "roc": "metrics.confidence.roc",
    "segments": "text.words",
    "show_alignment": "views.alignment",
    "show_normalization": "views.normalization",
    "show_transcript": "views.transcript",
    "speaker_stats": "metrics.speakers.conversation",
    "speaker_transitions": "metrics.speakers.conversation",
    "speaker_turns": "metrics.speakers.turns",
    "speaker_word_errors": "metrics.speakers.cpwer",
    "stream": "_sync",
    "stream_dataset": "_sync",
    "stream_latencies": "metrics.latency.summaries",
    "stream_stability": "metrics.latency.stability",
    "stream_updates": "_sync",
    "summarize": "metrics.stats.summaries",
    "summarize_terms": "metrics.terms.scores",
    "sweep_endpoints": "_sync",
    "term_errors": "metrics.terms.occurrences",
    "term_occurrences": "metrics.terms.occurrences",
    "texts": "text.words",
    "token_latencies": "metrics.latency.tokens",
    "transcribe": "_sync",
    "translation_pairs": "metrics.translation.pairs",
    "translation_scores": "metrics.translation.scores",
    "usage": "_sync",
    "word_confidence": "metrics.confidence.word_confidence",
    "word_errors": "metrics.words.rates",
    "words": "text.words",
    "write_rttm": "io.rttm",
}
_MODULES = ("aio", "exceptions", "schema")

watch_forks()


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        check_imports()
        return import_module(f"soniox_ds.{name}")
    if name in _HOMES:
        check_imports()
        value = getattr(import_module(f"soniox_ds.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'soniox_ds' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
