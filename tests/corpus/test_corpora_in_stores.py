"""Corpora in object stores: on a store in memory, and on an S3 server with two writers, refusals and damage."""

from __future__ import annotations

import pickle
import re

import fsspec
import pandas as pd
import pytest
from s3_server import KEY, SECRET, s3_server
from test_opened_corpora import ONE, THREE, TWO

import soniox_ds as sx
from soniox_ds.api import retry
from soniox_ds.exceptions import InputError
from soniox_ds.stores import store as store_module

WHOLE = sx.concat([ONE, TWO, THREE])


@pytest.fixture(scope="module")
def server():
    with s3_server() as running:
        running.fill("corpora", {})
        yield running


@pytest.fixture
def s3(server):
    yield server
    server.before = None


@pytest.fixture(params=["memory", "s3"])
def place(request):
    """The URL of an empty folder, and the storage options for it."""
    if request.param == "memory":
        yield "memory://corpora/calls", {}
        fsspec.filesystem("memory").store.clear()
        return
    server = request.getfixturevalue("s3")
    yield "s3://corpora/place", {"storage_options": server.storage_options}
    fsspec.filesystem("s3", **server.storage_options).rm("corpora/place", recursive=True)


@pytest.fixture
def s3_corpus(s3, request):
    """The URL of a corpus of three parts, and a function that opens it."""
    url, options = (
        f"s3://corpora/{re.sub('[^a-z0-9]', '-', request.node.name)}",
        {"storage_options": s3.storage_options},
    )
    for part in (ONE, TWO, THREE):
        part.save(url, append=True, **options)
    return url, options


def objects(s3, url, kind=""):
    store = fsspec.filesystem("s3", **s3.storage_options)
    store.invalidate_cache()
    return store, sorted(store.find(f"{url}/{kind}".removeprefix("s3://")))


def save(url, options, partition_by=None):
    ONE.save(url, partition_by=partition_by, **options)
    TWO.save(url, append=True, **options)
    THREE.save(url, append=True, **options)


# -- the same as a local folder ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "partition_by"), [("memory", None), ("memory", "split"), ("s3", None)], indirect=["place"]
)
def test_a_corpus_in_a_store_is_like_one_in_a_local_folder(place, partition_by, tmp_path):
    url, options = place
    save(url, options, partition_by)
    opened = sx.open_corpus(f"{url}/", **options)
    assert opened.load().equals(WHOLE, provenance=True)
    assert sx.read_corpus(url, **options).equals(WHOLE, provenance=True)
    assert repr(opened).startswith(f"Opened corpus in {url}: 7 recordings")
    selection = opened.select(split="s").completed
    assert selection.load().equals(WHOLE.select(split="s").completed)
    assert opened["d"].equals(WHOLE["d"])
    assert sorted(name for part in opened.parts() for name in part) == sorted(WHOLE)
    assert sx.words(opened).equals(WHOLE.words())
    reader = pickle.loads(pickle.dumps(opened.part_readers()[1]))
    assert reader.read().equals(opened.part_readers()[1].read())
    save(tmp_path / "c", {}, partition_by)
    local = sx.open_corpus(tmp_path / "c")
    query = "SELECT split, count(*) AS n FROM tokens JOIN recordings USING (audio_id) GROUP BY split ORDER BY split"
    pd.testing.assert_frame_equal(opened.sql(query), local.sql(query))
    query = "SELECT text FROM words ORDER BY ALL"
    pd.testing.assert_frame_equal(selection.sql(query), local.select(split="s").completed.sql(query))
    opened.save_table("doubled", pd.DataFrame({"n": [2, 4]}))
    assert sx.open_corpus(url, **options).sql("SELECT * FROM doubled").to_dict("list") == {"n": [2, 4]}
    opened.materialize(progress=False)
    TWO.save(url, overwrite=True, **options)
    assert sx.read_corpus(url, **options).equals(TWO)
    assert sx.open_corpus(url, **options).sql("SELECT count(*) AS n FROM words")["n"].item() == len(TWO.words())


