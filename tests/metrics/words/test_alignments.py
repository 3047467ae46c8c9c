"""Functions of alignments also take a corpus with references, and functions of words or turns also take a corpus."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.exceptions import InputError

plt.switch_backend("agg")

TERMS = ["fox", "dog"]
ALIGNED = {
    "biasing_errors": lambda given: sx.metrics.biasing_errors(given, TERMS),
    "calibration": lambda given: sx.calibration(given, n_resamples=100),
    "confusions": sx.confusions,
    "fit_recalibration": lambda given: sx.metrics.fit_recalibration(given, "platt").cross_fitted,
    "precision_recall": sx.metrics.precision_recall,
    "reliability": lambda given: sx.metrics.reliability(given, n_resamples=100),
    "roc": sx.metrics.roc,
    "term_errors": lambda given: sx.term_errors(given, TERMS),
    "term_occurrences": lambda given: sx.metrics.term_occurrences(given, TERMS),
    "word_errors_by_language": lambda given: sx.metrics.word_errors_by_language(given, {"a": "en", "b": "en"}),
}


@pytest.fixture
def corpus():
    references = {"a": "the quick fox jumps", "b": "a lazy dog sleeps"}
    hypotheses = {"a": "the quack fox jumps", "b": "a lazy dock sleeps now"}
    rows = [
        {
            "audio_id": name,
            "token_index": place,
            "text": f" {word}",
            "start_ms": 500 * place,
            "end_ms": 500 * place + 300,
            "confidence": 0.4 if word in ("quack", "dock", "now") else 0.9,
            "speaker": str(1 + place // 2),
            "language": "en",
        }
        for name, text in hypotheses.items()
        for place, word in enumerate(text.split())
    ]
    recordings = pd.DataFrame(
        {"audio_id": list(references), "status": "completed", "reference": list(references.values())}
    )
    return sx.Corpus(recordings, pd.DataFrame(rows))


@pytest.mark.parametrize("name", ALIGNED)
def test_a_corpus_is_aligned_with_its_references(name, corpus):
    call = ALIGNED[name]
    pd.testing.assert_frame_equal(call(corpus), call(sx.align_words(corpus)))


@pytest.mark.parametrize("name", ALIGNED)
def test_a_corpus_without_references_is_refused(name, corpus):
    bare = sx.Corpus(corpus.recordings.drop(columns="reference"), corpus.tokens)
    for given in (bare, sx.Corpus(corpus.recordings.assign(reference=pd.NA), corpus.tokens)):
        with pytest.raises(InputError, match=r"no references of its own .*give sx\.align_words\(corpus, references\)"):
            ALIGNED[name](given)
    with pytest.raises(InputError, match="a corpus with references, found list"):
        ALIGNED[name]([])


def test_targets_and_curves_and_views_take_a_corpus(corpus):
    aligned = sx.align_words(corpus)
    for call in (
        lambda given: sx.flag_low_confidence(corpus, target_recall=0.5, alignments=given),
        lambda given: sx.metrics.review_curve(corpus, given, points=5),
    ):
        pd.testing.assert_frame_equal(call(corpus), call(aligned))
    assert repr(sx.show.alignment(corpus, "a")) == repr(sx.show.alignment(aligned, "a"))
    assert sx.plot.error_positions(corpus, audio_id="a").get_yticklabels()[0].get_text() == "1 substitution"
    plt.close("all")


def test_turns_and_confidences_of_a_corpus(corpus):
    turns = sx.speaker_turns(corpus)
    pd.testing.assert_frame_equal(turns, sx.speaker_turns(corpus.words()))
    pd.testing.assert_frame_equal(turns, sx.speaker_turns(corpus.tokens))
    for given in (corpus, corpus.words(), turns):
        labels = [label.get_text() for label in sx.plot.timeline(given, audio_id="a").get_yticklabels()]
        assert labels == ["speaker 1", "speaker 2"]
    dots = [
        [len(points.get_offsets()) for points in sx.plot.confidence(given, audio_id="a").collections]
        for given in (corpus, corpus.words())
    ]
    assert dots == [[3, 1], [3, 1]]
    plt.close("all")
    with pytest.raises(InputError, match="give a Corpus or a table of turns or words, found int"):
        sx.plot.timeline(7)
