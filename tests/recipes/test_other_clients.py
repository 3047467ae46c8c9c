"""The recipes for other people's clients, each run unchanged, as its page says, against the stand-in."""

import json
import re
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from client_environments import node_command, python_of_clients, run_client

from soniox_ds.corpus.samples import samples_folder
from soniox_ds.emulator import local_service

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "docs" / "recipes"
SCRIPT = "Good morning, Ann. The train leaves at nine."
RECORDING = samples_folder() / "market_stall.wav"


@pytest.fixture
def service():
    """A stand-in that hears the script in every recording and every stream."""
    scripts = {RECORDING.name: SCRIPT, "recording.wav": SCRIPT, "audio.wav": SCRIPT}
    with local_service("scripted", speed=100, scripts=scripts, stream_script=SCRIPT) as running:
        yield running


def assert_is_clean(service):
    assert not service.files
    assert not service.transcriptions
    assert not service.open_streams


@pytest.mark.xdist_group("clients")  # so that only one worker waits for the installation
@pytest.mark.parametrize("name", ["livekit_stt.py", "pipecat_stt.py"])
def test_a_live_client_prints_each_utterance(service, name):
    printed = run_client([python_of_clients(), RECIPES / name, RECORDING], service.environment)
    assert printed.splitlines() == ["Good morning, Ann.", "The train leaves at nine."]
    [request] = service.requests
    assert (request.route, request.status) == ("websocket", 101)


def test_the_loader_of_langchain(service):
    printed = run_client([sys.executable, RECIPES / "langchain_loader.py", RECORDING], service.environment)
    assert printed == f"{SCRIPT}\n"
    assert_is_clean(service)


def test_the_node_sdk(service, tmp_path):
    printed = run_client([*node_command(RECIPES / "node_sdk.mjs", tmp_path), RECORDING], service.environment)
    assert printed.splitlines() == [f"job: {SCRIPT}", f"live: {SCRIPT}"]
    assert_is_clean(service)


def test_the_vercel_ai_sdk(service, tmp_path):
    printed = run_client([*node_command(RECIPES / "vercel_ai_sdk.mjs", tmp_path), RECORDING], service.environment)
    text, pieces = printed.splitlines()
    assert text == SCRIPT
    n_pieces, end_s = re.fullmatch(r"(\d+) pieces, the last ends at ([\d.]+) s", pieces).groups()
    assert int(n_pieces) >= len(SCRIPT.split())
    assert 4 < float(end_s) <= 5.4
    assert_is_clean(service)


def test_the_page_names_the_releases_that_are_tested():
    tested = {name: version(name) for name in ("langchain-soniox", "soniox")}
    tested |= json.loads((ROOT / "tests/clients/node/package.json").read_text(encoding="utf-8"))["dependencies"]
    pins = (ROOT / "tests/clients/python/requirements.in").read_text(encoding="utf-8")
    tested |= re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)$", pins, re.MULTILINE)
    page = (ROOT / "docs" / "other-programs.md").read_text(encoding="utf-8")
    cells = [row.split("|")[4].strip() for row in re.findall(r"^\| .*$", page, re.MULTILINE)[1:]]
    named = [each.split() for cell in cells[1:] for each in cell.split(", ")]
    assert len(named) == 7
    assert all(tested[name] == release for name, release in named)
