"""Counting, the words for it, and the displays that need no kernel (those that do are in ``kernels/``)."""

import io
import os
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds.progress import display as module
from soniox_ds.progress.counts import Counts, Snapshot
from soniox_ds.progress.display import (
    CallbackProgress,
    LogProgress,
    NotebookProgress,
    Progress,
    SilentProgress,
    TerminalProgress,
    progress_for,
)

LINES = [
    ({}, "0 done, 0.0 s"),
    ({"total": 0, "closed": True}, "0 of 0 done, 0.0 s"),
    ({"total": 5, "completed": 2, "failed": 1, "elapsed_s": 9.94}, "3 of 5 done, 1 failed, 9.9 s"),
    ({"total": 5, "completed": 2, "closed": True, "elapsed_s": 59.7}, "stopped with 2 of 5 done, 1 min 00 s"),
    ({"completed": 2, "closed": True, "elapsed_s": 9.97}, "stopped with 2 done, 10 s"),
    ({"total": 1200, "completed": 1000, "recalled": 1000}, "1,000 of 1,200 done, 1,000 of them recalled, 0.0 s"),
    (
        {"total": 2, "completed": 2, "audio_ms": 59_400, "cost_usd": 0.0004},
        "2 of 2 done, 59.4 s of audio, less than $0.001, 0.0 s",
    ),
    (
        {"total": 2, "completed": 2, "audio_ms": 59_970, "cost_usd": 0.004},
        "2 of 2 done, 1.0 min of audio, about $0.004, 0.0 s",
    ),
    (
        {"total": 2, "completed": 2, "audio_ms": 3_600_000, "cost_usd": 0.1},
        "2 of 2 done, 1.0 h of audio, about $0.10, 0.0 s",
    ),
    ({"audio_ms": 4_000 * 3_600_000, "cost_usd": 1234.5}, "0 done, 4,000.0 h of audio, about $1,234.50, 0.0 s"),
    ({"elapsed_s": 3599.6}, "0 done, 1 h 00 min"),
    ({"elapsed_s": 7500, "eta_s": 200}, "0 done, 2 h 05 min, about 3 min 20 s left"),
    ({"eta_s": 200, "note": "waiting", "total": 0, "closed": True}, "0 of 0 done, 0.0 s"),
    ({"note": "waiting for room: 100 pending"}, "0 done, 0.0 s; waiting for room: 100 pending"),
]


@pytest.mark.parametrize(("known", "line"), LINES)
def test_the_line(known, line):
    assert Snapshot(**known).line == line


def counts_of_ten(audio_ms=None):
    """Ten recordings: two recalled; the first of the others finishes after 30 s, then one each 2 s."""
    counts = Counts(started_s=1000.0)
    counts.set_total(10, audio_ms)
    counts.add_recalled(2, duration_ms=200)
    for number in range(5):
        counts.add_finished(number != 3, duration_ms=1000, cost_usd=0.5, at_s=1030.0 + 2 * number)
    return counts


def test_counts_by_hand():
    counts = counts_of_ten()
    counts.note("waiting for room: 100 pending")
    assert counts.snapshot(1040.0) == Snapshot(
        total=10,
        completed=6,
        failed=1,
        recalled=2,
        audio_ms=4200,  # 2 recalled of 200 in all, 4 completed of 1000 each
        cost_usd=2.5,
        elapsed_s=40.0,
        eta_s=7.5,  # 3 left; 4 finished in the 10 s since the first one
        note="waiting for room: 100 pending",
    )


def test_the_later_end_counts_where_all_audio_is_known():
    # 4000 ms finished in the 10 s since the first one; 13200 - 200 - 5000 are left: 20 s
    assert counts_of_ten(audio_ms=13_200).snapshot(1040.0).eta_s == 20.0
    assert counts_of_ten(audio_ms=6_200).snapshot(1040.0).eta_s == 7.5


def test_the_mean_duration_stands_for_recordings_that_are_not_inspected():
    counts = counts_of_ten()
    counts.add_inspected(5, 6_600)  # 1320 ms each: 13200 ms in all, as above
    assert counts.snapshot(1040.0).eta_s == 20.0
    counts.add_inspected(5, 0)  # all are inspected now: 6600 - 200 - 5000 are left, 3.5 s, and 3 recordings, 7.5 s
    assert counts.snapshot(1040.0).eta_s == 7.5


