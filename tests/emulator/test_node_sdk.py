"""The official Node SDK (2.3), unchanged, against the stand-in.

It is installed once for all tests by ``npm ci``, of the version and checksum in ``node/package-lock.json``. Where Node
or the package cannot be had, the tests are skipped and say why; in CI that is an error.
"""

import json
import logging
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from soniox_ds.emulator import local_service

FILES = Path(__file__).with_name("node")
OLDEST_NODE = 20
pytestmark = pytest.mark.xdist_group("node")  # so that it is installed once


def missing(reason):
    """Skip, or fail where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; CI needs Node {OLDEST_NODE} or newer with npm")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """A folder with the SDK, and the command that runs a script in it."""
    if not (shutil.which("node") and shutil.which("npm")):
        missing("Node or npm is not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    major = int(version.removeprefix("v").split(".")[0])
    if major < OLDEST_NODE:
        missing(f"Node is {version}, the SDK's live sessions need {OLDEST_NODE} or newer")
    folder = tmp_path_factory.mktemp("node")
    for name in ("package.json", "package-lock.json", "drive.mjs"):
        shutil.copy(FILES / name, folder)
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    try:
        done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        missing("npm did not install @soniox/node within five minutes")
    if done.returncode:
        missing(f"npm cannot install @soniox/node: {done.stderr[-500:]}")
    # Node 20 hides its WebSocket behind this option; from 22 on it is there without.
    options = ["--experimental-websocket"] if major < 22 else []

    def run(service, task, model, path):
        environment = {"PATH": os.environ["PATH"], **service.environment}
        command = ["node", *options, "drive.mjs", task, model, str(path)]
        ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return run


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
