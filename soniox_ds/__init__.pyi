"""The public names of soniox_ds, each written once; `lazy_loader` imports a name when it is first used."""

from . import (
    account as account,
    aio as aio,
    exceptions as exceptions,
    io as io,
    metrics as metrics,
    plot as plot,
    schema as schema,
    show as show,
)
from ._background import enable_nested_loops as enable_nested_loops
from ._sync import (
    compare as compare,
    plan as plan,
    stream as stream,
    stream_dataset as stream_dataset,
    stream_updates as stream_updates,
    sweep_endpoints as sweep_endpoints,
    transcribe as transcribe,
)
from .api.connection import Connection as Connection
from .api.session_limit import SessionLimit as SessionLimit
from .batch.limits import Limits as Limits
from .batch.webhook_receiver import WebhookReceiver as WebhookReceiver
from .corpus.corpus import Corpus as Corpus, concat as concat
from .corpus.opened import open_corpus as open_corpus, read_corpus as read_corpus
from .corpus.samples import load_samples as load_samples
from .emulator.local import local_service as local_service
from .live.interrupted import last_interrupted as last_interrupted
from .live.result import LiveResult as LiveResult, read_live_result as read_live_result
from .metrics.confidence.calibration import calibration as calibration
from .metrics.speakers.conversation import speaker_stats as speaker_stats
from .metrics.speakers.cpwer import speaker_word_errors as speaker_word_errors
from .metrics.speakers.diarization import diarization_errors as diarization_errors
from .metrics.speakers.turns import speaker_turns as speaker_turns
from .metrics.stats.compare import compare_errors as compare_errors
from .metrics.stats.summaries import summarize as summarize
from .metrics.terms.occurrences import term_errors as term_errors
from .metrics.words.align import align_words as align_words
from .metrics.words.confusions import confusions as confusions
from .metrics.words.rates import character_errors as character_errors, word_errors as word_errors
from .options import (
    Context as Context,
    LiveOptions as LiveOptions,
    TranscriptionOptions as TranscriptionOptions,
    Translation as Translation,
)
from .reports.page import report as report
from .review_queue.flagging import flag_low_confidence as flag_low_confidence
from .review_queue.reviews import apply_reviews as apply_reviews, reviewed_words as reviewed_words
from .show.concordance import find as find
from .sources.manifests import read_references as read_references
from .text.normalizer import NormalizationStep as NormalizationStep, Normalizer as Normalizer
from .text.words import segments as segments, texts as texts, words as words
from .widgets.captions.live_captions import LiveCaptions as LiveCaptions
from .widgets.explore.explorer import explore as explore
from .widgets.microphone.microphone import Microphone as Microphone
from .widgets.review.queue import review as review

__version__: str
