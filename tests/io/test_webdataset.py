"""Shards of WebDataset: read by the package `webdataset`, by `datasets` and by tarfile."""

from __future__ import annotations

import json
import tarfile
from itertools import pairwise

import datasets
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transcripts import ODD_TEXTS, corpus_of, segments_of
from webdataset.tariterators import group_by_keys, tar_file_expander

import soniox_ds as sx
from soniox_ds.exceptions import InputError

KEYS = {
    "calls/7.wav": "calls/7",
    "v1.2/talk.part 1.MP3": "v1_2/talk_part 1",
    ".hidden.wav": "_hidden",
    "__meta__/..x.wav": "_meta__/_x",
    "https://user:pw@host.example/a/b.mp3?token=1": "host_example/a/b",
    "../שלום.flac": "שלום",
    "noextension": "noextension",
}


def with_audio(folder, names=KEYS, size=100):
    """A corpus of recordings with files of some bytes."""
    corpus = corpus_of(dict(zip(names, list(ODD_TEXTS.values()) * len(names), strict=False)))
    sources = []
    for number, name in enumerate(names):
        extension = name.rpartition("?")[0] or name
        extension = extension.rpartition(".")[2] if "." in extension.rpartition("/")[2] else ""
        source = folder / (f"{number}.{extension}" if extension else str(number))
        source.write_bytes(bytes([number % 256]) * size)
        sources.append(str(source))
    return sx.Corpus(corpus.recordings.assign(source=sources, split="test", group=None), corpus.tokens)


def samples_in(folder):
    """The samples that the package `webdataset` reads."""
    samples = []
    for file in sorted(folder.iterdir()):
        with file.open("rb") as stream:
            samples += group_by_keys(tar_file_expander([{"url": str(file), "stream": stream}]))
    return samples


def test_webdataset_reads_every_recording_whatever_its_name(tmp_path):
    corpus = with_audio(tmp_path)
    corpus.to_webdataset(tmp_path / "shards")
    samples = samples_in(tmp_path / "shards")
    assert [sample["__key__"] for sample in samples] == list(KEYS.values())
    texts = dict(zip(corpus.texts()["audio_id"], corpus.texts()["text"], strict=True))
    words = corpus.words()
    for number, (audio_id, sample) in enumerate(zip(KEYS, samples, strict=True)):
        [extension] = [name for name in sample if name not in ("json", "txt") and not name.startswith("__")]
        assert extension == ["wav", "mp3", "wav", "wav", "mp3", "flac", "audio"][number]
        assert sample[extension] == bytes([number]) * 100
        assert sample["txt"].decode() == texts[audio_id]
        content = json.loads(sample["json"])
        assert (content["audio_id"], content["text"], content["split"]) == (audio_id, texts[audio_id], "test")
        spoken = words[words["audio_id"] == audio_id]
        assert [word["text"] for word in content["words"]] == spoken["text"].tolist()
        assert [word["start_ms"] for word in content["words"]] == spoken["start_ms"].tolist()
        assert "error_type" not in content, "columns without values are left out"
        assert "group" not in content


def test_datasets_reads_the_shards(tmp_path):
    """Without the audio, which `datasets` does not load without torch."""
    datasets.disable_progress_bars()
    corpus = with_audio(tmp_path, [f"{name}.wav" for name in ("a.1", "b", "calls/c")])
    corpus.to_webdataset(tmp_path / "shards", max_recordings=2, with_audio=False)
    files = sorted(str(file) for file in (tmp_path / "shards").iterdir())
    loaded = datasets.load_dataset("webdataset", data_files=files, split="train", cache_dir=tmp_path / "cache")
    assert loaded["__key__"][:] == ["a_1", "b", "calls/c"]
    assert [content["audio_id"] for content in loaded["json"]] == list(corpus)
    assert loaded["txt"][:] == corpus.texts()["text"].tolist()


