"""`transcribe` from end to end in good weather, against a real server on a real port."""

import asyncio
import itertools
import os
import subprocess
import sys
import textwrap
from datetime import timedelta

import pandas as pd
import pytest
from batches import (
    SPEED,
    Limits,
    assert_same_corpus,
    batch,
    leftovers,
    routes,
    settings_for,
    stand_in,
    transcribe,
    wav,
)
from steady import SteadyClock
from waiting import PATIENCE_S

import soniox_ds as sx
from soniox_ds import exceptions
from soniox_ds.batch.journal import Journal

FOREVER_S = 1e9


@pytest.fixture
def service():
    with stand_in() as running:
        yield running


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "audio"
    folder.mkdir()
    for name, audio in batch(3).items():
        (folder / f"{name}.wav").write_bytes(audio)
    return folder


def states(corpus):
    return corpus.recordings["status"].tolist()


# -- the ordinary case -------------------------------------------------------------------------------------------------


async def test_files_become_a_corpus(files, service, tmp_path):
    corpus = await transcribe(files, service, tmp_path)
    assert corpus.recordings["audio_id"].tolist() == ["r000.wav", "r001.wav", "r002.wav"]
    assert states(corpus) == ["completed"] * 3
    assert corpus.recordings["service"].unique().tolist() == ["local"]
    assert corpus.recordings["duration_ms"].tolist() == [100] * 3
    assert corpus.recordings["error_type"].isna().all()
    assert corpus.recordings[["submitted_at", "completed_at", "transcription_id"]].notna().all(axis=None)
    said = corpus.tokens.groupby("audio_id", observed=True)["text"].agg("".join)
    assert said.to_dict() == corpus.recordings.set_index("audio_id")["text"].to_dict()
    assert leftovers(service) == []


@pytest.mark.parametrize("faults", [{}, {"error_after@create": 1.0}])
async def test_the_times_of_a_recording_are_those_of_one_clock(tmp_path, faults):
    """The clock of the service is an hour ahead, also where it lists a job whose answer was lost."""
    with stand_in(faults=faults) as service:

        def set_clock_ahead(rules):
            now = rules.now
            rules.now = lambda: now() + 3600

        service.call(set_clock_ahead)
        before = service.clock.utcnow()
        corpus = await transcribe(batch(2), service, tmp_path)
        after = service.clock.utcnow()
    recordings = corpus.recordings
    assert (recordings["status"] == "completed").all()
    for submitted_at, completed_at in zip(recordings["submitted_at"], recordings["completed_at"], strict=True):
        assert before - timedelta(milliseconds=1) <= submitted_at < completed_at <= after


async def test_five_requests_for_a_file_and_few_listings(service, tmp_path):
    await transcribe(batch(20), service, tmp_path)
    counts = routes(service)
    once_each = ("upload", "create", "transcript", "delete_transcription", "delete_file")
    assert [counts[route] for route in once_each] == [20] * 5
    assert counts["files"] == 0


async def test_urls_are_not_uploaded(service, tmp_path):
    with stand_in() as host:
        host_files = await publish(host, batch(2))
        corpus = await transcribe(host_files, service, tmp_path)
    assert states(corpus) == ["completed"] * 2
    assert routes(service)["upload"] == 0
    assert leftovers(service) == []


async def publish(host, recordings):
    """Upload to another stand-in, which then serves the audio at URLs."""
    from soniox_ds.api.client import Client

    connection = sx.Connection(api_key=host.key, api_base_url=host.base_url)
    async with Client(connection) as client:
        ids = [(await client.upload_file(audio, filename=f"{name}.wav"))["id"] for name, audio in recordings.items()]
        return [(await client.get_file_url(file_id))["url"] for file_id in ids]


async def test_order_and_metadata_are_kept(service, tmp_path):
    table = pd.DataFrame({"source": [wav(3), wav(1), wav(2)], "accent": ["c", "a", "b"], "reference": ["x", "y", "z"]})
    corpus = await transcribe(table, service, tmp_path)
    assert corpus.recordings[["accent", "reference"]].values.tolist() == [["c", "x"], ["a", "y"], ["b", "z"]]
    assert corpus.recordings["audio_id"].tolist() == corpus.tokens["audio_id"].drop_duplicates().tolist()


