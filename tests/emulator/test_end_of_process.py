"""A script that leaves the stand-in running ends without a word."""

import subprocess
import sys

import pytest

START = "import soniox_ds as sx; sx.local_service('scripted').start()"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(START, id="nothing-was-asked"),
        pytest.param(f"{START}; sx.stream('data/samples/short_answer.wav', speed=None)", id="a-stream"),
        pytest.param(f"{START}; sx.transcribe('data/samples/short_answer.wav', progress=False)", id="a-job"),
    ],
)
def test_it_ends_quietly(script, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # for the journal
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, "")
