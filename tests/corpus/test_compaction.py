"""Compacted corpora are the same corpora in other parts, whatever interrupts the compaction."""

from __future__ import annotations

import filelock
import pandas as pd
import pytest
from test_opened_corpora import ONE, THREE, TWO, corpus_of, save_by_split, save_in_saves

import soniox_ds as sx
from soniox_ds.corpus import compaction, parquet
from soniox_ds.corpus.parts import find_parts
from soniox_ds.exceptions import InputError

BOTH = sx.concat([ONE, TWO, THREE])


@pytest.fixture
def folder(tmp_path):
    save_in_saves(tmp_path / "c")
    return tmp_path / "c"


def part_sizes(folder):
    return [len(part.tokens) for part in sx.open_corpus(folder).parts()]


@pytest.mark.parametrize(
    ("tokens_per_part", "sizes"), [(1000, [18]), (9, [9, 9]), (3, [3, 3, 3, 3, 3, 3]), (12, [9, 9]), (6, [9, 6, 3])]
)
def test_parts_have_the_wanted_size(folder, tokens_per_part, sizes):
    loaded = sx.read_corpus(folder)
    compacted = sx.open_corpus(folder).compact(tokens_per_part=tokens_per_part, progress=False)
    assert part_sizes(folder) == sizes
    assert compacted.load().equals(loaded, provenance=True)
    assert sx.read_corpus(folder).equals(BOTH, provenance=True)
    for part in compacted.parts():
        assert part.equals(loaded.select(list(part)))


def test_a_compact_corpus_is_left_alone(folder):
    sx.open_corpus(folder).compact(progress=False)
    names = sorted(path.name for path in folder.rglob("*"))
    sx.open_corpus(folder).compact(progress=False)
    assert sorted(path.name for path in folder.rglob("*")) == names


def test_appending_goes_on(folder):
    sx.open_corpus(folder).compact(progress=False)
    more = corpus_of("g", split=["s"])
    more.save(folder, append=True)
    assert sx.read_corpus(folder).equals(sx.concat([BOTH, more]))
    assert part_sizes(folder) == [18, 3]
    sx.open_corpus(folder).compact(progress=False)
    assert part_sizes(folder) == [21]


@pytest.mark.parametrize("save", [save_in_saves, save_by_split])
def test_readers_that_have_it_open_go_on(tmp_path, save):
    folder = tmp_path / "c"
    save(folder)
    opened, selection = sx.open_corpus(folder), sx.open_corpus(folder, columns=["n"]).select(["b", "d", "f"])
    untouched = [part.read() for part in opened.part_readers()]
    parts = opened.parts()
    read = [next(parts)]
    opened.materialize(progress=False)
    sx.open_corpus(folder).compact(tokens_per_part=9, progress=False)
    corpus_of("g", split=["s"]).save(folder, append=True)
    sx.open_corpus(folder).compact(tokens_per_part=6, progress=False)
    read += parts
    assert len(read) == len(untouched)
    for part, before in zip(read, untouched, strict=True):
        assert part.equals(before, provenance=True)
    assert opened.load().equals(BOTH, provenance=True)
    pd.testing.assert_frame_equal(opened.read_recordings(["audio_id", "split"]), BOTH.recordings[["audio_id", "split"]])
    assert selection.load().equals(sx.open_corpus(folder, columns=["n"]).load().select(["b", "d", "f"]))
    assert sx.words(opened).equals(BOTH.words())
    assert opened.sql("SELECT count(*) AS n FROM tokens")["n"].item() == len(BOTH.tokens)
    assert selection.sql("SELECT audio_id FROM words ORDER BY audio_id")["audio_id"].tolist() == list("bbddff")
    assert "7 recordings" in repr(opened)


def test_readers_do_not_go_on_with_another_corpus(folder):
    opened = sx.open_corpus(folder)
    sx.open_corpus(folder).compact(progress=False)
    BOTH.save(folder, overwrite=True)
    for read in (opened.load, lambda: opened.sql("FROM tokens")):
        with pytest.raises(InputError, match=r"was replaced after .*Open it again: sx\.open_corpus"):
            read()


def test_parts_of_each_partition_are_joined_and_divided(tmp_path):
    folder = tmp_path / "c"
    save_by_split(folder)
    corpus_of("g", "h", "i", split=["s", "t", "s"], room=pd.Categorical(["big", "big", "hall"])).save(
        folder, append=True
    )
    loaded = sx.read_corpus(folder)
    compacted = sx.open_corpus(folder).compact(tokens_per_part=6, progress=False)
    assert compacted.load().equals(loaded, provenance=True)
    paths = [path.parent.name for path in sorted((folder / "recordings").rglob("part-*.parquet"))]
    assert sorted(paths) == ["split=__HIVE_DEFAULT_PARTITION__", "split=s", "split=s", "split=s", "split=t", "split=t"]
    names = sorted(path.name for path in folder.rglob("*"))
    sx.open_corpus(folder).compact(tokens_per_part=6, progress=False)
    assert sorted(path.name for path in folder.rglob("*")) == names
    again = sx.open_corpus(folder).compact(progress=False)
    assert [len(part) for part in again.parts()] == [1, 6, 3]
    assert again.load().equals(loaded, provenance=True)
    assert again.sql("SELECT DISTINCT split FROM recordings ORDER BY split")["split"].dropna().tolist() == ["s", "t"]