async def test_a_manifest_with_references(files, service, tmp_path):
    manifest = files / "manifest.csv"
    manifest.write_text("source,reference,split\nr002.wav,hello,test\nr000.wav,there,train\n")
    corpus = await transcribe(manifest, service, tmp_path)
    assert corpus.recordings["reference"].tolist() == ["hello", "there"]
    assert corpus.recordings["split"].tolist() == ["test", "train"]


async def test_the_result_does_not_depend_on_concurrency(service, tmp_path):
    one = await transcribe(batch(12), service, tmp_path, concurrency=1, journal=tmp_path / "one.sqlite")
    many = await transcribe(batch(12), service, tmp_path, concurrency=12, journal=tmp_path / "many.sqlite")
    assert_same_corpus(one, many)


async def test_no_more_uploads_at_once_than_asked_for(service, tmp_path):
    at_once, most = 0, 0
    from soniox_ds.api import client

    plain = client.Client.upload_file

    async def counting(self, *arguments, **keywords):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        try:
            return await plain(self, *arguments, **keywords)
        finally:
            at_once -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client.Client, "upload_file", counting)
        await transcribe(batch(20), service, tmp_path, concurrency=3)
    assert most == 3


async def test_silence_is_an_empty_transcript_and_says_so(tmp_path):
    with stand_in(scripts={"quiet.wav": ""}) as service:
        corpus = await transcribe({"quiet.wav": wav(1)}, service, tmp_path)
    assert states(corpus) == ["completed"]
    assert corpus.recordings["text"].tolist() == [""]
    assert corpus.recordings["warnings"].tolist() == ["no_speech"]
    assert len(corpus.tokens) == 0


async def test_a_transcript_that_ends_early_is_flagged(tmp_path):
    said = [{"text": "Good morning everybody.", "start_ms": 0, "end_ms": 2000}]
    with stand_in(scripts={"long.wav": said}) as service:
        corpus = await transcribe({"long.wav": wav(1, seconds=60)}, service, tmp_path)
    assert corpus.recordings["warnings"].tolist() == ["ends_early"]


# -- paying once -------------------------------------------------------------------------------------------------------


async def test_the_same_audio_twice_is_paid_once(service, tmp_path):
    corpus = await transcribe({"a": wav(1), "b": wav(2), "again": wav(1)}, service, tmp_path)
    assert service.created.total == 2
    assert states(corpus) == ["completed"] * 3
    texts = corpus.recordings["text"].tolist()
    assert texts[0] == texts[2] != texts[1]
    assert corpus.recordings["cost_usd"].tolist()[2] == 0.0
    assert set(corpus.tokens["audio_id"]) == {"a", "b", "again"}


async def test_running_again_asks_for_nothing(service, tmp_path):
    recordings = batch(140)
    first = await transcribe(recordings, service, tmp_path)
    asked = len(service.requests)
    again = await transcribe(recordings, service, tmp_path)
    assert len(service.requests) == asked
    pd.testing.assert_frame_equal(again.tokens, first.tokens)
    pd.testing.assert_frame_equal(again.recordings, first.recordings)


async def test_running_again_needs_no_network(service, tmp_path):
    first = await transcribe(batch(3), service, tmp_path)
    settings = settings_for(service, tmp_path)
    service.stop()
    again = await sx.aio.transcribe(batch(3), **settings)
    assert_same_corpus(first, again)


async def test_refresh_pays_again(service, tmp_path):
    first = await transcribe(batch(2), service, tmp_path)
    second = await transcribe(batch(2), service, tmp_path, refresh=True)
    assert service.created.by_audio.most_common(1)[0][1] == 2
    assert_same_corpus(first, second)
    assert set(first.recordings["transcription_id"]).isdisjoint(second.recordings["transcription_id"])
    third = await transcribe(batch(2), service, tmp_path)
    assert third.recordings["transcription_id"].tolist() == second.recordings["transcription_id"].tolist()
    assert leftovers(service) == []