def test_saves_that_do_not_fit_are_refused(place):
    url, options = place
    ONE.save(url, **options)
    for folder, settings, message in [
        (url, {}, "is not empty"),
        (url, {"append": True}, "are in .* already"),
        (url, {"append": True, "overwrite": True}, "pass only one of them"),
        (url, {"append": True, "partition_by": "split"}, "partition_by=None, found 'split'"),
    ]:
        with pytest.raises(InputError, match=message):
            ONE.save(folder, **settings, **options)
    assert sx.read_corpus(url, **options).equals(ONE)
    with pytest.raises(InputError, match=r"contains no corpus"):
        sx.open_corpus(f"{url}/none", **options)
    with pytest.raises(InputError, match="only local folders can be compacted"):
        sx.open_corpus(url, **options).compact()


def test_urls_that_cannot_be_opened(tmp_path):
    with pytest.raises(InputError, match="no file system is known for nothing://"):
        sx.open_corpus("nothing://x")
    with pytest.raises(InputError, match="storage_options are for folders in stores"):
        sx.open_corpus(tmp_path, storage_options={"key": "k"})
    ONE.save(f"file://{tmp_path}/c")
    assert sx.open_corpus(f"file://{tmp_path}/c").load().equals(ONE)


# -- no more is read than is needed ------------------------------------------------------------------------------------


def test_opening_reads_the_ends_of_the_files_of_recordings(s3, s3_corpus):
    url, options = s3_corpus
    before = len(s3.requests)
    opened = sx.open_corpus(url, **options)
    assert len(opened) == 7
    reads = [request for request in s3.requests[before:] if request.method == "GET" and ".parquet" in request.path]
    assert len(reads) == 3
    assert all("/recordings/" in request.path and request.range == "bytes=-65536" for request in reads)
    before = len(s3.requests)
    opened.select(split="t").sql("SELECT count(*) FROM recordings")
    assert not [request for request in s3.requests[before:] if "/tokens/" in request.path]


# -- two writers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_first", [True, False])
def test_two_writers_on_s3_both_succeed(s3, is_first, request):
    url, options = (
        f"s3://corpora/{re.sub('[^a-z0-9]', '-', request.node.name)}",
        {"storage_options": s3.storage_options},
    )
    if not is_first:
        ONE.save(url, **options)
    others = iter([THREE])

    def interfere(asked):
        if asked.method == "PUT" and "/tokens/" in asked.path and (other := next(others, None)) is not None:
            other.save(url, append=True, **options)

    s3.before = interfere
    TWO.save(url, append=True, **options)
    s3.before = None
    expected = [THREE, TWO] if is_first else [ONE, THREE, TWO]
    assert sx.read_corpus(url, **options).equals(sx.concat(expected))
    _, paths = objects(s3, url)
    assert len(paths) == 2 * len(expected) + 1  # The files of the attempt that was in vain are deleted.


def test_what_two_writers_have_both_is_refused(s3, request):
    url, options = (
        f"s3://corpora/{re.sub('[^a-z0-9]', '-', request.node.name)}",
        {"storage_options": s3.storage_options},
    )
    others = iter([TWO])

    def interfere(asked):
        if asked.method == "PUT" and "/tokens/" in asked.path and (other := next(others, None)) is not None:
            other.save(url, append=True, **options)

    s3.before = interfere
    with pytest.raises(InputError, match=r"2 of 2 recordings are in .* already"):
        TWO.save(url, append=True, **options)
    s3.before = None
    assert sx.read_corpus(url, **options).equals(TWO)


def test_elsewhere_the_second_writer_is_refused(monkeypatch):
    url = "memory://corpora/written"
    ONE.save(url)
    write, refused = store_module.Store.write, []

    def interfere(self, path, content):
        if not refused:
            with pytest.raises(InputError) as raised:
                THREE.save(url, append=True)
            refused.append(str(raised.value))
        write(self, path, content)

    monkeypatch.setattr(store_module.Store, "write", interfere)
    TWO.save(url, append=True)
    assert f"another process is writing into {url}: {url}/.writer.json names it" in refused[0]
    assert "If it was killed, delete this object." in refused[0]
    assert sx.read_corpus(url).equals(sx.concat([ONE, TWO]))
    THREE.save(url, append=True)
    assert not fsspec.filesystem("memory").exists("/corpora/written/.writer.json")
    fsspec.filesystem("memory").store.clear()