def test_phases_and_the_bar_of_one_long_recording():
    counts = Counts(started_s=0.0)
    counts.set_total(1)

    def shown():
        snapshot = counts.snapshot(12.0)
        return snapshot.line.partition("; ")[2], snapshot.worked

    counts.move("", "checking")
    assert shown() == ("checking 1", 0)
    counts.move("checking", "uploading")
    counts.set_sent("key", 450, 1000)
    assert shown() == ("uploading 1 (45 %)", 0.225)
    counts.set_sent("key", 1000, 1000)
    assert shown() == ("uploading 1 (100 %)", 0.5)
    counts.set_sent("key", None)
    counts.move("uploading", "waiting")
    assert shown() == ("waiting 1", 0.5)
    counts.move("waiting", "fetching")
    assert shown() == ("fetching 1", 0.5)
    counts.move("fetching", "")
    counts.add_finished(True, at_s=12.0)
    assert shown() == ("", 1)
    counts.move("", "waiting", 3)  # parts of one recording count no more than the recording itself
    counts.set_total(2)
    assert shown() == ("waiting 3", 1.5)
    assert counts.snapshot(12.0, closed=True).line == "stopped with 1 of 2 done, 12 s"


def test_shares_of_uploads_are_by_bytes():
    counts = Counts(started_s=0.0)
    counts.move("", "uploading", 2)
    counts.set_sent("a", 0, 3000)
    counts.set_sent("b", 1000, 1000)
    assert counts.snapshot(0.0).phases == "uploading 2 (25 %)"


def test_nothing_is_said_of_the_end_before_five_have_finished():
    counts = Counts(started_s=0.0)
    counts.set_total(10)
    counts.add_recalled(5)
    for number in range(4):
        counts.add_finished(True, at_s=number)
        assert counts.snapshot(20.0).eta_s is None
    counts.add_finished(True, at_s=4.0)
    assert counts.snapshot(4.0).eta_s == 0.0  # all ten are done
    assert counts.snapshot(4.0, closed=True).eta_s is None


events = st.lists(st.tuples(st.booleans(), st.integers(0, 10**7), st.floats(0, 100)), max_size=30)


@given(events, st.integers(0, 20), st.integers(0, 20))
def test_laws_of_the_tally(events, recalled, left):
    counts = Counts(started_s=0.0)
    total = recalled + len(events) + left
    counts.set_total(total)
    counts.add_recalled(recalled)
    at_s = 0.0
    for ok, duration_ms, wait_s in events:
        at_s += wait_s
        counts.add_finished(ok, duration_ms, 0.01, at_s=at_s)
        shown = counts.snapshot(at_s)
        assert 0 <= shown.done <= total
        assert shown.eta_s is None or shown.eta_s >= 0
    last = counts.snapshot(at_s, closed=True)
    assert last.done == recalled + len(events)
    assert last.stopped == (left > 0)
    assert last.audio_ms == sum(duration_ms for ok, duration_ms, _ in events if ok)


class Ticking:
    """A clock that is turned by hand."""

    now_s = 50.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Ticking()


def test_a_log_gets_a_line_each_half_minute_and_the_last_one(clock):
    out = io.StringIO()
    with Progress(LogProgress(stream=out, now=clock), now=clock) as progress:
        progress.set_total(100)
        for _ in range(100):
            clock.now_s += 1
            progress.add_finished(True)
    assert [line.split(",")[0] for line in out.getvalue().splitlines()] == [
        "30 of 100 done",
        "60 of 100 done",
        "90 of 100 done",
        "100 of 100 done",
    ]


def test_a_terminal_gets_a_bar_and_keeps_one_line(clock):
    out = io.StringIO()
    with Progress(TerminalProgress(stream=out, now=clock), now=clock) as progress:
        progress.note("counting")
        for number in range(1, 5):
            clock.now_s += 0.06
            progress.set_total(number * 10)
            progress.add_finished(True)
    bars, last = out.getvalue().rsplit("\r", 1)
    assert last == "stopped with 4 of 40 done, 0.2 s\n"
    # at 0, 0.12 and 0.24 s, at the first call of each moment
    assert [number for number in range(1, 5) if f" of {number * 10} done" in bars] == [2, 4]
    assert "0 done, 0.0 s; counting" in bars


def test_a_screen_is_touched_ten_times_in_a_second_at_most(clock, monkeypatch):
    shown = []
    monkeypatch.setattr(NotebookProgress, "_show", lambda self, snapshot: shown.append(snapshot.done))
    with Progress(NotebookProgress(now=clock), now=clock) as progress:
        for _ in range(1000):
            progress.add_finished(True)
            clock.now_s += 1 / 256
    assert len(shown) == 1 + 1000 // 26 + 1  # one at once, one each 26/256 s (the first above 0.1 s), and the last one
    assert shown[0] == 1
    assert shown[-1] == 1000