async def test_a_refresh_that_fails_does_not_hide_the_result_before(service, tmp_path):
    first = await transcribe(batch(1), service, tmp_path)
    service.faults.next("no_balance", "create")
    with pytest.raises(exceptions.BalanceError):
        await transcribe(batch(1), service, tmp_path, refresh=True)
    again = await transcribe(batch(1), service, tmp_path)
    pd.testing.assert_frame_equal(again.recordings, first.recordings)
    assert service.created.total == 1


@pytest.mark.parametrize(
    "change", [{"model": "stt-async-v5"}, {"enable_speaker_diarization": True}, {"context": {"terms": ["Celebrex"]}}]
)
async def test_other_options_are_another_job(change, service, tmp_path):
    await transcribe(batch(1), service, tmp_path)
    await transcribe(batch(1), service, tmp_path, **change)
    assert service.created.total == 2


@pytest.mark.parametrize("change", [{"client_reference_id_prefix": "team-7/"}, {"webhook_url": "http://127.0.0.1:9/"}])
async def test_options_that_do_not_shape_a_transcript_make_no_new_job(change, service, tmp_path):
    await transcribe(batch(1), service, tmp_path)
    await transcribe(batch(1), service, tmp_path, **change)
    assert service.created.total == 1


async def test_the_prefix_stands_before_the_reference(service, tmp_path):
    await transcribe(batch(1), service, tmp_path, client_reference_id_prefix="team-7/")
    [reference] = service.created.by_reference
    assert reference.startswith("team-7/sxds:")


async def test_two_calls_at_once_share_what_they_pay(service, tmp_path):
    """The two calls have opposite orders, so that each holds recordings for which the other waits."""
    recordings = batch(150)
    backwards = dict(reversed(recordings.items()))
    one, other = await asyncio.gather(
        transcribe(recordings, service, tmp_path), transcribe(backwards, service, tmp_path)
    )
    assert service.created.total == 150
    assert states(one) == states(other) == ["completed"] * 150
    assert leftovers(service) == []


async def test_jobs_that_another_call_finishes_at_the_last_moment_are_not_paid_again(service, tmp_path, monkeypatch):
    """Between the look into the journal and the claim."""
    claim = Journal.claim

    async def just_too_late(self, keys, run):
        monkeypatch.setattr(Journal, "claim", claim)
        await transcribe(batch(2), service, tmp_path)
        return await claim(self, keys, run)

    monkeypatch.setattr(Journal, "claim", just_too_late)
    corpus = await transcribe(batch(2), service, tmp_path)
    assert states(corpus) == ["completed"] * 2
    assert service.created.total == 2


async def test_two_calls_that_fail_do_not_wait_for_each_other_for_ever(service, tmp_path, monkeypatch):
    from soniox_ds.batch import prepare

    monkeypatch.setattr(prepare, "CHUNK", 4)
    service.faults.rate("job_internal_error", 1.0, "create")
    recordings = batch(8)
    backwards = dict(reversed(recordings.items()))
    once = Limits(attempts=1)
    with pytest.warns(exceptions.RecordingsFailedWarning):
        async with asyncio.timeout(PATIENCE_S):
            both = await asyncio.gather(
                transcribe(recordings, service, tmp_path, limits=once),
                transcribe(backwards, service, tmp_path, limits=once),
            )
    assert [states(corpus) for corpus in both] == [["failed"] * 8] * 2
    assert leftovers(service) == []


