"""Files and transcriptions that are stored at the service: lists, and deletions of a selection."""

import asyncio

import pandas as pd
import pytest
from batches import batch, stand_in, transcribe, until, wav

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds.cli import main
from soniox_ds.exceptions import AuthError, InputError, SchemaError


def settings(service, tmp_path, **changes):
    connection = sx.Connection(api_key=service.key, api_base_url=service.base_url)
    return {"connection": connection, "journal": tmp_path / "journal.sqlite", "progress": False, **changes}


def listing(service):
    return {"connection": sx.Connection(api_key=service.key, api_base_url=service.base_url), "progress": False}


async def uploaded(service, count, reference=None):
    """Upload as another program does, and return the ids."""
    from soniox_ds.api.client import Client

    async with Client(listing(service)["connection"]) as client:
        return [
            (await client.upload_file(wav(number), filename=f"{number}.wav", client_reference_id=reference))["id"]
            for number in range(count)
        ]


async def created(service, file_ids, reference=None):
    from soniox_ds.api.client import Client

    async with Client(listing(service)["connection"]) as client:
        return [
            (
                await client.create_transcription(
                    {"model": "stt-async-v6", "file_id": file_id, "client_reference_id": reference}
                )
            )["id"]
            for file_id in file_ids
        ]


async def test_lists_of_what_is_stored():
    with stand_in() as service:
        assert (await aio.account.files(**listing(service))).empty
        [file_id] = await uploaded(service, 1, "order 17")
        [job_id] = await created(service, [file_id], f"sxds:0123abcd:{'7f' * 16}:2")
        await until(lambda: service.transcriptions[0]["status"] == "completed")
        files = await aio.account.files(**listing(service))
        jobs = await aio.account.transcriptions(**listing(service))
    assert list(files) == list(sx.schema.STORED_FILES)
    assert files[["file_id", "filename", "client_reference_id"]].values.tolist() == [[file_id, "0.wav", "order 17"]]
    assert files["size_bytes"][0] == len(wav(0))
    assert str(files["created_at"].dtype) == "datetime64[ms, UTC]"
    assert files["journal_id"].isna().all()
    assert list(jobs) == list(sx.schema.STORED_TRANSCRIPTIONS)
    assert jobs.loc[0, ["transcription_id", "status", "file_id", "journal_id"]].tolist() == [
        job_id,
        "completed",
        file_id,
        "0123abcd",
    ]
    assert jobs["duration_ms"][0] == 100


async def test_long_lists_show_progress(monkeypatch):
    monkeypatch.setattr("soniox_ds.batch.stored.PAGE", 3)
    seen = []
    with stand_in() as service:
        ids = await uploaded(service, 8)
        files = await aio.account.files(**listing(service) | {"progress": seen.append})
        assert sorted(files["file_id"]) == sorted(ids)
        assert (seen[-1].done, seen[-1].total, seen[-1].closed) == (8, 8, True)
        seen.clear()
        monkeypatch.setattr("soniox_ds.batch.stored.PAGE", 1000)
        await aio.account.files(**listing(service) | {"progress": seen.append})
        assert not seen, "one request needs no progress"


async def test_only_the_selection_is_deleted(tmp_path):
    with stand_in() as service:
        ids = await uploaded(service, 4)
        files = await aio.account.files(**listing(service))
        selection = files[files["filename"].isin(["0.wav", "2.wav"])]
        done = await aio.account.delete_files(selection, **settings(service, tmp_path))
        assert done["outcome"].tolist() == ["deleted"] * 2
        assert sorted(file["id"] for file in service.files) == sorted([ids[1], ids[3]])
        done = await aio.account.delete_files([ids[0], ids[1], ids[1]], **settings(service, tmp_path))
        assert done.values.tolist() == [[ids[0], "gone", pd.NA], [ids[1], "deleted", pd.NA]]
        done = await aio.account.delete_files(ids[3], **settings(service, tmp_path))
        assert done["outcome"].tolist() == ["deleted"]


@pytest.mark.parametrize("empty", [[], (), pd.DataFrame({"file_id": []}), pd.Series([], dtype="string")])
async def test_an_empty_selection_deletes_nothing_and_says_so(empty, tmp_path):
    with stand_in() as service:
        await uploaded(service, 2)
        seen = len(service.requests)
        with pytest.warns(UserWarning, match="the selection is empty, so nothing was deleted"):
            done = await aio.account.delete_files(empty, **settings(service, tmp_path))
        assert done.empty
        assert len(service.requests) == seen
        assert len(service.files) == 2


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (None, "the selection is None"),
        (True, "of type bool"),
        (b"abc", "of type bytes"),
        ({"file_id": "a"}, "of type dict"),
        ("", "'' is not an id"),
        (["a", "../b"], "'../b' is not an id"),
        (["a", None], "1 of 2 ids are missing"),
        (pd.DataFrame({"file_id": ["a", pd.NA]}), "1 of 2 ids are missing"),
        ([1], "'1' is not an id"),
    ],
)
async def test_a_selection_has_to_name_ids(selection, message, tmp_path):
    with stand_in() as service:
        for delete in (aio.account.delete_files, aio.account.delete_transcriptions):
            given = selection
            if isinstance(given, pd.DataFrame) and delete is aio.account.delete_transcriptions:
                given = given.rename(columns={"file_id": "transcription_id"})
            with pytest.raises(InputError, match=message):
                await delete(given, **settings(service, tmp_path))
        with pytest.raises(SchemaError, match="transcription_id"):
            await aio.account.delete_transcriptions(pd.DataFrame({"file_id": ["a"]}), **settings(service, tmp_path))
        with pytest.raises(TypeError, match="selection"):
            await aio.account.delete_files()
        assert not service.requests


