"""Recordings in object stores, transcribed end to end: from an S3 server on this machine to the stand-in service."""

import hashlib
import json
import logging
import sqlite3
import threading
import warnings

import pandas as pd
import pytest
from batches import batch, leftovers, routes, settings_for, stand_in, transcribe, wav
from s3_server import KEY, SECRET, s3_server

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds.exceptions import OptionsError
from soniox_ds.sources import stores


@pytest.fixture
def service():
    with stand_in() as running:
        yield running


@pytest.fixture(scope="module")
def server():
    with s3_server() as running:
        yield running


@pytest.fixture
def s3(server):
    server.fill("calls", {f"{name}.wav": audio for name, audio in batch(3).items()})
    server.requests.clear()
    yield server
    server.before = None


async def from_store(sources, s3, service, tmp_path, **changes):
    return await transcribe(sources, service, tmp_path, **{"storage_options": s3.storage_options, **changes})


async def test_objects_are_transcribed_as_the_same_files_are(s3, service, tmp_path):
    stored = await from_store("s3://calls/", s3, service, tmp_path)
    assert stored.recordings["audio_id"].tolist() == ["r000.wav", "r001.wav", "r002.wav"]
    assert stored.recordings["source"].tolist() == [f"s3://calls/r00{n}.wav" for n in range(3)]
    assert stored.recordings["status"].eq("completed").all()
    assert leftovers(service) == []
    uploaded = service.created.total
    local = await transcribe({f"{name}.wav": audio for name, audio in batch(3).items()}, service, tmp_path)
    assert service.created.total == uploaded  # the same audio is the same job, wherever it lies
    assert local.recordings["sha256"].tolist() == stored.recordings["sha256"].tolist()
    pd.testing.assert_frame_equal(local.tokens, stored.tokens)


async def test_the_same_call_reads_nothing_again(s3, service, tmp_path):
    await from_store("s3://calls/", s3, service, tmp_path)
    assert len(s3.reads()) == 6  # one for the hash, and one for the upload
    s3.requests.clear()
    corpus = await from_store("s3://calls/", s3, service, tmp_path)
    assert corpus.recordings["status"].eq("completed").all()
    assert s3.reads() == []
    assert service.created.total == 3


async def test_a_large_object_is_streamed_block_by_block_and_never_lies_on_this_disk(
    s3, service, tmp_path, monkeypatch
):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    content = wav(7, seconds=600)  # 9.6 MB
    s3.fill("large", {"a.wav": content})
    corpus = await from_store("s3://large/a.wav", s3, service, tmp_path)
    assert corpus.recordings["sha256"].tolist() == [hashlib.sha256(content).hexdigest()]
    sizes = [int(end) - int(start) + 1 for start, end in (r.range[6:].split("-") for r in s3.reads("large/a.wav"))]
    assert max(sizes) <= stores.BLOCK_BYTES
    assert sum(sizes) < 2 * len(content) + 6 * stores.BLOCK_BYTES
    assert not [path for path in folder.iterdir() if not path.name.startswith("soniox-ds-local-")]


async def test_channels_are_cut_out_of_the_object(s3, service, tmp_path):
    content = wav(8, seconds=2, channels=2)
    s3.fill("stereo", {"call.wav": content})
    corpus = await from_store("s3://stereo/call.wav", s3, service, tmp_path, channels="separate")
    local = await transcribe({"call.wav": content}, service, tmp_path, channels="separate")
    assert service.created.total == 2
    assert set(corpus.tokens["channel"]) == {1, 2}
    assert corpus.tokens["text"].tolist() == local.tokens["text"].tolist()


async def test_a_long_object_is_split_as_the_same_file_is(s3, service, tmp_path):
    content = wav(9, seconds=150)
    s3.fill("stereo", {"long.wav": content})
    settings = {"split": "auto", "limits": sx.Limits(duration_ms=60_000)}
    corpus = await from_store("s3://stereo/long.wav", s3, service, tmp_path, **settings)
    assert corpus.recordings["status"].tolist() == ["completed"]
    created = service.created.total
    assert created == 3
    await transcribe({"long.wav": content}, service, tmp_path, **settings)
    assert service.created.total == created


# -- what goes wrong ---------------------------------------------------------------------------------------------------


