"""Disks that are full or read-only: the package's own errors, and nothing left behind."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pandas as pd
import pytest
from batches import wav

import soniox_ds as sx

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and mounts of Linux")

SETUP = """
import contextlib, resource, sys
from pathlib import Path
import pandas as pd
import soniox_ds as sx
from soniox_ds.exceptions import InputError
from soniox_ds.live.result import LiveResult

folder = Path(sys.argv[1])
word = " ".join(str(number ** 7) for number in range(300))

def corpus_of(*ids):
    recordings = pd.DataFrame(
        {"audio_id": list(ids), "status": "completed", "text": word, "split": [f"s{n}" for n in range(len(ids))]}
    )
    return sx.Corpus(recordings, pd.DataFrame({"audio_id": list(ids), "token_index": 0, "text": list(ids)}))

def files():
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*") if path.name != ".corpus.lock"}

@contextlib.contextmanager
def full(largest):
    # A file that grows beyond the limit is the OSError that a full disk is, at the same places, for root as well.
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

def refused(call, *says):
    before = files()
    try:
        call()
    except InputError as error:
        assert all(text in str(error) for text in ("cannot be", *says)), error
    else:
        raise AssertionError("nothing was refused")
    assert files() == before, set(files()) ^ set(before)
"""


def run(body: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-c", SETUP + textwrap.dedent(body), str(folder)], check=True, timeout=120)


# What a save needs: less than the first file, all of the tokens but not the recordings, all but the list of saves.
LIMITS = [0, 100, 4000, 6000]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("partition_by", [None, "split"])
def test_saving_a_corpus_on_a_full_disk(tmp_path, limit, partition_by):
    run(
        f"""
        new = folder / "deep" / "new"
        options = {{"partition_by": {partition_by!r}}}
        with full({limit}):
            refused(lambda: corpus_of("a", "b").save(new, **options), str(new), "Free disk space")
        assert not new.parent.exists()
        corpus_of("a", "b").save(new, **options)
        with full({limit}):
            refused(lambda: corpus_of("c").save(new, append=True), str(new))
            refused(lambda: corpus_of("c").save(new, overwrite=True), str(new))
        assert sx.read_corpus(new).equals(corpus_of("a", "b"))
        corpus_of("c").save(new, append=True)
        assert list(sx.read_corpus(new)) == ["a", "b", "c"]
        (folder / "empty").mkdir()
        with full({limit}):
            refused(lambda: corpus_of("c").save(folder / "empty"))
        corpus_of("c").save(folder / "empty")
        """,
        tmp_path,
    )


def test_saving_live_recordings_on_a_full_disk(tmp_path):
    run(
        """
        def live_result_of(audio_id, payload):
            log = {"audio_id": audio_id, "at_ms": [1.0], "kind": "note", "session": 0, "offset_ms": 0}
            recordings = pd.DataFrame({"audio_id": [audio_id], "status": ["completed"]})
            return LiveResult(recordings, pd.DataFrame({**log, "payload": payload}))

        long = " ".join(str(number ** 9) for number in range(3000))
        with full(12_000):
            refused(lambda: live_result_of("a", long).save(folder / "live"))
        assert not (folder / "live").exists()
        live_result_of("a", "x").save(folder / "live")
        with full(12_000):
            refused(lambda: live_result_of("b", long).save(folder / "live", overwrite=True))
        kept = sx.read_live_result(folder / "live")
        assert (list(kept.recordings["audio_id"]), list(kept.log["payload"])) == (["a"], ["x"])
        live_result_of("b", long).save(folder / "live", overwrite=True)
        assert sx.read_live_result(folder / "live").log["payload"].tolist() == [long]
        """,
        tmp_path,
    )


def test_single_files_on_a_full_disk(tmp_path):
    run(
        """
        turns = pd.DataFrame({"audio_id": "a", "speaker": "1", "start_ms": range(0, 90000, 10)})
        turns = turns.assign(end_ms=turns["start_ms"] + 10)
        corpus = corpus_of("a")
        for name, write in (("a.rttm", lambda path: sx.io.write_rttm(turns, path)),
                            ("a.html", lambda path: sx.report(corpus, path=path))):
            with full(1000):
                refused(lambda: write(folder / name), name)
            write(folder / name)
            with full(1000):
                refused(lambda: write(folder / name), name)
            refused(lambda: write(folder / "nowhere" / name)) if name == "a.rttm" else None
        """,
        tmp_path,
    )


def read_only(body: str, tmp_path: Path) -> None:
    """Run code with a read-only disk at `tmp_path`, for root as well."""
    script = tmp_path / "script.py"
    script.write_text(SETUP + textwrap.dedent(body))
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 77; exec "$2" "$1/script.py" "$1"'
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare here")
    done = subprocess.run(
        [unshare, "-rm", "sh", "-c", mount, "sh", str(tmp_path), sys.executable],
        check=False,
        timeout=120,
        capture_output=True,
        text=True,
    )
    if done.returncode in (1, 77) and ("unshare" in done.stderr or "mount:" in done.stderr):
        pytest.skip(f"no mounts here: {done.stderr}")
    assert done.returncode == 0, done.stderr


def test_writing_to_a_read_only_disk(tmp_path):
    recordings = pd.DataFrame({"audio_id": ["a"], "status": ["completed"]})
    sx.Corpus(recordings).save(tmp_path / "c")
    (tmp_path / "empty").mkdir()
    read_only(
        """
        corpus = corpus_of("b")
        assert list(sx.read_corpus(folder / "c")) == ["a"]
        refused(lambda: corpus.save(folder / "c", append=True), "Read-only")
        refused(lambda: corpus.save(folder / "c", overwrite=True), "Read-only")
        refused(lambda: corpus.save(folder / "empty"), "Read-only")
        refused(lambda: corpus.save(folder / "new"), "Read-only")
        refused(lambda: sx.report(corpus, path=folder / "a.html"), "Read-only")
        turns = pd.DataFrame({"audio_id": ["a"], "speaker": ["1"], "start_ms": [0], "end_ms": [5]})
        refused(lambda: sx.io.write_rttm(turns, folder / "a.rttm"), "Read-only")
        """,
        tmp_path,
    )


@pytest.mark.parametrize("left", ["closed", "killed", "by an earlier version"])
def test_recalling_from_a_journal_on_a_read_only_disk(tmp_path, left):
    """Known transcripts are recalled, new recordings are refused by name, and nothing is sent."""
    (tmp_path / "audio").mkdir()
    for number, name in enumerate("abc"):
        (tmp_path / "audio" / f"{name}.wav").write_bytes(wav(number))
    with sx.local_service("scripted", speed=100, set_environment=False) as service:
        script = f"""
        from soniox_ds import Connection
        here = Connection(api_key={service.key!r}, api_base_url={service.base_url!r})
        corpus = sx.transcribe([folder / "audio" / "a.wav", folder / "audio" / "b.wav"],
                               journal=folder / "j.sqlite", connection=here, progress=False)
        assert len(corpus.completed) == 2
        corpus.save(folder / "kept")
        """
        run(script, tmp_path)
        if left == "killed":
            leave_log(tmp_path / "j.sqlite")
        if left == "by an earlier version":
            made_older(tmp_path / "j.sqlite")
        sent = len(service.requests)
        read_only(
            f"""
            import warnings
            from soniox_ds import Connection
            from soniox_ds.exceptions import JournalError
            here = Connection(api_key={service.key!r}, api_base_url={service.base_url!r})
            def transcribe(*names):
                return sx.transcribe([folder / "audio" / name for name in names],
                                     journal=folder / "j.sqlite", connection=here, progress=False)
            corpus = transcribe("a.wav", "b.wav")
            assert corpus.tokens.equals(sx.read_corpus(folder / "kept").tokens)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                corpus = transcribe("a.wav", "c.wav")
            assert corpus.recordings["status"].tolist() == ["completed", "failed"]
            assert corpus.recordings["error_type"].tolist()[1] == "journal_error"
            assert "j.sqlite" in corpus.recordings["error_message"].iloc[1]
            try:
                transcribe("c.wav")
            except JournalError as error:
                assert "j.sqlite" in str(error), error
            else:
                raise AssertionError("nothing was refused")
            """,
            tmp_path,
        )
        assert len(service.requests) == sent


def made_older(path: Path) -> None:
    """Make a journal what the version before this one wrote."""
    db = sqlite3.connect(path)
    db.execute("ALTER TABLE jobs DROP COLUMN resolved_model")
    db.execute("PRAGMA user_version=1")
    db.commit()
    db.close()
    assert not path.with_name(f"{path.name}-wal").exists()


def leave_log(path: Path) -> None:
    """Leave the journal as a killed process does: what was written last stands in the log beside it."""
    code = (
        "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1]); "
        "db.execute(\"INSERT INTO claims VALUES ('x', 'y')\"); db.commit(); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    path.with_name(f"{path.name}-shm").unlink()
    assert path.with_name(f"{path.name}-wal").stat().st_size


def test_live_recordings_on_a_read_only_disk(tmp_path):
    for number, name in enumerate("abcd"):
        (tmp_path / f"{name}.wav").write_bytes(wav(number))
    with sx.local_service("scripted", speed=100, set_environment=False) as service:
        call = f"""
        from soniox_ds import Connection
        from soniox_ds.exceptions import JournalError
        here = Connection(api_key={service.key!r}, api_base_url={service.base_url!r})
        def stream(*names):
            return sx.stream_dataset([folder / name for name in names], journal=folder / "j.sqlite",
                                     connection=here, progress=False)
        """
        run(f'{call}\n        stream("a.wav", "d.wav").save(folder / "kept")\n', tmp_path)
        sent = len(service.requests)
        read_only(
            f"""{call}
        import warnings
        kept = sx.read_live_result(folder / "kept")
        assert stream("a.wav", "d.wav").log["payload"].equals(kept.log["payload"])
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            mixed = stream("b.wav", "a.wav", "c.wav", "d.wav")
        assert "2 of 4 recordings failed: journal_error (2)" in str(warned[0].message), warned
        assert mixed.recordings["status"].tolist() == ["failed", "completed", "failed", "completed"]
        assert "j.sqlite" in mixed.recordings["error_message"].iloc[0]
        assert mixed.log["payload"].equals(kept.log["payload"])
        try:
            stream("b.wav")
        except JournalError as error:
            assert "j.sqlite" in str(error), error
        else:
            raise AssertionError("nothing was refused")
        """,
            tmp_path,
        )
        assert len(service.requests) == sent