def test_a_function_sees_every_step():
    seen = []
    with Progress(progress_for(seen.append)) as progress:
        progress.set_total(3)
        progress.add_recalled(1, duration_ms=5)
        progress.note("waiting")
        progress.add_finished(False)
    progress.close()
    progress.refresh()
    assert [(s.done, s.failed, s.note, s.closed) for s in seen] == [
        (0, 0, "", False),
        (1, 0, "", False),
        (1, 0, "waiting", False),
        (2, 1, "waiting", False),
        (2, 1, "waiting", True),
    ]
    assert seen[-1].stopped


def test_progress_display_by_argument(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert isinstance(progress_for(False), SilentProgress)
    assert isinstance(progress_for(print), CallbackProgress)
    assert isinstance(progress_for(None), LogProgress)
    assert isinstance(progress_for(True), LogProgress)
    monkeypatch.setattr("sys.stderr", None)
    assert isinstance(progress_for(None), SilentProgress)
    with pytest.raises(TypeError, match="function that takes a Snapshot; found 'bar'"):
        progress_for("bar")


def test_a_terminal_is_recognised(monkeypatch):
    controller, terminal = os.openpty()
    with os.fdopen(terminal, "w") as stderr, os.fdopen(controller):
        monkeypatch.setattr("sys.stderr", stderr)
        assert isinstance(progress_for(None), TerminalProgress)


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("total", [None, 0, 3])
def test_the_bar_of_a_notebook(total, closed):
    bar = module._Bar(Snapshot(total=total, closed=closed, note="<script>alert('&')</script>"))
    assert "<script>" not in bar._repr_html_()
    assert ("&lt;script&gt;alert(&#39;&amp;&#39;)" in bar._repr_html_()) == (not closed)
    expected = {None: "<progress></progress>", 0: '<progress value="0" max="1">', 3: '<progress value="0" max="3">'}
    assert (expected[total] in bar._repr_html_()) == (total is not None or not closed)
    assert ("<script>" in repr(bar)) == (not closed)


def test_a_silent_display_takes_everything(capsys):
    with Progress(SilentProgress()) as progress:
        progress.set_total(1)
        progress.add_finished(True)
    assert capsys.readouterr() == ("", "")


def test_every_phase_of_a_run_is_shown(service, tiny_wav, tmp_path):
    path = tiny_wav(tmp_path / "long.wav", seconds=300)  # 9.6 MB, in many blocks
    seen = []
    sx.transcribe(path, progress=seen.append, journal=tmp_path / "journal.sqlite")
    phases = list(dict.fromkeys(snapshot.phases.partition(" ")[0] for snapshot in seen if snapshot.phases))
    assert phases == ["checking", "uploading", "waiting", "fetching"]
    worked = [snapshot.worked for snapshot in seen]
    assert worked == sorted(worked), "the bar never goes back"
    assert len({value for value in worked if 0 < value < 0.5}) >= 3, "the bar moves while one file is uploaded"
    assert (seen[-1].phases, seen[-1].worked) == ("", 1)


def test_failed_recordings_leave_their_phase(service, tiny_wav, tmp_path):
    for number in range(4):
        tiny_wav(tmp_path / "calls" / f"{number}.wav", seed=number)
    service.faults.rate("stuck", 0.5)
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sx.transcribe(tmp_path / "calls", progress=seen.append, journal=tmp_path / "journal.sqlite", timeout_s=1.0)
    assert seen[-1].done == 4
    assert seen[-1].phases == ""
    assert all(min(s.checking, s.uploading, s.waiting, s.fetching) >= 0 for s in seen)


def test_one_cost_figure_everywhere(service, tiny_wav, tmp_path):
    """Progress, repr and report write the estimated price alike: 180 s at $0.10 an hour are half a cent."""
    for number in range(3):
        tiny_wav(tmp_path / "calls" / f"{number}.wav", seconds=60, seed=number)
    seen = []
    corpus = sx.transcribe(tmp_path / "calls", progress=seen.append, journal=tmp_path / "journal.sqlite")
    assert "about $0.005" in seen[-1].line
    assert "about $0.005" in repr(corpus)
    page = sx.report(corpus, path=tmp_path / "page.html").read_text(encoding="utf-8")
    assert "about $0.005" in page
