"""Audio in object stores: what is found there, and how it is read, on a store in memory and on an S3 server."""

import hashlib
import io
import sys
from dataclasses import replace

import fsspec
import numpy as np
import pandas as pd
import pytest
from batches import wav
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given
from hypothesis import strategies as st
from s3_server import KEY, SECRET, s3_server

from soniox_ds.exceptions import InputError, SetupError, SourceError
from soniox_ds.options.addresses import unsigned_url
from soniox_ds.sources import stores
from soniox_ds.sources.inspection import inspect, look_up
from soniox_ds.sources.parts import Part, write_part
from soniox_ds.sources.search import find_recordings
from soniox_ds.sources.stores import StoredObject
from soniox_ds.stores.store import StoreError, Stores, public_store_url


@pytest.fixture
def memory():
    store = fsspec.filesystem("memory")
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]


@pytest.fixture(scope="module")
def s3():
    with s3_server() as server:
        server.fill("calls", {"a.wav": wav(1), "b/c.wav": wav(2)})
        yield server
        server.before = None


def stored(url, **options) -> StoredObject:
    store, path = Stores(options).open(url)
    return StoredObject(public_store_url(url), store, path).looked_up()


def fill(memory, **objects):
    for name, content in objects.items():
        memory.pipe_file(f"/calls/{name}", content)


def ids(found) -> list[str]:
    return [recording.audio_id for recording in found.recordings]


# -- what is found -----------------------------------------------------------------------------------------------------


def test_a_folder_of_a_store_is_like_a_local_folder(memory, tmp_path):
    files = {
        "b.wav": b"2",
        "sub/a.WAV": b"1",
        "sub/a.WAV.txt": b"hello\n",
        "b.txt": b"",
        "notes.md": b"",
        ".hidden/x.wav": b"",
        "sub/.x.wav": b"",
    }
    for name, content in files.items():
        memory.pipe_file(f"/calls/{name}", content)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    local = find_recordings(tmp_path)
    for url in ("memory://calls/", "memory://calls"):
        found = find_recordings(url)
        assert ids(found) == ids(local) == ["b.wav", "sub/a.WAV"]
        assert found.metadata["reference"].tolist() == local.metadata["reference"].tolist() == ["", "hello"]
        assert [r.source for r in found.recordings] == ["memory://calls/b.wav", "memory://calls/sub/a.WAV"]


def test_a_glob_of_a_store_is_like_a_local_glob(memory, tmp_path):
    for name in ("a.wav", "b.mp3", "sub/c.wav", "sub/deep/d.wav", ".x/e.wav"):
        memory.pipe_file(f"/calls/{name}", b"1")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"1")
    for pattern in ("*.wav", "**/*.wav", "sub/*", "*/*.wav"):
        assert ids(find_recordings(f"memory://calls/{pattern}")) == ids(find_recordings(f"{tmp_path}/{pattern}"))


def test_an_object_whose_name_looks_like_a_pattern_comes_first(memory):
    fill(memory, **{"take [1].wav": b"1", "take 1.wav": b"2"})
    assert ids(find_recordings("memory://calls/take [1].wav")) == ["memory://calls/take [1].wav"]


def test_the_id_of_an_object_is_its_url_and_that_of_a_local_url_is_its_path(memory, tmp_path):
    (tmp_path / "a b.wav").write_bytes(b"1")
    found = find_recordings(["memory://calls/a.wav", (tmp_path / "a b.wav").as_uri()])
    assert ids(found) == ["memory://calls/a.wav", "a b.wav"]
    assert found.recordings[1].path == tmp_path / "a b.wav"