def test_the_same_corpus_gives_the_same_bytes(tmp_path):
    corpus = with_audio(tmp_path)
    for name in ("one", "two"):
        corpus.to_webdataset(tmp_path / name, max_recordings=3)
    one, two = ({file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert sorted(one) == ["shard-000000.tar", "shard-000001.tar", "shard-000002.tar"]
    assert one == two
    with tarfile.open(tmp_path / "one" / "shard-000000.tar") as shard:
        facts = {(each.mtime, each.uid, each.gid, each.uname, each.gname, each.mode) for each in shard}
        assert facts == {(0, 0, 0, "", "", 0o644)}


@settings(max_examples=20)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 511, 512, 513, 9_000, 30_000]), min_size=1, max_size=12),
    max_recordings=st.integers(1, 5),
    max_bytes=st.sampled_from([1, 10_240, 20_480, 40_960, 10**9]),
)
def test_shards_are_as_few_and_as_small_as_asked_for(tmp_path_factory, sizes, max_recordings, max_bytes):
    folder = tmp_path_factory.mktemp("audio")
    corpus = with_audio(folder, [f"{n}.wav" for n in range(len(sizes))])
    for source, size in zip(corpus.recordings["source"], sizes, strict=True):
        with open(source, "wb") as file:
            file.write(bytes(size))
    corpus.to_webdataset(folder / "shards", max_recordings=max_recordings, max_bytes=max_bytes)
    keys, files = [], sorted((folder / "shards").iterdir())
    for file in files:
        with tarfile.open(file) as shard:
            of_shard = [each.name.partition(".")[0] for each in shard if each.name.endswith(".wav")]
        assert len(of_shard) <= max_recordings
        assert file.stat().st_size <= max_bytes or len(of_shard) == 1
        keys.append(of_shard)
    assert [key for of_shard in keys for key in of_shard] == [str(n) for n in range(len(sizes))]
    # No shard could hold the first recording of the next one, too.
    for of_shard, following in pairwise(keys):
        both = corpus.select([f"{key}.wav" for key in (*of_shard, following[0])])
        both.to_webdataset(folder / "both")
        [file] = (folder / "both").iterdir()
        assert len(of_shard) == max_recordings or file.stat().st_size > max_bytes


def test_tables_and_texts_without_audio(tmp_path):
    corpus = with_audio(tmp_path, ["a.wav"])
    corpus.to_webdataset(tmp_path / "one", with_audio=False)
    rows = segments_of([("a.wav", "Anna", 0, 500, "one\ttwo"), ("b", None, 0, 400, "")])
    sx.io.write_webdataset(rows, tmp_path / "two")
    for name, keys in (("one", ["a"]), ("two", ["a", "b"])):
        samples = samples_in(tmp_path / name)
        assert [sample["__key__"] for sample in samples] == keys
        assert {key for sample in samples for key in sample if not key.startswith("__")} == {"json", "txt"}
    first, second = (json.loads(sample["json"]) for sample in samples)
    assert (first["text"], first["segments"][0]["speaker"], second["text"]) == ("one two", "Anna", "")
    assert "words" not in first


def test_silent_and_failed_recordings(tmp_path):
    corpus = corpus_of({"a": "", "b": "yes"}, failed=["c"])
    with pytest.warns(UserWarning, match="WebDataset: 1 of 3 recordings are left out because they have failed: 'c'"):
        corpus.to_webdataset(tmp_path / "shards", with_audio=False)
    assert [sample["txt"] for sample in samples_in(tmp_path / "shards")] == [b"", b"yes"]


def test_shards_are_replaced_and_other_files_are_not(tmp_path):
    corpus = with_audio(tmp_path, ["a.wav", "b.wav"])
    corpus.to_webdataset(tmp_path / "shards", max_recordings=1)
    assert len(list((tmp_path / "shards").iterdir())) == 2
    with pytest.raises(InputError, match=r"the audio of 'c\.wav' is not known: .*with_audio="):
        corpus_of({"c.wav": "yes"}).to_webdataset(tmp_path / "shards")
    assert len(list((tmp_path / "shards").iterdir())) == 2, "they are kept if an error occurs"
    corpus.to_webdataset(tmp_path / "shards")
    assert [file.name for file in (tmp_path / "shards").iterdir()] == ["shard-000000.tar"]
    (tmp_path / "shards" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not an empty folder and holds more than shards"):
        corpus.to_webdataset(tmp_path / "shards")
    with pytest.raises(InputError, match="is not an empty folder"):
        corpus.to_webdataset(tmp_path / "shards" / "notes.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.wav", "1.wav", "shards"], "nothing is left beside"


def test_errors(tmp_path):
    corpus = with_audio(tmp_path, ["a.b.wav", "A_b.mp3"])
    with pytest.raises(InputError, match=r"'a\.b\.wav' and 'A_b\.mp3' have the same key 'A_b' in WebDataset; rename"):
        corpus.to_webdataset(tmp_path / "shards")
    with pytest.raises(InputError, match="max_recordings is 0"):
        corpus.to_webdataset(tmp_path / "shards", max_recordings=0)
    with pytest.raises(InputError, match=r"max_bytes is 1\.5"):
        corpus.to_webdataset(tmp_path / "shards", max_bytes=1.5)
    recordings = corpus.recordings.assign(source=["https://host.example/a.wav", pd.NA])
    with pytest.raises(InputError, match=r"'a\.b\.wav' cannot be read from https:/+host.example/a\.wav: No such file"):
        sx.Corpus(recordings, corpus.tokens).select(["a.b.wav"]).to_webdataset(tmp_path / "shards")
    assert not (tmp_path / "shards").exists()
