"""A small set of consistent tables, and a call of each public function on them.

A new public function that takes no tables and no transcripts needs a line in ``NO_TABLES``. Any other function needs a
line in ``CALLS`` and a line in the lists of ``tests/test_public_functions.py``, which give transcripts in every form.
Tests fail for a function without a line.
"""

from __future__ import annotations

import functools
import inspect
import os
import warnings

import matplotlib.pyplot as plt
import pandas as pd
from stream_logs import Log, token

import soniox_ds as sx
from soniox_ds.io.formats import FORMATS

__all__ = [
    "CALLS",
    "NO_TABLES",
    "PAIRS",
    "QUICK",
    "call",
    "cases",
    "check_same",
    "spoilt_table",
    "tables",
    "tables_of",
    "true_result",
]

plt.switch_backend("agg")

NO_TABLES = {
    *("compare", "plan", "stream", "stream_dataset", "stream_updates", "sweep_endpoints", "transcribe"),
    *(
        "account.add_charges",
        "account.clean_up",
        "account.delete_files",
        "account.delete_transcriptions",
        "account.files",
        "account.models",
        "account.temporary_key",
        "account.transcriptions",
        "account.usage",
        "enable_nested_loops",
        "last_interrupted",
        "local_service",
    ),
    *(
        "concat",
        "io.read_sample_turns",
        "io.read_transcripts",
        "io.samples_folder",
        "load_samples",
        "open_corpus",
        "read_corpus",
        "read_live_result",
        "read_references",
        "report",
    ),
    *(f"io.read_{name}" for name, each in FORMATS.items() if each.reader),
}
"""Functions that take sources, options, files or whole corpora."""

QUICK = {"n_resamples": 200}
TERMS = ["kettle", "window", "garden"]
RECORDINGS = {  # speaker, language, reference word, recognised word
    "a": "1 en the the|1 en kettle kettle|1 en is is|2 de das das|2 de fenster finster|1 en in in|1 en garden gardener",
    "b": "1 en open open|1 en the a|1 en window window|2 en near near|2 en the the|2 en kettle cattle|2 en now now",
    "c": "2 de guten guten|2 de morgen morgen|1 en good good|1 en morning mourning|2 en all all|1 en right light",
}
SURE = {True: [0.95, 0.9, 0.99, 0.8], False: [0.4, 0.6, 0.85]}


