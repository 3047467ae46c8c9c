"""Runs that write their corpus into a folder part by part: `transcribe(..., out=)`."""

import asyncio
import shutil
import sqlite3

import batches
import pandas as pd
import pytest
from batches import assert_same_corpus, batch, leftovers, routes, stand_in, until

import soniox_ds as sx
from soniox_ds.batch import corpus_folder, prepare
from soniox_ds.batch import run as run_module
from soniox_ds.batch.run import Ids, Run
from soniox_ds.corpus.opened import OpenedCorpus
from soniox_ds.exceptions import InputError, RecordingsFailedWarning


async def transcribe(sources, service, tmp_path, **settings):
    """Transcribe, and load the corpus if it was written into a folder."""
    corpus = await batches.transcribe(sources, service, tmp_path, **settings)
    assert isinstance(corpus, OpenedCorpus if "out" in settings else sx.Corpus)
    return corpus.load() if isinstance(corpus, OpenedCorpus) else corpus


@pytest.fixture
def service():
    with stand_in() as running:
        yield running


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of at most four recordings."""
    monkeypatch.setattr(corpus_folder, "PART_RECORDINGS", 4)
    monkeypatch.setattr(corpus_folder, "CHUNK_RECORDINGS", 2)


def files(folder, count, first=0):
    folder.mkdir(exist_ok=True)
    for name, audio in batch(count, first).items():
        (folder / f"{name}.wav").write_bytes(audio)
    return folder


def parts(out):
    return sorted(path.name for path in (out / "recordings").glob("part-*.parquet"))


def n_transcripts(tmp_path):
    with sqlite3.connect(tmp_path / "journal.sqlite") as journal:
        return journal.execute("SELECT count(*) FROM transcripts").fetchone()[0]


async def test_the_folder_holds_what_the_call_without_it_returns(service, tmp_path, small_parts):
    sources = pd.DataFrame(
        {
            "source": [*sorted(map(str, files(tmp_path / "audio", 10).glob("*.wav"))), str(tmp_path / "gone.wav")],
            "split": pd.Categorical(["train", "test"] * 5 + ["train"]),
            "take": range(11),
        }
    )
    with pytest.warns(RecordingsFailedWarning, match="1 of 11 recordings failed: file_not_found"):
        written = await transcribe(sources, service, tmp_path, out=tmp_path / "out")
    assert leftovers(service) == []
    assert len(parts(tmp_path / "out")) == 3
    assert n_transcripts(tmp_path) == 2  # those of the last part, which is not full
    uploads = routes(service)["upload"]
    with pytest.warns(RecordingsFailedWarning):
        plain = await transcribe(sources, service, tmp_path)  # recalled from the parts
    assert routes(service)["upload"] == uploads
    assert plain.equals(sx.read_corpus(tmp_path / "out"))
    pd.testing.assert_frame_equal(written.recordings, plain.recordings)
    with pytest.warns(RecordingsFailedWarning):
        quiet = await transcribe(sources, service, tmp_path, journal=tmp_path / "other.sqlite")
    assert_same_corpus(plain, quiet)
    assert plain.recordings["cost_usd"].tolist() == quiet.recordings["cost_usd"].tolist()


async def test_the_same_call_again_sends_nothing_and_more_sources_append(service, tmp_path, small_parts):
    folder = files(tmp_path / "audio", 6, first=2)
    await transcribe(folder, service, tmp_path, out=tmp_path / "out")
    before, asked = parts(tmp_path / "out"), len(service.requests)
    await transcribe(folder, service, tmp_path, out=tmp_path / "out")
    assert (parts(tmp_path / "out"), len(service.requests)) == (before, asked)
    files(tmp_path / "audio", 9)  # two before those of the first call, one after them
    corpus = await transcribe(folder, service, tmp_path, out=tmp_path / "out")
    assert routes(service)["upload"] == 9
    ids = [f"r{number:03}.wav" for number in (2, 3, 4, 5, 6, 7, 0, 1, 8)]
    assert corpus.recordings["audio_id"].tolist() == ids
    assert set(before) < set(parts(tmp_path / "out"))


async def test_equal_audio_is_paid_once_and_its_cost_is_counted_once(service, tmp_path, small_parts):
    sources = {f"{name}-{take}": audio for take in range(3) for name, audio in batch(5).items()}
    corpus = await transcribe(sources, service, tmp_path, out=tmp_path / "out")
    assert routes(service)["upload"] == 5
    assert (corpus.recordings["cost_usd"] > 0).tolist() == [True] * 5 + [False] * 10
    texts = corpus.recordings["text"].to_numpy().reshape(3, 5)
    assert (texts == texts[0]).all()
    assert sorted(corpus.tokens["audio_id"].unique()) == sorted(sources)


async def test_failed_and_changed_recordings_are_written_again_in_their_place(service, tmp_path, small_parts):
    folder = files(tmp_path / "audio", 9)
    (folder / "r002.wav").write_bytes(b"no audio")
    with pytest.warns(RecordingsFailedWarning):
        await transcribe(folder, service, tmp_path, out=tmp_path / "out")
    before = parts(tmp_path / "out")
    files(folder, 9)
    (folder / "r007.wav").write_bytes(batch(1, 50)["r050"])
    corpus = await transcribe(folder, service, tmp_path, out=tmp_path / "out")
    assert (corpus.recordings["status"] == "completed").all()
    assert routes(service)["upload"] == 10
    changed = [one == other for one, other in zip(before, parts(tmp_path / "out"), strict=True)]
    assert changed == [False, False, True]
    assert_same_corpus(corpus, await transcribe(folder, service, tmp_path, journal=tmp_path / "other.sqlite"))


# -- what is refused, before anything is sent --------------------------------------------------------------------------


async def test_another_corpus_is_refused(service, tmp_path):
    folder, out = files(tmp_path / "audio", 2), tmp_path / "out"
    await transcribe(folder, service, tmp_path, out=out)
    asked = len(service.requests)
    for changes, message in [
        ({"journal": tmp_path / "other.sqlite"}, "another journal"),
        ({"language_hints": ["en"]}, "another options"),
        ({"model": "stt-async-v4"}, "another model"),
        ({"repeat": 1}, "another repeat"),
    ]:
        with pytest.raises(InputError, match=message):
            await transcribe(folder, service, tmp_path, out=out, **changes)
    saved = tmp_path / "saved"
    sx.read_corpus(out).save(saved)
    sx.Corpus(pd.DataFrame({"audio_id": ["a"], "status": ["failed"]})).save(tmp_path / "plain")
    with pytest.raises(InputError, match=r"was not written with out="):
        await transcribe(folder, service, tmp_path, out=tmp_path / "plain")
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "letter.txt").write_text("Dear")
    with pytest.raises(InputError, match=r"holds no corpus, but \['letter.txt'\]"):
        await transcribe(folder, service, tmp_path, out=tmp_path / "papers")
    with pytest.raises(InputError, match="is a file"):
        await transcribe(folder, service, tmp_path, out=tmp_path / "papers" / "letter.txt")
    with pytest.raises(InputError, match=r"corpus\.save\('s3://bucket/corpus'\)"):
        await transcribe(folder, service, tmp_path, out="s3://user:secret@bucket/corpus")
    table = pd.DataFrame({"source": [str(path) for path in folder.glob("*.wav")], "mixed": [1, "a"]})
    with pytest.raises(sx.exceptions.SchemaError, match="mixed"):
        await transcribe(table, service, tmp_path, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    assert len(service.requests) == asked


async def test_two_runs_cannot_write_into_one_folder(service, tmp_path):
    folder = files(tmp_path / "audio", 3)
    first = asyncio.create_task(transcribe(folder, service, tmp_path, out=tmp_path / "out"))
    await until(lambda: service.requests)
    with pytest.raises(InputError, match="another run is writing its corpus"):
        await transcribe(folder, service, tmp_path, out=tmp_path / "out")
    assert len((await first).recordings) == 3
    await transcribe(folder, service, tmp_path, out=tmp_path / "out")
    assert routes(service)["upload"] == 3


# -- parts that are lost -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["recordings", "tokens"])
async def test_a_missing_part_is_named_and_nothing_is_paid_unasked(kind, service, tmp_path, small_parts):
    folder, out = files(tmp_path / "audio", 10), tmp_path / "out"
    quiet = await transcribe(folder, service, tmp_path, out=out)
    lost = out / kind / parts(out)[1]
    kept_beside = lost.read_bytes()
    lost.unlink()
    asked = len(service.requests)
    with pytest.warns(RecordingsFailedWarning) as warned:
        corpus = await transcribe(folder, service, tmp_path, out=out)
    assert str(warned[0].message).startswith(f"{lost} is missing. ")
    assert str(warned[1].message).startswith("4 of 10 recordings failed: damaged_transcript (4).")
    failed = corpus.recordings[corpus.recordings["status"] == "failed"]
    assert failed["audio_id"].tolist() == ["r004.wav", "r005.wav", "r006.wav", "r007.wav"]
    assert set(failed["error_type"]) == {"damaged_transcript"}
    for message in failed["error_message"]:
        assert str(lost) in message
        assert "refresh=True, transcribes it again, and that is paid for again" in message
    assert len(service.requests) == asked
    # A call without the folder says the same.
    with pytest.warns(RecordingsFailedWarning, match="damaged_transcript"):
        await transcribe(folder / "r005.wav", service, tmp_path)
    assert len(service.requests) == asked
    lost.write_bytes(kept_beside)
    assert_same_corpus(await transcribe(folder, service, tmp_path), quiet)
    lost.unlink()
    await transcribe([folder / name for name in failed["audio_id"]], service, tmp_path, out=out, refresh=True)
    assert routes(service)["upload"] == 14
    again = await transcribe(folder, service, tmp_path, out=out)
    assert sorted(again.recordings["audio_id"]) == sorted(quiet.recordings["audio_id"])
    assert (again.recordings["status"] == "completed").all()


async def test_deleting_the_folder_of_a_small_run_costs_nothing(service, tmp_path):
    folder, out = files(tmp_path / "audio", 5), tmp_path / "out"
    before = await transcribe(folder, service, tmp_path, out=out)
    asked = len(service.requests)
    shutil.rmtree(out)
    assert_same_corpus(await transcribe(folder, service, tmp_path, out=out), before)
    shutil.rmtree(out)
    assert_same_corpus(await transcribe(folder, service, tmp_path), before)
    # The same holds for a part that was added to the folder of an earlier run, and for one in which a row was renewed.
    await transcribe(folder, service, tmp_path, out=out)
    files(folder, 7)
    (folder / "r001.wav").write_bytes(batch(1, 50)["r050"])
    longer = await transcribe(folder, service, tmp_path, out=out)
    assert service.created.total == 8
    asked = len(service.requests)
    shutil.rmtree(out)
    assert_same_corpus(await transcribe(folder, service, tmp_path, out=out), longer)
    assert len(service.requests) == asked


async def test_a_missing_folder_of_full_parts_is_named(service, tmp_path, small_parts):
    folder, out = files(tmp_path / "audio", 6), tmp_path / "out"
    before = await transcribe(folder, service, tmp_path, out=out)
    asked = len(service.requests)
    out.rename(tmp_path / "moved")
    with pytest.warns(RecordingsFailedWarning, match="4 of 6 recordings failed: damaged_transcript"):
        corpus = await transcribe(folder, service, tmp_path)
    assert corpus.recordings["status"].tolist() == ["failed"] * 4 + ["completed"] * 2
    for message in corpus.failed.recordings["error_message"]:
        assert f"the folder {out} is missing. If it can be restored, or moved back, the same call reads it" in message
        assert "refresh=True, transcribes it again, and that is paid for again" in message
    assert_same_corpus(await transcribe(folder, service, tmp_path, out=tmp_path / "moved"), before)
    (tmp_path / "moved").rename(out)
    assert_same_corpus(await transcribe(folder, service, tmp_path), before)
    assert len(service.requests) == asked


async def test_a_damaged_part_is_named_before_anything_is_sent(service, tmp_path, small_parts):
    folder, out = files(tmp_path / "audio", 10), tmp_path / "out"
    await transcribe(folder, service, tmp_path, out=out)
    damaged = out / "tokens" / parts(out)[1]
    damaged.write_bytes(damaged.read_bytes()[:-20])
    asked = len(service.requests)
    with pytest.raises(InputError, match=f"{damaged} is damaged") as raised:
        await transcribe(folder, service, tmp_path, out=out)
    assert "delete it" in str(raised.value)
    with pytest.warns(RecordingsFailedWarning, match=f"{damaged} is damaged"):
        await transcribe(folder, service, tmp_path)
    assert len(service.requests) == asked


# -- a full disk -------------------------------------------------------------------------------------------------------


async def test_a_full_disk_stops_the_run_and_a_later_call_goes_on(service, tmp_path, small_parts, monkeypatch):
    folder, out = files(tmp_path / "audio", 12), tmp_path / "out"
    from soniox_ds.corpus import parquet

    written = []

    def full(table):
        written.append(table)
        if len(written) == 4:
            raise OSError(28, "No space left on device")
        return sealed(table)

    sealed = parquet.sealed
    monkeypatch.setattr(parquet, "sealed", full)
    with pytest.raises(InputError, match="No space left on device"):
        await transcribe(folder, service, tmp_path, out=out)
    monkeypatch.setattr(parquet, "sealed", sealed)
    assert len(sx.read_corpus(out)) == 4
    corpus = await transcribe(folder, service, tmp_path, out=out)
    assert service.created.total == 12
    assert_same_corpus(corpus, await transcribe(folder, service, tmp_path, journal=tmp_path / "other.sqlite"))


# -- memory ------------------------------------------------------------------------------------------------------------


async def test_few_recordings_are_in_memory_at_once(service, tmp_path, small_parts, monkeypatch):
    monkeypatch.setattr(corpus_folder, "ROWS_AHEAD", 8)
    monkeypatch.setattr(prepare, "CHUNK", 4)
    runs, sizes = [], []
    note_outcome = Run.count_row

    def count_row(run, row):
        runs.append(run)
        sizes.append(max(len(run.jobs), len(run.jobs_of_row)))
        note_outcome(run, row)

    monkeypatch.setattr(Run, "count_row", count_row)
    corpus = await transcribe(batch(60), service, tmp_path, out=tmp_path / "out")
    assert corpus.recordings["audio_id"].tolist() == list(batch(60))
    # Eight rows wait or are under way, up to four more were prepared with the last of them, and written jobs may still
    # have to be deleted from the service.
    assert max(sizes) <= 8 + 4 + 16
    assert not runs[-1].jobs
    assert not runs[-1].jobs_of_row


async def test_a_row_that_another_run_works_on_does_not_block_the_rows_before_which_it_stands(
    service, tmp_path, small_parts, monkeypatch
):
    monkeypatch.setattr(corpus_folder, "ROWS_AHEAD", 4)
    monkeypatch.setattr(prepare, "CHUNK", 2)
    first = asyncio.create_task(transcribe(batch(2), service, tmp_path))
    await until(lambda: service.requests)
    corpus = await transcribe(batch(20), service, tmp_path, out=tmp_path / "out")
    await first
    assert len(corpus) == 20
    assert routes(service)["upload"] == 20


def test_ids_that_were_deleted_belong_to_nobody(monkeypatch):
    monkeypatch.setattr(run_module, "RETIRED_AT_ONCE", 3)
    ids = Ids()
    for number in range(7):
        assert ids.take(f"id{number}", f"owner{number}")
        ids.retire(f"id{number}")
    assert not ids.contested
    assert ids.take("id7", "owner7")
    assert ids.take("id7", "owner7")
    for number in range(7):
        assert not ids.take(f"id{number}", f"owner{number}")
        assert not ids.keep(f"id{number}", "another")
    assert ids.contested


# -- parts that were joined --------------------------------------------------------------------------------------------


async def test_a_compacted_folder_is_continued_and_its_transcripts_are_recalled(service, tmp_path, small_parts):
    folder, out = files(tmp_path / "audio", 10), tmp_path / "out"
    before = await transcribe(folder, service, tmp_path, out=out)
    sx.open_corpus(out).compact()
    assert len(parts(out)) == 1
    asked = len(service.requests)
    assert_same_corpus(await transcribe(folder, service, tmp_path), before)
    assert_same_corpus(await transcribe(folder, service, tmp_path, out=out), before)
    assert len(service.requests) == asked
    files(folder, 12)
    longer = await transcribe(folder, service, tmp_path, out=out)
    assert_same_corpus(longer, await transcribe(folder, service, tmp_path))
    assert service.created.total == 12
