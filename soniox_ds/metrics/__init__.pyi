"""The public names of `sx.metrics`. The metrics that most people need are at the top, such as `sx.word_errors`."""

from ..review_queue.flagging import review_curve as review_curve
from .confidence.calibration import reliability as reliability
from .confidence.recalibration import fit_recalibration as fit_recalibration
from .confidence.roc import precision_recall as precision_recall, roc as roc
from .confidence.word_confidence import word_confidence as word_confidence
from .costs import term_costs as term_costs
from .languages.errors import language_confusion as language_confusion, language_errors as language_errors
from .languages.switches import language_switches as language_switches
from .languages.word_errors import word_errors_by_language as word_errors_by_language
from .latency.stability import live_stability as live_stability
from .latency.summaries import live_latencies as live_latencies
from .latency.tokens import token_latencies as token_latencies
from .speakers.conversation import speaker_transitions as speaker_transitions
from .stats.power import power as power
from .terms.biasing import biasing_errors as biasing_errors
from .terms.occurrences import term_occurrences as term_occurrences
from .terms.scores import compare_terms as compare_terms, term_counts as term_counts
from .translation.pairs import translation_pairs as translation_pairs
from .translation.scores import compare_translations as compare_translations, translation_scores as translation_scores
from .words.jiwer_output import jiwer_output as jiwer_output
from .words.punctuation import punctuation_errors as punctuation_errors