@functools.cache
def tables(kind="true"):
    """Return the tables by name. `kind` "one speaker", "all right" and "all wrong" are other consistent worlds."""
    rows = []
    for audio_id, text in RECORDINGS.items():
        for index, part in enumerate(text.split("|")):
            speaker, language, reference_word, hypothesis_word = part.split()
            hypothesis_word = {"all right": reference_word, "all wrong": f"{hypothesis_word}x"}.get(
                kind, hypothesis_word
            )
            sure = SURE[reference_word == hypothesis_word][index % 3]
            label = "1" if kind == "one speaker" else speaker
            found = {"all right": language, "all wrong": "fr"}.get(
                kind, "en" if reference_word == "morgen" else language
            )
            start = 500 + 600 * index
            rows.append(
                (audio_id, index, hypothesis_word, start, start + 400, sure, label, found, reference_word, language)
            )
    columns = ["audio_id", "word_index", "text", "start_ms", "end_ms", "confidence", "speaker", "language"]
    truth = pd.DataFrame(rows, columns=[*columns, "reference", "spoken"])
    words = truth[columns].assign(space_before=True, token_count=1, confidence_mean=truth["confidence"])
    named = {"word_index": "token_index"}
    tokens = words.rename(columns=named).drop(columns=["space_before", "token_count", "confidence_mean"])
    tokens["text"] = " " + tokens["text"]
    references = truth.groupby("audio_id", as_index=False)["reference"].agg(" ".join)
    hypotheses = truth.groupby("audio_id", as_index=False)["text"].agg(" ".join)
    turns = sx.speaker_turns(words)
    who = truth[["audio_id", "speaker"]]
    of_turn = truth.assign(turn=(who != who.shift()).any(axis=1).cumsum())
    parts = of_turn.groupby("turn", as_index=False)
    spans = {"audio_id": "first", "speaker": "first", "start_ms": "min", "end_ms": "max", "reference": " ".join}
    reference_turns = parts.agg(spans).drop(columns="turn").rename(columns={"reference": "text"})
    stretches = truth[["audio_id", "start_ms", "end_ms"]].assign(end_ms=truth["end_ms"] + 200, language=truth["spoken"])
    errors = sx.word_errors(words, references).assign(duration_ms=6000)
    other = words.assign(text=words["text"].replace({"finster": "fenster", "a": "the", "cattle": "kettles"}))
    alignments = sx.align_words(words, references)
    others = sx.align_words(other, references)
    errors_b = sx.word_errors(other, references).assign(duration_ms=6000)
    translated = pd.concat(
        [
            words.assign(translation_status="original", word_index=words["word_index"] * 2),
            words.assign(
                translation_status="translation",
                word_index=words["word_index"] * 2 + 1,
                start_ms=pd.array([pd.NA] * len(words), "Int64"),
                end_ms=pd.array([pd.NA] * len(words), "Int64"),
                language="es",
                source_language=words["language"],
            ),
        ]
    ).sort_values(["audio_id", "word_index"], ignore_index=True)
    logs = pd.concat([live_log(audio_id) for audio_id in RECORDINGS], ignore_index=True)
    sessions = pd.DataFrame({"audio_id": list(RECORDINGS), "status": "completed"})
    return {
        "words": words,
        "tokens": tokens,
        "references": references,
        "turns": turns,
        "reference_turns": reference_turns,
        "stretches": stretches,
        "translated": translated,
        "errors": errors,
        "errors_b": errors_b,
        "alignments": alignments,
        "alignments_b": others,
        "language_errors": sx.metrics.language_errors(words, stretches),
        "switches": sx.metrics.language_switches(words, stretches),
        "language_confusion": sx.metrics.language_confusion(words, stretches),
        "diarization": sx.diarization_errors(turns, reference_turns),
        "speaker_word_errors": sx.speaker_word_errors(words, reference_turns),
        "biasing": sx.metrics.biasing_errors(alignments, TERMS, errors),
        "term_counts": sx.metrics.term_counts(alignments, TERMS, errors),
        "word_errors_by_language": sx.metrics.word_errors_by_language(alignments, stretches),
        "live_latencies": sx.metrics.live_latencies(sx.LiveResult(sessions, logs)),
        "stability": sx.metrics.live_stability(sx.LiveResult(sessions, logs)),
        "summary": sx.summarize(errors.assign(room=errors["audio_id"]), by="room", **QUICK),
        "comparison": quiet(sx.compare_errors, errors, errors_b, **QUICK),
        "reliability": sx.metrics.reliability(alignments, **QUICK),
        "roc": sx.metrics.roc(alignments),
        "curve": sx.metrics.review_curve(words, alignments, points=10),
        "occurrences": sx.metrics.term_occurrences(alignments, TERMS),
        "cost": sx.Corpus(sessions.assign(cost_usd=0.1, charged_usd=0.2, duration_ms=6000)).cost,
        "occurrences_b": sx.metrics.term_occurrences(others, TERMS),
        "translations": hypotheses.assign(translation_status="translation"),
        "reviews": pd.DataFrame(
            {
                "audio_id": ["a", "a", "b", "c"],
                "start_ms": [500, 2300, 500, 500],
                "end_ms": [2100, 2700, 1500, 2100],
                "verdict": ["right", "wrong", "unclear", "right"],
                "correction": [pd.NA, "das", pd.NA, pd.NA],
            }
        ),
        "sessions": sessions,
        "log": logs,
        "latencies": sx.metrics.token_latencies(sx.LiveResult(sessions, logs)),
        "punctuated": references.assign(reference="A " + references["reference"] + "."),
    }


def live_log(audio_id):
    """Return a live log of the reference. Every word is first shown as another one and settled half a second later."""
    log = Log(audio_id).connecting(-50).opened(-10).spoken(6000)
    for index, part in enumerate(RECORDINGS[audio_id].split("|")):
        start, word = 500 + 600 * index, f" {part.split()[3]}"
        log.message(start + 700, token(f"{word}s", start, start + 400))
        log.message(start + 1200 + 10 * index, token(word, start, start + 400, final=True))
    return log.table