# -- bad weather -------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch):
    """Make a single attempt for each read, because the libraries below repeat reads as well."""
    monkeypatch.setattr(store_module, "STORE_READ", retry.Backoff(attempts=1, initial_s=0.01, max_s=0.01))


def test_a_store_that_refuses_is_named_and_secrets_are_not(s3, s3_corpus, impatient):
    url, options = s3_corpus
    opened = sx.open_corpus(url, **options)
    s3.before = lambda request: "403 Forbidden"
    actions = [
        lambda: sx.open_corpus(url, **options),
        opened.load,
        lambda: opened.sql("SELECT count(*) FROM tokens"),
        lambda: opened.save_table("n", pd.DataFrame({"n": [1]})),
        lambda: ONE.save(f"{url}-new", **options),
    ]
    for action in actions:
        with pytest.raises(InputError, match="check the credentials in storage_options") as raised:
            action()
        assert f"{url}" in str(raised.value)
        assert KEY not in str(raised.value)
        assert SECRET not in str(raised.value)
    assert SECRET not in repr(opened.part_readers())


def test_reads_are_repeated_until_the_store_answers(s3, s3_corpus, monkeypatch):
    url, options = s3_corpus
    monkeypatch.setattr(store_module, "STORE_READ", retry.Backoff(attempts=3, initial_s=0.01, max_s=0.01))
    read, failures = store_module.Store.read_all, iter([TimeoutError(), ConnectionResetError()])

    def flaky(self, path):
        def request():
            if "/tokens/" in path and (failure := next(failures, None)) is not None:
                raise failure
            return read(self, path)

        return self._retried(request)

    monkeypatch.setattr(store_module.Store, "read_all", flaky)
    assert sx.open_corpus(url, **options).load().equals(WHOLE)


def test_a_store_that_does_not_answer_is_named(s3, s3_corpus, impatient, monkeypatch):
    url, options = s3_corpus
    opened = sx.open_corpus(url, **options)

    def late(*_, **__):
        raise TimeoutError("no answer in 60 s")

    part = opened.part_readers()[0].snapshot.parts[0].part
    monkeypatch.setattr(part.recordings.store._fs, "cat_file", late)
    with pytest.raises(InputError, match=f"{part.recordings} cannot be read: the store did not answer in time"):
        opened.part_readers()[0].read()


@pytest.mark.parametrize("kind", ["recordings", "tokens"])
def test_bad_objects_are_named(s3, s3_corpus, kind):
    url, options = s3_corpus
    store, paths = objects(s3, url, kind)
    path = next(path for path in paths if "part-000001" in path)
    content = store.cat_file(path)
    opened = sx.open_corpus(url, **options)
    store.pipe_file(path, content[:-20])
    with pytest.raises(InputError, match=f"s3://{path} is damaged"):
        opened.load()
    if kind == "tokens":
        assert list(opened.select(["a", "f"]).load()) == ["a", "f"]
    other = next(path for path in paths if "part-000000" in path)
    store.pipe_file(path, store.cat_file(other))  # An object that was exchanged for another.
    with pytest.raises(InputError, match=rf"s3://{path} (was written as|holds the tokens of)"):
        sx.open_corpus(url, **options).load()
    store.rm_file(path)
    expected = f"s3://{path} is missing" if kind == "tokens" else "lacks the files part-000001"
    with pytest.raises(InputError, match=expected):
        sx.open_corpus(url, **options)


def test_a_corpus_that_was_replaced_is_opened_again(s3, s3_corpus):
    url, options = s3_corpus
    opened = sx.open_corpus(url, **options)
    TWO.save(url, overwrite=True, **options)
    with pytest.raises(InputError, match=rf"replaced after it was opened. Open it again: sx.open_corpus\('{url}"):
        opened.load()


def test_a_save_that_is_under_way_is_not_seen(s3, s3_corpus):
    url, options = s3_corpus
    seen = []
    more = sx.Corpus(pd.DataFrame({"audio_id": ["z"], "status": "completed"}))

    def look(request):
        if request.method == "PUT" and request.path.endswith("_saves.json") and not seen:
            seen.append(None)
            seen.append(sx.read_corpus(url, **options))

    s3.before = look
    more.save(url, append=True, **options)
    s3.before = None
    assert seen[1].equals(WHOLE)
    assert len(sx.open_corpus(url, **options)) == 8