def test_equal_names_of_two_folders_get_their_folders_in_front(memory):
    memory.pipe_file("/x/1.wav", b"")
    memory.pipe_file("/y/1.wav", b"")
    assert ids(find_recordings(["memory://x/", "memory://y/"])) == ["x/1.wav", "y/1.wav"]
    twice = find_recordings(["memory://x/1.wav", "memory://x/1.wav"]).recordings
    assert [r.error_type for r in twice] == [None, "duplicate_id"]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_manifest_in_a_store_names_objects_beside_it(memory, ending):
    table = pd.DataFrame({"source": ["a.wav", "sub/b.wav", "memory://other/c.wav", "https://host.example/d.wav"]})
    table["n"] = range(4)
    write = {"csv": lambda: table.to_csv(index=False).encode(), "parquet": table.to_parquet}.get(ending)
    content = write() if write else table.to_json(orient="records", lines=True).encode()
    memory.pipe_file(f"/calls/list.{ending}", content)
    found = find_recordings(f"memory://calls/list.{ending}")
    assert ids(found) == ["a.wav", "sub/b.wav", "memory://other/c.wav", "https://host.example/d.wav"]
    assert [r.stored and r.stored.url for r in found.recordings] == [
        "memory://calls/a.wav",
        "memory://calls/sub/b.wav",
        "memory://other/c.wav",
        None,
    ]
    assert found.metadata["n"].tolist() == [0, 1, 2, 3]


def test_a_local_table_names_objects(memory):
    found = find_recordings(pd.DataFrame({"audio_id": ["x"], "source": ["memory://calls/a.wav"]}))
    assert ids(found) == ["x"]
    assert found.recordings[0].stored is not None


def test_what_is_refused(memory, monkeypatch):
    fill(memory, **{"notes.md": b""})
    with pytest.raises(SourceError, match=r"no audio in the folder 'memory://calls/'.*\.md"):
        find_recordings("memory://calls/")
    with pytest.raises(SourceError, match="does not exist"):
        find_recordings("memory://calls/list.csv")
    with pytest.raises(SourceError, match="no source is in an object store"):
        find_recordings(b"1", storage_options={"key": "x"})
    with pytest.raises(InputError, match="a dict of the options of fsspec"):
        find_recordings("memory://calls/a.wav", storage_options="key")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(SetupError, match="pip install s3fs"):
        find_recordings("s3://calls/a.wav")


def test_options_are_for_one_kind_of_store(memory):
    with pytest.raises(SourceError, match="one kind of store") as caught:
        find_recordings(["memory://a.wav", "s3://calls/a.wav"], storage_options={"key": "hidden-credential"})
    assert "hidden-credential" not in str(caught.value)


# -- how it is read ----------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200), st.integers(1, 50))
def test_blocks_are_the_object(content, block_bytes):
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/laws/a.wav", content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stores, "BLOCK_BYTES", block_bytes)
        audio = stored("memory://laws/a.wav")
        blocks = list(audio.blocks())
        assert b"".join(blocks) == content
        assert all(0 < len(block) <= block_bytes for block in blocks)
        with audio.open() as file, io.BytesIO(content) as same:
            for offset, whence, count in [(3, 0, 7), (-2, 2, 9), (0, 1, 1), (0, 0, -1)]:
                if whence == 2 and len(content) < 2:
                    continue
                assert file.seek(offset, whence) == same.seek(offset, whence)
                assert file.read(count) == same.read(count)


def test_inspection_of_an_object_finds_what_that_of_the_file_finds(s3, tmp_path, monkeypatch):
    content = wav(3, seconds=2, channels=2)
    (tmp_path / "x.wav").write_bytes(content)
    s3.fill("calls", {"x.wav": content})
    local = inspect(find_recordings(tmp_path / "x.wav").recordings[0])
    for read_once_bytes in (1 << 20, 10):
        monkeypatch.setattr("soniox_ds.sources.inspection._READ_ONCE_BYTES", read_once_bytes)
        [recording] = find_recordings("s3://calls/x.wav", storage_options=s3.storage_options).recordings
        inspect(recording)
        for name in ("error_type", "sha256", "size_bytes", "duration_ms", "channels", "warnings", "filename"):
            assert getattr(recording, name) == getattr(local, name), name


