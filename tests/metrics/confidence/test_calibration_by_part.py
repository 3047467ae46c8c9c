"""The calibration of an opened corpus is that of the loaded one."""

import pickle
from concurrent.futures import Executor, Future

import numpy as np
import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.confidence import calibration_counts

QUICK = {"n_resamples": 100}


class Pickled(Executor):
    """It sends tasks and results through pickle, as a process pool does."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        task = pickle.loads(pickle.dumps((function, args, kwargs)))
        future.set_result(pickle.loads(pickle.dumps(task[0](*task[1], **task[2]))))
        return future


def corpus_of(ids, seed, languages=("en", "de")):
    rng = np.random.default_rng(seed)
    count = 60
    words = np.array(["so", "we", "go", "again", "to", "Copenhagen"])
    tokens = pd.DataFrame(
        {
            "audio_id": np.repeat(ids, count),
            "token_index": np.tile(np.arange(count), len(ids)),
            "text": [f" {word}" for word in rng.choice(words, count * len(ids))],
            "confidence": np.where(rng.random(count * len(ids)) < 0.3, 1.0, rng.beta(6, 1, count * len(ids))),
            "language": rng.choice([*languages, None], count * len(ids)),
            "speaker": rng.choice(["1", "2"], count * len(ids)),
        }
    )
    spoken = np.where(rng.random(len(tokens)) < 0.2, " oh", tokens["text"])
    references = ["".join(part) for part in np.split(spoken, len(ids))]
    return sx.Corpus(pd.DataFrame({"audio_id": ids, "status": "completed", "reference": references}), tokens)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("calibration") / "corpus"
    first = corpus_of(["c", "a", "b", "k", "l", "m"], 1)
    recordings = first.recordings.assign(split=["s", "t", "s", "t", "s", "t"])
    sx.Corpus(recordings, first.tokens).save(path, partition_by="split")
    without = corpus_of(["x"], 2)
    sx.Corpus(without.recordings.assign(reference=pd.Series([None], dtype="str"), split="u"), without.tokens).save(
        path, append=True
    )
    third = corpus_of(["e", "d", "f", "g", "h"], 3, ["en", "fr"])
    sx.Corpus(third.recordings.assign(split="s"), third.tokens).save(path, append=True)
    return path


@pytest.mark.parametrize("measure", [sx.calibration, sx.metrics.reliability])
@pytest.mark.parametrize("binning", ["equal_width", "equal_mass"])
@pytest.mark.parametrize("by", [None, "language", ["speaker", "length"]])
def test_the_values_are_those_of_the_loaded_corpus(folder, measure, binning, by):
    loaded = measure(sx.read_corpus(folder), by, binning=binning, bins=7, **QUICK)
    for executor in (None, Pickled()):
        opened = measure(sx.open_corpus(folder, executor=executor), by, binning=binning, bins=7, **QUICK)
        pd.testing.assert_frame_equal(opened, loaded, check_exact=True)


def test_blocks_with_words_in_several_parts(folder):
    for by in (None, "language"):
        loaded = sx.calibration(sx.read_corpus(folder), by, block="speaker", **QUICK)
        opened = sx.calibration(sx.open_corpus(folder), by, block="speaker", **QUICK)
        pd.testing.assert_frame_equal(opened, loaded, rtol=1e-12)


def test_values_are_added_in_between(folder, monkeypatch):
    loaded = sx.calibration(sx.read_corpus(folder), **QUICK)
    monkeypatch.setattr(calibration_counts, "_PENDING", 1)
    pd.testing.assert_frame_equal(sx.calibration(sx.open_corpus(folder), **QUICK), loaded, check_exact=True)


def test_no_references_and_no_confidences(folder, tmp_path):
    with pytest.raises(InputError, match="no references of its own"):
        sx.calibration(sx.open_corpus(folder).select(["x"]))
    with pytest.raises(InputError, match="no references of its own"):
        sx.calibration(sx.open_corpus(folder).select([]))
    one, two = corpus_of(["a"], 1), corpus_of(["b"], 2)
    silent = sx.Corpus(one.recordings, one.tokens.assign(confidence=None))
    silent.save(tmp_path)
    with pytest.raises(InputError, match="aligned words has a confidence"):
        sx.calibration(sx.open_corpus(tmp_path))
    two.save(tmp_path, append=True)
    expected = sx.calibration(sx.read_corpus(tmp_path), **QUICK)
    pd.testing.assert_frame_equal(sx.calibration(sx.open_corpus(tmp_path), **QUICK), expected, check_exact=True)
