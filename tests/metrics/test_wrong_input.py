"""Every public function that takes tables answers wrong input with what to do, or with the documented NA.

One small world of tables, true and consistent, is spoilt in one way after the other; each function is then called as it
would be on the true one. What it should say stands in one place for each way of spoiling. A new public function needs a
line in ``CALLS``, or in ``NO_TABLES``, or `test_every_public_function_is_here` fails.
"""

import functools
import os
import re
import warnings

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from stream_logs import Log, token

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError

plt.switch_backend("agg")

NO_TABLES = {
    "WebhookReceiver",
    *("account", "aio", "exceptions", "io", "metrics", "plot", "schema", "show"),
    *("Connection", "Context", "Corpus", "Limits", "LiveCaptions", "LiveOptions", "LiveResult", "Microphone"),
    *("NormalizationStep", "Normalizer", "SessionLimit", "TranscriptionOptions", "Translation"),
    *("compare", "plan", "stream", "stream_dataset", "stream_updates", "sweep_endpoints", "transcribe"),
    *("concat", "last_interrupted", "open_corpus", "read_corpus", "read_live_result", "read_references", "read_rttm"),
    *("enable_nested_loops", "jiwer_output", "local_service", "report", "review"),
}
"""They take options, files, sources or whole corpora, or return no table, and have tests of their own."""

QUICK = {"n_resamples": 200}
TERMS = ["kettle", "window", "garden"]
RECORDINGS = {  # speaker, language, reference word, recognised word
    "a": "1 en the the|1 en kettle kettle|1 en is is|2 de das das|2 de fenster finster|1 en in in|1 en garden gardener",
    "b": "1 en open open|1 en the a|1 en window window|2 en near near|2 en the the|2 en kettle cattle|2 en now now",
    "c": "2 de guten guten|2 de morgen morgen|1 en good good|1 en morning mourning|2 en all all|1 en right light",
}
SURE = {True: [0.95, 0.9, 0.99, 0.8], False: [0.4, 0.6, 0.85]}


class World(dict):
    """Tables by name; remembers which ones were asked for."""

    first = "a"

    def __init__(self, tables):
        super().__init__(tables)
        self.used = []

    def __getitem__(self, name):
        self.used.append(name)
        return super().__getitem__(name)


@functools.cache
def tables(kind="true"):
    """The world; `kind` "one speaker", "all right" and "all wrong" are consistent worlds of their own."""
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
        "reference turns": reference_turns,
        "stretches": stretches,
        "translated": translated,
        "errors": errors,
        "errors b": errors_b,
        "alignments": alignments,
        "alignments b": others,
        "language errors": sx.language_errors(words, stretches),
        "switches": sx.metrics.language_switches(words, stretches),
        "language confusion": sx.metrics.language_confusion(words, stretches),
        "diarization": sx.diarization_errors(turns, reference_turns),
        "speaker word errors": sx.speaker_word_errors(words, reference_turns),
        "biasing": sx.metrics.biasing_errors(alignments, TERMS, errors),
        "term counts": sx.metrics.term_counts(alignments, TERMS, errors),
        "word errors by language": sx.metrics.word_errors_by_language(alignments, stretches),
        "live latencies": sx.metrics.live_latencies(sx.LiveResult(sessions, logs)),
        "stability": sx.metrics.live_stability(sx.LiveResult(sessions, logs)),
        "summary": sx.summarize(errors.assign(room=errors["audio_id"]), by="room", **QUICK),
        "comparison": quiet(sx.compare_errors, errors, errors_b, **QUICK),
        "reliability": sx.metrics.reliability(alignments, **QUICK),
        "roc": sx.metrics.roc(alignments),
        "curve": sx.review_curve(words, alignments, points=10),
        "occurrences": sx.metrics.term_occurrences(alignments, TERMS),
        "cost": sx.Corpus(sessions.assign(cost_usd=0.1, charged_usd=0.2, duration_ms=6000)).cost,
        "occurrences b": sx.metrics.term_occurrences(others, TERMS),
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


def live(world):
    return sx.LiveResult(world["sessions"], world["log"])


