"""The public names of soniox_ds, each written once; `lazy_loader` imports a name when it is first used."""

from . import aio as aio
from . import exceptions as exceptions
from . import schema as schema
from ._background import enable_nested_loops as enable_nested_loops
from ._sync import (
    clean_up as clean_up,
)
from ._sync import (
    compare as compare,
)
from ._sync import (
    list_models as list_models,
)
from ._sync import (
    stream as stream,
)
from ._sync import (
    stream_dataset as stream_dataset,
)
from ._sync import (
    stream_updates as stream_updates,
)
from ._sync import (
    sweep_endpoints as sweep_endpoints,
)
from ._sync import (
    transcribe as transcribe,
)
from ._sync import (
    usage as usage,
)
from .api.connection import Connection as Connection
from .api.session_limit import StreamGate as StreamGate
from .batch.limits import Limits as Limits
from .corpus.corpus import (
    Corpus as Corpus,
)
from .corpus.corpus import (
    concat as concat,
)
from .corpus.corpus import (
    read_corpus as read_corpus,
)
from .emulator.local import local_service as local_service
from .io.rttm import (
    read_rttm as read_rttm,
)
from .io.rttm import (
    write_rttm as write_rttm,
)
from .live.interrupted import last_interrupted as last_interrupted
from .live.result import (
    Streamed as Streamed,
)
from .live.result import (
    read_streamed as read_streamed,
)
from .metrics.confidence.calibration import (
    calibration as calibration,
)
from .metrics.confidence.calibration import (
    reliability as reliability,
)
from .metrics.confidence.recalibration import fit_recalibration as fit_recalibration
from .metrics.confidence.roc import (
    precision_recall as precision_recall,
)
from .metrics.confidence.roc import (
    roc as roc,
)
from .metrics.confidence.word_confidence import word_confidence as word_confidence
from .metrics.languages.errors import (
    language_confusion as language_confusion,
)
from .metrics.languages.errors import (
    language_errors as language_errors,
)
from .metrics.languages.switches import language_switches as language_switches
from .metrics.languages.word_errors import language_word_errors as language_word_errors
from .metrics.latency.stability import stream_stability as stream_stability
from .metrics.latency.summaries import stream_latencies as stream_latencies
from .metrics.latency.tokens import token_latencies as token_latencies
from .metrics.speakers.conversation import (
    speaker_stats as speaker_stats,
)
from .metrics.speakers.conversation import (
    speaker_transitions as speaker_transitions,
)
from .metrics.speakers.cpwer import speaker_word_errors as speaker_word_errors
from .metrics.speakers.diarization import diarization_errors as diarization_errors
from .metrics.speakers.turns import speaker_turns as speaker_turns
from .metrics.stats.compare import compare_errors as compare_errors
from .metrics.stats.power import power as power
from .metrics.stats.summaries import summarize as summarize
from .metrics.terms.biasing import biasing_errors as biasing_errors
from .metrics.terms.occurrences import (
    term_errors as term_errors,
)
from .metrics.terms.occurrences import (
    term_occurrences as term_occurrences,
)
from .metrics.terms.scores import (
    compare_terms as compare_terms,
)
from .metrics.terms.scores import (
    summarize_terms as summarize_terms,
)
from .metrics.translation.pairs import translation_pairs as translation_pairs
from .metrics.translation.scores import (
    compare_translations as compare_translations,
)
from .metrics.translation.scores import (
    translation_scores as translation_scores,
)
from .metrics.words.align import align_words as align_words
from .metrics.words.confusions import confusions as confusions
from .metrics.words.punctuation import punctuation_errors as punctuation_errors
from .metrics.words.rates import (
    character_errors as character_errors,
)
from .metrics.words.rates import (
    word_errors as word_errors,
)
from .options import (
    Context as Context,
)
from .options import (
    Retry as Retry,
)
from .options import (
    StreamOptions as StreamOptions,
)
from .options import (
    TranscriptionOptions as TranscriptionOptions,
)
from .options import (
    Translation as Translation,
)
from .plots.confidence import (
    plot_reliability as plot_reliability,
)
from .plots.confidence import (
    plot_review_curve as plot_review_curve,
)
from .plots.confidence import (
    plot_roc as plot_roc,
)
from .plots.errors import (
    plot_error_comparison as plot_error_comparison,
)
from .plots.errors import (
    plot_error_summary as plot_error_summary,
)
from .plots.languages import plot_language_confusion as plot_language_confusion
from .plots.realtime import (
    plot_lag_distribution as plot_lag_distribution,
)
from .plots.realtime import (
    plot_token_arrival as plot_token_arrival,
)
from .plots.recording import (
    plot_confidence as plot_confidence,
)
from .plots.recording import (
    plot_error_positions as plot_error_positions,
)
from .plots.timeline import plot_timeline as plot_timeline
from .reports.page import report as report
from .review_queue.flagging import (
    flag_low_confidence as flag_low_confidence,
)
from .review_queue.flagging import (
    review_curve as review_curve,
)
from .review_queue.reviews import (
    apply_reviews as apply_reviews,
)
from .review_queue.reviews import (
    reviewed_words as reviewed_words,
)
from .sources.manifests import read_references as read_references
from .text.normalizer import (
    NormalizationStep as NormalizationStep,
)
from .text.normalizer import (
    Normalizer as Normalizer,
)
from .text.words import (
    segments as segments,
)
from .text.words import (
    texts as texts,
)
from .text.words import (
    words as words,
)
from .views.alignment import show_alignment as show_alignment
from .views.normalization import show_normalization as show_normalization
from .views.transcript import show_transcript as show_transcript
from .widgets.captions.live_captions import LiveCaptions as LiveCaptions
from .widgets.microphone.microphone import Microphone as Microphone
from .widgets.review.queue import review as review