@pytest.mark.parametrize("partition_by", [None, "split"])
def test_a_large_save_has_several_parts(tmp_path, monkeypatch, partition_by):
    monkeypatch.setattr(parquet, "TOKENS_PER_PART", 3)
    folder = tmp_path / "c"
    BOTH.save(folder, partition_by=partition_by)
    assert [len(part.tokens) for part in sx.open_corpus(folder).parts()] == [3] * 6
    assert sx.read_corpus(folder).equals(BOTH, provenance=True)
    more = corpus_of("g", "h", split=["s", "s"])
    more.save(folder, append=True)
    assert sx.read_corpus(folder).equals(sx.concat([BOTH, more]), provenance=True)
    compacted = sx.open_corpus(folder).compact(tokens_per_part=3, progress=False)
    assert compacted.load().equals(sx.concat([BOTH, more]), provenance=True)
    if partition_by is None:  # Runs can go on with saves of one part only.
        assert {part.note.pieces for part in find_parts(folder)} == {1}


def test_words_of_the_former_parts_are_deleted(folder):
    opened = sx.open_corpus(folder)
    opened.materialize(progress=False)
    compacted = opened.compact(progress=False)
    assert not list((folder / "words").rglob("*.parquet"))
    assert sorted(compacted.sql("FROM words")["text"]) == sorted(BOTH.words()["text"])


class Killed(BaseException):
    """The end of a process at this moment: nothing is tidied up."""


@pytest.mark.parametrize("is_killed", [True, False])
@pytest.mark.parametrize("at", range(16))
def test_a_compaction_that_ends_at_any_moment(folder, monkeypatch, at, is_killed):
    """Whichever write or deletion is the last one, the corpus is the same, and can be compacted and appended to."""
    steps = iter(range(1000))

    def counted(action):
        def step(*args, **kwargs):
            number = next(steps)
            if number == at or (is_killed and number > at):
                raise Killed
            return action(*args, **kwargs)

        return step

    with monkeypatch.context() as patched:
        patched.setattr(compaction, "write_saves", counted(compaction.write_saves))
        patched.setattr(compaction, "_write", counted(compaction._write))
        patched.setattr(compaction.Path, "unlink", counted(compaction.Path.unlink))
        try:
            sx.open_corpus(folder).compact(tokens_per_part=9, progress=False)
        except Killed:
            pass
        else:
            assert at > 10
    assert sx.read_corpus(folder).equals(BOTH, provenance=True)
    sx.open_corpus(folder).compact(tokens_per_part=9, progress=False)
    assert sx.read_corpus(folder).equals(BOTH, provenance=True)
    more = corpus_of("g", split=["s"])
    more.save(folder, append=True)
    assert sx.read_corpus(folder).equals(sx.concat([BOTH, more]))


def test_writers_wait_for_each_other(folder, monkeypatch):
    locks = []
    original = compaction._compact

    def checked(*given):
        with pytest.raises(filelock.Timeout):
            filelock.FileLock(folder / ".corpus.lock").acquire(timeout=0)
        with pytest.raises(filelock.Timeout):
            filelock.FileLock(folder / parquet.RUN_LOCK).acquire(timeout=0)
        locks.append(1)
        return original(*given)

    monkeypatch.setattr(compaction, "_compact", checked)
    sx.open_corpus(folder).compact(progress=False)
    assert locks == [1]


def test_a_run_is_not_disturbed(folder):
    with filelock.FileLock(folder / parquet.RUN_LOCK), pytest.raises(InputError, match="a run is writing its corpus"):
        sx.open_corpus(folder).compact()
    sx.open_corpus(folder).compact(progress=False)


def test_what_cannot_be_compacted(folder):
    with pytest.raises(InputError, match="only whole corpora"):
        sx.open_corpus(folder).select(["a"]).compact()
    with pytest.raises(InputError, match="tokens_per_part"):
        sx.open_corpus(folder).compact(tokens_per_part=0)


def test_a_full_disk_leaves_the_corpus_as_it_was(folder, monkeypatch):
    def full(path, table):
        if "recordings" in path.parts:
            raise OSError(28, "No space left on device")
        return original(path, table)

    original = compaction._write
    names = sorted(path.name for path in folder.rglob("*.parquet"))
    monkeypatch.setattr(compaction, "_write", full)
    with pytest.raises(InputError, match="Free disk space"):
        sx.open_corpus(folder).compact(progress=False)
    assert sorted(path.name for path in folder.rglob("*.parquet")) == names
    assert sx.read_corpus(folder).equals(BOTH)


def test_recordings_without_tokens_are_kept(tmp_path):
    for number in range(4):
        recordings = pd.DataFrame({"audio_id": [f"x{number}"], "status": "failed"})
        sx.Corpus(recordings).save(tmp_path, append=True)
    loaded = sx.read_corpus(tmp_path)
    assert sx.open_corpus(tmp_path).compact(progress=False).load().equals(loaded)
    assert len(list((tmp_path / "tokens").iterdir())) == 1
