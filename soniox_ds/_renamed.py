"""Former names of modules and functions, which still work and warn.

The modules were moved before the first release. This file lets older notebooks run until they are adapted; it is to be
deleted before the first release.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["NAMES", "current_value", "support_former_modules"]

NAMES = {
    "Retry": "api.retry.Backoff",
    "StreamGate": "SessionLimit",
    "StreamOptions": "LiveOptions",
    "Streamed": "LiveResult",
    "aio.clean_up": "aio.account.clean_up",
    "aio.list_models": "aio.account.models",
    "aio.usage": "aio.account.usage",
    "biasing_errors": "metrics.biasing_errors",
    "clean_up": "account.clean_up",
    "compare_terms": "metrics.compare_terms",
    "compare_translations": "metrics.compare_translations",
    "errors": "exceptions",
    "fit_recalibration": "metrics.fit_recalibration",
    "language_confusion": "metrics.language_confusion",
    "language_switches": "metrics.language_switches",
    "list_models": "account.models",
    "plot_confidence": "plot.confidence",
    "plot_error_comparison": "plot.error_comparison",
    "plot_error_positions": "plot.error_positions",
    "plot_error_summary": "plot.error_summary",
    "plot_lag_distribution": "plot.lag_distribution",
    "plot_language_confusion": "plot.language_confusion",
    "plot_reliability": "plot.reliability",
    "plot_review_curve": "plot.review_curve",
    "plot_roc": "plot.roc",
    "plot_timeline": "plot.timeline",
    "plot_token_arrival": "plot.token_arrival",
    "pool_diarization_errors": "summarize",
    "pool_speaker_word_errors": "summarize",
    "power": "metrics.power",
    "precision_recall": "metrics.precision_recall",
    "read_rttm": "io.read_rttm",
    "read_streamed": "read_live_result",
    "reliability": "metrics.reliability",
    "roc": "metrics.roc",
    "schema.LANGUAGE_WORD_ERRORS": "schema.LANGUAGE_WORD_ERROR_SUMMARY",
    "schema.STREAM_LATENCIES": "schema.LIVE_LATENCY_SUMMARY",
    "schema.STREAM_LOG": "schema.LIVE_LOG",
    "schema.STREAM_STABILITY": "schema.LIVE_STABILITY_SUMMARY",
    "schema.STREAM_TOKENS": "schema.LIVE_TOKENS",
    "schema.STREAM_UPDATES": "schema.LIVE_UPDATES",
    "show_alignment": "show.alignment",
    "show_normalization": "show.normalization",
    "show_transcript": "show.transcript",
    "speaker_transitions": "metrics.speaker_transitions",
    "summarize_biasing_errors": "summarize",
    "summarize_errors": "summarize",
    "summarize_language_errors": "summarize",
    "summarize_language_switches": "summarize",
    "term_occurrences": "metrics.term_occurrences",
    "token_latencies": "metrics.token_latencies",
    "translation_pairs": "metrics.translation_pairs",
    "translation_scores": "metrics.translation_scores",
    "usage": "account.usage",
    "word_confidence": "metrics.word_confidence",
    "write_rttm": "io.write_rttm",
}
"""Public names, and what they are called now."""

SUMMARIZED = {
    "language_word_errors": ("word_errors_by_language", 1, ("references",)),
    "stream_latencies": ("live_latencies", 0, ()),
    "stream_stability": ("live_stability", 0, ("count_growth",)),
    "summarize_terms": ("term_counts", 2, ("terms", "errors", "distractors", "normalizer", "units")),
}
"""Former functions that counted and summarized: the function of `metrics` that counts now, the number of its positional
arguments after the table, and the names of its arguments."""

_PACKAGES = ("analysis", "formats", "plots", "service", "transcription", "views")
_MODULES = {
    "analysis.align": "metrics.words.align",
    "analysis.alignments": "metrics.words.alignments",
    "analysis.arguments": "schema.arguments",
    "analysis.arm_differences": "experiments.arm_differences",
    "analysis.biasing": "metrics.terms.biasing",
    "analysis.blocks": "metrics.stats.blocks",
    "analysis.boundaries": "text.word_boundaries",
    "analysis.calibration": "metrics.confidence.calibration",
    "analysis.characters": "text.characters",
    "analysis.clips": "review_queue.clips",
    "analysis.comparison": "metrics.stats.compare",
    "analysis.confidence": "metrics.confidence.word_confidence",
    "analysis.confidence_bins": "metrics.confidence.calibration_error",
    "analysis.confusions": "metrics.words.confusions",
    "analysis.conversation": "metrics.speakers.conversation",
    "analysis.diarization": "metrics.speakers.diarization",
    "analysis.edit_paths": "metrics.words.edit_paths",
    "analysis.effects": "experiments.effects",
    "analysis.error_detection": "metrics.confidence.roc",
    "analysis.errors": "metrics.words.rates",
    "analysis.flagging": "review_queue.flagging",
    "analysis.formula_cells": "files.formula_cells",
    "analysis.language_errors": "metrics.languages.errors",
    "analysis.language_references": "metrics.languages.references",
    "analysis.language_switches": "metrics.languages.switches",
    "analysis.language_word_errors": "metrics.languages.word_errors",
    "analysis.latency": "metrics.latency.tokens",
    "analysis.latency_summaries": "metrics.latency.summaries",
    "analysis.long_paths": "metrics.words.long_paths",
    "analysis.matched_pairs": "metrics.stats.mapsswe",
    "analysis.neutral_errors": "metrics.words.neutral_rates",
    "analysis.normalization": "show.normalization_table",
    "analysis.normalize": "text.normalizer",
    "analysis.pairing": "metrics.words.pairing",
    "analysis.planning": "metrics.stats.power",
    "analysis.punctuation": "metrics.words.punctuation",
    "analysis.recalibration": "metrics.confidence.recalibration",
    "analysis.recording_languages": "metrics.words.recording_languages",
    "analysis.repeats": "metrics.stats.repeats",
    "analysis.resampling": "metrics.stats.resampling",
    "analysis.review_merging": "review_queue.merging",
    "analysis.reviews": "review_queue.reviews",
    "analysis.runs": "text.runs",
    "analysis.said": "metrics.speakers.speaker_words",
    "analysis.scripts": "text.scripts",
    "analysis.selection": "schema.selection",
    "analysis.speaker_words": "metrics.speakers.cpwer",
    "analysis.speakers": "metrics.speakers.turns",
    "analysis.spoken": "text.spoken",
    "analysis.stability": "metrics.latency.stability",
    "analysis.statistics": "metrics.stats.bootstrap",
    "analysis.streams": "text.translations",
    "analysis.summaries": "metrics.stats.summaries",
    "analysis.tags": "text.tags",
    "analysis.term_scores": "metrics.terms.scores",
    "analysis.term_search": "metrics.terms.search",
    "analysis.terms": "metrics.terms.occurrences",
    "analysis.text": "text.words",
    "analysis.time_constrained": "metrics.speakers.time_constrained",
    "analysis.translation": "metrics.translation.pairs",
    "analysis.translation_scores": "metrics.translation.scores",
    "analysis.translation_texts": "metrics.translation.texts",
    "analysis.turn_tables": "metrics.speakers.turn_tables",
    "analysis.units": "metrics.words.units",
    "analysis.word_changes": "experiments.word_changes",
    "callers": "_caller",
    "comparison": "experiments.results",
    "doors": "_sync",
    "endpoint_sweeps": "experiments.endpoint_sweep",
    "errors": "exceptions",
    "forks": "_forks",
    "formats.checking": "corpus.validation",
    "formats.corpus": "corpus.corpus",
    "formats.dtypes": "corpus.dtypes",
    "formats.excerpts": "files.audio_excerpts",
    "formats.parquet": "corpus.parquet",
    "formats.parts": "corpus.parts",
    "formats.provenance": "corpus.provenance",
    "formats.replacing": "files.atomic_files",
    "formats.repr": "corpus.repr",
    "formats.rttm": "io.rttm",
    "formats.sealed": "corpus.checksums",
    "formats.text_files": "files.text_files",
    "languages": "options.languages",
    "live.events": "live.transcript",
    "live.line": "live.audio_buffer",
    "live.reconnect": "live.resume",
    "live.seams": "live.resume",
    "live.sources": "live.audio_sources",
    "live.streamed": "live.result",
    "live.streaming": "live.stream",
    "media": "files.media",
    "options.stream": "options.live",
    "plots.confidence": "plot.confidence_curves",
    "plots.errors": "plot.errors",
    "plots.languages": "plot.languages",
    "plots.realtime": "plot.live",
    "plots.recording": "plot.recording",
    "plots.style": "plot.style",
    "plots.timeline": "plot.speaker_timeline",
    "prices": "api.prices",
    "schema.realtime": "schema.live",
    "reports.arms": "reports.comparison",
    "reports.elements": "reports.tables",
    "reports.places": "reports.selection",
    "reports.scores": "reports.accuracy",
    "reports.voices": "reports.speakers",
    "service.body": "api.response_body",
    "service.budget": "api.budget",
    "service.clock": "api.clock",
    "service.connection": "api.connection",
    "service.decode": "api.decode",
    "service.gate": "api.session_limit",
    "service.logs": "api.logs",
    "service.models": "api.models",
    "service.multipart": "api.multipart",
    "service.replies": "api.responses",
    "service.rest": "api.client",
    "service.stream": "api.websocket",
    "service.transport": "api.transport",
    "transcription.arguments": "batch.arguments",
    "transcription.assembling": "batch.assemble",
    "transcription.blocking": "_background",
    "transcription.checks": "batch.checks",
    "transcription.claims": "batch.job_locks",
    "transcription.class_labels": "sources.class_labels",
    "transcription.collecting": "batch.fetch",
    "transcription.containers": "sources.containers",
    "transcription.failures": "batch.failures",
    "transcription.files": "sources.files",
    "transcription.identity": "sources.ids",
    "transcription.inspect": "sources.inspection",
    "transcription.jobs": "batch.jobs",
    "transcription.journal": "batch.journal",
    "transcription.journal_tables": "batch.journal_tables",
    "transcription.limits": "batch.limits",
    "transcription.manifests": "sources.manifests",
    "transcription.model_changes": "batch.model_changes",
    "transcription.pipeline": "batch.pipeline",
    "transcription.preparing": "batch.prepare",
    "transcription.progress": "progress.display",
    "transcription.realtime": "live.dataset",
    "transcription.recording": "sources.recording",
    "transcription.reference_columns": "sources.reference_columns",
    "transcription.run": "batch.run",
    "transcription.sources": "sources.search",
    "transcription.stream_store": "live.event_store",
    "transcription.submission": "batch.submit",
    "transcription.sweeping": "batch.clean_up",
    "transcription.tables": "sources.tables",
    "transcription.tally": "progress.counts",
    "transcription.urls": "sources.urls",
    "transcription.watching": "batch.watch",
    "transcription.writer": "batch.journal_writer",
    "trials": "experiments.schedule",
    "views.alignment": "show.alignment_view",
    "views.markup": "_display",
    "views.normalization": "show.normalization_table",
    "views.transcript": "show.transcript_view",
    "widgets.assets": "widgets._assets",
    "widgets.callbacks": "widgets.microphone.callbacks",
    "widgets.intake": "widgets.microphone.intake",
    "widgets.kernels": "widgets._kernel",
    "widgets.live_captions": "widgets.captions.live_captions",
    "widgets.loopback": "widgets.microphone.loopback",
    "widgets.microphone_still": "widgets.captions.still",
    "widgets.playback": "widgets.captions.playback",
    "widgets.recorder": "widgets.microphone.recorder",
    "widgets.review_places": "widgets.review.places",
    "widgets.review_still": "widgets.review.still",
    "widgets.review_store": "widgets.review.store",
    "widgets.microphone.safekeeping": "widgets.microphone.recovery",
    "widgets.safekeeping": "widgets.microphone.recovery",
    "widgets.takes": "widgets.microphone.takes",
    "widgets.temporary_keys": "widgets.microphone.temporary_keys",
}


def current_value(package: str, name: str) -> Any:
    """Return what a former public name of a package stands for, after a DeprecationWarning.

    Raises
    ------
    AttributeError
        If the package has never had a public name like this.
    """
    if package == "soniox_ds" and name in SUMMARIZED:
        return _summarized(name)
    former = f"{package}.{name}"
    new = NAMES.get(former.removeprefix("soniox_ds."))
    if new is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package])
    warnings.warn(f"{former} is now soniox_ds.{new}", DeprecationWarning, stacklevel=3)
    return pkgutil.resolve_name(f"soniox_ds.{new}")


def _summarized(name: str) -> Callable[..., Any]:
    """Return a function that counts and summarizes, as the former function of this name did."""
    new, n_positional, names = SUMMARIZED[name]
    warnings.warn(
        f"soniox_ds.{name}(...) is now soniox_ds.summarize(soniox_ds.metrics.{new}(...))",
        DeprecationWarning,
        stacklevel=4,
    )
    count, summarize = (pkgutil.resolve_name(f"soniox_ds.{public}") for public in (f"metrics.{new}", "summarize"))

    def former(table: Any, *arguments: Any, **options: Any) -> Any:
        counting = {key: options.pop(key) for key in names if key in options}
        return summarize(count(table, *arguments[:n_positional], **counting), *arguments[n_positional:], **options)

    return former


def support_former_modules() -> None:
    """Let import statements with the former names of modules find the modules of today."""
    sys.meta_path.append(_Finder())


class _Finder(MetaPathFinder):
    """Finds former modules; asked last, so that it never hides a module."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.partition(".")
        if package != "soniox_ds" or name not in (*_MODULES, *_PACKAGES):
            return None
        return ModuleSpec(fullname, _Former(name), is_package=name in _PACKAGES or name == "analysis.spoken")


class _Former(Loader):
    """Gives the module of today, or an empty package, under a former name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        if self._name not in _MODULES:
            return None
        new = f"soniox_ds.{_MODULES[self._name]}"
        warnings.warn(f"{spec.name} is now {new}", DeprecationWarning, stacklevel=2)
        self._module = importlib.import_module(new)
        self._spec = self._module.__spec__
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        if self._name in _MODULES:
            module.__spec__ = self._spec  # which the import system has replaced by that of the former name
