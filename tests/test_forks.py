"""Forks while another thread is inside its first call: the child works, or says why it cannot."""

import os
import subprocess
import sys
import textwrap

import pytest
from waiting import PATIENCE_S

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")

HEAD = """
import os, sys, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)
import soniox_ds as sx
reached, go_on = threading.Event(), threading.Event()

def in_child(work):
    child = os.fork()
    if child == 0:
        try:
            work()
        except Exception as error:
            print("child", type(error).__name__, error, flush=True)
            sys.exit(0)
        sys.exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


def output_of(code, *arguments):
    """Run a script and return its output. It must end without any message on standard error."""
    command = [sys.executable, "-c", textwrap.dedent(HEAD) + textwrap.dedent(code), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("module", ["soniox_ds._sync", "httpx", "pandas"])
def test_a_fork_while_another_thread_imports_for_its_first_call(module, service, tmp_path, tiny_wav):
    """The child gets an error, whatever it calls, and the call of the parent continues."""
    code = """
    from importlib.machinery import SourceFileLoader
    execute = SourceFileLoader.exec_module

    def slowly(loader, module):
        if module.__name__ == sys.argv[3] and not reached.is_set():
            reached.set()
            go_on.wait()
        execute(loader, module)

    SourceFileLoader.exec_module = slowly

    def call():
        corpus = sx.transcribe(sys.argv[1], journal=sys.argv[2], progress=False)
        print("parent", *corpus.recordings["status"], flush=True)

    thread = threading.Thread(target=call)
    thread.start()
    reached.wait()
    in_child(lambda: sx.transcribe(sys.argv[1], journal=sys.argv[2], progress=False))
    in_child(lambda: sx.word_errors)
    in_child(lambda: sx.aio)
    in_child(lambda: in_child(lambda: sx.word_errors))
    go_on.set()
    thread.join()
    in_child(lambda: print("child", sx.transcribe.__name__, flush=True))
    """
    tiny_wav(tmp_path / "a.wav")
    lines = output_of(code, tmp_path / "a.wav", tmp_path / "journal.sqlite", module).splitlines()
    assert [line.split()[:2] for line in lines] == [
        *[["child", "SetupError"]] * 4,
        ["parent", "completed"],
        ["child", "transcribe"],
    ]
    assert all(module in line and "spawn" in line for line in lines[:4])


def test_a_fork_while_another_thread_imports_for_itself(service, tmp_path, tiny_wav):
    """A module that another thread imports for other reasons does not prevent a call."""
    code = """
    import pathlib

    sx.transcribe(sys.argv[1], journal=sys.argv[2], progress=False)
    pathlib.Path(sys.argv[3], "lengthy.py").write_text("import __main__; __main__.reached.set(); __main__.go_on.wait()")
    sys.path.insert(0, sys.argv[3])
    thread = threading.Thread(target=__import__, args=["lengthy"])
    thread.start()
    reached.wait()
    in_child(lambda: print(*sx.transcribe(sys.argv[1], journal=sys.argv[2] + "2", progress=False).recordings["status"]))
    go_on.set()
    thread.join()
    """
    tiny_wav(tmp_path / "a.wav")
    assert output_of(code, tmp_path / "a.wav", tmp_path / "journal.sqlite", tmp_path) == "completed\n"


def test_processes_that_multiprocessing_forks_after_a_call_has_ended(service, tmp_path, tiny_wav):
    code = """
    import multiprocessing

    def transcribe(number):
        corpus = sx.transcribe(sys.argv[1], journal=f"{sys.argv[2]}{number % 2}", repeat=number // 2, progress=False)
        return corpus.recordings["status"].tolist()

    print(transcribe(0))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(transcribe, range(6)))
    print(transcribe(1))
    """
    tiny_wav(tmp_path / "a.wav")
    lines = output_of(code, tmp_path / "a.wav", tmp_path / "j").splitlines()
    assert lines == ["['completed']", str([["completed"]] * 6), "['completed']"]


def test_a_fork_while_another_thread_waits_for_its_first_call(service, tmp_path, tiny_wav):
    """The child starts a new loop, and both calls end."""
    code = """
    def wait(snapshot):
        reached.set()
        go_on.wait()

    def transcribe(journal, progress):
        corpus = sx.transcribe(sys.argv[1], journal=sys.argv[2] + journal, progress=progress)
        print(journal, corpus.recordings["status"].tolist(), flush=True)

    thread = threading.Thread(target=transcribe, args=["parent", wait])
    thread.start()
    reached.wait()
    in_child(lambda: transcribe("child", False))
    go_on.set()
    thread.join()
    """
    tiny_wav(tmp_path / "a.wav")
    assert output_of(code, tmp_path / "a.wav", tmp_path / "j").splitlines() == [
        "child ['completed']",
        "parent ['completed']",
    ]


def test_a_fork_while_streams_are_open_and_locks_are_held(service, tmp_path, tiny_wav):
    """The streams of the parent do not count in the session limits of the child."""
    code = """
    from soniox_ds.api import session_limit
    from soniox_ds.api.connection import Connection

    own = sx.SessionLimit(sessions=1)
    shared = session_limit.session_limit_for(Connection())

    def hold():
        for one in (own, shared):
            one.open = one.sessions
            one._queue.append(object())
        with own._lock, shared._lock, session_limit._shared_lock:
            reached.set()
            go_on.wait()

    def stream(**settings):
        streamed = sx.stream_dataset(sys.argv[1], speed=None, progress=False, journal=sys.argv[2], **settings)
        print(streamed.recordings["status"].tolist(), flush=True)

    thread = threading.Thread(target=hold)
    thread.start()
    reached.wait()
    in_child(lambda: (stream(), stream(session_limit=own, refresh=True)))
    go_on.set()
    thread.join()
    """
    tiny_wav(tmp_path / "a.wav")
    assert output_of(code, tmp_path / "a.wav", tmp_path / "j").splitlines() == ["['completed']"] * 2
