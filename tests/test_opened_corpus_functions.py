"""Every public function gives the same result for an opened corpus as for the loaded one, or names the call that does.

The lists of functions are those of `test_public_functions`. A new function that takes transcripts is tested by its line
there, and `@by_part` makes it take an opened corpus.
"""

from __future__ import annotations

import multiprocessing
import pickle
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import nullcontext

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from test_public_functions import LIVE, TAKE_ALIGNMENTS, TAKE_METRICS, TAKE_TRANSCRIPTS, TURNS

import soniox_ds as sx
from soniox_ds.exceptions import InputError

BY_PART = {
    *("align_words", "apply_reviews", "character_errors", "diarization_errors", "find", "flag_low_confidence"),
    *("metrics.language_errors", "metrics.language_switches", "metrics.punctuation_errors"),
    *("metrics.speaker_transitions", "metrics.translation_pairs", "metrics.word_confidence", "reviewed_words"),
    *("segments", "speaker_stats", "speaker_turns", "speaker_word_errors", "texts", "word_errors", "words"),
}
OF_WORDS = {"calibration", "metrics.precision_recall", "metrics.reliability", "metrics.roc"}
"""Functions that count the words of an opened corpus part by part; `test_calibration_by_part` has further tests."""

WAYS_ON = r"corpus\.load\(\)|sx\.align_words\(corpus"


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def result_of(call, given):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return call(given)


def renamed(suffix):
    """The corpus of the other tests with other ids and a metadata column."""
    corpus = LIVE.corpus()
    recordings = corpus.recordings.assign(audio_id=corpus.recordings["audio_id"] + suffix, room=f"r{suffix}")
    return sx.Corpus(recordings, corpus.tokens.assign(audio_id=corpus.tokens["audio_id"] + suffix))


def save_in_saves(folder):
    LIVE.corpus().save(folder)
    for suffix in "12":
        renamed(suffix).save(folder, append=True)
    failed = pd.DataFrame({"audio_id": ["z"], "status": "failed", "reference": ["Nobody knows"], "room": "rz"})
    sx.Corpus(failed).save(folder, append=True)
    silent = pd.DataFrame({"audio_id": ["quiet"], "status": "completed", "reference": "hush", "text": ""})
    sx.Corpus(silent).save(folder, append=True)


def save_by_room(folder):
    """Recordings of one save lie in several parts, in another order."""
    corpora = [renamed("1"), renamed("2"), renamed("3")]
    tables = [corpus.recordings for corpus in corpora]
    recordings = pd.concat(tables, ignore_index=True).sample(frac=1, random_state=3)
    tokens = pd.concat([corpus.tokens for corpus in corpora])
    sx.Corpus(recordings, tokens).save(folder, partition_by="room")
    room = LIVE.corpus().recordings.assign(room="r9")
    sx.Corpus(room, LIVE.tokens).save(folder, append=True)


@pytest.fixture(params=[save_in_saves, save_by_room], scope="module")
def folder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("opened") / "c"
    request.param(path)
    return path


@pytest.fixture(scope="module")
def loaded(folder):
    return sx.read_corpus(folder)


@pytest.mark.parametrize("name", sorted(BY_PART))
def test_results_by_part_are_those_of_the_loaded_corpus(name, folder, loaded):
    call = TAKE_TRANSCRIPTS[name]
    of_parts = result_of(call, sx.open_corpus(folder))
    of_whole = result_of(call, loaded)
    assert len(of_whole)
    pd.testing.assert_frame_equal(of_parts, of_whole)


BY_WORD = {
    "calibration": lambda given: sx.calibration(given, n_resamples=200),
    "calibration by length": lambda given: sx.calibration(given, "length", n_resamples=200),
    "calibration by room": lambda given: sx.calibration(given, ["room", "language"], n_resamples=200),
    "calibration in bins of equal mass": lambda given: sx.calibration(given, binning="equal_mass", n_resamples=200),
    "reliability": lambda given: sx.metrics.reliability(given, "speaker", n_resamples=200),
    "roc": sx.metrics.roc,
    "precision_recall": sx.metrics.precision_recall,
}


