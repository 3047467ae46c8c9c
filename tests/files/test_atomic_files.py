"""Files that are replaced as a whole: what they hold, and who may read them."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.exceptions import InputError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.widgets.review.store import ReviewStore

pytestmark = pytest.mark.skipif(os.name == "nt", reason="permissions of this kind")


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def write(path, text):
    with replacing(path) as beside:
        assert beside.parent == path.resolve().parent
        beside.write_text(text, encoding="utf-8")


def keep_review(path):
    review = {"audio_id": "a", "start_ms": 0, "end_ms": 1, "verdict": "right", "corrected": False}
    ReviewStore(path).keep(review | {"reviewed_at": pd.Timestamp("2026-01-01", tz="UTC")})


def write_report(path):
    recordings = pd.DataFrame({"audio_id": ["a"], "status": "completed", "text": "word"})
    sx.report(sx.Corpus(recordings, pd.DataFrame({"audio_id": ["a"], "token_index": 0, "text": "word"})), path=path)


WRITERS = [
    pytest.param(lambda path: write(path, "x"), "a.txt", id="plain"),
    pytest.param(write_report, "report.html", id="report"),
    pytest.param(keep_review, "reviews.csv", id="reviews.csv"),
    pytest.param(keep_review, "reviews.parquet", id="reviews.parquet"),
]


@pytest.mark.parametrize(("writer", "name"), WRITERS)
def test_a_new_file_obeys_the_umask_and_an_old_one_keeps_its_mode(tmp_path, umask, writer, name):
    path = tmp_path / name
    writer(path)
    assert mode(path) == 0o666 & ~umask
    for kept in (0o600, 0o640, 0o664):
        path.chmod(kept)
        writer(path)
        assert mode(path) == kept
    assert {found.name for found in tmp_path.iterdir()} <= {name, f".{name}.lock"}


def test_an_interrupted_write_changes_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("good")
    path.chmod(0o640)

    def break_off():
        with replacing(path) as beside:
            assert mode(beside) == 0o600  # not yet for those who may read the old one
            beside.write_text("half of it")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert (path.read_text(), mode(path), list(tmp_path.iterdir())) == ("good", 0o640, [path])
    with pytest.raises(InputError, match=r"cannot be written, because the folder .* does not exist"):
        write(tmp_path / "nowhere" / "a.txt", "x")


def test_a_link_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    path, link = tmp_path / "real" / "a.txt", tmp_path / "link.txt"
    path.write_text("old")
    link.symlink_to(path)
    write(link, "new")
    assert link.is_symlink()
    assert path.read_text() == "new"
    path.unlink()
    write(link, "newer")  # it led to nothing
    assert path.read_text() == "newer"


def test_devices_and_pipes_are_written_to_and_never_replaced(tmp_path):
    device = tmp_path / "device"
    if os.geteuid() == 0:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # what /dev/null is
    else:
        device = Path(os.devnull)
    with replacing(device) as beside:
        beside.write_text("for nobody", encoding="utf-8")
    assert stat.S_ISCHR(device.stat().st_mode)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(pipe.read_text, encoding="utf-8")
        with replacing(pipe) as beside:
            beside.write_text("for the other end", encoding="utf-8")
        assert heard.result(timeout=60) == "for the other end"
    assert pipe.is_fifo()
    assert {found.name for found in tmp_path.iterdir()} <= {"device", "pipe"}


def test_nothing_is_sent_to_a_pipe_if_the_block_fails(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(os.devnull)

    def fail_half_way():
        with replacing(link) as beside:
            beside.write_text("half", encoding="utf-8")
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        fail_half_way()
    assert stat.S_ISCHR(link.stat().st_mode)
    assert link.is_symlink()


def test_standard_output_can_be_written_to():
    program = (
        "from soniox_ds.files.atomic_files import replacing\n"
        "with replacing('/dev/stdout') as beside:\n"
        "    beside.write_text('a line')"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (ran.stdout, ran.returncode) == ("a line", 0), ran.stderr
