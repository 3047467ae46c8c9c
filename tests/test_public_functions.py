"""All public functions: siblings agree, every parameter is described, and each takes transcripts in any form.

A new public function that takes transcripts needs a line in ``TAKE_TRANSCRIPTS``; one that takes a metric of them, in
``TAKE_METRICS``; any other, in ``NO_TABLES`` of ``tests/support/small_world.py``.
"""

import builtins
import doctest
import inspect
import json
import os
import re
import symtable
import tarfile
import tempfile
import warnings
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from datasets import load_from_disk
from small_world import NO_TABLES
from stream_logs import Log, streamed, token

import soniox_ds as sx
from soniox_ds.exceptions import InputError
from soniox_ds.io.formats import FORMATS

plt.switch_backend("agg")

NAMESPACES = {"": sx, "account.": sx.account, "io.": sx.io, "metrics.": sx.metrics, "plot.": sx.plot, "show.": sx.show}
FUNCTIONS = {
    f"{prefix}{name}": getattr(namespace, name)
    for prefix, namespace in NAMESPACES.items()
    for name in namespace.__all__
    if inspect.isroutine(getattr(namespace, name))
}
CLASSES = {name: getattr(sx, name) for name in sx.__all__ if inspect.isclass(getattr(sx, name))}
CALLABLES = FUNCTIONS | CLASSES


def parameters(function):
    return {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    }


# Siblings agree