async def test_what_an_unfinished_run_needs_is_kept(tmp_path):
    """An interrupted call has paid for its jobs; they go only if it is said explicitly."""
    with stand_in(median_s=3600.0, queue_s=3600.0) as service:
        call = asyncio.create_task(transcribe(batch(3), service, tmp_path))
        await until(lambda: len(service.transcriptions) == 3)
        jobs = await aio.account.transcriptions(**listing(service))
        with pytest.warns(UserWarning, match="3 of 3 were kept"):
            done = await aio.account.delete_transcriptions(jobs, **settings(service, tmp_path))
        assert done["outcome"].tolist() == ["kept"] * 3
        assert done["note"].str.contains("a running call works on it").all()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        files = await aio.account.files(**listing(service))
        with pytest.warns(UserWarning, match=r"unfinished=True deletes them as well"):
            done = await aio.account.delete_files(files, **settings(service, tmp_path))
        assert set(done["outcome"]) == {"kept"}
        assert done["note"].str.contains("paid for").all()
        done = await aio.account.delete_transcriptions(jobs, unfinished=True, **settings(service, tmp_path))
        assert set(done["outcome"]) <= {"deleted", "gone"}
        assert not service.transcriptions


async def test_what_another_journal_put_there_is_kept(tmp_path):
    with stand_in() as service:
        ids = await uploaded(service, 1, f"sxds:0123abcd:{'7f' * 16}:1")
        with pytest.warns(UserWarning, match=r"another journal \(0123abcd\)"):
            done = await aio.account.delete_files(ids, **settings(service, tmp_path))
        assert done["outcome"].tolist() == ["kept"]
        done = await aio.account.delete_files(ids, unfinished=True, **settings(service, tmp_path))
        assert done["outcome"].tolist() == ["deleted"]


async def test_a_finished_run_leaves_nothing_that_is_kept(tmp_path):
    """Its leftovers carry the journal's reference and may go."""
    with stand_in() as service:
        corpus = await transcribe({"a": wav(1)}, service, tmp_path)
        ids = await uploaded(service, 1, corpus.recordings["client_reference_id"][0])
        done = await aio.account.delete_files(ids, **settings(service, tmp_path))
        assert done["outcome"].tolist() == ["deleted"]


async def test_jobs_that_are_processed_are_busy(tmp_path):
    with stand_in(median_s=3600.0, queue_s=0.0) as service:
        ids = await created(service, await uploaded(service, 1))
        await until(lambda: service.transcriptions[0]["status"] == "processing")
        done = await aio.account.delete_transcriptions(ids, **settings(service, tmp_path))
        assert done[["outcome", "note"]].values.tolist() == [["busy", "it is being processed; try again later"]]


async def test_an_error_says_how_many_were_deleted(tmp_path):
    with stand_in() as service:
        ids = await uploaded(service, 3)
        service.call(lambda rules: rules.keys.add("narrow", ["stt_async"]))
        narrow = sx.Connection(api_key="narrow", api_base_url=service.base_url)
        with pytest.raises(AuthError) as raised:
            await aio.account.delete_files(ids, **settings(service, tmp_path, connection=narrow))
        assert "0 of 3 were deleted before" in raised.value.__notes__[0]


async def test_many_deletions_show_progress(tmp_path):
    seen = []
    with stand_in() as service:
        ids = await uploaded(service, 25)
        await aio.account.delete_files(ids, **settings(service, tmp_path, progress=seen.append))
        assert not service.files
    assert (seen[-1].done, seen[-1].total) == (25, 25)


def test_the_command_line(tmp_path, capsys, monkeypatch):
    with stand_in(set_environment=True) as service:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        assert main(["files"]) == 0
        assert "no files are stored" in capsys.readouterr().out
        [file_id, other] = asyncio.run(uploaded(service, 2))
        assert main(["files"]) == 0
        assert file_id in capsys.readouterr().out
        assert main(["files", "--delete", file_id, "--journal", str(tmp_path / "journal.sqlite")]) == 0
        assert "deleted" in capsys.readouterr().out
        assert [file["id"] for file in service.files] == [other]
        assert main(["transcriptions"]) == 0
        assert "no transcriptions are stored" in capsys.readouterr().out