def test_a_small_object_is_read_once_for_its_inspection(s3):
    [recording] = find_recordings("s3://calls/b/c.wav", storage_options=s3.storage_options).recordings
    s3.requests.clear()
    inspect(recording)
    assert [each.method for each in s3.requests] == ["HEAD", "GET", "HEAD"]


def test_a_part_is_cut_out_of_an_object(s3, tmp_path):
    content = wav(4, seconds=2, channels=2)
    s3.fill("calls", {"two.wav": content})
    part = Part(channel=2, start_ms=500, end_ms=1500, is_cut=True)
    write_part(stored("s3://calls/two.wav", **s3.storage_options), part, tmp_path / "stored.flac")
    write_part(content, part, tmp_path / "local.flac")
    assert (tmp_path / "stored.flac").read_bytes() == (tmp_path / "local.flac").read_bytes()


@pytest.mark.parametrize("changed", [b"2" * 10, b"1" * 9, b""])
def test_a_change_is_seen_before_the_last_block(memory, monkeypatch, changed):
    monkeypatch.setattr(stores, "BLOCK_BYTES", 4)
    fill(memory, **{"a.wav": b"1" * 10})
    audio = replace(stored("memory://calls/a.wav"), sha256=hashlib.sha256(b"1" * 10).hexdigest())
    fill(memory, **{"a.wav": changed})
    blocks = []
    with pytest.raises(StoreError, match="changed while it was being read"):
        blocks.extend(audio.blocks())
    with pytest.raises(StoreError, match="changed while it was being read"):
        audio.check_unchanged()
    assert sum(map(len, blocks)) < 10


def test_an_object_that_is_replaced_between_two_looks_is_inspected_again(memory):
    fill(memory, **{"a.wav": wav(1)})
    [recording] = find_recordings("memory://calls/a.wav").recordings
    first = inspect(look_up(recording)).sha256
    fill(memory, **{"a.wav": wav(2)})
    assert inspect(look_up(recording)).sha256 == hashlib.sha256(wav(2)).hexdigest() != first


@pytest.mark.parametrize("lfs", [{"sha256": "7f" * 32}, type("Lfs", (), {"sha256": "7f" * 32})()])
def test_the_hash_of_a_large_file_of_the_hub_is_known_without_reading_it(memory, monkeypatch, lfs):
    fill(memory, **{"a.wav": wav(1)})
    usual = MemoryFileSystem.info
    monkeypatch.setattr(MemoryFileSystem, "info", lambda self, *a, **k: {**usual(self, *a, **k), "lfs": lfs})
    assert stored("memory://calls/a.wav").sha256 == "7f" * 32


# -- what goes wrong ---------------------------------------------------------------------------------------------------


def test_errors_of_the_store_are_reasons_of_the_row(s3, monkeypatch):
    def outcome(sources):
        [recording] = find_recordings(sources, storage_options=s3.storage_options).recordings
        return look_up(recording)

    assert outcome("s3://calls/none.wav").error_type == "file_not_found"
    assert outcome("s3://nobucket/none.wav").error_type == "file_not_found"
    assert outcome(pd.DataFrame({"source": ["s3://calls/b"]})).error_type == "not_a_file"
    monkeypatch.setattr(s3, "before", lambda request: "403 Forbidden")
    denied = outcome("s3://calls/a.wav")
    assert denied.error_type == "permission_denied"
    assert "storage_options" in str(denied.error_message)
    with pytest.raises(SourceError, match="may not be read"):
        find_recordings("s3://calls/", storage_options=s3.storage_options)