@pytest.mark.parametrize("name", sorted(BY_WORD))
def test_results_of_words_in_parts_are_those_of_the_loaded_corpus(name, folder, loaded):
    of_parts, of_whole = (result_of(BY_WORD[name], given) for given in (sx.open_corpus(folder), loaded))
    assert len(of_whole)
    pd.testing.assert_frame_equal(of_parts, of_whole)


def test_words_in_parts_need_references_in_some_part(tmp_path):
    corpus = LIVE.corpus()
    bare = sx.Corpus(corpus.recordings.drop(columns="reference"), corpus.tokens)
    bare.save(tmp_path / "c")
    with pytest.raises(InputError, match="no references of its own"):
        sx.metrics.roc(sx.open_corpus(tmp_path / "c"))


def all_references(corpus):
    return {audio_id: f"Good morning {audio_id}" for audio_id in reversed(list(corpus))} | {"nobody": "said this"}


def turns_of_all(corpus):
    ids = [*reversed(list(corpus)), "nobody"]
    return pd.concat([TURNS.iloc[:1].assign(audio_id=audio_id) for audio_id in ids], ignore_index=True)


def languages_of_all(corpus):
    return dict.fromkeys(turns_of_all(corpus)["audio_id"], "en")


def stretches_of_all(corpus):
    return turns_of_all(corpus)[["audio_id", "start_ms", "end_ms"]].assign(language="de")


WITH_REFERENCES_OF_ALL = {
    "align_words": lambda given: sx.align_words(given, all_references(given)),
    "align_words of columns": lambda given: sx.align_words(given),
    "word_errors": lambda given: sx.word_errors(given, all_references(given), missing="as_empty"),
    "word_errors of columns": lambda given: sx.word_errors(given),
    "word_errors with metadata": lambda given: sx.word_errors(
        given, pd.DataFrame({"audio_id": list(given), "reference": "hi", "room": [f"r{n}" for n in range(len(given))]})
    ),
    "word_errors with metadata of some": lambda given: sx.word_errors(
        given, given.recordings[["audio_id", "room"]].assign(reference="hi", room=lambda table: other_rooms(table))
    ),
    "word_errors of files": lambda given: sx.word_errors(
        given, {f"folder/{name}.wav": text for name, text in all_references(given).items()}
    ),
    "character_errors": lambda given: sx.character_errors(given, pd.Series(all_references(given))),
    "punctuation_errors": lambda given: sx.metrics.punctuation_errors(given, all_references(given)),
    "diarization_errors": lambda given: sx.diarization_errors(given, turns_of_all(given)),
    "diarization_errors in regions": lambda given: sx.diarization_errors(
        given, turns_of_all(given), uem=turns_of_all(given)[["audio_id", "start_ms", "end_ms"]]
    ),
    "speaker_word_errors": lambda given: sx.speaker_word_errors(given, turns_of_all(given)),
    "language_errors": lambda given: sx.metrics.language_errors(given, languages_of_all(given)),
    "language_switches": lambda given: sx.metrics.language_switches(given, stretches_of_all(given)),
    "apply_reviews": lambda given: sx.apply_reviews(given, reviews_of(given)),
    "reviewed_words": lambda given: sx.reviewed_words(given, reviews_of(given)),
    "flag_low_confidence": lambda given: sx.flag_low_confidence(given, threshold=0.96),
    "flags of a target": lambda given: sx.flag_low_confidence(
        given, target_recall=0.5, alignments=sx.align_words(given)
    ),
    "product": lambda given: sx.metrics.word_confidence(given, "product"),
}


def other_rooms(table):
    """The rooms of the recordings, of which one is another."""
    return table["room"].where(table["audio_id"] != "b1", "another")


