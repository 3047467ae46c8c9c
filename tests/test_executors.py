"""Functions of opened corpora in executors: Dask with two worker processes, and pools whose workers die or differ."""

import multiprocessing
import os
import re
import signal
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import dask_cluster
import pandas as pd
import pytest
from waiting import PATIENCE_S

import soniox_ds as sx
from soniox_ds import _executors
from soniox_ds.exceptions import ExecutorError, InputError, OptionsError

pytestmark = pytest.mark.xdist_group("dask")


@pytest.fixture
def executor(dask_client):
    return dask_client.get_executor()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A corpus of twelve parts, with two recordings each."""
    folder = tmp_path_factory.mktemp("corpus")
    ids = [f"r{number:02}" for number in range(24)]
    recordings = pd.DataFrame(
        {
            "audio_id": ids,
            "status": "completed",
            "reference": "yes of course",
            "room": [int(each[1:]) // 2 for each in ids],
        }
    )
    tokens = pd.DataFrame(
        [(each, place, text) for each in ids for place, text in enumerate(["Yes", " of", f" {each}"])],
        columns=["audio_id", "token_index", "text"],
    )
    tokens["start_ms"], tokens["end_ms"] = 100 * tokens["token_index"], 100 * tokens["token_index"] + 90
    sx.Corpus(recordings, tokens).save(folder, partition_by="room")
    return folder


@pytest.mark.parametrize("function", [sx.words, sx.word_errors, sx.texts])
def test_dask_gives_the_same_result(function, folder, executor):
    opened = sx.open_corpus(folder, executor=executor)
    pd.testing.assert_frame_equal(function(opened), function(sx.read_corpus(folder)))


def test_the_folder_may_be_named_by_a_relative_path(folder, executor, monkeypatch):
    monkeypatch.chdir(folder.parent)  # The workers are still elsewhere.
    assert len(sx.words(sx.open_corpus(folder.name, executor=executor))) == 72


def test_the_result_is_complete_although_a_worker_is_killed(folder, dask_client, executor, monkeypatch):
    def submit_and_kill(task, **given):
        submitted.append(task)
        future = submit(task, **given)
        if len(submitted) == 5:
            os.kill(victim, signal.SIGKILL)
        return future

    submitted, submit = [], dask_client.submit
    victim = dask_cluster.processes(dask_client)[0]
    monkeypatch.setattr(dask_client, "submit", submit_and_kill)
    errors = sx.word_errors(sx.open_corpus(folder, executor=executor))
    pd.testing.assert_frame_equal(errors, sx.word_errors(sx.read_corpus(folder)))
    dask_client.wait_for_workers(2)
    assert victim not in dask_cluster.processes(dask_client)


def test_a_folder_that_the_workers_do_not_have(folder, executor, tmp_path):
    class Mover:
        """An executor that moves the folder away before the workers can read it."""

        def submit(self, task):
            if copy.exists():
                copy.rename(tmp_path / "elsewhere")
            return executor.submit(task)

    copy = tmp_path / "copy"
    sx.read_corpus(folder).save(copy)
    with pytest.raises(InputError, match=r"cannot be found by the worker on .* the same path on all of their machines"):
        sx.words(sx.open_corpus(copy, executor=Mover()))


def test_workers_with_another_version(folder, executor, monkeypatch):
    monkeypatch.setattr(_executors, "installed_version", lambda: "99.1")
    monkeypatch.setattr("soniox_ds.schema.by_part.installed_version", lambda: "99.1")
    with pytest.raises(ExecutorError, match=r'pip install "soniox-ds==99\.1"'):
        sx.words(sx.open_corpus(folder, executor=executor))


def test_one_worker_has_another_version():
    """The first task of a call may run on another worker, so each task checks the version."""
    with pytest.raises(ExecutorError, match=r"the worker on .* has soniox-ds .*, and this process has 99\.1"):
        _executors.check_version("99.1")


def test_workers_without_the_package(folder):
    with ThreadPoolExecutor(1) as executor:

        class WithoutPackage:
            def submit(self, task):
                return executor.submit(_executors.metadata.version, "soniox-ds-not-installed")

        with pytest.raises(ExecutorError, match="a worker of the executor does not have soniox-ds"):
            sx.words(sx.open_corpus(folder, executor=WithoutPackage()))


def test_a_pool_whose_worker_has_died(folder):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        opened = sx.open_corpus(folder, executor=pool)
        pool.submit(os._exit, 1)
        with pytest.raises(ExecutorError, match="Make a new executor and run the same call again"):
            sx.words(opened)


def test_executors_that_take_no_tasks(folder):
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(ExecutorError, match=r"takes no tasks .*after shutdown"):
        sx.words(sx.open_corpus(folder, executor=executor))


def test_results_that_dask_cannot_fetch(dask_client, executor, monkeypatch):
    """The executor of Dask would never end such a future, for example if a worker dies after its task."""

    async def fails(*_, **__):
        raise OSError("no route to the worker")

    monkeypatch.setattr(dask_client, "_gather", fails)
    with pytest.raises(OSError, match="no route to the worker"):
        _executors.submitted(executor, _executors.version_task).result(timeout=PATIENCE_S)


@pytest.mark.parametrize("wrong", [4, "processes", ThreadPoolExecutor])
def test_what_is_not_an_executor(wrong, folder):
    with pytest.raises(OptionsError, match=re.escape("client.get_executor() of Dask")):
        sx.open_corpus(folder, executor=wrong)


def test_a_client_is_not_an_executor(folder, dask_client):
    with pytest.raises(OptionsError, match=re.escape("client.get_executor() of Dask")):
        sx.open_corpus(folder, executor=dask_client)
