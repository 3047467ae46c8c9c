"""The official Node SDK (2.3), unchanged, against the stand-in."""

import json
import logging
from pathlib import Path

import pytest
from client_environments import node_command, run_client

from soniox_ds.emulator import local_service

SCRIPT = Path(__file__).with_name("node_sdk.mjs")


@pytest.fixture
def node(tmp_path):
    """A function that runs a task of the script against a service."""
    folder = tmp_path / "node"
    folder.mkdir()
    command = node_command(SCRIPT, folder)
    return lambda service, task, model, path: json.loads(run_client([*command, task, model, path], service.environment))


@pytest.fixture
def path(tiny_wav, tmp_path):
    return tiny_wav(tmp_path / "talk.wav", seconds=3.0)


ASYNC = ["stt-async-v6", "stt-async-v5", "stt-async-v4"]
REAL_TIME = ["stt-rt-v6", "stt-rt-v5", "stt-rt-v4"]


@pytest.mark.parametrize("model", ASYNC)
def test_the_life_of_a_job(node, service, path, model):
    found = node(service, "recording", model, path)
    assert (found["status"], found["model"]) == ("completed", model)
    assert (found["filename"], found["reference"]) == ("talk.wav", "mine")
    assert found["text"]
    assert found["tokens"]
    assert found["isListed"]
    assert found["total"] == 1
    assert {*ASYNC, *REAL_TIME} <= set(found["models"])
    assert found["isGone"]
    assert not service.files
    assert not service.transcriptions


def test_a_job_in_one_call(node, service, path):
    found = node(service, "oneCall", "stt-async-v6", path)
    assert found["status"] == "completed"
    assert found["text"]
    assert not service.files
    assert not service.transcriptions


@pytest.mark.parametrize("model", REAL_TIME)
def test_a_live_session(node, service, path, model, caplog):
    with caplog.at_level(logging.WARNING, logger="soniox_ds.emulator"):
        found = node(service, "live", model, path)
    assert found["text"].strip()
    assert "<" not in found["text"]  # the SDK makes events of the markers
    assert "finalized" in found["happened"]
    assert "finished" in found["happened"]
    assert "error" not in found["happened"]
    assert sum("15 January 2027" in record.getMessage() for record in caplog.records) == 1  # it sends the key there


def test_a_temporary_key(node, service, path):
    assert node(service, "temporaryKey", "stt-rt-v6", path)["text"].strip()


def test_refusals(node, path):
    """After 15 January 2027 this SDK cannot open sessions any more, which can be rehearsed."""
    with local_service("scripted", speed=100, set_environment=False, refuse_key_in_message=True) as strict:
        found = node(strict, "refusals", "stt-rt-v6", path)
    assert found["rest"]["status"] == 400
    assert found["live"]["status"] == 401
