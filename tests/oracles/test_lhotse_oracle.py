"""Lhotse reads the supervisions and the Kaldi folders that are written here, and its own files are read here.

Lhotse needs torch. Beside the other packages, torch would change what they import, so that both are installed into a
folder of their own and run in a process of their own. Of torch the build for CPUs is taken (190 MB); on a machine whose
pip does not find this build, the tests are skipped, because the usual build needs several GB.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from separate_packages import installed
from transcripts import ODD_TEXTS, corpus_of

import soniox_ds as sx

SCRIPT = Path(__file__).with_name("lhotse_files.py")

pytestmark = pytest.mark.xdist_group("lhotse")


@pytest.fixture(scope="module")
def packages():
    return installed("lhotse-1.33.0", "lhotse==1.33.0", "torch==2.13.0+cpu")


@pytest.fixture(scope="module")
def corpus(tiny_wav, tmp_path_factory):
    folder = tmp_path_factory.mktemp("audio")
    texts = {"b": "Good morning. Well?", "a": ODD_TEXTS["arabic"]}
    made = corpus_of(texts, {"b": "1", "a": "2"})
    paths = [str(tiny_wav(folder / f"{name}.wav", seconds=2)) for name in texts]
    recordings = made.recordings.assign(
        source=pd.array(paths, dtype="string"), duration_ms=pd.array([2000, 2000], dtype="Int64")
    )
    return sx.Corpus(recordings, made.tokens.assign(language="en")).rename_speakers({"a": {"2": "Dr A"}})


@pytest.fixture(scope="module")
def folder(corpus, packages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lhotse")
    corpus.to_lhotse(folder / "ours.jsonl")
    corpus.to_lhotse(folder / "ours.jsonl.gz")
    corpus.to_kaldi(folder / "ours")
    environment = os.environ | {"PYTHONPATH": str(packages)}
    command = [sys.executable, "-P", str(SCRIPT), str(folder)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture(scope="module")
def read(folder):
    return json.loads((folder / "read.json").read_text())


@pytest.mark.parametrize("name", ["ours.jsonl", "ours.jsonl.gz"])
def test_supervisions_with_their_words(corpus, read, name):
    supervisions = read[name]
    segments = corpus.segments()
    assert [each["text"] for each in supervisions] == segments["text"].tolist()
    assert [each["speaker"] for each in supervisions] == segments["speaker"].tolist()
    assert [each.get("custom") for each in supervisions] == [None, None, {"speaker_label": "2"}]
    assert [round(1000 * each["start"]) for each in supervisions] == segments["start_ms"].tolist()
    assert [round(1000 * each["end"]) for each in supervisions] == segments["end_ms"].tolist()
    assert {each["language"] for each in supervisions} == {"en"}
    aligned = [item for each in supervisions for item in each["alignment"]["word"]]
    words = corpus.words()
    assert [item[0] for item in aligned] == words["text"].tolist()
    assert [round(1000 * item[1]) for item in aligned] == words["start_ms"].tolist()
    assert [item[3] for item in aligned] == pytest.approx(words["confidence"].tolist(), abs=5e-7)


def test_files_of_lhotse_are_read(folder):
    assert sx.io.read_lhotse(folder / "theirs.jsonl.gz").fillna("-").to_numpy().tolist()[0] == [
        *("call", "x", 400, 1500, "hello", 2, "en")
    ]


def test_kaldi_folders_in_both_directions(corpus, folder, read):
    assert read["durations"] == {"a": 2.0, "b": 2.0}
    assert sorted(read["texts"]) == sorted(corpus.segments()["text"])
    theirs, ours = sx.io.read_kaldi(folder / "theirs"), sx.io.read_kaldi(folder / "ours")
    pd.testing.assert_frame_equal(theirs, ours)
