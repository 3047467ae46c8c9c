"""Readers of a corpus beside its writer, in another process: every reading is the corpus before or after a save."""

from __future__ import annotations

import subprocess
import sys
import threading

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.corpus import parquet, snapshot
from soniox_ds.exceptions import InputError

SAVES = 12
WRITER = """
import sys
import pandas as pd
import soniox_ds as sx

folder, how, saves = sys.argv[1], sys.argv[2], int(sys.argv[3])
for number in range(saves):
    ids = [f"{number}-{piece}" for piece in range(8)]
    recordings = pd.DataFrame({"audio_id": ids, "status": "completed", "split": [f"s{n}" for n in range(8)]})
    tokens = pd.DataFrame({"audio_id": ids, "token_index": 0, "text": ids})
    corpus = sx.Corpus(recordings, tokens)
    corpus.save(folder, partition_by="split", **({"append": True} if how == "append" else {"overwrite": True}))
    print(number, flush=True)
"""


@pytest.mark.parametrize("how", ["append", "overwrite"])
def test_a_reader_beside_a_writer(tmp_path, how):
    command = [sys.executable, "-c", WRITER, str(tmp_path / "c"), how, str(SAVES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "0\n"
        latest = 0
        while latest < SAVES - 1:
            is_over = writer.poll() is not None
            ids = list(sx.read_corpus(tmp_path / "c"))
            newest = int(ids[-1].split("-")[0])
            first = 0 if how == "append" else newest
            assert ids == [f"{number}-{piece}" for number in range(first, newest + 1) for piece in range(8)]
            assert newest >= latest
            assert newest == SAVES - 1 or not is_over
            latest = newest
        writer.stdout.read()  # The reader may be done before the writer has printed its last number.
    assert writer.returncode == 0


def corpus_of(*audio_ids):
    split = [f"s{n}" for n in range(len(audio_ids))]
    return sx.Corpus(pd.DataFrame({"audio_id": list(audio_ids), "status": "completed", "split": split}))


def stopping_at(monkeypatch, at):
    """Let a writer stop before the rename of this number; gives the events of "it has stopped" and "go on"."""
    stopped, go_on, count = threading.Event(), threading.Event(), iter(range(1000))
    rename = parquet.Path.rename

    def step(self, target):
        if next(count) == at:
            stopped.set()
            assert go_on.wait(60)
        return rename(self, target)

    monkeypatch.setattr(parquet.Path, "rename", step)
    return stopped, go_on


@pytest.mark.parametrize("at", range(8))
def test_in_the_middle_of_an_append_there_is_the_corpus_before_it(tmp_path, monkeypatch, at):
    corpus, more = corpus_of("a", "b"), corpus_of("c", "d")
    corpus.save(tmp_path, partition_by="split")
    more = sx.Corpus(more.recordings.assign(split=["s0", "s2"]))
    stopped, go_on = stopping_at(monkeypatch, at)
    writer = threading.Thread(target=more.save, args=[tmp_path], kwargs={"append": True})
    writer.start()
    try:
        if at < 4:
            assert stopped.wait(60)
            assert sx.read_corpus(tmp_path).equals(corpus)
    finally:
        go_on.set()
        writer.join()
    assert sx.read_corpus(tmp_path).equals(sx.concat([corpus, more]))


@pytest.mark.parametrize("at", range(4, 8))
def test_in_the_middle_of_a_replacement_a_reader_waits(tmp_path, monkeypatch, at):
    """The first four renames are those of new files elsewhere; four more exchange the folders."""
    corpus, other = corpus_of("a", "b"), corpus_of("c", "d")
    corpus.save(tmp_path, partition_by="split")
    stopped, go_on = stopping_at(monkeypatch, at)
    writer = threading.Thread(target=other.save, args=[tmp_path], kwargs={"overwrite": True, "partition_by": "split"})
    writer.start()
    read = []
    reader = threading.Thread(target=lambda: read.append(sx.read_corpus(tmp_path)))
    try:
        assert stopped.wait(60)
        reader.start()
    finally:
        go_on.set()
        writer.join()
        reader.join()
    assert read[0].equals(other) or (at == 4 and read[0].equals(corpus))


def test_in_the_middle_of_the_first_save_there_is_no_corpus_yet(tmp_path, monkeypatch):
    """Never advise deleting files that another process is writing."""
    monkeypatch.setattr(snapshot, "_LONGEST_WAIT_S", 0.01)
    stopped, go_on = stopping_at(monkeypatch, 3)
    writer = threading.Thread(target=corpus_of("a", "b").save, args=[tmp_path], kwargs={"partition_by": "split"})
    writer.start()
    try:
        assert stopped.wait(60)
        with pytest.raises(InputError, match=r"contains no corpus"):
            sx.read_corpus(tmp_path)
    finally:
        go_on.set()
        writer.join()
    assert list(sx.read_corpus(tmp_path)) == ["a", "b"]