def quiet(function, *arguments, **options):
    """A call whose warning about so few recordings is not what is looked at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sx.exceptions.SmallSampleWarning)
        return function(*arguments, **options)


CALLS = {
    "align_words": lambda w: sx.align_words(w["words"], w["references"]),
    "apply_reviews": lambda w: sx.apply_reviews(w["words"], w["reviews"]),
    "biasing_errors": lambda w: sx.metrics.biasing_errors(w["alignments"], TERMS, w["errors"]),
    "calibration": lambda w: sx.calibration(w["alignments"], **QUICK),
    "character_errors": lambda w: sx.character_errors(w["words"], w["references"]),
    "compare_errors": lambda w: quiet(
        sx.compare_errors,
        w["errors"],
        w["errors b"],
        alignments=[w["alignments"], w["alignments b"]],
        **QUICK,
    ),
    "compare_terms": lambda w: sx.metrics.compare_terms(w["occurrences"], w["occurrences b"], **QUICK),
    "compare_translations": lambda w: sx.metrics.compare_translations(
        w["translations"], w["translations"], w["references"], metric="chrf", **QUICK
    ),
    "confusions": lambda w: sx.confusions(w["alignments"]),
    "diarization_errors": lambda w: sx.diarization_errors(w["turns"], w["reference turns"]),
    "fit_recalibration": lambda w: sx.metrics.fit_recalibration(w["alignments"], "platt"),
    "flag_low_confidence": lambda w: sx.flag_low_confidence(w["words"], target_recall=0.5, alignments=w["alignments"]),
    "language_confusion": lambda w: sx.metrics.language_confusion(w["words"], w["stretches"]),
    "language_errors": lambda w: sx.language_errors(w["words"], w["stretches"]),
    "language_switches": lambda w: sx.metrics.language_switches(w["words"], w["stretches"]),
    "word_errors_by_language": lambda w: sx.metrics.word_errors_by_language(w["alignments"], w["stretches"]),
    "summarize word_errors_by_language": lambda w: sx.summarize(
        w["word errors by language"], kind="word_errors_by_language", **QUICK
    ),
    "plot.confidence": lambda w: sx.plot.confidence(w["words"], audio_id=w.first),
    "plot.error_comparison": lambda w: sx.plot.error_comparison(w["comparison"]),
    "plot.error_positions": lambda w: sx.plot.error_positions(w["alignments"], audio_id=w.first),
    "plot.error_summary": lambda w: sx.plot.error_summary(w["summary"]),
    "plot.lag_distribution": lambda w: sx.plot.lag_distribution(w["latencies"]),
    "plot.language_confusion": lambda w: sx.plot.language_confusion(w["language confusion"]),
    "plot.reliability": lambda w: sx.plot.reliability(w["reliability"]),
    "plot.review_curve": lambda w: sx.plot.review_curve(w["curve"]),
    "plot.roc": lambda w: sx.plot.roc(w["roc"]),
    "plot.timeline": lambda w: sx.plot.timeline(w["turns"], audio_id=w.first),
    "summarize diarization_errors": lambda w: sx.summarize(w["diarization"], **QUICK),
    "summarize speaker_word_errors": lambda w: sx.summarize(w["speaker word errors"], **QUICK),
    "plot.token_arrival": lambda w: sx.plot.token_arrival(w["latencies"], audio_id=w.first),
    "power": lambda w: sx.metrics.power([w["errors"], w["errors b"]], difference=0.05),
    "precision_recall": lambda w: sx.metrics.precision_recall(w["alignments"]),
    "punctuation_errors": lambda w: sx.punctuation_errors(w["words"], w["punctuated"]),
    "reliability": lambda w: sx.metrics.reliability(w["alignments"], **QUICK),
    "review_curve": lambda w: sx.review_curve(w["words"], w["alignments"], points=10),
    "reviewed_words": lambda w: sx.reviewed_words(w["words"], w["reviews"]),
    "roc": lambda w: sx.metrics.roc(w["alignments"]),
    "segments": lambda w: sx.segments(w["words"]),
    "show.alignment": lambda w: repr(sx.show.alignment(w["alignments"], w.first)),
    "show.normalization": lambda w: sx.show.normalization(w["references"], unchanged=True),
    "show.transcript": lambda w: repr(sx.show.transcript(w["words"], w.first)),
    "speaker_stats": lambda w: sx.speaker_stats(w["turns"]),
    "speaker_transitions": lambda w: sx.metrics.speaker_transitions(w["turns"]),
    "speaker_turns": lambda w: sx.speaker_turns(w["words"]),
    "speaker_word_errors": lambda w: sx.speaker_word_errors(w["words"], w["reference turns"]),
    "live_latencies": lambda w: sx.metrics.live_latencies(live(w)),
    "live_stability": lambda w: sx.metrics.live_stability(live(w)),
    "summarize live_latencies": lambda w: quiet(sx.summarize, w["live latencies"], **QUICK),
    "summarize live_stability": lambda w: quiet(sx.summarize, w["stability"], **QUICK),
    "summarize biasing_errors": lambda w: sx.summarize(w["biasing"], kind="biasing_errors", **QUICK),
    "summarize": lambda w: sx.summarize(w["errors"], **QUICK),
    "summarize language_errors": lambda w: sx.summarize(w["language errors"], **QUICK),
    "summarize language_switches": lambda w: sx.summarize(w["switches"], **QUICK),
    "summarize cost": lambda w: sx.summarize(w["cost"], **QUICK),
    "term_costs": lambda w: sx.metrics.term_costs(w["occurrences"], w["cost"]),
    "term_counts": lambda w: sx.metrics.term_counts(w["alignments"], TERMS, w["errors"]),
    "summarize term_counts": lambda w: sx.summarize(w["term counts"], **QUICK),
    "term_errors": lambda w: sx.term_errors(w["alignments"], TERMS, errors=w["errors"]),
    "term_occurrences": lambda w: sx.metrics.term_occurrences(w["alignments"], TERMS),
    "texts": lambda w: sx.texts(w["words"]),
    "token_latencies": lambda w: sx.metrics.token_latencies(sx.LiveResult(tables()["sessions"], w["log"])),
    "translation_pairs": lambda w: sx.metrics.translation_pairs(w["translated"]),
    "translation_scores": lambda w: sx.metrics.translation_scores(
        w["translations"], w["references"], metric="chrf", **QUICK
    ),
    "word_confidence": lambda w: sx.metrics.word_confidence(w["words"], "product", tokens=w["tokens"]),
    "word_errors": lambda w: sx.word_errors(w["words"], w["references"]),
    "words": lambda w: sx.words(w["tokens"]),
    "write_rttm": lambda w: sx.io.write_rttm(w["turns"], os.devnull),
}


def call(name, spoilt=None, kind="true"):
    return CALLS[name](World({**tables(kind), **(spoilt or {})}))


@functools.cache
def used(name):
    """The tables that a function takes."""
    world = World(tables())
    CALLS[name](world)
    return tuple(dict.fromkeys(world.used))


PAIRS = [(name, table) for name in CALLS for table in used(name)]


MEASURED = {"latencies"}
"""Tables whose times nobody writes by hand: they are made of a log by our own clock."""


def spoilt(table, how):
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
    if how == "an unknown recording" and table in ("references", "punctuated", "reference turns", "stretches"):
        return pd.concat([true, true.iloc[:1].assign(audio_id="zz")])
    return None


def cases(how):
    return [pair for pair in PAIRS if spoilt(pair[1], how) is not None]


def check_same(one, two, without=()):
    """Check that two results are the same, apart from columns of times."""
    if isinstance(one, pd.DataFrame):
        kept = [name for name in one if not name.endswith("_ms") and name not in without]
        pd.testing.assert_frame_equal(one[kept], two[kept])
    else:
        assert repr(one) == repr(two)


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def test_every_public_function_is_here():
    """Whoever adds a function that takes tables adds how it is called to CALLS, and then looks at what fails."""
    public = {*sx.__all__, *sx.metrics.__all__}  # The formats of sx.io have tests of their own.
    public |= {
        f"{group.__name__.removeprefix('soniox_ds.')}.{name}" for group in (sx.plot, sx.show) for name in group.__all__
    }
    assert set(CALLS) | NO_TABLES >= public, "a public name is nowhere in this file"
    assert not set(CALLS) & NO_TABLES


@pytest.mark.parametrize("kind", ["true", "one speaker"])
@pytest.mark.parametrize("name", CALLS)
def test_the_tables_as_they_should_be_are_taken(name, kind):
    """Tables of a single speaker are accepted too, with the same figures or the documented NA."""
    result = call(name, kind=kind)
    if kind == "one speaker" and isinstance(result, pd.DataFrame):
        if name == "speaker_transitions":
            assert list(result) == list(sx.schema.SPEAKER_TRANSITIONS)
            assert result.empty
            return
        unknown = {column for column in result if result[column].isna().all() and not call(name)[column].isna().all()}
        assert unknown == ({"median_offset_ms", "mean_gap_ms"} if name == "speaker_stats" else set())


# a missing column


@pytest.mark.parametrize(("name", "table"), PAIRS)
def test_a_missing_column_is_named(name, table):
    true = tables()[table]
    refused = {}
    for column in true:
        try:
            call(name, {table: true.drop(columns=column)})
        except InputError as error:
            refused[column] = str(error)
        plt.close("all")
    assert refused
    for column, message in refused.items():
        assert re.search(rf"\b{column}\b", message), f"without {column}: {message}"


@pytest.mark.parametrize("name", CALLS)
def test_arguments_that_are_no_tables_are_refused(name):
    with pytest.raises(InputError, match=r"table|found|lacks"):
        call(name, {used(name)[0]: 7})


# doubled rows

COUNT_ONCE = {
    ("diarization_errors", "turns"): "a speaker's own overlap counts once",
    ("diarization_errors", "reference turns"): "a speaker's own overlap counts once",
    ("apply_reviews", "reviews"): "reviewers may agree",
    ("reviewed_words", "reviews"): "reviewers may agree",
    ("plot.lag_distribution", "latencies"): "shares of twice as many are the same",
    ("show.normalization", "references"): "shows texts, however many",
    ("write_rttm", "turns"): "writes what it is given",
}
SAYS_TWICE = "are duplicates, first .* Perhaps the table was concatenated|more than once.* (give|need)|decreases.* Draw"
OTHERWISE = {
    ("compare_errors", "alignments"): "different reference words .* align both against the same references",
    ("compare_errors", "alignments b"): "different reference words .* align both against the same references",
    ("compare_translations", "translations"): "more than one translation; give one",
    ("translation_scores", "translations"): "more than one translation; give one",
    **dict.fromkeys(
        [("segments", "words"), ("texts", "words"), ("words", "tokens")],
        "two rows with .* Perhaps two tables of the same recording were joined",
    ),
}


def known(arguments, wrong, reason):
    """Mark the cases that are known to fail. The marks are strict: remove a case here when it is fixed."""
    mark = pytest.mark.xfail(strict=True, reason=reason)
    return [pytest.param(*one, marks=[mark] if one in wrong else []) for one in arguments]


@pytest.mark.parametrize(("name", "table"), cases("doubled rows"))
def test_doubled_rows_are_refused(name, table):
    twice = {table: spoilt(table, "doubled rows")}
    if (name, table) not in COUNT_ONCE:
        with pytest.raises(InputError, match=OTHERWISE.get((name, table), SAYS_TWICE)):
            call(name, twice)
    elif name in ("apply_reviews", "reviewed_words", "diarization_errors"):
        check_same(call(name, twice), call(name), without=["reviews", "corrections", "open_reviews"])
    else:
        call(name, twice)


# times

TIMELESS = {
    *("calibration", "character_errors", "compare_terms", "fit_recalibration", "precision_recall"),
    *("punctuation_errors", "reliability", "roc", "texts", "word_confidence", "word_errors"),
    *("summarize live_latencies", "summarize live_stability", "term_costs"),
}
"""Functions whose result does not depend on times, other than those it hands on."""
TIMELESS_TABLES = {
    ("compare_errors", "alignments"),
    ("compare_errors", "alignments b"),
    ("flag_low_confidence", "alignments"),
    ("review_curve", "alignments"),
}


DURATIONS = {"cost", "errors", "errors b", "biasing", "term counts"}
"""Tables whose only time is `duration_ms`, which is a whole number in seconds, too."""


def call_with_odd_times(name, tables):
    """Call a function with times that are suspicious; rounded to seconds, reviews contradict each other."""
    if name in ("apply_reviews", "reviewed_words"):
        with pytest.raises(InputError, match="contradict each other"):
            call(name, tables)
    else:
        call(name, tables)


@pytest.mark.parametrize("how", ["times in seconds", "times in whole seconds", "end before start"])
@pytest.mark.parametrize(("name", "table"), sorted({*cases("times in seconds"), *cases("end before start")}))
def test_times_that_cannot_be_are_asked_about(name, table, how):
    wrong = spoilt(table, how)
    if wrong is None:  # a table of durations has no end
        return
    if name in TIMELESS or (name, table) in TIMELESS_TABLES:
        check_same(call(name, {table: wrong}), call(name), without=["word_count"])
    elif how == "times in seconds" and table not in DURATIONS:  # fractions cannot be right
        with pytest.raises(SchemaError, match=r" (ms|milliseconds).* Are these seconds\? Multiply by 1000\."):
            call(name, {table: wrong})
    elif how != "end before start":  # whole numbers are only suspicious
        with pytest.warns(
            UserWarning, match=r" \d+ ms.* Are these seconds\? Multiply by 1000\. The values were read as"
        ):
            call_with_odd_times(name, {table: wrong})
    else:
        with pytest.raises(SchemaError, match=r"end_ms comes before start_ms in 1 of \d+ rows, first in row \d+ of"):
            call(name, {table: wrong})


# no rows

NOTHING_TO_DO = (
    "no rows|there are no |no reference belongs to|none of the \\d+|no (pair|group|time|bin|word|token) |pass the|"
    "no recording in common"
)
NO_ROWS = {  # what is not refused: the rows that the result has then
    "apply_reviews": {"reviews": 3},
    "calibration": {"alignments": 1},
    "compare_terms": {"occurrences": 3, "occurrences b": 3},
    "confusions": {"alignments": 0},
    "diarization_errors": {"turns": 3},
    "flag_low_confidence": {"words": 0},
    "language_confusion": {"words": 0},
    "language_errors": {"words": 3},
    "language_switches": {"words": 3},
    "summarize cost": {"cost": 1},
    "term_costs": {"cost": 3, "occurrences": 0},
    "word_errors_by_language": {"alignments": 0},
    "summarize word_errors_by_language": {"word errors by language": 0},
    "summarize diarization_errors": {"diarization": 1},
    "summarize speaker_word_errors": {"speaker word errors": 1},
    "precision_recall": {"alignments": 0},
    "reliability": {"alignments": 15},
    "review_curve": {"alignments": 12},
    "reviewed_words": {"reviews": 20},
    "roc": {"alignments": 0},
    "segments": {"words": 0},
    "show.normalization": {"references": 0},
    "speaker_stats": {"turns": 0},
    "speaker_transitions": {"turns": 0},
    "speaker_turns": {"words": 0},
    "speaker_word_errors": {"words": 3, "reference turns": 0},
    "live_latencies": {"log": 3},
    "live_stability": {"log": 3},
    "summarize live_latencies": {"live latencies": 6},
    "summarize live_stability": {"stability": 1},
    "summarize language_switches": {"switches": 1},
    "term_errors": {"alignments": 3, "errors": 3},
    "term_occurrences": {"alignments": 0},
    "texts": {"words": 0},
    "token_latencies": {"log": 0},
    "translation_pairs": {"translated": 0},
    "words": {"tokens": 0},
}
RATES = [
    *("accuracy", "ece", "brier", "der", "cpwer", "wder", "error_rate", "precision", "recall", "f1", "difference"),
    *("p50_ms", "p95_ms", "upwr", "normalized_erasure"),
]
"""Of nothing these are NA."""


@pytest.mark.parametrize(("name", "table"), cases("no rows"))
def test_empty_tables_give_empty_results_or_are_refused(name, table):
    nothing = {table: spoilt(table, "no rows")}
    if name == "write_rttm":
        call(name, nothing)
        return
    if table not in NO_ROWS.get(name, {}):
        with pytest.raises(InputError, match=OTHERWISE_EMPTY.get((name, table), NOTHING_TO_DO)):
            call(name, nothing)
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* were not transcribed", UserWarning)
        result = call(name, nothing)
    assert set(call(name)) <= set(result)
    assert len(result) == NO_ROWS[name][table]
    if (name, table) != ("term_errors", "errors"):  # only the hours come from there
        assert result[[rate for rate in RATES if rate in result]].isna().all(axis=None)
    if (name, table) == ("term_errors", "errors"):
        assert result["false_hits_per_hour"].isna().all()


OTHERWISE_EMPTY = {
    ("biasing_errors", "alignments"): "0 reference words of 'a', errors 7 .*make both from the same",
    ("term_counts", "alignments"): "0 reference words of 'a', errors 7 .*make both from the same",
    ("compare_errors", "alignments"): "are not those of the errors.* Make both from the same",
    ("compare_errors", "alignments b"): "are not those of the errors.* Make both from the same",
    ("plot.roc", "roc"): "the table has no rows",
}


# references of recordings that are not there

NO_REFERENCES = {"show.normalization"}


@pytest.mark.parametrize(("name", "table"), cases("an unknown recording"))
def test_a_reference_for_an_unknown_recording_is_told(name, table):
    more = {table: spoilt(table, "an unknown recording")}
    if name in NO_REFERENCES:
        call(name, more)
    elif name == "translation_scores":
        assert call(name, more)["missing"].tolist() == [1]
    else:
        with pytest.warns(UserWarning, match="^1 of 4 .*(no recording|were not transcribed|neither a nor b)"):
            result = call(name, more)
        if "status" in result:
            assert result["status"].tolist()[-1] == "missing"
            assert result.loc[result["status"] == "missing", "audio_id"].tolist() == ["zz"]


@pytest.mark.parametrize(("name", "table"), cases("an unknown recording"))
def test_references_for_unknown_recordings_alone_are_refused(name, table):
    if name in NO_REFERENCES:
        return
    with pytest.raises(InputError, match="'zz'"):
        call(name, {table: tables()[table].iloc[:1].assign(audio_id="zz")})


# all right, all wrong

REFUSED = {
    "all right": {
        "fit_recalibration": "all words are right, so there is nothing to learn; fit on",
        "flag_low_confidence": "none of the 20 aligned words .* is wrong.*pass threshold= or review_budget_s= instead",
        "plot.review_curve": "no word is wrong",
        "plot.roc": "none of these words is wrong",
        "power": "the same rate.*pass block_sd=",
    },
    "all wrong": {
        "fit_recalibration": "all words are wrong, so there is nothing to learn; fit on",
        "plot.roc": "none of these words is right",
        "power": "the same rate.*pass block_sd=",
    },
}
UNKNOWN = {
    "all right": {
        "calibration": {"nce", "auc"},
        "compare_errors": {"mapsswe_mean", "mapsswe_sd", "mapsswe_z", "mapsswe_p", "mapsswe_p_holm"},
        "precision_recall": {"recall"},
        "review_curve": {"recall", "recall_of_all"},
        "roc": {"true_positive_rate"},
    },
    "all wrong": {
        "calibration": {"nce", "auc"},
        "language_switches": {"hypothesis_ms", "error_ms"},
        "punctuation_errors": {"case_error_rate"},
        "roc": {"false_positive_rate"},
        "summarize language_switches": {"precision", "error_ms_mean", "error_ms_absolute", "error_ms_median"},
        "summarize term_counts": {"precision"},
        "term_costs": {"estimate_usd_per_hit", "charged_usd_per_hit"},
        "term_counts": {"precision"},
        "term_errors": {"precision"},
    },
}


@pytest.mark.parametrize("kind", ["all right", "all wrong"])
@pytest.mark.parametrize("name", CALLS)
def test_all_right_and_all_wrong(name, kind):
    if name in REFUSED[kind]:
        with pytest.raises(InputError, match=REFUSED[kind][name]):
            call(name, kind=kind)
        return
    result = call(name, kind=kind)
    if not isinstance(result, pd.DataFrame):
        return
    if name == "confusions":
        assert result.empty == (kind == "all right")
        return
    usual = call(name)
    unknown = {column for column in result if result[column].isna().all() and usual[column].notna().any()}
    of_interval = {column for column in result if column.endswith(("_low", "_high"))} | {"method", "p", "p_holm"}
    bounds = unknown & of_interval if "note" in result else set()
    assert unknown - bounds == UNKNOWN[kind].get(name, set()) - bounds
    if bounds:
        assert result["note"].notna().all()  # says why there is no interval


# what looks odd and is right


def test_real_tables_pass():
    """Narrow tokens, some without length, translations without times, and what multiplying by 1000 leaves over."""
    start = pd.array([0, 60, 60, 120, pd.NA, 500], "Int64")
    words = pd.DataFrame({"audio_id": "a", "start_ms": start, "end_ms": start + pd.array([60, 0, 60, 0, 0, 60])})
    assert sx.schema.need_milliseconds(words, "words") is words
    silent = pd.DataFrame({"audio_id": "a", "start_ms": [0, 700, 1500], "end_ms": [0, 700, 1500]})
    assert sx.schema.need_milliseconds(silent, "words") is silent
    assert sx.schema.need_milliseconds(words.iloc[:0], "words").empty
    floats = pd.DataFrame({"start_ms": [1.001 * 1000, None], "end_ms": [1.1 * 1000, None]})
    whole = sx.schema.need_milliseconds(floats, "words")
    assert whole["start_ms"].dtype == "Int64"
    assert whole["start_ms"].tolist() == [1001, pd.NA]


SHORT_TURNS = pd.DataFrame(
    {"audio_id": "a", "speaker": ["x", "y"], "text": ["a b", "c"], "start_ms": [60, 61], "end_ms": [61, 62]}
)
LONG_TURNS = SHORT_TURNS.assign(start_ms=[60_000, 61_000], end_ms=[61_000, 62_000])
LONG_WORDS = LONG_TURNS.assign(word_index=[0, 1], text=["a", "c"], language="de", confidence=0.5)
CLICKS = pd.DataFrame({"audio_id": "a", "word_index": range(3), "text": list("abc"), "confidence": 0.5}).assign(
    start_ms=[0, 10, 30], end_ms=[1, 13, 50]
)
LAUGHTER = pd.DataFrame({"audio_id": "a", "speaker": list("uvwxyz"), "start_ms": [0, 5, 9, 20, 30, 40]}).assign(
    end_ms=300
)


@pytest.mark.parametrize(
    ("call", "says", "right"),
    [
        pytest.param(
            lambda: sx.flag_low_confidence(CLICKS, 0.5, merge_gap_ms=0, context_ms=0)["end_ms"].sort_values().tolist(),
            "words: half of the 3 rows last 3 ms or less, and all end by 50 ms",
            [1, 13, 50],
            id="words",
        ),
        pytest.param(
            lambda: sx.speaker_stats(LAUGHTER)["talk_ms"].tolist(),
            "turns: 6 turns follow each other at intervals of 50 ms on average, and all end by 300 ms",
            [300, 295, 291, 280, 270, 260],
            id="hasty-turns",
        ),
        pytest.param(
            lambda: sx.diarization_errors(LONG_TURNS, SHORT_TURNS)["missed_ms"].tolist(),
            "the times of the reference end at 62 ms, those of the turns at 62000 ms",
            [2],
            id="short-reference",
        ),
        pytest.param(
            lambda: sx.diarization_errors(SHORT_TURNS, LONG_TURNS)["missed_ms"].tolist(),
            "the times of the turns end at 62 ms, those of the reference at 62000 ms",
            [2000],
            id="short-turns",
        ),
        pytest.param(
            lambda: sx.speaker_word_errors(LONG_WORDS, SHORT_TURNS)["reference_words"].tolist(),
            "the times of the reference end at 62 ms, those of the words at 62000 ms",
            [3],
            id="short-reference-of-words",
        ),
        pytest.param(
            lambda: sx.language_errors(LONG_WORDS, SHORT_TURNS.assign(language="de"))["labelled_ms"].tolist(),
            "the references end at 62 ms, the words at 62000 ms",
            [0],
            id="stretches-of-languages",
        ),
        pytest.param(
            lambda: sx.summarize(
                sx.word_errors(texts := dict.fromkeys("abc", "one two"), texts).assign(duration_ms=15), **QUICK
            )["wer"].tolist(),
            "6 reference words in 45 ms of audio",
            [0.0],
            id="durations",
        ),
    ],
)
def test_times_that_look_like_seconds_are_computed_with_a_warning(call, says, right):
    """Short durations are suspicious, but they do not prove that the times are seconds."""
    with pytest.warns(
        UserWarning, match=rf"{says}.* Are these seconds\? .* The values were read as milliseconds\.$"
    ) as told:
        assert call() == right
    assert {warning.filename for warning in told} == {__file__}  # the line that called, not one of the package


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([0, -1], "start_ms is negative in 1 of 2 rows, first -1 in row 1; times count from the start"),
        (["x", "y"], "start_ms must contain milliseconds, found dtype"),
        (
            pd.to_timedelta([1, 2], unit="s"),
            r"start_ms must contain .* \.dt\.total_seconds\(\) \* 1000",
        ),
        ([0.0, float("inf")], "start_ms is infinite in 1 rows"),
    ],
)
def test_other_columns_are_no_times(column, message):
    with pytest.raises(SchemaError, match=f"words: {message}"):
        sx.schema.need_milliseconds(pd.DataFrame({"start_ms": column, "end_ms": 5000}), "words")


def test_long_turns_in_seconds_are_told_by_their_fractions():
    lecture = pd.DataFrame({"audio_id": "a", "speaker": "x", "start_ms": [0.5], "end_ms": [1800.25]})
    with pytest.raises(
        SchemaError, match=r"turns: start_ms contains 0\.5, but times must be whole milliseconds\. Are these"
    ):
        sx.speaker_stats(lecture)


def test_the_same_words_in_two_arms_are_no_doubles():
    alignments = tables()["alignments"]
    arms = pd.concat([alignments.assign(arm=arm) for arm in ("plain", "terms")])
    assert sx.calibration(arms, by="arm", **QUICK)["n"].tolist() == [20, 20]
    with pytest.raises(SchemaError, match="arms and repeats need their own tables or their own ids"):
        sx.calibration(arms, **QUICK)
    pooled = pd.concat([tables()["diarization"].assign(arm=arm) for arm in ("plain", "terms")])
    assert sx.summarize(pooled, by="arm")["recordings"].tolist() == [3, 3]


def test_a_turn_may_be_said_twice_where_times_are_unknown():
    turns = pd.DataFrame({"audio_id": "a", "speaker": ["x", "y"] * 2, "text": ["yes", "no"] * 2})
    words = tables()["words"]
    assert sx.speaker_word_errors(words[words["audio_id"] == "a"], turns)["reference_words"].tolist() == [4]
    timeless = tables()["reference turns"].drop(columns=["start_ms", "end_ms"])
    with pytest.raises(SchemaError, match="9 of 18 rows are duplicates"):
        sx.speaker_word_errors(words, pd.concat([timeless, timeless]))


# ids that are numbers

NUMBER_OF = {"a": 1, "b": 2, "c": 3}
OF_SESSIONS = {"sessions", "log", "latencies"}
"""Sessions are written by our own recorder, whose ids are strings."""


def renamed(table, kind):
    """The table with 1, 2, 3 instead of a, b, c, as `kind` (str, int, float)."""
    true = tables()[table]
    if "audio_id" not in true:
        return true
    return true.assign(audio_id=pd.Series([kind(NUMBER_OF[name]) for name in true["audio_id"]], index=true.index))


def numbered(name, **kinds):
    world = World({table: renamed(table, kinds.get(table.replace(" ", "_"), kinds["rest"])) for table in used(name)})
    world.first = kinds.get("first", "1")
    return CALLS[name](world)


@functools.cache
def of_strings(name):
    return numbered(name, rest=str)


def alike(one, two):
    """`same`, whichever kind of string the ids are."""
    if isinstance(one, pd.DataFrame) and "audio_id" in one:
        one, two = (table.astype({"audio_id": "string"}) for table in (one, two))
    check_same(one, two)


NUMBERED = [(name, table) for name, table in PAIRS if "audio_id" in tables()[table] and table not in OF_SESSIONS]


@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize(("name", "table"), NUMBERED)
def test_whole_numbers_are_ids_like_their_digits(name, table, kind):
    """Whichever of the tables has them, and as ids of the result they are strings."""
    alike(numbered(name, rest=str, **{table.replace(" ", "_"): kind}), of_strings(name))


@pytest.mark.parametrize("name", sorted({name for name, _ in NUMBERED}))
def test_numbers_in_every_table(name):
    alike(numbered(name, rest=int, first=1), of_strings(name))


NO_MATTER = {"term_errors"}
"""Their figures are of all rows, whatever the ids are."""


@pytest.mark.parametrize(("name", "table"), [(name, table) for name, table in NUMBERED if name not in NO_MATTER])
def test_fractions_are_no_ids(name, table):
    fractions = renamed(table, float).assign(audio_id=lambda rows: rows["audio_id"] + 0.5)
    with pytest.raises(
        SchemaError, match=r"an audio_id must be a text or a whole number, found \d\.5\. Convert it to text when"
    ):
        call(name, {table: fractions})


@pytest.mark.parametrize("texts", [dict, pd.Series])
def test_texts_by_numbers(texts):
    hypotheses, references = texts({1: "a", 2: "b"}), texts({1: "a", 2: "c"})
    found = sx.word_errors(hypotheses, references)
    pd.testing.assert_frame_equal(found, sx.word_errors({"1": "a", "2": "b"}, {"1": "a", "2": "c"}))
    assert found["audio_id"].tolist() == ["1", "2"]
    with pytest.raises(SchemaError, match="1' occurs more than once"):
        sx.word_errors({1: "a", "1": "b"}, references)
    with pytest.raises(SchemaError, match="an audio_id must be a text or a whole number, found True"):
        sx.word_errors({True: "a"}, references)


# numbers in seconds, files, mappings


@pytest.mark.parametrize(
    ("function", "table", "other", "option"),
    [
        (sx.diarization_errors, "turns", "reference turns", "collar_ms"),
        (sx.speaker_word_errors, "words", "reference turns", "collar_ms"),
        (sx.speaker_stats, "turns", None, "gap_ms"),
        (sx.metrics.speaker_transitions, "turns", None, "interruption_ms"),
        (sx.speaker_turns, "words", None, "gap_ms"),
        (sx.metrics.language_switches, "words", "stretches", "tolerance_ms"),
        (sx.review_curve, "words", "alignments", "context_ms"),
    ],
)
def test_options_in_seconds_are_asked_about(function, table, other, option):
    arguments = [tables()[name] for name in (table, other) if name]
    with pytest.raises(InputError, match=rf"{option} is 0\.25; give whole milliseconds.* Are these seconds\?"):
        function(*arguments, **{option: 0.25})


def test_regions_in_seconds_are_asked_about():
    turns = pd.DataFrame({"audio_id": "a", "speaker": "x", "start_ms": [0], "end_ms": [60_000]})
    uem = pd.DataFrame({"audio_id": "a", "start_ms": [0], "end_ms": [60]})
    with pytest.warns(UserWarning, match=r"uem: the regions end at 60 ms, the reference at 60000 ms\. Are these"):
        errors = sx.diarization_errors(turns, turns, uem=uem)
    assert errors["reference_ms"].tolist() == [60]  # a guess does not hinder those who mean it


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"nope\.rttm does not exist \(looked for in .*\); give the path"):
        sx.io.read_rttm(tmp_path / "nope.rttm")
    with pytest.raises(InputError, match="is a folder"):
        sx.io.read_rttm(tmp_path)


@pytest.mark.parametrize("times", ["1.0 -0.5", "-1.0 0.5", "nan 1.0", "1.0 inf"])
def test_rttm_times_that_cannot_be(tmp_path, times):
    lines = [f"SPEAKER a 1 {both} <NA> <NA> x <NA> <NA>\n" for both in ("0 1", times)]
    (tmp_path / "a.rttm").write_text("".join(lines))
    with pytest.raises(SchemaError, match=r"line 2 is not a SPEAKER line .*in seconds and not below 0"):
        sx.io.read_rttm(tmp_path / "a.rttm")


def test_translations_by_id_may_be_a_mapping():
    said = {"b": "Wie geht es dir heute?", "a": "Guten Morgen."}
    right = {"a": "Guten Tag.", "b": "Wie geht es dir heute?"}
    by_id = sx.metrics.translation_scores(said, right, metric="chrf", **QUICK)
    listed = sx.metrics.translation_scores([said["a"], said["b"]], [right["a"], right["b"]], metric="chrf", **QUICK)
    pd.testing.assert_frame_equal(by_id, listed)
    assert sx.metrics.translation_scores(said, {**right, "z": "Hallo."}, metric="chrf", **QUICK)[
        "missing"
    ].tolist() == [1]
    with pytest.raises(InputError, match="need references by audio_id: a mapping"):
        sx.metrics.translation_scores(said, list(right.values()))


def test_switches_of_failed_and_missing_recordings_are_not_missed():
    recordings = pd.DataFrame({"audio_id": ["a", "b", "c"], "status": ["completed", "failed", "completed"]})
    tokens = tables()["tokens"]
    corpus = sx.Corpus(recordings, tokens[tokens["audio_id"] == "a"])
    more = pd.concat([tables()["stretches"], tables()["stretches"].iloc[:7].assign(audio_id="zz")])
    with pytest.warns(UserWarning, match="1 of 4 recordings of the references were not transcribed.*'zz'"):
        switches = sx.metrics.language_switches(corpus, more)
    assert switches.groupby("audio_id")["status"].agg(list).to_dict() == {
        "a": ["scored", "scored"],
        "b": ["failed"],
        "c": ["scored"],  # transcribed as silence: its switch was missed
        "zz": ["missing"],
    }
    assert switches["outcome"].fillna("-").tolist() == ["hit", "hit", "-", "miss", "-"]
    summary = sx.summarize(switches)
    assert summary[["failed", "missing", "reference_switches", "hits", "misses"]].iloc[0].tolist() == [1, 1, 3, 2, 1]
    by_pair = sx.summarize(switches, by=["from_language", "to_language"])
    assert by_pair[["failed", "missing"]].sum().tolist() == [1, 1]
    assert by_pair["reference_switches"].sum() == 3