DEFAULTS = {
    "by": {None, "term"},  # compare_terms compares the terms
    "ci": {0.95},
    "language": {None},
    "method": {"auto", "isotonic"},  # of intervals, and of recalibration
    "missing": {"exclude"},
    "n_resamples": {10_000},
    "normalizer": {"basic", None},  # None: the normaliser of the alignments
    "seed": {0},
    "units": {"mixed"},
}
FIRST = ("transcripts", "references")
ORDER = ("block", "ci", "method", "n_resamples", "seed")
FORMER = {"failed", "hypotheses", "reference", "replicates", "streamed", "tokens_table", "turns_or_words", "words"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_siblings_agree(name):
    given = parameters(FUNCTIONS[name])
    assert not FORMER & set(given)
    for parameter, defaults in DEFAULTS.items():
        if parameter in given and given[parameter].default is not inspect.Parameter.empty:
            assert given[parameter].default in defaults, parameter
    for place, first in enumerate(FIRST):
        if first in given and "transcripts" in given and name not in ("explore", "review"):
            assert list(given)[place] == first
    if name != "compare":  # its seed is that of the order of the runs
        assert [each for each in given if each in ORDER] == [each for each in ORDER if each in given]
    if "ax" in given:
        assert list(given)[-1] == "ax"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_takes_transcripts_calls_them_so(name):
    for parameter, given in parameters(FUNCTIONS[name]).items():
        takes_transcripts = re.search(r"\bTranscripts\b", str(given.annotation)) is not None
        assert not takes_transcripts or parameter == "transcripts"


# Every parameter is described


def described(docstring):
    """The names of the parameters in the section "Parameters" of a docstring."""
    section = re.search(r"\nParameters\n-+\n(.*?)(?=\n\w+\n-+\n|\Z)", inspect.cleandoc(docstring or ""), re.DOTALL)
    lines = section.group(1).splitlines() if section else []
    headers = [line.partition(" : ")[0] for line in lines if line and not line.startswith(" ")]
    return {name.lstrip("*") for header in headers for name in header.split(", ")}


@pytest.mark.parametrize("name", CALLABLES)
def test_every_parameter_is_described(name):
    given = set(parameters(CALLABLES[name]))
    named = described(CALLABLES[name].__doc__)
    assert given <= named, sorted(given - named)
    assert named <= set(inspect.signature(CALLABLES[name]).parameters), sorted(named - given)


@pytest.mark.parametrize("name", CALLABLES)
def test_examples_run_in_a_notebook(name):
    """The example of a public function defines or imports every name that it uses, so that it runs when pasted.

    The doctests themselves run with the module in which the function stands.
    """
    examples = doctest.DocTestParser().get_examples(CALLABLES[name].__doc__ or "")
    unknown = global_names(symtable.symtable("".join(example.source for example in examples), name, "exec"))
    assert unknown <= set(dir(builtins)), sorted(unknown)


def global_names(table):
    """Names that a piece of code uses and never assigns or imports, in its functions as well."""
    known = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    used = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return used.union(*(global_names(child) for child in table.get_children())) - known


# Transcripts in any form

TEXTS = {"a": "Good morning to you", "b": "Open the little window"}
HYPOTHESES = {"a": "good mourning to you", "b": "open the the window"}
GERMAN = {"a": "hallo", "b": "guten Tag"}
TERMS = ["morning", "window"]
TURNS = pd.DataFrame(
    {
        "audio_id": ["a", "b"],
        "speaker": ["x", "y"],
        "start_ms": [0, 0],
        "end_ms": [1900, 1900],
        "text": list(TEXTS.values()),
    }
)
LANGUAGES = {"a": "en", "b": "en"}
STRETCHES = pd.DataFrame(
    {
        "audio_id": ["a", "a", "b"],
        "start_ms": [0, 900, 0],
        "end_ms": [900, 1900, 1900],
        "language": ["en", "de", "en"],
    }
)


def live_result():
    """Two recordings that were transcribed live, each with its reference and a translation."""
    logs = []
    for audio_id, text in HYPOTHESES.items():
        log = Log(audio_id).opened(0).spoken(2000)
        labels = {"language": "en", "translation_status": "original"}
        words = [
            token(f" {word}", 500 * place, 500 * place + 400, final=True, speaker=str(1 + place // 2), **labels)
            | {"confidence": 0.5 if word in ("mourning", "little") else 0.95}
            for place, word in enumerate(text.split())
        ]
        translated = token(" hallo", final=True, language="de", source_language="en", translation_status="translation")
        logs.append(log.message(2100, *words, token("<end>", final=True), translated))
    return streamed(*logs, reference=list(TEXTS.values()), text=list(HYPOTHESES.values()))


LIVE = live_result()
FORMS = {"a Corpus": LIVE.corpus(), "a LiveResult": LIVE, "a table": LIVE.tokens}
ALIGNED = {**FORMS, "a table": sx.align_words(LIVE)}
CLIPS = sx.flag_low_confidence(LIVE, threshold=0.6)
REVIEWS = CLIPS.assign(verdict="right")[["audio_id", "start_ms", "end_ms", "verdict"]]
QUICK = {"n_resamples": 100}


def written(name, given, **options):
    """The files that `sx.io.write_<name>` writes, as one text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "written")
        getattr(sx.io, f"write_{name}")(given, path, **options)
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        return "\n".join(f"{file.name}\n{file.read_text(encoding='utf-8')}" for file in files)


def read_back(name, given):
    """The annotations in the files that `sx.io.write_<name>` writes, whose times and durations differ."""
    with tempfile.TemporaryDirectory() as folder:
        getattr(sx.io, f"write_{name}")(given, folder)
        return pd.concat([getattr(sx.io, f"read_{name}")(file) for file in sorted(Path(folder).iterdir())])


def other_file(name, given, **options):
    """The content of the file or folder that `sx.io.write_<name>` writes, of which corpora hold more than tables."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "written")
        getattr(sx.io, f"write_{name}")(given, path, **options)
        return OTHER_FILES[name](path)


def contents_of_tar(path, extension):
    with tarfile.open(path) as opened:
        return [opened.extractfile(each).read() for each in opened if each.name.endswith(extension)]


READ_BACK = ("eaf", "textgrid")
OTHER_FILES = {
    "excel": lambda path: pd.concat([pd.read_excel(path, sheet_name=name) for name in ("segments", "words")]),
    "webdataset": lambda path: [
        {key: content.get(key) for key in ("audio_id", "text", "words")}
        for content in map(json.loads, contents_of_tar(path / "shard-000000.tar", ".json"))
    ],
    "huggingface": lambda path: load_from_disk(str(path)).select_columns(["audio_id", "text", "words", "segments"])[:],
}
TAKE_TRANSCRIPTS = {
    "align_words": lambda given: sx.align_words(given, TEXTS),
    "apply_reviews": lambda given: sx.apply_reviews(given, REVIEWS),
    "character_errors": lambda given: sx.character_errors(given, TEXTS),
    "diarization_errors": lambda given: sx.diarization_errors(given, TURNS),
    "explore": lambda given: sx.explore(given, references=TEXTS).audio_ids,
    "find": lambda given: sx.find(given, "the").table,
    "flag_low_confidence": lambda given: sx.flag_low_confidence(given, threshold=0.6),
    "metrics.language_errors": lambda given: sx.metrics.language_errors(given, LANGUAGES),
    "io.write_rttm": lambda given: sx.io.write_rttm(given, os.devnull),
    **{
        f"io.write_{name}": partial(written, name)
        for name in FORMATS
        if name not in ("rttm", "nemo", *READ_BACK, *OTHER_FILES)
    },
    **{f"io.write_{name}": partial(other_file, name) for name in OTHER_FILES},
    "io.write_webdataset": partial(other_file, "webdataset", with_audio=False),
    "io.to_documents": lambda given: [
        (each.page_content, each.metadata["audio_id"]) for each in sx.io.to_documents(given)
    ],
    "io.to_huggingface": lambda given: sx.io.to_huggingface(given).select_columns(["audio_id", "text", "words"])[:],
    "io.write_nemo": partial(written, "nemo", segments=True),  # Lines of recordings hold references, too.
    **{f"io.write_{name}": partial(read_back, name) for name in READ_BACK},
    "metrics.language_confusion": lambda given: sx.metrics.language_confusion(given, LANGUAGES),
    "metrics.language_switches": lambda given: sx.metrics.language_switches(given, STRETCHES),
    "metrics.speaker_transitions": lambda given: sx.metrics.speaker_transitions(given),
    "metrics.translation_pairs": lambda given: sx.metrics.translation_pairs(given),
    "metrics.translation_scores": lambda given: sx.metrics.translation_scores(
        sx.texts(given) if isinstance(given, pd.DataFrame) else given,
        {"a": "hallo", "b": "hallo"},
        metric="chrf",
        **QUICK,
    ),
    "metrics.word_confidence": lambda given: sx.metrics.word_confidence(given),
    "plot.confidence": lambda given: sx.plot.confidence(given, audio_id="a"),
    "plot.timeline": lambda given: sx.plot.timeline(given, audio_id="a"),
    "metrics.punctuation_errors": lambda given: sx.metrics.punctuation_errors(given, TEXTS),
    "review": lambda given: repr(sx.review(CLIPS, given)),
    "metrics.review_curve": lambda given: sx.metrics.review_curve(given, ALIGNED["a table"], points=5),
    "reviewed_words": lambda given: sx.reviewed_words(given, REVIEWS),
    "segments": lambda given: sx.segments(given),
    "show.normalization": lambda given: sx.show.normalization(
        sx.texts(given).query("translation_status == 'original'") if isinstance(given, pd.DataFrame) else given,
        unchanged=True,
    ),
    "show.transcript": lambda given: repr(sx.show.transcript(given, "a")),
    "speaker_stats": lambda given: sx.speaker_stats(given),
    "speaker_turns": lambda given: sx.speaker_turns(given),
    "speaker_word_errors": lambda given: sx.speaker_word_errors(given, TURNS),
    "texts": lambda given: sx.texts(given),
    "word_errors": lambda given: sx.word_errors(given, TEXTS),
    "words": lambda given: sx.words(given),
}
TAKE_ALIGNMENTS = {
    "calibration": lambda given: sx.calibration(given, **QUICK),
    "confusions": lambda given: sx.confusions(given),
    "metrics.biasing_errors": lambda given: sx.metrics.biasing_errors(given, TERMS),
    "metrics.fit_recalibration": lambda given: repr(sx.metrics.fit_recalibration(given, "platt")),
    "metrics.precision_recall": lambda given: sx.metrics.precision_recall(given),
    "metrics.reliability": lambda given: sx.metrics.reliability(given, **QUICK),
    "metrics.roc": lambda given: sx.metrics.roc(given),
    "metrics.term_counts": lambda given: sx.metrics.term_counts(
        given, TERMS, sx.word_errors(LIVE).assign(duration_ms=2000)
    ),
    "metrics.term_occurrences": lambda given: sx.metrics.term_occurrences(given, TERMS),
    "metrics.word_errors_by_language": lambda given: sx.metrics.word_errors_by_language(given, LANGUAGES),
    "plot.error_positions": lambda given: sx.plot.error_positions(given, audio_id="a"),
    "show.alignment": lambda given: repr(sx.show.alignment(given, "a")),
    "term_errors": lambda given: sx.term_errors(given, TERMS),
}
TAKE_LIVE_RESULTS = {
    "metrics.live_latencies": sx.metrics.live_latencies,
    "metrics.live_stability": sx.metrics.live_stability,
    "metrics.token_latencies": sx.metrics.token_latencies,
    "plot.lag_distribution": sx.plot.lag_distribution,
    "plot.token_arrival": lambda given: sx.plot.token_arrival(given, audio_id="a"),
}
TAKE_METRICS = {
    "compare_errors": lambda given: sx.compare_errors(given, given),
    "metrics.compare_terms": lambda given: sx.metrics.compare_terms(given, given),
    "metrics.jiwer_output": sx.metrics.jiwer_output,
    "metrics.term_costs": lambda given: sx.metrics.term_costs(given, given),
    "metrics.power": lambda given: sx.metrics.power(given, difference=0.01),
    "plot.error_comparison": sx.plot.error_comparison,
    "plot.error_summary": sx.plot.error_summary,
    "plot.language_confusion": sx.plot.language_confusion,
    "plot.reliability": sx.plot.reliability,
    "plot.review_curve": sx.plot.review_curve,
    "plot.roc": sx.plot.roc,
    "review": sx.review,
    "summarize": sx.summarize,
}


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def test_every_public_function_is_here():
    below = {"metrics.compare_translations"}
    called = set().union(TAKE_TRANSCRIPTS, TAKE_ALIGNMENTS, TAKE_LIVE_RESULTS, TAKE_METRICS, below)
    assert called | NO_TABLES == set(FUNCTIONS)
    assert not called & NO_TABLES


def result_of(call, given):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # little data
        return call(given)


@pytest.mark.parametrize("name", TAKE_TRANSCRIPTS | TAKE_ALIGNMENTS)
def test_transcripts_in_any_form(name):
    call, forms = (TAKE_TRANSCRIPTS[name], FORMS) if name in TAKE_TRANSCRIPTS else (TAKE_ALIGNMENTS[name], ALIGNED)
    of_corpus, of_live_result, of_table = (result_of(call, given) for given in forms.values())
    if isinstance(of_corpus, pd.DataFrame):
        assert len(of_corpus), "an empty table shows nothing"
        pd.testing.assert_frame_equal(of_corpus, of_live_result)
        same = [column for column in of_table if column in of_corpus]
        assert {"audio_id", "text", "n", "auc", "wer"} & set(same) or len(same) > 2
        pd.testing.assert_frame_equal(of_table[same], of_corpus[same])
    else:
        assert type(of_corpus) is type(of_live_result) is type(of_table)
        if isinstance(of_corpus, str):
            assert of_corpus == of_live_result == of_table


@pytest.mark.parametrize("name", TAKE_LIVE_RESULTS)
def test_times_of_arrival_are_those_of_live_results(name):
    assert result_of(TAKE_LIVE_RESULTS[name], LIVE) is not None
    with pytest.raises(InputError, match=r"a Corpus has no times of arrival.* sx\.stream,"):
        TAKE_LIVE_RESULTS[name](FORMS["a Corpus"])


@pytest.mark.parametrize("form", ["a Corpus", "a LiveResult"])
@pytest.mark.parametrize("name", TAKE_METRICS)
def test_a_refusal_names_the_call_that_works(name, form):
    expected = rf"sx\.{re.escape(name)} needs .*, but found {form}; call sx\.{re.escape(name)}\(.*"
    with pytest.raises(InputError, match=expected):
        TAKE_METRICS[name](FORMS[form])


def test_a_report_of_a_live_result_is_that_of_its_corpus(tmp_path):
    pages = [
        result_of(lambda given: sx.report(given, path=tmp_path / "report.html"), form).read_text(encoding="utf-8")
        for form in (LIVE, LIVE.corpus())
    ]
    assert len(pages[0]) == pytest.approx(len(pages[1]), rel=0.01)


def test_systems_of_translation_in_any_form():
    compared = [
        result_of(lambda given: sx.metrics.compare_translations(given, GERMAN, GERMAN, metric="chrf", **QUICK), form)
        for form in (LIVE, LIVE.corpus(), sx.texts(LIVE.tokens))
    ]
    pd.testing.assert_frame_equal(compared[0], compared[1])
    pd.testing.assert_frame_equal(compared[0], compared[2])
