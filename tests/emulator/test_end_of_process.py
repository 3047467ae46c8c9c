"""A script that leaves the stand-in running ends without a word, and a killed one leaves nothing for long."""

import os
import subprocess
import sys
import tempfile

import pytest

from soniox_ds import local_service

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


UPLOAD = """
import soniox_ds as sx, sys
service = sx.local_service("scripted").start()
service.faults.next("stuck")
try:
    sx.transcribe("data/samples/short_answer.wav", journal=sys.argv[1], progress=False, timeout_s=0.1)
except sx.exceptions.SonioxDSError:
    pass
print(service._server._store.folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files, here and in processes that are started."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def started(tmp_path):
    """A process whose stand-in holds a file, and the folder of that."""
    command = [sys.executable, "-W", "ignore", "-c", UPLOAD, str(tmp_path / "journal.sqlite")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def test_the_folder_of_a_killed_stand_in_goes_when_the_next_one_starts(temporary, tmp_path):
    killed, stale = started(tmp_path)
    living, used = started(tmp_path / "other")
    killed.kill()
    killed.communicate()
    assert len(os.listdir(stale)) > 1
    foreign = temporary / "soniox-ds-local-of-somebody"
    foreign.mkdir()
    (temporary / "soniox-ds-local-link").symlink_to(used)
    with local_service("scripted"):
        left = set(os.listdir(temporary))
    assert os.path.basename(stale) not in left
    assert left >= {os.path.basename(used), foreign.name, "soniox-ds-local-link"}
    assert len(os.listdir(used)) > 1
    living.communicate("")
    assert not os.path.exists(used)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_that_ends_deletes_nothing_of_its_parent(temporary):
    script = """
import gc, os, sys, warnings
warnings.simplefilter("ignore")
import soniox_ds as sx
from soniox_ds.emulator.store import AudioStore
service = sx.local_service("scripted").start()
store = AudioStore()
child = os.fork()
if child == 0:
    del store
    gc.collect()
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
other = os.fork()
if other == 0:
    os.execv(sys.executable, [sys.executable, "-c", "import soniox_ds as sx; sx.local_service('scripted').start()"])
os.waitpid(other, 0)
print(store.folder.is_dir(), service._server._store.folder.is_dir())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True True\n", "")
    assert os.listdir(temporary) == []
