"""`transcribe(executor=)`: workers inspect and upload, only this process spends, and no task holds the key."""

import asyncio
import base64
import multiprocessing
import os
import pickle
import random
import signal
import threading
from bisect import bisect_left
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import dask
import pytest
from batches import assert_same_corpus, batch, leftovers, routes, stand_in, transcribe, wav
from dask_cluster import KEY

import soniox_ds as sx
from soniox_ds import exceptions
from soniox_ds.api.client import Client
from soniox_ds.batch.dask_claims import DaskClaims
from soniox_ds.batch.worker_tasks import InspectTask, UploadTask
from soniox_ds.emulator.server import Server
from soniox_ds.exceptions import ExecutorError, OptionsError

pytestmark = pytest.mark.xdist_group("dask")

TRACES = [KEY, base64.b64encode(KEY.encode()).decode().rstrip("="), KEY.encode().hex()]


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("SONIOX_API_KEY", KEY)


@pytest.fixture
def service():
    with stand_in(key=KEY) as running:
        yield running


@pytest.fixture
def folder(tmp_path):
    return write_batch(tmp_path / "audio", 6)


@pytest.fixture
def threads():
    with Recorder(2) as executor:
        yield executor


@pytest.fixture(scope="module")
def pool():
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SONIOX_API_KEY", KEY)
        executor.submit(int).result()  # The worker starts, with the key in its environment.
        yield executor


