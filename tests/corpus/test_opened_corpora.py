"""Opened corpora are the loaded ones, and read no more than they need."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import soniox_ds as sx
from soniox_ds.corpus import snapshot
from soniox_ds.corpus.provenance import new_provenance, new_run
from soniox_ds.exceptions import InputError


def corpus_of(*audio_ids, **columns):
    recordings = pd.DataFrame(
        {
            "audio_id": list(audio_ids),
            "status": ["failed" if name.startswith("x") else "completed" for name in audio_ids],
            "error_type": [f"e{name}" if name.startswith("x") else None for name in audio_ids],
            "text": [None if name.startswith("x") else f"Hello, {name}" for name in audio_ids],
            "duration_ms": 1000,
            "cost_usd": 0.5,
            **columns,
        }
    )
    tokens = pd.DataFrame(
        {"audio_id": name, "token_index": index, "text": text, "start_ms": 60 * index, "end_ms": 60 * index + 60}
        for name in audio_ids
        if not name.startswith("x")
        for index, text in enumerate(["Hel", "lo,", f" {name}"])
    )
    run = new_run(service="x", model=f"m-{audio_ids[0]}", options={})
    return sx.Corpus(recordings, tokens, new_provenance(run))


ONE = corpus_of("a", "b", "x1", "c", split=["s", "t", "s", "s"], n=[1, 2, 3, 4])
TWO = corpus_of("e", "d", split=["t", None], room=pd.Categorical(["big", "small"]))
THREE = corpus_of("f", split=["s"], room=pd.Categorical(["big"]))


def save_in_saves(folder):
    for corpus in (ONE, TWO, THREE):
        corpus.save(folder, append=True)


def save_by_split(folder):
    ONE.save(folder, partition_by="split")
    TWO.save(folder, append=True)
    THREE.save(folder, append=True)


@pytest.fixture(params=[save_in_saves, save_by_split])
def folder(request, tmp_path):
    request.param(tmp_path / "c")
    return tmp_path / "c"


def test_it_loads_what_was_saved(folder):
    opened, loaded = sx.open_corpus(folder), sx.concat([ONE, TWO, THREE])
    assert opened.load().equals(loaded, provenance=True)
    assert sx.read_corpus(folder).equals(loaded, provenance=True)
    pd.testing.assert_frame_equal(opened.recordings, loaded.recordings)
    assert opened.provenance == loaded.provenance
    assert (len(opened), list(opened), opened.hours) == (len(loaded), list(loaded), loaded.hours)
    assert (opened.cost_usd, opened.metadata_columns) == (loaded.cost_usd, loaded.metadata_columns)
    pd.testing.assert_frame_equal(opened.cost, loaded.cost)
    assert "a" in opened
    assert "z" not in opened
    assert opened.failed.load().equals(loaded.failed)
    assert opened.completed.load().equals(loaded.completed)
    assert opened["d"].equals(loaded["d"])


def test_parts_are_corpora_with_the_columns_of_the_whole(folder):
    parts = list(sx.open_corpus(folder).parts())
    loaded = sx.read_corpus(folder)
    assert len(parts) == len(list((folder / "recordings").rglob("*.parquet"))) > 2
    assert all(list(part.recordings.dtypes) == list(loaded.recordings.dtypes) for part in parts)
    joined = sx.concat(parts)
    assert sorted(joined) == sorted(loaded)
    for part in parts:
        assert part.equals(loaded.select(list(part)))


@pytest.mark.parametrize(
    ("which", "columns"),
    [
        (["c", "f", "a"], {}),
        (None, {"split": "s"}),
        (None, {"split": [None, "t"], "status": "completed"}),
        ([True, False] * 3 + [True], {"room": "big"}),
        (["x1"], {}),
        ([], {}),
    ],
)
def test_selections_are_those_of_a_corpus(folder, which, columns):
    loaded = sx.read_corpus(folder).select(which, **columns)
    opened = sx.open_corpus(folder).select(which, **columns)
    assert opened.load().equals(loaded)
    assert sorted(name for part in opened.parts() for name in part) == sorted(loaded)
    pd.testing.assert_frame_equal(opened.recordings, loaded.recordings)
    again = [name for name in loaded if name in "abcd"]
    assert opened.select(again).load().equals(loaded.select(again))


def test_selecting_what_is_not_there(folder):
    opened = sx.open_corpus(folder)
    with pytest.raises(InputError, match="no recording has the id"):
        opened.select(["a", "z"])
    with pytest.raises(InputError, match=r"no column 'sex'; they have .*'split'"):
        opened.select(sex="f")
    with pytest.raises(InputError, match="the mask has 1 values for 7 recordings"):
        opened.select([True])
    with pytest.raises(InputError, match="takes one audio_id"):
        opened[["a"]]
    with pytest.raises(InputError, match="no column 'sex'"):
        opened.read_recordings(["sex"])
    with pytest.raises(InputError, match="a list of names"):
        opened.read_recordings("split")
    with pytest.raises(InputError, match=r"no columns \['sex'\]"):
        sx.open_corpus(folder, columns=["sex"])


def test_columns(folder):
    opened = sx.open_corpus(folder, columns=["n"])
    assert opened.metadata_columns == ["n"]
    assert opened.load().equals(sx.read_corpus(folder, columns=["n"]))
    table = opened.read_recordings(["n", "audio_id", "charged_usd"])
    assert list(table) == ["n", "audio_id", "charged_usd"]
    pd.testing.assert_frame_equal(table, sx.read_corpus(folder).recordings[["n", "audio_id", "charged_usd"]])


def test_no_tokens_are_read_unless_they_are_needed(folder, monkeypatch):
    read, original = [], snapshot.read_tokens
    monkeypatch.setattr(
        snapshot,
        "read_tokens",
        lambda part, *given, **options: read.append(part.path) or original(part, *given, **options),
    )
    opened = sx.open_corpus(folder)
    assert len(opened.recordings) == len(opened)
    assert repr(opened.select(split="t"))
    assert opened.hours
    part = opened.select(["e", "d"])
    assert not read
    assert list(part.load()) == ["e", "d"]
    in_files = {path.relative_to(folder / "tokens") for path in (folder / "tokens").rglob("part-000001-*")}
    assert set(read) == in_files


def test_the_display_is_that_of_a_corpus(folder):
    opened, loaded = sx.open_corpus(folder), sx.read_corpus(folder)
    name, facts = repr(opened).splitlines()[0].rsplit(": ", 1)
    assert name == f"Opened corpus in {folder}"
    n_parts = len(list((folder / "recordings").rglob("*.parquet")))
    assert facts == repr(loaded).splitlines()[0].removeprefix("Corpus: ").replace("tokens", f"tokens · {n_parts} parts")
    assert repr(opened).splitlines()[1:] == repr(loaded).splitlines()[1:]
    assert "failed: 1 × ex1" in repr(opened)
    assert "Hello, d" in opened._repr_html_()
    assert "<b>Opened corpus in" in opened._repr_html_()
    assert "token" not in repr(opened.select(["a"]))  # They are not counted without reading them.
    assert "0 recordings" in repr(opened.select([]))


def test_a_corpus_without_recordings(tmp_path):
    sx.concat([]).save(tmp_path)
    opened = sx.open_corpus(tmp_path)
    assert (len(opened), list(opened.parts())) == (0, [])
    assert opened.load().equals(sx.read_corpus(tmp_path))
    assert repr(opened).endswith("0 recordings, 0 completed · 0.0 s of audio · 0 tokens · 0 parts")


def test_tokens_are_not_in_memory(folder):
    with pytest.raises(InputError, match=r"not in memory\. Call corpus\.load\(\).*corpus\.parts\(\)"):
        sx.open_corpus(folder).tokens  # noqa: B018


def test_later_saves_appear_when_it_is_opened_again(folder):
    opened = sx.open_corpus(folder)
    corpus_of("g", split=["s"]).save(folder, append=True)
    assert len(opened) == len(opened.load()) == 7
    assert len(sx.open_corpus(folder)) == 8


def test_a_replaced_corpus_is_opened_again(folder):
    opened = sx.open_corpus(folder)
    ONE.save(folder, overwrite=True)
    for read in (opened.load, lambda: next(opened.parts()), lambda: opened.recordings):
        with pytest.raises(InputError, match=r"was replaced after it was opened\. Open it again: sx\.open_"):
            read()


# Bad folders


@pytest.mark.parametrize("kind", ["recordings", "tokens"])
@pytest.mark.parametrize("cut", [0, 0.5, -1])
def test_a_truncated_file_is_named(folder, kind, cut):
    path = sorted((folder / kind).rglob("part-000001-*.parquet"))[0]
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * cut) if cut >= 0 else -1])
    with pytest.raises(InputError, match=r"is damaged .*Restore the file") as caught:
        sx.open_corpus(folder).load()
    assert str(path) in str(caught.value)


def test_a_changed_file_is_named_when_it_is_read(folder):
    path = sorted((folder / "tokens").rglob("part-000000-*.parquet"))[0]
    raw = path.read_bytes()
    path.write_bytes(raw[:30] + bytes([raw[30] ^ 1]) + raw[31:])
    opened = sx.open_corpus(folder)
    assert opened.select(["f"]).load().equals(sx.concat([ONE, TWO, THREE]).select(["f"]))
    with pytest.raises(InputError, match="its checksum is wrong") as caught:
        opened.load()
    assert str(path) in str(caught.value)


def test_missing_and_foreign_files_are_named(folder, tmp_path):
    path = sorted((folder / "tokens").rglob("part-000001-*.parquet"))[0]
    path.rename(tmp_path / "aside")
    with pytest.raises(InputError, match="is missing, and the file of recordings with the same name needs it"):
        sx.open_corpus(folder)
    shutil.copy(tmp_path / "aside", path)
    pq.write_table(pq.read_table(path), folder / "recordings" / "part-9.parquet")
    with pytest.raises(
        InputError, match=r"part-9\.parquet was written as part-000001|was not written by soniox_ds|part-9"
    ):
        sx.open_corpus(folder)
    with pytest.raises(InputError, match="does not exist"):
        sx.open_corpus(tmp_path / "nothing")


def test_many_recordings_in_any_order(tmp_path):
    rng = np.random.default_rng(5)
    ids = [f"r{number}" for number in rng.permutation(60)]
    corpus = corpus_of(*ids, split=rng.choice(list("pqr"), 60))
    corpus.select(ids[:40]).save(tmp_path, partition_by="split")
    corpus.select(ids[40:]).save(tmp_path, append=True)
    opened = sx.open_corpus(tmp_path)
    assert opened.load().equals(corpus)
    for _ in range(5):
        mask = rng.random(60) < 0.4
        assert opened.select(mask).load().equals(corpus.select(mask))
        assert opened.select(mask).select(split="p").load().equals(corpus.select(mask).select(split="p"))
