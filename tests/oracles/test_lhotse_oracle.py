"""Lhotse reads the supervisions and the Kaldi folders that are written here, and its own files are read here."""

from __future__ import annotations

import pandas as pd
import pytest
from transcripts import ODD_TEXTS, corpus_of

import soniox_ds as sx

lhotse = pytest.importorskip("lhotse", reason="pip install lhotse (it needs torch)")


@pytest.fixture
def corpus(tmp_path, tiny_wav):
    texts = {"b": "Good morning. Well?", "a": ODD_TEXTS["arabic"]}
    made = corpus_of(texts, {"b": "1", "a": "Dr A"})
    paths = [str(tiny_wav(tmp_path / f"{name}.wav", seconds=2)) for name in texts]
    recordings = made.recordings.assign(
        source=pd.array(paths, dtype="string"), duration_ms=pd.array([2000, 2000], dtype="Int64")
    )
    return sx.Corpus(recordings, made.tokens.assign(language="en"))


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_supervisions_with_their_words(corpus, tmp_path, name):
    corpus.to_lhotse(tmp_path / name)
    supervisions = list(lhotse.SupervisionSet.from_file(tmp_path / name))
    segments = corpus.segments()
    assert [each.text for each in supervisions] == segments["text"].tolist()
    assert [each.speaker for each in supervisions] == segments["speaker"].tolist()
    assert [round(1000 * each.start) for each in supervisions] == segments["start_ms"].tolist()
    assert [round(1000 * each.end) for each in supervisions] == segments["end_ms"].tolist()
    assert {each.language for each in supervisions} == {"en"}
    aligned = [item for each in supervisions for item in each.alignment["word"]]
    words = corpus.words()
    assert [item.symbol for item in aligned] == words["text"].tolist()
    assert [round(1000 * item.start) for item in aligned] == words["start_ms"].tolist()
    assert [item.score for item in aligned] == pytest.approx(words["confidence"].tolist(), abs=5e-7)


def test_files_of_lhotse_are_read(tmp_path):
    supervisions = lhotse.SupervisionSet.from_segments(
        [
            lhotse.SupervisionSegment("1", "call", 0.4, 1.1, channel=1, text="hello", speaker="x", language="en"),
            lhotse.SupervisionSegment("2", "call", 2, 3),
        ]
    )
    supervisions.to_file(tmp_path / "a.jsonl.gz")
    assert sx.io.read_lhotse(tmp_path / "a.jsonl.gz").fillna("-").to_numpy().tolist()[0] == [
        *("call", "x", 400, 1500, "hello", 2, "en")
    ]


def test_kaldi_folders_in_both_directions(corpus, tmp_path):
    from lhotse.kaldi import export_to_kaldi, load_kaldi_data_dir

    corpus.to_kaldi(tmp_path / "kaldi")
    recordings, supervisions, _ = load_kaldi_data_dir(tmp_path / "kaldi", sampling_rate=16_000)
    assert {each.id: each.duration for each in recordings} == {"a": 2.0, "b": 2.0}
    assert sorted(each.text for each in supervisions) == sorted(corpus.segments()["text"])
    export_to_kaldi(recordings, supervisions, tmp_path / "theirs")
    theirs, ours = sx.io.read_kaldi(tmp_path / "theirs"), sx.io.read_kaldi(tmp_path / "kaldi")
    pd.testing.assert_frame_equal(theirs, ours)