class Recorder(ThreadPoolExecutor):
    """An executor that sends tasks through pickle, as those with processes do, and keeps what was sent."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sent = []

    def submit(self, task, /, *args, **kwargs):
        sent = pickle.dumps(task)
        self.sent.append(sent)
        return super().submit(lambda: pickle.loads(pickle.dumps(pickle.loads(sent)())), *args, **kwargs)

    def tasks(self, kind):
        return [task for task in map(pickle.loads, self.sent) if isinstance(task, kind)]


def write_batch(folder, count):
    folder.mkdir()
    for name, audio in batch(count).items():
        (folder / f"{name}.wav").write_bytes(audio)
    return folder


def fail(*_, **__):
    raise AssertionError("the process of the run has read or uploaded a file itself")


def most_in_a_minute(service, since):
    times = sorted(request.time_s for request in service.requests[since:])
    return max(place + 1 - bisect_left(times, time - 60 + 1e-6) for place, time in enumerate(times))


# -- what workers do ---------------------------------------------------------------------------------------------------


async def test_workers_inspect_and_upload(folder, service, tmp_path, threads, monkeypatch):
    quiet = await transcribe(folder, service, tmp_path, journal=tmp_path / "quiet.sqlite")
    before = len(service.requests)
    monkeypatch.setattr(Client, "upload_file", fail)
    monkeypatch.setattr("soniox_ds.batch.prepare.inspect", fail)
    corpus = await transcribe(folder, service, tmp_path, executor=threads)
    assert_same_corpus(corpus, quiet)
    assert len(threads.tasks(UploadTask)) == routes(service, before)["upload"] == 6
    assert sum(len(task.recordings) for task in threads.tasks(InspectTask)) == 6
    assert leftovers(service) == []
    sent = len(threads.sent)
    assert_same_corpus(await transcribe(folder, service, tmp_path, executor=threads), quiet)
    assert len(threads.sent) == sent  # A call that recalls everything needs no workers.


async def test_no_task_holds_the_key(folder, service, tmp_path, threads):
    await transcribe(folder, service, tmp_path, executor=threads)
    sent = b"".join(threads.sent).decode("latin-1")
    assert "r000.wav" in sent
    assert not [trace for trace in TRACES if trace in sent]
    assert KEY not in repr(threads.tasks(UploadTask))


async def test_a_process_pool(folder, service, tmp_path, pool, monkeypatch):
    monkeypatch.setattr(Client, "upload_file", fail)
    corpus = await transcribe(folder, service, tmp_path, executor=pool, out=tmp_path / "out")
    assert corpus.recordings["status"].tolist() == ["completed"] * 6
    assert leftovers(service) == []


async def test_what_this_process_uploads_itself(folder, service, tmp_path, threads):
    """Audio in memory, and single channels of a file."""
    await transcribe(batch(2), service, tmp_path, executor=threads)
    (folder / "stereo.wav").write_bytes(wav(9, channels=2))
    corpus = await transcribe(folder / "stereo.wav", service, tmp_path, executor=threads, channels="separate")
    assert corpus.recordings["status"].tolist() == ["completed"]
    assert threads.tasks(UploadTask) == []
    assert len(threads.tasks(InspectTask)) == 1


async def test_bad_files_are_failed_rows(folder, service, tmp_path, threads):
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_bytes(b"this is no audio at all")
    sources = [*sorted(folder.iterdir()), folder / "missing.wav"]
    with pytest.warns(exceptions.RecordingsFailedWarning):
        corpus = await transcribe(sources, service, tmp_path, executor=threads)
    failed = corpus.failed.recordings.set_index("audio_id")["error_type"].to_dict()
    assert {os.path.basename(name): kind for name, kind in failed.items()} == {
        "empty.wav": "empty_file",
        "text.wav": "unsupported_container",
        "missing.wav": "file_not_found",
    }


async def test_a_file_that_changes_after_its_inspection(folder, service, tmp_path):
    class Writer(Recorder):
        def submit(self, task, /, *args, **kwargs):
            if isinstance(task, UploadTask) and task.file.endswith("r001.wav"):
                (folder / "r001.wav").write_bytes(wav(99))
            return super().submit(task, *args, **kwargs)

    with Writer(2) as executor, pytest.warns(exceptions.RecordingsFailedWarning, match="not as it was when it was ins"):
        corpus = await transcribe(folder, service, tmp_path, executor=executor)
    assert corpus.failed.recordings["audio_id"].tolist() == ["r001.wav"]
    assert leftovers(service) == []


async def test_each_request_is_a_task(folder, service, tmp_path, threads):
    for kind in ("rate_limit", "reset_before", "reset_after", "error_after", "html"):
        service.faults.rate(kind, 0.12, "upload")
    corpus = await transcribe(folder, service, tmp_path, executor=threads)
    assert corpus.recordings["status"].tolist() == ["completed"] * 6
    assert routes(service)["upload"] == len(threads.tasks(UploadTask)) > 6
    tickets = [task.ticket for task in threads.tasks(UploadTask)]
    assert len(set(tickets)) == len(tickets)
    assert service.created.total == 6
    assert leftovers(service) == []


# -- workers that cannot do it -----------------------------------------------------------------------------------------


async def refused(folder, service, tmp_path, executor, match):
    """The call raises ExecutorError, and nothing was sent but requests for the list of models."""
    with pytest.raises(ExecutorError, match=match):
        await transcribe(folder, service, tmp_path, executor=executor)
    assert set(routes(service)) <= {"other"}


async def test_workers_without_a_key(folder, service, tmp_path, threads, monkeypatch):
    monkeypatch.delenv("SONIOX_API_KEY")
    await refused(folder, service, tmp_path, threads, r"the worker on .* has no API key\. Set SONIOX_API_KEY")


async def test_workers_with_another_key(folder, service, tmp_path, threads, monkeypatch):
    monkeypatch.setenv("SONIOX_API_KEY", "another-key")
    await refused(folder, service, tmp_path, threads, r"another API key .*\['SONIOX_API_KEY'\] holds the same key")
    assert "another-key" not in repr(threads.sent)


async def test_workers_find_the_key_under_a_name_of_its_own(folder, service, tmp_path, threads, monkeypatch):
    monkeypatch.setenv("SONIOX_API_KEY", "another-key")
    monkeypatch.setenv("SONIOX_API_KEY_CALLS", KEY)
    corpus = await transcribe(folder, service, tmp_path, executor=threads)
    assert corpus.recordings["status"].tolist() == ["completed"] * 6


async def test_workers_have_the_keys_of_several_projects(folder, service, tmp_path, threads, monkeypatch):
    service.call(lambda rules: rules.keys.add("key-of-b", project="b"))
    connections = [sx.Connection(api_key=each, api_base_url=service.base_url) for each in (KEY, "key-of-b")]
    with pytest.raises(ExecutorError, match="has another API key than this process"):
        await transcribe(folder, service, tmp_path, executor=threads, connection=connections)
    monkeypatch.setenv("SONIOX_API_KEY_B", "key-of-b")
    corpus = await transcribe(folder, service, tmp_path, executor=threads, connection=connections)
    assert corpus.recordings["status"].tolist() == ["completed"] * 6
    assert len({task.key for task in threads.tasks(UploadTask)}) == 2
    assert leftovers(service) == []


async def test_workers_with_another_version(folder, service, tmp_path, threads, monkeypatch):
    monkeypatch.setattr("soniox_ds.batch.workers.installed_version", lambda: "99.1")
    await refused(folder, service, tmp_path, threads, r'pip install "soniox-ds==99\.1"')


async def test_workers_that_do_not_see_the_files(folder, service, tmp_path):
    class Elsewhere(Recorder):
        """Workers that see nothing of the file system of the run."""

        def submit(self, task, /, *args, **kwargs):
            if isinstance(task, InspectTask):
                for recording in task.recordings:
                    recording.file = recording.file.replace("/audio/", "/nowhere/")
            return super().submit(task, *args, **kwargs)

    with Elsewhere(2) as executor:
        await refused(folder, service, tmp_path, executor, r"cannot read .*/audio/r00.* on a network drive")


async def test_one_worker_does_not_see_a_file(folder, service, tmp_path):
    class Elsewhere(Recorder):
        def submit(self, task, /, *args, **kwargs):
            if isinstance(task, UploadTask) and task.file.endswith("r003.wav"):
                task = pickle.loads(pickle.dumps(task))
                object.__setattr__(task, "file", "/nowhere/r003.wav")
            return super().submit(task, *args, **kwargs)

    with Elsewhere(2) as executor, pytest.warns(exceptions.RecordingsFailedWarning, match="sees another file there"):
        corpus = await transcribe(folder, service, tmp_path, executor=executor, concurrency=1)
    assert set(corpus.failed.recordings["error_type"]) == {"executor_failed"}
    assert leftovers(service) == []


@pytest.mark.parametrize("wrong", [2, "dask", ProcessPoolExecutor])
async def test_what_is_not_an_executor(wrong, folder, service, tmp_path):
    with pytest.raises(OptionsError, match=r"executor is .* such as ProcessPoolExecutor"):
        await transcribe(folder, service, tmp_path, executor=wrong)


async def test_the_progress_says_that_the_run_waits_for_workers(folder, service, tmp_path, threads, monkeypatch):
    monkeypatch.setattr("soniox_ds.batch.workers.NOTE_AFTER_S", 0.01)
    notes = set()

    def free_a_worker(snapshot):
        notes.add(snapshot.note)
        if "waiting for the workers of the executor" in snapshot.note:
            is_free.set()

    is_free = threading.Event()
    for _ in range(2):  # Both workers are busy until the display says that the run waits for them.
        ThreadPoolExecutor.submit(threads, is_free.wait)
    corpus = await transcribe(folder, service, tmp_path, executor=threads, progress=free_a_worker)
    assert corpus.recordings["status"].tolist() == ["completed"] * 6
    assert "waiting for the workers of the executor" in notes


# -- workers that die --------------------------------------------------------------------------------------------------


class Killer:
    """Kills the worker that uploads, at the uploads of these numbers: before the service reads the file, or after."""

    def __init__(self, moments, pids):
        self.moments, self.pids = dict(moments), pids
        self.n_uploads = self.n_kills = 0

    def door(self, plain):
        async def watched(server, request, handler, visit, permission):
            if visit.record.route != "upload":
                return await plain(server, request, handler, visit, permission)
            self.n_uploads += 1
            when = self.moments.pop(self.n_uploads, None)
            if when == "before":
                self.kill()
            answer = await plain(server, request, handler, visit, permission)
            if when == "after":
                self.kill()
            return answer

        return watched

    def kill(self):
        self.n_kills += 1
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_pool_whose_worker_dies(when, folder, service, tmp_path, monkeypatch):
    quiet = await transcribe(folder, service, tmp_path, journal=tmp_path / "quiet.sqlite")
    created = service.created.total
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        killer = Killer({3: when}, lambda: list(pool._processes))
        monkeypatch.setattr(Server, "_door", killer.door(Server._door))
        with pytest.warns(exceptions.RecordingsFailedWarning, match="Make a new executor and run the same call again"):
            corpus = await transcribe(folder, service, tmp_path, executor=pool, concurrency=2)
    assert killer.n_kills == 1
    assert set(corpus.failed.recordings["error_type"]) == {"executor_failed"}
    assert 0 < len(corpus.failed) < 6  # What was uploaded before is complete.
    assert leftovers(service) == []
    with ThreadPoolExecutor(2) as threads:
        corpus = await transcribe(folder, service, tmp_path, executor=threads)
    assert_same_corpus(corpus, quiet)
    assert service.created.total - created == 6
    assert leftovers(service) == []


async def test_dask_workers_are_killed(service, tmp_path, dask_client, monkeypatch, caplog):
    """The transcripts are those of a quiet run, nothing is created twice or left, and the budget is kept."""
    folder = write_batch(tmp_path / "audio", 16)
    quiet = await transcribe(folder, service, tmp_path, journal=tmp_path / "quiet.sqlite")
    await service.clock.sleep(61)
    before, created = len(service.requests), service.created.total
    rng = random.Random(4)

    def victims():
        nannies = [nanny for nanny in dask_client.cluster.workers.values() if nanny.pid is not None]
        return [rng.choice(nannies).pid] if nannies else []

    killer = Killer({4: "before", 9: "after"}, victims)
    monkeypatch.setattr(Server, "_door", killer.door(Server._door))
    tasks, submit = [], dask_client.submit
    monkeypatch.setattr(
        dask_client, "submit", lambda task, **given: tasks.append(pickle.dumps(task)) or submit(task, **given)
    )
    corpus = await transcribe(
        folder, service, tmp_path, executor=dask_client.get_executor(), concurrency=4, requests_per_minute=70
    )
    assert killer.n_kills == 2
    assert_same_corpus(corpus, quiet)
    assert service.created.total - created == 16
    assert leftovers(service) == []
    assert most_in_a_minute(service, before) <= 70
    dask_client.wait_for_workers(2)
    logs = (
        repr(dask_client.get_scheduler_logs())
        + repr(dask_client.get_worker_logs())
        + repr(dask_client.get_events())
        + caplog.text
    )
    logs += b"".join(tasks).decode("latin-1") + repr(dask_client.run_on_scheduler(_task_states))
    assert "UploadTask" in logs
    assert not [trace for trace in TRACES if trace in logs]


def _task_states(dask_scheduler):
    return [(key, repr(state.run_spec)) for key, state in dask_scheduler.tasks.items()]


def test_dask_sends_a_request_once(dask_client, service, tmp_path):
    """A task that Dask runs again sends nothing, nor does one that was given up."""
    from soniox_ds.batch.worker_tasks import KeyOfWorker

    path = tmp_path / "r.wav"
    path.write_bytes(wav(1))
    connection = sx.Connection(api_key=KEY, api_base_url=service.base_url)
    given = (sx._executors.installed_version(), KeyOfWorker.of(connection, "salt"), 20.0, str(path), "r.wav", "a", None)
    executor = dask_client.get_executor(pure=False)
    claims = DaskClaims.of(executor)
    claims.offer("ticket-1")
    claims.offer("ticket-2")
    assert claims.withdraw("ticket-2")
    outcomes = [executor.submit(UploadTask(*given, f"ticket-{each}", must_claim=True)).result() for each in (1, 1, 2)]
    assert [outcome.is_second_time for outcome in outcomes] == [False, True, True]
    assert [outcome.reply.status for outcome in outcomes[:1]] == [201]
    assert routes(service) == {"upload": 1}
    assert not claims.withdraw("ticket-1")


async def test_the_scheduler_of_dask_is_gone(folder, service, tmp_path, monkeypatch):
    from distributed import Client as DaskClient
    from distributed import LocalCluster

    quiet = await transcribe(folder, service, tmp_path, journal=tmp_path / "quiet.sqlite")
    created = service.created.total

    def run():
        with (
            dask.config.set({"distributed.comm.timeouts.connect": "2s"}),  # for the search for the scheduler
            LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0") as cluster,
            DaskClient(cluster, set_as_default=False, timeout="2s") as dask_client,
        ):
            closing = []

            def door(plain):
                async def watched(server, request, handler, visit, permission):
                    if visit.record.route == "upload" and not closing:
                        closing.append(
                            asyncio.get_running_loop().run_in_executor(
                                None, cluster.scheduler.loop.add_callback, cluster.scheduler.close
                            )
                        )
                        await closing[0]
                    return await plain(server, request, handler, visit, permission)

                return watched

            monkeypatch.setattr(Server, "_door", door(Server._door))
            executor = dask_client.get_executor()
            return asyncio.run(transcribe(folder, service, tmp_path, executor=executor, concurrency=2))

    with pytest.raises(ExecutorError, match="run the same call again"):
        await asyncio.to_thread(run)
    corpus = await transcribe(folder, service, tmp_path)
    assert_same_corpus(corpus, quiet)
    assert service.created.total - created == 6
    assert leftovers(service) == []