def reviews_of(corpus):
    clips = sx.flag_low_confidence(corpus, threshold=0.6)
    return clips.assign(verdict="right")[["audio_id", "start_ms", "end_ms", "verdict"]].iloc[:3]


@pytest.mark.parametrize("name", WITH_REFERENCES_OF_ALL)
def test_references_are_divided_among_the_parts(name, folder, loaded):
    call = WITH_REFERENCES_OF_ALL[name]
    of_whole = result_of(call, loaded)
    assert len(of_whole)
    pd.testing.assert_frame_equal(result_of(call, sx.open_corpus(folder)), of_whole)


def test_pooled_results_are_the_same(folder):
    for corpora in [(sx.open_corpus(folder), sx.read_corpus(folder))]:
        first, second = (sx.summarize(sx.word_errors(corpus), n_resamples=100) for corpus in corpora)
        pd.testing.assert_frame_equal(first, second)


@pytest.mark.parametrize(
    "name", sorted((TAKE_TRANSCRIPTS | TAKE_ALIGNMENTS).keys() - BY_PART - OF_WORDS - {"explore", "io.write_rttm"})
)
def test_other_functions_name_the_way_on(name, folder):
    call = (TAKE_TRANSCRIPTS | TAKE_ALIGNMENTS)[name]
    with pytest.raises(InputError, match=WAYS_ON):
        result_of(call, sx.open_corpus(folder))


@pytest.mark.parametrize("name", TAKE_METRICS)
def test_functions_of_metrics_name_the_call_that_works(name, folder):
    with pytest.raises(InputError, match=rf"needs .*, but found an OpenedCorpus; call sx\.{name}\("):
        TAKE_METRICS[name](sx.open_corpus(folder))


# What is wrong is said as for a loaded corpus


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda corpus: sx.word_errors(corpus, {"q": "no such recording"}), "no reference belongs to a recording"),
        (lambda corpus: sx.word_errors(corpus, ["a list"]), "references are a list, but transcripts are not"),
        (lambda corpus: sx.word_errors(corpus, pd.DataFrame({"text": ["x"]})), "audio_id"),
        (lambda corpus: sx.word_errors(corpus, {"a": 3}), "must hold texts"),
        (lambda corpus: sx.word_errors(corpus, normalizer="none such"), "none such"),
        (lambda corpus: sx.metrics.language_errors(corpus), "there are no reference languages"),
        (lambda corpus: sx.diarization_errors(corpus, TURNS.iloc[:0]), "there are no reference turns"),
        (lambda corpus: sx.apply_reviews(corpus, reviews_of(corpus).assign(audio_id="q")), "no recording in common"),
    ],
)
def test_errors_are_those_of_a_loaded_corpus(call, message, folder):
    for corpus in (sx.read_corpus(folder), sx.open_corpus(folder)):
        with pytest.raises(InputError, match=message):
            result_of(call, corpus)


def test_a_budget_needs_all_words(folder):
    with pytest.raises(InputError, match=r"call sx\.flag_low_confidence\(corpus\.load\(\), review_budget_s="):
        sx.flag_low_confidence(sx.open_corpus(folder), review_budget_s=3)


def save_speakers_in_one_part(folder):
    LIVE.corpus().save(folder)
    other = renamed("1")
    labels = dict.fromkeys(("speaker", "language", "translation_status", "source_language"), pd.NA)
    spoken = other.tokens[other.tokens["translation_status"] == "original"].assign(**labels)
    sx.Corpus(other.recordings, spoken).save(folder, append=True)


