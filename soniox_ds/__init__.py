"""soniox_ds: transcribe datasets with Soniox speech-to-text into token-level DataFrames, and measure the result.

Everything is imported where it is first used, so that ``import soniox_ds`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from soniox_ds.forks import check_imports, watch_forks

if TYPE_CHECKING:
    from soniox_ds import aio, errors, schema
    from soniox_ds.analysis.align import align_words
    from soniox_ds.analysis.biasing import biasing_errors, summarize_biasing_errors
    from soniox_ds.analysis.calibration import calibration, reliability
    from soniox_ds.analysis.comparison import compare_errors
    from soniox_ds.analysis.confidence import word_confidence
    from soniox_ds.analysis.confusions import confusions
    from soniox_ds.analysis.conversation import speaker_stats, speaker_transitions
    from soniox_ds.analysis.diarization import diarization_errors, pool_diarization_errors
    from soniox_ds.analysis.error_detection import precision_recall, roc
    from soniox_ds.analysis.errors import character_errors, word_errors
    from soniox_ds.analysis.flagging import flag_low_confidence, review_curve
    from soniox_ds.analysis.language_errors import language_confusion, language_errors, summarize_language_errors
    from soniox_ds.analysis.language_switches import language_switches, summarize_language_switches
    from soniox_ds.analysis.language_word_errors import language_word_errors
    from soniox_ds.analysis.latency import token_latencies
    from soniox_ds.analysis.latency_summaries import stream_latencies
    from soniox_ds.analysis.normalization import show_normalization
    from soniox_ds.analysis.normalize import NormalizationStep, Normalizer
    from soniox_ds.analysis.planning import power
    from soniox_ds.analysis.punctuation import punctuation_errors
    from soniox_ds.analysis.recalibration import fit_recalibration
    from soniox_ds.analysis.reviews import apply_reviews, reviewed_words
    from soniox_ds.analysis.speaker_words import pool_speaker_word_errors, speaker_word_errors
    from soniox_ds.analysis.speakers import speaker_turns
    from soniox_ds.analysis.stability import stream_stability
    from soniox_ds.analysis.summaries import summarize_errors
    from soniox_ds.analysis.term_scores import compare_terms, summarize_terms
    from soniox_ds.analysis.terms import term_errors, term_occurrences
    from soniox_ds.analysis.text import segments, texts, words
    from soniox_ds.analysis.translation import translation_pairs
    from soniox_ds.analysis.translation_scores import compare_translations, translation_scores
    from soniox_ds.doors import (
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
    from soniox_ds.emulator.local import local_service
    from soniox_ds.formats.corpus import Corpus, concat, read_corpus
    from soniox_ds.formats.rttm import read_rttm, write_rttm
    from soniox_ds.live.interrupted import last_interrupted
    from soniox_ds.live.streamed import Streamed, read_streamed
    from soniox_ds.options import Context, Retry, StreamOptions, TranscriptionOptions, Translation
    from soniox_ds.plots.confidence import plot_reliability, plot_review_curve, plot_roc
    from soniox_ds.plots.errors import plot_error_comparison, plot_error_summary
    from soniox_ds.plots.languages import plot_language_confusion
    from soniox_ds.plots.realtime import plot_lag_distribution, plot_token_arrival
    from soniox_ds.plots.recording import plot_confidence, plot_error_positions
    from soniox_ds.plots.timeline import plot_timeline
    from soniox_ds.reports.page import report
    from soniox_ds.service.connection import Connection
    from soniox_ds.service.gate import StreamGate
    from soniox_ds.transcription.blocking import enable_nested_loops
    from soniox_ds.transcription.limits import Limits
    from soniox_ds.transcription.manifests import read_references
    from soniox_ds.views.alignment import show_alignment
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
    "errors",
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
    "pool_diarization_errors",
    "pool_speaker_word_errors",
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
    "summarize_biasing_errors",
    "summarize_errors",
    "summarize_language_errors",
    "summarize_language_switches",
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
    "Connection": "service.connection",
    "Context": "options",
    "Corpus": "formats.corpus",
    "Limits": "transcription.limits",
    "LiveCaptions": "widgets.live_captions",
    "Microphone": "widgets.microphone",
    "NormalizationStep": "analysis.normalize",
    "Normalizer": "analysis.normalize",
    "Retry": "options",
    "StreamGate": "service.gate",
    "StreamOptions": "options",
    "Streamed": "live.streamed",
    "TranscriptionOptions": "options",
    "Translation": "options",
    "align_words": "analysis.align",
    "apply_reviews": "analysis.reviews",
    "biasing_errors": "analysis.biasing",
    "calibration": "analysis.calibration",
    "character_errors": "analysis.errors",
    "clean_up": "doors",
    "compare": "doors",
    "compare_errors": "analysis.comparison",
    "compare_terms": "analysis.term_scores",
    "compare_translations": "analysis.translation_scores",
    "concat": "formats.corpus",
    "confusions": "analysis.confusions",
    "diarization_errors": "analysis.diarization",
    "enable_nested_loops": "transcription.blocking",
    "fit_recalibration": "analysis.recalibration",
    "flag_low_confidence": "analysis.flagging",
    "language_confusion": "analysis.language_errors",
    "language_errors": "analysis.language_errors",
    "language_switches": "analysis.language_switches",
    "language_word_errors": "analysis.language_word_errors",
    "last_interrupted": "live.interrupted",
    "list_models": "doors",
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
    "pool_diarization_errors": "analysis.diarization",
    "pool_speaker_word_errors": "analysis.speaker_words",
    "power": "analysis.planning",
    "precision_recall": "analysis.error_detection",
    "punctuation_errors": "analysis.punctuation",
    "read_corpus": "formats.corpus",
    "read_references": "transcription.manifests",
    "read_rttm": "formats.rttm",
    "read_streamed": "live.streamed",
    "reliability": "analysis.calibration",
    "report": "reports.page",
    "review": "widgets.review",
    "review_curve": "analysis.flagging",
    "reviewed_words": "analysis.reviews",
    "roc": "analysis.error_detection",
    "segments": "analysis.text",
    "show_alignment": "views.alignment",
    "show_normalization": "analysis.normalization",
    "show_transcript": "views.transcript",
    "speaker_stats": "analysis.conversation",
    "speaker_transitions": "analysis.conversation",
    "speaker_turns": "analysis.speakers",
    "speaker_word_errors": "analysis.speaker_words",
    "stream": "doors",
    "stream_dataset": "doors",
    "stream_latencies": "analysis.latency_summaries",
    "stream_stability": "analysis.stability",
    "stream_updates": "doors",
    "summarize_biasing_errors": "analysis.biasing",
    "summarize_errors": "analysis.summaries",
    "summarize_language_errors": "analysis.language_errors",
    "summarize_language_switches": "analysis.language_switches",
    "summarize_terms": "analysis.term_scores",
    "sweep_endpoints": "doors",
    "term_errors": "analysis.terms",
    "term_occurrences": "analysis.terms",
    "texts": "analysis.text",
    "token_latencies": "analysis.latency",
    "transcribe": "doors",
    "translation_pairs": "analysis.translation",
    "translation_scores": "analysis.translation_scores",
    "usage": "doors",
    "word_confidence": "analysis.confidence",
    "word_errors": "analysis.errors",
    "words": "analysis.text",
    "write_rttm": "formats.rttm",
}
_MODULES = ("aio", "errors", "schema")

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