async def test_two_processes_share_what_they_pay(service, tmp_path):
    (tmp_path / "audio").mkdir()
    for name, audio in batch(40).items():
        (tmp_path / "audio" / f"{name}.wav").write_bytes(audio)
    script = textwrap.dedent(
        """
        import sys, soniox_ds as sx
        from soniox_ds.api.clock import Clock
        corpus = sx.transcribe(sys.argv[1], journal=sys.argv[2], clock=Clock(50), requests_per_minute=60000,
                               progress=False)
        print(*corpus.recordings["status"], corpus.recordings["text"].str.len().sum())
        """
    )
    command = [sys.executable, "-c", script, str(tmp_path / "audio"), str(tmp_path / "journal.sqlite")]
    environment = {**os.environ, **service.environment}
    both = [await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    said = [(await process.communicate())[0].decode().split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1]
    assert said[0][:-1] == ["completed"] * 40
    assert service.created.total == 40
    assert leftovers(service) == []


# -- what fails --------------------------------------------------------------------------------------------------------


async def test_bad_recordings_are_rows_and_cost_nothing(files, service, tmp_path):
    (files / "empty.wav").touch()
    (files / "text.wav").write_text("this is no audio")
    sources = [files / "empty.wav", files / "r000.wav", files / "missing.wav", files / "text.wav"]
    with pytest.warns(sx.exceptions.RecordingsFailedWarning, match="3 of 4 recordings failed"):
        corpus = await transcribe(sources, service, tmp_path)
    assert states(corpus) == ["failed", "completed", "failed", "failed"]
    assert corpus.recordings["error_type"].fillna("").tolist() == [
        "empty_file",
        "",
        "file_not_found",
        "unsupported_container",
    ]
    assert service.created.total == 1
    assert corpus.recordings["text"].isna().tolist() == [True, False, True, True]


async def test_failures_can_be_raised_as_a_group(files, service, tmp_path):
    sources = [files / "r000.wav", files / "missing.wav"]
    with pytest.raises(ExceptionGroup, match="1 of 2 recordings failed") as caught:
        await transcribe(sources, service, tmp_path, on_error="raise")
    [failure] = caught.value.exceptions
    assert isinstance(failure, exceptions.TranscriptionFailed)
    assert failure.error_type == "file_not_found"
    assert failure.audio_id in str(failure)
    asked = len(service.requests)
    with pytest.warns(exceptions.RecordingsFailedWarning):
        corpus = await transcribe(sources, service, tmp_path)
    assert states(corpus) == ["completed", "failed"]
    assert len(service.requests) == asked


async def test_a_failure_of_the_service_is_tried_again(service, tmp_path):
    service.faults.next("job_internal_error", "create", times=2)
    corpus = await transcribe(batch(1), service, tmp_path)
    assert states(corpus) == ["completed"]
    assert service.created.total == 3
    assert routes(service)["upload"] == 1
    assert leftovers(service) == []


async def test_a_service_that_goes_on_failing_is_believed_in_the_end(service, tmp_path):
    service.faults.rate("job_internal_error", 1.0, "create")
    with pytest.warns(exceptions.RecordingsFailedWarning, match="internal_error"):
        corpus = await transcribe(batch(1), service, tmp_path, limits=Limits(attempts=3))
    assert corpus.recordings["error_type"].tolist() == ["internal_error"]
    assert service.created.total == 3
    assert leftovers(service) == []
    service.faults.clear()
    assert states(await transcribe(batch(1), service, tmp_path)) == ["completed"]


class Refusing:
    """A recognizer that finds every recording undecodable."""

    name = "refusing"

    def transcribe(self, path, *, filename, options):
        from soniox_ds.emulator.recognizers import UndecodableAudio

        raise UndecodableAudio("nothing but noise")


async def test_audio_that_the_service_cannot_read_is_not_tried_again_ever(tmp_path):
    from soniox_ds import local_service

    seen = []
    with local_service(
        Refusing(), clock=SteadyClock(SPEED), requests_per_minute=None, set_environment=False
    ) as service:
        for _ in range(2):
            with pytest.warns(exceptions.RecordingsFailedWarning, match="invalid_audio_file"):
                corpus = await transcribe(batch(1), service, tmp_path, progress=seen.append)
        assert corpus.recordings["error_type"].tolist() == ["invalid_audio_file"]
        assert "refresh=True" in corpus.recordings["error_message"].iloc[0]
        assert service.created.total == 1
        assert leftovers(service) == []
    assert [(shown.completed, shown.failed) for shown in seen if shown.closed] == [(0, 1), (0, 1)]


async def test_a_stuck_job_times_out_and_is_taken_up_again(service, tmp_path):
    service.faults.next("stuck", "create")
    with pytest.warns(exceptions.RecordingsFailedWarning, match="timeout"):
        corpus = await transcribe(batch(3), service, tmp_path, timeout_s=300)
    assert sorted(states(corpus)) == ["completed", "completed", "failed"]
    [left] = service.transcriptions
    assert left["status"] == "processing"
    service.call(lambda rules: rules.fail(left["id"], "internal_error", "given up"))
    corpus = await transcribe(batch(3), service, tmp_path)
    assert states(corpus) == ["completed"] * 3
    assert leftovers(service) == []


async def test_a_job_that_finishes_between_two_calls_is_not_paid_again(tmp_path):
    with stand_in(queue_s=200.0) as service:
        with pytest.warns(exceptions.RecordingsFailedWarning, match="timeout"):
            await transcribe(batch(4), service, tmp_path, timeout_s=30)
        corpus = await transcribe(batch(4), service, tmp_path)
        assert states(corpus) == ["completed"] * 4
        assert service.created.total == 4
        assert leftovers(service) == []


async def test_a_job_that_somebody_deleted_is_named(tmp_path):
    with stand_in(queue_s=200.0) as service:
        with pytest.warns(exceptions.RecordingsFailedWarning, match="timeout"):
            await transcribe(batch(4), service, tmp_path, timeout_s=30)
        for job in service.transcriptions:  # a job that is being processed cannot be deleted
            service.call(
                lambda rules, id=job["id"]: (rules.fail(id, "internal_error", "given up"), rules.delete_job(id))
            )
        with pytest.warns(exceptions.RecordingsFailedWarning, match="does not know this job any more"):
            corpus = await transcribe(batch(4), service, tmp_path)
        assert set(corpus.recordings["error_type"]) == {"transcription_not_found"}
        assert states(await transcribe(batch(4), service, tmp_path)) == ["completed"] * 4
        assert leftovers(service) == []


async def test_a_file_that_changes_after_it_was_hashed_is_not_sent(files, service, tmp_path, monkeypatch):
    from soniox_ds.batch import prepare

    inspected = prepare.inspect

    def and_then_it_is_written_to(recording, **keywords):
        found = inspected(recording, **keywords)
        if recording.path.name == "r001.wav":
            recording.path.write_bytes(wav(77, seconds=0.2))
        return found

    monkeypatch.setattr(prepare, "inspect", and_then_it_is_written_to)
    with pytest.warns(exceptions.RecordingsFailedWarning, match="changed after it was inspected"):
        corpus = await transcribe(files, service, tmp_path)
    assert states(corpus) == ["completed", "failed", "completed"]
    assert service.created.total == 2


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"concurrency": 0}, "concurrency is 0"),
        ({"on_error": "ignore"}, "on_error is 'ignore'"),
        ({"timeout_s": -1}, "timeout_s is -1"),
        ({"language_hints": ["xx"]}, "xx"),
    ],
)
async def test_wrong_settings_are_told_before_anything_is_sent(wrong, message, service, tmp_path):
    with pytest.raises(exceptions.OptionsError, match=message):
        await transcribe(batch(1), service, tmp_path, **wrong)
    assert service.requests == []