def test_without_credentials_the_error_says_where_to_give_them(s3, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    options = {"endpoint_url": s3.url}
    [recording] = find_recordings("s3://calls/a.wav", storage_options=options).recordings
    assert look_up(recording).error_type == "permission_denied"


def test_reads_are_tried_again(s3, monkeypatch):
    failures = iter(["500 Internal Server Error"] * 2)
    monkeypatch.setattr(s3, "before", lambda request: next(failures, None) if request.range else None)
    [recording] = find_recordings("s3://calls/a.wav", storage_options=s3.storage_options).recordings
    assert inspect(recording).sha256 == hashlib.sha256(wav(1)).hexdigest()


def test_a_store_that_times_out_is_tried_again_and_then_named(memory, monkeypatch):
    fill(memory, **{"a.wav": wav(1)})
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    calls = []

    def late(self, path, **_):
        calls.append(path)
        raise TimeoutError

    monkeypatch.setattr(MemoryFileSystem, "cat_file", late)
    [recording] = find_recordings("memory://calls/a.wav").recordings
    inspect(recording)
    assert (recording.error_type, len(calls)) == ("unreadable", 4)
    assert "did not answer in time" in str(recording.error_message)


def test_no_credential_is_shown(s3, monkeypatch):
    found = find_recordings(["s3://calls/a.wav", "s3://calls/b/c.wav"], storage_options=s3.storage_options)
    for recording in found.recordings:
        inspect(recording)
        assert SECRET not in repr(recording)
        assert KEY not in repr(recording)
        assert "Signature=" in recording.stored.signed_url()
    usual = found.recordings[0].stored.store._fs

    def leaking(*_, **__):
        raise OSError(f"could not use {SECRET} for https://bucket.example/a.wav?Signature=leak")

    monkeypatch.setattr(usual, "info", leaking)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(StoreError) as caught:
        found.recordings[0].stored.looked_up()
    assert SECRET not in str(caught.value)
    assert "leak" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_store_that_cannot_sign_says_so(memory):
    fill(memory, **{"a.wav": wav(1)})
    [recording] = find_recordings("memory://calls/a.wav").recordings
    recording.is_signed = True
    assert look_up(recording).error_type == "url_not_signed"
    assert "leave signed_urls out" in str(recording.error_message)


# -- addresses ---------------------------------------------------------------------------------------------------------

URL = "https://host.example/a.wav"


@pytest.mark.parametrize(
    ("url", "unsigned"),
    [
        (URL, URL),
        (
            f"{URL}?X-Amz-Algorithm=A&X-Amz-Expires=9&versionId=3&X-Amz-Signature=1&x-id=GetObject",
            "?versionId=3&x-id=GetObject",
        ),
        (f"{URL}?AWSAccessKeyId=1&Signature=2&Expires=3", ""),
        (f"{URL}?GoogleAccessId=1&Signature=2&Expires=3&generation=7", "?generation=7"),
        (f"{URL}?X-Goog-Algorithm=A&X-Goog-Signature=1", ""),
        (f"{URL}?Policy=1&Signature=2&Key-Pair-Id=3", ""),
        (f"{URL}?sv=2024&sp=r&se=2026&sig=1&snapshot=7", "?snapshot=7"),
        (f"{URL}?key=7&token=8", "?key=7&token=8"),
        (f"{URL}?signature=1&expires=2", "?signature=1&expires=2"),
        (f"{URL}?sig=1", "?sig=1"),
        (f"{URL}?X-Amz-Signature=1#part", "#part"),
    ],
)
def test_only_signatures_of_known_stores_are_removed(url, unsigned):
    assert unsigned_url(url) == (unsigned if unsigned.startswith("https") else URL + unsigned)


def test_the_public_form_of_a_store_url():
    assert public_store_url("sftp://me:pw@host/a.wav") == "sftp://host/a.wav"
    assert public_store_url("abfs://container@account.example/a.wav") == "abfs://container@account.example/a.wav"
    assert public_store_url("s3://bucket/a#1?.wav") == "s3://bucket/a#1?.wav"
    assert public_store_url("s3://bucket/a.wav?versionId=x3") == "s3://bucket/a.wav?versionId=x3"
    assert np.all([public_store_url(url) == url for url in ("s3://bucket", "hf://datasets/a/b@main/c.wav")])