async def test_an_object_that_changes_before_its_upload_is_a_failed_row(s3, service, tmp_path):
    name = "r001.wav"
    reads = []

    def change(request):
        if request.range and request.path.endswith(name):
            reads.append(request)
            if len(reads) == 2:  # the first read was for the hash
                s3.before = None
                s3.fill("calls", {name: wav(99)})
                s3.before = change
        return

    s3.before = change
    with pytest.warns(UserWarning, match="1 of 3"):
        corpus = await from_store("s3://calls/", s3, service, tmp_path)
    failed = corpus.failed.recordings
    assert failed["audio_id"].tolist() == [name]
    assert failed["error_type"].tolist() == ["unreadable"]
    assert "changed while it was being read" in failed["error_message"].iloc[0]
    assert service.created.total == 2
    assert leftovers(service) == []
    s3.before = None
    again = await from_store("s3://calls/", s3, service, tmp_path)
    assert again.recordings["sha256"].iloc[1] == hashlib.sha256(wav(99)).hexdigest()
    assert service.created.total == 3


async def test_objects_that_are_missing_or_denied_are_failed_rows(s3, service, tmp_path):
    s3.before = lambda request: "403 Forbidden" if request.path.endswith("r001.wav") else None
    sources = [f"s3://calls/{name}.wav" for name in ("r000", "r001", "none")]
    with pytest.warns(UserWarning, match="2 of 3"):
        corpus = await from_store(sources, s3, service, tmp_path)
    rows = corpus.recordings.set_index("audio_id")
    assert rows.loc[sources, "status"].tolist() == ["completed", "failed", "failed"]
    assert rows.loc[sources[1:], "error_type"].tolist() == ["permission_denied", "file_not_found"]
    assert service.created.total == 1


async def test_a_store_that_fails_in_the_middle_of_an_upload_costs_nothing_twice(s3, service, tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "BLOCK_BYTES", 400)
    lock, seen = threading.Lock(), {}

    def fail(request):
        if not request.range:
            return None
        with lock:
            seen[request.path, request.range] = seen.get((request.path, request.range), 0) + 1
            return "503 Slow Down" if seen[request.path, request.range] == 2 else None

    s3.before = fail
    corpus = await from_store("s3://calls/", s3, service, tmp_path)
    assert corpus.recordings["status"].eq("completed").all()
    assert service.created.total == 3
    assert routes(service)["upload"] == 3
    assert leftovers(service) == []


# -- signed URLs -------------------------------------------------------------------------------------------------------