@pytest.mark.parametrize("wrong", [{"pending": 0}, {"files": 1.5}, {"settle_s": -1}, {"attempts": True}])
def test_wrong_limits(wrong):
    [name] = wrong
    with pytest.raises(exceptions.OptionsError, match=f"the limit {name} is"):
        Limits(**wrong)


# -- progress ----------------------------------------------------------------------------------------------------------


async def test_progress_counts_every_recording_once(files, service, tmp_path):
    await transcribe(batch(3), service, tmp_path)  # these are recalled
    sources = {**batch(150), "same": wav(7), "same again": wav(7), "recalled again": wav(1), "bad": b"no audio"}
    seen = []
    with pytest.warns(exceptions.RecordingsFailedWarning):
        corpus = await transcribe(sources, service, tmp_path, progress=seen.append)
    assert all(later.done >= sooner.done for sooner, later in itertools.pairwise(seen))
    last = seen[-1]
    assert last.closed
    assert (last.total, last.completed, last.failed) == (154, 153, 1)
    assert last.recalled >= 4  # duplicates found after their twin was finished count as recalled, too
    assert last.audio_ms == 153 * 100
    assert last.cost_usd == pytest.approx(147 * 0.1 / 3600 * 0.10)
    assert len(corpus.failed) == 1


async def test_refreshing_duplicates_in_several_chunks_counts_them_once(service, tmp_path, monkeypatch):
    from soniox_ds.batch import prepare

    monkeypatch.setattr(prepare, "CHUNK", 2)
    recordings = {**batch(3), "twin": wav(1), "late twin": wav(2)}
    await transcribe(recordings, service, tmp_path)
    seen = []
    await transcribe(recordings, service, tmp_path, progress=seen.append, refresh=True, concurrency=1)
    assert (seen[-1].completed, seen[-1].recalled, seen[-1].failed) == (5, 0, 0)


