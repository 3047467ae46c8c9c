"""Compacted corpora are the same corpora in other parts, whatever interrupts the compaction."""

from __future__ import annotations

import filelock
import pandas as pd
import pytest
from test_opened_corpora import ONE, THREE, TWO, corpus_of, save_by_split, save_in_saves

import soniox_ds as sx
from soniox_ds.corpus import compaction, parquet
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


def test_readers_that_have_it_open_are_told(folder):
    opened = sx.open_corpus(folder)
    parts = opened.parts()
    next(parts)
    sx.open_corpus(folder).compact(progress=False)
    for read in (lambda: next(parts), opened.load, lambda: opened.sql("FROM tokens")):
        with pytest.raises(InputError, match=r"replaced or compacted .*Open it again: sx\.open_corpus"):
            read()


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


def test_what_cannot_be_compacted(folder, tmp_path):
    with pytest.raises(InputError, match="only whole corpora"):
        sx.open_corpus(folder).select(["a"]).compact()
    with pytest.raises(InputError, match="tokens_per_part"):
        sx.open_corpus(folder).compact(tokens_per_part=0)
    save_by_split(tmp_path / "p")
    with pytest.raises(InputError, match="partitioned by 'split'"):
        sx.open_corpus(tmp_path / "p").compact()


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