@pytest.mark.parametrize(
    "call",
    [
        sx.speaker_turns,
        sx.speaker_stats,
        sx.metrics.speaker_transitions,
        sx.metrics.translation_pairs,
        lambda corpus: sx.speaker_word_errors(corpus, turns_of_all(corpus)),
        lambda corpus: sx.diarization_errors(corpus, turns_of_all(corpus)),
        lambda corpus: sx.metrics.language_errors(corpus, languages_of_all(corpus)),
    ],
)
def test_labels_that_only_one_part_has(call, tmp_path):
    save_speakers_in_one_part(tmp_path)
    pd.testing.assert_frame_equal(result_of(call, sx.open_corpus(tmp_path)), result_of(call, sx.read_corpus(tmp_path)))
    for selected in ("a1", "b1"):
        for corpus in (sx.read_corpus(tmp_path), sx.open_corpus(tmp_path)):
            with pytest.raises(InputError, match=r"none of the|there is no translation"):
                result_of(call, corpus.select([selected]))


def test_an_empty_selection(folder):
    for call in (sx.words, sx.segments, sx.speaker_turns, sx.texts):
        pd.testing.assert_frame_equal(call(sx.open_corpus(folder).select([])), call(sx.read_corpus(folder).select([])))


def test_a_warning_names_the_line_of_the_call(folder):
    with pytest.warns(UserWarning, match="have no recording") as caught:
        sx.word_errors(sx.open_corpus(folder), {"a": "x", "nobody": "y"})
    assert caught[0].filename == __file__


def test_the_methods_of_a_corpus(folder):
    opened, loaded = sx.open_corpus(folder), sx.read_corpus(folder)
    pd.testing.assert_frame_equal(opened.words(), loaded.words())
    pd.testing.assert_frame_equal(opened.segments(gap_ms=100), loaded.segments(gap_ms=100))
    pd.testing.assert_frame_equal(opened.texts(), loaded.texts())


def test_turns_are_written_part_by_part(folder, tmp_path):
    for name, corpus in (("opened", sx.open_corpus(folder)), ("loaded", sx.read_corpus(folder))):
        n_failed = int((corpus.recordings["status"] != "completed").sum())
        told = pytest.warns(UserWarning, match=f"RTTM: {n_failed} of .* failed") if n_failed else nullcontext()
        with told:
            sx.io.write_rttm(corpus, tmp_path / name)
    assert (tmp_path / "opened").read_text() == (tmp_path / "loaded").read_text()


# In other processes


@pytest.fixture(scope="module")
def pool():
    """Two processes that begin without the state of this one, as workers on other machines do."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield executor


@pytest.mark.parametrize("name", ["words", "word_errors", "speaker_stats", "flag_low_confidence", "apply_reviews"])
def test_results_of_an_executor_are_the_same(name, folder, pool):
    call = TAKE_TRANSCRIPTS[name]
    of_pool = result_of(call, sx.open_corpus(folder, executor=pool))
    pd.testing.assert_frame_equal(of_pool, result_of(call, sx.read_corpus(folder)))


def test_an_executor_of_threads(folder):
    with ThreadPoolExecutor(3) as executor:
        of_threads = sx.word_errors(sx.open_corpus(folder, executor=executor).select(["a", "b1", "a2"]))
    expected = sx.word_errors(sx.read_corpus(folder).select(["a", "b1", "a2"]))
    pd.testing.assert_frame_equal(of_threads, expected)


def test_errors_and_warnings_of_an_executor(folder, pool):
    opened = sx.open_corpus(folder, executor=pool)
    with pytest.warns(UserWarning, match="have no recording") as caught:
        sx.word_errors(opened, all_references(opened))
    assert caught[0].filename == __file__
    with pytest.raises(InputError, match="none such"):
        sx.word_errors(opened, normalizer="none such")
    silent = sx.open_corpus(folder, executor=pool).select(["a"])
    with pytest.raises(InputError, match="there are no reference languages"):
        sx.metrics.language_errors(silent)


def test_tasks_are_small(folder):
    class Recorder(ThreadPoolExecutor):
        def submit(self, task, /, *args, **kwargs):
            sizes.append(len(pickle.dumps(task)))
            return super().submit(pickle.loads(pickle.dumps(task)))

    sizes = []
    with Recorder(1) as executor:
        sx.word_errors(sx.open_corpus(folder, executor=executor))
    assert len(sizes) > 2
    assert max(sizes) < 30_000