async def test_a_progress_function_that_raises_ends_the_call_and_loses_nothing(service, tmp_path):
    class Stop(Exception):
        pass

    def stop(snapshot):
        if snapshot.completed >= 3:
            raise Stop

    with pytest.raises(Stop):
        await transcribe(batch(10), service, tmp_path, progress=stop)
    assert states(await transcribe(batch(10), service, tmp_path)) == ["completed"] * 10
    assert service.created.total == 10
    assert leftovers(service) == []


# -- size --------------------------------------------------------------------------------------------------------------


async def test_thousands_of_urls_are_recalled(service, tmp_path):
    """Their results are put into the journal directly."""
    from soniox_ds.batch.jobs import job_key
    from soniox_ds.batch.journal import Entry, State
    from soniox_ds.options import TranscriptionOptions

    count = 4_000
    urls = [f"https://host.example/{number}.wav" for number in range(count)]
    options = TranscriptionOptions()
    journal = Journal.open(tmp_path / "journal.sqlite")
    written = []
    for number, url in enumerate(urls):
        key = job_key(url, options.hash(), options.model, "local")
        entry = Entry(key, 1, f"ref{number}", "local", State.DONE, url, options.model, options.hash())
        written.append(journal.store(entry, b'{"id": "x", "text": "", "tokens": []}'))
    await asyncio.gather(*written)
    seen = []
    corpus = await transcribe(urls, service, tmp_path, progress=seen.append)
    assert states(corpus) == ["completed"] * count
    assert seen[-1].recalled == count
    assert service.requests == []


async def test_finding_does_not_run_ahead_of_submission(tmp_path):
    """The number of recordings that wait for submission is bounded, however many recordings there are."""
    from soniox_ds.batch import run

    deepest = 0
    plain = run.Run.next_to_submit

    async def measuring(self):
        nonlocal deepest
        deepest = max(deepest, self.to_submit.qsize())
        return await plain(self)

    with pytest.MonkeyPatch.context() as patch, stand_in() as service:
        patch.setattr(run, "WAITING", 20)
        patch.setattr(run.Run, "next_to_submit", measuring)
        corpus = await transcribe(batch(150), service, tmp_path)
    assert states(corpus) == ["completed"] * 150
    assert 0 < deepest <= 20


def test_the_plain_door(service, tmp_path):
    corpus = sx.transcribe(batch(2), **settings_for(service, tmp_path))
    assert states(corpus) == ["completed"] * 2


def test_the_saved_corpus_is_the_returned_corpus(service, tmp_path):
    corpus = sx.transcribe(batch(2), **settings_for(service, tmp_path))
    corpus.save(tmp_path / "corpus")
    assert_same_corpus(sx.read_corpus(tmp_path / "corpus"), corpus)


@pytest.mark.parametrize(("setting", "value"), [("connection", "eu"), ("limits", 5)])
def test_settings_of_the_wrong_kind_are_named(setting, value):
    with pytest.raises(exceptions.OptionsError, match=rf"{setting} is .*; it is an object such as sx\."):
        sx.transcribe("a.wav", **{setting: value})