async def test_signed_urls_are_fetched_by_the_service_and_the_signature_is_nowhere(s3, service, tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "soniox_ds")
    corpus = await from_store("s3://calls/", s3, service, tmp_path, signed_urls=True)
    assert corpus.recordings["status"].eq("completed").all()
    assert routes(service)["upload"] == 0
    fetched = [request for request in s3.requests if "Signature" in request.query]
    assert len(fetched) == 3
    assert not s3.reads()  # this machine read nothing
    signatures = [request.query["Signature"][0] for request in fetched]
    places = [caplog.text, repr(corpus), corpus.recordings.to_csv(), json.dumps(corpus.provenance)]
    places += [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (*signatures, KEY, SECRET, "Signature="):
        assert not any(secret in place for place in places), secret


async def test_a_job_by_signed_url_is_the_same_job_when_only_the_signature_changed(s3, service, tmp_path):
    await from_store("s3://calls/", s3, service, tmp_path, signed_urls=True)
    await from_store("s3://calls/", s3, service, tmp_path, signed_urls=True)
    assert service.created.total == 3
    s3.fill("calls", {"r000.wav": wav(50)})
    await from_store("s3://calls/", s3, service, tmp_path, signed_urls=True)
    assert service.created.total == 4  # another version of the object is another job


async def test_a_url_that_the_caller_signed_is_the_same_job_when_it_is_signed_again(s3, service, tmp_path):
    url = f"{s3.url}/calls/r000.wav"
    first = await transcribe(f"{url}?AWSAccessKeyId={KEY}&Signature=a&Expires=1", service, tmp_path)
    again = await transcribe(f"{url}?AWSAccessKeyId={KEY}&Signature=b&Expires=2", service, tmp_path)
    assert service.created.total == 1
    assert first.recordings["audio_id"].tolist() == again.recordings["audio_id"].tolist() == [url]
    other = await transcribe(f"{s3.url}/calls/r001.wav?AWSAccessKeyId={KEY}&Signature=b&Expires=2", service, tmp_path)
    assert other.recordings["status"].tolist() == ["completed"]
    assert service.created.total == 2


async def test_a_job_of_an_earlier_version_is_recalled_by_its_whole_url(s3, service, tmp_path, monkeypatch):
    url = f"{s3.url}/calls/r000.wav?AWSAccessKeyId={KEY}&Signature=a&Expires=1"
    with monkeypatch.context() as patch:
        patch.setattr("soniox_ds.sources.recording.unsigned_url", lambda address: address)
        await transcribe(url, service, tmp_path)
    await transcribe(url, service, tmp_path)
    assert service.created.total == 1


async def test_signed_urls_do_not_go_with_options_that_need_the_audio_here(tmp_path):
    for other in ({"channels": "separate"}, {"split": "auto"}, {"download": True}):
        with pytest.raises(OptionsError, match=f"signed_urls and {next(iter(other))} do not go together"):
            sx.TranscriptionOptions(signed_urls=True, **other)
    assert sx.TranscriptionOptions(signed_urls=True).job_hash() == sx.TranscriptionOptions().job_hash()


async def test_a_store_without_signed_urls_is_a_failed_row(service, tmp_path):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file("/signed/a.wav", wav(1))
    with pytest.warns(UserWarning, match="url_not_signed"):
        corpus = await transcribe("memory://signed/", service, tmp_path, signed_urls=True)
    assert "leave signed_urls out" in corpus.recordings["error_message"][0]
    assert service.created.total == 0


# -- other functions ---------------------------------------------------------------------------------------------------


async def test_objects_are_streamed_live(s3, service, tmp_path):
    settings = settings_for(service, tmp_path)
    del settings["requests_per_minute"]
    content = wav(3, seconds=1)
    s3.fill("live", {"a.wav": content})
    stored = await aio.stream_dataset("s3://live/", storage_options=s3.storage_options, speed=None, **settings)
    local = await aio.stream_dataset({"a.wav": content}, speed=None, **settings)
    assert stored.recordings["status"].tolist() == ["completed"]
    assert stored.tokens["text"].tolist() == local.tokens["text"].tolist()


async def test_an_experiment_takes_objects_and_gives_a_function_a_file(s3, service, tmp_path):
    read = []

    def function(path):
        with open(path, "rb") as file:
            read.append(hashlib.sha256(file.read()).hexdigest())
        return "hello"

    settings = settings_for(service, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trial = await aio.compare(
            "s3://calls/",
            {f"r00{n}.wav": "hello" for n in range(3)},
            arms={"soniox": {}, "signed": {"signed_urls": True, "language_hints": ["en"]}, "local": function},
            storage_options=s3.storage_options,
            **settings,
        )
    assert trial.corpora["local"][0].recordings["status"].eq("completed").all()
    assert trial.corpora["signed"][0].recordings["status"].eq("completed").all()
    assert sorted(read) == sorted(hashlib.sha256(audio).hexdigest() for audio in batch(3).values())


async def test_the_journal_holds_no_credentials(s3, service, tmp_path):
    await from_store("s3://calls/", s3, service, tmp_path)
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        dump = "\n".join(db.iterdump())
    db.close()
    assert "s3://calls/r000.wav" in dump
    assert SECRET not in dump
    assert KEY not in dump


async def test_a_plan_of_objects_sends_nothing_and_knows_their_length(s3, service, tmp_path):
    settings = settings_for(service, tmp_path)
    plan = await aio.plan("s3://calls/", storage_options=s3.storage_options, **settings)
    assert plan.recordings["action"].tolist() == ["transcribe"] * 3
    assert plan.recordings["duration_ms"].tolist() == [100] * 3
    signed = await aio.plan("s3://calls/", storage_options=s3.storage_options, signed_urls=True, **settings)
    assert signed.n_unknown == 3
    assert len(service.requests) == 0


async def test_objects_are_written_straight_to_a_folder(s3, service, tmp_path):
    corpus = await from_store("s3://calls/", s3, service, tmp_path, out=tmp_path / "corpus")
    again = await from_store("s3://calls/", s3, service, tmp_path, out=tmp_path / "corpus")
    assert len(corpus) == len(again) == 3
    assert service.created.total == 3