def quiet(function, *arguments, **options):
    """A call whose warning about so few recordings is not what is looked at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sx.exceptions.SmallSampleWarning)
        return function(*arguments, **options)


CALLS = {
    "align_words": lambda words, references: sx.align_words(words, references),
    "apply_reviews": lambda words, reviews: sx.apply_reviews(words, reviews),
    "biasing_errors": lambda alignments, errors: sx.metrics.biasing_errors(alignments, TERMS, errors),
    "calibration": lambda alignments: sx.calibration(alignments, **QUICK),
    "character_errors": lambda words, references: sx.character_errors(words, references),
    "compare_errors": lambda errors, errors_b, alignments, alignments_b: quiet(
        sx.compare_errors,
        errors,
        errors_b,
        alignments=[alignments, alignments_b],
        **QUICK,
    ),
    "compare_terms": lambda occurrences, occurrences_b: sx.metrics.compare_terms(occurrences, occurrences_b, **QUICK),
    "compare_translations": lambda translations, references: sx.metrics.compare_translations(
        translations, translations, references, metric="chrf", **QUICK
    ),
    "confusions": lambda alignments: sx.confusions(alignments),
    "diarization_errors": lambda turns, reference_turns: sx.diarization_errors(turns, reference_turns),
    "find": lambda words: sx.find(words, r"\w+", regex=True).table,
    "fit_recalibration": lambda alignments: sx.metrics.fit_recalibration(alignments, "platt"),
    "flag_low_confidence": lambda words, alignments: sx.flag_low_confidence(
        words, target_recall=0.5, alignments=alignments
    ),
    "language_confusion": lambda words, stretches: sx.metrics.language_confusion(words, stretches),
    "language_errors": lambda words, stretches: sx.metrics.language_errors(words, stretches),
    "language_switches": lambda words, stretches: sx.metrics.language_switches(words, stretches),
    "word_errors_by_language": lambda alignments, stretches: sx.metrics.word_errors_by_language(alignments, stretches),
    "summarize word_errors_by_language": lambda word_errors_by_language: sx.summarize(
        word_errors_by_language, kind="word_errors_by_language", **QUICK
    ),
    "plot.confidence": lambda words, first: sx.plot.confidence(words, audio_id=first),
    "plot.error_comparison": lambda comparison: sx.plot.error_comparison(comparison),
    "plot.error_positions": lambda alignments, first: sx.plot.error_positions(alignments, audio_id=first),
    "plot.error_summary": lambda summary: sx.plot.error_summary(summary),
    "plot.lag_distribution": lambda latencies: sx.plot.lag_distribution(latencies),
    "plot.language_confusion": lambda language_confusion: sx.plot.language_confusion(language_confusion),
    "plot.reliability": lambda reliability: sx.plot.reliability(reliability),
    "plot.review_curve": lambda curve: sx.plot.review_curve(curve),
    "plot.roc": lambda roc: sx.plot.roc(roc),
    "plot.timeline": lambda turns, first: sx.plot.timeline(turns, audio_id=first),
    "summarize diarization_errors": lambda diarization: sx.summarize(diarization, **QUICK),
    "summarize speaker_word_errors": lambda speaker_word_errors: sx.summarize(speaker_word_errors, **QUICK),
    "plot.token_arrival": lambda latencies, first: sx.plot.token_arrival(latencies, audio_id=first),
    "power": lambda errors, errors_b: sx.metrics.power([errors, errors_b], difference=0.05),
    "precision_recall": lambda alignments: sx.metrics.precision_recall(alignments),
    "punctuation_errors": lambda words, punctuated: sx.metrics.punctuation_errors(words, punctuated),
    "reliability": lambda alignments: sx.metrics.reliability(alignments, **QUICK),
    "review_curve": lambda words, alignments: sx.metrics.review_curve(words, alignments, points=10),
    "reviewed_words": lambda words, reviews: sx.reviewed_words(words, reviews),
    "roc": lambda alignments: sx.metrics.roc(alignments),
    "segments": lambda words: sx.segments(words),
    "show.alignment": lambda alignments, first: repr(sx.show.alignment(alignments, first)),
    "show.normalization": lambda references: sx.show.normalization(references, unchanged=True),
    "show.transcript": lambda words, first: repr(sx.show.transcript(words, first)),
    "speaker_stats": lambda turns: sx.speaker_stats(turns),
    "speaker_transitions": lambda turns: sx.metrics.speaker_transitions(turns),
    "speaker_turns": lambda words: sx.speaker_turns(words),
    "speaker_word_errors": lambda words, reference_turns: sx.speaker_word_errors(words, reference_turns),
    "live_latencies": lambda sessions, log: sx.metrics.live_latencies(sx.LiveResult(sessions, log)),
    "live_stability": lambda sessions, log: sx.metrics.live_stability(sx.LiveResult(sessions, log)),
    "summarize live_latencies": lambda live_latencies: quiet(sx.summarize, live_latencies, **QUICK),
    "summarize live_stability": lambda stability: quiet(sx.summarize, stability, **QUICK),
    "summarize biasing_errors": lambda biasing: sx.summarize(biasing, kind="biasing_errors", **QUICK),
    "summarize": lambda errors: sx.summarize(errors, **QUICK),
    "summarize language_errors": lambda language_errors: sx.summarize(language_errors, **QUICK),
    "summarize language_switches": lambda switches: sx.summarize(switches, **QUICK),
    "summarize cost": lambda cost: sx.summarize(cost, **QUICK),
    "term_costs": lambda occurrences, cost: sx.metrics.term_costs(occurrences, cost),
    "term_counts": lambda alignments, errors: sx.metrics.term_counts(alignments, TERMS, errors),
    "summarize term_counts": lambda term_counts: sx.summarize(term_counts, **QUICK),
    "term_errors": lambda alignments, errors: sx.term_errors(alignments, TERMS, errors=errors),
    "term_occurrences": lambda alignments: sx.metrics.term_occurrences(alignments, TERMS),
    "texts": lambda words: sx.texts(words),
    "token_latencies": lambda log: sx.metrics.token_latencies(sx.LiveResult(tables()["sessions"], log)),
    "translation_pairs": lambda translated: sx.metrics.translation_pairs(translated),
    "translation_scores": lambda translations, references: sx.metrics.translation_scores(
        translations, references, metric="chrf", **QUICK
    ),
    "word_confidence": lambda words, tokens: sx.metrics.word_confidence(words, "product", tokens=tokens),
    "word_errors": lambda words, references: sx.word_errors(words, references),
    "words": lambda tokens: sx.words(tokens),
    "write_rttm": lambda turns: sx.io.write_rttm(turns, os.devnull),
}
"""A call of each function that takes tables, whose parameters are the names of the tables, or `first`: an audio_id."""


def tables_of(name):
    """The names of the tables that a function takes."""
    return tuple(table for table in inspect.signature(CALLS[name]).parameters if table != "first")


PAIRS = [(name, table) for name in CALLS for table in tables_of(name)]


def call(name, spoilt=None, kind="true", first="a"):
    """Call a function on the tables of the world, of which `spoilt` replaces some."""
    given = {**tables(kind), **(spoilt or {}), "first": first}
    try:
        return CALLS[name](**{parameter: given[parameter] for parameter in inspect.signature(CALLS[name]).parameters})
    finally:
        plt.close("all")


@functools.cache
def true_result(name):
    """The result of a function on the true tables, which is computed once. Nothing may change it."""
    return call(name)


MEASURED = {"latencies"}
"""Tables whose times nobody writes by hand: they are made of a log by our own clock."""


def spoilt_table(table, how):
    """A table of the true world, spoilt; None where it cannot be spoilt like this."""
    true = tables()[table]
    times = [name for name in ("start_ms", "end_ms", "duration_ms") if name in true and table not in MEASURED]
    if how == "doubled rows":
        return pd.concat([true, true])
    if how == "no rows":
        return true.iloc[:0]
    if how == "times in seconds":
        return true.assign(**{name: true[name] / 1000 for name in times}) if times else None
    if how == "times in whole seconds":
        return true.assign(**{name: true[name] // 1000 for name in times}) if times else None
    if how == "end before start" and "end_ms" in times:
        worse = true.copy()
        worse.loc[worse.index[1], ["start_ms", "end_ms"]] = [9000, 8000]
        return worse
    if how == "an unknown recording" and table in ("references", "punctuated", "reference_turns", "stretches"):
        return pd.concat([true, true.iloc[:1].assign(audio_id="zz")])
    return None


def cases(how):
    """The functions and their tables that can be spoilt like this."""
    return [pair for pair in PAIRS if spoilt_table(pair[1], how) is not None]


def check_same(one, two, without=()):
    """Check that two results are the same, apart from columns of times."""
    if isinstance(one, pd.DataFrame):
        kept = [name for name in one if not name.endswith("_ms") and name not in without]
        pd.testing.assert_frame_equal(one[kept], two[kept])
    else:
        assert repr(one) == repr(two)
